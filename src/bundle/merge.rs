//! Merging: which of several reads of the same log counts, and its facts.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use polars::prelude::{DataFrame, PolarsError, PolarsResult};
use ssl_usage_parsers::{Engine, Logs};

use super::coverage::{GapCause, LogGap, LogRead, exported_type};
use super::fact::{self, kept};
use super::fact_file::FactFile;
use super::facts::Facts;
use super::part::{Kept, facts_of};
use super::table::{Table, misread, most_decoded, read_checked};
use crate::error::{Error, ErrorKind, Result};
use crate::window::Window;

/// How far the times of one record are apart in two formats of a log: one has whole seconds.
pub const NEAR: SignedDuration = SignedDuration::from_secs(2);

/// That no reading of a log shows all sessions that the others show.
pub(super) fn parted(subject: &str) -> Error {
    let message = "this log was read several times, and each time other parts of it";
    Error::new(ErrorKind::Truncated, subject, message).hint("read the whole log")
}

/// By the file that holds facts, which of them count.
pub(super) type FactFiles = BTreeMap<PathBuf, CountedFile>;

/// What counts of a file of facts.
#[derive(Debug)]
pub(super) struct CountedFile {
    /// ARN of the instance.
    arn: String,
    /// The digest that the file must have; none for older formats.
    digest: Option<String>,
    /// Logs, each with the source that it was read from.
    logs: BTreeMap<String, String>,
}

/// The log reads of an instance that matter.
#[derive(Default)]
pub(super) struct Union {
    /// Of each log the log read that shows most.
    pub best: BTreeMap<String, Best>,
    /// All that lack something.
    pub failed: Vec<(LogRead, Timestamp)>,
    /// Where the facts of the parts are.
    fact_files: FactFiles,
}

/// The log read that shows most of a log.
pub(super) struct Best {
    pub reading: LogRead,
    /// When it was collected.
    pub at: Timestamp,
    /// The number of the part that has its facts.
    facts: usize,
    /// The first and the last session of the log, over all that was read of it.
    sessions: Option<(Timestamp, Timestamp)>,
}

impl Best {
    fn of(reading: LogRead, at: Timestamp, facts: usize) -> Self {
        let sessions = reading.sessions_between();
        Self { reading, at, facts, sessions }
    }

    /// Looks at another log read of the same log.
    fn add(&mut self, reading: LogRead, at: Timestamp, facts: usize) {
        self.sessions = match (self.sessions, reading.sessions_between()) {
            (Some(known), Some(new)) => Some((known.0.min(new.0), known.1.max(new.1))),
            (known, new) => known.or(new),
        };
        if rank(&self.reading, self.at) < rank(&reading, at) {
            (self.reading, self.at, self.facts) = (reading, at, facts);
        }
    }
}

impl Union {
    /// Of all readings of one log, that which shows most.
    ///
    /// A log grows, so that a later reading shows more; and a log that is written in two formats holds the same sessions in
    /// both, so that the form that shows more of them is the more complete one. TLS goes first: the log read that shows most of it
    /// counts. What another one shows beside it is a gap: see [`Self::logs_in_parts`]. Counts are never added over log reads.
    ///
    /// # Errors
    ///
    /// When a part does not say what its facts must be.
    pub fn of(parts: Vec<Kept>) -> Result<Self> {
        let mut union = Self::default();
        let (mut all, mut files, mut numbers) = (Vec::new(), Vec::new(), BTreeMap::new());
        for part in parts {
            let (arn, digest) = (part.head().arn.clone(), part.facts_digest()?.map(str::to_owned));
            let path = facts_of(part.name());
            // A bundle may be named twice.
            let facts = *numbers.entry(path.clone()).or_insert(files.len());
            if facts == files.len() {
                files.push((path, CountedFile { arn, digest, logs: BTreeMap::new() }));
            }
            all.reserve(part.readings.len());
            for (at, reading) in part.readings {
                if !reading.gaps.is_empty() {
                    union.failed.push((reading.clone(), at));
                }
                all.push((reading, at, facts));
            }
        }
        // Parts that were merged are in this order already.
        all.sort_by(|(one, ..): &(LogRead, Timestamp, usize), (other, ..)| one.log.cmp(&other.log));
        let mut best: Vec<(String, Best)> = Vec::with_capacity(all.len());
        for (reading, at, facts) in all {
            match best.last_mut().filter(|(log, _)| *log == reading.log) {
                Some((_, best)) => best.add(reading, at, facts),
                None => best.push((reading.log.clone(), Best::of(reading, at, facts))),
            }
        }
        union.best = best.into_iter().collect();
        // The latest is the one to tell of.
        union.failed.sort_by(|(one, one_at), (other, other_at)| {
            (one_at, one.last_written, one.listed_bytes, &one.source, gaps(one)).cmp(&(
                other_at,
                other.last_written,
                other.listed_bytes,
                &other.source,
                gaps(other),
            ))
        });
        let mut logs_of_files = vec![Vec::new(); files.len()];
        for (log, best) in union.best.iter().filter(|(_, best)| best.reading.records > 0) {
            let logs = logs_of_files.get_mut(best.facts);
            logs.into_iter().for_each(|logs| logs.push((log.clone(), best.reading.source.clone())));
        }
        let files = files.into_iter().zip(logs_of_files);
        union.fact_files = files
            .map(|((path, file), logs)| (path, CountedFile { logs: logs.into_iter().collect(), ..file }))
            .collect();
        Ok(union)
    }

    /// Where the facts of the best readings are, and all other facts.
    pub fn fact_files(&mut self) -> FactFiles {
        std::mem::take(&mut self.fact_files)
    }

    /// The logs of which the reading that counts does not show sessions at all times at which the others do. A reading of a part of
    /// a log shows that much, and what the others show beside it would be lost.
    ///
    /// Where clients can write records of any time, their times say nothing.
    pub fn logs_in_parts(&self, engine: Option<&'static Engine>) -> BTreeSet<String> {
        let is_near = |earlier: Timestamp, later: Timestamp| earlier.duration_since(later) <= NEAR;
        let is_whole = |reading: &LogRead, (first, last): &(Timestamp, Timestamp)| {
            reading.sessions_between().is_some_and(|(from, to)| is_near(from, *first) && is_near(*last, to))
        };
        let is_imitable = |reading: &LogRead| logs_of(engine, &reading.source).is_none_or(|logs| logs.imitable);
        let is_in_parts = |best: &Best| {
            let is_whole = best.sessions.is_none_or(|all| is_whole(&best.reading, &all));
            !is_whole && !is_imitable(&best.reading)
        };
        self.best.iter().filter(|(_, best)| is_in_parts(best)).map(|(log, _)| log.clone()).collect()
    }

    /// The best readings, of which some logs are in parts. None hides that another one failed at what was written after it: what
    /// is missing of that is missing of the log.
    pub fn readings(mut self, engine: Option<&'static Engine>, in_parts: &BTreeSet<String>) -> Vec<LogRead> {
        for log in in_parts {
            if let Some(reading) = self.best.get_mut(log).map(|best| &mut best.reading)
                && reading.gaps.is_empty()
            {
                let message = parted(&reading.source).advice();
                reading.gaps.push(LogGap { cause: GapCause::Truncated, message });
            }
        }
        for (lost, at) in self.failed.iter().rev() {
            if let Some(best) = self.best.get_mut(&lost.log)
                && best.reading.gaps.is_empty()
                && !has_seen((&best.reading, best.at), (lost, *at))
            {
                best.reading.gaps.clone_from(&lost.gaps);
            }
        }
        // A log of which nothing could be read has no name but its file's. It may have been read since, when that had passed
        // on to the next one.
        let is_settled = |lost: &LogRead| {
            let mut whole = self.best.values().map(|best| &best.reading).filter(|reading| reading.gaps.is_empty());
            engine.is_some_and(|engine| whole.any(|whole| is_same_renamed(engine, whole, lost)))
        };
        let failed = self.failed.iter().map(|(lost, _)| lost);
        let lost_for_ever: BTreeSet<&String> = failed.filter(|lost| !is_settled(lost)).map(|lost| &lost.log).collect();
        let is_settled = |reading: &LogRead| {
            !reading.gaps.is_empty() && reading.records == 0 && !lost_for_ever.contains(&reading.log)
        };
        let best = self.best.into_values().map(|best| best.reading);
        best.filter(|reading| !is_settled(reading)).collect()
    }
}

fn gaps(reading: &LogRead) -> Vec<(GapCause, &str)> {
    reading.gaps.iter().map(|gap| (gap.cause, gap.message.as_str())).collect()
}

/// Whether a whole reading shows what another one failed at, each with the time of its collection.
fn has_seen((whole, read_at): (&LogRead, Timestamp), (lost, lost_at): (&LogRead, Timestamp)) -> bool {
    if exported_type(&whole.source).is_some() {
        // Events of an hour may arrive after it was read, until it is complete.
        let within = |lost: Window| whole.span.is_some_and(|whole| whole.from <= lost.from && lost.to <= whole.to);
        // What is missing of a file of events, no other file of events shows.
        let is_of_file = lost.gaps.iter().any(|gap| gap.cause == GapCause::Truncated);
        return lost.span.is_none_or(within) && (whole.complete || lost_at <= read_at && !is_of_file);
    }
    // The same records in another form are as good. A log that was renamed has its form still.
    let file = |reading: &LogRead| reading.source.trim_end_matches(".gz").to_owned();
    let other_form = whole.format != lost.format && file(whole) != file(lost);
    let listed = |reading: &LogRead| (reading.last_written, reading.listed_bytes);
    other_form || listed(whole) >= listed(lost)
}

/// Whether a whole reading is of the log that another one, which was lost, was of, under the name that it had then: it was
/// begun before the time at which that was written to, and ended after.
fn is_same_renamed(engine: &Engine, whole: &LogRead, lost: &LogRead) -> bool {
    let Some(logs) = engine.logs_of(&lost.source).filter(|logs| logs.rotates_by_rename) else { return false };
    // KIND@MICROSECONDS-HASH: when its first record was written.
    let begun = whole.log.strip_prefix(logs.kind).and_then(|rest| rest.strip_prefix('@'));
    let begun = begun.and_then(|rest| rest.rsplit_once('-')?.0.parse::<i64>().ok());
    let written = lost.last_written.map(Timestamp::as_microsecond);
    let ended = whole.last_written.map(Timestamp::as_microsecond);
    let during = begun.is_some() && begun <= written && written <= ended;
    during && lost.listed_bytes <= whole.listed_bytes
}

/// The kind of log that a source is of.
fn logs_of(engine: Option<&'static Engine>, source: &str) -> Option<&'static Logs> {
    let engine = engine?;
    match exported_type(source) {
        Some(log_type) => engine.logs.get(engine.exported_as(log_type)?),
        None => engine.logs_of(source),
    }
}

/// A time as tables hold it.
pub(super) fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

/// How much a log read shows. Among equals the csv or json form is first, for nothing in it can be forged by a name; the
/// rest only makes the choice the same whatever the order, and wherever the log reads are kept.
fn rank(reading: &LogRead, at: Timestamp) -> impl Ord + '_ {
    (
        reading.tls_sessions,
        reading.sessions,
        reading.records,
        // Of a log that was left out and then could not be read, the cause is what kept it from being read.
        (reading.gaps.is_empty(), !reading.is_left_out()),
        reading.span.map(|span| span.to),
        reading.read_bytes,
        reading.format.as_deref() != Some("stderr"),
        (Reverse(micros(at)), Reverse(&reading.source), reading.span.map(|span| span.from)),
        (reading.complete, reading.last_written, reading.listed_bytes, reading.unparsed, gaps(reading)),
        &reading.connection_ids,
    )
}

/// The facts that count in these files; none when there are none. Files of which nothing counts are checked all the same.
pub(super) fn facts(fact_files: &FactFiles) -> Result<Option<Facts>> {
    let mut facts = None;
    each(fact_files, |_, file, _| {
        facts.get_or_insert_with(Facts::default).add(file);
        Ok(())
    })?;
    Ok(facts)
}

/// The same as one table.
pub(super) fn table(fact_files: &FactFiles) -> Result<Option<DataFrame>> {
    let mut whole: Option<DataFrame> = None;
    let mut mismatch = None;
    each(fact_files, |table, file, wanted| {
        let table = kept(table.columns(&fact::COLUMNS)?, &file.is_kept, wanted)?;
        match &mut whole {
            None => whole = Some(table),
            Some(whole) => mismatch = whole.vstack_mut_owned(table).err().or(mismatch.take()),
        }
        Ok(())
    })?;
    match (mismatch, fact_files.keys().next()) {
        (Some(error), Some(first)) => Err(mismatched(first, error)),
        _ => Ok(whole),
    }
}

/// That the tables of an instance have other columns than the first.
fn mismatched(first: &Path, error: PolarsError) -> Error {
    let subject = first.display().to_string();
    Error::new(ErrorKind::Format, subject, "the tables of facts of this instance do not match").because(error)
}

/// Reads and checks each file, and hands on those of which something counts.
fn each(
    fact_files: &FactFiles,
    mut then: impl FnMut(&Table<'_>, FactFile, &BTreeMap<String, String>) -> PolarsResult<()>,
) -> Result<()> {
    for (path, CountedFile { arn, digest, logs }) in fact_files {
        if logs.is_empty() && digest.is_none() {
            continue;
        }
        let bytes = read_checked(path, digest.as_deref())?;
        if logs.is_empty() {
            continue;
        }
        let most = most_decoded(bytes.len() as u64);
        let table = Table::of(path, &bytes, &fact::COLUMNS)?;
        let file = FactFile::read(&|name| table.column(name), arn, most, logs);
        file.and_then(|file| then(&table, file, logs)).map_err(|error| misread(path, error))?;
    }
    Ok(())
}

/// The parts that were collected before an instance was made, and those since.
pub(super) fn since(parts: Vec<Kept>, made: Option<Timestamp>) -> (Vec<Kept>, Vec<Kept>) {
    parts.into_iter().partition(|part| made.is_some_and(|made| part.head().collected_at < made))
}
