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
mod restarts;
mod sampled;
#[cfg(test)]
pub(crate) mod test_support;
mod unseen_times;
mod upper_bound;

pub use crate::bundle::metric::name as metric;
pub use coverage::{Coverage, Gap, GapReason};
pub use handshake_counter::CountedHandshakes;
pub use metrics::{Above, Metrics};
use open_sessions::Proven;
pub use parallel::{of_each, side_by_side};
pub use sampled::{NoOlderSession, Sampled};
pub use unseen_times::unseen;
pub use upper_bound::tls_share_at_most;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;
use polars::prelude::{
    ChunkedArray, DataFrame, Expr, IntoLazy, LazyFrame, PolarsError, PolarsResult, StringType, col, lit,
};

use crate::bundle::fact::{cause, column};
use crate::bundle::{LogRead, Measured};
use crate::error::{Error, ErrorKind, Result};
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
    (readings, facts): (&[LogRead], Option<DataFrame>),
    (measured, sampled): (&Measured, &InstanceSamples),
    (window, least): (Window, f64),
    ignores: Ignores<'_>,
) -> Result<Usage> {
    let unreadable = |error| unreadable(profile, error);
    let engine = profile.known_engine();
    let recorded = facts.as_ref().map(coverage::recorded).transpose().map_err(unreadable)?.unwrap_or_default();
    // An instance that was made anew under an old name is not what the old one was, and what was before it was made cannot
    // be missing.
    let lived = Window { from: profile.created_at.unwrap_or(window.from).max(window.from), to: window.to };
    let all_samples = &sampled.without_own();
    // One that was taken before the instance was made is of another that had its name.
    let sampled = &profile.created_at.map_or_else(|| all_samples.clone(), |created| all_samples.since(created));
    let handshakes = handshake_counter::of(sampled);
    let coverage = coverage::of((readings, &recorded, &handshakes.none_in), engine, lived, least);
    let judged_from = coverage.judged.map_or(lived.from, |judged| judged.from);
    let contradictory = contradiction::find(readings, facts.as_ref()).map_err(unreadable)?;
    let without_own = |facts| own_logins::left_out(facts, all_samples, engine);
    let facts = facts.map(without_own).transpose().map_err(unreadable)?;
    let mut usage = Usage { coverage, contradictory, handshakes, ..Usage::default() };
    let (mut proven, mut settled) = (Proven::default(), BTreeSet::new());
    if let Some(facts) = facts {
        usage.add_outside(&facts, lived, ignores).map_err(unreadable)?;
        // What was before the window says nothing of what a log shows in it.
        let inside = facts.lazy().filter(lies_in(lived)).collect();
        let once = inside.and_then(|facts| dedup::once(facts, (readings, &recorded), engine)).map_err(unreadable)?;
        proven = open_sessions::proven(&once, &usage.coverage.logged, engine).map_err(unreadable)?;
        let counted = &usage.handshakes.none_in.clone();
        let seen_in = |window| coverage::of((readings, &recorded, counted), engine, window, least).seen;
        settled = sampled::settled_clients(&once, (sampled, lived), seen_in).map_err(unreadable)?;
        usage.unknown_uncounted = handshake_counter::unknown_outside(&once, counted).map_err(unreadable)?;
        usage.by_day = daily::by_day(once.clone().lazy()).map_err(unreadable)?;
        let rows = totals(once.lazy(), judged_from).and_then(|table| Rows::new(&table)?.add_to(&mut usage, ignores));
        rows.map_err(unreadable)?;
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
    Ok(usage)
}

/// The error for facts that do not add up.
fn unreadable(profile: &InstanceProfile, error: PolarsError) -> Error {
    Error::new(ErrorKind::Format, profile.arn.clone(), "could not add up the facts of this instance")
        .hint("collect into a new bundle")
        .because(error)
}

/// Whether a fact has a part in a window.
fn lies_in(window: Window) -> Expr {
    col(column::LAST_SEEN)
        .gt_eq(lit(window.from.as_microsecond()))
        .and(col(column::FIRST_SEEN).lt(lit(window.to.as_microsecond())))
}

/// The column that says whether a fact has a part in the judged part of the window.
const JUDGED: &str = "judged";

/// Everything that is counted apart, over all hours and logs.
fn totals(facts: LazyFrame, judged_from: Timestamp) -> PolarsResult<DataFrame> {
    const APART: [&str; 12] = [
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
        column::SYSTEM,
        JUDGED,
    ];
    let judged = col(column::LAST_SEEN).gt_eq(lit(judged_from.as_microsecond())).alias(JUDGED);
    let sums = [col(column::COUNT).sum(), col(column::FIRST_SEEN).min(), col(column::LAST_SEEN).max()];
    facts.with_column(judged).group_by(APART.map(col)).agg(sums).collect()
}

/// Whether a client that left is one that was seen to connect: a disconnection names no application.
fn is_same(client: &Client, leaver: &Client, changes_database: bool) -> bool {
    (&client.user, &client.address) == (&leaver.user, &leaver.address)
        && (changes_database || client.database == leaver.database)
}

impl Usage {
    /// Adds what an earlier instance of the same name showed. Its clients may be this one's: it was replaced or restored.
    fn add_former(&mut self, facts: &DataFrame, window: Window, ignores: Ignores<'_>) -> PolarsResult<()> {
        // Nothing of it is of this instance, whatever its time.
        self.add_outside(facts, Window { from: window.to, to: window.to }, ignores)
    }

    /// Adds what clients did outside of a window.
    fn add_outside(&mut self, facts: &DataFrame, window: Window, ignores: Ignores<'_>) -> PolarsResult<()> {
        let outside = outside::of(facts, window)?;
        let tls = outside.tls.into_iter().filter(|(client, _)| ignores(client).is_none()).map(|(_, at)| at);
        self.tls_outside = self.tls_outside.into_iter().chain(tls).max();
        self.plaintext_outside |= outside.plaintext;
        Ok(())
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
                event: "connected",
                transport: session.transport.name(),
                tls_version: session.tls_version.as_deref(),
                cipher: session.cipher.as_deref(),
                auth_method: None,
                cause: "",
                system: false,
                judged: session.last_seen >= judged_from,
                count: 1,
                seen: (Some(session.first_seen.as_microsecond()), Some(session.last_seen.as_microsecond())),
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

impl Transports {
    /// Sessions of any transport.
    pub fn sum(&self) -> u64 {
        self.tls + self.plaintext + self.local + self.unknown + self.gss
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

/// The rows of the table of totals.
struct Rows<'t> {
    table: &'t DataFrame,
    length: usize,
}

impl<'t> Rows<'t> {
    fn new(table: &'t DataFrame) -> PolarsResult<Self> {
        Ok(Self { table, length: table.height() })
    }

    fn text(&self, name: &str) -> PolarsResult<&'t ChunkedArray<StringType>> {
        self.table.column(name)?.str()
    }

    fn add_to(&self, usage: &mut Usage, ignores: Ignores<'_>) -> PolarsResult<()> {
        let (events, transports) = (self.text(column::EVENT)?, self.text(column::TRANSPORT)?);
        let (versions, ciphers) = (self.text(column::TLS_VERSION)?, self.text(column::CIPHER)?);
        let (users, databases) = (self.text(column::USER)?, self.text(column::DATABASE)?);
        let (addresses, applications) = (self.text(column::ADDRESS)?, self.text(column::APPLICATION)?);
        let (methods, causes) = (self.text(column::AUTH_METHOD)?, self.text(column::CAUSE)?);
        let (systems, counts) = (self.table.column(column::SYSTEM)?.bool()?, self.table.column(column::COUNT)?.u64()?);
        let judged = self.table.column(JUDGED)?.bool()?;
        let (firsts, lasts) =
            (self.table.column(column::FIRST_SEEN)?.i64()?, self.table.column(column::LAST_SEEN)?.i64()?);
        for row in 0..self.length {
            let owned = |column: &ChunkedArray<StringType>| column.get(row).map(str::to_owned);
            let total = Total {
                event: events.get(row).unwrap_or_default(),
                transport: transports.get(row).unwrap_or("unknown"),
                tls_version: versions.get(row),
                cipher: ciphers.get(row),
                auth_method: methods.get(row),
                cause: causes.get(row).unwrap_or("other"),
                system: systems.get(row) == Some(true),
                judged: judged.get(row) == Some(true),
                count: counts.get(row).unwrap_or(0),
                seen: (firsts.get(row), lasts.get(row)),
                client: Client {
                    user: owned(users),
                    database: owned(databases),
                    address: owned(addresses),
                    application: owned(applications),
                },
            };
            let ignored_by = ignores(&total.client);
            total.add_to(usage, ignored_by);
        }
        Ok(())
    }
}

/// Events of one kind and one client.
struct Total<'t> {
    event: &'t str,
    transport: &'t str,
    tls_version: Option<&'t str>,
    cipher: Option<&'t str>,
    auth_method: Option<&'t str>,
    cause: &'t str,
    system: bool,
    judged: bool,
    count: u64,
    seen: (Option<i64>, Option<i64>),
    client: Client,
}

impl Total<'_> {
    fn add_to(self, usage: &mut Usage, ignored_by: Option<usize>) {
        let count = self.count;
        match (self.event, self.system) {
            ("connected", true) => usage.system.add(self.transport, count),
            ("connected", false) => self.add_session(usage, ignored_by),
            ("received", _) => usage.received += count,
            ("rejected", false) if ignored_by.is_some() => usage.ignored.attempts.add(self.transport, count),
            ("handshake_failed", _)
                if ignored_by.is_some() && !["client-rejected-certificate", "probe"].contains(&self.cause) =>
            {
                usage.ignored.attempts.tls += count;
            }
            ("rejected", false) => usage.rejected.add(self.transport, count),
            ("handshake_failed", _) => {
                if self.cause == "client-rejected-certificate" {
                    let address = self.client.address.unwrap_or_else(|| "an unknown address".to_owned());
                    *usage.certificate_rejected_by.entry(address).or_default() += count;
                }
                *usage.handshakes_failed.entry(self.cause.to_owned()).or_default() += count;
            }
            ("disconnected", false) => {
                usage.disconnected += count;
                if ignored_by.is_some() {
                    return;
                }
                *usage.older_sessions.entry(Client { application: None, ..self.client }).or_default() += count;
            }
            // AWS's own users decide nothing, and what a newer version may have written is unknown here.
            _ => {}
        }
    }

    fn add_session(self, usage: &mut Usage, ignored_by: Option<usize>) {
        let count = self.count;
        let named = |counts: &mut BTreeMap<String, u64>, name: Option<&str>| {
            if let Some(name) = name {
                *counts.entry(name.to_owned()).or_default() += count;
            }
        };
        if self.cause == cause::TEXT_BEHIND_MARK {
            usage.imitable_tls += count;
        }
        if ignored_by.is_some() {
            usage.ignored.sessions.add(self.transport, count);
        } else {
            usage.connections.add(self.transport, count);
            if self.judged {
                usage.judged.add(self.transport, count);
            }
            named(&mut usage.tls_versions, self.tls_version);
            named(&mut usage.ciphers, self.cipher);
            named(&mut usage.auth_methods, self.auth_method);
        }
        let client = usage.clients.entry(self.client).or_default();
        client.ignored_by = ignored_by;
        client.sessions.add(self.transport, count);
        named(&mut client.tls_versions, self.tls_version);
        let instant = |micros: Option<i64>| micros.and_then(|micros| Timestamp::from_microsecond(micros).ok());
        let (first, last) = (instant(self.seen.0), instant(self.seen.1));
        client.first_seen = [client.first_seen, first].into_iter().flatten().min();
        client.last_seen = client.last_seen.max(last);
    }
}
