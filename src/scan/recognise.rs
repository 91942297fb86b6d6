//! Recognises the format of a log, and says what to do if that fails.

use ssl_usage_parsers::{ENGINES, Engine, Hints, RecordParser, Scanned, UNKNOWN_LANGUAGE, detect, unrelated};

use crate::error::{Error, ErrorKind, Result};
use crate::logs::decompress::not_read;

/// Refuses a log whose connection records are in an unsupported language.
///
/// # Errors
///
/// When they are.
pub(crate) fn refuse_unsupported_language(name: &str, scanned: &Scanned) -> Result<()> {
    match scanned.unsupported_language {
        Some(UNKNOWN_LANGUAGE) => Err(Error::new(
            ErrorKind::Format,
            name,
            "could not parse its connection records, because they are in an unknown language or follow other text",
        )
        .hint("scan the log as the server wrote it, and let PostgreSQL log in English (set lc_messages to C)")),
        Some(language) => Err(Error::new(ErrorKind::Format, name, format!("its connection records are in {language}"))
            .hint(
                "let the server log in English (PostgreSQL: set lc_messages to C), and scan logs written after the change",
            )),
        None => Ok(()),
    }
}

/// Finds the parser for a log that begins with `head`.
///
/// # Errors
///
/// When no format matches.
pub(crate) fn recognise(name: &str, head: &[u8], hints: &Hints) -> Result<Box<dyn RecordParser>> {
    detect(head, hints).ok_or_else(|| unrecognised(name, head, hints))
}

/// Why no format matches, and what to do about this log.
fn unrecognised(name: &str, head: &[u8], hints: &Hints) -> Error {
    let error = |message: &str| Error::new(ErrorKind::Format, name, message);
    if let Some((packing, command)) = not_read(head) {
        return error(&format!("{packing} compression is not supported"))
            .hint(format!("decompress it first: `{command} | ssl-usage scan -`"));
    }
    let open = Hints { engine: None, format: None, log_line_prefix: None, ..hints.clone() };
    let given = hints.engine.is_some() || hints.format.is_some() || hints.log_line_prefix.is_some();
    if given && let Some(parser) = detect(head, &open) {
        return error("the format of this log does not match the options").hint(format!(
            "use `--engine {} --log-format {}`",
            parser.engine(),
            parser.format()
        ));
    }
    if let Some(unrelated) = unrelated(head) {
        return error(&format!("this is {}, not a connection log", unrelated.what)).hint(unrelated.advice);
    }
    let mut matching = Vec::new();
    for engine in ENGINES {
        for parser in (engine.parsers)(head, &open) {
            let (engine, format) = (Engine::named(parser.engine()), parser.format().to_owned());
            let narrow = Hints { engine, format: Some(format.clone()), ..hints.clone() };
            let option = format!("`--engine {} --log-format {format}`", parser.engine());
            if detect(head, &narrow).is_some() && !matching.contains(&option) {
                matching.push(option);
            }
        }
    }
    if matching.len() > 1 {
        return error("the format of this log is ambiguous").hint(format!("use {}", matching.join(", or ")));
    }
    let error = error("the format of this log is not recognised");
    // Words that PostgreSQL writes before every message, whatever stands before them.
    let postgres =
        [&b"LOG:  "[..], b"FATAL:  ", b"ERROR:  "].iter().any(|word| memchr::memmem::find(head, word).is_some());
    if postgres && hints.log_line_prefix.is_none() && hints.engine.is_none_or(|engine| engine.id == "postgres") {
        return error.hint("set --log-line-prefix to the value that `SHOW log_line_prefix` prints on the server");
    }
    error.hint(
        "scan a connection log of PostgreSQL, MySQL, MariaDB, Aurora, Oracle, SQL Server or DocumentDB, plain, compressed, \
         or as exported by AWS's tools",
    )
}
