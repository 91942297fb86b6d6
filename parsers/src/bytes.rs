//! Sets of bytes, for texts that end at the first byte of another kind.

/// A set of bytes. A look into a table takes less time than a comparison with each range.
pub(crate) struct ByteSet([bool; 256]);

impl ByteSet {
    /// The bytes of these ranges, which include both ends.
    pub(crate) const fn of(ranges: &[(u8, u8)]) -> Self {
        let mut table = [false; 256];
        let mut left: &mut [bool] = &mut table;
        let mut byte = 0u8;
        while let Some((first, more)) = left.split_first_mut() {
            let mut ranges = ranges;
            while let Some(((from, to), others)) = ranges.split_first() {
                *first |= *from <= byte && byte <= *to;
                ranges = others;
            }
            left = more;
            byte = byte.wrapping_add(1);
        }
        Self(table)
    }

    /// How many bytes of the set a text begins with.
    #[inline]
    pub(crate) fn leading(&self, text: &[u8]) -> usize {
        text.iter().position(|byte| self.0.get(usize::from(*byte)) != Some(&true)).unwrap_or(text.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_the_bytes_of_its_ranges() {
        static SET: ByteSet = ByteSet::of(&[(0, 0), (b'0', b'9'), (b'_', b'_'), (255, 255)]);
        for byte in 0..=u8::MAX {
            let is_in = byte == 0 || byte.is_ascii_digit() || byte == b'_' || byte == 255;
            assert_eq!(SET.leading(&[byte, byte]), if is_in { 2 } else { 0 }, "{byte}");
        }
        assert_eq!(SET.leading(b"42_0 "), 4);
        assert_eq!(SET.leading(b""), 0);
    }
}
