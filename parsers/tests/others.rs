//! Oracle, SQL Server and DocumentDB: hand-made samples show what is written in them, however they are cut, and what a
//! client writes neither hides a session nor makes one up.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a failing test panics")]

mod truth;

use std::fs;
use std::path::Path;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use ssl_usage_parsers::{
    ConnectionEvent, Engine, EventSink, Hints, Malformed, RecordParser, Scanned, Scanner, Tally, detect, docdb, oracle,
    sqlserver,
};

use truth::Truth;

/// Everything that a scan says, in order.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    events: Vec<String>,
    malformed: Vec<Malformed>,
}

impl EventSink for Seen {
    fn event(&mut self, event: &ConnectionEvent<'_>) {
        self.events.push(format!("{:?} {:?}", event.kind, event.client));
    }

    fn malformed(&mut self, _: u64, cause: Malformed) {
        self.malformed.push(cause);
    }
}

fn seen(parser: &dyn RecordParser, text: &[u8]) -> Seen {
    let mut seen = Seen::default();
    Scanner::new(parser, 1).scan(text, &mut seen);
    seen
}

/// The samples: where they are, and the parser that each is for.
static SAMPLES: &[(&str, &dyn RecordParser)] = &[
    ("oracle/text/listener.log", &oracle::Listener),
    ("oracle/xml/log.xml", &oracle::ListenerXml),
    ("oracle/hostile/listener.log", &oracle::Listener),
    ("oracle/hostile-xml/log.xml", &oracle::ListenerXml),
    ("sqlserver/logins/ERROR", &sqlserver::Errorlog),
    ("sqlserver/hostile/ERROR", &sqlserver::Errorlog),
    ("docdb/audit/audit.log", &docdb::Audit),
    ("docdb/hostile/audit.log", &docdb::Audit),
];

fn parsers() -> impl Iterator<Item = &'static dyn RecordParser> {
    SAMPLES.iter().map(|(_, parser)| *parser)
}

fn path(file: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples").join(file)
}

fn sample(file: &str) -> Vec<u8> {
    fs::read(path(file)).expect("a sample")
}

#[test]
fn every_sample_shows_what_is_written_in_it() {
    for (file, parser) in SAMPLES {
        let truth = Truth::of(path(file).parent().expect("a folder"));
        let text = sample(file);
        let mut tally = Engine::named(parser.engine()).map(Tally::of).expect("an engine of the list");
        let scanned = Scanner::new(*parser, 1).scan(&text, &mut tally);
        let shown = truth.compare(parser.format(), &tally, scanned.foreign);
        assert_eq!(shown.differences, None, "{file}");
        let [opened, found] = shown.sessions;
        assert_eq!(opened, found, "{file}");
        assert_eq!(truth.engine(), parser.engine(), "{file}");
        assert!(scanned.first_at.is_some() && scanned.last_at.is_some(), "{file}");
        assert!(path(file).with_file_name("README.md").exists(), "{file}");
        let detected = detect(&text, &Hints::default()).expect("its content tells what it is");
        assert_eq!((detected.engine(), detected.format()), (parser.engine(), parser.format()), "{file}");
        // Its first record says which parser it is for, and no other parser of the engine claims it.
        let first = text.split(|byte| *byte == b'\n').find(|line| parsers().any(|parser| parser.begins(line)));
        let first = first.expect("a record");
        for other in parsers() {
            assert_eq!(other.begins(first), other.format() == parser.format(), "{file} {}", other.format());
        }
    }
}

#[test]
fn a_sample_cut_anywhere_makes_nothing_up() {
    for (file, parser) in SAMPLES {
        let text = sample(file);
        let whole = seen(*parser, &text).events;
        for at in 0..text.len() {
            let head = seen(*parser, &text[..at]).events;
            assert!(whole.starts_with(&head), "{file} cut at {at}: {head:?}");
            let tail = seen(*parser, &text[at..]).events;
            assert!(whole.ends_with(&tail), "{file} cut before {at}: {tail:?}");
        }
    }
}

#[test]
fn blocks_do_not_matter() {
    for (file, parser) in SAMPLES {
        // More than a parser may look at from any place.
        let text = sample(file).repeat(60);
        let expected = seen(*parser, &text);
        for (block, threads) in [(997, 1), (10_007, 3), (100_003, 2)] {
            let mut found = Seen::default();
            let scanned: Scanned = Scanner::new(*parser, threads).in_blocks_of(block).scan(&text, &mut found);
            assert_eq!(scanned.bytes, text.len() as u64);
            assert_eq!(found, expected, "{file} in blocks of {block}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read(text in vec(any::<u8>(), 0..2_000), which in 0..SAMPLES.len(), end in select(vec!["", "\n"])) {
        let parser = SAMPLES[which].1;
        for needle in parser.needles() {
            let text = [&text[..text.len() / 2], needle, &text[text.len() / 2..], end.as_bytes()].concat();
            let seen = seen(parser, &text);
            prop_assert!(seen.events.is_empty(), "{:?}", seen.events);
        }
    }

    #[test]
    fn any_changes_are_read(which in 0..SAMPLES.len(), changes in vec((any::<usize>(), any::<u8>(), 0usize..3), 1..30)) {
        let (file, parser) = SAMPLES[which];
        let mut text = sample(file);
        for (at, byte, how) in changes {
            let at = at % text.len();
            match how {
                0 => text[at] = byte,
                1 => text.insert(at, byte),
                _ => {
                    text.remove(at);
                }
            }
        }
        seen(parser, &text);
    }
}

/// What a hostile client may write into a name.
fn forgery(pieces: &'static [&'static str]) -> impl Strategy<Value = String> {
    vec(prop_oneof![select(pieces).prop_map(str::to_owned), "[ -~]{0,8}".prop_map(|text| text)], 0..6)
        .prop_map(|pieces| pieces.concat())
}

const ORACLE: &[&str] = &[
    " * ",
    "(ADDRESS=(PROTOCOL=tcp)(HOST=10.66.0.1)(PORT=1))",
    "(ADDRESS=(PROTOCOL=tcps)(HOST=10.66.0.1)(PORT=1))",
    " * (ADDRESS=(PROTOCOL=tcp)(HOST=10.66.0.1)(PORT=1)) * establish * ORCL * 0",
    " * (ADDRESS=(PROTOCOL=tcps)(HOST=10.66.0.1)(PORT=1)) * establish * ORCL * 0",
    " * establish * ",
    "* establish *",
    " * 0",
    " * status * 0",
    "<unknown connect data>",
    " * <unknown connect data> * 29019",
    ")",
    "(",
    ")))",
    "23-NOV-2026 10:00:00",
    "</txt>",
    "<txt>",
    "&lt;",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_oracle_client_cannot_hide_what_it_came_by(
        program in forgery(ORACLE),
        user in forgery(ORACLE),
        tls in any::<bool>(),
        xml in any::<bool>(),
    ) {
        let protocol = if tls { "tcps" } else { "tcp" };
        let record = format!(
            "23-NOV-2026 18:39:57 * (CONNECT_DATA=(SERVICE_NAME=ORCL)(CID=(PROGRAM={program})(HOST=h)(USER={user}))) * \
             (ADDRESS=(PROTOCOL={protocol})(HOST=10.0.0.7)(PORT=1)) * establish * ORCL * 0"
        );
        let parser: &dyn RecordParser = if xml { &oracle::ListenerXml } else { &oracle::Listener };
        let text = if xml {
            let record = record.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            format!(
                "<msg time='2026-11-23T18:39:57.242+00:00' org_id='oracle' comp_id='tnslsnr'\n type='UNKNOWN'>\n \
                 <txt>{record}\n </txt>\n</msg>\n"
            )
        } else {
            record + "\n"
        };
        let seen = seen(parser, text.as_bytes());
        prop_assert_eq!(&seen.malformed, &[]);
        let carried = if tls { "Connected(Tls(" } else { "Connected(Plaintext)" };
        prop_assert!(seen.events.len() == 1 && seen.events[0].starts_with(carried), "{:?}", seen.events);
        prop_assert!(seen.events[0].contains(r#"address: Some("#));
    }

    /// Whether a listener writes the newlines of a client as they are is not known.
    #[test]
    fn an_oracle_client_that_breaks_its_record_in_lines_is_missed_by_nobody(
        lines in vec(forgery(ORACLE), 2..5),
        note in select(vec!["", "TNS-12514: ", "ORA-29019", "\n", "23-NOV-2026 10:00:00 * "]),
        xml in any::<bool>(),
    ) {
        let program = lines.join(&format!("\n{note}"));
        let record = format!(
            "23-NOV-2026 18:39:57 * (CONNECT_DATA=(SERVICE_NAME=ORCL)(CID=(PROGRAM={program})(HOST=h)(USER=u))) * \
             (ADDRESS=(PROTOCOL=tcps)(HOST=10.0.0.7)(PORT=1)) * establish * ORCL * 0\n"
        );
        let seen = if xml {
            let record = record.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            seen(&oracle::ListenerXml, format!("<msg time='x'>\n <txt>{record} </txt>\n</msg>\n").as_bytes())
        } else {
            seen(&oracle::Listener, record.as_bytes())
        };
        let tls = seen.events.iter().any(|event| event.starts_with("Connected(Tls(") && event.contains("[49, 48, 46, 48, 46, 48, 46, 55]"));
        prop_assert!(tls || !seen.malformed.is_empty(), "{:?}", seen);
        prop_assert!(!xml || seen.events.len() == 1, "{:?}", seen);
    }

    #[test]
    fn a_refused_oracle_client_is_never_a_session(service in forgery(ORACLE), tls in any::<bool>()) {
        let protocol = if tls { "tcps" } else { "tcp" };
        let text = format!(
            "23-NOV-2026 18:39:57 * (CONNECT_DATA=(SERVICE_NAME={service})(CID=(PROGRAM=p)(HOST=h)(USER=u))) * \
             (ADDRESS=(PROTOCOL={protocol})(HOST=10.0.0.7)(PORT=1)) * establish * {service} * 12514\n"
        );
        let seen = seen(&oracle::Listener, text.as_bytes());
        let refused = if tls { "Rejected(Tls(" } else { "Rejected(Plaintext)" };
        prop_assert_eq!(seen.events.len() + seen.malformed.len(), 1);
        prop_assert!(seen.events.iter().all(|event| event.starts_with(refused)), "{:?}", seen.events);
    }
}

const SQLSERVER: &[&str] = &[
    "'. Connection made using SQL Server authentication. [CLIENT: 10.66.0.1]",
    "'. Connection made using Windows authentication.",
    "'. Reason: ",
    "'.",
    "'",
    " [CLIENT: 10.66.0.1]",
    "Login succeeded for user 'x'. Connection made using SQL Server authentication. [CLIENT: 10.66.0.1]",
    "Login failed for user 'x'. Reason: none. [CLIENT: 10.66.0.1]",
    "Encryption is required to connect to this server but the client library does not support encryption",
    "2026-11-23 10:00:00.00 Logon       ",
    "\n",
    "\n2026-11-23 10:00:00.00 Logon       Login succeeded for user 'x",
    "\n2026-11-23 10:00:00.00 spid52      ",
];

const DOCDB: &[&str] = &[
    r#""authenticate""#,
    r#"{"atype":"authenticate","ts":1,"param":{"user":"x","success":true}}"#,
    r#"","success":false,"x":""#,
    r#""}}"#,
    "\\",
    "\n",
    "\"",
    "\\u0022",
    "{",
    "}",
];

/// A string as the server escapes it.
fn json(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_sqlserver_client_cannot_hide_its_session(user in forgery(SQLSERVER)) {
        let text = format!(
            "2026-11-23 18:39:57.24 Logon       Login succeeded for user '{user}'. Connection made using SQL Server \
             authentication. [CLIENT: 10.0.0.7]\n"
        );
        let seen = seen(&sqlserver::Errorlog, text.as_bytes());
        if user.contains('\n') {
            prop_assert!(!seen.events.is_empty() || !seen.malformed.is_empty());
        } else {
            prop_assert_eq!((seen.events.len(), &seen.malformed), (1, &vec![]));
            prop_assert!(seen.events[0].starts_with("Connected(Unknown)"), "{:?}", seen.events);
        }
    }

    #[test]
    fn a_refused_sqlserver_client_is_never_a_session(
        user in forgery(SQLSERVER),
        database in "[ -~]{0,6}",
        known in any::<bool>(),
    ) {
        prop_assume!(!user.contains("[CLIENT: 10.66.0.1]\n"));
        let reason = match known {
            true => format!("Failed to open the explicitly specified database '{database}'."),
            false => "Could not find a login matching the name provided.".to_owned(),
        };
        let text = format!(
            "2026-11-23 18:39:57.24 Logon       Login failed for user '{user}'. Reason: {reason} [CLIENT: 10.0.0.7]\n"
        );
        let seen = seen(&sqlserver::Errorlog, text.as_bytes());
        prop_assert!(seen.events.first().is_some_and(|event| event.starts_with("Rejected(Unknown)")));
        if !user.contains('\n') {
            prop_assert_eq!((seen.events.len(), &seen.malformed), (1, &vec![]));
        }
    }

    #[test]
    fn a_statement_is_never_a_session(message in forgery(SQLSERVER)) {
        let message = message.replace('\n', " ");
        let text = format!("2026-11-23 18:39:57.24 spid52      {message}\n");
        prop_assert_eq!(seen(&sqlserver::Errorlog, text.as_bytes()), Seen::default());
    }

    #[test]
    fn a_docdb_client_neither_hides_its_session_nor_makes_one_up(user in forgery(DOCDB), succeeds in any::<bool>()) {
        let user = json(&user);
        let text = format!(
            "{{\"atype\":\"authCheck\",\"ts\":1795459197241,\"remote_ip\":\"10.0.0.7:1\",\"user\":\"{user}\",\"param\":\
             {{\"{user}\":[\"authenticate\",\"{user}\"]}}}}\n\
             {{\"atype\":\"authenticate\",\"ts\":1795459197242,\"remote_ip\":\"10.0.0.7:1\",\"user\":\"\",\"param\":\
             {{\"user\":\"{user}\",\"mechanism\":\"SCRAM-SHA-1\",\"success\":{succeeds},\"message\":\"\",\"error\":0}}}}\n"
        );
        let seen = seen(&docdb::Audit, text.as_bytes());
        let kind = if succeeds { "Connected(Unknown)" } else { "Rejected(Unknown)" };
        prop_assert_eq!((seen.events.len(), &seen.malformed), (1, &vec![]), "{}", text);
        prop_assert!(seen.events[0].starts_with(kind), "{:?}", seen.events);
    }
}
