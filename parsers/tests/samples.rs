//! Every sample log must show exactly what the clients did that made it.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a failing test panics")]

mod truth;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use ssl_usage_parsers::{HEAD, Hints, Scanner, Tally, detect, postgres};

use truth::Truth;

/// Cases under `samples/postgres`, those of the fleet included. An empty folder must not pass.
const CASES: usize = 95;

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
fn scan(files: &[PathBuf], format: &str, timed: bool) -> Result<(Tally, Option<&'static str>), String> {
    let mut tally = Tally::of(&postgres::ENGINE);
    let mut unsupported_language = None;
    for file in files {
        let text = fs::read(file).expect("a log");
        let parser = detect(&text[..text.len().min(HEAD)], &Hints::default()).ok_or("format not recognised")?;
        assert_eq!(parser.format(), format, "{}", file.display());
        let scanned = Scanner::new(parser.as_ref(), 1).scan(&text, &mut tally);
        assert_eq!(scanned.bytes, text.len() as u64, "{}", file.display());
        assert_eq!(scanned.first_at.is_some(), timed, "{}", file.display());
        unsupported_language = unsupported_language.or(scanned.unsupported_language);
    }
    Ok((tally, unsupported_language))
}

/// What the logs of one format show that they must not, or do not show that they must.
fn faults(truth: &Truth, format: &str, files: &[PathBuf]) -> Result<(), String> {
    let (tally, unsupported_language) = scan(files, format, truth.is_timed())?;
    let shown = truth.compare(format, &tally, unsupported_language);
    if let Some(differences) = shown.differences {
        return Err(differences);
    }
    // Whatever a log may hide: no session is lost without a trace, and none is made up.
    let [opened, found] = shown.sessions;
    if unsupported_language.is_none() && opened > found + tally.unparsed() {
        return Err("sessions lost".to_owned());
    }
    if found > opened {
        return Err("sessions made up".to_owned());
    }
    Ok(())
}

fn differences(folder: &Path) -> Vec<String> {
    let truth = Truth::of(folder);
    assert_eq!(truth.engine(), postgres::ENGINE.id, "{}", folder.display());
    let logs = logs(folder);
    assert!(!logs.is_empty(), "{}: no logs", folder.display());
    let name = folder.file_name().expect("a folder").display().to_string();
    let fault = |(format, files)| faults(&truth, format, files).err().map(|fault| format!("{name} {format}: {fault}"));
    logs.iter().map(|(format, files)| (*format, files.as_slice())).filter_map(fault).collect()
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
