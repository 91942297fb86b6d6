//! A collection that is killed and started again: the same report, and nothing read twice that was written.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::command::{Run, against, ssl_usage, wait_until};
use crate::fake_aws::{Calls, FakeAws, Fault, FaultKind, Fleet, LogFile};
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
    let whole = Run::of(&mut collect(&aws, clean.path()));
    assert_eq!(whole.status, 0, "{whole:?}");
    let calls = aws.calls().len();
    let (expected, total) = (judged(clean.path()), asked(&aws, 0).len());

    let home = TempDir::new().expect("a folder");
    for moment in 1..=10 {
        let before = aws.calls().len();
        let mut child = quietly(collect(&aws, home.path()));
        // From the first calls to shortly before the end, and not in this order. One that goes on has fewer calls.
        let due = before + calls * (moment * 7 % 11) / 11;
        let is_over = |child: &mut Child| child.try_wait().expect("a process").is_some();
        wait_until("its calls", || aws.calls().len() >= due || is_over(&mut child));
        kill(child);
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

/// Starts a command whose output nobody reads.
fn quietly(mut command: Command) -> Child {
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts")
}

fn kill(mut child: Child) {
    child.kill().expect("it can be killed");
    child.wait().expect("it ends");
}

/// Runs a collection of one instance until something of its logs is in the bundle, and kills it then. So many calls of
/// the action are slow, so that what was read is written before the last of them; those that follow are never answered.
fn kill_after_the_first_part(aws: &FakeAws, command: Command, action: &str, slow: (usize, Duration), home: &Path) {
    aws.fault(Fault::new(FaultKind::Slow(slow.1)).on(action).at(Calls::First(slow.0)));
    aws.fault(Fault::new(FaultKind::Slow(Duration::from_secs(3600))).on(action));
    let parts = || home.join("evidence/parts").read_dir().into_iter().flatten().flatten();
    let is_there = || parts().any(|part| part.path().extension().is_some_and(|extension| extension == "json"));
    let child = quietly(command);
    wait_until("a part", is_there);
    kill(child);
}

/// `reports-batch` alone.
fn one_instance() -> Fleet {
    let mut fleet = small_fleet();
    fleet.instances.retain(|instance| instance.id == "reports-batch");
    fleet
}

#[test]
fn what_was_read_of_a_long_collection_is_there_before_its_end() {
    let home = TempDir::new().expect("a folder");
    let slow = FakeAws::start(one_instance());
    // Four at the same time: the last slow one is answered after nine seconds, and what was read is written after five.
    let of = "DownloadCompleteDBLogFile";
    kill_after_the_first_part(&slow, collect(&slow, home.path()), of, (40, Duration::from_millis(900)), home.path());
    let aws = FakeAws::start(one_instance());
    assert_eq!(Run::of(&mut collect(&aws, home.path())).status, 0);
    let (first, second) = (asked(&slow, 0), asked(&aws, 0));
    let kept = first.iter().filter(|log| !second.contains(log)).count();
    assert!(kept > 0, "none of {} logs was kept", first.len());
    assert!(!second.is_empty(), "it did not come to its end");
}

#[test]
fn an_export_that_is_killed_on_the_way_goes_on_at_the_hour() {
    let exported = || {
        let mut fleet = one_instance();
        fleet.instance("reports-batch").export("postgresql", "error/").page = 60;
        FakeAws::start(fleet)
    };
    let alone = |aws: &FakeAws, home: &Path| {
        let mut command = collect(aws, home);
        command.args(["--source", "cloudwatch"]);
        command
    };
    let begun = |aws: &FakeAws| {
        let calls = aws.calls().into_iter().filter(|call| call.action == "FilterLogEvents");
        let start = |body: &[u8]| serde_json::from_slice::<serde_json::Value>(body).ok()?["startTime"].as_i64();
        calls.filter_map(|call| start(&call.body)).min().expect("a call")
    };
    let (clean, home) = (TempDir::new().expect("a folder"), TempDir::new().expect("a folder"));
    let (whole, slow, rest) = (exported(), exported(), exported());
    assert_eq!(Run::of(&mut alone(&whole, clean.path())).status, 0);

    // One after the other: the last slow one is answered after fourteen seconds.
    let pace = (20, Duration::from_millis(700));
    kill_after_the_first_part(&slow, alone(&slow, home.path()), "FilterLogEvents", pace, home.path());
    assert_eq!(Run::of(&mut alone(&rest, home.path())).status, 0);
    let hours = (begun(&rest) - begun(&slow)) / 3_600_000;
    assert!(hours >= 1, "it began {hours} hours later");
    assert_eq!(judged(home.path()).out, judged(clean.path()).out);
}
