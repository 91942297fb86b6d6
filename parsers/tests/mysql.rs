//! The logs of MySQL, MariaDB and Aurora MySQL: samples, and what no log may do to the parsers.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a failing test panics")]

mod truth;

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use ssl_usage_parsers::{
    ConnectionEvent, Engine, EventSink, HEAD, Hints, Malformed, RecordParser, Scanner, Tally, detect, postgres,
};

use truth::Truth;

/// Cases under `samples/mysql` and `samples/mariadb`. An empty folder must not pass.
const CASES: usize = 26;

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples")
}

fn sample(name: &str) -> Vec<u8> {
    fs::read(samples().join(name)).expect("a log")
}

/// The parser that the content chooses.
fn chosen(text: &[u8]) -> Option<Box<dyn RecordParser>> {
    detect(&text[..text.len().min(HEAD)], &Hints::default())
}

fn empty(parser: &dyn RecordParser) -> Tally {
    Tally::of(Engine::named(parser.engine()).expect("an engine of the list"))
}

fn tally(parser: &dyn RecordParser, text: &[u8]) -> Tally {
    let mut tally = empty(parser);
    Scanner::new(parser, 1).scan(text, &mut tally);
    tally
}

/// Every case, with its logs.
fn cases() -> Vec<(PathBuf, Vec<PathBuf>)> {
    let mut cases = Vec::new();
    for engine in ["mysql", "mariadb"] {
        for entry in fs::read_dir(samples().join(engine)).expect("a folder") {
            let folder = entry.expect("an entry").path();
            if !folder.join("truth.toml").exists() {
                continue;
            }
            let files = fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("an entry").path());
            let logs = files.filter(|file| file.extension().is_some_and(|end| end == "log")).collect();
            cases.push((folder, logs));
        }
    }
    cases
}

#[test]
fn every_sample_shows_what_its_clients_did() {
    let cases = cases();
    assert_eq!(cases.len(), CASES);
    for (folder, logs) in cases {
        let truth = Truth::of(&folder);
        assert!(!logs.is_empty(), "{}", folder.display());
        for log in logs {
            let text = fs::read(&log).expect("a log");
            let parser = chosen(&text).unwrap_or_else(|| panic!("{}: not recognised", log.display()));
            assert_eq!(parser.engine(), truth.engine(), "{}", log.display());
            let tally = tally(parser.as_ref(), &text);
            let shown = truth.compare(parser.format(), &tally, None);
            assert_eq!(shown.differences, None, "{}", log.display());
            // Whatever a log may hide: no session is lost without a trace.
            let [opened, found] = shown.sessions;
            assert!(opened <= found + tally.unparsed() + tally.rejected, "{}: sessions lost", log.display());
        }
    }
}

#[test]
fn a_log_cut_anywhere_invents_nothing() {
    // MariaDB 10.5 and 11.8 write the records of 10.11: one of them is enough here, where every byte takes its time.
    let same = |folder: &Path| ["10.5-", "11.8-"].iter().any(|version| folder.to_string_lossy().contains(version));
    for (folder, logs) in cases().into_iter().filter(|(folder, _)| !same(folder)) {
        for log in logs {
            let text = fs::read(&log).expect("a log");
            let parser = chosen(&text).unwrap_or_else(|| panic!("{}: not recognised", folder.display()));
            let all = tally(parser.as_ref(), &text);
            let whole = all.connections.sum() + all.system.sum() + all.rejected + all.unparsed();
            let every_byte = text.len().min(2500);
            for at in 0..=every_byte {
                let head = tally(parser.as_ref(), &text[..at]);
                // A statement may hold a refusal, of a session that goes on behind the cut.
                let found = head.connections.sum() + head.system.sum();
                assert!(found <= whole, "{} cut at {at}", log.display());
                assert!(head.connections.tls <= all.connections.tls + all.rejected, "{} cut at {at}", log.display());
                tally(parser.as_ref(), &text[at..]);
            }
        }
    }
}

#[test]
fn pieces_show_what_the_whole_shows() {
    for (_, logs) in cases() {
        for log in logs {
            let text = fs::read(&log).expect("a log");
            let parser = chosen(&text).expect("a known format");
            let whole = tally(parser.as_ref(), &text);
            for block in [1, 7, 64, 1000] {
                let mut pieces = empty(parser.as_ref());
                let mut scanner = Scanner::new(parser.as_ref(), 2).in_blocks_of(block);
                text.chunks(13).for_each(|piece| scanner.push(piece, &mut pieces));
                scanner.finish(&mut pieces);
                assert_eq!(pieces, whole, "{} in blocks of {block}", log.display());
            }
        }
    }
}

#[test]
fn records_without_a_time_have_the_last_one() {
    let text = b"261123 18:46:24\t     3 Connect\tapp@10.0.0.7 on db using SSL/TLS\n\t\t     4 Connect\tapp@10.0.0.7 on db using TCP/IP\n";
    let parser = chosen(text).expect("a general log");
    assert_eq!((parser.engine(), parser.format()), ("mariadb", "general"));
    let scanned = Scanner::new(parser.as_ref(), 1).scan(text, &mut Tally::default());
    let time = scanned.last_at.expect("a time");
    assert_eq!((time.at, time.zone_known, scanned.records), (1_795_459_584_000_000, false, 2));
}

/// When the sessions were opened.
#[derive(Default)]
struct Times(Vec<i64>);

impl EventSink for Times {
    fn event(&mut self, event: &ConnectionEvent<'_>) {
        self.0.extend(event.at);
    }

    fn malformed(&mut self, _: u64, _: Malformed) {}
}

/// Each session of the real log stands right behind a statement that holds a line with a time of another day or century.
#[test]
fn times_in_statements_move_no_session() {
    let text = sample("mariadb/10.11-dated/mysql-general.log");
    let parser = chosen(&text).expect("a general log");
    let first = Scanner::new(parser.as_ref(), 1).scan(&text, &mut Tally::default()).first_at.expect("a time").at;
    let read = first + 3_600_000_000;
    for block in [1, 100, 1000, 1 << 20] {
        let mut times = Times::default();
        let scanner = Scanner::new(parser.as_ref(), 1).written_within(None, read).in_blocks_of(block);
        let scanned = scanner.scan(&text, &mut times);
        assert_eq!(times.0.len(), 31);
        assert!(times.0.iter().all(|at| (first..first + 60_000_000).contains(at)), "{:?} after {first}", times.0);
        assert!(scanned.disordered, "times go back");
    }
}

/// Names of users in the real log begin records of other centuries, before and behind sessions of another user.
#[test]
fn times_in_names_are_no_times_of_sessions() {
    let text = sample("mariadb/10.11-redated/server_audit.log");
    let parser = chosen(&text).expect("an audit log");
    let mut times = Times::default();
    let scanned = Scanner::new(parser.as_ref(), 1).scan(&text, &mut times);
    assert_eq!(scanned.records, 12);
    let first = scanned.first_at.expect("a time").at;
    assert!(times.0.iter().all(|at| (first..first + 60_000_000).contains(at)), "{:?} after {first}", times.0);
    assert!(times.0.len() == 4, "those of the sessions that nothing contradicts: {:?}", times.0);
}

#[test]
fn an_engine_is_told_by_what_it_wrote() {
    let engine = |text: &str| chosen(text.as_bytes()).map(|parser| (parser.engine(), parser.format()));
    let general = |heading: &str, record: &str| engine(&format!("{heading}{record}"));
    let iso = "2026-11-23T18:46:24.431815Z\t    3 Connect\ta@h on d using SSL/TLS\n";
    let (marked, bare) =
        ("261123 18:46:24\t    3 Connect\ta@h on d using TCP/IP\n", "261123 18:46:24\t    3 Connect\ta@h on d\n");
    let maria = "/rdsdbbin/mysql/bin/mysqld, Version: 10.6.14-MariaDB-log (managed). started with:\n";
    let mysql = "/rdsdbbin/mysql/bin/mysqld, Version: 5.6.34-log (MySQL). started with:\n";
    let quiet = "261123 18:46:24\t    3 Query\tselect 1\n";
    assert_eq!(general("", iso), Some(("mysql", "general")));
    assert_eq!(general("", marked), Some(("mariadb", "general")));
    assert_eq!(general("", bare), Some(("mysql", "general")));
    assert_eq!(general(maria, quiet), Some(("mariadb", "general")));
    assert_eq!(general(mysql, quiet), Some(("mysql", "general")));
    assert_eq!(general("", quiet), Some(("mysql", "general")));
    // A slow log begins with the same heading.
    assert_eq!(general(mysql, "# Time: 261123 18:46:24\n# User@Host: a[a] @ h []\nselect 1;\n"), None);
    assert_eq!(engine("20261123 18:46:24,h,a,h,1,0,CONNECT,d,,0\n"), Some(("mariadb", "audit")));
    assert_eq!(engine("20261123 18:46:24,h,a,h,1,2,QUERY,d,'select 1',0\n"), Some(("mariadb", "audit")));
    assert_eq!(engine("20261123 18:46:24,h,a,h,1,0,CONNECT,d,,0,SSL\n"), Some(("mysql", "audit")));
    assert_eq!(engine("20261123 18:46:24,h,a,h,1,2,QUERY,d,'select 1',0,,\n"), Some(("mysql", "audit")));
    assert_eq!(engine("1795459584000000,h,a,h,1,0,CONNECT,d,,0\n"), Some(("aurora-mysql", "audit")));
}

#[test]
fn no_log_is_taken_for_one_of_another_family() {
    let postgres = Hints { engine: Some(&postgres::ENGINE), ..Hints::default() };
    for log in cases().into_iter().flat_map(|(_, logs)| logs) {
        let text = fs::read(&log).expect("a log");
        assert!(detect(&text, &postgres).is_none(), "{}", log.display());
    }
    for entry in fs::read_dir(samples().join("postgres")).expect("a folder") {
        let Ok(files) = fs::read_dir(entry.expect("an entry").path()) else { continue };
        for file in files.map(|file| file.expect("an entry").path()).filter(|file| file.is_file()) {
            let engine = chosen(&fs::read(&file).expect("a file")).map(|parser| parser.engine());
            assert!(engine.is_none_or(|engine| engine == "postgres"), "{}: {engine:?}", file.display());
        }
    }
}

#[test]
fn a_session_that_goes_on_was_not_refused() {
    let connect = "2026-11-23T18:46:24.431815Z\t    3 Connect\tapp@10.0.0.7 on db using SSL/TLS\n";
    let refusal =
        "2026-11-23T18:46:24.431816Z\t    3 Connect\tAccess denied for user 'app'@'10.0.0.7' (using password: YES)\n";
    let denied = "2026-11-23T18:46:24.431816Z\t    3 Init DB\tAccess denied for user 'app'@'%' to database 'db'\n";
    let elsewhere = denied.replace("'db'", "'other'");
    let (change, query) = (
        "2026-11-23T18:46:24.431816Z\t    3 Change user\tb@10.0.0.7 on db using SSL/TLS\n",
        "2026-11-23T18:46:24.431816Z\t    3 Query\tselect 1\n",
    );
    let parser = chosen(connect.as_bytes()).expect("a general log");
    let found = |parts: &[&str]| {
        let tally = tally(parser.as_ref(), parts.concat().as_bytes());
        (tally.connections.tls, tally.rejected, tally.unparsed())
    };
    assert_eq!(found(&[connect, refusal]), (0, 1, 0));
    assert_eq!(found(&[connect, denied]), (0, 1, 0));
    let french = "2026-11-23T18:46:24.431816Z\t    3 Connect\tAccès refusé pour l'utilisateur: 'app'@'@10.0.0.7' (mot de passe: OUI)\n";
    assert_eq!(found(&[connect, french]), (0, 1, 0));
    assert_eq!(found(&[connect, french, query]), (1, 0, 0));
    assert_eq!(found(&[french]), (0, 0, 1));
    assert_eq!(found(&[connect, refusal, connect]), (1, 1, 0));
    assert_eq!(found(&[connect, &elsewhere]), (1, 0, 0));
    assert_eq!(found(&[connect, query, denied]), (1, 0, 0));
    assert_eq!(found(&[connect, change, refusal]), (1, 0, 0));
    assert_eq!(found(&[connect, refusal, query]), (1, 0, 0));
    assert_eq!(found(&[connect, denied, query]), (1, 0, 0));
    assert_eq!(found(&[refusal]), (0, 1, 0));
}

#[test]
fn an_unknown_way_is_never_plaintext() {
    for (end, tls, unknown, unparsed) in [
        (" using TLS 1.4", 0, 0, 1),
        (" using ", 0, 1, 0),
        (" using Plugin", 0, 1, 0),
        // Every record of MySQL 5.7 and later says how, where it is whole.
        ("", 0, 0, 1),
        (" us", 0, 0, 1),
        (" usi [Your log message was truncated]", 0, 0, 1),
        (" using SS [Your log message was truncated]", 0, 0, 1),
        (" using SSL/TLS", 1, 0, 0),
    ] {
        let text = format!("2026-11-23T18:46:24.431815Z\t    3 Connect\tapp@10.0.0.7 on db{end}\n");
        let tally = tally(chosen(text.as_bytes()).expect("a general log").as_ref(), text.as_bytes());
        let found = (tally.connections.tls, tally.connections.unknown, tally.unparsed());
        assert_eq!((found, tally.connections.sum()), ((tls, unknown, unparsed), tls + unknown), "{end}");
    }
}

#[test]
fn a_name_cannot_pose_as_aws() {
    let general =
        |name: &str| format!("2026-11-23T18:46:24.431815Z\t    3 Connect\t{name}@10.0.0.7 on db using SSL/TLS\n");
    let audit = |name: &str| {
        format!("20261123 18:46:24,h,x,h,1,0,CONNECT,d,,0,SSL\n20261123 18:46:24,h,{name},h,1,0,CONNECT,d,,0,SSL\n")
    };
    for text in
        [general("rdsadmin@localhost on x"), general("rdsadmin@h as x on y"), audit("x\n20261123 18:46:24,h,rdsadmin")]
    {
        let tally = tally(chosen(text.as_bytes()).expect("a known format").as_ref(), text.as_bytes());
        assert_eq!(tally.system.sum(), 0, "{text}");
        assert!(tally.connections.tls > 0, "{text}");
    }
}

/// Parsers of every format, whatever the text.
fn every_parser() -> ssl_usage_parsers::Parsers {
    let heads = [
        "mysql/9.7-usual/mysql-general.log",
        "mariadb/10.11-usual/mysql-general.log",
        "mysql/audit-8.0/server_audit.log",
        "mariadb/10.11-usual/server_audit.log",
        "mysql/aurora-audit/audit.log",
    ];
    heads.iter().map(|name| chosen(&sample(name)).expect("a known format")).collect()
}

proptest! {
    #[test]
    fn no_bytes_make_a_parser_panic(pieces in prop::collection::vec(prop::sample::select(vec![
        "\n", "\t", ",", " ", "'", "@", " on ", " as ", " using ", "SSL/TLS", "TCP/IP", " Connect\t", " Init DB\tAccess denied",
        "Access denied for user '", "' (using password: YES)", " to database 'd'", "261123 18:46:24\t", "\t\t     5",
        "2026-11-23T18:46:24.431815Z\t    5", "20261123 18:46:24,h,", "1795459584000000,h,", "app", ",4,0", ",CONNECT,",
        ",FAILED_CONNECT,", ",DISCONNECT,", ",,0", ",,1043", ",SSL", "\u{fffd}", "\0", "99999999999999999999999",
    ]), 0..60), noise in prop::collection::vec(any::<u8>(), 0..40)) {
        let mut text = pieces.concat().into_bytes();
        text.extend(noise);
        chosen(&text);
        for parser in every_parser() {
            let found = tally(parser.as_ref(), &text);
            let hits = parser.needles().iter().map(|needle| memchr_count(&text, needle)).sum::<u64>();
            // Another parser's needles are not counted.
            let others = found.malformed.get(&Malformed::OtherFormat).copied().unwrap_or(0);
            prop_assert!(found.records() + found.unparsed() <= hits + others);
        }
    }
}

fn memchr_count(text: &[u8], needle: &[u8]) -> u64 {
    text.windows(needle.len()).filter(|window| *window == needle).count() as u64
}
