//! Usage: the evidence of an instance in numbers, as sessions by transport, clients, and coverage of the window.

mod contradiction;
mod coverage;
mod daily;
mod dedup;
mod handshake_counter;
mod metrics;
mod open_sessions;
mod outside;
mod own_logins;
mod parallel;
#[cfg(test)]
mod reference;
mod restarts;
mod sampled;
#[cfg(test)]
pub(crate) mod test_support;
mod totals;
mod unseen_times;
mod upper_bound;

pub use crate::bundle::metric::name as metric;
pub use coverage::{Coverage, Gap, GapReason};
pub use handshake_counter::CountedHandshakes;
pub use metrics::{Above, Metrics};
use open_sessions::Proven;
pub use parallel::{of_each, side_by_side};
pub use sampled::{NoOlderSession, Sampled};
use totals::Total;
pub use unseen_times::unseen;
pub use upper_bound::tls_share_at_most;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;

use crate::bundle::{Event, EventKind, Facts, LogRead, Measured};
use crate::inventory::InstanceProfile;
use crate::sessions::{InstanceSamples, SampledSession, SessionTransport};
use crate::window::Window;

/// Sessions by transport.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Transports {
    /// TLS.
    pub tls: u64,
    /// No TLS, over a network.
    pub plaintext: u64,
    /// No TLS, over a socket or loopback.
    pub local: u64,
    /// The log does not show the transport.
    pub unknown: u64,
    /// Encrypted by GSSAPI, without a certificate.
    pub gss: u64,
}

/// A client.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Client {
    /// Database user.
    pub user: Option<String>,
    /// Database.
    pub database: Option<String>,
    /// Address, without the port.
    pub address: Option<String>,
    /// Application name.
    pub application: Option<String>,
}

/// What one client did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientUsage {
    /// Its sessions.
    pub sessions: Transports,
    /// Its TLS versions.
    pub tls_versions: BTreeMap<String, u64>,
    /// When it was first seen to connect.
    pub first_seen: Option<Timestamp>,
    /// When it was last seen to connect.
    pub last_seen: Option<Timestamp>,
    /// Which entry of the policy takes its sessions out of the count.
    pub ignored_by: Option<usize>,
}

/// What clients did that decide nothing by the policy. Clients that did not accept the certificate are never among them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ignored {
    /// Their sessions.
    pub sessions: Transports,
    /// Their attempts that were refused, and as TLS their handshakes that failed.
    pub attempts: Transports,
}

/// Which entry of a policy ignores a client, if one does.
pub type Ignores<'a> = &'a dyn Fn(&Client) -> Option<usize>;

/// What the evidence of one instance adds up to, within the window.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Usage {
    /// Sessions of clients.
    pub connections: Transports,
    /// Those in the part of the window that is judged.
    pub judged: Transports,
    /// When clients were last seen to use TLS outside of the window, since the instance was made.
    pub tls_outside: Option<Timestamp>,
    /// Whether clients were seen without TLS outside of the window, since the instance was made.
    pub plaintext_outside: bool,
    /// Sessions of clients by day (UTC); a day without any is left out.
    pub by_day: BTreeMap<Date, Transports>,
    /// Sessions of AWS's own users.
    pub system: Transports,
    /// What clients did that decide nothing by the policy.
    pub ignored: Ignored,
    /// Sessions of clients by TLS version.
    pub tls_versions: BTreeMap<String, u64>,
    /// Sessions of clients by cipher.
    pub ciphers: BTreeMap<String, u64>,
    /// Sessions of clients by authentication method.
    pub auth_methods: BTreeMap<String, u64>,
    /// Clients that reached the server.
    pub received: u64,
    /// Attempts rejected by rule or password, by transport.
    pub rejected: Transports,
    /// Handshakes that failed, by cause.
    pub handshakes_failed: BTreeMap<String, u64>,
    /// Addresses that rejected the certificate.
    pub certificate_rejected_by: BTreeMap<String, u64>,
    /// Sessions that ended.
    pub disconnected: u64,
    /// The clients, and what each did.
    pub clients: BTreeMap<Client, ClientUsage>,
    /// Clients whose disconnect is logged but not their login: their sessions are older than the window. No application.
    pub older_sessions: BTreeMap<Client, u64>,
    /// When the oldest session that ended was open already, of those whose beginning no log shows.
    pub oldest_unseen: Option<Timestamp>,
    /// A time that no session is older than, by the last restart that is proven.
    pub last_start: Option<Timestamp>,
    /// Coverage of the window.
    pub coverage: Coverage,
    /// The metrics.
    pub metrics: Metrics,
    /// The sessions that were open when the instance was probed.
    pub sampled: Sampled,
    /// What the server's counter of TLS handshakes shows of clients.
    pub handshakes: CountedHandshakes,
    /// Sessions whose transport the log does not show, outside of the time in which that counter shows that no client used TLS.
    pub unknown_uncounted: u64,
    /// Sessions with TLS, of all clients, whose mark has text behind it: a client without TLS may have written it.
    pub imitable_tls: u64,
    /// Whether evidence is damaged, missing or invalid.
    pub unread: bool,
    /// The log whose number of sessions differs from that of its facts.
    pub contradictory: Option<String>,
    /// Whether the endpoint of the metrics violated its API: what they would have shown is unknown.
    pub metrics_unreadable: bool,
    /// Whether the evidence cannot be verified, because it has no digests.
    pub unverified: bool,
    /// The digest of the evidence, in hexadecimal; none where it is damaged or missing.
    pub digest: Option<String>,
}

/// Adds up what was read of an instance's logs, the facts in them, what was measured, and which sessions were open in samples.
fn add_up(
    profile: &InstanceProfile,
    (readings, facts): (&[LogRead], Option<Facts>),
    (measured, sampled): (&Measured, &InstanceSamples),
    (window, least): (Window, f64),
    ignores: Ignores<'_>,
) -> Usage {
    let engine = profile.known_engine();
    let recorded = facts.as_ref().map(coverage::recorded).unwrap_or_default();
    // An instance that was made anew under an old name is not what the old one was, and what was before it was made cannot
    // be missing.
    let lived = Window { from: profile.created_at.unwrap_or(window.from).max(window.from), to: window.to };
    let all_samples = &sampled.without_own();
    // One that was taken before the instance was made is of another that had its name.
    let sampled = &profile.created_at.map_or_else(|| all_samples.clone(), |created| all_samples.since(created));
    let handshakes = handshake_counter::of(sampled);
    let coverage = coverage::of((readings, &recorded, &handshakes.none_in), engine, lived, least);
    let judged_from = coverage.judged.map_or(lived.from, |judged| judged.from);
    let contradictory = contradiction::find(readings, facts.as_ref());
    let facts = facts.map(|facts| own_logins::left_out(facts, all_samples, engine));
    let mut usage = Usage { coverage, contradictory, handshakes, ..Usage::default() };
    let (mut proven, mut settled) = (Proven::default(), BTreeSet::new());
    if let Some(mut facts) = facts {
        usage.add_outside(&facts, lived, ignores);
        // What was before the window says nothing of what a log shows in it.
        let (from, to) = (lived.from.as_microsecond(), lived.to.as_microsecond());
        facts.retain(|fact| fact.last_seen >= from && fact.first_seen < to);
        let once = dedup::once(facts, (readings, &recorded), engine);
        proven = open_sessions::proven(&once, &usage.coverage.logged, engine);
        let counted = &usage.handshakes.none_in;
        let seen_in = |window| coverage::of((readings, &recorded, counted), engine, window, least).seen;
        settled = sampled::settled_clients(&once, (sampled, lived), seen_in);
        usage.unknown_uncounted = handshake_counter::unknown_outside(&once, counted);
        usage.by_day = daily::by_day(&once);
        totals::add(&once, judged_from, &mut usage, ignores);
    }
    usage.oldest_unseen = proven.oldest_unseen.and_then(|hour| Timestamp::from_second(hour).ok());
    usage.metrics =
        metrics::of(measured, (&profile.arn, &profile.proxies), lived, (&usage.coverage.logged, &proven.open));
    usage.last_start = restarts::last_start(measured, (&profile.arn, profile.created_at), window.to);
    usage.sampled = sampled::of(sampled, lived, |client| ignores(client).is_some());
    usage.sampled.settled_at = sampled::settles_open(sampled, &usage.coverage.seen, lived);
    usage.sampled.none_older = sampled::no_older_session(sampled, readings, (&usage.coverage.seen, lived));
    let is_restarted = usage.last_start.is_some_and(|start| restarts::is_seen(start, &usage.coverage.logged));
    if is_restarted || usage.sampled.settled_at.is_some() || usage.sampled.none_older.is_some() {
        usage.metrics.unaccounted = Some(0);
    }
    usage.add_sampled(sampled, (lived, judged_from), ignores);
    let outside = sampled::tls_outside(all_samples, lived, |client| ignores(client).is_some());
    usage.tls_outside = usage.tls_outside.max(outside);
    let changes = engine.is_some_and(|engine| engine.changes_database);
    // A disconnection names no application: a client that is ignored for its own vouches for no other.
    let counted = || usage.clients.iter().filter(|(_, used)| used.ignored_by.is_none());
    usage.older_sessions.retain(|leaver, _| {
        let is_settled = settled.contains(&(leaver.user.clone(), leaver.address.clone()));
        !is_settled && !counted().any(|(client, _)| is_same(client, leaver, changes))
    });
    usage
}

/// Whether a client that left is one that was seen to connect: a disconnection names no application.
fn is_same(client: &Client, leaver: &Client, changes_database: bool) -> bool {
    (&client.user, &client.address) == (&leaver.user, &leaver.address)
        && (changes_database || client.database == leaver.database)
}

impl Usage {
    /// Adds what an earlier instance of the same name showed. Its clients may be this one's: it was replaced or restored.
    fn add_former(&mut self, facts: &Facts, window: Window, ignores: Ignores<'_>) {
        // Nothing of it is of this instance, whatever its time.
        self.add_outside(facts, Window { from: window.to, to: window.to }, ignores);
    }

    /// Adds what clients did outside of a window.
    fn add_outside(&mut self, facts: &Facts, window: Window, ignores: Ignores<'_>) {
        let outside = outside::of(facts, window);
        let tls = outside.tls.into_iter().filter(|(client, _)| ignores(client).is_none()).map(|(_, at)| at);
        self.tls_outside = self.tls_outside.into_iter().chain(tls).max();
        self.plaintext_outside |= outside.plaintext;
    }

    /// Adds the sessions that were open in samples and that no log shows.
    fn add_sampled(
        &mut self,
        sampled: &InstanceSamples,
        (lived, judged_from): (Window, Timestamp),
        ignores: Ignores<'_>,
    ) {
        let (seen, clients) = (self.coverage.logged.clone(), self.clients.clone());
        let is_known = |session: &&SampledSession| session.transport != SessionTransport::Unknown && !session.system;
        let sessions = sampled::within(sampled, lived).filter(is_known);
        for session in sessions.filter(|session| !sampled::is_logged(session, &seen, &clients)) {
            let client = sampled::client(session);
            let ignored_by = ignores(&client);
            let day = Offset::UTC.to_datetime(session.first_seen.max(lived.from)).date();
            self.by_day.entry(day).or_default().add(session.transport.name(), 1);
            let total = Total {
                kind: EventKind::Connected,
                transport: session.transport.name(),
                tls_version: session.tls_version.as_deref(),
                cipher: session.cipher.as_deref(),
                auth_method: None,
                cause: "",
                system: false,
                judged: session.last_seen >= judged_from,
                count: 1,
                seen: (session.first_seen.as_microsecond(), session.last_seen.as_microsecond()),
                client,
            };
            if ignored_by.is_none() {
                self.sampled.added.add(session.transport.name(), 1);
            }
            total.add_to(self, ignored_by);
        }
    }

    /// What the clients did that the policy does not ignore.
    pub fn counted_clients(&self) -> impl Iterator<Item = &ClientUsage> {
        self.clients.values().filter(|used| used.ignored_by.is_none())
    }
}

impl Client {
    /// The client of an event.
    fn of(event: &Event) -> Self {
        let owned = |text: &Option<Arc<str>>| text.as_deref().map(str::to_owned);
        let Event { user, database, address, application, .. } = event;
        let [user, database, address, application] = [user, database, address, application].map(owned);
        Self { user, database, address, application }
    }
}

impl Transports {
    /// Sessions of any transport.
    pub fn sum(&self) -> u64 {
        self.tls + self.plaintext + self.local + self.unknown + self.gss
    }

    fn join(&mut self, other: &Self) {
        self.tls += other.tls;
        self.plaintext += other.plaintext;
        self.local += other.local;
        self.unknown += other.unknown;
        self.gss += other.gss;
    }

    fn add(&mut self, transport: &str, count: u64) {
        let slot = match transport {
            "tls" => &mut self.tls,
            "plaintext" => &mut self.plaintext,
            "local" => &mut self.local,
            "gss" => &mut self.gss,
            // What a newer version may have written is unknown here.
            _ => &mut self.unknown,
        };
        *slot += count;
    }
}
