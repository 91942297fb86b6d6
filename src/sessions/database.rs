//! One connection to a database, with TLS, for queries that read.

use std::net::SocketAddr;
use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, OptsBuilder, SslOpts, Value};
use rustls::pki_types::ServerName;
use ssl_usage_parsers::TlsStart;
use tokio::net::TcpStream;
use tokio_postgres::config::SslMode;
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

use super::failure::SampleFailure;
use super::login::Credentials;
use super::trust::Trust;
use super::{data_api, pgpass, tds};
use crate::aws::Transaction;
use crate::handshake::{ProbeFailure, begin_tls};
use crate::inventory::Endpoint;

/// The name that the probe gives to the server.
pub const APPLICATION: &str = "ssl-usage";
/// Longest run of one query.
pub(super) const STATEMENT_TIMEOUT: Duration = Duration::from_secs(5);
/// The same for MySQL; a comment for MariaDB.
const MYSQL_TIMEOUT: &str = "/*!50708 SET SESSION max_execution_time = 5000 */";
/// The same for MariaDB; a comment for MySQL.
const MARIADB_TIMEOUT: &str = "/*M! SET SESSION max_statement_time = 5 */";
/// Errors of MySQL that answer a login, which is sent after the TLS handshake: access denied, for the user or the database.
/// Others, as too many connections, may come before it.
///
/// Source: "Server Error Message Reference" in the MySQL documentation.
const AFTER_TLS: [u16; 3] = [1044, 1045, 1698];
/// Most characters of a value that are kept.
const LONGEST: usize = 300;

/// A connection.
pub(super) enum Database {
    /// To PostgreSQL.
    Postgres(Client),
    /// To MySQL or MariaDB.
    Mysql(Box<Conn>),
    /// To SQL Server.
    SqlServer(Box<tds::SqlServer>),
    /// To the writer of an Aurora cluster, through the RDS Data API.
    DataApi(Transaction),
}

/// The values of a row; none for NULL.
pub(super) type Row = Vec<Option<String>>;

/// Why a query failed.
#[derive(Debug)]
pub(super) struct QueryError {
    /// SQLSTATE of PostgreSQL, or the number of the error of MySQL or SQL Server; empty if the connection broke.
    pub code: String,
    /// What the server says.
    pub message: String,
}

impl Database {
    /// Connects and logs in.
    ///
    /// # Errors
    ///
    /// When the server cannot be reached or trusted, or rejects the login.
    pub async fn connect(
        start: TlsStart,
        endpoint: (&Endpoint, &[SocketAddr]),
        credentials: &Credentials,
        trust: &Trust,
    ) -> Result<Self, SampleFailure> {
        match start {
            TlsStart::Mysql => mysql(endpoint, credentials, trust).await,
            TlsStart::Tds => Ok(Self::SqlServer(Box::new(tds::connect(endpoint, credentials, trust).await?))),
            _ => postgres(endpoint, credentials, trust).await,
        }
    }

    /// The rows of a query.
    pub async fn rows(&mut self, query: &str) -> Result<Vec<Row>, QueryError> {
        match self {
            Self::Postgres(client) => {
                let messages = client.simple_query(query).await.map_err(|error| match error.as_db_error() {
                    Some(db) => QueryError { code: db.code().code().to_owned(), message: db.message().to_owned() },
                    None => QueryError { code: String::new(), message: error.to_string() },
                })?;
                let row = |message| match message {
                    SimpleQueryMessage::Row(row) => Some((0..row.len()).map(|at| row.get(at).map(kept)).collect()),
                    _ => None,
                };
                Ok(messages.into_iter().filter_map(row).collect())
            }
            Self::Mysql(connection) => {
                let rows: Vec<mysql_async::Row> = connection.query(query).await.map_err(|error| match error {
                    mysql_async::Error::Server(error) => {
                        QueryError { code: error.code.to_string(), message: error.message }
                    }
                    other => QueryError { code: String::new(), message: other.to_string() },
                })?;
                Ok(rows
                    .into_iter()
                    .map(|row| row.unwrap_raw().into_iter().map(|value| text(value?)).collect())
                    .collect())
            }
            Self::SqlServer(client) => tds::rows(client, query).await,
            Self::DataApi(transaction) => {
                let rows = transaction.rows(query).await.map_err(|error| data_api::query_error(&error))?;
                Ok(rows
                    .into_iter()
                    .map(|row| row.into_iter().map(|value| value.as_deref().map(kept)).collect())
                    .collect())
            }
        }
    }

    /// Says goodbye: the server logs less of a client that does.
    pub async fn close(self) {
        match self {
            Self::Mysql(connection) => drop(connection.disconnect().await),
            Self::DataApi(transaction) => transaction.end().await,
            Self::Postgres(_) | Self::SqlServer(_) => {}
        }
    }
}

pub(super) fn kept(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}

/// A value of the text protocol.
fn text(value: Value) -> Option<String> {
    match value {
        Value::Bytes(bytes) => Some(kept(&String::from_utf8_lossy(&bytes))),
        Value::NULL => None,
        other => Some(other.as_sql(true)),
    }
}

async fn postgres(
    (endpoint, addresses): (&Endpoint, &[SocketAddr]),
    credentials: &Credentials,
    trust: &Trust,
) -> Result<Database, SampleFailure> {
    let reach = |error| SampleFailure::from(ProbeFailure::from(error));
    let mut stream = TcpStream::connect(addresses).await.map_err(reach)?;
    begin_tls(TlsStart::Postgres, &mut stream).await?;
    let name = ServerName::try_from(endpoint.host.clone()).map_err(|error| SampleFailure::no_connection(&error))?;
    let tls = trust.connector().connect(name, stream).await;
    let tls = tls.map_err(|error| SampleFailure::no_connection(&error))?;
    let mut config = tokio_postgres::Config::new();
    config.user(&credentials.user).password(&credentials.password).dbname(pgpass::DATABASE);
    config.application_name(APPLICATION).ssl_mode(SslMode::Disable);
    config
        .options(format!("-c statement_timeout={} -c default_transaction_read_only=on", STATEMENT_TIMEOUT.as_millis()));
    let (client, connection) = config.connect_raw(tls, NoTls).await.map_err(|error| match error.as_db_error() {
        Some(db) => SampleFailure::login_rejected(db.message()),
        None => SampleFailure::no_connection(&error),
    })?;
    // It ends when the client is dropped; what fails in it is an error of the query.
    tokio::spawn(connection);
    Ok(Database::Postgres(client))
}

async fn mysql(
    (endpoint, addresses): (&Endpoint, &[SocketAddr]),
    credentials: &Credentials,
    trust: &Trust,
) -> Result<Database, SampleFailure> {
    let tls = SslOpts::default().with_disable_built_in_roots(true).with_root_certs(vec![trust.pem().to_vec().into()]);
    let options = OptsBuilder::default()
        .ip_or_hostname(&endpoint.host)
        .tcp_port(endpoint.port)
        .resolved_ips(Some(addresses.iter().map(SocketAddr::ip).collect::<Vec<_>>()))
        .user(Some(&credentials.user))
        .pass(Some(&credentials.password))
        .ssl_opts(tls)
        .prefer_socket(false)
        .setup(vec![MYSQL_TIMEOUT, MARIADB_TIMEOUT, "SET SESSION TRANSACTION READ ONLY"])
        .enable_cleartext_plugin(credentials.is_token)
        .connect_attribute("program_name", APPLICATION);
    let connection = Conn::new(options).await.map_err(|error| match error {
        mysql_async::Error::Server(error) if AFTER_TLS.contains(&error.code) => {
            SampleFailure::login_rejected(&error.to_string())
        }
        other => SampleFailure::no_connection(&other),
    })?;
    Ok(Database::Mysql(Box::new(connection)))
}
