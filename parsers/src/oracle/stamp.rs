//! The times that the listener and the audit trail write.

use jiff::civil::DateTime;
use jiff::tz::Offset;
use memchr::memchr3;

use crate::time::LogTime;

const MONTHS: [&[u8]; 12] =
    [b"JAN", b"FEB", b"MAR", b"APR", b"MAY", b"JUN", b"JUL", b"AUG", b"SEP", b"OCT", b"NOV", b"DEC"];

/// How long a line is that holds a time of the audit trail.
pub(super) const DATED: usize = 31;

/// The time at the start of a line, in either form, and what follows it.
pub(super) fn stamp(line: &[u8]) -> Option<(LogTime, &[u8])> {
    civil(line).or_else(|| iso(line))
}

/// `12-OCT-2009 10:03:39`, from 23ai on with milliseconds behind another colon. The server's own zone, not named.
fn civil(line: &[u8]) -> Option<(LogTime, &[u8])> {
    let (stamp, rest) = line.split_at_checked(20)?;
    let part = |from: usize, to: usize| number(stamp.get(from..to)?);
    let separators = [(2, b'-'), (6, b'-'), (11, b' '), (14, b':'), (17, b':')];
    if !separators.iter().all(|(at, byte)| stamp.get(*at) == Some(byte)) {
        return None;
    }
    let month = month(stamp.get(3..6)?)?;
    let small = |from: usize| i8::try_from(part(from, from + 2)?).ok();
    let (millis, rest) = match rest {
        [b':', after @ ..] => {
            let (millis, rest) = after.split_at_checked(3)?;
            (number(millis)?, rest)
        }
        _ => (0, rest),
    };
    let nanos = i32::from(millis) * 1_000_000;
    // A leap second is written as 60.
    let at = DateTime::new(part(7, 11)?, month, small(0)?, small(12)?, small(15)?, small(18)?.min(59), nanos).ok()?;
    let at = Offset::UTC.to_timestamp(at).ok()?.as_microsecond();
    Some((LogTime { at, zone_known: false }, rest))
}

/// `2024-01-15T08:30:00.123456+09:00`, from 12.2 on.
pub(super) fn iso(line: &[u8]) -> Option<(LogTime, &[u8])> {
    if line.get(10) != Some(&b'T') || !line.first().is_some_and(u8::is_ascii_digit) {
        return None;
    }
    let head = line.get(..40).unwrap_or(line);
    let (stamp, rest) = line.split_at_checked(memchr3(b' ', b'\r', b'\'', head).unwrap_or(head.len()))?;
    let at: jiff::Timestamp = std::str::from_utf8(stamp).ok()?.parse().ok()?;
    Some((LogTime { at: at.as_microsecond(), zone_known: true }, rest))
}

/// `Mon Nov  2 18:39:57 2026 -04:00`, all of a line of the audit trail.
pub(super) fn dated(line: &[u8]) -> Option<LogTime> {
    let line: &[u8; DATED] = line.try_into().ok()?;
    let separators = [(3, b' '), (7, b' '), (10, b' '), (13, b':'), (16, b':'), (19, b' '), (24, b' '), (28, b':')];
    if !separators.iter().all(|(at, byte)| line.get(*at) == Some(byte)) {
        return None;
    }
    let part = |from: usize, to: usize| number(line.get(from..to)?);
    let small = |from: usize| i8::try_from(part(from, from + 2)?).ok();
    let day = if line.get(8) == Some(&b' ') { i8::try_from(part(9, 10)?).ok()? } else { small(8)? };
    let at = DateTime::new(part(20, 24)?, month(line.get(4..7)?)?, day, small(11)?, small(14)?, small(17)?.min(59), 0)
        .ok()?;
    let minutes = i32::from(part(26, 28)?) * 60 + i32::from(part(29, 31)?);
    let minutes = match line.get(25)? {
        b'+' => minutes,
        b'-' => -minutes,
        _ => return None,
    };
    let at = Offset::from_seconds(minutes * 60).ok()?.to_timestamp(at).ok()?.as_microsecond();
    Some(LogTime { at, zone_known: true })
}

fn month(name: &[u8]) -> Option<i8> {
    i8::try_from(MONTHS.iter().position(|month| month.eq_ignore_ascii_case(name))? + 1).ok()
}

fn number(text: &[u8]) -> Option<i16> {
    text.iter().try_fold(0i16, |value, byte| {
        let digit = byte.is_ascii_digit().then(|| i16::from(byte - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests {
    use super::{dated, stamp};

    fn at(text: &str) -> Option<(i64, bool)> {
        stamp(text.as_bytes()).filter(|(_, rest)| rest.is_empty()).map(|(time, _)| (time.at, time.zone_known))
    }

    #[test]
    fn both_forms_are_read() {
        let noon = 1_795_435_200_000_000;
        assert_eq!(at("23-NOV-2026 12:00:00"), Some((noon, false)));
        assert_eq!(at("23-Nov-2026 12:00:00:250"), Some((noon + 250_000, false)));
        assert_eq!(at("2026-11-23T21:00:00.000001+09:00"), Some((noon + 1, true)));
        for text in ["23-NOX-2026 12:00:00", "33-NOV-2026 12:00:00", "23-NOV-2026 12:00", "2026-11-23T21:00:00", ""] {
            assert_eq!(at(text), None, "{text}");
        }
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
