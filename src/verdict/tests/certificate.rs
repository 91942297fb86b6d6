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
