//! The audit trail as XML: the files that each server process writes with `AUDIT_TRAIL` = `xml` or `xml, extended`.
//!
//! ```text
//! <?xml version="1.0" encoding="UTF-8"?>
//!   <Audit xmlns="http://xmlns.oracle.com/oracleas/schema/dbserver_audittrail-11_2.xsd"
//!    xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
//!    <Version>11.2</Version>
//! <AuditRecord><Audit_Type>1</Audit_Type><Session_Id>410002</Session_Id><EntryId>1</EntryId><Extended_Timestamp>2026-11-23T18:39:57.242005Z</Extended_Timestamp><DB_User>APP</DB_User><Action>100</Action><Returncode>0</Returncode>
//! <Comment_Text>Authenticated by: DATABASE; Client address: (ADDRESS=(PROTOCOL=tcps)(HOST=10.0.0.7)(PORT=49698))</Comment_Text>
//! </AuditRecord>
//! </Audit>
//! ```
//!
//! Sources: `V$XML_AUDIT_TRAIL` in
//! <https://docs.oracle.com/en/database/oracle/oracle-database/19/refrn/V-XML_AUDIT_TRAIL.html> for the elements, and
//! for their order files of 10.2 and 11.2 that were published, in which statements are escaped. So no statement can
//! write the end of an element. That names are escaped too is not known: a record in which an element stands twice is
//! ambiguous, and a name that ends its record and writes another looks like two records.
//!
//! What is said of the text applies here as well. Records of administrators count where they name their action.
//!
//! Times: each record has its own, which the server writes before anything that a client says.

use memchr::memmem;

use super::audit::logon;
use super::time::iso;
use super::xml::{around, decoded};
use crate::event::{Malformed, Parsed, Record};
use crate::format::{Chunk, RecordParser};
use crate::lines::{LINE_MAX, undecorated};
use crate::time::LogTime;

/// Logons and logoffs.
const NEEDLES: &[&[u8]] = &[b"<Action>100</Action>", b"<Action>101</Action>", b"<Action>102</Action>"];
/// What all of them begin with.
const SHARED: &[u8] = b"<Action>10";
/// What a record begins with.
const OPENS: &[u8] = b"<AuditRecord>";
/// What a record ends with.
const CLOSES: &[u8] = b"</AuditRecord>";
/// How the root element begins.
const ROOT: &[u8] = b"<Audit xmlns=\"http://xmlns.oracle.com/oracleas/schema/dbserver_audittrail-";
/// What stands before a record's time.
const TIME: &[u8] = b"<Extended_Timestamp>";
/// Bytes at a record's beginning in which its time stands.
const HEAD: usize = 512;

/// Reads audit trails that are XML.
#[derive(Debug)]
pub struct AuditXml;

impl RecordParser for AuditXml {
    fn engine(&self) -> &'static str {
        "oracle"
    }

    fn format(&self) -> &'static str {
        "audit-xml"
    }

    fn needles(&self) -> &'static [&'static [u8]] {
        NEEDLES
    }

    fn read<'a>(&self, chunk: Chunk<'a>, _: &[u8], hit: usize) -> Parsed<'a> {
        // A record is read once, at the first of them.
        if is_second(chunk.text, hit) {
            return Parsed::NotARecord;
        }
        match around(chunk, hit, OPENS, CLOSES) {
            // Its end is gone, and it runs into the next one.
            Ok((_, element)) if memmem::find(element, OPENS).is_some() => Parsed::Malformed(Malformed::Ambiguous),
            Ok((_, element)) => record(element).map_or_else(Parsed::Malformed, Parsed::Record),
            Err(cause) => Parsed::Malformed(cause),
        }
    }

    fn begins(&self, line: &[u8]) -> bool {
        line.starts_with(OPENS) || line.trim_ascii_start().starts_with(ROOT)
    }

    fn opens(&self, line: &[u8]) -> bool {
        self.begins(line) || line.starts_with(b"<?xml")
    }

    /// The end of a record, or that of the root element.
    fn closes(&self, line: &[u8]) -> bool {
        let line = undecorated(line);
        line.ends_with(CLOSES) || line.ends_with(b"</Audit>")
    }

    /// None for a line that does not begin a record.
    fn time(&self, line: &[u8]) -> Option<LogTime> {
        written(line.strip_prefix(OPENS)?)
    }

    /// A record that ends before its action, or within that element.
    fn may_be_cut_record(&self, line: &[u8]) -> bool {
        match memmem::find(line, b"<Action>") {
            Some(at) => line.get(at..).is_some_and(|text| NEEDLES.iter().any(|needle| needle.starts_with(text))),
            None => line.starts_with(OPENS) || OPENS.starts_with(line),
        }
    }
}

/// Bytes before a needle in which most elements begin.
const NEAR: usize = 2048;

/// Whether a needle stands before the one at `hit` in the same element. In a long one, the nearest are looked at first, so that an
/// element that is full of them takes no more time for each.
fn is_second(text: &[u8], hit: usize) -> bool {
    let before = |most: usize| text.get(hit.saturating_sub(most)..hit).unwrap_or_default();
    let near = before(NEAR);
    let element = memmem::rfind(near, OPENS).and_then(|at| near.get(at..)).unwrap_or_else(|| before(LINE_MAX));
    let is_needle = |at: &usize| {
        let rest = element.get(*at..).unwrap_or_default();
        NEEDLES.iter().any(|needle| rest.starts_with(needle))
    };
    let nearest = memmem::rfind_iter(element, SHARED).find(is_needle).and_then(|at| element.get(at..));
    nearest.is_some_and(|between| [OPENS, CLOSES].iter().all(|tag| memmem::find(between, tag).is_none()))
}

/// When the record was written whose element begins here. The server writes this before anything that a client says.
///
/// None without a time in the first [`HEAD`] bytes, or if other text follows it in its element.
fn written(element: &[u8]) -> Option<LogTime> {
    let head = element.get(..HEAD).unwrap_or(element);
    let value = head.get(memmem::find(head, TIME)? + TIME.len()..)?;
    let (time, rest) = iso(value.get(..memmem::find(value, b"<")?)?)?;
    rest.is_empty().then_some(time)
}

/// Reads a record.
///
/// # Errors
///
/// [`Malformed::Ambiguous`] if one of its elements stands twice. [`Malformed::UnknownLayout`] if an element has no end, or
/// if the code or the address cannot be read.
fn record(element: &[u8]) -> Result<Record<'static>, Malformed> {
    let user = value(element, "DB_User")?.map(decoded).unwrap_or_default();
    let comment = value(element, "Comment_Text")?.map(decoded).unwrap_or_default();
    let action = value(element, "Action")?.unwrap_or_default();
    let (client, step) =
        logon(action, value(element, "Returncode")?, &user, &comment).ok_or(Malformed::UnknownLayout)?;
    let at = written(element).map(|time| time.at);
    Ok(Record { at, session: None, client: client.into_owned(), step })
}

/// What stands in the element of this name.
///
/// # Errors
///
/// It must stand there once, as it is, and have its end: what is encoded is not read.
fn value<'a>(record: &'a [u8], name: &str) -> Result<Option<&'a [u8]>, Malformed> {
    let (opens, closes) = (format!("<{name}"), format!("</{name}>"));
    let mut found = memmem::find_iter(record, opens.as_bytes());
    let Some(at) = found.next() else { return Ok(None) };
    if found.next().is_some() {
        return Err(Malformed::Ambiguous);
    }
    let rest =
        record.get(at + opens.len()..).and_then(|rest| rest.strip_prefix(b">")).ok_or(Malformed::UnknownLayout)?;
    let end = memmem::find(rest, closes.as_bytes()).ok_or(Malformed::UnknownLayout)?;
    Ok(rest.get(..end))
}
