//! What the listener's and the audit trail's XML have in common: elements that stand alone in a file without end, and
//! text with entities.

use std::borrow::Cow;

use memchr::{memchr, memmem};

use crate::event::{Malformed, Text};
use crate::format::Chunk;
use crate::lines::LINE_MAX;

/// What stands between `opens` and `closes` around the byte at `hit`, and where it begins.
///
/// # Errors
///
/// An element counts only as a whole, and nothing that stands outside of one.
///
/// [`Malformed::Cut`] if the log begins or ends within the element, and [`Malformed::TooLong`] if a tag is out of sight.
/// [`Malformed::UnknownPrefix`] if `hit` stands behind the end of an element.
pub(super) fn around<'a>(
    chunk: Chunk<'a>,
    hit: usize,
    opens: &[u8],
    closes: &[u8],
) -> Result<(usize, &'a [u8]), Malformed> {
    let text = chunk.text;
    let floor = hit.saturating_sub(LINE_MAX);
    let whole = floor == 0 && chunk.starts;
    let before = text.get(floor..hit).unwrap_or_default();
    let begins = match memmem::rfind(before, opens) {
        Some(at) => floor + at + opens.len(),
        None => return Err(if whole { Malformed::Cut } else { Malformed::TooLong }),
    };
    let limit = text.len().min(hit + LINE_MAX);
    let ends = match text.get(hit..limit).and_then(|rest| memmem::find(rest, closes)) {
        Some(at) => hit + at,
        None if limit == text.len() && chunk.ends => return Err(Malformed::Cut),
        None => return Err(Malformed::TooLong),
    };
    let element = text.get(begins..ends).filter(|text| text.len() <= LINE_MAX).ok_or(Malformed::TooLong)?;
    if memmem::find(element, closes).is_some() {
        return Err(Malformed::UnknownPrefix);
    }
    Ok((begins, element))
}

/// Text without its entities; one that is not known stays.
///
/// Borrowed if it holds no `&`, as nearly all texts do.
pub(super) fn decoded(text: &[u8]) -> Text<'_> {
    let Some(first) = memchr(b'&', text) else { return Cow::Borrowed(text) };
    let (plain, mut rest) = text.split_at_checked(first).unwrap_or((text, b""));
    let mut decoded = plain.to_vec();
    while let Some(byte) = rest.first() {
        match entity(rest) {
            Some((char, length)) => {
                decoded.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
                rest = rest.get(length..).unwrap_or_default();
            }
            None => {
                decoded.push(*byte);
                rest = rest.get(1..).unwrap_or_default();
            }
        }
    }
    Cow::Owned(decoded)
}

/// The entity at the start, and how long it is.
///
/// `&lt;` gives `<` and 4; `&#10;` and `&#x0A;` give a line break. None if no `;` follows within ten bytes.
fn entity(text: &[u8]) -> Option<(char, usize)> {
    let name = text.strip_prefix(b"&")?;
    let name = name.get(..memchr(b';', name.get(..10).unwrap_or(name))?)?;
    let char = match name {
        b"lt" => '<',
        b"gt" => '>',
        b"amp" => '&',
        b"apos" => '\'',
        b"quot" => '"',
        [b'#', b'x' | b'X', digits @ ..] => {
            char::from_u32(u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?)?
        }
        [b'#', digits @ ..] => char::from_u32(std::str::from_utf8(digits).ok()?.parse().ok()?)?,
        _ => return None,
    };
    Some((char, name.len() + 2))
}
