//! What the logs of an instance or a folder show together.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use ssl_usage_parsers::Tally;

use super::group_key::GroupKey;
use super::report::{Counts, File};
use crate::text::plural;

/// How much earlier the last record of a log may be than its first.
const TOLERANCE: SignedDuration = SignedDuration::from_mins(1);

/// The logs of an instance or a folder.
#[derive(Debug, Serialize)]
pub(super) struct Group {
    #[serde(flatten)]
    pub key: GroupKey,
    /// Logs that were read.
    pub logs: u64,
    /// Logs that could not be read.
    pub logs_failed: u64,
    /// Of those that were read, the ones that have no times, or whose times go back. The times of the group leave them out.
    pub logs_without_times: u64,
    /// The first time of a record.
    pub first_at: Option<Timestamp>,
    /// The last one.
    pub last_at: Option<Timestamp>,
    /// The longest time between the last record of one log and the first record of the next. None if there is no such time.
    pub longest_gap: Option<Gap>,
    #[serde(flatten)]
    pub counts: Counts,
}

/// A time without a record, between two logs. What is missing within a log is not known.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Gap {
    /// The last record before it.
    pub from: Timestamp,
    /// The first record after it.
    pub to: Timestamp,
    pub seconds: u64,
    /// The path of the log before it.
    pub after: String,
    /// The path of the log after it.
    pub before: String,
}

/// The logs of a group so far.
#[derive(Default)]
struct Sum<'f> {
    tally: Tally,
    logs: u64,
    failed: u64,
    undated: u64,
    /// First and last record of each log.
    spans: Vec<(Timestamp, Timestamp, &'f str)>,
}

impl Group {
    /// What a reader should know of it.
    pub fn notes(&self) -> impl Iterator<Item = String> {
        let failed = (self.logs_failed > 0)
            .then(|| format!("{} could not be read, so its counts may be too low", plural(self.logs_failed, "log")));
        let undated = (self.logs_without_times > 0).then(|| {
            let of = plural(self.logs, "log");
            format!(
                "{} of {of} have no times, or times that go back. The times and the gap leave them out",
                self.logs_without_times
            )
        });
        let without_sessions = (self.logs > 0 && self.counts.connections.sum() == 0)
            .then(|| "no session of a client was found, so nothing can be concluded about TLS".to_owned());
        failed.into_iter().chain(undated).chain(without_sessions)
    }
}

/// Adds up the files of each instance or folder. `failed` has the group of each log that could not be read.
pub(super) fn groups(files: &[File], tallies: &[Tally], failed: &[GroupKey]) -> Vec<Group> {
    let mut sums: BTreeMap<&GroupKey, Sum<'_>> = BTreeMap::new();
    for (file, tally) in files.iter().zip(tallies) {
        let sum = sums.entry(&file.belongs.key).or_default();
        if file.format.is_none() {
            continue;
        }
        sum.logs += 1;
        if !file.belongs.is_twin {
            sum.tally += tally;
        }
        match span(file) {
            Some((first, last)) => sum.spans.push((first, last, &file.path)),
            None => sum.undated += 1,
        }
    }
    for key in failed {
        sums.entry(key).or_default().failed += 1;
    }
    let group = |(key, sum): (&GroupKey, Sum<'_>)| Group {
        key: key.clone(),
        logs: sum.logs,
        logs_failed: sum.failed,
        logs_without_times: sum.undated,
        first_at: sum.spans.iter().map(|(first, ..)| *first).min(),
        last_at: sum.spans.iter().map(|(_, last, _)| *last).max(),
        longest_gap: longest_gap(sum.spans),
        counts: (&sum.tally).into(),
    };
    sums.into_iter().map(group).collect()
}

/// The first and the last record of a file, if its times can be trusted.
fn span(file: &File) -> Option<(Timestamp, Timestamp)> {
    let (first, last) = file.first_at.zip(file.last_at)?;
    // Processes take turns to write.
    let goes_back = file.belongs.is_disordered || first.duration_since(last) > TOLERANCE;
    (!goes_back).then(|| (first.min(last), first.max(last)))
}

/// The longest time that no log spans, between the first record and the last one.
fn longest_gap(mut spans: Vec<(Timestamp, Timestamp, &str)>) -> Option<Gap> {
    spans.sort_unstable();
    let mut longest: Option<Gap> = None;
    let mut latest: Option<(Timestamp, &str)> = None;
    for (first, last, path) in spans {
        if let Some((end, after)) = latest.filter(|(end, _)| *end < first) {
            let seconds = first.duration_since(end).as_secs().unsigned_abs();
            if longest
                .as_ref()
                .is_none_or(|longest| longest.from.duration_until(longest.to) < end.duration_until(first))
            {
                longest = Some(Gap { from: end, to: first, seconds, after: after.to_owned(), before: path.to_owned() });
            }
        }
        if latest.is_none_or(|(end, _)| end < last) {
            latest = Some((last, path));
        }
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gap(spans: &[(i64, i64, &'static str)]) -> Option<(u64, String, String)> {
        let at = |second: i64| Timestamp::from_second(second).expect("a time");
        let spans = spans.iter().map(|(first, last, path)| (at(*first), at(*last), *path)).collect();
        longest_gap(spans).map(|gap| (gap.seconds, gap.after, gap.before))
    }

    #[test]
    fn the_longest_gap_is_between_two_logs_that_no_other_log_spans() {
        let found = |seconds: u64, after: &str, before: &str| Some((seconds, after.to_owned(), before.to_owned()));
        assert_eq!(gap(&[]), None);
        assert_eq!(gap(&[(0, 9, "a")]), None);
        assert_eq!(gap(&[(5, 9, "b"), (0, 5, "a")]), None, "they touch");
        assert_eq!(gap(&[(50, 60, "c"), (0, 10, "a"), (12, 20, "b")]), found(30, "b", "c"));
        assert_eq!(gap(&[(0, 100, "long"), (10, 20, "a"), (50, 60, "b"), (130, 140, "c")]), found(30, "long", "c"));
        assert_eq!(gap(&[(0, 1, "a"), (11, 12, "b"), (22, 23, "c")]), found(10, "a", "b"), "the first of two");
    }
}
