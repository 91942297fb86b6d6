//! The facts of one file: checked, and each text once.

use std::collections::BTreeMap;

use foldhash::HashMap;
use polars::prelude::{Column, Int64Chunked, PolarsError, PolarsResult};

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
    /// Reads the columns of an instance's facts, one at a time. Those of `wanted` logs count, each as it is in one source. Texts
    /// may take so many bytes, with every repetition of them.
    ///
    /// # Errors
    ///
    /// When a value is missing, out of range or of another instance, or a log has no facts: only those are wanted that have some.
    pub fn read(
        columns: ColumnReader<'_>,
        arn: &str,
        most: u64,
        wanted: &BTreeMap<String, String>,
    ) -> PolarsResult<Self> {
        let mut left = most;
        let mut checked = |name: &str| {
            let column = there(columns, name)?;
            if NEVER_MISSING.contains(&name) {
                range::none_missing(name, column.null_count())?;
            }
            let texts = Texts::of(column.str()?, Limits { text: range::MOST_TEXT, column: left });
            let texts = texts.ok_or_else(range::too_long)?;
            left -= texts.bytes;
            Ok(texts)
        };
        let instances = checked(column::INSTANCE)?;
        let sources = checked(column::SOURCE)?;
        let events = EVENT_TEXTS.into_iter().map(checked).collect::<PolarsResult<Vec<_>>>()?;
        range::instances(&instances, arn)?;
        let rows = rows(columns)?;
        let systems = there(columns, column::SYSTEM)?;
        range::none_missing(column::SYSTEM, systems.null_count())?;
        let systems = systems.bool()?.downcast_iter().flat_map(|array| array.values_iter()).collect();
        let logs = match columns(column::LOG)? {
            Some(logs) => Texts::of(logs.str()?, Limits::NONE).ok_or_else(range::too_long)?,
            // Older formats: each source belongs to one log.
            None => {
                let log_of: BTreeMap<&str, &str> =
                    wanted.iter().map(|(log, source)| (source.as_str(), log.as_str())).collect();
                sources.map(|source| log_of.get(source).copied())
            }
        };
        let is_kept = of_logs(&logs, &sources, wanted)?;
        Ok(Self { logs, sources, events, systems, rows, is_kept })
    }
}

/// Columns of text that have a value in each row.
const NEVER_MISSING: [&str; 2] = [column::SOURCE, column::EVENT];

/// Reads a column of a table by its name; none where the table has no such column.
pub(super) type ColumnReader<'c> = &'c dyn Fn(&str) -> PolarsResult<Option<Column>>;

/// A column that no table lacks.
pub(super) fn there(columns: ColumnReader<'_>, name: &str) -> PolarsResult<Column> {
    columns(name)?.ok_or_else(|| PolarsError::ColumnNotFound(name.to_owned().into()))
}

/// The numbers of the rows, which are checked.
fn rows(columns: ColumnReader<'_>) -> PolarsResult<Vec<Fact>> {
    let numbers = |name: &str| whole(there(columns, name)?.i64()?).ok_or_else(range::lacks_number);
    let (hours, firsts) = (numbers(column::HOUR)?, numbers(column::FIRST_SEEN)?);
    let lasts = numbers(column::LAST_SEEN)?;
    let counts = whole(there(columns, column::COUNT)?.u64()?).ok_or_else(range::lacks_number)?;
    let mut rows = Vec::with_capacity(hours.len());
    let mut events = 0u64;
    for (((hour, first_seen), last_seen), count) in hours.into_iter().zip(firsts).zip(lasts).zip(counts) {
        range::times(hour, first_seen, last_seen)?;
        events = range::add_events(events, count)?;
        let (log, source, event) = (0, 0, 0);
        rows.push(Fact { log, source, event, count, hour, first_seen, last_seen, open_from: None, open_to: None });
    }
    // Since format 1 had them.
    let (froms, tos) = (columns(column::OPEN_FROM)?, columns(column::OPEN_TO)?);
    set(&mut rows, froms.as_ref().map(Column::i64).transpose()?, |fact, hour| fact.open_from = hour);
    set(&mut rows, tos.as_ref().map(Column::i64).transpose()?, |fact, hour| fact.open_to = hour);
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
    let mut is_kept = Vec::with_capacity(logs.codes().len());
    // Rows of a log mostly stand together.
    for run in logs.codes().chunk_by(PartialEq::eq) {
        let of_log = run.first().and_then(|log| of_logs.get_mut(*log as usize));
        let wanted = of_log.as_ref().and_then(|(wanted, _)| *wanted);
        let of_run = sources.codes().iter().skip(is_kept.len()).take(run.len());
        let mut is_found = false;
        is_kept.extend(of_run.map(|source| {
            let is_kept = wanted == Some(*source);
            is_found |= is_kept;
            is_kept
        }));
        of_log.into_iter().for_each(|(_, found)| *found |= is_found);
    }
    if of_logs.iter().filter(|(_, found)| *found).count() < wanted.len() {
        return Err(PolarsError::NoData("facts of a log are missing".into()));
    }
    Ok(is_kept)
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::bundle::Facts;
    use crate::bundle::fact::{Key, Tallied, table, with_logs};

    const HOUR: i64 = 3600;

    fn text() -> impl Strategy<Value = Option<String>> {
        prop::option::of("[ab]{0,2}|[a-c\u{e9}]{12,40}")
    }

    /// Facts of some logs.
    pub fn rows() -> impl Strategy<Value = Vec<(Key, Tallied)>> {
        let what = (prop::sample::select(&["connected", "disconnected", "new"][..]), any::<bool>());
        let who = (text(), text(), text(), text());
        let open = prop::option::of((0i64..9, 0i64..9));
        let row = ("[xy]\\.log\\.[0-3]", 0i64..5, what, who, open, 1u64..9).prop_map(
            |(source, hour, (event, system), (user, database, address, application), open, count)| {
                let key = Key {
                    source,
                    hour: hour * HOUR,
                    event,
                    transport: (event == "connected").then_some("tls"),
                    tls_version: None,
                    cipher: user.clone(),
                    user,
                    database,
                    address,
                    application,
                    auth_method: None,
                    cause: None,
                    system,
                    open: open.map(|(from, more)| (from * HOUR, (from + more) * HOUR)),
                };
                let first_seen = hour * HOUR * 1_000_000 + count as i64;
                (key, Tallied { count, first_seen, last_seen: first_seen + 7 })
            },
        );
        prop::collection::vec(row, 1..40)
    }

    /// What is in facts, row by row.
    fn shown(facts: &Facts) -> Vec<String> {
        facts
            .with_events()
            .map(|(fact, event)| {
                format!(
                    "{} {} {event:?} {:?}",
                    facts.source(fact),
                    facts.log(fact),
                    (fact.count, fact.hour, fact.first_seen, fact.last_seen, fact.open_from, fact.open_to)
                )
            })
            .collect()
    }

    proptest! {
        #[test]
        fn facts_of_wanted_logs_are_read_as_they_were_written(rows in rows(), more in rows(), left_out in 0usize..3) {
            let (mut found, mut expected) = (Facts::default(), Vec::new());
            // Files of other logs follow each other.
            let renamed = more.into_iter().map(|(key, tallied)| (Key { source: format!("z{}", key.source), ..key }, tallied));
            for rows in [rows, renamed.collect()] {
                let sources: std::collections::BTreeSet<_> = rows.iter().map(|(key, _)| key.source.as_str()).collect();
                let log_of: BTreeMap<&str, &str> = sources.iter().map(|source| (*source, *source)).collect();
                let table = with_logs(table("arn", &rows).expect("a table"), &log_of).expect("a table");
                let wanted: BTreeMap<String, String> = sources.iter().skip(left_out).map(|log| ((*log).to_owned(), (*log).to_owned())).collect();
                let columns = |name: &str| Ok(table.column(name).ok().cloned());
                found.add(FactFile::read(&columns, "arn", u64::MAX, &wanted).expect("facts"));
                expected.extend(rows.into_iter().filter(|(key, _)| wanted.contains_key(&key.source)));
            }
            prop_assert_eq!(shown(&found), shown(&Facts::of(&expected)));
        }
    }

    #[test]
    fn what_is_not_as_it_was_written_is_refused() {
        let row = |change: fn(&mut Key, &mut Tallied)| {
            let mut key = Key {
                source: "a.log".to_owned(),
                hour: HOUR,
                event: "connected",
                transport: None,
                tls_version: None,
                cipher: None,
                user: None,
                database: None,
                address: None,
                application: None,
                auth_method: None,
                cause: None,
                system: false,
                open: None,
            };
            let mut tallied = Tallied { count: 1, first_seen: 3_600_000_000, last_seen: 7_199_999_999 };
            change(&mut key, &mut tallied);
            let table = with_logs(table("arn", &[(key, tallied)]).expect("a table"), &BTreeMap::from([("a.log", "a")]));
            let (table, wanted) = (table.expect("a table"), BTreeMap::from([("a".to_owned(), "a.log".to_owned())]));
            FactFile::read(&|name| Ok(table.column(name).ok().cloned()), "arn", 60, &wanted).is_ok()
        };
        assert!(row(|_, _| {}));
        assert!(!row(|key, _| key.hour = HOUR + 1));
        assert!(!row(|key, _| key.hour = i64::MAX / HOUR * HOUR));
        assert!(!row(|_, tallied| tallied.count = 0));
        assert!(!row(|_, tallied| tallied.first_seen -= 1), "before its hour");
        assert!(!row(|_, tallied| tallied.last_seen += 1), "behind its hour");
        assert!(!row(|key, _| key.open = Some((2 * HOUR, HOUR))));
        assert!(!row(|key, _| key.user = Some("x".repeat(60))));
        assert!(!row(|key, _| key.source = "b.log".to_owned()), "facts of a log are missing");
    }
}
