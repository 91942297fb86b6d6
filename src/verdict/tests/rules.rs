//! Single rules: what one doubt, one contradiction and one thing that is missing make of a verdict.

use std::collections::BTreeMap;

use jiff::SignedDuration;

use super::*;
use crate::usage::metric;

#[test]
fn plaintext_clients_under_full_coverage_let_the_rotation_wait() {
    let verdict = judged(&logged("16.4"), &plaintext_only());
    assert_eq!((verdict.usage, verdict.rotation), (UsageVerdict::NotObserved, Rotation::Deferrable));
    assert_eq!(verdict.outlook.act_by, Some(days(30)), "it carries the date");
    assert!(verdict.commands.is_empty(), "AWS does not offer the next certificate yet: {:?}", verdict.commands);
    let mut retired = logged("16.4");
    retired.certificate.ca = Some("rds-ca-2019".to_owned());
    retired.certificate.ca_valid_till = Some(days(20));
    let verdict = judged(&retired, &plaintext_only());
    assert_eq!((verdict.outlook.change, verdict.outlook.act_by), (Change::Root, Some(days(20))));
    let command = verdict.commands.first().expect("a command").words.join(" ");
    assert_eq!(
        command,
        "aws --region eu-west-1 rds modify-db-instance --db-instance-identifier orders --ca-certificate-identifier \
         rds-ca-rsa2048-g1 --no-certificate-rotation-restart --no-apply-immediately"
    );
    // A Multi-AZ DB cluster cannot be told to wait for its next restart.
    retired.cluster = Some("shop".to_owned());
    let verdict = judged(&retired, &plaintext_only());
    assert!(verdict.commands.is_empty(), "the command restarts the cluster: {:?}", verdict.commands);
    let held = verdict.procedure.held_back.expect("a command to agree to");
    let command = held.commands[0].words.join(" ");
    assert!(
        command.contains(" modify-db-cluster --db-cluster-identifier shop ")
            && command.ends_with(" --no-apply-immediately"),
        "{command}"
    );
}

/// Each row: one thing that is wrong with that evidence, and the reason that is due.
#[test]
fn one_doubt_is_enough_to_demand_the_rotation() {
    let rows: [(ReasonCode, Uncertainty); 26] = [
        (ReasonCode::LogsNotRead, |_, usage| usage.coverage.files_left_out = 1),
        (ReasonCode::LogsIncomplete, |_, usage| usage.coverage.files_to_retry = 1),
        (ReasonCode::InstanceYoung, |_, usage| {
            // Made an hour ago.
            let from = now().checked_sub(SignedDuration::from_hours(1)).expect("in range");
            usage.coverage.asked = Some(Window { from, to: now() });
        }),
        (ReasonCode::CoverageShort, |_, usage| {
            // Logs are kept for a few hours.
            let from = now().checked_sub(SignedDuration::from_hours(7)).expect("in range");
            usage.coverage.judged = Some(Window { from, to: now() });
        }),
        (ReasonCode::NoClients, |_, usage| usage.judged = Transports::default()),
        (ReasonCode::TlsOutsideWindow, |_, usage| usage.tls_outside = Some(days(-40))),
        (ReasonCode::EvidenceContradictory, |_, usage| usage.contradictory = Some("error/postgresql.log".to_owned())),
        (ReasonCode::CertificateExpired, |profile, _| profile.certificate.valid_till = Some(days(-1))),
        (ReasonCode::TlsConnections, |_, usage| usage.connections.tls = 1),
        (ReasonCode::IamAuthentication, |_, usage| usage.auth_methods = BTreeMap::from([("pam".to_owned(), 1)])),
        (ReasonCode::ClientRejectedCertificate, |_, usage| {
            usage.certificate_rejected_by = BTreeMap::from([("10.0.0.8".to_owned(), 1)]);
        }),
        (ReasonCode::TlsEnforced, |profile, _| {
            profile.parameters.get_mut("rds.force_ssl").expect("set").value = Some("1".to_owned());
        }),
        (ReasonCode::EngineUnknown, |profile, _| profile.engine = "vectordb".to_owned()),
        (ReasonCode::VersionCannotTell, |profile, _| profile.engine_version = "9.3.25".to_owned()),
        (ReasonCode::LoggingOff, |profile, _| {
            profile.parameters.get_mut("log_connections").expect("set").value = Some("receipt".to_owned());
        }),
        (ReasonCode::LoggingUnknown, |profile, _| drop(profile.parameters.remove("log_connections"))),
        (ReasonCode::CoverageShort, |_, usage| usage.coverage.judged_share = 0.94),
        (ReasonCode::RecordsUnparsed, |_, usage| usage.coverage.unparsed = 1),
        (ReasonCode::TransportUnknown, |_, usage| usage.connections.unknown = 1),
        (ReasonCode::TlsAttempts, |_, usage| usage.rejected.tls = 1),
        (ReasonCode::OlderSessions, |_, usage| {
            usage.older_sessions =
                BTreeMap::from([(Client { address: Some("10.0.0.9".to_owned()), ..Client::default() }, 1)]);
        }),
        (ReasonCode::IamMetric, |_, usage| usage.metrics.iam_logins = Some(above(1))),
        (ReasonCode::ProxyTls, |_, usage| {
            let known = BTreeMap::from([(metric::DATABASE_REQUESTS_WITH_TLS, above(1))]);
            usage.metrics.proxies = BTreeMap::from([("front".to_owned(), known)]);
        }),
        (ReasonCode::LogExceedsMetric, |_, usage| usage.metrics.exceeded = Some((now(), 3, 2))),
        (ReasonCode::OlderSessionsOpen, |_, usage| usage.metrics.unaccounted = Some(1)),
        (ReasonCode::MetricContradictsLog, |_, usage| {
            (usage.connections, usage.judged, usage.received) = (Transports::default(), Transports::default(), 0);
            usage.metrics.most_open_while_logged = Some(1);
        }),
    ];
    for (code, spoil) in rows {
        let (mut profile, mut usage) = (logged("16.4"), plaintext_only());
        spoil(&mut profile, &mut usage);
        let verdict = judged(&profile, &usage);
        assert_eq!(verdict.rotation, Rotation::Required, "{code:?}");
        assert_eq!(verdict.reasons.first().map(|reason| reason.code), Some(code), "{:?}", verdict.reasons);
        let proven = code.effect() == Effect::InUse;
        assert_eq!(verdict.unproven, !proven, "{code:?}");
    }
}

#[test]
fn no_evidence_at_all_is_required_and_unproven() {
    let verdict = judged(&logged("16.4"), &Usage::default());
    assert_eq!((verdict.rotation, verdict.unproven), (Rotation::Required, true));
}

/// Settings that contradict each other, and TLS that a switch would not have let pass, rule nothing out.
#[test]
fn a_switch_that_something_contradicts_rules_nothing_out() {
    let off = || {
        let mut profile = logged("16.4");
        profile.parameters.get_mut("ssl").expect("set").value = Some("0".to_owned());
        profile
    };
    assert_eq!(judged(&off(), &Usage::default()).rotation, Rotation::Optional);
    let rows: [Uncertainty; 5] = [
        |profile, _| profile.parameters.get_mut("rds.force_ssl").expect("set").value = Some("1".to_owned()),
        |profile, _| {
            let forced = profile.parameters.get_mut("rds.force_ssl").expect("set");
            (forced.value, forced.in_effect) = (Some("1".to_owned()), false);
        },
        |_, usage| usage.rejected.tls = 1,
        |_, usage| usage.system.tls = 1,
        |_, usage| usage.handshakes_failed = BTreeMap::from([("other".to_owned(), 1)]),
    ];
    for (number, contradict) in rows.into_iter().enumerate() {
        let (mut profile, mut usage) = (off(), Usage::default());
        contradict(&mut profile, &mut usage);
        assert_eq!(judged(&profile, &usage).rotation, Rotation::Required, "row {number}");
    }
}

#[test]
fn sentences_are_whole_whatever_is_missing() {
    let mut profile = logged("16.4");
    profile.parameters.remove("log_connections");
    let texts = |profile: &InstanceProfile, usage: &Usage| -> String {
        judged(profile, usage).reasons.iter().map(|reason| format!("{}\n", reason.text)).collect()
    };
    let unknown = texts(&profile, &Usage::default());
    assert!(
        unknown.contains("the value of log_connections is unknown, because no group of the instance contains it"),
        "{unknown}"
    );
    assert!(
        unknown.contains("no client session was logged, and the policy requires at least 1") && !unknown.contains("()"),
        "{unknown}"
    );
    profile.unknown = vec!["rds:DescribeDBProxies".to_owned(), "rds:DescribeDBParameters".to_owned()];
    let unknown = texts(&profile, &Usage::default());
    assert!(unknown.contains("log_connections could not be read (rds:DescribeDBParameters failed)"), "{unknown}");
    let tls = Transports { tls: 1, ..Transports::default() };
    let versionless = texts(&logged("16.4"), &Usage { connections: tls, ..plaintext_only() });
    assert!(
        versionless.starts_with("1 session from 0 clients used TLS") && !versionless.contains("()"),
        "{versionless}"
    );
    let policy = Policy { least_connections: 200, ..Policy::default() };
    let few = judge(&logged("16.4"), &plaintext_only(), &policy, now());
    assert!(
        few.reasons[0].text.starts_with("100 client sessions were logged, and the policy requires at least 200"),
        "{few:?}"
    );
}

#[test]
fn what_logs_may_not_show_is_not_examined() {
    let blind = |usage: &Usage| judged(&logged("16.4"), usage).not_examined.join("\n");
    let (mut usage, window) = (plaintext_only(), Window::days_before(now(), 14));
    assert!(!blind(&usage).contains("gaps") && !blind(&usage).contains("logging was off"), "nothing is known of them");
    usage.coverage.seen = vec![window];
    assert!(!blind(&usage).contains("gaps") && blind(&usage).contains("logging was off"));
    usage.coverage.gaps =
        vec![crate::usage::Gap { span: Window::days_before(now(), 1), cause: crate::usage::GapReason::Missing }];
    assert!(blind(&usage).contains("gaps"));
}

/// A log that is on and does not show transports says nothing of whether one that does is on.
#[test]
fn a_lesser_log_stands_for_no_other() {
    let on = Some(("1", true));
    let reasons = |general: Setting| -> Vec<ReasonCode> {
        let settings =
            [("server_audit_logging", on), ("server_audit_events", Some(("connect", true))), ("general_log", general)];
        let profile = profile(settings, "aurora-mysql", "8.0.mysql_aurora.3.04.0", None);
        judged(&profile, &Usage::default()).reasons.iter().map(|reason| reason.code).collect()
    };
    assert!(reasons(Some(("0", true))).contains(&ReasonCode::LoggingOff));
    for unknown in [None, Some(("1", false))] {
        assert!(reasons(unknown).contains(&ReasonCode::LoggingUnknown));
    }
}

/// MySQL logs the attempt of a client that enforced TLS rejects, and PostgreSQL does not.
#[test]
fn unknown_enforcement_matters_where_rejected_clients_look_like_sessions() {
    let on = |value| Some((value, true));
    let unknown: [Uncertainty; 2] = [
        |profile, _| {
            profile.parameters.remove("require_secure_transport");
            profile.parameters.remove("rds.force_ssl");
            profile.unknown.push("rds:DescribeDBClusterParameters".to_owned());
        },
        |profile, _| {
            for parameter in ["require_secure_transport", "rds.force_ssl"] {
                profile.parameters.entry(parameter.to_owned()).and_modify(|set| set.in_effect = false);
            }
        },
    ];
    let mysql = [("general_log", on("1")), ("log_output", on("FILE")), ("require_secure_transport", on("0"))];
    let mysql = profile(mysql, "mysql", "8.4.5", None);
    for make in unknown {
        for (mut profile, blocks) in [(mysql.clone(), true), (logged("16.4"), false)] {
            assert_eq!(judged(&profile, &plaintext_only()).rotation, Rotation::Deferrable);
            make(&mut profile, &mut Usage::default());
            let verdict = judged(&profile, &plaintext_only());
            let codes: Vec<_> = verdict.reasons.iter().map(|reason| reason.code).collect();
            assert_eq!(codes.contains(&ReasonCode::EnforcementUnknown), blocks, "{} {codes:?}", profile.engine);
        }
    }
}

/// A setting whose group waits for a restart is unknown: neither on nor off, unless the log shows sessions.
#[test]
fn a_group_that_waits_for_a_restart_says_nothing_of_logging() {
    for value in ["1", "0"] {
        let mut profile = logged("16.4");
        let set = profile.parameters.get_mut("log_connections").expect("set");
        (set.value, set.in_effect) = (Some(value.to_owned()), false);
        let first = |usage: &Usage| judged(&profile, usage).reasons.first().map(|reason| reason.code);
        assert_eq!(first(&plaintext_only()), Some(ReasonCode::OnlyPlaintext), "the log shows sessions ({value})");
        assert_eq!(first(&Usage::default()), Some(ReasonCode::LoggingUnknown), "{value}");
    }
}

#[test]
fn a_shorter_part_of_the_window_is_judged_and_said_so() {
    let mut usage = plaintext_only();
    let asked = usage.coverage.asked.expect("a window");
    let judged_part = Window::days_before(now(), 3);
    let gap = crate::usage::Gap {
        span: Window { from: asked.from, to: judged_part.from },
        cause: crate::usage::GapReason::NotKept,
    };
    (usage.coverage.share, usage.coverage.judged, usage.coverage.gaps) = (0.21, Some(judged_part), vec![gap]);
    let verdict = judged(&logged("16.4"), &usage);
    assert_eq!(verdict.rotation, Rotation::Deferrable);
    let told = verdict.reasons.iter().find(|reason| reason.code == ReasonCode::WindowShortened).expect("it is told");
    assert!(told.text.contains("the last 72 h") && told.text.contains("no longer kept"), "{}", told.text);
    // TLS anywhere in the window counts, and so do its other doubts.
    usage.connections.tls = 1;
    assert_eq!(judged(&logged("16.4"), &usage).usage, UsageVerdict::InUse);
}

/// A setting that turns TLS off now says more than TLS that is older than the window.
#[test]
fn tls_before_the_window_does_not_count_against_a_switch_that_is_off() {
    let mut profile = logged("16.4");
    profile.parameters.get_mut("ssl").expect("set").value = Some("0".to_owned());
    let usage = Usage { tls_outside: Some(days(-40)), ..Usage::default() };
    assert_eq!(judged(&profile, &usage).usage, UsageVerdict::RuledOut);
}

#[test]
fn enforcement_is_never_safe_where_clients_were_without_tls() {
    let mut profile = logged("16.4");
    assert_eq!(judged(&profile, &plaintext_only()).enforcement, Enforcement::Breaks);
    profile.parameters.get_mut("rds.force_ssl").expect("set").value = Some("1".to_owned());
    assert_eq!(judged(&profile, &plaintext_only()).enforcement, Enforcement::Breaks, "they connected before");
    assert_eq!(judged(&profile, &Usage::default()).enforcement, Enforcement::Safe);
    // Nothing shows that clients could go on.
    assert_eq!(judged(&logged("16.4"), &Usage::default()).enforcement, Enforcement::Unknown);
    let tls = Transports { tls: 9, ..Transports::default() };
    let all_tls = Usage { connections: tls, judged: tls, ..plaintext_only() };
    assert_eq!(judged(&logged("16.4"), &all_tls).enforcement, Enforcement::Safe);
    let before = Usage { plaintext_outside: true, ..all_tls };
    assert_eq!(judged(&logged("16.4"), &before).enforcement, Enforcement::Unknown, "they may come back");
}
