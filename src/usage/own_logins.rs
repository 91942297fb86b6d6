//! The logins of `ssl-usage probe` in the logs. They use TLS, and no client does so for that.
//!
//! A client may give itself any name. So of the sessions that look like the probe's own, no more are left out than the bundle
//! holds logins of the probe, by user, address and time.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use ssl_usage_parsers::Engine;

use super::coverage::kind;
use crate::bundle::{Event, EventKind, Fact, Facts};
use crate::sessions::{APPLICATION, InstanceSamples, OwnLogin};

/// How far the time in a log may be from the time of the login.
const APART: SignedDuration = SignedDuration::from_secs(60);

/// Microseconds of an hour.
const HOUR_MICROS: i64 = 3_600_000_000;

/// The events that a login leaves in a log. Each is one record of each kind of log.
const ACCEPTED: &[EventKind] = &[EventKind::Connected, EventKind::Disconnected];
const REJECTED: &[EventKind] = &[EventKind::Rejected];

/// Facts without those of the probe's own logins.
pub(super) fn left_out(mut facts: Facts, sampled: &InstanceSamples, engine: Option<&Engine>) -> Facts {
    let own: Vec<&OwnLogin> = sampled.samples.iter().filter_map(|sample| sample.own.as_ref()).collect();
    // A server does not say the address of a login that it rejects: it is that of the others.
    let known: BTreeSet<&str> = own.iter().filter_map(|login| login.address.as_deref()).collect();
    if own.is_empty() {
        return facts;
    }
    let users: BTreeSet<&str> = own.iter().map(|login| login.user.as_str()).collect();
    let rows = Rows::of(&facts, engine, &users);
    let mut counts: Vec<u64> = facts.rows().iter().map(|fact| fact.count).collect();
    for login in own {
        for event in if login.accepted { ACCEPTED } else { REJECTED } {
            rows.leave_out((login, &known), *event, &mut counts);
        }
    }
    facts.recount(&counts);
    facts
}

/// What is looked at of the facts.
struct Rows<'f> {
    facts: &'f Facts,
    /// The kind of log of each source.
    kinds: Vec<usize>,
    /// Rows of the users of probes, by the hour.
    by_hour: BTreeMap<i64, Vec<usize>>,
}

impl<'f> Rows<'f> {
    fn of(facts: &'f Facts, engine: Option<&Engine>, own: &BTreeSet<&str>) -> Self {
        let mut by_hour: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
        for (row, (fact, event)) in facts.with_events().enumerate() {
            if event.user.as_deref().is_some_and(|user| own.contains(user)) {
                by_hour.entry(fact.first_seen.div_euclid(HOUR_MICROS)).or_default().push(row);
            }
        }
        Self { facts, kinds: facts.sources().iter().map(|source| kind(engine, source)).collect(), by_hour }
    }

    fn get(&self, row: usize) -> Option<(&'f Fact, &'f Event)> {
        let fact = self.facts.rows().get(row)?;
        Some((fact, self.facts.event(fact)?))
    }

    /// Takes one record of a login out of the counts, in each kind of log.
    fn leave_out(&self, login: (&OwnLogin, &BTreeSet<&str>), kind: EventKind, counts: &mut [u64]) {
        let mut best: BTreeMap<usize, (bool, usize)> = BTreeMap::new();
        // Facts are of one hour each.
        let hour = login.0.at.as_microsecond().div_euclid(HOUR_MICROS);
        for row in self.by_hour.range(hour - 1..=hour + 1).flat_map(|(_, rows)| rows).copied() {
            let Some((fact, event)) = self.get(row) else { continue };
            let Some(of_log) = self.kinds.get(fact.source as usize) else { continue };
            if counts.get(row).is_some_and(|count| *count > 0) && event.kind == kind && may_be(fact, event, login) {
                let is_named = is_named(event);
                let known = best.entry(*of_log).or_insert((is_named, row));
                if is_named && !known.0 {
                    *known = (true, row);
                }
            }
        }
        for (_, row) in best.into_values() {
            counts.get_mut(row).into_iter().for_each(|count| *count -= 1);
        }
    }
}

/// Whether a fact may hold the record of a login.
fn may_be(fact: &Fact, event: &Event, (login, known): (&OwnLogin, &BTreeSet<&str>)) -> bool {
    let at = |micros: i64| Timestamp::from_microsecond(micros).ok();
    let is_time = at(fact.first_seen).zip(at(fact.last_seen)).is_some_and(|(first, last)| {
        let around = |time: Timestamp, by: SignedDuration| time.checked_add(by).unwrap_or(time);
        (around(first, -APART)..=around(last, APART)).contains(&login.at)
    });
    let is_plain = matches!(event.transport.as_deref(), Some("plaintext" | "local" | "gss"));
    let is_there = match (event.address.as_deref(), login.address.as_deref()) {
        (Some(logged), Some(own)) => logged == own || is_named(event),
        (Some(logged), None) => known.contains(logged) || is_named(event),
        (None, _) => true,
    };
    let is_other = event.application.as_deref().is_some_and(|name| name != APPLICATION);
    event.user.as_deref() == Some(login.user.as_str()) && is_time && !is_plain && !is_other && is_there
}

/// Whether the application has the name of the probe. It alone proves nothing.
fn is_named(event: &Event) -> bool {
    event.application.as_deref() == Some(APPLICATION)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::fact::{Key, Tallied};
    use crate::sessions::{Sample, SampleFailure, SampleOutcome};

    const SECOND: i64 = 1_795_392_000;

    fn key(event: &'static str, transport: Option<&'static str>, application: Option<&str>) -> Key {
        Key {
            source: "error/postgresql.log.2026-11-23-10".to_owned(),
            hour: SECOND,
            event,
            transport,
            tls_version: None,
            cipher: None,
            user: Some("monitor".to_owned()),
            database: Some("postgres".to_owned()),
            address: Some("10.0.0.9".to_owned()),
            application: application.map(str::to_owned),
            auth_method: None,
            cause: None,
            system: false,
            open: None,
        }
    }

    fn sampled(logins: &[(i64, Option<&str>, bool)]) -> InstanceSamples {
        let samples = logins.iter().map(|(second, address, accepted)| {
            let at = Timestamp::from_second(SECOND + second).expect("in range");
            let address = address.map(str::to_owned);
            let own = Some(OwnLogin { id: None, user: "monitor".to_owned(), address, at, accepted: *accepted });
            Sample { at, own, outcome: SampleOutcome::Failure(SampleFailure::TimedOut) }
        });
        InstanceSamples { samples: samples.collect(), ..InstanceSamples::new("arn") }
    }

    /// What is left of events, each of which was seen so often, all ten minutes after the hour.
    fn left(events: &[(Key, u64)], sampled: &InstanceSamples) -> Vec<(String, u64)> {
        let seen = (SECOND + 600) * 1_000_000;
        let facts: Vec<_> = events
            .iter()
            .map(|(key, count)| (key.clone(), Tallied { count: *count, first_seen: seen, last_seen: seen }))
            .collect();
        let left = left_out(Facts::of(&facts), sampled, None);
        left.with_events().map(|(fact, event)| (event.name.to_string(), fact.count)).collect()
    }

    #[test]
    fn as_many_sessions_are_left_out_as_the_probe_logged_in() {
        let own = key("connected", Some("tls"), Some(APPLICATION));
        let all = |count| vec![(own.clone(), count), (key("disconnected", None, None), count)];
        let once = sampled(&[(601, Some("10.0.0.9"), true)]);
        assert_eq!(left(&all(1), &once), []);
        // A client with the name and the address of the probe still counts.
        let more = left(&all(3), &once);
        assert_eq!(more, [("connected".to_owned(), 2), ("disconnected".to_owned(), 2)]);
    }

    #[test]
    fn a_session_at_another_time_or_place_or_without_tls_is_not_the_probes() {
        let is_left =
            |event: Key, logins: &[(i64, Option<&str>, bool)]| !left(&[(event, 1)], &sampled(logins)).is_empty();
        let plain = || key("connected", Some("tls"), None);
        assert!(!is_left(plain(), &[(600, Some("10.0.0.9"), true)]));
        assert!(is_left(plain(), &[(600, None, true)]), "the server did not say its address");
        assert!(is_left(plain(), &[(700, Some("10.0.0.9"), true)]), "at another time");
        assert!(is_left(plain(), &[(600, Some("10.0.0.8"), true)]), "at another address");
        assert!(is_left(key("connected", Some("plaintext"), None), &[(600, Some("10.0.0.9"), true)]), "without TLS");
        let other = Key { user: Some("app".to_owned()), ..plain() };
        assert!(is_left(other, &[(600, Some("10.0.0.9"), true)]), "another user");
        let psql = key("connected", Some("tls"), Some("psql"));
        assert!(is_left(psql, &[(600, Some("10.0.0.9"), true)]), "another application");
        let rejected = || key("rejected", Some("tls"), None);
        assert!(is_left(rejected(), &[(600, Some("10.0.0.9"), true)]), "the probe was accepted");
        assert!(is_left(rejected(), &[(600, None, false)]), "its address is not known");
        assert!(!is_left(rejected(), &[(600, None, false), (0, Some("10.0.0.9"), true)]));
        assert!(is_left(plain(), &[(600, None, false), (0, Some("10.0.0.9"), true)]), "a rejected login is no session");
    }
}
