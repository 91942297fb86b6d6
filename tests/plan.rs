//! `plan`: the order of work, as JSON and as a script that a person reads and runs.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::command::{Run, samples, ssl_usage};
use crate::fleet::WINDOW;
use crate::golden::reviewed;
use crate::sealing::{copy_bundle, reseal};

/// What a name may do to a script that does not watch out.
pub const HOSTILE: &str =
    "x'\"; touch pwned; $(touch pwned) `touch pwned`\ntouch pwned\r\u{2028}touch pwned #{{ 1 + 1 }}";

/// A copy of the small fleet's bundle, with changes to its instances.
pub fn changed_fleet(home: &Path, name: &str, mut change: impl FnMut(&str, &mut Value)) -> PathBuf {
    let bundle = home.join(name);
    copy_bundle(&samples().join("fleet"), &bundle, |_| true);
    let inventory = bundle.join("fleet").read_dir().expect("a bundle").next().expect("a file").expect("a file").path();
    let mut fleet: Value = serde_json::from_slice(&fs::read(&inventory).expect("a file")).expect("JSON");
    for instance in fleet["instances"].as_array_mut().expect("instances") {
        let name = instance["instance"].as_str().expect("a name").to_owned();
        change(&name, instance);
    }
    fs::write(&inventory, fleet.to_string()).expect("a file");
    reseal(&bundle);
    bundle
}

/// Makes the CA of an instance end.
fn retire_ca(instance: &mut Value, end: &str) {
    instance["certificate"]["ca"] = "rds-ca-2019".into();
    instance["certificate"]["ca_valid_till"] = end.into();
}

/// The small fleet, with authorities that end: of an instance, of a Multi-AZ DB cluster of two, and of Oracle's listener;
/// and one that has another authority staged.
pub fn hostile_fleet(home: &Path) -> PathBuf {
    changed_fleet(home, "hostile", |name, instance| {
        if ["reports-batch", "crm-quiet", "intranet", "shop", "stock"].contains(&name) {
            retire_ca(instance, "2026-12-24T00:00:00Z");
        }
        match name {
            "crm-quiet" => instance["instance"] = HOSTILE.into(),
            "wiki" => instance["certificate"]["pending_ca"] = "rds-ca-rsa4096-g1".into(),
            "intranet" | "shop" => instance["cluster"] = format!("multi {HOSTILE}").into(),
            _ => {}
        }
    })
}

pub fn plan(home: &Path, bundle: &Path, format: &str) -> Run {
    let run = Run::of(ssl_usage(home).args(["plan", "--format", format, "--from"]).arg(bundle).args(WINDOW));
    assert_eq!((run.status, run.err.as_str()), (0, ""), "{run:?}");
    run
}

/// A command `aws` that does nothing: it records its words, each in brackets, and is of one account. Every instance is
/// available, but those that `STOPPED` names; what `PENDING` names is pending; changes of what `FAILING` names fail.
pub fn fake_command(home: &Path) -> PathBuf {
    const AWS: &str = r#"#!/bin/sh
for word in "$@"; do printf '[%s]' "$word"; done >>"$RECORD"
echo >>"$RECORD"
case "$*" in
    *get-caller-identity*) echo 123456789012 ;;
    *"${STOPPED:-no instance}"*DBInstanceStatus*) echo stopped ;;
    *DBInstanceStatus* | *"DBClusters[0].Status"*) echo available ;;
    *keys*) printf '%s' "${PENDING:-}" ;;
    *modify-*"${FAILING:-no instance}"*) exit 254 ;;
esac
"#;
    let folder = home.join("bin");
    fs::create_dir_all(&folder).expect("a folder");
    let date = "#!/bin/sh\necho \"${SECONDS_NOW:-0}\"\n";
    for (name, text) in [("aws", AWS), ("date", date), ("sleep", "#!/bin/sh\n")] {
        fs::write(folder.join(name), text).expect("a script");
        fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o755)).expect("a mode");
    }
    folder
}

/// Runs a script in a folder with the fake command; what it printed, and what was called.
fn run(home: &Path, script: &str, variables: &[(&str, &str)]) -> (Output, String) {
    let (file, record) = (home.join("rotate.sh"), home.join("record"));
    fs::write(&file, script).expect("a script");
    fs::write(&record, "").expect("a file");
    let path = format!("{}:/usr/bin:/bin", fake_command(home).display());
    let mut shell = Command::new("sh");
    shell.arg(&file).env_clear().env("PATH", path).env("RECORD", &record).current_dir(home);
    let output = shell.envs(variables.iter().copied()).output().expect("a shell");
    (output, fs::read_to_string(record).expect("a record"))
}

const REVIEWED: [(&str, &str); 2] = [("REVIEWED", "yes"), ("AWS_PROFILE_123456789012", "prod")];

#[test]
fn every_format_is_as_it_was_reviewed() {
    let home = TempDir::new().expect("a folder");
    for (format, name) in [("json", "plan.json"), ("sh", "plan.sh")] {
        reviewed(name, &plan(home.path(), Path::new("fleet"), format).out);
    }
}

#[test]
fn every_instance_has_its_step_or_needs_nothing_and_urgent_ones_come_first() {
    let home = TempDir::new().expect("a folder");
    let plan = plan(home.path(), Path::new("fleet"), "json").json();
    let steps = plan["steps"].as_array().expect("steps");
    let nothing = plan["nothing_to_do"].as_array().expect("instances");
    assert_eq!((steps.len(), nothing.len()), (16, 8));
    let required: Vec<_> = steps.iter().map(|step| step["rotation"] == "required").collect();
    assert!(required.is_sorted_by(|one, other| one >= other), "{required:?}");
    assert!(steps.iter().all(|step| step["takes_effect"].is_null() != step["no_rotation"].is_null()), "one of the two");
    // One source: without a command, the plan says what the verdict says.
    let report = Run::of(ssl_usage(home.path()).args(["analyze", "--format", "json", "--from", "fleet"]).args(WINDOW));
    let report = report.json();
    let shop = report["instances"].as_array().expect("instances").iter().find(|one| one["instance"] == "shop");
    let reasons = shop.expect("shop")["reasons"].as_array().expect("reasons");
    let reason = reasons.iter().find(|reason| reason["code"] == "renewal-overdue").expect("a reason");
    let step = steps.iter().find(|step| step["instance"] == "shop").expect("a step");
    assert_eq!(step["no_rotation"], reason["text"]);
    assert!(nothing.iter().all(|one| !one["why"].as_str().expect("a reason").is_empty()));
    let stores: Vec<_> = plan["trust_stores"].as_array().expect("a list").iter().map(|one| &one["instance"]).collect();
    assert_eq!(stores, ["orders-legacy", "ledger"], "the authority changes for one, and one is not accepted");
}

#[test]
fn a_step_waits_for_its_restart_where_it_may_and_a_cluster_has_one_certificate() {
    let home = TempDir::new().expect("a folder");
    let plan = plan(home.path(), &hostile_fleet(home.path()), "json").json();
    let steps = plan["steps"].as_array().expect("steps");
    let step = |name: &str| steps.iter().find(|step| step["instance"] == name).unwrap_or_else(|| panic!("{name}"));
    let aws = ["aws", "--region", "eu-west-1", "rds"];
    let command = |words: &[&str]| Value::from(vec![Value::from([&aws, words].concat())]);
    let new = ["--ca-certificate-identifier", "rds-ca-rsa2048-g1"];
    let of = |call: &'static str, option: &'static str, name| [call, option, name];
    let staged = ["--no-certificate-rotation-restart", "--no-apply-immediately"];
    let instance = of("modify-db-instance", "--db-instance-identifier", "reports-batch");
    assert_eq!(step("reports-batch")["commands"], command(&[&instance[..], &new, &staged].concat()));
    assert_eq!(step("reports-batch")["takes_effect"], "at-next-restart");
    // The evidence is inconclusive: evidence is gathered first.
    let held = &step(HOSTILE)["held_back"];
    let instance = of("modify-db-instance", "--db-instance-identifier", HOSTILE);
    assert_eq!(step(HOSTILE)["commands"], json!([]));
    assert_eq!(held["commands"], command(&[&instance[..], &new, &["--no-apply-immediately"]].concat()));
    assert_eq!(held["first"][0], json!(["ssl-usage", "preflight", "--region", "eu-west-1", "--instance", HOSTILE]));
    // TLS on a member is TLS on all: both are as urgent, and the first of them has the command.
    let name = format!("multi {HOSTILE}");
    let shared = ["modify-db-cluster", "--db-cluster-identifier", &name];
    assert_eq!(step("intranet")["commands"], command(&[&shared[..], &new, &["--no-apply-immediately"]].concat()));
    assert_eq!(step("intranet")["verify"][0][4], "describe-db-clusters");
    assert_eq!(step("shop")["commands"], json!([]));
    assert_eq!(step("shop")["no_rotation"], "the step of intranet rotates it as well");
    assert_eq!(step("shop")["rotated_with"], "intranet");
    assert_eq!(
        (&step("stock")["restart"], &step("stock")["takes_effect"]),
        (&"listener".into(), &"in-maintenance-window".into())
    );
}

/// The authority of `wiki` lasts for decades, and another one waits for its next restart.
#[test]
fn clients_need_an_authority_that_is_staged_before_any_restart() {
    let home = TempDir::new().expect("a folder");
    let plan = plan(home.path(), &hostile_fleet(home.path()), "json").json();
    let stores = plan["trust_stores"].as_array().expect("a list").iter().find(|one| one["instance"] == "wiki");
    let clients = stores.expect("wiki")["clients"].as_array().expect("clients");
    assert!(clients.len() == 2 && clients.iter().all(|one| one["tasks"][0] == "update-trust-store"), "{clients:#?}");
    let steps = plan["steps"].as_array().expect("steps");
    let step = steps.iter().find(|step| step["instance"] == "wiki").expect("a step, for it needs something");
    let why = step["no_rotation"].as_str().expect("a reason");
    assert!(
        why.starts_with("rds-ca-rsa4096-g1 is staged. It becomes active at the next restart, planned or not"),
        "{why}"
    );
    assert_eq!(step["commands"], json!([]), "the command is not given again");
}

#[test]
fn a_script_runs_only_when_it_was_reviewed_and_in_the_account_that_it_is_for() {
    let home = TempDir::new().expect("a folder");
    let script = plan(home.path(), Path::new("fleet"), "sh").out;
    let other = script.replace("123456789012", "210987654321");
    let elsewhere = [("REVIEWED", "yes"), ("AWS_PROFILE_210987654321", "prod")];
    for (script, variables, says) in [
        (&script, &[][..], "set REVIEWED=yes"),
        (&script, &[("REVIEWED", "no"), REVIEWED[1]], "set REVIEWED=yes"),
        (&script, &REVIEWED[..1], "AWS_PROFILE_123456789012"),
        (&other, &elsewhere, "Profile prod belongs to account 123456789012, not to 210987654321"),
    ] {
        let (output, called) = run(home.path(), script, variables);
        let err = String::from_utf8(output.stderr).expect("UTF-8");
        assert!(output.status.code() == Some(2) && err.contains(says), "{says}: {err}");
        assert!(!called.contains("[rds]"), "{called}");
    }
}

/// The calls that a script of a plan makes, where everything is available and all was agreed to or nothing.
fn due(document: &Value, agreed: bool) -> String {
    let (mut calls, mut verify) = (String::new(), String::new());
    let list = |value: &Value| -> String { value.as_array().into_iter().flatten().map(recorded).collect() };
    let steps = document["steps"].as_array().expect("steps");
    let gathers = |step: &&Value| step["held_back"]["reason"] == "gather-evidence";
    for step in steps.iter().filter(|step| !gathers(step)).chain(steps.iter().filter(gathers)) {
        let held = &step["held_back"]["commands"];
        let commands = if held.is_null() { &step["commands"] } else { held };
        if commands == &json!([]) {
            continue;
        }
        verify += &list(&step["verify"]);
        if held.is_null() || agreed {
            let checks = step["checks"].as_array().expect("checks");
            calls += &checks.iter().map(|check| recorded(&check["command"])).collect::<String>();
            calls += &list(commands);
        }
    }
    format!("[--profile][prod][sts][get-caller-identity][--query][Account][--output][text]\n{calls}{verify}")
}

#[test]
fn a_reviewed_script_makes_the_calls_of_the_plan_and_no_others() {
    let home = TempDir::new().expect("a folder");
    for bundle in [samples().join("fleet"), hostile_fleet(home.path())] {
        let document = plan(home.path(), &bundle, "json").json();
        let script = plan(home.path(), &bundle, "sh").out;
        for agreed in ["", "gather-evidence,restart,pending-changes,restart-now"] {
            let variables = [REVIEWED[0], REVIEWED[1], ("AGREED", agreed)];
            let (output, called) = run(home.path(), &script, &variables);
            let due = due(&document, !agreed.is_empty());
            assert!(
                due.contains("[apply-pending-maintenance-action]") && due.contains("[describe-db-instances]"),
                "{due}"
            );
            assert!(agreed.is_empty() || due.contains("[modify-db-instance]"), "{due}");
            assert_eq!(called, due);
            let err = String::from_utf8_lossy(&output.stderr);
            assert_eq!(err.contains("Skipped: 0. Failed: 0."), !agreed.is_empty(), "{err}");
            assert_eq!(output.status.code(), Some(1), "required rotations have no command yet: {err}");
            assert!(!home.path().join("pwned").exists(), "a name was run");
        }
    }
}

#[test]
fn a_plan_holds_rotations_alone() {
    let home = TempDir::new().expect("a folder");
    for bundle in [samples().join("fleet"), hostile_fleet(home.path())] {
        let script = plan(home.path(), &bundle, "sh").out;
        for other in ["parameter-group", "option-group", "cloudwatch-logs-export"] {
            let line =
                script.lines().find(|line| line.contains(" rds ") && line.contains(other) && !line.starts_with('#'));
            assert_eq!(line, None, "logging is for preflight");
        }
    }
}

/// Three instances whose CA ends: the second fails, the first is stopped by then, and one is stopped in the inventory.
#[test]
fn a_script_skips_what_rejects_changes_and_continues() {
    let home = TempDir::new().expect("a folder");
    let bundle = changed_fleet(home.path(), "stopped", |name, instance| {
        if ["orders-prod", "shop", "mobile-api", "stock"].contains(&name) {
            retire_ca(instance, "2026-12-24T00:00:00Z");
            instance["pending"] = json!([]);
        }
        if name == "stock" {
            instance["status"] = "stopped".into();
        }
    });
    let document = plan(home.path(), &bundle, "json").json();
    let step = document["steps"].as_array().expect("steps").iter().find(|step| step["instance"] == "stock");
    let step = step.expect("a step");
    let first = "AWS rejects the command while the instance is stopped. First: Start it.";
    assert_eq!((&step["commands"], &step["no_rotation"], &step["blocked"]), (&json!([]), &first.into(), &true.into()));
    let script = plan(home.path(), &bundle, "sh").out;
    let variables = [REVIEWED[0], REVIEWED[1], ("STOPPED", "orders-prod"), ("FAILING", "mobile-api")];
    let (output, called) = run(home.path(), &script, &variables);
    let err = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(1), "{err}");
    for said in [
        "SKIPPED stock: AWS rejects the command while the instance is stopped.",
        "SKIPPED orders-prod: status: stopped (accepted: available storage-optimization). First: Start it.",
        "FAILED mobile-api: see the error above.",
        "Rotated now: 0. Scheduled: 1. Skipped: 3. Failed: 1.",
    ] {
        assert!(err.contains(said), "{said}: {err}");
    }
    let modified = |name: &str| called.contains(&format!("[modify-db-instance][--db-instance-identifier][{name}]"));
    let modified = ["orders-prod", "stock", "mobile-api", "shop"].map(modified);
    assert_eq!(modified, [false, false, true, true], "{called}");
}

/// The certificate of `shop` ends before a maintenance window, and a larger class is pending.
#[test]
fn other_pending_changes_are_applied_only_if_that_was_agreed_to() {
    let home = TempDir::new().expect("a folder");
    let bundle = changed_fleet(home.path(), "pending", |name, instance| {
        if name == "shop" || name == "mobile-api" {
            retire_ca(instance, "2026-11-23T12:00:00Z");
            instance["maintenance_window"] = "sun:05:00-sun:06:00".into();
        }
        if name == "shop" {
            instance["pending_changes"] = json!(["DBInstanceClass"]);
        }
    });
    let document = plan(home.path(), &bundle, "json").json();
    let step = document["steps"].as_array().expect("steps").iter().find(|step| step["instance"] == "shop");
    let step = step.expect("a step");
    assert_eq!(step["held_back"]["reason"], "pending-changes");
    assert_eq!(step["held_back"]["also_applies"], json!(["DBInstanceClass"]));
    assert!(step["no_rotation"].as_str().is_some_and(|why| why.contains("DBInstanceClass")), "{step:#}");
    let now = document["steps"].as_array().expect("steps").iter().find(|step| step["instance"] == "mobile-api");
    let held = &now.expect("a step")["held_back"];
    assert_eq!((&held["reason"], &held["also_applies"]), (&"restart-now".into(), &json!([])), "{held:#}");
    let script = plan(home.path(), &bundle, "sh").out;
    let modify = |name: &str| format!("[modify-db-instance][--db-instance-identifier][{name}]");
    let (_, called) = run(home.path(), &script, &REVIEWED);
    assert!(!called.contains(&modify("shop")) && !called.contains(&modify("mobile-api")), "{called}");
    for (agreed, runs) in [("pending-changes", [true, false]), ("restart-now", [false, true])] {
        let (output, called) = run(home.path(), &script, &[REVIEWED[0], REVIEWED[1], ("AGREED", agreed)]);
        assert_eq!(["shop", "mobile-api"].map(|name| called.contains(&modify(name))), runs, "{agreed}: {called}");
        let err = String::from_utf8(output.stderr).expect("UTF-8");
        // With orders-legacy, whose certificate has expired.
        let rotated = if agreed == "restart-now" { "Rotated now: 2." } else { "Rotated now: 1." };
        assert!(err.contains(rotated), "{err}");
    }
    // A change that is pending by now.
    let variables = [REVIEWED[0], REVIEWED[1], ("AGREED", "restart-now"), ("PENDING", "EngineVersion")];
    let (output, called) = run(home.path(), &script, &variables);
    let err = String::from_utf8(output.stderr).expect("UTF-8");
    let said = "SKIPPED mobile-api: other pending changes: EngineVersion (accepted: none). Apply or cancel them first.";
    assert!(err.contains(said), "{err}");
    assert!(!called.contains(&modify("mobile-api")), "{called}");
}

#[test]
fn a_command_that_would_miss_its_last_window_is_not_run() {
    let home = TempDir::new().expect("a folder");
    let bundle = changed_fleet(home.path(), "late", |name, instance| {
        if name == "shop" {
            retire_ca(instance, "2026-12-24T00:00:00Z");
            instance["maintenance_window"] = "sun:05:00-sun:06:00".into();
        }
    });
    let document = plan(home.path(), &bundle, "json").json();
    let step = document["steps"].as_array().expect("steps").iter().find(|step| step["instance"] == "shop");
    assert_eq!(step.expect("a step")["run_by"], "2026-12-20T05:00:00Z");
    let script = plan(home.path(), &bundle, "sh").out;
    // 2026-12-20T05:00:00Z, and a second before.
    for (seconds, runs) in [("1797742799", true), ("1797742800", false)] {
        let (output, called) = run(home.path(), &script, &[REVIEWED[0], REVIEWED[1], ("SECONDS_NOW", seconds)]);
        assert_eq!(called.contains("[--db-instance-identifier][shop][--ca-certificate-identifier]"), runs, "{called}");
        let err = String::from_utf8(output.stderr).expect("UTF-8");
        let late =
            "SKIPPED shop: its last maintenance window before the certificate ends began at 2026-12-20 05:00 UTC.";
        assert_eq!(err.contains(late), !runs, "{err}");
    }
}

/// AWS should have offered the rotation of `shop`, and another CA is known. The script counts what it did not rotate.
#[test]
fn an_overdue_renewal_offers_another_ca_and_the_script_names_what_is_left() {
    let home = TempDir::new().expect("a folder");
    let bundle = changed_fleet(home.path(), "overdue", |name, instance| {
        if name == "shop" {
            instance["certificate"]["ca"] = "rds-ca-ecc384-g1".into();
        }
    });
    let document = plan(home.path(), &bundle, "json").json();
    let steps = document["steps"].as_array().expect("steps");
    let step = steps.iter().find(|step| step["instance"] == "shop").expect("a step");
    let held = &step["held_back"];
    assert_eq!((&held["reason"], &step["change"]), (&"change-ca".into(), &"server".into()), "{step:#}");
    assert_eq!(
        held["first"],
        json!([["ssl-usage", "clients", "--tls", "--region", "eu-west-1", "--instance", "shop"]])
    );
    assert!(step["no_rotation"].as_str().is_some_and(|why| why.contains("need this CA in their trust store first")));
    let script = plan(home.path(), &bundle, "sh").out;
    assert!(script.contains("name their reasons: AGREED=change-ca,restart-now\n"), "{script}");
    assert!(script.contains("orders-legacy (postgres): required, expired on 2024-08-22\n"), "{script}");
    assert!(script.contains("# --- 3. Gather evidence first: these instances can wait ---\n# None.\n"), "{script}");
    let modify = "[modify-db-instance][--db-instance-identifier][shop][--ca-certificate-identifier][rds-ca-rsa2048-g1]";
    let (output, called) = run(home.path(), &script, &REVIEWED);
    assert!(!called.contains(modify), "{called}");
    let err = String::from_utf8(output.stderr).expect("UTF-8");
    // orders-prod has an action of AWS; orders-legacy and shop are held back.
    assert!(err.contains("Rotated now: 0. Scheduled: 1. Skipped: 2. Failed: 0."), "{err}");
    let missing: Vec<_> = steps
        .iter()
        .filter(|step| step["commands"] == json!([]) && step["held_back"].is_null())
        .map(|step| step["instance"].as_str().expect("a name"))
        .collect();
    let said = format!("No command yet: {} (the first by 2027-01-30): {}.", missing.len(), missing.join(", "));
    assert!(err.contains(&said), "{said}: {err}");
    let (_, called) = run(home.path(), &script, &[REVIEWED[0], REVIEWED[1], ("AGREED", "change-ca")]);
    assert!(called.contains(modify), "{called}");
}

/// Deferrable rotations alone are no failure, and required ones are.
#[test]
fn a_script_fails_where_a_required_rotation_has_no_command() {
    let home = TempDir::new().expect("a folder");
    for (name, fails) in [("reports-batch", false), ("ledger", true)] {
        let mut command = ssl_usage(home.path());
        let found = command.args(["plan", "--format", "sh", "--from", "fleet", "--instance", name]).args(WINDOW);
        let script = Run::of(found).out;
        let (output, _) = run(home.path(), &script, &REVIEWED);
        let err = String::from_utf8(output.stderr).expect("UTF-8");
        assert!(err.contains("No command yet: 1 (the first by 2027-"), "{err}");
        assert_eq!(output.status.code(), Some(i32::from(fails)), "{err}");
    }
}

#[test]
fn readers_come_before_their_writer_and_evidence_is_gathered_last() {
    let home = TempDir::new().expect("a folder");
    let bundle = changed_fleet(home.path(), "ordered", |name, instance| {
        let role = match name {
            "orders-prod" => "writer",
            "ledger" | "mobile-api" => "reader",
            "crm-quiet" => return retire_ca(instance, "2027-02-01T00:00:00Z"),
            _ => return,
        };
        retire_ca(instance, "2027-02-01T00:00:00Z");
        instance["pending"] = json!([]);
        instance["engine"] = "aurora-postgresql".into();
        instance["cluster"] = "orders".into();
        instance["cluster_role"] = role.into();
        instance["cluster_siblings"] = json!(["others"]);
        instance["global_members"] = json!(["arn:aws:rds:us-east-1:123456789012:cluster:orders"]);
    });
    let document = plan(home.path(), &bundle, "json").json();
    let steps = document["steps"].as_array().expect("steps");
    let position = |name: &str| steps.iter().position(|step| step["instance"] == name).expect("a step");
    let [writer, ledger, mobile] = ["orders-prod", "ledger", "mobile-api"].map(position);
    assert!(ledger < writer && mobile < writer && writer - ledger.min(mobile) == 2, "{ledger} {mobile} {writer}");
    let notes = steps[writer]["notes"].to_string();
    assert!(notes.contains("writer of its cluster") && notes.contains("global cluster"), "{notes}");
    let last = steps.last().expect("steps");
    assert_eq!((&last["instance"], &last["held_back"]["reason"]), (&"crm-quiet".into(), &"gather-evidence".into()));
    assert!(last["held_back"]["rotate_by"].as_str().is_some_and(|by| by < "2027-02-01"), "{last:#}");
    let script = plan(home.path(), &bundle, "sh").out;
    assert!(script.contains("#     ssl-usage preflight --region eu-west-1 --instance crm-quiet\n"), "{script}");
}

/// A command of the plan as the fake command records it.
fn recorded(command: &Value) -> String {
    let words = command.as_array().expect("words").iter().skip(1).map(|word| word.as_str().expect("a word"));
    ["--profile", "prod"].into_iter().chain(words).map(|word| format!("[{word}]")).chain(["\n".to_owned()]).collect()
}

#[test]
fn names_do_not_end_a_comment() {
    let home = TempDir::new().expect("a folder");
    let script = plan(home.path(), &hostile_fleet(home.path()), "sh").out;
    let told =
        "# x'\"; touch pwned; $(touch pwned) `touch pwned`\\u{a}touch pwned\\u{d}\\u{2028}touch pwned #{{ 1 + 1 }} (";
    assert!(script.replace("\n#       ", " ").contains(told), "{script}");
    // Words of commands alone hold the name as it is.
    assert!(script.lines().filter(|line| line.starts_with('#')).all(|line| !line.contains(['\r', '\u{2028}'])));
}
