//! Do my Amazon RDS, Aurora and DocumentDB instances actually use SSL, and must I rotate their certificates?
//!
//! ```text
//! cli                                the command line: arguments, progress, exit statuses
//! plan                               in which order to rotate
//! clients, diff, preflight, probe    other documents that are made of reports or evidence
//! report                             the report and its formats
//! verdict, collect                   the rules; from AWS into a bundle
//! usage, enable_logging, metrics     what sessions were seen; how to log them; CloudWatch's metrics
//! events                             events of CloudWatch Logs in files
//! scan, bundle                       what a log shows; evidence on disk
//! sessions                           who is connected to a server
//! handshake                          certificates that servers present
//! inventory, logs                    instances and their settings; bytes of logs
//! aws                                accounts, regions, credentials, calls
//! ```
//!
//! A module imports modules of lines below its own only, and `error`, `problem`, `progress`, `shell` and `window`, which
//! stand beside them all. A library needs nothing of `cli`: [`collect::FleetRequest`] collects the evidence of a fleet into a
//! bundle, [`bundle::load`] reads it, and [`report::Report::new`] judges it.

pub mod aws;
pub mod bundle;
pub mod cli;
pub mod clients;
pub mod collect;
pub mod diff;
pub mod enable_logging;
pub mod error;
pub mod events;
pub mod handshake;
pub mod inventory;
pub mod logs;
pub mod metrics;
pub mod plan;
pub mod preflight;
pub mod probe;
pub mod problem;
pub mod progress;
pub mod report;
pub mod scan;
pub mod sessions;
pub mod shell;
pub mod text;
pub mod usage;
pub mod verdict;
pub mod window;

pub use error::{Error, ErrorKind, Result};
pub use problem::Problem;
