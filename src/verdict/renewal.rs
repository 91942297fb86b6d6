//! When AWS renews a server certificate by itself.
//!
//! Source: "Rotating your SSL/TLS certificate" in the RDS user guide, "Automatic server certificate rotation": AWS attempts
//! it at half of the certificate's life, in the maintenance window. Certificates live 12 months where the engine version
//! takes a new one without a restart, and 36 months otherwise. The API gives only the end.

use jiff::{SignedDuration, Timestamp};

use crate::inventory::{Certificate, InstanceProfile};

/// Days of half the assumed life: 12 months, and 36 months.
const HALF_LIFE: [i64; 2] = [182, 548];

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
    /// When half of its assumed life has passed: AWS renews it in the next maintenance window.
    pub due: Timestamp,
    /// When two maintenance windows have passed after that.
    pub overdue_from: Timestamp,
    /// When AWS must have offered it as a maintenance action.
    pub offered_by: Timestamp,
}

/// The renewal of a certificate; none where its end is unknown. An engine version of which it is unknown whether it restarts
/// is taken for one that does.
pub(super) fn renewal(certificate: &Certificate) -> Option<Renewal> {
    let [short, long] = HALF_LIFE;
    let half_life = if certificate.rotates_without_restart == Some(true) { short } else { long };
    let end = certificate.valid_till?;
    let before = |days: i64| end.checked_sub(SignedDuration::from_hours(24 * days)).ok();
    Some(Renewal {
        due: before(half_life)?,
        overdue_from: before(half_life - TWO_WINDOWS)?,
        offered_by: before(OFFERED)?,
    })
}
