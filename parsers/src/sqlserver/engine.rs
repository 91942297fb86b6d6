//! The facts about RDS for SQL Server.

use crate::engine::{Engine, Export, LogRotation, Logs, Retention, TlsStart, TlsSwitch};

/// RDS for SQL Server. Its error log shows logins, if they are audited, and never their transport.
///
/// Sources: SQLServer.Concepts.General.SSL.Using.html and ssl-certificate-rotation-sqlserver.html in the RDS user guide.
pub static ENGINE: Engine = Engine {
    parsers: super::parsers,
    system_users: &["rdsadmin", "NT AUTHORITY\\SYSTEM"],
    // The machine itself: only RDS has access to it.
    system_addresses: &["[local]"],
    logs: &[Logs {
        prefix: Some("log/ERROR"),
        bytes_a_session: Some(150),
        rotates_by_rename: true,
        rotation: LogRotation { parameter: None, default: 24 * 60 },
        retention: Retention { parameter: None, default: 7 * 24 * 60, max: 30 * 24 * 60 },
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
        ..Logs::new("error")
    }],
    tls_switches: &[TlsSwitch::new(
        "rds.force_ssl",
        "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/SQLServer.Concepts.General.SSL.Using.html",
    )],
    changes_database: true,
    tls_start: Some(TlsStart::Tds),
    // ssl-certificate-rotation-sqlserver.html.
    live_query: Some(
        "SELECT c.session_id, s.login_name, s.host_name, s.program_name, c.net_transport, c.encrypt_option \
         FROM sys.dm_exec_connections c JOIN sys.dm_exec_sessions s ON s.session_id = c.session_id; \
         -- TRUE in encrypt_option is TLS; needs VIEW SERVER STATE; it lists the sessions of this moment, so repeat it",
    ),
    ..Engine::new(
        "sqlserver",
        "SQL Server",
        &["sqlserver-ee", "sqlserver-se", "sqlserver-ex", "sqlserver-web", "sqlserver-dev-ee"],
    )
};
