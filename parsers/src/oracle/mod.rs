//! Oracle: RDS for Oracle.
//!
//! Only the listener tells how clients came. What it writes is the same as text and as XML.

mod engine;
mod listener;
mod listener_xml;
mod record;
mod stamp;

pub use engine::ENGINE;
pub use listener::Listener;
pub use listener_xml::ListenerXml;

use crate::detect::Hints;
use crate::engine::Parsers;

/// The parsers that a log beginning with `_head` may be for.
fn parsers(_head: &[u8], _hints: &Hints) -> Parsers {
    vec![Box::new(Listener), Box::new(ListenerXml)]
}
