//! The output of `aws logs filter-log-events --query 'events[*].[timestamp,message]' --output text` and of other lists of
//! fields: tabs between the fields, of which one is a time in milliseconds.
//!
//! Example, in which `<TAB>` is a tab:
//!
//! ```text
//! 1790000000123<TAB>2026-11-23 18:46:20 UTC::@:[57]:LOG:  connection received: host=10.0.1.5 port=41234
//! ```
//!
//! Lines of a message behind its first have no fields. Events are not sorted: they come in the order of the CLI.
//!
//! Source: `awscli/text.py` of the AWS CLI.

use super::lines::Lines;
use super::{Contents, Envelope, EnvelopeError, Head, Members, Nowhere, Shown, Unwrap, without_return};
use crate::detect::detect;
use crate::digits;
use crate::format::RecordParser;

/// A stream's name may be among the fields. It looks like any other field, so it names no member.
pub(super) const ENVELOPE: Envelope = Envelope {
    name: "CloudWatch Logs fields (text)",
    caveat: Some(
        "this output does not name log streams: if the log group has several, their lines are read as one log",
    ),
    names_members: false,
    delivery: None,
    open,
};

/// Most fields before and behind a message.
const FIELDS: usize = 3;
/// Lines that the first event may have.
const LINES: usize = 20;

/// Opens text with tabs, if a log is there without some of the fields.
///
/// None if no time is among the first or the last three fields, or if no log is behind them. Fields are counted first
/// before the message, then behind it.
fn open(head: &Head<'_>) -> Option<Box<dyn Unwrap>> {
    let first = head.first();
    let fields = |line: &'_ [u8]| {
        line.split(|byte| *byte == b'\t').filter(|_| line.contains(&b'\t')).map(is_time).collect::<Vec<_>>()
    };
    let in_front = fields(first).into_iter().take(FIELDS).position(|is_time| is_time);
    // The first event may have several lines.
    let behind = |line: &[u8]| fields(line).into_iter().rev().take(FIELDS).position(|is_time| is_time);
    let (line, behind) = match head.lines().take(LINES).find_map(|line| Some((line, behind(line)?))) {
        Some((line, behind)) => (line, Some(behind)),
        None => (first, None),
    };
    // A time in front decides first. More fields come first, so that none is taken for a part of a `log_line_prefix`: then
    // a time must be behind them, and not only what begins a record.
    let ways = |time: Option<usize>| time.into_iter().flat_map(|time| time + 1..=FIELDS);
    let front = ways(in_front).map(|count| (count, 0));
    let back = ways(behind).map(|count| (0, count));
    let timed = front.clone().collect::<Vec<_>>().into_iter().rev().map(|way| (way, true));
    let any = front.chain(back).map(|way| (way, false));
    let mut ways = timed.chain(any).filter(|((before, after), timed)| {
        let mut tried = Fields::new(*before, *after);
        tried.line(if *after > 0 { line } else { first }, &mut Nowhere);
        tried.contents.events > 0 && shows(head, tried.emptied(), *timed)
    });
    ways.next().map(|((before, after), _)| Box::new(Fields::new(before, after)) as _)
}

/// Whether a log is there without so many fields before and behind each message.
///
/// The first 64 KiB are looked at. With `timed`, a line must have a time that the parser reads.
fn shows(head: &Head<'_>, mut tried: Fields, timed: bool) -> bool {
    let mut shown = Shown::default();
    let pushed = tried.push(head.text.get(..64 * 1024).unwrap_or(head.text), &mut shown);
    if pushed.and_then(|()| tried.finish(&mut shown)).is_err() {
        return false;
    }
    let mut lines = shown.0.split(|byte| *byte == b'\n');
    let line = lines.next().unwrap_or_default();
    let mut has_time =
        |parser: &dyn RecordParser| parser.time(line).is_some() || lines.any(|line| parser.time(line).is_some());
    detect(&shown.0, head.hints).is_some_and(|parser| parser.begins(line) && (!timed || has_time(parser.as_ref())))
}

/// Whether a field is a time in milliseconds since 1970.
///
/// It has 13 digits, the first of them a 1: from 2001-09-09 to 2033-05-18.
fn is_time(field: &[u8]) -> bool {
    field.len() == 13 && field.starts_with(b"1") && digits::all(field)
}

/// Reads the lines.
struct Fields {
    /// Fields before each message; 0 if it comes first.
    before: usize,
    /// Fields behind each message; 0 if it comes last.
    after: usize,
    lines: Lines,
    /// The counts so far. Nothing counts as a misfit here.
    contents: Contents,
}

impl Fields {
    /// Reads lines with so many fields before and behind each message.
    fn new(before: usize, after: usize) -> Self {
        Self { before, after, lines: Lines::default(), contents: Contents::default() }
    }

    /// The same, before any line.
    fn emptied(&self) -> Self {
        Self::new(self.before, self.after)
    }

    /// Takes the next line.
    ///
    /// A line without a time among its fields is more text of the event before it. It is passed on as it is.
    fn line(&mut self, line: &[u8], out: &mut dyn Members) {
        let line = without_return(line);
        let front = line.splitn(self.before + 1, |byte| *byte == b'\t').collect::<Vec<_>>();
        let begins = front.len() == self.before + 1 && front.iter().take(self.before).any(|field| is_time(field));
        let mut text = match front.last() {
            Some(text) if begins => text,
            _ => line,
        };
        let mut ends = false;
        if self.after > 0 {
            let back = text.rsplitn(self.after + 1, |byte| *byte == b'\t').collect::<Vec<_>>();
            ends = back.len() == self.after + 1 && back.iter().take(self.after).any(|field| is_time(field));
            text = back.last().filter(|_| ends).copied().unwrap_or(text);
        }
        self.contents.events += u64::from(begins || ends);
        out.write("", text);
        out.write("", b"\n");
    }
}

impl Unwrap for Fields {
    fn push(&mut self, piece: &[u8], out: &mut dyn Members) -> Result<(), EnvelopeError> {
        let mut lines = std::mem::take(&mut self.lines);
        let result = lines.push(piece, |line| self.line(line, out));
        self.lines = lines;
        result
    }

    fn finish(&mut self, out: &mut dyn Members) -> Result<Contents, EnvelopeError> {
        if let Some(line) = self.lines.last() {
            self.line(&line, out);
        }
        Ok(self.contents)
    }
}
