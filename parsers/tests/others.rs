//! Oracle, SQL Server and DocumentDB: hand-made samples show what is written in them, however they are cut, and what a
//! client writes neither hides a session nor makes one up.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a failing test panics")]

mod truth;

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

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

/// Of a log without a zone.
static LISTENER: LazyLock<oracle::Listener> = LazyLock::new(oracle::Listener::default);
static ERRORLOG: LazyLock<sqlserver::Errorlog> = LazyLock::new(sqlserver::Errorlog::default);

/// The samples: where they are, and the parser that each is for.
static SAMPLES: LazyLock<Vec<(&str, &dyn RecordParser)>> = LazyLock::new(|| {
    vec![
        ("oracle/text/listener.log", &*LISTENER),
        ("oracle/zoned/listener.log", &*LISTENER),
        ("oracle/months/listener.log", &*LISTENER),
        ("oracle/xml/log.xml", &oracle::ListenerXml),
        ("oracle/hostile/listener.log", &*LISTENER),
        ("oracle/hostile-xml/log.xml", &oracle::ListenerXml),
        ("oracle/audit-text/ORCL_ora_4711_20261123100000051907482236.aud", &oracle::Audit),
        ("oracle/audit-xml/ORCL_ora_4711_20261123100000051907482236.xml", &oracle::AuditXml),
        (HOSTILE_TRAIL, &oracle::Audit),
        ("oracle/audit-hostile-xml/ORCL_ora_4711_20261123100000051907482236.xml", &oracle::AuditXml),
        ("sqlserver/logins/ERROR", &*ERRORLOG),
        ("sqlserver/hostile/ERROR", &*ERRORLOG),
        ("docdb/audit/audit.log", &docdb::Audit),
        ("docdb/hostile/audit.log", &docdb::Audit),
    ]
});

/// Statements and names stand in it as they are. What is forged in them has an address of [`FORGED`].
const HOSTILE_TRAIL: &str = "oracle/audit-hostile/ORCL_ora_4711_20261123100000051907482236.aud";
/// `10.66.`, as an event shows it.
const FORGED: &str = "[49, 48, 46, 54, 54, 46";

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
    for (file, parser) in SAMPLES.iter() {
        let truth = Truth::of(path(file).parent().expect("a folder"));
        let text = sample(file);
        let detected = detect(&text, &Hints::default()).expect("its content tells what it is");
        let mut tally = Engine::named(parser.engine()).map(Tally::of).expect("an engine of the list");
        let scanned = Scanner::new(detected.as_ref(), 1).scan(&text, &mut tally);
        let shown = truth.compare(parser.format(), &tally, scanned.unsupported_language);
        assert_eq!(shown.differences, None, "{file}");
        let [opened, found] = shown.sessions;
        assert_eq!(opened, found, "{file}");
        assert_eq!(truth.engine(), parser.engine(), "{file}");
        assert!(scanned.first_at.is_some() && scanned.last_at.is_some(), "{file}");
        assert!(path(file).with_file_name("README.md").exists(), "{file}");
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
    for (file, parser) in SAMPLES.iter() {
        let text = sample(file);
        let whole = seen(*parser, &text).events;
        for at in 0..text.len() {
            let head = seen(*parser, &text[..at]).events;
            assert!(whole.starts_with(&head), "{file} cut at {at}: {head:?}");
            let mut tail = seen(*parser, &text[at..]).events;
            // Where a log begins in a statement, nothing can tell what that holds.
            tail.retain(|event| *file != HOSTILE_TRAIL || !event.contains(FORGED));
            assert!(whole.ends_with(&tail), "{file} cut before {at}: {tail:?}");
        }
    }
}

#[test]
fn blocks_do_not_matter() {
    for (file, parser) in SAMPLES.iter() {
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
        let parser: &dyn RecordParser = if xml { &oracle::ListenerXml } else { &*LISTENER };
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
            seen(&*LISTENER, record.as_bytes())
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
        let seen = seen(&*LISTENER, text.as_bytes());
        let refused = if tls { "Rejected(Tls(" } else { "Rejected(Plaintext)" };
        prop_assert_eq!(seen.events.len() + seen.malformed.len(), 1);
        prop_assert!(seen.events.iter().all(|event| event.starts_with(refused)), "{:?}", seen.events);
    }
}

const TRAIL: &[&str] = &[
    "\" ACTION:[3] \"100\" RETURNCODE:[1] \"0\" COMMENT$TEXT:[49] \
     \"(ADDRESS=(PROTOCOL=tcps)(HOST=10.66.0.1)(PORT=1))\"",
    " RETURNCODE:[4] \"1017\"",
    "ACTION:[3] \"100\"",
    "ACTION:[3] \"101\"",
    "'\nACTION :[7] 'CONNECT'\nSTATUS:[1] '0'\n",
    "; Client address: (ADDRESS=(PROTOCOL=tcps)(HOST=10.66.0.1)(PORT=1))",
    "; Client address: (ADDRESS=(PROTOCOL=tcp)(HOST=10.66.0.1)(PORT=1))",
    "\nMon Nov 23 10:00:00 2026 +00:00\n",
    "\n\nMon Nov 23 10:00:00 2026 +00:00\nLENGTH: \"90000\"\n",
    "\n\nMon Nov 23 10:00:00 2026 +00:00\nLENGTH: \"20\"\n",
    "\n\nMon Nov 23 10:00:00 2026 +00:00\nLENGTH : '147'\nUSERID:[400] \"",
    "\n\nMon Nov 23 10:00:00 2026 +00:00\nLENGTH: \"107\"\nACTION:[3] \"100\" RETURNCODE:[1] \"0\" COMMENT$TEXT:[49] \
     \"(ADDRESS=(PROTOCOL=tcps)(HOST=10.66.0.1)(PORT=1))\"\n\n",
    "\n\nMon Nov 23 10:00:00 2026 +00:00\nLENGTH : '38'\nACTION :[7] 'CONNECT'\nSTATUS:[1] '0'\n\n",
    "</DB_User><Action>100</Action>",
    "</AuditRecord>\n<AuditRecord>",
    "<Comment_Text>(ADDRESS=(PROTOCOL=tcp)(HOST=10.66.0.1)(PORT=1))</Comment_Text>",
    "\"",
    "'",
    "\n",
];

/// A record of an audit trail, as a server writes it.
fn audited(quote: char, layout: &str, fields: &[(&str, &str)], between: &str) -> String {
    let fields: Vec<_> =
        fields.iter().map(|(name, value)| format!("{name}:[{}] {quote}{value}{quote}", value.len())).collect();
    let body = fields.join(between) + "\n";
    let length = body.len() + 1;
    format!("Mon Nov 23 18:39:57 2026 +00:00\n{layout}: {quote}{length}{quote}\n{body}\n")
}

fn audited_logon(user: &str, host: &str, code: &str, comment: &str) -> String {
    let fields = [
        ("SESSIONID", "410002"),
        ("USERID", user),
        ("USERHOST", host),
        ("ACTION", "100"),
        ("RETURNCODE", code),
        ("COMMENT$TEXT", comment),
        ("OS$USERID", host),
    ];
    audited('"', "LENGTH", &fields, " ")
}

fn audited_statement(statement: &str) -> String {
    let fields = [("ACTION ", statement), ("DATABASE USER", "/"), ("STATUS", "0"), ("ACTION NUMBER", "3")];
    audited('\'', "LENGTH ", &fields, "\n")
}

fn audited_element(user: &str, host: &str, code: &str, comment: &str) -> String {
    let plain = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    format!(
        "<AuditRecord><Extended_Timestamp>2026-11-23T18:39:57.242005Z</Extended_Timestamp><DB_User>{}</DB_User>\
         <Userhost>{}</Userhost><Action>100</Action><Returncode>{code}</Returncode>\n<Comment_Text>{}</Comment_Text>\n\
         </AuditRecord>\n",
        plain(user),
        plain(host),
        plain(comment)
    )
}

/// `10.0.0.7`, as an event shows it.
const GENUINE: &str = "[49, 48, 46, 48, 46, 48, 46, 55]";

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_audited_oracle_client_cannot_hide_what_it_came_by(
        user in forgery(TRAIL),
        host in forgery(TRAIL),
        statement in forgery(TRAIL),
        tls in any::<bool>(),
        accepted in any::<bool>(),
        xml in any::<bool>(),
    ) {
        let (protocol, code) = (if tls { "tcps" } else { "tcp" }, if accepted { "0" } else { "1017" });
        let comment = format!(
            "Authenticated by: DATABASE;AUTHENTICATED IDENTITY: {user}; Client address: \
             (ADDRESS=(PROTOCOL={protocol})(HOST=10.0.0.7)(PORT=1))"
        );
        let seen = if xml {
            seen(&oracle::AuditXml, audited_element(&user, &host, code, &comment).as_bytes())
        } else {
            let (statement, logon) = (audited_statement(&statement), audited_logon(&user, &host, code, &comment));
            seen(&oracle::Audit, format!("{statement}{logon}{statement}").as_bytes())
        };
        let carried = if tls { "Tls(" } else { "Plaintext)" };
        let expected = format!("{}({carried}", if accepted { "Connected" } else { "Rejected" });
        prop_assert_eq!((seen.events.len(), &seen.malformed), (1, &vec![]), "{:?}", seen.events);
        prop_assert!(seen.events[0].starts_with(&expected) && seen.events[0].contains(GENUINE), "{:?}", seen.events);
    }

}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    /// From far behind the log's beginning, what looks like a record inside of another is ambiguous.
    #[test]
    fn far_behind_the_beginning_nothing_is_hidden_and_nothing_made_up(
        user in forgery(TRAIL),
        statement in forgery(TRAIL),
        far in 0usize..400,
    ) {
        let comment = "Client address: (ADDRESS=(PROTOCOL=tcps)(HOST=10.0.0.7)(PORT=1))";
        let (statement, logon) = (audited_statement(&statement), audited_logon(&user, "h", "0", comment));
        let quiet = audited_statement(&"x".repeat(200));
        let honest = audited_logon("APP", "h", "0", comment);
        let text = [quiet.repeat(300 + far), statement, quiet.repeat(400 - far), logon, honest].concat();
        let seen = seen(&oracle::Audit, text.as_bytes());
        let genuine = seen.events.iter().filter(|event| event.starts_with("Connected(Tls(") && event.contains(GENUINE));
        prop_assert!(genuine.count() + seen.malformed.len() >= 2, "{:?}", seen);
        prop_assert!(seen.events.len() <= 2, "{:?}", seen.events);
    }
}

/// A log that begins in a statement, with a record in it that claims what follows.
#[test]
fn a_record_that_claims_others_hides_none_without_a_trace() {
    let comment = "Client address: (ADDRESS=(PROTOCOL=tcps)(HOST=10.0.0.7)(PORT=1))";
    let honest = audited_logon("APP", "h", "0", comment);
    let claims = |length: usize| format!("Mon Nov 23 10:00:00 2026 +00:00\nLENGTH: \"{length}\"\nUSERID:[5] \"");
    for length in [honest.len() + 12, 90_000, 999_999_999] {
        let text = ["x\n", &claims(length), "\n", &honest, &honest].concat();
        let seen = seen(&oracle::Audit, text.as_bytes());
        assert_eq!(seen.events.len() + seen.malformed.len(), 2, "{length} {seen:?}");
    }
}

/// What the record is found by stands in it twice then, with a star that both share.
#[test]
fn a_service_that_is_called_as_the_event_hides_no_session() {
    let record = "23-NOV-2026 10:00:04 * (CONNECT_DATA=(SERVICE_NAME=establish)(CID=(PROGRAM=p)(HOST=h)(USER=u))) * \
                  (ADDRESS=(PROTOCOL=tcps)(HOST=10.30.0.1)(PORT=1)) * establish * establish * 0\n";
    let element =
        format!("<msg time='2026-11-23T10:00:04.000+00:00' comp_id='tnslsnr'>\n <txt>{record} </txt>\n</msg>\n");
    for (parser, text) in [(&*LISTENER as &dyn RecordParser, record), (&oracle::ListenerXml, &element)] {
        let mut tally = Tally::of(&oracle::ENGINE);
        Scanner::new(parser, 1).scan(text.as_bytes(), &mut tally);
        assert_eq!((tally.connections.tls, tally.unparsed()), (1, 0), "{}", parser.format());
    }
}

#[test]
fn an_administrators_session_tells_no_transport_without_an_address() {
    let connect = |more: &[(&str, &str)]| {
        let fields = [&[("ACTION ", "CONNECT"), ("DATABASE USER", "/"), ("STATUS", "0"), ("DBID", "1")], more].concat();
        seen(&oracle::Audit, audited('\'', "LENGTH ", &fields, "\n").as_bytes()).events
    };
    // 11.2 writes no address at all.
    assert!(connect(&[])[0].starts_with("Connected(Unknown)"));
    let local = &connect(&[("CLIENT ADDRESS", "")])[0];
    assert!(local.starts_with("Connected(Unknown)") && local.contains("[91, 108, 111, 99, 97, 108, 93]"), "{local}");
    let address = ("CLIENT ADDRESS", "(ADDRESS=(PROTOCOL=tcps)(HOST=10.0.0.7)(PORT=1))");
    assert!(connect(&[address])[0].starts_with("Connected(Tls("));
}

#[test]
fn an_audited_address_that_cannot_be_read_is_no_missing_one() {
    let comments = [
        ("Authenticated by: DATABASE", Ok("Connected(Unknown)")),
        ("Client address: (ADDRESS=(PROTOCOL=sdp)(HOST=10.0.0.7))", Ok("Connected(Unknown)")),
        ("Client address: (ADDRESS=(PROTOCOL=ipc)(KEY=X))", Ok("Connected(Local)")),
        ("Client address: (ADDRESS=(PROTOCOL=tcps)(HOST=10.0.0.7)(PORT=1)); and more", Err(Malformed::UnknownLayout)),
    ];
    for (comment, expected) in comments {
        let seen = seen(&oracle::Audit, audited_logon("APP", "h", "0", comment).as_bytes());
        match expected {
            Ok(kind) => assert!(seen.events[0].starts_with(kind), "{comment}: {seen:?}"),
            Err(cause) => assert_eq!((seen.events.len(), seen.malformed), (0, vec![cause]), "{comment}"),
        }
    }
}

#[test]
fn only_an_audit_trail_that_goes_to_files_holds_sessions() {
    let trail = oracle::ENGINE.logs_of("audit/ORCL_ora_4711_20261123100000051907482236.aud").expect("a kind of log");
    let [switch] = trail.switches else { panic!("one switch") };
    assert!(["os", "OS", "xml", "XML, EXTENDED"].iter().all(|value| switch.is_on(Some(value))));
    assert!([None, Some("none"), Some("DB"), Some("db,extended")].iter().all(|value| !switch.is_on(*value)));
    assert!(!trail.logs_every_session, "sessions are chosen by statements");
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
        let seen = seen(&*ERRORLOG, text.as_bytes());
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
        let seen = seen(&*ERRORLOG, text.as_bytes());
        prop_assert!(seen.events.first().is_some_and(|event| event.starts_with("Rejected(Unknown)")));
        if !user.contains('\n') {
            prop_assert_eq!((seen.events.len(), &seen.malformed), (1, &vec![]));
        }
    }

    #[test]
    fn a_statement_is_never_a_session(message in forgery(SQLSERVER)) {
        let message = message.replace('\n', " ");
        let text = format!("2026-11-23 18:39:57.24 spid52      {message}\n");
        prop_assert_eq!(seen(&*ERRORLOG, text.as_bytes()), Seen::default());
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
