//! A double of S3: lists, objects and writes that replace nothing, in one bucket. `peers::s3` shows that it answers as moto does.
//!
//! Source: `ListObjectsV2`, `GetObject`, `PutObject`, `DeleteObjects`, `HeadBucket` and "Error responses" in the S3 API reference.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, Response, Uri};
use tokio::sync::oneshot;

/// The bucket.
pub const BUCKET: &str = "audit";
/// Most keys of a page.
const PAGE: usize = 20;

/// Refuses a call: by method and key, with status, code and message.
pub type Refuse = fn(&Method, &str) -> Option<(u16, &'static str, &'static str)>;

#[derive(Clone)]
struct Store {
    objects: Arc<Mutex<BTreeMap<String, Vec<u8>>>>,
    refuse: Arc<Mutex<Refuse>>,
    /// An object of which half is answered, as if that were all.
    halved: Arc<Mutex<Option<&'static str>>>,
    region: &'static str,
    calls: Arc<Mutex<Vec<String>>>,
}

/// A running double. It ends when it is dropped.
pub struct FakeS3 {
    pub address: SocketAddr,
    store: Store,
    _stop: oneshot::Sender<()>,
}

impl FakeS3 {
    /// Serves an empty bucket, which is in this region.
    pub fn start(region: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a listener that does not block");
        let address = listener.local_addr().expect("an address");
        let refuse: Refuse = |_, _| None;
        let store = Store {
            objects: Arc::default(),
            refuse: Arc::new(Mutex::new(refuse)),
            halved: Arc::default(),
            region,
            calls: Arc::default(),
        };
        let (stop, stopped) = oneshot::channel::<()>();
        let router = Router::new().fallback(answer).with_state(store.clone());
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).expect("a listener for the runtime");
                tokio::select! {
                    _ = axum::serve(listener, router).into_future() => {}
                    _ = stopped => {}
                }
            });
        });
        Self { address, store, _stop: stop }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn refuse(&self, refuse: Refuse) {
        *self.store.refuse.lock().expect("no panic") = refuse;
    }

    /// Answers half of an object when it is read as a whole.
    pub fn halve(&self, key: &'static str) {
        *self.store.halved.lock().expect("no panic") = Some(key);
    }

    /// Puts the files of a folder below a prefix.
    pub fn put_folder(&self, folder: &Path, prefix: &str) {
        for entry in folder.read_dir().expect("a folder") {
            let path = entry.expect("an entry").path();
            let key = format!("{prefix}/{}", path.file_name().expect("a name").to_string_lossy());
            match path.is_dir() {
                true => self.put_folder(&path, &key),
                false => self.put(&key, std::fs::read(&path).expect("a file")),
            }
        }
    }

    pub fn put(&self, key: &str, bytes: Vec<u8>) {
        self.store.objects.lock().expect("no panic").insert(key.to_owned(), bytes);
    }

    pub fn get(&self, key: &str) -> Vec<u8> {
        self.store.objects.lock().expect("no panic").get(key).cloned().unwrap_or_default()
    }

    /// The keys.
    pub fn keys(&self) -> Vec<String> {
        self.store.objects.lock().expect("no panic").keys().cloned().collect()
    }

    /// Method and key of all calls so far that change something.
    pub fn writes(&self) -> Vec<String> {
        self.store.calls.lock().expect("no panic").clone()
    }
}

fn response(status: u16, store: &Store, body: impl Into<Body>) -> Response<Body> {
    let response = Response::builder().status(status).header("x-amz-request-id", "4442587FB7D0A2F9");
    response.header("x-amz-bucket-region", store.region).body(body.into()).expect("a response")
}

fn refusal(store: &Store, (status, code, message): (u16, &str, &str)) -> Response<Body> {
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    );
    response(status, store, text)
}

async fn answer(
    State(store): State<Store>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let host = headers.get("host").and_then(|host| host.to_str().ok()).unwrap_or_default();
    let path = percent_encoding::percent_decode_str(uri.path()).decode_utf8_lossy().into_owned();
    let path = path.trim_start_matches('/');
    // The bucket is in the name of the host, or the first word of the path.
    let (bucket, key) = match host.split_once(".s3.") {
        Some((bucket, _)) => (bucket, path),
        None => path.split_once('/').unwrap_or((path, "")),
    };
    if bucket != BUCKET {
        return refusal(&store, (404, "NoSuchBucket", "The specified bucket does not exist"));
    }
    let is_here = host.contains(store.region) || !host.contains(".amazonaws.com");
    if !is_here {
        return refusal(
            &store,
            (
                301,
                "PermanentRedirect",
                "The bucket you are attempting to access must be addressed using the specified endpoint.",
            ),
        );
    }
    if let Some(refused) = (store.refuse.lock().expect("no panic"))(&method, key) {
        return refusal(&store, refused);
    }
    served(&store, &method, key, uri.query().unwrap_or_default(), (&headers, &body))
}

fn served(
    store: &Store,
    method: &Method,
    key: &str,
    query: &str,
    (headers, body): (&HeaderMap, &Bytes),
) -> Response<Body> {
    const EXISTS: (u16, &str, &str) =
        (412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold");
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let mut objects = store.objects.lock().expect("no panic");
    match *method {
        Method::GET if query.contains("list-type=2") => {
            let of = |name: &str| {
                let value = query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
                percent_encoding::percent_decode_str(value.unwrap_or_default()).decode_utf8_lossy().into_owned()
            };
            list(store, &objects, &of("prefix"), &of("continuation-token"))
        }
        Method::PUT => {
            store.calls.lock().expect("no panic").push(format!("PUT {key}"));
            if header("if-none-match") == Some("*") && objects.contains_key(key) {
                return refusal(store, EXISTS);
            }
            objects.insert(key.to_owned(), body.to_vec());
            let mut response = response(200, store, "");
            response.headers_mut().insert("etag", "\"1\"".parse().expect("a value"));
            response
        }
        Method::POST if query.starts_with("delete") => delete(store, &mut objects, &String::from_utf8_lossy(body)),
        _ => match objects.get(key) {
            Some(bytes) => {
                let is_halved = *store.halved.lock().expect("no panic") == Some(key) && header("range").is_none();
                object(store, if is_halved { &bytes[..bytes.len() / 2] } else { bytes }, header("range"))
            }
            None => refusal(store, (404, "NoSuchKey", "The specified key does not exist.")),
        },
    }
}

/// Several keys in one call.
fn delete(store: &Store, objects: &mut BTreeMap<String, Vec<u8>>, body: &str) -> Response<Body> {
    let mut text = String::new();
    for key in body.split("<Key>").skip(1).filter_map(|rest| rest.split("</Key>").next()) {
        store.calls.lock().expect("no panic").push(format!("DELETE {key}"));
        if let Some((_, code, message)) = (store.refuse.lock().expect("no panic"))(&Method::DELETE, key) {
            text += &format!("<Error><Key>{key}</Key><Code>{code}</Code><Message>{message}</Message></Error>");
            continue;
        }
        objects.remove(key);
        text += &format!("<Deleted><Key>{key}</Key></Deleted>");
    }
    response(200, store, format!("<DeleteResult>{text}</DeleteResult>"))
}

fn list(store: &Store, objects: &BTreeMap<String, Vec<u8>>, prefix: &str, after: &str) -> Response<Body> {
    let found: Vec<_> = objects.iter().filter(|(key, _)| key.starts_with(prefix) && key.as_str() > after).collect();
    let page = &found[..found.len().min(PAGE)];
    let mut text = format!(
        "<ListBucketResult><Name>{BUCKET}</Name><Prefix>{prefix}</Prefix><IsTruncated>{}</IsTruncated>",
        found.len() > PAGE
    );
    if found.len() > PAGE {
        let last = page.last().expect("a key").0;
        text += &format!("<NextContinuationToken>{last}</NextContinuationToken>");
    }
    for (key, bytes) in page {
        let size = bytes.len();
        text += &format!(
            "<Contents><Key>{key}</Key><LastModified>2026-11-23T00:00:00.000Z</LastModified><ETag>\"1\"</ETag><Size>{size}</Size><StorageClass>STANDARD</StorageClass></Contents>"
        );
    }
    response(200, store, text + "</ListBucketResult>")
}

fn object(store: &Store, bytes: &[u8], range: Option<&str>) -> Response<Body> {
    let asked = range.and_then(|range| range.strip_prefix("bytes=")?.split_once('-'));
    let (status, from, to) =
        match asked.and_then(|(from, to)| Some((from.parse().ok()?, to.parse().unwrap_or(usize::MAX)))) {
            Some((from, to)) => (206, from, bytes.len().min(to.saturating_add(1))),
            None => (200, 0, bytes.len()),
        };
    let mut response = response(status, store, bytes[from..to].to_vec());
    let headers = response.headers_mut();
    headers.insert("etag", "\"1\"".parse().expect("a value"));
    headers.insert("last-modified", "Mon, 23 Nov 2026 00:00:00 GMT".parse().expect("a value"));
    if status == 206 {
        let range = format!("bytes {from}-{}/{}", to.saturating_sub(1), bytes.len());
        headers.insert("content-range", range.parse().expect("a value"));
    }
    response
}
