//! CloudWatch metrics by hour.

use std::collections::BTreeMap;

use jiff::Timestamp;
use polars::prelude::{Column, DataFrame, IntoColumn, NamedFrom, PolarsError, PolarsResult, Series as Values};
use serde::{Deserialize, Serialize};

use super::range;
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

/// Values by the start of their hour, in seconds since 1970 (UTC). An hour that is not there is unknown; not zero.
pub type Series = BTreeMap<i64, f64>;

/// Series of instances and proxies.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measured(BTreeMap<Measure, Series>);

impl Measured {
    /// Adds a value. Where there is one already the higher counts: an hour that was asked for before its end lacks what
    /// came after, and of two answers the one that shows more clients is the careful one. So the order makes no
    /// difference.
    pub fn add(&mut self, measure: &Measure, hour: i64, value: f64) {
        let series = match self.0.get_mut(measure) {
            Some(series) => series,
            None => self.0.entry(measure.clone()).or_default(),
        };
        series.entry(hour).and_modify(|known| *known = known.max(value)).or_insert(value);
    }

    /// Adds all values of another.
    pub fn join(&mut self, other: &Self) {
        for (measure, series) in &other.0 {
            for (hour, value) in series {
                self.add(measure, *hour, *value);
            }
        }
    }

    /// The same, with no copy of what is unknown here: a fleet's values of a year fill much memory.
    pub(super) fn absorb(&mut self, other: Self) {
        let (known, new): (BTreeMap<_, _>, _) =
            other.0.into_iter().partition(|(measure, _)| self.0.contains_key(measure));
        self.0.extend::<BTreeMap<_, _>>(new);
        self.join(&Self(known));
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
        self.0.iter().flat_map(|(measure, series)| series.iter().map(move |(hour, value)| (measure, *hour, *value)))
    }

    /// The series of a subject; none when nothing is known.
    pub fn series(&self, subject: &str, metric: &str, statistic: Statistic) -> Option<&Series> {
        self.0.get(&Measure { subject: subject.to_owned(), metric: metric.to_owned(), statistic })
    }

    /// Takes out the series of an instance, and copies those of the proxies that it may share with others.
    pub(super) fn take(&mut self, instance: &str, proxies: &[String]) -> Self {
        let shared = self.0.iter().filter(|(measure, _)| proxies.contains(&measure.subject));
        let mut taken: BTreeMap<_, _> = shared.map(|(measure, series)| (measure.clone(), series.clone())).collect();
        taken.extend(self.0.extract_if(.., |measure, _| measure.subject == instance));
        Self(taken)
    }

    /// The table: a row for each value.
    ///
    /// # Errors
    ///
    /// When polars refuses the columns, which are all of one length.
    pub(super) fn table(&self) -> PolarsResult<DataFrame> {
        let rows = || self.0.iter().flat_map(|(measure, series)| series.iter().map(move |row| (measure, row)));
        let text = |name: &str, value: fn(&Measure) -> &str| -> Column {
            Values::new(name.into(), rows().map(|(measure, _)| value(measure)).collect::<Vec<_>>()).into_column()
        };
        let hours: Vec<i64> = rows().map(|(_, (hour, _))| *hour).collect();
        let values: Vec<f64> = rows().map(|(_, (_, value))| *value).collect();
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

    /// Reads a table. A statistic of a newer version is left out; nothing else is.
    ///
    /// # Errors
    ///
    /// When a column is not there or of another type, or a value is missing or out of range.
    pub(super) fn read(table: &DataFrame) -> PolarsResult<Self> {
        let text = |name: &str| table.column(name)?.str();
        let (subjects, metrics, statistics) = (text("subject")?, text("metric")?, text("statistic")?);
        let (hours, values) = (table.column("hour")?.i64()?, table.column("value")?.f64()?);
        let mut measured = Self::default();
        for row in 0..table.height() {
            let (Some(subject), Some(metric), Some(statistic), Some(hour), Some(value)) =
                (subjects.get(row), metrics.get(row), statistics.get(row), hours.get(row), values.get(row))
            else {
                return Err(PolarsError::NoData("a metric lacks a value".into()));
            };
            range::measured(hour, value)?;
            let Some(statistic) = Statistic::ALL.into_iter().find(|known| known.name() == statistic) else { continue };
            let measure = Measure { subject: subject.to_owned(), metric: metric.to_owned(), statistic };
            measured.add(&measure, hour, value);
        }
        Ok(measured)
    }
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
                parts.iter().for_each(|part| all.join(&measured(part)));
                all
            };
            let all = unite(&[&one, &two, &three]);
            prop_assert_eq!(&unite(&[&three, &one, &two, &one]), &all);
            prop_assert_eq!(&Measured::read(&all.table().expect("a table")).expect("read"), &all);
            let mut again = Measured::default();
            all.clone().pieces().into_iter().for_each(|piece| again.absorb(piece));
            prop_assert_eq!(&again, &all);
        }
    }
}
