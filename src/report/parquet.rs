//! Parquet: the rows of the CSV, with types. Times are timestamps in microseconds, UTC.

use std::io::{self, Write};

use polars::prelude::{
    Column, DataFrame, Int64Chunked, IntoColumn, IntoSeries, NamedFrom, NewChunkedArray, ParquetWriter, Series,
    TimeUnit, TimeZone,
};

use super::Report;
use super::columns::{Cell, Kind, Rows, columns, rows};

/// The values of a column, of its type.
enum Values {
    Text(Vec<Option<String>>),
    Count(Vec<u64>),
    Share(Vec<f64>),
    Flag(Vec<bool>),
    Time(Vec<Option<i64>>),
}

pub(super) fn write(report: &Report, of: Rows, out: &mut dyn Write) -> io::Result<()> {
    let titles = columns(of);
    let mut values: Vec<Values> = titles.iter().map(|(_, kind)| Values::of(*kind)).collect();
    let mut height = 0;
    for row in rows(report, of) {
        height += 1;
        values.iter_mut().zip(row).for_each(|(column, cell)| column.push(cell));
    }
    let columns = titles.into_iter().zip(values).map(|((name, _), values)| values.named(name)).collect();
    let mut table = DataFrame::new(height, columns).map_err(io::Error::other)?;
    ParquetWriter::new(out).finish(&mut table).map(drop).map_err(io::Error::other)
}

impl Values {
    fn of(kind: Kind) -> Self {
        match kind {
            Kind::Text | Kind::List | Kind::Account | Kind::Version => Self::Text(Vec::new()),
            Kind::Count => Self::Count(Vec::new()),
            Kind::Share => Self::Share(Vec::new()),
            Kind::Flag => Self::Flag(Vec::new()),
            Kind::Time => Self::Time(Vec::new()),
        }
    }

    /// Adds a cell. A column's cells are all of its type.
    fn push(&mut self, cell: Cell) {
        match (self, cell) {
            (Self::Text(values), Cell::Text(text)) => values.push(text),
            (Self::Text(values), Cell::List(words)) => values.push(Some(words.join(" "))),
            (Self::Text(values), Cell::Account(text) | Cell::Version(text)) => values.push(Some(text)),
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
            Self::Time(values) => Int64Chunked::from_iter_options(name, values.into_iter())
                .into_datetime(TimeUnit::Microseconds, Some(TimeZone::UTC))
                .into_series(),
        }
        .into_column()
    }
}
