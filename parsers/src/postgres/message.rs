//! The messages of PostgreSQL about connections, whatever log they stand in.
//!
//! Layouts, by server version (source: `src/backend/utils/init/postinit.c` `PerformAuthentication`, `src/backend/libpq/auth.c`,
//! `be-secure-openssl.c`, `src/backend/tcop/postgres.c` `log_disconnections`, of the versions named):
//!
//! | servers | behind `connection authorized: user=U database=D` |
//! | --- | --- |
//! | 9.3 and older | nothing: the absence of a TLS mark proves nothing |
//! | 9.4 to 10 | ` SSL enabled (protocol=P, cipher=C, compression=off)`; seen in 10, and 9.4 may leave `compression` out |
//! | 11 | ` SSL enabled (protocol=P, cipher=C, bits=N, compression=off)` |
//! | 12, 13 | ` application_name=A` first, then as 11, then ` GSS (authenticated=yes, encrypted=yes, principal=X)` |
//! | 14, 15 | ` SSL enabled (protocol=P, cipher=C, bits=N)`, GSS as before |
//! | 16 to 18 | as 14; GSS has `delegated_credentials=no` too |
//!
//! `replication connection authorized: user=U` has no database, and is otherwise the same.
//!
//! The application name is free text that runs up to the TLS mark. A plaintext client whose application name holds a
//! perfect TLS mark looks like a TLS client in this message. It is counted as TLS, which is the safe error. If text follows
//! the mark, it is marked as `imitable`. An incomplete mark is not understood: the line was cut.
//!
//! The modules of the formats find the message and the fields around it. This module reads the message alone.
//! Translated messages are not read: see `translation`.

use std::borrow::Cow;

use super::authorized::{authorized, authorized_replication, known_names, split_names};
use super::failure::{
    authentication_failed, direct_without_alpn, handshake_failed, rejected_by_hba, rejected_without_certificate,
};
use crate::digits;
use crate::event::{Client, Malformed, Micros, SessionStep, Text};
use crate::format::TRUNCATED;

/// The client of a record, as far as its fields or its prefix name it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Context<'a> {
    /// The client's address without its port, or `[local]`. None where the log line has no address.
    pub address: Option<&'a [u8]>,
    /// The user's name, as the fields or the prefix write it. It may be `[unknown]`.
    pub user: Option<&'a [u8]>,
    /// The database's name. Connections for physical replication have none.
    pub database: Option<&'a [u8]>,
    /// Whether a session without a TLS mark had none: true from 9.4 on.
    pub marks_tls: bool,
    /// Whether the message is between quotes, so that it cannot have been cut.
    pub quoted: bool,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Message<'a> {
    /// A message about a connection: its client, and the step of its session.
    About(Client<'a>, SessionStep<'a>),
    /// A message about something else.
    NotARecord,
    /// A message about a connection that cannot be understood, and why.
    Malformed(Malformed),
}

/// A kind of message: its beginning, where the needle stands in that, and the function that reads the rest.
struct Kind {
    /// The message's fixed first words, up to the first byte that varies.
    head: &'static [u8],
    /// Offset of [`LOG_NEEDLE`] in `head`, in bytes. It is 0, and not used, in [`FATAL_HEADS`].
    needle_at: usize,
    /// Reads what stands behind `head`.
    read: for<'a> fn(&'a [u8], &Context<'a>) -> Message<'a>,
}

impl Kind {
    /// What stands behind the head that a text begins with. None where it begins otherwise.
    fn body<'a>(&self, text: &'a [u8]) -> Option<&'a [u8]> {
        // Many heads begin alike. The byte here excludes nearly all of them before they are compared.
        const DECISIVE: usize = 11;
        let may_begin = self.head.get(DECISIVE).is_none_or(|byte| text.get(DECISIVE) == Some(byte));
        if may_begin { text.strip_prefix(self.head) } else { None }
    }
}

/// The needle of [`LOG_HEADS`]: every head of severity LOG holds it once.
///
/// One search for these bytes finds all candidates in a log. Most hits are other text, such as statements.
pub(super) const LOG_NEEDLE: &[u8] = b"onnection";

/// Messages of severity LOG. One that ends another stands behind it.
///
/// Bodies, in the same order:
///
/// ```text
/// user=repl SSL enabled (protocol=TLSv1.3, cipher=TLS_AES_256_GCM_SHA384, bits=256)
/// user=app database=orders application_name=api SSL enabled (protocol=TLSv1.3, cipher=X, bits=256)
/// host=10.0.0.7 port=49698
/// 0:00:01.234 user=app database=orders host=10.0.0.7 port=49698
/// identity="app" method=scram-sha-256 (/rdsdbdata/config/pg_hba.conf:13)
/// tlsv1 alert unknown ca
/// ```
///
/// The last head has no body that matters.
const LOG_HEADS: &[Kind] = &[
    Kind { head: b"replication connection authorized: ", needle_at: 13, read: authorized_replication },
    Kind { head: b"connection authorized: ", needle_at: 1, read: authorized },
    Kind { head: b"connection received: ", needle_at: 1, read: received },
    Kind { head: b"disconnection: session time: ", needle_at: 4, read: disconnected },
    Kind { head: b"connection authenticated: ", needle_at: 1, read: authenticated },
    Kind { head: b"could not accept SSL connection: ", needle_at: 22, read: handshake_failed },
    Kind { head: b"received direct SSL connection request without ALPN ", needle_at: 21, read: direct_without_alpn },
];

/// Beginnings of messages of severity FATAL; the needle is the severity before them.
///
/// ```text
/// no pg_hba.conf entry for host "10.0.0.7", user "app", database "orders", no encryption
/// ```
///
/// Failed passwords are not in the list: their messages begin with the method. [`authentication_failed`] reads those.
const FATAL_HEADS: &[Kind] = &[
    Kind { head: b"no pg_hba.conf entry for host ", needle_at: 0, read: rejected_by_hba },
    Kind { head: b"no pg_hba.conf entry for replication connection from host ", needle_at: 0, read: rejected_by_hba },
    Kind { head: b"pg_hba.conf rejects connection for host ", needle_at: 0, read: rejected_by_hba },
    Kind { head: b"pg_hba.conf rejects replication connection for host ", needle_at: 0, read: rejected_by_hba },
    Kind { head: b"connection requires a valid client certificate", needle_at: 0, read: rejected_without_certificate },
];

/// Phrases of which every message here holds one. Each is a part of a head above, or of [`authentication_failed`].
///
/// An export that is searched by words needs these. They are case-sensitive, as the server writes them.
pub(super) const TERMS: &[&str] = &[
    "connection authorized",
    "connection received",
    "disconnection",
    "connection authenticated",
    "could not accept SSL connection",
    "received direct SSL connection request",
    "no pg_hba.conf entry",
    "pg_hba.conf rejects",
    "connection requires a valid client certificate",
    "authentication failed for user",
];

/// Whether a message is one of a connection, which holds no text but names.
///
/// Only messages of severity LOG count. False for rejections, which quote names of clients.
pub(super) fn is_of_connection(text: &[u8]) -> bool {
    kind_of(LOG_HEADS, text).is_some()
}

/// Where a message of severity LOG begins, if [`LOG_NEEDLE`] at `hit` is the one of its head.
///
/// None where the needle belongs to other text, such as `terminating connection due to administrator command`.
/// None, too, where the head would begin before `text`.
pub(super) fn log_message_start(text: &[u8], hit: usize) -> Option<usize> {
    LOG_HEADS.iter().find_map(|kind| {
        let start = hit.checked_sub(kind.needle_at)?;
        kind.body(text.get(start..)?).map(|_| start)
    })
}

/// Longest line that was cut within its first words, with blanks and the mark of RDS behind them.
///
/// In bytes, from the message's first byte to its newline.
const FIRST_WORDS: usize = 256;

/// Where a message of severity LOG begins of which the line was cut within its first words, if [`LOG_NEEDLE`] at `hit` is one
/// of them.
///
/// ```text
/// connection auth [Your log message was truncated]
/// ```
///
/// None where no newline follows within [`FIRST_WORDS`], and where the line goes on behind the head.
pub(super) fn cut_message_start(text: &[u8], hit: usize) -> Option<usize> {
    LOG_HEADS.iter().find_map(|kind| {
        let start = hit.checked_sub(kind.needle_at)?;
        let rest = text.get(start..text.len().min(start + FIRST_WORDS))?;
        let line = rest.get(..memchr::memchr(b'\n', rest)?)?.trim_ascii_end();
        let line = line.strip_suffix(TRUNCATED).unwrap_or(line).trim_ascii_end();
        kind.head.starts_with(line).then_some(start)
    })
}

/// What stands within the record of a session, one of which is left wherever it is cut.
///
/// They identify the rear part of a record whose front is missing, at the beginning of a log.
pub(super) const PARTS: &[&[u8]] =
    &[b"zed: user=", b" database=", b" application_name=", b"SSL enabled (", b" cipher=", b" bits=", b" GSS ("];

/// Whether a message of severity LOG may begin so.
///
/// True for a part of a head, and for no text at all. False for a whole head with text behind it.
pub(super) fn may_begin(text: &[u8]) -> bool {
    LOG_HEADS.iter().any(|kind| kind.head.starts_with(text))
}

/// Bytes of a text that a message of severity LOG may begin with.
///
/// The count of the head that agrees for longest; 0 where no head has the first byte.
pub(super) fn beginning(text: &[u8]) -> usize {
    let common = |kind: &Kind| kind.head.iter().zip(text).take_while(|(byte, other)| byte == other).count();
    LOG_HEADS.iter().map(common).max().unwrap_or(0)
}

/// Reads a message of severity LOG.
///
/// `text` begins with the message, behind the severity and without a newline at its end.
/// Returns `NotARecord` where it begins with no head of [`LOG_HEADS`].
pub(super) fn log_message<'a>(text: &'a [u8], context: &Context<'a>) -> Message<'a> {
    match kind_of(LOG_HEADS, text) {
        Some((kind, body)) => (kind.read)(body, context),
        None => Message::NotARecord,
    }
}

/// Reads a message of severity FATAL.
///
/// Fatal errors that are no rejection of a client are `NotARecord`.
pub(super) fn fatal_message<'a>(text: &'a [u8], context: &Context<'a>) -> Message<'a> {
    match kind_of(FATAL_HEADS, text) {
        Some((kind, body)) => (kind.read)(body, context),
        None => authentication_failed(text, context),
    }
}

/// The kind of a message, and what stands behind its head.
///
/// None where no head of `kinds` begins the text. The first head that matches wins.
fn kind_of<'a, 'k>(kinds: &'k [Kind], text: &'a [u8]) -> Option<(&'k Kind, &'a [u8])> {
    kinds.iter().find_map(|kind| Some((kind, kind.body(text)?)))
}

/// Text of a message, without a copy.
///
/// Always `Some`, so that it can end a chain of `and_then`.
pub(super) fn text(bytes: &[u8]) -> Option<Text<'_>> {
    Some(Cow::Borrowed(bytes))
}

/// The client of a record, by its context.
///
/// The application is always `None`: it is not known before a session is established.
/// Names that are empty or `[unknown]` are left out.
pub(super) fn client_of<'a>(context: &Context<'a>) -> Client<'a> {
    // A prefix writes `[unknown]` for a name that is not known yet. A role may have that name too.
    let known = |name: &&[u8]| !name.is_empty() && *name != b"[unknown]";
    Client {
        user: context.user.filter(known).and_then(text),
        database: context.database.filter(known).and_then(text),
        address: context.address.and_then(text),
        application: None,
    }
}

/// Where the first `key` stands in `body`. A key ends in `=`, of which messages have few: looking for those is faster than
/// to prepare a search for a few dozen bytes.
///
/// The offset is that of the key's first byte. `key` ends in `=`. None where `body` does not hold it.
fn find_key(body: &[u8], key: &[u8]) -> Option<usize> {
    memchr::memchr_iter(b'=', body).find_map(|end| key_before(body, key, end))
}

/// Where the last `key` stands in `body`.
///
/// For values behind free text, such as the host behind a database name: free text may hold the same key.
fn rfind_key(body: &[u8], key: &[u8]) -> Option<usize> {
    memchr::memrchr_iter(b'=', body).find_map(|end| key_before(body, key, end))
}

/// Where `key` begins if the `=` at `end` of `body` is its last byte.
///
/// None where other bytes stand before the `=`, as in ` my_user=` for the key ` user=`.
fn key_before(body: &[u8], key: &[u8], end: usize) -> Option<usize> {
    body.get(..=end)?.strip_suffix(key).map(<[u8]>::len)
}

/// `host=H[ port=N]`.
///
/// The message names no user: the client has sent nothing yet. So the client has an address only.
fn received<'a>(body: &'a [u8], _: &Context<'a>) -> Message<'a> {
    match body.strip_prefix(b"host=").and_then(address) {
        Some(host) => Message::About(Client { address: text(host), ..Client::default() }, SessionStep::Received),
        None => Message::Malformed(Malformed::UnknownLayout),
    }
}

/// The address in `H[ port=N]`; none where something else follows, as another record that was put on the same line.
///
/// ```text
/// 10.0.0.7 port=49698
/// [local]
/// ```
///
/// A host without ` port=` is returned whole. A port has at most five digits.
/// Behind it, only bytes that are neither letters nor digits may follow.
fn address(host: &[u8]) -> Option<&[u8]> {
    const PORT: &[u8] = b" port=";
    if let Some(rest) = host.strip_prefix(b"[local]")
        && !rest.starts_with(PORT)
    {
        return host.get(..7).filter(|_| !rest.iter().any(u8::is_ascii_digit));
    }
    let Some(at) = rfind_key(host, PORT) else { return Some(host) };
    let port = host.get(at + PORT.len()..)?;
    // A comma or a quote may be left of an envelope.
    let length = digits::leading(port);
    let rest = port.get(length..)?;
    (length <= 5 && !rest.iter().any(u8::is_ascii_alphanumeric)).then_some(host.get(..at)?)
}

/// `identity="I" method=M (FILE:LINE)`, and `user="U" method=trust (FILE:LINE)` from 17 on.
///
/// The method runs up to the next blank. The last `method=` counts, because an identity may hold another.
/// The identity is not used: it can be the subject of a certificate or a Kerberos principal.
fn authenticated<'a>(body: &'a [u8], context: &Context<'a>) -> Message<'a> {
    const METHOD: &[u8] = b"\" method=";
    let method = rfind_key(body, METHOD)
        .and_then(|at| body.get(at + METHOD.len()..))
        .map(|method| method.split(|byte| *byte == b' ').next().unwrap_or(method));
    match method {
        Some(method) => Message::About(client_of(context), SessionStep::Authenticated(Cow::Borrowed(method))),
        None => Message::Malformed(Malformed::UnknownLayout),
    }
}

/// `H:MM:SS.mmm user=U database=D host=H[ port=N]`.
///
/// ```text
/// 0:00:01.234 user=app database=orders host=10.0.0.7 port=49698
/// ```
///
/// The names end where `context` says, if it names them and the message agrees. Otherwise they end at the words around them.
/// The duration is `None` where it has another shape; the disconnect still counts.
fn disconnected<'a>(body: &'a [u8], context: &Context<'a>) -> Message<'a> {
    let parts = || {
        let from_user = body.get(find_key(body, b" user=")? + 1..)?;
        let at = rfind_key(from_user, b" host=")?;
        let (names, host) = (from_user.get(..at)?.strip_prefix(b"user=")?, from_user.get(at + 6..)?);
        let known = known_names(names, context, true).and_then(Result::ok);
        let (user, database, _) = known.or_else(|| split_names(names, context, true))?;
        let lasted = body.get(..find_key(body, b" user=")?).and_then(session_time);
        Some((user, database, address(host)?, lasted))
    };
    match parts() {
        Some((user, database, host, lasted)) => {
            let client =
                Client { user: text(user), database: database.and_then(text), address: text(host), application: None };
            Message::About(client, SessionStep::Disconnected(lasted))
        }
        None => Message::Malformed(Malformed::UnknownLayout),
    }
}

/// `H:MM:SS.mmm`, of any number of hours.
///
/// The duration is in microseconds. None for 60 minutes or seconds, for 1,000 milliseconds, and from 876,000 hours on.
fn session_time(text: &[u8]) -> Option<Micros> {
    usual_session_time(text).or_else(|| any_session_time(text))
}

/// The same for `H:MM:SS.mmm` with one to seven digits of hours, as servers write it.
fn usual_session_time(text: &[u8]) -> Option<Micros> {
    let (hours, rest) = digits::split_number(text).filter(|(_, rest)| text.len() - rest.len() <= 7)?;
    digits::after_shape(rest, b":00:00.000").filter(|rest| rest.is_empty())?;
    let [minutes, seconds] = [digits::number_at(rest, 1..3)?, digits::number_at(rest, 4..6)?];
    let millis = digits::number_at(rest, 7..10)?;
    let lasted = (((hours * 60 + minutes) * 60 + seconds) * 1000 + millis) * 1000;
    Micros::try_from(lasted).ok().filter(|_| hours < HOURS_MAX && minutes < 60 && seconds < 60)
}

/// A century, which is more than any session lasts.
const HOURS_MAX: u64 = 876_000;

/// The same for any number of digits.
fn any_session_time(text: &[u8]) -> Option<Micros> {
    let (clock, millis) = std::str::from_utf8(text).ok()?.split_once('.')?;
    let mut parts = clock.splitn(3, ':').map(|part| part.parse::<u32>().ok().map(Micros::from));
    let (hours, minutes, seconds) = (parts.next()??, parts.next()??, parts.next()??);
    let millis = Micros::from(millis.parse::<u16>().ok()?);
    (hours < HOURS_MAX as Micros && minutes < 60 && seconds < 60 && millis < 1000)
        .then_some((((hours * 60 + minutes) * 60 + seconds) * 1000 + millis) * 1000)
}

#[cfg(test)]
mod tests {
    use memchr::memmem;

    use super::*;
    use crate::event::{Tls, Transport};

    /// A search by [`TERMS`] must not miss a head that a later version of this list adds.
    #[test]
    fn every_message_holds_a_term() {
        for kind in LOG_HEADS.iter().chain(FATAL_HEADS) {
            let held = TERMS.iter().any(|term| memmem::find(kind.head, term.as_bytes()).is_some());
            assert!(held, "{}", kind.head.escape_ascii());
        }
    }

    /// No head excludes a text that it begins.
    #[test]
    fn every_head_is_found() {
        for kinds in [LOG_HEADS, FATAL_HEADS] {
            for kind in kinds {
                let found = kind_of(kinds, kind.head).map(|(found, body)| (found.head, body));
                assert_eq!(found, Some((kind.head, &b""[..])));
                assert_eq!(kind.body(&kind.head[..kind.head.len() - 1]), None);
            }
        }
    }

    /// A wrong offset in [`LOG_HEADS`] would lose every record of that kind without an error.
    #[test]
    fn needles_stand_where_they_are_said_to() {
        for kind in LOG_HEADS {
            assert_eq!(memmem::find(kind.head, LOG_NEEDLE), Some(kind.needle_at), "{}", kind.head.escape_ascii());
        }
    }

    #[test]
    fn how_long_a_session_lasted() {
        assert_eq!(session_time(b"0:00:00.004"), Some(4_000));
        assert_eq!(session_time(b"170:01:02.345"), Some(((170 * 60 + 1) * 60 + 2) * 1_000_000 + 345_000));
        for text in ["", "1:02.3", "0:60:00.000", "0:00:00", "0:00:00.-1", "999999:00:00.000", "4294967296:0:0.0"] {
            assert_eq!(session_time(text.as_bytes()), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn a_duration_does_not_depend_on_how_it_is_read(text in "[0-9]{0,9}[:+0-9]{0,7}[.:][0-9+]{0,4}") {
            let usual = usual_session_time(text.as_bytes());
            proptest::prop_assert!(usual.is_none() || usual == any_session_time(text.as_bytes()), "{text}");
            let whole = format!("{}:07:09.012", text.len());
            proptest::prop_assert_eq!(usual_session_time(whole.as_bytes()), any_session_time(whole.as_bytes()));
        }
    }

    /// Reads a message of a client at 10.0.0.7 on a server that marks TLS.
    fn transport(message: &'static str) -> Message<'static> {
        let context = Context { address: Some(b"10.0.0.7"), marks_tls: true, ..Context::default() };
        log_message(message.as_bytes(), &context)
    }

    fn tls(version: &'static str, cipher: &'static str, bits: Option<u32>) -> Transport<'static> {
        Transport::Tls(Tls {
            version: text(version.as_bytes()),
            cipher: text(cipher.as_bytes()),
            bits,
            imitable: false,
        })
    }

    /// Rows: what a server of the named version writes. Made by hand from the sources that the module's page names.
    #[test]
    fn every_layout_of_a_session() {
        let rows: &[(&str, Transport<'_>)] = &[
            // 9.4, `src/backend/utils/init/postinit.c`, `PerformAuthentication`: fewer parts than any later one
            ("SSL enabled (protocol=TLSv1, cipher=AES256-SHA)", tls("TLSv1", "AES256-SHA", None)),
            // 14, without an application
            (
                "SSL enabled (protocol=TLSv1.2, cipher=ECDHE-RSA-AES256-GCM-SHA384, bits=256)",
                tls("TLSv1.2", "ECDHE-RSA-AES256-GCM-SHA384", Some(256)),
            ),
            // 10
            ("SSL enabled (protocol=TLSv1.2, cipher=AES128-SHA, compression=off)", tls("TLSv1.2", "AES128-SHA", None)),
            // 11
            (
                "SSL enabled (protocol=TLSv1.3, cipher=TLS_AES_256_GCM_SHA384, bits=256, compression=off)",
                tls("TLSv1.3", "TLS_AES_256_GCM_SHA384", Some(256)),
            ),
            // 12
            (
                "application_name=my (app) SSL enabled (protocol=TLSv1.3, cipher=X, bits=256, compression=off)",
                tls("TLSv1.3", "X", Some(256)),
            ),
            (
                "application_name=psql GSS (authenticated=yes, encrypted=yes, principal=Admin@EXAMPLE.COM)",
                Transport::Gss,
            ),
            (
                "application_name=psql GSS (authenticated=yes, encrypted=no, principal=Admin@EXAMPLE.COM)",
                Transport::Plaintext,
            ),
            (
                "application_name=psql SSL enabled (protocol=TLSv1.3, cipher=X, bits=256) GSS (authenticated=yes, encrypted=no, principal=a)",
                tls("TLSv1.3", "X", Some(256)),
            ),
            // 16
            ("GSS (authenticated=yes, encrypted=yes, delegated_credentials=no, principal=a(b))", Transport::Gss),
            ("application_name=SSL enabled (no) or so", Transport::Plaintext),
            ("application_name=ends with (a parenthesis)", Transport::Plaintext),
        ];
        for (end, expected) in rows {
            let message = format!("connection authorized: user=app database=orders {end}").leak();
            match transport(message) {
                Message::About(_, SessionStep::Connected(found)) => assert_eq!(&found, expected, "{message}"),
                other => panic!("{message}: {other:?}"),
            }
        }
    }

    /// Rows: method and what stands around it. Source: `src/backend/libpq/auth.c`, `set_authn_id`, from 14 on, and
    /// `ClientAuthentication`, from 16 on.
    #[test]
    fn methods_of_authentication() {
        let rows = [
            (r#"identity="app" method=scram-sha-256 (/rdsdbdata/config/pg_hba.conf:13)"#, "scram-sha-256"),
            (r#"identity="CN=app,O=a \" method=trust" method=cert (/etc/pg_hba.conf:8)"#, "cert"),
            (r#"identity="rdsmon" method=peer"#, "peer"),
            (r#"user="app" method=trust (/etc/pg_hba.conf:13)"#, "trust"),
        ];
        for (body, method) in rows {
            match transport(format!("connection authenticated: {body}").leak()) {
                Message::About(_, SessionStep::Authenticated(found)) => assert_eq!(found, method.as_bytes(), "{body}"),
                other => panic!("{body}: {other:?}"),
            }
        }
    }

    /// Names that imitate the text behind them. The prefix shows where they end.
    #[test]
    fn known_names_end_where_the_prefix_says() {
        let database = "x SSL enabled (protocol=TLSv1.3, cipher=F, bits=1)";
        let context = Context {
            address: Some(b"10.0.0.7"),
            user: Some(b"app"),
            database: Some(database.as_bytes()),
            marks_tls: true,
            quoted: false,
        };
        let message = format!("connection authorized: user=app database={database}");
        match log_message(message.as_bytes(), &context) {
            Message::About(_, step) => assert_eq!(step, SessionStep::Connected(Transport::Plaintext)),
            other => panic!("{other:?}"),
        }
        let other = log_message(b"connection authorized: user=app database=y", &context);
        assert_eq!(other, Message::Malformed(Malformed::Ambiguous));
    }

    #[test]
    fn a_tls_mark_of_unknown_layout_is_not_plaintext() {
        let message =
            transport("connection authorized: user=app database=orders SSL enabled (protocol=TLSv1.3, colour=red)");
        assert_eq!(message, Message::Malformed(Malformed::UnknownLayout));
    }

    const WHOLE: &str = "connection authorized: user=app database=orders application_name=api SSL enabled \
                         (protocol=TLSv1.3, cipher=TLS_AES_256_GCM_SHA384, bits=256)";

    proptest::proptest! {
        /// Whatever follows the mark, and wherever the line is cut inside of it, the session is not without TLS.
        #[test]
        fn no_end_turns_tls_into_plaintext(cut in 0usize..74, end in "[ -~]{0,40}", gss in proptest::bool::ANY) {
            let mark_at = WHOLE.find(" SSL").expect("a mark");
            let end = if gss { format!("{end} GSS (authenticated=yes, encrypted=no, principal=a)") } else { end };
            let context = Context { address: Some(b"10.0.0.7"), marks_tls: true, ..Context::default() };
            let followed = format!("{WHOLE}{end}");
            match log_message(followed.as_bytes(), &context) {
                Message::About(_, SessionStep::Connected(Transport::Tls(_))) | Message::Malformed(_) => {}
                other => proptest::prop_assert!(false, "{followed}: {other:?}"),
            }
            // A cut inside of the mark, at two bytes of it or more; the text before looks like a name.
            let cut_short = &WHOLE[..(mark_at + 2 + cut).min(WHOLE.len() - 1)];
            match log_message(cut_short.trim_end().as_bytes(), &context) {
                Message::Malformed(_) => {}
                other => proptest::prop_assert!(false, "{cut_short}: {other:?}"),
            }
        }
    }

    /// Rows: the end of the message, and whether the mark before it may be a client's text.
    #[test]
    fn text_behind_a_mark_says_that_it_may_be_imitated() {
        for (end, imitable) in [("", false), ("\t2026-11-20 10:00:02 UTC:", true), ("x", true)] {
            match transport(format!("{WHOLE}{end}").leak()) {
                Message::About(client, SessionStep::Connected(Transport::Tls(tls))) => {
                    assert_eq!((client.application.as_deref(), tls.imitable), (Some(&b"api"[..]), imitable), "{end}");
                }
                other => panic!("{end}: {other:?}"),
            }
        }
    }
}
