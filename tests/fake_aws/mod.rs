//! A fake AWS over real HTTP: the RDS API of a made-up fleet, on a port of this machine, with its quirks and with
//! trouble on order. A program meets it through `AWS_ENDPOINT_URL_RDS`.

mod connection;
mod faults;
mod fleet;
mod load;
mod log_file;
mod rds;
mod request;
#[cfg(test)]
mod tests;
mod xml;

use std::future::IntoFuture;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, Method, Response, Uri, header};
use tokio::sync::oneshot;

pub use faults::{Calls, Fault, FaultKind};
pub use fleet::{Fleet, Proxy};
pub use log_file::LogFile;
pub use request::Call;

use connection::{BreakableListener, Connection};
use rds::ApiError;

/// A running fake. It stops when it is dropped.
pub struct FakeAws {
    address: SocketAddr,
    service: Service,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl FakeAws {
    /// Starts serving a fleet, on a thread and a runtime of its own, so that a test may be async or not.
    ///
    /// # Panics
    /// If no port can be had.
    pub fn start(fleet: Fleet) -> FakeAws {
        let service = Service::new(fleet);
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a listener that does not block");
        let address = listener.local_addr().expect("an address");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let (stop, stopped) = oneshot::channel();
        let router = Router::new().fallback(answer).with_state(service.clone());
        let thread = std::thread::spawn(move || {
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).expect("a listener for the runtime");
                let router = router.into_make_service_with_connect_info::<Connection>();
                tokio::select! {
                    _ = axum::serve(BreakableListener(listener), router).into_future() => {}
                    _ = stopped => {}
                }
            });
            runtime.shutdown_background();
        });
        FakeAws { address, service, stop: Some(stop), thread: Some(thread) }
    }

    /// What to set `AWS_ENDPOINT_URL_RDS` to.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All calls so far, in order of arrival, those that went wrong too.
    pub fn calls(&self) -> Vec<Call> {
        self.service.lock().calls.clone()
    }

    /// Changes the fleet while it is served.
    pub fn set(&self, change: impl FnOnce(&mut Fleet)) {
        change(&mut self.service.lock().fleet);
    }

    /// Orders trouble. Where several orders hit a call, the first one counts.
    pub fn fault(&self, fault: Fault) {
        self.service.lock().faults.push(fault);
    }
}

impl Drop for FakeAws {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The service, shared by its connections and the test.
#[derive(Clone)]
struct Service(Arc<Mutex<Inside>>);

struct Inside {
    fleet: Fleet,
    calls: Vec<Call>,
    faults: Vec<Fault>,
}

impl Service {
    fn new(fleet: Fleet) -> Service {
        Service(Arc::new(Mutex::new(Inside { fleet, calls: Vec::new(), faults: Vec::new() })))
    }

    /// A test that panicked while it changed the fleet has failed already; the lock need not fail too.
    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records a call. Says its number and what is to go wrong.
    fn record(&self, call: &Call) -> (usize, Option<FaultKind>) {
        let mut inside = self.lock();
        inside.calls.push(call.clone());
        let mut first = None;
        for fault in &mut inside.faults {
            // Every order counts its calls, also those that another one has taken.
            if fault.hits(call) && first.is_none() {
                first = Some(fault.kind);
            }
        }
        (inside.calls.len(), first)
    }

    /// What RDS would answer.
    fn right_answer(&self, call: &Call, request_id: &str) -> Answer {
        match rds::answer(&mut self.lock().fleet, call) {
            Ok(result) => {
                Answer { status: 200, kind: "text/xml", body: result.into_response(&call.action, request_id) }
            }
            Err(error) => Answer::error(error, request_id),
        }
    }
}

/// An answer before it is sent.
struct Answer {
    status: u16,
    kind: &'static str,
    body: String,
}

impl Answer {
    fn error(error: ApiError, request_id: &str) -> Answer {
        let body = xml::error(error.kind, error.code, &error.message, request_id);
        Answer { status: error.status, kind: "text/xml", body }
    }

    fn with_body(kind: &'static str, body: impl Into<String>) -> Answer {
        Answer { status: 200, kind, body: body.into() }
    }

    fn cut(mut self, keep: f64) -> Answer {
        let letters = self.body.chars().count();
        self.body = self.body.chars().take((letters as f64 * keep) as usize).collect();
        self
    }
}

/// Answers a request.
async fn answer(
    State(service): State<Service>,
    ConnectInfo(connection): ConnectInfo<Connection>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let call = Call::read(&method, &uri, &headers, &body);
    let (number, fault) = service.record(&call);
    let request_id = format!("00000000-0000-4000-8000-{number:012}");
    let right = || service.right_answer(&call, &request_id);
    let answer = match (refusal(&headers), fault) {
        (Some(error), _) => Answer::error(error, &request_id),
        (None, None) => right(),
        (None, Some(FaultKind::Slow(delay))) => {
            tokio::time::sleep(delay).await;
            right()
        }
        (None, Some(FaultKind::Reset)) => {
            connection.reset();
            Answer::with_body("text/xml", "")
        }
        (None, Some(FaultKind::CutBody)) => {
            let answer = right();
            connection.cut_body(answer.body.len() / 2);
            answer
        }
        (None, Some(FaultKind::CutXml(keep))) => right().cut(keep),
        (None, Some(FaultKind::Html200)) => Answer::with_body("text/html", "<html><body>Please log in.</body></html>"),
        (None, Some(FaultKind::EmptyBody)) => Answer::with_body("text/xml", ""),
        (None, Some(error)) => Answer::error(error_of(error, &call), &request_id),
    };
    Response::builder()
        .status(answer.status)
        .header(header::CONTENT_TYPE, answer.kind)
        .header("x-amzn-requestid", request_id)
        .body(Body::from(answer.body))
        .expect("a response of known parts")
}

/// Why the request is not answered at all. Signatures are not checked, only their presence and their scope.
fn refusal(headers: &HeaderMap) -> Option<ApiError> {
    if !headers.contains_key(header::AUTHORIZATION) {
        return Some(ApiError::sender(403, "MissingAuthenticationToken", "Missing Authentication Token"));
    }
    match request::scope(headers).map(|scope| scope.split('/').collect::<Vec<_>>()).as_deref() {
        Some([_, _, _, "rds", "aws4_request"]) => None,
        Some([_, _, _, service, _]) => {
            let message = format!("Credential should be scoped to correct service: 'rds', not '{service}'.");
            Some(ApiError::sender(403, "SignatureDoesNotMatch", message))
        }
        _ => Some(ApiError::sender(400, "IncompleteSignature", "Authorization header has no credential scope.")),
    }
}

/// The error that a fault stands for.
fn error_of(fault: FaultKind, call: &Call) -> ApiError {
    match fault {
        FaultKind::Throttle => ApiError::sender(400, "Throttling", "Rate exceeded"),
        FaultKind::AccessDenied => {
            let message = format!(
                "User: arn:aws:iam::123456789012:user/test is not authorized to perform: rds:{} because no \
                 identity-based policy allows the rds:{} action",
                call.action, call.action
            );
            ApiError::sender(403, "AccessDenied", message)
        }
        FaultKind::ExpiredToken => {
            ApiError::sender(403, "ExpiredToken", "The security token included in the request is expired")
        }
        FaultKind::ServiceUnavailable => {
            ApiError::receiver(503, "ServiceUnavailable", "Service is unable to handle request.")
        }
        _ => ApiError::receiver(500, "InternalFailure", "An internal error has occurred."),
    }
}
