//! What the fake AWS serves: one account's databases, as plain data that a test reads from TOML and changes in code.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;

use super::cloudwatch_logs::Group;
use super::log_file::LogFile;

/// An account as the RDS API would describe it. [`Fleet::load`] reads one from TOML, with the log files it names.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fleet {
    /// The twelve digits of the account.
    pub account: String,
    /// Where instances live that do not say otherwise.
    pub region: String,
    /// Regions that are enabled and empty.
    #[serde(default)]
    pub empty_regions: Vec<String>,
    /// The fleet's clock: no log file was written later than this.
    pub now: Timestamp,
    /// The most text a log portion carries: 1 MB at AWS. Tests use less to see many pages of a small file.
    #[serde(default = "one_megabyte")]
    pub portion_bytes: usize,
    /// The most lines a log portion carries: 10,000 at AWS.
    #[serde(default = "ten_thousand")]
    pub portion_lines: usize,
    /// The most records of a listing's page, whatever the caller asked for. AWS has no such setting; with it a fleet
    /// of three has pages.
    pub page_records: Option<usize>,
    /// The most values of a page of metrics, whatever the caller asked for.
    pub page_values: Option<usize>,
    /// Whether log files can be had whole, by the REST call.
    #[serde(default = "yes")]
    pub complete_downloads: bool,
    /// What the path of that call may begin with.
    #[serde(default = "complete_versions")]
    pub complete_versions: Vec<String>,
    /// Whether whole files come in chunks, of which nobody knows the length before the end.
    #[serde(default)]
    pub complete_chunked: bool,
    /// Certificate authorities. Every region answers with the same ones.
    #[serde(default, rename = "certificate")]
    pub certificates: Vec<Certificate>,
    /// Engine versions.
    #[serde(default, rename = "engine_version")]
    pub engine_versions: Vec<EngineVersion>,
    /// Parameter groups of instances and of clusters. Every region answers with the same ones.
    #[serde(default, rename = "parameter_group")]
    pub parameter_groups: Vec<ParameterGroup>,
    /// Option groups. Every region answers with the same ones.
    #[serde(default, rename = "option_group")]
    pub option_groups: Vec<OptionGroup>,
    /// Proxies, each with the instances and clusters behind it. Every region answers with the same ones.
    #[serde(default, rename = "proxy")]
    pub proxies: Vec<Proxy>,
    /// ARNs of the clusters of each global cluster.
    #[serde(default)]
    pub global_clusters: Vec<Vec<String>>,
    /// Clusters. A cluster lives where its first member lives.
    #[serde(default, rename = "cluster")]
    pub clusters: Vec<Cluster>,
    /// Instances.
    #[serde(default, rename = "instance")]
    pub instances: Vec<Instance>,
    /// Maintenance that waits for a resource. One entry an action.
    #[serde(default, rename = "pending_maintenance")]
    pub pending_maintenance: Vec<PendingMaintenance>,
    /// What happened to instances and clusters.
    #[serde(default, rename = "event")]
    pub events: Vec<RdsEvent>,
    /// What CloudWatch measured. What is not here was not measured: its series is there and empty.
    #[serde(default, rename = "metric")]
    pub metrics: Vec<Metric>,
    /// Network interfaces, as EC2 describes them.
    #[serde(default, rename = "network_interface")]
    pub network_interfaces: Vec<NetworkInterface>,
}

/// A network interface (EC2 API reference: `NetworkInterface`).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetworkInterface {
    /// Such as `eni-0123456789abcdef0`.
    pub id: String,
    /// Where it is, if not in the fleet's region.
    pub region: Option<String>,
    /// Its VPC.
    #[serde(default = "vpc")]
    pub vpc: String,
    /// `interface`, `lambda`, `nat_gateway` and so on.
    #[serde(default = "interface")]
    pub interface_type: String,
    /// What the service that made it says of it.
    #[serde(default)]
    pub description: String,
    /// `RequesterId`.
    pub requester: Option<String>,
    /// The instance that it is attached to; else a service has it.
    pub instance: Option<String>,
    /// When it was attached, where EC2 says it.
    pub attached_at: Option<Timestamp>,
    /// Its private addresses of both kinds, the primary one first.
    pub addresses: Vec<String>,
    /// Ranges of addresses that it has whole.
    #[serde(default)]
    pub prefixes: Vec<String>,
    /// `PrivateDnsName`.
    pub private_name: Option<String>,
    /// Its public address.
    pub public: Option<String>,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// An event (API reference: `Event`).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RdsEvent {
    /// `db-instance` or `db-cluster`.
    pub source_type: String,
    /// The identifier of an instance or a cluster, which may be gone.
    pub source: String,
    /// Its text.
    pub message: String,
    /// Such as `availability`; some have none.
    #[serde(default)]
    pub categories: Vec<String>,
    /// When it was recorded.
    pub date: Timestamp,
}

/// A metric of an instance or of a proxy (CloudWatch API reference: `Metric`, `MetricDataResult`).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metric {
    /// The identifier of an instance, or the name of a proxy.
    pub of: String,
    /// `AWS/RDS` unless said otherwise.
    #[serde(default = "aws_rds")]
    pub namespace: String,
    /// Such as `DatabaseConnections`.
    pub name: String,
    /// What was measured, and when.
    #[serde(default)]
    pub samples: Vec<(Timestamp, f64)>,
    /// The `StatusCode` of its last page, where it is not `Complete`.
    pub status: Option<String>,
    /// The code of a message that comes with it.
    pub message: Option<String>,
}

/// A certificate authority (API reference: `Certificate`, `CertificateMessage`).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// Such as `rds-ca-rsa2048-g1`.
    pub id: String,
    /// Start of the authority's own validity.
    pub valid_from: Timestamp,
    /// End of the authority's own validity.
    pub valid_till: Timestamp,
    /// SHA-1, in hex.
    pub thumbprint: Option<String>,
    /// It signs what is created without naming an authority (`DefaultCertificateForNewLaunches`).
    #[serde(default)]
    pub default: bool,
    /// The account chose it as its default (`CustomerOverride`).
    #[serde(default)]
    pub customer_override: bool,
    /// Until when that choice holds.
    pub customer_override_valid_till: Option<Timestamp>,
}

/// What RDS says of an engine version (API reference: `DBEngineVersion`).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EngineVersion {
    /// Such as `postgres`.
    pub engine: String,
    /// Such as `16.4`.
    pub version: String,
    /// `SupportsCertificateRotationWithoutRestart`.
    pub rotates_without_restart: bool,
    /// `SupportedCACertificateIdentifiers`.
    #[serde(default)]
    pub cas: Vec<String>,
}

/// A DB parameter group, or a DB cluster parameter group.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParameterGroup {
    /// Its name.
    pub name: String,
    /// Such as `postgres16`.
    pub family: String,
    /// It belongs to clusters: another name space and another action.
    #[serde(default)]
    pub cluster: bool,
    /// Its parameters.
    #[serde(default, rename = "parameter")]
    pub parameters: Vec<Parameter>,
}

/// A parameter of a group (API reference: `Parameter`).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Its value. RDS leaves the element out where the engine decides.
    pub value: Option<String>,
    /// `dynamic` or `static`.
    #[serde(default = "dynamic")]
    pub apply_type: String,
    /// `immediate` or `pending-reboot`.
    #[serde(default = "immediate")]
    pub apply_method: String,
    /// `user`, `system` or `engine-default`.
    #[serde(default = "user")]
    pub source: String,
}

/// An option group (API reference: `OptionGroup`).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OptionGroup {
    /// Its name.
    pub name: String,
    /// Its options, each with its settings.
    #[serde(default)]
    pub options: BTreeMap<String, BTreeMap<String, String>>,
    /// The ports of those that have one.
    #[serde(default)]
    pub ports: BTreeMap<String, u16>,
}

/// An RDS proxy (API reference: `DBProxy`, `DBProxyTarget`).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proxy {
    /// Its name.
    pub name: String,
    /// Instances behind it.
    #[serde(default)]
    pub instances: Vec<String>,
    /// A cluster behind it.
    pub cluster: Option<String>,
}

/// A cluster (API reference: `DBCluster`).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cluster {
    /// Its identifier.
    pub id: String,
    /// Such as `aurora-postgresql`.
    pub engine: String,
    /// Such as `16.4`.
    pub version: String,
    /// `provisioned` or `serverless`.
    #[serde(default = "provisioned")]
    pub engine_mode: String,
    /// The DB cluster parameter group.
    pub parameter_group: String,
    /// How far each member has taken that group over.
    #[serde(default = "in_sync")]
    pub parameter_status: String,
    /// The identifiers of its instances, the writer first.
    #[serde(default)]
    pub members: Vec<String>,
    /// Its members are told of also where no instance has their name: two answers that contradict each other.
    #[serde(default)]
    pub unlisted_members: bool,
    /// Addresses of its custom endpoints (`CustomEndpoints`).
    #[serde(default)]
    pub custom_endpoints: Vec<String>,
    /// Hosts of its writer and its readers, and their port, if they are not as AWS names them.
    pub endpoints: Option<(String, String, u16)>,
    /// `standard` or `limitless` (`ClusterScalabilityType`).
    pub scalability: Option<String>,
}

/// An instance (API reference: `DBInstance`) and its log files.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Instance {
    /// Its identifier.
    pub id: String,
    /// Such as `postgres`.
    pub engine: String,
    /// Such as `16.4`.
    pub version: String,
    /// `available` unless said otherwise.
    #[serde(default = "available")]
    pub status: String,
    /// `PreferredMaintenanceWindow`.
    #[serde(default = "sunday")]
    pub maintenance_window: String,
    /// Other modifications that are pending (`PendingModifiedValues`), by the names of the API.
    #[serde(default)]
    pub pending_changes: BTreeMap<String, String>,
    /// `InstanceCreateTime`.
    pub created: Timestamp,
    /// The DB parameter group.
    pub parameter_group: String,
    /// `in-sync` or `pending-reboot`.
    #[serde(default = "in_sync")]
    pub parameter_status: String,
    /// The option group.
    pub option_group: Option<String>,
    /// Another option group that it is a member of, while it goes from one to the other.
    pub other_option_group: Option<String>,
    /// `in-sync`, `pending-apply` and so on.
    #[serde(default = "in_sync")]
    pub option_status: String,
    /// The certificate authority. Absent where the service has none to tell, as for Neptune.
    pub ca: Option<String>,
    /// The end of the *server* certificate (`CertificateDetails.ValidTill`).
    pub cert_valid_till: Option<Timestamp>,
    /// The authority that takes over at the next restart (`PendingModifiedValues.CACertificateIdentifier`).
    pub pending_ca: Option<String>,
    /// Host and port of its endpoint, if they are not as AWS names them.
    pub endpoint: Option<(String, u16)>,
    /// IAM database authentication is switched on.
    #[serde(default)]
    pub iam: bool,
    /// The cluster it belongs to.
    pub cluster: Option<String>,
    /// Log types that go to CloudWatch Logs.
    #[serde(default)]
    pub log_exports: Vec<String>,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
    /// A folder of log files, relative to the samples folder. Each file is served by its path inside the folder.
    pub logs: Option<String>,
    /// Files of that folder that are not logs: names or paths, where `*` stands for any text.
    #[serde(default)]
    pub skip: Vec<String>,
    /// Where it lives, if not in the fleet's region.
    pub region: Option<String>,
    /// An Aurora Serverless v2 instance that sleeps: its log calls fail with `DBInstanceNotReady`.
    #[serde(default)]
    pub paused: bool,
    /// Its log files by the name that RDS gives them.
    #[serde(skip)]
    pub files: BTreeMap<String, LogFile>,
    /// Its log groups in CloudWatch Logs, by name.
    #[serde(skip)]
    pub groups: BTreeMap<String, Group>,
}

/// An action that waits for an instance (API reference: `PendingMaintenanceAction`).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PendingMaintenance {
    /// The instance's identifier.
    pub instance: String,
    /// Such as `ca-certificate-rotation`.
    pub action: String,
    /// The maintenance window after this date applies it.
    pub auto_applied_after: Option<Timestamp>,
    /// RDS applies it then, window or not.
    pub forced_apply: Option<Timestamp>,
    /// When it will be applied, all things considered.
    pub current_apply: Option<Timestamp>,
    /// What the owner chose, such as `next-maintenance`.
    pub opt_in: Option<String>,
}

impl Fleet {
    /// The instance with this identifier, in whatever region.
    ///
    /// # Panics
    /// If there is none: a test that names a wrong instance would otherwise prove nothing.
    pub fn instance(&mut self, id: &str) -> &mut Instance {
        match self.instances.iter_mut().find(|instance| instance.id == id) {
            Some(instance) => instance,
            None => panic!("the fleet has no instance {id}"),
        }
    }

    /// The regions that are enabled.
    pub fn regions(&self) -> Vec<String> {
        let lived_in = self.instances.iter().map(|instance| self.region_of(instance));
        let mut regions: Vec<String> = lived_in.chain([self.region.as_str()]).map(str::to_owned).collect();
        regions.extend(self.empty_regions.iter().cloned());
        regions.sort_unstable();
        regions.dedup();
        regions
    }

    /// The region in which an instance lives.
    pub fn region_of<'a>(&'a self, instance: &'a Instance) -> &'a str {
        instance.region.as_deref().unwrap_or(&self.region)
    }

    /// The ARN of something in this account, such as kind `db` or `cluster`.
    pub fn arn(&self, region: &str, kind: &str, id: &str) -> String {
        format!("arn:aws:rds:{region}:{}:{kind}:{id}", self.account)
    }
}

fn one_megabyte() -> usize {
    1 << 20
}

fn ten_thousand() -> usize {
    10_000
}

fn aws_rds() -> String {
    "AWS/RDS".to_owned()
}

fn yes() -> bool {
    true
}

fn complete_versions() -> Vec<String> {
    ["v19", "v13"].map(str::to_owned).to_vec()
}

fn vpc() -> String {
    "vpc-0f00ba4".to_owned()
}

fn interface() -> String {
    "interface".to_owned()
}

fn dynamic() -> String {
    "dynamic".to_owned()
}

fn immediate() -> String {
    "immediate".to_owned()
}

fn user() -> String {
    "user".to_owned()
}

fn provisioned() -> String {
    "provisioned".to_owned()
}

fn in_sync() -> String {
    "in-sync".to_owned()
}

fn sunday() -> String {
    "sun:05:00-sun:06:00".to_owned()
}

fn available() -> String {
    "available".to_owned()
}
