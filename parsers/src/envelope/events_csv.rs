//! CSV that the CloudWatch console writes: search results of a log group (`timestamp,message`) and results of Logs
//! Insights (`@timestamp,@message`, in any order and with other fields). Insights lists the newest event first unless it
//! is asked otherwise: such events are sorted by their times.
//!
//! Source: "Export query results" in the CloudWatch Logs user guide.

use csv_core::{ReadFieldResult, Reader};

use super::{Contents, Envelope, EnvelopeError, Head, Members, PART_MAX, SORTED_MAX, Unwrap, message, named};

pub(super) const ENVELOPE: Envelope =
    Envelope { name: "CloudWatch Logs results (CSV)", caveat: None, names_members: true, open };

fn open(head: &Head<'_>) -> Option<Box<dyn Unwrap>> {
    let names: Vec<_> = head.first().split(|byte| *byte == b',').map(name).collect();
    let column = |wanted: &[&[u8]]| names.iter().position(|name| wanted.contains(&name.as_slice()));
    let columns = Columns {
        time: column(&[b"timestamp", b"@timestamp"])?,
        message: column(&[b"message", b"@message"])?,
        stream: column(&[b"@logstream", b"logstreamname", b"logstream"]),
        group: column(&[b"@log", b"loggroup"]),
    };
    // A name with a blank is a field that a query made; none has any other sign.
    let plain = |name: &Vec<u8>| name.iter().all(|byte| byte.is_ascii_alphanumeric() || b"@_. ".contains(byte));
    let new = || Results::new(columns);
    let fits = head.tried(&mut new()).is_some_and(|contents| contents.misfits * 9 <= contents.events);
    (names.iter().all(plain) && fits).then(|| Box::new(new()) as _)
}

/// A column's name without quotes, in lower case.
fn name(field: &[u8]) -> Vec<u8> {
    let field = field.trim_ascii();
    let bare = field.strip_prefix(b"\"").and_then(|field| field.strip_suffix(b"\"")).unwrap_or(field);
    bare.to_ascii_lowercase()
}

#[derive(Clone, Copy)]
struct Columns {
    time: usize,
    message: usize,
    stream: Option<usize>,
    group: Option<usize>,
}

/// An event: its time, its log stream, and its message.
struct Event {
    time: Vec<u8>,
    member: String,
    message: Vec<u8>,
}

/// In which order the events are listed.
enum Order {
    /// All had the same time so far.
    Unknown(Vec<Event>),
    OldestFirst(Vec<u8>),
    NewestFirst(Vec<Event>),
}

struct Results {
    columns: Columns,
    reader: Reader,
    field: Vec<u8>,
    record: Vec<Vec<u8>>,
    /// Records read, the heading among them.
    records: u64,
    order: Order,
    /// Bytes of the events that are held.
    held: usize,
    contents: Contents,
}

impl Results {
    fn new(columns: Columns) -> Self {
        Self {
            columns,
            reader: Reader::new(),
            field: Vec::new(),
            record: Vec::new(),
            records: 0,
            order: Order::Unknown(Vec::new()),
            held: 0,
            contents: Contents::default(),
        }
    }

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
    fn event(&mut self, out: &mut dyn Members) -> Result<(), EnvelopeError> {
        let record = std::mem::take(&mut self.record);
        self.records += 1;
        if self.records == 1 {
            return Ok(());
        }
        let field = |column: usize| record.get(column).map(Vec::as_slice);
        let time = field(self.columns.time).filter(|time| time.first().is_some_and(u8::is_ascii_digit));
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
        self.ordered(Event { time: time.to_vec(), member, message: text.to_vec() }, out)
    }

    fn ordered(&mut self, event: Event, out: &mut dyn Members) -> Result<(), EnvelopeError> {
        match &mut self.order {
            Order::OldestFirst(last) => {
                self.contents.disordered += u64::from(is_older(&event.time, last));
                message(out, &event.member, &event.message);
                *last = event.time;
            }
            Order::NewestFirst(events) => {
                self.contents.disordered +=
                    u64::from(events.last().is_some_and(|last| is_older(&last.time, &event.time)));
                self.held += event.message.len() + event.time.len() + event.member.len() + size_of::<Event>();
                events.push(event);
            }
            Order::Unknown(events) => {
                self.held += event.message.len() + event.time.len() + event.member.len() + size_of::<Event>();
                let last = events.last().map(|last| last.time.clone());
                events.push(event);
                let held = std::mem::take(events);
                let newest = held.last().map(|event| event.time.clone()).unwrap_or_default();
                self.order = match last.filter(|last| *last != newest) {
                    None => Order::Unknown(held),
                    Some(last) if is_older(&newest, &last) => Order::NewestFirst(held),
                    Some(_) => {
                        self.held = 0;
                        held.iter().for_each(|event| message(out, &event.member, &event.message));
                        Order::OldestFirst(newest)
                    }
                };
            }
        }
        if self.held > SORTED_MAX { Err(EnvelopeError::TooManyToSort) } else { Ok(()) }
    }
}

/// Whether a time is before another of the same form.
fn is_older(time: &[u8], than: &[u8]) -> bool {
    (time.len(), time) < (than.len(), than)
}

impl Unwrap for Results {
    fn push(&mut self, piece: &[u8], out: &mut dyn Members) -> Result<(), EnvelopeError> {
        if piece.is_empty() { Ok(()) } else { self.read(piece, out) }
    }

    fn finish(&mut self, out: &mut dyn Members) -> Result<Contents, EnvelopeError> {
        // A record that has not all fields was cut.
        let fields = self.record.len() + usize::from(!self.field.is_empty());
        self.contents.cut = fields > 0 && fields <= self.columns.message.max(self.columns.time);
        self.read(b"", out)?;
        match std::mem::replace(&mut self.order, Order::Unknown(Vec::new())) {
            Order::OldestFirst(_) => {}
            Order::Unknown(events) => events.iter().for_each(|event| message(out, &event.member, &event.message)),
            Order::NewestFirst(mut events) => {
                events.reverse();
                events.sort_by(|one, other| (one.time.len(), &one.time).cmp(&(other.time.len(), &other.time)));
                self.contents.disordered = 0;
                events.iter().for_each(|event| message(out, &event.member, &event.message));
            }
        }
        Ok(self.contents)
    }
}
