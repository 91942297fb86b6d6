//! RDS for Db2: no log of it is known to show how sessions are carried.

use crate::engine::{Engine, Restart, TlsSwitch, Values};

/// RDS for Db2. TLS has a port of its own, which is open where `DB2COMM` names SSL: "Otherwise the instance starts up
/// without SSL protocol support" (IBM, `ssl_svcename`). Whether RDS opens it for a port alone is not documented: a port that
/// is set rules nothing out.
///
/// Sources: Db2.Concepts.SSL.html in the RDS user guide;
/// <https://www.ibm.com/docs/en/db2/11.5?topic=parameters-ssl-svcename-ssl-service-name-configuration-parameter>.
pub static ENGINE: Engine = Engine {
    id: "db2",
    title: "Db2",
    aws_names: &["db2-ae", "db2-se"],
    parsers: |_, _| Vec::new(),
    system_users: &["rdsadmin", "rdsdb"],
    system_addresses: &[],
    iam_methods: &[],
    metrics: Some("AWS/RDS"),
    counts_iam_logins: false,
    logs: &[],
    tls_switches: &[TlsSwitch {
        parameter: "DB2COMM",
        enforces: Values::Only(&["ssl"]),
        decides: false,
        rules_out: &["tcpip"],
        unless: &["ssl_svcename"],
        source: "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Db2.Concepts.SSL.html",
    }],
    marks_tls_from: None,
    certificate_elsewhere: None,
    always_tls: None,
    changes_database: false,
    restart: Restart::AsTheApiSays,
    live_query: "",
};
