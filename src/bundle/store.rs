//! A bundle on disk: what is in it, and what is added.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::fact::{Key, Tallied};
use super::file::{misread, names, read_json, read_table, settled, under_way, write_json, write_table};
use super::metric::{Measured, MetricPart};
use super::part::{Part, Parts, plain};
use crate::error::{Error, ErrorKind, Result};
use crate::inventory::Fleet;
use crate::trouble::Trouble;

/// Version of the layout. A reader reads every minor version of its major one, for fields are added and never renamed, and
/// all major ones before it.
const MAJOR: u32 = 2;
const MINOR: u32 = 1;
const NAME: &str = "ssl-usage/bundle";
/// Whoever merges parts holds a lock on it.
pub(super) const LOCK: &str = "compact.lock";

#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    schema: String,
    major: u32,
    minor: u32,
    written_by: String,
}

/// A bundle on disk.
#[derive(Clone, Debug)]
pub struct Bundle {
    pub(super) path: PathBuf,
    /// Layout that it had when it was opened.
    major: u32,
}

impl Bundle {
    /// Opens a bundle to write into; makes it where nothing is yet.
    ///
    /// # Errors
    ///
    /// When the folder cannot be made, holds something else, or is of another version of the layout.
    pub fn create(path: &Path) -> Result<Self> {
        let written_by = concat!("ssl-usage ", env!("CARGO_PKG_VERSION")).to_owned();
        let manifest = Manifest { schema: NAME.to_owned(), major: MAJOR, minor: MINOR, written_by };
        if path.join("bundle.json").exists() {
            let bundle = Self::open(path)?;
            // What is added to it from now on no older version reads.
            if bundle.major < MAJOR {
                write_json(&path.join("bundle.json"), &manifest)?;
            }
            return Ok(bundle);
        }
        // One that was broken off while it was made is no obstacle, nor is one that another process makes.
        let is_own = |name: &std::ffi::OsStr| {
            ["fleet", "parts", "bundle.json.new", "bundle.json", LOCK].iter().any(|own| name == *own)
        };
        let is_foreign = |entry: std::io::Result<fs::DirEntry>| entry.is_ok_and(|entry| !is_own(&entry.file_name()));
        let occupied = path.read_dir().is_ok_and(|mut entries| entries.any(is_foreign));
        if occupied {
            return Err(Error::new(
                ErrorKind::Usage,
                path.display().to_string(),
                "this folder holds something that is not an evidence bundle",
            )
            .hint("name a new or empty folder"));
        }
        for folder in ["fleet", "parts"] {
            let folder = path.join(folder);
            fs::create_dir_all(&folder).map_err(|error| Error::io(&folder, error))?;
        }
        write_json(&path.join("bundle.json"), &manifest)?;
        Ok(Self { path: path.to_owned(), major: MAJOR })
    }

    /// Opens a bundle to read.
    ///
    /// # Errors
    ///
    /// When there is no bundle at `path`, or one of a newer layout.
    pub fn open(path: &Path) -> Result<Self> {
        let subject = || path.display().to_string();
        if !path.exists() {
            return Err(Error::new(ErrorKind::NotFound, subject(), "no such bundle")
                .hint("`ssl-usage collect -o BUNDLE` makes one"));
        }
        let manifest: Manifest = match read_json(&path.join("bundle.json")) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(Error::new(
                    ErrorKind::Format,
                    subject(),
                    "this is not an evidence bundle, for it has no bundle.json",
                )
                .hint("to read log files, use `ssl-usage scan`"));
            }
            other => other?,
        };
        if manifest.schema != NAME || manifest.major > MAJOR {
            return Err(Error::new(
                ErrorKind::Schema,
                subject(),
                format!("the bundle is of layout {}, and this version reads up to {MAJOR}", manifest.major),
            )
            .hint("use the version that wrote it, or a newer one"));
        }
        Ok(Self { path: path.to_owned(), major: manifest.major })
    }

    /// Adds an inventory.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn write_fleet(&self, fleet: &Fleet) -> Result<()> {
        let account = fleet.account.as_deref().unwrap_or(UNKNOWN);
        let name = self.free_name("fleet", &[account, &fleet.region], fleet.taken_at)?;
        write_json(&name, fleet)
    }

    /// Adds what kept a region from being asked. A later inventory of the account and region makes up for it.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn write_failure(&self, at: Timestamp, account: Option<&str>, region: &str, error: &Error) -> Result<()> {
        let (account, region) = (account.map(str::to_owned), region.to_owned());
        let errors = vec![Trouble::from(error)];
        self.write_fleet(&Fleet { taken_at: at, account, region, whole: false, instances: Vec::new(), errors })
    }

    /// Adds what was read of an instance.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn write_part(&self, part: &Part, facts: &[(Key, Tallied)]) -> Result<()> {
        let name = self.free_name("parts", &[&part.account, &part.region, &part.instance], part.collected_at)?;
        part.write(&name, facts)
    }

    /// Adds what was asked of a region's metrics. The values are written first: without its `.json` it does not exist.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn write_metrics(&self, part: &MetricPart, measured: &Measured) -> Result<()> {
        // A bundle that an older version made has no such folder.
        let folder = self.path.join("metrics");
        fs::create_dir_all(&folder).map_err(|error| Error::io(&folder, error))?;
        let name = self.free_name("metrics", &[&part.account, &part.region], part.collected_at)?;
        write_table(&name.with_extension("parquet"), measured.table())?;
        write_json(&name, part)
    }

    /// The inventories in the bundle, and the files that cannot be read.
    ///
    /// # Errors
    ///
    /// When the folder cannot be read.
    pub fn fleets(&self) -> Result<Each<Fleet>> {
        settled(|| each(names(&self.path.join("fleet"))?, read_json))
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
    pub fn metrics(&self) -> Result<Stored<(MetricPart, Measured)>> {
        self.metrics_named("")
    }

    /// What the bundle holds of an account's and region's metrics. What cannot be read of it is asked for again.
    ///
    /// # Errors
    ///
    /// When the folder cannot be read.
    pub fn measured(&self, account: &str, region: &str) -> Result<Measured> {
        let mut all = Measured::default();
        for (part, measured) in self.metrics_named(&format!("{}.", plain(&[account, region])))?.0 {
            if (part.account.as_str(), part.region.as_str()) == (account, region) {
                all.absorb(measured);
            }
        }
        Ok(all)
    }

    /// The metrics in files whose name begins so, and those of them that cannot be read.
    fn metrics_named(&self, begin: &str) -> Result<Stored<(MetricPart, Measured)>> {
        // A bundle that an older version made has no such folder.
        if !self.path.join("metrics").exists() {
            return Ok((Vec::new(), Vec::new()));
        }
        let is_meant = |name: &PathBuf| name.file_name().is_some_and(|name| name.to_string_lossy().starts_with(begin));
        let (whole, broken) = settled(|| {
            let mut meant = names(&self.path.join("metrics"))?;
            meant.retain(is_meant);
            each(meant, read_metrics)
        })?;
        Ok((whole.into_iter().map(|(_, metrics)| metrics).collect(), troubles(&broken)))
    }

    /// A file name made of `words` and a time that no file has yet, and that no other task or process takes meanwhile: the
    /// name that the file has until it is whole is there from now on.
    pub(super) fn free_name(&self, folder: &str, words: &[&str], at: Timestamp) -> Result<PathBuf> {
        let stem = format!("{}.{}", plain(words), at.strftime("%Y%m%dT%H%M%S%3fZ"));
        let mut number = 1;
        loop {
            let ending = if number == 1 { String::new() } else { format!("-{number}") };
            let path = self.path.join(folder).join(format!("{stem}{ending}.json"));
            number += 1;
            let temporary = under_way(&path);
            match File::create_new(&temporary) {
                // Whoever had it before may have given it its name in between.
                Ok(_) if path.exists() => {
                    fs::remove_file(&temporary).map_err(|error| Error::io(&temporary, error))?;
                }
                Ok(_) => return Ok(path),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(Error::io(&temporary, error)),
            }
        }
    }
}

/// What names of files have for an account that is not known.
const UNKNOWN: &str = "unknown";

/// What files of a bundle hold, and what cannot be read of them.
pub type Stored<T> = (Vec<T>, Vec<Trouble>);

/// What each of some files holds, and those that are not what was written.
pub type Each<T> = (Vec<(PathBuf, T)>, Vec<(PathBuf, Error)>);

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
/// is left out, in whatever bundle: what the file says of it is not known.
pub(super) fn undoubted((mut whole, broken): Each<Fleet>) -> Stored<Fleet> {
    let is_older = |name: &Path, broken: &Path| match (place_and_time(name), place_and_time(broken)) {
        (Some((place, time)), Some((of, until))) => place == of && time <= until,
        _ => false,
    };
    whole.retain(|(name, _)| !broken.iter().any(|(broken, _)| is_older(name, broken)));
    (whole.into_iter().map(|(_, fleet)| fleet).collect(), troubles(&broken))
}

/// The account and region in a file's name, and the time.
fn place_and_time(name: &Path) -> Option<(String, String)> {
    let words = words(name);
    let (place, time) = words.rsplit_once('.')?;
    Some((place.to_owned(), time.split('-').next()?.to_owned()))
}

/// The name of a file without `.json`.
fn words(name: &Path) -> String {
    name.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// Errors of files, with the account and region in their names.
fn troubles(broken: &[(PathBuf, Error)]) -> Vec<Trouble> {
    let trouble = |(name, error): &(PathBuf, Error)| {
        let (words, trouble) = (words(name), Trouble::from(error));
        match words.split('.').collect::<Vec<_>>().as_slice() {
            [account, region, _] => trouble.at(Some(*account).filter(|account| *account != UNKNOWN), region),
            _ => trouble,
        }
    };
    broken.iter().map(trouble).collect()
}

/// Reads what one collection, or many that were merged, asked of a region's metrics.
pub(super) fn read_metrics(name: &Path) -> Result<(MetricPart, Measured)> {
    let path = name.with_extension("parquet");
    let measured = Measured::read(&read_table(&path)?).map_err(|error| misread(&path, error))?;
    Ok((read_json(name)?, measured))
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
            errors: vec![Trouble {
                account: None,
                region: None,
                subject: number.to_string(),
                call: None,
                code: String::new(),
                message: String::new(),
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
                    (0..20).for_each(|number| bundle.write_part(&part(task * 100 + number), &[]).expect("written"))
                });
            }
        });
        let names = names(&folder.path().join("parts")).expect("names");
        let parts: Vec<Head> = names.iter().map(|name| read_json(name).expect("a part")).collect();
        let told: std::collections::BTreeSet<_> = parts.iter().map(|part| part.errors[0].subject.clone()).collect();
        assert_eq!((names.len(), told.len()), (160, 160));
        assert!(names.iter().all(|name| name.with_extension("parquet").exists()));
    }

    #[test]
    fn a_subject_of_any_length_and_a_bundle_half_made_can_be_written() {
        let folder = tempfile::TempDir::new().expect("a folder");
        fs::create_dir(folder.path().join("fleet")).expect("a folder");
        let bundle = Bundle::create(folder.path()).expect("a bundle that was broken off is made anew");
        let error = Error::new(ErrorKind::NotFound, "arn:aws:iam::1:role/".to_owned() + &"x".repeat(500), "gone");
        bundle.write_failure(Timestamp::UNIX_EPOCH, None, error.subject(), &error).expect("written");
        assert_eq!(bundle.fleets().expect("inventories").0[0].1.errors[0].subject, error.subject());
    }
}
