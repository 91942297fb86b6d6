//! SQL Server's error log: a time, who wrote it, a message.
//!
//! ```text
//! 2026-11-23 18:39:57.24 Logon       Login succeeded for user 'app'. Connection made using SQL Server authentication. [CLIENT: 10.0.0.7]
//! 2026-11-23 18:40:00.87 Logon       Login succeeded for user 'ana@example.com'. Connection made using Microsoft Entra authentication. [CLIENT: 10.0.0.8]
//! 2026-11-23 18:40:02.11 Logon       Login failed for user 'app'. Reason: Password did not match that for the login provided. [CLIENT: 10.0.0.7]
//! 2026-11-23 18:40:09.80 Logon       Encryption is required to connect to this server but the client library does not support encryption; the connection has been closed. Please upgrade your client library. [CLIENT: 10.0.0.9]
//! ```
//!
//! Source: events 18452 to 18456 and 17835 of
//! <https://learn.microsoft.com/en-us/sql/relational-databases/errors-events/database-engine-events-and-errors>; the columns
//! are those of public logs. Sessions are written only where the server audits successful logins; refusals always are,
//! unless that is switched off.
//!
//! Times are the server's own. Its zone is what the log's beginning says, `UTC adjustment: -5:00`: a change to or from
//! daylight saving time shows from the next log on, and RDS begins one every day.
//!
//! A user name is free text, and stands between parts that are not. `spid52` instead of `Logon` is a statement that
//! writes to the log whatever it likes (`RAISERROR ... WITH LOG`).
//!
//! Times: every line has its own. Where a statement writes whole lines, with any time, they prove nothing: no line has the
//! transport of a session, so that this log covers no hours.

use std::borrow::Cow;

use memchr::memmem;

use crate::digits::{self, number_at};
use crate::event::{Client, Malformed, Parsed, Record, SessionStep, Text, Transport};
use crate::format::{Chunk, RecordParser, is_completed};
use crate::lines;
use crate::time::{LogTime, after_date_and_clock, instant};

/// What messages of sessions begin with.
const SUCCEEDED: &[u8] = b"Login succeeded for user";
/// What messages of rejected clients begin with.
const FAILED: &[u8] = b"Login failed";
/// What the message of a client without TLS begins with, if the server requires it.
const UNENCRYPTED: &[u8] =
    b"Encryption is required to connect to this server but the client library does not support encryption";
/// What of [`UNENCRYPTED`] is searched for.
const NO_ENCRYPTION: &[u8] = b"library does not support encryption";
/// Every record of a client holds one of these. The last one stands in the middle of its message.
const NEEDLES: &[&[u8]] = &[SUCCEEDED, FAILED, NO_ENCRYPTION];

/// The writer of the records of logins.
const LOGON: &[u8] = b"Logon";
/// What stands before the client's address.
const CLIENT: &[u8] = b" [CLIENT: ";
/// What stands between the user and the reason of a rejection.
const REASON: &[u8] = b"'. Reason: ";

/// What can follow the user's name in the record of a session, besides `Connection made using ... authentication.`
const METHODS: &[&[u8]] = &[b"'. Connection: trusted.", b"'. Connection: non-trusted."];
/// What stands between the user and the authentication method.
const MADE_USING: &[u8] = b"'. Connection made using ";
/// What stands behind the authentication method.
const AUTHENTICATION: &[u8] = b" authentication.";

/// What the log's beginning says about the zone of its times.
const ADJUSTMENT: &[u8] = b"UTC adjustment: ";
/// Lines of the beginning in which it is looked for.
const LINES: usize = 200;

/// Who writes the records of logins, where the server's language is not English.
///
/// Source: error logs of German servers, as published in forums.
const LANGUAGES: &[(&[u8], &str)] = &[(b"Anmeldung", "German")];

/// Reads error logs.
#[derive(Debug, Default)]
pub struct Errorlog {
    /// Offset of the server's zone from UTC in minutes, where it is known.
    offset: Option<i32>,
}

impl Errorlog {
    /// A parser for a log that begins with `head`.
    ///
    /// The zone is read from lines of `Server` alone, because a statement can write the same text.
    pub fn new(head: &[u8]) -> Self {
        let own = |line| split(line).filter(|line| line.source == b"Server");
        let lines = head.split(|byte| *byte == b'\n').take(LINES);
        Self { offset: lines.filter_map(own).find_map(|line| adjustment(line.message)) }
    }

    /// A time in the server's zone.
    ///
    /// Without the server's offset, the time stays as it is, read as UTC.
    fn zoned(&self, time: LogTime) -> LogTime {
        let shifted = self.offset.and_then(|minutes| time.at.checked_sub(i64::from(minutes) * 60_000_000));
        shifted.map_or(time, |at| LogTime { at, zone_known: true })
    }
}

/// A line, taken apart.
struct Line<'a> {
    /// In the server's own zone, read as UTC.
    time: LogTime,
    /// Who wrote it: `Logon`, `Server`, `Backup` or `spid52`.
    source: &'a [u8],
    /// What follows the blanks behind the writer.
    message: &'a [u8],
}

impl RecordParser for Errorlog {
    fn engine(&self) -> &'static str {
        "sqlserver"
    }

    fn format(&self) -> &'static str {
        "errorlog"
    }

    fn needles(&self) -> &'static [&'static [u8]] {
        NEEDLES
    }

    /// A session's transport is unknown. Only a rejection for want of TLS shows one: plaintext.
    fn read<'a>(&self, chunk: Chunk<'a>, needle: &[u8], hit: usize) -> Parsed<'a> {
        // Only the message of a line of its own can be a record; a name can hold anything.
        if lines::since_same(chunk.text, hit, needle).is_some_and(|between| memmem::find(between, b" Logon ").is_none())
        {
            return Parsed::NotARecord;
        }
        let (line_at, line) = match lines::around(chunk, hit) {
            Ok(found) => found,
            Err(cause) => return Parsed::Malformed(cause),
        };
        let Some(Line { time, source, message }) = split(line) else {
            // A line that continues a message is no record. Text behind an unknown time may be one.
            let before = chunk.text.get(line_at..hit).unwrap_or_default();
            return match line_at {
                0 => Parsed::Malformed(Malformed::Cut),
                _ if memmem::find(before, b" Logon ").is_some() => Parsed::Malformed(Malformed::UnknownPrefix),
                _ => Parsed::NotARecord,
            };
        };
        let begins: &[u8] = match needle {
            NO_ENCRYPTION => UNENCRYPTED,
            message => message,
        };
        let at_message = message.starts_with(begins) && hit < line_at + line.len() - message.len() + begins.len();
        if !at_message || is_statement(source) {
            return Parsed::NotARecord;
        }
        let (message, address) = without_client(message.trim_ascii_end());
        let understood = match needle {
            _ if source != LOGON => None,
            SUCCEEDED => session(message).map(|user| (user, SessionStep::Connected(Transport::Unknown))),
            FAILED => Some((refused(message), SessionStep::Rejected(Transport::Unknown))),
            _ => Some((None, SessionStep::Rejected(Transport::Plaintext))),
        };
        let Some((user, step)) = understood else { return Parsed::Malformed(Malformed::UnknownLayout) };
        let client = Client { user, address, ..Client::default() };
        Parsed::Record(Record { at: Some(self.zoned(time).at), session: None, client, step })
    }

    /// A line with a time, from one of the known writers.
    fn begins(&self, line: &[u8]) -> bool {
        split(line)
            .is_some_and(|line| [&b"Server"[..], LOGON, b"Backup"].contains(&line.source) || is_statement(line.source))
    }

    fn time(&self, line: &[u8]) -> Option<LogTime> {
        split(line).map(|line| self.zoned(line.time))
    }

    /// A line that may be what is left of one of the three messages of `Logon`.
    fn may_be_cut_record(&self, line: &[u8]) -> bool {
        [SUCCEEDED, FAILED, UNENCRYPTED].iter().any(|message| {
            let beginning = [b"2026-11-23 18:39:57.24 Logon       ", *message].concat();
            let matches =
                |line: &[u8]| split(line).is_some_and(|line| line.source == LOGON && line.message.starts_with(message));
            is_completed(line, &beginning, matches)
        })
    }

    /// A language in which a login was written. Only German is known; None for a log in English.
    fn unsupported_language(&self, text: &[u8]) -> Option<&'static str> {
        let named = |(source, language): &(&[u8], &'static str)| {
            // A server in English has no such writer: the word alone is rare enough to be looked for first.
            memmem::find_iter(text, source).any(|at| is_other_login(text, at)).then_some(*language)
        };
        LANGUAGES.iter().find_map(named)
    }

    fn has_unreadable_sessions(&self, text: &[u8]) -> bool {
        text.split(|byte| *byte == b'\n').any(is_unreadable)
    }
}

/// Whether the line around a writer's name is the record of a login in its language.
///
/// `at` is where the writer's name begins in `text`.
fn is_other_login(text: &[u8], at: usize) -> bool {
    let line_at = text.get(..at).and_then(|before| memchr::memrchr(b'\n', before)).map_or(0, |newline| newline + 1);
    let line = text.get(line_at..).and_then(|rest| rest.split(|byte| *byte == b'\n').next());
    line.is_some_and(is_unreadable)
}

/// Whether a line is a record about a client, `[CLIENT: 10.0.0.7]` in any language, that is not in English: its writer or
/// the word in brackets has another name.
fn is_unreadable(line: &[u8]) -> bool {
    let Some(Line { source, message, .. }) = split(lines::undecorated(line)) else { return false };
    let client = || {
        let last = message.strip_suffix(b"]")?;
        let last = last.get(memmem::rfind(last, b" [")? + 2..)?;
        last.get(..memmem::find(last, b": ")?)
    };
    let Some(client) = client() else { return false };
    match source {
        b"Server" | b"Backup" => false,
        source if source == LOGON => client != b"CLIENT",
        source => !is_statement(source),
    }
}

/// `UTC adjustment: -5:30`, in minutes.
///
/// None for other messages, and for more than 14 hours or 59 minutes.
fn adjustment(message: &[u8]) -> Option<i32> {
    let value = std::str::from_utf8(message.strip_prefix(ADJUSTMENT)?.trim_ascii()).ok()?;
    let (sign, value) = value.strip_prefix('-').map_or((1, value), |value| (-1, value));
    let (hours, minutes) = value.split_once(':')?;
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
    ((0..=14).contains(&hours) && (0..60).contains(&minutes)).then_some(sign * (hours * 60 + minutes))
}

/// Splits `2026-11-23 18:39:57.24 Logon       Login succeeded ...`.
///
/// None without a time and a writer. The blanks between the writer and the message are left out.
fn split(line: &[u8]) -> Option<Line<'_>> {
    let (time, rest) = stamp(line)?;
    let rest = rest.strip_prefix(b" ")?;
    let (source, message) = rest.split_at_checked(memchr::memchr(b' ', rest)?)?;
    let known = !source.is_empty() && source.iter().all(|byte| byte.is_ascii_alphanumeric() || !byte.is_ascii());
    known.then(|| Line { time, source, message: message.trim_ascii_start() })
}

/// `2026-11-23 18:39:57.24`, in the server's own zone, which is not named, and the text behind it.
///
/// The fraction has one to six digits: RDS writes two or three. None without a fraction.
fn stamp(line: &[u8]) -> Option<(LogTime, &[u8])> {
    let fraction = after_date_and_clock(line)?.strip_prefix(b".")?;
    let places = digits::leading(fraction.get(..7).unwrap_or(fraction));
    let (fraction, rest) = fraction.split_at_checked(places).filter(|_| (1..7).contains(&places))?;
    let part = |from: usize| number_at(line, from..from + 2);
    let micros = digits::number(fraction)? * 10u64.pow(u32::try_from(6 - places).ok()?);
    let at = instant([number_at(line, 0..4)?, part(5)?, part(8)?], [part(11)?, part(14)?, part(17)?], micros, 0)?;
    Some((LogTime { at, zone_known: false }, rest))
}

/// Whether a line was written by a session: `spid52`, `spid7s`.
///
/// Statements write with any text, so such a line is no record.
fn is_statement(source: &[u8]) -> bool {
    source.strip_prefix(b"spid").is_some_and(|number| number.first().is_some_and(u8::is_ascii_digit))
}

/// Takes the client's address off the end of a message.
///
/// `[CLIENT: <local machine>]` and `[CLIENT: <named pipe>]` give `[local]`. Without brackets, the message stays whole.
fn without_client(message: &[u8]) -> (&[u8], Option<Text<'_>>) {
    let found = || {
        let (before, client) = message.split_at_checked(memmem::rfind(message, CLIENT)?)?;
        let address = client.get(CLIENT.len()..)?.strip_suffix(b"]")?;
        memchr::memchr2(b'[', b']', address).is_none().then_some((before, address))
    };
    match found() {
        Some((before, b"<local machine>" | b"<named pipe>")) => (before, Some(Cow::Borrowed(b"[local]"))),
        Some((before, address)) => (before, (!address.is_empty()).then_some(Cow::Borrowed(address))),
        None => (message, None),
    }
}

/// The user of a session; none where what follows the name is not known.
///
/// `Some(None)` for a session whose user is empty.
fn session(message: &[u8]) -> Option<Option<Text<'_>>> {
    let rest = message.strip_prefix(SUCCEEDED)?.strip_prefix(b" '")?;
    let named = METHODS.iter().find_map(|method| rest.strip_suffix(*method)).or_else(|| authenticated(rest));
    // Without the authentication method, more may stand between the name and the end: a rejected client can
    // write the beginning of this record into a name, and the end of its own ends it.
    let user = named.or_else(|| rest.strip_suffix(b"'.").filter(|user| memmem::find(user, b"'. ").is_none()))?;
    Some((!user.is_empty()).then_some(Cow::Borrowed(user)))
}

/// The user before `'. Connection made using Microsoft Entra authentication.`, whatever the method is called.
///
/// None if the method holds more than letters, digits, blanks, hyphens and underscores.
fn authenticated(rest: &[u8]) -> Option<&[u8]> {
    let named = rest.strip_suffix(AUTHENTICATION)?;
    let at = memmem::rfind(named, MADE_USING)?;
    let method = named.get(at + MADE_USING.len()..)?;
    let words = !method.is_empty() && method.iter().all(|byte| byte.is_ascii_alphanumeric() || b" -_".contains(byte));
    words.then(|| named.get(..at)).flatten()
}

/// The user of a refused attempt, where the message names one.
///
/// It ends at the first `'. Reason: `, or else at a `'.` that ends the message. None for an empty name.
fn refused(message: &[u8]) -> Option<Text<'_>> {
    let rest = message.strip_prefix(FAILED)?.strip_prefix(b" for user '")?;
    let ends = memmem::find(rest, REASON).or_else(|| rest.strip_suffix(b"'.").map(<[u8]>::len))?;
    rest.get(..ends).filter(|user| !user.is_empty()).map(Cow::Borrowed)
}
