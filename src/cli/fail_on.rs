//! `--fail-on`: conditions that make the exit status 4.

use std::fmt;
use std::str::FromStr;

use jiff::SignedDuration;

use crate::error::{Error, ErrorKind};
use crate::report::{Instance, Report};
use crate::text::plural;
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
    /// The report contains no instance, or nothing matches the filters.
    Empty,
}

impl FromStr for FailOn {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "required" => Ok(Self::Required),
            "unproven" | "inconclusive" => Ok(Self::Unproven),
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

impl fmt::Display for FailOn {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Required => out.write_str("required"),
            Self::Unproven => out.write_str("unproven"),
            Self::Deferrable => out.write_str("deferrable"),
            Self::Errors => out.write_str("errors"),
            Self::Expiring(days) => write!(out, "expiring={days}d"),
            Self::Stale(days) => write!(out, "stale={days}d"),
            Self::Empty => out.write_str("empty"),
        }
    }
}

/// Most instances that are named.
const NAMED: usize = 5;

impl FailOn {
    /// Why a run meets the condition, if it does. One that failed does so only because nothing matches its filters.
    pub fn met(self, outcome: Result<&Report, &Error>) -> Option<String> {
        match (outcome, self) {
            (Ok(report), condition) => condition.met_by(report),
            (Err(error), Self::Empty) if error.kind() == ErrorKind::NoMatch => {
                Some("nothing matches the filters".to_owned())
            }
            (Err(_), _) => None,
        }
    }

    fn met_by(self, report: &Report) -> Option<String> {
        match self {
            Self::Required => {
                let inconclusive = match report.summary.unproven {
                    0 => String::new(),
                    some => format!("; {some} of them inconclusive"),
                };
                named(report, |row| row.rotation == Rotation::Required).map(|names| names + &inconclusive)
            }
            Self::Unproven => named(report, |row| row.unproven),
            Self::Deferrable => named(report, |row| row.rotation == Rotation::Deferrable),
            Self::Errors => (report.summary.errors > 0).then(|| plural(report.summary.errors, "problem")),
            Self::Expiring(days) => named(report, |row| {
                let is_near = |end| report.clock.duration_until(end) <= of_days(days);
                // An unknown end counts as near, unless the verdict is optional.
                row.certificate.ends().any(|end| end.map_or(row.rotation != Rotation::Optional, is_near))
            }),
            Self::Stale(days) => {
                let (oldest, age) = (report.oldest()?, report.age()?);
                let days_old = plural((age.as_hours() / 24).unsigned_abs(), "day");
                let text = format!("evidence collected {} UTC, {days_old} ago", oldest.strftime("%Y-%m-%d %H:%M"));
                (age > of_days(days)).then_some(text)
            }
            Self::Empty => (report.summary.instances == 0).then(|| "no instance was found".to_owned()),
        }
    }
}

/// How many instances are so, and the names of the first; none where no instance is.
fn named(report: &Report, is_so: impl Fn(&Instance) -> bool) -> Option<String> {
    let names: Vec<&str> =
        report.instances.iter().filter(|row| is_so(row)).map(|row| row.id().instance.as_str()).collect();
    let more = names.len().checked_sub(NAMED).filter(|more| *more > 0);
    let more = more.map_or_else(String::new, |more| format!(" and {more} more"));
    let first: Vec<_> = names.iter().take(NAMED).copied().collect();
    (!names.is_empty()).then(|| format!("{}: {}{more}", plural(names.len(), "instance"), first.join(", ")))
}

fn of_days(days: u16) -> SignedDuration {
    SignedDuration::from_hours(24 * i64::from(days))
}
