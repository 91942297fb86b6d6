//! What there is: instances, and everything about them that bears on TLS.

mod profile;

pub use profile::{Certificate, Fleet, InstanceProfile, Level, Parameter, PendingAction, Trouble};
