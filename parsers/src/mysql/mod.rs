//! MySQL, MariaDB and Aurora MySQL, which share their logs' formats.
//!
//! The general log has the transport of sessions from MySQL 5.7 and MariaDB 10.5 on. The audit log has it on RDS for MySQL,
//! and on MariaDB from 12.3 on. Slow logs and error logs are not read.

mod audit;
mod audit_transport;
mod engine;
mod general;
mod head;
mod message;
mod padding;
mod time;

pub use audit::Audit;
pub use engine::{AURORA_ENGINE, ENGINE, MARIADB_ENGINE};
pub use general::General;

use audit::Dialect;
use head::Writer;

use crate::detect::Hints;
use crate::engine::Parsers;

/// The name of RDS for MySQL.
const MYSQL: &str = "mysql";
/// The name of RDS for MariaDB.
const MARIADB: &str = "mariadb";
/// The name of Aurora MySQL.
const AURORA_MYSQL: &str = "aurora-mysql";

/// The parsers that a log of RDS for MySQL beginning with `head` may be for.
///
/// Without a hint, an audit log counts as MySQL's only if its records have the eleventh field, the transport.
fn mysql_parsers(head: &[u8], hints: &Hints) -> Parsers {
    let named = hints.engine.is_some();
    parsers(MYSQL, head, named, if named { Dialect::Either } else { Dialect::Mysql })
}

/// The parsers that a log of RDS for MariaDB beginning with `head` may be for.
///
/// Without a hint, an audit log counts as MariaDB's only if its records have ten fields.
fn mariadb_parsers(head: &[u8], hints: &Hints) -> Parsers {
    let named = hints.engine.is_some();
    parsers(MARIADB, head, named, if named { Dialect::Either } else { Dialect::Maria })
}

/// The parsers that a log of Aurora MySQL beginning with `head` may be for.
///
/// Its general log is MySQL's to the letter, and is shown as MySQL's without a hint.
fn aurora_parsers(head: &[u8], hints: &Hints) -> Parsers {
    let named = hints.engine.is_some();
    let mut parsers = parsers(if named { AURORA_MYSQL } else { MYSQL }, head, named, Dialect::Mysql);
    parsers.retain(|parser| parser.format() != "audit");
    parsers.push(Box::new(Audit::new(AURORA_MYSQL, Dialect::Aurora)));
    parsers
}

/// The parsers of both formats. The beginning of a general log shows which engine wrote it. If it does not, MySQL or the
/// engine of the hints reads it. A slow log, which begins with the same heading, is not a general log.
fn parsers(engine: &'static str, head: &[u8], named: bool, dialect: Dialect) -> Parsers {
    let writer = Writer::of(head);
    let mut parsers: Parsers = vec![Box::new(Audit::new(engine, dialect))];
    if !writer.slow && (named || writer.engine.unwrap_or(MYSQL) == engine) {
        parsers.push(Box::new(General::new(engine, head)));
    }
    parsers
}
