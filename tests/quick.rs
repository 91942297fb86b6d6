//! `ssl-usage analyze --quick`: the same verdicts from fewer logs, and every report says that the rest is partial.

use serde_json::Value;
use tempfile::TempDir;

use crate::command::{Run, against, ssl_usage};
use crate::fake_aws::FakeAws;
use crate::fleet::{WINDOW, small_fleet};

fn instance<'r>(report: &'r Value, name: &str) -> &'r Value {
    let all = report["instances"].as_array().expect("instances");
    all.iter().find(|row| row["instance"] == name).unwrap_or_else(|| panic!("{name}: {report:#}"))
}

#[test]
fn a_quick_report_has_the_same_verdicts_and_says_that_it_is_partial() {
    let home = TempDir::new().expect("a folder");
    let bundle = |name: &str| home.path().join(name).display().to_string();
    let analyze = |options: &[&str]| {
        let aws = FakeAws::start(small_fleet());
        Run::of(against(&aws, home.path()).arg("analyze").args(WINDOW).args(options))
    };
    let full = analyze(&["--format", "json", "--bundle", &bundle("full")]);
    let quick = analyze(&["--format", "json", "--quick", "--bundle", &bundle("quick")]);
    assert_eq!((quick.status, &quick.err), (full.status, &full.err));
    let (full, quick) = (full.json(), quick.json());
    for row in full["instances"].as_array().expect("instances") {
        let name = row["instance"].as_str().expect("a name");
        let other = instance(&quick, name);
        assert_eq!((&row["rotation"], &row["unproven"]), (&other["rotation"], &other["unproven"]), "{name}");
    }
    assert_eq!(quick["errors"], full["errors"]);
    let partial = instance(&quick, "orders-prod");
    let has =
        |list: &Value, key: &str, value: &str| list.as_array().expect("a list").iter().any(|one| one[key] == value);
    assert!(has(&partial["reasons"], "code", "logs-not-read"), "{partial:#}");
    assert!(has(&partial["coverage"]["gaps"], "cause", "not-read"), "{partial:#}");
    assert_eq!(partial["coverage"]["files_failed"], 0, "{partial:#}");
    assert_ne!(partial["enforcement"], "safe", "{partial:#}");

    let read = |command: &[&str]| {
        let run = Run::of(ssl_usage(home.path()).args(command).args(["--from", &bundle("quick")]).args(WINDOW));
        assert_eq!(run.status, 0, "{run:?}");
        run.out.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    for format in ["table", "markdown", "html", "csv"] {
        let said = read(&["analyze", "--format", format]);
        assert!(said.contains("Clients and counts are partial for"), "{format}: {said}");
    }
    assert!(read(&["clients"]).contains("clients and counts are partial"), "{}", read(&["clients"]));
    let saved = home.path().join("quick.json");
    std::fs::write(&saved, quick.to_string()).expect("a file");
    let diff = Run::of(ssl_usage(home.path()).args(["diff", "--days", "3"]).arg(&saved).arg(bundle("full")));
    let said = diff.out.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("clients of 4 instances are partial (--quick)"), "{diff:?}");
}

#[test]
fn a_bundle_cannot_be_read_quickly() {
    let home = TempDir::new().expect("a folder");
    for other in [&["--from", "fleet"][..], &["--dry-run"]] {
        let run = Run::of(ssl_usage(home.path()).args(["analyze", "--quick"]).args(other));
        assert_eq!(run.status, 2, "{run:?}");
    }
}
