//! The report of the small fleet in every format, as files that a reviewer can read.
//!
//! `SSL_USAGE_UPDATE_GOLDEN=1 cargo test` writes them anew, to be reviewed as a diff.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::command::{Run, ssl_usage};
use crate::fleet::WINDOW;

#[test]
fn every_format_is_as_it_was_reviewed() {
    let home = TempDir::new().expect("a folder");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    for (format, name) in [("table", "fleet.txt"), ("csv", "fleet.csv"), ("json", "fleet.json"), ("html", "fleet.html")]
    {
        let run = Run::of(ssl_usage(home.path()).args(["analyze", "--from", "fleet", "--format", format]).args(WINDOW));
        assert_eq!((run.status, run.err.as_str()), (0, ""), "{format}");
        let path = folder.join(name);
        if std::env::var_os("SSL_USAGE_UPDATE_GOLDEN").is_some() {
            fs::write(&path, &run.out).expect("a golden file");
        }
        let kept = fs::read_to_string(&path).expect("a golden file");
        assert_eq!(run.out, kept, "{format}: see {}", path.display());
        // To a file, the same.
        let output = home.path().join(name);
        let mut command = ssl_usage(home.path());
        command.args(["analyze", "--from", "fleet", "--format", format, "-o"]).arg(&output).args(WINDOW);
        assert_eq!(Run::of(&mut command).out, "");
        assert_eq!(fs::read_to_string(&output).expect("a report"), kept);
    }
}
