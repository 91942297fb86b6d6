//! Why there are no credentials: the profile, the step that failed, the cause, and what to do.

use std::error::Error as StdError;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_sso::operation::get_role_credentials::GetRoleCredentialsError;
use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sts::operation::assume_role::AssumeRoleError;
use aws_sdk_sts::operation::assume_role_with_web_identity::AssumeRoleWithWebIdentityError;

use super::connection::Unreachable;
use super::credential_chain::Source;
use super::failure::{cause, denied, rejected};
use super::profile::{Base, Chain};
use crate::error::causes;
use crate::error::{AwsAnswer, Error, ErrorKind, TRY_LATER};
use crate::text::one_line;

/// What to do about a role that cannot be assumed.
pub(super) const TRUST: &str =
    "allow the caller in the trust policy of the role, and grant the caller sts:AssumeRole on the role";

/// Why there are no credentials. Displays as a clause of an error.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{happened}")]
pub(super) struct CredentialFailure {
    /// The profile, role or variable.
    pub subject: String,
    pub happened: String,
    /// What to do about it, as an imperative.
    pub hint: String,
    /// What AWS answered.
    pub answer: Option<AwsAnswer>,
}

impl CredentialFailure {
    pub fn new(subject: impl Into<String>, happened: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { subject: subject.into(), happened: happened.into(), hint: hint.into(), answer: None }
    }

    /// The error of an account without credentials.
    pub fn error(&self) -> Error {
        Error::new(ErrorKind::Credentials, &self.subject, &self.happened).hint(&self.hint).answered(self.answer.clone())
    }
}

/// What AWS said of a call for credentials.
struct Refused {
    service: &'static str,
    code: String,
    answer: AwsAnswer,
}

impl Refused {
    fn of(error: &(dyn StdError + 'static)) -> Option<Self> {
        fn read<E: ProvideErrorMetadata + StdError + 'static>(
            error: &(dyn StdError + 'static),
            service: &'static str,
        ) -> Option<Refused> {
            let meta = cause::<SdkError<E>>(error)?.as_service_error()?.meta();
            Some(Refused {
                service,
                code: meta.code()?.to_owned(),
                answer: AwsAnswer::new(meta.message(), meta.extra("aws_request_id")),
            })
        }
        read::<AssumeRoleError>(error, "sts:AssumeRole")
            .or_else(|| read::<AssumeRoleWithWebIdentityError>(error, "sts:AssumeRoleWithWebIdentity"))
            .or_else(|| read::<GetRoleCredentialsError>(error, "sso:GetRoleCredentials"))
    }
}

/// Explains why a source that is configured has no credentials. `chain` says how the profile makes them.
pub(super) fn explain(
    source: Source,
    profile: &str,
    chain: Option<&Chain>,
    error: CredentialsError,
) -> CredentialFailure {
    let (subject, of) = match source {
        Source::Environment => ("environment".to_owned(), "of the environment variables".to_owned()),
        Source::Profile => (format!("profile {profile}"), format!("of the profile {profile}")),
        Source::WebIdentity => ("AWS_WEB_IDENTITY_TOKEN_FILE".to_owned(), "of the web identity".to_owned()),
        Source::Container => ("container".to_owned(), "of the container's role".to_owned()),
        Source::Machine => ("EC2 instance".to_owned(), "of the machine's role".to_owned()),
    };
    if let Some(unreachable) = cause::<Unreachable>(&error) {
        let happened = format!("the credentials {of} could not be requested: {unreachable}");
        return CredentialFailure::new(subject, happened, unreachable.hint());
    }
    if let Some(refused) = Refused::of(&error) {
        return refusal(subject, profile, chain, refused);
    }
    let said = said(&error);
    let (happened, hint) = match chain.map(|chain| (chain, chain.base)) {
        Some((chain, Base::Sso)) if matches!(error, CredentialsError::ProviderError(_)) => {
            let happened = match said.contains("expired") {
                true => format!("the SSO session {of} has expired"),
                false => format!("the profile {} is not signed in: it has no SSO session", chain.base_profile),
            };
            (happened, sign_in(chain))
        }
        Some((chain, Base::Process)) if matches!(error, CredentialsError::ProviderError(_)) => {
            let whose = &chain.base_profile;
            (
                format!("the credential_process of the profile {whose} failed: {said}"),
                "run its command in a shell to see the whole error".to_owned(),
            )
        }
        Some((chain, Base::Login)) => (
            format!("the profile {} signs in with `aws login`, which is not supported", chain.base_profile),
            export(profile),
        ),
        Some((chain, Base::WebIdentity)) if matches!(error, CredentialsError::ProviderError(_)) => {
            let whose = &chain.base_profile;
            (
                format!("the web_identity_token_file of the profile {whose} cannot be used: {said}"),
                "check the file".to_owned(),
            )
        }
        Some(_) => {
            (format!("the credentials {of} cannot be used: {said}"), "correct the AWS configuration files".to_owned())
        }
        None => (format!("the credentials {of} cannot be used: {said}"), "check the environment variables".to_owned()),
    };
    CredentialFailure::new(subject, happened, hint)
}

fn refusal(subject: String, profile: &str, chain: Option<&Chain>, refused: Refused) -> CredentialFailure {
    let Refused { service, code, answer } = refused;
    let role = match chain.map(|chain| chain.roles.as_slice()) {
        Some([role]) => format!("the role {role}"),
        Some([_, .., _]) => format!("a role of the profile {profile}"),
        _ => "the role".to_owned(),
    };
    let is_sso = service == "sso:GetRoleCredentials";
    let is_denied = code.starts_with("AccessDenied") || code.starts_with("Forbidden");
    // Where a policy denies it, no code helps.
    let by_policy = denied(service, answer.message.as_deref());
    let (happened, hint) = match chain {
        Some(chain) if is_sso && is_denied => (
            format!(
                "{service} failed: single sign-on does not give this user the role of the profile {}",
                chain.base_profile
            ),
            "check sso_account_id and sso_role_name of the profile".to_owned(),
        ),
        Some(chain) if is_sso && code.starts_with("Unauthorized") => {
            (format!("{service} failed: the SSO session of the profile {profile} has expired"), sign_in(chain))
        }
        Some(chain) if is_denied && chain.mfa.is_some() && by_policy.is_none() => (
            format!("{service} failed: AWS denied the call, and the profile {profile} needs an MFA code"),
            export(profile),
        ),
        _ if is_denied => {
            let hint = by_policy.unwrap_or_else(|| TRUST.to_owned());
            (format!("{service} failed: {role} could not be assumed"), hint)
        }
        _ => match rejected(&code) {
            Some((happened, hint)) => (format!("{service} failed: {happened}"), hint.to_owned()),
            None => (format!("{service} failed: AWS returned {code}"), TRY_LATER.to_owned()),
        },
    };
    CredentialFailure { answer: Some(answer), ..CredentialFailure::new(subject, happened, hint) }
}

/// Why a role could not be assumed with credentials that there are.
pub(super) fn unassumed(arn: &str, error: &CredentialsError) -> CredentialFailure {
    if let Some(unreachable) = cause::<Unreachable>(error) {
        let happened = format!("sts:AssumeRole failed: {unreachable}");
        return CredentialFailure::new(arn, happened, unreachable.hint());
    }
    match Refused::of(error) {
        Some(refused) => {
            let chain =
                Chain { base_profile: String::new(), base: Base::Other, roles: vec![arn.to_owned()], mfa: None };
            refusal(arn.to_owned(), "", Some(&chain), refused)
        }
        None => CredentialFailure::new(arn, "sts:AssumeRole failed: the role could not be assumed", TRUST),
    }
}

fn sign_in(chain: &Chain) -> String {
    format!("run `aws sso login --profile {}`", chain.base_profile)
}

/// The AWS CLI asks for a code, and hands out what it gets.
///
/// Source: "`configure export-credentials`" in the AWS CLI command reference.
fn export(profile: &str) -> String {
    format!(
        "run `eval \"$(aws configure export-credentials --profile {profile} --format env)\"`, and then this command with --region instead of --profile"
    )
}

/// What the SDK begins its texts with.
const PREFIXES: [&str; 5] = [
    "ProfileFile provider could not be built: ",
    "Error retrieving credentials: external process exited with code ",
    "Error retrieving credentials from external process, ",
    "Error retrieving credentials from external process: ",
    "Error retrieving credentials: ",
];

/// The innermost cause, in the words of the SDK.
fn said(error: &(dyn StdError + 'static)) -> String {
    let text = causes(error).last().map(ToString::to_string).unwrap_or_default();
    let text = PREFIXES.iter().find_map(|prefix| text.strip_prefix(prefix)).unwrap_or(&text);
    let text = one_line(&text.replace(". Stderr: ", ": "), AwsAnswer::LONGEST);
    text.trim_end_matches(':').to_owned()
}
