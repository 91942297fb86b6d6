//! A log group that CloudWatch Logs exported to S3: the time of ingestion or of the event before each event,
//! `2026-11-23T18:46:20.000Z `. Lines of an event behind its first have nothing before them.
//!
//! Source: "Export log data to Amazon S3" in the CloudWatch Logs user guide; objects as in fecgov/openFEC #4640.

use super::Envelope;
use super::lines::{Before, Prefixed};
use crate::digits::after_shape;

pub(super) const ENVELOPE: Envelope = Envelope {
    name: "CloudWatch Logs export to S3",
    caveat: None,
    names_members: false,
    open: |head| Prefixed::events(split).matching(head),
};

/// Splits the time off the first line of an event.
fn split(line: &[u8]) -> Option<Before<'_>> {
    let rest = after_shape(line, b"0000-00-00T00:00:00.000Z")?;
    // An editor may have removed the blank before an empty message.
    let message = if rest.is_empty() { rest } else { rest.strip_prefix(b" ")? };
    Some(Before::of(message))
}
