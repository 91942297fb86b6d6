//! The report: one model, `ssl-usage/verdict/v1`, that every format prints whole. Formats do not filter and do not judge.

mod brief;
pub mod columns;
pub mod csv;
pub mod escape;
mod explain;
mod format;
mod html;
pub mod lines;
mod markdown;
mod model;
mod ndjson;
mod ocsf;
mod openmetrics;
mod parquet;
mod policy;
mod sampled;
pub mod schema;
mod sort;
mod summary;
mod table;

pub use columns::Rows;
pub use explain::explain;
pub use format::{Format, Reader};
pub use model::{Client, Evidence, Instance, Report, Shares, Summary};
pub(crate) use model::{examine_beside, examined};
pub use sort::{Group, Sort};
pub use summary::usage_words;

/// The formats of reports.
pub const FORMATS: &[Format<Report>] = &[
    Format {
        name: "table",
        help: "For people: the instances by urgency, and why",
        reader: Reader::Person,
        writer: table::write,
    },
    Format {
        name: "csv",
        help: "For auditors: one row per instance or client",
        reader: Reader::Lines,
        writer: |report, layout, out| {
            csv::PROGRAMS.write(columns::columns(layout.rows), columns::rows(report, layout.rows), out)
        },
    },
    Format {
        name: "spreadsheet",
        help: "For Excel and LibreOffice: the rows as CSV that opens correctly",
        reader: Reader::Lines,
        writer: |report, layout, out| {
            csv::SPREADSHEETS.write(columns::columns(layout.rows), columns::rows(report, layout.rows), out)
        },
    },
    Format::json("For programs: everything"),
    Format {
        name: "ndjson",
        help: "For programs: everything, one object per line",
        reader: Reader::Document,
        writer: |report, _, out| ndjson::write(report, out),
    },
    Format { name: "markdown", help: "For tickets", reader: Reader::Lines, writer: markdown::write },
    // A message without text, or none, would look as if there were nothing to do.
    Format {
        name: "summary",
        help: "For chat and mail: what is due, in at most 15 lines",
        reader: Reader::Document,
        writer: brief::write,
    },
    Format {
        name: "parquet",
        help: "For data tools: the rows of the CSV",
        reader: Reader::Lines,
        writer: |report, layout, out| parquet::write(report, layout.rows, out),
    },
    Format {
        name: "html",
        help: "For a browser: one self-contained page, without network requests",
        reader: Reader::Lines,
        writer: html::write,
    },
    Format {
        name: "openmetrics",
        help: "For Prometheus: gauges, also for node exporter's textfile collector",
        reader: Reader::Document,
        writer: |report, _, out| openmetrics::write(report, out),
    },
    Format {
        name: "ocsf",
        help: "For Security Hub and SIEMs: OCSF Compliance Findings, as a JSON array",
        reader: Reader::Document,
        writer: |report, _, out| ocsf::write(report, out),
    },
];

/// How a document is laid out, by the formats that there is a choice in.
#[derive(Clone, Debug, Default)]
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
