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

/// The date and the clock of `2026-11-23 18:39:57`, and the text behind it. None if the text begins otherwise.
///
/// The values are not checked: there may be no such date or clock.
#[inline]
pub(crate) fn date_and_clock(text: &[u8]) -> Option<([u64; 3], [u64; 3], &[u8])> {
    let rest = after_date_and_clock(text)?;
    let [a, b, c, d, _, m, n, _, e, f, _, g, h, _, i, j, _, k, l] = *text.first_chunk()?;
    let date = [two_digits(a, b) * 100 + two_digits(c, d), two_digits(m, n), two_digits(e, f)];
    Some((date, [two_digits(g, h), two_digits(i, j), two_digits(k, l)], rest))
}

/// The number of two digits, which the caller has checked.
#[inline]
pub(crate) fn two_digits(tens: u8, ones: u8) -> u64 {
    u64::from(tens & 0xf) * 10 + u64::from(ones & 0xf)
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
    let at = usual_instant([year, month, day], [hour, minute, second], micros, minutes_ahead);
    at.or_else(|| any_instant([year, month, day], [hour, minute, second], micros, minutes_ahead))
}

/// The instant, if it is between the years 1 and 9998, as nearly all are. None for others, and if there is no such date or clock.
///
/// The calendar that [`any_instant`] asks for takes longer than all else that is read of a record.
fn usual_instant(
    [year, month, day]: [u64; 3],
    [hour, minute, second]: [u64; 3],
    micros: u64,
    minutes_ahead: i32,
) -> Option<Micros> {
    /// Days of the months before each, in a year of 365 days.
    const BEFORE: [u64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    /// Days from the year 1 to 1970.
    const EPOCH: i64 = 719_162;
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 => 28 + u64::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    let is_usual = (1..=9998).contains(&year)
        && (1..=length).contains(&day)
        && hour < 24
        && minute < 60
        && micros < 1_000_000
        && minutes_ahead.abs() < 24 * 60;
    let before = BEFORE.get(usize::try_from(month.checked_sub(1)?).ok()?)? + u64::from(is_leap && month > 2);
    if !is_usual {
        return None;
    }
    let years = year - 1;
    let days = 365 * years + years / 4 - years / 100 + years / 400 + before + day - 1;
    let seconds = (hour * 60 + minute) * 60 + second.min(59);
    let since_epoch = i64::try_from(days).ok()? - EPOCH;
    let seconds = since_epoch * 86_400 + i64::try_from(seconds).ok()? - i64::from(minutes_ahead) * 60;
    Some(seconds * 1_000_000 + i64::try_from(micros).ok()?)
}

/// The instant of any date and clock that exist.
fn any_instant(
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Every day from before the first usual year to the last year, and clocks around the ends of a day.
    #[test]
    fn the_usual_instants_are_those_of_the_calendar() {
        for year in (0..=2).chain(1890..=2110).chain(9997..=10_000) {
            for month in 0..=13 {
                for day in 0..=32 {
                    let clocks = [([0, 0, 0], 0, 0), ([23, 59, 60], 999_999, -720), ([24, 0, 0], 0, 0)];
                    for (clock, micros, minutes) in clocks {
                        let usual = usual_instant([year, month, day], clock, micros, minutes);
                        let any = any_instant([year, month, day], clock, micros, minutes);
                        let at = (year, month, day, clock);
                        if (1..=9998).contains(&year) {
                            assert_eq!(usual, any, "{at:?}");
                        } else {
                            assert_eq!(usual, None, "{at:?}");
                        }
                    }
                }
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn an_instant_does_not_depend_on_how_it_is_computed(
            date in [0u64..11_000, 0u64..15, 0u64..35],
            clock in [0u64..26, 0u64..62, 0u64..62],
            micros in 0u64..1_100_000,
            minutes in -1700i32..1700,
        ) {
            let any = any_instant(date, clock, micros, minutes);
            proptest::prop_assert_eq!(instant(date, clock, micros, minutes), any);
            let usual = usual_instant(date, clock, micros, minutes);
            proptest::prop_assert!(usual.is_none() || usual == any);
        }
    }
}
