//! The scan: a search for the few byte strings that connection records hold, and a parser for what stands around them.
//!
//! What a candidate is depends on the [`RECORD_MAX`] bytes around it alone, so that a log can be cut anywhere, into any
//! number of pieces, among any number of threads: the same events come out, in the same order.

use std::ops::Range;
use std::thread;

use memchr::memmem::Finder;
use memchr::{memchr_iter, memrchr_iter};

use crate::event::{Malformed, Parsed, Record};
use crate::format::{RECORD_MAX, RecordParser, Stretch};
use crate::session::Sessions;
use crate::sink::EventSink;
use crate::time::LogTime;

/// Bytes that are searched for all needles in turn while they are still in the processor's cache.
const CACHED: usize = 128 * 1024;
/// Bytes that a stretch may need before and behind itself to be read.
const MARGIN: usize = RECORD_MAX;
/// Bytes that are given to the threads at once.
const ROUND: usize = 8 * 1024 * 1024;
/// Bytes that are worth a thread.
const SHARE: usize = 512 * 1024;

/// What a language is called of which no catalogue could be had.
const UNKNOWN_LANGUAGE: &str = "an unknown language";

/// What a scan says of the log as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scanned {
    /// Bytes read.
    pub bytes: u64,
    /// Lines; a last one without its newline counts.
    pub lines: u64,
    /// When the first record was written, of any kind.
    pub first_at: Option<LogTime>,
    /// When the last record was written, of any kind.
    pub last_at: Option<LogTime>,
    /// Connection records that were understood.
    pub records: u64,
    /// The language of the connection records, where it is one that is not read.
    pub foreign: Option<&'static str>,
    /// Whether the last line has its newline.
    pub ends_whole: bool,
}

/// Scans one log that comes in pieces of any size.
pub struct Scanner<'p> {
    parser: &'p dyn RecordParser,
    finders: Vec<Finder<'p>>,
    threads: usize,
    round: usize,
    /// Whether some of the text holds sessions that are not understood.
    unreadable: bool,
    sessions: Sessions,
    /// The last of what was scanned, and what is still to be.
    buffer: Vec<u8>,
    /// Where in `buffer` the part begins that is still to be scanned.
    fresh: usize,
    /// Where in the log `buffer` begins.
    offset: u64,
    scanned: Scanned,
}

/// What one thread found, in order: where, and what.
type Found<'a> = Vec<(usize, Result<Record<'a>, Malformed>)>;

impl<'p> Scanner<'p> {
    /// A scan on at most `threads` threads.
    pub fn new(parser: &'p dyn RecordParser, threads: usize) -> Self {
        let finders = parser.needles().iter().map(|needle| Finder::new(*needle)).collect();
        let scanned = Scanned { ends_whole: true, ..Scanned::default() };
        Self {
            parser,
            finders,
            threads: threads.max(1),
            round: ROUND,
            unreadable: false,
            sessions: Sessions::default(),
            buffer: Vec::new(),
            fresh: 0,
            offset: 0,
            scanned,
        }
    }

    /// The same scan, of so many bytes at once. What is found does not depend on it; memory and speed do.
    #[must_use]
    pub fn in_rounds_of(mut self, bytes: usize) -> Self {
        self.round = bytes.max(1);
        self
    }

    /// Takes the next piece of the log.
    pub fn push(&mut self, piece: &[u8], sink: &mut dyn EventSink) {
        self.buffer.extend_from_slice(piece);
        while self.buffer.len() >= self.fresh + self.round + MARGIN {
            self.round(self.round, false, sink);
        }
    }

    /// Ends the log.
    pub fn finish(mut self, sink: &mut dyn EventSink) -> Scanned {
        let rest = self.buffer.len() - self.fresh;
        self.round(rest, true, sink);
        self.scanned.lines += u64::from(!self.scanned.ends_whole);
        if self.scanned.records == 0 && self.unreadable {
            self.scanned.foreign = self.scanned.foreign.or(Some(UNKNOWN_LANGUAGE));
        }
        self.scanned
    }

    /// Scans a whole log that is in memory, or mapped into it.
    pub fn scan(mut self, text: &[u8], sink: &mut dyn EventSink) -> Scanned {
        let mut at = 0;
        while at < text.len() {
            let end = text.len().min(at + self.round);
            let stretch = Stretch { text, starts: true, ends: true };
            self.stretch(stretch, at..end, sink);
            at = end;
        }
        self.finish(sink)
    }

    /// Scans the next `length` bytes of the buffer, and forgets what is no longer needed of it.
    fn round(&mut self, length: usize, ends: bool, sink: &mut dyn EventSink) {
        let buffer = std::mem::take(&mut self.buffer);
        let range = self.fresh..self.fresh + length;
        let starts = self.offset == 0;
        self.stretch(Stretch { text: &buffer, starts, ends }, range.clone(), sink);
        self.buffer = buffer;
        let done = range.end.saturating_sub(MARGIN);
        self.buffer.drain(..done);
        self.offset += done as u64;
        self.fresh = range.end - done;
    }

    /// Scans a range of a stretch on all threads, and passes on what was found in its order.
    fn stretch(&mut self, stretch: Stretch<'_>, range: Range<usize>, sink: &mut dyn EventSink) {
        let shares = self.threads.min(range.len() / SHARE).max(1);
        let width = range.len().div_ceil(shares);
        let share = |index: usize| {
            let from = range.start + index * width;
            from..range.end.min(from + width)
        };
        let (parser, finders) = (self.parser, self.finders.as_slice());
        let look = |range| search(parser, finders, stretch, range);
        let parts: Vec<_> = thread::scope(|scope| {
            let others: Vec<_> = (1..shares).map(|index| scope.spawn(move || look(share(index)))).collect();
            let first = look(share(0));
            std::iter::once(Ok(first)).chain(others.into_iter().map(thread::ScopedJoinHandle::join)).collect()
        });
        let before = self.scanned.records;
        for part in parts {
            let (found, lines) = part.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            self.scanned.lines += lines;
            for (at, what) in found {
                match what {
                    Ok(record) => {
                        self.scanned.records += 1;
                        if let Some(event) = self.sessions.join(record) {
                            sink.event(&event);
                        }
                    }
                    Err(cause) => sink.malformed(self.offset + at as u64, cause),
                }
            }
        }
        let understood = self.scanned.records - before;
        self.survey(stretch, range, understood);
    }

    /// Takes note of what a range says of the log as a whole. A line belongs to the range that it begins in.
    fn survey(&mut self, stretch: Stretch<'_>, range: Range<usize>, understood: u64) {
        let text = stretch.text.get(range.clone()).unwrap_or_default();
        if text.is_empty() {
            return;
        }
        let first = self.scanned.bytes == 0;
        self.scanned.bytes += text.len() as u64;
        self.scanned.ends_whole = text.ends_with(b"\n");
        let time = |line_at: &usize| {
            let line = stretch.text.get(*line_at..).unwrap_or_default();
            self.parser.time(line.split(|byte| *byte == b'\n').next().unwrap_or(line))
        };
        let opens = range.start == 0 || stretch.text.get(range.start - 1) == Some(&b'\n');
        let opening = opens.then_some(range.start);
        let lines = |newline: usize| Some(range.start + newline + 1).filter(|line_at| *line_at < range.end);
        if self.scanned.first_at.is_none() {
            let begin = opening.into_iter().chain(memchr_iter(b'\n', text).filter_map(lines));
            self.scanned.first_at = begin.into_iter().find_map(|line_at| time(&line_at));
        }
        let last = memrchr_iter(b'\n', text).filter_map(lines).chain(opening).find_map(|line_at| time(&line_at));
        self.scanned.last_at = last.or(self.scanned.last_at);
        // Where there are no records that are understood, there may be some in another language.
        if (first || understood == 0) && self.scanned.foreign.is_none() {
            self.scanned.foreign = self.parser.foreign(text);
        }
        if self.scanned.records == 0 && !self.unreadable {
            // A record may go on behind the range.
            self.unreadable = self.parser.has_unreadable_sessions(stretch.text.get(range.start..).unwrap_or_default());
        }
    }
}

/// Searches a range for needles, reads what stands around them, and counts lines.
fn search<'a>(
    parser: &dyn RecordParser,
    finders: &[Finder<'_>],
    stretch: Stretch<'a>,
    range: Range<usize>,
) -> (Found<'a>, u64) {
    let mut found = Vec::new();
    let mut hits: Vec<(usize, usize)> = Vec::new();
    let mut lines = 0;
    let mut at = range.start;
    while at < range.end {
        let end = range.end.min(at + CACHED);
        hits.clear();
        for (needle, finder) in finders.iter().enumerate() {
            // A needle may begin here and end behind.
            let reach = stretch.text.len().min(end + finder.needle().len() - 1);
            let text = stretch.text.get(at..reach).unwrap_or_default();
            hits.extend(finder.find_iter(text).map(|hit| (at + hit, needle)));
        }
        hits.sort_unstable();
        for (hit, needle) in &hits {
            match parser.read(stretch, *needle, *hit) {
                Parsed::Record(record) => found.push((*hit, Ok(record))),
                Parsed::Malformed(cause) => found.push((*hit, Err(cause))),
                Parsed::NotARecord => {}
            }
        }
        lines += memchr_iter(b'\n', stretch.text.get(at..end).unwrap_or_default()).count() as u64;
        at = end;
    }
    (found, lines)
}
