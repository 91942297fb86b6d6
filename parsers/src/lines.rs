//! The line around a needle, for logs of one record a line.

use memchr::{memchr, memmem, memrchr};

use crate::event::Malformed;
use crate::format::{Chunk, RECORD_MAX};

/// Longest line, and longest way from a needle to either end of it. What is left of [`RECORD_MAX`] is for what stands
/// around the line.
pub(crate) const LINE_MAX: usize = RECORD_MAX - NEARBY;

/// Most bytes around a line that may be looked at.
pub(crate) const NEARBY: usize = 4096;

/// The line that holds the byte at `hit`, and where it begins; without its end of line.
///
/// # Errors
///
/// - [`Malformed::Cut`]: the line is the log's last and has no newline, so its end may be missing.
/// - [`Malformed::TooLong`]: the line is longer than [`LINE_MAX`], or begins or ends outside of the chunk.
pub(crate) fn around(chunk: Chunk<'_>, hit: usize) -> Result<(usize, &[u8]), Malformed> {
    let text = chunk.text;
    let floor = hit.saturating_sub(LINE_MAX);
    let begins = match text.get(floor..hit).and_then(|before| memrchr(b'\n', before)) {
        Some(newline) => floor + newline + 1,
        None if floor == 0 && chunk.starts => 0,
        None => return Err(Malformed::TooLong),
    };
    let limit = text.len().min(hit + LINE_MAX);
    let ends = match text.get(hit..limit).and_then(|rest| memchr(b'\n', rest)) {
        Some(newline) => hit + newline,
        None if limit == text.len() && chunk.ends => return Err(Malformed::Cut),
        None => return Err(Malformed::TooLong),
    };
    let line = text.get(begins..ends).filter(|line| line.len() <= LINE_MAX).ok_or(Malformed::TooLong)?;
    Ok((begins, undecorated(line)))
}

/// The lines that hold a needle, each once.
///
/// In their order, without their newlines. The last line counts without a newline too, unlike in [`around`].
pub(crate) fn lines_with<'a>(text: &'a [u8], needle: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let at = memmem::find(rest, needle)?;
        let (before, behind) = rest.split_at_checked(at)?;
        let begins = memrchr(b'\n', before).map_or(0, |newline| newline + 1);
        let ends = at + memchr(b'\n', behind).unwrap_or(behind.len());
        let line = rest.get(begins..ends)?;
        rest = rest.get(ends..)?;
        Some(line)
    })
}

/// Bytes around a needle in which most lines begin and end. They are searched before the [`LINE_MAX`] that a line may have.
const NEAR: usize = 2048;

/// Whether the needle that stands at `hit` stands once more behind it, before any of `ends`, of which the first ends a
/// record. In a long record, the nearest needles are looked for first, so that one that is full of them takes no more time
/// for each.
pub(crate) fn is_followed(text: &[u8], hit: usize, needle: &[u8], ends: &[&[u8]]) -> bool {
    let behind = |most: usize| text.get(hit + 1..text.len().min(hit + most)).unwrap_or_default();
    let near = behind(NEAR);
    let ended = ends.first().and_then(|end| match end {
        [byte] => memchr(*byte, near),
        end => memmem::find(near, end),
    });
    let ended = ended.and_then(|end| near.get(..end));
    let rest = ended.unwrap_or_else(|| behind(LINE_MAX));
    let next = find(rest, needle).and_then(|next| rest.get(..next));
    next.is_some_and(|between| ends.iter().all(|end| memmem::find(between, end).is_none()))
}

/// Where a needle stands in a text. Most texts are short, and a search takes longer to prepare than to see that a byte of the
/// needle is not there.
fn find(text: &[u8], needle: &[u8]) -> Option<usize> {
    let byte = needle.get(1).or(needle.first())?;
    memchr(*byte, text).and_then(|_| memmem::find(text, needle))
}

/// What stands between the needle at `hit` and the same one before it in the line, if there is one: likewise.
pub(crate) fn since_same<'a>(text: &'a [u8], hit: usize, needle: &[u8]) -> Option<&'a [u8]> {
    let before = |most: usize| text.get(hit.saturating_sub(most)..hit).unwrap_or_default();
    let near = before(NEAR);
    let begun = memrchr(b'\n', near).and_then(|newline| near.get(newline + 1..));
    let line = begun.unwrap_or_else(|| before(LINE_MAX));
    let between = line.get(memmem::rfind(line, needle)? + needle.len()..)?;
    memchr(b'\n', between).is_none().then_some(between)
}

/// A line without what others put behind it: blanks, carriage returns, one quote that a CSV export left, and terminal
/// colours. No server writes any of these at the end of a connection record.
pub(crate) fn undecorated(line: &[u8]) -> &[u8] {
    let mut rest = line;
    let mut quoted = false;
    loop {
        let trimmed = rest.trim_ascii_end();
        let end = match trimmed.last() {
            Some(b'm' | b'K') => colour(trimmed),
            Some(b'"') if !quoted => {
                quoted = true;
                trimmed.split_last().map(|(_, before)| before)
            }
            _ => None,
        };
        match end {
            Some(before) => rest = before,
            None => return trimmed,
        }
    }
}

/// What stands before the colour that ends a line, `ESC [ 0 ; 31 m`, or before grep's `ESC [ K`.
///
/// The caller has checked the last letter. None if no escape character is near it, or if other text stands between.
fn colour(line: &[u8]) -> Option<&[u8]> {
    const LONGEST: usize = 24;
    let floor = line.len().saturating_sub(LONGEST);
    let at = floor + memrchr(0x1b, line.get(floor..)?)?;
    let codes = line.get(at + 1..line.len() - 1)?.strip_prefix(b"[")?;
    codes.iter().all(|byte| byte.is_ascii_digit() || *byte == b';').then(|| line.get(..at)).flatten()
}

#[cfg(test)]
mod tests {
    use super::undecorated;

    #[test]
    fn decorations_end_a_line_and_text_does_not() {
        let coloured = "\x1b[0;31m\x1b[K\x1b[m \r";
        for end in ["", " ", "\r", "\r\r", " \t\r", "\"", "\" \r", "\x1b[0m", coloured] {
            assert_eq!(undecorated(format!("bits=256){end}").as_bytes()), b"bits=256)", "{end:?}");
        }
        for text in ["bits=256) m", "x\x1b[xm", "x)\x07"] {
            assert_eq!(undecorated(text.as_bytes()), text.as_bytes(), "{text:?}");
        }
        assert_eq!(undecorated(b"\"\""), b"\"", "one quote at most");
    }
}
