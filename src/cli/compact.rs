//! `ssl-usage compact`: makes a bundle small.

use std::path::PathBuf;

use clap::Args;

use super::{complain, exit};
use crate::bundle::Bundle;
use crate::error::Result;

/// Merge what many collections wrote into a bundle. No report changes.
///
/// Collecting does it by itself from time to time. It may be killed at any moment, and other processes may collect into the
/// bundle or judge it meanwhile.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ssl-usage compact evidence")]
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
            for error in Bundle::create(path)?.compact(1)? {
                complain(&error);
                status = exit::PARTIAL;
            }
        }
        Ok(status)
    }
}
