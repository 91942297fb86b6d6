//! Errors of failed API calls: their kind, a sentence, and what to do next.

use std::error::Error as StdError;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_rds::error::{ProvideErrorMetadata, SdkError};

use super::answer::Overrun;
use super::connection::Unreachable;
use super::credential_failure::CredentialFailure;
use super::credentials::waited;
use super::integrity::CutAnswer;
use crate::error::{AwsAnswer, Error, ErrorKind, TRY_AGAIN, TRY_LATER, causes};
use crate::text::without_number;

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
    meaning(
        "RequestExpired",
        ErrorKind::Credentials,
        "AWS rejected the time of the signature",
        "correct the clock of this machine (NTP)",
    ),
    meaning(
        "RequestTimeTooSkewed",
        ErrorKind::Credentials,
        "AWS rejected the time of the signature",
        "correct the clock of this machine (NTP)",
    ),
    meaning(
        "InvalidSignature",
        ErrorKind::Credentials,
        "AWS rejected the signature",
        "check the secret key and the clock",
    ),
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
    meaning(
        "DBParameterGroupNotFound",
        ErrorKind::NotFound,
        "the parameter group no longer exists",
        "assign an existing parameter group to the instance",
    ),
    meaning(
        "DBClusterParameterGroupNotFound",
        ErrorKind::NotFound,
        "the cluster parameter group no longer exists",
        "assign an existing parameter group to the cluster",
    ),
    meaning(
        "OptionGroupNotFound",
        ErrorKind::NotFound,
        "the option group no longer exists",
        "assign an existing option group to the instance",
    ),
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

/// Policies that AWS names in a denial, and what to do. A permission that an administrator takes away cannot be granted.
///
/// Source: "Troubleshoot access denied error messages" in the IAM user guide.
const DENIALS: &[(&str, &str)] = &[
    ("service control policy", "ask the administrator of the AWS organization: a service control policy denies"),
    ("resource control policy", "ask the administrator of the AWS organization: a resource control policy denies"),
    ("permissions boundary", "ask for a permissions boundary that allows"),
    ("session policy", "use a session policy that allows"),
    ("VPC endpoint policy", "ask for a VPC endpoint policy that allows"),
    ("explicit deny in an identity-based policy", "remove the explicit deny from the policies of this identity, for"),
    ("explicit deny", "ask for a change of the policy whose explicit deny covers"),
];

/// What to do about a denial, by the policy that AWS names; none where it names none.
pub(super) fn denied(action: &str, message: Option<&str>) -> Option<String> {
    let message = message?;
    let (_, hint) = DENIALS.iter().find(|(policy, _)| message.contains(policy))?;
    Some(format!("{hint} {action}"))
}

/// What a code means, and what to do; none where it is unknown.
pub(super) fn rejected(code: &str) -> Option<(&'static str, &'static str)> {
    MEANINGS.iter().find(|meaning| code.starts_with(meaning.code)).map(|meaning| (meaning.happened, meaning.hint))
}

/// Turns the failure of a call about `subject` into an error. `action` is the call's IAM action, such as
/// `rds:DescribeDBInstances`. The body of the response is never shown, except AWS's own message in it.
pub fn failure<E>(subject: &str, action: &str, error: SdkError<E>) -> Error
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    let meta = error.as_service_error().map(|service| service.meta());
    let code = meta.and_then(|meta| meta.code()).map(str::to_owned);
    let id = meta.and_then(|meta| meta.extra("aws_request_id")).or_else(|| header(&error, "x-amzn-requestid"));
    let answer = AwsAnswer::new(meta.and_then(|meta| meta.message()), id);
    let (kind, happened, hint) = match code.as_deref() {
        Some(code) => refused(action, code, &answer, &error),
        None => unanswered_or_broken(action, &error),
    };
    let answer = Some(answer).filter(|answer| *answer != AwsAnswer::default());
    let answer = cause::<CredentialFailure>(&error).map_or(answer, |failure| failure.answer.clone());
    let made = Error::new(kind, subject, format!("{action} failed: {happened}")).hint(hint);
    made.call(action, code.as_deref()).answered(answer).because(error)
}

fn header<'e, E>(error: &'e SdkError<E>, name: &str) -> Option<&'e str> {
    error.raw_response()?.headers().get(name)
}

/// Kind, what happened, and what to do.
type Explained = (ErrorKind, String, String);

/// Explains an error that AWS returned.
fn refused<E>(action: &str, code: &str, answer: &AwsAnswer, error: &SdkError<E>) -> Explained {
    let message = answer.message.as_deref();
    let Some(meaning) = MEANINGS.iter().find(|meaning| code.starts_with(meaning.code)) else {
        // What the caller must change fails again.
        let is_ours = error.raw_response().is_some_and(|response| response.status().as_u16() >= 500);
        let hint = if is_ours { TRY_LATER } else { "read the message of AWS, and correct what it names" };
        return (ErrorKind::Service, format!("AWS returned {code}"), hint.to_owned());
    };
    let is_time = || message.is_some_and(|text| TIMES.iter().any(|begin| text.starts_with(begin)));
    let hint = match meaning.kind {
        ErrorKind::Denied if meaning.code != "OptInRequired" => {
            denied(action, message).unwrap_or_else(|| format!("{} {action}", meaning.hint))
        }
        ErrorKind::Credentials if is_time() => "correct the clock of this machine (NTP)".to_owned(),
        _ => meaning.hint.to_owned(),
    };
    (meaning.kind, meaning.happened.to_owned(), hint)
}

/// How AWS says that the time of a signature is wrong, under several codes.
///
/// Source: "Troubleshoot Signature Version 4 signing for AWS API requests" in the IAM user guide.
const TIMES: [&str; 2] = ["Signature expired", "Signature not yet current"];

/// Explains why a call got no answer of AWS.
fn unanswered_or_broken<E: StdError + Send + Sync + 'static>(action: &str, error: &SdkError<E>) -> Explained {
    if let Some(waited) = waited_for(error) {
        return (ErrorKind::Credentials, waited, LONGER.to_owned());
    }
    if let Some(overrun) = cause::<Overrun>(error) {
        return (ErrorKind::Endpoint, overrun.to_string(), super::CHECK_ENDPOINT.to_owned());
    }
    if let Some(failure) = cause::<CredentialFailure>(error) {
        return (ErrorKind::Credentials, failure.happened.clone(), failure.hint.clone());
    }
    if has_cause::<CredentialsError>(error) {
        return (ErrorKind::Credentials, "there are no AWS credentials".to_owned(), SIGN_IN.to_owned());
    }
    if let Some(unreachable) = cause::<Unreachable>(error) {
        return (ErrorKind::Network, unreachable.to_string(), unreachable.hint());
    }
    if is_cut(error) {
        let hint = "check the network between this machine and AWS, such as a proxy";
        return (ErrorKind::Truncated, "the response was truncated at every attempt".to_owned(), hint.to_owned());
    }
    let (api, variable) = service(action);
    match error.raw_response().map(|response| response.status().as_u16()) {
        // tinyproxy answers 401 to a wrong password, and AWS none without a code.
        Some(status @ (401 | 407)) => {
            let hint = "set HTTP_PROXY with the right user and password: http://USER:PASSWORD@HOST:PORT";
            (ErrorKind::Network, format!("the proxy rejected the user or password (status {status})"), hint.to_owned())
        }
        Some(status) => {
            let status = if (200..300).contains(&status) { String::new() } else { format!(" (status {status})") };
            let happened = format!("the response is not a complete response of the {api} API{status}");
            (ErrorKind::Service, happened, format!("check {variable}, AWS_ENDPOINT_URL and the proxy"))
        }
        None if matches!(error, SdkError::ConstructionFailure(_)) => {
            let why = causes(error).last().map(ToString::to_string).unwrap_or_default();
            let happened = format!("the AWS settings do not allow the call ({why})");
            (ErrorKind::Usage, happened, "correct the settings".to_owned())
        }
        None => {
            let why = causes(error).last().map(ToString::to_string).unwrap_or_default();
            let happened = format!("the connection broke ({})", without_number(&why));
            (ErrorKind::Network, happened, "check the network and the proxy, and run the command again".to_owned())
        }
    }
}

/// How a region says that it does not have a feature: the code, and what the message contains.
///
/// Source: terraform-provider-aws issues 40312 (`InvalidAction: DescribeDBProxies is not available in this region`) and
/// 15177 (`InvalidParameterValue: Access Denied to API Version: APIGlobalDatabases`).
const UNAVAILABLE: [(&str, &str); 2] =
    [("InvalidAction", "is not available in this region"), ("InvalidParameterValue", "APIGlobalDatabases")];

/// Whether a call failed because the region does not have the feature, and so nothing of its kind.
pub fn is_unavailable(error: &Error) -> bool {
    let message = error.answer().and_then(|answer| answer.message.as_deref()).unwrap_or_default();
    UNAVAILABLE.iter().any(|(code, text)| error.code() == *code && message.contains(text))
}

/// Whether a call failed because of a truncated response.
pub(super) fn is_cut(error: &(dyn StdError + 'static)) -> bool {
    has_cause::<CutAnswer>(error)
}

/// What to do where credentials took too long.
pub(super) const LONGER: &str =
    "complete the prompt of the profile's credential_process, sign in, or set a longer --credentials-timeout";

/// What happened to a call that timed out waiting for credentials.
pub(super) fn waited_for(error: &(dyn StdError + 'static)) -> Option<String> {
    let waited = causes(error).filter_map(|cause| cause.downcast_ref()).find_map(waited)?.as_secs();
    Some(format!("no AWS credentials were available within {waited} s"))
}

fn has_cause<T: StdError + 'static>(error: &(dyn StdError + 'static)) -> bool {
    cause::<T>(error).is_some()
}

pub(super) fn cause<'e, T: StdError + 'static>(error: &'e (dyn StdError + 'static)) -> Option<&'e T> {
    causes(error).find_map(|cause| cause.downcast_ref())
}
