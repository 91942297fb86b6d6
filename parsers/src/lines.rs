//! The line around a needle, for logs of one record a line.

use memchr::{memchr, memrchr};

use crate::event::Malformed;
use crate::format::{RECORD_MAX, Stretch};

/// Longest line, and longest way from a needle to either end of it. What is left of [`RECORD_MAX`] is for what stands
/// around the line.
pub(crate) const LINE_MAX: usize = RECORD_MAX - NEARBY;

/// Most bytes around a line that may be looked at.
pub(crate) const NEARBY: usize = 4096;

/// The line that holds the byte at `hit`, and where it begins; without its end of line.
///
/// # Errors
///
/// The last line counts only with its newline: without one, nobody knows how it was to go on.
pub(crate) fn around(stretch: Stretch<'_>, hit: usize) -> Result<(usize, &[u8]), Malformed> {
    let text = stretch.text;
    let floor = hit.saturating_sub(LINE_MAX);
    let begins = match text.get(floor..hit).and_then(|before| memrchr(b'\n', before)) {
        Some(newline) => floor + newline + 1,
        None if floor == 0 && stretch.starts => 0,
        None => return Err(Malformed::TooLong),
    };
    let limit = text.len().min(hit + LINE_MAX);
    let ends = match text.get(hit..limit).and_then(|rest| memchr(b'\n', rest)) {
        Some(newline) => hit + newline,
        None if limit == text.len() && stretch.ends => return Err(Malformed::Cut),
        None => return Err(Malformed::TooLong),
    };
    let line = text.get(begins..ends).filter(|line| line.len() <= LINE_MAX).ok_or(Malformed::TooLong)?;
    Ok((begins, line.strip_suffix(b"\r").unwrap_or(line)))
}
