//! A kind of log out of CloudWatch Logs: a reading for every hour, of all streams of the instance.
//!
//! Of a log that is asked for by its terms, nobody sees what else stood in it: that it was written, and that sessions were
//! logged, is shown by the sessions alone, AWS's own among them. An hour without any covers nothing. What is beyond the
//! last event of the streams has not arrived yet, and is no part of any reading.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use ssl_usage_parsers::{Engine, Export, HEAD, Logs, RecordParser, Scanned, Scanner};

use super::fold::Fold;
use super::read::{cause, parser, unread};
use super::source::{days, hour_of, hours};
use crate::aws::Aws;
use crate::bundle::fact::{Key, Tallied};
use crate::bundle::{Hole, Reading, exported_source};
use crate::error::{Error, ErrorKind, Result, Trouble};
use crate::inventory::InstanceProfile;
use crate::logs::cloudwatch::{self, Event, Events, Group, Stream};
use crate::progress::Progress;
use crate::scan::refuse_foreign;
use crate::window::Window;

/// How late events may arrive. What ended later than this before now is read again by the next run.
const LATE: SignedDuration = SignedDuration::from_hours(2);
/// What AWS charges for a gigabyte that a query scans, in dollars, in most regions.
pub(super) const DOLLARS_A_GIGABYTE: f64 = 0.005;
/// Bytes of a gigabyte, as they are charged.
pub(super) const GIGABYTE: f64 = 1e9;

/// Who reads what.
pub(super) struct Exported<'a> {
    pub aws: &'a Aws,
    pub profile: &'a InstanceProfile,
    pub engine: &'static Engine,
    /// The format that logs are taken for; else it is found out.
    pub log_format: Option<&'a str>,
    pub logs: &'static Logs,
    pub export: &'static Export,
    /// Whether queries may be made, which cost money.
    pub insights: bool,
    /// Readings that need not be repeated.
    pub known: &'a [Reading],
    pub now: Timestamp,
    pub progress: &'a dyn Progress,
}

/// What was found, and what went wrong.
#[derive(Default)]
pub(super) struct Found {
    pub readings: Vec<Reading>,
    pub facts: Vec<(Key, Tallied)>,
    pub errors: Vec<Trouble>,
}

/// The streams of an instance, each with its group.
struct Streams {
    streams: Vec<(Group, Stream)>,
    /// From when on there can be events.
    since: Timestamp,
    /// Up to when there certainly were some.
    until: Timestamp,
}

/// One hour, or what is wanted of it.
struct Slice<'n> {
    span: Window,
    fold: Fold<'n>,
    bytes: u64,
    format: Option<&'static str>,
    /// What kept events from being read.
    missing: Option<Error>,
    /// What is wrong with those that were.
    wrong: Option<Error>,
}

impl Exported<'_> {
    /// Reads these spans. Whatever happens, what was found up to then is kept, and what is missing is a hole.
    pub async fn read(&self, wanted: &[Window]) -> Found {
        let names = group_names(self.profile, self.export);
        let source = |group: &str, hour: &Window| exported_source(group, hour_of(hour.from));
        let first = names.first().map_or("", String::as_str);
        match self.streams(&names).await {
            Ok(Some(streams)) => {
                let group = streams.streams.first().map_or(first, |(group, _)| &group.name).to_owned();
                let known: BTreeSet<&str> = self.known.iter().map(|reading| reading.source.as_str()).collect();
                let hours = hours(wanted).into_iter().filter(|hour| streams.since < hour.to);
                let hours: Vec<_> = hours.filter(|hour| !known.contains(source(&group, hour).as_str())).collect();
                let names: Vec<_> = hours.iter().map(|hour| source(&group, hour)).collect();
                self.hours(streams, &hours, &names).await
            }
            Ok(None) => Found::default(),
            Err(error) => {
                let hours = hours(wanted);
                let hole = |hour: &Window| self.lost(source(first, hour), *hour, &error);
                let errors = vec![Trouble::from(&error)];
                Found { readings: hours.iter().map(hole).collect(), facts: Vec::new(), errors }
            }
        }
    }

    /// The streams of the instance; none where there is nothing to read, and nobody expects any.
    async fn streams(&self, names: &[String]) -> Result<Option<Streams>> {
        let mut found = Vec::new();
        for name in names {
            let Some(group) = cloudwatch::group(self.aws, name).await? else { continue };
            let instance = self.profile.instance.as_str();
            let prefix = self.profile.cluster.as_ref().map(|_| instance);
            let own = |stream: &Stream| match stream.name.strip_prefix(instance) {
                _ if prefix.is_none() => true,
                Some(rest) => rest.is_empty() || rest.starts_with('.'),
                None => false,
            };
            let streams = cloudwatch::streams(self.aws, name, prefix).await?;
            found.extend(streams.into_iter().filter(own).map(|stream| (group.clone(), stream)));
        }
        let kept = |(group, _): &(Group, Stream)| {
            let days = group.retention_days?;
            self.now.checked_sub(SignedDuration::from_hours(24 * days)).ok()
        };
        let first = found.iter().filter_map(|(_, stream)| stream.first_at).min();
        let last = found.iter().filter_map(|(_, stream)| stream.last_at).max();
        match first {
            Some(first) => {
                let since = found.iter().filter_map(kept).min().unwrap_or(first).max(first);
                Ok(Some(Streams { streams: found, since, until: last.unwrap_or(first) }))
            }
            None if self.switched_off() => Ok(None),
            None => {
                let (subject, log) = (self.profile.instance.clone(), self.export.log_type);
                let message = format!(
                    "its log `{log}` is exported, and CloudWatch Logs has nothing of it ({})",
                    names.join(", ")
                );
                Err(Error::new(ErrorKind::NotFound, subject, message).hint("see whether the instance may write there"))
            }
        }
    }

    /// Whether the settings say that there is no such log.
    fn switched_off(&self) -> bool {
        let set = |name: &str| self.profile.parameters.get(name);
        let off =
            |name: &str, is_on: &dyn Fn(Option<&str>) -> bool| set(name).is_some_and(|it| !is_on(it.value.as_deref()));
        self.logs.switches.iter().any(|switch| off(switch.parameter, &|value| switch.is_on(value)))
    }

    /// Reads hours, a day at a time, as readings of these names.
    async fn hours(&self, streams: Streams, hours: &[Window], names: &[String]) -> Found {
        let (mut until, mut late) = (streams.until, LATE);
        let mut slices: Vec<Slice<'_>> = hours.iter().zip(names).map(|(span, name)| self.slice(*span, name)).collect();
        let mut errors = BTreeSet::new();
        let mut refused = None;
        for (span, range) in days(hours) {
            self.progress.log(&self.profile.instance, names.get(range.start).map_or("", String::as_str));
            let Some(slices) = slices.get_mut(range) else { continue };
            for (group, stream) in &streams.streams {
                if refused.is_none() && group.infrequent && !self.insights {
                    let price = self.price(group, &streams, hours);
                    errors.insert(Trouble::from(&price));
                    refused = Some(price);
                }
                let mut reader =
                    StreamReader { exported: self, slices: &mut *slices, until: &mut until, late: &mut late };
                let broken = match &refused {
                    // What is not allowed once is not asked for again.
                    Some(error) => Some((span.from, again(error))),
                    None => {
                        let broken = reader.read(group, stream, span).await;
                        errors.extend(broken.iter().map(|(_, error)| Trouble::from(error)));
                        broken
                    }
                };
                let Some((from, error)) = broken else { continue };
                for slice in slices.iter_mut().filter(|slice| slice.span.to > from && slice.missing.is_none()) {
                    slice.missing = Some(again(&error));
                }
                if matches!(error.kind(), ErrorKind::Denied | ErrorKind::Credentials) {
                    refused = refused.or(Some(error));
                }
            }
        }
        let mut found = Found::default();
        for (slice, name) in slices.into_iter().zip(names) {
            let unread = unread(slice.fold.unparsed, None, &|| format!("{} {name}", self.profile.instance));
            let wrong = slice.wrong.as_ref().map(again).or(unread.map(|(_, error)| error));
            errors.extend(wrong.iter().map(Trouble::from));
            let missing = slice.missing.as_ref().map(again).or(wrong);
            let from = slice.span.from.max(streams.since);
            let to = slice.span.to.min(until);
            let seen = Window { from, to };
            if missing.is_none() && seen.is_empty() && slice.fold.records == 0 {
                continue;
            }
            let span = if missing.is_some() { slice.span } else { seen };
            let arrived = slice.span.to.checked_add(late).is_ok_and(|arrived| arrived <= self.now);
            let whole = slice.span.length() == SignedDuration::from_hours(1) && seen.to == slice.span.to;
            let reading = Reading {
                complete: missing.is_none() && arrived && whole,
                ..self.reading(name, span, &slice, &missing)
            };
            found.readings.push(reading);
            found.facts.extend(slice.fold.into_facts());
        }
        found.errors.extend(errors);
        found
    }

    fn slice<'n>(&self, span: Window, name: &'n str) -> Slice<'n> {
        let fold = Fold::new(name, self.engine, span.from.as_microsecond());
        Slice { span, fold, bytes: 0, format: None, missing: None, wrong: None }
    }

    fn reading(&self, name: &str, span: Window, slice: &Slice<'_>, missing: &Option<Error>) -> Reading {
        let instant = |micros: Option<i64>| micros.and_then(|micros| Timestamp::from_microsecond(micros).ok());
        let fold = &slice.fold;
        Reading {
            source: name.to_owned(),
            log: name.to_owned(),
            format: slice.format.map(str::to_owned),
            listed_bytes: 0,
            last_written: Some(slice.span.to),
            read_bytes: slice.bytes,
            span: Some(span),
            complete: false,
            records: fold.records,
            sessions: fold.sessions,
            tls_sessions: fold.tls_sessions,
            unknown_sessions: fold.unknown_sessions,
            first_session_at: instant(fold.first_session),
            last_session_at: instant(fold.last_session),
            unparsed: fold.unparsed,
            holes: missing.iter().map(|error| Hole { cause: cause(error), message: error.advice() }).collect(),
        }
    }

    /// A reading of an hour that could not be read at all.
    fn lost(&self, name: String, span: Window, error: &Error) -> Reading {
        let slice = self.slice(span, &name);
        self.reading(&name, span, &slice, &Some(again(error)))
    }

    /// Says what it would cost to read a group of the class Infrequent Access, about: a query is charged for what it scans,
    /// which is more than what is stored of it.
    fn price(&self, group: &Group, streams: &Streams, hours: &[Window]) -> Error {
        let asked: f64 = hours.iter().map(|hour| hour.length().as_secs_f64()).sum();
        let held = Window { from: streams.since, to: self.now }.length().as_secs_f64();
        let share = if held > 0.0 { (asked / held).min(1.0) } else { 1.0 };
        let gigabytes = group.stored_bytes as f64 / GIGABYTE * share;
        let message = format!(
            "this log group is of the class Infrequent Access, which queries of Logs Insights alone can read; they would scan \
             {gigabytes:.2} GB or more, for about ${:.2} or more",
            gigabytes * DOLLARS_A_GIGABYTE
        );
        Error::new(ErrorKind::Denied, group.name.clone(), message).hint("allow that with --insights")
    }
}

/// The names that an instance's log groups may have.
pub(super) fn group_names(profile: &InstanceProfile, export: &Export) -> Vec<String> {
    let cluster = profile.cluster.as_deref();
    let fits = |name: &&&str| name.contains("{cluster}") == cluster.is_some();
    let fill = |name: &&str| {
        let name = name.replace("{instance}", &profile.instance);
        name.replace("{cluster}", cluster.unwrap_or_default())
    };
    export.groups.iter().filter(fits).map(fill).collect()
}

/// The same error once more, for another hour.
fn again(error: &Error) -> Error {
    Error::new(error.kind(), error.subject(), error.advice())
}

/// Reads the events of one stream into the hours that they were written in.
struct StreamReader<'r, 'n> {
    exported: &'r Exported<'r>,
    slices: &'r mut [Slice<'n>],
    until: &'r mut Timestamp,
    late: &'r mut SignedDuration,
}

impl StreamReader<'_, '_> {
    /// Returns what broke it off, and from when on events are missing.
    async fn read(&mut self, group: &Group, stream: &Stream, span: Window) -> Option<(Timestamp, Error)> {
        let Exported { aws, export, profile, engine, log_format, .. } = *self.exported;
        let mut events = Events::new(aws, group, &stream.name, span, export.terms);
        let mut reached = span.from;
        let (mut head, mut bytes, mut broken) = (Vec::new(), 0, None);
        while bytes < HEAD {
            let Some(page) = next(&mut events, &mut broken).await else { break };
            bytes += page.iter().map(|event| event.message.len() + 1).sum::<usize>();
            head.extend(page);
        }
        if head.is_empty() {
            return broken.map(|error| (reached, error));
        }
        let text: String = head.iter().flat_map(|event| [event.message.as_str(), "\n"]).collect();
        let name = format!("{} {} {}", profile.instance, group.name, stream.name);
        let parser = match parser(profile, engine, log_format, &name, text.as_bytes()) {
            Ok(parser) => parser,
            Err(error) => return Some((reached, broken.unwrap_or(error))),
        };
        drop(text);
        let mut feed = Feed { parser: parser.as_ref(), name: &name, open: None };
        let mut page = Some(head);
        while let Some(some) = page {
            for event in &some {
                self.take(event, &mut feed);
                reached = event.at;
            }
            page = next(&mut events, &mut broken).await;
        }
        feed.close(self.slices, self.exported.logs);
        broken.map(|error| (reached, error))
    }

    fn take<'p>(&mut self, event: &Event, feed: &mut Feed<'p>) {
        *self.until = (*self.until).max(event.at.checked_add(SignedDuration::from_millis(1)).unwrap_or(event.at));
        let lag = event.ingested_at.map(|ingested| event.at.duration_until(ingested));
        *self.late = (*self.late).max(lag.unwrap_or(SignedDuration::ZERO));
        let at = self.slices.partition_point(|slice| slice.span.to <= event.at);
        if feed.open.as_ref().is_some_and(|(open, _)| *open != at) {
            feed.close(self.slices, self.exported.logs);
        }
        let Some(slice) = self.slices.get_mut(at) else { return };
        let message = event.message.strip_suffix('\n').unwrap_or(&event.message);
        slice.bytes += message.len() as u64 + 1;
        slice.format = Some(feed.parser.format());
        self.exported.progress.bytes(message.len() as u64 + 1);
        // Without what stood before it, it may be read as something else.
        if self.exported.export.terms.is_some() && feed.parser.is_torn(message.as_bytes()) {
            slice.fold.unparsed += 1;
            return;
        }
        let (_, scanner) = feed.open.get_or_insert_with(|| (at, Scanner::new(feed.parser, 1)));
        scanner.push(message.as_bytes(), &mut slice.fold);
        scanner.push(b"\n", &mut slice.fold);
    }
}

/// The scan of the hour that a stream is in.
struct Feed<'p> {
    parser: &'p dyn RecordParser,
    name: &'p str,
    /// Which hour it is, by its place among the slices.
    open: Option<(usize, Scanner<'p>)>,
}

impl Feed<'_> {
    /// Ends the scan of an hour.
    fn close(&mut self, slices: &mut [Slice<'_>], logs: &Logs) {
        let Some((at, scanner)) = self.open.take() else { return };
        let Some(slice) = slices.get_mut(at) else { return };
        let scanned: Scanned = scanner.finish(&mut slice.fold);
        let zone = unread(0, Some(&scanned).filter(|_| !logs.in_utc), &|| self.name.to_owned()).map(|(_, error)| error);
        let wrong = refuse_foreign(self.name, &scanned).err().or(zone);
        slice.wrong = slice.wrong.take().or(wrong);
    }
}

/// Some more events; none at the end, or where the stream breaks off.
async fn next(events: &mut Events<'_>, broken: &mut Option<Error>) -> Option<Vec<Event>> {
    if broken.is_some() {
        return None;
    }
    events.next().await.unwrap_or_else(|error| {
        *broken = Some(error);
        None
    })
}
