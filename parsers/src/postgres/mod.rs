//! PostgreSQL: RDS for PostgreSQL and Aurora PostgreSQL.
//!
//! Three formats are read: the stderr log, the csv log and the json log. One server may write several of them at once.
//! The audit records of pgAudit stand in the same logs. They are messages without connections, and are skipped.

mod authorized;
mod babelfish;
mod csvlog;
mod engine;
mod failure;
mod infer;
mod jsonlog;
mod message;
mod prefix;
mod record;
mod stderr;
mod time;
mod translation;

pub use csvlog::Csvlog;
pub use engine::ENGINE;
pub use jsonlog::Jsonlog;
pub use prefix::Prefix;
pub use stderr::Stderr;

use crate::detect::Hints;
use crate::engine::Parsers;
use crate::event::SessionStep;

/// The parsers that a log beginning with `head` may be for.
///
/// The json log is recognised by its lines, so that it is the only candidate then. Otherwise the csv log comes first.
/// A stderr parser follows where a `log_line_prefix` can be inferred from `head`.
///
/// Without an engine version the server counts as 9.4 or later, which marks TLS. Without a year, syslog times are of 1970.
fn parsers(head: &[u8], hints: &Hints) -> Parsers {
    let marks_tls = hints.engine_version.as_deref().is_none_or(|version| ENGINE.marks_tls(version));
    if Jsonlog::recognises(head) {
        return vec![Box::new(Jsonlog::new(marks_tls))];
    }
    let prefix = Stderr::infer(head, hints.year.unwrap_or(1970), hints.log_line_prefix.as_deref());
    let mut parsers: Parsers = vec![Box::new(Csvlog::new(marks_tls))];
    if let Some(prefix) = prefix {
        parsers.push(Box::new(Stderr::new(prefix, marks_tls)));
    }
    parsers
}

/// Whether a record of a session that is being established comes from the middle of a command, as `RAISE LOG` does.
///
/// The server sets the command tag to `authentication` before it authenticates, and to what it executes afterwards.
///
/// False for steps other than these three: a disconnect, for example, is written behind any tag.
/// False for an empty tag too, and where the log has no tag.
fn in_a_command(step: &SessionStep<'_>, tag: Option<&[u8]>) -> bool {
    match step {
        SessionStep::Connected(_) | SessionStep::Connecting(_) | SessionStep::Authenticated(_) => {
            tag.is_some_and(|tag| !tag.is_empty() && tag != b"authentication")
        }
        _ => false,
    }
}
