//! What AWS can do to a run, and what the user then sees: the report of a clean run, or a named hole; never a smaller
//! fleet, a shorter log or a milder verdict.

use serde_json::Value;
use tempfile::TempDir;

use crate::command::{Run, against, aloud};
use crate::fake_aws::{Calls, FakeAws, Fault, FaultKind, Fleet, LogFile};
use crate::fleet::{WINDOW, fleet_by_portions, small_fleet};

/// Runs `analyze` on one instance, or on all.
fn analyze(aws: &FakeAws, instance: Option<&str>) -> Run {
    let home = TempDir::new().expect("a folder");
    let mut command = against(aws, home.path());
    command.args(["analyze", "--format", "json"]).args(WINDOW);
    if let Some(instance) = instance {
        command.args(["--instance", instance]);
    }
    Run::of(&mut command)
}

/// The small fleet without its logs, for tests that are not about logs.
fn fleet_without_logs() -> Fleet {
    let mut fleet = small_fleet();
    for instance in &mut fleet.instances {
        instance.files.clear();
    }
    fleet
}

fn only(report: &Value) -> &Value {
    assert_eq!(report["instances"].as_array().map(Vec::len), Some(1), "{report:#}");
    &report["instances"][0]
}

fn reasons(instance: &Value) -> Vec<&str> {
    instance["reasons"].as_array().expect("reasons").iter().filter_map(|reason| reason["code"].as_str()).collect()
}

#[test]
fn trouble_that_passes_changes_nothing() {
    let clean = analyze(&FakeAws::start(fleet_by_portions()), Some("reports-batch"));
    assert_eq!(clean.status, 0, "{clean:?}");
    let troubles = [
        ("DescribeDBInstances", FaultKind::Throttle),
        ("DescribeDBParameters", FaultKind::ServiceUnavailable),
        ("DescribeDBEngineVersions", FaultKind::InternalError),
        ("DescribeCertificates", FaultKind::CutXml(0.5)),
        ("DescribeDBLogFiles", FaultKind::CutXml(0.7)),
        ("DownloadDBLogFilePortion", FaultKind::Reset),
        ("DownloadDBLogFilePortion", FaultKind::CutXml(0.4)),
        ("DownloadDBLogFilePortion", FaultKind::CutBody),
    ];
    for (action, kind) in troubles {
        let aws = FakeAws::start(fleet_by_portions());
        let shown = format!("{action} {kind:?}");
        aws.fault(Fault::new(kind).on(action).at(Calls::First(1)));
        let run = analyze(&aws, Some("reports-batch"));
        assert_eq!(run.status, 0, "{shown}: {run:?}");
        assert_eq!(run.json(), clean.json(), "{shown}");
    }
}

#[test]
fn throttling_as_aws_does_it_changes_nothing_but_the_pace() {
    let clean = analyze(&FakeAws::start(small_fleet()), Some("reports-batch"));
    let aws = FakeAws::start(small_fleet());
    aws.limit("DownloadCompleteDBLogFile", 10.0);
    let run = analyze(&aws, Some("reports-batch"));
    assert_eq!((run.status, run.json()), (0, clean.json()), "{}", run.err);
    let downloads = aws.calls().into_iter().filter(|call| call.action == "DownloadCompleteDBLogFile").count();
    assert!((73..140).contains(&downloads), "{downloads} calls for 72 logs");
    let home = TempDir::new().expect("a folder");
    let mut command = aloud(&aws, home.path());
    let run = Run::of(command.args(["-vv", "analyze", "--instance", "reports-batch"]).args(WINDOW));
    let listed = |part: &str| run.err.lines().filter(|line| line.contains(part)).count();
    let retries = listed(" DownloadCompleteDBLogFile was throttled, next attempt in ");
    assert!(retries > 0 && listed(" rds:DownloadCompleteDBLogFile eu-west-1 ") >= 72 + retries, "{}", run.err);
    let counted = if retries == 1 { "(1 retry)".to_owned() } else { format!("({retries} retries)") };
    assert!(run.err.contains(&counted), "{counted}: {}", run.err);
}

#[test]
fn only_logs_that_were_read_are_counted() {
    let aws = FakeAws::start(small_fleet());
    for action in ["DownloadCompleteDBLogFile", "DownloadDBLogFilePortion"] {
        aws.fault(Fault::new(FaultKind::AccessDenied).on(action).at(Calls::Every));
    }
    let home = TempDir::new().expect("a folder");
    let run = Run::of(aloud(&aws, home.path()).args(["analyze", "--instance", "reports-batch"]).args(WINDOW));
    assert!(run.status == 3 && run.err.contains("Collected 1 instance: no new logs, "), "{run:?}");
    let said = run.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains(" and 68 more (account 123456789012; region eu-west-1): "), "{said}");
}

#[test]
fn an_answer_that_is_always_cut_is_an_error_and_not_a_smaller_fleet() {
    let aws = FakeAws::start(fleet_without_logs());
    aws.fault(Fault::new(FaultKind::CutXml(0.5)).on("DescribeDBInstances").at(Calls::Every));
    let run = analyze(&aws, None);
    assert_eq!(run.status, 1, "{run:?}");
    assert!(run.err.contains("rds:DescribeDBInstances failed: the response was truncated"), "{}", run.err);
    let report = run.json();
    assert_eq!(report["errors"][0]["call"], "rds:DescribeDBInstances", "an empty report says why: {report:#}");
}

#[test]
fn every_page_of_every_list_is_read() {
    let mut fleet = fleet_without_logs();
    fleet.page_records = Some(1);
    let aws = FakeAws::start(fleet);
    let run = analyze(&aws, None);
    assert_eq!(run.json()["instances"].as_array().map(Vec::len), Some(small_fleet().instances.len()), "{run:?}");
    assert_eq!(run.json()["summary"]["optional"], 8, "certificates, parameters and clusters too: {run:?}");
}

#[test]
fn a_denied_call_names_its_permission_and_the_rest_is_reported() {
    for (action, permission) in [
        ("DescribeDBParameters", "rds:DescribeDBParameters"),
        ("DescribeDBLogFiles", "rds:DescribeDBLogFiles"),
        ("DownloadDBLogFilePortion", "rds:DownloadDBLogFilePortion"),
        ("DescribeCertificates", "rds:DescribeCertificates"),
        ("DescribeDBEngineVersions", "rds:DescribeDBEngineVersions"),
        ("DescribePendingMaintenanceActions", "rds:DescribePendingMaintenanceActions"),
    ] {
        let aws = FakeAws::start(fleet_by_portions());
        aws.fault(Fault::new(FaultKind::AccessDenied).on(action).at(Calls::Every));
        let run = analyze(&aws, Some("reports-batch"));
        assert_eq!(run.status, 3, "{action}: {run:?}");
        assert!(run.err.contains(&format!("Grant the permission {permission}")), "{action}: {}", run.err);
        let report = run.json();
        let instance = only(&report);
        assert_ne!(instance["rotation"], "optional", "{action}: {instance:#}");
        let still_proven = ["DescribeCertificates", "DescribeDBEngineVersions", "DescribePendingMaintenanceActions"];
        let expected = if still_proven.contains(&action) { "deferrable" } else { "required" };
        assert_eq!(instance["rotation"], expected, "{action}: {instance:#}");
    }
}

#[test]
fn one_instance_whose_logs_cannot_be_read_does_not_take_the_others_down() {
    let aws = FakeAws::start(fleet_by_portions());
    aws.fault(Fault::new(FaultKind::AccessDenied).on("DownloadDBLogFilePortion").of("reports-batch").at(Calls::Every));
    let run = analyze(&aws, None);
    assert_eq!(run.status, 3, "{run:?}");
    let report = run.json();
    let rotation = |name: &str| {
        let instances = report["instances"].as_array().expect("instances").iter();
        instances.filter(|instance| instance["instance"] == name).map(|found| found["rotation"].clone()).next_back()
    };
    assert_eq!(rotation("reports-batch"), Some(Value::from("required")));
    assert_eq!(rotation("orders-prod"), Some(Value::from("required")));
    assert_eq!(rotation("wiki"), Some(Value::from("optional")));
}

/// What a test makes of the fleet.
type Quirk = fn(&mut Fleet);

#[test]
fn the_download_apis_quirks_change_nothing() {
    let clean = analyze(&FakeAws::start(fleet_by_portions()), Some("reports-batch")).json();
    let quirks: [(&str, Quirk); 5] = [
        ("small pages", |fleet| fleet.portion_lines = 7),
        ("pages that are cut at the byte", |fleet| fleet.portion_bytes = 700),
        ("pages that overlap", |fleet| {
            fleet.portion_lines = 7;
            each_file(fleet, |file| file.quirks.overlap = 300);
        }),
        ("an end that is said too early", |fleet| {
            fleet.portion_lines = 7;
            each_file(fleet, |file| file.quirks.pending_lies = true);
        }),
        ("an end that never comes", |fleet| each_file(fleet, |file| file.quirks.never_ends = true)),
    ];
    for (name, change) in quirks {
        let mut fleet = fleet_by_portions();
        change(&mut fleet);
        let run = analyze(&FakeAws::start(fleet), Some("reports-batch"));
        assert_eq!(run.status, 0, "{name}: {run:?}");
        assert_eq!(run.json(), clean, "{name}");
    }
}

fn each_file(fleet: &mut Fleet, change: fn(&mut LogFile)) {
    fleet.instance("reports-batch").files.values_mut().for_each(change);
}

const LOG: &str = "error/postgresql.log.2026-11-21-05";

#[test]
fn a_log_that_vanishes_while_it_is_read_is_a_gap() {
    let mut fleet = fleet_by_portions();
    fleet.portion_lines = 7;
    // What is left after them is too short to be judged.
    for hour in 0..8 {
        let name = format!("error/postgresql.log.2026-11-22-0{hour}");
        let file = fleet.instance("reports-batch").files.get_mut(&name).expect("a log an hour");
        file.quirks.vanishes_after = Some(1);
    }
    let run = analyze(&FakeAws::start(fleet), Some("reports-batch"));
    assert_eq!(run.status, 3, "{run:?}");
    let report = run.json();
    let instance = only(&report);
    assert_eq!((&instance["rotation"], &instance["unproven"]), (&"required".into(), &true.into()), "{instance:#}");
    assert_eq!(instance["coverage"]["gaps"][0]["cause"], "vanished", "{instance:#}");
    assert_eq!(instance["coverage"]["longest_gap_seconds"], 8 * 3600, "{instance:#}");
}

#[test]
fn a_log_of_which_bytes_are_missing_is_a_gap() {
    let mut fleet = fleet_by_portions();
    let file = fleet.instance("reports-batch").files.get_mut(LOG).expect("there");
    file.quirks.pending_lies = true;
    let aws = FakeAws::start(fleet);
    // What is served for ever after is empty, while the listing promises more.
    aws.fault(Fault::new(FaultKind::EmptyBody).on("DownloadDBLogFilePortion").of(LOG).at(Calls::Every));
    let run = analyze(&aws, Some("reports-batch"));
    assert_eq!(run.status, 3, "{run:?}");
    let report = run.json();
    assert_eq!(only(&report)["coverage"]["files_failed"], 1, "{report:#}");
}

#[test]
fn one_tls_session_in_a_log_that_breaks_off_is_still_evidence() {
    let mut fleet = fleet_by_portions();
    fleet.portion_lines = 20;
    let file = fleet.instance("orders-legacy").files.get_mut("error/postgresql.log.2026-11-22-02").expect("there");
    file.quirks.vanishes_after = Some(2);
    let run = analyze(&FakeAws::start(fleet), Some("orders-legacy"));
    assert!(reasons(only(&run.json())).contains(&"tls-connections"), "{run:?}");
}

#[test]
fn what_was_collected_is_not_read_again_and_what_is_new_is() {
    let home = TempDir::new().expect("a folder");
    let aws = FakeAws::start(fleet_by_portions());
    let collect = || {
        let mut command = against(&aws, home.path());
        command.args(["collect", "-o", "bundle", "--instance", "reports-batch"]).args(WINDOW).current_dir(home.path());
        let before = downloads(&aws);
        let run = Run::of(&mut command);
        assert_eq!((run.status, run.out.as_str()), (0, ""), "{run:?}");
        downloads(&aws) - before
    };
    assert_eq!(collect(), 72, "a page an hour");
    assert_eq!(collect(), 0, "all of it is known");
    aws.set(|fleet| {
        let files = &mut fleet.instance("reports-batch").files;
        let mut more = files[LOG].bytes.clone();
        more.extend_from_slice(b"2026-11-21 05:59:59 UTC:10.0.0.9(5):app@orders:[77]:LOG:  connection authorized: user=app database=orders SSL enabled (protocol=TLSv1.3, cipher=TLS_AES_256_GCM_SHA384, bits=256)\n");
        files.insert(LOG.to_owned(), LogFile::new(more, 1_795_238_399_000));
    });
    assert_eq!(collect(), 1, "one log has grown");
    let mut command = against(&aws, home.path());
    command.args(["analyze", "--from", "bundle", "--format", "json"]).args(WINDOW).current_dir(home.path());
    let report = Run::of(&mut command).json();
    let connections = &only(&report)["connections"];
    assert_eq!((&connections["tls"], &connections["plaintext"]), (&1.into(), &219.into()), "no log counts twice");
}

fn downloads(aws: &FakeAws) -> usize {
    aws.calls().iter().filter(|call| call.action == "DownloadDBLogFilePortion").count()
}

#[test]
fn credentials_that_are_missing_expired_or_wrong_say_what_to_do() {
    let aws = FakeAws::start(fleet_without_logs());
    let home = TempDir::new().expect("a folder");
    let mut command = against(&aws, home.path());
    command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY").args(["analyze"]).args(WINDOW);
    let run = Run::of(&mut command);
    assert_eq!((run.status, run.out.as_str()), (1, ""), "{run:?}");
    assert!(run.err.contains("there are no AWS credentials") && run.err.contains("aws configure sso"), "{}", run.err);
    assert_eq!(run.err.lines().count(), 1, "{}", run.err);

    aws.fault(Fault::new(FaultKind::ExpiredToken).at(Calls::Every));
    let run = analyze(&aws, None);
    assert_eq!(run.status, 1, "{run:?}");
    assert!(run.err.contains("the AWS credentials have expired. Sign in again"), "{}", run.err);

    let aws = FakeAws::start(fleet_without_logs());
    aws.fault(Fault::new(FaultKind::RequestExpired).at(Calls::Every));
    let run = analyze(&aws, None);
    assert_eq!(run.status, 1, "{run:?}");
    assert!(run.err.contains("AWS rejected the time of the signature. Correct the clock"), "{}", run.err);
}

#[test]
fn a_format_that_is_said_is_taken_and_what_is_not_of_it_is_a_gap() {
    let run = |format: &str| {
        let (aws, home) = (FakeAws::start(small_fleet()), TempDir::new().expect("a folder"));
        let mut command = against(&aws, home.path());
        command.args(["analyze", "--format", "json", "--instance", "reports-batch", "--log-format", format]);
        Run::of(command.args(WINDOW))
    };
    let (right, wrong) = (run("stderr"), run("csvlog"));
    assert_eq!(only(&right.json())["rotation"], "deferrable", "{}", right.err);
    assert_eq!(wrong.status, 3, "{}", wrong.err);
    assert_eq!(only(&wrong.json())["rotation"], "required", "{}", wrong.err);
}

#[test]
fn more_logs_than_a_page_lists_are_all_read() {
    let mut fleet = fleet_without_logs();
    let now = fleet.now.as_millisecond();
    let files = &mut fleet.instance("reports-batch").files;
    for number in 0..1200 {
        let text = format!(
            "2026-11-22 23:{:02}:{:02} UTC:10.0.0.1(4711):app@shop:[{number}]:LOG:  connection authorized: user=app database=shop\n",
            number / 60,
            number % 60
        );
        files.insert(format!("error/postgresql.log.{number:04}"), LogFile::new(text, now));
    }
    let run = analyze(&FakeAws::start(fleet), Some("reports-batch"));
    let report = run.json();
    let instance = only(&report);
    assert_eq!((&instance["connections"]["plaintext"], &instance["coverage"]["files"]), (&1200.into(), &1200.into()));
}

#[test]
fn an_endpoint_that_does_not_answer_is_an_error_of_the_network() {
    let home = TempDir::new().expect("a folder");
    let mut command = crate::command::ssl_usage(home.path());
    let run = Run::of(command.args(["analyze"]).args(WINDOW));
    assert_eq!((run.status, run.out.as_str()), (1, ""), "{run:?}");
    let said =
        "eu-west-1: rds:DescribeDBInstances failed: the endpoint 127.0.0.1:1 refused the connection. Check the network";
    assert!(run.err.contains(said), "{}", run.err);
}

#[test]
fn an_instance_that_does_not_exist_is_named_and_the_others_are_reported() {
    let aws = FakeAws::start(fleet_without_logs());
    let run = analyze(&aws, Some("nowhere"));
    assert_eq!(run.status, 1, "{run:?}");
    assert!(
        run.err.contains(
            "nowhere: the instance does not exist in account 123456789012, region eu-west-1. Check the identifier"
        ),
        "{}",
        run.err
    );
    let home = TempDir::new().expect("a folder");
    let mut command = against(&aws, home.path());
    command.args(["analyze", "--format", "json", "--instance", "nowhere", "--instance", "wiki"]).args(WINDOW);
    let run = Run::of(&mut command);
    assert_eq!(run.status, 3, "{run:?}");
    assert_eq!(only(&run.json())["instance"], "wiki");
}

#[test]
fn instances_are_chosen_by_wildcards_live_and_from_a_bundle() {
    let aws = FakeAws::start(fleet_without_logs());
    let home = TempDir::new().expect("a folder");
    let run = |from: &[&str], names: &[&str]| {
        let mut command = against(&aws, home.path());
        command.args(["analyze", "--format", "json"]).args(WINDOW).args(from).current_dir(home.path());
        Run::of(command.args(names.iter().flat_map(|name| ["--instance", name])))
    };
    let found = |run: &Run| -> Vec<String> {
        let (report, text) = (run.json(), |row: &Value| row["instance"].as_str().expect("text").to_owned());
        report["instances"].as_array().expect("instances").iter().map(text).collect()
    };
    let all = found(&run(&["--bundle", "evidence"], &[]));
    for from in [["--bundle", "other"], ["--from", "evidence"]] {
        let named = run(&from, &["orders-*", "w?ki"]);
        let due: Vec<_> = all.iter().filter(|name| name.starts_with("orders-") || *name == "wiki").cloned().collect();
        assert!(due.len() > 2 && named.status == 0, "{named:?}");
        assert_eq!(found(&named), due);
        let partly = run(&from, &["orders-*", "nowhere-*"]);
        assert_eq!(
            (partly.status, partly.json()["errors"][0]["subject"].as_str()),
            (3, Some("nowhere-*")),
            "{partly:?}"
        );
        let none = run(&from, &["nowhere-*"]);
        assert_eq!((none.status, none.json()["instances"].as_array().map(Vec::len)), (1, Some(0)), "{none:?}");
        assert!(none.err.contains("nowhere-*: no instance") && none.err.contains("matches. "), "{}", none.err);
    }
}

#[test]
fn a_region_that_cannot_be_asked_does_not_take_the_other_down() {
    let aws = FakeAws::start(fleet_without_logs());
    aws.fault(Fault::new(FaultKind::AccessDenied).in_region("us-east-1").at(Calls::Every));
    let home = TempDir::new().expect("a folder");
    let mut command = against(&aws, home.path());
    command.args(["analyze", "--format", "json", "--region", "us-east-1", "--region", "eu-west-1"]).args(WINDOW);
    let run = Run::of(&mut command);
    assert_eq!(run.status, 3, "{run:?}");
    let report = run.json();
    assert_eq!(report["instances"].as_array().map(Vec::len), Some(small_fleet().instances.len()), "{report:#}");
    assert_eq!(report["errors"][0]["subject"], "us-east-1", "{report:#}");
}

#[test]
fn a_parameter_that_waits_for_a_restart_proves_nothing() {
    let mut fleet = fleet_without_logs();
    fleet.instance("scratch").parameter_status = "applying".to_owned();
    let run = analyze(&FakeAws::start(fleet), Some("scratch"));
    let report = run.json();
    let instance = only(&report);
    assert_eq!(instance["rotation"], "required", "ssl=0 is not in effect: {instance:#}");
    assert!(reasons(instance).contains(&"logging-unknown"), "{instance:#}");
}

#[test]
fn tls_on_an_instance_that_switches_it_off_is_believed() {
    let mut fleet = small_fleet();
    let logs = fleet.instance("orders-prod").files.clone();
    fleet.instance("scratch").files = logs;
    let report = analyze(&FakeAws::start(fleet), Some("scratch")).json();
    let instance = only(&report);
    assert_eq!((&instance["usage"], &instance["rotation"]), (&"in_use".into(), &"required".into()), "{instance:#}");
    assert!(reasons(instance).contains(&"tls-despite-switch"), "{instance:#}");
}

/// A session with TLS, as PostgreSQL 15 logs it with RDS's prefix.
const TLS: &str = "2026-11-21 05:59:40 UTC:10.0.0.9(5):app@orders:[77]:LOG:  connection authorized: user=app database=orders application_name=x SSL enabled (protocol=TLSv1.3, cipher=TLS_AES_256_GCM_SHA384, bits=256)\n";

fn append(fleet: &mut Fleet, instance: &str, log: &str, text: &[u8]) {
    fleet.instance(instance).files.get_mut(log).expect("a log an hour").bytes.extend_from_slice(text);
}

#[test]
fn a_rotation_that_aws_may_have_scheduled_is_not_optional() {
    let mut fleet = fleet_without_logs();
    fleet.instance("orders-prod").cert_valid_till = Some("2028-05-10T00:00:00Z".parse().expect("a time"));
    let aws = FakeAws::start(fleet);
    aws.fault(Fault::new(FaultKind::AccessDenied).on("DescribePendingMaintenanceActions").at(Calls::Every));
    assert_eq!(only(&analyze(&aws, Some("orders-prod")).json())["rotation"], "required");
}

#[test]
fn logs_that_could_not_be_read_are_no_evidence_however_few_they_are() {
    let aws = FakeAws::start(fleet_by_portions());
    // Three hours of seventy-two: all that show the one client with TLS.
    for day in 20..23 {
        for ending in ["", ".csv"] {
            let log = format!("error/postgresql.log.2026-11-{day}-02{ending}");
            aws.fault(Fault::new(FaultKind::AccessDenied).on("DownloadDBLogFilePortion").of(log).at(Calls::Every));
        }
    }
    let report = analyze(&aws, Some("orders-legacy")).json();
    let instance = only(&report);
    assert_eq!((&instance["connections"]["tls"], &instance["rotation"]), (&0.into(), &"required".into()));
    assert!(reasons(instance).contains(&"logs-incomplete"), "{instance:#}");
}

#[test]
fn a_line_too_long_for_a_page_does_not_swallow_the_next() {
    let mut fleet = fleet_by_portions();
    fleet.portion_bytes = 20_000;
    let long = format!("2026-11-21 05:59:30 UTC:10.0.0.9(5):app@orders:[70]:LOG:  statement: {}\n", "y".repeat(30_000));
    append(&mut fleet, "reports-batch", LOG, long.as_bytes());
    append(&mut fleet, "reports-batch", LOG, TLS.as_bytes());
    let report = analyze(&FakeAws::start(fleet), Some("reports-batch")).json();
    assert_eq!(only(&report)["connections"]["tls"], 1, "{report:#}");
}

#[test]
fn a_record_that_is_cut_at_the_end_of_a_log_is_not_no_tls() {
    let mut fleet = small_fleet();
    append(&mut fleet, "reports-batch", LOG, TLS.get(..TLS.len() - 30).expect("longer").as_bytes());
    let report = analyze(&FakeAws::start(fleet), Some("reports-batch")).json();
    assert_eq!(only(&report)["rotation"], "required", "{report:#}");
}

#[test]
fn a_time_that_a_client_wrote_covers_nothing() {
    let mut fleet = small_fleet();
    let forged = "2026-11-22 23:59:59 UTC:10.0.0.9(6):x@db:[9]:ERROR:  syntax error at end of input\n";
    append(&mut fleet, "warehouse-gap", "error/postgresql.log.2026-11-21-09", forged.as_bytes());
    let report = analyze(&FakeAws::start(fleet), Some("warehouse-gap")).json();
    // The gap is there, and only what comes after it is judged.
    let judged = only(&report)["coverage"]["judged"]["from"].as_str().expect("a part is judged");
    assert!(judged > "2026-11-21T10:00:00Z", "{report:#}");
}

#[test]
fn a_setting_that_was_changed_does_not_stretch_hourly_logs_over_a_gap() {
    let mut fleet = small_fleet();
    for group in fleet.parameter_groups.iter_mut().filter(|group| group.name == "pg15-logged") {
        let age = group.parameters.iter_mut().find(|parameter| parameter.name == "log_rotation_age");
        age.expect("set").value = Some("1440".to_owned());
    }
    let report = analyze(&FakeAws::start(fleet), Some("warehouse-gap")).json();
    // The gap is there, and only what comes after it is judged.
    let judged = only(&report)["coverage"]["judged"]["from"].as_str().expect("a part is judged");
    assert!(judged > "2026-11-21T10:00:00Z", "{report:#}");
}

#[test]
fn names_in_another_zone_than_the_records_are_not_believed() {
    let mut fleet = small_fleet();
    let instance = fleet.instance("reports-batch");
    // Each log under the name of the next hour, as a server at UTC+1 names it; the last two cannot be read.
    let old = std::mem::take(&mut instance.files);
    for (name, file) in old.into_iter().filter(|(name, _)| name.starts_with("error/")) {
        let (day, hour): (u32, u32) = (name[29..31].parse().expect("a day"), name[32..34].parse().expect("an hour"));
        let (day, hour) = if hour == 23 { (day + 1, 0) } else { (day, hour + 1) };
        if (day, hour) < (22, 12) {
            instance.files.insert(format!("error/postgresql.log.2026-11-{day:02}-{hour:02}"), file);
        }
    }
    let report = analyze(&FakeAws::start(fleet), Some("reports-batch")).json();
    let gaps = only(&report)["coverage"]["gaps"].as_array().expect("gaps").clone();
    let last = gaps.last().expect("the end of the window was not seen");
    assert!(last["from"].as_str() < Some("2026-11-22T11:00:01Z"), "the hours are the records': {gaps:?}");
}

#[test]
fn of_two_forms_of_a_log_the_one_that_shows_tls_is_believed() {
    let mut fleet = fleet_by_portions();
    fleet.portion_lines = 4;
    let stderr = fleet.instance("reports-batch").files.get_mut(LOG).expect("a log an hour");
    stderr.bytes.splice(0..0, TLS.replace("05:59:40", "05:00:01").into_bytes());
    stderr.quirks.vanishes_after = Some(1);
    // The csv form begins in the middle of the hour, and shows more sessions than came of the other.
    let csv: String = (0..6)
        .map(|minute| format!("2026-11-21 05:3{minute}:00.000 UTC,\"app\",\"orders\",{minute},\"10.99.0.11:5\",6affa9b0.{minute},2,\"authentication\",2026-11-21 05:30:16 UTC,2/13,0,LOG,00000,\"connection authorized: user=app database=orders application_name=a\",,,,,,,,,\"\",\"client backend\",,0\n"))
        .collect();
    fleet.instance("reports-batch").files.insert(format!("{LOG}.csv"), LogFile::new(csv, 1_795_238_399_000));
    let report = analyze(&FakeAws::start(fleet), Some("reports-batch")).json();
    assert_eq!(only(&report)["usage"], "in_use", "{report:#}");
}

#[test]
fn an_earlier_run_does_not_hide_the_errors_of_this_one() {
    let home = TempDir::new().expect("a folder");
    let aws = FakeAws::start(small_fleet());
    let run = |now: &str| {
        let mut command = against(&aws, home.path());
        command.args(["analyze", "--format", "json", "--instance", "reports-batch", "--days", "3", "--now", now]);
        Run::of(&mut command)
    };
    assert_eq!(run("2026-11-23T00:00:00Z").status, 0);
    aws.fault(Fault::new(FaultKind::AccessDenied).on("DescribeDBLogFiles").at(Calls::Every));
    assert_eq!(run("2026-11-22T23:00:00Z").status, 3);
}

#[test]
fn logs_that_cannot_be_listed_are_a_gap_with_its_cause_until_they_can() {
    let home = TempDir::new().expect("a folder");
    let aws = FakeAws::start(small_fleet());
    let run = |now: &str| {
        let mut command = against(&aws, home.path());
        command.args(["collect", "--instance", "reports-batch", "--days", "3", "--now", now, "-o"]);
        let status = Run::of(command.arg(home.path().join("evidence"))).status;
        let mut command = crate::command::ssl_usage(home.path());
        command.args(["analyze", "--format", "json", "--days", "3", "--now", now, "--from"]);
        let report = Run::of(command.arg(home.path().join("evidence"))).json();
        (status, only(&report).clone())
    };
    let (status, before) = run("2026-11-22T22:00:00Z");
    assert_eq!((status, &before["rotation"]), (0, &"deferrable".into()), "{before:#}");
    aws.fault(Fault::new(FaultKind::AccessDenied).on("DescribeDBLogFiles").at(Calls::First(1)));
    let (status, denied) = run("2026-11-23T00:00:00Z");
    let gaps = denied["coverage"]["gaps"].as_array().expect("gaps");
    let tail = gaps.last().expect("a gap");
    assert_eq!(
        (status, &tail["cause"], &tail["to"]),
        (3, &"denied".into(), &"2026-11-23T00:00:00Z".into()),
        "{denied:#}"
    );
    assert_eq!((&denied["rotation"], &denied["unproven"]), (&"required".into(), &true.into()), "{denied:#}");
    let (status, after) = run("2026-11-23T00:01:00Z");
    assert_eq!((status, &after["rotation"]), (0, &"deferrable".into()), "{after:#}");
    assert!(denied["coverage"]["share"].as_f64() < after["coverage"]["share"].as_f64(), "{denied:#}");
}

#[test]
fn thousands_of_logs_are_added_up_in_no_time() {
    let mut fleet = small_fleet();
    let text = "2026-11-21 12:00:00 UTC:10.99.0.11(39531):app@orders:[21833]:LOG:  connection authorized: user=app database=orders application_name=orders-api\n";
    let instance = fleet.instance("reports-batch");
    instance.files.clear();
    for minute in 0..1200 {
        let name = format!("error/postgresql.log.2026-11-21-{:02}{:02}", minute / 60, minute % 60);
        instance.files.insert(name, LogFile::new(text, 1_795_238_399_000));
    }
    let report = analyze(&FakeAws::start(fleet), Some("reports-batch")).json();
    assert_eq!(only(&report)["connections"]["plaintext"], 1200);
}
