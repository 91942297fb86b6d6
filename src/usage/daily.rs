//! Client sessions by day.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;

use super::Transports;
use crate::bundle::Facts;

const DAY: i64 = 24 * 3600;

/// Sessions of clients by day (UTC), those that a policy ignores among them; a day without any is left out.
pub(super) fn by_day(facts: &Facts) -> BTreeMap<Date, Transports> {
    let mut by_day: BTreeMap<i64, Transports> = BTreeMap::new();
    for (fact, event) in facts.with_events().filter(|(_, event)| event.is_session()) {
        let sessions = by_day.entry(fact.hour.div_euclid(DAY)).or_default();
        sessions.add(event.transport.as_deref().unwrap_or("unknown"), fact.count);
    }
    let date = |day: i64| Timestamp::from_second(day * DAY).ok().map(|day| Offset::UTC.to_datetime(day).date());
    by_day.into_iter().filter_map(|(day, sessions)| Some((date(day)?, sessions))).collect()
}
