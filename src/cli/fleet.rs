//! Which accounts, regions and instances a command is about, and how far back it looks.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;

use super::progress::Bar;
use crate::aws::{Accounts, Regions};
use crate::bundle::{Evidence, Scope, load};
use crate::collect::{FleetRequest, Plan, Request, Source};
use crate::error::{Error, ErrorKind, Result};
use crate::inventory::{Filter, Tag};
use crate::progress::Progress;
use crate::window::Window;

/// Which instances, and how far back.
#[derive(Debug, Args)]
pub(super) struct Fleet {
    /// Days to look back.
    #[arg(long, default_value_t = 14, value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub days: u32,
    #[command(flatten)]
    pub places: Places,
    /// Only this instance; may be given more than once.
    #[arg(long, value_name = "ID")]
    pub instance: Vec<String>,
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
    fn accounts(&self) -> Result<Accounts> {
        if self.role_name.is_some() && self.accounts.is_empty() && !self.organization {
            return Err(Error::new(ErrorKind::Usage, "--role-name", "it is not said in which accounts")
                .hint("add --accounts or --organization"));
        }
        Ok(Accounts {
            profiles: self.profile.clone(),
            roles: self.role_arn.clone(),
            role_name: self.role_name.clone(),
            numbers: self.accounts.clone(),
            organization: self.organization,
            patience: Duration::from_secs(self.credentials_timeout),
        })
    }

    fn regions(&self) -> Regions {
        match self.region.as_slice() {
            _ if self.all_regions => Regions::All,
            [] => Regions::Own,
            named => Regions::Named(named.to_vec()),
        }
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

    fn request(&self, now: Timestamp) -> Result<FleetRequest> {
        let (filter, window) = (self.filter(), self.window(now));
        let log_format = self.log_format.clone();
        let request =
            Request { filter, window, logs: self.logs, source: self.source, log_format, insights: self.insights };
        let (accounts, regions) = (self.places.accounts()?, self.places.regions());
        Ok(FleetRequest { accounts, regions, max_rate: self.places.max_rate, request })
    }

    /// Collects into the bundle at `path`, and returns what this run collected.
    pub fn gather(&self, path: &Path) -> Result<Evidence> {
        let now = self.now.unwrap_or_else(Timestamp::now);
        let unwritten = runtime()?.block_on(self.request(now)?.collect(path, &inventory_bar()))?;
        let mut evidence = load(&[path.to_owned()], Scope::TakenAt(now))?;
        evidence.errors.extend(unwritten);
        Ok(evidence)
    }

    /// What `gather` would ask of AWS, by account and region, and what could not be asked for it.
    pub fn plan(&self, path: &Path) -> Result<(Vec<Plan>, Vec<Error>)> {
        let now = self.now.unwrap_or_else(Timestamp::now);
        runtime()?.block_on(self.request(now)?.plan(path, &inventory_bar()))
    }
}

fn inventory_bar() -> Arc<dyn Progress> {
    Arc::new(Bar::new("taking the inventory"))
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::new(ErrorKind::Io, "threads", "this machine lets no more be started").because(error))
}
