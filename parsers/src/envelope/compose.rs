//! The output of `docker compose logs`: the container's name and `| ` before every line, and with `--timestamps` the
//! time behind that.
//!
//! Example:
//!
//! ```text
//! db-1  | 2026-11-23 18:46:20.123 UTC [57] LOG:  connection received: host=10.0.1.5 port=41234
//! ```
//!
//! Source: `cmd/formatter/logs.go` of <https://github.com/docker/compose>.

use super::docker::timestamped;
use super::lines::{Before, Prefixed};
use super::{Envelope, named, uncoloured};

/// Its members are containers. Every line has the name, so that lines of several containers may be mixed.
pub(super) const ENVELOPE: Envelope = Envelope {
    name: "docker compose logs",
    caveat: None,
    names_members: true,
    delivery: None,
    open: |head| Prefixed::lines(split).matching(head),
};

/// Splits the container's name and the time off a line.
///
/// None without a bar in the first 256 bytes and a blank before it. A name has letters, digits, `_`, `.` and `-`.
///
/// Colours may stand before the name, behind the bar and before the message. They are left out.
fn split(line: &[u8]) -> Option<Before<'_>> {
    let line = uncoloured(line);
    let bar = line.iter().take(256).position(|byte| *byte == b'|')?;
    let (name, rest) = (line.get(..bar)?, line.get(bar + 1..)?);
    let padded = name.last() == Some(&b' ');
    let name = name.trim_ascii_end();
    let letter = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.-".contains(byte);
    if !padded || name.is_empty() || !name.iter().all(letter) {
        return None;
    }
    let rest = uncoloured(rest);
    let message = uncoloured(if rest.is_empty() { rest } else { rest.strip_prefix(b" ")? });
    Some(Before::named(named(b"", name), timestamped(message).unwrap_or(message)))
}
