//! The listener's log as XML, `log.xml`: the same records as in text, each in an element of its own.
//!
//! ```text
//! <msg time='2026-11-23T18:39:57.242+00:00' org_id='oracle' comp_id='tnslsnr'
//!  type='UNKNOWN' level='16' host_id='db-1'
//!  host_addr='10.0.0.2'>
//!  <txt>23-NOV-2026 18:39:57 * (CONNECT_DATA=(SERVICE_NAME=ORDERS)(CID=(PROGRAM=shop)(HOST=web-1)(USER=app))) * (ADDRESS=(PROTOCOL=tcps)(HOST=10.0.0.7)(PORT=49698)) * establish * ORDERS * 0
//!  </txt>
//! </msg>
//! ```
//!
//! Source: "Understanding Automatic Diagnostic Repository" of
//! <https://docs.oracle.com/en/database/oracle/oracle-database/19/netag/troubleshooting-oracle-net-services.html>, and
//! public logs. Text is escaped, so that no client can write the end of an element.
//!
//! Times: the attribute of each element. What a client says stands in its text, where `<` is written as `&lt;`.

use std::borrow::Cow;

use memchr::{memmem, memrchr};

use super::listener::{holds_several, is_note, may_begin_record};
use super::message;
use super::time::{iso, stamp};
use super::xml::{self, decoded};
use crate::event::{Malformed, Micros, Parsed, Record};
use crate::format::{Chunk, RecordParser};
use crate::lines::{NEARBY, is_followed, undecorated};
use crate::time::LogTime;

/// What a record begins with.
const MSG: &[u8] = b"<msg time='";
/// What stands before its text.
const OPENS: &[u8] = b"<txt>";
/// What stands behind its text.
const CLOSES: &[u8] = b"</txt>";

/// Reads listener logs that are XML.
#[derive(Debug)]
pub struct ListenerXml;

impl RecordParser for ListenerXml {
    fn engine(&self) -> &'static str {
        "oracle"
    }

    fn format(&self) -> &'static str {
        "listener-xml"
    }

    fn needles(&self) -> &'static [&'static [u8]] {
        message::NEEDLES
    }

    fn read<'a>(&self, chunk: Chunk<'a>, needle: &[u8], hit: usize) -> Parsed<'a> {
        if needle == message::CONNECT_DATA {
            return read_beginning(chunk, hit);
        }
        let malformed =
            |cause| if needle == message::ESTABLISHED { Parsed::Malformed(cause) } else { Parsed::NotARecord };
        // The last needle of a kind in an element stands for the whole element.
        if is_followed(chunk.text, hit, needle, &[OPENS, CLOSES]) {
            return Parsed::NotARecord;
        }
        let (begins, element) = match element(chunk, hit) {
            Ok(found) => found,
            Err(cause) => return malformed(cause),
        };
        let at = written_at(chunk.text, begins);
        match decoded(element) {
            Cow::Borrowed(element) => read_element(element, needle, at),
            Cow::Owned(element) => match read_element(&element, needle, at) {
                Parsed::Record(record) => Parsed::Record(record.into_owned()),
                Parsed::NotARecord => Parsed::NotARecord,
                Parsed::Malformed(cause) => Parsed::Malformed(cause),
            },
        }
    }

    /// The opening tag of a record that a listener wrote: other components share its form.
    fn begins(&self, line: &[u8]) -> bool {
        self.time(line).is_some() && memmem::find(line, b"comp_id='tnslsnr'").is_some()
    }

    fn closes(&self, line: &[u8]) -> bool {
        undecorated(line).ends_with(b"</msg>")
    }

    /// The `time` attribute of an opening tag. None for all other lines of a record.
    fn time(&self, line: &[u8]) -> Option<LogTime> {
        let (time, rest) = iso(line.strip_prefix(MSG)?)?;
        rest.starts_with(b"'").then_some(time)
    }

    /// A line that ends within `<txt>`, or whose text is the beginning of an attempt.
    fn may_be_cut_record(&self, line: &[u8]) -> bool {
        let line = line.trim_ascii_start();
        OPENS.starts_with(line) || line.strip_prefix(OPENS).is_some_and(may_begin_record)
    }

    fn has_unreadable_sessions(&self, text: &[u8]) -> bool {
        text.split(|byte| *byte == b'\n').any(message::is_unreadable)
    }
}

/// Looks at the line that holds the beginning of a record.
///
/// Only a record that ends too early is reported. A whole one is read at its other needle.
fn read_beginning(chunk: Chunk<'_>, hit: usize) -> Parsed<'static> {
    const MAX: usize = 64;
    let near = chunk.text.get(hit.saturating_sub(MAX)..hit).unwrap_or_default();
    let begins = memmem::rfind(near, OPENS).and_then(|at| near.get(at + OPENS.len()..));
    if begins.and_then(stamp).is_none_or(|(_, rest)| !rest.is_empty()) {
        return Parsed::NotARecord;
    }
    // A record goes on in the next line where a client wrote a newline into it.
    let is_complete = || element(chunk, hit).is_ok_and(|(_, element)| message::says_what_happened(element));
    match message::beginning(chunk, hit) {
        Some(cause) if !is_complete() => Parsed::Malformed(cause),
        _ => Parsed::NotARecord,
    }
}

/// The text of the element that holds the byte at `hit`, and where it begins.
///
/// # Errors
///
/// Those of `xml::around`, and [`Malformed::UnknownPrefix`] if another record begins within the element.
fn element(chunk: Chunk<'_>, hit: usize) -> Result<(usize, &[u8]), Malformed> {
    let (begins, element) = xml::around(chunk, hit, OPENS, CLOSES)?;
    // What runs into the next one.
    if memmem::find(element, MSG).is_some() {
        return Err(Malformed::UnknownPrefix);
    }
    Ok((begins, element))
}

/// The time of the element whose text begins at `begins`.
///
/// None if no `<msg` stands within [`NEARBY`] bytes before, or if that record ended.
fn written_at(text: &[u8], begins: usize) -> Option<Micros> {
    let head = text.get(begins.saturating_sub(NEARBY)..begins)?;
    let head = head.get(memmem::rfind(head, MSG)? + MSG.len()..)?;
    let own = memmem::find(head, b"</msg>").is_none();
    iso(head).filter(|_| own).map(|(time, _)| time.at)
}

/// Reads the text of a record that was written at a time.
///
/// `at` is the time of the element. Without one, the time in the text counts.
fn read_element<'a>(element: &'a [u8], needle: &[u8], at: Option<Micros>) -> Parsed<'a> {
    let text = element.trim_ascii();
    // Lines that explain the record follow it.
    let mut length = text.len();
    while let Some(newline) = text.get(..length).and_then(|text| memrchr(b'\n', text)) {
        let line = text.get(newline..length).unwrap_or_default();
        if !line.trim_ascii().is_empty() && !is_note(line) {
            break;
        }
        length = newline;
    }
    let (first, notes) = text.split_at_checked(length).unwrap_or((text, b""));
    let Some((time, body)) = stamp(first) else {
        return if needle == message::ESTABLISHED {
            Parsed::Malformed(Malformed::UnknownPrefix)
        } else {
            Parsed::NotARecord
        };
    };
    if holds_several(first) {
        return Parsed::Malformed(Malformed::Ambiguous);
    }
    let body = undecorated(body);
    let parsed = match needle {
        message::ESTABLISHED => message::establish(body),
        _ => message::no_data(body, notes),
    };
    match parsed {
        Parsed::Record(record) => Parsed::Record(Record { at: at.or(Some(time.at)), ..record }),
        other => other,
    }
}
