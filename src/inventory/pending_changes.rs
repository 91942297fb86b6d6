//! Pending modifications of an instance or a Multi-AZ DB cluster, other than of the certificate. Any call with
//! `--apply-immediately` applies them too.
//!
//! Source: `PendingModifiedValues` and `ClusterPendingModifiedValues` in the RDS API reference.

use aws_sdk_rds::types::{ClusterPendingModifiedValues, PendingModifiedValues};

use super::profile::InstanceProfile;

/// A modification as the API names it, and whether it is pending.
type Pending<V> = (&'static str, fn(&V) -> bool);

const OF_INSTANCE: &[Pending<PendingModifiedValues>] = &[
    ("DBInstanceClass", |values| values.db_instance_class.is_some()),
    ("AllocatedStorage", |values| values.allocated_storage.is_some()),
    ("MasterUserPassword", |values| values.master_user_password.is_some()),
    ("Port", |values| values.port.is_some()),
    ("BackupRetentionPeriod", |values| values.backup_retention_period.is_some()),
    ("MultiAZ", |values| values.multi_az.is_some()),
    ("EngineVersion", |values| values.engine_version.is_some()),
    ("LicenseModel", |values| values.license_model.is_some()),
    ("Iops", |values| values.iops.is_some()),
    ("StorageThroughput", |values| values.storage_throughput.is_some()),
    ("DBInstanceIdentifier", |values| values.db_instance_identifier.is_some()),
    ("StorageType", |values| values.storage_type.is_some()),
    ("DBSubnetGroupName", |values| values.db_subnet_group_name.is_some()),
    ("PendingCloudwatchLogsExports", |values| values.pending_cloudwatch_logs_exports.is_some()),
    ("ProcessorFeatures", |values| values.processor_features.is_some()),
    ("AutomationMode", |values| values.automation_mode.is_some()),
    ("MultiTenant", |values| values.multi_tenant.is_some()),
    ("IAMDatabaseAuthenticationEnabled", |values| values.iam_database_authentication_enabled.is_some()),
    ("DedicatedLogVolume", |values| values.dedicated_log_volume.is_some()),
    ("Engine", |values| values.engine.is_some()),
    ("AdditionalStorageVolumes", |values| values.additional_storage_volumes.is_some()),
];

const OF_CLUSTER: &[Pending<ClusterPendingModifiedValues>] = &[
    ("PendingCloudwatchLogsExports", |values| values.pending_cloudwatch_logs_exports.is_some()),
    ("DBClusterIdentifier", |values| values.db_cluster_identifier.is_some()),
    ("MasterUserPassword", |values| values.master_user_password.is_some()),
    ("IAMDatabaseAuthenticationEnabled", |values| values.iam_database_authentication_enabled.is_some()),
    ("EngineVersion", |values| values.engine_version.is_some()),
    ("BackupRetentionPeriod", |values| values.backup_retention_period.is_some()),
    ("StorageType", |values| values.storage_type.is_some()),
    ("AllocatedStorage", |values| values.allocated_storage.is_some()),
    ("Iops", |values| values.iops.is_some()),
];

/// Those that restart the instance when they are applied: in its next maintenance window, or with `--apply-immediately`.
///
/// Source: "Settings for DB instances" in the RDS user guide and "Modifying an Amazon Aurora DB cluster" in the Aurora user
/// guide, where downtime occurs during the change.
const RESTART: &[&str] = &["DBInstanceClass", "EngineVersion", "Engine", "DBInstanceIdentifier", "DBSubnetGroupName"];

impl InstanceProfile {
    /// A pending modification that restarts the instance in its next maintenance window; none where no such one is known.
    /// With the restart, a staged certificate takes effect.
    pub fn pending_restart(&self) -> Option<&str> {
        self.pending_changes.iter().map(String::as_str).find(|change| RESTART.contains(change))
    }
}

fn named<V>(table: &[Pending<V>], values: Option<&V>) -> Vec<String> {
    let Some(values) = values else { return Vec::new() };
    table.iter().filter(|(_, is_pending)| is_pending(values)).map(|(name, _)| (*name).to_owned()).collect()
}

/// The pending modifications of an instance.
pub(super) fn of_instance(values: Option<&PendingModifiedValues>) -> Vec<String> {
    named(OF_INSTANCE, values)
}

/// The pending modifications of a cluster.
pub(super) fn of_cluster(values: Option<&ClusterPendingModifiedValues>) -> Vec<String> {
    named(OF_CLUSTER, values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_that_restart_are_changes_that_can_be_pending() {
        for change in RESTART {
            assert!(OF_INSTANCE.iter().any(|(name, _)| name == change), "{change}");
        }
    }

    #[test]
    fn a_pending_certificate_is_no_other_change() {
        let certificate = PendingModifiedValues::builder().ca_certificate_identifier("rds-ca-rsa4096-g1");
        assert_eq!(of_instance(Some(&certificate.clone().build())), Vec::<String>::new());
        assert_eq!(
            of_instance(Some(&certificate.db_instance_class("db.r7g.large").multi_az(true).build())),
            ["DBInstanceClass", "MultiAZ"]
        );
        let cluster = ClusterPendingModifiedValues::builder().engine_version("16.6").build();
        assert_eq!(of_cluster(Some(&cluster)), ["EngineVersion"]);
        assert_eq!(of_instance(None), Vec::<String>::new());
    }
}
