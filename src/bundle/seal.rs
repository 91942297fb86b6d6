//! Seals: digests of the `.json` files of a bundle, and their lists of the files that they replace.
//!
//! A sealed file ends in the digest of all that is before it. It names itself, so that no other file can replace it, and
//! the digests of its tables.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::atomic_file::{RESTORE, damaged, read_bytes, sha256, write_bytes};
use crate::error::{Error, ErrorKind, Result};

/// First format whose files are sealed.
pub(super) const SEALED: u32 = 3;
/// Most bytes of a `.json`.
pub(super) const MOST_JSON: u64 = 64 << 20;

/// Digests of files, by their name in the bundle: `parts/NAME.json`.
pub type Digests = BTreeMap<String, String>;

/// What a sealed file says beside what it holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Seal {
    /// Bundle format that it was written in.
    pub format: u32,
    /// Its own name in the bundle.
    pub file: String,
    /// Digests of its tables, by the ending of their names.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tables: Digests,
    /// Files that were there before it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub earlier: Digests,
    /// Files that it was merged from.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub merged: Digests,
    /// Whether any of those was not sealed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unverified: bool,
}

/// What a file holds, and what is known of the file.
#[derive(Clone, Debug)]
pub(super) struct Sealed<T> {
    pub path: PathBuf,
    /// Digest of the whole file.
    pub digest: String,
    pub seal: Seal,
    pub held: T,
}

#[derive(Serialize)]
struct Written<'h, T> {
    #[serde(flatten)]
    seal: &'h Seal,
    #[serde(flatten)]
    held: &'h T,
}

impl<T> Sealed<T> {
    /// Whether it was checked against its digest, and so was all that it was merged from. Older formats have none.
    pub fn is_verified(&self) -> bool {
        self.seal.format >= SEALED && !self.seal.unverified
    }

    /// The digest that a table of this file must have, by the ending of its name; none where the file is not sealed.
    pub fn table(&self, ending: &str) -> Result<Option<&str>> {
        match self.seal.tables.get(ending) {
            None if self.seal.format >= SEALED => {
                Err(damaged(&self.path, "the digest of one of its tables is missing"))
            }
            digest => Ok(digest.map(String::as_str)),
        }
    }

    /// Its name in the bundle, and its digest.
    pub fn listed(&self) -> (String, String) {
        (name_of(&self.path), self.digest.clone())
    }
}

impl<T: DeserializeOwned> Sealed<T> {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// When it is gone, or is not what was written under this name.
    pub fn read(path: &Path) -> Result<Self> {
        Self::of(path, &read_bytes(path, MOST_JSON)?)
    }

    /// Reads the bytes of a file.
    pub fn of(path: &Path, bytes: &[u8]) -> Result<Self> {
        let sealed = unsealed(bytes);
        if sealed.is_some_and(|(before, digest)| sha256(before).as_bytes() != digest) {
            return Err(damaged(path, "the file was changed: its digest does not match"));
        }
        let seal: Seal = json(path, bytes)?;
        if seal.format >= SEALED && sealed.is_none() {
            return Err(damaged(path, "the file was changed: its digest is missing"));
        }
        if sealed.is_some() && seal.file != name_of(path) {
            return Err(damaged(path, format!("the content belongs to the file {}", seal.file)));
        }
        // What has no seal has no say in what other files are.
        let seal = if seal.format < SEALED { Seal::default() } else { seal };
        Ok(Self { path: path.to_owned(), digest: sha256(bytes), seal, held: json(path, bytes)? })
    }

    /// Reads a file of a kind that older formats had none of.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read), and when it is not sealed.
    pub fn read_sealed(path: &Path) -> Result<Self> {
        let file = Self::read(path)?;
        if file.seal.format < SEALED {
            return Err(damaged(path, "the file was changed: it has no digest"));
        }
        Ok(file)
    }
}

/// Writes a sealed file; returns its name in the bundle, and its digest.
pub(super) fn write<T: Serialize>(path: &Path, seal: Seal, held: &T) -> Result<(String, String)> {
    let seal = Seal { format: SEALED, file: name_of(path), ..seal };
    let text = serde_json::to_string(&Written { seal: &seal, held });
    let mut text = text.map_err(|error| Error::io(path, std::io::Error::other(error)))?;
    // The brace at the end.
    text.pop();
    let digest = sha256(text.as_bytes());
    text += &format!("{BEFORE}{digest}{BEHIND}");
    write_bytes(path, text.as_bytes())?;
    Ok((seal.file, sha256(text.as_bytes())))
}

const BEFORE: &str = ",\"sha256\":\"";
const BEHIND: &str = "\"}\n";

/// What is sealed of a file, and the digest behind it; none where there is none.
fn unsealed(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = bytes.strip_suffix(BEHIND.as_bytes())?;
    let (before, digest) = rest.split_at_checked(rest.len().checked_sub(64)?)?;
    Some((before.strip_suffix(BEFORE.as_bytes())?, digest))
}

/// Reads JSON.
pub(super) fn json<T: DeserializeOwned>(path: &Path, bytes: &[u8]) -> Result<T> {
    serde_json::from_slice(bytes).map_err(|error| {
        Error::new(ErrorKind::Format, path.display().to_string(), format!("the content is invalid: {error}"))
            .hint(RESTORE)
    })
}

/// The name of a file in its bundle: with its folder, but for the bundle's own.
pub(super) fn name_of(path: &Path) -> String {
    let word = |name: Option<&std::ffi::OsStr>| name.unwrap_or_default().to_string_lossy().into_owned();
    let (folder, file) = (word(path.parent().and_then(Path::file_name)), word(path.file_name()));
    if file == super::store::BUNDLE { file } else { format!("{folder}/{file}") }
}

/// Where a file with this name is, in the bundle of another one.
pub(super) fn beside(path: &Path, name: &str) -> PathBuf {
    path.parent().and_then(Path::parent).unwrap_or(Path::new("")).join(name)
}
