//! The times that the listener and the audit trail write.
//!
//! `stamp` and `dated` return None for a text of another shape, and for a day or a clock that does not exist.

use memchr::{memchr, memchr3};

use crate::digits::{self, after_shape, number_at};
use crate::months;
use crate::time::{LogTime, instant};

/// Most bytes that a time with its zone takes.
const ISO_MAX: usize = 40;

/// Most bytes that the name of a month takes, with the blanks that pad it.
const MONTH_MAX: usize = 24;

/// How long a line is that holds a time of the audit trail.
pub(super) const DATED: usize = 31;

/// The time at the start of a line, in either form, and what follows it.
pub(super) fn stamp(line: &[u8]) -> Option<(LogTime, &[u8])> {
    civil(line).or_else(|| iso(line))
}

/// `12-OCT-2009 10:03:39`, from 23ai on with milliseconds behind another colon. The server's own zone, not named.
pub(super) fn civil(line: &[u8]) -> Option<(LogTime, &[u8])> {
    let (day, name, rest) = day_and_month(line)?;
    let (stamp, rest) = (rest, after_shape(rest, b"0000 00:00:00")?);
    let month = u64::try_from(months::in_any_language(name)?).ok()?;
    let (millis, rest) = match rest {
        [b':', after @ ..] => (number_at(after, 0..3)?, after.get(3..)?),
        _ => (0, rest),
    };
    let clock = [number_at(stamp, 5..7)?, number_at(stamp, 8..10)?, number_at(stamp, 11..13)?];
    let at = instant([number_at(stamp, 0..4)?, month, day], clock, millis * 1000, 0)?;
    Some((LogTime { at, zone_known: false }, rest))
}

/// Splits `12-OCT-` off, in any language: `14-1月 -`.
///
/// The name is not checked. None if no hyphen stands within [`MONTH_MAX`] bytes behind the day's.
fn day_and_month(line: &[u8]) -> Option<(u64, &[u8], &[u8])> {
    let (day, rest) = (number_at(line, 0..2)?, after_shape(line, b"00-")?);
    let length = match rest.get(3) {
        Some(b'-') => 3,
        _ => memchr(b'-', rest.get(..MONTH_MAX).unwrap_or(rest))?,
    };
    let (name, rest) = rest.split_at_checked(length)?;
    Some((day, name, rest.strip_prefix(b"-")?))
}

/// Whether a record begins with a civil time whose month is in a language that is not known.
///
/// ` * ` must follow the time, which has milliseconds or none. False for a known month.
pub(crate) fn has_unknown_month(line: &[u8]) -> bool {
    let read = || {
        let (_, name, rest) = day_and_month(line)?;
        let rest = after_shape(rest, b"0000 00:00:00")?;
        // Milliseconds, from 23ai on.
        let rest = rest.strip_prefix(b":").and_then(|rest| rest.get(3..)).unwrap_or(rest);
        Some(months::in_any_language(name).is_none() && rest.starts_with(b" * "))
    };
    read() == Some(true)
}

/// `2024-01-15T08:30:00.123456+09:00`, from 12.2 on.
///
/// None without a zone. A blank, a carriage return or a single quote ends the time.
pub(super) fn iso(line: &[u8]) -> Option<(LogTime, &[u8])> {
    if line.get(10) != Some(&b'T') || !line.first().is_some_and(u8::is_ascii_digit) {
        return None;
    }
    let head = line.get(..ISO_MAX).unwrap_or(line);
    let (stamp, rest) = line.split_at_checked(memchr3(b' ', b'\r', b'\'', head).unwrap_or(head.len()))?;
    let at: jiff::Timestamp = std::str::from_utf8(stamp).ok()?.parse().ok()?;
    Some((LogTime { at: at.as_microsecond(), zone_known: true }, rest))
}

/// The offset, in minutes, of a line that holds a time with its zone and nothing else.
///
/// Negative to the west of UTC; 0 for `Z`. None for a record, because text follows its time.
pub(super) fn offset(line: &[u8]) -> Option<i32> {
    let line = line.trim_ascii_end();
    let rest = after_shape(line, b"0000-00-00T00:00:00").filter(|_| line.len() <= ISO_MAX)?;
    let fraction = rest.strip_prefix(b".").unwrap_or(rest);
    let zone = fraction.get(digits::leading(fraction)..)?;
    match zone {
        b"Z" => Some(0),
        [sign @ (b'+' | b'-'), hours @ .., b':', tens, ones] if hours.len() == 2 => {
            let minutes = digits::number(hours)? * 60 + digits::number(&[*tens, *ones])?;
            let minutes = i32::try_from(minutes).ok()?;
            Some(if *sign == b'-' { -minutes } else { minutes })
        }
        _ => None,
    }
}

/// `Mon Nov  2 18:39:57 2026 -04:00`, all of a line of the audit trail.
///
/// A blank pads a day of one digit. The name of the month has three letters, in any language.
pub(super) fn dated(line: &[u8]) -> Option<LogTime> {
    let line: &[u8; DATED] = line.try_into().ok()?;
    let separators = [(3, b' '), (7, b' '), (10, b' '), (13, b':'), (16, b':'), (19, b' '), (24, b' '), (28, b':')];
    if !separators.iter().all(|(at, byte)| line.get(*at) == Some(byte)) {
        return None;
    }
    let part = |from: usize| number_at(line, from..from + 2);
    let day = if line.get(8) == Some(&b' ') { number_at(line, 9..10)? } else { part(8)? };
    let month = u64::try_from(months::in_any_language(line.get(4..7)?)?).ok()?;
    let minutes = i32::try_from(part(26)? * 60 + part(29)?).ok()?;
    let minutes = match line.get(25)? {
        b'+' => minutes,
        b'-' => -minutes,
        _ => return None,
    };
    let clock = [part(11)?, part(14)?, part(17)?];
    let at = instant([number_at(line, 20..24)?, month, day], clock, 0, minutes)?;
    Some(LogTime { at, zone_known: true })
}

#[cfg(test)]
mod tests {
    use super::{dated, has_unknown_month, stamp};

    /// The instant, and whether its zone is known, of a text that is a time and nothing else.
    fn at(text: &str) -> Option<(i64, bool)> {
        stamp(text.as_bytes()).filter(|(_, rest)| rest.is_empty()).map(|(time, _)| (time.at, time.zone_known))
    }

    #[test]
    fn both_forms_are_read() {
        let noon = 1_795_435_200_000_000;
        assert_eq!(at("23-NOV-2026 12:00:00"), Some((noon, false)));
        assert_eq!(at("23-Nov-2026 12:00:00:250"), Some((noon + 250_000, false)));
        assert_eq!(at("2026-11-23T21:00:00.000001+09:00"), Some((noon + 1, true)));
        let march = noon - 237 * 86_400_000_000;
        for text in ["31-MRZ-2026 12:00:00", "31-MARS -2026 12:00:00", "31-3月 -2026 12:00:00", "31-3? -2026 12:00:00"]
        {
            assert_eq!(at(text), Some((march, false)), "{text}");
        }
        for text in ["23-NOX-2026 12:00:00", "33-NOV-2026 12:00:00", "23-NOV-2026 12:00", "2026-11-23T21:00:00", ""] {
            assert_eq!(at(text), None, "{text}");
        }
    }

    #[test]
    fn a_line_that_holds_a_time_alone_gives_the_zone() {
        let lines = [
            ("2026-11-23T18:39:57.123456+05:30", Some(330)),
            ("2026-11-23T18:39:57-04:00\r", Some(-240)),
            ("2026-11-23T18:39:57.1Z", Some(0)),
            ("2026-11-23T18:39:57.123456", None),
            ("2026-11-23T18:39:57.123456+05:30 * x", None),
            ("23-NOV-2026 18:39:57 * ", None),
            ("", None),
        ];
        for (line, minutes) in lines {
            assert_eq!(super::offset(line.as_bytes()), minutes, "{line}");
        }
    }

    #[test]
    fn a_month_that_is_in_no_table_is_not_overlooked() {
        let record = |stamp: &str| has_unknown_month(format!("{stamp} * service_update * x * 0").as_bytes());
        assert!(record("14-LIS-2026 02:39:08") && record("14-ЯНВ-2026 02:39:08:123"));
        assert!(!record("14-NOV-2026 02:39:08") && !record("14-LIS-2026 02:39") && !record("x"));
    }

    #[test]
    fn the_audit_trail_names_its_zone() {
        let at = |text: &str| dated(text.as_bytes()).map(|time| (time.at, time.zone_known));
        let noon = 1_795_435_200_000_000;
        assert_eq!(at("Mon Nov 23 08:00:00 2026 -04:00"), Some((noon, true)));
        assert_eq!(at("Mon Nov 23 17:30:00 2026 +05:30"), Some((noon, true)));
        assert_eq!(at("Mon Nov  2 12:00:00 2026 +00:00"), Some((noon - 21 * 86_400_000_000, true)));
        for text in ["Mon Nov 23 08:00:00 2026", "Mon Nox 23 08:00:00 2026 -04:00", "Mon Nov 31 08:00:00 2026 -04:00"] {
            assert_eq!(at(text), None, "{text}");
        }
    }
}
