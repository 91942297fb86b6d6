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
        let occupied = path.read_dir().is_ok_and(|mut entries| entries.next().is_some());
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
        let name = self.free_name("fleet", &[account, &fleet.region], fleet.taken_at, "json");
        write_json(&name, fleet)
    }

    /// Adds what kept a region from being asked.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn write_failure(&self, at: Timestamp, error: &Error) -> Result<()> {
        let errors = vec![Trouble::from(error)];
        let region = error.subject().to_owned();
        self.write_fleet(&Fleet { taken_at: at, account: None, region, whole: false, instances: Vec::new(), errors })
    }

    /// Adds what was read of an instance. The facts are written first: a part without its `.json` does not exist.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn write_part(&self, part: &Part, facts: &[(Key, Tallied)]) -> Result<()> {
        let name = self.free_name("parts", &[&part.account, &part.region, &part.instance], part.collected_at, "json");
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
        let name = self.free_name("metrics", &[&part.account, &part.region], part.collected_at, "json");
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

    /// A file name made of `words` and a time that no file has yet.
    fn free_name(&self, folder: &str, words: &[&str], at: Timestamp, extension: &str) -> PathBuf {
        let stem = format!("{}.{}", plain(words), at.strftime("%Y%m%dT%H%M%S%3fZ"));
        let mut number = 1;
        loop {
            let ending = if number == 1 { String::new() } else { format!("-{number}") };
            let name = self.path.join(folder).join(format!("{stem}{ending}.{extension}"));
            if !name.exists() {
                return name;
            }
            number += 1;
        }
    }
}

/// Words as the beginning of a file name. Identifiers are letters, digits and hyphens; an answer that says otherwise does
/// not choose a path.
fn plain(words: &[&str]) -> String {
    let letter = |letter: char| if letter.is_ascii_alphanumeric() || letter == '-' { letter } else { '_' };
    let words: Vec<String> = words.iter().map(|word| word.chars().map(letter).collect()).collect();
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
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let temporary = path.with_file_name(name);
    let mut file = BufWriter::new(File::create(&temporary).map_err(fail)?);
    write(&mut file).map_err(fail)?;
    let file = file.into_inner().map_err(|error| fail(error.into_error()))?;
    file.sync_all().map_err(fail)?;
    fs::rename(&temporary, path).map_err(fail)
}
