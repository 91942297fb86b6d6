//! What a log says about one connection.

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hasher};

/// Text of a log, in any encoding.
pub type Text<'a> = Cow<'a, [u8]>;

/// Microseconds since 1970-01-01 00:00 UTC.
pub type Micros = i64;

/// The transport of a session.
///
/// The absence of a TLS mark is `Plaintext` or `Local` only where the format and version would have shown the mark.
/// Everywhere else it is `Unknown`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Transport<'a> {
    /// The log marks TLS, on a loopback address too.
    Tls(Tls<'a>),
    /// Encrypted by GSSAPI: neither plaintext nor TLS, and no certificate is involved.
    Gss,
    /// No mark, and a network address or none at all.
    Plaintext,
    /// No mark, and a socket or a loopback address.
    Local,
    /// This log does not show it.
    Unknown,
}

/// What the log says of the TLS of a session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tls<'a> {
    /// Protocol version as the server names it, `TLSv1.3`; none where the log only says that it was TLS.
    pub version: Option<Text<'a>>,
    /// Cipher as the server names it.
    pub cipher: Option<Text<'a>>,
    /// Key length of the cipher.
    pub bits: Option<u32>,
    /// Whether text follows the mark, so that a client without TLS may have written the mark itself. It counts as TLS for a
    /// rotation, and keeps the enforcement of TLS from being called safe.
    pub imitable: bool,
}

impl Transport<'_> {
    /// The transport of a session without a mark in a log that records TLS, by the client's address.
    ///
    /// A missing address gives `Plaintext`, the stricter of the two.
    pub fn unmarked(address: Option<&[u8]>) -> Self {
        match address {
            Some(address) if is_local(address) => Self::Local,
            _ => Self::Plaintext,
        }
    }

    /// The same, independent of the log's text.
    pub fn into_owned(self) -> Transport<'static> {
        match self {
            Self::Tls(tls) => Transport::Tls(Tls { version: tls.version.map(own), cipher: tls.cipher.map(own), ..tls }),
            Self::Gss => Transport::Gss,
            Self::Plaintext => Transport::Plaintext,
            Self::Local => Transport::Local,
            Self::Unknown => Transport::Unknown,
        }
    }
}

/// Whether an address is a Unix socket or a loopback address.
///
/// `[local]` is PostgreSQL's word for a socket, and `::ffff:127.` is IPv4 loopback on an IPv6 socket. Takes addresses
/// without a port.
pub fn is_local(address: &[u8]) -> bool {
    address == b"[local]"
        || address == b"localhost"
        || address == b"::1"
        || address.starts_with(b"127.")
        || address.starts_with(b"::ffff:127.")
}

/// Who connected, as far as one record shows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Client<'a> {
    /// Database user.
    pub user: Option<Text<'a>>,
    /// Database.
    pub database: Option<Text<'a>>,
    /// Address or host name, without the port; `[local]` for a socket.
    pub address: Option<Text<'a>>,
    /// Application name.
    pub application: Option<Text<'a>>,
}

impl Client<'_> {
    /// The same, independent of the log's text.
    pub fn into_owned(self) -> Client<'static> {
        Client {
            user: self.user.map(own),
            database: self.database.map(own),
            address: self.address.map(own),
            application: self.application.map(own),
        }
    }
}

/// The same text, independent of the log. Copies the bytes unless it owns them.
pub(crate) fn own(text: Text<'_>) -> Text<'static> {
    Cow::Owned(text.into_owned())
}

/// Why a TLS handshake failed, as far as the server knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HandshakeFailure {
    /// The client did not accept our certificate: it verifies, and it will break again.
    ClientRejectedCertificate,
    /// No TLS version or cipher that both sides speak.
    ProtocolMismatch,
    /// A scanner, a health check, or a client that hung up.
    Probe,
    /// Anything else.
    Other,
}

impl HandshakeFailure {
    /// The name used in facts and reports. Stored reports hold it, so a name never changes.
    pub fn name(self) -> &'static str {
        match self {
            Self::ClientRejectedCertificate => "client-rejected-certificate",
            Self::ProtocolMismatch => "protocol-mismatch",
            Self::Probe => "probe",
            Self::Other => "other",
        }
    }
}

/// One record of a log about one connection, before the records of a session are joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// When it was written; none where the record has no time of its own, and was written with the last one that has.
    pub at: Option<Micros>,
    /// What joins the records of a session: the server's process or thread number. None where the log has none.
    pub session: Option<u64>,
    /// Who.
    pub client: Client<'a>,
    /// What happened.
    pub step: SessionStep<'a>,
}

/// What one record says happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionStep<'a> {
    /// A client reached the server. Nothing is known of its transport yet, and it may be a probe.
    Received,
    /// A client proved who it is, by this method.
    Authenticated(Text<'a>),
    /// A session was established.
    Connected(Transport<'a>),
    /// A session was established, unless a rejection with the same session number follows.
    Connecting(Transport<'a>),
    /// An attempt was rejected by rule or password.
    Rejected(Transport<'a>),
    /// A TLS handshake failed.
    HandshakeFailed(HandshakeFailure),
    /// A session ended. Its duration, if the log has it.
    Disconnected(Option<Micros>),
    /// As [`SessionStep::Connected`], in a log that has the end of every connection under the same number, also of one that
    /// came to nothing. The number is `numbered`, for each server counts for itself.
    Opened(Transport<'a>),
    /// As [`SessionStep::Rejected`], in such a log.
    Refused(Transport<'a>),
    /// As [`SessionStep::HandshakeFailed`], in such a log.
    Broken(HandshakeFailure),
    /// A connection ended in such a log. Whether it was a session is known from the records before.
    Ended,
}

/// The session number of a connection in a log with the end of every connection. None for a number that no server reaches.
///
/// The upper 32 bits are the low half of the server's [`fingerprint`], and the lower 32 bits its connection number. So two
/// instances in one joined log do not share sessions, as long as their hashes differ.
pub(crate) fn numbered(server: &[u8], number: u64) -> Option<u64> {
    u32::try_from(number).ok().map(|number| fingerprint(server) << 32 | u64::from(number))
}

/// A hash that distinguishes names without keeping them.
///
/// It may change with the version of Rust's standard library: it is compared in one run, and never stored.
pub(crate) fn fingerprint(name: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(name);
    hasher.finish()
}

impl Record<'_> {
    /// The same, independent of the log's text.
    pub fn into_owned(self) -> Record<'static> {
        Record {
            at: self.at,
            session: self.session,
            client: self.client.into_owned(),
            step: match self.step {
                SessionStep::Received => SessionStep::Received,
                SessionStep::Authenticated(method) => SessionStep::Authenticated(own(method)),
                SessionStep::Connected(transport) => SessionStep::Connected(transport.into_owned()),
                SessionStep::Connecting(transport) => SessionStep::Connecting(transport.into_owned()),
                SessionStep::Rejected(transport) => SessionStep::Rejected(transport.into_owned()),
                SessionStep::HandshakeFailed(cause) => SessionStep::HandshakeFailed(cause),
                SessionStep::Disconnected(lasted) => SessionStep::Disconnected(lasted),
                SessionStep::Opened(transport) => SessionStep::Opened(transport.into_owned()),
                SessionStep::Refused(transport) => SessionStep::Refused(transport.into_owned()),
                SessionStep::Broken(cause) => SessionStep::Broken(cause),
                SessionStep::Ended => SessionStep::Ended,
            },
        }
    }
}

/// What a candidate for a connection record turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parsed<'a> {
    /// A record about a connection.
    Record(Record<'a>),
    /// Text that only looks like one: a statement, a detail, a name.
    NotARecord,
    /// It can only be about a connection, and could not be understood.
    Malformed(Malformed),
}

/// Why a record could not be understood. Counted as `unparsed` wherever counts are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Malformed {
    /// The log begins or ends in the middle of it.
    Cut,
    /// It is longer than any connection record can be.
    TooLong,
    /// Its words are known, their order is not.
    UnknownLayout,
    /// The text before the message matches no known `log_line_prefix`.
    UnknownPrefix,
    /// A client chose names that make it read in two ways.
    Ambiguous,
    /// It is of another format than the log that it stands in: one of several, each in a part of the log that is not read.
    OtherFormat,
}

impl std::fmt::Display for Malformed {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::Cut => "cut",
            Self::TooLong => "too long",
            Self::UnknownLayout => "with an unknown layout",
            Self::UnknownPrefix => "after an unknown prefix",
            Self::Ambiguous => "ambiguous",
            Self::OtherFormat => "in another format",
        })
    }
}
