//! The transport of a session, as the last field of an audit record names it.

use std::borrow::Cow;

use crate::event::{Tls, Transport};

/// What is said of a session without TLS, in either spelling.
///
/// Letters match in either case. Unlike those for TLS, these words must be the whole field.
const WITHOUT_TLS: &[(&str, Carrier)] = &[
    ("TCP/IP", Carrier::Network),
    ("SOCKET", Carrier::Machine),
    ("NAMED_PIPE", Carrier::Machine),
    ("NAMED PIPE", Carrier::Machine),
    ("SHARED_MEMORY", Carrier::Machine),
    ("SHARED MEMORY", Carrier::Machine),
    ("UNDEFINED", Carrier::Unsaid),
];

/// What is said of one with TLS, the longest first; from MariaDB 12.3 on, its version.
const WITH_TLS: &[&str] = &["TLSv1.3", "TLSv1.2", "TLSv1.1", "TLSv1.0", "TLSv1", "SSLv3", "SSLv2", "SSL/TLS", "SSL"];

/// The transport of a session without TLS.
#[derive(Clone, Copy)]
enum Carrier {
    /// TCP/IP: plaintext, or local for a loopback address.
    Network,
    /// A socket, a named pipe or shared memory of the server's machine.
    Machine,
    /// The server has no name for it, so that it stays unknown.
    Unsaid,
}

/// The transport of a session. A word that is not known says nothing. None for what is left of a word that was cut, and for
/// more than a word.
///
/// `TLSv1.3` also gives the version, `SSL` and `SSL/TLS` do not. Text behind a whole mark makes the TLS imitable.
pub(super) fn transport<'a>(word: &'a [u8], address: Option<&[u8]>) -> Option<Transport<'a>> {
    let part = |length: usize| word.get(..length).unwrap_or(word);
    let begins = |name: &str| part(name.len()).eq_ignore_ascii_case(name.as_bytes());
    let is_cut = |name: &str| name.as_bytes().get(..word.len()).is_some_and(|name| name.eq_ignore_ascii_case(word));
    if let Some(mark) = WITH_TLS.iter().find(|mark| begins(mark)) {
        let version = is_version(word).then(|| Cow::Borrowed(part(mark.len())));
        // Behind a whole mark, other text can follow; a mark that goes on is another, or one that was cut.
        return match word.get(mark.len()..).unwrap_or_default() {
            [] => Some(Transport::Tls(Tls { version, ..Tls::default() })),
            [next, ..] if next.is_ascii_alphanumeric() || b"._".contains(next) => None,
            [b'/', ..] if is_cut("SSL/TLS") => None,
            _ => Some(Transport::Tls(Tls { version, imitable: true, ..Tls::default() })),
        };
    }
    if let Some((name, carrier)) = WITHOUT_TLS.iter().find(|(name, _)| begins(name)) {
        return (word.len() == name.len()).then(|| match carrier {
            Carrier::Network => Transport::unmarked(address),
            Carrier::Machine => Transport::Local,
            Carrier::Unsaid => Transport::Unknown,
        });
    }
    let cut = WITH_TLS.iter().copied().chain(WITHOUT_TLS.iter().map(|(name, _)| *name)).any(is_cut);
    (!cut && !is_version(word)).then_some(Transport::Unknown)
}

/// Whether a word begins as the name of a version does: `TLSv1.3`. `SSL/TLS` is none.
pub(super) fn is_version(word: &[u8]) -> bool {
    word.starts_with(b"TLSv") || word.starts_with(b"SSLv")
}
