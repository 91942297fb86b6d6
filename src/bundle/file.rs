//! Files of a bundle: written once, under another name first.

use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use polars::prelude::{DataFrame, ParquetReader, ParquetWriter, PolarsError, PolarsResult, SerReader};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, ErrorKind, Result};

/// What to do about a file that is not what was written.
pub(super) const AGAIN: &str = "copy the bundle again, or remove this file and collect again";

/// Reads a table.
///
/// # Errors
///
/// When the file is gone or is not what was written.
pub(super) fn read_table(path: &Path) -> Result<DataFrame> {
    let file = File::open(path).map_err(|error| Error::io(path, error))?;
    ParquetReader::new(file).finish().map_err(|error| misread(path, error))
}

/// That a table is not what was written.
pub(super) fn misread(path: &Path, error: PolarsError) -> Error {
    Error::new(ErrorKind::Format, path.display().to_string(), "the table in this file cannot be read")
        .hint(AGAIN)
        .because(error)
}

/// Writes a table.
pub(super) fn write_table(path: &Path, table: PolarsResult<DataFrame>) -> Result<()> {
    write_whole(path, |file| {
        let mut table = table.map_err(std::io::Error::other)?;
        ParquetWriter::new(file).finish(&mut table).map(|_| ()).map_err(std::io::Error::other)
    })
}

/// Reads what is small.
pub(super) fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let file = File::open(path).map_err(|error| Error::io(path, error))?;
    serde_json::from_reader(BufReader::new(file)).map_err(|error| {
        Error::new(ErrorKind::Format, path.display().to_string(), format!("not what a bundle holds: {error}"))
            .hint(AGAIN)
    })
}

/// Writes what is small.
pub(super) fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
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
pub(super) fn under_way(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    path.with_file_name(name)
}

/// Does something with the files of a folder; once more where some of them were merged into another meanwhile.
pub(super) fn settled<T>(read: impl Fn() -> Result<T>) -> Result<T> {
    match read() {
        Err(error) if error.kind() == ErrorKind::NotFound => read(),
        done => done,
    }
}

/// The `.json` files of a folder, by name.
pub(super) fn names(folder: &Path) -> Result<Vec<PathBuf>> {
    let fail = |error| Error::io(folder, error);
    let mut names = Vec::new();
    for entry in folder.read_dir().map_err(fail)? {
        names.push(entry.map_err(fail)?.path());
    }
    names.retain(|name| name.extension().is_some_and(|extension| extension == "json"));
    names.sort_unstable();
    Ok(names)
}

/// Removes a file that may be gone already.
pub(super) fn remove(file: &Path) -> Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io(file, error)),
        _ => Ok(()),
    }
}

/// Waits until the names in a folder are on disk.
pub(super) fn sync(folder: &Path) -> Result<()> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| Error::io(folder, error))
}
