//! What others write between the records of Oracle, SQL Server and DocumentDB, or behind them, costs no record without
//! being reported, and never makes a session without TLS of one with it.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a failing test panics")]

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use ssl_usage_parsers::{
    ConnectionEvent, EventKind, EventSink, HEAD, Hints, Malformed, Scanned, Scanner, Tally, Transport, detect,
};

/// Who came, how, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Event {
    kind: &'static str,
    address: String,
    at: Option<i64>,
}

#[derive(Debug, Default)]
struct Seen {
    events: Vec<Event>,
    malformed: usize,
}

impl EventSink for Seen {
    fn event(&mut self, event: &ConnectionEvent<'_>) {
        let kind = match &event.kind {
            EventKind::Connected(Transport::Tls(_)) => "tls",
            EventKind::Connected(Transport::Plaintext) => "plaintext",
            EventKind::Connected(Transport::Local) => "local",
            EventKind::Connected(_) => "unknown",
            EventKind::HandshakeFailed(_) => "handshake",
            _ => "other",
        };
        let address = event.client.address.as_deref().map(String::from_utf8_lossy).unwrap_or_default().into_owned();
        self.events.push(Event { kind, address, at: event.at });
    }

    fn malformed(&mut self, _: u64, _: Malformed) {
        self.malformed += 1;
    }
}

impl Seen {
    fn kinds(&self) -> Vec<(&'static str, &str)> {
        self.events.iter().map(|event| (event.kind, event.address.as_str())).collect()
    }
}

fn scan_in_blocks_of(text: &[u8], block: usize) -> (Seen, Scanned) {
    let parser = detect(&text[..text.len().min(HEAD)], &Hints::default()).expect("a known format");
    let mut seen = Seen::default();
    let scanned = Scanner::new(parser.as_ref(), 2).in_blocks_of(block).scan(text, &mut seen);
    (seen, scanned)
}

fn scan(text: &str) -> Seen {
    scan_in_blocks_of(text.as_bytes(), 1 << 20).0
}

/// The formats: how a record begins and ends around its own words, and the words of one with TLS and of one without.
struct Format {
    name: &'static str,
    /// Makes the first line of a log certain.
    heading: &'static str,
    records: [&'static str; 2],
}

const TEXT: &str = "23-NOV-2026 18:39:57 * (CONNECT_DATA=(SERVICE_NAME=ORDERS)(CID=(PROGRAM=shop)(HOST=web-1)(USER=app))) * \
                    (ADDRESS=(PROTOCOL=tcps)(HOST=10.0.0.7)(PORT=49698)) * establish * ORDERS * 0\n";
const PLAIN_TEXT: &str = "23-NOV-2026 18:39:57 * (CONNECT_DATA=(SERVICE_NAME=ORDERS)(CID=(PROGRAM=shop)(HOST=h)(USER=u))) * \
                          (ADDRESS=(PROTOCOL=tcp)(HOST=10.0.0.8)(PORT=49699)) * establish * ORDERS * 0\n";
const ELEMENT: &str = "<msg time='2026-11-23T18:39:57.242+00:00' org_id='oracle' comp_id='tnslsnr'\n type='UNKNOWN' \
                       level='16' host_id='db-1'\n host_addr='10.0.0.2'>\n <txt>23-NOV-2026 18:39:57 * \
                       (CONNECT_DATA=(SERVICE_NAME=ORDERS)(CID=(PROGRAM=shop)(HOST=web-1)(USER=app))) * \
                       (ADDRESS=(PROTOCOL=tcps)(HOST=10.0.0.7)(PORT=49698)) * establish * ORDERS * 0\n </txt>\n</msg>\n";
const PLAIN_ELEMENT: &str = "<msg time='2026-11-23T18:39:57.242+00:00' org_id='oracle' comp_id='tnslsnr'\n type='UNKNOWN' \
                             level='16' host_id='db-1'\n host_addr='10.0.0.2'>\n <txt>23-NOV-2026 18:39:57 * \
                             (CONNECT_DATA=(SERVICE_NAME=ORDERS)(CID=(PROGRAM=shop)(HOST=h)(USER=u))) * \
                             (ADDRESS=(PROTOCOL=tcp)(HOST=10.0.0.8)(PORT=49699)) * establish * ORDERS * 0\n \
                             </txt>\n</msg>\n";
const AUDIT: &str = "Mon Nov 23 18:39:57 2026 +00:00\nLENGTH: \"181\"\nSESSIONID:[6] \"410002\" USERID:[3] \"APP\" \
                     ACTION:[3] \"100\" RETURNCODE:[1] \"0\" COMMENT$TEXT:[96] \"Authenticated by: DATABASE; Client \
                     address: (ADDRESS=(PROTOCOL=tcps)(HOST=10.0.0.7)(PORT=49698))\"\n\n";
const PLAIN_AUDIT: &str = "Mon Nov 23 18:39:58 2026 +00:00\nLENGTH: \"180\"\nSESSIONID:[6] \"410003\" USERID:[3] \"APP\" \
                           ACTION:[3] \"100\" RETURNCODE:[1] \"0\" COMMENT$TEXT:[95] \"Authenticated by: DATABASE; \
                           Client address: (ADDRESS=(PROTOCOL=tcp)(HOST=10.0.0.8)(PORT=49699))\"\n\n";
const AUDIT_XML: &str = "<AuditRecord><Extended_Timestamp>2026-11-23T18:39:57.242005Z</Extended_Timestamp><DB_User>APP\
                         </DB_User><Action>100</Action><Returncode>0</Returncode>\n<Comment_Text>Authenticated by: \
                         DATABASE; Client address: (ADDRESS=(PROTOCOL=tcps)(HOST=10.0.0.7)(PORT=49698))\
                         </Comment_Text>\n</AuditRecord>\n";
const PLAIN_AUDIT_XML: &str = "<AuditRecord><Extended_Timestamp>2026-11-23T18:39:58.242005Z</Extended_Timestamp><DB_User>\
                               APP</DB_User><Action>100</Action><Returncode>0</Returncode>\n<Comment_Text>Authenticated \
                               by: DATABASE; Client address: (ADDRESS=(PROTOCOL=tcp)(HOST=10.0.0.8)(PORT=49699))\
                               </Comment_Text>\n</AuditRecord>\n";

static FORMATS: &[Format] = &[
    Format {
        name: "listener",
        heading: "23-NOV-2026 18:39:56 * service_update * ORCL * 0\n",
        records: [TEXT, PLAIN_TEXT],
    },
    Format {
        name: "listener-xml",
        heading: "<msg time='2026-11-23T18:39:56.242+00:00' org_id='oracle' comp_id='tnslsnr'\n>\n <txt>x\n </txt>\n</msg>\n",
        records: [ELEMENT, PLAIN_ELEMENT],
    },
    Format {
        name: "audit",
        heading: "Audit file /rdsdbdata/admin/ORCL/adump/ORCL_ora_4711.aud\nOracle Database 19c\n\n",
        records: [AUDIT, PLAIN_AUDIT],
    },
    Format {
        name: "audit-xml",
        heading: "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n  <Audit \
                  xmlns=\"http://xmlns.oracle.com/oracleas/schema/dbserver_audittrail-11_2.xsd\">\n",
        records: [AUDIT_XML, PLAIN_AUDIT_XML],
    },
    Format {
        name: "errorlog",
        heading: "2026-11-23 18:39:56.24 Server      UTC adjustment: 0:00\n",
        records: [
            "2026-11-23 18:39:57.24 Logon       Login succeeded for user 'app'. Connection made using Microsoft Entra \
             authentication. [CLIENT: 10.0.0.7]\n",
            "2026-11-23 18:39:57.24 Logon       Login succeeded for user 'app'. Connection made using SQL Server \
             authentication. [CLIENT: 10.0.0.8]\n",
        ],
    },
    Format {
        name: "docdb",
        heading: "{\"atype\":\"find\",\"ts\":1795459197241,\"remote_ip\":\"10.0.0.7:1\",\"user\":\"app\",\"param\":\
                  {\"ns\":\"shop.orders\",\"filter\":{\"atype\":\"authenticate\"}}}\n",
        records: [
            "{\"atype\":\"authenticate\",\"ts\":1795459197242,\"remote_ip\":\"10.0.0.7:1\",\"user\":\"\",\"param\":\
             {\"user\":\"app\",\"mechanism\":\"SCRAM-SHA-1\",\"success\":true,\"message\":\"\",\"error\":0}}\n",
            "{\"atype\":\"authenticate\",\"ts\":1795459197242,\"remote_ip\":\"10.0.0.8:1\",\"user\":\"\",\"param\":\
             {\"user\":\"app\",\"mechanism\":\"SCRAM-SHA-1\",\"success\":true,\"message\":\"\",\"error\":0}}\n",
        ],
    },
];

/// What others write between records: libcurl's trace, Patroni's lines, `tail`'s headers, and the like.
const FOREIGN: &[&str] = &[
    "",
    " ",
    "\r",
    "*   Trying 10.0.0.1:443...",
    "> POST /authenticateRequest HTTP/1.1",
    "< HTTP/1.1 200 OK",
    "==> log/ERROR <==",
    "2026-11-23 18:39:57,242 INFO: no action. I am (pg-0), the leader with the lock",
    "2026-11-23 18:39:57 UTC [4711]: LOG:  x",
    "Nov 23 18:39:57 db-1 systemd[1]: Started x",
    "\u{1b}[0m",
    "--",
    "{}",
    "WARNING: Subscription for node down event still pending",
    "Mon Nov 23 18:39:57 2026",
];

/// What stands behind a line, and what is the server's own.
const DECORATIONS: &[&str] = &["", " ", "\r", "\r\r", "\t", "\"", "\" \r", "\u{1b}[0m", "\u{1b}[m \r"];

/// How many records of the format `records` stand for, and what a scan of them shows.
fn undisturbed(format: &Format, order: &[usize]) -> String {
    order.iter().map(|which| format.records[*which]).collect()
}

#[test]
fn every_format_is_detected_and_shows_both_records() {
    for format in FORMATS {
        let seen = scan(&format!("{}{}", format.heading, undisturbed(format, &[0, 1, 0])));
        let addresses: Vec<_> = seen.events.iter().map(|event| event.address.as_str()).collect();
        assert_eq!((addresses, seen.malformed), (vec!["10.0.0.7", "10.0.0.8", "10.0.0.7"], 0), "{}", format.name);
        let telling = !["errorlog", "docdb"].contains(&format.name);
        let kinds = if telling { ["tls", "plaintext", "tls"] } else { ["unknown"; 3] };
        assert!(seen.events.iter().map(|event| event.kind).eq(kinds), "{}", format.name);
    }
}

#[test]
fn decorations_change_nothing() {
    for format in FORMATS.iter().filter(|format| !format.name.starts_with("audit")) {
        let text = format!("{}{}", format.heading, undisturbed(format, &[0, 1, 0]));
        let expected = scan(&text);
        for decoration in DECORATIONS {
            let seen = scan(&text.replace('\n', &format!("{decoration}\n")));
            assert_eq!((seen.kinds(), seen.malformed), (expected.kinds(), 0), "{} {decoration:?}", format.name);
        }
    }
}

/// Every session of the record without TLS is that record's.
fn no_tls_session_is_plaintext(seen: &Seen) -> bool {
    seen.events.iter().all(|event| event.address != "10.0.0.7" || event.kind != "plaintext")
}

/// Of the first record and the second one after it, the first is cut somewhere, or has something behind it.
#[test]
fn a_record_that_is_cut_is_no_plaintext_session_and_not_lost() {
    for format in FORMATS {
        let [tls, plain] = format.records;
        for at in 1..tls.len() {
            let seen = scan(&format!("{}{}\n{plain}{tls}", format.heading, &tls[..at]));
            assert!(no_tls_session_is_plaintext(&seen), "{} cut at {at}: {seen:?}", format.name);
            // What tells that it is about a connection.
            let marks = [
                "(CONNECT_DATA=",
                "ACTION:[3] \"100\"",
                "<Action>100</Action>",
                "succeeded for user",
                "authenticate\"",
            ];
            let marked = marks.iter().any(|mark| tls[..at].contains(mark));
            let count = seen.events.len() + seen.malformed;
            assert!(!marked || count >= 3, "{} cut at {at}: {seen:?}", format.name);
            assert!(seen.events.len() <= 3, "{} cut at {at}: {seen:?}", format.name);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn foreign_lines_between_records_cost_none(
        which in 0..FORMATS.len(),
        order in vec((0usize..2, vec(select(FOREIGN), 0..4)), 1..6),
        free in "[ -~]{0,30}",
    ) {
        let format = &FORMATS[which];
        let records: Vec<_> = order.iter().map(|(which, _)| *which).collect();
        let expected = scan(&format!("{}{}", format.heading, undisturbed(format, &records)));
        let mut text = format.heading.to_owned();
        for (which, unsupported_language) in &order {
            text += format.records[*which];
            for line in unsupported_language {
                text += &format!("{line}\n");
            }
            text += &format!("{free}\n");
        }
        let seen = scan(&text);
        prop_assert_eq!(seen.kinds(), expected.kinds(), "{}: {:?}\n{}", format.name, seen, text);
        prop_assert_eq!(seen.malformed, 0, "{}", text);
        prop_assert!(seen.events.len() <= expected.events.len(), "{}: {:?}", format.name, seen);
    }

    /// Anywhere, between lines of one record too.
    #[test]
    fn a_foreign_line_anywhere_makes_no_plaintext_session(
        which in 0..FORMATS.len(),
        line in select(FOREIGN),
        at in any::<prop::sample::Index>(),
    ) {
        let format = &FORMATS[which];
        let text = format!("{}{}", format.heading, undisturbed(format, &[0, 1, 0, 0]));
        let lines: Vec<_> = text.split_inclusive('\n').collect();
        let heading = format.heading.split_inclusive('\n').count();
        let at = heading + at.index(lines.len() - heading);
        let seen = scan(&[&lines[..at].concat(), line, "\n", &lines[at..].concat()].concat());
        prop_assert!(no_tls_session_is_plaintext(&seen), "{}: {:?}", format.name, seen);
        prop_assert!(seen.events.len() + seen.malformed >= 4, "{}: {:?}", format.name, seen);
    }

    #[test]
    fn nothing_behind_a_record_makes_a_plaintext_session(
        which in 0..FORMATS.len(),
        suffix in prop_oneof![
            "[ -~]{0,40}",
            "[\t\r -~]{0,40}",
            select(vec![TEXT, PLAIN_TEXT, "\t", "\r"]).prop_map(|text| text.trim_end().to_owned()),
            select(vec![PLAIN_TEXT, TEXT]).prop_map(|text| format!("\t{}", text.trim_end())),
            select(vec![PLAIN_TEXT, TEXT]).prop_map(|text| format!("\r{}", text.trim_end())),
        ],
        line in any::<prop::sample::Index>(),
    ) {
        let format = &FORMATS[which];
        let [tls, plain] = format.records;
        let lines: Vec<_> = tls.split_inclusive('\n').collect();
        let at = line.index(lines.len());
        let (before, after) = (lines[..=at].concat(), lines[at + 1..].concat());
        let text = format!("{}{}{suffix}\n{after}{plain}", format.heading, before.trim_end_matches('\n'));
        let seen = scan(&text);
        prop_assert!(no_tls_session_is_plaintext(&seen), "{}: {:?}", format.name, seen);
        let found = seen.events.iter().any(|event| event.address == "10.0.0.7");
        // Where a name may hold anything, what looks like another record in the same line may be a part of it.
        let imitated = format.name.starts_with("listener") && suffix.contains(" * ") && !suffix.starts_with(['\t', '\r']);
        prop_assert!(found || seen.malformed > 0 || imitated, "{}: {:?}\n{}", format.name, seen, text);
    }
}

/// A plaintext client may have written it: it counts as TLS, and says so.
#[test]
fn a_record_by_tls_with_text_behind_it_is_imitable() {
    struct Imitable(Vec<bool>);
    impl EventSink for Imitable {
        fn event(&mut self, event: &ConnectionEvent<'_>) {
            let EventKind::Connected(Transport::Tls(tls)) = &event.kind else { panic!("{event:?}") };
            self.0.push(tls.imitable);
        }

        fn malformed(&mut self, _: u64, cause: Malformed) {
            panic!("{cause:?}");
        }
    }
    let whole = TEXT.trim_end();
    let text = format!("{TEXT}{whole} x\n{whole}) \n");
    let parser = detect(text.as_bytes(), &Hints::default()).expect("a known format");
    let mut found = Imitable(Vec::new());
    Scanner::new(parser.as_ref(), 1).scan(text.as_bytes(), &mut found);
    assert_eq!(found.0, [false, true, true]);
    // Without TLS it is not known what the text belongs to.
    let seen = scan(&format!("{TEXT}{} x\n", PLAIN_TEXT.trim_end()));
    assert_eq!((seen.kinds(), seen.malformed), (vec![("tls", "10.0.0.7")], 1));
}

/// `23-NOV-2026 18:39:57` of so many seconds of a day.
fn civil(second: i64) -> String {
    format!("23-NOV-2026 {:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
}

fn iso(second: i64, offset: i64) -> String {
    let (sign, minutes) = if offset < 0 { ('-', -offset) } else { ('+', offset) };
    let clock = format!("{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60);
    format!("2026-11-23T{clock}.123456{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}

/// 2026-11-23 00:00 UTC.
const DAY: i64 = 1_795_392_000;

/// A listener log of 12.2 and later: seconds with their offset and number of records.
fn listener(seconds: &[(i64, i64, usize)]) -> (String, Vec<i64>) {
    let (mut text, mut times) = (String::new(), Vec::new());
    for (second, offset, records) in seconds {
        text += &format!("{}\n", iso(*second, *offset));
        for _ in 0..*records {
            text += &format!("{}{}", civil(*second), &TEXT[20..]);
            times.push(DAY + second - offset * 60);
        }
    }
    (text, times)
}

fn assert_times(text: &str, times: &[i64], blocks: &[usize]) {
    for block in blocks.iter().copied() {
        let (seen, scanned) = scan_in_blocks_of(text.as_bytes(), block);
        let found: Vec<_> = seen.events.iter().map(|event| event.at.expect("a time").div_euclid(1_000_000)).collect();
        assert!(found == times, "in blocks of {block}: {:?}", found.iter().zip(times).find(|(a, b)| a != b));
        assert_eq!(seen.malformed, 0);
        let ends = [scanned.first_at, scanned.last_at].map(|time| time.expect("a time"));
        assert!(ends.iter().all(|time| time.zone_known));
        let expected = [times[0], times[times.len() - 1]];
        assert_eq!(ends.map(|time| time.at.div_euclid(1_000_000)), expected);
    }
}

#[test]
fn the_zone_before_a_listeners_records_is_theirs() {
    let (text, times) = listener(&[(68_397, 330, 2), (68_398, 330, 1), (68_401, 330, 7)]);
    assert_times(&text, &times, &[1 << 20, 4_001]);
    // The end of daylight saving time: the hour from 2 to 3 comes twice.
    let (text, times) = listener(&[(10_799, 120, 3), (7_200, 60, 2), (10_799, 60, 1), (10_800, 60, 4)]);
    assert_times(&text, &times, &[1 << 20, 4_001]);
    // Thousands of records in a second, and more between it and the next one than a parser may look at.
    let (text, times) = listener(&[(10_799, 120, 1), (7_200, 60, 3_000), (7_201, 60, 2)]);
    assert_times(&text, &times, &[1 << 20, 4_001]);
}

#[test]
fn a_listener_log_without_a_zone_says_so() {
    let text = TEXT.repeat(3);
    let (seen, scanned) = scan_in_blocks_of(text.as_bytes(), 1 << 20);
    assert_eq!(seen.events.len(), 3);
    assert!(scanned.last_at.is_some_and(|time| !time.zone_known));
    // A line with a zone that says nothing about what follows.
    let text = format!("{}\n{}", iso(10, 330), TEXT.repeat(3));
    let (seen, scanned) = scan_in_blocks_of(text.as_bytes(), 1 << 20);
    assert!(seen.events.iter().all(|event| event.at == Some((DAY + 67_197) * 1_000_000)));
    assert!(scanned.last_at.is_some_and(|time| !time.zone_known));
}

/// A piece of a log may begin behind the line with the zone.
#[test]
fn records_before_the_first_zone_have_the_log_s() {
    let (text, times) = listener(&[(68_397, 330, 3), (68_399, 330, 2)]);
    let (_, text) = text.split_once('\n').expect("a line");
    let (seen, _) = scan_in_blocks_of(text.as_bytes(), 1 << 20);
    let found: Vec<_> = seen.events.iter().map(|event| event.at.map(|at| at / 1_000_000)).collect();
    assert_eq!(found, times.iter().copied().map(Some).collect::<Vec<_>>());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_zones_are_each_record_has_its_own(
        seconds in vec((0i64..3, select(vec![-240i64, 0, 60, 120, 330]), 1usize..60), 1..12),
    ) {
        let mut at = 40_000;
        let seconds: Vec<_> = seconds.into_iter().map(|(step, offset, records)| {
            at += step;
            (at, offset, records)
        }).collect();
        let (text, times) = listener(&seconds);
        assert_times(&text, &times, &[1 << 20]);
    }
}

#[test]
fn an_error_log_in_another_language_is_none_without_logins() {
    let languages = [
        ("Anmeldung   Fehler bei der Anmeldung f\u{fc}r den Benutzer 'sa'. [CLIENT: 10.0.0.7]", "German"),
        (
            "\u{30ed}\u{30b0}\u{30aa}\u{30f3}    'sa' [\u{30af}\u{30e9}\u{30a4}\u{30a2}\u{30f3}\u{30c8}: 10.0.0.7]",
            "an unknown language",
        ),
        (
            "Inicio de sesi\u{f3}n  Error de inicio de sesi\u{f3}n del usuario 'sa'. [CLIENTE: 10.0.0.7]",
            "an unknown language",
        ),
        ("Logon       Error de inicio de sesi\u{f3}n del usuario 'sa'. [CLIENTE: 10.0.0.7]", "an unknown language"),
    ];
    for (line, language) in languages {
        let text = format!("2026-11-23 18:46:20.24 Server      x\n2026-11-23 18:46:21.24 {line}\n");
        let (_, scanned) = scan_in_blocks_of(text.as_bytes(), 1 << 20);
        assert_eq!(scanned.unsupported_language, Some(language), "{line}");
    }
    let english = "2026-11-23 18:46:20.24 Server      x\n2026-11-23 18:46:21.24 Logon       SSPI handshake failed \
                   [CLIENT: 10.0.0.7]\n";
    assert_eq!(scan_in_blocks_of(english.as_bytes(), 1 << 20).1.unsupported_language, None);
}

#[test]
fn an_error_log_says_how_far_its_clock_is_from_utc() {
    for (adjustment, hours) in [("0:00", 0.0), ("1:00", 1.0), ("-5:00", -5.0), ("5:30", 5.5)] {
        let record = FORMATS.iter().find(|format| format.name == "errorlog").expect("a format").records[0];
        let text = format!("2026-11-23 18:39:56.24 Server      UTC adjustment: {adjustment}\n{record}");
        let (seen, scanned) = scan_in_blocks_of(text.as_bytes(), 1 << 20);
        let shifted = (hours * 3600.0) as i64;
        assert_eq!(seen.events[0].at, Some((DAY + 67_197 - shifted) * 1_000_000 + 240_000), "{adjustment}");
        assert!(scanned.last_at.is_some_and(|time| time.zone_known));
    }
}

/// What the file API of RDS writes where it cuts a line (facts of aws-sdk-js #1463).
const MARK: &str = " [Your log message was truncated]";

#[test]
fn a_line_that_was_cut_before_it_says_what_it_is_is_reported() {
    let general = "2026-11-20T10:00:02.431815Z\t   33 Connect\tbi@10.0.1.5 on orders using TCP/IP\n";
    let audit = "20261120 10:00:01,ip,bi,10.0.1.5,33,0,CONNECT,orders,,0,TCP/IP\n";
    let listener = "23-NOV-2026 18:39:57 * (CONNECT_DATA=(SID=ORCL)) * (ADDRESS=(PROTOCOL=tcp)(HOST=10.0.0.7)(PORT=1)) * establish * ORCL * 0\n";
    for (whole, cut, unparsed) in [
        (general, "2026-11-20T10:00:00.43", 1),
        (general, "2026-11-20T10:00:00.431815Z\t   31 Conn", 1),
        (general, "2026-11-20T10:00:00.431815Z\t   31 Query\tselect 1", 0),
        (general, "where id in (1, 2", 0),
        (audit, "20261120 10:00:00,ip,app,10.0", 1),
        (audit, "20261120 10:00:00,ip,app,10.0.1.5,31,0,CONNE", 1),
        (audit, "20261120 10:00:00,ip,app,10.0.1.5,31,7,QUERY,orders,'select", 0),
        (audit, "20261120 10:00:00,ip,app,10.0.1.5,31,7,QUE", 0),
        (listener, "23-NOV-2026 18:3", 1),
        (listener, "23-NOV-2026 18:39:58 * (CONNECT_DATA=(SID=ORC", 1),
        (listener, "23-NOV-2026 18:39:58 * service_upd", 0),
    ] {
        let text = format!("{whole}{cut}{MARK}\n{whole}");
        let parser = detect(text.as_bytes(), &Hints::default()).expect("a log");
        let mut tally = Tally::default();
        Scanner::new(parser.as_ref(), 1).scan(text.as_bytes(), &mut tally);
        assert_eq!((tally.connections.plaintext, tally.unparsed()), (2, unparsed), "{cut}");
    }
}
