//! Counts of a log: threads count its blocks by themselves, and the sums are those of the events in their order.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a failing test panics")]

use std::convert::Infallible;
use std::fmt::Write;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use proptest::collection::vec;
use proptest::prelude::*;
use ssl_usage_parsers::{
    ConnectionEvent, EventSink, HEAD, Hints, Malformed, RecordParser, Scanned, Scanner, Tally, detect,
};

/// Counts events in the order of the log.
#[derive(Default)]
struct InOrder(Tally);

impl EventSink for InOrder {
    fn event(&mut self, event: &ConnectionEvent<'_>) {
        self.0.event(event);
    }

    fn malformed(&mut self, offset: u64, cause: Malformed) {
        self.0.malformed(offset, cause);
    }
}

fn in_order(parser: &dyn RecordParser, text: &[u8], block: usize) -> (Tally, Scanned) {
    let mut counts = InOrder(tally(parser));
    let scanned = Scanner::new(parser, 1).in_blocks_of(block).counting_lines().scan(text, &mut counts);
    let lines = text.split_inclusive(|byte| *byte == b'\n').count() as u64;
    assert_eq!(scanned.lines, Some(lines).filter(|lines| *lines > 0));
    (counts.0, scanned)
}

fn in_blocks(parser: &dyn RecordParser, text: &[u8], block: usize, threads: usize) -> (Tally, Scanned) {
    let mut counts = tally(parser);
    let view = |range: Range<u64>| Ok::<_, Infallible>(&text[range.start as usize..range.end as usize]);
    let scanner = Scanner::new(parser, threads).in_blocks_of(block).counting_lines();
    let Ok(scanned) = scanner.scan_at(text.len() as u64, view, &mut counts);
    (counts, scanned)
}

fn in_pieces(parser: &dyn RecordParser, text: &[u8], block: usize, threads: usize) -> (Tally, Scanned) {
    let mut counts = tally(parser);
    let mut scanner = Scanner::new(parser, threads).in_blocks_of(block).counting_lines();
    for piece in text.chunks(block * 3 / 2 + 1) {
        scanner.push(piece, &mut counts);
    }
    let scanned = scanner.finish(&mut counts);
    (counts, scanned)
}

fn tally(parser: &dyn RecordParser) -> Tally {
    ssl_usage_parsers::Engine::named(parser.engine()).map(Tally::of).unwrap_or_default()
}

fn parser(text: &[u8], hints: &Hints) -> Box<dyn RecordParser> {
    detect(&text[..text.len().min(HEAD)], hints).expect("a known format")
}

/// A record of a session. Without an address in the prefix, only the first record has it.
fn record(text: &mut String, (step, session, client): (u8, u32, u8)) {
    let address = ["10.0.0.7", "127.0.0.1", "[local]", "192.0.2.9"][usize::from(client % 4)];
    let user = ["app", "rdsadmin"][usize::from(client / 4 % 2)];
    let port = if address == "[local]" { "" } else { " port=5432" };
    let tls = if client % 3 == 0 { "" } else { " SSL enabled (protocol=TLSv1.3, cipher=NAME, bits=256)" };
    let prefix = format!("2026-11-23 10:00:{:02}.000 UTC [{session}] ", session % 60);
    let tls = tls.replace("NAME", &format!("CIPHER-{}", client % 5));
    let _ = match step {
        0 | 1 => writeln!(text, "{prefix}LOG:  connection received: host={address}{port}"),
        2 => writeln!(text, "{prefix}LOG:  connection authenticated: identity=\"{user}\" method=md5 (/pg_hba.conf:4)"),
        3 | 4 => writeln!(text, "{prefix}LOG:  connection authorized: user={user} database=orders{tls}"),
        5 => writeln!(
            text,
            "{prefix}LOG:  disconnection: session time: 0:00:00.123 user={user} database=orders host={address}{port}"
        ),
        6 => writeln!(text, "{prefix}FATAL:  password authentication failed for user \"{user}\""),
        7 => writeln!(text, "{prefix}LOG:  could not accept SSL connection: tlsv1 alert unknown ca"),
        _ => writeln!(text, "{prefix}LOG:  connection authorized: user={user} database=ord"),
    };
}

/// Many of few sessions, so that all their steps come in any order.
fn records() -> impl Strategy<Value = Vec<(u8, u32, u8)>> {
    vec((0_u8..9, 100_u32..108, 0_u8..12), 1..120)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_records_in_any_blocks_count_the_same(records in records(), block in 60_usize..4_000, threads in 1_usize..5) {
        let mut text = "2026-11-23 10:00:00.000 UTC [1] LOG:  database system is ready to accept connections\n".repeat(3);
        records.into_iter().for_each(|next| record(&mut text, next));
        let parser = parser(text.as_bytes(), &Hints::default());
        let expected = in_order(parser.as_ref(), text.as_bytes(), usize::MAX);
        prop_assert_eq!(in_blocks(parser.as_ref(), text.as_bytes(), block, threads), expected.clone());
        prop_assert_eq!(in_pieces(parser.as_ref(), text.as_bytes(), block, threads), expected);
    }
}

/// Every file below a folder.
fn files(folder: &Path, all: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("samples") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { files(&path, all) } else { all.push(path) }
    }
}

#[test]
fn every_sample_in_any_blocks_counts_the_same() {
    let mut samples = Vec::new();
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples"), &mut samples);
    let mut logs = 0;
    for path in samples {
        let text = fs::read(&path).expect("a sample");
        let Some(parser) = detect(&text[..text.len().min(HEAD)], &Hints::default()) else { continue };
        logs += 1;
        for (parts, threads) in [(2, 2), (23, 4)] {
            let block = text.len() / parts + 1;
            let expected = in_order(parser.as_ref(), &text, block);
            assert_eq!(in_blocks(parser.as_ref(), &text, block, threads), expected, "{} in {parts}", path.display());
            assert_eq!(in_pieces(parser.as_ref(), &text, block, threads), expected, "{} in {parts}", path.display());
        }
    }
    assert!(logs > 50, "{logs}");
}

/// What a log forgets depends on its order: names beyond the limit, and the first of too many open sessions.
#[test]
fn what_is_forgotten_is_the_same_in_any_blocks() {
    let line = |text: &mut String, session: u32, message: &str| {
        let _ = writeln!(text, "2026-11-23 10:00:00.000 UTC [{session}] LOG:  {message}");
    };
    let received = "connection received: host=127.0.0.1 port=5432";
    let (mut names, mut probes) = (String::new(), String::new());
    for number in 0..2_000_u32 {
        let name = number * 7 % 900;
        line(&mut names, number, received);
        let tls = format!("SSL enabled (protocol=V{name}, cipher=CIPHER-{name}, bits=256)");
        line(&mut names, number, &format!("connection authorized: user=app database=orders {tls}"));
    }
    for number in 0..140_000_u32 {
        line(&mut probes, number, received);
        if number % 1000 == 0 {
            let earlier = number.saturating_sub(30_000);
            line(&mut probes, earlier, "connection authorized: user=app database=orders");
        }
    }
    for (text, what) in [(&names, "names"), (&probes, "probes")] {
        let parser = parser(text.as_bytes(), &Hints::default());
        let expected = in_order(parser.as_ref(), text.as_bytes(), usize::MAX);
        match what {
            "names" => assert!(expected.0.has_other_names(), "{expected:?}"),
            _ => assert!(expected.0.connections.local > 0 && expected.0.connections.plaintext > 0, "{expected:?}"),
        }
        for (block, threads) in [(1_000_000, 2), (30_000, 4), (9_000_000, 1)] {
            assert_eq!(in_blocks(parser.as_ref(), text.as_bytes(), block, threads), expected, "{what} in {block}");
        }
    }
}

/// An error is that of the first block that cannot be read, and what stands before it counts.
#[test]
fn blocks_before_one_that_cannot_be_read_count() {
    let mut text = String::new();
    (0..6_000_u32).for_each(|number| record(&mut text, (3, 1_000 + number, 1)));
    let parser = parser(text.as_bytes(), &Hints::default());
    let block = 200 * text.find('\n').map_or(0, |end| end + 1);
    for threads in 1..5 {
        // The eleventh block is the first one that cannot be read.
        let view = |range: Range<u64>| {
            let (first, behind) = (10 * block as u64, range.end.saturating_sub(96 * 1024));
            let text = &text.as_bytes()[range.start as usize..range.end as usize];
            if behind > first { Err(behind - first <= block as u64) } else { Ok(text) }
        };
        let mut counts = tally(parser.as_ref());
        let scanner = Scanner::new(parser.as_ref(), threads).in_blocks_of(block);
        assert_eq!(scanner.scan_at(text.len() as u64, view, &mut counts), Err(true), "{threads} threads");
        assert_eq!(counts.connections.tls, 2_000, "{threads} threads");
    }
}
