//! The age of evidence: texts and conditions count days from the clock, and everything else is the same at any time.

use jiff::{SignedDuration, Timestamp};
use ssl_usage::bundle::{Scope, load};
use ssl_usage::progress::Silent;
use ssl_usage::report::{FORMATS, Format, Layout, Report, Rows, explain};
use ssl_usage::verdict::Policy;
use ssl_usage::window::Window;
use tempfile::TempDir;

use crate::command::{Run, against, samples, ssl_usage};
use crate::fake_aws::FakeAws;
use crate::fleet::small_fleet;

/// Formats that are a function of the evidence alone.
const PURE: [&str; 5] = ["json", "ndjson", "csv", "spreadsheet", "parquet"];

fn report() -> Report {
    let evidence = load(&[samples().join("fleet")], Scope::All).expect("a bundle");
    Report::new(&evidence, Window::days_before(evidence.collected_at, 3), Policy::default(), &Silent)
}

fn written(report: &Report, format: &str, rows: Rows) -> Vec<u8> {
    let (mut out, format) = (Vec::new(), Format::named(FORMATS, format).expect("a format"));
    let layout = Layout { width: 200, rows, ..Layout::default() };
    format.write(report, &layout, &mut out).expect("a report");
    out
}

fn text(report: &Report, format: &str) -> String {
    String::from_utf8(written(report, format, Rows::Instances)).expect("UTF-8")
}

fn after(report: &Report, hours: i64) -> Timestamp {
    report.generated_at.checked_add(SignedDuration::from_hours(hours)).expect("in range")
}

/// The days that a table shows of an instance.
fn days(report: &Report, instance: &str) -> String {
    let table = text(report, "table");
    let row = table.lines().find(|line| line.split_whitespace().nth(1) == Some(instance)).expect("a row");
    row.split_whitespace().nth(2).expect("days").to_owned()
}

#[test]
fn what_programs_read_is_the_same_at_any_time() {
    let mut report = report();
    let all = |report: &Report| {
        PURE.map(|format| (written(report, format, Rows::Instances), written(report, format, Rows::Clients)))
    };
    let fresh = all(&report);
    for hours in [-24 * 400, 0, 23, 24, 24 * 6, 24 * 400, 24 * 40_000] {
        report.read_at(after(&report, hours));
        assert!(all(&report) == fresh, "{hours} hours later");
    }
}

#[test]
fn what_people_read_counts_the_days_from_the_clock() {
    let mut report = report();
    let begin: i64 = days(&report, "reports-batch").parse().expect("a number");
    assert!(begin > 10, "{begin}");
    for late in 0..=begin + 3 {
        report.read_at(after(&report, 24 * late));
        let left = begin - late;
        let due = if left < 0 { "expired".to_owned() } else { left.to_string() };
        assert_eq!(days(&report, "reports-batch"), due, "{late} days later");
        let age = match late {
            0 => "00:00 UTC by ".to_owned(),
            1 => "00:00 UTC, 1 day ago, by ".to_owned(),
            late => format!("00:00 UTC, {late} days ago, by "),
        };
        assert!(text(&report, "table").contains(&age), "{}", text(&report, "table"));
    }
    for format in ["markdown", "html"] {
        assert!(text(&report, format).contains("days ago"), "{format}");
    }
    assert!(text(&report, "html").contains("expired 3 days ago"));
    let mut out = Vec::new();
    explain(&report, &report.named("reports-batch"), 100, &mut out).expect("text");
    assert!(String::from_utf8(out).expect("UTF-8").contains("expired 3 days ago"));
}

#[test]
fn a_clock_that_is_slow_makes_nothing_less_urgent() {
    let mut report = report();
    let now = text(&report, "table");
    report.read_at(after(&report, -24 * 100));
    assert_eq!(text(&report, "table"), now);
}

#[test]
fn old_evidence_is_stale_by_the_clock_of_the_machine() {
    let (aws, home) = (FakeAws::start(small_fleet()), TempDir::new().expect("a folder"));
    let collected = ["collect", "-o", "evidence", "--days", "1", "--now", "2016-01-10T00:00:00Z"];
    let collect = Run::of(against(&aws, home.path()).args(collected).current_dir(home.path()));
    assert_eq!(collect.status, 0, "{collect:?}");
    let analyze = |arguments: &[&str]| {
        let mut command = ssl_usage(home.path());
        Run::of(command.current_dir(home.path()).args(["analyze", "--from", "evidence", "--days", "1"]).args(arguments))
    };
    let table = analyze(&[]);
    let line =
        table.out.lines().find(|line| line.starts_with("Evidence collected 2016-01-10 00:00 UTC")).expect("a line");
    assert!(line.contains(" days ago, by "), "{line}");
    let json = analyze(&["--format", "json"]);
    assert_eq!(json.json()["generated_at"], "2016-01-10T00:00:00Z", "the window ends at the collection");
    assert_eq!(analyze(&["--format", "json", "--now", "2016-01-10T00:00:00Z"]).out, json.out);
    for (arguments, status) in [
        (&["--fail-on", "stale=2d"][..], 4),
        (&["--fail-on", "stale=2d", "--now", "2016-01-12T00:00:00Z"], 0),
        (&["--fail-on", "stale=2d", "--now", "2016-01-12T00:00:01Z"], 4),
        (&["--fail-on", "errors,stale=0d", "--now", "2016-01-10T00:00:00Z"], 0),
        // The certificate ends in 2027, 4,049 days after the collection.
        (&["--instance", "reports-batch", "--fail-on", "expiring=3650d"], 4),
        (&["--instance", "reports-batch", "--fail-on", "expiring=3650d", "--now", "2016-01-10T00:00:00Z"], 0),
        (&["--fail-on", "stale=2"], 2),
        (&["--fail-on", "stale=soon"], 2),
    ] {
        let run = analyze(arguments);
        assert_eq!(run.status, status, "{arguments:?}: {}", run.err);
    }
}
