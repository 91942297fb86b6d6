//! Evidence that is damaged, or that cannot be verified.

use super::*;

/// Instances that need not be rotated now, each for its own reason.
fn mild() -> [InstanceProfile; 3] {
    let off = [("log_connections", Some(("1", true))), ("ssl", Some(("0", true))), ("rds.force_ssl", None)];
    let mut lasting = logged("16.4");
    lasting.certificate.valid_till = Some(days(4000));
    [logged("16.4"), profile(off, "postgres", "16.4", None), lasting]
}

#[test]
fn whatever_it_says_the_rotation_is_required_and_unproven() {
    let accepting = Policy { accept_unverified: true, ..Policy::default() };
    for profile in mild() {
        let sound = judged(&profile, &plaintext_only());
        assert_ne!(sound.rotation, Rotation::Required, "{sound:?}");
        let damaged = Usage { unread: true, ..Usage::default() };
        let unverified = Usage { unverified: true, ..plaintext_only() };
        for (usage, code) in [(&damaged, ReasonCode::EvidenceDamaged), (&unverified, ReasonCode::EvidenceUnverified)] {
            let verdict = judged(&profile, usage);
            let found = (verdict.rotation, verdict.usage, verdict.unproven);
            assert_eq!(found, (Rotation::Required, UsageVerdict::Undetermined, true), "{verdict:?}");
            assert_eq!(verdict.reasons.first().map(|reason| reason.code), Some(code));
            assert_ne!(verdict.enforcement, Enforcement::Safe, "{verdict:?}");
        }
        assert_eq!(judge(&profile, &unverified, &accepting, now()).rotation, sound.rotation, "it is accepted");
        assert_eq!(judge(&profile, &damaged, &accepting, now()).rotation, Rotation::Required, "damage never is");
    }
}

#[test]
fn tls_that_it_shows_is_believed() {
    let mut usage = Usage { unverified: true, ..plaintext_only() };
    usage.connections.tls = 1;
    let verdict = judged(&logged("16.4"), &usage);
    assert_eq!((verdict.usage, verdict.unproven), (UsageVerdict::InUse, false));
}
