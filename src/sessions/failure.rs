//! Why there is no list of sessions. None of it means that clients do without TLS.

use std::error::Error as StdError;
use std::fmt;

use rustls::CertificateError;
use serde::{Deserialize, Serialize};

use crate::error::causes;
use crate::handshake::ProbeFailure;
use crate::text::one_line;

/// Why the certificate of a CA that is not known is not trusted.
const UNKNOWN_CA: &str = "it is not signed by a trusted CA";
/// Most characters of a message of a server or a library that are kept.
const LONGEST: usize = 600;

/// Why there is no list of sessions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "code", content = "detail", rename_all = "kebab-case")]
pub enum SampleFailure {
    /// There is no connection with TLS; with the code and the words of the reason.
    NoConnection(String),
    /// The certificate of the server cannot be trusted; with what the TLS library says.
    Untrusted(String),
    /// There is no password; with where it was looked for.
    NoCredentials(String),
    /// The server rejected the login; with what it says.
    LoginRejected(String),
    /// The RDS Data API cannot be used; with the reason.
    DataApi(String),
    /// A query failed; with what the server says.
    QueryFailed(String),
    /// The server did not answer in time.
    TimedOut,
}

impl SampleFailure {
    /// The code in reports.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoConnection(_) => "no-connection",
            Self::Untrusted(_) => "untrusted",
            Self::NoCredentials(_) => "no-credentials",
            Self::LoginRejected(_) => "login-rejected",
            Self::DataApi(_) => "data-api",
            Self::QueryFailed(_) => "query-failed",
            Self::TimedOut => "timed-out",
        }
    }

    /// There is no password, and why.
    pub(super) fn no_credentials(why: impl fmt::Display) -> Self {
        Self::NoCredentials(one_line(&why.to_string(), LONGEST))
    }

    pub(super) fn login_rejected(why: &str) -> Self {
        Self::LoginRejected(one_line(why, LONGEST))
    }

    pub(super) fn data_api(why: impl fmt::Display) -> Self {
        Self::DataApi(one_line(&why.to_string(), LONGEST))
    }

    pub(super) fn query_failed(why: &str) -> Self {
        Self::QueryFailed(one_line(why, LONGEST))
    }

    /// There is no connection, because of an error that may be one of TLS.
    pub(super) fn no_connection(error: &(dyn StdError + 'static)) -> Self {
        match causes(error).find_map(tls_error) {
            Some(rustls::Error::InvalidCertificate(why)) => Self::Untrusted(untrusted(why)),
            Some(other) => Self::NoConnection(one_line(&format!("TLS handshake failed: {other}"), LONGEST)),
            None => {
                let last = causes(error).last().unwrap_or(error);
                Self::NoConnection(one_line(&last.to_string(), LONGEST))
            }
        }
    }
}

/// Why a certificate is not trusted, in words.
fn untrusted(why: &CertificateError) -> String {
    match why {
        CertificateError::UnknownIssuer => UNKNOWN_CA.to_owned(),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "it has expired. Rotate it: `ssl-usage probe --certificates` shows it".to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "it is for another host name".to_owned()
        }
        other => one_line(&other.to_string(), LONGEST),
    }
}

/// The error of TLS that an error is, or that an error of the system contains.
fn tls_error<'e>(error: &'e (dyn StdError + 'static)) -> Option<&'e rustls::Error> {
    let within = || error.downcast_ref::<std::io::Error>()?.get_ref()?.downcast_ref::<rustls::Error>();
    error.downcast_ref::<rustls::Error>().or_else(within)
}

impl From<ProbeFailure> for SampleFailure {
    fn from(failure: ProbeFailure) -> Self {
        match failure {
            ProbeFailure::TimedOut => Self::TimedOut,
            other => Self::NoConnection(one_line(&other.to_string(), LONGEST)),
        }
    }
}

impl fmt::Display for SampleFailure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoConnection(why) => write!(out, "no connection with TLS: {why}"),
            Self::Untrusted(why) => {
                write!(out, "the certificate of the server is not trusted: {why}")?;
                // No other CA helps against the rest.
                match why == UNKNOWN_CA {
                    true => out.write_str(
                        ". For GovCloud, China and new regions, download AWS's global-bundle.pem and use --ca-bundle.",
                    ),
                    false => Ok(()),
                }
            }
            Self::NoCredentials(why) => write!(out, "no credentials: {why}"),
            Self::LoginRejected(why) => write!(out, "the server rejected the login: {why}"),
            Self::DataApi(why) => write!(out, "the RDS Data API cannot be used: {why}"),
            Self::QueryFailed(why) => write!(out, "the sessions could not be listed: {why}"),
            Self::TimedOut => out.write_str("the server did not answer in time"),
        }
    }
}
