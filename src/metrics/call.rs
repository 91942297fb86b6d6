//! `GetMetricData`, page by page, and what came of each series that was asked for.

use aws_sdk_cloudwatch::operation::get_metric_data::GetMetricDataOutput;
use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{
    Dimension, MessageData, Metric, MetricDataQuery, MetricDataResult, MetricStat, ScanBy, StatusCode,
};

use super::Query;
use crate::aws::{Aws, CHECK_ENDPOINT, pages};
use crate::bundle::Measured;
use crate::bundle::metric::{HOUR, is_value};
use crate::error::{Error, ErrorKind};
use crate::problem::Problem;
use crate::window::Window;

const ACTION: &str = "cloudwatch:GetMetricData";

/// Asks for a batch, and adds what comes. Returns what went wrong; what came before that counts all the same, for an
/// hour that is missing is not known.
pub(super) async fn ask(aws: &Aws, batch: &[Query], span: Window, measured: &mut Measured) -> Vec<Problem> {
    let time = |time: jiff::Timestamp| DateTime::from_secs(time.as_second());
    let call = aws.metrics.get_metric_data().start_time(time(span.from)).end_time(time(span.to));
    let call = call.scan_by(ScanBy::TimestampAscending);
    let queries: Vec<_> = batch.iter().enumerate().map(|(number, query)| written(number, query)).collect();
    let call = call.set_metric_data_queries(Some(queries));
    // How each series ended. A page may end in the middle of one: only what the last page says counts.
    let mut ends: Vec<Option<StatusCode>> = vec![None; batch.len()];
    let mut troubles = Vec::new();
    let ask = |token| call.clone().set_next_token(token).send();
    let read = pages(&aws.region, ACTION, ask, |page: GetMetricDataOutput| {
        troubles.extend(page.messages().iter().map(|message| said(&aws.region, message)));
        for result in page.metric_data_results() {
            let number = result.id().and_then(|id| id.strip_prefix('q')?.parse::<usize>().ok());
            let Some((query, end)) = number.and_then(|number| Some((batch.get(number)?, ends.get_mut(number)?))) else {
                continue;
            };
            *end = result.status_code().cloned();
            troubles.extend(result.messages().iter().map(|message| said(&query.named, message)));
            troubles.extend(add(query, span, result, measured));
        }
        (page.metric_data_results().len(), page.next_token)
    });
    if let Err(error) = read.await {
        troubles.push(Problem::from(&error));
        return troubles;
    }
    let ended = batch.iter().zip(ends).filter(|(_, end)| *end != Some(StatusCode::Complete));
    troubles.extend(ended.map(|(query, end)| broken_off(query, end.as_ref())));
    troubles
}

/// A query as the API wants it.
fn written(number: usize, query: &Query) -> MetricDataQuery {
    let dimension = Dimension::builder().name(query.dimension).value(&query.named).build();
    let metric = Metric::builder().namespace(query.namespace).metric_name(&query.measure.metric).dimensions(dimension);
    let period = i32::try_from(HOUR).unwrap_or(i32::MAX);
    let stat = MetricStat::builder().metric(metric.build()).period(period).stat(query.measure.statistic.name());
    MetricDataQuery::builder().id(format!("q{number}")).metric_stat(stat.build()).build()
}

/// Adds the values of a page. Beside a value that is impossible, only those above zero count: that metric is not known to be
/// zero at any time.
fn add(query: &Query, span: Window, result: &MetricDataResult, measured: &mut Measured) -> Option<Problem> {
    let Query { named, measure, .. } = query;
    let (times, values) = (result.timestamps(), result.values());
    if times.len() != values.len() {
        let message =
            format!("{ACTION}: {} came with {} times and {} values", measure.metric, times.len(), values.len());
        return Some(trouble(ErrorKind::Format, named, &message, "run it again later", None));
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
        let message = format!("{ACTION}: {} came with an impossible value: {value:e} at {at}", measure.metric);
        trouble(ErrorKind::Endpoint, named, &message, CHECK_ENDPOINT, None)
    })
}

/// A series that did not come to its end.
fn broken_off(query: &Query, end: Option<&StatusCode>) -> Problem {
    let (metric, code) = (&query.measure.metric, end.map(StatusCode::as_str));
    let message = match code {
        Some(code) => format!("{ACTION}: {metric} is not complete ({code})"),
        None => format!("{ACTION}: {metric} was not answered"),
    };
    let (kind, hint) = match end {
        Some(StatusCode::Forbidden) => (ErrorKind::Denied, "grant the permission cloudwatch:GetMetricData"),
        Some(StatusCode::Complete | StatusCode::PartialData | StatusCode::InternalError) => {
            (ErrorKind::Service, "run it again later")
        }
        _ => (ErrorKind::Endpoint, CHECK_ENDPOINT),
    };
    // What is no status of the API is no code of it either.
    trouble(kind, &query.named, &message, hint, code.filter(|_| kind != ErrorKind::Endpoint))
}

/// A message that came with an answer.
fn said(subject: &str, message: &MessageData) -> Problem {
    let code = message.code().unwrap_or("a message without a code");
    let text = format!("{ACTION}: CloudWatch says {code}");
    trouble(ErrorKind::Service, subject, &text, "run it again later", message.code())
}

fn trouble(kind: ErrorKind, subject: &str, message: &str, hint: &str, code: Option<&str>) -> Problem {
    Problem::from(&Error::new(kind, subject, message).hint(hint).call(ACTION, code))
}
