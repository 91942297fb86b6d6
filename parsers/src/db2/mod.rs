//! RDS for Db2. No log of it is known to show the transport of sessions.
//!
//! It has no parser here. Only parameters show whether TLS is required or ruled out.

mod engine;

pub use engine::ENGINE;
