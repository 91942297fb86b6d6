//! The evidence bundle: facts and coverage on disk.

mod coverage;
mod fact;

pub use coverage::{Hole, HoleCause, SourceCoverage};
pub use fact::Fact;
