//! A collection that is killed and started again: the same report, and nothing read twice that was written.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::command::{Run, against, ssl_usage};
use crate::fake_aws::{Calls, FakeAws, Fault, FaultKind, LogFile};
use crate::fleet::{WINDOW, small_fleet};

fn collect(aws: &FakeAws, home: &Path) -> Command {
    let mut command = against(aws, home);
    command.args(["collect", "-o"]).arg(home.join("evidence")).args(WINDOW);
    command
}

fn judged(home: &Path) -> Run {
    let mut command = ssl_usage(home);
    Run::of(command.args(["analyze", "--format", "json", "--from"]).arg(home.join("evidence")).args(WINDOW))
}

/// The logs that were asked for since the fake had answered so many calls, each as often as it was asked for from its
/// beginning.
fn asked(aws: &FakeAws, since: usize) -> Vec<String> {
    let downloads = aws.calls().into_iter().skip(since).filter(|call| {
        call.action == "DownloadCompleteDBLogFile"
            || call.action == "DownloadDBLogFilePortion" && call.parameter("Marker") == Some("0")
    });
    let name = |name: Option<&str>| name.unwrap_or_default().to_owned();
    downloads
        .map(|call| format!("{} {}", name(call.parameter("DBInstanceIdentifier")), name(call.parameter("LogFileName"))))
        .collect()
}

#[test]
fn a_collection_that_is_killed_at_any_moment_goes_on_and_ends_in_the_same_report() {
    let clean = TempDir::new().expect("a folder");
    let aws = FakeAws::start(small_fleet());
    let started = Instant::now();
    let whole = Run::of(&mut collect(&aws, clean.path()));
    assert_eq!(whole.status, 0, "{whole:?}");
    let took = started.elapsed();
    let (expected, total) = (judged(clean.path()), asked(&aws, 0).len());

    let home = TempDir::new().expect("a folder");
    for moment in 1..=10u32 {
        let quiet = (Stdio::null(), Stdio::null());
        let mut child = collect(&aws, home.path()).stdout(quiet.0).stderr(quiet.1).spawn().expect("it starts");
        // From the first calls to shortly before the end, and not in this order.
        std::thread::sleep(took.mul_f64(f64::from(moment * 7 % 11) / 11.0));
        child.kill().expect("it can be killed");
        child.wait().expect("it ends");
    }
    let before = aws.calls().len();
    let last = Run::of(&mut collect(&aws, home.path()));
    assert_eq!(last.status, 0, "{last:?}");
    let report = judged(home.path());
    assert_eq!((report.status, &report.out), (expected.status, &expected.out));

    // What the killed ones wrote is not asked for again.
    let last = asked(&aws, before).len();
    assert!(last < total, "{last} of {total} logs were asked for");
}

#[test]
fn what_could_not_be_read_at_first_is_read_by_the_next_collection() {
    let home = TempDir::new().expect("a folder");
    let aws = FakeAws::start(small_fleet());
    let clean = Run::of(&mut collect(&aws, home.path()));
    assert_eq!(clean.status, 0, "{clean:?}");
    let expected = judged(home.path());

    let home = TempDir::new().expect("a folder");
    let denying = FakeAws::start(small_fleet());
    for action in ["DownloadCompleteDBLogFile", "DownloadDBLogFilePortion"] {
        denying.fault(Fault::new(FaultKind::AccessDenied).on(action).of("orders-prod"));
    }
    let broken = Run::of(&mut collect(&denying, home.path()));
    assert_eq!(broken.status, 3, "{broken:?}");
    assert_ne!(judged(home.path()).out, expected.out, "what is missing is told");
    let repaired = Run::of(&mut collect(&aws, home.path()));
    let report = judged(home.path()).out;
    assert!(repaired.status == 0 && report == expected.out, "{repaired:?}");
}

#[test]
fn what_was_read_of_a_log_before_does_not_hide_that_its_rest_was_not() {
    let home = TempDir::new().expect("a folder");
    let aws = FakeAws::start(small_fleet());
    let name = "error/postgresql.log.2026-11-22-23";
    let collect = |now: &str| {
        let mut command = against(&aws, home.path());
        command.args(["collect", "--days", "3", "--instance", "reports-batch", "--now", now]);
        Run::of(command.arg("-o").arg(home.path().join("evidence")))
    };
    let rotation = || {
        let report = judged(home.path());
        (report.status, report.json()["instances"][0]["rotation"].as_str().unwrap_or_default().to_owned())
    };
    aws.set(|fleet| {
        let file = fleet.instance("reports-batch").files.get_mut(name).expect("the file");
        file.last_written_ms -= 1_500_000;
    });
    assert_eq!(collect("2026-11-22T23:40:00Z").status, 0);
    assert_eq!(rotation(), (0, "deferrable".to_owned()));
    // The log grew, and may not be read any more.
    aws.set(|fleet| {
        let file = fleet.instance("reports-batch").files.get_mut(name).expect("the file");
        let line = file.bytes.split(|byte| *byte == b'\n').next().expect("a line").to_owned();
        file.bytes.extend([line.as_slice(), b"\n"].concat());
        file.last_written_ms += 1_500_000;
    });
    for action in ["DownloadCompleteDBLogFile", "DownloadDBLogFilePortion"] {
        aws.fault(Fault::new(FaultKind::AccessDenied).on(action).of(name));
    }
    let denied = collect("2026-11-23T00:00:00Z");
    assert!(denied.status == 3 && denied.err.contains(name), "{denied:?}");
    assert_eq!(rotation(), (3, "required".to_owned()), "what is there and was not read may be TLS");
}

#[test]
fn what_an_instance_logs_is_not_hidden_by_one_that_had_its_name() {
    let home = TempDir::new().expect("a folder");
    let mut fleet = small_fleet();
    let session = |minute: u32| {
        format!(
            "2026-11-22 23:{minute:02}:08 UTC:10.99.0.11(41331):app@orders:[22477]:LOG:  connection authorized: \
             user=app database=orders SSL enabled (protocol=TLSv1.3, cipher=TLS_AES_256_GCM_SHA384, bits=256)\n"
        )
    };
    let name = "error/postgresql.log.2026-11-22-23".to_owned();
    let log = |text: String| LogFile::new(text, 1_795_391_700_000);
    fleet.instance("reports-batch").files = [(name.clone(), log(session(1) + &session(2)))].into();
    let aws = FakeAws::start(fleet);
    let collect = |now: &str| {
        let mut command = against(&aws, home.path());
        command.args(["collect", "--days", "3", "--instance", "reports-batch", "--now", now]);
        Run::of(command.arg("-o").arg(home.path().join("evidence")))
    };
    assert_eq!(collect("2026-11-22T23:30:00Z").status, 0);
    // It is deleted, and made anew within the hour.
    aws.set(|fleet| {
        let instance = fleet.instance("reports-batch");
        instance.created = "2026-11-22T23:40:00Z".parse().expect("a time");
        instance.files = [(name, log(session(50)))].into();
    });
    assert_eq!(collect("2026-11-23T00:00:00Z").status, 0);
    let report = judged(home.path()).json();
    assert_eq!(report["instances"][0]["connections"]["tls"], 1, "{report:#}");
}

#[test]
fn what_was_read_of_a_long_collection_is_there_before_its_end() {
    let home = TempDir::new().expect("a folder");
    let mut fleet = small_fleet();
    fleet.instances.retain(|instance| instance.id == "reports-batch");
    let aws = FakeAws::start(fleet);
    // Slow enough that it is written several times.
    for action in ["DownloadCompleteDBLogFile", "DownloadDBLogFilePortion"] {
        aws.fault(Fault::new(FaultKind::Slow(Duration::from_millis(900))).on(action));
    }
    let mut child = collect(&aws, home.path()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    std::thread::sleep(Duration::from_secs(8));
    child.kill().expect("it can be killed");
    child.wait().expect("it ends");
    let first = asked(&aws, 0).len();
    let before = aws.calls().len();
    let mut child = collect(&aws, home.path()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    std::thread::sleep(Duration::from_secs(3));
    child.kill().expect("it can be killed");
    child.wait().expect("it ends");
    let (first, second) = (asked(&aws, 0)[..first].to_vec(), asked(&aws, before));
    let kept = first.iter().filter(|log| !second.contains(log)).count();
    assert!(kept >= 8, "{kept} of {} logs were kept; asked again for {second:?}", first.len());
}

#[test]
fn an_export_that_is_killed_on_the_way_goes_on_at_the_hour() {
    let group = |change: fn(&mut crate::fake_aws::Group)| {
        let mut fleet = small_fleet();
        fleet.instances.retain(|instance| instance.id == "reports-batch");
        change(fleet.instance("reports-batch").export("postgresql", "error/"));
        FakeAws::start(fleet)
    };
    let alone = |aws: &FakeAws, home: &Path| {
        let mut command = collect(aws, home);
        command.args(["--source", "cloudwatch"]).stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    let clean = TempDir::new().expect("a folder");
    assert_eq!(Run::of(&mut alone(&group(|_| ()), clean.path())).status, 0);

    let home = TempDir::new().expect("a folder");
    let aws = group(|group| group.page = 60);
    let slow = FaultKind::Slow(Duration::from_millis(700));
    aws.fault(Fault::new(slow).on("FilterLogEvents").at(Calls::First(20)));
    let mut child = alone(&aws, home.path()).spawn().expect("it starts");
    let parts = || home.path().join("evidence/parts").read_dir().into_iter().flatten().flatten();
    let is_there = || parts().any(|part| part.path().extension().is_some_and(|extension| extension == "json"));
    let started = Instant::now();
    while !is_there() && started.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(child.try_wait().expect("a process").is_none(), "something is written before the end");
    child.kill().expect("it can be killed");
    child.wait().expect("it ends");
    let before = aws.calls().len();
    assert_eq!(Run::of(&mut alone(&aws, home.path())).status, 0);
    let begun = |since: usize| {
        let calls = aws.calls().into_iter().skip(since).filter(|call| call.action == "FilterLogEvents");
        let start = |body: &[u8]| serde_json::from_slice::<serde_json::Value>(body).ok()?["startTime"].as_i64();
        calls.filter_map(|call| start(&call.body)).min().expect("a call")
    };
    let hours = (begun(before) - begun(0)) / 3_600_000;
    assert!(hours >= 1, "it began {hours} hours later");
    assert_eq!(judged(home.path()).out, judged(clean.path()).out);
}
