//! Where events go, and the sink that counts them.

use std::collections::BTreeMap;
use std::ops::AddAssign;

use crate::engine::Engine;
use crate::event::{Client, Malformed, Tls, Transport};
use crate::session::{ConnectionEvent, EventKind};

/// Takes what a scan finds, from one thread at a time: events in the order of the log, and what could not be understood in
/// any.
pub trait EventSink: Send {
    /// Gets the engine that wrote the log, before the first event.
    fn engine(&mut self, _engine: &'static Engine) {}

    /// An event.
    fn event(&mut self, event: &ConnectionEvent<'_>);

    /// A record that can only be about a connection and could not be understood, and where it stands.
    fn malformed(&mut self, offset: u64, cause: Malformed);

    /// The tally that everything is counted in, if events are only counted. Threads then count what they find by themselves,
    /// and their counts are added to it.
    fn tally(&mut self) -> Option<&mut Tally> {
        None
    }
}

/// Sessions by transport.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Transports {
    /// TLS.
    pub tls: u64,
    /// Encrypted by GSSAPI.
    pub gss: u64,
    /// No TLS, over a network.
    pub plaintext: u64,
    /// No TLS, over a socket or loopback.
    pub local: u64,
    /// The log does not show it.
    pub unknown: u64,
}

impl Transports {
    /// Counts a session.
    fn add(&mut self, transport: &Transport<'_>) {
        let count = match transport {
            Transport::Tls(_) => &mut self.tls,
            Transport::Gss => &mut self.gss,
            Transport::Plaintext => &mut self.plaintext,
            Transport::Local => &mut self.local,
            Transport::Unknown => &mut self.unknown,
        };
        *count += 1;
    }

    /// Sessions of any transport.
    pub fn sum(&self) -> u64 {
        self.tls + self.gss + self.plaintext + self.local + self.unknown
    }
}

impl AddAssign<&Self> for Transports {
    fn add_assign(&mut self, other: &Self) {
        self.tls += other.tls;
        self.gss += other.gss;
        self.plaintext += other.plaintext;
        self.local += other.local;
        self.unknown += other.unknown;
    }
}

/// The name under which TLS versions and ciphers count once a log names too many: text in a log can invent them.
pub const OTHER: &[u8] = b"(other)";
/// Most names that are kept apart: OpenSSL knows about 160 ciphers.
const NAMES_MAX: usize = 256;
/// Longest name that is kept. In bytes.
const NAME_MAX: usize = 128;

/// Counts of a log or of many. Without an engine, no client is known to be AWS's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Whose log it is: sessions of AWS's own clients are counted apart.
    engine: Option<&'static Engine>,
    /// Sessions of clients.
    pub connections: Transports,
    /// Sessions of AWS's own users.
    pub system: Transports,
    /// Clients that reached the server.
    pub received: u64,
    /// Attempts refused by rule or password.
    pub rejected: u64,
    /// TLS handshakes that failed.
    pub handshake_failed: u64,
    /// Those of them in which the client did not accept the certificate.
    pub certificate_rejected: u64,
    /// Sessions that ended.
    pub disconnected: u64,
    /// Sessions of clients by TLS version.
    pub tls_versions: BTreeMap<Vec<u8>, u64>,
    /// Sessions of clients by cipher.
    pub ciphers: BTreeMap<Vec<u8>, u64>,
    /// Records that could not be understood, by cause.
    pub malformed: BTreeMap<Malformed, u64>,
    /// Where in the log the first of them stands, in bytes.
    pub malformed_at: Option<u64>,
}

impl Tally {
    /// An empty tally of a log of this engine.
    pub fn of(engine: &'static Engine) -> Self {
        Self { engine: Some(engine), ..Self::default() }
    }

    /// Records about connections that were understood.
    pub fn records(&self) -> u64 {
        self.connections.sum()
            + self.system.sum()
            + self.received
            + self.rejected
            + self.handshake_failed
            + self.disconnected
    }

    /// Records that could not be understood.
    pub fn unparsed(&self) -> u64 {
        self.malformed.values().sum()
    }

    /// Names of TLS versions and ciphers that are kept.
    pub fn names(&self) -> usize {
        self.tls_versions.len() + self.ciphers.len()
    }

    /// Whether some of these names are counted as [`OTHER`].
    pub fn has_other_names(&self) -> bool {
        [&self.tls_versions, &self.ciphers].iter().any(|counts| counts.contains_key(OTHER))
    }

    /// Counts all of these names as [`OTHER`].
    pub fn forget_names(&mut self) {
        for counts in [&mut self.tls_versions, &mut self.ciphers] {
            let sum = std::mem::take(counts).into_values().sum();
            if sum > 0 {
                counts.insert(OTHER.to_vec(), sum);
            }
        }
    }

    /// An empty tally of another part of the same log.
    pub(crate) fn of_part(&self) -> Self {
        Self { engine: self.engine, ..Self::default() }
    }

    /// Whether the next part of the log, and so many `more` names, can be added as they were counted. Not if there may be
    /// too many names: which of them are kept depends on the order of the records.
    pub(crate) fn can_add(&self, part: &Self, more: usize) -> bool {
        let has_room = |mine: &BTreeMap<Vec<u8>, u64>, others: &BTreeMap<Vec<u8>, u64>| {
            let new = others.keys().filter(|name| !mine.contains_key(*name)).count();
            others.len() < NAMES_MAX
                && (new == 0 || mine.len() + new <= NAMES_MAX)
                && (more == 0 || mine.len() + new + more <= NAMES_MAX)
        };
        has_room(&self.tls_versions, &part.tls_versions) && has_room(&self.ciphers, &part.ciphers)
    }

    /// Adds the next part of the same log.
    pub(crate) fn add(&mut self, part: &Self) {
        *self += part;
        self.malformed_at = [self.malformed_at, part.malformed_at].into_iter().flatten().min();
    }

    /// Counts a session of a client. TLS versions and ciphers of AWS's own sessions are not counted.
    fn connected(&mut self, client: &Client<'_>, transport: &Transport<'_>) {
        if self.engine.is_some_and(|engine| engine.is_system(client)) {
            return self.system.add(transport);
        }
        self.connections.add(transport);
        if let Transport::Tls(Tls { version, cipher, .. }) = transport {
            count(&mut self.tls_versions, version.as_deref(), 1);
            count(&mut self.ciphers, cipher.as_deref(), 1);
        }
    }
}

/// Adds to the count of a name. Of names beyond [`NAMES_MAX`], and of longer ones, no count is lost, but the name.
/// Does nothing without a name: the log shows TLS, but no version or cipher.
fn count(counts: &mut BTreeMap<Vec<u8>, u64>, name: Option<&[u8]>, by: u64) {
    let Some(name) = name else { return };
    if let Some(count) = counts.get_mut(name) {
        *count += by;
        return;
    }
    let others = usize::from(counts.contains_key(OTHER));
    let kept = counts.len() - others < NAMES_MAX && name.len() <= NAME_MAX;
    *counts.entry(if kept { name } else { OTHER }.to_vec()).or_insert(0) += by;
}

impl EventSink for Tally {
    fn engine(&mut self, engine: &'static Engine) {
        self.engine = Some(engine);
    }

    fn event(&mut self, event: &ConnectionEvent<'_>) {
        match &event.kind {
            EventKind::Received => self.received += 1,
            EventKind::Connected(transport) => self.connected(&event.client, transport),
            EventKind::Rejected(_) => self.rejected += 1,
            EventKind::HandshakeFailed(cause) => {
                self.handshake_failed += 1;
                if *cause == crate::event::HandshakeFailure::ClientRejectedCertificate {
                    self.certificate_rejected += 1;
                }
            }
            EventKind::Disconnected(_) => self.disconnected += 1,
        }
    }

    fn malformed(&mut self, offset: u64, cause: Malformed) {
        self.malformed_at = Some(self.malformed_at.map_or(offset, |first| first.min(offset)));
        *self.malformed.entry(cause).or_insert(0) += 1;
    }

    fn tally(&mut self) -> Option<&mut Tally> {
        Some(self)
    }
}

impl AddAssign<&Self> for Tally {
    /// Adds the counts of another tally. The engine stays, and so does `malformed_at`: an offset is of one log.
    fn add_assign(&mut self, other: &Self) {
        self.connections += &other.connections;
        self.system += &other.system;
        self.received += other.received;
        self.rejected += other.rejected;
        self.handshake_failed += other.handshake_failed;
        self.certificate_rejected += other.certificate_rejected;
        self.disconnected += other.disconnected;
        for (mine, others) in [(&mut self.tls_versions, &other.tls_versions), (&mut self.ciphers, &other.ciphers)] {
            for (name, by) in others {
                count(mine, Some(name), *by);
            }
        }
        for (cause, count) in &other.malformed {
            *self.malformed.entry(*cause).or_insert(0) += count;
        }
    }
}
