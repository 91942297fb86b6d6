//! What the report covers: its accounts and regions, and who collected the evidence.

use std::collections::BTreeMap;

use crate::report::Report;
use crate::text::plural;

/// Most names that the page lists without a click.
const LISTED: usize = 4;

/// Things of one kind that the report covers.
pub(super) struct Covered<'r> {
    pub title: &'static str,
    /// How many there are, in words.
    pub count: String,
    /// Each with the number of its instances; none where that says nothing.
    pub names: Vec<(&'r str, Option<String>)>,
}

impl Covered<'_> {
    /// Whether there are too many to list them all the time.
    pub fn is_long(&self) -> bool {
        self.names.len() > LISTED
    }
}

/// Accounts, regions and callers, without what is not known.
pub(super) fn of(report: &Report) -> Vec<Covered<'_>> {
    let (mut accounts, mut regions) = (BTreeMap::new(), BTreeMap::new());
    for collection in &report.collections {
        accounts.entry(collection.of.account.as_deref().unwrap_or("unknown")).or_insert(0);
        regions.entry(collection.of.region.as_str()).or_insert(0);
    }
    for row in &report.instances {
        *accounts.entry(row.id().account.as_str()).or_insert(0) += 1;
        *regions.entry(row.id().region.as_str()).or_insert(0) += 1;
    }
    let counted = |names: BTreeMap<_, u64>| {
        names.into_iter().map(|(name, count)| (name, Some(plural(count, "instance")))).collect()
    };
    // The line about the evidence names a single caller.
    let callers = report.callers.iter().filter(|_| report.callers.len() > 1).map(|caller| (caller.as_str(), None));
    [("Account", counted(accounts)), ("Region", counted(regions)), ("Caller", callers.collect())]
        .into_iter()
        .filter(|(_, names): &(_, Vec<_>)| !names.is_empty())
        .map(|(title, names)| {
            let count = plural(names.len(), &title.to_lowercase());
            Covered { title, count, names }
        })
        .collect()
}
