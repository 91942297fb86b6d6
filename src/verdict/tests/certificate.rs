//! What follows from the certificate.

use super::*;
use crate::inventory::PendingAction;

#[test]
fn a_command_names_what_holds_the_certificate() {
    let command = |engine: &str, cluster: Option<&str>, pending_on: Option<&str>| {
        let mut profile = profile([("", None), ("", None), ("", None)], engine, "16.4", None);
        profile.cluster = cluster.map(str::to_owned);
        match pending_on {
            Some(resource) => profile.pending.push(PendingAction {
                resource: Some(resource.to_owned()),
                action: "server-certificate-rotation".to_owned(),
                auto_applied_after: None,
                forced_apply: Some(days(20)),
                current_apply: None,
            }),
            None => {
                profile.certificate.ca = Some("rds-ca-2019".to_owned());
                profile.certificate.ca_valid_till = Some(days(30));
            }
        }
        let commands = judged(&profile, &Usage::default()).commands;
        commands.last().map(|command| command.words[4..7].join(" ")).unwrap_or_default()
    };
    let by_instance = "modify-db-instance --db-instance-identifier orders";
    assert_eq!(command("postgres", None, None), by_instance);
    assert_eq!(command("aurora-mysql", Some("shop"), None), by_instance);
    assert_eq!(command("docdb", Some("shop"), None), by_instance);
    assert_eq!(command("postgres", Some("shop"), None), "modify-db-cluster --db-cluster-identifier shop");
    let arn = "arn:aws:rds:eu-west-1:123456789012:cluster:shop";
    let applied = format!("apply-pending-maintenance-action --resource-identifier {arn}");
    assert_eq!(command("postgres", Some("shop"), Some(arn)), applied);
}

#[test]
fn a_certificate_that_lasts_is_optional_only_while_nothing_threatens_it() {
    let mut good = logged("16.4");
    good.certificate.valid_till = Some(days(900));
    assert_eq!(judged(&good, &plaintext_only()).rotation, Rotation::Optional);
    let threats: [fn(&mut InstanceProfile); 6] = [
        // What is scheduled for its cluster is unknown.
        |profile| profile.unknown.push("rds:DescribeDBClusters".to_owned()),
        |profile| profile.certificate.valid_till = Some(days(30)),
        |profile| profile.certificate.ca_valid_till = None,
        |profile| profile.certificate.ca_valid_till = Some(days(30)),
        |profile| profile.certificate.pending_ca = Some("rds-ca-ecc384-g1".to_owned()),
        |profile| {
            let action = "server-certificate-rotation".to_owned();
            profile.pending.push(PendingAction {
                resource: None,
                action,
                auto_applied_after: None,
                forced_apply: None,
                current_apply: None,
            });
        },
    ];
    for (number, threaten) in threats.into_iter().enumerate() {
        let mut threatened = good.clone();
        threaten(&mut threatened);
        assert_eq!(judged(&threatened, &Usage::default()).rotation, Rotation::Required, "threat {number}");
    }
}

fn rotation(profile: &InstanceProfile) -> Rotation {
    judged(profile, &Usage::default()).rotation
}

fn codes(profile: &InstanceProfile) -> Vec<ReasonCode> {
    judged(profile, &Usage::default()).reasons.iter().map(|reason| reason.code).collect()
}

/// Rows: whether the version rotates without a restart, the days that the certificate is valid, and whether AWS renews it.
/// Half of 12 months before the end, and 14 days for two maintenance windows.
#[test]
fn a_renewal_counts_until_it_is_overdue() {
    let rows = [
        (Some(true), 300, true),
        (Some(true), 169, true),
        (Some(true), 165, false),
        (Some(true), 30, false),
        (Some(true), -1, false),
        (Some(false), 300, false),
        (None, 300, false),
    ];
    for (without_restart, valid, is_renewed) in rows {
        let mut profile = logged("16.4");
        profile.certificate.rotates_without_restart = without_restart;
        profile.certificate.valid_till = Some(days(valid));
        let due = if is_renewed { Rotation::Optional } else { Rotation::Required };
        assert_eq!(rotation(&profile), due, "{without_restart:?} {valid}");
        let overdue = without_restart == Some(true) && !is_renewed || without_restart != Some(true) && valid < 90;
        assert_eq!(codes(&profile).contains(&ReasonCode::RenewalOverdue), overdue, "{without_restart:?} {valid}");
    }
}

#[test]
fn nothing_is_optional_for_a_renewal_that_may_not_come() {
    let mut renewed = logged("16.4");
    renewed.certificate.rotates_without_restart = Some(true);
    renewed.certificate.valid_till = Some(days(300));
    assert_eq!(rotation(&renewed), Rotation::Optional);
    let mut threatened: Vec<InstanceProfile> = Vec::new();
    for status in ["stopped", "storage-full", "failed", "incompatible-network", "a-status-of-tomorrow", ""] {
        threatened.push(InstanceProfile { status: status.to_owned(), ..renewed.clone() });
        assert!(codes(threatened.last().expect("one")).contains(&ReasonCode::InstanceUnavailable), "{status}");
    }
    let mut with = |change: fn(&mut InstanceProfile)| {
        let mut profile = renewed.clone();
        change(&mut profile);
        threatened.push(profile);
    };
    with(|profile| profile.certificate.valid_till = None);
    with(|profile| profile.certificate.ca_valid_till = None);
    with(|profile| {
        // Its renewal takes a restart.
        let (value, group) = (Some("on".to_owned()), "custom".to_owned());
        let babelfish = Parameter { value, is_static: true, level: Level::Cluster, in_effect: true, group };
        profile.parameters.insert("rds.babelfish_status".to_owned(), babelfish);
    });
    for profile in threatened {
        assert_eq!(rotation(&profile), Rotation::Required, "{}", profile.status);
    }
    for status in ["backing-up", "modifying", "configuring-log-exports"] {
        assert_eq!(rotation(&InstanceProfile { status: status.to_owned(), ..renewed.clone() }), Rotation::Optional);
    }
}

#[test]
fn a_staged_ca_is_a_change_of_root() {
    let mut profile = logged("16.4");
    profile.certificate.pending_ca = Some("rds-ca-ecc384-g1".to_owned());
    let verdict = judged(&profile, &plaintext_only());
    assert_eq!(verdict.outlook.change, Change::Root);
    assert_eq!(verdict.outlook.target.as_deref(), Some("rds-ca-ecc384-g1"));
    let told = |profile: &InstanceProfile| {
        let verdict = judged(profile, &plaintext_only());
        let staged = verdict.reasons.into_iter().find(|reason| reason.code == ReasonCode::RotationStaged);
        staged.expect("it is told").text
    };
    assert!(told(&profile).contains("at the next restart, planned or not"), "{}", told(&profile));
    // Now is 2026-11-23, a Monday.
    profile.maintenance_window = Some("sun:05:00-sun:06:00".to_owned());
    profile.pending_changes = vec!["EngineVersion".to_owned()];
    let expected = "is expected in the maintenance window of 2026-11-29 because EngineVersion is pending";
    assert!(told(&profile).contains(expected), "{}", told(&profile));
    profile.certificate.rotates_without_restart = Some(true);
    assert!(told(&profile).contains("active in the maintenance window of 2026-11-29"), "{}", told(&profile));
}

#[test]
fn what_is_no_ordinary_instance_has_a_rule_of_its_own() {
    let verdict = |change: fn(&mut InstanceProfile)| {
        let mut profile = logged("16.4");
        profile.certificate = Certificate::default();
        change(&mut profile);
        let verdict = judged(&profile, &plaintext_only());
        assert!(verdict.commands.is_empty(), "{:?}", verdict.commands);
        (verdict.rotation, verdict.unproven, verdict.reasons.first().map(|reason| reason.code))
    };
    fn cluster(profile: &mut InstanceProfile) {
        profile.arn = "arn:aws:rds:eu-west-1:123456789012:cluster:shop".to_owned();
        profile.engine = "aurora-postgresql".to_owned();
    }
    let optional = |code| (Rotation::Optional, false, Some(code));
    assert_eq!(verdict(cluster), optional(ReasonCode::ClusterWithoutInstances));
    let serverless = |profile: &mut InstanceProfile| {
        cluster(profile);
        profile.engine_mode = Some("serverless".to_owned());
    };
    assert_eq!(verdict(serverless), optional(ReasonCode::CertificateElsewhere));
    let limitless = |profile: &mut InstanceProfile| {
        cluster(profile);
        profile.is_limitless = true;
    };
    let inconclusive = |code| (Rotation::Required, true, Some(code));
    assert_eq!(verdict(limitless), inconclusive(ReasonCode::LimitlessDatabase));
    let custom = |profile: &mut InstanceProfile| profile.engine = "custom-sqlserver-ee".to_owned();
    assert_eq!(verdict(custom), inconclusive(ReasonCode::RdsCustom));
}
