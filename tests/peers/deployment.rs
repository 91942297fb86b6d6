//! Policies and deployment examples, as those read them for whom they are made: cfn-lint, CloudFormation and IAM in moto, the
//! AWS CLI, Terraform's evaluation, and the schema of Kubernetes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Server, install, instances, python, script};
use crate::command::{Run, against, samples, ssl_usage};
use crate::deployment::{policy, statements};
use crate::fake_aws::{FakeAws, Fleet};
use crate::fleet::{WINDOW, small_fleet};

/// Options of policies that role options do not choose, and of those that they do. Names may hold any character.
const READERS: [&[&str]; 3] = [
    &[],
    &["--all-regions", "--insights", "--probe"],
    &["--all-regions", "--bundle", "s3://amzn-s3-demo-bucket/rds/evidence", "--logs", "s3://amzn-s3-demo-archive"],
];
const CALLERS: [&[&str]; 3] = [
    &["--organization", "--role-name", "ssl-usage"],
    &[
        "--role-name",
        "a\"${b}%{c}\\é#",
        "--account",
        "123456789012,111122223333",
        "--bundle",
        "s3://amzn-s3-demo-bucket",
    ],
    &["--role-arn", "arn:aws:iam::123456789012:role/auditor"],
];

fn deploy(name: &str) -> PathBuf {
    samples().join("deploy").join(name)
}

/// What a consumer makes of files.
fn read(python: &Path, what: &str, arguments: &[&Path]) -> Value {
    let read = install::run(Command::new(python).arg(script("deployment.py")).arg(what).args(arguments));
    serde_json::from_str(&read.unwrap_or_else(|error| panic!("{error}"))).expect("JSON")
}

/// The policy as a template or a module, written to a file.
fn printed(home: &TempDir, name: &str, arguments: &[&str], format: &str) -> PathBuf {
    let path = home.path().join(name);
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(&path, policy(&[arguments, &["--format", format]].concat())).expect("a file");
    path
}

#[test]
fn cfn_lint_accepts_every_template_and_cloudformation_creates_what_the_json_says() {
    let Some(moto) = Server::moto() else { return };
    let (home, python) = (TempDir::new().expect("a folder"), python("cfn-lint").expect("moto is here, and so is this"));
    let all: Vec<_> = READERS.into_iter().chain(CALLERS).collect();
    let file =
        |(number, arguments): (usize, &&[&str])| printed(&home, &format!("{number}.yaml"), arguments, "cloudformation");
    let files: Vec<PathBuf> = all.iter().enumerate().map(file).collect();
    let mut lint = Command::new(install::programs().join("cfn-lint"));
    lint.args(["--include-checks", "W", "I", "E", "--"]).args(&files);
    let said = install::run(lint.arg(deploy("container/ecs.yaml")).arg(deploy("organization/role.yaml")));
    assert_eq!(said, Ok(String::new()));

    let url = moto.url();
    let paths: Vec<&Path> = [Path::new(&url)].into_iter().chain(files.iter().map(PathBuf::as_path)).collect();
    let stacks = read(&python, "stacks", &paths);
    for (arguments, stack) in all.iter().zip(stacks.as_array().expect("stacks")) {
        let expected = json!(statements(arguments));
        if CALLERS.contains(arguments) {
            assert_eq!(stack["managed"][0]["Statement"], expected, "{arguments:?}");
            assert!(
                stack["outputs"]["PolicyArn"].as_str().is_some_and(|arn| arn.ends_with(":policy/ssl-usage-caller"))
            );
            assert_eq!(stack["roles"], json!({}));
        } else {
            let role = &stack["roles"]["ssl-usage"];
            assert_eq!(role["policies"]["ssl-usage"]["Statement"], expected, "{arguments:?}");
            assert_eq!(role["trust"], trust());
            assert_eq!(stack["outputs"]["RoleArn"], "arn:aws:iam::123456789012:role/ssl-usage");
        }
    }
    assert_eq!(stacks.as_array().map(Vec::len), Some(all.len()));
}

/// Who may assume the role, with the parameters of `deployment.py`.
fn trust() -> Value {
    json!({"Version": "2012-10-17", "Statement": [{
        "Sid": "Caller",
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
        "Condition": {
            "ArnLike": {"aws:PrincipalArn": "arn:aws:iam::123456789012:user/caller-*"},
            "StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"},
        },
    }]})
}

#[test]
fn terraform_reads_the_same_policies() {
    let Some(python) = python("tfparse and python-hcl2") else { return };
    let home = TempDir::new().expect("a folder");
    let document = |value: &Value| -> Value { serde_json::from_str(value.as_str().expect("text")).expect("JSON") };
    for (number, (reader, caller)) in READERS.iter().zip(CALLERS).enumerate() {
        // A module may hold both.
        let role = printed(&home, &format!("{number}/role.tf"), reader, "terraform");
        printed(&home, &format!("{number}/caller.tf"), caller, "terraform");
        let module = read(&python, "terraform", &[role.parent().expect("a folder")]);
        let names = [
            "output.caller_policy_arn",
            "output.role_arn",
            "resource.aws_iam_policy.ssl_usage_caller",
            "resource.aws_iam_role.ssl_usage",
            "resource.aws_iam_role_policy.ssl_usage",
            "variable.caller_arn",
            "variable.caller_policy_name",
            "variable.organization_id",
            "variable.role_name",
        ];
        assert_eq!(module["names"], json!(names));
        let resources = &module["resources"];
        let of_caller = document(&resources["aws_iam_policy"][0]["policy"]);
        assert_eq!(of_caller["Statement"], json!(statements(caller)), "{caller:?}");
        let of_reader = document(&resources["aws_iam_role_policy"][0]["policy"]);
        assert_eq!(of_reader["Statement"], json!(statements(reader)), "{reader:?}");
        assert_eq!(document(&resources["aws_iam_role"][0]["assume_role_policy"]), trust());
        assert_eq!(resources["aws_iam_role"][0]["name"], "ssl-usage");
    }
    let organization = home.path().join("organization");
    fs::create_dir(&organization).expect("a folder");
    for name in ["organization/role.yaml", "organization/stack-set.tf", "caller/caller.tf"] {
        fs::copy(deploy(name), home.path().join("organization").join(Path::new(name).file_name().expect("a name")))
            .expect("a copy");
    }
    let resources = read(&python, "terraform", &[&organization])["resources"].clone();
    let set = &resources["aws_cloudformation_stack_set"][0];
    assert_eq!(set["template_body"], policy(&["--all-regions", "--format", "cloudformation"]));
    assert_eq!(set["parameters"]["CallerArn"], "arn:aws:iam::123456789012:user/caller-*");
    let targets = &resources["aws_cloudformation_stack_instances"][0]["deployment_targets"];
    assert_eq!(targets["organizational_unit_ids"], json!(["r-abcd"]));
}

/// Those that IAM in moto rejects are errors of the report; so are calls that moto lacks.
#[test]
fn the_printed_policies_are_enough_and_the_own_account_needs_both() {
    let Some(moto) = Server::moto() else { return };
    let (home, python) = (TempDir::new().expect("a folder"), python("moto").expect("moto is here"));
    let json = |arguments: &[&str]| -> Value { serde_json::from_str(&policy(arguments)).expect("JSON") };
    let (caller, reader) = (json(CALLERS[0]), json(&[]));
    let file = |name: &str, policies: &[&Value]| {
        let path = home.path().join(name);
        fs::write(&path, json!(policies).to_string()).expect("a file");
        path
    };
    let users = [file("caller.json", &[&caller]), file("both.json", &[&caller, &reader])];
    let (url, role) = (moto.url(), deploy("organization/role.yaml"));
    let made = read(&python, "organization", &[Path::new(&url), &role, &users[0], &users[1]]);
    for role in made["roles"].as_array().expect("roles") {
        let expected = json!(statements(&["--all-regions"]));
        assert_eq!((&role["policies"]["ssl-usage"]["Statement"], &role["trust"]), (&expected, &trust()));
    }
    let members: Vec<&str> = made["members"].as_array().expect("members").iter().filter_map(Value::as_str).collect();
    let report = |key: &Value| {
        let mut command = ssl_usage(home.path());
        for (name, value) in [("AWS_ACCESS_KEY_ID", &key[0]), ("AWS_SECRET_ACCESS_KEY", &key[1])] {
            command.env(name, value.as_str().expect("a key"));
        }
        command.env("AWS_ENDPOINT_URL_RDS", moto.url()).env("AWS_ENDPOINT_URL_STS", moto.url());
        command.env("AWS_ENDPOINT_URL_ORGANIZATIONS", moto.url());
        let bundle = home.path().join(key[0].as_str().expect("a key"));
        command.args(["analyze", "--format", "json", "--days", "1", "--bundle"]).arg(bundle);
        Run::of(command.args(CALLERS[0])).json()
    };
    let found = |report: &Value| instances(&report["instances"]);
    let (one, both) = (report(&made["keys"][0]), report(&made["keys"][1]));
    let of_members = found(&one);
    assert!(of_members.len() == 2 && members.iter().all(|number| of_members.iter().any(|it| it.contains(number))));
    let denied = |report: &Value| {
        let errors = report["errors"].as_array().expect("errors").iter();
        let lists = errors.filter(|error| error["call"] == "rds:DescribeDBInstances");
        lists.map(|error| error["account"].as_str().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(denied(&one), ["123456789012"]);
    assert_eq!(denied(&both), Vec::<String>::new());
    assert!(found(&both).len() == 3 && found(&both).iter().any(|it| it.contains(" of-own ")), "{both:#}");
}

/// Runs the command of a container against a fake organization, with a bundle on this machine.
fn collects(words: &[&str], bundle: &str) {
    let (home, aws) = (TempDir::new().expect("a folder"), FakeAws::start(small_fleet()));
    aws.add_account(Fleet { account: "222222222222".to_owned(), ..small_fleet() });
    let words = words.iter().map(|word| if *word == bundle { "evidence" } else { word });
    let mut command = against(&aws, home.path());
    let run = Run::of(command.current_dir(home.path()).args(words).args(&WINDOW[2..]));
    assert_eq!((run.status, run.err.as_str()), (0, ""));
    let mut command = ssl_usage(home.path());
    let report =
        Run::of(command.args(["analyze", "--format", "json", "--from"]).arg(home.path().join("evidence"))).json();
    let accounts = ["123456789012", "222222222222"];
    assert!(accounts.iter().all(|number| instances(&report["instances"]).iter().any(|it| it.starts_with(number))));
}

#[test]
fn the_containers_collect_with_the_permissions_that_are_printed() {
    let Some(moto) = Server::moto() else { return };
    let python = python("moto").expect("moto is here");
    let (url, template) = (moto.url(), deploy("container/ecs.yaml"));
    let stack = read(&python, "stacks", &[Path::new(&url), &template])[0].clone();
    let words = |list: &Value| -> Vec<String> {
        let words = list.as_array().expect("words").iter();
        words.map(|word| word.as_str().expect("text").to_owned()).collect()
    };
    let bundle = stack["outputs"]["Bundle"].as_str().expect("a bundle");
    let task = words(&stack["commands"][0]);
    collects(&task.iter().map(String::as_str).collect::<Vec<_>>(), bundle);
    let policies = &stack["roles"]["ssl-usage-caller"]["policies"];
    assert_eq!(policies["reader"]["Statement"], json!(statements(&["--all-regions"])));
    let mut expected = statements(&["--organization", "--role-name", "ssl-usage", "--bundle", bundle]);
    // The bucket has no KMS key of its own.
    expected.retain(|statement| statement["Sid"] != "OptionalBundleKey");
    assert_eq!(policies["caller"]["Statement"], json!(expected));

    let read = read(&python, "kubernetes", &[&deploy("container/cronjob.yaml")]);
    assert_eq!(read["objections"], json!([]));
    let pod = &read["documents"][1]["spec"]["jobTemplate"]["spec"]["template"]["spec"];
    let of_pod = words(&pod["containers"][0]["args"]);
    assert_eq!(of_pod[..of_pod.len() - 1], task[..task.len() - 1], "only the bundle differs");
}

#[test]
fn the_aws_cli_creates_the_stack_set_as_the_documentation_says() {
    let Some(moto) = Server::moto() else { return };
    let (home, programs) = (TempDir::new().expect("a folder"), install::programs());
    fs::copy(deploy("organization/role.yaml"), home.path().join("role.yaml")).expect("a copy");
    let run = |command: &str| {
        let mut shell = Command::new("/bin/sh");
        let path = format!("{}:/usr/bin:/bin", programs.display());
        shell.env_clear().env("PATH", path).env("HOME", home.path()).env("AWS_ENDPOINT_URL", moto.url());
        shell
            .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", "secret")
            .env("AWS_DEFAULT_REGION", "us-east-1");
        let said = install::run(shell.env("AWS_PAGER", "").args(["-c", command]).current_dir(home.path()));
        said.unwrap_or_else(|error| panic!("{error}"))
    };
    run("aws organizations create-organization --feature-set ALL");
    run("aws organizations create-account --account-name shop --email shop@example.com");
    let root = run("aws organizations list-roots --query 'Roots[0].Id' --output text");
    let text = fs::read_to_string(deploy("README.md")).expect("a file").replace("\\\n", "");
    let commands: Vec<&str> =
        text.lines().filter(|line| line.starts_with("aws cloudformation create-stack-")).collect();
    assert_eq!(commands.len(), 2);
    commands.iter().for_each(|command| drop(run(&command.replace("r-abcd", root.trim()))));
    let summaries: Value =
        serde_json::from_str(&run("aws cloudformation list-stack-instances --stack-set-name ssl-usage")).expect("JSON");
    let current = summaries["Summaries"].as_array().expect("instances").iter().filter(|it| it["Status"] == "CURRENT");
    // moto creates a stack in the management account too, unlike AWS.
    assert_eq!(current.count(), 2);
}
