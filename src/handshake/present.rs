//! One TLS handshake: which certificate does a server present? The chain is not verified, because that is what is asked.
//! The server proves that it has the key of its certificate.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::{WebPkiSupportedAlgorithms, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    AlertDescription, ClientConfig, DigitallySignedStruct, PeerIncompatible, ProtocolVersion, SignatureScheme,
};
use sha2::{Digest, Sha256};
use ssl_usage_parsers::TlsStart;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

use super::Presented;
use super::failure::ProbeFailure;
use super::start_tls::start;
use super::tds::Wrapped;
use crate::inventory::CertificateFacts;
use crate::text::{hex, one_line};

/// Longest time for the connection and the handshake with one server.
const PATIENCE: Duration = Duration::from_secs(10);
/// Most certificates of a chain that are kept.
const MOST_CERTIFICATES: usize = 5;
/// Most host names of a certificate that are kept.
const MOST_NAMES: usize = 10;
/// Longest name in a certificate that is kept.
const MOST_NAME: usize = 250;
/// Longest serial number that is kept, in bytes. Longer ones break the rules of X.509 (RFC 5280, section 4.1.2.2).
const MOST_SERIAL: usize = 32;
/// First and last second that a bundle can hold, far from what calendars end with.
const TIMES: (i64, i64) = (0, 253_339_228_800);

/// Makes handshakes. Nothing of one is known to another: a resumed session would show no certificate.
#[derive(Clone)]
pub(super) struct Handshake {
    connector: TlsConnector,
}

impl Handshake {
    /// # Errors
    ///
    /// When the cryptography does not offer what it is asked for.
    pub fn new() -> Result<Self, rustls::Error> {
        let provider = ring::default_provider();
        let verifier = Arc::new(AnyChain(provider.signature_verification_algorithms));
        let config = ClientConfig::builder_with_provider(Arc::new(provider)).with_safe_default_protocol_versions()?;
        let config = config.dangerous().with_custom_certificate_verifier(verifier);
        let mut config = config.with_no_client_auth();
        config.resumption = rustls::client::Resumption::disabled();
        Ok(Self { connector: TlsConnector::from(Arc::new(config)) })
    }

    /// The certificate that a server presents to a client that asks for `host`.
    pub async fn with(&self, host: &str, address: SocketAddr, how: TlsStart) -> Result<Presented, ProbeFailure> {
        let made = async {
            let mut stream = TcpStream::connect(address).await?;
            start(how, &mut stream).await?;
            match how {
                TlsStart::Tds => self.tls(host, Wrapped::new(stream)).await,
                _ => self.tls(host, stream).await,
            }
        };
        tokio::time::timeout(PATIENCE, made).await.unwrap_or(Err(ProbeFailure::TimedOut))
    }

    async fn tls<S: AsyncRead + AsyncWrite + Unpin>(&self, host: &str, stream: S) -> Result<Presented, ProbeFailure> {
        let name =
            ServerName::try_from(host.to_owned()).map_err(|error| ProbeFailure::HandshakeFailed(error.to_string()))?;
        let mut stream = self.connector.connect(name.clone(), stream).await.map_err(failure)?;
        let (_, session) = stream.get_ref();
        let chain = session.peer_certificates().unwrap_or_default();
        let own = chain
            .first()
            .and_then(facts)
            .ok_or_else(|| ProbeFailure::HandshakeFailed("the server certificate could not be read".to_owned()));
        let parsed = chain.first().and_then(|first| ParsedCertificate::try_from(first).ok());
        let others = chain.iter().take(MOST_CERTIFICATES).skip(1).filter_map(facts);
        let presented = own.map(|own| Presented {
            tls_version: session.protocol_version().map_or("unknown", version).to_owned(),
            chain: std::iter::once(own).chain(others).collect(),
            matches_host: parsed.is_some_and(|parsed| verify_server_name(&parsed, &name).is_ok()),
        });
        // The server logs less of a client that says goodbye.
        let _ = stream.shutdown().await;
        presented
    }
}

fn version(version: ProtocolVersion) -> &'static str {
    match version {
        ProtocolVersion::TLSv1_2 => "TLSv1.2",
        ProtocolVersion::TLSv1_3 => "TLSv1.3",
        _ => "unknown",
    }
}

/// What a certificate says; none if it cannot be read.
fn facts(der: &CertificateDer<'_>) -> Option<CertificateFacts> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let time =
        |time: &x509_parser::time::ASN1Time| Timestamp::from_second(time.timestamp().clamp(TIMES.0, TIMES.1)).ok();
    Some(CertificateFacts {
        serial: hex(certificate.raw_serial().get(..MOST_SERIAL).unwrap_or(certificate.raw_serial())),
        subject: one_line(&certificate.subject().to_string(), MOST_NAME),
        issuer: one_line(&certificate.issuer().to_string(), MOST_NAME),
        names: names(&certificate),
        valid_from: time(&certificate.validity().not_before)?,
        valid_till: time(&certificate.validity().not_after)?,
        sha256: hex(&Sha256::digest(der)),
    })
}

/// The host names and addresses that a certificate is for, the first ones.
fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let extension = certificate.subject_alternative_name().ok().flatten();
    let name = |name: &GeneralName<'_>| match name {
        GeneralName::DNSName(name) => one_line(name, MOST_NAME),
        GeneralName::IPAddress(bytes) => match (<[u8; 4]>::try_from(*bytes), <[u8; 16]>::try_from(*bytes)) {
            (Ok(four), _) => IpAddr::from(four).to_string(),
            (_, Ok(sixteen)) => IpAddr::from(sixteen).to_string(),
            _ => "an invalid address".to_owned(),
        },
        other => one_line(&other.to_string(), MOST_NAME),
    };
    extension.iter().flat_map(|names| &names.value.general_names).take(MOST_NAMES).map(name).collect()
}

/// Why a handshake failed.
fn failure(error: io::Error) -> ProbeFailure {
    let Some(error) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) else {
        return ProbeFailure::from(error);
    };
    match error {
        rustls::Error::AlertReceived(AlertDescription::ProtocolVersion)
        | rustls::Error::PeerIncompatible(PeerIncompatible::ServerDoesNotSupportTls12Or13) => ProbeFailure::OldTlsOnly,
        other => ProbeFailure::HandshakeFailed(one_line(&other.to_string(), MOST_NAME)),
    }
}

/// Accepts any chain.
#[derive(Debug)]
struct AnyChain(WebPkiSupportedAlgorithms);

impl ServerCertVerifier for AnyChain {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}
