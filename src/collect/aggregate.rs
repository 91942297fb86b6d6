//! Counts events into facts as they stream by. Nothing else counts events.

use std::collections::{HashMap, HashSet};

use ssl_usage_parsers::{
    Client, ConnectionEvent, Engine, EventKind, EventSink, Malformed, Micros, OTHER, Text, Transport,
};

use super::connection_ids::ConnectionIds;
use super::event_bytes::CountedEvents;
use crate::bundle::fact::{Key, Tallied, cause};

/// Most keys of one log file, and most bytes of their text. Beyond, new keys are [`SHORTER`]; no count is ever lost.
const KEYS_MAX: usize = 50_000;
const TEXT_MAX: usize = 32 * 1024 * 1024;
/// Most names of TLS versions, and most of ciphers, of one log file; OpenSSL knows about 160 ciphers.
const NAMES_MAX: usize = 256;
/// By which part of these there may be more keys of each shorter kind.
const MORE: usize = 10;
const HOUR: i64 = 3600;

/// What is left out of a key when there are too many, one after the other: who the client is, which it chooses freely; then
/// the names of protocols; and then the hour, which text in a log can invent. What decides a verdict stays: whether a
/// session used TLS, and when the first and the last of its kind were seen.
const SHORTER: &[fn(&mut Key, &Fold)] = &[
    |key, _| {
        (key.user, key.database, key.address, key.application) = (None, None, None, None);
        (key.auth_method, key.open) = (None, None);
    },
    |key, _| {
        for name in [&mut key.tls_version, &mut key.cipher].into_iter().flatten() {
            *name = other();
        }
    },
    |key, fold| key.hour = hour(fold.otherwise),
];

/// Counts the events of one log file.
#[derive(Debug)]
pub(super) struct Fold {
    source: String,
    engine: &'static Engine,
    /// The time of events that have none.
    otherwise: Micros,
    /// Positions in `tallied`.
    facts: HashMap<Key, usize>,
    tallied: Vec<Tallied>,
    counted: CountedEvents,
    keys_max: usize,
    text_max: usize,
    /// Bytes of text in the keys.
    text: usize,
    versions: HashSet<String>,
    ciphers: HashSet<String>,
    /// Whether keys were shortened, so that not all clients have a name.
    pub shortened: bool,
    /// Records that were understood.
    pub records: u64,
    /// Sessions among them.
    pub sessions: u64,
    /// Of those, with TLS.
    pub tls_sessions: u64,
    /// Sessions whose transport the log does not show.
    pub unknown_sessions: u64,
    /// When the first session was recorded.
    pub first_session: Option<Micros>,
    /// When the last session was recorded.
    pub last_session: Option<Micros>,
    /// Records that could not be parsed. One that the end of a growing file cuts is among them: it may be TLS.
    pub unparsed: u64,
    /// The numbers of sessions. Whether they are connection IDs, the parser says.
    pub ids: ConnectionIds,
}

impl Fold {
    /// For the file called `source`; `otherwise` is the time of events that have none.
    pub fn new(source: &str, engine: &'static Engine, otherwise: Micros) -> Self {
        Self {
            source: source.to_owned(),
            engine,
            otherwise,
            facts: HashMap::new(),
            tallied: Vec::new(),
            counted: counted(KEYS_MAX, TEXT_MAX),
            keys_max: KEYS_MAX,
            text_max: TEXT_MAX,
            text: 0,
            versions: HashSet::new(),
            ciphers: HashSet::new(),
            shortened: false,
            records: 0,
            sessions: 0,
            tls_sessions: 0,
            unknown_sessions: 0,
            first_session: None,
            last_session: None,
            unparsed: 0,
            ids: ConnectionIds::default(),
        }
    }

    /// One of so many that fill up at the same time: together they hold as many keys as one alone.
    pub fn one_of(self, many: usize) -> Self {
        let (keys_max, text_max) = (KEYS_MAX / many.max(1), TEXT_MAX / many.max(1));
        Self { keys_max, text_max, counted: counted(keys_max, text_max), ..self }
    }

    /// The facts, sorted, so that the same log gives the same bytes.
    pub fn into_facts(self) -> Vec<(Key, Tallied)> {
        let tallied = |(key, at)| Some((key, *self.tallied.get(at)?));
        let mut facts: Vec<_> = self.facts.into_iter().filter_map(tallied).collect();
        facts.sort_unstable_by(|one, other| one.0.cmp(&other.0));
        facts
    }

    /// The key of an event. What it depends on, [`CountedEvents`] compares.
    fn key(&mut self, event: &ConnectionEvent<'_>, at: Micros) -> Key {
        let Client { user, database, address, application } = &event.client;
        let (name, transport, cause) = match &event.kind {
            EventKind::Received => ("received", None, None),
            EventKind::Connected(transport) => ("connected", Some(transport), imitable(transport)),
            EventKind::Rejected(transport) => ("rejected", Some(transport), None),
            EventKind::HandshakeFailed(cause) => ("handshake_failed", None, Some(cause.name())),
            EventKind::Disconnected(_) => ("disconnected", None, None),
        };
        let tls = match transport {
            Some(Transport::Tls(tls)) => Some(tls),
            _ => None,
        };
        Key {
            source: self.source.clone(),
            hour: hour(at),
            event: name,
            transport: transport.map(transport_name),
            tls_version: tls.and_then(|tls| known(&mut self.versions, printable(tls.version.as_ref()))),
            cipher: tls.and_then(|tls| known(&mut self.ciphers, printable(tls.cipher.as_ref()))),
            user: printable(user.as_ref()),
            database: printable(database.as_ref()),
            address: printable(address.as_ref()),
            application: printable(application.as_ref()),
            auth_method: printable(event.auth_method.as_ref()),
            cause,
            system: self.engine.is_system(&event.client),
            open: open(event, at),
        }
    }

    /// The position of the fact of a key, or of a shorter one where there are too many.
    fn fact(&mut self, mut key: Key, at: Micros) -> usize {
        for (more, shorten) in SHORTER.iter().enumerate() {
            let room = |most: usize| most + most / MORE * more;
            let has_room = self.facts.len() < room(self.keys_max) && self.text < room(self.text_max);
            if has_room || self.facts.contains_key(&key) {
                break;
            }
            shorten(&mut key, self);
            self.shortened = true;
        }
        let text = text(&key);
        *self.facts.entry(key).or_insert_with(|| {
            self.text += text;
            self.tallied.push(Tallied { count: 0, first_seen: at, last_seen: at });
            self.tallied.len() - 1
        })
    }

    /// Counts an event. One like another belongs to the same fact: there is never more room than before.
    fn count(&mut self, event: &ConnectionEvent<'_>, at: Micros) {
        let fact = match self.counted.fact(event, hour(at), open(event, at)) {
            Some(fact) => fact,
            None => {
                let key = self.key(event, at);
                let fact = self.fact(key, at);
                self.counted.remember(fact);
                fact
            }
        };
        let Some(tallied) = self.tallied.get_mut(fact) else { return };
        tallied.count += 1;
        tallied.first_seen = tallied.first_seen.min(at);
        tallied.last_seen = tallied.last_seen.max(at);
    }
}

/// Room for the events of a log of so many keys: those that come again and again are few.
fn counted(keys_max: usize, text_max: usize) -> CountedEvents {
    CountedEvents::new(keys_max / 2, text_max / 4)
}

/// The name under which protocols count once a log names too many.
fn other() -> String {
    String::from_utf8_lossy(OTHER).into_owned()
}

/// A name that is known, or becomes so while there is room.
fn known(names: &mut HashSet<String>, name: Option<String>) -> Option<String> {
    let name = name?;
    if names.contains(&name) {
        return Some(name);
    }
    if names.len() >= NAMES_MAX {
        return Some(other());
    }
    names.insert(name.clone());
    Some(name)
}

/// The beginning of an hour, in seconds.
fn hour(at: Micros) -> i64 {
    at.div_euclid(HOUR * 1_000_000) * HOUR
}

/// Bytes of the text of a key.
fn text(key: &Key) -> usize {
    let Key { source, tls_version, cipher, user, database, address, application, auth_method, .. } = key;
    let texts = [tls_version, cipher, user, database, address, application, auth_method];
    source.len() + texts.into_iter().flatten().map(String::len).sum::<usize>()
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
            if let (Some(at), Some(number)) = (event.at, event.number) {
                self.ids.add(at, number);
            }
        }
        self.count(event, at);
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

/// The whole hours at which a session that ended was open, if the log has its duration.
fn open(event: &ConnectionEvent<'_>, at: Micros) -> Option<(i64, i64)> {
    match event.kind {
        EventKind::Disconnected(Some(lasted)) => whole_hours(at.saturating_sub(lasted), at),
        _ => None,
    }
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
    use ssl_usage_parsers::{HandshakeFailure, Tls};

    use super::*;

    fn connected(user: &str, application: String, at: Micros) -> ConnectionEvent<'static> {
        let text = |text: String| Some(Text::Owned(text.into_bytes()));
        let client = Client { user: text(user.to_owned()), application: text(application), ..Client::default() };
        ConnectionEvent {
            at: Some(at),
            client,
            auth_method: None,
            number: None,
            kind: EventKind::Connected(Transport::Plaintext),
        }
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

    /// A session with TLS, of invented names.
    fn invented(number: u64) -> ConnectionEvent<'static> {
        let text = |kind: &str| Text::Owned(format!("{kind}-{number}").into_bytes());
        let tls = Tls { version: Some(text("version")), cipher: Some(text("cipher")), ..Tls::default() };
        let at = number as Micros * HOUR * 1_000_000;
        ConnectionEvent { kind: EventKind::Connected(Transport::Tls(tls)), ..connected("app", format!("{number}"), at) }
    }

    #[test]
    fn invented_protocols_and_hours_cost_no_count_and_no_memory_either() {
        let mut fold = Fold { keys_max: 1000, ..Fold::new("log", &ssl_usage_parsers::postgres::ENGINE, 0) };
        (0..10_000).for_each(|number| fold.event(&invented(number)));
        fold.event(&connected("app", "late".to_owned(), 5));
        assert!(fold.shortened);
        let facts = fold.into_facts();
        assert!(facts.len() < 1250, "{}", facts.len());
        let count = |transport: &str| -> u64 {
            let of = facts.iter().filter(|(key, _)| key.transport == Some(transport));
            of.map(|(_, tallied)| tallied.count).sum()
        };
        assert_eq!((count("tls"), count("plaintext")), (10_000, 1));
        let last = facts.iter().map(|(_, tallied)| tallied.last_seen).max();
        assert_eq!(last, Some(9_999 * HOUR * 1_000_000), "when they were seen is not lost");
        let ciphers: HashSet<_> = facts.iter().filter_map(|(key, _)| key.cipher.clone()).collect();
        assert!(ciphers.len() == NAMES_MAX + 1 && ciphers.contains("(other)"), "{}", ciphers.len());
    }

    #[test]
    fn long_names_are_bounded_by_their_bytes() {
        let mut fold = Fold { text_max: 100_000, ..Fold::new("log", &ssl_usage_parsers::postgres::ENGINE, 0) };
        for number in 0..1000 {
            fold.event(&connected("app", format!("{number}-{}", "x".repeat(9_000)), 0));
        }
        let facts = fold.into_facts();
        let bytes: usize = facts.iter().map(|(key, _)| text(key)).sum();
        assert!(bytes < 120_000 && facts.iter().map(|(_, tallied)| tallied.count).sum::<u64>() == 1000, "{bytes}");
    }

    #[test]
    fn a_name_of_any_length_counts_as_one() {
        let mut fold = Fold::new("log", &ssl_usage_parsers::postgres::ENGINE, 0);
        let names = [254, 255, 256, 9_000].map(|length| "x".repeat(length));
        for _ in 0..3 {
            names.iter().for_each(|name| fold.event(&connected("app", name.clone(), 0)));
        }
        let counts: Vec<_> = fold.into_facts().into_iter().map(|(_, tallied)| tallied.count).collect();
        assert_eq!(counts, [3; 4]);
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
    fn events_that_differ_in_anything_are_facts_of_their_own_and_others_are_not() {
        let hour = HOUR * 1_000_000;
        let kind = |kind| ConnectionEvent { kind, ..connected("app", "x".to_owned(), 0) };
        let tls = |tls: Tls<'static>| kind(EventKind::Connected(Transport::Tls(tls)));
        let name = |name: &'static str| Some(Text::Borrowed(name.as_bytes()));
        let client = |client| ConnectionEvent { client, ..connected("app", String::new(), 0) };
        let late = |of| ConnectionEvent { at: Some(4 * hour + 1), ..kind(of) };
        let events = [
            connected("app", "x".to_owned(), 0),
            connected("app", "x".to_owned(), hour),
            connected("ap", "px".to_owned(), 0),
            connected("rdsadmin", "x".to_owned(), 0),
            ConnectionEvent { auth_method: name("md5"), ..connected("app", "x".to_owned(), 0) },
            kind(EventKind::Received),
            kind(EventKind::Connected(Transport::Local)),
            kind(EventKind::Connected(Transport::Gss)),
            kind(EventKind::Connected(Transport::Unknown)),
            kind(EventKind::Rejected(Transport::Plaintext)),
            kind(EventKind::HandshakeFailed(HandshakeFailure::Probe)),
            kind(EventKind::HandshakeFailed(HandshakeFailure::Other)),
            kind(EventKind::Disconnected(None)),
            late(EventKind::Disconnected(None)),
            late(EventKind::Disconnected(Some(2 * hour))),
            late(EventKind::Disconnected(Some(3 * hour))),
            tls(Tls::default()),
            tls(Tls { imitable: true, ..Tls::default() }),
            tls(Tls { version: name("TLSv1.3"), ..Tls::default() }),
            tls(Tls { cipher: name("TLSv1.3"), ..Tls::default() }),
            client(Client { database: name("a"), ..Client::default() }),
            client(Client { address: name("a"), ..Client::default() }),
            client(Client { address: name(""), ..Client::default() }),
            client(Client::default()),
        ];
        let mut fold = Fold::new("log", &ssl_usage_parsers::postgres::ENGINE, 0);
        for _ in 0..3 {
            events.iter().for_each(|event| fold.event(event));
        }
        let facts = fold.into_facts();
        assert_eq!(facts.len(), events.len(), "{facts:?}");
        assert!(facts.iter().all(|(_, tallied)| tallied.count == 3), "{facts:?}");
    }

    #[test]
    fn awss_own_users_are_marked_and_hours_are_whole() {
        let mut fold = Fold::new("log", &ssl_usage_parsers::postgres::ENGINE, 0);
        fold.event(&connected("rdsadmin", String::new(), -1));
        let facts = fold.into_facts();
        assert_eq!(facts.iter().map(|(key, _)| (key.system, key.hour)).collect::<Vec<_>>(), [(true, -HOUR)]);
    }
}
