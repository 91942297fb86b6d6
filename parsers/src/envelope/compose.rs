//! The output of `docker compose logs`: the container's name and `| ` before every line, and with `--timestamps` the
//! time behind that.
//!
//! Source: `cmd/formatter/logs.go` of <https://github.com/docker/compose>.

use super::docker::timestamped;
use super::lines::{Before, Prefixed};
use super::{Envelope, named, uncoloured};

pub(super) const ENVELOPE: Envelope = Envelope {
    name: "docker compose logs",
    caveat: None,
    names_members: true,
    open: |head| Prefixed::lines(split).matching(head),
};

/// Splits the container's name and the time off a line.
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
