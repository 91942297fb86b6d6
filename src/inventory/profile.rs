//! The inventory of a fleet as plain data. Bundles contain it, so fields are added, never renamed.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use ssl_usage_parsers::{ENGINES, Engine};

use super::database_login::DatabaseLogin;
use super::endpoint::{Endpoint, ServedCertificate};
use crate::problem::Problem;

/// One account and region as it was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fleet {
    /// When the inventory was taken.
    pub taken_at: Timestamp,
    /// Account number; none where no instance shows it.
    pub account: Option<String>,
    /// Region that was asked.
    pub region: String,
    /// ARN of the identity that asked (`sts:GetCallerIdentity`); none where it is unknown, and in older bundles.
    #[serde(default)]
    pub caller: Option<String>,
    /// Whether all instances were asked for, and not only some by name.
    pub whole: bool,
    /// The instances, by ARN.
    pub instances: Vec<InstanceProfile>,
    /// What could not be read, and so is missing here.
    pub errors: Vec<Problem>,
    /// What the filter left out; not kept in a bundle.
    #[serde(skip)]
    pub left_out: LeftOut,
}

/// Names of instances that a filter left out, for suggestions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Identifiers.
    pub instances: BTreeSet<String>,
    /// Tags, as `KEY=VALUE`.
    pub tags: BTreeSet<String>,
}

/// One instance, and everything about it that bears on TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceProfile {
    /// Amazon Resource Name: the identity of an instance everywhere in this tool.
    pub arn: String,
    /// Account number, out of the ARN.
    pub account: String,
    /// Region, out of the ARN.
    pub region: String,
    /// `DBInstanceIdentifier`.
    pub instance: String,
    /// `DBClusterIdentifier` of a member of a cluster.
    pub cluster: Option<String>,
    /// Its role in the cluster; none where it stands alone or the role is unknown.
    #[serde(default)]
    pub cluster_role: Option<ClusterRole>,
    /// Identifiers of the other members of its cluster.
    #[serde(default)]
    pub cluster_siblings: Vec<String>,
    /// Custom endpoints of its cluster (`CustomEndpoints`).
    #[serde(default)]
    pub custom_endpoints: Vec<String>,
    /// Its endpoint and those of its cluster; none in older bundles.
    #[serde(default)]
    pub endpoints: Vec<Endpoint>,
    /// What logins to its database need.
    #[serde(default, skip_serializing_if = "DatabaseLogin::is_empty")]
    pub login: DatabaseLogin,
    /// Engine as AWS names it: `postgres`, `aurora-postgresql`, ...
    pub engine: String,
    /// Engine version as AWS writes it: `16.4`.
    pub engine_version: String,
    /// `EngineMode` of the cluster: `provisioned`, `serverless` (v1), ...
    pub engine_mode: Option<String>,
    /// Whether it is an Aurora PostgreSQL Limitless Database (`ClusterScalabilityType`), whose shards are no instances.
    #[serde(default)]
    pub is_limitless: bool,
    /// `DBInstanceStatus`; of a cluster without instances, `Status`.
    pub status: String,
    /// The weekly maintenance window in UTC (`PreferredMaintenanceWindow`): `sun:05:00-sun:06:00`.
    #[serde(default)]
    pub maintenance_window: Option<String>,
    /// Pending modifications other than of the certificate (`PendingModifiedValues`), as the API names them:
    /// `DBInstanceClass`, ... Any `--apply-immediately` applies them too.
    #[serde(default)]
    pub pending_changes: Vec<String>,
    /// When the instance was made; nothing before it can be missing.
    pub created_at: Option<Timestamp>,
    /// Whether IAM database authentication may be used. That it may be proves nothing about TLS.
    pub iam_authentication: bool,
    /// The server certificate and its CA.
    pub certificate: Certificate,
    /// Maintenance that AWS has scheduled and that touches the certificate.
    pub pending: Vec<PendingAction>,
    /// Parameters and options that bear on TLS or on its evidence, by name.
    pub parameters: BTreeMap<String, Parameter>,
    /// RDS proxies whose target it is, by name.
    #[serde(default)]
    pub proxies: Vec<String>,
    /// ARNs of the other clusters of its global cluster.
    #[serde(default)]
    pub global_members: Vec<String>,
    /// Log types exported to CloudWatch Logs.
    pub log_exports: Vec<String>,
    /// Its tags, by key; none in older bundles, which do not hold them.
    #[serde(default)]
    pub tags: Option<BTreeMap<String, String>>,
    /// What of this instance could not be read: `rds:DescribeDBParameters`, ... A missing answer is not a default.
    pub unknown: Vec<String>,
}

/// The server certificate that an instance presents, and what would replace it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// CA that signed it (`CACertificateIdentifier`).
    pub ca: Option<String>,
    /// End of the *server certificate* (`CertificateDetails.ValidTill`).
    pub valid_till: Option<Timestamp>,
    /// End of the CA (`DescribeCertificates`).
    pub ca_valid_till: Option<Timestamp>,
    /// CA that a new certificate should be signed by: the account's or region's default, where the engine version supports it.
    pub target_ca: Option<String>,
    /// End of that CA.
    pub target_ca_valid_till: Option<Timestamp>,
    /// CA of a pending modification (`PendingModifiedValues.CACertificateIdentifier`).
    pub pending_ca: Option<String>,
    /// Whether the engine version takes a new certificate without a restart (`SupportsCertificateRotationWithoutRestart`).
    pub rotates_without_restart: Option<bool>,
    /// What servers presented to `ssl-usage probe`. A bundle holds it in files of its own.
    #[serde(skip)]
    pub served: Vec<ServedCertificate>,
}

/// A scheduled maintenance action about certificates (`DescribePendingMaintenanceActions`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingAction {
    /// ARN of the instance or cluster that it is scheduled for.
    #[serde(default)]
    pub resource: Option<String>,
    /// `server-certificate-rotation` or `ca-certificate-rotation`.
    pub action: String,
    /// When AWS applies it in a maintenance window by itself.
    pub auto_applied_after: Option<Timestamp>,
    /// When AWS applies it whatever the window.
    pub forced_apply: Option<Timestamp>,
    /// When it is due to be applied as things stand.
    pub current_apply: Option<Timestamp>,
}

/// The role of a member of a cluster (`IsClusterWriter`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClusterRole {
    /// It serves reads only.
    Reader,
    /// It serves writes.
    Writer,
}

impl ClusterRole {
    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Reader => "reader",
            Self::Writer => "writer",
        }
    }
}

/// Where a parameter is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// In the instance's DB parameter group.
    Instance,
    /// In the cluster's DB cluster parameter group.
    Cluster,
    /// In the instance's option group.
    Option,
}

/// A parameter as it is set, and whether the instance runs with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameter {
    /// The value as AWS writes it; none when the group leaves it to the engine.
    pub value: Option<String>,
    /// Whether a change needs a restart.
    pub is_static: bool,
    /// Where it is set.
    pub level: Level,
    /// Whether the running engine has this value: the group is in sync, or the parameter is dynamic and applied.
    pub in_effect: bool,
    /// Name of the parameter group.
    pub group: String,
}

/// The parameter of Aurora PostgreSQL clusters that turns Babelfish on.
pub(super) const BABELFISH: &str = "rds.babelfish_status";

/// An account and region.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct AccountRegion {
    /// Account number; none where it is unknown.
    pub account: Option<String>,
    /// Region.
    pub region: String,
}

/// The collection of an account and region: when, and by which identity.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Collection {
    /// The account and region.
    #[serde(flatten)]
    pub of: AccountRegion,
    /// When its inventory was taken.
    pub collected_at: Timestamp,
    /// ARN of the identity that asked; none where it is unknown.
    pub caller: Option<String>,
}

impl Fleet {
    /// One instance of which AWS was not asked.
    pub fn unlisted(profile: InstanceProfile, taken_at: Timestamp) -> Self {
        let (account, region) = (Some(profile.account.clone()), profile.region.clone());
        let (instances, errors, left_out) = (vec![profile], Vec::new(), LeftOut::default());
        Self { taken_at, account, region, caller: None, whole: false, instances, errors, left_out }
    }

    /// Whether AWS was not asked for it.
    pub fn is_unlisted(&self) -> bool {
        self.region == UNLISTED_REGION
    }

    /// Which account and region it is of.
    pub fn of(&self) -> AccountRegion {
        AccountRegion { account: self.account.clone(), region: self.region.clone() }
    }

    /// When it was collected, and by which identity.
    pub fn collection(&self) -> Collection {
        Collection { of: self.of(), collected_at: self.taken_at, caller: self.caller.clone() }
    }
}

/// Account and region of instances of which AWS was not asked.
const UNLISTED_ACCOUNT: &str = "000000000000";
const UNLISTED_REGION: &str = "unknown";

/// The calls whose answers hold settings.
const SETTINGS: &[&str] = &[
    "rds:DescribeDBClusters",
    "rds:DescribeDBClusterParameters",
    "rds:DescribeDBParameters",
    "rds:DescribeOptionGroups",
];

impl InstanceProfile {
    /// Whether AWS was not asked for it.
    pub fn is_unlisted(&self) -> bool {
        self.region == UNLISTED_REGION
    }

    /// An instance of which only the name and the engine are known: nothing was asked of AWS.
    pub fn unlisted(instance: &str, engine: &str, engine_version: Option<&str>) -> Self {
        let (account, region) = (UNLISTED_ACCOUNT.to_owned(), UNLISTED_REGION.to_owned());
        let unknown = SETTINGS.iter().chain(&["rds:DescribeDBProxies"]).map(|call| (*call).to_owned()).collect();
        Self {
            arn: format!("arn:aws:rds:{region}:{account}:db:{instance}"),
            account,
            region,
            instance: instance.to_owned(),
            engine: engine.to_owned(),
            engine_version: engine_version.unwrap_or_default().to_owned(),
            status: "unknown".to_owned(),
            unknown,
            ..Self::default()
        }
    }

    /// The value of a parameter that the instance runs with, in one spelling; none where it is unknown.
    pub fn in_effect(&self, parameter: &str) -> Option<String> {
        let parameter = self.parameters.get(parameter).filter(|parameter| parameter.in_effect)?;
        parameter.value.as_deref().map(ssl_usage_parsers::setting).filter(|value| !value.is_empty())
    }

    /// What is known of its engine; none for an engine that is unknown.
    pub fn known_engine(&self) -> Option<&'static Engine> {
        ENGINES.iter().copied().find(|engine| engine.aws_names.contains(&self.engine.as_str()))
    }

    /// The calls that were not answered, of those whose answers hold settings.
    pub fn unanswered(&self) -> Vec<&str> {
        self.unknown.iter().map(String::as_str).filter(|call| SETTINGS.contains(call)).collect()
    }

    /// Why a setting is unknown, in a sentence.
    pub fn why_unknown(&self, parameter: &str) -> String {
        let calls = self.unanswered();
        if calls.is_empty() {
            format!("the value of {parameter} is unknown, because no group of the instance contains it")
        } else {
            format!("the value of {parameter} could not be read ({} failed)", calls.join(", "))
        }
    }

    /// Account, region and cluster of a member of a cluster; none of an instance that stands alone.
    pub fn cluster_key(&self) -> Option<(String, String, String)> {
        Some((self.account.clone(), self.region.clone(), self.cluster.clone()?))
    }

    /// Whether it is a cluster without instances. Then `instance` is the identifier of the cluster, and `arn` its ARN.
    pub fn is_cluster(&self) -> bool {
        self.arn.split(':').nth(5) == Some("cluster")
    }

    /// Whether it accepts clients of SQL Server, by Babelfish: it restarts for a new CA. A value that waits for a restart
    /// counts as well.
    ///
    /// Source: "Using SSL/TLS to encrypt a connection to a DB cluster" in the Aurora user guide.
    pub fn has_babelfish(&self) -> bool {
        let value = self.parameters.get(BABELFISH).and_then(|parameter| parameter.value.as_deref());
        value.is_some_and(|value| ssl_usage_parsers::setting(value) == "on")
    }

    /// Whether it is Aurora Serverless v1: TLS ends at its router, whose certificate is AWS Certificate Manager's, and its
    /// engine's logs tell nothing of clients. Serverless v2 is an ordinary instance.
    ///
    /// Source: "Using TLS/SSL with Aurora Serverless v1" in the Aurora user guide; `EngineMode` of `DBCluster`.
    pub fn is_serverless_v1(&self) -> bool {
        self.engine_mode.as_deref() == Some("serverless")
    }
}
