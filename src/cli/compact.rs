//! `ssl-usage compact`: merges the collections of a bundle.

use std::path::{Path, PathBuf};

use clap::Args;

use super::output::local_or_s3;
use super::working_copies::{self, Access};
use super::{complain_of, exit};
use crate::bundle::{Bundle, Scope, load};
use crate::error::{ErrorKind, Result};
use crate::problem::Problem;

/// Merge the collections of a bundle into fewer files.
///
/// Reports do not change. `collect` compacts a bundle when needed. It is safe to interrupt this command, and to collect
/// into the bundle or analyze it at the same time.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ssl-usage compact evidence
  ssl-usage compact s3://audit/evidence

Exit status: 0 success; 1 error; 2 invalid usage; 3 a file is damaged or missing, and was left unchanged.")]
pub(super) struct Compact {
    /// Bundles to compact.
    #[arg(required = true, value_name = "BUNDLE", value_parser = local_or_s3())]
    bundles: Vec<PathBuf>,
}

impl Compact {
    pub fn run(self) -> Result<u8> {
        let mut status = exit::DONE;
        for path in &self.bundles {
            // Merged parts are of this version's format.
            let local = working_copies::local(path, Access::ENVIRONMENT)?;
            Bundle::open(&local)?;
            let mut told: Vec<Problem> = Bundle::create(&local)?.compact(1)?.iter().map(Problem::from).collect();
            if !working_copies::publish(path)? {
                status = exit::PARTIAL;
            }
            for trouble in damage(&local) {
                if told.iter().all(|told| told.subject != trouble.subject) {
                    told.push(trouble);
                }
            }
            complain_of(&told);
            if !told.is_empty() {
                status = exit::PARTIAL;
            }
        }
        Ok(status)
    }
}

/// The files of a bundle that are damaged or missing. One without an inventory has none.
fn damage(path: &Path) -> Vec<Problem> {
    match load(&[path.to_owned()], Scope::All) {
        Ok(evidence) => evidence.damage(),
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        Err(error) => vec![Problem::from(&error)],
    }
}
