//! A fact: how many events of one kind one log holds, in one hour, of one client.

use serde::{Deserialize, Serialize};

/// A row of evidence. Text that is not UTF-8 in the log has its bytes written as `\xNN`.
///
/// Facts of one source are never changed, only replaced by a longer reading of the same source: that is what makes bundles merge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// ARN of the instance.
    pub instance: String,
    /// The log that the events stand in, as the service names it: `error/postgresql.log.2026-11-23-10`.
    pub source: String,
    /// Start of the hour, in seconds since 1970 (UTC).
    pub hour: i64,
    /// `connected`, `rejected`, `handshake_failed` or `disconnected`.
    pub event: String,
    /// `tls`, `gss`, `plaintext`, `local` or `unknown`; of a rejected attempt too, where the log tells.
    pub transport: String,
    /// `TLSv1.3` and so on, as the server names it.
    pub tls_version: Option<String>,
    /// Cipher as the server names it.
    pub cipher: Option<String>,
    /// Database user.
    pub user: Option<String>,
    /// Database.
    pub database: Option<String>,
    /// Client address, without its port.
    pub address: Option<String>,
    /// Application name.
    pub application: Option<String>,
    /// Authentication method, where the log tells: `scram-sha-256`, `iam`, ...
    pub auth_method: Option<String>,
    /// For `handshake_failed`: `client-rejected-certificate`, `protocol-mismatch`, `probe` or `other`.
    pub cause: Option<String>,
    /// Whether the client is AWS's own (`rdsadmin` and its kin).
    pub system: bool,
    /// How many events.
    pub count: u64,
    /// First of them, in microseconds since 1970 (UTC).
    pub first_seen: i64,
    /// Last of them, in microseconds since 1970 (UTC).
    pub last_seen: i64,
}
