//! Credentials that are renewed when AWS says that they have expired.
//!
//! The SDK keeps credentials until the time that they name themselves, and takes `ExpiredToken` for final. A long run
//! outlives both a session that was revoked and one whose renewal came into the configuration files meanwhile.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, future};
use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::retries::classifiers::{ClassifyRetry, RetryAction};

use super::account::SESSION;
use super::credential_chain::provide;
use super::credential_failure::unassumed;

/// What the code of an answer holds that refuses credentials as expired.
const EXPIRED: &str = "ExpiredToken";
/// How long before their end credentials are no longer used.
const MARGIN: Duration = Duration::from_secs(120);

/// Where credentials come from.
#[derive(Clone)]
pub(super) enum Origin {
    /// Environment, configuration files, single sign-on, or the machine's role.
    Chain {
        /// Profile of the configuration files.
        profile: Option<String>,
        /// The region and the HTTP client.
        by: Box<SdkConfig>,
    },
    /// A role that the credentials of a configuration may assume.
    Role {
        /// ARN of the role.
        arn: String,
        /// The configuration.
        by: Box<SdkConfig>,
        /// Its credentials.
        with: Renewed,
    },
}

/// Credentials that are kept until they end, or until AWS refuses them.
#[derive(Clone)]
pub(super) struct Renewed(Arc<Inside>);

struct Inside {
    origin: Origin,
    /// How long new ones are waited for.
    patience: Duration,
    state: Mutex<State>,
    /// One task renews, the others wait for it.
    renewal: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    kept: Option<Credentials>,
    /// What AWS refused as expired.
    refused: Option<Mark>,
    /// Nothing came while they were waited for. They are not asked for again: every call would wait as long.
    unanswered: bool,
}

/// What tells credentials apart: the session token, or the key where there is none.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Mark(String);

impl Renewed {
    /// Credentials from `origin`, waited for as long as `patience` whenever there have to be new ones.
    pub fn new(origin: Origin, patience: Duration) -> Self {
        let (state, renewal) = (Mutex::default(), tokio::sync::Mutex::default());
        Self(Arc::new(Inside { origin, patience, state, renewal }))
    }

    /// Whether there are credentials.
    ///
    /// # Errors
    ///
    /// When there are none.
    pub async fn check(&self) -> Result<(), CredentialsError> {
        self.provide().await.map(|_| ())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn kept(&self) -> Option<Credentials> {
        let soon = SystemTime::now() + MARGIN;
        self.state().kept.clone().filter(|kept| kept.expiry().is_none_or(|end| end > soon))
    }

    async fn provide(&self) -> Result<Credentials, CredentialsError> {
        if let Some(kept) = self.kept() {
            return Ok(kept);
        }
        let _renewal = self.0.renewal.lock().await;
        if let Some(kept) = self.kept() {
            return Ok(kept);
        }
        let patience = self.0.patience;
        if self.state().unanswered {
            return Err(CredentialsError::provider_timed_out(patience));
        }
        // A program that provides credentials may wait for input, but it must not block all calls forever.
        let Ok(asked) = tokio::time::timeout(patience, self.ask()).await else {
            self.state().unanswered = true;
            return Err(CredentialsError::provider_timed_out(patience));
        };
        let new = asked?;
        self.state().kept = Some(new.clone());
        Ok(new)
    }

    async fn ask(&self) -> Result<Credentials, CredentialsError> {
        match &self.0.origin {
            Origin::Chain { profile, by } => provide(profile.as_deref(), by).await,
            Origin::Role { arn, by, with } => {
                let role = || AssumeRoleProvider::builder(arn).session_name(SESSION).configure(by).build();
                let given = match role().await.provide_credentials().await {
                    Err(error) if says_expired(&error) && with.are_refused() => {
                        role().await.provide_credentials().await
                    }
                    given => given,
                };
                given.map_err(|error| CredentialsError::provider_error(unassumed(arn, &error)))
            }
        }
    }

    /// AWS refused what is kept as expired. Says whether there may be others.
    fn are_refused(&self) -> bool {
        let kept = self.state().kept.as_ref().map(Mark::of);
        kept.is_none_or(|kept| self.refused(&kept))
    }

    /// AWS refused credentials as expired. Says whether there may be others.
    fn refused(&self, mark: &Mark) -> bool {
        let mut state = self.state();
        if state.kept.as_ref().is_none_or(|kept| Mark::of(kept) != *mark) {
            // They have been renewed meanwhile, or will be at the next call. The SDK asks more than once of one answer.
            return true;
        }
        if state.refused.as_ref() == Some(mark) {
            return false;
        }
        (state.refused, state.kept) = (Some(mark.clone()), None);
        true
    }
}

/// The timeout, where an error is a timeout waiting for credentials.
pub(super) fn waited(error: &CredentialsError) -> Option<Duration> {
    match error {
        CredentialsError::ProviderTimedOut(details) => Some(details.timeout_duration()),
        _ => None,
    }
}

/// Whether a role could not be assumed because the credentials that asked for it have expired.
fn says_expired(error: &CredentialsError) -> bool {
    format!("{error:?}").contains(EXPIRED)
}

impl Mark {
    fn of(credentials: &Credentials) -> Self {
        Self(credentials.session_token().unwrap_or(credentials.access_key_id()).to_owned())
    }

    /// Of the credentials that a request was signed with. The SDK no longer has the request when it looks at the answer: the
    /// answer carries it as an extension.
    pub fn of_request(request: &HttpRequest) -> Option<Self> {
        let headers = request.headers();
        if let Some(token) = headers.get("x-amz-security-token") {
            return Some(Self(token.to_owned()));
        }
        let (_, credential) = headers.get("authorization")?.split_once("Credential=")?;
        credential.split('/').next().map(|key| Self(key.to_owned()))
    }
}

impl fmt::Debug for Renewed {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Renewed")
    }
}

impl ProvideCredentials for Renewed {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(self.provide())
    }
}

/// Calls again, with new credentials, where AWS says that the old ones have expired.
#[derive(Debug)]
pub(super) struct RetryWithNewCredentials(pub Renewed);

impl ClassifyRetry for RetryWithNewCredentials {
    fn name(&self) -> &'static str {
        "RetryWithNewCredentials"
    }

    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let Some(response) = context.response().filter(|response| !response.status().is_success()) else {
            return RetryAction::NoActionIndicated;
        };
        let body = response.body().bytes().unwrap_or_default();
        let expired = memchr::memmem::find(body, EXPIRED.as_bytes()).is_some();
        match response.extension::<Mark>() {
            Some(mark) if expired && self.0.refused(mark) => RetryAction::transient_error(),
            _ => RetryAction::NoActionIndicated,
        }
    }
}
