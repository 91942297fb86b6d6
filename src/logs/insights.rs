//! Events from CloudWatch Logs Insights, the only access to log groups of the class Infrequent Access. AWS charges for the
//! bytes that a query scans.
//!
//! Source: "Quotas" in the CloudWatch Logs user guide and the API reference: a query gives 100,000 events at most, so that
//! a span that gives as many is asked for again in halves, and so is one of which fewer came than matched; its times are
//! whole seconds, both of them in the span.

use std::time::Duration;

use aws_sdk_cloudwatchlogs::types::{QueryStatus, ResultField};
use jiff::civil::DateTime;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};

use super::cloudwatch::{Event, event};
use crate::aws::{Aws, CHECK_ENDPOINT, List, failure, no_list};
use crate::error::{Error, ErrorKind, Result, TRY_AGAIN, TRY_LATER};
use crate::window::Window;

/// The call that reads results, as IAM names it.
const RESULTS: &str = "logs:GetQueryResults";
/// Most events that a query gives.
const MOST: usize = 100_000;
/// Longest time that a query is waited for. AWS ends it after an hour.
const LONGEST: Duration = Duration::from_secs(15 * 60);
/// Shortest and longest pause between two looks at a query.
const PAUSE: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));

/// Events of a stream within a span, that are being queried.
#[derive(Debug)]
pub struct Query {
    text: String,
    /// The spans that are still to be asked for, the earliest last.
    spans: Vec<Window>,
}

impl Query {
    /// The events of a stream, those alone that hold one of `terms` where there are any.
    pub fn new(stream: &str, span: Window, terms: Option<&[&str]>) -> Self {
        let any: Vec<_> =
            terms.unwrap_or_default().iter().map(|term| format!("@message like {}", quoted(term))).collect();
        let which = if any.is_empty() { String::new() } else { format!(" and ({})", any.join(" or ")) };
        let stream = quoted(stream);
        let text = format!(
            "fields @timestamp, @ingestionTime, @message | filter @logStream = {stream}{which} | sort @timestamp asc"
        );
        Self { text, spans: vec![span] }
    }

    /// The events of the next part of the span, oldest first; none at the end.
    ///
    /// # Errors
    ///
    /// When the query fails, takes too long, or gives more in one second than a query can.
    pub async fn next(&mut self, aws: &Aws, group: &str) -> Result<Option<Vec<Event>>> {
        while let Some(span) = self.spans.pop() {
            let (events, matched) = run(aws, group, &self.text, span).await?;
            if events.len() < MOST && events.len() as f64 >= matched {
                return Ok(Some(events));
            }
            let half = SignedDuration::from_secs(span.length().as_secs() / 2);
            let middle = span.from.checked_add(half).ok().filter(|_| !half.is_zero()).ok_or_else(|| {
                Error::new(
                    ErrorKind::Truncated,
                    group,
                    format!("the second of {} has more events than a query returns", span.from),
                )
                .hint("export the log to a log group of another class")
            })?;
            self.spans.push(Window { from: middle, to: span.to });
            self.spans.push(Window { from: span.from, to: middle });
        }
        Ok(None)
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Events, and how many matched the query.
type Results = (Vec<Event>, f64);

/// Runs a query to its end, and stops it where that cannot be.
async fn run(aws: &Aws, group: &str, text: &str, span: Window) -> Result<Results> {
    let to = (span.to.as_microsecond() - 1).div_euclid(1_000_000);
    let call = aws.logs.start_query().log_group_name(group).query_string(text).limit(MOST as i32);
    let started = call.start_time(span.from.as_second()).end_time(to).send().await;
    let started = started.map_err(|error| failure(group, "logs:StartQuery", error))?;
    let Some(id) = started.query_id() else {
        return Err(Error::new(ErrorKind::Service, group, "logs:StartQuery returned no query ID").hint(TRY_AGAIN));
    };
    let results = results(aws, group, id).await;
    if results.is_err() {
        // Whether that works or not, the first failure is the one to tell of.
        let _ = aws.logs.stop_query().query_id(id).send().await;
    }
    results
}

/// Waits for the results of a query, and reads all of them.
async fn results(aws: &Aws, group: &str, id: &str) -> Result<Results> {
    let (mut pause, mut waited) = (PAUSE.0, Duration::ZERO);
    let mut list = List::new(group, RESULTS);
    let mut events = Vec::new();
    let mut token = None;
    loop {
        let answer = list.ask(aws.logs.get_query_results().query_id(id).set_next_token(token.clone()).send()).await?;
        match answer.status() {
            Some(QueryStatus::Complete) => {
                let rows = answer.results.as_deref().ok_or_else(|| no_list(group, RESULTS))?;
                for row in rows {
                    events.push(row_event(group, row)?);
                }
                token = list.follow(rows.len(), answer.next_token().map(str::to_owned))?;
                if events.len() > MOST {
                    let message = format!("{RESULTS} failed: the endpoint sent more than the {MOST} requested events");
                    let error = Error::new(ErrorKind::Endpoint, group, message);
                    return Err(error.hint(CHECK_ENDPOINT).call(RESULTS, None));
                }
                if token.is_none() {
                    let matched = answer.statistics().map_or(0.0, |statistics| statistics.records_matched());
                    return Ok((events, matched));
                }
            }
            Some(QueryStatus::Scheduled | QueryStatus::Running) if waited < LONGEST => {
                tokio::time::sleep(pause).await;
                waited += pause;
                pause = (pause * 2).min(PAUSE.1);
            }
            status => {
                let status = status.map_or("without a status", QueryStatus::as_str);
                return Err(Error::new(ErrorKind::Service, group, format!("{RESULTS} failed: the query is {status}"))
                    .hint(TRY_LATER));
            }
        }
    }
}

fn row_event(group: &str, row: &[ResultField]) -> Result<Event> {
    let field = |name: &str| row.iter().find(|field| field.field() == Some(name)).and_then(ResultField::value);
    let millis = |name: &str| field(name).and_then(time).map(Timestamp::as_millisecond);
    event(group, millis("@timestamp"), millis("@ingestionTime"), field("@message").map(str::to_owned))
}

/// `2026-11-22 10:00:00.000`, in UTC, as results have it.
fn time(text: &str) -> Option<Timestamp> {
    let time: DateTime = text.parse().ok()?;
    Offset::UTC.to_timestamp(time).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_results_are_utc() {
        assert_eq!(time("1970-01-01 00:01:00.250").map(Timestamp::as_millisecond), Some(60_250));
        assert_eq!(time("yesterday"), None);
    }

    #[test]
    fn a_query_asks_for_any_of_the_phrases_of_one_stream() {
        let at = |second| Timestamp::from_second(second).expect("in range");
        let query = Query::new("orders", Window { from: at(0), to: at(60) }, Some(&["a b", "c"]));
        let filter = r#"filter @logStream = "orders" and (@message like "a b" or @message like "c")"#;
        assert!(query.text.contains(filter), "{}", query.text);
    }
}
