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

/// Those that were looked at last, each with its number of values: the latest at the end. Instances are looked at in the order of
/// their ARNs, in which those of one region and account follow each other.
#[derive(Debug, Default)]
struct Recent(Mutex<VecDeque<(usize, Arc<Measured>)>>);

impl Recent {
    /// Most values that are kept: a year of two hundred instances. A value takes 16 bytes.
    const MOST: usize = 6_000_000;

    /// Makes room for so many values, before they take memory.
    fn make_room(&self, values: usize) {
        let mut recent = lock(&self.0);
        let mut sum = values + recent.iter().map(|(values, _)| values).sum::<usize>();
        let mut dropped = Vec::new();
        while sum > Self::MOST
            && let Some(oldest) = recent.pop_front()
        {
            sum -= oldest.0;
            dropped.push(oldest);
        }
        drop(recent);
    }

    /// Keeps metrics as the latest.
    fn keep(&self, values: usize, measured: &Arc<Measured>) {
        let mut recent = lock(&self.0);
        recent.retain(|(_, known)| !Arc::ptr_eq(known, measured));
        recent.push_back((values, measured.clone()));
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
        let values = self.files.iter().map(|kept| kept.rows).sum();
        if let Some(known) = decoded.upgrade() {
            self.recent.keep(values, &known);
            return Ok(known);
        }
        self.recent.make_room(values);
        let mut all = Measured::default();
        self.files.iter().try_for_each(|kept| kept.measured().map(|measured| all.join(measured)))?;
        let all = Arc::new(all);
        *decoded = Arc::downgrade(&all);
        self.recent.keep(values, &all);
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
    fn metrics_are_in_memory_up_to_a_limit_and_read_again_beyond() {
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
        let mut kept = bundle.metrics().expect("metrics").0;
        // As if the files of two regions filled the memory.
        kept.iter_mut().for_each(|(_, kept)| kept.rows = Recent::MOST / 2);
        let (regions, _) = by_region(kept, None, &mut Vec::new());
        let regions: Vec<_> = regions.into_values().collect();
        let look = |number: usize| {
            let values: Vec<f64> = regions[number].all().expect("read").values().map(|(.., value)| value).collect();
            assert_eq!(values, [number as f64]);
            let is_decoded = |number: &usize| lock(&regions[*number].decoded).upgrade().is_some();
            (0..4).filter(is_decoded).collect::<Vec<_>>()
        };
        assert_eq!([0, 1, 0, 2, 2, 1].map(look), [vec![0], vec![0, 1], vec![0, 1], vec![0, 2], vec![0, 2], vec![1, 2]]);
    }
}
