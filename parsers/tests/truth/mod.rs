//! What `truth.toml` demands of a sample, and whether a scan shows it. `samples/README.md` says what its keys mean.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use ssl_usage_parsers::{Tally, Transports};
use toml::{Table, Value};

/// Keys that say what a sample is, and are no counts.
const ABOUT: &[&str] = &[
    "origin",
    "engine",
    "server_version",
    "counted_by",
    "log_line_prefix",
    "untimed",
    "unlogged",
    "clients",
    "except",
];
/// Keys that say what an exception is.
const ABOUT_EXCEPTION: &[&str] = &["formats", "reason"];
const TRANSPORTS: [&str; 5] = ["tls", "plaintext", "local", "gss", "unknown"];

/// Counts by name, without those that are zero: `rejected`, `connections.tls`, `foreign.german`.
type Counts = BTreeMap<String, u64>;

/// A `truth.toml`.
pub struct Truth {
    table: Table,
}

/// What a scan showed of a sample.
pub struct Shown {
    /// What is not as `truth.toml` demands, for a person to read.
    pub differences: Option<String>,
    /// How many sessions clients opened, whatever the format can show of them, and how many were found.
    pub sessions: [u64; 2],
}

impl Truth {
    /// The truth of the case in `folder`.
    pub fn of(folder: &Path) -> Self {
        let text = fs::read_to_string(folder.join("truth.toml")).expect("truth.toml");
        Self { table: text.parse().expect("truth.toml is TOML") }
    }

    /// The engine that wrote its logs.
    pub fn engine(&self) -> &str {
        self.table["engine"].as_str().expect("an engine")
    }

    /// Whether its records say when they were written.
    #[allow(dead_code, reason = "only PostgreSQL's may not")]
    pub fn is_timed(&self) -> bool {
        !self.table.get("untimed").and_then(Value::as_bool).unwrap_or(false)
    }

    /// Compares what was found in the logs of one format, which may be in a language that is not read.
    pub fn compare(&self, format: &str, tally: &Tally, unsupported_language: Option<&str>) -> Shown {
        let (opened, expected, found) =
            (self.counts(None), self.counts(Some(format)), found(tally, unsupported_language));
        // A log in another language is refused as a whole; its other counts mean nothing.
        let is_foreign = |name: &String| name.starts_with("foreign.");
        let refused = expected.keys().any(is_foreign);
        let names: BTreeSet<&String> = expected.keys().chain(found.keys()).collect();
        let count = |counts: &Counts, name: &String| counts.get(name).copied().unwrap_or(0);
        let lines: Vec<String> = names
            .iter()
            .filter(|name| !refused || is_foreign(name))
            .filter(|name| count(&expected, name) != count(&found, name))
            .map(|name| format!("{name} is {}, found {}", count(&expected, name), count(&found, name)))
            .collect();
        Shown { differences: (!lines.is_empty()).then(|| lines.join("; ")), sessions: [&opened, &found].map(sessions) }
    }

    /// What the logs of a format must show, or without one what clients did.
    fn counts(&self, format: Option<&str>) -> Counts {
        let mut counts = Counts::new();
        put(&mut counts, &self.table, ABOUT);
        let exceptions = self.table.get("except").and_then(Value::as_array).into_iter().flatten();
        for exception in exceptions.filter_map(Value::as_table) {
            assert!(exception.contains_key("reason"), "an exception has a reason");
            let concerns = |format: &str| {
                let formats = exception.get("formats").and_then(Value::as_array);
                formats.is_none_or(|formats| formats.iter().any(|name| name.as_str() == Some(format)))
            };
            if format.is_some_and(concerns) {
                put(&mut counts, exception, ABOUT_EXCEPTION);
            }
        }
        counts.retain(|_, count| *count > 0);
        counts
    }
}

/// Takes the keys of a table; a key that is not known is a mistake in the sample.
fn put(counts: &mut Counts, table: &Table, about: &[&str]) {
    let number = |value: &Value| value.as_integer().and_then(|count| u64::try_from(count).ok()).expect("a count");
    for (key, value) in table {
        match (key.as_str(), value) {
            (
                "rejected" | "handshake_failed" | "certificate_rejected" | "disconnected" | "received" | "unparsed",
                value,
            ) => {
                counts.insert(key.clone(), number(value));
            }
            ("connections" | "system" | "tls_versions" | "ciphers", Value::Table(table)) => {
                counts.retain(|name, _| !name.starts_with(&format!("{key}.")));
                for (name, value) in table {
                    let known =
                        ["tls_versions", "ciphers"].contains(&key.as_str()) || TRANSPORTS.contains(&name.as_str());
                    assert!(known, "unknown key {key}.{name}");
                    counts.insert(format!("{key}.{name}"), number(value));
                }
            }
            ("foreign", Value::String(language)) => {
                counts.insert(format!("foreign.{language}"), 1);
            }
            (key, _) => assert!(about.contains(&key), "unknown key {key}"),
        }
    }
}

/// What was found, in the words of `truth.toml`.
fn found(tally: &Tally, unsupported_language: Option<&str>) -> Counts {
    let mut counts: Counts = [
        ("received", tally.received),
        ("rejected", tally.rejected),
        ("handshake_failed", tally.handshake_failed),
        ("certificate_rejected", tally.certificate_rejected),
        ("disconnected", tally.disconnected),
        ("unparsed", tally.unparsed()),
    ]
    .map(|(name, count)| (name.to_owned(), count))
    .into();
    for (name, Transports { tls, plaintext, local, gss, unknown }) in
        [("connections", tally.connections), ("system", tally.system)]
    {
        for (transport, count) in TRANSPORTS.iter().zip([tls, plaintext, local, gss, unknown]) {
            counts.insert(format!("{name}.{transport}"), count);
        }
    }
    for (name, values) in [("tls_versions", &tally.tls_versions), ("ciphers", &tally.ciphers)] {
        counts.extend(values.iter().map(|(value, count)| (format!("{name}.{}", value.escape_ascii()), *count)));
    }
    counts.extend(unsupported_language.map(|language| (format!("foreign.{language}"), 1)));
    counts.retain(|_, count| *count > 0);
    counts
}

/// Sessions of clients and of AWS's own users.
fn sessions(counts: &Counts) -> u64 {
    let of = |name: &str| name.starts_with("connections.") || name.starts_with("system.");
    counts.iter().filter(|(name, _)| of(name)).map(|(_, count)| count).sum()
}
