//! The times that logs write. Nothing here asks what time it is.

use jiff::civil::DateTime;
use jiff::tz::Offset;
use nom::bytes::complete::{tag, take, take_while_m_n, take_while1};
use nom::combinator::{map_opt, opt};
use nom::{IResult, Parser};

use crate::event::Micros;

/// A time as a log writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogTime {
    /// The instant; read as UTC where the zone is not known.
    pub at: Micros,
    /// Whether the zone's offset is known. `IST` names three.
    pub zone_known: bool,
}

/// Offsets, in minutes, of the zone abbreviations that mean one offset only, whatever the region.
///
/// Abbreviations that name several (`IST`, `CST`, `BST`, `PST`, ...) are left out on purpose.
/// Source: IANA time zone database, 2025b, zones of today.
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

/// `2026-11-23 18:39:57[.242] UTC`, the `%t` and `%m` of PostgreSQL and the first column of its csv and json logs.
///
/// Source: PostgreSQL `src/backend/utils/error/elog.c`, `get_formatted_log_time` (`%Y-%m-%d %H:%M:%S     %Z`).
pub fn postgres_time(input: &[u8]) -> IResult<&[u8], LogTime> {
    let refused = || nom::Err::Error(nom::error::Error::new(input, nom::error::ErrorKind::Verify));
    // Every record has one: fixed places are read faster than a grammar.
    let stamp = input.first_chunk::<19>().filter(|stamp| has_time_shape(*stamp)).ok_or_else(refused)?;
    let part = |from: usize| stamp.get(from..from + 2).and_then(digits).and_then(|value| i8::try_from(value).ok());
    let year = stamp.get(..4).and_then(digits).and_then(|value| i16::try_from(value).ok());
    let rest = input.get(stamp.len()..).unwrap_or_default();
    let (rest, millis) = match rest {
        [b'.', fraction @ ..] => (fraction.get(3..).unwrap_or_default(), fraction.get(..3).and_then(digits)),
        _ => (rest, Some(0)),
    };
    let (rest, (_, offset)) = (tag(&b" "[..]), zone).parse_complete(rest)?;
    let instant = || {
        let nanos = i32::try_from(millis? * 1_000_000).ok()?;
        // A leap second is written as 60.
        let civil = DateTime::new(year?, part(5)?, part(8)?, part(11)?, part(14)?, part(17)?.min(59), nanos).ok()?;
        Offset::from_seconds(offset.unwrap_or(0) * 60).ok()?.to_timestamp(civil).ok()
    };
    let instant = instant().ok_or_else(refused)?;
    Ok((rest, LogTime { at: instant.as_microsecond(), zone_known: offset.is_some() }))
}

/// Whether `2026-11-23 18:39:57` or something of that shape stands at the start.
pub fn has_time_shape(input: &[u8]) -> bool {
    const SHAPE: &[u8; 19] = b"0000-00-00 00:00:00";
    input.get(..SHAPE.len()).is_some_and(|time| {
        time.iter().zip(SHAPE).all(|(byte, shape)| if *shape == b'0' { byte.is_ascii_digit() } else { byte == shape })
    })
}

/// `1795459197.242`, the `%n` of PostgreSQL.
pub fn epoch_time(input: &[u8]) -> IResult<&[u8], LogTime> {
    let (rest, seconds) =
        map_opt(take_while_m_n(9, 11, |byte: u8| byte.is_ascii_digit()), digits).parse_complete(input)?;
    let (rest, millis) = opt((tag("."), number(3))).parse_complete(rest)?;
    let at = seconds * 1_000_000 + i64::from(millis.map_or(0, |(_, millis)| millis)) * 1_000;
    Ok((rest, LogTime { at, zone_known: true }))
}

/// `Nov 23 18:39:57`, what traditional syslog puts first; the year is not in it.
pub fn syslog_time(input: &[u8], year: i16) -> IResult<&[u8], LogTime> {
    const MONTHS: [&[u8]; 12] =
        [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];
    let month = |word: &[u8]| i8::try_from(MONTHS.iter().position(|month| *month == word)? + 1).ok();
    let (rest, month) = map_opt(take(3usize), month).parse_complete(input)?;
    let (rest, (_, _, day)) =
        (tag(" "), opt(tag(" ")), map_opt(take_while_m_n(1, 2, |byte: u8| byte.is_ascii_digit()), digits))
            .parse_complete(rest)?;
    let (rest, clock) = (tag(" "), number(2), tag(":"), number(2), tag(":"), number(2)).parse_complete(rest)?;
    let at = || {
        let part = |value: i16| i8::try_from(value).ok();
        let civil = DateTime::new(
            year,
            month,
            i8::try_from(day).ok()?,
            part(clock.1)?,
            part(clock.3)?,
            part(clock.5.min(59))?,
            0,
        )
        .ok()?;
        Offset::UTC.to_timestamp(civil).ok()
    };
    match at() {
        Some(at) => Ok((rest, LogTime { at: at.as_microsecond(), zone_known: false })),
        None => Err(nom::Err::Error(nom::error::Error::new(input, nom::error::ErrorKind::Verify))),
    }
}

/// A zone as `%Z` prints it: an abbreviation, or `+03`, `-0330`. None is an abbreviation whose offset is not known.
///
/// `-03:19` is never an offset with minutes: the time zone database has no such abbreviation, and RDS's prefix goes on with
/// a colon. `GMT+3` is what versions of the database before 2017 call `Etc/GMT+3`, which is three hours *behind* UTC.
fn zone(input: &[u8]) -> IResult<&[u8], Option<i32>> {
    if let Some(sign) = input.first().filter(|byte| matches!(byte, b'+' | b'-')) {
        let sign = if *sign == b'-' { -1 } else { 1 };
        let (rest, (_, hours)) = (take(1usize), number(2)).parse_complete(input)?;
        let (rest, minutes) = opt(number(2)).parse_complete(rest)?;
        return Ok((rest, Some(sign * (i32::from(hours) * 60 + i32::from(minutes.unwrap_or(0))))));
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
fn hours_behind(input: &[u8]) -> Option<(&[u8], i32)> {
    let sign = match input.first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let text = input.get(1..)?;
    let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (hours, rest) = text.split_at_checked(length)?;
    let goes_on = rest.first().is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'.');
    let hours = digits(hours).filter(|hours| (1..=2).contains(&length) && *hours <= 14 && !goes_on)?;
    Some((rest, sign * i32::try_from(hours).ok()?))
}

/// Exactly `width` decimal digits, at most four.
fn number<'a>(width: usize) -> impl Parser<&'a [u8], Output = i16, Error = nom::error::Error<&'a [u8]>> {
    map_opt(take(width), |text: &[u8]| digits(text).and_then(|value| i16::try_from(value).ok()))
}

fn digits(text: &[u8]) -> Option<i64> {
    text.iter().try_fold(0i64, |value, byte| byte.is_ascii_digit().then(|| value * 10 + i64::from(byte - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

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
