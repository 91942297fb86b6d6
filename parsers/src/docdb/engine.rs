//! What is known of Amazon DocumentDB besides its log's format.

use crate::engine::{Engine, Export, Logs, Restart, TlsSwitch, Values};

/// Amazon DocumentDB. The cluster parameter `tls` decides alone: with `disabled` the cluster takes no secure connection,
/// with anything else no other. Its audit log goes to CloudWatch Logs only, and shows clients, not how they are carried.
///
/// Sources: security.encryption.ssl.html and event-auditing.html in the DocumentDB developer guide.
pub static ENGINE: Engine = Engine {
    id: "docdb",
    title: "DocumentDB",
    aws_names: &["docdb"],
    parsers: super::parsers,
    system_users: &["serviceadmin", "rdsadmin"],
    system_addresses: &[],
    iam_methods: &["MONGODB-AWS"],
    metrics: Some("AWS/DocDB"),
    counts_iam_logins: false,
    logs: &[Logs {
        kind: "audit",
        prefix: "",
        name_variants: &[],
        // Nothing is decided by what is missing from it.
        switches: &[],
        also: &[],
        records_tls: false,
        bytes_a_session: Some(350),
        available_as_file: false,
        logs_every_session: true,
        start_from_name: |_| None,
        imitable: false,
        rotates_by_rename: false,
        in_utc: true,
        rotation: ("", 60),
        retention: ("", 0, 0),
        export: Some(Export {
            log_type: "audit",
            groups: &["/aws/docdb/{cluster}/audit"],
            dated: true,
            terms: Some(&["authenticate"]),
        }),
    }],
    tls_switches: &[TlsSwitch {
        parameter: "tls",
        enforces: Values::AllBut(&["off", "disabled"]),
        decides: true,
        rules_out: &["disabled"],
        unless: &[],
        source: "https://docs.aws.amazon.com/documentdb/latest/developerguide/security.encryption.ssl.html",
    }],
    marks_tls_from: None,
    certificate_elsewhere: None,
    always_tls: None,
    changes_database: false,
    restart: Restart::AsTheApiSays,
    live_query: "",
};
