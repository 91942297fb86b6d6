//! What a subscription of CloudWatch Logs delivers to S3 through Firehose: JSON objects one behind the other, with
//! newlines between them or none, each with the events of one log stream. Firehose delivers at least once, so that events
//! may come again.
//!
//! Example, in two lines:
//!
//! ```text
//! {"messageType":"DATA_MESSAGE","owner":"123456789012","logGroup":"/aws/rds/instance/db1/postgresql","logStream":"db1.0",
//!  "subscriptionFilters":["all"],"logEvents":[{"id":"3858","timestamp":1790000000123,"message":"..."}]}
//! ```
//!
//! Objects of the type `CONTROL_MESSAGE` test the destination. They hold no events of a log. CloudWatch Logs gzips objects:
//! this module takes them decompressed.
//!
//! Source: "Log group-level subscription filters" in the CloudWatch Logs user guide; "Data delivery" in the Firehose
//! developer guide.

use std::collections::{HashSet, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::Value;

use super::json::{Part, Target, Walker, first_key};
use super::{Contents, Delivery, Envelope, EnvelopeError, EventTag, Head, Members, Unwrap, json, message, named};

/// Its members are log group and stream. One delivery often holds many of them.
pub(super) const ENVELOPE: Envelope = Envelope {
    name: "CloudWatch Logs subscription (Firehose)",
    caveat: None,
    names_members: true,
    delivery: Some(Delivery::Subscription),
    open,
};

/// Events that are remembered, so that one is known that comes again.
/// About a million. Their hashes take tens of MiB at most.
const REMEMBERED: usize = 1 << 20;

/// Opens objects of a subscription.
///
/// None if the first key is another, or if a complete part of the head is no such object.
fn open(head: &Head<'_>) -> Option<Box<dyn Unwrap>> {
    let keys: [&[u8]; 6] = [b"messageType", b"owner", b"logGroup", b"logStream", b"subscriptionFilters", b"logEvents"];
    let known = keys.contains(&first_key(head.text)?) && memchr::memmem::find(head.text, b"\"messageType\"").is_some();
    let tried = head.tried(&mut Subscription::default());
    // One object may be longer than the head.
    let fits = tried.map_or(!head.whole, |contents| contents.misfits == 0);
    (known && fits).then(|| Box::new(Subscription::default()) as _)
}

/// Reads the objects of a subscription.
struct Subscription {
    /// Cuts the objects out of the text.
    walker: Walker,
    /// What the objects so far held.
    events: Events,
}

impl Default for Subscription {
    fn default() -> Self {
        Self { walker: Walker::new(Target::Values), events: Events::default() }
    }
}

/// The events so far.
#[derive(Default)]
struct Events {
    contents: Contents,
    /// Hashes of the events that are remembered.
    known: HashSet<u64>,
    /// The same hashes, the oldest first: that one is forgotten next.
    order: VecDeque<u64>,
}

impl Events {
    /// Passes on the events of one object; none if it is no such object.
    ///
    /// A control message passes without an event. An event without a message is a misfit, and the others are passed on.
    fn pass(&mut self, value: &[u8], out: &mut dyn Members) -> Option<()> {
        let value = json::value(value)?;
        let text = |key| value.get(key).and_then(Value::as_str);
        if text("messageType")? == "CONTROL_MESSAGE" {
            return Some(());
        }
        let member = named(text("logGroup")?.as_bytes(), text("logStream")?.as_bytes());
        let account = text("owner").unwrap_or_default();
        for event in value.get("logEvents")?.as_array()? {
            let Some(line) = event.get("message").and_then(Value::as_str) else {
                self.contents.misfits += 1;
                continue;
            };
            let id = event.get("id").and_then(Value::as_str);
            if id.is_some_and(|id| !self.is_new((account, &member, id, line))) {
                self.contents.duplicates += 1;
                continue;
            }
            self.contents.events += 1;
            let at = event.get("timestamp").and_then(Value::as_i64);
            out.event(EventTag { at, id: id.unwrap_or_default(), account });
            message(out, &member, line.as_bytes());
        }
        Some(())
    }

    /// Whether an event is delivered for the first time.
    ///
    /// Account, log stream and id identify an event, and its message is the same each time. One that comes again behind `REMEMBERED`
    /// others counts as new.
    fn is_new(&mut self, event: (&str, &str, &str, &str)) -> bool {
        let mut hasher = DefaultHasher::new();
        event.hash(&mut hasher);
        let hash = hasher.finish();
        let new = self.known.insert(hash);
        if new {
            self.order.push_back(hash);
            if self.order.len() > REMEMBERED
                && let Some(oldest) = self.order.pop_front()
            {
                self.known.remove(&oldest);
            }
        }
        new
    }
}

impl Unwrap for Subscription {
    fn push(&mut self, piece: &[u8], out: &mut dyn Members) -> Result<(), EnvelopeError> {
        let Self { walker, events } = self;
        walker.push(piece, &mut |part| {
            let read = match part {
                Part::Value(value) => events.pass(value, out),
                Part::Text(_) | Part::Stray => None,
            };
            events.contents.misfits += u64::from(read.is_none());
        })
    }

    fn finish(&mut self, _: &mut dyn Members) -> Result<Contents, EnvelopeError> {
        Ok(Contents { cut: self.walker.is_within(), ..self.events.contents })
    }
}
