//! The table for people: a summary, the instances by urgency, why, and what was not read.

use std::io::{self, Write};

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use super::escape::terminal;
use super::model::Instance;
use super::{Report, policy};

/// A column: its title, how it is aligned, and what of an instance it holds.
type Column = (&'static str, CellAlignment, fn(&Report, &Instance) -> String);

const COLUMNS: &[Column] = &[
    ("INSTANCE", CellAlignment::Left, |_, row| terminal(&row.instance)),
    ("ROTATION", CellAlignment::Left, |_, row| {
        if row.unproven { format!("{}?", row.rotation) } else { row.rotation.to_owned() }
    }),
    ("USAGE", CellAlignment::Left, |_, row| row.usage.to_owned()),
    ("RESTART", CellAlignment::Left, |_, row| row.restart.to_owned()),
    ("ACT BY", CellAlignment::Left, act_by),
    ("SEEN", CellAlignment::Right, |_, row| format!("{:.0} %", (row.coverage.share * 100.0).floor())),
    ("TLS", CellAlignment::Right, |_, row| row.connections.clients_sessions.tls.to_string()),
    ("PLAIN", CellAlignment::Right, |_, row| row.connections.clients_sessions.plaintext.to_string()),
];

fn act_by(report: &Report, row: &Instance) -> String {
    let Some(act_by) = row.act_by else { return "-".to_owned() };
    let days = report.generated_at.duration_until(act_by).as_hours().div_euclid(24);
    format!("{} ({days} d)", act_by.strftime("%Y-%m-%d"))
}

pub(super) fn write(report: &Report, width: u16, out: &mut dyn Write) -> io::Result<()> {
    let summary = &report.summary;
    let day = |time: jiff::Timestamp| time.strftime("%Y-%m-%d %H:%M");
    writeln!(
        out,
        "{} instances: {} required ({} unproven), {} deferrable{}, {} optional. Window {} to {} UTC.",
        summary.instances,
        summary.required,
        summary.unproven,
        summary.deferrable,
        if summary.attested == 0 { String::new() } else { format!(" ({} attested)", summary.attested) },
        summary.optional,
        day(report.window.from),
        day(report.window.to)
    )?;
    if !report.instances.is_empty() {
        writeln!(out)?;
        for line in table(report, width).lines() {
            writeln!(out, "{}", line.trim_end())?;
        }
        writeln!(out)?;
    }
    for row in &report.instances {
        let why = row.reasons.first().map_or("", |reason| reason.text.as_str());
        let unproven = if row.unproven { ", unproven" } else { "" };
        writeln!(out, "{}: {}{unproven}: {}", terminal(&row.instance), row.rotation, terminal(why))?;
    }
    writeln!(out)?;
    for line in policy::lines(report) {
        writeln!(out, "{}", terminal(&line))?;
    }
    if !report.errors.is_empty() {
        writeln!(out, "\nNot read:")?;
    }
    for error in &report.errors {
        writeln!(out, "  {}: {}", terminal(&error.subject), terminal(&error.message))?;
    }
    Ok(())
}

fn table(report: &Report, width: u16) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    table.set_header(COLUMNS.iter().map(|(title, ..)| *title));
    for row in &report.instances {
        table.add_row(COLUMNS.iter().map(|(_, _, cell)| cell(report, row)));
    }
    for (column, (_, alignment, _)) in table.column_iter_mut().zip(COLUMNS) {
        column.set_cell_alignment(*alignment);
        column.set_padding((0, 2));
    }
    table
}
