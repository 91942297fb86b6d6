//! What holds for every log: how it is cut does not matter, and what a client writes neither hides a session nor makes
//! one up.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a failing test panics")]

use std::convert::Infallible;
use std::fmt::Write;
use std::fs;
use std::ops::Range;
use std::path::Path;
use std::sync::LazyLock;

use proptest::collection::vec;
use proptest::prelude::*;
use ssl_usage_parsers::{
    ConnectionEvent, EventSink, HEAD, Hints, Malformed, RecordParser, Scanned, Scanner, Tally, detect, postgres,
};

/// Everything that a scan says, in order.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    events: Vec<String>,
    malformed: Vec<(u64, Malformed)>,
}

impl EventSink for Seen {
    fn event(&mut self, event: &ConnectionEvent<'_>) {
        self.events.push(format!("{event:?}"));
    }

    fn malformed(&mut self, offset: u64, cause: Malformed) {
        self.malformed.push((offset, cause));
    }
}

/// A log, and the parser for it.
struct Log {
    name: String,
    text: Vec<u8>,
    parser: Box<dyn RecordParser>,
}

impl Log {
    fn of(name: &str, text: Vec<u8>) -> Self {
        let parser = detect(&text[..text.len().min(HEAD)], &Hints::default()).expect("a known format");
        Self { name: name.to_owned(), text, parser }
    }

    /// One sample after another; some are of the same server, as if it had been restarted.
    fn joined(cases: &[&str], end: &str) -> Self {
        let file = |case: &&str| {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples/postgres").join(case);
            fs::read(folder.join(format!("postgresql.log.2026-11-23-10{end}"))).expect("a sample")
        };
        Self::of(&format!("{cases:?}{end}"), cases.iter().flat_map(file).collect())
    }

    fn whole(&self, text: &[u8]) -> (Seen, Scanned) {
        let mut seen = Seen::default();
        let scanned = Scanner::new(self.parser.as_ref(), 1).scan(text, &mut seen);
        (seen, scanned)
    }
}

/// Large enough to be cut into rounds, and with everything in it that an honest or hostile client does.
static LARGE: LazyLock<Vec<Log>> = LazyLock::new(|| {
    let all = ["15-rds", "16-rds", "17-rds", "18-rds", "15-hostile", "16-hostile", "18-hostile", "16-two-readings"];
    vec![
        Log::joined(&all, ""),
        Log::joined(&all, ".csv"),
        Log::joined(&all[2..], ".json"),
        Log::joined(
            &["16-rds-long-prefix", "16-hostile-long-prefix", "18-hostile-long-prefix", "16-two-readings-long-prefix"],
            "",
        ),
    ]
});

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_cut_finds_the_same(
        log in 0..LARGE.len(),
        block in prop_oneof![700usize..5_000, 5_000usize..200_000],
        pieces in vec(1usize..90_000, 1..20),
        threads in 1usize..5,
    ) {
        let log = &LARGE[log];
        let mut seen = Seen::default();
        let mut scanner = Scanner::new(log.parser.as_ref(), threads).in_blocks_of(block);
        let mut rest = log.text.as_slice();
        for size in pieces.iter().cycle() {
            let (piece, after) = rest.split_at(rest.len().min(*size));
            scanner.push(piece, &mut seen);
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
        let scanned = scanner.finish(&mut seen);
        prop_assert_eq!((seen, scanned), log.whole(&log.text), "{}", log.name);
    }
}

/// Seen at any place, by any number of threads, as files are: the same as in one block.
#[test]
fn any_blocks_on_any_number_of_threads_find_the_same() {
    for log in LARGE.iter() {
        let expected = log.whole(&log.text);
        for (block, threads) in (1..5).flat_map(|threads| [(1_000, threads), (30_000, threads), (250_000, threads)]) {
            let mut seen = Seen::default();
            let scanner = Scanner::new(log.parser.as_ref(), threads).in_blocks_of(block);
            let view = |range: Range<u64>| Ok::<_, Infallible>(&log.text[range.start as usize..range.end as usize]);
            let Ok(scanned) = scanner.scan_at(log.text.len() as u64, view, &mut seen);
            assert!((seen, scanned) == expected, "{} in blocks of {block} on {threads} threads", log.name);
        }
    }
}

/// MySQL 5.6 writes a time only where it changes: wherever a block begins, at that line too.
#[test]
fn a_record_without_a_time_has_that_of_the_line_before_it_wherever_a_block_begins() {
    let timed = "261123 10:00:00\t    3 Connect\tapp@10.99.0.7 on orders\n";
    let later = "261123 10:00:09\t    4 Connect\tapp@10.99.0.7 on orders\n";
    let untimed = "\t\t    5 Connect\tapp@10.99.0.8 on orders\n\t\t    5 Query\tselect 1\n";
    let log = Log::of("general", [timed, untimed, later, untimed, untimed].concat().into_bytes());
    let expected = log.whole(&log.text);
    let count = |second: &str| expected.0.events.iter().filter(|event| event.contains(second)).count();
    assert_eq!([count("at: Some(1795428000000000)"), count("at: Some(1795428009000000)")], [2, 3], "{expected:?}");
    for block in 1..log.text.len() {
        let mut seen = Seen::default();
        let scanned = Scanner::new(log.parser.as_ref(), 1).in_blocks_of(block).scan(&log.text, &mut seen);
        assert!((seen, scanned) == expected, "in blocks of {block}");
    }
}

/// The same of every format, where a line begins at the first byte of a block, or of the text that a block is seen in.
#[test]
fn a_block_may_begin_at_any_line() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples");
    let logs = [
        "mysql/9.7-hostile/mysql-general.log",
        "mariadb/10.11-usual/mysql-general.log",
        "mariadb/10.11-forged/mysql-general.log",
        "mysql/audit-8.0/server_audit.log",
        "mysql/aurora-audit/audit.log",
        "oracle/zoned/listener.log",
        "oracle/hostile/listener.log",
        "oracle/hostile-xml/log.xml",
        "oracle/audit-hostile-xml/ORCL_ora_4711_20261123100000051907482236.xml",
        "sqlserver/hostile/ERROR",
        "docdb/audit/audit.log",
        "postgres/16-hostile/postgresql.log.2026-11-23-10",
        "postgres/16-hostile/postgresql.log.2026-11-23-10.csv",
        "postgres/16-hostile/postgresql.log.2026-11-23-10.json",
    ];
    // Records of another format are found before those of the log's own, which have no time of their own.
    let mixed =
        ["mariadb/10.11-usual/mysql-general.log", "docdb/audit/audit.log", "mariadb/10.11-usual/mysql-general.log"];
    let texts = logs.iter().map(|name| vec![*name]).chain([mixed.to_vec()]);
    for names in texts {
        let read = |name: &&str| fs::read(samples.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let name = names.join(" and ");
        let log = Log::of(&name, names.iter().flat_map(read).collect());
        let mut expected = log.whole(&log.text);
        expected.0.malformed.sort_unstable();
        let lines = log.text.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
        for block in lines.filter(|at| *at > log.text.len() / 64).take(150) {
            let mut seen = Seen::default();
            let scanned = Scanner::new(log.parser.as_ref(), 1).in_blocks_of(block).scan(&log.text, &mut seen);
            seen.malformed.sort_unstable();
            assert!((seen, scanned) == expected, "{name} in blocks of {block}");
        }
    }
}

#[test]
fn a_log_that_becomes_shorter_ends_there_and_a_failing_one_fails() {
    let log = &LARGE[0];
    let length = log.text.len() as u64;
    let short = &log.text[..log.text.len() / 2];
    for threads in 1..4 {
        let scanner = || Scanner::new(log.parser.as_ref(), threads).in_blocks_of(50_000);
        let within = |at: u64| short.len().min(at as usize);
        let view = |range: Range<u64>| Ok::<_, Infallible>(&short[within(range.start)..within(range.end)]);
        let mut seen = Seen::default();
        let Ok(scanned) = scanner().scan_at(length, view, &mut seen);
        assert!((seen, scanned) == log.whole(short), "{threads} threads");
        let fails = |range: Range<u64>| {
            if range.start < 400_000 { Ok(vec![0; (range.end - range.start) as usize]) } else { Err("broken") }
        };
        assert_eq!(scanner().scan_at(1_000_000, fails, &mut Seen::default()), Err("broken"), "{threads} threads");
    }
}

/// The first and the last records of samples without statements that imitate records: where a cut leaves no more than
/// such a statement, nothing can tell.
fn small() -> [Log; 4] {
    [("11-rds", ""), ("17-rds-long-prefix", ""), ("18-rds", ".csv"), ("16-rds", ".json")].map(|(case, end)| {
        let log = Log::joined(&[case], end);
        let lines: Vec<&[u8]> = log.text.split_inclusive(|byte| *byte == b'\n').collect();
        let some: Vec<&[u8]> = lines.iter().skip(6).take(6).chain(lines.iter().rev().take(12).rev()).copied().collect();
        Log::of(&log.name, some.concat())
    })
}

#[test]
fn a_log_cut_at_its_end_shows_the_beginning_of_what_it_showed() {
    for log in small() {
        let (full, _) = log.whole(&log.text);
        for length in 0..log.text.len() {
            let (seen, scanned) = log.whole(&log.text[..length]);
            assert!(full.events.starts_with(&seen.events), "{} cut to {length}", log.name);
            assert!(seen.malformed.len() <= full.malformed.len() + 1, "{} cut to {length}", log.name);
            assert_eq!(scanned.bytes, length as u64);
        }
    }
}

#[test]
fn a_log_cut_at_its_head_shows_the_end_of_what_it_showed() {
    for log in small() {
        let (full, _) = log.whole(&log.text);
        for from in 0..log.text.len() {
            let (seen, _) = log.whole(&log.text[from..]);
            // The method of a session is told by an earlier record, which may be gone.
            let without =
                |events: &[String]| -> Vec<String> { events.iter().map(|event| method_free(event)).collect() };
            assert!(without(&full.events).ends_with(&without(&seen.events)), "{} from {from}", log.name);
        }
    }
}

fn method_free(event: &str) -> String {
    let (before, method) = event.split_once(", auth_method: ").expect("an event has a method");
    let (_, after) = method.split_once(", kind: ").expect("an event has a kind");
    format!("{before}, kind: {after}")
}

/// Logs in which every text that a client controls imitates records.
#[test]
fn quoted_logs_with_forgeries_cut_at_their_end_never_gain_a_session() {
    for end in [".csv", ".json"] {
        let log = Log::joined(&["16-hostile"], end);
        let (full, _) = log.whole(&log.text);
        for length in (0..log.text.len()).step_by(211) {
            let (seen, _) = log.whole(&log.text[..length]);
            assert!(
                full.events.starts_with(&seen.events),
                "{} cut to {length} {:?} {:?} {}",
                log.name,
                seen.events.iter().zip(&full.events).find(|(a, b)| a != b),
                seen.malformed,
                String::from_utf8_lossy(&log.text[length.saturating_sub(500)..length])
            );
        }
    }
}

/// How a log writes a record, after PostgreSQL 16's `elog.c`, `csvlog.c` and `jsonlog.c`.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Writer {
    Rds,
    Rds16,
    Csv,
    Json,
}

/// A process that logs.
struct Process<'a> {
    pid: u32,
    user: &'a str,
    database: &'a str,
    application: &'a str,
    address: &'a str,
    command: &'a str,
}

const AT: &str = "2026-11-23 10:00:00";

fn json(text: &str) -> String {
    let mut out = String::from('"');
    for letter in text.chars() {
        match letter {
            '"' | '\\' => out.extend(['\\', letter]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            letter if letter < ' ' => write!(out, "\\u{:04x}", u32::from(letter)).expect("a string"),
            letter => out.push(letter),
        }
    }
    out.push('"');
    out
}

impl Writer {
    fn write(self, log: &mut String, by: &Process<'_>, severity: &str, message: &str, more: [Option<&str>; 2]) {
        let [context, statement] = more;
        let Process { pid, user, database, application, address, command } = by;
        let tabbed = |text: &str| text.replace('\n', "\n\t");
        let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
        match self {
            Self::Rds | Self::Rds16 => {
                let prefix = match self {
                    Self::Rds => format!("{AT} UTC:{address}(4000):{user}@{database}:[{pid}]:"),
                    _ => format!(
                        "{AT}.000 UTC:{address}(4000):{user}@{database}:[{pid}]:3:00000:{AT} UTC:3/1:0:6b040ea0.7:{application}"
                    ),
                };
                writeln!(log, "{prefix}{severity}:  {}", tabbed(message)).expect("a string");
                for (word, text) in [("CONTEXT", context), ("STATEMENT", statement)] {
                    if let Some(text) = text {
                        writeln!(log, "{prefix}{word}:  {}", tabbed(text)).expect("a string");
                    }
                }
            }
            Self::Csv => writeln!(
                log,
                "{AT}.000 UTC,{},{},{pid},\"{address}:4000\",6b040ea0.7,3,\"{command}\",{AT} UTC,3/1,0,{severity},00000,{},,,,,{},{},,,\"\",\"client backend\",,0",
                quoted(user),
                quoted(database),
                quoted(message),
                context.map(quoted).unwrap_or_default(),
                statement.map(quoted).unwrap_or_default(),
            )
            .expect("a string"),
            Self::Json => writeln!(
                log,
                "{{\"timestamp\":\"{AT}.000 UTC\",\"user\":{},\"dbname\":{},\"pid\":{pid},\"remote_host\":\"{address}\",\"remote_port\":4000,\"ps\":\"{command}\",\"error_severity\":\"{severity}\",\"message\":{}{}{},\"backend_type\":\"client backend\",\"query_id\":0}}",
                json(user),
                json(database),
                json(message),
                context.map(|text| format!(",\"context\":{}", json(text))).unwrap_or_default(),
                statement.map(|text| format!(",\"statement\":{}", json(text))).unwrap_or_default(),
            )
            .expect("a string"),
        }
    }

    /// A whole session: arrival, establishment, a failing statement, a message raised by it, end.
    fn session(self, log: &mut String, pid: u32, names: [&str; 5], mark: &str) {
        let [user, database, application, statement, raised] = names;
        let address = "10.0.0.7";
        let by = |user, database, application, command| Process { pid, user, database, application, address, command };
        let arrived = by("[unknown]", "[unknown]", "[unknown]", "");
        self.write(log, &arrived, "LOG", "connection received: host=10.0.0.7 port=4000", [None; 2]);
        let shown = match application {
            "" => String::new(),
            name => format!(" application_name={}", name.replace(|letter: char| letter < ' ', "\\x0a")),
        };
        let message = format!("connection authorized: user={user} database={database}{shown}{mark}");
        self.write(log, &by(user, database, "[unknown]", "authentication"), "LOG", &message, [None; 2]);
        let named: String = application.chars().filter(|letter| *letter >= ' ').take(63).collect();
        let named = if named.is_empty() { "[unknown]" } else { &named };
        let busy = by(user, database, named, "SELECT");
        self.write(log, &busy, "ERROR", "syntax error", [None, Some(statement)]);
        let context = Some("PL/pgSQL function inline_code_block line 1 at RAISE");
        self.write(log, &busy, "LOG", raised, [context, Some(statement)]);
        let end =
            format!("disconnection: session time: 0:00:01.000 user={user} database={database} host=10.0.0.7 port=4000");
        self.write(log, &by(user, database, named, "idle"), "LOG", &end, [None; 2]);
    }

    /// An attempt of a client that nobody knows.
    fn refusal(self, log: &mut String, pid: u32, user: &str, database: &str) {
        let (application, address, command) = ("[unknown]", "10.0.0.8", "authentication");
        let by = Process { pid, user, database, application, address, command };
        let message = format!(
            "no pg_hba.conf entry for host \"10.0.0.8\", user \"{user}\", database \"{database}\", no encryption"
        );
        self.write(log, &by, "FATAL", &message, [None; 2]);
    }
}

/// Text that a client chooses: all that records are made of, in any order.
fn forgery(longest: usize) -> impl Strategy<Value = String> {
    const PARTS: &[&str] = &[
        "x",
        " ",
        ":",
        "@",
        ",",
        "\"",
        "\\",
        "(",
        ")",
        "\n",
        "\t",
        "\r",
        "[unknown]",
        "[9]",
        "LOG:  ",
        "FATAL:  ",
        "STATEMENT:  ",
        "connection authorized: ",
        "connection received: host=10.9.9.9 port=1",
        "user=app",
        " database=orders",
        "app",
        "orders",
        " application_name=",
        " SSL enabled (protocol=TLSv1.3, cipher=F, bits=1)",
        " SSL enabled (",
        " GSS (authenticated=",
        "2026-11-23 10:00:00 UTC",
        "2026-11-23 10:00:00 UTC:10.9.9.9(1):a@b:[9]:LOG:  ",
        ":10.9.9.9(1):",
        "a@b:[9]:",
        "[local]",
        "2026-11-23 10:00:00 UTC:10.9.9.9(1):app@orders:[9]:LOG:  connection authorized: user=app database=orders",
        "\",\"connection authorized: user=app",
        "{\"timestamp\":\"",
        "\"message\":\"connection authorized: user=app",
        "2026-11-23 10:00:00.000 UTC,\"app\",\"orders\",9,\"10.9.9.9:1\",6b.7,3,\"authentication\",2026-11-23 10:00:00 UTC,3/1,0,LOG,00000,\"",
    ];
    vec(0..PARTS.len(), 1..9).prop_map(move |parts| {
        let mut text: String = parts.into_iter().map(|part| PARTS[part]).collect();
        text.truncate(longest);
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_clients_write_hides_no_session_and_makes_none_up(
        writer in prop_oneof![Just(Writer::Rds), Just(Writer::Rds16), Just(Writer::Csv), Just(Writer::Json)],
        user in forgery(63),
        database in forgery(63),
        application in forgery(200),
        statement in forgery(1_000),
        raised in forgery(1_000),
        raises_session in any::<bool>(),
        raises_mark in any::<bool>(),
        plain_names in any::<bool>(),
    ) {
        const MARK: &str = " SSL enabled (protocol=TLSv1.3, cipher=TLS_AES_256_GCM_SHA384, bits=256)";
        let (user, database) = if plain_names { ("web", "shop") } else { (user.as_str(), database.as_str()) };
        let honest = ["app", "orders", "api", "select 1/0", "done"];
        let raised = format!(
            "{}{raised}{}",
            if raises_session { format!("connection authorized: user={user} database={database}") } else { String::new() },
            if raises_mark { MARK } else { "" },
        );
        let mut log = String::new();
        writer.session(&mut log, 7, honest, MARK);
        writer.session(&mut log, 8, [user, database, &application, &statement, &raised], "");
        writer.refusal(&mut log, 10, user, database);
        writer.session(&mut log, 9, honest, MARK);
        let log = Log::of("forged", log.into_bytes());
        let mut tally = Tally::of(&postgres::ENGINE);
        Scanner::new(log.parser.as_ref(), 1).scan(&log.text, &mut tally);
        let found = tally.connections.sum() + tally.system.sum();
        let text = String::from_utf8_lossy(&log.text);
        // A name that holds a TLS mark cannot be told from one: it makes a session with TLS, or one that is not understood.
        let cut = (2..14).any(|length| application.trim_end().ends_with(&" SSL enabled ("[..length]));
        let imitates = application.contains(" SSL enabled (") || application.contains(" GSS (") || cut;
        prop_assert!(tally.connections.tls == 2 || (imitates && tally.connections.tls == 3), "{}", text);
        prop_assert!(found <= 3, "{} sessions made up:\n{}", found - 3, text);
        prop_assert!(found + tally.unparsed() >= 3, "a session lost:\n{}", text);
        if !imitates && (plain_names || matches!(writer, Writer::Csv | Writer::Json)) {
            prop_assert!(tally.connections.plaintext == 1 || writer == Writer::Rds16, "{}", text);
            prop_assert!(tally.disconnected + tally.unparsed() >= 3, "{}", text);
        }
    }
}

/// A user named like a record, in most lines of a log, does not change what the log's prefix is taken for.
#[test]
fn a_user_named_like_an_arrival_hides_no_other_session() {
    let user = ",LOG:  [unknown]a@b:[9]:LOG:  connection received: host=10.9.9.";
    for writer in [Writer::Rds, Writer::Rds16] {
        let mut log = String::new();
        let mark = " SSL enabled (protocol=TLSv1.3, cipher=TLS_AES_256_GCM_SHA384, bits=256)";
        writer.session(&mut log, 7, ["app", "orders", "api", "select 1/0", "done"], mark);
        writer.session(&mut log, 8, [user, "x", "x", "x", "x"], "");
        writer.refusal(&mut log, 10, user, "x");
        let log = Log::of("forged", log.into_bytes());
        let mut tally = Tally::of(&postgres::ENGINE);
        Scanner::new(log.parser.as_ref(), 1).scan(&log.text, &mut tally);
        assert_eq!(tally.connections.tls, 1, "{writer:?}");
        assert!(tally.connections.plaintext + tally.unparsed() >= 1, "{writer:?}");
    }
}

#[test]
fn the_forged_logs_are_read_where_nothing_is_forged() {
    for writer in [Writer::Rds, Writer::Rds16, Writer::Csv, Writer::Json] {
        let mut log = String::new();
        writer.session(
            &mut log,
            7,
            ["app", "orders", "", "select 1", "connection authorized: user=app database=orders"],
            "",
        );
        let log = Log::of("honest", log.into_bytes());
        let (seen, scanned) = log.whole(&log.text);
        assert_eq!((seen.events.len(), seen.malformed.len(), scanned.records), (3, 0, 3), "{writer:?}");
        assert!(seen.events[2].contains("Disconnected("), "{writer:?}");
    }
}
