//! The weekly maintenance window of an instance.
//!
//! Source: "The Amazon RDS maintenance window" in the RDS user guide; `PreferredMaintenanceWindow` in the API reference:
//! `ddd:hh24:mi-ddd:hh24:mi` in UTC, of at least 30 minutes.

use jiff::tz::Offset;
use jiff::{SignedDuration, Span, Timestamp};

use super::InstanceProfile;

/// Days as AWS names them. A week begins on Monday.
const DAYS: &[&str] = &["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

const MINUTES_A_DAY: i64 = 24 * 60;
const SECONDS_A_WEEK: i64 = 7 * MINUTES_A_DAY * 60;

/// 1970-01-01 was a Thursday: seconds from the Monday before to that day.
const EPOCH_IN_WEEK: i64 = 3 * MINUTES_A_DAY * 60;

/// A weekly maintenance window in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaintenanceWindow {
    /// Start, in minutes since Monday 00:00.
    start: i64,
    /// Length in minutes; at least one, and less than a week.
    minutes: i64,
}

impl MaintenanceWindow {
    /// The window that AWS writes as `sun:05:00-sun:06:00`. None for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        let (start, end) = text.trim().split_once('-')?;
        let (start, end) = (minute_of_week(start)?, minute_of_week(end)?);
        let minutes = (end - start).rem_euclid(7 * MINUTES_A_DAY);
        (minutes > 0).then_some(Self { start, minutes })
    }

    /// The start of the first window at or after an instant. None beyond the calendar.
    pub fn next_after(self, instant: Timestamp) -> Option<Timestamp> {
        let second = instant.as_second() + i64::from(instant.subsec_nanosecond() > 0);
        let wait = (self.start * 60 - (second + EPOCH_IN_WEEK)).rem_euclid(SECONDS_A_WEEK);
        Timestamp::from_second(second.checked_add(wait)?).ok()
    }

    /// The start of the last window that ends at or before an instant. None beyond the calendar.
    pub fn last_before(self, instant: Timestamp) -> Option<Timestamp> {
        let second = instant.as_second() - i64::from(instant.subsec_nanosecond() < 0);
        let latest = second.checked_sub(self.minutes * 60)?;
        let week_before = Timestamp::from_second(latest.checked_sub(SECONDS_A_WEEK - 1)?).ok()?;
        self.next_after(week_before)
    }

    /// How long the window lasts.
    pub fn length(self) -> SignedDuration {
        SignedDuration::from_mins(self.minutes)
    }
}

/// `sun:05:00` in minutes since Monday 00:00.
fn minute_of_week(text: &str) -> Option<i64> {
    let mut parts = text.trim().split(':');
    let (day, hour, minute) = (parts.next()?, parts.next()?, parts.next()?);
    let day = DAYS.iter().position(|name| name.eq_ignore_ascii_case(day))?;
    let number = |text: &str, below: i64| {
        let is_number = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<i64>().ok().filter(|number| is_number && *number < below)
    };
    let (hour, minute) = (number(hour, 24)?, number(minute, 60)?);
    parts.next().is_none().then_some(i64::try_from(day).ok()? * MINUTES_A_DAY + hour * 60 + minute)
}

impl InstanceProfile {
    /// The start of its first maintenance window at or after an instant. None if the window is unknown.
    pub fn next_maintenance(&self, after: Timestamp) -> Option<Timestamp> {
        MaintenanceWindow::parse(self.maintenance_window.as_deref()?)?.next_after(after)
    }

    /// When AWS is due to renew the server certificate: at half of its assumed lifetime, in the first maintenance window
    /// after that. None if the end of the certificate is unknown. Without a known window it is the half itself.
    ///
    /// The API shows only the end. A certificate lives for 12 months if the engine version rotates it without a restart, and
    /// for 36 otherwise. Source: "Automatic server certificate rotation" in the RDS user guide.
    pub fn renewal_due(&self) -> Option<Timestamp> {
        let half_life = match self.certificate.rotates_without_restart {
            Some(true) => 6,
            Some(false) | None => 18,
        };
        let end = Offset::UTC.to_datetime(self.certificate.valid_till?);
        let half = end.checked_sub(Span::new().months(half_life)).ok()?;
        let half = Offset::UTC.to_timestamp(half).ok()?;
        Some(self.next_maintenance(half).unwrap_or(half))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn next(window: &str, after: &str) -> Timestamp {
        let window = MaintenanceWindow::parse(window).expect("a window");
        window.next_after(at(after)).expect("a time")
    }

    #[test]
    fn the_next_window_starts_at_or_after_the_instant() {
        // 2026-11-22 is a Sunday.
        for (after, start) in [
            ("2026-11-20T00:00:00Z", "2026-11-22T05:00:00Z"),
            ("2026-11-22T04:59:59.999Z", "2026-11-22T05:00:00Z"),
            ("2026-11-22T05:00:00Z", "2026-11-22T05:00:00Z"),
            ("2026-11-22T05:00:00.001Z", "2026-11-29T05:00:00Z"),
            ("2026-12-30T00:00:00Z", "2027-01-03T05:00:00Z"),
            ("1969-12-31T00:00:00Z", "1970-01-04T05:00:00Z"),
        ] {
            assert_eq!(next("sun:05:00-sun:06:00", after), at(start), "{after}");
        }
        assert_eq!(next("Mon:00:00-Mon:00:30", "2026-11-22T23:00:00Z"), at("2026-11-23T00:00:00Z"));
    }

    #[test]
    fn a_window_may_end_on_another_day_or_in_another_week() {
        let length = |text: &str| MaintenanceWindow::parse(text).map(MaintenanceWindow::length);
        assert_eq!(length("sun:23:30-mon:00:30"), Some(SignedDuration::from_mins(60)));
        assert_eq!(length("wed:22:15-thu:06:15"), Some(SignedDuration::from_hours(8)));
    }

    #[test]
    fn other_texts_are_no_window() {
        for text in [
            "",
            "sun:05:00",
            "sun:05:00-",
            "sun:05:00-sun:05:00",
            "sun:24:00-sun:06:00",
            "sun:05:60-sun:06:00",
            "sun:5:00-sun:6:00",
            "sun:+5:00-sun:06:00",
            "sun:05:00:00-sun:06:00:00",
            "sunday:05:00-sunday:06:00",
            "05:00-06:00",
        ] {
            assert_eq!(MaintenanceWindow::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn the_next_window_is_within_a_week_on_its_day_and_time(
            day in 0_usize..7,
            (hour, minute) in (0_i64..24, 0_i64..60),
            milliseconds in -62_135_596_800_000_i64..253_370_764_800_000,
        ) {
            let end = DAYS[(day + 1) % 7];
            let text = format!("{}:{hour:02}:{minute:02}-{end}:{hour:02}:{minute:02}", DAYS[day]);
            let after = Timestamp::from_millisecond(milliseconds).expect("a time");
            let window = MaintenanceWindow::parse(&text).expect("a window");
            let start = window.next_after(after).expect("a time");
            prop_assert!(start >= after);
            prop_assert!(start.duration_since(after) < SignedDuration::from_hours(7 * 24));
            let found = start.strftime("%a:%H:%M:%S").to_string().to_lowercase();
            prop_assert_eq!(found, format!("{}:{hour:02}:{minute:02}:00", DAYS[day]));
            prop_assert_eq!(start.subsec_nanosecond(), 0);
            prop_assert_eq!(window.next_after(start), Some(start));
            let end = start.checked_add(window.length()).expect("a time");
            prop_assert_eq!(window.last_before(end), Some(start));
            let week = SignedDuration::from_hours(7 * 24);
            let before = end.checked_sub(SignedDuration::from_nanos(1)).expect("a time");
            prop_assert_eq!(window.last_before(before), start.checked_sub(week).ok());
            prop_assert_eq!(window.length(), SignedDuration::from_hours(24));
        }

        #[test]
        fn any_text_is_a_window_or_none(text in "\\PC{0,24}", millisecond in any::<i64>()) {
            let window = MaintenanceWindow::parse(&text);
            let instant = Timestamp::from_millisecond(millisecond).ok();
            if let (Some(window), Some(instant)) = (window, instant) {
                prop_assert!(window.next_after(instant).is_none_or(|start| start >= instant));
            }
        }
    }
}
