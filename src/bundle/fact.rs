//! Facts: the number of events of one kind, log file, hour and client; and their table.

use std::collections::BTreeMap;

use polars::prelude::{BooleanChunked, Column, DataFrame, IntoColumn, NamedFrom, PolarsResult, Series, StringChunked};

/// Names of the columns of the table of facts.
pub mod column {
    /// ARN of the instance.
    pub const INSTANCE: &str = "instance";
    /// The log file, as the service names it.
    pub const SOURCE: &str = "source";
    /// The log that the file is a form of. Since format 2: merged parts may hold two logs that had one name in turn.
    pub const LOG: &str = "log";
    /// Start of the hour, in seconds since 1970 (UTC).
    pub const HOUR: &str = "hour";
    /// `received`, `connected`, `rejected`, `handshake_failed` or `disconnected`.
    pub const EVENT: &str = "event";
    /// `tls`, `gss`, `plaintext`, `local` or `unknown`, of `connected` and `rejected`.
    pub const TRANSPORT: &str = "transport";
    /// `TLSv1.3` and so on, as the server names it.
    pub const TLS_VERSION: &str = "tls_version";
    /// Cipher as the server names it.
    pub const CIPHER: &str = "cipher";
    /// Database user.
    pub const USER: &str = "user";
    /// Database.
    pub const DATABASE: &str = "database";
    /// Client address without its port.
    pub const ADDRESS: &str = "address";
    /// Application name.
    pub const APPLICATION: &str = "application";
    /// Authentication method, where the log tells.
    pub const AUTH_METHOD: &str = "auth_method";
    /// Of `handshake_failed`: `client-rejected-certificate`, `protocol-mismatch`, `probe` or `other`. Of `connected` with TLS:
    /// [`cause::TEXT_BEHIND_MARK`](super::cause::TEXT_BEHIND_MARK) or none.
    pub const CAUSE: &str = "cause";
    /// Whether the client is AWS's own.
    pub const SYSTEM: &str = "system";
    /// How many events.
    pub const COUNT: &str = "count";
    /// First of them, in microseconds since 1970 (UTC).
    pub const FIRST_SEEN: &str = "first_seen";
    /// Last of them, in microseconds since 1970 (UTC).
    pub const LAST_SEEN: &str = "last_seen";
    /// Of `disconnected`, where the log tells how long the sessions lasted: the first whole hour at which they were open,
    /// in seconds since 1970 (UTC). None where they were open at none.
    pub const OPEN_FROM: &str = "open_from";
    /// The last whole hour at which they were open, likewise.
    pub const OPEN_TO: &str = "open_to";
}

/// Values of the column [`column::CAUSE`].
pub mod cause {
    /// The log has text behind the mark of TLS, so that a client without TLS may have written the mark.
    pub const TEXT_BEHIND_MARK: &str = "text-behind-mark";
    /// The client did not accept the certificate.
    pub const CLIENT_REJECTED: &str = "client-rejected-certificate";
}

/// All columns of facts that are kept.
pub(super) const COLUMNS: [&str; 20] = [
    column::INSTANCE,
    column::SOURCE,
    column::LOG,
    column::HOUR,
    column::EVENT,
    column::TRANSPORT,
    column::TLS_VERSION,
    column::CIPHER,
    column::USER,
    column::DATABASE,
    column::ADDRESS,
    column::APPLICATION,
    column::AUTH_METHOD,
    column::CAUSE,
    column::SYSTEM,
    column::COUNT,
    column::FIRST_SEEN,
    column::LAST_SEEN,
    column::OPEN_FROM,
    column::OPEN_TO,
];

/// The key of a fact. Text that is not UTF-8 in the log has its bytes written as `\xNN`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// See [`mod@column`], here and below.
    pub source: String,
    /// Start of the hour.
    pub hour: i64,
    /// What happened.
    pub event: &'static str,
    /// Its transport.
    pub transport: Option<&'static str>,
    /// TLS version.
    pub tls_version: Option<String>,
    /// Cipher.
    pub cipher: Option<String>,
    /// Database user.
    pub user: Option<String>,
    /// Database.
    pub database: Option<String>,
    /// Client address.
    pub address: Option<String>,
    /// Application name.
    pub application: Option<String>,
    /// Authentication method.
    pub auth_method: Option<String>,
    /// Why a handshake failed.
    pub cause: Option<&'static str>,
    /// AWS's own client.
    pub system: bool,
    /// The first and the last whole hour at which a session that ended was open.
    pub open: Option<(i64, i64)>,
}

/// How many events share a key, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tallied {
    /// How many.
    pub count: u64,
    /// First of them, in microseconds since 1970 (UTC).
    pub first_seen: i64,
    /// Last of them.
    pub last_seen: i64,
}

/// The table of an instance's facts.
///
/// # Errors
///
/// When polars refuses the columns, which are all of one length.
pub fn table(instance: &str, facts: &[(Key, Tallied)]) -> PolarsResult<DataFrame> {
    let text = |name: &str, value: fn(&Key) -> Option<&str>| -> Column {
        let values: Vec<_> = facts.iter().map(|(key, _)| value(key)).collect();
        Series::new(name.into(), values).into_column()
    };
    let number = |name: &str, value: fn(&(Key, Tallied)) -> i64| -> Column {
        Series::new(name.into(), facts.iter().map(value).collect::<Vec<_>>()).into_column()
    };
    let hour = |name: &str, value: fn(&Key) -> Option<i64>| -> Column {
        Series::new(name.into(), facts.iter().map(|(key, _)| value(key)).collect::<Vec<_>>()).into_column()
    };
    let counts: Vec<u64> = facts.iter().map(|(_, tallied)| tallied.count).collect();
    let systems: Vec<bool> = facts.iter().map(|(key, _)| key.system).collect();
    DataFrame::new(
        facts.len(),
        vec![
            Series::new(column::INSTANCE.into(), vec![instance; facts.len()]).into_column(),
            text(column::SOURCE, |key| Some(&key.source)),
            number(column::HOUR, |(key, _)| key.hour),
            text(column::EVENT, |key| Some(key.event)),
            text(column::TRANSPORT, |key| key.transport),
            text(column::TLS_VERSION, |key| key.tls_version.as_deref()),
            text(column::CIPHER, |key| key.cipher.as_deref()),
            text(column::USER, |key| key.user.as_deref()),
            text(column::DATABASE, |key| key.database.as_deref()),
            text(column::ADDRESS, |key| key.address.as_deref()),
            text(column::APPLICATION, |key| key.application.as_deref()),
            text(column::AUTH_METHOD, |key| key.auth_method.as_deref()),
            text(column::CAUSE, |key| key.cause),
            Series::new(column::SYSTEM.into(), systems).into_column(),
            Series::new(column::COUNT.into(), counts).into_column(),
            number(column::FIRST_SEEN, |(_, tallied)| tallied.first_seen),
            number(column::LAST_SEEN, |(_, tallied)| tallied.last_seen),
            hour(column::OPEN_FROM, |key| key.open.map(|(from, _)| from)),
            hour(column::OPEN_TO, |key| key.open.map(|(_, to)| to)),
        ],
    )
}

/// Adds to facts of one part the log that each stands in, by its source.
pub(super) fn with_logs(mut facts: DataFrame, log_of: &BTreeMap<&str, &str>) -> PolarsResult<DataFrame> {
    let sources = facts.column(column::SOURCE)?.str()?;
    let logs: StringChunked = sources.iter().map(|source| log_of.get(source?).copied()).collect();
    facts.with_column(logs.with_name(column::LOG.into()).into_column())?;
    Ok(facts)
}

/// Of a part's facts, those that are kept; in the columns that this version knows. `wanted` has the logs, each with the source
/// that it is in.
pub(super) fn kept(facts: DataFrame, is_kept: &[bool], wanted: &BTreeMap<String, String>) -> PolarsResult<DataFrame> {
    let facts = if facts.column(column::LOG).is_ok() {
        facts
    } else {
        with_logs(facts, &wanted.iter().map(|(log, source)| (source.as_str(), log.as_str())).collect())?
    };
    let is_kept: BooleanChunked = is_kept.iter().copied().map(Some).collect();
    completed(facts.filter(&is_kept)?)?.select(COLUMNS)
}

/// A table that an older version wrote, with what it lacks.
fn completed(mut table: DataFrame) -> PolarsResult<DataFrame> {
    for name in [column::OPEN_FROM, column::OPEN_TO] {
        if table.column(name).is_err() {
            table.with_column(Series::new(name.into(), vec![None::<i64>; table.height()]).into_column())?;
        }
    }
    Ok(table)
}
