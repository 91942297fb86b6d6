//! Errors of failed API calls: their kind, a sentence, and what to do next.

use std::error::Error as StdError;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_rds::error::{ProvideErrorMetadata, SdkError};

use super::answer::Overrun;
use super::credentials::{RoleRefused, waited};
use super::integrity::CutAnswer;
use crate::error::{Error, ErrorKind, TRY_AGAIN, TRY_LATER};

/// A row of the table of error codes: the beginning of the code, the kind of error, what happened, what to do next.
struct Meaning {
    code: &'static str,
    kind: ErrorKind,
    happened: &'static str,
    hint: &'static str,
}

const fn meaning(code: &'static str, kind: ErrorKind, happened: &'static str, hint: &'static str) -> Meaning {
    Meaning { code, kind, happened, hint }
}

const SIGN_IN: &str = "sign in again, or choose another profile with --profile";

/// Error codes by their beginning. Source: "Common Errors" and the calls' pages of the API references.
const MEANINGS: &[Meaning] = &[
    meaning("AccessDenied", ErrorKind::Denied, "AWS denied the call", "grant the permission"),
    meaning("UnauthorizedOperation", ErrorKind::Denied, "AWS denied the call", "grant the permission"),
    meaning("OptInRequired", ErrorKind::Denied, "the account is not enabled for this region", "leave the region out"),
    meaning("ExpiredToken", ErrorKind::Credentials, "the AWS credentials have expired", SIGN_IN),
    meaning("InvalidClientTokenId", ErrorKind::Credentials, "AWS does not know these credentials", SIGN_IN),
    meaning("UnrecognizedClient", ErrorKind::Credentials, "AWS does not know these credentials", SIGN_IN),
    meaning(
        "SignatureDoesNotMatch",
        ErrorKind::Credentials,
        "AWS rejected the signature",
        "check the secret key and the clock",
    ),
    meaning("RequestExpired", ErrorKind::Credentials, "AWS rejected the time of the signature", "set the clock"),
    meaning("IncompleteSignature", ErrorKind::Credentials, "AWS rejected the signature", "check the secret key"),
    meaning("MissingAuthenticationToken", ErrorKind::Credentials, "AWS received no credentials", SIGN_IN),
    meaning("Throttling", ErrorKind::Throttled, "AWS kept throttling the call", TRY_LATER),
    meaning("RequestLimitExceeded", ErrorKind::Throttled, "AWS kept throttling the call", TRY_LATER),
    meaning("TooManyRequests", ErrorKind::Throttled, "AWS kept throttling the call", TRY_LATER),
    meaning(
        "DBInstanceNotFound",
        ErrorKind::NotFound,
        "this account and region have no such instance",
        "check the identifier, the region and the profile",
    ),
    meaning("DBLogFileNotFound", ErrorKind::NotFound, "the log no longer exists", TRY_AGAIN),
    meaning("ResourceNotFound", ErrorKind::NotFound, "there is no such log group or stream", TRY_AGAIN),
    meaning("LimitExceeded", ErrorKind::Throttled, "too many calls are running in this account and region", TRY_LATER),
    meaning(
        "DBInstanceNotReady",
        ErrorKind::Service,
        "the instance is not ready",
        "run the command again when it is available",
    ),
];

/// The services by the prefix of their IAM actions: their name, and the variable with their endpoint.
const SERVICES: &[(&str, &str, &str)] = &[
    ("rds:", "RDS", "AWS_ENDPOINT_URL_RDS"),
    ("logs:", "CloudWatch Logs", "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS"),
    ("cloudwatch:", "CloudWatch", "AWS_ENDPOINT_URL_CLOUDWATCH"),
    ("ec2:", "EC2", "AWS_ENDPOINT_URL_EC2"),
];

fn service(action: &str) -> (&'static str, &'static str) {
    let known = SERVICES.iter().find(|(prefix, ..)| action.starts_with(prefix));
    known.map_or(("AWS", "the service's endpoint"), |(_, api, variable)| (api, variable))
}

/// Turns the failure of a call about `subject` into an error. `action` is the call's IAM action, such as
/// `rds:DescribeDBInstances`. The body of the response is never shown.
pub fn failure<E, R>(subject: &str, action: &str, error: SdkError<E, R>) -> Error
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
    R: std::fmt::Debug + Send + Sync + 'static,
{
    if let Some(unanswered) = unanswered(subject, action, &error) {
        return unanswered.call(action, None).because(error);
    }
    if let Some(overrun) = cause::<Overrun>(&error) {
        let made =
            Error::new(ErrorKind::Endpoint, subject, format!("{action} failed: {overrun}")).hint(super::CHECK_ENDPOINT);
        return made.call(action, None).because(error);
    }
    let code = error.as_service_error().and_then(|service| service.code()).map(str::to_owned);
    let known = code.as_deref().and_then(|code| MEANINGS.iter().find(|meaning| code.starts_with(meaning.code)));
    let made = match (known, &code, &error, cause::<RoleRefused>(&error)) {
        (Some(meaning), ..) => {
            let hint = match meaning.kind {
                ErrorKind::Denied if meaning.code != "OptInRequired" => format!("{} {action}", meaning.hint),
                _ => meaning.hint.to_owned(),
            };
            Error::new(meaning.kind, subject, format!("{action} failed: {}", meaning.happened)).hint(hint)
        }
        (None, Some(code), ..) => {
            Error::new(ErrorKind::Service, subject, format!("{action} failed: AWS returned {code}")).hint(TRY_LATER)
        }
        (None, None, ..) if is_cut(&error) => {
            Error::new(ErrorKind::Truncated, subject, format!("{action} failed: the response was truncated at every attempt"))
                .hint("check the network between this machine and AWS, such as a proxy")
        }
        (None, None, _, Some(refused)) => {
            Error::new(ErrorKind::Denied, subject, format!("{action} failed: {refused}")).hint(super::TRUST)
        }
        (None, None, ..) if has_cause::<CredentialsError>(&error) => {
            Error::new(ErrorKind::Credentials, subject, format!("{action} failed: there are no AWS credentials"))
                .hint("sign in with `aws sso login`, set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or choose a profile with --profile")
        }
        (None, None, SdkError::ResponseError(_) | SdkError::ServiceError(_), _) => {
            let (api, variable) = service(action);
            Error::new(ErrorKind::Service, subject, format!("{action} failed: the response is not a complete response of the {api} API"))
                .hint(format!("check {variable}, AWS_ENDPOINT_URL and the proxy"))
        }
        _ => Error::new(ErrorKind::Network, subject, format!("{action} failed: the endpoint could not be reached"))
            .hint("check the name of the region, the network and the proxy"),
    };
    let made = made.call(action, code.as_deref());
    made.because(error)
}

/// Whether a call failed because of a truncated response.
pub(super) fn is_cut(error: &(dyn StdError + 'static)) -> bool {
    has_cause::<CutAnswer>(error)
}

/// The error of a call that timed out waiting for credentials.
pub(super) fn unanswered(subject: &str, action: &str, error: &(dyn StdError + 'static)) -> Option<Error> {
    let waited = causes(error).filter_map(|cause| cause.downcast_ref()).find_map(waited)?.as_secs();
    let happened = format!("{action} failed: no AWS credentials were available within {waited} s");
    Some(Error::new(ErrorKind::Credentials, subject, happened).hint(
        "complete the prompt of the profile's credential_process, sign in, or set a longer --credentials-timeout",
    ))
}

fn has_cause<T: StdError + 'static>(error: &(dyn StdError + 'static)) -> bool {
    cause::<T>(error).is_some()
}

fn cause<'e, T: StdError + 'static>(error: &'e (dyn StdError + 'static)) -> Option<&'e T> {
    causes(error).find_map(|cause| cause.downcast_ref())
}

fn causes<'e>(error: &'e (dyn StdError + 'static)) -> impl Iterator<Item = &'e (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error| (*error).source())
}
