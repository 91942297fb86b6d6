//! When AWS renews a server certificate by itself.
//!
//! Source: "Rotating your SSL/TLS certificate" in the RDS user guide, "Automatic server certificate rotation": AWS attempts
//! it at half of the certificate's life, in the maintenance window. Certificates live 12 months where the engine version
//! takes a new one without a restart, and 36 months otherwise. The API gives only the end.

use jiff::{SignedDuration, Timestamp};

use crate::inventory::{InstanceProfile, MaintenanceWindow};

/// Days in which two weekly maintenance windows come, whenever they are.
const TWO_WINDOWS: i64 = 14;

/// Days before its end by which AWS offers the rotation of a certificate that takes a restart.
const OFFERED: i64 = 90;

/// Statuses of instances in which AWS carries out maintenance. An instance in any other, such as `stopped`, `storage-full`
/// or `failed`, misses its renewal.
///
/// Source: "Viewing Amazon RDS DB instance status" in the RDS user guide.
const MAINTAINED: &[&str] = &[
    "available",
    "backing-up",
    "converting-to-vpc",
    "creating",
    "maintenance",
    "modifying",
    "moving-to-vpc",
    "rebooting",
    "renaming",
    "resetting-master-credentials",
    "starting",
    "storage-config-upgrade",
    "storage-initialization",
    "storage-optimization",
    "upgrading",
];

/// Whether AWS carries out maintenance on an instance in this state.
pub(super) fn is_maintained(profile: &InstanceProfile) -> bool {
    let status = profile.status.as_str();
    MAINTAINED.contains(&status) || status.starts_with("configuring-")
}

/// The renewal of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Renewal {
    /// The maintenance window in which AWS renews it: the first after half of its assumed life.
    pub due: Timestamp,
    /// When that window and the next have passed.
    pub overdue_from: Timestamp,
    /// When AWS must have offered it as a maintenance action.
    pub offered_by: Timestamp,
}

/// The renewal of an instance's certificate; none where its end is unknown. An engine version of which it is unknown whether
/// it restarts is taken for one that does.
pub(super) fn renewal(profile: &InstanceProfile) -> Option<Renewal> {
    let days = |days: i64| SignedDuration::from_hours(24 * days);
    let due = profile.renewal_due()?;
    let window = profile.maintenance_window.as_deref().and_then(MaintenanceWindow::parse);
    let passed = window.map_or(days(TWO_WINDOWS), |window| days(7) + window.length());
    Some(Renewal {
        due,
        overdue_from: due.checked_add(passed).ok()?,
        offered_by: profile.certificate.valid_till?.checked_sub(days(OFFERED)).ok()?,
    })
}
