//! Reads the hourly metrics of a region's instances and RDS proxies from CloudWatch, and the restarts of its instances from
//! the events of RDS.
//!
//! A missing value is unknown, and never zero.

mod call;
mod events;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::aws::Aws;
use crate::bundle::metric::{HOUR, Measure, Series, Statistic, name};
use crate::bundle::{Measured, MetricPart};
use crate::inventory::{Fleet, InstanceProfile};
use crate::problem::{Problem, distinct};
use crate::window::Window;

/// For how long CloudWatch keeps values of an hour.
///
/// Source: `GetMetricData` in the CloudWatch API reference, here and below.
const KEPT: SignedDuration = SignedDuration::from_hours(24 * 455);

/// Most series that may be asked for in a call.
const MOST_QUERIES: i64 = 500;

/// Most values that a call answers in one piece.
const MOST_VALUES: i64 = 100_800;

/// What is asked of every instance that CloudWatch knows.
const OF_INSTANCE: &[(&str, Statistic)] =
    &[(name::DATABASE_CONNECTIONS, Statistic::Minimum), (name::DATABASE_CONNECTIONS, Statistic::Maximum)];

/// What is asked of those that can be logged in to by IAM, whether they may be now or not: it may have been switched.
const OF_IAM: &[(&str, Statistic)] = &[(name::IAM_LOGINS, Statistic::Sum)];

/// What is asked of Aurora's instances.
const OF_AURORA: &[(&str, Statistic)] = &[(name::ENGINE_UPTIME, Statistic::Minimum)];

/// What is asked of every proxy; its hosts report apart, so that only their sum tells.
const OF_PROXY: &[(&str, Statistic)] = &[
    (name::CLIENTS_WITH_TLS, Statistic::Sum),
    (name::CLIENTS_WITHOUT_TLS, Statistic::Sum),
    (name::DATABASE_CONNECTIONS_WITH_TLS, Statistic::Sum),
    (name::DATABASE_CONNECTIONS, Statistic::Sum),
    (name::DATABASE_REQUESTS_WITH_TLS, Statistic::Sum),
    (name::DATABASE_REQUESTS, Statistic::Sum),
];

/// One series to ask for.
struct Query {
    namespace: &'static str,
    /// Name of the dimension.
    dimension: &'static str,
    /// Value of the dimension.
    named: String,
    measure: Measure,
}

/// Asks for all that bears on TLS and is unknown yet, over the part of the window that CloudWatch still keeps. What
/// could not be read is an entry in the part's `errors`.
pub async fn take(aws: &Aws, fleet: &Fleet, account: &str, window: Window, known: &Measured) -> (MetricPart, Measured) {
    let mut measured = Measured::default();
    let mut errors: Vec<Problem> = Vec::new();
    for (span, queries) in by_span(queries(fleet), window, known) {
        for batch in queries.chunks(batch_size(span)) {
            let failed = call::ask(aws, batch, span, &mut measured).await;
            errors.extend(failed.into_iter().map(|problem| problem.at(Some(account), &fleet.region)));
        }
    }
    let failed = events::take(aws, fleet, window.to, &mut measured).await;
    errors.extend(failed.into_iter().map(|problem| problem.at(Some(account), &fleet.region)));
    // A metric is asked for more than once, by statistic: what is said twice says no more.
    distinct(&mut errors);
    let (account, region) = (account.to_owned(), fleet.region.clone());
    (MetricPart { account, region, collected_at: fleet.taken_at, errors }, measured)
}

/// What asking for all metrics of a fleet takes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked {
    /// Series.
    pub series: u64,
    /// Calls, at the least.
    pub calls: u64,
}

/// What [`take`] would ask for, when nothing is known yet.
pub fn asked(fleet: &Fleet, window: Window) -> Asked {
    let spans = by_span(queries(fleet), window, &Measured::default());
    let add = |sum: Asked, (span, queries): (&Window, &Vec<Query>)| Asked {
        series: sum.series + queries.len() as u64,
        calls: sum.calls + queries.chunks(batch_size(*span)).len() as u64,
    };
    let events = Asked { series: 0, calls: events::listings(fleet) };
    spans.iter().fold(events, add)
}

/// The part of a window that is kept, from the beginning of an hour on; none when that is nothing.
fn kept(window: Window) -> Option<Window> {
    let from = window.to.checked_sub(KEPT).unwrap_or(Timestamp::MIN).max(window.from).as_second();
    let from = Timestamp::from_second(from - from.rem_euclid(HOUR)).ok()?;
    let span = Window { from, to: window.to };
    (!span.is_empty()).then_some(span)
}

/// The series by the span that they are to be asked for.
fn by_span(queries: Vec<Query>, window: Window, known: &Measured) -> BTreeMap<Window, Vec<Query>> {
    let mut spans: BTreeMap<Window, Vec<Query>> = BTreeMap::new();
    let Some(whole) = kept(window) else { return spans };
    for query in queries {
        let Measure { subject, metric, statistic } = &query.measure;
        let from = known.series(subject, metric, *statistic).map_or(whole.from, |series| unknown_from(series, whole));
        spans.entry(Window { from, ..whole }).or_default().push(query);
    }
    spans
}

/// From when on a series must be asked for: the day of its first hour that is unknown, so that most series share a
/// span. The two hours before that one are asked for again, for what is known of them may be from before their end.
fn unknown_from(series: &Series, whole: Window) -> Timestamp {
    let mut unknown = whole.from.as_second();
    while series.get(unknown).is_some() && unknown < whole.to.as_second() {
        unknown += HOUR;
    }
    let again = unknown - 2 * HOUR;
    Timestamp::from_second(again - again.rem_euclid(24 * HOUR)).map_or(whole.from, |day| day.max(whole.from))
}

/// How many series may be asked for at once, so that the answer comes in one piece: a call that may answer more values
/// is throttled sooner.
fn batch_size(span: Window) -> usize {
    let hours = span.length().as_secs() / HOUR + 1;
    usize::try_from((MOST_VALUES / hours).clamp(1, MOST_QUERIES)).unwrap_or(1)
}

fn queries(fleet: &Fleet) -> Vec<Query> {
    let query = |namespace, dimension, named: &str, subject: &str, (metric, statistic): (&str, Statistic)| {
        let measure = Measure { subject: subject.to_owned(), metric: metric.to_owned(), statistic };
        Query { namespace, dimension, named: named.to_owned(), measure }
    };
    let of_instance = |profile: &InstanceProfile| -> Vec<Query> {
        let engine = profile.known_engine().filter(|_| !profile.is_cluster());
        let known = engine.and_then(|engine| Some((engine, engine.metrics?)));
        let Some((engine, namespace)) = known else { return Vec::new() };
        let asked = OF_INSTANCE.iter().chain(if engine.counts_iam_logins { OF_IAM } else { &[] });
        let asked = asked.chain(if profile.engine.starts_with("aurora") { OF_AURORA } else { &[] });
        asked.map(|asked| query(namespace, "DBInstanceIdentifier", &profile.instance, &profile.arn, *asked)).collect()
    };
    let mut proxies: Vec<&String> = fleet.instances.iter().flat_map(|profile| &profile.proxies).collect();
    proxies.sort_unstable();
    proxies.dedup();
    let of_proxy = |name: &String| -> Vec<Query> {
        OF_PROXY.iter().map(|asked| query("AWS/RDS", "ProxyName", name, name, *asked)).collect()
    };
    fleet.instances.iter().flat_map(of_instance).chain(proxies.into_iter().flat_map(of_proxy)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_stays_within_both_limits_of_a_call() {
        let to = Timestamp::from_second(1_795_392_000).expect("in range");
        for days in [1, 3, 14, 63, 455, 3650] {
            let span = kept(Window::days_before(to, days)).expect("a span");
            let (hours, size) = (span.length().as_secs() / HOUR, batch_size(span));
            assert!(hours <= 455 * 24, "no more than is kept: {hours}");
            assert!((1..=500).contains(&size) && size as i64 * hours <= MOST_VALUES, "{days}: {size} of {hours}");
        }
    }

    #[test]
    fn what_is_known_is_not_asked_for_again_but_for_what_may_be_unfinished() {
        let at = |hour: i64| Timestamp::from_second(hour * HOUR).expect("in range");
        let whole = Window { from: at(30), to: at(100) };
        let series = |hours: std::ops::Range<i64>| hours.map(|hour| (hour * HOUR, 1.0)).collect::<Series>();
        let from = |series: &Series| unknown_from(series, whole).as_second() / HOUR;
        assert_eq!(from(&series(20..100)), 96, "the day of hour 98");
        assert_eq!(from(&series(20..97)), 72, "the day of hour 95");
        assert_eq!(from(&series(20..40)), 30, "not what is before the window");
        assert_eq!(from(&series(31..100)), 30, "the first hour is missing");
        assert_eq!(from(&series(20..200)), 96, "nor what is behind it");
        let holed: Series = series(20..80).iter().chain(series(81..100).iter()).collect();
        assert_eq!(from(&holed), 72, "what is missing in the middle is asked for again");
    }

    #[test]
    fn hours_are_asked_for_whole() {
        let at = |second| Timestamp::from_second(second).expect("in range");
        let span = kept(Window { from: at(3 * HOUR + 17), to: at(5 * HOUR + 1) });
        assert_eq!(span, Some(Window { from: at(3 * HOUR), to: at(5 * HOUR + 1) }));
        assert_eq!(kept(Window { from: at(9), to: at(9) }), Some(Window { from: at(0), to: at(9) }));
    }
}
