//! The union of bundles: what is known of each instance, however often and wherever it was collected.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use jiff::Timestamp;
use polars::prelude::{DataFrame, IntoLazy, PolarsError, UnionArgs, concat};
use ssl_usage_parsers::Engine;

use super::coverage::{HoleCause, Reading, exported_type};
use super::digest;
use super::fact::of_logs;
use super::metric::Measured;
use super::part::{Kept, Parts, facts_of, plain, read_parts};
use super::range;
use super::record::{Listed, Present, is_made_up_for, latest_whole, missing};
use super::seal::{SEALED, beside};
use super::store::{Bundle, Each, Inventory, KeptMetrics, place, troubles, undoubted};
use super::table::{decode, misread, most_decoded, read_checked};
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
    /// What could not be asked, and files that are damaged or missing.
    pub errors: Vec<Trouble>,
    /// When the latest of it was collected.
    pub collected_at: Timestamp,
    /// Whether no file of all instances together is damaged or missing.
    pub is_whole: bool,
}

/// Where all that the bundles hold of one instance is.
#[derive(Debug)]
pub struct InstanceEvidence {
    /// What the inventory says.
    pub profile: InstanceProfile,
    /// What CloudWatch measured of it, and of the proxies that it stands behind.
    pub metrics: Measured,
    /// The digest of what the inventory says.
    digest: String,
    /// Whether what the inventory says, and what was measured, is what was written.
    is_verified: bool,
    /// Whether a file of its account and region is damaged or missing, or its collection has not ended: what is there may
    /// not be all.
    is_doubted: bool,
    parts: Vec<PathBuf>,
    /// Its parts that records list.
    listed: Vec<(PathBuf, String)>,
    scope: Scope,
}

/// What the bundles hold of the logs of one instance.
#[derive(Debug)]
pub struct Logs {
    /// The readings that count: one for each log.
    pub readings: Vec<Reading>,
    /// What could not be read of them at last.
    pub errors: Vec<Trouble>,
    /// Whether all files are what was written; nobody knows of those of older layouts.
    pub is_verified: bool,
    /// Where the facts of those readings are.
    places: Places,
}

/// By the file that holds facts, which of them count.
pub(super) type Places = BTreeMap<PathBuf, Place>;

/// What counts of a file of facts.
#[derive(Debug)]
pub(super) struct Place {
    /// ARN of the instance.
    arn: String,
    /// The digest that the file must have; none where nobody knows.
    digest: Option<String>,
    /// Logs, each with the source that it was read from.
    logs: BTreeMap<String, String>,
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
    let (mut fleets, mut metrics) = (Each::<Inventory>::default(), Each::<KeptMetrics>::default());
    let (mut listed, mut unlisted) = (Listed::default(), Vec::new());
    let mut parts = Parts::default();
    for path in paths {
        let bundle = Bundle::open(path)?;
        // Before what they list, which is written before them.
        let (records, broken) = bundle.records("")?;
        records.iter().for_each(|(_, record)| listed.add(record));
        unlisted.extend(broken);
        let (kept, broken) = bundle.fleets()?;
        fleets.0.extend(kept);
        fleets.1.extend(broken);
        parts.extend(bundle.parts()?);
        let (kept, broken) = bundle.metrics()?;
        metrics.0.extend(kept);
        metrics.1.extend(broken);
    }
    add_missing(&mut fleets, &mut metrics, &listed);
    let is_whole = fleets.1.is_empty() && metrics.1.is_empty() && unlisted.is_empty();
    let (fleets, unread, unmeasured) = match scope {
        Scope::All => {
            let (fleets, unread) = undoubted(fleets);
            (fleets, unread, troubles(&metrics.1))
        }
        // What was collected now does not stand in an older file.
        Scope::TakenAt(time) => {
            let fleets = fleets.0.into_iter().map(|(_, inventory)| inventory);
            (fleets.filter(|inventory| inventory.fleet().taken_at == time).collect(), Vec::new(), Vec::new())
        }
    };
    let Some(collected_at) = fleets.iter().map(|inventory| inventory.fleet().taken_at).max() else {
        if let Some(broken) = unread.first() {
            return Err(Error::new(ErrorKind::Integrity, broken.subject.clone(), broken.message.clone()));
        }
        let subject = paths.first().map_or_else(String::new, |path| path.display().to_string());
        return Err(Error::new(ErrorKind::NotFound, subject, "the bundle holds no inventory")
            .hint("`ssl-usage collect -o BUNDLE` fills it"));
    };
    let doubts: Vec<Trouble> = troubles(&unlisted).into_iter().chain(unmeasured).collect();
    let (found, mut errors) = current(fleets, &listed);
    let concerns = |trouble: &Trouble, profile: &InstanceProfile| {
        // Of whom a file is whose name does not say it, nobody knows.
        let is_it = |of: &Option<String>, it: &str| of.as_deref().is_none_or(|of| of == it);
        is_it(&trouble.account, &profile.account) && is_it(&trouble.region, &profile.region)
    };
    errors.extend(unread.into_iter().chain(doubts.iter().cloned()));
    let unfinished = found.iter().filter_map(|found| found.unfinished.clone()).collect::<BTreeSet<_>>();
    let is_whole = is_whole && unfinished.is_empty();
    errors.extend(unfinished);
    let mut measured = measured(metrics.0, scope, &mut errors);
    let evidence = |found: Found| {
        let Found { profile, digest, is_verified, unfinished } = found;
        let region = measured.get_mut(&place(Some(&profile.account), &profile.region));
        let (metrics, sound) =
            region.map(|(region, sound)| (region.take(&profile.arn, &profile.proxies), *sound)).unzip();
        let is_doubted = unfinished.is_some() || doubts.iter().any(|doubt| concerns(doubt, &profile));
        InstanceEvidence {
            parts: parts.of(&profile),
            listed: listed.of("parts", &plain(&[&profile.account, &profile.region, &profile.instance])).to_vec(),
            metrics: metrics.unwrap_or_default(),
            is_verified: is_verified && sound.unwrap_or(true),
            profile,
            digest,
            is_doubted,
            scope,
        }
    };
    let instances = found.into_iter().map(evidence).collect();
    errors.sort_unstable();
    errors.dedup();
    Ok(Evidence { instances, errors, collected_at, is_whole })
}

/// Adds what records list, and what is nowhere, to the files that cannot be read.
fn add_missing(fleets: &mut Each<Inventory>, metrics: &mut Each<KeptMetrics>, listed: &Listed) {
    let mut present = Present::default();
    fleets.0.iter().for_each(|(_, inventory)| present.add(&inventory.file));
    metrics.0.iter().for_each(|(_, kept)| present.add(&kept.file));
    let latest = latest_whole(fleets.0.iter().map(|(_, inventory)| inventory));
    let lost = |folder, broken: &[(PathBuf, Error)]| -> Vec<(PathBuf, Error)> {
        // One that is damaged is told of already.
        let is_told = |path| broken.iter().any(|(broken, _)| broken == path);
        let lost = listed.of(folder, "").iter().filter(|(path, digest)| !present.holds(digest) && !is_told(path));
        lost.map(|(path, _)| (path.clone(), missing(path))).collect()
    };
    let mut lost_fleets = lost("fleet", &fleets.1);
    lost_fleets.retain(|(path, _)| !is_made_up_for(path, &latest));
    fleets.1.extend(lost_fleets);
    metrics.1.extend(lost("metrics", &metrics.1));
}

/// The metrics of each account and region, by the beginning of their files' names, and whether all of them are what was
/// written; and of the latest collection of each what could not be asked.
fn measured(
    kept: Vec<(PathBuf, KeptMetrics)>,
    scope: Scope,
    errors: &mut Vec<Trouble>,
) -> BTreeMap<String, (Measured, bool)> {
    let place_of = |kept: &KeptMetrics| place(Some(&kept.file.held.account), &kept.file.held.region);
    let mut newest: BTreeMap<String, Timestamp> = BTreeMap::new();
    for (_, kept) in &kept {
        let at = kept.file.held.collected_at;
        let newest = newest.entry(place_of(kept)).or_insert(at);
        *newest = at.max(*newest);
    }
    let mut all: BTreeMap<String, (Measured, bool)> = BTreeMap::new();
    for (_, kept) in kept {
        let place = place_of(&kept);
        let newest = match scope {
            Scope::All => newest.get(&place).copied(),
            Scope::TakenAt(time) => Some(time),
        };
        let (measured, is_verified) = all.entry(place).or_insert_with(|| (Measured::default(), true));
        *is_verified &= kept.file.is_verified();
        measured.absorb(kept.measured);
        if newest == Some(kept.file.held.collected_at) {
            errors.extend(kept.file.held.errors);
        }
    }
    all
}

/// An instance of the latest inventories.
pub(super) struct Found {
    pub profile: InstanceProfile,
    /// The digest of what the inventory says of it.
    digest: String,
    /// Whether that is what was written.
    is_verified: bool,
    /// That the collection has not ended.
    unfinished: Option<Trouble>,
}

/// The instances that there are now, as the latest inventories show them, and what those could not ask. Of those that were
/// taken at one time, one whose collection has ended goes first.
pub(super) fn current(mut inventories: Vec<Inventory>, listed: &Listed) -> (Vec<Found>, Vec<Trouble>) {
    let has_ended = |inventory: &Inventory| inventory.file.seal.layout < SEALED || listed.holds(&inventory.file.digest);
    inventories.sort_by_cached_key(|inventory| {
        let fleet = inventory.fleet();
        (fleet.taken_at, fleet.instances.len(), has_ended(inventory))
    });
    let whole_at = whole_at(inventories.iter().map(Inventory::fleet));
    let mut found = BTreeMap::new();
    let mut errors = Vec::new();
    for inventory in inventories.into_iter().filter(|inventory| !is_past(inventory.fleet(), &whole_at)) {
        let (is_verified, unfinished) = (inventory.file.is_verified(), !has_ended(&inventory));
        let Inventory { file, mut profiles } = inventory;
        let unfinished = unfinished.then(|| {
            let message =
                format!("the collection of {} that began at {} has not ended", file.held.region, file.held.taken_at);
            let error = Error::new(ErrorKind::Truncated, file.path.display().to_string(), message)
                .hint("run `ssl-usage collect` again, which goes on from there");
            Trouble::from(&error).at(file.held.account.as_deref(), &file.held.region)
        });
        errors.extend(file.held.errors);
        found.extend(file.held.instances.into_iter().map(|profile| {
            let digest = profiles.remove(&profile.arn).unwrap_or_default();
            (profile.arn.clone(), Found { profile, digest, is_verified, unfinished: unfinished.clone() })
        }));
    }
    (found.into_values().collect(), errors)
}

/// When the latest whole inventory of each account and region was taken.
pub(super) type WholeAt = BTreeMap<(Option<String>, String), Timestamp>;

/// See [`WholeAt`].
pub(super) fn whole_at<'f>(fleets: impl Iterator<Item = &'f Fleet>) -> WholeAt {
    let mut latest = WholeAt::new();
    for fleet in fleets.filter(|fleet| fleet.whole) {
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
    /// Of each log the reading that shows most, the time of its collection, and the file of its facts.
    pub best: BTreeMap<String, (Reading, Timestamp, PathBuf)>,
    /// All that lack something.
    pub failed: Vec<(Reading, Timestamp)>,
    /// Where the facts of the parts are.
    places: Places,
}

impl Union {
    /// Of all readings of one log, that which shows most.
    ///
    /// A log grows, so that a later reading shows more; and a log that is written in two formats holds the same sessions in
    /// both, so that the form that shows more of them is the more complete one. TLS goes first: no reading hides what
    /// another has seen of it. Counts are never added over readings.
    ///
    /// # Errors
    ///
    /// When a part does not say what its facts must be.
    pub fn of(parts: Vec<Kept>) -> Result<Self> {
        let mut union = Self::default();
        for part in parts {
            let (arn, digest) = (part.head().arn.clone(), part.facts_digest()?.map(str::to_owned));
            let name = facts_of(part.name());
            union.places.insert(name.clone(), Place { arn, digest, logs: BTreeMap::new() });
            for (at, reading) in part.readings {
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
        for (log, (reading, _, name)) in union.best.iter().filter(|(_, (reading, ..))| reading.records > 0) {
            if let Some(place) = union.places.get_mut(name) {
                place.logs.insert(log.clone(), reading.source.clone());
            }
        }
        Ok(union)
    }

    /// Where the facts of the best readings are, and all other facts.
    pub fn places(&mut self) -> Places {
        std::mem::take(&mut self.places)
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
    /// When a file that may say something of it is damaged or missing.
    pub fn logs(&self) -> Result<Logs> {
        if self.is_doubted {
            let happened =
                "evidence of its account and region is damaged or missing, and may say otherwise than the rest";
            return Err(
                Error::new(ErrorKind::Integrity, self.profile.instance.clone(), happened).hint("see the other errors")
            );
        }
        let parts = read_parts(&self.parts, &self.profile.arn)?;
        let mut present = Present::default();
        parts.iter().for_each(|part| present.add(&part.file));
        let earlier = parts.iter().flat_map(|part| {
            part.file.seal.earlier.iter().map(|(name, digest)| (beside(part.name(), name), digest.clone()))
        });
        let earlier: Vec<_> = earlier.collect();
        if let Some(path) = present.lacks(self.listed.iter().chain(&earlier)) {
            return Err(missing(path));
        }
        // What was collected before the instance was made is of another that had its name, and so may a log of it have.
        let mut parts = since(parts, self.profile.created_at);
        let is_verified = self.is_verified && parts.iter().all(|part| part.file.is_verified());
        let newest = match self.scope {
            Scope::All => parts.iter().map(|part| part.head().collected_at).max(),
            Scope::TakenAt(time) => Some(time),
        };
        let latest = parts.iter().filter(|part| Some(part.head().collected_at) == newest);
        let mut errors: Vec<Trouble> = latest.flat_map(|part| part.head().errors.clone()).collect();
        errors.sort_unstable();
        // A listing that failed is made up for by every later one.
        for part in &mut parts {
            part.readings.retain(|(at, reading)| !reading.is_listing() || Some(micros(*at)) == newest.map(micros));
        }
        let mut union = Union::of(parts)?;
        let places = union.places();
        let readings = union.readings(self.profile.known_engine());
        // A collection that was broken off and taken up again may have read in the end what it could not at first.
        let whole = readings.iter().filter(|reading| reading.holes.is_empty());
        let whole: BTreeSet<String> =
            whole.map(|reading| format!("{} {}", self.profile.instance, reading.source)).collect();
        errors.retain(|error| !whole.contains(&error.subject));
        Ok(Logs { readings, errors, is_verified, places })
    }

    /// The digest of what counts of its evidence, in hexadecimal.
    ///
    /// # Errors
    ///
    /// When facts lack a column.
    pub fn digest(&self, logs: &Logs, facts: Option<&DataFrame>) -> Result<String> {
        digest::of_instance(&self.digest, &logs.readings, facts, &self.metrics).map_err(|error| {
            let happened = "the facts of this instance are not what a bundle holds";
            Error::new(ErrorKind::Format, self.profile.arn.clone(), happened).because(error)
        })
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

/// The facts that count in these places; none when there are none. Files of which nothing counts are checked all the same.
pub(super) fn facts(places: &Places) -> Result<Option<DataFrame>> {
    let mut tables = Vec::new();
    for (path, Place { arn, digest, logs }) in places {
        if logs.is_empty() && digest.is_none() {
            continue;
        }
        let bytes = read_checked(path, digest.as_deref())?;
        if logs.is_empty() {
            continue;
        }
        let most = most_decoded(bytes.len() as u64);
        let table = decode(path, bytes)?;
        let facts = range::facts(&table, arn, most).and_then(|()| of_logs(table, logs));
        tables.push(facts.map_err(|error| misread(path, error))?.lazy());
    }
    let Some(first) = places.keys().next().filter(|_| !tables.is_empty()) else { return Ok(None) };
    let whole = concat(tables, UnionArgs::default()).and_then(polars::prelude::LazyFrame::collect);
    whole.map(Some).map_err(|error: PolarsError| {
        let subject = first.display().to_string();
        Error::new(ErrorKind::Format, subject, "the facts of this instance do not fit together").because(error)
    })
}

/// The parts that were collected since an instance was made.
pub(super) fn since(mut parts: Vec<Kept>, made: Option<Timestamp>) -> Vec<Kept> {
    parts.retain(|part| made.is_none_or(|made| part.head().collected_at >= made));
    parts
}
