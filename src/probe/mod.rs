//! What `ssl-usage probe` prints: which certificate each server presents, compared with what the RDS API lists, and the
//! sessions that were open.
//!
//! `README.md` beside this file says what a probe does, and what it leaves in the logs and counters of a server.

mod sessions;
mod sessions_table;
mod table;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use crate::bundle::{InstanceEvidence, ProbePart};
use crate::handshake::{Outcome, Probed};
use crate::inventory::{EndpointKind, ExpectedCertificate, InstanceProfile, Member};
use crate::problem::Problem;
use crate::report::{Format, Reader};
use crate::sessions::{Target, lists_sessions};
use crate::verdict::{Reason, ReasonCode, served_reason};
pub use sessions::{InstanceSessions, SessionClient, SessionGap};

/// The JSON Schema of a probe; [`crate::report::schema::complete`] adds what it shares with reports.
pub const SCHEMA: &str = include_str!("probe-v1.schema.json");

/// The formats of a probe.
pub const FORMATS: &[Format<Probe>] = &[
    Format {
        name: "table",
        help: "For people: what servers present, who is connected, and what to do",
        reader: Reader::Person,
        writer: |probe, layout, out| table::write(probe, layout.width, &layout.again, out),
    },
    Format::json("For programs: everything"),
];

/// The certificates of a fleet: `ssl-usage/probe/v1`. The types are the JSON; fields are added, never renamed.
#[derive(Clone, Debug, Serialize)]
pub struct Probe {
    /// `ssl-usage/probe/v1`.
    pub schema: &'static str,
    /// When the probe began.
    pub probed_at: Timestamp,
    /// When the oldest inventory was taken that the certificates are compared with; none without an instance.
    pub listed_at: Option<Timestamp>,
    /// Whether that inventory was in the bundle before.
    #[serde(skip)]
    pub is_kept: bool,
    /// Version of the tool.
    pub tool_version: &'static str,
    /// Counts of the servers and instances.
    pub summary: Summary,
    /// The servers: each address of each endpoint, for each instance that the endpoint leads to.
    pub servers: Vec<Server>,
    /// The sessions on each instance; none if they were not listed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sessions: Vec<InstanceSessions>,
    /// The instances that were not probed, and why.
    pub not_probed: Vec<NotProbed>,
    /// What could not be read of the inventory.
    pub errors: Vec<Problem>,
}

/// What a probe was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// The certificates.
    pub certificates: bool,
    /// The sessions.
    pub sessions: bool,
}

/// Counts of the servers and instances.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Servers that presented the certificate that AWS lists.
    pub as_listed: u64,
    /// Servers that presented another one, or an expired one.
    pub not_as_listed: u64,
    /// Servers that presented one which there is nothing to compare with: endpoints of clusters lead to any member.
    pub not_compared: u64,
    /// Servers that presented none.
    pub failed: u64,
    /// Instances that were not probed.
    pub not_probed: u64,
    /// Instances whose sessions could not be listed, or not completely, in the last sample.
    pub unlisted: u64,
}

/// One address of an endpoint, for one of the instances that the endpoint leads to.
#[derive(Clone, Debug, Serialize)]
pub struct Server {
    /// The instance, and its cluster.
    #[serde(flatten)]
    pub member: Member,
    /// `DBInstanceStatus`: `available`, `stopped`, ...
    pub status: String,
    /// What it answered.
    #[serde(flatten)]
    pub probed: Probed,
    /// The finding: its code is a reason of a verdict; none without a certificate, and if there is nothing to compare it with.
    pub finding: Option<Reason>,
}

/// An instance that was not probed.
#[derive(Clone, Debug, Serialize)]
pub struct NotProbed {
    /// The instance, and its cluster.
    #[serde(flatten)]
    pub member: Member,
    /// Why.
    pub why: String,
}

impl Probe {
    /// What the servers of some instances answered; `parts` holds the answers by account and region.
    pub fn new(
        probed_at: Timestamp,
        asked: Asked,
        known: &[InstanceEvidence],
        parts: &[ProbePart],
        errors: Vec<Problem>,
    ) -> Self {
        let profiles = || known.iter().map(|known| &known.profile);
        let by_arn: BTreeMap<&str, &InstanceProfile> =
            profiles().map(|profile| (profile.arn.as_str(), profile)).collect();
        let rows = parts.iter().flat_map(|part| &part.rows);
        let servers = rows.filter_map(|row| Some(Server::new(by_arn.get(row.arn.as_str())?, &row.probed)));
        let servers: Vec<Server> = servers.collect();
        let samples = parts.iter().flat_map(|part| &part.samples);
        let sessions = samples.filter_map(|samples| InstanceSessions::new(by_arn.get(samples.arn.as_str())?, samples));
        let sessions: Vec<InstanceSessions> = sessions.collect();
        let not_probed = profiles().filter_map(|profile| {
            let of_certificate = why_not(profile).filter(|_| asked.certificates);
            let of_sessions = || asked.sessions.then(|| why_no_sessions(profile)).flatten();
            Some(NotProbed { member: profile.member(), why: of_certificate.or_else(of_sessions)? })
        });
        let not_probed: Vec<NotProbed> = not_probed.collect();
        let unlisted = sessions.iter().filter(|sessions| !sessions.is_whole()).count() as u64;
        let mut summary = Summary { not_probed: not_probed.len() as u64, unlisted, ..Summary::default() };
        for server in &servers {
            let count = match (&server.probed.outcome, server.finding.as_ref().map(|finding| finding.code)) {
                (Outcome::Failure(_), _) => &mut summary.failed,
                (Outcome::Presented(_), Some(ReasonCode::CertificateServed)) => &mut summary.as_listed,
                (Outcome::Presented(_), Some(_)) => &mut summary.not_as_listed,
                (Outcome::Presented(_), None) => &mut summary.not_compared,
            };
            *count += 1;
        }
        Self {
            schema: "ssl-usage/probe/v1",
            probed_at,
            listed_at: known.iter().map(|known| known.collection.collected_at).min(),
            is_kept: false,
            tool_version: env!("CARGO_PKG_VERSION"),
            summary,
            servers,
            sessions,
            not_probed,
            errors,
        }
    }
}

impl Server {
    /// Whether it presented another certificate than AWS lists, or an expired one.
    pub fn is_not_as_listed(&self) -> bool {
        self.finding.as_ref().is_some_and(|finding| finding.code != ReasonCode::CertificateServed)
    }

    fn new(profile: &InstanceProfile, probed: &Probed) -> Self {
        let served = probed.served(ExpectedCertificate::from(&profile.certificate));
        let finding = served.and_then(|served| served_reason(profile, &served));
        Self { member: profile.member(), status: profile.status.clone(), probed: probed.clone(), finding }
    }
}

/// Why the sessions of an instance cannot be listed; none if they can.
fn why_no_sessions(profile: &InstanceProfile) -> Option<String> {
    if Target::new(profile).is_some() {
        return None;
    }
    let engine = profile.known_engine();
    let title = engine.map_or(profile.engine.as_str(), |of| of.title);
    Some(match engine.is_some_and(lists_sessions) {
        true => why_not(profile).unwrap_or_else(|| "it has no endpoint".to_owned()),
        false => format!("this version cannot list the sessions of {title}"),
    })
}

/// Why an instance has no endpoint to probe; none if it has one.
fn why_not(profile: &InstanceProfile) -> Option<String> {
    let has_own = profile.endpoints.iter().any(|endpoint| endpoint.kind == EndpointKind::Instance);
    let engine = profile.known_engine();
    if engine.is_none_or(|engine| engine.tls_start.is_none()) {
        return Some(format!(
            "this version cannot start TLS with {}",
            engine.map_or(profile.engine.as_str(), |of| of.title)
        ));
    }
    if profile.tls_endpoints().is_none() {
        return Some(
            "no port for TLS is known: the option SSL is missing, not in effect, or could not be read".to_owned(),
        );
    }
    (!has_own).then(|| match profile.status.as_str() {
        "available" => "the inventory has no endpoint. Collect again with this version".to_owned(),
        status => format!("it has no endpoint, and its status is {status}"),
    })
}
