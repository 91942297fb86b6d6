//! A folder of logs, on this machine or in S3.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::NamedTempFile;

use super::directory;
use crate::aws::s3::{Bucket, Object, S3Url};
use crate::error::{Error, ErrorKind, Result, TRY_AGAIN};

/// Bytes of an object that are read at once to see what it is.
const PART: u64 = 256 << 10;

/// The key and the size of each object, by its URL.
type Objects = BTreeMap<PathBuf, (String, u64)>;

/// The files of a folder, or the objects below a prefix. Paths of objects are their URLs.
#[derive(Clone, Debug, Default)]
pub struct LogFolder {
    root: PathBuf,
    files: Vec<PathBuf>,
    objects: Option<(Bucket, Arc<Objects>)>,
}

/// A file on this machine, which is removed when this is dropped if it is the copy of an object.
#[derive(Debug)]
pub struct Fetched {
    path: PathBuf,
    /// Of an object.
    _copy: Option<NamedTempFile>,
}

impl Fetched {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// An object, read in parts when they are asked for.
struct Parts {
    bucket: Bucket,
    key: String,
    size: u64,
    /// Bytes that came.
    at: u64,
    part: io::Cursor<bytes::Bytes>,
}

impl Read for Parts {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.at < self.size && self.part.position() == self.part.get_ref().len() as u64 {
            let range = self.at..self.size.min(self.at + PART);
            let part = self.bucket.part(&self.key, range).map_err(io::Error::other)?;
            self.at += part.len() as u64;
            self.part = io::Cursor::new(part);
        }
        self.part.read(into)
    }
}

impl LogFolder {
    /// The files under a path of this machine, sorted by name: see [`directory::files`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn open(path: &Path) -> Result<Self> {
        Ok(Self { root: path.to_owned(), files: directory::files(path)?, objects: None })
    }

    /// The objects below a prefix, sorted by key. Hidden ones are passed over, as on disk.
    ///
    /// # Errors
    ///
    /// When they cannot be listed, and when there is none.
    pub fn in_s3(bucket: Bucket, url: &S3Url) -> Result<Self> {
        let listed = bucket.list(&url.prefix)?;
        // The S3 console makes folders: empty objects with a slash at the end of their keys.
        let mut folders = BTreeSet::new();
        for object in &listed {
            folders.extend(object.key.match_indices('/').map(|(at, _)| object.key.split_at(at).0));
        }
        let is_folder = |object: &Object| object.size == 0 && folders.contains(object.key.as_str());
        let inside = |key: &str| key.strip_prefix(url.prefix.as_str()).unwrap_or(key).to_owned();
        let is_hidden = |object: &Object| inside(&object.key).split('/').any(|word| word.starts_with('.'));
        let path = |key: &str| PathBuf::from(S3Url { bucket: url.bucket.clone(), prefix: key.to_owned() }.to_string());
        let kept = listed.iter().filter(|object| !is_folder(object) && !is_hidden(object));
        let objects: Objects = kept.map(|object| (path(&object.key), (object.key.clone(), object.size))).collect();
        if objects.is_empty() {
            return Err(Error::new(ErrorKind::NotFound, url.to_string(), "no objects have this prefix")
                .hint("check the prefix"));
        }
        let root = PathBuf::from(url.to_string().trim_end_matches('/'));
        Ok(Self { root, files: objects.keys().cloned().collect(), objects: Some((bucket, Arc::new(objects))) })
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Its files.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    fn object(&self, path: &Path) -> Option<(&Bucket, &str, u64)> {
        let (bucket, objects) = self.objects.as_ref()?;
        objects.get(path).map(|(key, size)| (bucket, key.as_str(), *size))
    }

    /// The size of a file; none where it is unknown.
    pub fn size(&self, path: &Path) -> Option<u64> {
        match self.object(path) {
            Some((.., size)) => Some(size),
            None => path.metadata().ok().map(|metadata| metadata.len()),
        }
    }

    /// The beginning of a file, which shows what it is.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub fn beginning(&self, path: &Path) -> Result<Box<dyn Read>> {
        match self.object(path) {
            Some((bucket, key, size)) => {
                let (bucket, key, part) = (bucket.clone(), key.to_owned(), io::Cursor::default());
                Ok(Box::new(Parts { bucket, key, size, at: 0, part }))
            }
            None => Ok(Box::new(File::open(path).map_err(|error| Error::io(path, error))?)),
        }
    }

    /// Does something with each file, with many objects at a time. The results are in the order of the files.
    pub fn map_all<T: Send + 'static>(&self, job: impl Fn(&Self, &Path) -> T + Send + Sync + 'static) -> Vec<T> {
        match &self.objects {
            None => self.files.iter().map(|path| job(self, path)).collect(),
            Some((bucket, _)) => {
                let folder = self.clone();
                bucket.map(self.files.clone(), move |path| job(&folder, &path)).collect()
            }
        }
    }

    /// The files of [`Self::fetch`], of which objects are copied some ahead of the reader.
    pub fn fetch_all<'f>(&'f self, paths: &'f [PathBuf]) -> Box<dyn Iterator<Item = Result<Fetched>> + 'f> {
        match &self.objects {
            None => Box::new(paths.iter().map(|path| self.fetch(path))),
            Some((bucket, _)) => {
                let folder = self.clone();
                Box::new(bucket.map(paths.to_vec(), move |path| folder.fetch(&path)))
            }
        }
    }

    /// A file on this machine: an object is copied into the folder for temporary files.
    ///
    /// # Errors
    ///
    /// When it cannot be copied.
    pub fn fetch(&self, path: &Path) -> Result<Fetched> {
        let Some((bucket, key, size)) = self.object(path) else {
            return Ok(Fetched { path: path.to_owned(), _copy: None });
        };
        let unsaved = |error| Error::io(&std::env::temp_dir(), error);
        let mut copy = tempfile::Builder::new().prefix("ssl-usage-").tempfile().map_err(unsaved)?;
        let received = bucket.download(key, copy.as_file_mut())?;
        if received != size {
            let message = format!("the object had {size} bytes when it was listed, and {received} now");
            return Err(Error::new(ErrorKind::Truncated, path.display().to_string(), message).hint(TRY_AGAIN));
        }
        copy.as_file_mut().flush().map_err(unsaved)?;
        Ok(Fetched { path: copy.path().to_owned(), _copy: Some(copy) })
    }
}
