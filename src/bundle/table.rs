//! Tables: Parquet that is checked before it is decoded, and never takes more memory than its size allows.

use std::cell::Cell;
use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Once;

use polars::prelude::{
    Column, DataFrame, ParallelStrategy, ParquetReader, ParquetWriter, PlSmallStr, PolarsError, PolarsResult, SerReader,
};

use polars_io::parquet::metadata::FileMetadataRef;

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

/// A table as a file, of which columns are read one at a time: all of them together take much more memory.
pub(super) struct Table<'f> {
    bytes: &'f [u8],
    metadata: FileMetadataRef,
}

impl<'f> Table<'f> {
    /// The table in the bytes of a file, of which these columns may be read.
    ///
    /// # Errors
    ///
    /// When they are no table, or one that is too large in memory.
    pub fn of(path: &Path, bytes: &'f [u8], columns: &[&str]) -> Result<Self> {
        let most = most_decoded(bytes.len() as u64);
        let opened = quietly(|| {
            let mut reader = ParquetReader::new(Cursor::new(bytes));
            let size = decoded_size(&mut reader, columns)?;
            Ok((reader.get_metadata()?.clone(), size))
        });
        match opened.map_err(|error| misread(path, error))? {
            (_, size) if size > most => Err(too_large(path, size, most)),
            (metadata, _) => Ok(Self { bytes, metadata }),
        }
    }

    /// One of these columns; none where it has no such column.
    ///
    /// # Errors
    ///
    /// When it cannot be decoded.
    pub fn column(&self, name: &str) -> PolarsResult<Option<Column>> {
        Ok(self.columns(&[name])?.column(name).ok().cloned())
    }

    /// Those of these columns that it has. What newer versions added may be of any type.
    ///
    /// # Errors
    ///
    /// When one cannot be decoded.
    pub fn columns(&self, columns: &[&str]) -> PolarsResult<DataFrame> {
        quietly(|| {
            // Many tables are read at the same time as it is. On this thread alone, nothing breaks off elsewhere.
            let mut reader = ParquetReader::new(Cursor::new(self.bytes)).read_parallel(ParallelStrategy::None);
            reader.set_metadata(self.metadata.clone());
            let there = reader.schema()?;
            let columns = columns.iter().filter(|name| there.contains(name)).map(|name| (*name).to_owned()).collect();
            let table = reader.with_columns(Some(columns)).finish()?;
            // Columns that are read one at a time belong together.
            let rows: usize = self.metadata.row_groups.iter().map(|group| group.num_rows()).sum();
            match table.width() == 0 || table.height() == rows {
                true => Ok(table),
                false => Err(PolarsError::NoData("the columns differ in length".into())),
            }
        })
    }
}

/// Those of these columns that the table in the bytes of a file has.
///
/// # Errors
///
/// When they are no table, or one that is too large in memory.
pub(super) fn decode(path: &Path, bytes: &[u8], columns: &[&str]) -> Result<DataFrame> {
    Table::of(path, bytes, columns)?.columns(columns).map_err(|error| misread(path, error))
}

/// How many bytes these columns of a table take in memory, by what its file says.
fn decoded_size(reader: &mut ParquetReader<Cursor<&[u8]>>, columns: &[&str]) -> PolarsResult<u64> {
    let is_read = |path: &[PlSmallStr]| path.first().is_some_and(|name| columns.contains(&name.as_str()));
    let chunks = reader.get_metadata()?.row_groups.iter().flat_map(|group| {
        let rows = group.num_rows() as u64;
        let chunks = group.parquet_columns().iter();
        chunks.filter(|chunk| is_read(&chunk.descriptor().path_in_schema)).map(move |chunk| {
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

/// Whether a table of these columns could be read again, were it written.
pub(super) fn can_be_read(path: &Path, table: &DataFrame, columns: &[&str]) -> Result<bool> {
    let failed = |error| misread(path, error);
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes).finish(&mut table.clone()).map_err(failed)?;
    let (stored, most) = (bytes.len() as u64, most_decoded(bytes.len() as u64));
    let size = decoded_size(&mut ParquetReader::new(Cursor::new(&bytes)), columns).map_err(failed)?;
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

/// Runs a decoder of another crate on unverified bytes, such as tables of older formats; an error where it panics. A damaged
/// table costs its instance, and not the run.
fn quietly<T>(work: impl FnOnce() -> PolarsResult<T>) -> PolarsResult<T> {
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
    done.unwrap_or_else(|_| Err(PolarsError::NoData("the table cannot be decoded".into())))
}
