//! The table for people: a line for each client, the most urgent first.

use std::io::{self, Write};

use comfy_table::{CellAlignment, Table, presets};
use jiff::Timestamp;

use super::{Client, Clients, Task};
use crate::report::escape::terminal;
use crate::report::lines::{next_steps, paragraph, problems};
use crate::text::plural;

/// A column: its title, and what of a client it holds.
type Column = (&'static str, fn(&Client) -> String);

const COLUMNS: &[Column] = &[
    ("INSTANCE", |row| terminal(&row.id.instance)),
    ("ADDRESS", |row| name(&row.seen.address)),
    ("USER", |row| name(&row.seen.user)),
    ("DATABASE", |row| name(&row.seen.database)),
    ("APPLICATION", |row| name(&row.seen.application)),
    ("TLS", versions),
    ("SESSIONS", |row| row.sessions().to_string()),
    ("FIRST SEEN", |row| time(row.seen.first_seen)),
    ("LAST SEEN", |row| time(row.seen.last_seen)),
    ("WHAT TO DO", |row| {
        let tasks: Vec<_> =
            row.tasks.iter().filter(|task| **task != Task::OldProtocol).map(|task| task.text()).collect();
        tasks.join("; ")
    }),
];

fn name(name: &Option<String>) -> String {
    name.as_deref().map_or_else(|| "-".to_owned(), terminal)
}

/// The TLS versions, old ones marked; what has sessions without TLS too says so.
fn versions(row: &Client) -> String {
    let mark = |version: &String| {
        let old = if row.old_protocols.contains(version) { " (old!)" } else { "" };
        format!("{}{old}", terminal(version))
    };
    match (row.seen.sessions.tls, row.seen.tls_versions.is_empty()) {
        (0, _) if row.seen.sessions.unknown > 0 => "?".to_owned(),
        (0, _) => "-".to_owned(),
        (_, true) => "yes".to_owned(),
        _ => row.seen.tls_versions.keys().map(mark).collect::<Vec<_>>().join(", "),
    }
}

fn time(time: Option<Timestamp>) -> String {
    time.map_or_else(|| "-".to_owned(), |time| time.strftime("%Y-%m-%d %H:%M").to_string())
}

pub(super) fn write(list: &Clients, width: u16, again: &[String], out: &mut dyn Write) -> io::Result<()> {
    let minute = |time: Timestamp| time.strftime("%Y-%m-%d %H:%M");
    paragraph(out, width, 0, &headline(list))?;
    writeln!(out, "Window {} to {} UTC", minute(list.window.from), minute(list.window.to))?;
    if !list.clients.is_empty() {
        writeln!(out)?;
        for line in table(list).lines() {
            writeln!(out, "{}", line.trim_end())?;
        }
    }
    if !list.may_hide.is_empty() {
        writeln!(out)?;
        paragraph(out, width, 0, "The logs of these instances may not show all clients that use TLS:")?;
    }
    for row in &list.may_hide {
        paragraph(out, width, 2, &format!("{}: {}", row.id.instance, row.why))?;
    }
    problems(out, width, &list.errors)?;
    next_steps(out, again, &[("Plan the rotation".to_owned(), "plan", "--format sh")])
}

/// How many clients have something to do, most urgent first.
fn headline(list: &Clients) -> String {
    let with = |task: Task| list.clients.iter().filter(|client| client.tasks.contains(&task)).count();
    let tasks = [
        (Task::AcceptCertificate, "rejected the certificate"),
        (Task::UpdateTrustStore, "must update the trust store"),
        (Task::FindOut, "unknown"),
        (Task::BreaksUnderEnforcement, "without TLS"),
        (Task::OldProtocol, "with an old protocol"),
        (Task::KeepTrustStore, "with TLS and no change"),
    ];
    let counts: Vec<_> = tasks.iter().map(|(task, what)| (with(*task), what)).filter(|(count, _)| *count > 0).collect();
    let counts: Vec<_> = counts.iter().map(|(count, what)| format!("{count} {what}")).collect();
    let all = plural(list.clients.len(), "client");
    if counts.is_empty() { all } else { format!("{all}: {}", counts.join(", ")) }
}

/// Names are never broken, so that they can be searched for: lines are as long as names need.
fn table(list: &Clients) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(COLUMNS.iter().map(|(title, _)| *title));
    for row in &list.clients {
        table.add_row(COLUMNS.iter().map(|(_, cell)| cell(row)));
    }
    for (column, (title, _)) in table.column_iter_mut().zip(COLUMNS) {
        column.set_padding((0, 2));
        if *title == "SESSIONS" {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}
