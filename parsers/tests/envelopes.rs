//! Envelopes: what is wrapped comes out as it was, in whatever pieces, and a plain log is never taken for wrapped.
//!
//! The wrappers here follow the documented output of each tool, named at each; they share nothing with the unwrappers.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on must fail"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use ssl_usage_parsers::envelope::{Contents, Decoder, Encoding, Members, Tail, Unwrapper, Wrapping};
use ssl_usage_parsers::{Engine, HEAD, Hints, Scanner, Tally, detect};

/// Members by name, as they came out.
#[derive(Debug, Default, PartialEq, Eq)]
struct Found(BTreeMap<String, Vec<u8>>);

impl Members for Found {
    fn write(&mut self, member: &str, bytes: &[u8]) {
        self.0.entry(member.to_owned()).or_default().extend_from_slice(bytes);
    }
}

impl Found {
    fn all(&self) -> Vec<u8> {
        self.0.values().flatten().copied().collect()
    }
}

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../samples")
}

/// Every file under a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("samples") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

/// What is known of the end of a file on disk.
fn tail(text: &[u8]) -> Tail<'_> {
    if text.len() <= HEAD { Tail::Whole } else { Tail::Known(&text[text.len() - 16..]) }
}

fn wrapping(text: &[u8]) -> Wrapping {
    let head = &text[..text.len().min(HEAD)];
    Wrapping::of(head, tail(text), &Hints::default())
}

/// Unwraps a text in pieces of these sizes in turn; returns the envelope's name, too.
fn unwrapped(text: &[u8], sizes: &[usize]) -> (&'static str, Found, Contents) {
    let Wrapping::Envelope(envelope) = wrapping(text) else {
        panic!("no envelope: {}", String::from_utf8_lossy(&text[..text.len().min(300)]))
    };
    let head = &text[..text.len().min(HEAD)];
    let mut unwrapper = Unwrapper::new(envelope, head, tail(text), &Hints::default()).expect("it is one");
    let mut found = Found::default();
    let mut rest = text;
    for size in sizes.iter().cycle() {
        let (piece, behind) = rest.split_at(rest.len().min(*size));
        unwrapper.push(piece, &mut found).expect("short parts");
        rest = behind;
        if rest.is_empty() {
            break;
        }
    }
    let contents = unwrapper.finish(&mut found).expect("short parts");
    (envelope.name, found, contents)
}

/// Logs of several engines, with records of several lines.
const LOGS: [&str; 10] = [
    "postgres/16-rds/postgresql.log.2026-11-23-10",
    "postgres/16-rds/postgresql.log.2026-11-23-10.csv",
    "postgres/16-rds/postgresql.log.2026-11-23-10.json",
    "postgres/18-hostile/postgresql.log.2026-11-23-10",
    "mysql/9.7-usual/mysql-general.log",
    "mysql/9.7-hostile/mysql-general.log",
    "mysql/audit-8.0/server_audit.log",
    "mariadb/10.11-usual/server_audit.log",
    "oracle/text/listener.log",
    "docdb/audit/audit.log",
];

/// A log's events: records with the lines that belong to them, without the last newline.
fn events(log: &[u8]) -> Vec<String> {
    let parser = detect(log, &Hints::default()).expect("a known format");
    let mut events: Vec<String> = Vec::new();
    let text = String::from_utf8_lossy(log);
    for line in text.strip_suffix('\n').unwrap_or(&text).split('\n') {
        match events.last_mut() {
            Some(last) if !parser.begins(line.as_bytes()) => {
                last.push('\n');
                last.push_str(line);
            }
            _ => events.push(line.to_owned()),
        }
    }
    events
}

const STREAM: &str = "orders-db.0";
const GROUP: &str = "/aws/rds/instance/orders-db/postgresql";

fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a string")
}

/// "Export log data to Amazon S3", CloudWatch Logs user guide: the time before each event.
fn exported(events: &[String]) -> String {
    events.iter().map(|event| format!("2026-11-23T18:46:20.000Z {event}\n")).collect()
}

/// `aws logs tail`, AWS CLI 2.
fn tailed(events: &[String]) -> String {
    let fraction = |index: usize| if index.is_multiple_of(3) { "" } else { ".012000" };
    let line = |(index, event)| format!("2026-11-23T18:46:20{}+00:00 {STREAM} {event}\n", fraction(index));
    events.iter().enumerate().map(line).collect()
}

fn tailed_short(events: &[String]) -> String {
    events.iter().map(|event| format!("2026-11-23T18:46:20 {event}\n")).collect()
}

/// `awslogs get`: group, stream, message.
fn awslogs(events: &[String]) -> String {
    events.iter().map(|event| format!("{GROUP} {STREAM} {event}\n")).collect()
}

/// `docker logs --timestamps`: nine digits, before every line.
fn docker(events: &[String]) -> String {
    events.join("\n").split('\n').map(|line| format!("2026-11-23T18:46:20.123456789Z {line}\n")).collect()
}

/// The log format of the container runtime interface, with long lines in parts.
fn runtime(events: &[String]) -> String {
    let mut text = String::new();
    for line in events.join("\n").split('\n') {
        let half = (0..=line.len() / 2).rev().find(|at| line.is_char_boundary(*at)).unwrap_or(0);
        if half > 60 {
            text += &format!("2026-11-23T18:46:20.123456789Z stderr P {}\n", &line[..half]);
            text += &format!("2026-11-23T18:46:20.123456789Z stderr F {}\n", &line[half..]);
        } else {
            text += &format!("2026-11-23T18:46:20.123456789Z stderr F {line}\n");
        }
    }
    text
}

/// Docker's `json-file` driver.
fn json_file(events: &[String]) -> String {
    let line = |line| {
        let line = quoted(&format!("{line}\n"));
        format!(r#"{{"log":{line},"stream":"stderr","time":"2026-11-23T18:46:20.1Z"}}"#) + "\n"
    };
    events.join("\n").split('\n').map(line).collect()
}

fn compose(events: &[String]) -> String {
    events.join("\n").split('\n').map(|line| format!("db-1  | {line}\n")).collect()
}

/// `aws logs filter-log-events`, a page for every seven events.
fn filtered_json(events: &[String]) -> String {
    let event = |(id, event): (usize, &String)| {
        let message = quoted(event);
        format!(
            "        {{\n            \"logStreamName\": \"{STREAM}\",\n            \"timestamp\": 1795168801000,\n            \"message\": {message},\n            \"eventId\": \"{id}\"\n        }}"
        )
    };
    let page = |events: &[String]| {
        let events: Vec<_> = events.iter().enumerate().map(event).collect();
        format!(
            "{{\n    \"events\": [\n{}\n    ],\n    \"nextToken\": \"Bxkq6kVGFtq2y_Moig\"\n}}\n",
            events.join(",\n")
        )
    };
    events.chunks(7).map(page).collect()
}

/// As the CLI's text formatter writes it: the fields in the order of their names.
fn filtered_text(events: &[String]) -> String {
    let line = |event| format!("EVENTS\t3831\t1795168802000\t{STREAM}\t{event}\t1795168801000\n");
    events.iter().map(line).collect::<String>() + "SEARCHEDLOGSTREAMS\torders-db.0\tTrue\n"
}

fn got_text(events: &[String]) -> String {
    let line = |event| format!("EVENTS\t1795168802000\t{event}\t1795168801000\n");
    let pages = events.chunks(5).map(|page| page.iter().map(line).collect::<String>());
    pages.map(|page| format!("b/3831/s\tf/3832/s\n{page}")).collect()
}

fn messages_json(events: &[String]) -> String {
    let items: Vec<_> = events.iter().map(|event| format!("    {}", quoted(event))).collect();
    format!("[\n{}\n]\n", items.join(",\n"))
}

fn messages_text(events: &[String]) -> String {
    events.chunks(20).map(|page| page.join("\t") + "\n").collect()
}

/// `aws rds download-db-log-file-portion`, cut anywhere into pages.
fn portion_json(events: &[String]) -> String {
    let text: Vec<char> = (events.join("\n") + "\n").chars().collect();
    let page = |page: &[char]| {
        let data = quoted(&page.iter().collect::<String>());
        format!(
            "{{\n    \"LogFileData\": {data},\n    \"Marker\": \"10:1234\",\n    \"AdditionalDataPending\": true\n}}\n"
        )
    };
    text.chunks(777).map(page).collect()
}

/// The same with `--no-paginate --output text`, in a loop over markers.
fn portion_text(events: &[String]) -> String {
    events.chunks(9).map(|page| format!("True\t{}\n\t15:4\n", page.join("\n"))).collect()
}

/// "Log group-level subscription filters", CloudWatch Logs user guide. Each object is delivered twice.
fn subscription(events: &[String]) -> String {
    let object = |(index, page): (usize, &[String])| {
        let event = |(id, event): (usize, &String)| {
            format!(r#"{{"id":"{index}.{id}","timestamp":1795168801000,"message":{}}}"#, quoted(event))
        };
        let events: Vec<_> = page.iter().enumerate().map(event).collect();
        let object = format!(
            r#"{{"messageType":"DATA_MESSAGE","owner":"123456789012","logGroup":"{GROUP}","logStream":"{STREAM}","subscriptionFilters":["f"],"logEvents":[{}]}}"#,
            events.join(",")
        );
        [object.clone(), object].join(if index.is_multiple_of(2) { "" } else { "\n" })
    };
    let control = r#"{"messageType":"CONTROL_MESSAGE","owner":"CloudwatchLogs","logGroup":"","logStream":"","subscriptionFilters":[],"logEvents":[{"id":"","timestamp":1,"message":"CWL CONTROL MESSAGE: Checking health of destination Firehose."}]}"#;
    control.to_owned() + &events.chunks(4).enumerate().map(object).collect::<String>()
}

fn cell(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

/// The console's "Download search results (CSV)".
fn console_csv(events: &[String]) -> String {
    let rows = events.iter().enumerate().map(|(at, event)| format!("{},{}\n", 1_795_168_801_000 + at, cell(event)));
    "timestamp,message\n".to_owned() + &rows.collect::<String>()
}

/// Results of Logs Insights, newest first, with other fields.
fn insights_csv(events: &[String]) -> String {
    let row = |(at, event): (usize, &String)| {
        format!("{},2026-11-23 18:{:02}:{:02}.{:03},{STREAM}\r\n", cell(event), at / 60_000, at / 1000 % 60, at % 1000)
    };
    "@message,@timestamp,@logStream\r\n".to_owned() + &events.iter().enumerate().map(row).rev().collect::<String>()
}

type Wrap = fn(&[String]) -> String;

const WRAPS: [(Wrap, &str); 17] = [
    (exported, "CloudWatch Logs export to S3"),
    (tailed, "aws logs tail --format detailed"),
    (tailed_short, "aws logs tail --format short"),
    (awslogs, "awslogs get"),
    (docker, "docker logs --timestamps"),
    (runtime, "container runtime log (CRI)"),
    (json_file, "Docker json-file log"),
    (compose, "docker compose logs"),
    (filtered_json, "CloudWatch Logs events (JSON)"),
    (filtered_text, "CloudWatch Logs events (text)"),
    (got_text, "CloudWatch Logs events (text)"),
    (messages_json, "CloudWatch Logs messages (JSON)"),
    (portion_json, "RDS log file portion (JSON)"),
    (portion_text, "RDS log file portion (text)"),
    (subscription, "CloudWatch Logs subscription (Firehose)"),
    (console_csv, "CloudWatch Logs results (CSV)"),
    (insights_csv, "CloudWatch Logs results (CSV)"),
];

fn read(log: &str) -> Vec<u8> {
    fs::read(samples().join(log)).unwrap_or_else(|error| panic!("{log}: {error}"))
}

#[test]
fn every_envelope_gives_back_what_was_wrapped() {
    for log in LOGS {
        let events = events(&read(log));
        let whole = events.join("\n") + "\n";
        for (wrap, name) in WRAPS {
            let text = wrap(&events);
            let (found_name, found, contents) = unwrapped(text.as_bytes(), &[text.len()]);
            assert_eq!(found_name, name, "{log}");
            assert!(found.all() == whole.as_bytes(), "{log} in {name}: {}", String::from_utf8_lossy(&found.all()));
            assert_eq!((contents.misfits, contents.disordered, contents.cut), (0, 0, false), "{log} in {name}");
            for sizes in [&[1][..], &[7], &[1000, 1, 3], &[64 * 1024]] {
                let pieces = unwrapped(text.as_bytes(), sizes);
                assert!(
                    pieces == (name, Found(found.0.clone()), contents),
                    "{log} in {name} by {sizes:?}: {:?}",
                    pieces.2
                );
            }
        }
    }
}

#[test]
fn events_joined_by_tabs_come_apart_where_records_begin() {
    // A record of several lines keeps its tabs, for they stand behind newlines.
    for log in ["postgres/16-rds/postgresql.log.2026-11-23-10", "mysql/audit-8.0/server_audit.log"] {
        let events = events(&read(log));
        let (name, found, _) = unwrapped(messages_text(&events).as_bytes(), &[13]);
        assert_eq!(name, "CloudWatch Logs messages (text)");
        assert!(found.all() == (events.join("\n") + "\n").as_bytes(), "{log}");
    }
}

/// Text of all pages, with a page's end at every place of the log in turn: no session is lost or carried otherwise.
#[test]
fn a_page_may_end_anywhere() {
    let cases = [
        "postgres/16-rds/postgresql.log.2026-11-23-10",
        "mysql/9.7-usual/mysql-general.log",
        "mysql/audit-8.0/server_audit.log",
        "oracle/text/listener.log",
    ];
    for log in cases {
        let text = read(log);
        let whole = counts(&text);
        for at in (1..text.len().min(6000)).step_by(13) {
            let paged = [&text[..at], b"\n", &text[at..], b"\n"].concat();
            let (name, found, _) = unwrapped(&paged, &[paged.len()]);
            assert_eq!(name, "RDS log file portion (text)");
            let counted = counts(&found.all());
            let told = counted.unparsed() > whole.unparsed();
            assert!(
                (counted.connections, counted.system) == (whole.connections, whole.system) || told,
                "{log} at {at}: {:?} {:?}",
                counted.connections,
                String::from_utf8_lossy(&text[at.saturating_sub(80)..(at + 80).min(text.len())])
            );
        }
    }
}

fn counts(text: &[u8]) -> Tally {
    let parser = detect(text, &Hints::default()).expect("a known format");
    let mut tally = Engine::named(parser.engine()).map(Tally::of).expect("an engine");
    Scanner::new(parser.as_ref(), 1).scan(text, &mut tally);
    tally
}

#[test]
fn no_engine_log_is_taken_for_wrapped() {
    let mut seen = 0;
    for path in files(&samples()) {
        if path.starts_with(samples().join("envelopes")) {
            continue;
        }
        let text = fs::read(&path).expect("a file");
        if detect(&text[..text.len().min(HEAD)], &Hints::default()).is_none() {
            continue;
        }
        seen += 1;
        assert_eq!(Encoding::of(&text), Encoding::Plain, "{}", path.display());
        assert!(matches!(wrapping(&text), Wrapping::Plain), "{}: {:?}", path.display(), wrapping(&text));
    }
    assert!(seen > 100, "{seen} logs");
}

/// What a client can put before the records of a log, where a rotation cuts its statement.
#[test]
fn a_statement_at_the_beginning_does_not_wrap_a_log() {
    let records = read("mysql/9.7-usual/mysql-general.log");
    let records = String::from_utf8(records).expect("UTF-8").repeat(3);
    let forged = [
        r#"{"events": [{"message": "x", "timestamp": 1795168801000}],"#,
        r#"{"LogFileData": "x", "#,
        r#"{"messageType":"DATA_MESSAGE","logEvents":[{"#,
        r#"{"log":"x\n","stream":"stdout"}"#,
        r#"["2026-11-23T18:46:20.431815Z    31 Connect", "#,
        "EVENTS\t1795168802000\tx\t1795168801000",
        "/aws/rds/x y z",
        "2026-11-23T18:46:20.000Z x",
        "2026-11-23T18:46:20 x",
        "2026-11-23T18:46:20.123456789Z stdout F x",
        "2026-11-23T18:46:20.123456789Z x",
        "db-1  | x",
    ];
    for first in forged {
        let text = format!("{first}\n{records}");
        assert!(matches!(wrapping(text.as_bytes()), Wrapping::Plain), "{first}: {:?}", wrapping(text.as_bytes()));
    }
}

#[test]
fn each_log_stream_is_a_log_of_its_own() {
    let object = |stream: &str, message: &str| {
        format!(
            r#"{{"messageType":"DATA_MESSAGE","owner":"1","logGroup":"/aws/rds/cluster/c/postgresql","logStream":"{stream}","subscriptionFilters":["f"],"logEvents":[{{"id":"7","timestamp":1,"message":"{message}"}}]}}"#
        )
    };
    let text = [object("a", "one"), object("b", "two"), object("a", "one"), object("b", "three\\n")].concat();
    // The same id in another stream is another event, and so is another text with it. The same stream's is the same.
    let (_, found, contents) = unwrapped(text.as_bytes(), &[11]);
    let member = |stream: &str| found.0[&format!("/aws/rds/cluster/c/postgresql/{stream}")].clone();
    assert_eq!((member("a"), member("b")), (b"one\n".to_vec(), b"two\nthree\n".to_vec()));
    assert_eq!((contents.events, contents.duplicates), (3, 1));
}

#[test]
fn what_does_not_fit_is_counted() {
    let good: Vec<String> =
        (0..20).map(|number| format!("20261123 18:46:{number:02},h,app,10.0.0.7,31,0,CONNECT,shop,,0")).collect();
    let json = filtered_json(&good) + "An error occurred (ThrottlingException)\n" + &filtered_json(&good[..2]);
    // The walk goes on behind the line.
    assert!(matches!(wrapping(json.as_bytes()), Wrapping::Plain), "a head with other text is none");
    let long: Vec<String> = good.iter().cycle().take(20_000).cloned().collect();
    let json = filtered_json(&long) + "An error occurred (ThrottlingException)\n" + &filtered_json(&good[..2]);
    let (_, _, contents) = unwrapped(json.as_bytes(), &[100_000]);
    assert_eq!((contents.events, contents.misfits, contents.cut), (20_002, 1, false));
    let cut = filtered_json(&long);
    let (_, found, contents) = unwrapped(&cut.as_bytes()[..cut.len() - 300], &[100_000]);
    assert!(contents.cut && found.all().len() < long.join("\n").len());
    let text = got_text(&good);
    let (_, found, contents) = unwrapped(&text.as_bytes()[..text.len() - 5], &[100]);
    assert!(contents.cut && !found.all().ends_with(b"\n"), "a cut line has no newline");
}

#[test]
fn unsupported_envelopes_are_named_with_a_command() {
    let table = "-----------------------\n|    FilterLogEvents   |\n+----------------------+\n";
    let yaml = "events:\n- eventId: '1'\n  message: 20261123 18:46:20,h,app\n";
    let query = r#"{"results": [[{"field": "@timestamp", "value": "2026"}, {"field": "@message", "value": "x"}]]}"#;
    let folded = "'2026-11-23 18:46:20 UTC::@:[1]:LOG:  x\n\n  2026-11-23 18:46:21 UTC::@:[1]:LOG:  y'\n";
    let list = "- 20261123 18:46:20,h,app\n- 20261123 18:46:21,h,\n  app\n";
    let markdown = "| @timestamp | @message |\n| --- | --- |\n| 2026-11-23 18:46:20.000 | x |\n";
    let console = "---------------\n| timestamp | message |\n|---|---|\n";
    for text in [table, yaml, folded, list, markdown, console] {
        let Wrapping::Unsupported(kind) = wrapping(text.as_bytes()) else { panic!("{text}") };
        assert!(kind.advice.contains("--output json"), "{text}");
    }
    for text in ["LogFileData: 'x'\n", query, "[[1795168801000, \"x\"]]", r#"[{"message": "x"}]"#] {
        let Wrapping::Unsupported(kind) = wrapping(text.as_bytes()) else { panic!("{text}") };
        assert!(kind.advice.contains("--output json"), "{text}");
    }
    // `Format-List`, `Export-Csv` and `ConvertTo-Json`.
    let listed =
        "\r\nAdditionalDataPending : False\r\nLogFileData           : 2026-11-23 18:46:20 UTC::@:[1]:LOG:  x\r\n";
    let csv = "#TYPE Amazon.CloudWatchLogs.Model.OutputLogEvent\n\"IngestionTime\",\"Message\",\"Timestamp\"\n";
    let json = "{\n  \"Events\": [\n    {\n      \"IngestionTime\": \"2026-11-23T10:00:00Z\",\n      \"Message\": \"x\"\n    }\n  ]\n}\n";
    for text in [listed, csv, json] {
        let Wrapping::Unsupported(kind) = wrapping(text.as_bytes()) else { panic!("{text}") };
        assert!(kind.what.contains("PowerShell") && kind.advice.contains("> FILE"), "{text}");
    }
}

/// Answers of two commands in one file: that of the second is none of the first's pages.
#[test]
fn what_is_no_page_of_a_log_file_is_a_misfit() {
    let events: Vec<String> = (0..500).map(|number| format!("2026-11-23 18:46:20 UTC::@:[{number}]:LOG:  x")).collect();
    let (_, _, pages) = unwrapped(portion_json(&events).as_bytes(), &[100]);
    assert_eq!(pages.misfits, 0);
    let (_, _, both) = unwrapped((portion_json(&events) + &filtered_json(&events[..7])).as_bytes(), &[100]);
    assert!(both.misfits > 0, "{both:?}");
}

/// What wraps each line in JSON: the journal, Fluent Bit, Vector, `logcli`, Google Cloud, Azure, Supabase and Datadog; and
/// lists of fields that `--query` makes.
#[test]
fn json_lines_give_back_the_log() {
    type Line = fn(usize, &str) -> serde_json::Value;
    use serde_json::json;
    let wraps: [(&str, Line); 12] = [
        (
            "journal",
            |at, line| json!({"__REALTIME_TIMESTAMP": format!("{}", 1_795_168_801_000_000_u64 + at as u64), "MESSAGE": line, "PRIORITY": "6"}),
        ),
        ("journal bytes", |_, line| json!({"MESSAGE": line.as_bytes(), "_COMM": "postgres"})),
        ("fluent bit", |at, line| json!({"date": 1_795_168_801.5 + at as f64, "log": line})),
        ("vector", |_, line| json!({"file": "/var/log/x", "host": "h", "message": line, "source_type": "file"})),
        ("logcli", |_, line| json!({"labels": {"job": "db"}, "line": line, "timestamp": "2026-11-23T18:46:20Z"})),
        (
            "google",
            |_, line| json!({"insertId": "s", "textPayload": line, "severity": "INFO", "timestamp": "2026-11-23T18:46:20.5Z"}),
        ),
        (
            "azure",
            |_, line| json!({"category": "PostgreSQLLogs", "properties": {"errorLevel": "LOG", "message": line}, "time": "x"}),
        ),
        ("supabase", |_, line| json!({"event_message": line, "id": "a", "timestamp": 1_795_168_801_000_000_u64})),
        ("datadog", |_, line| json!({"id": "A", "content": {"message": line, "timestamp": "x"}})),
        ("list", |at, line| json!([1_795_168_801_000_u64 + at as u64, line])),
        ("list reversed", |at, line| json!([line, 1_795_168_801_000_u64 + at as u64])),
        ("object", |at, line| json!({"t": 1_795_168_801_000_u64 + at as u64, "m": line})),
    ];
    for log in LOGS {
        let events = events(&read(log));
        let whole = events.join("\n") + "\n";
        for (name, wrap) in wraps {
            let values: Vec<_> = events.iter().enumerate().map(|(at, event)| wrap(at, event).to_string()).collect();
            for text in [values.join("\n") + "\n", format!("[{}]", values.join(",\n"))] {
                let (envelope, found, contents) = unwrapped(text.as_bytes(), &[text.len()]);
                assert_eq!((envelope, contents.misfits), ("JSON log lines", 0), "{log} by {name}");
                assert!(found.all() == whole.as_bytes(), "{log} by {name}: {}", String::from_utf8_lossy(&found.all()));
                assert_eq!(unwrapped(text.as_bytes(), &[7, 1]).1, found, "{log} by {name}");
            }
        }
    }
}

#[test]
fn newest_first_is_turned_round() {
    let events = events(&read(LOGS[4]));
    let value = |(at, event): (usize, &String)| {
        serde_json::json!({"@timestamp": format!("2026-11-23 18:{:02}:{:02}.000", at / 60, at % 60), "@message": event})
            .to_string()
    };
    let text = format!("[{}]", events.iter().enumerate().map(value).rev().collect::<Vec<_>>().join(","));
    assert!(unwrapped(text.as_bytes(), &[999]).1.all() == (events.join("\n") + "\n").as_bytes());
    let csv = "\"@message\"\n".to_owned() + &events.iter().rev().map(|event| cell(event) + "\n").collect::<String>();
    assert!(unwrapped(csv.as_bytes(), &[999]).1.all() == (events.join("\n") + "\n").as_bytes());
}

#[test]
fn jsonlog_written_anew_and_records_of_cloudnativepg_count() {
    let log = read("postgres/16-rds/postgresql.log.2026-11-23-10.json");
    let whole = counts(&log);
    let values: Vec<serde_json::Value> =
        String::from_utf8(log).expect("UTF-8").lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let joined: String = values.iter().map(ToString::to_string).collect();
    let pretty: String = values.iter().map(|value| serde_json::to_string_pretty(value).expect("JSON") + "\n").collect();
    let renamed = |value: &serde_json::Value| {
        let names = [
            ("timestamp", "log_time"),
            ("user", "user_name"),
            ("dbname", "database_name"),
            ("pid", "process_id"),
            ("session_id", "session_id"),
            ("ps", "command_tag"),
            ("error_severity", "error_severity"),
            ("state_code", "sql_state_code"),
            ("message", "message"),
            ("detail", "detail"),
            ("context", "context"),
            ("statement", "query"),
            ("application_name", "application_name"),
        ];
        let mut record = serde_json::Map::new();
        for (own, other) in names {
            let text =
                value.get(own).map_or(String::new(), |value| value.as_str().map_or(value.to_string(), str::to_owned));
            record.insert(other.to_owned(), text.into());
        }
        if let Some(host) = value.get("remote_host").and_then(serde_json::Value::as_str) {
            let port = value.get("remote_port").map_or(String::new(), |port| format!(":{port}"));
            record.insert("connection_from".to_owned(), format!("{host}{port}").into());
        }
        serde_json::json!({"level": "info", "ts": "x", "logger": "postgres", "msg": "record", "record": record})
            .to_string()
            + "\n"
    };
    let cloud: String =
        "{\"level\":\"info\",\"msg\":\"starting\"}\n".to_owned() + &values.iter().map(renamed).collect::<String>();
    for text in [joined, pretty, cloud] {
        let (name, found, contents) = unwrapped(text.as_bytes(), &[1000]);
        let counted = counts(&found.all());
        assert_eq!((name, contents.misfits), ("JSON log lines", 0));
        assert_eq!(
            (counted.connections, counted.system, counted.unparsed()),
            (whole.connections, whole.system, whole.unparsed()),
            "{}",
            String::from_utf8_lossy(&found.all()[..2000])
        );
    }
}

#[test]
fn strings_and_lists_of_fields_as_text_give_back_the_log() {
    for log in LOGS {
        let events = events(&read(log));
        let whole = events.join("\n") + "\n";
        let lines = |line: &dyn Fn(&String) -> String| events.iter().map(line).collect::<String>();
        for (text, name) in [
            (quoted(&whole) + "\n", "JSON strings with log text"),
            (lines(&|event| quoted(event) + "\n"), "JSON strings with log text"),
            (lines(&|event| format!("1795168801000\t{event}\n")), "CloudWatch Logs fields (text)"),
            (lines(&|event| format!("{event}\t1795168801000\n")), "CloudWatch Logs fields (text)"),
            (lines(&|event| format!("1795168801000\t{STREAM}\t{event}\n")), "CloudWatch Logs fields (text)"),
        ] {
            let (found_name, found, contents) = unwrapped(text.as_bytes(), &[17]);
            assert_eq!((found_name, contents.misfits), (name, 0), "{log}");
            assert!(found.all() == whole.as_bytes(), "{log} in {name}: {}", String::from_utf8_lossy(&found.all()));
        }
    }
}

#[test]
fn half_a_pair_of_surrogates_is_a_letter_of_text() {
    let line = "20261123 18:46:20,h,app,10.0.0.7,31,0,CONNECT,shop,,0";
    let text =
        format!(r#"{{"LogFileData": "{line}\ud834\n{line}\ud834\ud834\udd1e\udd1e\n{line}\ud834", "Marker": "1:2"}}"#);
    let (_, found, contents) = unwrapped(text.as_bytes(), &[1]);
    let wanted = format!("{line}\u{fffd}\n{line}\u{fffd}\u{1d11e}\u{fffd}\n{line}\u{fffd}");
    assert_eq!((String::from_utf8_lossy(&found.all()).into_owned(), contents.misfits), (wanted, 0));
    let text = format!(r#"{{"events": [{{"message": "{line}\udd1e", "timestamp": 1795168801000}}]}}"#);
    assert_eq!(unwrapped(text.as_bytes(), &[9]).1.all(), format!("{line}\u{fffd}\n").as_bytes());
}

#[test]
fn colours_around_lines_are_taken_off_and_listener_logs_are_no_streams() {
    for log in LOGS {
        let text = String::from_utf8(read(log)).expect("UTF-8");
        let coloured: String = text.lines().map(|line| format!("\u{1b}[33m{line}\u{1b}[0m\n")).collect();
        let (name, found, _) = unwrapped(coloured.as_bytes(), &[100]);
        assert_eq!(name, "terminal colours", "{log}");
        assert!(found.all() == text.as_bytes(), "{log}");
    }
    let listener = "2026-11-23T18:46:20.012000+00:00 * (CONNECT_DATA=(SID=a)) * (ADDRESS=(PROTOCOL=tcps)(HOST=10.0.0.7)(PORT=1)) * establish * a * 0\n";
    assert!(matches!(wrapping(listener.repeat(3).as_bytes()), Wrapping::Plain));
}

#[test]
fn json_that_tail_spreads_is_gathered() {
    let spread = "2026-11-23T18:46:20+00:00 s {\n    \"atype\": \"authenticate\",\n    \"param\": {\n        \"user\": \"a\"\n    }\n}\n";
    let (name, found, _) = unwrapped(spread.repeat(3).as_bytes(), &[5]);
    assert_eq!(name, "aws logs tail --format detailed");
    assert_eq!(found.all(), "{\"atype\":\"authenticate\",\"param\":{\"user\":\"a\"}}\n".repeat(3).as_bytes());
}

fn decoded(bytes: &[u8], size: usize) -> Vec<u8> {
    let mut decoder = Decoder::new(&bytes[..bytes.len().min(HEAD)]);
    let (mut text, mut buffer) = (Vec::new(), Vec::new());
    for piece in bytes.chunks(size) {
        text.extend_from_slice(decoder.push(piece, &mut buffer));
    }
    text.extend_from_slice(decoder.last().unwrap_or_default());
    text
}

#[test]
fn encodings_are_undone() {
    let log = String::from_utf8(read("mysql/9.7-usual/mysql-general.log")).expect("UTF-8") + "𝄞 ende\n";
    let little: Vec<u8> = log.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = log.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let marked = |mark: &[u8], text: &[u8]| [mark, text].concat();
    let all = [
        log.replace('\n', "\r").into_bytes(),
        marked(b"\xef\xbb\xbf", log.as_bytes()),
        marked(b"\xff\xfe", &little),
        marked(b"\xfe\xff", &big),
        little,
        big,
        log.clone().into_bytes(),
    ];
    for bytes in all {
        for size in [1, 2, 3, 1000, bytes.len()] {
            assert!(decoded(&bytes, size) == log.as_bytes());
        }
    }
    assert_eq!(decoded(b"\xff\xfea\0\x34\xd8b\0\x34", 1), "a\u{fffd}b\u{fffd}".as_bytes());
}

/// Beginnings of envelopes, and what may stand in one where it is not expected.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let parts: Vec<&'static [u8]> = vec![
        b"{\"events\": [",
        b"{\"LogFileData\": \"",
        b"{\"messageType\":\"DATA_MESSAGE\",",
        b"\"logEvents\":[",
        b"{",
        b"}",
        b"[",
        b"]",
        b"\"",
        b"\\",
        b"\\ud834",
        b"\\u00",
        b",",
        b":",
        b"\n",
        b"\r\n",
        b"\t",
        b"null",
        b"1795168801000",
        b"\"message\": \"x\\n\"",
        b"EVENTS\t",
        b"1795168802000\t",
        b"True\t",
        b"\t15:4\n",
        b"timestamp,message\n",
        b"@timestamp,@message\n",
        b"2026-11-23T18:46:20.000Z ",
        b"2026-11-23T18:46:20+00:00 ",
        b"/aws/rds/x s ",
        b"2026-11-23T18:46:20.123456789Z ",
        b"stdout F ",
        b"db-1  | ",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b"\x1b[0m",
        b"{\"log\":\"x\\n\",\"stream\":\"stderr\"}\n",
        b"20261123 18:46:20,h,app,10.0.0.7,31,0,CONNECT,shop,,0",
    ];
    prop::collection::vec(prop::sample::select(parts), 0..40).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn nothing_hostile_panics_or_depends_on_pieces(text in hostile(), size in 1_usize..50) {
        let _ = decoded(&text, size);
        if let Wrapping::Envelope(_) = wrapping(&text) {
            prop_assert_eq!(unwrapped(&text, &[size]), unwrapped(&text, &[text.len()]));
        }
    }
}
