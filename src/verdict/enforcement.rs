//! The reverse question: may TLS be enforced?

use super::reason::{Bearing, Reason, ReasonCode};
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

impl Enforcement {
    /// The word used in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::Breaks => "breaks",
            Self::Unknown => "unknown",
        }
    }
}

/// Judges by usage and reasons; `enforced` is whether TLS is enforced, in effect.
pub(super) fn enforcement(usage: &Usage, reasons: &[Reason], enforced: bool) -> Enforcement {
    let without = usage.connections.plaintext + usage.connections.gss;
    // Attempts with TLS that failed hide no client without it.
    let hides = |reason: &Reason| reason.code.bearing() == Bearing::Blocks && reason.code != ReasonCode::TlsAttempts;
    match (enforced, without > 0, reasons.iter().any(hides)) {
        (true, ..) => Enforcement::Safe,
        (false, true, _) => Enforcement::Breaks,
        (false, false, true) => Enforcement::Unknown,
        (false, false, false) => Enforcement::Safe,
    }
}
