//! Calls of `object_store` over the HTTP client of all other calls: its proxies, its trusted CAs, and its list of calls.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use aws_smithy_runtime_api::client::http::{HttpConnector, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http::{Method, StatusCode};
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody, HttpService,
};
use tokio::sync::mpsc;

use super::refusal::Refusal;
use crate::aws::answer::{Broken, Overrun, PacedBody};

/// Longest wait for the beginning of an answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// Longest time for a whole object: as long as S3 may take for its largest one, 5 TB, at 60 MB/s.
const LONGEST: Duration = Duration::from_secs(24 * 3600);
/// Most bytes of an answer that says why a call failed, and of a page of a list.
const ANSWER_MAX: usize = 64 << 20;
/// Pieces of a body that wait for their reader.
const PIECES: usize = 16;

/// The root of a list.
const LIST: &[u8] = b"<ListBucketResult";

/// That an answer is no list.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the response is no list of objects")]
pub(super) struct NoList;

tokio::task_local! {
    /// The last refusal of the calls of an operation. `object_store` passes on its status and its text alone.
    pub(super) static REFUSED: Arc<Mutex<Option<Refusal>>>;
}

/// Makes the calls.
#[derive(Clone)]
pub(super) struct Transport(pub SharedHttpConnector);

impl fmt::Debug for Transport {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Transport")
    }
}

impl object_store::client::HttpConnector for Transport {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait]
impl HttpService for Transport {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let (parts, body) = request.into_parts();
        let may_refuse_some = parts.method == Method::POST;
        let is_list = parts.uri.query().is_some_and(|query| query.contains("list-type="));
        let body = body.collect().await?.to_bytes();
        let request = http::Request::from_parts(parts, SdkBody::from(body));
        let request = orchestrator::HttpRequest::try_from(request).map_err(of(HttpErrorKind::Unknown))?;
        let answer = self.send(request).await?;
        let status = answer.status();
        if is_list && status.is_success() {
            let (parts, body) = answer.into_parts();
            let text = whole(body).await?;
            // A page of a network that wants a sign-in is no empty list.
            return match memchr::memmem::find(&text, LIST) {
                Some(_) => Ok(HttpResponse::from_parts(parts, HttpResponseBody::from(text))),
                None => Err(HttpError::new(HttpErrorKind::Decode, NoList)),
            };
        }
        if !may_refuse_some && (status.is_success() || status == StatusCode::NOT_MODIFIED) {
            let (parts, body) = answer.into_parts();
            return Ok(HttpResponse::from_parts(parts, HttpResponseBody::new(Streamed::of(body))));
        }
        let (parts, body) = answer.into_parts();
        let text = whole(body).await?;
        let refusal = Some(Refusal::of(parts.status, &parts.headers, &text));
        let refusal = refusal.filter(|refusal| !status.is_success() || !refusal.code.is_empty());
        let _ = REFUSED.try_with(|last| *last.lock().unwrap_or_else(PoisonError::into_inner) = refusal);
        Ok(HttpResponse::from_parts(parts, HttpResponseBody::from(text)))
    }
}

impl Transport {
    /// Sends a request, and waits for the beginning of the answer.
    pub async fn send(&self, request: orchestrator::HttpRequest) -> Result<http::Response<SdkBody>, HttpError> {
        let answered = tokio::time::timeout(PATIENCE, self.0.call(request)).await;
        let answer = answered.map_err(of(HttpErrorKind::Timeout))?.map_err(unanswered)?;
        answer.try_into_http1x().map_err(of(HttpErrorKind::Unknown))
    }
}

fn of<E: std::error::Error + Send + Sync + 'static>(kind: HttpErrorKind) -> impl Fn(E) -> HttpError {
    move |error| HttpError::new(kind, error)
}

/// Whether another attempt may help is known of the error.
fn unanswered(error: ConnectorError) -> HttpError {
    let kind = match () {
        () if error.is_timeout() => HttpErrorKind::Timeout,
        () if error.is_io() => HttpErrorKind::Connect,
        () => HttpErrorKind::Unknown,
    };
    HttpError::new(kind, error)
}

/// A whole body in memory.
async fn whole(body: SdkBody) -> Result<Vec<u8>, HttpError> {
    let (mut body, mut held) = (PacedBody::new(body), Vec::new());
    while let Some(bytes) = body.next(PATIENCE).await.map_err(broken)? {
        held.extend(bytes);
        if held.len() > ANSWER_MAX {
            return Err(HttpError::new(HttpErrorKind::Decode, Overrun::Bytes(ANSWER_MAX as u64)));
        }
    }
    Ok(held)
}

fn broken(broken: Broken) -> HttpError {
    match broken {
        Broken::Off(error) => HttpError::new(HttpErrorKind::Interrupted, error),
        Broken::Over(overrun) => HttpError::new(HttpErrorKind::Timeout, overrun),
    }
}

/// A body that keeps its pace, as it comes.
struct Streamed(mpsc::Receiver<Result<Bytes, HttpError>>);

impl Streamed {
    fn of(body: SdkBody) -> Self {
        let (sender, receiver) = mpsc::channel(PIECES);
        tokio::spawn(async move {
            let mut body = PacedBody::new(body);
            loop {
                let piece = match body.next(LONGEST).await {
                    Ok(Some(bytes)) => Ok(bytes.into()),
                    Ok(None) => return,
                    Err(error) => Err(broken(error)),
                };
                let is_last = piece.is_err();
                // Nobody reads on.
                if sender.send(piece).await.is_err() || is_last {
                    return;
                }
            }
        });
        Self(receiver)
    }
}

impl Body for Streamed {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, HttpError>>> {
        self.0.poll_recv(context).map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }
}
