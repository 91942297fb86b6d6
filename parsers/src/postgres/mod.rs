//! PostgreSQL: RDS for PostgreSQL and Aurora PostgreSQL.

mod csvlog;
mod jsonlog;
mod message;
mod prefix;
mod stderr;
mod translation;

pub use csvlog::Csvlog;
pub use jsonlog::Jsonlog;
pub use prefix::Prefix;
pub use stderr::Stderr;

use crate::event::Step;

/// Whether a record of an establishing session claims to come from the middle of a command, as `RAISE LOG` does.
///
/// The server sets the command tag to `authentication` before it authenticates, and to what it executes afterwards.
fn in_a_command(step: &Step<'_>, tag: Option<&[u8]>) -> bool {
    match step {
        Step::Connected(_) | Step::Authenticated(_) => {
            tag.is_some_and(|tag| !tag.is_empty() && tag != b"authentication")
        }
        Step::Received | Step::Rejected(_) | Step::HandshakeFailed(_) | Step::Disconnected => false,
    }
}
