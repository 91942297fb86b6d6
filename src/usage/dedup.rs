//! Deduplication: a session that several logs record counts once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use foldhash::HashMap;
use ssl_usage_parsers::Engine;

use super::coverage::{Recorded, is_complete, kind, seen_by};
use crate::bundle::fact::cause;
use crate::bundle::{Event, EventKind, Fact, Facts, LogRead};
use crate::window::Window;

/// Facts of one kind of log.
struct Kind<'r> {
    sources: BTreeSet<&'r str>,
    seen: Vec<Window>,
    /// Whether it may leave sessions out.
    partial: bool,
}

/// The facts of the window with every session once.
///
/// The most informative kind goes first: one that records the transport of all sessions, then the order of the engine's
/// list. Of every other kind, only what stands outside of the spans that a kind before it saw is left, and the events that
/// no kind before it writes at all, as failed handshakes. TLS that only a later kind shows is never left out, and neither
/// is a client that no kind before it shows: the log of that was not written when it came.
pub(super) fn once(mut facts: Facts, (readings, recorded): (&[LogRead], &Recorded), engine: Option<&Engine>) -> Facts {
    let mut all_kinds = readings.iter().map(|reading| kind(engine, &reading.source));
    let first = all_kinds.next();
    if all_kinds.all(|kind| Some(kind) == first) {
        return facts;
    }
    let kinds = kinds(readings, recorded, engine);
    let rank_of = ranks(&kinds, facts.sources());
    let rank = |fact: &Fact| rank_of.get(fact.source as usize).copied().unwrap_or(0);
    let pairs: BTreeSet<(usize, u32)> = facts.rows().iter().map(|fact| (rank(fact), fact.event)).collect();
    let shown = Shown::of(&pairs, facts.events());
    let rules: BTreeMap<(usize, u32), Rule> =
        pairs.iter().filter_map(|pair| Some((*pair, shown.rule(*pair, &kinds, facts.events())?))).collect();
    facts.retain(|fact| match rules.get(&(rank(fact), fact.event)) {
        Some(Rule::OutsideOf(before)) => {
            let is_in = |spans: &[Window]| lies_within(spans, (fact.first_seen, fact.last_seen));
            !before.iter().filter_map(|rank| kinds.get(*rank)).any(|kind| is_in(&kind.seen))
        }
        _ => true,
    });
    facts
}

/// Which facts of one event and kind of log are kept.
enum Rule {
    All,
    /// Those outside of what these kinds saw.
    OutsideOf(Vec<usize>),
}

/// The rank of each source; sources of no kind come first.
fn ranks<'k>(kinds: &'k [Kind<'_>], sources: &[Arc<str>]) -> Vec<usize> {
    let of_kind = |(rank, kind): (usize, &'k Kind<'_>)| kind.sources.iter().map(move |source| (*source, rank));
    let ranks: HashMap<&str, usize> = kinds.iter().enumerate().flat_map(of_kind).collect();
    sources.iter().map(|source| ranks.get(source.as_ref()).copied().unwrap_or(0)).collect()
}

/// What happened, and why: what a session's mark looks like does not make it another session.
type What<'f> = (&'f str, Option<&'f str>);

fn what(event: &Event) -> What<'_> {
    (&event.name, event.cause.as_deref().filter(|cause| *cause != cause::TEXT_BEHIND_MARK))
}

fn who(event: &Event) -> Option<(&str, &str)> {
    Some((event.user.as_deref()?, event.address.as_deref()?))
}

/// What the facts of each kind of log show.
struct Shown<'f> {
    events: BTreeSet<(usize, What<'f>)>,
    /// What AWS's own users do, and attempts, say nothing of the sessions of clients.
    tls: BTreeSet<(usize, What<'f>, bool)>,
    clients: BTreeSet<(usize, (&'f str, &'f str))>,
}

impl<'f> Shown<'f> {
    fn of(pairs: &BTreeSet<(usize, u32)>, events: &'f [Event]) -> Self {
        let mut shown = Self { events: BTreeSet::new(), tls: BTreeSet::new(), clients: BTreeSet::new() };
        for (rank, event) in pairs.iter().filter_map(|(rank, event)| Some((*rank, events.get(*event as usize)?))) {
            shown.events.insert((rank, what(event)));
            if event.is_tls() {
                shown.tls.insert((rank, what(event), event.system));
            }
            if matches!(event.kind, EventKind::Connected | EventKind::Rejected) {
                shown.clients.extend(who(event).map(|who| (rank, who)));
            }
        }
        shown
    }

    fn rule(&self, (rank, event): (usize, u32), kinds: &[Kind<'_>], events: &[Event]) -> Option<Rule> {
        let event = events.get(event as usize)?;
        let only_tls =
            event.is_tls() && !(0..rank).any(|before| self.tls.contains(&(before, what(event), event.system)));
        // A kind that may leave sessions out names clients in its own way.
        let is_named = event.is_session() && !kinds.get(rank).is_some_and(|kind| kind.partial);
        let named = who(event).filter(|_| is_named);
        let only_here = named.is_some_and(|who| !(0..rank).any(|before| self.clients.contains(&(before, who))));
        if only_tls || only_here {
            return Some(Rule::All);
        }
        Some(Rule::OutsideOf((0..rank).filter(|before| self.events.contains(&(*before, what(event)))).collect()))
    }
}

/// Whether a span of microseconds lies in one of some spans, which are in order and apart from each other.
fn lies_within(spans: &[Window], (first, last): (i64, i64)) -> bool {
    let begun = spans.partition_point(|span| span.from.as_microsecond() <= first);
    let span = begun.checked_sub(1).and_then(|at| spans.get(at));
    span.is_some_and(|span| last <= span.to.as_microsecond())
}

/// The kinds of logs that were read, the one that tells most first.
fn kinds<'r>(readings: &'r [LogRead], recorded: &Recorded, engine: Option<&Engine>) -> Vec<Kind<'r>> {
    let mut by_kind: BTreeMap<usize, Vec<&LogRead>> = BTreeMap::new();
    for reading in readings {
        by_kind.entry(kind(engine, &reading.source)).or_default().push(reading);
    }
    let blind = |readings: &[&LogRead]| readings.iter().any(|reading| reading.unknown_sessions > 0);
    let partial = |readings: &[&LogRead]| readings.iter().any(|reading| !is_complete(engine, &reading.source));
    let mut kinds: Vec<_> =
        by_kind.into_iter().map(|(kind, readings)| ((partial(&readings), blind(&readings), kind), readings)).collect();
    kinds.sort_by_key(|(order, _)| *order);
    let sources = |readings: &[&'r LogRead]| readings.iter().map(|reading| reading.source.as_str()).collect();
    // A kind that may leave sessions out leaves out nothing of another.
    let seen = |partial: bool, readings: &[&LogRead]| if partial { Vec::new() } else { seen_by(readings, recorded) };
    kinds
        .iter()
        .map(|((partial, ..), readings)| Kind {
            sources: sources(readings),
            seen: seen(*partial, readings),
            partial: *partial,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::bundle::fact::{Key, Tallied};

    const HOUR: i64 = 3600;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    fn reading(source: &str, hours: (i64, i64), unknown: u64) -> LogRead {
        LogRead {
            source: source.to_owned(),
            log: source.to_owned(),
            format: None,
            log_line_prefix: None,
            listed_bytes: 1,
            last_written: None,
            read_bytes: 1,
            span: Some(Window { from: at(hours.0 * HOUR), to: at(hours.1 * HOUR) }),
            complete: true,
            records: 1,
            sessions: 1,
            tls_sessions: 0,
            unknown_sessions: unknown,
            first_session_at: Some(at(hours.0 * HOUR + 60)),
            last_session_at: Some(at(hours.1 * HOUR - 60)),
            unparsed: 0,
            gaps: Vec::new(),
            connection_ids: Vec::new(),
        }
    }

    fn fact(source: &str, hour: i64, transport: &'static str) -> (Key, Tallied) {
        let key = Key {
            source: source.to_owned(),
            hour: hour * HOUR,
            event: "connected",
            transport: Some(transport),
            tls_version: None,
            cipher: None,
            user: None,
            database: None,
            address: None,
            application: None,
            auth_method: None,
            cause: None,
            system: false,
            open: None,
        };
        let seen = (hour * HOUR + 600) * 1_000_000;
        (key, Tallied { count: 1, first_seen: seen, last_seen: seen })
    }

    /// The sources of the rows that are left.
    fn left(readings: &[LogRead], facts: &[(Key, Tallied)]) -> Vec<(String, i64)> {
        let recorded = Recorded::default();
        let facts = once(Facts::of(facts), (readings, &recorded), Engine::named("aurora-mysql"));
        facts.rows().iter().map(|fact| (facts.source(fact).to_owned(), fact.hour / HOUR)).collect()
    }

    const GENERAL: &str = "general/mysql-general.log";
    const AUDIT: &str = "audit/audit.log.0";

    #[test]
    fn a_session_in_two_logs_counts_in_the_one_that_tells() {
        let readings = [reading(GENERAL, (0, 2), 0), reading(AUDIT, (0, 3), 4)];
        let facts = [
            fact(GENERAL, 0, "plaintext"),
            fact(GENERAL, 1, "plaintext"),
            fact(AUDIT, 0, "unknown"),
            fact(AUDIT, 1, "unknown"),
            fact(AUDIT, 2, "unknown"),
        ];
        let expected = [(GENERAL.to_owned(), 0), (GENERAL.to_owned(), 1), (AUDIT.to_owned(), 2)];
        assert_eq!(left(&readings, &facts), expected, "the other fills the hour that the first does not show");
    }

    #[test]
    fn what_only_one_log_writes_is_kept() {
        let readings = [reading(GENERAL, (0, 2), 0), reading(AUDIT, (0, 2), 1)];
        let event = |event: &'static str| {
            let (key, tallied) = fact(AUDIT, 0, "unknown");
            (Key { event, transport: None, ..key }, tallied)
        };
        let facts = [
            fact(GENERAL, 0, "plaintext"),
            fact(AUDIT, 0, "unknown"),
            event("handshake_failed"),
            event("disconnected"),
        ];
        let expected = [(GENERAL.to_owned(), 0), (AUDIT.to_owned(), 0), (AUDIT.to_owned(), 0)];
        assert_eq!(left(&readings, &facts), expected, "TLS that was tried, and sessions that ended");
    }

    #[test]
    fn a_log_that_cannot_tell_gives_way_whatever_its_place() {
        let readings = [reading(GENERAL, (0, 2), 1), reading(AUDIT, (0, 2), 0)];
        let facts = [fact(GENERAL, 0, "unknown"), fact(AUDIT, 0, "plaintext")];
        assert_eq!(left(&readings, &facts), [(AUDIT.to_owned(), 0)]);
    }

    #[test]
    fn tls_that_one_log_alone_shows_is_never_left_out() {
        let readings = [reading(GENERAL, (0, 2), 0), reading(AUDIT, (0, 2), 1)];
        let facts = [fact(GENERAL, 0, "plaintext"), fact(AUDIT, 1, "tls")];
        assert_eq!(left(&readings, &facts).len(), 2);
        let both = [fact(GENERAL, 1, "tls"), fact(AUDIT, 1, "tls")];
        assert_eq!(left(&readings, &both), [(GENERAL.to_owned(), 1)], "and never counted twice");
    }
    /// What AWS's own user does, or an attempt that failed, hides no session of a client.
    #[test]
    fn tls_that_is_no_clients_session_hides_none() {
        let readings = [reading(GENERAL, (0, 2), 0), reading(AUDIT, (0, 2), 1)];
        let other = |event: &'static str, system| {
            let (key, tallied) = fact(GENERAL, 0, "tls");
            (Key { event, system, ..key }, tallied)
        };
        for first in [other("connected", true), other("rejected", false)] {
            let kept = left(&readings, &[first, fact(AUDIT, 1, "tls")]);
            assert!(kept.contains(&(AUDIT.to_owned(), 1)), "{kept:?}");
        }
    }

    #[test]
    fn a_client_that_one_log_alone_shows_is_never_left_out() {
        let readings = [reading(GENERAL, (0, 2), 0), reading(AUDIT, (0, 2), 2)];
        let by = |user: &str, (key, tallied): (Key, Tallied)| {
            (Key { user: Some(user.to_owned()), address: Some("10.0.0.7".to_owned()), ..key }, tallied)
        };
        let facts = [
            by("app", fact(GENERAL, 0, "plaintext")),
            by("app", fact(AUDIT, 0, "unknown")),
            by("batch", fact(AUDIT, 1, "unknown")),
        ];
        assert_eq!(left(&readings, &facts), [(GENERAL.to_owned(), 0), (AUDIT.to_owned(), 1)]);
    }
}
