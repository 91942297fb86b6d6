//! Ranges of valid values. A file with a value out of range counts as damaged.

use jiff::Timestamp;
use polars::prelude::{DataFrame, PolarsError, PolarsResult};

use super::coverage::LogRead;
use super::fact::{TEXTS, column};
use super::metric::HOUR;
use crate::window::Window;

/// Most events that a table counts: more than a year of ten thousand a second, and few enough to be added up for a fleet.
const MOST_EVENTS: u64 = 1 << 40;
/// Most bytes of the logs of a table.
const MOST_BYTES: u64 = 1 << 50;
/// Longest text in a table, in bytes: a whole record of a log, each byte written as `\xNN`.
const MOST_TEXT: usize = 4 * ssl_usage_parsers::RECORD_MAX;
/// Highest value of a metric.
const MOST_MEASURED: f64 = (1u64 << 53) as f64;
/// How far from the first and the last time that there is, in seconds, a time may be: spans around it are reckoned with.
const EDGE: i64 = 366 * 24 * HOUR;

type Checked = Result<(), String>;

fn check(holds: bool, what: &str) -> Checked {
    if holds { Ok(()) } else { Err(format!("a value is out of range ({what})")) }
}

fn is_second(second: i64) -> bool {
    (Timestamp::MIN.as_second() + EDGE..=Timestamp::MAX.as_second() - EDGE).contains(&second)
}

/// Whether a column is the start of an hour.
fn is_hour(second: i64) -> bool {
    is_second(second) && second.rem_euclid(HOUR) == 0
}

/// Whether a time is one that a bundle can hold.
pub fn is_time(at: Timestamp) -> bool {
    is_second(at.as_second())
}

/// Checks a time.
pub(super) fn time(at: Timestamp) -> Checked {
    check(is_time(at), "a time")
}

fn span(span: Window) -> Checked {
    time(span.from)?;
    time(span.to)?;
    check(span.from <= span.to, "a span that ends before it begins")
}

/// Checks the log reads of a part.
pub(super) fn readings(readings: &[(Timestamp, LogRead)]) -> Checked {
    let (mut events, mut bytes) = (0u64, 0u64);
    for (at, reading) in readings {
        let times = [Some(*at), reading.last_written, reading.first_session_at, reading.last_session_at];
        times.into_iter().flatten().try_for_each(time)?;
        reading.connection_ids.iter().try_for_each(|bound| time(bound.at))?;
        reading.span.map_or(Ok(()), span)?;
        let sessions = reading.first_session_at.zip(reading.last_session_at);
        check(sessions.is_none_or(|(first, last)| first <= last), "sessions that end before they begin")?;
        check(sessions.is_some() == (reading.sessions > 0), "sessions without a time")?;
        check(reading.sessions <= reading.records, "more sessions than records")?;
        let kinds = reading.tls_sessions.checked_add(reading.unknown_sessions);
        check(kinds.is_some_and(|kinds| kinds <= reading.sessions), "more sessions of a transport than sessions")?;
        let counted = reading.records.checked_add(reading.unparsed);
        events = counted.and_then(|counted| events.checked_add(counted)).unwrap_or(u64::MAX);
        let read = reading.read_bytes.checked_add(reading.listed_bytes);
        bytes = read.and_then(|read| bytes.checked_add(read)).unwrap_or(u64::MAX);
        check(events <= MOST_EVENTS && bytes <= MOST_BYTES, "a count of a log")?;
    }
    Ok(())
}

/// Checks one value of a metric.
pub(super) fn measured(hour: i64, value: f64) -> PolarsResult<()> {
    let holds = is_hour(hour) && (0.0..=MOST_MEASURED).contains(&value);
    check(holds, "a metric").map_err(wrong)
}

/// Checks the facts of an instance; their texts may take so many bytes, with every repetition of them.
pub(super) fn facts(table: &DataFrame, arn: &str, most: u64) -> PolarsResult<()> {
    let mut length = 0u64;
    for name in [column::INSTANCE].into_iter().chain(TEXTS) {
        for text in table.column(name)?.str()?.iter().flatten() {
            length += text.len() as u64;
            check(text.len() <= MOST_TEXT && length <= most, "a text that is too long").map_err(wrong)?;
        }
    }
    let instances = table.column(column::INSTANCE)?.str()?;
    check(instances.iter().all(|instance| instance == Some(arn)), "facts of another instance").map_err(wrong)?;
    for name in [column::SOURCE, column::EVENT] {
        check(table.column(name)?.null_count() == 0, "a fact without a log or event").map_err(wrong)?;
    }
    check(
        table.column(column::SYSTEM)?.bool()?.null_count() == 0,
        "a fact that does not say whether its user belongs to AWS",
    )
    .map_err(wrong)?;
    let numbers = |name: &str| table.column(name)?.i64();
    let (hours, firsts) = (numbers(column::HOUR)?, numbers(column::FIRST_SEEN)?);
    let (lasts, counts) = (numbers(column::LAST_SEEN)?, table.column(column::COUNT)?.u64()?);
    let mut events = 0u64;
    for (((hour, first), last), count) in hours.iter().zip(firsts.iter()).zip(lasts.iter()).zip(counts.iter()) {
        let (Some(hour), Some(first), Some(last), Some(count)) = (hour, first, last, count) else {
            return Err(wrong("a fact lacks a time or a count".to_owned()));
        };
        let within = |micros: i64| micros.div_euclid(HOUR * 1_000_000) * HOUR == hour;
        let holds = is_hour(hour) && first <= last && within(first) && within(last);
        check(holds, "the time of a fact").map_err(wrong)?;
        events = events.saturating_add(count);
        check(count > 0 && events <= MOST_EVENTS, "the count of a fact").map_err(wrong)?;
    }
    // Since format 1 had them.
    if let (Ok(froms), Ok(tos)) = (numbers(column::OPEN_FROM), numbers(column::OPEN_TO)) {
        let holds = |(from, to): (Option<i64>, Option<i64>)| match (from, to) {
            (Some(from), Some(to)) => is_hour(from) && is_hour(to) && from <= to,
            (from, to) => from.is_none() && to.is_none(),
        };
        check(froms.iter().zip(tos.iter()).all(holds), "the hours of a session").map_err(wrong)?;
    }
    Ok(())
}

fn wrong(what: String) -> PolarsError {
    PolarsError::NoData(what.into())
}
