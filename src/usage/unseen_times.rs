//! Times without log coverage at which jobs may run: a month's end, a weekend, a part of the night.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use jiff::civil::{Date, Weekday};
use jiff::tz::Offset;

use crate::window::Window;

/// Of a day or an hour of the day, the share that must have been seen.
const ENOUGH: f64 = 0.95;

/// A kind of day: its name, and whether a date is one.
type Day = (&'static str, fn(Date) -> bool);

/// Days on which jobs run that run on no other, and what they are called.
const DAYS: &[Day] = &[
    ("a Saturday", |day| day.weekday() == Weekday::Saturday),
    ("a Sunday", |day| day.weekday() == Weekday::Sunday),
    ("a working day", |day| !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday)),
    ("a month's first day", |day| day.day() == 1),
    ("a month's last day", |day| day == day.last_of_month()),
    ("a quarter's last day", |day| day == day.last_of_month() && day.month() % 3 == 0),
    ("a year's last day", |day| day == day.last_of_month() && day.month() == 12),
];

/// What of the calendar does not lie in what was seen, in UTC: days of each kind, and hours of the day.
pub fn unseen(seen: &[Window]) -> Vec<String> {
    let mut by_day: BTreeMap<Date, f64> = BTreeMap::new();
    let mut by_hour = [0.0f64; 24];
    for (day, hour, share) in seen.iter().flat_map(hours) {
        *by_day.entry(day).or_default() += share / 24.0;
        if let Some(most) = by_hour.get_mut(hour) {
            *most = most.max(share);
        }
    }
    let days: Vec<Date> = by_day.into_iter().filter(|(_, share)| *share >= ENOUGH).map(|(day, _)| day).collect();
    let missing = DAYS.iter().filter(|(_, is)| !days.iter().any(|day| is(*day))).map(|(name, _)| (*name).to_owned());
    missing.chain(spans(&by_hour.map(|share| share < ENOUGH))).collect()
}

/// The hours that a span touches, and how much of each it holds.
fn hours(span: &Window) -> impl Iterator<Item = (Date, usize, f64)> + use<> {
    let span = *span;
    let hour = SignedDuration::from_hours(1);
    let first = span.from.as_second().div_euclid(3600);
    let last = span.to.as_second().div_euclid(3600);
    (first..=last).filter_map(move |number| {
        let from = jiff::Timestamp::from_second(number * 3600).ok()?;
        let part = Window { from, to: from.checked_add(hour).ok()? }.overlap(&span)?;
        let begin = Offset::UTC.to_datetime(from);
        Some((begin.date(), usize::try_from(begin.hour()).ok()?, part.length().as_secs_f64() / 3600.0))
    })
}

/// Hours of the day one after the other, as `02:00 to 05:00 UTC`.
fn spans(missing: &[bool; 24]) -> Vec<String> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < missing.len() {
        let length = missing.iter().skip(at).take_while(|missing| **missing).count();
        if length > 0 {
            found.push(format!("{at:02}:00 to {:02}:00 UTC", at + length));
        }
        at += length + 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn span(from: &str, to: &str) -> Window {
        let at = |text: &str| text.parse::<Timestamp>().expect("a time");
        Window { from: at(from), to: at(to) }
    }

    #[test]
    fn a_working_week_has_no_weekend_and_no_month_end() {
        let week = span("2026-11-16T00:00:00Z", "2026-11-21T00:00:00Z");
        let missing = ["a Saturday", "a Sunday"].into_iter();
        let ends = ["a month's first day", "a month's last day", "a quarter's last day", "a year's last day"];
        assert_eq!(unseen(&[week]), missing.chain(ends).collect::<Vec<_>>());
    }

    #[test]
    fn nights_that_are_never_seen_are_told_by_the_hour() {
        let days: Vec<Window> = (1..=31)
            .map(|day| span(&format!("2026-12-{day:02}T05:00:00Z"), &format!("2026-12-{day:02}T22:00:00Z")))
            .collect();
        let found = unseen(&days);
        assert!(found.ends_with(&["00:00 to 05:00 UTC".to_owned(), "22:00 to 24:00 UTC".to_owned()]), "{found:?}");
        assert!(found.contains(&"a month's last day".to_owned()), "a day without its night was not seen: {found:?}");
    }

    #[test]
    fn a_year_holds_all() {
        assert_eq!(unseen(&[span("2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z")]), Vec::<String>::new());
        assert_eq!(unseen(&[]).len(), DAYS.len() + 1, "nothing holds none");
    }
}
