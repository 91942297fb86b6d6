//! The examples of samples/deploy, and the policies that they contain.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::command::{Run, against, samples, ssl_usage};
use crate::fake_aws::FakeAws;
use crate::fleet::small_fleet;

/// What `ssl-usage iam-policy` prints.
pub fn policy(arguments: &[&str]) -> String {
    let home = TempDir::new().expect("a folder");
    let run = Run::of(ssl_usage(home.path()).arg("iam-policy").args(arguments));
    assert_eq!((run.status, run.err.as_str()), (0, ""), "{arguments:?}");
    run.out
}

/// Its statements, as JSON.
pub fn statements(arguments: &[&str]) -> Vec<Value> {
    let policy: Value = serde_json::from_str(&policy(arguments)).expect("JSON");
    policy["Statement"].as_array().expect("statements").clone()
}

/// Files that `ssl-usage` prints, with the options for it.
pub const PRINTED: [(&str, &[&str]); 2] = [
    ("organization/role.yaml", &["--all-regions", "--format", "cloudformation"]),
    (
        "caller/caller.tf",
        &[
            "--organization",
            "--role-name",
            "ssl-usage",
            "--bundle",
            "s3://amzn-s3-demo-bucket/evidence",
            "--format",
            "terraform",
        ],
    ),
];

/// `SSL_USAGE_UPDATE_GOLDEN=1 cargo test as_it_was_reviewed` writes them.
#[test]
fn each_printed_file_of_the_organization_is_as_it_was_reviewed() {
    for (name, arguments) in PRINTED {
        let (path, printed) = (samples().join("deploy").join(name), policy(arguments));
        if std::env::var_os("SSL_USAGE_UPDATE_GOLDEN").is_some() {
            fs::write(&path, &printed).expect("a file");
        }
        let kept = fs::read_to_string(&path).expect("a file");
        assert_eq!(kept, printed, "{name}: set SSL_USAGE_UPDATE_GOLDEN=1 to write it");
    }
}

#[test]
fn a_bundle_in_s3_adds_permissions_on_its_folder_to_either_policy() {
    let caller = ["--organization", "--role-name", "ssl-usage"];
    let s3 = ["--bundle", "s3://amzn-s3-demo-bucket/rds/evidence/", "--logs", "s3://amzn-s3-demo-archive"];
    for before in [&caller[..], &["--all-regions"]] {
        let (plain, all) = (statements(before), statements(&[before, &s3].concat()));
        assert_eq!(all[..plain.len()], plain);
        let [list, objects, compaction, key, list_logs, logs, logs_key] = &all[plain.len()..] else {
            panic!("{all:#?}")
        };
        assert_eq!(list["Condition"], json!({"StringLike": {"s3:prefix": ["rds/evidence", "rds/evidence/*"]}}));
        assert_eq!(list["Resource"], json!(["arn:*:s3:::amzn-s3-demo-bucket"]));
        assert_eq!(objects["Action"], json!(["s3:GetObject", "s3:PutObject"]));
        assert_eq!(objects["Resource"], json!(["arn:*:s3:::amzn-s3-demo-bucket/rds/evidence/*"]));
        assert_eq!(compaction["Action"], json!(["s3:DeleteObject"]));
        assert_eq!(compaction["Resource"], objects["Resource"]);
        let only = |statement: &Value| statement["Condition"]["StringLike"]["kms:EncryptionContext:aws:s3:arn"].clone();
        assert_eq!(only(key), json!([list["Resource"][0], objects["Resource"][0]]));
        assert_eq!((&list_logs["Condition"], &logs["Action"]), (&Value::Null, &json!(["s3:GetObject"])));
        assert_eq!(only(logs_key), json!(["arn:*:s3:::amzn-s3-demo-archive", "arn:*:s3:::amzn-s3-demo-archive/*"]));
        assert_eq!(logs_key["Action"], json!(["kms:Decrypt"]));
    }
    let home = TempDir::new().expect("a folder");
    let run = Run::of(ssl_usage(home.path()).args(["iam-policy", "--bundle", "evidence"]));
    assert!(run.status == 2 && run.err.contains("s3://BUCKET/PREFIX"), "{run:?}");
}

/// A line of a crontab, as cron runs it: what is behind the five fields of the time, up to the first `%` without a
/// backslash.
///
/// Source: crontab(5).
fn cron_command(line: &str) -> String {
    let mut rest = line;
    for _ in 0..5 {
        rest = rest.trim_start().split_once([' ', '\t']).expect("five fields and a command").1;
    }
    let whole = rest.trim_start().replace("\\%", "\0");
    whole.split('%').next().unwrap_or_default().replace('\0', "%")
}

#[test]
fn the_crontab_collects_and_reports_as_cron_runs_it() {
    assert_eq!(cron_command("17 4 * * 1  date +\\%F | cat%input"), "date +%F | cat");
    let (home, aws) = (TempDir::new().expect("a folder"), FakeAws::start(small_fleet()));
    let path = |name: &str| home.path().join(name).display().to_string();
    ["bin", "state", ".aws"].iter().for_each(|name| fs::create_dir(path(name)).expect("a folder"));
    fs::write(path(".aws/config"), "[profile auditor]\n").expect("a file");
    fs::write(path(".aws/credentials"), "[auditor]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = secret\n")
        .expect("a file");
    // The logs of the fake AWS end at this time.
    let script = "#!/bin/sh\nexec \"$PROGRAM\" \"$@\" --now 2026-11-23T00:00:00Z\n";
    fs::write(path("bin/ssl-usage"), script).expect("a file");
    fs::set_permissions(path("bin/ssl-usage"), fs::Permissions::from_mode(0o755)).expect("a mode");

    let crontab = fs::read_to_string(samples().join("deploy/cron/crontab")).expect("a file");
    let crontab = crontab.replace("/usr/local/bin", &path("bin")).replace("/var/lib/ssl-usage", &path("state"));
    let lines = crontab.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let (jobs, settings): (Vec<_>, Vec<_>) = lines.partition(|line| line.starts_with(|first: char| first.is_numeric()));
    let program = against(&aws, home.path());
    for job in &jobs {
        let mut shell = Command::new("/bin/sh");
        shell.env_clear().env("HOME", home.path()).env("SHELL", "/bin/sh").env("LOGNAME", "dba");
        shell.envs(settings.iter().map(|line| line.split_once('=').expect("a setting")));
        shell.env("PROGRAM", program.get_program()).env("AWS_ENDPOINT_URL", aws.url());
        let run = Run::of(shell.args(["-c", &cron_command(job)]).current_dir(home.path()));
        assert_eq!((run.status, run.out.as_str(), run.err.as_str()), (0, "", ""), "no mail: {job}");
    }
    assert_eq!(jobs.len(), 2);
    let names = fs::read_dir(path("state")).expect("a folder").map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<String> = names.map(|name| name.to_string_lossy().into_owned()).collect();
    names.sort_unstable();
    let is_dated = |name: &String| name.starts_with("report-2") && name.ends_with(".html") && name.len() == 22;
    assert!(names.len() == 2 && names[0] == "evidence" && is_dated(&names[1]), "{names:?}");
}

#[test]
fn the_image_is_built_with_the_toolchain_of_the_project() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manifest = fs::read_to_string(root.join("Cargo.toml")).expect("a file");
    let manifest: toml::Table = toml::from_str(&manifest).expect("TOML");
    let version = manifest["workspace"]["package"]["rust-version"].as_str().expect("a version");
    let dockerfile = fs::read_to_string(samples().join("deploy/container/Dockerfile")).expect("a file");
    assert!(dockerfile.contains(&format!("FROM rust:{version}-bookworm AS build\n")), "{version}: {dockerfile}");
}
