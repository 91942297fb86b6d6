//! The output of `aws logs get-log-events` and `filter-log-events` as JSON, the CLI's default: one page or many, one
//! behind the other. With `--query 'events[*].message'` it is an array of the messages.
//!
//! Example, shortened:
//!
//! ```text
//! {"events":[{"logStreamName":"db1.0","timestamp":1790000000123,"message":"...","ingestionTime":1790000000456}],
//!  "searchedLogStreams":[],"nextToken":"Bxkq6k"}
//! ```
//!
//! Source: "GetLogEvents" and "FilterLogEvents" in the CloudWatch Logs API reference.

use serde_json::Value;

use super::json::{Part, Target, Walker, first_key};
use super::{Contents, Delivery, Envelope, EnvelopeError, EventTag, Head, Members, Unwrap, json, message, named};

/// Only `filter-log-events` names the streams.
pub(super) const ENVELOPE: Envelope = Envelope {
    name: "CloudWatch Logs events (JSON)",
    caveat: None,
    names_members: true,
    delivery: Some(Delivery::Query),
    open: events,
};

/// The same with `--query 'events[*].message'`.
pub(super) const MESSAGES: Envelope = Envelope {
    name: "CloudWatch Logs messages (JSON)",
    caveat: Some(
        "this output does not name log streams: if the log group has several, their lines are read as one log",
    ),
    names_members: false,
    delivery: None,
    open: messages,
};

/// Opens output with an array of events.
///
/// None if the first key is not one of the output, or if any part of the head is something else.
fn events(head: &Head<'_>) -> Option<Box<dyn Unwrap>> {
    let keys: [&[u8]; 5] = [b"events", b"searchedLogStreams", b"nextToken", b"nextForwardToken", b"nextBackwardToken"];
    let known = keys.contains(&first_key(head.text)?);
    let new = || Events { walker: Walker::new(Target::ItemsOf("events")), contents: Contents::default(), read: event };
    (known && head.tried(&mut new()).is_some_and(|contents| contents.misfits == 0)).then(|| Box::new(new()) as _)
}

/// Opens an array of messages.
///
/// None unless nine of ten items are strings, and the first one is.
fn messages(head: &Head<'_>) -> Option<Box<dyn Unwrap>> {
    let begins = head.text.trim_ascii_start().strip_prefix(b"[")?.trim_ascii_start().starts_with(b"\"");
    let read = |value| match value {
        Value::String(message) => Some(Item { message, ..Item::default() }),
        _ => None,
    };
    let new = || Events { walker: Walker::new(Target::Items), contents: Contents::default(), read };
    (begins && head.fits(new())).then(|| Box::new(new()) as _)
}

/// An event, or a message alone.
#[derive(Default)]
struct Item {
    /// The log stream; empty where it is not named.
    member: String,
    message: String,
    at: Option<i64>,
    /// Empty where there is none: `get-log-events` has none.
    id: String,
}

/// Reads an event. None without a string `message`.
fn event(value: Value) -> Option<Item> {
    let text = |key| value.get(key).and_then(Value::as_str);
    Some(Item {
        member: named(b"", text("logStreamName").unwrap_or_default().as_bytes()),
        message: text("message")?.to_owned(),
        at: value.get("timestamp").and_then(Value::as_i64),
        id: text("eventId").unwrap_or_default().to_owned(),
    })
}

/// Reads events, or messages alone.
struct Events {
    /// Cuts the items of the array out of the text.
    walker: Walker,
    contents: Contents,
    /// Reads an item. None if it has no message.
    read: fn(Value) -> Option<Item>,
}

impl Unwrap for Events {
    fn push(&mut self, piece: &[u8], out: &mut dyn Members) -> Result<(), EnvelopeError> {
        let Self { walker, contents, read } = self;
        walker.push(piece, &mut |part| {
            let event = match part {
                Part::Value(value) => json::value(value).and_then(*read),
                Part::Text(_) | Part::Stray => None,
            };
            match event {
                Some(item) => {
                    contents.events += 1;
                    out.event(EventTag { at: item.at, id: &item.id, account: "" });
                    message(out, &item.member, item.message.as_bytes());
                }
                None => contents.misfits += 1,
            }
        })
    }

    fn finish(&mut self, _: &mut dyn Members) -> Result<Contents, EnvelopeError> {
        Ok(Contents {
            cut: self.walker.is_within(),
            more: self.walker.says_more(),
            page: self.walker.is_page(),
            ..self.contents
        })
    }
}
