//! Logs on disk: a file, a folder of them, or standard input.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use super::archive::{Archive, Kind, SHOWN};
use super::blocks::Blocks;
use super::decompress::Packing;
use crate::error::{Error, ErrorKind, Result};

/// How often a log may be packed.
const PACKED_MAX: usize = 2;

/// The files under `path`, sorted by name: itself, or all that are in the folder and its folders.
///
/// Hidden files are passed over. Links are followed for files and not for folders, so that no loop is read forever.
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
        return Err(Error::new(ErrorKind::NotFound, path.display().to_string(), "the folder contains no files")
            .hint("give a folder with downloaded logs, or a log file"));
    }
    found.sort_unstable();
    Ok(found)
}

/// A log, opened.
pub enum Log {
    /// A plain file.
    Plain(Blocks),
    /// Anything else, as a stream of unpacked bytes.
    Stream(Box<dyn Read>),
    /// An archive of logs.
    Archive(Archive<'static>),
}

/// What a stream is once it is unpacked.
pub enum Opened<'r> {
    /// A log.
    Stream(Box<dyn Read + 'r>),
    /// An archive, with its bytes.
    Archive(Kind, Box<dyn Read + 'r>),
}

/// Opens a log file, packed or not.
///
/// # Errors
///
/// When it cannot be opened or is not what its first bytes promise.
pub fn open(path: &Path) -> Result<Log> {
    let fail = |error| Error::io(path, error);
    let mut file = File::open(path).map_err(fail)?;
    let is_file = file.metadata().map_err(fail)?.is_file();
    let head = shown(&mut file).map_err(fail)?;
    if is_file && Packing::of(&head) == Packing::Plain {
        match Kind::of(&head) {
            Some(Kind::Zip) => return Ok(Log::Archive(Archive::Zip(Box::new(BufReader::new(file))))),
            Some(Kind::Tar) => {}
            None => {
                let blocks = Blocks::new(file.try_clone().map_err(fail)?).map_err(fail)?;
                // Files that the system makes up as they are read have no length.
                if blocks.length() > 0 {
                    return Ok(Log::Plain(blocks));
                }
            }
        }
    }
    log(io::Cursor::new(head).chain(file)).map_err(fail)
}

/// Opens standard input, packed or not.
///
/// # Errors
///
/// As [`open`].
pub fn stdin() -> Result<Log> {
    log(io::stdin().lock()).map_err(|error| Error::io(Path::new("-"), error))
}

fn log(stream: impl Read + 'static) -> io::Result<Log> {
    Ok(match unpacked(stream)? {
        Opened::Stream(stream) => Log::Stream(stream),
        Opened::Archive(kind, stream) => Log::Archive(Archive::stream(kind, stream)?),
    })
}

/// Unpacks a stream, which may be packed twice: Firehose packs what CloudWatch Logs has packed.
///
/// # Errors
///
/// When it cannot be read or is not what its first bytes promise.
pub fn unpacked<'r>(stream: impl Read + 'r) -> io::Result<Opened<'r>> {
    let mut stream: Box<dyn Read + 'r> = Box::new(stream);
    for _ in 0..=PACKED_MAX {
        let head = shown(&mut stream)?;
        let (packing, kind) = (Packing::of(&head), Kind::of(&head));
        let whole = io::Cursor::new(head).chain(stream);
        if packing == Packing::Plain {
            let whole = Box::new(whole);
            return Ok(match kind {
                Some(kind) => Opened::Archive(kind, whole),
                None => Opened::Stream(whole),
            });
        }
        stream = packing.open(whole)?;
    }
    Err(io::Error::other("it is compressed more than twice. Decompress it first."))
}

/// The first bytes of a stream, which show what it is.
fn shown(stream: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::with_capacity(SHOWN);
    stream.take(SHOWN as u64).read_to_end(&mut head)?;
    Ok(head)
}
