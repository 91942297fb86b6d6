//! What samples of `ssl-usage probe` show: sessions that were open, and which sessions from before the logs are known.
//!
//! A sample shows one moment. It never shows that no client used TLS at another time. With logs it does: a session whose login
//! no log shows was open at every moment from the beginning of the logs until it ended, so any complete sample in between shows
//! its transport.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::{Client, ClientUsage, Transports};
use crate::bundle::{EventKind, Facts, IdBound, LogRead, exported_type};
use crate::sessions::{InstanceSamples, SampleGap, SampledSession, SessionTransport};
use crate::window::Window;

/// What samples show within the window.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sampled {
    /// Samples that list sessions.
    pub samples: u64,
    /// When the last of them was taken.
    pub last_at: Option<Timestamp>,
    /// What the last of them lacks.
    pub gap: Option<SampleGap>,
    /// Sessions of clients that were open in them, each once, without those that the policy ignores.
    pub sessions: Transports,
    /// Those of them that no log shows, and that count beside the logged ones.
    pub added: Transports,
    /// Clients with TLS among them.
    pub tls_clients: u64,
    /// When a session with TLS was last open.
    pub tls_at: Option<Timestamp>,
    /// Whether AWS's own users had sessions with TLS, in any sample.
    pub has_system_tls: bool,
    /// The last complete sample that shows all sessions from before the logs that were still open.
    pub settled_at: Option<Timestamp>,
    /// The last sample whose connection IDs show that none is open.
    pub none_older: Option<NoOlderSession>,
    /// Accepted logins with TLS that SQL Server recorded, by TLS version. They say nothing about sessions.
    pub tls_logins: BTreeMap<String, u64>,
}

/// What shows that no session from before the logs is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoOlderSession {
    /// When the sample was taken.
    pub at: Timestamp,
    /// The lowest connection ID in it.
    pub lowest_id: u64,
    /// How high IDs were since the logs began, by an audit log.
    pub bound: IdBound,
}

/// How long behind the window a sample still shows its sessions: a probe reads the inventory first, with which the window ends.
/// It settles nothing there.
const BEHIND: SignedDuration = SignedDuration::from_mins(10);

/// The window of samples.
fn window(lived: Window) -> Window {
    Window { from: lived.from, to: lived.to.checked_add(BEHIND).unwrap_or(lived.to) }
}

/// The sessions that were open in the window, by the samples in it.
pub(super) fn within(sampled: &InstanceSamples, lived: Window) -> impl Iterator<Item = &SampledSession> {
    let lived = window(lived);
    let was_open = move |session: &&SampledSession| session.first_seen <= lived.to && lived.from <= session.last_seen;
    sampled.sessions.iter().filter(was_open)
}

/// What the samples show within the part of the window that the instance existed in.
pub(super) fn of(sampled: &InstanceSamples, lived: Window, ignores: impl Fn(&Client) -> bool) -> Sampled {
    let around = window(lived);
    let is_in = |at: Timestamp| around.from <= at && at <= around.to;
    let inside = || sampled.samples.iter().filter(|sample| is_in(sample.at) && sample.listed().is_some());
    let last = inside().next_back();
    let mut found = Sampled {
        samples: inside().count() as u64,
        last_at: last.map(|last| last.at),
        gap: last.and_then(|last| last.listed()?.gap.clone()),
        ..Sampled::default()
    };
    // The last one contains what the others do.
    let logins = inside().filter_map(|sample| sample.listed()?.logins.as_ref()).next_back();
    for (version, group) in logins.iter().flat_map(|logins| logins.with_tls()) {
        let count = found.tls_logins.entry(version.to_owned()).or_default();
        *count = count.saturating_add(group.count);
    }
    let is_tls = |session: &&SampledSession| session.transport == SessionTransport::Tls;
    found.has_system_tls = sampled.sessions.iter().filter(is_tls).any(|session| session.system);
    let mut tls_clients = BTreeSet::new();
    for session in within(sampled, lived).filter(|session| !session.system) {
        let client = client(session);
        if ignores(&client) {
            continue;
        }
        found.sessions.add(session.transport.name(), 1);
        if session.transport == SessionTransport::Tls {
            tls_clients.insert(client);
            found.tls_at = found.tls_at.max(Some(session.last_seen));
        }
    }
    found.tls_clients = tls_clients.len() as u64;
    found
}

/// The client of a session.
pub(super) fn client(session: &SampledSession) -> Client {
    let SampledSession { user, database, address, application, .. } = session.clone();
    Client { user, database, address, application }
}

/// Whether the logs show a session with this transport. The time of its login tells, if the server said it; otherwise whether
/// the logs show the client. A session with TLS must be there as one.
pub(super) fn is_logged(session: &SampledSession, seen: &[Window], clients: &BTreeMap<Client, ClientUsage>) -> bool {
    let is_client = |client: &&Client| client.user == session.user && client.address == session.address;
    let used = || clients.iter().filter(|(client, _)| is_client(client)).map(|(_, used)| &used.sessions);
    let is_shown = match session.transport {
        SessionTransport::Tls => used().any(|sessions| sessions.tls > 0),
        SessionTransport::Plaintext => used().any(|sessions| sessions.plaintext > 0),
        SessionTransport::Gss => used().any(|sessions| sessions.gss > 0),
        SessionTransport::Local | SessionTransport::Unknown => used().any(|sessions| sessions.sum() > 0),
    };
    let in_logs = |at: Timestamp| seen.iter().any(|span| span.from <= at && at < span.to);
    match (session.started_at, session.transport) {
        (Some(at), SessionTransport::Tls) => in_logs(at) && is_shown,
        (Some(at), _) => in_logs(at),
        (None, _) => is_shown,
    }
}

/// A user, and the address of a client.
pub(super) type UserAndAddress = (Option<String>, Option<String>);

/// When a session with TLS was last open in a sample outside of the window.
pub(super) fn tls_outside(
    sampled: &InstanceSamples,
    lived: Window,
    ignores: impl Fn(&Client) -> bool,
) -> Option<Timestamp> {
    let lived = window(lived);
    let is_tls = |session: &&SampledSession| session.transport == SessionTransport::Tls && !session.system;
    let outside = sampled.sessions.iter().filter(is_tls).filter(|session| !ignores(&client(session)));
    let at = |session: &SampledSession| [session.first_seen, session.last_seen];
    outside.flat_map(at).filter(|at| *at < lived.from || lived.to < *at).max()
}

/// The times of complete samples.
fn complete(sampled: &InstanceSamples) -> impl DoubleEndedIterator<Item = Timestamp> {
    sampled.samples.iter().filter(|sample| sample.is_complete()).map(|sample| sample.at)
}

/// The last complete sample that shows every session which began unseen and was still open at the end: it was taken since the
/// logs begin, and since their last gap.
pub(super) fn settles_open(sampled: &InstanceSamples, seen: &[Window], lived: Window) -> Option<Timestamp> {
    let begin = seen.last()?.from;
    complete(sampled).rfind(|at| begin <= *at && *at <= lived.to)
}

/// The last sample whose connection IDs show that no session is open which began unseen. IDs grow until the server is
/// restarted. So a session with a higher ID than all that were given before a time began after it, if the server was not
/// restarted since. The time must lie in the last part of the logs without a gap: these show the login.
///
/// A record that was asked of CloudWatch Logs alone may be forged, and so may times that are not in order.
pub(super) fn no_older_session(
    sampled: &InstanceSamples,
    readings: &[LogRead],
    (seen, lived): (&[Window], Window),
) -> Option<NoOlderSession> {
    let last = seen.last()?;
    let files = readings.iter().filter(|reading| reading.gaps.is_empty() && exported_type(&reading.source).is_none());
    let bounds: Vec<IdBound> = files
        .flat_map(|reading| reading.connection_ids.iter().copied())
        .filter(|bound| last.from <= bound.at && bound.at < last.to)
        .collect();
    sampled.samples.iter().rev().filter(|sample| sample.at <= lived.to).find_map(|sample| {
        let listed = sample.listed()?;
        let (at, lowest_id, started_at) = (sample.at, listed.lowest_id?, listed.started_at?);
        let shows = |bound: &&IdBound| started_at <= bound.at && bound.at <= at && u64::from(bound.highest) < lowest_id;
        Some(NoOlderSession { at, lowest_id, bound: *bounds.iter().filter(shows).min()? })
    })
}

/// Clients of sessions that ended, and whose login no log shows, but a complete sample: from it until the last of them ended,
/// logs show every login. `seen_in` is what logs show of a span.
///
/// The facts of an hour hold the first and the last end in it, and count together.
pub(super) fn settled_clients(
    facts: &Facts,
    (sampled, lived): (&InstanceSamples, Window),
    seen_in: impl Fn(Window) -> Vec<Window>,
) -> BTreeSet<UserAndAddress> {
    let complete: Vec<Timestamp> = complete(sampled).collect();
    let Some(first) = complete.first().copied() else { return BTreeSet::new() };
    let last_until =
        |time: Timestamp| complete.get(complete.partition_point(|at| *at <= time).checked_sub(1)?).copied();
    let seen = seen_in(Window { from: first.min(lived.from), to: lived.to });
    let mut open = BTreeSet::new();
    let mut settled = BTreeSet::new();
    for (fact, event) in facts.with_events().filter(|(_, event)| event.kind == EventKind::Disconnected) {
        let at = |micros: i64| Timestamp::from_microsecond(micros).ok();
        let (Some(first), Some(last)) = (at(fact.first_seen), at(fact.last_seen)) else { continue };
        let shows_all = |from: Timestamp| seen.iter().any(|span| span.from <= from && last <= span.to);
        let is_settled = last_until(first).is_some_and(shows_all);
        let of = if is_settled { &mut settled } else { &mut open };
        of.insert((event.user.as_deref(), event.address.as_deref()));
    }
    let owned = |text: &Option<&str>| text.map(str::to_owned);
    settled.difference(&open).map(|(user, address)| (owned(user), owned(address))).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sessions::{Listed, Sample, SampleOutcome};

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_795_392_000 + minute * 60).expect("in range")
    }

    fn span(from: i64, to: i64) -> Window {
        Window { from: at(from), to: at(to) }
    }

    /// A sample at a minute; incomplete for a user without the privilege.
    fn sample(minute: i64, is_complete: bool) -> Sample {
        let gap = (!is_complete).then(|| SampleGap::NoPrivilege("monitor".to_owned()));
        Sample { at: at(minute), own: None, outcome: SampleOutcome::Listed(Listed { gap, ..Listed::default() }) }
    }

    fn samples(samples: &[(i64, bool)]) -> InstanceSamples {
        let samples = samples.iter().map(|(minute, is_complete)| sample(*minute, *is_complete)).collect();
        InstanceSamples { samples, ..InstanceSamples::new("arn") }
    }

    #[test]
    fn a_sample_settles_only_what_the_logs_show_since() {
        let (seen, lived) = ([span(100, 400), span(500, 900)], span(0, 1000));
        let settled = |minute, is_complete| settles_open(&samples(&[(minute, is_complete)]), &seen, lived).is_some();
        assert!(settled(500, true) && settled(700, true) && settled(1000, true));
        assert!(!settled(450, true), "sessions may have begun in the gap behind it");
        assert!(!settled(1005, true), "it is behind the window");
        assert!(!settled(700, false), "it is not complete");
        assert!(settles_open(&samples(&[(700, true)]), &[], lived).is_none(), "without logs");
    }

    /// A log read whose connection IDs were no higher than `highest` at a minute.
    fn audit(minute: i64, highest: u32) -> LogRead {
        LogRead {
            source: "audit/server_audit.log".to_owned(),
            connection_ids: vec![IdBound { at: at(minute), highest }],
            ..LogRead::default()
        }
    }

    /// A sample at a minute that lists no session, but the lowest ID, of a server that was started at another minute.
    fn by_ids(minute: i64, lowest_id: Option<u64>, started: i64) -> Sample {
        let gap = Some(SampleGap::PerformanceSchemaOff);
        let listed = Listed { gap, lowest_id, started_at: Some(at(started)), ..Listed::default() };
        Sample { at: at(minute), own: None, outcome: SampleOutcome::Listed(listed) }
    }

    #[test]
    fn connection_ids_settle_only_what_was_opened_since_the_logs_show_logins() {
        let (seen, lived) = ([span(100, 400), span(500, 900)], span(0, 1000));
        let settled = |sample: &Sample, read: &LogRead| {
            let sampled = InstanceSamples { samples: vec![sample.clone()], ..InstanceSamples::new("arn") };
            no_older_session(&sampled, std::slice::from_ref(read), (&seen, lived))
        };
        let is_settled = |sample: Sample, read: &LogRead| settled(&sample, read).is_some();
        let (sample, read) = (by_ids(700, Some(96), -5000), audit(510, 95));
        let expected = NoOlderSession { at: at(700), lowest_id: 96, bound: IdBound { at: at(510), highest: 95 } };
        assert_eq!(settled(&sample, &read), Some(expected));
        assert!(!is_settled(by_ids(700, Some(95), -5000), &read), "this one may have begun before");
        assert!(!is_settled(by_ids(700, Some(3), -5000), &read));
        assert!(!is_settled(by_ids(700, None, -5000), &read), "the list may lack connections");
        assert!(!is_settled(by_ids(700, Some(96), 600), &read), "IDs began anew with a restart");
        assert!(!is_settled(by_ids(450, Some(96), -5000), &audit(110, 95)), "there is a gap behind both");
        assert!(!is_settled(by_ids(700, Some(96), -5000), &audit(110, 95)), "there is a gap behind the IDs of the log");
        assert!(!is_settled(by_ids(505, Some(96), -5000), &read), "the sample was taken before");
        assert!(!is_settled(by_ids(1001, Some(96), -5000), &read), "it is behind the window");
        assert!(!is_settled(by_ids(700, Some(96), -5000), &audit(450, 95)), "the logs show nothing of that time");
        assert!(!is_settled(sample.clone(), &LogRead::default()), "a general log has no IDs that count");
        let exported =
            LogRead { source: "cloudwatch:/aws/rds/instance/o/audit:2026-11-23T10".to_owned(), ..read.clone() };
        assert!(!is_settled(sample.clone(), &exported), "it may be forged");
        let gap = crate::bundle::LogGap { cause: crate::bundle::GapCause::Disordered, message: String::new() };
        assert!(
            !is_settled(sample.clone(), &LogRead { gaps: vec![gap], ..read.clone() }),
            "its times may be a client's"
        );
        let Sample { outcome: SampleOutcome::Listed(listed), .. } = sample.clone() else { panic!("a list") };
        let unknown = SampleOutcome::Listed(Listed { started_at: None, ..listed });
        assert!(!is_settled(Sample { outcome: unknown, ..sample }, &read), "it may have been restarted");
    }

    proptest! {
        /// Whatever happens before the logs, between them and since, each session that is open has its login in the last part.
        #[test]
        fn connection_ids_settle_nothing_while_an_older_session_is_open(
            sessions in prop::collection::vec((0i64..1000, 1i64..900), 1..30),
            restarts in prop::collection::btree_set(1i64..1000, 0..2),
            (sample_at, bound_at) in (0i64..1000, 0i64..1000),
            (from, to) in (0i64..900, 1i64..900),
        ) {
            let start_of = |minute: i64| restarts.range(..=minute).next_back().copied().unwrap_or(-1);
            let mut sessions = sessions;
            sessions.sort_unstable();
            // The ID, the begin, and the end, which a restart is too.
            let mut given: BTreeMap<i64, u32> = BTreeMap::new();
            let sessions: Vec<(u32, i64, i64)> = sessions.into_iter().map(|(begin, length)| {
                let id = given.entry(start_of(begin)).or_default();
                *id += 1;
                let restart = restarts.range(begin + 1..).next().copied().unwrap_or(i64::MAX);
                (*id, begin, (begin + length).min(restart))
            }).collect();
            let open: Vec<_> = sessions.iter().filter(|(_, begin, end)| *begin <= sample_at && sample_at < *end).collect();
            let lowest = open.iter().map(|(id, ..)| u64::from(*id)).min().unwrap_or(u64::from(u32::MAX));
            let is_before = |begin: i64| begin < bound_at && start_of(begin) == start_of(bound_at);
            let highest = sessions.iter().filter(|(_, begin, _)| is_before(*begin)).map(|(id, ..)| *id).max().unwrap_or(0);
            let sampled = InstanceSamples {
                samples: vec![by_ids(sample_at, Some(lowest), start_of(sample_at))],
                ..InstanceSamples::new("arn")
            };
            let seen = [span(from, from + to)];
            if no_older_session(&sampled, &[audit(bound_at, highest)], (&seen, span(0, 1000))).is_some() {
                prop_assert!(open.iter().all(|(_, begin, _)| from <= *begin), "{open:?}");
            }
        }
    }

    #[test]
    fn a_session_with_tls_counts_wherever_it_was_open() {
        let session = |minute: i64, transport| SampledSession {
            first_seen: at(minute),
            last_seen: at(minute),
            id: 1,
            started_at: None,
            transport,
            tls_version: None,
            cipher: None,
            user: Some("app".to_owned()),
            database: None,
            address: Some("10.0.0.7".to_owned()),
            application: None,
            system: false,
        };
        let of_transport = |minute, transport| {
            let sessions = vec![session(minute, transport)];
            let sampled = InstanceSamples { sessions, ..InstanceSamples::new("arn") };
            let inside = of(&sampled, span(100, 1000), |_| false).sessions.sum() > 0;
            (inside, tls_outside(&sampled, span(100, 1000), |_| false).is_some())
        };
        let tls = |minute| of_transport(minute, SessionTransport::Tls);
        assert_eq!(
            [tls(50), tls(100), tls(1000), tls(1009), tls(1011)],
            [(false, true), (true, false), (true, false), (true, false), (false, true)]
        );
        assert_eq!(of_transport(50, SessionTransport::Plaintext), (false, false));
        let through = SampledSession { last_seen: at(2000), ..session(50, SessionTransport::Plaintext) };
        let sampled = InstanceSamples { sessions: vec![through], ..InstanceSamples::new("arn") };
        assert_eq!(of(&sampled, span(100, 1000), |_| false).sessions.plaintext, 1, "it was open all the time");
    }

    prop_compose! {
        /// Sessions from when to when, in minutes, and whether with TLS.
        fn history()(sessions in prop::collection::vec((-500i64..1000, 1i64..900, any::<bool>()), 0..12)) -> Vec<(i64, i64, bool)> {
            sessions.into_iter().map(|(from, length, is_tls)| (from, from + length, is_tls)).collect()
        }
    }

    proptest! {
        /// If a sample settles the question, each session that is open at the end began where logs show it, or is in a sample.
        #[test]
        fn every_session_that_is_open_at_the_end_is_known(
            history in history(),
            times in prop::collection::btree_map(0i64..1100, any::<bool>(), 0..4),
            spans in prop::collection::btree_set(0i64..1000, 2..6),
        ) {
            let spans: Vec<i64> = spans.into_iter().collect();
            let seen: Vec<Window> = spans.chunks_exact(2).map(|pair| span(pair[0], pair[1])).collect();
            let times: Vec<(i64, bool)> = times.into_iter().collect();
            let settled = settles_open(&samples(&times), &seen, span(0, 1000));
            let (Some(settled), Some(end)) = (settled, seen.last().map(|last| last.to)) else { return Ok(()) };
            let begin = seen.last().expect("a begin").from;
            for (from, to, _) in history.into_iter().filter(|(from, to, _)| at(*from) < end && end < at(*to)) {
                let is_listed = at(from) <= settled && settled < at(to);
                prop_assert!(begin <= at(from) || is_listed || at(to) <= settled, "{from} to {to}");
            }
        }
    }
}
