//! The fleet under each fault: the same report, or one that names what is missing. Never an instance or a session less in
//! silence, and never a milder verdict.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::fake_aws::{Calls, FakeAws, Fault, FaultKind, Fleet, Group, LogFile};
use crate::{NOW, fleet, log, reach};

/// Every so many instances one has its log in CloudWatch Logs alone.
const EXPORTED: usize = 5;
/// Logs of the first instance.
const LOGS: usize = 1200;

/// What goes wrong: in the fleet itself, or with calls.
struct Problem {
    name: String,
    change: Box<dyn Fn(&mut Fleet)>,
    faults: Vec<Fault>,
}

pub fn sweep(instances: u64, days: u64, folder: &Path) {
    let usual = || {
        let mut fleet = fleet(instances, days);
        prepare(&mut fleet);
        fleet
    };
    let clean = analyze(&FakeAws::start(usual()), &folder.join("clean"), days);
    assert_eq!((clean.0, named(&clean.1).len() as u64), (0, instances), "a day without trouble");
    for (number, Problem { name, change, faults }) in troubles().enumerate() {
        let mut fleet = usual();
        change(&mut fleet);
        let aws = FakeAws::start(fleet);
        faults.into_iter().for_each(|fault| aws.fault(fault));
        let start = Instant::now();
        let (status, report) = analyze(&aws, &folder.join(number.to_string()), days);
        let told = check(&clean.1, status, &report).unwrap_or_else(|silence| panic!("{name}: {silence}"));
        println!("  {name}: {told} ({:.1} s)", start.elapsed().as_secs_f64());
    }
}

/// Some logs are in CloudWatch Logs, and one instance has more than a thousand.
fn prepare(fleet: &mut Fleet) {
    for instance in fleet.instances.iter_mut().step_by(EXPORTED) {
        let group = Group::of(&instance.id, "postgres", instance.files.values().map(|file| file.bytes.clone()));
        instance.log_exports.push("postgresql".to_owned());
        instance.groups.insert(format!("/aws/rds/instance/{}/postgresql", instance.id), group);
        instance.files.clear();
    }
    let (now, many) = (fleet.now.as_second(), &mut fleet.instances[1].files);
    many.clear();
    for back in 1..=LOGS as i64 {
        let begun = now - 60 * back;
        let time = jiff::Timestamp::from_second(begun).expect("in range").strftime("%Y-%m-%d-%H%M");
        many.insert(format!("error/postgresql.log.{time}"), LogFile::new(log(1, begun), (begun + 59) * 1000));
    }
}

fn made(name: &str, change: impl Fn(&mut Fleet) + 'static) -> Problem {
    Problem { name: name.to_owned(), change: Box::new(change), faults: Vec::new() }
}

fn troubles() -> impl Iterator<Item = Problem> {
    of_calls().into_iter().chain(of_logs())
}

/// With calls.
fn of_calls() -> Vec<Problem> {
    let calls = |name: &str, faults: Vec<Fault>| Problem { name: name.to_owned(), change: Box::new(|_| ()), faults };
    let first = |kind: FaultKind, count: usize| Fault::new(kind).at(Calls::First(count));
    let mut all = vec![
        calls("a burst of throttling", vec![first(FaultKind::Throttle, 500)]),
        calls("500 for a while", vec![first(FaultKind::InternalError, 200)]),
        calls("503 for a while", vec![first(FaultKind::ServiceUnavailable, 200)]),
        calls("connections are reset", vec![first(FaultKind::Reset, 100)]),
        calls("slow answers", vec![first(FaultKind::Slow(Duration::from_millis(200)), 300)]),
        calls("an expired token", vec![first(FaultKind::ExpiredToken, 1)]),
        calls(
            "credentials that have expired for good",
            vec![Fault::new(FaultKind::ExpiredToken).on("DownloadCompleteDBLogFile")],
        ),
        calls("a clock that is wrong, once", vec![first(FaultKind::RequestExpired, 1)]),
        calls("a clock that is wrong", vec![Fault::new(FaultKind::RequestExpired).on("DescribeDBLogFiles")]),
        calls("a region that fails", vec![Fault::new(FaultKind::InternalError).in_region("us-east-2")]),
    ];
    let cut = [
        ("DescribeDBInstances", FaultKind::CutXml(0.5)),
        ("DescribeDBLogFiles", FaultKind::CutXml(0.5)),
        ("DescribeDBParameters", FaultKind::CutXml(0.5)),
        ("FilterLogEvents", FaultKind::CutXml(0.5)),
        ("GetMetricData", FaultKind::CutXml(0.5)),
        ("DownloadCompleteDBLogFile", FaultKind::CutBody),
    ];
    for (action, kind) in cut {
        all.push(calls(&format!("{action} is cut, for a while"), vec![first(kind, 20).on(action)]));
        all.push(calls(&format!("{action} is cut, always"), vec![Fault::new(kind).on(action)]));
    }
    let denied =
        ["DescribeDBParameters", "DescribeDBLogFiles", "FilterLogEvents", "GetMetricData", "POST /listRegions"];
    all.extend(
        denied
            .map(|action| calls(&format!("{action} is denied"), vec![Fault::new(FaultKind::AccessDenied).on(action)])),
    );
    let downloads = ["DownloadCompleteDBLogFile", "DownloadDBLogFilePortion"];
    all.push(calls(
        "downloads are denied",
        downloads.map(|action| Fault::new(FaultKind::AccessDenied).on(action)).to_vec(),
    ));
    all
}

/// What is made of a log group.
type Quirk = fn(&mut Group);

/// With logs, and with the pages that they come in.
fn of_logs() -> Vec<Problem> {
    let mut all = vec![
        made("logs are rotated while they are read", |fleet| {
            each_log(fleet, |name, file| {
                (file.quirks.vanishes_after, file.quirks.renamed_to) = (Some(0), Some(format!("{name}.old")));
            });
        }),
        made("pages of files overlap", |fleet| {
            (fleet.complete_downloads, fleet.portion_bytes) = (false, 400);
            each_log(fleet, |_, file| file.quirks.overlap = 100);
        }),
        made("the last page of files never comes", |fleet| {
            fleet.complete_downloads = false;
            each_log(fleet, |_, file| file.quirks.never_ends = true);
        }),
    ];
    let quirks: [(&str, Quirk); 4] = [
        ("pages of events overlap", |group| (group.page, group.overlap) = (7, 3)),
        ("tokens of events come twice", |group| (group.page, group.stutters) = (7, true)),
        ("one token of events comes for ever", |group| (group.page, group.stuck) = (7, true)),
        ("pages of events are empty", |group| (group.page, group.empty_pages) = (7, true)),
    ];
    for (name, quirk) in quirks {
        all.push(made(name, move |fleet| {
            fleet.instances.iter_mut().flat_map(|instance| instance.groups.values_mut()).for_each(quirk);
        }));
    }
    all
}

fn each_log(fleet: &mut Fleet, change: fn(&str, &mut LogFile)) {
    let files = fleet.instances.iter_mut().step_by(2).filter_map(|instance| instance.files.iter_mut().next());
    files.for_each(|(name, file)| change(name, file));
}

/// The exit status and the report of a run of its own.
fn analyze(aws: &FakeAws, bundle: &Path, days: u64) -> (i32, Value) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ssl-usage"));
    command.args(["analyze", "--all-regions", "--format", "json", "--now", NOW, "--days", &days.to_string()]);
    reach(command.arg("--bundle").arg(bundle), aws);
    let output = command.output().expect("it runs");
    let report = serde_json::from_slice(&output.stdout).expect("a report");
    (output.status.code().expect("an exit status"), report)
}

fn named(report: &Value) -> BTreeMap<&str, &Value> {
    let instances = report["instances"].as_array().expect("instances").iter();
    instances.map(|instance| (instance["instance"].as_str().expect("a name"), instance)).collect()
}

/// What a report says of the trouble; an error where it says less than it should.
fn check(clean: &Value, status: i32, report: &Value) -> Result<String, String> {
    if clean == report && status == 0 {
        return Ok("the same report".to_owned());
    }
    let errors = report["errors"].as_array().expect("errors");
    let is_named = |what: &str| errors.iter().any(|error| error.to_string().contains(what));
    let found = named(report);
    let mut changed = 0;
    for (name, before) in named(clean) {
        let Some(now) = found.get(name) else {
            let region = before["region"].as_str().expect("a region");
            if is_named(region) || found.is_empty() && status == 1 {
                continue;
            }
            return Err(format!("{name} of {region} is gone in silence"));
        };
        let rank =
            |instance: &Value| ["optional", "deferrable", "required"].iter().position(|it| instance["rotation"] == *it);
        if rank(now) < rank(before) {
            return Err(format!("{name} is judged milder: {now:#}"));
        }
        let told =
            now["coverage"] != before["coverage"] || now["not_examined"] != before["not_examined"] || is_named(name);
        if now["connections"] != before["connections"] && !told {
            return Err(format!("sessions of {name} are not what they were, in silence: {now:#}"));
        }
        changed += u64::from(*now != before);
    }
    if errors.is_empty() || status == 0 {
        return Err(format!("{changed} instances are another, with no error, status {status}"));
    }
    let (missing, errors) = (named(clean).len() - found.len(), errors.len());
    Ok(format!("status {status}, {missing} instances missing, {changed} other, {errors} errors that say why"))
}
