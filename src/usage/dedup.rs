//! Deduplication: a session that several logs record counts once.

use std::collections::{BTreeMap, BTreeSet};

use polars::prelude::{BooleanChunked, DataFrame, PolarsResult};
use ssl_usage_parsers::Engine;

use super::coverage::{Recorded, is_complete, kind, seen_by};
use crate::bundle::LogRead;
use crate::bundle::fact::{cause, column};
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
pub(super) fn once(
    facts: DataFrame,
    (readings, recorded): (&[LogRead], &Recorded),
    engine: Option<&Engine>,
) -> PolarsResult<DataFrame> {
    let kinds = kinds(readings, recorded, engine);
    if kinds.len() < 2 {
        return Ok(facts);
    }
    let rank: BTreeMap<&str, usize> = kinds
        .iter()
        .enumerate()
        .flat_map(|(rank, kind)| kind.sources.iter().map(move |source| (*source, rank)))
        .collect();
    let sources = facts.column(column::SOURCE)?.str()?;
    let transports = facts.column(column::TRANSPORT)?.str()?;
    let (firsts, lasts) = (facts.column(column::FIRST_SEEN)?.i64()?, facts.column(column::LAST_SEEN)?.i64()?);
    let rank_of = |row: usize| sources.get(row).and_then(|source| rank.get(source)).copied().unwrap_or(0);
    let (events, causes) = (facts.column(column::EVENT)?.str()?, facts.column(column::CAUSE)?.str()?);
    let (users, addresses) = (facts.column(column::USER)?.str()?, facts.column(column::ADDRESS)?.str()?);
    let systems = facts.column(column::SYSTEM)?.bool()?;
    let is_system = |row: usize| systems.get(row) == Some(true);
    // What a session's mark looks like does not make it another session.
    let cause = |row: usize| causes.get(row).filter(|cause| *cause != cause::TEXT_BEHIND_MARK);
    let what = |row: usize| (events.get(row).unwrap_or_default(), cause(row));
    let who = |row: usize| Some((users.get(row)?, addresses.get(row)?));
    let is_tls = |row: usize| transports.get(row) == Some("tls");
    let rows = 0..facts.height();
    let shown: BTreeSet<_> = rows.clone().map(|row| (rank_of(row), what(row))).collect();
    // What AWS's own users do, and attempts, say nothing of the sessions of clients.
    let tls: BTreeSet<_> =
        rows.clone().filter(|row| is_tls(*row)).map(|row| (rank_of(row), what(row), is_system(row))).collect();
    let came = |row: &usize| matches!(what(*row).0, "connected" | "rejected");
    let clients: BTreeSet<_> = rows.clone().filter(came).filter_map(|row| Some((rank_of(row), who(row)?))).collect();
    let kept: BooleanChunked = rows
        .map(|row| {
            let rank = rank_of(row);
            let (Some(first), Some(last)) = (firsts.get(row), lasts.get(row)) else { return true };
            let within = |span: &Window| span.from.as_microsecond() <= first && last <= span.to.as_microsecond();
            let shows =
                |(rank, kind): (usize, &Kind<'_>)| shown.contains(&(rank, what(row))) && kind.seen.iter().any(within);
            let seen_before = kinds.iter().enumerate().take(rank).any(shows);
            let only_tls = is_tls(row) && !(0..rank).any(|before| tls.contains(&(before, what(row), is_system(row))));
            // A kind that may leave sessions out names clients in its own way.
            let named = who(row).filter(|_| {
                let partial = kinds.get(rank).is_some_and(|kind| kind.partial);
                what(row).0 == "connected" && !is_system(row) && !partial
            });
            let only_here = named.is_some_and(|who| !(0..rank).any(|before| clients.contains(&(before, who))));
            !seen_before || only_tls || only_here
        })
        .map(Some)
        .collect();
    facts.filter(&kept)
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
    use crate::bundle::fact::{Key, Tallied, table};

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
        let facts = table("orders", facts).expect("a table");
        let recorded = Recorded::new();
        let facts = once(facts, (readings, &recorded), Engine::named("aurora-mysql")).expect("a table");
        let sources = facts.column(column::SOURCE).expect("there").str().expect("text");
        let hours = facts.column(column::HOUR).expect("there").i64().expect("numbers");
        sources
            .iter()
            .zip(hours.iter())
            .map(|(source, hour)| (source.unwrap_or("").to_owned(), hour.unwrap_or(0) / HOUR))
            .collect()
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
