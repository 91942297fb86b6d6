//! Instance states in which AWS rejects modifications.

use super::InstanceProfile;

/// States in which AWS accepts modifications of an instance or a Multi-AZ DB cluster.
///
/// Sources: "The DB instance is available for modifications" and "The DB instance is fully operational" in "Viewing DB
/// instance status" in the RDS user guide; otherwise `InvalidDBInstanceState: Database instance is not in available state.`
/// (<https://github.com/hashicorp/terraform-provider-aws/issues/31594>).
pub const ACCEPT_CHANGES: &[&str] = &["available", "storage-optimization"];

/// States that last until a person acts, or in which there is nothing to modify, and what to do first. Other states pass by
/// themselves, as `backing-up` and `modifying` do.
///
/// Sources: "Viewing DB instance status" in the RDS user guide for the states and what ends them; "You can't modify a stopped
/// DB instance" in "Stopping an Amazon RDS DB instance temporarily".
pub const REJECT_CHANGES: &[(&str, &str)] = &[
    ("stopped", "Start it"),
    ("stopping", "Start it when it has stopped"),
    ("starting", "Wait until it has started"),
    ("creating", "Wait until it is available"),
    ("storage-full", "Add storage"),
    ("failed", "Restore it from a backup"),
    ("restore-error", "Restore it again"),
    ("deleting", "Nothing: it is being deleted"),
    ("delete-precheck", "Nothing: it is being deleted"),
    ("inaccessible-encryption-credentials", "Restore it from a backup, because its KMS key is lost"),
    ("inaccessible-encryption-credentials-recoverable", "Enable its KMS key, and start it"),
    ("incompatible-network", "Repair its subnets or network settings"),
    ("incompatible-option-group", "Repair its option group"),
    ("incompatible-parameters", "Repair its parameter group"),
    ("incompatible-create", "Delete it, and create it again"),
    ("incompatible-restore", "Restore it again"),
    ("insufficient-capacity", "Wait for capacity, or use another instance class"),
    ("upgrade-failed", "Contact AWS Support"),
];

impl InstanceProfile {
    /// What to do before AWS accepts a modification. None in a state that accepts it, passes by itself, or is unknown.
    pub fn before_changes(&self) -> Option<&'static str> {
        REJECT_CHANGES.iter().find(|(status, _)| *status == self.status).map(|(_, first)| *first)
    }

    /// The Multi-AZ DB cluster that it is a member of. Such a cluster has one certificate and no option group; members of
    /// other clusters have a certificate each.
    ///
    /// Source: "Multi-AZ DB cluster deployments" in the RDS user guide.
    pub fn multi_az_cluster(&self) -> Option<&str> {
        let own = ["aurora", "docdb", "neptune"].iter().any(|engine| self.engine.starts_with(engine));
        self.cluster.as_deref().filter(|_| !own)
    }

    /// Whether it is an instance of RDS Custom, to which the settings of RDS's CAs do not apply.
    ///
    /// Source: `CACertificateIdentifier` of `ModifyDBInstance` in the API reference.
    pub fn is_custom(&self) -> bool {
        self.engine.starts_with("custom-")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_accepts_changes_or_rejects_them() {
        assert!(ACCEPT_CHANGES.iter().all(|state| REJECT_CHANGES.iter().all(|(rejects, _)| rejects != state)));
        let mut states: Vec<_> = REJECT_CHANGES.iter().map(|(status, _)| *status).collect();
        states.sort_unstable();
        states.dedup();
        assert_eq!(states.len(), REJECT_CHANGES.len(), "each state is listed once");
    }
}
