//! The union of bundles: what is known of each instance, however often and wherever it was collected.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use jiff::Timestamp;
use polars::prelude::{DataFrame, IntoLazy, PolarsError, UnionArgs, concat};
use ssl_usage_parsers::Engine;

use super::coverage::{HoleCause, Reading, exported_type};
use super::fact::of_logs;
use super::file::{AGAIN, misread, read_table};
use super::metric::{Measured, MetricPart};
use super::part::{Kept, Parts, facts_of, read_parts};
use super::store::{Bundle, Each, undoubted};
use crate::error::{Error, ErrorKind, Result};
use crate::inventory::{Fleet, InstanceProfile};
use crate::progress::Progress;
use crate::trouble::Trouble;
use crate::window::Window;

/// All that the bundles hold of a fleet.
#[derive(Debug)]
pub struct Evidence {
    /// The instances, by ARN.
    pub instances: Vec<InstanceEvidence>,
    /// What could not be asked.
    pub errors: Vec<Trouble>,
    /// When the latest of it was collected.
    pub collected_at: Timestamp,
}

/// Where all that the bundles hold of one instance is.
#[derive(Debug)]
pub struct InstanceEvidence {
    /// What the inventory says.
    pub profile: InstanceProfile,
    /// What CloudWatch measured of it, and of the proxies that it stands behind.
    pub metrics: Measured,
    /// Whether metrics of its account and region cannot be read: they may say otherwise than its logs.
    unmeasured: bool,
    parts: Vec<PathBuf>,
    scope: Scope,
}

/// What the bundles hold of the logs of one instance.
#[derive(Debug)]
pub struct Logs {
    /// The readings that count: one for each log.
    pub readings: Vec<Reading>,
    /// What could not be read of them at last.
    pub errors: Vec<Trouble>,
    /// Where the facts of those readings are.
    places: Places,
}

/// By the file that holds their facts: logs, each with the source that it was read from.
pub(super) type Places = BTreeMap<PathBuf, BTreeMap<String, String>>;

/// Which instances of a bundle are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All.
    All,
    /// Those of the inventories that were taken at this time.
    TakenAt(Timestamp),
}

/// Reads bundles and forms their union. The order of the paths makes no difference, nor does it when a bundle is named
/// twice.
///
/// # Errors
///
/// When a bundle cannot be read, or none of them holds an inventory.
pub fn load(paths: &[PathBuf], scope: Scope) -> Result<Evidence> {
    let mut fleets = Each::default();
    let mut parts = Parts::default();
    let mut metrics = Vec::new();
    let mut unmeasured = Vec::new();
    for path in paths {
        let bundle = Bundle::open(path)?;
        let (kept, broken) = bundle.fleets()?;
        fleets.0.extend(kept);
        fleets.1.extend(broken);
        parts.extend(bundle.parts()?);
        let (kept, broken) = bundle.metrics()?;
        unmeasured.extend(broken);
        metrics.extend(kept);
    }
    let (fleets, unread) = match scope {
        Scope::All => undoubted(fleets),
        Scope::TakenAt(time) => {
            // What was collected now does not stand in an older file.
            unmeasured.clear();
            let fleets = fleets.0.into_iter().map(|(_, fleet)| fleet);
            (fleets.filter(|fleet| fleet.taken_at == time).collect(), Vec::new())
        }
    };
    let Some(collected_at) = fleets.iter().map(|fleet| fleet.taken_at).max() else {
        if let Some(broken) = unread.first() {
            return Err(Error::new(ErrorKind::Format, broken.subject.clone(), broken.message.clone()));
        }
        let subject = paths.first().map_or_else(String::new, |path| path.display().to_string());
        return Err(Error::new(ErrorKind::NotFound, subject, "the bundle holds no inventory")
            .hint("`ssl-usage collect -o BUNDLE` fills it"));
    };
    let (profiles, mut errors) = current(fleets);
    let is_unmeasured = |profile: &InstanceProfile| {
        // Of whom a file is whose name does not say it, nobody knows.
        let is_it = |of: &Option<String>, it: &str| of.as_deref().is_none_or(|of| of == it);
        let concerns =
            |trouble: &Trouble| is_it(&trouble.account, &profile.account) && is_it(&trouble.region, &profile.region);
        unmeasured.iter().any(concerns)
    };
    errors.extend(unread.into_iter().chain(unmeasured.iter().cloned()));
    let mut measured = measured(metrics, scope, &mut errors);
    let evidence = |profile: InstanceProfile| {
        let region = measured.get_mut(&(profile.account.clone(), profile.region.clone()));
        let metrics = region.map(|region| region.take(&profile.arn, &profile.proxies)).unwrap_or_default();
        let unmeasured = is_unmeasured(&profile);
        InstanceEvidence { parts: parts.of(&profile), profile, metrics, unmeasured, scope }
    };
    let instances = profiles.into_iter().map(evidence).collect();
    errors.sort_unstable();
    errors.dedup();
    Ok(Evidence { instances, errors, collected_at })
}

/// The metrics of each account and region, and of the latest collection of each what could not be asked.
fn measured(
    parts: Vec<(MetricPart, Measured)>,
    scope: Scope,
    errors: &mut Vec<Trouble>,
) -> BTreeMap<(String, String), Measured> {
    let place = |part: &MetricPart| (part.account.clone(), part.region.clone());
    let mut newest: BTreeMap<(String, String), Timestamp> = BTreeMap::new();
    for (part, _) in &parts {
        let newest = newest.entry(place(part)).or_insert(part.collected_at);
        *newest = part.collected_at.max(*newest);
    }
    let mut all: BTreeMap<(String, String), Measured> = BTreeMap::new();
    for (part, measured) in parts {
        let place = place(&part);
        let newest = match scope {
            Scope::All => newest.get(&place).copied(),
            Scope::TakenAt(time) => Some(time),
        };
        if newest == Some(part.collected_at) {
            errors.extend(part.errors);
        }
        all.entry(place).or_default().absorb(measured);
    }
    all
}

/// The instances that there are now, as the latest inventories show them, and what those could not ask.
pub(super) fn current(mut fleets: Vec<Fleet>) -> (Vec<InstanceProfile>, Vec<Trouble>) {
    fleets.sort_by(|one, other| (one.taken_at, &one.instances.len()).cmp(&(other.taken_at, &other.instances.len())));
    let whole_at = whole_at(&fleets);
    let mut profiles = BTreeMap::new();
    let mut errors = Vec::new();
    for fleet in fleets.into_iter().filter(|fleet| !is_past(fleet, &whole_at)) {
        errors.extend(fleet.errors);
        profiles.extend(fleet.instances.into_iter().map(|profile| (profile.arn.clone(), profile)));
    }
    (profiles.into_values().collect(), errors)
}

/// When the latest whole inventory of each account and region was taken.
pub(super) type WholeAt = BTreeMap<(Option<String>, String), Timestamp>;

/// See [`WholeAt`].
pub(super) fn whole_at(fleets: &[Fleet]) -> WholeAt {
    let mut latest = WholeAt::new();
    for fleet in fleets.iter().filter(|fleet| fleet.whole) {
        let at = latest.entry((fleet.account.clone(), fleet.region.clone())).or_insert(fleet.taken_at);
        *at = fleet.taken_at.max(*at);
    }
    latest
}

/// Whether a later whole inventory stands for this one: an instance that the latest does not show is gone.
pub(super) fn is_past(fleet: &Fleet, whole_at: &WholeAt) -> bool {
    whole_at.get(&(fleet.account.clone(), fleet.region.clone())).is_some_and(|whole_at| fleet.taken_at < *whole_at)
}

/// The readings of an instance that matter.
#[derive(Default)]
pub(super) struct Union {
    /// Of each log the reading that shows most, the time of its collection, and the part that it is in.
    pub best: BTreeMap<String, (Reading, Timestamp, PathBuf)>,
    /// All that lack something.
    pub failed: Vec<(Reading, Timestamp)>,
}

impl Union {
    /// Of all readings of one log, that which shows most.
    ///
    /// A log grows, so that a later reading shows more; and a log that is written in two formats holds the same sessions in
    /// both, so that the form that shows more of them is the more complete one. TLS goes first: no reading hides what
    /// another has seen of it. Counts are never added over readings.
    pub fn of(parts: Vec<Kept>) -> Self {
        let mut union = Self::default();
        for Kept { name, readings, .. } in parts {
            for (at, reading) in readings {
                if !reading.holes.is_empty() {
                    union.failed.push((reading.clone(), at));
                }
                match union.best.get(&reading.log) {
                    Some((known, known_at, _)) if rank(known, *known_at) >= rank(&reading, at) => {}
                    _ => {
                        union.best.insert(reading.log.clone(), (reading, at, name.clone()));
                    }
                }
            }
        }
        // The latest is the one to tell of.
        union.failed.sort_by(|(one, one_at), (other, other_at)| {
            (one_at, one.last_written, one.listed_bytes, &one.source, holes(one)).cmp(&(
                other_at,
                other.last_written,
                other.listed_bytes,
                &other.source,
                holes(other),
            ))
        });
        union
    }

    /// Where the facts of the best readings are.
    pub fn places(&self) -> Places {
        let mut places = Places::new();
        for (log, (reading, _, name)) in self.best.iter().filter(|(_, (reading, ..))| reading.records > 0) {
            places.entry(facts_of(name)).or_default().insert(log.clone(), reading.source.clone());
        }
        places
    }

    /// The best readings. None hides that another one failed at what was written after it: what is missing of that is
    /// missing of the log.
    fn readings(mut self, engine: Option<&Engine>) -> Vec<Reading> {
        for (lost, at) in self.failed.iter().rev() {
            if let Some((reading, read_at, _)) = self.best.get_mut(&lost.log)
                && reading.holes.is_empty()
                && !has_seen((reading, *read_at), (lost, *at))
            {
                reading.holes.clone_from(&lost.holes);
            }
        }
        // A log of which nothing could be read has no name but its file's. It may have been read since, when that had passed
        // on to the next one.
        let is_settled = |lost: &Reading| {
            let mut whole = self.best.values().map(|(reading, ..)| reading).filter(|reading| reading.holes.is_empty());
            engine.is_some_and(|engine| whole.any(|whole| is_same_renamed(engine, whole, lost)))
        };
        let failed = self.failed.iter().map(|(lost, _)| lost);
        let lost_for_ever: BTreeSet<&String> = failed.filter(|lost| !is_settled(lost)).map(|lost| &lost.log).collect();
        let is_settled = |reading: &Reading| {
            !reading.holes.is_empty() && reading.records == 0 && !lost_for_ever.contains(&reading.log)
        };
        let best = self.best.values().map(|(reading, ..)| reading);
        best.filter(|reading| !is_settled(reading)).cloned().collect()
    }
}

fn holes(reading: &Reading) -> Vec<(HoleCause, &str)> {
    reading.holes.iter().map(|hole| (hole.cause, hole.message.as_str())).collect()
}

/// Whether a whole reading shows what another one failed at, each with the time of its collection.
fn has_seen((whole, read_at): (&Reading, Timestamp), (lost, lost_at): (&Reading, Timestamp)) -> bool {
    if exported_type(&whole.source).is_some() {
        // Events of an hour may arrive after it was read, until it is complete.
        let within = |lost: Window| whole.span.is_some_and(|whole| whole.from <= lost.from && lost.to <= whole.to);
        return lost.span.is_none_or(within) && (whole.complete || lost_at <= read_at);
    }
    // The same records in another form are as good. A log that was renamed has its form still.
    let file = |reading: &Reading| reading.source.trim_end_matches(".gz").to_owned();
    let other_form = whole.format != lost.format && file(whole) != file(lost);
    let listed = |reading: &Reading| (reading.last_written, reading.listed_bytes);
    other_form || listed(whole) >= listed(lost)
}

/// Whether a whole reading is of the log that another one, which was lost, was of, under the name that it had then: it was
/// begun before the time at which that was written to, and ended after.
fn is_same_renamed(engine: &Engine, whole: &Reading, lost: &Reading) -> bool {
    let Some(logs) = engine.logs_of(&lost.source).filter(|logs| logs.renamed) else { return false };
    // KIND@MICROSECONDS-HASH: when its first record was written.
    let begun = whole.log.strip_prefix(logs.kind).and_then(|rest| rest.strip_prefix('@'));
    let begun = begun.and_then(|rest| rest.rsplit_once('-')?.0.parse::<i64>().ok());
    let written = lost.last_written.map(Timestamp::as_microsecond);
    let ended = whole.last_written.map(Timestamp::as_microsecond);
    let during = begun.is_some() && begun <= written && written <= ended;
    during && lost.listed_bytes <= whole.listed_bytes
}

/// A time as tables hold it.
fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

/// How much a reading shows. Among equals the csv or json form is first, for nothing in it can be forged by a name; the
/// rest only makes the choice the same whatever the order, and wherever the readings are kept.
fn rank(reading: &Reading, at: Timestamp) -> impl Ord + '_ {
    (
        reading.tls_sessions,
        reading.sessions,
        reading.records,
        reading.holes.is_empty(),
        reading.span.map(|span| span.to),
        reading.read_bytes,
        reading.format.as_deref() != Some("stderr"),
        (Reverse(micros(at)), Reverse(&reading.source), reading.span.map(|span| span.from)),
        (reading.complete, reading.last_written, reading.listed_bytes, reading.unparsed, holes(reading)),
    )
}

impl Evidence {
    /// All that could not be asked or read, of the logs of every instance too.
    pub fn all_errors(&self, progress: &dyn Progress) -> Vec<Trouble> {
        progress.begin(self.instances.len());
        let of_logs = self.instances.iter().flat_map(|known| {
            let profile = &known.profile;
            progress.done(&profile.instance);
            known
                .logs()
                .map(|logs| logs.errors)
                .unwrap_or_else(|error| vec![Trouble::from(&error).at(Some(&profile.account), &profile.region)])
        });
        let mut errors: Vec<Trouble> = self.errors.iter().cloned().chain(of_logs).collect();
        errors.sort_unstable();
        errors.dedup();
        errors
    }
}

impl InstanceEvidence {
    /// Reads what there is of the instance's logs.
    ///
    /// # Errors
    ///
    /// When a part cannot be read, or what was measured, which may say otherwise.
    pub fn logs(&self) -> Result<Logs> {
        if self.unmeasured {
            let happened = "what CloudWatch measured in its region cannot be read, and may say otherwise than its logs";
            return Err(Error::new(ErrorKind::Format, self.profile.instance.clone(), happened).hint(AGAIN));
        }
        let parts = read_parts(&self.parts, &self.profile.arn)?;
        // What was collected before the instance was made is of another that had its name, and so may a log of it have.
        let mut parts = since(parts, self.profile.created_at);
        let newest = match self.scope {
            Scope::All => parts.iter().map(|part| part.head.collected_at).max(),
            Scope::TakenAt(time) => Some(time),
        };
        let latest = parts.iter().filter(|part| Some(part.head.collected_at) == newest);
        let mut errors: Vec<Trouble> = latest.flat_map(|part| part.head.errors.clone()).collect();
        errors.sort_unstable();
        // A listing that failed is made up for by every later one.
        for part in &mut parts {
            part.readings.retain(|(at, reading)| !reading.is_listing() || Some(micros(*at)) == newest.map(micros));
        }
        let union = Union::of(parts);
        let places = union.places();
        let readings = union.readings(self.profile.known_engine());
        // A collection that was broken off and taken up again may have read in the end what it could not at first.
        let whole = readings.iter().filter(|reading| reading.holes.is_empty());
        let whole: BTreeSet<String> =
            whole.map(|reading| format!("{} {}", self.profile.instance, reading.source)).collect();
        errors.retain(|error| !whole.contains(&error.subject));
        Ok(Logs { readings, errors, places })
    }
}

impl Logs {
    /// The facts of the readings that count; none when there are no facts.
    ///
    /// # Errors
    ///
    /// When a file of facts cannot be read.
    pub fn facts(&self) -> Result<Option<DataFrame>> {
        facts(&self.places)
    }
}

/// The facts that are in these places; none when there are none.
pub(super) fn facts(places: &Places) -> Result<Option<DataFrame>> {
    let mut tables = Vec::new();
    for (path, logs) in places {
        let facts = of_logs(read_table(path)?, logs).map_err(|error| misread(path, error))?;
        tables.push(facts.lazy());
    }
    let Some(first) = places.keys().next() else { return Ok(None) };
    let whole = concat(tables, UnionArgs::default()).and_then(polars::prelude::LazyFrame::collect);
    whole.map(Some).map_err(|error: PolarsError| {
        let subject = first.display().to_string();
        Error::new(ErrorKind::Format, subject, "the facts of this instance do not fit together").because(error)
    })
}

/// The parts that were collected since an instance was made.
pub(super) fn since(mut parts: Vec<Kept>, made: Option<Timestamp>) -> Vec<Kept> {
    parts.retain(|part| made.is_none_or(|made| part.head.collected_at >= made));
    parts
}
