//! The table for people: the instances, then what to do for each, with commands to paste.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use comfy_table::{CellAlignment, Table, presets};
use unicode_width::UnicodeWidthStr;

use super::{Answer, Counted, Instance, Preflight, ProbeStep, Steps, Volume, Wait};
use crate::report::escape::terminal;
use crate::report::lines::{paragraph, problems};
use crate::shell::{command as command_line, quote};
use crate::text::{bytes, plural};

/// A column: its title, how it is aligned, and what of an instance it holds.
type Column = (&'static str, CellAlignment, fn(&Instance) -> String);

const COLUMNS: &[Column] = &[
    ("INSTANCE", CellAlignment::Left, |row| terminal(&row.member.id.instance)),
    ("ENGINE", CellAlignment::Left, |row| terminal(&row.engine)),
    ("ANSWER", CellAlignment::Left, |row| row.steps.answer.title().to_owned()),
    ("LOG", CellAlignment::Left, |row| row.steps.log.unwrap_or("-").to_owned()),
    ("OUTAGE", CellAlignment::Left, |row| {
        if row.steps.commands.is_empty() { dash() } else { row.steps.interruption.title().to_owned() }
    }),
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
    let open: Vec<_> = all.instances.iter().filter(|row| row.steps.answer != Answer::Answered).collect();
    alike(&open).iter().try_for_each(|(names, row)| instance(names, row, width, out))?;
    problems(out, width, &all.errors)?;
    if open.is_empty() { Ok(()) } else { next(all, &open, again, out) }
}

/// How to collect the logs after the waiting time, and to analyze them; `again` are the options of the evidence.
fn next(all: &Preflight, open: &[&Instance], again: &[String], out: &mut dyn Write) -> io::Result<()> {
    let mut options = again.iter();
    let (mut bundles, mut filters, mut analyze) = (Vec::new(), Vec::new(), Vec::new());
    while let Some(option) = options.next() {
        let is_flag = ["--accept-unverified", "--organization"].contains(&option.as_str());
        let value = if is_flag { None } else { options.next() };
        let both = || std::iter::once(option).chain(value).cloned();
        match option.as_str() {
            // A time of today is over by then.
            "--now" => continue,
            "--from" => bundles.extend(value),
            "--instance" | "--engine" | "--tag" | "--account" => filters.extend(both()),
            // Credentials, of which the analysis needs none.
            "--profile" | "--role-arn" | "--role-name" | "--organization" => {
                filters.extend(both());
                continue;
            }
            _ => {}
        }
        analyze.extend(both());
    }
    let Some(bundle) = bundles.first() else { return Ok(()) };
    let regions: BTreeSet<&str> = open.iter().map(|row| row.member.id.region.as_str()).collect();
    let days = (all.window.length().as_hours() / 24).max(1).to_string();
    let mut collect = vec!["--days".to_owned(), days];
    collect.extend(regions.into_iter().flat_map(|region| ["--region".to_owned(), region.to_owned()]));
    collect.extend(filters);
    collect.extend(["-o".to_owned(), (*bundle).clone()]);
    let is_waiting = open.iter().any(|row| row.steps.answer == Answer::SwitchOn);
    let when = if is_waiting { " after the waiting time" } else { "" };
    writeln!(out, "\nNext:\n  Collect the logs{when}:")?;
    writeln!(out, "    ssl-usage collect {}", terminal(&command_line(collect)))?;
    writeln!(out, "  Then analyze them:\n    ssl-usage analyze {}", terminal(&command_line(analyze)))
}

/// Instances in the same account and region for which the table says the same: their names stand together.
fn alike<'a>(open: &[&'a Instance]) -> Vec<(Vec<&'a str>, &'a Instance)> {
    let mut groups: Vec<(Vec<&str>, &Instance)> = Vec::new();
    let mut group_of = BTreeMap::new();
    for row in open {
        let Instance { member, steps, .. } = row;
        let place = (&member.id.account, &member.id.region);
        let said = (steps.answer, &steps.why, cost(steps), steps.wait.as_ref().map(when), &steps.notes);
        let probe = steps.probe.as_ref().map(|probe| (&probe.shows, &probe.statements, &probe.rds_db_connect));
        let group = *group_of.entry((place, said, (&steps.commands, &steps.undo, probe))).or_insert_with(|| {
            groups.push((Vec::new(), *row));
            groups.len() - 1
        });
        if let Some((names, _)) = groups.get_mut(group) {
            names.push(&member.id.instance);
        }
    }
    groups
}

fn cost(steps: &Steps) -> Option<String> {
    let dollars = steps.volume.as_ref()?.dollars_a_day.filter(|dollars| *dollars > 0.0)?;
    let about = if dollars < 0.01 { "less than $0.01".to_owned() } else { format!("about ${dollars:.2}") };
    Some(format!("CloudWatch Logs charges {about} a day, more in some regions."))
}

fn instance(names: &[&str], row: &Instance, width: u16, out: &mut dyn Write) -> io::Result<()> {
    let steps = &row.steps;
    paragraph(out, width, 0, &format!("{}: {}: {}", names.join(", "), steps.answer.title(), steps.why))?;
    let wait = steps.wait.as_ref().map(when);
    for note in wait.iter().chain(&cost(steps)).chain(&steps.notes) {
        paragraph(out, width, 2, note)?;
    }
    let id = &row.member.id;
    for (title, commands) in [("Run", &steps.commands), ("To undo", &steps.undo)] {
        if !commands.is_empty() {
            writeln!(out, "  {title} (account {}, region {}):", terminal(&id.account), terminal(&id.region))?;
        }
        for command in commands {
            writeln!(out, "    {}", line(command))?;
        }
    }
    steps.probe.as_ref().map_or(Ok(()), |step| probe(names, step, width, out))
}

/// The probe, and what it needs. One command probes all instances that the table describes together.
fn probe(names: &[&str], step: &ProbeStep, width: u16, out: &mut dyn Write) -> io::Result<()> {
    paragraph(out, width, 2, &format!("Or list the open sessions now. {}", step.shows))?;
    let own = step.command.iter().position(|word| word == "--instance").unwrap_or(step.command.len());
    let (before, after) = step.command.split_at(own);
    let instances = names.iter().flat_map(|name| ["--instance".to_owned(), (*name).to_owned()]);
    let command: Vec<String> = before.iter().cloned().chain(instances).chain(after.iter().skip(2).cloned()).collect();
    writeln!(out, "    {}", line(&command))?;
    if !step.statements.is_empty() {
        writeln!(out, "  It needs this database user{}:", step.password)?;
        step.statements.iter().try_for_each(|statement| writeln!(out, "    {}", terminal(statement)))?;
    }
    if let Some(resource) = &step.rds_db_connect {
        writeln!(out, "  It needs the IAM permission rds-db:connect on:\n    {}", terminal(resource))?;
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
