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
//! What cannot be distinguished:
//!
//! - Statements and names are written as they are, newlines too, so that anyone can write whole records of sessions that
//!   never were. They add sessions, and hide none: a refusal takes an attempt back only where no text of a client stands
//!   between the two. Where some does, as on a busy server, the attempt counts as a session, and the refusal too.
//! - A record without a time is of the latest time that stands before it. A client can write a time, but the server's own is
//!   among them: a session may seem later than it was, up to the next time that the server writes, and never earlier. Times
//!   that go back show it, and a log in which they do covers nothing.
//! - `Connect` is an attempt. A refusal follows it, but for an unknown database, which leaves none: such an attempt counts
//!   as a session, as does one that was refused a database in a language other than English.
//! - Of a client without TLS where `require_secure_transport` is on, MariaDB 10 writes a refusal and 11.8 nothing. MySQL
//!   writes the attempt alone, which counts as a session without TLS.
//! - MySQL up to 5.6 does not say the transport of a session: unknown.
//! - Names may hold the words that say it. A session whose record has the words for TLS anywhere counts as TLS; where they
//!   do not end the record, its client may have written them.
//! - `Quit` ends a session, and is not read: a statement can write one, so that no duration could be trusted.
//! - A copy may have blanks instead of tabs. It is read by the known commands.
//! - Handshakes that fail leave nothing here, and no record has the version of TLS.

use memchr::{memchr, memchr_iter, memmem, memrchr_iter, memrchr2};

use super::head::{Clock, HEAD_MAX, Head, Layout, Writer, is_heading, record_head};
use super::message::{Said, clients, denied_database, ends_in_part, said};
use super::padding::unpadded;
use crate::event::{Client, Malformed, Parsed, Record, SessionStep, Transport};
use crate::format::{Chronology, Chunk, RecordParser, TRUNCATED, is_completed};
use crate::lines::undecorated;
use crate::time::LogTime;

/// What attempts are found by, and refusals of a database.
const TABBED: &[&[u8]] = &[CONNECT, INIT_DB];
/// The same with blanks instead of tabs.
const SPACED: &[&[u8]] = &[CONNECT_SPACED, INIT_DB_SPACED];
/// A connection attempt.
const CONNECT: &[u8] = b" Connect\t";
/// The same with a blank instead of the tab.
const CONNECT_SPACED: &[u8] = b" Connect ";
/// A database was denied.
const INIT_DB: &[u8] = b" Init DB\tAccess denied";
/// The same with blanks. How many follow is not known, so the words behind them are checked later.
const INIT_DB_SPACED: &[u8] = b" Init DB ";

/// What attempts begin with, in every clock and layout.
const BEGINNINGS: &[&[u8]] = &[
    b"2026-11-23T18:46:24.431815Z\t    1 Connect\t",
    b"2026-11-23T18:46:24.431815+01:00\t    1 Connect\t",
    b"261123 18:46:24\t    1 Connect\t",
    b"\t\t    1 Connect\t",
    b"2026-11-23T18:46:24.431815Z    1 Connect ",
    b"261123 18:46:24    1 Connect ",
];

/// Commands with a statement, which can hold anything.
const STATEMENTS: &[&[u8]] = &[b"Query", b"Execute", b"Prepare"];

/// Commands whose records hold no text of a client.
const WORDLESS: &[&[u8]] = &[
    b"Quit",
    b"Ping",
    b"Statistics",
    b"Reset Connection",
    b"Reset connection",
    b"Processlist",
    b"Close stmt",
    b"Reset stmt",
];

/// Longest argument of a `Connect` record: a user, a proxied user, a host and a database.
const ARGUMENT_MAX: usize = 16 * 1024;
/// How far from a refusal the attempt is looked for that it ends, and what would show that it did not.
const NEAR: usize = 16 * 1024;
/// Longest text without a line break that may be what is left of a log's first record.
const BEGINNING: usize = 64 * 1024;

/// Reads general logs.
#[derive(Debug)]
pub struct General {
    /// The name that records are shown with: `mysql`.
    engine: &'static str,
    /// None where the log's beginning holds no record.
    clock: Option<Clock>,
    /// What separates the fields, by the log's beginning.
    layout: Layout,
    /// Whether every attempt says which transport it uses.
    says: bool,
}

/// An argument of any number of lines.
struct Argument<'a> {
    /// Its lines, without the last newline.
    text: &'a [u8],
    /// What follows of a line that was cut.
    rest: &'a [u8],
    /// Whether the next record follows, or the end of the log behind a whole line.
    ends: bool,
}

impl General {
    /// A parser for a log that begins with `head`, which is shown as a log of `engine`.
    pub fn new(engine: &'static str, head: &[u8]) -> Self {
        let Writer { clock, layout, says, .. } = Writer::of(head);
        Self { engine, clock, layout, says }
    }

    /// The head of the record at the start of a line.
    ///
    /// None where no record begins there, or one of another clock or layout than the log's first.
    fn head<'a>(&self, line: &'a [u8]) -> Option<Head<'a>> {
        record_head(line, self.clock, self.layout)
    }

    /// The text from `from` up to the next record.
    ///
    /// # Errors
    ///
    /// [`Malformed::Cut`] if the log ends within the first line. [`Malformed::TooLong`] if no line ends within
    /// [`ARGUMENT_MAX`] bytes.
    fn argument<'a>(&self, chunk: Chunk<'a>, from: usize) -> Result<Argument<'a>, Malformed> {
        let text = chunk.text;
        let limit = text.len().min(from + ARGUMENT_MAX);
        let line = |at: usize| {
            let rest = text.get(at..).unwrap_or_default();
            memchr(b'\n', rest).and_then(|newline| rest.get(..newline)).unwrap_or(rest)
        };
        let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
        let mut last = None;
        for newline in memchr_iter(b'\n', part(from, limit)) {
            let end = from + newline;
            if end + 1 == text.len() || self.begins(line(end + 1)) {
                return Ok(Argument { text: part(from, end), rest: b"", ends: true });
            }
            last = Some(end);
        }
        match last {
            Some(end) => Ok(Argument { text: part(from, end), rest: part(end, limit), ends: false }),
            None if limit < text.len() || !chunk.ends => Err(Malformed::TooLong),
            None => Err(Malformed::Cut),
        }
    }

    /// Reads a connection attempt, and the rejection that may follow it.
    ///
    /// A session is `Connecting`, which a rejection with the same thread takes back. The client is empty where its names can
    /// be split in two ways. The argument begins `head.argument` bytes behind `line_at`.
    fn connect<'a>(&self, chunk: Chunk<'a>, line_at: usize, head: &Head<'a>) -> Parsed<'a> {
        let argument = match self.argument(chunk, line_at + head.argument) {
            Ok(argument) => argument,
            Err(cause) => return Parsed::Malformed(cause),
        };
        let found = |client, transport| {
            let at = head.time.map(|time| time.at);
            Parsed::Record(Record { at, session: Some(head.thread), client, step: SessionStep::Connecting(transport) })
        };
        match said(argument.text, argument.rest) {
            Said::Session { who, carrier, torn } => {
                let client = match clients(who).as_slice() {
                    [] if !torn => return Parsed::Malformed(Malformed::UnknownLayout),
                    [client] if !torn => client.clone(),
                    // Names that read in two ways: its transport stands behind them all the same.
                    _ => Client::default(),
                };
                let transport = carrier.transport(client.address.as_deref());
                found(client, transport)
            }
            Said::Rejection => self.refusal(chunk, line_at, head, None),
            Said::Unreadable => Parsed::Malformed(Malformed::UnknownLayout),
            Said::Unmarked(who) if who.ends_with(TRUNCATED) => Parsed::Malformed(Malformed::Cut),
            Said::Unmarked(_) if !argument.ends => Parsed::Malformed(Malformed::Cut),
            // MySQL up to 5.6 does not say how.
            Said::Unmarked(who) => match clients(who).as_slice() {
                // In any language, what follows an attempt and does not say which transport it uses refuses it.
                [] => match self.refusal(chunk, line_at, head, None) {
                    Parsed::Record(Record { session: None, .. }) if !who.starts_with(b"Access denied") => {
                        Parsed::Malformed(Malformed::UnknownLayout)
                    }
                    parsed => parsed,
                },
                // These say how, where they are whole.
                _ if self.says || ends_in_part(who) => Parsed::Malformed(Malformed::Cut),
                [client] => found(client.clone(), Transport::Unknown),
                _ => found(Client::default(), Transport::Unknown),
            },
        }
    }

    /// A refusal, of a password or of the `database` that was asked for.
    ///
    /// The same words follow a change of user or of database in a session that goes on, and a statement may write them. Only
    /// where the thread has done nothing but ask for a session, and does nothing afterwards, was that refused.
    ///
    /// The record has a session number only if its attempt was found, and no text of a client between the two. Without that
    /// number, no attempt is taken back.
    fn refusal<'a>(&self, chunk: Chunk<'a>, line_at: usize, head: &Head<'a>, database: Option<&[u8]>) -> Parsed<'a> {
        let text = chunk.text;
        let floor = line_at.saturating_sub(NEAR);
        let before = text.get(floor..line_at.saturating_sub(1)).unwrap_or_default();
        let opening = (floor == 0 && line_at > 0 && chunk.starts).then_some(floor);
        let lines = memrchr_iter(b'\n', before).map(|newline| floor + newline + 1).chain(opening);
        let of_thread = |at: usize| {
            let record = text.get(at..).and_then(|line| self.head(line))?;
            (record.thread == head.thread).then_some((at, record))
        };
        let session = match lines.filter_map(of_thread).next() {
            Some((at, attempt)) if attempt.command == b"Connect" => {
                let from = at + attempt.argument;
                let argument = self.argument(chunk, from);
                let ends = argument.as_ref().map_or(line_at, |argument| from + argument.text.len() + 1);
                let who = match argument.map(|argument| said(argument.text, argument.rest)) {
                    Ok(Said::Session { who, .. } | Said::Unmarked(who)) => who,
                    Ok(Said::Rejection) => return Parsed::NotARecord,
                    Ok(Said::Unreadable) | Err(_) => b"",
                };
                let asked = |database: &[u8]| who.strip_suffix(database).is_some_and(|who| who.ends_with(b" on "));
                if !database.is_none_or(asked) {
                    return Parsed::NotARecord;
                }
                // What stands between them may be a statement, and the refusal a part of it.
                self.is_wordless(text.get(ends..line_at).unwrap_or_default()).then_some(head.thread)
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
        let step = SessionStep::Rejected(Transport::Unknown);
        Parsed::Record(Record { at, session, client: Client::default(), step })
    }
}

impl General {
    /// Whether whole lines are records, none of which can go on in the next line.
    ///
    /// True for no lines. False for a line that is no record, and for an attempt whose names can be split in two ways.
    fn is_wordless(&self, lines: &[u8]) -> bool {
        lines.split_inclusive(|byte| *byte == b'\n').all(|line| {
            let line = undecorated(line);
            let Some(head) = self.head(line) else { return false };
            let argument = line.get(head.argument..).unwrap_or_default();
            match head.command {
                b"Connect" => match said(argument, b"") {
                    Said::Session { who, torn, .. } => !torn && clients(who).len() == 1,
                    Said::Unmarked(who) => !self.says && clients(who).len() == 1,
                    Said::Rejection => true,
                    Said::Unreadable => false,
                },
                command => WORDLESS.contains(&command),
            }
        })
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
        match self.layout {
            Layout::Tabs => TABBED,
            Layout::Blanks => SPACED,
        }
    }

    /// `Connect` is an attempt or its rejection, and `Init DB` a rejection if it denies a database.
    ///
    /// All other commands are no records of sessions. A record behind text of another line is `UnknownPrefix`.
    fn read<'a>(&self, chunk: Chunk<'a>, needle: &[u8], hit: usize) -> Parsed<'a> {
        let text = chunk.text;
        let floor = hit.saturating_sub(HEAD_MAX);
        // A crash can leave NUL bytes before a record.
        let line_at = match text.get(floor..hit).and_then(|before| memrchr2(b'\n', 0, before)) {
            Some(end) => floor + end + 1,
            None if floor == 0 && chunk.starts => 0,
            None => return self.headless(chunk, hit),
        };
        let Some(head) = text.get(line_at..).and_then(|line| self.head(line)) else {
            return self.headless(chunk, hit);
        };
        if line_at + head.at != hit + 1 {
            // Only where no statement stands between them, the second of two records in a line is certain to be one.
            let connects = matches!(needle, CONNECT | CONNECT_SPACED);
            let glued = connects && !STATEMENTS.contains(&head.command) && self.is_headed(text, hit);
            return if glued { Parsed::Malformed(Malformed::UnknownPrefix) } else { Parsed::NotARecord };
        }
        match (needle, head.command) {
            (CONNECT | CONNECT_SPACED, b"Connect") => self.connect(chunk, line_at, &head),
            (INIT_DB | INIT_DB_SPACED, b"Init DB") => {
                let argument = self.argument(chunk, line_at + head.argument);
                match argument.map(|argument| denied_database(argument.text)) {
                    Ok(Some(database)) => self.refusal(chunk, line_at, &head, Some(database)),
                    Ok(None) => Parsed::NotARecord,
                    Err(cause) => Parsed::Malformed(cause),
                }
            }
            _ => Parsed::NotARecord,
        }
    }

    fn begins(&self, line: &[u8]) -> bool {
        self.head(line).is_some() || is_heading(line)
    }

    fn time(&self, line: &[u8]) -> Option<LogTime> {
        self.head(line)?.time
    }

    /// Without a record at the log's beginning, times count as ordered.
    fn chronology(&self) -> Chronology {
        match self.clock {
            Some(Clock::Old) => Chronology::Changes,
            Some(Clock::Iso) | None => Chronology::Ordered,
        }
    }

    fn may_be_cut_record(&self, line: &[u8]) -> bool {
        let connects = |line: &[u8]| self.head(line).is_some_and(|head| head.command == b"Connect");
        BEGINNINGS.iter().any(|beginning| is_completed(line, beginning, connects))
    }

    /// Only where the log's beginning holds no record. Then any line that is neither blank nor a heading counts.
    fn has_unreadable_sessions(&self, text: &[u8]) -> bool {
        let is_other = |line: &[u8]| !undecorated(unpadded(line)).is_empty() && !is_heading(line);
        self.clock.is_none() && text.split(|byte| *byte == b'\n').any(is_other)
    }
}

impl General {
    /// Whether a record's head with a time, wherever it begins, ends in the command at `hit`.
    ///
    /// A head without a time does not count. At most [`HEAD_MAX`] bytes before `hit` are searched.
    fn is_headed(&self, text: &[u8], hit: usize) -> bool {
        let ends_here = |at: &usize| {
            let head = text.get(*at..).and_then(|line| self.head(line));
            head.is_some_and(|head| head.time.is_some() && at + head.at == hit + 1)
        };
        (hit.saturating_sub(HEAD_MAX)..hit).any(|at| ends_here(&at))
    }

    /// What a candidate is in a line that begins with no record: text of a statement, or a record behind something else.
    ///
    /// `Cut` in the first line of a log, up to [`BEGINNING`] bytes. `UnknownPrefix` if a head with a time ends here,
    /// or for an attempt in a log whose beginning holds no record.
    fn headless<'a>(&self, chunk: Chunk<'_>, hit: usize) -> Parsed<'a> {
        let text = chunk.text;
        // A log may begin in the middle of a record.
        let before = text.get(..hit).filter(|_| chunk.starts && hit < BEGINNING).unwrap_or(b"\n");
        if memchr(b'\n', before).is_none() && self.head(before).is_none() {
            return Parsed::Malformed(Malformed::Cut);
        }
        // Where the log's beginning holds no record, what stands before them may be of any kind.
        let known = self.clock.is_some() || !is_attempt(text.get(hit..).unwrap_or_default());
        if known && !self.is_headed(text, hit) {
            return Parsed::NotARecord;
        }
        Parsed::Malformed(Malformed::UnknownPrefix)
    }
}

/// Whether a text begins with what reads as an attempt: ` Connect`, and then who and what for, in one line.
///
/// ` Connect app@10.0.0.7 on db1`: ` on` must follow an `@`. The command itself is not checked.
fn is_attempt(text: &[u8]) -> bool {
    let line = text.get(..text.len().min(ARGUMENT_MAX)).unwrap_or_default();
    let line = line.split(|byte| *byte == b'\n').next().unwrap_or_default();
    memchr(b'@', line).is_some_and(|at| line.get(at..).is_some_and(|host| memmem::find(host, b" on").is_some()))
}
