//! Clusters: one decision for all members, clusters that have no instance, and what the inventory cannot show.

use serde_json::Value;
use tempfile::TempDir;

use crate::command::{Run, against};
use crate::fake_aws::{FakeAws, Fleet};
use crate::fleet::{WINDOW, small_fleet};

/// The small fleet, in which these instances are members of one Multi-AZ DB cluster.
fn with_cluster(members: &[&str]) -> Fleet {
    let mut fleet = small_fleet();
    for member in members {
        fleet.instance(member).cluster = Some("ha".to_owned());
    }
    fleet.parameter_groups.push(toml::from_str("name = 'ha'\nfamily = 'postgres15'\ncluster = true").expect("a group"));
    let members = members.join("', '");
    let cluster = format!(
        "id = 'ha'\nengine = 'postgres'\nversion = '15.18'\nparameter_group = 'ha'\nmembers = ['{members}']\n\
         custom_endpoints = ['reports.cluster-custom.example']"
    );
    fleet.clusters.push(toml::from_str(&cluster).expect("a cluster"));
    fleet
}

fn run(fleet: Fleet, options: &[&str]) -> Run {
    let home = TempDir::new().expect("a folder");
    let aws = FakeAws::start(fleet);
    Run::of(against(&aws, home.path()).args(["analyze", "--format", "json"]).args(options).args(WINDOW))
}

fn row(report: &Value, instance: &str) -> Value {
    let rows = report["instances"].as_array().expect("instances");
    rows.iter().find(|row| row["instance"] == instance).unwrap_or_else(|| panic!("no {instance}")).clone()
}

/// Rotation, usage and first reason.
fn verdict(row: &Value) -> (&str, &str, &str) {
    let text = |value: &Value| -> &str { value.as_str().map_or("", |text| text.to_owned().leak()) };
    (text(&row["rotation"]), text(&row["usage"]), text(&row["reasons"][0]["code"]))
}

#[test]
fn tls_on_one_member_is_tls_on_all() {
    let alone = run(small_fleet(), &["--instance", "reports-batch"]).json();
    assert_eq!(verdict(&row(&alone, "reports-batch")), ("deferrable", "not_observed", "only-plaintext"));
    let report = run(with_cluster(&["orders-prod", "reports-batch"]), &[]).json();
    let reader = row(&report, "reports-batch");
    assert_eq!(verdict(&reader), ("required", "in_use", "cluster-tls"), "{reader:#}");
    assert_eq!((&reader["role"], &row(&report, "orders-prod")["role"]), (&"reader".into(), &"writer".into()));
    let codes = reader["reasons"].to_string();
    assert!(codes.contains("custom-endpoints"), "{codes}");
}

#[test]
fn what_a_member_hides_keeps_the_others_from_waiting() {
    let report = run(with_cluster(&["crm-quiet", "reports-batch"]), &[]).json();
    let other = row(&report, "reports-batch");
    assert_eq!(verdict(&other), ("required", "undetermined", "cluster-inconclusive"), "{other:#}");
    // A member that nobody asked for may show TLS.
    let report = run(with_cluster(&["orders-prod", "reports-batch"]), &["--instance", "reports-batch"]).json();
    let other = row(&report, "reports-batch");
    assert_eq!(verdict(&other), ("required", "undetermined", "cluster-incomplete"), "{other:#}");
    let said = other["reasons"][0]["text"].as_str().expect("a text");
    assert!(said.contains("orders-prod"), "{said}");
}

#[test]
fn clusters_without_instances_are_rows_of_their_own() {
    let mut fleet = small_fleet();
    let clusters = [
        ("legacy", "engine_mode = 'serverless'", ("optional", "undetermined", "certificate-elsewhere")),
        ("empty", "", ("optional", "undetermined", "cluster-without-instances")),
        ("sharded", "scalability = 'limitless'", ("required", "undetermined", "limitless-database")),
    ];
    for (id, more, _) in clusters {
        let text = format!(
            "id = '{id}'\nengine = 'aurora-postgresql'\nversion = '16.4'\nparameter_group = 'default.aurora-postgresql16'\n{more}"
        );
        fleet.clusters.push(toml::from_str(&text).expect("a cluster"));
    }
    let before = fleet.instances.len();
    let run = run(fleet, &[]);
    assert_eq!((run.status, run.err.as_str()), (0, ""), "{run:?}");
    let report = run.json();
    assert_eq!(report["instances"].as_array().map(Vec::len), Some(before + clusters.len()));
    for (id, _, due) in clusters {
        let row = row(&report, id);
        assert_eq!(verdict(&row), due, "{row:#}");
        assert_eq!(row["arn"], format!("arn:aws:rds:eu-west-1:123456789012:cluster:{id}"));
        assert_eq!(row["commands"], Value::Array(Vec::new()));
    }
}

#[test]
fn a_member_that_the_list_of_instances_lacks_is_an_error() {
    let mut fleet = with_cluster(&["orders-prod", "reports-batch"]);
    fleet.instances.retain(|instance| instance.id != "orders-prod");
    fleet.clusters.iter_mut().filter(|cluster| cluster.id == "ha").for_each(|cluster| cluster.unlisted_members = true);
    let run = run(fleet, &[]);
    assert_eq!(run.status, 3, "{run:?}");
    assert!(run.err.contains("orders-prod") && run.err.contains("rds:DescribeDBInstances"), "{}", run.err);
    let other = row(&run.json(), "reports-batch");
    assert_eq!(verdict(&other), ("required", "undetermined", "cluster-incomplete"), "{other:#}");
}

#[test]
fn a_stopped_instance_is_not_renewed_and_every_report_shows_its_status() {
    let mut fleet = small_fleet();
    fleet.instance("analytics-1").status = "stopped".to_owned();
    let home = TempDir::new().expect("a folder");
    let aws = FakeAws::start(fleet);
    let shown = |format: &str| {
        let options = ["analyze", "--instance", "analytics-1", "--format", format];
        Run::of(against(&aws, home.path()).args(options).args(WINDOW)).out
    };
    let report: Value = serde_json::from_str(&shown("json")).expect("JSON");
    let row = row(&report, "analytics-1");
    assert_eq!((&row["rotation"], &row["status"]), (&"deferrable".into(), &"stopped".into()), "{row:#}");
    assert!(row["reasons"].to_string().contains("instance-unavailable"), "{row:#}");
    for format in ["table", "csv", "ndjson", "markdown", "html"] {
        assert!(shown(format).contains("stopped"), "{format}");
    }
}

/// What was collected while a member was there still counts when it is gone, and a filter hides no member of a bundle.
#[test]
fn what_a_member_showed_counts_when_it_is_gone_or_left_out() {
    let home = TempDir::new().expect("a folder");
    let collect = |fleet: Fleet, now: &str| {
        let aws = FakeAws::start(fleet);
        let run = Run::of(
            against(&aws, home.path())
                .args(["collect", "-o", "evidence", "--days", "3", "--now", now])
                .current_dir(home.path()),
        );
        assert_eq!(run.status, 0, "{run:?}");
    };
    let report = |options: &[&str]| {
        let mut command = crate::command::ssl_usage(home.path());
        command.current_dir(home.path()).args(["analyze", "--from", "evidence", "--days", "3", "--format", "json"]);
        Run::of(command.args(options)).json()
    };
    collect(with_cluster(&["orders-prod", "reports-batch"]), "2026-11-23T00:00:00Z");
    let filtered = report(&["--instance", "reports-batch"]);
    assert_eq!(filtered["instances"].as_array().map(Vec::len), Some(1), "{filtered:#}");
    assert_eq!(verdict(&row(&filtered, "reports-batch")), ("required", "in_use", "cluster-tls"));
    let mut later = with_cluster(&["reports-batch"]);
    later.instances.retain(|instance| instance.id != "orders-prod");
    collect(later, "2026-11-23T01:00:00Z");
    let after = row(&report(&[]), "reports-batch");
    assert_eq!(verdict(&after), ("required", "in_use", "cluster-tls"), "{after:#}");
    assert!(after["reasons"][0]["text"].as_str().is_some_and(|text| text.contains("former member orders-prod")));
    let mut compact = crate::command::ssl_usage(home.path());
    assert_eq!(Run::of(compact.current_dir(home.path()).args(["compact", "evidence"])).status, 0);
    assert_eq!(verdict(&row(&report(&[]), "reports-batch")), ("required", "in_use", "cluster-tls"), "compacted");
}

/// An instance that is replaced under its name has the clients of the one before.
#[test]
fn tls_of_an_instance_that_was_replaced_counts() {
    let home = TempDir::new().expect("a folder");
    let collect = |fleet: Fleet, now: &str| {
        let aws = FakeAws::start(fleet);
        let mut command = against(&aws, home.path());
        command.current_dir(home.path()).args(["collect", "-o", "evidence", "--days", "3", "--now", now]);
        assert_eq!(Run::of(&mut command).status, 0);
    };
    collect(small_fleet(), "2026-11-22T00:00:00Z");
    let mut later = small_fleet();
    let plaintext = later.instance("reports-batch").files.clone();
    let replaced = later.instance("orders-prod");
    replaced.created = "2026-11-22T01:00:00Z".parse().expect("a time");
    replaced.files = plaintext;
    collect(later, "2026-11-23T00:00:00Z");
    let mut command = crate::command::ssl_usage(home.path());
    command.current_dir(home.path()).args(["analyze", "--from", "evidence", "--days", "3", "--format", "json"]);
    let report = Run::of(&mut command).json();
    let replaced = row(&report, "orders-prod");
    assert_eq!(verdict(&replaced), ("required", "in_use", "tls-outside-window"), "{replaced:#}");
}
