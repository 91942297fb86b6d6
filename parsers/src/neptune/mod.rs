//! Amazon Neptune. It is listed by the same API, but RDS's certificate authorities do not sign its certificates.
//!
//! It has no parser here: every client uses TLS, so no log needs to show it.

mod engine;

pub use engine::ENGINE;
