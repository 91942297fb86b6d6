//! Why an endpoint could not be reached. The HTTP client says little about it, least of all behind a proxy, so the connection
//! is made once more, step by step: name, address, proxy, TLS.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::Uri;
use http::header::HeaderValue;
use jiff::Timestamp;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, SignatureScheme};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;

use super::trust::Trust;
use super::{proxy, region};
use crate::text::reason;

/// Longest wait for one step.
const PATIENCE: Duration = Duration::from_secs(5);
/// Most bytes of a proxy's answer to `CONNECT`.
const ANSWER_MAX: u64 = 16 * 1024;

/// Why an endpoint, or the proxy before it, could not be reached. Displays as a clause of an error.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{peer} {cause}")]
pub(super) struct Unreachable {
    peer: Peer,
    cause: Cause,
}

/// The server that a step failed at.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Peer {
    /// Host and port.
    address: String,
    is_proxy: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Cause {
    /// With what the resolver says.
    UnknownHost(String),
    Refused,
    Silent,
    /// With what the system says.
    Failed(String),
    /// The proxy's status line, and the endpoint that it was to connect to.
    Status(u16, String, String),
    /// No answer of an HTTP proxy.
    NotHttp,
    /// The issuer of the last certificate that was sent, and the CAs that were asked.
    Untrusted {
        issuer: String,
        trusted: String,
    },
    /// The certificate is not valid at the time of this machine's clock.
    Outdated {
        from: String,
        to: String,
        clock: String,
    },
    /// The names in the certificate.
    WrongName(String),
    /// With what rustls says.
    Handshake(String),
}

impl fmt::Display for Peer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.is_proxy { "the proxy" } else { "the endpoint" };
        write!(out, "{kind} {}", self.address)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownHost(why) => write!(out, "is unknown: its name could not be resolved ({why})"),
            Self::Refused => out.write_str("refused the connection"),
            Self::Silent => write!(out, "did not answer within {} s", PATIENCE.as_secs()),
            Self::Failed(why) => write!(out, "could not be reached ({why})"),
            Self::Status(status, reason, endpoint) => {
                write!(out, "rejected the connection to {endpoint} with status {status} {reason}")
            }
            Self::NotHttp => out.write_str("did not answer like an HTTP proxy"),
            Self::Untrusted { issuer, trusted } => {
                write!(out, "has a certificate from an untrusted CA: {issuer} is not in {trusted}")
            }
            Self::Outdated { from, to, clock } => {
                write!(
                    out,
                    "has a certificate that is valid from {from} to {to}, but the clock of this machine shows {clock}"
                )
            }
            Self::WrongName(names) => write!(out, "has a certificate for other names ({names})"),
            Self::Handshake(why) => write!(out, "did not complete the TLS handshake ({why})"),
        }
    }
}

impl Unreachable {
    /// What to do about it, as an imperative.
    pub fn hint(&self) -> String {
        let is_proxy = self.peer.is_proxy;
        match &self.cause {
            Cause::UnknownHost(_) if is_proxy => "check HTTPS_PROXY".to_owned(),
            Cause::UnknownHost(_) => match region::in_host(&self.peer.address) {
                Some(name) if !region::is_known(name) => {
                    let near = region::nearest(name).map(|near| format!(", or use {near}")).unwrap_or_default();
                    format!("check whether {name} is an AWS region{near}")
                }
                _ => "check the DNS of this machine, or set HTTPS_PROXY if a proxy leads to AWS".to_owned(),
            },
            Cause::Refused | Cause::Silent | Cause::Failed(_) | Cause::NotHttp if is_proxy => {
                "check HTTPS_PROXY and the network".to_owned()
            }
            Cause::Refused | Cause::Silent | Cause::Failed(_) | Cause::NotHttp => {
                "check the network and AWS_ENDPOINT_URL, or set HTTPS_PROXY if a proxy leads to AWS".to_owned()
            }
            // tinyproxy answers 401 to a wrong password.
            Cause::Status(401 | 407, ..) => {
                "set HTTPS_PROXY with the right user and password: http://USER:PASSWORD@HOST:PORT".to_owned()
            }
            Cause::Status(500.., ..) => "check the name of the region, and whether the proxy reaches AWS".to_owned(),
            Cause::Status(.., endpoint) => format!("ask the owner of the proxy to allow {endpoint}"),
            Cause::Untrusted { .. } => {
                "if this issuer belongs to your company, add its CA certificate to the file of AWS_CA_BUNDLE".to_owned()
            }
            Cause::Outdated { .. } => "check the clock of this machine (NTP), and then the certificate".to_owned(),
            Cause::WrongName(_) => "check AWS_ENDPOINT_URL and the proxy".to_owned(),
            Cause::Handshake(_) => "check whether the endpoint or the proxy expects TLS at this port".to_owned(),
        }
    }

    /// Whether another attempt would fail in the same way.
    pub fn is_permanent(&self) -> bool {
        match self.cause {
            Cause::Status(status, ..) => status < 500,
            Cause::Untrusted { .. } | Cause::Outdated { .. } | Cause::WrongName(_) => true,
            _ => false,
        }
    }
}

/// Finds out why an address cannot be reached; none where it can be now.
pub(super) async fn diagnose(address: &Uri, trust: &Trust) -> Option<Unreachable> {
    let host = address.host()?;
    let is_https = address.scheme_str() != Some("http");
    let port = address.port_u16().unwrap_or(if is_https { 443 } else { 80 });
    let endpoint = Peer { address: format!("{host}:{port}"), is_proxy: false };
    let Some(intercept) = proxy::of(address) else {
        return endpoint.reach(host, is_https.then_some(trust)).await.err();
    };
    let of_proxy = intercept.uri();
    let is_secure = of_proxy.scheme_str() == Some("https");
    let port = of_proxy.port_u16().unwrap_or(if is_secure { 443 } else { 80 });
    let host_of_proxy = of_proxy.host()?;
    let proxy = Peer { address: format!("{host_of_proxy}:{port}"), is_proxy: true };
    let stream = match proxy.reach(host_of_proxy, is_secure.then_some(trust)).await {
        Ok(stream) => stream,
        Err(unreachable) => return Some(unreachable),
    };
    if !is_https {
        return None;
    }
    let tunnelled = match proxy.tunnel(stream, &endpoint.address, intercept.basic_auth()).await {
        Ok(stream) => stream,
        Err(unreachable) => return Some(unreachable),
    };
    endpoint.handshake(tunnelled, host, trust).await.err()
}

/// A connection, whatever it runs over.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl Peer {
    fn failed(&self, cause: Cause) -> Unreachable {
        Unreachable { peer: self.clone(), cause }
    }

    async fn within<T>(&self, step: impl Future<Output = T>) -> Result<T, Unreachable> {
        tokio::time::timeout(PATIENCE, step).await.map_err(|_| self.failed(Cause::Silent))
    }

    /// Connects, with TLS if there are CAs to check it against.
    async fn reach(&self, host: &str, trust: Option<&Trust>) -> Result<Box<dyn Stream>, Unreachable> {
        let found = self.within(tokio::net::lookup_host(&self.address)).await?;
        let found: Vec<_> =
            found.map_err(|error| self.failed(Cause::UnknownHost(reason(&error)))).map(Iterator::collect)?;
        let connected = self.within(TcpStream::connect(found.as_slice())).await?;
        let stream = connected.map_err(|error| match error.kind() {
            std::io::ErrorKind::ConnectionRefused => self.failed(Cause::Refused),
            _ => self.failed(Cause::Failed(reason(&error))),
        })?;
        match trust {
            Some(trust) => Ok(Box::new(self.handshake(stream, host, trust).await?)),
            None => Ok(Box::new(stream)),
        }
    }

    /// Has a proxy connect to an endpoint.
    async fn tunnel(
        &self,
        mut stream: Box<dyn Stream>,
        endpoint: &str,
        authorization: Option<&HeaderValue>,
    ) -> Result<Box<dyn Stream>, Unreachable> {
        let mut request = format!("CONNECT {endpoint} HTTP/1.1\r\nHost: {endpoint}\r\n").into_bytes();
        if let Some(value) = authorization {
            request.extend([b"Proxy-Authorization: ", value.as_bytes(), b"\r\n"].concat());
        }
        request.extend(b"\r\n");
        let answered = self.within(async {
            stream.write_all(&request).await?;
            let mut answer = Vec::new();
            while !answer.ends_with(b"\r\n\r\n") && (answer.len() as u64) < ANSWER_MAX {
                // What follows the head belongs to the endpoint.
                answer.push(stream.read_u8().await?);
            }
            Ok::<_, std::io::Error>(answer)
        });
        let answer = answered.await?.map_err(|error| self.failed(Cause::Failed(reason(&error))))?;
        match status(&answer) {
            Some((200, _)) => Ok(stream),
            Some((status, reason)) => Err(self.failed(Cause::Status(status, reason, endpoint.to_owned()))),
            None => Err(self.failed(Cause::NotHttp)),
        }
    }

    /// Makes a TLS handshake, and checks the certificate as calls do.
    async fn handshake<S: Stream>(&self, stream: S, host: &str, trust: &Trust) -> Result<TlsStream<S>, Unreachable> {
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let name = ServerName::try_from(host).map_err(|error| self.failed(Cause::Handshake(error.to_string())))?;
        let failed = |what: &dyn fmt::Display| self.failed(Cause::Handshake(what.to_string()));
        let provider = Arc::new(ring::default_provider());
        let seen = Arc::new(Observer::new(trust, &provider));
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.map_err(|error| failed(&error))?.dangerous();
        let config = config.with_custom_certificate_verifier(Arc::<Observer>::clone(&seen)).with_no_client_auth();
        let connected = self.within(TlsConnector::from(Arc::new(config)).connect(name, stream)).await?;
        // What is wrong with the certificate says more than the alert that ends the handshake.
        match (seen.cause(trust), connected) {
            (Some(cause), _) => Err(self.failed(cause)),
            (None, connected) => connected.map_err(|error| failed(&reason(&error))),
        }
    }
}

/// The status and the reason in the first line of an answer: `HTTP/1.1 407 Proxy Authentication Required`.
fn status(answer: &[u8]) -> Option<(u16, String)> {
    let line = answer.split(|byte| *byte == b'\r').next()?;
    let line = String::from_utf8_lossy(line.get(..line.len().min(200))?).into_owned();
    let (version, rest) = line.split_once(' ')?;
    let (status, reason) = rest.split_once(' ').unwrap_or((rest, ""));
    version.starts_with("HTTP/").then(|| Some((status.parse().ok()?, reason.to_owned())))?
}

/// Checks a certificate, and remembers what is wrong with it.
#[derive(Debug)]
struct Observer {
    /// None without any CA.
    inner: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
    seen: Mutex<Option<(rustls::Error, Vec<CertificateDer<'static>>)>>,
}

impl Observer {
    fn new(trust: &Trust, provider: &Arc<CryptoProvider>) -> Self {
        let builder = WebPkiServerVerifier::builder_with_provider(Arc::clone(&trust.roots), Arc::clone(provider));
        Self { inner: builder.build().ok(), provider: Arc::clone(provider), seen: Mutex::default() }
    }

    fn cause(&self, trust: &Trust) -> Option<Cause> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let (error, chain) = seen.as_ref()?;
        let first =
            chain.first().and_then(|der| X509Certificate::from_der(der).ok()).map(|(_, certificate)| certificate);
        let last = chain.last().and_then(|der| X509Certificate::from_der(der).ok()).map(|(_, certificate)| certificate);
        let time = |seconds| Timestamp::from_second(seconds).map_or_else(|_| "an unknown time".to_owned(), minute);
        Some(match error {
            rustls::Error::InvalidCertificate(
                CertificateError::Expired
                | CertificateError::ExpiredContext { .. }
                | CertificateError::NotValidYet
                | CertificateError::NotValidYetContext { .. },
            ) => {
                let validity = first.map(|certificate| certificate.validity().clone());
                let (from, to) = validity.map_or((0, 0), |of| (of.not_before.timestamp(), of.not_after.timestamp()));
                Cause::Outdated { from: time(from), to: time(to), clock: minute(Timestamp::now()) }
            }
            rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            ) => Cause::WrongName(first.map(|certificate| names(&certificate)).unwrap_or_default()),
            rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
                let issuer = last.map_or_else(|| "unknown".to_owned(), |certificate| certificate.issuer().to_string());
                Cause::Untrusted { issuer, trusted: trust.source.clone() }
            }
            other => Cause::Handshake(other.to_string()),
        })
    }
}

fn minute(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// The host names that a certificate is for, the first few.
fn names(certificate: &X509Certificate<'_>) -> String {
    let extension = certificate.subject_alternative_name().ok().flatten();
    let names = extension.iter().flat_map(|names| &names.value.general_names);
    let name = |name: &GeneralName| match name {
        GeneralName::DNSName(name) => (*name).to_owned(),
        other => other.to_string(),
    };
    let names: Vec<_> = names.take(4).map(name).collect();
    if names.is_empty() { certificate.subject().to_string() } else { names.join(", ") }
}

impl ServerCertVerifier for Observer {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verified = match &self.inner {
            Some(inner) => inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now),
            None => Err(CertificateError::UnknownIssuer.into()),
        };
        verified.inspect_err(|error| {
            let chain = std::iter::once(end_entity).chain(intermediates).map(|der| der.clone().into_owned()).collect();
            *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some((error.clone(), chain));
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
