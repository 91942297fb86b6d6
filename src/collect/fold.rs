//! Counts events into facts as they stream by: the only place where events become numbers.

use std::collections::HashMap;

use ssl_usage_parsers::{Client, ConnectionEvent, Engine, EventKind, EventSink, Malformed, Micros, Text, Transport};

use crate::bundle::fact::{Key, Tallied, cause};

/// Most keys of one log file. Beyond, what a client can choose freely is left out of new keys; no count is ever lost.
const KEYS_MAX: usize = 50_000;
const HOUR: i64 = 3600;

/// Counts the events of one log file.
#[derive(Debug)]
pub(super) struct Fold {
    source: String,
    engine: &'static Engine,
    /// The time of events that have none.
    otherwise: Micros,
    facts: HashMap<Key, Tallied>,
    keys_max: usize,
    /// Records that were understood.
    pub records: u64,
    /// Sessions among them.
    pub sessions: u64,
    /// Of those, with TLS.
    pub tls_sessions: u64,
    /// Sessions of which the log cannot tell how they were carried.
    pub unknown_sessions: u64,
    /// When the first session was recorded.
    pub first_session: Option<Micros>,
    /// When the last session was recorded.
    pub last_session: Option<Micros>,
    /// Records that could not be understood. One that the end of a growing file cuts is among them: it may be TLS.
    pub unparsed: u64,
}

impl Fold {
    /// For the file called `source`; `otherwise` is the time of events that have none.
    pub fn new(source: &str, engine: &'static Engine, otherwise: Micros) -> Self {
        Self {
            source: source.to_owned(),
            engine,
            otherwise,
            facts: HashMap::new(),
            keys_max: KEYS_MAX,
            records: 0,
            sessions: 0,
            tls_sessions: 0,
            unknown_sessions: 0,
            first_session: None,
            last_session: None,
            unparsed: 0,
        }
    }

    /// One of so many that fill up at the same time: together they hold as many keys as one alone.
    pub fn one_of(self, many: usize) -> Self {
        Self { keys_max: KEYS_MAX / many.max(1), ..self }
    }

    /// The facts, sorted, so that the same log gives the same bytes.
    pub fn into_facts(self) -> Vec<(Key, Tallied)> {
        let mut facts: Vec<_> = self.facts.into_iter().collect();
        facts.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        facts
    }

    fn key(&self, event: &ConnectionEvent<'_>, at: Micros) -> Key {
        let Client { user, database, address, application } = &event.client;
        let (name, transport, cause) = match &event.kind {
            EventKind::Received => ("received", None, None),
            EventKind::Connected(transport) => ("connected", Some(transport), imitable(transport)),
            EventKind::Rejected(transport) => ("rejected", Some(transport), None),
            EventKind::HandshakeFailed(cause) => ("handshake_failed", None, Some(cause.name())),
            EventKind::Disconnected(_) => ("disconnected", None, None),
        };
        let open = match event.kind {
            EventKind::Disconnected(Some(lasted)) => whole_hours(at.saturating_sub(lasted), at),
            _ => None,
        };
        let tls = match transport {
            Some(Transport::Tls(tls)) => Some(tls),
            _ => None,
        };
        let key = Key {
            source: self.source.clone(),
            hour: at.div_euclid(HOUR * 1_000_000) * HOUR,
            event: name,
            transport: transport.map(transport_name),
            tls_version: tls.and_then(|tls| printable(tls.version.as_ref())),
            cipher: tls.and_then(|tls| printable(tls.cipher.as_ref())),
            user: printable(user.as_ref()),
            database: printable(database.as_ref()),
            address: printable(address.as_ref()),
            application: printable(application.as_ref()),
            auth_method: printable(event.auth_method.as_ref()),
            cause,
            system: self.engine.is_system(&event.client),
            open,
        };
        if self.facts.len() < self.keys_max || self.facts.contains_key(&key) {
            return key;
        }
        Key { user: None, database: None, address: None, application: None, auth_method: None, open: None, ..key }
    }
}

impl EventSink for Fold {
    fn event(&mut self, event: &ConnectionEvent<'_>) {
        let at = event.at.unwrap_or(self.otherwise);
        self.records += 1;
        if let EventKind::Connected(transport) = &event.kind {
            self.sessions += 1;
            self.tls_sessions += u64::from(matches!(transport, Transport::Tls(_)));
            self.unknown_sessions += u64::from(matches!(transport, Transport::Unknown));
            self.first_session = Some(self.first_session.map_or(at, |first| first.min(at)));
            self.last_session = Some(self.last_session.map_or(at, |last| last.max(at)));
        }
        let tallied =
            self.facts.entry(self.key(event, at)).or_insert(Tallied { count: 0, first_seen: at, last_seen: at });
        tallied.count += 1;
        tallied.first_seen = tallied.first_seen.min(at);
        tallied.last_seen = tallied.last_seen.max(at);
    }

    fn malformed(&mut self, _: u64, _: Malformed) {
        self.unparsed += 1;
    }
}

/// How long before and behind a whole hour a session must have been open to count as open at it: CloudWatch looks at
/// DatabaseConnections once a minute, and what it saw at that hour then holds the session.
const BESIDE: Micros = 120 * 1_000_000;

/// The first and the last whole hour, in seconds, at which a session was open.
fn whole_hours(began: Micros, ended: Micros) -> Option<(i64, i64)> {
    let hour = HOUR * 1_000_000;
    let first = began.checked_add(BESIDE)?.checked_add(hour - 1)?.div_euclid(hour);
    let last = ended.checked_sub(BESIDE)?.div_euclid(hour);
    (first <= last).then_some((first * HOUR, last * HOUR))
}

/// What keeps a mark of TLS from being certain.
fn imitable(transport: &Transport<'_>) -> Option<&'static str> {
    matches!(transport, Transport::Tls(tls) if tls.imitable).then_some(cause::TEXT_BEHIND_MARK)
}

fn transport_name(transport: &Transport<'_>) -> &'static str {
    match transport {
        Transport::Tls(_) => "tls",
        Transport::Gss => "gss",
        Transport::Plaintext => "plaintext",
        Transport::Local => "local",
        Transport::Unknown => "unknown",
    }
}

/// Text as facts hold it: what is not UTF-8 as `\xNN`.
fn printable(text: Option<&Text<'_>>) -> Option<String> {
    let mut printed = String::new();
    for chunk in text?.utf8_chunks() {
        printed.push_str(chunk.valid());
        for byte in chunk.invalid() {
            printed.push_str(&format!("\\x{byte:02X}"));
        }
    }
    Some(printed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connected(user: &str, application: String, at: Micros) -> ConnectionEvent<'static> {
        let text = |text: String| Some(Text::Owned(text.into_bytes()));
        let client = Client { user: text(user.to_owned()), application: text(application), ..Client::default() };
        ConnectionEvent { at: Some(at), client, auth_method: None, kind: EventKind::Connected(Transport::Plaintext) }
    }

    #[test]
    fn a_client_that_invents_names_costs_no_count_and_no_memory() {
        let mut fold = Fold::new("log", &ssl_usage_parsers::postgres::ENGINE, 0);
        let many = KEYS_MAX as u64 + 1000;
        for number in 0..many {
            fold.event(&connected("app", format!("job-{number}"), 0));
        }
        let facts = fold.into_facts();
        assert_eq!(facts.len(), KEYS_MAX + 1);
        assert_eq!(facts.iter().map(|(_, tallied)| tallied.count).sum::<u64>(), many);
    }

    #[test]
    fn a_session_is_open_at_the_hours_that_it_surely_spans() {
        let minute = 60_000_000;
        assert_eq!(whole_hours(57 * minute, 63 * minute), Some((HOUR, HOUR)));
        assert_eq!(whole_hours(59 * minute, 63 * minute), None, "it may have begun behind the look before the hour");
        assert_eq!(whole_hours(57 * minute, 61 * minute), None, "it may have ended before the look behind the hour");
        assert_eq!(whole_hours(-10 * minute, 200 * minute), Some((0, 3 * HOUR)));
    }

    #[test]
    fn awss_own_users_are_marked_and_hours_are_whole() {
        let mut fold = Fold::new("log", &ssl_usage_parsers::postgres::ENGINE, 0);
        fold.event(&connected("rdsadmin", String::new(), -1));
        let facts = fold.into_facts();
        assert_eq!(facts.iter().map(|(key, _)| (key.system, key.hour)).collect::<Vec<_>>(), [(true, -HOUR)]);
    }
}
