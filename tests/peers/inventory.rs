//! What moto says of a fleet, and what the report makes of it.

use serde_json::{Value, json};

use super::{Server, analyze, failed, instances, named, reasons};

const REGIONS: [&str; 6] = ["--region", "eu-west-1", "--region", "us-east-1", "--region", "ap-south-1"];

/// What moto does not implement, denied at once: its own answer is a 500, which is asked for four times.
pub fn denials() -> Vec<Value> {
    let missing = ["DescribeCertificates", "DescribePendingMaintenanceActions", "DescribeDBEngineVersions"];
    let denied = |action: &str| json!({"service": "rds", "operation": action, "error": {"code": "AccessDenied"}});
    missing.into_iter().chain(["DescribeDBLogFiles"]).map(denied).collect()
}

#[test]
fn a_fleet_in_moto_is_reported_as_it_is() {
    let Some(moto) = Server::moto() else { return };
    let made = moto.seed("fleet");
    let quick = Server::microburst(&moto).expect("moto is here, and so is this");
    quick.trouble(&Value::from(denials()));
    let account = Server::ministack().expect("moto is here, and so is this");
    let services = [("RDS", &quick), ("STS", &moto), ("CLOUDWATCH", &account), ("ACCOUNT", &account)];

    let run = analyze(&services, &REGIONS);
    assert_eq!(run.status, 3, "{}", run.err);
    let report = run.json();
    assert_eq!(instances(&report["instances"]), instances(&made));
    assert!(instances(&made).len() > 100, "more than a page of them");
    settings_arrive(&report);

    // ministack lists the regions of an account, some thirty; moto has instances in three of them.
    let lab = analyze(&services, &["--all-regions", "--tag", "team=lab"]).json();
    let tagged = instances(&made).into_iter().filter(|instance| instance.contains(" lab-")).collect::<Vec<_>>();
    assert_eq!((tagged.len(), instances(&lab["instances"])), (6, tagged));

    what_moto_lacks_is_said(&moto);
}

fn settings_arrive(report: &Value) {
    for (name, reason, rotation, enforcement) in [
        ("tls-off", "tls-switched-off", "optional", "unknown"),
        ("without-ssl", "tls-switched-off", "optional", "unknown"),
        ("with-ssl", "no-logs", "required", "unknown"),
        ("not-logged", "logging-off", "required", "safe"),
        ("enforced", "no-logs", "required", "safe"),
        ("checkout-1", "logging-off", "required", "safe"),
        ("checkout-2", "logging-off", "required", "safe"),
        ("warehouse", "log-cannot-tell", "required", "unknown"),
        // moto's default groups are empty: what they say is not known.
        ("shop-000", "logging-unknown", "required", "unknown"),
    ] {
        let instance = named(report, name);
        assert!(reasons(instance).contains(&reason), "{reason}: {instance:#}");
        assert_eq!(
            (&instance["rotation"], &instance["enforcement"]),
            (&rotation.into(), &enforcement.into()),
            "{name}"
        );
        assert_eq!(instance["unproven"], rotation == "required", "{name}");
    }
}

/// Its 500s, in HTML, and the option group that it names and does not have are errors, each with its call.
fn what_moto_lacks_is_said(moto: &Server) {
    let run = analyze(&[("RDS", moto), ("STS", moto), ("CLOUDWATCH", moto)], &["--instance", "enforced"]);
    assert_eq!(run.status, 3, "{run:?}");
    let report = run.json();
    let missing = [
        // Not in CBOR, which is all that the tool speaks to it.
        "cloudwatch:GetMetricData",
        "rds:DescribeCertificates",
        "rds:DescribeDBEngineVersions",
        "rds:DescribeDBLogFiles",
        "rds:DescribeOptionGroups",
        "rds:DescribePendingMaintenanceActions",
    ];
    assert_eq!(failed(&report), missing, "{report:#}");
    let instance = named(&report, "enforced");
    assert_eq!((&instance["rotation"], &instance["unproven"]), (&"required".into(), &true.into()), "{instance:#}");
    assert!(reasons(instance).contains(&"certificate-unknown"), "{instance:#}");
}
