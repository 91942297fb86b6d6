//! Lines with terminal colours before them, as viewers of logs print them.
//!
//! Example, in which `ESC` is the byte 27: `ESC[32m2026-11-23 18:46:20 UTC [57] LOG:  ...ESC[0m`.
//! Colours within a line stay.
//!
//! Source: ECMA-48, 8.3.117 (SGR).

use super::lines::{Before, Prefixed};
use super::{Envelope, uncoloured};

/// It comes late among the envelopes: others read colours around their own prefixes.
pub(super) const ENVELOPE: Envelope = Envelope {
    name: "terminal colours",
    caveat: None,
    names_members: false,
    delivery: None,
    open: |head| Prefixed::events(split).matching(head),
};

/// Removes the colours at both ends of a line. None if it begins with none.
///
/// Codes at the end are removed as often as they are there, as in `ESC[0mESC[39m`.
fn split(line: &[u8]) -> Option<Before<'_>> {
    let mut rest = uncoloured(line);
    if rest.len() == line.len() {
        return None;
    }
    while let Some(escape) = memchr::memrchr(0x1b, rest)
        && let (text, codes) = rest.split_at(escape)
        && uncoloured(codes).is_empty()
    {
        rest = text;
    }
    Some(Before::of(rest))
}
