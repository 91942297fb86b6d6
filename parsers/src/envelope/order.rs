//! The order of events: those that are listed newest first are held, and sorted by their times.

use super::{EnvelopeError, Members, SORTED_MAX, message};
use crate::digits::after_shape;
use crate::format::RecordParser;

/// An event: its time, its log stream, and its message.
pub(super) struct Event {
    pub(super) time: Vec<u8>,
    pub(super) member: String,
    pub(super) message: Vec<u8>,
}

/// The order in which events are listed.
enum Listed {
    /// All had the same time so far.
    Unknown(Vec<Event>),
    OldestFirst(Vec<u8>),
    NewestFirst(Vec<Event>),
    /// They have no times.
    Kept,
}

/// Passes events on in the order of their times.
pub(super) struct Order {
    listed: Listed,
    /// Bytes of the events that are held.
    held: usize,
    disordered: u64,
}

impl Default for Order {
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
    pub(super) fn kept() -> Self {
        Self::of(Listed::Kept)
    }

    /// The order of events without times, of which `log` is the beginning.
    pub(super) fn shown_by(parser: &dyn RecordParser, log: &[u8]) -> Self {
        let mut times = log.split(|byte| *byte == b'\n').filter_map(|line| parser.time(line)).map(|time| time.at);
        let (first, last) = (times.next(), times.last());
        if last < first && last.is_some() { Self::of(Listed::NewestFirst(Vec::new())) } else { Self::kept() }
    }

    /// Takes the next event.
    pub(super) fn push(&mut self, event: Event, out: &mut dyn Members) -> Result<(), EnvelopeError> {
        let size = event.message.len() + event.time.len() + event.member.len() + size_of::<Event>();
        match &mut self.listed {
            Listed::Kept => message(out, &event.member, &event.message),
            Listed::OldestFirst(last) => {
                self.disordered += u64::from(is_older(&event.time, last));
                message(out, &event.member, &event.message);
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
                        held.iter().for_each(|event| message(out, &event.member, &event.message));
                        Listed::OldestFirst(newest)
                    }
                };
            }
        }
        if self.held > SORTED_MAX { Err(EnvelopeError::TooManyToSort) } else { Ok(()) }
    }

    /// Passes on what is held; returns how many events are still out of order.
    pub(super) fn finish(&mut self, out: &mut dyn Members) -> u64 {
        match std::mem::replace(&mut self.listed, Listed::Kept) {
            Listed::Kept | Listed::OldestFirst(_) => self.disordered,
            Listed::Unknown(events) => {
                events.iter().for_each(|event| message(out, &event.member, &event.message));
                0
            }
            Listed::NewestFirst(mut events) => {
                events.reverse();
                events.sort_by(|one, other| key(&one.time).cmp(&key(&other.time)));
                events.iter().for_each(|event| message(out, &event.member, &event.message));
                0
            }
        }
    }
}

/// Whether a time is before another of the same form.
fn is_older(time: &[u8], than: &[u8]) -> bool {
    key(time) < key(than)
}

/// What times are compared by: numbers by their length first, and dates, whose fractions may be shorter, as they are.
fn key(time: &[u8]) -> (usize, &[u8]) {
    match after_shape(time, b"0000-00-00") {
        Some(_) => (0, time.strip_suffix(b"Z").unwrap_or(time)),
        None => (time.len(), time),
    }
}
