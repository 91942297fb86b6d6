//! Which accounts, regions and instances a command is about, and how far back it looks.

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

/// Which instances, and how far back.
#[derive(Debug, Args)]
pub(super) struct Fleet {
    /// Days to look back.
    #[arg(long, default_value_t = 14, value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub days: u32,
    #[command(flatten)]
    pub places: Places,
    /// Only instances with this identifier, in which * and ? are wildcards (quote them); may be given more than once.
    #[arg(long, value_name = "ID")]
    pub instance: Vec<NamePattern>,
    /// Only instances of this engine, as postgres or aurora-mysql; may be given more than once.
    #[arg(long, value_name = "ENGINE")]
    pub engine: Vec<String>,
    /// Where logs are read: RDS's own files, what is exported to CloudWatch Logs, or files first and CloudWatch Logs for
    /// what they do not show.
    #[arg(long, value_enum, default_value_t = Source::Auto)]
    pub source: Source,
    /// Format of the logs, where it cannot be found out from the text: stderr, csvlog, general, audit, listener, ...
    #[arg(long, value_name = "FORMAT")]
    pub log_format: Option<String>,
    /// Query log groups of the class Infrequent Access, which cannot be read otherwise. AWS charges for what is scanned.
    #[arg(long)]
    pub insights: bool,
    /// Say how many calls, bytes and dollars it would take, and download nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Pretend that it is this time, as 2026-11-23T00:00:00Z, so that a run can be repeated.
    #[arg(long, value_name = "TIME")]
    pub now: Option<Timestamp>,
    /// Whether logs are read.
    #[arg(skip = true)]
    pub logs: bool,
}

/// Which accounts and regions are asked, and how.
#[derive(Debug, Args)]
pub(super) struct Places {
    /// AWS region; may be given more than once. Else the one of the environment or the profile.
    #[arg(long, value_name = "REGION")]
    pub region: Vec<String>,
    /// All regions that are enabled in the account.
    #[arg(long, conflicts_with = "region")]
    pub all_regions: bool,
    /// Profile of the AWS configuration files; may be given more than once.
    #[arg(long, value_name = "PROFILE")]
    pub profile: Vec<String>,
    /// Role to assume, one for each account; may be given more than once.
    #[arg(long, value_name = "ARN")]
    pub role_arn: Vec<String>,
    /// Name of the role to assume in each of --accounts, or in each account of the --organization.
    #[arg(long, value_name = "NAME", conflicts_with = "role_arn")]
    pub role_name: Option<String>,
    /// Account numbers, with commas between them.
    #[arg(long, value_name = "NUMBERS", value_delimiter = ',', requires = "role_name")]
    pub accounts: Vec<String>,
    /// All active accounts of the organization.
    #[arg(long, requires = "role_name")]
    pub organization: bool,
    /// Only instances with this tag; may be given more than once.
    #[arg(long, value_name = "KEY=VALUE")]
    pub tag: Vec<Tag>,
    /// Most calls a second of any one action, in each account and region. Else as many as AWS takes.
    #[arg(long, value_name = "RATE", value_parser = rate)]
    pub max_rate: Option<f64>,
    /// Seconds to wait for AWS credentials, such as for a program that asks for a code.
    #[arg(long, value_name = "SECONDS", default_value_t = 180, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub credentials_timeout: u64,
}

fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "it is not a number".to_owned())?;
    // A call that waits for minutes goes out with a signature that has expired.
    if rate.is_finite() && rate >= 0.1 { Ok(rate) } else { Err("it must be 0.1 or more".to_owned()) }
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
            return Err(Error::new(ErrorKind::Usage, "--role-name", "it is not said in which accounts")
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
    /// The window that is asked for, up to `now`.
    pub fn window(&self, now: Timestamp) -> Window {
        Window::days_before(now, self.days)
    }

    /// Which instances are meant.
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
        let progress: Arc<dyn Progress> = Arc::new(Bar::new("taking the inventory"));
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
        // What one place does not have may be in another that could not be asked: then the report names that.
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
        let progress: Arc<dyn Progress> = Arc::new(Bar::new("taking the inventory"));
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

    /// The instances that were named and that nobody has; and that there are none at all that fulfil the other conditions,
    /// for that may be a slip of the pen.
    fn absent(&self, fleets: &[inventory::Fleet]) -> Vec<Error> {
        let there: Vec<&str> =
            fleets.iter().flat_map(|fleet| &fleet.instances).map(|profile| profile.instance.as_str()).collect();
        let absent = self.instance.iter().filter(|wanted| !there.iter().any(|name| wanted.matches(name)));
        let named = absent.map(|wanted| {
            let message = match wanted.is_exact() {
                true => "there is no such instance where it was looked for",
                false => "no instance matches",
            };
            Error::new(ErrorKind::NotFound, wanted.as_str(), message)
                .hint("check the identifier, the region and the profile")
        });
        let none = there.is_empty() && self.instance.is_empty() && !self.filter().is_empty();
        named.chain(none.then(none_is_meant)).collect()
    }
}

/// What went wrong everywhere, as one error; none where nothing did.
fn together(mut failed: Vec<Error>) -> Option<Error> {
    failed.sort_by_key(ToString::to_string);
    let mut failed = failed.into_iter();
    let first = failed.next()?;
    Some(first.and(failed.collect()))
}

/// That no instance is what was asked for.
pub(super) fn none_is_meant() -> Error {
    Error::new(ErrorKind::NotFound, "--engine, --tag", "no instance is there that fits")
        .hint("check how they are written, the region and the profile")
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::new(ErrorKind::Io, "threads", "this machine lets no more be started").because(error))
}
