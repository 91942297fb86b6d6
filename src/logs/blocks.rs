//! A file on disk, read at any offset into reused memory.
//!
//! It is not mapped: engines truncate and rotate their logs, and what a map loses ends the process.

use std::fs::File;
use std::io;
use std::ops::{Deref, Range};
use std::sync::{Mutex, PoisonError};

/// What blocks are aligned to: the system copies whole pages faster.
const PAGE: usize = 4096;

/// A file that several threads read at any offset.
///
/// It is read up to the length that it had when it was opened: engines append to their logs.
#[derive(Debug)]
pub struct Blocks {
    file: File,
    length: u64,
    /// Memory that no block is in: as much as there are threads that read.
    spare: Mutex<Vec<Vec<u8>>>,
}

/// The bytes of a range.
#[derive(Debug)]
pub struct Block<'b> {
    memory: Vec<u8>,
    /// Where in the memory they are.
    range: Range<usize>,
    of: &'b Blocks,
}

impl Deref for Block<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.memory.get(self.range.clone()).unwrap_or_default()
    }
}

impl Drop for Block<'_> {
    fn drop(&mut self) {
        self.of.spare.lock().unwrap_or_else(PoisonError::into_inner).push(std::mem::take(&mut self.memory));
    }
}

impl Blocks {
    /// The file.
    ///
    /// # Errors
    ///
    /// When its length cannot be had.
    pub fn new(file: File) -> io::Result<Self> {
        let length = file.metadata()?.len();
        Ok(Self { file, length, spare: Mutex::default() })
    }

    /// The file's length when it was opened.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// The bytes of a range, as far as it lies within the file.
    ///
    /// # Errors
    ///
    /// When they cannot be read, and when the file has become shorter.
    pub fn view(&self, range: Range<u64>) -> io::Result<Block<'_>> {
        let length = range.end.min(self.length).saturating_sub(range.start);
        let length = usize::try_from(length).map_err(io::Error::other)?;
        let spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut memory = spare.unwrap_or_default();
        if memory.len() < length + PAGE {
            memory.resize(length + PAGE, 0);
        }
        let start = memory.as_ptr().align_offset(PAGE).min(PAGE);
        let mut block = Block { memory, range: start..start + length, of: self };
        self.read(block.memory.get_mut(block.range.clone()).unwrap_or_default(), range.start)?;
        Ok(block)
    }

    /// Reads all bytes at an offset.
    ///
    /// # Errors
    ///
    /// As [`Blocks::view`].
    pub fn read(&self, into: &mut [u8], at: u64) -> io::Result<()> {
        read_exact_at(&self.file, into, at).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => shorter(),
            _ => error,
        })
    }

    /// Checks that the file has not become shorter since it was opened.
    ///
    /// # Errors
    ///
    /// When it has.
    pub fn is_whole(&self) -> io::Result<()> {
        if self.file.metadata()?.len() < self.length { Err(shorter()) } else { Ok(()) }
    }
}

fn shorter() -> io::Error {
    io::Error::other("the file became shorter while it was read. Scan a copy, or scan it after log rotation.")
}

#[cfg(unix)]
fn read_exact_at(file: &File, into: &mut [u8], at: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, into, at)
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut into: &mut [u8], mut at: u64) -> io::Result<()> {
    while !into.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, into, at)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => {
                into = into.get_mut(read..).unwrap_or_default();
                at += read as u64;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn what_is_appended_is_not_read_and_what_is_cut_off_is_an_error() {
        let mut file = tempfile::tempfile().expect("a file");
        file.write_all(b"0123456789").expect("written");
        let blocks = Blocks::new(file.try_clone().expect("a handle")).expect("a length");
        let view = |range| blocks.view(range).map(|block| block.to_vec());
        assert_eq!(view(2..5).expect("there"), b"234");
        file.write_all(b"more").expect("written");
        assert_eq!(view(8..100).expect("there"), b"89");
        assert_eq!(view(10..100).expect("nothing"), b"");
        blocks.is_whole().expect("it has grown");
        file.set_len(9).expect("cut");
        assert_eq!(view(2..5).expect("still there"), b"234");
        assert!(view(8..10).is_err() && blocks.is_whole().is_err(), "a shorter file is not a shorter log");
    }
}
