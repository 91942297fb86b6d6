//! The inventory: instances, and all their settings that concern TLS.

mod authority;
mod clusters;
mod database_login;
mod endpoint;
mod filter;
mod instance_id;
mod maintenance_window;
pub mod network;
mod parameters;
mod pending_changes;
mod profile;
mod rds;
mod status;

pub use database_login::DatabaseLogin;
pub use endpoint::{CertificateFacts, Endpoint, EndpointKind, ExpectedCertificate, ServedCertificate};
pub use filter::{Filter, NamePattern, Tag};
pub use instance_id::{InstanceId, Member};
pub use maintenance_window::MaintenanceWindow;
pub use network::NetworkInterface;
pub use profile::{
    AccountRegion, Certificate, ClusterRole, Collection, Fleet, InstanceProfile, LeftOut, Level, Parameter,
    PendingAction,
};
pub use rds::take;
pub use status::{ACCEPT_CHANGES, REJECT_CHANGES};
