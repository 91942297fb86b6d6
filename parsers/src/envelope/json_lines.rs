//! JSON that log shippers, other clouds and `aws logs ... --query` write: one object or array for each line of a log, one
//! behind the other or in an array. The line is the string under which a connection log is found. Records of PostgreSQL's
//! jsonlog that a program wrote anew, and those of CloudNativePG, come out as the server writes them.
//!
//! Examples, shortened:
//!
//! ```text
//! {"log":"2026-11-23 18:46:20 UTC [57] LOG:  connection received: host=10.0.1.5 port=41234\n","file":"db.log"}
//! {"timestamp":"2026-11-23T18:46:20.123Z","textPayload":"2026-11-23 18:46:20 UTC [57] LOG:  ..."}
//! {"logger":"postgres","record":{"log_time":"2026-11-23 18:46:20.123 UTC","error_severity":"LOG","message":"..."}}
//! ```
//!
//! The line is not found by the names of members: any string will do, if a parser recognises a log in it.
//!
//! Sources: `systemd.journal-fields(7)` (`MESSAGE`), Fluent Bit's input `tail` (`log`), Vector's source `file` (`message`),
//! Loki's `logcli --output jsonl` (`line`), `LogEntry` of Google Cloud Logging (`textPayload`), "PostgreSQL logs" of Azure
//! Monitor (`properties.message`), Supabase (`event_message`), "Logging" of CloudNativePG (`record`).

use memchr::memmem;
use serde_json::{Map, Value};

use super::json::{self, Part, Target, Walker};
use super::order::{Event, Order};
use super::{Contents, Delivery, Envelope, EnvelopeError, Head, Members, Unwrap, named};
use crate::detect::{Hints, detect};
use crate::digits::{self, after_shape};
use crate::format::RecordParser;

/// An event has a log stream's name if `logStreamName`, `@logStream` or `logStream` stands beside the line.
pub(super) const ENVELOPE: Envelope =
    Envelope { name: "JSON log lines", caveat: None, names_members: true, delivery: Some(Delivery::Query), open };

/// Most objects within one another around a line.
/// `properties.message` of Azure Monitor has two steps. A third is allowed for shippers that add an object.
const DEPTH: usize = 3;
/// Values of the head that are looked at to find the line.
/// Only values shorter than about 130 bytes reach this number before `SAMPLE` ends the search.
const VALUES: usize = 2000;
/// Values whose strings may be the line.
/// So many are taken from the beginning of the head, and as many from its end.
const SHOWN: usize = 20;
/// Strings of a value that may be the line.
/// Further strings are ignored.
const PATHS: usize = 40;
/// Bytes of a log that show its format.
/// At most this much of the head is read too, once one value is complete.
const SAMPLE: usize = 256 * 1024;

/// One step to a value within another.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    /// A member of an object, by its name.
    Key(String),
    /// An item of an array, from 0: a tuple that `--query 'events[*].[timestamp,message]'` prints.
    Index(usize),
}

/// The members that hold the log's lines and, if there are any, the stream's name and the time.
#[derive(Clone)]
struct Found {
    /// The way to the line.
    path: Vec<Step>,
    /// Whether it is a record of jsonlog, and not a line.
    record: bool,
    /// The way to the event's time. None keeps the events in the order of the text.
    time: Option<Vec<Step>>,
    /// The way to the log stream's name. None leaves the name empty.
    stream: Option<Vec<Step>>,
}

/// Opens lines that are objects, if one string member of them is a log.
///
/// None for JSON that the engine itself writes. But jsonlog is opened if `}{"timestamp":` shows that newlines are missing.
fn open(head: &Head<'_>) -> Option<Box<dyn Unwrap>> {
    let text = head.text.trim_ascii_start();
    let target = match text.split_first()? {
        (b'{', _) => Target::Values,
        (b'[', rest) => match rest.trim_ascii_start().first()? {
            b'{' | b'[' => Target::Items,
            _ => Target::Values,
        },
        _ => return None,
    };
    let values = values(text, target)?;
    // What an engine writes as JSON stays as it is.
    let plain = detect(head.text, head.hints).filter(|parser| is_json(parser.as_ref()));
    if plain.is_some() && memmem::find(head.text, b"}{\"timestamp\":").is_none() {
        return None;
    }
    let found = find(&values, head.hints)?;
    let new = || JsonLines {
        walker: Walker::new(target),
        order: if found.time.is_some() { Order::default() } else { Order::kept() },
        found: found.clone(),
        last: Vec::new(),
        contents: Contents::default(),
    };
    head.fits(new()).then(|| Box::new(new()) as _)
}

/// Whether a format is JSON.
///
/// These are PostgreSQL's jsonlog and all logs of DocumentDB.
pub(super) fn is_json(parser: &dyn RecordParser) -> bool {
    parser.format() == "jsonlog" || parser.engine() == "docdb"
}

/// The first values of a head, if nearly all of it is JSON.
///
/// None if no value is complete, or if less than nine of ten parts are JSON. It stops behind `SAMPLE` bytes.
fn values(text: &[u8], target: Target) -> Option<Vec<Value>> {
    let (mut values, mut misfits) = (Vec::new(), 0_usize);
    let mut walker = Walker::new(target);
    let mut read = 0;
    for piece in text.chunks(16 * 1024) {
        let pushed = walker.push(piece, &mut |part| match part {
            Part::Value(value) => match json::value(value) {
                Some(value) => values.push(value),
                None => misfits += 1,
            },
            Part::Text(_) | Part::Stray => misfits += 1,
        });
        pushed.ok()?;
        read += piece.len();
        if values.len() > VALUES || (read > SAMPLE && !values.is_empty()) {
            break;
        }
    }
    (!values.is_empty() && misfits * 9 <= values.len()).then_some(values)
}

/// Where the lines of a log are in values; none where no connection log is found, or more than one in arrays.
///
/// A record of jsonlog wins over any string. Of several strings, the one wins in which most records begin.
fn find(values: &[Value], hints: &Hints) -> Option<Found> {
    let mut paths = Vec::new();
    let mut records = Vec::new();
    for value in values.iter().take(SHOWN).chain(values.iter().rev().take(SHOWN)) {
        strings(value, &mut Vec::new(), &mut paths, &mut records);
    }
    let shows = |path: &[Step], record: bool| {
        let mut log = Vec::new();
        for value in values {
            if let Some(line) = line(value, path, record) {
                log.extend_from_slice(line.trim_ascii_end());
                log.push(b'\n');
            }
            if log.len() > SAMPLE {
                break;
            }
        }
        let parser = detect(&log, hints)?;
        Some(log.split(|byte| *byte == b'\n').filter(|line| parser.begins(line)).count())
    };
    let whole = records.into_iter().filter(|path| shows(path, true).is_some()).map(|path| (path, true)).next();
    let (path, record) = match whole {
        Some(found) => found,
        None => {
            let shown: Vec<_> = paths.iter().filter_map(|path| Some((shows(path, false)?, path))).collect();
            let in_arrays = shown.iter().any(|(_, path)| matches!(path.first(), Some(Step::Index(_))));
            if in_arrays && shown.len() > 1 {
                return None;
            }
            // Of several, the first that has most.
            let (_, path) = shown.iter().rev().max_by_key(|(lines, _)| *lines)?;
            ((*path).clone(), false)
        }
    };
    let beside = |names: &[&str], matches: fn(&Value) -> bool| beside(values.first()?, &path, names, matches);
    let time =
        beside(&["@timestamp", "timestamp", "t", "time", "ts", "date", "_time", "__REALTIME_TIMESTAMP"], is_time);
    let stream = beside(&["logStreamName", "@logStream", "logStream"], Value::is_string);
    // A tuple may hold the log stream's name, which looks like any other text.
    Some(Found { time: time.filter(|_| !record), stream, record, path })
}

/// The ways to all strings of a value, and to what may be records of jsonlog.
///
/// They are added to `texts` and `records`, at most `PATHS` to each. `path` is the way to `value`.
///
/// Of arrays, only tuples at the top count, with at most 8 items. The journal's `MESSAGE` may be an array of bytes.
fn strings(value: &Value, path: &mut Vec<Step>, texts: &mut Vec<Vec<Step>>, records: &mut Vec<Vec<Step>>) {
    let add = |paths: &mut Vec<Vec<Step>>, path: &[Step]| {
        if paths.len() < PATHS && !paths.iter().any(|known| known == path) {
            paths.push(path.to_vec());
        }
    };
    match value {
        Value::String(_) => add(texts, path),
        Value::Object(members) => {
            if record(members).is_some() {
                add(records, path);
            }
            if members.get("MESSAGE").is_some_and(|bytes| bytes_of(bytes).is_some()) {
                add(texts, &[&path[..], &[Step::Key("MESSAGE".to_owned())]].concat());
            }
            let deep = path.len() < DEPTH;
            for (key, member) in members.iter().filter(|_| deep) {
                path.push(Step::Key(key.clone()));
                strings(member, path, texts, records);
                path.pop();
            }
        }
        // An array within an object may hold more lines than one.
        Value::Array(items) if path.is_empty() && items.len() <= 8 => {
            for (index, item) in items.iter().enumerate().filter(|(_, item)| item.is_string()) {
                path.push(Step::Index(index));
                strings(item, path, texts, records);
                path.pop();
            }
        }
        _ => {}
    }
}

/// The value at a path.
///
/// None if a step leads to nothing.
fn at<'v>(value: &'v Value, path: &[Step]) -> Option<&'v Value> {
    path.iter().try_fold(value, |value, step| match step {
        Step::Key(key) => value.get(key),
        Step::Index(index) => value.get(index),
    })
}

/// What stands under one of these names beside the line, or at the top; of a tuple, the first that matches.
///
/// The first name that matches wins, first beside the line and then at the top. In a tuple, only a time is found.
fn beside(value: &Value, path: &[Step], names: &[&str], matches: fn(&Value) -> bool) -> Option<Vec<Step>> {
    let (own, around) = path.split_last()?;
    let is = |path: &Vec<Step>| at(value, path).is_some_and(matches);
    if matches!(own, Step::Index(_)) {
        let paths = (0..value.as_array()?.len()).map(|index| vec![Step::Index(index)]);
        return paths.into_iter().find(|path| path.first() != Some(own) && is(path) && names.contains(&"t"));
    }
    let ways = [around, &[]].into_iter();
    let mut ways = ways.flat_map(|way| names.iter().map(move |name| [way, &[Step::Key((*name).to_owned())]].concat()));
    ways.find(is)
}

/// Milliseconds or more since 1970, or a date with a time.
///
/// Examples: `1790000000123`, `"1790000000123"`, `"2026-11-23T18:46:20Z"`. A date without a time is none.
fn is_time(value: &Value) -> bool {
    let digits = |text: &str| text.len() >= 13 && digits::all(text.as_bytes());
    match value {
        Value::Number(number) => number.as_u64().is_some_and(|number| digits(&number.to_string())),
        Value::String(text) => {
            digits(text) || after_shape(text.as_bytes(), b"0000-00-00").is_some_and(|rest| rest.len() > 8)
        }
        _ => false,
    }
}

/// The line of a value.
///
/// None if the path leads to nothing, or to a value of another type. With `is_record`, an object is written as jsonlog.
fn line(value: &Value, path: &[Step], is_record: bool) -> Option<Vec<u8>> {
    let value = at(value, path)?;
    match value {
        Value::Object(members) if is_record => record(members),
        Value::String(text) if !is_record => Some(text.clone().into_bytes()),
        Value::Array(_) if !is_record => bytes_of(value),
        _ => None,
    }
}

/// Bytes as the journal exports a message that is no UTF-8.
///
/// Example: `[76,79,71]` gives `LOG`. None if an item is no number from 0 to 255.
fn bytes_of(value: &Value) -> Option<Vec<u8>> {
    value.as_array()?.iter().map(|byte| u8::try_from(byte.as_u64()?).ok()).collect()
}

/// Members of jsonlog, in the server's order, and what csvlog and CloudNativePG call them.
///
/// Sources: `write_jsonlog` of PostgreSQL's `jsonlog.c`, and `LoggingRecord` of CloudNativePG.
/// The first name is jsonlog's, the second that of the others. The empty ones come from `connection_from`: `10.0.1.5:41234`.
const MEMBERS: [(&str, &str); 15] = [
    ("timestamp", "log_time"),
    ("user", "user_name"),
    ("dbname", "database_name"),
    ("pid", "process_id"),
    ("remote_host", ""),
    ("remote_port", ""),
    ("session_id", "session_id"),
    ("line_num", "session_line_num"),
    ("ps", "command_tag"),
    ("session_start", "session_start_time"),
    ("vxid", "virtual_transaction_id"),
    ("txid", "transaction_id"),
    ("error_severity", "error_severity"),
    ("state_code", "sql_state_code"),
    ("message", "message"),
];

/// An object as the server writes it, if it is a record of jsonlog.
///
/// None without a string for both `error_severity` and the time. Example of a result, shortened:
///
/// ```text
/// {"timestamp":"2026-11-23 18:46:20.123 UTC","user":"app","pid":57,"error_severity":"LOG","message":"..."}
/// ```
///
/// Null members are left out. Members that `MEMBERS` does not list follow at the end, if they are no objects or arrays.
fn record(members: &Map<String, Value>) -> Option<Vec<u8>> {
    let renamed = members.contains_key("log_time");
    let known = |key: &str| members.get(key).and_then(Value::as_str);
    known("error_severity")?;
    known(if renamed { "log_time" } else { "timestamp" })?;
    let mut out = b"{".to_vec();
    let mut add = |key: &str, value: &Value| {
        let empty = renamed && value.as_str() == Some("");
        if !empty && !value.is_null() {
            if out.len() > 1 {
                out.push(b',');
            }
            out.extend_from_slice(Value::from(key).to_string().as_bytes());
            out.push(b':');
            out.extend_from_slice(value.to_string().as_bytes());
        }
    };
    for (own, other) in MEMBERS {
        if let Some(value) = members.get(if renamed { other } else { own }) {
            // CloudNativePG writes numbers as strings.
            let number = value.as_str().filter(|_| matches!(own, "pid" | "line_num" | "txid"));
            match number.and_then(|number| number.parse::<u64>().ok()) {
                Some(number) => add(own, &Value::from(number)),
                None => add(own, value),
            }
        }
        if own == "pid"
            && let Some(from) = known("connection_from").filter(|_| renamed)
        {
            let (host, port) = from.rsplit_once(':').unwrap_or((from, ""));
            add("remote_host", &Value::from(host));
            port.parse::<u64>().into_iter().for_each(|port| add("remote_port", &Value::from(port)));
        }
    }
    let is_listed = |key: &str| MEMBERS.iter().any(|(own, other)| key == if renamed { *other } else { *own });
    for (key, value) in members.iter().filter(|(key, value)| !is_listed(key) && !value.is_object() && !value.is_array())
    {
        add(key, value);
    }
    out.push(b'}');
    Some(out)
}

/// Reads the lines.
struct JsonLines {
    /// Cuts the values out of the text.
    walker: Walker,
    /// Where the line, the time and the stream's name are in each value.
    found: Found,
    /// Sorts the events if the newest come first.
    order: Order,
    /// The time of the last event that had one.
    last: Vec<u8>,
    contents: Contents,
}

impl Unwrap for JsonLines {
    /// An event without a time gets that of the event before it. After the first error nothing more is passed on.
    fn push(&mut self, piece: &[u8], out: &mut dyn Members) -> Result<(), EnvelopeError> {
        let Self { walker, found, order, last, contents } = self;
        let mut result = Ok(());
        walker.push(piece, &mut |part| {
            let value = match part {
                Part::Value(value) => json::value(value),
                Part::Text(_) | Part::Stray => None,
            };
            let Some(line) = value.as_ref().and_then(|value| line(value, &found.path, found.record)) else {
                // An operator's own messages stand between the records of its server.
                contents.misfits += u64::from(!(found.record && value.is_some_and(|value| value.is_object())));
                return;
            };
            contents.events += 1;
            let other =
                |path: &Option<Vec<Step>>| value.as_ref().zip(path.as_ref()).and_then(|(value, path)| at(value, path));
            match other(&found.time).filter(|time| is_time(time)) {
                Some(Value::String(time)) => *last = time.clone().into_bytes(),
                Some(time) => *last = time.to_string().into_bytes(),
                None => {}
            }
            let member = other(&found.stream).and_then(Value::as_str).unwrap_or_default();
            if result.is_ok() {
                let member = named(b"", member.as_bytes());
                result = order.push(Event { time: last.clone(), member, message: line }, out);
            }
        })?;
        result
    }

    fn finish(&mut self, out: &mut dyn Members) -> Result<Contents, EnvelopeError> {
        let disordered = self.order.finish(out);
        Ok(Contents { cut: self.walker.is_within(), disordered, ..self.contents })
    }
}
