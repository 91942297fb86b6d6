//! A log group that CloudWatch Logs exported to S3: the time of ingestion or of the event before each event,
//! `2026-11-23T18:46:20.000Z `. Lines of an event behind its first have nothing before them.
//!
//! The time is in UTC, with three digits of a second. It is left out of what is passed on: the engine's own time follows it.
//!
//! Source: "Export log data to Amazon S3" in the CloudWatch Logs user guide; objects as in fecgov/openFEC #4640.

use jiff::Timestamp;

use super::lines::{Before, Prefixed};
use super::{Delivery, Envelope};
use crate::digits::after_shape;

/// The log stream's name is in the key of the S3 object, and not in its text. So members have no names.
pub(super) const ENVELOPE: Envelope = Envelope {
    name: "CloudWatch Logs export to S3",
    caveat: None,
    names_members: false,
    delivery: Some(Delivery::Export),
    open: |head| Prefixed::events(split).matching(head),
};

/// Splits the time off the first line of an event.
///
/// None if the line begins with no such time: it then belongs to the event before it.
fn split(line: &[u8]) -> Option<Before<'_>> {
    let rest = after_shape(line, b"0000-00-00T00:00:00.000Z")?;
    // An editor may have removed the blank before an empty message.
    let message = if rest.is_empty() { rest } else { rest.strip_prefix(b" ")? };
    let written = std::str::from_utf8(line.get(..line.len() - rest.len())?).ok()?;
    let at = written.parse::<Timestamp>().ok().map(Timestamp::as_millisecond);
    Some(Before { at, ..Before::of(message) })
}
