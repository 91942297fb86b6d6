//! The table for people: a line a client, whom to ask first on top.

use std::io::{self, Write};

use comfy_table::{CellAlignment, Table, presets};
use jiff::Timestamp;

use super::{Client, Clients, Task};
use crate::problem::grouped;
use crate::report::escape::terminal;

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

pub(super) fn write(list: &Clients, out: &mut dyn Write) -> io::Result<()> {
    let day = |time: Timestamp| time.strftime("%Y-%m-%d %H:%M");
    let window = format!("Window {} to {} UTC.", day(list.window.from), day(list.window.to));
    writeln!(out, "{} clients. {window}", list.clients.len())?;
    if !list.clients.is_empty() {
        writeln!(out)?;
        for line in table(list).lines() {
            writeln!(out, "{}", line.trim_end())?;
        }
    }
    if !list.may_hide.is_empty() {
        writeln!(out, "\nClients with TLS may hide, for no log names all of them:")?;
    }
    for row in &list.may_hide {
        writeln!(out, "  {}: {}", terminal(&row.id.instance), terminal(&row.why))?;
    }
    if !list.errors.is_empty() {
        writeln!(out, "\nNot read:")?;
    }
    for brief in grouped(&list.errors) {
        writeln!(out, "  {}", terminal(&brief.to_string()))?;
    }
    Ok(())
}

/// Lines are as long as names are: a name that is broken in two can be neither read nor searched for.
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
