//! The search of one block: needles, the records around them, and what the block says of the log as a whole.
//!
//! A block is searched without knowledge of other blocks. So threads need no lock while they search.

use std::ops::{ControlFlow, Range};

use memchr::memmem::Finder;
use memchr::{memchr, memchr_iter, memrchr};

use super::Scanned;
use crate::event::{Malformed, Micros, Parsed};
use crate::format::{Chronology, Chunk, RecordParser, TRUNCATED};
use crate::lines::undecorated;
use crate::mixed::{BEGINNING, other_format_at_end, other_format_behind, sample_offsets};
use crate::session::{BlockSessions, Joined};
use crate::sink::{EventSink, Tally};
use crate::time::LogTime;

/// Bytes that are searched for all needles in turn while they are still in the processor's cache.
const CACHED: usize = 128 * 1024;
/// Longest line that RDS truncated and that may be a connection record.
const TRUNCATED_MAX: usize = 16 * 1024;
/// Bytes at the beginning of a log in which such lines are looked for.
///
/// RDS truncates a few lines in a gigabyte. One in hundreds is a connection record without its first words. A search of
/// the whole log would cost a fifth of the speed.
const TRUNCATED_WITHIN: u64 = 64 * 1024 * 1024;
/// Bytes that may stand behind the mark of such a line.
const MARK_END: usize = 64;
/// Bytes at the beginning of a log in which its language is looked for even if some records are understood.
const LANGUAGE_WITHIN: u64 = 8 * 1024 * 1024;

/// What one block shows, with its records.
pub(super) struct Found<'a> {
    /// Where in the log the text begins that the offsets below count from.
    pub offset: u64,
    /// Offsets of the records, and the records.
    pub records: Vec<(usize, Parsed<'a>)>,
    /// Offsets of times, and the times, if the format writes only changes.
    pub times: Vec<(usize, Micros)>,
    /// The sums of this block alone.
    pub sums: Sums,
}

/// What one block shows, counted without knowledge of other blocks.
pub(super) struct Counted {
    /// The sessions and attempts that the block alone shows.
    pub tally: Tally,
    /// What it changes in the sessions of the log.
    pub sessions: Joined,
    /// The last time in it, if records without a time have that of the line above.
    pub last: Option<Micros>,
    /// The sums of this block alone.
    pub sums: Sums,
}

/// What a block says of the log as a whole.
pub(super) struct Sums {
    /// Its share of the result.
    pub scanned: Scanned,
    /// Whether there are sessions that are not understood.
    pub unreadable: bool,
}

/// What is searched for.
pub(super) struct Search<'p> {
    /// Reads what stands around a hit.
    parser: &'p dyn RecordParser,
    /// One for each needle of the parser, in its order.
    needles: Vec<Finder<'p>>,
    /// Finds the mark of truncated lines.
    mark: Finder<'p>,
    /// Whether lines are counted.
    pub(super) counts_lines: bool,
}

/// Where a finder found something, and the position of the finder: behind the needles' for the mark.
///
/// The offset is that of the chunk's text, not the log's.
type Hit = (usize, usize);

impl<'p> Search<'p> {
    /// A search for the needles of a parser.
    pub(super) fn new(parser: &'p dyn RecordParser) -> Self {
        let needles = parser.needles().iter().map(|needle| Finder::new(*needle)).collect();
        Self { parser, needles, mark: Finder::new(TRUNCATED), counts_lines: false }
    }

    /// Searches a range of a chunk that begins at `offset` of the log. About `expected` records are found.
    ///
    /// A line belongs to the range that it begins in.
    ///
    /// Text behind the range may be read: a record may go on there. `expected` only sizes a vector.
    pub(super) fn block<'a>(&self, chunk: Chunk<'a>, range: Range<usize>, offset: u64, expected: usize) -> Found<'a> {
        let mut records = Vec::with_capacity(expected);
        let lines = self.records(chunk, range.clone(), offset, &mut |at, parsed| {
            records.push((at, parsed));
            ControlFlow::Continue(())
        });
        let understood = records.iter().filter(|(_, parsed)| matches!(parsed, Parsed::Record(_))).count() as u64;
        let times = self.times(chunk, range.clone());
        let sums = self.sums(chunk, range, offset, lines.unwrap_or_default(), understood);
        Found { offset, records, times, sums }
    }

    /// The times of a range, and where they stand, if records may have none of their own.
    pub(super) fn times(&self, chunk: Chunk<'_>, range: Range<usize>) -> Vec<(usize, Micros)> {
        match self.parser.chronology() {
            Chronology::Changes | Chronology::Above => {
                let lines = line_offsets(chunk.text, range).filter(|at| begins_record(chunk.text, *at));
                lines.filter_map(|at| Some((at, self.time(chunk.text, at)?.at))).collect()
            }
            Chronology::Own | Chronology::Ordered => Vec::new(),
        }
    }

    /// Whether blocks can be counted alone: the order of their times need not be checked.
    pub(super) fn can_count(&self) -> bool {
        matches!(self.parser.chronology(), Chronology::Own | Chronology::Above)
    }

    /// Searches a range as [`Search::block`] does, and counts its records in `tally`, which is empty. None for records that
    /// must be joined in their order.
    pub(super) fn count(
        &self,
        chunk: Chunk<'_>,
        range: Range<usize>,
        offset: u64,
        mut tally: Tally,
    ) -> Option<Counted> {
        let (mut sessions, mut understood) = (BlockSessions::default(), 0);
        let lines = self.records(chunk, range.clone(), offset, &mut |at, parsed| {
            match parsed {
                Parsed::Record(record) if BlockSessions::can_join(&record) => {
                    understood += 1;
                    if let Some(event) = sessions.join(record) {
                        tally.event(&event);
                    }
                }
                Parsed::Record(_) => return ControlFlow::Break(()),
                Parsed::Malformed(cause) => tally.malformed(offset + at as u64, cause),
                Parsed::NotARecord => {}
            }
            ControlFlow::Continue(())
        })?;
        let last = match self.parser.chronology() {
            Chronology::Above => {
                let lines = line_offsets(chunk.text, range.clone()).rev();
                let mut lines = lines.filter(|at| begins_record(chunk.text, *at));
                lines.find_map(|at| self.time(chunk.text, at)).map(|time| time.at)
            }
            _ => None,
        };
        let sums = self.sums(chunk, range, offset, lines, understood);
        Some(Counted { tally, sessions: sessions.finish(), last, sums })
    }

    /// What a range of so many lines and records says of the log as a whole.
    pub(super) fn sums(&self, chunk: Chunk<'_>, range: Range<usize>, offset: u64, lines: u64, understood: u64) -> Sums {
        let text = chunk.text.get(range.clone()).unwrap_or_default();
        let time = |at: usize| self.time(chunk.text, at);
        // If no records are understood, there may be some in another language.
        let check_language = understood == 0 || offset + (range.start as u64) < LANGUAGE_WITHIN;
        let first = (range.start == 0 && chunk.starts).then(|| first_line(chunk.text)).flatten();
        let scanned = Scanned {
            begins_within: first.is_some_and(|line| !self.parser.opens(line)),
            bytes: text.len() as u64,
            lines: self.counts_lines.then_some(lines),
            first_at: line_offsets(chunk.text, range.clone()).find_map(time),
            last_at: line_offsets(chunk.text, range.clone()).rev().find_map(time),
            records: understood,
            unsupported_language: if check_language { self.parser.unsupported_language(text) } else { None },
            ends_whole: text.ends_with(b"\n"),
            disordered: false,
        };
        // A record may go on behind the range.
        let rest = || chunk.text.get(range.start..).unwrap_or_default();
        let unreadable = understood == 0 && self.parser.has_unreadable_sessions(rest());
        Sums { scanned, unreadable }
    }

    /// The time of the line that begins at an offset of a text.
    fn time(&self, text: &[u8], at: usize) -> Option<LogTime> {
        self.parser.time(line_from(text, at))
    }

    /// Passes on the records of a range with their offsets, and returns its number of lines, 0 if they are not counted. None if
    /// `each` broke off.
    ///
    /// Hits come in the order of the text. Records of other formats come before them, and so does a cut first record.
    pub(super) fn records<'a>(
        &self,
        chunk: Chunk<'a>,
        range: Range<usize>,
        offset: u64,
        each: &mut impl FnMut(usize, Parsed<'a>) -> ControlFlow<()>,
    ) -> Option<u64> {
        if offset == 0 && range.start == 0 && chunk.starts && self.begins_cut(chunk) {
            each(0, Parsed::Malformed(Malformed::Cut)).continue_value()?;
        }
        for (at, parsed) in self.of_other_formats(chunk, range.clone(), offset) {
            each(at, parsed).continue_value()?;
        }
        let mut hits: Vec<Hit> = Vec::new();
        let mut read = self.parser.reader(chunk);
        let mut lines = 0;
        let mut at = range.start;
        while at < range.end {
            let end = range.end.min(at + CACHED);
            hits.clear();
            self.hits(chunk.text, at..end, offset, &mut hits);
            for (hit, position) in &hits {
                let parsed = match self.needles.get(*position) {
                    Some(finder) => read(finder.needle(), *hit),
                    None => self.truncated(chunk, *hit),
                };
                if !matches!(parsed, Parsed::NotARecord) {
                    each(*hit, parsed).continue_value()?;
                }
            }
            if self.counts_lines {
                lines += memchr_iter(b'\n', chunk.text.get(at..end).unwrap_or_default()).count() as u64;
            }
            at = end;
        }
        Some(lines)
    }

    /// Adds the hits of all finders that begin in a range of a text, in the order of the text.
    ///
    /// `offset` is where the text begins in the log. The mark is looked for only in the first 64 MiB of the log.
    fn hits(&self, text: &[u8], range: Range<usize>, offset: u64, hits: &mut Vec<Hit>) {
        let mut add = |finder: &Finder<'_>, position: usize, until: u64| {
            // A needle may begin here and end behind the range.
            let reach = text.len().min(range.end + finder.needle().len() - 1);
            let found = finder.find_iter(text.get(range.start..reach).unwrap_or_default());
            let found = found.map(|hit| (range.start + hit, position));
            hits.extend(found.take_while(|(hit, _)| offset + (*hit as u64) < until));
        };
        for (position, finder) in self.needles.iter().enumerate() {
            add(finder, position, u64::MAX);
        }
        if offset + (range.start as u64) < TRUNCATED_WITHIN {
            add(&self.mark, self.needles.len(), TRUNCATED_WITHIN);
        }
        // The hits of each finder are in order: they only have to be merged.
        hits.sort();
    }

    /// Records of other formats in a range, one for each sample.
    ///
    /// The last block also looks at the end of the log. Nothing but the offset of such a record is known.
    fn of_other_formats<'a>(
        &self,
        chunk: Chunk<'a>,
        range: Range<usize>,
        offset: u64,
    ) -> impl Iterator<Item = (usize, Parsed<'a>)> {
        let ends = chunk.ends && range.end == chunk.text.len();
        let at_end = ends.then(|| other_format_at_end(self.parser, chunk)).flatten();
        sample_offsets(offset + range.start as u64, offset + range.end as u64)
            .filter_map(move |at| other_format_behind(self.parser, chunk, (at - offset) as usize, at < BEGINNING))
            .chain(at_end)
            .map(|at| (at, Parsed::Malformed(Malformed::OtherFormat)))
    }

    /// Reports a line that RDS truncated, by the mark at `hit`, if it may be a connection record and holds none.
    ///
    /// The result is [`Malformed::Cut`], or no record. Only what `undecorated` removes may follow the mark.
    fn truncated<'a>(&self, chunk: Chunk<'a>, hit: usize) -> Parsed<'a> {
        let text = chunk.text;
        let behind = text.get(hit + TRUNCATED.len()..).unwrap_or_default();
        let behind = behind.get(..MARK_END).unwrap_or(behind);
        let end = memchr(b'\n', behind).and_then(|end| behind.get(..end)).unwrap_or(behind);
        let floor = hit.saturating_sub(TRUNCATED_MAX);
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
        if self.holds_record(chunk, begins, line) { Parsed::NotARecord } else { Parsed::Malformed(Malformed::Cut) }
    }

    /// Whether the log begins with the end of a connection record.
    ///
    /// False if the first line is blank, or longer than 16 KiB.
    fn begins_cut(&self, chunk: Chunk<'_>) -> bool {
        let Some(line) = first_line(chunk.text) else { return false };
        !self.parser.begins(line) && self.parser.may_end_record(line) && !self.holds_record(chunk, 0, line)
    }

    /// Whether the line that begins at `begins` holds a record that is understood or reported.
    ///
    /// `begins` is the offset of `line` in the chunk.
    fn holds_record(&self, chunk: Chunk<'_>, begins: usize, line: &[u8]) -> bool {
        let is_record = |needle: &[u8], at: usize| !matches!(self.parser.read(chunk, needle, at), Parsed::NotARecord);
        self.needles.iter().any(|finder| finder.find_iter(line).any(|at| is_record(finder.needle(), begins + at)))
    }
}

/// Where the lines begin that begin in a range of a text.
fn line_offsets(text: &[u8], range: Range<usize>) -> impl DoubleEndedIterator<Item = usize> {
    let opens = range.start == 0 || text.get(range.start - 1) == Some(&b'\n');
    let newlines = memchr_iter(b'\n', text.get(range.clone()).unwrap_or_default());
    let behind = newlines.map(move |newline| range.start + newline + 1).filter(move |at| *at < range.end);
    opens.then_some(range.start).into_iter().chain(behind)
}

/// Whether the line that begins at an offset of a text does not go on with the record before it.
fn begins_record(text: &[u8], at: usize) -> bool {
    text.get(at).is_some_and(|byte| !b"\t ".contains(byte))
}

/// The line that begins at `at`, without its newline.
///
/// It ends with the text if no newline follows. Empty if `at` is behind the text.
fn line_from(text: &[u8], at: usize) -> &[u8] {
    let line = text.get(at..).unwrap_or_default();
    memchr(b'\n', line).and_then(|end| line.get(..end)).unwrap_or(line)
}

/// The first line of a log. None if it is blank or longer than a connection record.
///
/// It needs its newline: None for a line that goes on.
fn first_line(text: &[u8]) -> Option<&[u8]> {
    let text = text.get(..TRUNCATED_MAX).unwrap_or(text);
    memchr(b'\n', text).and_then(|end| text.get(..end)).filter(|line| !line.trim_ascii().is_empty())
}
