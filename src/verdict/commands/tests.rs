//! What no command may ever do, over all combinations of what decides it.

use jiff::SignedDuration;

use super::*;
use crate::inventory::{ACCEPT_CHANGES, Certificate, ClusterRole, PendingAction};
use crate::verdict::{Policy, Reason, ReasonCode, Restart};

const NOW: &str = "2026-11-26T12:00:00Z";

fn now() -> Timestamp {
    NOW.parse().expect("a time")
}

fn hours(hours: i64) -> Timestamp {
    now().checked_add(SignedDuration::from_hours(hours)).expect("a time")
}

/// An instance whose certificate ends in 60 days, with a window on Sunday. 2026-11-29 is the next one.
fn profile() -> InstanceProfile {
    let json = serde_json::json!({
        "arn": "arn:aws:rds:eu-west-1:123456789012:db:orders", "account": "123456789012", "region": "eu-west-1",
        "instance": "orders", "cluster": null, "engine": "postgres", "engine_version": "16.4", "engine_mode": null,
        "status": "available", "maintenance_window": "sun:05:00-sun:06:00", "created_at": null,
        "iam_authentication": false, "certificate": Certificate {
            ca: Some("rds-ca-2019".to_owned()),
            valid_till: Some(hours(60 * 24)),
            ca_valid_till: Some(hours(60 * 24)),
            target_ca: Some("rds-ca-rsa2048-g1".to_owned()),
            target_ca_valid_till: Some(hours(12_000 * 24)),
            ..Certificate::default()
        },
        "pending": [], "parameters": {}, "log_exports": [], "unknown": [],
    });
    serde_json::from_value(json).expect("a profile")
}

fn outlook(profile: &InstanceProfile, change: Change, restart: Restart) -> RotationOutlook {
    let target = match change {
        Change::Root => profile.certificate.target_ca.clone(),
        Change::Server => profile.certificate.ca.clone(),
    };
    let reasons = if change == Change::Server { reasons(profile, restart) } else { Vec::new() };
    RotationOutlook { change, target, restart, act_by: profile.certificate.valid_till, reasons }
}

/// The reasons of a certificate whose CA lasts.
fn reasons(profile: &InstanceProfile, restart: Restart) -> Vec<Reason> {
    let mut profile = profile.clone();
    profile.certificate.ca_valid_till = Some(hours(12_000 * 24));
    profile.certificate.rotates_without_restart = Some(restart == Restart::None);
    crate::verdict::certificate::outlook(&profile, &Policy::default(), now()).reasons
}

fn action() -> PendingAction {
    PendingAction {
        resource: None,
        action: "server-certificate-rotation".to_owned(),
        auto_applied_after: None,
        forced_apply: Some(hours(40 * 24)),
        current_apply: None,
    }
}

/// The command and the procedure of a root change.
fn root(profile: &InstanceProfile, usage: UsageVerdict, rotation: Rotation) -> (Vec<String>, Procedure) {
    let outlook = outlook(profile, Change::Root, Restart::Instance);
    let (commands, procedure) = commands(profile, &outlook, usage, rotation, now());
    (commands.iter().map(|command| command.words[4..].join(" ")).collect(), procedure)
}

/// The commands to run, or those that are held back.
fn run_or_held(commands: &[String], procedure: &Procedure) -> Vec<String> {
    let held = procedure.held_back.iter().flat_map(|held| &held.commands);
    commands.iter().cloned().chain(held.map(|command| command.words[4..].join(" "))).collect()
}

const SET: &str = "modify-db-instance --db-instance-identifier orders --ca-certificate-identifier rds-ca-rsa2048-g1";

/// Calls back with every combination.
fn every_case(mut found: impl FnMut(&Case<'_>, &[Command], &Procedure)) {
    use {ClusterRole::*, UsageVerdict::*};
    let engines = ["postgres", "mysql", "oracle-ee", "sqlserver-se", "aurora-mysql", "docdb", "custom-oracle-ee"];
    let clusters = [(None, None), (Some("shop"), None), (Some("shop"), Some(Reader)), (Some("shop"), Some(Writer))];
    let ends = [Some(hours(60 * 24)), Some(hours(2)), Some(hours(-24)), None];
    let states = ["available", "backing-up", "stopped", "storage-full", "failed", "creating", "unheard-of"];
    let usages = [
        (InUse, Rotation::Required),
        (Undetermined, Rotation::Required),
        (NotObserved, Rotation::Deferrable),
        (Undetermined, Rotation::Deferrable),
        (RuledOut, Rotation::Optional),
    ];
    for engine in engines {
        for (cluster, role) in clusters {
            for end in ends {
                for status in states {
                    for bits in 0..32 {
                        let bit = |number: u32| bits & (1 << number) != 0;
                        let mut profile = InstanceProfile {
                            engine: engine.to_owned(),
                            cluster: cluster.map(str::to_owned),
                            cluster_role: role,
                            status: status.to_owned(),
                            ..profile()
                        };
                        profile.certificate.valid_till = end;
                        profile.certificate.ca_valid_till = end;
                        if bit(0) {
                            profile.pending_changes = vec!["DBInstanceClass".to_owned()];
                        }
                        if bit(1) {
                            profile.certificate.pending_ca = Some("rds-ca-ecc384-g1".to_owned());
                        }
                        if bit(2) {
                            profile.pending.push(action());
                        }
                        if bit(3) {
                            profile.maintenance_window = None;
                            profile.certificate.target_ca_valid_till = None;
                        }
                        let change = if bit(4) { Change::Root } else { Change::Server };
                        for restart in [Restart::None, Restart::Listener, Restart::Instance] {
                            let outlook = outlook(&profile, change, restart);
                            for (usage, rotation) in usages {
                                let case = Case { profile: &profile, outlook: &outlook, usage, rotation, now: now() };
                                let (commands, procedure) = commands(&profile, &outlook, usage, rotation, now());
                                found(&case, &commands, &procedure);
                            }
                        }
                    }
                }
            }
        }
    }
}

fn has(command: &Command, word: &str) -> bool {
    command.words.iter().any(|other| other == word)
}

#[test]
fn no_command_causes_an_outage_that_it_need_not() {
    let mut seen = 0;
    every_case(|case, commands, procedure| {
        let Case { profile, outlook, usage, rotation, .. } = case;
        let described = || format!("{usage:?} {rotation:?} {outlook:?} {profile:?} {commands:?} {procedure:?}");
        seen += 1;
        if *rotation == Rotation::Optional {
            assert_eq!((commands, procedure), (&[][..], &Procedure::default()), "{}", described());
            return;
        }
        let rotates = commands.iter().any(|command| command.kind == CommandKind::Rotate);
        let reasons = [rotates, procedure.no_rotation.is_some(), procedure.held_back.is_some()];
        assert_eq!(reasons.iter().filter(|is_so| **is_so).count(), 1, "a command or a reason: {}", described());
        if profile.is_custom() || profile.before_changes().is_some() {
            assert!(procedure.no_rotation.is_some(), "{}", described());
        }
        let held = procedure.held_back.iter().flat_map(|held| &held.commands);
        for command in commands.iter().chain(held) {
            let immediate = has(command, "--apply-immediately") || has(command, "immediate");
            if command.kind == CommandKind::Rotate {
                assert_eq!(immediate, command.takes_effect == EffectTime::AtOnce, "{}", described());
            }
            if immediate {
                assert_eq!(*rotation, Rotation::Required, "{}", described());
                let window = profile.next_maintenance(now());
                let late = case.end().is_some_and(|end| window.is_some_and(|window| window > end));
                assert!(case.is_locked_out() || late, "{}", described());
            }
        }
        let restarts_now =
            |command: &Command| command.takes_effect == EffectTime::AtOnce && outlook.restart == Restart::Instance;
        let change_ca = procedure.held_back.as_ref().filter(|held| held.hold == Hold::ChangeCa);
        if let Some(held) = change_ca {
            assert_eq!(outlook.change, Change::Server, "{}", described());
            assert!(outlook.reasons.iter().any(|reason| reason.code == ReasonCode::RenewalOverdue), "{}", described());
            assert!(held.commands[0].words.iter().any(|word| word == "rds-ca-rsa2048-g1"), "{}", described());
        }
        // Of what the verdict says, and of nothing later than the end.
        let why = procedure.no_rotation.as_deref().unwrap_or_default();
        if let Some((_, day)) = why.split_once("Run ssl-usage again after ").filter(|_| case.end().is_some()) {
            let day: jiff::civil::Date = day.get(..10).expect("a day").parse().expect("a day");
            let end = jiff::tz::Offset::UTC.to_datetime(case.end().expect("an end")).date();
            assert!(day < end, "{}", described());
        }
        for command in commands {
            assert!(!restarts_now(command), "a restart now needs consent: {}", described());
            let others = has(command, "--apply-immediately") && !profile.pending_changes.is_empty();
            assert!(!others, "other pending changes are applied only with consent: {}", described());
            let restarts = outlook.restart == Restart::Instance && !has(command, "--no-certificate-rotation-restart");
            assert!(*rotation == Rotation::Required || !restarts, "{}", described());
        }
        if !commands.is_empty() || procedure.held_back.is_some() {
            assert_eq!(procedure.checks[0].accepts, ACCEPT_CHANGES, "{}", described());
        }
        if procedure.rotate_without_evidence_by.is_some() {
            assert_eq!(*usage, UsageVerdict::Undetermined, "{}", described());
        }
    });
    assert!(seen > 100_000, "{seen}");
}

#[test]
fn a_command_applies_immediately_only_where_the_window_is_too_late() {
    for (end, due) in [
        (hours(60 * 24), "--no-apply-immediately"),
        // The window of 2026-11-29 ends at 06:00.
        ("2026-11-29T06:00:00Z".parse().expect("a time"), "--no-apply-immediately"),
        ("2026-11-29T05:59:59Z".parse().expect("a time"), "--apply-immediately"),
    ] {
        let mut profile = profile();
        profile.certificate.valid_till = Some(end);
        let (commands, procedure) = root(&profile, UsageVerdict::InUse, Rotation::Required);
        assert_eq!(run_or_held(&commands, &procedure), [format!("{SET} {due}")], "{end}");
        assert_eq!(procedure.run_by.is_some(), due == "--no-apply-immediately", "{end}");
        assert_eq!(procedure.held_back.is_some(), procedure.run_by.is_none(), "it restarts the instance");
        // What only restarts the listener interrupts no session.
        let outlook = outlook(&profile, Change::Root, Restart::Listener);
        let (commands, procedure) = super::commands(&profile, &outlook, UsageVerdict::InUse, Rotation::Required, now());
        assert_eq!((commands.len(), procedure.held_back), (1, None));
        assert_eq!(procedure.notes.iter().any(|note| note.contains("immediately:")), procedure.run_by.is_none());
    }
}

#[test]
fn clients_that_are_locked_out_do_not_wait_for_the_window() {
    let mut profile = profile();
    profile.certificate.valid_till = Some(hours(-1));
    let (commands, procedure) = root(&profile, UsageVerdict::InUse, Rotation::Required);
    assert_eq!(run_or_held(&commands, &procedure), [format!("{SET} --apply-immediately")]);
    let held = procedure.held_back.expect("a command that is held back");
    assert_eq!(held.hold, Hold::RestartNow);
    assert!(held.why.contains("restarts the instance at once, which interrupts all its clients"), "{held:?}");
    let (commands, procedure) = root(&profile, UsageVerdict::Undetermined, Rotation::Required);
    assert_eq!(commands, [format!("{SET} --no-apply-immediately")]);
    assert!(procedure.notes[0].contains("expired"), "{procedure:?}");
}

#[test]
fn other_pending_changes_are_named_and_need_consent() {
    let mut profile = profile();
    profile.pending_changes = vec!["DBInstanceClass".to_owned(), "EngineVersion".to_owned()];
    let (commands, procedure) = root(&profile, UsageVerdict::InUse, Rotation::Required);
    assert_eq!(commands, [format!("{SET} --no-apply-immediately")]);
    assert!(procedure.notes[0].contains("DBInstanceClass, EngineVersion"), "{procedure:?}");
    profile.certificate.valid_till = Some(hours(2));
    let (commands, procedure) = root(&profile, UsageVerdict::InUse, Rotation::Required);
    let held = procedure.held_back.expect("a command that is held back");
    assert_eq!((commands.len(), held.hold), (0, Hold::PendingChanges));
    assert_eq!(held.also_applies, profile.pending_changes);
    assert!(held.why.contains("DBInstanceClass, EngineVersion"), "{held:?}");
    assert!(held.why.contains("restarts the instance at once"), "{held:?}");
}

#[test]
fn a_deferrable_rotation_is_staged_and_restarts_nothing() {
    let mut profile = profile();
    let (commands, _) = root(&profile, UsageVerdict::NotObserved, Rotation::Deferrable);
    assert_eq!(commands, [format!("{SET} --no-certificate-rotation-restart --no-apply-immediately")]);
    profile.cluster = Some("shop".to_owned());
    let (commands, procedure) = root(&profile, UsageVerdict::NotObserved, Rotation::Deferrable);
    let held = procedure.held_back.expect("a command that is held back");
    assert_eq!((commands.len(), held.hold), (0, Hold::Restart), "a Multi-AZ DB cluster cannot be told to wait");
    assert!(held.commands[0].words.iter().any(|word| word == "modify-db-cluster"));
}

#[test]
fn a_staged_ca_says_when_it_becomes_active() {
    let mut profile = profile();
    profile.certificate.pending_ca = Some("rds-ca-ecc384-g1".to_owned());
    let found = |restart, profile: &InstanceProfile| {
        let outlook = outlook(profile, Change::Root, restart);
        let (commands, procedure) = commands(profile, &outlook, UsageVerdict::InUse, Rotation::Required, now());
        (commands.len(), procedure.no_rotation.unwrap_or_default())
    };
    let (commands, why) = found(Restart::Instance, &profile);
    assert!(commands == 0 && why.contains("at the next restart") && why.contains("before 2027-01-25"), "{why}");
    let (commands, why) = found(Restart::None, &profile);
    assert!(commands == 0 && why.contains("in the next maintenance window (2026-11-29 05:00 UTC)"), "{why}");
    // In time it is not: the same CA is applied immediately.
    profile.certificate.valid_till = Some(hours(2));
    assert_eq!(found(Restart::None, &profile).0, 1);
    profile.certificate.pending_ca.clone_from(&profile.certificate.ca);
    let (_, procedure) = root(&profile, UsageVerdict::InUse, Rotation::Required);
    assert!(procedure.held_back.is_some(), "the CA of today is not staged");
}

/// The plan says what the verdict says.
#[test]
fn a_rotation_that_is_not_offered_says_what_the_verdict_says() {
    let mut profile = profile();
    let why = |profile: &InstanceProfile, code, restart| {
        let outlook = outlook(profile, Change::Server, restart);
        let (commands, procedure) = commands(profile, &outlook, UsageVerdict::InUse, Rotation::Required, now());
        assert!(commands.is_empty());
        let why = procedure.no_rotation.expect("a reason");
        let reason = outlook.reasons.iter().find(|reason| reason.code == code).expect("the reason");
        assert_eq!(why, reason.text);
        why
    };
    profile.certificate.target_ca_valid_till = None;
    // Overdue 90 days before the end.
    for (days, code) in [(91, ReasonCode::RotationNotOffered), (89, ReasonCode::RenewalOverdue)] {
        profile.certificate.valid_till = Some(hours(24 * days));
        why(&profile, code, Restart::Instance);
    }
}

#[test]
fn an_overdue_renewal_can_become_a_rotation_to_another_ca() {
    let mut profile = profile();
    let found = |profile: &InstanceProfile, rotation| {
        let outlook = outlook(profile, Change::Server, Restart::Instance);
        let (commands, procedure) = commands(profile, &outlook, UsageVerdict::InUse, rotation, now());
        assert!(commands.is_empty(), "it needs consent: {commands:?}");
        procedure
    };
    for (rotation, how) in [
        (Rotation::Required, "--no-apply-immediately"),
        (Rotation::Deferrable, "--no-certificate-rotation-restart --no-apply-immediately"),
    ] {
        let held = found(&profile, rotation).held_back.expect("a command that is held back");
        assert_eq!(held.hold, Hold::ChangeCa);
        assert!(held.why.contains("and did not") && held.why.contains("trust store first"), "{held:?}");
        assert_eq!(held.commands[0].words[4..].join(" "), format!("{SET} {how}"));
    }
    let mut unknown = profile.clone();
    unknown.certificate.target_ca_valid_till = None;
    assert_eq!(found(&unknown, Rotation::Required).held_back, None, "it is unknown how long the other CA lasts");
    // Not overdue yet.
    profile.certificate.valid_till = Some(hours(24 * 91));
    assert_eq!(found(&profile, Rotation::Required).held_back, None);
    // The CA of today is not another one.
    profile.certificate.valid_till = Some(hours(24 * 60));
    profile.certificate.ca.clone_from(&profile.certificate.target_ca);
    assert_eq!(found(&profile, Rotation::Required).held_back, None);
}

#[test]
fn evidence_is_gathered_first_while_there_is_time() {
    let mut profile = profile();
    let by = |profile: &InstanceProfile, usage| root(profile, usage, Rotation::Required).1.rotate_without_evidence_by;
    // The last window before 2027-01-25 is on 2027-01-24; one more is kept in reserve.
    assert_eq!(by(&profile, UsageVerdict::Undetermined), Some("2027-01-17T05:00:00Z".parse().expect("a time")));
    assert_eq!(by(&profile, UsageVerdict::InUse), None);
    profile.certificate.ca_valid_till = Some(hours(21 * 24));
    assert_eq!(by(&profile, UsageVerdict::Undetermined), None);
}

#[test]
fn a_member_of_a_cluster_that_restarts_at_once_is_waited_for() {
    let mut profile = profile();
    profile.engine = "aurora-postgresql".to_owned();
    profile.cluster = Some("shop".to_owned());
    profile.cluster_role = Some(ClusterRole::Writer);
    profile.cluster_siblings = vec!["reader".to_owned()];
    profile.custom_endpoints = vec!["reports.cluster-custom-x.eu-west-1.rds.amazonaws.com".to_owned()];
    profile.certificate.valid_till = Some(hours(2));
    let (commands, procedure) = root(&profile, UsageVerdict::InUse, Rotation::Required);
    let commands = run_or_held(&commands, &procedure);
    assert_eq!(commands[1], "wait db-instance-available --db-instance-identifier orders");
    let notes = procedure.notes.join(" ");
    assert!(notes.contains("readers first (reader)") && notes.contains("reports.cluster-custom"), "{notes}");
}
