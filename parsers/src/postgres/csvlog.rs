//! PostgreSQL's csv log: 23 columns up to 12, 24 in 13, 26 from 14 on.
//!
//! ```text
//! 2026-11-23 18:39:57.242 UTC,"app","orders",21828,"10.0.0.7:49698",6b04887d.5544,2,"authentication",2026-11-23 18:39:57 UTC,3/1,0,LOG,00000,"connection authorized: user=app database=orders SSL enabled (protocol=TLSv1.3, cipher=TLS_AES_256_GCM_SHA384, bits=256)",,,,,,,,,"","client backend",,0
//! ```
//!
//! Source: PostgreSQL `src/backend/utils/error/csvlog.c`, `write_csvlog`, and the table of
//! <https://www.postgresql.org/docs/18/runtime-config-logging.html#RUNTIME-CONFIG-LOGGING-CSVLOG>.
//! Text columns are always quoted, with quotes doubled, so that text inside of one never holds a lone quote: nothing
//! that a client chooses can look like the beginning of a message.
//!
//! Times: every record has its own. Line breaks of clients stand within quotes, so that no client writes a record or a time.
//!
//! The number of columns grows with the version, and the first 23 never move. So they are read by position alone.
//! Files that a spreadsheet saved again, without needless quotes, are reported as an unknown layout.

use std::borrow::Cow;

use memchr::{memchr, memmem, memrchr2};
use nom::branch::alt;
use nom::bytes::complete::{tag, take_till, take_while};
use nom::error::Error;
use nom::{IResult, Parser};

use super::message::{self, Context, Message};
use super::prefix::is_log;
use super::record::owned;
use super::time::postgres_time;
use super::translation;
use crate::address::without_port;
use crate::digits;
use crate::event::{Malformed, Parsed, Record, Text};
use crate::format::{Chunk, RECORD_MAX, RecordParser};
use crate::lines::undecorated;
use crate::time::LogTime;

/// The severity of rejections.
///
/// With its commas, so that only the column of the severity holds it.
const FATAL: &[u8] = b",FATAL,";
/// The third is for records that are cut before their message.
///
/// A record of a session may hold two of them: the tag finds it first, and leaves it to the other.
const NEEDLES: &[&[u8]] = &[message::LOG_NEEDLE, FATAL, TAG];

/// How far back a record's first column can be: names of 63 bytes with every quote doubled, and numbers.
///
/// In bytes. A record with more before its message is not read.
const BEFORE_MESSAGE: usize = 1024;
/// The command tag of a session that is being established.
///
/// With its commas and quotes. A client can write these bytes only with the quotes doubled.
const TAG: &[u8] = b",\"authentication\",";
/// What stands before the message of every record that is no error.
///
/// `00000` is the SQLSTATE of success. Messages of severity LOG about connections have it.
const STATE: &[u8] = b",00000,";
/// Columns before the message, and in the narrowest record.
const MESSAGE: usize = 13;
/// Columns of the narrowest record.
const COLUMNS_MIN: usize = 23;

/// Positions of columns.
mod column {
    /// `user_name`, quoted; empty before the client has sent it.
    pub const USER: usize = 1;
    /// `database_name`, quoted; empty for processes without a database.
    pub const DATABASE: usize = 2;
    /// `process_id`, in decimal digits.
    pub const PID: usize = 3;
    /// `connection_from`: `10.0.0.7:49698`, or `[local]`.
    pub const FROM: usize = 4;
    /// `command_tag`: `authentication` until the session is established.
    pub const TAG: usize = 7;
    /// `error_severity`, bare; translated where `lc_messages` is.
    pub const SEVERITY: usize = 11;
    /// `context`: the function that raised the message. The server's own messages about connections have none.
    pub const CONTEXT: usize = 18;
    /// `query`: the statement that led to the message.
    pub const QUERY: usize = 19;
}

/// Reads csv logs.
#[derive(Debug)]
pub struct Csvlog {
    /// False for servers before 9.4: without a TLS mark, the transport is then unknown.
    marks_tls: bool,
}

impl Csvlog {
    /// A parser; `marks_tls` is false for servers before 9.4, which never mark TLS.
    pub fn new(marks_tls: bool) -> Self {
        Self { marks_tls }
    }

    /// Reads the record whose message begins, behind its quote, at `message_at`.
    ///
    /// Malformed results:
    ///
    /// - `Cut`: the log begins or ends within the record.
    /// - `UnknownPrefix`: a lone quote begins a message, but no record leads there.
    /// - `UnknownLayout`: the columns do not end in a newline, or are too few.
    fn record<'a>(&self, chunk: Chunk<'a>, message_at: usize) -> Parsed<'a> {
        let text = chunk.text;
        let Some(begins) = record_start(chunk, message_at) else {
            let cut = chunk.starts && text.get(..message_at).is_some_and(|before| memchr(b'\n', before).is_none());
            // Only a message has a lone quote behind this state; what a client writes has it doubled.
            let of_record = text.get(..message_at - 1).is_some_and(|before| before.ends_with(STATE));
            return match (cut, of_record) {
                (true, _) => Parsed::Malformed(Malformed::Cut),
                (false, true) => Parsed::Malformed(Malformed::UnknownPrefix),
                (false, false) => Parsed::NotARecord,
            };
        };
        let limit = text.len().min(begins + RECORD_MAX);
        let Some(fields) =
            text.get(begins..limit).and_then(|text| columns(text, limit == chunk.text.len() && chunk.ends))
        else {
            return Parsed::Malformed(if limit == text.len() && chunk.ends {
                Malformed::Cut
            } else {
                Malformed::UnknownLayout
            });
        };
        let field = |index: usize| fields.get(index).map(|field| unquoted(field));
        let address = field(column::FROM).filter(|from| !from.is_empty()).map(without_port);
        let (user, database) = (field(column::USER), field(column::DATABASE));
        let context = Context {
            address: address.as_deref(),
            user: user.as_deref().filter(|user| !user.is_empty()),
            database: database.as_deref().filter(|database| !database.is_empty()),
            marks_tls: self.marks_tls,
            quoted: true,
        };
        let Some(message) = field(MESSAGE) else { return Parsed::Malformed(Malformed::UnknownLayout) };
        let fatal = field(column::SEVERITY).as_deref() == Some(b"FATAL");
        let read = |message: &[u8]| match fatal {
            true => owned(message::fatal_message(message, &context)),
            false => owned(message::log_message(message, &context)),
        };
        // `RAISE LOG` writes any message, but from a function and in the middle of a command.
        let told_by = |index: usize| field(index).is_some_and(|text| !text.is_empty());
        if !fatal && (told_by(column::CONTEXT) || told_by(column::QUERY)) {
            return Parsed::NotARecord;
        }
        let (client, step) = match read(&message) {
            Message::About(client, step) => (client, step),
            Message::NotARecord => return Parsed::NotARecord,
            Message::Malformed(cause) => return Parsed::Malformed(cause),
        };
        let raised = !fatal && super::in_a_command(&step, field(column::TAG).as_deref());
        if raised {
            return Parsed::NotARecord;
        }
        Parsed::Record(Record {
            at: fields.first().and_then(|time| postgres_time(time).ok()).map(|(_, time)| time.at),
            session: field(column::PID).and_then(|pid| digits::number(&pid)),
            client,
            step,
        })
    }
}

/// Lines are quoted here: only columns show whether a line begins a record.
impl RecordParser for Csvlog {
    fn engine(&self) -> &'static str {
        "postgres"
    }

    fn format(&self) -> &'static str {
        "csvlog"
    }

    fn needles(&self) -> &'static [&'static [u8]] {
        NEEDLES
    }

    /// The quote before the message decides. Text of statements has its quotes doubled.
    fn read<'a>(&self, chunk: Chunk<'a>, needle: &[u8], hit: usize) -> Parsed<'a> {
        let text = chunk.text;
        if needle == TAG {
            return cut_before_message(chunk, hit);
        }
        let message_at = match needle {
            message::LOG_NEEDLE => message::log_message_start(text, hit),
            // `,FATAL,28000,"`
            _ => Some(hit + FATAL.len() + 7),
        };
        let before = message_at.and_then(|at| text.get(..at)).unwrap_or_default();
        match message_at.filter(|_| before.ends_with(b",\"")) {
            Some(message_at) => self.record(chunk, message_at),
            // A spreadsheet leaves out the quotes that it can do without.
            None if needle == message::LOG_NEEDLE && before.ends_with(STATE) => {
                Parsed::Malformed(Malformed::UnknownLayout)
            }
            None => Parsed::NotARecord,
        }
    }

    /// All 13 columns before the message must be whole, and the message must be quoted.
    fn begins(&self, line: &[u8]) -> bool {
        before_message(line).is_some()
    }

    /// None for a line within a quoted column, even if it begins with a time.
    fn time(&self, line: &[u8]) -> Option<LogTime> {
        before_message(line).and_then(|_| postgres_time(line).ok()).map(|(_, time)| time)
    }

    fn quotes_lines(&self) -> bool {
        true
    }

    /// A line that ends before its message counts if it begins with a time.
    fn may_be_cut_record(&self, line: &[u8]) -> bool {
        match before_message(line) {
            Some(at) => message::may_begin(line.get(at + 1..).unwrap_or_default()),
            None => line.len() <= BEFORE_MESSAGE && postgres_time(line).is_ok(),
        }
    }

    fn unsupported_language(&self, text: &[u8]) -> Option<&'static str> {
        // Columns are quoted, and so is the message alone behind this state.
        let is_written = |at: usize| {
            let Some(before) = text.get(..at).and_then(|before| before.strip_suffix(b"\"")) else { return false };
            let begins = || record_start(Chunk { text, starts: true, ends: true }, at);
            let fields = || columns(text.get(begins()?..)?, true);
            before.ends_with(STATE)
                && fields().is_some_and(|fields| {
                    let field = |index: usize| fields.get(index).map(|field| unquoted(field));
                    field(column::SEVERITY).as_deref().is_some_and(is_log)
                        && translation::establishes(field(column::TAG).as_deref())
                        && field(column::CONTEXT).is_none_or(|context| context.is_empty())
                })
        };
        translation::language(text, is_written)
    }

    /// Looks for the tag of a session being established, with the state of success behind it on the same line.
    fn has_unreadable_sessions(&self, text: &[u8]) -> bool {
        // The command tag and the state are never translated, and no client can write a lone quote.
        let establishing = |at: usize| {
            let rest = text.get(at..text.len().min(at + BEFORE_MESSAGE)).unwrap_or_default();
            let line = rest.split(|byte| *byte == b'\n').next().unwrap_or_default();
            memmem::find(line, b",00000,\"").is_some()
        };
        memmem::find_iter(text, TAG).any(establishing)
    }
}

/// What the tag of a session that is being established is, where its line ends before the message.
///
/// `tag` is the offset of [`TAG`]. Returns `NotARecord` where a message follows: another needle reads that record.
/// Returns `Malformed::Cut` where a column is missing before the message.
fn cut_before_message(chunk: Chunk<'_>, tag: usize) -> Parsed<'static> {
    let mut rest = chunk.text.get(tag + TAG.len() - 1..).unwrap_or_default();
    for _ in column::TAG + 1..MESSAGE {
        match rest.strip_prefix(b",").and_then(|rest| field(rest).ok()) {
            Some((after, _)) => rest = after,
            None => return Parsed::Malformed(Malformed::Cut),
        }
    }
    if rest.starts_with(b",\"") { Parsed::NotARecord } else { Parsed::Malformed(Malformed::Cut) }
}

/// The beginning of the record whose message begins, behind its quote, at `message_at`.
///
/// None where no line within [`BEFORE_MESSAGE`] leads to this message by whole columns.
fn record_start(chunk: Chunk<'_>, message_at: usize) -> Option<usize> {
    let text = chunk.text;
    let floor = message_at.saturating_sub(BEFORE_MESSAGE);
    let mut until = message_at;
    loop {
        // A crash can leave zeros before a record.
        let newline = text.get(floor..until).and_then(|before| memrchr2(b'\n', 0, before));
        let line_at = match newline {
            Some(newline) => floor + newline + 1,
            None if floor == 0 && chunk.starts => 0,
            None => return None,
        };
        // Names can hold newlines: the nearest line from which the columns lead exactly here.
        if text.get(line_at..).and_then(before_message) == Some(message_at - 1 - line_at) {
            return Some(line_at);
        }
        until = line_at.checked_sub(1)?;
    }
}

/// One column: quoted with quotes doubled, or bare.
///
/// ```text
/// "my ""quoted"" name",next
/// 00000,next
/// ```
///
/// Returns the text behind the column and the column with its quotes. A bare column may be empty.
///
/// # Errors
///
/// When a quote is opened and not closed.
fn field(input: &[u8]) -> IResult<&[u8], &[u8]> {
    let quoted = |input| -> IResult<&[u8], &[u8]> {
        let (mut rest, _) = tag(&b"\""[..]).parse_complete(input)?;
        loop {
            let (at_quote, _) = take_till(|byte| byte == b'"').parse_complete(rest)?;
            let (after, _) = tag(&b"\""[..]).parse_complete(at_quote)?;
            match after.strip_prefix(b"\"") {
                Some(doubled) => rest = doubled,
                None => return Ok((after, input.get(..input.len() - after.len()).unwrap_or_default())),
            }
        }
    };
    alt((quoted, take_while(|byte: u8| !b",\"\r\n".contains(&byte)))).parse_complete(input)
}

/// Where the message's quote stands, if `line` begins a record.
///
/// The offset is that of the quote's own byte. None where the time is not read or a column is not whole.
/// None, too, where the severity is empty or quoted, or the message is not quoted.
fn before_message(line: &[u8]) -> Option<usize> {
    let mut rest = postgres_time(line).ok()?.0;
    let mut severity: &[u8] = b"";
    for index in 1..MESSAGE {
        let (after, text) = field(rest.strip_prefix(b",")?).ok()?;
        if index == column::SEVERITY {
            severity = text;
        }
        rest = after;
    }
    let known = !severity.is_empty() && !severity.contains(&b'"');
    (known && rest.starts_with(b",\"")).then(|| line.len() - rest.len() + 1)
}

/// The columns, still quoted, of the record at the start of `text`; none unless it ends in `text`, in a newline or, if the log
/// `ends` there, in its end.
///
/// At least 23 columns are needed. More columns than 26 are accepted, for later versions.
fn columns(text: &[u8], ends: bool) -> Option<Vec<&[u8]>> {
    let mut fields = Vec::with_capacity(26);
    let mut rest = text;
    loop {
        let (after, text): (&[u8], &[u8]) = field(rest).map_err(|_: nom::Err<Error<&[u8]>>| ()).ok()?;
        fields.push(text);
        match after.strip_prefix(b",") {
            Some(next) => rest = next,
            None => {
                rest = after;
                break;
            }
        }
    }
    let end = memchr(b'\n', rest).and_then(|end| rest.get(..end)).or_else(|| Some(rest).filter(|_| ends));
    let ended = end.is_some_and(|end| undecorated(end).is_empty());
    (ended && fields.len() >= COLUMNS_MIN).then_some(fields)
}

/// A column without its quotes.
///
/// Doubled quotes become single ones. Only a column that holds such quotes is copied.
/// A column without quotes is returned as it is.
fn unquoted(field: &[u8]) -> Text<'_> {
    let Some(inner) = field.strip_prefix(b"\"").and_then(|field| field.strip_suffix(b"\"")) else {
        return Cow::Borrowed(field);
    };
    if memmem::find(inner, b"\"\"").is_none() {
        return Cow::Borrowed(inner);
    }
    let mut text = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = memmem::find(rest, b"\"\"") {
        text.extend_from_slice(rest.get(..=at).unwrap_or_default());
        rest = rest.get(at + 2..).unwrap_or_default();
    }
    text.extend_from_slice(rest);
    Cow::Owned(text)
}
