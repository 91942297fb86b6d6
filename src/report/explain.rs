//! The full reasoning about an instance.

use std::collections::BTreeMap;
use std::io::{self, Write};

use jiff::{SignedDuration, Timestamp};

use super::Report;
use super::escape::terminal;
use super::lines::{filter, paragraph};
use super::model::{Certificate, Client, Connections, Coverage, Gap, Instance, Shares};
use super::sampled::Sampled;
use super::summary::{act_by, collected, enforcing, evidence, next_ca, no_commands, restarts, usage, verdict};
use crate::shell::command;
use crate::text::{bytes, plural};
use crate::verdict::Change;

/// Prints everything about these instances, in lines of at most `width` columns.
///
/// # Errors
///
/// When `out` cannot be written.
pub fn explain(report: &Report, rows: &[&Instance], width: u16, out: &mut dyn Write) -> io::Result<()> {
    for (index, row) in rows.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        instance(report, row, width, out)?;
    }
    Ok(())
}

fn instance(report: &Report, row: &Instance, width: u16, out: &mut dyn Write) -> io::Result<()> {
    let inconclusive = if row.unproven { " (inconclusive)" } else { "" };
    paragraph(out, width, 0, &format!("{}: {}{inconclusive}", row.id().instance, verdict(row)))?;
    for (name, value) in facts(report, row) {
        paragraph(out, width, 2, &format!("{name}: {value}"))?;
    }
    let mut section = |title: &str, lines: Vec<String>| section(out, width, title, &lines);
    section("Why", row.reasons.iter().map(|reason| format!("{}: {}", reason.code, reason.text)).collect())?;
    section("Log coverage", coverage(&row.coverage))?;
    section("Connections", connections(&row.connections))?;
    section("Clients", row.connections.clients.iter().map(client).collect())?;
    section("Not examined", row.not_examined.clone())?;
    writeln!(out, "\n  Commands:")?;
    for words in &row.commands {
        writeln!(out, "    {}", terminal(&command(words)))?;
    }
    if let Some(why) = no_commands(row) {
        paragraph(out, width, 4, &why)?;
    }
    let window = &report.window;
    writeln!(out, "\n  Window {} to {}, ssl-usage {}", window.from, window.to, report.tool_version)?;
    for line in filter(&report.filter).into_iter().chain(collected(report)).chain([evidence(report)]) {
        paragraph(out, width, 2, &line)?;
    }
    Ok(())
}

/// What the instance is, and what its verdict says.
pub(super) fn facts(report: &Report, row: &Instance) -> Vec<(&'static str, String)> {
    let next = |ca: &String| format!("{ca} ({})", change(&row.certificate));
    [
        ("ARN", Some(row.id().arn.clone())),
        ("Engine", Some(format!("{} {}", row.engine, row.engine_version))),
        ("Status", Some(row.status.clone())),
        ("Cluster", row.cluster().map(str::to_owned)),
        ("Role in the cluster", row.role.map(|role| role.name().to_owned())),
        ("TLS usage", Some(usage(row))),
        ("Rotation restarts", Some(restarts(row).to_owned())),
        ("Enforcing TLS", Some(enforcing(row))),
        ("Act by", act_by(report, row)),
        ("Certificate", Some(certificate(&row.certificate))),
        ("Presented", presented(&row.certificate)),
        ("Open sessions", row.sampled.as_ref().map(Sampled::in_words)),
        ("Next certificate", next_ca(row).map(next)),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some((name, value?)))
    .collect()
}

fn section(out: &mut dyn Write, width: u16, title: &str, lines: &[String]) -> io::Result<()> {
    writeln!(out, "\n  {title}:")?;
    if lines.is_empty() {
        writeln!(out, "    none")?;
    }
    lines.iter().try_for_each(|line| paragraph(out, width, 4, line))
}

fn certificate(certificate: &Certificate) -> String {
    let end = |time: Option<Timestamp>| match time {
        Some(time) => format!("ends {}", time.strftime("%Y-%m-%d")),
        None => "ends on an unknown date".to_owned(),
    };
    let ca = certificate.ca.as_deref().unwrap_or("of an unknown CA");
    format!("{ca}, {}; the CA {}", end(certificate.valid_till), end(certificate.ca_valid_till))
}

/// What servers presented, the first of them.
pub(super) fn presented(certificate: &Certificate) -> Option<String> {
    let first = certificate.served.first()?;
    let more = certificate.served.len() - 1;
    let more = if more == 0 { String::new() } else { format!(", and {} more", plural(more, "server")) };
    Some(format!(
        "serial {}, ends {}, issued by {}, {} ({} at {}){more}",
        first.certificate.serial,
        first.certificate.valid_till.strftime("%Y-%m-%d"),
        first.certificate.issuer,
        first.tls_version,
        first.address,
        first.at.strftime("%Y-%m-%d %H:%M UTC")
    ))
}

/// What a rotation changes.
pub(super) fn change(certificate: &Certificate) -> &'static str {
    if certificate.change == Change::Root { "a new CA" } else { "a new server certificate, the same CA" }
}

fn coverage(coverage: &Coverage) -> Vec<String> {
    let mut lines = vec![format!(
        "{:.2} % of the window: {} ({} incomplete, {} without a session), {}, {} not parsed",
        (coverage.share * 10_000.0).floor() / 100.0,
        plural(coverage.files, "log file"),
        coverage.files_failed,
        coverage.files_mute,
        bytes(coverage.bytes),
        plural(coverage.unparsed, "record")
    )];
    if let Some(asked) = coverage.asked {
        lines.push(format!("The window of this instance: {} to {}", asked.from, asked.to));
    }
    if let Some(judged) = coverage.judged {
        let share = (coverage.judged_share * 10_000.0).floor() / 100.0;
        lines.push(format!("The judged part: {} to {}, of which logs cover {share:.2} %", judged.from, judged.to));
    }
    lines.extend(coverage.log_line_prefix.iter().map(|prefix| format!("log_line_prefix: `{prefix}`")));
    let longest = SignedDuration::from_secs(coverage.longest_gap_seconds);
    if !coverage.gaps.is_empty() {
        let gaps = plural(coverage.gaps.len(), "gap");
        lines.push(format!("{gaps}, the longest {} h {} min:", longest.as_hours(), longest.as_mins() % 60));
    }
    let gap =
        |gap: &Gap| format!("{} to {}: {} ({})", gap.span.from, gap.span.to, gap.cause.in_words(), gap.cause.name());
    lines.extend(coverage.gaps.iter().map(gap));
    lines
}

fn connections(seen: &Connections) -> Vec<String> {
    let mut lines = vec![
        format!("Sessions of clients: {}", shares(&seen.clients_sessions)),
        format!("Sessions of AWS's own users: {}", shares(&seen.system)),
        format!(
            "{}, {} rejected, {}",
            plural(seen.received, "connection attempt"),
            seen.rejected,
            plural(seen.disconnected, "disconnect")
        ),
    ];
    let counted = [
        ("TLS versions", &seen.tls_versions),
        ("Ciphers", &seen.ciphers),
        ("Failed handshakes", &seen.handshake_failed),
        ("Certificate rejected by", &seen.certificate_rejected_by),
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
