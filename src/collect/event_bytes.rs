//! The bytes of an event that decide what it counts as, so that each kind of event is made into a key only once.

use foldhash::HashMap;
use ssl_usage_parsers::{ConnectionEvent, EventKind, Transport};

/// Events of one hour of a log file that have been counted, and the fact that each belongs to.
///
/// Those of all hours would be too many for the cache of a processor.
#[derive(Debug)]
pub(super) struct CountedEvents {
    /// The hour of the latest event.
    hour: i64,
    /// Positions of facts.
    facts: HashMap<Box<[u8]>, usize>,
    /// Bytes in `facts`.
    size: usize,
    /// The event that is looked up; empty for one that is not remembered. Kept for its memory.
    event: Vec<u8>,
    /// Most events, and most bytes of theirs. Others are not remembered.
    most: usize,
    most_bytes: usize,
}

impl CountedEvents {
    /// Room for so many events, of so many bytes.
    pub fn new(most: usize, most_bytes: usize) -> Self {
        Self { hour: 0, facts: HashMap::default(), size: 0, event: Vec::new(), most, most_bytes }
    }

    /// The position of the fact that such an event belongs to, if one came before in the same hour. `hour` and `open` are
    /// those of its key.
    pub fn fact(&mut self, event: &ConnectionEvent<'_>, hour: i64, open: Option<(i64, i64)>) -> Option<usize> {
        if hour != self.hour {
            self.hour = hour;
            // To clear a map takes as long as the largest hour was.
            self.facts = HashMap::default();
            self.size = 0;
        }
        self.event.clear();
        write(event, open, &mut self.event)?;
        self.facts.get(self.event.as_slice()).copied()
    }

    /// Remembers the fact that the event belongs to that was looked up last.
    pub fn remember(&mut self, fact: usize) {
        let size = self.size + self.event.len();
        if !self.event.is_empty() && self.facts.len() < self.most && size <= self.most_bytes {
            self.size = size;
            self.facts.insert(self.event.as_slice().into(), fact);
        }
    }
}

/// Writes all that the key of an event depends on, but the hour: first its kind and the lengths of its texts, and then the
/// texts. Nothing where a text is too long.
fn write(event: &ConnectionEvent<'_>, open: Option<(i64, i64)>, out: &mut Vec<u8>) -> Option<()> {
    let (kind, transport, cause) = match &event.kind {
        EventKind::Received => (0, None, None),
        EventKind::Connected(transport) => (1, Some(transport), None),
        EventKind::Rejected(transport) => (2, Some(transport), None),
        EventKind::HandshakeFailed(cause) => (3, None, Some(cause.name().as_bytes())),
        EventKind::Disconnected(_) => (if open.is_some() { 4 } else { 5 }, None, None),
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
    let mut lengths = [0; 8];
    for (length, text) in lengths.iter_mut().zip(texts) {
        *length = match text {
            Some(text) => u8::try_from(text.len()).ok().filter(|length| *length < MISSING)?,
            None => MISSING,
        };
    }
    out.extend_from_slice(&[kind, transport]);
    out.extend_from_slice(&lengths);
    open.into_iter()
        .for_each(|(first, last)| out.extend_from_slice([first, last].map(i64::to_le_bytes).as_flattened()));
    texts.into_iter().flatten().for_each(|text| out.extend_from_slice(text));
    Some(())
}

/// The length of a text that is missing.
const MISSING: u8 = u8::MAX;
