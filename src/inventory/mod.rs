//! The inventory: instances, and all their settings that concern TLS.

mod authority;
mod filter;
mod instance_id;
mod parameters;
mod profile;
mod rds;

pub use filter::{Filter, NamePattern, Tag};
pub use instance_id::{InstanceId, Member};
pub use profile::{AccountRegion, Certificate, Collection, Fleet, InstanceProfile, Level, Parameter, PendingAction};
pub use rds::take;
