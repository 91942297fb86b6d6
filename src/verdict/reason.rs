//! Why a verdict is what it is: a list of codes, each with what it may decide.

use serde::{Serialize, Serializer};

/// What a reason does to the answer "is TLS used?". The usage of an instance follows from its reasons alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// TLS is in use.
    InUse,
    /// TLS cannot be in use.
    RulesOut,
    /// Something could still hide: "no TLS" is not believed.
    Blocks,
    /// Clients were seen, and no TLS among them. Decides only where nothing else does.
    NotObserved,
    /// The certificate needs no rotation, whatever is in use.
    NoRotation,
    /// A person says that there is no TLS. Decides only where the evidence does not.
    Attests,
    /// Whatever speaks for "no TLS", a switch too, is not believed.
    Overrules,
    /// The evidence is not believed, whatever it says; the rotation is required.
    Voids,
    /// Good to know.
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

            /// The code, as reports print it.
            pub fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }

            /// What it may decide.
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
    /// The certificate is AWS Certificate Manager's, not the instance's.
    CertificateElsewhere = "certificate-elsewhere", NoRotation;
    /// Certificate and authority are good past the horizon, or the certificate is renewed without a restart.
    CertificateLasts = "certificate-lasts", NoRotation;

    /// Sessions of clients with TLS are in the log.
    TlsConnections = "tls-connections", InUse;
    /// Clients authenticated by IAM, which needs TLS.
    IamAuthentication = "iam-authentication", InUse;
    /// CloudWatch counted logins by IAM, which needs TLS.
    IamMetric = "iam-metric", InUse;
    /// RDS Proxy connects to the instance with TLS.
    ProxyTls = "proxy-tls", InUse;
    /// A client spoke TLS and did not accept the certificate: it verifies.
    ClientRejectedCertificate = "client-rejected-certificate", InUse;
    /// TLS is enforced, in effect, and clients connect.
    TlsEnforced = "tls-enforced", InUse;

    /// The switch is off and in effect, and clients with TLS are in the log after all.
    TlsDespiteSwitch = "tls-despite-switch", Informs;
    /// TLS is switched off, and the switch is in effect.
    TlsSwitchedOff = "tls-switched-off", RulesOut;

    /// Evidence is damaged or missing.
    EvidenceDamaged = "evidence-damaged", Voids;
    /// Evidence has no digest that shows that it is unchanged, and is not accepted so.
    EvidenceUnverified = "evidence-unverified", Voids;

    /// The engine is not known to this version of the tool.
    EngineUnknown = "engine-unknown", Blocks;
    /// The engine version does not mark TLS in its log.
    VersionCannotTell = "version-cannot-tell", Blocks;
    /// No log of the engine shows how sessions are carried.
    LogCannotTell = "log-cannot-tell", Blocks;
    /// Sessions are not logged.
    LoggingOff = "logging-off", Blocks;
    /// It is not known whether sessions are logged.
    LoggingUnknown = "logging-unknown", Blocks;
    /// It could not be asked whether TLS is enforced: clients without it may have been refused.
    EnforcementUnknown = "enforcement-unknown", Blocks;
    /// The logs could not be listed, or none was found.
    NoLogs = "no-logs", Blocks;
    /// The logs do not show enough of the window.
    CoverageShort = "coverage-short", Blocks;
    /// Log files of the window could not be read whole, however little of it they are.
    LogsIncomplete = "logs-incomplete", Blocks;
    /// Connection records could not be understood.
    RecordsUnparsed = "records-unparsed", Blocks;
    /// The log cannot tell how some sessions were carried.
    TransportUnknown = "transport-unknown", Blocks;
    /// Clients arrive, and their sessions are not logged.
    SessionsNotLogged = "sessions-not-logged", Blocks;
    /// TLS was tried, and no session came of it.
    TlsAttempts = "tls-attempts", Blocks;
    /// Clients left whose arrival nobody saw: their sessions are older than the window.
    OlderSessions = "older-sessions", Blocks;
    /// CloudWatch counts sessions that are open and of which no log shows the beginning.
    OlderSessionsOpen = "older-sessions-open", Blocks;
    /// CloudWatch shows clients, in hours whose logs show none.
    MetricContradictsLog = "metric-contradicts-log", Blocks;
    /// The logs show more sessions open than CloudWatch counts.
    LogExceedsMetric = "log-exceeds-metric", Blocks;
    /// No client connected, or fewer than the policy demands.
    NoClients = "no-clients", Blocks;

    /// Clients connect, and none of them with TLS.
    OnlyPlaintext = "only-plaintext", NotObserved;

    /// A person attests that no client uses TLS.
    AttestedNoTls = "attested-no-tls", Attests;
    /// A person attests that clients use TLS.
    AttestedTls = "attested-tls", Overrules;
    /// A person attests what the evidence contradicts.
    AttestationContradicted = "attestation-contradicted", Overrules;
    /// What a person attested holds no longer.
    AttestationExpired = "attestation-expired", Informs;
    /// What a person attests is dated after the report, or it is not clear of which instance, or evidence is unread.
    AttestationVoid = "attestation-void", Informs;
    /// Clients were seen that decide nothing by the policy.
    ClientsIgnored = "clients-ignored", Informs;

    /// The server certificate or its authority has ended.
    CertificateExpired = "certificate-expired", Informs;
    /// A new certificate is staged and becomes active at the next restart.
    RotationStaged = "rotation-staged", Informs;
    /// AWS has scheduled a rotation.
    RotationScheduled = "rotation-scheduled", Informs;
    /// The next certificate is of the same authority, and AWS does not offer it yet.
    RotationNotOffered = "rotation-not-offered", Informs;
    /// RDS proxies stand before the instance: their clients see the proxy's certificate.
    BehindProxy = "behind-proxy", Informs;
    /// Its global cluster has other clusters, with certificates and clients of their own.
    GlobalCluster = "global-cluster", Informs;
    /// Clients without TLS were seen beside those with it.
    PlaintextToo = "plaintext-too", Informs;
    /// The end of the certificate or its authority could not be asked.
    CertificateUnknown = "certificate-unknown", Informs;
}

/// A reason, and what it rests on in this context.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reason {
    /// Which.
    pub code: ReasonCode,
    /// The evidence, and what to do, in a sentence or two.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::ReasonCode;

    #[test]
    fn codes_are_words_and_each_its_own() {
        let mut codes: Vec<_> = ReasonCode::ALL.iter().map(|reason| reason.code()).collect();
        assert!(codes.iter().all(|code| code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')));
        codes.sort_unstable();
        let all = codes.len();
        codes.dedup();
        assert_eq!(codes.len(), all);
    }
}
