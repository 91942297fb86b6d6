//! The scan: a search for the few byte strings that connection records hold, and a parser for what stands around them.
//!
//! A candidate depends only on the [`RECORD_MAX`] bytes around it. So a log can be cut anywhere, into any number of blocks,
//! among any number of threads: the same events come out, in the same order. Each thread takes the next block, searches it,
//! and waits for its turn to pass on what it found. Only one block for each thread is in memory.
//!
//! If events are only counted, each thread counts its blocks by itself. In the order of the log, only these counts are added,
//! and the sessions joined that cross blocks.

mod search;
mod total;
mod turns;

use std::convert::Infallible;
use std::ops::{Deref, Range};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use search::Search;
use total::Total;
use turns::{EndOnPanic, Turns};

use crate::event::Micros;
use crate::format::{Chunk, RECORD_MAX, RecordParser};
use crate::sink::EventSink;
use crate::time::LogTime;

/// Bytes that a block may need before and behind itself to be read.
const MARGIN: usize = RECORD_MAX;
/// Bytes that a thread takes at once.
const BLOCK: usize = 2 * 1024 * 1024;
/// Blocks that may be counted before their turn, for each thread. Each takes some kilobytes.
const AHEAD: u64 = 4;

/// The name of a language that is in no known catalogue.
pub const UNKNOWN_LANGUAGE: &str = "an unknown language";

/// What a scan says of the log as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scanned {
    /// Bytes read.
    pub bytes: u64,
    /// Lines, if they [are counted](Scanner::counting_lines). A last line without its newline counts.
    pub lines: Option<u64>,
    /// When the first record of any kind was written.
    pub first_at: Option<LogTime>,
    /// When the last record of any kind was written.
    pub last_at: Option<LogTime>,
    /// Connection records that were understood.
    pub records: u64,
    /// The language of the connection records, if it is not supported.
    pub unsupported_language: Option<&'static str>,
    /// Whether the first line begins no record: the log may begin in the middle of one.
    pub begins_within: bool,
    /// Whether the last line has its newline.
    pub ends_whole: bool,
    /// Whether times go back in a log that is written in the order of time. Causes are joined logs, a clock that was set
    /// back, or lines that a client wrote.
    pub disordered: bool,
}

/// Scans one log.
pub struct Scanner<'p> {
    /// What is searched for; all threads share it.
    search: Search<'p>,
    /// At least 1. The thread that calls is one of them.
    threads: usize,
    /// Bytes of a block, without its margins. At least 1.
    block: usize,
    /// What the blocks so far show.
    total: Total,
    /// The last bytes that were scanned, and the bytes to be scanned.
    buffer: Vec<u8>,
    /// Where in `buffer` the bytes to be scanned begin.
    fresh: usize,
    /// Where in the log `buffer` begins.
    offset: u64,
}

impl<'p> Scanner<'p> {
    /// A scan on at most `threads` threads.
    pub fn new(parser: &'p dyn RecordParser, threads: usize) -> Self {
        Self {
            search: Search::new(parser),
            threads: threads.max(1),
            block: BLOCK,
            total: Total::new(parser.chronology()),
            buffer: Vec::new(),
            fresh: 0,
            offset: 0,
        }
    }

    /// The same scan with blocks of so many bytes. The block size changes memory and speed, not what is found.
    #[must_use]
    pub fn in_blocks_of(mut self, bytes: usize) -> Self {
        self.block = bytes.max(1);
        self
    }

    /// The same scan, with a count of lines.
    #[must_use]
    pub fn counting_lines(mut self) -> Self {
        self.search.counts_lines = true;
        self
    }

    /// The same scan of a log that the server wrote from one time on and before another. Records without a time of their own
    /// get no time outside of that range.
    #[must_use]
    pub fn written_within(mut self, from: Option<Micros>, until: Micros) -> Self {
        self.total.limit_times(from.unwrap_or(Micros::MIN)..until);
        self
    }

    /// Scans the next piece of a log, of any size.
    ///
    /// Nothing is searched before there is a block for each thread. Until then the bytes are held.
    pub fn push(&mut self, piece: &[u8], sink: &mut dyn EventSink) {
        self.buffer.extend_from_slice(piece);
        let ready = self.buffer.len().saturating_sub(self.fresh + MARGIN) / self.block;
        if ready >= self.threads {
            self.pushed(ready * self.block, false, sink);
        }
    }

    /// Ends a log that was pushed in pieces.
    ///
    /// The last event may come only here: a session may stay open until the log ends.
    pub fn finish(mut self, sink: &mut dyn EventSink) -> Scanned {
        self.pushed(self.buffer.len() - self.fresh, true, sink);
        self.total.end(sink)
    }

    /// Scans a whole log that is in memory.
    pub fn scan(self, text: &[u8], sink: &mut dyn EventSink) -> Scanned {
        let Ok(scanned) = self.scan_at(text.len() as u64, |range| Ok::<_, Infallible>(part(text, &range)), sink);
        scanned
    }

    /// Scans a whole log of `length` bytes with random access. `view` gives the bytes of a range: one block, and the bytes
    /// around it. If it gives fewer bytes, the log ends there.
    ///
    /// # Errors
    ///
    /// Those of `view`. The events before the block that failed are passed on.
    pub fn scan_at<V: Deref<Target = [u8]>, E: Send>(
        mut self,
        length: u64,
        view: impl Fn(Range<u64>) -> Result<V, E> + Sync,
        sink: &mut dyn EventSink,
    ) -> Result<Scanned, E> {
        self.blocks(0..length, Source { length, ends: true, view }, sink)?;
        Ok(self.total.end(sink))
    }

    /// Scans the next `bytes` that were pushed, and drops the bytes that are no longer needed.
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

    /// Scans a range of a log block by block, on all threads.
    ///
    /// # Errors
    ///
    /// The first error of `source`, in the order of the log. Blocks behind it are not added.
    fn blocks<V: Deref<Target = [u8]>, E: Send>(
        &mut self,
        range: Range<u64>,
        source: Source<impl Fn(Range<u64>) -> Result<V, E> + Sync>,
        sink: &mut dyn EventSink,
    ) -> Result<(), E> {
        let size = self.block as u64;
        let next = AtomicU64::new(0);
        let (search, source) = (&self.search, &source);
        let part = sink.tally().map(|tally| tally.of_part()).filter(|_| search.can_count());
        let in_order = AtomicBool::new(self.total.in_order || part.is_none());
        let part = part.unwrap_or_default();
        let range_of = |block: u64| {
            let from = range.start.saturating_add(block.saturating_mul(size));
            (from < range.end).then(|| from..range.end.min(from.saturating_add(size)))
        };
        let search_now = |block: u64, total: &mut Total, sink: &mut dyn EventSink| {
            in_order.fetch_or(total.in_order, Ordering::Relaxed);
            let Some(range) = range_of(block) else { return Ok(()) };
            let seen = source.block(range)?;
            total.search(search, (seen.chunk(), seen.range.clone(), seen.offset), sink);
            Ok(())
        };
        let alone = self.threads == 1;
        let turns = Turns::new(&mut self.total, sink, &search_now, self.threads as u64 * AHEAD);
        let work = || {
            let _end = EndOnPanic(&turns);
            let mut expected = 0;
            loop {
                let block = next.fetch_add(1, Ordering::Relaxed);
                let Some(range) = range_of(block) else { break };
                if alone && in_order.load(Ordering::Relaxed) {
                    turns.search(block);
                    continue;
                }
                let seen = match source.block(range) {
                    Ok(seen) => seen,
                    Err(cause) => {
                        turns.hand_in(block, Err(cause));
                        continue;
                    }
                };
                let count = || search.count(seen.chunk(), seen.range.clone(), seen.offset, part.clone());
                if let Some(counted) = (!in_order.load(Ordering::Relaxed)).then(count).flatten() {
                    drop(seen);
                    turns.hand_in(block, Ok(counted));
                } else {
                    in_order.store(true, Ordering::Relaxed);
                    let found = search.block(seen.chunk(), seen.range.clone(), seen.offset, expected);
                    // With some room, so that vectors seldom grow.
                    expected = found.records.len() + found.records.len() / 16;
                    turns.take(block, found);
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
        let result = turns.result();
        self.total.in_order = in_order.into_inner();
        result
    }
}

/// A log with random access.
struct Source<F> {
    /// Bytes of the log that are known.
    length: u64,
    /// Whether the log ends there.
    ends: bool,
    /// The bytes of a range of the log.
    view: F,
}

/// A range of a log, with the bytes around it.
struct Block<V> {
    /// The range and its margins.
    text: V,
    /// Whether the log begins and ends with the text.
    starts: bool,
    ends: bool,
    /// Where in the text the range is.
    range: Range<usize>,
    /// Where in the log the text begins.
    offset: u64,
}

impl<V: Deref<Target = [u8]>> Block<V> {
    /// The text, as parsers take it.
    fn chunk(&self) -> Chunk<'_> {
        Chunk { text: &self.text, starts: self.starts, ends: self.ends }
    }
}

impl<F> Source<F> {
    /// A range, with up to [`MARGIN`] bytes around it.
    ///
    /// # Errors
    ///
    /// Those of the view.
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

/// A range of a text, or the part of it that exists.
///
/// Empty if the range begins behind the text.
fn part<'t>(text: &'t [u8], range: &Range<u64>) -> &'t [u8] {
    let within = |at: u64| usize::try_from(at).map_or(text.len(), |at| at.min(text.len()));
    text.get(within(range.start)..within(range.end)).unwrap_or_default()
}
