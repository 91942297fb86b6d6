//! The audit logs of MariaDB, RDS for MySQL and Aurora MySQL.
//!
//! ```text
//! 20261123 18:46:24,vm,app,127.0.0.1,4,0,CONNECT,db1,,0
//! 20261123 18:46:24,ip-10-0-0-9,app,10.0.0.7,4,0,CONNECT,db1,,0,SSL
//! 1795459584000000,aurora-1,app,10.0.0.7,4,0,CONNECT,db1,,0
//! ```
//!
//! Sources: MariaDB `plugin/server_audit/server_audit.c`, `log_connection`;
//! <https://mariadb.com/docs/server/reference/plugins/mariadb-audit-plugin/mariadb-audit-plugin-log-format> for the port
//! behind the host, from 12.0 on; aws/audit-plugin-for-mysql `plugin/server_audit/server_audit.cc`, `log_connection` and
//! `connection_type_map`; <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Appendix.MySQL.Options.AuditPlugin.html>
//! for the other spelling of the transports;
//! <https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/AuroraMySQL.Auditing.html>.
//!
//! What cannot be distinguished:
//!
//! - Only RDS for MySQL writes the transport of a session, and MariaDB from 12.3 on: there an empty field is a session without
//!   TLS (MDEV-33834, and the documentation of MariaDB Enterprise Audit). It counts as such only behind an address with a port,
//!   which neither RDS for MySQL nor an older MariaDB writes. Everywhere else the transport of a session is unknown.
//! - MySQL before 5.7.34 writes what MariaDB writes. Without a hint, it is shown as MariaDB's.
//! - A handshake that the client broke off has a code of its own, but not whether that was for our certificate.
//! - An unknown database (1049) is a refusal here. A client whose host name is not allowed looks as a port probe does.
//! - Statements are quoted, and their quotes and newlines escaped, so that no statement looks like a session. Names are
//!   not: a name with commas or newlines in it can make a record that reads in two ways, and add records.
//! - Aurora writes four files at the same time, of which one can hold the beginning of a session and another its end. So its
//!   sessions have no duration.
//!
//! Times: every record has its own. A name that holds a line break makes the beginning of a record with a time of its choice,
//! which the end of its own record completes. The server's time stands before it and behind it, and where those say otherwise,
//! or the record before has no end, the session has no time: it counts in every window, and covers no hour.

use std::borrow::Cow;
use std::ops::Range;

use memchr::{memchr, memchr_iter, memrchr, memrchr_iter, memrchr2_iter};

use super::audit_transport::{is_version, transport};
use super::padding::unpadded;
use super::time;
use crate::digits;
use crate::event::{Client, HandshakeFailure, Malformed, Micros, Parsed, Record, SessionStep, Transport, numbered};
use crate::format::{Chunk, RecordParser, is_completed};
use crate::lines::undecorated;
use crate::time::LogTime;

/// A session was established.
const CONNECT: &[u8] = b",CONNECT,";
/// A connection attempt was rejected, or broke off.
const FAILED: &[u8] = b",FAILED_CONNECT,";
/// A connection ended.
const DISCONNECT: &[u8] = b",DISCONNECT,";
/// All operations of sessions. Records of statements and tables are no candidates.
const NEEDLES: &[&[u8]] = &[CONNECT, FAILED, DISCONNECT];

/// Longest record of a session: the plugins write it into 1,024 bytes. Aurora's are not known.
const RECORD: usize = 4096;

/// How far times may go back, in microseconds: sessions are written by several threads.
const APART: Micros = 60_000_000;

/// Bytes of a name of 128 characters, and of the record that it is in: a name can imitate the beginnings of several records.
const NAME_MAX: usize = 512;

/// Whose audit log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// Ten fields.
    Maria,
    /// Eleven, the last one the transport of the session.
    Mysql,
    /// Either of the two, where it is known whose log it is.
    Either,
    /// Ten, the first one in microseconds.
    Aurora,
}

/// Bytes of the date in `20261123 18:46:24`, and of microseconds since 1970: what a record begins with.
const DATE: usize = 8;
/// Bytes of `20261123 18:46:24`.
const DATE_AND_TIME: usize = 17;
/// Bytes of microseconds since 1970, at the beginning of Aurora's records.
const EPOCH: usize = 16;

/// Reads audit logs.
#[derive(Debug)]
pub struct Audit {
    /// The name that records are shown with: `mysql`.
    engine: &'static str,
    /// How many fields a record has, and how its time is written.
    dialect: Dialect,
}

impl Audit {
    /// A parser for the audit log of an engine, in a dialect.
    pub(super) fn new(engine: &'static str, dialect: Dialect) -> Self {
        Self { engine, dialect }
    }

    /// The time of the record that begins at the start of `line`, if one does, and what follows.
    ///
    /// `20261123 18:46:24,vm,app,...` gives `vm,app,...`. None without a comma behind the time.
    fn header<'a>(&self, line: &'a [u8]) -> Option<(LogTime, &'a [u8])> {
        let (time, rest) = match self.dialect {
            Dialect::Aurora => time::epoch(line),
            Dialect::Maria | Dialect::Mysql | Dialect::Either => time::audit(line),
        }?;
        Some((time, rest.strip_prefix(b",")?))
    }

    /// Whether the beginning of a record stands anywhere in a text.
    ///
    /// It need not begin a line: where a newline is missing, records stand behind each other.
    fn holds_header(&self, text: &[u8]) -> bool {
        // A byte of the time, and how far behind its beginning that stands.
        let (byte, behind) = match self.dialect {
            Dialect::Aurora => (b',', EPOCH),
            Dialect::Maria | Dialect::Mysql | Dialect::Either => (b' ', DATE),
        };
        let mut begins = memchr_iter(byte, text).filter_map(|at| text.get(at.checked_sub(behind)?..));
        begins.any(|text| text.first().is_some_and(u8::is_ascii_digit) && self.header(text).is_some())
    }

    /// The nearest line before `until` that begins a record. None if there is none of those of [`lines_before`].
    fn begins_before(&self, chunk: Chunk<'_>, until: usize) -> Option<Begin> {
        lines_before(chunk, until).find_map(|at| {
            let (time, rest) = chunk.text.get(at..).and_then(|line| self.header(line))?;
            Some(Begin { at, time, names_at: chunk.text.len() - rest.len() })
        })
    }

    /// Whether a line begins with a time and a comma. `own` is how another does, and is compared first: records of the same
    /// second stand together.
    fn has_header(&self, line: &[u8], own: &[u8]) -> bool {
        (!own.is_empty() && line.starts_with(own)) || self.header(line).is_some()
    }

    /// Where the text ends that may belong to the record around `from`: at the newline before the next record.
    ///
    /// At most [`RECORD`] bytes behind `from`, or the end of the text. `own` is what the record begins with.
    fn limit(&self, chunk: Chunk<'_>, from: usize, own: &[u8]) -> usize {
        let limit = chunk.text.len().min(from + RECORD);
        let mut newlines = memchr_iter(b'\n', chunk.text.get(from..limit).unwrap_or_default());
        let next = |newline: &usize| chunk.text.get(from + newline + 1..).is_some_and(|line| self.is_next(line, own));
        newlines.find(next).map_or(limit, |newline| from + newline)
    }

    /// Whether a line begins another record.
    ///
    /// NUL bytes and a byte order mark before it are skipped. `own` is what the record before it begins with.
    fn is_next(&self, line: &[u8], own: &[u8]) -> bool {
        self.has_header(unpadded(line), own)
    }

    /// What stands behind the operation of a session: its database, and how it ends.
    ///
    /// Lines behind its own that do not read as an end are of others: blank lines, what a tool prints.
    ///
    /// `db1,,0,SSL` gives the database `db1`, the code `0` and the word `SSL`.
    ///
    /// # Errors
    ///
    /// [`Malformed::Cut`] if the log ends before the line does, and [`Malformed::TooLong`] if its end is out of sight.
    /// [`Malformed::UnknownLayout`] without `,,0`, or with other text behind it. [`Malformed::Ambiguous`] with two such
    /// ends.
    fn behind<'a>(&self, chunk: Chunk<'a>, from: usize, limit: usize) -> Result<Behind<'a>, Malformed> {
        let text = chunk.text.get(from..limit).unwrap_or_default();
        let mut endings = endings(text);
        let first = endings.next();
        let line_end = |at: usize| memchr(b'\n', text.get(at..)?).map(|newline| at + newline);
        let closed = limit < chunk.text.len() && chunk.text.get(limit) == Some(&b'\n');
        let end = first.as_ref().map_or(0, |(_, code)| code.end);
        let end = match line_end(end) {
            Some(end) => end,
            None if closed => text.len(),
            None if limit == chunk.text.len() && chunk.ends => return Err(Malformed::Cut),
            None => return Err(Malformed::TooLong),
        };
        let (at, code) = first.ok_or(Malformed::UnknownLayout)?;
        if endings.next().is_some() {
            return Err(Malformed::Ambiguous);
        }
        let word = match undecorated(text.get(code.end..end).unwrap_or_default()) {
            [] => None,
            [b',', word @ ..] => Some(word),
            _ => return Err(Malformed::UnknownLayout),
        };
        let database = text.get(..at).unwrap_or_default();
        Ok(Behind { database, code: text.get(code).unwrap_or_default(), word })
    }

    /// What a candidate is that no record begins before.
    ///
    /// `Cut` in the first line of a log. `UnknownPrefix` if the line ends as a session's record does. Otherwise no record.
    fn headless<'a>(&self, chunk: Chunk<'a>, hit: usize) -> Parsed<'a> {
        let text = chunk.text;
        if chunk.starts && text.get(..hit).is_some_and(|before| memchr(b'\n', before).is_none()) {
            return Parsed::Malformed(Malformed::Cut);
        }
        let line = text.get(hit..text.len().min(hit + RECORD)).unwrap_or_default();
        let line = line.split(|byte| *byte == b'\n').next().unwrap_or_default();
        if tail(undecorated(line)).is_some() {
            return Parsed::Malformed(Malformed::UnknownPrefix);
        }
        Parsed::NotARecord
    }

    /// What a candidate is, at `at` in a record, that is not the first operation there.
    ///
    /// Statements end otherwise, so that another operation can only stand in names, or in a line that is of no record. In a
    /// statement of Aurora, lines can end in any way.
    fn another<'a>(&self, record: &[u8], at: usize) -> Parsed<'a> {
        let end = memchr(b'\n', record.get(at..).unwrap_or_default()).map_or(record.len(), |newline| at + newline);
        let whole = if self.dialect == Dialect::Aurora { record.len() } else { end };
        let ends = |end: usize| record.get(..end).is_some_and(|record| tail(undecorated(record)).is_some());
        // The first of a line is reported.
        let reported = operations(record).take_while(|other| *other < at).any(|other| {
            record.get(other..).is_some_and(is_session)
                && record.get(other..at).is_some_and(|between| memchr(b'\n', between).is_none())
        });
        if reported || !ends(end) || !ends(whole) {
            Parsed::NotARecord
        } else {
            Parsed::Malformed(Malformed::Ambiguous)
        }
    }

    /// Whether the record before the one at `begin` never ended: a line break in a name imitates the beginning of a record.
    ///
    /// Every record holds an operation. A record without one was torn, and the text behind it may be a client's. `own` is what
    /// the record begins with.
    fn is_imitated(&self, chunk: Chunk<'_>, begin: usize, own: &[u8]) -> bool {
        let begins = |at: &usize| chunk.text.get(*at..).is_some_and(|line| self.has_header(line, own));
        begin
            .checked_sub(1)
            .and_then(|until| lines_before(chunk, until).find(begins))
            .and_then(|other| chunk.text.get(other..begin))
            .is_some_and(|before| operations(before).next().is_none())
    }

    /// Whether the records around the one from `begin` to `limit` allow it to be of that time.
    ///
    /// It compares the lines of [`NAME_MAX`] bytes before it and the record behind it. Differences up to [`APART`] are in
    /// order.
    fn is_in_order(&self, chunk: Chunk<'_>, (begin, limit): (usize, usize), time: LogTime) -> bool {
        let text = chunk.text;
        let length = if self.dialect == Dialect::Aurora { EPOCH } else { DATE_AND_TIME };
        let stamp = |at: usize| text.get(at..at + length);
        let header = |at: usize| self.header(text.get(at..)?).map(|(other, _)| other.at);
        let own = stamp(begin);
        // Stamps sort as their times do, so that few have to be read.
        let is_late =
            |at: usize| stamp(at) > own && header(at).is_some_and(|other| other > time.at.saturating_add(APART));
        let is_early =
            |at: usize| stamp(at) < own && header(at).is_some_and(|other| other < time.at.saturating_sub(APART));
        let floor = begin.saturating_sub(NAME_MAX);
        let opening = (floor == 0 && chunk.starts).then_some(0);
        let newlines = memrchr_iter(b'\n', text.get(floor..begin).unwrap_or_default());
        let mut before = newlines.map(|newline| floor + newline + 1).chain(opening);
        !before.any(is_late) && !is_early(limit + 1)
    }

    /// Who, from what stands before the thread's number: `serverhost,user,host`.
    ///
    /// The client is empty if the record may be imitated. A user can hold commas: it ends at the last one.
    fn client<'a>(text: &'a [u8], (names_at, ids): (usize, usize), database: &'a [u8], imitated: bool) -> Client<'a> {
        let known = |name: &'a [u8]| Some(Cow::Borrowed(name)).filter(|name| !name.is_empty());
        let parts = text.get(names_at..ids).and_then(|who| {
            let (user_at, host_at) = (memchr(b',', who)? + 1, memrchr(b',', who)? + 1);
            Some((who.get(user_at..host_at.checked_sub(1)?)?, who.get(host_at..)?))
        });
        match parts {
            Some((user, host)) if !imitated => Client {
                user: known(user),
                database: known(database),
                address: known(parts_of_host(host).0),
                application: None,
            },
            _ => Client::default(),
        }
    }
}

impl RecordParser for Audit {
    fn engine(&self) -> &'static str {
        self.engine
    }

    fn format(&self) -> &'static str {
        "audit"
    }

    /// MySQL and MariaDB give a connection its number before it logs in. The general log has it too, but lines that a client
    /// writes look like its records.
    fn counts_connections(&self) -> bool {
        true
    }

    fn needles(&self) -> &'static [&'static [u8]] {
        NEEDLES
    }

    fn read<'a>(&self, chunk: Chunk<'a>, needle: &[u8], hit: usize) -> Parsed<'a> {
        let text = chunk.text;
        let Some((session, ids)) = numbers(text, hit) else { return Parsed::NotARecord };
        let Some(Begin { at: begin, time, names_at }) = self.begins_before(chunk, hit) else {
            return self.headless(chunk, hit);
        };
        let own = text.get(begin..names_at).unwrap_or_default();
        let limit = self.limit(chunk, hit, own);
        let record = text.get(begin..limit).unwrap_or_default();
        let mut operations = operations(record);
        if operations.next() != Some(hit - begin) {
            return self.another(record, hit - begin);
        }
        // What stands before it may be left of another record, whose newline is gone with its end.
        if self.holds_header(record.get(1..hit - begin).unwrap_or_default()) {
            return Parsed::Malformed(Malformed::Ambiguous);
        }
        let behind = match self.behind(chunk, hit + needle.len(), limit) {
            Ok(_) if operations.next().is_some() => return Parsed::Malformed(Malformed::Ambiguous),
            Ok(behind) => behind,
            Err(cause) => return Parsed::Malformed(cause),
        };
        let imitated = self.is_imitated(chunk, begin, own);
        let client = Self::client(text, (names_at, ids), behind.database, imitated);
        let host = text.get(begin..ids).and_then(|who| who.get(memrchr(b',', who)? + 1..)).unwrap_or_default();
        let step = match self.step(needle, &client, &behind, parts_of_host(host).1) {
            Ok(step) => step,
            Err(cause) => return Parsed::Malformed(cause),
        };
        let time = Some(time).filter(|time| !imitated && self.is_in_order(chunk, (begin, limit), *time));
        let names = text.get(names_at..limit).unwrap_or_default();
        let server = memchr(b',', names).and_then(|comma| names.get(..comma)).unwrap_or(names);
        let session = numbered(server, session);
        Parsed::Record(Record { at: time.map(|time| time.at), session, client, step })
    }

    /// The end of a record shows its dialect: of a session, a statement or a table.
    fn begins(&self, line: &[u8]) -> bool {
        let line = undecorated(unpadded(line));
        if self.header(line).is_none() || operations(line).next().is_none() {
            return false;
        }
        // `'select 1',0`, and with two empty fields more from RDS for MySQL.
        let statement = |line: &[u8]| {
            let comma = memrchr(b',', line).unwrap_or(0);
            line.get(comma + 1..).is_some_and(digits::all) && line.get(..comma).is_some_and(|line| line.ends_with(b"'"))
        };
        let marked = tail(line).map(|tail| tail.word.is_some_and(|word| !word.is_empty() && !is_version(word)));
        match self.dialect {
            Dialect::Either | Dialect::Aurora => true,
            Dialect::Mysql => marked == Some(true) || line.strip_suffix(b",,").is_some_and(statement),
            Dialect::Maria => {
                let table = line.ends_with(b",") && !line.ends_with(b",,");
                marked == Some(false) || statement(line) || (marked.is_none() && table)
            }
        }
    }

    fn time(&self, line: &[u8]) -> Option<LogTime> {
        self.header(unpadded(line)).map(|(time, _)| time)
    }

    /// A line that was cut in its time, before its operation, or in that word: `,4,0,CONN`.
    fn may_be_cut_record(&self, line: &[u8]) -> bool {
        let line = unpadded(line);
        if self.header(line).is_none() {
            let beginnings: &[&[u8]] = &[b"20261123 18:46:24,", b"1795459584000000,"];
            return beginnings.iter().any(|text| is_completed(line, text, |line| self.header(line).is_some()));
        }
        let last = memrchr(b',', line).filter(|at| numbers(line, *at).is_some());
        let begun =
            |at: usize| NEEDLES.iter().any(|needle| line.get(at..).is_some_and(|part| needle.starts_with(part)));
        operations(line).next().is_none() && last.is_none_or(begun)
    }
}

impl Audit {
    /// What happened, by the needle; `has_port` says whether the log names the client's port.
    ///
    /// # Errors
    ///
    /// [`Malformed::UnknownLayout`] for the word of a transport that was cut. [`Malformed::Ambiguous`] for a session without
    /// TLS whose database holds a line break.
    fn step<'a>(
        &self,
        needle: &[u8],
        client: &Client<'a>,
        behind: &Behind<'a>,
        has_port: bool,
    ) -> Result<SessionStep<'a>, Malformed> {
        if needle == DISCONNECT {
            return Ok(SessionStep::Ended);
        }
        let address = client.address.as_deref();
        let transport = match behind.word {
            None => Transport::Unknown,
            Some([]) if has_port && matches!(self.dialect, Dialect::Maria | Dialect::Either) => {
                Transport::unmarked(address)
            }
            Some(word) => transport(word, address).ok_or(Malformed::UnknownLayout)?,
        };
        // A line break in a name can look like the end of a record.
        let torn = memchr(b'\n', behind.database).is_some();
        if torn && matches!(transport, Transport::Plaintext | Transport::Local) {
            return Err(Malformed::Ambiguous);
        }
        Ok(match needle {
            // The end may be in another file.
            CONNECT if self.dialect == Dialect::Aurora => SessionStep::Connected(transport),
            CONNECT => SessionStep::Opened(transport),
            _ => failure(client, behind.code, transport),
        })
    }
}

/// Where lines begin before `until`, the nearest first. A crash can leave NUL bytes before one.
///
/// Only within [`RECORD`] bytes. A chunk's first line counts only if the log begins with it.
fn lines_before(chunk: Chunk<'_>, until: usize) -> impl Iterator<Item = usize> {
    let floor = until.saturating_sub(RECORD);
    let before = chunk.text.get(floor..until);
    let opening = before.and((floor == 0 && chunk.starts).then_some(0));
    memrchr2_iter(b'\n', 0, before.unwrap_or_default()).map(move |end| floor + end + 1).chain(opening)
}

/// The beginning of a record.
struct Begin {
    /// Offset of its first byte.
    at: usize,
    time: LogTime,
    /// Offset of what stands behind the time and its comma.
    names_at: usize,
}

/// What stands behind the operation of a session.
struct Behind<'a> {
    /// As it is written; empty if the session has none.
    database: &'a [u8],
    /// `0` for a session, or the server's error number: `1045`.
    code: &'a [u8],
    /// The transport of the session; none where there is no such field.
    word: Option<&'a [u8]>,
}

/// Where `text` may end the record of a session: `,,0`, and the range of the code in it.
///
/// A database can hold such text too, so there may be more than one. `,,0x` is none.
fn endings(text: &[u8]) -> impl Iterator<Item = (usize, Range<usize>)> {
    memchr_iter(b',', text).filter_map(|at| {
        let code = text.get(at + 1..)?.strip_prefix(b",")?;
        let length = digits::leading(code);
        let ends = code.get(length).is_none_or(|byte| !byte.is_ascii_alphanumeric());
        (length > 0 && ends).then_some((at, at + 2..at + 2 + length))
    })
}

/// Whether an operation is one of a session.
///
/// `operation` begins with the comma before the word: `,CONNECT,db1,,0`.
fn is_session(operation: &[u8]) -> bool {
    NEEDLES.iter().any(|needle| operation.starts_with(needle))
}

/// What a record of a session ends with: `,,0` or `,,0,SSL`.
struct Tail<'a> {
    /// `SSL`; None if the code ends the record.
    word: Option<&'a [u8]>,
}

/// The end of a record of a session, if the text ends so.
///
/// None for a statement, `'select 1',0`: only one comma stands before its code.
fn tail(record: &[u8]) -> Option<Tail<'_>> {
    let ends = |record: &[u8]| {
        let comma = memrchr(b',', record)?;
        let code = record.get(comma + 1..)?;
        (digits::all(code) && record.get(..comma)?.ends_with(b",")).then_some(())
    };
    if ends(record).is_some() {
        return Some(Tail { word: None });
    }
    let comma = memrchr(b',', record)?;
    ends(record.get(..comma)?).map(|()| Tail { word: record.get(comma + 1..) })
}

/// The thread's number in the two that must stand before an operation, and where they begin.
///
/// `operation` is the comma before the word. For `,4,0,CONNECT,` they are 4, and the first comma. None for more than 20
/// digits.
fn numbers(text: &[u8], operation: usize) -> Option<(u64, usize)> {
    let number = |until: usize| {
        let before = text.get(until.saturating_sub(21)..until)?;
        let (mut value, mut unit) = (0, 1u64);
        for (length, byte) in before.iter().rev().enumerate() {
            match byte {
                b'0'..=b'9' if length < 19 => value += u64::from(byte - b'0') * unit,
                b'0'..=b'9' => {}
                b',' if length > 19 => {
                    return Some((until - length - 1, digits::number(text.get(until - length..until)?)?));
                }
                b',' if length > 0 => return Some((until - length - 1, value)),
                _ => return None,
            }
            unit = unit.wrapping_mul(10);
        }
        None
    };
    let (query, _) = number(operation)?;
    number(query).map(|(thread, value)| (value, thread))
}

/// Where in a record something stands that reads as its operation: `,4,0,CONNECT,`, from the comma before the word on.
///
/// A word is any of up to 23 capitals and underscores, such as `QUERY`. So the first operation shows what the record is
/// about.
fn operations(record: &[u8]) -> impl Iterator<Item = usize> {
    memchr_iter(b',', record).filter(|at| {
        if !matches!(record.get(at + 1), Some(b'A'..=b'Z' | b'_')) {
            return false;
        }
        let word = record.get(at + 1..).unwrap_or_default();
        let word = word.get(..word.len().min(24)).unwrap_or_default();
        let length = word.iter().take_while(|byte| byte.is_ascii_uppercase() || **byte == b'_').count();
        word.get(length) == Some(&b',') && numbers(record, *at).is_some()
    })
}

/// Why an attempt came to nothing. Without a user it came to nothing before the client said who it is.
///
/// Other codes are refusals, such as 1049 for an unknown database.
fn failure<'a>(client: &Client<'_>, code: &[u8], transport: Transport<'a>) -> SessionStep<'a> {
    let tls = matches!(transport, Transport::Tls(_));
    match code {
        // ER_HANDSHAKE_ERROR: a handshake that either side broke off.
        b"1043" if client.user.is_none() => SessionStep::Broken(HandshakeFailure::Other),
        // ER_NET_PACKETS_OUT_OF_ORDER, ER_NET_READ_ERROR, ER_NET_READ_INTERRUPTED: nothing, or something else.
        b"1156" | b"1158" | b"1159" if client.user.is_none() && !tls => SessionStep::Broken(HandshakeFailure::Probe),
        b"1156" | b"1158" | b"1159" if client.user.is_none() => SessionStep::Broken(HandshakeFailure::Other),
        _ => SessionStep::Refused(transport),
    }
}

/// The host of `10.0.0.7:49698` or `localhost:unavailable`, and whether a port follows it. An IPv6 address has more than
/// one colon.
///
/// `fd00::7` stays whole, and counts as without a port. What follows the colon is not checked.
fn parts_of_host(host: &[u8]) -> (&[u8], bool) {
    let mut colons = memchr_iter(b':', host);
    match (colons.next(), colons.next()) {
        (Some(at), None) => (host.get(..at).unwrap_or(host), true),
        _ => (host, false),
    }
}

#[cfg(test)]
mod tests {
    use super::numbers;

    #[test]
    fn two_numbers_stand_before_an_operation() {
        let rows = [
            ("x,4,0", Some((4, 1))),
            (",007,123456", Some((7, 0))),
            (",18446744073709551615,0", Some((u64::MAX, 0))),
            (",1,18446744073709551615", Some((1, 0))),
            (",18446744073709551616,0", None),
            (",000000000000000000004,0", None),
            (",1,000000000000000000004", None),
            ("4,0", None),
            (",,0", None),
            (",4,", None),
            (",4,x", None),
            (",x4,0", None),
            ("", None),
        ];
        for (text, expected) in rows {
            assert_eq!(numbers(format!("{text},CONNECT,").as_bytes(), text.len()), expected, "{text}");
        }
    }
}
