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
//! What cannot be told apart:
//!
//! - Only RDS for MySQL writes how a session is carried. Everywhere else it is unknown; with a version of TLS behind the
//!   code, as MariaDB is to write it from 12.3 on, it is TLS.
//! - MySQL before 5.7.34 writes what MariaDB writes. Where nobody says who wrote it, it is shown as MariaDB's.
//! - A handshake that the client broke off has a code of its own, but not whether that was for our certificate.
//! - An unknown database (1049) is a refusal here.
//! - Statements are quoted, and their quotes and newlines escaped, so that no statement looks like a session. Names are
//!   not: a name with commas or newlines in it can make a record that reads in two ways, and add records.

use std::borrow::Cow;

use memchr::{memchr, memchr_iter, memrchr, memrchr_iter};

use super::clock;
use crate::event::{Client, HandshakeFailure, Malformed, Parsed, Record, Step, Tls, Transport};
use crate::format::{RecordParser, Stretch};
use crate::time::LogTime;

const CONNECT: &[u8] = b",CONNECT,";
const FAILED: &[u8] = b",FAILED_CONNECT,";
const DISCONNECT: &[u8] = b",DISCONNECT,";
const NEEDLES: &[&[u8]] = &[CONNECT, FAILED, DISCONNECT];

/// Longest record of a session: the plugins write it into 1,024 bytes. Aurora's are not known.
const RECORD: usize = 4096;

/// Whose audit log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// Ten fields.
    Maria,
    /// Eleven, the last one how the session is carried.
    Mysql,
    /// Either of the two, where it is known whose log it is.
    Either,
    /// Ten, the first one in microseconds.
    Aurora,
}

/// Reads audit logs.
#[derive(Debug)]
pub struct Audit {
    engine: &'static str,
    dialect: Dialect,
}

impl Audit {
    pub(super) fn new(engine: &'static str, dialect: Dialect) -> Self {
        Self { engine, dialect }
    }

    /// The time of the record that begins at the start of `line`, if one does, and what follows.
    fn header<'a>(&self, line: &'a [u8]) -> Option<(LogTime, &'a [u8])> {
        let (time, rest) = match self.dialect {
            Dialect::Aurora => clock::epoch(line),
            Dialect::Maria | Dialect::Mysql | Dialect::Either => clock::audit(line),
        }?;
        Some((time, rest.strip_prefix(b",")?))
    }

    /// The nearest line before `until` that begins a record.
    fn begins_before(&self, stretch: Stretch<'_>, until: usize) -> Option<usize> {
        let floor = until.saturating_sub(RECORD);
        let before = stretch.text.get(floor..until)?;
        let opening = (floor == 0 && stretch.starts).then_some(0);
        let mut lines = memrchr_iter(b'\n', before).map(|newline| floor + newline + 1).chain(opening);
        lines.find(|at| stretch.text.get(*at..).is_some_and(|line| self.header(line).is_some()))
    }

    /// Where the record around `from` ends: at the newline before the next record.
    fn end(&self, stretch: Stretch<'_>, begin: usize, from: usize) -> Result<usize, Malformed> {
        let text = stretch.text;
        let limit = text.len().min(from + RECORD);
        let mut last = None;
        for newline in memchr_iter(b'\n', text.get(from..limit).unwrap_or_default()) {
            let end = from + newline;
            let next = text.get(end + 1..).unwrap_or_default();
            if next.is_empty() || self.header(next).is_some() {
                return Ok(end);
            }
            last = Some(end);
        }
        if limit < text.len() || !stretch.ends {
            return Err(Malformed::TooLong);
        }
        // The log ends in the middle of a line, which is the next record's unless this one is not whole without it.
        let whole = |end: &usize| text.get(begin..*end).is_some_and(|record| tail(record).is_some());
        last.filter(whole).ok_or(Malformed::Cut)
    }

    /// Who, from what stands before the thread's number: `serverhost,user,host`.
    fn client<'a>(&self, stretch: Stretch<'a>, begin: usize, ids: usize, database: &'a [u8]) -> Client<'a> {
        let known = |name: &'a [u8]| Some(Cow::Borrowed(name)).filter(|name| !name.is_empty());
        // A line break in a name can imitate the beginning of a record: then the one before never ended.
        let imitated = begin.checked_sub(1).and_then(|until| self.begins_before(stretch, until)).is_some_and(|other| {
            stretch.text.get(other..begin).is_some_and(|before| operations(before).next().is_none())
        });
        let who = stretch.text.get(begin..ids).and_then(|before| self.header(before)).map(|(_, who)| who);
        let parts = who.and_then(|who| {
            let (user_at, host_at) = (memchr(b',', who)? + 1, memrchr(b',', who)? + 1);
            Some((who.get(user_at..host_at.checked_sub(1)?)?, who.get(host_at..)?))
        });
        match parts {
            Some((user, host)) if !imitated => Client {
                user: known(user),
                database: known(database),
                address: known(without_port(host)),
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

    fn needles(&self) -> &'static [&'static [u8]] {
        NEEDLES
    }

    fn read<'a>(&self, stretch: Stretch<'a>, needle: usize, hit: usize) -> Parsed<'a> {
        let text = stretch.text;
        let Some((session, ids)) = numbers(text, hit) else { return Parsed::NotARecord };
        let Some(begin) = self.begins_before(stretch, hit) else {
            let cut = stretch.starts && text.get(..hit).is_some_and(|before| memchr(b'\n', before).is_none());
            return if cut { Parsed::Malformed(Malformed::Cut) } else { Parsed::NotARecord };
        };
        let first = text.get(begin..).and_then(|record| operations(record).next()).map(|at| begin + at);
        let broken = |cause| if first == Some(hit) { Parsed::Malformed(cause) } else { Parsed::NotARecord };
        let end = match self.end(stretch, begin, hit) {
            Ok(end) => end,
            Err(cause) => return broken(cause),
        };
        let record = text.get(begin..end).unwrap_or_default();
        let record = record.strip_suffix(b"\r").unwrap_or(record);
        let Some(tail) = tail(record) else { return broken(Malformed::UnknownLayout) };
        // Statements end otherwise, so that more than one operation can only stand in names.
        if operations(record).nth(1).is_some() {
            let is_session =
                |at: &usize| record.get(*at..).is_some_and(|rest| NEEDLES.iter().any(|n| rest.starts_with(n)));
            let first = operations(record).find(is_session).map(|at| begin + at);
            return if first == Some(hit) { Parsed::Malformed(Malformed::Ambiguous) } else { Parsed::NotARecord };
        }
        let length = NEEDLES.get(needle).map_or(0, |needle| needle.len());
        let database = text.get(hit + length..begin + tail.at).unwrap_or_default();
        let client = self.client(stretch, begin, ids, database);
        let step = match needle {
            0 => Step::Connected(transport(tail.word, client.address.as_deref())),
            1 => failure(&client, &tail),
            _ => Step::Disconnected(None),
        };
        let at = self.header(record).map(|(time, _)| time.at);
        Parsed::Record(Record { at, session: Some(session), client, step })
    }

    fn begins(&self, line: &[u8]) -> bool {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if self.header(line).is_none() || operations(line).next().is_none() {
            return false;
        }
        let digits = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_digit);
        // `'select 1',0`, and with two empty fields more from RDS for MySQL.
        let statement = |line: &[u8]| {
            let comma = memrchr(b',', line).unwrap_or(0);
            line.get(comma + 1..).is_some_and(digits) && line.get(..comma).is_some_and(|line| line.ends_with(b"'"))
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
        self.header(line).map(|(time, _)| time)
    }
}

/// What a record of a session ends with: `,,0` or `,,0,SSL`.
struct Tail<'a> {
    /// Where in the record it begins.
    at: usize,
    code: &'a [u8],
    word: Option<&'a [u8]>,
}

fn tail(record: &[u8]) -> Option<Tail<'_>> {
    let ending = |record: &'_ [u8]| {
        let comma = memrchr(b',', record)?;
        let code = record.get(comma + 1..)?;
        let numeric = !code.is_empty() && code.iter().all(u8::is_ascii_digit);
        (numeric && record.get(..comma)?.ends_with(b",")).then_some(comma - 1)
    };
    let code = |record: &'_ [u8], at: usize| record.len().min(at + 2);
    if let Some(at) = ending(record) {
        return Some(Tail { at, code: record.get(code(record, at)..)?, word: None });
    }
    let comma = memrchr(b',', record)?;
    let before = record.get(..comma)?;
    let at = ending(before)?;
    Some(Tail { at, code: before.get(code(before, at)..)?, word: record.get(comma + 1..) })
}

/// The thread's number in the two that must stand before an operation, and where they begin.
fn numbers(text: &[u8], operation: usize) -> Option<(u64, usize)> {
    let number = |until: usize| {
        let from = until.saturating_sub(21);
        let comma = from + memrchr(b',', text.get(from..until)?)?;
        let digits = text.get(comma + 1..until)?;
        let value = digits.iter().all(u8::is_ascii_digit).then(|| std::str::from_utf8(digits).ok()?.parse().ok())?;
        Some((comma, value?))
    };
    let (query, _): (usize, u64) = number(operation)?;
    number(query).map(|(thread, value)| (value, thread))
}

/// Where in a record something stands that reads as its operation: `,4,0,CONNECT,`, from the comma before the word on.
fn operations(record: &[u8]) -> impl Iterator<Item = usize> {
    memchr_iter(b',', record).filter(|at| {
        let word = record.get(at + 1..).unwrap_or_default();
        let word = word.get(..word.len().min(24)).unwrap_or_default();
        let length = word.iter().take_while(|byte| byte.is_ascii_uppercase() || **byte == b'_').count();
        length > 0 && word.get(length) == Some(&b',') && numbers(record, *at).is_some()
    })
}

/// How a session is carried, in either spelling. A word that is not known says nothing.
fn transport<'a>(word: Option<&'a [u8]>, address: Option<&[u8]>) -> Transport<'a> {
    let word = word.unwrap_or_default();
    let is = |names: &[&str]| names.iter().any(|name| word.eq_ignore_ascii_case(name.as_bytes()));
    let tls = |version| Transport::Tls(Tls { version, ..Tls::default() });
    match () {
        () if is(&["SSL", "SSL/TLS"]) => tls(None),
        () if is_version(word) => tls(Some(Cow::Borrowed(word))),
        () if is(&["TCP/IP"]) => Transport::unmarked(address),
        () if is(&["SOCKET", "NAMED_PIPE", "NAMED PIPE", "SHARED_MEMORY", "SHARED MEMORY"]) => Transport::Local,
        () => Transport::Unknown,
    }
}

/// `TLSv1.3`
fn is_version(word: &[u8]) -> bool {
    word.starts_with(b"TLSv") || word.starts_with(b"SSLv")
}

/// Why an attempt came to nothing. Without a user it came to nothing before the client said who it is.
fn failure(client: &Client<'_>, tail: &Tail<'_>) -> Step<'static> {
    match tail.code {
        // ER_HANDSHAKE_ERROR: a handshake that either side broke off.
        b"1043" if client.user.is_none() => Step::HandshakeFailed(HandshakeFailure::Other),
        // ER_NET_PACKETS_OUT_OF_ORDER, ER_NET_READ_ERROR, ER_NET_READ_INTERRUPTED: nothing, or something else.
        b"1156" | b"1158" | b"1159" if client.user.is_none() => Step::HandshakeFailed(HandshakeFailure::Probe),
        _ => Step::Rejected(Transport::Unknown),
    }
}

/// `10.0.0.7:49698` without the port. An IPv6 address has more than one colon.
fn without_port(host: &[u8]) -> &[u8] {
    let mut colons = memchr_iter(b':', host);
    match (colons.next(), colons.next()) {
        (Some(at), None) => host.get(..at).unwrap_or(host),
        _ => host,
    }
}
