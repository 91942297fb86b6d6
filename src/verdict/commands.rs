//! What a person or a rotation tool would run. Nothing here is ever run by this tool.

use ssl_usage_parsers::{Engine, LogSwitch, Logs, OPTION};

use super::certificate::{Change, Outlook, Restart};
use super::rules::is_off;
use super::{Rotation, UsageVerdict};
use crate::inventory::{InstanceProfile, Level};

/// Argument vectors of the AWS command line, in the order in which they are to be run.
pub(super) fn commands(
    profile: &InstanceProfile,
    outlook: &Outlook,
    usage: UsageVerdict,
    rotation: Rotation,
) -> Vec<Vec<String>> {
    let mut commands = Vec::new();
    if rotation == Rotation::Optional {
        return commands;
    }
    if usage == UsageVerdict::Undetermined {
        commands.extend(profile.known_engine().and_then(|engine| switch_logging_on(profile, engine)));
    }
    commands.extend(rotate(profile, outlook, rotation));
    commands
}

fn aws(region: &str, words: &[&str]) -> Vec<String> {
    ["aws", "--region", region, "rds"].iter().chain(words).map(|word| (*word).to_owned()).collect()
}

/// The documented ways: a new authority by modifying the instance, a new certificate of the same one by the maintenance
/// action that AWS offers; where it offers none yet, there is no command.
///
/// Source: "Rotating your SSL/TLS certificate" in the RDS user guide.
fn rotate(profile: &InstanceProfile, outlook: &Outlook, rotation: Rotation) -> Option<Vec<String>> {
    if outlook.change == Change::Server {
        let action = profile.pending.first().filter(|_| rotation == Rotation::Required)?;
        let resource = action.resource.as_deref().unwrap_or(&profile.arn);
        let words = ["apply-pending-maintenance-action", "--resource-identifier", resource];
        let how = ["--apply-action", &action.action, "--opt-in-type", "next-maintenance"];
        return Some(aws(&profile.region, &[&words[..], &how[..]].concat()));
    }
    let target = outlook.target.as_deref()?;
    // A Multi-AZ DB cluster has one certificate; the instances of other clusters have one each.
    let own = ["aurora", "docdb", "neptune"].iter().any(|engine| profile.engine.starts_with(engine));
    let shared = profile.cluster.as_deref().filter(|_| !own);
    let of = match shared {
        Some(cluster) => ["modify-db-cluster", "--db-cluster-identifier", cluster],
        None => ["modify-db-instance", "--db-instance-identifier", &profile.instance],
    };
    let mut words = [&of[..], &["--ca-certificate-identifier", target]].concat();
    match rotation {
        // The certificate is put in place now, and becomes active at the next restart.
        Rotation::Deferrable if outlook.restart == Restart::Instance && shared.is_none() => {
            words.extend(["--no-certificate-rotation-restart", "--apply-immediately"]);
        }
        Rotation::Deferrable if outlook.restart == Restart::None => words.push("--apply-immediately"),
        // What restarts something does so in the maintenance window.
        Rotation::Deferrable | Rotation::Required | Rotation::Optional => words.push("--no-apply-immediately"),
    }
    Some(aws(&profile.region, &words))
}

/// The command that has sessions logged, where the group that says so can be changed: AWS's default groups cannot.
fn switch_logging_on(profile: &InstanceProfile, engine: &Engine) -> Option<Vec<String>> {
    // The first kind of log that parameters alone switch on.
    let by_parameters = |logs: &&Logs| logs.switches.iter().all(|switch| !switch.parameter.starts_with(OPTION));
    let off = |switch: &&LogSwitch| is_off(profile, switch);
    let switches: Vec<&LogSwitch> = engine.logs.iter().find(by_parameters)?.switches.iter().filter(off).collect();
    let parameter = profile.parameters.get(switches.first()?.parameter)?;
    let (verb, option) = match parameter.level {
        _ if parameter.group.starts_with("default.") => return None,
        Level::Instance => ("modify-db-parameter-group", "--db-parameter-group-name"),
        Level::Cluster => ("modify-db-cluster-parameter-group", "--db-cluster-parameter-group-name"),
        Level::Option => return None,
    };
    let settings: Vec<_> = switches
        .iter()
        .map(|switch| {
            let method = if switch.needs_restart { "pending-reboot" } else { "immediate" };
            format!("ParameterName={},ParameterValue={},ApplyMethod={method}", switch.parameter, switch.set_to)
        })
        .collect();
    let mut words = vec![verb, option, &parameter.group, "--parameters"];
    words.extend(settings.iter().map(String::as_str));
    Some(aws(&profile.region, &words))
}
