//! The evidence bundle: facts of logs, metrics and inventories on disk.
//!
//! `README.md` beside this file is the format: files, columns, types and units, for other tools too.
//!
//! A file is written once and never changed, under another name first, so that a crash leaves a readable bundle. A
//! bundle is a set of such files: the union of two bundles of a fleet is a bundle, and what both hold counts once (see
//! [`Evidence`]). Merging makes one file of many that hold the same ([`Bundle::compact`]). No text of a log is in it but
//! names of users, databases, addresses and applications.
//!
//! Changed files are detected, and so are missing ones: files are
//! sealed, and a record lists those of a collection that has ended.
//!
//! Metrics are no part of older bundles: without the folder nothing is known of them. Of an hour that was asked for
//! twice the higher value counts (see [`Measured::add`](metric::Measured::add)).
//!
//! Network interfaces decide no verdict, so that a file of them that is damaged or missing is an error and nothing more.

mod atomic_file;
mod canonical;
mod combine;
mod compact;
mod coverage;
mod current;
mod digest;
mod evidence;
pub mod fact;
mod fact_file;
mod facts;
mod log_reads;
mod merge;
pub mod metric;
mod network;
mod part;
mod probe;
mod range;
mod record;
mod region_metrics;
mod seal;
mod series;
mod store;
mod table;
#[cfg(test)]
mod tests;
mod texts;
mod working_copy;

pub use coverage::{GapCause, IdBound, LogGap, LogRead, exported_source, exported_type, listing_source};
pub use digest::of_all;
pub use evidence::{Evidence, InstanceEvidence, Logs, RegionNetwork, Scope, load};
pub use facts::{Event, EventKind, Fact, Facts};
pub use merge::NEAR;
pub use metric::{Measured, MetricPart};
pub use network::{Network, NetworkPart, Sighting};
pub use part::{Known, Part, Parts};
pub use probe::{ProbePart, ProbeRow};
pub use range::is_time;
pub use seal::Digests;
pub use store::{Bundle, ListedFleet};
pub use working_copy::WorkingCopy;
