//! Logs on disk: a file, a folder of them, or standard input.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::decompress::Packing;
use crate::error::{Error, ErrorKind, Result};

/// Bytes that tell how a log is packed.
const MAGIC: usize = 4;

/// The files under `path`, sorted by name: itself, or all that are in the folder and its folders.
///
/// Hidden files are passed over. Links are followed for files and not for folders, so that no folder is read for ever.
///
/// # Errors
///
/// When `path` does not exist or a folder cannot be read, and when a folder holds no file at all.
pub fn files(path: &Path) -> Result<Vec<PathBuf>> {
    let metadata = path.metadata().map_err(|error| Error::io(path, error))?;
    if !metadata.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    let mut folders = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in folder.read_dir().map_err(|error| Error::io(&folder, error))? {
            let entry = entry.map_err(|error| Error::io(&folder, error))?;
            if entry.file_name().as_encoded_bytes().starts_with(b".") {
                continue;
            }
            let kind = entry.file_type().map_err(|error| Error::io(&entry.path(), error))?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else if entry.path().is_file() {
                found.push(entry.path());
            }
        }
    }
    if found.is_empty() {
        return Err(Error::new(ErrorKind::NotFound, path.display().to_string(), "the folder holds no files")
            .hint("name a folder with downloaded logs, or a log file"));
    }
    found.sort_unstable();
    Ok(found)
}

/// A log, opened.
pub enum Log {
    /// A plain file.
    Plain(Plain),
    /// Anything else, as a stream of unpacked bytes.
    Stream(Box<dyn Read>),
}

/// Opens a log file, packed or not.
///
/// # Errors
///
/// When it cannot be opened or is not what its first bytes promise.
pub fn open(path: &Path) -> Result<Log> {
    let fail = |error| Error::io(path, error);
    let mut file = File::open(path).map_err(fail)?;
    let mut magic = Vec::with_capacity(MAGIC);
    file.by_ref().take(MAGIC as u64).read_to_end(&mut magic).map_err(fail)?;
    let packing = Packing::of(&magic);
    if packing == Packing::Plain && file.metadata().map_err(fail)?.is_file() {
        return Plain::new(file).map(Log::Plain).map_err(fail);
    }
    let whole = io::Cursor::new(magic).chain(file);
    packing.open(whole).map(Log::Stream).map_err(fail)
}

/// Opens standard input, packed or not.
///
/// # Errors
///
/// As [`open`].
pub fn stdin() -> Result<Log> {
    let fail = |error| Error::io(Path::new("-"), error);
    let mut input = io::stdin().lock();
    let mut magic = Vec::with_capacity(MAGIC);
    input.by_ref().take(MAGIC as u64).read_to_end(&mut magic).map_err(fail)?;
    Packing::of(&magic).open(io::Cursor::new(magic).chain(input)).map(Log::Stream).map_err(fail)
}

/// A file that several threads read at any place.
///
/// It is read up to the length that it had when it was opened: engines append to their logs.
pub struct Plain {
    file: File,
    length: u64,
    /// Held while the file's one position is in use.
    #[cfg(not(unix))]
    position: std::sync::Mutex<()>,
}

impl Plain {
    fn new(file: File) -> io::Result<Self> {
        let length = file.metadata()?.len();
        Ok(Self {
            file,
            length,
            #[cfg(not(unix))]
            position: std::sync::Mutex::default(),
        })
    }

    /// The file's length when it was opened.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The first bytes of the file, at most so many.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub fn head(&self, bytes: usize) -> io::Result<Vec<u8>> {
        let mut head = vec![0; usize::try_from(self.length).map_or(bytes, |length| length.min(bytes))];
        let mut filled = 0;
        while let Some(rest) = head.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.read_at(rest, filled as u64)? {
                0 => break,
                read => filled += read,
            }
        }
        head.truncate(filled);
        Ok(head)
    }

    /// Fills some of `buffer` with the bytes at a place; tells how many, none at the end.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub fn read_at(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        loop {
            match self.read_once(buffer, at) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => return other,
            }
        }
    }

    #[cfg(unix)]
    fn read_once(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(&self.file, buffer, at)
    }

    #[cfg(not(unix))]
    fn read_once(&self, buffer: &mut [u8], at: u64) -> io::Result<usize> {
        let _alone = self.position.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        io::Seek::seek(&mut &self.file, io::SeekFrom::Start(at))?;
        (&self.file).read(buffer)
    }
}
