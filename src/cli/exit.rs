//! Exit statuses, a contract with scripts.

use super::complain;
use super::fail_on::FailOn;
use super::input::Judged;
use crate::error::{Error, ErrorKind};
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

/// Interrupted by Ctrl-C (SIGINT).
pub const INTERRUPTED: u8 = 130;
/// Interrupted by SIGHUP: the terminal was closed.
pub const HUNG_UP: u8 = 129;
/// Interrupted by SIGTERM.
pub const TERMINATED: u8 = 143;

/// The status of a run that failed.
pub fn of_error(kind: ErrorKind) -> u8 {
    if kind == ErrorKind::Usage { USAGE } else { FAILED }
}

/// The status of a run with these problems, in every format.
pub fn of_troubles(troubles: &[Problem]) -> u8 {
    if troubles.is_empty() { DONE } else { PARTIAL }
}

/// The status of a run that printed this, or that failed.
pub fn of_run<J: Judged>(outcome: Result<&J, &Error>) -> u8 {
    outcome.map_or_else(|error| of_error(error.kind()), |judged| of_troubles(judged.errors()))
}

/// The same with conditions, of which those that are met are printed on stderr. They take precedence over problems.
pub fn of_conditions(outcome: Result<&Report, &Error>, conditions: &[FailOn]) -> u8 {
    let met: Vec<_> = conditions.iter().filter_map(|condition| Some((condition, condition.met(outcome)?))).collect();
    for (condition, why) in &met {
        complain(&format_args!("condition met: {condition} ({why})"));
    }
    if met.is_empty() { of_run(outcome) } else { MET }
}
