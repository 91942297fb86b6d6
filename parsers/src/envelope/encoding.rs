//! Encodings: a byte order mark before UTF-8, and UTF-16, which PowerShell's `>` and SQL Server on its own disk write.
//!
//! A decoder passes UTF-8 and other bytes on without a copy. It does not look for 8-bit code pages: letters of these stay as
//! the engine wrote them.
//!
//! Source: The Unicode Standard, chapter 23.8, and "about_Character_Encoding" in the PowerShell documentation.

/// How the text of a log is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8 or whatever the engine writes; nothing is changed.
    Plain,
    /// Lines that end in a carriage return alone, as some editors save them.
    Returns,
    /// UTF-8 with a byte order mark before it.
    Utf8Mark,
    /// UTF-16, the low byte first.
    Utf16Le,
    /// UTF-16, the high byte first.
    Utf16Be,
}

/// Letters of UTF-16 without a mark that must be ASCII for it to be taken for that.
/// With two bytes each, shorter logs without a mark are never taken for UTF-16.
const LETTERS: usize = 16;

impl Encoding {
    /// The encoding of a log that begins with `head`.
    ///
    /// A mark decides. Without one, the first 16 code units do if they are ASCII. Then line ends are looked at.
    pub fn of(head: &[u8]) -> Self {
        let letters = |low: usize| {
            let pairs = head.chunks_exact(2).take(LETTERS);
            let ascii = |pair: &[u8]| {
                pair.get(low).is_some_and(|byte| (1..128).contains(byte)) && pair.get(1 - low) == Some(&0)
            };
            pairs.len() == LETTERS && pairs.into_iter().all(ascii)
        };
        match head {
            [0xef, 0xbb, 0xbf, ..] => Self::Utf8Mark,
            [0xff, 0xfe, ..] => Self::Utf16Le,
            [0xfe, 0xff, ..] => Self::Utf16Be,
            _ if letters(0) => Self::Utf16Le,
            _ if letters(1) => Self::Utf16Be,
            _ if returns(head) => Self::Returns,
            _ => Self::Plain,
        }
    }

    /// Bytes of the mark that a log begins with.
    ///
    /// 3 for UTF-8, 2 for UTF-16, and 0 without a mark.
    pub fn mark(self, head: &[u8]) -> usize {
        match (self, head) {
            (Self::Utf8Mark, _) => 3,
            (Self::Utf16Le | Self::Utf16Be, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]) => 2,
            _ => 0,
        }
    }
}

/// Whether carriage returns end lines, and no newline does.
///
/// A return as the last byte does not count: a newline may follow it.
fn returns(head: &[u8]) -> bool {
    let first = memchr::memchr(b'\r', head);
    first.is_some_and(|at| at + 1 < head.len()) && memchr::memchr(b'\n', head).is_none()
}

/// Turns a log that comes in pieces into UTF-8.
#[derive(Debug)]
pub struct Decoder {
    /// How the log is encoded; it does not change.
    encoding: Encoding,
    /// Bytes of the mark that are still to come.
    mark: usize,
    /// The first byte of a code unit.
    /// It is set where a piece ends within a code unit.
    half: Option<u8>,
    /// The first code unit of a pair.
    /// It is set where the second one is still to come, in this piece or the next.
    high: Option<u16>,
}

impl Decoder {
    /// Decodes a log that begins with `head`. The head is to be decoded, too.
    pub fn new(head: &[u8]) -> Self {
        let encoding = Encoding::of(head);
        Self { encoding, mark: encoding.mark(head), half: None, high: None }
    }

    /// The next piece in UTF-8. What is no letter becomes U+FFFD.
    ///
    /// The result is a part of `piece` if nothing changes. Otherwise it is in `into`, whose former text is dropped.
    pub fn push<'p>(&mut self, piece: &'p [u8], into: &'p mut Vec<u8>) -> &'p [u8] {
        let skipped = self.mark.min(piece.len());
        self.mark -= skipped;
        let piece = piece.get(skipped..).unwrap_or_default();
        if matches!(self.encoding, Encoding::Plain | Encoding::Utf8Mark) {
            return piece;
        }
        into.clear();
        if self.encoding == Encoding::Returns {
            into.extend(piece.iter().map(|byte| if *byte == b'\r' { b'\n' } else { *byte }));
            return into;
        }
        for byte in piece {
            let Some(first) = self.half.take() else {
                self.half = Some(*byte);
                continue;
            };
            let unit = match self.encoding {
                Encoding::Utf16Be => u16::from_be_bytes([first, *byte]),
                _ => u16::from_le_bytes([first, *byte]),
            };
            self.unit(unit, into);
        }
        into
    }

    /// Takes the next code unit.
    ///
    /// The first of a pair is held. A half without its other half becomes U+FFFD.
    fn unit(&mut self, unit: u16, into: &mut Vec<u8>) {
        let high = self.high.take();
        let is_low = (0xdc00..0xe000).contains(&unit);
        match high {
            Some(high) if is_low => {
                let pair = char::decode_utf16([high, unit]).next().and_then(Result::ok);
                return write(pair.unwrap_or(char::REPLACEMENT_CHARACTER), into);
            }
            Some(_) => write(char::REPLACEMENT_CHARACTER, into),
            None => {}
        }
        if (0xd800..0xdc00).contains(&unit) {
            self.high = Some(unit);
        } else {
            write(char::from_u32(u32::from(unit)).unwrap_or(char::REPLACEMENT_CHARACTER), into);
        }
    }

    /// The last of the log, once: U+FFFD for a letter that was cut.
    ///
    /// None if the log ends with a whole letter. A second call gives none.
    pub fn last(&mut self) -> Option<&'static [u8]> {
        let cut = self.half.take().is_some() | self.high.take().is_some();
        cut.then_some("\u{fffd}".as_bytes())
    }
}

/// Appends a letter in UTF-8.
fn write(letter: char, into: &mut Vec<u8>) {
    into.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
}
