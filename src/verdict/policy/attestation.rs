//! Attestations: statements of named persons where there is no evidence, with a reason, valid for a year at most.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::filled;

/// A person's statement on whether the clients of an instance use TLS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attestation {
    /// Identifier or ARN of the instance.
    pub instance: String,
    /// The statement.
    pub states: States,
    /// Name of the person.
    pub by: String,
    /// How the person knows.
    pub reason: String,
    /// The first day on which it is valid.
    #[serde(deserialize_with = "date")]
    pub on: Date,
    /// The last day on which it is valid.
    #[serde(deserialize_with = "date")]
    pub expires: Date,
    /// How many instances of the report have that name; it is valid for one only.
    #[serde(skip_deserializing)]
    pub instances: usize,
}

/// The possible statements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum States {
    /// No client uses TLS.
    NoTls,
    /// Clients use TLS.
    Tls,
}

/// Whether an attestation is valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is valid.
    Holds,
    /// It is dated after the report.
    NotYet,
    /// It has expired.
    Expired,
    /// Several instances have that name, in other accounts or regions.
    Ambiguous,
}

impl Attestation {
    pub(super) fn check(&self) -> Result<(), String> {
        filled("instance", &self.instance)?;
        filled("by", &self.by)?;
        filled("reason", &self.reason)?;
        let last = self.on.saturating_add(1.year());
        if self.expires < self.on || self.expires > last {
            let Self { instance, expires, .. } = self;
            return Err(format!(
                "the attestation of {instance} expires on {expires}, which must be at most a year after `on`"
            ));
        }
        Ok(())
    }

    /// Whether it is valid at a time.
    pub fn standing(&self, now: Timestamp) -> Standing {
        let today = TimeZone::UTC.to_datetime(now).date();
        if today > self.expires {
            Standing::Expired
        } else if today < self.on {
            Standing::NotYet
        } else if self.instances > 1 && self.states == States::NoTls {
            Standing::Ambiguous
        } else {
            Standing::Holds
        }
    }
}

impl States {
    /// The word used in files and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::NoTls => "no-tls",
            Self::Tls => "tls",
        }
    }
}

impl Standing {
    /// The words used in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Holds => "is valid",
            Self::NotYet => "is not valid yet",
            Self::Expired => "has expired",
            Self::Ambiguous => "is not valid: several instances have that name, so use the ARN",
        }
    }
}

/// TOML writes dates without quotes.
fn date<'de, D: Deserializer<'de>>(from: D) -> Result<Date, D::Error> {
    toml::value::Datetime::deserialize(from)?.to_string().parse().map_err(D::Error::custom)
}
