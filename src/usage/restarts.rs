//! The last restart of an instance, and what it settles: no session is older.
//!
//! It settles whether sessions from before the logs, or from a gap, may still be open. Nothing else:
//!
//! - A session that ended without a login in the logs stays unexplained. If it ended before the restart, it was open in the
//!   window, and nobody knows whether it used TLS. If it ended after the restart, its login should be in the logs.
//! - A metric that counts sessions where the logs show none is a contradiction all the more.

use jiff::{SignedDuration, Timestamp};

use super::metrics::begins;
use crate::bundle::Measured;
use crate::bundle::metric::{HOUR, Series, Statistic, name};
use crate::window::Window;

/// The longest from the first session of a restarted engine to the event of the restart. In public records of RDS and Aurora it
/// takes up to 20 seconds.
const RECORDED_AFTER: SignedDuration = SignedDuration::from_mins(15);

/// A time that no session of an instance is older than, by its last restart up to `until`; none where no restart is proven.
///
/// The restart itself came later, by up to [`RECORDED_AFTER`]. `EngineUptime` of Aurora proves no restart, because a restart
/// that keeps sessions resets it too ("Zero-downtime restart (ZDR) for Amazon Aurora MySQL" in the Aurora user guide). It
/// refutes one where the engine was up before and after.
pub(super) fn last_start(
    measured: &Measured,
    (arn, created_at): (&str, Option<Timestamp>),
    until: Timestamp,
) -> Option<Timestamp> {
    let uptime = measured.series(arn, name::ENGINE_UPTIME, Statistic::Minimum);
    let restarts = measured.series(arn, name::RESTART, Statistic::Maximum)?.iter();
    let recorded = restarts.filter_map(|(hour, second)| Timestamp::from_second(hour.checked_add(second as i64)?).ok());
    // One from before the creation was another instance's, which had the same name.
    let of_instance = recorded.filter(|at| *at <= until && created_at.is_none_or(|created| created <= *at));
    let starts = of_instance.filter_map(|at| Some((at, at.checked_sub(RECORDED_AFTER).ok()?)));
    starts
        .filter(|(at, start)| !uptime.is_some_and(|uptime| was_up_before(*start, *at, uptime)))
        .map(|(_, start)| start)
        .max()
}

/// Whether an engine that is up after `restart` was started before `start`.
///
/// An hour's value was reached at any moment of it. So the engine was started before the end of the hour less the value.
fn was_up_before(start: Timestamp, restart: Timestamp, uptime: &Series) -> bool {
    let mut after = uptime.since(restart.as_second());
    after.any(|(hour, seconds)| (hour.saturating_add(HOUR) as f64) - seconds < start.as_second() as f64)
}

/// Whether logs show all that an instance did since it was started: then none of its sessions began unseen and is still open.
///
/// That takes a restart within the last part that was seen, behind all gaps.
pub(super) fn is_seen(start: Timestamp, seen: &[Window]) -> bool {
    let last = begins(seen).last().zip(seen.last());
    let recorded = start.checked_add(RECORDED_AFTER).ok();
    last.zip(recorded).is_some_and(|((begin, last), recorded)| begin <= start && recorded <= last.to)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::bundle::metric::Measure;

    const ARN: &str = "arn:aws:rds:eu-west-1:123456789012:db:orders";

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    /// Restarts at these seconds, and `EngineUptime` by the hour.
    fn start(restarts: &[i64], uptime: &[(i64, f64)], created: Option<i64>, until: i64) -> Option<i64> {
        let measure =
            |metric: &str, statistic| Measure { subject: ARN.to_owned(), metric: metric.to_owned(), statistic };
        let mut measured = Measured::default();
        for second in restarts {
            let within = second.rem_euclid(HOUR);
            measured.add(&measure(name::RESTART, Statistic::Maximum), second - within, within as f64);
        }
        for (hour, value) in uptime {
            measured.add(&measure(name::ENGINE_UPTIME, Statistic::Minimum), hour * HOUR, *value);
        }
        last_start(&measured, (ARN, created.map(at)), at(until)).map(Timestamp::as_second)
    }

    #[test]
    fn the_last_restart_counts_that_is_of_the_instance() {
        let early = RECORDED_AFTER.as_secs();
        assert_eq!(start(&[5 * HOUR + 7, 3 * HOUR], &[], None, 9 * HOUR), Some(5 * HOUR + 7 - early));
        assert_eq!(start(&[5 * HOUR + 7, 3 * HOUR], &[], None, 4 * HOUR), Some(3 * HOUR - early));
        assert_eq!(start(&[3 * HOUR], &[], Some(4 * HOUR), 9 * HOUR), None, "the one before had its name");
        assert_eq!(start(&[], &[(5, 60.0)], None, 9 * HOUR), None, "an uptime alone proves nothing");
    }

    #[test]
    fn an_engine_that_was_up_all_the_time_was_not_restarted() {
        let restart = 5 * HOUR + 600;
        let started = |uptime: &[(i64, f64)]| start(&[restart], uptime, None, 20 * HOUR).is_some();
        let hour = HOUR as f64;
        assert!(started(&[(4, 90.0 * hour), (5, 0.0), (6, hour - 600.0), (9, 4.0 * hour)]), "it was up before alone");
        assert!(started(&[(9, 5.0 * hour)]), "it may be of the end of that hour");
        assert!(!started(&[(9, 5.0 * hour + 400.0)]));
        assert!(!started(&[(9, 90.0 * hour), (12, 60.0)]), "though it was restarted later");
        let earlier = start(&[restart, 2 * HOUR], &[(9, 6.0 * hour)], None, 20 * HOUR);
        assert_eq!(earlier, Some(2 * HOUR - RECORDED_AFTER.as_secs()), "the one before stands");
    }

    #[test]
    fn a_start_is_seen_in_the_last_part_of_the_logs() {
        let seen = [(2, 4), (5, 10)].map(|(from, to)| Window { from: at(from * HOUR), to: at(to * HOUR) });
        let is_seen = |hour: i64| is_seen(at(hour * HOUR), &seen);
        assert_eq!([1, 3, 4, 5, 7, 9, 10, 11].map(is_seen), [false, false, false, true, true, true, false, false]);
        assert!(!super::is_seen(at(0), &[]));
    }

    prop_compose! {
        /// Sessions from when to when, in minutes.
        fn history()(sessions in prop::collection::vec((0i64..3000, 1i64..3000), 0..12)) -> Vec<(i64, i64)> {
            sessions.into_iter().map(|(from, length)| (from, from + length)).collect()
        }
    }

    proptest! {
        /// Where a restart settles the question, all sessions that are open where the logs end began where they show it.
        #[test]
        fn nothing_is_settled_but_what_the_logs_show(
            history in history(),
            restarts in prop::collection::btree_map(0i64..3000, 0i64..=15, 0..4),
            spans in prop::collection::btree_set(0i64..3000, 2..6),
        ) {
            let spans: Vec<i64> = spans.into_iter().collect();
            let seen: Vec<Window> = spans.chunks_exact(2).map(|pair| Window { from: at(pair[0] * 60), to: at(pair[1] * 60) }).collect();
            // A restart ends what is open, and is recorded a little later.
            let ends = |(from, to): (i64, i64)| (from, restarts.keys().copied().filter(|at| *at > from).fold(to, i64::min));
            let recorded: Vec<i64> = restarts.iter().map(|(at, delay)| (at + delay) * 60).collect();
            let Some(start) = start(&recorded, &[], None, 4000 * 60) else { return Ok(()) };
            if is_seen(at(start), &seen) {
                let (begin, end) = (begins(&seen).last().expect("a begin"), seen.last().expect("a span").to);
                let open = history.into_iter().map(ends).filter(|(from, to)| at(from * 60) < end && end < at(to * 60));
                for (from, _) in open {
                    prop_assert!(begin <= at(from * 60), "began at {from}, unseen");
                }
            }
        }
    }
}
