//! Combinations of the values of columns: each distinct one has a number.

use foldhash::HashMap;

/// Most combinations of two numbers that a table without hashes may hold: 4 MiB.
const MOST_SLOTS: usize = 1 << 20;

/// The distinct combinations of the values of some columns.
pub(super) struct Combined {
    /// Of each row, the number of its combination.
    pub codes: Vec<u32>,
    /// The first row of each combination.
    pub first_rows: Vec<usize>,
}

impl Combined {
    /// Numbers the combinations in the order of their first rows. Columns are codes of values, and how many values there are.
    pub fn of<'c>(rows: usize, columns: impl Iterator<Item = (&'c [u32], usize)>) -> Self {
        let (mut codes, mut count) = (vec![0; rows], usize::from(rows > 0));
        for (column, values) in columns.filter(|(_, values)| *values > 1) {
            count = combine(&mut codes, count, column, values);
        }
        let mut first_rows = Vec::with_capacity(count);
        for (row, code) in codes.iter().enumerate() {
            if *code as usize == first_rows.len() {
                first_rows.push(row);
            }
        }
        Self { codes, first_rows }
    }
}

/// Combines numbers, of which there are `count`, with those of another column. Returns how many combinations there are.
fn combine(codes: &mut [u32], count: usize, column: &[u32], values: usize) -> usize {
    let mut next = 0;
    let mut new = || {
        next += 1;
        next - 1
    };
    let pairs = codes.iter_mut().zip(column);
    match count.checked_mul(values).filter(|slots| *slots <= MOST_SLOTS) {
        Some(slots) => {
            let mut table = vec![u32::MAX; slots];
            for (code, value) in pairs {
                if let Some(slot) = table.get_mut(*code as usize * values + *value as usize) {
                    if *slot == u32::MAX {
                        *slot = new();
                    }
                    *code = *slot;
                }
            }
        }
        None => {
            let mut table: HashMap<(u32, u32), u32> = HashMap::default();
            for (code, value) in pairs {
                *code = *table.entry((*code, *value)).or_insert_with(&mut new);
            }
        }
    }
    next as usize
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn rows_share_a_number_if_and_only_if_all_columns_are_equal(
            rows in prop::collection::vec((0u32..3, 0u32..2000, 0u32..2000), 0..80)
        ) {
            let column = |of: fn(&(u32, u32, u32)) -> u32| rows.iter().map(of).collect::<Vec<_>>();
            let columns = [(column(|row| row.0), 3), (column(|row| row.1), 2000), (column(|row| row.2), 2000)];
            let found = Combined::of(rows.len(), columns.iter().map(|(codes, values)| (codes.as_slice(), *values)));
            let mut numbers = BTreeMap::new();
            let expected: Vec<u32> = rows.iter().map(|row| {
                let next = numbers.len() as u32;
                *numbers.entry(row).or_insert(next)
            }).collect();
            prop_assert_eq!(&found.codes, &expected);
            let firsts: Vec<_> = (0..numbers.len() as u32).map(|number| expected.iter().position(|code| *code == number).unwrap()).collect();
            prop_assert_eq!(found.first_rows, firsts);
        }
    }
}
