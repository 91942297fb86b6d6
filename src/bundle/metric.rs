//! CloudWatch metrics by hour.

use std::collections::BTreeMap;

use jiff::Timestamp;
use polars::prelude::{Column, DataFrame, IntoColumn, NamedFrom, PolarsError, PolarsResult, Series as Values};
use serde::{Deserialize, Serialize};

use super::combine::Combined;
use super::fact_file::{ColumnReader, there};
use super::range;
pub use super::series::Series;
use super::texts::{Limits, Texts, whole};
use crate::problem::Problem;

/// Names of metrics, as AWS spells them.
///
/// Source: "Amazon CloudWatch metrics for Amazon RDS", "Troubleshooting for IAM DB authentication" and "Monitoring RDS
/// Proxy metrics with Amazon CloudWatch" in the RDS user guide.
pub mod name {
    /// Network connections of clients that are open, without RDS's own; of a proxy, its own to its databases.
    pub const DATABASE_CONNECTIONS: &str = "DatabaseConnections";
    /// Logins by IAM.
    pub const IAM_LOGINS: &str = "IamDbAuthConnectionSuccess";
    /// Of a proxy: connections of clients to it with TLS.
    pub const CLIENTS_WITH_TLS: &str = "ClientConnectionsTLS";
    /// Of a proxy: connections of clients to it without TLS.
    pub const CLIENTS_WITHOUT_TLS: &str = "ClientConnectionsNoTLS";
    /// Of a proxy: its connections to its databases with TLS.
    pub const DATABASE_CONNECTIONS_WITH_TLS: &str = "DatabaseConnectionsWithTLS";
    /// Of a proxy: connections to its databases that it asked for.
    pub const DATABASE_REQUESTS: &str = "DatabaseConnectionRequests";
    /// Of a proxy: connections to its databases that it asked for with TLS.
    pub const DATABASE_REQUESTS_WITH_TLS: &str = "DatabaseConnectionRequestsWithTLS";
    /// Of an Aurora instance: seconds since its engine was started.
    ///
    /// Source: "Checking uptime for Aurora clusters and instances" in the Aurora user guide.
    pub const ENGINE_UPTIME: &str = "EngineUptime";
    /// No metric of CloudWatch, but the last restart of an instance in an hour, by the events of RDS: in seconds since the
    /// beginning of that hour.
    pub const RESTART: &str = "RestartEvent";
}

/// Length of what a value stands for, in seconds. CloudWatch keeps values of an hour for 455 days.
pub const HOUR: i64 = 3600;

/// The columns of the table.
pub(super) const COLUMNS: [&str; 5] = ["subject", "metric", "statistic", "hour", "value"];
/// Those of text.
const TEXTS: [&str; 3] = ["subject", "metric", "statistic"];

/// Values of a file, so that it can be read in little memory: a year of a hundred instances.
pub(super) const MOST_ROWS: usize = 2_000_000;

/// How CloudWatch sums up an hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Statistic {
    /// The lowest of the hour.
    Minimum,
    /// The highest of the hour.
    Maximum,
    /// All of the hour together.
    Sum,
}

impl Statistic {
    const ALL: [Self; 3] = [Self::Minimum, Self::Maximum, Self::Sum];

    /// The name in the API.
    pub fn name(self) -> &'static str {
        match self {
            Self::Minimum => "Minimum",
            Self::Maximum => "Maximum",
            Self::Sum => "Sum",
        }
    }
}

/// Whether a value can be one of CloudWatch's: not negative, finite, and below 2^53.
pub fn is_value(hour: i64, value: f64) -> bool {
    range::measured(hour, value).is_ok()
}

/// What a series is of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Measure {
    /// ARN of an instance, or name of a proxy.
    pub subject: String,
    /// See [`name`].
    pub metric: String,
    /// How hours are summed up.
    pub statistic: Statistic,
}

/// Series of instances and proxies.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measured(BTreeMap<Measure, Series>);

impl Measured {
    /// Adds a value. Where there is one already the higher counts: an hour that was asked for before its end lacks what
    /// came after, and of two answers the one that shows more clients is the careful one. So the order makes no
    /// difference.
    pub fn add(&mut self, measure: &Measure, hour: i64, value: f64) {
        match self.0.get_mut(measure) {
            Some(series) => series.add(hour, value),
            None => self.0.entry(measure.clone()).or_default().add(hour, value),
        }
    }

    /// Adds all values of another.
    pub fn join(&mut self, other: Self) {
        for (measure, series) in other.0 {
            match self.0.get_mut(&measure) {
                Some(known) => known.join(&series),
                None => drop(self.0.insert(measure, series)),
            }
        }
    }

    /// The same in pieces of not much more than [`MOST_ROWS`] values, of which there is at least one.
    pub(super) fn pieces(self) -> Vec<Self> {
        let mut pieces = vec![Self::default()];
        let mut rows = 0;
        for (measure, series) in self.0 {
            if rows > 0 && rows + series.len() > MOST_ROWS {
                pieces.push(Self::default());
                rows = 0;
            }
            rows += series.len();
            if let Some(piece) = pieces.last_mut() {
                piece.0.insert(measure, series);
            }
        }
        pieces
    }

    /// All values: what each is of, its hour, and the value.
    pub(super) fn values(&self) -> impl Iterator<Item = (&Measure, i64, f64)> {
        self.0.iter().flat_map(|(measure, series)| series.iter().map(move |(hour, value)| (measure, hour, value)))
    }

    /// The series of a subject; none when nothing is known.
    pub fn series(&self, subject: &str, metric: &str, statistic: Statistic) -> Option<&Series> {
        self.0.get(&Measure { subject: subject.to_owned(), metric: metric.to_owned(), statistic })
    }

    /// The series of an instance, and of the proxies that it may share with others.
    pub(super) fn of(&self, instance: &str, proxies: &[String]) -> Self {
        let of = |subject: &str| {
            let subject = subject.to_owned();
            let first = Measure { subject: subject.clone(), metric: String::new(), statistic: Statistic::Minimum };
            self.0.range(first..).take_while(move |(measure, _)| measure.subject == subject)
        };
        let all = proxies.iter().map(String::as_str).chain([instance]).flat_map(of);
        Self(all.map(|(measure, series)| (measure.clone(), series.clone())).collect())
    }

    /// The table: a row for each value.
    ///
    /// # Errors
    ///
    /// When polars refuses the columns, which are all of one length.
    pub(super) fn table(&self) -> PolarsResult<DataFrame> {
        let text = |name: &str, value: fn(&Measure) -> &str| -> Column {
            Values::new(name.into(), self.values().map(|(measure, ..)| value(measure)).collect::<Vec<_>>())
                .into_column()
        };
        let hours: Vec<i64> = self.values().map(|(_, hour, _)| hour).collect();
        let values: Vec<f64> = self.values().map(|(.., value)| value).collect();
        DataFrame::new(
            hours.len(),
            vec![
                text("subject", |measure| &measure.subject),
                text("metric", |measure| &measure.metric),
                text("statistic", |measure| measure.statistic.name()),
                Values::new("hour".into(), hours).into_column(),
                Values::new("value".into(), values).into_column(),
            ],
        )
    }

    /// Reads the columns of a table, one at a time. A statistic of a newer version is left out; nothing else is.
    ///
    /// # Errors
    ///
    /// As [`check`](Self::check).
    pub(super) fn read(columns: ColumnReader<'_>) -> PolarsResult<Self> {
        let [subject, metric, statistic] =
            TEXTS.map(|name| Texts::of(text(columns, name)?.str()?, Limits::NONE).ok_or_else(range::too_long));
        let texts = [subject?, metric?, statistic?];
        let (hours, values) = numbers(columns)?;
        let Combined { codes, first_rows } =
            Combined::of(hours.len(), texts.iter().map(|texts| (texts.codes(), texts.values().len())));
        let mut counts = vec![0; first_rows.len()];
        codes.iter().for_each(|code| counts.get_mut(*code as usize).into_iter().for_each(|count| *count += 1));
        // With the exact room: a region's series stay in memory while its instances are looked at.
        let mut all: Vec<Vec<(i64, f64)>> = counts.into_iter().map(Vec::with_capacity).collect();
        for ((code, hour), value) in codes.into_iter().zip(hours).zip(values) {
            all.get_mut(code as usize).into_iter().for_each(|values| values.push((hour, value)));
        }
        let [subjects, metrics, statistics] = &texts;
        let measure = |row: usize| {
            let text = |texts: &Texts| texts.of_row(row).map(|text| text.to_string());
            let statistic = statistics.of_row(row)?;
            let statistic = Statistic::ALL.into_iter().find(|known| known.name() == statistic.as_ref())?;
            Some(Measure { subject: text(subjects)?, metric: text(metrics)?, statistic })
        };
        let known = first_rows.into_iter().zip(all);
        let known = known.filter_map(|(row, values)| Some((measure(row)?, values.into_iter().collect())));
        Ok(Self(known.collect()))
    }

    /// Checks the columns of a table, one at a time; returns how many values it has.
    ///
    /// # Errors
    ///
    /// When a column is not there or of another type, or a value is missing or out of range.
    pub(super) fn check(columns: ColumnReader<'_>) -> PolarsResult<usize> {
        TEXTS.into_iter().try_for_each(|name| text(columns, name).map(drop))?;
        Ok(numbers(columns)?.0.len())
    }
}

/// A column of text, which has a value in each row.
fn text(columns: ColumnReader<'_>, name: &str) -> PolarsResult<Column> {
    let column = there(columns, name)?;
    match column.str()?.null_count() {
        0 => Ok(column),
        _ => Err(lacking()),
    }
}

/// The hours and their values, checked.
fn numbers(columns: ColumnReader<'_>) -> PolarsResult<(Vec<i64>, Vec<f64>)> {
    let hours = whole(there(columns, "hour")?.i64()?).ok_or_else(lacking)?;
    let values = whole(there(columns, "value")?.f64()?).ok_or_else(lacking)?;
    hours.iter().zip(&values).try_for_each(|(hour, value)| range::measured(*hour, *value))?;
    Ok((hours, values))
}

fn lacking() -> PolarsError {
    PolarsError::NoData("a metric lacks a value".into())
}

/// What one collection asked of CloudWatch, and of the events of RDS, for one region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetricPart {
    /// Account, for the file's name and because names of proxies are unique within it only.
    pub account: String,
    /// Region, likewise.
    pub region: String,
    /// When it was collected.
    pub collected_at: Timestamp,
    /// What could not be read, and so is missing.
    pub errors: Vec<Problem>,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Values, as of a collection: hour, value.
    fn values() -> impl Strategy<Value = Vec<(i64, f64)>> {
        prop::collection::vec((0i64..6, 0.0f64..9.0), 0..12)
    }

    fn measured(values: &[(i64, f64)]) -> Measured {
        let metric = name::DATABASE_CONNECTIONS.to_owned();
        let measure = Measure { subject: "arn".to_owned(), metric, statistic: Statistic::Maximum };
        let mut measured = Measured::default();
        values.iter().for_each(|(hour, value)| measured.add(&measure, *hour * HOUR, *value));
        measured
    }

    proptest! {
        #[test]
        fn collections_unite_in_any_order_and_however_often(one in values(), two in values(), three in values()) {
            let unite = |parts: &[&Vec<(i64, f64)>]| {
                let mut all = Measured::default();
                parts.iter().for_each(|part| all.join(measured(part)));
                all
            };
            let all = unite(&[&one, &two, &three]);
            prop_assert_eq!(&unite(&[&three, &one, &two, &one]), &all);
            let table = all.table().expect("a table");
            let column = |name: &str| table.column(name).map(|column| Some(column.clone()));
            prop_assert_eq!(&Measured::read(&column).expect("read"), &all);
            let mut again = Measured::default();
            all.clone().pieces().into_iter().for_each(|piece| again.join(piece));
            prop_assert_eq!(&again, &all);
        }
    }
}
