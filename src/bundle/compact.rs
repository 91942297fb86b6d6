//! Compaction: merges the parts of many collections, and drops what no report needs.
//!
//! What is new is on disk before what it stands for is removed, and what is there twice counts once: a bundle can be read at
//! every moment, and after a crash at any of them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::TryLockError;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use ssl_usage_parsers::Engine;

use super::atomic_file::{UNDER_WAY, open_lock, remove, sync};
use super::coverage::LogRead;
use super::current::{Latest, current};
use super::fact::{COLUMNS, table, with_logs};
use super::merge::{self, Union, since};
use super::metric::{MOST_ROWS, Measured, MetricPart};
use super::network::{FOLDER, KeptNetwork, NetworkPart};
use super::part::{Head, Kept, facts_of, plain, read_parts, readings_of, write};
use super::probe::{self, KeptProbe, ProbePart};
use super::record::{Listed, Present};
use super::seal::{Digests, Seal, Sealed};
use super::store::{Bundle, FOLDERS, KeptMetrics, LOCK, region_key, undoubted};
use super::table::can_be_read;
use crate::error::{Error, Result};
use crate::inventory::InstanceProfile;
use crate::problem::{Problem, distinct};

/// Age after which an unfinished file counts as left by a killed process.
const ABANDONED_AFTER: Duration = Duration::from_secs(24 * 3600);

impl Bundle {
    /// Merges the parts of every instance that has more than `most`, and the metrics of every region that has more; drops
    /// inventories that a later one stands for, and what killed processes left. No report changes. Where another process is
    /// at it, does nothing.
    ///
    /// Returns what could not be merged, and is left as it is.
    ///
    /// # Errors
    ///
    /// When the inventories cannot be read, or the lock cannot be had.
    pub fn compact(&self, most: usize) -> Result<Vec<Error>> {
        let path = self.path.join(LOCK);
        let lock = open_lock(&path)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(Vec::new()),
            Err(TryLockError::Error(error)) => return Err(Error::io(&path, error)),
        }
        // So that records list what earlier compactions made, and not what those merged.
        let regions = self.regions()?;
        regions.iter().try_for_each(|region_key| self.record(region_key, None))?;
        let parts = self.parts()?;
        // When an instance was made is known of those in the inventory alone.
        let current = current(undoubted(self.fleets()?).0, &self.listed()?);
        let profiles = current.found.iter().map(|found| &found.profile);
        let many = profiles.filter(|profile| parts.of(profile).len() > most);
        let merged: Vec<Result<()>> = many.map(|profile| self.merge_parts(profile, &parts.of(profile))).collect();
        let metrics = regions.iter().map(|region_key| self.merge_metrics(region_key, most));
        let networks = regions.iter().map(|region_key| self.merge_networks(region_key, most));
        let probes = regions.iter().map(|region_key| self.merge_probes(region_key, most));
        let merged: Vec<_> = merged
            .into_iter()
            .chain(metrics)
            .chain(networks)
            .chain(probes)
            .chain([self.drop_past(), self.drop_abandoned()])
            .collect();
        regions.iter().try_for_each(|region_key| self.record(region_key, None))?;
        Ok(merged.into_iter().filter_map(Result::err).collect())
    }

    /// What records list.
    fn listed(&self) -> Result<Listed> {
        let mut listed = Listed::default();
        self.records("")?.0.iter().for_each(|(_, record)| listed.add(record));
        Ok(listed)
    }

    /// The accounts and regions of the inventories, as names of files begin.
    fn regions(&self) -> Result<BTreeSet<String>> {
        let (inventories, _) = self.fleets()?;
        let fleets = inventories.iter().map(|(_, inventory)| inventory.fleet());
        Ok(fleets.map(|fleet| region_key(fleet.account.as_deref(), &fleet.region)).collect())
    }

    /// Merges the parts of an instance. What was collected before it was made is of another one, and stays as it is, and so
    /// does all where a file is damaged.
    fn merge_parts(&self, profile: &InstanceProfile, names: &[PathBuf]) -> Result<()> {
        let (_, parts) = since(read_parts(names, &profile.arn)?, profile.created_at);
        let Some(collected_at) = parts.iter().map(|part| part.head().collected_at).max().filter(|_| parts.len() > 1)
        else {
            return Ok(());
        };
        // Only the errors of the latest collection are reported.
        let latest = parts.iter().filter(|part| part.head().collected_at == collected_at);
        let head = Head {
            arn: profile.arn.clone(),
            account: profile.account.clone(),
            region: profile.region.clone(),
            instance: profile.instance.clone(),
            collected_at,
            errors: sorted(latest.flat_map(|part| part.head().errors.clone())),
            readings: None,
        };
        let mut union = Union::of(parts.clone())?;
        let facts = match merge::table(&union.fact_files())? {
            // What is larger stays in parts.
            Some(facts) if !can_be_read(&self.path, &facts, &COLUMNS)? => return Ok(()),
            Some(facts) => Ok(facts),
            None => table(&profile.arn, &[]).and_then(|facts| with_logs(facts, &BTreeMap::new())),
        };
        let seal = merged(parts.iter().map(|part| &part.file));
        let name = self.free_name("parts", &plain(&[&head.account, &head.region, &head.instance]), collected_at)?;
        write(&name.path, &head, seal, &needed(&parts, &union, profile.known_engine()), facts)?;
        let files = |part: &Kept| [part.name().to_owned(), readings_of(part.name()), facts_of(part.name())];
        self.replace("parts", parts.iter().flat_map(files))
    }

    /// Merges the metrics of an account and region of which there are more than `most`; where a file is damaged, none.
    fn merge_metrics(&self, region_key: &str, most: usize) -> Result<()> {
        let (kept, broken) = self.metrics_named(&format!("{region_key}."))?;
        if let Some((_, error)) = broken.into_iter().next() {
            return Err(error);
        }
        let kept: Vec<KeptMetrics> = kept.into_iter().map(|(_, kept)| kept).collect();
        let newest = kept.iter().map(|kept| &kept.file.held).max_by_key(|part| part.collected_at);
        // What is larger than one file holds stays in several.
        let rows: usize = kept.iter().map(|kept| kept.rows).sum();
        let Some(newest) = newest.filter(|_| kept.len() > most.max(rows.div_ceil(MOST_ROWS))) else { return Ok(()) };
        let (account, region, collected_at) = (newest.account.clone(), newest.region.clone(), newest.collected_at);
        let latest = kept.iter().filter(|kept| kept.file.held.collected_at == collected_at);
        let errors = sorted(latest.flat_map(|kept| kept.file.held.errors.clone()));
        let seal = merged(kept.iter().map(|kept| &kept.file));
        let names: Vec<PathBuf> = kept.iter().map(|kept| kept.file.path.clone()).collect();
        let mut all = Measured::default();
        kept.iter().try_for_each(|kept| kept.measured().map(|measured| all.join(measured)))?;
        self.put_metrics(&MetricPart { account, region, collected_at, errors }, all, seal)?;
        self.replace("metrics", names.into_iter().flat_map(|name| [name.clone(), name.with_extension("parquet")]))
    }

    /// Merges the network interfaces of an account and region of which there are more than `most`; where a file is damaged,
    /// none.
    fn merge_networks(&self, region_key: &str, most: usize) -> Result<()> {
        let (kept, broken) = self.networks_named(&format!("{region_key}."))?;
        if let Some((_, error)) = broken.into_iter().next() {
            return Err(error);
        }
        let kept: Vec<KeptNetwork> = kept.into_iter().map(|(_, kept)| kept).collect();
        let Some(newest) = kept.iter().map(|kept| kept.file.held.collected_at).max().filter(|_| kept.len() > most)
        else {
            return Ok(());
        };
        let seal = merged(kept.iter().map(|kept| &kept.file));
        let names: Vec<PathBuf> = kept.iter().map(|kept| kept.file.path.clone()).collect();
        let (latest, others): (Vec<_>, Vec<_>) =
            kept.into_iter().map(KeptNetwork::part).partition(|part| part.collected_at == newest);
        let errors = sorted(latest.iter().flat_map(|part| part.errors.clone()));
        let mut latest = latest.into_iter();
        let Some(mut all) = latest.next() else { return Ok(()) };
        for part in latest.chain(others) {
            all.network.absorb(part.network);
            all.unowned.extend(part.unowned);
        }
        let owned: BTreeSet<String> = all.network.sightings().map(|(_, address, _)| address.to_owned()).collect();
        all.unowned.retain(|address| !owned.contains(address));
        let pieces = NetworkPart { errors, ..all }.pieces();
        // What is larger than one file holds stays in several.
        if pieces.len() >= names.len() {
            return Ok(());
        }
        self.put_network(&pieces, &seal)?;
        self.replace(FOLDER, names.into_iter())
    }

    /// Merges the probes of an account and region of which there are more than `most`; where a file is damaged, none. What
    /// remains is what may count.
    fn merge_probes(&self, region_key: &str, most: usize) -> Result<()> {
        let (kept, broken) = self.probes_named(&format!("{region_key}."))?;
        if let Some((_, error)) = broken.into_iter().next() {
            return Err(error);
        }
        let kept: Vec<KeptProbe> = kept.into_iter().map(|(_, kept)| kept).collect();
        let newest = kept.iter().map(|kept| &kept.file.held).max_by_key(|part| part.probed_at);
        let Some(newest) = newest.filter(|_| kept.len() > most) else { return Ok(()) };
        let (account, region, probed_at) = (newest.account.clone(), newest.region.clone(), newest.probed_at);
        let seal = merged(kept.iter().map(|kept| &kept.file));
        let names: Vec<PathBuf> = kept.iter().map(|kept| kept.file.path.clone()).collect();
        let (mut rows, mut samples) = (Vec::new(), Vec::new());
        for kept in kept {
            rows.extend(kept.file.held.rows);
            samples.extend(kept.file.held.samples);
        }
        let rows = probe::needed(rows.into_iter()).into_iter().collect();
        let samples = probe::sampled(samples.into_iter()).into_values().collect();
        let part = ProbePart { account, region, probed_at, rows, samples };
        // What is larger than one file holds stays in several.
        if part.pieces().len() >= names.len() {
            return Ok(());
        }
        self.put_probe(&part, &seal)?;
        self.replace(probe::FOLDER, names.into_iter())
    }

    /// Drops inventories that a later one stands for.
    fn drop_past(&self) -> Result<()> {
        let (whole, _) = self.fleets()?;
        let listed = self.listed()?;
        let latest = Latest::new(whole.iter().map(|(_, inventory)| inventory), &listed);
        let (mut past, now): (Vec<_>, Vec<_>) = whole.iter().partition(|(_, inventory)| latest.is_past(inventory));
        let known = || now.iter().flat_map(|(_, inventory)| &inventory.fleet().instances);
        let clusters: BTreeSet<_> = known().filter_map(InstanceProfile::cluster_key).collect();
        let mut shown: BTreeSet<&str> = known().map(|profile| profile.arn.as_str()).collect();
        // The latest that shows a former member of a cluster stays: what the member showed still counts.
        past.sort_by_key(|(_, inventory)| Reverse(inventory.fleet().taken_at));
        past.retain(|(_, inventory)| {
            let is_member =
                |profile: &&InstanceProfile| profile.cluster_key().is_some_and(|key| clusters.contains(&key));
            let members = inventory.fleet().instances.iter().filter(is_member);
            members.filter(|profile| shown.insert(&profile.arn)).count() == 0
        });
        self.replace("fleet", past.into_iter().map(|(name, _)| name.clone()))
    }

    /// Drops what processes left that were killed while they wrote: files that are not whole, and tables without a `.json`.
    fn drop_abandoned(&self) -> Result<()> {
        let folders = FOLDERS.map(|folder| self.path.join(folder));
        for folder in folders.iter().filter(|folder| folder.exists()) {
            for entry in folder.read_dir().map_err(|error| Error::io(folder, error))? {
                let path = entry.map_err(|error| Error::io(folder, error))?.path();
                if counts_for_nothing(&path) && is_old(&path) {
                    remove(&path)?;
                }
            }
        }
        Ok(())
    }

    /// Removes files that others stand for. A `.json` comes before its tables: what has none is no part of the bundle.
    fn replace(&self, folder: &str, old: impl Iterator<Item = PathBuf>) -> Result<()> {
        // The new names must be on disk first.
        sync(&self.path.join(folder))?;
        old.into_iter().try_for_each(|file| remove(&file))
    }
}

/// What a file says of those that it was merged from. What those list, it stands for where they do; else it lists it too.
fn merged<'f, T: 'f>(files: impl Iterator<Item = &'f Sealed<T>> + Clone) -> Seal {
    let mut present = Present::default();
    files.clone().for_each(|file| present.add(file));
    let earlier = files.clone().flat_map(|file| file.seal.earlier.clone());
    let (known, earlier): (Digests, Digests) = earlier.partition(|(_, digest)| present.holds(digest));
    Seal {
        earlier,
        // One of them may be removed later than the one that it lists.
        merged: files.clone().map(Sealed::listed).chain(known).collect(),
        unverified: !files.clone().all(Sealed::is_verified),
        ..Seal::default()
    }
}

/// The log reads that a report or a collection may still look at: what shows most of a log, what lacks something, what shows
/// another part of it, and what tells that a file need not be read again. What is left out are earlier states of logs that grew.
fn needed(parts: &[Kept], union: &Union, engine: Option<&'static Engine>) -> Vec<(Timestamp, LogRead)> {
    let is_best = |at: Timestamp, reading: &LogRead| {
        union.best.get(&reading.log).is_some_and(|best| (&best.reading, best.at) == (reading, at))
    };
    let in_parts = union.logs_in_parts(engine);
    let all = parts.iter().flat_map(|part| &part.readings);
    let needed = all.filter(|(at, reading)| {
        reading.complete || !reading.gaps.is_empty() || is_best(*at, reading) || in_parts.contains(&reading.log)
    });
    let mut needed: Vec<_> = needed.cloned().collect();
    needed.sort_by(|(one_at, one), (other_at, other)| {
        (&one.log, &one.source, one_at).cmp(&(&other.log, &other.source, other_at))
    });
    needed.dedup();
    needed
}

/// Whether a file is none of the bundle's, or not whole.
fn counts_for_nothing(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let table = name.strip_suffix(".readings.parquet").or_else(|| name.strip_suffix(".parquet"));
    name.ends_with(UNDER_WAY) || table.is_some_and(|table| !path.with_file_name(format!("{table}.json")).exists())
}

/// Whether a file was not written for long; false where it is gone or its age is unknown.
fn is_old(path: &Path) -> bool {
    let written = path.metadata().and_then(|about| about.modified());
    written.ok().and_then(|written| written.elapsed().ok()).is_some_and(|age| age > ABANDONED_AFTER)
}

fn sorted(errors: impl Iterator<Item = Problem>) -> Vec<Problem> {
    let mut errors: Vec<Problem> = errors.collect();
    distinct(&mut errors);
    errors
}
