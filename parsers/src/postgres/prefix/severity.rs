//! The words that stand between a prefix and a message: `LOG:  `.
//!
//! ```text
//! LOG:  connection received: host=10.0.0.7 port=49698
//! ERROR:  42P01: relation "x" does not exist
//! ```
//!
//! The second line has the SQLSTATE that `log_error_verbosity = verbose` adds.

use super::values::strip;

/// Severities, and the words that open the further lines of a report.
///
/// Only in English: no record that is counted has one of them in another language.
const SEVERITIES: &[&[u8]] = &[
    b"FATAL",
    b"ERROR",
    b"WARNING",
    b"DETAIL",
    b"HINT",
    b"STATEMENT",
    b"CONTEXT",
    b"QUERY",
    b"LOCATION",
    b"NOTICE",
    b"INFO",
    b"PANIC",
    b"BACKTRACE",
    b"DEBUG",
    b"DEBUG1",
    b"DEBUG2",
    b"DEBUG3",
    b"DEBUG4",
    b"DEBUG5",
];

/// The severity of connection records, in every language: a translated log is recognised too.
const LOG: &[&[u8]] = &[
    b"LOG",
    "LOGG".as_bytes(),
    "DZIENNIK".as_bytes(),
    "СООБЩЕНИЕ".as_bytes(),
    "ЗАПИСУВАННЯ".as_bytes(),
    "日志".as_bytes(),
    "日誌".as_bytes(),
    "로그".as_bytes(),
    "ჟურნალი".as_bytes(),
    "REGISTRO".as_bytes(),
    "JOURNAL".as_bytes(),
    "ПРОТОКОЛ".as_bytes(),
];

/// Where the message begins, if a severity stands at `at`: `LOG:  `, with `00000: ` behind it when verbose.
///
/// The offset counts from the start of `line`. None where no word of these lists stands at `at`.
/// None, too, where the word is not followed by a colon and two blanks.
pub(super) fn severity(line: &[u8], at: usize) -> Option<usize> {
    let input = line.get(at..)?;
    let is_there = |word: &&&[u8]| strip(input, word).is_some_and(|rest| rest.first_chunk() == Some(b":  "));
    // Nearly all records have this one.
    let length = match input.starts_with(b"LOG:  ") {
        true => 3,
        false => LOG.iter().chain(SEVERITIES).find(is_there)?.len(),
    };
    let message = input.get(length + 3..)?;
    let state = message.get(..7).is_some_and(|state| {
        state.ends_with(b": ") && state.iter().take(5).all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase())
    });
    Some(at + length + if state { 10 } else { 3 })
}

/// Whether a severity is that of connection records.
///
/// `severity` is the word alone, without its colon.
pub(in crate::postgres) fn is_log(severity: &[u8]) -> bool {
    LOG.contains(&severity)
}

/// Whether a text ends in a severity.
///
/// The colon behind the severity is not a part of `text`.
pub(in crate::postgres) fn ends_in_severity(text: &[u8]) -> bool {
    ending_severity(text).is_some()
}

/// The severity that a text ends in.
///
/// None where it ends in none. Of `DEBUG` and `DEBUG1`, only one can end a text.
pub(super) fn ending_severity(text: &[u8]) -> Option<&'static [u8]> {
    LOG.iter().chain(SEVERITIES).copied().find(|word| text.ends_with(word))
}
