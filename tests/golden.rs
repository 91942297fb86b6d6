//! The report of the small fleet in every format, as files that a reviewer can read.
//!
//! `SSL_USAGE_UPDATE_GOLDEN=1 cargo test as_it_was_reviewed` writes them anew, to be reviewed as a diff.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::command::{Run, ssl_usage};
use crate::fleet::WINDOW;

/// The golden file of this name, which must be what was printed.
pub fn reviewed(name: &str, printed: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("SSL_USAGE_UPDATE_GOLDEN").is_some() {
        fs::write(&path, printed).expect("a golden file");
    }
    let kept = fs::read_to_string(&path).expect("a golden file");
    assert_eq!(printed, kept, "see {}", path.display());
    kept
}

#[test]
fn every_format_is_as_it_was_reviewed() {
    let home = TempDir::new().expect("a folder");
    for (arguments, name) in [
        ("--format table", "fleet.txt"),
        ("--format table --wide --group-by engine --sort instance", "fleet-wide.txt"),
        ("--explain forum", "explain.txt"),
        ("--format csv", "fleet.csv"),
        ("--format csv --rows clients", "clients.csv"),
        ("--format json", "fleet.json"),
        ("--format ndjson", "fleet.ndjson"),
        ("--format markdown", "fleet.md"),
        ("--format html", "fleet.html"),
        ("--format summary", "fleet.summary.txt"),
        ("--format openmetrics", "fleet.prom"),
        ("--format ocsf", "fleet.ocsf.json"),
    ] {
        let arguments: Vec<_> = arguments.split(' ').collect();
        let run = Run::of(ssl_usage(home.path()).args(["analyze", "--from", "fleet"]).args(&arguments).args(WINDOW));
        assert_eq!((run.status, run.err.as_str()), (0, ""), "{arguments:?}");
        let kept = reviewed(name, &run.out);
        // To a file, the same.
        let output = home.path().join(name);
        let mut command = ssl_usage(home.path());
        command.args(["analyze", "--from", "fleet", "-o"]).arg(&output).args(&arguments).args(WINDOW);
        assert_eq!(Run::of(&mut command).out, "");
        assert_eq!(fs::read_to_string(&output).expect("a report"), kept);
    }
}
