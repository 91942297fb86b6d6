//! The bytes of an event that decide what it counts as, so that each kind of event is made into a key only once.

use foldhash::HashMap;
use ssl_usage_parsers::{ConnectionEvent, EventKind, Transport};

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

/// Writes all that the key of an event depends on: first what has one size, with the lengths of all texts, and then the texts.
fn write(event: &ConnectionEvent<'_>, hour: i64, open: Option<(i64, i64)>, out: &mut Vec<u8>) {
    let (kind, transport, cause) = match &event.kind {
        EventKind::Received => (0, None, None),
        EventKind::Connected(transport) => (1, Some(transport), None),
        EventKind::Rejected(transport) => (2, Some(transport), None),
        EventKind::HandshakeFailed(cause) => (3, None, Some(cause.name().as_bytes())),
        EventKind::Disconnected(_) => (4, None, None),
    };
    let (transport, tls) = match transport {
        Some(Transport::Tls(tls)) => (if tls.imitable { 1 } else { 2 }, Some(tls)),
        Some(Transport::Gss) => (3, None),
        Some(Transport::Plaintext) => (4, None),
        Some(Transport::Local) => (5, None),
        Some(Transport::Unknown) => (6, None),
        None => (0, None),
    };
    let client = &event.client;
    let texts = [
        tls.and_then(|tls| tls.version.as_deref()),
        tls.and_then(|tls| tls.cipher.as_deref()),
        client.user.as_deref(),
        client.database.as_deref(),
        client.address.as_deref(),
        client.application.as_deref(),
        event.auth_method.as_deref(),
        cause,
    ];
    let (first_open, last_open) = open.unwrap_or_default();
    let kinds = [kind, transport, u8::from(open.is_some()), 0, 0, 0, 0, 0];
    out.extend_from_slice(
        [hour.to_le_bytes(), first_open.to_le_bytes(), last_open.to_le_bytes(), kinds].as_flattened(),
    );
    out.extend_from_slice(texts.map(length).as_flattened());
    texts.into_iter().flatten().for_each(|text| out.extend_from_slice(text));
}

/// The length of a text, which no text that is missing has.
fn length(text: Option<&[u8]>) -> [u8; 4] {
    // A record holds no text that is longer.
    text.map_or(u32::MAX, |text| u32::try_from(text.len()).unwrap_or(u32::MAX - 1)).to_le_bytes()
}
