//! The JSON that logs need: members of objects, and strings.
//!
//! Each record is one line, as `{"atype":"authenticate","remote_ip":"10.0.0.7:49698"}`. Values stay as they are written
//! until a parser asks for one, and numbers are not converted here. The text may be in any encoding, and may end in the
//! middle.

use std::borrow::Cow;

use memchr::memchr2;

use crate::event::Text;

/// The members of an object that is all of `text`: their keys, and their values as they are written. None where it is no
/// such object.
pub(crate) fn object(text: &[u8]) -> Option<Vec<(Text<'_>, &[u8])>> {
    let (members, ends) = members(text);
    ends.then_some(members)
}

/// The members of the object that `text` begins with, up to where it ends or stops being one, and whether it is all of
/// `text`. Of a member whose value is cut, the value is what there is of it.
pub(crate) fn members(text: &[u8]) -> (Vec<(Text<'_>, &[u8])>, bool) {
    let mut members = Vec::new();
    let Some(inside) = text.trim_ascii().strip_prefix(b"{") else { return (members, false) };
    let mut rest = inside.trim_ascii_start();
    if rest == b"}" {
        return (members, true);
    }
    loop {
        let Some((key, after)) = key(rest) else { return (members, false) };
        let Some((value, after)) = value(after) else {
            members.push((key, after));
            return (members, false);
        };
        members.push((key, value));
        match after.trim_ascii_start() {
            [b',', next @ ..] => rest = next.trim_ascii_start(),
            [b'}'] => return (members, true),
            _ => return (members, false),
        }
    }
}

/// Splits a key off, with its colon and the blanks around that. None if the text begins with no string and colon.
fn key(text: &[u8]) -> Option<(Text<'_>, &[u8])> {
    let (key, after) = value(text)?;
    Some((string(key)?, after.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start()))
}

/// Splits a value off. What is inside of it is looked at no further than to find its end.
///
/// None if the value does not end in the text. A number or a word ends only before a comma, a closing bracket or a blank. So
/// `12` at the end of a text counts as cut: more digits may be missing.
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

/// The length of the string at the start, with its quotes. None if the closing quote is missing.
///
/// The first byte must be a quote. An escaped quote does not end the string: `"a\"b"` has a length of 6.
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

/// A string without its quotes and escapes. None if the value is anything else.
pub(crate) fn string(value: &[u8]) -> Option<Text<'_>> {
    split_string(value).filter(|(_, rest)| rest.is_empty()).map(|(text, _)| text)
}

/// The string at the start, without its quotes and escapes, and the text behind it.
///
/// None if no quote is at the start, if the string is cut, or if an escape is not one of JSON. Borrows unless there are
/// escapes.
pub(crate) fn split_string(input: &[u8]) -> Option<(Text<'_>, &[u8])> {
    let mut rest = input.strip_prefix(b"\"")?;
    let plain = memchr2(b'"', b'\\', rest)?;
    if rest.get(plain) == Some(&b'"') {
        return Some((Cow::Borrowed(rest.get(..plain)?), rest.get(plain + 1..)?));
    }
    let mut text = Vec::with_capacity(plain + 16);
    loop {
        let at = memchr2(b'"', b'\\', rest)?;
        text.extend_from_slice(rest.get(..at)?);
        let (mark, after) = rest.get(at..)?.split_first()?;
        if *mark == b'"' {
            return Some((Cow::Owned(text), after));
        }
        let (escape, after) = after.split_first()?;
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
}

/// The character behind `\u`, which can take two escapes; half of a pair is no character.
///
/// Half of a pair gives U+FFFD. None without four hexadecimal digits. `00e9` is `é`, and `d83d\ude00` is one character.
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
