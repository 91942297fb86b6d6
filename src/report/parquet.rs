//! Parquet: the rows of the CSV, with types. Times are microseconds since 1970 (UTC), as in a bundle's facts.

use std::io::{self, Write};

use polars::prelude::{Column, DataFrame, IntoColumn, NamedFrom, ParquetWriter, Series};

use super::Report;
use super::columns::{Cell, Rows, names, rows};

/// The values of a column, of the type that its first cell has.
enum Values {
    Text(Vec<Option<String>>),
    Count(Vec<u64>),
    Share(Vec<f64>),
    Flag(Vec<bool>),
    Time(Vec<Option<i64>>),
}

pub(super) fn write(report: &Report, of: Rows, out: &mut dyn Write) -> io::Result<()> {
    let mut columns: Vec<Values> = Vec::new();
    let mut height = 0;
    for row in rows(report, of) {
        height += 1;
        if columns.is_empty() {
            columns.extend(row.iter().map(Values::like));
        }
        columns.iter_mut().zip(row).for_each(|(column, cell)| column.push(cell));
    }
    // Of a table without rows, the names at least.
    columns.resize_with(names(of).len(), || Values::Text(Vec::new()));
    let columns = names(of).into_iter().zip(columns).map(|(name, values)| values.named(name)).collect();
    let mut table = DataFrame::new(height, columns).map_err(io::Error::other)?;
    ParquetWriter::new(out).finish(&mut table).map(drop).map_err(io::Error::other)
}

impl Values {
    fn like(cell: &Cell) -> Self {
        match cell {
            Cell::Text(_) => Self::Text(Vec::new()),
            Cell::Count(_) => Self::Count(Vec::new()),
            Cell::Share(_) => Self::Share(Vec::new()),
            Cell::Flag(_) => Self::Flag(Vec::new()),
            Cell::Time(_) => Self::Time(Vec::new()),
        }
    }

    /// Adds a cell. A column's cells are all of one type, for one function makes them.
    fn push(&mut self, cell: Cell) {
        match (self, cell) {
            (Self::Text(values), Cell::Text(text)) => values.push(text),
            (Self::Count(values), Cell::Count(count)) => values.push(count),
            (Self::Share(values), Cell::Share(share)) => values.push(share),
            (Self::Flag(values), Cell::Flag(flag)) => values.push(flag),
            (Self::Time(values), Cell::Time(time)) => values.push(time.map(|time| time.as_microsecond())),
            _ => {}
        }
    }

    fn named(self, name: &str) -> Column {
        let name = name.into();
        match self {
            Self::Text(values) => Series::new(name, values),
            Self::Count(values) => Series::new(name, values),
            Self::Share(values) => Series::new(name, values),
            Self::Flag(values) => Series::new(name, values),
            Self::Time(values) => Series::new(name, values),
        }
        .into_column()
    }
}
