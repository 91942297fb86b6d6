//! The scan: a search for the few byte strings that connection records hold, and a parser for what stands around them.
//!
//! What a candidate is depends on the [`RECORD_MAX`] bytes around it alone, so that a log can be cut anywhere, into any
//! number of blocks, among any number of threads: the same events come out, in the same order. Each thread takes the
//! next block, searches it, and waits for its turn to pass on what it found. Only as many blocks as there are threads
//! are ever in memory.

use std::convert::Infallible;
use std::ops::{Deref, Range};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use memchr::memmem::Finder;
use memchr::{memchr, memchr_iter, memrchr, memrchr_iter};

use crate::event::{Malformed, Micros, Parsed};
use crate::format::{Chronology, Chunk, RECORD_MAX, RecordParser, TRUNCATED};
use crate::lines::undecorated;
use crate::mixed::{BEGINNING, other_format_at_end, other_format_behind, places};
use crate::session::Sessions;
use crate::sink::EventSink;
use crate::time::LogTime;

/// Bytes that are searched for all needles in turn while they are still in the processor's cache.
const CACHED: usize = 128 * 1024;
/// Bytes that a block may need before and behind itself to be read.
const MARGIN: usize = RECORD_MAX;
/// Bytes that a thread takes at once.
const BLOCK: usize = 2 * 1024 * 1024;
/// Longest line whose end RDS cut off that may be a connection record.
const CUT_MAX: usize = 16 * 1024;
/// Bytes at the beginning of a log in which such lines are looked for. RDS cuts a few lines in a gigabyte, of which one in
/// hundreds is a connection record without its first words: a search of more would cost all logs a fifth of their speed.
const MARKED: u64 = 64 * 1024 * 1024;
/// Bytes that may stand behind the mark of such a line.
const MARK_END: usize = 64;
/// By how much a record may be earlier than one before it: processes take turns, and clocks are put right.
const APART: Micros = 60_000_000;
/// Bytes at the beginning of a log in which its language is looked for even where some records are understood.
const LANGUAGE: u64 = 8 * 1024 * 1024;

/// What a language is called of which no catalogue could be had.
pub const UNKNOWN_LANGUAGE: &str = "an unknown language";

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
    pub unsupported_language: Option<&'static str>,
    /// Whether the first line is the beginning of no record: the log may begin in the middle of one.
    pub begins_within: bool,
    /// Whether the last line has its newline.
    pub ends_whole: bool,
    /// Whether times go back, in a log that is written in the order of time: joined logs, a clock that was changed, or lines that
    /// a client wrote.
    pub disordered: bool,
}

/// Scans one log.
pub struct Scanner<'p> {
    search: Search<'p>,
    threads: usize,
    block: usize,
    total: Total,
    /// The last of what was pushed and scanned, and what is still to be.
    buffer: Vec<u8>,
    /// Where in `buffer` the part begins that is still to be scanned.
    fresh: usize,
    /// Where in the log `buffer` begins.
    offset: u64,
}

impl<'p> Scanner<'p> {
    /// A scan on at most `threads` threads.
    pub fn new(parser: &'p dyn RecordParser, threads: usize) -> Self {
        let finders = parser.needles().iter().copied().chain([TRUNCATED]).map(Finder::new).collect();
        let scanned = Scanned { ends_whole: true, ..Scanned::default() };
        let clock = Clock { chronology: parser.chronology(), ..Clock::default() };
        Self {
            search: Search { parser, finders },
            threads: threads.max(1),
            block: BLOCK,
            total: Total { scanned, clock, ..Total::default() },
            buffer: Vec::new(),
            fresh: 0,
            offset: 0,
        }
    }

    /// The same scan, of so many bytes a thread at once. What is found does not depend on it; memory and speed do.
    #[must_use]
    pub fn in_blocks_of(mut self, bytes: usize) -> Self {
        self.block = bytes.max(1);
        self
    }

    /// The same scan, of a log that the server wrote from one time on and before another: no others are those of records without
    /// one.
    #[must_use]
    pub fn written_within(mut self, from: Option<Micros>, until: Micros) -> Self {
        self.total.clock.within = from.unwrap_or(Micros::MIN)..until;
        self
    }

    /// Takes the next piece of a log that comes in pieces of any size.
    pub fn push(&mut self, piece: &[u8], sink: &mut dyn EventSink) {
        self.buffer.extend_from_slice(piece);
        let ready = self.buffer.len().saturating_sub(self.fresh + MARGIN) / self.block;
        if ready >= self.threads {
            self.pushed(ready * self.block, false, sink);
        }
    }

    /// Ends a log that came in pieces.
    pub fn finish(mut self, sink: &mut dyn EventSink) -> Scanned {
        self.pushed(self.buffer.len() - self.fresh, true, sink);
        self.total.end(sink)
    }

    /// Scans a whole log that is in memory.
    pub fn scan(self, text: &[u8], sink: &mut dyn EventSink) -> Scanned {
        let Ok(scanned) = self.scan_at(text.len() as u64, |range| Ok::<_, Infallible>(part(text, &range)), sink);
        scanned
    }

    /// Scans a whole log of `length` bytes that can be seen anywhere: `view` gives the bytes of a range, of up to
    /// [`Scanner::in_blocks_of`] bytes and what stands around them. Fewer end the log there, wherever it was to end.
    ///
    /// # Errors
    ///
    /// Those of `view`. What stands before the block that could not be seen is found all the same.
    pub fn scan_at<V: Deref<Target = [u8]>, E: Send>(
        mut self,
        length: u64,
        view: impl Fn(Range<u64>) -> Result<V, E> + Sync,
        sink: &mut dyn EventSink,
    ) -> Result<Scanned, E> {
        self.blocks(0..length, Source { length, ends: true, view }, sink)?;
        Ok(self.total.end(sink))
    }

    /// Scans the next `bytes` of what was pushed, and forgets what is no longer needed of it.
    fn pushed(&mut self, bytes: usize, ends: bool, sink: &mut dyn EventSink) {
        let mut buffer = std::mem::take(&mut self.buffer);
        let (offset, from) = (self.offset, self.offset + self.fresh as u64);
        let view = |range: Range<u64>| Ok::<_, Infallible>(part(&buffer, &(range.start - offset..range.end - offset)));
        let source = Source { length: offset + buffer.len() as u64, ends, view };
        let Ok(()) = self.blocks(from..from + bytes as u64, source, sink);
        let end = self.fresh + bytes;
        let done = end.saturating_sub(MARGIN);
        buffer.drain(..done);
        self.buffer = buffer;
        self.offset += done as u64;
        self.fresh = end - done;
    }

    /// Scans a range of a log, block by block, on all threads.
    fn blocks<V: Deref<Target = [u8]>, E: Send>(
        &mut self,
        range: Range<u64>,
        source: Source<impl Fn(Range<u64>) -> Result<V, E> + Sync>,
        sink: &mut dyn EventSink,
    ) -> Result<(), E> {
        let size = self.block as u64;
        let next = AtomicU64::new(0);
        let (search, source) = (&self.search, &source);
        let turns = Turns::new(&mut self.total, sink);
        let work = || {
            let _leave = Leave(&turns);
            let mut expected = 0;
            loop {
                let block = next.fetch_add(1, Ordering::Relaxed);
                let from = range.start + block * size;
                if from >= range.end {
                    break;
                }
                match source.block(from..range.end.min(from + size)) {
                    Ok(seen) => {
                        let found = search.look(seen.chunk(), seen.range.clone(), seen.offset, expected);
                        // A few more, so that not every other block has to move what it found.
                        expected = found.records.len() + found.records.len() / 16;
                        turns.take(block, Ok(found));
                    }
                    Err(cause) => turns.take(block, Err(cause)),
                }
            }
        };
        let others = (range.end - range.start).div_ceil(size).min(self.threads as u64).saturating_sub(1);
        thread::scope(|scope| {
            for _ in 0..others {
                scope.spawn(work);
            }
            work();
        });
        turns.result()
    }
}

/// A log that can be seen anywhere up to a length.
struct Source<F> {
    length: u64,
    /// Whether the log ends there.
    ends: bool,
    view: F,
}

/// A range of a log, with what stands around it.
struct Block<V> {
    text: V,
    /// Whether the log begins, or ends, with the text.
    starts: bool,
    ends: bool,
    /// Where in the text the range is.
    range: Range<usize>,
    /// Where in the log the text begins.
    offset: u64,
}

impl<V: Deref<Target = [u8]>> Block<V> {
    fn chunk(&self) -> Chunk<'_> {
        Chunk { text: &self.text, starts: self.starts, ends: self.ends }
    }
}

impl<F> Source<F> {
    fn block<V: Deref<Target = [u8]>, E>(&self, range: Range<u64>) -> Result<Block<V>, E>
    where
        F: Fn(Range<u64>) -> Result<V, E>,
    {
        let offset = range.start.saturating_sub(MARGIN as u64);
        let until = self.length.min(range.end + MARGIN as u64);
        let text = (self.view)(offset..until)?;
        let within = |at: u64| text.len().min((at - offset) as usize);
        let range = within(range.start)..within(range.end);
        // A log that has become shorter ends where it ends now.
        let ends = (text.len() as u64) < until - offset || (self.ends && until == self.length);
        Ok(Block { starts: offset == 0, ends, range, offset, text })
    }
}

/// A range of a text, or what there is of it.
fn part<'t>(text: &'t [u8], range: &Range<u64>) -> &'t [u8] {
    let within = |at: u64| usize::try_from(at).map_or(text.len(), |at| at.min(text.len()));
    text.get(within(range.start)..within(range.end)).unwrap_or_default()
}

/// What one block shows.
struct Found<'a> {
    /// Where in the log the text begins that places are counted from.
    offset: u64,
    records: Vec<(usize, Parsed<'a>)>,
    scanned: Scanned,
    /// Whether there are sessions that are not understood.
    unreadable: bool,
    /// Where times stand, and which, where only changes are written.
    times: Vec<(usize, Micros)>,
}

/// What the blocks so far show together.
#[derive(Default)]
struct Total {
    scanned: Scanned,
    unreadable: bool,
    sessions: Sessions,
    clock: Clock,
}

impl Total {
    fn add(&mut self, found: Found<'_>, sink: &mut dyn EventSink) {
        let Found { offset, records, scanned, unreadable, times } = found;
        if scanned.bytes == 0 {
            return;
        }
        let mut times = times.into_iter().peekable();
        for (at, parsed) in records {
            match parsed {
                Parsed::Record(mut record) => {
                    // Only these are in the order of the log.
                    while let Some((_, time)) = times.next_if(|(place, _)| *place <= at) {
                        self.clock.tick(time);
                    }
                    record.at = self.clock.read(record.at);
                    if let Some(event) = self.sessions.join(record) {
                        sink.event(&event);
                    }
                }
                Parsed::Malformed(cause) => sink.malformed(offset + at as u64, cause),
                Parsed::NotARecord => {}
            }
        }
        times.for_each(|(_, time)| self.clock.tick(time));
        let total = &mut self.scanned;
        total.bytes += scanned.bytes;
        total.lines += scanned.lines;
        total.records += scanned.records;
        total.first_at = total.first_at.or(scanned.first_at);
        total.last_at = scanned.last_at.or(total.last_at);
        total.unsupported_language = total.unsupported_language.or(scanned.unsupported_language);
        total.begins_within |= scanned.begins_within;
        total.ends_whole = scanned.ends_whole;
        self.unreadable |= unreadable;
    }

    fn end(mut self, sink: &mut dyn EventSink) -> Scanned {
        while let Some(event) = self.sessions.oldest() {
            sink.event(&event);
        }
        self.scanned.lines += u64::from(!self.scanned.ends_whole);
        self.scanned.disordered = self.clock.disordered;
        if self.scanned.records == 0 && self.unreadable {
            self.scanned.unsupported_language = self.scanned.unsupported_language.or(Some(UNKNOWN_LANGUAGE));
        }
        self.scanned
    }
}

/// What time it was when the records were written.
///
/// Where a client can write whole lines, it can write any time, but not change what the server writes before and behind it:
/// the latest time so far is that of the server, or a later one that the server's next time contradicts. So no session is ever
/// moved to an earlier time.
struct Clock {
    chronology: Chronology,
    last: Option<Micros>,
    /// When the server wrote it, as far as that is known otherwise. A file may begin without a time, so that the first one that
    /// stands in it is a client's.
    within: Range<Micros>,
    disordered: bool,
}

impl Default for Clock {
    fn default() -> Self {
        let (chronology, within) = (Chronology::default(), Micros::MIN..Micros::MAX);
        Self { chronology, last: None, within, disordered: false }
    }
}

impl Clock {
    /// The time of a record, from what it says itself.
    fn read(&mut self, own: Option<Micros>) -> Option<Micros> {
        if let Some(own) = own {
            self.tick(own);
        }
        own.or(self.last)
    }

    /// Takes note of a time that is written.
    fn tick(&mut self, time: Micros) {
        match self.chronology {
            Chronology::Own => {}
            Chronology::Above => self.last = Some(time),
            Chronology::Ordered | Chronology::Changes if !self.within.contains(&time) => {}
            Chronology::Ordered | Chronology::Changes => {
                self.disordered |= self.last.is_some_and(|last| time < last.saturating_sub(APART));
                self.last = self.last.max(Some(time));
            }
        }
    }
}

/// Takes what the blocks show in the order of the blocks, whichever is searched first.
struct Turns<'t, E> {
    turn: Mutex<Turn<'t, E>>,
    changed: Condvar,
}

struct Turn<'t, E> {
    /// The block whose turn it is; none when all is over before its end.
    block: Option<u64>,
    error: Option<E>,
    total: &'t mut Total,
    sink: &'t mut dyn EventSink,
}

impl<'t, E> Turns<'t, E> {
    fn new(total: &'t mut Total, sink: &'t mut dyn EventSink) -> Self {
        Self { turn: Mutex::new(Turn { block: Some(0), error: None, total, sink }), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Turn<'t, E>> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the block's turn, and takes what it shows.
    fn take(&self, block: u64, found: Result<Found<'_>, E>) {
        let mut turn = self.lock();
        while turn.block.is_some_and(|current| current != block) {
            turn = self.changed.wait(turn).unwrap_or_else(PoisonError::into_inner);
        }
        let Turn { block: current, error, total, sink } = &mut *turn;
        match found {
            _ if current.is_none() => {}
            Ok(found) => {
                total.add(found, *sink);
                *current = Some(block + 1);
            }
            Err(cause) => {
                *error = Some(cause);
                *current = None;
            }
        }
        self.changed.notify_all();
    }

    fn result(self) -> Result<(), E> {
        match self.turn.into_inner().unwrap_or_else(PoisonError::into_inner).error {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}

/// Ends the turns when its thread panics, for the others would wait for its turn for ever.
struct Leave<'a, 't, E>(&'a Turns<'t, E>);

impl<E> Drop for Leave<'_, '_, E> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.lock().block = None;
            self.0.changed.notify_all();
        }
    }
}

/// The first line of a log, unless nothing is in it or it is longer than a connection record.
fn first_line(text: &[u8]) -> Option<&[u8]> {
    let text = text.get(..CUT_MAX).unwrap_or(text);
    memchr(b'\n', text).and_then(|end| text.get(..end)).filter(|line| !line.trim_ascii().is_empty())
}

/// What is searched for.
struct Search<'p> {
    parser: &'p dyn RecordParser,
    /// Those of the parser's needles, and the one of the mark of a line whose end was cut off.
    finders: Vec<Finder<'p>>,
}

impl Search<'_> {
    /// Searches a range of a chunk that begins at `offset` of the log, and takes note of what it says of the log as a
    /// whole. A line belongs to the range that it begins in.
    fn look<'a>(&self, chunk: Chunk<'a>, range: Range<usize>, offset: u64, expected: usize) -> Found<'a> {
        let mut records = Vec::with_capacity(expected);
        let lines = self.records(chunk, range.clone(), offset, &mut records);
        let understood = records.iter().filter(|(_, parsed)| matches!(parsed, Parsed::Record(_))).count() as u64;
        let text = chunk.text.get(range.clone()).unwrap_or_default();
        let opens = range.start == 0 || chunk.text.get(range.start - 1) == Some(&b'\n');
        let opening = opens.then_some(range.start);
        let line_at = |newline: usize| Some(range.start + newline + 1).filter(|line_at| *line_at < range.end);
        let time = |line_at: usize| {
            let line = chunk.text.get(line_at..).unwrap_or_default();
            self.parser.time(memchr(b'\n', line).and_then(|end| line.get(..end)).unwrap_or(line))
        };
        let times = match self.parser.chronology() {
            Chronology::Changes | Chronology::Above => {
                let lines = opening.into_iter().chain(memchr_iter(b'\n', text).filter_map(line_at));
                let begins = |at: &usize| chunk.text.get(*at).is_some_and(|byte| !b"\t ".contains(byte));
                lines.filter(begins).filter_map(|at| Some((at, time(at)?.at))).collect()
            }
            Chronology::Own | Chronology::Ordered => Vec::new(),
        };
        let mut forwards = opening.into_iter().chain(memchr_iter(b'\n', text).filter_map(line_at));
        let mut backwards = memrchr_iter(b'\n', text).filter_map(line_at).chain(opening);
        // Where there are no records that are understood, there may be some in another language.
        let unsupported_language = understood == 0 || offset + (range.start as u64) < LANGUAGE;
        let first = opening.filter(|at| *at == 0 && chunk.starts).and_then(|_| first_line(chunk.text));
        let scanned = Scanned {
            begins_within: first.is_some_and(|line| !self.parser.opens(line)),
            bytes: text.len() as u64,
            lines,
            first_at: forwards.find_map(time),
            last_at: backwards.find_map(time),
            records: understood,
            unsupported_language: if unsupported_language { self.parser.unsupported_language(text) } else { None },
            ends_whole: text.ends_with(b"\n"),
            disordered: false,
        };
        // A record may go on behind the range.
        let rest = || chunk.text.get(range.start..).unwrap_or_default();
        let unreadable = understood == 0 && self.parser.has_unreadable_sessions(rest());
        Found { offset, records, scanned, unreadable, times }
    }

    /// Searches a range for needles, reads what stands around them, and counts lines.
    fn records<'a>(
        &self,
        chunk: Chunk<'a>,
        range: Range<usize>,
        offset: u64,
        found: &mut Vec<(usize, Parsed<'a>)>,
    ) -> u64 {
        if offset == 0 && range.start == 0 && chunk.starts && self.begins_cut(chunk) {
            found.push((0, Parsed::Malformed(Malformed::Cut)));
        }
        found.extend(self.of_other_formats(chunk, range.clone(), offset));
        let mut hits: Vec<(usize, usize)> = Vec::new();
        let mut lines = 0;
        let mut at = range.start;
        while at < range.end {
            let end = range.end.min(at + CACHED);
            hits.clear();
            let mark = self.parser.needles().len();
            let is_marked = |place: usize| offset + (place as u64) < MARKED;
            let finders = self.finders.iter().enumerate().filter(|(needle, _)| *needle != mark || is_marked(at));
            for (needle, finder) in finders {
                // A needle may begin here and end behind.
                let reach = chunk.text.len().min(end + finder.needle().len() - 1);
                let text = chunk.text.get(at..reach).unwrap_or_default();
                hits.extend(finder.find_iter(text).map(|hit| (at + hit, needle)));
            }
            // Those of each needle are in order: what remains is to merge them.
            hits.sort();
            for (hit, needle) in &hits {
                let parsed = match *needle == mark {
                    true if is_marked(*hit) => self.truncated(chunk, *hit),
                    true => Parsed::NotARecord,
                    false => self.parser.read(chunk, *needle, *hit),
                };
                if !matches!(parsed, Parsed::NotARecord) {
                    found.push((*hit, parsed));
                }
            }
            lines += memchr_iter(b'\n', chunk.text.get(at..end).unwrap_or_default()).count() as u64;
            at = end;
        }
        lines
    }

    /// Records of other formats in a range, one for each place that was looked at.
    fn of_other_formats<'a>(
        &self,
        chunk: Chunk<'a>,
        range: Range<usize>,
        offset: u64,
    ) -> impl Iterator<Item = (usize, Parsed<'a>)> {
        let ends = chunk.ends && range.end == chunk.text.len();
        let at_end = ends.then(|| other_format_at_end(self.parser, chunk)).flatten();
        places(offset + range.start as u64, offset + range.end as u64)
            .filter_map(move |place| {
                other_format_behind(self.parser, chunk, (place - offset) as usize, place < BEGINNING)
            })
            .chain(at_end)
            .map(|at| (at, Parsed::Malformed(Malformed::OtherFormat)))
    }

    /// Reports a line that ends in the mark at `hit`, where it may be a connection record and shows none.
    fn truncated<'a>(&self, chunk: Chunk<'a>, hit: usize) -> Parsed<'a> {
        let text = chunk.text;
        let behind = text.get(hit + TRUNCATED.len()..).unwrap_or_default();
        let behind = behind.get(..MARK_END).unwrap_or(behind);
        let end = memchr(b'\n', behind).and_then(|end| behind.get(..end)).unwrap_or(behind);
        let floor = hit.saturating_sub(CUT_MAX);
        let begins = match text.get(floor..hit).and_then(|before| memrchr(b'\n', before)) {
            Some(newline) => floor + newline + 1,
            None if floor == 0 && chunk.starts => 0,
            // No connection record is that long.
            None => return Parsed::NotARecord,
        };
        let line = text.get(begins..hit).unwrap_or_default();
        let line = line.strip_suffix(b" ").unwrap_or(line);
        if !undecorated(end).is_empty() || !self.parser.may_be_cut_record(line) {
            return Parsed::NotARecord;
        }
        if self.tells_of(chunk, begins, line) { Parsed::NotARecord } else { Parsed::Malformed(Malformed::Cut) }
    }

    /// Whether the log begins with the end of a connection record.
    fn begins_cut(&self, chunk: Chunk<'_>) -> bool {
        let Some(line) = first_line(chunk.text) else { return false };
        !self.parser.begins(line) && self.parser.may_end_record(line) && !self.tells_of(chunk, 0, line)
    }

    /// Whether a line that begins at `begins` holds a record, or one that is reported.
    fn tells_of(&self, chunk: Chunk<'_>, begins: usize, line: &[u8]) -> bool {
        let finders = self.finders.iter().take(self.parser.needles().len()).enumerate();
        let mut hits = finders.flat_map(|(needle, finder)| finder.find_iter(line).map(move |at| (needle, begins + at)));
        hits.any(|(needle, at)| !matches!(self.parser.read(chunk, needle, at), Parsed::NotARecord))
    }
}
