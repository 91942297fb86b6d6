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
    let all = members.iter().zip(&findings);
    let all: Vec<_> = all.map(|((profile, _), finding)| Examined { profile, finding, is_former: false }).collect();
    conclude_all(all.iter().copied(), std::iter::empty(), &policy)
}

/// A rotation, and whether it is inconclusive.
type Due = (Rotation, bool);

/// Rows: what the members show, and the verdict on each.
#[test]
fn a_cluster_is_one_decision() {
    use Shows::*;
    let required = (Rotation::Required, false);
    let inconclusive = (Rotation::Required, true);
    let deferrable = (Rotation::Deferrable, false);
    let optional = (Rotation::Optional, false);
    let rows: [(&[Shows], &[Due]); 11] = [
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

/// A member that is gone served the endpoints of the cluster: what it showed still counts, and nothing that it hides.
#[test]
fn a_former_member_counts_for_what_it_showed() {
    let policy = Policy::default();
    for (shows, due, enforcement) in [
        (Shows::Tls, Rotation::Required, Enforcement::Breaks),
        (Shows::Nothing, Rotation::Deferrable, Enforcement::Breaks),
    ] {
        let (profile, usage) = member(0, 1, Shows::Plaintext);
        let (gone, its_usage) = member(1, 1, shows);
        let findings = [examine(&profile, &usage, &policy, now()), examine(&gone, &its_usage, &policy, now())];
        let [own, its] = &findings;
        let row = Examined { profile: &profile, finding: own, is_former: false };
        let beside = Examined { profile: &gone, finding: its, is_former: true };
        let verdicts = conclude_all([row].into_iter(), [beside].into_iter(), &policy);
        assert_eq!(verdicts.iter().map(|verdict| verdict.rotation).collect::<Vec<_>>(), [due], "{shows:?}");
        assert_eq!(verdicts.iter().map(|verdict| verdict.enforcement).collect::<Vec<_>>(), [enforcement]);
    }
}

/// Damaged evidence on a former member may hide TLS.
#[test]
fn damage_to_the_evidence_on_a_former_member_keeps_the_others_from_waiting() {
    let policy = Policy::default();
    let (profile, usage) = member(0, 1, Shows::Plaintext);
    let (gone, mut its_usage) = member(1, 1, Shows::Plaintext);
    let mut rotation = |unread: bool| {
        its_usage.unread = unread;
        let findings = [examine(&profile, &usage, &policy, now()), examine(&gone, &its_usage, &policy, now())];
        let [own, its] = &findings;
        let row = Examined { profile: &profile, finding: own, is_former: false };
        let beside = Examined { profile: &gone, finding: its, is_former: true };
        conclude_all([row].into_iter(), [beside].into_iter(), &policy)[0].rotation
    };
    assert_eq!((rotation(false), rotation(true)), (Rotation::Deferrable, Rotation::Required));
}

/// Of an absent member it is unknown whether clients use TLS there, and whether they do without.
#[test]
fn nothing_is_safe_or_attested_while_a_member_is_absent() {
    let (mut profile, mut usage) = member(0, 2, Shows::Plaintext);
    usage.connections = Transports { tls: 100, ..Transports::default() };
    usage.judged = usage.connections;
    assert_eq!(judged(&profile, &usage).enforcement, Enforcement::Unknown);
    profile.cluster_siblings.clear();
    assert_eq!(judged(&profile, &usage).enforcement, Enforcement::Safe);
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
