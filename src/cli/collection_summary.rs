//! What a collection read and where it is kept, on standard error when all else is printed.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::progress::Counts;
use super::settings::Settings;
use crate::problem::{Problem, by_code};
use crate::report::escape::terminal;
use crate::report::lines::{Step, next_steps};
use crate::text::plural;

/// A collection that has ended.
pub(super) struct CollectionSummary {
    /// The bundle that it extended.
    pub bundle: PathBuf,
    /// Instances that it found.
    pub instances: usize,
    /// Whether it was to read logs.
    pub logs: bool,
    /// What it read.
    pub counts: Arc<Counts>,
}

impl CollectionSummary {
    /// Prints the summary, unless the user wants none.
    pub fn print(&self, problems: &[Problem], next: &[Step]) {
        if Settings::get().quiet {
            return;
        }
        let mut text = format!("Collected {}: {}.\n", plural(self.instances, "instance"), self.counts.sum(self.logs));
        if !problems.is_empty() {
            let _ = writeln!(text, "{}: {}.", plural(problems.len(), "problem"), kinds(problems));
        }
        let _ = writeln!(text, "Evidence saved in {}", terminal(&self.bundle.display().to_string()));
        // A closed stderr is no reason to stop.
        let mut err = io::stderr();
        let _ = err.write_all(text.as_bytes()).and_then(|()| next_steps(&mut err, &again(&self.bundle), next));
    }
}

/// The options that read a bundle.
fn again(bundle: &Path) -> Vec<String> {
    vec!["--from".to_owned(), bundle.display().to_string()]
}

/// How many problems there are of each code: `12 AccessDenied, 1 throttled`.
fn kinds(problems: &[Problem]) -> String {
    let kinds = by_code(problems).into_iter().map(|(code, count)| format!("{count} {}", terminal(code)));
    kinds.collect::<Vec<_>>().join(", ")
}
