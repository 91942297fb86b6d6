//! Files of a bundle: written once under a temporary name, and readable by their owner only.
//!
//! An existing folder keeps its permissions for its group: files and folders in it have the same, and no others.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::error::{Error, ErrorKind, Result};
use crate::text::hex;

/// What to do about a damaged file.
pub(super) const RESTORE: &str = "restore the file from a copy of the bundle, or collect into a new bundle";

/// SHA-256 in hexadecimal.
pub(super) fn sha256(bytes: &[u8]) -> String {
    hex(Sha256::digest(bytes).as_slice())
}

/// The error of a damaged file.
pub(super) fn damaged(path: &Path, what: impl Into<String>) -> Error {
    Error::new(ErrorKind::Integrity, path.display().to_string(), what).hint(RESTORE)
}

/// Reads a whole file of at most so many bytes.
pub(super) fn read_bytes(path: &Path, most: u64) -> Result<Vec<u8>> {
    let fail = |error| Error::io(path, error);
    if !fs::metadata(path).map_err(fail)?.is_file() {
        return Err(damaged(path, "it is not a file"));
    }
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(most + 1).read_to_end(&mut bytes)).map_err(fail)?;
    if bytes.len() as u64 > most {
        return Err(damaged(path, format!("the file is longer than {most} bytes, the maximum")));
    }
    Ok(bytes)
}

/// Writes a file under another name and renames it, so that it is there whole or not at all.
pub(super) fn write_bytes(path: &Path, bytes: &[u8]) -> Result<()> {
    let fail = |error| Error::io(path, error);
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".");
    let mut builder = tempfile::Builder::new();
    builder.prefix(&name).suffix(UNDER_WAY);
    access::of_files(&mut builder, folder);
    let mut file = builder.tempfile_in(folder).map_err(fail)?;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(fail)?;
    file.persist(path).map(drop).map_err(|lost| fail(lost.error))
}

/// How names end of files that are not whole yet.
pub(super) const UNDER_WAY: &str = ".new";

/// A reserved name in a bundle: until this is dropped, a file with `.new` appended to the name exists.
#[derive(Debug)]
pub(super) struct Reserved {
    /// The name.
    pub path: PathBuf,
}

impl Reserved {
    /// Reserves a name; none where it is taken.
    pub fn new(path: PathBuf) -> Result<Option<Self>> {
        let reserved = Self { path };
        let sign = reserved.sign();
        match access::options(&sign).write(true).create_new(true).open(&sign) {
            // Another process may have written the file in between; then this one goes away again.
            Ok(_) if reserved.path.exists() => Ok(None),
            Ok(_) => Ok(Some(reserved)),
            Err(error) => {
                let taken = error.kind() == std::io::ErrorKind::AlreadyExists;
                std::mem::forget(reserved);
                if taken { Ok(None) } else { Err(Error::io(&sign, error)) }
            }
        }
    }

    fn sign(&self) -> PathBuf {
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(UNDER_WAY);
        self.path.with_file_name(name)
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        // What is left of it counts for nothing, and is dropped when it is old.
        let _ = fs::remove_file(self.sign());
    }
}

/// Opens a file that holds nothing, to be locked; makes it where it is not there.
pub(super) fn open_lock(path: &Path) -> Result<File> {
    let opened = access::options(path).write(true).create(true).truncate(false).open(path);
    opened.map_err(|error| Error::io(path, error))
}

/// Makes the folder of a bundle, and those above it, where they are not there.
pub(super) fn make_bundle(path: &Path) -> Result<()> {
    access::own_folder().recursive(true).create(path).map_err(|error| Error::io(path, error))
}

/// Makes a folder in a bundle where it is not there.
pub(super) fn make_folder(path: &Path) -> Result<()> {
    match access::folder_in(path.parent().unwrap_or(Path::new("."))).create(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => Err(Error::io(path, error)),
        _ => Ok(()),
    }
}

#[cfg(unix)]
mod access {
    use std::fs::{DirBuilder, OpenOptions, Permissions};
    use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
    use std::path::Path;

    /// What a folder lets its group do.
    fn group(folder: &Path) -> u32 {
        folder.metadata().map_or(0, |about| about.permissions().mode() & 0o070)
    }

    fn of_file(folder: &Path) -> u32 {
        0o600 | group(folder) & 0o060
    }

    pub fn options(file: &Path) -> OpenOptions {
        let mut options = OpenOptions::new();
        options.mode(of_file(file.parent().unwrap_or(Path::new("."))));
        options
    }

    pub fn of_files(builder: &mut tempfile::Builder<'_, '_>, folder: &Path) {
        builder.permissions(Permissions::from_mode(of_file(folder)));
    }

    pub fn own_folder() -> DirBuilder {
        let mut builder = DirBuilder::new();
        builder.mode(0o700);
        builder
    }

    pub fn folder_in(folder: &Path) -> DirBuilder {
        let mut builder = DirBuilder::new();
        builder.mode(0o700 | group(folder));
        builder
    }
}

#[cfg(not(unix))]
mod access {
    use std::fs::{DirBuilder, OpenOptions};
    use std::path::Path;

    pub fn options(_: &Path) -> OpenOptions {
        OpenOptions::new()
    }

    pub fn of_files(_: &mut tempfile::Builder<'_, '_>, _: &Path) {}

    pub fn own_folder() -> DirBuilder {
        DirBuilder::new()
    }

    pub fn folder_in(_: &Path) -> DirBuilder {
        DirBuilder::new()
    }
}

/// Most attempts to read a folder that other processes change meanwhile.
pub(super) const ATTEMPTS: usize = 16;

/// Does something with the files of a folder; again where some of them were merged into another meanwhile.
pub(super) fn settled<T>(read: impl Fn() -> Result<T>) -> Result<T> {
    for _ in 1..ATTEMPTS {
        match read() {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            done => return done,
        }
    }
    read()
}

/// The `.json` files of a folder, by name. A folder that an older version did not make has none.
///
/// A listing that another process changes meanwhile may miss both a file and the one that replaced it. So two listings have
/// to be the same.
pub(super) fn names(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut known = listing(folder)?;
    for _ in 1..ATTEMPTS {
        let again = listing(folder)?;
        if again == known {
            break;
        }
        known = again;
    }
    Ok(known)
}

fn listing(folder: &Path) -> Result<Vec<PathBuf>> {
    let fail = |error| Error::io(folder, error);
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut names = Vec::new();
    for entry in folder.read_dir().map_err(fail)? {
        names.push(entry.map_err(fail)?.path());
    }
    names.retain(|name| name.extension().is_some_and(|extension| extension == "json"));
    names.sort_unstable();
    Ok(names)
}

/// How the name of the file ends that is beside a bundle if that is a working copy of one that is elsewhere. It holds a word that no
/// other copy has.
pub(super) const WORKING_COPY: &str = "working-copy";
/// How names end of files that were removed from a working copy, and are still to be removed from what it is a copy of. A file that
/// something else removed is no such file.
pub(super) const REMOVED: &str = ".removed";

/// The word of a working copy.
pub(super) fn word_of(bundle: &Path) -> Option<String> {
    fs::read_to_string(bundle.with_extension(WORKING_COPY)).ok()
}

/// Removes a file that may be gone already.
pub(super) fn remove(file: &Path) -> Result<()> {
    let is_of_copy =
        file.parent().and_then(Path::parent).is_some_and(|bundle| bundle.with_extension(WORKING_COPY).exists());
    let removed = if is_of_copy {
        let mut name = file.file_name().unwrap_or_default().to_owned();
        name.push(REMOVED);
        fs::rename(file, file.with_file_name(name))
    } else {
        fs::remove_file(file)
    };
    match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io(file, error)),
        _ => Ok(()),
    }
}

/// Waits until the names in a folder are on disk.
pub(super) fn sync(folder: &Path) -> Result<()> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(|error| Error::io(folder, error))
}
