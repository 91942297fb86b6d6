//! The facts about RDS for Oracle.
//!
//! Two logs record the transport: that of the listener, and the audit trail. Times of retention are in minutes.

use crate::engine::{Engine, Export, LogSwitch, Logs, Restart, Retention, TlsStart, TlsSwitch, Values};

/// RDS for Oracle. TLS has its own port, which the option `SSL` opens. For a new certificate only the listener restarts,
/// whatever the API says of the engine version.
///
/// Sources: Appendix.Oracle.Options.SSL.html, ssl-certificate-rotation-oracle.html and, for retention,
/// USER_LogAccess.Concepts.Oracle.html in the RDS user guide.
pub static ENGINE: Engine = Engine {
    parsers: super::parsers,
    // RDS's agent on the host, and the host itself: only RDS has access to it. The user names in the listener's log are the
    // clients' own words.
    system_addresses: &["127.0.0.1", "::1", "[local]"],
    logs: &[LISTENER, AUDIT_TRAIL],
    tls_switches: &[TlsSwitch {
        enforces: Values::NONE,
        rules_out: &["off"],
        ..TlsSwitch::new(
            "option SSL",
            "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Appendix.Oracle.Options.SSL.html",
        )
    }],
    marks_tls_from: Some((0, 0)),
    restart: Restart::Listener,
    tls_start: Some(TlsStart::Direct { port: Some("option SSL port") }),
    // ssl-certificate-rotation-oracle.html. The view `v$session_connect_info` needs a privilege, and has no protocol.
    live_query: Some(
        "SELECT SYS_CONTEXT('USERENV', 'NETWORK_PROTOCOL') FROM dual; -- needs no privilege and shows only your own session \
         (tcps is TLS); the listener log shows all: aws rds modify-db-instance --db-instance-identifier YOUR_INSTANCE \
         --cloudwatch-logs-export-configuration '{\"EnableLogTypes\":[\"listener\"]}'",
    ),
    ..Engine::new(
        "oracle",
        "Oracle",
        &["oracle-ee", "oracle-ee-cdb", "oracle-se2", "oracle-se2-cdb", "oracle-se1", "oracle-se"],
    )
};

/// The listener's log: files of 10 MB, kept for seven days. No setting switches it.
///
/// RDS does not offer it as a file, so it is read from CloudWatch Logs.
const LISTENER: Logs = Logs {
    prefix: Some("listener/"),
    records_tls: true,
    bytes_a_session: Some(350),
    // USER_LogAccess.Concepts.Oracle.html: "Access the listener log using Amazon CloudWatch Logs".
    available_as_file: false,
    rotates_by_rename: true,
    // The option `Timezone` sets that of the host.
    in_utc: false,
    retention: Retention::fixed(7 * 24 * 60),
    // As XML, a record has several lines. As text, the lines behind it say why a handshake failed.
    export: Some(Export {
        log_type: "listener",
        groups: &["/aws/rds/instance/{instance}/listener"],
        dated: true,
        terms: None,
    }),
    ..Logs::new("listener")
};

/// The audit trail: a file for each server process. `AUDIT` statements choose the sessions that are written.
const AUDIT_TRAIL: Logs = Logs {
    prefix: Some("audit/"),
    // With `db` and `none`, files hold only administrators' sessions.
    switches: &[LogSwitch {
        on: &["os", "xml"],
        default: "none",
        set_to: "XML",
        needs_restart: true,
        ..LogSwitch::new(
            "audit_trail",
            "https://docs.oracle.com/en/database/oracle/oracle-database/19/refrn/AUDIT_TRAIL.html",
        )
    }],
    records_tls: true,
    bytes_a_session: Some(1500),
    logs_every_session: false,
    in_utc: false,
    // It shares the `tracefile retention` of trace files, which is no parameter: seven days by default.
    retention: Retention::fixed(7 * 24 * 60),
    // It can be exported, but is not read from there: the listener's log proves more.
    export: None,
    ..Logs::new("audit")
};
