//! `--fail-on`: conditions that make the exit status 4.

use std::str::FromStr;

use jiff::SignedDuration;

use crate::report::Report;
use crate::verdict::Rotation;

/// A condition on a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailOn {
    /// An instance is required, proven or inconclusive.
    Required,
    /// An instance is inconclusive.
    Unproven,
    /// An instance is deferrable.
    Deferrable,
    /// The report contains errors.
    Errors,
    /// A server or CA certificate expires within this many days, by the clock.
    Expiring(u16),
    /// Evidence is older than this many days, by the clock.
    Stale(u16),
    /// The report contains no instance.
    Empty,
}

impl FromStr for FailOn {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "required" => Ok(Self::Required),
            "unproven" => Ok(Self::Unproven),
            "deferrable" => Ok(Self::Deferrable),
            "errors" => Ok(Self::Errors),
            "empty" => Ok(Self::Empty),
            _ => {
                let days = |name: &str| text.strip_prefix(name)?.strip_suffix('d')?.parse().ok();
                let expiring = days("expiring=").map(Self::Expiring);
                expiring.or_else(|| days("stale=").map(Self::Stale)).ok_or_else(|| {
                    "use required, unproven, deferrable, errors, empty, expiring=30d or stale=2d".to_owned()
                })
            }
        }
    }
}

impl FailOn {
    /// Whether the report meets the condition.
    pub fn is_met(self, report: &Report) -> bool {
        match self {
            Self::Required => report.summary.required > 0,
            Self::Unproven => report.instances.iter().any(|row| row.unproven),
            Self::Deferrable => report.summary.deferrable > 0,
            Self::Errors => report.summary.errors > 0,
            Self::Expiring(days) => report.instances.iter().any(|row| {
                let ends = [row.certificate.valid_till, row.certificate.ca_valid_till];
                let is_near = |end| report.clock.duration_until(end) <= of_days(days);
                // An unknown end counts as near, unless the verdict is optional.
                ends.into_iter().any(|end| end.map_or(row.rotation != Rotation::Optional, is_near))
            }),
            Self::Stale(days) => report.age().is_some_and(|age| age > of_days(days)),
            Self::Empty => report.summary.instances == 0,
        }
    }
}

fn of_days(days: u16) -> SignedDuration {
    SignedDuration::from_hours(24 * i64::from(days))
}
