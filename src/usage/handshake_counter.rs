//! The counter of TLS handshakes of MySQL and MariaDB between two samples of `ssl-usage probe`.
//!
//! `Ssl_finished_accepts` counts every handshake that was completed. A restart resets it, and so does a reload of TLS. So a low
//! value proves nothing. But each sample makes a handshake of its own. If the counter has grown by the probe's own handshakes
//! and by nothing else, it was not reset, and no client used TLS in between. If it has grown by more, a client did.
//!
//! A reset could hide clients if as many handshakes followed as there were before. So time only counts as covered if no
//! statement of a kind that may reset the counter was run in it.
//!
//! Sources: "Server Status Variables" in the MySQL documentation; runs of MySQL 9.7 and MariaDB 10.11.

use jiff::{SignedDuration, Timestamp};

use crate::bundle::{Event, Fact, Facts};
use crate::sessions::{HandshakeCount, InstanceSamples, Listed, OwnHandshake, Sample};
use crate::window::{Window, union};

/// How far two readings of one start of a server may be apart: its uptime is in whole seconds.
const SAME_START: SignedDuration = SignedDuration::from_secs(5);
/// How near to a sample a handshake of another run of the probe may be on either side of it: clocks differ.
const NEAR: SignedDuration = SignedDuration::from_secs(60);
/// The same for a sample of another run: its list is made right after its handshake.
const BESIDE: SignedDuration = SignedDuration::from_millis(50);

/// What the counter shows of clients.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CountedHandshakes {
    /// Handshakes that no probe made, at least, and the time in which they were made.
    pub of_clients: Option<(u64, Window)>,
    /// The time in which no client made one.
    pub none_in: Vec<Window>,
}

/// A sample with a counter.
struct Counted<'s> {
    at: Timestamp,
    listed: &'s Listed,
    count: HandshakeCount,
    is_complete: bool,
}

/// What the counter shows of clients. Sessions from before the first sample are in its list, so that time is covered only behind
/// a complete list.
pub(super) fn of(sampled: &InstanceSamples) -> CountedHandshakes {
    let counted = |sample| -> Option<Counted<'_>> {
        let listed = Sample::listed(sample)?;
        let is_complete = sample.is_complete();
        Some(Counted { at: sample.at, listed, count: listed.handshakes?, is_complete })
    };
    let all: Vec<Counted<'_>> = sampled.samples.iter().filter_map(counted).collect();
    let mut found = CountedHandshakes::default();
    let first = all.first().and_then(|first| {
        let span = Window { from: first.listed.started_at?, to: first.at };
        let (_, others) = own_between(sampled, (span.from, span.to));
        Some((
            first
                .count
                .finished
                .checked_sub(first.count.own.saturating_add(first.count.maybe_own).saturating_add(others))?,
            span,
        ))
    });
    // Of the first sample alone, it is not known when.
    found.of_clients = first.filter(|(more, _)| *more > 0);
    let mut is_known = all.first().is_some_and(|first| first.is_complete);
    for pair in all.windows(2) {
        let [before, after] = pair else { continue };
        let span = Window { from: before.at, to: after.at };
        let between = between(sampled, before, after);
        if let Between::More(more) = between {
            found.of_clients = Some((more, span));
        }
        is_known = match between {
            Between::None => is_known || before.is_complete,
            _ => false,
        };
        if is_known {
            found.none_in.push(span);
        }
        is_known |= after.is_complete;
    }
    found.none_in = union(std::mem::take(&mut found.none_in));
    found
}

/// Sessions of clients whose transport the log does not show, and that did not certainly begin within one of some spans.
pub(super) fn unknown_outside(facts: &Facts, spans: &[Window]) -> u64 {
    let is_unknown = |event: &Event| {
        event.is_session() && !matches!(event.transport.as_deref(), Some("tls" | "plaintext" | "local" | "gss"))
    };
    let is_inside = |fact: &Fact| {
        let holds =
            |span: &Window| span.from.as_microsecond() <= fact.first_seen && fact.last_seen <= span.to.as_microsecond();
        spans.iter().any(holds)
    };
    let is_unknown = facts.of_events(is_unknown);
    let unknown = facts.with(&is_unknown).filter(|(fact, is_unknown)| **is_unknown && !is_inside(fact));
    unknown.map(|(fact, _)| fact.count).sum()
}

/// What happened between two samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Between {
    /// No client made a handshake.
    None,
    /// Clients made so many, at least.
    More(u64),
    /// That is unknown.
    Unknown,
}

fn between(sampled: &InstanceSamples, before: &Counted<'_>, after: &Counted<'_>) -> Between {
    let own = own_between(sampled, (before.at, after.at));
    let least = after.count.own.saturating_add(own.0);
    let most = after.count.own.saturating_add(after.count.maybe_own).saturating_add(own.1);
    let due = before.count.finished.saturating_add(least);
    let is_reset = !is_same_start(before.listed, after.listed) || after.count.finished < due;
    // What was counted since the reset was made in between.
    let grown = after.count.finished - if is_reset { 0 } else { before.count.finished };
    let may_be_reset = match (before.count.may_have_reset, after.count.may_have_reset) {
        (Some(before), Some(after)) => before != after,
        _ => true,
    };
    match grown {
        grown if grown > most => Between::More(grown - most),
        grown if grown == least && !is_reset && !may_be_reset => Between::None,
        _ => Between::Unknown,
    }
}

fn is_same_start(before: &Listed, after: &Listed) -> bool {
    let both = before.started_at.zip(after.started_at);
    both.is_some_and(|(before, after)| before.duration_until(after).abs() <= SAME_START)
}

/// How many handshakes other runs of the probe made between two samples, at least and at most.
fn own_between(sampled: &InstanceSamples, (from, to): (Timestamp, Timestamp)) -> (u64, u64) {
    let around = |at: Timestamp, by: SignedDuration| at.checked_add(by).unwrap_or(at);
    let (first, last) = (around(from, -NEAR), around(to, NEAR));
    let samples = || {
        let begin = sampled.samples.partition_point(|sample| sample.at < first);
        sampled.samples.iter().skip(begin).take_while(|sample| sample.at <= last)
    };
    let begin = sampled.handshakes.partition_point(|own| own.at < first);
    let handshakes = sampled.handshakes.iter().skip(begin).take_while(|own| own.at <= last);
    let logins = samples().filter(|sample| sample.listed().and_then(|it| it.handshakes).is_none());
    // Without a login it is unknown how far the probe got.
    let logins = logins.map(|sample| OwnHandshake { at: sample.at, is_certain: sample.own.is_some() });
    // Another run may have made its handshake on this side of a sample, and its list on the other.
    let is_beside = |time: Timestamp, at: Timestamp| time != at && time.duration_until(at).abs() <= BESIDE;
    let counted = samples().filter(|sample| sample.listed().and_then(|it| it.handshakes).is_some());
    let beside = counted.filter(|sample| sample.at != from && sample.at != to);
    let beside = beside.filter(|sample| is_beside(from, sample.at) || is_beside(to, sample.at)).count() as u64;
    let (mut least, mut most) = (0, beside);
    for own in logins.chain(handshakes.copied()) {
        let is_near = |time: Timestamp| time.duration_until(own.at).abs() <= NEAR;
        let is_inside = (from..=to).contains(&own.at);
        if is_near(from) || is_near(to) || is_inside {
            most += 1;
            least += u64::from(own.is_certain && is_inside && !is_near(from) && !is_near(to));
        }
    }
    (least, most)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sessions::{OwnLogin, SampleGap, SampleOutcome};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_795_392_000 + second).expect("in range")
    }

    /// A sample at a time, with the counter, the statements that may have reset it, and the start of the server.
    fn sample(second: i64, finished: u64, resets: Option<u64>, started: i64) -> Sample {
        let handshakes = Some(HandshakeCount { finished, may_have_reset: resets, own: 1, maybe_own: 0 });
        let listed = Listed { started_at: Some(at(started)), handshakes, ..Listed::default() };
        let own = OwnLogin { id: None, user: "monitor".to_owned(), address: None, at: at(second), accepted: true };
        Sample { at: at(second), own: Some(own), outcome: SampleOutcome::Listed(listed) }
    }

    fn found(samples: Vec<Sample>) -> CountedHandshakes {
        of(&InstanceSamples { samples, ..InstanceSamples::new("arn") })
    }

    fn spans(found: &CountedHandshakes) -> Vec<(i64, i64)> {
        let since = |time: Timestamp| time.as_second() - 1_795_392_000;
        found.none_in.iter().map(|span| (since(span.from), since(span.to))).collect()
    }

    #[test]
    fn time_is_covered_while_only_the_probe_makes_handshakes() {
        let quiet =
            found(vec![sample(0, 1, Some(7), -99), sample(600, 2, Some(7), -98), sample(1200, 3, Some(7), -99)]);
        assert_eq!((spans(&quiet), quiet.of_clients), (vec![(0, 1200)], None));
        let client =
            found(vec![sample(0, 1, Some(7), -99), sample(600, 3, Some(7), -99), sample(1200, 4, Some(7), -99)]);
        assert_eq!(spans(&client), [(600, 1200)]);
        assert_eq!(client.of_clients, Some((1, Window { from: at(0), to: at(600) })));
        let before = found(vec![sample(0, 9, Some(7), -99)]);
        assert_eq!(before.of_clients, Some((8, Window { from: at(-99), to: at(0) })), "since the start of the server");
    }

    #[test]
    fn what_may_have_reset_the_counter_covers_nothing() {
        let after = |second: Sample| spans(&found(vec![sample(0, 5, Some(7), -99), second]));
        assert_eq!(after(sample(600, 6, Some(7), -99)), [(0, 600)]);
        assert_eq!(after(sample(600, 6, Some(8), -99)), [], "as many handshakes may have followed a reset");
        assert_eq!(after(sample(600, 6, None, -99)), [], "statements are not counted");
        assert_eq!(after(sample(600, 1, Some(7), -99)), [], "it was reset");
        assert_eq!(after(sample(600, 6, Some(7), 300)), [], "the server was restarted");
        let reset = found(vec![sample(0, 2, Some(7), -99), sample(600, 4, Some(0), 300)]);
        assert_eq!(reset.of_clients, Some((3, Window { from: at(0), to: at(600) })), "since it was restarted");
    }

    #[test]
    fn sessions_from_before_the_first_sample_must_be_in_its_list() {
        let mut first = sample(0, 1, Some(7), -99);
        let SampleOutcome::Listed(listed) = &mut first.outcome else { panic!("it is listed") };
        listed.gap = Some(SampleGap::PerformanceSchemaOff);
        let later = [sample(600, 2, Some(7), -99), sample(1200, 3, Some(7), -99)];
        let blind = found([&[first][..], &later].concat());
        assert_eq!(spans(&blind), [(600, 1200)]);
    }

    #[test]
    fn handshakes_of_other_runs_of_the_probe_are_not_of_clients() {
        let samples = || vec![sample(0, 1, Some(7), -99), sample(6000, 3, Some(7), -99)];
        let with = |second: i64, is_certain: bool| {
            let handshakes = vec![OwnHandshake { at: at(second), is_certain }];
            let found = of(&InstanceSamples { samples: samples(), handshakes, ..InstanceSamples::new("arn") });
            (spans(&found), found.of_clients.map(|(more, _)| more))
        };
        assert_eq!(with(3000, true), (vec![(0, 6000)], None));
        assert_eq!(with(3000, false), (Vec::new(), None), "it may have been of a client");
        assert_eq!(with(30, true), (Vec::new(), None), "clocks differ");
        assert_eq!(with(9000, true), (Vec::new(), Some(1)), "it was made later");
        let first = |handshakes: Vec<OwnHandshake>| {
            let samples = vec![sample(600, 2, Some(7), -99)];
            of(&InstanceSamples { samples, handshakes, ..InstanceSamples::new("arn") }).of_clients.map(|(more, _)| more)
        };
        assert_eq!(first(Vec::new()), Some(1));
        assert_eq!(
            first(vec![OwnHandshake { at: at(100), is_certain: true }]),
            None,
            "the certificate was probed before"
        );
    }

    proptest! {
        /// Handshakes of clients and resets at any time: a span that is covered has no handshake of a client in it.
        #[test]
        fn no_handshake_of_a_client_is_in_a_span_that_is_covered(
            clients in prop::collection::btree_set(1i64..5000, 0..6),
            resets in prop::collection::btree_set(1i64..5000, 0..3),
            restarts in prop::collection::btree_set(1i64..5000, 0..2),
            samples in prop::collection::btree_set(1i64..5000, 1..12),
        ) {
            let last = |times: &std::collections::BTreeSet<i64>, until: i64| times.range(..until).next_back().copied();
            let taken: Vec<Sample> = samples.iter().map(|second| {
                let started = last(&restarts, *second).unwrap_or(-9999);
                let from = started.max(last(&resets, *second).unwrap_or(-9999));
                // A sample in the second of a restart or a reset came before it.
                let counted = clients.range(from..*second).count() + samples.range(from + 1..=*second).count();
                let statements = resets.range(started.max(0)..*second).count() as u64;
                sample(*second, counted as u64, Some(statements), started)
            }).collect();
            let found = found(taken);
            for (from, to) in spans(&found) {
                prop_assert_eq!(clients.range(from..to).next(), None, "{:?}", found);
            }
            if let Some((_, span)) = found.of_clients {
                let since = |time: Timestamp| time.as_second() - 1_795_392_000;
                prop_assert!(clients.range(since(span.from)..since(span.to)).next().is_some(), "{:?}", found);
            }
        }
    }
}
