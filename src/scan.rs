//! One log through its parser: what it shows, and how much of it could be read.

use std::io::Read;
use std::path::Path;

use ssl_usage_parsers::{Engine, EventSink, HEAD, Hints, RecordParser, Scanned, Scanner, detect};

use crate::error::{Error, ErrorKind, Result};
use crate::logs::directory::{self, Log};

/// Bytes that are asked for at once.
const PIECE: usize = 1024 * 1024;

/// A log that was read to its end.
#[derive(Clone, Copy, Debug)]
pub struct Scan {
    /// Engine whose format was recognised.
    pub engine: &'static str,
    /// The format.
    pub format: &'static str,
    /// What the scan says of the log as a whole.
    pub scanned: Scanned,
}

/// Scans the log at `path`; `-` is standard input. None for an empty log.
///
/// # Errors
///
/// When the log cannot be read, its format is not recognised, or its connection records are in a language that is not
/// read.
pub fn scan(path: &Path, hints: &Hints, threads: usize, sink: &mut dyn EventSink) -> Result<Option<Scan>> {
    let name = path.display().to_string();
    let log = if path == Path::new("-") { directory::stdin()? } else { directory::open(path)? };
    let found = match log {
        Log::Plain(file) => {
            let fail = |error| Error::io(path, error);
            let head = file.view(0..file.length().min(HEAD as u64)).map_err(fail)?;
            if head.is_empty() {
                return Ok(None);
            }
            let parser = recognise(&name, &head, hints)?;
            tell(parser.as_ref(), sink);
            let scanner = Scanner::new(parser.as_ref(), threads);
            let scanned = scanner.scan_at(file.length(), |range| file.view(range), sink).map_err(fail)?;
            Scan { engine: parser.engine(), format: parser.format(), scanned }
        }
        Log::Stream(mut stream) => {
            let fail = |error| Error::io(path, error);
            let mut piece = Vec::with_capacity(HEAD);
            stream.by_ref().take(HEAD as u64).read_to_end(&mut piece).map_err(fail)?;
            if piece.is_empty() {
                return Ok(None);
            }
            let parser = recognise(&name, &piece, hints)?;
            tell(parser.as_ref(), sink);
            let mut scanner = Scanner::new(parser.as_ref(), threads);
            while !piece.is_empty() {
                scanner.push(&piece, sink);
                piece.clear();
                stream.by_ref().take(PIECE as u64).read_to_end(&mut piece).map_err(fail)?;
            }
            Scan { engine: parser.engine(), format: parser.format(), scanned: scanner.finish(sink) }
        }
    };
    refuse_foreign(&name, &found.scanned)?;
    Ok(Some(found))
}

/// Tells whose log it is.
fn tell(parser: &dyn RecordParser, sink: &mut dyn EventSink) {
    if let Some(engine) = Engine::named(parser.engine()) {
        sink.engine(engine);
    }
}

/// Refuses a log whose connection records are in a language that is not read.
///
/// # Errors
///
/// When it is one.
pub(crate) fn refuse_foreign(name: &str, scanned: &Scanned) -> Result<()> {
    match scanned.foreign {
        Some(language) => Err(Error::new(ErrorKind::Format, name, format!("its connection records are in {language}"))
            .hint("set lc_messages to C on the server; records in other languages are not read")),
        None => Ok(()),
    }
}

/// Finds the parser for a log that begins with `head`.
///
/// # Errors
///
/// When no format fits.
pub(crate) fn recognise(name: &str, head: &[u8], hints: &Hints) -> Result<Box<dyn RecordParser>> {
    if head.starts_with(b"\xFF\xFE") || head.starts_with(b"\xFE\xFF") {
        return Err(Error::new(ErrorKind::Format, name, "this log is in UTF-16, as SQL Server writes it on disk")
            .hint("convert it first: `iconv -f UTF-16 -t UTF-8`"));
    }
    detect(head, hints).ok_or_else(|| {
        Error::new(ErrorKind::Format, name, "the format of this log is not recognised")
            .hint("give its --engine and --log-format, or the --log-line-prefix of a PostgreSQL server of its own")
    })
}
