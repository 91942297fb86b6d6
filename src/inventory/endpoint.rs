//! Endpoints of instances and clusters, and the certificates that they presented to `ssl-usage probe`.

use aws_sdk_rds::types::{DbCluster, DbInstance};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use ssl_usage_parsers::TlsStart;

use super::profile::{Certificate, InstanceProfile};

/// An address at which clients connect.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Endpoint {
    /// What it leads to.
    pub kind: EndpointKind,
    /// Host name.
    pub host: String,
    /// TCP port.
    pub port: u16,
}

/// What an endpoint leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndpointKind {
    /// One instance.
    Instance,
    /// The writer of a cluster.
    Writer,
    /// Any reader of a cluster.
    Reader,
    /// Any member of a cluster that the user chose.
    Custom,
}

impl EndpointKind {
    /// The name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Instance => "instance",
            Self::Writer => "writer",
            Self::Reader => "reader",
            Self::Custom => "custom",
        }
    }
}

/// The certificate that an endpoint presented in a TLS handshake.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ServedCertificate {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// The IP address of the server.
    pub address: String,
    /// When the handshake was made.
    pub at: Timestamp,
    /// `TLSv1.3`.
    pub tls_version: String,
    /// The server certificate and those that the server sent with it, the server's first.
    pub chain: Vec<CertificateFacts>,
    /// Whether the certificate is for the host name of the endpoint.
    pub matches_host: bool,
    /// What the RDS API said of the instance's certificate then.
    pub expected: ExpectedCertificate,
}

/// What a certificate says of itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CertificateFacts {
    /// The serial number, in hexadecimal.
    pub serial: String,
    /// Whom it is for.
    pub subject: String,
    /// The CA that signed it.
    pub issuer: String,
    /// Host names and addresses that it is for, the first ones.
    pub names: Vec<String>,
    /// Begin of its validity.
    pub valid_from: Timestamp,
    /// End of its validity.
    pub valid_till: Timestamp,
    /// SHA-256 of its DER form, in hexadecimal.
    pub sha256: String,
}

/// What the RDS API says of an instance's certificate. If it says something else later, an earlier handshake shows nothing of
/// the certificate that it says it of.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ExpectedCertificate {
    /// `CACertificateIdentifier`.
    pub ca: Option<String>,
    /// `CertificateDetails.ValidTill`.
    pub valid_till: Option<Timestamp>,
}

impl From<&Certificate> for ExpectedCertificate {
    fn from(certificate: &Certificate) -> Self {
        Self { ca: certificate.ca.clone(), valid_till: certificate.valid_till }
    }
}

/// The endpoints of an instance: its own, and those of its cluster.
pub(super) fn endpoints(instance: &DbInstance, cluster: Option<&DbCluster>) -> Vec<Endpoint> {
    let endpoint = |kind, host: Option<&str>, port: Option<i32>| {
        let host = host.filter(|host| !host.is_empty())?.to_owned();
        Some(Endpoint { kind, host, port: port.and_then(|port| u16::try_from(port).ok())? })
    };
    let own = instance.endpoint().and_then(|of| endpoint(EndpointKind::Instance, of.address(), of.port()));
    let shared = cluster.into_iter().flat_map(|cluster| {
        let custom = cluster.custom_endpoints().iter().map(|host| (EndpointKind::Custom, Some(host.as_str())));
        let named = [(EndpointKind::Writer, cluster.endpoint()), (EndpointKind::Reader, cluster.reader_endpoint())];
        named.into_iter().chain(custom).filter_map(|(kind, host)| endpoint(kind, host, cluster.port()))
    });
    own.into_iter().chain(shared).collect()
}

impl InstanceProfile {
    /// How TLS begins at its endpoints, and the endpoints with the port of TLS; none if the engine's way is not known, or if
    /// TLS has a port of its own that is not open.
    pub fn tls_endpoints(&self) -> Option<(TlsStart, Vec<Endpoint>)> {
        let start = self.known_engine()?.tls_start?;
        let TlsStart::Direct { port: Some(setting) } = start else { return Some((start, self.endpoints.clone())) };
        let port = self.in_effect(setting)?.parse().ok()?;
        Some((start, self.endpoints.iter().cloned().map(|endpoint| Endpoint { port, ..endpoint }).collect()))
    }

    /// What was presented at its endpoints while the API said of the certificate what it says now.
    pub fn served(&self) -> impl Iterator<Item = &ServedCertificate> {
        let now = ExpectedCertificate::from(&self.certificate);
        let endpoints = self.tls_endpoints().map(|(_, endpoints)| endpoints).filter(|endpoints| !endpoints.is_empty());
        // Of an endpoint that is gone, nothing is due. Without an inventory of endpoints, all count.
        let is_there = move |endpoint| endpoints.as_ref().is_none_or(|endpoints| endpoints.contains(endpoint));
        self.certificate.served.iter().filter(move |served| served.expected == now && is_there(&served.endpoint))
    }
}
