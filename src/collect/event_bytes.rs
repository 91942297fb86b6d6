//! The bytes of an event that decide what it counts as, so that each kind of event is made into a key only once.

use foldhash::HashMap;
use ssl_usage_parsers::{ConnectionEvent, EventKind, Text, Transport};

/// Events of one log file that have been counted, and the fact that each belongs to.
#[derive(Debug)]
pub(super) struct CountedEvents {
    /// Positions of facts.
    facts: HashMap<Box<[u8]>, usize>,
    /// Bytes in `facts`.
    size: usize,
    /// The event that is looked up. Kept for its memory.
    event: Vec<u8>,
    /// Most events, and most bytes of theirs. Others are not remembered.
    most: usize,
    most_bytes: usize,
}

impl CountedEvents {
    /// Room for so many events, of so many bytes.
    pub fn new(most: usize, most_bytes: usize) -> Self {
        Self { facts: HashMap::default(), size: 0, event: Vec::new(), most, most_bytes }
    }

    /// The position of the fact that such an event belongs to, if one came before. `hour` and `open` are those of its key.
    pub fn fact(&mut self, event: &ConnectionEvent<'_>, hour: i64, open: Option<(i64, i64)>) -> Option<usize> {
        self.event.clear();
        write(event, hour, open, &mut self.event);
        self.facts.get(self.event.as_slice()).copied()
    }

    /// Remembers the fact that the event belongs to that was looked up last.
    pub fn remember(&mut self, fact: usize) {
        let size = self.size + self.event.len();
        if self.facts.len() < self.most && size <= self.most_bytes {
            self.size = size;
            self.facts.insert(self.event.as_slice().into(), fact);
        }
    }
}

/// Writes all that the key of an event depends on.
fn write(event: &ConnectionEvent<'_>, hour: i64, open: Option<(i64, i64)>, out: &mut Vec<u8>) {
    out.extend_from_slice(&hour.to_le_bytes());
    let transport = match &event.kind {
        EventKind::Received => {
            out.push(0);
            None
        }
        EventKind::Connected(transport) => {
            out.push(1);
            Some(transport)
        }
        EventKind::Rejected(transport) => {
            out.push(2);
            Some(transport)
        }
        EventKind::HandshakeFailed(cause) => {
            out.push(3);
            text(Some(cause.name().as_bytes()), out);
            None
        }
        EventKind::Disconnected(_) => {
            out.extend_from_slice(&[4, u8::from(open.is_some())]);
            for hour in open.into_iter().flat_map(|(first, last)| [first, last]) {
                out.extend_from_slice(&hour.to_le_bytes());
            }
            None
        }
    };
    match transport {
        Some(Transport::Tls(tls)) => {
            out.extend_from_slice(&[0, u8::from(tls.imitable)]);
            [&tls.version, &tls.cipher].into_iter().for_each(|name| text(name.as_deref(), out));
        }
        Some(Transport::Gss) => out.push(1),
        Some(Transport::Plaintext) => out.push(2),
        Some(Transport::Local) => out.push(3),
        Some(Transport::Unknown) => out.push(4),
        None => {}
    }
    let client = &event.client;
    let texts: [&Option<Text<'_>>; 5] =
        [&client.user, &client.database, &client.address, &client.application, &event.auth_method];
    texts.into_iter().for_each(|name| text(name.as_deref(), out));
}

/// Writes a text with its length, so that no text runs into the next; one that is missing has none.
fn text(text: Option<&[u8]>, out: &mut Vec<u8>) {
    let length = text.map_or(u64::MAX, |text| text.len() as u64);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(text.unwrap_or_default());
}
