//! The reasons for a verdict: a code, its effect, and a text. `README.md` in this folder explains every code.

use serde::{Serialize, Serializer};

/// What a reason decides. Whether an instance uses TLS follows from its reasons alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// TLS is in use.
    InUse,
    /// TLS cannot be in use.
    RulesOut,
    /// A blind spot: "no TLS" cannot be concluded.
    Blocks,
    /// Clients connected, none with TLS. Decides only where nothing else does.
    NotObserved,
    /// The certificate needs no rotation, whether TLS is used or not.
    NoRotation,
    /// A person attests that there is no TLS. Decides only where the evidence is inconclusive.
    Attests,
    /// "No TLS" is not concluded, not even from a setting.
    Overrules,
    /// The evidence does not count, and the rotation is required.
    Voids,
    /// Decides nothing.
    Informs,
}

macro_rules! reasons {
    ($($(#[doc = $meaning:literal])+ $name:ident = $code:literal, $effect:ident;)+) => {
        /// The codes. Added to, never renamed: other programs read them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum ReasonCode {
            $($(#[doc = $meaning])+ $name,)+
        }

        impl ReasonCode {
            /// All codes.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// What it means, in a sentence.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$name => concat!($($meaning),+).trim_ascii(),)+ }
            }

            /// The code in reports.
            pub fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }

            /// What it decides.
            pub fn effect(self) -> Effect {
                match self { $(Self::$name => Effect::$effect,)+ }
            }
        }
    };
}

impl Serialize for ReasonCode {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(self.code())
    }
}

impl std::fmt::Display for ReasonCode {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.pad(self.code())
    }
}

reasons! {
    /// The certificate does not come from an RDS CA, and rotation of RDS's CAs does not affect it.
    CertificateElsewhere = "certificate-elsewhere", NoRotation;
    /// Certificate and CA are valid past the horizon, or the certificate is renewed without a restart.
    CertificateLasts = "certificate-lasts", NoRotation;

    /// The cluster has no instance, so it presents no certificate.
    ClusterWithoutInstances = "cluster-without-instances", NoRotation;

    /// The log shows client sessions with TLS.
    TlsConnections = "tls-connections", InUse;
    /// Client sessions with TLS were open when the instance was probed.
    TlsSessionsOpen = "tls-sessions-open", InUse;
    /// The server counted TLS handshakes of clients between probes.
    TlsHandshakesCounted = "tls-handshakes-counted", InUse;
    /// The logs show client sessions with TLS before or after the window.
    TlsOutsideWindow = "tls-outside-window", InUse;
    /// The log shows IAM authentication, which requires TLS.
    IamAuthentication = "iam-authentication", InUse;
    /// CloudWatch counted logins with IAM authentication, which requires TLS.
    IamMetric = "iam-metric", InUse;
    /// RDS Proxy connects to the instance with TLS.
    ProxyTls = "proxy-tls", InUse;
    /// A client used TLS and rejected the certificate, so it verifies it.
    ClientRejectedCertificate = "client-rejected-certificate", InUse;
    /// TLS is enforced, in effect, and clients connect.
    TlsEnforced = "tls-enforced", InUse;

    /// Another member of the cluster shows TLS, and clients of the cluster reach every member.
    ClusterTls = "cluster-tls", InUse;

    /// A setting turns TLS off, but the log or a handshake shows TLS.
    TlsDespiteSwitch = "tls-despite-switch", Informs;
    /// A setting turns TLS off and is in effect.
    TlsSwitchedOff = "tls-switched-off", RulesOut;

    /// Evidence is damaged or missing.
    EvidenceDamaged = "evidence-damaged", Voids;
    /// The evidence contradicts itself: its counts of sessions differ.
    EvidenceContradictory = "evidence-contradictory", Voids;
    /// Evidence has no digest, so it cannot be verified, and was not accepted as it is.
    EvidenceUnverified = "evidence-unverified", Voids;

    /// This version of the tool does not support the engine.
    EngineUnknown = "engine-unknown", Blocks;
    /// RDS Custom: its certificate is managed on its host.
    RdsCustom = "rds-custom", Blocks;
    /// Aurora PostgreSQL Limitless Database: its shards are no instances, and were not read.
    LimitlessDatabase = "limitless-database", Blocks;
    /// The engine version does not record TLS in its log.
    VersionCannotTell = "version-cannot-tell", Blocks;
    /// No log of the engine records TLS.
    LogCannotTell = "log-cannot-tell", Blocks;
    /// Sessions are not logged.
    LoggingOff = "logging-off", Blocks;
    /// It is unknown whether sessions are logged.
    LoggingUnknown = "logging-unknown", Blocks;
    /// It is unknown whether TLS is enforced, so clients without TLS may have been rejected.
    EnforcementUnknown = "enforcement-unknown", Blocks;
    /// The logs could not be listed, or none was found.
    NoLogs = "no-logs", Blocks;
    /// The logs do not cover enough of the window.
    CoverageShort = "coverage-short", Blocks;
    /// The instance is younger than the shortest window of the policy.
    InstanceYoung = "instance-young", Blocks;
    /// Log files of the window could not be read completely.
    LogsIncomplete = "logs-incomplete", Blocks;
    /// Logs were left out, because the verdict was certain without them.
    LogsNotRead = "logs-not-read", Blocks;
    /// Connection records could not be parsed.
    RecordsUnparsed = "records-unparsed", Blocks;
    /// The log does not show the transport of some sessions.
    TransportUnknown = "transport-unknown", Blocks;
    /// Connection attempts are logged, but no sessions.
    SessionsNotLogged = "sessions-not-logged", Blocks;
    /// Clients tried to use TLS, without success.
    TlsAttempts = "tls-attempts", Blocks;
    /// The server counted TLS handshakes, which may be of ignored clients, AWS's own users or others.
    TlsHandshakesUnexplained = "tls-handshakes-unexplained", Blocks;
    /// Sessions that ended in the window were opened before it.
    OlderSessions = "older-sessions", Blocks;
    /// CloudWatch counts open sessions whose login no log shows.
    OlderSessionsOpen = "older-sessions-open", Blocks;
    /// The CloudWatch endpoint violated its API, so its metrics may hide TLS.
    MetricsUnreadable = "metrics-unreadable", Blocks;
    /// CloudWatch counts client sessions in hours whose logs show none.
    MetricContradictsLog = "metric-contradicts-log", Blocks;
    /// The logs show more open sessions than CloudWatch counts.
    LogExceedsMetric = "log-exceeds-metric", Blocks;
    /// The server certificate or its CA has expired, so "no TLS" proves nothing.
    CertificateExpired = "certificate-expired", Blocks;
    /// A server presented a certificate that had expired, so "no TLS" proves nothing.
    ExpiredCertificateServed = "expired-certificate-served", Blocks;
    /// Another member of the cluster is inconclusive.
    ClusterInconclusive = "cluster-inconclusive", Overrules;
    /// The evidence does not contain all members of the cluster.
    ClusterIncomplete = "cluster-incomplete", Overrules;
    /// No client connected, or fewer than the policy requires.
    NoClients = "no-clients", Blocks;

    /// Clients connected, none of them with TLS.
    OnlyPlaintext = "only-plaintext", NotObserved;

    /// No client connected to this member of the cluster, and the others show clients without TLS only.
    ClusterPlaintext = "cluster-plaintext", NotObserved;

    /// A person attests that no client uses TLS.
    AttestedNoTls = "attested-no-tls", Attests;
    /// A person attests that clients use TLS.
    AttestedTls = "attested-tls", Overrules;
    /// The evidence contradicts an attestation.
    AttestationContradicted = "attestation-contradicted", Overrules;
    /// An attestation has expired.
    AttestationExpired = "attestation-expired", Informs;
    /// An attestation has no effect: it is dated after the report, matches several instances, or evidence is unread.
    AttestationVoid = "attestation-void", Informs;
    /// The policy ignores some clients.
    ClientsIgnored = "clients-ignored", Informs;

    /// The verdict covers the last part of the window, because earlier hours have no logs.
    WindowShortened = "window-shortened", Informs;
    /// The status of the instance keeps AWS from renewing its certificate.
    InstanceUnavailable = "instance-unavailable", Informs;
    /// AWS should have renewed the certificate, or offered its rotation, and did not.
    RenewalOverdue = "renewal-overdue", Informs;
    /// Clients of SQL Server connect through Babelfish, whose log records do not show TLS.
    Babelfish = "babelfish", Informs;
    /// The cluster has custom endpoints.
    CustomEndpoints = "custom-endpoints", Informs;
    /// A new certificate is staged and becomes active at the next restart.
    RotationStaged = "rotation-staged", Informs;
    /// AWS has scheduled a rotation.
    RotationScheduled = "rotation-scheduled", Informs;
    /// The same CA signs the next certificate, and AWS does not offer it yet.
    RotationNotOffered = "rotation-not-offered", Informs;
    /// Clients may connect through RDS Proxy, which has its own certificate.
    BehindProxy = "behind-proxy", Informs;
    /// Its global cluster has other clusters, with certificates and clients of their own.
    GlobalCluster = "global-cluster", Informs;
    /// Some clients use TLS, and others do not.
    PlaintextToo = "plaintext-too", Informs;
    /// The last probe did not list all sessions.
    SampleIncomplete = "sample-incomplete", Informs;
    /// Connection IDs in a probe show that no session from before the logs was open.
    OlderSessionsEnded = "older-sessions-ended", Informs;
    /// Extended Events of SQL Server show logins with TLS, which say nothing about sessions.
    TlsLoginsRecorded = "tls-logins-recorded", Informs;
    /// No session that was open when the instance was probed used TLS.
    NoTlsSessionsOpen = "no-tls-sessions-open", Informs;
    /// A server presents the certificate that AWS lists.
    CertificateServed = "certificate-served", Informs;
    /// AWS lists a new certificate, but a server still presents an older one.
    StagedNotServed = "staged-not-served", Informs;
    /// The last probe was made while AWS listed another certificate.
    ProbeOutdated = "probe-outdated", Informs;
    /// A server presents another certificate than AWS lists.
    CertificateDiffers = "certificate-differs", Informs;
    /// The expiry date of the certificate or its CA is unknown.
    CertificateUnknown = "certificate-unknown", Informs;
}

impl ReasonCode {
    /// What to do next, in a sentence, about a reason that leaves the evidence inconclusive; none for the others.
    pub fn next_step(self) -> Option<&'static str> {
        Some(match self {
            Self::EvidenceDamaged => "See the errors. Restore the files, or collect again.",
            Self::EvidenceContradictory => "Collect into a new bundle.",
            Self::EvidenceUnverified => "Collect again, or accept it with `--accept-unverified`.",
            Self::EngineUnknown => "Check the clients by other means.",
            Self::RdsCustom => "Check and replace the certificate on the host.",
            Self::LimitlessDatabase => "Check its clients and its certificate by other means.",
            Self::VersionCannotTell | Self::LogCannotTell | Self::TransportUnknown | Self::MetricContradictsLog => {
                "Run the query in the reason, or ask the owners of the clients."
            }
            Self::LoggingOff => "Enable logging: `ssl-usage preflight` prints the commands.",
            Self::LoggingUnknown => {
                "Grant the permissions that the errors name, or restart the instance to apply the setting."
            }
            Self::EnforcementUnknown => "Grant the permissions that the errors name.",
            Self::NoLogs => "See the errors. Check that the instance keeps logs.",
            Self::CoverageShort => "Keep logs longer, collect on a schedule, or choose another window.",
            Self::InstanceYoung => "Run ssl-usage again later.",
            Self::LogsIncomplete => "See the errors, and run the command again.",
            Self::LogsNotRead => "Run the command again without `--quick`.",
            Self::RecordsUnparsed => "Download the log, and run `ssl-usage scan` on it.",
            Self::SessionsNotLogged => "Complete the list in `log_connections`.",
            Self::TlsAttempts => "Find these clients in the log.",
            Self::TlsHandshakesUnexplained => "List the sessions more often, to see which clients use TLS.",
            Self::OlderSessions => "Use more `--days`, collect every day, or ask the owners of the clients.",
            Self::OlderSessionsOpen => {
                "Restart the connection pools, or stop all clients until the metric is 0. A restart of the instance also settles it."
            }
            Self::MetricsUnreadable => "Check the endpoint and the proxy, and collect again.",
            Self::LogExceedsMetric => "Check that the logs belong to this instance alone.",
            Self::CertificateExpired => "Rotate now.",
            Self::ExpiredCertificateServed => "Restart the instance if AWS lists a newer certificate, else rotate now.",
            Self::ClusterInconclusive => "Resolve the cause on that member.",
            Self::ClusterIncomplete => "Include the other members in the run.",
            Self::NoClients => "Use a longer window.",
            Self::AttestedTls => "Update the trust stores, then rotate.",
            Self::AttestationContradicted => "Correct the attestation.",
            _ => return None,
        })
    }
}

/// A reason for a verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// Which reason.
    pub code: ReasonCode,
    /// The finding with its numbers, and the next step: at most two sentences, or a sentence and a query.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::{Effect, ReasonCode};

    /// The word for an effect in `README.md`.
    fn word(effect: Effect) -> &'static str {
        match effect {
            Effect::InUse => "in use",
            Effect::RulesOut => "rules out",
            Effect::Blocks => "blocks",
            Effect::NotObserved => "not observed",
            Effect::NoRotation => "no rotation",
            Effect::Attests => "attests",
            Effect::Overrules => "overrules",
            Effect::Voids => "voids",
            Effect::Informs => "informs",
        }
    }

    #[test]
    fn the_readme_lists_every_code_with_its_effect() {
        let (_, table) = include_str!("README.md").split_once("\n## Reason codes\n").expect("the table");
        let rows = table.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` | "));
        let rows: Vec<_> = rows.map(|(code, rest)| (code, rest.split(" | ").next().unwrap_or_default())).collect();
        let all: Vec<_> = ReasonCode::ALL.iter().map(|reason| (reason.code(), word(reason.effect()))).collect();
        assert_eq!(rows, all);
    }

    /// What the column "what to do" says, without the addresses of links.
    fn to_do(cell: &str) -> String {
        let mut parts = cell.trim_end_matches(" |").split(['[', ']']);
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |text, part| {
            text + if part.starts_with('(') { part.split_once(')').expect("an end").1 } else { part }
        })
    }

    #[test]
    fn the_next_step_of_what_is_inconclusive_is_that_of_the_readme() {
        let (_, table) = include_str!("README.md").split_once("\n## Reason codes\n").expect("the table");
        for reason in ReasonCode::ALL {
            let start = format!("| `{reason}` | ");
            let row = table.lines().find_map(|line| line.strip_prefix(&start)).expect("a row");
            let decides = matches!(reason.effect(), Effect::Blocks | Effect::Overrules | Effect::Voids);
            let expected = decides.then(|| to_do(row.split(" | ").nth(2).expect("a cell")));
            assert_eq!(reason.next_step().map(str::to_owned), expected, "{reason}");
        }
    }

    #[test]
    fn a_meaning_is_a_sentence() {
        for reason in ReasonCode::ALL {
            let meaning = reason.meaning();
            assert!(meaning.ends_with('.') && meaning.starts_with(|letter: char| letter.is_uppercase()), "{meaning}");
        }
    }

    #[test]
    fn codes_are_words_and_unique() {
        let mut codes: Vec<_> = ReasonCode::ALL.iter().map(|reason| reason.code()).collect();
        assert!(codes.iter().all(|code| code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')));
        codes.sort_unstable();
        let all = codes.len();
        codes.dedup();
        assert_eq!(codes.len(), all);
    }
}
