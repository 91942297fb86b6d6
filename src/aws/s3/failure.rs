//! Errors of calls of S3.

use std::error::Error as StdError;

use super::refusal::Refusal;
use super::transport::NoList;
use super::url::S3Url;
use crate::aws::connection::Unreachable;
use crate::aws::credential_failure::CredentialFailure;
use crate::aws::failure::{cause, denied, rejected};
use crate::error::{AwsAnswer, Error, ErrorKind, TRY_LATER, causes};
use crate::text::without_number;

/// A row of the table of codes: the code, the kind of error, what happened, and what to do next.
type Meaning = (&'static str, ErrorKind, &'static str, &'static str);

/// Codes of S3. Those that all services have are in the table of the others.
///
/// Source: "Error responses" in the S3 API reference.
const MEANINGS: [Meaning; 8] = [
    ("NoSuchBucket", ErrorKind::NotFound, "there is no such bucket", "check the name of the bucket"),
    ("NoSuchKey", ErrorKind::NotFound, "there is no such object", "check the prefix"),
    ("InvalidAccessKeyId", ErrorKind::Credentials, "AWS does not know these credentials", "sign in again"),
    ("PermanentRedirect", ErrorKind::Usage, "the bucket is in another region", "set AWS_REGION to its region"),
    (
        "AuthorizationHeaderMalformed",
        ErrorKind::Usage,
        "the bucket is in another region",
        "set AWS_REGION to its region",
    ),
    ("InvalidObjectState", ErrorKind::NotFound, "the object is archived", "restore it from S3 Glacier first"),
    ("SlowDown", ErrorKind::Throttled, "AWS kept throttling the call", TRY_LATER),
    ("KMS.", ErrorKind::Denied, "the KMS key of the bucket cannot be used", "check the key"),
];

const CHECK: &str = "check AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL and the proxy";

/// Turns the failure of a call into an error. `action` is its IAM action, such as `s3:GetObject`.
pub(super) fn failure(url: &S3Url, action: &str, refusal: Option<Refusal>, error: &(dyn StdError + 'static)) -> Error {
    let made = |kind, happened: &str, hint: String| {
        Error::new(kind, url.to_string(), format!("{action} failed: {happened}")).hint(hint)
    };
    let Some(refusal) = refusal else { return unanswered(error, made).call(action, None) };
    let (code, answer) =
        (refusal.code.as_str(), AwsAnswer::new(refusal.message.as_deref(), refusal.request_id.as_deref()));
    let known = MEANINGS.iter().find(|(known, ..)| code.starts_with(known));
    let error = match (known, refusal.status) {
        (Some((_, kind, happened, hint)), _) => made(*kind, happened, (*hint).to_owned()),
        (None, _) if code.starts_with("AccessDenied") || refusal.status == 403 && code.is_empty() => {
            made(ErrorKind::Denied, "AWS denied the call", grant(action, &answer))
        }
        (None, 404) => made(ErrorKind::NotFound, "there is no such object", "check the prefix".to_owned()),
        (None, 503) => made(ErrorKind::Throttled, "AWS kept throttling the call", TRY_LATER.to_owned()),
        (None, status) => match rejected(code) {
            Some((happened, hint)) => made(ErrorKind::Credentials, happened, hint.to_owned()),
            None => {
                let happened = match code {
                    "" => format!("the response is not a complete response of the S3 API (status {status})"),
                    code => format!("AWS returned {code}"),
                };
                made(ErrorKind::Service, &happened, CHECK.to_owned())
            }
        },
    };
    let answer = Some(answer).filter(|answer| *answer != AwsAnswer::default());
    error.call(action, Some(code).filter(|code| !code.is_empty())).answered(answer)
}

/// Which permission is missing. The denial of a key names its action.
fn grant(action: &str, answer: &AwsAnswer) -> String {
    let message = answer.message.as_deref();
    let words = message.unwrap_or_default().split(' ');
    let of_key = words.map(|word| word.trim_matches(|letter: char| !letter.is_ascii_alphanumeric() && letter != ':'));
    let action = of_key.into_iter().find(|word| word.starts_with("kms:")).unwrap_or(action);
    denied(action, message).unwrap_or_else(|| format!("grant the permission {action}"))
}

/// The error of a call without an answer.
fn unanswered(error: &(dyn StdError + 'static), made: impl Fn(ErrorKind, &str, String) -> Error) -> Error {
    if let Some(failure) = cause::<CredentialFailure>(error) {
        return made(ErrorKind::Credentials, &failure.happened, failure.hint.clone());
    }
    if let Some(unreachable) = cause::<Unreachable>(error) {
        return made(ErrorKind::Network, &unreachable.to_string(), unreachable.hint());
    }
    if cause::<NoList>(error).is_some() {
        return made(ErrorKind::Service, "the response is not a complete response of the S3 API", CHECK.to_owned());
    }
    if let Some(unsupported) = cause::<object_store::path::Error>(error) {
        let hint =
            "remove or rename the object: keys with empty words, . or .. or control characters are not supported";
        return made(ErrorKind::Format, &format!("a key is not supported ({unsupported})"), hint.to_owned());
    }
    let why = causes(error).last().map(ToString::to_string).unwrap_or_default();
    let hint = "check the network and the proxy, and run the command again".to_owned();
    made(ErrorKind::Network, &format!("the connection broke ({})", without_number(&why)), hint)
}
