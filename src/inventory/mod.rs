//! The inventory: instances, and all their settings that concern TLS.

mod authority;
mod filter;
mod instance_id;
pub mod network;
mod parameters;
mod profile;
mod rds;

pub use filter::{Filter, NamePattern, Tag};
pub use instance_id::{InstanceId, Member};
pub use network::NetworkInterface;
pub use profile::{Certificate, Fleet, InstanceProfile, Level, Parameter, PendingAction};
pub use rds::take;
