//! A plan in the hands of others: Ansible runs it, and ShellCheck reads the script.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::install;
use crate::command::samples;
use crate::plan::{fake_command, hostile_fleet, plan};

/// Runs `samples/rotation/play.yml`; whether it went well, what it said, and what was called.
fn play(home: &Path, arguments: &[&str]) -> (bool, String, String) {
    let record = home.join("record");
    fs::write(&record, "").expect("a file");
    let programs = install::programs();
    let path = format!("{}:{}:/usr/bin:/bin", fake_command(home).display(), programs.display());
    let mut ansible = Command::new(programs.join("ansible-playbook"));
    ansible.arg(samples().join("rotation/play.yml")).args(arguments).current_dir(home);
    ansible.arg("-e").arg(format!("plan={}", home.join("plan.json").display()));
    ansible.env_clear().env("PATH", path).env("HOME", home).env("RECORD", &record).env("LC_ALL", "C.UTF-8");
    let output = ansible.output().expect("ansible-playbook");
    let said = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&said).into_owned(),
        fs::read_to_string(record).expect("a record"),
    )
}

#[test]
fn ansible_runs_the_steps_of_a_plan_that_was_reviewed() {
    if install::skipped("ansible-playbook") {
        return;
    }
    let home = TempDir::new().expect("a folder");
    let document = plan(home.path(), &hostile_fleet(home.path()), "json");
    fs::write(home.path().join("plan.json"), &document.out).expect("a plan");
    let (profiles, reviewed) = (r#"{"profiles": {"123456789012": "prod"}}"#, "reviewed=yes");
    for refused in [&["-e", profiles][..], &["-e", reviewed]] {
        let (done, said, called) = play(home.path(), refused);
        assert!(!done && said.contains("Assertion failed") && called.is_empty(), "{said}\n{called}");
    }
    let (done, said, called) = play(home.path(), &["-e", profiles, "-e", reviewed, "--check"]);
    assert!(done && !called.contains("[modify"), "{said}\n{called}");
    // What is held back is left out and named, and the rest is run.
    let (done, said, called) = play(home.path(), &["-e", profiles, "-e", reviewed]);
    assert!(
        !done && said.contains("Skipped or failed: orders-legacy, x'") && called.contains("[modify-db-cluster]"),
        "{said}\n{called}"
    );
    let agreed = r#"{"agreed": ["gather-evidence", "restart", "pending-changes", "restart-now"]}"#;
    let (done, said, called) = play(home.path(), &["-e", profiles, "-e", reviewed, "-e", agreed]);
    let left = "Skipped or failed: none. No command yet: ledger, billing-pool, ";
    assert!(!done && said.contains(left) && !said.contains("warehouse-gap"), "{said}");
    let steps = document.json();
    let steps = steps["steps"].as_array().expect("steps");
    let commands = steps.iter().flat_map(|step| step["commands"].as_array());
    let held = steps.iter().flat_map(|step| step["held_back"]["commands"].as_array());
    let mut rest = called.as_str();
    for command in commands.chain(held).flatten() {
        let words = command.as_array().expect("words").iter().skip(1).filter_map(Value::as_str);
        let due: String = words.map(|word| format!("[{word}]")).collect();
        let line = format!("[--profile][prod]{due}\n");
        let (_, behind) = rest.split_once(&line).unwrap_or_else(|| panic!("{line} in its place in {called}"));
        rest = behind;
    }
    assert!(called.contains("{{ 1 + 1 }}"), "a name is no template: {called}");
    assert!(!home.path().join("pwned").exists(), "a name was run");
}

#[test]
fn shellcheck_finds_nothing_in_the_script() {
    if install::skipped("shellcheck") {
        return;
    }
    let home = TempDir::new().expect("a folder");
    for (name, bundle) in [("fleet.sh", samples().join("fleet")), ("hostile.sh", hostile_fleet(home.path()))] {
        let path = home.path().join(name);
        fs::write(&path, plan(home.path(), &bundle, "sh").out).expect("a script");
        let mut shellcheck = Command::new(install::programs().join("shellcheck"));
        // A name may well hold a quote, a carriage return or what looks like an expansion.
        let said = install::run(shellcheck.args(["--severity", "warning", "--exclude", "SC1017"]).arg(&path));
        assert_eq!(said, Ok(String::new()));
        install::run(Command::new("sh").arg("-n").arg(&path)).expect("a script that can be read");
    }
}
