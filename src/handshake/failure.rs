//! Why an endpoint presented no certificate. None of it means that clients do without TLS.

use std::{fmt, io};

use serde::{Deserialize, Serialize};

use crate::text::reason;

/// Why an endpoint presented no certificate.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "code", content = "detail", rename_all = "kebab-case")]
pub enum ProbeFailure {
    /// The name of the host cannot be resolved; with what the resolver says.
    UnknownHost(String),
    /// The host refused the connection.
    Refused,
    /// The host cannot be reached; with what the system says.
    Unreachable(String),
    /// There was no answer in time.
    TimedOut,
    /// The server closed the connection before the handshake ended.
    Closed,
    /// The server took no client; with what it says.
    Rejected(String),
    /// The server offers no TLS at this time.
    Declined,
    /// What answered does not speak the protocol of this engine.
    OtherProtocol(String),
    /// The server has TLS 1.0 or 1.1 only.
    OldTlsOnly,
    /// The handshake failed; with what the TLS library says.
    HandshakeFailed(String),
}

impl ProbeFailure {
    /// The code in reports.
    pub fn code(&self) -> &'static str {
        match self {
            Self::UnknownHost(_) => "unknown-host",
            Self::Refused => "refused",
            Self::Unreachable(_) => "unreachable",
            Self::TimedOut => "timed-out",
            Self::Closed => "closed",
            Self::Rejected(_) => "rejected",
            Self::Declined => "declined",
            Self::OtherProtocol(_) => "other-protocol",
            Self::OldTlsOnly => "old-tls-only",
            Self::HandshakeFailed(_) => "handshake-failed",
        }
    }
}

/// What answered does not speak the protocol of an engine.
pub(super) fn other(name: &str) -> ProbeFailure {
    ProbeFailure::OtherProtocol(name.to_owned())
}

impl From<io::Error> for ProbeFailure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionRefused => Self::Refused,
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => Self::Closed,
            io::ErrorKind::InvalidData => Self::HandshakeFailed(reason(&error)),
            _ => Self::Unreachable(reason(&error)),
        }
    }
}

impl fmt::Display for ProbeFailure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownHost(why) => write!(out, "the host name could not be resolved ({why})"),
            Self::Refused => out.write_str("the host refused the connection"),
            Self::Unreachable(why) => write!(out, "the host could not be reached ({why})"),
            Self::TimedOut => out.write_str("the server did not answer in time"),
            Self::Closed => out.write_str("the server closed the connection before the TLS handshake ended"),
            Self::Rejected(why) => write!(out, "the server rejected the connection ({why})"),
            Self::Declined => out.write_str("the server offers no TLS at this port"),
            Self::OtherProtocol(name) => write!(out, "what answered is not {name}"),
            Self::OldTlsOnly => {
                out.write_str("the server supports only TLS 1.0 or 1.1, and the certificate could not be read")
            }
            Self::HandshakeFailed(why) => write!(out, "the TLS handshake failed ({why})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_the_same_in_files_and_in_reports() {
        let text = String::new;
        let all = [
            ProbeFailure::UnknownHost(text()),
            ProbeFailure::Refused,
            ProbeFailure::Unreachable(text()),
            ProbeFailure::TimedOut,
            ProbeFailure::Closed,
            ProbeFailure::Rejected(text()),
            ProbeFailure::Declined,
            ProbeFailure::OtherProtocol(text()),
            ProbeFailure::OldTlsOnly,
            ProbeFailure::HandshakeFailed(text()),
        ];
        for failure in all {
            let written = serde_json::to_value(&failure).expect("JSON");
            assert_eq!(written["code"], failure.code());
            assert_eq!(serde_json::from_value::<ProbeFailure>(written).expect("the same"), failure);
        }
    }
}
