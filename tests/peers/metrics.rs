//! CloudWatch's metrics out of ministack, which speaks their CBOR, for an instance whose logs are complete and show no
//! TLS.

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Server, failed, named, reasons};
use crate::command::{Run, against};
use crate::fake_aws::FakeAws;
use crate::fleet::{WINDOW, small_fleet};

const BATCH: &str = "reports-batch";

fn analyze(aws: &FakeAws, metrics: &Server) -> Run {
    let home = TempDir::new().expect("a folder");
    let mut command = against(aws, home.path());
    command.env("AWS_ENDPOINT_URL_CLOUDWATCH", metrics.url());
    Run::of(command.args(["analyze", "--format", "json", "--instance", BATCH]).args(WINDOW))
}

/// Rotation and reasons.
fn verdict(report: &Value) -> (&str, Vec<&str>) {
    let instance = named(report, BATCH);
    (instance["rotation"].as_str().unwrap_or_default(), reasons(instance))
}

/// Whether the report says that DatabaseConnections were not seen.
fn is_blind(report: &Value) -> bool {
    let blind = named(report, BATCH)["not_examined"].as_array().expect("a list");
    blind.iter().any(|spot| spot.as_str().is_some_and(|spot| spot.contains("DatabaseConnections)")))
}

#[test]
fn metrics_of_ministack_are_understood() {
    let Some(ministack) = Server::ministack() else { return };
    let aws = FakeAws::start(small_fleet());
    let nothing = analyze(&aws, &ministack);
    assert_eq!(nothing.status, 0, "{nothing:?}");
    assert_eq!(verdict(&nothing.json()).0, "deferrable");
    assert!(is_blind(&nothing.json()), "what was never measured is not zero: {nothing:?}");

    ministack.seed("connections");
    let open = analyze(&aws, &ministack);
    assert_eq!(open.status, 0, "{open:?}");
    let report = open.json();
    let (rotation, why) = verdict(&report);
    assert_eq!((rotation, why[0], is_blind(&report)), ("required", "older-sessions-open", false), "{report:#}");
    let text = named(&report, BATCH)["reasons"][0]["text"].as_str().unwrap_or_default();
    assert!(text.starts_with("up to 4 sessions"), "{text}");
    trouble_is_said(&aws, &ministack, &report);

    let count = ministack.seed("logins").as_f64().expect("a number");
    let report = analyze(&aws, &ministack).json();
    let instance = named(&report, BATCH);
    assert_eq!((&instance["usage"], reasons(instance)[0]), (&"in_use".into(), "iam-metric"), "{instance:#}");
    let text = instance["reasons"][0]["text"].as_str().unwrap_or_default();
    assert!(text.starts_with(&format!("{count} logins")), "{text}");
}

/// What passes changes nothing; what stays is an error, and nothing is taken for measured.
fn trouble_is_said(aws: &FakeAws, ministack: &Server, clean: &Value) {
    let proxy = Server::microburst(ministack).expect("ministack is here, and so is this");
    for (passes, trouble) in [
        (true, json!({"error": {"code": "Throttling", "status": 400}, "times": 2})),
        (true, json!({"reset": true, "times": 1})),
        (true, json!({"response": {"abort_frac": 0.5}, "times": 1})),
        (false, json!({"error": {"code": "AccessDenied", "status": 403}})),
        (false, json!({"response": {"truncate_frac": 0.5}})),
    ] {
        let mut rule = json!({"service": "cloudwatch", "operation": "GetMetricData"});
        rule.as_object_mut().expect("an object").extend(trouble.as_object().expect("an object").clone());
        let before = proxy.fired().len();
        proxy.trouble(&json!([rule]));
        let run = analyze(aws, &proxy);
        let report = run.json();
        let fired = proxy.fired().len() - before;
        match rule["times"].as_u64() {
            Some(times) => assert_eq!(fired as u64, times, "{rule}: {run:?}"),
            None => assert!(fired > 0, "{rule}: {run:?}"),
        }
        if passes {
            assert_eq!((run.status, &report), (0, clean), "{rule}");
        } else {
            assert_eq!((run.status, failed(&report)), (3, vec!["cloudwatch:GetMetricData"]), "{rule}: {run:?}");
            assert!(is_blind(&report), "{rule}: {report:#}");
        }
    }
}
