//! Ranges of valid values. A file with a value out of range counts as damaged.

use jiff::Timestamp;
use polars::prelude::{PolarsError, PolarsResult};

use super::coverage::LogRead;
use super::fact::column;
use super::metric::HOUR;
use super::texts::Texts;
use crate::window::Window;

/// Most events that a table counts: more than a year of ten thousand a second, and few enough to be added up for a fleet.
const MOST_EVENTS: u64 = 1 << 40;
/// Most bytes of the logs of a table.
const MOST_BYTES: u64 = 1 << 50;
/// Longest text in a table, in bytes: a whole record of a log, each byte written as `\xNN`.
pub(super) const MOST_TEXT: usize = 4 * ssl_usage_parsers::RECORD_MAX;
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

/// The error for texts that are too long, one or all together.
pub(super) fn too_long() -> PolarsError {
    wrong("a value is out of range (a text that is too long)".to_owned())
}

/// Checks that all facts are of an instance.
pub(super) fn instances(instances: &Texts, arn: &str) -> PolarsResult<()> {
    let holds = instances.values().iter().all(|instance| instance.as_deref() == Some(arn));
    check(holds, "facts of another instance").map_err(wrong)
}

/// Checks that no value of a column of facts is missing.
pub(super) fn none_missing(name: &str, missing: usize) -> PolarsResult<()> {
    let what = match name {
        column::SYSTEM => "a fact that does not say whether its user belongs to AWS",
        _ => "a fact without a log or event",
    };
    check(missing == 0, what).map_err(wrong)
}

/// The error for a fact that lacks a number.
pub(super) fn lacks_number() -> PolarsError {
    wrong("a fact lacks a time or a count".to_owned())
}

/// Checks the times of a fact: its hour, in seconds, and when it was first and last seen, in microseconds.
pub(super) fn times(hour: i64, first: i64, last: i64) -> PolarsResult<()> {
    let within = || first >= hour * 1_000_000 && last < (hour + HOUR) * 1_000_000;
    check(is_hour(hour) && first <= last && within(), "the time of a fact").map_err(wrong)
}

/// Adds the count of a fact to those of the facts before it, and checks both.
pub(super) fn add_events(events: u64, count: u64) -> PolarsResult<u64> {
    let events = events.saturating_add(count);
    check(count > 0 && events <= MOST_EVENTS, "the count of a fact").map_err(wrong)?;
    Ok(events)
}

/// Checks the hours in which a session was open: both are there, or none.
pub(super) fn open_hours(from: Option<i64>, to: Option<i64>) -> PolarsResult<()> {
    let holds = match (from, to) {
        (Some(from), Some(to)) => is_hour(from) && is_hour(to) && from <= to,
        (from, to) => from.is_none() && to.is_none(),
    };
    check(holds, "the hours of a session").map_err(wrong)
}

fn wrong(what: String) -> PolarsError {
    PolarsError::NoData(what.into())
}
