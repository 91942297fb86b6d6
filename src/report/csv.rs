//! CSV: for programs as RFC 4180 has it, and for spreadsheets.

use std::io::{self, Write};

use super::columns::{Cell, Kind, Title};
use super::escape::{spreadsheet, spreadsheet_text};

/// Most characters of a cell, in units of UTF-16. Excel has room for 32,767.
///
/// Source: "Excel specifications and limits".
const LONGEST: usize = 32_000;

/// A kind of CSV.
#[derive(Clone, Copy, Debug)]
pub struct Dialect {
    /// What the file begins with.
    begin: &'static str,
    terminator: csv::Terminator,
    title: fn(Title) -> String,
    cell: fn(Cell) -> String,
}

/// For programs: names, numbers and times as JSON has them, CRLF at the end of lines.
pub const PROGRAMS: Dialect =
    Dialect { begin: "", terminator: csv::Terminator::CRLF, title: |(name, _)| name.to_owned(), cell: plain };

/// The same, with LF at the end of lines.
pub const LINES: Dialect = Dialect { terminator: csv::Terminator::Any(b'\n'), ..PROGRAMS };

/// For spreadsheets, which guess the type of a cell by its text: no text can be taken for a formula, a number or a date,
/// and numbers and times can be read in every language.
///
/// Without the mark at the beginning, Excel takes UTF-8 for the encoding of the machine. Titles name the units that cells
/// of a spreadsheet lack.
pub const SPREADSHEETS: Dialect = Dialect {
    begin: "\u{feff}",
    terminator: csv::Terminator::CRLF,
    title: |(name, kind)| match kind {
        Kind::Share => format!("{name}_percent"),
        Kind::Time => format!("{name}_utc"),
        _ => name.to_owned(),
    },
    cell: shown,
};

impl Dialect {
    /// Writes a table.
    ///
    /// # Errors
    ///
    /// When `out` cannot be written.
    pub fn write(
        &self,
        titles: impl IntoIterator<Item = Title>,
        rows: impl Iterator<Item = Vec<Cell>>,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        out.write_all(self.begin.as_bytes())?;
        let mut csv = csv::WriterBuilder::new().terminator(self.terminator).from_writer(out);
        csv.write_record(titles.into_iter().map(self.title))?;
        for row in rows {
            csv.write_record(row.into_iter().map(self.cell))?;
        }
        csv.flush()
    }
}

fn plain(cell: Cell) -> String {
    match cell {
        Cell::Text(text) => spreadsheet(&text.unwrap_or_default()),
        Cell::List(words) => spreadsheet(&words.join(" ")),
        Cell::Account(text) | Cell::Version(text) => spreadsheet(&text),
        Cell::Count(count) => count.to_string(),
        Cell::Share(share) => format!("{share:.4}"),
        Cell::Flag(flag) => flag.to_string(),
        Cell::Time(time) => time.map(|time| time.to_string()).unwrap_or_default(),
    }
}

fn shown(cell: Cell) -> String {
    match cell {
        Cell::Text(text) => text.map(|text| cut(spreadsheet_text(&text))).unwrap_or_default(),
        Cell::List(words) => cut(spreadsheet_text(&words.join("; "))),
        Cell::Account(number) => account(&number),
        // 16.10 would become 16.1.
        Cell::Version(version) => spreadsheet_text(&format!("v{version}")),
        Cell::Count(count) => count.to_string(),
        // Rounded down: only full coverage is 100 %. A fraction would be written otherwise in half of the world.
        Cell::Share(share) => format!("{:.0}", (share * 100.0).floor()),
        Cell::Flag(flag) => if flag { "yes" } else { "no" }.to_owned(),
        Cell::Time(time) => time.map(|time| time.strftime("%Y-%m-%d %H:%M:%S").to_string()).unwrap_or_default(),
    }
}

/// The number of an account as AWS's console shows it, `1234-5678-9012`. A spreadsheet takes that for text; of twelve digits
/// it would drop zeros at the beginning, or show 1.23E+11.
///
/// Source: "View AWS account identifiers" in the AWS account management guide.
fn account(number: &str) -> String {
    match (number.get(..4), number.get(4..8), number.get(8..)) {
        (Some(first), Some(second), Some(third))
            if number.len() == 12 && number.bytes().all(|it| it.is_ascii_digit()) =>
        {
            format!("{first}-{second}-{third}")
        }
        _ => spreadsheet_text(number),
    }
}

/// A text that a cell has room for.
fn cut(text: String) -> String {
    if text.encode_utf16().count() <= LONGEST {
        return text;
    }
    let mut left = LONGEST;
    let fits = |letter: &char| {
        let fits = letter.len_utf16() <= left;
        left = left.saturating_sub(letter.len_utf16());
        fits
    };
    text.chars().take_while(fits).chain(" ... (cut; --format json has all)".chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn account_numbers_are_text_and_keep_their_zeros() {
        assert_eq!(account("012345678901"), "0123-4567-8901");
        assert_eq!(account("12"), "'12");
    }

    #[test]
    fn no_cell_is_longer_than_a_spreadsheet_takes() {
        for letter in ["a", "\u{1f600}"] {
            let text = shown(Cell::Text(Some(letter.repeat(40_000))));
            let length = text.encode_utf16().count();
            assert!((31_900..=32_767).contains(&length) && text.ends_with("has all)"), "{length}");
        }
        assert_eq!(shown(Cell::Text(Some("a".repeat(32_000)))).len(), 32_000);
    }
}
