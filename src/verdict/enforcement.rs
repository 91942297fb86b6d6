//! Whether TLS may be enforced.

use super::reason::{Effect, Reason, ReasonCode};
use super::words::words;
use crate::usage::Usage;

/// Whether TLS may be enforced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enforcement {
    /// TLS is enforced, or every logged client uses TLS and the coverage suffices.
    Safe,
    /// Clients connect without TLS, and could no longer connect.
    Breaks,
    /// The evidence is inconclusive.
    Unknown,
}

words!(Enforcement: Safe = "safe", Breaks = "breaks", Unknown = "unknown");

/// Judges by usage and reasons; `enforced` is whether TLS is enforced, in effect.
pub(super) fn enforcement(usage: &Usage, reasons: &[Reason], enforced: bool) -> Enforcement {
    // An ignored client could no longer connect either, and blind spots that the policy accepts may hide clients.
    let ignored = usage.ignored.sessions;
    let without = usage.connections.plaintext + usage.connections.gss + ignored.plaintext + ignored.gss;
    // Attempts with TLS that failed hide no client without it.
    let hides = |reason: &Reason| match reason.code {
        ReasonCode::AttestationContradicted => true,
        ReasonCode::TlsAttempts => false,
        code => matches!(code.effect(), Effect::Blocks | Effect::Voids),
    };
    // Without a session with TLS nothing shows that clients could go on. Sessions without it outside of the window may return.
    // The counter of handshakes shows no client without TLS.
    let is_counted = usage.coverage.logged != usage.coverage.seen;
    let unshown = usage.connections.tls == 0 || usage.plaintext_outside || is_counted;
    let unclear = unshown || ignored.unknown > 0 || usage.imitable_tls > 0 || reasons.iter().any(hides);
    // The evidence that TLS is enforced may have been changed.
    let enforced = enforced && !reasons.iter().any(|reason| reason.code.effect() == Effect::Voids);
    match (enforced, without > 0, unclear) {
        // Also where it is enforced by now: those clients connected before.
        (_, true, _) => Enforcement::Breaks,
        (true, false, _) => Enforcement::Safe,
        (false, false, true) => Enforcement::Unknown,
        (false, false, false) => Enforcement::Safe,
    }
}
