//! What a user sees: the command run as a process, on real logs and against a fake AWS over HTTP.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test stops at what is wrong"
)]

mod architecture;
mod aws;
mod bundle;
mod cloudwatch_logs;
mod command;
mod download;
mod engines;
mod fake_aws;
mod fleet;
mod formats;
mod golden;
mod metrics;
mod peers;
mod places;
mod resume;
mod scan;
