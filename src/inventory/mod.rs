//! The inventory: instances, and all their settings that concern TLS.

mod authority;
mod filter;
mod parameters;
mod profile;
mod rds;

pub use filter::{Filter, Tag};
pub use profile::{Certificate, Fleet, InstanceProfile, Level, Parameter, PendingAction};
pub use rds::take;
