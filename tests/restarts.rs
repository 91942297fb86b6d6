//! Restarts settle whether sessions from before the logs may still be open: by the events of AWS alone, and only where the
//! logs show all that came after.

use std::path::Path;

use jiff::Timestamp;
use serde_json::Value;
use tempfile::TempDir;

use crate::command::{Run, against, ssl_usage};
use crate::fake_aws::{Calls, FakeAws, Fault, FaultKind, Fleet, Metric, RdsEvent};
use crate::fleet::{WINDOW, small_fleet};

/// RDS for PostgreSQL: its logs show all of the window, and no TLS.
const BATCH: &str = "reports-batch";
/// The same of Aurora PostgreSQL, and its cluster.
const AURORA: &str = "analytics-1";
const CLUSTER: &str = "analytics";

const RESTARTED: &str = "DB instance restarted";
const SHUTDOWN: &str = "DB instance shutdown";

fn time(text: &str) -> Timestamp {
    format!("2026-11-{text}:00Z").parse().expect("a time")
}

fn event(source_type: &str, source: &str, at: &str, message: &str) -> RdsEvent {
    let (source_type, source, message) = (source_type.to_owned(), source.to_owned(), message.to_owned());
    RdsEvent { source_type, source, message, categories: vec!["availability".to_owned()], date: time(at) }
}

/// Of an instance.
fn of(instance: &str, at: &str, message: &str) -> RdsEvent {
    event("db-instance", instance, at, message)
}

/// A metric that is measured twice an hour, from a day before the window on; `value` is of the time in seconds.
fn metric(of: &str, name: &str, value: impl Fn(i64) -> f64) -> Metric {
    let from = time("19T00:00").as_second();
    let sample = |half: i64| (Timestamp::from_second(from + half * 1800).expect("in range"), value(from + half * 1800));
    let (of, name, namespace) = (of.to_owned(), name.to_owned(), "AWS/RDS".to_owned());
    Metric { of, namespace, name, samples: (0..4 * 48).map(sample).collect(), status: None, message: None }
}

/// The small fleet, in which nine sessions are always open, and this happened.
fn fleet(events: Vec<RdsEvent>) -> Fleet {
    let metrics = [BATCH, AURORA].map(|instance| metric(instance, "DatabaseConnections", |_| 9.0)).to_vec();
    Fleet { metrics, events, ..small_fleet() }
}

fn analyze(aws: &FakeAws, home: &Path, instance: &str) -> Run {
    Run::of(against(aws, home).args(["analyze", "--format", "json", "--instance", instance]).args(WINDOW))
}

/// The report on an instance, of a run without an error.
fn report(fleet: Fleet, instance: &str) -> Value {
    let home = TempDir::new().expect("a folder");
    let run = analyze(&FakeAws::start(fleet), home.path(), instance);
    assert_eq!((run.status, run.err.as_str()), (0, ""), "{run:?}");
    run.json()
}

/// Usage, rotation and first reason.
fn verdict(report: &Value) -> (&str, &str, &str) {
    let instance = &report["instances"][0];
    let text = |value: &'static str| instance[value].as_str().unwrap_or_default();
    (text("usage"), text("rotation"), instance["reasons"][0]["code"].as_str().unwrap_or_default())
}

const MAY_WAIT: (&str, &str, &str) = ("not_observed", "deferrable", "only-plaintext");
const OLDER: (&str, &str, &str) = ("undetermined", "required", "older-sessions-open");

#[test]
fn a_restart_that_the_logs_cover_settles_that_no_older_session_is_open() {
    assert_eq!(verdict(&report(fleet(Vec::new()), BATCH)), OLDER);
    let restarted = report(fleet(vec![of(BATCH, "21T12:00", RESTARTED)]), BATCH);
    assert_eq!(verdict(&restarted), MAY_WAIT, "{restarted:#}");
    assert_eq!(restarted["instances"][0]["connections"]["unaccounted"], 0);
    // Without any metric, it is known all the same.
    let unmeasured = Fleet { metrics: Vec::new(), ..fleet(vec![of(BATCH, "21T12:00", RESTARTED)]) };
    let examined = report(unmeasured, BATCH);
    let blind = examined["instances"][0]["not_examined"].to_string();
    assert!(!blind.contains("opened before the logs begin"), "{blind}");
    for (events, why) in [
        (vec![of(BATCH, "19T12:00", RESTARTED)], "before the window"),
        (vec![of(BATCH, "20T00:05", RESTARTED)], "its sessions may have begun before the window"),
        (vec![of("wiki", "21T12:00", RESTARTED)], "another instance"),
        (vec![of("reports-batch-2", "21T12:00", RESTARTED)], "an instance that is gone"),
        (vec![event("db-cluster", BATCH, "21T12:00", RESTARTED)], "a cluster of that name"),
        (vec![of(BATCH, "21T12:00", "Multi-AZ instance failover started.")], "no restart"),
        (vec![of(BATCH, "21T12:00", SHUTDOWN)], "no restart either"),
    ] {
        assert_eq!(verdict(&report(fleet(events), BATCH)), OLDER, "{why}");
    }
}

#[test]
fn sessions_that_began_in_a_gap_behind_the_restart_stay_open() {
    let with_gap = |at: Option<&str>| {
        let mut fleet = fleet(at.map(|at| of(BATCH, at, RESTARTED)).into_iter().collect());
        fleet.instance(BATCH).files.retain(|name, _| !name.contains("2026-11-21-15"));
        report(fleet, BATCH)
    };
    assert_eq!(verdict(&with_gap(None)), OLDER);
    assert_eq!(verdict(&with_gap(Some("21T12:00"))), OLDER, "before the gap");
    assert_eq!(verdict(&with_gap(Some("21T16:05"))), OLDER, "its sessions may have begun in the gap");
    assert_eq!(verdict(&with_gap(Some("21T20:00"))), MAY_WAIT, "behind it");
}

#[test]
fn text_in_a_log_restarts_nothing() {
    let mut fleet = fleet(Vec::new());
    for (name, file) in &mut fleet.instance(BATCH).files {
        if name.contains("2026-11-21-12") {
            let record = |message: &str| format!("2026-11-21 12:30:00 UTC::@:[1]:LOG:  {message}\n");
            for message in ["DB instance restarted", "database system is ready to accept connections"] {
                file.bytes.extend(record(message).into_bytes());
            }
        }
    }
    assert_eq!(verdict(&report(fleet, BATCH)), OLDER);
}

#[test]
fn aurora_may_restart_and_keep_its_sessions() {
    let reboot = || vec![of(AURORA, "21T11:59", SHUTDOWN), of(AURORA, "21T12:00", RESTARTED)];
    let beside = |event: RdsEvent| reboot().into_iter().chain([event]).collect::<Vec<_>>();
    let usage = |fleet: Fleet| verdict(&report(fleet, AURORA)).0.to_owned();
    assert_eq!(usage(fleet(Vec::new())), "undetermined");
    assert_eq!(usage(fleet(reboot())), "not_observed");
    let patched = "Database cluster has been patched: source version 15.17 => 15.18";
    for event in [
        of(AURORA, "21T12:01", "Zero-downtime restart finished in 2 seconds: 9 connections preserved"),
        event("db-cluster", CLUSTER, "21T13:30", patched),
    ] {
        assert_eq!(usage(fleet(beside(event.clone()))), "undetermined", "{event:?}");
    }
    assert_eq!(usage(fleet(beside(event("db-cluster", CLUSTER, "22T12:00", patched)))), "not_observed", "a day later");
    assert_eq!(
        usage(fleet(beside(event("db-cluster", "catalog", "21T12:00", patched)))),
        "not_observed",
        "another one"
    );
}

#[test]
fn an_uptime_proves_no_restart_but_may_refute_one() {
    let reboot = || vec![of(AURORA, "21T11:59", SHUTDOWN), of(AURORA, "21T12:00", RESTARTED)];
    let usage = |events: Vec<RdsEvent>, started: &str| {
        let mut fleet = fleet(events);
        let started = time(started).as_second();
        let uptime = move |at: i64| if at < started { 9e6 } else { (at - started) as f64 };
        fleet.metrics.push(metric(AURORA, "EngineUptime", uptime));
        verdict(&report(fleet, AURORA)).0.to_owned()
    };
    assert_eq!(usage(reboot(), "21T11:59"), "not_observed");
    assert_eq!(usage(reboot(), "20T08:00"), "undetermined", "it was up all the time");
    assert_eq!(usage(Vec::new(), "21T11:59"), "undetermined", "Aurora may have kept the sessions");
}

#[test]
fn events_that_cannot_be_asked_are_an_error_and_settle_nothing() {
    for (kind, says) in [
        (
            FaultKind::AccessDenied,
            "rds:DescribeEvents failed: AWS denied the call. Grant the permission rds:DescribeEvents",
        ),
        (FaultKind::Result(""), "rds:DescribeEvents failed: the response contains no list"),
    ] {
        let home = TempDir::new().expect("a folder");
        let aws = FakeAws::start(fleet(vec![of(BATCH, "21T12:00", RESTARTED)]));
        aws.fault(Fault::new(kind).on("DescribeEvents").at(Calls::Every));
        let run = analyze(&aws, home.path(), BATCH);
        assert_eq!((run.status, verdict(&run.json())), (3, OLDER), "{run:?}");
        assert!(run.err.contains(says), "{}", run.err);
        assert_eq!(run.json()["errors"].as_array().map(Vec::len), Some(1), "{run:?}");
    }
    // Nothing else depends on them.
    let home = TempDir::new().expect("a folder");
    let aws = FakeAws::start(small_fleet());
    aws.fault(Fault::new(FaultKind::Result("")).on("DescribeEvents").at(Calls::Every));
    let run = analyze(&aws, home.path(), BATCH);
    assert_eq!((run.status, verdict(&run.json())), (3, MAY_WAIT), "{run:?}");
}

#[test]
fn a_restart_of_long_ago_is_known_from_an_earlier_collection() {
    let home = TempDir::new().expect("a folder");
    let run = |command: &mut std::process::Command, arguments: &[&str]| {
        let run = Run::of(command.current_dir(home.path()).args(arguments).args(WINDOW));
        assert_eq!(run.status, 0, "{run:?}");
        run
    };
    let collect = |events: Vec<RdsEvent>, bundle: &str| {
        run(&mut against(&FakeAws::start(fleet(events)), home.path()), &["collect", "-o", bundle, "--instance", BATCH]);
    };
    let judge = |bundles: &[&str]| {
        let from = bundles.iter().flat_map(|bundle| ["--from", bundle]);
        let arguments: Vec<&str> = ["analyze", "--format", "json"].into_iter().chain(from).collect();
        run(&mut ssl_usage(home.path()), &arguments).json()
    };
    collect(vec![of(BATCH, "21T12:00", RESTARTED)], "both");
    // AWS has forgotten it.
    collect(Vec::new(), "both");
    collect(Vec::new(), "without");
    collect(vec![of(BATCH, "21T12:00", RESTARTED)], "with");
    assert_eq!(verdict(&judge(&["both"])), MAY_WAIT);
    assert_eq!(verdict(&judge(&["without"])), OLDER);
    let united = judge(&["without", "with"]);
    assert_eq!(verdict(&united), MAY_WAIT);
    assert_eq!(judge(&["with", "without", "with"]), united, "in any order, however often");
    let compacted = Run::of(ssl_usage(home.path()).current_dir(home.path()).args(["compact", "both"]));
    assert_eq!(compacted.status, 0, "{compacted:?}");
    assert_eq!(verdict(&judge(&["both"])), MAY_WAIT, "compaction keeps it");
}

#[test]
fn long_lists_of_events_are_read_to_their_end() {
    let mut events: Vec<_> = (0..300).map(|_| of(BATCH, "20T10:00", "Finished DB Instance backup")).collect();
    events.push(of(BATCH, "21T12:00", RESTARTED));
    let home = TempDir::new().expect("a folder");
    let aws = FakeAws::start(fleet(events));
    let run = analyze(&aws, home.path(), BATCH);
    assert_eq!(verdict(&run.json()), MAY_WAIT, "{run:?}");
    let asked = aws.calls().into_iter().filter(|call| call.action == "DescribeEvents");
    assert_eq!(asked.count(), 4, "three pages and the last; none of clusters for an instance that stands alone");
}
