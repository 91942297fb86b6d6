//! Why a list of sessions is not complete, and what to do about it.

use std::fmt;

use serde::{Deserialize, Serialize};
use ssl_usage_parsers::TlsStart;

/// Why a list of sessions is not complete.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "code", content = "detail", rename_all = "kebab-case")]
pub enum SampleGap {
    /// The user of the probe may not see the sessions of others; with the user.
    NoPrivilege(String),
    /// `performance_schema` is off, which lists the sessions.
    PerformanceSchemaOff,
    /// The server lists fewer sessions than it counts, because the memory of `performance_schema` is full.
    SessionsLost,
    /// The probe's own session is not in the list.
    OwnSessionMissing,
    /// Clients were logging in, so whether they use TLS is not listed yet.
    LoginsUnderWay,
    /// The clocks of the server and of this machine differ by more than five minutes.
    ClocksDiffer,
    /// The server does not show whether some sessions use TLS, as with those of Babelfish.
    TransportUnknown,
    /// Rows of the list, or the time of the server, could not be read.
    Unreadable,
    /// There are more sessions than a sample holds.
    TooMany,
}

impl SampleGap {
    /// The code in reports.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoPrivilege(_) => "no-privilege",
            Self::PerformanceSchemaOff => "performance-schema-off",
            Self::SessionsLost => "sessions-lost",
            Self::OwnSessionMissing => "own-session-missing",
            Self::LoginsUnderWay => "logins-under-way",
            Self::ClocksDiffer => "clocks-differ",
            Self::TransportUnknown => "transport-unknown",
            Self::Unreadable => "unreadable",
            Self::TooMany => "too-many",
        }
    }

    /// SQL statements that remove the cause, in the language of a protocol; empty if none do.
    pub fn fix(&self, start: TlsStart) -> Vec<String> {
        match self {
            Self::NoPrivilege(user) => grants(user, start),
            _ => Vec::new(),
        }
    }
}

/// The statements that let a user list sessions. `pg_monitor` contains `pg_read_all_stats`, and the master user of RDS may grant
/// it.
///
/// Sources: "Predefined Roles" in the PostgreSQL documentation; "Performance Schema" in that of MySQL; "sys.dm_exec_connections"
/// in that of SQL Server; runs of PostgreSQL 12, 15 and 18, MySQL 9.7 and MariaDB 10.11.
pub fn grants(user: &str, start: TlsStart) -> Vec<String> {
    match start {
        TlsStart::Mysql => {
            let user = user.replace('\\', "\\\\").replace('\'', "''");
            let table = |table| format!("GRANT SELECT ON performance_schema.{table} TO '{user}'@'%';");
            vec![table("threads"), table("status_by_thread")]
        }
        TlsStart::Tds => vec![format!("USE master; GRANT VIEW SERVER STATE TO [{}];", user.replace(']', "]]"))],
        _ => vec![format!("GRANT pg_monitor TO \"{}\";", user.replace('"', "\"\""))],
    }
}

impl fmt::Display for SampleGap {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::NoPrivilege(user) => {
                return write!(out, "the database user {user} may not see the sessions of other users");
            }
            Self::PerformanceSchemaOff => {
                "performance_schema is off, so the server does not list who uses TLS. Its counter of TLS handshakes was read: `ssl-usage analyze` compares it between samples. To list sessions, set the static parameter performance_schema to 1, and restart the instance. With the privilege PROCESS, the probe also compares connection IDs with the audit log."
            }
            Self::SessionsLost => {
                "the server counts more sessions than it lists. Raise performance_schema_max_thread_instances."
            }
            Self::OwnSessionMissing => "the server does not list the session of the probe, so others may be missing too",
            Self::LoginsUnderWay => "clients were logging in while the sessions were listed. Probe again.",
            Self::ClocksDiffer => "the clocks of the server and of this machine differ by more than 5 minutes",
            Self::TransportUnknown => "the server does not show whether some sessions use TLS",
            Self::Unreadable => "a part of the server's answer could not be read. Probe again.",
            Self::TooMany => "there are more sessions than a sample can hold",
        })
    }
}
