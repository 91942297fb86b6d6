//! What is asked of the fake AWS and what it answers, beside the service models that botocore brings along: neither the
//! product nor the fake may believe something of AWS that is not so.

use std::collections::BTreeMap;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{install, python, script};
use crate::command::{Run, against};
use crate::fake_aws::{FakeAws, Fleet};
use crate::fleet::{WINDOW, small_fleet};

/// All calls that a collection makes.
const CALLS: &[&str] = &[
    "account:ListRegions",
    "ec2:DescribeNetworkInterfaces",
    "logs:DescribeLogGroups",
    "logs:DescribeLogStreams",
    "logs:FilterLogEvents",
    "logs:GetLogEvents",
    "logs:GetQueryResults",
    "logs:StartQuery",
    "monitoring:GetMetricData",
    "organizations:ListAccounts",
    "rds:DescribeCertificates",
    "rds:DescribeDBClusterParameters",
    "rds:DescribeDBClusters",
    "rds:DescribeDBEngineVersions",
    "rds:DescribeDBInstances",
    "rds:DescribeDBLogFiles",
    "rds:DescribeDBParameters",
    "rds:DescribeDBProxies",
    "rds:DescribeEvents",
    "rds:DescribeOptionGroups",
    "rds:DescribePendingMaintenanceActions",
    "rds:DownloadDBLogFilePortion",
    "sts:AssumeRole",
    "sts:GetCallerIdentity",
];

/// The small fleet, where logs come by every way there is, and listings have pages.
fn fleet() -> Fleet {
    let mut fleet = Fleet { complete_downloads: false, page_records: Some(2), ..small_fleet() };
    let instance = fleet.instance("reports-batch");
    instance.export("postgresql", "error/").class = "INFREQUENT_ACCESS";
    instance.files.clear();
    for (number, address) in ["10.99.0.31", "10.99.0.32", "2001:db8::1"].iter().enumerate() {
        let toml = format!(
            "id = 'eni-{number}'\naddresses = ['{address}', '2001:db8::{number}']\nprefixes = ['10.7.0.0/28']\npublic = '192.0.2.1'\n\
             attached_at = '2026-11-01T00:00:00Z'\nprivate_name = 'ip.internal'\ninstance = 'i-1'\ntags = {{ Name = 'api' }}"
        );
        fleet.network_interfaces.push(toml::from_str(&toml).expect("an interface"));
    }
    let instance = fleet.instance("analytics-1");
    instance.export("postgresql", "error/").page = 50;
    instance.files.clear();
    fleet
}

/// Collects the fleet and another account's, and keeps all that was said.
fn exchanges(home: &TempDir) -> String {
    let aws = FakeAws::start(fleet());
    aws.add_account(Fleet { account: "210987654321".to_owned(), ..small_fleet() });
    aws.keep_exchanges();
    let run = |arguments: &[&str]| {
        let mut command = against(&aws, home.path());
        Run::of(command.args(["analyze", "--format", "json"]).args(arguments).args(WINDOW)).json()
    };
    run(&["--insights"]);
    run(&["--all-regions", "--organization", "--role-name", "auditor"]);
    let line = |exchange: crate::fake_aws::Exchange| {
        let (request, answer) = (BASE64.encode(exchange.request), BASE64.encode(exchange.answer));
        let record = json!({
            "service": exchange.service, "target": exchange.target, "action": exchange.action, "request": request,
            "status": exchange.status, "kind": exchange.kind, "answer": answer,
        });
        format!("{record}\n")
    };
    aws.exchanges().into_iter().map(line).collect()
}

#[test]
fn every_request_and_every_answer_is_one_of_the_service_models() {
    let Some(python) = python("botocore") else { return };
    let home = TempDir::new().expect("a folder");
    let recorded = home.path().join("exchanges.jsonl");
    std::fs::write(&recorded, exchanges(&home)).expect("a file");
    let checked = install::run(Command::new(python).arg(script("models.py")).arg(&recorded));
    let checked: Value = serde_json::from_str(&checked.unwrap_or_else(|error| panic!("{error}"))).expect("JSON");
    let seen: BTreeMap<String, u64> = serde_json::from_value(checked["seen"].clone()).expect("calls");
    let missing: Vec<_> = CALLS.iter().filter(|call| !seen.contains_key(**call)).collect();
    assert_eq!(checked["found"], json!([]), "{checked:#}");
    assert!(missing.is_empty(), "{missing:?} of {seen:?}");
}
