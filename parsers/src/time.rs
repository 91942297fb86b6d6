//! Instants. What each engine writes is read in its folder's `time.rs`. Nothing here asks what time it is.

use jiff::civil::DateTime;
use jiff::tz::Offset;

use crate::digits::after_shape;
use crate::event::Micros;

/// A time as a log writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogTime {
    /// The instant, read as UTC if the zone is not known.
    pub at: Micros,
    /// Whether the zone's offset is known. `IST` names three.
    pub zone_known: bool,
}

/// The text behind `2026-11-23 18:39:57`, or behind digits of that shape. None if the text begins otherwise.
#[inline]
pub(crate) fn after_date_and_clock(text: &[u8]) -> Option<&[u8]> {
    after_shape(text, b"0000-00-00 00:00:00")
}

/// The instant of a date and a clock in a zone that is so many minutes ahead of UTC. None if there is no such date or clock.
///
/// A leap second, written as 60, is read as 59.
/// So is any larger number of seconds. `minutes_ahead` is negative west of Greenwich: -300 for UTC-05:00.
pub(crate) fn instant(
    [year, month, day]: [u64; 3],
    [hour, minute, second]: [u64; 3],
    micros: u64,
    minutes_ahead: i32,
) -> Option<Micros> {
    let small = |value: u64| i8::try_from(value).ok();
    let nanos = i32::try_from(micros.checked_mul(1000)?).ok()?;
    let (year, second) = (i16::try_from(year).ok()?, small(second.min(59))?);
    let civil = DateTime::new(year, small(month)?, small(day)?, small(hour)?, small(minute)?, second, nanos).ok()?;
    let offset = Offset::from_seconds(minutes_ahead.checked_mul(60)?).ok()?;
    Some(offset.to_timestamp(civil).ok()?.as_microsecond())
}
