//! The CAs that a session probe trusts: those of RDS, or of a file that the user names.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::version::TLS12;
use rustls::{ALL_VERSIONS, ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

use crate::error::{Error, ErrorKind, Result};
use crate::text::reason;

/// The root CAs of RDS in 27 regions. Others are in AWS's `global-bundle.pem`, and in those of its other partitions.
///
/// Source: "Using SSL/TLS to encrypt a connection to a DB instance or cluster" in the RDS user guide.
const RDS_CAS: &str = include_str!("rds-root-cas.pem");

/// Most bytes of a file with CAs.
const MOST_BYTES: u64 = 16 << 20;

/// The CAs that are trusted.
#[derive(Clone)]
pub struct Trust {
    pem: Vec<u8>,
    connector: TlsConnector,
    tls12_connector: TlsConnector,
}

impl Trust {
    /// The CAs of RDS.
    ///
    /// # Errors
    ///
    /// When the cryptography does not offer what it is asked for.
    pub fn rds() -> Result<Self> {
        Self::of(RDS_CAS.as_bytes().to_vec(), "the CAs of RDS")
    }

    /// The CAs of a file in PEM format, instead of those of RDS.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or holds no certificate of a CA.
    pub fn of_file(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        let unreadable = |error: std::io::Error| {
            let happened = format!("could not read the CA bundle: {}", reason(&error));
            Error::new(ErrorKind::Io, &name, happened).because(error)
        };
        let length = path.metadata().map_err(unreadable)?.len();
        if length > MOST_BYTES {
            return Err(Error::new(ErrorKind::Format, name, "the CA bundle is larger than 16 MiB"));
        }
        Self::of(std::fs::read(path).map_err(unreadable)?, &name)
    }

    fn of(pem: Vec<u8>, name: &str) -> Result<Self> {
        let invalid = |what: String| {
            Error::new(ErrorKind::Format, name, what)
                .hint("use a file in PEM format, for example global-bundle.pem from truststore.pki.rds.amazonaws.com")
        };
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            let certificate = certificate.map_err(|error| invalid(format!("invalid CA bundle: {error}")))?;
            roots
                .add(certificate)
                .map_err(|error| invalid(format!("invalid certificate in the CA bundle: {error}")))?;
        }
        if roots.is_empty() {
            return Err(invalid("the CA bundle contains no certificate".to_owned()));
        }
        let connector = |versions| {
            let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
                .with_protocol_versions(versions)
                .map_err(|error| invalid(format!("TLS could not be set up: {error}")))?
                .with_root_certificates(roots.clone())
                .with_no_client_auth();
            Ok(TlsConnector::from(Arc::new(config)))
        };
        let (connector, tls12_connector) = (connector(ALL_VERSIONS)?, connector(&[&TLS12])?);
        Ok(Self { pem, connector, tls12_connector })
    }

    /// Makes TLS connections that end unless the server proves who it is.
    pub(super) fn connector(&self) -> &TlsConnector {
        &self.connector
    }

    /// The same, with TLS 1.2 only: SQL Server has TLS 1.3 only outside of its protocol, not within.
    pub(super) fn tls12_connector(&self) -> &TlsConnector {
        &self.tls12_connector
    }

    /// The CAs in PEM format.
    pub(super) fn pem(&self) -> &[u8] {
        &self.pem
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use x509_parser::certificate::X509Certificate;
    use x509_parser::prelude::FromDer;

    use super::*;

    #[test]
    fn the_cas_of_rds_are_three_roots_of_each_region() {
        let all: Vec<_> =
            CertificateDer::pem_slice_iter(RDS_CAS.as_bytes()).map(|of| of.expect("a certificate")).collect();
        let names: BTreeSet<String> = all
            .iter()
            .map(|of| {
                let (_, certificate) = X509Certificate::from_der(of).expect("a certificate");
                assert_eq!(certificate.subject(), certificate.issuer());
                assert!(certificate.is_ca());
                certificate.subject().to_string()
            })
            .collect();
        assert!(names.iter().all(|name| name.contains("CN=Amazon RDS ") && name.contains(" Root CA ")), "{names:#?}");
        assert_eq!((all.len(), names.len()), (3 * 27, 3 * 27));
        assert!(Trust::rds().is_ok());
    }
}
