//! HTML: one page without network requests. It can be read without its script, and runs only its own.
//!
//! Without its script, the page shows a plain table. The script shows a table with more columns, and the details, from the
//! page's data: a browser takes too long to lay out all that is known of thousands of instances.

mod data;
mod filters;
mod origin;
mod plain;
mod row;
mod tasks;
mod terms;
#[cfg(test)]
mod tests;
mod texts;
mod timeline;

use std::io::{self, Write};

use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::lines::{filter, next_command};
use super::policy::lines as policy_lines;
use super::summary::{collected, evidence, headline};
use super::{Layout, Report};
use crate::problem::grouped;
use crate::text::plural;
use filters::Filter;
use origin::Covered;
use plain::Details;
use row::Row;
use tasks::Task;
use terms::{TERMS, codes};
use timeline::Month;

#[derive(Template)]
#[template(path = "page.html")]
struct Page<'r> {
    report: &'r Report,
    covered: Vec<Covered<'r>>,
    tasks: Vec<Task<'r>>,
    filters: Vec<Filter>,
    timeline: &'r [Month<'r>],
    /// Most instances of a month.
    most: u64,
    /// What is shown without the script.
    details: Vec<Details<'r>>,
    /// Prints the details of an instance.
    explain: String,
    /// What the script shows.
    data: String,
    style: Inline,
    script: Inline,
}

impl<'r> Page<'r> {
    /// The instances one by one, so that no more than one is laid out in memory.
    fn rows(&self) -> impl Iterator<Item = Row<'r>> + use<'r> {
        rows(self.report)
    }
}

fn rows(report: &Report) -> impl Iterator<Item = Row<'_>> + Clone {
    report.instances.iter().enumerate().map(move |(number, it)| Row { number, it, report })
}

/// The columns of the table: title, class, and the id of the term that explains it. Filters name columns by number.
const COLUMNS: [(&str, &str, &str); 13] = [
    ("Instance", "", ""),
    ("Verdict", "", "t-verdict"),
    ("Act by", "", "t-act-by"),
    ("Reason", "", "t-reason"),
    ("TLS usage", "", "t-usage"),
    ("Rotation restarts", "", "t-restart"),
    ("Enforcing TLS", "", "t-enforcing"),
    ("Coverage", "number", "t-coverage"),
    ("TLS", "number", "t-sessions"),
    ("Plaintext", "number", "t-sessions"),
    ("Engine", "", ""),
    ("Region", "", ""),
    ("Account", "", ""),
];

/// The columns of the table without the script.
const PLAIN_COLUMNS: [&str; 7] = ["Instance", "Verdict", "Act by", "Reason", "Coverage", "Account", "Region"];

/// What runs in the page: files that share their names, and nothing with other scripts.
const SCRIPT: &str = concat!(
    "\"use strict\";\n(() => {\n",
    include_str!("script/copy.js"),
    include_str!("script/data.js"),
    include_str!("script/chart.js"),
    include_str!("script/details.js"),
    include_str!("script/table.js"),
    include_str!("script/main.js"),
    "})();\n",
);

/// What is written into the page and may run there: the page's policy names its hash.
struct Inline {
    text: &'static str,
    hash: String,
}

impl Inline {
    fn new(text: &'static str) -> Self {
        Self { text, hash: format!("sha256-{}", STANDARD.encode(Sha256::digest(text))) }
    }
}

/// Attributes of what takes no more room than a few lines, and is scrolled, by the keyboard too.
const LONG: &str = r#" class="long" tabindex="0""#;

/// The attributes of an element that holds this text.
fn long(text: &(impl AsRef<str> + ?Sized)) -> &'static str {
    if text.as_ref().len() > 300 { LONG } else { "" }
}

/// Letters of a value that a filter shows.
const SHOWN: usize = 60;

/// A value of a filter as it is shown.
fn cut(value: &str) -> String {
    let mut shown: String = value.chars().take(SHOWN).collect();
    if shown.len() < value.len() {
        shown.push('…');
    }
    shown
}

fn problems(report: &Report) -> String {
    plural(report.summary.errors, "problem")
}

fn minute(time: &Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M").to_string()
}

/// The parts of a text, each with whether it is code: what stands between backticks.
fn parts(text: &str) -> Vec<(bool, &str)> {
    let parts: Vec<_> = text.split('`').collect();
    if parts.len().is_multiple_of(2) {
        // A backtick that nothing ends is text.
        return vec![(false, text)];
    }
    parts
        .into_iter()
        .enumerate()
        .map(|(index, part)| (index % 2 == 1, part))
        .filter(|(_, part)| !part.is_empty())
        .collect()
}

pub(super) fn write(report: &Report, layout: &Layout, out: &mut dyn Write) -> io::Result<()> {
    let timeline = timeline::of(report);
    let page = Page {
        report,
        covered: origin::of(report),
        tasks: tasks::of(report, &layout.again),
        filters: filters::of(rows(report)),
        most: timeline.iter().map(Month::sum).max().unwrap_or(0),
        timeline: &timeline,
        details: plain::details(rows(report)).collect(),
        explain: next_command(&layout.again, "analyze", "--explain INSTANCE"),
        data: data::of(report, rows(report)),
        style: Inline::new(include_str!("style.css")),
        script: Inline::new(SCRIPT),
    };
    page.write_into(out)?;
    writeln!(out)
}
