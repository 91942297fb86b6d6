//! CSV, as RFC 4180 has it.

use std::io::{self, Write};

use super::Report;
use super::columns::{Cell, Rows, names, rows};
use super::escape::spreadsheet;

pub(super) fn write(report: &Report, of: Rows, out: &mut dyn Write) -> io::Result<()> {
    let mut csv = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(out);
    csv.write_record(names(of))?;
    for row in rows(report, of) {
        csv.write_record(row.into_iter().map(shown))?;
    }
    csv.flush()
}

fn shown(cell: Cell) -> String {
    match cell {
        Cell::Text(text) => spreadsheet(&text.unwrap_or_default()),
        Cell::Count(count) => count.to_string(),
        Cell::Share(share) => format!("{share:.4}"),
        Cell::Flag(flag) => flag.to_string(),
        Cell::Time(time) => time.map(|time| time.to_string()).unwrap_or_default(),
    }
}
