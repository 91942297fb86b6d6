//! The span of time whose records stand in a log file.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use ssl_usage_parsers::{LogRotation, Logs, Scanned};

use crate::inventory::InstanceProfile;
use crate::logs::rds_portion::LogFile;
use crate::window::Window;

/// How long before a file was begun, by its name, its first record may have been written, in minutes. A server that names
/// files in another zone is off by half an hour at least.
const SLACK: i64 = 10;

/// The files of an instance's listing, by when they were begun.
#[derive(Debug)]
pub(super) struct Rotation {
    /// When files were begun, sorted, each once.
    begun: Vec<Timestamp>,
    /// When files were last written to, likewise.
    written: Vec<Timestamp>,
    length: SignedDuration,
    logs: &'static Logs,
}

impl Rotation {
    /// From the files that were listed. The length is the instance's own setting or the engine's default.
    pub fn new<'f>(logs: &'static Logs, profile: &InstanceProfile, files: impl Iterator<Item = &'f LogFile>) -> Self {
        let LogRotation { parameter, default } = logs.rotation;
        let set = parameter.and_then(|parameter| profile.in_effect(parameter));
        let minutes = set.and_then(|value| value.parse().ok()).filter(|minutes| *minutes > 0);
        let (begun, written): (Vec<_>, Vec<_>) = files.map(|file| (begun(logs, &file.name), file.last_written)).unzip();
        let sorted = |times: Vec<Option<Timestamp>>| -> Vec<Timestamp> {
            times.into_iter().flatten().collect::<BTreeSet<_>>().into_iter().collect()
        };
        let (begun, written) = (sorted(begun), sorted(written));
        // A setting that was changed does not make older files longer than the files themselves show.
        let shortest = begun.windows(2).filter_map(|pair| Some(pair.first()?.duration_until(*pair.last()?))).min();
        let most = shortest.map_or(minutes.unwrap_or(default), |shortest| shortest.as_mins().max(default));
        Self { begun, written, length: SignedDuration::from_mins(minutes.unwrap_or(default).min(most)), logs }
    }

    /// When the server wrote a file into which clients can write any time, as its listing tells: since the file before it was
    /// written to, where that is listed, and for no more than two rotations. None for other files.
    pub fn written(&self, file: &LogFile) -> Option<Window> {
        let to = file.last_written.filter(|_| self.logs.imitable)?;
        let longest = to.checked_sub(self.length.checked_mul(2)?).ok()?;
        // Times are written to the second.
        let second = SignedDuration::from_secs(1);
        let before =
            self.written.iter().rfind(|before| **before < to).and_then(|before| before.checked_sub(second).ok());
        Some(Window { from: before.map_or(longest, |before| before.max(longest)), to: to.checked_add(second).ok()? })
    }

    /// The span of a file that was read at `read_at`, and whether it ended before that.
    ///
    /// A file stands for the time from when it was begun, which its name tells, until the next one was begun; if that is
    /// missing, for one rotation. Where the name tells nothing, or not the truth, for the time from its first to its last
    /// record, as far as that was not behind the last time that it was written to; and where a client can write records of any
    /// time, for no more than two rotations before that. None where nothing tells.
    pub fn span(&self, file: &LogFile, scanned: Option<&Scanned>, read_at: Timestamp) -> Option<(Window, bool)> {
        let instant = |micros: i64| Timestamp::from_microsecond(micros).ok();
        let first = scanned.and_then(|scanned| scanned.first_at).and_then(|time| instant(time.at));
        let last = scanned.and_then(|scanned| scanned.last_at).and_then(|time| instant(time.at));
        let true_name = |from: Timestamp| {
            let after = |first: Timestamp| from.duration_until(first);
            first.is_none_or(|first| after(first) >= SignedDuration::from_mins(-SLACK) && after(first) <= self.length)
        };
        let Some(from) = begun(self.logs, &file.name).filter(|from| true_name(*from)) else {
            let is_as_listed = scanned.is_some_and(|scanned| scanned.bytes <= file.listed());
            let written = file.last_written.filter(|_| is_as_listed).unwrap_or(read_at);
            // Times are written to the second; the last record belongs to the span.
            let to = last?.min(written).checked_add(SignedDuration::from_secs(1)).ok()?;
            let oldest = match self.logs.imitable {
                true => to.checked_sub(self.length.checked_mul(2)?).ok()?,
                false => Timestamp::MIN,
            };
            return Some((Window { from: first?.max(oldest).min(to), to }, false));
        };
        let full = from.checked_add(self.length).ok()?;
        let next = self.begun.iter().find(|begun| **begun > from && **begun <= full);
        // Not the last record's time: a client can write one of its own choice.
        let end = next.copied().unwrap_or(full);
        // A clock that is ahead names files of a time that has not come.
        Some((Window { from, to: end.min(read_at).max(from) }, end <= read_at))
    }
}

impl Rotation {
    /// The span of a copy of a file: that of the file, as far as its records show that the copy reaches. `shown` are the first and
    /// the last record of its longest part without a gap. Nothing says whether a copy is whole. None where a client can write records of any time, because nothing says when the file was written.
    pub fn span_of_copy(
        &self,
        file: &LogFile,
        (scanned, shown): (Option<&Scanned>, Option<Window>),
        read_at: Timestamp,
    ) -> Option<(Window, bool)> {
        let scanned = scanned.filter(|_| !self.logs.imitable)?;
        let Window { from: first, to: last } = shown?;
        let (span, ended) = self.span(file, Some(scanned), read_at)?;
        let near = SignedDuration::from_mins(SLACK);
        let from = span.from.max(first.checked_sub(near).ok()?);
        let to = span.to.min(last.checked_add(near).ok()?);
        (from < to).then_some((Window { from, to }, ended))
    }
}

fn begun(logs: &Logs, name: &str) -> Option<Timestamp> {
    (logs.start_from_name)(name).and_then(|micros| Timestamp::from_microsecond(micros).ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ssl_usage_parsers::{Engine, LogTime};

    use super::*;

    const WRITTEN: i64 = 1_795_428_000;

    proptest! {
        /// A client writes the first time and the last one.
        #[test]
        fn a_client_s_times_add_no_more_than_two_rotations(
            first in prop::option::of(-4_000_000_000i64..4_000_000_000),
            last in prop::option::of(-4_000_000_000i64..4_000_000_000),
            grown in any::<bool>(),
        ) {
            let engine = Engine::named("mariadb").expect("an engine");
            let logs = engine.logs_of("general/mysql-general.log").expect("a log");
            let rotation = Rotation { begun: Vec::new(), written: Vec::new(), length: SignedDuration::from_hours(1), logs };
            let time = |second: Option<i64>| Some(LogTime { at: second? * 1_000_000, zone_known: true });
            let scanned =
                Scanned { first_at: time(first), last_at: time(last), bytes: 100 + u64::from(grown), ..Scanned::default() };
            let written = Timestamp::from_second(WRITTEN).expect("in range");
            let read = Timestamp::from_second(WRITTEN + 60).expect("in range");
            let file =
                LogFile { name: "general/mysql-general.log".to_owned(), size: Some(100), last_written: Some(written) };
            if let Some((span, _)) = rotation.span(&file, Some(&scanned), read) {
                let latest = if grown { read } else { written };
                prop_assert!(span.to.duration_since(latest) <= SignedDuration::from_secs(1), "{span:?}");
                prop_assert!(span.length() <= SignedDuration::from_hours(2), "{span:?}");
                prop_assert!(span.from <= span.to, "{span:?}");
            }
        }
    }
}
