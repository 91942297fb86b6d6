//! Endpoints that send what AWS never sends: lists and answers without end, markers that lead back. Each is an error that
//! names the call, and never a smaller fleet, a shorter log or a milder verdict.

use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;

use crate::command::{Run, against, peak};
use crate::fake_aws::{FakeAws, Fault, FaultKind, Fleet, Joins, Proxy};
use crate::fleet::{WINDOW, fleet_by_portions, small_fleet};

/// An instance of the small fleet whose clients do not use TLS, and one of its logs.
const BATCH: &str = "reports-batch";
const LOG: &str = "error/postgresql.log.2026-11-21-05";

/// The verdicts, the mildest first.
const ROTATIONS: [&str; 3] = ["optional", "deferrable", "required"];

fn analyze(aws: &FakeAws, args: &[&str]) -> Run {
    let home = TempDir::new().expect("a folder");
    Run::of(against(aws, home.path()).args(["analyze", "--format", "json"]).args(WINDOW).args(args))
}

/// The small fleet, whose logs are those in CloudWatch Logs alone.
fn fleet_of_exports() -> Fleet {
    let mut fleet = small_fleet();
    fleet.instance(BATCH).export_joining("postgresql", "error/", Joins::Indented);
    fleet.instances.iter_mut().for_each(|instance| instance.files.clear());
    fleet.proxies.push(Proxy { name: "pool".to_owned(), instances: vec![BATCH.to_owned()], cluster: None });
    fleet
}

/// Instance and verdict, by how mild it is.
fn verdicts(report: &Value) -> Vec<(String, Option<usize>)> {
    let text = |instance: &Value, key: &str| instance[key].as_str().unwrap_or_default().to_owned();
    let rank = |instance: &Value| ROTATIONS.iter().position(|known| *known == text(instance, "rotation"));
    let instances = report["instances"].as_array().expect("instances");
    instances.iter().map(|instance| (text(instance, "instance"), rank(instance))).collect()
}

/// The lists that are read page by page.
const LISTS: [&str; 16] = [
    "rds:DescribeDBInstances",
    "rds:DescribeDBClusters",
    "rds:DescribeGlobalClusters",
    "rds:DescribeCertificates",
    "rds:DescribeDBEngineVersions",
    "rds:DescribePendingMaintenanceActions",
    "rds:DescribeDBProxies",
    "rds:DescribeDBProxyTargets",
    "rds:DescribeEvents",
    "rds:DescribeDBParameters",
    "rds:DescribeDBClusterParameters",
    "rds:DescribeOptionGroups",
    "rds:DescribeDBLogFiles",
    "logs:DescribeLogGroups",
    "logs:DescribeLogStreams",
    "cloudwatch:GetMetricData",
];

/// Has one list go wrong, and checks that it is told of and makes nothing milder.
fn check(list: &str, kind: FaultKind, said: &str) {
    static CLEAN: OnceLock<Vec<(String, Option<usize>)>> = OnceLock::new();
    let clean = CLEAN.get_or_init(|| verdicts(&analyze(&FakeAws::start(fleet_of_exports()), &[]).json()));
    let aws = FakeAws::start(fleet_of_exports());
    let (_, action) = list.split_once(':').expect("a service");
    aws.fault(Fault::new(kind).on(action));
    let run = analyze(&aws, &[]);
    let report = run.json();
    let found = verdicts(&report);
    if action == "DescribeDBInstances" {
        assert_eq!((run.status, found.len()), (1, 0), "{list}: {run:?}");
    } else {
        assert_eq!((run.status, found.len()), (3, clean.len()), "{list}: {}", run.err);
    }
    for ((name, rotation), (_, clean)) in found.iter().zip(clean) {
        assert!(rotation >= clean, "{list}: {name}: {report:#}");
    }
    assert!(run.err.contains(&format!("{list} failed: {said}")), "{list}: {}", run.err);
    let told = report["errors"].as_array().expect("errors");
    assert!(told.iter().any(|error| error["call"] == *list && error["code"] == "endpoint"), "{list}: {told:#?}");
}

#[test]
fn a_list_that_repeats_its_marker_is_an_error_and_not_the_whole_list() {
    for list in LISTS {
        check(list, FaultKind::SameMarker, "the endpoint repeated the marker \"stuck\"");
    }
}

#[test]
fn a_list_without_end_is_given_up() {
    // The small fleet has no global cluster.
    let empty = "the list did not end within 100 empty pages in a row";
    check("rds:DescribeGlobalClusters", FaultKind::NewMarkers, empty);
}

#[test]
fn an_answer_without_its_list_is_not_an_empty_list() {
    let said = "the response contains no list, not even an empty one";
    for list in LISTS.into_iter().filter(|list| list.starts_with("rds:")) {
        check(list, FaultKind::Result(""), said);
    }
    for answer in ["{}", "{\"events\":null}", "{\"Events\":[]}"] {
        check("logs:FilterLogEvents", FaultKind::Result(answer), said);
    }
}

#[test]
fn records_of_another_name_are_not_an_empty_list() {
    let said = "the response contains only records of an unknown kind";
    let instances = "<DBInstances><XX><DBInstanceIdentifier>orders</DBInstanceIdentifier></XX></DBInstances>";
    check("rds:DescribeDBInstances", FaultKind::Result(instances), said);
    check("rds:DescribeDBLogFiles", FaultKind::Result("<DescribeDBLogFiles><XX/></DescribeDBLogFiles>"), said);
    for text in ["Service unavailable", "&lol;"] {
        let instances = format!("<DBInstances>{text}</DBInstances>");
        check("rds:DescribeDBInstances", FaultKind::Result(instances.leak()), said);
    }
    check("rds:DescribeDBEngineVersions", FaultKind::Result("<DBEngineVersions><XX/></DBEngineVersions>"), said);
    let said = "the response contains a record without a name";
    let files = "<DescribeDBLogFiles><DescribeDBLogFilesDetails/></DescribeDBLogFiles>";
    check("rds:DescribeDBLogFiles", FaultKind::Result(files), said);
    check("logs:DescribeLogStreams", FaultKind::Result("{\"logStreams\":[{}]}"), said);
}

#[test]
fn records_by_the_million_are_refused_before_they_fill_the_memory() {
    let answer = format!("<DBInstances>{}</DBInstances>", "<DBInstance/>".repeat(4_000_000));
    let aws = FakeAws::start(fleet_of_exports());
    aws.fault(Fault::new(FaultKind::Result(answer.leak())).on("DescribeDBInstances"));
    let home = TempDir::new().expect("a folder");
    let (run, most) = peak(against(&aws, home.path()).args(["analyze", "--format", "json"]).args(WINDOW));
    let said = "rds:DescribeDBInstances failed: the endpoint sent more than 200000 elements in one response";
    assert!(run.status == 1 && run.err.contains(said), "{run:?}");
    println!("{most:?} kB");
    assert!(most.is_none_or(|most| most < 500_000), "{most:?} kB");
}

#[test]
fn accounts_and_regions_whose_list_has_no_end_are_not_left_out_in_silence() {
    let aws = FakeAws::start(fleet_of_exports());
    aws.fault(Fault::new(FaultKind::SameMarker).on("POST /listRegions"));
    aws.fault(Fault::new(FaultKind::SameMarker).on("DescribeSourceRegions"));
    let run = analyze(&aws, &["--all-regions"]);
    assert_eq!(run.status, 3, "{}", run.err);
    assert!(run.err.contains("account:ListRegions failed: the endpoint repeated the marker"), "{}", run.err);
    let aws = FakeAws::start(fleet_of_exports());
    aws.fault(Fault::new(FaultKind::SameMarker).on("ListAccounts"));
    let run = analyze(&aws, &["--organization", "--role-name", "auditor"]);
    assert_eq!(run.status, 1, "{}", run.err);
    assert!(run.err.contains("organizations:ListAccounts failed: the endpoint repeated the marker"), "{}", run.err);
}

#[test]
fn an_answer_of_three_gigabytes_is_refused_before_it_fills_the_memory() {
    let home = TempDir::new().expect("a folder");
    let run = |fleet: Fleet, action: Option<&str>| {
        let aws = FakeAws::start(fleet);
        if let Some(action) = action {
            aws.fault(Fault::new(FaultKind::Blanks(3 << 30)).on(action));
        }
        let mut command = against(&aws, home.path());
        peak(command.args(["analyze", "--format", "json", "--instance", BATCH]).args(WINDOW))
    };
    let (_, clean) = run(fleet_of_exports(), None);
    let cases = [
        ("rds:DescribeDBInstances", fleet_of_exports(), 1, 64),
        ("rds:DescribeDBLogFiles", small_fleet(), 3, 64),
        ("rds:DownloadDBLogFilePortion", fleet_by_portions(), 3, 64),
        ("logs:FilterLogEvents", fleet_of_exports(), 3, 64),
        ("cloudwatch:GetMetricData", fleet_of_exports(), 3, 3),
    ];
    for (call, fleet, status, mib) in cases {
        let (run, most) = run(fleet, call.split(':').nth(1));
        assert_eq!(run.status, status, "{call}: {}", run.err);
        let bytes = mib << 20;
        let said =
            format!("{call} failed: the endpoint sent more than {bytes} bytes in one response. Check AWS_ENDPOINT_URL");
        assert!(run.err.contains(&said), "{call}: {}", run.err);
        println!("{call}: {most:?} kB, and {clean:?} kB without that");
        if let (Some(most), Some(clean)) = (most, clean) {
            // As many answers as logs are read at the same time.
            assert!(most < clean + 4 * 100_000, "{call}: {most} kB, and {clean} kB without that");
        }
    }
}

#[test]
fn a_log_without_end_is_given_up_and_what_was_read_counts() {
    let aws = FakeAws::start(small_fleet());
    aws.fault(Fault::new(FaultKind::Endless).on("DownloadCompleteDBLogFile").of(LOG));
    let run = analyze(&aws, &["--instance", BATCH]);
    let report = run.json();
    let instance = &report["instances"][0];
    assert_eq!((run.status, &instance["rotation"], &instance["unproven"]), (3, &"required".into(), &true.into()));
    let said = format!("{BATCH} {LOG}");
    let said =
        [said.as_str(), "rds:DownloadCompleteDBLogFile failed: the endpoint sent more than 107", "(listed size: "];
    assert!(said.iter().all(|said| run.err.contains(said)), "{}", run.err);
    let asked = aws.calls().into_iter().filter(|call| call.parameter("LogFileName") == Some(LOG)).count();
    assert_eq!(asked, 1, "it would have no end the next time either");
}

#[test]
fn pages_of_a_log_that_lead_back_are_not_the_rest_of_it() {
    let mut fleet = fleet_by_portions();
    fleet.portion_lines = 10;
    fleet.instance(BATCH).files.get_mut(LOG).expect("a log an hour").quirks.circles = true;
    let run = analyze(&FakeAws::start(fleet), &["--instance", BATCH]);
    let report = run.json();
    assert_eq!((run.status, &report["instances"][0]["rotation"]), (3, &"required".into()), "{report:#}");
    let said = format!("{BATCH} {LOG}");
    assert!(run.err.contains(&said) && run.err.contains("the endpoint repeated the marker \"5:"), "{}", run.err);
}

#[test]
fn a_log_of_endless_pages_is_given_up() {
    let mut fleet = fleet_by_portions();
    fleet.portion_lines = 1;
    let log = fleet.instance(BATCH).files.get_mut(LOG).expect("a log an hour");
    let line = |number| format!("2026-11-21 05:30:00 UTC:10.0.0.9(5):app@orders:[77]:LOG:  duration: {number} ms\n");
    log.bytes = (10_000..11_500).flat_map(|number| line(number).into_bytes()).collect();
    let log = log.clone();
    fleet.instance(BATCH).files.retain(|name, _| name == LOG);
    let run = analyze(&FakeAws::start(fleet), &["--instance", BATCH]);
    let report = run.json();
    assert_eq!((run.status, &report["instances"][0]["rotation"]), (3, &"required".into()), "{report:#}");
    let said = format!(
        "rds:DownloadDBLogFilePortion failed: the log did not end: the endpoint sent {} pages with",
        1_000 + log.bytes.len() / 1_024
    );
    assert!(run.err.contains(&said), "{}", run.err);
}

/// A session with TLS, as the last one of a log.
const TLS: &str = "2026-11-21 05:59:40 UTC:10.0.0.9(5):app@orders:[77]:LOG:  connection authorized: user=app database=orders \
                   SSL enabled (protocol=TLSv1.3, cipher=TLS_AES_256_GCM_SHA384, bits=256)\n";

#[test]
fn a_log_is_read_to_its_end_whatever_size_is_listed() {
    for listed in ["0", "1", "100", "1000"] {
        let mut fleet = fleet_by_portions();
        fleet.portion_lines = 5;
        let log = fleet.instance(BATCH).files.get_mut(LOG).expect("a log an hour");
        log.bytes.extend_from_slice(TLS.as_bytes());
        log.quirks.listed = Some(listed);
        let report = analyze(&FakeAws::start(fleet), &["--instance", BATCH]).json();
        let instance = &report["instances"][0];
        assert_eq!(
            (&instance["rotation"], &instance["connections"]["tls"]),
            (&"required".into(), &1.into()),
            "{listed}"
        );
    }
}

#[test]
fn a_log_without_a_valid_size_is_a_gap_until_the_list_is_right() {
    for listed in ["", "-1", "1000000000000000", "9223372036854775807"] {
        let mut fleet = small_fleet();
        fleet.instance(BATCH).files.get_mut(LOG).expect("a log an hour").quirks.listed = Some(listed);
        let home = TempDir::new().expect("a folder");
        let analyze = |fleet: Fleet| {
            let aws = FakeAws::start(fleet);
            let mut command = against(&aws, home.path());
            Run::of(command.args(["analyze", "--format", "json", "--instance", BATCH]).args(WINDOW))
        };
        let run = analyze(fleet);
        let report = run.json();
        assert_eq!((run.status, &report["instances"][0]["rotation"]), (3, &"required".into()), "{listed}: {}", run.err);
        let said = "rds:DescribeDBLogFiles failed: the list has no valid size for the log";
        assert!(run.err.contains(said) && run.err.contains(LOG), "{listed}: {}", run.err);
        let run = analyze(small_fleet());
        let report = run.json();
        assert_eq!(
            (run.status, &report["instances"][0]["rotation"]),
            (0, &"deferrable".into()),
            "{listed}: {}",
            run.err
        );
    }
}
