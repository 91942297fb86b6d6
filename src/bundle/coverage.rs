//! What was read of the logs, and what is missing.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::window::Window;

/// How the names of readings out of CloudWatch Logs begin.
const CLOUDWATCH: &str = "cloudwatch:";

/// The name of what is read of a log group for the hour that begins at `hour`:
/// `cloudwatch:/aws/rds/instance/orders/postgresql:2026-11-22T10`.
pub fn exported_source(group: &str, hour: Timestamp) -> String {
    format!("{CLOUDWATCH}{group}:{}", hour.strftime("%Y-%m-%dT%H"))
}

/// The log type, `postgresql`, of a reading that [`exported_source`] gave this name; none for a file.
pub fn exported_type(source: &str) -> Option<&str> {
    let (group, _) = source.strip_prefix(CLOUDWATCH)?.rsplit_once(':')?;
    group.rsplit('/').next()
}

/// The name of a listing of a kind of log that failed, by how the names of its files begin.
pub fn listing_source(prefix: &str) -> String {
    format!("{prefix}*")
}

/// What was read of one log file, or of one hour of a log in CloudWatch Logs.
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
    /// Records about connections that were understood, of any kind.
    pub records: u64,
    /// Records of sessions among them, AWS's own too.
    pub sessions: u64,
    /// Of those, with TLS.
    pub tls_sessions: u64,
    /// Sessions of which the log cannot tell how they were carried, AWS's own too.
    #[serde(default)]
    pub unknown_sessions: u64,
    /// When the first session was recorded.
    pub first_session_at: Option<Timestamp>,
    /// When the last session was recorded.
    pub last_session_at: Option<Timestamp>,
    /// Records that can only be about connections, and could not be understood.
    pub unparsed: u64,
    /// What of this file is missing.
    #[serde(rename = "holes")]
    pub gaps: Vec<LogGap>,
}

/// Something that should have been read, and was not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogGap {
    /// Why.
    pub cause: GapCause,
    /// What happened and what to do next, in one sentence.
    pub message: String,
}

/// Why something is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GapCause {
    /// AWS refused the call.
    Denied,
    /// AWS kept throttling the call.
    Throttled,
    /// The log was listed, and was gone when it was asked for.
    Vanished,
    /// Fewer bytes came than the listing promised.
    Truncated,
    /// Records could not be understood.
    Unparsed,
    /// The format was not recognised, or the records are in a language that is not read.
    UnknownFormat,
    /// The times in the log name a zone that is not known.
    UnknownZone,
    /// Its times go back, or differ from when AWS received them: some may be a client's.
    Disordered,
    /// Anything else that went wrong.
    Failed,
}

impl LogRead {
    /// Whether it is a listing that failed.
    pub fn is_listing(&self) -> bool {
        self.source.ends_with('*')
    }
}

impl GapCause {
    /// The word used in reports.
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
            Self::Failed => "failed",
        }
    }
}
