//! SQL Server's error log: a time, who wrote it, a message.
//!
//! ```text
//! 2026-11-23 18:39:57.24 Logon       Login succeeded for user 'app'. Connection made using SQL Server authentication. [CLIENT: 10.0.0.7]
//! 2026-11-23 18:40:02.11 Logon       Login failed for user 'app'. Reason: Password did not match that for the login provided. [CLIENT: 10.0.0.7]
//! 2026-11-23 18:40:09.80 Logon       Encryption is required to connect to this server but the client library does not support encryption; the connection has been closed. Please upgrade your client library. [CLIENT: 10.0.0.9]
//! ```
//!
//! Source: events 18452 to 18456 and 17835 of
//! <https://learn.microsoft.com/en-us/sql/relational-databases/errors-events/database-engine-events-and-errors>; the columns
//! are those of public logs. Sessions are written only where the server audits successful logins; refusals always are,
//! unless that is switched off.
//!
//! A user name is free text, and stands between parts that are not. `spid52` in the place of `Logon` is a statement that
//! writes to the log whatever it likes (`RAISERROR ... WITH LOG`).

use std::borrow::Cow;

use jiff::civil::DateTime;
use jiff::tz::Offset;
use memchr::memmem;

use crate::event::{Client, Malformed, Parsed, Record, Step, Text, Transport};
use crate::format::{RecordParser, Stretch};
use crate::lines;
use crate::time::{LogTime, has_time_shape};

const SUCCEEDED: &[u8] = b"Login succeeded for user";
const FAILED: &[u8] = b"Login failed";
const UNENCRYPTED: &[u8] =
    b"Encryption is required to connect to this server but the client library does not support encryption";
const NEEDLES: &[&[u8]] = &[SUCCEEDED, FAILED, b"library does not support encryption"];

const LOGON: &[u8] = b"Logon";
const CLIENT: &[u8] = b" [CLIENT: ";
const REASON: &[u8] = b"'. Reason: ";

/// What can follow the user's name in the record of a session.
const METHODS: &[&[u8]] = &[
    b"'. Connection made using SQL Server authentication.",
    b"'. Connection made using Windows authentication.",
    b"'. Connection made using Integrated authentication.",
    b"'. Connection: trusted.",
    b"'. Connection: non-trusted.",
];

/// Reads error logs.
#[derive(Debug)]
pub struct Errorlog;

/// A line, taken apart.
struct Line<'a> {
    time: LogTime,
    source: &'a [u8],
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

    fn read<'a>(&self, stretch: Stretch<'a>, needle: usize, hit: usize) -> Parsed<'a> {
        // Only the message of a line of its own can be a record; a name can hold anything.
        let (line_at, line) = match lines::around(stretch, hit) {
            Ok(found) => found,
            Err(cause) => return Parsed::Malformed(cause),
        };
        let Some(Line { time, source, message }) = split(line) else {
            // A message that goes on in another line is nobody's record; what stands behind an unknown time may be one.
            let before = stretch.text.get(line_at..hit).unwrap_or_default();
            return match line_at {
                0 => Parsed::Malformed(Malformed::Cut),
                _ if memmem::find(before, b" Logon ").is_some() => Parsed::Malformed(Malformed::UnknownPrefix),
                _ => Parsed::NotARecord,
            };
        };
        let begins: &[u8] = match needle {
            0 => SUCCEEDED,
            1 => FAILED,
            _ => UNENCRYPTED,
        };
        let at_message = message.starts_with(begins) && hit < line_at + line.len() - message.len() + begins.len();
        if !at_message || is_statement(source) {
            return Parsed::NotARecord;
        }
        let (message, address) = without_client(message.trim_ascii_end());
        let understood = match needle {
            _ if source != LOGON => None,
            0 => session(message).map(|user| (user, Step::Connected(Transport::Unknown))),
            1 => Some((refused(message), Step::Rejected(Transport::Unknown))),
            _ => Some((None, Step::Rejected(Transport::Plaintext))),
        };
        let Some((user, step)) = understood else { return Parsed::Malformed(Malformed::UnknownLayout) };
        let client = Client { user, address, ..Client::default() };
        Parsed::Record(Record { at: Some(time.at), session: None, client, step })
    }

    fn begins(&self, line: &[u8]) -> bool {
        split(line)
            .is_some_and(|line| [&b"Server"[..], LOGON, b"Backup"].contains(&line.source) || is_statement(line.source))
    }

    fn time(&self, line: &[u8]) -> Option<LogTime> {
        split(line).map(|line| line.time)
    }
}

/// Splits `2026-11-23 18:39:57.24 Logon       Login succeeded ...`.
fn split(line: &[u8]) -> Option<Line<'_>> {
    let (time, rest) = stamp(line)?;
    let rest = rest.strip_prefix(b" ")?;
    let (source, message) = rest.split_at_checked(memchr::memchr(b' ', rest)?)?;
    let known = !source.is_empty() && source.iter().all(u8::is_ascii_alphanumeric);
    known.then(|| Line { time, source, message: message.trim_ascii_start() })
}

/// `2026-11-23 18:39:57.24`, in the server's own zone, which is not named. RDS also writes three places.
fn stamp(line: &[u8]) -> Option<(LogTime, &[u8])> {
    let (stamp, rest) = line.split_at_checked(19).filter(|(stamp, _)| has_time_shape(stamp))?;
    let fraction = rest.strip_prefix(b".")?;
    let places = fraction.iter().take(7).take_while(|byte| byte.is_ascii_digit()).count();
    let (fraction, rest) = fraction.split_at_checked(places).filter(|_| (1..7).contains(&places))?;
    let part = |from: usize, to: usize| std::str::from_utf8(stamp.get(from..to)?).ok()?.parse::<i16>().ok();
    let small = |from: usize| i8::try_from(part(from, from + 2)?).ok();
    let nanos: i32 = std::str::from_utf8(fraction).ok()?.parse().ok()?;
    let nanos = nanos * 10i32.pow(u32::try_from(9 - places).ok()?);
    let at =
        DateTime::new(part(0, 4)?, small(5)?, small(8)?, small(11)?, small(14)?, small(17)?.min(59), nanos).ok()?;
    let at = Offset::UTC.to_timestamp(at).ok()?.as_microsecond();
    Some((LogTime { at, zone_known: false }, rest))
}

/// Whether a line was written by a session: `spid52`, `spid7s`.
fn is_statement(source: &[u8]) -> bool {
    source.strip_prefix(b"spid").is_some_and(|number| number.first().is_some_and(u8::is_ascii_digit))
}

/// Takes the client's address off the end of a message.
fn without_client(message: &[u8]) -> (&[u8], Option<Text<'_>>) {
    let found = || {
        let (before, client) = message.split_at_checked(memmem::rfind(message, CLIENT)?)?;
        Some((before, client.get(CLIENT.len()..)?.strip_suffix(b"]")?))
    };
    match found() {
        Some((before, b"<local machine>" | b"<named pipe>")) => (before, Some(Cow::Borrowed(b"[local]"))),
        Some((before, address)) => (before, (!address.is_empty()).then_some(Cow::Borrowed(address))),
        None => (message, None),
    }
}

/// The user of a session; none where what follows the name is not known.
fn session(message: &[u8]) -> Option<Option<Text<'_>>> {
    let rest = message.strip_prefix(SUCCEEDED)?.strip_prefix(b" '")?;
    let named = METHODS.iter().find_map(|method| rest.strip_suffix(*method));
    // Where nothing tells how the connection was made, more may stand between the name and the end: a refused client can
    // write the beginning of this record into a name, and the end of its own ends it.
    let user = named.or_else(|| rest.strip_suffix(b"'.").filter(|user| memmem::find(user, b"'. ").is_none()))?;
    Some((!user.is_empty()).then_some(Cow::Borrowed(user)))
}

/// The user of a refused attempt, where the message names one.
fn refused(message: &[u8]) -> Option<Text<'_>> {
    let rest = message.strip_prefix(FAILED)?.strip_prefix(b" for user '")?;
    let ends = memmem::find(rest, REASON).or_else(|| rest.strip_suffix(b"'.").map(<[u8]>::len))?;
    rest.get(..ends).filter(|user| !user.is_empty()).map(Cow::Borrowed)
}
