//! Reads a request of the Query protocol.

use std::collections::BTreeMap;

use axum::extract::Query;
use axum::http::{HeaderMap, Method, Uri, header};

use super::rds::ApiError;

/// A call that the fake received.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The action, such as `DescribeDBInstances`; for anything but the Query protocol, the method and the path.
    pub action: String,
    /// The region in the signature's scope; empty where the request was not signed.
    pub region: String,
    /// All parameters but the action and the version of the API.
    pub parameters: BTreeMap<String, String>,
}

impl Call {
    /// Reads a request as far as it can be read.
    pub fn read(method: &Method, uri: &Uri, headers: &HeaderMap, body: &[u8]) -> Call {
        let region = scope(headers).and_then(|scope| scope.split('/').nth(2)).unwrap_or_default().to_owned();
        if *method != Method::POST || uri.path() != "/" {
            return Call { action: format!("{method} {}", uri.path()), region, parameters: BTreeMap::new() };
        }
        let mut parameters = form(body);
        parameters.remove("Version");
        Call { action: parameters.remove("Action").unwrap_or_default(), region, parameters }
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
