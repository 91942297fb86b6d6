//! What RDS makes of a log on its way to CloudWatch Logs: which lines are one event, and which time an event has.
//!
//! Seen in events of real instances:
//!
//! | log | stream | time of an event | where |
//! | --- | --- | --- | --- |
//! | PostgreSQL | `orders.0` | that of the record, in UTC; a statement of several lines is one event | tests of Datadog's log forwarder; pgbadger issue 521 |
//! | MySQL: general | `orders` | that of the record, in milliseconds | Sumo Logic's page on its Amazon RDS app |
//! | RDS for MySQL, MariaDB: audit | `orders` | that of the record, in seconds | the same page |
//! | Aurora MySQL: audit | one for each file: `orders.audit.log.1.2018-10-30-04-02.0.2` | that of the record, in milliseconds | the same page |
//!
//! For the rest the rules of AWS's own agent stand in ("CloudWatch Logs agent reference", `multi_line_start_pattern` and
//! `datetime_format`): a line that begins with a blank belongs to the event before it, and an event without a readable
//! time has the time of the event before it. How the logs of Oracle, SQL Server and DocumentDB are read is not known. The
//! least helpful case is that their times are not read at all: then all events of a batch have the time at which it was
//! sent, and nothing but their order tells which came first.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;

use super::cloudwatch_logs::Event;

/// Milliseconds from one batch to the next (`buffer_duration` of the same reference).
const BATCH: i64 = 5_000;
/// Milliseconds from the end of a batch until its events can be read.
const INGESTION: i64 = 1_500;

/// Which lines belong to the event before them. It is not the same for all logs of RDS: a statement in the slow query
/// log is one event whatever its lines begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Joins {
    /// None: each line is an event.
    Nothing,
    /// Those that begin with a blank.
    Indented,
    /// Those without a time of their own.
    Untimed,
}

/// The events of a log, in the order in which CloudWatch Logs serves them: by time, then by when they came, then as they
/// were written.
pub fn events(engine: &str, files: impl Iterator<Item = Vec<u8>>, joins: Joins) -> Vec<Event> {
    let times_are_read = !["oracle", "sqlserver", "docdb"].iter().any(|unknown| engine.starts_with(unknown));
    let holds_statements = ["mysql", "mariadb"].iter().any(|known| engine.contains(known));
    let mut clock = Clock::default();
    let mut lines: Vec<(Option<i64>, String)> = Vec::new();
    for text in files {
        let text = String::from_utf8_lossy(&text).into_owned();
        for line in text.strip_suffix('\n').unwrap_or(&text).split('\n') {
            let at = clock.read(line);
            let goes_on = match joins {
                Joins::Nothing => false,
                Joins::Indented => line.is_empty() || line.starts_with([' ', '\t']),
                Joins::Untimed => at.is_none(),
            };
            match lines.last_mut().filter(|_| goes_on) {
                Some((_, message)) => *message += &format!("\n{line}"),
                // An event has at least one byte.
                None if line.is_empty() => {}
                None => lines.push((at, line.to_owned())),
            }
        }
    }
    let mut at = lines.iter().find_map(|(at, _)| *at).expect("a log with a time");
    let mut latest = 0;
    let event = |(own, message): (Option<i64>, String)| {
        at = own.unwrap_or(at);
        // A batch may end between a line that only says the time and the records behind it.
        let is_late = at.rem_euclid(BATCH) >= BATCH - 1000 && message.contains(' ');
        let sent = (at.div_euclid(BATCH) + if is_late { 2 } else { 1 }) * BATCH;
        // A line of a statement can have any time: it is sent behind those before it.
        latest = if holds_statements { latest.max(sent) } else { sent };
        let at = if times_are_read { at } else { sent };
        Event { at, ingested: latest + INGESTION, message }
    };
    let mut events: Vec<Event> = lines.into_iter().map(event).collect();
    events.sort_by_key(|event| (event.at, event.ingested));
    events
}

/// The stream of a file of an instance.
pub fn stream(instance: &str, engine: &str, file: &str) -> String {
    match file.strip_prefix("audit/") {
        Some(name) if engine.starts_with("aurora-mysql") => format!("{instance}.{name}"),
        _ if engine.contains("postgres") => format!("{instance}.0"),
        _ => instance.to_owned(),
    }
}

/// Reads the times of lines. Written for the tests alone, so that they share no mistake with the product.
#[derive(Default)]
struct Clock {
    /// Seconds east of UTC, as the last line that named them has it.
    east: i64,
}

impl Clock {
    /// When a line was written, in milliseconds.
    fn read(&mut self, line: &str) -> Option<i64> {
        self.iso(line.strip_prefix("<msg time='").unwrap_or(line)).or_else(|| self.plain(line)).or_else(|| number(line))
    }

    /// `2026-11-23T10:00:01.007919+09:00`: MySQL, and Oracle, whose records behind such a line are in its zone.
    fn iso(&mut self, line: &str) -> Option<i64> {
        let stamp = line.split([' ', '\t', '\'']).next().filter(|stamp| stamp.get(10..11) == Some("T"))?;
        let at: Timestamp = stamp.parse().ok()?;
        let civil: DateTime = stamp.get(..19)?.parse().ok()?;
        self.east = utc(civil) / 1000 - at.as_second();
        Some(at.as_millisecond())
    }

    /// Times without a zone: in UTC, as on RDS, unless a line named another one.
    fn plain(&self, line: &str) -> Option<i64> {
        // PostgreSQL and SQL Server; Oracle; the audit plugin; MariaDB's general log, whose hours may have one digit.
        const FORMS: [(&str, usize, &str); 4] = [
            ("%Y-%m-%d %H:%M:%S", 19, " ."),
            ("%d-%b-%Y %H:%M:%S", 20, " :"),
            ("%Y%m%d %H:%M:%S", 17, ","),
            ("%y%m%d %H:%M:%S", 15, "\t"),
        ];
        FORMS.iter().find_map(|(form, length, ends)| {
            let (stamp, rest) = line.split_at_checked(*length)?;
            let end = rest.chars().next().filter(|end| ends.contains(*end))?;
            let civil = DateTime::strptime(form, stamp.replace("  ", " 0")).ok()?;
            // PostgreSQL writes three digits, SQL Server two.
            let digits: String = rest.chars().skip(1).take_while(char::is_ascii_digit).take(3).collect();
            let part = if end == '.' { format!("{digits:0<3}").parse().unwrap_or(0) } else { 0 };
            Some(utc(civil) + part - self.east * 1000)
        })
    }
}

/// A number: microseconds that begin a line of Aurora MySQL's audit log, milliseconds in one of DocumentDB's.
fn number(line: &str) -> Option<i64> {
    if let Some((_, rest)) = line.split_once("\"ts\":") {
        let digits: String = rest.trim_start().chars().take_while(char::is_ascii_digit).collect();
        return digits.parse().ok();
    }
    let (stamp, _) = line.split_once(',').filter(|(stamp, _)| stamp.len() == 16)?;
    stamp.parse::<i64>().ok().map(|micros| micros / 1000)
}

fn utc(civil: DateTime) -> i64 {
    Offset::UTC.to_timestamp(civil).map(Timestamp::as_millisecond).unwrap_or_default()
}
