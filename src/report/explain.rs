//! The whole reasoning about an instance, for a person who wants to know why.

use std::collections::BTreeMap;
use std::io::{self, Write};

use jiff::{SignedDuration, Timestamp};

use super::Report;
use super::escape::terminal;
use super::model::{Client, Connections, Coverage, Instance, Shares};
use super::table::{days_left, evidence, verdict};
use crate::shell::command;
use crate::verdict::{Reason, split_query};

/// Prints what there is to say of some instances.
///
/// # Errors
///
/// When `out` cannot be written.
pub fn explain(report: &Report, meant: &[&Instance], out: &mut dyn Write) -> io::Result<()> {
    for (index, row) in meant.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        instance(report, row, out)?;
    }
    Ok(())
}

fn instance(report: &Report, row: &Instance, out: &mut dyn Write) -> io::Result<()> {
    let unproven = if row.unproven { " (unproven: nobody can tell)" } else { "" };
    writeln!(out, "{}: {}{unproven}", terminal(&row.id().instance), verdict(row))?;
    writeln!(out, "  {}", terminal(&row.id().arn))?;
    writeln!(out, "  {}", terminal(&format!("{} {}", row.engine, row.engine_version)))?;
    if let Some(cluster) = row.cluster() {
        writeln!(out, "  member of the cluster {}", terminal(cluster))?;
    }
    writeln!(out, "  usage {}, a rotation restarts: {}, enforcing TLS: {}", row.usage, row.restart, row.enforcement)?;
    if let (Some(act_by), Some(days)) = (row.act_by, days_left(report, row)) {
        writeln!(out, "  act by {act_by}, in {days} days")?;
    }
    section(out, "Why", row.reasons.iter().flat_map(why))?;
    section(out, "Certificate", certificate(row))?;
    section(out, "Seen of the window", coverage(&row.coverage))?;
    section(out, "Connections", connections(&row.connections))?;
    section(out, "Clients", row.connections.clients.iter().map(client))?;
    section(out, "Not examined", row.not_examined.iter().map(|what| (*what).to_owned()))?;
    section(out, "Commands", row.commands.iter().map(command))?;
    let window = &report.window;
    writeln!(out, "\n  Window {} to {}, ssl-usage {}", window.from, window.to, report.tool_version)?;
    writeln!(out, "  {}", evidence(report))
}

/// The lines of a reason: its code and text, and the query that it ends with.
fn why(reason: &Reason) -> impl Iterator<Item = String> {
    let (text, query) = split_query(&reason.text);
    [format!("{}: {text}", reason.code)].into_iter().chain(query.map(|query| format!("  {query}")))
}

fn section(out: &mut dyn Write, title: &str, lines: impl IntoIterator<Item = String>) -> io::Result<()> {
    writeln!(out, "\n  {title}:")?;
    let mut none = true;
    for line in lines {
        none = false;
        writeln!(out, "    {}", terminal(&line))?;
    }
    if none { writeln!(out, "    none") } else { Ok(()) }
}

fn certificate(row: &Instance) -> [String; 2] {
    let certificate = &row.certificate;
    let end = |time: Option<Timestamp>| time.map_or("not known".to_owned(), |time| time.to_string());
    let name = |name: &Option<String>| name.clone().unwrap_or("not known".to_owned());
    [
        format!(
            "of {}; it ends: {}, its authority: {}",
            name(&certificate.ca),
            end(certificate.valid_till),
            end(certificate.ca_valid_till)
        ),
        format!("the next one is of {}; what changes: {}", name(&certificate.target_ca), certificate.change),
    ]
}

fn coverage(coverage: &Coverage) -> Vec<String> {
    let Coverage { share, files, files_failed, files_mute, bytes, unparsed, .. } = coverage;
    let mut lines = vec![format!(
        "{:.2} %: {files} files ({files_failed} with something missing, {files_mute} without a session), {bytes} bytes, {unparsed} records not understood",
        (share * 10_000.0).floor() / 100.0
    )];
    if let Some(asked) = coverage.asked {
        lines.push(format!("could be seen: {} to {}", asked.from, asked.to));
    }
    lines.extend(coverage.log_line_prefix.iter().map(|prefix| format!("log_line_prefix: `{prefix}`")));
    let longest = SignedDuration::from_secs(coverage.longest_gap_seconds);
    if !coverage.gaps.is_empty() {
        lines.push(format!("{} gaps, the longest of {longest:#}:", coverage.gaps.len()));
    }
    lines.extend(coverage.gaps.iter().map(|gap| format!("{} to {}: {}", gap.span.from, gap.span.to, gap.cause)));
    lines
}

fn connections(seen: &Connections) -> Vec<String> {
    let mut lines = vec![
        format!("clients: {}", shares(&seen.clients_sessions)),
        format!("AWS's own: {}", shares(&seen.system)),
        format!("{} arrived, {} refused, {} ended", seen.received, seen.rejected, seen.disconnected),
    ];
    let counted = [
        ("TLS versions", &seen.tls_versions),
        ("ciphers", &seen.ciphers),
        ("handshakes that failed", &seen.handshake_failed),
        ("certificate not accepted by", &seen.certificate_rejected_by),
    ];
    lines.extend(
        counted.iter().filter(|(_, counts)| !counts.is_empty()).map(|(of, counts)| format!("{of}: {}", named(counts))),
    );
    lines
}

fn named(counts: &BTreeMap<String, u64>) -> String {
    counts.iter().map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>().join(", ")
}

fn shares(shares: &Shares) -> String {
    let Shares { tls, plaintext, local, unknown, gss } = shares;
    format!("{tls} TLS, {plaintext} plaintext, {local} local, {unknown} unknown, {gss} GSSAPI")
}

fn client(client: &Client) -> String {
    let Client { user, database, address, application, .. } = client;
    let fields = [("user", user), ("database", database), ("address", address), ("application", application)];
    let given = fields.iter().filter_map(|(name, value)| Some(format!("{name} {}", value.as_deref()?)));
    let given = given.collect::<Vec<_>>().join(", ");
    let seen = match (client.first_seen, client.last_seen) {
        (Some(first), Some(last)) => format!("; {first} to {last}"),
        _ => String::new(),
    };
    format!("{given}: {}{seen}", shares(&client.sessions))
}
