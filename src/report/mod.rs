//! The report: one model, `ssl-usage/verdict/v1`, that every format prints whole. Formats do not filter and do not judge.

mod columns;
mod csv;
pub mod escape;
mod explain;
mod html;
mod json;
pub mod lines;
mod markdown;
mod model;
mod ndjson;
mod parquet;
mod policy;
mod sort;
mod summary;
mod table;

pub use columns::Rows;
pub use explain::explain;
pub use model::{Client, Evidence, Instance, Report, Shares, Summary};
pub use sort::{Group, Sort};
pub use summary::usage_words;

use std::io::{self, Write};

/// The JSON Schema of [`Format::Json`], and under `$defs/line` that of each line of [`Format::Ndjson`].
pub const SCHEMA: &str = include_str!("verdict-v1.schema.json");

/// How a report is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people: the instances by urgency, and why.
    Table,
    /// For auditors: a row an instance, or a client.
    Csv,
    /// For programs: everything.
    Json,
    /// For programs: everything, an object a line.
    Ndjson,
    /// For tickets.
    Markdown,
    /// For data tools: the rows of the CSV.
    Parquet,
    /// For a browser: one page that asks for nothing.
    Html,
}

/// How a report is laid out, by the formats that there is a choice in.
#[derive(Clone, Debug)]
pub struct Layout {
    /// Columns that a table has room for.
    pub width: u16,
    /// Whether a table shows all it has, however many columns that takes.
    pub wide: bool,
    /// Whether a table has colours. They say nothing that words do not say.
    pub colours: bool,
    /// What the instances are grouped by.
    pub group_by: Option<Group>,
    /// What there is a row for.
    pub rows: Rows,
    /// The options by which a command judges the same evidence again.
    pub again: Vec<String>,
}

/// Prints a report.
///
/// # Errors
///
/// When `out` cannot be written.
pub fn write(report: &Report, format: Format, layout: &Layout, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Table => table::write(report, layout, out),
        Format::Csv => csv::write(report, layout.rows, out),
        Format::Json => json::write(report, out),
        Format::Ndjson => ndjson::write(report, out),
        Format::Markdown => markdown::write(report, layout, out),
        Format::Parquet => parquet::write(report, layout.rows, out),
        Format::Html => html::write(report, out),
    }
}
