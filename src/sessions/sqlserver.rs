//! The sessions of a SQL Server: `sys.dm_exec_connections` with `sys.dm_exec_sessions`.
//!
//! SQL Server encrypts the login of every client that can do so, even if the session is not encrypted after it. `encrypt_option`
//! is that of the session. The Extended Event `process_login_finish` records the TLS of the login; see `login_events.rs`.
//!
//! Sources: "sys.dm_exec_connections" and "sys.dm_exec_sessions" in the SQL Server documentation; \[MS-TDS\], section 2.2.6.5. No
//! SQL Server was at hand: `tests/peers/sqlserver.rs` runs against the test server of Microsoft's own client.

use jiff::Timestamp;
use ssl_usage_parsers::{Engine, is_local};

use super::database::{Database, QueryError, Row};
use super::gap::SampleGap;
use super::sample::{SampledSession, SessionTransport};
use super::{MOST_SESSIONS, Reading, is_system, number, without_own};

/// The time, the number and the address of the own session, whether it may see others, and the start of the server.
const OWN: &str = include_str!("sqlserver/own.sql");

/// Connections. A second one of the same session (MARS) is left out.
const SESSIONS: &str = include_str!("sqlserver/sessions.sql");

/// Columns of [`SESSIONS`]; the last one is the number of rows.
const COLUMNS: usize = 10;

/// Errors that mean that a privilege is missing.
///
/// Source: "Database Engine errors" in the SQL Server documentation.
const DENIED: [&str; 3] = ["229", "297", "300"];

/// The address of clients on the machine of the server.
const LOCAL: &str = "<local machine>";
/// The same, as its log says it.
const LOCAL_IN_LOG: &str = "[local]";

/// Reads them as `user`.
pub(super) async fn read(
    database: &mut Database,
    (engine, user): (&'static Engine, &str),
) -> Result<Reading, QueryError> {
    let listed = match database.rows(SESSIONS).await {
        Ok(rows) => Ok(rows),
        Err(error) if DENIED.contains(&error.code.as_str()) => Err(SampleGap::NoPrivilege(user.to_owned())),
        Err(error) => return Err(error),
    };
    // After the list: a session that had ended by then is not in it.
    let own = database.rows(OWN).await?.into_iter().next().unwrap_or_default();
    let own = |at: usize| own.get(at).cloned().flatten();
    let server_time = millisecond(own(0).as_deref());
    let at = server_time.unwrap_or_else(Timestamp::now);
    let own_id: Option<u64> = number(own(1).as_deref());
    let mut reading = Reading { at, address: own(2), own_id, ..Reading::default() };
    match listed {
        Err(gap) => reading.listed.gap = Some(gap),
        Ok(rows) => {
            reading.listed.started_at = rows.iter().find_map(|row| millisecond(row.get(8)?.as_deref()));
            let all = rows.iter().filter_map(|row| session(row, engine, at));
            let (is_own_there, others) = without_own(all, own_id);
            reading.sessions = others;
            // Each row says how many there are.
            let count = |row: &Row| number::<usize>(row.get(9)?.as_deref());
            let is_whole = |row: &Row| {
                row.len() == COLUMNS
                    && number::<u64>(row.first().cloned().flatten().as_deref()).is_some()
                    && count(row) == Some(rows.len())
            };
            let is_readable = server_time.is_some() && rows.iter().all(is_whole);
            reading.listed.gap = match is_own_there {
                _ if rows.len() > MOST_SESSIONS => Some(SampleGap::TooMany),
                _ if !is_readable => Some(SampleGap::Unreadable),
                false => Some(SampleGap::OwnSessionMissing),
                true => None,
            };
        }
    }
    Ok(reading)
}

/// The session of a row. A connection without one serves no client, but the servers themselves.
fn session(row: &Row, engine: &Engine, at: Timestamp) -> Option<SampledSession> {
    let column = |at: usize| row.get(at).and_then(Option::as_deref);
    let owned = |at: usize| column(at).filter(|text| !text.is_empty()).map(str::to_owned);
    let (user, address) = (owned(2), owned(4));
    let is_here = address.as_deref().is_some_and(|address| address == LOCAL || is_local(address.as_bytes()));
    let transport = match (column(6), column(5)) {
        (Some("TRUE"), _) => SessionTransport::Tls,
        (Some("FALSE"), Some("Shared memory" | "Named pipe")) => SessionTransport::Local,
        (Some("FALSE"), Some("TCP")) if is_here => SessionTransport::Local,
        (Some("FALSE"), Some("TCP")) if address.is_some() => SessionTransport::Plaintext,
        _ => SessionTransport::Unknown,
    };
    let address = address.map(|address| if address == LOCAL { LOCAL_IN_LOG.to_owned() } else { address });
    let name = user.as_deref().unwrap_or_default();
    Some(SampledSession {
        first_seen: at,
        last_seen: at,
        id: number(column(0))?,
        started_at: millisecond(column(1)),
        transport,
        tls_version: None,
        cipher: None,
        system: is_system(engine, name, address.as_deref()),
        user,
        database: owned(3),
        address,
        application: owned(7),
    })
}

/// Milliseconds since 1970.
fn millisecond(text: Option<&str>) -> Option<Timestamp> {
    Timestamp::from_millisecond(number(text)?).ok()
}
