//! Options that select accounts, regions, instances and days, and the collection from AWS.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use jiff::Timestamp;

use super::collection_summary::CollectionSummary;
use super::heading::{AWS, EVIDENCE, OUTPUT, WHAT};
use super::progress::Bar;
use super::working_copies::{self, Access};
use super::{complain_of, interrupt};
use crate::aws::{Accounts, Aws, Regions};
use crate::bundle::{Evidence, Scope, load};
use crate::collect::{Collected, FleetRequest, Plan, Quick, Request, Source};
use crate::error::{Error, ErrorKind, Result};
use crate::inventory::{Filter, NamePattern, Tag};
use crate::problem::Problem;
use crate::progress::Progress;
use crate::window::Window;

/// Days that are analyzed, unless the user gives another number.
pub const DAYS: u32 = 14;

/// Which instances are analyzed, and over how many days.
#[derive(Debug, Args)]
pub(super) struct Fleet {
    /// Number of days to analyze, up to now or to the last collection of the bundle.
    #[arg(long, help_heading = WHAT, default_value_t = DAYS, value_parser = days)]
    pub days: u32,
    /// Only this instance; * and ? are wildcards (repeatable).
    #[arg(long, value_name = "ID", help_heading = WHAT)]
    pub instance: Vec<NamePattern>,
    /// Only instances of this engine, for example postgres or aurora-mysql (repeatable).
    #[arg(long, value_name = "ENGINE", help_heading = WHAT, value_parser = Filter::engine)]
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
    /// Use this time as the current time, for repeatable runs (for example 2026-11-23T00:00:00Z).
    #[arg(long, value_name = "TIME", help_heading = WHAT, value_parser = time)]
    pub now: Option<Timestamp>,
    #[command(flatten)]
    pub places: Places,
    /// Estimate API calls, bytes and dollars; download no logs.
    #[arg(long, help_heading = OUTPUT)]
    pub dry_run: bool,
    /// Whether logs are read.
    #[arg(skip = true)]
    pub logs: bool,
    /// What makes a verdict certain without the rest of the logs.
    #[arg(skip)]
    pub quick: Option<Quick>,
}

/// The options of calls, which exclude `--from`. An error names only those that are given, unlike for a group.
pub(super) const PLACES: [&str; 7] =
    ["all_regions", "profile", "role_arn", "role_name", "organization", "max_rate", "credentials_timeout"];

/// Which accounts and regions are called, and how.
#[derive(Debug, Args)]
#[command(next_help_heading = AWS)]
pub(super) struct Places {
    /// Only this account (repeatable). With --role-name: the accounts in which to assume the role.
    #[arg(long, visible_alias = "accounts", value_name = "NUMBER", value_delimiter = ',', value_parser = account, help_heading = WHAT)]
    pub account: Vec<String>,
    /// Only these AWS regions (comma-separated or repeated). Default: the region of the environment or profile; all regions of a bundle.
    #[arg(long, value_name = "REGION", value_delimiter = ',', value_parser = region, help_heading = WHAT)]
    pub region: Vec<String>,
    /// All enabled regions of each account.
    #[arg(long, conflicts_with = "region")]
    pub all_regions: bool,
    /// Profile from the AWS configuration files (repeatable).
    #[arg(long, value_name = "PROFILE")]
    pub profile: Vec<String>,
    /// Role to assume, one for each account (repeatable).
    #[arg(long, value_name = "ARN", value_parser = role_arn)]
    pub role_arn: Vec<String>,
    /// Name of the role to assume in each account of --account or --organization.
    #[arg(long, value_name = "NAME", conflicts_with = "role_arn")]
    pub role_name: Option<String>,
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

pub(super) fn days(text: &str) -> Result<u32, String> {
    let days = text.parse().ok().filter(|days| (1..=3650).contains(days));
    days.ok_or_else(|| "use a number of days from 1 to 3650".to_owned())
}

pub(super) fn time(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| "use a time such as 2026-11-23T00:00:00Z".to_owned())
}

/// An account number, also with the hyphens of AWS's console and of `--format spreadsheet`: `1234-5678-9012`.
///
/// Source: "View AWS account identifiers" in the AWS account management guide.
fn account(text: &str) -> Result<String, String> {
    let number = text.replace('-', "");
    match number.len() == 12 && number.bytes().all(|byte| byte.is_ascii_digit()) {
        true => Ok(number),
        false => Err("use an account number of 12 digits".to_owned()),
    }
}

/// The name of a region: words of lowercase letters, and a number at the end.
///
/// Source: "Regions, Availability Zones, and Local Zones" in the RDS user guide.
fn region(text: &str) -> Result<String, String> {
    let text = text.trim();
    let words: Vec<&str> = text.split('-').collect();
    let is_of = |word: &str, is: fn(&u8) -> bool| !word.is_empty() && word.bytes().all(|byte| is(&byte));
    match words.as_slice() {
        [area, direction @ .., number]
            if !direction.is_empty()
                && is_of(area, u8::is_ascii_lowercase)
                && direction.iter().all(|word| is_of(word, u8::is_ascii_lowercase))
                && is_of(number, u8::is_ascii_digit) =>
        {
            Ok(text.to_owned())
        }
        _ => Err("use the name of a region, for example eu-west-1".to_owned()),
    }
}

/// Source: "IAM identifiers" in the IAM user guide.
fn role_arn(text: &str) -> Result<String, String> {
    match text.splitn(6, ':').collect::<Vec<_>>().as_slice() {
        ["arn", _, "iam", "", _, role] if role.starts_with("role/") => Ok(text.to_owned()),
        _ => Err("use an ARN, for example arn:aws:iam::123456789012:role/auditor".to_owned()),
    }
}

fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "use a number of calls per second".to_owned())?;
    // A call that waits for minutes goes out with a signature that has expired.
    if rate.is_finite() && rate >= 0.1 { Ok(rate) } else { Err("use 0.1 or more".to_owned()) }
}

impl Places {
    fn accounts(&self) -> Result<Accounts> {
        if self.role_name.is_some() && self.account.is_empty() && !self.organization {
            return Err(Error::new(ErrorKind::Usage, "--role-name", "no accounts are given")
                .hint("add --account or --organization"));
        }
        Ok(Accounts {
            profiles: self.profile.clone(),
            roles: self.role_arn.clone(),
            role_name: self.role_name.clone(),
            numbers: self.account.clone(),
            organization: self.organization,
            patience: Duration::from_secs(self.credentials_timeout),
        })
    }

    /// The options that choose credentials, as they are typed.
    pub fn credentials(&self) -> Vec<String> {
        let option = |name: &str, values: &[String]| -> Vec<String> {
            values.iter().flat_map(|value| [name.to_owned(), value.clone()]).collect()
        };
        let role_name = Vec::from_iter(self.role_name.clone());
        let organization = self.organization.then(|| "--organization".to_owned());
        let named = [("--profile", &self.profile), ("--role-arn", &self.role_arn), ("--role-name", &role_name)];
        named.into_iter().flat_map(|(name, values)| option(name, values)).chain(organization).collect()
    }

    /// With what credentials S3 is called: those of the first profile.
    pub fn access(&self) -> Access<'_> {
        let patience = Duration::from_secs(self.credentials_timeout);
        Access { profile: self.profile.first().map(String::as_str), patience }
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
    /// The instances that these options choose, of which no logs are read.
    pub fn without_logs(
        days: u32,
        places: Places,
        (instance, engine): (Vec<NamePattern>, Vec<String>),
        now: Option<Timestamp>,
    ) -> Self {
        let (source, log_format, insights, dry_run, logs) = (Source::Auto, None, false, false, false);
        Self { days, instance, engine, source, log_format, insights, dry_run, now, places, logs, quick: None }
    }

    /// The requested window, up to `now`.
    pub fn window(&self, now: Timestamp) -> Window {
        Window::days_before(now, self.days)
    }

    /// The filter on instances.
    pub fn filter(&self) -> Filter {
        let Places { account, region, tag, .. } = &self.places;
        Filter {
            accounts: account.clone(),
            regions: region.clone(),
            instances: self.instance.clone(),
            engines: self.engine.clone(),
            tags: tag.clone(),
        }
    }

    fn request(&self, now: Timestamp) -> Result<FleetRequest> {
        let (filter, window) = (self.filter(), self.window(now));
        let log_format = self.log_format.clone();
        let (source, insights, quick) = (self.source, self.insights, self.quick.clone());
        let request = Request { filter, window, logs: self.logs, source, log_format, insights, quick };
        let (accounts, regions) = (self.places.accounts()?, self.places.regions());
        Ok(FleetRequest { accounts, regions, max_rate: self.places.max_rate, request })
    }

    /// Collects into the bundle at `path`, and returns what this run collected.
    pub fn gather(&self, path: &Path) -> Result<(Evidence, CollectionSummary)> {
        let now = self.now.unwrap_or_else(Timestamp::now);
        let bar = Arc::new(Bar::new("reading the inventory"));
        let counts = Arc::clone(bar.counts());
        interrupt::collecting(path, &counts);
        let progress: Arc<dyn Progress> = bar;
        let local = working_copies::extended(path, self.places.access())?;
        let collected = runtime()?.block_on(self.request(now)?.collect(&local, &progress));
        // What was collected before an error is evidence, too.
        let published = working_copies::publish(path);
        if let (Err(lost), Err(_)) = (&published, &collected) {
            complain_of(&lost.all().map(Problem::from).collect::<Vec<_>>());
        }
        let Collected { asked, unwritten } = collected?;
        published?;
        interrupt::collected();
        let mut evidence = load(&[local], Scope::Run(now, &asked))?;
        // Another run with the same --now may have collected others of the same account and region.
        evidence.keep_instances(&self.filter())?;
        evidence.errors.extend(unwritten);
        let instances = evidence.instances.len();
        Ok((evidence, CollectionSummary { bundle: path.to_owned(), instances, logs: self.logs, counts }))
    }

    /// The accounts and regions, and what of them cannot be asked.
    pub async fn reach(&self, progress: &Arc<dyn Progress>) -> Result<(Vec<Aws>, Vec<Error>)> {
        let now = self.now.unwrap_or_else(Timestamp::now);
        Ok(self.request(now)?.reach(progress).await)
    }

    /// What `gather` would ask of AWS, by account and region, and what could not be asked for it.
    pub fn plan(&self, path: &Path) -> Result<(Vec<Plan>, Vec<Error>)> {
        let progress: Arc<dyn Progress> = Arc::new(Bar::new("reading the inventory"));
        let now = self.now.unwrap_or_else(Timestamp::now);
        let path = working_copies::local(path, self.places.access())?;
        runtime()?.block_on(self.request(now)?.plan(&path, &progress))
    }
}

pub(super) fn runtime() -> Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::new(ErrorKind::Io, "threads", "could not start threads").because(error))
}
