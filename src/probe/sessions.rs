//! The sessions that were open on an instance, in samples of one run.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use ssl_usage_parsers::TlsStart;

use crate::inventory::{InstanceProfile, Member};
use crate::sessions::{InstanceSamples, LoginEvents, SampleFailure, SampleGap, SampleOutcome, SessionTransport};

/// The sessions on an instance.
#[derive(Clone, Debug, Serialize)]
pub struct InstanceSessions {
    /// The instance, and its cluster.
    #[serde(flatten)]
    pub member: Member,
    /// Samples that list sessions.
    pub samples: u64,
    /// When the last of them was taken; none without one.
    pub last_at: Option<Timestamp>,
    /// Why the last sample lists no sessions; none if it does.
    pub failure: Option<SessionGap>,
    /// What the last list lacks; none if it is complete.
    pub gap: Option<SessionGap>,
    /// Sessions of clients that used TLS, each once.
    pub tls: u64,
    /// The same without TLS, over a network.
    pub plaintext: u64,
    /// The same over a socket or loopback.
    pub local: u64,
    /// The same encrypted by GSSAPI.
    pub gss: u64,
    /// Sessions of clients of which the server does not show it.
    pub unknown: u64,
    /// AWS's own sessions.
    pub system: u64,
    /// The clients, the ones with TLS first.
    pub clients: Vec<SessionClient>,
    /// Logins in Extended Events of SQL Server; none if they were not asked for. They say nothing about sessions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logins: Option<LoginEvents>,
}

/// A client, and its sessions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SessionClient {
    /// Whether it used TLS: `tls`, `plaintext`, `local`, `gss`, `unknown`.
    pub transport: SessionTransport,
    /// Database user.
    pub user: Option<String>,
    /// Database.
    pub database: Option<String>,
    /// Address, without the port.
    pub address: Option<String>,
    /// Application name.
    pub application: Option<String>,
    /// Its sessions.
    pub sessions: u64,
}

/// Why sessions, or their transport, are missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SessionGap {
    /// `no-privilege`, `login-rejected`, ...
    pub code: &'static str,
    /// A sentence.
    pub message: String,
    /// Statements for the database that remove the cause; empty if none do.
    pub fix: Vec<String>,
}

impl SessionGap {
    fn of_failure(failure: &SampleFailure) -> Self {
        Self { code: failure.code(), message: failure.to_string(), fix: Vec::new() }
    }

    /// What a list of sessions of an instance lacks.
    pub fn new(gap: &SampleGap, profile: &InstanceProfile) -> Self {
        Self { code: gap.code(), message: gap.to_string(), fix: gap.fix(protocol(profile)) }
    }
}

fn protocol(profile: &InstanceProfile) -> TlsStart {
    profile.known_engine().and_then(|engine| engine.tls_start).unwrap_or(TlsStart::Postgres)
}

impl InstanceSessions {
    /// Whether the last sample lists all sessions.
    pub fn is_whole(&self) -> bool {
        self.failure.is_none() && self.gap.is_none()
    }

    /// Of an instance; none if it was not asked.
    pub fn new(profile: &InstanceProfile, sampled: &InstanceSamples) -> Option<Self> {
        let last = sampled.samples.last()?;
        let listed = || sampled.samples.iter().filter(|sample| sample.listed().is_some());
        let failure = match &last.outcome {
            SampleOutcome::Failure(failure) => Some(SessionGap::of_failure(failure)),
            SampleOutcome::Listed(_) => None,
        };
        let of_clients = || sampled.sessions.iter().filter(|session| !session.system);
        let count = |transport| of_clients().filter(|session| session.transport == transport).count() as u64;
        let mut clients: BTreeMap<_, u64> = BTreeMap::new();
        for session in of_clients() {
            let client = (&session.user, &session.database, &session.address, &session.application);
            *clients.entry((session.transport, client)).or_default() += 1;
        }
        let clients = clients.into_iter().map(|((transport, (user, database, address, application)), sessions)| {
            let (user, database) = (user.clone(), database.clone());
            SessionClient {
                transport,
                user,
                database,
                address: address.clone(),
                application: application.clone(),
                sessions,
            }
        });
        Some(Self {
            member: profile.member(),
            samples: listed().count() as u64,
            last_at: listed().next_back().map(|last| last.at),
            failure,
            gap: listed()
                .next_back()
                .and_then(|last| last.listed()?.gap.as_ref())
                .map(|gap| SessionGap::new(gap, profile)),
            tls: count(SessionTransport::Tls),
            plaintext: count(SessionTransport::Plaintext),
            local: count(SessionTransport::Local),
            gss: count(SessionTransport::Gss),
            unknown: count(SessionTransport::Unknown),
            system: sampled.sessions.iter().filter(|session| session.system).count() as u64,
            clients: clients.collect(),
            logins: listed().filter_map(|sample| sample.listed()?.logins.clone()).next_back(),
        })
    }
}
