//! `GetMetricData`, page by page, and the result of each requested series.

use aws_sdk_cloudwatch::operation::get_metric_data::GetMetricDataOutput;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{
    Dimension, MessageData, Metric, MetricDataQuery, MetricDataResult, MetricStat, ScanBy, StatusCode,
};

use super::Query;
use crate::aws::{Aws, CHECK_ENDPOINT, pages};
use crate::bundle::Measured;
use crate::bundle::metric::{HOUR, is_value};
use crate::error::{Error, ErrorKind, TRY_LATER};
use crate::problem::Problem;
use crate::window::Window;

const ACTION: &str = "cloudwatch:GetMetricData";

/// Asks for a batch, and adds what comes. Returns what went wrong; what came before that counts all the same, for an
/// hour that is missing is unknown.
pub(super) async fn ask(aws: &Aws, batch: &[Query], span: Window, measured: &mut Measured) -> Vec<Problem> {
    let time = |time: jiff::Timestamp| DateTime::from_secs(time.as_second());
    let call = aws.metrics.get_metric_data().start_time(time(span.from)).end_time(time(span.to));
    let call = call.scan_by(ScanBy::TimestampAscending);
    let queries: Vec<_> = batch.iter().enumerate().map(|(number, query)| written(number, query)).collect();
    let call = call.set_metric_data_queries(Some(queries));
    // How each series ended. A page may end in the middle of one: only what the last page says counts.
    let mut ends: Vec<Option<StatusCode>> = vec![None; batch.len()];
    let mut problems = Vec::new();
    let ask = |token| call.clone().set_next_token(token).send();
    let read = pages(&aws.region, ACTION, ask, |page: GetMetricDataOutput| {
        problems.extend(page.messages().iter().map(|message| said(&aws.region, message)));
        for result in page.metric_data_results() {
            let number = result.id().and_then(|id| id.strip_prefix('q')?.parse::<usize>().ok());
            let Some((query, end)) = number.and_then(|number| Some((batch.get(number)?, ends.get_mut(number)?))) else {
                continue;
            };
            *end = result.status_code().cloned();
            problems.extend(result.messages().iter().map(|message| said(&query.named, message)));
            problems.extend(add(query, span, result, measured));
        }
        (page.metric_data_results().len(), page.next_token)
    });
    if let Err(error) = read.await {
        problems.push(Problem::from(&error));
        return problems;
    }
    let ended = batch.iter().zip(ends).filter(|(_, end)| *end != Some(StatusCode::Complete));
    problems.extend(ended.map(|(query, end)| broken_off(query, end.as_ref())));
    problems
}

/// A query as the API wants it.
fn written(number: usize, query: &Query) -> MetricDataQuery {
    let dimension = Dimension::builder().name(query.dimension).value(&query.named).build();
    let metric = Metric::builder().namespace(query.namespace).metric_name(&query.measure.metric).dimensions(dimension);
    let period = i32::try_from(HOUR).unwrap_or(i32::MAX);
    let stat = MetricStat::builder().metric(metric.build()).period(period).stat(query.measure.statistic.name());
    MetricDataQuery::builder().id(format!("q{number}")).metric_stat(stat.build()).build()
}

/// Adds the values of a page. Beside a value that is impossible, only those above zero count: that metric is unknown to be
/// zero at any time.
fn add(query: &Query, span: Window, result: &MetricDataResult, measured: &mut Measured) -> Option<Problem> {
    let Query { named, measure, .. } = query;
    let (times, values) = (result.timestamps(), result.values());
    if times.len() != values.len() {
        let message =
            format!("{ACTION} failed: {} has {} times but {} values", measure.metric, times.len(), values.len());
        return Some(problem(ErrorKind::Format, named, &message, TRY_LATER, None));
    }
    let hour = |time: &DateTime| time.secs().saturating_sub(time.secs().rem_euclid(HOUR));
    let asked = span.from.as_second()..span.to.as_second();
    let is_possible = |(hour, value): &(i64, f64)| asked.contains(hour) && is_value(*hour, *value);
    let found = times.iter().map(hour).zip(values.iter().copied());
    let impossible = found.clone().find(|found| !is_possible(found));
    for (hour, value) in found.filter(is_possible).filter(|(_, value)| impossible.is_none() || *value > 0.0) {
        measured.add(measure, hour, value);
    }
    impossible.map(|(hour, value)| {
        let at = jiff::Timestamp::from_second(hour).map_or_else(|_| hour.to_string(), |hour| hour.to_string());
        let message = format!("{ACTION} failed: {} has an invalid value ({value:e} at {at})", measure.metric);
        problem(ErrorKind::Endpoint, named, &message, CHECK_ENDPOINT, None)
    })
}

/// A series that did not come to its end.
fn broken_off(query: &Query, end: Option<&StatusCode>) -> Problem {
    let (metric, code) = (&query.measure.metric, end.map(StatusCode::as_str));
    let message = match code {
        Some(code) => format!("{ACTION} failed: {metric} is incomplete ({code})"),
        None => format!("{ACTION} failed: the response does not contain {metric}"),
    };
    let (kind, hint) = match end {
        Some(StatusCode::Forbidden) => (ErrorKind::Denied, "grant the permission cloudwatch:GetMetricData"),
        Some(StatusCode::Complete | StatusCode::PartialData | StatusCode::InternalError) => {
            (ErrorKind::Service, TRY_LATER)
        }
        _ => (ErrorKind::Endpoint, CHECK_ENDPOINT),
    };
    // What is no status of the API is no code of it either.
    problem(kind, &query.named, &message, hint, code.filter(|_| kind != ErrorKind::Endpoint))
}

/// A message that came with an answer.
fn said(subject: &str, message: &MessageData) -> Problem {
    let code = message.code().unwrap_or("a message without a code");
    let text = format!("{ACTION} failed: CloudWatch returned {code}");
    problem(ErrorKind::Service, subject, &text, TRY_LATER, message.code())
}

fn problem(kind: ErrorKind, subject: &str, message: &str, hint: &str, code: Option<&str>) -> Problem {
    Problem::from(&Error::new(kind, subject, message).hint(hint).call(ACTION, code))
}
