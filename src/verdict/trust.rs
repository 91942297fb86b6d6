//! Whether the evidence is intact. Where it is not, or cannot be verified, the rotation is required.

use super::reason::{Reason, ReasonCode};
use super::rules::Context;

/// The reason for not relying on the evidence; none where it is intact.
pub(super) fn reason(context: &Context<'_>) -> Option<Reason> {
    let usage = context.usage;
    let (code, text) = if usage.unread {
        let text = "part of the evidence of this instance is damaged, missing or invalid, so the rest proves nothing. Restore the file that the errors name, or collect again.";
        (ReasonCode::EvidenceDamaged, text.to_owned())
    } else if let Some(log) = &usage.contradictory {
        let text = format!(
            "the evidence contradicts itself: {log} has another number of sessions than its facts, so neither proves anything. Collect into a new bundle."
        );
        (ReasonCode::EvidenceContradictory, text)
    } else if usage.unverified && !context.policy.accept_unverified {
        let text = "evidence of this instance has no digest and cannot be verified (bundle format 2 or older). Collect into a new bundle, or accept it with --accept-unverified.";
        (ReasonCode::EvidenceUnverified, text.to_owned())
    } else {
        return None;
    };
    Some(Reason { code, text })
}
