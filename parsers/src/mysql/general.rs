//! The general query log of MySQL, Aurora MySQL and MariaDB.
//!
//! ```text
//! 2018-12-27T11:07:19.431815Z    31 Connect   root@172.30.0.3 on  using SSL/TLS
//! 261123 18:46:24          3 Connect  app@10.0.0.7 on db1 using TCP/IP
//!                  8 Connect  app@10.0.0.7 on db1 using TCP/IP
//!                  8 Connect  Access denied for user 'app'@'10.0.0.7' (using password: YES)
//! ```
//!
//! Tabs are shown as spaces. Sources: MySQL `sql/auth/sql_authentication.cc`, `acl_log_connect`, and `vio/vio.cc`,
//! `vio_type_names`; MySQL and MariaDB `sql/log.cc`, `write_general_log` and `MYSQL_QUERY_LOG::write`. The first clock is
//! that of MySQL 5.7 and later; the second that of MariaDB and of MySQL up to 5.6, which print it only where the second
//! changes.
//!
//! What cannot be told apart:
//!
//! - Statements and names are written as they are, newlines too, so that anyone who may log in can write whole records of
//!   sessions that never were. They add sessions. They hide one only by a refusal in its name, written before it has done
//!   anything, and if it does nothing soon afterwards; it is counted as refused then.
//! - `Connect` is an attempt. A refusal follows it, but for an unknown database, which leaves none: such an attempt counts
//!   as a session, as does one that was refused a database in a language other than English.
//! - Of a client without TLS where `require_secure_transport` is on, MariaDB 10 writes a refusal and 11.8 nothing. MySQL
//!   writes the attempt alone, which counts as a session without TLS.
//! - MySQL up to 5.6 does not say how a session is carried: unknown.
//! - Handshakes that fail leave nothing here, and no record tells the version of TLS.

use std::borrow::Cow;

use memchr::{memchr, memchr_iter, memmem, memrchr, memrchr_iter};

use super::clock;
use crate::event::{Client, Malformed, Parsed, Record, Step, Tls, Transport};
use crate::format::{RecordParser, Stretch};
use crate::time::LogTime;

const CONNECT: &[u8] = b" Connect\t";
const NO_RIGHT: &[u8] = b" Init DB\tAccess denied";
const NEEDLES: &[&[u8]] = &[CONNECT, NO_RIGHT];

/// What stands before the argument: a time, a thread number of 20 digits, and the command.
const HEAD_MAX: usize = 96;
/// Longest command, with room for those of tomorrow.
const COMMAND_MAX: usize = 48;
/// Longest argument of a `Connect` record: a user, a proxied user, a host and a database.
const ARGUMENT_MAX: usize = 16 * 1024;
/// How far from a refusal the attempt is looked for that it ends, and what would show that it did not.
const NEAR: usize = 16 * 1024;
/// Lines of a log's beginning that tell who wrote it.
const LINES: usize = 500;

/// The two clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clock {
    /// MySQL 5.7 and later, in every record.
    Iso,
    /// MariaDB and MySQL up to 5.6, where the second changes.
    Old,
}

/// Who wrote a log, as far as its beginning tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Writer {
    /// `mysql` or `mariadb`; none where nothing tells.
    pub engine: Option<&'static str>,
    pub clock: Option<Clock>,
    /// Whether it is a slow log, whose heading is the same.
    pub slow: bool,
}

impl Writer {
    /// Reads the beginning of a log.
    ///
    /// The first clock is MySQL's alone. With the second, the heading names the version, and without a heading, only
    /// MariaDB writes `using`.
    pub fn of(head: &[u8]) -> Self {
        let mut writer = Self::default();
        let mut named = None;
        let mut spoken = None;
        for line in head.split(|byte| *byte == b'\n').take(LINES) {
            if writer.clock.is_none() {
                writer.slow |= line.starts_with(b"# Time:") || line.starts_with(b"# User@Host:");
                named = named.or_else(|| is_heading(line).then(|| maker(line)).flatten());
            }
            let Some(record) = record_head(line, writer.clock) else { continue };
            writer.clock = writer.clock.or(Some(record.clock));
            if record.command == b"Connect" && spoken.is_none() {
                let argument = line.get(record.argument..).unwrap_or_default();
                spoken = match carried(argument) {
                    Some(_) => Some("mariadb"),
                    None if !is_refusal(argument) && !clients(argument).is_empty() => Some("mysql"),
                    None => None,
                };
            }
        }
        writer.engine = match writer.clock {
            Some(Clock::Iso) => Some("mysql"),
            Some(Clock::Old) => named.or(spoken),
            None => named,
        };
        writer
    }
}

/// Reads general logs.
#[derive(Debug)]
pub struct General {
    engine: &'static str,
    clock: Option<Clock>,
}

impl General {
    /// A parser for a log that begins with `head`, which is shown as a log of `engine`.
    pub fn new(engine: &'static str, head: &[u8]) -> Self {
        Self { engine, clock: Writer::of(head).clock }
    }

    /// The text from `from` up to the next record, without its newline.
    fn argument<'a>(&self, stretch: Stretch<'a>, from: usize) -> Result<&'a [u8], Malformed> {
        let text = stretch.text;
        let limit = text.len().min(from + ARGUMENT_MAX);
        let line =
            |at: usize| text.get(at..).unwrap_or_default().split(|byte| *byte == b'\n').next().unwrap_or_default();
        let whole = |end: usize| {
            let argument = text.get(from..end).unwrap_or_default();
            argument.strip_suffix(b"\r").unwrap_or(argument)
        };
        let mut last = None;
        for newline in memchr_iter(b'\n', text.get(from..limit).unwrap_or_default()) {
            let end = from + newline;
            if end + 1 == text.len() || self.begins(line(end + 1)) {
                return Ok(whole(end));
            }
            last = Some(end);
        }
        if limit < text.len() || !stretch.ends {
            return Err(Malformed::TooLong);
        }
        // The log ends in the middle of a line, which is the next record's unless this one is not whole without it.
        match last.map(whole) {
            Some(argument) if carried(argument).is_some() || is_refusal(argument) => Ok(argument),
            _ => Err(Malformed::Cut),
        }
    }

    fn connect<'a>(&self, stretch: Stretch<'a>, line_at: usize, head: &Head<'a>) -> Parsed<'a> {
        let argument = match self.argument(stretch, line_at + head.argument) {
            Ok(argument) => argument,
            Err(cause) => return Parsed::Malformed(cause),
        };
        let found = |client, transport| {
            let at = head.time.map(|time| time.at);
            Parsed::Record(Record { at, session: Some(head.thread), client, step: Step::Connecting(transport) })
        };
        if let Some((who, carrier)) = carried(argument) {
            let clients = clients(who);
            let client = match clients.as_slice() {
                [] => return Parsed::Malformed(Malformed::UnknownLayout),
                [client] => client.clone(),
                // Names that read in two ways: how it is carried stands behind them all the same.
                _ => Client::default(),
            };
            let transport = carrier.transport(client.address.as_deref());
            return found(client, transport);
        }
        if is_refusal(argument) {
            return self.refusal(stretch, line_at, head, None);
        }
        // MySQL up to 5.6 does not say how; a word that nobody knows may say that it was TLS.
        let unmarked = memchr(b'\n', argument).is_none() && memmem::find(argument, b" using ").is_none();
        match clients(argument).as_slice() {
            // In any language, what follows an attempt and does not say how it is carried refuses it.
            [] => match self.refusal(stretch, line_at, head, None) {
                Parsed::Record(Record { session: None, .. }) if !argument.starts_with(b"Access denied") => {
                    Parsed::Malformed(Malformed::UnknownLayout)
                }
                parsed => parsed,
            },
            [client] if unmarked => found(client.clone(), Transport::Unknown),
            [_, _, ..] if unmarked => found(Client::default(), Transport::Unknown),
            _ => Parsed::Malformed(Malformed::UnknownLayout),
        }
    }

    /// A refusal, of a password or of the `database` that was asked for.
    ///
    /// The same words follow a change of user or of database in a session that goes on, and a statement may write them. Only
    /// where the thread has done nothing but ask for a session, and does nothing afterwards, was that refused.
    fn refusal<'a>(
        &self,
        stretch: Stretch<'a>,
        line_at: usize,
        head: &Head<'a>,
        database: Option<&[u8]>,
    ) -> Parsed<'a> {
        let text = stretch.text;
        let floor = line_at.saturating_sub(NEAR);
        let before = text.get(floor..line_at.saturating_sub(1)).unwrap_or_default();
        let opening = (floor == 0 && line_at > 0 && stretch.starts).then_some(floor);
        let lines = memrchr_iter(b'\n', before).map(|newline| floor + newline + 1).chain(opening);
        let of_thread = |at: usize| {
            let record = text.get(at..).and_then(|line| record_head(line, self.clock))?;
            (record.thread == head.thread).then_some((at, record))
        };
        let session = match lines.filter_map(of_thread).next() {
            Some((at, attempt)) if attempt.command == b"Connect" => {
                let argument = self.argument(stretch, at + attempt.argument).unwrap_or_default();
                let asked = |database: &[u8]| {
                    let who = carried(argument).map_or(argument, |(who, _)| who);
                    who.strip_suffix(database).is_some_and(|who| who.ends_with(b" on "))
                };
                if is_refusal(argument) || !database.is_none_or(asked) {
                    return Parsed::NotARecord;
                }
                Some(head.thread)
            }
            Some(_) => return Parsed::NotARecord,
            // Too long ago to be certain: it refuses someone, but takes nothing back.
            None => None,
        };
        let from = line_at + head.argument;
        let after = text.get(from..text.len().min(from + NEAR)).unwrap_or_default();
        let mut later = memchr_iter(b'\n', after).filter_map(|newline| of_thread(from + newline + 1));
        if later.next().is_some_and(|(_, record)| record.command != b"Connect") {
            return Parsed::NotARecord;
        }
        let at = head.time.map(|time| time.at);
        let step = Step::Rejected(Transport::Unknown);
        Parsed::Record(Record { at, session, client: Client::default(), step })
    }
}

impl RecordParser for General {
    fn engine(&self) -> &'static str {
        self.engine
    }

    fn format(&self) -> &'static str {
        "general"
    }

    fn needles(&self) -> &'static [&'static [u8]] {
        NEEDLES
    }

    fn read<'a>(&self, stretch: Stretch<'a>, needle: usize, hit: usize) -> Parsed<'a> {
        let text = stretch.text;
        let floor = hit.saturating_sub(HEAD_MAX);
        let line_at = match text.get(floor..hit).and_then(|before| memrchr(b'\n', before)) {
            Some(newline) => floor + newline + 1,
            None if floor == 0 && stretch.starts => 0,
            None => return Parsed::NotARecord,
        };
        let Some(head) = text.get(line_at..).and_then(|line| record_head(line, self.clock)) else {
            // The log may begin in the middle of a record.
            return if line_at == 0 { Parsed::Malformed(Malformed::Cut) } else { Parsed::NotARecord };
        };
        match (needle, head.command) {
            (0, b"Connect") if line_at + head.argument == hit + CONNECT.len() => self.connect(stretch, line_at, &head),
            (1, b"Init DB") => match self.argument(stretch, line_at + head.argument).map(denied_database) {
                Ok(Some(database)) => self.refusal(stretch, line_at, &head, Some(database)),
                Ok(None) => Parsed::NotARecord,
                Err(cause) => Parsed::Malformed(cause),
            },
            _ => Parsed::NotARecord,
        }
    }

    fn begins(&self, line: &[u8]) -> bool {
        record_head(line, self.clock).is_some() || is_heading(line)
    }

    fn time(&self, line: &[u8]) -> Option<LogTime> {
        record_head(line, self.clock)?.time
    }
}

/// What a record begins with.
struct Head<'a> {
    clock: Clock,
    time: Option<LogTime>,
    thread: u64,
    command: &'a [u8],
    /// Where in the line the argument begins.
    argument: usize,
}

/// The head of the record that begins at the start of `line`, if one does, in this clock or any.
fn record_head(line: &[u8], clock: Option<Clock>) -> Option<Head<'_>> {
    let dated = |clock, (time, rest)| (clock, Some(time), rest);
    let (clock, time, rest) = match clock {
        _ if line.starts_with(b"\t\t") && clock != Some(Clock::Iso) => (Clock::Old, None, line.get(1..)?),
        Some(Clock::Iso) => dated(Clock::Iso, clock::iso(line)?),
        Some(Clock::Old) => dated(Clock::Old, clock::old(line)?),
        None => clock::iso(line)
            .map(|read| dated(Clock::Iso, read))
            .or_else(|| Some(dated(Clock::Old, clock::old(line)?)))?,
    };
    let padded = rest.strip_prefix(b"\t")?;
    let rest = padded.get(padded.iter().position(|byte| *byte != b' ')?..)?;
    let (digits, rest) = rest.split_at_checked(rest.iter().position(|byte| !byte.is_ascii_digit())?)?;
    let thread = std::str::from_utf8(digits).ok()?.parse().ok()?;
    let rest = rest.strip_prefix(b" ")?;
    let command = rest.get(..rest.len().min(COMMAND_MAX)).and_then(|rest| rest.get(..memchr(b'\t', rest)?))?;
    let words = command.first()?.is_ascii_uppercase()
        && command.iter().all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b' ' | b'_'));
    words.then(|| Head { clock, time, thread, command, argument: line.len() - rest.len() + command.len() + 1 })
}

/// A line of the heading that a server writes when it opens a log.
fn is_heading(line: &[u8]) -> bool {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    (line.ends_with(b". started with:") && memmem::find(line, b", Version: ").is_some())
        || line.starts_with(b"Tcp port: ")
        || line.starts_with(b"TCP Port: ")
        || (line.starts_with(b"Time") && line.ends_with(b"Id Command\tArgument"))
        || (line.starts_with(b"Time") && line.ends_with(b"Id Command    Argument"))
}

/// Who made the server that wrote this line of a heading.
fn maker(line: &[u8]) -> Option<&'static str> {
    let version = line.get(memmem::find(line, b", Version: ")? + 11..)?;
    let maria = memmem::find(line, b"MariaDB").is_some() || memmem::find(line, b"mariadbd, ").is_some();
    Some(if maria || version.starts_with(b"10.") || version.starts_with(b"11.") { "mariadb" } else { "mysql" })
}

/// How a session is carried, in the log's words.
#[derive(Clone, Copy)]
enum Carrier {
    Tls,
    Tcp,
    Machine,
    Unsaid,
}

impl Carrier {
    fn transport(self, address: Option<&[u8]>) -> Transport<'static> {
        match self {
            Self::Tls => Transport::Tls(Tls::default()),
            Self::Tcp => Transport::unmarked(address),
            Self::Machine => Transport::Local,
            Self::Unsaid => Transport::Unknown,
        }
    }
}

/// Parts the end that tells how a session is carried from the rest. The end, for names may hold such words.
fn carried(argument: &[u8]) -> Option<(&[u8], Carrier)> {
    const WORDS: &[(&[u8], Carrier)] = &[
        (b" using SSL/TLS", Carrier::Tls),
        (b" using TCP/IP", Carrier::Tcp),
        (b" using Socket", Carrier::Machine),
        (b" using Named Pipe", Carrier::Machine),
        (b" using Shared Memory", Carrier::Machine),
        (b" using Internal", Carrier::Unsaid),
        (b" using Plugin", Carrier::Unsaid),
        (b" using ", Carrier::Unsaid),
    ];
    WORDS.iter().find_map(|(word, carrier)| Some((argument.strip_suffix(*word)?, *carrier)))
}

/// Whether this is the server's sentence of a refusal, and no user of such a name.
fn is_refusal(argument: &[u8]) -> bool {
    argument.starts_with(b"Access denied for user '")
        && (argument.ends_with(b"' (using password: YES)") || argument.ends_with(b"' (using password: NO)"))
}

/// The database of `Access denied for user 'app'@'10.0.0.7' to database 'other'`.
fn denied_database(argument: &[u8]) -> Option<&[u8]> {
    const TO: &[u8] = b" to database '";
    let name = argument.strip_suffix(b"'")?;
    name.get(memmem::rfind(name, TO)? + TO.len()..)
}

/// Every reading of `user@host on database` or `user@host as user on database`, two at most.
fn clients(text: &[u8]) -> Vec<Client<'_>> {
    let read = |at: usize| {
        let after = text.get(at + 1..)?;
        let host = after.get(..after.iter().position(|byte| b" @\t\n".contains(byte))?)?;
        let behind = after.get(host.len()..)?;
        let database = match behind.strip_prefix(b" on ") {
            Some(database) => database,
            None if behind == b" on" => b"",
            None => behind.strip_prefix(b" as ").and_then(|other| other.get(memmem::rfind(other, b" on ")? + 4..))?,
        };
        let known = |name| Some(Cow::Borrowed(name)).filter(|name: &Cow<'_, [u8]>| !name.is_empty());
        let user = known(text.get(..at)?);
        Some(Client { user, database: known(database), address: known(host), application: None })
    };
    memchr_iter(b'@', text).filter_map(read).take(2).collect()
}
