//! Which format a log is in, by its content.
//!
//! All parsers that the hints allow look at each line. The name of a file plays no part, because users rename downloads.

use crate::ENGINES;
use crate::engine::{Engine, Parsers};
use crate::format::RecordParser;

/// Bytes of a log's beginning that are worth giving to [`detect`].
pub const HEAD: usize = 1024 * 1024;

/// What users know about a log.
#[derive(Clone, Debug, Default)]
pub struct Hints {
    /// The engine that wrote it. None lets the text decide.
    pub engine: Option<&'static Engine>,
    /// The name of its format. None lets the text decide.
    pub format: Option<String>,
    /// The current `log_line_prefix` of a PostgreSQL server. Logs may be older than the setting: it is tried first, and the
    /// text decides.
    pub log_line_prefix: Option<String>,
    /// Version of the server, as `16.4`.
    pub engine_version: Option<String>,
    /// The year of times that have none (syslog).
    pub year: Option<i16>,
}

/// The parser for a log that begins with `head`. None if no format matches, or more than one does.
///
/// The first line that begins a record of any format decides. Later lines prove nothing: statements and names can begin
/// lines and imitate another format.
///
/// A hint of an engine or a format only narrows the parsers: the text must still match. If the first line of a record
/// matches the formats of two engines, a hint is required.
pub fn detect(head: &[u8], hints: &Hints) -> Option<Box<dyn RecordParser>> {
    let asked = |engine: &&&Engine| hints.engine.is_none_or(|named| named == **engine);
    let mut parsers: Parsers = Vec::new();
    for parser in ENGINES.iter().filter(asked).flat_map(|engine| (engine.parsers)(head, hints)) {
        let wanted = hints.format.as_deref().is_none_or(|format| format == parser.format());
        // Engines of one family share formats.
        let known = parsers.iter().any(|known| (known.engine(), known.format()) == (parser.engine(), parser.format()));
        if wanted && !known {
            parsers.push(parser);
        }
    }
    for line in head.split(|byte| *byte == b'\n') {
        let mut matching = parsers.iter().enumerate().filter(|(_, parser)| parser.begins(line)).map(|(index, _)| index);
        match (matching.next(), matching.next()) {
            (Some(only), None) => return Some(parsers.swap_remove(only)),
            (Some(_), Some(_)) => return None,
            (None, _) => {}
        }
    }
    None
}
