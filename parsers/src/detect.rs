//! Which format a log is in, by its content.

use crate::format::RecordParser;
use crate::postgres::{Csvlog, ENGINE, Jsonlog, Prefix, Stderr};

/// Bytes of a log's beginning that are worth giving to [`detect`].
pub const HEAD: usize = 1024 * 1024;

/// What is known of a log from elsewhere.
#[derive(Clone, Debug, Default)]
pub struct Hints {
    /// `log_line_prefix` of a PostgreSQL server; found out from the text when none is given.
    pub log_line_prefix: Option<String>,
    /// Version of the server, as `16.4`.
    pub engine_version: Option<String>,
    /// The year of times that have none (syslog).
    pub year: Option<i16>,
}

/// The parser for a log that begins with `head`; none when no format fits.
pub fn detect(head: &[u8], hints: &Hints) -> Option<Box<dyn RecordParser>> {
    let marks_tls = hints.engine_version.as_deref().is_none_or(|version| ENGINE.marks_tls(version));
    if Jsonlog::recognises(head) {
        return Some(Box::new(Jsonlog::new(marks_tls)));
    }
    let prefix = match &hints.log_line_prefix {
        Some(setting) => Some(Prefix::compile(setting)),
        None => Stderr::infer(head, hints.year.unwrap_or(1970)),
    };
    // The first line that begins a record of either format decides. Later ones prove nothing: statements in a csv log
    // and names in a stderr log can begin lines, and imitate the other format.
    for line in head.split(|byte| *byte == b'\n').take(500) {
        if Csvlog::recognises(line) {
            return Some(Box::new(Csvlog::new(marks_tls)));
        }
        if let Some(prefix) = prefix.as_ref().filter(|prefix| Stderr::recognises(prefix, line)) {
            return Some(Box::new(Stderr::new(prefix.clone(), marks_tls)));
        }
    }
    None
}
