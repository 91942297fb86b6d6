//! Decimal digits, and texts of a fixed shape.
//!
//! Only ASCII digits count. No sign, blank or separator of thousands is accepted, because no server writes one in a number.

use std::ops::Range;

/// Most digits of a number that is never above `u64::MAX`.
const SHORT: usize = 19;

/// The lowest bit of each of eight bytes.
const EACH: u64 = 0x0101_0101_0101_0101;

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
    // So many digits cannot overflow, and most numbers have a length that the compiler knows.
    if text.len() <= SHORT {
        let mut number = 0;
        let mut are_digits = !text.is_empty();
        for byte in text {
            are_digits &= byte.is_ascii_digit();
            number = number * 10 + u64::from(byte & 0xf);
        }
        return are_digits.then_some(number);
    }
    long_number(text)
}

/// The same for more digits.
#[cold]
fn long_number(text: &[u8]) -> Option<u64> {
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
    if let Some(found) = split_few(text) {
        return Some(found);
    }
    let mut number = 0u64;
    for (length, byte) in text.iter().enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return (length > 0).then_some((number, text.get(length..)?));
        }
        number = match length < SHORT {
            true => number.wrapping_mul(10).wrapping_add(u64::from(digit)),
            false => number.checked_mul(10)?.checked_add(u64::from(digit))?,
        };
    }
    (!text.is_empty()).then_some((number, b""))
}

/// The same for one to seven digits with another byte behind them, which are read at once. None for any other text.
#[inline]
fn split_few(text: &[u8]) -> Option<(u64, &[u8])> {
    let digits = u64::from_le_bytes(*text.first_chunk()?) ^ (EACH * 0x30);
    // The highest bit of each byte that is above 9. Nothing is carried out of a byte before the first such one.
    let others = (digits.wrapping_add(EACH * 0x76) | digits) & (EACH * 0x80);
    let length = others.trailing_zeros() / 8;
    if !(1..8).contains(&length) {
        return None;
    }
    // The digits go to the upper end, behind zeros. Then pairs, fours and eights of them are joined.
    let digits = digits << (64 - 8 * length);
    let pairs = digits.wrapping_mul((10 << 8) + 1) >> 8 & 0x00ff_00ff_00ff_00ff;
    let fours = pairs.wrapping_mul((100 << 16) + 1) >> 16 & 0x0000_ffff_0000_ffff;
    let number = fours.wrapping_mul((10_000 << 32) + 1) >> 32;
    Some((number, text.get(length as usize..)?))
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
    let differs = |text: &[u8; 8], shape: &[u8; 8]| others(u64::from_le_bytes(*text), u64::from_le_bytes(*shape));
    // Eight bytes at once; the last eight may overlap those before.
    let Some((last, last_shape)) = beginning.last_chunk().zip(shape.last_chunk()) else {
        let matches = |(byte, shape): (&u8, &u8)| if *shape == b'0' { byte.is_ascii_digit() } else { byte == shape };
        return beginning.iter().zip(shape).all(matches).then_some(rest);
    };
    let eights = beginning.as_chunks().0.iter().zip(shape.as_chunks().0);
    let found = eights.fold(differs(last, last_shape), |found, (text, shape)| found | differs(text, shape));
    (found == 0).then_some(rest)
}

/// The highest bit of each of eight bytes that are not of a shape. The bits behind the first such byte may be set too.
#[inline]
fn others(text: u64, shape: u64) -> u64 {
    // A bit of each byte where any digit may stand.
    let fixed = shape ^ (EACH * 0x30);
    let digits = (((fixed & (EACH * 0x7f)) + EACH * 0x7f) | fixed) >> 7 & EACH ^ EACH;
    let differing = text ^ shape;
    // What differs by more than 9, or 0, reaches the highest bit.
    (differing.wrapping_add(EACH * 0x7f - digits * 9) | differing) & (EACH * 0x80)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_digits_alone() {
        assert_eq!(number(b"007"), Some(7));
        assert_eq!(number(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(number(b"00018446744073709551615"), Some(u64::MAX));
        for text in ["", "+7", "7 ", "18446744073709551616"] {
            assert_eq!(number(text.as_bytes()), None, "{text}");
        }
        assert_eq!(split_number(b"42]:"), Some((42, &b"]:"[..])));
        assert_eq!(split_number(b"18446744073709551615]"), Some((u64::MAX, &b"]"[..])));
        assert_eq!(split_number(b"18446744073709551616]"), None);
        assert_eq!(split_number(b"]:"), None);
        assert_eq!(split_number(b""), None);
    }

    #[test]
    fn a_number_ends_where_its_digits_end() {
        for number in ["", "0", "7", "007", "49698", "9999999", "12345678", "123456789"] {
            for behind in ["", ")", "):x", "]:LOG:  connection", "/999999999", ":999999999", "\u{e9}99999999"] {
                let text = format!("{number}{behind}");
                let expected = number.parse().ok().map(|number: u64| (number, behind.as_bytes()));
                assert_eq!(split_number(text.as_bytes()), expected, "{text}");
            }
        }
    }

    #[test]
    fn shapes_match_any_digit() {
        assert_eq!(after_shape(b"2026-11 x", b"0000-00"), Some(&b" x"[..]));
        assert_eq!(after_shape(b"2026-1", b"0000-00"), None);
        assert_eq!(after_shape(b"2026_11", b"0000-00"), None);
    }

    /// Each byte of a text of this shape is replaced by each byte there is.
    #[test]
    fn shapes_are_compared_byte_by_byte() {
        let (text, shape) = (b"2026-11-23 18:39:57 x", b"0000-00-00 00:00:00");
        for length in 0..=shape.len() {
            let shape = &shape[..length];
            for at in 0..length {
                for byte in 0..=u8::MAX {
                    let mut text = text.to_vec();
                    text[at] = byte;
                    let matches = if shape[at] == b'0' { byte.is_ascii_digit() } else { byte == shape[at] };
                    assert_eq!(
                        after_shape(&text, shape),
                        matches.then_some(&text[length..]),
                        "{byte} at {at} of {length}"
                    );
                }
            }
        }
    }
}
