//! The table for people: what each server presents, then what to do about those that differ or failed.

use std::io::{self, Write};

use comfy_table::{Table, presets};

use super::{Probe, Server};
use crate::handshake::Outcome;
use crate::inventory::CertificateFacts;
use crate::report::escape::terminal;
use crate::report::lines::{next_steps, paragraph, problems};
use crate::text::plural;
use crate::verdict::ReasonCode;

/// A column: its title, and what of a server it holds.
type Column = (&'static str, fn(&Server) -> String);

const COLUMNS: &[Column] = &[
    ("INSTANCE", |server| server.id.instance.clone()),
    ("ENDPOINT", |server| server.probed.endpoint.kind.name().to_owned()),
    ("ADDRESS", |server| server.probed.address.clone().unwrap_or_else(|| "-".to_owned())),
    ("RESULT", result),
    ("VALID UNTIL", |server| first(server, |of| of.valid_till.strftime("%Y-%m-%d").to_string())),
    ("TLS", |server| server.probed.outcome.presented().map_or_else(|| "-".to_owned(), |of| of.tls_version.clone())),
];

/// A fact of the server's certificate.
fn first(server: &Server, fact: impl Fn(&CertificateFacts) -> String) -> String {
    let certificate = server.probed.outcome.presented().and_then(|presented| presented.chain.first());
    certificate.map_or_else(|| "-".to_owned(), fact)
}

fn result(server: &Server) -> String {
    let code = server.finding.as_ref().map(|finding| finding.code);
    match (&server.probed.outcome, code) {
        (Outcome::Failure(failure), _) => failure.code().to_owned(),
        (Outcome::Presented(_), Some(ReasonCode::CertificateServed)) => "as listed".to_owned(),
        (Outcome::Presented(_), Some(code)) => code.to_string(),
        (Outcome::Presented(_), None) => "presented".to_owned(),
    }
}

pub(super) fn write(probe: &Probe, width: u16, again: &[String], out: &mut dyn Write) -> io::Result<()> {
    let of = &probe.summary;
    let servers = plural(probe.servers.len(), "server");
    let summary = format!(
        "{servers}: {} as AWS lists, {} not as listed, {} not compared, {} failed; {} not probed",
        of.as_listed,
        of.not_as_listed,
        of.not_compared,
        of.failed,
        plural(of.not_probed, "instance")
    );
    paragraph(out, width, 0, &summary)?;
    if !probe.servers.is_empty() {
        writeln!(out)?;
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_header(COLUMNS.iter().map(|(title, _)| *title));
        for server in &probe.servers {
            table.add_row(COLUMNS.iter().map(|(_, cell)| terminal(&cell(server))));
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        table.lines().try_for_each(|line| writeln!(out, "{}", line.trim_end()))?;
    }
    let not_listed = probe.servers.iter().filter_map(|server| {
        let (instance, finding) = (&server.id.instance, server.finding.as_ref()?);
        (finding.code != ReasonCode::CertificateServed).then(|| format!("{instance}: {}", finding.text))
    });
    let failed = probe.servers.iter().filter_map(|server| match &server.probed.outcome {
        Outcome::Failure(failure) => {
            let endpoint = &server.probed.endpoint;
            let where_to = server.probed.address.as_ref().map_or_else(String::new, |address| format!(" ({address})"));
            let (instance, host, port) = (&server.id.instance, &endpoint.host, endpoint.port);
            Some(format!("{instance}: {host}:{port}{where_to}: {failure}"))
        }
        Outcome::Presented(_) => None,
    });
    let not_probed = probe.not_probed.iter().map(|of| format!("{}: {}", of.id.instance, of.why));
    section(out, width, "Not as AWS lists", not_listed)?;
    section(out, width, "No certificate was presented, which does not mean \"no TLS\"", failed)?;
    section(out, width, "Not probed", not_probed)?;
    problems(out, width, &probe.errors)?;
    next_steps(out, again, &[("Report verdicts with these certificates".to_owned(), "analyze", "")])
}

fn section(out: &mut dyn Write, width: u16, title: &str, lines: impl Iterator<Item = String>) -> io::Result<()> {
    let mut lines = lines.peekable();
    if lines.peek().is_some() {
        writeln!(out, "\n{title}:")?;
    }
    lines.try_for_each(|line| paragraph(out, width, 2, &line))
}
