//! The sessions of a PostgreSQL server: `pg_stat_activity` with `pg_stat_ssl`.
//!
//! Without the role `pg_read_all_stats`, the rows of other users have no `backend_start`, and `pg_stat_ssl` says `f` of them:
//! their transport is unknown (seen with PostgreSQL 12.22, 15.18 and 18.4).
//!
//! Source: "The Cumulative Statistics System" in the PostgreSQL documentation.

use jiff::Timestamp;
use ssl_usage_parsers::{Engine, is_local};

use super::database::{Database, QueryError, Row};
use super::gap::SampleGap;
use super::sample::{Listed, SampledSession, SessionTransport};
use super::{MOST_SESSIONS, Reading, instant, is_system, number};

/// The time, the address and the process of the own session, and the start of the server.
const OWN: &str = "SELECT extract(epoch FROM clock_timestamp())::text, host(inet_client_addr()), pg_backend_pid()::text, \
                   extract(epoch FROM pg_postmaster_start_time())::text";

/// Sessions; `{gss}` and `{join}` are there from version 12 on.
const SESSIONS: &str = "SELECT a.pid::text, extract(epoch FROM a.backend_start)::text, a.usename::text, a.datname::text, \
                        host(a.client_addr), a.client_port::text, a.application_name, a.backend_type, s.ssl::text, \
                        s.version, s.cipher, {gss}::text, a.usesysid::text FROM pg_stat_activity a LEFT JOIN pg_stat_ssl s USING (pid) {join} \
                        LIMIT 50001";

/// Columns of [`SESSIONS`].
const COLUMNS: usize = 13;

/// Processes that serve clients.
const OF_CLIENTS: [&str; 2] = ["client backend", "walsender"];

/// The first version with `pg_stat_gssapi`.
const WITH_GSS: i64 = 120_000;

/// Reads them as `user`. With Babelfish, sessions of SQL Server's clients look like sessions without TLS.
pub(super) async fn read(
    database: &mut Database,
    (engine, user): (&'static Engine, &str),
    has_babelfish: bool,
) -> Result<Reading, QueryError> {
    let version = database.rows("SHOW server_version_num").await?.into_iter().flatten().flatten().next();
    let (gss, join) = match number::<i64>(version.as_deref()).is_some_and(|version| version >= WITH_GSS) {
        true => ("g.encrypted", "LEFT JOIN pg_stat_gssapi g USING (pid)"),
        false => ("false", ""),
    };
    let rows = database.rows(&SESSIONS.replace("{gss}", gss).replace("{join}", join)).await?;
    // After the list: a session that had ended by then is not in it.
    let own = database.rows(OWN).await?.into_iter().next().unwrap_or_default();
    let own = |at: usize| own.get(at).cloned().flatten();
    let server_time = instant(own(0).as_deref());
    let at = server_time.unwrap_or_else(Timestamp::now);
    let own_id: Option<u64> = number(own(2).as_deref());
    let mut reading = Reading { at, address: own(1), own_id, ..Reading::default() };
    let (mut is_own_there, mut masked, mut is_unreadable) = (false, false, server_time.is_none());
    for row in &rows {
        let id: Option<u64> = number(row.first().cloned().flatten().as_deref());
        is_unreadable |= !is_readable(row);
        if id.is_some() && id == own_id && !is_own_there {
            is_own_there = true;
            continue;
        }
        match session(row, (engine, at), has_babelfish) {
            Some(session) => reading.sessions.push(session),
            None => masked |= is_masked(row, engine),
        }
    }
    let gap = match (masked, is_own_there) {
        _ if rows.len() > MOST_SESSIONS => Some(SampleGap::TooMany),
        _ if is_unreadable => Some(SampleGap::Unreadable),
        (true, _) => Some(SampleGap::NoPrivilege(user.to_owned())),
        (_, false) => Some(SampleGap::OwnSessionMissing),
        _ => None,
    };
    reading.listed = Listed { gap, started_at: instant(own(3).as_deref()), ..Listed::default() };
    Ok(reading)
}

/// Whether a row is as [`SESSIONS`] asks for it. Rows of others may be masked, and processes may have no client.
fn is_readable(row: &Row) -> bool {
    let column = |at: usize| row.get(at).and_then(Option::as_deref);
    let is_time = |text: Option<&str>| text.is_none() || instant(text).is_some();
    let is_whole = column(1).is_none() || column(7).is_some();
    row.len() == COLUMNS && number::<u64>(column(0)).is_some() && is_time(column(1)) && is_whole
}

/// Whether a row is of a session that the probe may not see. Processes without a role serve no client yet.
fn is_masked(row: &Row, engine: &Engine) -> bool {
    let column = |at: usize| row.get(at).and_then(Option::as_deref);
    column(1).is_none() && column(12).is_some() && !column(2).is_some_and(|user| is_system(engine, user, None))
}

/// The session of a row; none for other processes, for a login that has not ended, and for what the probe may not see.
fn session(row: &Row, (engine, at): (&Engine, Timestamp), has_babelfish: bool) -> Option<SampledSession> {
    let column = |at: usize| row.get(at).and_then(Option::as_deref);
    let owned = |at: usize| column(at).filter(|text| !text.is_empty()).map(str::to_owned);
    // Whatever has a client serves one: a kind that is not known is not left out.
    if !column(7).is_some_and(|kind| OF_CLIENTS.contains(&kind)) && column(5).is_none() {
        return None;
    }
    // A role that was dropped has no name, and its sessions stay. A login that has not ended has no role.
    column(12)?;
    let (started_at, user) = (instant(column(1))?, owned(2));
    let (address, port) = (owned(4), column(5));
    let is_socket = port == Some("-1") || address.as_deref().is_some_and(|address| is_local(address.as_bytes()));
    let transport = match (column(8), column(11)) {
        (Some("true"), _) => SessionTransport::Tls,
        (Some("false"), Some("true")) => SessionTransport::Gss,
        (Some("false"), Some("false") | None) if is_socket => SessionTransport::Local,
        (Some("false"), Some("false") | None) if !has_babelfish => SessionTransport::Plaintext,
        _ => SessionTransport::Unknown,
    };
    Some(SampledSession {
        first_seen: at,
        last_seen: at,
        id: number(column(0))?,
        started_at: Some(started_at),
        transport,
        tls_version: owned(9),
        cipher: owned(10),
        system: user.as_deref().is_some_and(|user| is_system(engine, user, address.as_deref())),
        user,
        database: owned(3),
        address,
        application: owned(6),
    })
}
