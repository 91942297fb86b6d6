//! PostgreSQL: RDS for PostgreSQL and Aurora PostgreSQL.

mod authorized;
mod csvlog;
mod failure;
mod infer;
mod jsonlog;
mod message;
mod prefix;
mod stderr;
mod time;
mod translation;

pub use csvlog::Csvlog;
pub use jsonlog::Jsonlog;
pub use prefix::Prefix;
pub use stderr::Stderr;

use jiff::civil::DateTime;

use crate::detect::Hints;
use crate::engine::{Engine, Export, LogSwitch, Logs, Parsers, Restart, TlsSwitch, Values};
use crate::event::{Micros, SessionStep};

/// RDS for PostgreSQL and Aurora PostgreSQL.
pub static ENGINE: Engine = Engine {
    id: "postgres",
    title: "PostgreSQL",
    aws_names: &["postgres", "aurora-postgresql"],
    parsers,
    // <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Appendix.PostgreSQL.CommonDBATasks.Roles.html> for
    // rdsadmin; rds-proxy.html for rdsproxyadmin. The two others are seen in public logs and are not documented.
    system_users: &["rdsadmin", "rdsproxyadmin", "rdsrepladmin", "rdswriteforwarduser"],
    // RDS authenticates members of rds_iam by `hostssl all +rds_iam all pam`.
    iam_methods: &["pam"],
    metrics: Some("AWS/RDS"),
    counts_iam_logins: true,
    system_addresses: &[],
    logs: &[Logs {
        kind: "postgresql",
        prefix: "error/postgresql",
        name_variants: &[".csv", ".json"],
        switches: &[LogSwitch {
            parameter: "log_connections",
            // From 18 on a list, of which only `authorization` writes the record that tells the transport.
            on: &["on", "all", "authorization"],
            default: "off",
            set_to: "1",
            member: Some("authorization"),
            needs_restart: false,
            source: "https://www.postgresql.org/docs/18/runtime-config-logging.html#GUC-LOG-CONNECTIONS",
        }],
        // What ends and was not seen to begin is older than the log.
        also: &[LogSwitch {
            parameter: "log_disconnections",
            on: &["on"],
            default: "off",
            set_to: "1",
            member: None,
            needs_restart: false,
            source: "https://www.postgresql.org/docs/18/runtime-config-logging.html#GUC-LOG-DISCONNECTIONS",
        }],
        records_tls: true,
        // Received, authenticated, authorized, and its end, with the longer of the two prefixes that RDS allows.
        bytes_a_session: Some(850),
        available_as_file: true,
        logs_every_session: true,
        start_from_name: log_begun,
        imitable: false,
        rotates_by_rename: false,
        in_utc: false,
        // USER_LogAccess.Concepts.PostgreSQL.html
        rotation: ("log_rotation_age", 60),
        retention: ("rds.log_retention_period", 4320, 10080),
        // USER_LogAccess.Concepts.PostgreSQL.html; AuroraPostgreSQL.CloudWatch.html.
        export: Some(Export {
            log_type: "postgresql",
            groups: &["/aws/rds/instance/{instance}/postgresql", "/aws/rds/cluster/{cluster}/postgresql"],
            dated: true,
            terms: Some(message::TERMS),
        }),
    }],
    tls_switches: &[
        TlsSwitch {
            parameter: "rds.force_ssl",
            enforces: Values::Only(&["on"]),
            decides: false,
            rules_out: &[],
            unless: &[],
            source: "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/PostgreSQL.Concepts.General.SSL.html",
        },
        TlsSwitch {
            parameter: "ssl",
            enforces: Values::NONE,
            decides: false,
            rules_out: &["off"],
            unless: &[],
            source: "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Appendix.PostgreSQL.CommonDBATasks.Parameters.html",
        },
    ],
    marks_tls_from: Some((9, 4)),
    certificate_elsewhere: None,
    always_tls: None,
    changes_database: false,
    restart: Restart::AsTheApiSays,
    // ssl-certificate-rotation-postgresql.html in the RDS user guide.
    live_query: "SELECT datname, usename, ssl, client_addr FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
                 WHERE ssl AND usename <> 'rdsadmin'",
};

/// The parsers that a log beginning with `head` may be for.
fn parsers(head: &[u8], hints: &Hints) -> Parsers {
    let marks_tls = hints.engine_version.as_deref().is_none_or(|version| ENGINE.marks_tls(version));
    if Jsonlog::recognises(head) {
        return vec![Box::new(Jsonlog::new(marks_tls))];
    }
    let prefix = Stderr::infer(head, hints.year.unwrap_or(1970), hints.log_line_prefix.as_deref());
    let mut parsers: Parsers = vec![Box::new(Csvlog::new(marks_tls))];
    if let Some(prefix) = prefix {
        parsers.push(Box::new(Stderr::new(prefix, marks_tls)));
    }
    parsers
}

/// When a log was begun, by the names that RDS and Aurora give: `postgresql.log.%Y-%m-%d-%H` and `-%H%M`.
///
/// Source: <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_LogAccess.Concepts.PostgreSQL.html>.
fn log_begun(name: &str) -> Option<Micros> {
    let stamp = ENGINE.log_identity(name).rsplit_once(".log.")?.1;
    let mut parts = stamp.split('-');
    let mut part = |widths: &[usize]| {
        let text = parts.next().filter(|text| widths.contains(&text.len()))?;
        text.parse::<i16>().ok()
    };
    let (year, month, day) = (part(&[4])?, part(&[2])?, part(&[2])?);
    let clock = stamp.rsplit_once('-')?.1;
    let (hour, minute) = match part(&[2, 4])? {
        clock_value if clock.len() == 4 => (clock_value / 100, clock_value % 100),
        hour => (hour, 0),
    };
    let narrow = |value: i16| i8::try_from(value).ok();
    let begun = DateTime::new(year, narrow(month)?, narrow(day)?, narrow(hour)?, narrow(minute)?, 0, 0).ok()?;
    jiff::tz::Offset::UTC.to_timestamp(begun).ok().map(jiff::Timestamp::as_microsecond)
}

/// Whether a record of an establishing session claims to come from the middle of a command, as `RAISE LOG` does.
///
/// The server sets the command tag to `authentication` before it authenticates, and to what it executes afterwards.
fn in_a_command(step: &SessionStep<'_>, tag: Option<&[u8]>) -> bool {
    match step {
        SessionStep::Connected(_) | SessionStep::Connecting(_) | SessionStep::Authenticated(_) => {
            tag.is_some_and(|tag| !tag.is_empty() && tag != b"authentication")
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::log_begun;

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
