//! The report: one model, `ssl-usage/verdict/v1`, that every format prints whole. Formats do not filter and do not judge.

mod csv;
pub mod escape;
mod html;
mod json;
mod model;
mod table;

pub use model::{Report, Summary};

use std::io::{self, Write};

/// How a report is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people: the instances by urgency, and why.
    Table,
    /// For auditors: a row an instance.
    Csv,
    /// For programs: everything.
    Json,
    /// For a browser: one page that asks for nothing.
    Html,
}

/// Prints a report; a table is at most `width` columns wide where names allow it.
///
/// # Errors
///
/// When `out` cannot be written.
pub fn write(report: &Report, format: Format, width: u16, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Table => table::write(report, width, out),
        Format::Csv => csv::write(report, out),
        Format::Json => json::write(report, out),
        Format::Html => html::write(report, out),
    }
}
