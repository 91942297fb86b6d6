//! Complete log files by the REST call `DownloadCompleteDBLogFile`, which is in no SDK: a signed `GET` whose answer is the
//! file itself, byte for byte. Source: RDS User Guide, "Reading log file contents using REST".
//!
//! The call goes out as the SDK's `DownloadDBLogFilePortion`, of which the request is replaced before it is signed, and
//! the answer's body is taken away before it is read. Endpoint, credentials, signature, clock and retries are so those
//! of every other call; and the body is a stream.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_rds::Client;
use aws_sdk_rds::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_rds::operation::download_db_log_file_portion::DownloadDBLogFilePortionError;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeDeserializationInterceptorContextMut, BeforeTransmitInterceptorContextMut,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::ConfigBag;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::decompress::{Gunzip, Packing};
use super::rds_portion::LogFile;
use crate::aws::{Aws, Broken, CHECK_ENDPOINT, Overrun, PacedBody, failure};
use crate::error::{Error, ErrorKind, Result, TRY_AGAIN};

/// The call, as IAM names it. Source: Service Authorization Reference, "Actions defined by Amazon RDS".
pub const ACTION: &str = "rds:DownloadCompleteDBLogFile";
/// What the path begins with, in the order in which it is tried. Public code uses the second; a copy of the User Guide
/// says that it ends in March 2027, and names the first.
const VERSIONS: &[&str] = &["v19", "v13"];
/// What is percent-encoded in one segment of the path: all but the unreserved characters of RFC 3986.
const SEGMENT: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// What is percent-encoded in several segments.
const PATH: AsciiSet = SEGMENT.remove(b'/');
/// First bytes that tell whether a file is packed.
const MAGIC: usize = 2;
/// Packed bytes that are unpacked at once: at most a thousand times as many come of them.
const STEP: usize = 8 * 1024;

/// What is to be done about a refusal.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Refusal {
    /// Believe it: the other call would be refused as well.
    Final,
    /// The permission is missing: go by portions from now on.
    Denied,
    /// The endpoint does not support the call: try the next version, then portions.
    Unserved,
    /// Read this one file by portions.
    Passing,
}

/// What a refusal means, by the beginning of its code.
const BY_CODE: &[(&str, Refusal)] = &[
    ("DBLogFileNotFound", Refusal::Final),
    ("DBInstanceNotFound", Refusal::Final),
    ("DBInstanceNotReady", Refusal::Final),
    ("ExpiredToken", Refusal::Final),
    ("RequestExpired", Refusal::Final),
    ("InvalidClientTokenId", Refusal::Final),
    ("UnrecognizedClient", Refusal::Final),
    ("OptInRequired", Refusal::Final),
    ("Throttling", Refusal::Final),
    ("RequestLimitExceeded", Refusal::Final),
    ("TooManyRequests", Refusal::Final),
    ("AccessDenied", Refusal::Denied),
    ("UnauthorizedOperation", Refusal::Denied),
    // What gateways say of paths that they do not know, or that they rewrite.
    ("MissingAuthenticationToken", Refusal::Unserved),
    ("SignatureDoesNotMatch", Refusal::Unserved),
    ("IncompleteSignature", Refusal::Unserved),
];

/// What a refusal without one of those codes means, by its HTTP status.
const BY_STATUS: &[(u16, Refusal)] = &[
    (400, Refusal::Unserved),
    (403, Refusal::Denied),
    (404, Refusal::Unserved),
    (405, Refusal::Unserved),
    (429, Refusal::Final),
    (501, Refusal::Unserved),
];

type CallError = SdkError<DownloadDBLogFilePortionError, HttpResponse>;

impl Refusal {
    fn of(error: &CallError) -> Self {
        let code = error.code().unwrap_or_default();
        let status = error.raw_response().map(|response| response.status().as_u16());
        let by_code = BY_CODE.iter().find(|(known, _)| code.starts_with(known)).map(|(_, refusal)| *refusal);
        let by_status = || BY_STATUS.iter().find(|(known, _)| Some(*known) == status).map(|(_, refusal)| *refusal);
        by_code.or_else(by_status).unwrap_or(Self::Passing)
    }
}

/// A log file that is being read, as it arrives.
#[derive(Debug)]
pub struct Complete {
    subject: String,
    size: u64,
    body: PacedBody,
    most: u64,
    time: Duration,
    /// Whether HTTP would notice that the end is missing.
    framed: bool,
    gunzip: Option<Gunzip>,
    /// What came and is not unpacked yet.
    packed: Vec<u8>,
    ended: bool,
    /// It went over a bound, and would do so again.
    overran: bool,
}

impl Complete {
    /// Opens a file; none where it is to be read by portions.
    ///
    /// # Errors
    ///
    /// When the file cannot be had, by this call or by portions.
    pub async fn open(aws: &Aws, instance: &str, file: &LogFile) -> Result<Option<Self>> {
        let Some(path) = path(instance, &file.name) else { return Ok(None) };
        let subject = format!("{instance} {}", file.name);
        loop {
            let way = aws.log_route.way();
            let Some(version) = VERSIONS.get(way) else { return Ok(None) };
            let refused = match get(&aws.rds, format!("/{version}/downloadCompleteLogFile/{path}")).await {
                Ok(None) => return Ok(None),
                Ok(Some(answer)) => {
                    aws.log_route.opened();
                    return Ok(Some(Self::new(subject, file, answer)));
                }
                Err(refused) => refused,
            };
            match Refusal::of(&refused) {
                Refusal::Final => return Err(failure(&subject, ACTION, refused)),
                Refusal::Denied => {
                    aws.log_route.deny();
                    return Ok(None);
                }
                Refusal::Unserved if aws.log_route.shut(way) => {}
                Refusal::Unserved => return Ok(None),
                Refusal::Passing => {
                    aws.log_route.failed();
                    return Ok(None);
                }
            }
        }
    }

    fn new(subject: String, file: &LogFile, Answer { body, framed }: Answer) -> Self {
        let (size, most, time) = (file.listed(), file.most(), file.patience());
        let body = PacedBody::new(body);
        let (gunzip, packed) = (None, Vec::new());
        Self { subject, size, body, most, time, framed, gunzip, packed, ended: false, overran: false }
    }

    /// Whether the file went over a bound, and would do so again.
    pub fn overran(&self) -> bool {
        self.overran
    }

    /// Bytes of the file that came, packed as they are.
    pub fn received(&self) -> u64 {
        self.body.received()
    }

    /// The next piece of the log; none at its end. Packed logs come unpacked.
    ///
    /// # Errors
    ///
    /// When the file breaks off or is damaged.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        while !self.ended {
            let piece = match (&mut self.gunzip, self.packed.is_empty()) {
                (Some(gunzip), false) => {
                    let rest = self.packed.split_off(self.packed.len().min(STEP));
                    let unpacked = gunzip.push(&std::mem::replace(&mut self.packed, rest));
                    unpacked.map_err(|error| self.damaged(error))?
                }
                _ => self.arrived().await?,
            };
            if !piece.is_empty() {
                return Ok(Some(piece));
            }
        }
        Ok(None)
    }

    /// What arrives next, if it is not packed.
    async fn arrived(&mut self) -> Result<Vec<u8>> {
        let mut piece = Vec::new();
        let first = self.received() == 0;
        while !self.ended && (piece.is_empty() || first && piece.len() < MAGIC) {
            match self.receive().await? {
                Some(more) if piece.is_empty() => piece = more,
                Some(more) => piece.extend(more),
                None => self.ended = true,
            }
        }
        if first && Packing::of(&piece) == Packing::Gzip {
            self.gunzip = Some(Gunzip::default());
        }
        match &mut self.gunzip {
            None => Ok(piece),
            Some(gunzip) if self.ended => gunzip.finish().map_err(|error| self.damaged(error)),
            Some(_) => {
                self.packed = piece;
                Ok(Vec::new())
            }
        }
    }

    /// The next bytes off the wire; none at the end.
    async fn receive(&mut self) -> Result<Option<Vec<u8>>> {
        match self.body.next(self.time).await {
            Ok(Some(_)) if self.received() > self.most => Err(self.over(Overrun::Bytes(self.most))),
            Ok(Some(bytes)) => Ok(Some(bytes)),
            Err(Broken::Off(error)) => Err(self.broken().because(error)),
            Err(Broken::Over(overrun)) => Err(self.over(overrun)),
            Ok(None) if !self.framed && self.received() < self.size => Err(self.broken()),
            Ok(None) => Ok(None),
        }
    }

    fn broken(&self) -> Error {
        let message = format!("{ACTION} failed: the download stopped after {} of {} bytes", self.received(), self.size);
        Error::new(ErrorKind::Truncated, &self.subject, message).hint(TRY_AGAIN).call(ACTION, None)
    }

    fn over(&mut self, overrun: Overrun) -> Error {
        // A connection that almost stopped may be faster the next time.
        self.overran = !matches!(overrun, Overrun::Pace(..));
        let message = format!("{ACTION} failed: {overrun} (listed size: {} bytes)", self.size);
        Error::new(ErrorKind::Endpoint, &self.subject, message).hint(CHECK_ENDPOINT).call(ACTION, None).because(overrun)
    }

    fn damaged(&self, error: std::io::Error) -> Error {
        let message = "the compressed log is damaged or incomplete";
        Error::new(ErrorKind::Truncated, &self.subject, message).hint(TRY_AGAIN).because(error)
    }
}

/// The path of a file behind the version; none for a name that HTTP would take for another path.
fn path(instance: &str, name: &str) -> Option<String> {
    if name.split('/').any(|segment| ["", ".", ".."].contains(&segment)) {
        return None;
    }
    let (instance, name) = (utf8_percent_encode(instance, &SEGMENT), utf8_percent_encode(name, &PATH));
    Some(format!("{instance}/{name}"))
}

/// A body that was taken away before anybody read it.
#[derive(Debug)]
struct Answer {
    body: SdkBody,
    /// Whether its end is marked, by a length or by chunks.
    framed: bool,
}

/// Calls `GET` on a path of the RDS endpoint; none for an answer that is not a file.
async fn get(rds: &Client, path: String) -> Result<Option<Answer>, CallError> {
    let answer = Arc::default();
    let get = Get { path, answer: Arc::clone(&answer) };
    rds.download_db_log_file_portion().customize().interceptor(get).send().await?;
    Ok(answer.lock().unwrap_or_else(PoisonError::into_inner).take())
}

/// Makes a `GET` of a call of the SDK.
#[derive(Debug)]
struct Get {
    path: String,
    answer: Arc<Mutex<Option<Answer>>>,
}

/// What is left of an answer whose body was taken away.
const REST: &str =
    "<DownloadDBLogFilePortionResponse><DownloadDBLogFilePortionResult/></DownloadDBLogFilePortionResponse>";
/// Headers of the call that the SDK made, and of no use in this one.
const HEADERS: &[&str] = &["content-type", "content-length", "x-amz-user-agent"];

#[aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint]
impl Intercept for Get {
    fn name(&self) -> &'static str {
        "Get"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request_mut();
        let endpoint = request.uri().trim_end_matches('/').to_owned();
        request.set_uri(format!("{endpoint}{}", self.path))?;
        request.set_method("GET")?;
        for header in HEADERS {
            request.headers_mut().remove(*header);
        }
        *request.body_mut() = SdkBody::empty();
        Ok(())
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let response = context.response_mut();
        let kind = response.headers().get("content-type").unwrap_or_default();
        // A page of a proxy that wants a login is no file; it fails as an answer that is not of the RDS API.
        if !response.status().is_success() || kind.starts_with("text/html") {
            return Ok(());
        }
        let chunked = response.headers().get("transfer-encoding").is_some();
        let framed = chunked || response.headers().get("content-length").is_some();
        let body = std::mem::replace(response.body_mut(), SdkBody::from(REST));
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = Some(Answer { body, framed });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use aws_credential_types::Credentials;
    use aws_sdk_rds::config::{BehaviorVersion, Config, Region};
    use aws_smithy_async::time::StaticTimeSource;
    use aws_smithy_runtime_api::client::http::{
        HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
    };
    use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
    use serde::Deserialize;

    use super::*;

    /// Answers each request with the same bytes and no length, and keeps what it was asked.
    #[derive(Clone, Debug, Default)]
    struct Wire {
        asked: Arc<Mutex<Vec<[String; 4]>>>,
        body: Vec<u8>,
    }

    impl HttpConnector for Wire {
        fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
            let header = |name: &str| request.headers().get(name).unwrap_or_default().to_owned();
            let uri = request.uri().to_owned();
            let seen = [uri, header("authorization"), header("x-amz-date"), header("x-amz-security-token")];
            self.asked.lock().unwrap_or_else(PoisonError::into_inner).push(seen);
            let status = 200.try_into().expect("a status");
            HttpConnectorFuture::ready(Ok(HttpResponse::new(status, SdkBody::from(self.body.clone()))))
        }
    }

    fn client(wire: &Wire, region: &str, credentials: Credentials, seconds: u64) -> Client {
        let connector = SharedHttpConnector::new(wire.clone());
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(region.to_owned()))
            .credentials_provider(credentials)
            .time_source(StaticTimeSource::new(UNIX_EPOCH + Duration::from_secs(seconds)))
            .http_client(http_client_fn(move |_, _| connector.clone()));
        Client::from_conf(config.build())
    }

    #[derive(Deserialize)]
    struct Signed {
        seconds: u64,
        key: String,
        secret: String,
        vectors: Vec<Vector>,
    }

    #[derive(Deserialize)]
    struct Vector {
        region: String,
        instance: String,
        name: String,
        token: Option<String>,
        url: String,
        authorization: String,
        date: String,
    }

    #[tokio::test]
    async fn calls_are_signed_as_botocore_signs_them() {
        let signed: Signed = serde_json::from_str(include_str!("../../tests/signature_vectors.json")).expect("vectors");
        assert!(signed.vectors.len() > 9);
        for vector in signed.vectors {
            let wire = Wire::default();
            let credentials = Credentials::new(&signed.key, &signed.secret, vector.token.clone(), None, "test");
            let client = client(&wire, &vector.region, credentials, signed.seconds);
            let path = path(&vector.instance, &vector.name).expect("a path");
            get(&client, format!("/v19/downloadCompleteLogFile/{path}")).await.expect("an answer");
            let asked = wire.asked.lock().expect("no panic").clone();
            let token = vector.token.unwrap_or_default();
            assert_eq!(asked, [[vector.url, vector.authorization, vector.date, token]], "{}", vector.name);
        }
    }

    #[test]
    fn names_that_are_other_paths_to_http_are_refused() {
        for name in ["", "/a", "a/", "a//b", "../a", "a/../b", "a/..", "./a", "a/./b"] {
            assert_eq!(path("db", name), None, "{name}");
        }
        assert_eq!(path("db/../x", "a..b/..c").as_deref(), Some("db%2F..%2Fx/a..b/..c"));
    }

    #[tokio::test]
    async fn an_end_that_http_does_not_mark_is_measured_by_the_listed_size() {
        let wire = Wire { body: b"0123456789".to_vec(), ..Wire::default() };
        let client = client(&wire, "eu-west-1", Credentials::new("a", "b", None, None, "test"), 0);
        for (size, whole) in [(9, true), (10, true), (11, false)] {
            let answer = get(&client, "/x".to_owned()).await.expect("an answer").expect("a body");
            assert!(!answer.framed);
            let file = LogFile { name: "log".to_owned(), size: Some(size), last_written: None };
            let mut file = Complete::new("db log".to_owned(), &file, answer);
            assert_eq!(file.next().await.expect("bytes").as_deref(), Some(b"0123456789".as_slice()));
            assert_eq!(file.next().await.is_ok(), whole, "{size}");
            assert_eq!(file.received(), 10);
        }
    }
}
