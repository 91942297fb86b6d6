//! The reverse question: may TLS be enforced?

use super::reason::{Effect, Reason, ReasonCode};
use super::words::words;
use crate::usage::Usage;

/// Whether TLS may be enforced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enforcement {
    /// It is, or every client that was seen has TLS and the window was seen.
    Safe,
    /// Clients without TLS were seen: they would not connect any more.
    Breaks,
    /// Something could still hide.
    Unknown,
}

words!(Enforcement: Safe = "safe", Breaks = "breaks", Unknown = "unknown");

/// Judges by usage and reasons; `enforced` is whether TLS is enforced, in effect.
pub(super) fn enforcement(usage: &Usage, reasons: &[Reason], enforced: bool) -> Enforcement {
    // A client that is ignored would not connect any more either, and what the policy accepts may hide clients.
    let ignored = usage.ignored.sessions;
    let without = usage.connections.plaintext + usage.connections.gss + ignored.plaintext + ignored.gss;
    // Attempts with TLS that failed hide no client without it.
    let hides = |reason: &Reason| match reason.code {
        ReasonCode::AttestationContradicted => true,
        ReasonCode::TlsAttempts => false,
        code => matches!(code.effect(), Effect::Blocks | Effect::Voids),
    };
    let unclear = ignored.unknown > 0 || usage.imitable_tls > 0 || reasons.iter().any(hides);
    // What says that it is enforced may have been changed.
    let enforced = enforced && !reasons.iter().any(|reason| reason.code.effect() == Effect::Voids);
    match (enforced, without > 0, unclear) {
        (true, ..) => Enforcement::Safe,
        (false, true, _) => Enforcement::Breaks,
        (false, false, true) => Enforcement::Unknown,
        (false, false, false) => Enforcement::Safe,
    }
}
