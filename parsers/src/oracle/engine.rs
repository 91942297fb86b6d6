//! What is known of RDS for Oracle besides its logs' formats.

use crate::engine::{Engine, Export, LogSwitch, Logs, Restart, TlsSwitch, Values};

/// RDS for Oracle. TLS has a port of its own, which the option `SSL` opens; only the listener restarts for a new
/// certificate, whatever the API says of the engine version.
///
/// Sources: Appendix.Oracle.Options.SSL.html, ssl-certificate-rotation-oracle.html and
/// USER_LogAccess.Concepts.Oracle.html in the RDS user guide.
pub static ENGINE: Engine = Engine {
    id: "oracle",
    title: "Oracle",
    aws_names: &["oracle-ee", "oracle-ee-cdb", "oracle-se2", "oracle-se2-cdb", "oracle-se1", "oracle-se"],
    parsers: super::parsers,
    // The log's user is whatever the client says it is.
    system_users: &[],
    // RDS's agent on the host.
    system_addresses: &["127.0.0.1", "::1"],
    iam_methods: &[],
    // Files of 10 MB, kept for seven days; on the listener's side, nothing switches them off.
    logs: &[Logs {
        kind: "listener",
        prefix: "listener/",
        twins: &[],
        switches: NO_SWITCH,
        begun: |_| None,
        renamed: true,
        // The option `Timezone` sets that of the host.
        in_utc: false,
        rotation: ("", 60),
        retention: ("", 7 * 24 * 60, 7 * 24 * 60),
        // As XML, a record is many lines; as text, the lines that follow it tell why a handshake failed.
        export: Some(Export { log_type: "listener", groups: &["/aws/rds/instance/{instance}/listener"], terms: None }),
    }],
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
    changes_database: false,
    restart: Restart::Listener,
    live_query: "SELECT SYS_CONTEXT('USERENV', 'NETWORK_PROTOCOL') FROM dual, in each session: `tcps` is TLS",
};

const NO_SWITCH: &[LogSwitch] = &[];
