//! Attempts without a session: failed handshakes, and rejected clients.
//!
//! ```text
//! LOG:  could not accept SSL connection: tlsv1 alert unknown ca
//! FATAL:  no pg_hba.conf entry for host "10.0.0.7", user "app", database "orders", no encryption
//! FATAL:  password authentication failed for user "app"
//! ```
//!
//! The details and hints that follow on further lines are not read.

use memchr::memmem;
use nom::Parser;
use nom::bytes::complete::take_until;
use nom::combinator::rest;
use nom::error::Error;

use super::message::{Context, Message, client_of, text};
use crate::event::{Client, HandshakeFailure, Malformed, SessionStep, Tls, Transport};

/// Causes of a failed handshake, by a part of OpenSSL's reason.
///
/// Source: OpenSSL `ssl/ssl_err.c`; the alerts are RFC 8446, section 6.2.
///
/// The first part that a reason holds decides, so that longer parts stand before those they hold.
/// `wrong version number`, for example, must stand before `version`.
/// Letter case counts: OpenSSL writes `EOF` or `eof`, by version.
const HANDSHAKE_CAUSES: &[(&[u8], HandshakeFailure)] = &[
    (b"alert unknown ca", HandshakeFailure::ClientRejectedCertificate),
    (b"alert bad certificate", HandshakeFailure::ClientRejectedCertificate),
    (b"alert certificate", HandshakeFailure::ClientRejectedCertificate),
    (b"alert unsupported certificate", HandshakeFailure::ClientRejectedCertificate),
    // Bytes that are no TLS at all.
    (b"wrong version number", HandshakeFailure::Probe),
    (b"alert handshake failure", HandshakeFailure::ProtocolMismatch),
    (b"alert insufficient security", HandshakeFailure::ProtocolMismatch),
    (b"protocol", HandshakeFailure::ProtocolMismatch),
    (b"version", HandshakeFailure::ProtocolMismatch),
    (b"cipher", HandshakeFailure::ProtocolMismatch),
    (b"inappropriate fallback", HandshakeFailure::ProtocolMismatch),
    (b"EOF", HandshakeFailure::Probe),
    (b"eof", HandshakeFailure::Probe),
    (b"Success", HandshakeFailure::Probe),
    (b"http request", HandshakeFailure::Probe),
    (b"https proxy request", HandshakeFailure::Probe),
    (b"Connection reset", HandshakeFailure::Probe),
    (b"Broken pipe", HandshakeFailure::Probe),
];

/// Reads OpenSSL's reason behind `could not accept SSL connection: `.
///
/// A reason without a known part is `Other`. The client has an address only: it has sent no name yet.
pub(super) fn handshake_failed<'a>(reason: &'a [u8], context: &Context<'a>) -> Message<'a> {
    let cause = HANDSHAKE_CAUSES
        .iter()
        .find(|(part, _)| memmem::find(reason, part).is_some())
        .map_or(HandshakeFailure::Other, |(_, cause)| *cause);
    let client = Client { address: context.address.and_then(text), ..Client::default() };
    Message::About(client, SessionStep::HandshakeFailed(cause))
}

/// A client that began TLS at once, and did not name the protocol.
///
/// Servers from 17 on accept such clients (`sslnegotiation=direct`). Without ALPN they close the connection.
/// The cause is `Other`.
pub(super) fn direct_without_alpn<'a>(_: &'a [u8], context: &Context<'a>) -> Message<'a> {
    handshake_failed(b"", context)
}

/// The transport of an attempt from this address.
///
/// The address matters where a rejection says that there is no encryption: `[local]` is a Unix socket.
type TransportFrom = fn(&[u8]) -> Transport<'static>;

/// What a pg_hba rejection says of the transport, at its end. Before 14 the words were `SSL on` and `SSL off`.
///
/// A rejection without any of these words, as of a server built without TLS, leaves the transport unknown.
const HBA_TRANSPORTS: &[(&[u8], TransportFrom)] = &[
    (b", SSL encryption", |_| Transport::Tls(Tls::default())),
    (b", SSL on", |_| Transport::Tls(Tls::default())),
    (b", GSS encryption", |_| Transport::Gss),
    (b", no encryption", |address| Transport::unmarked(Some(address))),
    (b", SSL off", |address| Transport::unmarked(Some(address))),
];

/// `"HOST", user "USER"[, database "DATABASE"][, TRANSPORT]`.
///
/// ```text
/// "10.0.0.7", user "app", database "orders", SSL encryption
/// "10.0.0.7", user "repl", no encryption
/// ```
///
/// Names are quoted but not escaped. So the host ends at the first `", user "`, and the user at the last `", database "`.
/// Another shape is `Malformed::UnknownLayout`.
pub(super) fn rejected_by_hba<'a>(body: &'a [u8], _: &Context<'a>) -> Message<'a> {
    let parts = || {
        let (names, end) = (take_until::<_, _, Error<&[u8]>>(&b"\", user \""[..]), rest)
            .parse_complete(body.strip_prefix(b"\"")?)
            .ok()
            .map(|(_, (host, names))| (host, names))?;
        let user = end.strip_prefix(b"\", user \"")?;
        let transport = HBA_TRANSPORTS.iter().find(|(word, _)| user.ends_with(word));
        let user = user.get(..user.len() - transport.map_or(0, |(word, _)| word.len()))?.strip_suffix(b"\"")?;
        let (user, database) = match memmem::rfind(user, b"\", database \"") {
            Some(at) => (user.get(..at)?, user.get(at + 13..)),
            None => (user, None),
        };
        Some((names, user, database, transport.map_or(Transport::Unknown, |(_, transport)| transport(names))))
    };
    match parts() {
        Some((host, user, database, transport)) => {
            let client =
                Client { user: text(user), database: database.and_then(text), address: text(host), application: None };
            Message::About(client, SessionStep::Rejected(transport))
        }
        None => Message::Malformed(Malformed::UnknownLayout),
    }
}

/// A certificate can only be missed where there is TLS.
///
/// So the transport is TLS, of a version and a cipher that the message does not name.
pub(super) fn rejected_without_certificate<'a>(_: &'a [u8], context: &Context<'a>) -> Message<'a> {
    let transport = Transport::Tls(Tls::default());
    Message::About(client_of(context), SessionStep::Rejected(transport))
}

/// `METHOD authentication failed for user "USER"`. It does not name the transport.
///
/// ```text
/// password authentication failed for user "app"
/// PAM authentication failed for user "app"
/// ```
///
/// Returns `NotARecord` where these words are missing, or begin more than 40 bytes into the message.
/// The database and the address are those of `context`.
pub(super) fn authentication_failed<'a>(message: &'a [u8], context: &Context<'a>) -> Message<'a> {
    const WORDS: &[u8] = b"authentication failed for user \"";
    // The method is a word or two; further in, it is text of a client.
    match memmem::find(message, WORDS).filter(|at| *at <= 40).and_then(|at| message.get(at + WORDS.len()..)) {
        Some(user) => {
            // `: host rejected` may follow.
            let user = memchr::memrchr(b'"', user).and_then(|end| user.get(..end)).unwrap_or(user);
            let client = Client { user: text(user), ..client_of(context) };
            Message::About(client, SessionStep::Rejected(Transport::Unknown))
        }
        None => Message::NotARecord,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postgres::message::{fatal_message, log_message};

    /// Rows: reasons that servers 10 to 18 gave in `samples/postgres`, and others of OpenSSL's.
    #[test]
    fn causes_of_failed_handshakes() {
        use HandshakeFailure::{ClientRejectedCertificate, Other, Probe, ProtocolMismatch};
        let rows = [
            ("tlsv1 alert unknown ca", ClientRejectedCertificate),
            ("sslv3 alert bad certificate", ClientRejectedCertificate),
            ("sslv3 alert certificate expired", ClientRejectedCertificate),
            ("sslv3 alert certificate unknown", ClientRejectedCertificate),
            ("sslv3 alert unsupported certificate", ClientRejectedCertificate),
            // OpenSSL 3.2 and later.
            ("ssl/tls alert bad certificate", ClientRejectedCertificate),
            ("no shared cipher", ProtocolMismatch),
            ("unsupported protocol", ProtocolMismatch),
            ("tlsv1 alert protocol version", ProtocolMismatch),
            ("sslv3 alert handshake failure", ProtocolMismatch),
            // EOF, up to 11 and from 12 on.
            ("Success", Probe),
            ("EOF detected", Probe),
            ("unexpected eof while reading", Probe),
            ("Connection reset by peer", Probe),
            ("http request", Probe),
            ("wrong version number", Probe),
            ("tlsv1 alert internal error", Other),
            ("certificate verify failed", Other),
        ];
        for (reason, cause) in rows {
            let message = format!("could not accept SSL connection: {reason}");
            match log_message(message.as_bytes(), &Context::default()) {
                Message::About(_, step) => assert_eq!(step, SessionStep::HandshakeFailed(cause), "{reason}"),
                other => panic!("{reason}: {other:?}"),
            }
        }
    }

    /// Rows: refusals of every version. Source: `src/backend/libpq/auth.c`, `ClientAuthentication` and `auth_failed`.
    #[test]
    fn refusals_tell_the_transport_if_they_can() {
        let tls = || Transport::Tls(Tls::default());
        let rows = [
            (r#"no pg_hba.conf entry for host "10.0.0.7", user "app", database "orders", SSL on"#, tls()),
            (
                r#"no pg_hba.conf entry for host "10.0.0.7", user "app", database "orders", SSL off"#,
                Transport::Plaintext,
            ),
            (r#"no pg_hba.conf entry for host "10.0.0.7", user "app", database "orders", SSL encryption"#, tls()),
            (
                r#"no pg_hba.conf entry for host "10.0.0.7", user "app", database "orders", GSS encryption"#,
                Transport::Gss,
            ),
            (r#"no pg_hba.conf entry for host "127.0.0.1", user "app", database "o", no encryption"#, Transport::Local),
            // Servers built without TLS.
            (r#"no pg_hba.conf entry for host "10.0.0.7", user "app", database "orders""#, Transport::Unknown),
            (r#"pg_hba.conf rejects replication connection for host "10.0.0.7", user "repl", SSL encryption"#, tls()),
            ("connection requires a valid client certificate", tls()),
            (r#"PAM authentication failed for user "app""#, Transport::Unknown),
            (r#"authentication failed for user "app": host rejected"#, Transport::Unknown),
        ];
        for (message, expected) in rows {
            match fatal_message(message.as_bytes(), &Context::default()) {
                Message::About(_, SessionStep::Rejected(found)) => assert_eq!(found, expected, "{message}"),
                other => panic!("{message}: {other:?}"),
            }
        }
        let other = fatal_message(br#"database "orders" does not exist"#, &Context::default());
        assert_eq!(other, Message::NotARecord);
    }
}
