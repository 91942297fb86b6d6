//! Usage as it is defined, fact by fact: what the fast way must come to.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;
use proptest::prelude::*;
use ssl_usage_parsers::Engine;

use super::coverage::{self, Recorded, is_complete, kind, seen_by};
use super::{Client, ClientUsage, Ignored, Transports, Usage, add_up};
use crate::bundle::fact::{Key, Tallied};
use crate::bundle::metric::HOUR;
use crate::bundle::{Facts, GapCause, LogGap, LogRead, Measured, exported_source};
use crate::inventory::InstanceProfile;
use crate::sessions::InstanceSamples;
use crate::window::Window;

const NOW: i64 = 1_795_392_000;
const HOURS: i64 = 30;

type Row = (Key, Tallied);

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("in range")
}

fn instant(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).expect("in range")
}

/// The window: some hours lie before and behind it.
fn window() -> Window {
    Window { from: at(NOW - 20 * HOUR - 1200), to: at(NOW - 2 * HOUR + 900) }
}

fn choice(values: &'static [&'static str]) -> impl Strategy<Value = Option<&'static str>> {
    prop::sample::select(values).prop_map(|value| Some(value).filter(|value| !value.is_empty()))
}

/// Most are sessions.
const EVENTS: &[&str] =
    &["received", "connected", "connected", "connected", "rejected", "handshake_failed", "disconnected", "new"];

/// A fact: its kind of log, hour, what happened, and to whom.
fn row(places: usize) -> impl Strategy<Value = (usize, i64, Key, Tallied)> {
    let what = (
        prop::sample::select(EVENTS),
        choice(&["tls", "plaintext", "local", "unknown", "gss", "quic", ""]),
        choice(&["", "probe", "client-rejected-certificate", "text-behind-mark"]),
        choice(&["", "TLSv1.3"]),
    );
    let who = (
        choice(&["", "app", "batch"]),
        choice(&["", "shop"]),
        choice(&["", "10.0.0.7", "10.0.0.8"]),
        choice(&["", "psql"]),
    );
    let seen = (1u64..5, 0i64..3_599_000_000, 0i64..3_599_000_000, any::<bool>());
    (0..places, 0..HOURS, what, who, seen).prop_map(|(place, hour, what, who, (count, one, other, system))| {
        let begin = NOW - (HOURS - hour) * HOUR;
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let key = Key {
            source: String::new(),
            hour: begin,
            event: what.0,
            transport: what.1,
            tls_version: owned(what.3),
            cipher: owned(what.3),
            user: owned(who.0),
            database: owned(who.1),
            address: owned(who.2),
            application: owned(who.3),
            auth_method: owned(who.3),
            cause: what.2,
            system,
            open: None,
        };
        let (first, last) = (one.min(other), one.max(other));
        (
            place,
            hour,
            key,
            Tallied { count, first_seen: begin * 1_000_000 + first, last_seen: begin * 1_000_000 + last },
        )
    })
}

/// Facts and what was read of their logs, by the kinds of logs of an engine.
fn evidence(
    engine: &'static Engine,
    rows: Vec<(usize, i64, Key, Tallied)>,
    torn: &BTreeSet<(usize, i64)>,
) -> (Vec<LogRead>, Vec<Row>) {
    let places = places(engine);
    let mut readings: BTreeMap<String, LogRead> = BTreeMap::new();
    let mut facts = Vec::new();
    for (place, hour, mut key, tallied) in rows {
        let name = &places[place % places.len()];
        key.source =
            if name.starts_with("/aws/") { exported_source(name, at(key.hour)) } else { format!("{name}.{hour}") };
        let is_session = key.event == "connected";
        let sessions = if is_session { tallied.count } else { 0 };
        let reading = readings.entry(key.source.clone()).or_insert_with(|| LogRead {
            source: key.source.clone(),
            log: key.source.clone(),
            span: Some(Window { from: at(key.hour), to: at(key.hour + HOUR) }),
            complete: true,
            gaps: match torn.contains(&(place, hour)) {
                true => vec![LogGap { cause: GapCause::Truncated, message: String::new() }],
                false => Vec::new(),
            },
            ..LogRead::default()
        });
        reading.records += tallied.count;
        reading.sessions += sessions;
        reading.tls_sessions += if key.transport == Some("tls") { sessions } else { 0 };
        let is_unknown = !matches!(key.transport, Some("tls" | "plaintext" | "local" | "gss"));
        reading.unknown_sessions += if is_unknown { sessions } else { 0 };
        if is_session {
            let (first, last) = (instant(tallied.first_seen), instant(tallied.last_seen));
            reading.first_session_at = Some(reading.first_session_at.map_or(first, |known| known.min(first)));
            reading.last_session_at = reading.last_session_at.max(Some(last));
        }
        facts.push((key, tallied));
    }
    (readings.into_values().collect(), facts)
}

fn places(engine: &Engine) -> Vec<String> {
    let files = engine.logs.iter().filter_map(|logs| logs.prefix.map(str::to_owned));
    let exports = engine.logs.iter().filter_map(|logs| logs.export.as_ref());
    files.chain(exports.map(|export| format!("/aws/rds/instance/orders/{}", export.log_type))).collect()
}

/// When sessions were recorded.
fn recorded(rows: &[Row]) -> Recorded {
    let mut hours: BTreeMap<(&str, i64), (i64, i64)> = BTreeMap::new();
    for (key, seen) in rows.iter().filter(|(key, _)| key.event == "connected") {
        let span = hours.entry((&key.source, key.hour)).or_insert((seen.first_seen, seen.last_seen));
        *span = (span.0.min(seen.first_seen), span.1.max(seen.last_seen));
    }
    let mut recorded = Recorded::default();
    for ((source, _), (first, last)) in hours {
        recorded.entry(source.to_owned()).or_default().push((instant(first), instant(last)));
    }
    recorded
}

/// Each session once, by the rules of `dedup`.
fn once(rows: &[Row], readings: &[LogRead], engine: Option<&Engine>) -> Vec<Row> {
    let recorded = recorded(rows);
    let mut kinds: Vec<(bool, bool, usize)> = Vec::new();
    for of in readings.iter().map(|reading| kind(engine, &reading.source)).collect::<BTreeSet<_>>() {
        let mut of_kind = readings.iter().filter(|reading| kind(engine, &reading.source) == of);
        let partial = of_kind.clone().any(|reading| !is_complete(engine, &reading.source));
        kinds.push((partial, of_kind.any(|reading| reading.unknown_sessions > 0), of));
    }
    kinds.sort_unstable();
    let inside: Vec<&Row> = rows.iter().filter(|row| is_inside(row)).collect();
    let rank = |key: &Key| kinds.iter().position(|(.., of)| *of == kind(engine, &key.source)).unwrap_or(0);
    let seen: Vec<Vec<Window>> = kinds
        .iter()
        .map(|(partial, _, of)| {
            let of_kind = readings.iter().filter(|reading| kind(engine, &reading.source) == *of).collect::<Vec<_>>();
            if *partial { Vec::new() } else { seen_by(&of_kind, &recorded) }
        })
        .collect();
    let what = |key: &Key| (key.event, key.cause.filter(|cause| *cause != "text-behind-mark"));
    let who = |key: &Key| key.user.clone().zip(key.address.clone());
    let is_kept = |(key, tallied): &Row| {
        let before = |is: &dyn Fn(&Key) -> bool| inside.iter().any(|(other, _)| rank(other) < rank(key) && is(other));
        let shown = (0..rank(key)).any(|before| {
            let shows = inside.iter().any(|(other, _)| rank(other) == before && what(other) == what(key));
            let within =
                |span: &Window| span.from <= instant(tallied.first_seen) && instant(tallied.last_seen) <= span.to;
            shows && seen[before].iter().any(within)
        });
        let is_tls = |key: &Key| key.transport == Some("tls");
        let only_tls =
            is_tls(key) && !before(&|other| is_tls(other) && what(other) == what(key) && other.system == key.system);
        let is_named = key.event == "connected" && !key.system && !kinds[rank(key)].0 && who(key).is_some();
        let came = |other: &Key| matches!(other.event, "connected" | "rejected") && who(other) == who(key);
        let only_here = is_named && !before(&came);
        kinds.len() < 2 || !shown || only_tls || only_here
    };
    inside.iter().copied().filter(|row| is_kept(row)).cloned().collect()
}

fn is_inside((_, tallied): &Row) -> bool {
    instant(tallied.last_seen) >= window().from && instant(tallied.first_seen) < window().to
}

fn client(key: &Key) -> Client {
    let Key { user, database, address, application, .. } = key.clone();
    Client { user, database, address, application }
}

fn ignores(client: &Client) -> Option<usize> {
    (client.user.as_deref() == Some("batch")).then_some(3)
}

/// What facts add up to.
#[derive(Debug, Default, PartialEq)]
struct Sums {
    connections: Transports,
    judged: Transports,
    by_day: BTreeMap<Date, Transports>,
    system: Transports,
    ignored: Ignored,
    named: [BTreeMap<String, u64>; 5],
    counts: [u64; 4],
    rejected: Transports,
    clients: BTreeMap<Client, ClientUsage>,
    outside: (Option<Timestamp>, bool),
}

impl Sums {
    fn of(usage: Usage) -> Self {
        let Usage { connections, judged, by_day, system, ignored, rejected, clients, .. } = usage;
        let of_sessions = [usage.tls_versions, usage.ciphers, usage.auth_methods];
        let [versions, ciphers, methods] = of_sessions;
        let named = [versions, ciphers, methods, usage.handshakes_failed, usage.certificate_rejected_by];
        let counts = [usage.received, usage.disconnected, usage.imitable_tls, usage.unknown_uncounted];
        let outside = (usage.tls_outside, usage.plaintext_outside);
        Self { connections, judged, by_day, system, ignored, named, counts, rejected, clients, outside }
    }

    /// Adds a fact that counts.
    fn add(&mut self, (key, tallied): &Row, judged_from: Timestamp) {
        let (count, client) = (tallied.count, client(key));
        let (transport, ignored) = (key.transport.unwrap_or("unknown"), ignores(&client));
        let cause = key.cause.unwrap_or("other");
        let mut name = |at: usize, name: Option<&str>| {
            name.into_iter().for_each(|name| *self.named[at].entry(name.to_owned()).or_default() += count);
        };
        match (key.event, key.system, ignored) {
            ("connected", true, _) => self.system.add(transport, count),
            ("connected", false, ignored) => {
                let texts = [&key.tls_version, &key.cipher, &key.auth_method];
                if ignored.is_none() {
                    texts.into_iter().enumerate().for_each(|(at, text)| name(at, text.as_deref()));
                }
                self.add_session((key, tallied), transport, judged_from);
            }
            ("received", ..) => self.counts[0] += count,
            ("rejected", false, Some(_)) => self.ignored.attempts.add(transport, count),
            ("rejected", false, None) => self.rejected.add(transport, count),
            ("handshake_failed", _, Some(_)) if cause != "client-rejected-certificate" && cause != "probe" => {
                self.ignored.attempts.tls += count;
            }
            ("handshake_failed", ..) => {
                name(3, Some(cause));
                let rejecting = cause == "client-rejected-certificate";
                name(4, rejecting.then(|| key.address.as_deref().unwrap_or("an unknown address")));
            }
            ("disconnected", false, _) => self.counts[1] += count,
            _ => {}
        }
    }

    fn add_session(&mut self, (key, tallied): (&Key, &Tallied), transport: &str, judged_from: Timestamp) {
        let (count, client) = (tallied.count, client(key));
        let day = Offset::UTC.to_datetime(at(key.hour)).date();
        self.by_day.entry(day).or_default().add(transport, count);
        self.counts[2] += if key.cause == Some("text-behind-mark") { count } else { 0 };
        self.counts[3] += if matches!(transport, "tls" | "plaintext" | "local" | "gss") { 0 } else { count };
        let ignored = ignores(&client);
        if ignored.is_some() {
            self.ignored.sessions.add(transport, count);
        } else {
            self.connections.add(transport, count);
            if instant(tallied.last_seen) >= judged_from {
                self.judged.add(transport, count);
            }
        }
        let used = self.clients.entry(client).or_default();
        used.ignored_by = ignored;
        used.sessions.add(transport, count);
        if let Some(version) = &key.tls_version {
            *used.tls_versions.entry(version.clone()).or_default() += count;
        }
        let (first, last) = (instant(tallied.first_seen), instant(tallied.last_seen));
        used.first_seen = Some(used.first_seen.map_or(first, |known| known.min(first)));
        used.last_seen = used.last_seen.max(Some(last));
    }

    /// Adds a fact outside of the window.
    fn add_outside(&mut self, (key, tallied): &Row) {
        let is = |transport| key.event == "connected" && key.transport == Some(transport);
        if key.system {
            return;
        }
        self.outside.1 |= is("plaintext") || is("gss");
        if (is("tls") || key.cause == Some("client-rejected-certificate")) && ignores(&client(key)).is_none() {
            self.outside.0 = self.outside.0.max(Some(instant(tallied.last_seen)));
        }
    }
}

proptest! {
    #[test]
    fn usage_is_what_its_facts_add_up_to(
        engine in prop::sample::select(&["postgres", "aurora-mysql", "mariadb", "oracle-ee"][..]),
        rows in prop::collection::vec(row(6), 0..40),
        torn in prop::collection::btree_set((0usize..6, 0..HOURS), 0..3),
    ) {
        let profile = InstanceProfile { engine: engine.to_owned(), ..InstanceProfile::default() };
        let known = profile.known_engine().expect("an engine");
        let (readings, rows) = evidence(known, rows, &torn);
        let beside = (&Measured::default(), &InstanceSamples::default());
        let facts = Some(Facts::of(&rows));
        let usage = add_up(&profile, (&readings, facts), beside, (window(), 0.95), &ignores);
        let expected_coverage = coverage::of((&readings, &recorded(&rows), &[]), Some(known), window(), 0.95);
        prop_assert_eq!(&usage.coverage, &expected_coverage);
        prop_assert_eq!(&usage.contradictory, &None);
        let judged_from = usage.coverage.judged.map_or(window().from, |judged| judged.from);
        let mut expected = Sums::default();
        once(&rows, &readings, Some(known)).iter().for_each(|row| expected.add(row, judged_from));
        rows.iter().filter(|row| !is_inside(row)).for_each(|row| expected.add_outside(row));
        prop_assert_eq!(Sums::of(usage), expected);
    }
}
