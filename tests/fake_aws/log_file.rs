//! A log file as `DownloadDBLogFilePortion` serves it, page by page, with the ways in which that goes wrong.
//!
//! API reference: `DownloadDBLogFilePortion`. What it does not say was taken from reports of its users, named below.

use jiff::Timestamp;

/// What RDS puts behind text that it cut. A line feed follows the mark (aws-cli issue 3079).
pub const TRUNCATED: &[u8] = b" [Your log message was truncated]\n";

/// A log file.
#[derive(Debug, Clone, Default)]
pub struct LogFile {
    /// The whole text.
    pub bytes: Vec<u8>,
    /// `LastWritten`, in milliseconds since 1970.
    pub last_written_ms: i64,
    /// Pages served so far. Quirks count them; a test may reset or read them.
    pub served: usize,
    /// How its download goes wrong.
    pub quirks: Quirks,
}

/// Trouble that users of the API met with single files. By default there is none.
#[derive(Debug, Clone, Default)]
pub struct Quirks {
    /// Each page but the first begins with this many bytes of the page before (aws-cli issue 10319).
    pub overlap: usize,
    /// `AdditionalDataPending` is always false (aws-cli issues 2268 and 3079).
    pub pending_lies: bool,
    /// The server appends this before each page: somebody is connecting.
    pub grows: Vec<u8>,
    /// The file is gone after this many pages (vector issue 16987); 0 means that it is listed and cannot be read.
    pub vanishes_after: Option<usize>,
    /// It is not gone but has this name then: rotation by renaming (aws-sdk-go issue 3266).
    pub renamed_to: Option<String>,
    /// The second page leads back to the first, for ever.
    pub circles: bool,
    /// What the list says is its size; with an empty text, nothing.
    pub listed: Option<&'static str>,
    /// At the end, pages are empty and more is said to be pending, for ever.
    pub never_ends: bool,
}

/// One answer of `DownloadDBLogFilePortion`.
#[derive(Debug, PartialEq)]
pub struct Portion {
    /// The text, and the mark where it was cut.
    pub data: Vec<u8>,
    /// Where the next page begins. RDS gives one at the end too.
    pub marker: String,
    /// `AdditionalDataPending`.
    pub pending: bool,
}

impl LogFile {
    /// A file without quirks.
    pub fn new(bytes: impl Into<Vec<u8>>, last_written_ms: i64) -> LogFile {
        LogFile { bytes: bytes.into(), last_written_ms, ..LogFile::default() }
    }

    /// The page from `marker` on, or the last lines where there is no marker. `None` if the marker is not one of ours.
    ///
    /// Text that goes over `most_bytes` is cut there, while the next page begins after all the `lines` asked for: the
    /// lines between are lost unless they are asked for again, fewer at a time. On RDS for MySQL 8.4 only the line
    /// that was cut was seen to be lost; this is the worse of the two.
    pub fn portion(&mut self, name: &str, marker: Option<&str>, lines: usize, most_bytes: usize) -> Option<Portion> {
        let asked = match marker {
            Some(marker) => Some(offset(marker)?),
            None => None,
        };
        self.served += 1;
        self.bytes.extend_from_slice(&self.quirks.grows);
        let from = match asked {
            Some(offset) => offset.min(self.bytes.len()),
            None => start_of_last(lines, &self.bytes),
        };
        let end = match marker {
            Some(_) => from + end_of_first(lines, self.bytes.get(from..).unwrap_or_default()),
            None => self.bytes.len(),
        };
        let start = if marker.is_some() { from.saturating_sub(self.quirks.overlap) } else { from };
        let mut data = self.bytes.get(start..end).unwrap_or_default().to_vec();
        let most = most_bytes + (from - start);
        if data.len() > most {
            data.truncate(most);
            data.extend_from_slice(TRUNCATED);
        }
        if from == self.bytes.len() {
            data.clear();
        }
        let more = end < self.bytes.len() || self.quirks.never_ends;
        let hour = hour_of(name).map_or(0, |hour| hour.as_second() / 3600 % 24);
        let end = if self.quirks.circles && from > 0 { 0 } else { end };
        Some(Portion { data, marker: format!("{hour}:{end}"), pending: more && !self.quirks.pending_lies })
    }

    /// It was read as often as it can be before it vanishes.
    pub fn is_due_to_vanish(&self) -> bool {
        self.quirks.vanishes_after.is_some_and(|pages| self.served >= pages)
    }
}

/// The offset in a marker: `0` is the beginning, others look like `17:4096`.
fn offset(marker: &str) -> Option<usize> {
    if marker == "0" {
        return Some(0);
    }
    let (hour, offset) = marker.split_once(':')?;
    hour.parse::<u8>().ok()?;
    offset.parse().ok()
}

/// How many bytes the first `lines` lines have.
fn end_of_first(lines: usize, text: &[u8]) -> usize {
    text.split_inclusive(|byte| *byte == b'\n').take(lines).map(<[u8]>::len).sum()
}

/// Where the last `lines` lines begin.
fn start_of_last(lines: usize, text: &[u8]) -> usize {
    let last: usize = text.split_inclusive(|byte| *byte == b'\n').rev().take(lines).map(<[u8]>::len).sum();
    text.len() - last
}

/// The hour in names such as `error/postgresql.log.2026-11-20-05` and `audit/server_audit.log.2026-11-20.05`.
pub fn hour_of(name: &str) -> Option<Timestamp> {
    name.as_bytes().windows(13).find_map(|window| {
        let (date, hour) = std::str::from_utf8(window).ok()?.split_at_checked(10)?;
        let hour = hour.strip_prefix(['-', '.'])?;
        format!("{date}T{hour}:00:00Z").parse().ok()
    })
}
