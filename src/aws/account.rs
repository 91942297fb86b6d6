//! The accounts of a run, and their credentials.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::identity::IdentityCache;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_credential_types::provider::SharedCredentialsProvider;
use futures_util::{StreamExt, stream};

use super::credentials::{Origin, Renewed};
use super::failure::unanswered;
use super::{Aws, integrity, list, loader};
use crate::error::{Error, ErrorKind, Result};

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
#[derive(Clone, Debug)]
pub struct Account {
    /// Its number, where it could be asked.
    pub number: Option<String>,
    /// ARN of the identity that its credentials belong to, likewise.
    pub caller: Option<String>,
    /// The region that its configuration names.
    pub region: Option<String>,
    pub(super) config: SdkConfig,
    pub(super) credentials: Renewed,
}

impl Accounts {
    /// Sets up the accounts. What fails with one of them does not keep the others from being asked.
    pub async fn resolve(&self) -> Vec<Result<Account>> {
        let accounts = self.all().await;
        // Roles by name are assumed in these accounts only.
        if self.numbers.is_empty() || self.role_name.is_some() {
            return accounts;
        }
        let mut chosen = Vec::new();
        for account in accounts {
            match account {
                Ok(account) if account.number.as_ref().is_some_and(|number| !self.numbers.contains(number)) => {}
                // Without credentials, every call fails and names the cause.
                Ok(account) if account.number.is_none() && account.credentials.check().await.is_ok() => {
                    chosen.push(Err(unknown_number()));
                }
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
    async fn all(&self) -> Vec<Result<Account>> {
        let profiles = match self.profiles.as_slice() {
            [] => vec![None],
            named => named.iter().map(|name| Some(name.as_str())).collect(),
        };
        let mut accounts = Vec::new();
        for profile in profiles {
            // One after the other: the programs of two profiles may ask for codes at the same terminal.
            let own = Account::of_profile(profile, self.patience).await;
            if let Some(name) = profile
                && !is_defined(name).await
                && own.credentials.check().await.is_err()
            {
                accounts.push(Err(undefined(name)));
                continue;
            }
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
            let assumed = roles.iter().map(|arn| self.assume(&own, arn));
            accounts.extend(stream::iter(assumed).buffered(AT_ONCE).collect::<Vec<_>>().await);
        }
        accounts
    }

    async fn assume(&self, own: &Account, arn: &str) -> Result<Account> {
        // The account that asks needs no role in itself.
        let is_own = self.roles.is_empty() && own.number.is_some() && number_of(arn) == own.number;
        if is_own { Ok(own.clone()) } else { own.assume(arn, self.patience).await }
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
    async fn of_profile(profile: Option<&str>, patience: Duration) -> Self {
        let config = loader(profile, None).load().await;
        let origin = Origin::Chain { profile: profile.map(str::to_owned) };
        Self::new(&config, Renewed::new(origin, patience)).await
    }

    async fn new(config: &SdkConfig, credentials: Renewed) -> Self {
        // What is kept is kept by `Renewed`, so that what AWS refuses can be asked for anew.
        let provider = SharedCredentialsProvider::new(credentials.clone());
        let config = config.to_builder().credentials_provider(provider).identity_cache(IdentityCache::no_cache());
        let config = config.build();
        // What a program asks of a person takes longer than the number is waited for.
        let identity = if credentials.check().await.is_ok() { identity(&config).await } else { None };
        let (number, caller) = identity.unwrap_or_default();
        Self { number, caller, region: config.region().map(ToString::to_string), config, credentials }
    }

    async fn assume(&self, arn: &str, patience: Duration) -> Result<Self> {
        const ACTION: &str = "sts:AssumeRole";
        let (by, with) = (Box::new(self.config.clone()), self.credentials.clone());
        let credentials = Renewed::new(Origin::Role { arn: arn.to_owned(), by, with }, patience);
        credentials.check().await.map_err(|error| {
            let made = unanswered(arn, ACTION, &error).unwrap_or_else(|| {
                Error::new(ErrorKind::Denied, arn, format!("{ACTION} failed: the role could not be assumed"))
                    .hint(super::TRUST)
            });
            made.call(ACTION, None).because(error)
        })?;
        let mut account = Self::new(&self.config, credentials).await;
        account.number = account.number.or_else(|| number_of(arn));
        Ok(account)
    }

    /// The clients of this account in a region. `most` is the highest rate of any action, in calls a second.
    pub fn in_region(&self, region: &str, most: Option<f64>) -> Aws {
        Aws::new(self, region, most)
    }
}

/// Number of an account, and ARN of an identity in it.
type Identity = (Option<String>, Option<String>);

/// The account and the identity that a configuration's credentials belong to. It needs no permission; where they cannot be
/// asked for, the ARNs of instances contain the account.
async fn identity(config: &SdkConfig) -> Option<Identity> {
    let config = match config.region() {
        Some(_) => config.clone(),
        None => config.to_builder().region(aws_config::Region::from_static("us-east-1")).build(),
    };
    // A network without a way to the token service is not waited for.
    let config = aws_sdk_sts::config::Builder::from(&config)
        .retry_config(RetryConfig::standard().with_max_attempts(2))
        .timeout_config(TimeoutConfig::builder().operation_timeout(PATIENCE).build());
    let answer = aws_sdk_sts::Client::from_conf(config.build()).get_caller_identity().send().await.ok()?;
    Some((answer.account().map(str::to_owned), answer.arn().map(str::to_owned)))
}

/// Whether the AWS configuration files define a profile. Files that cannot be read may.
async fn is_defined(profile: &str) -> bool {
    let (machine, environment, files) = (Default::default(), Default::default(), Default::default());
    let loaded = aws_config::profile::load(&machine, &environment, &files, None).await;
    loaded.map_or(true, |profiles| profiles.get_profile(profile).is_some())
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

fn undefined(profile: &str) -> Error {
    let message = format!("the profile {profile} does not exist in the AWS configuration");
    Error::new(ErrorKind::Credentials, "--profile", message)
        .hint("check its name, or list profiles with `aws configure list-profiles`")
}

/// The ARN of a role in an account of the partition that `own` lives in.
fn role(own: &Account, number: &str, name: &str) -> String {
    let partition = super::region::partition(own.region.as_deref().unwrap_or_default());
    format!("arn:{partition}:iam::{number}:role/{name}")
}

/// The account in the ARN of a role.
fn number_of(arn: &str) -> Option<String> {
    arn.split(':').nth(4).filter(|number| !number.is_empty()).map(str::to_owned)
}
