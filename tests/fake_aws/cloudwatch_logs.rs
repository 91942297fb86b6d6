//! The CloudWatch Logs API (JSON 1.1), as far as the tests need it. API reference: one page an action.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use ssl_usage_parsers::{HEAD, Hints, detect};

use super::fleet::{Fleet, Instance};
use super::rds::ApiError;
use super::request::Call;

/// An event of a log.
#[derive(Debug, Clone)]
pub struct Event {
    /// When it was written, in milliseconds.
    pub at: i64,
    /// When it could be read first, in milliseconds.
    pub ingested: i64,
    /// A line.
    pub message: String,
}

/// A log group, with one stream of one instance.
#[derive(Debug, Clone)]
pub struct Group {
    /// Its events, oldest first.
    pub events: Vec<Event>,
    /// The stream's name.
    pub stream: String,
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
    /// The group of these lines of a log, each an event of the time that its record was written at.
    pub fn of(stream: &str, engine: &str, logs: impl Iterator<Item = Vec<u8>>) -> Group {
        let engine = ssl_usage_parsers::ENGINES.iter().copied().find(|known| known.aws_names.contains(&engine));
        let mut events = Vec::new();
        for text in logs {
            let hints = Hints { engine, ..Hints::default() };
            let parser = detect(&text[..text.len().min(HEAD)], &hints).expect("a log of a known format");
            let lines = || text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
            let mut at = lines().find_map(|line| parser.time(line)).expect("a time").at / 1000;
            for line in lines() {
                at = parser.time(line).map_or(at, |time| time.at / 1000);
                events.push(Event { at, ingested: at + 1500, message: String::from_utf8_lossy(line).into_owned() });
            }
        }
        events.sort_by_key(|event| event.at);
        let (class, stream) = ("STANDARD", stream.to_owned());
        let (retention, page, overlap, most) = (None, 10_000, 0, usize::MAX);
        let (empty_pages, stutters, stuck, circles) = (false, false, false, false);
        Group { events, stream, class, retention, page, overlap, empty_pages, stutters, stuck, circles, most }
    }
}

impl Instance {
    /// Exports a kind of its logs: those of its files that are of that kind, but for other forms of the same records.
    pub fn export(&mut self, log_type: &str, prefix: &str) -> &mut Group {
        let logs = self.files.iter().filter(|(name, _)| name.starts_with(prefix));
        let one_form = logs.filter(|(name, _)| ![".csv", ".json"].iter().any(|twin| name.ends_with(twin)));
        let group = Group::of(&self.id, &self.engine, one_form.map(|(_, file)| file.bytes.clone()));
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
            streams.entry(name).or_default().push(group);
        }
    }
    let text = |name: &str| input[name].as_str().unwrap_or_default();
    let missing = || ApiError::sender(400, "ResourceNotFoundException", "The specified log group does not exist.");
    let named = || text("logGroupName").to_owned();
    match call.action.as_str() {
        "DescribeLogGroups" => {
            let found = groups.iter().filter(|(name, _)| name.starts_with(text("logGroupNamePrefix")));
            let found = found.map(|(name, group)| {
                let bytes: usize = group.events.iter().map(|event| event.message.len() + 26).sum();
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
            let wanted = [text("logStreamName"), input["logStreamNames"][0].as_str().unwrap_or_default()];
            let group = all.iter().find(|group| wanted.contains(&group.stream.as_str())).ok_or_else(missing)?;
            if group.class != "STANDARD" {
                return Err(ApiError::sender(
                    400,
                    "InvalidOperationException",
                    "not supported for this log group class",
                ));
            }
            let filter = call.action == "FilterLogEvents";
            Ok(events(group, &input, filter))
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

/// A page of events. Tokens count half pages: the first half of each is empty where that was ordered.
fn events(group: &Group, input: &Value, filter: bool) -> Value {
    let phrases: Vec<String> = input["filterPattern"]
        .as_str()
        .unwrap_or_default()
        .split("?\"")
        .skip(1)
        .map(|part| part.trim_end().trim_end_matches('"').to_owned())
        .collect();
    let fits = |event: &&Event| phrases.is_empty() || phrases.iter().any(|phrase| event.message.contains(phrase));
    let (from, to) = (input["startTime"].as_i64().unwrap_or(0), input["endTime"].as_i64().unwrap_or(i64::MAX));
    let within = |event: &&Event| from <= event.at && (event.at < to || (filter && event.at == to));
    let found: Vec<&Event> = group.events.iter().filter(within).filter(fits).collect();
    let step = number(&input["nextToken"]);
    let empty = group.empty_pages && step.is_multiple_of(2);
    let page = if group.empty_pages { step / 2 } else { step };
    let start = (page * group.page).min(found.len());
    let end = if empty { start } else { (start + group.page).min(found.len()) };
    let start = if empty { start } else { start.saturating_sub(group.overlap) };
    let told: Vec<Value> = found[start..end]
        .iter()
        .enumerate()
        .map(|(at, event)| {
            json!({"timestamp": event.at, "ingestionTime": event.ingested, "message": event.message,
                   "logStreamName": group.stream, "eventId": format!("{:020}{:08}", event.at, start + at)})
        })
        .collect();
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
    let found: Vec<&Event> = found.collect();
    let (matched, most) = (found.len(), all.iter().map(|group| group.most).min().unwrap_or(0));
    let rows: Vec<Value> = found
        .into_iter()
        .take(limit.min(most))
        .map(|event| {
            json!([{"field": "@timestamp", "value": clock(event.at)}, {"field": "@message", "value": event.message},
                   {"field": "@ingestionTime", "value": clock(event.ingested)}, {"field": "@ptr", "value": "x"}])
        })
        .collect();
    let from = number(&input["nextToken"]);
    let next = (from + 10_000 < rows.len()).then(|| (from + 10_000).to_string());
    let page: Vec<_> = rows.into_iter().skip(from).take(10_000).collect();
    json!({"status": "Complete", "results": page, "nextToken": next, "statistics": {"recordsMatched": matched}})
}
