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
    /// A plain file, mapped into memory.
    Mapped(Mapped),
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
        return Mapped::new(&file).map(Log::Mapped).map_err(fail);
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

/// A file mapped into memory.
pub struct Mapped(Option<memmap2::Mmap>);

impl Mapped {
    /// Maps a file.
    ///
    /// A file that another process shortens while it is mapped ends this process with a bus error: nothing wrong can be
    /// read, and no report is written. Engines append to their logs and delete them; they do not shorten them.
    #[expect(unsafe_code, reason = "mapping is what makes a scan as fast as the page cache; see above for the danger")]
    fn new(file: &File) -> io::Result<Self> {
        if file.metadata()?.len() == 0 {
            return Ok(Self(None));
        }
        // SAFETY: the mapping is private and read-only, and is only ever read as bytes, of which any value is valid.
        let map = unsafe { memmap2::MmapOptions::new().map_copy_read_only(file)? };
        Ok(Self(Some(map)))
    }

    /// The file's bytes.
    pub fn bytes(&self) -> &[u8] {
        self.0.as_deref().unwrap_or_default()
    }
}
