//! The AWS commands for a person or a rotation tool. `ssl-usage` never runs them.

use ssl_usage_parsers::Engine;

use super::certificate::{Change, Restart, RotationOutlook};
use super::{Rotation, UsageVerdict};
use crate::enable_logging::{self, Needs};
use crate::inventory::InstanceProfile;

/// Argument vectors of the AWS CLI, in the order in which to run them.
pub(super) fn commands(
    profile: &InstanceProfile,
    outlook: &RotationOutlook,
    usage: UsageVerdict,
    rotation: Rotation,
) -> Vec<Vec<String>> {
    let mut commands = Vec::new();
    if rotation == Rotation::Optional {
        return commands;
    }
    if usage == UsageVerdict::Undetermined {
        commands.extend(profile.known_engine().into_iter().flat_map(|engine| switch_logging_on(profile, engine)));
    }
    commands.extend(rotate(profile, outlook, rotation));
    commands
}

fn aws(region: &str, words: &[&str]) -> Vec<String> {
    ["aws", "--region", region, "rds"].iter().chain(words).map(|word| (*word).to_owned()).collect()
}

/// The command that rotates: for a new CA it modifies the instance or cluster; for a new certificate of the same CA it
/// applies AWS's maintenance action, and there is no command until AWS offers one.
///
/// Source: "Rotating your SSL/TLS certificate" in the RDS user guide.
fn rotate(profile: &InstanceProfile, outlook: &RotationOutlook, rotation: Rotation) -> Option<Vec<String>> {
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
        // The certificate is staged now and becomes active at the next restart.
        Rotation::Deferrable if outlook.restart == Restart::Instance && shared.is_none() => {
            words.extend(["--no-certificate-rotation-restart", "--apply-immediately"]);
        }
        Rotation::Deferrable if outlook.restart == Restart::None => words.push("--apply-immediately"),
        // A restart happens in the maintenance window.
        Rotation::Deferrable | Rotation::Required | Rotation::Optional => words.push("--no-apply-immediately"),
    }
    Some(aws(&profile.region, &words))
}

/// The commands that enable logging without a new group or a restart. Where one is needed, a person decides when, and
/// `ssl-usage preflight` prints the commands.
fn switch_logging_on(profile: &InstanceProfile, engine: &'static Engine) -> Vec<Vec<String>> {
    let by_itself = |needs: &Needs| needs.changes.iter().all(|change| change.new_group.is_none() && !change.is_static);
    let best = enable_logging::best(profile, engine).filter(|(_, needs)| needs.unknown.is_empty() && by_itself(needs));
    best.map(|(_, needs)| enable_logging::commands(profile, &needs, None, false).0).unwrap_or_default()
}
