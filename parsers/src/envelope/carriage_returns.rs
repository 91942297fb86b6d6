//! Lines of an Oracle audit trail that end in a carriage return and a newline, as a transfer in text mode leaves them. The
//! trail gives the lengths of its records, which are right only without the carriage returns; other formats take them as they are.
//!
//! Source: "Data Type: ASCII" in RFC 959, 3.1.1.1.

use super::lines::{Before, Prefixed};
use super::{Envelope, Head, Unwrap};
use crate::format::RecordParser;
use crate::oracle::Audit;

/// Other engines' parsers skip the return at the end of a line, so their logs are plain.
pub(super) const ENVELOPE: Envelope =
    Envelope { name: "Windows line ends", caveat: None, names_members: false, delivery: None, open };

/// Opens a log whose first line begins an audit trail and ends in a carriage return.
///
/// None if the head holds no newline. All other lines may end in either way.
fn open(head: &Head<'_>) -> Option<Box<dyn Unwrap>> {
    let newline = memchr::memchr(b'\n', head.text)?;
    let line = head.text.get(..newline)?.strip_suffix(b"\r")?;
    Audit.begins(line).then(|| Box::new(Prefixed::lines(|line| Some(Before::of(line)))) as _)
}
