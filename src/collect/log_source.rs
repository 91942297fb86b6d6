//! Which source of a log, RDS or CloudWatch Logs, is read for which times.
//!
//! RDS's own files come first: they are whole, and cost nothing. CloudWatch Logs has what they do not show: times that they
//! are no longer kept for, files that could not be read, and kinds of logs that there are no files of.

use jiff::{SignedDuration, Timestamp};
use ssl_usage_parsers::{Engine, Logs};

use crate::bundle::{LogRead, exported_type};
use crate::window::{Window, gaps};

/// Where logs are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Source {
    /// From RDS's files, and from CloudWatch Logs what those do not show.
    #[default]
    Auto,
    /// From RDS's files alone.
    Rds,
    /// From CloudWatch Logs alone.
    Cloudwatch,
}

/// Shortest time between two files that is not merely the time between two records.
const BETWEEN: SignedDuration = SignedDuration::from_mins(10);
const HOUR: i64 = 3600;

impl Source {
    /// Whether files are read.
    pub(super) fn files(self) -> bool {
        self != Self::Cloudwatch
    }

    /// The spans that are read from CloudWatch Logs, of a kind of log of which files show these spans: in whole hours from
    /// the beginning of the window on, so that another window asks for the same ones.
    pub(super) fn exported(self, window: Window, shown: &[Window]) -> Vec<Window> {
        let asked = Window { from: hour_of(window.from), to: window.to };
        match self {
            Self::Rds => Vec::new(),
            Self::Cloudwatch => vec![asked],
            // Where no file shows anything, nothing lies between two.
            Self::Auto if shown.is_empty() => vec![asked],
            Self::Auto => one_an_hour(gaps(asked, shown).into_iter().filter(|gap| gap.length() >= BETWEEN)),
        }
    }
}

/// The spans that files of a kind of log show.
pub(super) fn shown<'r>(engine: &Engine, logs: &Logs, readings: impl Iterator<Item = &'r LogRead>) -> Vec<Window> {
    let of_kind = |reading: &&LogRead| {
        exported_type(&reading.source).is_none()
            && engine.logs_of(&reading.source).is_some_and(|kind| std::ptr::eq(kind, logs))
    };
    let whole = readings.filter(of_kind).filter(|reading| reading.gaps.is_empty());
    whole.filter_map(|reading| reading.span).collect()
}

/// The beginning of an hour.
pub(super) fn hour_of(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second().div_euclid(HOUR) * HOUR).unwrap_or(at)
}

/// Joins spans that meet in one hour: what is read of an hour has one name.
fn one_an_hour(spans: impl Iterator<Item = Window>) -> Vec<Window> {
    let mut joined: Vec<Window> = Vec::new();
    for span in spans {
        match joined.last_mut() {
            Some(last) if hour_of(last.to) == hour_of(span.from) && hour_of(last.to) < last.to => last.to = span.to,
            _ => joined.push(span),
        }
    }
    joined
}

/// Cuts spans at whole hours.
pub(super) fn hours(spans: &[Window]) -> Vec<Window> {
    let mut hours = Vec::new();
    for span in spans {
        let mut from = span.from;
        while from < span.to {
            let next = hour_of(from).checked_add(SignedDuration::from_secs(HOUR)).unwrap_or(span.to);
            let to = next.min(span.to);
            hours.push(Window { from, to });
            from = to;
        }
    }
    hours
}

/// Joins hours that follow each other within one day (UTC), each with where in `hours` it begins and ends.
pub(super) fn days(hours: &[Window]) -> Vec<(Window, std::ops::Range<usize>)> {
    let day = |at: Timestamp| at.as_second().div_euclid(24 * HOUR);
    let mut days: Vec<(Window, std::ops::Range<usize>)> = Vec::new();
    for (at, hour) in hours.iter().enumerate() {
        match days.last_mut() {
            Some((span, range)) if span.to == hour.from && day(span.from) == day(hour.from) => {
                span.to = hour.to;
                range.end = at + 1;
            }
            _ => days.push((*hour, at..at + 1)),
        }
    }
    days
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(from: i64, to: i64) -> Window {
        let at = |minute: i64| Timestamp::from_second(minute * 60).expect("in range");
        Window { from: at(from), to: at(to) }
    }

    #[test]
    fn two_gaps_in_one_hour_are_read_as_one_and_what_files_show_is_not_read() {
        let shown = [span(0, 10), span(30, 40), span(55, 120), span(180, 240)];
        let wanted = Source::Auto.exported(span(0, 300), &shown);
        assert_eq!(wanted, [span(10, 55), span(120, 180), span(240, 300)]);
        let young = Source::Auto.exported(span(2, 5), &[]);
        assert_eq!(young, [span(0, 5)], "of an instance without files the first minutes are read, too");
    }

    #[test]
    fn spans_are_cut_at_whole_hours_and_joined_by_day() {
        let hours = hours(&[span(-30, 90), span(23 * 60, 25 * 60)]);
        let expected = [span(-30, 0), span(0, 60), span(60, 90), span(23 * 60, 24 * 60), span(24 * 60, 25 * 60)];
        assert_eq!(hours, expected);
        let days: Vec<_> = days(&hours).into_iter().map(|(span, range)| (span, range.start, range.end)).collect();
        let expected =
            [(span(-30, 0), 0, 1), (span(0, 90), 1, 3), (span(23 * 60, 24 * 60), 3, 4), (span(24 * 60, 25 * 60), 4, 5)];
        assert_eq!(days, expected);
    }
}
