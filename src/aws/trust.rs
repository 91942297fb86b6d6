//! The certificate authorities that endpoints of AWS are checked against: those of this machine, or a bundle of the user.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_smithy_http_client::tls::TrustStore;
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::error::{Error, ErrorKind, Result};

/// The variable that names a bundle.
///
/// Source: "Configuring environment variables for the AWS CLI" in the AWS CLI user guide.
const VARIABLE: &str = "AWS_CA_BUNDLE";
/// The setting of a profile that names one. The variable goes before it.
///
/// Source: "Configuration and credential file settings" in the AWS CLI user guide.
const SETTING: &str = "ca_bundle";

/// Most bytes of a bundle that are read. That of Mozilla has 0.2 MB.
const LONGEST: u64 = 16 * 1024 * 1024;

/// Trusted CAs.
#[derive(Clone, Debug)]
pub(super) struct Trust {
    /// The CAs as rustls has them.
    pub roots: Arc<RootCertStore>,
    /// Where they are from, for errors: `AWS_CA_BUNDLE (/etc/corp.pem)`.
    pub source: String,
    /// The text of the bundle; none for the CAs of this machine.
    pem: Option<Vec<u8>>,
}

impl Trust {
    /// The CAs for calls with a profile, or with what the environment names. A bundle replaces the CAs of this machine, as in
    /// the AWS CLI.
    ///
    /// # Errors
    ///
    /// When the bundle cannot be read, or is none.
    pub async fn of_profile(profile: Option<&str>) -> Result<Self> {
        match bundle(profile).await {
            Some((source, path)) => Self::of_bundle(&source, &path),
            None => Ok(Self::of_machine()),
        }
    }

    fn of_machine() -> Self {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        Self { roots: Arc::new(roots), source: "the trust store of this machine".to_owned(), pem: None }
    }

    fn of_bundle(source: &str, path: &Path) -> Result<Self> {
        let fail = |what: String| {
            let hint = format!("name a file with CA certificates in PEM format, or unset {source}");
            Error::new(ErrorKind::Usage, format!("{source} ({})", path.display()), what).hint(hint)
        };
        let mut pem = Vec::new();
        let read = File::open(path).and_then(|file| file.take(LONGEST).read_to_end(&mut pem));
        read.map_err(|error| fail(format!("could not read the file: {error}")).because(error))?;
        if pem.len() as u64 == LONGEST {
            return Err(fail(format!("the file is longer than {LONGEST} bytes, the maximum")));
        }
        let certificates = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>();
        let certificates = certificates.map_err(|error| fail(format!("the file is no PEM file: {error}")))?;
        let mut roots = RootCertStore::empty();
        for certificate in certificates {
            roots.add(certificate).map_err(|error| fail(format!("a certificate in the file is invalid: {error}")))?;
        }
        if roots.is_empty() {
            return Err(fail("the file contains no certificate".to_owned()));
        }
        Ok(Self { roots: Arc::new(roots), source: format!("{source} ({})", path.display()), pem: Some(pem) })
    }

    /// The same for the HTTP client of the SDK, which panics at a bundle that cannot be read.
    pub fn store(&self) -> TrustStore {
        match &self.pem {
            Some(pem) => TrustStore::empty().with_pem_certificate(pem.clone()),
            // It panics without any CA in a debug build.
            None => TrustStore::empty().with_native_roots(!self.roots.is_empty()),
        }
    }
}

/// The bundle that the environment or the profile names, and what names it.
async fn bundle(profile: Option<&str>) -> Option<(String, PathBuf)> {
    let set = std::env::var_os(VARIABLE).filter(|value| !value.is_empty());
    if let Some(path) = set {
        return Some((VARIABLE.to_owned(), PathBuf::from(path)));
    }
    let profiles = super::profile::load().await.ok()?;
    let name = profile.map_or_else(|| profiles.selected_profile().to_owned(), str::to_owned);
    let path = profiles.get_profile(&name)?.get(SETTING)?;
    Some((format!("{SETTING} of the profile {name}"), PathBuf::from(path)))
}
