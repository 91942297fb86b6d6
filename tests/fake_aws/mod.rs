//! A fake AWS over real HTTP: the services of a made-up fleet, on a port of this machine, with their quirks and with
//! trouble on order. A program meets it through `AWS_ENDPOINT_URL`.

mod agent;
mod cloudwatch;
mod cloudwatch_logs;
mod connection;
mod crowd;
mod ec2;
mod faults;
mod fleet;
mod flood;
mod identity;
mod load;
mod log_file;
mod rate;
mod rds;
mod request;
mod signature;
#[cfg(test)]
mod tests;
mod xml;

use std::future::IntoFuture;
use std::net::{SocketAddr, TcpListener};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::thread::JoinHandle;

use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, Method, Response, Uri, header};
use tokio::sync::oneshot;

pub use agent::Joins;
pub use cloudwatch_logs::{Event, Group};
pub use faults::{Calls, Fault, FaultKind};
pub use fleet::{Fleet, Instance, Metric, NetworkInterface, Proxy, RdsEvent};
pub use log_file::LogFile;
pub use request::Call;

use connection::{BreakableListener, Connection};
use crowd::Crowd;
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

    /// What to set `AWS_ENDPOINT_URL` to.
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

    /// Adds another account, in which any role may be assumed.
    pub fn add_account(&self, fleet: Fleet) {
        self.service.lock().others.push(fleet);
    }

    /// Throttles an action beyond so many calls a second, in each account and region.
    pub fn limit(&self, action: &str, rate: f64) {
        self.service.lock().rates.rates.insert(action.to_owned(), rate);
    }

    /// Keeps from now on what is asked and answered, word for word.
    pub fn keep_exchanges(&self) {
        self.service.lock().exchanges = Some(Vec::new());
    }

    /// What was asked and answered since [`FakeAws::keep_exchanges`].
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.service.lock().exchanges.clone().unwrap_or_default()
    }

    /// The most calls that were under way at the same time, of those that [`FaultKind::Together`] hit.
    pub fn most_at_once(&self) -> usize {
        self.service.lock().crowd.most()
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

/// A request and its answer, as they were sent.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// The service in the signature's scope.
    pub service: String,
    /// The method and the address.
    pub target: String,
    /// The header that names the action in JSON protocols.
    pub action: String,
    /// The body of the request.
    pub request: Bytes,
    /// The status of the answer.
    pub status: u16,
    /// The answer's type.
    pub kind: &'static str,
    /// The body of the answer.
    pub answer: Vec<u8>,
}

struct Inside {
    fleet: Fleet,
    /// Other accounts, in which roles may be assumed.
    others: Vec<Fleet>,
    calls: Vec<Call>,
    faults: Vec<Fault>,
    crowd: Crowd,
    rates: rate::Rates,
    /// None where they are not kept.
    exchanges: Option<Vec<Exchange>>,
}

impl Service {
    fn new(fleet: Fleet) -> Service {
        Service(Arc::new(Mutex::new(Inside {
            fleet,
            others: Vec::new(),
            calls: Vec::new(),
            faults: Vec::new(),
            crowd: Crowd::default(),
            rates: rate::Rates::default(),
            exchanges: None,
        })))
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
        if first.is_none() && !inside.rates.takes(call) {
            first = Some(FaultKind::Throttle);
        }
        (inside.calls.len(), first)
    }

    /// Waits where the answer is to be late.
    async fn delay(&self, fault: Option<FaultKind>) {
        match fault {
            Some(FaultKind::Slow(delay)) => tokio::time::sleep(delay).await,
            Some(FaultKind::Together(count)) => {
                let crowd = self.lock().crowd.clone();
                crowd.join(count).await;
            }
            _ => {}
        }
    }

    /// Keeps an exchange where that is wanted.
    fn keep(&self, call: &Call, method: &Method, uri: &Uri, headers: &HeaderMap, answer: &Answer) {
        if let Some(exchanges) = &mut self.lock().exchanges {
            let action = headers.get("x-amz-target").and_then(|target| target.to_str().ok());
            exchanges.push(Exchange {
                service: call.service.clone(),
                target: format!("{method} {uri}"),
                action: action.unwrap_or_default().to_owned(),
                request: call.body.clone(),
                status: answer.status,
                kind: answer.kind,
                answer: answer.body.clone(),
            });
        }
    }

    /// What the service would answer.
    fn right_answer(&self, call: &Call, request_id: &str) -> Answer {
        let mut inside = self.lock();
        let Inside { fleet, others, .. } = &mut *inside;
        match call.service.as_str() {
            "sts" | "organizations" => return identity_answer(fleet, others, call, request_id),
            _ => {}
        }
        let assumed =
            identity::account(call).and_then(|number| others.iter_mut().find(|other| other.account == number));
        let fleet = assumed.unwrap_or(fleet);
        if call.action == "DownloadCompleteDBLogFile" {
            let (chunked, file) = (fleet.complete_chunked, rds::complete(fleet, call));
            let answer = file.map(|file| Answer { chunked, ..Answer::ok("application/octet-stream", file) });
            return answer.unwrap_or_else(|error| Answer::error(call, error, request_id));
        }
        let answered = match call.service.as_str() {
            "account" => identity::regions(fleet, call).map(|result| Answer::json(&result)),
            "logs" => cloudwatch_logs::answer(fleet, call).map(|result| Answer::json(&result)),
            "monitoring" => cloudwatch::answer(fleet, call).map(|result| Answer::cbor(&result)),
            "ec2" => {
                ec2::answer(fleet, call).map(|result| Answer::xml(ec2::response(result, &call.action, request_id)))
            }
            _ => rds::answer(fleet, call).map(|result| Answer::xml(result.into_response(&call.action, request_id))),
        };
        answered.unwrap_or_else(|error| Answer::error(call, error, request_id))
    }
}

/// What a service answers that stands above the accounts.
fn identity_answer(fleet: &Fleet, others: &[Fleet], call: &Call, request_id: &str) -> Answer {
    let assumed = identity::account(call).and_then(|number| others.iter().find(|other| other.account == number));
    let here = assumed.unwrap_or(fleet);
    let answered = match call.service.as_str() {
        "sts" => identity::token_service(here, others, call)
            .map(|result| Answer::xml(result.into_response(&call.action, request_id))),
        _ => identity::organization(here, others, call).map(|result| Answer::json(&result)),
    };
    answered.unwrap_or_else(|error| Answer::error(call, error, request_id))
}

/// An answer before it is sent.
struct Answer {
    status: u16,
    kind: &'static str,
    body: Vec<u8>,
    chunked: bool,
}

impl Answer {
    fn ok(kind: &'static str, body: impl Into<Vec<u8>>) -> Answer {
        Answer { status: 200, kind, body: body.into(), chunked: false }
    }

    fn xml(body: String) -> Answer {
        Answer::ok("text/xml", body)
    }

    fn json(body: &serde_json::Value) -> Answer {
        Answer::ok("application/x-amz-json-1.1", without_nulls(body).to_string())
    }

    fn cbor(body: &ciborium::Value) -> Answer {
        let mut bytes = Vec::new();
        ciborium::into_writer(body, &mut bytes).expect("a vector takes all");
        Answer::ok("application/cbor", bytes)
    }

    /// A whole answer with this result, as the protocol of the call's service writes it.
    fn of_result(call: &Call, text: &str) -> Answer {
        let action = &call.action;
        match call.service.as_str() {
            "logs" => Answer::ok("application/x-amz-json-1.1", text),
            "ec2" => Answer::xml(format!("<{action}Response>{text}</{action}Response>")),
            _ => Answer::xml(format!("<{action}Response><{action}Result>{text}</{action}Result></{action}Response>")),
        }
    }

    /// An error as the protocol of the call's service writes it.
    fn error(call: &Call, error: ApiError, request_id: &str) -> Answer {
        let answer = match call.service.as_str() {
            "logs" | "account" | "organizations" => {
                Answer::json(&serde_json::json!({"__type": error.code, "message": error.message}))
            }
            "monitoring" => {
                let text = |text: &str| ciborium::Value::Text(text.to_owned());
                let fields = [("__type", error.code), ("message", error.message.as_str())];
                let fields = fields.map(|(name, value)| (text(name), text(value)));
                Answer::cbor(&ciborium::Value::Map(fields.to_vec()))
            }
            "ec2" => Answer::xml(ec2::error(error.code, &error.message, request_id)),
            _ => Answer::xml(xml::error(error.kind, error.code, &error.message, request_id)),
        };
        Answer { status: error.status, ..answer }
    }

    fn cut(mut self, keep: f64) -> Answer {
        let end = (self.body.len() as f64 * keep) as usize;
        // Not within a letter: what is cut is still text.
        let end = (0..=end).rev().find(|end| self.body.get(*end).is_none_or(|byte| byte & 0xC0 != 0x80));
        self.body.truncate(end.unwrap_or(0));
        self
    }
}

/// AWS leaves out members that have no value.
fn without_nulls(value: &serde_json::Value) -> serde_json::Value {
    match value {
        serde_json::Value::Object(fields) => {
            let fields = fields.iter().filter(|(_, value)| !value.is_null());
            fields.map(|(name, value)| (name.clone(), without_nulls(value))).collect()
        }
        serde_json::Value::Array(items) => items.iter().map(without_nulls).collect(),
        other => other.clone(),
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
    service.delay(fault).await;
    let request_id = format!("00000000-0000-4000-8000-{number:012}");
    let right = || service.right_answer(&call, &request_id);
    let first = |marker: &str| {
        let answer = service.right_answer(&flood::first_page(&call), &request_id);
        Answer { body: flood::marked(&call, &answer.body, marker), ..answer }
    };
    let is_checked = call.action == "DownloadCompleteDBLogFile" || call.service == "ec2";
    let forged = is_checked && !signature::is_right(&method, &uri, &headers, &body);
    let forged = || forged.then(|| ApiError::sender(403, "SignatureDoesNotMatch", "The signatures do not match."));
    let answer = match (refusal(&headers).or_else(forged), fault) {
        (Some(error), _) => Answer::error(&call, error, &request_id),
        (None, None) => right(),
        (None, Some(FaultKind::Reset)) => {
            connection.reset();
            Answer::ok("text/xml", "")
        }
        (None, Some(FaultKind::CutBody)) => {
            let answer = right();
            connection.cut_body(answer.body.len() / 2);
            answer
        }
        (None, Some(FaultKind::CutBodyAfter(bytes))) => {
            connection.cut_body(bytes);
            right()
        }
        (None, Some(FaultKind::CutXml(keep))) => right().cut(keep),
        (None, Some(FaultKind::Html200)) => Answer::ok("text/html", "<html><body>Please log in.</body></html>"),
        (None, Some(FaultKind::EmptyBody)) => Answer::ok("text/xml", ""),
        (None, Some(FaultKind::SameMarker)) => first("stuck"),
        (None, Some(FaultKind::NewMarkers)) => first(&format!("after-{number}")),
        (None, Some(FaultKind::Result(text))) => Answer::of_result(&call, text),
        (None, Some(FaultKind::Slow(_) | FaultKind::Together(_) | FaultKind::Blanks(_) | FaultKind::Endless)) => {
            right()
        }
        (None, Some(error)) => Answer::error(&call, error_of(error, &call), &request_id),
    };
    service.keep(&call, &method, &uri, &headers, &answer);
    let mut response = Response::builder().status(answer.status).header(header::CONTENT_TYPE, answer.kind);
    if answer.kind == "application/cbor" {
        response = response.header("smithy-protocol", "rpc-v2-cbor");
    }
    let body = match fault {
        Some(FaultKind::Blanks(bytes)) => flood::blanks(answer.body, bytes),
        Some(FaultKind::Endless) => flood::endless(&answer.body),
        _ if answer.chunked => Body::new(OfNoLength(Body::from(answer.body))),
        _ => Body::from(answer.body),
    };
    response.header("x-amzn-requestid", request_id).body(body).expect("a response of known parts")
}

/// A body whose length nobody is told, so that it is sent in chunks.
struct OfNoLength(Body);

impl HttpBody for OfNoLength {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.0).poll_frame(context)
    }
}

/// The services that are served, as signatures name them.
const SERVICES: &[&str] = &["rds", "logs", "monitoring", "ec2", "sts", "account", "organizations"];

/// Why the request is not answered at all. Of signatures, only the presence and the scope are checked here.
fn refusal(headers: &HeaderMap) -> Option<ApiError> {
    if !headers.contains_key(header::AUTHORIZATION) {
        return Some(ApiError::sender(403, "MissingAuthenticationToken", "Missing Authentication Token"));
    }
    match request::scope(headers).map(|scope| scope.split('/').collect::<Vec<_>>()).as_deref() {
        Some([_, _, _, service, "aws4_request"]) if SERVICES.contains(service) => None,
        Some([_, _, _, service, _]) => {
            let message = format!("Credential should be scoped to a service that is there, not '{service}'.");
            Some(ApiError::sender(403, "SignatureDoesNotMatch", message))
        }
        _ => Some(ApiError::sender(400, "IncompleteSignature", "Authorization header has no credential scope.")),
    }
}

/// The error that a fault stands for.
fn error_of(fault: FaultKind, call: &Call) -> ApiError {
    match fault {
        // Source: "Error codes for the Amazon EC2 API".
        FaultKind::Throttle if call.service == "ec2" => {
            ApiError::receiver(503, "RequestLimitExceeded", "Request limit exceeded.")
        }
        FaultKind::AccessDenied if call.service == "ec2" => {
            ApiError::sender(403, "UnauthorizedOperation", "You are not authorized to perform this operation.")
        }
        FaultKind::Throttle => ApiError::sender(400, "Throttling", "Rate exceeded"),
        FaultKind::AccessDenied => {
            let message = format!(
                "User: arn:aws:iam::123456789012:user/test is not authorized to perform: {}:{} because no \
                 identity-based policy allows the action",
                call.service, call.action
            );
            ApiError::sender(403, "AccessDenied", message)
        }
        FaultKind::Denied(message) => ApiError::sender(403, "AccessDenied", message),
        FaultKind::Gone(code) => ApiError::sender(404, code, "It is not there any more."),
        FaultKind::NotInRegion if call.action == "DescribeGlobalClusters" => {
            ApiError::sender(400, "InvalidParameterValue", "Access Denied to API Version: APIGlobalDatabases")
        }
        FaultKind::NotInRegion => {
            ApiError::sender(400, "InvalidAction", format!("{} is not available in this region.", call.action))
        }
        FaultKind::ExpiredToken => {
            ApiError::sender(403, "ExpiredToken", "The security token included in the request is expired")
        }
        FaultKind::UnknownToken => {
            let message = "The security token included in the request is invalid.";
            ApiError::sender(403, "InvalidClientTokenId", message)
        }
        FaultKind::RequestExpired => {
            let message = "Signature expired: 20261122T000000Z is now earlier than 20261122T234500Z";
            ApiError::sender(400, "RequestExpired", message)
        }
        FaultKind::ServiceUnavailable => {
            ApiError::receiver(503, "ServiceUnavailable", "Service is unable to handle request.")
        }
        _ => ApiError::receiver(500, "InternalFailure", "An internal error has occurred."),
    }
}
