//! The files of a bundle, and how to seal them anew: what another version writes, or somebody who recomputes digests.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// The folders of a bundle.
pub const FOLDERS: [&str; 5] = ["fleet", "parts", "metrics", "network", "collections"];

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

/// Records that all files of a bundle are there at the end of a collection, of the account and region of samples/fleet.
pub fn record(bundle: &Path) {
    let name = |path: &Path| path.strip_prefix(bundle).expect("in the bundle").display().to_string();
    let listed = named(bundle, &[".json"]).into_iter();
    let files: BTreeMap<_, _> = listed.map(|path| (name(&path), sha256(&fs::read(&path).expect("a file")))).collect();
    fs::create_dir_all(bundle.join("collections")).expect("a folder");
    let path = bundle.join("collections/123456789012.eu-west-1.20261123T000000000Z.json");
    let (account, region, at) = ("123456789012", "eu-west-1", "2026-11-23T00:00:00Z");
    let record = json!({"format": 3, "file": name(&path), "account": account, "region": region, "collected_at": at, "files": files});
    fs::write(path, record.to_string()).expect("a file");
    reseal(bundle);
}

/// Seals every file again as it is now, and corrects what others say of it.
pub fn reseal(bundle: &Path) {
    loop {
        let mut changed = false;
        for path in named(bundle, &[".json"]) {
            let old = fs::read_to_string(&path).expect("a file");
            let mut value: Value = serde_json::from_str(&old).expect("JSON");
            for (ending, digest) in value.get_mut("tables").and_then(Value::as_object_mut).into_iter().flatten() {
                *digest = sha256(&fs::read(path.with_extension(ending)).expect("a table")).into();
            }
            for list in ["files", "earlier"] {
                for (name, digest) in value.get_mut(list).and_then(Value::as_object_mut).into_iter().flatten() {
                    *digest = fs::read(bundle.join(name)).map_or(digest.clone(), |bytes| sha256(&bytes).into());
                }
            }
            value.as_object_mut().expect("an object").remove("sha256");
            let mut new = value.to_string();
            new.pop();
            let new = format!("{new},\"sha256\":\"{}\"}}\n", sha256(new.as_bytes()));
            if new != old {
                changed = true;
                fs::write(&path, new).expect("a file");
            }
        }
        if !changed {
            return;
        }
    }
}
