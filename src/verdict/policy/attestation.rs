//! What a person vouches for where there is no evidence: by name, with a reason, and for a year at most.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use super::filled;

/// A person's word on whether the clients of an instance use TLS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attestation {
    /// Identifier or ARN of the instance.
    pub instance: String,
    /// What is attested.
    pub states: States,
    /// Who does.
    pub by: String,
    /// How they know.
    pub reason: String,
    /// Since when.
    #[serde(deserialize_with = "date")]
    pub on: Date,
    /// The last day on which it holds.
    #[serde(deserialize_with = "date")]
    pub expires: Date,
    /// How many instances of the report have that name; it holds for one only.
    #[serde(skip_deserializing)]
    pub instances: usize,
}

/// What can be attested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum States {
    /// No client uses TLS.
    NoTls,
    /// Clients use TLS.
    Tls,
}

/// Whether an attestation holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It does.
    Holds,
    /// It is dated after the report.
    NotYet,
    /// Not any more.
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
                "the attestation of {instance} expires {expires}: it must be on a day up to a year after on"
            ));
        }
        Ok(())
    }

    /// Whether it holds at a time.
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
            Self::Holds => "holds",
            Self::NotYet => "does not hold yet",
            Self::Expired => "has expired",
            Self::Ambiguous => "does not hold: several instances have that name, write the ARN",
        }
    }
}

/// TOML writes dates without quotes.
fn date<'de, D: Deserializer<'de>>(from: D) -> Result<Date, D::Error> {
    toml::value::Datetime::deserialize(from)?.to_string().parse().map_err(D::Error::custom)
}
