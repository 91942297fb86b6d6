//! Who is connected, and with what transport? One connection to each instance lists the sessions that are open.
//!
//! A list shows one moment. What it proves is in `usage`: never that there is no TLS, unless logs or the server's counter of
//! handshakes show the time around it.

mod data_api;
mod database;
mod failure;
mod gap;
mod login;
mod login_events;
mod mysql;
mod option_file;
mod pgpass;
mod postgres;
mod processes;
mod sample;
mod secret_file;
mod sqlserver;
mod tds;
mod trust;

use std::borrow::Cow;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{FutureExt, StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use ssl_usage_parsers::{Client, Engine, TlsStart};

use data_api::DataApi;
pub use database::APPLICATION;
use database::{Database, QueryError};
pub use failure::SampleFailure;
pub use gap::{SampleGap, grants};
pub use login::{Credentials, Login, LoginMethod};
pub use login_events::{LoginEvents, LoginGroup};
pub use sample::{
    HandshakeCount, InstanceSamples, Listed, OwnHandshake, OwnLogin, Sample, SampleOutcome, SampledSession,
    SessionTransport,
};
pub use trust::Trust;

use crate::aws::Aws;
use crate::handshake::ProbeFailure;
use crate::inventory::{Endpoint, EndpointKind, InstanceProfile};
use crate::progress::Progress;
use crate::text::reason;

/// Connections at the same time, each to another instance.
const TOGETHER: usize = 32;
/// Longest time for one instance: connection, login and queries.
const PATIENCE: Duration = Duration::from_secs(20);
/// Longest time for the end of a connection.
const GOODBYE: Duration = Duration::from_secs(2);
/// How far the clock of a server may be from that of this machine.
const CLOCKS_APART: SignedDuration = SignedDuration::from_mins(5);
/// Most sessions of a sample.
const MOST_SESSIONS: usize = 50_000;

/// An instance whose sessions can be listed.
#[derive(Clone, Debug)]
pub struct Target<'p> {
    /// The instance.
    pub profile: &'p InstanceProfile,
    engine: &'static Engine,
    start: TlsStart,
    endpoint: Endpoint,
}

impl<'p> Target<'p> {
    /// An instance at its own endpoint; none without one, and of an engine whose sessions this version cannot list.
    pub fn new(profile: &'p InstanceProfile) -> Option<Self> {
        let engine = profile.known_engine()?;
        let start = engine.tls_start.filter(|_| lists_sessions(engine))?;
        let endpoint = profile.endpoints.iter().find(|endpoint| endpoint.kind == EndpointKind::Instance)?.clone();
        Some(Self { profile, engine, start, endpoint })
    }
}

/// Whether sessions of an engine can be listed.
pub fn lists_sessions(engine: &Engine) -> bool {
    matches!(engine.tls_start, Some(TlsStart::Postgres | TlsStart::Mysql | TlsStart::Tds))
}

/// How a run logs in: the same for all instances.
pub struct Access {
    /// The user and the password.
    pub login: Login,
    /// The CAs that are trusted.
    pub trust: Trust,
    /// Accounts and regions for tokens and secrets.
    pub aws: Vec<Aws>,
    /// Whether files of Extended Events are read, too. The server parses their XML for it.
    pub extended_events: bool,
}

/// Lists the sessions of some instances, once. The result is in the order of the instances.
pub async fn sample(targets: &[Target<'_>], access: &Access, progress: &Arc<dyn Progress>) -> Vec<InstanceSamples> {
    progress.begin(targets.len());
    let each = targets.iter().map(|target| async move {
        let sampled = target.sample(access).await;
        progress.done(&target.profile.instance);
        sampled
    });
    stream::iter(each).buffered(TOGETHER).collect().await
}

/// What was read in one connection.
#[derive(Debug, Default)]
struct Reading {
    at: Timestamp,
    /// The address of the probe, as the server sees it.
    address: Option<String>,
    /// Its process ID or connection ID.
    own_id: Option<u64>,
    listed: Listed,
    sessions: Vec<SampledSession>,
}

impl Target<'_> {
    /// Whether the server can have files of Extended Events.
    pub fn has_extended_events(&self) -> bool {
        self.start == TlsStart::Tds
    }

    async fn sample(&self, access: &Access) -> InstanceSamples {
        let mut own = None;
        // A client library that panics on an answer ends neither the run nor the samples of others.
        let read = AssertUnwindSafe(self.read(access, &mut own)).catch_unwind();
        // The sessions are not lost because the events take longer.
        let of_events = if access.extended_events { database::STATEMENT_TIMEOUT } else { Duration::ZERO };
        let read = match tokio::time::timeout(PATIENCE + of_events, read).await {
            Ok(read) => {
                read.unwrap_or_else(|_| Err(SampleFailure::query_failed("the answer of the server is malformed")))
            }
            Err(_) => Err(SampleFailure::TimedOut),
        };
        let mut all = InstanceSamples::new(&self.profile.arn);
        let (at, outcome) = match read {
            Ok(mut reading) => {
                reading.judge();
                own = own.map(|own: OwnLogin| OwnLogin {
                    id: reading.own_id,
                    at: reading.at,
                    address: reading.address.clone(),
                    ..own
                });
                all.sessions = reading.sessions;
                (reading.at, SampleOutcome::Listed(reading.listed))
            }
            Err(failure) => (Timestamp::now(), SampleOutcome::Failure(failure)),
        };
        all.samples = vec![Sample { at, own, outcome }];
        all
    }

    /// Reads the sessions; `own` is the login, once the server has seen it.
    async fn read(&self, access: &Access, own: &mut Option<OwnLogin>) -> Result<Reading, SampleFailure> {
        let region = (Some(self.profile.account.as_str()), self.profile.region.as_str());
        let aws = access.aws.iter().find(|aws| (aws.account.as_deref(), aws.region.as_str()) == region);
        // The session is AWS's, and may be older than this probe: it is no login of the probe.
        let data_api = match access.login.method {
            LoginMethod::DataApi => Some(DataApi::of(self.profile)?),
            _ => None,
        };
        let credentials = access.login.credentials(self.profile, &self.endpoint, aws).await?;
        let user = credentials.user.clone();
        let mut login = |accepted| {
            *own = Some(OwnLogin { id: None, user: user.clone(), address: None, at: Timestamp::now(), accepted });
        };
        let mut database = if let Some(data_api) = &data_api {
            data_api.begin(self.start, &self.profile.instance, aws).await?
        } else {
            let addresses = addresses(&self.endpoint).await?;
            let at = (&self.endpoint, addresses.as_slice());
            let connected = Database::connect(self.start, at, &credentials, &access.trust).await;
            let database = connected.inspect_err(|failure| {
                if matches!(failure, SampleFailure::LoginRejected(_)) {
                    login(false);
                }
            })?;
            login(true);
            database
        };
        let of = (self.engine, user.as_str());
        let read = match self.start {
            TlsStart::Mysql => mysql::read(&mut database, of).await,
            TlsStart::Tds => sqlserver::read(&mut database, of).await,
            _ => postgres::read(&mut database, of, self.profile.has_babelfish()).await,
        };
        let read = match read {
            Ok(mut reading) if access.extended_events && self.has_extended_events() => {
                reading.listed.logins = Some(logins(&mut database).await);
                Ok(reading)
            }
            read => read,
        };
        // What was read is not lost because the server does not answer a goodbye.
        let _ = tokio::time::timeout(GOODBYE, database.close()).await;
        let read = read.map(|mut reading| {
            // It is not known how many handshakes AWS made for this sample.
            reading.listed.handshakes.take_if(|_| data_api.is_some());
            reading
        });
        read.map_err(|QueryError { code, message }| SampleFailure::query_failed(&format!("{message} {code}")))
    }
}

impl Reading {
    /// Counts the sessions, and says what is missing of them.
    fn judge(&mut self) {
        let gap = &mut self.listed.gap;
        if self.sessions.len() > MOST_SESSIONS {
            self.sessions.truncate(MOST_SESSIONS);
            *gap = Some(SampleGap::TooMany);
        }
        let clients = || self.sessions.iter().filter(|session| !session.system);
        if clients().any(|session| session.transport == SessionTransport::Unknown) {
            gap.get_or_insert(SampleGap::TransportUnknown);
        }
        if self.at.duration_until(Timestamp::now()).abs() > CLOCKS_APART {
            *gap = Some(SampleGap::ClocksDiffer);
            self.listed.lowest_id = None;
        }
        self.listed.open = clients().count() as u64;
    }
}

/// The logins in files of Extended Events. Whatever happens, the sessions are not lost.
async fn logins(database: &mut Database) -> LoginEvents {
    let read = AssertUnwindSafe(LoginEvents::read(database)).catch_unwind();
    match tokio::time::timeout(database::STATEMENT_TIMEOUT, read).await {
        Ok(Ok(logins)) => logins,
        Ok(Err(_)) => LoginEvents::missing("the answer of the server is malformed"),
        Err(_) => LoginEvents::missing("the server did not answer in time"),
    }
}

/// The addresses of an endpoint.
async fn addresses(endpoint: &Endpoint) -> Result<Vec<SocketAddr>, SampleFailure> {
    let found = tokio::net::lookup_host((endpoint.host.as_str(), endpoint.port)).await;
    Ok(found.map_err(|error| ProbeFailure::UnknownHost(reason(&error)))?.collect())
}

/// Sessions without the probe's own, and whether it is among them: the first one with its ID. Another one with it is no probe.
fn without_own(all: impl Iterator<Item = SampledSession>, own_id: Option<u64>) -> (bool, Vec<SampledSession>) {
    let mut is_there = false;
    let mut is_own = |session: &SampledSession| {
        let is_own = Some(session.id) == own_id && !is_there;
        is_there |= is_own;
        is_own
    };
    let others = all.filter(|session| !is_own(session)).collect();
    (is_there, others)
}

/// Whether a session is AWS's own.
fn is_system(engine: &Engine, user: &str, address: Option<&str>) -> bool {
    let text = |text| Cow::Borrowed(str::as_bytes(text));
    engine.is_system(&Client { user: Some(text(user)), address: address.map(text), ..Client::default() })
}

fn number<N: FromStr>(text: Option<&str>) -> Option<N> {
    text?.trim().parse().ok()
}

/// Seconds since 1970, with a fraction, to the millisecond.
fn instant(seconds: Option<&str>) -> Option<Timestamp> {
    let seconds: f64 = number(seconds).filter(|seconds: &f64| (0.0..253_339_228_800.0).contains(seconds))?;
    Timestamp::from_millisecond((seconds * 1000.0) as i64).ok()
}
