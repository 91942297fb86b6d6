//! The times of MySQL's and MariaDB's logs.
//!
//! Every function returns the instant in microseconds and the text behind the time. It returns None where the text has
//! another shape, or where the date or the clock does not exist.

use crate::digits::{after_shape, number_at};
use crate::time::{LogTime, instant, two_digits};

/// `2018-12-27T11:07:19.431815Z` or `...+01:00`, of the general log of MySQL 5.7 and later, and the text behind it.
///
/// Source: MySQL `sql/log.cc`, `make_iso8601_timestamp`.
pub fn iso(line: &[u8]) -> Option<(LogTime, &[u8])> {
    let rest = after_shape(line, b"0000-00-00T00:00:00.000000")?;
    let (offset, rest) = match rest {
        [b'Z', rest @ ..] => (0, rest),
        [sign @ (b'+' | b'-'), zone @ ..] => {
            let minutes = i32::try_from(number_at(zone, 0..2)? * 60 + number_at(zone, 3..5)?).ok()?;
            let rest = after_shape(zone, b"00:00")?;
            (if *sign == b'-' { -minutes } else { minutes }, rest)
        }
        _ => return None,
    };
    let [a, b, c, d, _, m, n, _, e, f, _, g, h, _, i, j, _, k, l] = *line.first_chunk()?;
    let day = [two_digits(a, b) * 100 + two_digits(c, d), two_digits(m, n), two_digits(e, f)];
    let clock = [two_digits(g, h), two_digits(i, j), two_digits(k, l)];
    let at = instant(day, clock, number_at(line, 20..26)?, offset)?;
    Some((LogTime { at, zone_known: true }, rest))
}

/// `261123 18:46:24` or `261123  8:46:24`, of the general log of MariaDB and of MySQL up to 5.6, and the text behind it.
///
/// The zone is the server's, and not in the log. Source: MariaDB `sql/log.cc`, `MYSQL_QUERY_LOG::write`.
///
/// Two digits of the year are of 2000 to 2099. Before ten o'clock, a blank pads the hour.
pub fn old(line: &[u8]) -> Option<(LogTime, &[u8])> {
    let rest = after_shape(line, b"000000 00:00:00").or_else(|| after_shape(line, b"000000  0:00:00"))?;
    let day = [2000 + number_at(line, 0..2)?, number_at(line, 2..4)?, number_at(line, 4..6)?];
    let hour = number_at(line, 7..9).or_else(|| number_at(line, 8..9))?;
    let at = instant(day, [hour, number_at(line, 10..12)?, number_at(line, 13..15)?], 0, 0)?;
    Some((LogTime { at, zone_known: false }, rest))
}

/// `20261123 18:46:24`, of the audit log of MariaDB and of RDS for MySQL, and the text behind it. The zone is the server's.
///
/// Source: MariaDB `plugin/server_audit/server_audit.c`, `log_header`.
pub fn audit(line: &[u8]) -> Option<(LogTime, &[u8])> {
    let rest = after_shape(line, b"00000000 00:00:00")?;
    let [a, b, c, d, m, n, e, f, _, g, h, _, i, j, _, k, l] = *line.first_chunk()?;
    let day = [two_digits(a, b) * 100 + two_digits(c, d), two_digits(m, n), two_digits(e, f)];
    let at = instant(day, [two_digits(g, h), two_digits(i, j), two_digits(k, l)], 0, 0)?;
    Some((LogTime { at, zone_known: false }, rest))
}

/// `1542322087000000`, microseconds since 1970 of the audit log of Aurora MySQL, and the text behind it.
///
/// Source: <https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/AuroraMySQL.Auditing.html>, `timestamp`.
pub fn epoch(line: &[u8]) -> Option<(LogTime, &[u8])> {
    let rest = after_shape(line, b"0000000000000000").filter(|rest| rest.first().is_some_and(|byte| *byte == b','))?;
    let at = i64::try_from(number_at(line, 0..16)?).ok()?;
    Some((LogTime { at, zone_known: true }, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-23 18:46:24 UTC, in microseconds.
    const EVENING: i64 = 1_795_459_584_000_000;

    /// The instant, whether its zone is known, and the text behind it.
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
