//! Every sample log must show exactly what the clients did that made it.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a failing test panics")]

mod truth;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use ssl_usage_parsers::{HEAD, Hints, Scanner, Tally, detect, postgres};

use truth::Truth;

/// Cases under `samples/postgres`, those of the fleet included. An empty folder must not pass.
const CASES: usize = 49;

/// The logs of a case by their format: several files of one format are one log, cut by the hour.
fn logs(folder: &Path) -> BTreeMap<&'static str, Vec<PathBuf>> {
    let mut logs: BTreeMap<&'static str, Vec<PathBuf>> = BTreeMap::new();
    for file in files(folder) {
        let format = match file.extension().and_then(|end| end.to_str()) {
            Some("csv") => "csvlog",
            Some("json") => "jsonlog",
            Some("md" | "toml") => continue,
            _ => "stderr",
        };
        logs.entry(format).or_default().push(file);
    }
    logs
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() {
            found.extend(files(&entry));
        } else {
            found.push(entry);
        }
    }
    found.sort();
    found
}

/// What the files of one format show together, each read by itself as RDS hands it out, and the language that was
/// refused.
fn scan(files: &[PathBuf], format: &str) -> (Tally, Option<&'static str>) {
    let mut tally = Tally::of(&postgres::ENGINE);
    let mut foreign = None;
    for file in files {
        let text = fs::read(file).expect("a log");
        let parser = detect(&text[..text.len().min(HEAD)], &Hints::default())
            .unwrap_or_else(|| panic!("{}: format not recognised", file.display()));
        assert_eq!(parser.format(), format, "{}", file.display());
        let scanned = Scanner::new(parser.as_ref(), 1).scan(&text, &mut tally);
        assert_eq!(scanned.bytes, text.len() as u64, "{}", file.display());
        assert!(scanned.first_at.is_some(), "{}", file.display());
        foreign = foreign.or(scanned.foreign);
    }
    (tally, foreign)
}

fn differences(folder: &Path) -> Vec<String> {
    let truth = Truth::of(folder);
    assert_eq!(truth.engine(), postgres::ENGINE.id, "{}", folder.display());
    let logs = logs(folder);
    assert!(!logs.is_empty(), "{}: no logs", folder.display());
    let mut differences = Vec::new();
    for (format, files) in logs {
        let (tally, foreign) = scan(&files, format);
        let shown = truth.compare(format, &tally, foreign);
        // Whatever a log may hide: no session is lost without a trace, and none is made up.
        let [opened, found] = shown.sessions;
        assert!(foreign.is_some() || opened <= found + tally.unparsed(), "{}: sessions lost", folder.display());
        assert!(found <= opened, "{}: sessions made up", folder.display());
        differences.extend(shown.differences.map(|text| format!("{} {format}: {text}", folder.display())));
    }
    differences
}

#[test]
fn every_sample_shows_what_its_clients_did() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples/postgres");
    let cases: Vec<PathBuf> = files(&samples)
        .into_iter()
        .filter(|file| file.ends_with("truth.toml"))
        .map(|file| file.parent().expect("a folder").to_owned())
        .collect();
    let differences: Vec<String> = cases.iter().flat_map(|case| differences(case)).collect();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert_eq!(cases.len(), CASES);
}
