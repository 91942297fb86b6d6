//! Amazon DocumentDB.
//!
//! Its audit log tells who came, and never how: no session is plaintext by it, and none is TLS.

mod audit;
mod json;

pub use audit::Audit;

use crate::detect::Hints;
use crate::engine::Parsers;

/// The parsers that a log beginning with `head` may be for.
#[allow(dead_code, reason = "for the table of the engine")]
pub(crate) fn parsers(_head: &[u8], _hints: &Hints) -> Parsers {
    vec![Box::new(Audit)]
}
