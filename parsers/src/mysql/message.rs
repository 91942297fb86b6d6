//! The message of a connection attempt in the general log: `app@10.0.0.7 on db1 using SSL/TLS`.
//!
//! ```text
//! app@10.0.0.7 as owner on db1 using TCP/IP
//! Access denied for user 'app'@'10.0.0.7' (using password: YES)
//! Access denied for user 'app'@'10.0.0.7' to database 'other'
//! ```
//!
//! The time, the thread and the command before the message are those of `head`. Names are not escaped: a user or a
//! database can hold an `@`, the words for a transport, or a line break.

use std::borrow::Cow;

use memchr::{memchr, memchr_iter, memmem};

use crate::event::{Client, Tls, Transport};
use crate::lines::undecorated;

/// What begins the words for a transport.
const USING: &[u8] = b" using ";
/// The words for TLS.
const USING_TLS: &[u8] = b" using SSL/TLS";
/// The words for a network without TLS.
const USING_TCP: &[u8] = b" using TCP/IP";

/// The words for a session without TLS, and what they mean.
///
/// The last one stands alone: the server names no transport behind it.
const WORDS: &[(&[u8], Carrier)] = &[
    (USING_TCP, Carrier::Tcp),
    (b" using Socket", Carrier::Machine),
    (b" using Named Pipe", Carrier::Machine),
    (b" using Shared Memory", Carrier::Machine),
    (b" using Internal", Carrier::Unsaid),
    (b" using Plugin", Carrier::Unsaid),
    (b" using", Carrier::Unsaid),
];

/// The transport of a session, in the log's words.
#[derive(Clone, Copy)]
pub(super) enum Carrier {
    /// TLS; whether its client may have written the words for it.
    Tls {
        /// True where text follows the words, or where other lines hold such words too.
        imitable: bool,
    },
    /// ` using TCP/IP`: plaintext, or local for a loopback address.
    Tcp,
    /// A socket, a named pipe or shared memory: the client runs on the server's machine.
    Machine,
    /// Words that name no transport, so that it stays unknown.
    Unsaid,
}

impl Carrier {
    /// The transport of a client from this address.
    ///
    /// The address matters for TCP/IP alone. Without one, the session counts as plaintext.
    pub fn transport(self, address: Option<&[u8]>) -> Transport<'static> {
        match self {
            Self::Tls { imitable } => Transport::Tls(Tls { imitable, ..Tls::default() }),
            Self::Tcp => Transport::unmarked(address),
            Self::Machine => Transport::Local,
            Self::Unsaid => Transport::Unknown,
        }
    }
}

/// What an attempt says.
pub(super) enum Said<'a> {
    /// The client of a session, and its transport. `torn` if the names may go on behind the words for the transport.
    Session { who: &'a [u8], carrier: Carrier, torn: bool },
    /// The attempt before was rejected.
    Rejection,
    /// The client of a session, or a rejection in another language.
    Unmarked(&'a [u8]),
    /// It cannot be determined.
    Unreadable,
}

/// Reads an attempt. `text` are its lines up to the next record, and `rest` what follows of a line that was cut.
///
/// If the first line says everything, the lines behind it are not the server's: a tool printed them, or they are blank. But a
/// name can hold line breaks and the words for a transport. So words for TLS count anywhere in the line. Lines with two
/// different transports count as unreadable.
pub(super) fn said<'a>(text: &'a [u8], rest: &[u8]) -> Said<'a> {
    // Most attempts are of these kinds.
    let usual = [(USING_TLS, Carrier::Tls { imitable: false }), (USING_TCP, Carrier::Tcp)];
    if let Some((who, carrier)) =
        usual.into_iter().find_map(|(words, carrier)| Some((text.strip_suffix(words)?, carrier)))
        && rest.is_empty()
        && memchr(b'\n', who).is_none()
        && !holds(who, USING)
    {
        return Said::Session { who, carrier, torn: false };
    }
    let ends = || memchr_iter(b'\n', text).chain([text.len()]);
    let up_to = |end: usize| undecorated(text.get(..end).unwrap_or_default());
    let follows = |end: usize, word: &[u8]| holds(text.get(end..).unwrap_or_default(), word) || holds(rest, word);
    if text.starts_with(b"Access denied")
        && let Some(end) = ends().find(|end| is_rejection(up_to(*end)))
    {
        return if follows(end, USING) { Said::Unreadable } else { Said::Rejection };
    }
    let first = ends().next().unwrap_or_default();
    let line = up_to(first);
    let others_say = follows(first, USING);
    match session(line) {
        Some((who, Carrier::Tls { imitable })) => {
            let torn = follows(first, b"@") || holds(line.get(who.len()..).unwrap_or_default(), b"@");
            Said::Session { who, carrier: Carrier::Tls { imitable: imitable || torn || others_say }, torn }
        }
        Some(_) if others_say => Said::Unreadable,
        Some((who, carrier)) => Said::Session { who, carrier, torn: false },
        None if holds(line, USING) => Said::Unreadable,
        None if !others_say && !follows(first, b"@") => Said::Unmarked(line),
        None if !clients(line).is_empty() => Said::Unreadable,
        // The first line is part of a name.
        None => {
            let end = ends().find_map(|end| Some((end, session(up_to(end))?)));
            match end.filter(|(end, _)| !follows(*end, USING) && !follows(*end, b"@")) {
                Some((_, (who, carrier))) => Said::Session { who, carrier, torn: false },
                None => Said::Unreadable,
            }
        }
    }
}

/// The client of a session, and its transport, by complete words.
///
/// None where no known words end the text. None too where words before them were cut, because those may have named TLS.
fn session(text: &[u8]) -> Option<(&[u8], Carrier)> {
    if let Some(at) = memmem::find(text, USING_TLS) {
        let imitable = at + USING_TLS.len() < text.len();
        return Some((text.get(..at)?, Carrier::Tls { imitable }));
    }
    let (who, carrier) = split_carrier(text)?;
    // Words that were cut may have been those for TLS.
    let whole = memmem::find_iter(who, USING).all(|at| who.get(at..).is_some_and(begins_with_words));
    whole.then_some((who, carrier))
}

/// Whether a text holds a word.
fn holds(text: &[u8], word: &[u8]) -> bool {
    memmem::find(text, word).is_some()
}

/// Whether words that are known begin the text, and do not go on.
///
/// ` using TCP/IP)` counts. ` using TCP/IPx` and ` using TCP/IP x` do not.
fn begins_with_words(text: &[u8]) -> bool {
    WORDS
        .iter()
        .filter_map(|(words, _)| text.strip_prefix(*words))
        .any(|rest| rest.first().is_none_or(|byte| !byte.is_ascii_alphanumeric() && *byte != b' '))
}

/// Splits off the words at the end for a session without TLS.
///
/// `app@10.0.0.7 on db1 using TCP/IP` gives `app@10.0.0.7 on db1`. None for words for TLS, and without any words.
fn split_carrier(argument: &[u8]) -> Option<(&[u8], Carrier)> {
    WORDS.iter().find_map(|(words, carrier)| Some((argument.strip_suffix(*words)?, *carrier)))
}

/// Whether an attempt ends in the beginning of the words that say which transport it uses, ` us`.
///
/// The shortest part is ` u`: a blank alone is no sign of a cut.
pub(super) fn ends_in_part(argument: &[u8]) -> bool {
    (2..USING.len()).any(|length| USING.get(..length).is_some_and(|part| argument.ends_with(part)))
}

/// Whether this is the server's sentence for a rejection, and no user of such a name.
///
/// English only. A denied database has another sentence, which is read by `denied_database`.
fn is_rejection(argument: &[u8]) -> bool {
    argument.starts_with(b"Access denied for user '")
        && (argument.ends_with(b"' (using password: YES)") || argument.ends_with(b"' (using password: NO)"))
}

/// The database of `Access denied for user 'app'@'10.0.0.7' to database 'other'`, whatever lines follow.
///
/// None where no line ends in a quoted name. The last ` to database '` before that end counts: a name may hold the words.
pub(super) fn denied_database(argument: &[u8]) -> Option<&[u8]> {
    const TO: &[u8] = b" to database '";
    memchr_iter(b'\n', argument).chain([argument.len()]).find_map(|end| {
        let name = undecorated(argument.get(..end)?).strip_suffix(b"'")?;
        name.get(memmem::rfind(name, TO)? + TO.len()..)
    })
}

/// The possible clients of `user@host on database` or `user@host as user on database`, two at most.
///
/// Empty where no host and no ` on` follow an `@`. Two where a name holds an `@`, so that the user is not certain.
/// A host ends at a blank, a tab, a line break or an `@`. Empty names are None.
pub(super) fn clients(text: &[u8]) -> Vec<Client<'_>> {
    let read = |at: usize| {
        let after = text.get(at + 1..)?;
        let host = after.get(..after.iter().position(|byte| b" @\t\n".contains(byte))?)?;
        let behind = after.get(host.len()..)?;
        let database = match behind.strip_prefix(b" on ") {
            Some(database) => database,
            None if behind == b" on" => b"",
            None => behind.strip_prefix(b" as ").and_then(|other| match memmem::rfind(other, b" on ") {
                Some(at) => other.get(at + 4..),
                None => other.ends_with(b" on").then_some(b"".as_slice()),
            })?,
        };
        let known = |name| Some(Cow::Borrowed(name)).filter(|name: &Cow<'_, [u8]>| !name.is_empty());
        let user = known(text.get(..at)?);
        Some(Client { user, database: known(database), address: known(host), application: None })
    };
    memchr_iter(b'@', text).filter_map(read).take(2).collect()
}
