//! MySQL, MariaDB and Aurora MySQL.

mod engine;

pub use engine::{AURORA, MARIADB, MYSQL};

use crate::detect::Hints;
use crate::engine::Parsers;

/// The parsers that a log beginning with `_head` may be for.
fn mysql_parsers(_head: &[u8], _hints: &Hints) -> Parsers {
    Vec::new()
}

/// The parsers that a log beginning with `_head` may be for.
fn mariadb_parsers(_head: &[u8], _hints: &Hints) -> Parsers {
    Vec::new()
}

/// The parsers that a log beginning with `_head` may be for.
fn aurora_parsers(_head: &[u8], _hints: &Hints) -> Parsers {
    Vec::new()
}
