//! A connection to SQL Server. TLS is made here, with the CAs that are trusted here, and `tiberius` speaks within it.
//!
//! Source: \[MS-TDS\], sections 2.2.6.5 and 3.2.5.

use std::io;
use std::net::SocketAddr;

use rustls::pki_types::ServerName;
use ssl_usage_parsers::TlsStart;
use tiberius::{AuthMethod, Client, ColumnData, Config, EncryptionLevel};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};
use tokio::net::TcpStream;
use tokio_util::compat::{Compat, TokioAsyncWriteCompatExt};

use super::database::{APPLICATION, QueryError, Row, STATEMENT_TIMEOUT, kept};
use super::failure::SampleFailure;
use super::login::Credentials;
use super::trust::Trust;
use crate::handshake::{ProbeFailure, Wrapped, begin_tls};
use crate::inventory::Endpoint;

/// The database that every login may enter.
const DATABASE: &str = "master";
/// Bytes that may wait between `tiberius` and TLS.
const WAITING: usize = 64 << 10;
/// Bytes of a packet's header, of which the third and the fourth are the length.
const HEADER: usize = 8;
/// Errors that reject a login: of its name, its password, its state and its database.
///
/// Source: "Database Engine errors" in the SQL Server documentation.
const REJECTED: [u32; 10] = [4060, 4064, 18_450, 18_451, 18_452, 18_456, 18_470, 18_486, 18_487, 18_488];
/// The answer to the first message of `tiberius`: version 0.0, and no encryption beside that which is there.
const ANSWER: [u8; 26] = [
    4,
    1,
    0,
    26,
    0,
    0,
    1,
    0,
    0,
    0,
    11,
    0,
    6,
    1,
    0,
    17,
    0,
    1,
    0xff,
    0,
    0,
    0,
    0,
    0,
    0,
    EncryptionLevel::NotSupported as u8,
];

/// A session of SQL Server.
pub(super) type SqlServer = Client<Compat<DuplexStream>>;

/// Connects and logs in.
pub(super) async fn connect(
    (endpoint, addresses): (&Endpoint, &[SocketAddr]),
    credentials: &Credentials,
    trust: &Trust,
) -> Result<SqlServer, SampleFailure> {
    let reach = |error| SampleFailure::from(ProbeFailure::from(error));
    let mut stream = TcpStream::connect(addresses).await.map_err(reach)?;
    begin_tls(TlsStart::Tds, &mut stream).await?;
    let name = ServerName::try_from(endpoint.host.clone()).map_err(|error| SampleFailure::no_connection(&error))?;
    let tls = trust.tls12_connector().connect(name, Wrapped::new(stream)).await;
    let mut tls = tls.map_err(|error| SampleFailure::no_connection(&error))?;
    tls.get_mut().0.end();
    let (ours, theirs) = tokio::io::duplex(WAITING);
    // It ends when the client is dropped, or the server.
    tokio::spawn(relay(theirs, tls));
    let mut config = Config::new();
    config.authentication(AuthMethod::sql_server(&credentials.user, &credentials.password));
    config.encryption(EncryptionLevel::NotSupported);
    config.host(&endpoint.host);
    config.database(DATABASE);
    config.application_name(APPLICATION);
    config.lossy_utf16_decoding(true);
    // The time of the whole sample is limited.
    config.handshake_timeout(None);
    config.command_timeout(Some(STATEMENT_TIMEOUT));
    Client::connect(config, ours.compat_write()).await.map_err(|error| match error {
        tiberius::error::Error::Server(error) if REJECTED.contains(&error.code()) => {
            SampleFailure::login_rejected(error.message())
        }
        tiberius::error::Error::Server(error) => SampleFailure::query_failed(error.message()),
        tiberius::error::Error::Io { kind: io::ErrorKind::UnexpectedEof, .. } => {
            SampleFailure::no_connection(&io::Error::other("the server closed the connection"))
        }
        other => SampleFailure::no_connection(&other),
    })
}

/// Answers the first message of `tiberius`, which asks for encryption, and passes on the rest.
async fn relay<S: AsyncRead + AsyncWrite + Unpin>(mut client: DuplexStream, mut server: S) -> io::Result<()> {
    let mut header = [0; HEADER];
    client.read_exact(&mut header).await?;
    let [_, _, high, low, ..] = header;
    let mut message = vec![0; usize::from(u16::from_be_bytes([high, low])).saturating_sub(HEADER)];
    client.read_exact(&mut message).await?;
    client.write_all(&ANSWER).await?;
    tokio::io::copy_bidirectional(&mut client, &mut server).await.map(drop)
}

/// The rows of a query whose columns are texts.
pub(super) async fn rows(client: &mut SqlServer, query: &str) -> Result<Vec<Row>, QueryError> {
    let failed = |error: tiberius::error::Error| match error {
        tiberius::error::Error::Server(error) => {
            QueryError { code: error.code().to_string(), message: error.message().to_owned() }
        }
        tiberius::error::Error::Io { kind: io::ErrorKind::TimedOut, .. } => {
            QueryError { code: String::new(), message: "the server did not answer in time".to_owned() }
        }
        other => QueryError { code: String::new(), message: other.to_string() },
    };
    let answer = client.simple_query(query).await.map_err(failed)?;
    let rows = answer.into_first_result().await.map_err(failed)?;
    let text = |value| match value {
        ColumnData::String(text) => text.map(|text| kept(&text)),
        _ => None,
    };
    Ok(rows.into_iter().map(|row| row.into_iter().map(text).collect()).collect())
}
