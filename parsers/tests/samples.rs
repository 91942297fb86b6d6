//! Every sample log must show exactly what the clients did that made it.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a failing test panics")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use ssl_usage_parsers::{HEAD, Hints, Scanned, Scanner, Tally, Transports, detect, postgres};
use toml::{Table, Value};

/// Cases under `samples/postgres`, those of the fleet included. An empty folder must not pass.
const CASES: usize = 49;

/// Keys that say what a sample is, and are no counts.
const ABOUT: &[&str] = &["origin", "engine", "server_version", "counted_by", "log_line_prefix", "unlogged", "clients"];

/// What a file must show. Absent means zero.
#[derive(Debug, Default, PartialEq, Eq)]
struct Truth {
    counts: BTreeMap<String, u64>,
    foreign: Option<String>,
}

impl Truth {
    fn put(&mut self, name: &str, count: u64) {
        if count == 0 {
            self.counts.remove(name);
        } else {
            self.counts.insert(name.to_owned(), count);
        }
    }

    /// Takes the keys of a table; a key that is not known is a mistake in the sample.
    fn read(&mut self, table: &Table) {
        for (key, value) in table {
            match (key.as_str(), value) {
                (
                    "rejected" | "handshake_failed" | "certificate_rejected" | "disconnected" | "received" | "unparsed",
                    _,
                ) => {
                    self.put(key, count(value));
                }
                ("connections" | "system" | "tls_versions" | "ciphers", Value::Table(table)) => {
                    self.counts.retain(|name, _| !name.starts_with(&format!("{key}.")));
                    for (name, value) in table {
                        let transport = ["tls", "plaintext", "local", "unknown", "gss"].contains(&name.as_str());
                        assert!(transport || key == "tls_versions" || key == "ciphers", "unknown key {key}.{name}");
                        self.put(&format!("{key}.{name}"), count(value));
                    }
                }
                ("foreign", Value::String(language)) => self.foreign = Some(language.clone()),
                (about, _) => assert!(ABOUT.contains(&about), "unknown key {key}"),
            }
        }
    }

    /// Sessions of clients and of AWS's own users, of one transport or of all.
    fn sessions(&self, transport: &str) -> u64 {
        let of = |name: &str| name.starts_with("connections.") || name.starts_with("system.");
        self.counts.iter().filter(|(name, _)| of(name) && name.ends_with(transport)).map(|(_, count)| count).sum()
    }

    /// What is not the same, for a person to read.
    fn against(&self, found: &Self) -> String {
        let names: BTreeSet<&String> = self.counts.keys().chain(found.counts.keys()).collect();
        let count = |truth: &Self, name: &String| truth.counts.get(name).copied().unwrap_or(0);
        let mut lines: Vec<String> = names
            .into_iter()
            .filter(|name| count(self, name) != count(found, name))
            .map(|name| format!("{name} is {}, found {}", count(self, name), count(found, name)))
            .collect();
        lines.push(format!("language is {:?}, found {:?}", self.foreign, found.foreign));
        lines.join("; ")
    }

    fn found(tally: &Tally, scanned: &Scanned) -> Self {
        let mut truth = Self { foreign: scanned.foreign.map(str::to_owned), ..Self::default() };
        for (name, count) in [
            ("received", tally.received),
            ("rejected", tally.rejected),
            ("handshake_failed", tally.handshake_failed),
            ("certificate_rejected", tally.certificate_rejected),
            ("disconnected", tally.disconnected),
            ("unparsed", tally.unparsed()),
        ] {
            truth.put(name, count);
        }
        for (name, Transports { tls, gss, plaintext, local, unknown }) in
            [("connections", tally.connections), ("system", tally.system)]
        {
            for (transport, count) in
                [("tls", tls), ("gss", gss), ("plaintext", plaintext), ("local", local), ("unknown", unknown)]
            {
                truth.put(&format!("{name}.{transport}"), count);
            }
        }
        for (name, counts) in [("tls_versions", &tally.tls_versions), ("ciphers", &tally.ciphers)] {
            for (value, count) in counts {
                truth.put(&format!("{name}.{}", value.escape_ascii()), *count);
            }
        }
        truth
    }
}

fn count(value: &Value) -> u64 {
    value.as_integer().and_then(|count| u64::try_from(count).ok()).expect("a count")
}

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

/// What the files of one format show together, each read by itself as RDS hands it out.
fn scan(files: &[PathBuf], format: &str, threads: usize) -> Truth {
    let mut tally = Tally::of(&postgres::ENGINE);
    let mut last = Scanned::default();
    for file in files {
        let text = fs::read(file).expect("a log");
        let parser = detect(&text[..text.len().min(HEAD)], &Hints::default())
            .unwrap_or_else(|| panic!("{}: format not recognised", file.display()));
        assert_eq!(parser.format(), format, "{}", file.display());
        let scanned = Scanner::new(parser.as_ref(), threads).scan(&text, &mut tally);
        assert_eq!(scanned.bytes, text.len() as u64, "{}", file.display());
        assert!(scanned.first_at.is_some(), "{}", file.display());
        last.foreign = last.foreign.or(scanned.foreign);
    }
    Truth::found(&tally, &last)
}

/// What `truth.toml` demands of the files of one format, with or without what the format cannot show.
fn expected(table: &Table, format: &str, with_exceptions: bool) -> Truth {
    let mut table = table.clone();
    let exceptions = table.remove("except").filter(|_| with_exceptions);
    let mut truth = Truth::default();
    truth.read(&table);
    for exception in exceptions.iter().filter_map(Value::as_array).flatten().filter_map(Value::as_table) {
        let mut exception = exception.clone();
        exception.remove("reason").expect("an exception has a reason");
        let formats = exception.remove("formats");
        let concerns = formats
            .as_ref()
            .and_then(Value::as_array)
            .is_none_or(|formats| formats.iter().any(|name| name.as_str() == Some(format)));
        if concerns {
            truth.read(&exception);
        }
    }
    truth
}

fn differences(folder: &Path) -> Vec<String> {
    let text = fs::read_to_string(folder.join("truth.toml")).expect("truth.toml");
    let table: Table = text.parse().expect("truth.toml is TOML");
    let logs = logs(folder);
    assert!(!logs.is_empty(), "{}: no logs", folder.display());
    let mut differences = Vec::new();
    for (format, files) in logs {
        let expected = expected(&table, format, true);
        let found = scan(&files, format, 1);
        // Whatever a log may hide: no session is lost without a trace, and none is made up.
        let truth = self::expected(&table, format, false);
        let lost = truth.sessions("").saturating_sub(found.sessions(""));
        let unparsed = found.counts.get("unparsed").copied().unwrap_or(0);
        assert!(expected.foreign.is_some() || lost <= unparsed, "{}: {lost} sessions lost", folder.display());
        assert!(found.sessions("") <= truth.sessions(""), "{}: sessions made up", folder.display());
        // A log in another language is refused as a whole; its counts mean nothing.
        let same = match &expected.foreign {
            Some(_) => found.foreign == expected.foreign,
            None => found == expected,
        };
        if !same {
            differences.push(format!("{} {format}: {}", folder.display(), expected.against(&found)));
        }
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
