//! Logs from CloudWatch Logs: `DescribeLogGroups` and `DescribeLogStreams` say what there is, `FilterLogEvents` reads the
//! events of a stream that hold certain phrases, `GetLogEvents` all of them, and [`insights`](super::insights) what
//! those two cannot.
//!
//! What the API does, each with the page or the public thread that shows it, and how it is met here:
//!
//! | what happens | what is done |
//! | --- | --- |
//! | pages are empty, and have a token (API reference: `FilterLogEvents`) | only a page without a token is the last |
//! | a token comes again, and the page after it is another one (aws-cli #3191, boto3 #1584) | it is used again, and given up when nothing new comes |
//! | pages repeat events of the one before | an `eventId` counts once |
//! | `GetLogEvents` always has a token; at the end it is the one that was sent (API reference) | that is the end, and nothing else |
//! | `endTime` is in the span for `FilterLogEvents`, and not for `GetLogEvents` (API reference) | events outside of the span are passed over |
//! | a stream's `lastEventTimestamp` may be hours old (API reference: `LogStream`) | it is a lower bound |
//! | events arrive late | each tells by how much |

use std::collections::HashSet;

use aws_sdk_cloudwatchlogs::types::LogGroupClass;
use jiff::Timestamp;

use super::insights::Query;
use crate::aws::{self, Aws, failure, list};
use crate::error::{Error, ErrorKind, Result, TRY_LATER};
use crate::window::Window;

/// The calls that read events, as IAM names them.
const FILTER: &str = "logs:FilterLogEvents";
const GET: &str = "logs:GetLogEvents";

/// Pages in a row with tokens that came before, and nothing new, before a stream is given up.
const PATIENCE: u32 = 8;

/// Most pages of a stream within a span of a day at most, and most pages in a row without a later event. A page holds 1 MB
/// of events or 10,000 of them; those that hold none have searched several MB (API reference: `FilterLogEvents`).
#[derive(Clone, Copy, Debug)]
struct Limits {
    pages: u32,
    idle: u32,
}

const LIMITS: Limits = Limits { pages: 200_000, idle: 10_000 };

/// A log group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its name: `/aws/rds/instance/orders/postgresql`.
    pub name: String,
    /// Whether it is of the class Infrequent Access, which [`Query`] alone can read.
    pub infrequent: bool,
    /// Days for which events are kept; none where they never expire.
    pub retention_days: Option<i64>,
    /// Bytes that are stored, compressed.
    pub stored_bytes: u64,
}

/// A log stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream {
    /// Its name, of which an instance's identifier is the beginning.
    pub name: String,
    /// When its first event was written.
    pub first_at: Option<Timestamp>,
    /// When its last event was written, or an earlier one.
    pub last_at: Option<Timestamp>,
}

/// An event of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When it was written.
    pub at: Timestamp,
    /// When CloudWatch Logs received it, where known.
    pub ingested_at: Option<Timestamp>,
    /// A line, or a few.
    pub message: String,
}

/// The group of this name; none where there is no such group.
///
/// # Errors
///
/// When the list of groups cannot be had.
pub async fn group(aws: &Aws, name: &str) -> Result<Option<Group>> {
    let call = aws.logs.describe_log_groups().log_group_name_prefix(name);
    let ask = |token| call.clone().set_next_token(token).send();
    let groups = list(name, "logs:DescribeLogGroups", ask, |page| (page.log_groups, page.next_token)).await?;
    Ok(groups.into_iter().find(|group| group.log_group_name() == Some(name)).map(|group| Group {
        name: name.to_owned(),
        infrequent: group.log_group_class() == Some(&LogGroupClass::InfrequentAccess),
        retention_days: group.retention_in_days().map(i64::from),
        stored_bytes: group.stored_bytes().and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or(0),
    }))
}

/// The streams of a group whose names begin with `prefix`; all without one.
///
/// # Errors
///
/// When any page of the list cannot be had.
pub async fn streams(aws: &Aws, group: &str, prefix: Option<&str>) -> Result<Vec<Stream>> {
    let call = aws.logs.describe_log_streams().log_group_name(group);
    let call = call.set_log_stream_name_prefix(prefix.map(str::to_owned));
    let ask = |token| call.clone().set_next_token(token).send();
    let action = "logs:DescribeLogStreams";
    let streams = list(group, action, ask, |page| (page.log_streams, page.next_token)).await?;
    let instant = |millis: Option<i64>| millis.and_then(|millis| Timestamp::from_millisecond(millis).ok());
    let known = streams.into_iter().map(|stream| {
        let (first_at, last_at) = (instant(stream.first_event_timestamp), instant(stream.last_event_timestamp));
        let name = stream.log_stream_name.ok_or_else(|| aws::no_name(group, action))?;
        Ok(Stream { name, first_at, last_at })
    });
    known.collect()
}

/// The pattern that asks `FilterLogEvents` for events with any of these phrases, letter by letter.
///
/// Source: "Filter pattern syntax" in the CloudWatch Logs user guide.
pub fn pattern(terms: &[&str]) -> String {
    terms.iter().map(|term| format!("?\"{term}\"")).collect::<Vec<_>>().join(" ")
}

/// Events of a stream within a span, oldest first, that are being read page by page.
pub struct Events<'a> {
    aws: &'a Aws,
    group: &'a str,
    stream: &'a str,
    span: Window,
    way: Way,
    token: Option<String>,
    course: Course,
    /// Identifiers of the events of the last page.
    last_page: HashSet<String>,
    /// When the latest event so far was written.
    reached: Option<Timestamp>,
    ended: bool,
}

/// How events are asked for.
enum Way {
    /// Those that match a pattern.
    Filter(String),
    /// All.
    Get,
    /// By query.
    Query(Query),
}

/// A page: events, each with its identifier where it has one, and the next token.
type Page = (Vec<(Option<String>, Result<Event>)>, Option<String>);

impl<'a> Events<'a> {
    /// The events of a stream, those alone that hold one of `terms` where there are any. A group of the class Infrequent
    /// Access is queried, which costs money.
    pub fn new(aws: &'a Aws, group: &'a Group, stream: &'a str, span: Window, terms: Option<&[&str]>) -> Self {
        let way = match terms {
            _ if group.infrequent => Way::Query(Query::new(stream, span, terms)),
            Some(terms) => Way::Filter(pattern(terms)),
            None => Way::Get,
        };
        Self {
            aws,
            group: &group.name,
            stream,
            span,
            way,
            token: None,
            course: Course { limits: LIMITS, tokens: HashSet::new(), repeats: 0, pages: 0, idle: 0 },
            last_page: HashSet::new(),
            reached: None,
            ended: false,
        }
    }

    /// Some more events; none at the end.
    ///
    /// # Errors
    ///
    /// When a page cannot be had, or the service does not get any further.
    pub async fn next(&mut self) -> Result<Option<Vec<Event>>> {
        while !self.ended {
            let (events, next) = match &mut self.way {
                Way::Query(query) => {
                    let found = query.next(self.aws, self.group).await?;
                    self.ended = found.is_none();
                    let events: Vec<_> =
                        found.unwrap_or_default().into_iter().filter(|it| within(self.span, it)).collect();
                    if events.is_empty() {
                        continue;
                    }
                    return Ok(Some(events));
                }
                Way::Filter(pattern) => {
                    filter(self.aws, self.group, self.stream, self.span, pattern, &self.token).await?
                }
                Way::Get => get(self.aws, self.group, self.stream, self.span, &self.token).await?,
            };
            let fresh = self.fresh(events)?;
            // Two tokens that lead to each other bring what the page before did not have, and nothing new.
            let latest = fresh.iter().map(|event| event.at).max();
            self.advance(next, latest <= self.reached)?;
            self.reached = self.reached.max(latest);
            if !fresh.is_empty() {
                return Ok(Some(fresh));
            }
        }
        Ok(None)
    }

    /// The events of a page that the page before did not have.
    fn fresh(&mut self, events: Vec<(Option<String>, Result<Event>)>) -> Result<Vec<Event>> {
        let mut page = HashSet::new();
        let mut fresh = Vec::with_capacity(events.len());
        for (id, event) in events {
            let event = event?;
            let known = id.is_some_and(|id| {
                let before = self.last_page.contains(&id);
                !page.insert(id) || before
            });
            if !known && within(self.span, &event) {
                fresh.push(event);
            }
        }
        // An empty page says nothing of the one before it.
        if !page.is_empty() {
            self.last_page = page;
        }
        Ok(fresh)
    }

    /// Goes on to the next page.
    fn advance(&mut self, next: Option<String>, nothing_new: bool) -> Result<()> {
        let Some(next) = next else {
            self.ended = true;
            return Ok(());
        };
        let same = self.token.as_ref() == Some(&next);
        if same && matches!(self.way, Way::Get) {
            self.ended = true;
            return Ok(());
        }
        let stuck = self.course.goes_on(&next, nothing_new).err();
        self.token = Some(next);
        stuck.map_or(Ok(()), |what| Err(self.endless(&what)))
    }

    fn endless(&self, what: &str) -> Error {
        let action = if matches!(self.way, Way::Filter(_)) { FILTER } else { GET };
        let message = format!("{action} failed: {what}, so the rest of the log is missing");
        let error = Error::new(ErrorKind::Truncated, format!("{} {}", self.group, self.stream), message);
        error.hint(aws::CHECK_ENDPOINT).call(action, None)
    }
}

/// How far the pages of a stream have led.
#[derive(Debug)]
struct Course {
    limits: Limits,
    /// Hashes of all tokens so far.
    tokens: HashSet<u64>,
    /// Pages in a row with a token that came before.
    repeats: u32,
    pages: u32,
    /// Pages in a row without a later event.
    idle: u32,
}

impl Course {
    /// Takes the token of a page, and whether the page held no later event than those before. An error says what keeps it
    /// from its end.
    fn goes_on(&mut self, token: &str, nothing_new: bool) -> Result<(), String> {
        let known = !self.tokens.insert(aws::hash(token));
        self.repeats = if known && nothing_new { self.repeats + 1 } else { 0 };
        self.idle = if nothing_new { self.idle + 1 } else { 0 };
        self.pages += 1;
        if self.repeats >= PATIENCE {
            return Err("the service repeats the same page".to_owned());
        }
        if self.idle >= self.limits.idle {
            return Err(format!("the endpoint sent {} pages in a row without a later event", self.idle));
        }
        if self.pages >= self.limits.pages {
            return Err(format!("the endpoint sent {} pages of one day, and the day did not end", self.pages));
        }
        Ok(())
    }
}

fn within(span: Window, event: &Event) -> bool {
    span.from <= event.at && event.at < span.to
}

async fn filter(
    aws: &Aws,
    group: &str,
    stream: &str,
    span: Window,
    pattern: &str,
    token: &Option<String>,
) -> Result<Page> {
    let call = aws.logs.filter_log_events().log_group_name(group).log_stream_names(stream).filter_pattern(pattern);
    let call = call.start_time(span.from.as_millisecond()).end_time(last_millisecond(span));
    let answer = call.set_next_token(token.clone()).send().await;
    let subject = format!("{group} {stream}");
    let answer = answer.map_err(|error| failure(&subject, FILTER, error))?;
    let events = answer.events.ok_or_else(|| aws::no_list(&subject, FILTER))?.into_iter();
    let events =
        events.map(|found| (found.event_id, event(group, found.timestamp, found.ingestion_time, found.message)));
    Ok((events.collect(), answer.next_token))
}

async fn get(aws: &Aws, group: &str, stream: &str, span: Window, token: &Option<String>) -> Result<Page> {
    let call = aws.logs.get_log_events().log_group_name(group).log_stream_name(stream).start_from_head(true);
    let call = call.start_time(span.from.as_millisecond()).end_time(last_millisecond(span) + 1);
    let answer = call.set_next_token(token.clone()).send().await;
    let subject = format!("{group} {stream}");
    let answer = answer.map_err(|error| failure(&subject, GET, error))?;
    let events = answer.events.ok_or_else(|| aws::no_list(&subject, GET))?.into_iter();
    let events = events.map(|found| (None, event(group, found.timestamp, found.ingestion_time, found.message)));
    Ok((events.collect(), answer.next_forward_token))
}

/// The last millisecond that begins in a span.
fn last_millisecond(span: Window) -> i64 {
    let micros = span.to.as_microsecond();
    (micros - 1).div_euclid(1000)
}

/// An event as the API has it. One without a time or a message is an error, and not one event less.
pub(super) fn event(group: &str, at: Option<i64>, ingested_at: Option<i64>, message: Option<String>) -> Result<Event> {
    let instant = |millis: i64| Timestamp::from_millisecond(millis).ok();
    match (at.and_then(instant), message) {
        (Some(at), Some(message)) => Ok(Event { at, ingested_at: ingested_at.and_then(instant), message }),
        _ => {
            Err(Error::new(ErrorKind::Service, group, "CloudWatch Logs returned an event without a time or a message")
                .hint(TRY_LATER))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_any_of_its_phrases() {
        assert_eq!(pattern(&["connection authorized", "Login"]), "?\"connection authorized\" ?\"Login\"");
    }

    #[test]
    fn a_stream_that_does_not_come_to_its_end_is_given_up() {
        let follow = |nothing_new: &dyn Fn(u32) -> bool, token: &dyn Fn(u32) -> u32| {
            let limits = Limits { pages: 100, idle: 20 };
            let mut course = Course { limits, tokens: HashSet::new(), repeats: 0, pages: 0, idle: 0 };
            (0..1000).find_map(|page| course.goes_on(&token(page).to_string(), nothing_new(page)).err())
        };
        let new = |page| page;
        let idle = "the endpoint sent 20 pages in a row without a later event";
        assert_eq!(follow(&|_| true, &new).as_deref(), Some(idle));
        assert_eq!(follow(&|page| page > 40, &new).as_deref(), Some(idle));
        let pages = "the endpoint sent 100 pages of one day, and the day did not end";
        assert_eq!(follow(&|page| page % 19 != 0, &new).as_deref(), Some(pages), "empty pages between");
        let same = "the service repeats the same page";
        assert_eq!(follow(&|_| true, &|page| page % 2).as_deref(), Some(same));
    }

    #[test]
    fn the_last_millisecond_of_a_span_is_in_it() {
        let at = |micros| Timestamp::from_microsecond(micros).expect("in range");
        assert_eq!(last_millisecond(Window { from: at(0), to: at(3_600_000_000) }), 3_599_999);
        assert_eq!(last_millisecond(Window { from: at(0), to: at(1_500) }), 1);
    }
}
