//! Preflight: what to switch on before the question can be answered, and that what is printed can be pasted.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::command::{Run, against, samples, ssl_usage};
use crate::fake_aws::{Calls, FakeAws, Fault, FaultKind, Fleet, Metric};
use crate::fleet::{WINDOW, small_fleet};
use crate::sealing::record;

fn kept(bundle: &Path, format: &str) -> Run {
    let home = TempDir::new().expect("a folder");
    let mut command = ssl_usage(home.path());
    Run::of(command.args(["preflight", "--format", format, "--from"]).arg(bundle).args(WINDOW))
}

fn live(aws: &FakeAws, arguments: &[&str]) -> Run {
    let home = TempDir::new().expect("a folder");
    Run::of(against(aws, home.path()).args(["preflight", "--format", "json"]).args(arguments).args(WINDOW))
}

fn of<'r>(report: &'r Value, name: &str) -> &'r Value {
    let mut instances = report["instances"].as_array().expect("instances").iter();
    instances.find(|instance| instance["instance"] == name).unwrap_or_else(|| panic!("no {name}: {report:#}"))
}

/// Commands, each as one line, without what all of them begin with.
fn lines(commands: &Value) -> Vec<String> {
    let words = |command: &Value| {
        let words: Vec<_> = command.as_array().expect("words").iter().filter_map(Value::as_str).collect();
        words.join(" ").strip_prefix("aws --region eu-west-1 rds ").expect("an AWS command").to_owned()
    };
    commands.as_array().expect("commands").iter().map(words).collect()
}

#[test]
fn the_small_fleet_needs_what_was_reasoned_out_by_hand() {
    let report = kept(&samples().join("fleet"), "json").json();
    assert_eq!(report["schema"], "ssl-usage/preflight/v1");
    for (name, answer, log) in [
        ("crm-quiet", "switch-on", json!("postgresql")),
        // Aurora's audit log is on, and has no transport.
        ("loyalty-1", "switch-on", json!("general")),
        ("payroll", "not-by-logs", json!(null)),
        ("forum", "ready", json!("general")),
        ("kiosk", "ready", json!("audit")),
        ("billing-pool", "ready", json!("postgresql")),
        ("warehouse-gap", "answered", json!(null)),
        // IAM's metric shows TLS, and no log shows its clients.
        ("mobile-api", "switch-on", json!("audit")),
        ("orders-prod", "answered", json!(null)),
        ("graph-1", "answered", json!(null)),
        ("carts-1", "answered", json!(null)),
        ("archive", "answered", json!(null)),
        ("catalog-1", "answered", json!(null)),
    ] {
        let found = of(&report, name);
        assert_eq!((&found["answer"], &found["log"]), (&json!(answer), &log), "{found:#}");
    }
    assert_eq!(report["summary"], json!({"switch-on": 3, "not-by-logs": 1, "ready": 3, "answered": 17}));
    assert_eq!(report["instances"][0]["answer"], "switch-on", "what has something to do comes first");
}

#[test]
fn what_is_switched_on_is_switched_back_to_what_it_was() {
    let report = kept(&samples().join("fleet"), "json").json();
    let quiet = of(&report, "crm-quiet");
    assert_eq!(quiet["restart"], false);
    assert_eq!(
        lines(&quiet["commands"]),
        ["modify-db-parameter-group --db-parameter-group-name pg16-quiet --parameters \
          ParameterName=log_connections,ParameterValue=1,ApplyMethod=immediate \
          ParameterName=log_disconnections,ParameterValue=1,ApplyMethod=immediate"]
    );
    // The one had a value, the other had none.
    assert_eq!(
        lines(&quiet["undo"]),
        [
            "modify-db-parameter-group --db-parameter-group-name pg16-quiet --parameters \
             ParameterName=log_connections,ParameterValue=0,ApplyMethod=immediate",
            "reset-db-parameter-group --db-parameter-group-name pg16-quiet --parameters \
             ParameterName=log_disconnections,ApplyMethod=immediate",
        ]
    );
    assert_eq!(quiet["wait"], json!({"hours": 24, "kept_hours": 72, "collect_every_hours": null}));
    let aurora = of(&report, "loyalty-1");
    assert!(lines(&aurora["commands"])[0].starts_with("modify-db-cluster-parameter-group"), "{aurora:#}");
    assert!(aurora["notes"][0].as_str().expect("a note").contains("every statement"), "{aurora:#}");
    assert_eq!(aurora["volume"]["bytes_a_day"], json!(null), "nobody knows how many statements there are");
    assert_eq!(aurora["wait"]["collect_every_hours"], 12);
}

/// The small fleet with an instance of MySQL that runs with AWS's own groups, and whose open sessions rise by ten an hour.
fn unlogged_mysql() -> Fleet {
    let mut fleet = small_fleet();
    let metric = |name: &str, low: f64, high: f64| {
        let at = |minute: &str| format!("2026-11-21T10:{minute}:00Z").parse().expect("a time");
        let samples = vec![(at("10"), low), (at("40"), high)];
        let (of, namespace, name) = ("mobile-api".to_owned(), "AWS/RDS".to_owned(), name.to_owned());
        Metric { of, namespace, name, samples, status: None, message: None }
    };
    fleet.metrics = vec![metric("DatabaseConnections", 5.0, 15.0)];
    let mut groups = fleet.option_groups.clone();
    let plain = groups.iter_mut().find(|group| group.name == "mysql-plain").expect("a group");
    plain.name = "default:mysql-8-0".to_owned();
    fleet.option_groups.push(plain.clone());
    fleet.instance("mobile-api").option_group = Some("default:mysql-8-0".to_owned());
    fleet
}

#[test]
fn mysql_is_told_to_take_the_audit_plugin_and_in_a_group_of_its_own() {
    let aws = FakeAws::start(unlogged_mysql());
    let run = live(&aws, &["--instance", "mobile-api"]);
    assert_eq!((run.status, run.err.as_str()), (0, ""), "{run:?}");
    let report = run.json();
    let found = of(&report, "mobile-api");
    assert_eq!(
        (&found["answer"], &found["log"], &found["restart"], &found["interruption"]),
        (&json!("switch-on"), &json!("audit"), &json!(false), &json!("possible"))
    );
    let why = found["why"].as_str().expect("a text");
    assert!(why.contains("set option MARIADB_AUDIT_PLUGIN to on in a new group"), "{why}");
    assert!(why.contains("(may cause an outage)") && !why.contains("dynamic"), "{why}");
    let group = "--option-group-name mobile-api-ssl-usage";
    assert_eq!(
        lines(&found["commands"]),
        [
            format!("create-option-group {group} --option-group-description Sessions are logged, to see whether they use TLS --engine-name mysql --major-engine-version 8.0"),
            format!("add-option-to-option-group {group} --options [{{\"OptionName\":\"MARIADB_AUDIT_PLUGIN\",\"OptionSettings\":[{{\"Name\":\"SERVER_AUDIT_EVENTS\",\"Value\":\"CONNECT\"}}]}}]"),
            // Other pending changes are not applied with it.
            format!("modify-db-instance --db-instance-identifier mobile-api {group} --no-apply-immediately"),
            "modify-db-instance --db-instance-identifier mobile-api --cloudwatch-logs-export-configuration {\"EnableLogTypes\":[\"audit\"]}".to_owned(),
        ]
    );
    assert_eq!(
        lines(&found["undo"]),
        [
            "modify-db-instance --db-instance-identifier mobile-api --option-group-name default:mysql-8-0 --no-apply-immediately".to_owned(),
            format!("delete-option-group {group}"),
            "modify-db-instance --db-instance-identifier mobile-api --cloudwatch-logs-export-configuration {\"DisableLogTypes\":[\"audit\"]}".to_owned(),
        ]
    );
    let notes = found["notes"].to_string();
    assert!(notes.contains("Adding the audit plugin may cause an outage."), "{notes}");
    assert!(notes.contains("To undo: RDS restarts the instance"), "{notes}");
    // Ten in an hour that is known, of which there are 24 a day.
    let volume = &found["volume"];
    assert_eq!((&volume["sessions_a_day"], &volume["counted_by"]), (&json!(240), &json!("metric-at-least")));
    assert_eq!(volume["bytes_a_day"], 240 * 160);
    assert!(volume["dollars_a_day"].as_f64().is_some_and(|dollars| dollars > 0.0), "it is exported");
    let acts =
        |action: &str| !action.starts_with("Describe") && !action.starts_with("Get") && !action.starts_with("List");
    let calls = aws.calls();
    let acted: Vec<_> = calls.iter().filter(|call| acts(&call.action) || call.action.contains("Log")).collect();
    assert!(acted.is_empty(), "nothing is changed, and no log is read: {acted:?}");
}

#[test]
fn groups_of_awss_own_are_replaced_without_a_restart_and_put_back() {
    let mut fleet = small_fleet();
    fleet.instance("crm-quiet").parameter_group = "default.postgres16".to_owned();
    let mut own = fleet.parameter_groups.iter().find(|group| group.name == "pg16-quiet").expect("a group").clone();
    own.name = "default.postgres16".to_owned();
    fleet.parameter_groups.push(own);
    let report = live(&FakeAws::start(fleet), &["--instance", "crm-quiet"]).json();
    let found = of(&report, "crm-quiet");
    let (instance, group) = ("--db-instance-identifier crm-quiet", "--db-parameter-group-name crm-quiet-ssl-usage");
    let about = "Sessions are logged, to see whether they use TLS";
    // Attached first: then its dynamic parameters need no restart.
    assert_eq!(
        lines(&found["commands"]),
        [
            format!("create-db-parameter-group {group} --description {about} --db-parameter-group-family postgres16"),
            format!("modify-db-instance {instance} {group}"),
            format!("wait db-instance-available {instance}"),
            format!(
                "modify-db-parameter-group {group} --parameters \
                 ParameterName=log_connections,ParameterValue=1,ApplyMethod=immediate \
                 ParameterName=log_disconnections,ParameterValue=1,ApplyMethod=immediate"
            ),
        ]
    );
    // Reset while it is attached: logging ends at once, and not at the next restart.
    assert_eq!(
        lines(&found["undo"]),
        [
            format!(
                "reset-db-parameter-group {group} --parameters ParameterName=log_connections,ApplyMethod=immediate \
                 ParameterName=log_disconnections,ApplyMethod=immediate"
            ),
            format!("modify-db-instance {instance} --db-parameter-group-name default.postgres16"),
            format!("wait db-instance-available {instance}"),
            format!("delete-db-parameter-group {group}"),
        ]
    );
    assert_eq!(found["restart"], false);
    assert!(found["notes"].to_string().contains("pending-reboot"), "{found:#}");
}

#[test]
fn removing_the_plugin_names_every_instance_that_restarts() {
    let mut fleet = unlogged_mysql();
    for name in ["mobile-api", "shop"] {
        fleet.instance(name).option_group = Some("mysql-shared".to_owned());
    }
    let mut shared = fleet.option_groups.last().expect("a group").clone();
    shared.name = "mysql-shared".to_owned();
    fleet.option_groups.push(shared);
    let report = live(&FakeAws::start(fleet), &[]).json();
    let found = of(&report, "mobile-api");
    let undo = lines(&found["undo"]);
    assert_eq!(
        undo[0],
        "remove-option-from-option-group --option-group-name mysql-shared --options MARIADB_AUDIT_PLUGIN \
         --no-apply-immediately"
    );
    let notes = found["notes"].to_string();
    let due = "restarts every instance that shares the option group, in its next maintenance window: mobile-api, shop.";
    assert!(notes.contains(due), "{notes}");
}

#[test]
fn a_stopped_instance_is_to_be_started_first() {
    let mut fleet = small_fleet();
    fleet.instance("crm-quiet").status = "stopped".to_owned();
    let report = live(&FakeAws::start(fleet), &["--instance", "crm-quiet"]).json();
    let notes = of(&report, "crm-quiet")["notes"].to_string();
    assert!(notes.contains("AWS rejects changes while the instance is stopped. First: Start it."), "{notes}");
}

#[test]
fn clients_that_no_log_names_are_found_by_logging() {
    let bundle = samples().join("fleet");
    let report = kept(&bundle, "json").json();
    let found = of(&report, "mobile-api");
    let why = found["why"].as_str().expect("a text");
    assert!(why.starts_with("TLS is used, but no log names the clients. To find them, set option "), "{why}");
    assert!(!lines(&found["commands"]).is_empty() && found["interruption"] == "possible", "{found:#}");
    let table = kept(&bundle, "table").out;
    let row = |name: &str| table.lines().find(|line| line.starts_with(name)).expect("a row").to_owned();
    assert!(row("mobile-api").contains("possible") && row("crm-quiet").contains("none"), "{table}");
    // The reason of a verdict says the same of the plugin.
    let mut fleet = unlogged_mysql();
    fleet.metrics.clear();
    let aws = FakeAws::start(fleet);
    let home = TempDir::new().expect("a folder");
    let mut command = against(&aws, home.path());
    let run = Run::of(command.args(["analyze", "--format", "json", "--instance", "mobile-api"]).args(WINDOW));
    assert!(run.out.contains("cannot be changed (may cause an outage), and run ssl-usage again"), "{}", run.out);
}

#[test]
fn logs_that_are_deleted_soon_come_with_the_command_that_exports_them() {
    let report = kept(&samples().join("fleet"), "json").json();
    let kiosk = of(&report, "kiosk");
    assert_eq!((&kiosk["answer"], &kiosk["export"], &kiosk["changes"]), (&json!("ready"), &json!("audit"), &json!([])));
    let switch = |key: &str| {
        format!(
            "modify-db-instance --db-instance-identifier kiosk --cloudwatch-logs-export-configuration {{\"{key}\":[\"audit\"]}}"
        )
    };
    assert_eq!(lines(&kiosk["commands"]), [switch("EnableLogTypes")]);
    assert_eq!(lines(&kiosk["undo"]), [switch("DisableLogTypes")]);
    assert!(kiosk["notes"].to_string().contains("within 120 minutes"), "{kiosk:#}");
}

#[test]
fn the_table_explains_what_is_open_and_ends_with_the_commands_that_collect() {
    let bundle = samples().join("fleet");
    let table = kept(&bundle, "table").out;
    let explained = |name: &str| table.lines().any(|line| line.starts_with(&format!("{name}: ")));
    assert!(explained("crm-quiet") && explained("payroll") && !explained("orders-prod"), "{table}");
    assert!(table.lines().any(|line| line.starts_with("orders-prod ") && line.contains("answered")), "{table}");
    assert!(table.contains("  Run (account 123456789012, region eu-west-1):\n    aws "), "{table}");
    let bundle = bundle.display();
    let next = format!(
        "\nNext:\n  Collect the logs after the waiting time:\n    ssl-usage collect --days 3 --region eu-west-1 -o {bundle}\n  \
         Then analyze them:\n    ssl-usage analyze --from {bundle} --days 3\n"
    );
    assert!(table.ends_with(&next), "{table}");
    // The statement ends before its comment.
    let query = table.lines().find(|line| line.contains("sys.dm_exec_connections")).expect("a query");
    assert!(query.contains("session_id; -- TRUE in encrypt_option is TLS"), "{query}");
}

#[test]
fn the_next_collection_has_the_credentials_of_this_one() {
    let aws = FakeAws::start(small_fleet());
    let mut other = small_fleet();
    "222222222222".clone_into(&mut other.account);
    aws.add_account(other);
    let home = TempDir::new().expect("a folder");
    let run = |arguments: &[&str]| {
        let run = Run::of(against(&aws, home.path()).arg("preflight").args(WINDOW).args(arguments));
        let of =
            |name: &str| run.out.lines().rfind(|line| line.contains(&format!("ssl-usage {name} "))).map(str::to_owned);
        (of("collect").expect("a command"), of("analyze").expect("a command"))
    };
    let role = "--role-arn arn:aws:iam::222222222222:role/auditor";
    let (collect, analyze) = run(&role.split(' ').collect::<Vec<_>>());
    assert!(collect.contains(role) && !analyze.contains("--role"), "{collect} {analyze}");
    let (collect, analyze) = run(&["--organization", "--role-name", "auditor"]);
    assert!(collect.contains("--role-name auditor") && collect.contains("--organization"), "{collect}");
    assert!(analyze.ends_with(" --days 3") && !analyze.contains("auditor"), "{analyze}");
}

#[test]
fn instances_with_the_same_steps_are_described_together() {
    let mut fleet = small_fleet();
    let mut second = fleet.instance("payroll").clone();
    "payroll-2".clone_into(&mut second.id);
    fleet.instances.push(second);
    let aws = FakeAws::start(fleet);
    let home = TempDir::new().expect("a folder");
    let table = Run::of(against(&aws, home.path()).args(["preflight", "--instance", "payroll*"]).args(WINDOW)).out;
    assert!(table.contains("\npayroll, payroll-2: query sessions: "), "{table}");
    assert_eq!(table.matches("SELECT ").count(), 1, "{table}");
}

#[test]
fn sessions_are_counted_by_the_logs_where_they_show_any() {
    let report = kept(&samples().join("fleet"), "json").json();
    // 216 of clients and 360 of AWS's own in 72 hours.
    let volume = &of(&report, "billing-pool")["volume"];
    assert_eq!((&volume["counted_by"], &volume["sessions_a_day"]), (&json!("logs"), &json!(192)));
    assert_eq!(volume["bytes_a_day"], 192 * 850);
    assert_eq!(volume["dollars_a_day"], 0.0, "files cost nothing");
    assert_eq!(of(&report, "crm-quiet")["volume"]["sessions_a_day"], json!(null), "that none was logged is no count");
}

#[test]
fn the_table_shows_a_little_as_a_little_and_what_nobody_knows_as_unknown() {
    let table = kept(&samples().join("fleet"), "table").out;
    let row = |name: &str| table.lines().find(|line| line.starts_with(name)).expect("a row").to_owned();
    assert!(row("kiosk").contains(" kB"), "{table}");
    assert!(row("crm-quiet").contains("unknown"), "{table}");
    assert!(row("loyalty-1").contains("statements"), "{table}");
}

#[test]
fn what_is_never_a_file_has_to_be_exported() {
    let mut fleet = small_fleet();
    fleet.instance("stock").log_exports.clear();
    let report = live(&FakeAws::start(fleet), &["--instance", "stock"]).json();
    let found = of(&report, "stock");
    assert_eq!(
        (&found["answer"], &found["export"], &found["restart"]),
        (&json!("switch-on"), &json!("listener"), &json!(false))
    );
    assert_eq!(
        lines(&found["commands"]),
        ["modify-db-instance --db-instance-identifier stock --cloudwatch-logs-export-configuration \
          {\"EnableLogTypes\":[\"listener\"]}"]
    );
}

#[test]
fn a_cluster_is_changed_in_its_own_group_for_all_its_members() {
    let mut fleet = small_fleet();
    fleet.clusters.iter_mut().find(|cluster| cluster.id == "loyalty").expect("a cluster").parameter_group =
        "default.aurora-mysql8.0".to_owned();
    let mut own =
        fleet.parameter_groups.iter().find(|group| group.name == "aurora-mysql8-audited").expect("a group").clone();
    own.name = "default.aurora-mysql8.0".to_owned();
    fleet.parameter_groups.push(own);
    let mut reader = fleet.instance("loyalty-1").clone();
    reader.id = "loyalty-2".to_owned();
    fleet.instances.push(reader);
    let cluster = fleet.clusters.iter_mut().find(|cluster| cluster.id == "loyalty").expect("a cluster");
    cluster.members.push("loyalty-2".to_owned());
    let report = live(&FakeAws::start(fleet), &["--instance", "loyalty-1", "--instance", "loyalty-2"]).json();
    let commands = lines(&of(&report, "loyalty-1")["commands"]);
    let group = "--db-cluster-parameter-group-name loyalty-ssl-usage";
    assert!(commands[0].starts_with(&format!("create-db-cluster-parameter-group {group}")), "{commands:?}");
    assert!(commands[0].ends_with("--db-parameter-group-family aurora-mysql8.0"), "{commands:?}");
    assert_eq!(commands[1], format!("modify-db-cluster --db-cluster-identifier loyalty {group}"));
    assert_eq!(commands[2], "wait db-cluster-available --db-cluster-identifier loyalty");
    assert!(commands[3].starts_with(&format!("modify-db-cluster-parameter-group {group} ")), "{commands:?}");
    assert_eq!(commands.len(), 4, "{commands:?}");
    let undo = lines(&of(&report, "loyalty-1")["undo"]);
    assert_eq!(undo.last().expect("a command"), &format!("delete-db-cluster-parameter-group {group}"));
    // Its group is created once, and deleted once.
    let other = of(&report, "loyalty-2");
    assert_eq!((&other["answer"], &other["commands"], &other["undo"]), (&json!("switch-on"), &json!([]), &json!([])));
    assert!(other["notes"].to_string().contains("printed once, with loyalty-1."), "{other:#}");
}

#[test]
fn whoever_shares_a_group_is_named() {
    let mut fleet = small_fleet();
    fleet.instance("warehouse-gap").parameter_group = "pg16-quiet".to_owned();
    let report = live(&FakeAws::start(fleet), &[]).json();
    let notes = of(&report, "crm-quiet")["notes"].to_string();
    assert!(notes.contains("share the group: warehouse-gap.\""), "{notes}");
}

#[test]
fn a_list_keeps_what_else_is_in_it() {
    let mut fleet = small_fleet();
    let group = fleet.parameter_groups.iter_mut().find(|group| group.name == "pg16-quiet").expect("a group");
    let list = group.parameters.iter_mut().find(|parameter| parameter.name == "log_connections").expect("a parameter");
    list.value = Some("receipt,setup_durations".to_owned());
    let report = live(&FakeAws::start(fleet), &["--instance", "crm-quiet"]).json();
    let found = of(&report, "crm-quiet");
    let (set, undo) = (lines(&found["commands"]), lines(&found["undo"]));
    assert!(set[0].contains("ParameterValue=\"receipt,setup_durations,authorization\","), "{set:?}");
    assert!(undo[0].contains("ParameterValue=\"receipt,setup_durations\","), "{undo:?}");
}

#[test]
fn a_setting_that_could_not_be_asked_is_unknown_and_not_off() {
    let aws = FakeAws::start(small_fleet());
    aws.fault(Fault::new(FaultKind::AccessDenied).on("DescribeDBParameters").at(Calls::Every));
    let run = live(&aws, &["--instance", "crm-quiet"]);
    assert_eq!(run.status, 3, "{run:?}");
    let report = run.json();
    let found = of(&report, "crm-quiet");
    assert_eq!((&found["answer"], &found["commands"]), (&json!("unknown"), &json!([])));
    assert!(found["why"].as_str().expect("a text").contains("rds:DescribeDBParameters"), "{found:#}");
}

#[test]
fn a_switch_that_decides_and_could_not_be_asked_is_unknown() {
    let aws = FakeAws::start(small_fleet());
    aws.fault(Fault::new(FaultKind::AccessDenied).on("DescribeDBClusterParameters").at(Calls::Every));
    let run = live(&aws, &["--instance", "carts-1"]);
    assert_eq!(run.status, 3, "{run:?}");
    let report = run.json();
    let found = of(&report, "carts-1");
    assert_eq!(found["answer"], "unknown", "{found:#}");
    assert!(found["why"].as_str().expect("a text").contains("rds:DescribeDBClusterParameters"), "{found:#}");
}

#[test]
fn what_is_set_and_waits_for_a_restart_is_not_ready() {
    let mut fleet = small_fleet();
    let group = fleet.parameter_groups.iter_mut().find(|group| group.name == "pg16-quiet").expect("a group");
    let parameter = group.parameters.iter_mut().find(|known| known.name == "log_connections").expect("a parameter");
    (parameter.value, parameter.apply_method) = (Some("1".to_owned()), "pending-reboot".to_owned());
    fleet.instance("crm-quiet").parameter_status = "pending-reboot".to_owned();
    let report = live(&FakeAws::start(fleet), &["--instance", "crm-quiet"]).json();
    let found = of(&report, "crm-quiet");
    assert_eq!(
        (&found["answer"], &found["changes"], &found["restart"]),
        (&json!("switch-on"), &json!([]), &json!(true))
    );
    assert_eq!(
        lines(&found["commands"]).last().expect("a command"),
        "reboot-db-instance --db-instance-identifier crm-quiet"
    );
}

#[test]
fn what_is_printed_runs_as_it_is_meant_whatever_the_names() {
    let hostile = r#"x'; echo pwned >&2; "$(echo pwned >&2)" `id` \ * #"#;
    let bundle = TempDir::new().expect("a folder");
    fs::create_dir_all(bundle.path().join("fleet")).expect("a folder");
    fs::create_dir_all(bundle.path().join("parts")).expect("a folder");
    fs::copy(samples().join("fleet/bundle.json"), bundle.path().join("bundle.json")).expect("a copy");
    let entry = samples().join("fleet/fleet").read_dir().expect("a folder").next().expect("a fleet").expect("an entry");
    let mut fleet: Value = serde_json::from_slice(&fs::read(entry.path()).expect("a file")).expect("JSON");
    for instance in fleet["instances"].as_array_mut().expect("instances") {
        if instance["instance"] == "crm-quiet" {
            instance["instance"] = json!(hostile);
            instance["parameters"]["log_connections"]["group"] = json!(hostile);
        }
    }
    fs::write(bundle.path().join("fleet").join(entry.file_name()), fleet.to_string()).expect("a file");
    record(bundle.path());
    let report = kept(bundle.path(), "json").json();
    let expected: Vec<String> = of(&report, hostile)["commands"][0]
        .as_array()
        .expect("words")
        .iter()
        .map(|word| word.as_str().expect("a word").to_owned())
        .collect();
    assert!(expected.iter().any(|word| word == hostile));
    let table = kept(bundle.path(), "table").out;
    let line = table.lines().find(|line| line.contains("modify-db-parameter-group")).expect("a command");
    let script = format!("aws() {{ printf '%s\\0' aws \"$@\"; }}; {line}");
    let output = Command::new("sh").arg("-c").arg(script).output().expect("a shell");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    let words = String::from_utf8(output.stdout).expect("UTF-8");
    assert_eq!(words.split_terminator('\0').collect::<Vec<_>>(), expected);
}

#[test]
fn programs_get_a_whole_document_whatever_happens() {
    let run = kept(Path::new("nowhere"), "json");
    assert_eq!((run.status, &run.json()["instances"]), (1, &json!([])), "{run:?}");
    assert_eq!(run.json()["errors"][0]["code"], "not-found");
}

/// A reboot would also activate the certificate that waits for it.
#[test]
fn no_command_reboots_over_a_staged_certificate() {
    let commands = |staged: bool| {
        let mut fleet = small_fleet();
        let quiet = fleet.instance("crm-quiet");
        quiet.parameter_status = "pending-reboot".to_owned();
        quiet.pending_ca = staged.then(|| "rds-ca-ecc384-g1".to_owned());
        for group in fleet.parameter_groups.iter_mut().filter(|group| group.name == "pg16-quiet") {
            group.parameters.iter_mut().for_each(|parameter| {
                if parameter.name == "log_connections" {
                    parameter.value = Some("1".to_owned());
                }
            });
        }
        let report = live(&FakeAws::start(fleet), &["--instance", "crm-quiet"]).json();
        let found = of(&report, "crm-quiet");
        (found["commands"].to_string(), found["notes"].to_string())
    };
    assert!(commands(false).0.contains("reboot-db-instance"), "{}", commands(false).0);
    let (staged, notes) = commands(true);
    assert!(!staged.contains("reboot-db-instance") && notes.contains("staged certificate"), "{staged} {notes}");
}
