//! The report of a scan, and how it is printed.

use std::collections::BTreeMap;
use std::io::{self, Write};

use comfy_table::CellAlignment;
use jiff::Timestamp;
use serde::Serialize;
use ssl_usage_parsers::{Tally, Transports};

use crate::report::escape::{spreadsheet, terminal};
use crate::report::lines::paragraph;
use crate::report::{Format, Layout, Reader};

/// The JSON Schema of the report.
pub(in super::super) const SCHEMA: &str = include_str!("scan-v1.schema.json");

pub(super) const FORMATS: &[Format<Report>] = &[
    Format { name: "table", help: "For people", reader: Reader::Person, writer: table },
    Format {
        name: "csv",
        help: "For spreadsheets: one row per log",
        reader: Reader::Lines,
        writer: |report, _, out| csv(report, out),
    },
    Format::json("For programs: everything"),
];

/// The report of a scan, `ssl-usage/scan/v1`. Fields are added, never renamed.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    pub schema: &'static str,
    pub files: Vec<File>,
    pub total: Counts,
    pub errors: Vec<Problem>,
}

#[derive(Debug, Serialize)]
pub(super) struct Problem {
    pub path: String,
    pub message: String,
}

#[derive(Debug, Serialize)]
pub(super) struct File {
    pub path: String,
    pub envelope: Option<&'static str>,
    pub engine: Option<&'static str>,
    pub format: Option<&'static str>,
    pub log_line_prefix: Option<String>,
    pub lines: u64,
    pub bytes: u64,
    pub first_at: Option<Timestamp>,
    pub last_at: Option<Timestamp>,
    #[serde(flatten)]
    pub counts: Counts,
    pub note: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct Counts {
    pub connections: Shares,
    pub received: u64,
    pub rejected: u64,
    pub handshake_failed: u64,
    pub certificate_rejected: u64,
    pub disconnected: u64,
    pub system: Shares,
    pub tls_versions: BTreeMap<String, u64>,
    pub ciphers: BTreeMap<String, u64>,
    pub unparsed: u64,
}

#[derive(Debug, Serialize)]
pub(super) struct Shares {
    tls: u64,
    plaintext: u64,
    local: u64,
    unknown: u64,
    gss: u64,
}

impl From<&Transports> for Shares {
    fn from(counts: &Transports) -> Self {
        let Transports { tls, gss, plaintext, local, unknown } = *counts;
        Self { tls, plaintext, local, unknown, gss }
    }
}

impl From<&Tally> for Counts {
    fn from(tally: &Tally) -> Self {
        let named = |counts: &BTreeMap<Vec<u8>, u64>| {
            counts.iter().map(|(name, count)| (String::from_utf8_lossy(name).into_owned(), *count)).collect()
        };
        Self {
            connections: (&tally.connections).into(),
            received: tally.received,
            rejected: tally.rejected,
            handshake_failed: tally.handshake_failed,
            certificate_rejected: tally.certificate_rejected,
            disconnected: tally.disconnected,
            system: (&tally.system).into(),
            tls_versions: named(&tally.tls_versions),
            ciphers: named(&tally.ciphers),
            unparsed: tally.unparsed(),
        }
    }
}

const COLUMNS: [&str; 10] =
    ["log", "format", "TLS", "plaintext", "local", "GSS", "unknown", "rejected", "handshakes failed", "unparsed"];

/// Columns that are shown even if they are 0: log, format, TLS, plaintext and unparsed.
const ALWAYS: [usize; 5] = [0, 1, 2, 3, 9];

fn row(name: &str, format: &str, counts: &Counts) -> Vec<String> {
    let Shares { tls, plaintext, local, unknown, gss } = counts.connections;
    let numbers = [tls, plaintext, local, gss, unknown, counts.rejected, counts.handshake_failed, counts.unparsed];
    [name, format].map(str::to_owned).into_iter().chain(numbers.map(|count| count.to_string())).collect()
}

/// The same of a file; of one that was not read, no count is known.
fn row_of(file: &File, name: &str, none: &str) -> Vec<String> {
    let counts = row(name, file.format.unwrap_or(none), &file.counts);
    let shown = |(column, text)| if file.format.is_none() && column > 0 { none.to_owned() } else { text };
    counts.into_iter().enumerate().map(shown).collect()
}

fn csv(report: &Report, out: impl Write) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(COLUMNS.into_iter().chain(["note"]))?;
    for file in &report.files {
        let counts = row_of(file, &spreadsheet(&file.path), "");
        let note = spreadsheet(file.note.as_deref().unwrap_or_default());
        csv.write_record(counts.iter().map(String::as_str).chain([note.as_ref()]))?;
    }
    csv.flush()
}

fn table(report: &Report, layout: &Layout, out: &mut dyn Write) -> io::Result<()> {
    let width = layout.width;
    // Zeros of what was not read would look like an answer.
    if report.files.iter().all(|file| file.format.is_none()) {
        return notes(report, width, out);
    }
    let total = row("total", "", &report.total);
    // A terminal has little room.
    let is_shown =
        |column: &usize| layout.wide || ALWAYS.contains(column) || total.get(*column).is_some_and(|sum| sum != "0");
    let (shown, left_out): (Vec<usize>, Vec<usize>) = (0..COLUMNS.len()).partition(is_shown);
    let of = |columns: &[usize], row: &[String]| -> Vec<String> {
        columns.iter().filter_map(|column| row.get(*column).cloned()).collect()
    };
    let titles = COLUMNS.map(str::to_owned);
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING).set_header(of(&shown, &titles));
    for file in &report.files {
        table.add_row(of(&shown, &row_of(file, &terminal(&file.path), "-")));
    }
    table.add_row(of(&shown, &total));
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        column.set_cell_alignment(if index < 2 { CellAlignment::Left } else { CellAlignment::Right });
    }
    for line in table.lines() {
        writeln!(out, "{}", line.trim_end())?;
    }
    if !left_out.is_empty() {
        paragraph(out, width, 0, &format!("Not shown, because 0 in all logs: {}.", of(&left_out, &titles).join(", ")))?;
    }
    notes(report, width, out)
}

fn notes(report: &Report, width: u16, mut out: impl Write) -> io::Result<()> {
    for file in &report.files {
        if let Some(note) = &file.note {
            paragraph(&mut out, width, 0, &format!("{}: {note}", file.path))?;
        }
    }
    Ok(())
}
