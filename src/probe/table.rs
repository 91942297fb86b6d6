//! The table for people: what each server presents and who is connected, then what to do about those that differ or failed.

use std::collections::BTreeSet;
use std::io::{self, Write};

use comfy_table::{Table, presets};
use jiff::SignedDuration;
use unicode_width::UnicodeWidthStr;

use super::{InstanceSessions, Probe, Server, sessions_table};
use crate::handshake::Outcome;
use crate::inventory::{CertificateFacts, EndpointKind};
use crate::report::escape::terminal;
use crate::report::lines::{Step, next_steps, paragraph, problems};
use crate::shell::quote;
use crate::text::one_line;
use crate::verdict::ReasonCode;

/// Age from which the inventory may not show a rotation that was made just now.
const OLD: SignedDuration = SignedDuration::from_hours(1);
/// Least columns that names are shortened to.
const LEAST: usize = 12;

/// A column: its title, and what of a server it holds.
type Column = (&'static str, fn(&Server) -> String);

const COLUMNS: [Column; 6] = [
    ("NAME", |server| name(server).to_owned()),
    ("ENDPOINT", |server| server.probed.endpoint.kind.name().to_owned()),
    ("ADDRESS", |server| server.probed.address.clone().unwrap_or_else(|| "-".to_owned())),
    ("RESULT", |server| result(server).to_owned()),
    ("VALID UNTIL", |server| first(server, |of| of.valid_till.strftime("%Y-%m-%d").to_string())),
    ("CA", |server| first(server, |of| short(&of.issuer).to_owned())),
];

/// The instance, or the cluster to which the endpoint belongs.
fn name(server: &Server) -> &str {
    let cluster = server.member.cluster.as_deref().filter(|_| server.probed.endpoint.kind != EndpointKind::Instance);
    cluster.unwrap_or(&server.member.id.instance)
}

/// A fact of the server's certificate.
fn first(server: &Server, fact: impl Fn(&CertificateFacts) -> String) -> String {
    let certificate = server.probed.outcome.presented().and_then(|presented| presented.chain.first());
    certificate.map_or_else(|| "-".to_owned(), fact)
}

/// The name of a CA, without what all CAs of RDS in a region have in theirs: `Subordinate CA RSA2048 G1.A.5`.
fn short(issuer: &str) -> &str {
    let name = issuer.split(", ").find_map(|part| part.strip_prefix("CN=")).unwrap_or(issuer);
    let own = name.strip_prefix("Amazon RDS ").and_then(|rest| rest.split_once(' '));
    own.map_or(name, |(_, own)| own)
}

fn result(server: &Server) -> &'static str {
    match (&server.probed.outcome, server.finding.as_ref().map(|finding| finding.code)) {
        (Outcome::Failure(failure), _) => failure.code(),
        (Outcome::Presented(_), Some(ReasonCode::CertificateServed)) => "as listed",
        (Outcome::Presented(_), Some(ReasonCode::StagedNotServed)) => "older",
        (Outcome::Presented(_), Some(ReasonCode::ExpiredCertificateServed)) => "expired",
        (Outcome::Presented(_), Some(_)) => "differs",
        (Outcome::Presented(_), None) => "not compared",
    }
}

pub(super) fn write(probe: &Probe, width: u16, again: &[String], out: &mut dyn Write) -> io::Result<()> {
    // An endpoint of a cluster is probed once, and stands for each member.
    let mut seen = BTreeSet::new();
    let endpoint = |server: &Server| (server.probed.endpoint.clone(), server.probed.address.clone());
    let servers = probe.servers.iter().filter(|server| seen.insert((name(server), endpoint(server))));
    let servers: Vec<&Server> = servers.collect();
    if !servers.is_empty() || probe.sessions.is_empty() {
        summary(probe, &servers, width, again, out)?;
    }
    if !servers.is_empty() {
        writeln!(out)?;
        table(&servers, width).iter().try_for_each(|line| writeln!(out, "{line}"))?;
    }
    sessions_table::write(&probe.sessions, (width, !servers.is_empty()), out)?;
    let due = || servers.iter().filter(|server| server.is_not_as_listed());
    let attention = due().filter_map(|server| Some(format!("{}: {}", name(server), server.finding.as_ref()?.text)));
    section(out, width, "Needs attention", attention)?;
    let failed = servers.iter().filter_map(|server| failure(server));
    section(out, width, "No certificate (this is no evidence about clients)", failed)?;
    let has_certificates = servers.iter().any(|server| server.probed.outcome.presented().is_some());
    let has_sessions = probe.sessions.iter().any(|of| of.samples > 0);
    let has_asked = !servers.is_empty() || !probe.sessions.is_empty();
    if has_asked && !has_certificates && !has_sessions {
        let is_network = |of: &InstanceSessions| {
            of.failure.as_ref().is_some_and(|failure| ["no-connection", "timed-out"].contains(&failure.code))
        };
        let hint = match probe.sessions.iter().all(is_network) {
            true => {
                "No server could be probed. If the network is the reason, run this command in the VPC, or check security groups and routes."
            }
            false => "No sessions were listed. Correct the causes above, and run the command again.",
        };
        writeln!(out)?;
        paragraph(out, width, 0, hint)?;
    }
    let not_probed = probe.not_probed.iter().map(|of| format!("{}: {}", of.member.id.instance, of.why));
    section(out, width, "Not probed", not_probed)?;
    problems(out, width, &probe.errors)?;
    let plan = "Print the commands, review and run them, and probe again".to_owned();
    if has_sessions
        && !probe.is_kept
        && let Some(bundle) = again.get(1)
    {
        // The window of a report ends with the last collection.
        let collect = format!("ssl-usage collect -o {}", quote(&terminal(bundle)));
        writeln!(out, "\nCollect the logs up to now, so that a report includes all samples:\n  {collect}")?;
    }
    let steps: [(bool, Step); 3] = [
        (due().next().is_some(), (plan, "plan", "--format sh")),
        (has_certificates, ("Report verdicts with these results".to_owned(), "analyze", "")),
        (has_sessions && !has_certificates, ("Report verdicts with these sessions".to_owned(), "analyze", "")),
    ];
    let steps: Vec<Step> = steps.into_iter().filter(|(is_of_use, _)| *is_of_use).map(|(_, step)| step).collect();
    next_steps(out, again, &steps)
}

/// How many addresses gave each result, and with what they are compared.
fn summary(probe: &Probe, servers: &[&Server], width: u16, again: &[String], out: &mut dyn Write) -> io::Result<()> {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for server in servers {
        let result = result(server);
        match counts.iter_mut().find(|(known, _)| *known == result) {
            Some((_, count)) => *count += 1,
            None => counts.push((result, 1)),
        }
    }
    let counts: Vec<_> = counts.iter().map(|(result, count)| format!("{count} {result}")).collect();
    let separator = if counts.is_empty() { "" } else { ": " };
    let addresses = if servers.len() == 1 { "address" } else { "addresses" };
    paragraph(out, width, 0, &format!("{} {addresses}{separator}{}", servers.len(), counts.join(", ")))?;
    let Some(listed_at) = probe.listed_at else { return Ok(()) };
    let at = listed_at.strftime("%Y-%m-%d %H:%M UTC");
    paragraph(out, width, 0, &format!("Compared with the certificates that AWS listed at {at}"))?;
    if probe.is_kept && probe.probed_at.duration_since(listed_at) > OLD {
        let bundle = again.get(1).map_or("BUNDLE", String::as_str);
        let note = format!("If you rotated since then, read the list again: use --bundle {bundle} instead of --from.");
        paragraph(out, width, 0, &note)?;
    }
    Ok(())
}

/// Why a server presented no certificate, in a sentence; none if it presented one.
fn failure(server: &Server) -> Option<String> {
    let Outcome::Failure(failure) = &server.probed.outcome else { return None };
    let endpoint = &server.probed.endpoint;
    let address = server.probed.address.as_ref().map_or_else(String::new, |address| format!(" ({address})"));
    let status = match server.status.as_str() {
        "available" => String::new(),
        status => format!(". The instance is {status}"),
    };
    Some(format!("{}: {}:{}{address}: {failure}{status}", name(server), endpoint.host, endpoint.port))
}

/// The rows. Where they do not fit, names are shortened, and then the CA is left out.
fn table(servers: &[&Server], width: u16) -> Vec<String> {
    let lines = |columns: &[Column], longest: usize| -> Vec<String> {
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_header(columns.iter().map(|(title, _)| *title));
        for server in servers {
            let cell = |(title, cell): &Column| {
                let text = terminal(&cell(server));
                if *title == "NAME" { one_line(&text, longest) } else { text }
            };
            table.add_row(columns.iter().map(cell));
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        table.lines().map(|line| line.trim_end().to_owned()).collect()
    };
    let longest = servers.iter().map(|server| name(server).width()).max().unwrap_or(0);
    let over =
        |lines: &[String]| lines.iter().map(|line| line.width()).max().unwrap_or(0).saturating_sub(usize::from(width));
    let whole = lines(&COLUMNS, longest);
    let excess = over(&whole);
    if excess == 0 {
        return whole;
    }
    let shortened = lines(&COLUMNS, longest.saturating_sub(excess).max(LEAST));
    if over(&shortened) == 0 {
        return shortened;
    }
    let [columns @ .., _] = &COLUMNS;
    let without = lines(columns, longest);
    let excess = over(&without);
    lines(columns, longest.saturating_sub(excess).max(LEAST))
}

pub(super) fn section(
    out: &mut dyn Write,
    width: u16,
    title: &str,
    lines: impl Iterator<Item = String>,
) -> io::Result<()> {
    let mut lines = lines.peekable();
    if lines.peek().is_some() {
        writeln!(out, "\n{title}:")?;
    }
    lines.try_for_each(|line| paragraph(out, width, 2, &line))
}
