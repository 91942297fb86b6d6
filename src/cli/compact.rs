//! `ssl-usage compact`: makes a bundle small.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{complain_of, exit};
use crate::bundle::{Bundle, Scope, load};
use crate::error::{ErrorKind, Result};
use crate::problem::Problem;

/// Merge what many collections wrote into a bundle. No report changes.
///
/// Collecting does it by itself from time to time. It may be killed at any moment, and other processes may collect into the
/// bundle or judge it meanwhile.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ssl-usage compact evidence

Exit status: 0 done; 1 failed; 2 bad usage; 3 a file is damaged or missing, and is left as it is.")]
pub(super) struct Compact {
    /// The bundles to make small.
    #[arg(required = true, value_name = "BUNDLE")]
    bundles: Vec<PathBuf>,
}

impl Compact {
    pub fn run(self) -> Result<u8> {
        let mut status = exit::DONE;
        for path in &self.bundles {
            // Merged parts are of this version's format.
            Bundle::open(path)?;
            let mut told: Vec<Problem> = Bundle::create(path)?.compact(1)?.iter().map(Problem::from).collect();
            for trouble in damage(path) {
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
