//! Which connection IDs a server gave when, by the logins in its audit log.
//!
//! A server gives a connection its ID before the login, and writes the login when it has ended. So an ID is no proof that those
//! below it were given before the time of its record. But a login takes less than [`LOGIN`]: one that ended later than that
//! behind a time began after it, and all IDs above its own were given after that time too.

use jiff::Timestamp;
use ssl_usage_parsers::Micros;

use crate::bundle::IdBound;

/// The longest login, in microseconds. A server waits 10 seconds for each answer of a client (`connect_timeout`).
const LOGIN: Micros = 300 * 1_000_000;
/// How far apart bounds are, in microseconds.
const APART: Micros = 6 * 3600 * 1_000_000;
/// Most bounds of a log, whose times may be invented.
const BOUNDS_MAX: usize = 1000;

/// Takes logins in the order of the log.
#[derive(Debug, Default)]
pub(super) struct ConnectionIds {
    /// The time of the next bound, and the highest ID since.
    open: Option<(Micros, u32)>,
    bounds: Vec<IdBound>,
}

impl ConnectionIds {
    /// Adds a login.
    pub fn add(&mut self, at: Micros, id: u32) {
        let next = self.bounds.last().map_or(Micros::MIN, |last| last.at.as_microsecond().saturating_add(APART));
        let Some((begin, highest)) = &mut self.open else {
            self.open = (next <= at && self.bounds.len() < BOUNDS_MAX).then_some((at, id));
            return;
        };
        *highest = id.max(*highest);
        // Not exactly then: times may be of whole seconds.
        if at.saturating_sub(*begin) > LOGIN {
            let bound = Timestamp::from_microsecond(*begin).map(|at| IdBound { at, highest: *highest });
            self.bounds.extend(bound);
            self.open = None;
        }
    }

    /// The bounds, in the order of time.
    pub fn bounds(&self) -> Vec<IdBound> {
        self.bounds.clone()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Micros = 1_000_000;

    #[test]
    fn a_bound_is_the_highest_id_until_a_login_that_surely_began_later() {
        let mut ids = ConnectionIds::default();
        let mut add = |second: i64, id| {
            ids.add(second * SECOND, id);
            ids.bounds().into_iter().map(|bound| (bound.at.as_second(), bound.highest)).collect::<Vec<_>>()
        };
        assert_eq!(add(10, 7), []);
        assert_eq!(add(40, 5), [], "logins end in any order");
        assert_eq!(add(200, 12), []);
        assert_eq!(add(310, 11), []);
        assert_eq!(add(311, 9), [(10, 12)]);
        assert_eq!(add(900, 20), [(10, 12)], "one is enough for some hours");
        assert_eq!(add(30_000, 2), [(10, 12)], "IDs begin anew when the server is restarted");
        assert_eq!(add(30_400, 4), [(10, 12), (30_000, 4)]);
    }

    proptest! {
        /// Logins that take any time below five minutes: whatever the log begins with, no ID above a bound was given before it.
        #[test]
        fn no_higher_id_was_given_before_a_bound(
            logins in prop::collection::vec((0i64..2000, 0i64..300), 1..60),
            cut in 0i64..3000,
        ) {
            let mut given: Vec<(i64, i64)> = logins;
            given.sort_unstable();
            let mut logged: Vec<(i64, u32, i64)> =
                given.iter().zip(1u32..).map(|((begin, took), id)| (begin + took, id, *begin)).collect();
            logged.sort_unstable();
            let mut ids = ConnectionIds::default();
            logged.iter().filter(|(at, ..)| cut <= *at).for_each(|(at, id, _)| ids.add(at * SECOND, *id));
            for bound in ids.bounds() {
                prop_assert!(logged.iter().all(|(_, id, begin)| *id <= bound.highest || bound.at.as_second() <= *begin));
            }
        }
    }
}
