//! From end to end, as different people use the tool.

use serde_json::Value;
use tempfile::TempDir;

use crate::command::{Run, against, aloud, ssl_usage};
use crate::fake_aws::{FakeAws, Fault, FaultKind};
use crate::fleet::{WINDOW, small_fleet};
use crate::network::behind_proxy;
use crate::terminal;

#[test]
fn a_new_user_behind_a_proxy_gets_a_report_that_fits_the_terminal() {
    let aws = FakeAws::start(small_fleet());
    let home = TempDir::new().expect("a folder");
    let mut command = behind_proxy(&aws, home.path());
    let (status, seen) = terminal::run(command.arg("analyze").args(WINDOW), 80);
    assert_eq!(status, 0, "{seen}");
    let text = terminal::plain(&seen);
    // What a bar prints is replaced in its line.
    let lines: Vec<&str> = text.lines().map(|line| line.rsplit('\r').next().unwrap_or(line)).collect();
    let is_command = |line: &str| line.trim_start().starts_with("ssl-usage ") || line.contains(".local/share");
    for line in lines.iter().filter(|line| !is_command(line)) {
        assert!(line.chars().count() <= 80, "{line}");
    }
    for part in ["must rotate, ", "VERDICT", "Next:", "Collected 24 instances: ", "Evidence saved in "] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(seen.contains("\u{1b}[31m") || seen.contains("\u{1b}[1"), "colours: {seen:?}");
    let mut command = behind_proxy(&aws, home.path());
    let (_, seen) = terminal::run(command.args(["--color", "never", "--quiet", "analyze"]).args(WINDOW), 80);
    assert!(!seen.contains('\u{1b}') && !seen.contains("Collected"), "{seen:?}");
}

#[test]
fn colours_are_where_the_user_wants_them() {
    let home = TempDir::new().expect("a folder");
    let run = |color: &str| {
        let mut command = ssl_usage(home.path());
        Run::of(command.env("NO_COLOR", "1").args(["analyze", "--from", "fleet", "--color", color]).args(WINDOW)).out
    };
    assert!(run("always").contains("\u{1b}["));
    assert!(!run("auto").contains('\u{1b}') && !run("never").contains('\u{1b}'));
}

#[test]
fn an_auditor_who_runs_the_analysis_again_gets_the_same_bytes_and_digest() {
    let aws = FakeAws::start(small_fleet());
    aws.fault(Fault::new(FaultKind::AccessDenied).on("DescribeDBParameters"));
    let home = TempDir::new().expect("a folder");
    let bundle = home.path().join("evidence");
    let collected = Run::of(aloud(&aws, home.path()).args(["collect", "-o"]).arg(&bundle).args(WINDOW));
    assert_eq!(collected.status, 3, "{collected:?}");
    let kinds = collected.err.lines().find(|line| line.contains(" problems: ")).expect("a line");
    assert!(kinds.ends_with(" AccessDenied."), "{kinds}");
    for text in ["Collected 24 instances: ", " logs, ", " calls, ", "Report verdicts:\n    ssl-usage analyze --from "] {
        assert!(collected.err.contains(text), "{text}: {}", collected.err);
    }
    assert!(collected.err.contains(&format!("Evidence saved in {}", bundle.display())), "{}", collected.err);
    let report = |format: &str| {
        let mut command = ssl_usage(home.path());
        Run::of(command.args(["analyze", "--format", format, "--from"]).arg(&bundle).args(WINDOW)).out
    };
    for format in ["csv", "json", "html"] {
        assert_eq!(report(format), report(format), "{format}");
    }
    let json: Value = serde_json::from_str(&report("json")).expect("JSON");
    let digest = json["evidence"]["digest"].as_str().expect("a digest").to_owned();
    assert!(report("csv").contains(digest.trim_start_matches("sha256:")));
    let said = Run::of(ssl_usage(home.path()).arg("digest").arg(&bundle));
    assert!(said.out.contains(digest.trim_start_matches("sha256:")), "{said:?}");
}

#[test]
fn a_pipeline_stops_at_each_gate_and_its_log_says_why() {
    let home = TempDir::new().expect("a folder");
    let fails = |arguments: &[&str], condition: &str, said: &str| {
        let mut command = ssl_usage(home.path());
        command
            .args(["--quiet", "analyze", "--from", "fleet", "--format", "csv", "-o"])
            .arg(home.path().join("report.csv"));
        let run = Run::of(command.args(arguments).args(["--fail-on", condition]));
        assert_eq!(run.status, 4, "{condition}: {run:?}");
        let line = format!("ssl-usage: condition met: {condition} ({said}");
        assert!(run.err.lines().any(|found| found.starts_with(&line)), "{line}: {}", run.err);
    };
    let later = ["--now", "2026-12-23T00:00:00Z"];
    fails(&later, "stale=2d", "evidence collected 2026-11-23 00:00 UTC, 30 days ago");
    fails(&[&WINDOW[..], &["--tag", "env=nowhere"]].concat(), "empty", "");
    fails(&WINDOW, "expiring=30d", "");
    fails(&WINDOW, "required", "");
    let aws = FakeAws::start(small_fleet());
    aws.fault(Fault::new(FaultKind::AccessDenied).on("DescribeDBProxies"));
    let mut command = against(&aws, home.path());
    let run = Run::of(command.args(["analyze", "--fail-on", "errors", "--format", "ndjson"]).args(WINDOW));
    assert!(run.status == 4 && run.err.contains("condition met: errors (1 problem)"), "{}", run.err);
    let mut command = against(&aws, home.path());
    let run = Run::of(command.args(["analyze", "-o"]).arg(home.path().join("report.txt")).args(WINDOW));
    assert!(run.status == 3 && run.err.contains("Grant the permission rds:DescribeDBProxies"), "{run:?}");
}

#[test]
fn a_name_that_matches_nothing_is_answered_with_the_one_that_looks_like_it() {
    let home = TempDir::new().expect("a folder");
    let kept = |arguments: &[&str]| {
        Run::of(ssl_usage(home.path()).args(["analyze", "--from", "fleet"]).args(WINDOW).args(arguments))
    };
    for (arguments, near) in [
        (&["--instance", "order-prod"][..], "orders-prod"),
        (&["--instance", "ORDERS-PRDO"], "orders-prod"),
        (&["--explain", "orderprod"], "orders-prod"),
        (&["--account", "123456789021"], "123456789012"),
        (&["--region", "eu-west-2"], "eu-west-1"),
        (&["--engine", "postgre"], "postgres"),
    ] {
        let run = kept(arguments);
        assert!(run.err.to_lowercase().contains(&format!("did you mean {near}?")), "{arguments:?}: {}", run.err);
    }
    let aws = FakeAws::start(small_fleet());
    let run = Run::of(against(&aws, home.path()).args(["analyze", "--instance", "order-prod"]).args(WINDOW));
    assert!(
        run.status == 1 && run.err.contains("Did you mean orders-prod? Otherwise, check the identifier"),
        "{}",
        run.err
    );
    assert!(!kept(&["--instance", "zzz"]).err.contains("Did you mean"));
}
