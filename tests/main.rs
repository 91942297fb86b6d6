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
mod aws_cli;
mod browser;
mod bundle;
mod clients;
mod clock;
mod cloudwatch_logs;
mod clusters;
mod command;
mod copied_events;
mod copied_logs;
mod credentials;
mod damaged_bundles;
mod deployment;
mod diff;
mod disturbances;
mod documents;
mod download;
mod endpoints;
mod engines;
mod evidence;
mod fake_aws;
mod fake_s3;
mod fleet;
mod formats;
mod golden;
mod hostile_logs;
mod integrations;
mod integrity;
mod interrupted;
mod json_schema;
mod memory;
mod metrics;
mod network;
mod output;
mod owners;
mod peers;
mod personas;
mod places;
mod plan;
mod policy;
mod preflight;
mod probe;
mod quick;
mod restarts;
mod resume;
mod s3;
mod scan;
mod scan_groups;
mod sealing;
mod selection;
mod simulated;
mod simulator;
mod spreadsheets;
mod terminal;
mod words;
mod writers;
