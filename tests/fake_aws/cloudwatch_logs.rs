//! The CloudWatch Logs API (JSON 1.1), as far as the tests need it. API reference: one page an action.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::agent::{self, Joins};
use super::fleet::{Fleet, Instance};
use super::rds::ApiError;
use super::request::Call;

/// An event of a log.
#[derive(Debug, Clone)]
pub struct Event {
    /// Its timestamp, in milliseconds. It is not always when it was written: see [`agent`].
    pub at: i64,
    /// When it could be read first, in milliseconds.
    pub ingested: i64,
    /// A line, or several.
    pub message: String,
}

/// A log group, with one stream of one instance or several.
#[derive(Debug, Clone)]
pub struct Group {
    /// The events of the stream, oldest first.
    pub events: Vec<Event>,
    /// The stream's name.
    pub stream: String,
    /// The other streams of the instance, each with its events.
    pub others: Vec<Group>,
    /// Its class.
    pub class: &'static str,
    /// `retentionInDays`.
    pub retention: Option<i64>,
    /// The most events of a page: 10,000 at AWS.
    pub page: usize,
    /// Every other page is empty, and has a token.
    pub empty_pages: bool,
    /// Each page but the first begins with so many events of the one before.
    pub overlap: usize,
    /// Each page is given twice, under the same token (aws-cli issue 3191).
    pub stutters: bool,
    /// The same token comes for ever.
    pub stuck: bool,
    /// The second page and the third lead to each other for ever.
    pub circles: bool,
    /// The most events that a query gives, whatever it asks for.
    pub most: usize,
}

impl Group {
    /// The group of the log in these files, as one stream.
    pub fn of(stream: &str, engine: &str, files: impl Iterator<Item = Vec<u8>>) -> Group {
        Group::joining(stream, engine, files, Joins::Indented)
    }

    /// The same, with other lines that belong together.
    pub fn joining(stream: &str, engine: &str, files: impl Iterator<Item = Vec<u8>>, joins: Joins) -> Group {
        let (events, others) = (agent::events(engine, files, joins), Vec::new());
        let (class, stream) = ("STANDARD", stream.to_owned());
        let (retention, page, overlap, most) = (None, 10_000, 0, usize::MAX);
        let (empty_pages, stutters, stuck, circles) = (false, false, false, false);
        Group { events, stream, others, class, retention, page, overlap, empty_pages, stutters, stuck, circles, most }
    }

    /// All streams.
    pub fn streams(&self) -> impl Iterator<Item = &Group> {
        std::iter::once(self).chain(&self.others)
    }

    /// Changes the events of all streams.
    pub fn each_stream(&mut self, change: impl Fn(&mut Vec<Event>)) {
        change(&mut self.events);
        self.others.iter_mut().for_each(|other| change(&mut other.events));
    }
}

impl Instance {
    /// Exports a kind of its logs: those of its files that are of that kind, but for other forms of the same records.
    pub fn export(&mut self, log_type: &str, prefix: &str) -> &mut Group {
        self.export_joining(log_type, prefix, Joins::Indented)
    }

    /// The same, with other lines that belong together.
    pub fn export_joining(&mut self, log_type: &str, prefix: &str, joins: Joins) -> &mut Group {
        let logs = self.files.iter().filter(|(name, _)| name.starts_with(prefix));
        let one_form = logs.filter(|(name, _)| ![".csv", ".json"].iter().any(|twin| name.ends_with(twin)));
        let mut files: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
        for (name, file) in one_form {
            let stream = agent::stream(&self.id, &self.engine, name);
            files.entry(stream).or_default().push(file.bytes.clone());
        }
        let stream =
            |(stream, files): (String, Vec<Vec<u8>>)| Group::joining(&stream, &self.engine, files.into_iter(), joins);
        let mut streams = files.into_iter().map(stream);
        let group = streams.next().expect("a log that can be exported");
        let group = Group { others: streams.collect(), ..group };
        self.log_exports.push(log_type.to_owned());
        let service = if self.engine == "docdb" { "docdb" } else { "rds" };
        let owner = match &self.cluster {
            Some(cluster) if service == "rds" => format!("cluster/{cluster}"),
            Some(cluster) => cluster.clone(),
            None => format!("instance/{}", self.id),
        };
        self.groups.entry(format!("/aws/{service}/{owner}/{log_type}")).or_insert(group)
    }
}

/// Answers a call.
pub fn answer(fleet: &mut Fleet, call: &Call) -> Result<Value, ApiError> {
    let input: Value = serde_json::from_slice(&call.body).unwrap_or_default();
    let mut groups: BTreeMap<&String, &Group> = BTreeMap::new();
    let mut streams: BTreeMap<&String, Vec<&Group>> = BTreeMap::new();
    for instance in fleet.instances.iter().filter(|instance| fleet.region_of(instance) == call.region) {
        for (name, group) in &instance.groups {
            groups.insert(name, group);
            streams.entry(name).or_default().extend(group.streams());
        }
    }
    let text = |name: &str| input[name].as_str().unwrap_or_default();
    let missing = || ApiError::sender(400, "ResourceNotFoundException", "The specified log group does not exist.");
    let named = || text("logGroupName").to_owned();
    match call.action.as_str() {
        "DescribeLogGroups" => {
            let found = groups.iter().filter(|(name, _)| name.starts_with(text("logGroupNamePrefix")));
            let found = found.map(|(name, group)| {
                let events = streams.get(name).into_iter().flatten().flat_map(|stream| &stream.events);
                let bytes: usize = events.map(|event| event.message.len() + 26).sum();
                json!({"logGroupName": name, "logGroupClass": group.class, "retentionInDays": group.retention,
                       "storedBytes": bytes, "creationTime": 0})
            });
            Ok(page_of("logGroups", found.collect(), &input))
        }
        "DescribeLogStreams" => {
            let all = streams.get(&named()).ok_or_else(missing)?;
            let found = all.iter().filter(|group| group.stream.starts_with(text("logStreamNamePrefix")));
            let found = found.map(|group| {
                let (first, last) = (group.events.first(), group.events.last());
                json!({"logStreamName": group.stream, "firstEventTimestamp": first.map(|event| event.at),
                       "lastEventTimestamp": last.map(|event| event.at), "storedBytes": 0})
            });
            Ok(page_of("logStreams", found.collect(), &input))
        }
        "FilterLogEvents" | "GetLogEvents" => {
            let all = streams.get(&named()).ok_or_else(missing)?;
            let filter = call.action == "FilterLogEvents";
            let asked = asked(all, &input, filter);
            let group = asked.first().ok_or_else(missing)?;
            if group.class != "STANDARD" {
                return Err(ApiError::sender(
                    400,
                    "InvalidOperationException",
                    "not supported for this log group class",
                ));
            }
            Ok(events(&asked, &input, filter))
        }
        "StartQuery" => {
            streams.get(&named()).ok_or_else(missing)?;
            // The query's name says all that its results depend on.
            Ok(json!({"queryId": input.to_string()}))
        }
        "GetQueryResults" => {
            let query: Value = serde_json::from_str(text("queryId")).unwrap_or_default();
            let all =
                streams.get(&query["logGroupName"].as_str().unwrap_or_default().to_owned()).ok_or_else(missing)?;
            Ok(results(all, &query, &input))
        }
        "StopQuery" => Ok(json!({"success": true})),
        action => Err(ApiError::sender(404, "UnknownOperationException", action)),
    }
}

/// The streams that a call asks for.
fn asked<'g>(all: &[&'g Group], input: &Value, filter: bool) -> Vec<&'g Group> {
    let text = |name: &str| input[name].as_str().unwrap_or_default();
    let named = input["logStreamNames"].as_array().map(Vec::as_slice).unwrap_or_default();
    let is_asked = |group: &&Group| match filter {
        true if named.is_empty() => group.stream.starts_with(text("logStreamNamePrefix")),
        true => named.iter().any(|name| *name == group.stream),
        false => group.stream == text("logStreamName"),
    };
    all.iter().copied().filter(is_asked).collect()
}

/// A page of a listing: 50 at most.
fn page_of(name: &str, all: Vec<Value>, input: &Value) -> Value {
    let from = number(&input["nextToken"]);
    let next = (from + 50 < all.len()).then(|| (from + 50).to_string());
    let page: Vec<_> = all.into_iter().skip(from).take(50).collect();
    json!({name: page, "nextToken": next})
}

/// The number at the end of a token; the beginning without one.
fn number(token: &Value) -> usize {
    token.as_str().and_then(|token| token.rsplit('-').next()?.parse().ok()).unwrap_or(0)
}

/// The events of streams that are asked for, each with its stream and its identifier. Those of several streams are mixed
/// (API reference: `FilterLogEvents`).
fn found<'g>(streams: &[&'g Group], input: &Value, filter: bool) -> Vec<(&'g Event, &'g str, String)> {
    let phrases: Vec<String> = input["filterPattern"]
        .as_str()
        .unwrap_or_default()
        .split("?\"")
        .skip(1)
        .map(|part| part.trim_end().trim_end_matches('"').to_owned())
        .collect();
    let fits = |event: &Event| phrases.is_empty() || phrases.iter().any(|phrase| event.message.contains(phrase));
    let (from, to) = (input["startTime"].as_i64().unwrap_or(0), input["endTime"].as_i64().unwrap_or(i64::MAX));
    let within = |event: &Event| from <= event.at && (event.at < to || (filter && event.at == to));
    let mut found = Vec::new();
    for (number, group) in streams.iter().enumerate() {
        let events = group.events.iter().enumerate().filter(|(_, event)| within(event) && fits(event));
        let id = |at: usize, event: &Event| format!("{:020}{number:04}{at:08}", event.at);
        found.extend(events.map(|(at, event)| (event, group.stream.as_str(), id(at, event))));
    }
    found.sort_by_key(|(event, ..)| (event.at, event.ingested));
    found
}

/// A page of events. Tokens count half pages: the first half of each is empty where that was ordered.
fn events(streams: &[&Group], input: &Value, filter: bool) -> Value {
    let (group, found) = (streams[0], found(streams, input, filter));
    let limit = input["limit"].as_u64().and_then(|limit| usize::try_from(limit).ok());
    let most = limit.map_or(group.page, |limit| limit.min(group.page));
    let pages = if group.empty_pages { 2 } else { 1 };
    let step = match input["nextToken"].as_str() {
        // Without a token, the service begins with the last page unless it is told otherwise.
        None if !filter && input["startFromHead"] != true => found.len().saturating_sub(1) / most * pages,
        _ => number(&input["nextToken"]),
    };
    let empty = group.empty_pages && step.is_multiple_of(2);
    let start = (step / pages * most).min(found.len());
    let end = if empty { start } else { (start + most).min(found.len()) };
    let start = if empty { start } else { start.saturating_sub(group.overlap) };
    let told = found[start..end].iter().map(|(event, stream, id)| {
        let (at, ingested) = (event.at, event.ingested);
        let mut told = json!({"timestamp": at, "ingestionTime": ingested, "message": event.message});
        if filter {
            told["logStreamName"] = Value::from(*stream);
            told["eventId"] = Value::from(id.as_str());
        }
        told
    });
    let told: Vec<Value> = told.collect();
    let more = end < found.len() || empty;
    if !filter {
        let next = if more || start < end { step + 1 } else { step };
        // At the end, the token that was sent comes back.
        return json!({"events": told, "nextForwardToken": format!("f-{next}"), "nextBackwardToken": "b-0"});
    }
    let again = group.stutters && more && input["nextToken"].as_str().is_none_or(|token| !token.starts_with("again"));
    let next = match more {
        true if group.stuck => Some(format!("t-{step}")),
        true if group.circles && step == 2 => Some("t-1".to_owned()),
        true if again => Some(format!("again-{}", step + 1)),
        true => Some(format!("t-{}", step + 1)),
        false => None,
    };
    json!({"events": told, "nextToken": next, "searchedLogStreams": []})
}

/// The results of the one query that is made.
fn results(all: &[&Group], query: &Value, input: &Value) -> Value {
    let text = query["queryString"].as_str().unwrap_or_default();
    let quoted = |part: &str| part.split('"').next().unwrap_or_default().to_owned();
    let stream = text.split("@logStream = \"").nth(1).map(quoted).unwrap_or_default();
    let phrases: Vec<String> = text.split("@message like \"").skip(1).map(quoted).collect();
    let second = |name: &str| query[name].as_i64().unwrap_or(0) * 1000;
    let (from, to) = (second("startTime"), second("endTime") + 999);
    let clock = |millis: i64| {
        let at = jiff::Timestamp::from_millisecond(millis).expect("in range");
        at.strftime("%Y-%m-%d %H:%M:%S%.3f").to_string()
    };
    let found = all.iter().filter(|group| group.stream == stream).flat_map(|group| &group.events).filter(|event| {
        let fits = phrases.is_empty() || phrases.iter().any(|phrase| event.message.contains(phrase));
        (from..=to).contains(&event.at) && fits
    });
    let limit = usize::try_from(query["limit"].as_u64().unwrap_or(10_000)).unwrap_or(0);
    let mut found: Vec<&Event> = found.collect();
    // A query sorts by time, and promises no order among events of one time.
    found.reverse();
    found.sort_by_key(|event| event.at);
    let (matched, most) = (found.len(), all.iter().map(|group| group.most).min().unwrap_or(0));
    found.truncate(limit.min(most));
    let from = number(&input["nextToken"]);
    let next = (from + 10_000 < found.len()).then(|| (from + 10_000).to_string());
    let row = |event: &&Event| {
        json!([{"field": "@timestamp", "value": clock(event.at)}, {"field": "@message", "value": event.message},
               {"field": "@ingestionTime", "value": clock(event.ingested)}, {"field": "@ptr", "value": "x"}])
    };
    let page: Vec<Value> = found.iter().skip(from).take(10_000).map(row).collect();
    json!({"status": "Complete", "results": page, "nextToken": next, "statistics": {"recordsMatched": matched}})
}
