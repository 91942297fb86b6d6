//! The record of an account and region: all files that there were when a collection ended.
//!
//! A later record stands for earlier ones, and lists what they listed. What a record lists but does not exist any more is
//! missing: it was neither merged into another file nor made up for by a later inventory. An inventory that no record lists
//! is of a collection that has not ended.
//!
//! A collection begins with a record, too, which lists nothing. So an account and region with files and without a record has
//! lost it, and what else was there is unknown: the next record remembers that.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::atomic_file::{damaged, make_folder, remove, settled, sha256, sync};
use super::part::instance;
use super::seal::{self, Digests, Seal, Sealed, beside};
use super::store::{Bundle, Each, Inventory, each, in_name, region_key, region_key_and_time};
use super::{network, probe};
use crate::error::{Error, Result};
use crate::inventory::Fleet;

const FOLDER: &str = "collections";

/// What a record holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    /// Account; none where no instance shows it.
    pub account: Option<String>,
    pub region: String,
    /// When the latest collection that it lists was made.
    pub collected_at: Timestamp,
    /// The digests of the files, by name.
    pub files: Digests,
    /// Files that were there when their record was lost.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unrecorded: Digests,
}

/// Files that records list, each with its digest.
#[derive(Debug, Default)]
pub(super) struct Listed {
    digests: BTreeSet<String>,
    /// By the folder that they are in, and for parts by instance.
    files: BTreeMap<(String, String), Vec<(PathBuf, String)>>,
}

impl Listed {
    /// Adds what a record lists.
    pub fn add(&mut self, record: &Sealed<Record>) {
        for (name, digest) in &record.held.files {
            let path = beside(&record.path, name);
            let folder = name.split('/').next().unwrap_or_default();
            let of = if folder == "parts" { instance(&path) } else { String::new() };
            self.files.entry((folder.to_owned(), of)).or_default().push((path, digest.clone()));
            self.digests.insert(digest.clone());
        }
    }

    /// Whether a file with this digest is listed.
    pub fn holds(&self, digest: &str) -> bool {
        self.digests.contains(digest)
    }

    /// What is listed of a folder; of parts, those of one instance.
    pub fn of(&self, folder: &str, instance: &str) -> &[(PathBuf, String)] {
        self.files.get(&(folder.to_owned(), instance.to_owned())).map(Vec::as_slice).unwrap_or_default()
    }
}

/// Files that are there, or that others were merged into.
#[derive(Debug, Default)]
pub(super) struct Present(BTreeSet<String>);

impl Present {
    /// Adds a file.
    pub fn add<T>(&mut self, file: &Sealed<T>) {
        self.0.insert(file.digest.clone());
        self.0.extend(file.seal.merged.values().cloned());
    }

    /// Whether a file with this digest is among them.
    pub fn holds(&self, digest: &str) -> bool {
        self.0.contains(digest)
    }

    /// The first file of some that is not.
    pub fn lacks<'l>(&self, mut listed: impl Iterator<Item = &'l (PathBuf, String)>) -> Option<&'l Path> {
        listed.find(|(_, digest)| !self.holds(digest)).map(|(path, _)| path.as_path())
    }
}

/// The files of some records that were there when their record was lost, and that none lists which was written before. A
/// record that is restored lists them.
fn unrecorded<'r>(records: impl Iterator<Item = &'r Record> + Clone) -> Digests {
    let lists = |record: &'r Record| {
        let known = move |digest: &&String| !record.unrecorded.values().any(|lost| lost == *digest);
        record.files.values().filter(known)
    };
    let recorded: BTreeSet<&String> = records.clone().flat_map(lists).collect();
    let all = records.flat_map(|record| record.unrecorded.clone());
    all.filter(|(_, digest)| !recorded.contains(digest)).collect()
}

/// The records that remember that an earlier one was lost.
pub(super) fn lost(records: &[Sealed<Record>]) -> Vec<(PathBuf, Error)> {
    let unrecorded = unrecorded(records.iter().map(|record| &record.held));
    let remembers = |record: &&Sealed<Record>| record.held.unrecorded.keys().any(|name| unrecorded.contains_key(name));
    let what = "an earlier record was missing when this one was written, so other evidence may be missing too";
    records.iter().filter(remembers).map(|record| (record.path.clone(), damaged(&record.path, what))).collect()
}

/// That a file is gone that others list.
pub(super) fn missing(path: &Path) -> Error {
    let what = "the file is missing, but other files of the bundle list it";
    damaged(path, what)
}

/// By account and region in names of files, the time of the latest inventory that shows all instances.
pub(super) fn latest_whole<'i>(inventories: impl Iterator<Item = &'i Inventory>) -> BTreeMap<String, String> {
    let mut latest: BTreeMap<String, String> = BTreeMap::new();
    for inventory in inventories.filter(|inventory| inventory.fleet().whole) {
        if let Some((region_key, time)) = region_key_and_time(&inventory.file.path) {
            let known = latest.entry(region_key).or_default();
            *known = time.max(std::mem::take(known));
        }
    }
    latest
}

/// Whether a later inventory stands for the one that had this name.
pub(super) fn is_made_up_for(path: &Path, latest: &BTreeMap<String, String>) -> bool {
    region_key_and_time(path)
        .is_some_and(|(region_key, time)| latest.get(&region_key).is_some_and(|latest| time < *latest))
}

impl Bundle {
    /// Records that a collection of an account and region begins, where it has no record; then with the files that are there.
    ///
    /// # Errors
    ///
    /// When the files cannot be read, or the record cannot be written.
    pub fn begin(&self, fleet: &Fleet) -> Result<()> {
        let region_key = region_key(fleet.account.as_deref(), &fleet.region);
        let begin = format!("{region_key}.");
        let is_recorded = || self.named(FOLDER, &begin).map(|records| !records.is_empty());
        if is_recorded()? {
            return Ok(());
        }
        let mut unrecorded = Digests::new();
        for folder in ["fleet", "parts", "metrics", probe::FOLDER] {
            let files = settled(|| each(self.named(folder, &begin)?, Sealed::<IgnoredAny>::read))?.0;
            unrecorded.extend(files.iter().filter(|(_, file)| file.is_verified()).map(|(_, file)| file.listed()));
        }
        // Files come after a record: another collection may have begun meanwhile.
        if is_recorded()? {
            return Ok(());
        }
        let (account, region) = (fleet.account.clone(), fleet.region.clone());
        let record = Record { account, region, collected_at: fleet.taken_at, files: Digests::new(), unrecorded };
        seal::write(&self.record_path(&region_key, &record)?, Seal::default(), &record).map(drop)
    }

    /// Records that a collection of an account and region has ended; `inventory` is that of the collection, as
    /// [`write_fleet`](Self::write_fleet) returned it.
    ///
    /// # Errors
    ///
    /// When the files cannot be read, or the record cannot be written.
    pub fn finish(&self, fleet: &Fleet, inventory: (String, String)) -> Result<()> {
        let record = Record {
            account: fleet.account.clone(),
            region: fleet.region.clone(),
            collected_at: fleet.taken_at,
            files: [inventory].into(),
            unrecorded: Digests::new(),
        };
        self.record(&region_key(fleet.account.as_deref(), &fleet.region), Some(record))
    }

    /// The records, and the files that cannot be read.
    pub(super) fn records(&self, region_key: &str) -> Result<Each<Sealed<Record>>> {
        settled(|| each(self.named(FOLDER, region_key)?, Sealed::read_sealed))
    }

    /// Lists anew the files of an account and region; of a collection that has ended, with its inventory. One without a record
    /// gets none otherwise.
    pub(super) fn record(&self, region_key: &str, ended: Option<Record>) -> Result<()> {
        let begin = format!("{region_key}.");
        // One that cannot be read stays, and is reported.
        let (old, _) = self.records(&begin)?;
        let all = old.iter().map(|(_, record)| &record.held).chain(&ended);
        let Some(newest) = all.clone().max_by_key(|record| record.collected_at).cloned() else { return Ok(()) };
        let listed: Vec<(String, String)> = all.clone().flat_map(|record| record.files.clone()).collect();
        let is_listed = |digest: &String| listed.iter().any(|(_, listed)| listed == digest);
        let (mut present, mut files) = (Present::default(), Digests::new());
        for folder in ["parts", "metrics", network::FOLDER, probe::FOLDER] {
            let read = |path: &Path| Sealed::<IgnoredAny>::read(path);
            for (_, file) in settled(|| each(self.named(folder, &begin)?, read))?.0 {
                present.add(&file);
                files.extend([file.listed()]);
            }
        }
        let fleets = settled(|| each(self.named("fleet", &begin)?, Inventory::read))?.0;
        // Others may be of collections that have not ended.
        for (_, inventory) in fleets.iter().filter(|(_, inventory)| is_listed(&inventory.file.digest)) {
            present.add(&inventory.file);
            files.extend([inventory.file.listed()]);
        }
        let recorded = fleets.iter().map(|(_, inventory)| inventory);
        let latest = latest_whole(recorded.filter(|inventory| is_listed(&inventory.file.digest)));
        // What is missing stays listed.
        let is_missing = |(name, digest): &(String, String)| {
            let is_past = name.starts_with("fleet/") && is_made_up_for(Path::new(name), &latest);
            !present.holds(digest) && !is_past
        };
        files.extend(listed.iter().filter(|listed| is_missing(listed)).cloned());
        let record = Record { files, unrecorded: unrecorded(all), ..newest };
        if let [(_, only)] = old.as_slice()
            && only.held == record
        {
            return Ok(());
        }
        let new = self.record_path(region_key, &record)?;
        seal::write(&new, Seal::default(), &record)?;
        sync(&self.path.join(FOLDER))?;
        old.iter().filter(|(path, _)| *path != new).try_for_each(|(path, _)| remove(path))
    }

    /// The path of a record, with a part of the digest of its content. Another process may remove a record that it has
    /// replaced, and must not find another one under that name.
    fn record_path(&self, region_key: &str, record: &Record) -> Result<PathBuf> {
        let folder = self.path.join(FOLDER);
        // A bundle that an older version made may not have it.
        make_folder(&folder)?;
        let content = serde_json::to_vec(record).map_err(|error| Error::io(&folder, io::Error::other(error)))?;
        let digest = sha256(&content);
        let part = digest.get(..16).unwrap_or_default();
        Ok(folder.join(format!("{region_key}.{}-{part}.json", in_name(record.collected_at))))
    }
}
