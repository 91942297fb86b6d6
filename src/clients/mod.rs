//! Whom to chase: the clients of a report, what each of them has to do, and in which order to ask them.

mod csv;
mod group;
pub mod owner;
mod table;

use jiff::Timestamp;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

pub use group::By;
pub use owner::{Owner, Owners};

use crate::inventory::InstanceId;
use crate::problem::Problem;
use crate::report::csv::{LINES, SPREADSHEETS};
use crate::report::{self, Format, Reader, Report};
use crate::verdict::{Change, ReasonCode, Rotation};
use crate::window::Window;
use owner::Found;

/// Protocols that RFC 7568 and RFC 8996 forbid.
const OLD_PROTOCOLS: &[&str] = &["SSLv2", "SSLv3", "TLSv1", "TLSv1.0", "TLSv1.1"];

/// The JSON Schema of the list; [`crate::report::schema::complete`] adds what it shares with reports.
pub const SCHEMA: &str = include_str!("clients-v1.schema.json");

/// The formats of the list.
pub const FORMATS: &[Format<Clients>] = &[
    Format {
        name: "table",
        help: "For people",
        reader: Reader::Person,
        writer: |list, layout, out| table::write(list, layout, out),
    },
    Format {
        name: "csv",
        help: "For auditors: one row per client",
        reader: Reader::Lines,
        writer: |list, _, out| csv::write(list, LINES, out),
    },
    Format {
        name: "spreadsheet",
        help: "For Excel and LibreOffice: the rows as CSV that opens correctly",
        reader: Reader::Lines,
        writer: |list, _, out| csv::write(list, SPREADSHEETS, out),
    },
    Format::json("For programs: everything"),
];

/// Which clients are listed. Those of whom no log tells how they connect may be of either kind, and are in both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Which {
    /// Those that use TLS.
    pub tls: bool,
    /// Those that do not.
    pub plaintext: bool,
}

/// What has to be done about a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    /// A client at this address did not accept the certificate: it cannot connect.
    AcceptCertificate,
    /// It uses TLS, and the authority changes: it needs the new one before the rotation.
    UpdateTrustStore,
    /// It uses TLS, and the authority stays: what it trusts goes on to be enough.
    KeepTrustStore,
    /// It is an RDS proxy, which trusts the CAs of RDS itself.
    BehindProxy,
    /// No log tells how it connects: ask whoever runs it.
    FindOut,
    /// It connects without TLS: it breaks where TLS is enforced.
    BreaksUnderEnforcement,
    /// It speaks a protocol that is forbidden today.
    OldProtocol,
}

/// The list: the types are the JSON. Fields are added, never renamed.
#[derive(Clone, Debug, Serialize)]
pub struct Clients {
    /// `ssl-usage/clients/v1`.
    pub schema: &'static str,
    /// As of when: the end of the window.
    pub generated_at: Timestamp,
    /// Version of the tool.
    pub tool_version: &'static str,
    /// The window that was asked for.
    pub window: Window,
    /// The options that chose the instances, as words; empty where none did.
    pub filter: Vec<String>,
    /// What the list rests on.
    pub evidence: report::Evidence,
    /// What clients are grouped by.
    pub by: By,
    /// The clients; whoever did not accept the certificate first, then by the urgency of the instance.
    pub clients: Vec<Client>,
    /// Instances whose rotation is required, or unproven, and that may have clients with TLS that are not listed.
    pub may_hide: Vec<Hiding>,
    /// What could not be read: clients may be missing.
    pub errors: Vec<Problem>,
    /// Why owners of addresses are unknown. No verdict and no exit status depends on it.
    pub owner_errors: Vec<Problem>,
}

/// One client of one instance.
#[derive(Clone, Debug, Serialize)]
pub struct Client {
    /// The instance.
    #[serde(flatten)]
    pub id: InstanceId,
    /// Whether the instance's certificate must be rotated.
    pub rotation: Rotation,
    /// What has to be done, most urgent first.
    pub tasks: BTreeSet<Task>,
    /// How often a client at its address did not accept the certificate.
    pub certificate_rejected: u64,
    /// CAs that it must trust before it can go on: that of the certificate it rejected, and the one that the rotation brings.
    pub add_cas: BTreeSet<String>,
    /// Who it is, and its sessions.
    #[serde(flatten)]
    pub seen: report::Client,
    /// Forbidden protocols among its TLS versions.
    pub old_protocols: Vec<String>,
    /// Who has its address; none where that is unknown, or where clients of several owners are grouped.
    pub owner: Option<Owner>,
    /// Its addresses: one, unless clients are grouped.
    pub addresses: Vec<String>,
    /// The users, databases, applications and owners of grouped clients.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub members: Option<Members>,
}

/// What grouped clients have between them. Of those, `user` and so on hold what is the same for all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Members {
    /// Clients.
    pub clients: u64,
    /// Their users.
    pub users: BTreeSet<String>,
    /// Their databases.
    pub databases: BTreeSet<String>,
    /// Their applications.
    pub applications: BTreeSet<String>,
    /// Their owners, as people call them.
    pub owners: BTreeSet<String>,
}

/// An instance of which no log names all clients that use TLS, or may.
#[derive(Clone, Debug, Serialize)]
pub struct Hiding {
    /// The instance.
    #[serde(flatten)]
    pub id: InstanceId,
    /// What is known instead.
    pub why: String,
}

impl Clients {
    /// The clients of a report, with the owners of their addresses. AWS's own are not among them, nor is what connects from
    /// the server itself.
    pub fn of(report: &Report, owners: &Owners, which: Which, by: By) -> Self {
        let mut clients: Vec<Client> = report.instances.iter().flat_map(|instance| owned(instance, owners)).collect();
        clients.retain(|client| which.takes(client));
        let mut clients = by.group(clients);
        // Stable: what is alike stays in the report's order, by urgency.
        clients.sort_by_key(|client| client.tasks.first().copied());
        let hiding = report
            .instances
            .iter()
            .filter(|instance| instance.clients_incomplete)
            .map(|instance| Hiding { id: instance.id().clone(), why: why_incomplete(instance) });
        Self {
            schema: "ssl-usage/clients/v1",
            generated_at: report.generated_at,
            tool_version: report.tool_version,
            window: report.window,
            filter: report.filter.clone(),
            evidence: report.evidence.clone(),
            by,
            clients,
            may_hide: hiding.collect(),
            errors: report.errors.clone(),
            owner_errors: owners.errors().to_vec(),
        }
    }
}

/// Why the clients of an instance may be incomplete: the reason that logs were left out, or that of the verdict.
fn why_incomplete(instance: &report::Instance) -> String {
    let left_out = instance.reasons.iter().find(|reason| reason.code == ReasonCode::LogsNotRead);
    left_out.or(instance.reasons.first()).map(|reason| reason.text.clone()).unwrap_or_default()
}

impl Which {
    fn takes(self, client: &Client) -> bool {
        let is = |tasks: &[Task]| tasks.iter().any(|task| client.tasks.contains(task));
        let tls = is(&[
            Task::AcceptCertificate,
            Task::UpdateTrustStore,
            Task::KeepTrustStore,
            Task::BehindProxy,
            Task::FindOut,
        ]);
        let plaintext = is(&[Task::BreaksUnderEnforcement, Task::FindOut]);
        match (self.tls, self.plaintext) {
            (true, false) => tls,
            (false, true) => plaintext,
            _ => true,
        }
    }
}

/// Whether clients that verify will need another authority: the rotation changes it, or another one is staged already and
/// becomes active at the next restart, planned or not.
pub fn authority_changes(instance: &report::Instance) -> bool {
    let staged = instance.reasons.iter().any(|reason| reason.code == ReasonCode::RotationStaged);
    instance.rotation != Rotation::Optional && (staged || instance.certificate.change == Change::Root)
}

/// The clients of an instance, and the addresses without a session that did not accept its certificate. Owners are unknown.
pub fn of_instance(instance: &report::Instance) -> Vec<Client> {
    owned(instance, &Owners::default())
}

/// The same, with the owners of their addresses.
fn owned(instance: &report::Instance, owners: &Owners) -> Vec<Client> {
    let seen = &instance.connections.clients;
    let known: BTreeSet<&str> = seen.iter().filter_map(|client| client.address.as_deref()).collect();
    let mut rejected = instance.connections.certificate_rejected_by.clone();
    rejected.retain(|address, _| !known.contains(address.as_str()));
    let strangers = rejected.into_keys().map(|address| report::Client {
        user: None,
        database: None,
        address: Some(address),
        application: None,
        sessions: report::Shares { tls: 0, plaintext: 0, local: 0, unknown: 0, gss: 0 },
        ignored: false,
        tls_share_at_most: None,
        tls_versions: BTreeMap::new(),
        first_seen: None,
        last_seen: None,
    });
    let clients = strangers.chain(seen.iter().cloned()).map(|seen| client(instance, owners, seen));
    // What has nothing to do connects from the server itself.
    clients.filter(|client| !client.tasks.is_empty()).collect()
}

fn client(instance: &report::Instance, owners: &Owners, seen: report::Client) -> Client {
    let rejected = &instance.connections.certificate_rejected_by;
    let rejections = seen.address.as_ref().and_then(|address| rejected.get(address)).copied().unwrap_or(0);
    let changes = authority_changes(instance);
    let old: Vec<String> =
        seen.tls_versions.keys().filter(|version| OLD_PROTOCOLS.contains(&version.as_str())).cloned().collect();
    let sessions = seen.sessions;
    let found =
        seen.address.as_deref().map(|address| owners.of(instance.id(), address, seen.first_seen, seen.last_seen));
    let Found { owner, is_proxy } = found.unwrap_or_default();
    let uses_tls = sessions.tls > 0;
    let tasks = [
        (Task::AcceptCertificate, rejections > 0),
        (Task::UpdateTrustStore, uses_tls && changes && !is_proxy),
        (Task::KeepTrustStore, uses_tls && !changes && !is_proxy),
        (Task::BehindProxy, uses_tls && is_proxy),
        (Task::FindOut, sessions.unknown > 0),
        (Task::BreaksUnderEnforcement, sessions.plaintext + sessions.gss > 0),
        (Task::OldProtocol, !old.is_empty()),
    ];
    let tasks: BTreeSet<_> = tasks.into_iter().filter(|(_, is_so)| *is_so).map(|(task, _)| task).collect();
    Client {
        id: instance.id().clone(),
        rotation: instance.rotation,
        certificate_rejected: rejections,
        add_cas: cas_to_add(instance, &tasks),
        tasks,
        addresses: seen.address.iter().cloned().collect(),
        seen,
        old_protocols: old,
        owner,
        members: None,
    }
}

/// The CAs that a client with these tasks must add to its trust store.
fn cas_to_add(instance: &report::Instance, tasks: &BTreeSet<Task>) -> BTreeSet<String> {
    let certificate = &instance.certificate;
    // A staged certificate becomes active whatever is rotated.
    let pending = certificate.pending_ca.as_ref().filter(|pending| certificate.ca.as_ref() != Some(*pending));
    let next = pending.or(certificate.target_ca.as_ref());
    let all = [(Task::AcceptCertificate, certificate.ca.as_ref()), (Task::UpdateTrustStore, next)];
    all.into_iter().filter(|(task, _)| tasks.contains(task)).filter_map(|(_, ca)| ca.cloned()).collect()
}

impl Client {
    /// All its sessions.
    pub fn sessions(&self) -> u64 {
        let report::Shares { tls, plaintext, local, unknown, gss } = self.seen.sessions;
        tls + plaintext + local + unknown + gss
    }
}

impl Task {
    /// The code, as JSON and CSV print it.
    pub fn code(self) -> &'static str {
        match self {
            Self::AcceptCertificate => "accept-certificate",
            Self::UpdateTrustStore => "update-trust-store",
            Self::KeepTrustStore => "keep-trust-store",
            Self::BehindProxy => "behind-proxy",
            Self::FindOut => "find-out",
            Self::BreaksUnderEnforcement => "breaks-under-enforcement",
            Self::OldProtocol => "old-protocol",
        }
    }

    /// What has to be done, for people.
    pub fn text(self) -> &'static str {
        match self {
            Self::AcceptCertificate => "add the CA to its trust store (it rejected the certificate)",
            Self::UpdateTrustStore => "update its trust store",
            Self::KeepTrustStore => "nothing, unless it pins the certificate (uses TLS, and the CA stays the same)",
            Self::BehindProxy => "nothing (RDS Proxy trusts the RDS CAs itself)",
            Self::FindOut => "ask its owner whether it uses TLS",
            Self::BreaksUnderEnforcement => "nothing (no TLS; breaks if TLS is enforced)",
            Self::OldProtocol => "update its driver (old protocol)",
        }
    }
}
