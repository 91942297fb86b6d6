//! Copies of log files in a folder, for instances of an inventory: which instance does each file belong to?
//!
//! A copy is named as RDS names the file, in a folder that is named after the instance: `orders/error/postgresql.log.2026-11-23-10`.
//! The folder `error` may be missing, and a copy may be compressed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use ssl_usage_parsers::{Engine, Logs};

use super::instance::InstanceLogs;
use super::log_span::Rotation;
use super::read_log::{Read, Reader};
use super::shard::Shard;
use super::writer::Writer;
use super::{Request, logged};
use crate::bundle::fact::{Key, Tallied};
use crate::bundle::{Bundle, GapCause, Known, LogGap, NEAR, Parts};
use crate::error::{Error, ErrorKind, Result};
use crate::events::{is_account, is_region};
use crate::inventory::{Fleet, InstanceProfile};
use crate::logs::folder::LogFolder;
use crate::logs::rds_portion::LogFile;
use crate::problem::Problem;
use crate::progress::Progress;

/// A copy of a log file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copy {
    /// The file, as RDS would list it.
    pub file: LogFile,
    /// Where the copy is.
    pub path: PathBuf,
}

/// The files of a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Copies {
    /// The copies of each instance, by ARN, in the order of their names.
    pub of: BTreeMap<String, Vec<Copy>>,
    /// Files of instances that hold no connections, as slow query logs.
    pub others: Vec<PathBuf>,
    /// Files that belong to no instance.
    pub unassigned: Vec<PathBuf>,
    /// Files that may belong to several instances of the same name.
    pub ambiguous: Vec<PathBuf>,
}

impl Copies {
    /// Assigns files of a folder to instances.
    pub fn assign(folder: &LogFolder, files: &[PathBuf], profiles: &[&InstanceProfile]) -> Self {
        let root = folder.root();
        let mut named: BTreeMap<&str, Vec<&InstanceProfile>> = BTreeMap::new();
        for profile in profiles {
            named.entry(&profile.instance).or_default().push(profile);
        }
        let mut all = Self::default();
        // The folder may itself be that of an instance, or of an account and region.
        let outside = words(&root.canonicalize().unwrap_or_else(|_| root.to_owned()));
        for path in files {
            let inside = words(path.strip_prefix(root).unwrap_or(path));
            let at = inside.iter().rposition(|word| named.contains_key(word.as_str()));
            let (name, rest) = match at {
                Some(at) => (inside.get(at), inside.get(at + 1..).unwrap_or_default()),
                None => (outside.last(), inside.as_slice()),
            };
            let folders: BTreeSet<&str> = outside.iter().chain(&inside).map(String::as_str).collect();
            let of_name = name.and_then(|name| named.get(name.as_str())).map_or(&[][..], Vec::as_slice);
            let of_name: Vec<_> = of_name.iter().filter(|profile| !is_elsewhere(profile, &folders)).collect();
            let is_in = |profile: &&&&InstanceProfile| {
                folders.contains(profile.account.as_str()) && folders.contains(profile.region.as_str())
            };
            match of_name.as_slice() {
                [] => all.unassigned.push(path.clone()),
                [only] => all.add(only, rest, folder, path),
                several => match several.iter().find(is_in) {
                    Some(profile) => all.add(profile, rest, folder, path),
                    None => all.ambiguous.push(path.clone()),
                },
            }
        }
        all
    }

    /// Removes those files of instances that hold no connections for which this is so.
    pub fn take_others_that(&mut self, is_so: impl Fn(&PathBuf) -> bool) -> Vec<PathBuf> {
        let (taken, others) = std::mem::take(&mut self.others).into_iter().partition(is_so);
        self.others = others;
        taken
    }

    /// Removes the files that are no copies of logs.
    pub fn take_others(&mut self) -> Vec<PathBuf> {
        [&mut self.others, &mut self.unassigned, &mut self.ambiguous].into_iter().flat_map(std::mem::take).collect()
    }

    /// All files belong to one instance, whatever their folders are called.
    pub fn of_one(folder: &LogFolder, files: &[PathBuf], profile: &InstanceProfile) -> Self {
        let mut all = Self::default();
        for path in files {
            let inside = path.strip_prefix(folder.root()).ok().filter(|inside| !inside.as_os_str().is_empty());
            let inside = inside.or(path.file_name().map(Path::new)).unwrap_or(path);
            // Of the folders above, nothing is known.
            let inside = words(inside);
            let rest = inside.get(inside.len().saturating_sub(2)..).unwrap_or_default();
            all.add(profile, rest, folder, path);
        }
        all
    }

    /// Adds a file of an instance, whose path within the folder of the instance is this.
    fn add(&mut self, profile: &InstanceProfile, inside: &[String], folder: &LogFolder, path: &Path) {
        let name = profile.known_engine().and_then(|engine| name(engine, inside));
        let Some(name) = name else {
            self.others.push(path.to_owned());
            return;
        };
        let file = LogFile { name, size: folder.size(path), last_written: None };
        self.of.entry(profile.arn.clone()).or_default().push(Copy { file, path: path.to_owned() });
    }
}

/// Whether a folder names another account or region than that of an instance.
fn is_elsewhere(profile: &InstanceProfile, folders: &BTreeSet<&str>) -> bool {
    let is_other =
        |word: &&str| is_account(word) && **word != profile.account || is_region(word) && **word != profile.region;
    folders.iter().any(is_other)
}

/// The name of a file as RDS lists it, by its path in the folder of the instance; none if it holds no connections.
fn name(engine: &Engine, inside: &[String]) -> Option<String> {
    let is_log = |name: &String| engine.logs_of(name).is_some();
    let listed = Some(inside.join("/")).filter(is_log);
    // Without the folder of RDS.
    let short = || {
        let [.., file] = inside else { return None };
        let folder = |prefix: &'static str| prefix.split_once('/').map(|(folder, _)| folder);
        let mut folders = engine.logs.iter().filter_map(|logs| folder(logs.prefix?));
        folders.find_map(|folder| Some(format!("{folder}/{file}")).filter(is_log))
    };
    listed.or_else(short)
}

/// Reads copies of the logs of a fleet into a bundle, those of one shard, many at a time. Returns what could not be read.
///
/// Names of logs outside of the shard count too: the end of a log is the beginning of the next.
///
/// # Errors
///
/// When the bundle cannot be written.
pub async fn collect_copies(
    request: &Request,
    fleet: &Fleet,
    (folder, copies): (&LogFolder, &Copies),
    shard: Shard,
    (bundle, known): (&Bundle, &Parts),
    progress: &Arc<dyn Progress>,
) -> Result<Vec<Problem>> {
    let mut problems = Vec::new();
    for profile in &fleet.instances {
        let (Some(engine), Some(copies)) = (logged(profile), copies.of.get(&profile.arn)) else { continue };
        let known = known.known(profile);
        let of = InstanceLogs { request, profile, engine, known: &known };
        let mut writer = Writer::of_copies(of, bundle);
        // Those of one identity may be of one log, and are compared.
        let mut alike: BTreeMap<&str, u64> = BTreeMap::new();
        for copy in copies {
            *alike.entry(engine.log_identity(&copy.file.name)).or_default() += 1;
        }
        let is_alone = |name: &str| alike.get(engine.log_identity(name)) == Some(&1);
        let shared = (Arc::new(request.clone()), Arc::new(profile.clone()), folder.clone());
        let reads = jobs((engine, profile), copies, shard).into_iter().map(|copy| {
            let (shared, progress) = (shared.clone(), Arc::clone(progress));
            tokio::task::spawn_blocking(move || read(copy, &shared, engine, progress.as_ref()))
        });
        let mut reads = stream::iter(reads).buffered(together());
        let mut compared: BTreeMap<String, Vec<Read>> = BTreeMap::new();
        while let Some(read) = reads.next().await {
            let (read, name) = read.unwrap_or_else(|lost| std::panic::resume_unwind(lost.into_panic()));
            match is_alone(&name) {
                true => problems.extend(write(read, profile, &mut writer).await?),
                false => compared.entry(read.reading.log.clone()).or_default().push(read),
            }
        }
        for mut reads in compared.into_values() {
            reads.dedup_by(|one, other| is_same_copy(one, other));
            mark_parts(&mut reads, &profile.instance);
            for read in reads {
                problems.extend(write(read, profile, &mut writer).await?);
            }
        }
        writer.write().await?;
        writer.warn_of_later(progress.as_ref());
        progress.done(&profile.instance);
    }
    Ok(problems)
}

/// Writes what was read. Returns what could not be.
pub(super) async fn write(read: Read, profile: &InstanceProfile, writer: &mut Writer<'_>) -> Result<Option<Problem>> {
    let Read { reading, facts, error } = read;
    let problem = error.as_ref().map(|error| Problem::from(error).at(Some(&profile.account), &profile.region));
    writer.fail(problem.clone());
    writer.add(reading, facts).await?;
    Ok(problem)
}

/// The copies of a shard that are to be read.
fn jobs((engine, profile): (&'static Engine, &InstanceProfile), copies: &[Copy], shard: Shard) -> Vec<Job> {
    let rotation = |logs: &'static Logs| {
        let files = copies.iter().map(|copy| &copy.file).filter(|file| logs.has_file(&file.name));
        (logs, Arc::new(Rotation::new(logs, profile, files)))
    };
    let kinds: Vec<_> = engine.logs.iter().map(rotation).collect();
    let mut names: BTreeMap<&str, u64> = BTreeMap::new();
    let mut jobs = Vec::new();
    for copy in copies {
        let name = copy.file.name.as_str();
        let count = names.entry(name).or_default();
        *count += 1;
        let source = if *count == 1 { name.to_owned() } else { format!("{name}#{count}") };
        let kind = kinds.iter().find(|(logs, _)| logs.has_file(name));
        // All forms of a log are in one shard.
        if let Some((logs, rotation)) = kind.filter(|_| shard.holds(&profile.arn, engine.log_identity(name))) {
            jobs.push((copy.clone(), source, *logs, Arc::clone(rotation)));
        }
    }
    jobs
}

/// A copy that is to be read: itself, its source, its kind and the files beside it.
type Job = (Copy, String, &'static Logs, Arc<Rotation>);

/// Reads a copy. Returns its name, too.
fn read(
    (copy, source, logs, rotation): Job,
    (request, profile, folder): &(Arc<Request>, Arc<InstanceProfile>, LogFolder),
    engine: &'static Engine,
    progress: &dyn Progress,
) -> (Read, String) {
    let known = Known::default();
    let of = InstanceLogs { request, profile, engine, known: &known };
    let reader = Reader { of: &of, logs, rotation: &rotation, progress };
    (reader.read_copy(&copy.file, &source, (folder, &copy.path)), copy.file.name)
}

/// Whether two readings of one log are of the same text: a log that is there twice counts once.
fn is_same_copy(one: &Read, other: &Read) -> bool {
    let facts = |read: &Read| -> Vec<(Key, Tallied)> {
        let unnamed = |(key, tallied): &(Key, Tallied)| (Key { source: String::new(), ..key.clone() }, *tallied);
        read.facts.iter().map(unnamed).collect()
    };
    let text = |read: &Read| (read.reading.read_bytes, read.reading.records, read.reading.unparsed);
    text(one) == text(other) && one.error.is_none() && other.error.is_none() && facts(one) == facts(other)
}

/// Marks log reads of one log of which none shows all that the others show. Only the one that shows most counts, so what the others
/// show would be lost without a trace.
fn mark_parts(reads: &mut [Read], instance: &str) {
    let spans: Vec<(Timestamp, Timestamp)> = reads.iter().filter_map(|read| read.reading.sessions_between()).collect();
    let about = |earlier: Timestamp, later: Timestamp| earlier.duration_since(later) <= NEAR;
    let holds_times =
        |all: (Timestamp, Timestamp)| spans.iter().all(|(first, last)| about(all.0, *first) && about(*last, all.1));
    let is_whole = |one: &Read| {
        one.reading.sessions_between().is_some_and(holds_times) && reads.iter().all(|other| shows_all(one, other))
    };
    if spans.is_empty() || reads.iter().any(is_whole) {
        return;
    }
    for read in reads {
        let subject = format!("{instance} {}", read.reading.source);
        let message = "several copies of this log show different times, so none of them is whole";
        let error = Error::new(ErrorKind::Truncated, subject, message).hint("copy the whole log again");
        read.reading.gaps.push(LogGap { cause: GapCause::Truncated, message: error.advice() });
        read.reading.complete = false;
        read.error.get_or_insert(error);
    }
}

/// Whether a log read shows all sessions that another one shows: of each kind and client, as many in each hour. Two formats of one log
/// may name clients differently.
fn shows_all(one: &Read, other: &Read) -> bool {
    if one.reading.format != other.reading.format {
        return true;
    }
    let unnamed = |(key, tallied): &(Key, Tallied)| (Key { source: String::new(), ..key.clone() }, tallied.count);
    let shown: BTreeMap<Key, u64> = one.facts.iter().map(unnamed).collect();
    other.facts.iter().map(unnamed).all(|(key, count)| shown.get(&key).is_some_and(|shown| *shown >= count))
}

/// Files that are read at the same time.
pub(super) fn together() -> usize {
    std::thread::available_parallelism().map_or(4, usize::from)
}

fn words(path: &Path) -> Vec<String> {
    let normal = path.components().filter_map(|component| match component {
        std::path::Component::Normal(name) => Some(name.to_string_lossy().into_owned()),
        _ => None,
    });
    normal.collect()
}
