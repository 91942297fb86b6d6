//! The fake itself is what it says it is. Spoken to over plain sockets: a library would hide what was sent.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::agent::events;
use super::log_file::TRUNCATED;
use super::{Calls, FakeAws, Fault, FaultKind, Fleet, Joins, LogFile};

const FLEET: &str = r#"
    account = "123456789012"
    region = "eu-west-1"
    now = "2026-11-20T12:30:00Z"

    [[instance]]
    id = "orders"
    engine = "postgres"
    version = "16.4"
    created = "2024-03-01T09:00:00Z"
    parameter_group = "pg16"

    [[instance]]
    id = "billing"
    engine = "mysql"
    version = "8.0.35"
    created = "2024-03-01T09:00:00Z"
    parameter_group = "my8"
    region = "us-east-1"
"#;

const LOG: &str = "error/postgresql.log.2026-11-20-05";

fn start() -> FakeAws {
    FakeAws::start(Fleet::parse(FLEET, ".").unwrap())
}

/// Sends a form, and returns all that comes back until the connection closes, or the error that ends it.
fn send(aws: &FakeAws, region: &str, form: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(aws.url().trim_start_matches("http://"))?;
    let scope = match region {
        "" => String::new(),
        region => {
            format!("Authorization: AWS4-HMAC-SHA256 Credential=K/20261120/{region}/rds/aws4_request, Signature=0\r\n")
        }
    };
    let length = form.len();
    write!(
        stream,
        "POST / HTTP/1.1\r\nHost: aws\r\nConnection: close\r\n{scope}Content-Length: {length}\r\n\r\n{form}"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

fn describe(aws: &FakeAws) -> String {
    send(aws, "eu-west-1", "Action=DescribeDBInstances&Version=2014-10-31").unwrap()
}

/// The text of the first element of this name.
fn element<'a>(xml: &'a str, name: &str) -> &'a str {
    let (_, rest) = xml.split_once(&format!("<{name}>")).unwrap_or_else(|| panic!("no {name} in {xml}"));
    rest.split_once(&format!("</{name}>")).unwrap().0
}

#[test]
fn a_region_sees_its_own_instances() {
    let aws = start();
    assert_eq!(element(&describe(&aws), "DBInstanceIdentifier"), "orders");
    let other = send(&aws, "us-east-1", "Action=DescribeDBInstances").unwrap();
    assert_eq!(element(&other, "DBInstanceIdentifier"), "billing");
    assert!(send(&aws, "ap-south-1", "Action=DescribeDBInstances").unwrap().contains("<DBInstances></DBInstances>"));
    assert!(send(&aws, "", "Action=DescribeDBInstances").unwrap().starts_with("HTTP/1.1 403 "));
    let seen: Vec<_> = aws.calls().into_iter().map(|call| (call.action, call.region)).collect();
    assert_eq!(seen.len(), 4);
    assert_eq!(seen[1], ("DescribeDBInstances".to_owned(), "us-east-1".to_owned()));
}

#[test]
fn errors_have_their_code_and_status() {
    let aws = start();
    let kinds = [
        (FaultKind::Throttle, "400", "Throttling"),
        (FaultKind::AccessDenied, "403", "AccessDenied"),
        (FaultKind::ExpiredToken, "403", "ExpiredToken"),
        (FaultKind::ServiceUnavailable, "503", "ServiceUnavailable"),
        (FaultKind::InternalError, "500", "InternalFailure"),
    ];
    for (kind, status, code) in kinds {
        aws.fault(Fault::new(kind).on("DescribeDBInstances").at(Calls::Nth(2)));
        assert!(describe(&aws).starts_with("HTTP/1.1 200 "));
        let answer = describe(&aws);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        assert_eq!(element(&answer, "Code"), code);
    }
    assert!(describe(&aws).starts_with("HTTP/1.1 200 "));
}

#[test]
fn answers_break_in_each_way() {
    let aws = start();
    let whole = describe(&aws);
    let (head, body) = whole.split_once("\r\n\r\n").unwrap();
    let once = |kind| aws.fault(Fault::new(kind).at(Calls::Nth(1)));

    once(FaultKind::CutBody);
    let answer = describe(&aws);
    let (cut_head, cut) = answer.split_once("\r\n\r\n").unwrap();
    assert!(cut_head.contains(&format!("content-length: {}", body.len())), "{cut_head}");
    assert_eq!(cut.len(), body.len() / 2);

    once(FaultKind::CutXml(0.25));
    let answer = describe(&aws);
    let (cut_head, cut) = answer.split_once("\r\n\r\n").unwrap();
    assert!(cut_head.contains(&format!("content-length: {}", cut.len())), "{cut_head}");
    assert_eq!(cut.len(), body.len() / 4);

    once(FaultKind::Reset);
    let error = send(&aws, "eu-west-1", "Action=DescribeDBInstances").unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);

    once(FaultKind::Html200);
    assert!(describe(&aws).contains("content-type: text/html"));
    once(FaultKind::EmptyBody);
    assert!(describe(&aws).ends_with("\r\n\r\n"));

    let delay = Duration::from_millis(50);
    once(FaultKind::Slow(delay));
    let before = Instant::now();
    assert!(describe(&aws).starts_with(head.split_once("\r\n").unwrap().0));
    assert!(before.elapsed() >= delay);
}

#[test]
fn faults_hit_what_they_name() {
    let aws = start();
    aws.fault(Fault::new(FaultKind::Throttle).in_region("us-east-1").at(Calls::First(1)));
    aws.fault(Fault::new(FaultKind::AccessDenied).of("orders").at(Calls::Every));
    assert!(describe(&aws).contains(" 200 "));
    assert!(send(&aws, "us-east-1", "Action=DescribeDBInstances").unwrap().contains("Throttling"));
    assert!(send(&aws, "us-east-1", "Action=DescribeDBInstances").unwrap().contains(" 200 "));
    for name in
        ["DBInstanceIdentifier=orders", "ResourceIdentifier=arn%3Aaws%3Ards%3Aeu-west-1%3A123456789012%3Adb%3Aorders"]
    {
        let answer = send(&aws, "eu-west-1", &format!("Action=DescribePendingMaintenanceActions&{name}")).unwrap();
        assert_eq!(element(&answer, "Code"), "AccessDenied");
    }
}

#[test]
fn a_folder_becomes_log_files() {
    let folder = std::env::temp_dir().join(format!("fake-aws-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("pg/error")).unwrap();
    for name in [LOG, "error/postgresql.log.2026-11-20-12", "error/old.log", "truth.toml"] {
        std::fs::write(folder.join("pg").join(name), "x\n").unwrap();
    }
    let toml = FLEET.replacen("created", "logs = \"pg\"\nskip = [\"*.toml\", \"error/o*g\"]\ncreated", 1);
    std::fs::write(folder.join("fleet.toml"), toml).unwrap();
    let mut fleet = Fleet::load(folder.join("fleet.toml"), &folder);
    std::fs::remove_dir_all(&folder).unwrap();
    let now = fleet.now.as_millisecond();
    let files: Vec<_> =
        fleet.instance("orders").files.iter().map(|(name, file)| (name.as_str(), file.last_written_ms)).collect();
    // The first was closed at six, the second is still written.
    assert_eq!(files, [(LOG, now - 6 * 3_600_000 - 1_800_000), ("error/postgresql.log.2026-11-20-12", now)]);
}

/// Downloads a file the careful way: what was cut is asked for again, a line at a time.
fn download(aws: &FakeAws, lines: usize) -> (String, usize) {
    let (mut marker, mut text, mut pages) = ("0".to_owned(), String::new(), 0);
    loop {
        let ask = |lines: usize| {
            let form = format!(
                "Action=DownloadDBLogFilePortion&DBInstanceIdentifier=orders&LogFileName={LOG}&Marker={marker}&NumberOfLines={lines}"
            );
            send(aws, "eu-west-1", &form).unwrap()
        };
        let mut answer = ask(lines);
        if element(&answer, "LogFileData").as_bytes().ends_with(TRUNCATED) {
            answer = ask(1);
        }
        pages += 1;
        text.push_str(element(&answer, "LogFileData"));
        if element(&answer, "AdditionalDataPending") == "false" || pages > 99 {
            return (text, pages);
        }
        marker = element(&answer, "Marker").to_owned();
    }
}

/// Serves this text, with pages of at most 100 bytes and 4 lines.
fn serving(text: &str, change: impl FnOnce(&mut LogFile)) -> FakeAws {
    let aws = start();
    aws.set(|fleet| {
        (fleet.portion_bytes, fleet.portion_lines) = (100, 4);
        let mut file = LogFile::new(text, fleet.now.as_millisecond());
        change(&mut file);
        fleet.instance("orders").files.insert(LOG.to_owned(), file);
    });
    aws
}

fn text() -> String {
    (0..40).map(|number| format!("line {number} {}\n", "x".repeat(number))).collect()
}

#[test]
fn portions_are_the_file() {
    let (got, pages) = download(&serving(&text(), |_| {}), 9);
    assert_eq!(got, text());
    assert!(pages > 20, "lines that do not fit four to a page were not asked for one by one: {pages}");
}

#[test]
fn a_line_over_the_limit_is_cut_and_lost() {
    let long = "y".repeat(300);
    let (got, _) = download(&serving(&format!("a\n{long}\nb\n"), |_| {}), 1);
    assert_eq!(got, format!("a\n{}{}b\n", &long[..100], String::from_utf8_lossy(TRUNCATED)));
}

#[test]
fn pages_can_overlap_and_lie_and_go_on() {
    let (got, pages) = download(&serving(&text(), |file| file.quirks.overlap = 5), 1);
    assert_eq!(got.len(), text().len() + (pages - 1) * 5);
    let (got, pages) = download(&serving(&text(), |file| file.quirks.pending_lies = true), 1);
    assert_eq!((got.as_str(), pages), ("line 0 \n", 1));
    let (got, pages) = download(&serving(&text(), |file| file.quirks.never_ends = true), 1);
    assert_eq!((got, pages), (text(), 100));
    let (got, _) = download(&serving("a\n", |file| file.quirks.grows = b"b\n".to_vec()), 1);
    assert_eq!(got, format!("a\n{}", "b\n".repeat(99)));
}

#[test]
fn a_file_can_vanish_or_be_renamed() {
    let ask = |aws: &FakeAws, name: &str| {
        send(
            aws,
            "eu-west-1",
            &format!("Action=DownloadDBLogFilePortion&DBInstanceIdentifier=orders&LogFileName={name}&Marker=0"),
        )
        .unwrap()
    };
    let aws = serving("a\n", |file| file.quirks.vanishes_after = Some(1));
    assert_eq!(element(&ask(&aws, LOG), "LogFileData"), "a\n");
    assert_eq!(element(&ask(&aws, LOG), "Code"), "DBLogFileNotFoundFault");
    let aws = serving("a\n", |file| {
        file.quirks.vanishes_after = Some(0);
        file.quirks.renamed_to = Some("renamed".to_owned());
    });
    assert_eq!(element(&ask(&aws, LOG), "Code"), "DBLogFileNotFoundFault");
    assert_eq!(element(&ask(&aws, "renamed"), "LogFileData"), "a\n");
}

#[test]
fn what_xml_cannot_carry_keeps_its_length() {
    let aws = start();
    aws.set(|fleet| {
        let file = LogFile::new(b"<a> & \x00\xff\r\n".to_vec(), 0);
        fleet.instance("orders").files.insert(LOG.to_owned(), file);
    });
    let form = format!("Action=DownloadDBLogFilePortion&DBInstanceIdentifier=orders&LogFileName={LOG}");
    let answer = send(&aws, "eu-west-1", &form).unwrap();
    assert_eq!(element(&answer, "LogFileData"), "&lt;a&gt; &amp; ??&#xD;\n");
}

#[test]
fn a_whole_file_is_for_those_who_sign() {
    let aws = serving("a\n", |_| {});
    let mut stream = TcpStream::connect(aws.url().trim_start_matches("http://")).unwrap();
    let scope = "AWS4-HMAC-SHA256 Credential=K/20261120/eu-west-1/rds/aws4_request, SignedHeaders=host;x-amz-date";
    write!(
        stream,
        "GET /v19/downloadCompleteLogFile/orders/{LOG} HTTP/1.1\r\nHost: aws\r\nConnection: close\r\n\
         X-Amz-Date: 20261120T000000Z\r\nAuthorization: {scope}, Signature=0\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert_eq!(element(&answer, "Code"), "SignatureDoesNotMatch");
    let call = &aws.calls()[0];
    assert_eq!((call.action.as_str(), call.parameter("LogFileName")), ("DownloadCompleteDBLogFile", Some(LOG)));
}

/// Lines of real instances with the timestamps of their events (Sumo Logic's pages on its apps for Amazon Aurora MySQL and
/// Amazon RDS; pgbadger issue 521), in the shape in which the server wrote them.
const REAL: &[(&str, &str, i64)] = &[
    (
        "aurora-mysql",
        "1540983162255314,auroramysql57dbcluster02,app,192.0.2.25,7556,640361,QUERY,shop,'x',0",
        1540983162255,
    ),
    ("aurora-mysql", "2018-11-04T17:30:58.026053Z\t28173 Connect\tapp@192.0.2.110 on shop using TCP/IP", 1541352658026),
    ("mysql", "20230501 10:02:19,ip-10-1-0-50,rdsadmin,localhost,7,585281,QUERY,,'select 1',0,,", 1682935339000),
    (
        "postgres",
        "2019-08-08 00:49:34 UTC:192.0.2.77(56266):xyz@xyz_db:[20474]:LOG:  statement: SELECT 1",
        1565225374000,
    ),
];

#[test]
fn events_have_the_timestamps_that_aws_gave_them() {
    for (engine, line, at) in REAL {
        let text = format!("{line}\n\tFROM sample1\n");
        let events = events(engine, [text.into_bytes()].into_iter(), Joins::Indented);
        let [event] = events.as_slice() else { panic!("{line}: {events:?}") };
        assert_eq!((event.at, event.message.as_str()), (*at, format!("{line}\n\tFROM sample1").as_str()));
    }
}

#[test]
fn a_batch_has_one_time_where_no_time_is_read_and_keeps_its_order() {
    let log = "2026-11-23T15:30:01.007919+05:30\n23-NOV-2026 15:30:01 * a * 0\n23-NOV-2026 15:30:01 * b * 0\n\
               2026-11-23T15:30:03.055433+05:30\n23-NOV-2026 15:30:03 * c * 0\n";
    let events = events("oracle-ee", [log.as_bytes().to_vec()].into_iter(), Joins::Nothing);
    let messages: Vec<&str> = events.iter().map(|event| event.message.as_str()).collect();
    assert_eq!(messages, log.lines().collect::<Vec<_>>());
    // 2026-11-23T10:00:05Z.
    assert!(events.iter().all(|event| event.at == 1_795_428_005_000), "{events:?}");
}
