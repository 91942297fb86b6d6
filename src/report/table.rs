//! The table for people: a summary, the instances by urgency with verdict and reason, problems, and what to run next.

use std::collections::BTreeSet;
use std::io::{self, Write};

use console::Style;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::escape::terminal;
use super::lines::{Step, next_steps, paragraph, problems, wrap};
use super::model::Instance;
use super::summary::{coverage, days, in_brief, name, summary, usage, verdict};
use super::{Layout, Report, policy};
use crate::text::plural;
use crate::verdict::Rotation;

/// Least columns that names are shortened to, and reasons.
const LEAST: usize = 24;

/// Most lines of a reason.
const LINES: usize = 2;

/// A column: its title, whether it is of numbers, and what of an instance it holds.
type Column = (&'static str, bool, fn(&Report, &Instance) -> String);

const VERDICT: Column = ("VERDICT", false, |_, row| verdict(row));
const NAME: Column = ("INSTANCE", false, |_, row| terminal(&name(row)));
const DAYS: Column = ("DAYS", true, days);
const COVERAGE: Column = ("COVERAGE", true, |_, row| coverage(row));

const NARROW: &[Column] = &[VERDICT, NAME, DAYS, COVERAGE, ("WHY", false, |_, row| terminal(in_brief(row)))];

const WIDE: &[Column] = &[
    VERDICT,
    NAME,
    DAYS,
    COVERAGE,
    ("ACT BY", false, |_, row| row.act_by.map_or("-".to_owned(), |act_by| act_by.strftime("%Y-%m-%d").to_string())),
    ("USAGE", false, |_, row| usage(row)),
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

pub(super) fn write(report: &Report, layout: &Layout, out: &mut dyn Write) -> io::Result<()> {
    for line in summary(report) {
        paragraph(out, layout.width, 0, &line)?;
    }
    instances(report, layout, out)?;
    let accounts: BTreeSet<&str> = report.instances.iter().map(|row| row.id().account.as_str()).collect();
    if accounts.len() > 1 && !layout.wide && layout.group_by.is_none() {
        let hint = "The instances belong to several accounts: add --wide to see which, or --group-by account.";
        writeln!(out)?;
        paragraph(out, layout.width, 0, hint)?;
    }
    if report.summary.unproven + report.summary.attested > 0 {
        let legend = "A verdict with ? is inconclusive: the evidence does not show whether TLS is used. Rotate, or resolve \
                      the cause.";
        writeln!(out)?;
        paragraph(out, layout.width, 0, legend)?;
    }
    writeln!(out)?;
    for line in policy::lines(report) {
        paragraph(out, layout.width, 0, &line)?;
    }
    problems(out, layout.width, &report.errors)?;
    next_steps(out, &layout.again, &next(report))
}

/// The rows, with a heading for each group.
fn instances(report: &Report, layout: &Layout, out: &mut dyn Write) -> io::Result<()> {
    let columns = if layout.wide { WIDE } else { NARROW };
    let widths = widths(report, columns, layout);
    let mut group = None;
    for (index, row) in report.instances.iter().enumerate() {
        let of = layout.group_by.map(|group_by| group_by.of(row));
        if of != group || index == 0 {
            group = of;
            writeln!(out)?;
            if let Some(name) = group {
                writeln!(out, "{}", cut(&terminal(name), usize::from(layout.width)))?;
            }
            line(columns, &widths, |(title, ..)| (*title).to_owned(), None, out)?;
        }
        line(columns, &widths, |(_, _, cell)| cell(report, row), layout.colours.then(|| colour(row)), out)?;
    }
    Ok(())
}

/// What to run next, by what the report holds.
pub(super) fn next(report: &Report) -> Vec<Step> {
    let summary = &report.summary;
    let inconclusive = plural(summary.unproven, "inconclusive instance");
    let steps = [
        (summary.instances, ("Explain a verdict".to_owned(), "analyze", "--explain INSTANCE")),
        (summary.unproven, (format!("Resolve {inconclusive}"), "preflight", "")),
        (summary.required + summary.deferrable, ("Plan the rotation".to_owned(), "plan", "--format sh")),
    ];
    steps.into_iter().filter(|(count, _)| *count > 0).map(|(_, step)| step).collect()
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

/// Writes a row; the verdict, which comes first, in its colour. The reason, which comes last, goes on in a second line.
fn line(
    columns: &[Column],
    widths: &[usize],
    cell: impl Fn(&Column) -> String,
    colour: Option<Style>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut cells: Vec<_> = columns.iter().map(cell).collect();
    let (Some(last), Some(room)) = (cells.pop(), widths.last()) else { return Ok(()) };
    let mut reason = wrap(&last, *room);
    if reason.len() > LINES {
        let rest = reason.split_off(LINES - 1).join(" ");
        reason.push(rest);
    }
    let mut reason = reason.iter().map(|text| cut(text, *room));
    let mut cells = columns.iter().zip(widths).zip(cells).map(|((column, width), text)| {
        let text = cut(&text, *width);
        let space = " ".repeat(width.saturating_sub(text.width()));
        if column.1 { space + &text } else { text + &space }
    });
    let first = cells.next().unwrap_or_default();
    let first = colour.map_or(first.clone(), |style| style.apply_to(first).to_string());
    let rest: Vec<_> = cells.chain(reason.next()).collect();
    writeln!(out, "{first}  {}", rest.join("  ").trim_end())?;
    let indent = widths.iter().rev().skip(1).map(|width| width + 2).sum();
    reason.try_for_each(|text| writeln!(out, "{:indent$}{text}", ""))
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
