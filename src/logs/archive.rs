//! Archives of logs, tar and zip: their files one after the other, as streams. Nothing is written to disk, and nothing
//! of an archive is in memory but the piece that is read.

use std::cell::Cell;
use std::io::{self, Cursor, Read, Seek, SeekFrom};

use tar::EntryType;
use zip::ZipArchive;

use super::directory::{Opened, unpacked};
use crate::error::{Error, ErrorKind, Result};

/// Longest name of a file in an archive.
const NAME_MAX: u64 = 64 * 1024;
/// Most files in an archive, and most bytes of their names.
const MEMBERS_MAX: (usize, usize) = (100_000, 16 * 1024 * 1024);
/// Most bytes of a zip archive that are read before its first file: the list of its files.
const LIST_MAX: u64 = 32 * 1024 * 1024;
/// Largest zip archive that is held in memory, because it comes as a stream: its list of files is at its end.
const HELD_MAX: u64 = 256 * 1024 * 1024;

/// Bytes of a file with random access.
pub trait ReadSeek: Read + Seek {}

impl<R: Read + Seek> ReadSeek for R {}

/// Which kind of archive a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// tar, as POSIX and GNU write it.
    Tar,
    /// zip.
    Zip,
}

impl Kind {
    /// The kind of archive that begins with `head`, which is 512 bytes, or all there is.
    ///
    /// Sources: `ustar` in POSIX pax; 4.3.7 and 4.3.16 of PKWARE's APPNOTE.
    pub fn of(head: &[u8]) -> Option<Self> {
        if head.get(257..262) == Some(b"ustar") {
            return Some(Self::Tar);
        }
        (head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06")).then_some(Self::Zip)
    }
}

/// An archive, opened.
pub enum Archive<'r> {
    /// tar.
    Tar(Box<dyn Read + 'r>),
    /// zip, which is read from its end.
    Zip(Box<dyn ReadSeek + 'r>),
}

/// Takes the files of an archive: the name, `archive!file`, and the bytes or why they cannot be read.
pub type Visit<'v> = &'v mut dyn FnMut(&str, Result<Box<dyn Read + '_>>);

impl<'r> Archive<'r> {
    /// The archive that a stream is.
    ///
    /// # Errors
    ///
    /// When it is a zip archive that is too large to be held in memory, or cannot be read.
    pub fn stream(kind: Kind, stream: impl Read + 'r) -> io::Result<Self> {
        if kind == Kind::Tar {
            return Ok(Self::Tar(Box::new(stream)));
        }
        let mut held = Vec::new();
        stream.take(HELD_MAX + 1).read_to_end(&mut held)?;
        if held.len() as u64 > HELD_MAX {
            let why = "this zip archive is a stream of more than 256 MiB. Save it to a file, and scan the file.";
            return Err(io::Error::other(why));
        }
        Ok(Self::Zip(Box::new(Cursor::new(held))))
    }

    /// Reads its files in turn. Hidden files are passed over, as in folders.
    ///
    /// # Errors
    ///
    /// When the archive itself is damaged, or names too many files. What was read before stands.
    pub fn each(self, name: &str, visit: Visit<'_>) -> Result<()> {
        let fail = |error: io::Error| {
            Error::new(ErrorKind::Format, name, format!("could not read the whole archive: {error}"))
                .hint("download or create the archive again")
                .because(error)
        };
        match self {
            Self::Tar(stream) => tar_files(name, stream, visit),
            Self::Zip(file) => zip_files(name, file, visit),
        }
        .map_err(fail)
    }
}

/// Whether a file is passed over: a hidden one, or one in a hidden folder.
fn is_hidden(name: &str) -> bool {
    name.split('/').any(|part| part.starts_with('.') && part != "." && part != "..")
}

/// Opens a file of an archive, which may be packed.
fn visit_file(name: &str, file: impl Read, visit: Visit<'_>) {
    let opened = match unpacked(file) {
        Ok(Opened::Stream(stream)) => Ok(stream),
        Ok(Opened::Archive(..)) => {
            Err(Error::new(ErrorKind::Format, name, "an archive inside an archive is not supported")
                .hint("unpack it, and scan its files"))
        }
        Err(error) => Err(Error::new(ErrorKind::Format, name, error.to_string()).because(error)),
    };
    visit(name, opened);
}

fn refused(name: &str, message: impl Into<String>, visit: Visit<'_>) {
    let error = Error::new(ErrorKind::Format, name, message).hint("unpack the archive, and scan its files");
    visit(name, Err(error));
}

/// What stands before a file of a tar archive that is about it.
#[derive(Default)]
struct Extended {
    path: Option<Vec<u8>>,
    /// Whether its size does not fit its header.
    resized: bool,
}

impl Extended {
    /// Takes such an entry, whose text is bounded here and not by `tar`.
    fn take(&mut self, kind: EntryType, text: &[u8]) -> io::Result<()> {
        if kind == EntryType::GNULongName {
            self.path = Some(text.split(|byte| *byte == 0).next().unwrap_or_default().to_vec());
        } else if kind == EntryType::XHeader {
            for extension in tar::PaxExtensions::new(text) {
                let extension = extension?;
                match extension.key_bytes() {
                    b"path" => self.path = Some(extension.value_bytes().to_vec()),
                    b"size" | b"GNU.sparse.size" | b"GNU.sparse.realsize" => self.resized = true,
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

fn tar_files(archive_name: &str, stream: Box<dyn Read + '_>, visit: Visit<'_>) -> io::Result<()> {
    let (read, mut end) = (Cell::new(0), 0);
    let mut archive = tar::Archive::new(Counted { stream, read: &read });
    let mut extended = Extended::default();
    let mut members = Members::default();
    for entry in archive.entries()?.raw(true) {
        let mut entry = entry?;
        let kind = entry.header().entry_type();
        end =
            entry.raw_file_position().saturating_add(entry.size()).checked_next_multiple_of(BLOCK).unwrap_or(u64::MAX);
        if matches!(
            kind,
            EntryType::GNULongName | EntryType::GNULongLink | EntryType::XHeader | EntryType::XGlobalHeader
        ) {
            let mut text = Vec::new();
            entry.by_ref().take(NAME_MAX + 1).read_to_end(&mut text)?;
            if text.len() as u64 > NAME_MAX {
                return Err(io::Error::other("the name of a file is longer than 64 KiB"));
            }
            extended.take(kind, &text)?;
            continue;
        }
        let Extended { path, resized } = std::mem::take(&mut extended);
        let path = path.unwrap_or_else(|| entry.header().path_bytes().into_owned());
        let file = String::from_utf8_lossy(&path);
        let name = format!("{archive_name}!{file}");
        members.add(&file)?;
        match kind {
            EntryType::GNUSparse => refused(&name, "sparse files in a tar archive are not supported", visit),
            _ if resized => {
                refused(&name, "sparse files and files of more than 8 GiB in a tar archive are not supported", visit)
            }
            EntryType::Regular | EntryType::Continuous if is_hidden(&file) => {}
            EntryType::Regular | EntryType::Continuous => visit_file(&name, entry, visit),
            // Folders, links and devices hold no log.
            _ => {}
        }
    }
    // Blocks of zeros end an archive. Without one, files behind the last one may be missing. Source: POSIX pax.
    if read.get() < end.saturating_add(BLOCK) {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "it is truncated"));
    }
    Ok(())
}

/// Bytes of a block of a tar archive.
const BLOCK: u64 = 512;

/// A stream that counts the bytes that are read of it.
struct Counted<'a, R> {
    stream: R,
    read: &'a Cell<u64>,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.stream.read(into)?;
        self.read.set(self.read.get() + read as u64);
        Ok(read)
    }
}

/// How many files the end of a zip archive says it holds, modulo 65536. Source: 4.3.16 of PKWARE's APPNOTE.
fn listed(file: &mut dyn ReadSeek) -> io::Result<Option<u16>> {
    let length = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(length.saturating_sub(66_000)))?;
    let mut end = Vec::new();
    file.read_to_end(&mut end)?;
    file.seek(SeekFrom::Start(0))?;
    let record = memchr::memmem::rfind(&end, b"PK\x05\x06").and_then(|at| end.get(at + 10..at + 12));
    let count = record.and_then(|count| count.try_into().ok()).map(u16::from_le_bytes);
    // A larger archive has the number elsewhere.
    Ok(count.filter(|count| *count < u16::MAX))
}

fn zip_files(archive_name: &str, mut file: Box<dyn ReadSeek + '_>, visit: Visit<'_>) -> io::Result<()> {
    let listed = listed(file.as_mut())?;
    let left = Cell::new(LIST_MAX);
    let mut archive = ZipArchive::new(Metered { file, left: &left })?;
    left.set(u64::MAX);
    let mut members = Members::default();
    for index in 0..archive.len() {
        let file = archive.name_for_index(index).unwrap_or_default().to_owned();
        members.add(&file)?;
        let name = format!("{archive_name}!{file}");
        match archive.by_index(index) {
            _ if is_hidden(&file) => {}
            Ok(file) if file.is_file() => visit_file(&name, file, visit),
            Ok(_) => {}
            Err(error) => refused(&name, format!("could not read this file from the archive: {error}"), visit),
        }
    }
    // Of files with one name, the list that was read has only the last.
    match listed.map(usize::from).filter(|listed| *listed != archive.len()) {
        Some(listed) => Err(io::Error::other(format!(
            "it lists {listed} files, but {} could be read, because several have the same name",
            archive.len()
        ))),
        None => Ok(()),
    }
}

/// A file of which no more than so many bytes are read.
struct Metered<'a, R> {
    file: R,
    left: &'a Cell<u64>,
}

impl<R: Read> Read for Metered<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(into)?;
        let left = self.left.get().checked_sub(read as u64);
        self.left.set(left.ok_or_else(|| io::Error::other("its list of files is longer than 32 MiB"))?);
        Ok(read)
    }
}

impl<R: Seek> Seek for Metered<'_, R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.file.seek(to)
    }
}

/// The files of an archive so far: how many, and how many bytes their names have.
#[derive(Default)]
struct Members(usize, usize);

impl Members {
    fn add(&mut self, name: &str) -> io::Result<()> {
        self.0 += 1;
        self.1 += name.len();
        if self.0 > MEMBERS_MAX.0 {
            return Err(io::Error::other("it contains more than 100,000 files"));
        }
        if self.1 > MEMBERS_MAX.1 {
            return Err(io::Error::other("the names of its files take more than 16 MiB"));
        }
        Ok(())
    }
}

/// Bytes that show what a stream is.
pub(super) const SHOWN: usize = 512;
