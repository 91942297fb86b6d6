//! Lines of MySQL's and MariaDB's logs as they come: cut, copied, decorated, and with lines of others between them.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a failing test panics")]

use proptest::prelude::*;
use ssl_usage_parsers::{
    ConnectionEvent, Engine, EventKind, EventSink, HEAD, Hints, Malformed, RecordParser, Scanner, Tally, Tls,
    Transport, detect,
};

fn chosen(text: &[u8]) -> Option<Box<dyn RecordParser>> {
    detect(&text[..text.len().min(HEAD)], &Hints::default())
}

fn tally_by(parser: &dyn RecordParser, text: &[u8]) -> Tally {
    let mut tally = Tally::of(Engine::named(parser.engine()).expect("an engine of the list"));
    Scanner::new(parser, 1).scan(text, &mut tally);
    tally
}

fn tally(text: &str) -> Tally {
    tally_by(chosen(text.as_bytes()).unwrap_or_else(|| panic!("not recognised:\n{text}")).as_ref(), text.as_bytes())
}

/// TLS, plaintext, local and unknown sessions of anyone, refusals, failed handshakes, and what could not be understood.
fn counts(tally: &Tally) -> [u64; 7] {
    let (clients, system) = (tally.connections, tally.system);
    [
        clients.tls + system.tls,
        clients.plaintext + system.plaintext,
        clients.local + system.local,
        clients.unknown + system.unknown,
        tally.rejected,
        tally.handshake_failed,
        tally.unparsed(),
    ]
}

/// Every event, in words.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen(Vec<String>);

impl EventSink for Seen {
    fn event(&mut self, event: &ConnectionEvent<'_>) {
        let Some(what) = what(event) else { return };
        self.0.push(what);
    }

    fn malformed(&mut self, _: u64, cause: Malformed) {
        self.0.push(format!("{cause}"));
    }
}

fn what(event: &ConnectionEvent<'_>) -> Option<String> {
    let transport = |transport: &Transport<'_>| match transport {
        Transport::Tls(Tls { imitable: true, .. }) => "tls, imitable".to_owned(),
        Transport::Tls(_) => "tls".to_owned(),
        other => format!("{other:?}").to_lowercase(),
    };
    Some(match &event.kind {
        EventKind::Connected(carried) => format!("connected {}", transport(carried)),
        EventKind::Rejected(carried) => format!("rejected {}", transport(carried)),
        EventKind::HandshakeFailed(cause) => format!("failed {}", cause.name()),
        EventKind::Disconnected(None) => "ended".to_owned(),
        EventKind::Disconnected(Some(lasted)) => format!("ended after {} s", lasted / 1_000_000),
        EventKind::Received => return None,
    })
}

fn seen(text: &str) -> Vec<String> {
    let parser = chosen(text.as_bytes()).expect("a known format");
    let mut seen = Seen::default();
    Scanner::new(parser.as_ref(), 1).scan(text.as_bytes(), &mut seen);
    seen.0
}

/// A record of an audit log, `what` from the address on.
fn audit(second: u32, what: &str) -> String {
    format!("20261123 18:46:{second:02},ip-10-0-0-9,app,{what}\n")
}

#[test]
fn a_refused_attempt_keeps_its_transport_and_its_end_is_no_session() {
    let mysql = [
        audit(1, "10.0.0.7,31,0,CONNECT,shop,,0,SSL"),
        audit(2, "10.0.0.9,32,0,FAILED_CONNECT,,,1045,SSL"),
        audit(2, "10.0.0.9,32,0,DISCONNECT,,,0,SSL"),
        audit(3, "10.0.0.9,33,0,FAILED_CONNECT,,,1045,TCP/IP"),
        audit(3, "10.0.0.9,33,0,DISCONNECT,,,0,TCP/IP"),
        "20261123 18:46:04,ip-10-0-0-9,,10.0.0.5,34,0,FAILED_CONNECT,,,1158,TCP/IP\n".to_owned(),
        "20261123 18:46:04,ip-10-0-0-9,,10.0.0.5,34,0,DISCONNECT,,,0,TCP/IP\n".to_owned(),
        "20261123 18:46:05,ip-10-0-0-9,,10.0.0.6,35,0,FAILED_CONNECT,,,1158,SSL\n".to_owned(),
        "20261123 18:46:05,ip-10-0-0-9,,10.0.0.6,35,0,DISCONNECT,,,0,SSL\n".to_owned(),
        audit(41, "10.0.0.7,31,0,DISCONNECT,shop,,0,SSL"),
        audit(42, "10.0.0.8,7,0,DISCONNECT,shop,,0,SSL"),
    ]
    .concat();
    let expected = [
        "connected tls",
        "rejected tls",
        "rejected plaintext",
        "failed probe",
        "failed other",
        "ended after 40 s",
        "ended",
    ];
    assert_eq!(seen(&mysql), expected);
}

#[test]
fn what_is_cut_or_unknown_behind_the_code_is_never_plaintext() {
    for (end, expected) in [
        (",SSL", "connected tls"),
        (",ssl/tls", "connected tls"),
        (",SSL  ", "connected tls"),
        (",SSL\r\r", "connected tls"),
        (",SSL\"", "connected tls"),
        (",SSL\u{1b}[0m", "connected tls"),
        (",SSL garbage", "connected tls, imitable"),
        (",TLSv1.3 TCP/IP", "connected tls, imitable"),
        (",SSL,,0,TCP/IP", "ambiguous"),
        (",S", "with an unknown layout"),
        (",SS", "with an unknown layout"),
        (",SSL/", "with an unknown layout"),
        (",TLSv", "with an unknown layout"),
        (",TLSv1.", "with an unknown layout"),
        (",TCP", "with an unknown layout"),
        (",TCP/IP SSL", "with an unknown layout"),
        (",", "with an unknown layout"),
        (",QUIC", "connected unknown"),
        ("", "connected unknown"),
        (" 1", "with an unknown layout"),
    ] {
        let text =
            audit(1, "10.0.0.7,30,0,CONNECT,,,0,SOCKET") + &audit(1, &format!("10.0.0.7,31,0,CONNECT,shop,,0{end}"));
        assert_eq!(seen(&text), ["connected local", expected], "{end:?}");
    }
}

#[test]
fn mariadb_12_3_leaves_the_field_empty_without_tls() {
    let text = [
        audit(1, "10.0.0.7:54312,7,0,CONNECT,shop,,0,TLSv1.3"),
        audit(1, "localhost:unavailable,8,0,CONNECT,,,0,"),
        audit(1, "10.0.0.8:54313,9,0,CONNECT,shop,,0,"),
        audit(1, "10.0.0.8:54314,10,0,FAILED_CONNECT,,,1045,"),
        audit(1, "10.0.0.8:54314,10,0,DISCONNECT,,,0,"),
        audit(1, "10.0.0.8,11,0,CONNECT,shop,,0,"),
        audit(2, "10.0.0.7:54312,7,0,DISCONNECT,shop,,0,TLSv1.3"),
    ]
    .concat();
    let expected = [
        "connected tls",
        "connected local",
        "connected plaintext",
        "rejected plaintext",
        "with an unknown layout",
        "ended after 1 s",
    ];
    assert_eq!(seen(&text), expected, "without a port it is no log of MariaDB 12.3");
}

#[test]
fn blank_lines_and_statements_of_many_lines_cost_no_record() {
    let page = audit(1, "10.0.0.7,31,0,CONNECT,shop,,0,SSL")
        + "\n"
        + &audit(2, "10.0.0.8,32,0,CONNECT,shop,,0,TCP/IP")
        + "\n\n";
    assert_eq!(counts(&tally(&page)), [1, 1, 0, 0, 0, 0, 0]);
    let aurora = "1795459580000000,aurora-1,app,10.0.0.7,31,0,CONNECT,shop,,0\n\
                  1795459581000000,aurora-1,app,10.0.0.7,31,12,QUERY,shop,'select 1\n  from dual\n where a=1',0\n\
                  1795459582000000,aurora-1,app,10.0.0.8,32,0,CONNECT,shop,,0\n\
                  1795459583000000,aurora-1,app,10.0.0.8,33,0,FAILED_CONNECT,,,1045\n\
                  1795459583000000,aurora-1,app,10.0.0.8,33,0,DISCONNECT,,,0\n\
                  1795459584000000,aurora-1,app,10.0.0.7,31,0,DISCONNECT,shop,,0\n";
    let expected = ["connected unknown", "connected unknown", "rejected unknown", "ended"];
    assert_eq!(seen(aurora), expected, "no duration: the four files are one log");
}

#[test]
fn a_copy_with_blanks_for_tabs_is_read() {
    let head = "/rdsdbbin/mysql/bin/mysqld, Version: 8.0.39 (Source distribution). started with:\n\
                Tcp port: 3306  Unix socket: /tmp/mysql.sock\n\
                Time                 Id Command    Argument\n";
    let log = "2026-11-23T18:46:20.431815Z\t   31 Connect\tapp@10.0.0.7 on shop using SSL/TLS\n\
               2026-11-23T18:46:21.431815Z\t   31 Query\tselect 1\n\
               2026-11-23T18:46:22.431815Z\t   32 Connect\tapp@10.0.0.8 on shop using TCP/IP\n\
               2026-11-23T18:46:24.431815Z\t   33 Connect\tapp@10.0.0.9 on  using SSL/TLS\n\
               2026-11-23T18:46:24.431816Z\t   33 Connect\tAccess denied for user 'app'@'10.0.0.9' (using password: YES)\n\
               2026-11-23T18:46:24.431817Z\t   34 Connect\tapp@10.0.0.9 on shop using SSL/TLS\n\
               2026-11-23T18:46:24.431818Z\t   34 Init DB\tAccess denied for user 'app'@'%' to database 'shop'\n\
               2026-11-23T18:46:26.431815Z\t   31 Quit\t\n";
    let old = "261123 18:46:20\t   31 Connect\tapp@10.0.0.7 on shop using SSL/TLS\n\
               \t\t   32 Connect\tapp@10.0.0.8 on shop using TCP/IP\n\
               \t\t   32 Query\tselect\n   5 Time\n\
               \t\t   33 Connect\tapp@10.0.0.9 on shop using SSL/TLS\n\
               \t\t   33 Connect\tAccess denied for user 'app'@'10.0.0.9' (using password: YES)\n";
    for (log, rejected) in [(log, 2), (old, 1)] {
        for blanks in ["\t", "    ", " ", "      "] {
            for head in [head, ""] {
                let text = head.to_owned() + &log.replace('\t', blanks);
                assert_eq!(counts(&tally(&text)), [1, 1, 0, 0, rejected, 0, 0], "{text}");
            }
        }
    }
}

#[test]
fn what_stands_before_every_line_is_told_of() {
    let head = "/usr/sbin/mysqld, Version: 8.0.39 (Source distribution). started with:\n\
                Time                 Id Command    Argument\n";
    for prefix in ["db-1 | ", "2026-11-23T18:46:24.000Z ", "x"] {
        for blank in ["\t", "    "] {
            let line = format!(
                "{prefix}2026-11-23T18:46:20.431815Z{blank}   31 Connect{blank}app@10.0.0.7 on shop using SSL/TLS\n"
            );
            let found = tally(&(head.to_owned() + &line.repeat(3)));
            assert_eq!(counts(&found), [0, 0, 0, 0, 0, 0, 3], "{line}");
        }
    }
    let audit = "20261123 18:46:01,h,app,10.0.0.7,30,0,CONNECT,shop,,0,SSL\n".to_owned()
        + &"x 20261123 18:46:01,h,app,10.0.0.7,31,0,CONNECT,shop,,0,TCP/IP\n".repeat(200);
    let [tls, plaintext, .., unparsed] = counts(&tally(&audit));
    assert_eq!((tls, plaintext, unparsed), (0, 0, 201));
}

#[test]
fn damage_before_a_record_is_told_of_or_read_past() {
    let general = "2026-11-23T18:46:20.431815Z\t   31 Connect\tapp@10.0.0.7 on shop using SSL/TLS\n";
    let audit = audit(1, "10.0.0.7,31,0,CONNECT,shop,,0,SSL");
    for line in [general, audit.as_str()] {
        for damage in ["\0", &"\0".repeat(300), &"\0".repeat(5000), "half a record", &"x".repeat(300), "\u{feff}"] {
            for text in [format!("{damage}{line}{line}"), format!("{line}{damage}{line}")] {
                let parser = chosen(line.as_bytes()).expect("a known format");
                let [tls, plaintext, local, unknown, _, _, unparsed] =
                    counts(&tally_by(parser.as_ref(), text.as_bytes()));
                assert_eq!((plaintext, local, unknown), (0, 0, 0), "{text:?}");
                assert!(tls + unparsed >= 2, "{text:?}");
            }
        }
    }
}

#[test]
fn headings_offsets_and_empty_databases_are_read() {
    let old = "/usr/sbin/mysqld, Version: 5.5.62-log (MySQL Community Server (GPL)). started with:\n\
               Tcp port: 3306  Unix socket: /var/lib/mysql/mysql.sock\n\
               Time                 Id Command    Argument\n\
               210621 21:51:45\t    1 Connect\troot@localhost on \n\
               \t\t    1 Connect\tAccess denied for user 'root'@'localhost' (using password: NO)\n\
               210621 21:52:01\t    2 Connect\troot@localhost on \n\
               \t\t    2 Query\tselect @@version_comment limit 1\n";
    assert_eq!(counts(&tally(old)), [0, 0, 0, 1, 1, 0, 0]);
    let offset = "2026-11-23T23:46:20.431815+05:30\t   31 Connect\tapp@10.0.0.7 on shop using SSL/TLS\n\
                  2026-11-24T00:16:20.431815+05:30\t   31 Quit\t\n";
    let parser = chosen(offset.as_bytes()).expect("a general log");
    let scanned = Scanner::new(parser.as_ref(), 1).scan(offset.as_bytes(), &mut Tally::default());
    assert_eq!(scanned.first_at.map(|time| time.at), Some(1_795_457_780_431_815));
    assert_eq!(seen(offset), ["connected tls"], "the end of a session can be forged in a general log");
}

#[test]
fn logs_of_other_kinds_are_not_taken_for_these() {
    let heading = "/rdsdbbin/mysql/bin/mysqld, Version: 8.0.45 (Source distribution). started with:\n\
                   Tcp port: 3306  Unix socket: /tmp/mysql.sock\nTime                 Id Command    Argument\n";
    let slow = "# Time: 2026-08-24T17:40:00.000000Z\n# User@Host: app[app] @  [10.0.0.1]  Id:    42\n\
                # Query_time: 0.000512  Lock_time: 0.000001 Rows_sent: 1  Rows_examined: 1\nSET timestamp=1756056000;\nSELECT 1;\n";
    for (text, what) in [
        (format!("{heading}{slow}"), "a slow log"),
        (format!("{}{slow}", heading.repeat(400)), "a slow log of a quiet server"),
        (slow.to_owned(), "a slow log without its heading"),
        ("2026-11-23T18:46:24.431815Z 0 [System] [MY-010116] [Server] /usr/sbin/mysqld (mysqld 8.0.39) starting as process 1\n\
          2026-11-23T18:46:24.431815Z 31 [Note] [MY-010914] [Server] Aborted connection 31 to db: 'shop' user: 'app' host: '10.0.0.7'\n"
            .to_owned(), "an error log of MySQL"),
        ("2026-11-23 18:46:24 31 [Warning] Aborted connection 31 to db: 'shop' user: 'app' host: '10.0.0.7' (Got timeout reading communication packets)\n\
          261123 18:46:24 [Note] mysqld: ready for connections.\n261123 18:46:24 mysqld_safe Starting mysqld daemon\n"
            .to_owned(), "an error log of MariaDB"),
        ("Nov 23 18:46:20 vm mysql-server_auditing: db1 vm,app,10.0.0.7,31,0,CONNECT,shop,,0\n".to_owned(), "an audit log in syslog"),
        ("{\"audit_record\":{\"name\":\"Connect\",\"timestamp\":\"2026-11-23T18:46:24Z\",\"connection_id\":\"7\",\"status\":0}}\n".to_owned(), "an audit log of Percona"),
    ] {
        assert!(chosen(text.as_bytes()).is_none(), "{what}");
    }
}

/// The ends of records with TLS, one of each format that tells, with what makes the format known before it.
const TLS_RECORDS: &[&str] = &[
    "20261123 18:46:01,h,app,10.0.0.7,31,0,CONNECT,shop,,0,SSL",
    "20261123 18:46:01,h,app,10.0.0.7,31,0,CONNECT,shop,,0,SSL/TLS",
    "20261123 18:46:01,h,app,10.0.0.7:4000,31,0,CONNECT,shop,,0,TLSv1.3",
    "2026-11-23T18:46:20.431815Z\t   31 Connect\tapp@10.0.0.7 on shop using SSL/TLS",
    "261123 18:46:20\t   31 Connect\tapp@10.0.0.7 on shop using SSL/TLS",
];

/// What follows in the log of the record at this place of the list.
fn next(record: usize) -> &'static str {
    match record {
        0 | 1 => "20261123 18:46:02,h,app,10.0.0.7,32,7,QUERY,shop,'select 1',0,,\n",
        2 => "20261123 18:46:02,h,app,10.0.0.7:4000,32,7,QUERY,shop,'select 1',0\n",
        3 => "2026-11-23T18:46:21.431815Z\t   32 Query\tselect 1\n",
        _ => "261123 18:46:21\t   32 Query\tselect 1\n",
    }
}

fn suffixes() -> impl Strategy<Value = String> {
    let parts = prop::sample::select(vec![
        " ",
        "\r",
        "\"",
        "'",
        "\t",
        ",",
        "0",
        "1045",
        "SSL",
        "TCP/IP",
        "SOCKET",
        "UNDEFINED",
        ",,0",
        ",,0,TCP/IP",
        ",TCP/IP",
        " using ",
        " using TCP/IP",
        " using Socket",
        "using SS",
        "@",
        "@10.0.0.8",
        " on db",
        " as x",
        "\u{1b}[0m",
        "garbage",
        "\u{0}",
        ".",
        "/",
        "/TLS",
        "\u{e9}",
        ":1",
        "\n",
        "* Trying 10.0.0.1:443...",
        "> POST / HTTP/1.1",
        "Access denied",
        "' (using password: YES)",
        ",4,0,CONNECT,",
        ",4,0,QUERY,",
    ]);
    prop::collection::vec(parts, 0..8).prop_map(|parts| parts.concat())
}

/// Lines that no server writes between its records.
fn foreign_lines() -> impl Strategy<Value = String> {
    let lines = prop::sample::select(vec![
        "",
        " ",
        "\r",
        "\t",
        "==> audit/server_audit.log.1 <==",
        "*   Trying 169.254.169.254:80...",
        "> GET / HTTP/1.1",
        "< HTTP/1.1 200 OK",
        "2026-11-23 18:46:24,000 INFO: no action. I am (a), the leader",
        "{\"level\":\"info\"}",
        "'",
        "x using SSL/TLS",
        "x using TCP/IP",
        "a@b on c",
        "a,b,1,2,CONNECT,c,,0",
        "1,2,CONNECT,c,,0,TCP/IP",
        ",,0",
        "x,,0,SSL",
        "Access denied for user 'a'@'b' (using password: YES)",
        "\0\0\0",
        "True\t",
    ]);
    prop::collection::vec(lines, 1..4).prop_map(|lines| lines.iter().map(|line| format!("{line}\n")).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever follows on a record with TLS, in its line or in lines that are no records: it counts as TLS, or is told of.
    #[test]
    fn no_suffix_makes_a_session_with_tls_plaintext(record in 0..TLS_RECORDS.len(), suffix in suffixes()) {
        let parser = chosen(format!("{}\n", TLS_RECORDS[record]).as_bytes()).expect("a known format");
        let text = format!("{}{suffix}\n{}", TLS_RECORDS[record], next(record));
        let [tls, plaintext, local, unknown, rejected, failed, unparsed] =
            counts(&tally_by(parser.as_ref(), text.as_bytes()));
        prop_assert_eq!((plaintext, local, unknown, rejected, failed), (0, 0, 0, 0, 0), "{}", text);
        prop_assert!(tls + unparsed >= 1, "{}", text);
    }

    /// A record that is cut anywhere, in a log that goes on: a tool keeps so many bytes of every line.
    #[test]
    fn no_cut_makes_a_session_with_tls_plaintext(record in 0..TLS_RECORDS.len(), kept in 0usize..100) {
        let whole = TLS_RECORDS[record];
        let cut = &whole[..whole.len().min(kept)];
        // Of MariaDB 12.3, nothing is left to tell this one from a session without TLS.
        prop_assume!(!cut.ends_with(":4000,31,0,CONNECT,shop,,0,"));
        let parser = chosen(format!("{whole}\n").as_bytes()).expect("a known format");
        for text in [format!("{cut}\n{}", next(record)), cut.to_owned()] {
            let [_, plaintext, local, ..] = counts(&tally_by(parser.as_ref(), text.as_bytes()));
            prop_assert_eq!((plaintext, local), (0, 0), "{}", text);
        }
    }

    /// Lines of others between two records change no count, or are told of.
    #[test]
    fn lines_of_others_change_nothing_or_are_told_of(
        format in 0..LOGS.len(),
        at in prop::collection::vec((0usize..8, foreign_lines()), 1..4),
    ) {
        let records = LOGS[format];
        let parser = chosen(records.concat().as_bytes()).expect("a known format");
        let expected = counts(&tally_by(parser.as_ref(), records.concat().as_bytes()));
        prop_assert_eq!(expected[6], 0);
        let mut lines: Vec<String> = records.iter().map(|line| (*line).to_owned()).collect();
        for (place, unsupported_language) in &at {
            lines.insert((*place).min(lines.len()), unsupported_language.clone());
        }
        let text = lines.concat();
        let found = counts(&tally_by(parser.as_ref(), text.as_bytes()));
        prop_assert!(found == expected || found[6] > 0, "{:?} for {:?}:\n{}", found, expected, text);
        prop_assert!(found[0] + found[6] + found[4] >= expected[0], "{}", text);
        prop_assert!(found[1] <= expected[1] && found[2] <= expected[2], "{:?} for {:?}:\n{}", found, expected, text);
    }

    /// How a log comes does not matter for what is paired in it.
    #[test]
    fn pieces_pair_as_the_whole_does(
        records in prop::collection::vec((0u32..60, 1u64..6, 0usize..4), 1..30),
        piece in 1usize..200,
        block in 1usize..300,
    ) {
        let kinds = ["CONNECT,d,,0,SSL", "DISCONNECT,d,,0,SSL", "FAILED_CONNECT,,,1045,SSL", "FAILED_CONNECT,,,1158,UNDEFINED"];
        let text: String =
            records.iter().map(|(second, id, kind)| audit(*second, &format!("10.0.0.7,{id},0,{}", kinds[*kind]))).collect();
        let parser = chosen(audit(1, "h,1,0,CONNECT,d,,0,SSL").as_bytes()).expect("a known format");
        let mut pieces = Seen::default();
        let mut scanner = Scanner::new(parser.as_ref(), 2).in_blocks_of(block);
        text.as_bytes().chunks(piece).for_each(|piece| scanner.push(piece, &mut pieces));
        scanner.finish(&mut pieces);
        let mut whole = Seen::default();
        Scanner::new(parser.as_ref(), 1).scan(text.as_bytes(), &mut whole);
        prop_assert_eq!(pieces, whole);
    }
}

/// Logs of every format, record by record.
const LOGS: &[&[&str]] = &[
    &[
        "20261123 18:46:01,h,app,10.0.0.7,31,0,CONNECT,shop,,0,SSL\n",
        "20261123 18:46:02,h,app,10.0.0.7,31,7,QUERY,shop,'select 1',0,,\n",
        "20261123 18:46:03,h,app,10.0.0.8,32,0,CONNECT,shop,,0,TCP/IP\n",
        "20261123 18:46:04,h,app,10.0.0.9,33,0,FAILED_CONNECT,,,1045,SSL\n",
        "20261123 18:46:04,h,app,10.0.0.9,33,0,DISCONNECT,,,0,SSL\n",
        "20261123 18:46:05,h,app,10.0.0.7,31,0,DISCONNECT,shop,,0,SSL\n",
    ],
    &[
        "20261123 18:46:01,h,app,10.0.0.7,31,0,CONNECT,shop,,0\n",
        "20261123 18:46:02,h,app,10.0.0.7,31,7,QUERY,shop,'select 1',0\n",
        "20261123 18:46:04,h,,10.0.0.9,33,0,FAILED_CONNECT,,,1158\n",
        "20261123 18:46:04,h,,10.0.0.9,33,0,DISCONNECT,,,0\n",
        "20261123 18:46:05,h,app,10.0.0.7,31,0,DISCONNECT,shop,,0\n",
    ],
    &[
        "1795459580000000,h,app,10.0.0.7,31,0,CONNECT,shop,,0\n",
        "1795459581000000,h,app,10.0.0.7,31,12,QUERY,shop,'select 1\n  from dual\n where a=1',0\n",
        "1795459582000000,h,app,10.0.0.8,32,0,CONNECT,shop,,0\n",
    ],
    &[
        "2026-11-23T18:46:20.431815Z\t   31 Connect\tapp@10.0.0.7 on shop using SSL/TLS\n",
        "2026-11-23T18:46:21.431815Z\t   31 Query\tselect 1\n",
        "2026-11-23T18:46:22.431815Z\t   32 Connect\tapp@10.0.0.8 on shop using TCP/IP\n",
        "2026-11-23T18:46:23.431815Z\t   32 Quit\t\n",
        "2026-11-23T18:46:24.431815Z\t   33 Connect\tapp@10.0.0.9 on shop using SSL/TLS\n",
        "2026-11-23T18:46:24.431816Z\t   33 Connect\tAccess denied for user 'app'@'10.0.0.9' (using password: YES)\n",
        "2026-11-23T18:46:24.431817Z\t   34 Connect\tapp@10.0.0.9 on shop using SSL/TLS\n",
        "2026-11-23T18:46:24.431818Z\t   34 Init DB\tAccess denied for user 'app'@'%' to database 'shop'\n",
    ],
    &[
        "261123 18:46:20\t   31 Connect\tapp@10.0.0.7 on shop using SSL/TLS\n",
        "\t\t   32 Connect\tapp@10.0.0.8 on shop using TCP/IP\n",
        "261123 18:46:21\t   31 Query\tselect 1\n",
        "\t\t   33 Connect\tapp@localhost on shop using Socket\n",
        "\t\t   33 Quit\t\n",
    ],
    &[
        "210621 21:51:45\t    1 Connect\troot@localhost on \n",
        "\t\t    1 Query\tselect 1\n",
        "\t\t    2 Connect\tapp@10.0.0.7 on shop\n",
        "\t\t    3 Query\tselect 1\n",
    ],
];
