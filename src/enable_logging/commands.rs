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
    delete: &'static str,
}

const INSTANCE: Verbs = Verbs {
    create: "create-db-parameter-group",
    group: "--db-parameter-group-name",
    family: "--db-parameter-group-family",
    describe: "--description",
    modify: "modify-db-parameter-group",
    reset: "reset-db-parameter-group",
    delete: "delete-db-parameter-group",
};

const CLUSTER: Verbs = Verbs {
    create: "create-db-cluster-parameter-group",
    group: "--db-cluster-parameter-group-name",
    modify: "modify-db-cluster-parameter-group",
    reset: "reset-db-cluster-parameter-group",
    delete: "delete-db-cluster-parameter-group",
    ..INSTANCE
};

const OPTIONS: Verbs = Verbs {
    create: "create-option-group",
    group: "--option-group-name",
    family: "--engine-name",
    describe: "--option-group-description",
    modify: "add-option-to-option-group",
    reset: "remove-option-from-option-group",
    delete: "delete-option-group",
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

    /// The instance, or a cluster, as words of a command.
    fn subject<'w>(&'w self, cluster: Option<&'w str>, of_instance: &'w str, of_cluster: &'w str) -> [&'w str; 3] {
        match cluster {
            Some(cluster) => [of_cluster, "--db-cluster-identifier", cluster],
            None => [of_instance, "--db-instance-identifier", &self.0.instance],
        }
    }

    /// Modifies the instance, or its cluster. Log exports and parameter groups are applied at once, whatever else is
    /// pending; an option group is applied in the maintenance window, which applies nothing else before its time.
    ///
    /// Source: the settings in "Modifying an Amazon RDS DB instance" in the RDS user guide.
    fn modify(&self, cluster: Option<&str>, words: &[&str]) -> Vec<String> {
        self.call(&[&self.subject(cluster, "modify-db-instance", "modify-db-cluster")[..], words].concat())
    }

    fn wait(&self, cluster: Option<&str>) -> Vec<String> {
        let subject = self.subject(cluster, "db-instance-available", "db-cluster-available");
        self.call(&[&["wait"], &subject[..]].concat())
    }

    /// Reboots the instance. A Multi-AZ DB cluster is rebooted as a whole.
    fn reboot(&self) -> Vec<String> {
        self.call(&self.subject(self.0.multi_az_cluster(), "reboot-db-instance", "reboot-db-cluster"))
    }
}

/// When a change of an option group is applied to its instances: adding the audit plugin may interrupt them, and removing it
/// restarts them.
///
/// Source: "MariaDB Audit Plugin support for MySQL" in the RDS user guide.
const IN_WINDOW: &str = "--no-apply-immediately";

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
        let (set, unset) = match &first.new_group {
            Some(new) => in_new_group(&aws, first, new, changes),
            None => {
                (vec![set(&aws, first.level, &first.group, changes)], unset(&aws, first.level, &first.group, changes))
            }
        };
        todo.extend(set);
        undo.extend(unset);
    }
    if let Some(Export { log_type, cluster }) = export {
        let switch = |key: &str| {
            let setting = json!({key: [log_type]}).to_string();
            aws.modify(cluster.as_deref(), &["--cloudwatch-logs-export-configuration", &setting])
        };
        todo.push(switch("EnableLogTypes"));
        undo.push(switch("DisableLogTypes"));
    }
    if restart {
        todo.push(aws.wait(profile.multi_az_cluster()));
        todo.push(aws.reboot());
    }
    if needs.changes.iter().any(|change| change.is_static) {
        undo.push(aws.wait(profile.multi_az_cluster()));
        undo.push(aws.reboot());
    }
    (todo, undo)
}

/// Commands that make a group, attach it and change it, and those that undo that.
///
/// A parameter group is attached before its parameters change: then dynamic ones are applied without a reboot. To undo that,
/// they are reset while the group is still attached.
///
/// Sources: "Associating a DB parameter group with a DB instance" and "Working with option groups" in the RDS user guide.
fn in_new_group(aws: &Aws<'_>, first: &Change, new: &str, changes: &[Change]) -> (Vec<Vec<String>>, Vec<Vec<String>>) {
    let (level, verbs) = (first.level, verbs(first.level));
    let create = create(aws, first, new);
    let delete = aws.call(&[verbs.delete, verbs.group, new]);
    if level == Level::Option {
        let attach = |group: &str| aws.modify(None, &[verbs.group, group, IN_WINDOW]);
        // No instance has the group yet.
        let mut add = set(aws, level, new, changes);
        add.retain(|word| word != IN_WINDOW);
        return (vec![create, add, attach(new)], vec![attach(&first.group), delete]);
    }
    let cluster = aws.0.cluster.as_deref().filter(|_| level == Level::Cluster);
    let attach = |group: &str| aws.modify(cluster, &[verbs.group, group]);
    let todo = vec![create, attach(new), aws.wait(cluster), set(aws, level, new, changes)];
    let mut undo = unset(aws, level, new, changes);
    undo.extend([attach(&first.group), aws.wait(cluster), delete]);
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
        return aws.call(&[verbs.modify, verbs.group, group, "--options", &options, IN_WINDOW]);
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

/// Gives what had a value that value again, and resets the rest.
fn unset(aws: &Aws<'_>, level: Level, group: &str, changes: &[Change]) -> Vec<Vec<String>> {
    let verbs = verbs(level);
    if level == Level::Option {
        // Without the option, its settings are gone too.
        let added = changes.iter().find(|change| setting_of(change).is_none());
        if let Some(added) = added {
            let option = option_of(added);
            return vec![aws.call(&[verbs.reset, verbs.group, group, "--options", option, IN_WINDOW])];
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
