//! The files of a bundle, and how to seal them anew: what another version writes, or somebody who recomputes digests.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest, Sha256};

/// The folders of a bundle.
pub const FOLDERS: [&str; 4] = ["fleet", "parts", "metrics", "collections"];

/// All files in the folders of a bundle, by name.
pub fn files(bundle: &Path) -> Vec<PathBuf> {
    let entries = FOLDERS.iter().filter_map(|folder| bundle.join(folder).read_dir().ok()).flatten();
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort_unstable();
    files
}

/// Those whose path holds all of some words.
pub fn named(bundle: &Path, words: &[&str]) -> Vec<PathBuf> {
    let is_meant = |path: &PathBuf| words.iter().all(|word| path.to_string_lossy().contains(word));
    files(bundle).into_iter().filter(is_meant).collect()
}

/// Copies the files of a bundle that `take` chooses by their name.
pub fn copy_bundle(from: &Path, to: &Path, take: impl Fn(&Path) -> bool) {
    FOLDERS.iter().for_each(|folder| fs::create_dir_all(to.join(folder)).expect("a folder"));
    for file in files(from).iter().filter(|file| take(file)) {
        fs::copy(file, to.join(file.strip_prefix(from).expect("in the bundle"))).expect("a copy");
    }
    fs::copy(from.join("bundle.json"), to.join("bundle.json")).expect("a copy");
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Seals every file again as it is now, and corrects what others say of it.
pub fn reseal(bundle: &Path) {
    let mut digests: BTreeMap<String, String> = BTreeMap::new();
    loop {
        let mut changed = false;
        for path in named(bundle, &[".json"]) {
            let old = fs::read_to_string(&path).expect("a file");
            let mut value: Value = serde_json::from_str(&old).expect("JSON");
            for (ending, digest) in value["tables"].as_object_mut().into_iter().flatten() {
                *digest = sha256(&fs::read(path.with_extension(ending)).expect("a table")).into();
            }
            value.as_object_mut().expect("an object").remove("sha256");
            let mut new = value.to_string();
            digests.iter().for_each(|(old, changed)| new = new.replace(old, changed));
            new.pop();
            let new = format!("{new},\"sha256\":\"{}\"}}\n", sha256(new.as_bytes()));
            if new != old {
                changed = true;
                digests.insert(sha256(old.as_bytes()), sha256(new.as_bytes()));
                fs::write(&path, new).expect("a file");
            }
        }
        if !changed {
            return;
        }
    }
}
