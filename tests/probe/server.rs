//! Servers that speak as far as a TLS handshake: PostgreSQL, MySQL, SQL Server, and TLS alone. Written by the documentation of
//! each protocol; `tests/peers/databases.rs` has real ones.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};

use rcgen::{CertificateParams, DnType, KeyPair, date_time_ymd};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection};

use crate::network::tls::Ca;

/// What a server says before TLS.
#[derive(Clone, Copy)]
pub enum Speaks {
    Tls,
    Postgres,
    Mysql,
    SqlServer,
    /// These bytes, whatever it is told; then it closes the connection, or waits.
    Only(&'static [u8], bool),
}

/// A running server; its thread ends with the process.
pub struct Server {
    pub address: SocketAddr,
    config: Arc<Mutex<Option<Arc<ServerConfig>>>>,
}

/// A certificate that a server presents: its names, begin and end as years, and the CA.
pub struct Presents<'c>(pub &'c [&'c str], pub (i32, i32), pub &'c Ca);

impl Server {
    pub fn start(speaks: Speaks, presents: Option<Presents<'_>>) -> Self {
        Self::start_at("127.0.0.1:0", speaks, presents)
    }

    pub fn start_at(listen: &str, speaks: Speaks, presents: Option<Presents<'_>>) -> Self {
        let listener = TcpListener::bind(listen).expect("a free port");
        let address = listener.local_addr().expect("an address");
        let config = Arc::new(Mutex::new(presents.map(|presents| presents.config())));
        let current = Arc::clone(&config);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let config = current.lock().unwrap_or_else(PoisonError::into_inner).clone();
                std::thread::spawn(move || drop(serve(stream, speaks, config)));
            }
        });
        Self { address, config }
    }

    /// Presents another certificate from now on, as a server after a reload.
    pub fn present(&self, presents: &Presents<'_>) {
        *self.config.lock().unwrap_or_else(PoisonError::into_inner) = Some(presents.config());
    }
}

impl Presents<'_> {
    fn config(&self) -> Arc<ServerConfig> {
        let Self(names, (from, until), ca) = self;
        let key = KeyPair::generate().expect("a key");
        let mut params =
            CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).expect("names");
        params.distinguished_name.push(DnType::CommonName, *names.first().unwrap_or(&"nobody"));
        (params.not_before, params.not_after) = (date_time_ymd(*from, 1, 1), date_time_ymd(*until, 1, 1));
        let certificate = params.signed_by(&key, ca.issuer()).expect("a certificate").der().clone();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config =
            ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("versions");
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        Arc::new(config.with_no_client_auth().with_single_cert(vec![certificate], key).expect("a key"))
    }
}

fn serve(mut stream: TcpStream, speaks: Speaks, config: Option<Arc<ServerConfig>>) -> std::io::Result<()> {
    match speaks {
        Speaks::Tls => {}
        Speaks::Postgres => {
            let mut request = [0; 8];
            stream.read_exact(&mut request)?;
            assert_eq!(request, [0, 0, 0, 8, 4, 210, 22, 47], "SSLRequest has the code 80877103");
            stream.write_all(if config.is_some() { b"S" } else { b"N" })?;
        }
        Speaks::Mysql => {
            let mut greeting = b"\x0a8.0.36\0\x07\0\0\0saltsalt\0".to_vec();
            // Capabilities: CLIENT_PROTOCOL_41, and CLIENT_SSL where there is TLS.
            greeting.extend(if config.is_some() { [0x00, 0x0a] } else { [0x00, 0x02] });
            greeting.extend([0; 21]);
            let length = u8::try_from(greeting.len()).expect("a short greeting");
            stream.write_all(&[length, 0, 0, 0])?;
            stream.write_all(&greeting)?;
            let mut request = [0; 36];
            stream.read_exact(&mut request)?;
            assert_eq!(
                (&request[..4], request[5] & 0x08),
                (&[32, 0, 0, 1][..], 0x08),
                "SSLRequest is the first packet"
            );
        }
        Speaks::SqlServer => return sql_server(stream, config),
        Speaks::Only(bytes, waits) => {
            stream.write_all(bytes)?;
            while waits && stream.read(&mut [0; 64])? > 0 {}
            return Ok(());
        }
    }
    let Some(config) = config else { return Ok(()) };
    let mut connection = ServerConnection::new(config).expect("a session");
    while connection.is_handshaking() {
        connection.complete_io(&mut stream)?;
    }
    // Until the client says goodbye.
    while stream.read(&mut [0; 256])? > 0 {}
    Ok(())
}

/// Packets of the type `PRELOGIN` (18): the options first, then the handshake.
fn sql_server(stream: TcpStream, config: Option<Arc<ServerConfig>>) -> std::io::Result<()> {
    let mut packets = Packets { stream, content: Vec::new() };
    let mut request = [0; 18];
    packets.read_exact(&mut request)?;
    assert_eq!(request[..11], [0, 0, 11, 0, 6, 1, 0, 17, 0, 1, 255], "VERSION and ENCRYPTION");
    let encryption = if config.is_some() { 1 } else { 2 };
    let answer = [0, 0, 11, 0, 6, 1, 0, 17, 0, 1, 255, 16, 0, 0, 0, 0, 0, encryption];
    packets.send(4, &answer)?;
    let Some(config) = config else { return Ok(()) };
    let mut connection = ServerConnection::new(config).expect("a session");
    while connection.is_handshaking() {
        connection.complete_io(&mut packets)?;
    }
    while packets.stream.read(&mut [0; 256])? > 0 {}
    Ok(())
}

struct Packets {
    stream: TcpStream,
    content: Vec<u8>,
}

impl Packets {
    fn send(&mut self, kind: u8, content: &[u8]) -> std::io::Result<()> {
        // In small packets, of which only the last one ends the message.
        let mut pieces = content.chunks(100).peekable();
        while let Some(piece) = pieces.next() {
            let [high, low] = u16::try_from(piece.len() + 8).expect("a short piece").to_be_bytes();
            self.stream.write_all(&[kind, u8::from(pieces.peek().is_none()), high, low, 0, 0, 1, 0])?;
            self.stream.write_all(piece)?;
        }
        Ok(())
    }
}

impl Read for Packets {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        if self.content.is_empty() {
            let mut head = [0; 8];
            self.stream.read_exact(&mut head)?;
            assert_eq!(head[0], 18, "a packet before the login");
            self.content = vec![0; usize::from(u16::from_be_bytes([head[2], head[3]])) - 8];
            self.stream.read_exact(&mut self.content)?;
        }
        let count = into.len().min(self.content.len());
        into[..count].copy_from_slice(&self.content[..count]);
        self.content.drain(..count);
        Ok(count)
    }
}

impl Write for Packets {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.send(18, bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.stream.flush()
    }
}
