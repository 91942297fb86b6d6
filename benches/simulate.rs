//! Whether any verdict is too mild, on 10,000 instances of which the truth is known.
//!
//! ```text
//! cargo bench --bench simulate
//! SSL_USAGE_SIMULATE_SEED=7 SSL_USAGE_SIMULATE_INSTANCES=500 cargo bench --bench simulate
//! ```
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    dead_code,
    unused_imports,
    reason = "a benchmark prints, and stops at what is wrong; it needs a part of the fake only"
)]

#[path = "../tests/fake_aws/mod.rs"]
mod fake_aws;
#[path = "../tests/simulator/mod.rs"]
mod simulator;

fn main() {
    println!("{}", simulator::simulate(std::path::Path::new(env!("CARGO_TARGET_TMPDIR")), 1, 10_000));
}
