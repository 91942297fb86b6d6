//! Athena: the tables and queries of `samples/athena/bundle.sql`, run with DuckDB.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{install, python, script};
use crate::command::{Run, samples, ssl_usage};
use crate::fleet::{WINDOW, small_fleet};
use crate::sealing::copy_bundle;

/// Copies the tables of `evidence` as `src/bundle/README.md` says. Returns the rows of each query.
fn queried(home: &Path, python: &Path) -> Vec<Vec<Value>> {
    let _ = fs::remove_dir_all(home.join("athena"));
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/bundle/README.md");
    let readme = fs::read_to_string(readme).expect("a file");
    let (_, section) = readme.split_once("### Athena").expect("a section");
    let commands = section.split("```").nth(1).and_then(|block| block.strip_prefix("sh\n")).expect("commands");
    let local: Vec<&str> = commands.lines().filter(|line| !line.starts_with("aws ")).collect();
    install::run(Command::new("sh").args(["-e", "-c", &local.join("\n")]).current_dir(home)).expect("copies");
    let sql = samples().join("athena/bundle.sql");
    let mut run = Command::new(python);
    let printed = install::run(run.arg(script("athena.py")).arg(sql).arg(home.join("athena"))).expect("rows");
    serde_json::from_str(&printed).expect("JSON")
}

/// Sessions by instance and transport, as a report says.
fn reported(home: &Path) -> Vec<Value> {
    let mut command = ssl_usage(home);
    command.args(["analyze", "--format", "json", "--from"]).arg(home.join("evidence")).args(WINDOW);
    let report = Run::of(&mut command).json();
    let mut rows = Vec::new();
    for instance in report["instances"].as_array().expect("instances") {
        for transport in ["gss", "local", "plaintext", "tls", "unknown"] {
            let count = &instance["connections"][transport];
            if count.as_u64().expect("a count") > 0 {
                rows.push(json!([instance["arn"], transport, count]));
            }
        }
    }
    rows.sort_by_key(Value::to_string);
    rows
}

/// Of several log reads of one log, one counts: of two forms of a log in one part, and of two parts.
#[test]
fn sums_in_athena_are_those_of_reports() {
    let Some(python) = python("DuckDB") else { return };
    let home = TempDir::new().expect("a folder");
    let home = home.path();
    copy_bundle(&samples().join("fleet"), &home.join("evidence"), |_| true);
    let expected = reported(home);
    assert!(expected.len() > 15, "{expected:?}");
    let sum = |rows: &[Value], column: usize| rows.iter().filter_map(|row| row[column].as_u64()).sum::<u64>();
    let plaintext: Vec<Value> = expected.iter().filter(|row| row[1] == "plaintext").cloned().collect();
    let rows = queried(home, &python);
    assert_eq!((&rows[0], sum(&rows[1], 5), rows[2].len()), (&expected, sum(&plaintext, 2), 0));
    // A copy that ends in the middle of a line is read, too.
    let (mut fleet, name) = (small_fleet(), "error/postgresql.log.2026-11-22-22");
    let bytes = &fleet.instance("orders-prod").files[name].bytes;
    fs::create_dir_all(home.join("logs/orders-prod/error")).expect("a folder");
    fs::write(home.join("logs/orders-prod").join(name), &bytes[..bytes.len() * 2 / 3]).expect("a copy");
    let mut command = ssl_usage(home);
    command.args(["collect", "--quiet", "--logs"]).arg(home.join("logs")).arg("-o").arg(home.join("evidence"));
    let run = Run::of(&mut command);
    assert_eq!(run.status, 3, "{run:?}");
    let rows = queried(home, &python);
    assert_eq!((&rows[0], reported(home)), (&expected, expected.clone()));
    assert_eq!((rows[2].len(), &rows[2][0][0]), (1, &Value::from("orders-prod")), "{:?}", rows[2]);
}
