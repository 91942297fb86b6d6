//! Client sessions by day.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;

use super::Transports;
use crate::bundle::{Fact, Facts};

const DAY: i64 = 24 * 3600;

fn day(fact: &Fact) -> i64 {
    fact.hour.div_euclid(DAY)
}

/// Sessions of clients by day (UTC), those that a policy ignores among them; a day without any is left out.
pub(super) fn by_day(facts: &Facts) -> BTreeMap<Date, Transports> {
    let mut by_day: BTreeMap<i64, Transports> = BTreeMap::new();
    // Those of a day mostly stand together.
    for run in facts.rows().chunk_by(|one, next| day(one) == day(next)) {
        let mut sessions = Transports::default();
        let events = run.iter().filter_map(|fact| Some((fact, facts.event(fact).filter(|event| event.is_session())?)));
        events.for_each(|(fact, event)| sessions.add(event.transport.as_deref().unwrap_or("unknown"), fact.count));
        if let Some(fact) = run.first().filter(|_| sessions.sum() > 0) {
            by_day.entry(day(fact)).or_default().join(&sessions);
        }
    }
    let date = |day: i64| Timestamp::from_second(day * DAY).ok().map(|day| Offset::UTC.to_datetime(day).date());
    by_day.into_iter().filter_map(|(day, sessions)| Some((date(day)?, sessions))).collect()
}
