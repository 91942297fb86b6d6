//! `ssl-usage collect`: gathers evidence into a bundle, to be judged later or elsewhere.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;

use clap::Args;

use super::fleet::Fleet;
use super::progress::Bar;
use super::{complain_of, dry_run, exit};
use crate::bundle::{Scope, load};
use crate::error::Result;
use crate::report::lines::next_steps;
use crate::text::plural;

/// Gather the evidence of a fleet into a bundle, to be judged with `analyze --from`.
///
/// Run on a schedule, it keeps what RDS deletes after some days: a bundle grows, and what overlaps counts once. A collection
/// that was broken off goes on where it was when it is started again.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ssl-usage collect --days 3 -o evidence
  ssl-usage collect --all-regions --days 7 -o evidence --dry-run
  ssl-usage collect --all-regions --days 7 -o evidence
  ssl-usage collect --organization --role-name auditor --all-regions -o evidence
  ssl-usage analyze --from evidence")]
pub(super) struct Collect {
    #[command(flatten)]
    fleet: Fleet,
    /// The bundle to write into; made if there is none yet.
    #[arg(short, long, value_name = "BUNDLE")]
    output: PathBuf,
}

impl Collect {
    pub fn run(self) -> Result<u8> {
        if self.fleet.dry_run {
            return dry_run::print(&self.fleet, &self.output);
        }
        let (now, unwritten) = self.fleet.gather(&self.output)?;
        let mut evidence = load(std::slice::from_ref(&self.output), Scope::TakenAt(now))?;
        evidence.errors.extend(unwritten);
        let errors = evidence.all_errors(&Bar::new("checking"));
        complain_of(&errors);
        if io::stderr().is_terminal() {
            let collected = plural(evidence.instances.len(), "instance");
            let again = ["--from".to_owned(), self.output.display().to_string()];
            // A closed stderr is no reason to stop.
            let _ = writeln!(io::stderr(), "Collected evidence of {collected}.")
                .and_then(|()| next_steps(&mut io::stderr(), &again, &[("Judge it".to_owned(), "analyze", "")]));
        }
        Ok(exit::of_troubles(&errors))
    }
}
