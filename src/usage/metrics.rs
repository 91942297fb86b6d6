//! The metrics of an instance within the window. A missing series or hour is unknown, and never zero.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::bundle::Measured;
use crate::bundle::metric::{HOUR, Series, Statistic, name};
use crate::window::Window;

/// What metrics say of an instance.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Metrics {
    /// So many sessions may have begun before the logs, or in a gap, and be open still. They are no more than the fewest
    /// that were ever open since then, and no more than were open in an hour beside those that the logs show to have
    /// begun since, and to have been open all through it. 0 where none can be, also where the instance was restarted since.
    /// None where it is unknown.
    pub unaccounted: Option<u64>,
    /// In which hour logs prove more sessions open than CloudWatch counted at its lowest, how many, and how many it counted:
    /// one of them is wrong.
    pub exceeded: Option<(Timestamp, u64, u64)>,
    /// The most sessions that were open at once. None where it is unknown.
    pub most_open: Option<u64>,
    /// The most that were open at once in an hour that the logs show whole. None where it is unknown.
    pub most_open_while_logged: Option<u64>,
    /// Logins by IAM. None where they are unknown.
    pub iam_logins: Option<Above>,
    /// By proxy before the instance, what is known of each of its metrics.
    pub proxies: BTreeMap<String, BTreeMap<&'static str, Above>>,
}

/// Where a series is above zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Above {
    /// All values together.
    pub sum: u64,
    /// Hours with a value above zero.
    pub hours: u64,
    /// The hours from the first of them to the last; none where there is none.
    pub span: Option<Window>,
}

/// What is looked at of a proxy.
const OF_PROXY: &[&str] = &[
    name::CLIENTS_WITH_TLS,
    name::CLIENTS_WITHOUT_TLS,
    name::DATABASE_CONNECTIONS,
    name::DATABASE_CONNECTIONS_WITH_TLS,
    name::DATABASE_REQUESTS,
    name::DATABASE_REQUESTS_WITH_TLS,
];

/// Whose metrics they are: the ARN of an instance, and the proxies before it.
pub(super) type Subjects<'s> = (&'s str, &'s [String]);

/// Adds up the metrics of an instance within the part of the window that it lived in; `seen` is what logs show of it, and
/// `proven` how many sessions they prove open all through an hour, of those whose beginning they show.
pub(super) fn of(
    measured: &Measured,
    (arn, proxies): Subjects<'_>,
    lived: Window,
    (seen, proven): (&[Window], &BTreeMap<i64, u64>),
) -> Metrics {
    let open = |statistic| measured.series(arn, name::DATABASE_CONNECTIONS, statistic);
    let since: Vec<Window> = begins(seen).map(|from| Window { from, to: lived.to }).collect();
    let fewest = |series, since: &Window| counts(series, |hour| lies_in(hour, &[*since])).min();
    let touches = |hour: Window| hour.overlap(&lived).is_some();
    let above_zero = |subject: &str, metric| above(measured.series(subject, metric, Statistic::Sum)?, touches);
    let of_proxy = |proxy: &String| {
        let known = OF_PROXY.iter().filter_map(|metric| Some((*metric, above_zero(proxy, metric)?)));
        (proxy.clone(), known.collect::<BTreeMap<_, _>>())
    };
    let always_open =
        open(Statistic::Minimum).and_then(|series| since.iter().filter_map(|since| fewest(series, since)).max());
    let least_in = |hour: i64| open(Statistic::Minimum)?.get(hour).map(count);
    let moments = || proven.iter().filter_map(|(hour, proven)| Some((*hour, *proven, least_in(*hour)?)));
    let exceeded = moments().find(|(_, proven, least)| proven > least);
    let last_begin = since.last().map_or(i64::MAX, |since| since.from.as_second());
    let beside =
        moments().filter(|(hour, ..)| *hour >= last_begin).map(|(_, proven, least)| least.saturating_sub(proven));
    // Without a value since the logs begin, the last one before counts: sessions that were open then may still be.
    let last_known = || {
        let first = since.first()?.from;
        counts(open(Statistic::Minimum)?, |hour| hour.to <= first).last().filter(|open| *open > 0)
    };
    Metrics {
        unaccounted: always_open
            .into_iter()
            .chain(beside.min().filter(|_| exceeded.is_none()))
            .min()
            .or_else(last_known),
        exceeded: exceeded.and_then(|(hour, proven, least)| Some((Timestamp::from_second(hour).ok()?, proven, least))),
        most_open: open(Statistic::Maximum).and_then(|series| counts(series, touches).max()),
        most_open_while_logged: open(Statistic::Maximum)
            .and_then(|series| counts(series, |hour| lies_in(hour, seen)).max()),
        iam_logins: above_zero(arn, name::IAM_LOGINS),
        proxies: proxies.iter().map(of_proxy).filter(|(_, known)| !known.is_empty()).collect(),
    }
}

/// Shortest gap in what logs show that is more than the time between the records of two files.
const GAP: SignedDuration = SignedDuration::from_mins(10);

/// When logs begin to show sessions, at first and behind every gap: what began before is not in them.
pub(super) fn begins(seen: &[Window]) -> impl Iterator<Item = Timestamp> + '_ {
    let behind = seen.windows(2).filter_map(|pair| {
        let (before, after) = (pair.first()?, pair.last()?);
        (before.to.duration_until(after.from) >= GAP).then_some(after.from)
    });
    seen.first().map(|first| first.from).into_iter().chain(behind)
}

/// Whether an hour lies in one of some spans as a whole: only then its value says what happened in them.
fn lies_in(hour: Window, spans: &[Window]) -> bool {
    spans.iter().any(|span| span.from <= hour.from && hour.to <= span.to)
}

/// The hours of a series, and their values.
fn hours(series: &Series) -> impl Iterator<Item = (Window, f64)> + '_ {
    series.iter().filter_map(|(hour, value)| {
        let (from, to) = (Timestamp::from_second(hour).ok()?, Timestamp::from_second(hour.checked_add(HOUR)?).ok()?);
        Some((Window { from, to }, value))
    })
}

/// A value as a count: what is above zero is at least one.
fn count(value: f64) -> u64 {
    value.ceil() as u64
}

fn counts<'s>(series: &'s Series, wanted: impl Fn(Window) -> bool + 's) -> impl Iterator<Item = u64> + 's {
    hours(series).filter(move |(hour, _)| wanted(*hour)).map(|(_, value)| count(value))
}

/// None where no hour of those that are wanted is known.
fn above(series: &Series, wanted: impl Fn(Window) -> bool) -> Option<Above> {
    let mut found: Option<Above> = None;
    for (hour, value) in hours(series).filter(|(hour, _)| wanted(*hour)) {
        let found = found.get_or_insert_default();
        if value > 0.0 {
            found.sum = found.sum.saturating_add(count(value));
            found.hours += 1;
            let from = found.span.map_or(hour.from, |span| span.from);
            found.span = Some(Window { from, to: hour.to });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::bundle::metric::Measure;

    const ARN: &str = "arn:aws:rds:eu-west-1:123456789012:db:orders";

    fn span(from: i64, to: i64) -> Window {
        let at = |second| Timestamp::from_second(second).expect("in range");
        Window { from: at(from), to: at(to) }
    }

    fn series(metric: &str, statistic: Statistic, values: &[(i64, f64)]) -> Measured {
        let measure = Measure { subject: ARN.to_owned(), metric: metric.to_owned(), statistic };
        let mut measured = Measured::default();
        values.iter().for_each(|(hour, value)| measured.add(&measure, hour * HOUR, *value));
        measured
    }

    fn lowest(values: &[(i64, f64)], lived: Window, seen: &[Window]) -> Option<u64> {
        of(&series(name::DATABASE_CONNECTIONS, Statistic::Minimum, values), (ARN, &[]), lived, (seen, &BTreeMap::new()))
            .unaccounted
    }

    #[test]
    fn sessions_have_ended_only_where_a_whole_hour_since_the_logs_begin_says_so() {
        let (lived, seen) = (span(0, 10 * HOUR), [span(2 * HOUR + 60, 4 * HOUR), span(5 * HOUR, 10 * HOUR - 60)]);
        let values = |zero: i64| (0..12).map(|hour| (hour, if hour == zero { 0.0 } else { 4.0 })).collect::<Vec<_>>();
        // What began in the gap was still open where zero was reached before it alone.
        for (zero, due) in [(1, 4), (2, 4), (3, 4), (4, 4), (5, 0), (9, 0), (10, 4)] {
            assert_eq!(lowest(&values(zero), lived, &seen), Some(due), "zero in hour {zero}");
        }
        assert_eq!(lowest(&[(5, 0.2)], lived, &seen), Some(1), "what is above zero is a session");
        let near = [span(2 * HOUR + 60, 4 * HOUR), span(4 * HOUR + 300, 10 * HOUR)];
        assert_eq!(lowest(&values(3), lived, &near), Some(0), "the time between two files is no gap");
        assert_eq!(lowest(&[(1, 0.0), (11, 0.0)], lived, &seen), None, "of other hours alone nothing follows");
        assert_eq!(lowest(&values(5), lived, &[]), None, "nor without logs");
    }

    #[test]
    fn sessions_whose_beginning_is_seen_account_for_those_that_are_open() {
        let (lived, seen) = (span(0, 10 * HOUR), [span(HOUR, 4 * HOUR), span(5 * HOUR, 10 * HOUR)]);
        let measured = series(name::DATABASE_CONNECTIONS, Statistic::Minimum, &[(3, 4.0), (6, 4.0), (7, 3.0)]);
        let of = |proven: &[(i64, u64)]| {
            let proven = proven.iter().map(|(hour, open)| (hour * HOUR, *open)).collect();
            let found = of(&measured, (ARN, &[]), lived, (&seen, &proven));
            (found.unaccounted, found.exceeded.map(|(_, proven, least)| (proven, least)))
        };
        assert_eq!(of(&[]), (Some(3), None));
        assert_eq!(of(&[(6, 3), (7, 1)]), (Some(1), None));
        assert_eq!(of(&[(7, 3)]), (Some(0), None), "all that were open began where logs are seen");
        assert_eq!(of(&[(3, 4)]), (Some(3), None), "what was so before a gap says nothing of it");
        assert_eq!(of(&[(8, 9)]), (Some(3), None), "nor does an hour that was not measured");
        assert_eq!(of(&[(6, 5), (7, 3)]), (Some(3), Some((5, 4))), "of what contradicts itself nothing is believed");
    }

    #[test]
    fn logins_count_in_every_hour_that_touches_the_window() {
        let logins = series(name::IAM_LOGINS, Statistic::Sum, &[(1, 9.0), (2, 3.0), (3, 0.0), (5, 1.0), (6, 9.0)]);
        let found = of(&logins, (ARN, &[]), span(2 * HOUR + 60, 6 * HOUR), (&[], &BTreeMap::new())).iam_logins;
        assert_eq!(found, Some(Above { sum: 4, hours: 2, span: Some(span(2 * HOUR, 6 * HOUR)) }));
        let zero = series(name::IAM_LOGINS, Statistic::Sum, &[(3, 0.0)]);
        assert_eq!(
            of(&zero, (ARN, &[]), span(0, 6 * HOUR), (&[], &BTreeMap::new())).iam_logins,
            Some(Above::default()),
            "known to be none"
        );
        assert_eq!(
            of(&zero, (ARN, &[]), span(4 * HOUR, 6 * HOUR), (&[], &BTreeMap::new())).iam_logins,
            None,
            "not known"
        );
    }

    proptest! {
        /// Less evidence never shows that sessions have ended: a zero comes from a value, never from a gap.
        #[test]
        fn values_that_are_missing_are_not_zero(
            values in prop::collection::btree_map(0i64..30, 0.0f64..5.0, 0..30),
            kept in prop::collection::btree_set(0i64..30, 0..30),
        ) {
            let (lived, seen) = (span(0, 30 * HOUR), [span(0, 30 * HOUR)]);
            let all: Vec<_> = values.iter().map(|(hour, value)| (*hour, value.floor())).collect();
            let some: Vec<_> = all.iter().filter(|(hour, _)| kept.contains(hour)).copied().collect();
            if let (Some(all), Some(some)) = (lowest(&all, lived, &seen), lowest(&some, lived, &seen)) {
                prop_assert!(some >= all);
            }
        }
    }
}
