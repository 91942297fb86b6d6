//! Whether the evidence is intact. Where it is not, or cannot be verified, the rotation is required.

use super::reason::{Reason, ReasonCode};
use super::rules::Context;

/// The reason for not relying on the evidence; none where it is intact.
pub(super) fn reason(context: &Context<'_>) -> Option<Reason> {
    let (code, text) = match (context.usage.unread, context.usage.unverified && !context.policy.accept_unverified) {
        (true, _) => (
            ReasonCode::EvidenceDamaged,
            "part of the evidence of this instance is damaged, missing or invalid, so the rest proves nothing. Restore the file that the errors name, or collect again.",
        ),
        (false, true) => (
            ReasonCode::EvidenceUnverified,
            "evidence of this instance has no digest and cannot be verified (bundle format 2 or older). Collect into a \
             new bundle, or accept it with --accept-unverified.",
        ),
        (false, false) => return None,
    };
    Some(Reason { code, text: text.to_owned() })
}
