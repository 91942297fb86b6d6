//! A bundle on disk: reading and adding files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use polars::prelude::PolarsResult;
use serde::{Deserialize, Serialize};

use super::atomic_file::{Reserved, damaged, make_bundle, make_folder, names, read_bytes, remove, settled, word_of};
use super::canonical::Profiles;
use super::fact::{Key, Tallied};
use super::fact_file::ColumnReader;
use super::metric::{self, Measured, MetricPart};
use super::part::{Part, Parts, plain};
use super::range;
use super::seal::{self, Digests, MOST_JSON, SEALED, Seal, Sealed};
use super::table::{Table, misread, read_checked, write_table};
use crate::error::{Error, ErrorKind, Result};
use crate::inventory::{Fleet, LeftOut};
use crate::problem::Problem;

/// Version of the format. A reader reads every minor version of its major one, for fields are added and never renamed, and
/// all major ones before it.
const MAJOR: u32 = SEALED;
const MINOR: u32 = 3;
const NAME: &str = "ssl-usage/bundle";
/// The file that makes a folder a bundle.
pub(super) const BUNDLE: &str = "bundle.json";
/// The process that merges parts holds a lock on it.
pub(super) const LOCK: &str = "compact.lock";
/// Where the files of a bundle are.
pub(super) const FOLDERS: [&str; 6] =
    ["fleet", "parts", "metrics", super::network::FOLDER, super::probe::FOLDER, "collections"];

#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    schema: String,
    major: u32,
    minor: u32,
    written_by: String,
}

/// An inventory, with its name in the bundle and its digest.
pub type ListedFleet = (Fleet, (String, String));

/// A bundle on disk.
#[derive(Clone, Debug)]
pub struct Bundle {
    pub(super) path: PathBuf,
    /// Format that it had when it was opened.
    major: u32,
}

impl Bundle {
    /// Opens a bundle to write into; creates it where there is none. Only its owner may read a new one.
    ///
    /// # Errors
    ///
    /// When the folder cannot be made, holds something else, or is of another version of the format.
    pub fn create(path: &Path) -> Result<Self> {
        let written_by = concat!("ssl-usage ", env!("CARGO_PKG_VERSION")).to_owned();
        let manifest = Manifest { schema: NAME.to_owned(), major: MAJOR, minor: MINOR, written_by };
        let file = path.join(BUNDLE);
        if file.exists() {
            let bundle = Self::open(path)?;
            // What is added to it from now on no older version reads.
            if bundle.major < MAJOR {
                seal::write(&file, Seal::default(), &manifest)?;
            }
            return Ok(bundle);
        }
        if path.exists() && !path.is_dir() {
            return Err(Error::new(ErrorKind::Usage, path.display().to_string(), "it is a file, not a folder")
                .hint("give the name of a folder"));
        }
        // One that was broken off while it was made is no obstacle, nor is one that another process makes.
        let is_own = |name: &str| FOLDERS.contains(&name) || name == LOCK || name.starts_with(BUNDLE);
        let mut entries = path.read_dir().into_iter().flatten().flatten();
        let occupied = entries.any(|entry| !is_own(&entry.file_name().to_string_lossy()));
        if occupied && !file.exists() {
            return Err(Error::new(
                ErrorKind::Usage,
                path.display().to_string(),
                "the folder contains files that do not belong to an evidence bundle",
            )
            .hint("choose a new or empty folder"));
        }
        make_bundle(path)?;
        FOLDERS.iter().try_for_each(|folder| make_folder(&path.join(folder)))?;
        seal::write(&file, Seal::default(), &manifest)?;
        Ok(Self { path: path.to_owned(), major: MAJOR })
    }

    /// Opens a bundle to read.
    ///
    /// # Errors
    ///
    /// When there is no bundle at `path`, or one that is damaged or of a newer format.
    pub fn open(path: &Path) -> Result<Self> {
        let subject = || path.display().to_string();
        if !path.exists() {
            return Err(Error::new(ErrorKind::NotFound, subject(), "no such bundle")
                .hint("create one with `ssl-usage collect -o BUNDLE`"));
        }
        if !path.is_dir() {
            return Err(Error::new(ErrorKind::Format, subject(), "it is a file, not an evidence bundle (a folder)")
                .hint("to read log files, use `ssl-usage scan`"));
        }
        let manifest = match Sealed::<Manifest>::read(&path.join(BUNDLE)) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(Error::new(
                    ErrorKind::Format,
                    subject(),
                    "it is not an evidence bundle, because it has no bundle.json",
                )
                .hint("to read log files, use `ssl-usage scan`"));
            }
            other => other?.held,
        };
        if manifest.schema != NAME || manifest.major > MAJOR {
            return Err(Error::new(
                ErrorKind::Schema,
                subject(),
                format!("bundle format {} is newer than this version supports ({MAJOR})", manifest.major),
            )
            .hint("use the version that wrote the bundle, or a newer one"));
        }
        Ok(Self { path: path.to_owned(), major: manifest.major })
    }

    /// Adds an inventory; returns its name in the bundle, and its digest.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn write_fleet(&self, fleet: &Fleet) -> Result<(String, String)> {
        self.begin(fleet)?;
        let name = self.free_name("fleet", &region_key(fleet.account.as_deref(), &fleet.region), fleet.taken_at)?;
        seal::write(&name.path, Seal::default(), fleet)
    }

    /// Adds what kept a region from being asked. A later inventory of the account and region makes up for it.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn write_failure(&self, at: Timestamp, account: Option<&str>, region: &str, error: &Error) -> Result<()> {
        let (account, region) = (account.map(str::to_owned), region.to_owned());
        let errors = vec![Problem::from(error)];
        let (caller, instances, left_out) = (None, Vec::new(), LeftOut::default());
        let fleet = Fleet { taken_at: at, account, region, caller, whole: false, instances, errors, left_out };
        self.write_fleet(&fleet).map(drop)
    }

    /// Adds what was read of an instance; `earlier` are parts of it that are there. Returns its name in the bundle, and its
    /// digest.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn write_part(&self, part: &Part, facts: &[(Key, Tallied)], earlier: &Digests) -> Result<(String, String)> {
        let words = plain(&[&part.account, &part.region, &part.instance]);
        let name = self.free_name("parts", &words, part.collected_at)?;
        part.write(&name.path, facts, earlier.clone())
    }

    /// The same, under a name that says what was read: a task that is run again adds nothing. Returns none if it is there.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn write_part_once(&self, part: &Part, facts: &[(Key, Tallied)]) -> Result<Option<(String, String)>> {
        let words = plain(&[&part.account, &part.region, &part.instance]);
        let stem = format!("{words}.{}-{}", in_name(part.collected_at), part.digest(facts));
        let folder = self.path.join("parts");
        for number in 1_u64.. {
            let ending = if number == 1 { String::new() } else { format!("-{number}") };
            let path = folder.join(format!("{stem}{ending}.json"));
            if path.exists() {
                break;
            }
            // A process that was killed may have left its sign.
            if let Some(name) = Reserved::new(path)? {
                return part.write(&name.path, facts, Digests::default()).map(Some);
            }
        }
        Ok(None)
    }

    /// Adds what was asked of a region's metrics.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn write_metrics(&self, part: &MetricPart, measured: Measured) -> Result<()> {
        self.put_metrics(part, measured, Seal::default())
    }

    /// The same, with what its files say of others.
    pub(super) fn put_metrics(&self, part: &MetricPart, measured: Measured, seal: Seal) -> Result<()> {
        measured.pieces().iter().try_for_each(|piece| self.put_piece(part, piece, seal.clone()))
    }

    /// Writes one file of metrics. The values are written first: without its `.json` it does not exist.
    fn put_piece(&self, part: &MetricPart, measured: &Measured, mut seal: Seal) -> Result<()> {
        let name = self.free_name("metrics", &plain(&[&part.account, &part.region]), part.collected_at)?;
        let table = name.path.with_extension(VALUES);
        let written = write_table(&table, measured.table()).and_then(|digest| {
            seal.tables = [(VALUES.to_owned(), digest)].into();
            seal::write(&name.path, seal, part)
        });
        if written.is_err() {
            let _ = remove(&table);
        }
        written.map(drop)
    }

    /// The inventories in the bundle, and the files that cannot be read.
    ///
    /// # Errors
    ///
    /// When the folder cannot be read.
    pub(super) fn fleets(&self) -> Result<Each<Inventory>> {
        settled(|| each(names(&self.path.join("fleet"))?, Inventory::read))
    }

    /// Copies it to where nothing is yet. Nothing is there if that fails.
    ///
    /// # Errors
    ///
    /// When a file cannot be read or written.
    pub fn copy_to(&self, path: &Path) -> Result<()> {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        std::fs::create_dir_all(parent).map_err(|error| Error::io(parent, error))?;
        let made = tempfile::Builder::new().prefix(".bundle-").tempdir_in(parent);
        let made = made.map_err(|error| Error::io(parent, error))?;
        let copy = |from: &Path, to: &Path| std::fs::copy(from, to).map(drop).map_err(|error| Error::io(from, error));
        copy(&self.path.join(BUNDLE), &made.path().join(BUNDLE))?;
        for folder in FOLDERS {
            let (from, to) = (self.path.join(folder), made.path().join(folder));
            make_folder(&to)?;
            if !from.is_dir() {
                continue;
            }
            for entry in from.read_dir().map_err(|error| Error::io(&from, error))? {
                let entry = entry.map_err(|error| Error::io(&from, error))?;
                copy(&entry.path(), &to.join(entry.file_name()))?;
            }
        }
        std::fs::rename(made.path(), path).map_err(|error| Error::io(path, error))?;
        // It has its name now, and stays.
        let _ = made.keep();
        Ok(())
    }

    /// The latest inventory of each account and region, with its name in the bundle and its digest, and what cannot be read. One
    /// that lists all instances comes before others.
    ///
    /// # Errors
    ///
    /// When the folder cannot be read.
    pub fn inventories(&self) -> Result<(Vec<ListedFleet>, Vec<Problem>)> {
        let (all, failed) = self.fleets()?;
        let mut latest: BTreeMap<String, Inventory> = BTreeMap::new();
        for (_, inventory) in all {
            let rank = |inventory: &Inventory| (inventory.fleet().whole, inventory.fleet().taken_at);
            let key = region_key(inventory.fleet().account.as_deref(), &inventory.fleet().region);
            if latest.get(&key).is_none_or(|known| rank(known) < rank(&inventory)) {
                latest.insert(key, inventory);
            }
        }
        let listed = latest.into_values().map(|inventory| (inventory.file.held.clone(), inventory.file.listed()));
        Ok((listed.collect(), problems(&failed)))
    }

    /// The parts in the bundle, by instance.
    ///
    /// # Errors
    ///
    /// When the folder cannot be read.
    pub fn parts(&self) -> Result<Parts> {
        Parts::in_folder(&self.path.join("parts"))
    }

    /// The metrics in the bundle, and the files that cannot be read.
    ///
    /// # Errors
    ///
    /// When the folder cannot be read.
    pub(super) fn metrics(&self) -> Result<Each<KeptMetrics>> {
        self.metrics_named("")
    }

    /// What the bundle holds of an account's and region's metrics. What cannot be read of it is asked for again.
    ///
    /// # Errors
    ///
    /// When the folder cannot be read.
    pub fn measured(&self, account: &str, region: &str) -> Result<Measured> {
        let mut all = Measured::default();
        for (_, kept) in self.metrics_named(&format!("{}.", plain(&[account, region])))?.0 {
            all.join(kept.measured()?);
        }
        Ok(all)
    }

    /// The metrics in files whose name begins so, and those of them that cannot be read.
    pub(super) fn metrics_named(&self, begin: &str) -> Result<Each<KeptMetrics>> {
        settled(|| each(self.named("metrics", begin)?, KeptMetrics::read))
    }

    /// The `.json` files of a folder whose name begins so.
    pub(super) fn named(&self, folder: &str, begin: &str) -> Result<Vec<PathBuf>> {
        let mut names = names(&self.path.join(folder))?;
        names.retain(|name| name.file_name().is_some_and(|name| name.to_string_lossy().starts_with(begin)));
        Ok(names)
    }

    /// A file name made of `words` and a time that no file has yet, and that no other task or process takes meanwhile.
    pub(super) fn free_name(&self, folder: &str, words: &str, at: Timestamp) -> Result<Reserved> {
        let folder = self.path.join(folder);
        // A bundle that an older version made has not all of them.
        make_folder(&folder)?;
        // Another copy may choose a name at the same time.
        let of_copy = word_of(&self.path).map_or_else(String::new, |word| format!("-{word}"));
        let stem = format!("{words}.{}{of_copy}", in_name(at));
        let mut number = 1;
        loop {
            let ending = if number == 1 { String::new() } else { format!("-{number}") };
            if let Some(name) = Reserved::new(folder.join(format!("{stem}{ending}.json")))? {
                return Ok(name);
            }
            number += 1;
        }
    }
}

/// How names of the tables of metrics end.
const VALUES: &str = "parquet";

/// An inventory as it is kept.
#[derive(Clone, Debug)]
pub(super) struct Inventory {
    pub file: Sealed<Fleet>,
    /// The digest of what it says of each instance, by ARN.
    pub profiles: BTreeMap<String, String>,
}

impl Inventory {
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = read_bytes(path, MOST_JSON)?;
        let file = Sealed::<Fleet>::of(path, &bytes)?;
        let named = region_key_and_time(path)
            .is_some_and(|(of, _)| of == region_key(file.held.account.as_deref(), &file.held.region));
        if !named {
            return Err(damaged(path, "the content belongs to another account or region than the file name says"));
        }
        range::time(file.held.taken_at).map_err(|what| damaged(path, what))?;
        let digests = seal::json::<Profiles>(path, &bytes)?.digests();
        let arns = file.held.instances.iter().map(|profile| profile.arn.clone());
        Ok(Self { profiles: arns.zip(digests).collect(), file })
    }

    pub fn fleet(&self) -> &Fleet {
        &self.file.held
    }
}

/// Metrics as they are kept: of one collection, or of many that were merged. They are checked, and decoded when they are
/// needed: a fleet's fill much memory.
#[derive(Clone, Debug)]
pub(super) struct KeptMetrics {
    pub file: Sealed<MetricPart>,
    /// The bytes of the table.
    pub table: Vec<u8>,
    /// How many values it has.
    pub rows: usize,
}

impl KeptMetrics {
    fn read(name: &Path) -> Result<Self> {
        let file = Sealed::<MetricPart>::read(name)?;
        let part = &file.held;
        if region_key_and_time(name).is_none_or(|(of, _)| of != plain(&[&part.account, &part.region])) {
            return Err(damaged(name, "the content belongs to another account or region than the file name says"));
        }
        range::time(part.collected_at).map_err(|what| damaged(name, what))?;
        let path = name.with_extension(VALUES);
        let table = read_checked(&path, file.table(VALUES)?)?;
        let rows = read_values(&path, &table, Measured::check)?;
        Ok(Self { file, table, rows })
    }

    /// The values.
    pub fn measured(&self) -> Result<Measured> {
        let path = self.file.path.with_extension(VALUES);
        read_values(&path, &self.table, Measured::read)
    }
}

/// Reads the columns of a table of metrics from the bytes of its file.
fn read_values<T>(path: &Path, bytes: &[u8], read: impl FnOnce(ColumnReader<'_>) -> PolarsResult<T>) -> Result<T> {
    let table = Table::of(path, bytes, &metric::COLUMNS)?;
    read(&|name| table.column(name)).map_err(|error| misread(path, error))
}

/// A time as names of files have it.
pub(super) fn in_name(at: Timestamp) -> String {
    at.strftime("%Y%m%dT%H%M%S%3fZ").to_string()
}

/// The prefix of the names of files that belong to an account and region.
pub(super) fn region_key(account: Option<&str>, region: &str) -> String {
    plain(&[account.unwrap_or(UNKNOWN), region])
}

/// What names of files have for an account that is unknown.
const UNKNOWN: &str = "unknown";

/// What each of some files holds, and those that are not what was written.
pub(super) type Each<T> = (Vec<(PathBuf, T)>, Vec<(PathBuf, Error)>);

/// Reads some files. One that is gone is an error, for it was merged into another meanwhile; one whose table alone is gone
/// is not whole.
pub(super) fn each<T>(names: Vec<PathBuf>, read: impl Fn(&Path) -> Result<T>) -> Result<Each<T>> {
    let (mut whole, mut broken) = (Vec::new(), Vec::new());
    for name in names {
        match read(&name) {
            Ok(made) => whole.push((name, made)),
            Err(error) if error.kind() == ErrorKind::NotFound && !name.exists() => return Err(error),
            Err(error) => broken.push((name, error)),
        }
    }
    Ok((whole, broken))
}

/// The inventories that count, and the files that cannot be read. What of an account and region is no newer than such a file
/// is left out, in whatever bundle: what the file says of it is unknown.
pub(super) fn undoubted((mut whole, broken): Each<Inventory>) -> (Vec<Inventory>, Vec<Problem>) {
    let is_older = |name: &Path, broken: &Path| match (region_key_and_time(name), region_key_and_time(broken)) {
        (Some((region_key, time)), Some((of, until))) => region_key == of && time <= until,
        _ => false,
    };
    whole.retain(|(name, _)| !broken.iter().any(|(broken, _)| is_older(name, broken)));
    (whole.into_iter().map(|(_, inventory)| inventory).collect(), problems(&broken))
}

/// The account and region in a file's name, and the time.
pub(super) fn region_key_and_time(name: &Path) -> Option<(String, String)> {
    let words = words(name);
    let (region_key, time) = words.rsplit_once('.')?;
    Some((region_key.to_owned(), time.split('-').next()?.to_owned()))
}

/// The name of a file without `.json`.
fn words(name: &Path) -> String {
    name.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// Errors of files, with the account and region in their names.
pub(super) fn problems(broken: &[(PathBuf, Error)]) -> Vec<Problem> {
    let problem = |(name, error): &(PathBuf, Error)| {
        let (words, problem) = (words(name), Problem::from(error));
        match words.split('.').collect::<Vec<_>>().as_slice() {
            [account, region, _] => problem.at(Some(*account).filter(|account| *account != UNKNOWN), region),
            _ => problem,
        }
    };
    broken.iter().map(problem).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::part::Head;

    fn part(number: u64) -> Part {
        Part {
            arn: "arn:aws:rds:eu-west-1:123456789012:db:orders".to_owned(),
            account: "123456789012".to_owned(),
            region: "eu-west-1".to_owned(),
            instance: "orders".to_owned(),
            collected_at: Timestamp::from_second(1_795_392_000).expect("in range"),
            readings: Vec::new(),
            errors: vec![Problem {
                account: None,
                region: None,
                subject: number.to_string(),
                call: None,
                code: String::new(),
                message: String::new(),
                aws_message: None,
                request_id: None,
            }],
        }
    }

    #[test]
    fn what_many_write_at_the_same_time_is_all_there() {
        let folder = tempfile::TempDir::new().expect("a folder");
        let bundle = Bundle::create(folder.path()).expect("a bundle");
        std::thread::scope(|scope| {
            for task in 0..8 {
                let bundle = &bundle;
                scope.spawn(move || {
                    (0..20).for_each(|number| {
                        drop(bundle.write_part(&part(task * 100 + number), &[], &Digests::new()).expect("written"))
                    })
                });
            }
        });
        let names = names(&folder.path().join("parts")).expect("names");
        let parts: Vec<_> = names.iter().map(|name| Sealed::<Head>::read(name).expect("a part").held).collect();
        let told: std::collections::BTreeSet<_> = parts.iter().map(|part| part.errors[0].subject.clone()).collect();
        assert_eq!((names.len(), told.len()), (160, 160));
        assert!(names.iter().all(|name| name.with_extension("parquet").exists()));
    }

    #[test]
    fn a_subject_of_any_length_and_a_bundle_half_made_can_be_written() {
        let folder = tempfile::TempDir::new().expect("a folder");
        std::fs::create_dir(folder.path().join("fleet")).expect("a folder");
        let bundle = Bundle::create(folder.path()).expect("a bundle that was broken off is made anew");
        let error = Error::new(ErrorKind::NotFound, "arn:aws:iam::1:role/".to_owned() + &"x".repeat(500), "gone");
        bundle.write_failure(Timestamp::UNIX_EPOCH, None, error.subject(), &error).expect("written");
        assert_eq!(bundle.fleets().expect("inventories").0[0].1.fleet().errors[0].subject, error.subject());
    }
}
