//! Scanning: runs logs through their parsers, and counts what they show.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::io::{self, Read};
use std::path::Path;

use ssl_usage_parsers::envelope::{Contents, Decoder, Encoding, Envelope, Members, Tail, Unwrapper, Wrapping};
use ssl_usage_parsers::{
    ENGINES, Engine, HEAD, Hints, RecordParser, Scanned, Scanner, Tally, UNKNOWN_LANGUAGE, Unrelated, detect, unrelated,
};

use crate::error::{Error, ErrorKind, Result};
use crate::logs::blocks::Blocks;
use crate::logs::decompress::not_read;
use crate::logs::directory::{self, Log};

/// Bytes that are asked for at once.
const PIECE: usize = 1024 * 1024;
/// Bytes at the end of a file that show how it ends.
const TAIL: u64 = 16;
/// Bytes of a file's beginning in which a format is looked for.
const FURTHER: u64 = 64 * 1024 * 1024;
/// Bytes of a log stream that one thread searches at once, where many are read side by side.
const BLOCK: usize = 256 * 1024;
/// Most log streams that one file may hold: each takes some memory while it is read.
const STREAMS_MAX: usize = 256;

/// A log that was read to its end.
#[derive(Clone, Debug)]
pub struct Scan {
    /// Engine whose format was recognised.
    pub engine: &'static str,
    /// The format.
    pub format: &'static str,
    /// The `log_line_prefix` that lines were read with, of PostgreSQL's stderr logs.
    pub log_line_prefix: Option<String>,
    /// What the scan says of the log as a whole.
    pub scanned: Scanned,
}

impl Scan {
    fn of(parser: &dyn RecordParser, scanned: Scanned) -> Self {
        let log_line_prefix = parser.log_line_prefix().map(str::to_owned);
        Self { engine: parser.engine(), format: parser.format(), log_line_prefix, scanned }
    }
}

/// What became of one log.
#[derive(Debug)]
pub enum Outcome {
    /// It was read.
    Read(Scan),
    /// It has no bytes.
    Empty,
    /// It is no connection log.
    Unrelated(&'static Unrelated),
    /// It could not be read.
    Failed(Error),
}

/// One log: a file, a file of an archive, or a log stream of an envelope.
#[derive(Debug)]
pub struct Row {
    /// Its name: `archive!file!stream`.
    pub name: String,
    /// The envelope that it was in.
    pub envelope: Option<&'static str>,
    /// What became of it.
    pub outcome: Outcome,
    /// What it shows.
    pub tally: Tally,
    /// What a reader should know of its envelope.
    pub notes: Vec<String>,
    /// What of its envelope could not be read.
    pub problem: Option<Error>,
}

impl Row {
    fn new(name: &str, outcome: Outcome) -> Self {
        let (envelope, tally) = (None, Tally::default());
        Self { name: name.to_owned(), envelope, outcome, tally, notes: Vec::new(), problem: None }
    }
}

/// Scans the log at `path`, or the logs that are in it; `-` is standard input.
pub fn scan(path: &Path, hints: &Hints, threads: usize) -> Vec<Row> {
    let name = path.display().to_string();
    let context = Context { hints, threads };
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

#[derive(Clone, Copy)]
struct Context<'a> {
    hints: &'a Hints,
    threads: usize,
}

impl Context<'_> {
    /// The rows of one file; one that could not be read is one row, whatever was read of it.
    fn rows(self, name: &str, read: impl FnOnce(Self) -> Result<Vec<Row>>) -> Vec<Row> {
        read(self).unwrap_or_else(|error| vec![Row::new(name, Outcome::Failed(error))])
    }

    /// A file on disk. One that is as the engine wrote it is searched block by block.
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
            Err(error) => self.further(name, file).ok_or(error)?,
        };
        let mut tally = of_engine(parser.as_ref());
        let scanner = Scanner::new(parser.as_ref(), self.threads);
        let mark = mark as u64;
        let view = |range: std::ops::Range<u64>| file.view(range.start + mark..range.end + mark);
        let scanned = scanner.scan_at(file.length() - mark, view, &mut tally).map_err(fail)?;
        file.is_whole().map_err(fail)?;
        refuse_foreign(name, &scanned)?;
        let scan = Scan::of(parser.as_ref(), scanned);
        Ok(vec![Row { tally, ..Row::new(name, Outcome::Read(scan)) }])
    }

    /// The parser for a log whose beginning shows no format: it may begin in the middle of a long statement.
    fn further(self, name: &str, file: &Blocks) -> Option<Parser> {
        let offsets = (HEAD as u64..file.length().min(FURTHER)).step_by(HEAD);
        offsets.into_iter().find_map(|at| {
            let window = file.view(at..file.length().min(at + HEAD as u64)).ok()?;
            // A line that is cut proves nothing.
            let start = memchr::memchr(b'\n', &window)? + 1;
            self.recognise(name, window.get(start..)?).ok()
        })
    }

    /// Anything else.
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

    /// What is in an envelope.
    fn wrapped(
        self,
        name: &str,
        envelope: &'static Envelope,
        mut pieces: Pieces<impl Read>,
        end: Tail<'_>,
    ) -> Result<Vec<Row>> {
        let fail = |error: ssl_usage_parsers::envelope::EnvelopeError| {
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
        }
        if let Some(first) = rows.first_mut() {
            first.notes = notes(envelope, &contents);
            first.problem = problem(name, envelope, &contents);
        }
        Ok(with_problem(rows, broken))
    }

    /// What a log is that begins with `head`, if it is no connection log. A given format takes precedence.
    fn unrelated(self, head: &[u8]) -> Option<&'static Unrelated> {
        if self.hints.format.is_some() { None } else { unrelated(head) }
    }

    /// The parser for a log that begins with `head`.
    ///
    /// # Errors
    ///
    /// When no format matches, or the lines have another prefix than the given one.
    fn recognise(self, name: &str, head: &[u8]) -> Result<Parser> {
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

/// Rows of a stream that broke off: what was read before still counts, unless no log was found in that.
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

/// What a reader should know of an envelope.
fn notes(envelope: &Envelope, contents: &Contents) -> Vec<String> {
    let mut notes: Vec<_> = envelope.caveat.map(str::to_owned).into_iter().collect();
    if contents.duplicates > 0 {
        notes.push(format!("{} events were delivered more than once; each counts once", contents.duplicates));
    }
    if contents.disordered > 0 {
        notes.push(format!("{} events are older than the event before them", contents.disordered));
    }
    if contents.more {
        notes.push(
            "only a part of the log: the AWS CLI output says that more pages follow. Run the command again without \
             --no-paginate, --max-items and --starting-token."
                .to_owned(),
        );
    }
    if contents.page {
        notes.push(
            "get-log-events fetches only one page. If the log has more, use `aws logs filter-log-events`, which fetches all pages."
                .to_owned(),
        );
    }
    notes
}

/// What of an envelope could not be read.
fn problem(name: &str, envelope: &Envelope, contents: &Contents) -> Option<Error> {
    let mut what = Vec::new();
    if contents.misfits > 0 {
        let Contents { misfits, events, .. } = contents;
        what.push(format!(
            "could not read {misfits} parts of this {} as events ({events} could be read)",
            envelope.name
        ));
    }
    if contents.cut {
        what.push(format!("this {} ends in the middle of an event", envelope.name));
    }
    let error = (!what.is_empty()).then(|| Error::new(ErrorKind::Format, name, what.join(", and ")))?;
    Some(error.hint("export or download the log again, because the counts may be too low"))
}

/// A file on disk as a stream.
struct FileReader<'f> {
    file: &'f Blocks,
    at: u64,
}

impl Read for FileReader<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.file.length() - self.at).unwrap_or(usize::MAX);
        let length = left.min(into.len());
        self.file.read(into.get_mut(..length).unwrap_or_default(), self.at)?;
        self.at += length as u64;
        Ok(length)
    }
}

/// A stream in UTF-8, piece by piece, the first of which shows what it is.
struct Pieces<R> {
    name: String,
    stream: R,
    decoder: Decoder,
    raw: Vec<u8>,
    text: Vec<u8>,
    /// What is left of the beginning.
    head: Vec<u8>,
    /// Whether the beginning is all of it.
    whole: bool,
    /// Why no more can be read.
    broken: Option<Error>,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Head,
    Rest,
    End,
}

impl<R: Read> Pieces<R> {
    fn new(name: &str, mut stream: R) -> Result<Self> {
        let mut raw = Vec::new();
        // What was read before a stream breaks off is in `raw`; the error comes again when more is asked for.
        let broken = stream.by_ref().take(HEAD as u64).read_to_end(&mut raw);
        let broken = broken.err().map(|error| Error::io(Path::new(name), error));
        if raw.is_empty()
            && let Some(error) = broken
        {
            return Err(error);
        }
        let mut decoder = Decoder::new(&raw);
        let mut text = Vec::new();
        let head = decoder.push(&raw, &mut text).to_vec();
        let whole = raw.len() < HEAD && broken.is_none();
        Ok(Self { broken, name: name.to_owned(), stream, decoder, raw, text, head, whole, state: State::Head })
    }

    fn head(&self) -> &[u8] {
        &self.head
    }

    fn next(&mut self) -> Result<Option<&[u8]>> {
        match self.state {
            State::Head => {
                self.state = if self.whole { State::End } else { State::Rest };
                Ok(Some(&self.head))
            }
            State::Rest => {
                if let Some(error) = self.broken.take() {
                    self.state = State::End;
                    return Err(error);
                }
                self.raw.clear();
                let read = self.stream.by_ref().take(PIECE as u64).read_to_end(&mut self.raw);
                self.broken = read.err().map(|error| Error::io(Path::new(&self.name), error));
                if self.raw.is_empty() && self.broken.is_some() {
                    return self.next();
                }
                if self.raw.is_empty() {
                    self.state = State::End;
                    return self.next();
                }
                Ok(Some(self.decoder.push(&self.raw, &mut self.text)))
            }
            State::End => Ok(self.decoder.last()),
        }
    }
}

type Parser = Box<dyn RecordParser>;

/// Slots for the parsers of log streams, which scanners borrow.
fn slots(count: usize) -> Vec<OnceCell<Parser>> {
    (0..count).map(|_| OnceCell::new()).collect()
}

/// The logs of one file, read side by side.
struct Streams<'s> {
    context: Context<'s>,
    file: &'s str,
    slots: &'s [OnceCell<Parser>],
    threads: usize,
    streams: Vec<Stream<'s>>,
    names: HashMap<String, usize>,
    last: usize,
    too_many: bool,
}

/// One log.
struct Stream<'s> {
    name: String,
    tally: Tally,
    reading: Reading<'s>,
}

enum Reading<'s> {
    /// Its beginning is still to come.
    Head(Vec<u8>),
    Scanning(&'s dyn RecordParser, Box<Scanner<'s>>),
    Done(Outcome),
}

impl<'s> Streams<'s> {
    fn new(context: Context<'s>, file: &'s str, slots: &'s [OnceCell<Parser>], threads: usize) -> Self {
        let (streams, names) = (Vec::new(), HashMap::new());
        Self { context, file, slots, threads, streams, names, last: 0, too_many: false }
    }

    /// The index of the stream of this name.
    fn index_of(&mut self, name: &str) -> usize {
        if self.streams.get(self.last).is_some_and(|stream| stream.name == name) {
            return self.last;
        }
        self.last = match self.names.get(name) {
            Some(index) => *index,
            None => {
                let index = self.streams.len();
                if index < self.slots.len() {
                    let (name, tally) = (name.to_owned(), Tally::default());
                    self.names.insert(name.clone(), index);
                    self.streams.push(Stream { name, tally, reading: Reading::Head(Vec::new()) });
                } else {
                    self.too_many = true;
                }
                index
            }
        };
        self.last
    }

    /// Begins to scan a stream whose beginning is there.
    fn begin(&mut self, index: usize) {
        let (Some(stream), Some(slot)) = (self.streams.get_mut(index), self.slots.get(index)) else { return };
        let Reading::Head(head) = &mut stream.reading else { return };
        let head = std::mem::take(head);
        let name = if stream.name.is_empty() { self.file.to_owned() } else { format!("{}!{}", self.file, stream.name) };
        stream.reading = if head.is_empty() {
            Reading::Done(Outcome::Empty)
        } else if let Some(unrelated) = self.context.unrelated(&head) {
            Reading::Done(Outcome::Unrelated(unrelated))
        } else {
            match self.context.recognise(&name, &head) {
                Ok(parser) => {
                    let parser = slot.get_or_init(|| parser).as_ref();
                    stream.tally = of_engine(parser);
                    let scanner = Scanner::new(parser, self.threads);
                    let mut scanner = if self.slots.len() > 1 { scanner.in_blocks_of(BLOCK) } else { scanner };
                    scanner.push(&head, &mut stream.tally);
                    Reading::Scanning(parser, Box::new(scanner))
                }
                Err(error) => Reading::Done(Outcome::Failed(error)),
            }
        };
    }

    /// Ends all, in the order in which they began.
    fn finish(mut self) -> Vec<Row> {
        for index in 0..self.streams.len() {
            self.begin(index);
        }
        let file = self.file;
        let rows = self.streams.into_iter().map(|Stream { name, mut tally, reading }| {
            let name = if name.is_empty() { file.to_owned() } else { format!("{file}!{name}") };
            let outcome = match reading {
                Reading::Scanning(parser, scanner) => {
                    let scanned = scanner.finish(&mut tally);
                    match refuse_foreign(&name, &scanned) {
                        Ok(()) => Outcome::Read(Scan::of(parser, scanned)),
                        Err(error) => Outcome::Failed(error),
                    }
                }
                Reading::Done(outcome) => outcome,
                Reading::Head(_) => Outcome::Empty,
            };
            Row { tally, ..Row::new(&name, outcome) }
        });
        rows.collect()
    }
}

impl Members for Streams<'_> {
    fn write(&mut self, member: &str, bytes: &[u8]) {
        let index = self.index_of(member);
        let Some(stream) = self.streams.get_mut(index) else { return };
        match &mut stream.reading {
            Reading::Head(head) => {
                head.extend_from_slice(bytes);
                if head.len() >= HEAD {
                    self.begin(index);
                }
            }
            Reading::Scanning(_, scanner) => scanner.push(bytes, &mut stream.tally),
            Reading::Done(_) => {}
        }
    }
}

/// A tally that knows whose log it is.
fn of_engine(parser: &dyn RecordParser) -> Tally {
    Engine::named(parser.engine()).map(Tally::of).unwrap_or_default()
}

/// Refuses a log whose connection records are in a language that is not read.
///
/// # Errors
///
/// When it is one.
pub(crate) fn refuse_foreign(name: &str, scanned: &Scanned) -> Result<()> {
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

/// The error of a log of unknown format, with advice that helps with this log.
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
            "use --engine {} --log-format {}",
            parser.engine(),
            parser.format()
        ));
    }
    if let Some(unrelated) = unrelated(head) {
        return error(&format!("this is {}, not a connection log", unrelated.what)).hint(unrelated.advice);
    }
    let mut fitting = Vec::new();
    for engine in ENGINES {
        for parser in (engine.parsers)(head, &open) {
            let (engine, format) = (Engine::named(parser.engine()), parser.format().to_owned());
            let narrow = Hints { engine, format: Some(format.clone()), ..hints.clone() };
            let option = format!("--engine {} --log-format {format}", parser.engine());
            if detect(head, &narrow).is_some() && !fitting.contains(&option) {
                fitting.push(option);
            }
        }
    }
    if fitting.len() > 1 {
        return error("the format of this log is ambiguous").hint(format!("use {}", fitting.join(", or ")));
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
                Context { hints: &hints, threads: 2 }.rows(&name, |context| context.plain(&name, &blocks))
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
