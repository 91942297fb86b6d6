//! PostgreSQL: RDS for PostgreSQL and Aurora PostgreSQL.

mod authorized;
mod csvlog;
mod engine;
mod failure;
mod infer;
mod jsonlog;
mod message;
mod prefix;
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
fn in_a_command(step: &SessionStep<'_>, tag: Option<&[u8]>) -> bool {
    match step {
        SessionStep::Connected(_) | SessionStep::Connecting(_) | SessionStep::Authenticated(_) => {
            tag.is_some_and(|tag| !tag.is_empty() && tag != b"authentication")
        }
        _ => false,
    }
}
