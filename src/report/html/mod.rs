//! HTML: one page without network requests. It can be read without its script, and runs only its own.

mod chart;
mod row;
#[cfg(test)]
mod tests;
mod timeline;

use std::io::{self, Write};

use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::Report;
use super::lines::filter;
use super::policy::lines as policy_lines;
use super::summary::{causes, collected, evidence, headline};
use crate::shell::command;
use crate::text::plural;
use row::Row;
use timeline::Month;

#[derive(Template)]
#[template(path = "page.html")]
struct Page<'r> {
    report: &'r Report,
    timeline: &'r [Month<'r>],
    /// Most instances of a month.
    most: u64,
    style: Inline,
    script: Inline,
}

impl<'r> Page<'r> {
    /// The instances one by one, so that no more than one is laid out in memory.
    fn rows(&self) -> impl Iterator<Item = Row<'r>> + use<'r> {
        let report = self.report;
        report.instances.iter().enumerate().map(|(number, it)| Row { number, it, report })
    }
}

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

fn problems(report: &Report) -> String {
    plural(report.summary.errors, "problem")
}

fn minute(time: &Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M").to_string()
}

fn minute_of(time: &Option<Timestamp>) -> String {
    time.as_ref().map_or_else(|| "-".to_owned(), minute)
}

fn day_of(time: &Option<Timestamp>) -> String {
    time.map_or_else(|| "on an unknown date".to_owned(), |time| time.strftime("%Y-%m-%d").to_string())
}

pub(super) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let timeline = timeline::of(report);
    let page = Page {
        report,
        most: timeline.iter().map(Month::sum).max().unwrap_or(0),
        timeline: &timeline,
        style: Inline::new(include_str!("style.css")),
        script: Inline::new(include_str!("script.js")),
    };
    page.write_into(out)?;
    writeln!(out)
}
