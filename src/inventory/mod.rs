//! What there is: instances, and everything about them that bears on TLS.

mod authority;
mod filter;
mod instance_id;
mod parameters;
mod profile;
mod rds;

pub use filter::{Filter, NamePattern, Tag};
pub use instance_id::{InstanceId, Member};
pub use profile::{Certificate, Fleet, InstanceProfile, Level, Parameter, PendingAction};
pub use rds::take;
