//! `diff`: what changed between two reports.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::command::{Run, ssl_usage};
use crate::fleet::WINDOW;
use crate::golden::reviewed;

fn report(home: &Path, arguments: &[&str]) -> Value {
    Run::of(ssl_usage(home).args(["analyze", "--from", "fleet", "--format", "json"]).args(arguments)).json()
}

fn write(home: &Path, name: &str, report: &Value) {
    fs::write(home.join(name), report.to_string()).expect("a report");
}

fn diff(home: &Path, arguments: &[&str]) -> Run {
    let mut command = ssl_usage(home);
    Run::of(command.current_dir(home).arg("diff").args(arguments))
}

fn instance<'a>(report: &'a mut Value, name: &str) -> &'a mut Value {
    let instances = report["instances"].as_array_mut().expect("instances");
    instances.iter_mut().find(|instance| instance["instance"] == name).expect("an instance")
}

fn client<'a>(report: &'a mut Value, name: &str, user: &str) -> &'a mut Value {
    let clients = instance(report, name)["connections"]["clients"].as_array_mut().expect("clients");
    clients.iter_mut().find(|client| client["user"] == user).expect("a client")
}

fn who(list: &Value) -> Vec<String> {
    let name = |one: &Value| format!("{} {}", one["instance"], one["user"]).replace('"', "");
    list.as_array().expect("a list").iter().map(name).collect()
}

#[test]
fn every_format_is_as_it_was_reviewed() {
    let home = TempDir::new().expect("a folder");
    for (name, now) in [("before.json", "2026-11-21T12:00:00Z"), ("after.json", "2026-11-23T00:00:00Z")] {
        write(home.path(), name, &report(home.path(), &["--days", "1", "--now", now]));
    }
    for (format, name) in [("text", "diff.txt"), ("json", "diff.json")] {
        let run = diff(home.path(), &["before.json", "after.json", "--format", format]);
        assert_eq!((run.status, run.err.as_str()), (0, ""));
        reviewed(name, &run.out);
    }
}

#[test]
fn nothing_changed_between_a_report_and_the_bundle_that_it_is_of() {
    let home = TempDir::new().expect("a folder");
    write(home.path(), "before.json", &report(home.path(), &WINDOW));
    let fleet = crate::command::samples().join("fleet");
    let run = diff(home.path(), &["before.json", &fleet.display().to_string(), "--days", "3"]);
    assert_eq!(run.status, 0, "{run:?}");
    assert!(run.out.contains("Nothing changed."), "{}", run.out);
}

/// A rotation that went wrong in every way, made out of a report by hand.
#[test]
fn a_rotation_that_went_wrong_is_told() {
    let home = TempDir::new().expect("a folder");
    let before = report(home.path(), &WINDOW);
    let mut after = before.clone();
    // A driver in a mode that prefers TLS did not accept the certificate, and another address took over.
    let app = client(&mut after, "orders-prod", "app");
    (app["tls"], app["plaintext"], app["address"]) = (0.into(), 144.into(), "10.99.0.77".into());
    // One does both now; one does not connect any more, and the server knows why; one is new.
    client(&mut after, "orders-legacy", "nightly")["plaintext"] = 1.into();
    let ledger = instance(&mut after, "ledger");
    ledger["connections"]["clients"] = json!([]);
    ledger["connections"]["certificate_rejected_by"] = json!({"10.99.0.51": 7, "10.99.0.52": 1});
    client(&mut after, "intranet", "app")["tls"] = 5.into();
    // Of one, the log tells no more how it connects.
    let untold = instance(&mut after, "shop")["connections"]["clients"].as_array_mut().expect("clients");
    let untold = untold.iter_mut().find(|client| client["tls"] != 0).expect("a client with TLS");
    (untold["tls"], untold["plaintext"], untold["unknown"]) = (0.into(), 0.into(), 72.into());
    let untold = format!("shop {}", untold["user"].as_str().expect("a name"));
    let reports = instance(&mut after, "reports-batch");
    (reports["rotation"], reports["coverage"]["share"]) = ("required".into(), 0.5.into());
    instance(&mut after, "wiki")["certificate"]["ca"] = "rds-ca-rsa4096-g1".into();
    instance(&mut after, "erp")["arn"] = "arn:aws:rds:eu-west-1:123456789012:db:erp-2".into();
    write(home.path(), "before.json", &before);
    write(home.path(), "after.json", &after);
    let diff = diff(home.path(), &["before.json", "after.json", "--format", "json"]).json();
    assert_eq!(who(&diff["fell_back"]), ["orders-legacy nightly", "orders-prod app"]);
    assert_eq!(diff["fell_back"][1]["now"], json!({"tls": 0, "without": 144}));
    assert_eq!(who(&diff["tls_clients_gone"]), ["ledger verifier", untold.as_str()]);
    assert_eq!(who(&diff["tls_clients_new"]), ["intranet app"]);
    let rejected = diff["certificate_rejected"].as_array().expect("a list");
    assert_eq!((rejected.len(), &rejected[0]["address"], &rejected[0]["times"]), (1, &"10.99.0.51".into(), &7.into()));
    let names = |list: &str| who(&diff[list]).join(", ").replace(" null", "");
    assert_eq!(names("verdicts"), "reports-batch");
    assert_eq!(names("coverage_worse"), "reports-batch");
    assert_eq!(names("certificates"), "wiki");
    assert_eq!((diff["came"][0]["arn"].as_str(), names("went").as_str()), (after_arn(&after), "erp"));
}

fn after_arn(after: &Value) -> Option<&str> {
    after["instances"].as_array()?.iter().find(|instance| instance["instance"] == "erp")?["arn"].as_str()
}

#[test]
fn what_could_not_be_read_is_said_and_names_are_only_text() {
    let home = TempDir::new().expect("a folder");
    let mut before = report(home.path(), &WINDOW);
    client(&mut before, "ledger", "verifier")["user"] = "\u{1b}[2Ja\nNothing changed.".into();
    let mut after = before.clone();
    instance(&mut after, "ledger")["connections"]["clients"] = json!([]);
    after["errors"] = json!([{"subject": "us-east-1", "call": null, "code": "AccessDenied", "message": "no"}]);
    write(home.path(), "before.json", &before);
    write(home.path(), "after.json", &after);
    let run = diff(home.path(), &["before.json", "after.json"]);
    assert_eq!(run.status, 3, "{run:?}");
    assert!(run.out.contains("user \\u{1b}[2Ja\\u{a}Nothing changed."), "{}", run.out);
    assert!(run.out.contains("part could not be read: 1 problem\n"), "{}", run.out);
}

#[test]
fn what_is_no_report_is_an_error_that_says_so() {
    let home = TempDir::new().expect("a folder");
    let good = report(home.path(), &WINDOW);
    write(home.path(), "good.json", &good);
    let mut half = good.clone();
    half["instances"][0].as_object_mut().expect("an instance").remove("connections");
    for (text, says) in [
        ("", "it is not JSON"),
        ("[]", "it names no schema"),
        (
            r#"{"schema":"ssl-usage/verdict/v9"}"#,
            "it is of schema ssl-usage/verdict/v9, and reports are of ssl-usage/verdict/v1",
        ),
        (r#"{"schema":"ssl-usage/clients/v1"}"#, "it is of schema ssl-usage/clients/v1"),
        (half.to_string().as_str(), "missing field `connections`"),
    ] {
        fs::write(home.path().join("bad.json"), text).expect("a file");
        for order in [["bad.json", "good.json"], ["good.json", "bad.json"]] {
            let run = diff(home.path(), &order);
            assert_eq!((run.status, run.out.as_str(), run.err.lines().count()), (1, "", 1), "{run:?}");
            assert!(run.err.contains("bad.json: ") && run.err.contains(says), "{}", run.err);
        }
    }
    assert!(diff(home.path(), &["good.json", "none.json"]).err.contains("none.json: no such file"));
}
