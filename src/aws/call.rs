//! What a call is named in messages and in the list of calls: never a header, a signature or a parameter.

use std::time::Duration;

use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use http::Uri;

use crate::progress::ApiCall;

/// Services whose IAM prefix is not the name in signatures.
///
/// Source: Service Authorization Reference.
const PREFIXES: [(&str, &str); 1] = [("monitoring", "cloudwatch")];

/// The REST call that is in no SDK: in its path, behind a version, and as IAM names it.
const DOWNLOAD: (&str, &str) = ("downloadCompleteLogFile", "DownloadCompleteDBLogFile");

/// Calls of S3, as IAM names them: the method, whether it lists, and the action.
///
/// Source: Service Authorization Reference.
const OF_OBJECTS: [(&str, bool, &str); 6] = [
    ("GET", true, "ListBucket"),
    ("GET", false, "GetObject"),
    ("HEAD", false, "GetObject"),
    ("PUT", false, "PutObject"),
    ("DELETE", false, "DeleteObject"),
    ("POST", false, "DeleteObject"),
];

/// Headers with the ID of a request.
const IDS: [&str; 3] = ["x-amzn-requestid", "x-amz-request-id", "x-amzn-request-id"];

/// A call that is about to be made.
pub(super) fn begun(request: &HttpRequest, address: &Uri) -> ApiCall {
    let header = |name| request.headers().get(name);
    let scope = header("authorization").and_then(scope);
    let action = match scope {
        Some((_, service)) => {
            let known = PREFIXES.iter().find(|(name, _)| *name == service);
            format!("{}:{}", known.map_or(service, |(_, prefix)| prefix), action(request))
        }
        None => format!("{} {}", request.method(), address.host().unwrap_or_default()),
    };
    let region = scope.map(|(region, _)| region.to_owned());
    let attempt = header("amz-sdk-request").and_then(attempt);
    ApiCall { action, region, status: None, request_id: None, duration: Duration::ZERO, attempt }
}

/// The same call when it has ended.
pub(super) fn ended(begun: ApiCall, duration: Duration, answer: Option<&HttpResponse>) -> ApiCall {
    let status = answer.map(|answer| answer.status().as_u16());
    let id = answer.and_then(|answer| IDS.iter().find_map(|name| answer.headers().get(*name)));
    ApiCall { status, request_id: id.map(|id| id.chars().take(100).collect()), duration, ..begun }
}

/// Region and service in the scope of a signature: `Credential=KEY/DATE/REGION/SERVICE/aws4_request`.
fn scope(authorization: &str) -> Option<(&str, &str)> {
    let (_, credential) = authorization.split_once("Credential=")?;
    let mut words = credential.split([',', ' ']).next()?.split('/').skip(2);
    Some((words.next()?, words.next()?))
}

/// The header `amz-sdk-request: attempt=2; max=4`, in any order.
fn attempt(header: &str) -> Option<(u32, u32)> {
    let value =
        |name| header.split(';').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('=')?.parse().ok());
    Some((value("attempt")?, value("max")?))
}

/// What a request asks for: the action of the Query protocol, the target of JSON, or what the path names.
pub(super) fn action(request: &HttpRequest) -> String {
    if let Some((_, action)) = request.headers().get("x-amz-target").and_then(|target| target.rsplit_once('.')) {
        return action.to_owned();
    }
    let form = request.body().bytes().and_then(|body| body.strip_prefix(b"Action="));
    if let Some(action) = form.and_then(|form| form.split(|byte| *byte == b'&').next()) {
        return String::from_utf8_lossy(action).into_owned();
    }
    let path = request.uri().splitn(4, '/').nth(3).unwrap_or_default();
    if scope(request.headers().get("authorization").unwrap_or_default()).is_some_and(|(_, service)| service == "s3") {
        let is_list = path.contains("list-type=");
        let known = OF_OBJECTS.iter().find(|(method, list, _)| *method == request.method() && *list == is_list);
        return known.map_or(request.method(), |(.., action)| action).to_owned();
    }
    match path.rsplit_once("/operation/") {
        Some((_, operation)) => operation.to_owned(),
        None if path.split('/').nth(1) == Some(DOWNLOAD.0) => DOWNLOAD.1.to_owned(),
        None => path.split('/').take(2).collect::<Vec<_>>().join("/"),
    }
}

#[cfg(test)]
mod tests {
    use aws_smithy_types::body::SdkBody;

    use super::*;

    #[test]
    fn every_protocol_names_its_action() {
        let named = |uri: &str, target: Option<&'static str>, body: &'static str| {
            let mut request = HttpRequest::new(SdkBody::from(body));
            request.set_uri(uri).expect("an address");
            if let Some(target) = target {
                request.headers_mut().insert("x-amz-target", target);
            }
            action(&request)
        };
        let form = "Action=DescribeDBInstances&Version=2014-10-31";
        assert_eq!(named("https://rds.eu-west-1.amazonaws.com/", None, form), "DescribeDBInstances");
        assert_eq!(named("http://127.0.0.1:1/", Some("Logs_20140328.FilterLogEvents"), "{}"), "FilterLogEvents");
        let metrics = "https://x/service/GraniteServiceVersion20100801/operation/GetMetricData";
        assert_eq!(named(metrics, None, ""), "GetMetricData");
        assert_eq!(named("https://x/v19/downloadCompleteLogFile/a/b.log", None, ""), "DownloadCompleteDBLogFile");
    }

    #[test]
    fn a_call_has_no_secret_in_it() {
        let mut request = HttpRequest::new(SdkBody::from("Action=AssumeRole&ExternalId=secret"));
        request.set_uri("https://user:secret@sts.eu-west-1.amazonaws.com/?X-Amz-Signature=secret").expect("an address");
        let authorization = "AWS4-HMAC-SHA256 Credential=secret/20261126/eu-west-1/sts/aws4_request, Signature=secret";
        request.headers_mut().insert("authorization", authorization);
        request.headers_mut().insert("amz-sdk-request", "attempt=2; max=4");
        let address = request.uri().parse().expect("an address");
        let call = begun(&request, &address);
        assert_eq!((call.action.as_str(), call.region.as_deref()), ("sts:AssumeRole", Some("eu-west-1")));
        assert_eq!(call.attempt, Some((2, 4)));
        request.headers_mut().remove("authorization");
        assert_eq!(begun(&request, &address).action, "GET sts.eu-west-1.amazonaws.com");
        assert!(!format!("{call:?}").contains("secret"));
    }
}
