//! The output of `awslogs get`: log group, log stream and message, and with `--timestamp` the time between them.
//!
//! Example: `/aws/rds/instance/db1/postgresql db1.0 2026-11-23T18:46:20.123Z 2026-11-23 18:46:20 UTC::@:[57]:LOG:  ...`.
//!
//! Source: `awslogs/core.py` of <https://github.com/jorgebastida/awslogs>.

use super::lines::{Before, Prefixed};
use super::{Envelope, named, uncoloured, word};
use crate::digits::after_shape;

pub(super) const ENVELOPE: Envelope = Envelope {
    name: "awslogs get",
    caveat: None,
    names_members: true,
    delivery: None,
    open: |head| Prefixed::events(split).matching(head),
};

/// Splits the group, the stream and the time off a line.
///
/// None if the group's name does not begin with `/aws/`: any two words of a log would be names otherwise.
fn split(line: &[u8]) -> Option<Before<'_>> {
    let (group, rest) = word(uncoloured(line))?;
    let (stream, message) = word(uncoloured(rest))?;
    if !group.starts_with(b"/aws/") {
        return None;
    }
    let plain = |name: &'_ [u8]| name.strip_suffix(b"\x1b[0m").unwrap_or(name).to_vec();
    let message = uncoloured(message);
    let message = after_shape(message, b"0000-00-00T00:00:00.000Z ").unwrap_or(message);
    Some(Before::named(named(&plain(group), &plain(stream)), message))
}
