//! The listener's log as text: one record a line.
//!
//! ```text
//! 23-NOV-2026 18:39:57 * (CONNECT_DATA=(SERVICE_NAME=ORDERS)(CID=(PROGRAM=shop)(HOST=web-1)(USER=app))) * (ADDRESS=(PROTOCOL=tcps)(HOST=10.0.0.7)(PORT=49698)) * establish * ORDERS * 0
//! 23-NOV-2026 18:40:02:114 * (ADDRESS=(PROTOCOL=tcps)(HOST=10.0.0.9)(PORT=50114)) * <unknown connect data> * 29019
//! ```
//!
//! Sources: "Listener Log Audit Trail Information" of Oracle's Net Services Administrator's Guide
//! (<https://docs.oracle.com/en/database/oracle/oracle-database/19/netag/troubleshooting-oracle-net-services.html>); "Access
//! the listener log using Amazon CloudWatch Logs" of
//! <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_LogAccess.Concepts.Oracle.html> for `tcps`, and for
//! 127.0.0.1, which is a local agent of AWS. The second line is seen in public logs.
//!
//! From 12.2 on, a line with the time and its zone stands before the records of that second, whose own times name none:
//!
//! ```text
//! 2026-11-23T18:39:57.123456+05:30
//! 23-NOV-2026 18:39:57 * (CONNECT_DATA=(SERVICE_NAME=ORDERS)(CID=(PROGRAM=shop)(HOST=web-1)(USER=app))) * (ADDRESS=(PROTOCOL=tcps)(HOST=10.0.0.7)(PORT=49698)) * establish * ORDERS * 0
//! 23-NOV-2026 18:39:57 * service_update * ORCL * 0
//! ```
//!
//! Source: public logs, as of a listener of 19.7 that was published with TNS-12516. The zone is that of the nearest such
//! line; logs of earlier versions have none.
//!
//! A record without its end is reported, wherever it is cut, and so is a line that holds several records. A record by TLS
//! with other text behind its code counts as TLS that a client may have imitated.
//!
//! The user is the client's own, of its operating system; the log does not have the database user. The database is the
//! service. Both, and the application, are what the client says. A session counts from the moment the listener hands it
//! on: the log does not show whether the password was right.
//!
//! Times: those of the records, and of the lines with a zone, which no client writes: what a client says of itself stands within
//! one line.

use memchr::{memchr, memchr2_iter, memmem, memrchr};

use super::message;
use super::time::{civil, iso, offset, stamp};
use crate::event::{Malformed, Micros, Parsed, Record};
use crate::format::{Chronology, Chunk, RecordParser, is_completed};
use crate::lines::{self, NEARBY};
use crate::time::LogTime;

/// Bytes behind a record in which the lines that explain it are looked for.
const NOTES: usize = 1024;

/// Lines before a record in which the one with its zone is looked for. It usually is the line before.
const ABOVE: usize = 8;

/// Bytes of a log's beginning in which it is looked for without that limit.
const OPENING: usize = 64 * 1024;

/// How long a civil time in English is.
const CIVIL: usize = 20;

/// Lines of a log's beginning that show whether there are any such lines.
const LINES: usize = 2_000;

/// Most that a record's time may differ from that of the line with its zone.
const APART: Micros = 2_000_000;

/// Where in a line the record begins at the latest.
const STAMP_MAX: usize = 64;

/// Bytes behind a tab in which another record begins, of lines that were joined.
const JOINED: usize = 256;

/// Reads listener logs that are text.
#[derive(Debug, Default)]
pub struct Listener {
    /// Where lines with a zone stand before the records: the first zone, in minutes from UTC.
    zone: Option<i32>,
}

impl Listener {
    /// A parser for a log that begins with `head`.
    ///
    /// At most 2,000 lines are read. The zone stays None if most records differ by more than two seconds from the line
    /// with a zone above them.
    pub fn new(head: &[u8]) -> Self {
        let (mut first, mut last, mut near, mut far) = (None, None, 0, 0);
        for line in head.split(|byte| *byte == b'\n').take(LINES) {
            if let Some(minutes) = offset(line) {
                first = first.or(Some(minutes));
                last = iso(line).map(|(time, _)| (time.at, minutes));
            } else if let (Some((at, minutes)), Some((time, _))) = (last, civil(line)) {
                let is_near = (zoned(time.at, minutes) - at).abs() <= APART;
                *(if is_near { &mut near } else { &mut far }) += 1;
            }
        }
        // Where they stand elsewhere than before each second's records, they say nothing about what follows.
        Self { zone: first.filter(|_| near >= far) }
    }

    /// When the record was written whose line begins at `line_at`. None where the line with its zone is out of sight: it was
    /// written in the same second as that.
    ///
    /// At the log's beginning it looks up to [`OPENING`] bytes back. Elsewhere it looks at [`ABOVE`] lines, within
    /// [`NEARBY`] bytes.
    fn written_at(&self, chunk: Chunk<'_>, hit: usize, line_at: usize, time: LogTime) -> Option<Micros> {
        let Some(first) = self.zone.filter(|_| !time.zone_known) else { return Some(time.at) };
        let text = chunk.text;
        let own = text.get(line_at..line_at + CIVIL);
        let opening = chunk.starts && hit <= OPENING;
        let floor = line_at.saturating_sub(if opening { OPENING } else { NEARBY });
        let mut end = line_at;
        let mut left = if opening { usize::MAX } else { ABOVE };
        while end > floor && left > 0 {
            let before = text.get(floor..end - 1).unwrap_or_default();
            let begins = match memrchr(b'\n', before) {
                Some(newline) => floor + newline + 1,
                None if floor == 0 && chunk.starts => 0,
                None => return None,
            };
            let line = text.get(begins..end).unwrap_or_default();
            if let Some(minutes) = offset(line) {
                return Some(zoned(time.at, minutes));
            }
            // A record of another second: this one has no line with its zone.
            let is_same = || line.get(..CIVIL) == own;
            if !is_same() && civil(line).is_some_and(|(other, _)| (other.at - time.at).abs() > APART) {
                return Some(zoned(time.at, first));
            }
            end = begins;
            left -= 1;
        }
        (end == 0 && chunk.starts).then(|| zoned(time.at, first))
    }

    /// Looks at the line that holds the beginning of a record.
    ///
    /// Only a record that ends too early is reported here. A whole one is read at its other needle.
    fn read_beginning(&self, chunk: Chunk<'_>, hit: usize) -> Parsed<'static> {
        if message::ends_in_code(chunk, hit) {
            return Parsed::NotARecord;
        }
        let near = chunk.text.get(hit.saturating_sub(STAMP_MAX)..hit).unwrap_or_default();
        let begins = memrchr(b'\n', near).map_or(near, |newline| near.get(newline + 1..).unwrap_or_default());
        if stamp(begins).is_none_or(|(_, rest)| !rest.is_empty()) {
            return Parsed::NotARecord;
        }
        message::beginning(chunk, hit).map_or(Parsed::NotARecord, Parsed::Malformed)
    }
}

/// The instant of a civil time in a zone.
///
/// `minutes` is how far the zone is ahead of UTC.
fn zoned(at: Micros, minutes: i32) -> Micros {
    at.saturating_sub(i64::from(minutes) * 60_000_000)
}

impl RecordParser for Listener {
    fn engine(&self) -> &'static str {
        "oracle"
    }

    fn format(&self) -> &'static str {
        "listener"
    }

    fn needles(&self) -> &'static [&'static [u8]] {
        message::NEEDLES
    }

    /// The record's time is in the zone of the nearest line with a zone above it, if the log has such lines.
    fn read<'a>(&self, chunk: Chunk<'a>, needle: &[u8], hit: usize) -> Parsed<'a> {
        if needle == message::CONNECT_DATA {
            return self.read_beginning(chunk, hit);
        }
        let malformed =
            |cause| if needle == message::ESTABLISHED { Parsed::Malformed(cause) } else { Parsed::NotARecord };
        // The last needle of a kind in a line stands for the whole line.
        if lines::is_followed(chunk.text, hit, needle, &[b"\n"]) {
            return Parsed::NotARecord;
        }
        let (line_at, line) = match lines::around(chunk, hit) {
            Ok(found) => found,
            Err(cause) => return malformed(cause),
        };
        if holds_several(line) {
            return Parsed::Malformed(Malformed::Ambiguous);
        }
        let stamped = stamp(line);
        if lacks_newline(line, stamped.map_or(0, |(_, body)| line.len() - body.len())) {
            return Parsed::Malformed(Malformed::Ambiguous);
        }
        let Some((time, body)) = stamped else {
            return malformed(if line_at == 0 { Malformed::Cut } else { Malformed::UnknownPrefix });
        };
        let parsed = match needle {
            message::ESTABLISHED => message::establish(body),
            _ => message::no_data(body, notes(chunk.text, line_at + line.len())),
        };
        match parsed {
            Parsed::Record(record) => {
                Parsed::Record(Record { at: self.written_at(chunk, hit, line_at, time), ..record })
            }
            other => other,
        }
    }

    /// `TNSLSNR for ` begins the heading of a log.
    fn begins(&self, line: &[u8]) -> bool {
        line.starts_with(b"TNSLSNR for ") || begins(line)
    }

    fn opens(&self, line: &[u8]) -> bool {
        // Also the time and the zone of the records that follow.
        self.begins(line) || stamp(line).is_some()
    }

    /// A record's own time has no zone, if lines before it have one.
    fn time(&self, line: &[u8]) -> Option<LogTime> {
        // Nearly all lines are records. `2026-` begins the others.
        if self.zone.is_some() && line.get(4) != Some(&b'-') {
            return None;
        }
        stamp(line).map(|(time, _)| time).filter(|time| time.zone_known || self.zone.is_none())
    }

    /// If lines with a zone stand above the records, those have the times.
    fn chronology(&self) -> Chronology {
        if self.zone.is_some() { Chronology::Above } else { Chronology::Own }
    }

    fn may_be_cut_record(&self, line: &[u8]) -> bool {
        may_begin_record(line)
    }

    fn has_unreadable_sessions(&self, text: &[u8]) -> bool {
        text.split(|byte| *byte == b'\n').any(message::is_unreadable)
    }
}

/// Whether a line may be what is left of the record of an attempt.
///
/// True for `23-NOV-2026 18:39:57 * (CONN`, for a time and an address, and for the end of such a beginning.
pub(super) fn may_begin_record(line: &[u8]) -> bool {
    const BEGINNINGS: &[&[u8]] =
        &[b"23-NOV-2026 18:39:57 * (CONNECT_DATA=", b"2026-11-23T18:39:57.123456+05:30 * (CONNECT_DATA="];
    let behind_time = |line: &[u8], text: &[u8]| stamp(line).is_some_and(|(_, rest)| rest.starts_with(text));
    let begins = |line: &[u8]| behind_time(line, b" * (CONNECT_DATA=");
    behind_time(line, b" * (ADDRESS=")
        || begins(line)
        || BEGINNINGS.iter().any(|beginning| is_completed(line, beginning, begins))
}

/// Whether a line holds the beginning of another record behind a tab or a carriage return, as where records were joined.
/// It cannot be determined which record is the server's: a client may have written such a line.
pub(super) fn holds_several(line: &[u8]) -> bool {
    let near = |at: usize| line.get(at..line.len().min(at + JOINED)).unwrap_or_default();
    memchr2_iter(b'\t', b'\r', line).any(|at| begins(near(at).trim_ascii_start()))
}

/// Whether a line holds the beginning of another record in its middle: the newline between them is missing, and what stood
/// before it, or a client wrote it. The time of its own record ends at `own`.
///
/// `own` is 0 for a line that does not begin with a time.
fn lacks_newline(line: &[u8], own: usize) -> bool {
    let is_another = |data: usize| {
        let stamps = data.saturating_sub(STAMP_MAX).max(1)..data;
        let ends = |at: usize| line.get(at..).and_then(stamp).is_some_and(|(_, rest)| line.len() - rest.len() == data);
        stamps.into_iter().any(ends)
    };
    message::connect_data(line).filter(|data| *data != own).any(is_another)
}

/// Whether a record begins at the start of a text.
///
/// Attempts and commands begin alike: a time in either form, and ` * `.
fn begins(text: &[u8]) -> bool {
    stamp(text).is_some_and(|(_, rest)| rest.starts_with(b" * "))
}

/// The lines behind a record that explain it: `ORA-29019: ...`, ` TNS-00542: ...`.
///
/// Empty if the next line is a record. At most [`NOTES`] bytes, blank lines included.
fn notes(text: &[u8], record_end: usize) -> &[u8] {
    let rest = text.get(record_end..text.len().min(record_end + NOTES)).unwrap_or_default();
    // Decorations of the record's own line come first.
    let rest = memchr(b'\n', rest).and_then(|newline| rest.get(newline + 1..)).unwrap_or_default();
    let mut length = 0;
    for line in rest.split_inclusive(|byte| *byte == b'\n') {
        if !line.trim_ascii().is_empty() && !is_note(line) {
            break;
        }
        length += line.len();
    }
    rest.get(..length).unwrap_or_default()
}

/// Whether a line explains the record before it. No record is mistaken for one, whatever a client writes in it.
pub(super) fn is_note(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    (line.starts_with(b"TNS-") || line.starts_with(b"ORA-")) && memmem::find(line, b" * ").is_none()
}
