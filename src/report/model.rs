//! The report's model: the types are the JSON. Fields are added, never renamed.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::sampled::Sampled;
use crate::bundle;
use crate::inventory::{
    CertificateFacts, ClusterRole, Collection, Endpoint, EndpointKind, Filter, InstanceId, Member, ServedCertificate,
};
use crate::problem::{Problem, distinct};
use crate::progress::{Progress, Silent};
use crate::usage::{self, ClientUsage, GapReason, Usage};
use crate::verdict::{
    Change, Command, Enforcement, Examined, Finding, Policy, Procedure, Reason, Restart, Rotation, UsageVerdict,
    Verdict, conclude_all, examine,
};
use crate::window::Window;

/// Databases with RDS certificates or clients of their own that no call of the inventory lists.
///
/// Source: "Using Amazon DocumentDB elastic clusters" in the DocumentDB guide; its API is another one (`docdb-elastic`).
pub(super) const NOT_LISTED: &[&str] = &["DocumentDB elastic clusters"];

/// The report of an analysis.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// `ssl-usage/verdict/v1`.
    pub schema: &'static str,
    /// As of when: the end of the window.
    pub generated_at: Timestamp,
    /// The clock, by which texts for people and conditions count days: never before `generated_at`. It is no part of the
    /// report, which is the same at any time.
    #[serde(skip)]
    pub clock: Timestamp,
    /// Version of the tool.
    pub tool_version: &'static str,
    /// The window that was asked for.
    pub window: Window,
    /// The options that chose the instances, as words; empty where none did.
    pub filter: Vec<String>,
    /// What was demanded of the evidence, who did not count, and what persons vouched for.
    pub policy: Policy,
    /// What the verdicts rest on.
    pub evidence: Evidence,
    /// When the latest of the evidence was collected; none where nothing was.
    pub collected_at: Option<Timestamp>,
    /// ARNs of the identities that collected it, where they are known.
    pub callers: BTreeSet<String>,
    /// The accounts and regions that the report covers, with each collection.
    pub collections: Vec<Collection>,
    /// Counts of the verdicts.
    pub summary: Summary,
    /// The instances, most urgent first.
    pub instances: Vec<Instance>,
    /// What the calls of the inventory do not list.
    pub not_listed: &'static [&'static str],
    /// What could not be read.
    pub errors: Vec<Problem>,
}

/// What verdicts rest on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// `sha256:` and the digest of all that counts, as `ssl-usage digest` prints it; none where files are damaged or missing.
    pub digest: Option<String>,
    /// Whether every file was checked against its digest. Older bundles have none.
    pub verified: bool,
}

impl Evidence {
    /// Evidence with this digest, in hexadecimal.
    pub fn new(digest: Option<String>, verified: bool) -> Self {
        Self { verified: verified && digest.is_some(), digest: digest.map(|digest| format!("sha256:{digest}")) }
    }

    /// The evidence of instances, each with its ARN; `is_whole` is whether nothing that concerns all is damaged or missing.
    pub fn of_all<'e>(is_whole: bool, instances: impl Iterator<Item = (&'e str, &'e Self)> + Clone) -> Self {
        let digest = |(arn, of): (&'e str, &'e Self)| Some((arn, of.digest.as_deref()?.trim_start_matches("sha256:")));
        let digests: Option<Vec<_>> = instances.clone().map(digest).collect();
        let digest = digests.filter(|_| is_whole).map(|digests| bundle::of_all(digests.into_iter()));
        Self::new(digest, instances.map(|(_, of)| of).all(|of| of.verified))
    }
}

/// Counts of the verdicts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Instances.
    pub instances: u64,
    /// Must be rotated.
    pub required: u64,
    /// Of those, because nobody can tell.
    pub unproven: u64,
    /// May be staged.
    pub deferrable: u64,
    /// Of those, on the word of a person alone.
    pub attested: u64,
    /// Need not be rotated.
    pub optional: u64,
    /// Entries in `errors`.
    pub errors: u64,
}

/// The verdict on an instance.
#[derive(Clone, Debug, Serialize)]
pub struct Instance {
    /// The instance, and its cluster.
    #[serde(flatten)]
    pub member: Member,
    /// Engine as AWS names it.
    pub engine: String,
    /// Engine version.
    pub engine_version: String,
    /// `DBInstanceStatus`: `available`, `stopped`, ...
    pub status: String,
    /// Its role in the cluster; none where it stands alone or the role is unknown.
    pub role: Option<ClusterRole>,
    /// The certificate.
    pub certificate: Certificate,
    /// The sessions that were open when it was probed; none if it was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sampled: Option<Sampled>,
    /// Whether TLS is used.
    pub usage: UsageVerdict,
    /// Whether the certificate must be rotated.
    pub rotation: Rotation,
    /// What a rotation restarts.
    pub restart: Restart,
    /// Whether TLS may be enforced.
    pub enforcement: Enforcement,
    /// When a rotation must have happened; none where none is needed or the dates are not known.
    pub act_by: Option<Timestamp>,
    /// Nobody can tell: required for that, or deferrable on the word of a person.
    pub unproven: bool,
    /// What the verdict rests on.
    pub evidence: Evidence,
    /// What was seen.
    pub connections: Connections,
    /// How much of the window was seen.
    pub coverage: Coverage,
    /// Why; what decided comes first.
    pub reasons: Vec<Reason>,
    /// What was not looked at.
    pub not_examined: Vec<String>,
    /// What a person or a rotation tool would run.
    pub commands: Vec<Command>,
    /// How the rotation is carried out.
    #[serde(skip)]
    pub procedure: Procedure,
    /// When its inventory was taken.
    pub collected_at: Timestamp,
    /// ARN of the identity that collected it, where it is known.
    pub caller: Option<String>,
    /// What shows the certificate that is served after a rotation.
    #[serde(skip)]
    pub verify: Option<Command>,
    /// Clients that use TLS may be missing in `connections`, and a rotation is due or may be.
    #[serde(skip)]
    pub clients_incomplete: bool,
}

/// A certificate, and what a rotation would change.
#[derive(Clone, Debug, Serialize)]
pub struct Certificate {
    /// The authority that signed it.
    pub ca: Option<String>,
    /// End of the server certificate.
    pub valid_till: Option<Timestamp>,
    /// End of the authority.
    pub ca_valid_till: Option<Timestamp>,
    /// The authority that would sign the next one.
    pub target_ca: Option<String>,
    /// The CA of a certificate that waits for a restart or a maintenance window.
    #[serde(skip)]
    pub pending_ca: Option<String>,
    /// What a rotation changes.
    pub change: Change,
    /// What servers presented to `ssl-usage probe`, while AWS listed this certificate.
    pub served: Vec<Served>,
}

impl Certificate {
    /// The ends of the server certificate and its CA, and of those that the instance presented; none where one is unknown.
    pub fn ends(&self) -> impl Iterator<Item = Option<Timestamp>> {
        let own = self.served.iter().filter(|served| served.endpoint.kind == EndpointKind::Instance);
        [self.valid_till, self.ca_valid_till].into_iter().chain(own.map(|served| Some(served.certificate.valid_till)))
    }
}

/// The certificate that a server presented.
#[derive(Clone, Debug, Serialize)]
pub struct Served {
    /// The endpoint.
    #[serde(flatten)]
    pub endpoint: Endpoint,
    /// The IP address of the server.
    pub address: String,
    /// When it was presented.
    pub at: Timestamp,
    /// `TLSv1.3`.
    pub tls_version: String,
    /// Whether the certificate is for the host name of the endpoint.
    pub matches_host: bool,
    /// What the certificate says.
    #[serde(flatten)]
    pub certificate: CertificateFacts,
}

impl Served {
    fn new(served: &ServedCertificate) -> Option<Self> {
        Some(Self {
            endpoint: served.endpoint.clone(),
            address: served.address.clone(),
            at: served.at,
            tls_version: served.tls_version.clone(),
            matches_host: served.matches_host,
            certificate: served.chain.first()?.clone(),
        })
    }
}

/// Sessions and other events of the window.
#[derive(Clone, Debug, Serialize)]
pub struct Connections {
    /// Sessions of clients.
    #[serde(flatten)]
    pub clients_sessions: Shares,
    /// Sessions of AWS's own users.
    pub system: Shares,
    /// What clients did that decide nothing by the policy.
    pub ignored: Ignored,
    /// Sessions of clients by day, those that the policy ignores among them; a day without any is left out.
    pub by_day: Vec<Day>,
    /// Clients that reached the server.
    pub received: u64,
    /// Attempts refused by rule or password.
    pub rejected: u64,
    /// TLS handshakes that failed, by cause.
    pub handshake_failed: BTreeMap<String, u64>,
    /// Addresses whose clients did not accept the certificate.
    pub certificate_rejected_by: BTreeMap<String, u64>,
    /// Sessions that ended.
    pub disconnected: u64,
    /// Where no TLS was seen, the largest share of sessions that may use it all the same, at 95 %.
    pub tls_share_at_most: Option<f64>,
    /// Sessions that may be open and began where no log shows it; none where it is not known.
    pub unaccounted: Option<u64>,
    /// When the oldest session that ended was open already, of those whose beginning no log shows.
    pub oldest_unseen: Option<Timestamp>,
    /// Sessions of clients by TLS version.
    pub tls_versions: BTreeMap<String, u64>,
    /// Sessions of clients by cipher.
    pub ciphers: BTreeMap<String, u64>,
    /// The clients, by name.
    pub clients: Vec<Client>,
}

/// What clients did that decide nothing by the policy.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Ignored {
    /// Their sessions.
    #[serde(flatten)]
    pub sessions: Shares,
    /// Their attempts that were refused or failed.
    pub attempts: u64,
}

/// Sessions by transport.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Shares {
    /// TLS.
    pub tls: u64,
    /// No TLS, over a network.
    pub plaintext: u64,
    /// No TLS, over a socket or loopback.
    pub local: u64,
    /// The log cannot tell.
    pub unknown: u64,
    /// Encrypted by GSSAPI.
    pub gss: u64,
}

/// Sessions of clients on one day.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Day {
    /// The day (UTC).
    pub day: Date,
    /// Its sessions.
    #[serde(flatten)]
    pub sessions: Shares,
}

/// One client.
#[derive(Clone, Debug, Serialize)]
pub struct Client {
    /// Database user.
    pub user: Option<String>,
    /// Database.
    pub database: Option<String>,
    /// Address.
    pub address: Option<String>,
    /// Application name.
    pub application: Option<String>,
    /// Its sessions.
    #[serde(flatten)]
    pub sessions: Shares,
    /// Where none of its sessions was seen with TLS, the largest share that may have it all the same, at 95 %.
    pub tls_share_at_most: Option<f64>,
    /// Its TLS versions.
    pub tls_versions: BTreeMap<String, u64>,
    /// When it was first seen to connect.
    pub first_seen: Option<Timestamp>,
    /// When it was last seen to connect.
    pub last_seen: Option<Timestamp>,
    /// Whether its sessions stand under `ignored`: by the policy they decide nothing.
    pub ignored: bool,
}

/// How much of the window was seen.
#[derive(Clone, Debug, Serialize)]
pub struct Coverage {
    /// The span that could be seen.
    pub asked: Option<Window>,
    /// Share of it that was, 0 to 1.
    pub share: f64,
    /// The part that the verdict is about: the longest end of the span of which enough was seen.
    pub judged: Option<Window>,
    /// Share of that part that was seen, 0 to 1.
    pub judged_share: f64,
    /// The longest gap, in seconds.
    pub longest_gap_seconds: i64,
    /// The gaps, and why.
    pub gaps: Vec<Gap>,
    /// Log files read.
    pub files: u64,
    /// Log files of which something is missing.
    pub files_failed: u64,
    /// Log files without a single session.
    pub files_mute: u64,
    /// The values of `log_line_prefix` that PostgreSQL's logs were read with; more than one where the setting was changed.
    pub log_line_prefix: Vec<String>,
    /// Bytes read.
    pub bytes: u64,
    /// Records that could not be understood.
    pub unparsed: u64,
}

/// A part of the window that was not seen.
#[derive(Clone, Debug, Serialize)]
pub struct Gap {
    /// From when to when.
    #[serde(flatten)]
    pub span: Window,
    /// Why.
    pub cause: GapReason,
}

impl Report {
    /// Judges all that the evidence holds, within a window.
    ///
    /// An instance whose facts cannot be read is judged without them, and is an entry in `errors`.
    pub fn new(evidence: &bundle::Evidence, window: Window, policy: Policy, progress: &dyn Progress) -> Self {
        let mut report = Self::without_instances(window, policy, evidence.errors.clone());
        report.collections = evidence.collections();
        report.collected_at = report.collections.iter().map(|collection| collection.collected_at).max();
        report.callers = report.collections.iter().filter_map(|collection| collection.caller.clone()).collect();
        report.policy.find(evidence.instances.iter().map(|known| &known.profile));
        let policy = &report.policy;
        let ignores = |profile: &_, client: &_| policy.ignores(profile, client);
        let least = policy.least_coverage;
        let found = usage::of_each(&evidence.instances, (window, least), ignores, progress, |known, usage, errors| {
            let ignored: Vec<(usize, u64)> = usage.clients.values().filter_map(ignored_sessions).collect();
            let finding = examine(&known.profile, &usage, policy, window.to);
            (finding, Shown::of(&usage), ignored, errors)
        });
        let rows = evidence.instances.iter().zip(found.iter().map(|(finding, ..)| finding));
        let (beside, unread) = examine_beside(evidence, window, policy);
        let verdicts = conclude_all(rows.map(examined), evidence.beside.iter().zip(&beside).map(examined), policy);
        for ((known, (_, shown, ignored, errors)), verdict) in evidence.instances.iter().zip(found).zip(verdicts) {
            report.instances.push(instance(known, shown, verdict));
            report.errors.extend(errors);
            for (entry, sessions) in ignored {
                if let Some(entry) = report.policy.ignore.get_mut(entry) {
                    entry.sessions += sessions;
                }
            }
        }
        report.errors.extend(unread);
        // Most urgent first; what has no date comes behind what has one.
        report.instances.sort_by(|one, other| one.urgency().cmp(&other.urgency()));
        report.instances.iter().for_each(|row| report.summary.count(row));
        let of_each = report.instances.iter().map(|row| (row.id().arn.as_str(), &row.evidence));
        report.evidence = Evidence::of_all(evidence.is_whole(), of_each);
        distinct(&mut report.errors);
        report.summary.errors = report.errors.len() as u64;
        report
    }

    /// Reads the report at this time: texts for people and conditions count the days from then on.
    pub fn read_at(&mut self, clock: Timestamp) {
        self.clock = clock.max(self.generated_at);
    }

    /// Says which filter chose the instances.
    pub fn chosen_by(&mut self, filter: &Filter) {
        self.filter = filter.options();
    }

    /// When the oldest of the evidence was collected; none where there is none.
    pub fn oldest(&self) -> Option<Timestamp> {
        self.collections.iter().map(|collection| collection.collected_at).min()
    }

    /// How old the oldest of the evidence is, by the clock; none where there is none.
    pub fn age(&self) -> Option<SignedDuration> {
        Some(self.oldest()?.duration_until(self.clock))
    }

    /// The instances with this identifier or ARN: several accounts may have one each.
    pub fn named(&self, name: &str) -> Vec<&Instance> {
        let is_meant = |row: &&Instance| row.id().instance.eq_ignore_ascii_case(name) || row.id().arn == name;
        self.instances.iter().filter(is_meant).collect()
    }

    /// A report of a run that found nothing to judge.
    pub fn without_instances(window: Window, policy: Policy, errors: Vec<Problem>) -> Self {
        let summary = Summary { errors: errors.len() as u64, ..Summary::default() };
        Self {
            schema: "ssl-usage/verdict/v1",
            generated_at: window.to,
            clock: window.to,
            tool_version: env!("CARGO_PKG_VERSION"),
            window,
            filter: Vec::new(),
            policy,
            evidence: Evidence::new(None, false),
            collected_at: None,
            callers: BTreeSet::new(),
            collections: Vec::new(),
            summary,
            instances: Vec::new(),
            not_listed: NOT_LISTED,
            errors,
        }
    }
}

impl Summary {
    /// Counts the verdict on one more instance.
    fn count(&mut self, row: &Instance) {
        self.instances += 1;
        let unproven = u64::from(row.unproven);
        match row.rotation {
            Rotation::Required => {
                self.required += 1;
                self.unproven += unproven;
            }
            Rotation::Deferrable => {
                self.deferrable += 1;
                self.attested += unproven;
            }
            Rotation::Optional => self.optional += 1,
        }
    }
}

impl Instance {
    /// Which instance it is.
    pub fn id(&self) -> &InstanceId {
        &self.member.id
    }

    /// The cluster that it is a member of.
    pub fn cluster(&self) -> Option<&str> {
        self.member.cluster.as_deref()
    }

    /// What orders instances, the most urgent first.
    fn urgency(&self) -> (Rotation, Timestamp, &str) {
        (self.rotation, self.act_by.unwrap_or(Timestamp::MAX), &self.id().arn)
    }
}

/// The entry of the policy that ignores a client, and how many sessions that takes out of the count.
fn ignored_sessions(used: &ClientUsage) -> Option<(usize, u64)> {
    Some((used.ignored_by?, used.sessions.sum()))
}

/// An instance and its finding, for the verdict.
pub(crate) fn examined<'m>((known, finding): (&'m bundle::InstanceEvidence, &'m Finding)) -> Examined<'m> {
    Examined { profile: &known.profile, finding, is_former: known.is_former }
}

/// What the evidence of members of clusters shows that are no rows, and what could not be read of it.
pub(crate) fn examine_beside(
    evidence: &bundle::Evidence,
    window: Window,
    policy: &Policy,
) -> (Vec<Finding>, Vec<Problem>) {
    let ignores = |profile: &_, client: &_| policy.ignores(profile, client);
    let found =
        usage::of_each(&evidence.beside, (window, policy.least_coverage), ignores, &Silent, |known, usage, errors| {
            (examine(&known.profile, &usage, policy, window.to), errors)
        });
    let (findings, errors): (Vec<_>, Vec<_>) = found.into_iter().unzip();
    (findings, errors.into_iter().flatten().collect())
}

/// What the evidence of an instance shows, as a report has it.
struct Shown {
    evidence: Evidence,
    connections: Connections,
    sampled: Option<Sampled>,
    coverage: Coverage,
}

impl Shown {
    fn of(usage: &Usage) -> Self {
        Self {
            evidence: Evidence::new(usage.digest.clone(), !usage.unverified),
            connections: connections(usage),
            sampled: Sampled::new(usage),
            coverage: coverage(&usage.coverage),
        }
    }
}

fn instance(known: &bundle::InstanceEvidence, shown: Shown, verdict: Verdict) -> Instance {
    let (profile, collection) = (&known.profile, &known.collection);
    let Verdict { outlook, .. } = verdict;
    Instance {
        member: profile.member(),
        engine: profile.engine.clone(),
        engine_version: profile.engine_version.clone(),
        status: profile.status.clone(),
        role: profile.cluster_role,
        certificate: Certificate {
            ca: profile.certificate.ca.clone(),
            valid_till: profile.certificate.valid_till,
            ca_valid_till: profile.certificate.ca_valid_till,
            target_ca: outlook.target,
            served: profile.served().filter_map(Served::new).collect(),
            pending_ca: profile.certificate.pending_ca.clone(),
            change: outlook.change,
        },
        usage: verdict.usage,
        rotation: verdict.rotation,
        restart: outlook.restart,
        enforcement: verdict.enforcement,
        act_by: outlook.act_by,
        unproven: verdict.unproven,
        evidence: shown.evidence,
        connections: shown.connections,
        sampled: shown.sampled,
        coverage: shown.coverage,
        reasons: verdict.reasons,
        not_examined: verdict.not_examined,
        commands: verdict.commands,
        procedure: verdict.procedure,
        collected_at: collection.collected_at,
        caller: collection.caller.clone(),
        verify: verdict.verify,
        clients_incomplete: verdict.clients_incomplete,
    }
}

fn connections(usage: &Usage) -> Connections {
    let client = |(client, used): (&usage::Client, &ClientUsage)| Client {
        user: client.user.clone(),
        database: client.database.clone(),
        address: client.address.clone(),
        application: client.application.clone(),
        sessions: (&used.sessions).into(),
        tls_share_at_most: usage::tls_share_at_most(&used.sessions),
        tls_versions: used.tls_versions.clone(),
        first_seen: used.first_seen,
        last_seen: used.last_seen,
        ignored: used.ignored_by.is_some(),
    };
    Connections {
        clients_sessions: (&usage.connections).into(),
        system: (&usage.system).into(),
        ignored: Ignored { sessions: (&usage.ignored.sessions).into(), attempts: usage.ignored.attempts.sum() },
        by_day: usage.by_day.iter().map(|(day, sessions)| Day { day: *day, sessions: sessions.into() }).collect(),
        received: usage.received,
        rejected: usage.rejected.sum(),
        handshake_failed: usage.handshakes_failed.clone(),
        certificate_rejected_by: usage.certificate_rejected_by.clone(),
        disconnected: usage.disconnected,
        tls_share_at_most: usage::tls_share_at_most(&usage.connections),
        unaccounted: usage.metrics.unaccounted,
        oldest_unseen: usage.oldest_unseen,
        tls_versions: usage.tls_versions.clone(),
        ciphers: usage.ciphers.clone(),
        clients: usage.clients.iter().map(client).collect(),
    }
}

fn coverage(coverage: &usage::Coverage) -> Coverage {
    Coverage {
        asked: coverage.asked,
        share: coverage.share,
        judged: coverage.judged,
        judged_share: coverage.judged_share,
        longest_gap_seconds: coverage.longest_gap().as_secs(),
        gaps: coverage.gaps.iter().map(|gap| Gap { span: gap.span, cause: gap.cause }).collect(),
        files: coverage.files,
        files_failed: coverage.files_failed,
        files_mute: coverage.files_mute,
        log_line_prefix: coverage.log_line_prefixes.iter().cloned().collect(),
        bytes: coverage.bytes,
        unparsed: coverage.unparsed,
    }
}

impl Shares {
    /// Sessions of any transport.
    pub fn sum(&self) -> u64 {
        self.tls + self.plaintext + self.other()
    }

    /// Neither TLS nor plaintext.
    pub fn other(&self) -> u64 {
        self.local + self.unknown + self.gss
    }
}

impl From<&usage::Transports> for Shares {
    fn from(counts: &usage::Transports) -> Self {
        let usage::Transports { tls, plaintext, local, unknown, gss } = *counts;
        Self { tls, plaintext, local, unknown, gss }
    }
}
