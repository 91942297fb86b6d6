//! The audit trail as text: the files that each server process writes with `AUDIT_TRAIL` = `os`, `.aud`.
//!
//! ```text
//! Mon Nov 23 18:39:57 2026 +00:00
//! LENGTH: "333"
//! SESSIONID:[6] "410002" ENTRYID:[1] "1" STATEMENT:[1] "1" USERID:[3] "APP" USERHOST:[5] "web-1" TERMINAL:[7] "unknown" ACTION:[3] "100" RETURNCODE:[1] "0" COMMENT$TEXT:[96] "Authenticated by: DATABASE; Client address: (ADDRESS=(PROTOCOL=tcps)(HOST=10.0.0.7)(PORT=49698))" OS$USERID:[3] "app" DBID:[10] "2824230686" PRIV$USED:[1] "5"
//!
//! Mon Nov 23 18:40:02 2026 +00:00
//! LENGTH : '130'
//! ACTION :[7] 'CONNECT'
//! DATABASE USER:[1] '/'
//! PRIVILEGE :[6] 'SYSDBA'
//! STATUS:[1] '0'
//! CLIENT ADDRESS:[0] ''
//! ACTION NUMBER:[3] '100'
//! ```
//!
//! The second layout, here without some of its lines, is that of administrators, who are always audited.
//!
//! Sources: `DBA_AUDIT_TRAIL` in
//! <https://docs.oracle.com/en/database/oracle/oracle-database/19/refrn/DBA_AUDIT_TRAIL.html> for the fields, of which
//! this is the file's form; for the layout the files of 19c in elastic/beats,
//! `x-pack/filebeat/module/oracle/database_audit/test`, and records of 11.2 that were published. There a field's length
//! is that of its value in bytes, and that at the head one more than all lines of the record. No public record came by
//! `tcps`: the word is the listener's.
//!
//! Which sessions are written is chosen by `AUDIT` statements, which no setting shows: this log proves TLS, and never
//! its absence. A session whose password is about to expire (28002, 28011) is one. `tcp` may still be encrypted by
//! Oracle's own encryption. Where a record of an administrator has an empty address, the session came from the host
//! itself.
//!
//! What cannot be distinguished:
//!
//! - Statements and names stand in a record as they are, with whatever looks like records in them. Lengths show where
//!   they end, from the log's beginning on. From further away than [`LINE_MAX`] bytes, a record counts where no other
//!   claims to hold it, and is ambiguous where one does; what a longer statement holds looks like records.
//! - A log whose beginning is missing may begin in a statement, and what that holds looks like records. So does what is
//!   in a record whose lengths are not the truth, as when the server did not write it to its end.
//! - A time in a line of its own, inside of a statement, looks like a record's.
//!
//! Times: each record begins with its own. Text of clients stands in fields of a given length.

use std::borrow::Cow;

use memchr::{memchr, memmem};

use super::message::Address;
use super::time::{DATED, dated};
use crate::digits::{self, short_number};
use crate::event::{Client, Malformed, Micros, Parsed, Record, SessionStep, Transport};
use crate::format::{Chunk, RecordParser};
use crate::lines::LINE_MAX;
use crate::time::LogTime;

/// Logons and logoffs in the first layout, and administrators' sessions in the second.
const NEEDLES: &[&[u8]] = &[b"ACTION:[3] \"100\"", b"ACTION:[3] \"101\"", b"ACTION:[3] \"102\"", ADMINISTRATOR];
/// A session of an administrator, in the second layout.
const ADMINISTRATOR: &[u8] = b"ACTION :[7] 'CONNECT'";
/// The first line of a file.
const HEADING: &[u8] = b"Audit file ";
/// What follows the time.
const LENGTH: &[u8] = b"\nLENGTH";
/// Longest name of a field.
const NAME: usize = 32;

/// Reads audit trails that are text.
#[derive(Debug)]
pub struct Audit;

impl RecordParser for Audit {
    fn engine(&self) -> &'static str {
        "oracle"
    }

    fn format(&self) -> &'static str {
        "aud"
    }

    fn needles(&self) -> &'static [&'static [u8]] {
        NEEDLES
    }

    /// A needle counts only if a field begins there. Within the value of a field, it is text of a client.
    fn read<'a>(&self, chunk: Chunk<'a>, needle: &[u8], hit: usize) -> Parsed<'a> {
        let around = Around::new(chunk, hit);
        let head = match around.owner(hit) {
            Ok(head) => head,
            Err(cause) => return Parsed::Malformed(cause),
        };
        let fields = around.fields(head.body);
        if !fields.list.iter().any(|field| field.at == hit) {
            let value = fields.list.iter().any(|field| field.at < hit && hit < field.end);
            return if value { Parsed::NotARecord } else { Parsed::Malformed(Malformed::UnknownLayout) };
        }
        if !around.is_whole(&head, &fields) {
            return Parsed::Malformed(if chunk.ends { Malformed::Cut } else { Malformed::UnknownLayout });
        }
        let record = if needle == ADMINISTRATOR { administrator(&fields.list) } else { session(&fields.list) };
        match record {
            Some((client, step)) => Parsed::Record(Record { at: Some(head.at), session: None, client, step }),
            None => Parsed::Malformed(Malformed::UnknownLayout),
        }
    }

    /// The heading of a file, or a line with a time and nothing else.
    fn begins(&self, line: &[u8]) -> bool {
        line.starts_with(HEADING) || dated(line).is_some()
    }

    fn closes(&self, line: &[u8]) -> bool {
        // A record ends with a field: `ACTION NUMBER:[3] '100'`.
        let quote = line.trim_ascii_end().last();
        quote.is_some_and(|quote| b"'\"".contains(quote)) && memmem::find(line, b":[").is_some()
    }

    fn time(&self, line: &[u8]) -> Option<LogTime> {
        dated(line)
    }

    /// A record that ends before its action, or within that field.
    fn may_be_cut_record(&self, line: &[u8]) -> bool {
        const FIRST: &[u8] = b"SESSIONID:[";
        let begun = |text: &[u8]| NEEDLES.iter().any(|needle| needle.starts_with(text));
        match memmem::find(line, b"ACTION:[") {
            Some(at) => line.get(at..).is_some_and(begun),
            None => line.starts_with(FIRST) || FIRST.starts_with(line) || begun(line),
        }
    }
}

/// The two lines that a record begins with.
#[derive(Clone, Copy)]
struct Head {
    /// The time of the first line, in microseconds since 1970.
    at: Micros,
    /// Where its fields begin.
    body: usize,
    /// Where the record ends, by its own length.
    ends: usize,
}

/// A field: `USERID:[3] "APP"`.
struct Field<'a> {
    /// Where its name begins, in the chunk's text.
    at: usize,
    /// Without blanks at its ends: `ACTION :` has the name `ACTION`.
    name: &'a [u8],
    /// As many bytes as the length says. Empty if they go on out of sight.
    value: &'a [u8],
    /// Behind its closing quote, or nowhere, when there is none in sight.
    end: usize,
}

/// The fields of a record.
struct Fields<'a> {
    /// In the order of the record. A name can stand twice: the first one counts.
    list: Vec<Field<'a>>,
    /// Behind the line of the last one.
    end: usize,
}

/// The part of a log around one needle.
struct Around<'a> {
    /// The chunk's text up to [`LINE_MAX`] bytes behind the needle.
    text: &'a [u8],
    /// Where that begins.
    floor: usize,
    /// Whether the log begins there.
    starts: bool,
    /// Whether it begins as a log does.
    anchored: bool,
    /// Whether the log ends where `text` does.
    ends: bool,
}

impl<'a> Around<'a> {
    /// The part of a log around a needle at `hit`.
    ///
    /// It reaches [`LINE_MAX`] bytes to either side, and less at the ends of the chunk.
    fn new(chunk: Chunk<'a>, hit: usize) -> Self {
        let floor = hit.saturating_sub(LINE_MAX);
        let limit = chunk.text.len().min(hit + LINE_MAX);
        let text = chunk.text.get(..limit).unwrap_or_default();
        let ends = chunk.ends && limit == chunk.text.len();
        let starts = floor == 0 && chunk.starts;
        let mut around = Self { text, floor, starts, anchored: false, ends };
        around.anchored = starts && (text.starts_with(HEADING) || around.head(0).is_some());
        around
    }

    /// The head that begins at `at`.
    ///
    /// None without a time that begins a line, and a length in the line below: `LENGTH: "333"` or `LENGTH : '130'`.
    fn head(&self, at: usize) -> Option<Head> {
        let line = self.text.get(at..at + DATED)?;
        let rest = self.text.get(at + DATED..)?.strip_prefix(LENGTH)?;
        let time = dated(line)?;
        let opens_line = at.checked_sub(1).is_none_or(|before| self.text.get(before) == Some(&b'\n'));
        let rest = rest.strip_prefix(b" ").unwrap_or(rest).strip_prefix(b": ")?;
        let line = rest.get(..memchr(b'\n', rest.get(..16).unwrap_or(rest))?)?;
        let (quote, digits) = line.split_first()?;
        let digits = digits.strip_suffix(&[*quote]).filter(|_| b"'\"".contains(quote) && opens_line)?;
        let body = self.text.len() - rest.len() + line.len() + 1;
        Some(Head { at: time.at, body, ends: (body + length(digits)?).checked_sub(1)? })
    }

    /// Finds the record that holds the needle, by walking from record to record: one that begins inside of another is a
    /// part of its text.
    ///
    /// # Errors
    ///
    /// [`Malformed::Ambiguous`] if it is not certain which record is inside of the other. [`Malformed::Cut`] if the log
    /// begins without a head. [`Malformed::UnknownPrefix`] if no record reaches up to the needle.
    fn owner(&self, hit: usize) -> Result<Head, Malformed> {
        let mut owner = None;
        let mut ends = 0;
        // Up to where records that begin inside of others would go.
        let mut doubtful = 0;
        for length in memmem::find_iter(self.text.get(self.floor..hit).unwrap_or_default(), LENGTH) {
            let begins = length.checked_sub(DATED).map(|begins| self.floor + begins);
            let Some((begins, head)) = begins.and_then(|begins| Some((begins, self.head(begins)?))) else { continue };
            let claimed = self.claimed(&head);
            if begins < ends {
                doubtful = doubtful.max(claimed);
            } else {
                (owner, ends) = (Some(head), claimed);
            }
        }
        // Only from the log's beginning on, and with an end in sight, is it certain which of them is inside of which.
        let certain = self.anchored && ends <= self.text.len();
        match owner {
            Some(_) if hit < doubtful && !certain => Err(Malformed::Ambiguous),
            Some(head) if hit < ends => Ok(head),
            None if self.starts && !self.anchored => Err(Malformed::Cut),
            _ => Err(Malformed::UnknownPrefix),
        }
    }

    /// The end of a record: by its length if that is right, or else by the lengths of its fields.
    ///
    /// Where its body begins, if neither length is right: such a record holds nothing.
    fn claimed(&self, head: &Head) -> usize {
        if head.ends > self.text.len() || self.is_boundary(head.ends) {
            return head.ends;
        }
        Some(self.fields(head.body).end).filter(|end| self.is_boundary(*end)).unwrap_or(head.body)
    }

    /// Whether a line ends here, and no record goes on.
    ///
    /// A blank line, the head of a record or the end of the log must follow.
    fn is_boundary(&self, at: usize) -> bool {
        let line = at.checked_sub(1).and_then(|before| self.text.get(before)) == Some(&b'\n');
        let next = self.text.get(at);
        line && (next == Some(&b'\n') || (next.is_none() && self.ends) || self.head(at).is_some())
    }

    /// The fields from `body` on.
    ///
    /// They end before text that is no field, or behind one that neither a blank nor a line break follows.
    fn fields(&self, body: usize) -> Fields<'a> {
        let mut fields = Fields { list: Vec::new(), end: body };
        while let Some(field) = self.field(fields.end) {
            let closed = matches!(self.text.get(field.end), Some(b' ' | b'\n'));
            fields.end = if closed { field.end + 1 } else { field.end };
            fields.list.push(field);
            if !closed {
                break;
            }
        }
        fields
    }

    /// The field that begins at `at`.
    ///
    /// None without a name in capitals, a length in brackets, and a quote that also stands behind the value.
    fn field(&self, at: usize) -> Option<Field<'a>> {
        let rest = self.text.get(at..)?;
        let colon = memchr(b':', rest.get(..NAME).unwrap_or(rest))?;
        let name = rest.get(..colon)?;
        let is_name = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || b"$_ ".contains(byte);
        let rest = rest.get(colon + 1..)?.strip_prefix(b"[").filter(|_| name.iter().all(is_name))?;
        let bracket = memchr(b']', rest.get(..10).unwrap_or(rest))?;
        let length = length(rest.get(..bracket)?)?;
        let rest = rest.get(bracket + 1..)?.strip_prefix(b" ")?;
        let quote = rest.first().filter(|quote| b"'\"".contains(quote))?;
        let begins = self.text.len() - rest.len() + 1;
        let (value, end) = match self.text.get(begins..begins + length) {
            Some(value) if self.text.get(begins + length) == Some(quote) => (value, begins + length + 1),
            // It goes on out of sight, or its length is not the truth.
            None => (b"".as_slice(), usize::MAX),
            Some(_) => return None,
        };
        Some(Field { at, name: name.trim_ascii(), value, end })
    }

    /// Whether a record is there to its end: the lines of an administrator's may be cut anywhere.
    fn is_whole(&self, head: &Head, fields: &Fields<'_>) -> bool {
        fields.end == head.ends || (fields.end < self.text.len() && self.is_boundary(fields.end))
    }
}

/// The first value of this name.
///
/// None if the record has no such field.
fn value<'a>(fields: &[Field<'a>], name: &[u8]) -> Option<&'a [u8]> {
    fields.iter().find(|field| field.name == name).map(|field| field.value)
}

/// What a record of the first layout says.
///
/// None without an action, and where [`logon`] returns None.
fn session<'a>(fields: &[Field<'a>]) -> Option<(Client<'a>, SessionStep<'a>)> {
    let user = value(fields, b"USERID").unwrap_or_default();
    let comment = value(fields, b"COMMENT$TEXT").unwrap_or_default();
    logon(value(fields, b"ACTION")?, value(fields, b"RETURNCODE"), user, comment)
}

/// What a record of an administrator says.
///
/// Its needle is a logon, so the action is 100. An empty address is shown as `[local]`.
fn administrator<'a>(fields: &[Field<'a>]) -> Option<(Client<'a>, SessionStep<'a>)> {
    let user = value(fields, b"DATABASE USER").unwrap_or_default();
    let address = value(fields, b"CLIENT ADDRESS");
    let (mut client, step) = logon(b"100", value(fields, b"STATUS"), user, address.unwrap_or_default())?;
    if address.is_some_and(<[u8]>::is_empty) {
        client.address = Some(Cow::Borrowed(b"[local]"));
    }
    Some((client, step))
}

/// What an action was, by its number and the code that it returned. The address is what `comment` ends with: the name
/// of a user may stand before it. None where a logon has no code, or an address that cannot be read.
pub(super) fn logon<'a>(
    action: &[u8],
    code: Option<&[u8]>,
    user: &'a [u8],
    comment: &'a [u8],
) -> Option<(Client<'a>, SessionStep<'static>)> {
    let address = memmem::rfind(comment, b"(ADDRESS=").and_then(|at| Address::read(comment.get(at..)?));
    if address.is_none() && memmem::find(comment, b"(PROTOCOL=").is_some() {
        return None;
    }
    let client = Client {
        user: (!user.is_empty()).then_some(Cow::Borrowed(user)),
        address: address.as_ref().and_then(Address::client),
        ..Client::default()
    };
    let transport = address.map_or(Transport::Unknown, |address| address.transport());
    let step = match (action, code) {
        (b"101" | b"102", _) => SessionStep::Disconnected(None),
        (_, None | Some(b"")) => return None,
        // The two others warn that a password or an account expires soon.
        (_, Some(b"0" | b"28002" | b"28011")) => SessionStep::Connected(transport),
        (_, Some(code)) if digits::all(code) => SessionStep::Rejected(transport),
        _ => return None,
    };
    Some((client, step))
}

/// The length that a record or a field names.
///
/// In bytes. None for other text than digits, or for more than nine.
fn length(digits: &[u8]) -> Option<usize> {
    usize::try_from(short_number(digits)?).ok()
}
