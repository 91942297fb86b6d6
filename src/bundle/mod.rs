//! The evidence bundle: what a fleet's logs and its inventory showed, on disk.
//!
//! ```text
//! BUNDLE/bundle.json                                      which version of this layout
//! BUNDLE/fleet/ACCOUNT.REGION.TIME.json                   an inventory
//! BUNDLE/parts/ACCOUNT.REGION.INSTANCE.TIME.json          what one collection read of one instance
//! BUNDLE/parts/ACCOUNT.REGION.INSTANCE.TIME.parquet       the facts that it found
//! ```
//!
//! A file is written once and never changed, under another name first, so that a crash leaves a readable bundle. A
//! bundle is a set of such files: the union of two bundles of a fleet is a bundle, and what both hold counts once (see
//! [`Evidence`]). No text of a log is in it but names of users, databases, addresses and applications.

mod coverage;
pub mod fact;
mod merge;
mod store;

pub use coverage::{Hole, HoleCause, Reading, exported_source, exported_type};
pub use merge::{Evidence, InstanceEvidence, Scope, load};
pub use store::{Bundle, Part};
