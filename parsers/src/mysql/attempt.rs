//! What the general log says of an attempt to log in: `app@10.0.0.7 on db1 using SSL/TLS`.

use std::borrow::Cow;

use memchr::{memchr_iter, memmem};

use crate::event::{Client, Tls, Transport};
use crate::lines::undecorated;

const USING: &[u8] = b" using ";
const USING_TLS: &[u8] = b" using SSL/TLS";

/// What the words for a session without TLS mean.
const WORDS: &[(&[u8], Carrier)] = &[
    (b" using TCP/IP", Carrier::Tcp),
    (b" using Socket", Carrier::Machine),
    (b" using Named Pipe", Carrier::Machine),
    (b" using Shared Memory", Carrier::Machine),
    (b" using Internal", Carrier::Unsaid),
    (b" using Plugin", Carrier::Unsaid),
    (b" using", Carrier::Unsaid),
];

/// How a session is carried, in the log's words.
#[derive(Clone, Copy)]
pub(super) enum Carrier {
    /// TLS; whether its client may have written the words for it.
    Tls {
        imitable: bool,
    },
    Tcp,
    Machine,
    Unsaid,
}

impl Carrier {
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
    /// Who asks for a session, and how it is carried. `torn` where the names may go on behind the words for that.
    Session { who: &'a [u8], carrier: Carrier, torn: bool },
    /// The attempt before was refused.
    Refusal,
    /// Who asks for a session, or a refusal in another language.
    Unmarked(&'a [u8]),
    /// It cannot be told.
    Unreadable,
}

/// Reads an attempt. `text` are its lines up to the next record, and `rest` what follows of a line that was cut.
///
/// Lines behind that say nothing of a session are of others: what a tool prints, blank lines. A name can have line breaks
/// and the same words in it. So words for TLS count wherever they stand, and no other words hide them.
pub(super) fn said<'a>(text: &'a [u8], rest: &[u8]) -> Said<'a> {
    let ends = || memchr_iter(b'\n', text).chain([text.len()]);
    let up_to = |end: usize| undecorated(text.get(..end).unwrap_or_default());
    let follows = |end: usize, word: &[u8]| holds(text.get(end..).unwrap_or_default(), word) || holds(rest, word);
    if text.starts_with(b"Access denied")
        && let Some(end) = ends().find(|end| is_refusal(up_to(*end)))
        && !follows(end, USING)
    {
        return Said::Refusal;
    }
    if let Some(at) = memmem::find(text, USING_TLS) {
        let end = at + USING_TLS.len();
        let line = text.get(end..).and_then(|text| text.split(|byte| *byte == b'\n').next());
        let torn = follows(end, b"@");
        let imitable = torn || !undecorated(line.unwrap_or_default()).is_empty() || follows(end, USING);
        return Said::Session { who: text.get(..at).unwrap_or_default(), carrier: Carrier::Tls { imitable }, torn };
    }
    let mut marked = ends().filter_map(|end| carried(up_to(end)).map(|(who, carrier)| (end, who, carrier)));
    if let Some(first) = marked.next() {
        let last = marked.fold(None, |_, later| Some(later));
        let torn = last.is_some();
        let (end, who, carrier) = last.unwrap_or(first);
        // Words that were cut may have been those for TLS.
        let cut = memmem::find_iter(who, USING).any(|at| !who.get(at..).is_some_and(begins_with_words));
        return if cut || follows(end, USING) { Said::Unreadable } else { Said::Session { who, carrier, torn } };
    }
    let end = ends().next().unwrap_or_default();
    if holds(text, USING) || follows(end, b"@") { Said::Unreadable } else { Said::Unmarked(up_to(end)) }
}

fn holds(text: &[u8], word: &[u8]) -> bool {
    memmem::find(text, word).is_some()
}

/// Whether words that are known begin the text, and do not go on.
fn begins_with_words(text: &[u8]) -> bool {
    WORDS
        .iter()
        .filter_map(|(words, _)| text.strip_prefix(*words))
        .any(|rest| rest.first().is_none_or(|byte| !byte.is_ascii_alphanumeric() && *byte != b' '))
}

/// Parts the end that tells how a session without TLS is carried from the rest.
fn carried(argument: &[u8]) -> Option<(&[u8], Carrier)> {
    WORDS.iter().find_map(|(words, carrier)| Some((argument.strip_suffix(*words)?, *carrier)))
}

/// Whether this is the server's sentence of a refusal, and no user of such a name.
fn is_refusal(argument: &[u8]) -> bool {
    argument.starts_with(b"Access denied for user '")
        && (argument.ends_with(b"' (using password: YES)") || argument.ends_with(b"' (using password: NO)"))
}

/// The database of `Access denied for user 'app'@'10.0.0.7' to database 'other'`, whatever lines follow.
pub(super) fn denied_database(argument: &[u8]) -> Option<&[u8]> {
    const TO: &[u8] = b" to database '";
    memchr_iter(b'\n', argument).chain([argument.len()]).find_map(|end| {
        let name = undecorated(argument.get(..end)?).strip_suffix(b"'")?;
        name.get(memmem::rfind(name, TO)? + TO.len()..)
    })
}

/// Every reading of `user@host on database` or `user@host as user on database`, two at most.
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
