//! The union of bundles: what is known of each instance, however often and wherever it was collected.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use polars::prelude::{BooleanChunked, DataFrame, IntoLazy, PolarsError, StringChunked, UnionArgs, concat};
use ssl_usage_parsers::Engine;

use super::coverage::{Reading, exported_type};
use super::fact::{self, column};
use super::metric::{Measured, MetricPart};
use super::store::{Bundle, Part, Parts, read_parts, read_table};
use crate::error::{Error, ErrorKind, Result, Trouble};
use crate::inventory::{Fleet, InstanceProfile};
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
    /// Where the facts of those readings are, by the file that holds them.
    sources: BTreeMap<PathBuf, BTreeSet<String>>,
}

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
    let mut fleets = Vec::new();
    let mut parts = Parts::default();
    let mut metrics = Vec::new();
    for path in paths {
        let bundle = Bundle::open(path)?;
        fleets.extend(bundle.fleets()?.into_iter().filter(|fleet| match scope {
            Scope::All => true,
            Scope::TakenAt(time) => fleet.taken_at == time,
        }));
        parts.extend(bundle.parts()?);
        metrics.extend(bundle.metrics()?);
    }
    let Some(collected_at) = fleets.iter().map(|fleet| fleet.taken_at).max() else {
        let subject = paths.first().map_or_else(String::new, |path| path.display().to_string());
        return Err(Error::new(ErrorKind::NotFound, subject, "the bundle holds no inventory")
            .hint("`ssl-usage collect -o BUNDLE` fills it"));
    };
    let (profiles, mut errors) = current(fleets);
    let measured = measured(metrics, scope, &mut errors);
    let evidence = |profile: InstanceProfile| {
        let subjects: Vec<&str> = [&profile.arn].into_iter().chain(&profile.proxies).map(String::as_str).collect();
        let region = measured.get(&(profile.account.clone(), profile.region.clone()));
        let metrics = region.map_or_else(Measured::default, |region| region.of(&subjects));
        InstanceEvidence { parts: parts.of(&profile), profile, metrics, scope }
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
    let mut newest: BTreeMap<(String, String), Timestamp> = BTreeMap::new();
    let mut all: BTreeMap<(String, String), Measured> = BTreeMap::new();
    for (part, measured) in &parts {
        let place = (part.account.clone(), part.region.clone());
        all.entry(place.clone()).or_default().join(measured);
        let newest = newest.entry(place).or_insert(part.collected_at);
        *newest = part.collected_at.max(*newest);
    }
    for (part, _) in parts {
        let newest = match scope {
            Scope::All => newest.get(&(part.account, part.region)).copied(),
            Scope::TakenAt(time) => Some(time),
        };
        if newest == Some(part.collected_at) {
            errors.extend(part.errors);
        }
    }
    all
}

/// The instances that there are now, as the latest inventories show them, and what those could not ask.
fn current(mut fleets: Vec<Fleet>) -> (Vec<InstanceProfile>, Vec<Trouble>) {
    fleets.sort_by(|one, other| (one.taken_at, &one.instances.len()).cmp(&(other.taken_at, &other.instances.len())));
    let mut latest: BTreeMap<(Option<String>, String), Timestamp> = BTreeMap::new();
    for fleet in fleets.iter().filter(|fleet| fleet.whole) {
        latest.insert((fleet.account.clone(), fleet.region.clone()), fleet.taken_at);
    }
    let mut profiles = BTreeMap::new();
    let mut errors = Vec::new();
    for fleet in fleets {
        // An instance that the latest whole inventory does not show is gone.
        let whole_at = latest.get(&(fleet.account.clone(), fleet.region.clone())).copied();
        if whole_at.is_some_and(|whole_at| fleet.taken_at < whole_at) {
            continue;
        }
        errors.extend(fleet.errors);
        profiles.extend(fleet.instances.into_iter().map(|profile| (profile.arn.clone(), profile)));
    }
    (profiles.into_values().collect(), errors)
}

/// Of all readings of one log, that which shows most.
///
/// A log grows, so that a later reading shows more; and a log that is written in two formats holds the same sessions in
/// both, so that the form that shows more of them is the more complete one. TLS goes first: no reading hides what another
/// has seen of it. Counts are never added over readings.
///
/// Nor does a reading hide that another one failed at what was written after it: what is missing of that is missing of the
/// log.
fn best_readings(
    parts: Vec<(Part, PathBuf)>,
    engine: Option<&Engine>,
) -> (Vec<Reading>, BTreeMap<PathBuf, BTreeSet<String>>) {
    let mut best: BTreeMap<String, (Reading, PathBuf, Timestamp)> = BTreeMap::new();
    let mut failed: Vec<(Reading, Timestamp)> = Vec::new();
    for (part, path) in parts {
        for reading in part.readings {
            if !reading.holes.is_empty() {
                failed.push((reading.clone(), part.collected_at));
            }
            match best.get(&reading.log) {
                Some((known, known_path, _)) if rank(known, known_path) >= rank(&reading, &path) => {}
                _ => {
                    best.insert(reading.log.clone(), (reading, path.clone(), part.collected_at));
                }
            }
        }
    }
    // The latest is the one to tell of.
    failed.sort_by_key(|(reading, at)| (*at, reading.last_written, reading.listed_bytes));
    for (lost, at) in failed.iter().rev() {
        if let Some((reading, _, read_at)) = best.get_mut(&lost.log)
            && reading.holes.is_empty()
            && !has_seen((reading, *read_at), (lost, *at))
        {
            reading.holes.clone_from(&lost.holes);
        }
    }
    // A log of which nothing could be read has no name but its file's. It may have been read since, when that had passed on
    // to the next one.
    let is_settled = |lost: &Reading| {
        let whole = best.values().map(|(reading, ..)| reading).filter(|reading| reading.holes.is_empty());
        engine.is_some_and(|engine| whole.into_iter().any(|whole| is_same_renamed(engine, whole, lost)))
    };
    let lost_for_ever: BTreeSet<&String> =
        failed.iter().map(|(lost, _)| lost).filter(|lost| !is_settled(lost)).map(|lost| &lost.log).collect();
    let nothing_else =
        |(reading, ..): &&(Reading, PathBuf, Timestamp)| !reading.holes.is_empty() && reading.records == 0;
    let settled = best.values().filter(nothing_else).map(|(reading, ..)| reading.log.clone());
    let settled: BTreeSet<String> = settled.filter(|log| !lost_for_ever.contains(log)).collect();
    best.retain(|log, _| !settled.contains(log));
    let mut sources: BTreeMap<PathBuf, BTreeSet<String>> = BTreeMap::new();
    let mut readings = Vec::new();
    for (reading, path, _) in best.into_values() {
        if reading.records > 0 {
            sources.entry(path).or_default().insert(reading.source.clone());
        }
        readings.push(reading);
    }
    (readings, sources)
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

/// How much a reading shows. Among equals the csv or json form is first, for nothing in it can be forged by a name; the
/// path only makes the choice the same whatever the order.
fn rank<'r>(reading: &'r Reading, path: &'r Path) -> impl Ord + 'r {
    (
        reading.tls_sessions,
        reading.sessions,
        reading.records,
        reading.holes.is_empty(),
        reading.span.map(|span| span.to),
        reading.read_bytes,
        reading.format.as_deref() != Some("stderr"),
        Reverse(path.file_name()),
        Reverse(path),
    )
}

impl InstanceEvidence {
    /// Reads what there is of the instance's logs.
    ///
    /// # Errors
    ///
    /// When a part cannot be read.
    pub fn logs(&self) -> Result<Logs> {
        let mut parts = read_parts(&self.parts, &self.profile.arn)?;
        // What was collected before the instance was made is of another that had its name, and so may a log of it have.
        parts.retain(|(part, _)| self.profile.created_at.is_none_or(|made| part.collected_at >= made));
        let newest = match self.scope {
            Scope::All => parts.iter().map(|(part, _)| part.collected_at).max(),
            Scope::TakenAt(time) => Some(time),
        };
        let latest = parts.iter().filter(|(part, _)| Some(part.collected_at) == newest);
        let mut errors: Vec<Trouble> = latest.flat_map(|(part, _)| part.errors.clone()).collect();
        // A listing that failed is made up for by every later one.
        for (part, _) in parts.iter_mut().filter(|(part, _)| Some(part.collected_at) != newest) {
            part.readings.retain(|reading| !reading.is_listing());
        }
        let (readings, sources) = best_readings(parts, self.profile.known_engine());
        // A collection that was broken off and taken up again may have read in the end what it could not at first.
        let whole = readings.iter().filter(|reading| reading.holes.is_empty());
        let whole: BTreeSet<String> =
            whole.map(|reading| format!("{} {}", self.profile.instance, reading.source)).collect();
        errors.retain(|error| !whole.contains(&error.subject));
        Ok(Logs { readings, errors, sources })
    }
}

impl Logs {
    /// The facts of the readings that count; none when there are no facts.
    ///
    /// # Errors
    ///
    /// When a file of facts cannot be read.
    pub fn facts(&self) -> Result<Option<DataFrame>> {
        let mut tables = Vec::new();
        let misfit = |error: PolarsError| {
            let subject = self.sources.keys().next().map_or_else(String::new, |path| path.display().to_string());
            Error::new(ErrorKind::Format, subject, "the facts of this instance do not fit together").because(error)
        };
        for (path, sources) in &self.sources {
            let table = read_table(path)?;
            let wanted = |names: &StringChunked| -> BooleanChunked {
                names.iter().map(|name| name.is_some_and(|name| sources.contains(name))).collect()
            };
            let names = table.column(column::SOURCE).and_then(|names| names.str()).map_err(misfit)?;
            let table = table.filter(&wanted(names)).and_then(fact::completed).map_err(misfit)?;
            tables.push(table.lazy());
        }
        if tables.is_empty() {
            return Ok(None);
        }
        let whole = concat(tables, UnionArgs::default()).and_then(polars::prelude::LazyFrame::collect);
        whole.map(Some).map_err(misfit)
    }
}
