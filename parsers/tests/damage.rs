//! What damage may do to any log of any engine: it is read to its end, and no record stands for more than what it holds.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a failing test panics")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use memchr::memmem;
use proptest::collection::vec;
use proptest::prelude::*;
use ssl_usage_parsers::{ENGINES, Engine, HEAD, Hints, Malformed, RecordParser, Scanner, Tally, detect};

/// A log in each format, with all that honest and hostile clients do.
const SAMPLES: [&str; 17] = [
    "postgres/16-hostile/postgresql.log.2026-11-23-10",
    "postgres/16-hostile-long-prefix/postgresql.log.2026-11-23-10",
    "postgres/16-hostile/postgresql.log.2026-11-23-10.csv",
    "postgres/16-hostile/postgresql.log.2026-11-23-10.json",
    "mysql/5.6-usual/mysql-general.log",
    "mysql/9.7-hostile/mysql-general.log",
    "mysql/audit-8.0/server_audit.log",
    "mysql/aurora-audit/audit.log",
    "mariadb/10.11-hostile/mysql-general.log",
    "mariadb/10.11-hostile/server_audit.log",
    "oracle/hostile/listener.log",
    "oracle/hostile-xml/log.xml",
    "oracle/audit-hostile/ORCL_ora_4711_20261123100000051907482236.aud",
    "oracle/audit-hostile-xml/ORCL_ora_4711_20261123100000051907482236.xml",
    "sqlserver/logins/ERROR",
    "sqlserver/hostile/ERROR",
    "docdb/hostile/audit.log",
];

/// Bytes of each that are damaged.
const LENGTH: usize = 10_000;

struct Log {
    name: &'static str,
    text: Vec<u8>,
    parser: Box<dyn RecordParser>,
}

static LOGS: LazyLock<Vec<Log>> = LazyLock::new(|| {
    let log = |name: &'static str| {
        let mut text = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples").join(name)).expect("a log");
        let parser = detect(&text[..text.len().min(HEAD)], &Hints::default()).expect("a known format");
        text.truncate(LENGTH);
        Log { name, text, parser }
    };
    SAMPLES.into_iter().map(log).collect()
});

/// Scans a text whole and in pieces, and holds both to what must be true of any text.
fn read(log: &Log, text: &[u8]) {
    let parser = log.parser.as_ref();
    let empty = || Tally::of(Engine::named(parser.engine()).expect("an engine of the list"));
    let (mut whole, mut pieces) = (empty(), empty());
    let scanned = Scanner::new(parser, 1).scan(text, &mut whole);
    assert_eq!(scanned.bytes, text.len() as u64, "{}", log.name);
    let hits: usize = parser.needles().iter().map(|needle| memmem::find_iter(text, *needle).count()).sum();
    let others = whole.malformed.get(&Malformed::OtherFormat).copied().unwrap_or(0);
    // One more may be at the beginning, of which only the end is there.
    assert!(whole.records() + whole.unparsed() <= hits as u64 + others + 1, "{}: more records than marks", log.name);
    let mut scanner = Scanner::new(parser, 2).in_blocks_of(701);
    text.chunks(1_009).for_each(|piece| scanner.push(piece, &mut pieces));
    assert_eq!(scanner.finish(&mut pieces), scanned, "{}", log.name);
    assert_eq!(pieces, whole, "{}", log.name);
}

#[test]
fn every_engine_that_has_logs_is_among_them() {
    let damaged: BTreeSet<_> = LOGS.iter().map(|log| log.parser.engine()).collect();
    let telling = ENGINES.iter().filter(|engine| !engine.logs.is_empty()).map(|engine| engine.id);
    assert_eq!(damaged, telling.collect());
    let formats: BTreeSet<_> = LOGS.iter().map(|log| (log.parser.engine(), log.parser.format())).collect();
    assert_eq!(formats.len(), 14, "{formats:?}");
}

#[test]
fn a_log_that_begins_or_ends_anywhere_is_read() {
    for log in LOGS.iter() {
        for at in 0..=log.text.len().min(3_000) {
            read(log, &log.text[..at]);
            read(log, &log.text[at..][..(log.text.len() - at).min(3_000)]);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_around_any_mark_are_read(
        which in 0..SAMPLES.len(), noise in vec(vec(any::<u8>(), 0..300), 1..6), marks in vec(0usize..100, 6),
    ) {
        let log = &LOGS[which];
        let needles = log.parser.needles();
        let text: Vec<u8> =
            noise.iter().zip(marks).flat_map(|(noise, mark)| [noise, needles[mark % needles.len()]].concat()).collect();
        read(log, &text);
    }

    /// Bytes that are changed, added and lost, and stretches that come twice or not at all.
    #[test]
    fn a_log_that_is_damaged_anywhere_is_read(
        which in 0..SAMPLES.len(), damage in vec((0..LENGTH, any::<u8>(), 0usize..5, 1usize..400), 1..30),
    ) {
        let log = &LOGS[which];
        let mut text = log.text.clone();
        for (at, byte, how, length) in damage {
            let at = at % text.len().max(1);
            let chunk = at..text.len().min(at + length);
            match how {
                _ if text.is_empty() => text.push(byte),
                0 => text[at] = byte,
                1 => text.insert(at, byte),
                2 => drop(text.remove(at)),
                3 => drop(text.drain(chunk)),
                _ => {
                    let again = text[chunk].to_vec();
                    text.splice(at..at, again);
                }
            }
        }
        read(log, &text);
    }
}
