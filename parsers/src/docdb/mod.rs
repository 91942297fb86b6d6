//! Amazon DocumentDB.
//!
//! Its audit log shows clients, but not their transport: no session in it counts as plaintext or TLS.
//!
//! The log is read from CloudWatch Logs. Its profiler log, which holds slow operations, is not read.

mod audit;
mod engine;

pub use audit::Audit;
pub use engine::ENGINE;

use crate::detect::Hints;
use crate::engine::Parsers;

/// The parsers that a log beginning with `_head` may be for.
fn parsers(_head: &[u8], _hints: &Hints) -> Parsers {
    vec![Box::new(Audit)]
}
