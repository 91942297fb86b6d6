//! CSV that the CloudWatch console writes: search results of a log group (`timestamp,message`) and results of Logs
//! Insights (`@timestamp,@message`, in any order and with other fields). Insights lists the newest event first unless it
//! is asked otherwise: such events are sorted by their times.
//!
//! Example of a heading and a row:
//!
//! ```text
//! @timestamp,@message
//! 2026-11-23 18:46:20.123,"2026-11-23 18:46:20 UTC::@:[57]:LOG:  ..."
//! ```
//!
//! Source: "Export query results" in the CloudWatch Logs user guide.

use csv_core::{ReadFieldResult, Reader};

use super::order::{Event, Order};
use super::{Contents, Envelope, EnvelopeError, Head, Members, PART_MAX, Shown, Unwrap, message, named};
use crate::detect::detect;

/// Members are named if the query had `@logStream` among its fields.
pub(super) const ENVELOPE: Envelope =
    Envelope { name: "CloudWatch Logs results (CSV)", caveat: None, names_members: true, delivery: None, open };

/// Opens CSV with a heading that names a message column.
///
/// None without a message column, or if more than a tenth of the rows do not match. Without times, a parser must
/// recognise the log.
fn open(head: &Head<'_>) -> Option<Box<dyn Unwrap>> {
    let names: Vec<_> = head.first().split(|byte| *byte == b',').map(name).collect();
    let column = |wanted: &[&[u8]]| names.iter().position(|name| wanted.contains(&name.as_slice()));
    let columns = Columns {
        time: column(&[b"timestamp", b"@timestamp"]),
        message: column(&[b"message", b"@message"])?,
        stream: column(&[b"@logstream", b"logstreamname", b"logstream"]),
        group: column(&[b"@log", b"loggroup"]),
    };
    // A name with a blank is a field that a query made; none has any other sign.
    let plain = |name: &Vec<u8>| name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"@_. ".contains(byte));
    // With messages alone, there must be some that are a log's.
    if columns.time.is_none() && names.len() > 1 {
        return None;
    }
    let mut shown = Shown::default();
    let mut tried = Results::new(columns, Order::kept());
    tried.push(head.text, &mut shown).ok()?;
    let contents = tried.finish(&mut shown).ok()?;
    let fits = (head.whole || contents.events > 0) && contents.misfits * 9 <= contents.events;
    let order = match columns.time {
        Some(_) => Order::default(),
        None => Order::shown_by(detect(&shown.0, head.hints)?.as_ref(), &shown.0),
    };
    (names.iter().all(plain) && fits).then(|| Box::new(Results::new(columns, order)) as _)
}

/// A column's name without quotes, in lower case.
fn name(field: &[u8]) -> Vec<u8> {
    let field = field.trim_ascii();
    let bare = field.strip_prefix(b"\"").and_then(|field| field.strip_suffix(b"\"")).unwrap_or(field);
    bare.to_ascii_lowercase()
}

/// Positions of the columns that matter.
#[derive(Clone, Copy)]
struct Columns {
    /// `@timestamp` or `timestamp`. None if the messages stand alone.
    time: Option<usize>,
    /// `@message` or `message`.
    message: usize,
    /// `@logStream`, `logStreamName` or `logStream`, in any case of letters.
    stream: Option<usize>,
    /// `@log`, which is the account and the log group, or `logGroup`.
    group: Option<usize>,
}

/// Reads the rows.
struct Results {
    /// As the heading names them.
    columns: Columns,
    /// Its state between two pieces, quotes included.
    reader: Reader,
    /// The field so far.
    field: Vec<u8>,
    /// The fields of the record so far. At most 1000.
    record: Vec<Vec<u8>>,
    /// Records read, the heading among them.
    records: u64,
    /// Sorts the events if the newest come first.
    order: Order,
    contents: Contents,
}

impl Results {
    /// Reads rows with these columns, and passes their events on in an order.
    fn new(columns: Columns, order: Order) -> Self {
        Self {
            columns,
            reader: Reader::new(),
            field: Vec::new(),
            record: Vec::new(),
            records: 0,
            order,
            contents: Contents::default(),
        }
    }

    /// Reads a piece. An empty one ends the text.
    ///
    /// # Errors
    ///
    /// [`EnvelopeError::TooLong`] if a record exceeds 16 MiB or 1000 fields, and what `event` returns.
    fn read(&mut self, piece: &[u8], out: &mut dyn Members) -> Result<(), EnvelopeError> {
        let mut rest = piece;
        let mut text = [0; 4096];
        loop {
            let (result, read, written) = self.reader.read_field(rest, &mut text);
            rest = rest.get(read..).unwrap_or_default();
            self.field.extend_from_slice(text.get(..written).unwrap_or_default());
            if self.field.len() + self.record.iter().map(Vec::len).sum::<usize>() > PART_MAX || self.record.len() > 1000
            {
                return Err(EnvelopeError::TooLong);
            }
            match result {
                ReadFieldResult::InputEmpty | ReadFieldResult::End => return Ok(()),
                ReadFieldResult::OutputFull => {}
                ReadFieldResult::Field { record_end } => {
                    self.record.push(std::mem::take(&mut self.field));
                    if record_end {
                        self.event(out)?;
                    }
                }
            }
            // To the reader, no more text is the end.
            if rest.is_empty() && !piece.is_empty() {
                return Ok(());
            }
        }
    }

    /// Takes a record.
    ///
    /// The first record is the heading, and is skipped. A row whose time begins with no digit is a misfit.
    fn event(&mut self, out: &mut dyn Members) -> Result<(), EnvelopeError> {
        let record = std::mem::take(&mut self.record);
        self.records += 1;
        if self.records == 1 {
            return Ok(());
        }
        let field = |column: usize| record.get(column).map(Vec::as_slice);
        let time = match self.columns.time {
            Some(column) => field(column).filter(|time| time.first().is_some_and(u8::is_ascii_digit)),
            None => Some(&b""[..]),
        };
        let (Some(time), Some(text)) = (time, field(self.columns.message)) else {
            self.contents.misfits += 1;
            // Whatever it is, a parser shall see it.
            for field in &record {
                message(out, "", field);
            }
            return Ok(());
        };
        let [group, stream] =
            [self.columns.group, self.columns.stream].map(|column| column.and_then(field).unwrap_or_default());
        // `@log` is the account and the group: `123456789012:/aws/rds/...`.
        let member = if stream.is_empty() { String::new() } else { named(group, stream) };
        self.contents.events += 1;
        self.order.push(Event { time: time.to_vec(), member, message: text.to_vec() }, out)
    }
}

impl Unwrap for Results {
    fn push(&mut self, piece: &[u8], out: &mut dyn Members) -> Result<(), EnvelopeError> {
        if piece.is_empty() { Ok(()) } else { self.read(piece, out) }
    }

    fn finish(&mut self, out: &mut dyn Members) -> Result<Contents, EnvelopeError> {
        // A record that has not all fields was cut.
        let fields = self.record.len() + usize::from(!self.field.is_empty());
        self.contents.cut = fields > 0 && fields <= self.columns.message.max(self.columns.time.unwrap_or(0));
        self.read(b"", out)?;
        self.contents.disordered = self.order.finish(out);
        Ok(self.contents)
    }
}
