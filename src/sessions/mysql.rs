//! The sessions of a MySQL or MariaDB server: `performance_schema.threads`, and its counter of TLS handshakes.
//!
//! Sources: "The threads Table" and "Server Status Variables" in the MySQL documentation; runs of MySQL 9.7.4 and MariaDB
//! 10.11.19.

use jiff::{SignedDuration, Timestamp};
use ssl_usage_parsers::{Engine, is_local};

use super::database::{Database, QueryError, Row};
use super::gap::SampleGap;
use super::sample::{HandshakeCount, Listed, SampledSession, SessionTransport};
use super::{Reading, instant, is_system, number, processes, without_own};

const OWN: &str = "SELECT UNIX_TIMESTAMP(NOW(6)), CONNECTION_ID(), USER(), @@performance_schema, VERSION()";

/// Needs no privilege.
const STATUS: &str = "SHOW GLOBAL STATUS WHERE Variable_name IN ('Uptime', 'Threads_connected', 'Ssl_finished_accepts', \
                      'Mysqlx_ssl_finished_accepts', 'Com_flush', 'Com_alter_instance')";

/// Connections, with the TLS of each. Threads of the server have no type of connection, nor has a client before its login.
const SESSIONS: &str = "SELECT t.PROCESSLIST_ID, t.PROCESSLIST_USER, t.PROCESSLIST_HOST, t.PROCESSLIST_DB, t.CONNECTION_TYPE, \
                        v.VARIABLE_VALUE, c.VARIABLE_VALUE, t.NAME FROM performance_schema.threads t \
                        LEFT JOIN performance_schema.status_by_thread v \
                        ON v.THREAD_ID = t.THREAD_ID AND v.VARIABLE_NAME = 'Ssl_version' \
                        LEFT JOIN performance_schema.status_by_thread c \
                        ON c.THREAD_ID = t.THREAD_ID AND c.VARIABLE_NAME = 'Ssl_cipher' \
                        WHERE t.CONNECTION_TYPE IS NOT NULL OR t.NAME = 'thread/sql/one_connection' LIMIT 50001";

/// Columns of [`SESSIONS`].
const COLUMNS: usize = 8;

/// What the server counts in `Threads_connected`.
const CONNECTION: &str = "thread/sql/one_connection";

/// Errors that mean that a privilege is missing, on a table, a column or the schema.
///
/// Source: "Server Error Message Reference" in the MySQL documentation.
const DENIED: [&str; 3] = ["1142", "1143", "1044"];

/// How often sessions are listed to find as many as the server counts: some begin and end in between.
const ATTEMPTS: usize = 3;

/// Reads them as `user`.
pub(super) async fn read(
    database: &mut Database,
    (engine, user): (&'static Engine, &str),
) -> Result<Reading, QueryError> {
    // The counter goes before the list: a session that begins in between counts in the next sample too.
    let mut status = Status::read(database).await?;
    let mut listed = list(database, user).await?;
    for _ in 1..ATTEMPTS {
        let after = Status::read(database).await?;
        let is_all = |rows: &Vec<Row>| !is_short(rows, &status, &after) && !rows.iter().any(is_under_way);
        let is_all = listed.as_ref().map_or(true, is_all);
        if is_all {
            break;
        }
        listed = list(database, user).await?;
        status = after;
    }
    let after = Status::read(database).await?;
    // After the list: a session that had ended by then is not in it.
    let own = database.rows(OWN).await?.into_iter().next().unwrap_or_default();
    let own = |at: usize| own.get(at).cloned().flatten();
    let server_time = instant(own(0).as_deref());
    let at = server_time.unwrap_or_else(Timestamp::now);
    let address = own(2).and_then(|user| user.rsplit_once('@').map(|(_, host)| host.to_owned()));
    let own_id: Option<u64> = number(own(1).as_deref());
    let mut reading = Reading { at, address, own_id, ..Reading::default() };
    let gap = match listed {
        // A server without it lists nothing, without an error.
        _ if matches!(own(3).as_deref(), Some("0" | "OFF")) => Some(SampleGap::PerformanceSchemaOff),
        Err(gap) => Some(gap),
        Ok(rows) => {
            let all = rows.iter().filter_map(|row| session(row, engine, at));
            let (is_own_there, others) = without_own(all, own_id);
            reading.sessions = others;
            let is_unreadable = server_time.is_none() || rows.iter().any(|row| row.len() != COLUMNS);
            let unreadable = is_unreadable.then_some(SampleGap::Unreadable);
            let missing = (!is_own_there).then_some(SampleGap::OwnSessionMissing);
            let under_way = rows.iter().any(is_under_way).then_some(SampleGap::LoginsUnderWay);
            is_short(&rows, &status, &after).then_some(SampleGap::SessionsLost).or(unreadable).or(missing).or(under_way)
        }
    };
    let is_mariadb = own(4).is_some_and(|version| version.contains("MariaDB"));
    let started_at = status.uptime.and_then(|uptime| at.checked_sub(uptime).ok());
    let lowest_id = match own_id.filter(|_| gap.is_some() && server_time.is_some()) {
        Some(own_id) => lowest_id(database, (engine, own_id), after.connected).await?,
        None => None,
    };
    reading.listed =
        Listed { gap, started_at, handshakes: status.handshakes(is_mariadb), lowest_id, ..Listed::default() };
    Ok(reading)
}

/// The lowest connection ID of a server that does not list its sessions; `before` is the number of connections that it counts.
async fn lowest_id(
    database: &mut Database,
    (engine, own_id): (&'static Engine, u64),
    mut before: Option<u64>,
) -> Result<Option<u64>, QueryError> {
    for _ in 0..ATTEMPTS {
        let Some(rows) = processes::list(database).await? else { return Ok(None) };
        let after = Status::read(database).await?.connected;
        let counted = before.zip(after).map(|(before, after)| before.min(after));
        let lowest = counted.and_then(|counted| processes::lowest_id(&rows, engine, (own_id, counted)));
        if lowest.is_some() {
            return Ok(lowest);
        }
        before = after;
    }
    Ok(None)
}

/// The rows of [`SESSIONS`], or why the user does not get them.
async fn list(database: &mut Database, user: &str) -> Result<Result<Vec<Row>, SampleGap>, QueryError> {
    match database.rows(SESSIONS).await {
        Ok(rows) => Ok(Ok(rows)),
        Err(error) if DENIED.contains(&error.code.as_str()) => Ok(Err(SampleGap::NoPrivilege(user.to_owned()))),
        Err(error) => Err(error),
    }
}

/// Whether a row is of a client that has not logged in yet.
fn is_under_way(row: &Row) -> bool {
    let column = |at: usize| row.get(at).and_then(Option::as_deref);
    column(7) == Some(CONNECTION) && (column(1).is_none() || column(4).is_none())
}

/// Whether fewer connections are listed than the server counted before and after. `performance_schema` leaves some out if its
/// memory is full.
fn is_short(rows: &[Row], before: &Status, after: &Status) -> bool {
    let listed = rows.iter().filter(|row| row.get(7).and_then(Option::as_deref) == Some(CONNECTION)).count() as u64;
    let counted = before.connected.zip(after.connected).map(|(before, after)| before.min(after));
    counted.is_none_or(|counted| listed < counted)
}

/// What the server counts.
struct Status {
    uptime: Option<SignedDuration>,
    connected: Option<u64>,
    finished: Option<u64>,
    flushes: Option<u64>,
    alterations: Option<u64>,
}

impl Status {
    async fn read(database: &mut Database) -> Result<Self, QueryError> {
        let rows = database.rows(STATUS).await?;
        let of = |name: &str| {
            let row = rows.iter().find(|row| row.first().is_some_and(|of| of.as_deref() == Some(name)))?;
            number::<u64>(row.get(1)?.as_deref())
        };
        // The X protocol of MySQL counts apart.
        let finished =
            of("Ssl_finished_accepts").map(|main| main.saturating_add(of("Mysqlx_ssl_finished_accepts").unwrap_or(0)));
        Ok(Self {
            uptime: of("Uptime").and_then(|seconds| i64::try_from(seconds).ok()).map(SignedDuration::from_secs),
            connected: of("Threads_connected"),
            finished,
            flushes: of("Com_flush"),
            alterations: of("Com_alter_instance"),
        })
    }

    /// The counter of handshakes. `FLUSH SSL` and `FLUSH STATUS` of MariaDB reset it, and `ALTER INSTANCE RELOAD TLS` of MySQL.
    fn handshakes(&self, is_mariadb: bool) -> Option<HandshakeCount> {
        let may_have_reset = if is_mariadb { self.flushes } else { self.alterations };
        Some(HandshakeCount { finished: self.finished?, may_have_reset, own: 1, maybe_own: 0 })
    }
}

/// The session of a row; none for threads of the server, and for a login that has not ended.
fn session(row: &Row, engine: &Engine, at: Timestamp) -> Option<SampledSession> {
    let column = |at: usize| row.get(at).and_then(Option::as_deref);
    let owned = |at: usize| column(at).filter(|text| !text.is_empty()).map(str::to_owned);
    let (user, address, kind) = (owned(1)?, owned(2), column(4)?);
    let is_here = address.as_deref().is_none_or(|address| is_local(address.as_bytes()));
    let transport = match kind {
        "SSL/TLS" => SessionTransport::Tls,
        "Socket" => SessionTransport::Local,
        "TCP/IP" if is_here => SessionTransport::Local,
        "TCP/IP" => SessionTransport::Plaintext,
        _ => SessionTransport::Unknown,
    };
    Some(SampledSession {
        first_seen: at,
        last_seen: at,
        // A session of the X protocol has none before its first statement.
        id: number(column(0)).unwrap_or_default(),
        started_at: None,
        transport,
        tls_version: owned(5),
        cipher: owned(6),
        system: is_system(engine, &user, address.as_deref()),
        user: Some(user),
        database: owned(3),
        address,
        application: None,
    })
}
