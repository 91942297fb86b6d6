//! The commands that the tool prints, in the AWS CLI itself: it checks them by its own models, and sends them to a stub.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{install, python, script};
use crate::aws_cli::{COMMANDS, GLOBAL, printed, shapes};

#[test]
fn the_aws_cli_accepts_every_printed_command() {
    let Some(python) = python("awscli") else { return };
    let home = TempDir::new().expect("a folder");
    let commands = home.path().join("commands.json");
    std::fs::write(&commands, json!(shapes(printed())).to_string()).expect("a file");
    let checked = install::run(Command::new(python).arg(script("commands.py")).arg(&commands));
    let checked: Value = serde_json::from_str(&checked.unwrap_or_else(|error| panic!("{error}"))).expect("JSON");
    assert_eq!(checked["rejected"], json!([]));
    for (name, required, used) in COMMANDS {
        let known = &checked["known"][name];
        assert_eq!(known["required"], json!(required), "{name}");
        let options: BTreeSet<&str> =
            known["options"].as_array().expect("options").iter().filter_map(Value::as_str).collect();
        let unknown: Vec<_> =
            used.iter().filter(|option| !options.contains(*option) && !GLOBAL.contains(option)).collect();
        assert!(unknown.is_empty(), "{name}: {unknown:?}");
    }
    // What a script checks before it rotates, where all is available and nothing is pending.
    for (query, output) in checked["printed"].as_object().expect("outputs") {
        if query.contains("Status") {
            assert_eq!(output, "available", "{query}");
        } else if query.contains("keys(") {
            assert_eq!(output, "", "{query}");
        }
    }
}
