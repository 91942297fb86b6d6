//! Where credentials come from: the sources of the SDK in its order, except in two points. Credentials of a profile that the
//! user names go before those of the environment, as in the AWS CLI. And a profile that cannot be used is an error: the SDK
//! goes on to the role of the machine, which may lead to another account.

use aws_config::ecs::EcsCredentialsProvider;
use aws_config::environment::EnvironmentVariableCredentialsProvider;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::profile::{ProfileFileCredentialsProvider, ProfileSet};
use aws_config::provider_config::ProviderConfig;
use aws_config::web_identity_token::WebIdentityTokenCredentialsProvider;
use aws_config::{Region, SdkConfig};
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{self, ProvideCredentials};

use super::credential_failure::{CredentialFailure, explain};
use super::profile::{self, Chain, known, others};

/// A source of credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// `AWS_ACCESS_KEY_ID` and its kin.
    Environment,
    /// The configuration files.
    Profile,
    /// `AWS_WEB_IDENTITY_TOKEN_FILE`, as in EKS.
    WebIdentity,
    /// The role of an ECS task or an EKS pod.
    Container,
    /// The role of an EC2 instance.
    Machine,
}

/// The sources without and with a profile that the user names.
///
/// Source: "Credential provider chain" in the AWS SDK for Rust developer guide; "Precedence" in the AWS CLI user guide.
const SOURCES: [&[Source]; 2] = [
    &[Source::Environment, Source::Profile, Source::WebIdentity, Source::Container, Source::Machine],
    &[Source::Profile, Source::Container, Source::Machine],
];

/// Credentials of a profile, or of what the environment names. `config` has the HTTP client.
///
/// # Errors
///
/// When no source has any, or one that is configured fails. The cause is a [`CredentialFailure`].
pub(super) async fn provide(profile: Option<&str>, config: &SdkConfig) -> provider::Result {
    let profiles = profile::load().await.map_err(|error| {
        let happened = format!("the AWS configuration files could not be read: {error}");
        CredentialsError::provider_error(CredentialFailure::new("credentials", happened, "correct the file"))
    })?;
    let selected = profile.map_or_else(|| profiles.selected_profile().to_owned(), str::to_owned);
    let sources = SOURCES.get(usize::from(profile.is_some())).copied().unwrap_or_default();
    check(&profiles, &selected, profile.is_some())?;
    for source in sources {
        match source.provide(&selected, config).await {
            Err(error @ CredentialsError::CredentialsNotLoaded(_)) if !is_broken(*source, &error) => {}
            Ok(credentials) => return Ok(credentials),
            Err(error) => {
                let chain = Chain::of(&profiles, &selected).filter(|_| *source == Source::Profile);
                return Err(CredentialsError::provider_error(explain(*source, &selected, chain.as_ref(), error)));
            }
        }
    }
    let named = profile.map(|name| (format!("profile {name}"), format!("the profile {name} has no credentials")));
    let none = || ("credentials".to_owned(), "there are no AWS credentials".to_owned());
    let (subject, happened) = named.unwrap_or_else(none);
    let hint = match profiles.is_empty() {
        true => "sign in with `aws configure sso`, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY".to_owned(),
        false => format!("choose a profile with --profile ({}), and sign in with `aws sso login`", known(&profiles)),
    };
    Err(CredentialsError::not_loaded(CredentialFailure::new(subject, happened, hint)))
}

/// Checks that a profile exists that the user or `AWS_PROFILE` names.
fn check(profiles: &ProfileSet, name: &str, is_option: bool) -> Result<(), CredentialsError> {
    const DEFAULT: &str = "default";
    if profiles.get_profile(name).is_some() || !is_option && name == DEFAULT {
        return Ok(());
    }
    let subject = if is_option { "--profile" } else { "AWS_PROFILE" };
    let happened = format!("the profile {name} does not exist in the AWS configuration");
    Err(CredentialsError::provider_error(CredentialFailure::new(subject, happened, others(profiles, name))))
}

/// Whether a source is configured and cannot be used: a source profile that does not exist, a key without its secret. The SDK
/// takes it for one that is not configured.
fn is_broken(source: Source, error: &CredentialsError) -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    match source {
        Source::Environment => is_set("AWS_ACCESS_KEY_ID") || is_set("AWS_SECRET_ACCESS_KEY"),
        Source::Profile => std::error::Error::source(error).is_some(),
        Source::WebIdentity => is_set("AWS_WEB_IDENTITY_TOKEN_FILE"),
        Source::Container | Source::Machine => false,
    }
}

impl Source {
    async fn provide(self, profile: &str, config: &SdkConfig) -> provider::Result {
        let region = config.region().cloned().unwrap_or(Region::from_static("us-east-1"));
        let mut settings = ProviderConfig::without_region().with_region(Some(region));
        if let Some(http) = config.http_client() {
            settings = settings.with_http_client(http);
        }
        match self {
            Self::Environment => EnvironmentVariableCredentialsProvider::new().provide_credentials().await,
            Self::Profile => {
                let builder = ProfileFileCredentialsProvider::builder().configure(&settings).profile_name(profile);
                builder.build().provide_credentials().await
            }
            Self::WebIdentity => {
                WebIdentityTokenCredentialsProvider::builder().configure(&settings).build().provide_credentials().await
            }
            Self::Container => {
                EcsCredentialsProvider::builder().configure(&settings).build().provide_credentials().await
            }
            Self::Machine => {
                ImdsCredentialsProvider::builder().configure(&settings).build().provide_credentials().await
            }
        }
    }
}
