//! Oracle: RDS for Oracle.
//!
//! The listener's log has the transport of every client, the audit trail that of audited sessions. Both are text or XML.

mod audit;
mod audit_xml;
mod engine;
mod listener;
mod listener_xml;
mod message;
mod time;
mod xml;

pub use audit::Audit;
pub use audit_xml::AuditXml;
pub use engine::ENGINE;
pub use listener::Listener;
pub use listener_xml::ListenerXml;
pub(crate) use time::has_unknown_month;

use crate::detect::Hints;
use crate::engine::Parsers;

/// The parsers that a log beginning with `head` may be for.
///
/// Only the listener's text needs the beginning: it shows whether lines with a zone stand above the records.
fn parsers(head: &[u8], _hints: &Hints) -> Parsers {
    vec![Box::new(Listener::new(head)), Box::new(ListenerXml), Box::new(Audit), Box::new(AuditXml)]
}
