//! MySQL, MariaDB and Aurora MySQL, which share their logs' formats.

mod audit;
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
fn mysql_parsers(head: &[u8], hints: &Hints) -> Parsers {
    let told = hints.engine.is_some();
    parsers(MYSQL, head, told, if told { Dialect::Either } else { Dialect::Mysql })
}

/// The parsers that a log of RDS for MariaDB beginning with `head` may be for.
fn mariadb_parsers(head: &[u8], hints: &Hints) -> Parsers {
    let told = hints.engine.is_some();
    parsers(MARIADB, head, told, if told { Dialect::Either } else { Dialect::Maria })
}

/// The parsers that a log of Aurora MySQL beginning with `head` may be for.
///
/// Its general log is MySQL's to the letter, and is shown as MySQL's where nobody says whose it is.
fn aurora_parsers(head: &[u8], hints: &Hints) -> Parsers {
    let told = hints.engine.is_some();
    let mut parsers = parsers(if told { AURORA_MYSQL } else { MYSQL }, head, told, Dialect::Mysql);
    parsers.retain(|parser| parser.format() != "audit");
    parsers.push(Box::new(Audit::new(AURORA_MYSQL, Dialect::Aurora)));
    parsers
}

/// Both formats. A general log is offered by the engine that wrote it, by the beginning; where that does not tell, by
/// MySQL, or by the engine that it is said to be. A slow log, which begins with the same heading, is no general log.
fn parsers(engine: &'static str, head: &[u8], told: bool, dialect: Dialect) -> Parsers {
    let writer = Writer::of(head);
    let mut parsers: Parsers = vec![Box::new(Audit::new(engine, dialect))];
    if !writer.slow && (told || writer.engine.unwrap_or(MYSQL) == engine) {
        parsers.push(Box::new(General::new(engine, head)));
    }
    parsers
}
