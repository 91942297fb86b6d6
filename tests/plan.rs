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

/// The small fleet, with authorities that end: of an instance, of a Multi-AZ DB cluster of two, and of Oracle's listener;
/// and one that has another authority staged.
pub fn hostile_fleet(home: &Path) -> PathBuf {
    let bundle = home.join("hostile");
    copy_bundle(&samples().join("fleet"), &bundle, |_| true);
    let inventory = bundle.join("fleet").read_dir().expect("a bundle").next().expect("a file").expect("a file").path();
    let mut fleet: Value = serde_json::from_slice(&fs::read(&inventory).expect("a file")).expect("JSON");
    for instance in fleet["instances"].as_array_mut().expect("instances") {
        let name = instance["instance"].as_str().expect("a name").to_owned();
        if ["reports-batch", "crm-quiet", "intranet", "shop", "stock"].contains(&name.as_str()) {
            instance["certificate"]["ca"] = "rds-ca-2019".into();
            instance["certificate"]["ca_valid_till"] = "2026-12-24T00:00:00Z".into();
        }
        match name.as_str() {
            "crm-quiet" => instance["instance"] = HOSTILE.into(),
            "wiki" => instance["certificate"]["pending_ca"] = "rds-ca-rsa4096-g1".into(),
            "intranet" | "shop" => instance["cluster"] = format!("multi {HOSTILE}").into(),
            _ => {}
        }
    }
    fs::write(&inventory, fleet.to_string()).expect("a file");
    reseal(&bundle);
    bundle
}

pub fn plan(home: &Path, bundle: &Path, format: &str) -> Run {
    let run = Run::of(ssl_usage(home).args(["plan", "--format", format, "--from"]).arg(bundle).args(WINDOW));
    assert_eq!((run.status, run.err.as_str()), (0, ""), "{run:?}");
    run
}

/// A command `aws` that does nothing: it records its words, each in brackets, and is of one account.
pub fn fake_command(home: &Path) -> PathBuf {
    let folder = home.join("bin");
    fs::create_dir_all(&folder).expect("a folder");
    let text = "#!/bin/sh\nfor word in \"$@\"; do printf '[%s]' \"$word\"; done >>\"$RECORD\"\necho >>\"$RECORD\"\n\
        case \"$*\" in *get-caller-identity*) echo 123456789012 ;; esac\n";
    fs::write(folder.join("aws"), text).expect("a script");
    fs::set_permissions(folder.join("aws"), fs::Permissions::from_mode(0o755)).expect("a mode");
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
    let staged = ["--no-certificate-rotation-restart", "--apply-immediately"];
    let instance = of("modify-db-instance", "--db-instance-identifier", "reports-batch");
    assert_eq!(step("reports-batch")["commands"], command(&[&instance[..], &new, &staged].concat()));
    assert_eq!(step("reports-batch")["takes_effect"], "at-next-restart");
    // Nobody can tell: first its sessions are logged, and it is rotated all the same.
    let calls: Vec<_> = step(HOSTILE)["commands"].as_array().expect("commands").iter().map(|words| &words[4]).collect();
    assert_eq!(calls, ["modify-db-parameter-group", "modify-db-instance"]);
    assert_eq!(step(HOSTILE)["commands"][1][6], HOSTILE);
    // The member that uses TLS is the more urgent one.
    let name = format!("multi {HOSTILE}");
    let shared = ["modify-db-cluster", "--db-cluster-identifier", &name];
    assert_eq!(step("shop")["commands"], command(&[&shared[..], &new, &["--no-apply-immediately"]].concat()));
    assert_eq!(step("shop")["verify"][0][4], "describe-db-clusters");
    assert_eq!(step("intranet")["commands"], json!([]));
    assert_eq!(step("intranet")["no_rotation"], "the step of shop rotates it as well");
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
    let staged = "a staged certificate of rds-ca-rsa4096-g1 becomes active at the next restart, planned or not";
    assert_eq!((&step["commands"], &step["no_rotation"]), (&json!([]), &staged.into()));
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

#[test]
fn a_reviewed_script_makes_the_calls_of_the_plan_and_no_others() {
    let home = TempDir::new().expect("a folder");
    for bundle in [samples().join("fleet"), hostile_fleet(home.path())] {
        let document = plan(home.path(), &bundle, "json").json();
        let script = plan(home.path(), &bundle, "sh").out;
        let (output, called) = run(home.path(), &script, &REVIEWED);
        assert!(output.status.success(), "{output:?}");
        let calls = |list: &str, all: bool| -> String {
            let steps = document["steps"].as_array().expect("steps").iter();
            let steps = steps.filter(|step| all || !step["takes_effect"].is_null());
            steps.flat_map(|step| step[list].as_array().expect("commands")).map(recorded).collect()
        };
        let identity = "[--profile][prod][sts][get-caller-identity][--query][Account][--output][text]\n";
        let due = format!("{identity}{}{}", calls("commands", true), calls("verify", false));
        assert!(due.contains("[modify-db-instance]") && due.contains("[describe-db-instances]"), "{due}");
        assert_eq!(called, due);
        assert!(!home.path().join("pwned").exists(), "a name was run");
    }
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
