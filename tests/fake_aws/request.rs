//! Reads a request of any of the protocols that AWS speaks.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::extract::Query;
use axum::http::{HeaderMap, Method, Uri, header};
use percent_encoding::percent_decode_str;

use super::rds::ApiError;

/// A call that the fake received.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The service in the signature's scope: `rds`, `logs`, `monitoring`; empty where the request was not signed.
    pub service: String,
    /// The access key that the request is signed with.
    pub key: String,
    /// The action, such as `DescribeDBInstances`; where the protocol names none, the method and the path.
    pub action: String,
    /// The region in the signature's scope; empty where the request was not signed.
    pub region: String,
    /// All parameters but the action and the version of the API. Of JSON, those that are text.
    pub parameters: BTreeMap<String, String>,
    /// The body as it came, for protocols that are not read here.
    pub body: Bytes,
}

impl Call {
    /// Reads a request as far as it can be read.
    pub fn read(method: &Method, uri: &Uri, headers: &HeaderMap, body: &Bytes) -> Call {
        let of_scope =
            |part| scope(headers).and_then(|scope| scope.split('/').nth(part)).unwrap_or_default().to_owned();
        let call = |action: &str, parameters| Call {
            service: of_scope(3),
            key: of_scope(0),
            action: action.to_owned(),
            region: of_scope(2),
            parameters,
            body: body.clone(),
        };
        // JSON names its action in a header, RPC v2 CBOR in the path, the Query protocol in the form.
        let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok());
        if let Some((_, action)) = target.and_then(|target| target.rsplit_once('.')) {
            return call(action, texts(body));
        }
        if let Some((_, action)) = uri.path().split_once("/operation/") {
            return call(action, BTreeMap::new());
        }
        if let Some(file) = WholeFile::of(uri.path()).filter(|_| *method == Method::GET) {
            return call("DownloadCompleteDBLogFile", file.parameters());
        }
        if *method != Method::POST || uri.path() != "/" {
            return call(&format!("{method} {}", uri.path()), BTreeMap::new());
        }
        let mut parameters = form(body);
        parameters.remove("Version");
        let action = parameters.remove("Action").unwrap_or_default();
        call(&action, parameters)
    }

    /// A parameter, if it was given.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }

    /// A parameter that the action cannot do without.
    pub fn required(&self, name: &str) -> Result<&str, ApiError> {
        let absent =
            || ApiError::sender(400, "MissingParameter", format!("The request must contain the parameter {name}."));
        self.parameter(name).ok_or_else(absent)
    }

    /// A number, if it was given.
    pub fn number(&self, name: &str) -> Result<Option<i64>, ApiError> {
        let Some(text) = self.parameter(name) else { return Ok(None) };
        match text.parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(ApiError::value(format!("{text} is not a number ({name})"))),
        }
    }
}

/// The path of the REST call for a whole log file.
struct WholeFile<'a> {
    version: &'a str,
    instance: &'a str,
    name: &'a str,
}

impl<'a> WholeFile<'a> {
    fn of(path: &'a str) -> Option<Self> {
        let (version, rest) = path.strip_prefix('/')?.split_once("/downloadCompleteLogFile/")?;
        let (instance, name) = rest.split_once('/')?;
        Some(WholeFile { version, instance, name })
    }

    /// Named as the other call for log files names them, and the version of the path.
    fn parameters(&self) -> BTreeMap<String, String> {
        let named =
            [("PathVersion", self.version), ("DBInstanceIdentifier", self.instance), ("LogFileName", self.name)];
        let decoded = |value| percent_decode_str(value).decode_utf8_lossy().into_owned();
        named.map(|(name, value)| (name.to_owned(), decoded(value))).into()
    }
}

/// The scope of a Signature Version 4 header: key, date, region, service, `aws4_request`.
pub fn scope(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (_, rest) = value.strip_prefix("AWS4-HMAC-SHA256")?.split_once("Credential=")?;
    rest.split(',').next()
}

/// A form is written like the query of an address, so the reader of queries reads it.
fn form(body: &[u8]) -> BTreeMap<String, String> {
    let uri = Uri::try_from(format!("/?{}", String::from_utf8_lossy(body)));
    let fields = uri.ok().and_then(|uri| Query::try_from_uri(&uri).ok());
    fields.map(|Query(fields)| fields).unwrap_or_default()
}

/// The fields of a JSON object that are text.
fn texts(body: &[u8]) -> BTreeMap<String, String> {
    let fields: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(body).unwrap_or_default();
    fields.into_iter().filter_map(|(name, value)| Some((name, value.as_str()?.to_owned()))).collect()
}
