//! A record whose end is lost together with its newline, as where a cut file and the next one were joined: the line that
//! comes of it is never passed over in silence.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a failing test panics")]

use std::fs;
use std::path::Path;

use ssl_usage_parsers::{Engine, HEAD, Hints, Scanner, Tally, detect};

const LOGS: [&str; 9] = [
    "postgres/16-rds/postgresql.log.2026-11-23-10",
    "postgres/16-rds-long-prefix-colon/postgresql.log.2026-11-23-10",
    "postgres/16-rds/postgresql.log.2026-11-23-10.csv",
    "postgres/16-rds/postgresql.log.2026-11-23-10.json",
    "mysql/9.7-usual/mysql-general.log",
    "mysql/audit-8.0/server_audit.log",
    "mysql/aurora-audit/audit.log",
    "oracle/text/listener.log",
    "docdb/audit/audit.log",
];

/// Sessions, those of them with TLS, and records that were not understood.
fn counts(text: &[u8]) -> (u64, u64, u64) {
    let parser = detect(&text[..text.len().min(HEAD)], &Hints::default()).expect("a known format");
    let mut tally = Tally::of(Engine::named(parser.engine()).expect("an engine of the list"));
    Scanner::new(parser.as_ref(), 1).scan(text, &mut tally);
    let sessions = tally.connections.sum() + tally.system.sum();
    (sessions, tally.connections.tls + tally.system.tls, tally.unparsed())
}

/// A log with nothing behind its heading but records of sessions, and where they begin.
fn sessions_only(text: &[u8]) -> (Vec<u8>, usize) {
    let lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
    let (all, ..) = counts(text);
    let is_session = |index: &usize| {
        let others: Vec<&[u8]> = lines[..*index].iter().chain(&lines[index + 1..]).copied().collect();
        counts(&others.concat()).0 < all
    };
    let sessions: Vec<usize> = (0..lines.len().min(120)).filter(is_session).take(12).collect();
    let heading = lines[..sessions[0]].concat();
    let begins = heading.len();
    (sessions.iter().fold(heading, |log, index| [log.as_slice(), lines[*index]].concat()), begins)
}

#[test]
fn a_record_that_runs_into_the_next_is_reported() {
    for name in LOGS {
        let text = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples").join(name)).expect("a sample");
        let (log, begins) = sessions_only(&text);
        let (sessions, tls, unparsed) = counts(&log);
        let ends: Vec<usize> = (begins..log.len()).filter(|at| log[*at] == b'\n').collect();
        let (mut silent, mut all) = (Vec::new(), 0);
        for (first, end) in ends.iter().zip(&ends[1..]) {
            for cut in first + 2..*end {
                let torn = [&log[..cut], &log[end + 1..]].concat();
                let found = counts(&torn);
                all += 1;
                if end + 1 < log.len() && found.2 == unparsed && (found.0 < sessions || found.1 < tls) {
                    silent.push((first + 1, cut - first - 1));
                }
            }
        }
        // What is cut right before PostgreSQL's message may as well be a name.
        let allowed = if name.ends_with("-10") { all / 100 } else { 0 };
        assert!(all > 0 && silent.len() <= allowed, "{name}: {} of {all} {silent:?}", silent.len());
    }
}
