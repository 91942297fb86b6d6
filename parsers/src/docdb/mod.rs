//! Amazon DocumentDB.
//!
//! Its audit log tells who came, and never how: no session is plaintext by it, and none is TLS.

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
