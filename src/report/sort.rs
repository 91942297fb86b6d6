//! The order of the instances in a report.

use jiff::Timestamp;

use super::model::{Instance, Report};

/// What instances are sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// The most urgent first.
    #[default]
    Urgency,
    /// By name.
    Instance,
    /// By account and region.
    Account,
    /// By region.
    Region,
    /// By engine and version.
    Engine,
    /// By the date by which a rotation must have happened.
    Days,
    /// What the logs show least of first.
    Seen,
}

/// What instances are grouped by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Account.
    Account,
    /// Region.
    Region,
    /// Engine.
    Engine,
    /// Cluster.
    Cluster,
}

impl Group {
    /// The group that an instance is in.
    pub(super) fn of(self, row: &Instance) -> &str {
        match self {
            Self::Account => &row.id().account,
            Self::Region => &row.id().region,
            Self::Engine => &row.engine,
            Self::Cluster => row.cluster().unwrap_or("no cluster"),
        }
    }
}

impl Report {
    /// Puts the instances in another order; those that are equal in it stay by urgency.
    pub fn arrange(&mut self, by: Sort, group: Option<Group>) {
        let rows = &mut self.instances;
        match by {
            Sort::Urgency => {}
            Sort::Instance => rows.sort_by(|one, other| one.id().instance.cmp(&other.id().instance)),
            Sort::Account => {
                rows.sort_by_cached_key(|row| (row.id().account.clone(), row.id().region.clone()));
            }
            Sort::Region => rows.sort_by(|one, other| one.id().region.cmp(&other.id().region)),
            Sort::Engine => {
                let key = |row: &Instance| (row.engine.clone(), row.engine_version.clone());
                rows.sort_by_cached_key(key);
            }
            Sort::Days => rows.sort_by_key(|row| row.act_by.unwrap_or(Timestamp::MAX)),
            Sort::Seen => rows.sort_by(|one, other| one.coverage.share.total_cmp(&other.coverage.share)),
        }
        if let Some(group) = group {
            rows.sort_by(|one, other| group.of(one).cmp(group.of(other)));
        }
    }
}
