//! `ssl-usage diff`: compares two reports.

use std::path::{Path, PathBuf};

use clap::Args;

use super::exit;
use super::fleet::days;
use super::heading::{EVIDENCE, OUTPUT, WHAT};
use super::output::{Output, one_of};
use super::progress::{Bar, JUDGING};
use super::working_copies::{self, Access};
use crate::bundle::{Scope, load};
use crate::diff::{Diff, FORMATS, Kept};
use crate::error::{Error, Result};
use crate::report::{Format, Report};
use crate::verdict::Policy;
use crate::window::Window;

/// Compare two reports, for example from before and after a rotation.
///
/// Lists problems first: clients that no longer use TLS, that reject the new certificate, or that no longer connect. A
/// driver in `prefer` mode falls back to plaintext without an error when it rejects a certificate. Then come new clients,
/// changed verdicts and certificates, lower log coverage, and added or removed instances.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ssl-usage analyze --days 3 --format json -o before.json
  ssl-usage diff before.json after.json
  ssl-usage diff --days 3 evidence-before evidence-after
  ssl-usage diff before.json after.json --format json | jq '.fell_back'

Exit status: 0 success, with or without changes; 1 error; 2 invalid usage; 3 success, but a report contains errors.")]
pub(super) struct Compare {
    /// Earlier report: a file from `analyze --format json`, or a bundle.
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// Later report: a file from `analyze --format json`, or a bundle.
    #[arg(value_name = "NEW")]
    new: PathBuf,
    /// Days of a bundle to analyze, up to its last collection.
    #[arg(long, help_heading = WHAT, default_value_t = 14, value_parser = days)]
    days: u32,
    /// Accept evidence without digests (older bundles), although it cannot be verified.
    #[arg(long, help_heading = EVIDENCE)]
    accept_unverified: bool,
    /// Format of the comparison.
    #[arg(long, help_heading = OUTPUT, value_parser = one_of(FORMATS), default_value = "text")]
    format: &'static Format<Diff>,
    #[command(flatten)]
    output: Output,
}

impl Compare {
    pub fn run(self) -> Result<u8> {
        let diff = Diff::of(&self.kept(&self.old)?, &self.kept(&self.new)?);
        self.output.print(self.format, &diff, Vec::new())?;
        Ok(if diff.old.errors + diff.new.errors == 0 { exit::DONE } else { exit::PARTIAL })
    }

    fn kept(&self, path: &Path) -> Result<Kept> {
        let name = path.display().to_string();
        let local = working_copies::local(path, Access::ENVIRONMENT)?;
        if local.is_dir() || local != path {
            let evidence = load(&[local], Scope::All)?;
            let window = Window::days_before(evidence.collected_at, self.days);
            let policy = Policy { accept_unverified: self.accept_unverified, ..Policy::default() };
            return Kept::of(&name, &Report::new(&evidence, window, policy, &Bar::new(JUDGING)));
        }
        let text = std::fs::read_to_string(path).map_err(|error| Error::io(path, error))?;
        Kept::read(&name, &text)
    }
}
