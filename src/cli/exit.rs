//! Exit statuses, a contract with scripts.

use super::fail_on::FailOn;
use crate::error::ErrorKind;
use crate::problem::Problem;
use crate::report::Report;

/// Success.
pub const DONE: u8 = 0;
/// Error.
pub const FAILED: u8 = 1;
/// Invalid usage.
pub const USAGE: u8 = 2;
/// Success, but some evidence could not be read; the report lists the errors.
pub const PARTIAL: u8 = 3;
/// Success, and a condition of `--fail-on` is met.
pub const MET: u8 = 4;

/// The status of a run that failed.
pub fn of_error(kind: ErrorKind) -> u8 {
    if kind == ErrorKind::Usage { USAGE } else { FAILED }
}

/// The status of a run with these problems, in every format.
pub fn of_troubles(troubles: &[Problem]) -> u8 {
    if troubles.is_empty() { DONE } else { PARTIAL }
}

/// The status of a run that made a report.
pub fn of_report(report: &Report) -> u8 {
    of_troubles(&report.errors)
}

/// The same with conditions; a condition that is met takes precedence over problems.
pub fn of_conditions(report: &Report, conditions: &[FailOn]) -> u8 {
    if conditions.iter().any(|condition| condition.is_met(report)) { MET } else { of_troubles(&report.errors) }
}
