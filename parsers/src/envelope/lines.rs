//! Lines of pieces of any size, and envelopes that put something before lines.
//!
//! The envelopes differ only in a function that splits one line. [`Prefixed`] does the rest: it recognises the envelope,
//! counts, and joins what goes on.

use memchr::memchr;

use super::{Contents, EnvelopeError, EventTag, Head, Members, PART_MAX, Unwrap, without_return};
use crate::detect::detect;

/// Cuts pieces into lines.
///
/// It holds the beginning of a line whose newline is still to come.
#[derive(Default)]
pub(super) struct Lines(Vec<u8>);

impl Lines {
    /// The lines that end in a piece, without their newlines.
    ///
    /// # Errors
    ///
    /// [`EnvelopeError::TooLong`] if the line that is still to end exceeds 16 MiB.
    pub(super) fn push(&mut self, piece: &[u8], mut each: impl FnMut(&[u8])) -> Result<(), EnvelopeError> {
        let mut rest = piece;
        while let Some(newline) = memchr(b'\n', rest) {
            let (line, behind) = rest.split_at(newline);
            rest = behind.get(1..).unwrap_or_default();
            if self.0.is_empty() {
                each(line);
            } else {
                self.0.extend_from_slice(line);
                each(&self.0);
                self.0.clear();
            }
        }
        self.0.extend_from_slice(rest);
        if self.0.len() > PART_MAX { Err(EnvelopeError::TooLong) } else { Ok(()) }
    }

    /// The last line, if it has no newline.
    ///
    /// None if the log ends in a newline. A second call gives none.
    pub(super) fn last(&mut self) -> Option<Vec<u8>> {
        let line = std::mem::take(&mut self.0);
        (!line.is_empty()).then_some(line)
    }
}

/// What an envelope puts before a line.
pub(super) struct Before<'l> {
    /// The log stream's name; empty where there is none.
    pub(super) member: String,
    /// The line.
    pub(super) line: &'l [u8],
    /// Whether the next line goes on with this one.
    /// No newline is passed on between them.
    pub(super) goes_on: bool,
    /// When the event was written, in milliseconds since 1970, if CloudWatch Logs says it.
    pub(super) at: Option<i64>,
}

impl<'l> Before<'l> {
    /// A line of a log without a name.
    pub(super) fn of(line: &'l [u8]) -> Self {
        Self { member: String::new(), line, goes_on: false, at: None }
    }

    /// A line of a log stream.
    ///
    /// An empty name is that of a log without one.
    pub(super) fn named(member: String, line: &'l [u8]) -> Self {
        Self { member, ..Self::of(line) }
    }
}

/// Splits the text before a line off. None if the line has none.
type Split = fn(&[u8]) -> Option<Before<'_>>;

/// An envelope that puts something before lines: before the first line of each event, or before every line.
pub(super) struct Prefixed {
    /// It sees lines without a carriage return at the end.
    split: Split,
    /// Whether it stands before every line; others are text of the event before them.
    every_line: bool,
    lines: Lines,
    /// The log stream of the last line that had a prefix.
    member: String,
    contents: Contents,
}

impl Prefixed {
    /// An envelope with something before the first line of each event.
    pub(super) fn events(split: Split) -> Self {
        Self { split, every_line: false, lines: Lines::default(), member: String::new(), contents: Contents::default() }
    }

    /// An envelope with something before every line.
    pub(super) fn lines(split: Split) -> Self {
        Self { every_line: true, ..Self::events(split) }
    }

    /// Reads a log with this beginning, if it is such an envelope: the first line must match, and most others.
    ///
    /// If events have many lines, few lines match. Then no parser may recognise the log as it is.
    ///
    /// Nine of ten lines must match if the prefix is on every line, and otherwise half of them. Empty lines do not count.
    pub(super) fn matching(self, head: &Head<'_>) -> Option<Box<dyn Unwrap>> {
        let matches = |line: &[u8]| (self.split)(line).is_some();
        if !matches(head.first()) {
            return None;
        }
        let mut counts = (0_u64, 0_u64);
        for line in head.lines().filter(|line| !line.is_empty()) {
            counts.0 += u64::from(matches(line));
            counts.1 += 1;
        }
        let (matching, all) = counts;
        let enough = match self.every_line {
            true => matching * 10 >= all * 9,
            false => matching * 2 >= all || detect(head.text, head.hints).is_none(),
        };
        enough.then(|| Box::new(self) as Box<dyn Unwrap>)
    }

    /// Takes a line. `ended` says whether its newline is there.
    ///
    /// A line without a prefix is passed on to the member of the line before it. It is a misfit if every line has a prefix.
    fn line(&mut self, line: &[u8], ended: bool, out: &mut dyn Members) {
        let mut ended = ended;
        let text = match (self.split)(without_return(line)) {
            Some(Before { member, line, goes_on, at }) => {
                self.contents.events += 1;
                out.event(EventTag { at, id: "", account: "" });
                self.member = member;
                ended &= !goes_on;
                line
            }
            None => {
                self.contents.misfits += u64::from(self.every_line && !line.trim_ascii().is_empty());
                line
            }
        };
        out.write(&self.member, text);
        if ended {
            out.write(&self.member, b"\n");
        }
    }
}

impl Unwrap for Prefixed {
    fn push(&mut self, piece: &[u8], out: &mut dyn Members) -> Result<(), EnvelopeError> {
        let mut lines = std::mem::take(&mut self.lines);
        let result = lines.push(piece, |line| self.line(line, true, out));
        self.lines = lines;
        result
    }

    fn finish(&mut self, out: &mut dyn Members) -> Result<Contents, EnvelopeError> {
        if let Some(line) = self.lines.last() {
            self.line(&line, false, out);
        }
        Ok(self.contents)
    }
}
