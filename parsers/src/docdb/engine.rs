//! The facts about Amazon DocumentDB.

use crate::engine::{Engine, Export, Logs, TlsStart, TlsSwitch, Values};

/// Amazon DocumentDB. The cluster parameter `tls` alone decides: with `disabled` the cluster accepts no TLS connection, with
/// any other value nothing else. Its audit log goes only to CloudWatch Logs and shows clients, not their transport.
///
/// Sources: security.encryption.ssl.html and event-auditing.html in the DocumentDB developer guide.
pub static ENGINE: Engine = Engine {
    parsers: super::parsers,
    system_users: &["serviceadmin", "rdsadmin"],
    iam_methods: &["MONGODB-AWS"],
    metrics: Some("AWS/DocDB"),
    // It has no switches here, because nothing is decided by what is missing from it.
    logs: &[Logs {
        bytes_a_session: Some(350),
        available_as_file: false,
        export: Some(Export {
            log_type: "audit",
            groups: &["/aws/docdb/{cluster}/audit"],
            dated: true,
            terms: Some(&["authenticate"]),
        }),
        ..Logs::new("audit")
    }],
    tls_switches: &[TlsSwitch {
        enforces: Values::AllBut(&["off", "disabled"]),
        decides: true,
        rules_out: &["disabled"],
        ..TlsSwitch::new(
            "tls",
            "https://docs.aws.amazon.com/documentdb/latest/developerguide/security.encryption.ssl.html",
        )
    }],
    tls_start: Some(TlsStart::Direct { port: None }),
    ..Engine::new("docdb", "DocumentDB", &["docdb"])
};
