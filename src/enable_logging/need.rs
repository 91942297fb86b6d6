//! The settings that a log needs.

use serde::Serialize;
use ssl_usage_parsers::{LogSwitch, Logs, OPTION, setting};

use crate::inventory::{InstanceProfile, Level, Parameter};

/// A setting that has to be changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The parameter, or the [`option`](OPTION).
    pub parameter: &'static str,
    /// The value that it has; none where its group gives none.
    pub from: Option<String>,
    /// The value that it needs.
    pub to: String,
    /// Whether a change takes effect at a restart only.
    #[serde(rename = "static")]
    pub is_static: bool,
    /// Which kind of group it is set in.
    pub level: Level,
    /// The group that the instance has.
    pub group: String,
    /// The group to create first, where the instance has one of AWS's own, which cannot be changed.
    pub new_group: Option<String>,
    /// Where this is documented.
    pub source: &'static str,
}

impl Change {
    /// Whether it adds an option to a group, and not only changes a setting of the option.
    pub fn adds_option(&self) -> bool {
        self.parameter.strip_prefix(OPTION).is_some_and(|option| !option.contains(' '))
    }
}

/// The settings that a log still needs.
#[derive(Debug, Default)]
pub struct Needs {
    /// Settings to change.
    pub changes: Vec<Change>,
    /// Settings that are set but not in effect yet.
    pub pending: Vec<&'static str>,
    /// Settings whose value or group is unknown.
    pub unknown: Vec<&'static str>,
}

impl Needs {
    /// What a kind of log needs on an instance.
    pub(super) fn of(profile: &InstanceProfile, logs: &Logs) -> Self {
        let mut needs = Self::default();
        let asked = profile.unanswered().is_empty();
        for switch in logs.switches {
            let known = profile.parameters.get(switch.parameter);
            match known {
                Some(parameter) if switch.is_on(parameter.value.as_deref()) => {
                    if !parameter.in_effect {
                        needs.pending.push(switch.parameter);
                    }
                }
                None if !asked => needs.unknown.push(switch.parameter),
                // A group that does not name it is no proof of its default.
                _ => match change(profile, switch) {
                    Some(change) => needs.changes.push(change),
                    None => needs.unknown.push(switch.parameter),
                },
            }
        }
        // What only adds to the log is worth no change of its own.
        if !needs.changes.is_empty() {
            let off = |switch: &&LogSwitch| {
                profile.parameters.get(switch.parameter).is_none_or(|known| !switch.is_on(known.value.as_deref()))
            };
            let also = logs.also.iter().filter(off).filter_map(|switch| change(profile, switch));
            needs.changes.extend(also);
        }
        needs
    }

    /// Whether the log is written now.
    pub fn none(&self) -> bool {
        self.changes.is_empty() && self.pending.is_empty() && self.unknown.is_empty()
    }
}

/// The change that turns a setting on; none where its group is unknown.
fn change(profile: &InstanceProfile, switch: &'static LogSwitch) -> Option<Change> {
    let known = profile.parameters.get(switch.parameter);
    let home = known.or_else(|| beside(profile, switch.parameter))?;
    let from = known.and_then(|parameter| parameter.value.clone()).filter(|value| !value.trim().is_empty());
    // A list keeps its other members.
    let to = match (&from, switch.member) {
        (Some(list), Some(member)) if setting(list) != "off" => format!("{list},{member}"),
        _ => switch.set_to.to_owned(),
    };
    Some(Change {
        parameter: switch.parameter,
        from,
        to,
        is_static: switch.needs_restart || known.is_some_and(|parameter| parameter.is_static),
        level: home.level,
        group: home.group.clone(),
        new_group: is_aws_own(&home.group).then(|| new_group(profile, home.level)),
        source: switch.source,
    })
}

/// A setting of the group that one stands in which no group names.
fn beside<'p>(profile: &'p InstanceProfile, name: &str) -> Option<&'p Parameter> {
    let is_option = name.starts_with(OPTION);
    profile.parameters.values().filter(|parameter| (parameter.level == Level::Option) == is_option).max_by_key(
        // In a cluster, its group is the one that all members share.
        |parameter| parameter.level,
    )
}

/// Whether a group is one of AWS's own, `default.postgres16` or `default:mysql-8-0`, which cannot be changed.
///
/// Source: "Overview of parameter groups" and "Working with option groups" in the RDS user guide.
fn is_aws_own(group: &str) -> bool {
    group.starts_with("default.") || group.starts_with("default:")
}

fn new_group(profile: &InstanceProfile, level: Level) -> String {
    let owner = profile.cluster.as_ref().filter(|_| level == Level::Cluster).unwrap_or(&profile.instance);
    format!("{owner}-ssl-usage")
}
