//! Coverage of the window by logs, and the causes of its gaps.

use std::collections::{BTreeMap, BTreeSet};

use foldhash::HashMap;
use jiff::{SignedDuration, Timestamp};
use serde::{Serialize, Serializer};
use ssl_usage_parsers::Engine;

use crate::bundle::{EventKind, Facts, GapCause, LogRead, exported_type};
use crate::window::{Window, gaps, union};

/// Which part of the window the logs that tell cover.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Coverage {
    /// The span that was asked for: the window, or what of it the instance existed in. None when that is nothing.
    pub asked: Option<Window>,
    /// The parts that were seen.
    pub seen: Vec<Window>,
    /// Those that logs show: the others are known by the server's counter of TLS handshakes alone.
    pub logged: Vec<Window>,
    /// Share of the judged span in which that counter shows that no client used TLS, 0 to 1.
    pub counted_share: f64,
    /// The parts that were not, and why.
    pub gaps: Vec<Gap>,
    /// Share of the asked span that was seen, 0 to 1.
    pub share: f64,
    /// The part of the asked span that a verdict is about: its end, as far back as enough of it was seen. None when there is
    /// no asked span.
    pub judged: Option<Window>,
    /// Share of the judged span that was seen, 0 to 1.
    pub judged_share: f64,
    /// Log files that were read.
    pub files: u64,
    /// Log files of which something is missing.
    pub files_failed: u64,
    /// Log files that were left out, because the verdict was certain without them.
    pub files_left_out: u64,
    /// Of those that failed, and of listings that failed, the ones that another try may read: they are still there.
    pub files_to_retry: u64,
    /// Log files that were read and show no session at all, not even AWS's own.
    pub files_mute: u64,
    /// The values of `log_line_prefix` that PostgreSQL's logs were read with.
    pub log_line_prefixes: BTreeSet<String>,
    /// Bytes that were read.
    pub bytes: u64,
    /// Records that can only be about connections, and could not be parsed.
    pub unparsed: u64,
}

/// A part of the window that was not seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// From when to when.
    pub span: Window,
    /// Why.
    pub cause: GapReason,
}

/// Why a part of the window was not seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GapReason {
    /// The oldest log is younger.
    NotKept,
    /// A log of this time is there, and shows no session.
    NotLogged,
    /// A log of this time shows sessions, but never whether they used TLS.
    CannotTell,
    /// There is no log of this time, and there are older ones.
    Missing,
    /// A log of this time was not read in full.
    Unread(GapCause),
}

impl GapReason {
    /// The name in reports. `src/report/README.md` lists all.
    pub fn name(self) -> &'static str {
        match self {
            Self::NotKept => "not-kept",
            Self::NotLogged => "not-logged",
            Self::CannotTell => "cannot-tell",
            Self::Missing => "missing",
            Self::Unread(cause) => cause.name(),
        }
    }

    /// The same as a clause.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::NotKept => "the logs are no longer kept",
            Self::NotLogged => "sessions were not logged",
            Self::CannotTell => "the log did not record TLS",
            Self::Missing => "log files are missing",
            Self::Unread(GapCause::Denied) => "AWS denied the logs",
            Self::Unread(GapCause::Throttled) => "AWS throttled the calls",
            Self::Unread(GapCause::Vanished) => "log files were deleted while they were read",
            Self::Unread(GapCause::Truncated) => "log files were truncated",
            Self::Unread(GapCause::Unparsed) => "records could not be parsed",
            Self::Unread(GapCause::UnknownFormat) => "the format of the log is unknown",
            Self::Unread(GapCause::UnknownZone) => "the time zone of the log is unknown",
            Self::Unread(GapCause::Disordered) => "the times in the log are not in order",
            Self::Unread(GapCause::NotRead) => "`--quick` left out the logs",
            Self::Unread(GapCause::Failed) => "log files could not be read",
        }
    }
}

impl Serialize for GapReason {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(self.name())
    }
}

impl Coverage {
    /// The longest part that was not seen.
    pub fn longest_gap(&self) -> SignedDuration {
        self.gaps.iter().map(|gap| gap.span.length()).max().unwrap_or(SignedDuration::ZERO)
    }
}

/// The coverage of a window by readings. `least` is the share of a span that must be seen to judge it.
///
/// A log counts where it shows that sessions were being logged: a file without a single session, not even one of AWS's
/// own, may have been written while logging was off, and so may hours of a file that holds more of them; one that never
/// shows the transport of a session covers nothing. Beside a file without sessions, its neighbours count only from
/// their first, or up to their last, session.
///
/// Kinds of logs that hold the same sessions are looked at one by one: what any of them shows was seen. A kind that may
/// leave sessions out shows nothing here, and is not missed either.
///
/// `counted` is time without TLS by the server's counter of handshakes. It is seen too, without any log.
pub(super) fn of(
    (readings, recorded, counted): (&[LogRead], &Recorded, &[Window]),
    engine: Option<&Engine>,
    asked: Window,
    least: f64,
) -> Coverage {
    let readings: Vec<&LogRead> = readings.iter().filter(|reading| is_complete(engine, &reading.source)).collect();
    let mut inside: Vec<(&LogRead, Window)> = readings
        .iter()
        .filter_map(|reading| Some((*reading, reading.span?)))
        .filter(|(_, span)| span.overlap(&asked).is_some())
        .collect();
    inside.sort_by(|one, other| (one.1, &one.0.log).cmp(&(other.1, &other.0.log)));
    let mut kinds: BTreeMap<usize, Vec<&LogRead>> = BTreeMap::new();
    for (reading, _) in &inside {
        kinds.entry(kind(engine, &reading.source)).or_default().push(reading);
    }
    let seen_by: BTreeMap<usize, Vec<Window>> =
        kinds.iter().map(|(kind, readings)| (*kind, seen_by(readings, recorded))).collect();
    let logged = union(seen_by.values().flatten().filter_map(|span| span.overlap(&asked)).collect());
    let counted: Vec<Window> = counted.iter().filter_map(|span| span.overlap(&asked)).collect();
    let seen = union(logged.iter().chain(&counted).copied().collect());
    // What another kind of log shows instead is not missed.
    let missed = |reading: &&LogRead| {
        let others = seen_by.iter().filter(|(other, _)| **other != kind(engine, &reading.source));
        let shown =
            |span: Window| others.flat_map(|(_, seen)| seen).any(|seen| seen.from <= span.from && span.to <= seen.to);
        !reading.span.is_some_and(shown)
    };
    // Nor is anything of a file that was last written to before the window.
    let in_window = |reading: &&LogRead| reading.last_written.is_none_or(|written| written >= asked.from);
    let (judged, judged_share) = judged(asked, &seen, least);
    let first = inside.first().map(|(_, span)| span.from);
    let gaps = gaps(asked, &seen).into_iter().map(|span| Gap { span, cause: why(span, &inside, first) }).collect();
    let count = |is: fn(&LogRead) -> bool| inside.iter().filter(|(reading, _)| is(reading)).count() as u64;
    let is_lost = |reading: &&&LogRead| reading.span.is_none() && !reading.gaps.is_empty() && !reading.is_left_out();
    let lost = readings.iter().filter(is_lost).count() as u64;
    Coverage {
        asked: (!asked.is_empty()).then_some(asked),
        share: share_of(asked, &seen),
        judged: (!judged.is_empty()).then_some(judged),
        judged_share,
        counted_share: share_of(judged, &counted),
        logged,
        seen,
        gaps,
        files: count(|reading| reading.gaps.is_empty()),
        files_failed: count(|reading| !reading.gaps.is_empty() && !reading.is_listing() && !reading.is_left_out())
            + lost,
        files_left_out: readings.iter().filter(|reading| reading.is_left_out()).count() as u64,
        files_to_retry: readings
            .iter()
            .copied()
            .filter(|reading| may_be_retried(reading))
            .filter(missed)
            .filter(in_window)
            .count() as u64,
        files_mute: count(shows_no_session),
        log_line_prefixes: inside.iter().filter_map(|(reading, _)| reading.log_line_prefix.clone()).collect(),
        bytes: inside.iter().map(|(reading, _)| reading.read_bytes).sum(),
        unparsed: readings.iter().map(|reading| reading.unparsed).sum(),
    }
}

/// The share of a span that was seen, 0 to 1.
fn share_of(span: Window, seen: &[Window]) -> f64 {
    let length = span.length().as_secs_f64();
    let lengths = seen.iter().filter_map(|seen| seen.overlap(&span)).map(|seen| seen.length().as_secs_f64());
    // The sum of no floats is -0.0.
    let covered = lengths.fold(0.0, |sum, length| sum + length);
    if length > 0.0 { covered / length } else { 0.0 }
}

/// The longest end of a span of which at least a share of `least` was seen, and its share: hours whose logs are not kept
/// make the span shorter. The whole span where no end of it was seen enough.
fn judged(asked: Window, seen: &[Window], least: f64) -> (Window, f64) {
    let begins = [asked.from].into_iter().chain(seen.iter().map(|seen| seen.from));
    let ends = begins.map(|from| Window { from, to: asked.to });
    let shares = ends.map(|span| (span, share_of(span, seen)));
    shares.into_iter().find(|(_, share)| *share >= least).unwrap_or_else(|| (asked, share_of(asked, seen)))
}

/// The kind of log of a log read: its index in the engine's list, files before CloudWatch Logs. Both
/// hold the same sessions, and are kinds of their own.
pub(super) fn kind(engine: Option<&Engine>, source: &str) -> usize {
    let Some(engine) = engine else { return 0 };
    let of_files = || engine.logs.iter().position(|logs| logs.has_file(source));
    let index = match exported_type(source) {
        Some(log_type) => engine.exported_as(log_type).map(|at| 2 * at + 1),
        None => of_files().map(|at| 2 * at),
    };
    index.unwrap_or(2 * engine.logs.len())
}

/// Whether a log read is of a kind of log that records every session; unknown for kinds of newer versions.
pub(super) fn is_complete(engine: Option<&Engine>, source: &str) -> bool {
    let Some(engine) = engine else { return true };
    match exported_type(source) {
        Some(log_type) => {
            let logs = engine.exported_as(log_type).and_then(|at| engine.logs.get(at));
            logs.is_some_and(|logs| logs.logs_every_session && logs.export.as_ref().is_some_and(|export| export.dated))
        }
        None => engine.logs_of(source).is_some_and(|logs| logs.logs_every_session),
    }
}

/// When sessions were recorded, by the log that they stand in: in each hour, from the first to the last.
pub(super) type Recorded = HashMap<String, Vec<(Timestamp, Timestamp)>>;

/// When the facts' sessions were recorded.
pub(super) fn recorded(facts: &Facts) -> Recorded {
    let mut by_source: Vec<BTreeMap<i64, (i64, i64)>> = vec![BTreeMap::new(); facts.sources().len()];
    // Those of a log and hour mostly stand together.
    for run in facts.rows().chunk_by(|one, next| (one.source, one.hour) == (next.source, next.hour)) {
        let sessions =
            run.iter().filter(|fact| facts.event(fact).is_some_and(|event| event.kind == EventKind::Connected));
        let times = sessions.map(|fact| (fact.first_seen, fact.last_seen));
        let seen = times.reduce(|seen, (first, last)| (seen.0.min(first), seen.1.max(last)));
        let hours = run.first().and_then(|fact| Some((by_source.get_mut(fact.source as usize)?, fact.hour)));
        if let (Some((first, last)), Some((hours, hour))) = (seen, hours) {
            let span = hours.entry(hour).or_insert((first, last));
            *span = (span.0.min(first), span.1.max(last));
        }
    }
    let instant = |micros: i64| Timestamp::from_microsecond(micros).ok();
    let spans = |hours: BTreeMap<i64, (i64, i64)>| {
        hours.into_values().filter_map(|(first, last)| Some((instant(first)?, instant(last)?))).collect()
    };
    let sources = facts.sources().iter().zip(by_source).filter(|(_, hours)| !hours.is_empty());
    sources.map(|(source, hours)| (source.to_string(), spans(hours))).collect()
}

/// The spans in which logs of one kind certainly show every session.
pub(super) fn seen_by(readings: &[&LogRead], recorded: &Recorded) -> Vec<Window> {
    let mut inside: Vec<(&LogRead, Window)> =
        readings.iter().filter_map(|reading| Some((*reading, reading.span?))).collect();
    inside.sort_by(|one, other| (one.1, &one.0.log).cmp(&(other.1, &other.0.log)));
    let covered = (0..inside.len()).filter_map(|at| {
        let span = conclusive_span(&inside, at)?;
        let (reading, _) = inside.get(at)?;
        Some(logged(span, recorded.get(&reading.source).map_or(&[], Vec::as_slice)))
    });
    union(covered.flatten().collect())
}

/// A log that is gone is a gap like any other; one that is there and was not read is no evidence of anything.
fn may_be_retried(reading: &LogRead) -> bool {
    reading.gaps.iter().any(|gap| !matches!(gap.cause, GapCause::Vanished | GapCause::NotRead))
}

/// How far from a session that was logged it is believed that the next would have been.
const REACH: SignedDuration = SignedDuration::from_hours(1);

fn shows_no_session(reading: &LogRead) -> bool {
    reading.gaps.is_empty() && reading.sessions == 0
}

/// Whether a log shows the transport of any session. One that never does is evidence of clients, but not of transports:
/// that it shows no client may be its filter.
fn shows_transport(reading: &LogRead) -> bool {
    reading.sessions > reading.unknown_sessions
}

/// The part of the span of the log read at `at` in which sessions were certainly logged.
fn conclusive_span(inside: &[(&LogRead, Window)], at: usize) -> Option<Window> {
    let (reading, span) = *inside.get(at)?;
    if !shows_transport(reading) || !reading.gaps.is_empty() {
        return None;
    }
    let is_without = |neighbour: Option<&(&LogRead, Window)>| neighbour.is_some_and(|(read, _)| shows_no_session(read));
    let before = at.checked_sub(1).and_then(|before| inside.get(before));
    let (first, last) = (reading.first_session_at?, reading.last_session_at?);
    let from = if is_without(before) { first } else { span.from.max(first.checked_sub(REACH).ok()?) };
    let to = if is_without(inside.get(at + 1)) { last } else { span.to.min(last.checked_add(REACH).ok()?) };
    Some(Window { from, to })
}

/// Of the span of a log, the parts in reach of a session, where it is known when those were recorded.
fn logged(span: Window, recorded: &[(Timestamp, Timestamp)]) -> Vec<Window> {
    if recorded.is_empty() {
        return vec![span];
    }
    let reach = |(first, last): &(Timestamp, Timestamp)| {
        Window { from: first.checked_sub(REACH).ok()?, to: last.checked_add(REACH).ok()? }.overlap(&span)
    };
    union(recorded.iter().filter_map(reach).collect())
}

fn why(gap: Window, inside: &[(&LogRead, Window)], first: Option<Timestamp>) -> GapReason {
    let there = inside.iter().find(|(_, span)| span.overlap(&gap).is_some()).map(|(reading, _)| *reading);
    match there {
        Some(reading) if reading.gaps.is_empty() && reading.sessions > 0 && !shows_transport(reading) => {
            GapReason::CannotTell
        }
        Some(reading) => reading.gaps.first().map_or(GapReason::NotLogged, |gap| GapReason::Unread(gap.cause)),
        None if first.is_none_or(|first| gap.to <= first) => GapReason::NotKept,
        None => GapReason::Missing,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::bundle::LogGap;

    const HOUR: i64 = 3600;
    const LEAST: f64 = 0.95;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    fn span(from: i64, to: i64) -> Window {
        Window { from: at(from), to: at(to) }
    }

    fn reading(hour: i64, sessions: u64) -> LogRead {
        LogRead {
            source: format!("log-{hour}"),
            log: format!("log-{hour}"),
            format: Some("stderr".to_owned()),
            log_line_prefix: None,
            listed_bytes: 1,
            last_written: None,
            read_bytes: 1,
            span: Some(span(hour * HOUR, (hour + 1) * HOUR)),
            complete: true,
            records: sessions,
            sessions,
            tls_sessions: 0,
            unknown_sessions: 0,
            first_session_at: (sessions > 0).then(|| at(hour * HOUR + 600)),
            last_session_at: (sessions > 0).then(|| at(hour * HOUR + 3000)),
            unparsed: 0,
            gaps: Vec::new(),
            connection_ids: Vec::new(),
        }
    }

    fn gap(from: i64, to: i64, cause: GapReason) -> Gap {
        Gap { span: span(from, to), cause }
    }

    #[test]
    fn whole_hours_one_after_the_other_are_whole_coverage() {
        let coverage = of(
            (&[reading(0, 5), reading(1, 5), reading(2, 1)], &Recorded::default(), &[]),
            None,
            span(0, 3 * HOUR),
            LEAST,
        );
        assert_eq!((coverage.share, coverage.gaps.as_slice(), coverage.files), (1.0, [].as_slice(), 3));
    }

    #[test]
    fn what_was_not_logged_not_kept_or_lost_is_a_gap_with_its_cause() {
        let mut lost = reading(4, 3);
        lost.gaps.push(LogGap { cause: GapCause::Vanished, message: String::new() });
        let readings = [reading(1, 5), reading(2, 0), reading(3, 5), lost, reading(5, 5), reading(7, 1)];
        let coverage = of((&readings, &Recorded::default(), &[]), None, span(0, 8 * HOUR), LEAST);
        let expected = [
            gap(0, HOUR, GapReason::NotKept),
            gap(HOUR + 3000, 3 * HOUR + 600, GapReason::NotLogged),
            gap(4 * HOUR, 5 * HOUR, GapReason::Unread(GapCause::Vanished)),
            gap(6 * HOUR, 7 * HOUR, GapReason::Missing),
        ];
        assert_eq!(coverage.gaps, expected);
        assert_eq!((coverage.files, coverage.files_mute, coverage.files_failed), (5, 1, 1));
    }

    #[test]
    fn hours_of_a_long_file_without_a_session_are_not_seen() {
        let mut long = reading(0, 5);
        (long.span, long.last_session_at) = (Some(span(0, 24 * HOUR)), Some(at(24 * HOUR - 60)));
        let sessions = vec![(at(600), at(3000)), (at(23 * HOUR), at(24 * HOUR - 60))];
        let recorded = Recorded::from_iter([("log-0".to_owned(), sessions)]);
        let coverage = of((&[long], &recorded, &[]), None, span(0, 24 * HOUR), LEAST);
        assert_eq!(coverage.gaps, [gap(HOUR + 3000, 22 * HOUR, GapReason::NotLogged)], "logging was off in between");
    }

    #[test]
    fn a_kind_of_log_that_is_not_known_covers_nothing() {
        let mut newer = reading(0, 5);
        newer.source = "cloudwatch:/aws/rds/instance/orders/audit:1970-01-01T00".to_owned();
        let coverage = of((&[newer], &Recorded::default(), &[]), Engine::named("oracle"), span(0, HOUR), LEAST);
        assert_eq!((coverage.share, coverage.files), (0.0, 0));
    }

    #[test]
    fn a_log_that_never_shows_a_transport_covers_nothing() {
        let mut blind = reading(1, 5);
        blind.unknown_sessions = 5;
        let coverage =
            of((&[reading(0, 5), blind, reading(2, 5)], &Recorded::default(), &[]), None, span(0, 3 * HOUR), LEAST);
        assert_eq!(coverage.gaps, [gap(HOUR, 2 * HOUR, GapReason::CannotTell)]);
    }

    /// Rows: the hours that were seen of ten, and the first hour of the span that is judged.
    #[test]
    fn the_longest_end_that_was_seen_enough_is_judged() {
        let rows: [(&[(i64, i64)], i64); 6] =
            [(&[(0, 10)], 0), (&[(3, 10)], 3), (&[(1, 5), (6, 10)], 6), (&[(0, 9)], 0), (&[(0, 4)], 0), (&[], 0)];
        for (seen, from) in rows {
            let seen: Vec<Window> = seen.iter().map(|(from, to)| span(from * HOUR, to * HOUR)).collect();
            assert_eq!(judged(span(0, 10 * HOUR), &seen, 0.9).0, span(from * HOUR, 10 * HOUR), "{seen:?}");
        }
    }

    proptest! {
        /// Nothing longer that ends there was seen enough, and what is judged was, or is the whole.
        #[test]
        fn what_is_judged_was_seen(hours in prop::collection::btree_set(0i64..48, 0..48), least in 0.5f64..1.0) {
            let asked = span(0, 48 * HOUR);
            let seen = union(hours.iter().map(|hour| span(hour * HOUR, (hour + 1) * HOUR)).collect());
            let (found, share) = judged(asked, &seen, least);
            prop_assert!((share - share_of(found, &seen)).abs() < 1e-9 && found.to == asked.to);
            prop_assert!(share >= least || found == asked);
            for begin in seen.iter().filter(|seen| seen.from < found.from) {
                let longer = Window { from: begin.from, to: asked.to };
                prop_assert!(share_of(longer, &seen) < least);
            }
        }

        #[test]
        fn coverage_never_exceeds_what_logs_with_sessions_span(hours in prop::collection::vec((0i64..48, 0u64..3), 0..40)) {
            let mut readings: Vec<LogRead> = hours.iter().map(|(hour, sessions)| reading(*hour, *sessions)).collect();
            readings.dedup_by(|one, other| one.log == other.log);
            let coverage = of((&readings, &Recorded::default(), &[]), None, span(0, 48 * HOUR), LEAST);
            let telling: BTreeSet<i64> =
                hours.iter().filter(|(_, sessions)| *sessions > 0).map(|(hour, _)| *hour).collect();
            prop_assert!(coverage.share <= telling.len() as f64 / 48.0 + 1e-9);
            let seen: f64 = coverage.seen.iter().map(|span| span.length().as_secs_f64()).sum();
            let missed: f64 = coverage.gaps.iter().map(|gap| gap.span.length().as_secs_f64()).sum();
            prop_assert!((seen + missed - 48.0 * 3600.0).abs() < 1e-6);
        }
    }
}
