//! Reports for other systems, as these read them: Prometheus's parsers, and the schema of OCSF.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{install, python, script};
use crate::integrations::{hostile_report, printed};

/// What a consumer makes of a file.
fn read(python: &Path, kind: &str, file: &Path) -> Value {
    let read = install::run(Command::new(python).arg(script("integrations.py")).arg(kind).arg(file));
    serde_json::from_str(&read.unwrap_or_else(|error| panic!("{error}"))).expect("JSON")
}

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

#[test]
fn prometheus_reads_metrics_and_the_exact_names() {
    let Some(python) = python("prometheus_client") else { return };
    let home = TempDir::new().expect("a folder");
    let (report, file) = (hostile_report(), home.path().join("hostile.prom"));
    std::fs::write(&file, printed(&report, "openmetrics", &[])).expect("a file");
    let samples = read(&python, "openmetrics", &file);
    let of = |metric: &str, label: &str| -> Vec<Value> {
        let samples = samples.as_array().expect("samples").iter().filter(|sample| sample[0] == metric);
        samples.map(|sample| sample[1][label].clone()).collect()
    };
    let named = |name: fn(&ssl_usage::report::Instance) -> &str| -> Vec<Value> {
        report.instances.iter().map(|row| json!(name(row))).collect()
    };
    assert_eq!(of("ssl_usage_rotation", "db_instance"), named(|row| &row.id().instance));
    assert_eq!(of("ssl_usage_rotation", "engine"), named(|row| &row.engine));
    assert_eq!(of("ssl_usage_instance_info", "arn"), named(|row| &row.id().arn));
    let kept = read(&python, "openmetrics", &golden("fleet.prom"));
    assert!(kept.as_array().is_some_and(|samples| samples.len() > 300));
}

#[test]
fn the_schema_of_ocsf_accepts_every_finding_and_would_not_accept_others() {
    let Some(python) = python("the schema of OCSF") else { return };
    let home = TempDir::new().expect("a folder");
    let file = |name: &str, text: &str| {
        let path = home.path().join(name);
        std::fs::write(&path, text).expect("a file");
        path
    };
    let hostile = file("hostile.json", &printed(&hostile_report(), "ocsf", &[]));
    for good in [&golden("fleet.ocsf.json"), &hostile] {
        assert_eq!(read(&python, "ocsf", good), json!([]), "{}", good.display());
    }
    let kept = std::fs::read_to_string(golden("fleet.ocsf.json")).expect("findings");
    for (path, value) in [
        ("/severity_id", json!(7)),
        ("/severity", json!("Worst")),
        ("/type_uid", json!(200_302)),
        ("/metadata/version", json!(null)),
        ("/compliance/status", json!("Pass")),
        ("/cloud", json!({"provider": "AWS", "place": "here"})),
        ("/time", json!("2026-11-23T00:00:00Z")),
    ] {
        let mut findings: Value = serde_json::from_str(&kept).expect("JSON");
        *findings[2].pointer_mut(path).expect("an attribute") = value;
        let objections = read(&python, "ocsf", &file("wrong.json", &findings.to_string()));
        assert_ne!(objections, json!([]), "{path}");
    }
}

#[test]
fn security_hub_takes_the_findings_that_jq_converts() {
    let Some(python) = python("jq and botocore") else { return };
    let asff = read(&python, "asff", &golden("fleet.ocsf.json"));
    assert_eq!(asff["objections"], json!([]));
    let findings: Value =
        serde_json::from_str(&std::fs::read_to_string(golden("fleet.ocsf.json")).expect("a file")).expect("JSON");
    let results =
        findings.as_array().expect("findings").iter().filter(|finding| finding["cloud"]["account"].is_object());
    let expected: Vec<&str> = results
        .map(|finding| match finding["compliance"]["status"].as_str() {
            Some("Pass") => "PASSED",
            Some("Warning") => "WARNING",
            _ => "FAILED",
        })
        .collect();
    assert_eq!(asff["statuses"], json!(expected));
}
