//! DocumentDB's audit log: one object a line.
//!
//! ```text
//! {"atype":"authenticate","ts":1795459197242,"timestamp_utc":"2026-11-23 18:39:57.242","remote_ip":"10.0.0.7:49698","user":"","param":{"user":"app","mechanism":"SCRAM-SHA-1","success":true,"message":"","error":0}}
//! ```
//!
//! Source: "Auditing Amazon DocumentDB events"
//! (<https://docs.aws.amazon.com/documentdb/latest/developerguide/event-auditing.html>) for the event, "successful or failed
//! authentication attempts on a new connection"; its members are those of public logs.
//!
//! A client that proves who it is again on the same connection is counted again. `serviceadmin` is AWS's own user.
//!
//! Times: every object has its own. Line breaks of clients are escaped, so that no client writes a record or a time.

use std::borrow::Cow;

use memchr::memmem;

use crate::address;
use crate::digits;
use crate::event::{Client, Malformed, Parsed, Record, SessionStep, Text, Transport};
use crate::format::{Chunk, RecordParser};
use crate::json::{members, object, string};
use crate::lines;
use crate::time::LogTime;

/// The type of events about logins.
const AUTHENTICATE: &[u8] = b"\"authenticate\"";
/// The value alone, because blanks may stand between it and its key.
const NEEDLES: &[&[u8]] = &[AUTHENTICATE];
/// Bytes at a line's beginning in which its time stands.
const HEAD: usize = 512;

/// Reads audit logs.
#[derive(Debug)]
pub struct Audit;

impl RecordParser for Audit {
    fn engine(&self) -> &'static str {
        "docdb"
    }

    fn format(&self) -> &'static str {
        "audit"
    }

    fn needles(&self) -> &'static [&'static [u8]] {
        NEEDLES
    }

    fn read<'a>(&self, chunk: Chunk<'a>, _: &[u8], hit: usize) -> Parsed<'a> {
        // Quotes inside of strings are escaped, but a document can hold the word as well.
        let before = chunk.text.get(..hit).unwrap_or_default();
        // A line is one record, and its first type says of which kind. A second one is of another record, whose newline is missing.
        if lines::since_same(chunk.text, hit, AUTHENTICATE).is_some() {
            return if is_type(before) { Parsed::Malformed(Malformed::Ambiguous) } else { Parsed::NotARecord };
        }
        let (line_at, line) = match lines::around(chunk, hit) {
            Ok(found) => found,
            Err(cause) if is_type(before) => return Parsed::Malformed(cause),
            Err(_) => return Parsed::NotARecord,
        };
        let before = before.get(line_at..).unwrap_or_default();
        let Some(members) = object(line) else {
            let whole = before.trim_ascii_start().starts_with(b"{");
            return match is_type(before) {
                true if whole => Parsed::Malformed(Malformed::UnknownLayout),
                true if line_at > 0 => Parsed::Malformed(Malformed::UnknownPrefix),
                typed if line_at == 0 && (typed || before.is_empty()) => Parsed::Malformed(Malformed::Cut),
                _ => Parsed::NotARecord,
            };
        };
        if text(&members, b"atype").as_deref() != Some(b"authenticate") {
            return Parsed::NotARecord;
        }
        record(&members).map_or(Parsed::Malformed(Malformed::UnknownLayout), Parsed::Record)
    }

    /// An object whose first member is `atype`, and that has a time.
    fn begins(&self, line: &[u8]) -> bool {
        line.strip_prefix(b"{").is_some_and(|line| line.trim_ascii_start().starts_with(b"\"atype\""))
            && self.time(line).is_some()
    }

    /// An object that ends before its type, or within the value `"authenticate"`.
    fn may_be_cut_record(&self, line: &[u8]) -> bool {
        let (members, _) = members(line);
        match member(&members, b"atype") {
            Some(kind) => b"\"authenticate\"".starts_with(kind),
            None => line.is_empty() || line.starts_with(b"{"),
        }
    }

    /// `ts` is searched for in the first 512 bytes, so that a cut line has its time too.
    fn time(&self, line: &[u8]) -> Option<LogTime> {
        let head = line.get(..HEAD).unwrap_or(line);
        let rest = head.strip_prefix(b"{")?.get(memmem::find(head, b"\"ts\"")? + 3..)?;
        let rest = rest.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start();
        time(rest.get(..digits::leading(rest))?)
    }
}

/// Whether the value that follows is the type of a record.
///
/// `before` is the line up to the value: `{"atype":`. Blanks around the colon do not matter.
fn is_type(before: &[u8]) -> bool {
    let before = before.trim_ascii_end().strip_suffix(b":").unwrap_or_default();
    before.trim_ascii_end().ends_with(b"\"atype\"")
}

/// The members of an object: key, and value as it is written.
type Members<'a> = [(Text<'a>, &'a [u8])];

/// The value of a member, as it is written.
///
/// None if there is none of this name. Of two, the first one counts.
fn member<'a>(members: &Members<'a>, name: &[u8]) -> Option<&'a [u8]> {
    members.iter().find(|(key, _)| key.as_ref() == name).map(|(_, value)| *value)
}

/// The value of a member that is a string.
///
/// None if it is missing or no string.
fn text<'a>(members: &Members<'a>, name: &[u8]) -> Option<Text<'a>> {
    string(member(members, name)?)
}

/// The record of a login. None where it does not say whether the attempt succeeded.
///
/// The user of `param` counts before that of the event, which the example leaves empty. The transport is unknown.
fn record<'a>(members: &Members<'a>) -> Option<Record<'a>> {
    let param = object(member(members, b"param")?)?;
    let step = match member(&param, b"success")? {
        b"true" => SessionStep::Connected(Transport::Unknown),
        b"false" => SessionStep::Rejected(Transport::Unknown),
        _ => return None,
    };
    let named = |text: Option<Text<'a>>| text.filter(|text| !text.is_empty());
    let client = Client {
        user: named(text(&param, b"user")).or_else(|| named(text(members, b"user"))),
        address: named(text(members, b"remote_ip")).map(client_address),
        ..Client::default()
    };
    let at = member(members, b"ts").and_then(time).map(|time| time.at);
    Some(Record { at, session: None, client, step })
}

/// Milliseconds since 1970.
///
/// None for anything but digits. The zone is UTC, so it is always known.
fn time(text: &[u8]) -> Option<LogTime> {
    let millis = i64::try_from(digits::number(text)?).ok()?;
    Some(LogTime { at: millis.checked_mul(1000)?, zone_known: true })
}

/// `10.0.0.7:49698` and `[fd00::7]:49698` without the port and brackets; `[local]` for a socket.
fn client_address(from: Text<'_>) -> Text<'_> {
    if from.as_ref() == b"unix_domain_socket" {
        return Cow::Borrowed(b"[local]");
    }
    let host = address::without_port(from);
    let host = host.strip_prefix(b"[").and_then(|host| host.strip_suffix(b"]")).unwrap_or(&host);
    Cow::Owned(host.to_vec())
}
