//! The table for people: the instances, then what to do for each, with commands to paste.

use std::io::{self, Write};

use comfy_table::{CellAlignment, Table, presets};
use unicode_width::UnicodeWidthStr;

use super::{Answer, Counted, Instance, Preflight, Volume, Wait};
use crate::report::escape::terminal;
use crate::report::lines::{next_steps, paragraph, problems};
use crate::shell::quote;
use crate::text::{bytes, plural};

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
    ("WAIT", CellAlignment::Right, |row| {
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
        (None, _) => "all statements".to_owned(),
        (_, Some(count)) => bytes(count),
        (_, None) => "unknown".to_owned(),
    }
}

pub(super) fn write(all: &Preflight, width: u16, again: &[String], out: &mut dyn Write) -> io::Result<()> {
    let counts: Vec<_> = all.summary.iter().map(|(answer, count)| format!("{count} {}", answer.title())).collect();
    let instances = plural(all.instances.len(), "instance");
    let separator = if counts.is_empty() { "" } else { ": " };
    paragraph(out, width, 0, &format!("{instances}{separator}{}", counts.join(", ")))?;
    if !all.instances.is_empty() {
        writeln!(out)?;
        for line in table(all, width) {
            writeln!(out, "{line}")?;
        }
        writeln!(out)?;
    }
    all.instances.iter().try_for_each(|row| instance(row, width, out))?;
    problems(out, width, &all.errors)?;
    let open = all.instances.iter().any(|row| row.steps.answer != Answer::Answered);
    let judge = ("Analyze the logs after the waiting time".to_owned(), "analyze", "");
    next_steps(out, again, if open { std::slice::from_ref(&judge) } else { &[] })
}

fn instance(row: &Instance, width: u16, out: &mut dyn Write) -> io::Result<()> {
    let steps = &row.steps;
    paragraph(out, width, 0, &format!("{}: {}: {}", row.member.id.instance, steps.answer.title(), steps.why))?;
    let cost = steps.volume.as_ref().and_then(|volume| volume.dollars_a_day).filter(|dollars| *dollars > 0.0);
    let cost = cost.map(|dollars| format!("CloudWatch Logs charges about ${dollars:.4} a day, more in some regions."));
    let wait = steps.wait.as_ref().map(when);
    for note in wait.iter().chain(&cost).chain(&steps.notes) {
        paragraph(out, width, 2, note)?;
    }
    for (title, commands) in [("Run", &steps.commands), ("To undo", &steps.undo)] {
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
    let earliest =
        format!("A verdict requires at least {} h of logs. A full cycle of your jobs is better.", wait.hours);
    match (wait.kept_hours, wait.collect_every_hours) {
        (Some(kept), Some(every)) => {
            format!("{earliest} RDS keeps the files for {kept} h: run `ssl-usage collect` every {every} h.")
        }
        _ => earliest,
    }
}

/// The lines of the table; one that is too wide for the terminal leaves the engines out. Names are never broken.
fn table(all: &Preflight, width: u16) -> Vec<String> {
    let lines = |columns: &[&Column]| -> Vec<String> {
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_header(columns.iter().map(|(title, ..)| *title));
        for row in &all.instances {
            table.add_row(columns.iter().map(|(_, _, cell)| cell(row)));
        }
        for (column, (_, alignment, _)) in table.column_iter_mut().zip(columns) {
            column.set_cell_alignment(*alignment);
            column.set_padding((0, 2));
        }
        table.lines().map(|line| line.trim_end().to_owned()).collect()
    };
    let whole = lines(&COLUMNS.iter().collect::<Vec<_>>());
    if whole.iter().all(|line| line.width() <= usize::from(width)) {
        return whole;
    }
    lines(&COLUMNS.iter().filter(|(title, ..)| *title != "ENGINE").collect::<Vec<_>>())
}
