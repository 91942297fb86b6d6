//! Which certificates end in which month.

use std::collections::BTreeMap;

use crate::report::Report;
use crate::report::model::Instance;
use crate::verdict::Rotation;

/// Instances that a month names.
const NAMED: usize = 8;

/// The certificates that end in one month.
#[derive(Default)]
pub(super) struct Month<'r> {
    pub label: String,
    /// All of it is past.
    pub past: bool,
    pub required: u64,
    pub deferrable: u64,
    pub optional: u64,
    /// The first to end: number, name and day.
    pub first: Vec<(usize, &'r str, Option<String>)>,
}

impl Month<'_> {
    pub fn sum(&self) -> u64 {
        self.required + self.deferrable + self.optional
    }

    pub fn left_out(&self) -> u64 {
        self.sum().saturating_sub(self.first.len() as u64)
    }

    /// Class, place and width of what is drawn, in a thousandth of the widest month.
    pub fn bars(&self, most: &u64) -> impl Iterator<Item = (&'static str, u64, u64)> {
        let parts = [("required", self.required), ("deferrable", self.deferrable), ("optional", self.optional)];
        let mut end = 0;
        parts.into_iter().filter(|(_, count)| *count > 0).map(move |(class, count)| {
            let begin = end;
            end += count.saturating_mul(1000) / (*most).max(1);
            (class, begin, end - begin)
        })
    }
}

/// The months in which certificates end, those that nothing is known of last.
pub(super) fn of(report: &Report) -> Vec<Month<'_>> {
    let end = |it: &Instance| it.certificate.ends().flatten().min();
    let mut ends: Vec<_> = report.instances.iter().enumerate().map(|(number, it)| (end(it), number, it)).collect();
    ends.sort_by_key(|(end, number, _)| (end.is_none(), *end, *number));
    let mut months: BTreeMap<(bool, String), Month<'_>> = BTreeMap::new();
    for (end, number, it) in ends {
        let label = end.map_or_else(|| "unknown".to_owned(), |end| end.strftime("%Y-%m").to_string());
        let month = months.entry((end.is_none(), label.clone())).or_insert_with(|| Month { label, ..Month::default() });
        month.past = end.is_some_and(|end| end <= report.clock);
        match it.rotation {
            Rotation::Required => month.required += 1,
            Rotation::Deferrable => month.deferrable += 1,
            Rotation::Optional => month.optional += 1,
        }
        if month.first.len() < NAMED {
            month.first.push((number, &it.id().instance, end.map(|end| end.strftime("%m-%d").to_string())));
        }
    }
    months.into_values().collect()
}
