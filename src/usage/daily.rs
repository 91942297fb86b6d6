//! Client sessions by day.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;
use polars::prelude::{LazyFrame, PolarsResult, col, lit};

use super::Transports;
use crate::bundle::fact::column;

const DAY: i64 = 24 * 3600;

/// Sessions of clients by day (UTC), those that a policy ignores among them; a day without any is left out.
pub(super) fn by_day(facts: LazyFrame) -> PolarsResult<BTreeMap<Date, Transports>> {
    let is_session = col(column::EVENT).eq(lit("connected")).and(col(column::SYSTEM).eq(lit(false)));
    let day = col(column::HOUR) - col(column::HOUR) % lit(DAY);
    let sums = [col(column::COUNT).sum()];
    let table = facts.filter(is_session).group_by([day, col(column::TRANSPORT)]).agg(sums).collect()?;
    let days = table.column(column::HOUR)?.i64()?;
    let transports = table.column(column::TRANSPORT)?.str()?;
    let counts = table.column(column::COUNT)?.u64()?;
    let mut by_day: BTreeMap<Date, Transports> = BTreeMap::new();
    for ((day, transport), count) in days.iter().zip(transports.iter()).zip(counts.iter()) {
        if let Some(day) = day.and_then(|day| Timestamp::from_second(day).ok()) {
            let sessions = by_day.entry(Offset::UTC.to_datetime(day).date()).or_default();
            sessions.add(transport.unwrap_or("unknown"), count.unwrap_or(0));
        }
    }
    Ok(by_day)
}
