//! Logs of two formats that somebody joined: the second is never passed over in silence.

#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a failing test panics")]

use std::fs;
use std::io::Write;
use std::path::Path;

use ssl_usage_parsers::{Engine, HEAD, Hints, Malformed, Scanner, Tally, detect};

/// A log of each format, from real servers where there is one.
const LOGS: [&str; 13] = [
    "postgres/16-rds/postgresql.log.2026-11-23-10",
    "postgres/16-rds-long-prefix-colon/postgresql.log.2026-11-23-10",
    "postgres/16-rds/postgresql.log.2026-11-23-10.csv",
    "postgres/16-rds/postgresql.log.2026-11-23-10.json",
    "mysql/9.7-usual/mysql-general.log",
    "mariadb/10.11-usual/mysql-general.log",
    "mysql/audit-8.0/server_audit.log",
    "mysql/aurora-audit/audit.log",
    "oracle/text/listener.log",
    "oracle/xml/log.xml",
    "oracle/audit-xml/ORCL_ora_4711_20261123100000051907482236.xml",
    "sqlserver/logins/ERROR",
    "docdb/audit/audit.log",
];

fn read(name: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples").join(name)).expect("a sample")
}

fn scan(text: &[u8]) -> Tally {
    scan_known(text).expect("a known format")
}

/// None where no format is recognised, which is an error to the user.
fn scan_known(text: &[u8]) -> Option<Tally> {
    let parser = detect(&text[..text.len().min(HEAD)], &Hints::default())?;
    let mut tally = Tally::of(Engine::named(parser.engine()).expect("an engine of the list"));
    Scanner::new(parser.as_ref(), 1).scan(text, &mut tally);
    Some(tally)
}

fn format(text: &[u8]) -> (&'static str, &'static str) {
    let parser = detect(&text[..text.len().min(HEAD)], &Hints::default()).expect("a known format");
    (parser.engine(), parser.format())
}

#[test]
fn a_log_behind_another_is_reported_and_takes_nothing_from_it() {
    for first in LOGS {
        for second in LOGS {
            let (own, other) = (read(first), read(second));
            let (alone, behind) = (scan(&own), scan(&other));
            let both = [own.as_slice(), &other].concat();
            let joined = scan(&both);
            if format(&own) == format(&other) {
                let expected = alone.records() + behind.records();
                let found = joined.records() + joined.unparsed();
                assert!(found >= expected, "{first}, then {second}: {found} of {expected}");
            } else {
                let read = if format(&both) == format(&own) { &alone } else { &behind };
                assert!(joined.connections.tls >= read.connections.tls, "{first}, then {second}: one counts");
                assert!(joined.unparsed() > read.unparsed(), "{first}, then {second}: the other is reported");
            }
        }
    }
}

/// A log between two long ones of another format, wherever it stands.
#[test]
fn a_log_within_another_is_reported() {
    let (own, other) = (read(LOGS[0]), read(LOGS[6]));

    for (times, piece) in [(1, 16 * 1024), (40, 16 * 1024), (200, 128 * 1024)] {
        let own = own.repeat(times);
        let other = other.repeat(piece / other.len() + 1);
        let tally = scan(&[own.as_slice(), &other, &own].concat());
        assert!(tally.malformed.contains_key(&Malformed::OtherFormat), "{times} times");
        assert_eq!(tally.connections.tls, 2 * scan(&own).connections.tls, "{times} times");
    }
}

/// Two logs line by line, as two containers write to one stream.
#[test]
fn a_log_line_by_line_with_another_is_reported() {
    let mut silent = Vec::new();
    for first in LOGS {
        for second in LOGS {
            let (own, other) = (read(first), read(second));
            if format(&own) == format(&other) {
                continue;
            }
            let own = own.repeat(30 * 1024 / own.len() + 1);
            let other = other.repeat(30 * 1024 / other.len() + 1);
            let both = in_turns(&own, &other);
            let tally = scan(&both);
            let alone = if format(&both) == format(&own) { scan(&own) } else { scan(&other) };
            if tally.unparsed() <= alone.unparsed() {
                silent.push((first, second, format(&both)));
            }
        }
    }
    assert!(silent.is_empty(), "{silent:#?}");
}

fn compressed(text: &[u8]) -> Vec<u8> {
    let mut file = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    file.write_all(text).expect("memory");
    file.finish().expect("memory")
}

fn in_turns(one: &[u8], other: &[u8]) -> Vec<u8> {
    let (mut one, mut other) =
        (one.split_inclusive(|byte| *byte == b'\n'), other.split_inclusive(|byte| *byte == b'\n'));
    let mut both = Vec::new();
    loop {
        match (one.next(), other.next()) {
            (None, None) => return both,
            (one, other) => both.extend(one.into_iter().chain(other).flatten()),
        }
    }
}

/// The beginning of a log whose lines end in carriage returns alone, and the log as it should be.
#[test]
fn records_that_end_in_carriage_returns_are_reported() {
    for name in LOGS {
        let whole = read(name).repeat(8);
        let alone = scan(&whole);
        for lines in [5, 20, 80, 120, 400] {
            let end = memchr::memchr_iter(b'\n', &whole).nth(lines).map_or(whole.len(), |end| end + 1);
            let returns: Vec<u8> =
                whole[..end - 1].iter().map(|byte| if *byte == b'\n' { b'\r' } else { *byte }).collect();
            let mixed = [returns.as_slice(), b"\n", &whole[end..]].concat();
            let Some(tally) = scan_known(&mixed) else { continue };
            let is_whole = tally.connections.tls >= alone.connections.tls && tally.records() >= alone.records();
            assert!(is_whole || tally.unparsed() > alone.unparsed(), "{name}, {lines} lines");
        }
    }
}

#[test]
fn a_log_behind_another_whose_lines_end_in_carriage_returns_is_reported() {
    for first in LOGS {
        for second in LOGS.iter().filter(|second| format(&read(second)) != format(&read(first))) {
            let own = read(first);
            let other: Vec<u8> = read(second).iter().map(|byte| if *byte == b'\n' { b'\r' } else { *byte }).collect();
            for times in [1, 50] {
                let joined = scan(&[own.as_slice(), &other.repeat(times)].concat());
                assert!(joined.unparsed() > scan(&own).unparsed(), "{first}, then {second} {times} times");
            }
        }
    }
}

#[test]
fn a_compressed_log_behind_another_is_reported() {
    let mut tried = 0;
    for name in LOGS {
        let own = read(name);
        let other = compressed(&own);
        // Fewer bytes may be a name of a client.
        if other.len() < 320 {
            continue;
        }
        tried += 1;
        for times in [1, 30] {
            for log in [[own.as_slice(), &other.repeat(times), &own].concat(), [own.as_slice(), &other].concat()] {
                let tally = scan_known(&log);
                let is_reported =
                    tally.as_ref().is_none_or(|tally| tally.malformed.contains_key(&Malformed::OtherFormat));
                assert!(is_reported, "{name}, {} bytes: {tally:?}", other.len());
            }
        }
    }
    assert!(tried > 6, "{tried}");
}

#[test]
fn a_log_of_one_format_is_not_taken_for_two() {
    for name in LOGS {
        let tally = scan(&read(name).repeat(20));
        assert!(!tally.malformed.contains_key(&Malformed::OtherFormat), "{name}");
    }
}
