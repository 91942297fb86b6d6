//! Log reads: what was read of each log, and its gaps.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::window::Window;

/// Prefix of the names of log reads from CloudWatch Logs.
const CLOUDWATCH: &str = "cloudwatch:";

/// The name of the log read of a log group for the hour that begins at `hour`:
/// `cloudwatch:/aws/rds/instance/orders/postgresql:2026-11-22T10`.
pub fn exported_source(group: &str, hour: Timestamp) -> String {
    format!("{CLOUDWATCH}{group}:{}", hour.strftime("%Y-%m-%dT%H"))
}

/// The log type, such as `postgresql`, of a log read named by [`exported_source`]; none for a file.
pub fn exported_type(source: &str) -> Option<&str> {
    let (group, _) = source.strip_prefix(CLOUDWATCH)?.rsplit_once(':')?;
    group.rsplit('/').next()
}

/// The name of a failed listing of a kind of log, by the prefix of its file names.
pub fn listing_source(prefix: &str) -> String {
    format!("{prefix}*")
}

/// The read of one log file, or of one hour of a log in CloudWatch Logs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogRead {
    /// The file, as the service names it: `error/postgresql.log.2026-11-23-10.csv`; or [`exported_source`]; or
    /// [`listing_source`], of all that was written since the last one that is known.
    pub source: String,
    /// The log that the file is a form of; files with the same records share it.
    pub log: String,
    /// Format that it was read in: `stderr`, `csvlog`, `jsonlog`; none when it was empty or not recognised.
    pub format: Option<String>,
    /// The `log_line_prefix` that its lines were read with, of PostgreSQL's stderr logs.
    #[serde(default)]
    pub log_line_prefix: Option<String>,
    /// Size that the listing gave, in bytes; 0 out of CloudWatch Logs, which lists none.
    pub listed_bytes: u64,
    /// When it was last written to, by the listing; out of CloudWatch Logs, the end of what was asked for.
    #[serde(default)]
    pub last_written: Option<Timestamp>,
    /// Bytes read; out of CloudWatch Logs, those of the records that were asked for, which may be a small part of the log.
    pub read_bytes: u64,
    /// The span of time whose records stand in this file; none when it was not read, or when its times say nothing.
    pub span: Option<Window>,
    /// Whether the file was complete when it was read, so that it need not be read again.
    pub complete: bool,
    /// Parsed connection records of any kind.
    pub records: u64,
    /// Records of sessions among them, AWS's own too.
    pub sessions: u64,
    /// Of those, with TLS.
    pub tls_sessions: u64,
    /// Sessions whose transport the log does not show, AWS's own too.
    #[serde(default)]
    pub unknown_sessions: u64,
    /// When the first session was recorded.
    pub first_session_at: Option<Timestamp>,
    /// When the last session was recorded.
    pub last_session_at: Option<Timestamp>,
    /// Connection records that could not be parsed.
    pub unparsed: u64,
    /// The gaps in this file.
    #[serde(rename = "holes")]
    pub gaps: Vec<LogGap>,
    /// Of an audit log of MySQL or MariaDB: which connection IDs were given when, in the order of time.
    #[serde(default)]
    pub connection_ids: Vec<IdBound>,
}

/// How high the connection IDs of a server were at a time: it gave no higher one before, since it was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct IdBound {
    /// The time.
    pub at: Timestamp,
    /// The ID.
    pub highest: u32,
}

/// A gap in a log: something that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogGap {
    /// The cause.
    pub cause: GapCause,
    /// What happened and what to do next, in one line.
    pub message: String,
}

/// The cause of a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GapCause {
    /// AWS denied the call.
    Denied,
    /// AWS kept throttling the call.
    Throttled,
    /// The log was listed, but no longer existed when it was read.
    Vanished,
    /// Fewer bytes were received than listed.
    Truncated,
    /// Records could not be parsed.
    Unparsed,
    /// The format was not recognised, or the language of the records is not supported.
    UnknownFormat,
    /// The times in the log have an unknown time zone.
    UnknownZone,
    /// Its times go backwards, or differ from when AWS received them: a client may have written some.
    Disordered,
    /// Left out, because the verdict was certain without it (`--quick`).
    NotRead,
    /// Another error.
    Failed,
}

impl LogRead {
    /// When the first and the last session were recorded; none without sessions.
    pub fn sessions_between(&self) -> Option<(Timestamp, Timestamp)> {
        self.first_session_at.zip(self.last_session_at)
    }

    /// Whether it was left out, because the verdict was certain without it.
    pub fn is_left_out(&self) -> bool {
        self.gaps.iter().any(|gap| gap.cause == GapCause::NotRead)
    }

    /// Whether it is a failed listing.
    pub fn is_listing(&self) -> bool {
        self.source.ends_with('*')
    }
}

impl GapCause {
    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::Throttled => "throttled",
            Self::Vanished => "vanished",
            Self::Truncated => "truncated",
            Self::Unparsed => "unparsed",
            Self::UnknownFormat => "unknown-format",
            Self::UnknownZone => "unknown-zone",
            Self::Disordered => "disordered",
            Self::NotRead => "not-read",
            Self::Failed => "failed",
        }
    }
}
