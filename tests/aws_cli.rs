//! Every command that the tool can print, for all that decides it, is one that the AWS CLI accepts.
//!
//! `COMMANDS` holds what is used of the CLI. `peers/commands.rs` compares it with the CLI itself, which also runs the commands.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::command::{Run, ssl_usage};
use crate::fleet::WINDOW;
use crate::plan::changed_fleet;
use crate::sealing::reseal;

/// A subcommand, the options that it requires, and the others that are used.
///
/// Source: the model `rds/2014-10-31/service-2.json` of botocore 1.43, and `awscli/customizations/rds.py`.
pub const COMMANDS: &[(&str, &[&str], &[&str])] = &[
    ("add-option-to-option-group", &["option-group-name"], &["no-apply-immediately", "options"]),
    ("apply-pending-maintenance-action", &["apply-action", "opt-in-type", "resource-identifier"], &[]),
    (
        "create-db-cluster-parameter-group",
        &["db-cluster-parameter-group-name", "db-parameter-group-family", "description"],
        &[],
    ),
    ("create-db-parameter-group", &["db-parameter-group-family", "db-parameter-group-name", "description"], &[]),
    (
        "create-option-group",
        &["engine-name", "major-engine-version", "option-group-description", "option-group-name"],
        &[],
    ),
    ("delete-db-cluster-parameter-group", &["db-cluster-parameter-group-name"], &[]),
    ("delete-db-parameter-group", &["db-parameter-group-name"], &[]),
    ("delete-option-group", &["option-group-name"], &[]),
    ("describe-db-clusters", &[], &["db-cluster-identifier", "output", "query"]),
    ("describe-db-instances", &[], &["db-instance-identifier", "output", "query"]),
    (
        "modify-db-cluster",
        &["db-cluster-identifier"],
        &[
            "apply-immediately",
            "ca-certificate-identifier",
            "cloudwatch-logs-export-configuration",
            "db-cluster-parameter-group-name",
            "no-apply-immediately",
        ],
    ),
    ("modify-db-cluster-parameter-group", &["db-cluster-parameter-group-name", "parameters"], &[]),
    (
        "modify-db-instance",
        &["db-instance-identifier"],
        &[
            "apply-immediately",
            "ca-certificate-identifier",
            "cloudwatch-logs-export-configuration",
            "db-parameter-group-name",
            "no-apply-immediately",
            "no-certificate-rotation-restart",
            "option-group-name",
        ],
    ),
    ("modify-db-parameter-group", &["db-parameter-group-name", "parameters"], &[]),
    ("reboot-db-cluster", &["db-cluster-identifier"], &[]),
    ("reboot-db-instance", &["db-instance-identifier"], &[]),
    ("remove-option-from-option-group", &["option-group-name"], &["no-apply-immediately", "options"]),
    ("reset-db-cluster-parameter-group", &["db-cluster-parameter-group-name"], &["parameters"]),
    ("reset-db-parameter-group", &["db-parameter-group-name"], &["parameters"]),
    ("wait db-cluster-available", &[], &["db-cluster-identifier"]),
    ("wait db-instance-available", &[], &["db-instance-identifier"]),
];

/// Options of the CLI itself, which every subcommand takes.
pub const GLOBAL: &[&str] = &["output", "query"];

/// Options without a value.
const FLAGS: &[&str] = &["apply-immediately", "no-apply-immediately", "no-certificate-rotation-restart"];

/// What is changed of an instance of the small fleet: one choice of each row.
const CHOICES: &[&[fn(&mut Value)]] = &[
    // The certificate.
    &[
        |_| {},
        |instance| retire(instance, "2027-02-10T10:00:00Z"),
        |instance| retire(instance, "2026-11-23T12:00:00Z"),
        |instance| retire(instance, "2026-11-20T00:00:00Z"),
        |instance| {
            let (action, at) = ("server-certificate-rotation", "2027-01-01T00:00:00Z");
            instance["certificate"]["valid_till"] = "2027-01-30T10:00:00Z".into();
            instance["pending"] =
                json!([{"action": action, "auto_applied_after": at, "forced_apply": at, "current_apply": at}]);
        },
        |instance| {
            let (action, at) = ("ca-certificate-rotation", "2026-11-23T12:00:00Z");
            instance["certificate"]["valid_till"] = "2026-11-23T12:00:00Z".into();
            instance["pending"] =
                json!([{"action": action, "auto_applied_after": at, "forced_apply": at, "current_apply": at}]);
        },
        |instance| {
            retire(instance, "2026-11-23T12:00:00Z");
            instance["certificate"]["pending_ca"] = "rds-ca-ecc384-g1".into();
        },
    ],
    &[|_| {}, |instance| instance["certificate"]["rotates_without_restart"] = true.into()],
    // The cluster.
    &[
        |_| {},
        |instance| instance["cluster"] = format!("cluster-{}", instance["instance"].as_str().expect("a name")).into(),
    ],
    &[|_| {}, |instance| instance["pending_changes"] = json!(["DBInstanceClass"])],
    // The groups.
    &[
        |_| {},
        |instance| set_groups(instance, false, |group| group.to_owned()),
        |instance| set_groups(instance, false, aws_own),
        |instance| set_groups(instance, true, aws_own),
    ],
    // An attestation makes those deferrable that are inconclusive.
    &[|instance| rename(instance, "-required"), |instance| rename(instance, "-deferrable")],
];

fn retire(instance: &mut Value, end: &str) {
    instance["certificate"]["ca"] = "rds-ca-2019".into();
    instance["certificate"]["valid_till"] = end.into();
    instance["certificate"]["ca_valid_till"] = end.into();
    instance["certificate"]["target_ca"] = "rds-ca-rsa2048-g1".into();
}

fn rename(instance: &mut Value, end: &str) {
    instance["instance"] = format!("{}{end}", instance["instance"].as_str().expect("a name")).into();
}

fn aws_own(group: &str) -> String {
    if group.starts_with("mysql-") { "default:mysql-8-0".to_owned() } else { "default.family1".to_owned() }
}

/// Turns logging off, in groups of these names.
fn set_groups(instance: &mut Value, is_static: bool, group: impl Fn(&str) -> String) {
    let parameters = instance["parameters"].as_object_mut().expect("parameters");
    parameters.retain(|name, _| !name.contains("SERVER_AUDIT_EVENTS"));
    for (name, parameter) in parameters {
        parameter["group"] = group(parameter["group"].as_str().expect("a name")).into();
        parameter["is_static"] = is_static.into();
        let off = match name.as_str() {
            "option MARIADB_AUDIT_PLUGIN" => "off".into(),
            // Too short for files: the log has to be exported.
            "rds.log_retention_period" => "60".into(),
            _ => Value::Null,
        };
        if !["ssl", "tls", "DB2COMM", "option SSL"].contains(&name.as_str()) {
            parameter["value"] = off;
        }
    }
    instance["log_exports"] = json!([]);
}

/// The small fleet's instances with every combination of changes, and an attestation for some of them.
fn every_combination(home: &Path) -> (std::path::PathBuf, std::path::PathBuf) {
    let bundle = changed_fleet(home, "every", |_, _| {});
    let inventory = bundle.join("fleet").read_dir().expect("a bundle").next().expect("a file").expect("a file").path();
    let mut fleet: Value = serde_json::from_slice(&fs::read(&inventory).expect("a file")).expect("JSON");
    // One instance of each engine.
    let mut engines = BTreeSet::new();
    let mut all = fleet["instances"].as_array().expect("instances").clone();
    all.retain(|instance| engines.insert(instance["engine"].clone().to_string()));
    all.iter_mut().for_each(|instance| instance["maintenance_window"] = "sun:05:00-sun:06:00".into());
    for choices in CHOICES {
        let change = |(number, choice): (usize, &fn(&mut Value)), instance: &Value| {
            let mut instance = instance.clone();
            rename(&mut instance, &number.to_string());
            choice(&mut instance);
            instance
        };
        let changed = |instance: Value| {
            choices.iter().enumerate().map(move |choice| change(choice, &instance)).collect::<Vec<_>>()
        };
        all = all.into_iter().flat_map(changed).collect();
    }
    for instance in &mut all {
        let name = instance["instance"].as_str().expect("a name");
        instance["arn"] = format!("arn:aws:rds:eu-west-1:123456789012:db:{name}").into();
    }
    // Those with evidence stay as they are.
    fleet["instances"].as_array_mut().expect("instances").extend(all);
    fs::write(&inventory, fleet.to_string()).expect("a file");
    reseal(&bundle);
    let policy = home.join("policy.toml");
    let names = fleet["instances"].as_array().expect("instances").iter().filter_map(|one| one["instance"].as_str());
    let attestation: String = names
        .filter(|name| name.ends_with("-deferrable"))
        .map(|name| {
            format!(
                "[[attestation]]\ninstance = '{name}'\nstates = 'no-tls'\nby = 'Jane'\nreason = 'asked'\n\
                 on = 2026-11-02\nexpires = 2027-05-01\n"
            )
        })
        .collect();
    fs::write(&policy, attestation).expect("a file");
    (bundle, policy)
}

/// Every command that `plan` and `preflight` print for every combination, once.
pub fn printed() -> BTreeSet<Vec<String>> {
    fn collect(value: &Value, found: &mut BTreeSet<Vec<String>>) {
        let words = |list: &Vec<Value>| -> Option<Vec<String>> {
            list.iter().map(|word| word.as_str().map(str::to_owned)).collect()
        };
        match value {
            Value::Array(list) if list.first().is_some_and(|first| first == "aws") => found.extend(words(list)),
            Value::Array(list) => list.iter().for_each(|value| collect(value, found)),
            Value::Object(fields) => fields.values().for_each(|value| collect(value, found)),
            _ => {}
        }
    }
    let home = TempDir::new().expect("a folder");
    let (bundle, policy) = every_combination(home.path());
    let mut found = BTreeSet::new();
    for command in ["plan", "preflight"] {
        let run = Run::of(
            ssl_usage(home.path())
                .args([command, "--format", "json", "--from"])
                .arg(&bundle)
                .arg("--policy")
                .arg(&policy)
                .args(WINDOW),
        );
        assert_eq!(run.status, 0, "{}", run.err);
        collect(&run.json(), &mut found);
    }
    found
}

/// One of each shape of commands: they differ in more than the names of instances, clusters and groups.
pub fn shapes(printed: BTreeSet<Vec<String>>) -> Vec<Vec<String>> {
    let is_name = |option: &str| {
        option.ends_with("-identifier") && !option.contains("certificate") || option.ends_with("-group-name")
    };
    let shape = |words: &[String]| -> Vec<String> {
        let before = std::iter::once("").chain(words.iter().map(String::as_str));
        words
            .iter()
            .zip(before)
            .map(|(word, before)| if is_name(before) { String::new() } else { word.clone() })
            .collect()
    };
    let shapes: BTreeMap<_, _> = printed.into_iter().map(|words| (shape(&words), words)).collect();
    shapes.into_values().collect()
}

/// The subcommand of a command, and its options.
fn parsed(words: &[String]) -> (String, Vec<&str>) {
    let [program, region, _, service, rest @ ..] = words else { panic!("{words:?}") };
    assert_eq!((program.as_str(), region.as_str(), service.as_str()), ("aws", "--region", "rds"), "{words:?}");
    let names = rest.iter().take_while(|word| !word.starts_with("--")).count();
    let mut options: Vec<&str> = Vec::new();
    let mut values = 1;
    for word in &rest[names..] {
        match word.strip_prefix("--") {
            Some(option) => {
                assert!(values > 0, "{words:?}");
                options.push(option);
                values = usize::from(FLAGS.contains(&option));
            }
            None => {
                let flag = options.last().is_some_and(|option| FLAGS.contains(option));
                assert!(!flag && !word.is_empty(), "{words:?}");
                values += 1;
            }
        }
    }
    assert!(values > 0, "{words:?}");
    (rest[..names].join(" "), options)
}

#[test]
fn every_printed_command_is_one_that_the_aws_cli_accepts() {
    let printed = printed();
    let mut seen: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for words in &printed {
        let (name, options) = parsed(words);
        let (_, required, used) =
            COMMANDS.iter().find(|(known, ..)| *known == name).unwrap_or_else(|| panic!("{name}"));
        let missing: Vec<_> = required.iter().filter(|option| !options.contains(option)).collect();
        let unknown: Vec<_> =
            options.iter().filter(|option| !required.contains(option) && !used.contains(option)).collect();
        let unique: BTreeSet<_> = options.iter().collect();
        assert!(missing.is_empty() && unknown.is_empty(), "{words:?}: {missing:?} {unknown:?}");
        assert_eq!(unique.len(), options.len(), "{words:?}");
        // A log export or a parameter group needs no flag: with it, AWS applies what else is pending.
        let immediate = options.contains(&"apply-immediately");
        assert!(!immediate || options.contains(&"ca-certificate-identifier"), "{words:?}");
        seen.entry(name).or_default().extend(options);
    }
    // The table holds nothing that is not printed.
    let due: BTreeMap<String, BTreeSet<&str>> = COMMANDS
        .iter()
        .map(|(name, required, used)| ((*name).to_owned(), required.iter().chain(*used).copied().collect()))
        .collect();
    assert_eq!(seen, due);
    assert!(printed.len() > 500, "{}", printed.len());
}
