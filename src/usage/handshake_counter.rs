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

use crate::sessions::{HandshakeCount, InstanceSamples, Listed, OwnHandshake, Sample};
use crate::window::{Window, union};

/// How far two readings of one start of a server may be apart: its uptime is in whole seconds.
const SAME_START: SignedDuration = SignedDuration::from_secs(5);
/// How near to a sample a handshake of another run of the probe may be on either side of it: clocks differ.
const NEAR: SignedDuration = SignedDuration::from_secs(60);

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
        Some((first.count.finished.checked_sub(first.count.own + first.count.maybe_own)?, span))
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
    let (least, most) = (after.count.own + own.0, after.count.own + after.count.maybe_own + own.1);
    let is_reset = !is_same_start(before.listed, after.listed) || after.count.finished < before.count.finished + least;
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
    let logins = sampled.samples.iter().filter(|sample| sample.listed().and_then(|it| it.handshakes).is_none());
    // Without a login it is unknown how far the probe got.
    let logins = logins.map(|sample| OwnHandshake { at: sample.at, is_certain: sample.own.is_some() });
    let (mut least, mut most) = (0, 0);
    for own in logins.chain(sampled.handshakes.iter().copied()) {
        let is_near = |time: Timestamp| time.duration_until(own.at).abs() <= NEAR;
        let is_inside = (from..=to).contains(&own.at);
        if is_near(from) || is_near(to) || is_inside {
            most += 1;
            least += u64::from(own.is_certain && is_inside && !is_near(from) && !is_near(to));
        }
    }
    (least, most)
}
