//! A kind of log from CloudWatch Logs: a log read for every hour, of all streams of the instance.
//!
//! A log that is filtered by its terms does not show its other lines: that it was written, and that sessions were
//! logged, is shown by the sessions alone, AWS's own among them. An hour without any covers nothing. What is beyond the
//! last event of the streams has not arrived yet, and is no part of any reading.

use std::collections::{BTreeSet, VecDeque};

use jiff::{SignedDuration, Timestamp};
use memchr::memmem;
use ssl_usage_parsers::{Export, HEAD, Logs, RecordParser, Scanned, Scanner};

use super::aggregate::Fold;
use super::instance::InstanceLogs;
use super::log_source::{days, hour_of, hours};
use super::read_log::{cause, unnamed, unread};
use super::writer::Writer;
use crate::aws::Aws;
use crate::bundle::{LogGap, LogRead, exported_source};
use crate::error::{Error, ErrorKind, Result};
use crate::inventory::InstanceProfile;
use crate::logs::cloudwatch::{self, Event, Events, Group, Stream};
use crate::problem::Problem;
use crate::progress::Progress;
use crate::scan::refuse_unsupported_language;
use crate::window::Window;

/// How late events may arrive. What ended later than this before now is read again by the next run.
const LATE: SignedDuration = SignedDuration::from_hours(2);
/// How late an event may arrive whose time a client may have written. RDS sends events every few seconds.
const BELATED: SignedDuration = SignedDuration::from_mins(10);
/// How long before a span events are asked for, of logs that are read whole: a line that names the zone of the records
/// behind it may have come with an earlier batch.
const LEAD: SignedDuration = SignedDuration::from_mins(1);
/// Longest line that only says when the records behind it were written.
const LEAD_MAX: usize = 64;
/// By how much a stream's last event may be later than the service says. It is brought up to date "typically" within an
/// hour (API reference: `LogStream`).
const STALE: SignedDuration = SignedDuration::from_hours(24);
/// What AWS charges for a gigabyte that a query scans, in dollars, in most regions.
pub(super) const DOLLARS_A_GIGABYTE: f64 = 0.005;
/// Bytes of a gigabyte, as they are charged.
pub(super) const GIGABYTE: f64 = 1e9;

/// Who reads what.
pub(super) struct Exported<'a> {
    pub aws: &'a Aws,
    pub of: &'a InstanceLogs<'a>,
    pub logs: &'static Logs,
    pub export: &'static Export,
    pub progress: &'a dyn Progress,
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
struct Slice {
    name: String,
    span: Window,
    fold: Fold,
    bytes: u64,
    format: Option<&'static str>,
    log_line_prefix: Option<String>,
    /// What kept events from being read.
    missing: Option<Error>,
    /// What is wrong with those that were.
    wrong: Option<Error>,
}

impl Exported<'_> {
    /// Reads these spans. Whatever happens, what was found up to then is kept, and what is missing is a gap.
    ///
    /// # Errors
    ///
    /// When the bundle cannot be written.
    pub async fn read(&self, wanted: &[Window], writer: &mut Writer<'_>) -> Result<()> {
        if wanted.is_empty() {
            return Ok(());
        }
        let names = group_names(self.of.profile, self.export);
        let first = names.first().map_or("", String::as_str);
        match self.streams(&names).await {
            Ok(Some(streams)) => {
                let group = streams.streams.first().map_or(first, |(group, _)| &group.name).to_owned();
                let known: BTreeSet<&str> =
                    self.of.known.complete.iter().map(|reading| reading.source.as_str()).collect();
                let is_new = |hour: &Window| {
                    streams.since < hour.to && !known.contains(exported_source(&group, hour_of(hour.from)).as_str())
                };
                let hours: Vec<_> = hours(wanted).into_iter().filter(is_new).collect();
                let (until, late) = (streams.until, LATE);
                let (open, errors) = (VecDeque::new(), BTreeSet::new());
                Hours { exported: self, streams: &streams, until, late, open, errors, writer }
                    .read(&group, &hours)
                    .await
            }
            Ok(None) => Ok(()),
            Err(error) => {
                writer.fail([Problem::from(&error)]);
                for hour in hours(wanted) {
                    let slice = Slice { missing: Some(again(&error)), ..self.slice(first, hour, 1) };
                    writer.add(self.reading(&slice, hour, slice.missing.as_ref()), Vec::new()).await?;
                }
                Ok(())
            }
        }
    }

    /// The streams of the instance; none where there is nothing to read and none is expected.
    async fn streams(&self, names: &[String]) -> Result<Option<Streams>> {
        let mut found = Vec::new();
        for name in names {
            let Some(group) = cloudwatch::group(self.aws, name).await? else { continue };
            let instance = self.of.profile.instance.as_str();
            let prefix = self.of.profile.cluster.as_ref().map(|_| instance);
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
            self.of.now().checked_sub(SignedDuration::from_hours(24 * days)).ok()
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
                let (subject, log) = (self.of.profile.instance.clone(), self.export.log_type);
                let message = format!(
                    "the {log} log is exported, but CloudWatch Logs contains no events of it ({})",
                    names.join(", ")
                );
                Err(Error::new(ErrorKind::NotFound, subject, message)
                    .hint("check that the instance may write to this log group"))
            }
        }
    }

    /// Whether the settings say that there is no such log.
    fn switched_off(&self) -> bool {
        let set = |name: &str| self.of.profile.parameters.get(name);
        let off =
            |name: &str, is_on: &dyn Fn(Option<&str>) -> bool| set(name).is_some_and(|it| !is_on(it.value.as_deref()));
        self.logs.switches.iter().any(|switch| off(switch.parameter, &|value| switch.is_on(value)))
    }

    /// An hour of which nothing was read yet; `together` is how many are read at the same time.
    fn slice(&self, group: &str, span: Window, together: usize) -> Slice {
        let name = exported_source(group, hour_of(span.from));
        let fold = Fold::new(&name, self.of.engine, span.from.as_microsecond()).one_of(together);
        Slice { name, span, fold, bytes: 0, format: None, log_line_prefix: None, missing: None, wrong: None }
    }

    fn reading(&self, slice: &Slice, span: Window, missing: Option<&Error>) -> LogRead {
        let instant = |micros: Option<i64>| micros.and_then(|micros| Timestamp::from_microsecond(micros).ok());
        let fold = &slice.fold;
        LogRead {
            source: slice.name.clone(),
            log: slice.name.clone(),
            format: slice.format.map(str::to_owned),
            log_line_prefix: slice.log_line_prefix.clone(),
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
            gaps: missing.iter().map(|error| LogGap { cause: cause(error), message: error.advice() }).collect(),
            // Of records that were asked for alone, some may be forged.
            connection_ids: Vec::new(),
        }
    }

    /// Says what it would cost to read a group of the class Infrequent Access, about: a query is charged for what it scans,
    /// which is more than what is stored of it.
    fn price(&self, group: &Group, streams: &Streams, hours: &[Window]) -> Error {
        let asked: f64 = hours.iter().map(|hour| hour.length().as_secs_f64()).sum();
        let held = Window { from: streams.since, to: self.of.now() }.length().as_secs_f64();
        let share = if held > 0.0 { (asked / held).min(1.0) } else { 1.0 };
        let gigabytes = group.stored_bytes as f64 / GIGABYTE * share;
        let message = format!(
            "this log group has the class Infrequent Access, so only Logs Insights queries can read it (at least {gigabytes:.2} \
             GB to scan, at least about ${:.2})",
            gigabytes * DOLLARS_A_GIGABYTE
        );
        Error::new(ErrorKind::Denied, group.name.clone(), message).hint("allow these queries with --insights")
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

/// Whether a stream certainly has no event within a span.
fn is_outside(stream: &Stream, span: Window) -> bool {
    let ended = |last: Timestamp| last.checked_add(STALE).is_ok_and(|last| last < span.from);
    stream.first_at.is_some_and(|first| first >= span.to) || stream.last_at.is_some_and(ended)
}

/// The same error once more, for another hour.
fn again(error: &Error) -> Error {
    Error::new(error.kind(), error.subject(), error.advice())
}

/// Hours that are being read, a day at a time. What is whole is written and given up while the rest is read: of a log of
/// weeks, and of clients that invent names, no more than a few hours are held.
struct Hours<'h, 'w> {
    exported: &'h Exported<'h>,
    streams: &'h Streams,
    /// Up to when there certainly were events.
    until: Timestamp,
    /// How late events arrive.
    late: SignedDuration,
    /// Those that are not written yet, the earliest first.
    open: VecDeque<Slice>,
    errors: BTreeSet<Problem>,
    writer: &'h mut Writer<'w>,
}

impl Hours<'_, '_> {
    async fn read(mut self, name: &str, hours: &[Window]) -> Result<()> {
        let Exported { of, progress, .. } = self.exported;
        let streams = &self.streams.streams;
        let mut refused = None;
        for (span, range) in days(hours) {
            progress.log(&of.profile.instance, &exported_source(name, span.from));
            // Of one stream, an hour is written before the next one fills up.
            let together = if streams.len() > 1 { range.len() } else { 1 };
            let day = hours.get(range).unwrap_or_default();
            self.open.extend(day.iter().map(|hour| self.exported.slice(name, *hour, together)));
            for (at, (group, stream)) in streams.iter().enumerate() {
                if is_outside(stream, span) {
                    continue;
                }
                if refused.is_none() && group.infrequent && !of.request.insights {
                    let price = self.exported.price(group, self.streams, hours);
                    self.errors.insert(Problem::from(&price));
                    refused = Some(price);
                }
                let broken = match &refused {
                    // What is not allowed once is not asked for again.
                    Some(error) => Some((span.from, again(error))),
                    None => {
                        let broken = self.stream(group, stream, span, at + 1 == streams.len()).await?;
                        self.errors.extend(broken.iter().map(|(_, error)| Problem::from(error)));
                        broken
                    }
                };
                let Some((from, error)) = broken else { continue };
                let day = self.open.iter_mut().filter(|slice| slice.span.to > from && slice.span.from < span.to);
                day.filter(|slice| slice.missing.is_none()).for_each(|slice| slice.missing = Some(again(&error)));
                if matches!(error.kind(), ErrorKind::Denied | ErrorKind::Credentials) {
                    refused = refused.or(Some(error));
                }
            }
            if refused.is_none() {
                progress.log_read();
            }
            let until = self.until;
            self.write(|slice| slice.span.to <= until || slice.missing.is_some()).await?;
        }
        while let Some(slice) = self.open.pop_front() {
            self.write_one(slice).await?;
        }
        self.writer.fail(self.errors);
        Ok(())
    }

    /// Reads the events of one stream into the hours that they were written in. Of the last one, hours that it is past are
    /// whole. Returns what broke it off, and from when on events are missing.
    async fn stream(
        &mut self,
        group: &Group,
        stream: &Stream,
        span: Window,
        last: bool,
    ) -> Result<Option<(Timestamp, Error)>> {
        let Exported { aws, of, export, .. } = *self.exported;
        let lead = if export.terms.is_none() { LEAD } else { SignedDuration::ZERO };
        let asked = Window { from: span.from.checked_sub(lead).unwrap_or(span.from), ..span };
        let mut events = Events::new(aws, group, &stream.name, asked, export.terms);
        let mut reached = span.from;
        let (mut head, mut bytes, mut broken) = (Vec::new(), 0, None);
        while bytes < HEAD {
            let Some(page) = next(&mut events, &mut broken).await else { break };
            bytes += page.iter().map(|event| event.message.len() + 1).sum::<usize>();
            head.extend(page);
        }
        if head.is_empty() {
            return Ok(broken.map(|error| (reached, error)));
        }
        let text: String = head.iter().flat_map(|event| [event.message.as_str(), "\n"]).collect();
        let name = format!("{} {} {}", of.profile.instance, group.name, stream.name);
        let parser = match of.parser(&name, text.as_bytes()) {
            Ok(parser) => parser,
            Err(error) => return Ok(Some((reached, broken.unwrap_or(error)))),
        };
        drop(text);
        let mut feed = Feed { parser: parser.as_ref(), name: &name, open: None, lead: None };
        let mut page = Some(head);
        while let Some(some) = page {
            for event in &some {
                if event.at < span.from {
                    feed.keep_lead(&event.message);
                    continue;
                }
                self.until = self.until.max(event.at.checked_add(SignedDuration::from_millis(1)).unwrap_or(event.at));
                if last && self.open.front().is_some_and(|first| first.span.to <= event.at) {
                    feed.close(&mut self.open, self.exported.logs);
                    self.write(|slice| slice.span.to <= event.at).await?;
                }
                self.take(event, &mut feed);
                reached = event.at;
            }
            page = next(&mut events, &mut broken).await;
        }
        feed.close(&mut self.open, self.exported.logs);
        Ok(broken.map(|error| (reached, error)))
    }

    fn take<'p>(&mut self, event: &Event, feed: &mut Feed<'p>) {
        let lag = event.ingested_at.map(|ingested| event.at.duration_until(ingested));
        self.late = self.late.max(lag.unwrap_or(SignedDuration::ZERO));
        // One that comes out of turn, when its hour is written, counts in the first that is not.
        let at = self.open.partition_point(|slice| slice.span.to <= event.at);
        let Some(hour) = self.open.get(at).map(|slice| slice.span.from) else { return };
        if feed.open.as_ref().is_some_and(|(open, _)| *open != hour) {
            feed.close(&mut self.open, self.exported.logs);
        }
        let Some(slice) = self.open.get_mut(at) else { return };
        if lag.is_some_and(|lag| lag > BELATED) && self.exported.logs.imitable {
            slice.wrong = slice.wrong.take().or_else(|| Some(belated(feed.name, event.at)));
        }
        let message = event.message.strip_suffix('\n').unwrap_or(&event.message);
        slice.bytes += message.len() as u64 + 1;
        slice.format = Some(feed.parser.format());
        slice.log_line_prefix = feed.parser.log_line_prefix().map(str::to_owned);
        self.exported.progress.bytes(message.len() as u64 + 1);
        // Without what stood before it, it may be read as something else.
        if self.exported.export.terms.is_some() && feed.parser.is_torn(message.as_bytes()) {
            slice.fold.unparsed += 1;
            return;
        }
        let is_whole = self.exported.export.terms.is_none();
        let (_, scanner) = feed.open.get_or_insert_with(|| {
            let mut scanner = Scanner::new(feed.parser, 1);
            if let Some(lead) = &feed.lead {
                scanner.push(lead, &mut slice.fold);
            }
            (hour, scanner)
        });
        scanner.push(message.as_bytes(), &mut slice.fold);
        scanner.push(b"\n", &mut slice.fold);
        if is_whole {
            feed.keep_lead(message);
        }
    }

    /// Writes the first hours, as long as they are done.
    async fn write(&mut self, is_done: impl Fn(&Slice) -> bool) -> Result<()> {
        while self.open.front().is_some_and(&is_done) {
            let Some(slice) = self.open.pop_front() else { break };
            self.write_one(slice).await?;
        }
        Ok(())
    }

    async fn write_one(&mut self, slice: Slice) -> Result<()> {
        let of = self.exported.of;
        let subject = || format!("{} {}", of.profile.instance, slice.name);
        let unread = unread(slice.fold.unparsed, None, self.exported.logs, &subject);
        self.errors.extend(unnamed(&slice.fold, &subject).as_ref().map(Problem::from));
        let wrong = slice.wrong.as_ref().map(again).or(unread.map(|(_, error)| error));
        self.errors.extend(wrong.iter().map(Problem::from));
        let missing = slice.missing.as_ref().map(again).or(wrong);
        let seen = Window { from: slice.span.from.max(self.streams.since), to: slice.span.to.min(self.until) };
        if missing.is_none() && seen.is_empty() && slice.fold.records == 0 {
            return Ok(());
        }
        let span = if missing.is_some() { slice.span } else { seen };
        // Whatever time it is said to be, what has not arrived yet may still come.
        let now = of.now().min(Timestamp::now());
        let arrived = slice.span.to.checked_add(self.late).is_ok_and(|arrived| arrived <= now);
        let whole = slice.span.length() == SignedDuration::from_hours(1) && seen.to == slice.span.to;
        let reading = self.exported.reading(&slice, span, missing.as_ref());
        let reading = LogRead { complete: missing.is_none() && arrived && whole, ..reading };
        self.writer.add(reading, slice.fold.into_facts()).await
    }
}

/// The scan of the hour that a stream is in.
struct Feed<'p> {
    parser: &'p dyn RecordParser,
    name: &'p str,
    /// Which hour it is, by its beginning.
    open: Option<(Timestamp, Scanner<'p>)>,
    /// The last line that names the zone of the records behind it and is no record itself, with its end of line.
    lead: Option<Vec<u8>>,
}

impl Feed<'_> {
    /// Keeps the last line of an event that the records of the next hour may depend on.
    fn keep_lead(&mut self, message: &str) {
        let names_zone = |line: &&str| {
            let line = line.as_bytes();
            let has_needle = || self.parser.needles().iter().any(|needle| memmem::find(line, needle).is_some());
            line.len() <= LEAD_MAX && self.parser.time(line).is_some_and(|time| time.zone_known) && !has_needle()
        };
        if let Some(line) = message.split('\n').rfind(names_zone) {
            self.lead = Some(format!("{line}\n").into_bytes());
        }
    }

    /// Ends the scan of an hour.
    fn close(&mut self, slices: &mut VecDeque<Slice>, logs: &Logs) {
        let Some((hour, scanner)) = self.open.take() else { return };
        let Some(slice) = slices.iter_mut().find(|slice| slice.span.from == hour) else { return };
        let scanned: Scanned = scanner.finish(&mut slice.fold);
        let times = unread(0, Some(&scanned), logs, &|| self.name.to_owned()).map(|(_, error)| error);
        let wrong = refuse_unsupported_language(self.name, &scanned).err().or(times);
        slice.wrong = slice.wrong.take().or(wrong);
    }
}

/// That an event came so late that its time may be a client's: lines of a statement are events, with the times that they begin
/// with.
fn belated(name: &str, at: Timestamp) -> Error {
    let minutes = BELATED.as_mins();
    let message = format!("CloudWatch Logs received events of {at} more than {minutes} minutes late");
    Error::new(ErrorKind::Format, name, message)
        .hint("a client may have written these times, so their sessions count, but this hour is not covered")
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
