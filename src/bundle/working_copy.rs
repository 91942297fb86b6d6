//! Bundles in S3: a copy on this machine, which is read and extended like any other bundle, and what is new in it goes back.
//!
//! Files of a bundle are written once and name each other by digests, so any number of copies may be extended at the same time. New
//! files go to S3 in the order in which they name each other: the tables of a file before it, each part of an instance before the
//! next, and records at the end. So the bundle in S3 is whole at every moment, also if a process is killed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Deserialize;
use tempfile::TempDir;

use super::atomic_file::{ATTEMPTS, REMOVED, WORKING_COPY, make_bundle, make_folder, names, sha256};
use super::seal::{self, Digests};
use super::store::{BUNDLE, FOLDERS, region_key_and_time};
use crate::aws::s3::{Bucket, Mode, Object, S3Url};
use crate::error::{Error, ErrorKind, Result, is_copy};

/// How often new files go to S3 during a run.
const PUBLISHED_EVERY: Duration = Duration::from_secs(10);
/// Longest name of a file, in bytes.
const LONGEST_NAME: usize = 255;
/// How often a write is tried that another one keeps from being made, and the first pause.
const WRITES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(100);
/// The folder of records, which list files of all others.
const RECORDS: &str = "collections";

/// A bundle in S3 with its copy on this machine, which ends when this is dropped.
#[derive(Debug)]
pub struct WorkingCopy(Arc<Copy>, Mutex<Option<Sender<()>>>);

#[derive(Debug)]
struct Copy {
    bucket: Bucket,
    url: S3Url,
    folder: Mutex<Option<TempDir>>,
    path: PathBuf,
    /// Files that S3 has, by their names in the bundle.
    there: Mutex<BTreeSet<String>>,
    /// The content of `bundle.json` in S3; none where there is none.
    manifest: Mutex<Option<Vec<u8>>>,
    /// Held by the thread that saves.
    saving: Mutex<()>,
}

impl WorkingCopy {
    /// Copies the bundle at `url`, if there is one.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or when other files are there.
    pub fn of(bucket: Bucket, url: S3Url) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("ssl-usage-").tempdir();
        let folder = folder.map_err(|error| Error::io(&std::env::temp_dir(), error))?;
        let path = folder.path().join("bundle");
        let word = format!("{:08x}", fastrand::u32(..));
        fs::write(path.with_extension(WORKING_COPY), word).map_err(|error| Error::io(&path, error))?;
        is_copy(&path, url.to_string());
        let (there, manifest) = (Mutex::default(), Mutex::default());
        let copy =
            Copy { bucket, url, folder: Mutex::new(Some(folder)), path, there, manifest, saving: Mutex::default() };
        copy.download()?;
        Ok(Self(Arc::new(copy), Mutex::default()))
    }

    /// Where the copy is. Nothing is there if there is no bundle in S3 yet.
    pub fn path(&self) -> &Path {
        &self.0.path
    }

    /// Has new files go to S3 from time to time. What fails is tried again by [`Self::publish`].
    pub fn begin(&self) {
        let (end, ended) = mpsc::channel();
        let copy = Arc::clone(&self.0);
        std::thread::spawn(move || {
            while ended.recv_timeout(PUBLISHED_EVERY) == Err(RecvTimeoutError::Timeout) {
                let _ = copy.publish();
            }
        });
        *self.1.lock().unwrap_or_else(PoisonError::into_inner) = Some(end);
    }

    /// Whether it is extended.
    pub fn is_extended(&self) -> bool {
        self.1.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Has all new files go to S3, and removes there what was merged. Returns what could not be removed: it stays, and counts once.
    ///
    /// # Errors
    ///
    /// When a file cannot be saved. Then the copy stays on this machine.
    pub fn publish(&self) -> Result<Option<Error>> {
        self.0.publish().map_err(|error| {
            // It has its name, and stays.
            let _ = self.0.folder.lock().unwrap_or_else(PoisonError::into_inner).take().map(TempDir::keep);
            Error::new(error.kind(), self.0.url.to_string(), "the evidence could not be saved in S3")
                .hint(format!("It is kept in {}. Use it with --from", self.0.path.display()))
                .and(vec![error])
        })
    }

    /// Removes the copy from this machine.
    pub fn remove(&self) {
        drop(self.1.lock().unwrap_or_else(PoisonError::into_inner).take());
        drop(self.0.folder.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

/// Names of files, without those of other programs and those that lead elsewhere.
fn is_of_bundle(name: &str) -> bool {
    let is_ended = |file: &str| [".json", ".parquet"].iter().any(|end| file.ends_with(end));
    name == BUNDLE
        || name.split_once('/').is_some_and(|(folder, file)| {
            FOLDERS.contains(&folder) && !file.contains(['/', '\\']) && is_ended(file) && file.len() <= LONGEST_NAME
        })
}

impl Copy {
    fn key(&self, name: &str) -> String {
        self.url.join(name).prefix
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeSet<String>> {
        self.there.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The files in S3. A list of several pages may miss a file and the one that replaced it, so two lists must be the same.
    fn list(&self) -> Result<Vec<(String, Object)>> {
        let mut known = self.bucket.list(&self.url.prefix)?;
        for _ in 1..ATTEMPTS {
            let again = self.bucket.list(&self.url.prefix)?;
            if again == known {
                break;
            }
            known = again;
        }
        let begin = if self.url.prefix.is_empty() { String::new() } else { format!("{}/", self.url.prefix) };
        let named = known.into_iter().filter_map(|object| Some((object.key.strip_prefix(&begin)?.to_owned(), object)));
        Ok(named.filter(|(_, object)| object.size > 0).collect())
    }

    /// Copies all files; again where some were merged into another meanwhile.
    fn download(&self) -> Result<()> {
        for attempt in 1..=ATTEMPTS {
            let listed = self.list()?;
            if listed.iter().all(|(name, _)| name != BUNDLE) {
                return match listed.iter().find(|(name, _)| !is_of_bundle(name)) {
                    None => self.make().map(drop),
                    Some(_) => Err(Error::new(
                        ErrorKind::Usage,
                        self.url.to_string(),
                        "no evidence bundle has this prefix, but other objects have it",
                    )
                    .hint("check the prefix, or choose a new one")),
                };
            }
            self.make()?;
            make_bundle(&self.path)?;
            FOLDERS.iter().try_for_each(|folder| make_folder(&self.path.join(folder)))?;
            let files: Vec<(String, Object)> = listed.into_iter().filter(|(name, _)| is_of_bundle(name)).collect();
            let path = self.path.clone();
            let bucket = self.bucket.clone();
            let copied = self.bucket.map(files.clone(), move |(name, object)| {
                let made = File::create(path.join(name)).map_err(unsaved)?;
                let mut made = BufWriter::new(made);
                bucket.download(&object.key, &mut made)?;
                made.flush().map_err(unsaved)
            });
            match copied.collect::<Result<()>>() {
                Err(error) if error.kind() == ErrorKind::NotFound && attempt < ATTEMPTS => continue,
                copied => copied?,
            }
            let manifest = self.path.join(BUNDLE);
            let manifest = fs::read(&manifest).map_err(|error| Error::io(&manifest, error))?;
            *self.manifest.lock().unwrap_or_else(PoisonError::into_inner) = Some(manifest);
            self.lock().extend(files.into_iter().map(|(name, _)| name));
            return Ok(());
        }
        Ok(())
    }

    /// Makes the folder of the copy anew, without the bundle.
    fn make(&self) -> Result<()> {
        match fs::remove_dir_all(&self.path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io(&self.path, error)),
            _ => Ok(()),
        }
    }

    /// Has new files go to S3, and removes there what was merged. Returns what could not be removed.
    fn publish(&self) -> Result<Option<Error>> {
        let _saving = self.saving.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.path.join(BUNDLE).exists() {
            return Ok(None);
        }
        // What stands for these was written before they were removed, so it is among the new files.
        let removed = self.removed()?;
        self.publish_beginnings()?;
        // What records list was written before them, so it is found after them.
        let records = self.new_files(RECORDS)?;
        let mut others = Vec::new();
        for folder in FOLDERS.iter().filter(|folder| **folder != RECORDS) {
            others.extend(self.new_files(folder)?);
        }
        self.upload(others)?;
        self.upload(records)?;
        // Without it, the rest is no bundle yet, and the next command writes it again.
        self.publish_manifest()?;
        Ok(self.remove_merged(removed).err())
    }

    fn publish_manifest(&self) -> Result<()> {
        let path = self.path.join(BUNDLE);
        let own = fs::read(&path).map_err(|error| Error::io(&path, error))?;
        let mut there = self.manifest.lock().unwrap_or_else(PoisonError::into_inner);
        if there.as_ref() == Some(&own) {
            return Ok(());
        }
        match *there {
            // One that another process made meanwhile is as good.
            None => drop(put_new(&self.bucket, &self.url, BUNDLE, &own)?),
            Some(_) => drop(self.bucket.upload(&self.key(BUNDLE), own.clone(), Mode::Replace)?),
        }
        *there = Some(own);
        Ok(())
    }

    /// Records that a collection has begun, before its files: files without a record would look like those of a record that was lost.
    /// The record of the end may have replaced it here already.
    fn publish_beginnings(&self) -> Result<()> {
        let folder = self.path.join(RECORDS);
        for entry in folder.read_dir().map_err(|error| Error::io(&folder, error))? {
            let path = entry.map_err(|error| Error::io(&folder, error))?.path();
            let name = name(RECORDS, &path).trim_end_matches(REMOVED).to_owned();
            let Some((of, _)) = region_key_and_time(Path::new(&name)).filter(|_| name.ends_with(".json")) else {
                continue;
            };
            let begin = format!("{RECORDS}/{of}.");
            let is_recorded = self.lock().iter().any(|name| name.starts_with(&begin));
            let Some(bytes) = read(&path)?.filter(|_| !is_recorded) else { continue };
            if seal::json::<Files>(&path, &bytes)?.files.is_empty() {
                write_once(&self.bucket, &self.url, &name, bytes)?;
                self.lock().insert(name);
            }
        }
        Ok(())
    }

    /// The new `.json` files of a folder with their tables, those of one instance or region in the order in which they were written.
    fn new_files(&self, folder: &str) -> Result<Vec<Vec<NewFile>>> {
        let path = self.path.join(folder);
        let new: Vec<PathBuf> = {
            let there = self.lock();
            let is_new = |path: &PathBuf| !there.contains(&name(folder, path));
            names(&path)?.into_iter().filter(is_new).collect()
        };
        if new.is_empty() {
            return Ok(Vec::new());
        }
        let mut tables: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
        let stems: BTreeSet<String> = new.iter().map(|path| stem(path)).collect();
        for entry in path.read_dir().map_err(|error| Error::io(&path, error))? {
            let file = entry.map_err(|error| Error::io(&path, error))?.path();
            let text = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if !text.ends_with(".parquet") {
                continue;
            }
            let of = text.match_indices('.').map(|(at, _)| text.split_at(at).0).filter(|begin| stems.contains(*begin));
            if let Some(stem) = of.max_by_key(|begin| begin.len()) {
                tables.entry(stem.to_owned()).or_default().push(file);
            }
        }
        let mut groups: BTreeMap<String, Vec<NewFile>> = BTreeMap::new();
        for json in new {
            let stem = stem(&json);
            let of = stem.rsplit_once('.').map_or("", |(words, _)| words).to_owned();
            let tables = tables.remove(&stem).unwrap_or_default();
            let written = json.metadata().and_then(|metadata| metadata.modified()).ok();
            groups.entry(of).or_default().push(NewFile { folder: folder.to_owned(), written, json, tables });
        }
        // Files of one moment are numbered.
        groups
            .values_mut()
            .for_each(|files| files.sort_by_key(|file| (file.written, stem(&file.json).len(), file.json.clone())));
        Ok(groups.into_values().collect())
    }

    /// Uploads groups of files side by side, and the files of each in their order.
    fn upload(&self, groups: Vec<Vec<NewFile>>) -> Result<()> {
        let url = self.url.clone();
        let there = Arc::new(Mutex::new(BTreeSet::new()));
        let uploaded = Arc::clone(&there);
        let bucket = self.bucket.clone();
        let done = self.bucket.map(groups, move |files| {
            for file in &files {
                for path in file.tables.iter().chain([&file.json]) {
                    let name = name(&file.folder, path);
                    let Some(bytes) = read(path)? else { break };
                    write_once(&bucket, &url, &name, bytes)?;
                    uploaded.lock().unwrap_or_else(PoisonError::into_inner).insert(name);
                }
            }
            Ok(())
        });
        let done = done.collect::<Result<()>>();
        self.lock().append(&mut there.lock().unwrap_or_else(PoisonError::into_inner));
        done
    }

    /// What was removed here, each file before its tables, with its folder.
    fn removed(&self) -> Result<Vec<(&'static str, PathBuf)>> {
        let mut removed = Vec::new();
        for folder in FOLDERS {
            let path = self.path.join(folder);
            for entry in path.read_dir().map_err(|error| Error::io(&path, error))? {
                let file = entry.map_err(|error| Error::io(&path, error))?.path();
                if file.to_string_lossy().ends_with(REMOVED) {
                    removed.push((folder, file));
                }
            }
        }
        removed.sort_by_key(|(_, file)| !file.to_string_lossy().ends_with(&format!(".json{REMOVED}")));
        Ok(removed)
    }

    /// Removes files from S3.
    fn remove_merged(&self, removed: Vec<(&str, PathBuf)>) -> Result<()> {
        for (folder, file) in removed {
            let name = name(folder, &file).trim_end_matches(REMOVED).to_owned();
            if self.lock().contains(&name) {
                self.bucket.delete(&self.key(&name))?;
                self.lock().remove(&name);
            }
            fs::remove_file(&file).map_err(|error| Error::io(&file, error))?;
        }
        Ok(())
    }
}

/// What a record lists.
#[derive(Deserialize)]
struct Files {
    files: Digests,
}

/// A `.json` and its tables.
#[derive(Clone, Debug)]
struct NewFile {
    folder: String,
    written: Option<std::time::SystemTime>,
    json: PathBuf,
    tables: Vec<PathBuf>,
}

fn name(folder: &str, path: &Path) -> String {
    format!("{folder}/{}", path.file_name().unwrap_or_default().to_string_lossy())
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// Reads a file; none if it was merged meanwhile.
fn read(path: &Path) -> Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io(path, error)),
    }
}

/// The error of a copy that this machine could not write.
fn unsaved(error: std::io::Error) -> Error {
    Error::io(&std::env::temp_dir(), error).hint("set TMPDIR to a folder with more space")
}

/// Writes a file that is not there; otherwise returns the one that is. S3 also refuses a write if another one is under way.
///
/// Source: "Conditional requests" in the S3 user guide (409 `ConditionalRequestConflict`).
fn put_new(bucket: &Bucket, url: &S3Url, name: &str, bytes: &[u8]) -> Result<Option<Vec<u8>>> {
    let key = url.join(name).prefix;
    for attempt in 1.. {
        if bucket.upload(&key, bytes.to_vec(), Mode::New)? {
            return Ok(None);
        }
        let mut other = Vec::new();
        match bucket.download(&key, &mut other) {
            Err(error) if error.kind() == ErrorKind::NotFound && attempt < WRITES => {
                std::thread::sleep(PAUSE * attempt)
            }
            done => return done.map(|_| Some(other)),
        }
    }
    Ok(None)
}

/// Writes a file that may be there with the same content: a call that was made again, or a task.
fn write_once(bucket: &Bucket, url: &S3Url, name: &str, bytes: Vec<u8>) -> Result<()> {
    match put_new(bucket, url, name, &bytes)? {
        Some(other) if sha256(&other) != sha256(&bytes) => {}
        _ => return Ok(()),
    }
    let message = "the object is there already, with another content";
    Err(Error::new(ErrorKind::Integrity, url.join(name).to_string(), message)
        .hint("save the evidence in another bundle"))
}
