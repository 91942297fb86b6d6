//! Events of CloudWatch Logs that were delivered as files: an hour of a log group is a log, as it is for a live collection.
//!
//! Files have events of many instances in any order, and deliver some twice. So events are sorted into partitions on disk first, and
//! then each hour is read as a whole. What counts and what is covered depends on no order.
//!
//! Nothing says whether an archive has all events. So an hour covers the time that its events show, up to a silence of more than
//! [`SILENCE`] minutes; nothing, if a filter pattern may have left events out, or if clients can write records of any time.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{BufRead, BufReader, BufWriter, Seek, Write};
use std::path::Path;
use std::sync::Arc;

use futures_util::{StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use ssl_usage_parsers::envelope::Delivery;
use ssl_usage_parsers::{Engine, Logs, Scanned, Scanner};

use super::aggregate::Fold;
use super::copied_logs::{together, write};
use super::instance::InstanceLogs;
use super::log_source::hour_of;
use super::read_log::{Read, cause, unnamed, unread};
use super::shard::Shard;
use super::writer::Writer;
use super::{Request, logged};
use crate::bundle::{Bundle, GapCause, Known, LogGap, LogRead, Parts, exported_source};
use crate::error::{Error, Result};
use crate::events::LogEvent;
use crate::inventory::{Fleet, InstanceProfile};
use crate::problem::Problem;
use crate::progress::Progress;
use crate::scan::refuse_unsupported_language;
use crate::window::Window;

/// Files into which events are sorted. Each is read as a whole.
const PARTITIONS: usize = 128;
/// Minutes without an event, at most, before events are taken for missing.
const SILENCE: u32 = 20;
const MINUTE: i64 = 60;

/// An instance and one of its log groups.
type GroupOf = (usize, usize);

/// Events on their way into a bundle.
pub struct Events<'f> {
    /// Each with the index of its inventory.
    profiles: Vec<(usize, &'f InstanceProfile)>,
    /// ARNs of instances that were not asked for.
    left_out: BTreeSet<String>,
    shard: Shard,
    /// Whether no filter pattern left events out of subscriptions and queries.
    is_unfiltered: bool,
    groups: Vec<String>,
    group_index: BTreeMap<String, usize>,
    partitions: Vec<Option<BufWriter<File>>>,
    /// By instance, log group and hour, the minutes with events, one bit each.
    minutes: BTreeMap<GroupOf, BTreeMap<i64, u64>>,
    /// Hours of which events may be filtered.
    filtered: BTreeSet<(GroupOf, i64)>,
    /// Hours with events whose message is elsewhere.
    elsewhere: BTreeSet<(GroupOf, i64)>,
    /// Why events are missing.
    lost: Option<String>,
    /// Events that were taken, of whatever instance and log group.
    taken: u64,
    /// Names of instances that are not in the inventory, with the number of their events.
    pub unassigned: BTreeMap<String, u64>,
}

/// An event in a partition.
#[derive(Serialize, Deserialize)]
struct Kept {
    profile: usize,
    group: usize,
    stream: String,
    /// Which file; empty for events with an id, which says whether they are the same.
    object: String,
    id: String,
    at: i64,
    message: String,
}

impl<'f> Events<'f> {
    /// None yet, for the instances of these inventories.
    ///
    /// Those of instances that are left out count for nothing.
    pub fn new(fleets: &'f [Fleet], left_out: &BTreeSet<&str>, shard: Shard, is_unfiltered: bool) -> Self {
        let profiles = fleets.iter().enumerate();
        let profiles = profiles.flat_map(|(at, fleet)| fleet.instances.iter().map(move |profile| (at, profile)));
        Self {
            profiles: profiles.collect(),
            left_out: left_out.iter().map(|arn| (*arn).to_owned()).collect(),
            shard,
            is_unfiltered,
            groups: Vec::new(),
            group_index: BTreeMap::new(),
            partitions: (0..PARTITIONS).map(|_| None).collect(),
            minutes: BTreeMap::new(),
            filtered: BTreeSet::new(),
            elsewhere: BTreeSet::new(),
            lost: None,
            taken: 0,
            unassigned: BTreeMap::new(),
        }
    }

    /// Takes an event.
    ///
    /// # Errors
    ///
    /// When a partition cannot be written.
    pub fn add(&mut self, event: LogEvent) -> Result<()> {
        let is_own = event.message.is_some();
        self.taken += u64::from(is_own);
        let Some(profile) = self.profile(&event) else {
            if is_own {
                *self.unassigned.entry(event.instance).or_default() += 1;
            }
            return Ok(());
        };
        let group = event.group().unwrap_or_default().to_owned();
        let of = self.profiles.get(profile).map(|(_, of)| *of);
        if of.is_none_or(|of| kind(of, &group).is_none() || self.left_out.contains(&of.arn)) {
            return Ok(());
        }
        let is_here = of.is_some_and(|of| self.shard.holds(&of.arn, &event.source));
        let next = self.groups.len();
        let group = *self.group_index.entry(group).or_insert_with_key(|name| {
            self.groups.push(name.clone());
            next
        });
        let second = event.timestamp.div_euclid(1000);
        let (hour, minute) = (second.div_euclid(60 * MINUTE), second.rem_euclid(60 * MINUTE) / MINUTE);
        *self.minutes.entry((profile, group)).or_default().entry(hour).or_default() |= 1 << minute;
        if event.delivered() != Some(Delivery::Export) && !self.is_unfiltered {
            self.filtered.insert(((profile, group), hour));
        }
        if !is_own {
            self.elsewhere.insert(((profile, group), hour));
        }
        let Some(message) = event.message.filter(|_| is_here) else { return Ok(()) };
        let id = event.id.unwrap_or_default();
        let object = if id.is_empty() { event.object } else { String::new() };
        let kept = Kept { profile, group, stream: event.stream, object, id, at: event.timestamp, message };
        self.put(&kept, hour)
    }

    /// The instance of an event, by its name, account and region.
    fn profile(&self, event: &LogEvent) -> Option<usize> {
        let is_same = |known: &Option<String>, own: &str| known.as_ref().is_none_or(|known| known == own);
        let mut all = self.profiles.iter().enumerate().filter(|(_, (_, profile))| {
            profile.instance == event.instance
                && (profile.is_unlisted()
                    || is_same(&event.account, &profile.account) && is_same(&event.region, &profile.region))
        });
        let first = all.next()?;
        // Of several, nothing says which.
        all.next().is_none().then_some(first.0)
    }

    fn put(&mut self, kept: &Kept, hour: i64) -> Result<()> {
        let fail = |error| Error::io(&std::env::temp_dir(), error);
        let mut hasher = DefaultHasher::new();
        (kept.profile, kept.group, hour).hash(&mut hasher);
        let at = (hasher.finish() % PARTITIONS as u64) as usize;
        let Some(partition) = self.partitions.get_mut(at) else { return Ok(()) };
        let file = match partition {
            Some(file) => file,
            None => partition.insert(BufWriter::new(tempfile::tempfile().map_err(fail)?)),
        };
        serde_json::to_writer(&mut *file, kept).map_err(|error| fail(error.into()))?;
        file.write_all(b"\n").map_err(fail)
    }

    /// Whether an event was taken, of whatever instance and log group.
    pub fn has_taken(&self) -> bool {
        self.taken > 0
    }

    /// Whether there are any of these instances, in this shard or another.
    pub fn has_any(&self) -> bool {
        !self.minutes.is_empty()
    }

    /// How many instances have events.
    pub fn instances(&self) -> usize {
        self.minutes.keys().map(|(profile, _)| profile).collect::<BTreeSet<_>>().len()
    }

    /// Events are missing, of any hour: what could not be read of a file may have been of an hour of which other files have events.
    /// Whatever the order of files, the same message stays.
    pub fn lose(&mut self, object: &str, damage: &str) {
        let message = format!("{object}: {damage}");
        self.lost = Some(self.lost.take().map_or(message.clone(), |other| other.min(message)));
    }

    /// Reads all hours into the bundle, with the request of each inventory. Returns what could not be read.
    ///
    /// # Errors
    ///
    /// When the bundle cannot be written.
    pub async fn collect(
        mut self,
        requests: &[Request],
        (bundle, known): (&Bundle, &Parts),
        progress: &Arc<dyn Progress>,
    ) -> Result<Vec<Problem>> {
        let partitions = std::mem::take(&mut self.partitions);
        let of =
            |(fleet, profile): &(usize, &InstanceProfile)| Some((requests.get(*fleet)?.clone(), (*profile).clone()));
        let of: Arc<Vec<(Request, InstanceProfile)>> = Arc::new(self.profiles.iter().filter_map(of).collect());
        let shown = Arc::new(Shown {
            of: Arc::clone(&of),
            groups: self.groups,
            minutes: self.minutes,
            filtered: self.filtered,
            elsewhere: self.elsewhere,
            lost: self.lost,
        });
        let reads = partitions.into_iter().flatten().map(|partition| {
            let shown = Arc::clone(&shown);
            let progress = Arc::clone(progress);
            tokio::task::spawn_blocking(move || shown.read(partition, progress.as_ref()))
        });
        let known: Vec<Known> = of.iter().map(|(_, profile)| known.known(profile)).collect();
        let mut writers: BTreeMap<usize, Writer<'_>> = BTreeMap::new();
        let mut problems = Vec::new();
        let mut reads = stream::iter(reads).buffered(together());
        while let Some(read) = reads.next().await {
            for (at, read) in read.unwrap_or_else(|lost| std::panic::resume_unwind(lost.into_panic()))? {
                let Some(((request, profile), known)) = of.get(at).zip(known.get(at)) else { continue };
                let Some(engine) = logged(profile) else { continue };
                let logs = InstanceLogs { request, profile, engine, known };
                let writer = writers.entry(at).or_insert_with(|| Writer::of_copies(logs, bundle));
                problems.extend(write(read, profile, writer).await?);
            }
        }
        // An instance without events may have had them in what could not be read.
        for (at, ((request, profile), known)) in of.iter().zip(&known).enumerate() {
            if let (Some(message), Some(engine)) = (&shown.lost, logged(profile)) {
                let logs = InstanceLogs { request, profile, engine, known };
                let writer = writers.entry(at).or_insert_with(|| Writer::of_copies(logs, bundle));
                writer.add(lost(engine, message, request.window), Vec::new()).await?;
            }
        }
        for (at, writer) in &mut writers {
            writer.write().await?;
            writer.warn_of_later(progress.as_ref());
            progress.done(of.get(*at).map_or("", |(_, profile)| &profile.instance));
        }
        Ok(problems)
    }
}

/// The kind of log that is exported to a group; none of one without connections.
fn kind(profile: &InstanceProfile, group: &str) -> Option<(&'static Engine, &'static Logs)> {
    let engine = logged(profile)?;
    let log_type = group.rsplit('/').next()?;
    engine
        .logs
        .iter()
        .find(|logs| logs.export.as_ref().is_some_and(|export| export.log_type == log_type))
        .map(|logs| (engine, logs))
}

/// What could not be read of objects, as a log of the whole window. It is one that shows every session, if the engine has such a log.
fn lost(engine: &Engine, message: &str, window: Window) -> LogRead {
    let exported = engine.logs.iter().filter_map(|logs| Some((logs, logs.export.as_ref()?)));
    let best = exported.max_by_key(|(logs, export)| (logs.logs_every_session, export.dated));
    let log_type = best.map_or("", |(_, export)| export.log_type);
    let source = exported_source(&format!("objects/{log_type}"), window.from);
    let gaps = vec![LogGap { cause: GapCause::Truncated, message: message.to_owned() }];
    LogRead { log: source.clone(), source, span: Some(window), gaps, ..LogRead::default() }
}

/// What all partitions share.
struct Shown {
    /// Requests and instances.
    of: Arc<Vec<(Request, InstanceProfile)>>,
    groups: Vec<String>,
    minutes: BTreeMap<GroupOf, BTreeMap<i64, u64>>,
    filtered: BTreeSet<(GroupOf, i64)>,
    elsewhere: BTreeSet<(GroupOf, i64)>,
    lost: Option<String>,
}

impl Shown {
    /// Reads the hours of a partition, each with its instance.
    fn read(&self, partition: BufWriter<File>, progress: &dyn Progress) -> Result<Vec<(usize, Read)>> {
        let fail = |error| Error::io(Path::new("temporary file"), error);
        let mut file = partition.into_inner().map_err(|error| fail(error.into_error()))?;
        file.rewind().map_err(fail)?;
        let mut hours: BTreeMap<(usize, usize, i64), Vec<Kept>> = BTreeMap::new();
        for line in BufReader::new(file).lines() {
            let kept: Kept = serde_json::from_str(&line.map_err(fail)?).map_err(|error| fail(error.into()))?;
            let hour = kept.at.div_euclid(1000 * 60 * MINUTE);
            hours.entry((kept.profile, kept.group, hour)).or_default().push(kept);
        }
        let read =
            |((profile, group, hour), events)| Some((profile, self.hour((profile, group), hour, events, progress)?));
        Ok(hours.into_iter().filter_map(read).collect())
    }

    /// What is missing of an hour, beside what is wrong with its events.
    fn gaps(&self, of_hour: (GroupOf, i64), wrong: Option<&Error>, subject: &str) -> Vec<LogGap> {
        let truncated = |message: String| LogGap { cause: GapCause::Truncated, message };
        let wrong = wrong.map(|error| LogGap { cause: cause(error), message: error.advice() });
        let lost = self.lost.clone().map(truncated);
        // An engine may replace a message that it cannot hold. An hour belongs to one process as a whole.
        let divided = self.elsewhere.contains(&of_hour);
        let divided = divided.then(|| truncated(format!("{subject}: some events of this hour have no message")));
        wrong.into_iter().chain(lost).chain(divided).collect()
    }

    /// Reads an hour.
    fn hour(&self, of_group: GroupOf, hour: i64, events: Vec<Kept>, progress: &dyn Progress) -> Option<Read> {
        let ((request, profile), group) = (self.of.get(of_group.0)?, self.groups.get(of_group.1)?);
        let (engine, logs) = kind(profile, group)?;
        let begin = Timestamp::from_second(hour * 60 * MINUTE).ok()?;
        let source = exported_source(group, hour_of(begin));
        let known = Known::default();
        let of = InstanceLogs { request, profile, engine, known: &known };
        let mut fold = Fold::new(&source, engine, begin.as_microsecond());
        let (mut bytes, mut format, mut prefix, mut wrong) = (0, None, None, None);
        for (stream, text) in streams(events) {
            let name = format!("{} {group} {stream}", profile.instance);
            bytes += text.len() as u64;
            progress.bytes(text.len() as u64);
            let parser = match of.parser(&name, &text) {
                Ok(parser) => parser,
                Err(error) => {
                    wrong = wrong.or(Some(error));
                    continue;
                }
            };
            let mut scanner = Scanner::new(parser.as_ref(), 1);
            scanner.push(&text, &mut fold);
            let scanned: Scanned = scanner.finish(&mut fold);
            format = Some(parser.format().to_owned());
            prefix = parser.log_line_prefix().map(str::to_owned);
            let times = unread(0, Some(&scanned), logs, &|| name.clone()).map(|(_, error)| error);
            wrong = wrong.or(refuse_unsupported_language(&name, &scanned).err()).or(times);
        }
        progress.log_read();
        let subject = || format!("{} {source}", profile.instance);
        let wrong = wrong.or(unread(fold.unparsed, None, logs, &subject).map(|(_, error)| error));
        let gaps = self.gaps((of_group, hour), wrong.as_ref(), &subject());
        let is_dated = logs.export.as_ref().is_some_and(|export| export.dated) && !logs.imitable;
        let is_shown = is_dated && !self.filtered.contains(&(of_group, hour));
        let instant = |micros: Option<i64>| micros.and_then(|micros| Timestamp::from_microsecond(micros).ok());
        let reading = LogRead {
            source: source.clone(),
            log: source.clone(),
            format,
            log_line_prefix: prefix,
            listed_bytes: 0,
            last_written: begin.checked_add(SignedDuration::from_hours(1)).ok(),
            read_bytes: bytes,
            span: self.minutes.get(&of_group).filter(|_| is_shown).and_then(|minutes| covered(minutes, hour)),
            complete: false,
            records: fold.records,
            sessions: fold.sessions,
            tls_sessions: fold.tls_sessions,
            unknown_sessions: fold.unknown_sessions,
            first_session_at: instant(fold.first_session),
            last_session_at: instant(fold.last_session),
            unparsed: fold.unparsed,
            gaps,
            // Nothing says that the events are all that the server logged.
            connection_ids: Vec::new(),
        };
        let error = wrong.or_else(|| unnamed(&fold, &subject));
        Some(Read { reading, facts: fold.into_facts(), error })
    }
}

/// The text of each stream, in the order of its events, each of them once.
///
/// Events with one id are the same. Of events without ids, as many equal ones count as the file has that has most of them.
fn streams(events: Vec<Kept>) -> BTreeMap<String, Vec<u8>> {
    let mut streams: BTreeMap<String, Vec<Kept>> = BTreeMap::new();
    for event in events {
        streams.entry(event.stream.clone()).or_default().push(event);
    }
    streams.into_iter().map(|(stream, events)| (stream, text(events))).collect()
}

fn text(mut events: Vec<Kept>) -> Vec<u8> {
    // Ids grow; where there are none, the order of the file stays.
    events.sort_by(|one, other| {
        (one.at, one.id.len(), &one.id, &one.object).cmp(&(other.at, other.id.len(), &other.id, &other.object))
    });
    let mut text = Vec::new();
    let mut add = |message: &str| {
        text.extend_from_slice(message.as_bytes());
        text.push(b'\n');
    };
    let mut ids = BTreeSet::new();
    let mut rest = events.as_slice();
    while let Some(first) = rest.first() {
        let (same_time, later) = rest.split_at(rest.partition_point(|event| event.at <= first.at));
        rest = later;
        // How often each message was passed on, and how often the file that is read has it.
        let mut passed: BTreeMap<&str, usize> = BTreeMap::new();
        for of_file in same_time.chunk_by(|one, other| one.object == other.object) {
            let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
            for event in of_file {
                if event.object.is_empty() && !ids.insert((event.id.as_str(), event.message.as_str())) {
                    continue;
                }
                let seen = seen.entry(&event.message).or_default();
                *seen += 1;
                let passed = passed.entry(&event.message).or_default();
                if *seen > *passed {
                    *passed = *seen;
                    add(&event.message);
                }
            }
        }
    }
    text
}

/// The longest part of an hour that events show, by the minutes with events: silences of up to [`SILENCE`] minutes are within it.
fn covered(minutes: &BTreeMap<i64, u64>, hour: i64) -> Option<Window> {
    let bits = |hour: i64| minutes.get(&hour).copied().unwrap_or(0);
    let has_event = |minute: i64| bits(hour + minute.div_euclid(60)) >> minute.rem_euclid(60) & 1 == 1;
    let silence = i64::from(SILENCE);
    let mut longest: Option<(i64, i64)> = None;
    let mut current: Option<(i64, i64)> = None;
    // From one silence before the hour until one behind it.
    for minute in (-silence - 1..=60 + silence).filter(|minute| has_event(*minute)) {
        current = match current {
            Some((from, to)) if minute - to <= silence => Some((from, minute + 1)),
            _ => Some((minute, minute + 1)),
        };
        let within = current.map(|(from, to)| (from.max(0), to.min(60))).filter(|(from, to)| from < to);
        let length = |span: Option<(i64, i64)>| span.map(|(from, to)| to - from);
        if length(within) > length(longest) {
            longest = within;
        }
    }
    let at = |minute: i64| Timestamp::from_second((hour * 60 + minute) * MINUTE).ok();
    let (from, to) = longest?;
    Some(Window { from: at(from)?, to: at(to)? })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn event(at: i64, object: &str, id: &str, message: &str) -> Kept {
        let (object, id, message) = (object.to_owned(), id.to_owned(), message.to_owned());
        Kept { profile: 0, group: 0, stream: String::new(), object, id, at, message }
    }

    fn lines(events: Vec<Kept>) -> Vec<String> {
        String::from_utf8(text(events)).expect("text").lines().map(str::to_owned).collect()
    }

    #[test]
    fn what_was_delivered_twice_counts_once() {
        let events =
            vec![event(2, "", "20", "c"), event(1, "", "9", "b"), event(1, "", "10", "b"), event(1, "", "9", "b")];
        assert_eq!(lines(events), ["b", "b", "c"], "two events may have the same text");
        // Two exports of the same time: one has an event more.
        let twice =
            vec![event(1, "x", "", "a"), event(1, "x", "", "a"), event(1, "y", "", "a"), event(1, "y", "", "b")];
        assert_eq!(lines(twice), ["a", "a", "b"]);
    }

    #[test]
    fn an_hour_covers_what_its_events_show() {
        let of = |active: &[(i64, std::ops::Range<i64>)], hour: i64| {
            let mut minutes: BTreeMap<i64, u64> = BTreeMap::new();
            for (hour, range) in active {
                range.clone().for_each(|minute| *minutes.entry(*hour).or_default() |= 1 << minute);
            }
            let second = |at: Timestamp| at.as_second() / 60 - hour * 60;
            covered(&minutes, hour).map(|window| (second(window.from), second(window.to)))
        };
        assert_eq!(of(&[(5, 0..60)], 5), Some((0, 60)));
        assert_eq!(of(&[(5, 10..11), (5, 30..31)], 5), Some((10, 31)), "20 minutes of silence");
        assert_eq!(of(&[(5, 10..20), (5, 41..60)], 5), Some((41, 60)), "more than 20 minutes");
        assert_eq!(of(&[(4, 55..60), (5, 10..50), (6, 5..6)], 5), Some((0, 60)), "the hours beside it");
        assert_eq!(of(&[(4, 0..60), (6, 0..60)], 5), None);
    }

    proptest! {
        #[test]
        fn the_order_of_files_makes_no_difference(
            rows in prop::collection::vec((0_i64..5, 0_u64..4, 0_u8..3), 0..30),
            seed in any::<u64>(),
        ) {
            // Within a file, the order stays.
            let in_order = |objects: [u64; 4]| -> Vec<Kept> {
                let of = |object: u64| rows.iter().filter(move |(_, other, _)| *other == object);
                let all = objects.into_iter().flat_map(of);
                all.map(|(at, object, text)| {
                    let id = if *object == 0 { format!("{at}{text}") } else { String::new() };
                    let object = if *object == 0 { String::new() } else { object.to_string() };
                    event(*at, &object, &id, &text.to_string())
                })
                .collect()
            };
            let mut objects = [0, 1, 2, 3];
            let mut state = seed;
            for at in (1..4_usize).rev() {
                objects.swap(at, (state % (at as u64 + 1)) as usize);
                state /= 4;
            }
            prop_assert_eq!(lines(in_order([0, 1, 2, 3])), lines(in_order(objects)));
        }
    }
}
