//! The facts about RDS for Db2.

use crate::engine::{Engine, TlsSwitch, Values};

/// RDS for Db2. TLS has its own port, which is open if `DB2COMM` names SSL: "Otherwise the instance starts up without SSL
/// protocol support" (IBM, `ssl_svcename`). It is not documented whether RDS opens the port if only `ssl_svcename` is set. So
/// a port that is set rules nothing out.
///
/// Sources: Db2.Concepts.SSL.html in the RDS user guide;
/// <https://www.ibm.com/docs/en/db2/11.5?topic=parameters-ssl-svcename-ssl-service-name-configuration-parameter>.
pub static ENGINE: Engine = Engine {
    system_users: &["rdsadmin", "rdsdb"],
    tls_switches: &[TlsSwitch {
        enforces: Values::Only(&["ssl"]),
        rules_out: &["tcpip"],
        unless: &["ssl_svcename"],
        ..TlsSwitch::new("DB2COMM", "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Db2.Concepts.SSL.html")
    }],
    ..Engine::new("db2", "Db2", &["db2-ae", "db2-ce", "db2-se"])
};
