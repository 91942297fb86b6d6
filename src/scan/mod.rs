//! Scans local logs: what each shows, and how much of it could be read.

mod events;
mod log_text;
mod many;
mod notes;
mod pieces;
mod recognise;
mod streams;

use std::io::Read;
use std::path::Path;

pub(crate) use events::EventFile;
pub(crate) use log_text::LogText;
pub use many::scan_all;
use notes::{notes, problem};
use pieces::{FileReader, Pieces};
pub(crate) use recognise::{recognise, refuse_unsupported_language};
use ssl_usage_parsers::envelope::{Delivery, Encoding, Envelope, EnvelopeError, Members, Tail, Unwrapper, Wrapping};
use ssl_usage_parsers::{HEAD, Hints, RecordParser, Scanned, Scanner, Tally, Unrelated, unrelated};
use streams::{Streams, slots, tally_of};

use crate::error::{Error, ErrorKind, Result};
use crate::logs::blocks::Blocks;
use crate::logs::directory::{self, Log};

/// Bytes at the end of a file that show how it ends.
const TAIL: u64 = 16;
/// Bytes of a file's beginning in which a format is looked for, if its first bytes show none.
const DETECT_WITHIN: u64 = 64 * 1024 * 1024;
/// Most log streams in one file. Each takes some memory while it is read.
const STREAMS_MAX: usize = 256;

/// A log that was read to its end.
#[derive(Clone, Debug)]
pub struct Scan {
    /// The engine that writes this format.
    pub engine: &'static str,
    /// The format.
    pub format: &'static str,
    /// The `log_line_prefix` of PostgreSQL's stderr logs.
    pub log_line_prefix: Option<String>,
    /// The facts about the log as a whole.
    pub scanned: Scanned,
}

impl Scan {
    fn of(parser: &dyn RecordParser, scanned: Scanned) -> Self {
        let log_line_prefix = parser.log_line_prefix().map(str::to_owned);
        Self { engine: parser.engine(), format: parser.format(), log_line_prefix, scanned }
    }
}

/// The result of one log.
#[derive(Debug)]
pub enum Outcome {
    /// It was read.
    Read(Scan),
    /// It is empty.
    Empty,
    /// It is not a connection log.
    Unrelated(&'static Unrelated),
    /// It could not be read.
    Failed(Error),
}

/// One log: a file, a file of an archive, or a log stream of an envelope.
#[derive(Debug)]
pub struct Row {
    /// Its name: `archive!file!stream`.
    pub name: String,
    /// The log stream in the file; empty if the file is one log.
    pub stream: String,
    /// The envelope around it.
    pub envelope: Option<&'static str>,
    /// How CloudWatch Logs delivered its events, each with a time. None for other text.
    pub delivery: Option<Delivery>,
    /// The result.
    pub outcome: Outcome,
    /// What it shows.
    pub tally: Tally,
    /// What users should know about its envelope.
    pub notes: Vec<String>,
    /// The problem, if a part of it could not be read.
    pub problem: Option<Error>,
}

impl Row {
    /// The row of a log of this name, without sessions.
    pub(crate) fn new(name: &str, outcome: Outcome) -> Self {
        let (envelope, delivery, tally) = (None, None, Tally::default());
        let (name, stream) = (name.to_owned(), String::new());
        Self { name, stream, envelope, delivery, outcome, tally, notes: Vec::new(), problem: None }
    }
}

/// The options of a scan.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// What is known of the logs.
    pub hints: &'a Hints,
    /// How many threads scan at the same time.
    pub threads: usize,
    /// Whether lines are counted, which takes a pass over all of the text.
    pub counts_lines: bool,
}

/// Scans the log at `path`, or the logs in an archive. `-` is standard input.
pub fn scan(path: &Path, context: Context<'_>) -> Vec<Row> {
    let name = path.display().to_string();
    let log = if path == Path::new("-") { directory::stdin() } else { directory::open(path) };
    match log {
        Ok(Log::Plain(file)) => context.rows(&name, |context| context.plain(&name, &file)),
        Ok(Log::Stream(stream)) => context.rows(&name, |context| context.stream(&name, stream, Tail::Unknown)),
        Ok(Log::Archive(archive)) => {
            let mut rows = Vec::new();
            let result = archive.each(&name, &mut |member, stream| {
                rows.extend(match stream {
                    Ok(stream) => context.rows(member, |context| context.stream(member, stream, Tail::Unknown)),
                    Err(error) => vec![Row::new(member, Outcome::Failed(error))],
                });
            });
            if result.is_ok() && rows.is_empty() {
                let error = Error::new(ErrorKind::NotFound, &name, "the archive contains no files");
                rows.push(Row::new(&name, Outcome::Failed(error.hint("give an archive with downloaded logs"))));
            }
            rows.extend(result.err().map(|error| Row::new(&name, Outcome::Failed(error))));
            rows
        }
        Err(error) => vec![Row::new(&name, Outcome::Failed(error))],
    }
}

impl Context<'_> {
    /// The scan of one log.
    fn scanner(self, parser: &dyn RecordParser, threads: usize) -> Scanner<'_> {
        let scanner = Scanner::new(parser, threads);
        if self.counts_lines { scanner.counting_lines() } else { scanner }
    }

    /// The rows of one file. A file that could not be read is one row.
    fn rows(self, name: &str, read: impl FnOnce(Self) -> Result<Vec<Row>>) -> Vec<Row> {
        read(self).unwrap_or_else(|error| vec![Row::new(name, Outcome::Failed(error))])
    }

    /// Scans a file on disk, block by block if it is as the engine wrote it.
    fn plain(self, name: &str, file: &Blocks) -> Result<Vec<Row>> {
        let fail = |error| Error::io(Path::new(name), error);
        let head = file.view(0..file.length().min(HEAD as u64)).map_err(fail)?;
        let encoding = Encoding::of(&head);
        let mark = encoding.mark(&head);
        let text = head.get(mark..).unwrap_or_default();
        let last = file.view(file.length().saturating_sub(TAIL)..file.length()).map_err(fail)?;
        let end = if head.len() < HEAD { Tail::Whole } else { Tail::Known(&last) };
        let in_place = matches!(encoding, Encoding::Plain | Encoding::Utf8Mark)
            && !text.is_empty()
            && matches!(Wrapping::of(text, end, self.hints), Wrapping::Plain);
        if !in_place {
            return self.stream(name, FileReader { file, at: 0 }, end);
        }
        if let Some(unrelated) = self.unrelated(text) {
            return Ok(vec![Row::new(name, Outcome::Unrelated(unrelated))]);
        }
        let parser = match self.recognise(name, text) {
            Ok(parser) => parser,
            Err(error) => self.recognise_later(name, file).ok_or(error)?,
        };
        let mut tally = tally_of(parser.as_ref());
        let scanner = self.scanner(parser.as_ref(), self.threads);
        let mark = mark as u64;
        let view = |range: std::ops::Range<u64>| file.view(range.start + mark..range.end + mark);
        let scanned = scanner.scan_at(file.length() - mark, view, &mut tally).map_err(fail)?;
        file.is_whole().map_err(fail)?;
        refuse_unsupported_language(name, &scanned)?;
        let scan = Scan::of(parser.as_ref(), scanned);
        Ok(vec![Row { tally, ..Row::new(name, Outcome::Read(scan)) }])
    }

    /// The parser for a log whose beginning shows no format: it may begin in the middle of a long statement.
    fn recognise_later(self, name: &str, file: &Blocks) -> Option<Box<dyn RecordParser>> {
        let windows = (HEAD as u64..file.length().min(DETECT_WITHIN)).step_by(HEAD);
        windows.into_iter().find_map(|at| {
            let window = file.view(at..file.length().min(at + HEAD as u64)).ok()?;
            // A line that is cut proves nothing.
            let start = memchr::memchr(b'\n', &window)? + 1;
            self.recognise(name, window.get(start..)?).ok()
        })
    }

    /// Scans a stream: compressed, wrapped or encoded logs.
    fn stream(self, name: &str, stream: impl Read, end: Tail<'_>) -> Result<Vec<Row>> {
        let mut pieces = Pieces::new(name, stream)?;
        let end = if pieces.whole { Tail::Whole } else { end };
        if pieces.head().is_empty() {
            return Ok(vec![Row::new(name, Outcome::Empty)]);
        }
        match Wrapping::of(pieces.head(), end, self.hints) {
            Wrapping::Plain => {
                let slots = slots(1);
                let mut streams = Streams::new(self, name, &slots, self.threads);
                let broken = loop {
                    match pieces.next() {
                        Ok(Some(piece)) => streams.write("", piece),
                        Ok(None) => break None,
                        Err(error) => break Some(error),
                    }
                };
                Ok(with_problem(streams.finish(), broken))
            }
            Wrapping::Envelope(envelope) => self.wrapped(name, envelope, pieces, end),
            Wrapping::Unsupported(kind) => {
                Err(Error::new(ErrorKind::Format, name, format!("this is {}", kind.what)).hint(kind.advice))
            }
        }
    }

    /// Scans the logs in an envelope.
    fn wrapped(
        self,
        name: &str,
        envelope: &'static Envelope,
        mut pieces: Pieces<impl Read>,
        end: Tail<'_>,
    ) -> Result<Vec<Row>> {
        let fail = |error: EnvelopeError| {
            Error::new(ErrorKind::Format, name, format!("could not read this {}: {error}", envelope.name))
                .hint(error.advice())
        };
        let slots = slots(if envelope.names_members { STREAMS_MAX } else { 1 });
        let mut streams = Streams::new(self, name, &slots, if envelope.names_members { 1 } else { self.threads });
        let Some(mut unwrapper) = Unwrapper::new(envelope, pieces.head(), end, self.hints) else {
            return Err(Error::new(ErrorKind::Format, name, "the file changed while it was read").hint("scan it again"));
        };
        let broken = loop {
            match pieces.next() {
                Ok(Some(piece)) => unwrapper.push(piece, &mut streams).map_err(fail)?,
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
        };
        let contents = unwrapper.finish(&mut streams).map_err(fail)?;
        if streams.too_many {
            let message = format!("the file contains more than {STREAMS_MAX} log streams");
            return Err(
                Error::new(ErrorKind::Format, name, message).hint("export the log streams of fewer instances at once")
            );
        }
        let mut rows = streams.finish();
        if rows.is_empty() {
            rows.push(Row::new(name, Outcome::Empty));
        }
        for row in &mut rows {
            row.envelope = Some(envelope.name);
            row.delivery = envelope.delivery;
        }
        if let Some(first) = rows.first_mut() {
            first.notes = notes(envelope, &contents);
            first.problem = problem(name, envelope, &contents);
        }
        Ok(with_problem(rows, broken))
    }

    /// The kind of a log that begins with `head`, if it is not a connection log. A format that users name takes precedence.
    fn unrelated(self, head: &[u8]) -> Option<&'static Unrelated> {
        if self.hints.format.is_some() { None } else { unrelated(head) }
    }

    /// The parser for a log that begins with `head`.
    ///
    /// # Errors
    ///
    /// When no format matches, or the lines have another prefix than the given one.
    fn recognise(self, name: &str, head: &[u8]) -> Result<Box<dyn RecordParser>> {
        let parser = recognise(name, head, self.hints)?;
        match (&self.hints.log_line_prefix, parser.log_line_prefix()) {
            (Some(given), Some(found)) if given != found => {
                let message = format!("the log_line_prefix `{given}` does not match the lines of this log");
                let hint = format!("use `{found}`, which matches, or leave --log-line-prefix out");
                Err(Error::new(ErrorKind::Format, name, message).hint(hint))
            }
            _ => Ok(parser),
        }
    }
}

/// The rows of a stream that broke off. Sessions before the break count, if a log was found.
fn with_problem(mut rows: Vec<Row>, broken: Option<Error>) -> Vec<Row> {
    let Some(error) = broken else { return rows };
    match rows.iter_mut().find(|row| matches!(row.outcome, Outcome::Read(_))) {
        Some(row) => {
            row.problem = Some(error.hint("the counts include only what was read before, so they may be too low"))
        }
        None => {
            let name = error.subject().to_owned();
            rows = vec![Row::new(&name, Outcome::Failed(error))];
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    /// A log of more than one block.
    fn log(line: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(line.repeat(6_000_000 / line.len()).as_bytes()).expect("written");
        file
    }

    #[test]
    fn a_log_that_is_truncated_while_it_is_read_is_an_error_that_names_it() {
        let plain = "2026-11-21 05:30:00 UTC:10.0.0.9(5):app@orders:[7]:LOG:  connection authorized: user=app\n";
        // What comes in an envelope is read as a stream.
        let wrapped = format!("2026-11-21T05:30:00.000Z {plain}");
        for line in [plain, &wrapped] {
            let file = log(line);
            let name = file.path().display().to_string();
            let read = |length: u64| {
                let Ok(Log::Plain(blocks)) = directory::open(file.path()) else { panic!("a plain file") };
                file.as_file().set_len(length).expect("another length");
                let hints = Hints::default();
                Context { hints: &hints, threads: 2, counts_lines: false }
                    .rows(&name, |context| context.plain(&name, &blocks))
            };
            let length = file.as_file().metadata().expect("a length").len();
            let whole = read(length);
            assert!(matches!(whole.as_slice(), [Row { outcome: Outcome::Read(_), problem: None, .. }]), "{whole:?}");
            for left in [length - 1, length / 2, 1000, 0] {
                let rows = read(left);
                let problem = |row: &Row| match &row.outcome {
                    Outcome::Failed(error) => Some(error.to_string()),
                    _ => row.problem.as_ref().map(ToString::to_string),
                };
                let said = rows.iter().find_map(problem).unwrap_or_default();
                assert!(said.starts_with(&name) && said.contains("became shorter"), "{left}: {rows:?}");
                file.as_file().set_len(length).expect("another length");
            }
        }
    }
}
