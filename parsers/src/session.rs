//! Joins the records of one session, in the order of the log.
//!
//! PostgreSQL writes up to four records for a session, and each has some of the facts: the address, the method, the
//! transport. Records are joined by session number. Memory has a bound: if too many sessions are open, some lose their
//! address or method.

mod block;

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};

use crate::durations::{Entry, Numbers};
use crate::event::{Client, HandshakeFailure, Micros, Record, SessionStep, Text, Transport, own};

pub(crate) use block::{BlockSessions, Joined};

/// Most sessions that are remembered between their first record and the one that completes it.
const OPEN_MAX: usize = 65_536;

/// Most sessions that wait for a refusal. A refusal follows at once, behind those of as many sessions as a server opens at
/// the same time: `max_connections` of MySQL is 16,000 on RDS.
const WAITING_MAX: usize = 16_384;

/// What happened to a connection, once the records of its session are joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionEvent<'a> {
    /// When it was written.
    pub at: Option<Micros>,
    /// Who.
    pub client: Client<'a>,
    /// The authentication method, if the log has it.
    pub auth_method: Option<Text<'a>>,
    /// Of a session that was established: the number that the log gives it. Only a parser that says so
    /// ([`RecordParser::counts_connections`](crate::RecordParser::counts_connections)) makes it a connection ID.
    pub number: Option<u32>,
    /// What happened.
    pub kind: EventKind<'a>,
}

/// What happened to a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventKind<'a> {
    /// A client reached the server; what became of it is another event.
    Received,
    /// A session was established.
    Connected(Transport<'a>),
    /// An attempt was refused by rule or password.
    Rejected(Transport<'a>),
    /// A TLS handshake failed.
    HandshakeFailed(HandshakeFailure),
    /// A session ended. Its duration, if the log has it.
    Disconnected(Option<Micros>),
}

impl ConnectionEvent<'_> {
    /// The same event, independent of the log's text. For events that wait while the next block is read.
    fn into_owned(self) -> ConnectionEvent<'static> {
        ConnectionEvent {
            at: self.at,
            client: self.client.into_owned(),
            auth_method: self.auth_method.map(own),
            number: self.number,
            kind: match self.kind {
                EventKind::Received => EventKind::Received,
                EventKind::Connected(transport) => EventKind::Connected(transport.into_owned()),
                EventKind::Rejected(transport) => EventKind::Rejected(transport.into_owned()),
                EventKind::HandshakeFailed(cause) => EventKind::HandshakeFailed(cause),
                EventKind::Disconnected(lasted) => EventKind::Disconnected(lasted),
            },
        }
    }
}

/// A map by session number.
pub(crate) type BySession<T> = HashMap<u64, T, BuildHasherDefault<NumberHasher>>;

/// Spreads process and thread numbers over a map. Clients do not choose them, so that nothing need be kept from them.
#[derive(Debug, Default)]
pub(crate) struct NumberHasher(u64);

impl Hasher for NumberHasher {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        // The golden ratio of 2^64; a map uses the lowest and the highest bits.
        let spread = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = spread ^ (spread >> 32);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// What is known of sessions that are being established.
#[derive(Debug, Default)]
pub struct Sessions {
    /// Facts of sessions that are not established yet. At most [`OPEN_MAX`]: a full map is emptied.
    open: BySession<Opening<'static>>,
    /// Sessions that count unless a refusal follows, and the order in which they came. What is no longer in the map is
    /// skipped in the order.
    waiting: BySession<(u64, ConnectionEvent<'static>)>,
    /// Session numbers with their attempts, the oldest first.
    order: VecDeque<(u64, u64)>,
    /// How many sessions have waited. It distinguishes sessions that have the same number.
    attempts: u64,
    /// Connections of logs that have the end of each one.
    numbers: Numbers,
}

/// What earlier records of a session say.
#[derive(Debug, Default)]
struct Opening<'a> {
    /// The client's address, for logs whose later records lack it.
    address: Option<Text<'a>>,
    /// The authentication method, as the log names it.
    method: Option<Text<'a>>,
}

impl<'a> Opening<'a> {
    /// What the first record of a session says.
    fn of(client: &Client<'a>) -> Self {
        Self { address: client.address.clone(), method: None }
    }

    /// The same, independent of the log's text.
    fn into_owned(self) -> Opening<'static> {
        Opening { address: self.address.map(own), method: self.method.map(own) }
    }

    /// The event of a record that ends what the earlier records began. None for a record that ends nothing by itself.
    fn complete(self, record: Record<'a>) -> Option<ConnectionEvent<'a>> {
        let Record { at, session, mut client, step } = record;
        let (auth_method, kind) = match step {
            SessionStep::Connected(transport) => {
                let transport = match (transport, client.address.is_none()) {
                    (Transport::Plaintext | Transport::Local, true) => Transport::unmarked(self.address.as_deref()),
                    (transport, _) => transport,
                };
                (self.method, EventKind::Connected(transport))
            }
            SessionStep::Rejected(transport) => (None, EventKind::Rejected(transport)),
            SessionStep::HandshakeFailed(cause) => (None, EventKind::HandshakeFailed(cause)),
            _ => return None,
        };
        client.address = client.address.or(self.address);
        Some(event(at, session, client, auth_method, kind))
    }
}

/// An event. Only a session that was established keeps its number.
fn event<'a>(
    at: Option<Micros>,
    session: Option<u64>,
    client: Client<'a>,
    auth_method: Option<Text<'a>>,
    kind: EventKind<'a>,
) -> ConnectionEvent<'a> {
    // The upper half tells servers apart.
    let number = session.map(|session| (session & u64::from(u32::MAX)) as u32);
    let number = number.filter(|_| matches!(kind, EventKind::Connected(_)));
    ConnectionEvent { at, client, auth_method, number, kind }
}

impl Sessions {
    /// Turns a record into an event, with the facts of earlier records of its session. None for a record that only adds
    /// facts to a later one.
    ///
    /// A session without its earlier records, as at the beginning of a log, is an event with fewer facts.
    pub fn join<'a>(&mut self, record: Record<'a>) -> Option<ConnectionEvent<'a>> {
        let Record { at, session, client, step } = record;
        match step {
            SessionStep::Received => {
                // A process number that comes again is a new session.
                self.note(session, |opening| *opening = Opening::of(&client).into_owned());
                Some(event(at, session, client, None, EventKind::Received))
            }
            SessionStep::Authenticated(method) => {
                self.note(session, |opening| opening.method = Some(own(method)));
                None
            }
            SessionStep::Connecting(transport) => {
                let event = event(at, session, client, None, EventKind::Connected(transport));
                self.wait(session, event)
            }
            SessionStep::Rejected(_) | SessionStep::Connected(_) | SessionStep::HandshakeFailed(_) => {
                if matches!(step, SessionStep::Rejected(_))
                    && let Some((_, held)) = session.and_then(|session| self.waiting.remove(&session))
                    && let EventKind::Connected(transport) = held.kind
                {
                    return Some(ConnectionEvent { kind: EventKind::Rejected(transport), number: None, ..held });
                }
                let opening = session.and_then(|session| self.open.remove(&session)).unwrap_or_default();
                opening.complete(Record { at, session, client, step })
            }
            SessionStep::Disconnected(lasted) => {
                if let Some(session) = session {
                    self.open.remove(&session);
                }
                Some(event(at, session, client, None, EventKind::Disconnected(lasted)))
            }
            SessionStep::Opened(_) | SessionStep::Refused(_) | SessionStep::Broken(_) | SessionStep::Ended => {
                let kind = self.pair(&Entry::of(at, session, &client), step)?;
                Some(event(at, session, client, None, kind))
            }
        }
    }

    /// What happened to a connection in a log that has the end of each one. None for the end of one that was refused.
    fn pair<'a>(&mut self, entry: &Entry, step: SessionStep<'a>) -> Option<EventKind<'a>> {
        let kind = match step {
            SessionStep::Opened(transport) => EventKind::Connected(transport),
            SessionStep::Refused(transport) => EventKind::Rejected(transport),
            SessionStep::Broken(cause) => EventKind::HandshakeFailed(cause),
            _ => return self.numbers.ended(entry).map(EventKind::Disconnected),
        };
        self.numbers.began(entry, matches!(kind, EventKind::Connected(_)));
        Some(kind)
    }

    /// Keeps a session until it is certain that no refusal follows. Returns the one that is certain now.
    ///
    /// That is the same number's earlier session, or the oldest one if more than [`WAITING_MAX`] wait. A session without a
    /// number is returned at once, because no refusal can be joined to it.
    fn wait<'a>(&mut self, session: Option<u64>, event: ConnectionEvent<'a>) -> Option<ConnectionEvent<'a>> {
        let Some(session) = session else { return Some(event) };
        self.attempts += 1;
        self.order.push_back((session, self.attempts));
        // A number that comes again is a new session.
        let certain = self.waiting.insert(session, (self.attempts, event.into_owned())).map(|(_, event)| event);
        if certain.is_some() || self.waiting.len() <= WAITING_MAX {
            return certain;
        }
        self.oldest()
    }

    /// Takes the session that waits longest; in the end, all of them, one after the other. None once no session waits.
    pub fn oldest(&mut self) -> Option<ConnectionEvent<'static>> {
        while let Some((session, attempt)) = self.order.pop_front() {
            if self.waiting.get(&session).is_some_and(|(waiting, _)| *waiting == attempt) {
                return self.waiting.remove(&session).map(|(_, event)| event);
            }
        }
        None
    }

    /// Changes what is known of a session. Does nothing without a session number: its records cannot be joined.
    fn note(&mut self, session: Option<u64>, change: impl FnOnce(&mut Opening<'static>)) {
        let Some(session) = session else { return };
        // Attempts without a session (probes) stay; their process numbers come again in the end.
        if self.open.len() >= OPEN_MAX && !self.open.contains_key(&session) {
            self.open.clear();
        }
        change(self.open.entry(session).or_default());
    }
}
