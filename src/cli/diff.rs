//! `ssl-usage diff`: what changed since then?

use std::path::{Path, PathBuf};

use clap::Args;

use super::exit;
use super::output::Output;
use super::progress::{Bar, JUDGING};
use crate::bundle::{Scope, load};
use crate::diff::{Diff, Format, Kept};
use crate::error::{Error, Result};
use crate::report::Report;
use crate::verdict::Policy;
use crate::window::Window;

/// What changed between two reports, as before and after a rotation?
///
/// First what went wrong: clients that used TLS and connect without it now (drivers whose mode is `prefer` do so without a
/// word when they do not accept the new certificate), clients that do not accept it, clients that are gone. Then new clients
/// with TLS, verdicts that moved, new certificates, logs of which less was seen, and instances that came or went.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ssl-usage analyze --days 3 --format json -o before.json
  ssl-usage diff before.json after.json
  ssl-usage diff --days 3 evidence-before evidence-after
  ssl-usage diff before.json after.json --format json | jq '.fell_back'

Exit status: 0 done; 1 failed; 2 bad usage; 3 done, but part of either could not be read. That something changed is no failure.")]
pub(super) struct Compare {
    /// The report of before: a file that `analyze --format json` wrote, or a bundle.
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The report of after.
    #[arg(value_name = "NEW")]
    new: PathBuf,
    /// Days of a bundle to judge, up to its last collection.
    #[arg(long, default_value_t = 14, value_parser = clap::value_parser!(u32).range(1..=3650))]
    days: u32,
    /// Accept evidence without digests, as of older bundles, although it cannot be verified.
    #[arg(long)]
    accept_unverified: bool,
    /// How to print what changed.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    output: Output,
}

impl Compare {
    pub fn run(self) -> Result<u8> {
        let diff = Diff::of(&self.kept(&self.old)?, &self.kept(&self.new)?);
        self.output.print(|width, out| diff.write(self.format, width, out))?;
        Ok(if diff.old.errors + diff.new.errors == 0 { exit::DONE } else { exit::PARTIAL })
    }

    fn kept(&self, path: &Path) -> Result<Kept> {
        let name = path.display().to_string();
        if path.is_dir() {
            let evidence = load(&[path.to_owned()], Scope::All)?;
            let window = Window::days_before(evidence.collected_at, self.days);
            let policy = Policy { accept_unverified: self.accept_unverified, ..Policy::default() };
            return Kept::of(&name, &Report::new(&evidence, window, policy, &Bar::new(JUDGING)));
        }
        let text = std::fs::read_to_string(path).map_err(|error| Error::io(path, error))?;
        Kept::read(&name, &text)
    }
}
