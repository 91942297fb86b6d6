//! The facts about RDS for MySQL, RDS for MariaDB and Aurora MySQL.
//!
//! Each engine lists its logs, the parameters that enable them, and the one that enforces TLS. Retention is in minutes.

use crate::engine::{Engine, Export, LogSwitch, Logs, Retention, TlsStart, TlsSwitch};

/// RDS for MySQL. Its audit plugin records the transport of every session. MariaDB's own plugin does not.
pub static ENGINE: Engine = Engine {
    parsers: super::mysql_parsers,
    logs: &[general(&[GENERAL_LOG, LOG_OUTPUT], 14 * 24 * 60, true), PLUGIN_LOG],
    tls_switches: &[require_secure_transport(
        "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/mysql-ssl-connections.require-ssl.html",
    )],
    // `using` came with 5.7: MySQL WL#7729.
    marks_tls_from: Some((5, 7)),
    live_query: Some(LIVE_QUERY),
    ..family("mysql", "MySQL", &["mysql"])
};

/// RDS for MariaDB. Its general log records the transport from 10.5 on, its audit plugin does not.
pub static MARIADB_ENGINE: Engine = Engine {
    parsers: super::mariadb_parsers,
    logs: &[general(&[GENERAL_LOG, LOG_OUTPUT], 24 * 60, false), Logs { records_tls: false, ..PLUGIN_LOG }],
    tls_switches: &[require_secure_transport(
        "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/mariadb-ssl-connections.require-ssl.html",
    )],
    marks_tls_from: Some((10, 5)),
    live_query: Some(MARIADB_LIVE_QUERY),
    ..family("mariadb", "MariaDB", &["mariadb"])
};

/// Aurora MySQL. Its general log records the transport, its audit log does not.
pub static AURORA_ENGINE: Engine = Engine {
    parsers: super::aurora_parsers,
    logs: &[
        general(&[GENERAL_LOG, LogSwitch { default: "file", ..LOG_OUTPUT }], 24 * 60, true),
        Logs {
            prefix: Some("audit/audit.log"),
            switches: &[
                LogSwitch::new("server_audit_logging", ADVANCED_AUDITING),
                LogSwitch {
                    on: &["connect"],
                    default: "",
                    set_to: "CONNECT",
                    member: Some("CONNECT"),
                    ..LogSwitch::new("server_audit_events", ADVANCED_AUDITING)
                },
            ],
            bytes_a_session: Some(160),
            retention: Retention::fixed(24 * 60),
            export: AUDIT_EXPORT,
            ..Logs::new("audit")
        },
    ],
    tls_switches: &[require_secure_transport(
        "https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/AuroraMySQL.Security.html",
    )],
    // `8.0.mysql_aurora.3.04.0`: both majors are of a MySQL that records the transport.
    marks_tls_from: Some((5, 7)),
    live_query: Some(LIVE_QUERY),
    ..family("aurora-mysql", "Aurora MySQL", &["aurora-mysql", "aurora"])
};

/// An engine of this family.
///
/// What the three engines share: RDS's own users, logins by IAM, and sessions that can change their database.
const fn family(id: &'static str, title: &'static str, aws_names: &'static [&'static str]) -> Engine {
    Engine {
        // `rdsadmin` and `rdsrepladmin`: "Master user account privileges" in the RDS user guide and its pages on replication;
        // `rdsproxyadmin`: its pages on RDS Proxy.
        system_users: &["rdsadmin", "rdsrepladmin", "rdsproxyadmin"],
        counts_iam_logins: true,
        changes_database: true,
        tls_start: Some(TlsStart::Mysql),
        // The general log writes `Connect` before the server rejects the client.
        shows_rejected_as_sessions: true,
        ..Engine::new(id, title, aws_names)
    }
}

/// The query of [`LIVE_QUERY`] and [`MARIADB_LIVE_QUERY`]: one row for each session. Its `connection_type` is `SSL/TLS` for a
/// session with TLS. Without the privilege it fails; without the performance schema it returns no row, not even for the
/// session that runs it (run on MariaDB 10.11). A join with the process list would hide other users' sessions.
///
/// Source: <https://dev.mysql.com/doc/refman/8.4/en/performance-schema-threads-table.html>.
macro_rules! threads {
    ($note:literal) => {
        concat!(
            "SELECT processlist_user, processlist_host, processlist_db, connection_type \
             FROM performance_schema.threads WHERE type = 'FOREGROUND' AND processlist_user IS NOT NULL; \
             -- needs SELECT on performance_schema.threads; ",
            $note
        )
    };
}

const LIVE_QUERY: &str = threads!("without any row, performance_schema is off");

/// The performance schema of MariaDB is off by default, and `performance_schema` is static.
const MARIADB_LIVE_QUERY: &str = threads!("performance_schema is off by default (static), and then there is no row");

/// The source for Aurora's advanced auditing.
const ADVANCED_AUDITING: &str =
    "https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/AuroraMySQL.Auditing.html";

/// The parameter that enables the general log.
const GENERAL_LOG: LogSwitch = LogSwitch::new(
    "general_log",
    "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_LogAccess.MySQL.LogFileSize.html",
);

/// Where the general log is written. RDS's default is a table.
const LOG_OUTPUT: LogSwitch =
    LogSwitch { parameter: "log_output", on: &["file"], default: "table", set_to: "FILE", ..GENERAL_LOG };

/// The general query log, in hourly files that are renamed. Files are kept for so many minutes, or less if space is short.
/// `dated` says whether every record has a time: MariaDB writes a time only when it changes.
const fn general(switches: &'static [LogSwitch], kept: i64, dated: bool) -> Logs {
    Logs {
        prefix: Some("general/mysql-general.log"),
        switches,
        records_tls: true,
        imitable: true,
        rotates_by_rename: true,
        retention: Retention::fixed(kept),
        // A rejection stands apart from its attempt, and times are those of earlier lines.
        export: Some(Export {
            log_type: "general",
            groups: &["/aws/rds/instance/{instance}/general", "/aws/rds/cluster/{cluster}/general"],
            dated,
            terms: None,
        }),
        ..Logs::new("general")
    }
}

/// The audit log in CloudWatch Logs. Source: USER_LogAccess.MySQLDB.PublishtoCloudWatchLogs.html in the RDS user guide.
const AUDIT_EXPORT: Option<Export> = Some(Export {
    log_type: "audit",
    groups: &["/aws/rds/instance/{instance}/audit", "/aws/rds/cluster/{cluster}/audit"],
    dated: true,
    terms: Some(&["CONNECT", "FAILED_CONNECT", "DISCONNECT"]),
});

/// The parameter that enforces TLS in this family.
///
/// `source` is the page of the engine's own user guide.
const fn require_secure_transport(source: &'static str) -> TlsSwitch {
    TlsSwitch::new("require_secure_transport", source)
}

/// The option that enables the audit plugin.
const PLUGIN: LogSwitch = LogSwitch {
    set_to: "on",
    ..LogSwitch::new(
        "option MARIADB_AUDIT_PLUGIN",
        "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Appendix.MySQL.Options.AuditPlugin.html",
    )
};

/// The audit plugin's log: files of 1 MB, renamed as they fill, nine of them by default.
const PLUGIN_LOG: Logs = Logs {
    prefix: Some("audit/server_audit.log"),
    switches: &[
        PLUGIN,
        LogSwitch {
            parameter: "option MARIADB_AUDIT_PLUGIN SERVER_AUDIT_EVENTS",
            on: &["connect"],
            default: "connect,query",
            set_to: "CONNECT",
            member: Some("CONNECT"),
            ..PLUGIN
        },
    ],
    records_tls: true,
    // The connection and the disconnection.
    bytes_a_session: Some(160),
    rotates_by_rename: true,
    retention: Retention::fixed(60),
    export: AUDIT_EXPORT,
    ..Logs::new("audit")
};
