//! Members of a cluster, judged together.

use proptest::prelude::*;

use super::*;

/// A member, what it shows, and what that makes of it alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shows {
    Plaintext,
    Tls,
    Nothing,
    Idle,
    SwitchedOff,
    Enforced,
    LongCertificate,
}

const ALL: [Shows; 7] = [
    Shows::Plaintext,
    Shows::Tls,
    Shows::Nothing,
    Shows::Idle,
    Shows::SwitchedOff,
    Shows::Enforced,
    Shows::LongCertificate,
];

fn member(number: usize, of: usize, shows: Shows) -> (InstanceProfile, Usage) {
    let mut profile = logged("16.4");
    profile.engine = "aurora-postgresql".to_owned();
    profile.instance = format!("shop-{number}");
    profile.arn = format!("arn:aws:rds:eu-west-1:123456789012:db:shop-{number}");
    profile.cluster = Some("shop".to_owned());
    profile.cluster_siblings = (0..of).filter(|other| *other != number).map(|other| format!("shop-{other}")).collect();
    let mut usage = plaintext_only();
    let mut set = |name: &str, value: &str| {
        profile.parameters.get_mut(name).expect("set").value = Some(value.to_owned());
    };
    match shows {
        Shows::Plaintext => {}
        Shows::Tls => usage.connections.tls = 1,
        Shows::Nothing => usage = Usage::default(),
        Shows::Idle => {
            (usage.connections, usage.judged) = (Transports::default(), Transports::default());
            usage.clients.clear();
            usage.received = 0;
        }
        Shows::SwitchedOff => set("ssl", "0"),
        Shows::Enforced => set("rds.force_ssl", "1"),
        Shows::LongCertificate => profile.certificate.valid_till = Some(days(900)),
    }
    (profile, usage)
}

fn verdicts(shown: &[Shows]) -> Vec<Verdict> {
    let members: Vec<_> = shown.iter().enumerate().map(|(number, shows)| member(number, shown.len(), *shows)).collect();
    let policy = Policy::default();
    let findings: Vec<_> = members.iter().map(|(profile, usage)| examine(profile, usage, &policy, now())).collect();
    let all: Vec<_> = members.iter().map(|(profile, _)| profile).zip(&findings).collect();
    all.iter().map(|(profile, finding)| conclude(profile, finding, &all, &policy)).collect()
}

/// Rows: what the members show, and the verdict on each.
#[test]
fn a_cluster_is_one_decision() {
    use Shows::*;
    let required = (Rotation::Required, false);
    let inconclusive = (Rotation::Required, true);
    let deferrable = (Rotation::Deferrable, false);
    let optional = (Rotation::Optional, false);
    let rows: [(&[Shows], &[(Rotation, bool)]); 11] = [
        (&[Plaintext, Plaintext], &[deferrable, deferrable]),
        (&[Plaintext, Tls], &[required, required]),
        (&[Nothing, Tls, Idle], &[required, required, required]),
        (&[Plaintext, Nothing], &[inconclusive, inconclusive]),
        (&[Plaintext, Idle], &[deferrable, deferrable]),
        (&[Idle, Idle], &[inconclusive, inconclusive]),
        (&[Idle, Nothing], &[inconclusive, inconclusive]),
        (&[SwitchedOff, Tls], &[required, required]),
        (&[Plaintext, SwitchedOff], &[deferrable, optional]),
        (&[Plaintext, Enforced], &[required, required]),
        (&[LongCertificate, Tls], &[optional, required]),
    ];
    for (shown, due) in rows {
        let verdicts = verdicts(shown);
        let found: Vec<_> = verdicts.iter().map(|verdict| (verdict.rotation, verdict.unproven)).collect();
        assert_eq!(found, due, "{shown:?}: {:?}", verdicts.iter().map(|verdict| &verdict.reasons).collect::<Vec<_>>());
    }
}

#[test]
fn a_member_that_was_not_read_may_show_tls() {
    let (profile, usage) = member(0, 2, Shows::Plaintext);
    let verdict = judged(&profile, &usage);
    assert_eq!((verdict.rotation, verdict.unproven), (Rotation::Required, true));
    let reason = verdict.reasons.first().expect("a reason");
    assert_eq!(reason.code, ReasonCode::ClusterIncomplete);
    assert!(reason.text.contains("shop-1"), "{}", reason.text);
}

#[test]
fn enforcement_breaks_the_clients_of_any_member() {
    let enforcements = |shown: &[Shows]| verdicts(shown).iter().map(|verdict| verdict.enforcement).collect::<Vec<_>>();
    assert_eq!(enforcements(&[Shows::Plaintext, Shows::Nothing]), [Enforcement::Breaks; 2]);
    assert_eq!(enforcements(&[Shows::Nothing, Shows::Idle]), [Enforcement::Unknown; 2]);
}

proptest! {
    /// No member whose certificate must be rotated is milder than TLS on any member allows, and the order of members makes no
    /// difference.
    #[test]
    fn tls_on_a_member_is_tls_on_all(shown in prop::collection::vec(prop::sample::select(ALL.to_vec()), 1..6)) {
        let found = verdicts(&shown);
        let tls = shown.iter().any(|shows| matches!(shows, Shows::Tls | Shows::Enforced));
        let unclear = shown.contains(&Shows::Nothing);
        for (shows, verdict) in shown.iter().zip(&found) {
            if *shows == Shows::LongCertificate {
                continue;
            }
            if tls {
                prop_assert_eq!(verdict.usage, UsageVerdict::InUse, "{:?}", verdict.reasons);
                prop_assert_eq!(verdict.rotation, Rotation::Required);
            }
            prop_assert!(!(unclear && verdict.rotation == Rotation::Deferrable), "{:?}", verdict.reasons);
        }
        let reversed: Vec<Shows> = shown.iter().rev().copied().collect();
        let again: Vec<_> = verdicts(&reversed).iter().rev().map(|verdict| verdict.rotation).collect();
        prop_assert_eq!(found.iter().map(|verdict| verdict.rotation).collect::<Vec<_>>(), again);
    }
}
