//! Do my Amazon RDS, Aurora and DocumentDB instances actually use SSL, and must I rotate their certificates?
//!
//! ```text
//! inventory ─┐
//! logs ──────┼─> collect ──> bundle ──> usage ──> verdict ──> report
//! metrics ───┘
//! ```
//!
//! Imports point one way only, from right to left in this picture; nothing imports `cli`.

pub mod aws;
pub mod bundle;
pub mod cli;
pub mod clients;
pub mod collect;
pub mod diff;
pub mod enable_logging;
pub mod error;
pub mod inventory;
pub mod logs;
pub mod metrics;
pub mod plan;
pub mod preflight;
pub mod problem;
pub mod progress;
pub mod report;
pub mod scan;
pub mod shell;
pub mod text;
pub mod usage;
pub mod verdict;
pub mod window;

pub use error::{Error, ErrorKind, Result};
pub use problem::Problem;
