//! Whether the evidence is what was written. Where it is not, or cannot be verified, the rotation is required.

use super::reason::{Reason, ReasonCode};
use super::rules::Context;

/// Why the evidence is not believed; none where it is.
pub(super) fn reason(context: &Context<'_>) -> Option<Reason> {
    let (code, text) = match (context.usage.unread, context.usage.unverified && !context.policy.accept_unverified) {
        (true, _) => (
            ReasonCode::EvidenceDamaged,
            "evidence of this instance is damaged, missing or impossible, so nothing is concluded from the rest; the errors say which",
        ),
        (false, true) => (
            ReasonCode::EvidenceUnverified,
            "evidence of this instance has no digest and cannot be verified: it is of bundle format 2 or older; collect \
             into a new bundle, or accept it with --accept-unverified",
        ),
        (false, false) => return None,
    };
    Some(Reason { code, text: text.to_owned() })
}
