//! The table of log reads.

use jiff::Timestamp;
use polars::prelude::{Column, DataFrame, Int64Chunked, IntoColumn, NamedFrom, PolarsError, PolarsResult, Series};

use super::coverage::{IdBound, LogGap, LogRead};
use crate::window::Window;

/// The columns of the table.
pub(super) const COLUMNS: [&str; 20] = [
    "collected_at",
    "source",
    "log",
    "format",
    "listed_bytes",
    "last_written",
    "read_bytes",
    "span_from",
    "span_to",
    "complete",
    "records",
    "sessions",
    "tls_sessions",
    "unknown_sessions",
    "first_session_at",
    "last_session_at",
    "unparsed",
    "holes",
    "log_line_prefix",
    "connection_ids",
];

type Row = (Timestamp, LogRead);

/// The table of log reads, each with the time of its collection.
///
/// # Errors
///
/// When polars refuses the columns, which are all of one length.
pub(super) fn table(rows: &[Row]) -> PolarsResult<DataFrame> {
    let text = |name: &str, value: fn(&LogRead) -> Option<&str>| -> Column {
        Series::new(name.into(), rows.iter().map(|(_, reading)| value(reading)).collect::<Vec<_>>()).into_column()
    };
    let time = |name: &str, value: fn(&Row) -> Option<Timestamp>| -> Column {
        let micros = rows.iter().map(|row| value(row).map(Timestamp::as_microsecond)).collect::<Vec<_>>();
        Series::new(name.into(), micros).into_column()
    };
    let number = |name: &str, value: fn(&LogRead) -> u64| -> Column {
        Series::new(name.into(), rows.iter().map(|(_, reading)| value(reading)).collect::<Vec<_>>()).into_column()
    };
    let complete: Vec<bool> = rows.iter().map(|(_, reading)| reading.complete).collect();
    let gaps = rows.iter().map(|(_, reading)| serde_json::to_string(&reading.gaps)).collect::<Result<Vec<_>, _>>();
    let ids = |reading: &LogRead| match reading.connection_ids.is_empty() {
        true => Ok(None),
        false => serde_json::to_string(&reading.connection_ids).map(Some),
    };
    let ids = rows.iter().map(|(_, reading)| ids(reading)).collect::<Result<Vec<_>, _>>();
    let columns = vec![
        time("collected_at", |(at, _)| Some(*at)),
        text("source", |reading| Some(&reading.source)),
        text("log", |reading| Some(&reading.log)),
        text("format", |reading| reading.format.as_deref()),
        number("listed_bytes", |reading| reading.listed_bytes),
        time("last_written", |(_, reading)| reading.last_written),
        number("read_bytes", |reading| reading.read_bytes),
        time("span_from", |(_, reading)| reading.span.map(|span| span.from)),
        time("span_to", |(_, reading)| reading.span.map(|span| span.to)),
        Series::new("complete".into(), complete).into_column(),
        number("records", |reading| reading.records),
        number("sessions", |reading| reading.sessions),
        number("tls_sessions", |reading| reading.tls_sessions),
        number("unknown_sessions", |reading| reading.unknown_sessions),
        time("first_session_at", |(_, reading)| reading.first_session_at),
        time("last_session_at", |(_, reading)| reading.last_session_at),
        number("unparsed", |reading| reading.unparsed),
        Series::new("holes".into(), gaps.map_err(wrong)?).into_column(),
        text("log_line_prefix", |reading| reading.log_line_prefix.as_deref()),
        Series::new("connection_ids".into(), ids.map_err(wrong)?).into_column(),
    ];
    DataFrame::new(rows.len(), columns)
}

/// Reads a table. What must be there and is not is an error: nothing is taken for zero.
///
/// # Errors
///
/// When a column is not there, or of another type, or lacks a value.
pub(super) fn read(table: &DataFrame) -> PolarsResult<Vec<Row>> {
    let text = |name: &str| table.column(name)?.str();
    let number = |name: &str| table.column(name)?.u64();
    let times = |name: &str| table.column(name)?.i64();
    let (sources, logs, formats, gaps) = (text("source")?, text("log")?, text("format")?, text("holes")?);
    let (listed, read, records) = (number("listed_bytes")?, number("read_bytes")?, number("records")?);
    let (sessions, tls, unknown) = (number("sessions")?, number("tls_sessions")?, number("unknown_sessions")?);
    let (unparsed, complete) = (number("unparsed")?, table.column("complete")?.bool()?);
    let (collected, written) = (times("collected_at")?, times("last_written")?);
    let (from, to) = (times("span_from")?, times("span_to")?);
    let (first, last) = (times("first_session_at")?, times("last_session_at")?);
    // Since format 2.1.
    let prefixes = table.column("log_line_prefix").ok().map(Column::str).transpose()?;
    // Since format 3.3.
    let ids = table.column("connection_ids").ok().map(Column::str).transpose()?;
    let row = |row: usize| {
        let time = |column: &Int64Chunked| column.get(row).map(Timestamp::from_microsecond).transpose().map_err(wrong);
        let gaps: Vec<LogGap> = match there(gaps.get(row))? {
            // Most have none.
            "[]" => Vec::new(),
            gaps => serde_json::from_str(gaps).map_err(wrong)?,
        };
        let connection_ids: Option<Vec<IdBound>> =
            ids.and_then(|ids| ids.get(row)).map(serde_json::from_str).transpose().map_err(wrong)?;
        let reading = LogRead {
            source: there(sources.get(row))?.to_owned(),
            log: there(logs.get(row))?.to_owned(),
            format: formats.get(row).map(str::to_owned),
            log_line_prefix: prefixes.and_then(|prefixes| prefixes.get(row)).map(str::to_owned),
            listed_bytes: there(listed.get(row))?,
            last_written: time(written)?,
            read_bytes: there(read.get(row))?,
            span: time(from)?.zip(time(to)?).map(|(from, to)| Window { from, to }),
            complete: there(complete.get(row))?,
            records: there(records.get(row))?,
            sessions: there(sessions.get(row))?,
            tls_sessions: there(tls.get(row))?,
            unknown_sessions: there(unknown.get(row))?,
            first_session_at: time(first)?,
            last_session_at: time(last)?,
            unparsed: there(unparsed.get(row))?,
            gaps,
            connection_ids: connection_ids.unwrap_or_default(),
        };
        Ok((there(time(collected)?)?, reading))
    };
    (0..table.height()).map(row).collect()
}

fn there<T>(value: Option<T>) -> PolarsResult<T> {
    value.ok_or_else(|| PolarsError::NoData("a log read lacks a value".into()))
}

fn wrong(error: impl std::fmt::Display) -> PolarsError {
    PolarsError::ComputeError(error.to_string().into())
}
