//! What CloudWatch's metrics do to a verdict: they show TLS, or that something may hide. They never make it milder, and
//! an answer that is missing, cut or denied is never zero.

use std::fs;
use std::path::Path;

use aws_sdk_cloudwatch::error::ProvideErrorMetadata;
use aws_sdk_cloudwatch::operation::get_metric_data::builders::GetMetricDataFluentBuilder;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, Metric as ApiMetric, MetricDataQuery, MetricStat};
use jiff::Timestamp;
use serde_json::Value;
use tempfile::TempDir;

use crate::command::{Run, against, ssl_usage};
use crate::fake_aws::{Call, Calls, FakeAws, Fault, FaultKind, Fleet, Metric, Proxy};
use crate::fleet::{WINDOW, small_fleet};

/// The one of the small fleet that may wait: its logs show all of the window, and no TLS.
const BATCH: &str = "reports-batch";

/// Hours of the window.
const HOURS: i64 = 72;

/// A metric that is measured twice an hour; `value` is of the hour of the window, from 0.
fn metric(of: &str, name: &str, value: impl Fn(i64) -> f64) -> Metric {
    let from = "2026-11-20T00:00:00Z".parse::<Timestamp>().expect("a time").as_second();
    let at = |half: i64| Timestamp::from_second(from + half * 1800).expect("in range");
    // From before the window on.
    let samples = (-20..2 * HOURS).map(|half| (at(half), value(half.div_euclid(2)))).collect();
    let (of, name, namespace) = (of.to_owned(), name.to_owned(), "AWS/RDS".to_owned());
    Metric { of, namespace, name, samples, status: None, message: None }
}

fn fleet(metrics: Vec<Metric>) -> Fleet {
    Fleet { metrics, ..small_fleet() }
}

fn analyze(aws: &FakeAws, home: &Path) -> Run {
    Run::of(against(aws, home).args(["analyze", "--format", "json", "--instance", BATCH]).args(WINDOW))
}

fn report(fleet: Fleet) -> Value {
    let home = TempDir::new().expect("a folder");
    let run = analyze(&FakeAws::start(fleet), home.path());
    assert_eq!((run.status, run.err.as_str()), (0, ""), "{run:?}");
    run.json()
}

/// Usage, rotation and first reason.
fn verdict(report: &Value) -> (&str, &str, &str) {
    let instance = &report["instances"][0];
    let text = |value: &'static str| instance[value].as_str().unwrap_or_default();
    (text("usage"), text("rotation"), instance["reasons"][0]["code"].as_str().unwrap_or_default())
}

fn reason<'r>(report: &'r Value, code: &str) -> &'r str {
    let mut reasons = report["instances"][0]["reasons"].as_array().expect("reasons").iter();
    let found = reasons.find(|reason| reason["code"] == code).and_then(|reason| reason["text"].as_str());
    found.unwrap_or_else(|| panic!("no {code}: {report:#}"))
}

fn is_examined(report: &Value, what: &str) -> bool {
    let blind = report["instances"][0]["not_examined"].as_array().expect("a list");
    !blind.iter().any(|spot| spot.as_str().is_some_and(|spot| spot.contains(what)))
}

const MAY_WAIT: (&str, &str, &str) = ("not_observed", "deferrable", "only-plaintext");
const OLDER: (&str, &str, &str) = ("undetermined", "required", "older-sessions-open");

#[test]
fn sessions_that_may_be_older_than_the_logs_are_a_doubt_until_all_have_ended() {
    let open = |value: fn(i64) -> f64| report(fleet(vec![metric(BATCH, "DatabaseConnections", value)]));
    let always = open(|hour| if hour == 40 { 3.0 } else { 9.0 });
    assert_eq!(verdict(&always), OLDER);
    let text = reason(&always, "older-sessions-open");
    assert!(text.contains("up to 3 sessions from before the logs") && text.contains("pg_stat_ssl"), "{text}");
    assert_eq!(always["instances"][0]["unproven"], true);
    assert!(is_examined(&always, "DatabaseConnections"), "{always:#}");
    let ended = open(|hour| if hour == 40 { 0.0 } else { 9.0 });
    assert_eq!(verdict(&ended), MAY_WAIT);
    assert!(is_examined(&ended, "DatabaseConnections"), "{ended:#}");
    assert_eq!(verdict(&open(|hour| if hour < 0 { 0.0 } else { 1.0 })), OLDER, "they may have come since, unseen");
    let untold = report(fleet(Vec::new()));
    assert_eq!(verdict(&untold), MAY_WAIT);
    assert!(!is_examined(&untold, "DatabaseConnections"), "what was not measured was not examined: {untold:#}");
}

/// The one that may wait, with a pool that renews its one session every three hours, at half past: a file shows the end of the
/// session before, and the beginning of the next. `lasted` is what the log says of how long.
fn renewed_pool(open: f64, lasted: &str) -> Value {
    let mut fleet = fleet(vec![metric(BATCH, "DatabaseConnections", move |_| open)]);
    for (name, file) in &mut fleet.instance(BATCH).files {
        let Some((_, begun)) = name.split_once("log.") else { continue };
        let (day, hour) = (&begun[..10], &begun[11..]);
        if hour.parse::<u8>().expect("an hour") % 3 != 0 {
            continue;
        }
        let record = |second: u8, message: &str| {
            format!("{day} {hour}:30:0{second} UTC:10.0.0.20(40000):batch@reports:[4242]:LOG:  {message}\n")
        };
        let end =
            format!("disconnection: session time: {lasted} user=batch database=reports host=10.0.0.20 port=40000");
        file.bytes.extend(record(1, &end).into_bytes());
        file.bytes.extend(record(2, "connection authorized: user=batch database=reports").into_bytes());
    }
    report(fleet)
}

#[test]
fn sessions_whose_beginning_the_logs_show_are_not_older_than_they_are() {
    let renewed = renewed_pool(1.0, "2:59:59.500");
    assert_eq!(verdict(&renewed), MAY_WAIT, "the one that is open is the pool's: {renewed:#}");
    assert_eq!(renewed["instances"][0]["connections"]["unaccounted"], 0);
    let one_more = renewed_pool(2.0, "2:59:59.500");
    assert_eq!(verdict(&one_more), OLDER, "another is open, and nobody saw it begin");
    assert_eq!(one_more["instances"][0]["connections"]["unaccounted"], 1);
    // It is said of every one that it began before the window.
    let old = renewed_pool(1.0, "2000:00:00.000");
    assert_eq!(verdict(&old), OLDER);
    assert!(
        old["instances"][0]["connections"]["oldest_unseen"].as_str().is_some_and(|at| at < "2026-09-01"),
        "{old:#}"
    );
    let long = renewed_pool(1.0, "8:59:59.500");
    assert_eq!(
        verdict(&long),
        ("undetermined", "required", "log-exceeds-metric"),
        "three at once, and one was counted"
    );
}

/// RDS for MySQL, whose audit log shows all of the window, and no TLS. It is a file for each day.
const KIOSK: &str = "kiosk";

/// Adds a pool to an audit file, which renews its one session every three hours. The connections are numbered anew in
/// order; `end` says which number the end of a session of the pool has.
fn with_pool(text: &str, end: impl Fn(u64) -> u64) -> String {
    let (day, _) = text.split_once(' ').expect("a day");
    // Of the pool, sessions begin at half past two, five and so on; the last one of the day has no end in the file.
    let pool = |hour: u8, operation: &str| {
        let key = if operation == "CONNECT" { hour } else { hour - 3 };
        format!("{day} {hour:02}:30:00,ip-10-1-2-3,pool,10.1.0.9,pool-{key},0,{operation},reports,,0,TCP/IP")
    };
    let begins = (2..24).step_by(3).map(|hour| pool(hour, "CONNECT"));
    let ends = (5..24).step_by(3).map(|hour| pool(hour, "DISCONNECT"));
    let mut lines: Vec<_> = text.lines().map(str::to_owned).chain(ends).chain(begins).collect();
    lines.sort_by_key(|line| line.get(..17).map(str::to_owned));
    let mut numbers = std::collections::BTreeMap::new();
    let renumbered = lines.iter().map(|line| {
        let mut fields: Vec<_> = line.split(',').map(str::to_owned).collect();
        let next = 1000 + numbers.len() as u64;
        let number = *numbers.entry(fields[4].clone()).or_insert(next);
        let is_pools_end = fields[2] == "pool" && fields[6] == "DISCONNECT";
        fields[4] = (if is_pools_end { end(number) } else { number }).to_string();
        format!("{}\n", fields.join(","))
    });
    renumbered.collect()
}

#[test]
fn an_audit_log_accounts_for_the_sessions_that_it_pairs() {
    let kiosk = |open: f64, end: fn(u64) -> u64| {
        let mut fleet = fleet(vec![metric(KIOSK, "DatabaseConnections", move |_| open)]);
        for file in fleet.instance(KIOSK).files.values_mut() {
            let text = String::from_utf8(std::mem::take(&mut file.bytes)).expect("text");
            file.bytes = with_pool(&text, end).into_bytes();
        }
        let home = TempDir::new().expect("a folder");
        let aws = FakeAws::start(fleet);
        let run =
            Run::of(against(&aws, home.path()).args(["analyze", "--format", "json", "--instance", KIOSK]).args(WINDOW));
        assert_eq!((run.status, run.err.as_str()), (0, ""), "{run:?}");
        run.json()
    };
    let paired = kiosk(1.0, |number| number);
    assert_eq!(verdict(&paired), MAY_WAIT, "the one that is open is the pool's: {paired:#}");
    assert_eq!(paired["instances"][0]["connections"]["unaccounted"], 0);
    let one_more = kiosk(2.0, |number| number);
    assert_eq!(verdict(&one_more), OLDER, "another is open, and nobody saw it begin");
    assert_eq!(one_more["instances"][0]["connections"]["unaccounted"], 1);
    assert_eq!(verdict(&kiosk(1.0, |number| number + 500_000)), OLDER, "nobody saw these begin");
    assert_eq!(verdict(&kiosk(1.0, |number| number - 900)), OLDER, "nor those of before a restart");
}

#[test]
fn a_login_by_iam_is_tls_though_no_log_shows_it() {
    let logins = |at: i64| metric(BATCH, "IamDbAuthConnectionSuccess", move |hour| f64::from(u8::from(hour == at)));
    let used = report(fleet(vec![logins(5)]));
    assert_eq!(verdict(&used), ("in_use", "required", "iam-metric"));
    let text = reason(&used, "iam-metric");
    assert!(text.starts_with("2 logins") && text.contains("between 2026-11-20 05:00 and 2026-11-20 06:00"), "{text}");
    let before = report(fleet(vec![logins(-2)]));
    assert_eq!(verdict(&before), MAY_WAIT, "before the window");
    assert!(is_examined(&before, "IamDbAuth"), "{before:#}");
}

#[test]
fn clients_that_the_metric_shows_and_the_log_does_not_are_a_contradiction() {
    let mut fleet = fleet(vec![metric(BATCH, "DatabaseConnections", |hour| if hour % 2 == 0 { 4.0 } else { 0.0 })]);
    for file in fleet.instance(BATCH).files.values_mut() {
        // Only RDS's own sessions are logged.
        let text = String::from_utf8(std::mem::take(&mut file.bytes)).expect("text");
        let own = text.split_inclusive('\n').filter(|line| line.contains("rdsadmin"));
        file.bytes = own.collect::<String>().into_bytes();
    }
    let report = report(fleet);
    assert_eq!(verdict(&report), ("undetermined", "required", "metric-contradicts-log"), "{report:#}");
    assert!(reason(&report, "metric-contradicts-log").contains("up to 4 open client sessions"), "{report:#}");
}

#[test]
fn tls_between_proxy_and_instance_is_in_use_and_clients_of_the_proxy_are_told() {
    let mut metrics = vec![
        metric("front", "ClientConnectionsTLS", |hour| if hour < 10 { 5.0 } else { 0.0 }),
        metric("front", "ClientConnectionsNoTLS", |_| 1.0),
        metric("front", "DatabaseConnections", |_| 3.0),
    ];
    let behind = |metrics: &[Metric]| {
        let front = Proxy { name: "front".to_owned(), instances: vec![BATCH.to_owned()], cluster: None };
        Fleet { proxies: vec![front], ..fleet(metrics.to_vec()) }
    };
    let plain = report(behind(&metrics));
    assert_eq!(verdict(&plain), MAY_WAIT);
    let text = reason(&plain, "behind-proxy");
    let expected =
        "front with TLS in 10 hours (ClientConnectionsTLS), without TLS in 72 hours (ClientConnectionsNoTLS)";
    assert!(text.contains(expected), "{text}");
    assert!(is_examined(&plain, "RDS Proxy"), "{plain:#}");
    for name in ["DatabaseConnectionsWithTLS", "DatabaseConnectionRequestsWithTLS"] {
        metrics.push(metric("front", name, |hour| f64::from(u8::from(hour == 71))));
        let used = report(behind(&metrics));
        assert_eq!(verdict(&used), ("in_use", "required", "proxy-tls"), "{name}");
        assert!(reason(&used, "proxy-tls").contains(name), "{used:#}");
        metrics.pop();
    }
    assert!(!is_examined(&report(behind(&[])), "RDS Proxy"));
}

/// All that CloudWatch measures of one instance.
fn measured() -> Vec<Metric> {
    vec![
        metric(BATCH, "DatabaseConnections", |hour| ((hour - 30) % 7).abs() as f64),
        metric(BATCH, "IamDbAuthConnectionSuccess", |_| 0.0),
    ]
}

#[test]
fn trouble_that_passes_and_pages_of_any_size_change_nothing() {
    let clean = report(fleet(measured()));
    for size in [7, 72, 100] {
        let paged = Fleet { page_values: Some(size), ..fleet(measured()) };
        assert_eq!(report(paged), clean, "pages of {size}");
    }
    for kind in [
        FaultKind::Throttle,
        FaultKind::ServiceUnavailable,
        FaultKind::InternalError,
        FaultKind::Reset,
        FaultKind::CutBody,
        FaultKind::CutXml(0.5),
        FaultKind::EmptyBody,
    ] {
        let home = TempDir::new().expect("a folder");
        let aws = FakeAws::start(fleet(measured()));
        aws.fault(Fault::new(kind).on("GetMetricData").at(Calls::First(1)));
        let run = analyze(&aws, home.path());
        assert_eq!(run.status, 0, "{kind:?}: {run:?}");
        assert_eq!(run.json(), clean, "{kind:?}");
    }
}

#[test]
fn metrics_that_cannot_be_asked_are_an_error_and_not_examined() {
    let no_answer = "cloudwatch:GetMetricData failed: the response is not a complete response of the CloudWatch API";
    let damaged = ("undetermined", "required", "metrics-unreadable");
    for (kind, says, expected) in [
        (
            FaultKind::AccessDenied,
            "cloudwatch:GetMetricData failed: AWS denied the call. Grant the permission cloudwatch:Get",
            MAY_WAIT,
        ),
        (
            FaultKind::ExpiredToken,
            "cloudwatch:GetMetricData failed: the AWS credentials have expired. Sign in again",
            MAY_WAIT,
        ),
        (
            FaultKind::Throttle,
            "cloudwatch:GetMetricData failed: AWS kept throttling the call. Run the command again later",
            MAY_WAIT,
        ),
        (FaultKind::CutXml(0.9), no_answer, damaged),
        (FaultKind::Html200, no_answer, damaged),
    ] {
        let home = TempDir::new().expect("a folder");
        let aws = FakeAws::start(fleet(measured()));
        aws.fault(Fault::new(kind).on("GetMetricData").at(Calls::Every));
        let run = analyze(&aws, home.path());
        assert_eq!(run.status, 3, "{kind:?}: {run:?}");
        assert!(run.err.contains(says), "{kind:?}: {}", run.err);
        let report = run.json();
        assert_eq!(report["errors"].as_array().map(Vec::len), Some(1), "{kind:?}: {report:#}");
        assert_eq!(verdict(&report), expected, "{kind:?}");
        assert!(!is_examined(&report, "DatabaseConnections") && !is_examined(&report, "IamDbAuth"), "{kind:?}");
    }
}

#[test]
fn a_series_that_breaks_off_is_an_error_and_what_came_of_it_counts() {
    for (status, code, says) in [
        (
            Some("PartialData"),
            None,
            "IamDbAuthConnectionSuccess is incomplete (PartialData). Run the command again later",
        ),
        (Some("InternalError"), None, "IamDbAuthConnectionSuccess is incomplete (InternalError)"),
        (Some("Forbidden"), None, "(Forbidden). Grant the permission cloudwatch:GetMetricData"),
        (None, Some("ServiceBusy"), "CloudWatch returned ServiceBusy"),
    ] {
        let mut logins = metric(BATCH, "IamDbAuthConnectionSuccess", |hour| f64::from(u8::from(hour == 5)));
        (logins.status, logins.message) = (status.map(str::to_owned), code.map(str::to_owned));
        let home = TempDir::new().expect("a folder");
        let run = analyze(&FakeAws::start(fleet(vec![logins])), home.path());
        assert_eq!(run.status, 3, "{run:?}");
        assert!(run.err.contains(says), "{}", run.err);
        assert_eq!(verdict(&run.json()), ("in_use", "required", "iam-metric"), "{run:?}");
    }
}

#[test]
fn a_series_with_a_status_that_is_not_of_the_api_makes_the_verdict_unproven() {
    let mut logins = metric(BATCH, "IamDbAuthConnectionSuccess", |_| 0.0);
    logins.status = Some("Foo".to_owned());
    let home = TempDir::new().expect("a folder");
    let run = analyze(&FakeAws::start(fleet(vec![logins])), home.path());
    assert_eq!((run.status, verdict(&run.json())), (3, ("undetermined", "required", "metrics-unreadable")), "{run:?}");
    assert!(run.err.contains("IamDbAuthConnectionSuccess is incomplete (Foo)"), "{}", run.err);
}

#[test]
fn a_value_that_cannot_be_is_an_error_and_makes_the_metric_unknown() {
    for impossible in [1e300, f64::INFINITY, f64::NAN, -5.0, 9_007_199_254_740_994.0] {
        let logins = metric(BATCH, "IamDbAuthConnectionSuccess", |hour| if hour == 5 { impossible } else { 0.0 });
        let home = TempDir::new().expect("a folder");
        let run = analyze(&FakeAws::start(fleet(vec![logins])), home.path());
        let report = run.json();
        assert_eq!(run.status, 3, "{impossible}: {run:?}");
        let said = "cloudwatch:GetMetricData failed: IamDbAuthConnectionSuccess has an invalid value";
        assert!(run.err.contains(said), "{impossible}: {}", run.err);
        assert!(!is_examined(&report, "IamDbAuthConnectionSuccess"), "{impossible}: {report:#}");
        let mut instances = report["instances"].as_array().expect("instances").iter();
        assert!(instances.all(|instance| instance["rotation"] == "required"), "{impossible}: {report:#}");
    }
}

#[test]
fn a_page_that_fails_leaves_hours_unknown_and_not_zero() {
    let home = TempDir::new().expect("a folder");
    // The first page holds the lowest values of the first hours: they never reach zero.
    let open = metric(BATCH, "DatabaseConnections", |hour| if hour < 40 { 2.0 } else { 0.0 });
    let aws = FakeAws::start(Fleet { page_values: Some(30), ..fleet(vec![open]) });
    aws.fault(Fault::new(FaultKind::AccessDenied).on("GetMetricData").at(Calls::Nth(2)));
    let run = analyze(&aws, home.path());
    assert_eq!((run.status, verdict(&run.json())), (3, OLDER), "{run:?}");
}

#[test]
fn a_large_fleet_is_asked_for_in_batches() {
    let mut fleet = small_fleet();
    let like = fleet.instance("wiki").clone();
    fleet.instances.clear();
    for number in 0..400 {
        fleet.instances.push(crate::fake_aws::Instance {
            id: format!("db-{number}"),
            files: Default::default(),
            ..like.clone()
        });
    }
    fleet.metrics = vec![metric("db-399", "IamDbAuthConnectionSuccess", |_| 1.0)];
    let home = TempDir::new().expect("a folder");
    let aws = FakeAws::start(fleet);
    let run = Run::of(against(&aws, home.path()).args(["analyze", "--format", "json"]).args(WINDOW));
    assert_eq!(run.status, 0, "{}", run.err);
    let report = run.json();
    let used: Vec<_> = report["instances"].as_array().expect("instances").iter().collect();
    let used: Vec<_> = used.iter().filter(|found| found["usage"] == "in_use").map(|found| &found["instance"]).collect();
    assert_eq!(used, ["db-399"]);
    assert_eq!(aws.calls().iter().filter(|call| call.action == "GetMetricData").count(), 3, "1,200 series");
}

#[test]
fn a_bundle_gives_the_same_verdict_later_and_bundles_with_metrics_unite() {
    let home = TempDir::new().expect("a folder");
    let collect = |metrics: Vec<Metric>, bundle: &str| {
        let aws = FakeAws::start(fleet(metrics));
        let mut command = against(&aws, home.path());
        command.current_dir(home.path()).args(["collect", "-o", bundle, "--instance", BATCH]).args(WINDOW);
        let run = Run::of(&mut command);
        assert_eq!(run.status, 0, "{run:?}");
    };
    let judge = |bundles: &[&str]| {
        let mut command = ssl_usage(home.path());
        command.current_dir(home.path()).args(["analyze", "--format", "json", "--instance", BATCH]).args(WINDOW);
        for bundle in bundles {
            command.args(["--from", bundle]);
        }
        Run::of(&mut command)
    };
    let open = |value: fn(i64) -> f64| vec![metric(BATCH, "DatabaseConnections", value)];
    collect(open(|_| 2.0), "open");
    collect(open(|hour| f64::from(u8::from(hour != 7))), "ended");
    collect(Vec::new(), "untold");
    assert_eq!(judge(&["open"]).json(), report(fleet(open(|_| 2.0))), "live or later");
    assert_eq!(verdict(&judge(&["ended"]).json()), MAY_WAIT);
    let united = judge(&["open", "ended", "untold"]).json();
    assert_eq!(verdict(&united), OLDER, "of two answers the one that shows more clients counts");
    assert_eq!(judge(&["untold", "ended", "open", "ended"]).json(), united, "in any order, however often");

    let metrics = home.path().join("open/metrics");
    for entry in metrics.read_dir().expect("metrics") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "parquet") {
            let bytes = fs::read(&path).expect("a table");
            fs::write(&path, &bytes[..bytes.len() / 2]).expect("a file");
        }
    }
    let run = judge(&["open"]);
    assert_eq!(run.status, 3, "damaged metrics are an error: {run:?}");
    assert!(run.err.contains("collect into a new bundle"), "{}", run.err);
    assert_eq!(run.json()["instances"][0]["unproven"], true, "they may say otherwise: {run:?}");
    fs::remove_dir_all(metrics).expect("removed");
    let run = judge(&["open"]);
    assert_eq!((run.status, verdict(&run.json()).2), (3, "evidence-damaged"), "and so are missing ones: {run:?}");
}

#[test]
fn collections_on_a_schedule_ask_for_what_is_new_and_show_what_one_shows() {
    let home = TempDir::new().expect("a folder");
    let aws = FakeAws::start(fleet(measured()));
    let collect = |bundle: &str, now: &str| {
        let mut command = against(&aws, home.path());
        command.current_dir(home.path()).args(["collect", "-o", bundle, "--instance", BATCH, "--now", now]);
        let run = Run::of(command.args(["--days", "3"]));
        assert_eq!(run.status, 0, "{run:?}");
    };
    for now in ["2026-11-22T20:30:00Z", "2026-11-22T21:30:00Z", "2026-11-23T00:00:00Z"] {
        collect("schedule", now);
    }
    collect("once", "2026-11-23T00:00:00Z");
    let starts: Vec<i64> = aws.calls().iter().filter_map(start_of).collect();
    let from = |time: &str| time.parse::<Timestamp>().expect("a time").as_second();
    // Three days before; the day of the first hour that is not known; and again three days before.
    let due =
        ["2026-11-19T20:00:00Z", "2026-11-22T00:00:00Z", "2026-11-22T00:00:00Z", "2026-11-20T00:00:00Z"].map(from);
    assert_eq!(starts, due);
    let judge = |bundle: &str| {
        let mut command = ssl_usage(home.path());
        command.current_dir(home.path()).args(["analyze", "--from", bundle, "--format", "json"]).args(WINDOW);
        Run::of(&mut command).json()
    };
    let (schedule, once) = (judge("schedule"), judge("once"));
    for key in ["usage", "rotation", "reasons", "not_examined"] {
        assert_eq!(schedule["instances"][0][key], once["instances"][0][key], "{key}");
    }
}

/// `StartTime` of a call for metrics, in seconds since 1970.
fn start_of(call: &Call) -> Option<i64> {
    let input: ciborium::Value = ciborium::from_reader(call.body.as_ref()).ok()?;
    let fields = input.as_map()?.iter();
    let (_, time) = fields.clone().find(|(name, _)| name.as_text() == Some("StartTime"))?;
    let (_, seconds) = time.as_tag()?;
    seconds.as_float().map(|seconds| seconds as i64).or_else(|| i64::try_from(seconds.as_integer()?).ok())
}

/// A client of the SDK that calls once.
fn client(aws: &FakeAws) -> aws_sdk_cloudwatch::Client {
    let config = aws_sdk_cloudwatch::Config::builder()
        .behavior_version(aws_sdk_cloudwatch::config::BehaviorVersion::latest())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .retry_config(aws_sdk_cloudwatch::config::retry::RetryConfig::disabled())
        .credentials_provider(aws_credential_types::Credentials::new("AKIDEXAMPLE", "secret", None, None, "test"))
        .region(aws_sdk_cloudwatch::config::Region::new("eu-west-1"))
        .endpoint_url(aws.url())
        .build();
    aws_sdk_cloudwatch::Client::from_conf(config)
}

/// A call for the lowest `DatabaseConnections` of eight hours, that many times.
fn eight_hours(aws: &FakeAws, times: usize) -> GetMetricDataFluentBuilder {
    let dimension = Dimension::builder().name("DBInstanceIdentifier").value(BATCH).build();
    let metric = ApiMetric::builder().namespace("AWS/RDS").metric_name("DatabaseConnections").dimensions(dimension);
    let stat = MetricStat::builder().metric(metric.build()).period(3600).stat("Minimum").build();
    let query = |number| MetricDataQuery::builder().id(format!("q{number}")).metric_stat(stat.clone()).build();
    let time = |text: &str| DateTime::from_secs(text.parse::<Timestamp>().expect("a time").as_second());
    let (from, to) = (time("2026-11-20T00:00:00Z"), time("2026-11-20T08:00:00Z"));
    let call = client(aws).get_metric_data().set_metric_data_queries(Some((0..times).map(query).collect()));
    call.start_time(from).end_time(to)
}

/// What the SDK makes of an answer that was cut, but is complete as HTTP: an error, wherever it was cut.
#[tokio::test]
async fn a_cut_cbor_answer_is_never_a_shorter_one() {
    let metrics = vec![metric(BATCH, "DatabaseConnections", |hour| if hour < 4 { 1.5 } else { 2.0 })];
    let aws = FakeAws::start(fleet(metrics));
    let call = eight_hours(&aws, 1);
    let whole = call.clone().send().await.expect("an answer");
    assert_eq!(whole.metric_data_results()[0].values(), [2.0, 2.0, 2.0, 2.0, 1.5, 1.5, 1.5, 1.5], "the newest first");
    for part in 0..100 {
        aws.fault(Fault::new(FaultKind::CutXml(f64::from(part) / 100.0)).at(Calls::Nth(1)));
        assert!(call.clone().send().await.is_err(), "{part} % of the answer");
    }
}

#[tokio::test]
async fn the_fake_refuses_more_series_than_cloudwatch_does() {
    let aws = FakeAws::start(fleet(Vec::new()));
    assert!(eight_hours(&aws, 500).send().await.is_ok());
    let error = eight_hours(&aws, 501).send().await.expect_err("too many");
    assert_eq!(error.code(), Some("ValidationError"));
}
