//! PostgreSQL's json log, from 15 on: one object a line.
//!
//! ```text
//! {"timestamp":"2026-11-23 18:39:57.242 UTC","user":"app","dbname":"orders","pid":21828,"remote_host":"10.0.0.7","remote_port":49698,"session_id":"6b04887d.5544","line_num":2,"ps":"authentication","session_start":"2026-11-23 18:39:57 UTC","vxid":"3/1","txid":0,"error_severity":"LOG","message":"connection authorized: user=app database=orders","backend_type":"client backend","query_id":0}
//! ```
//!
//! Source: PostgreSQL `src/backend/utils/error/jsonlog.c`, `write_jsonlog`, and the table of
//! <https://www.postgresql.org/docs/18/runtime-config-logging.html#RUNTIME-CONFIG-LOGGING-JSONLOG>.
//! Quotes inside of text are escaped, so that `"message":"` stands only where the message begins. Bytes that are not
//! UTF-8 are written as they are.
//!
//! Times: every record has its own. Line breaks of clients are escaped, so that no client writes a record or a time.
//!
//! Keys without a value are left out by the server. Their order is not relied on, but for `timestamp`, which comes first.

use std::borrow::Cow;

use memchr::{memchr, memchr2, memmem, memrchr2};

use super::message::{self, Context, Message};
use super::prefix::is_log;
use super::record::owned;
use super::time::postgres_time;
use super::translation;
use crate::digits;
use crate::event::{Malformed, Parsed, Record, Text};
use crate::format::{Chunk, RECORD_MAX, RecordParser};
use crate::json::split_string;
use crate::lines::{lines_with, undecorated};
use crate::time::LogTime;

/// The severity of rejections.
///
/// The escaped quotes of a client's text cannot form these bytes.
const FATAL: &[u8] = b"\"error_severity\":\"FATAL\"";
/// The third is for records that are cut before their message.
///
/// A record of a session may hold two of them. The tag alone decides only where the message is missing.
const NEEDLES: &[&[u8]] = &[message::LOG_NEEDLE, FATAL, TAG];
/// What every record begins with.
const BEGINS: &[u8] = b"{\"timestamp\":\"";
/// What every record has, and other programs' logs have not.
const SEVERITY: &[u8] = b"\"error_severity\":\"";
/// The command tag of a session that is being established.
const TAG: &[u8] = b"\"ps\":\"authentication\"";
/// What stands before the message.
const MESSAGE_KEY: &[u8] = b"\"message\":\"";
/// How far back the line of a message can begin: names of 63 bytes, each written as `\u00NN` at worst.
const BEFORE_MESSAGE: usize = 2048;

/// Reads json logs.
#[derive(Debug)]
pub struct Jsonlog {
    /// False for servers before 9.4, which write no json log of their own; the extension `jsonlog` does.
    marks_tls: bool,
}

/// The values of the keys that matter.
#[derive(Default)]
struct Fields<'a> {
    /// `timestamp`.
    time: Option<Text<'a>>,
    user: Option<Text<'a>>,
    /// `dbname`.
    database: Option<Text<'a>>,
    /// `pid`, in decimal digits.
    pid: Option<Text<'a>>,
    /// `remote_host`: an address without its port, or `[local]`.
    host: Option<Text<'a>>,
    /// `ps`, the command tag.
    tag: Option<Text<'a>>,
    /// `error_severity`; translated where `lc_messages` is.
    severity: Option<Text<'a>>,
    message: Option<Text<'a>>,
    /// `context`: the function that raised the message.
    context: Option<Text<'a>>,
    /// `statement`: what the client executed.
    statement: Option<Text<'a>>,
}

impl Jsonlog {
    /// A parser; `marks_tls` is false for servers before 9.4, which never mark TLS.
    pub fn new(marks_tls: bool) -> Self {
        Self { marks_tls }
    }

    /// Whether nearly every line of `head` begins a record, as every line of a json log does. In a stderr log, names with
    /// newlines can make less than half of them look so.
    ///
    /// At least three of four lines must begin a record. Empty lines do not count, and 500 lines are enough.
    /// False for an empty head.
    pub fn recognises(head: &[u8]) -> bool {
        let lines = || head.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).take(500);
        let records = lines().filter(|line| is_record(line)).count();
        records > 0 && records * 4 >= lines().count() * 3
    }

    /// Reads the record that a line is.
    ///
    /// Malformed as `UnknownLayout` where the line is no flat object, or has no message.
    fn record<'a>(&self, line: &'a [u8]) -> Parsed<'a> {
        let malformed = Parsed::Malformed;
        let Some(fields) = object(line) else { return malformed(Malformed::UnknownLayout) };
        let context = Context {
            address: fields.host.as_deref(),
            user: fields.user.as_deref(),
            database: fields.database.as_deref(),
            marks_tls: self.marks_tls,
            quoted: true,
        };
        let Some(text) = fields.message else { return malformed(Malformed::UnknownLayout) };
        let fatal = fields.severity.as_deref() == Some(b"FATAL");
        // `RAISE LOG` writes any message, but from a function and in the middle of a command.
        if !fatal && (fields.context.is_some() || fields.statement.is_some()) {
            return Parsed::NotARecord;
        }
        let message = match fatal {
            true => message::fatal_message(&text, &context),
            false => message::log_message(&text, &context),
        };
        let (client, step) = match owned(message) {
            Message::About(client, step) => (client, step),
            Message::NotARecord => return Parsed::NotARecord,
            Message::Malformed(cause) => return malformed(cause),
        };
        if !fatal && super::in_a_command(&step, fields.tag.as_deref()) {
            return Parsed::NotARecord;
        }
        Parsed::Record(Record {
            at: fields.time.and_then(|written| time(&written)).map(|time| time.at),
            session: fields.pid.and_then(|pid| digits::number(&pid)),
            client,
            step,
        })
    }
}

impl RecordParser for Jsonlog {
    fn engine(&self) -> &'static str {
        "postgres"
    }

    fn format(&self) -> &'static str {
        "jsonlog"
    }

    fn needles(&self) -> &'static [&'static [u8]] {
        NEEDLES
    }

    /// A message must stand directly behind its key. Rejections in lines that begin otherwise are not reported.
    fn read<'a>(&self, chunk: Chunk<'a>, needle: &[u8], hit: usize) -> Parsed<'a> {
        let text = chunk.text;
        if needle == TAG {
            return cut_before_message(chunk, hit);
        }
        let anchored = match needle {
            message::LOG_NEEDLE => message::log_message_start(text, hit)
                .is_some_and(|at| text.get(..at).is_some_and(|before| before.ends_with(MESSAGE_KEY))),
            _ => true,
        };
        let floor = hit.saturating_sub(BEFORE_MESSAGE);
        if !anchored {
            return Parsed::NotARecord;
        }
        // A crash can leave zeros before a record.
        let line_at = match text.get(floor..hit).and_then(|before| memrchr2(b'\n', 0, before)) {
            Some(newline) => floor + newline + 1,
            None if floor == 0 && chunk.starts => 0,
            None if needle == FATAL => return Parsed::NotARecord,
            None => return Parsed::Malformed(Malformed::UnknownPrefix),
        };
        let limit = text.len().min(line_at + RECORD_MAX);
        let rest = text.get(hit..limit).unwrap_or_default();
        let closed = limit == text.len() && chunk.ends && undecorated(rest).ends_with(b"}");
        match memchr(b'\n', rest).or_else(|| closed.then_some(rest.len())) {
            Some(length) if text.get(line_at..).is_some_and(|line| line.starts_with(BEGINS)) => {
                self.record(text.get(line_at..hit + length).unwrap_or_default())
            }
            _ if needle == FATAL => Parsed::NotARecord,
            None if limit < text.len() || !chunk.ends => Parsed::Malformed(Malformed::TooLong),
            Some(_) if line_at > 0 => Parsed::Malformed(Malformed::UnknownPrefix),
            _ => Parsed::Malformed(Malformed::Cut),
        }
    }

    fn begins(&self, line: &[u8]) -> bool {
        is_record(line)
    }

    /// None for a line that does not begin with the key `timestamp`.
    fn time(&self, line: &[u8]) -> Option<LogTime> {
        time(line.strip_prefix(BEGINS)?)
    }

    fn may_be_cut_record(&self, line: &[u8]) -> bool {
        match memmem::find(line, MESSAGE_KEY).and_then(|at| line.get(at + MESSAGE_KEY.len()..)) {
            Some(message) => message::may_begin(message),
            None => line.len() <= BEFORE_MESSAGE,
        }
    }

    fn unsupported_language(&self, text: &[u8]) -> Option<&'static str> {
        let is_written = |at: usize| {
            let (before, behind) = text.split_at_checked(at).unwrap_or((text, b""));
            if !before.ends_with(MESSAGE_KEY) {
                return false;
            }
            let begins = memrchr2(b'\n', 0, before).map_or(0, |end| end + 1);
            let ends = at + memchr(b'\n', behind).unwrap_or(behind.len());
            let fields = || text.get(begins..ends).and_then(object);
            fields().is_some_and(|fields| {
                fields.severity.as_deref().is_some_and(is_log)
                    && translation::establishes(fields.tag.as_deref())
                    && fields.context.is_none()
                    && fields.statement.is_none()
            })
        };
        translation::language(text, is_written)
    }

    /// Looks for the tag of a session being established in a line without a SQLSTATE.
    fn has_unreadable_sessions(&self, text: &[u8]) -> bool {
        // The command tag is never translated, no client can write a lone quote, and a failure has a state.
        lines_with(text, TAG).any(|line| memmem::find(line, b"\"state_code\":").is_none())
    }
}

/// What the tag of a session that is being established is, where the line that it stands in holds no message.
///
/// `tag` is the offset of [`TAG`]. Returns `NotARecord` where a message follows, or the line is no record.
fn cut_before_message(chunk: Chunk<'_>, tag: usize) -> Parsed<'static> {
    let text = chunk.text;
    let floor = tag.saturating_sub(BEFORE_MESSAGE);
    let before = text.get(floor..tag).unwrap_or_default();
    let begins = memrchr2(b'\n', 0, before).and_then(|newline| before.get(newline + 1..)).unwrap_or(before);
    let rest = text.get(tag..text.len().min(tag + RECORD_MAX)).unwrap_or_default();
    let line = memchr(b'\n', rest).and_then(|newline| rest.get(..newline)).unwrap_or(rest);
    let is_cut = begins.starts_with(BEGINS) && memmem::find(line, MESSAGE_KEY).is_none();
    if is_cut { Parsed::Malformed(Malformed::Cut) } else { Parsed::NotARecord }
}

/// Whether a record begins at the start of a line. Many programs log objects that begin with a `timestamp`.
///
/// The severity must stand within the first [`BEFORE_MESSAGE`] bytes.
fn is_record(line: &[u8]) -> bool {
    line.starts_with(BEGINS)
        && line.get(..line.len().min(BEFORE_MESSAGE)).is_some_and(|line| memmem::find(line, SEVERITY).is_some())
}

/// The time at the start of a text; with a `T` in it, as the extension `jsonlog` writes it for servers before 15
/// (<https://github.com/michaelpq/pg_plugins>).
///
/// ```text
/// 2026-11-23 18:39:57.242 UTC
/// 2026-11-23T18:39:57.242 UTC
/// ```
///
/// At most 40 bytes are read. None where they begin with no time.
fn time(text: &[u8]) -> Option<LogTime> {
    let mut stamp = *text.first_chunk::<40>().unwrap_or(&{
        let mut padded = [0; 40];
        padded.iter_mut().zip(text).for_each(|(to, from)| *to = *from);
        padded
    });
    if let Some(between @ b'T') = stamp.get_mut(10) {
        *between = b' ';
    }
    postgres_time(&stamp).ok().map(|(_, time)| time)
}

/// Reads one flat object of strings and numbers, as the server writes it: nothing is nested and no blank is between.
///
/// Keys that do not matter are skipped. Of a key that stands twice, the last value counts.
/// None where the object does not end with `}` in `line`, as in a line that was cut.
fn object(line: &[u8]) -> Option<Fields<'_>> {
    let mut rest = undecorated(line).strip_prefix(b"{")?;
    let mut fields = Fields::default();
    loop {
        let (key, after) = split_string(rest)?;
        let (value, after) = value(after.strip_prefix(b":")?)?;
        let slot = match key.as_ref() {
            b"timestamp" => Some(&mut fields.time),
            b"user" => Some(&mut fields.user),
            b"dbname" => Some(&mut fields.database),
            b"pid" => Some(&mut fields.pid),
            b"remote_host" => Some(&mut fields.host),
            b"ps" => Some(&mut fields.tag),
            b"error_severity" => Some(&mut fields.severity),
            b"message" => Some(&mut fields.message),
            b"context" => Some(&mut fields.context),
            b"statement" => Some(&mut fields.statement),
            _ => None,
        };
        if let Some(slot) = slot {
            *slot = Some(value);
        }
        match after {
            [b',', next @ ..] => rest = next,
            [b'}'] => return Some(fields),
            _ => return None,
        }
    }
}

/// The string or number at the start, and the text behind it.
///
/// None for nested values, and for a number that no comma or brace ends.
fn value(input: &[u8]) -> Option<(Text<'_>, &[u8])> {
    if input.starts_with(b"\"") {
        return split_string(input);
    }
    let end = memchr2(b',', b'}', input)?;
    let (number, rest) = input.split_at_checked(end)?;
    // Else something else begins here: the line was cut, and another put behind it.
    let plain = number.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+-.?".contains(byte));
    plain.then_some((Cow::Borrowed(number), rest))
}
