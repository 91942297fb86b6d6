//! Argument vectors of the AWS CLI that enable a log, and those that undo it.

use serde_json::json;
use ssl_usage_parsers::OPTION;

use super::{Change, Needs};
use crate::inventory::{InstanceProfile, Level};

/// An export to CloudWatch Logs to enable.
#[derive(Debug)]
pub struct Export {
    /// Which log type.
    pub log_type: &'static str,
    /// The cluster that decides that for its members.
    pub cluster: Option<String>,
}

/// What of the commands differs between the kinds of groups.
struct Verbs {
    create: &'static str,
    group: &'static str,
    family: &'static str,
    describe: &'static str,
    modify: &'static str,
    reset: &'static str,
}

const INSTANCE: Verbs = Verbs {
    create: "create-db-parameter-group",
    group: "--db-parameter-group-name",
    family: "--db-parameter-group-family",
    describe: "--description",
    modify: "modify-db-parameter-group",
    reset: "reset-db-parameter-group",
};

const CLUSTER: Verbs = Verbs {
    create: "create-db-cluster-parameter-group",
    group: "--db-cluster-parameter-group-name",
    modify: "modify-db-cluster-parameter-group",
    reset: "reset-db-cluster-parameter-group",
    ..INSTANCE
};

const OPTIONS: Verbs = Verbs {
    create: "create-option-group",
    group: "--option-group-name",
    family: "--engine-name",
    describe: "--option-group-description",
    modify: "add-option-to-option-group",
    reset: "remove-option-from-option-group",
};

fn verbs(level: Level) -> &'static Verbs {
    match level {
        Level::Instance => &INSTANCE,
        Level::Cluster => &CLUSTER,
        Level::Option => &OPTIONS,
    }
}

/// An argument vector for the instance's region.
struct Aws<'p>(&'p InstanceProfile);

impl Aws<'_> {
    fn call(&self, words: &[&str]) -> Vec<String> {
        ["aws", "--region", &self.0.region, "rds"].iter().chain(words).map(|word| (*word).to_owned()).collect()
    }

    /// Modifies the instance, or its cluster.
    fn modify(&self, cluster: Option<&str>, words: &[&str]) -> Vec<String> {
        let of = match cluster {
            Some(cluster) => ["modify-db-cluster", "--db-cluster-identifier", cluster],
            None => ["modify-db-instance", "--db-instance-identifier", &self.0.instance],
        };
        self.call(&[&of[..], words, &["--apply-immediately"]].concat())
    }
}

/// The commands in the order in which to run them, and those that undo them.
pub fn commands(
    profile: &InstanceProfile,
    needs: &Needs,
    export: Option<&Export>,
    restart: bool,
) -> (Vec<Vec<String>>, Vec<Vec<String>>) {
    let aws = Aws(profile);
    let (mut todo, mut undo) = (Vec::new(), Vec::new());
    for changes in needs.changes.chunk_by(|one, other| (one.level, &one.group) == (other.level, &other.group)) {
        let Some(first) = changes.first() else { continue };
        let group = first.new_group.as_deref().unwrap_or(&first.group);
        if first.new_group.is_some() {
            todo.push(create(&aws, first, group));
        }
        todo.push(set(&aws, first.level, group, changes));
        if first.new_group.is_some() {
            let cluster = profile.cluster.as_deref().filter(|_| first.level == Level::Cluster);
            todo.push(aws.modify(cluster, &[verbs(first.level).group, group]));
        }
        undo.extend(unset(&aws, first.level, group, changes));
    }
    if let Some(Export { log_type, cluster }) = export {
        let switch = |key: &str| {
            let setting = json!({key: [log_type]}).to_string();
            aws.modify(cluster.as_deref(), &["--cloudwatch-logs-export-configuration", &setting])
        };
        todo.push(switch("EnableLogTypes"));
        undo.push(switch("DisableLogTypes"));
    }
    let instance = ["--db-instance-identifier", &profile.instance];
    if restart {
        todo.push(aws.call(&[&["wait", "db-instance-available"], &instance[..]].concat()));
        todo.push(aws.call(&[&["reboot-db-instance"], &instance[..]].concat()));
    }
    if needs.changes.iter().any(|change| change.is_static) {
        undo.push(aws.call(&[&["reboot-db-instance"], &instance[..]].concat()));
    }
    (todo, undo)
}

/// Makes a group, of the family that the name of AWS's own tells: `default.postgres16`, `default:mysql-8-0`.
fn create(aws: &Aws<'_>, change: &Change, group: &str) -> Vec<String> {
    let verbs = verbs(change.level);
    let family = change.group.get("default.".len()..).unwrap_or_default();
    let about = "Sessions are logged, to see whether they use TLS";
    let words = [verbs.create, verbs.group, group, verbs.describe, about, verbs.family];
    if change.level != Level::Option {
        return aws.call(&[&words[..], &[family]].concat());
    }
    let engine = &aws.0.engine;
    let version = family.strip_prefix(engine.as_str()).unwrap_or(family).trim_start_matches('-').replace('-', ".");
    aws.call(&[&words[..], &[engine, "--major-engine-version", &version]].concat())
}

fn set(aws: &Aws<'_>, level: Level, group: &str, changes: &[Change]) -> Vec<String> {
    let to: Vec<_> = changes.iter().map(|change| (change, change.to.as_str())).collect();
    apply(aws, level, group, &to)
}

fn apply(aws: &Aws<'_>, level: Level, group: &str, to: &[(&Change, &str)]) -> Vec<String> {
    let verbs = verbs(level);
    if level == Level::Option {
        let option = to.first().map_or("", |(change, _)| option_of(change));
        let settings: Vec<_> = to
            .iter()
            .filter_map(|(change, value)| Some(json!({"Name": setting_of(change)?, "Value": value})))
            .collect();
        let options = json!([{"OptionName": option, "OptionSettings": settings}]).to_string();
        return aws.call(&[verbs.modify, verbs.group, group, "--options", &options, "--apply-immediately"]);
    }
    let parameters = to.iter().map(|(change, value)| {
        let value = shorthand(value);
        format!("ParameterName={},ParameterValue={value},ApplyMethod={}", change.parameter, method(change))
    });
    let parameters: Vec<String> = parameters.collect();
    let mut words = vec![verbs.modify, verbs.group, group, "--parameters"];
    words.extend(parameters.iter().map(String::as_str));
    aws.call(&words)
}

/// Gives what had a value that value again, and resets the rest. A group that was made for this stays, for another one would
/// take a restart.
fn unset(aws: &Aws<'_>, level: Level, group: &str, changes: &[Change]) -> Vec<Vec<String>> {
    let verbs = verbs(level);
    if level == Level::Option {
        // Without the option, its settings are gone too.
        let added = changes.iter().find(|change| setting_of(change).is_none());
        if let Some(added) = added {
            let option = option_of(added);
            return vec![aws.call(&[verbs.reset, verbs.group, group, "--options", option, "--apply-immediately"])];
        }
    }
    let before = |change: &Change| change.from.clone().filter(|_| change.new_group.is_none());
    let had: Vec<_> = changes.iter().filter_map(|change| Some((change, before(change)?))).collect();
    let had: Vec<_> = had.iter().map(|(change, value)| (*change, value.as_str())).collect();
    let reset: Vec<String> = changes
        .iter()
        .filter(|change| before(change).is_none() && level != Level::Option)
        .map(|change| format!("ParameterName={},ApplyMethod={}", change.parameter, method(change)))
        .collect();
    let mut commands = Vec::new();
    if !had.is_empty() {
        commands.push(apply(aws, level, group, &had));
    }
    if !reset.is_empty() {
        let mut words = vec![verbs.reset, verbs.group, group, "--parameters"];
        words.extend(reset.iter().map(String::as_str));
        commands.push(aws.call(&words));
    }
    commands
}

fn method(change: &Change) -> &'static str {
    if change.is_static { "pending-reboot" } else { "immediate" }
}

/// A value in the CLI's shorthand: in double quotes where a comma or the like would end it.
///
/// Source: "Using shorthand syntax with the AWS CLI" in the AWS CLI user guide.
fn shorthand(value: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/%".contains(&byte);
    if !value.is_empty() && value.bytes().all(plain) {
        return value.to_owned();
    }
    format!("\"{}\"", value.replace('\\', r"\\").replace('"', "\\\""))
}

/// `MARIADB_AUDIT_PLUGIN` of `option MARIADB_AUDIT_PLUGIN SERVER_AUDIT_EVENTS`.
fn option_of(change: &Change) -> &'static str {
    let name = change.parameter.strip_prefix(OPTION).unwrap_or(change.parameter);
    name.split(' ').next().unwrap_or(name)
}

/// `SERVER_AUDIT_EVENTS` of it; none of the option itself.
fn setting_of(change: &Change) -> Option<&'static str> {
    change.parameter.strip_prefix(OPTION)?.split_once(' ').map(|(_, setting)| setting)
}
