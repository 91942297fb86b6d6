//! The facts of one file: checked, and each text once.

use std::collections::{BTreeMap, HashMap};

use polars::prelude::{Column, DataFrame, Int64Chunked, PolarsError, PolarsResult};

use super::fact::column;
use super::facts::{EVENT_TEXTS, Fact};
use super::range;
use super::texts::{Limits, Texts, whole};

/// The facts of one file.
pub(super) struct FactFile {
    /// Log of each row.
    pub logs: Texts,
    /// Log file of each row.
    pub sources: Texts,
    /// Columns of [`EVENT_TEXTS`].
    pub events: Vec<Texts>,
    /// Whether a row is of AWS's own client.
    pub systems: Vec<bool>,
    /// The rows. Their numbers of logs, sources and events are not known yet.
    pub rows: Vec<Fact>,
    /// Whether a row counts.
    pub is_kept: Vec<bool>,
}

impl FactFile {
    /// Reads the table of an instance's facts. Those of `wanted` logs count, each as it is in one source. Texts may take so many
    /// bytes, with every repetition of them.
    ///
    /// # Errors
    ///
    /// When a value is missing, out of range or of another instance, or a log has no facts: only those are wanted that have some.
    pub fn read(table: &DataFrame, arn: &str, most: u64, wanted: &BTreeMap<String, String>) -> PolarsResult<Self> {
        let mut left = most;
        let mut checked = |name: &str| {
            let texts = Texts::of(table.column(name)?.str()?, Limits { text: range::MOST_TEXT, column: left });
            let texts = texts.ok_or_else(range::too_long)?;
            left -= texts.bytes;
            Ok(texts)
        };
        let instances = checked(column::INSTANCE)?;
        let sources = checked(column::SOURCE)?;
        let events = EVENT_TEXTS.into_iter().map(checked).collect::<PolarsResult<Vec<_>>>()?;
        range::instances(&instances, arn)?;
        let rows = rows(table)?;
        let systems = table.column(column::SYSTEM)?.bool()?;
        let systems = systems.downcast_iter().flat_map(|array| array.values_iter()).collect();
        let logs = match table.column(column::LOG) {
            Ok(logs) => Texts::of(logs.str()?, Limits::NONE).ok_or_else(range::too_long)?,
            // Older formats: each source belongs to one log.
            Err(_) => {
                let log_of: BTreeMap<&str, &str> =
                    wanted.iter().map(|(log, source)| (source.as_str(), log.as_str())).collect();
                sources.map(|source| log_of.get(source).copied())
            }
        };
        let is_kept = of_logs(&logs, &sources, wanted)?;
        Ok(Self { logs, sources, events, systems, rows, is_kept })
    }
}

/// The numbers of the rows, which are checked.
fn rows(table: &DataFrame) -> PolarsResult<Vec<Fact>> {
    for name in [column::SOURCE, column::EVENT, column::SYSTEM] {
        range::none_missing(name, table.column(name)?.null_count())?;
    }
    let numbers = |name: &str| whole(table.column(name)?.i64()?).ok_or_else(range::lacks_number);
    let (hours, firsts) = (numbers(column::HOUR)?, numbers(column::FIRST_SEEN)?);
    let lasts = numbers(column::LAST_SEEN)?;
    let counts = whole(table.column(column::COUNT)?.u64()?).ok_or_else(range::lacks_number)?;
    let mut rows = Vec::with_capacity(table.height());
    let mut events = 0u64;
    for (((hour, first_seen), last_seen), count) in hours.into_iter().zip(firsts).zip(lasts).zip(counts) {
        range::times(hour, first_seen, last_seen)?;
        events = range::add_events(events, count)?;
        let (log, source, event) = (0, 0, 0);
        rows.push(Fact { log, source, event, count, hour, first_seen, last_seen, open_from: None, open_to: None });
    }
    // Since format 1 had them.
    let open = |name: &str| table.column(name).ok().map(Column::i64).transpose();
    let (froms, tos) = (open(column::OPEN_FROM)?, open(column::OPEN_TO)?);
    set(&mut rows, froms, |fact, hour| fact.open_from = hour);
    set(&mut rows, tos, |fact, hour| fact.open_to = hour);
    if froms.is_some() && tos.is_some() {
        rows.iter().try_for_each(|fact| range::open_hours(fact.open_from, fact.open_to))?;
    }
    Ok(rows)
}

/// Sets what most columns have of no row.
fn set(rows: &mut [Fact], column: Option<&Int64Chunked>, set: impl Fn(&mut Fact, Option<i64>)) {
    if let Some(column) = column.filter(|column| column.null_count() < column.len()) {
        let values = column.downcast_iter().flat_map(|array| array.iter());
        rows.iter_mut().zip(values).for_each(|(fact, value)| set(fact, value.copied()));
    }
}

/// Which rows are of wanted logs, each as it is in one source.
fn of_logs(logs: &Texts, sources: &Texts, wanted: &BTreeMap<String, String>) -> PolarsResult<Vec<bool>> {
    let codes: HashMap<&str, u32> =
        sources.values().iter().zip(0..).filter_map(|(source, code)| Some((source.as_deref()?, code))).collect();
    let wanted_source: HashMap<&str, &str> =
        wanted.iter().map(|(log, source)| (log.as_str(), source.as_str())).collect();
    let source_of = |log: &str| codes.get(wanted_source.get(log)?).copied();
    let mut of_logs: Vec<(Option<u32>, bool)> =
        logs.values().iter().map(|log| (log.as_deref().and_then(source_of), false)).collect();
    let mut is_wanted = |(log, source): (&u32, &u32)| match of_logs.get_mut(*log as usize) {
        Some((wanted, found)) if *wanted == Some(*source) => {
            *found = true;
            true
        }
        _ => false,
    };
    let is_kept = logs.codes().iter().zip(sources.codes()).map(&mut is_wanted).collect();
    if of_logs.iter().filter(|(_, found)| *found).count() < wanted.len() {
        return Err(PolarsError::NoData("facts of a log are missing".into()));
    }
    Ok(is_kept)
}
