//! The AWS commands for a person or a rotation tool. `ssl-usage` never runs them.

mod procedure;
#[cfg(test)]
mod tests;
mod timing;

pub use procedure::{Check, HeldBack, Hold, Procedure};

use jiff::Timestamp;
use serde::Serialize;

use super::certificate::{Change, RotationOutlook};
use super::{Rotation, UsageVerdict};
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
    /// It rotates the certificate.
    Rotate,
    /// It waits for a restarted member of a cluster, before the next member restarts.
    Wait,
    /// It shows the certificate or a state, and changes nothing.
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
    /// The certificate is staged in the next maintenance window, and becomes active at the next restart after it.
    AtNextRestart,
}

impl AsRef<[String]> for Command {
    fn as_ref(&self) -> &[String] {
        &self.words
    }
}

impl Command {
    fn rds(kind: CommandKind, takes_effect: EffectTime, region: &str, words: &[&str]) -> Self {
        let words = ["aws", "--region", region, "rds"].iter().chain(words).map(|word| (*word).to_owned()).collect();
        Self { kind, takes_effect, words }
    }
}

/// The command that rotates, where there is one to run as of `now`, and how the rotation is carried out.
///
/// A rotation tool may run the command as it is: it fails in no state that the inventory shows, applies no other change, and
/// restarts no instance outside of its maintenance window.
pub(super) fn commands(
    profile: &InstanceProfile,
    outlook: &RotationOutlook,
    usage: UsageVerdict,
    rotation: Rotation,
    now: Timestamp,
) -> (Vec<Command>, Procedure) {
    if rotation == Rotation::Optional {
        return (Vec::new(), Procedure::default());
    }
    procedure::of(&Case { profile, outlook, usage, rotation, now })
}

/// What decides how a certificate is rotated.
#[derive(Clone, Copy)]
struct Case<'a> {
    profile: &'a InstanceProfile,
    outlook: &'a RotationOutlook,
    usage: UsageVerdict,
    rotation: Rotation,
    now: Timestamp,
}

impl Case<'_> {
    /// The end of the server certificate or its CA, whichever comes first.
    fn end(&self) -> Option<Timestamp> {
        let certificate = &self.profile.certificate;
        [certificate.valid_till, certificate.ca_valid_till].into_iter().flatten().min()
    }

    /// Whether clients that verify the certificate cannot connect, and clients use TLS.
    fn is_locked_out(&self) -> bool {
        self.usage == UsageVerdict::InUse && self.end().is_some_and(|end| end <= self.now)
    }

    /// What is to be modified: a Multi-AZ DB cluster, or the instance.
    fn subject(&self) -> [&str; 3] {
        match self.profile.multi_az_cluster() {
            Some(cluster) => ["modify-db-cluster", "--db-cluster-identifier", cluster],
            None => ["modify-db-instance", "--db-instance-identifier", &self.profile.instance],
        }
    }

    fn rotate(&self, words: &[&str], takes_effect: EffectTime) -> Command {
        Command::rds(CommandKind::Rotate, takes_effect, &self.profile.region, words)
    }

    /// Sets the CA.
    ///
    /// Source: "Rotating your SSL/TLS certificate" in the RDS user guide.
    fn set_ca(&self, ca: &str, how: &[&str], takes_effect: EffectTime) -> Command {
        self.rotate(&[&self.subject()[..], &["--ca-certificate-identifier", ca], how].concat(), takes_effect)
    }
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
    let cluster = profile.multi_az_cluster().filter(|_| modifies);
    let query = if cluster.is_some() { CLUSTER } else { INSTANCE };
    Some(describe(profile, cluster, query))
}

fn describe(profile: &InstanceProfile, cluster: Option<&str>, query: &str) -> Command {
    let (call, of, name) = match cluster {
        Some(cluster) => ("describe-db-clusters", "--db-cluster-identifier", cluster),
        None => ("describe-db-instances", "--db-instance-identifier", profile.instance.as_str()),
    };
    let words = [call, of, name, "--query", query, "--output", "text"];
    Command::rds(CommandKind::Verify, EffectTime::AtOnce, &profile.region, &words)
}
