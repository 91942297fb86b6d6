//! Exit statuses, a contract with scripts.

use super::fail_on::FailOn;
use crate::error::ErrorKind;
use crate::problem::Problem;
use crate::report::Report;

/// Done.
pub const DONE: u8 = 0;
/// Failed.
pub const FAILED: u8 = 1;
/// Bad usage.
pub const USAGE: u8 = 2;
/// Done, but part of what was asked could not be read; the report says which and why.
pub const PARTIAL: u8 = 3;
/// Done, and something is as `--fail-on` says it must not be.
pub const MET: u8 = 4;

/// The status of a run that failed.
pub fn of_error(kind: ErrorKind) -> u8 {
    if kind == ErrorKind::Usage { USAGE } else { FAILED }
}

/// The status of a run that is done but for what could not be read, whatever the format that was printed.
pub fn of_troubles(troubles: &[Problem]) -> u8 {
    if troubles.is_empty() { DONE } else { PARTIAL }
}

/// The status of a run that made a report.
pub fn of_report(report: &Report) -> u8 {
    of_troubles(&report.errors)
}

/// The same, with conditions: one that is met counts for more than what could not be read.
pub fn of_conditions(report: &Report, conditions: &[FailOn]) -> u8 {
    if conditions.iter().any(|condition| condition.is_met(report)) { MET } else { of_troubles(&report.errors) }
}
