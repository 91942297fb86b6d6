//! Oracle: RDS for Oracle.
//!
//! Only the listener tells how clients came. What it writes is the same as text and as XML.

mod listener;
mod listener_xml;
mod record;
mod stamp;

pub use listener::Listener;
pub use listener_xml::ListenerXml;

use crate::detect::Hints;
use crate::engine::Parsers;

/// The parsers that a log beginning with `head` may be for.
#[allow(dead_code, reason = "for the table of the engine")]
pub(crate) fn parsers(_head: &[u8], _hints: &Hints) -> Parsers {
    vec![Box::new(Listener), Box::new(ListenerXml)]
}
