//! The order of events: those that are listed newest first are held, and sorted by their times.
//!
//! The first two times that differ show the order. Events that are listed oldest first pass through, and are only counted
//! where they go back in time.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

use super::{EnvelopeError, EventTag, Members, SORTED_MAX, message};
use crate::digits::{self, after_shape};
use crate::format::RecordParser;

/// An event: its time, its log stream, and its message.
pub(super) struct Event {
    /// As the envelope writes it: milliseconds, or a date. Empty where it has none.
    pub(super) time: Vec<u8>,
    /// Empty where the envelope names no log stream.
    pub(super) member: String,
    /// With or without newlines at its end: one is passed on.
    pub(super) message: Vec<u8>,
}

/// The order in which events are listed.
enum Listed {
    /// All had the same time so far.
    Unknown(Vec<Event>),
    /// Passed on at once. It holds the time of the last event.
    OldestFirst(Vec<u8>),
    /// Held until the log ends.
    NewestFirst(Vec<Event>),
    /// They have no times.
    Kept,
}

/// Passes events on in the order of their times.
pub(super) struct Order {
    /// What the events so far show.
    listed: Listed,
    /// Bytes of the events that are held.
    held: usize,
    /// Events that contradict the order that the first two times showed.
    disordered: u64,
}

impl Default for Order {
    /// For events with times, whose order is not known yet.
    fn default() -> Self {
        Self::of(Listed::Unknown(Vec::new()))
    }
}

impl Order {
    /// For events in this order.
    fn of(listed: Listed) -> Self {
        Self { listed, held: 0, disordered: 0 }
    }

    /// The order that events without times have.
    ///
    /// They pass through as they come. None of them counts as disordered.
    pub(super) fn kept() -> Self {
        Self::of(Listed::Kept)
    }

    /// The order of events without times, of which `log` is the beginning.
    ///
    /// They are reversed if the last time that the parser finds in `log` is before the first. Otherwise they are kept.
    pub(super) fn shown_by(parser: &dyn RecordParser, log: &[u8]) -> Self {
        let mut times = log.split(|byte| *byte == b'\n').filter_map(|line| parser.time(line)).map(|time| time.at);
        let (first, last) = (times.next(), times.last());
        if last < first && last.is_some() { Self::of(Listed::NewestFirst(Vec::new())) } else { Self::kept() }
    }

    /// Takes the next event.
    ///
    /// # Errors
    ///
    /// [`EnvelopeError::TooManyToSort`] if more than 256 MiB are held. That counts names, times and the structs themselves.
    pub(super) fn push(&mut self, event: Event, out: &mut dyn Members) -> Result<(), EnvelopeError> {
        let size = event.message.len() + event.time.len() + event.member.len() + size_of::<Event>();
        match &mut self.listed {
            Listed::Kept => pass(out, &event),
            Listed::OldestFirst(last) => {
                self.disordered += u64::from(is_older(&event.time, last));
                pass(out, &event);
                *last = event.time;
            }
            Listed::NewestFirst(events) => {
                self.disordered += u64::from(events.last().is_some_and(|last| is_older(&last.time, &event.time)));
                self.held += size;
                events.push(event);
            }
            Listed::Unknown(events) => {
                self.held += size;
                let last = events.last().map(|last| last.time.clone());
                events.push(event);
                let held = std::mem::take(events);
                let newest = held.last().map(|event| event.time.clone()).unwrap_or_default();
                self.listed = match last.filter(|last| *last != newest) {
                    None => Listed::Unknown(held),
                    Some(last) if is_older(&newest, &last) => Listed::NewestFirst(held),
                    Some(_) => {
                        self.held = 0;
                        held.iter().for_each(|event| pass(out, event));
                        Listed::OldestFirst(newest)
                    }
                };
            }
        }
        if self.held > SORTED_MAX { Err(EnvelopeError::TooManyToSort) } else { Ok(()) }
    }

    /// Passes on what is held; returns how many events are still out of order.
    ///
    /// Sorted events are in order, so they give 0. Those of the same time come out in the reverse of how they were listed.
    pub(super) fn finish(&mut self, out: &mut dyn Members) -> u64 {
        match std::mem::replace(&mut self.listed, Listed::Kept) {
            Listed::Kept | Listed::OldestFirst(_) => self.disordered,
            Listed::Unknown(events) => {
                events.iter().for_each(|event| pass(out, event));
                0
            }
            Listed::NewestFirst(mut events) => {
                events.reverse();
                events.sort_by(|one, other| key(&one.time).cmp(&key(&other.time)));
                events.iter().for_each(|event| pass(out, event));
                0
            }
        }
    }
}

/// Passes on an event, with its time if that can be read.
fn pass(out: &mut dyn Members, event: &Event) {
    out.event(EventTag { at: millisecond(&event.time), id: "", account: "" });
    message(out, &event.member, &event.message);
}

/// Milliseconds since 1970, of a number of them, of micro- or nanoseconds, or of a date in UTC.
///
/// `1790000000123`, `2026-11-23T18:46:20.123Z`, `2026-11-23 18:46:20.123`.
fn millisecond(time: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(time).ok()?;
    if digits::all(time) {
        let number: i64 = text.parse().ok()?;
        return match time.len() {
            13 => Some(number),
            16 => Some(number / 1_000),
            19 => Some(number / 1_000_000),
            _ => None,
        };
    }
    let zoned = || text.parse::<Timestamp>().ok();
    let at = zoned().or_else(|| Offset::UTC.to_timestamp(text.parse::<DateTime>().ok()?).ok())?;
    Some(at.as_millisecond())
}

/// Whether a time is before another of the same form.
///
/// Equal times are not older.
fn is_older(time: &[u8], than: &[u8]) -> bool {
    key(time) < key(than)
}

/// What times are compared by: numbers by their length first, and dates, whose fractions may be shorter, as they are.
///
/// `999` comes before `1000`, and `2026-11-23 18:46:20` before `2026-11-23 18:46:20.5`. A final `Z` would reverse these.
fn key(time: &[u8]) -> (usize, &[u8]) {
    match after_shape(time, b"0000-00-00") {
        Some(_) => (0, time.strip_suffix(b"Z").unwrap_or(time)),
        None => (time.len(), time),
    }
}

#[cfg(test)]
mod tests {
    use super::millisecond;

    #[test]
    fn times_are_numbers_or_dates() {
        let at = Some(1_795_459_580_123);
        for time in ["1795459580123", "1795459580123456", "2026-11-23T18:46:20.123Z", "2026-11-23 18:46:20.123"] {
            assert_eq!(millisecond(time.as_bytes()), at, "{time}");
        }
        for time in ["", "17954595801", "yesterday", "\u{fffd}"] {
            assert_eq!(millisecond(time.as_bytes()), None, "{time}");
        }
    }
}
