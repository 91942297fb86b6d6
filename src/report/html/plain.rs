//! The details that the page shows without its script: those of the most urgent instances, as `--explain` prints them.

use super::row::Row;
use crate::report::explain::explain;
use crate::text::plural;
use crate::verdict::Rotation;

/// Instances whose details are shown: more would make a large page slower to open.
pub(super) const DETAILED: usize = 50;
/// Columns of a line.
const WIDTH: u16 = 100;
/// Lines of an instance that are shown from the start: facts and reasons.
const FIRST: usize = 60;
/// Lines of an instance that are shown from the end: what was not examined, commands, and the evidence.
const LAST: usize = 40;

/// The details of an instance as lines.
pub(super) struct Details<'r> {
    pub row: Row<'r>,
    pub first: Vec<String>,
    /// How many lines between are not shown, in words.
    pub left_out: Option<String>,
    pub last: Vec<String>,
}

/// The details of the first instances that must rotate, or for which the evidence is inconclusive.
pub(super) fn details<'r>(rows: impl Iterator<Item = Row<'r>>) -> impl Iterator<Item = Details<'r>> {
    rows.filter(|row| row.it.rotation == Rotation::Required).take(DETAILED).map(Details::of)
}

impl<'r> Details<'r> {
    fn of(row: Row<'r>) -> Self {
        let mut text = Vec::new();
        // Writing to memory cannot fail.
        let _ = explain(row.report, &[row.it], WIDTH, &mut text);
        let text = String::from_utf8_lossy(&text);
        let mut first: Vec<String> = text.lines().map(str::to_owned).collect();
        let mut last = first.split_off(first.len().min(FIRST));
        let last = last.split_off(last.len().saturating_sub(LAST));
        let left_out = text.lines().count() - first.len() - last.len();
        Self { row, first, left_out: (left_out > 0).then(|| plural(left_out, "line")), last }
    }
}
