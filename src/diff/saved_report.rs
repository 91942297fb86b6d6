//! A report as a file keeps it: what a comparison needs of `ssl-usage/verdict/v1`, with whatever else is in it left alone.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::error::{Error, ErrorKind, Result};
use crate::inventory::InstanceId;
use crate::report::{Evidence, Report};
use crate::verdict::{Rotation, UsageVerdict};
use crate::window::Window;

/// The schema that is read.
const SCHEMA: &str = "ssl-usage/verdict/v1";

/// A report.
#[derive(Clone, Debug, Deserialize)]
pub struct Kept {
    pub(super) generated_at: Timestamp,
    pub(super) window: Window,
    #[serde(default)]
    pub(super) evidence: Option<Evidence>,
    pub(super) instances: Vec<Instance>,
    pub(super) errors: Vec<Value>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Instance {
    #[serde(flatten)]
    pub id: InstanceId,
    pub certificate: Certificate,
    pub usage: UsageVerdict,
    pub rotation: Rotation,
    pub unproven: bool,
    pub connections: Connections,
    pub coverage: Coverage,
    pub reasons: Vec<Reason>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Reason {
    /// Later versions have others.
    pub code: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Certificate {
    pub ca: Option<String>,
    pub valid_till: Option<Timestamp>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Connections {
    pub certificate_rejected_by: BTreeMap<String, u64>,
    pub clients: Vec<Client>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Client {
    pub user: Option<String>,
    pub database: Option<String>,
    pub address: Option<String>,
    pub application: Option<String>,
    pub tls: u64,
    pub plaintext: u64,
    pub gss: u64,
}

#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct Coverage {
    pub share: f64,
}

impl Kept {
    /// Reads a report from the JSON in `text`; `name` is where it is from.
    ///
    /// # Errors
    ///
    /// When it is no JSON, no report, or one of another schema.
    pub fn read(name: &str, text: &str) -> Result<Self> {
        let value: Value = serde_json::from_str(text)
            .map_err(|error| Error::new(ErrorKind::Format, name, "it is not JSON").hint(HINT).because(error))?;
        match value.get("schema").and_then(Value::as_str) {
            Some(SCHEMA) => Self::from_value(name, value),
            Some(other) => {
                let message = format!("it is of schema {other}, and reports are of {SCHEMA}");
                Err(Error::new(ErrorKind::Schema, name, message).hint(HINT))
            }
            None => Err(Error::new(ErrorKind::Schema, name, "it is not a report: it names no schema").hint(HINT)),
        }
    }

    /// Takes a report that was made now, by the same way: its JSON.
    ///
    /// # Errors
    ///
    /// When it is not what this version writes.
    pub fn of(name: &str, report: &Report) -> Result<Self> {
        let value = serde_json::to_value(report).map_err(|error| broken(name, error))?;
        Self::from_value(name, value)
    }

    fn from_value(name: &str, value: Value) -> Result<Self> {
        serde_json::from_value(value).map_err(|error| broken(name, error))
    }
}

const HINT: &str = "give a bundle, or what `ssl-usage analyze --format json` wrote";

fn broken(name: &str, error: serde_json::Error) -> Error {
    let message = format!("it is not a whole report of {SCHEMA}: {error}");
    Error::new(ErrorKind::Format, name, message).hint(HINT).because(error)
}
