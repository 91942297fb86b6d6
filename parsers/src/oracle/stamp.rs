//! The times that the listener and the audit trail write.

use std::borrow::Cow;

use jiff::civil::DateTime;
use jiff::tz::Offset;
use memchr::{memchr, memchr3};

use crate::time::LogTime;

/// Names of months, without what is no ASCII letter: `FÉVR.` is `FVR`, in whatever character set.
///
/// A listener writes them in the language of its `NLS_LANG` (`NLS_DATE_LANGUAGE` in
/// <https://docs.oracle.com/en/database/oracle/oracle-database/19/refrn/NLS_DATE_LANGUAGE.html>): English, German, French,
/// Spanish, Italian, Portuguese, Dutch, the Nordic languages, Turkish, Romanian, Hungarian. Source: abbreviations of Unicode
/// CLDR 48, and Oracle's own where they differ (`MRZ`). Languages in which one name is another month elsewhere are left out
/// (`LIS` is November in Polish and October in Croatian).
const MONTHS: [&[&[u8]]; 12] = [
    &[b"JAN", b"JANV", b"ENE", b"GEN", b"OCA", b"IAN", b"TAMMI"],
    &[b"FEB", b"FVR", b"FEVR", b"FEV", b"FEBR", b"UB", b"SUB", b"HELMI"],
    &[b"MAR", b"MARS", b"MRZ", b"MARZ", b"MR", b"MRT", b"MRC", b"MAALIS"],
    &[b"APR", b"AVR", b"ABR", b"NIS", b"PR", b"HUHTI"],
    &[b"MAY", b"MAI", b"MAG", b"MAJ", b"MEI", b"MJ", b"TOUKO"],
    &[b"JUN", b"JUIN", b"JUNI", b"GIU", b"HAZ", b"IUN", b"JN", b"KES"],
    &[b"JUL", b"JUIL", b"JULI", b"LUG", b"TEM", b"IUL", b"JL", b"HEIN"],
    &[b"AUG", b"AOT", b"AOUT", b"AGO", b"AU", b"AGU", b"ELO"],
    &[b"SEP", b"SEPT", b"SET", b"EYL", b"SZEPT", b"SYYS"],
    &[b"OCT", b"OKT", b"OUT", b"OTT", b"EKI", b"LOKA"],
    &[b"NOV", b"NOI", b"KAS", b"MARRAS"],
    &[b"DEC", b"DEZ", b"DIC", b"DC", b"DES", b"ARA", b"JOULU"],
];

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
    let (stamp, rest) = rest.split_at_checked(13)?;
    let part = |from: usize, to: usize| number(stamp.get(from..to)?);
    let separators = [(4, b' '), (7, b':'), (10, b':')];
    if !separators.iter().all(|(at, byte)| stamp.get(*at) == Some(byte)) {
        return None;
    }
    let month = month(name)?;
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
    let at = DateTime::new(part(0, 4)?, month, day, small(5)?, small(8)?, small(11)?.min(59), nanos).ok()?;
    let at = Offset::UTC.to_timestamp(at).ok()?.as_microsecond();
    Some((LogTime { at, zone_known: false }, rest))
}

/// Splits `12-OCT-` off, in any language: `14-1月 -`.
fn day_and_month(line: &[u8]) -> Option<(i8, &[u8], &[u8])> {
    let (day, rest) = line.split_at_checked(2)?;
    let day = i8::try_from(number(day)?).ok()?;
    let rest = rest.strip_prefix(b"-")?;
    let length = match rest.get(3) {
        Some(b'-') => 3,
        _ => memchr(b'-', rest.get(..MONTH_MAX).unwrap_or(rest))?,
    };
    let (name, rest) = rest.split_at_checked(length)?;
    Some((day, name, rest.strip_prefix(b"-")?))
}

/// Whether a record begins with a civil time whose month is in a language that is not known.
pub(crate) fn has_unknown_month(line: &[u8]) -> bool {
    let read = || {
        let (_, name, rest) = day_and_month(line)?;
        let clock = rest.get(..13)?.iter().zip(b"0000 00:00:00");
        let shaped = clock.into_iter().all(|(byte, shape)| match shape {
            b'0' => byte.is_ascii_digit(),
            _ => byte == shape,
        });
        let rest = rest.get(13..)?;
        // Milliseconds, from 23ai on.
        let rest = rest.strip_prefix(b":").and_then(|rest| rest.get(3..)).unwrap_or(rest);
        Some(shaped && month(name).is_none() && rest.starts_with(b" * "))
    };
    read() == Some(true)
}

/// `2024-01-15T08:30:00.123456+09:00`, from 12.2 on.
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
pub(super) fn offset(line: &[u8]) -> Option<i32> {
    const SHAPE: &[u8] = b"0000-00-00T00:00:00";
    let line = line.trim_ascii_end();
    let shaped = |byte: &u8, shape: &u8| if *shape == b'0' { byte.is_ascii_digit() } else { byte == shape };
    let (stamp, rest) = line.split_at_checked(SHAPE.len()).filter(|_| line.len() <= ISO_MAX)?;
    // Most lines are told apart by their first bytes.
    if !stamp.iter().zip(SHAPE).all(|(byte, shape)| shaped(byte, shape)) {
        return None;
    }
    let fraction = rest.strip_prefix(b".").unwrap_or(rest);
    let zone = fraction.get(fraction.iter().take_while(|byte| byte.is_ascii_digit()).count()..)?;
    match zone {
        b"Z" => Some(0),
        [sign @ (b'+' | b'-'), hours @ .., b':', tens, ones] if hours.len() == 2 => {
            let minutes = i32::from(number(hours)?) * 60 + i32::from(number(&[*tens, *ones])?);
            Some(if *sign == b'-' { -minutes } else { minutes })
        }
        _ => None,
    }
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

/// The month of this name. Where months have numbers, `1月` and `1월`, the character set does not matter, nor that a
/// conversion left a question mark of it.
fn month(name: &[u8]) -> Option<i8> {
    let unsupported_language = |byte: &u8| !byte.is_ascii() || *byte == b'?';
    let name = name.trim_ascii();
    if name.first().is_some_and(u8::is_ascii_digit) {
        let digits = name.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (number, rest) = name.split_at_checked(digits)?;
        let number = i8::try_from(self::number(number)?).ok()?;
        return ((1..=12).contains(&number) && !rest.is_empty() && rest.iter().all(unsupported_language))
            .then_some(number);
    }
    let folded: Cow<'_, [u8]> = if name.iter().all(u8::is_ascii_alphabetic) {
        Cow::Borrowed(name)
    } else {
        let name = name.strip_suffix(b".").unwrap_or(name);
        Cow::Owned(name.iter().copied().filter(|byte| !unsupported_language(byte)).collect())
    };
    let is_one = |names: &&[&[u8]]| names.iter().any(|known| known.eq_ignore_ascii_case(&folded));
    i8::try_from(MONTHS.iter().position(is_one)? + 1).ok()
}

fn number(text: &[u8]) -> Option<i16> {
    text.iter().try_fold(0i16, |value, byte| {
        let digit = byte.is_ascii_digit().then(|| i16::from(byte - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests {
    use super::{dated, has_unknown_month, stamp};

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
        for (name, month) in [("FÉVR.", 2), ("AOÛT ", 8), ("DÉC. ", 12), ("MÄR", 3), ("10月", 10), ("12월", 12)] {
            assert_eq!(super::month(name.as_bytes()), Some(month), "{name}");
        }
        for latin1 in [&b"F\xc9VR."[..], b"f\xe9vr."] {
            assert_eq!(super::month(latin1), Some(2));
        }
        assert_eq!(super::month(b"1\xd4\xc2 "), Some(1), "GBK");
        for name in ["LIS", "13月", "0月", "1", "", "ЯНВ", "NOVX"] {
            assert_eq!(super::month(name.as_bytes()), None, "{name}");
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
