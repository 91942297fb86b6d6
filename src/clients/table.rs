//! The table for people: a line for each client, the most urgent first.

use std::io::{self, Write};

use comfy_table::{CellAlignment, Table, presets};
use jiff::Timestamp;
use unicode_width::UnicodeWidthStr;

use super::{Client, Clients, Task};
use crate::report::Layout;
use crate::report::escape::terminal;
use crate::report::lines::{next_steps, paragraph, problems, wrap};
use crate::text::plural;

/// Blanks between columns.
const GAP: usize = 2;
/// Least columns of text for what to do.
const LEAST: usize = 30;
/// Columns that are left out where the table is too wide, the first of them first.
const LEFT_OUT: &[&str] = &["FIRST SEEN", "LAST SEEN", "DATABASE", "APPLICATION", "SESSIONS"];

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

pub(super) fn write(list: &Clients, layout: &Layout, out: &mut dyn Write) -> io::Result<()> {
    let width = layout.width;
    let minute = |time: Timestamp| time.strftime("%Y-%m-%d %H:%M");
    paragraph(out, width, 0, &headline(list))?;
    writeln!(out, "Window {} to {} UTC", minute(list.window.from), minute(list.window.to))?;
    if !list.clients.is_empty() {
        writeln!(out)?;
        clients(list, layout, out)?;
    }
    if !list.may_hide.is_empty() {
        writeln!(out)?;
        paragraph(out, width, 0, "The logs of these instances may not show all clients that use TLS:")?;
    }
    for row in &list.may_hide {
        paragraph(out, width, 2, &format!("{}: {}", row.id.instance, row.why))?;
    }
    problems(out, width, &list.errors)?;
    next_steps(out, &layout.again, &[("Plan the rotation".to_owned(), "plan", "--format sh")])
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

/// The table. Names are never broken, so that they can be searched for. Where the table is too wide, columns are left out,
/// and what to do is wrapped.
fn clients(list: &Clients, layout: &Layout, out: &mut dyn Write) -> io::Result<()> {
    let (columns, left_out) = columns(list, layout);
    let widths: usize = columns.iter().rev().skip(1).map(|column| width_of(list, column)).sum();
    let room = if layout.wide { usize::MAX } else { usize::from(layout.width).saturating_sub(widths).max(LEAST) };
    for line in table(list, &columns, room).lines() {
        writeln!(out, "{}", line.trim_end())?;
    }
    if !left_out.is_empty() {
        let text = format!("Not shown in {} columns: {}. `--format csv` has all.", layout.width, left_out.join(", "));
        writeln!(out)?;
        paragraph(out, layout.width, 0, &text)?;
    }
    Ok(())
}

/// The columns that there is room for, and the titles of the others.
fn columns(list: &Clients, layout: &Layout) -> (Vec<&'static Column>, Vec<&'static str>) {
    let mut columns: Vec<_> = COLUMNS.iter().collect();
    let mut left_out = Vec::new();
    for title in LEFT_OUT {
        let needed: usize = columns.iter().rev().skip(1).map(|column| width_of(list, column)).sum();
        if layout.wide || needed + LEAST <= usize::from(layout.width) {
            break;
        }
        columns.retain(|column| column.0 != *title);
        left_out.push(*title);
    }
    (columns, left_out)
}

/// Columns of text that a column takes, with the gap behind it.
fn width_of(list: &Clients, (title, cell): &Column) -> usize {
    GAP + list.clients.iter().map(|row| cell(row).width()).fold(title.width(), usize::max)
}

/// The table of these columns, the last of which is wrapped at `room`.
fn table(list: &Clients, columns: &[&Column], room: usize) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(columns.iter().map(|(title, _)| *title));
    for row in &list.clients {
        let mut cells: Vec<_> = columns.iter().map(|(_, cell)| cell(row)).collect();
        if let Some(last) = cells.last_mut() {
            *last = wrap(last, room).join("\n");
        }
        table.add_row(cells);
    }
    for (column, (title, _)) in table.column_iter_mut().zip(columns) {
        column.set_padding((0, GAP as u16));
        if *title == "SESSIONS" {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}
