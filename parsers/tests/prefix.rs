//! Any `log_line_prefix` is read: logs as a server writes them, behind prefixes that nobody chose for a parser.
//!
//! What each escape writes is told by the table of
//! <https://www.postgresql.org/docs/18/runtime-config-logging.html#GUC-LOG-LINE-PREFIX> and by `log_status_format` of
//! PostgreSQL's `src/backend/utils/error/elog.c`.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a failing test panics")]

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::subsequence;
use ssl_usage_parsers::{Hints, RecordParser, Scanner, Tally, detect, postgres};

/// A process of a server, at one moment.
struct Process {
    second: u32,
    pid: u32,
    line: u32,
    user: &'static str,
    database: &'static str,
    application: &'static str,
    host: &'static str,
    port: u32,
    command: &'static str,
    backend: &'static str,
}

impl Process {
    /// What an escape writes.
    fn escape(&self, letter: char) -> String {
        let clock = format!("2026-11-20 10:{:02}:{:02}", self.second / 60, self.second % 60);
        let session = !self.host.is_empty();
        match letter {
            't' => format!("{clock} UTC"),
            'm' => format!("{clock}.123 UTC"),
            's' => "2026-11-20 10:00:00 UTC".to_owned(),
            'n' => format!("{}.123", 1_795_168_800 + self.second),
            'p' => self.pid.to_string(),
            'l' => self.line.to_string(),
            'x' => "0".to_owned(),
            'e' => "00000".to_owned(),
            'c' => format!("6b000000.{:x}", self.pid),
            'v' if session => format!("3/{}", self.line),
            'u' => self.user.to_owned(),
            'd' => self.database.to_owned(),
            'a' if session && self.application.is_empty() => "[unknown]".to_owned(),
            'a' => self.application.to_owned(),
            'h' => self.host.to_owned(),
            'r' if session && self.host != "[local]" => format!("{}({})", self.host, self.port),
            'r' => self.host.to_owned(),
            'i' => self.command.to_owned(),
            'b' => self.backend.to_owned(),
            _ => String::new(),
        }
    }

    fn write(&mut self, log: &mut String, prefix: &str, message: &str) {
        self.line += 1;
        let mut letters = prefix.chars();
        while let Some(letter) = letters.next() {
            match letter {
                '%' => match letters.next() {
                    Some('q') if self.host.is_empty() => break,
                    Some(escape) => log.push_str(&self.escape(escape)),
                    None => {}
                },
                other => log.push(other),
            }
        }
        log.push_str("LOG:  ");
        log.push_str(message);
        log.push('\n');
    }
}

const TLS: &str = " SSL enabled (protocol=TLSv1.3, cipher=TLS_AES_256_GCM_SHA384, bits=256)";
const CLIENTS: [(&str, &str, &str, &str, &str); 4] = [
    ("app", "orders", "api", "10.0.1.5", TLS),
    ("etl", "lake", "etl job [7]", "10.0.1.6", ""),
    ("repl_1", "orders", "psql", "2001:db8::7", TLS),
    ("batch", "batch", "", "[local]", ""),
];

fn background(log: &mut String, prefix: &str, second: u32) {
    let (user, database, application, host) = ("", "", "", "");
    let (command, backend) = ("", "checkpointer");
    let mut process =
        Process { second, pid: 99, line: second, user, database, application, host, port: 0, command, backend };
    process.write(log, prefix, "checkpoint starting: time");
}

/// A log of so many sessions of each client.
fn log(prefix: &str, rounds: u32) -> String {
    let mut log = String::new();
    for round in 0..rounds {
        background(&mut log, prefix, round * 8);
        for (index, (user, database, application, host, mark)) in CLIENTS.iter().enumerate() {
            let number = round * 4 + u32::try_from(index).expect("few");
            let mut process = Process {
                second: number * 2,
                pid: 4_100 + number * 3,
                line: 0,
                user: "[unknown]",
                database: "[unknown]",
                application: "[unknown]",
                host,
                port: 40_000 + number,
                command: "",
                backend: "not initialized",
            };
            let port = if *host == "[local]" { String::new() } else { format!(" port={}", process.port) };
            process.write(&mut log, prefix, &format!("connection received: host={host}{port}"));
            (process.user, process.database) = (user, database);
            (process.command, process.backend) = ("authentication", "client backend");
            let named = if application.is_empty() { String::new() } else { format!(" application_name={application}") };
            let message = format!("connection authorized: user={user} database={database}{named}{mark}");
            process.write(&mut log, prefix, &message);
            (process.application, process.command, process.second) = (application, "idle", number * 2 + 1);
            let ended = format!("session time: 0:00:01.000 user={user} database={database} host={host}{port}");
            process.write(&mut log, prefix, &format!("disconnection: {ended}"));
        }
    }
    log
}

fn read(log: &str, hints: &Hints) -> (Box<dyn RecordParser>, Tally) {
    let parser = detect(log.as_bytes(), hints).unwrap_or_else(|| panic!("not recognised:\n{log}"));
    let mut tally = Tally::of(&postgres::ENGINE);
    Scanner::new(parser.as_ref(), 1).scan(log.as_bytes(), &mut tally);
    (parser, tally)
}

fn assert_read(prefix: &str, rounds: u64) {
    let log = log(prefix, u32::try_from(rounds).expect("few"));
    let (parser, tally) = read(&log, &Hints::default());
    let used = parser.log_line_prefix().unwrap_or_default().to_owned();
    let text = || format!("{prefix:?} read as {used:?}:\n{log}");
    let found = (tally.connections.tls, tally.connections.plaintext + tally.connections.local, tally.unparsed());
    assert_eq!(found, (2 * rounds, 2 * rounds, 0), "{}", text());
    assert_eq!((tally.received, tally.disconnected), (4 * rounds, 4 * rounds), "{}", text());
    // Where the prefix tells the address, or the process that arrived from it, a socket is told from a network.
    if ["%h", "%r", "%p", "%c"].iter().any(|escape| prefix.contains(escape)) {
        assert_eq!(tally.connections.local, rounds, "{}", text());
    }
}

/// Settings that are in use, or were asked about in public; the first three are RDS's.
#[test]
fn prefixes_in_use_are_read() {
    let prefixes = [
        "%t:%r:%u@%d:[%p]:",
        "%m:%r:%u@%d:[%p]:%l:%e:%s:%v:%x:%c:%q%a:",
        "%m:%r:%u@%d:[%p]:%l:%e:%s:%v:%x:%c:%q%a",
        // pganalyze, pgBadger, the RPMs of the PostgreSQL project, Aiven, Spilo, Azure, vPostgres, Crunchy Data.
        "%m [%p] %q[user=%u,db=%d,app=%a] ",
        "%t [%p]: db=%d,user=%u,app=%a,client=%h ",
        "%t [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h ",
        "< %m >",
        "< %m > ",
        "pid=%p,user=%u,db=%d,app=%a,client=%h ",
        "%t [%p]: [%l-1] %c %x %d %u %a %h ",
        "%t [%p]: ts=%m,db=%d,user=%u,app=%a,client=%h,cmdtag=%i,statecode=%e,vtxid=%v,txid=%x",
        "%m %c %x %d %u %r %p %l",
        "%t [%p][%b][%v][%x] %q[user=%u,db=%d,app=%a] ",
        "%h %m [%p] %q%u@%d ",
        "%t %a %u %h ",
        "%m ",
        "%n ",
        "%p ",
        "",
    ];
    for prefix in prefixes {
        for rounds in [1, 3, 50] {
            assert_read(prefix, rounds);
        }
    }
}

/// What the server says that its prefix is comes first, and the text decides.
#[test]
fn the_text_decides_against_a_setting() {
    let prefix = "%m [%p] %q[user=%u,db=%d,app=%a] ";
    for setting in [prefix, "%t:%r:%u@%d:[%p]:", "%m:%r:%u@%d:[%p]:%l:%e:%s:%v:%x:%c:%q%a:", "%p nonsense", ""] {
        let hints = Hints { log_line_prefix: Some(setting.to_owned()), ..Hints::default() };
        let (parser, tally) = read(&log(prefix, 2), &hints);
        assert_eq!(parser.log_line_prefix(), Some(prefix), "{setting}");
        assert_eq!((tally.connections.tls, tally.unparsed()), (4, 0), "{setting}");
    }
}

fn separator() -> impl Strategy<Value = String> {
    "[ :;,|/@<>(){}=#-]{1,3}|[a-z]{2,6}=|, ?[a-z]{2,6}: "
}

/// A prefix of some escapes in any order, with something fixed between them.
fn prefix() -> impl Strategy<Value = String> {
    let escapes = vec!['t', 'm', 'n', 'p', 'l', 'x', 'e', 'c', 'v', 'u', 'd', 'a', 'h', 'r', 'i', 'b', 's'];
    let count = escapes.len();
    let some = subsequence(escapes, 1..count).prop_shuffle();
    (some, vec(separator(), count), prop::option::of(0..count)).prop_map(|(escapes, separators, session_only)| {
        let mut prefix = String::new();
        for (index, escape) in escapes.iter().enumerate() {
            if session_only == Some(index) {
                prefix.push_str("%q");
            }
            prefix.extend(['%', *escape]);
            prefix.push_str(&separators[index]);
        }
        prefix
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// No session is lost without a trace, and none is counted with another transport.
    #[test]
    fn no_prefix_loses_or_changes_a_session(prefix in prefix()) {
        let log = log(&prefix, 6);
        let Some(parser) = detect(log.as_bytes(), &Hints::default()) else { return Ok(()) };
        let mut tally = Tally::of(&postgres::ENGINE);
        Scanner::new(parser.as_ref(), 1).scan(log.as_bytes(), &mut tally);
        let used = parser.log_line_prefix().unwrap_or_default();
        let found = (tally.connections.tls, tally.connections.plaintext + tally.connections.local);
        let text = || format!("{prefix:?} read as {used:?}: {found:?}, {} unparsed\n{log}", tally.unparsed());
        prop_assert!(found.0 <= 12 && found.1 <= 12, "{}", text());
        prop_assert!(found.0 + found.1 + tally.unparsed() >= 24, "{}", text());
    }
}
