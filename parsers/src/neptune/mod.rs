//! Amazon Neptune: it appears in the same API, and its certificate is another matter.

use crate::engine::{Engine, Restart};

/// Amazon Neptune takes HTTPS only, under a certificate that Amazon's public authority signs and renews: an RDS authority
/// has no part in it.
///
/// Source: <https://docs.aws.amazon.com/neptune/latest/userguide/security-ssl.html>.
pub static ENGINE: Engine = Engine {
    id: "neptune",
    title: "Neptune",
    aws_names: &["neptune"],
    parsers: |_, _| Vec::new(),
    system_users: &[],
    system_addresses: &[],
    iam_methods: &[],
    metrics: None,
    counts_iam_logins: false,
    logs: &[],
    tls_switches: &[],
    marks_tls_from: None,
    certificate_elsewhere: Some(
        "Neptune's certificate comes from Amazon's public certificate authority (CA), which clients trust through their system's trust store. Rotations of RDS's CAs do not affect it.",
    ),
    always_tls: Some("Neptune accepts only HTTPS, so every client uses TLS"),
    changes_database: false,
    restart: Restart::AsTheApiSays,
    live_query: "",
};
