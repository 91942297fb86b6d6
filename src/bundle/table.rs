//! Tables: Parquet that is checked before it is decoded, and never takes more memory than its size allows.

use std::cell::Cell;
use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Once;

use polars::prelude::{
    DataFrame, ParallelStrategy, ParquetReader, ParquetWriter, PolarsError, PolarsResult, SerReader,
};

use super::atomic_file::{RESTORE, damaged, read_bytes, sha256, write_bytes};
use crate::error::{Error, ErrorKind, Result};

/// Most bytes of a table as a file.
const MOST_STORED: u64 = 1 << 30;
/// Most bytes of a table in memory, whatever its size as a file: a year of an instance with twenty clients takes a quarter.
const MOST_DECODED: u64 = 256 << 20;
/// How much larger a table may be in memory than as a file, where that is more.
const MOST_GROWTH: u64 = 256;
/// Bytes in memory that a value takes, texts not counted.
const VALUE: u64 = 16;

/// Reads the bytes of a table, which must have this digest where one is known.
pub(super) fn read_checked(path: &Path, digest: Option<&str>) -> Result<Vec<u8>> {
    let bytes = read_bytes(path, MOST_STORED)?;
    match digest {
        Some(digest) if sha256(&bytes) != digest => {
            Err(damaged(path, "the table was changed: its digest does not match"))
        }
        _ => Ok(bytes),
    }
}

/// The table in the bytes of a file.
///
/// # Errors
///
/// When they are no table, or one that is too large in memory.
pub(super) fn decode(path: &Path, bytes: Vec<u8>) -> Result<DataFrame> {
    let most = most_decoded(bytes.len() as u64);
    let decoded = quietly(move || {
        // Many tables are read at the same time as it is. On this thread alone, nothing breaks off elsewhere.
        let mut reader = ParquetReader::new(Cursor::new(bytes)).read_parallel(ParallelStrategy::None);
        let size = decoded_size(&mut reader)?;
        if size > most { Ok(Err(size)) } else { reader.finish().map(Ok) }
    });
    match decoded {
        Some(Ok(Ok(table))) => Ok(table),
        Some(Ok(Err(size))) => Err(too_large(path, size, most)),
        Some(Err(error)) => Err(misread(path, error)),
        None => Err(damaged(path, "the table cannot be decoded")),
    }
}

/// How many bytes a table takes in memory, by what its file says.
fn decoded_size(reader: &mut ParquetReader<Cursor<Vec<u8>>>) -> PolarsResult<u64> {
    let chunks = reader.get_metadata()?.row_groups.iter().flat_map(|group| {
        let rows = group.num_rows() as u64;
        group.parquet_columns().iter().map(move |chunk| {
            let values = u64::try_from(chunk.num_values()).unwrap_or(u64::MAX).max(rows);
            let texts = u64::try_from(chunk.uncompressed_size()).unwrap_or(u64::MAX);
            values.saturating_mul(VALUE).saturating_add(texts)
        })
    });
    Ok(chunks.fold(0, u64::saturating_add))
}

/// Most bytes in memory of a table that is so long as a file.
pub(super) fn most_decoded(stored: u64) -> u64 {
    MOST_DECODED.max(stored.saturating_mul(MOST_GROWTH))
}

/// That a table would fill too much memory.
pub(super) fn too_large(path: &Path, size: u64, most: u64) -> Error {
    damaged(path, format!("the table takes {size} bytes of memory (maximum {most})"))
}

/// That a table is not what was written.
pub(super) fn misread(path: &Path, error: PolarsError) -> Error {
    if let PolarsError::NoData(what) = &error {
        return damaged(path, what.to_string());
    }
    Error::new(ErrorKind::Format, path.display().to_string(), "the table cannot be read").hint(RESTORE).because(error)
}

/// Whether a table could be read again, were it written.
pub(super) fn can_be_read(path: &Path, table: &DataFrame) -> Result<bool> {
    let failed = |error| misread(path, error);
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes).finish(&mut table.clone()).map_err(failed)?;
    let (stored, most) = (bytes.len() as u64, most_decoded(bytes.len() as u64));
    let size = decoded_size(&mut ParquetReader::new(Cursor::new(bytes))).map_err(failed)?;
    Ok(size <= most && stored <= MOST_STORED)
}

/// Writes a table; returns its digest.
pub(super) fn write_table(path: &Path, table: PolarsResult<DataFrame>) -> Result<String> {
    let mut bytes = Vec::new();
    let written = table.and_then(|mut table| ParquetWriter::new(&mut bytes).finish(&mut table));
    written.map_err(|error| Error::io(path, std::io::Error::other(error)))?;
    write_bytes(path, &bytes)?;
    Ok(sha256(&bytes))
}

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Runs a decoder of another crate on unverified bytes, such as tables of older formats; none where it panics. A damaged
/// table costs its instance, and not the run.
fn quietly<T>(work: impl FnOnce() -> T) -> Option<T> {
    static HOOKED: Once = Once::new();
    HOOKED.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !QUIET.get() {
                usual(panic);
            }
        }));
    });
    let before = QUIET.replace(true);
    let done = catch_unwind(AssertUnwindSafe(work));
    QUIET.set(before);
    done.ok()
}
