//! Reads a fleet from TOML, and the log files it names from the samples folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use super::fleet::{Fleet, Instance};
use super::log_file::{self, LogFile};

const HOUR_MS: i64 = 3_600_000;

impl Fleet {
    /// Reads a fleet. `samples` is the folder that each instance's `logs` is relative to.
    ///
    /// # Panics
    /// If anything is wrong with the file or a folder: a test without its fleet must fail.
    pub fn load(toml: impl AsRef<Path>, samples: impl AsRef<Path>) -> Fleet {
        let toml = toml.as_ref();
        let text = fs::read_to_string(toml).unwrap_or_else(|error| panic!("{}: {error}", toml.display()));
        Fleet::parse(&text, samples).unwrap_or_else(|error| panic!("{}: {error}", toml.display()))
    }

    /// Reads a fleet from text.
    ///
    /// # Panics
    /// If a log folder cannot be read, or holds nothing.
    pub fn parse(toml: &str, samples: impl AsRef<Path>) -> Result<Fleet, toml::de::Error> {
        let mut fleet: Fleet = toml::from_str(toml)?;
        let now_ms = fleet.now.as_millisecond();
        for instance in &mut fleet.instances {
            let Some(logs) = &instance.logs else { continue };
            let folder = samples.as_ref().join(logs);
            let mut files = BTreeMap::new();
            collect(&folder, "", instance, now_ms, &mut files);
            assert!(!files.is_empty(), "{} holds no log files for {}", folder.display(), instance.id);
            instance.files = files;
        }
        Ok(fleet)
    }
}

/// Adds the files under `folder`, whose own path inside the log folder is `prefix`.
fn collect(folder: &Path, prefix: &str, instance: &Instance, now_ms: i64, files: &mut BTreeMap<String, LogFile>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for entry in entries {
        let path = entry.unwrap_or_else(|error| panic!("{}: {error}", folder.display())).path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let inside = format!("{prefix}{name}");
        if instance.skip.iter().any(|pattern| matches(pattern, &name) || matches(pattern, &inside)) {
            continue;
        }
        if path.is_dir() {
            collect(&path, &format!("{inside}/"), instance, now_ms, files);
        } else {
            let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            // A file named after an hour is written until that hour ends; of others only the present is known.
            let ended = log_file::hour_of(&inside).map_or(now_ms, |hour| hour.as_millisecond() + HOUR_MS);
            files.insert(inside, LogFile::new(bytes, ended.min(now_ms)));
        }
    }
}

/// Whether `text` is what `pattern` says, where `*` stands for any text, also none.
fn matches(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => text.strip_prefix(start).is_some_and(|text| {
            text.char_indices().map(|(at, _)| at).chain([text.len()]).any(|at| matches(rest, &text[at..]))
        }),
    }
}
