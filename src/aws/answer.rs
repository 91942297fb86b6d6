//! Limits of one response: bytes, time and rate. Every response except a complete log file is read here before the SDK
//! sees it, so that no endpoint fills the memory or blocks a run.
//!
//! The bounds stand well above what AWS sends. Most answers are below 1 MB: a page of `DownloadDBLogFilePortion` and of
//! `FilterLogEvents` holds 1 MB of text, of `DescribeDBInstances` 100 instances, of `GetMetricData` 100,800 values (API
//! references). As XML or JSON, text may take six times its size.
//!
//! Answers are not decompressed: the SDK asks for none that are packed.

use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use aws_smithy_types::byte_stream::error::Error as ByteStreamError;
use tokio::time::Instant;

use super::list;

/// How slow a sender may be: fewer bytes than `bytes` in a whole interval are too few.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// The least number of bytes.
    pub bytes: u64,
    /// The interval.
    pub within: Duration,
}

/// Some 270 bytes a second, far below any link that is of use; and no shorter silence ends an answer.
const PACE: Pace = Pace { bytes: 16 * 1024, within: Duration::from_secs(60) };

/// What one answer may take.
#[derive(Clone, Copy, Debug)]
struct Limits {
    bytes: u64,
    /// Most elements, and the byte with which each begins. The SDK makes up to 3 KB of an element of 10 bytes.
    elements: Option<(u8, usize)>,
    time: Duration,
    pace: Pace,
}

/// An answer of 6 MB takes ten minutes at 10 KB a second. A page of 100 records has fewer than 1,000 tags for each.
const LIMITS: Limits =
    Limits { bytes: 64 * 1024 * 1024, elements: Some((b'<', 200_000)), time: Duration::from_secs(600), pace: PACE };
/// The list of log files of Oracle comes on one page, and a version of SQL Server names every time zone and every version that
/// it can be upgraded to. Their records are small. The SDK does not read pages of network interfaces, which may have hundreds
/// of elements each.
const OF_MANY: Limits = Limits { elements: Some((b'<', 4_000_000)), ..LIMITS };
const MANY: [&[u8]; 3] =
    [b"Action=DescribeDBLogFiles&", b"Action=DescribeDBEngineVersions&", b"Action=DescribeNetworkInterfaces&"];
/// In JSON, objects: an event each, and whatever its 1 MB of text holds.
const OF_JSON: Limits = Limits { elements: Some((b'{', 1_000_000)), ..LIMITS };
/// In CBOR, 100,800 values with their times take 2 MB; elements cannot be counted.
const OF_CBOR: Limits = Limits { bytes: 3 * 1024 * 1024, elements: None, ..LIMITS };

impl Limits {
    /// The limits of the answer to a request, by its protocol.
    fn of(request: &HttpRequest) -> Self {
        let header = |name| request.headers().get(name).is_some();
        let is_of_many =
            || request.body().bytes().is_some_and(|body| MANY.iter().any(|action| body.starts_with(action)));
        match () {
            () if header("x-amz-target") => OF_JSON,
            () if header("smithy-protocol") => OF_CBOR,
            () if is_of_many() => OF_MANY,
            () => LIMITS,
        }
    }
}

/// How an endpoint exceeded a limit. Displays as a clause of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Overrun {
    /// More bytes than this.
    #[error("the endpoint sent more than {0} bytes in one response")]
    Bytes(u64),
    /// Not at its end after so many bytes and so much time.
    #[error("the response did not end: the endpoint sent {sent} bytes in {} s", .1.as_secs(), sent = .0)]
    Time(u64, Duration),
    /// So few bytes in so much time.
    #[error("the endpoint was too slow: it sent {sent} bytes in {} s", .1.as_secs(), sent = .0)]
    Pace(u64, Duration),
    /// More elements than this.
    #[error("the endpoint sent more than {0} elements in one response")]
    Elements(usize),
}

/// Why a body could not be read.
#[derive(Debug)]
pub enum Broken {
    /// The connection broke.
    Off(ByteStreamError),
    /// It went over a bound.
    Over(Overrun),
}

/// A body that must keep a pace. Only the time counts for which the endpoint is waited for.
#[derive(Debug)]
pub struct PacedBody {
    body: ByteStream,
    pace: Pace,
    received: u64,
    waited: Duration,
    /// Bytes and time of the interval that is being measured.
    interval: (u64, Duration),
}

impl PacedBody {
    /// A body that must keep the pace of all answers.
    pub fn new(body: SdkBody) -> Self {
        Self::at(body, PACE)
    }

    fn at(body: SdkBody, pace: Pace) -> Self {
        let interval = (0, Duration::ZERO);
        Self { body: ByteStream::new(body), pace, received: 0, waited: Duration::ZERO, interval }
    }

    /// Bytes that came.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// The next bytes; none at the end.
    ///
    /// # Errors
    ///
    /// When the body breaks off, when it falls below its pace, and when it takes longer than `time`.
    pub async fn next(&mut self, time: Duration) -> Result<Option<Vec<u8>>, Broken> {
        loop {
            let left = time.saturating_sub(self.waited).min(self.pace.within.saturating_sub(self.interval.1));
            let since = Instant::now();
            let next = tokio::time::timeout(left, self.body.next()).await;
            let waited = since.elapsed();
            self.waited += waited;
            self.interval.1 += waited;
            match next {
                Ok(Some(Ok(bytes))) => {
                    self.received += bytes.len() as u64;
                    self.interval.0 += bytes.len() as u64;
                    return Ok(Some(bytes.into()));
                }
                Ok(Some(Err(error))) => return Err(Broken::Off(error)),
                Ok(None) => return Ok(None),
                Err(_) if self.waited >= time => return Err(Broken::Over(Overrun::Time(self.received, self.waited))),
                Err(_) if self.interval.0 < self.pace.bytes => {
                    return Err(Broken::Over(Overrun::Pace(self.interval.0, self.interval.1)));
                }
                Err(_) => self.interval = (0, Duration::ZERO),
            }
        }
    }
}

/// An HTTP client whose answers are read whole, within bounds, but for whole log files, which are streamed.
pub(super) fn bounded(http: SharedHttpClient) -> SharedHttpClient {
    SharedHttpClient::new(Bounded { inner: http })
}

/// What stands in the path of a call whose answer is a file, and as long as that.
const STREAMED: &str = "/downloadCompleteLogFile/";

#[derive(Debug)]
struct Bounded<T> {
    inner: T,
}

impl HttpClient for Bounded<SharedHttpClient> {
    fn http_connector(&self, settings: &HttpConnectorSettings, components: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(Bounded { inner: self.inner.http_connector(settings, components) })
    }
}

impl HttpConnector for Bounded<SharedHttpConnector> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let (streamed, limits) = (request.uri().contains(STREAMED), Limits::of(&request));
        let answer = self.inner.call(request);
        HttpConnectorFuture::new(async move {
            let response = answer.await?;
            // A page of a proxy that wants a login is no file.
            let kind = response.headers().get("content-type").unwrap_or_default();
            let is_file = streamed && response.status().is_success() && !kind.starts_with("text/html");
            if is_file { Ok(response) } else { whole(response, limits).await }
        })
    }
}

/// The same answer with its body in memory.
async fn whole(mut response: HttpResponse, limits: Limits) -> Result<HttpResponse, ConnectorError> {
    // One that went over a bound would do so again; but a connection that was slow may be faster the next time.
    let over = |overrun: Overrun| match overrun {
        Overrun::Bytes(_) | Overrun::Elements(_) | Overrun::Time(..) => ConnectorError::other(overrun.into(), None),
        Overrun::Pace(..) => ConnectorError::timeout(overrun.into()),
    };
    let announced = response.body().content_length();
    if announced.is_some_and(|announced| announced > limits.bytes) {
        return Err(over(Overrun::Bytes(limits.bytes)));
    }
    let mut body = PacedBody::at(std::mem::replace(response.body_mut(), SdkBody::taken()), limits.pace);
    let mut held =
        Vec::with_capacity(announced.and_then(|announced| usize::try_from(announced).ok()).unwrap_or_default());
    while let Some(bytes) = body.next(limits.time).await.map_err(|broken| match broken {
        Broken::Off(error) => ConnectorError::io(error.into()),
        Broken::Over(overrun) => over(overrun),
    })? {
        if body.received() > limits.bytes {
            return Err(over(Overrun::Bytes(limits.bytes)));
        }
        held.extend(bytes);
    }
    if let Some((begin, most)) = limits.elements
        && memchr::memchr_iter(begin, &held).count() > most
    {
        return Err(over(Overrun::Elements(most)));
    }
    list::received(&held);
    *response.body_mut() = SdkBody::from(held);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use aws_smithy_types::body::SdkBody;
    use http_body::{Body, Frame};
    use tokio::time::{Sleep, sleep};

    use super::*;

    /// A body of so many pieces of so many bytes, each after a pause.
    struct Trickle {
        left: u64,
        bytes: usize,
        pause: Duration,
        sleep: Pin<Box<Sleep>>,
    }

    impl Trickle {
        fn body(pieces: u64, bytes: usize, pause: Duration) -> SdkBody {
            SdkBody::from_body_1_x(Trickle { left: pieces, bytes, pause, sleep: Box::pin(sleep(pause)) })
        }
    }

    impl Body for Trickle {
        type Data = bytes::Bytes;
        type Error = std::convert::Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            context: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
            if self.left == 0 {
                return Poll::Ready(None);
            }
            if self.sleep.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            self.left -= 1;
            let pause = self.pause;
            self.sleep.set(sleep(pause));
            Poll::Ready(Some(Ok(Frame::data(vec![b'x'; self.bytes].into()))))
        }
    }

    async fn read(body: SdkBody) -> Result<usize, String> {
        let status = 200.try_into().expect("a status");
        let response = whole(HttpResponse::new(status, body), LIMITS).await;
        let source = |error: ConnectorError| std::error::Error::source(&error).map(ToString::to_string);
        let held = response.map_err(|error| source(error).unwrap_or_default())?;
        Ok(held.body().bytes().expect("in memory").len())
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_link_is_waited_for_and_a_sender_that_almost_stops_is_not() {
        let second = Duration::from_secs(1);
        let slow = read(Trickle::body(120, 50 * 1024, second)).await;
        assert_eq!(slow, Ok(120 * 50 * 1024), "6 MB at 50 KB a second");
        let pauses = read(Trickle::body(4, 32 * 1024, 45 * second)).await;
        assert_eq!(pauses, Ok(4 * 32 * 1024), "pauses of 45 seconds");
        let began = Instant::now();
        let trickle = read(Trickle::body(u64::MAX, 1, 2 * second)).await;
        let message = "the endpoint was too slow: it sent 30 bytes in 60 s";
        assert_eq!(trickle, Err(message.to_owned()), "a byte every two seconds");
        assert_eq!(began.elapsed(), PACE.within);
        let silent = read(Trickle::body(1, 1, 3600 * second)).await;
        assert_eq!(silent, Err("the endpoint was too slow: it sent 0 bytes in 60 s".to_owned()));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_without_end_is_given_up_by_its_size_or_its_time() {
        let large = read(Trickle::body(u64::MAX, 1024 * 1024, Duration::from_millis(1))).await;
        assert_eq!(large, Err("the endpoint sent more than 67108864 bytes in one response".to_owned()));
        let steady = read(Trickle::body(u64::MAX, 2048, Duration::from_secs(1))).await;
        let steady = steady.expect_err("two kilobytes a second, for ever");
        assert!(steady.starts_with("the response did not end: the endpoint sent 12"), "{steady}");
        assert!(steady.ends_with("bytes in 600 s"), "{steady}");
    }

    #[tokio::test(start_paused = true)]
    async fn only_waiting_for_the_endpoint_counts() {
        let mut body = PacedBody::new(Trickle::body(3, 10, Duration::from_millis(1)));
        for _ in 0..3 {
            sleep(10 * PACE.within).await;
            assert!(matches!(body.next(LIMITS.time).await, Ok(Some(_))));
        }
        assert!(matches!(body.next(LIMITS.time).await, Ok(None)));
    }
}
