//! Where instances are looked for: regions, accounts, and with whose credentials.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::command::{Run, against};
use crate::fake_aws::{Calls, FakeAws, Fault, FaultKind, Fleet};
use crate::fleet::{WINDOW, small_fleet};

/// Three instances of the small fleet without logs, in three regions; a fourth region is empty.
fn spread() -> Fleet {
    let mut fleet = small_fleet();
    let names = ["orders-prod", "reports-batch", "wiki"];
    fleet.instances.retain(|instance| names.contains(&instance.id.as_str()));
    for (instance, region) in fleet.instances.iter_mut().zip(["eu-west-1", "us-east-1", "ap-south-1"]) {
        instance.files.clear();
        instance.region = Some(region.to_owned());
    }
    fleet.empty_regions.push("sa-east-1".to_owned());
    fleet
}

/// The same in another account.
fn elsewhere(number: &str) -> Fleet {
    let mut fleet = spread();
    number.clone_into(&mut fleet.account);
    fleet
}

fn analyze(aws: &FakeAws, arguments: &[&str]) -> Run {
    let home = TempDir::new().expect("a folder");
    run(against(aws, home.path()), arguments)
}

fn run(mut command: impl std::borrow::BorrowMut<Command>, arguments: &[&str]) -> Run {
    Run::of(command.borrow_mut().args(["analyze", "--format", "json"]).args(WINDOW).args(arguments))
}

/// Account, region and name of every instance in a report.
fn found(report: &Value) -> Vec<String> {
    let text = |instance: &Value, key: &str| instance[key].as_str().unwrap_or_default().to_owned();
    let instances = report["instances"].as_array().expect("instances");
    let mut found: Vec<String> = instances
        .iter()
        .map(|instance| ["account", "region", "instance"].map(|key| text(instance, key)).join(" "))
        .collect();
    found.sort_unstable();
    found
}

fn all_of(accounts: &[&str]) -> Vec<String> {
    let places = ["ap-south-1 wiki", "eu-west-1 orders-prod", "us-east-1 reports-batch"];
    let mut all: Vec<String> =
        accounts.iter().flat_map(|account| places.map(|place| format!("{account} {place}"))).collect();
    all.sort_unstable();
    all
}

#[test]
fn all_regions_are_those_that_the_account_has() {
    let aws = FakeAws::start(spread());
    let report = analyze(&aws, &["--all-regions"]);
    assert_eq!(report.status, 0, "{report:?}");
    assert_eq!(found(&report.json()), all_of(&["123456789012"]));
    let asked = aws.calls().into_iter().filter(|call| call.action == "DescribeDBInstances");
    let mut asked: Vec<String> = asked.map(|call| call.region).collect();
    asked.sort_unstable();
    assert_eq!(asked, ["ap-south-1", "eu-west-1", "sa-east-1", "us-east-1"]);
}

#[test]
fn without_leave_to_list_regions_all_are_found_another_way_or_that_is_an_error() {
    let aws = FakeAws::start(spread());
    aws.fault(Fault::new(FaultKind::AccessDenied).on("POST /listRegions"));
    let report = analyze(&aws, &["--all-regions"]);
    assert_eq!((report.status, found(&report.json())), (0, all_of(&["123456789012"])), "{report:?}");

    aws.fault(Fault::new(FaultKind::AccessDenied).on("DescribeSourceRegions"));
    let report = analyze(&aws, &["--all-regions"]);
    assert_eq!((report.status, found(&report.json())), (3, all_of(&["123456789012"])), "{report:?}");
    assert!(report.err.contains("Grant the permission account:ListRegions"), "{}", report.err);
}

#[test]
fn a_region_that_was_only_guessed_and_is_not_enabled_is_named_and_no_failure_of_its_own() {
    let aws = FakeAws::start(spread());
    aws.fault(Fault::new(FaultKind::AccessDenied).on("POST /listRegions"));
    // RDS names a region that this version does not know, and not all that it does.
    aws.set(|fleet| {
        fleet.instance("wiki").region = Some("xx-new-1".to_owned());
        fleet.empty_regions.push("xx-new-2".to_owned());
    });
    for region in ["me-south-1", "xx-new-2"] {
        aws.fault(Fault::new(FaultKind::UnknownToken).in_region(region));
    }
    let report = analyze(&aws, &["--all-regions"]);
    let expected = ["eu-west-1 orders-prod", "us-east-1 reports-batch", "xx-new-1 wiki"];
    assert_eq!((report.status, found(&report.json())), (3, expected.map(|at| format!("123456789012 {at}")).to_vec()));
    let errors = report.json()["errors"].as_array().expect("errors").clone();
    let message = errors[0]["message"].as_str().expect("a sentence");
    assert_eq!(
        (errors.len(), message.contains("count as not enabled (me-south-1, xx-new-2).")),
        (1, true),
        "{errors:?}"
    );
    // Where the account is asked, or the region is named, it is no guess.
    let report = analyze(&aws, &["--region", "me-south-1", "--region", "eu-west-1"]);
    assert_eq!((report.status, &report.json()["errors"][0]["subject"]), (3, &"me-south-1".into()), "{report:?}");
}

#[test]
fn a_region_that_denies_is_an_error_and_the_others_are_reported() {
    let aws = FakeAws::start(spread());
    aws.fault(Fault::new(FaultKind::AccessDenied).on("DescribeDBInstances").in_region("us-east-1"));
    let report = analyze(&aws, &["--region", "us-east-1", "--region", "eu-west-1"]);
    assert_eq!(report.status, 3, "{report:?}");
    assert_eq!(found(&report.json()), ["123456789012 eu-west-1 orders-prod"]);
    assert_eq!(report.json()["errors"][0]["call"], "rds:DescribeDBInstances");
}

#[test]
fn a_role_is_assumed_in_every_account_of_the_organization_but_ones_own() {
    let aws = FakeAws::start(spread());
    aws.add_account(elsewhere("222222222222"));
    aws.add_account(elsewhere("333333333333"));
    let report = analyze(&aws, &["--all-regions", "--organization", "--role-name", "auditor"]);
    assert_eq!(report.status, 0, "{report:?}");
    assert_eq!(found(&report.json()), all_of(&["123456789012", "222222222222", "333333333333"]));
    let roles = aws.calls().into_iter().filter(|call| call.action == "AssumeRole");
    let roles: Vec<String> = roles.filter_map(|call| call.parameter("RoleArn").map(str::to_owned)).collect();
    assert_eq!(roles, ["arn:aws:iam::222222222222:role/auditor", "arn:aws:iam::333333333333:role/auditor"]);
}

#[test]
fn an_account_whose_role_cannot_be_assumed_is_an_error_and_the_others_are_reported() {
    let aws = FakeAws::start(spread());
    aws.add_account(elsewhere("222222222222"));
    let accounts = ["--all-regions", "--role-name", "auditor", "--accounts", "222222222222,444444444444"];
    let report = analyze(&aws, &accounts);
    assert_eq!((report.status, found(&report.json())), (3, all_of(&["222222222222"])), "{report:?}");
    let error = &report.json()["errors"][0];
    assert_eq!(
        (&error["subject"], &error["call"]),
        (&"arn:aws:iam::444444444444:role/auditor".into(), &"sts:AssumeRole".into())
    );
    let same = ["--role-arn", "arn:aws:iam::222222222222:role/a", "--role-arn", "arn:aws:iam::222222222222:role/b"];
    let report = analyze(&aws, &same);
    assert_eq!(found(&report.json()), ["222222222222 eu-west-1 orders-prod"], "an account counts once");
    let report = analyze(&aws, &["--role-name", "auditor"]);
    assert_eq!(report.status, 2, "{report:?}");
}

#[test]
fn an_instance_is_not_called_absent_where_nothing_could_be_listed() {
    let aws = FakeAws::start(spread());
    let role = ["--instance", "wiki", "--role-arn", "arn:aws:iam::444444444444:role/auditor"];
    let run = analyze(&aws, &role);
    assert_eq!(run.status, 1, "{run:?}");
    assert!(run.err.contains("sts:AssumeRole failed") && !run.err.contains("does not exist in"), "{}", run.err);
}

#[test]
fn a_table_of_several_accounts_says_how_to_see_them() {
    let aws = FakeAws::start(spread());
    aws.add_account(elsewhere("222222222222"));
    aws.add_account(elsewhere("333333333333"));
    let accounts = ["--all-regions", "--role-name", "auditor", "--accounts", "222222222222,333333333333"];
    let said = |arguments: &[&str]| {
        let home = TempDir::new().expect("a folder");
        let mut command = against(&aws, home.path());
        let run = Run::of(command.arg("analyze").args(WINDOW).args(accounts).args(arguments));
        let text = run.out.split_whitespace().collect::<Vec<_>>().join(" ");
        text.contains("The instances belong to several accounts: add --wide to see which")
    };
    assert!(said(&[]) && !said(&["--wide"]) && !said(&["--group-by", "account"]));
    let home = TempDir::new().expect("a folder");
    let run = Run::of(against(&aws, home.path()).arg("analyze").args(WINDOW));
    assert!(!run.out.contains("several accounts"), "{}", run.out);
}

#[test]
fn only_the_instances_that_are_meant_are_asked_about() {
    let mut fleet = small_fleet();
    for instance in &mut fleet.instances {
        instance.files.clear();
    }
    fleet.instance("wiki").tags.insert("team".to_owned(), "docs".to_owned());
    let aws = FakeAws::start(fleet);
    let names = |arguments: &[&str]| {
        let report = analyze(&aws, arguments);
        assert_eq!(report.status, 0, "{report:?}");
        found(&report.json())
            .into_iter()
            .filter_map(|found| found.split(' ').next_back().map(str::to_owned))
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&["--tag", "team=docs"]), ["wiki"]);
    let report = analyze(&aws, &["--tag", "team=shop"]);
    assert_eq!(report.status, 1, "that none is meant is said: {report:?}");
    assert!(
        report.err.contains("no instance in account 123456789012, region eu-west-1 has this tag. Check the spelling"),
        "{}",
        report.err
    );
    let report = analyze(&aws, &["--engine", "postgress"]);
    assert_eq!(report.status, 2, "{report:?}");
    assert!(report.err.contains("use one of ") && report.err.contains(" postgres,"), "{}", report.err);
    let report = analyze(&aws, &[]).json();
    for engine in ["aurora-postgresql", "postgres"] {
        let instances = report["instances"].as_array().expect("instances").iter();
        // The tool's own name of an engine stands for all that AWS calls so or otherwise.
        let of_engine = instances.filter(|instance| {
            let given = instance["engine"].as_str().unwrap_or_default();
            given == engine || engine == "postgres" && given == "aurora-postgresql"
        });
        assert_eq!(names(&["--engine", engine]).len(), of_engine.count(), "{engine}");
    }
}

#[test]
fn a_list_of_accounts_or_regions_that_is_cut_is_no_shorter_list() {
    let aws = FakeAws::start(spread());
    aws.add_account(elsewhere("222222222222"));
    aws.add_account(elsewhere("333333333333"));
    // The first page is there; the next one is empty once, and then always.
    let arguments = ["--all-regions", "--organization", "--role-name", "auditor"];
    for (calls, status) in [(Calls::Nth(2), 0), (Calls::Every, 1)] {
        aws.fault(Fault::new(FaultKind::EmptyBody).on("ListAccounts").at(calls));
        let report = analyze(&aws, &arguments);
        assert_eq!(report.status, status, "{report:?}");
        if status == 0 {
            assert_eq!(found(&report.json()), all_of(&["123456789012", "222222222222", "333333333333"]));
        }
    }
    assert!(analyze(&aws, &arguments).err.contains("organizations:ListAccounts failed: the response was truncated"));
    aws.fault(Fault::new(FaultKind::EmptyBody).on("POST /listRegions"));
    aws.fault(Fault::new(FaultKind::AccessDenied).on("DescribeSourceRegions"));
    let report = analyze(&aws, &["--all-regions"]);
    assert_eq!((report.status, found(&report.json())), (3, all_of(&["123456789012"])), "{report:?}");
    assert!(report.err.contains("account:ListRegions failed: the response was truncated"), "{}", report.err);
}

#[test]
fn places_that_could_not_be_asked_are_named_where_the_others_are_empty() {
    let aws = FakeAws::start(spread());
    aws.fault(Fault::new(FaultKind::AccessDenied).on("DescribeDBInstances").in_region("us-east-1"));
    aws.fault(Fault::new(FaultKind::AccessDenied).on("DescribeDBInstances").in_region("eu-west-1"));
    let home = TempDir::new().expect("a folder");
    let places = ["--region", "us-east-1", "--region", "eu-west-1", "--region", "sa-east-1", "-o", "evidence"];
    let mut command = against(&aws, home.path());
    let collected = Run::of(command.current_dir(home.path()).arg("collect").args(places).args(WINDOW));
    assert_eq!(collected.status, 3, "{collected:?}");
    let named = |run: &Run| ["us-east-1", "eu-west-1"].iter().all(|region| run.err.contains(*region));
    assert!(named(&collected), "{}", collected.err);
    let mut command = crate::command::ssl_usage(home.path());
    let judged = run(command.current_dir(home.path()), &["--from", "evidence"]);
    assert!(judged.status == 3 && named(&judged), "an empty region is no proof that there is nothing: {judged:?}");
}

#[test]
fn a_region_that_was_asked_in_the_end_is_no_error_any_more() {
    let aws = FakeAws::start(spread());
    aws.fault(Fault::new(FaultKind::AccessDenied).on("DescribeDBInstances").in_region("us-east-1").at(Calls::First(1)));
    let home = TempDir::new().expect("a folder");
    let collect = |now: &str| {
        let mut command = against(&aws, home.path());
        command.current_dir(home.path()).args(["collect", "--days", "3", "--now", now, "-o", "evidence"]);
        Run::of(command.args(["--region", "us-east-1", "--region", "eu-west-1"])).status
    };
    let judged = || {
        let mut command = crate::command::ssl_usage(home.path());
        run(command.current_dir(home.path()), &["--from", "evidence"])
    };
    assert_eq!((collect("2026-11-22T00:00:00Z"), judged().status), (3, 3));
    assert_eq!((collect("2026-11-23T00:00:00Z"), judged().status), (0, 0));
}

/// Credentials that a program gives out, as single sign-on does: another session each time that it is asked. Each time it
/// does something else `first`.
fn renewable(home: &Path, first: &str) {
    let program = home.join("credentials.sh");
    let script = format!(
        "#!/bin/sh\nn=$(/bin/cat {0}/count 2>/dev/null || echo 0)\necho $((n+1)) > {0}/count\n\
         {first}\n\
         echo '{{\"Version\":1,\"AccessKeyId\":\"AKIDEXAMPLE\",\"SecretAccessKey\":\"secret\",\"SessionToken\":\"session-'$n'\"}}'\n",
        home.display()
    );
    fs::write(&program, script).expect("a file");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("permissions");
    fs::create_dir_all(home.join(".aws")).expect("a folder");
    let config = format!("[profile renewed]\nregion = eu-west-1\ncredential_process = {}\n", program.display());
    fs::write(home.join(".aws/config"), config).expect("a file");
}

/// The command with no credentials but those of the program.
fn with_program(aws: &FakeAws, home: &Path) -> Command {
    let mut command = against(aws, home);
    command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    command.env("AWS_PROFILE", "renewed").env("PATH", "/usr/bin:/bin");
    command
}

/// How often the program was asked.
fn asked(home: &Path) -> u32 {
    fs::read_to_string(home.join("count")).expect("a count").trim().parse().expect("a number")
}

#[test]
fn credentials_that_expire_on_the_way_are_asked_for_again() {
    let aws = FakeAws::start(small_fleet());
    let clean = analyze(&aws, &[]);
    for action in ["DescribeDBInstances", "DescribeDBParameters", "DescribeDBLogFiles", "DownloadCompleteDBLogFile"] {
        let home = TempDir::new().expect("a folder");
        renewable(home.path(), "");
        aws.fault(Fault::new(FaultKind::ExpiredToken).on(action).at(Calls::First(1)));
        let report = run(with_program(&aws, home.path()), &[]);
        assert_eq!(report.status, 0, "{action}: {report:?}");
        assert_eq!(report.json(), clean.json(), "{action}");
        assert_eq!(asked(home.path()), 2, "{action}: once at first, and once when they had expired");
    }
}

#[test]
fn credentials_that_expire_before_a_role_is_assumed_are_asked_for_again() {
    let aws = FakeAws::start(spread());
    aws.add_account(elsewhere("222222222222"));
    let home = TempDir::new().expect("a folder");
    renewable(home.path(), "");
    aws.fault(Fault::new(FaultKind::ExpiredToken).on("AssumeRole").at(Calls::First(1)));
    let report = run(with_program(&aws, home.path()), &["--role-arn", "arn:aws:iam::222222222222:role/auditor"]);
    assert_eq!(report.status, 0, "{report:?}");
    assert_eq!(found(&report.json()), ["222222222222 eu-west-1 orders-prod"]);
}

#[test]
fn a_program_that_takes_its_time_is_waited_for_and_asked_once() {
    let aws = FakeAws::start(spread());
    let home = TempDir::new().expect("a folder");
    // A person who types a code: longer than the account's number is waited for.
    renewable(home.path(), "sleep 12");
    let report = run(with_program(&aws, home.path()), &[]);
    assert_eq!((report.status, asked(home.path())), (0, 1), "{report:?}");
    assert_eq!(found(&report.json()), ["123456789012 eu-west-1 orders-prod"], "with the account's number");
}

#[test]
fn a_program_that_never_answers_is_given_up() {
    let aws = FakeAws::start(spread());
    let home = TempDir::new().expect("a folder");
    renewable(home.path(), "exec sleep 60");
    let arguments = ["--all-regions", "--credentials-timeout", "2"];
    let report = run(with_program(&aws, home.path()), &arguments);
    assert_eq!((report.status, asked(home.path())), (1, 1), "it is not asked for every call: {report:?}");
    assert!(report.err.contains("no AWS credentials were available within 2 s. Complete the prompt"), "{}", report.err);
    assert_eq!(aws.calls().len(), 0);
}

#[test]
fn a_program_that_no_longer_answers_on_the_way_costs_what_is_named() {
    let aws = FakeAws::start(small_fleet());
    let clean = analyze(&aws, &[]).json();
    let home = TempDir::new().expect("a folder");
    renewable(home.path(), "if [ $n -gt 0 ]; then exec sleep 60; fi");
    aws.fault(Fault::new(FaultKind::ExpiredToken).on("DownloadCompleteDBLogFile").at(Calls::First(1)));
    let report = run(with_program(&aws, home.path()), &["--credentials-timeout", "2"]);
    assert_eq!((report.status, asked(home.path())), (3, 2), "{}", report.err);
    let report = report.json();
    assert_eq!(found(&report), found(&clean), "none is lost");
    let errors = report["errors"].as_array().expect("errors");
    assert!(
        errors.iter().any(|error| error.to_string().contains("no AWS credentials were available within 2 s")),
        "{errors:?}"
    );
    let (instances, before) = (report["instances"].as_array().expect("instances"), &clean["instances"]);
    let before = before.as_array().expect("instances");
    let cut: Vec<_> = instances.iter().filter(|instance| !before.contains(instance)).collect();
    assert!(cut.len() > 5, "most logs were not had: {cut:#?}");
    for instance in cut {
        assert_ne!(instance["usage"], "not_observed", "{instance:#}");
        assert_ne!(instance["rotation"], "deferrable", "{instance:#}");
    }
}

#[test]
fn the_policy_allows_every_call_that_a_run_makes_and_no_change() {
    let mut fleet = spread();
    fleet.instances.extend(small_fleet().instances);
    let aws = FakeAws::start(fleet);
    aws.add_account(elsewhere("222222222222"));
    let home = TempDir::new().expect("a folder");
    let roles = ["--all-regions", "--organization", "--role-name", "auditor"];
    run(against(&aws, home.path()), &roles);
    let policy = |arguments: &[&str]| {
        let printed = Run::of(crate::command::ssl_usage(home.path()).arg("iam-policy").args(arguments)).json();
        let statements = printed["Statement"].as_array().expect("statements").clone();
        let actions = statements.iter().flat_map(|statement| statement["Action"].as_array().expect("actions"));
        actions.map(|action| action.as_str().expect("text").to_owned()).collect::<Vec<_>>()
    };
    let (caller, reader) = (policy(&roles), policy(&["--all-regions"]));
    let prefix = |service: &str| if service == "monitoring" { "cloudwatch".to_owned() } else { service.to_owned() };
    for call in aws.calls() {
        let action = match call.action.as_str() {
            "POST /listRegions" => "account:ListRegions".to_owned(),
            // No permission is asked for.
            "GetCallerIdentity" => continue,
            action => format!("{}:{action}", prefix(&call.service)),
        };
        assert!(caller.contains(&action) || reader.contains(&action), "{action} is not in {caller:?} nor {reader:?}");
    }
    let reads =
        |action: &String| ["Describe", "Download", "Get", "List", "Filter"].iter().any(|verb| action.contains(verb));
    assert!(reader.iter().all(reads), "{reader:?}");
    assert_eq!(caller, ["sts:AssumeRole", "organizations:ListAccounts"]);
    let queries = policy(&["--insights"]);
    assert!(
        ["logs:StartQuery", "logs:GetQueryResults", "logs:StopQuery"]
            .iter()
            .all(|query| queries.contains(&(*query).to_owned()))
    );
    assert!(!policy(&[]).iter().any(|action| action.contains("Query")), "no more than is asked for");
}

#[test]
fn a_dry_run_says_what_it_would_take_and_takes_nothing() {
    let mut fleet = small_fleet();
    fleet.instance("reports-batch").export("postgresql", "error/postgresql.log");
    let aws = FakeAws::start(fleet);
    let home = TempDir::new().expect("a folder");
    let mut command = against(&aws, home.path());
    let planned = Run::of(command.args(["analyze", "--dry-run"]).args(WINDOW));
    assert_eq!((planned.status, planned.err.as_str()), (0, ""), "{planned:?}");
    let total = planned.out.lines().last().expect("a total").split_whitespace().collect::<Vec<_>>();
    assert!(aws.calls().iter().all(|call| !call.action.starts_with("Download") && call.action != "GetMetricData"));
    assert_eq!(fs::read_dir(home.path()).expect("a folder").count(), 0, "nothing is written");

    Run::of(against(&aws, home.path()).args(["analyze", "--format", "json"]).args(WINDOW));
    let downloads = aws.calls().iter().filter(|call| call.action == "DownloadCompleteDBLogFile").count();
    let due = ["total".to_owned(), small_fleet().instances.len().to_string(), downloads.to_string()];
    assert_eq!(total[..3], due, "{}", planned.out);

    let mut command = against(&aws, home.path());
    let planned = Run::of(command.args(["analyze", "--dry-run"]).args(WINDOW));
    let again = planned.out.lines().last().expect("a total").split_whitespace().collect::<Vec<_>>();
    let number = |words: &[&str]| words[2].parse::<usize>().expect("a number");
    assert!(number(&again) < number(&total), "what is known is not asked for again: {}", planned.out);
}

#[test]
fn where_every_place_fails_all_are_named_and_a_dry_run_fails_too() {
    let aws = FakeAws::start(spread());
    aws.fault(Fault::new(FaultKind::AccessDenied).on("DescribeDBInstances"));
    let places = ["--region", "us-east-1", "--region", "eu-west-1"];
    let report = analyze(&aws, &places);
    let errors = report.json()["errors"].as_array().expect("errors").clone();
    let subjects: Vec<_> = errors.iter().map(|error| error["subject"].as_str().unwrap_or_default()).collect();
    assert_eq!((report.status, subjects.as_slice()), (1, ["eu-west-1", "us-east-1"].as_slice()), "{report:?}");
    let said = "ssl-usage: eu-west-1 (123456789012), us-east-1 (123456789012): rds:DescribeDBInstances failed: AWS denied the \
                call. Grant the permission rds:DescribeDBInstances. AWS says: \"User: arn:aws:iam::123456789012:user/test is \
                not authorized to perform: rds:DescribeDBInstances because no identity-based policy allows the action\" \
                (request ID ";
    assert!(report.err.starts_with(said) && report.err.lines().count() == 1, "{}", report.err);
    let planned = analyze(&aws, &["--dry-run", "--region", "us-east-1", "--region", "eu-west-1"]);
    assert!(planned.status == 1 && planned.err.starts_with(said) && planned.err.lines().count() == 1, "{planned:?}");
}

#[test]
fn a_role_that_cannot_be_assumed_any_more_is_named() {
    let aws = FakeAws::start(spread());
    aws.add_account(elsewhere("222222222222"));
    aws.fault(Fault::new(FaultKind::ExpiredToken).on("DescribeDBInstances").at(Calls::First(1)));
    aws.fault(Fault::new(FaultKind::AccessDenied).on("AssumeRole").at(Calls::Nth(2)));
    let role = "arn:aws:iam::222222222222:role/auditor";
    let report = analyze(&aws, &["--role-arn", role]);
    assert_eq!(report.status, 1, "{report:?}");
    assert!(report.err.contains(&format!("the role {role} could not be assumed. Allow the caller")), "{}", report.err);
}

#[test]
fn a_rate_so_low_that_signatures_expire_meanwhile_is_refused() {
    let aws = FakeAws::start(spread());
    for (rate, status) in [("0.09", 2), ("0", 2), ("-1", 2), ("inf", 2), ("nan", 2), ("soon", 2), ("50", 0)] {
        let report = analyze(&aws, &[&format!("--max-rate={rate}")]);
        assert_eq!(report.status, status, "{rate}: {report:?}");
    }
}

#[test]
fn no_more_than_32_places_are_asked_at_the_same_time() {
    let mut fleet = spread();
    fleet.empty_regions.extend((0..40).map(|number| format!("xx-far-{number}")));
    let aws = FakeAws::start(fleet);
    aws.fault(Fault::new(FaultKind::Together(32)).on("DescribeDBInstances"));
    let report = analyze(&aws, &["--all-regions"]);
    assert_eq!(report.status, 0, "{report:?}");
    let asked = aws.calls().iter().filter(|call| call.action == "DescribeDBInstances").count();
    assert_eq!((aws.most_at_once(), asked), (32, 44), "the others wait, and are asked then");
}

#[test]
fn no_more_than_16_roles_are_assumed_at_the_same_time() {
    let aws = FakeAws::start(spread());
    let numbers: Vec<String> = (0..20).map(|number| format!("2222222222{number:02}")).collect();
    numbers.iter().for_each(|number| aws.add_account(elsewhere(number)));
    aws.fault(Fault::new(FaultKind::Together(16)).on("AssumeRole"));
    let report = analyze(&aws, &["--role-name", "auditor", "--accounts", &numbers.join(",")]);
    assert_eq!(report.status, 0, "{report:?}");
    let asked = aws.calls().iter().filter(|call| call.action == "AssumeRole").count();
    assert_eq!((aws.most_at_once(), asked), (16, 20), "the others wait, and are assumed then");
    let due: Vec<String> = numbers.iter().map(|number| format!("{number} eu-west-1 orders-prod")).collect();
    assert_eq!(found(&report.json()), due);
}

#[test]
fn errors_say_in_which_account_and_region() {
    let aws = FakeAws::start(small_fleet());
    let numbers = ["222222222222", "333333333333"];
    numbers.iter().for_each(|number| {
        let mut fleet = small_fleet();
        (*number).clone_into(&mut fleet.account);
        aws.add_account(fleet);
    });
    aws.fault(Fault::new(FaultKind::AccessDenied).on("DescribeDBParameters"));
    let places = ["--role-name", "auditor", "--accounts", "222222222222,333333333333"];
    let report = analyze(&aws, &places);
    let (json, mut places_of) = (report.json(), std::collections::BTreeMap::<String, Vec<String>>::new());
    for error in json["errors"].as_array().expect("errors") {
        let text = |key: &str| error[key].as_str().expect("text").to_owned();
        places_of.entry(text("subject")).or_default().push(format!("{} {}", text("account"), text("region")));
    }
    assert!(!places_of.is_empty(), "{json:#}");
    for (group, places) in places_of {
        assert_eq!(places, numbers.map(|number| format!("{number} eu-west-1")), "{group}");
    }
    assert_eq!(report.err.matches("rds:DescribeDBParameters failed").count(), 1, "said once: {}", report.err);
}
