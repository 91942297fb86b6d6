//! The union of bundles: all evidence of each instance.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

use super::coverage::LogRead;
use super::current::{Current, Found, current};
use super::digest;
use super::facts::Facts;
use super::merge::{FactFiles, Union, facts, micros, parted, since};
use super::metric::Measured;
use super::network::{self, KeptNetwork, Network};
use super::part::{Parts, plain, read_parts};
use super::probe::{self, KeptProbe};
use super::record::{Listed, Present, is_made_up_for, latest_whole, lost, missing};
use super::region_metrics::{self, RegionMetrics};
use super::seal::beside;
use super::store::{Bundle, Each, Inventory, KeptMetrics, problems, region_key, undoubted};
use crate::error::{Error, ErrorKind, Result};
use crate::inventory::{AccountRegion, Collection, Filter, Fleet, InstanceProfile, NamePattern, ServedCertificate};
use crate::problem::{Problem, distinct};
use crate::progress::Progress;
use crate::sessions::InstanceSamples;
use crate::text::{accounts_and_regions, plural, suggest};

/// All that the bundles hold of a fleet.
#[derive(Debug)]
pub struct Evidence {
    /// The instances, by ARN.
    pub instances: Vec<InstanceEvidence>,
    /// Other members of their clusters, no row of a report: what a filter left out, and members that are gone.
    pub beside: Vec<InstanceEvidence>,
    /// What could not be read, and files that are damaged or missing.
    pub errors: Vec<Problem>,
    /// Those of the errors that kept instances from being listed.
    failures: Vec<Problem>,
    /// The files of all instances together that are damaged or missing.
    damage: Vec<Problem>,
    /// The same, and inventories that are in doubt: the evidence is not whole.
    broken: Vec<Problem>,
    /// When the latest of it was collected.
    pub collected_at: Timestamp,
    /// The inventories, also those that a later one makes up for.
    inventories: Vec<Collection>,
    /// Collections of accounts and regions that have no instance.
    empty: Vec<Collection>,
    /// Whether the bundles hold other accounts or regions than these.
    pub has_others: bool,
    /// Network interfaces that had addresses of clients, by account and region.
    pub networks: BTreeMap<(String, String), RegionNetwork>,
}

/// The network interfaces of an account and region that had addresses of clients.
#[derive(Clone, Debug, Default)]
pub struct RegionNetwork {
    /// The interfaces.
    pub network: Network,
    /// What could not be read of them at last.
    pub errors: Vec<Problem>,
}

/// Where all that the bundles hold of one instance is.
#[derive(Debug)]
pub struct InstanceEvidence {
    /// What the inventory says.
    pub profile: InstanceProfile,
    /// The collection of its inventory.
    pub collection: Collection,
    /// Whether it was a member of a cluster and is gone. What it showed still counts for the others.
    pub is_former: bool,
    /// The sessions that were open in probes.
    pub sampled: InstanceSamples,
    /// Whether metrics were answered as CloudWatch never answers: what they would have shown is unknown.
    pub has_faulty_metrics: bool,
    /// The digest of what the inventory says.
    digest: String,
    /// Whether the inventory and the metrics were checked against their digests.
    is_verified: bool,
    /// Whether a file of its account and region is damaged or missing, or its collection has not ended: what is there may
    /// not be all.
    is_doubted: bool,
    parts: Vec<PathBuf>,
    /// Its parts that records list.
    listed: Vec<(PathBuf, String)>,
    /// When the collection whose errors count was made; none for the latest.
    taken_at: Option<Timestamp>,
    metrics: Arc<RegionMetrics>,
}

/// What the bundles hold of the logs of one instance.
#[derive(Debug)]
pub struct Logs {
    /// The log reads that count: one for each log.
    pub readings: Vec<LogRead>,
    /// What could not be read of them at last.
    pub errors: Vec<Problem>,
    /// Whether all files were checked against their digests.
    pub is_verified: bool,
    /// Where the facts of those log reads are.
    fact_files: FactFiles,
    /// Where the facts of an earlier instance of the same name are.
    former_fact_files: FactFiles,
}

/// The instances of a bundle that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope<'a> {
    /// All.
    All,
    /// Those of one run: of the inventories that were taken at its time, of the accounts and regions that it asked.
    Run(Timestamp, &'a BTreeSet<AccountRegion>),
}

impl Scope<'_> {
    fn taken_at(self) -> Option<Timestamp> {
        match self {
            Self::All => None,
            Self::Run(time, _) => Some(time),
        }
    }

    /// Whether an account and region is in it.
    fn takes(self, of: &AccountRegion) -> bool {
        match self {
            Self::All => true,
            Self::Run(_, asked) => asked.contains(of),
        }
    }

    /// Whether a problem may concern it.
    fn concerns(self, problem: &Problem) -> bool {
        let may_be = |of: &AccountRegion| {
            (problem.account.is_none() || of.account.is_none() || problem.account == of.account)
                && problem.region.as_ref().is_none_or(|region| *region == of.region)
        };
        match self {
            Self::All => true,
            Self::Run(_, asked) => asked.iter().any(may_be),
        }
    }
}

/// Reads bundles and forms their union. The order of the paths makes no difference, nor does it when a bundle is named
/// twice.
///
/// # Errors
///
/// When a bundle cannot be read, or none of them holds an inventory.
pub fn load(paths: &[PathBuf], scope: Scope<'_>) -> Result<Evidence> {
    let Files { fleets, metrics, networks, probes, parts, listed, unlisted } = Files::of(paths)?;
    let all_broken = [&fleets.1, &metrics.1, &networks.1, &probes.1, &unlisted];
    let mut broken: Vec<Problem> = all_broken.into_iter().flat_map(|files| problems(files)).collect();
    let has_others = fleets.0.iter().any(|(_, inventory)| !scope.takes(&inventory.fleet().of()));
    let (fleets, mut unread, unmeasured) = match scope {
        Scope::All => {
            let (fleets, unread) = undoubted(fleets);
            (fleets, unread, problems(&metrics.1))
        }
        // What was collected now does not stand in an older file.
        Scope::Run(time, _) => {
            let fleets = fleets.0.into_iter().map(|(_, inventory)| inventory);
            let is_of_run = |fleet: &Fleet| fleet.taken_at == time && scope.takes(&fleet.of());
            (fleets.filter(|inventory| is_of_run(inventory.fleet())).collect(), Vec::new(), Vec::new())
        }
    };
    let inventories: Vec<_> = fleets.iter().map(|inventory| inventory.fleet().collection()).collect();
    let Some(collected_at) = latest(&inventories) else {
        if let Some(broken) = unread.first() {
            return Err(Error::new(ErrorKind::Integrity, broken.subject.clone(), broken.message.clone()));
        }
        let subject = paths.first().map_or_else(String::new, |path| path.display().to_string());
        return Err(Error::new(ErrorKind::NotFound, subject, "the bundle contains no inventory")
            .hint("run `ssl-usage collect -o BUNDLE` first"));
    };
    if scope == Scope::All {
        // No verdict rests on them, so that they raise no doubt.
        unread.extend(problems(&networks.1));
    }
    let doubts: Vec<Problem> = problems(&unlisted).into_iter().chain(unmeasured).chain(problems(&probes.1)).collect();
    let Current { found, former, empty, mut errors, failures, doubtful, displacing } = current(fleets, &listed);
    broken.extend(doubtful.iter().cloned());
    let damage: Vec<Problem> = unread.into_iter().chain(doubts.iter().cloned()).collect();
    errors.extend(damage.iter().cloned().chain(doubtful));
    let doubts: Vec<Problem> = doubts.into_iter().chain(displacing).collect();
    let (measured, faulty) = region_metrics::by_region(metrics.0, scope.taken_at(), &mut errors);
    let (rows, samples): (Vec<_>, Vec<_>) =
        probes.0.into_iter().map(|(_, kept)| (kept.file.held.rows, kept.file.held.samples)).unzip();
    let (rows, samples) = (rows.into_iter().flatten(), samples.into_iter().flatten());
    let (probed, sampled) = (probe::counting(rows), probe::sampled(samples));
    let mut rest = Rest { measured, faulty, probed, sampled, parts, listed: &listed, doubts, scope };
    let instances: Vec<_> = found.into_iter().map(|found| rest.of(found, false)).collect();
    let beside = former.into_iter().map(|found| rest.of(found, true)).collect();
    // Of metrics and records, some are of other accounts and regions.
    [&mut errors, &mut broken].into_iter().for_each(|all| all.retain(|problem| scope.concerns(problem)));
    distinct(&mut errors);
    let networks = regions(networks.0, scope);
    Ok(Evidence {
        instances,
        beside,
        errors,
        failures,
        damage,
        broken,
        collected_at,
        inventories,
        empty,
        has_others,
        networks,
    })
}

/// What bundles hold besides inventories, for each instance to take its part of.
struct Rest<'l> {
    /// By the beginning of the names of files.
    measured: BTreeMap<String, Arc<RegionMetrics>>,
    /// What endpoints answered that cannot be.
    faulty: Vec<Problem>,
    /// The certificates that count, by ARN.
    probed: BTreeMap<String, Vec<ServedCertificate>>,
    /// The sessions that were open in probes, likewise.
    sampled: BTreeMap<String, InstanceSamples>,
    parts: Parts,
    listed: &'l Listed,
    /// What raises a doubt about all that is there.
    doubts: Vec<Problem>,
    scope: Scope<'l>,
}

impl Rest<'_> {
    /// All evidence of an instance.
    fn of(&mut self, found: Found, is_former: bool) -> InstanceEvidence {
        let Found { mut profile, digest, collection, is_verified, is_doubtful } = found;
        profile.certificate.served = self.probed.remove(&profile.arn).unwrap_or_default();
        let metrics = self.measured.get(&region_key(Some(&profile.account), &profile.region)).cloned();
        let metrics = metrics.unwrap_or_default();
        let name = plain(&[&profile.account, &profile.region, &profile.instance]);
        InstanceEvidence {
            is_former,
            parts: self.parts.of(&profile),
            listed: self.listed.of("parts", &name).to_vec(),
            is_verified: is_verified && metrics.is_verified(),
            metrics,
            is_doubted: is_doubtful || self.doubts.iter().any(|doubt| concerns(doubt, &profile)),
            has_faulty_metrics: self.faulty.iter().any(|problem| concerns(problem, &profile)),
            sampled: self.sampled.remove(&profile.arn).unwrap_or_default(),
            profile,
            collection,
            digest,
            taken_at: self.scope.taken_at(),
        }
    }
}

/// When the latest of some collections was made.
fn latest(collections: &[Collection]) -> Option<Timestamp> {
    collections.iter().map(|collection| collection.collected_at).max()
}

/// An error for what a filter names in vain; `known` are the names that there are.
fn none_of<'k>(subject: &str, message: &str, known: impl IntoIterator<Item = &'k str>) -> Error {
    let hint = suggest(subject, known, "run the command without this option to list all instances");
    Error::new(ErrorKind::NoMatch, subject, message).hint(hint)
}

/// Whether a problem may concern an account and region that a filter matches. The subject may name the account: a role does.
fn may_concern(filter: &Filter, problem: &Problem) -> bool {
    let account = problem.account.as_deref().or_else(|| problem.subject.strip_prefix("arn:")?.split(':').nth(3));
    let is_one_of = |wanted: &[String], it: Option<&str>| {
        wanted.is_empty() || it.is_none_or(|it| wanted.iter().any(|wanted| wanted == it))
    };
    is_one_of(&filter.accounts, account) && is_one_of(&filter.regions, problem.region.as_deref())
}

/// Whether what is wrong with a file concerns an instance. A file whose name does not say it concerns all.
fn concerns(problem: &Problem, profile: &InstanceProfile) -> bool {
    let is_it = |of: &Option<String>, it: &str| of.as_deref().is_none_or(|of| of == it);
    is_it(&problem.account, &profile.account) && is_it(&problem.region, &profile.region)
}

/// The files of bundles.
#[derive(Default)]
struct Files {
    fleets: Each<Inventory>,
    metrics: Each<KeptMetrics>,
    networks: Each<KeptNetwork>,
    probes: Each<KeptProbe>,
    parts: Parts,
    /// What records list.
    listed: Listed,
    /// Records that cannot be read: what they list is unknown.
    unlisted: Vec<(PathBuf, Error)>,
}

impl Files {
    fn of(paths: &[PathBuf]) -> Result<Self> {
        let (mut files, mut all) = (Self::default(), Vec::new());
        for path in paths {
            let bundle = Bundle::open(path)?;
            // Before what they list, which is written before them.
            let (records, broken) = bundle.records("")?;
            records.iter().for_each(|(_, record)| files.listed.add(record));
            files.unlisted.extend(broken);
            all.extend(records.into_iter().map(|(_, record)| record));
            let (kept, broken) = bundle.fleets()?;
            files.fleets.0.extend(kept);
            files.fleets.1.extend(broken);
            files.parts.extend(bundle.parts()?);
            let (kept, broken) = bundle.metrics()?;
            files.metrics.0.extend(kept);
            files.metrics.1.extend(broken);
            let (kept, broken) = bundle.networks_named("")?;
            files.networks.0.extend(kept);
            files.networks.1.extend(broken);
            let (kept, broken) = bundle.probes_named("")?;
            files.probes.0.extend(kept);
            files.probes.1.extend(broken);
        }
        files.unlisted.extend(lost(&all));
        files.add_missing();
        Ok(files)
    }

    /// Adds what records list, and what is nowhere, to the files that cannot be read.
    fn add_missing(&mut self) {
        let Self { fleets, metrics, networks, probes, listed, .. } = self;
        let mut present = Present::default();
        fleets.0.iter().for_each(|(_, inventory)| present.add(&inventory.file));
        metrics.0.iter().for_each(|(_, kept)| present.add(&kept.file));
        networks.0.iter().for_each(|(_, kept)| present.add(&kept.file));
        probes.0.iter().for_each(|(_, kept)| present.add(&kept.file));
        let recorded = fleets.0.iter().map(|(_, inventory)| inventory);
        let latest = latest_whole(recorded.filter(|inventory| listed.holds(&inventory.file.digest)));
        let lost = |folder, broken: &[(PathBuf, Error)]| -> Vec<(PathBuf, Error)> {
            // A damaged one is reported already.
            let is_told = |path| broken.iter().any(|(broken, _)| broken == path);
            let lost = listed.of(folder, "").iter().filter(|(path, digest)| !present.holds(digest) && !is_told(path));
            lost.map(|(path, _)| (path.clone(), missing(path))).collect()
        };
        let mut lost_fleets = lost("fleet", &fleets.1);
        lost_fleets.retain(|(path, _)| !is_made_up_for(path, &latest));
        fleets.1.extend(lost_fleets);
        metrics.1.extend(lost("metrics", &metrics.1));
        networks.1.extend(lost(network::FOLDER, &networks.1));
        probes.1.extend(lost(probe::FOLDER, &probes.1));
    }
}

/// The network interfaces of each account and region. Only the errors of the latest collection of each count.
fn regions(kept: Vec<(PathBuf, KeptNetwork)>, scope: Scope<'_>) -> BTreeMap<(String, String), RegionNetwork> {
    let mut newest: BTreeMap<(String, String), Timestamp> = BTreeMap::new();
    let mut all: BTreeMap<(String, String), RegionNetwork> = BTreeMap::new();
    let mut parts: Vec<_> = kept.into_iter().map(|(_, kept)| kept.part()).collect();
    parts.sort_by_key(|part| std::cmp::Reverse(part.collected_at));
    for part in parts {
        let key = (part.account, part.region);
        let newest = *newest.entry(key.clone()).or_insert(part.collected_at);
        let newest = scope.taken_at().unwrap_or(newest);
        let region = all.entry(key).or_default();
        region.network.absorb(part.network);
        if part.collected_at == newest {
            region.errors.extend(part.errors);
        }
    }
    for region in all.values_mut() {
        distinct(&mut region.errors);
    }
    all
}

impl Evidence {
    /// The files that are damaged or missing. What AWS refused is in the evidence, and no damage.
    pub fn damage(&self) -> Vec<Problem> {
        let of_instance = |known: &InstanceEvidence| {
            let read = known.read().and_then(|logs| logs.facts());
            let profile = &known.profile;
            read.err().map(|error| Problem::from(&error).at(Some(&profile.account), &profile.region))
        };
        self.damage.iter().cloned().chain(self.instances.iter().filter_map(of_instance)).collect()
    }

    /// Whether no file of all instances together is damaged or missing.
    pub fn is_whole(&self) -> bool {
        self.broken.is_empty()
    }

    /// The collections of the instances, and of accounts and regions that have no instance.
    pub fn collections(&self) -> Vec<Collection> {
        let of_instances = self.instances.iter().map(|known| &known.collection);
        of_instances.chain(&self.empty).collect::<BTreeSet<_>>().into_iter().cloned().collect()
    }

    /// Keeps the instances that a filter matches, and what concerns them or their accounts and regions. What the filter
    /// names and the bundle does not contain is an error in the evidence.
    ///
    /// # Errors
    ///
    /// When nothing is left that the filter names, or the bundle does not hold tags.
    pub fn keep_only(&mut self, filter: &Filter) -> Result<()> {
        let mut absent = self.keep_regions(filter);
        if self.inventories.is_empty() {
            let none =
                || none_of("--account, --region", "the bundle contains no evidence of these accounts and regions", []);
            return Err(absent.into_iter().next().unwrap_or_else(none));
        }
        let known: BTreeSet<String> = self.instances.iter().map(|known| known.profile.instance.clone()).collect();
        let tags = self.instances.iter().filter_map(|known| known.profile.tags.as_ref()).flatten();
        let tags: BTreeSet<String> = tags.map(|(key, value)| format!("{key}={value}")).collect();
        self.keep_instances(filter)?;
        let names = self.instances.iter().map(|known| known.profile.instance.as_str());
        let missing = |wanted: &NamePattern| {
            let message = match wanted.is_exact() {
                true => "the bundle does not contain this instance",
                false => "no instance of the bundle matches",
            };
            let error = Error::new(ErrorKind::NoMatch, wanted.as_str(), message);
            let hint = "run the command without --instance to list all instances";
            error.hint(suggest(wanted.as_str(), known.iter().map(String::as_str), hint))
        };
        let unnamed: Vec<Error> = filter.unmatched(names).into_iter().map(missing).collect();
        if self.instances.is_empty() && !filter.takes_whole_regions() {
            let searched = self.inventories.iter().map(|it| (it.of.account.as_deref(), it.of.region.as_str()));
            let none = filter.none_matches(&accounts_and_regions(searched), tags.iter().map(String::as_str));
            return Err(unnamed.into_iter().next().unwrap_or(none));
        }
        absent.extend(unnamed);
        self.errors.extend(absent.iter().map(Problem::from));
        Ok(())
    }

    /// Keeps the accounts and regions that a filter matches. Returns an error for each that it names in vain.
    fn keep_regions(&mut self, filter: &Filter) -> Vec<Error> {
        let is_account = |wanted: &&String| self.inventories.iter().any(|it| it.of.account.as_ref() == Some(*wanted));
        let of_account = Filter { regions: Vec::new(), ..filter.clone() };
        let is_region = |wanted: &&String| {
            self.inventories.iter().any(|it| it.of.region == **wanted && of_account.takes_region(&it.of))
        };
        let accounts = filter.accounts.iter().filter(|wanted| !is_account(wanted));
        let regions = filter.regions.iter().filter(|wanted| !is_region(wanted));
        let absent = accounts
            .map(|account| {
                let known = self.inventories.iter().filter_map(|it| it.of.account.as_deref());
                none_of(account, "the bundle contains no evidence of this account", known)
            })
            .chain(regions.map(|region| {
                let known = self.inventories.iter().map(|it| it.of.region.as_str());
                none_of(region, "the bundle contains no evidence of this region", known)
            }))
            .collect();
        [&mut self.inventories, &mut self.empty]
            .into_iter()
            .for_each(|all| all.retain(|it| filter.takes_region(&it.of)));
        [&mut self.instances, &mut self.beside]
            .into_iter()
            .for_each(|all| all.retain(|known| filter.takes_region(&known.collection.of)));
        let all = [&mut self.errors, &mut self.damage, &mut self.broken];
        all.into_iter().for_each(|problems| problems.retain(|problem| may_concern(filter, problem)));
        self.collected_at = latest(&self.inventories).unwrap_or(self.collected_at);
        absent
    }

    /// Keeps the instances that a filter matches, of the accounts and regions that there are.
    ///
    /// # Errors
    ///
    /// When tags decide and the inventory of an instance does not hold them.
    pub fn keep_instances(&mut self, filter: &Filter) -> Result<()> {
        if filter.takes_whole_regions() {
            return Ok(());
        }
        let without_tags = self.instances.iter().filter(|known| filter.takes_profile(&known.profile).is_none()).count();
        if without_tags > 0 {
            let message = format!("an older version collected {} without tags", plural(without_tags, "instance"));
            return Err(Error::new(ErrorKind::Schema, "--tag", message).hint("run `ssl-usage collect` again"));
        }
        let takes = |known: &InstanceEvidence| filter.takes_profile(&known.profile) == Some(true);
        let (kept, others): (Vec<_>, Vec<_>) = std::mem::take(&mut self.instances).into_iter().partition(takes);
        self.instances = kept;
        self.beside.extend(others);
        let clusters: BTreeSet<_> = self.instances.iter().filter_map(|known| known.profile.cluster_key()).collect();
        // A cluster is one decision, whatever of it is asked for.
        self.beside.retain(|known| known.profile.cluster_key().is_some_and(|key| clusters.contains(&key)));
        self.empty.clear();
        let (instances, failures) = (&self.instances, &self.failures);
        let is_kept = |problem: &Problem| instances.iter().any(|known| concerns(problem, &known.profile));
        // Where instances could not be listed, one that matches may be missing.
        self.errors.retain(|problem| failures.contains(problem) || is_kept(problem));
        self.damage.retain(is_kept);
        self.broken.retain(is_kept);
        Ok(())
    }

    /// Everything that could not be read, from AWS or from logs of any instance.
    pub fn all_errors(&self, progress: &dyn Progress) -> Vec<Problem> {
        progress.begin(self.instances.len());
        let of_logs = self.instances.iter().flat_map(|known| {
            let profile = &known.profile;
            progress.done(&profile.instance);
            known
                .logs()
                .map(|logs| logs.errors)
                .unwrap_or_else(|error| vec![Problem::from(&error).at(Some(&profile.account), &profile.region)])
        });
        let mut errors: Vec<Problem> = self.errors.iter().cloned().chain(of_logs).collect();
        distinct(&mut errors);
        errors
    }
}

impl InstanceEvidence {
    /// Reads what there is of the instance's logs.
    ///
    /// # Errors
    ///
    /// When a file that may say something of it is damaged or missing.
    pub fn logs(&self) -> Result<Logs> {
        if self.is_doubted {
            let happened =
                "evidence of its account and region is damaged, missing or invalid, so the rest may be misleading";
            return Err(
                Error::new(ErrorKind::Integrity, self.profile.instance.clone(), happened).hint("see the other errors")
            );
        }
        self.read()
    }

    /// The same, whatever else is damaged or missing.
    fn read(&self) -> Result<Logs> {
        let parts = read_parts(&self.parts, &self.profile.arn)?;
        let mut present = Present::default();
        parts.iter().for_each(|part| present.add(&part.file));
        let earlier = parts.iter().flat_map(|part| {
            part.file.seal.earlier.iter().map(|(name, digest)| (beside(part.name(), name), digest.clone()))
        });
        let earlier: Vec<_> = earlier.collect();
        if let Some(path) = present.lacks(self.listed.iter().chain(&earlier)) {
            return Err(missing(path));
        }
        // What was collected before the instance was made is of another that had its name, and so may a log of it have.
        let (former, mut parts) = since(parts, self.profile.created_at);
        let former_fact_files = Union::of(former)?.fact_files();
        let is_verified = self.is_verified && parts.iter().all(|part| part.file.is_verified());
        let newest = self.taken_at.or_else(|| parts.iter().map(|part| part.head().collected_at).max());
        let latest = parts.iter().filter(|part| Some(part.head().collected_at) == newest);
        let mut errors: Vec<Problem> = latest.flat_map(|part| part.head().errors.clone()).collect();
        errors.sort_unstable();
        // A listing that failed is made up for by every later one.
        for part in &mut parts {
            part.readings.retain(|(at, reading)| !reading.is_listing() || Some(micros(*at)) == newest.map(micros));
        }
        let mut union = Union::of(parts)?;
        let fact_files = union.fact_files();
        let engine = self.profile.known_engine();
        let logs_in_parts = union.logs_in_parts(engine);
        let readings = union.readings(engine, &logs_in_parts);
        // A collection that was broken off and taken up again may have read in the end what it could not at first.
        if !errors.is_empty() {
            let whole = readings.iter().filter(|reading| reading.gaps.is_empty());
            let whole: BTreeSet<String> =
                whole.map(|reading| format!("{} {}", self.profile.instance, reading.source)).collect();
            errors.retain(|error| !whole.contains(&error.subject));
        }
        let in_parts = readings.iter().filter(|reading| logs_in_parts.contains(&reading.log));
        errors.extend(in_parts.map(|reading| {
            let error = parted(&format!("{} {}", self.profile.instance, reading.source));
            Problem::from(&error).at(Some(&self.profile.account), &self.profile.region)
        }));
        errors.sort_unstable();
        errors.dedup();
        Ok(Logs { readings, errors, is_verified, fact_files, former_fact_files })
    }

    /// What CloudWatch measured of it, and of the proxies that it stands behind.
    ///
    /// # Errors
    ///
    /// When metrics that were checked cannot be decoded again.
    pub fn measured(&self) -> Result<Measured> {
        self.metrics.of(&self.profile)
    }

    /// The digest of what counts of its evidence, in hexadecimal.
    pub fn digest(&self, logs: &Logs, facts: Option<&Facts>, measured: &Measured) -> String {
        let probed = (self.profile.certificate.served.as_slice(), &self.sampled);
        digest::of_instance(&self.digest, &logs.readings, facts, (measured, probed))
    }
}

impl Logs {
    /// The facts of the log reads that count; none when there are no facts.
    ///
    /// # Errors
    ///
    /// When a file of facts cannot be read.
    pub fn facts(&self) -> Result<Option<Facts>> {
        facts(&self.fact_files)
    }

    /// The facts of an earlier instance of the same name, which had the same clients: one that was replaced or restored.
    ///
    /// # Errors
    ///
    /// When a file of facts cannot be read.
    pub fn former_facts(&self) -> Result<Option<Facts>> {
        facts(&self.former_fact_files)
    }
}
