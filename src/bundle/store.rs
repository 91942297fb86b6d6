//! A bundle's files: written once, under another name first.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use polars::prelude::{DataFrame, ParquetReader, ParquetWriter, PolarsError, PolarsResult, SerReader};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::coverage::Reading;
use super::fact::{Key, Tallied, table};
use super::metric::{Measured, MetricPart};
use crate::error::{Error, ErrorKind, Result, Trouble};
use crate::inventory::{Fleet, InstanceProfile};

/// Version of the layout. A reader reads every minor version of its major one: fields are added, never renamed.
const MAJOR: u32 = 1;
const MINOR: u32 = 0;
const NAME: &str = "ssl-usage/bundle";

#[derive(Debug, Serialize, Deserialize)]
struct Manifest {
    schema: String,
    major: u32,
    minor: u32,
    written_by: String,
}

/// What one collection read of one instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// ARN of the instance.
    pub arn: String,
    /// Account, for the file's name.
    pub account: String,
    /// Region, for the file's name.
    pub region: String,
    /// `DBInstanceIdentifier`, for the file's name.
    pub instance: String,
    /// When it was collected.
    pub collected_at: Timestamp,
    /// The log files that were listed and had to be read.
    pub readings: Vec<Reading>,
    /// What could not be read.
    pub errors: Vec<Trouble>,
}

/// A bundle on disk.
#[derive(Clone, Debug)]
pub struct Bundle {
    path: PathBuf,
}

impl Bundle {
    /// Opens a bundle to write into; makes it where nothing is yet.
    ///
    /// # Errors
    ///
    /// When the folder cannot be made, holds something else, or is of another version of the layout.
    pub fn create(path: &Path) -> Result<Self> {
        if path.join("bundle.json").exists() {
            return Self::open(path);
        }
        // One that was broken off while it was made is no obstacle, nor is one that another process makes.
        let is_own = |name: &std::ffi::OsStr| {
            ["fleet", "parts", "bundle.json.new", "bundle.json"].iter().any(|own| name == *own)
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
        let written_by = concat!("ssl-usage ", env!("CARGO_PKG_VERSION")).to_owned();
        let manifest = Manifest { schema: NAME.to_owned(), major: MAJOR, minor: MINOR, written_by };
        write_json(&path.join("bundle.json"), &manifest)?;
        Ok(Self { path: path.to_owned() })
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
        Ok(Self { path: path.to_owned() })
    }

    /// Adds an inventory.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn write_fleet(&self, fleet: &Fleet) -> Result<()> {
        let account = fleet.account.as_deref().unwrap_or("unknown");
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

    /// Adds what was read of an instance. The facts are written first: a part without its `.json` does not exist.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn write_part(&self, part: &Part, facts: &[(Key, Tallied)]) -> Result<()> {
        let name = self.free_name("parts", &[&part.account, &part.region, &part.instance], part.collected_at)?;
        write_table(&name.with_extension("parquet"), table(&part.arn, facts))?;
        write_json(&name, part)
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

    /// All inventories in the bundle.
    ///
    /// # Errors
    ///
    /// When one cannot be read.
    pub fn fleets(&self) -> Result<Vec<Fleet>> {
        self.names("fleet")?.iter().map(|name| read_json(name)).collect()
    }

    /// The parts in the bundle, by instance.
    ///
    /// # Errors
    ///
    /// When the folder cannot be read.
    pub fn parts(&self) -> Result<Parts> {
        let mut parts = Parts::default();
        for name in self.names("parts")? {
            let words = name.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let instance = words.split('.').take(3).collect::<Vec<_>>().join(".");
            parts.0.entry(instance).or_default().push(name);
        }
        Ok(parts)
    }

    /// All metrics in the bundle.
    ///
    /// # Errors
    ///
    /// When some cannot be read.
    pub fn metrics(&self) -> Result<Vec<(MetricPart, Measured)>> {
        self.metrics_named("")
    }

    /// What the bundle holds of an account's and region's metrics.
    ///
    /// # Errors
    ///
    /// When some cannot be read.
    pub fn measured(&self, account: &str, region: &str) -> Result<Measured> {
        let mut all = Measured::default();
        for (part, measured) in self.metrics_named(&format!("{}.", plain(&[account, region])))? {
            if (part.account.as_str(), part.region.as_str()) == (account, region) {
                all.join(&measured);
            }
        }
        Ok(all)
    }

    /// The metrics in files whose name begins so.
    fn metrics_named(&self, begin: &str) -> Result<Vec<(MetricPart, Measured)>> {
        // A bundle that an older version made has no such folder.
        if !self.path.join("metrics").exists() {
            return Ok(Vec::new());
        }
        let read = |name: &PathBuf| {
            let path = name.with_extension("parquet");
            let measured = Measured::read(&read_table(&path)?).map_err(|error| misread(&path, error))?;
            Ok((read_json(name)?, measured))
        };
        let is_meant = |name: &&PathBuf| name.file_name().is_some_and(|name| name.to_string_lossy().starts_with(begin));
        self.names("metrics")?.iter().filter(is_meant).map(read).collect()
    }

    fn names(&self, folder: &str) -> Result<Vec<PathBuf>> {
        let folder = self.path.join(folder);
        let fail = |error| Error::io(&folder, error);
        let mut names = Vec::new();
        for entry in folder.read_dir().map_err(fail)? {
            names.push(entry.map_err(fail)?.path());
        }
        names.retain(|name| name.extension().is_some_and(|extension| extension == "json"));
        names.sort_unstable();
        Ok(names)
    }

    /// A file name made of `words` and a time that no file has yet, and that no other task or process takes meanwhile: the
    /// name that the file has until it is whole is there from now on.
    fn free_name(&self, folder: &str, words: &[&str], at: Timestamp) -> Result<PathBuf> {
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

/// Most letters of a word in a file's name: more than an identifier has, and few enough for every file system.
const WORD: usize = 64;

/// Words as the beginning of a file name. Identifiers are letters, digits and hyphens; an answer that says otherwise does
/// not choose a path.
fn plain(words: &[&str]) -> String {
    let letter = |letter: char| if letter.is_ascii_alphanumeric() || letter == '-' { letter } else { '_' };
    let words: Vec<String> = words.iter().map(|word| word.chars().take(WORD).map(letter).collect()).collect();
    words.join(".")
}

/// Where the parts of each instance are. They are read one instance at a time: a fleet's readings fill no memory at once.
#[derive(Clone, Debug, Default)]
pub struct Parts(BTreeMap<String, Vec<PathBuf>>);

impl Parts {
    /// Adds those of another bundle.
    pub(super) fn extend(&mut self, other: Self) {
        for (instance, names) in other.0 {
            self.0.entry(instance).or_default().extend(names);
        }
    }

    /// The files that may hold parts of an instance.
    pub(super) fn of(&self, profile: &InstanceProfile) -> Vec<PathBuf> {
        self.0.get(&plain(&[&profile.account, &profile.region, &profile.instance])).cloned().unwrap_or_default()
    }

    /// The readings of an instance that need not be repeated.
    ///
    /// # Errors
    ///
    /// When one cannot be read.
    pub fn complete(&self, profile: &InstanceProfile) -> Result<Vec<Reading>> {
        let parts = read_parts(&self.of(profile), &profile.arn)?;
        let readings = parts.into_iter().flat_map(|(part, _)| part.readings);
        Ok(readings.filter(|reading| reading.complete).collect())
    }
}

/// Reads the parts of an instance, and where their facts are.
pub(super) fn read_parts(names: &[PathBuf], arn: &str) -> Result<Vec<(Part, PathBuf)>> {
    let read = |name: &PathBuf| Ok((read_json(name)?, name.with_extension("parquet")));
    let parts: Result<Vec<(Part, PathBuf)>> = names.iter().map(read).collect();
    Ok(parts?.into_iter().filter(|(part, _)| part.arn == arn).collect())
}

/// Reads a table of facts or of metrics.
///
/// # Errors
///
/// When the file is gone or is not what was written.
pub(super) fn read_table(path: &Path) -> Result<DataFrame> {
    let file = File::open(path).map_err(|error| Error::io(path, error))?;
    ParquetReader::new(file).finish().map_err(|error| misread(path, error))
}

fn misread(path: &Path, error: PolarsError) -> Error {
    Error::new(ErrorKind::Format, path.display().to_string(), "the facts in this file cannot be read")
        .hint("collect them again")
        .because(error)
}

fn write_table(path: &Path, table: PolarsResult<DataFrame>) -> Result<()> {
    write_whole(path, |file| {
        let mut table = table.map_err(std::io::Error::other)?;
        ParquetWriter::new(file).finish(&mut table).map(|_| ()).map_err(std::io::Error::other)
    })
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let file = File::open(path).map_err(|error| Error::io(path, error))?;
    serde_json::from_reader(BufReader::new(file)).map_err(|error| {
        Error::new(ErrorKind::Format, path.display().to_string(), format!("not what a bundle holds: {error}"))
            .hint("collect it again")
    })
}

fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    write_whole(path, |file| {
        serde_json::to_writer(&mut *file, value)?;
        file.write_all(b"\n")
    })
}

/// Writes a file under another name and renames it, so that it is there whole or not at all.
fn write_whole(path: &Path, write: impl FnOnce(&mut BufWriter<File>) -> std::io::Result<()>) -> Result<()> {
    let fail = |error| Error::io(path, error);
    let temporary = under_way(path);
    let mut file = BufWriter::new(File::create(&temporary).map_err(fail)?);
    write(&mut file).map_err(fail)?;
    let file = file.into_inner().map_err(|error| fail(error.into_error()))?;
    file.sync_all().map_err(fail)?;
    fs::rename(&temporary, path).map_err(fail)
}

/// The name that a file has until it is whole.
fn under_way(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(number: u64) -> Part {
        Part {
            arn: "arn:aws:rds:eu-west-1:123456789012:db:orders".to_owned(),
            account: "123456789012".to_owned(),
            region: "eu-west-1".to_owned(),
            instance: "orders".to_owned(),
            collected_at: Timestamp::from_second(1_795_392_000).expect("in range"),
            readings: Vec::new(),
            errors: vec![Trouble {
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
        let names = bundle.names("parts").expect("names");
        let parts: Vec<Part> = names.iter().map(|name| read_json(name).expect("a part")).collect();
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
        assert_eq!(bundle.fleets().expect("inventories")[0].errors[0].subject, error.subject());
    }
}
