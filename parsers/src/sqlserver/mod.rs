//! Microsoft SQL Server: RDS for SQL Server.
//!
//! Its log shows clients, but not their transport: no session in it counts as plaintext or TLS.

mod engine;
mod errorlog;

pub use engine::ENGINE;
pub use errorlog::Errorlog;

use crate::detect::Hints;
use crate::engine::Parsers;

/// The parsers that a log beginning with `head` may be for.
fn parsers(head: &[u8], _hints: &Hints) -> Parsers {
    vec![Box::new(Errorlog::new(head))]
}
