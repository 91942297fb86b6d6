//! The times of MySQL's and MariaDB's logs.

use jiff::civil::DateTime;
use jiff::tz::Offset;

use crate::time::LogTime;

/// `2018-12-27T11:07:19.431815Z` or `...+01:00`, the general log of MySQL 5.7 and later, and what follows.
///
/// Source: MySQL `sql/log.cc`, `make_iso8601_timestamp`.
pub fn iso(line: &[u8]) -> Option<(LogTime, &[u8])> {
    let rest = shaped(line, b"0000-00-00T00:00:00.000000")?;
    let (offset, rest) = match rest {
        [b'Z', rest @ ..] => (0, rest),
        [sign @ (b'+' | b'-'), zone @ ..] => {
            let minutes = number(zone, 0, 2)? * 60 + number(zone, 3, 5)?;
            let rest = shaped(zone, b"00:00")?;
            (if *sign == b'-' { -minutes } else { minutes }, rest)
        }
        _ => return None,
    };
    let day = [number(line, 0, 4)?, number(line, 5, 7)?, number(line, 8, 10)?];
    let clock = [number(line, 11, 13)?, number(line, 14, 16)?, number(line, 17, 19)?];
    let at = instant(day, clock, number(line, 20, 26)?, offset)?;
    Some((LogTime { at, zone_known: true }, rest))
}

/// `261123 18:46:24` or `261123  8:46:24`, the general log of MariaDB and of MySQL up to 5.6, and what follows.
///
/// The zone is the server's, and not in the log. Source: MariaDB `sql/log.cc`, `MYSQL_QUERY_LOG::write`.
pub fn old(line: &[u8]) -> Option<(LogTime, &[u8])> {
    let rest = shaped(line, b"000000 00:00:00").or_else(|| shaped(line, b"000000  0:00:00"))?;
    let day = [2000 + number(line, 0, 2)?, number(line, 2, 4)?, number(line, 4, 6)?];
    let hour = number(line, 7, 9).or_else(|| number(line, 8, 9))?;
    let at = instant(day, [hour, number(line, 10, 12)?, number(line, 13, 15)?], 0, 0)?;
    Some((LogTime { at, zone_known: false }, rest))
}

/// `20261123 18:46:24`, the audit log of MariaDB and of RDS for MySQL, and what follows. The zone is the server's.
///
/// Source: MariaDB `plugin/server_audit/server_audit.c`, `log_header`.
pub fn audit(line: &[u8]) -> Option<(LogTime, &[u8])> {
    let rest = shaped(line, b"00000000 00:00:00")?;
    let day = [number(line, 0, 4)?, number(line, 4, 6)?, number(line, 6, 8)?];
    let at = instant(day, [number(line, 9, 11)?, number(line, 12, 14)?, number(line, 15, 17)?], 0, 0)?;
    Some((LogTime { at, zone_known: false }, rest))
}

/// `1542322087000000`, microseconds since 1970, the audit log of Aurora MySQL, and what follows.
///
/// Source: <https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/AuroraMySQL.Auditing.html>, `timestamp`.
pub fn epoch(line: &[u8]) -> Option<(LogTime, &[u8])> {
    let rest = shaped(line, b"0000000000000000").filter(|rest| rest.first().is_some_and(|byte| *byte == b','))?;
    Some((LogTime { at: number(line, 0, 16)?, zone_known: true }, rest))
}

/// What follows a text of this shape, in which `0` stands for any digit.
fn shaped<'a>(text: &'a [u8], shape: &[u8]) -> Option<&'a [u8]> {
    let (head, rest) = text.split_at_checked(shape.len())?;
    let fits = |(byte, shape): (&u8, &u8)| if *shape == b'0' { byte.is_ascii_digit() } else { byte == shape };
    head.iter().zip(shape).all(fits).then_some(rest)
}

fn number(text: &[u8], from: usize, to: usize) -> Option<i64> {
    text.get(from..to)?.iter().try_fold(0, |value: i64, byte| {
        byte.is_ascii_digit().then(|| value.checked_mul(10)?.checked_add(i64::from(byte - b'0'))).flatten()
    })
}

/// An instant from year, month and day, from hour, minute and second, from microseconds, and from minutes of offset.
fn instant([year, month, day]: [i64; 3], [hour, minute, second]: [i64; 3], micros: i64, offset: i64) -> Option<i64> {
    let small = |value: i64| i8::try_from(value).ok();
    let nanos = i32::try_from(micros * 1000).ok()?;
    // A leap second is written as 60.
    let second = small(second.min(59))?;
    let year = i16::try_from(year).ok()?;
    let civil = DateTime::new(year, small(month)?, small(day)?, small(hour)?, small(minute)?, second, nanos).ok()?;
    let offset = Offset::from_seconds(i32::try_from(offset * 60).ok()?).ok()?;
    Some(offset.to_timestamp(civil).ok()?.as_microsecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENING: i64 = 1_795_459_584_000_000;

    fn at(read: Option<(LogTime, &[u8])>) -> Option<(i64, bool, &[u8])> {
        read.map(|(time, rest)| (time.at, time.zone_known, rest))
    }

    #[test]
    fn every_clock_is_read() {
        let micros = EVENING + 431_815;
        assert_eq!(at(iso(b"2026-11-23T18:46:24.431815Z\tx")), Some((micros, true, b"\tx".as_slice())));
        assert_eq!(at(iso(b"2026-11-23T19:46:24.431815+01:00\tx")), Some((micros, true, b"\tx".as_slice())));
        assert_eq!(at(iso(b"2026-11-23T13:16:24.431815-05:30")), Some((micros, true, b"".as_slice())));
        assert_eq!(at(old(b"261123 18:46:24\tx")), Some((EVENING, false, b"\tx".as_slice())));
        let morning = EVENING - 10 * 3_600_000_000;
        assert_eq!(at(old(b"261123  8:46:24\tx")), Some((morning, false, b"\tx".as_slice())));
        assert_eq!(at(audit(b"20261123 18:46:24,vm")), Some((EVENING, false, b",vm".as_slice())));
        assert_eq!(at(epoch(b"1795459584000000,vm")), Some((EVENING, true, b",vm".as_slice())));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in ["", "2026-13-23T18:46:24.431815Z", "2026-11-23T18:46:24Z", "2026-11-23T18:46:24.431815"] {
            assert_eq!(iso(text.as_bytes()), None, "{text}");
        }
        assert_eq!(old(b"261323 18:46:24\t"), None);
        assert_eq!(audit(b"20261123 25:46:24,"), None);
        assert_eq!(epoch(b"17954595840000001,"), None);
    }
}
