//! The times that PostgreSQL and syslog write.
//!
//! ```text
//! 2026-11-23 18:39:57.242 UTC    PostgreSQL: `%m`, csv and json logs
//! 1795459197.242                 PostgreSQL: `%n`
//! Nov 23 18:39:57                traditional syslog
//! ```
//!
//! All become microseconds since 1970 in UTC. A time whose zone is not known is read as UTC, and is marked so.

use nom::bytes::complete::{tag, take, take_while_m_n, take_while1};
use nom::combinator::{map_opt, opt};
use nom::error::{Error, ErrorKind};
use nom::{IResult, Parser};

use crate::digits::{self, number_at};
use crate::months;
use crate::time::{LogTime, after_date_and_clock, date_and_clock, instant};

/// Zone abbreviations that mean one offset in every region, with the offset in minutes.
///
/// Abbreviations that mean several (`IST`, `CST`, `BST`, `PST`, ...) are left out on purpose.
/// Source: IANA time zone database, 2025b, zones of today.
///
/// Minutes count east of UTC. A zone that is missing here still gives a time, with `zone_known` false.
const ZONES: &[(&[u8], i32)] = &[
    (b"UTC", 0),
    (b"GMT", 0),
    (b"UCT", 0),
    (b"Z", 0),
    (b"WET", 0),
    (b"WEST", 60),
    (b"CET", 60),
    (b"CEST", 120),
    (b"EET", 120),
    (b"EEST", 180),
    (b"MSK", 180),
    (b"EAT", 180),
    (b"WAT", 60),
    (b"CAT", 120),
    (b"SAST", 120),
    (b"PKT", 300),
    (b"WIB", 420),
    (b"HKT", 480),
    (b"AWST", 480),
    (b"JST", 540),
    (b"KST", 540),
    (b"ACST", 570),
    (b"ACDT", 630),
    (b"AEST", 600),
    (b"AEDT", 660),
    (b"NZST", 720),
    (b"NZDT", 780),
    (b"AKST", -540),
    (b"AKDT", -480),
    (b"PDT", -420),
    (b"MDT", -360),
    (b"EST", -300),
    (b"EDT", -240),
    (b"NST", -210),
    (b"NDT", -150),
];

/// `2026-11-23 18:39:57[.242] UTC`: `%t` and `%m`, and the first column of csv and json logs.
///
/// Source: PostgreSQL `src/backend/utils/error/elog.c`, `get_formatted_log_time` (`%Y-%m-%d %H:%M:%S     %Z`).
///
/// The fraction has three digits.
///
/// # Errors
///
/// When the text does not begin with a date and a clock, the date does not exist, or the zone is missing.
pub(super) fn postgres_time(input: &[u8]) -> IResult<&[u8], LogTime> {
    // Every record has one: fixed positions are read faster than a grammar.
    let (date, clock, rest) = date_and_clock(input).ok_or_else(|| refused(input))?;
    let (rest, millis) = match rest {
        [b'.', fraction @ ..] => (fraction.get(3..).unwrap_or_default(), number_at(fraction, 0..3)),
        _ => (rest, Some(0)),
    };
    let (rest, offset) = zone(rest.strip_prefix(b" ").ok_or_else(|| refused(rest))?)?;
    let at = millis.and_then(|millis| instant(date, clock, millis * 1000, offset.unwrap_or(0)));
    let at = at.ok_or_else(|| refused(input))?;
    Ok((rest, LogTime { at, zone_known: offset.is_some() }))
}

/// The error of a text that is no time.
fn refused(input: &[u8]) -> nom::Err<Error<&[u8]>> {
    nom::Err::Error(Error::new(input, ErrorKind::Verify))
}

/// Whether a text begins with `2026-11-23 18:39:57`, or with digits of that shape.
///
/// Neither the zone nor the values are checked: it is a quick test before the time is read.
pub(super) fn has_time_shape(input: &[u8]) -> bool {
    after_date_and_clock(input).is_some()
}

/// `1795459197.242`: `%n`.
///
/// The seconds have 9 to 11 digits, and the milliseconds may be missing.
///
/// # Errors
///
/// When fewer digits stand there.
pub(super) fn epoch_time(input: &[u8]) -> IResult<&[u8], LogTime> {
    let (rest, seconds) =
        map_opt(take_while_m_n(9, 11, |byte: u8| byte.is_ascii_digit()), digits::number).parse_complete(input)?;
    let (rest, millis) = opt((tag("."), number(3))).parse_complete(rest)?;
    let micros = seconds * 1_000_000 + millis.map_or(0, |(_, millis)| millis) * 1_000;
    let at = i64::try_from(micros).map_err(|_| refused(input))?;
    Ok((rest, LogTime { at, zone_known: true }))
}

/// `Nov 23 18:39:57`: the time that traditional syslog puts first. The year is not in it.
///
/// A day below 10 may have a second blank before it. `zone_known` is false: the zone is that of the server's host.
///
/// # Errors
///
/// When the month is not an English abbreviation, or the date does not exist in `year`.
pub(super) fn syslog_time(input: &[u8], year: i16) -> IResult<&[u8], LogTime> {
    let (rest, month) = map_opt(take(3usize), months::english).parse_complete(input)?;
    let day = map_opt(take_while_m_n(1, 2, |byte: u8| byte.is_ascii_digit()), digits::number);
    let (rest, (_, _, day)) = (tag(" "), opt(tag(" ")), day).parse_complete(rest)?;
    let (rest, clock) = (tag(" "), number(2), tag(":"), number(2), tag(":"), number(2)).parse_complete(rest)?;
    let date = || Some([u64::try_from(year).ok()?, u64::try_from(month).ok()?, day]);
    let at = date().and_then(|date| instant(date, [clock.1, clock.3, clock.5], 0, 0));
    Ok((rest, LogTime { at: at.ok_or_else(|| refused(input))?, zone_known: false }))
}

/// A zone as `%Z` prints it: an abbreviation, or `+03`, `-0330`. None for an abbreviation whose offset is not known.
///
/// `-03:19` is never an offset with minutes: the time zone database has no such abbreviation, and RDS's prefix goes on with
/// a colon. `GMT+3` is the name of `Etc/GMT+3` in databases before 2017. It is three hours *behind* UTC.
///
/// The offset is in minutes east of UTC.
///
/// # Errors
///
/// When neither a letter nor a sign with two digits stands there.
fn zone(input: &[u8]) -> IResult<&[u8], Option<i32>> {
    if let Some(sign) = input.first().filter(|byte| matches!(byte, b'+' | b'-')) {
        let sign = if *sign == b'-' { -1 } else { 1 };
        let (rest, (_, hours)) = (take(1usize), number(2)).parse_complete(input)?;
        let (rest, minutes) = opt(number(2)).parse_complete(rest)?;
        let minutes = i32::try_from(hours * 60 + minutes.unwrap_or(0)).map_err(|_| refused(input))?;
        return Ok((rest, Some(sign * minutes)));
    }
    if let Some(rest) = input.strip_prefix(b"UTC")
        && !rest.first().is_some_and(u8::is_ascii_alphabetic)
    {
        return Ok((rest, Some(0)));
    }
    let (rest, word) = take_while1(|byte: u8| byte.is_ascii_alphabetic()).parse_complete(input)?;
    if word == b"GMT"
        && let Some((rest, hours)) = hours_behind(rest)
    {
        return Ok((rest, Some(-60 * hours)));
    }
    Ok((rest, ZONES.iter().find(|(name, _)| *name == word).map(|(_, minutes)| *minutes)))
}

/// The hours of `GMT+3` and `GMT-12`; none where more than a number of two digits follows, as in a prefix `%t-%c`.
///
/// More than 14 hours is no zone. `GMT+3` gives 3, and `GMT-12` gives -12.
fn hours_behind(input: &[u8]) -> Option<(&[u8], i32)> {
    let sign = match input.first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let text = input.get(1..)?;
    let (hours, rest) = digits::split_number(text)?;
    let length = text.len() - rest.len();
    let goes_on = rest.first().is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'.');
    let hours = Some(hours).filter(|hours| length <= 2 && *hours <= 14 && !goes_on)?;
    Some((rest, sign * i32::try_from(hours).ok()?))
}

/// Exactly `width` decimal digits.
///
/// The parser fails on fewer digits, and leaves further digits to the next one.
fn number<'a>(width: usize) -> impl Parser<&'a [u8], Output = u64, Error = Error<&'a [u8]>> {
    map_opt(take(width), digits::number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Micros;

    fn at(text: &str) -> Option<(Micros, bool)> {
        let (rest, time) = postgres_time(text.as_bytes()).ok()?;
        rest.is_empty().then_some((time.at, time.zone_known))
    }

    #[test]
    fn zones_are_offsets_or_unknown() {
        let noon = 1_795_435_200_000_000;
        assert_eq!(at("2026-11-23 12:00:00 UTC"), Some((noon, true)));
        assert_eq!(at("2026-11-23 13:00:00.500 CET"), Some((noon + 500_000, true)));
        assert_eq!(at("2026-11-23 09:00:00 -03"), Some((noon, true)));
        assert_eq!(at("2026-11-23 17:30:00 +0530"), Some((noon, true)));
        assert_eq!(at("2026-11-23 09:00:00 GMT+3"), Some((noon, true)));
        assert_eq!(at("2026-11-23 22:00:00 GMT-10"), Some((noon, true)));
        assert_eq!(at("2026-11-23 12:00:00 IST"), Some((noon, false)));
    }

    /// A time is remembered up to its zone, unless a severity may follow that.
    #[test]
    fn no_zone_ends_in_a_severity() {
        for (name, _) in ZONES {
            assert!(!super::super::prefix::ends_in_severity(name), "{}", name.escape_ascii());
        }
    }

    /// RDS's prefix goes on with a colon and an address, Azure's with a session's number.
    #[test]
    fn a_zone_ends_before_what_follows_it() {
        let rest = |text: &'static str| postgres_time(text.as_bytes()).map(|(rest, _)| rest);
        assert_eq!(rest("2026-11-20 10:00:01 -03:192.0.2.2(5)"), Ok(&b":192.0.2.2(5)"[..]));
        assert_eq!(rest("2026-11-20 10:00:01 +0545:1.2.3.4(5)"), Ok(&b":1.2.3.4(5)"[..]));
        assert_eq!(rest("2026-11-20 10:00:01 GMT-6924dca7.1267-"), Ok(&b"-6924dca7.1267-"[..]));
        assert_eq!(rest("2026-11-20 10:00:01 GMT-69.1267-"), Ok(&b"-69.1267-"[..]));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in
            ["2026-13-23 12:00:00 UTC", "2026-11-23 24:00:00 UTC", "2026-11-23 12:00:00", "2026-1-23 12:00:00 UTC", ""]
        {
            assert_eq!(at(text), None, "{text}");
        }
    }
}
