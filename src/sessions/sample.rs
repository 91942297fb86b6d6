//! What a probe saw of the sessions of an instance: which were open, and with what transport.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::failure::SampleFailure;
use super::gap::SampleGap;
use super::login_events::LoginEvents;

/// How far the start of a session and the time of its login may be apart, and two readings of one start of a server.
const SAME_LOGIN: SignedDuration = SignedDuration::from_secs(60);

/// The samples of one instance, and the sessions in them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceSamples {
    /// ARN of the instance.
    pub arn: String,
    /// The samples, the first one first.
    pub samples: Vec<Sample>,
    /// The sessions that were open, each once. The probe's own are not among them.
    pub sessions: Vec<SampledSession>,
    /// TLS handshakes that probes made without a sample.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub handshakes: Vec<OwnHandshake>,
}

/// A TLS handshake that a probe made, which the server's counter contains too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OwnHandshake {
    /// When it ended, by the clock of the probe.
    pub at: Timestamp,
    /// Whether this server certainly counted it. An endpoint of a cluster leads to any member.
    pub is_certain: bool,
}

/// One look at the sessions of an instance.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Sample {
    /// When the sessions were listed, by the clock of the server; without a list, by that of the probe.
    pub at: Timestamp,
    /// The probe's own login, which the logs and counters of the server contain too; none if it did not get that far.
    pub own: Option<OwnLogin>,
    /// The list, or why there is none.
    #[serde(flatten)]
    pub outcome: SampleOutcome,
}

/// The list of sessions, or why there is none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SampleOutcome {
    /// The list was read.
    Listed(Listed),
    /// Why there is none.
    Failure(SampleFailure),
}

/// The probe's own login, with TLS.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OwnLogin {
    /// Process ID or connection ID of the session; none if the login was rejected.
    pub id: Option<u64>,
    /// The database user.
    pub user: String,
    /// The address of the probe as the server sees it; none if the server did not say it.
    pub address: Option<String>,
    /// When it logged in.
    pub at: Timestamp,
    /// Whether the server accepted it.
    pub accepted: bool,
}

/// What else a sample says of the server.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Listed {
    /// Sessions of clients that were open.
    pub open: u64,
    /// When the server was started.
    pub started_at: Option<Timestamp>,
    /// Why sessions may be missing from the list, or their transport; none if it is complete.
    pub gap: Option<SampleGap>,
    /// The server's counter of TLS handshakes, right before the list was read; none if there is none.
    pub handshakes: Option<HandshakeCount>,
    /// The lowest connection ID of the clients and of the probe, of a MySQL or MariaDB server that does not list its sessions.
    /// None if the IDs may be incomplete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lowest_id: Option<u64>,
    /// Logins that SQL Server recorded; none if they were not asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logins: Option<LoginEvents>,
}

/// What a MySQL or MariaDB server says of its TLS handshakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct HandshakeCount {
    /// `Ssl_finished_accepts`: handshakes since the start of the server, or since TLS was reloaded.
    pub finished: u64,
    /// Statements so far of the kinds that may have reset it: `Com_flush` of MariaDB, `Com_alter_instance` of MySQL.
    pub may_have_reset: Option<u64>,
    /// Handshakes of the same run of the probe that it contains.
    pub own: u64,
    /// Handshakes of the same run that it may contain.
    pub maybe_own: u64,
}

/// The transport of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SessionTransport {
    /// TLS.
    Tls,
    /// No TLS, over a network.
    Plaintext,
    /// No TLS, over a socket or a loopback address.
    Local,
    /// Encrypted by GSSAPI, without a certificate.
    Gss,
    /// Not shown.
    Unknown,
}

impl SessionTransport {
    /// The name in evidence.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tls => "tls",
            Self::Plaintext => "plaintext",
            Self::Local => "local",
            Self::Gss => "gss",
            Self::Unknown => "unknown",
        }
    }
}

/// A session that was open in one or more samples.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SampledSession {
    /// The sample that saw it first.
    pub first_seen: Timestamp,
    /// The sample that saw it last.
    pub last_seen: Timestamp,
    /// Process ID, or connection ID.
    pub id: u64,
    /// When it was opened; none if the server does not say it.
    pub started_at: Option<Timestamp>,
    /// Its transport.
    pub transport: SessionTransport,
    /// TLS version.
    pub tls_version: Option<String>,
    /// Cipher.
    pub cipher: Option<String>,
    /// Database user.
    pub user: Option<String>,
    /// Database.
    pub database: Option<String>,
    /// Address, without the port.
    pub address: Option<String>,
    /// Application name.
    pub application: Option<String>,
    /// Whether it is AWS's own.
    pub system: bool,
}

impl Sample {
    /// What was listed; none without a list.
    pub fn listed(&self) -> Option<&Listed> {
        match &self.outcome {
            SampleOutcome::Listed(listed) => Some(listed),
            SampleOutcome::Failure(_) => None,
        }
    }

    /// Whether every session that was open is in its list, with its transport.
    pub fn is_complete(&self) -> bool {
        self.listed().is_some_and(|listed| listed.gap.is_none())
    }
}

impl SampledSession {
    /// What makes it the same session in two samples. Its application and its database may change.
    fn identity(&self) -> Identity {
        (self.id, self.started_at, self.user.clone(), self.address.clone(), self.transport)
    }
}

/// ID, start, user, address and transport.
type Identity = (u64, Option<Timestamp>, Option<String>, Option<String>, SessionTransport);

impl InstanceSamples {
    /// The samples of an instance, none yet.
    pub fn new(arn: &str) -> Self {
        Self { arn: arn.to_owned(), ..Self::default() }
    }

    /// Without the sessions of probes. A probe that was cut off may stay connected, and two may run at the same time.
    pub fn without_own(&self) -> Self {
        // IDs begin anew when the server is restarted.
        let start_at = |time: Timestamp| {
            let sample = self.samples.get(self.samples.partition_point(|sample| sample.at < time))?;
            sample.listed().filter(|_| sample.at == time)?.started_at
        };
        let mut own: BTreeMap<u64, Vec<(&OwnLogin, Timestamp)>> = BTreeMap::new();
        for sample in &self.samples {
            let login = sample.own.as_ref().and_then(|login| Some((login, login.id?)));
            if let Some(((login, id), start)) = login.zip(sample.listed().and_then(|listed| listed.started_at)) {
                own.entry(id).or_default().push((login, start));
            }
        }
        let is_own = |session: &SampledSession| {
            own.get(&session.id).into_iter().flatten().any(|(login, start)| {
                let is_same = |one: Timestamp, other: Timestamp| one.duration_until(other).abs() <= SAME_LOGIN;
                (Some(&login.user), &login.address) == (session.user.as_ref(), &session.address)
                    && login.at <= session.first_seen
                    && start_at(session.first_seen).is_some_and(|of_session| is_same(of_session, *start))
                    && session.started_at.is_none_or(|started| is_same(started, login.at))
            })
        };
        let sessions = self.sessions.iter().filter(|session| !is_own(session)).cloned().collect();
        Self { sessions, ..self.clone() }
    }

    /// Those since a time.
    pub fn since(&self, time: Timestamp) -> Self {
        Self {
            arn: self.arn.clone(),
            samples: self.samples.iter().filter(|sample| sample.at >= time).cloned().collect(),
            sessions: self.sessions.iter().filter(|session| session.first_seen >= time).cloned().collect(),
            handshakes: self.handshakes.iter().filter(|handshake| handshake.at >= time).copied().collect(),
        }
    }

    /// Adds other samples of the instance. Their order makes no difference, nor does a sample that is there already.
    pub fn absorb(&mut self, other: Self) {
        self.samples.extend(other.samples);
        self.samples.sort_unstable();
        self.samples.dedup();
        self.handshakes.extend(other.handshakes);
        self.handshakes.sort_unstable();
        self.handshakes.dedup();
        let mut known: BTreeMap<Identity, SampledSession> = BTreeMap::new();
        for session in std::mem::take(&mut self.sessions).into_iter().chain(other.sessions) {
            let identity = session.identity();
            match known.get_mut(&identity) {
                // What it was at first.
                Some(same) => {
                    let last_seen = same.last_seen.max(session.last_seen);
                    *same = SampledSession { last_seen, ..same.clone().min(session) };
                }
                None => drop(known.insert(identity, session)),
            }
        }
        self.sessions = known.into_values().collect();
        self.sessions.sort_unstable();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_795_392_000 + second).expect("in range")
    }

    prop_compose! {
        fn any_samples()(rows in prop::collection::vec((0i64..50, 0u64..5, 0i64..3, any::<bool>()), 0..20)) -> InstanceSamples {
            let mut all = InstanceSamples::new("arn");
            for (second, id, started, is_tls) in rows {
                let session = SampledSession {
                    first_seen: at(second),
                    last_seen: at(second),
                    id,
                    started_at: Some(at(started)),
                    transport: if is_tls { SessionTransport::Tls } else { SessionTransport::Plaintext },
                    tls_version: None,
                    cipher: None,
                    user: None,
                    database: None,
                    address: None,
                    application: Some(second.to_string()),
                    system: false,
                };
                let outcome = SampleOutcome::Listed(Listed { open: 1, ..Listed::default() });
                all.absorb(InstanceSamples {
                    samples: vec![Sample { at: at(second), own: None, outcome }],
                    sessions: vec![session],
                    ..InstanceSamples::new("arn")
                });
            }
            all
        }
    }

    #[test]
    fn a_session_with_the_number_of_a_probe_is_another_after_a_restart() {
        let sample = |second: i64, start: i64, id: u64| {
            let own =
                OwnLogin { id: Some(id), user: "monitor".to_owned(), address: None, at: at(second), accepted: true };
            let listed = Listed { started_at: Some(at(start)), ..Listed::default() };
            Sample { at: at(second), own: Some(own), outcome: SampleOutcome::Listed(listed) }
        };
        let left = |start: i64| {
            let session = SampledSession {
                first_seen: at(900),
                last_seen: at(900),
                id: 7,
                started_at: None,
                transport: SessionTransport::Tls,
                tls_version: None,
                cipher: None,
                user: Some("monitor".to_owned()),
                database: None,
                address: None,
                application: None,
                system: false,
            };
            let samples = vec![sample(0, -9000, 7), sample(900, start, 8)];
            InstanceSamples { samples, sessions: vec![session], ..InstanceSamples::new("arn") }
                .without_own()
                .sessions
                .len()
        };
        assert_eq!((left(-9000), left(600)), (0, 1));
    }

    proptest! {
        #[test]
        fn samples_are_the_same_in_any_order(one in any_samples(), two in any_samples(), three in any_samples()) {
            let merged = |parts: [&InstanceSamples; 3]| {
                let mut all = InstanceSamples::new("arn");
                parts.into_iter().for_each(|part| all.absorb(part.clone()));
                all
            };
            let all = merged([&one, &two, &three]);
            prop_assert_eq!(&merged([&three, &one, &two]), &all);
            let mut pair = merged([&two, &three, &three]);
            pair.absorb(one.clone());
            prop_assert_eq!(&pair, &all);
            let ids: std::collections::BTreeSet<_> = all.sessions.iter().map(|session| (session.id, session.started_at, session.transport)).collect();
            prop_assert_eq!(ids.len(), all.sessions.len(), "each session counts once");
        }
    }
}
