//! What a verdict demands of the evidence. Every report prints the policy that it was made with.

use serde::{Deserialize, Serialize};

/// The demands.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// Least share of the window that the logs must have shown before "no TLS" is believed, 0 to 1.
    pub least_coverage: f64,
    /// Least number of hours that the window must be long: an instance that was made an hour ago has shown nothing yet.
    pub least_window_hours: u32,
    /// Least number of client sessions that must have been seen before "no TLS" is believed.
    pub least_connections: u64,
    /// For how many days a certificate must be good to need no rotation now.
    pub horizon_days: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self { least_coverage: 0.95, least_window_hours: 24, least_connections: 1, horizon_days: 365 }
    }
}
