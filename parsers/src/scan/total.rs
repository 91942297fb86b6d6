//! What the blocks of a log show together: events in the log's order, and sums.
//!
//! It runs on one thread at a time. What depends on earlier blocks is done here: the clock of records without a time,
//! and the sessions that several records make.

use std::iter::Peekable;
use std::ops::{ControlFlow, Range};

use super::search::{Counted, Found, Search, Sums};
use super::{Scanned, UNKNOWN_LANGUAGE};
use crate::event::{Micros, Parsed};
use crate::format::{Chronology, Chunk};
use crate::session::Sessions;
use crate::sink::{EventSink, Tally};

/// How much earlier a record may be than one before it: processes take turns, and clocks are corrected.
const TOLERANCE: Micros = 60_000_000;

/// What the blocks so far show together.
pub(super) struct Total {
    /// The sums so far. Its last line counts only at the end.
    scanned: Scanned,
    /// Whether a block holds sessions in unknown words.
    unreadable: bool,
    /// Sessions whose records are not complete.
    sessions: Sessions,
    /// The time that records without their own get.
    clock: Clock,
    /// Whether blocks are not counted alone: an earlier one could not be.
    pub in_order: bool,
}

impl Total {
    /// An empty sum, for a format with this chronology.
    pub(super) fn new(chronology: Chronology) -> Self {
        let clock = Clock { chronology, last: None, within: Micros::MIN..Micros::MAX, disordered: false };
        let scanned = Scanned { ends_whole: true, ..Scanned::default() };
        Self { scanned, unreadable: false, sessions: Sessions::default(), clock, in_order: false }
    }

    /// Ignores times outside of the range, if clients can write times into the log.
    ///
    /// The range is in microseconds and excludes its end. Other chronologies ignore it.
    pub(super) fn limit_times(&mut self, within: Range<Micros>) {
        self.clock.within = within;
    }

    /// Adds the next block, and passes its events on.
    ///
    /// Blocks must come in the order of the log. An empty block changes nothing.
    pub(super) fn add(&mut self, found: Found<'_>, sink: &mut dyn EventSink) {
        let Found { offset, records, times, sums } = found;
        if sums.scanned.bytes == 0 {
            return;
        }
        let mut times = times.into_iter().peekable();
        for (at, parsed) in records {
            self.record(offset, at, parsed, &mut times, sink);
        }
        times.for_each(|(_, time)| self.clock.tick(time));
        self.sum(sums);
    }

    /// Searches the next block, and adds it record by record.
    pub(super) fn search(
        &mut self,
        search: &Search<'_>,
        (chunk, range, offset): (Chunk<'_>, Range<usize>, u64),
        sink: &mut dyn EventSink,
    ) {
        if range.is_empty() {
            return;
        }
        let mut times = search.times(chunk, range.clone()).into_iter().peekable();
        let mut understood = 0;
        let lines = search.records(chunk, range.clone(), offset, &mut |at, parsed| {
            understood += u64::from(matches!(parsed, Parsed::Record(_)));
            self.record(offset, at, parsed, &mut times, sink);
            ControlFlow::Continue(())
        });
        times.for_each(|(_, time)| self.clock.tick(time));
        self.sum(search.sums(chunk, range, offset, lines.unwrap_or_default(), understood));
    }

    /// Adds the next record of a block that begins at `offset`. `times` are those of the block that were not noted yet.
    fn record(
        &mut self,
        offset: u64,
        at: usize,
        parsed: Parsed<'_>,
        times: &mut Peekable<impl Iterator<Item = (usize, Micros)>>,
        sink: &mut dyn EventSink,
    ) {
        match parsed {
            Parsed::Record(mut record) => {
                // Only records are in the order of the log.
                while let Some((_, time)) = times.next_if(|(time_at, _)| *time_at <= at) {
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

    /// Adds the next block as it was counted. False, without a change, if its records must be added in their order.
    pub(super) fn count(&mut self, counted: Counted, tally: &mut Tally) -> bool {
        let Counted { tally: part, sessions, last, sums } = counted;
        if sums.scanned.bytes == 0 {
            return true;
        }
        let has_room = tally.can_add(&part, sessions.names());
        self.in_order |= !has_room;
        if !has_room || !self.sessions.can_add(&sessions) {
            return false;
        }
        for event in self.sessions.add(sessions) {
            tally.event(&event);
        }
        tally.add(&part);
        if let Some(last) = last {
            self.clock.tick(last);
        }
        self.sum(sums);
        true
    }

    /// Adds the sums of the next block.
    fn sum(&mut self, sums: Sums) {
        let Sums { scanned, unreadable } = sums;
        let total = &mut self.scanned;
        total.bytes += scanned.bytes;
        total.lines = scanned.lines.map(|lines| lines + total.lines.unwrap_or_default());
        total.records += scanned.records;
        total.first_at = total.first_at.or(scanned.first_at);
        total.last_at = scanned.last_at.or(total.last_at);
        total.unsupported_language = total.unsupported_language.or(scanned.unsupported_language);
        total.begins_within |= scanned.begins_within;
        total.ends_whole = scanned.ends_whole;
        self.unreadable |= unreadable;
    }

    /// Passes on the events of sessions that are still open, and returns the sums.
    ///
    /// The language is unknown if no record was understood in a log that holds sessions in unknown words.
    pub(super) fn end(mut self, sink: &mut dyn EventSink) -> Scanned {
        while let Some(event) = self.sessions.oldest() {
            sink.event(&event);
        }
        let last = u64::from(!self.scanned.ends_whole);
        self.scanned.lines.iter_mut().for_each(|lines| *lines += last);
        self.scanned.disordered = self.clock.disordered;
        if self.scanned.records == 0 && self.unreadable {
            self.scanned.unsupported_language = self.scanned.unsupported_language.or(Some(UNKNOWN_LANGUAGE));
        }
        self.scanned
    }
}

/// The time at which records were written.
///
/// If clients can write whole lines, they can write any time. They cannot change what the server writes before and
/// behind their lines. So the latest time so far is the server's, or a later one that the server's next time
/// contradicts: no session moves to an earlier time.
struct Clock {
    /// Which times the format writes.
    chronology: Chronology,
    /// The time of a record without its own. None before the first time.
    last: Option<Micros>,
    /// When the server wrote the log, if that is known. The first time in a log may be a client's.
    within: Range<Micros>,
    /// Whether a time went back by more than a minute.
    disordered: bool,
}

impl Clock {
    /// The time of a record, from its own time if it has one.
    ///
    /// None if no time came before it, and it has none.
    fn read(&mut self, own: Option<Micros>) -> Option<Micros> {
        if let Some(own) = own {
            self.tick(own);
        }
        own.or(self.last)
    }

    /// Notes a time that the log holds.
    ///
    /// Without effect if every record has its own time. In a log that is in order, times outside of the range are ignored.
    fn tick(&mut self, time: Micros) {
        match self.chronology {
            Chronology::Own => {}
            Chronology::Above => self.last = Some(time),
            Chronology::Ordered | Chronology::Changes if !self.within.contains(&time) => {}
            Chronology::Ordered | Chronology::Changes => {
                self.disordered |= self.last.is_some_and(|last| time < last.saturating_sub(TOLERANCE));
                self.last = self.last.max(Some(time));
            }
        }
    }
}
