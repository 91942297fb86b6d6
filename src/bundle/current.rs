//! Which inventories count: those that records list come first. One that is not sealed or not listed never hides an
//! instance that a listed one shows.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::atomic_file::damaged;
use super::record::Listed;
use super::seal::SEALED;
use super::store::{Inventory, region_key};
use crate::error::{Error, ErrorKind};
use crate::inventory::{Collection, InstanceProfile};
use crate::problem::Problem;

/// An instance of the latest inventories.
pub(super) struct Found {
    pub profile: InstanceProfile,
    /// The digest of what the inventory says of it.
    pub digest: String,
    /// Its collection.
    pub collection: Collection,
    /// Whether that is what was written.
    pub is_verified: bool,
    /// Whether an inventory is of a collection that has not ended, or says otherwise than a listed one and is not sealed.
    pub is_doubtful: bool,
}

/// What the latest inventories show.
pub(super) struct Current {
    pub found: Vec<Found>,
    /// Instances of earlier inventories that are gone, and were members of clusters that are still there.
    pub former: Vec<Found>,
    /// Collections of accounts and regions that have no instance.
    pub empty: Vec<Collection>,
    /// What they could not ask.
    pub errors: Vec<Problem>,
    /// Those of the errors that kept instances from being listed.
    pub failures: Vec<Problem>,
    /// The inventories that no record lists where one should.
    pub doubtful: Vec<Problem>,
    /// Those of them that leave out all instances that they do not show.
    pub displacing: Vec<Problem>,
}

/// When the latest inventories of each account and region were taken.
pub(super) struct Latest<'l> {
    listed: &'l Listed,
    /// Those that are verified and listed.
    trusted: BTreeMap<String, Timestamp>,
    /// Those that show all instances; where an account and region has trusted ones, of those.
    whole: BTreeMap<String, Timestamp>,
}

impl<'l> Latest<'l> {
    pub fn new<'i>(inventories: impl Iterator<Item = &'i Inventory> + Clone, listed: &'l Listed) -> Self {
        let mut latest = Self { listed, trusted: BTreeMap::new(), whole: BTreeMap::new() };
        let add = |times: &mut BTreeMap<String, Timestamp>, inventory: &Inventory| {
            let at = times.entry(region_key_of(inventory)).or_insert(inventory.fleet().taken_at);
            *at = inventory.fleet().taken_at.max(*at);
        };
        let trusted = inventories.clone().filter(|inventory| is_trusted(inventory, listed));
        trusted.for_each(|inventory| add(&mut latest.trusted, inventory));
        for inventory in inventories.filter(|inventory| inventory.fleet().whole) {
            if is_trusted(inventory, listed) || !latest.trusted.contains_key(&region_key_of(inventory)) {
                add(&mut latest.whole, inventory);
            }
        }
        latest
    }

    /// Whether a later one stands for this: an instance that the latest does not show is gone.
    pub fn is_past(&self, inventory: &Inventory) -> bool {
        self.whole.get(&region_key_of(inventory)).is_some_and(|whole| inventory.fleet().taken_at < *whole)
    }

    /// Whether a trusted one stands for this, taken later or at the same time.
    fn is_replaced(&self, inventory: &Inventory) -> bool {
        let region_key = region_key_of(inventory);
        let is_replaced = |whole: &Timestamp| inventory.fleet().taken_at <= *whole;
        !is_trusted(inventory, self.listed)
            && self.trusted.contains_key(&region_key)
            && self.whole.get(&region_key).is_some_and(is_replaced)
    }

    /// Why an inventory is doubtful. Older formats had no records: one of them is so where it is later than a trusted one.
    fn doubt(&self, inventory: &Inventory) -> Option<Problem> {
        let (file, fleet) = (&inventory.file, inventory.fleet());
        let says_nothing = !fleet.whole && fleet.instances.is_empty();
        if is_trusted(inventory, self.listed) || says_nothing {
            return None;
        }
        let error = if file.seal.format < SEALED {
            self.trusted.get(&region_key_of(inventory)).filter(|trusted| fleet.taken_at > **trusted)?;
            damaged(&file.path, "this inventory has no digest, although an older one has")
        } else {
            let message =
                format!("the collection of {} that began at {} is not complete", fleet.region, fleet.taken_at);
            Error::new(ErrorKind::Truncated, file.path.display().to_string(), message)
                .hint("run `ssl-usage collect` again to resume it")
        };
        Some(Problem::from(&error).at(fleet.account.as_deref(), &fleet.region))
    }
}

/// Whether an inventory is verified, and a record lists it.
fn is_trusted(inventory: &Inventory, listed: &Listed) -> bool {
    inventory.file.is_verified() && listed.holds(&inventory.file.digest)
}

fn region_key_of(inventory: &Inventory) -> String {
    region_key(inventory.fleet().account.as_deref(), &inventory.fleet().region)
}

/// The instances that there are now, as the latest inventories show them. Of those that were taken at one time, a trusted one
/// counts, then the larger; their order makes no difference.
pub(super) fn current(mut inventories: Vec<Inventory>, listed: &Listed) -> Current {
    inventories.sort_by_cached_key(|inventory| {
        let fleet = inventory.fleet();
        (fleet.taken_at, is_trusted(inventory, listed), fleet.instances.len(), inventory.file.digest.clone())
    });
    let latest = Latest::new(inventories.iter(), listed);
    let mut found = BTreeMap::new();
    let (mut errors, mut doubtful, mut displacing) = (Vec::new(), BTreeMap::new(), Vec::new());
    let (mut empty, mut failures) = (Vec::new(), Vec::new());
    let mut former = BTreeMap::new();
    for inventory in inventories {
        if latest.is_past(&inventory) && is_trusted(&inventory, listed) {
            former.extend(members(inventory).map(|found| (found.profile.arn.clone(), found)));
            continue;
        }
        if latest.is_past(&inventory) || latest.is_replaced(&inventory) {
            continue;
        }
        let (is_verified, doubt) = (inventory.file.is_verified(), latest.doubt(&inventory));
        let Inventory { file, mut profiles } = inventory;
        let collection = file.held.collection();
        empty.extend((file.held.whole && file.held.instances.is_empty()).then(|| collection.clone()));
        let at_fault = file.path.clone();
        if file.held.whole {
            displacing.extend(doubt.clone());
            // It is reported even where it shows no instance.
            doubtful.extend(doubt.clone().map(|doubt| (at_fault.clone(), doubt)));
        }
        if !file.held.whole && file.held.instances.is_empty() {
            failures.extend(file.held.errors.iter().cloned());
        }
        errors.extend(file.held.errors);
        for profile in file.held.instances {
            let digest = profiles.remove(&profile.arn).unwrap_or_default();
            let (is_doubtful, collection) = (doubt.is_some(), collection.clone());
            found.insert(
                profile.arn.clone(),
                (
                    Found { profile, digest, collection, is_verified, is_doubtful },
                    doubt.clone().map(|doubt| (at_fault.clone(), doubt)),
                ),
            );
        }
    }
    doubtful.extend(found.values().filter_map(|(_, doubt)| doubt.clone()));
    let clusters: BTreeSet<_> = found.values().filter_map(|(found, _)| found.profile.cluster_key()).collect();
    let is_former = |former: &Found| {
        let in_cluster = former.profile.cluster_key().is_some_and(|key| clusters.contains(&key));
        in_cluster && !found.contains_key(&former.profile.arn)
    };
    let former = former.into_values().filter(is_former).collect();
    Current {
        former,
        found: found.into_values().map(|(found, _)| found).collect(),
        empty,
        errors,
        failures,
        doubtful: doubtful.into_values().collect(),
        displacing,
    }
}

/// The members of clusters in an inventory.
fn members(inventory: Inventory) -> impl Iterator<Item = Found> {
    let Inventory { file, mut profiles } = inventory;
    let (collection, is_verified) = (file.held.collection(), file.is_verified());
    let members = file.held.instances.into_iter().filter(|profile| profile.cluster.is_some());
    members.map(move |profile| {
        let digest = profiles.remove(&profile.arn).unwrap_or_default();
        Found { profile, digest, collection: collection.clone(), is_verified, is_doubtful: false }
    })
}
