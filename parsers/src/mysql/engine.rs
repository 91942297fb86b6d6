//! What is known of RDS for MySQL, RDS for MariaDB and Aurora MySQL besides their logs' formats.

use crate::engine::{Engine, Export, LogSwitch, Logs, Restart, TlsSwitch, Values};

/// Users that RDS keeps for itself. `rdsadmin` and `rdsrepladmin`: "Master user account privileges" in the RDS user guide
/// and its pages on replication; `rdsproxyadmin`: its pages on RDS Proxy.
const SYSTEM_USERS: &[&str] = &["rdsadmin", "rdsrepladmin", "rdsproxyadmin"];

const GENERAL_LOG: LogSwitch = LogSwitch {
    parameter: "general_log",
    on: &["on"],
    default: "off",
    set_to: "1",
    member: None,
    needs_restart: false,
    source: "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_LogAccess.MySQL.LogFileSize.html",
};

/// Where the general log is written; to a table on RDS, unless it is told otherwise.
const LOG_OUTPUT: LogSwitch =
    LogSwitch { parameter: "log_output", on: &["file"], default: "table", set_to: "FILE", ..GENERAL_LOG };

/// The general query log. Hourly files are renamed, so that a name passes from file to file. RDS for MySQL keeps them for
/// two weeks, RDS for MariaDB and Aurora for 24 hours, all of them for less when space is short. Whether records are `dated`:
/// MariaDB writes a time only where it changes.
const fn general(switches: &'static [LogSwitch], kept: i64, dated: bool) -> Logs {
    Logs {
        kind: "general",
        prefix: "general/mysql-general.log",
        name_variants: &[],
        switches,
        also: &[],
        records_tls: true,
        bytes_a_session: None,
        available_as_file: true,
        logs_every_session: true,
        start_from_name: |_| None,
        imitable: true,
        rotates_by_rename: true,
        in_utc: true,
        rotation: ("", 60),
        retention: ("", kept, kept),
        // A refusal stands apart from the attempt that it ends, and times are those of earlier lines.
        export: Some(Export {
            log_type: "general",
            groups: &["/aws/rds/instance/{instance}/general", "/aws/rds/cluster/{cluster}/general"],
            dated,
            terms: None,
        }),
    }
}

/// The audit log in CloudWatch Logs. Source: USER_LogAccess.MySQLDB.PublishtoCloudWatchLogs.html in the RDS user guide.
const AUDIT_EXPORT: Option<Export> = Some(Export {
    log_type: "audit",
    groups: &["/aws/rds/instance/{instance}/audit", "/aws/rds/cluster/{cluster}/audit"],
    dated: true,
    terms: Some(&["CONNECT", "FAILED_CONNECT", "DISCONNECT"]),
});

const fn require_secure_transport(source: &'static str) -> TlsSwitch {
    TlsSwitch {
        parameter: "require_secure_transport",
        enforces: Values::Only(&["on"]),
        decides: false,
        rules_out: &[],
        unless: &[],
        source,
    }
}

const PLUGIN: LogSwitch = LogSwitch {
    parameter: "option MARIADB_AUDIT_PLUGIN",
    on: &["on"],
    default: "off",
    set_to: "on",
    member: None,
    needs_restart: false,
    source: "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Appendix.MySQL.Options.AuditPlugin.html",
};

/// The audit plugin's log: files of 1 MB, renamed as they fill, nine of them unless it is told otherwise. MariaDB's own has
/// no transport.
const PLUGIN_LOG: Logs = Logs {
    kind: "audit",
    prefix: "audit/server_audit.log",
    name_variants: &[],
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
    also: &[],
    records_tls: true,
    // Its beginning and its end.
    bytes_a_session: Some(160),
    available_as_file: true,
    logs_every_session: true,
    start_from_name: |_| None,
    imitable: false,
    rotates_by_rename: true,
    in_utc: true,
    rotation: ("", 60),
    retention: ("", 60, 60),
    export: AUDIT_EXPORT,
};

/// RDS for MySQL. Its audit plugin writes the transport of every session, which MariaDB's own does not.
pub static ENGINE: Engine = Engine {
    id: "mysql",
    title: "MySQL",
    aws_names: &["mysql"],
    parsers: super::mysql_parsers,
    system_users: SYSTEM_USERS,
    system_addresses: &[],
    iam_methods: &[],
    metrics: Some("AWS/RDS"),
    counts_iam_logins: true,
    logs: &[general(&[GENERAL_LOG, LOG_OUTPUT], 14 * 24 * 60, true), PLUGIN_LOG],
    tls_switches: &[require_secure_transport(
        "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/mysql-ssl-connections.require-ssl.html",
    )],
    // `using` came with 5.7: MySQL WL#7729.
    marks_tls_from: Some((5, 7)),
    certificate_elsewhere: None,
    always_tls: None,
    changes_database: true,
    restart: Restart::AsTheApiSays,
    live_query: LIVE_QUERY,
};

/// ssl-certificate-rotation-mysql.html in the RDS user guide; needs the performance schema.
const LIVE_QUERY: &str = "SELECT id, user, host, connection_type FROM performance_schema.threads pst \
                          JOIN information_schema.processlist isp ON pst.processlist_id = isp.id";

/// RDS for MariaDB. Its general log has the transport, as seen from 10.5 on; its audit plugin has none.
pub static MARIADB_ENGINE: Engine = Engine {
    id: "mariadb",
    title: "MariaDB",
    aws_names: &["mariadb"],
    parsers: super::mariadb_parsers,
    logs: &[general(&[GENERAL_LOG, LOG_OUTPUT], 24 * 60, false), Logs { records_tls: false, ..PLUGIN_LOG }],
    tls_switches: &[require_secure_transport(
        "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/mariadb-ssl-connections.require-ssl.html",
    )],
    // The user guide names no query: neither the process list nor the performance schema shows the transport.
    live_query: "",
    marks_tls_from: Some((10, 5)),
    system_users: SYSTEM_USERS,
    system_addresses: &[],
    iam_methods: &[],
    metrics: Some("AWS/RDS"),
    counts_iam_logins: true,
    certificate_elsewhere: None,
    always_tls: None,
    changes_database: true,
    restart: Restart::AsTheApiSays,
};

/// Aurora MySQL. Its general log has the transport; its audit log has none.
pub static AURORA_ENGINE: Engine = Engine {
    id: "aurora-mysql",
    title: "Aurora MySQL",
    aws_names: &["aurora-mysql", "aurora"],
    parsers: super::aurora_parsers,
    logs: &[
        general(&[GENERAL_LOG, LogSwitch { default: "file", ..LOG_OUTPUT }], 24 * 60, true),
        Logs {
            kind: "audit",
            prefix: "audit/audit.log",
            name_variants: &[],
            switches: &[
                LogSwitch {
                    parameter: "server_audit_logging",
                    on: &["on"],
                    default: "off",
                    set_to: "1",
                    member: None,
                    needs_restart: false,
                    source: "https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/AuroraMySQL.Auditing.html",
                },
                LogSwitch {
                    parameter: "server_audit_events",
                    on: &["connect"],
                    default: "",
                    set_to: "CONNECT",
                    member: Some("CONNECT"),
                    needs_restart: false,
                    source: "https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/AuroraMySQL.Auditing.html",
                },
            ],
            also: &[],
            records_tls: false,
            bytes_a_session: Some(160),
            available_as_file: true,
            logs_every_session: true,
            start_from_name: |_| None,
            // Four files are written at the same time, under names of their own.
            imitable: false,
            rotates_by_rename: false,
            in_utc: true,
            rotation: ("", 60),
            retention: ("", 24 * 60, 24 * 60),
            export: AUDIT_EXPORT,
        },
    ],
    tls_switches: &[require_secure_transport(
        "https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/AuroraMySQL.Security.html",
    )],
    live_query: LIVE_QUERY,
    // `8.0.mysql_aurora.3.04.0`: both majors are of a MySQL that writes the transport.
    marks_tls_from: Some((5, 7)),
    system_users: SYSTEM_USERS,
    system_addresses: &[],
    iam_methods: &[],
    metrics: Some("AWS/RDS"),
    counts_iam_logins: true,
    certificate_elsewhere: None,
    always_tls: None,
    changes_database: true,
    restart: Restart::AsTheApiSays,
};
