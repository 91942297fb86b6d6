//! Amazon Neptune. It is listed by the same API, but RDS's certificate authorities do not sign its certificates.

mod engine;

pub use engine::ENGINE;
