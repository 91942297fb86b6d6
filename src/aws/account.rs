//! The accounts of a run, and their credentials.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::identity::IdentityCache;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_credential_types::provider::SharedCredentialsProvider;
use futures_util::{StreamExt, stream};

use super::credential_failure::{CredentialFailure, TRUST};
use super::credentials::{Origin, Renewed};
use super::failure::{LONGER, cause, waited_for};
use super::{Aws, Regions, endpoint, integrity, list, loader, network};
use crate::error::{Error, ErrorKind, Result};
use crate::progress::Progress;

/// The session name under which roles are assumed, as audit trails show it.
pub(super) const SESSION: &str = "ssl-usage";

/// Timeout for the number of an account.
const PATIENCE: Duration = Duration::from_secs(10);

/// Roles that are assumed at the same time.
const AT_ONCE: usize = 16;

/// The accounts of a run.
#[derive(Clone, Debug)]
pub struct Accounts {
    /// Profiles of the configuration files; the environment's own when empty.
    pub profiles: Vec<String>,
    /// ARNs of roles to assume, one for each account.
    pub roles: Vec<String>,
    /// Name of a role to assume in each of `numbers`, or in the organization's accounts.
    pub role_name: Option<String>,
    /// Numbers of the accounts that are asked; all that the credentials lead to when empty.
    pub numbers: Vec<String>,
    /// All active accounts of the organization; of `numbers`, if there are any.
    pub organization: bool,
    /// Timeout for credentials.
    pub patience: Duration,
}

/// One account, with credentials for it.
#[derive(Clone)]
pub struct Account {
    /// Its number, where it could be asked.
    pub number: Option<String>,
    /// ARN of the identity that its credentials belong to, likewise.
    pub caller: Option<String>,
    /// The region that its configuration names.
    pub region: Option<String>,
    pub(super) config: SdkConfig,
    pub(super) credentials: Renewed,
    pub(super) progress: Arc<dyn Progress>,
}

impl fmt::Debug for Account {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("Account").field(&self.number).finish()
    }
}

/// What all accounts of a run have in common.
struct Run<'r> {
    regions: &'r Regions,
    progress: &'r Arc<dyn Progress>,
    /// Warnings so far.
    warned: Mutex<BTreeSet<String>>,
}

impl Run<'_> {
    /// Warns once, however many profiles lead to it.
    fn warn(&self, warnings: Vec<Error>) {
        let mut warned = self.warned.lock().unwrap_or_else(PoisonError::into_inner);
        warnings.iter().filter(|warning| warned.insert(warning.to_string())).for_each(|new| self.progress.warn(new));
    }
}

impl Accounts {
    /// Sets up the accounts, in which `regions` are asked. What fails with one of them does not keep the others from being
    /// asked.
    pub async fn resolve(&self, regions: &Regions, progress: &Arc<dyn Progress>) -> Vec<Result<Account>> {
        let accounts = self.all(&Run { regions, progress, warned: Mutex::default() }).await;
        // Roles by name are assumed in these accounts only.
        if self.numbers.is_empty() || self.role_name.is_some() {
            return accounts;
        }
        let mut chosen = Vec::new();
        for account in accounts {
            match account {
                Ok(account) if account.number.as_ref().is_some_and(|number| !self.numbers.contains(number)) => {}
                Ok(account) if account.number.is_none() => chosen.push(Err(unknown_number())),
                other => chosen.push(other),
            }
        }
        // An error of another role does not explain why an account is missing.
        let explains = |error: &Error, number: &String| number_of(error.subject()).is_none_or(|of| of == *number);
        let is_known = |number: &&String| {
            let is_it = |account: &Account| account.number.as_ref() == Some(*number);
            chosen.iter().any(|found| found.as_ref().map_or_else(|error| explains(error, number), is_it))
        };
        let absent: Vec<_> = self.numbers.iter().filter(|number| !is_known(number)).map(|it| not_found(it)).collect();
        chosen.extend(absent.into_iter().map(Err));
        chosen
    }

    /// The accounts that the credentials lead to.
    async fn all(&self, run: &Run<'_>) -> Vec<Result<Account>> {
        let profiles = match self.profiles.as_slice() {
            [] => vec![None],
            named => named.iter().map(|name| Some(name.as_str())).collect(),
        };
        let mut accounts = Vec::new();
        for profile in profiles {
            // One after the other: the programs of two profiles may ask for codes at the same terminal.
            let own = match Account::of_profile(profile, self.patience, run).await {
                Ok(own) => own,
                Err(error) => {
                    accounts.push(Err(error));
                    continue;
                }
            };
            let mut roles: Vec<String> = self.roles.clone();
            if let Some(name) = &self.role_name {
                match self.members(&own).await {
                    Ok((members, absent)) => {
                        roles.extend(members.iter().map(|number| role(&own, number, name)));
                        accounts.extend(absent.into_iter().map(Err));
                    }
                    Err(error) => accounts.push(Err(error)),
                }
            }
            if self.roles.is_empty() && self.role_name.is_none() {
                accounts.push(Ok(own));
                continue;
            }
            let assumed = roles.iter().map(|arn| self.assume(&own, arn, run));
            accounts.extend(stream::iter(assumed).buffered(AT_ONCE).collect::<Vec<_>>().await);
        }
        accounts
    }

    async fn assume(&self, own: &Account, arn: &str, run: &Run<'_>) -> Result<Account> {
        // The account that asks needs no role in itself.
        let is_own = self.roles.is_empty() && own.number.is_some() && number_of(arn) == own.number;
        if is_own { Ok(own.clone()) } else { own.assume(arn, self.patience, run).await }
    }

    /// The numbers of the accounts in which the role is assumed, and an error for each that the organization lacks.
    async fn members(&self, own: &Account) -> Result<(Vec<String>, Vec<Error>)> {
        let (mut numbers, mut absent) = (self.numbers.clone(), Vec::new());
        if self.organization {
            const ACTION: &str = "organizations:ListAccounts";
            let config = aws_sdk_organizations::config::Builder::from(&own.config)
                .interceptor(integrity::WholeAnswers(integrity::whole_json))
                .retry_classifier(integrity::RetryCutAnswers);
            let client = aws_sdk_organizations::Client::from_conf(config.build());
            let accounts = list(
                "organization",
                ACTION,
                |token| client.list_accounts().set_next_token(token).send(),
                |page| (page.accounts, page.next_token),
            );
            let is_active = |account: &aws_sdk_organizations::types::Account| {
                account.state().is_none_or(|state| state.as_str() == "ACTIVE")
            };
            numbers = accounts.await?.into_iter().filter(is_active).filter_map(|found| found.id).collect();
            let is_absent = |number: &&String| !numbers.contains(*number);
            absent.extend(self.numbers.iter().filter(is_absent).map(|number| {
                Error::new(ErrorKind::NotFound, number, "the organization has no such active account")
                    .hint("check --account")
            }));
            numbers.retain(|number| self.numbers.is_empty() || self.numbers.contains(number));
        }
        numbers.sort_unstable();
        numbers.dedup();
        Ok((numbers, absent))
    }
}

impl Account {
    async fn of_profile(profile: Option<&str>, patience: Duration, run: &Run<'_>) -> Result<Self> {
        let (config, credentials) = credentials(profile, patience, run.regions, run.progress).await?;
        run.warn(endpoint::unencrypted(&config));
        Ok(Self::new(&config, credentials, run).await)
    }

    async fn new(config: &SdkConfig, credentials: Renewed, run: &Run<'_>) -> Self {
        // What is kept is kept by `Renewed`, so that what AWS refuses can be asked for anew.
        let provider = SharedCredentialsProvider::new(credentials.clone());
        let config = config.to_builder().credentials_provider(provider).identity_cache(IdentityCache::no_cache());
        let config = config.build();
        let region = config.region().map(ToString::to_string).filter(|region| !region.is_empty());
        let (number, caller) = identity(&config, run.regions.home(region.as_deref())).await.unwrap_or_default();
        Self { number, caller, region, config, credentials, progress: Arc::clone(run.progress) }
    }

    async fn assume(&self, arn: &str, patience: Duration, run: &Run<'_>) -> Result<Self> {
        const ACTION: &str = "sts:AssumeRole";
        let home = run.regions.home(self.region.as_deref()).map(aws_config::Region::new);
        let (by, with) = (Box::new(self.config.to_builder().region(home).build()), self.credentials.clone());
        let credentials = Renewed::new(Origin::Role { arn: arn.to_owned(), by, with }, patience);
        credentials.check().await.map_err(|error| {
            let made = match (cause::<CredentialFailure>(&error), waited_for(&error)) {
                (Some(failure), _) => failure.error(),
                (None, Some(waited)) => Error::new(ErrorKind::Credentials, arn, waited).hint(LONGER),
                (None, None) => Error::new(ErrorKind::Denied, arn, "the role could not be assumed").hint(TRUST),
            };
            made.call(ACTION, None).because(error)
        })?;
        let mut account = Self::new(&self.config, credentials, run).await;
        account.number = account.number.or_else(|| number_of(arn));
        Ok(account)
    }

    /// The clients of this account in a region. `most` is the highest rate of any action, in calls a second.
    pub fn in_region(&self, region: &str, most: Option<f64>) -> Aws {
        Aws::new(self, region, most)
    }
}

/// The configuration of a profile, or of what the environment names, and its credentials, which are there.
pub(super) async fn credentials(
    profile: Option<&str>,
    patience: Duration,
    regions: &Regions,
    progress: &Arc<dyn Progress>,
) -> Result<(SdkConfig, Renewed)> {
    let http = network::client(profile, progress).await?;
    let config = loader(profile, http).load().await;
    endpoint::check(&config)?;
    let home = regions.home(config.region().map(AsRef::as_ref)).map(aws_config::Region::new);
    let by = Box::new(config.to_builder().region(home).build());
    let origin = Origin::Chain { profile: profile.map(str::to_owned), by };
    let credentials = Renewed::new(origin, patience);
    credentials.check().await.map_err(|error| {
        let made = match (cause::<CredentialFailure>(&error), waited_for(&error)) {
            (Some(failure), _) => failure.error(),
            (None, waited) => {
                let happened = waited.unwrap_or_else(|| "there are no AWS credentials".to_owned());
                Error::new(ErrorKind::Credentials, profile.unwrap_or("credentials"), happened).hint(LONGER)
            }
        };
        made.because(error)
    })?;
    Ok((config, credentials))
}

/// Number of an account, and ARN of an identity in it.
type Identity = (Option<String>, Option<String>);

/// The account and the identity that a configuration's credentials belong to. It needs no permission; where they cannot be
/// asked for, the ARNs of instances contain the account.
async fn identity(config: &SdkConfig, home: Option<String>) -> Option<Identity> {
    let home = home.unwrap_or_else(|| "us-east-1".to_owned());
    let config = config.to_builder().region(aws_config::Region::new(home)).build();
    // A network without a way to the token service is not waited for.
    let config = aws_sdk_sts::config::Builder::from(&config)
        .retry_config(RetryConfig::standard().with_max_attempts(2))
        .timeout_config(TimeoutConfig::builder().operation_timeout(PATIENCE).build());
    let answer = aws_sdk_sts::Client::from_conf(config.build()).get_caller_identity().send().await.ok()?;
    Some((answer.account().map(str::to_owned), answer.arn().map(str::to_owned)))
}

/// The error of credentials whose account cannot be compared with `--account`.
fn unknown_number() -> Error {
    let message = "the account of these credentials is unknown, because sts:GetCallerIdentity failed";
    Error::new(ErrorKind::Network, "--account", message).hint("check the network, or run the command without --account")
}

/// The error of an account that no credentials lead to.
fn not_found(number: &str) -> Error {
    let message = "no credentials of this run belong to this account";
    Error::new(ErrorKind::NotFound, number, message).hint("check --account and --profile, or add --role-name")
}

/// The ARN of a role in an account of the partition that `own` lives in.
fn role(own: &Account, number: &str, name: &str) -> String {
    let partition = own
        .caller
        .as_deref()
        .and_then(|arn| arn.split(':').nth(1))
        .unwrap_or_else(|| super::region::partition(own.region.as_deref().unwrap_or_default()));
    format!("arn:{partition}:iam::{number}:role/{name}")
}

/// The account in the ARN of a role.
fn number_of(arn: &str) -> Option<String> {
    arn.split(':').nth(4).filter(|number| !number.is_empty()).map(str::to_owned)
}
