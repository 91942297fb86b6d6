//! `--format spreadsheet`: CSV that Excel and LibreOffice open correctly, whatever names others chose.

use serde_json::json;
use tempfile::TempDir;

use crate::command::{Run, ssl_usage};
use crate::fleet::WINDOW;
use crate::formats::{hostile, named};

const COMMANDS: [&[&str]; 3] = [&["analyze"], &["analyze", "--rows", "clients"], &["clients"]];

fn print(command: &[&str], format: &str, bundle: &str) -> String {
    let home = TempDir::new().expect("a folder");
    let mut run = ssl_usage(home.path());
    let run = Run::of(run.args(command).args(["--format", format, "--from", bundle]).args(WINDOW));
    assert_eq!(run.status, 0, "{run:?}");
    run.out
}

/// The rows of a file, with the titles first.
fn rows(text: &str) -> Vec<Vec<String>> {
    let mut csv = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    csv.records().map(|row| row.expect("as many cells as titles").iter().map(str::to_owned).collect()).collect()
}

#[test]
fn a_spreadsheet_takes_every_cell_for_what_it_is() {
    for command in COMMANDS {
        let text = print(command, "spreadsheet", "fleet");
        let text = text.strip_prefix('\u{feff}').expect("the mark of UTF-8");
        assert_eq!(text.matches('\n').count(), text.matches("\r\n").count(), "{command:?}");
        let (found, plain) = (rows(text), rows(&print(command, "csv", "fleet")));
        assert!(found.len() > 10 && found.len() == plain.len(), "{command:?}");
        for (row, plain_row) in found.iter().zip(&plain).skip(1) {
            for (((title, cell), plain_title), plain_cell) in found[0].iter().zip(row).zip(&plain[0]).zip(plain_row) {
                let name = title.trim_end_matches("_utc").trim_end_matches("_percent");
                assert_eq!(name, plain_title);
                let due = match name {
                    "account" => "1234-5678-9012".to_owned(),
                    "engine_version" | "tool_version" => format!("v{plain_cell}"),
                    "coverage" | "judged_coverage" => {
                        format!("{:.0}", (plain_cell.parse::<f64>().expect("a share") * 100.0).floor())
                    }
                    _ if title.ends_with("_utc") => plain_cell.replace('T', " ").chars().take(19).collect(),
                    "reasons" | "tasks" | "gaps" | "tls_versions" | "old_protocols" => plain_cell.replace(' ', "; "),
                    _ if plain_cell == "true" || plain_cell == "false" => {
                        if plain_cell == "true" { "yes" } else { "no" }.to_owned()
                    }
                    _ => plain_cell.clone(),
                };
                assert_eq!(*cell, due, "{command:?} {title}");
            }
        }
    }
}

#[test]
fn no_name_is_run_as_a_formula_or_read_as_a_number_or_date() {
    let bundle = TempDir::new().expect("a folder");
    let mut names: Vec<String> = hostile().into_iter().map(|(name, _)| name).collect();
    names.extend(["0815", "16.10", "1e5", "mar-1", "2026-11-23", "TRUE", "-1", "\t=1+1", "\r@x"].map(str::to_owned));
    named(bundle.path(), &names);
    let path = bundle.path().to_str().expect("a path");
    let text = print(&["analyze"], "spreadsheet", path);
    let rows = rows(text.trim_start_matches('\u{feff}'));
    let column = |name: &str| rows[0].iter().position(|title| title == name).expect("a column");
    let counts: Vec<usize> = ["tls", "coverage_percent", "unparsed", "act_by_utc"].map(column).to_vec();
    for row in &rows[1..] {
        for cell in row {
            assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']), "{cell:?}");
        }
        assert!(counts.iter().all(|at| !row[*at].starts_with('\'')), "{row:?}");
    }
    let cells: Vec<_> = rows[1..].iter().map(|row| row[column("instance")].as_str()).collect();
    for (name, cell) in [("0815", "'0815"), ("mar-1", "'mar-1"), ("TRUE", "'TRUE"), ("16.10", "'16.10"), ("-1", "'-1")]
    {
        assert!(cells.contains(&cell), "{name}: {cells:?}");
    }
    assert_eq!(json!(rows[1].len()), json!(rows[0].len()));
}
