//! The evidence bundle: what a fleet's logs, its metrics and its inventory showed, on disk.
//!
//! ```text
//! BUNDLE/bundle.json                                      which version of this layout
//! BUNDLE/fleet/ACCOUNT.REGION.TIME.json                   an inventory
//! BUNDLE/parts/ACCOUNT.REGION.INSTANCE.TIME.json          what one collection read of some logs of one instance
//! BUNDLE/parts/ACCOUNT.REGION.INSTANCE.TIME.parquet       the facts that it found
//! BUNDLE/metrics/ACCOUNT.REGION.TIME.json                 what one collection asked of CloudWatch's metrics
//! BUNDLE/metrics/ACCOUNT.REGION.TIME.parquet              the values: subject (ARN, or name of a proxy), metric,
//!                                                         statistic, hour (start, in seconds since 1970), value
//! ```
//!
//! A file is written once and never changed, under another name first, so that a crash leaves a readable bundle. A
//! bundle is a set of such files: the union of two bundles of a fleet is a bundle, and what both hold counts once (see
//! [`Evidence`]). No text of a log is in it but names of users, databases, addresses and applications.
//!
//! Metrics are no part of older bundles: without the folder nothing is known of them. Of an hour that was asked for
//! twice the higher value counts (see [`Measured::add`](metric::Measured::add)).

mod coverage;
pub mod fact;
mod merge;
pub mod metric;
mod store;

pub use coverage::{Hole, HoleCause, Reading, exported_source, exported_type, listing_source};
pub use merge::{Evidence, InstanceEvidence, Logs, Scope, load};
pub use metric::{Measured, MetricPart};
pub use store::{Bundle, Part, Parts};
