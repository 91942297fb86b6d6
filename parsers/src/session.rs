//! Joins the records of one session, in the order of the log.

use std::collections::HashMap;

use crate::event::{Client, HandshakeFailure, Micros, Record, Step, Text, Transport};

/// Most sessions that are remembered between their first record and the one that completes it.
const OPEN_MAX: usize = 65_536;

/// What happened to a connection, once the records of its session are joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionEvent<'a> {
    /// When it was written.
    pub at: Option<Micros>,
    /// Who.
    pub client: Client<'a>,
    /// How the client proved who it is, where the log tells.
    pub auth_method: Option<Text<'a>>,
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
    /// A session ended.
    Disconnected,
}

/// What is known of sessions that are being established.
#[derive(Debug, Default)]
pub struct Sessions {
    open: HashMap<u64, Opening>,
}

#[derive(Debug, Default)]
struct Opening {
    address: Option<Vec<u8>>,
    method: Option<Vec<u8>>,
}

impl Sessions {
    /// Turns a record into an event, with what earlier records of its session told. None for a record that only tells
    /// more of one to come.
    pub fn join<'a>(&mut self, record: Record<'a>) -> Option<ConnectionEvent<'a>> {
        let Record { at, session, mut client, step } = record;
        let event = |client, auth_method, kind| Some(ConnectionEvent { at, client, auth_method, kind });
        match step {
            Step::Received => {
                // A process number that comes again is a new session.
                let address = client.address.as_deref().map(<[u8]>::to_vec);
                self.note(session, |opening| *opening = Opening { address, method: None });
                event(client, None, EventKind::Received)
            }
            Step::Authenticated(method) => {
                let method = method.into_owned();
                self.note(session, |opening| opening.method = Some(method));
                None
            }
            Step::Connected(transport) => {
                let opening = session.and_then(|session| self.open.remove(&session)).unwrap_or_default();
                let transport = match (transport, client.address.is_none()) {
                    (Transport::Plaintext | Transport::Local, true) => Transport::unmarked(opening.address.as_deref()),
                    (transport, _) => transport,
                };
                client.address = client.address.or(opening.address.map(Text::Owned));
                event(client, opening.method.map(Text::Owned), EventKind::Connected(transport))
            }
            Step::Rejected(transport) => {
                let opening = session.and_then(|session| self.open.remove(&session)).unwrap_or_default();
                client.address = client.address.or(opening.address.map(Text::Owned));
                event(client, None, EventKind::Rejected(transport))
            }
            Step::HandshakeFailed(cause) => {
                let opening = session.and_then(|session| self.open.remove(&session)).unwrap_or_default();
                client.address = client.address.or(opening.address.map(Text::Owned));
                event(client, None, EventKind::HandshakeFailed(cause))
            }
            Step::Disconnected => {
                if let Some(session) = session {
                    self.open.remove(&session);
                }
                event(client, None, EventKind::Disconnected)
            }
        }
    }

    fn note(&mut self, session: Option<u64>, change: impl FnOnce(&mut Opening)) {
        let Some(session) = session else { return };
        // Arrivals that come to nothing (probes) stay; their process numbers come again in the end.
        if self.open.len() >= OPEN_MAX && !self.open.contains_key(&session) {
            self.open.clear();
        }
        change(self.open.entry(session).or_default());
    }
}
