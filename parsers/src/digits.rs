//! Decimal digits, and texts of a fixed shape.
//!
//! Only ASCII digits count. No sign, blank or separator of thousands is accepted, because no server writes one in a number.

use std::ops::Range;

/// Whether a text consists of digits, one or more.
pub(crate) fn all(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(u8::is_ascii_digit)
}

/// How many digits a text begins with. 0 for an empty text.
pub(crate) fn leading(text: &[u8]) -> usize {
    text.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

/// The number that a text of digits stands for. None for any other text, and for numbers above `u64::MAX`.
///
/// Leading zeros are accepted: `007` is 7.
#[inline]
pub(crate) fn number(text: &[u8]) -> Option<u64> {
    let (number, rest) = split_number(text)?;
    rest.is_empty().then_some(number)
}

/// The number that a text of at most nine digits stands for. None for longer texts, even if zeros make them long.
pub(crate) fn short_number(text: &[u8]) -> Option<u32> {
    u32::try_from(number(text)?).ok().filter(|_| text.len() <= 9)
}

/// The number that a text begins with, and the text behind it. None without a digit, and for numbers above `u64::MAX`.
///
/// `42]:` gives 42 and `]:`.
#[inline]
pub(crate) fn split_number(text: &[u8]) -> Option<(u64, &[u8])> {
    let mut rest = text;
    let mut number = 0u64;
    while let Some((digit @ b'0'..=b'9', after)) = rest.split_first() {
        number = number.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
        rest = after;
    }
    (rest.len() < text.len()).then_some((number, rest))
}

/// The number at a fixed position of a text. None if the text ends within the range, or if a byte in it is no digit.
#[inline]
pub(crate) fn number_at(text: &[u8], position: Range<usize>) -> Option<u64> {
    number(text.get(position)?)
}

/// The text behind a beginning of this shape, in which `0` stands for any digit. None if the text is shorter or differs.
///
/// Only the shape is checked, not the range of numbers: `2026-99` has the shape `0000-00`.
#[inline]
pub(crate) fn after_shape<'a>(text: &'a [u8], shape: &[u8]) -> Option<&'a [u8]> {
    let (beginning, rest) = text.split_at_checked(shape.len())?;
    let matches = |(byte, shape): (&u8, &u8)| if *shape == b'0' { byte.is_ascii_digit() } else { byte == shape };
    beginning.iter().zip(shape).all(matches).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_digits_alone() {
        assert_eq!(number(b"007"), Some(7));
        assert_eq!(number(b"18446744073709551615"), Some(u64::MAX));
        for text in ["", "+7", "7 ", "18446744073709551616"] {
            assert_eq!(number(text.as_bytes()), None, "{text}");
        }
        assert_eq!(split_number(b"42]:"), Some((42, &b"]:"[..])));
        assert_eq!(split_number(b"]:"), None);
    }

    #[test]
    fn shapes_match_any_digit() {
        assert_eq!(after_shape(b"2026-11 x", b"0000-00"), Some(&b" x"[..]));
        assert_eq!(after_shape(b"2026-1", b"0000-00"), None);
        assert_eq!(after_shape(b"2026_11", b"0000-00"), None);
    }
}
