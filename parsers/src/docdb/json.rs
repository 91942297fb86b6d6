//! As much of JSON as an audit log needs.

use std::borrow::Cow;

use memchr::memchr2;

use crate::event::Text;

/// The members of an object that is all of `text`: their keys, and their values as they are written. None where it is no
/// such object.
pub(super) fn object(text: &[u8]) -> Option<Vec<(Text<'_>, &[u8])>> {
    let mut rest = text.trim_ascii().strip_prefix(b"{")?.trim_ascii_start();
    let mut members = Vec::new();
    if rest == b"}" {
        return Some(members);
    }
    loop {
        let (key, after) = value(rest)?;
        let (value, after) = value(after.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start())?;
        members.push((string(key)?, value));
        match after.trim_ascii_start() {
            [b',', next @ ..] => rest = next.trim_ascii_start(),
            [b'}'] => return Some(members),
            _ => return None,
        }
    }
}

/// Splits a value off. What is inside of it is looked at no further than to find its end.
fn value(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut depth = 0usize;
    let mut at = 0;
    loop {
        match text.get(at)? {
            b'"' => at += quoted(text.get(at..)?)?,
            b'{' | b'[' => {
                depth += 1;
                at += 1;
            }
            b'}' | b']' => {
                depth = depth.checked_sub(1)?;
                at += 1;
            }
            _ if depth > 0 => at += 1,
            _ => {
                at +=
                    text.get(at..)?.iter().position(|byte| b",}] \t\r\n".contains(byte)).filter(|length| *length > 0)?
            }
        }
        if depth == 0 {
            return text.split_at_checked(at);
        }
    }
}

/// How long the string at the start is, with its quotes.
fn quoted(text: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        let next = at + memchr2(b'"', b'\\', text.get(at..)?)?;
        if text.get(next) == Some(&b'"') {
            return Some(next + 1);
        }
        at = next + 2;
    }
}

/// A string without its quotes and escapes.
pub(super) fn string(value: &[u8]) -> Option<Text<'_>> {
    let inner = value.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    let Some(first) = memchr::memchr(b'\\', inner) else { return Some(Cow::Borrowed(inner)) };
    let (plain, mut rest) = inner.split_at_checked(first)?;
    let mut text = plain.to_vec();
    while let [byte, after @ ..] = rest {
        rest = after;
        if *byte != b'\\' {
            text.push(*byte);
            continue;
        }
        let (escape, after) = rest.split_first()?;
        rest = after;
        match escape {
            b'n' => text.push(b'\n'),
            b't' => text.push(b'\t'),
            b'r' => text.push(b'\r'),
            b'b' => text.push(8),
            b'f' => text.push(12),
            b'u' => {
                let (char, after) = escaped(rest)?;
                text.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
                rest = after;
            }
            b'"' | b'\\' | b'/' => text.push(*escape),
            _ => return None,
        }
    }
    Some(Cow::Owned(text))
}

/// The character behind `\u`, which can take two escapes; half of a pair is no character.
fn escaped(text: &[u8]) -> Option<(char, &[u8])> {
    let unit = |text: &[u8]| u32::from_str_radix(std::str::from_utf8(text.get(..4)?).ok()?, 16).ok();
    let (first, rest) = (unit(text)?, text.get(4..)?);
    if let (0xD800..=0xDBFF, Some(second)) = (first, rest.strip_prefix(b"\\u").and_then(unit))
        && (0xDC00..=0xDFFF).contains(&second)
    {
        let code = 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
        return Some((char::from_u32(code)?, rest.get(6..)?));
    }
    Some((char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER), rest))
}
