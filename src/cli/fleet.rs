//! Options that select accounts, regions, instances and days, and the collection from AWS.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::complain;
use super::heading::{AWS, EVIDENCE, WHAT};
use super::progress::Bar;
use crate::aws::{Accounts, Aws, Regions};
use crate::bundle::{Bundle, Parts};
use crate::collect::{Plan, Request, Source, collect, plan};
use crate::error::{Error, ErrorKind, Result};
use crate::inventory::{self, Filter, NamePattern, Tag};
use crate::problem::Problem;
use crate::progress::Progress;
use crate::window::Window;

/// Accounts and regions that are asked at the same time. An organization has thousands, and a process may open no more than
/// a thousand connections on most machines.
const AT_ONCE: usize = 32;

/// Parts of an instance, or of a region's metrics, above which they are merged: a collection an hour is read in few pieces,
/// and merged once a day.
const MOST_PARTS: usize = 24;

/// Which instances are analyzed, and over how many days.
#[derive(Debug, Args)]
pub(super) struct Fleet {
    /// Number of days to analyze, up to now or to the last collection of the bundle.
    #[arg(long, help_heading = WHAT, default_value_t = 14, value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub days: u32,
    /// Only this instance; * and ? are wildcards (repeatable).
    #[arg(long, value_name = "ID", help_heading = WHAT)]
    pub instance: Vec<NamePattern>,
    /// Only instances of this engine, for example postgres or aurora-mysql (repeatable).
    #[arg(long, value_name = "ENGINE", help_heading = WHAT)]
    pub engine: Vec<String>,
    /// Where to read logs.
    #[arg(long, value_enum, default_value_t = Source::Auto, help_heading = EVIDENCE)]
    pub source: Source,
    /// Format of the logs, if it cannot be detected: stderr, csvlog, general, audit, listener, ...
    #[arg(long, value_name = "FORMAT", help_heading = EVIDENCE)]
    pub log_format: Option<String>,
    /// Read log groups of the Infrequent Access class with Logs Insights. AWS charges for the data scanned.
    #[arg(long, help_heading = EVIDENCE)]
    pub insights: bool,
    /// Estimate API calls, bytes and dollars; download no logs.
    #[arg(long, help_heading = AWS)]
    pub dry_run: bool,
    /// Use this time as the current time, for repeatable runs (for example 2026-11-23T00:00:00Z).
    #[arg(long, value_name = "TIME", help_heading = WHAT)]
    pub now: Option<Timestamp>,
    #[command(flatten)]
    pub places: Places,
    /// Whether logs are read.
    #[arg(skip = true)]
    pub logs: bool,
}

/// Which accounts and regions are called, and how.
#[derive(Debug, Args)]
#[command(next_help_heading = AWS)]
pub(super) struct Places {
    /// AWS region (repeatable). Default: the region of the environment or profile.
    #[arg(long, value_name = "REGION")]
    pub region: Vec<String>,
    /// All enabled regions of each account.
    #[arg(long, conflicts_with = "region")]
    pub all_regions: bool,
    /// Profile from the AWS configuration files (repeatable).
    #[arg(long, value_name = "PROFILE")]
    pub profile: Vec<String>,
    /// Role to assume, one for each account (repeatable).
    #[arg(long, value_name = "ARN")]
    pub role_arn: Vec<String>,
    /// Name of the role to assume in each account of --accounts or --organization.
    #[arg(long, value_name = "NAME", conflicts_with = "role_arn")]
    pub role_name: Option<String>,
    /// Account numbers (comma-separated).
    #[arg(long, value_name = "NUMBERS", value_delimiter = ',', requires = "role_name")]
    pub accounts: Vec<String>,
    /// All active accounts of the AWS organization.
    #[arg(long, requires = "role_name")]
    pub organization: bool,
    /// Only instances with this tag (repeatable).
    #[arg(long, value_name = "KEY=VALUE", help_heading = WHAT)]
    pub tag: Vec<Tag>,
    /// Maximum calls per second of each API action, per account and region. Default: as many as AWS accepts.
    #[arg(long, value_name = "RATE", value_parser = rate)]
    pub max_rate: Option<f64>,
    /// Seconds to wait for AWS credentials, for example while a program asks for an MFA code.
    #[arg(long, value_name = "SECONDS", default_value_t = 180, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub credentials_timeout: u64,
}

fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "use a number of calls per second".to_owned())?;
    // A call that waits for minutes goes out with a signature that has expired.
    if rate.is_finite() && rate >= 0.1 { Ok(rate) } else { Err("use 0.1 or more".to_owned()) }
}

impl Places {
    fn accounts(&self) -> Accounts {
        Accounts {
            profiles: self.profile.clone(),
            roles: self.role_arn.clone(),
            role_name: self.role_name.clone(),
            numbers: self.accounts.clone(),
            organization: self.organization,
            patience: Duration::from_secs(self.credentials_timeout),
        }
    }

    fn regions(&self) -> Regions {
        match self.region.as_slice() {
            _ if self.all_regions => Regions::All,
            [] => Regions::Own,
            named => Regions::Named(named.to_vec()),
        }
    }

    /// The accounts and regions to ask, each once, and what of them cannot be asked.
    async fn reach(&self) -> Result<(Vec<Aws>, Vec<Error>)> {
        if self.role_name.is_some() && self.accounts.is_empty() && !self.organization {
            return Err(Error::new(ErrorKind::Usage, "--role-name", "no accounts are given")
                .hint("add --accounts or --organization"));
        }
        let (mut reached, mut failed) = (Vec::new(), Vec::new());
        let mut seen = BTreeSet::new();
        let accounts = self.accounts().resolve().await;
        let found = accounts.into_iter().map(|account| async {
            let account = account?;
            self.regions().of(&account).await.map(|found| (account, found))
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
        Ok((reached, failed))
    }
}

impl Fleet {
    /// The requested window, up to `now`.
    pub fn window(&self, now: Timestamp) -> Window {
        Window::days_before(now, self.days)
    }

    /// The filter on instances.
    pub fn filter(&self) -> Filter {
        let (instances, engines) = (self.instance.clone(), self.engine.clone());
        Filter { instances, engines, tags: self.places.tag.clone() }
    }

    fn request(&self, now: Timestamp) -> Request {
        let (filter, window) = (self.filter(), self.window(now));
        let log_format = self.log_format.clone();
        Request { filter, window, logs: self.logs, source: self.source, log_format, insights: self.insights }
    }

    /// Collects into the bundle at `path`; returns the time under which the inventories stand there, and what could not be
    /// written into it, as on a full disk.
    ///
    /// An account or region that cannot be asked does not keep the others from it: it is an error in the bundle, and an
    /// error of the run only when there is no other, or when no instance is found anywhere that is meant.
    pub fn gather(&self, path: &Path) -> Result<(Timestamp, Vec<Problem>)> {
        let now = self.now.unwrap_or_else(Timestamp::now);
        let bundle = Bundle::create(path)?;
        // Before anything is added: what this run is told of its own errors is not merged with what others found.
        bundle.compact(MOST_PARTS)?.iter().for_each(|error| complain(error));
        let known = Arc::new(bundle.parts()?);
        let progress: Arc<dyn Progress> = Arc::new(Bar::new("reading the inventory"));
        let request = Arc::new(self.request(now));
        let (asked, unreached) = self.everywhere(|aws| {
            let (bundle, request) = (bundle.clone(), Arc::clone(&request));
            let (known, progress) = (Arc::clone(&known), Arc::clone(&progress));
            async move {
                let asked = collect(&aws, &request, &bundle, &known, &progress).await;
                let asked = asked.map_err(|error| error.at(aws.account.as_deref(), &aws.region));
                let failure = |error| bundle.write_failure(now, aws.account.as_deref(), &aws.region, error);
                let is_told = asked.as_ref().map_or_else(|error| failure(error).is_ok(), |_| true);
                Ok((asked, is_told))
            }
        })?;
        let (mut fleets, mut failed, mut unwritten) = (Vec::new(), Vec::new(), Vec::new());
        for (asked, is_told) in asked {
            match asked {
                Ok(fleet) => fleets.push(fleet),
                Err(error) => {
                    unwritten.extend((!is_told).then(|| Problem::from(&error)));
                    failed.push(error);
                }
            }
        }
        let absent = self.absent(&fleets);
        let found = fleets.iter().any(|fleet| !fleet.instances.is_empty());
        // An absent instance may be in an account or region that could not be read: then the report says so.
        let in_vain = !found && !absent.is_empty() && failed.is_empty() && unreached.is_empty();
        let without_place: Vec<Error> = unreached.into_iter().chain(absent).collect();
        if in_vain || fleets.is_empty() {
            failed.extend(without_place);
            return together(failed).map_or(Ok((now, unwritten)), Err);
        }
        let untold = |error: &&Error| bundle.write_failure(now, None, error.subject(), error).is_err();
        unwritten.extend(without_place.iter().filter(untold).map(Problem::from));
        Ok((now, unwritten))
    }

    /// What `gather` would ask of AWS, by account and region, and what could not be asked for it. Nothing is written. When
    /// nothing can be asked anywhere, that is an error of the run, as it is for `gather`.
    pub fn plan(&self, path: &Path) -> Result<(Vec<Plan>, Vec<Error>)> {
        let now = self.now.unwrap_or_else(Timestamp::now);
        let known = if path.join("bundle.json").exists() { Bundle::open(path)?.parts()? } else { Parts::default() };
        let (known, request) = (Arc::new(known), Arc::new(self.request(now)));
        let progress: Arc<dyn Progress> = Arc::new(Bar::new("reading the inventory"));
        let (plans, failed) = self.everywhere(|aws| {
            let (known, request, progress) = (Arc::clone(&known), Arc::clone(&request), Arc::clone(&progress));
            async move {
                let planned = plan(&aws, &request, &known, &progress).await;
                planned.map_err(|error| error.at(aws.account.as_deref(), &aws.region))
            }
        })?;
        match plans.is_empty() {
            true => together(failed).map_or(Ok((plans, Vec::new())), Err),
            false => Ok((plans, failed)),
        }
    }

    /// Does something in every account and region, in many at the same time. Returns what was done, and what could not be.
    fn everywhere<T, F>(&self, work: impl Fn(Aws) -> F) -> Result<(Vec<T>, Vec<Error>)>
    where
        T: Send + 'static,
        F: Future<Output = Result<T>> + Send + 'static,
    {
        runtime()?.block_on(async {
            let (reached, mut failed) = self.places.reach().await?;
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
            Ok((all, failed))
        })
    }

    /// Errors for named instances that do not exist, and for filters that match no instance, which may be a typing error.
    fn absent(&self, fleets: &[inventory::Fleet]) -> Vec<Error> {
        let there: Vec<&str> =
            fleets.iter().flat_map(|fleet| &fleet.instances).map(|profile| profile.instance.as_str()).collect();
        let absent = self.instance.iter().filter(|wanted| !there.iter().any(|name| wanted.matches(name)));
        let named = absent.map(|wanted| {
            let message = match wanted.is_exact() {
                true => "the instance does not exist in these accounts and regions",
                false => "no instance matches",
            };
            Error::new(ErrorKind::NotFound, wanted.as_str(), message)
                .hint("check the identifier, the region and the profile")
        });
        let none = there.is_empty() && self.instance.is_empty() && !self.filter().is_empty();
        named.chain(none.then(none_is_meant)).collect()
    }
}

/// Combines errors into one; none if there are none.
fn together(mut failed: Vec<Error>) -> Option<Error> {
    failed.sort_by_key(ToString::to_string);
    let mut failed = failed.into_iter();
    let first = failed.next()?;
    Some(first.and(failed.collect()))
}

/// The error when no instance matches the filters.
pub(super) fn none_is_meant() -> Error {
    Error::new(ErrorKind::NotFound, "--engine, --tag", "no instance matches the filters")
        .hint("check their spelling, the region and the profile")
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::new(ErrorKind::Io, "threads", "could not start threads").because(error))
}
