//! The output of `aws logs get-log-events` and `filter-log-events` as text: a line an event, in the order of the fields'
//! names: `EVENTS`, ingestion time, message, time; with `filter-log-events`, the event's id and the log stream as well.
//! A message may have several lines. Tokens and the streams that were searched have lines of their own.
//!
//! Examples, in which `<TAB>` is a tab, one of each call:
//!
//! ```text
//! EVENTS<TAB>1790000000456<TAB>2026-11-23 18:46:20 UTC::@:[57]:LOG:  ...<TAB>1790000000123
//! EVENTS<TAB>3858<TAB>1790000000456<TAB>db1.0<TAB>2026-11-23 18:46:20 UTC::@:[57]:LOG:  ...<TAB>1790000000123
//! ```
//!
//! Source: `awscli/text.py` of the AWS CLI, and its output in `samples/envelopes`.

use super::lines::Lines;
use super::{Contents, Envelope, EnvelopeError, Head, Members, Unwrap, named, without_return};
use crate::digits;

/// Only `filter-log-events` names the streams. Events of `get-log-events` have no member's name.
pub(super) const ENVELOPE: Envelope =
    Envelope { name: "CloudWatch Logs events (text)", caveat: None, names_members: true, delivery: None, open };

/// Longest token that is known to be one.
const TOKEN_MAX: usize = 4096;

/// Opens text whose first line is an event, or the token of a page before one.
///
/// None if neither the first line nor what follows a token is an event. Nine of ten parts of the head must match.
fn open(head: &Head<'_>) -> Option<Box<dyn Unwrap>> {
    let mut lines = head.lines().filter(|line| !line.is_empty());
    let first = lines.next()?;
    let is_event = |line: &[u8]| filtered(line).is_some() || got(line).is_some();
    // A token may stand before the first event.
    let event = match is_event(first) {
        true => first,
        false if is_apart(first) || is_token(first) => lines.find(|line| is_event(line) || !is_apart(line))?,
        false => return None,
    };
    let begun = if filtered(event).is_some() { filtered } else { got };
    let new =
        || Events { begun, lines: Lines::default(), held: None, member: String::new(), contents: Contents::default() };
    (is_event(event) && head.fits(new())).then(|| Box::new(new()) as _)
}

/// Splits the beginning of an event into the stream's name and the message.
type Begun = fn(&[u8]) -> Option<(&[u8], &[u8])>;

/// Splits a field off, up to the next tab.
///
/// None without a tab. The field may be empty.
fn field(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let tab = memchr::memchr(b'\t', line)?;
    Some((line.get(..tab)?, line.get(tab + 1..)?))
}

/// Whether a field is a time in milliseconds since 1970.
///
/// It has 13 digits: `1790000000123`.
fn is_time(text: &[u8]) -> bool {
    text.len() == 13 && digits::all(text)
}

/// The message that an event of `get-log-events` begins with.
///
/// The stream's name is empty. None if the first field is no time.
fn got(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let (ingested, message) = field(line.strip_prefix(b"EVENTS\t")?)?;
    is_time(ingested).then_some((b"", message))
}

/// The log stream of an event of `filter-log-events`, and the message that it begins with.
///
/// The event's id stands before the time of ingestion. None if that is no time.
fn filtered(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let (_, rest) = field(line.strip_prefix(b"EVENTS\t")?)?;
    let (ingested, rest) = field(rest)?;
    is_time(ingested).then_some(())?;
    field(rest)
}

/// Whether a line belongs to no event.
///
/// These are streams that were searched, tokens of the next page, and `b/...` and `f/...` of `get-log-events`.
fn is_apart(line: &[u8]) -> bool {
    let between = line.starts_with(b"b/") && memchr::memmem::find(line, b"\tf/").is_some();
    line.starts_with(b"SEARCHEDLOGSTREAMS\t")
        || line.starts_with(b"NEXTTOKEN\t")
        || (between && line.len() <= TOKEN_MAX)
}

/// Whether a line is the token of a page.
///
/// It has letters, digits and `+/=_-.`. A word of a message may look like one, so it counts only before the first event.
fn is_token(line: &[u8]) -> bool {
    let letter = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=_-.".contains(byte);
    line.len() <= TOKEN_MAX && line.iter().all(letter)
}

/// Holds a line until the next one shows whether an event ends with it.
struct Events {
    /// Either `got` or `filtered`, as the first event shows.
    begun: Begun,
    lines: Lines,
    /// The last line so far. None before the first event, and behind a line that belongs to none.
    held: Option<Vec<u8>>,
    /// The log stream of the event that is held.
    member: String,
    contents: Contents,
}

impl Events {
    /// Takes the next line.
    fn line(&mut self, line: &[u8], out: &mut dyn Members) {
        let line = without_return(line);
        if let Some((stream, message)) = (self.begun)(line) {
            self.end(out);
            self.contents.events += 1;
            self.member = named(b"", stream);
            self.held = Some(message.to_vec());
        } else if is_apart(line) || (self.contents.events == 0 && self.held.is_none() && is_token(line)) {
            self.end(out);
            self.contents.more |= line.starts_with(b"NEXTTOKEN\t");
            self.contents.page |= line.starts_with(b"b/");
        } else {
            // More lines of an event; the first of them may be what is left of one that does not fit.
            self.contents.misfits += u64::from(self.held.is_none());
            if let Some(held) = self.held.replace(line.to_vec()) {
                out.write(&self.member, &held);
                out.write(&self.member, b"\n");
            }
        }
    }

    /// Ends an event with the line that is held, which has the event's time at its end.
    ///
    /// A held line without a time is a misfit, and is passed on whole.
    fn end(&mut self, out: &mut dyn Members) {
        let Some(held) = self.held.take() else { return };
        let tab = memchr::memrchr(b'\t', &held).filter(|tab| held.get(tab + 1..).is_some_and(is_time));
        self.contents.misfits += u64::from(tab.is_none());
        let text = held.get(..tab.unwrap_or(held.len())).unwrap_or_default();
        // A message that ends in a newline has the time on a line of its own.
        if !text.is_empty() {
            out.write(&self.member, text);
            out.write(&self.member, b"\n");
        }
    }
}

impl Unwrap for Events {
    fn push(&mut self, piece: &[u8], out: &mut dyn Members) -> Result<(), EnvelopeError> {
        let mut lines = std::mem::take(&mut self.lines);
        let result = lines.push(piece, |line| self.line(line, out));
        self.lines = lines;
        result
    }

    fn finish(&mut self, out: &mut dyn Members) -> Result<Contents, EnvelopeError> {
        match self.lines.last() {
            Some(line) if memchr::memrchr(b'\t', &line).is_some_and(|tab| line.get(tab + 1..).is_some_and(is_time)) => {
                self.line(&line, out);
                self.end(out);
            }
            Some(line) => {
                // The last event is cut, and so is the line that is passed on.
                self.contents.cut = true;
                self.line(&line, out);
                if let Some(held) = self.held.take() {
                    out.write(&self.member, &held);
                }
            }
            None => self.end(out),
        }
        Ok(self.contents)
    }
}
