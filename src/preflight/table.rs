//! The table for people: the instances, then what to do for each, with commands to paste.

use std::io::{self, Write};

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use super::{Answer, Counted, Instance, Preflight, Volume, Wait};
use crate::problem::grouped;
use crate::report::escape::terminal;
use crate::shell::quote;

/// A column: its title, how it is aligned, and what of an instance it holds.
type Column = (&'static str, CellAlignment, fn(&Instance) -> String);

const COLUMNS: &[Column] = &[
    ("INSTANCE", CellAlignment::Left, |row| terminal(&row.member.id.instance)),
    ("ENGINE", CellAlignment::Left, |row| terminal(&row.engine)),
    ("ANSWER", CellAlignment::Left, |row| row.steps.answer.title().to_owned()),
    ("LOG", CellAlignment::Left, |row| row.steps.log.unwrap_or("-").to_owned()),
    ("RESTART", CellAlignment::Left, |row| if row.steps.restart { "instance" } else { "none" }.to_owned()),
    ("SESSIONS/D", CellAlignment::Right, |row| row.steps.volume.as_ref().map_or_else(dash, sessions)),
    ("BYTES/D", CellAlignment::Right, |row| row.steps.volume.as_ref().map_or_else(dash, size)),
    ("READY", CellAlignment::Right, |row| {
        let wait = row.steps.wait.filter(|_| row.steps.answer == Answer::SwitchOn);
        wait.map_or_else(dash, |wait| format!("{} h", wait.hours))
    }),
];

fn dash() -> String {
    "-".to_owned()
}

fn sessions(volume: &Volume) -> String {
    match (volume.sessions_a_day, volume.counted_by) {
        (Some(count), Some(Counted::MetricAtLeast)) => format!("{count} or more"),
        (Some(count), _) => count.to_string(),
        (None, _) => "unknown".to_owned(),
    }
}

fn size(volume: &Volume) -> String {
    match (volume.bytes_a_session, volume.bytes_a_day) {
        (None, _) => "statements".to_owned(),
        // A little is not nothing.
        (_, Some(bytes)) if bytes < 1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        (_, Some(bytes)) => format!("{:.1} MB", bytes as f64 / 1e6),
        (_, None) => "unknown".to_owned(),
    }
}

pub(super) fn write(all: &Preflight, width: u16, out: &mut dyn Write) -> io::Result<()> {
    let counts: Vec<_> = all.summary.iter().map(|(answer, count)| format!("{count} {}", answer.title())).collect();
    writeln!(out, "{} instances: {}.", all.instances.len(), counts.join(", "))?;
    if !all.instances.is_empty() {
        writeln!(out)?;
        for line in table(all, width).lines() {
            writeln!(out, "{}", line.trim_end())?;
        }
        writeln!(out)?;
    }
    for row in &all.instances {
        instance(row, out)?;
    }
    if !all.errors.is_empty() {
        writeln!(out, "\nNot read:")?;
    }
    for brief in grouped(&all.errors) {
        writeln!(out, "  {}", terminal(&brief.to_string()))?;
    }
    Ok(())
}

fn instance(row: &Instance, out: &mut dyn Write) -> io::Result<()> {
    let steps = &row.steps;
    writeln!(out, "{}: {}: {}", terminal(&row.member.id.instance), steps.answer.title(), terminal(&steps.why))?;
    let cost = steps.volume.as_ref().and_then(|volume| volume.dollars_a_day).filter(|dollars| *dollars > 0.0);
    let cost = cost.map(|dollars| format!("CloudWatch Logs takes in ${dollars:.4} a day, and more in some regions"));
    let wait = steps.wait.as_ref().map(when);
    for note in wait.iter().chain(&cost).chain(&steps.notes) {
        writeln!(out, "  {}", terminal(note))?;
    }
    for (title, commands) in [("run", &steps.commands), ("afterwards, to have all as it was", &steps.undo)] {
        if !commands.is_empty() {
            writeln!(out, "  {title}:")?;
        }
        for command in commands {
            writeln!(out, "    {}", line(command))?;
        }
    }
    Ok(())
}

/// A command as it is pasted. What moves the cursor cannot be shown, and is no part of any name in AWS.
fn line(command: &[String]) -> String {
    command.iter().map(|word| quote(&terminal(word))).collect::<Vec<_>>().join(" ")
}

fn when(wait: &Wait) -> String {
    let earliest = format!("an answer takes {} h of logs at the least, better a full cycle of your jobs", wait.hours);
    match (wait.kept_hours, wait.collect_every_hours) {
        (Some(kept), Some(every)) => {
            format!("{earliest}; files are kept for {kept} h, so run `ssl-usage collect` every {every} h until then")
        }
        _ => earliest,
    }
}

fn table(all: &Preflight, width: u16) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_width(width);
    table.set_header(COLUMNS.iter().map(|(title, ..)| *title));
    for row in &all.instances {
        table.add_row(COLUMNS.iter().map(|(_, _, cell)| cell(row)));
    }
    for (column, (_, alignment, _)) in table.column_iter_mut().zip(COLUMNS) {
        column.set_cell_alignment(*alignment);
        column.set_padding((0, 2));
    }
    table
}
