//! Logs that moto keeps as CloudWatch Logs. Of filter patterns it knows a single phrase only, and answers every event
//! to any other: what was not asked for is no session either.

use serde_json::{Value, json};
use tempfile::TempDir;

use super::inventory::denials;
use super::{Server, analyze, failed, instances, named, reasons};
use crate::command::{Run, against};
use crate::fake_aws::FakeAws;
use crate::fleet::small_fleet;

const BATCH: &str = "reports-batch";

#[test]
fn logs_in_moto_are_read_by_phrase_and_whole() {
    let Some(moto) = Server::moto() else { return };
    let made = moto.seed("exported");
    let quick = Server::microburst(&moto).expect("moto is here, and so is this");
    quick.trouble(&Value::from(denials()));
    let services = [("RDS", &quick), ("STS", &moto), ("CLOUDWATCH", &moto), ("CLOUDWATCH_LOGS", &moto)];
    let report = analyze(&services, &["--now", made["now"].as_str().expect("a time")]).json();
    assert_eq!(instances(&report["instances"]), instances(&made["instances"]));
    for name in ["ledger", "books"] {
        let instance = named(&report, name);
        let connections = &instance["connections"];
        assert_eq!(
            (&connections["tls"], &connections["plaintext"]),
            (&made["tls"], &made["plaintext"]),
            "{name}: {:#}",
            report["errors"]
        );
        assert_eq!((&instance["usage"], reasons(instance)[0]), (&"in_use".into(), "tls-connections"), "{instance:#}");
        assert_eq!(connections["unknown"], 0, "{instance:#}");
        assert_eq!(instance["coverage"]["unparsed"], 0, "{instance:#}");
    }
}

/// The instance whose log is in `logs` alone.
fn of_batch(logs: &Server, now: &str) -> Run {
    let mut fleet = small_fleet();
    fleet.instance(BATCH).files.clear();
    fleet.instance(BATCH).log_exports = vec!["postgresql".to_owned()];
    let (aws, home) = (FakeAws::start(fleet), TempDir::new().expect("a folder"));
    let mut command = against(&aws, home.path());
    command.env("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", logs.url());
    Run::of(command.args(["analyze", "--format", "json", "--instance", BATCH, "--days", "1", "--now", now]))
}

#[test]
fn a_day_of_sessions_in_moto_counts_once_and_one_with_tls_decides() {
    let Some(moto) = Server::moto() else { return };
    let plain = moto.seed("plaintext_sessions");
    let now = plain["now"].as_str().expect("a time");
    let clean = of_batch(&moto, now);
    assert_eq!(clean.status, 0, "{}", clean.err);
    let report = clean.json();
    let instance = named(&report, BATCH);
    assert_eq!((&instance["usage"], reasons(instance)[0]), (&"not_observed".into(), "only-plaintext"), "{instance:#}");
    assert_eq!(
        (&instance["connections"]["plaintext"], &instance["connections"]["tls"]),
        (&plain["sessions"], &0.into())
    );

    let proxy = Server::microburst(&moto).expect("moto is here, and so is this");
    for (passes, action, trouble) in [
        (true, "FilterLogEvents", json!({"error": {"code": "ThrottlingException", "status": 400}, "times": 2})),
        (true, "FilterLogEvents", json!({"response": {"truncate_frac": 0.5}, "times": 1})),
        (true, "DescribeLogStreams", json!({"reset": true, "times": 1})),
        // The second page of each, for ever.
        (false, "FilterLogEvents", json!({"body": "nextToken", "response": {"truncate_frac": 0.5}})),
        (false, "DescribeLogGroups", json!({"error": {"code": "AccessDeniedException", "status": 400}})),
    ] {
        let mut rule = json!({"service": "logs", "operation": action});
        rule.as_object_mut().expect("an object").extend(trouble.as_object().expect("an object").clone());
        let before = proxy.fired().len();
        proxy.trouble(&json!([rule]));
        let run = of_batch(&proxy, now);
        let (found, fired) = (run.json(), proxy.fired().len() - before);
        assert!(fired > 0, "{rule}: {}", run.err);
        if passes {
            assert_eq!((run.status, &found), (0, &report), "{rule}: {}", run.err);
            continue;
        }
        assert_eq!((run.status, failed(&found)), (3, vec![format!("logs:{action}").as_str()]), "{rule}: {}", run.err);
        let instance = named(&found, BATCH);
        assert_eq!((&instance["usage"], &instance["rotation"]), (&"undetermined".into(), &"required".into()), "{rule}");
    }

    let tls = moto.seed("tls_sessions");
    let report = of_batch(&moto, tls["now"].as_str().expect("a time")).json();
    let instance = named(&report, BATCH);
    assert_eq!((&instance["usage"], reasons(instance)[0]), (&"in_use".into(), "tls-connections"), "{instance:#}");
    assert_eq!(instance["connections"]["tls"], tls["sessions"], "{instance:#}");
}

#[test]
fn a_log_that_ministack_answers_nothing_of_is_not_a_log_without_sessions() {
    let Some(ministack) = Server::ministack() else { return };
    // It wants all of the phrases of a pattern in an event, where CloudWatch wants one of them.
    let made = ministack.seed("plaintext_sessions");
    let run = of_batch(&ministack, made["now"].as_str().expect("a time"));
    let report = run.json();
    let instance = named(&report, BATCH);
    assert_eq!(
        (&instance["usage"], &instance["rotation"]),
        (&"undetermined".into(), &"required".into()),
        "{instance:#}"
    );
    assert_eq!((&instance["unproven"], &instance["coverage"]["share"]), (&true.into(), &0.0.into()), "{instance:#}");
    assert_eq!(instance["coverage"]["gaps"][0]["from"], instance["coverage"]["asked"]["from"], "{instance:#}");
    assert_eq!(instance["coverage"]["gaps"][0]["to"], instance["coverage"]["asked"]["to"], "{instance:#}");
}
