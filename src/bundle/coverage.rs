//! Coverage: which part of the evidence was really read.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::window::Window;

/// What was read of one log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceCoverage {
    /// The log, as the service names it.
    pub source: String,
    /// Format that it was read in: `stderr`, `csvlog`, `jsonlog`; none when it was not recognised.
    pub format: Option<String>,
    /// Size that the listing gave, in bytes.
    pub listed_bytes: u64,
    /// Bytes read.
    pub read_bytes: u64,
    /// When the log was last written, by the listing.
    pub last_written: Option<Timestamp>,
    /// The span of time that this log was read for; none when it could not be read.
    pub read: Option<Window>,
    /// Records that can only be about connections, and could not be understood.
    pub unparsed: u64,
    /// Records about connections that were understood, of any kind.
    pub records: u64,
    /// What of this log is missing.
    pub holes: Vec<Hole>,
    /// Another log that holds the same sessions and was counted in its stead.
    pub counted_in: Option<String>,
}

/// Something that should have been read, and was not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hole {
    /// Why.
    pub cause: HoleCause,
    /// The span that is missing, where it is known; none means that it may be anywhere in the log.
    pub span: Option<Window>,
    /// What happened, in one sentence.
    pub message: String,
}

/// Why something is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HoleCause {
    /// AWS refused the call.
    Denied,
    /// AWS kept throttling the call.
    Throttled,
    /// The log was listed, and was gone when it was asked for.
    Vanished,
    /// Fewer bytes came than the listing promised, or a mark says that text was cut out.
    Truncated,
    /// Records could not be understood.
    Unparsed,
    /// The format was not recognised.
    UnknownFormat,
    /// The instance could not be asked.
    Unavailable,
    /// Anything else that went wrong.
    Failed,
}
