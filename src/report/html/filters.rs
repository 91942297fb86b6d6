//! What the table of instances is filtered by. Each filter lists the values that occur, and how often.

use std::collections::BTreeMap;

use super::row::Row;

/// A filter of the table.
pub(super) struct Filter {
    pub title: &'static str,
    /// The id of its element.
    pub id: &'static str,
    /// The column that holds its value.
    pub column: usize,
    /// The values as the column has them, with how many instances have each.
    pub values: Vec<(String, u64)>,
}

/// A filter: its title, its id, its column, and where a value is listed, by the value itself if that is the same.
type Kind = (&'static str, &'static str, usize, fn(&Row<'_>) -> (u8, String));

const KINDS: [Kind; 4] = [
    ("Verdict", "by-verdict", 1, |row| (row.rank(), row.rotation())),
    ("Account", "by-account", 12, |row| (0, row.it.id().account.clone())),
    ("Engine", "by-engine", 10, |row| (0, row.it.engine.clone())),
    ("Reason", "by-reason", 3, |row| (0, row.code().to_owned())),
];

/// The filters for these instances.
pub(super) fn of<'r>(rows: impl Iterator<Item = Row<'r>> + Clone) -> Vec<Filter> {
    KINDS
        .iter()
        .map(|(title, id, column, value)| {
            let mut values: BTreeMap<(u8, String), u64> = BTreeMap::new();
            for row in rows.clone() {
                *values.entry(value(&row)).or_default() += 1;
            }
            let values = values.into_iter().map(|((_, value), count)| (value, count)).collect();
            Filter { title, id, column: *column, values }
        })
        .collect()
}
