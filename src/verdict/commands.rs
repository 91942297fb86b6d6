//! The AWS commands for a person or a rotation tool. `ssl-usage` never runs them.

use serde::Serialize;
use ssl_usage_parsers::Engine;

use super::certificate::{Change, Restart, RotationOutlook};
use super::{Rotation, UsageVerdict};
use crate::enable_logging::{self, Needs};
use crate::inventory::InstanceProfile;

/// A command of the AWS CLI. Reports hold its words alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Command {
    /// What it is for.
    #[serde(skip)]
    pub kind: CommandKind,
    /// When it takes effect.
    #[serde(skip)]
    pub takes_effect: EffectTime,
    /// The argument vector, with the program first.
    pub words: Vec<String>,
}

/// What a command is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommandKind {
    /// It makes the instance log sessions.
    EnableLogging,
    /// It rotates the certificate.
    Rotate,
    /// It shows the certificate that is served, and changes nothing.
    Verify,
}

/// When a command takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EffectTime {
    /// When the command is run.
    AtOnce,
    /// In the next maintenance window.
    InMaintenanceWindow,
    /// It is put in place at once, and becomes active at the next restart, planned or not.
    AtNextRestart,
}

impl AsRef<[String]> for Command {
    fn as_ref(&self) -> &[String] {
        &self.words
    }
}

/// The commands that a verdict proposes, in the order in which they are to be run.
pub(super) fn commands(
    profile: &InstanceProfile,
    outlook: &RotationOutlook,
    usage: UsageVerdict,
    rotation: Rotation,
) -> Vec<Command> {
    let mut commands = Vec::new();
    if rotation == Rotation::Optional {
        return commands;
    }
    if usage == UsageVerdict::Undetermined {
        let words = profile.known_engine().into_iter().flat_map(|engine| switch_logging_on(profile, engine));
        let (kind, takes_effect) = (CommandKind::EnableLogging, EffectTime::AtOnce);
        commands.extend(words.map(|words| Command { kind, takes_effect, words }));
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
fn rotate(profile: &InstanceProfile, outlook: &RotationOutlook, rotation: Rotation) -> Option<Command> {
    let rotate = |words: &[&str], takes_effect| {
        let words = aws(&profile.region, words);
        Some(Command { kind: CommandKind::Rotate, takes_effect, words })
    };
    if outlook.change == Change::Server {
        let action = profile.pending.first().filter(|_| rotation == Rotation::Required)?;
        let resource = action.resource.as_deref().unwrap_or(&profile.arn);
        let words = ["apply-pending-maintenance-action", "--resource-identifier", resource];
        let how = ["--apply-action", &action.action, "--opt-in-type", "next-maintenance"];
        return rotate(&[&words[..], &how[..]].concat(), EffectTime::InMaintenanceWindow);
    }
    let target = outlook.target.as_deref()?;
    let shared = shared_by(profile);
    let of = match shared {
        Some(cluster) => ["modify-db-cluster", "--db-cluster-identifier", cluster],
        None => ["modify-db-instance", "--db-instance-identifier", &profile.instance],
    };
    let (how, takes_effect): (&[&str], _) = match rotation {
        // The certificate is staged now and becomes active at the next restart.
        Rotation::Deferrable if outlook.restart == Restart::Instance && shared.is_none() => {
            (&["--no-certificate-rotation-restart", "--apply-immediately"], EffectTime::AtNextRestart)
        }
        Rotation::Deferrable if outlook.restart == Restart::None => (&["--apply-immediately"], EffectTime::AtOnce),
        // A restart happens in the maintenance window.
        Rotation::Deferrable | Rotation::Required | Rotation::Optional => {
            (&["--no-apply-immediately"], EffectTime::InMaintenanceWindow)
        }
    };
    rotate(&[&of[..], &["--ca-certificate-identifier", target], how].concat(), takes_effect)
}

/// The cluster whose certificate the instance serves: a Multi-AZ DB cluster has one certificate, and the instances of other
/// clusters have one each.
fn shared_by(profile: &InstanceProfile) -> Option<&str> {
    let own = ["aurora", "docdb", "neptune"].iter().any(|engine| profile.engine.starts_with(engine));
    profile.cluster.as_deref().filter(|_| !own)
}

/// What shows the certificate that is served; of a cluster whose rotation is one, the cluster's.
pub(super) fn verify(profile: &InstanceProfile, outlook: &RotationOutlook, rotation: Rotation) -> Option<Command> {
    const INSTANCE: &str = "DBInstances[].[DBInstanceIdentifier,CertificateDetails.CAIdentifier,\
        CertificateDetails.ValidTill,PendingModifiedValues.CACertificateIdentifier]";
    const CLUSTER: &str =
        "DBClusters[].[DBClusterIdentifier,CertificateDetails.CAIdentifier,CertificateDetails.ValidTill]";
    if rotation == Rotation::Optional {
        return None;
    }
    let modifies = outlook.change != Change::Server && outlook.target.is_some();
    let (call, of, name, query) = match shared_by(profile).filter(|_| modifies) {
        Some(cluster) => ("describe-db-clusters", "--db-cluster-identifier", cluster, CLUSTER),
        None => ("describe-db-instances", "--db-instance-identifier", profile.instance.as_str(), INSTANCE),
    };
    let words = aws(&profile.region, &[call, of, name, "--query", query, "--output", "text"]);
    Some(Command { kind: CommandKind::Verify, takes_effect: EffectTime::AtOnce, words })
}

/// The commands that enable logging without a new group or a restart. Where one is needed, a person decides when, and
/// `ssl-usage preflight` prints the commands.
fn switch_logging_on(profile: &InstanceProfile, engine: &'static Engine) -> Vec<Vec<String>> {
    let by_itself = |needs: &Needs| needs.changes.iter().all(|change| change.new_group.is_none() && !change.is_static);
    let best = enable_logging::best(profile, engine).filter(|(_, needs)| needs.unknown.is_empty() && by_itself(needs));
    best.map(|(_, needs)| enable_logging::commands(profile, &needs, None, false).0).unwrap_or_default()
}
