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
//! The user is the client's own, of its operating system; the log does not tell the database user. The database is the
//! service. Both, and the application, are what the client says. A session counts from the moment the listener hands it
//! on: the log does not tell whether the password was right.

use memchr::memmem;

use super::record;
use super::stamp::stamp;
use crate::event::{Malformed, Parsed, Record};
use crate::format::{RecordParser, Stretch};
use crate::lines;
use crate::time::LogTime;

/// Bytes behind a record in which the lines that explain it are looked for.
const NOTES: usize = 1024;

/// Reads listener logs that are text.
#[derive(Debug)]
pub struct Listener;

impl RecordParser for Listener {
    fn engine(&self) -> &'static str {
        "oracle"
    }

    fn format(&self) -> &'static str {
        "listener"
    }

    fn needles(&self) -> &'static [&'static [u8]] {
        record::NEEDLES
    }

    fn read<'a>(&self, stretch: Stretch<'a>, needle: usize, hit: usize) -> Parsed<'a> {
        let malformed = |cause| if needle == 0 { Parsed::Malformed(cause) } else { Parsed::NotARecord };
        let (line_at, line) = match lines::around(stretch, hit) {
            Ok(found) => found,
            Err(cause) => return malformed(cause),
        };
        if !is_last(line, needle, hit - line_at) {
            return Parsed::NotARecord;
        }
        let Some((time, body)) = stamp(line) else {
            return malformed(if line_at == 0 { Malformed::Cut } else { Malformed::UnknownPrefix });
        };
        let parsed = match needle {
            0 => record::establish(body),
            _ => record::no_data(body, notes(stretch.text, line_at + line.len())),
        };
        match parsed {
            Parsed::Record(record) => Parsed::Record(Record { at: Some(time.at), ..record }),
            other => other,
        }
    }

    fn begins(&self, line: &[u8]) -> bool {
        line.starts_with(b"TNSLSNR for ") || stamp(line).is_some_and(|(_, rest)| rest.starts_with(b" * "))
    }

    fn time(&self, line: &[u8]) -> Option<LogTime> {
        stamp(line).map(|(time, _)| time)
    }

    fn has_unreadable_sessions(&self, text: &[u8]) -> bool {
        text.split(|byte| *byte == b'\n').any(record::is_unreadable)
    }
}

/// Whether the needle at `hit` is the last of its kind in a record: a record is read once, whatever is written in it.
pub(super) fn is_last(record: &[u8], needle: usize, hit: usize) -> bool {
    let rest = record.get(hit + 1..).unwrap_or_default();
    record::NEEDLES.get(needle).is_some_and(|needle| memmem::find(rest, needle).is_none())
}

/// The lines behind a record that explain it: `ORA-29019: ...`, ` TNS-00542: ...`.
fn notes(text: &[u8], record_end: usize) -> &[u8] {
    let rest = text.get(record_end..text.len().min(record_end + NOTES)).unwrap_or_default();
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
