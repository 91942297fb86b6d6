//! The metrics of an account and region. They are decoded when an instance of it is looked at, and only those of a few accounts
//! and regions are in memory at the same time.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use jiff::Timestamp;

use super::metric::Measured;
use super::store::{KeptMetrics, region_key};
use crate::error::{ErrorKind, Result};
use crate::inventory::InstanceProfile;
use crate::problem::Problem;

/// The metrics of an account and region.
#[derive(Debug, Default)]
pub(super) struct RegionMetrics {
    files: Vec<KeptMetrics>,
    decoded: Mutex<Weak<Measured>>,
    recent: Arc<Recent>,
}

/// Those that were looked at last. Instances are looked at in the order of their ARNs, by account and region within it.
#[derive(Debug, Default)]
struct Recent(Mutex<VecDeque<Arc<Measured>>>);

impl Recent {
    /// The region of most threads, and the next one.
    const MOST: usize = 2;

    /// Makes room for one more, before it takes memory.
    fn make_room(&self) {
        let mut recent = lock(&self.0);
        while recent.len() >= Self::MOST {
            recent.pop_front();
        }
    }

    fn keep(&self, measured: Arc<Measured>) {
        self.make_room();
        lock(&self.0).push_back(measured);
    }
}

/// What is in a lock is whole after a panic too.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl RegionMetrics {
    /// Whether all files were checked against their digests.
    pub fn is_verified(&self) -> bool {
        self.files.iter().all(|kept| kept.file.is_verified())
    }

    /// The metrics of an instance, and of the proxies before it.
    ///
    /// # Errors
    ///
    /// When a table that was checked cannot be decoded again.
    pub fn of(&self, profile: &InstanceProfile) -> Result<Measured> {
        Ok(self.all()?.of(&profile.arn, &profile.proxies))
    }

    fn all(&self) -> Result<Arc<Measured>> {
        let mut decoded = lock(&self.decoded);
        if let Some(known) = decoded.upgrade() {
            return Ok(known);
        }
        self.recent.make_room();
        let mut all = Measured::default();
        self.files.iter().try_for_each(|kept| kept.measured().map(|measured| all.join(measured)))?;
        let all = Arc::new(all);
        *decoded = Arc::downgrade(&all);
        self.recent.keep(all.clone());
        Ok(all)
    }
}

/// The call whose answers can only make a verdict milder: one that is missing hides no TLS.
const HIDES_NOTHING: &str = "rds:DescribeEvents";

/// What AWS never answers, unlike an error with a code.
const FAULTY: [ErrorKind; 4] = [ErrorKind::Endpoint, ErrorKind::Format, ErrorKind::Truncated, ErrorKind::Service];

/// The metrics of each account and region, by the beginning of their files' names; and what endpoints answered to the latest
/// collection of each that cannot be. What could not be read by then is added to the errors. The latest collection is that at
/// `taken_at`, or the last one.
pub(super) fn by_region(
    kept: Vec<(PathBuf, KeptMetrics)>,
    taken_at: Option<Timestamp>,
    errors: &mut Vec<Problem>,
) -> (BTreeMap<String, Arc<RegionMetrics>>, Vec<Problem>) {
    let region_key_of = |kept: &KeptMetrics| region_key(Some(&kept.file.held.account), &kept.file.held.region);
    let mut by_region: BTreeMap<String, Vec<KeptMetrics>> = BTreeMap::new();
    for (_, kept) in kept {
        by_region.entry(region_key_of(&kept)).or_default().push(kept);
    }
    let (recent, mut faulty) = (Arc::new(Recent::default()), Vec::new());
    let mut all = BTreeMap::new();
    for (region_key, files) in by_region {
        let newest = taken_at.or_else(|| files.iter().map(|kept| kept.file.held.collected_at).max());
        let latest = files.iter().map(|kept| &kept.file.held).filter(|part| Some(part.collected_at) == newest);
        for problem in latest.flat_map(|part| &part.errors) {
            let is_faulty = FAULTY.iter().any(|kind| problem.code == kind.name());
            faulty.extend((is_faulty && problem.call.as_deref() != Some(HIDES_NOTHING)).then(|| problem.clone()));
            errors.push(problem.clone());
        }
        all.insert(region_key, Arc::new(RegionMetrics { files, decoded: Mutex::default(), recent: recent.clone() }));
    }
    (all, faulty)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::metric::{HOUR, Measure, Statistic, name};
    use crate::bundle::{Bundle, MetricPart};

    #[test]
    fn two_regions_are_in_memory_and_an_earlier_one_is_read_again() {
        let folder = tempfile::TempDir::new().expect("a folder");
        let bundle = Bundle::create(folder.path()).expect("a bundle");
        for number in 0..4_u32 {
            let (subject, metric) = (format!("arn-{number}"), name::DATABASE_CONNECTIONS.to_owned());
            let mut measured = Measured::default();
            measured.add(&Measure { subject, metric, statistic: Statistic::Maximum }, HOUR, f64::from(number));
            let (account, region) = ("123456789012".to_owned(), format!("region-{number}"));
            let collected_at = Timestamp::from_second(1_795_392_000).expect("in range");
            let part = MetricPart { account, region, collected_at, errors: Vec::new() };
            bundle.write_metrics(&part, measured).expect("written");
        }
        let (regions, _) = by_region(bundle.metrics().expect("metrics").0, None, &mut Vec::new());
        let regions: Vec<_> = regions.into_values().collect();
        let look = |number: usize| {
            let values: Vec<f64> = regions[number].all().expect("read").values().map(|(.., value)| value).collect();
            assert_eq!(values, [number as f64]);
            regions.iter().filter(|region| lock(&region.decoded).upgrade().is_some()).count()
        };
        assert_eq!([0, 1, 1, 2, 3, 0].map(look), [1, 2, 2, 2, 2, 2]);
    }
}
