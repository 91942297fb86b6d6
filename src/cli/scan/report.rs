//! The report of a scan, and how it is printed.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use comfy_table::CellAlignment;
use jiff::Timestamp;
use serde::Serialize;
use ssl_usage_parsers::{Engine, Tally, Transports};

use super::group::{Gap, Group};
use super::group_key::{Form, GroupKey};
use super::next::Next;
use crate::report::escape::{spreadsheet, terminal};
use crate::report::lines::paragraph;
use crate::report::{Format, Layout, Reader};
use crate::shell::command;
use crate::text::duration;

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
    pub groups: Vec<Group>,
    pub next: Next,
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
    #[serde(skip)]
    pub belongs: Belongs,
}

/// What a group needs to know of a file.
#[derive(Debug)]
pub(super) struct Belongs {
    pub key: GroupKey,
    pub form: Form,
    /// Whether its times go back.
    pub is_disordered: bool,
    /// Whether another file is the same log, and counts.
    pub is_twin: bool,
}

impl File {
    /// Whether `collect --logs` reads it; as a log of any engine, if none is given.
    pub fn is_collected(&self, engine: Option<&Engine>) -> bool {
        self.belongs.form.is_collected(&self.path, self.engine, engine)
    }
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

impl Shares {
    /// Sessions of any transport.
    pub fn sum(&self) -> u64 {
        self.tls + self.plaintext + self.local + self.unknown + self.gss
    }
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
    csv.write_record(COLUMNS.into_iter().chain(["note", "group", "first_at", "last_at"]))?;
    let time = |at: Option<Timestamp>| at.map(|at| at.to_string()).unwrap_or_default();
    for file in &report.files {
        let counts = row_of(file, &spreadsheet(&file.path), "");
        let texts = [file.note.clone().unwrap_or_default(), file.belongs.key.name()].map(|text| spreadsheet(&text));
        csv.write_record(counts.into_iter().chain(texts).chain([file.first_at, file.last_at].map(time)))?;
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
    let files = report.files.iter().map(|file| of(&shown, &row_of(file, &terminal(&file.path), "-")));
    aligned(out, &of(&shown, &titles), files.chain([of(&shown, &total)]))?;
    if !left_out.is_empty() {
        paragraph(out, width, 0, &format!("Not shown, because 0 in all logs: {}.", of(&left_out, &titles).join(", ")))?;
    }
    notes(report, width, out)?;
    groups(&report.groups, &|row| of(&shown, row), width, out)?;
    next(&report.next, width, out)
}

/// Writes a table whose first two columns are text.
fn aligned(out: &mut dyn Write, titles: &[String], rows: impl Iterator<Item = Vec<String>>) -> io::Result<()> {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING).set_header(titles);
    table.add_rows(rows);
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        column.set_cell_alignment(if index < 2 { CellAlignment::Left } else { CellAlignment::Right });
    }
    table.lines().try_for_each(|line| writeln!(out, "{}", line.trim_end()))
}

/// Writes what each instance or folder shows; `of` chooses the columns of counts.
fn groups(groups: &[Group], of: &dyn Fn(&[String]) -> Vec<String>, width: u16, out: &mut dyn Write) -> io::Result<()> {
    let minute = |at: Option<Timestamp>| at.map_or_else(|| "-".to_owned(), |at| at.strftime(MINUTE).to_string());
    let titles =
        COLUMNS.map(|title| GROUP_TITLES.iter().find(|(of, _)| *of == title).map_or(title, |(_, title)| title));
    let titles = of(&titles.map(str::to_owned)).into_iter().chain(GROUP_TIMES.map(str::to_owned));
    let rows = groups.iter().map(|group| {
        let counts = row(&terminal(&group.key.name()), &group.logs.to_string(), &group.counts);
        let shown = |(column, text)| if group.logs == 0 && column > 1 { "-".to_owned() } else { text };
        let counts: Vec<String> = counts.into_iter().enumerate().map(shown).collect();
        let gap = group.longest_gap.as_ref().map_or_else(|| "-".to_owned(), in_words);
        of(&counts).into_iter().chain([minute(group.first_at), minute(group.last_at), gap]).collect()
    });
    writeln!(out)?;
    aligned(out, &titles.collect::<Vec<_>>(), rows)?;
    if groups.iter().any(|group| group.longest_gap.is_some()) {
        let what = "The longest gap is the longest time between the last record of one log and the first record of the next. \
                    Times are UTC. Records that are missing within a log are not noticed.";
        paragraph(out, width, 0, what)?;
    }
    for group in groups {
        for note in group.notes() {
            paragraph(out, width, 0, &format!("{}: {note}", group.key.name()))?;
        }
    }
    Ok(())
}

/// Writes the commands to run next.
fn next(next: &Next, width: u16, out: &mut dyn Write) -> io::Result<()> {
    if next.commands.is_empty() && next.notes.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nNext:")?;
    if !next.commands.is_empty() {
        writeln!(out, "  Judge these logs:")?;
    }
    for words in &next.commands {
        writeln!(out, "    {}", terminal(&command(words)))?;
    }
    next.notes.iter().try_for_each(|note| paragraph(out, width, 2, note))
}

const MINUTE: &str = "%Y-%m-%d %H:%M";

/// Titles of a table of groups that differ from those of files.
const GROUP_TITLES: [(&str, &str); 2] = [("log", "instance or folder"), ("format", "logs")];
const GROUP_TIMES: [&str; 3] = ["first record", "last record", "longest gap"];

/// A gap: how long, and from when on.
fn in_words(gap: &Gap) -> String {
    format!("{} from {}", duration(Duration::from_secs(gap.seconds)), gap.from.strftime(MINUTE))
}

fn notes(report: &Report, width: u16, out: &mut dyn Write) -> io::Result<()> {
    for file in &report.files {
        if let Some(note) = &file.note {
            paragraph(out, width, 0, &format!("{}: {note}", file.path))?;
        }
    }
    Ok(())
}
