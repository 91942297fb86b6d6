//! A walk over JSON texts that stand one behind the other, of which only some values are wanted: each is cut out and
//! handed over by itself, so that no text is ever in memory as a whole. What stands in it is read by `serde_json`.
//!
//! The walk knows containers, keys of the outermost object, and the ends of strings. It does not check numbers and words.
//! Between two texts, blanks and commas are skipped. A line that is no JSON is one [`Part::Stray`], and the walk goes on.

use memchr::memchr2;
use serde_json::Value;

use super::{EnvelopeError, PART_MAX};

/// Most containers within one another.
/// A deeper text is given up as no JSON.
const NESTED_MAX: usize = 128;
/// Longest key that is looked at.
/// The longest key that matters is `AdditionalDataPending`, with 21 bytes. Text beyond the limit is left out.
const KEY_MAX: usize = 64;

/// Which values are wanted.
#[derive(Clone, Copy)]
pub(super) enum Target {
    /// Whole texts that are objects or arrays.
    Values,
    /// Items of texts that are arrays.
    Items,
    /// Items of the array under this key of texts that are objects.
    ItemsOf(&'static str),
    /// The string under this key of texts that are objects, as it comes.
    TextOf(&'static str),
}

/// What is found.
///
/// Parts come in the order of the text.
pub(super) enum Part<'p> {
    /// A value that is wanted.
    Value(&'p [u8]),
    /// More of the string that is wanted.
    Text(&'p [u8]),
    /// What is no JSON.
    Stray,
}

/// Takes each part that is found.
type Each<'e> = &'e mut dyn FnMut(Part<'_>);

/// The string that is being read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    /// No string: what stands between strings.
    Nothing,
    /// A key of the outermost object. It is kept.
    Key,
    /// The string under the key of [`Target::TextOf`].
    Wanted,
    /// Any other string, and keys of inner objects.
    Other,
}

/// The walk.
///
/// It takes pieces of any size: a cut may be within a key, a string or an escape.
pub(super) struct Walker {
    /// What is handed over.
    target: Target,
    /// The containers that are open.
    /// Each is `{` or `[`, the outermost first. Empty between texts.
    open: Vec<u8>,
    /// Where the next byte belongs.
    within: Within,
    /// Whether the last byte was the backslash of an escape.
    escaped: bool,
    /// Whether a string is a key where it stands.
    key_next: bool,
    /// The last key of the outermost object.
    key: Vec<u8>,
    /// The value that is being cut out, and how many containers were open around it.
    value: Option<(Vec<u8>, usize)>,
    /// The beginning of an escape of the wanted string.
    escape: Vec<u8>,
    /// Whether the rest of the line is skipped.
    astray: bool,
    /// Whether the text has what is wanted.
    seen: bool,
    /// Whether the text says that more pages follow.
    more: bool,
    /// Whether the text is a page of `get-log-events`.
    page: bool,
}

/// The token that the next page of events is asked for with; `--max-items` has the second spelling.
const TOKENS: [&[u8]; 2] = [b"nextToken", b"NextToken"];
/// That of `get-log-events`, which is there behind the last page, too.
const FORWARD: &[u8] = b"nextForwardToken";
/// Whether more pages of a log file follow.
/// The value is `true` if they do.
const PENDING: &[u8] = b"AdditionalDataPending";

impl Walker {
    /// A walk that finds these values.
    pub(super) fn new(target: Target) -> Self {
        Self {
            target,
            open: Vec::new(),
            within: Within::Nothing,
            escaped: false,
            key_next: false,
            key: Vec::new(),
            value: None,
            escape: Vec::new(),
            astray: false,
            seen: false,
            more: false,
            page: false,
        }
    }

    /// Whether a text is not at its end.
    ///
    /// At the end of a log, this means that it is cut.
    pub(super) fn is_within(&self) -> bool {
        !self.open.is_empty()
    }

    /// Whether the last text says that more pages follow.
    ///
    /// It is reset where a new text begins: only the last page counts.
    pub(super) fn says_more(&self) -> bool {
        self.more
    }

    /// Whether a text is a page of `get-log-events`.
    ///
    /// Its token follows the last page too, so that the end of the log is not known.
    pub(super) fn is_page(&self) -> bool {
        self.page
    }

    /// Takes the next piece of a text.
    ///
    /// # Errors
    ///
    /// [`EnvelopeError::TooLong`] if a value that is cut out exceeds 16 MiB. The string of [`Target::TextOf`] has no limit.
    pub(super) fn push(&mut self, piece: &[u8], each: Each<'_>) -> Result<(), EnvelopeError> {
        let mut rest = piece;
        while let Some((byte, behind)) = rest.split_first() {
            if self.within == Within::Nothing {
                self.structure(*byte, each);
                rest = behind;
            } else if self.escaped {
                self.escaped = false;
                self.take(std::slice::from_ref(byte), each);
                rest = behind;
            } else {
                let run = memchr2(b'"', b'\\', rest).unwrap_or(rest.len());
                let (text, behind) = rest.split_at(run);
                self.take(text, each);
                rest = behind;
                if let Some((byte, behind)) = rest.split_first() {
                    rest = behind;
                    self.mark(*byte, each);
                }
            }
            if self.value.as_ref().is_some_and(|(value, _)| value.len() > PART_MAX) {
                return Err(EnvelopeError::TooLong);
            }
        }
        Ok(())
    }

    /// Takes text of a string.
    ///
    /// It has no quotation marks. Escapes come as two parts: the backslash, and the byte behind it.
    fn take(&mut self, text: &[u8], each: Each<'_>) {
        if let Some((value, _)) = &mut self.value {
            value.extend_from_slice(text);
        }
        match self.within {
            Within::Key if self.key.len() + text.len() <= KEY_MAX => self.key.extend_from_slice(text),
            Within::Wanted => self.wanted(text, each),
            Within::Key | Within::Other | Within::Nothing => {}
        }
    }

    /// Takes what ends a string, or begins an escape.
    ///
    /// `byte` is a quotation mark or a backslash.
    fn mark(&mut self, byte: u8, each: Each<'_>) {
        self.escaped = byte == b'\\';
        if self.escaped {
            return self.take(b"\\", each);
        }
        if self.within == Within::Wanted && !self.escape.is_empty() {
            let whole = self.escape.len() == 6;
            self.escape.clear();
            each(if whole { Part::Text("\u{fffd}".as_bytes()) } else { Part::Stray });
        }
        self.within = Within::Nothing;
        if let Some((value, _)) = &mut self.value {
            value.push(b'"');
        }
        self.ended(each);
    }

    /// Decodes text of the string that is wanted.
    ///
    /// An escape is held until it is complete, 12 bytes at most. Half of a surrogate pair becomes U+FFFD.
    fn wanted(&mut self, text: &[u8], each: Each<'_>) {
        let mut rest = text;
        while !rest.is_empty() {
            if self.escape.is_empty() && !rest.starts_with(b"\\") {
                return each(Part::Text(rest));
            }
            let Some((byte, behind)) = rest.split_first() else { return };
            if is_alone(&self.escape, *byte) {
                self.escape.drain(..6);
                each(Part::Text("\u{fffd}".as_bytes()));
                continue;
            }
            rest = behind;
            self.escape.push(*byte);
            if let Some(decoded) = decoded(&self.escape) {
                each(Part::Text(decoded.as_bytes()));
                self.escape.clear();
            } else if self.escape.len() == 12 || (self.escape.len() == 6 && !is_high(&self.escape)) {
                // What is no letter: half of a pair.
                let second = self.escape.split_off(6);
                self.escape.clear();
                each(Part::Text("\u{fffd}".as_bytes()));
                if !second.is_empty() {
                    self.wanted(&second, each);
                }
            }
        }
    }

    /// Takes a byte outside of strings.
    ///
    /// A byte that JSON does not have outside of strings ends the text as stray.
    fn structure(&mut self, byte: u8, each: Each<'_>) {
        if self.open.is_empty() && !self.begins(byte, each) {
            return;
        }
        match byte {
            b'{' | b'[' => {
                self.begin();
                self.keep(byte);
                if self.open.len() == NESTED_MAX {
                    return self.lost(each);
                }
                self.more &= !self.open.is_empty();
                self.open.push(byte);
                self.opened();
                self.key_next = byte == b'{';
            }
            b'}' | b']' => {
                // A number or a word ends where something else begins.
                self.ended(each);
                let opened = if byte == b'}' { b'{' } else { b'[' };
                if self.open.pop() != Some(opened) {
                    return self.lost(each);
                }
                self.keep(byte);
                self.key_next = false;
                self.ended(each);
                if self.open.is_empty() && !self.seen {
                    each(Part::Stray);
                }
            }
            b'"' => {
                self.quote();
                self.keep(byte);
            }
            b',' => {
                self.ended(each);
                self.key_next = self.open.last() == Some(&b'{');
                self.keep(byte);
            }
            b':' => {
                self.key_next = false;
                self.keep(byte);
            }
            b' ' | b'\t' | b'\r' | b'\n' => self.keep(byte),
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'+' | b'.' | b'E' => {
                self.begin();
                self.keep(byte);
                // Of `true`, `false` and `null`, one has this letter.
                self.more |= byte == b't' && self.open == b"{" && self.key == PENDING;
                self.noticed(self.open == b"{");
            }
            _ => self.lost(each),
        }
    }

    /// Begins a string: a key, or a value.
    fn quote(&mut self) {
        let top = self.open.len() == 1 && self.open.first() == Some(&b'{');
        if top && self.key_next {
            self.key.clear();
            self.within = Within::Key;
            return;
        }
        let wanted = top && matches!(self.target, Target::TextOf(key) if key.as_bytes() == self.key);
        self.within = if wanted { Within::Wanted } else { Within::Other };
        self.more |= top && TOKENS.contains(&self.key.as_slice());
        self.noticed(top);
        self.begin();
    }

    /// Notes what the member whose value begins shows: a page of `get-log-events`, or an object that holds what is wanted.
    fn noticed(&mut self, top: bool) {
        self.page |= top && self.key == FORWARD;
        if let Target::TextOf(key) = self.target {
            self.seen |= top && (self.key == key.as_bytes() || self.key == PENDING);
        }
    }

    /// Notes whether the container that opened last is, or shows, what is wanted.
    fn opened(&mut self) {
        match (self.target, self.open.as_slice()) {
            (Target::Items, [only]) => self.seen = *only == b'[',
            (Target::ItemsOf(key), b"{[") => self.seen |= self.key == key.as_bytes(),
            (Target::ItemsOf(_), [_]) => self.seen = false,
            (Target::TextOf(_), [_]) => self.seen = false,
            (Target::Values, [_]) => self.seen = true,
            _ => {}
        }
    }

    /// Whether a byte between two texts begins one.
    ///
    /// Only `{` and `[` do. Other bytes begin a stray line, which is reported once.
    fn begins(&mut self, byte: u8, each: Each<'_>) -> bool {
        match byte {
            b'{' | b'[' if !self.astray => true,
            b'\n' => {
                self.astray = false;
                false
            }
            b' ' | b'\t' | b'\r' | b',' => false,
            _ if self.astray => false,
            _ => {
                self.astray = true;
                each(Part::Stray);
                false
            }
        }
    }

    /// Gives up a text that is no JSON.
    ///
    /// The next text may begin in the next line. What was cut out so far is dropped.
    fn lost(&mut self, each: Each<'_>) {
        self.open.clear();
        self.value = None;
        self.within = Within::Nothing;
        self.astray = true;
        each(Part::Stray);
    }

    /// Adds a byte to the value that is being cut out.
    ///
    /// Without effect if none is.
    fn keep(&mut self, byte: u8) {
        if let Some((value, _)) = &mut self.value {
            value.push(byte);
        }
    }

    /// Begins to cut out a value that begins here, if it is wanted.
    ///
    /// It must be called before the container is opened: the depth is the number of those around the value.
    fn begin(&mut self) {
        let depth = self.open.len();
        let wanted = match self.target {
            Target::Values => depth == 0,
            Target::Items => depth == 1 && self.open.first() == Some(&b'['),
            Target::ItemsOf(key) => depth == 2 && self.open == b"{[" && self.key == key.as_bytes(),
            Target::TextOf(_) => false,
        };
        if wanted && self.value.is_none() {
            self.value = Some((Vec::new(), depth));
        }
    }

    /// Hands over the value that ended, if it is the one that is cut out.
    ///
    /// It must be called behind every value: at a comma, at the end of a container, and at the end of a string.
    fn ended(&mut self, each: Each<'_>) {
        if let Some((value, _)) = self.value.take_if(|(_, depth)| *depth == self.open.len()) {
            each(Part::Value(&value));
        }
    }
}

/// What an escape stands for, if it is complete.
///
/// Examples: `\n` has 2 bytes, `\u00e9` has 6, and the pair `\ud83d\ude00` has 12. None for half a pair.
fn decoded(escape: &[u8]) -> Option<String> {
    let complete = match escape.get(1) {
        None => false,
        Some(b'u') => escape.len() == 6 || escape.len() == 12,
        Some(_) => escape.len() == 2,
    };
    complete.then(|| serde_json::from_slice(&[b"\"", escape, b"\""].concat()).ok()).flatten()
}

/// Whether an escape is the first half of a pair.
///
/// Example: `\ud83d`. The second half of a pair is none.
fn is_high(escape: &[u8]) -> bool {
    let digits = escape.get(2..6).and_then(|digits| std::str::from_utf8(digits).ok());
    digits.and_then(|digits| u16::from_str_radix(digits, 16).ok()).is_some_and(|unit| (0xd800..0xdc00).contains(&unit))
}

/// Whether the first half of a pair stays alone before this byte.
///
/// A second half begins with a backslash and `u`.
fn is_alone(escape: &[u8], next: u8) -> bool {
    match escape.len() {
        6 => next != b'\\',
        7 => next != b'u',
        _ => false,
    }
}

/// A JSON value. Halves of pairs in its strings, which are no letters, become U+FFFD.
///
/// None for what is no JSON. The text is read again with U+FFFD only if it fails as it is.
pub(super) fn value(text: &[u8]) -> Option<Value> {
    serde_json::from_slice(text).ok().or_else(|| serde_json::from_slice(&mended(text)).ok())
}

/// A JSON text in which no half of a pair stands alone.
///
/// Example: `"\ud83d."` becomes `"\ufffd."`. Whole pairs and other escapes stay.
fn mended(text: &[u8]) -> Vec<u8> {
    let unit = |at: usize| {
        let digits = text.get(at..at + 6)?.strip_prefix(b"\\u")?;
        u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    };
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        let length = match (byte, unit(at)) {
            (b'\\', Some(0xd800..=0xdbff)) if matches!(unit(at + 6), Some(0xdc00..=0xdfff)) => 12,
            (b'\\', Some(0xd800..=0xdfff)) => {
                out.extend_from_slice(b"\\ufffd");
                at += 6;
                continue;
            }
            (b'\\', _) => 2,
            _ => 1,
        };
        let end = text.len().min(at + length);
        out.extend_from_slice(text.get(at..end).unwrap_or_default());
        at = end;
    }
    out
}

/// The first key of the object that a text begins with.
///
/// None if the text begins with no object, or ends within the key. Escapes in the key are not decoded.
pub(super) fn first_key(text: &[u8]) -> Option<&[u8]> {
    let text = text.trim_ascii_start().strip_prefix(b"{")?.trim_ascii_start().strip_prefix(b"\"")?;
    text.get(..memchr::memchr(b'"', text)?)
}
