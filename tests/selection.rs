//! Reports on a part of a bundle: by account, region, engine, tag and name, as of a run against AWS that asks for no more.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::command::{Run, against, samples, ssl_usage};
use crate::fake_aws::{FakeAws, Fault, FaultKind, Fleet};
use crate::fleet::{WINDOW, small_fleet};
use crate::sealing::{copy_bundle, named, reseal};

const OWN: &str = "123456789012";
const OTHER: &str = "222222222222";

/// Two accounts with instances in three regions, one of which is tagged, and a region without any. In each, the settings
/// cannot be read.
fn aws() -> FakeAws {
    let spread = |account: &str| {
        let mut fleet = small_fleet();
        account.clone_into(&mut fleet.account);
        let regions = [("orders-prod", "eu-west-1"), ("shop", "us-east-1"), ("wiki", "ap-south-1")];
        fleet.instances.retain(|instance| regions.iter().any(|(name, _)| instance.id == *name));
        for (name, region) in regions {
            fleet.instance(name).region = Some(region.to_owned());
        }
        fleet.instance("wiki").tags = [("team".to_owned(), "web".to_owned())].into();
        fleet.empty_regions.push("sa-east-1".to_owned());
        fleet
    };
    let aws = FakeAws::start(spread(OWN));
    aws.add_account(spread(OTHER));
    aws.fault(Fault::new(FaultKind::AccessDenied).on("DescribeDBParameters"));
    aws
}

const EVERYWHERE: [&str; 5] = ["--all-regions", "--role-name", "auditor", "--account", "123456789012,222222222222"];

fn live(aws: &FakeAws, home: &Path, command: &str, arguments: &[&str]) -> Run {
    Run::of(against(aws, home).arg(command).args(WINDOW).args(arguments))
}

fn kept(bundle: &Path, arguments: &[&str]) -> Run {
    let home = TempDir::new().expect("a folder");
    Run::of(ssl_usage(home.path()).args(["analyze", "--from"]).arg(bundle).args(WINDOW).args(arguments))
}

fn json(run: Run) -> Value {
    assert!([0, 3].contains(&run.status), "{run:?}");
    let mut report = run.json();
    // Every call has one of its own.
    for error in report["errors"].as_array_mut().expect("errors") {
        let id = error.as_object_mut().expect("an error").remove("request_id");
        assert_eq!(id.is_some(), error["aws_message"].is_string(), "{error}");
    }
    report
}

/// All texts of a report that stand under one of these names.
fn texts<'r>(report: &'r Value, keys: &[&str]) -> Vec<&'r str> {
    match report {
        Value::Object(fields) => {
            let own = fields.iter().filter(|(key, _)| keys.contains(&key.as_str()));
            own.filter_map(|(_, value)| value.as_str())
                .chain(fields.values().flat_map(|value| texts(value, keys)))
                .collect()
        }
        Value::Array(items) => items.iter().flat_map(|item| texts(item, keys)).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn a_part_of_a_bundle_is_reported_as_if_nothing_else_had_been_collected() {
    let (aws, home) = (aws(), TempDir::new().expect("a folder"));
    let all = home.path().join("all");
    let collected =
        live(&aws, home.path(), "collect", &[&EVERYWHERE[..], &["-o", all.to_str().expect("a path")]].concat());
    assert_eq!(collected.status, 3, "{collected:?}");
    let whole = json(kept(&all, &["--format", "json"]));
    assert_eq!(whole["instances"].as_array().map(Vec::len), Some(6));
    let role = ["--role-name", "auditor"];
    for (filter, credentials) in [
        (&["--account", OTHER][..], &["--role-name", "auditor", "--all-regions"][..]),
        (&["--account", "2222-2222-2222", "--region", "us-east-1"], &role),
        (&["--account", OTHER, "--region", "us-east-1", "--region", "sa-east-1"], &role),
        (&["--account", OWN, "--region", "eu-west-1"], &[]),
        (&["--region", "sa-east-1", "--account", OWN], &[]),
        (&["--tag", "team=web"], &EVERYWHERE),
        (&["--tag", "team", "--account", OTHER], &["--role-name", "auditor", "--all-regions"]),
        (&["--instance", "orders-*"], &EVERYWHERE),
        (&["--engine", "mysql"], &EVERYWHERE),
    ] {
        let part = json(kept(&all, &[filter, &["--format", "json"]].concat()));
        let alone = TempDir::new().expect("a folder");
        let run = live(&aws, alone.path(), "analyze", &[filter, credentials, &["--format", "json"]].concat());
        let mut run = json(run);
        // Accounts in which a role is assumed are a filter too.
        if credentials.contains(&"--account") {
            run["filter"] = part["filter"].clone();
        }
        assert_eq!(run, part, "{filter:?}");
        let empty = filter.contains(&"sa-east-1") && filter.contains(&OWN);
        assert_eq!(part["instances"].as_array().expect("instances").is_empty(), empty, "{filter:?}");
        for (option, key) in [("--account", "account"), ("--region", "region")] {
            let wanted: Vec<String> = filter
                .windows(2)
                .filter(|pair| pair[0] == option)
                .map(|pair| if option == "--account" { pair[1].replace('-', "") } else { pair[1].to_owned() })
                .collect();
            let found = texts(&part, &[key]);
            assert!(!found.is_empty());
            assert!(wanted.is_empty() || found.iter().all(|it| wanted.iter().any(|wanted| wanted == it)), "{part:#}");
        }
        assert_ne!(part["evidence"], whole["evidence"], "{filter:?}: the digest is of what the report holds");
        if !empty {
            assert!(part["errors"].as_array().is_some_and(|errors| !errors.is_empty()), "{filter:?}");
            assert_ne!(part["errors"], whole["errors"], "{filter:?}");
        }
    }
}

#[test]
fn runs_with_one_clock_into_one_bundle_report_what_each_asked() {
    let (aws, home) = (aws(), TempDir::new().expect("a folder"));
    let roles = ["--role-name", "auditor", "--account"];
    let runs: [&[&str]; 4] = [
        &["--region", "eu-west-1"],
        &[&roles[..], &[OTHER, "--region", "eu-west-1"]].concat(),
        &["--region", "ap-south-1", "--instance", "wi*"],
        &["--region", "us-east-1", "--engine", "mysql"],
    ];
    for arguments in runs {
        let alone = TempDir::new().expect("a folder");
        let arguments = [arguments, &["--format", "json"]].concat();
        let expected = json(live(&aws, alone.path(), "analyze", &arguments));
        let found = json(live(&aws, home.path(), "analyze", &arguments));
        assert_eq!(found, expected, "{arguments:?}");
        assert_eq!(found["instances"].as_array().map(Vec::len), Some(1), "{arguments:?}");
    }
    // Two runs that ask for different instances of one account and region.
    let of_region = ["--region", "ap-south-1", "--format", "json"];
    let missing = live(&aws, home.path(), "analyze", &[&of_region[..], &["--engine", "mysql"]].concat());
    assert_eq!(missing.status, 1, "{missing:?}");
    assert!(missing.err.contains("account 123456789012, region ap-south-1"), "{}", missing.err);
}

#[test]
fn the_next_commands_of_a_run_choose_the_same_instances() {
    let (aws, home) = (aws(), TempDir::new().expect("a folder"));
    let roles = ["--role-name", "auditor", "--account", OTHER, "--region", "eu-west-1"];
    live(&aws, home.path(), "analyze", &roles);
    let run = live(&aws, home.path(), "analyze", &["--region", "ap-south-1", "--tag", "team=web"]);
    let next = run.out.lines().find(|line| line.contains("--explain INSTANCE")).expect("a command").to_owned();
    for option in ["--account 123456789012", "--region ap-south-1", "--tag team=web"] {
        assert!(next.contains(option), "{next}");
    }
    let words: Vec<&str> = next.split_whitespace().skip(1).filter(|word| !word.contains("INSTANCE")).collect();
    let words = words.iter().filter(|word| **word != "--explain").chain([&"--format", &"json"]);
    let again = json(Run::of(ssl_usage(home.path()).args(words)));
    let names = texts(&again["instances"], &["instance"]);
    assert_eq!(names, ["wiki"], "{next}");
    // With a bundle of its own, there is nothing to choose from.
    let alone = TempDir::new().expect("a folder");
    let run = live(&aws, alone.path(), "analyze", &[]);
    assert!(!run.out.contains("--account") && !run.out.contains("--region"), "{}", run.out);
}

#[test]
fn every_report_names_the_filter() {
    let fleet = samples().join("fleet");
    let filter = ["--instance", "orders-*", "--engine", "postgres", "--region", "eu-west-1"];
    let words = ["--region", "eu-west-1", "--instance", "orders-*", "--engine", "postgres"];
    let said = "--region eu-west-1 --instance 'orders-*' --engine postgres";
    let report = |format: &str| kept(&fleet, &[&filter[..], &["--format", format]].concat());
    assert_eq!(report("json").json()["filter"], serde_json::json!(words));
    let header = report("ndjson").out.lines().next().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    assert_eq!(header.expect("a header")["filter"], serde_json::json!(words));
    for format in ["table", "markdown", "html"] {
        let text = report(format).out.replace("&#39;", "'").replace('\\', "");
        assert!(text.contains(&format!("Filter: {said}")), "{format}: {text}");
    }
    for (rows, count) in [("instances", 2), ("clients", 3)] {
        let text = kept(&fleet, &[&filter[..], &["--format", "csv", "--rows", rows]].concat()).out;
        let mut csv = csv::Reader::from_reader(text.as_bytes());
        assert_eq!(csv.headers().expect("titles").iter().next_back(), Some("filter"));
        let cells: Vec<_> =
            csv.records().map(|row| row.expect("a row").iter().next_back().map(str::to_owned)).collect();
        assert!(
            cells.len() >= count
                && cells
                    .iter()
                    .all(|cell| cell.as_deref() == Some("region eu-west-1, instance orders-*, engine postgres")),
            "{rows}: {cells:?}"
        );
    }
    assert_eq!(kept(&fleet, &["--format", "json"]).json()["filter"], serde_json::json!([]));
    assert!(!kept(&fleet, &[]).out.contains("Filter:"));
}

#[test]
fn an_alarm_says_which_condition_is_met_and_by_what() {
    let fleet = samples().join("fleet");
    let home = TempDir::new().expect("a folder");
    let alarm = |arguments: &[&str]| {
        let mut command = ssl_usage(home.path());
        command.args(["analyze", "--from"]).arg(&fleet).args(["--format", "csv", "--now", "2026-11-26T01:00:00Z"]);
        let run = Run::of(command.args(arguments));
        (run.status, run.err.replace("ssl-usage: ", ""))
    };
    for (arguments, said) in [
        (
            &["--instance", "orders-*", "--fail-on", "required,deferrable"][..],
            &["required (2 instances: orders-legacy, orders-prod)"][..],
        ),
        (&["--instance", "crm-quiet", "--fail-on", "unproven,errors"], &["unproven (1 instance: crm-quiet)"]),
        (&["--instance", "crm-quiet", "--fail-on", "inconclusive"], &["unproven (1 instance: crm-quiet)"]),
        (
            &["--instance", "crm-quiet", "--fail-on", "required"],
            &["required (1 instance: crm-quiet; 1 of them inconclusive)"],
        ),
        (&["--fail-on", "stale=2d,empty"], &["stale=2d (evidence collected 2026-11-23 00:00 UTC, 3 days ago)"]),
        (
            &["--instance", "orders-prod", "--fail-on", "expiring=30d,required"],
            &["expiring=30d (1 instance: orders-prod)", "required (1 instance: orders-prod)"],
        ),
    ] {
        let expected: String = said.iter().map(|said| format!("condition met: {said}\n")).collect();
        assert_eq!(alarm(arguments), (4, expected), "{arguments:?}");
    }
    let (status, said) = alarm(&["--fail-on", "required"]);
    let names = said.split_once(": ").and_then(|(_, rest)| rest.split_once(": ")).expect("names").1;
    assert!(
        status == 4
            && names.matches(", ").count() == 4
            && names.contains(" and ")
            && names.ends_with(" of them inconclusive)\n"),
        "{said}"
    );
    assert_eq!(alarm(&["--instance", "wiki", "--fail-on", "required,unproven,empty"]), (0, String::new()));
}

#[test]
fn a_filter_that_matches_nothing_is_empty_and_an_error_without_that_condition() {
    let (fleet, aws, home) = (samples().join("fleet"), aws(), TempDir::new().expect("a folder"));
    let in_vain = [
        (
            &["--tag", "env=nope"][..],
            "--tag env=nope: no instance in account 123456789012, region eu-west-1 has this tag.",
        ),
        (
            &["--engine", "sqlserver-ex"],
            "--engine sqlserver-ex: no instance in account 123456789012, region eu-west-1 has this engine.",
        ),
        (&["--instance", "nowhere"], "nowhere: "),
        (&["--region", "eu-west-2"], "eu-west-2: "),
    ];
    for (filter, said) in in_vain {
        for format in ["table", "csv", "json"] {
            let own = [filter, &["--format", format]].concat();
            let watched = [&own[..], &["--fail-on", "required,empty"]].concat();
            let (plain, run) = (kept(&fleet, &own), kept(&fleet, &watched));
            assert_eq!((plain.status, run.status), (1, 4), "{own:?}: {plain:?} {run:?}");
            assert!(plain.err.contains(said) && run.err.contains(said), "{}", run.err);
            assert!(run.err.contains("condition met: empty (nothing matches the filters)\n"), "{}", run.err);
            assert!(!plain.err.contains("condition met") && plain.out == run.out, "{plain:?}");
        }
    }
    let run = live(&aws, home.path(), "analyze", &["--tag", "env=nope", "--fail-on", "empty"]);
    assert!(run.status == 4 && run.err.contains("--tag env=nope: no instance in"), "{run:?}");
    // What cannot be read is no empty fleet.
    assert_eq!(kept(&home.path().join("nowhere"), &["--fail-on", "empty"]).status, 1);
}

#[test]
fn what_a_filter_names_in_vain_is_an_error() {
    let fleet = samples().join("fleet");
    for (filter, said) in [
        (&["--account", "999999999999"][..], "999999999999: the bundle contains no evidence of this account."),
        (&["--region", "eu-west-2"], "eu-west-2: the bundle contains no evidence of this region."),
        (
            &["--region", "eu-west-1", "--engine", "sqlserver-ex"],
            "no instance in account 123456789012, region eu-west-1 has this engine",
        ),
    ] {
        let run = kept(&fleet, filter);
        assert_eq!((run.status, run.out.as_str()), (1, ""), "{run:?}");
        assert!(run.err.contains(said), "{}", run.err);
    }
    let run = kept(&fleet, &["--region", "eu-west-1", "--region", "eu-west-2", "--format", "json"]);
    let report = run.json();
    assert_eq!((run.status, &report["errors"][0]["subject"]), (3, &"eu-west-2".into()), "{report:#}");
    assert_eq!(report["instances"].as_array().map(Vec::len), Some(24));
    for wrong in
        [&["--account", "12345"][..], &["--from", "fleet", "--all-regions"], &["--from", "fleet", "--profile", "x"]]
    {
        assert_eq!(kept(&fleet, wrong).status, 2, "{wrong:?}");
    }
}

#[test]
fn an_account_that_no_credentials_lead_to_is_an_error() {
    let (aws, home) = (aws(), TempDir::new().expect("a folder"));
    let run = live(&aws, home.path(), "analyze", &["--account", OTHER]);
    assert_eq!((run.status, run.out.as_str()), (1, ""), "{run:?}");
    assert!(run.err.contains("222222222222: no credentials of this run belong to this account."), "{}", run.err);
    assert!(aws.calls().iter().all(|call| call.service == "sts"), "no other account is asked");
    let organization = ["--organization", "--role-name", "auditor", "--account", "222222222222,999999999999"];
    let run = live(&aws, home.path(), "analyze", &[&organization[..], &["--format", "json"]].concat());
    let report = json(run);
    assert_eq!(texts(&report["instances"], &["account"]), [OTHER], "of the organization, what is named");
    let errors = report["errors"].as_array().expect("errors");
    assert!(errors.iter().any(|error| error["subject"] == "999999999999"), "{errors:?}");
    aws.fault(Fault::new(FaultKind::AccessDenied).on("GetCallerIdentity"));
    let run = live(&aws, home.path(), "analyze", &["--account", OWN]);
    assert!(run.status == 1 && run.err.contains("the account of these credentials is unknown"), "{run:?}");
}

#[test]
fn a_bundle_of_an_older_version_holds_no_tags() {
    let bundle = TempDir::new().expect("a folder");
    copy_bundle(&samples().join("fleet"), bundle.path(), |_| true);
    for path in named(bundle.path(), &["fleet/"]) {
        let mut fleet: Value = serde_json::from_slice(&fs::read(&path).expect("a file")).expect("JSON");
        fleet.as_object_mut().expect("an object").remove("caller");
        for instance in fleet["instances"].as_array_mut().expect("instances") {
            instance.as_object_mut().expect("an object").remove("tags");
        }
        fs::write(&path, fleet.to_string()).expect("a file");
    }
    reseal(bundle.path());
    let run = kept(bundle.path(), &["--tag", "team=web"]);
    assert_eq!((run.status, run.out.as_str()), (1, ""), "{run:?}");
    assert!(
        run.err.contains("--tag: an older version collected 24 instances without tags. Run `ssl-usage collect` again."),
        "{}",
        run.err
    );
    let report = json(kept(bundle.path(), &["--format", "json"]));
    assert_eq!(
        (report["callers"].as_array().map(Vec::len), &report["collections"][0]["caller"]),
        (Some(0), &Value::Null)
    );
}

#[test]
fn a_report_names_the_identity_that_collected() {
    let (aws, home) = (aws(), TempDir::new().expect("a folder"));
    let report = json(live(&aws, home.path(), "analyze", &["--region", "eu-west-1", "--format", "json"]));
    assert_eq!(report["collected_at"], "2026-11-23T00:00:00Z");
    assert_eq!(report["callers"][0], "arn:aws:iam::123456789012:user/test");
    for arguments in [
        &["--region", "eu-west-1"][..],
        &["--region", "eu-west-1", "--format", "markdown"],
        &["--region", "eu-west-1", "--format", "html"],
        &["--region", "eu-west-1", "--explain", "orders-prod"],
    ] {
        let text = live(&aws, home.path(), "analyze", arguments).out.replace('\\', "").replace("\n  ", " ");
        let said = "Evidence collected 2026-11-23 00:00 UTC by arn:aws:iam::123456789012:user/test";
        assert!(text.contains(said), "{arguments:?}: {text}");
    }
}

/// A fleet without instances in its region.
fn nothing() -> Fleet {
    let mut fleet = small_fleet();
    fleet.instances.clear();
    fleet
}

#[test]
fn a_report_without_instances_names_the_account_and_region() {
    let (aws, home) = (FakeAws::start(nothing()), TempDir::new().expect("a folder"));
    for format in ["table", "markdown", "html"] {
        let run = live(&aws, home.path(), "analyze", &["--format", format]);
        assert_eq!(run.status, 0, "{run:?}");
        assert!(run.out.contains("No instance was found in account 123456789012, region eu-west-1"), "{}", run.out);
    }
    assert_eq!(live(&aws, home.path(), "analyze", &["--fail-on", "empty"]).status, 4);
    assert_eq!(kept(&samples().join("fleet"), &["--fail-on", "empty"]).status, 0);
    let run = live(&aws, home.path(), "analyze", &["--instance", "orders"]);
    assert!(
        run.err.contains("orders: the instance does not exist in account 123456789012, region eu-west-1."),
        "{run:?}"
    );
}
