//! The table for people: a summary, then the instances by urgency, each with its verdict and why, and what was not read.

use std::io::{self, Write};

use console::Style;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::escape::terminal;
use super::model::Instance;
use super::{Layout, Report, policy};
use crate::problem::grouped;
use crate::verdict::Rotation;

/// Least columns that names are shortened to, and reasons.
const LEAST: usize = 24;

/// A column: its title, whether it is of numbers, and what of an instance it holds.
type Column = (&'static str, bool, fn(&Report, &Instance) -> String);

const VERDICT: Column = ("VERDICT", false, |_, row| verdict(row));
const NAME: Column = ("INSTANCE", false, |_, row| terminal(&row.id().instance));
const DAYS: Column =
    ("DAYS", true, |report, row| days_left(report, row).map_or("-".to_owned(), |days| days.to_string()));
const SEEN: Column = ("SEEN", true, |_, row| seen(row));

const NARROW: &[Column] = &[VERDICT, NAME, DAYS, SEEN, ("WHY", false, |_, row| terminal(in_brief(row)))];

const WIDE: &[Column] = &[
    VERDICT,
    NAME,
    DAYS,
    SEEN,
    ("ACT BY", false, |_, row| row.act_by.map_or("-".to_owned(), |act_by| act_by.strftime("%Y-%m-%d").to_string())),
    ("USAGE", false, |_, row| row.usage.to_string()),
    ("RESTART", false, |_, row| row.restart.to_string()),
    ("ENFORCE", false, |_, row| row.enforcement.to_string()),
    ("TLS", true, |_, row| row.connections.clients_sessions.tls.to_string()),
    ("PLAIN", true, |_, row| row.connections.clients_sessions.plaintext.to_string()),
    ("ACCOUNT", false, |_, row| terminal(&row.id().account)),
    ("REGION", false, |_, row| terminal(&row.id().region)),
    ("CLUSTER", false, |_, row| terminal(row.cluster().unwrap_or("-"))),
    ("ENGINE", false, |_, row| terminal(&format!("{} {}", row.engine, row.engine_version))),
    ("WHY", false, |_, row| terminal(row.reasons.first().map_or("", |reason| &reason.text))),
];

/// The rotation, with a `?` where nobody can tell.
pub(super) fn verdict(row: &Instance) -> String {
    if row.unproven { format!("{}?", row.rotation) } else { row.rotation.to_string() }
}

/// Days until a rotation must have happened.
pub(super) fn days_left(report: &Report, row: &Instance) -> Option<i64> {
    row.act_by.map(|act_by| report.generated_at.duration_until(act_by).as_hours().div_euclid(24))
}

/// How much of the window was seen; only what is whole is 100 %.
pub(super) fn seen(row: &Instance) -> String {
    format!("{:.0}%", (row.coverage.share * 100.0).floor())
}

/// The first clause of what decided.
pub(super) fn in_brief(row: &Instance) -> &str {
    let text = row.reasons.first().map_or("", |reason| reason.text.as_str());
    [". ", "; ", ": ", " ("].iter().fold(text, |clause, end| clause.split(end).next().unwrap_or(clause))
}

/// The counts of all verdicts, and what they are about.
pub(super) fn summary(report: &Report) -> [String; 3] {
    let summary = &report.summary;
    let at = |time: jiff::Timestamp| time.strftime("%Y-%m-%d %H:%M");
    let attested = if summary.attested == 0 { String::new() } else { format!(" ({} attested)", summary.attested) };
    [
        format!(
            "{} instances: {} required ({} unproven), {} deferrable{attested}, {} optional; {} errors",
            summary.instances, summary.required, summary.unproven, summary.deferrable, summary.optional, summary.errors
        ),
        format!("Window {} to {} UTC, ssl-usage {}", at(report.window.from), at(report.window.to), report.tool_version),
        evidence(report),
    ]
}

/// The digest of the evidence, and what it is worth.
pub(super) fn evidence(report: &Report) -> String {
    match (&report.evidence.digest, report.evidence.verified) {
        (Some(digest), true) => format!("Evidence {digest}, verified"),
        (Some(digest), false) => format!("Evidence {digest}, unverified: some files have no digest"),
        (None, _) => "Evidence without a digest: files are damaged or missing".to_owned(),
    }
}

pub(super) fn write(report: &Report, layout: &Layout, out: &mut dyn Write) -> io::Result<()> {
    for line in summary(report) {
        writeln!(out, "{line}")?;
    }
    let columns = if layout.wide { WIDE } else { NARROW };
    let widths = widths(report, columns, layout);
    let mut group = None;
    for row in &report.instances {
        let of = layout.group_by.map(|group_by| group_by.of(row));
        if of != group || std::ptr::eq(row, report.instances.as_slice().first().unwrap_or(row)) {
            group = of;
            writeln!(out)?;
            if let Some(name) = group {
                writeln!(out, "{}", cut(&terminal(name), usize::from(layout.width)))?;
            }
            line(columns, &widths, |(title, ..)| (*title).to_owned(), None, out)?;
        }
        line(columns, &widths, |(_, _, cell)| cell(report, row), layout.colours.then(|| colour(row)), out)?;
    }
    if !report.instances.is_empty() {
        writeln!(out, "\nThe whole reasoning: --explain INSTANCE. A verdict with ? is unproven: nobody can tell.")?;
    }
    writeln!(out)?;
    for line in policy::lines(report) {
        writeln!(out, "{}", terminal(&line))?;
    }
    if !report.errors.is_empty() {
        writeln!(out, "\nNot read:")?;
    }
    for brief in grouped(&report.errors) {
        writeln!(out, "  {}", terminal(&brief.to_string()))?;
    }
    Ok(())
}

/// The width of each column. Where they do not fit, names give way, and then reasons.
fn widths(report: &Report, columns: &[Column], layout: &Layout) -> Vec<usize> {
    let longest = |(title, _, cell): &Column| {
        report.instances.iter().map(|row| cell(report, row).width()).fold(title.width(), usize::max)
    };
    let mut widths: Vec<_> = columns.iter().map(longest).collect();
    if layout.wide {
        return widths;
    }
    let gaps = 2 * (columns.len() - 1);
    if let [others @ .., why] = widths.as_mut_slice() {
        let width = usize::from(layout.width).saturating_sub(gaps);
        let needed: usize = others.iter().sum();
        if let Some(name) = others.get_mut(1) {
            let rest = needed - *name;
            *name = (*name).min(width.saturating_sub(rest + LEAST).max(LEAST));
            *why = width.saturating_sub(rest + *name).max(LEAST);
        }
    }
    widths
}

/// Writes a row; the verdict, which comes first, in its colour.
fn line(
    columns: &[Column],
    widths: &[usize],
    cell: impl Fn(&Column) -> String,
    colour: Option<Style>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut cells = columns.iter().zip(widths).map(|(column, width)| {
        let text = cut(&cell(column), *width);
        let space = " ".repeat(width.saturating_sub(text.width()));
        if column.1 { space + &text } else { text + &space }
    });
    let first = cells.next().unwrap_or_default();
    let rest = cells.collect::<Vec<_>>().join("  ");
    match colour {
        Some(style) => writeln!(out, "{}  {}", style.apply_to(first), rest.trim_end()),
        None => writeln!(out, "{first}  {}", rest.trim_end()),
    }
}

/// At most `width` columns of a text.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut left = width.saturating_sub(1);
    let fits = |letter: &char| {
        let needs = letter.width().unwrap_or(0);
        let fits = needs <= left;
        left = left.saturating_sub(needs);
        fits
    };
    text.chars().take_while(fits).chain(['…']).collect()
}

fn colour(row: &Instance) -> Style {
    let style = Style::new().force_styling(true);
    match (row.rotation, row.unproven) {
        (Rotation::Required, false) => style.red().bold(),
        (Rotation::Required, true) => style.yellow().bold(),
        (Rotation::Deferrable, _) => style.cyan(),
        (Rotation::Optional, _) => style.green(),
    }
}
