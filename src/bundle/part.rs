//! Parts: the log reads and facts of one instance from one collection.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use polars::prelude::{DataFrame, PolarsResult};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::atomic_file::{damaged, names, remove, settled};
use super::coverage::LogRead;
use super::fact::{Key, Tallied, table, with_logs};
use super::log_reads;
use super::range;
use super::seal::{self, Digests, Seal, Sealed};
use super::table::{decode, misread, read_checked, write_table};
use crate::error::{ErrorKind, Result};
use crate::inventory::InstanceProfile;
use crate::problem::Problem;

/// What one collection read of one instance.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    pub readings: Vec<LogRead>,
    /// What could not be read.
    pub errors: Vec<Problem>,
}

/// The `.json` of a part.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Head {
    pub arn: String,
    pub account: String,
    pub region: String,
    pub instance: String,
    /// When the latest of it was collected.
    pub collected_at: Timestamp,
    /// What could not be read then.
    pub errors: Vec<Problem>,
    /// Where format 1 has the log reads; since then they are a table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub readings: Option<Vec<LogRead>>,
}

/// A part as it is kept: of one collection, or of many that were merged.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    /// The `.json`.
    pub file: Sealed<Head>,
    /// Each with the time of its collection.
    pub readings: Vec<(Timestamp, LogRead)>,
}

impl Part {
    /// Writes it as the part that is called `name`; `earlier` are parts of the instance that were there before.
    pub(super) fn write(&self, name: &Path, facts: &[(Key, Tallied)], earlier: Digests) -> Result<(String, String)> {
        let log_of = self.readings.iter().map(|reading| (reading.source.as_str(), reading.log.as_str())).collect();
        let facts = table(&self.arn, facts).and_then(|facts| with_logs(facts, &log_of));
        let readings: Vec<_> = self.readings.iter().map(|reading| (self.collected_at, reading.clone())).collect();
        let head = Head {
            arn: self.arn.clone(),
            account: self.account.clone(),
            region: self.region.clone(),
            instance: self.instance.clone(),
            collected_at: self.collected_at,
            errors: self.errors.clone(),
            readings: None,
        };
        write(name, &head, Seal { earlier, ..Seal::default() }, &readings, facts)
    }

    /// Tells parts apart by what was read: 16 hexadecimal digits.
    pub(super) fn digest(&self, facts: &[(Key, Tallied)]) -> String {
        let mut hashed = Hashed(Sha256::new());
        // It never fails.
        let _ = write!(hashed, "{self:?}{facts:?}");
        hashed.0.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Text that is hashed, and kept nowhere.
struct Hashed(Sha256);

impl Write for Hashed {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.update(text.as_bytes());
        Ok(())
    }
}

/// Writes a part; returns its name in the bundle and its digest. Its `.json` comes last, for without it there is no part: of
/// one that could not be written, nothing is left.
pub(super) fn write(
    name: &Path,
    head: &Head,
    mut seal: Seal,
    readings: &[(Timestamp, LogRead)],
    facts: PolarsResult<DataFrame>,
) -> Result<(String, String)> {
    let written = write_table(&facts_of(name), facts).and_then(|facts| {
        let readings = write_table(&readings_of(name), log_reads::table(readings))?;
        seal.tables = [(FACTS.to_owned(), facts), (READINGS.to_owned(), readings)].into();
        seal::write(name, seal, head)
    });
    if written.is_err() {
        let _ = remove(&facts_of(name)).and_then(|()| remove(&readings_of(name)));
    }
    written
}

const FACTS: &str = "parquet";
const READINGS: &str = "readings.parquet";

/// Where the facts of a part are.
pub(super) fn facts_of(name: &Path) -> PathBuf {
    name.with_extension(FACTS)
}

/// Where the log reads of a part are.
pub(super) fn readings_of(name: &Path) -> PathBuf {
    name.with_extension(READINGS)
}

impl Kept {
    fn read(name: &Path, arn: &str) -> Result<Self> {
        let mut file = Sealed::<Head>::read(name)?;
        let head = &mut file.held;
        if head.arn != arn || plain(&[&head.account, &head.region, &head.instance]) != instance(name) {
            return Err(damaged(name, "the content belongs to another instance than the file name says"));
        }
        range::time(head.collected_at).map_err(|what| damaged(name, what))?;
        let readings = match head.readings.take() {
            Some(readings) => readings.into_iter().map(|reading| (head.collected_at, reading)).collect(),
            None => {
                let path = readings_of(name);
                let table = decode(&path, &read_checked(&path, file.table(READINGS)?)?, &log_reads::COLUMNS)?;
                log_reads::read(&table).map_err(|error| misread(&path, error))?
            }
        };
        range::readings(&readings).map_err(|what| damaged(name, what))?;
        Ok(Self { file, readings })
    }

    pub fn name(&self) -> &Path {
        &self.file.path
    }

    pub fn head(&self) -> &Head {
        &self.file.held
    }

    /// The digest that its facts must have; none for older formats.
    pub fn facts_digest(&self) -> Result<Option<&str>> {
        self.file.table(FACTS)
    }
}

/// Most letters of a word in a file's name: more than an identifier has, and few enough for every file system.
const WORD: usize = 64;

/// Words as the beginning of a file name. Identifiers are letters, digits and hyphens; an answer that says otherwise does
/// not choose a path.
pub(super) fn plain(words: &[&str]) -> String {
    let letter = |letter: char| if letter.is_ascii_alphanumeric() || letter == '-' { letter } else { '_' };
    let words: Vec<String> = words.iter().map(|word| word.chars().take(WORD).map(letter).collect()).collect();
    words.join(".")
}

/// Where the parts of each instance are. They are read one instance at a time: a fleet's readings fill no memory at once.
#[derive(Clone, Debug, Default)]
pub struct Parts(BTreeMap<String, Vec<PathBuf>>);

impl Parts {
    pub(super) fn in_folder(folder: &Path) -> Result<Self> {
        let mut parts = Self::default();
        for name in names(folder)? {
            parts.0.entry(instance(&name)).or_default().push(name);
        }
        Ok(parts)
    }

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

    /// What is known of an instance already. What a part that cannot be read holds is read again.
    pub fn known(&self, profile: &InstanceProfile) -> Known {
        let names = self.of(profile);
        let sound = || names.iter().filter_map(|name| Kept::read(name, &profile.arn).ok()).collect();
        let parts: Vec<Kept> = read_parts(&names, &profile.arn).unwrap_or_else(|_| sound());
        let files = parts.iter().map(|part| part.file.listed()).collect();
        let readings = parts.into_iter().flat_map(|part| part.readings).map(|(_, reading)| reading);
        Known { complete: readings.filter(|reading| reading.complete).collect(), files }
    }
}

/// What a bundle holds of an instance before a collection.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// The log reads that need not be repeated.
    pub complete: Vec<LogRead>,
    /// Its parts, which those that are written next stand beside.
    pub files: Digests,
}

/// The beginning of a part's name, which says of which instance it is.
pub(super) fn instance(name: &Path) -> String {
    let words = name.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    words.split('.').take(3).collect::<Vec<_>>().join(".")
}

/// Reads the parts of an instance. Where some were merged since they were listed, the folders are looked into anew.
pub(super) fn read_parts(listed: &[PathBuf], arn: &str) -> Result<Vec<Kept>> {
    let read = |names: &[PathBuf]| names.iter().map(|name| Kept::read(name, arn)).collect::<Result<Vec<_>>>();
    read(listed).or_else(|error| {
        if error.kind() != ErrorKind::NotFound {
            return Err(error);
        }
        settled(|| {
            let mut again = Vec::new();
            let places: BTreeSet<_> = listed.iter().filter_map(|name| Some((name.parent()?, instance(name)))).collect();
            for (folder, of) in places {
                again.extend(names(folder)?.into_iter().filter(|name| instance(name) == of));
            }
            read(&again)
        })
    })
}
