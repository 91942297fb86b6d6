//! Logs on disk: a file, a folder of them, or standard input.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::decompress::Packing;
use super::mapped::Mapped;
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
    Plain(Mapped),
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
    if packing == Packing::Plain
        && file.metadata().map_err(fail)?.is_file()
        && let Some(mapped) = Mapped::new(&file).map_err(fail)?
    {
        return Ok(Log::Plain(mapped));
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
