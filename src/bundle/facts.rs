//! The facts of an instance, as they are added up: what events share is there once, and facts are rows of numbers.

use std::hash::Hash;
use std::sync::Arc;

use super::combine::Combined;
use super::fact::column;
#[cfg(test)]
use super::fact::{Key, Tallied};
use super::fact_file::FactFile;
use super::texts::Texts;
use foldhash::HashMap;

/// Facts of an instance.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    logs: Numbered<Arc<str>>,
    sources: Numbered<Arc<str>>,
    events: Numbered<Event>,
    rows: Vec<Fact>,
}

/// What facts of several hours and logs have in common: what happened, and to whom. See [`mod@column`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Event {
    /// What happened.
    pub kind: EventKind,
    /// The same, as the table has it.
    pub name: Arc<str>,
    /// Its transport.
    pub transport: Option<Arc<str>>,
    /// TLS version.
    pub tls_version: Option<Arc<str>>,
    /// Cipher.
    pub cipher: Option<Arc<str>>,
    /// Database user.
    pub user: Option<Arc<str>>,
    /// Database.
    pub database: Option<Arc<str>>,
    /// Client address.
    pub address: Option<Arc<str>>,
    /// Application name.
    pub application: Option<Arc<str>>,
    /// Authentication method.
    pub auth_method: Option<Arc<str>>,
    /// Why a handshake failed.
    pub cause: Option<Arc<str>>,
    /// AWS's own client.
    pub system: bool,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// A client reached the server.
    Received,
    /// A session began.
    Connected,
    /// An attempt was rejected by rule or password.
    Rejected,
    /// A handshake failed.
    HandshakeFailed,
    /// A session ended.
    Disconnected,
    /// What a newer version may have written.
    Other,
}

/// How many events of one kind were seen in an hour, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fact {
    /// The log: see [`Facts::log`].
    pub(super) log: u32,
    /// The log file, by its number in [`Facts::sources`].
    pub source: u32,
    /// The event, by its number in [`Facts::events`].
    pub event: u32,
    /// How many.
    pub count: u64,
    /// Start of the hour, in seconds since 1970 (UTC).
    pub hour: i64,
    /// First of them, in microseconds since 1970 (UTC).
    pub first_seen: i64,
    /// Last of them.
    pub last_seen: i64,
    /// Of sessions that ended: the first whole hour at which they were open, in seconds since 1970 (UTC).
    pub open_from: Option<i64>,
    /// The last whole hour at which they were open, likewise.
    pub open_to: Option<i64>,
}

impl EventKind {
    fn named(name: &str) -> Self {
        match name {
            "received" => Self::Received,
            "connected" => Self::Connected,
            "rejected" => Self::Rejected,
            "handshake_failed" => Self::HandshakeFailed,
            "disconnected" => Self::Disconnected,
            _ => Self::Other,
        }
    }
}

impl Event {
    /// Its texts, in the order of the columns of the table: all of them but the source.
    pub(super) fn texts(&self) -> [Option<&str>; EVENT_TEXTS.len()] {
        let Self {
            name, transport, tls_version, cipher, user, database, address, application, auth_method, cause, ..
        } = self;
        let others = [transport, tls_version, cipher, user, database, address, application, auth_method, cause];
        let mut texts = [Some(name.as_ref()); EVENT_TEXTS.len()];
        texts.iter_mut().skip(1).zip(others).for_each(|(text, other)| *text = other.as_deref());
        texts
    }

    /// An event of these texts, in the same order.
    fn of(texts: [Option<Arc<str>>; EVENT_TEXTS.len()], system: bool) -> Self {
        let [name, transport, tls_version, cipher, user, database, address, application, auth_method, cause] = texts;
        let name = name.unwrap_or_default();
        let kind = EventKind::named(&name);
        Self {
            kind,
            name,
            transport,
            tls_version,
            cipher,
            user,
            database,
            address,
            application,
            auth_method,
            cause,
            system,
        }
    }

    /// Whether it used TLS.
    pub fn is_tls(&self) -> bool {
        self.transport.as_deref() == Some("tls")
    }

    /// Whether a client's session began.
    pub fn is_session(&self) -> bool {
        self.kind == EventKind::Connected && !self.system
    }
}

/// The columns of text that belong to an event.
pub(super) const EVENT_TEXTS: [&str; 10] = [
    column::EVENT,
    column::TRANSPORT,
    column::TLS_VERSION,
    column::CIPHER,
    column::USER,
    column::DATABASE,
    column::ADDRESS,
    column::APPLICATION,
    column::AUTH_METHOD,
    column::CAUSE,
];

/// Values, by number and by value.
#[derive(Clone, Debug)]
struct Numbered<T> {
    by_number: Vec<T>,
    /// The numbers of the first values, and of how many. Only a second file needs them.
    numbers: HashMap<T, u32>,
    indexed: usize,
}

impl<T> Default for Numbered<T> {
    fn default() -> Self {
        Self { by_number: Vec::new(), numbers: HashMap::default(), indexed: 0 }
    }
}

impl<T: Clone + Eq + Hash> Numbered<T> {
    /// The number of a value, which is added if it is new.
    fn number(&mut self, value: T) -> u32 {
        for (known, number) in self.by_number.iter().zip(0..).skip(self.indexed) {
            self.numbers.entry(known.clone()).or_insert(number);
        }
        let next = self.by_number.len() as u32;
        let number = *self.numbers.entry(value.clone()).or_insert(next);
        if number == next {
            self.by_number.push(value);
        }
        self.indexed = self.by_number.len();
        number
    }

    /// The numbers of the distinct values of a file.
    fn numbers(&mut self, values: impl Iterator<Item = T>) -> Vec<u32> {
        // Most instances have one file.
        if self.by_number.is_empty() {
            self.by_number = values.collect();
            return (0..).take(self.by_number.len()).collect();
        }
        values.map(|value| self.number(value)).collect()
    }
}

/// The names in a column. A missing one is of no fact that counts.
fn names(texts: &Texts) -> impl Iterator<Item = Arc<str>> {
    texts.values().iter().map(|value| value.clone().unwrap_or_default())
}

impl Facts {
    /// The facts.
    pub fn rows(&self) -> &[Fact] {
        &self.rows
    }

    /// The events, some of which may be of no fact any more.
    pub fn events(&self) -> &[Event] {
        &self.events.by_number
    }

    /// The log files, some of which may be of no fact any more.
    pub fn sources(&self) -> &[Arc<str>] {
        &self.sources.by_number
    }

    /// Facts with what they are of.
    pub fn with_events(&self) -> impl Iterator<Item = (&Fact, &Event)> + Clone {
        self.with(self.events())
    }

    /// Something of each event, which is found out once and not for each fact: see [`Self::with`].
    pub fn of_events<T>(&self, of: impl Fn(&Event) -> T) -> Vec<T> {
        self.events().iter().map(of).collect()
    }

    /// Facts with something of their event.
    pub fn with<'f, T>(&'f self, of_events: &'f [T]) -> impl Iterator<Item = (&'f Fact, &'f T)> + Clone {
        self.rows.iter().filter_map(|fact| Some((fact, of_events.get(fact.event as usize)?)))
    }

    /// The event of a fact.
    pub fn event(&self, fact: &Fact) -> Option<&Event> {
        self.events.by_number.get(fact.event as usize)
    }

    /// The log of a fact.
    pub fn log(&self, fact: &Fact) -> &str {
        self.logs.by_number.get(fact.log as usize).map_or("", AsRef::as_ref)
    }

    /// The log file of a fact.
    pub fn source(&self, fact: &Fact) -> &str {
        self.sources.by_number.get(fact.source as usize).map_or("", AsRef::as_ref)
    }

    /// Keeps some facts.
    pub fn retain(&mut self, is_kept: impl FnMut(&Fact) -> bool) {
        self.rows.retain(is_kept);
    }

    /// Changes counts; facts of nothing are left out.
    pub fn recount(&mut self, counts: &[u64]) {
        self.rows.iter_mut().zip(counts).for_each(|(fact, count)| fact.count = *count);
        self.rows.retain(|fact| fact.count > 0);
    }

    /// Adds the facts of another file that count.
    pub(super) fn add(&mut self, file: FactFile) {
        let FactFile { logs, sources, events, systems, mut rows, is_kept } = file;
        let system_codes: Vec<u32> = systems.iter().map(|system| u32::from(*system)).collect();
        let columns = events.iter().map(|texts| (texts.codes(), texts.values().len()));
        let combined = Combined::of(rows.len(), columns.chain([(system_codes.as_slice(), 2)]));
        let event = |row: &usize| {
            let texts = std::array::from_fn(|at| events.get(at)?.of_row(*row).cloned());
            Event::of(texts, systems.get(*row) == Some(&true))
        };
        let of_event = self.events.numbers(combined.first_rows.iter().map(event));
        let of_log = self.logs.numbers(names(&logs));
        let of_source = self.sources.numbers(names(&sources));
        let codes = logs.codes().iter().zip(sources.codes()).zip(&combined.codes);
        let number = |of: &[u32], code: u32| of.get(code as usize).copied().unwrap_or_default();
        for (fact, ((log, source), event)) in rows.iter_mut().zip(codes) {
            (fact.log, fact.source) = (number(&of_log, *log), number(&of_source, *source));
            fact.event = number(&of_event, *event);
        }
        let mut is_kept = is_kept.into_iter();
        rows.retain(|_| is_kept.next() == Some(true));
        // Most instances have one file.
        if self.rows.is_empty() { self.rows = rows } else { self.rows.append(&mut rows) }
    }
}

#[cfg(test)]
impl Facts {
    /// Facts as tests make them up, row by row. Each file is a log of its own.
    pub fn of(facts: &[(Key, Tallied)]) -> Self {
        let mut made = Self::default();
        for (key, tallied) in facts {
            let text = |text: Option<&str>| text.map(Arc::from);
            let owned = [&key.user, &key.database, &key.address, &key.application, &key.auth_method];
            let [user, database, address, application, auth_method] = owned.map(|owned| text(owned.as_deref()));
            let (version, cipher) = (text(key.tls_version.as_deref()), text(key.cipher.as_deref()));
            let (name, transport, cause) = (text(Some(key.event)), text(key.transport), text(key.cause));
            let texts = [name, transport, version, cipher, user, database, address, application, auth_method, cause];
            let source: Arc<str> = Arc::from(key.source.as_str());
            let event = made.events.number(Event::of(texts, key.system));
            let (log, source) = (made.logs.number(source.clone()), made.sources.number(source));
            let Tallied { count, first_seen, last_seen } = *tallied;
            let (open_from, open_to) = key.open.unzip();
            let hour = key.hour;
            made.rows.push(Fact { log, source, event, count, hour, first_seen, last_seen, open_from, open_to });
        }
        made
    }
}
