//! Collects from many accounts and regions at the same time, into one bundle.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use futures_util::{StreamExt, stream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::{Plan, Request, collect, plan};
use crate::aws::{Accounts, Aws, Regions};
use crate::bundle::{Bundle, Parts};
use crate::error::{Error, ErrorKind, Result};
use crate::inventory::{AccountRegion, Filter, Fleet};
use crate::problem::Problem;
use crate::progress::Progress;
use crate::text::{accounts_and_regions, suggest};

/// Accounts and regions that are asked at the same time. An organization has thousands, and a process may open no more than
/// a thousand connections on most machines.
const AT_ONCE: usize = 32;

/// Parts of an instance, or of a region's metrics, above which they are merged: a collection an hour is read in few pieces,
/// and merged once a day.
const MOST_PARTS: usize = 24;

/// What to collect, and in which accounts and regions.
#[derive(Clone, Debug)]
pub struct FleetRequest {
    /// The accounts, and the credentials for them.
    pub accounts: Accounts,
    /// The regions of each account.
    pub regions: Regions,
    /// Most calls a second of any one action, in each account and region; none for as many as AWS takes.
    pub max_rate: Option<f64>,
    /// What to collect in each of them. The inventories are filed under the end of its window.
    pub request: Request,
}

/// What a run collected.
#[derive(Clone, Debug)]
pub struct Collected {
    /// The accounts and regions that were asked.
    pub asked: BTreeSet<AccountRegion>,
    /// What could not be written into the bundle, as on a full disk.
    pub unwritten: Vec<Problem>,
}

impl FleetRequest {
    /// Collects into the bundle at `path`, which is made if there is none. `bundle::load` with `Scope::Run`, the end of the
    /// window and what was asked reads what was collected.
    ///
    /// # Errors
    ///
    /// An account or region that cannot be asked does not keep the others from it: it is an error in the bundle, and an
    /// error of the run only when there is no other, or when no instance is found anywhere that is meant.
    pub async fn collect(&self, path: &Path, progress: &Arc<dyn Progress>) -> Result<Collected> {
        let now = self.request.window.to;
        let (bundle, known) = open(path, progress).await?;
        let (known, request) = (Arc::new(known), Arc::new(self.request.clone()));
        let (asked, unreached) = self
            .everywhere(progress, |aws| {
                let (bundle, request) = (bundle.clone(), Arc::clone(&request));
                let (known, progress) = (Arc::clone(&known), Arc::clone(progress));
                async move {
                    let asked = collect(&aws, &request, &bundle, &known, &progress).await;
                    let asked = asked.map_err(|error| error.at(aws.account.as_deref(), &aws.region));
                    let failure = |error| bundle.write_failure(now, aws.account.as_deref(), &aws.region, error);
                    let is_told = asked.as_ref().map_or_else(|error| failure(error).is_ok(), |_| true);
                    Ok((asked, is_told))
                }
            })
            .await;
        let (mut fleets, mut failed, mut unwritten) = (Vec::new(), Vec::new(), Vec::new());
        let mut asked_regions = BTreeSet::new();
        for (asked, is_told) in asked {
            match asked {
                Ok(fleet) => {
                    asked_regions.insert(fleet.of());
                    fleets.push(fleet);
                }
                Err(error) => {
                    let (account, region) = error.account_and_region();
                    let region = region.unwrap_or_default().to_owned();
                    asked_regions.insert(AccountRegion { account: account.map(str::to_owned), region });
                    unwritten.extend((!is_told).then(|| Problem::from(&error)));
                    failed.push(error);
                }
            }
        }
        let absent = absent(&self.request.filter, &fleets);
        let found = fleets.iter().any(|fleet| !fleet.instances.is_empty());
        // What one account or region does not have may be in another that could not be asked: then the report names that.
        let in_vain = !found && !absent.is_empty() && failed.is_empty() && unreached.is_empty();
        let without_place: Vec<Error> = unreached.into_iter().chain(absent).collect();
        if in_vain || fleets.is_empty() {
            failed.extend(without_place);
            return together(failed).map_or(Ok(Collected { asked: asked_regions, unwritten }), Err);
        }
        let unknown = |error: &&Error| bundle.write_failure(now, None, error.subject(), error).is_err();
        unwritten.extend(without_place.iter().filter(unknown).map(Problem::from));
        let subjects = without_place.iter().map(|error| error.subject().to_owned());
        asked_regions.extend(subjects.map(|region| AccountRegion { account: None, region }));
        Ok(Collected { asked: asked_regions, unwritten })
    }

    /// What [`FleetRequest::collect`] would ask of AWS, by account and region, and what could not be asked for it. Nothing is
    /// written.
    ///
    /// # Errors
    ///
    /// When nothing can be asked anywhere, and when the bundle at `path` cannot be read. There may be none.
    pub async fn plan(&self, path: &Path, progress: &Arc<dyn Progress>) -> Result<(Vec<Plan>, Vec<Error>)> {
        let known = if path.join("bundle.json").exists() { Bundle::open(path)?.parts()? } else { Parts::default() };
        let (known, request) = (Arc::new(known), Arc::new(self.request.clone()));
        let (plans, failed) = self
            .everywhere(progress, |aws| {
                let (known, request, progress) = (Arc::clone(&known), Arc::clone(&request), Arc::clone(progress));
                async move {
                    let planned = plan(&aws, &request, &known, &progress).await;
                    planned.map_err(|error| error.at(aws.account.as_deref(), &aws.region))
                }
            })
            .await;
        match plans.is_empty() {
            true => together(failed).map_or(Ok((plans, Vec::new())), Err),
            false => Ok((plans, failed)),
        }
    }

    /// The accounts and regions to ask, each once, and what of them cannot be asked.
    pub async fn reach(&self, progress: &Arc<dyn Progress>) -> (Vec<Aws>, Vec<Error>) {
        let (mut reached, mut failed) = (Vec::new(), Vec::new());
        let mut seen = BTreeSet::new();
        let accounts = self.accounts.resolve(&self.regions, progress).await;
        let found = accounts.into_iter().map(|account| async {
            let account = account?;
            self.regions.of(&account).await.map(|found| (account, found))
        });
        for found in stream::iter(found).buffered(AT_ONCE).collect::<Vec<_>>().await {
            match found {
                Ok((account, (regions, doubt))) => {
                    failed.extend(doubt);
                    // Two profiles may lead to one account.
                    let new = |region: &String| {
                        account.number.is_none() || seen.insert((account.number.clone(), region.clone()))
                    };
                    let regions: Vec<String> = regions.into_iter().filter(new).collect();
                    reached.extend(regions.iter().map(|region| account.in_region(region, self.max_rate)));
                }
                Err(error) => failed.push(error),
            }
        }
        (reached, failed)
    }

    /// Does something in every account and region, in many at the same time. Returns what was done, and what could not be.
    async fn everywhere<T, F>(&self, progress: &Arc<dyn Progress>, work: impl Fn(Aws) -> F) -> (Vec<T>, Vec<Error>)
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let (reached, mut failed) = self.reach(progress).await;
        let slots = Arc::new(Semaphore::new(AT_ONCE));
        let mut tasks = JoinSet::new();
        for aws in reached {
            let (slots, work) = (Arc::clone(&slots), work(aws));
            tasks.spawn(async move {
                // The semaphore is never closed.
                let _slot = slots.acquire_owned().await;
                work.await
            });
        }
        let mut all = Vec::new();
        while let Some(done) = tasks.join_next().await {
            match done.unwrap_or_else(|lost| std::panic::resume_unwind(lost.into_panic())) {
                Ok(done) => all.push(done),
                Err(error) => failed.push(error),
            }
        }
        failed.sort_by_key(ToString::to_string);
        (all, failed)
    }
}

/// Opens or makes the bundle, merges its parts where there are many, and returns what it holds.
async fn open(path: &Path, progress: &Arc<dyn Progress>) -> Result<(Bundle, Parts)> {
    let (path, progress) = (path.to_owned(), Arc::clone(progress));
    let opened = tokio::task::spawn_blocking(move || {
        let bundle = Bundle::create(&path)?;
        // Before anything is added: what this run is told of its own errors is not merged with what others found.
        bundle.compact(MOST_PARTS)?.iter().for_each(|error| progress.warn(error));
        let known = bundle.parts()?;
        Ok((bundle, known))
    });
    opened.await.unwrap_or_else(|lost| std::panic::resume_unwind(lost.into_panic()))
}

/// Errors for named instances that do not exist, and for filters that match no instance, which may be a typing error.
fn absent(filter: &Filter, fleets: &[Fleet]) -> Vec<Error> {
    // Where nothing could be listed, nothing is known to be absent.
    if fleets.is_empty() {
        return Vec::new();
    }
    let there = || fleets.iter().flat_map(|fleet| &fleet.instances).map(|profile| profile.instance.as_str());
    let left_out = || fleets.iter().map(|fleet| &fleet.left_out);
    let searched = fleets.iter().map(|fleet| (fleet.account.as_deref(), fleet.region.as_str()));
    let searched = accounts_and_regions(searched);
    let named = filter.unmatched(there()).into_iter().map(|wanted| {
        let message = match wanted.is_exact() {
            true => format!("the instance does not exist in {searched}"),
            false => format!("no instance in {searched} matches"),
        };
        let known = there().chain(left_out().flat_map(|left_out| left_out.instances.iter().map(String::as_str)));
        let hint = suggest(wanted.as_str(), known, "check the identifier, the region and the profile");
        Error::new(ErrorKind::NoMatch, wanted.as_str(), message).hint(hint)
    });
    let none = there().next().is_none() && filter.instances.is_empty() && !filter.takes_whole_regions();
    let tags = left_out().flat_map(|left_out| left_out.tags.iter().map(String::as_str));
    named.chain(none.then(|| filter.none_matches(&searched, tags))).collect()
}

/// What went wrong everywhere, as one error; none where nothing did.
fn together(mut failed: Vec<Error>) -> Option<Error> {
    failed.sort_by_key(ToString::to_string);
    let mut failed = failed.into_iter();
    let first = failed.next()?;
    Some(first.and(failed.collect()))
}
