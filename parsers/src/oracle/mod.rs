//! Oracle: RDS for Oracle.
//!
//! The listener tells how every client came, the audit trail how those came whose sessions are audited. Both are
//! written as text or as XML.

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
fn parsers(head: &[u8], _hints: &Hints) -> Parsers {
    vec![Box::new(Listener::new(head)), Box::new(ListenerXml), Box::new(Audit), Box::new(AuditXml)]
}
