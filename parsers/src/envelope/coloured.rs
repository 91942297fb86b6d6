//! Lines with terminal colours before them, as viewers of logs print them.
//!
//! Source: ECMA-48, 8.3.117 (SGR).

use super::lines::{Before, Prefixed};
use super::{Envelope, uncoloured};

pub(super) const ENVELOPE: Envelope = Envelope {
    name: "terminal colours",
    caveat: None,
    names_members: false,
    open: |head| Prefixed::events(split).matching(head),
};

/// Removes the colours at both ends of a line. None if it begins with none.
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
