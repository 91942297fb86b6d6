//! What is known of RDS for SQL Server besides its log's format.

use crate::engine::{Engine, Export, Logs, Restart, TlsSwitch, Values};

/// RDS for SQL Server. Its error log shows logins, where they are audited, and never how they are carried.
///
/// Sources: SQLServer.Concepts.General.SSL.Using.html and ssl-certificate-rotation-sqlserver.html in the RDS user guide.
pub static ENGINE: Engine = Engine {
    id: "sqlserver",
    title: "SQL Server",
    aws_names: &["sqlserver-ee", "sqlserver-se", "sqlserver-ex", "sqlserver-web", "sqlserver-dev-ee"],
    parsers: super::parsers,
    system_users: &["rdsadmin", "NT AUTHORITY\\SYSTEM"],
    // The machine itself: nobody but RDS gets there.
    system_addresses: &["[local]"],
    iam_methods: &[],
    metrics: Some("AWS/RDS"),
    counts_iam_logins: false,
    logs: &[Logs {
        kind: "error",
        prefix: "log/ERROR",
        name_variants: &[],
        switches: &[],
        also: &[],
        records_tls: false,
        bytes_a_session: Some(150),
        available_as_file: true,
        logs_every_session: true,
        start_from_name: |_| None,
        imitable: false,
        rotates_by_rename: true,
        in_utc: true,
        rotation: ("", 24 * 60),
        retention: ("", 7 * 24 * 60, 30 * 24 * 60),
        // USER_LogAccess.Concepts.SQLServer.html: one group for each node of a Multi-AZ instance.
        export: Some(Export {
            log_type: "error",
            groups: &[
                "/aws/rds/instance/{instance}/error",
                "/aws/rds/instance/{instance}.node1/error",
                "/aws/rds/instance/{instance}.node2/error",
            ],
            dated: true,
            terms: Some(&["Login succeeded for user", "Login failed", "library does not support encryption"]),
        }),
    }],
    tls_switches: &[TlsSwitch {
        parameter: "rds.force_ssl",
        enforces: Values::Only(&["on"]),
        decides: false,
        rules_out: &[],
        unless: &[],
        source: "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/SQLServer.Concepts.General.SSL.Using.html",
    }],
    marks_tls_from: None,
    certificate_elsewhere: None,
    always_tls: None,
    changes_database: true,
    restart: Restart::AsTheApiSays,
    live_query: "SELECT session_id, encrypt_option, net_transport, auth_scheme FROM sys.dm_exec_connections",
};
