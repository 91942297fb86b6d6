//! The facts about RDS for PostgreSQL and Aurora PostgreSQL.
//!
//! Comments name the pages of the AWS and PostgreSQL documentation that facts come from, or say that they were seen in logs.
//! One set of facts serves both engines.

use super::message;
use crate::digits;
use crate::engine::{Engine, Export, LogRotation, LogSwitch, Logs, Retention, TlsStart, TlsSwitch, Values};
use crate::event::Micros;
use crate::time::instant;

/// RDS for PostgreSQL and Aurora PostgreSQL.
pub static ENGINE: Engine = Engine {
    parsers: super::parsers,
    // <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Appendix.PostgreSQL.CommonDBATasks.Roles.html> for
    // rdsadmin; rds-proxy.html for rdsproxyadmin. The two others are seen in public logs and are not documented.
    system_users: &["rdsadmin", "rdsproxyadmin", "rdsrepladmin", "rdswriteforwarduser"],
    // RDS authenticates members of rds_iam by `hostssl all +rds_iam all pam`.
    iam_methods: &["pam"],
    counts_iam_logins: true,
    logs: &[LOG],
    tls_switches: &[
        TlsSwitch::new(
            "rds.force_ssl",
            "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/PostgreSQL.Concepts.General.SSL.html",
        ),
        TlsSwitch {
            enforces: Values::NONE,
            rules_out: &["off"],
            ..TlsSwitch::new(
                "ssl",
                "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Appendix.PostgreSQL.CommonDBATasks.Parameters.html",
            )
        },
    ],
    marks_tls_from: Some((9, 4)),
    tls_start: Some(TlsStart::Postgres),
    live_query: Some(LIVE_QUERY),
    ..Engine::new("postgres", "PostgreSQL", &["postgres", "aurora-postgresql"])
};

/// One row for each session. Without the role `pg_read_all_stats`, sessions of other users are unknown: they have no
/// `backend_start`, and no row in `pg_stat_ssl` or one that reads `f` (run on PostgreSQL 15, with and without the role).
///
/// Sources: <https://www.postgresql.org/docs/18/monitoring-stats.html>; ssl-certificate-rotation-postgresql.html in the RDS
/// user guide.
const LIVE_QUERY: &str = "SELECT a.usename, a.datname, a.client_addr, a.application_name, \
                          CASE WHEN a.backend_start IS NULL THEN 'unknown: no privilege' WHEN s.ssl THEN 'TLS' \
                          ELSE 'no TLS' END AS transport \
                          FROM pg_stat_activity a LEFT JOIN pg_stat_ssl s USING (pid) \
                          WHERE a.usename <> 'rdsadmin' AND coalesce(a.backend_type, 'client backend') = 'client backend'; \
                          -- needs the role pg_read_all_stats or pg_monitor: GRANT pg_read_all_stats TO your_user";

/// The server's log, in all its formats.
///
/// The csv and json logs have the name of the stderr log, with `.csv` or `.json` behind it.
/// The retention is in minutes: 4,320 are three days, and 10,080 seven.
const LOG: Logs = Logs {
    prefix: Some("error/postgresql"),
    name_variants: &[".csv", ".json"],
    switches: &[LogSwitch {
        // From 18 on a list, of which only `authorization` writes the record with the transport.
        on: &["on", "all", "authorization"],
        member: Some("authorization"),
        ..LogSwitch::new(
            "log_connections",
            "https://www.postgresql.org/docs/18/runtime-config-logging.html#GUC-LOG-CONNECTIONS",
        )
    }],
    // A session that ends and whose connection was not seen is older than the log.
    also: &[LogSwitch::new(
        "log_disconnections",
        "https://www.postgresql.org/docs/18/runtime-config-logging.html#GUC-LOG-DISCONNECTIONS",
    )],
    records_tls: true,
    // Received, authenticated, authorized, and disconnected, with the longer of the two prefixes that RDS allows.
    bytes_a_session: Some(850),
    start_from_name: log_begun,
    in_utc: false,
    // USER_LogAccess.Concepts.PostgreSQL.html
    rotation: LogRotation { parameter: Some("log_rotation_age"), default: 60 },
    retention: Retention { parameter: Some("rds.log_retention_period"), default: 4320, max: 10080 },
    // USER_LogAccess.Concepts.PostgreSQL.html; AuroraPostgreSQL.CloudWatch.html.
    export: Some(Export {
        log_type: "postgresql",
        groups: &["/aws/rds/instance/{instance}/postgresql", "/aws/rds/cluster/{cluster}/postgresql"],
        dated: true,
        terms: Some(message::TERMS),
    }),
    ..Logs::new("postgresql")
};

/// The start of a log, by the names that RDS and Aurora give: `postgresql.log.%Y-%m-%d-%H` and `-%H%M`.
///
/// Source: <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_LogAccess.Concepts.PostgreSQL.html>.
///
/// ```text
/// error/postgresql.log.2026-11-23-12
/// error/postgresql.log.2026-11-23-1230.csv
/// ```
///
/// Microseconds since 1970, in UTC. The ending of the csv or json log is ignored.
/// None for the current log without a time in its name, for another shape, and for a date that does not exist.
fn log_begun(name: &str) -> Option<Micros> {
    let stamp = ENGINE.log_identity(name).rsplit_once(".log.")?.1.as_bytes();
    let part = |from: usize| digits::number_at(stamp, from..from + 2);
    let rest = digits::after_shape(stamp, b"0000-00-00-00")?;
    let minute = match rest {
        [] => 0,
        [_, _] => part(13)?,
        _ => return None,
    };
    instant([digits::number_at(stamp, 0..4)?, part(5)?, part(8)?], [part(11)?, minute, 0], 0, 0)
}

#[cfg(test)]
mod tests {
    use super::log_begun;

    /// Rows of names without a time: no stamp, one without an hour, and one with a month that does not exist.
    #[test]
    fn names_tell_when_a_log_was_begun() {
        let noon = Some(1_795_435_200_000_000);
        assert_eq!(log_begun("error/postgresql.log.2026-11-23-12"), noon);
        assert_eq!(log_begun("error/postgresql.log.2026-11-23-1200.csv"), noon);
        assert_eq!(log_begun("error/postgresql.log.2026-11-23-1230"), noon.map(|noon| noon + 1_800_000_000));
        for name in ["error/postgresql.log", "error/postgresql.log.2026-11-23", "error/postgresql.log.2026-13-23-12"] {
            assert_eq!(log_begun(name), None, "{name}");
        }
    }
}
