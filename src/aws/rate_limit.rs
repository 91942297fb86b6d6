//! The HTTP client of an account and region: it limits the rate of calls, and retries throttled ones.
//!
//! It stands under the SDK's own retries, so that throttling neither uses them up nor meets a second way of waiting; and
//! it serves requests that no SDK client makes all the same.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::retries::classifiers::{ClassifyRetry, RetryAction};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;

use super::call::action;
use super::credentials::Mark;
use super::limiter::Limiter;
use super::quota;
use crate::progress::Progress;

/// How often a throttled call is made again before the throttling is an error.
const AGAIN: u32 = 8;
/// Longest wait after the first throttling, and after any.
const WAIT: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(10));
/// Shortest wait for the rate limit that is worth mentioning.
const NOTICED: Duration = Duration::from_millis(100);
/// Longest answer that is looked at for a word of throttling.
const ERROR_MAX: u64 = 64 * 1024;

/// How AWS says "too fast", in all its protocols. Source: the SDKs' lists of throttling error codes.
const THROTTLED: &[&str] = &[
    "Throttling",
    "TooManyRequests",
    "RequestLimitExceeded",
    "RequestThrottled",
    "SlowDown",
    "BandwidthLimitExceeded",
    "PriorRequestNotComplete",
];

/// The pace of one account and region: one limiter for each action.
pub(super) struct Pace {
    region: String,
    most: Option<f64>,
    limiters: Mutex<BTreeMap<String, Arc<Limiter>>>,
    progress: Arc<dyn Progress>,
}

impl fmt::Debug for Pace {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Pace")
    }
}

impl Pace {
    /// `most` is the highest rate of any action, in calls a second.
    pub fn new(region: &str, most: Option<f64>, progress: &Arc<dyn Progress>) -> Arc<Self> {
        let (region, progress) = (region.to_owned(), Arc::clone(progress));
        Arc::new(Self { region, most, limiters: Mutex::default(), progress })
    }

    /// An HTTP client that keeps to this pace.
    pub fn client(self: &Arc<Self>, http: SharedHttpClient) -> SharedHttpClient {
        SharedHttpClient::new(PacedClient { pace: Arc::clone(self), http })
    }

    fn limiter(&self, action: &str) -> Arc<Limiter> {
        let mut limiters = self.limiters.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = limiters.get(action) {
            return Arc::clone(known);
        }
        let limiter = Arc::new(Limiter::new(quota::of(action, &self.region), self.most));
        limiters.insert(action.to_owned(), Arc::clone(&limiter));
        limiter
    }
}

#[derive(Debug)]
struct PacedClient {
    pace: Arc<Pace>,
    http: SharedHttpClient,
}

impl HttpClient for PacedClient {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        let http = self.http.http_connector(settings, components);
        SharedHttpConnector::new(PacedConnector { pace: Arc::clone(&self.pace), http })
    }
}

#[derive(Debug)]
struct PacedConnector {
    pace: Arc<Pace>,
    http: SharedHttpConnector,
}

impl HttpConnector for PacedConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let action = action(&request);
        let limiter = self.pace.limiter(&action);
        let progress = Arc::clone(&self.pace.progress);
        HttpConnectorFuture::new(paced(self.http.clone(), limiter, request, action, progress))
    }
}

async fn paced(
    http: SharedHttpConnector,
    limiter: Arc<Limiter>,
    mut request: HttpRequest,
    action: String,
    progress: Arc<dyn Progress>,
) -> Result<HttpResponse, ConnectorError> {
    let turn = async |request| {
        let start = Instant::now();
        limiter.wait().await;
        let waited = start.elapsed();
        if waited >= NOTICED {
            progress.waits(&action, waited);
        }
        once(&http, &limiter, request).await
    };
    for again in 0..AGAIN {
        let Some(copy) = request.try_clone() else { break };
        let (throttled, response) = turn(std::mem::replace(&mut request, copy)).await?;
        if !throttled {
            return Ok(response);
        }
        let longest = WAIT.0.saturating_mul(1 << again).min(WAIT.1);
        let wait = longest.mul_f64(fastrand::f64());
        progress.throttled(&action, wait);
        tokio::time::sleep(wait).await;
    }
    let (throttled, mut response) = turn(request).await?;
    if throttled {
        response.add_extension(GaveUp);
    }
    Ok(response)
}

/// Marks an answer of throttling that was waited out long enough.
#[derive(Clone, Copy, Debug)]
struct GaveUp;

/// Keeps the SDK from making a call again that was throttled long enough.
#[derive(Debug)]
pub(super) struct NoMoreAfterThrottling;

impl ClassifyRetry for NoMoreAfterThrottling {
    fn name(&self) -> &'static str {
        "NoMoreAfterThrottling"
    }

    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let gave_up = context.response().and_then(|response| response.extension::<GaveUp>());
        if gave_up.is_some() { RetryAction::RetryForbidden } else { RetryAction::NoActionIndicated }
    }
}

/// Makes a call. Says whether AWS throttled it.
async fn once(
    http: &SharedHttpConnector,
    limiter: &Limiter,
    request: HttpRequest,
) -> Result<(bool, HttpResponse), ConnectorError> {
    let signed_with = Mark::of_request(&request);
    let mut response = http.call(request).await?;
    if let Some(mark) = signed_with {
        response.add_extension(mark);
    }
    let throttled = match response.status().as_u16() {
        429 => true,
        400..=599 => says_throttled(&mut response).await?,
        _ => false,
    };
    if throttled {
        limiter.throttled()
    } else {
        limiter.taken()
    }
    Ok((throttled, response))
}

/// Whether an error is one of throttling; reads its body to find out, and puts it back.
async fn says_throttled(response: &mut HttpResponse) -> Result<bool, ConnectorError> {
    let says = |text: &[u8]| THROTTLED.iter().any(|word| memchr::memmem::find(text, word.as_bytes()).is_some());
    if response.headers().get("x-amzn-errortype").is_some_and(|kind| says(kind.as_bytes())) {
        return Ok(true);
    }
    if response.body().content_length().is_some_and(|length| length > ERROR_MAX) {
        return Ok(false);
    }
    let body = ByteStream::new(std::mem::replace(response.body_mut(), SdkBody::taken())).collect().await;
    let body = body.map_err(|error| ConnectorError::io(error.into()))?.into_bytes();
    let throttled = says(&body);
    *response.body_mut() = SdkBody::from(body);
    Ok(throttled)
}
