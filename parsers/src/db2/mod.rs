//! RDS for Db2. No log of it is known to show the transport of sessions.

mod engine;

pub use engine::ENGINE;
