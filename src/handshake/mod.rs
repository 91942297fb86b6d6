//! Which certificates do the servers present? One TLS handshake for each endpoint and address, without a login.

mod failure;
mod present;
mod start_tls;
mod tds;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use ssl_usage_parsers::TlsStart;

pub use failure::ProbeFailure;
use present::Handshake;
pub(crate) use start_tls::start as begin_tls;
pub(crate) use tds::Wrapped;

use crate::error::{Error, ErrorKind, Result};
use crate::inventory::{CertificateFacts, Endpoint, ExpectedCertificate, InstanceProfile, ServedCertificate};
use crate::progress::Progress;
use crate::text::reason;

/// Handshakes at the same time.
const TOGETHER: usize = 64;
/// Longest wait for the addresses of a host.
const PATIENCE: Duration = Duration::from_secs(10);
/// Most addresses of a host that are asked.
const MOST_ADDRESSES: usize = 16;

/// What one address of an endpoint answered.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Probed {
    /// The endpoint.
    #[serde(flatten)]
    pub endpoint: Endpoint,
    /// The IP address; none if the host has none.
    pub address: Option<String>,
    /// When the handshake ended.
    pub at: Timestamp,
    /// The certificate that was presented, or why there is none.
    #[serde(flatten)]
    pub outcome: Outcome,
}

impl Probed {
    /// The certificate as the profile of an instance holds it, with what the API said of it then; none without one.
    pub fn served(&self, expected: ExpectedCertificate) -> Option<ServedCertificate> {
        let presented = self.outcome.presented()?.clone();
        Some(ServedCertificate {
            endpoint: self.endpoint.clone(),
            address: self.address.clone().unwrap_or_default(),
            at: self.at,
            tls_version: presented.tls_version,
            chain: presented.chain,
            matches_host: presented.matches_host,
            expected,
        })
    }
}

/// The certificate that a server presented, or why there is none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The certificate.
    Presented(Presented),
    /// Why there is none.
    Failure(ProbeFailure),
}

impl Outcome {
    /// What was presented, if anything was.
    pub fn presented(&self) -> Option<&Presented> {
        match self {
            Self::Presented(presented) => Some(presented),
            Self::Failure(_) => None,
        }
    }
}

/// What a server presented in a handshake.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Presented {
    /// `TLSv1.3`.
    pub tls_version: String,
    /// The certificates that the server sent, its own first; at least one.
    pub chain: Vec<CertificateFacts>,
    /// Whether the certificate is for the host name of the endpoint.
    pub matches_host: bool,
}

/// The endpoints of some instances, each once, and how TLS begins there.
pub fn endpoints<'p>(profiles: impl Iterator<Item = &'p InstanceProfile>) -> BTreeMap<Endpoint, TlsStart> {
    let all = profiles.filter_map(InstanceProfile::tls_endpoints);
    all.flat_map(|(start, endpoints)| endpoints.into_iter().map(move |endpoint| (endpoint, start))).collect()
}

/// Makes a handshake with every address of some endpoints. The result is sorted.
///
/// # Errors
///
/// When no handshake can be made at all.
pub async fn probe(endpoints: BTreeMap<Endpoint, TlsStart>, progress: &Arc<dyn Progress>) -> Result<Vec<Probed>> {
    let handshake =
        Handshake::new().map_err(|error| Error::new(ErrorKind::Io, "TLS", "could not be set up").because(error))?;
    progress.begin(endpoints.len());
    let each = endpoints.into_iter().map(|(endpoint, start)| {
        let handshake = &handshake;
        async move {
            let probed = at_all_addresses(handshake, &endpoint, start).await;
            progress.done(&endpoint.host);
            probed
        }
    });
    let mut all: Vec<Probed> = stream::iter(each).buffer_unordered(TOGETHER).flat_map(stream::iter).collect().await;
    all.sort_by(|one, other| (&one.endpoint, &one.address).cmp(&(&other.endpoint, &other.address)));
    Ok(all)
}

/// A handshake with each address of an endpoint, one after the other.
async fn at_all_addresses(handshake: &Handshake, endpoint: &Endpoint, start: TlsStart) -> Vec<Probed> {
    let probed = |address: Option<SocketAddr>, presented: Result<Presented, ProbeFailure>| Probed {
        endpoint: endpoint.clone(),
        address: address.map(|address| address.ip().to_string()),
        at: now(),
        outcome: presented.map_or_else(Outcome::Failure, Outcome::Presented),
    };
    let addresses = match addresses(endpoint).await {
        Ok(addresses) => addresses,
        Err(failure) => return vec![probed(None, Err(failure))],
    };
    let mut all = Vec::new();
    for address in addresses.into_iter().take(MOST_ADDRESSES) {
        all.push(probed(Some(address), handshake.with(&endpoint.host, address, start).await));
    }
    all
}

/// The time in whole seconds: fractions tell nothing.
fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_second(now.as_second()).unwrap_or(now)
}

async fn addresses(endpoint: &Endpoint) -> Result<BTreeSet<SocketAddr>, ProbeFailure> {
    let found = tokio::time::timeout(PATIENCE, tokio::net::lookup_host((endpoint.host.as_str(), endpoint.port))).await;
    let found: BTreeSet<_> = match found {
        Ok(Ok(found)) => found.collect(),
        Ok(Err(error)) => return Err(ProbeFailure::UnknownHost(reason(&error))),
        Err(_) => return Err(ProbeFailure::UnknownHost("the resolver did not answer in time".to_owned())),
    };
    if found.is_empty() { Err(ProbeFailure::UnknownHost("it has no address".to_owned())) } else { Ok(found) }
}
