//! The CloudWatch API (RPC v2 CBOR), as far as the tests need it. API reference: one page an action.

use std::collections::BTreeMap;

use ciborium::Value;
use jiff::Timestamp;

use super::fleet::{Fleet, Metric};
use super::rds::ApiError;
use super::request::Call;

/// Series that a call may ask for.
const MOST_QUERIES: usize = 500;

/// Values that a page holds unless the caller asks for fewer.
const MOST_VALUES: usize = 100_800;

/// Answers a call.
pub fn answer(fleet: &mut Fleet, call: &Call) -> Result<Value, ApiError> {
    let input: Value =
        ciborium::from_reader(call.body.as_ref()).map_err(|_| invalid("SerializationException", "not CBOR"))?;
    match call.action.as_str() {
        "GetMetricData" => get_metric_data(fleet, call, &input),
        action => Err(ApiError::sender(404, "UnknownOperationException", action)),
    }
}

/// `GetMetricData`: the values of the first series, then those of the next, cut into pages wherever a page is full.
fn get_metric_data(fleet: &Fleet, call: &Call, input: &Value) -> Result<Value, ApiError> {
    let queries = field(input, "MetricDataQueries").and_then(Value::as_array).ok_or_else(|| missing("queries"))?;
    if queries.len() > MOST_QUERIES {
        let message = format!("The collection MetricDataQueries must not have a size greater than {MOST_QUERIES}.");
        return Err(invalid("ValidationError", message));
    }
    let (from, to) = (time(input, "StartTime")?, time(input, "EndTime")?);
    if from >= to {
        return Err(invalid("ValidationError", "The parameter StartTime must be less than the parameter EndTime."));
    }
    let newest_first = text(input, "ScanBy") != Some("TimestampAscending");
    let asked = field(input, "MaxDatapoints").and_then(integer).and_then(|most| usize::try_from(most).ok());
    let most = asked.unwrap_or(MOST_VALUES).min(fleet.page_values.unwrap_or(MOST_VALUES));
    let mut skip = match text(input, "NextToken") {
        None => 0,
        Some(token) => token
            .strip_prefix("after-")
            .and_then(|count| count.parse::<usize>().ok())
            .ok_or_else(|| invalid("InvalidNextToken", "The next token specified is invalid."))?,
    };
    let (mut room, mut next, done) = (most, None, skip);
    let mut results = Vec::new();
    for query in queries {
        let id = text(query, "Id").ok_or_else(|| missing("Id"))?;
        let found = series(fleet, call, query, (from, to))?;
        let mut values = found.values;
        if newest_first {
            values.reverse();
        }
        let (length, seen) = (values.len(), skip.min(values.len()));
        skip -= seen;
        // What earlier pages held whole is not told again.
        if seen == length && length > 0 {
            continue;
        }
        let page: Vec<_> = values.into_iter().skip(seen).take(room).collect();
        room -= page.len();
        let whole = seen + page.len() == length;
        let status = if whole { found.metric.and_then(|metric| metric.status.as_deref()) } else { Some("PartialData") };
        results.push(result(id, &page, status.unwrap_or("Complete"), found.metric));
        if !whole {
            next = Some(format!("after-{}", done + most));
            break;
        }
    }
    let mut answer = vec![("MetricDataResults", Value::Array(results))];
    answer.extend(next.map(|token| ("NextToken", Value::Text(token))));
    Ok(map(answer))
}

/// A series as it was found; one that nobody reported is empty.
struct Found<'f> {
    values: Vec<(i64, f64)>,
    metric: Option<&'f Metric>,
}

fn series<'f>(fleet: &'f Fleet, call: &Call, query: &Value, span: (i64, i64)) -> Result<Found<'f>, ApiError> {
    let stat = field(query, "MetricStat").ok_or_else(|| missing("MetricStat"))?;
    let metric = field(stat, "Metric").ok_or_else(|| missing("Metric"))?;
    let period = field(stat, "Period").and_then(integer).filter(|period| *period > 0 && period % 60 == 0);
    let period = period.ok_or_else(|| invalid("ValidationError", "Period must be a multiple of 60"))?;
    let statistic = match text(stat, "Stat") {
        Some("Minimum") => |values: &[f64]| values.iter().copied().fold(f64::INFINITY, f64::min),
        Some("Maximum") => |values: &[f64]| values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        Some("Sum") => |values: &[f64]| values.iter().sum(),
        other => return Err(invalid("ValidationError", format!("This fake knows no statistic {other:?}"))),
    };
    let dimensions = field(metric, "Dimensions").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let [dimension] = dimensions else { return Err(invalid("ValidationError", "This fake knows one dimension")) };
    let (kind, named) = (text(dimension, "Name"), text(dimension, "Value"));
    let is_asked = |known: &&Metric| {
        let lives_here = match fleet.instances.iter().find(|instance| instance.id == known.of) {
            Some(instance) => kind == Some("DBInstanceIdentifier") && fleet.region_of(instance) == call.region,
            None => kind == Some("ProxyName"),
        };
        let names = (text(metric, "Namespace"), text(metric, "MetricName"));
        lives_here && named == Some(&known.of) && names == (Some(&known.namespace), Some(&known.name))
    };
    let found = fleet.metrics.iter().find(is_asked);
    let mut samples: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
    for (at, value) in found.map(|metric| metric.samples.as_slice()).unwrap_or_default() {
        let at = at.as_second();
        if (span.0..span.1).contains(&at) {
            samples.entry(at - at.rem_euclid(period)).or_default().push(*value);
        }
    }
    Ok(Found { values: samples.into_iter().map(|(at, values)| (at, statistic(&values))).collect(), metric: found })
}

fn result(id: &str, values: &[(i64, f64)], status: &str, metric: Option<&Metric>) -> Value {
    let times = values.iter().map(|(at, _)| Value::Tag(1, Box::new(Value::Integer((*at).into()))));
    let mut fields = vec![
        ("Id", Value::Text(id.to_owned())),
        ("Label", Value::Text(metric.map_or(id, |metric| &metric.name).to_owned())),
        ("Timestamps", Value::Array(times.collect())),
        ("Values", Value::Array(values.iter().map(|(_, value)| Value::Float(*value)).collect())),
        ("StatusCode", Value::Text(status.to_owned())),
    ];
    fields.extend(metric.and_then(|metric| metric.message.as_ref()).map(|code| {
        let message =
            map(vec![("Code", Value::Text(code.clone())), ("Value", Value::Text("See the code.".to_owned()))]);
        ("Messages", Value::Array(vec![message]))
    }));
    map(fields)
}

fn map(fields: Vec<(&str, Value)>) -> Value {
    Value::Map(fields.into_iter().map(|(name, value)| (Value::Text(name.to_owned()), value)).collect())
}

fn field<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    value.as_map()?.iter().find(|(key, _)| key.as_text() == Some(name)).map(|(_, value)| value)
}

fn text<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    field(value, name)?.as_text()
}

fn integer(value: &Value) -> Option<i64> {
    i64::try_from(value.as_integer()?).ok()
}

/// A time, in seconds since 1970: tag 1, whole or not.
fn time(input: &Value, name: &str) -> Result<i64, ApiError> {
    let seconds = field(input, name).and_then(Value::as_tag).filter(|(tag, _)| *tag == 1).map(|(_, value)| value);
    let seconds = seconds.and_then(|value| integer(value).or_else(|| value.as_float().map(|seconds| seconds as i64)));
    seconds.filter(|seconds| Timestamp::from_second(*seconds).is_ok()).ok_or_else(|| missing(name))
}

fn invalid(code: &'static str, message: impl Into<String>) -> ApiError {
    ApiError::sender(400, code, message)
}

fn missing(what: &str) -> ApiError {
    invalid("MissingRequiredParameterException", format!("The request must contain {what}."))
}
