//! What is known of RDS for Oracle besides its logs' formats.

use crate::engine::{Engine, Export, LogSwitch, Logs, Restart, TlsSwitch, Values};

/// RDS for Oracle. TLS has a port of its own, which the option `SSL` opens; only the listener restarts for a new
/// certificate, whatever the API says of the engine version.
///
/// Sources: Appendix.Oracle.Options.SSL.html, ssl-certificate-rotation-oracle.html and, for what is kept,
/// USER_LogAccess.Concepts.Oracle.html in the RDS user guide.
pub static ENGINE: Engine = Engine {
    id: "oracle",
    title: "Oracle",
    aws_names: &["oracle-ee", "oracle-ee-cdb", "oracle-se2", "oracle-se2-cdb", "oracle-se1", "oracle-se"],
    parsers: super::parsers,
    // The listener's user is whatever the client says it is.
    system_users: &[],
    // RDS's agent on the host, and the host itself: nobody but RDS gets there.
    system_addresses: &["127.0.0.1", "::1", "[local]"],
    iam_methods: &[],
    metrics: Some("AWS/RDS"),
    counts_iam_logins: false,
    logs: &[
        // Files of 10 MB, kept for seven days; on the listener's side, nothing switches them off.
        Logs {
            kind: "listener",
            prefix: "listener/",
            name_variants: &[],
            switches: NO_SWITCH,
            also: &[],
            records_tls: true,
            bytes_a_session: Some(350),
            // USER_LogAccess.Concepts.Oracle.html: "Access the listener log using Amazon CloudWatch Logs".
            available_as_file: false,
            logs_every_session: true,
            start_from_name: |_| None,
            imitable: false,
            rotates_by_rename: true,
            // The option `Timezone` sets that of the host.
            in_utc: false,
            rotation: ("", 60),
            retention: ("", 7 * 24 * 60, 7 * 24 * 60),
            // As XML, a record is many lines; as text, the lines that follow it tell why a handshake failed.
            export: Some(Export {
                log_type: "listener",
                groups: &["/aws/rds/instance/{instance}/listener"],
                dated: true,
                terms: None,
            }),
        },
        // A file for every server process. `AUDIT` statements choose the sessions that are written.
        Logs {
            kind: "audit",
            prefix: "audit/",
            name_variants: &[],
            // With `db` and `none`, only administrators' sessions are in files.
            switches: &[LogSwitch {
                parameter: "audit_trail",
                on: &["os", "xml"],
                default: "none",
                set_to: "XML",
                member: None,
                needs_restart: true,
                source: "https://docs.oracle.com/en/database/oracle/oracle-database/19/refrn/AUDIT_TRAIL.html",
            }],
            also: &[],
            records_tls: true,
            bytes_a_session: Some(1500),
            available_as_file: true,
            logs_every_session: false,
            start_from_name: |_| None,
            imitable: false,
            rotates_by_rename: false,
            in_utc: false,
            rotation: ("", 60),
            // They share the `tracefile retention` of trace files, which is no parameter: seven days, unless it is set.
            retention: ("", 7 * 24 * 60, 7 * 24 * 60),
            // It is, and would be read for little: what it can prove, the listener's log shows better.
            export: None,
        },
    ],
    tls_switches: &[TlsSwitch {
        parameter: "option SSL",
        enforces: Values::NONE,
        decides: false,
        rules_out: &["off"],
        unless: &[],
        source: "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Appendix.Oracle.Options.SSL.html",
    }],
    marks_tls_from: Some((0, 0)),
    certificate_elsewhere: None,
    always_tls: None,
    changes_database: false,
    restart: Restart::Listener,
    live_query: "SELECT SYS_CONTEXT('USERENV', 'NETWORK_PROTOCOL') FROM dual -- in each session; tcps is TLS",
};

const NO_SWITCH: &[LogSwitch] = &[];
