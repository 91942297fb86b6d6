//! Columns of tables: text with each distinct one once, for tables repeat few texts in many rows; and numbers.

use std::sync::Arc;

use foldhash::HashMap;
use polars::prelude::{ChunkedArray, PolarsNumericType, StringChunked};

/// A column of text: its distinct values, and of each row which.
#[derive(Debug, Default)]
pub(super) struct Texts {
    /// The values. A missing one is a value too.
    values: Vec<Option<Arc<str>>>,
    codes: Vec<u32>,
    /// Bytes of all rows together.
    pub bytes: u64,
}

/// The longest text of a column, and the bytes of all its rows together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub text: usize,
    pub column: u64,
}

impl Limits {
    /// What a table may hold limits it already.
    pub const NONE: Self = Self { text: usize::MAX, column: u64::MAX };
}

impl Texts {
    /// Reads a column; none where a text is too long, or all together are. No more is copied than these limits.
    pub fn of(column: &StringChunked, most: Limits) -> Option<Self> {
        let mut codes = vec![0; column.len()];
        let mut rest = codes.as_mut_slice();
        let mut known = Known { codes: HashMap::default(), values: Vec::new(), most, bytes: 0 };
        for (array, validity) in column.downcast_iter().zip(column.iter_validities()) {
            let (rows, behind) = rest.split_at_mut_checked(array.len())?;
            rest = behind;
            let text_of = |row: usize| array.get(row);
            let views = array.views().iter().map(|view| (view.as_u128(), view.length));
            match validity {
                None => known.add(views, text_of, rows)?,
                // A missing text has a view too, of no meaning.
                Some(validity) => {
                    let there = validity.iter().zip(views);
                    let views = there.map(|(is_there, view)| if is_there { view } else { (Recent::MISSING, 0) });
                    known.add(views, text_of, rows)?;
                }
            }
        }
        let Known { values, bytes, .. } = known;
        (bytes <= most.column).then_some(Self { values, codes, bytes })
    }

    /// The same rows with other values.
    pub fn map<'t>(&self, other: impl Fn(&str) -> Option<&'t str>) -> Self {
        let values = self.values.iter().map(|value| value.as_deref().and_then(&other).map(Arc::from)).collect();
        Self { values, codes: self.codes.clone(), bytes: 0 }
    }

    /// The distinct values, by their codes.
    pub fn values(&self) -> &[Option<Arc<str>>] {
        &self.values
    }

    /// Of each row, the index of its value.
    pub fn codes(&self) -> &[u32] {
        &self.codes
    }

    /// The value that has a code.
    pub fn value(&self, code: u32) -> Option<&Arc<str>> {
        self.values.get(code as usize)?.as_ref()
    }

    /// The value of a row.
    pub fn of_row(&self, row: usize) -> Option<&Arc<str>> {
        self.value(*self.codes.get(row)?)
    }
}

/// The numbers of a column; none where a row has none.
pub(super) fn whole<T: PolarsNumericType>(column: &ChunkedArray<T>) -> Option<Vec<T::Native>> {
    let mut values = Vec::with_capacity(column.len());
    column.downcast_iter().for_each(|array| values.extend_from_slice(array.values()));
    (column.null_count() == 0).then_some(values)
}

/// The distinct texts of a column so far.
struct Known<'c> {
    codes: HashMap<Option<&'c str>, u32>,
    values: Vec<Option<Arc<str>>>,
    most: Limits,
    /// Bytes of all rows so far.
    bytes: u64,
}

impl<'c> Known<'c> {
    /// Adds the rows of an array, by the view and the length of each, and its text; none where they are too long.
    fn add(
        &mut self,
        views: impl Iterator<Item = (u128, u32)>,
        text_of: impl Fn(usize) -> Option<&'c str>,
        codes: &mut [u32],
    ) -> Option<()> {
        let mut recent = Recent::new();
        let mut bytes = self.bytes;
        for (row, (code, (view, length))) in codes.iter_mut().zip(views).enumerate() {
            bytes += u64::from(length);
            *code = match recent.code_of(view) {
                Some(code) => code,
                None => {
                    let code = self.code_of(text_of(row), bytes)?;
                    recent.add(view, code);
                    code
                }
            };
        }
        self.bytes = bytes;
        Some(())
    }

    /// The code of a text, up to which all rows have so many bytes. It is called seldom: apart, it leaves the loop over the rows
    /// short.
    #[inline(never)]
    fn code_of(&mut self, text: Option<&'c str>, bytes: u64) -> Option<u32> {
        if text.map_or(0, str::len) > self.most.text || bytes > self.most.column {
            return None;
        }
        let next = u32::try_from(self.values.len()).ok()?;
        let code = *self.codes.entry(text).or_insert(next);
        if code == next {
            self.values.push(text.map(Arc::from));
        }
        Some(code)
    }
}

/// The codes of recent texts, by their views: equal views of one array are equal texts. Another view of the same text is only
/// slower.
struct Recent {
    views: Box<[u128; Self::SLOTS]>,
    codes: Box<[u32; Self::SLOTS]>,
}

impl Recent {
    /// So many that they stay in the first cache of a core.
    const SLOTS: usize = 512;
    /// No view has the length of these two, because a file has no such text.
    const MISSING: u128 = u128::MAX;
    const EMPTY: u128 = u128::MAX - 1;

    fn new() -> Self {
        Self { views: Box::new([Self::EMPTY; Self::SLOTS]), codes: Box::new([0; Self::SLOTS]) }
    }

    fn slot(view: u128) -> usize {
        let folded = (view as u64) ^ ((view >> 64) as u64);
        (folded.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 48) as usize % Self::SLOTS
    }

    fn code_of(&self, view: u128) -> Option<u32> {
        let slot = Self::slot(view);
        let (known, code) = (self.views.get(slot)?, self.codes.get(slot)?);
        (*known == view).then_some(*code)
    }

    fn add(&mut self, view: u128, code: u32) {
        let slot = Self::slot(view);
        if let (Some(known), Some(slot)) = (self.views.get_mut(slot), self.codes.get_mut(slot)) {
            (*known, *slot) = (view, code);
        }
    }
}

#[cfg(test)]
mod tests {
    use polars::prelude::{IntoSeries, NewChunkedArray};
    use proptest::prelude::*;

    use super::*;

    fn values() -> impl Strategy<Value = Vec<Option<String>>> {
        prop::collection::vec(prop::option::of("[ab\u{e9}]{0,3}|[ab]{11,14}"), 0..60)
    }

    fn read(texts: &Texts) -> Vec<Option<String>> {
        (0..texts.codes().len()).map(|row| texts.of_row(row).map(|text| text.to_string())).collect()
    }

    proptest! {
        /// Texts of any length, in one piece or two.
        #[test]
        fn a_column_is_read_as_it_is(one in values(), two in values()) {
            let column = |values: &[Option<String>]| StringChunked::from_iter_options("text".into(), values.iter().map(Option::as_deref));
            let mut both = column(&one).into_series();
            both.append(&column(&two).into_series()).expect("texts");
            let texts = Texts::of(both.str().expect("texts"), Limits::NONE).expect("in limits");
            let all = [one, two].concat();
            prop_assert_eq!(read(&texts), all.clone());
            let distinct: std::collections::BTreeSet<_> = all.iter().collect();
            prop_assert_eq!(texts.values().len(), distinct.len());
            prop_assert_eq!(texts.bytes, all.iter().flatten().map(|text| text.len() as u64).sum::<u64>());
        }
    }

    #[test]
    fn too_long_a_text_or_column_is_refused() {
        let column = StringChunked::from_iter_options("text".into(), [Some("abcdef"); 4].into_iter());
        let of = |text, column_most| Texts::of(&column, Limits { text, column: column_most }).is_some();
        assert_eq!([of(6, 24), of(5, 24), of(6, 23)], [true, false, false]);
    }
}
