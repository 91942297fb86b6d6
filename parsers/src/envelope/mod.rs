//! Envelopes: how AWS's own tools, container runtimes and encodings wrap the lines of an engine log.
//!
//! Bytes in, bytes out: what an envelope holds comes out as the engine wrote it, one event behind the other, whatever
//! pieces it arrives in. The beginning of a log shows its envelope. A log without an envelope is plain. Nothing is
//! dropped in silence: a part that does not match is counted, and passed on if it may be text of an event.
//!
//! One log takes these steps:
//!
//! 1. [`Decoder`] turns its bytes into UTF-8.
//! 2. [`Wrapping::of`] looks at its beginning and its end, and names the envelope.
//! 3. [`Unwrapper::push`] takes its pieces, and writes what they hold to a [`Members`].
//! 4. [`Unwrapper::finish`] returns the [`Contents`]: counts, and whether the log is cut.
//!
//! An [`Unwrapper`] removes one envelope. It does not look for another one within it.

mod awslogs;
mod carriage_returns;
mod cloudwatch_export;
mod coloured;
mod compose;
mod docker;
mod encoding;
mod events_csv;
mod events_json;
mod events_text;
mod firehose;
mod json;
mod json_lines;
mod json_strings;
mod lines;
mod logs_tail;
mod messages_text;
mod order;
mod portion;
mod query_text;
mod unsupported;

use std::fmt;

pub use encoding::{Decoder, Encoding};
pub use unsupported::Unsupported;

use crate::detect::Hints;

/// Longest line, event or JSON value that is held in memory.
const PART_MAX: usize = 16 * 1024 * 1024;

/// Most bytes of events that are held to sort them.
const SORTED_MAX: usize = 256 * 1024 * 1024;

/// Takes what an envelope holds.
pub trait Members {
    /// Takes the next bytes of a member. Its name is empty where the envelope names no log stream.
    ///
    /// The bytes may end anywhere, in the middle of a line too. Bytes of one event come one behind the other.
    fn write(&mut self, member: &str, bytes: &[u8]);

    /// Says what the next bytes are of: an event of CloudWatch Logs. Only envelopes with a [delivery](Envelope::delivery)
    /// call it.
    fn event(&mut self, _: EventTag<'_>) {}
}

/// What CloudWatch Logs says of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventTag<'e> {
    /// Milliseconds since 1970-01-01T00:00:00Z; none if the envelope has no usable time for it.
    pub at: Option<i64>,
    /// Its id, which no other event of the stream has; empty if the envelope has none.
    pub id: &'e str,
    /// The account of the log group; empty if the envelope does not name it.
    pub account: &'e str,
}

/// What an envelope held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// Events that match the envelope.
    pub events: u64,
    /// Parts that did not: lines, CSV records or JSON values.
    pub misfits: u64,
    /// Events that were delivered again, and are passed on once.
    pub duplicates: u64,
    /// Events that are older than the one before them.
    pub disordered: u64,
    /// Whether it ends in the middle of an event.
    pub cut: bool,
    /// Whether it says that more pages follow its last one.
    pub more: bool,
    /// Whether it is a page of a call that fetches one page only, and does not say whether it is the last.
    pub page: bool,
}

/// Why an envelope cannot be read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnvelopeError {
    /// A line, an event or a JSON value is longer than 16 MiB.
    TooLong,
    /// Events are listed newest first, and more than 256 MiB of them.
    TooManyToSort,
}

impl fmt::Display for EnvelopeError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::TooLong => "an event is longer than 16 MiB",
            Self::TooManyToSort => "the events are listed newest first, and exceed 256 MiB, the maximum for sorting",
        })
    }
}

impl EnvelopeError {
    /// What to do about it.
    pub fn advice(self) -> &'static str {
        match self {
            Self::TooLong => "download the log again as JSON, with `aws logs filter-log-events --output json`",
            Self::TooManyToSort => "export it with the oldest events first: end the query with `| sort @timestamp asc`",
        }
    }
}

impl std::error::Error for EnvelopeError {}

/// How CloudWatch Logs delivers events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Delivery {
    /// By an export task to S3, which leaves nothing out.
    Export,
    /// By a subscription, whose filter pattern may leave events out.
    Subscription,
    /// As the answer to a query, whose filter pattern may leave events out.
    Query,
}

/// One kind of envelope.
#[derive(Debug)]
pub struct Envelope {
    /// The name used in reports.
    pub name: &'static str,
    /// What a reader of its counts should know.
    pub caveat: Option<&'static str>,
    /// Whether it names the log stream of each event.
    pub names_members: bool,
    /// How CloudWatch Logs delivered its events, each with a time. None for other text.
    pub delivery: Option<Delivery>,
    /// Reads it, if a log that begins like this is one.
    /// It is called twice: to recognise the envelope, and to read it. So it must not depend on anything but the head.
    open: fn(&Head<'_>) -> Option<Box<dyn Unwrap>>,
}

/// The envelopes, in the order in which they are tried. Those that are known by less come later.
static ENVELOPES: &[Envelope] = &[
    events_json::ENVELOPE,
    events_json::MESSAGES,
    portion::JSON,
    firehose::ENVELOPE,
    docker::JSON_FILE,
    json_lines::ENVELOPE,
    events_csv::ENVELOPE,
    json_strings::ENVELOPE,
    events_text::ENVELOPE,
    query_text::ENVELOPE,
    portion::TEXT,
    docker::CONTAINER_RUNTIME,
    docker::TIMESTAMPS,
    cloudwatch_export::ENVELOPE,
    logs_tail::DETAILED,
    logs_tail::SHORT,
    awslogs::ENVELOPE,
    compose::ENVELOPE,
    messages_text::ENVELOPE,
    coloured::ENVELOPE,
    carriage_returns::ENVELOPE,
    portion::PAGES,
];

/// What a log is wrapped in.
#[derive(Clone, Copy, Debug)]
pub enum Wrapping {
    /// Nothing: it is as the engine wrote it, or no log at all.
    Plain,
    /// An envelope.
    Envelope(&'static Envelope),
    /// An envelope that is not read.
    Unsupported(&'static Unsupported),
}

impl Wrapping {
    /// The wrapping of a log that begins with `head` and ends with `tail`, in UTF-8.
    ///
    /// The first envelope that opens the head wins. Envelopes that are not read are looked for last.
    pub fn of(head: &[u8], tail: Tail<'_>, hints: &Hints) -> Self {
        let head = Head::new(head, tail, hints);
        if let Some(envelope) = ENVELOPES.iter().find(|envelope| (envelope.open)(&head).is_some()) {
            return Self::Envelope(envelope);
        }
        unsupported::of(&head).map_or(Self::Plain, Self::Unsupported)
    }
}

/// Unwraps one log.
///
/// It needs memory for one line, event or JSON value. Events that are listed newest first are all held.
pub struct Unwrapper(Box<dyn Unwrap>);

impl fmt::Debug for Unwrapper {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("Unwrapper").finish()
    }
}

impl Unwrapper {
    /// Unwraps a log that begins with `head`. None if it is no such envelope. Push the head, too.
    pub fn new(envelope: &Envelope, head: &[u8], tail: Tail<'_>, hints: &Hints) -> Option<Self> {
        (envelope.open)(&Head::new(head, tail, hints)).map(Self)
    }

    /// Takes the next piece.
    ///
    /// # Errors
    ///
    /// When a part of it is longer than what is held in memory.
    pub fn push(&mut self, piece: &[u8], out: &mut dyn Members) -> Result<(), EnvelopeError> {
        self.0.push(piece, out)
    }

    /// Ends the log.
    ///
    /// # Errors
    ///
    /// As [`Self::push`].
    pub fn finish(mut self, out: &mut dyn Members) -> Result<Contents, EnvelopeError> {
        self.0.finish(out)
    }
}

/// What is known of the end of a log of which the beginning is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tail<'t> {
    /// The beginning is all of it.
    Whole,
    /// It ends with these bytes.
    Known(&'t [u8]),
    /// It is still to come.
    Unknown,
}

/// The beginning of a log, and what is known of its end.
struct Head<'h> {
    /// The beginning, in UTF-8. Its last line may be cut.
    text: &'h [u8],
    /// Whether that is all of it.
    whole: bool,
    /// The last bytes of the log, where they are known.
    tail: &'h [u8],
    /// What is known of the engine and the format, for detecting what an envelope holds.
    hints: &'h Hints,
}

impl<'h> Head<'h> {
    /// The beginning of a log, with its end.
    fn new(text: &'h [u8], tail: Tail<'h>, hints: &'h Hints) -> Self {
        let (whole, tail) = match tail {
            Tail::Whole => (true, text),
            Tail::Known(tail) => (false, tail),
            Tail::Unknown => (false, &[][..]),
        };
        Self { text, whole, tail, hints }
    }

    /// Its lines, without the last if that may go on.
    ///
    /// Carriage returns at the ends of lines are left out. Empty lines are kept.
    fn lines(&self) -> impl Iterator<Item = &'h [u8]> + use<'h> {
        let end = match self.text.strip_suffix(b"\n") {
            Some(lines) => Some(lines),
            None if self.whole => Some(self.text),
            None => memchr::memrchr(b'\n', self.text).and_then(|newline| self.text.get(..newline)),
        };
        end.into_iter().flat_map(|lines| lines.split(|byte| *byte == b'\n')).map(without_return)
    }

    /// The beginning of its first line that is not empty.
    ///
    /// It may be cut if the head holds no newline. Empty if the head is blank.
    fn first(&self) -> &'h [u8] {
        let text = self.text.trim_ascii_start();
        memchr::memchr(b'\n', text).and_then(|newline| text.get(..newline)).map_or(text, without_return)
    }

    /// What an envelope holds as far as the head goes; none where it is none.
    ///
    /// It reads the head with `unwrap`, and drops what comes out. None also if the head is cut before its first event ends.
    fn tried(&self, unwrap: &mut dyn Unwrap) -> Option<Contents> {
        unwrap.push(self.text, &mut Nowhere).ok()?;
        let contents = unwrap.finish(&mut Nowhere).ok()?;
        // The head cuts what goes on behind it.
        (self.whole || contents.events > 0).then_some(contents)
    }

    /// Whether at least nine of ten parts match the envelope.
    ///
    /// False without any event, and if `unwrap` fails.
    fn fits(&self, mut unwrap: impl Unwrap) -> bool {
        self.tried(&mut unwrap).is_some_and(|contents| contents.events > 0 && contents.misfits * 9 <= contents.events)
    }
}

/// Reads one kind of envelope.
trait Unwrap: Send {
    /// Takes the next piece, of any size, and passes on what is complete.
    fn push(&mut self, piece: &[u8], out: &mut dyn Members) -> Result<(), EnvelopeError>;
    /// Passes on what is still held, and returns the counts. It is called once.
    fn finish(&mut self, out: &mut dyn Members) -> Result<Contents, EnvelopeError>;
}

/// Takes everything, and keeps nothing.
struct Nowhere;

impl Members for Nowhere {
    fn write(&mut self, _: &str, _: &[u8]) {}
}

/// Keeps what comes, whatever its member.
#[derive(Default)]
struct Shown(Vec<u8>);

impl Members for Shown {
    fn write(&mut self, _: &str, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }
}

/// Passes on the message of an event, which ends in one newline whatever the envelope has at its end.
///
/// Newlines within the message stay. An empty message becomes an empty line.
fn message(out: &mut dyn Members, member: &str, text: &[u8]) {
    let end = text.iter().rposition(|byte| !b"\r\n".contains(byte)).map_or(0, |last| last + 1);
    out.write(member, text.get(..end).unwrap_or_default());
    out.write(member, b"\n");
}

/// A line without the carriage return at its end.
fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// A text's first word, and what stands behind the blank that ends it.
///
/// None if the text begins with a blank or has none.
fn word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let blank = memchr::memchr(b' ', text).filter(|blank| *blank > 0)?;
    Some((text.get(..blank)?, text.get(blank + 1..)?))
}

/// A text without the terminal colours that it begins with.
///
/// A colour is `ESC [`, digits and semicolons, and `m`: `ESC [1;32m`. Other escape sequences stay.
fn uncoloured(text: &[u8]) -> &[u8] {
    let mut rest = text;
    while let Some(codes) = rest.strip_prefix(b"\x1b[") {
        let Some(end) = codes.iter().position(|byte| !byte.is_ascii_digit() && *byte != b';') else { break };
        match codes.get(end..).and_then(|end| end.strip_prefix(b"m")) {
            Some(behind) => rest = behind,
            None => break,
        }
    }
    rest
}

/// A member's name, made of the log group's and the stream's.
///
/// The two are joined by a slash: `/aws/rds/instance/db1/postgresql/db1.0`. Without a group it is the stream's name alone.
fn named(group: &[u8], stream: &[u8]) -> String {
    let (group, stream) = (String::from_utf8_lossy(group), String::from_utf8_lossy(stream));
    if group.is_empty() { stream.into_owned() } else { format!("{group}/{stream}") }
}
