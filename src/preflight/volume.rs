//! The volume of the logs, and its cost.

use serde::Serialize;
use ssl_usage_parsers::Logs;

use crate::bundle::Measured;
use crate::bundle::metric::{HOUR, Statistic, name};
use crate::inventory::InstanceProfile;
use crate::usage::Usage;
use crate::window::Window;

/// Price of a gigabyte that CloudWatch Logs ingests, in dollars.
///
/// Source: "Amazon CloudWatch pricing", logs of the standard class in us-east-1 in 2026; 0.76 in Tokyo.
const DOLLARS_A_GIGABYTE: f64 = 0.50;

const DAY: f64 = 24.0 * HOUR as f64;

/// The volume of the logs of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Volume {
    /// Sessions a day; none where unknown.
    pub sessions_a_day: Option<u64>,
    /// The source of that count.
    pub counted_by: Option<Counted>,
    /// Bytes a session, about; none where every statement is written.
    pub bytes_a_session: Option<u64>,
    /// Bytes a day, about; none where unknown.
    pub bytes_a_day: Option<u64>,
    /// Cost of the ingestion by CloudWatch Logs in dollars a day, at the price of the least expensive regions; 0 where
    /// nothing is exported, none where unknown.
    pub dollars_a_day: Option<f64>,
}

/// The source of a count of sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Counted {
    /// The logs, for the time that they cover.
    Logs,
    /// The rise of open sessions within each hour, by CloudWatch: a lower bound.
    MetricAtLeast,
}

/// Sessions a day, and the source of the count.
pub(super) type Sessions = Option<(u64, Counted)>;

/// Sessions a day of an instance. Logs without sessions give no count: logging may have been off.
pub(super) fn sessions(profile: &InstanceProfile, usage: &Usage, measured: &Measured, window: Window) -> Sessions {
    let seen: f64 = usage.coverage.seen.iter().map(|span| span.length().as_secs_f64()).sum();
    let logged = usage.connections.sum() + usage.system.sum();
    if seen > 0.0 && logged > 0 {
        return Some(((logged as f64 / seen * DAY).ceil() as u64, Counted::Logs));
    }
    let series = |statistic| measured.series(&profile.arn, name::DATABASE_CONNECTIONS, statistic);
    let (lowest, highest) = (series(Statistic::Minimum)?, series(Statistic::Maximum)?);
    let inside = |hour: i64| (window.from.as_second()..window.to.as_second()).contains(&hour);
    let rises: Vec<f64> = highest
        .iter()
        .filter(|(hour, _)| inside(*hour))
        .filter_map(|(hour, high)| Some((high - lowest.get(hour)?).max(0.0)))
        .collect();
    let risen: f64 = rises.iter().sum();
    (risen > 0.0).then(|| ((risen / (rises.len() as f64 * HOUR as f64) * DAY).ceil() as u64, Counted::MetricAtLeast))
}

impl Volume {
    pub(super) fn of(logs: &Logs, sessions: Sessions, exported: bool) -> Self {
        let (sessions_a_day, counted_by) = sessions.unzip();
        let bytes_a_day = sessions_a_day.zip(logs.bytes_a_session).map(|(count, bytes)| count.saturating_mul(bytes));
        let dollars = |bytes: u64| bytes as f64 / 1e9 * DOLLARS_A_GIGABYTE;
        let dollars_a_day = if exported { bytes_a_day.map(dollars) } else { Some(0.0) };
        Self { sessions_a_day, counted_by, bytes_a_session: logs.bytes_a_session, bytes_a_day, dollars_a_day }
    }
}
