//! What changed between two reports, as before and after a rotation.

mod clients;
mod saved_report;
mod text;

pub use saved_report::Kept;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use crate::inventory::InstanceId;
use crate::report::{Evidence, Format, Reader};
use crate::verdict::{ReasonCode, Rotation, UsageVerdict};
use crate::window::Window;
use saved_report::Instance;

/// Coverage that is lower by this much got worse; less is what every window differs by.
const WORSE_BY: f64 = 0.01;

/// Reasons by which a server presents another certificate than AWS lists.
const NOT_ACTIVE: [ReasonCode; 3] =
    [ReasonCode::StagedNotServed, ReasonCode::CertificateDiffers, ReasonCode::ExpiredCertificateServed];

/// The JSON Schema of a comparison; [`crate::report::schema::complete`] adds what it shares with reports.
pub const SCHEMA: &str = include_str!("diff-v1.schema.json");

/// The formats of a comparison.
pub const FORMATS: &[Format<Diff>] = &[
    Format {
        name: "text",
        help: "For people",
        reader: Reader::Person,
        writer: |diff, layout, out| text::write(diff, layout.width, out),
    },
    Format::json("For programs"),
];

/// A comparison: the types are the JSON. Fields are added, never renamed.
#[derive(Clone, Debug, Serialize)]
pub struct Diff {
    /// `ssl-usage/diff/v1`.
    pub schema: &'static str,
    /// The report of before.
    pub old: Side,
    /// The report of after.
    pub new: Side,
    /// Clients that used TLS before and connect without it now. They go on to work, and nobody is told.
    pub fell_back: Vec<ClientChange>,
    /// Addresses whose clients did not accept the certificate, and that are not in the report of before for it.
    pub certificate_rejected: Vec<Rejection>,
    /// Clients that used TLS before and were not seen any more, or not how they connect.
    pub tls_clients_gone: Vec<ClientChange>,
    /// Clients that use TLS and did not before.
    pub tls_clients_new: Vec<ClientChange>,
    /// Verdicts that moved.
    pub verdicts: Vec<Moved>,
    /// Certificates that are others now.
    pub certificates: Vec<NewCertificate>,
    /// Instances of whose logs less was seen: what is not in this comparison may have happened there.
    pub coverage_worse: Vec<Covered>,
    /// Instances that are in the report of after alone.
    pub came: Vec<InstanceId>,
    /// Instances that are in the report of before alone.
    pub went: Vec<InstanceId>,
}

/// One of the two reports.
#[derive(Clone, Debug, Serialize)]
pub struct Side {
    /// As of when.
    pub generated_at: Timestamp,
    /// Its window.
    pub window: Window,
    /// What it rests on; none of a report of an older version.
    pub evidence: Option<Evidence>,
    /// Its instances.
    pub instances: usize,
    /// Those of them whose clients are partial, because `--quick` left out logs: a client that is missing may be there.
    pub partial: usize,
    /// What it could not read: what it lacks may be there.
    pub errors: usize,
}

/// A client of which something changed.
#[derive(Clone, Debug, Serialize)]
pub struct ClientChange {
    /// The instance.
    #[serde(flatten)]
    pub id: InstanceId,
    /// Database user.
    pub user: Option<String>,
    /// Database.
    pub database: Option<String>,
    /// Address; of a client that moved, the one of now.
    pub address: Option<String>,
    /// Application name.
    pub application: Option<String>,
    /// Its sessions before.
    pub before: Sessions,
    /// Its sessions now.
    pub now: Sessions,
}

/// Sessions of a client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sessions {
    /// With TLS.
    pub tls: u64,
    /// Without it, over a network.
    pub without: u64,
}

/// An address whose clients did not accept the certificate.
#[derive(Clone, Debug, Serialize)]
pub struct Rejection {
    /// The instance.
    #[serde(flatten)]
    pub id: InstanceId,
    /// The address.
    pub address: String,
    /// How often.
    pub times: u64,
}

/// A verdict that moved.
#[derive(Clone, Debug, Serialize)]
pub struct Moved {
    /// The instance.
    #[serde(flatten)]
    pub id: InstanceId,
    /// Of before.
    pub before: Verdict,
    /// Of now.
    pub now: Verdict,
}

/// What decides about a rotation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Whether the certificate must be rotated.
    pub rotation: Rotation,
    /// Required only because nobody can tell.
    pub unproven: bool,
    /// Whether TLS is used.
    pub usage: UsageVerdict,
}

/// A certificate that is another now.
#[derive(Clone, Debug, Serialize)]
pub struct NewCertificate {
    /// The instance.
    #[serde(flatten)]
    pub id: InstanceId,
    /// Of before.
    pub before: Certificate,
    /// Of now.
    pub now: Certificate,
}

/// A certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Certificate {
    /// The authority that signed it.
    pub ca: Option<String>,
    /// Its end.
    pub valid_till: Option<Timestamp>,
    /// Whether the servers presented it to `ssl-usage probe`; none if they were not probed.
    pub active: Option<bool>,
}

/// How much of an instance's window was seen.
#[derive(Clone, Debug, Serialize)]
pub struct Covered {
    /// The instance.
    #[serde(flatten)]
    pub id: InstanceId,
    /// Share before, 0 to 1.
    pub before: f64,
    /// Share now.
    pub now: f64,
}

impl Diff {
    /// Compares two reports, of before and of after.
    pub fn of(old: &Kept, new: &Kept) -> Self {
        let (before, after) = (by_arn(old), by_arn(new));
        let mut diff = Self {
            schema: "ssl-usage/diff/v1",
            old: side(old),
            new: side(new),
            fell_back: Vec::new(),
            certificate_rejected: Vec::new(),
            tls_clients_gone: Vec::new(),
            tls_clients_new: Vec::new(),
            verdicts: Vec::new(),
            certificates: Vec::new(),
            coverage_worse: Vec::new(),
            came: after
                .values()
                .filter(|now| !before.contains_key(now.id.arn.as_str()))
                .map(|now| now.id.clone())
                .collect(),
            went: before
                .values()
                .filter(|was| !after.contains_key(was.id.arn.as_str()))
                .map(|was| was.id.clone())
                .collect(),
        };
        for (arn, now) in &after {
            if let Some(was) = before.get(arn) {
                diff.compare(was, now);
            }
        }
        diff
    }

    /// Adds what changed of an instance that is in both.
    fn compare(&mut self, was: &Instance, now: &Instance) {
        let (before, after) = (verdict(was), verdict(now));
        if before != after {
            self.verdicts.push(Moved { id: now.id.clone(), before, now: after });
        }
        let (before, after) = (certificate(was), certificate(now));
        // What one of the reports does not know did not change.
        let is_known = before.active.is_some() && after.active.is_some();
        if (&before.ca, before.valid_till) != (&after.ca, after.valid_till) || is_known && before.active != after.active
        {
            self.certificates.push(NewCertificate { id: now.id.clone(), before, now: after });
        }
        let (before, after) = (was.coverage.share, now.coverage.share);
        if after < before - WORSE_BY {
            self.coverage_worse.push(Covered { id: now.id.clone(), before, now: after });
        }
        for (address, times) in &now.connections.certificate_rejected_by {
            if !was.connections.certificate_rejected_by.contains_key(address) {
                self.certificate_rejected.push(Rejection {
                    id: now.id.clone(),
                    address: address.clone(),
                    times: *times,
                });
            }
        }
        clients::compare(self, was, now);
    }

    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        let counts = [
            self.fell_back.len(),
            self.certificate_rejected.len(),
            self.tls_clients_gone.len(),
            self.tls_clients_new.len(),
            self.verdicts.len(),
            self.certificates.len(),
            self.coverage_worse.len(),
            self.came.len(),
            self.went.len(),
        ];
        counts.iter().all(|count| *count == 0)
    }
}

fn by_arn(kept: &Kept) -> BTreeMap<&str, &Instance> {
    kept.instances.iter().map(|instance| (instance.id.arn.as_str(), instance)).collect()
}

fn side(kept: &Kept) -> Side {
    let Kept { generated_at, window, evidence, instances, errors } = kept;
    let is_partial = |of: &&Instance| has(of, &[ReasonCode::LogsNotRead]);
    Side {
        generated_at: *generated_at,
        window: *window,
        evidence: evidence.clone(),
        instances: instances.len(),
        partial: instances.iter().filter(is_partial).count(),
        errors: errors.len(),
    }
}

fn verdict(instance: &Instance) -> Verdict {
    let Instance { rotation, usage, unproven, .. } = instance;
    Verdict { rotation: *rotation, unproven: *unproven, usage: *usage }
}

/// Whether an instance has a reason of these.
fn has(instance: &Instance, codes: &[ReasonCode]) -> bool {
    instance.reasons.iter().any(|reason| codes.iter().any(|code| reason.code == code.code()))
}

fn certificate(instance: &Instance) -> Certificate {
    let active = match (has(instance, &NOT_ACTIVE), has(instance, &[ReasonCode::CertificateServed])) {
        (true, _) => Some(false),
        (false, true) => Some(true),
        (false, false) => None,
    };
    Certificate { ca: instance.certificate.ca.clone(), valid_till: instance.certificate.valid_till, active }
}
