//! Certificates that servers presented: they never make a verdict milder.

use proptest::prelude::*;

use super::*;
use crate::inventory::{CertificateFacts, Endpoint, EndpointKind, ExpectedCertificate, ServedCertificate};

/// A certificate that ends so many days from now, presented so many days ago.
fn served(kind: EndpointKind, end: i64, ago: i64, matches_host: bool, issuer: &str) -> ServedCertificate {
    let facts = CertificateFacts {
        serial: "0a".to_owned(),
        subject: "CN=db.example".to_owned(),
        issuer: format!("C=US, O=Amazon Web Services, Inc., CN=Amazon RDS eu-west-1 {issuer}, L=Seattle"),
        names: vec!["db.example".to_owned()],
        valid_from: days(-2000),
        valid_till: days(end),
        sha256: String::new(),
    };
    ServedCertificate {
        endpoint: Endpoint { kind, host: "db.example".to_owned(), port: 5432 },
        address: "192.0.2.1".to_owned(),
        at: days(-ago),
        tls_version: "TLSv1.3".to_owned(),
        chain: vec![facts],
        matches_host,
        expected: ExpectedCertificate::default(),
    }
}

/// The profile with these certificates, presented while the API said what it says now.
fn with(profile: &InstanceProfile, served: Vec<ServedCertificate>) -> InstanceProfile {
    let mut profile = profile.clone();
    let expected = ExpectedCertificate::from(&profile.certificate);
    let now = |served: ServedCertificate| ServedCertificate { expected: expected.clone(), ..served };
    profile.certificate.served = served.into_iter().map(now).collect();
    profile
}

fn codes(verdict: &Verdict) -> Vec<ReasonCode> {
    verdict.reasons.iter().map(|reason| reason.code).collect()
}

/// A certificate by the API that lasts for a long time.
fn lasting() -> InstanceProfile {
    let mut profile = logged("16.4");
    profile.certificate.valid_till = Some(days(900));
    profile
}

#[test]
fn an_older_certificate_decides_until_the_listed_one_is_active() {
    let profile = lasting();
    assert_eq!(judged(&profile, &plaintext_only()).rotation, Rotation::Optional);
    let instance = EndpointKind::Instance;
    let older = judged(
        &with(&profile, vec![served(instance, 40, 1, true, "Subordinate CA RSA2048 G1.A.5")]),
        &plaintext_only(),
    );
    assert_eq!((older.rotation, older.outlook.act_by), (Rotation::Deferrable, Some(days(40))));
    assert_eq!(older.outlook.change, Change::Server, "the same CA signed it");
    assert!(codes(&older).contains(&ReasonCode::StagedNotServed) && older.commands.is_empty());
    let held = older.procedure.held_back.expect("a command that restarts");
    assert!(held.hold == Hold::RestartNow && held.commands[0].words.contains(&"reboot-db-instance".to_owned()));
    let root = with(&profile, vec![served(instance, 40, 1, true, "2019 CA")]);
    assert_eq!(judged(&root, &plaintext_only()).outlook.change, Change::Root);
    let presents = |served| {
        let verdict = judged(&with(&profile, vec![served]), &plaintext_only());
        let about = codes(&verdict).into_iter().find(|code| code.code().contains("certificate-"));
        (verdict.rotation, about)
    };
    let active = (Rotation::Optional, Some(ReasonCode::CertificateLasts));
    assert_eq!(presents(served(instance, 900, 1, true, "Subordinate CA RSA2048 G1.A.5")), active);
    let differs = (Rotation::Deferrable, Some(ReasonCode::CertificateDiffers));
    assert_eq!(presents(served(instance, 900, 1, true, "2019 CA")), differs, "another CA, with the same end");
    let mut early = served(instance, 900, 1, true, "Subordinate CA RSA2048 G1.A.5");
    early.chain[0].valid_from = days(800);
    assert_eq!(presents(early), differs, "it is not valid yet");
    // One that was valid during the probe, and is not any more.
    let ended = judged(&with(&profile, vec![served(instance, -3, 10, true, "2019 CA")]), &plaintext_only());
    assert!(ended.unproven && codes(&ended).contains(&ReasonCode::ExpiredCertificateServed));
    // What is not at an endpoint of the inventory is gone.
    let mut moved = root.clone();
    moved.endpoints = vec![Endpoint { kind: instance, host: "new.example".to_owned(), port: 5432 }];
    assert_eq!(judged(&moved, &plaintext_only()).rotation, Rotation::Optional);
    // What was presented before the API listed this certificate shows nothing of it.
    let mut rotated = root.clone();
    rotated.certificate.valid_till = Some(days(901));
    let outdated = judged(&rotated, &plaintext_only());
    assert_eq!((outdated.rotation, outdated.outlook.change), (Rotation::Optional, Change::Server));
    assert!(codes(&outdated).contains(&ReasonCode::ProbeOutdated));
}

#[test]
fn a_setting_that_turns_tls_off_does_not_count_against_a_handshake() {
    let settings =
        [("log_connections", Some(("1", true))), ("rds.force_ssl", Some(("0", true))), ("ssl", Some(("0", true)))];
    let mut off = profile(settings, "postgres", "16.4", None);
    off.certificate.valid_till = Some(days(30));
    assert_eq!(judged(&off, &plaintext_only()).usage, UsageVerdict::RuledOut);
    let completed = |ago| with(&off, vec![served(EndpointKind::Instance, 30, ago, true, "Root CA RSA2048 G1")]);
    let verdict = judged(&completed(2), &plaintext_only());
    assert!(verdict.usage != UsageVerdict::RuledOut && codes(&verdict).contains(&ReasonCode::TlsDespiteSwitch));
    assert_eq!(judged(&completed(40), &plaintext_only()).usage, UsageVerdict::RuledOut, "before the window");
}

#[test]
fn an_expired_certificate_is_followed_by_the_one_that_is_listed() {
    let expired = |listed: i64| {
        let mut profile = lasting();
        profile.certificate.valid_till = Some(days(listed));
        let served = vec![served(EndpointKind::Instance, -5, 1, true, "2019 CA")];
        judged(&with(&profile, served), &plaintext_only())
    };
    let said = |verdict: &Verdict| {
        let reason = verdict.reasons.iter().find(|reason| reason.code == ReasonCode::ExpiredCertificateServed);
        reason.map(|reason| reason.text.clone()).unwrap_or_default()
    };
    let newer = expired(900);
    assert_eq!((newer.rotation, newer.outlook.change, newer.unproven), (Rotation::Required, Change::Root, true));
    assert!(said(&newer).contains("Restart the instance now: AWS lists one that is valid until "), "{}", said(&newer));
    assert!(newer.procedure.held_back.is_some_and(|held| held.hold == Hold::RestartNow));
    assert!(said(&expired(-5)).ends_with("Rotate now: AWS lists the same certificate."));
}

#[test]
fn an_endpoint_of_a_cluster_tells_only_what_is_wrong_in_itself() {
    let profile = lasting();
    let of = |end, matches_host| {
        let served = vec![served(EndpointKind::Reader, end, 1, matches_host, "2019 CA")];
        codes(&judged(&with(&profile, served), &plaintext_only()))
    };
    let about = [
        ReasonCode::CertificateServed,
        ReasonCode::StagedNotServed,
        ReasonCode::CertificateDiffers,
        ReasonCode::ExpiredCertificateServed,
    ];
    assert!(!of(40, true).iter().any(|code| about.contains(code)), "another member may have it");
    assert!(of(40, false).contains(&ReasonCode::CertificateDiffers));
    assert!(of(-5, true).contains(&ReasonCode::ExpiredCertificateServed));
}

fn any_served() -> impl Strategy<Value = ServedCertificate> {
    let kind = prop::sample::select(vec![EndpointKind::Instance, EndpointKind::Writer, EndpointKind::Reader]);
    let end = prop::sample::select(vec![-400, -1, 0, 10, 30, 200, 900, 12_000]);
    let issuer = prop::sample::select(vec!["2019 CA", "Subordinate CA RSA2048 G1.A.5", ""]);
    (kind, end, 0i64..30, any::<bool>(), issuer)
        .prop_map(|(kind, end, ago, matches_host, issuer)| served(kind, end, ago, matches_host, issuer))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_certificate_that_is_presented_makes_a_verdict_milder(
        presented in prop::collection::vec(any_served(), 1..5),
        end in prop::option::of(prop::sample::select(vec![-1i64, 10, 30, 200, 900])),
        ca_end in prop::option::of(prop::sample::select(vec![-1i64, 100, 12_000])),
        staged in any::<bool>(), without_restart in prop::option::of(any::<bool>()),
        uses_tls in any::<bool>(), is_logged in any::<bool>(),
    ) {
        let mut profile = logged("16.4");
        if !is_logged { profile.parameters.clear(); }
        profile.certificate.valid_till = end.map(days);
        profile.certificate.ca_valid_till = ca_end.map(days);
        profile.certificate.rotates_without_restart = without_restart;
        profile.certificate.pending_ca = staged.then(|| "rds-ca-ecc384-g1".to_owned());
        let mut usage = plaintext_only();
        if uses_tls { usage.connections.tls = 3; }
        let (without, with) = (judged(&profile, &usage), judged(&with(&profile, presented), &usage));
        prop_assert!(with.rotation <= without.rotation, "{:?} {:?}", with.reasons, without.reasons);
        prop_assert!(with.usage == without.usage || with.usage == UsageVerdict::Undetermined);
        prop_assert!(with.unproven || !without.unproven || with.rotation != Rotation::Optional);
        let dates = (with.outlook.act_by, without.outlook.act_by);
        prop_assert!(without.rotation == Rotation::Optional || dates.1.is_none_or(|by| dates.0.is_some_and(|with| with <= by)), "{:?}", dates);
    }
}
