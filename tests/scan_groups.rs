//! What `ssl-usage scan` shows of instances and folders, and the commands that it prints at the end.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::command::{Run, against, samples, ssl_usage};
use crate::fake_aws::FakeAws;
use crate::fleet::small_fleet;

/// When the small fleet is judged.
const NOW: &str = "2026-11-23T00:00:00Z";

fn sample(hour: &str) -> String {
    let log = samples().join("postgres/16-rds/postgresql.log.2026-11-23-10");
    fs::read_to_string(log).expect("a sample").replace("2026-11-23 10:", &format!("{hour}:"))
}

fn write(home: &Path, path: &str, bytes: impl AsRef<[u8]>) {
    let path = home.join(path);
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(path, bytes).expect("a file");
}

fn scan(home: &Path, arguments: &[&str]) -> Run {
    Run::of(ssl_usage(home).current_dir(home).args(["scan", "--now", NOW]).args(arguments))
}

fn json(home: &Path, path: &str) -> Value {
    scan(home, &["--format", "json", path]).json()
}

/// Runs commands in a shell, as they were printed, with the fake AWS and the clock of the small fleet. Returns what the last one printed.
fn run(aws: &FakeAws, home: &Path, commands: &[String]) -> Run {
    let bin = home.join("bin");
    fs::create_dir_all(&bin).expect("a folder");
    let script = format!("#!/bin/sh\nexec \"$PROGRAM\" \"$@\" --now {NOW}\n");
    fs::write(bin.join("ssl-usage"), script).expect("a script");
    fs::set_permissions(bin.join("ssl-usage"), fs::Permissions::from_mode(0o755)).expect("a mode");
    let program = against(aws, home);
    let mut last = None;
    for command in commands {
        let mut shell = Command::new("/bin/sh");
        shell.env_clear().envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
        shell.env("PATH", format!("{}:/usr/bin:/bin", bin.display())).env("PROGRAM", program.get_program());
        let ran = Run::of(shell.current_dir(home).args(["-c", command]));
        assert_eq!(ran.status, 0, "{command}: {ran:?}");
        last = Some(ran);
    }
    last.expect("a command")
}

/// The commands that a table ends with.
fn commands(table: &str) -> Vec<String> {
    let (_, next) = table.split_once("\nNext:\n").unwrap_or_else(|| panic!("no commands: {table}"));
    next.lines()
        .filter_map(|line| line.strip_prefix("    ssl-usage "))
        .map(|rest| format!("ssl-usage {rest}"))
        .collect()
}

#[test]
fn each_folder_has_its_total_its_times_and_its_longest_gap() {
    let home = TempDir::new().expect("a folder");
    for (folder, hours) in [("orders/error", [1, 2, 8, 9]), ("crm", [5, 6, 7, 8])] {
        for hour in hours {
            let path = format!("logs/{folder}/postgresql.log.2026-11-22-{hour:02}");
            write(home.path(), &path, sample(&format!("2026-11-22 {hour:02}")));
        }
    }
    let csv = fs::read(samples().join("postgres/16-rds/postgresql.log.2026-11-23-10.csv")).expect("a sample");
    write(
        home.path(),
        "logs/crm/postgresql.log.2026-11-22-05.csv",
        String::from_utf8_lossy(&csv).replace("2026-11-23 10:", "2026-11-22 05:"),
    );
    let report = json(home.path(), "logs");
    let groups = report["groups"].as_array().expect("groups");
    let names: Vec<_> = groups.iter().map(|group| group["folder"].as_str().expect("a folder")).collect();
    assert_eq!(names, ["logs/crm", "logs/orders"], "{report:#}");
    let tls = |of: &Value| of["connections"]["tls"].as_u64().expect("a count");
    assert!(
        groups.iter().map(tls).sum::<u64>() == tls(&report["total"]) && tls(&groups[0]) == tls(&groups[1]),
        "{report:#}"
    );
    let orders = &groups[1];
    let of = |hour: &str| {
        let path = format!("logs/orders/error/postgresql.log.2026-11-22-{hour}");
        let files = report["files"].as_array().expect("files");
        files.iter().find(|file| file["path"] == *path).unwrap_or_else(|| panic!("{path}"))
    };
    let gap = &orders["longest_gap"];
    assert_eq!((&gap["from"], &gap["to"]), (&of("02")["last_at"], &of("08")["first_at"]), "{orders:#}");
    assert_eq!((&gap["after"], &gap["before"]), (&of("02")["path"], &of("08")["path"]), "{orders:#}");
    assert_eq!((&orders["first_at"], &orders["last_at"]), (&of("01")["first_at"], &of("09")["last_at"]), "{orders:#}");
    assert_eq!((&orders["logs"], &groups[0]["logs"]), (&json!(4), &json!(5)), "{report:#}");
    let table = scan(home.path(), &["logs"]).out;
    let row = table.lines().find(|line| line.starts_with("logs/orders  ")).unwrap_or_else(|| panic!("{table}"));
    assert!(row.contains("2026-11-22 01:00") && row.contains(" h ") && row.contains("from 2026-11-22 02:"), "{table}");
    let said = table.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("between the last record of one log and the first record of the next"), "{table}");
}

#[test]
fn a_group_says_what_its_counts_and_times_leave_out() {
    let home = TempDir::new().expect("a folder");
    write(home.path(), "logs/orders/postgresql.log.2026-11-22-01", sample("2026-11-22 01"));
    // Two logs that were joined in the wrong order.
    write(home.path(), "logs/orders/postgresql.log.2026-11-22-02", sample("2026-11-22 05") + &sample("2026-11-22 02"));
    write(home.path(), "logs/orders/postgresql.log.2026-11-22-09", "no log at all\n".repeat(20));
    let quiet = fs::read(samples().join("postgres/connections-off/postgresql.log.2026-11-23-10")).expect("a sample");
    write(home.path(), "logs/crm/postgresql.log.2026-11-23-10", quiet);
    write(home.path(), "logs/empty/postgresql.log.2026-11-23-10", "");
    let report = json(home.path(), "logs");
    let group = |name: &str| {
        let groups = report["groups"].as_array().expect("groups");
        groups.iter().find(|group| group["folder"] == name).unwrap_or_else(|| panic!("{name}: {report:#}")).clone()
    };
    let orders = group("logs/orders");
    let counted = [&orders["logs"], &orders["logs_failed"], &orders["logs_without_times"]];
    assert_eq!(counted, [&json!(2), &json!(1), &json!(1)], "{orders:#}");
    assert!(orders["last_at"].as_str().is_some_and(|at| at.starts_with("2026-11-22T01")), "{orders:#}");
    assert_eq!(group("logs/empty")["logs"], 0, "{report:#}");
    let table = scan(home.path(), &["logs"]).out;
    let said = table.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("logs/orders: 1 log could not be read, so its counts may be too low"), "{table}");
    assert!(said.contains("logs/orders: 1 of 2 logs have no times, or times that go back"), "{table}");
    assert!(
        said.contains("logs/crm: no session of a client was found, so nothing can be concluded about TLS"),
        "{table}"
    );
    let empty = table.lines().find(|line| line.starts_with("logs/empty  ")).unwrap_or_else(|| panic!("{table}"));
    assert_eq!(empty.split_whitespace().skip(2).collect::<String>().trim_matches('-'), "", "{empty}");
}

/// Copies the logs of an instance of the small fleet.
fn copy(home: &Path, instance: &str, to: &str) {
    let mut fleet = small_fleet();
    for (name, file) in &fleet.instance(instance).files {
        write(home, &format!("{to}/{name}"), &file.bytes);
    }
}

#[test]
fn the_printed_commands_judge_the_logs() {
    let aws = FakeAws::start(small_fleet());
    let home = TempDir::new().expect("a folder");
    let archive = "logs of 'Joe'; $(touch owned)";
    for instance in ["orders-prod", "reports-batch"] {
        copy(home.path(), instance, &format!("{archive}/{instance}"));
    }
    let commands = commands(&scan(home.path(), &[archive]).out);
    assert_eq!(commands.len(), 3, "{commands:?}");
    let printed = run(&aws, home.path(), &commands);
    for row in ["required    orders-prod", "deferrable  reports-batch"] {
        assert!(printed.out.contains(row), "{row}: {}", printed.out);
    }
    assert!(!home.path().join("owned").exists(), "{commands:?}");
}

#[test]
fn the_logs_of_one_instance_need_no_inventory() {
    let aws = FakeAws::start(small_fleet());
    let home = TempDir::new().expect("a folder");
    copy(home.path(), "reports-batch", "-logs/reports-batch");
    let report = json(home.path(), "./-logs/reports-batch");
    let words: Vec<Vec<String>> = serde_json::from_value(report["next"]["commands"].clone()).expect("commands");
    let expected = [
        "ssl-usage",
        "collect",
        "--logs",
        "./-logs/reports-batch",
        "--instance",
        "reports-batch",
        "--engine",
        "postgres",
    ];
    assert_eq!(words[0][..expected.len()], expected, "{words:?}");
    let printed = run(&aws, home.path(), &commands(&scan(home.path(), &["--", "-logs/reports-batch"]).out));
    assert!(printed.out.contains("required?  reports-batch"), "{printed:?}");
    assert!(aws.calls().is_empty(), "it calls AWS");
}

#[test]
fn logs_that_cannot_be_collected_have_no_command() {
    let home = TempDir::new().expect("a folder");
    let log = sample("2026-11-22 01");
    write(home.path(), "logs/orders/postgresql.log.2026-11-22-01", &log);
    write(home.path(), "logs/orders/other.txt", sample("2026-11-22 02"));
    write(home.path(), "only/other.txt", &log);
    let tar = fs::File::create(home.path().join("logs.tar")).expect("a file");
    let mut tar = tar::Builder::new(tar);
    tar.append_dir_all("logs", home.path().join("logs")).expect("an archive");
    tar.finish().expect("an archive");
    for (path, commands, note) in [
        ("only", 0, "Use the names of RDS"),
        ("logs.tar", 0, "Unpack archives first"),
        ("logs", 2, "does not read 1 of 2 logs"),
    ] {
        let next = &json(home.path(), path)["next"];
        assert_eq!(next["commands"].as_array().map(Vec::len), Some(commands), "{path}: {next:#}");
        assert!(next["notes"].to_string().contains(note), "{path}: {next:#}");
    }
    let both = scan(home.path(), &["--format", "json", "logs", "only"]).json();
    assert!(both["next"]["notes"].to_string().contains("the logs of one folder"), "{both:#}");
}

#[test]
fn names_of_folders_and_streams_are_harmless() {
    let home = TempDir::new().expect("a folder");
    let log = sample("2026-11-22 01");
    write(home.path(), "logs/a\u{1b}[31m/postgresql.log.2026-11-22-01", &log);
    let object = json!({"messageType": "DATA_MESSAGE", "owner": "123456789012", "logGroup": "/aws/rds/instance/\u{1b}]0;x/postgresql",
        "logStream": "s", "subscriptionFilters": ["f"],
        "logEvents": log.lines().enumerate().map(|(at, line)| json!({"id": at.to_string(), "timestamp": 1, "message": line})).collect::<Vec<_>>()});
    write(home.path(), "logs/1.json", object.to_string());
    for format in ["table", "csv"] {
        let run = scan(home.path(), &["--format", format, "logs"]);
        assert!(!run.out.contains('\u{1b}') && run.out.contains("\\u{1b}"), "{run:?}");
    }
    let report = json(home.path(), "logs");
    let of_group = |group: &Value| group["instance"] == "\u{1b}]0;x" && group["connections"]["tls"].as_u64() > Some(0);
    assert!(report["groups"].as_array().expect("groups").iter().any(of_group), "{report:#}");
    assert!(report["next"]["notes"].to_string().contains("--unfiltered"), "{report:#}");
}
