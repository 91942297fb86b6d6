//! One log file: downloaded, scanned and aggregated as it streams by. Its text is held piece by piece and written nowhere.

use std::borrow::Cow;
use std::path::Path;
use std::time::Duration;

use futures_util::FutureExt;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use ssl_usage_parsers::{HEAD, Hints, LogTime, Logs, RecordParser, Scanned, Scanner};

use super::aggregate::Fold;
use super::instance::InstanceLogs;
use super::log_span::Rotation;
use super::stretch::Stretches;
use crate::aws::{Aws, CHECK_ENDPOINT};
use crate::bundle::fact::{Key, Tallied};
use crate::bundle::{GapCause, LogGap, LogRead};
use crate::error::{Error, ErrorKind, Result, TRY_AGAIN};
use crate::logs::download::Download;
use crate::logs::folder::LogFolder;
use crate::logs::rds_portion::{LIST, LogFile};
use crate::progress::Progress;
use crate::scan::{LogText, recognise, refuse_unsupported_language};
use crate::window::Window;

/// How long to wait before a file that broke off is read once more, each time; the last time it is read page by page.
const AGAIN: [Duration; 3] = [Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(0)];

/// Who reads what.
pub(super) struct Reader<'a> {
    pub of: &'a InstanceLogs<'a>,
    pub logs: &'static Logs,
    pub rotation: &'a Rotation,
    pub progress: &'a dyn Progress,
}

/// A file that was read: what was found, and what went wrong.
pub(super) struct Read {
    pub reading: LogRead,
    pub facts: Vec<(Key, Tallied)>,
    pub error: Option<Error>,
}

impl Read {
    /// What is known after another reading from the beginning. Of two that broke off, the longer one has seen all that
    /// the shorter one has; what is wrong with the file is what the last one says.
    fn and_then(self, last: Self) -> Self {
        if last.error.is_none() || last.reading.read_bytes >= self.reading.read_bytes {
            return last;
        }
        let reading = LogRead { gaps: last.reading.gaps, ..self.reading };
        Self { reading, facts: self.facts, error: last.error }
    }
}

/// The text of a log, piece by piece.
pub(super) trait Pieces {
    /// Whether it is a copy of a log, of which no listing says how long it is and when it was written.
    const IS_COPY: bool;
    /// The next piece; none at the end.
    fn next(&mut self) -> impl Future<Output = Result<Option<Cow<'_, [u8]>>>>;
    /// Bytes of the log so far.
    fn received(&self) -> u64;
    /// Whether it broke off, and may come whole another time.
    fn broke_off(&self) -> bool;
}

impl Pieces for Download<'_> {
    const IS_COPY: bool = false;

    async fn next(&mut self) -> Result<Option<Cow<'_, [u8]>>> {
        Ok(self.next().await?.map(Cow::Owned))
    }

    fn received(&self) -> u64 {
        self.received()
    }

    fn broke_off(&self) -> bool {
        self.broke_off()
    }
}

impl Pieces for LogText {
    const IS_COPY: bool = true;

    fn next(&mut self) -> impl Future<Output = Result<Option<Cow<'_, [u8]>>>> {
        std::future::ready(self.next())
    }

    fn received(&self) -> u64 {
        self.received()
    }

    fn broke_off(&self) -> bool {
        false
    }
}

impl Reader<'_> {
    /// Downloads a file and reads it. Whatever happens, what was found up to then is kept, and what is missing is a gap.
    pub async fn download(&self, aws: &Aws, file: &LogFile) -> Read {
        self.progress.log(&self.of.profile.instance, &file.name);
        let instance = self.of.profile.instance.as_str();
        let (mut read, mut broke_off) = self.read_once(file, &file.name, Download::new(aws, instance, file)).await;
        for (wait, left) in AGAIN.iter().zip((0..AGAIN.len()).rev()) {
            if !broke_off {
                break;
            }
            tokio::time::sleep(*wait).await;
            let way = if left == 0 { Download::by_portions } else { Download::new };
            let (last, broke_again) = self.read_once(file, &file.name, way(aws, instance, file)).await;
            (read, broke_off) = (read.and_then(last), broke_again);
        }
        if read.error.is_none() || read.reading.read_bytes > 0 {
            self.progress.log_read();
        }
        read
    }

    /// Reads a copy of a file, as the source of this name.
    pub fn read_copy(&self, file: &LogFile, source: &str, (folder, path): (&LogFolder, &Path)) -> Read {
        self.progress.log(&self.of.profile.instance, source);
        let name = format!("{} {}", self.of.profile.instance, path.display());
        let fetched = folder.fetch(path);
        let opened = fetched.as_ref().map_err(|error| Error::new(error.kind(), &name, error.advice()));
        let opened = opened.and_then(|copy| LogText::open(&name, copy.path(), &self.of.hints()));
        let read = match opened {
            // Nothing of it waits for anything.
            Ok(text) => self.read_once(file, source, text).now_or_never().map(|(read, _)| read),
            Err(error) => Some(self.unreadable(file, source, error)),
        };
        self.progress.log_read();
        read.unwrap_or_else(|| {
            self.unreadable(file, source, Error::new(ErrorKind::Io, name, "the file could not be read"))
        })
    }

    /// A file that is left out.
    pub fn left_out(&self, file: &LogFile) -> LogRead {
        let message = format!("{} {}: left out by --quick", self.of.profile.instance, file.name);
        let gap = LogGap { cause: GapCause::NotRead, message };
        let span = self.rotation.span(file, None, self.of.now()).map(|(span, _)| span);
        let (source, log, last_written) = (file.name.clone(), self.log(&file.name, None), file.last_written);
        LogRead { source, log, listed_bytes: file.listed(), last_written, span, gaps: vec![gap], ..LogRead::default() }
    }

    /// A file of which nothing could be read.
    fn unreadable(&self, file: &LogFile, source: &str, error: Error) -> Read {
        let gap = LogGap { cause: cause(&error), message: error.advice() };
        let span = self.rotation.span(file, None, self.of.now()).map(|(span, _)| span);
        let (source, log) = (source.to_owned(), self.log(&file.name, None));
        let reading = LogRead { source, log, listed_bytes: file.listed(), span, gaps: vec![gap], ..LogRead::default() };
        Read { reading, facts: Vec::new(), error: Some(error) }
    }

    /// Reads a file once. Tells too whether it broke off, and may come whole another time.
    async fn read_once<P: Pieces>(&self, file: &LogFile, source: &str, mut pieces: P) -> (Read, bool) {
        let otherwise = self.rotation.span(file, None, self.of.now()).map(|(span, _)| span.from);
        // A session without a time is in the window, which ends now.
        let latest = self.of.now().checked_sub(SignedDuration::from_secs(1)).unwrap_or(self.of.now());
        let otherwise = otherwise.or(file.last_written).map_or(latest, |otherwise| otherwise.min(latest));
        let mut fold = Fold::new(source, self.of.engine, otherwise.as_microsecond());
        let (found, broken) = self.scan(file, &mut pieces, &mut fold).await;
        let received = pieces.received();
        let subject = || format!("{} {}", self.of.profile.instance, file.name);
        let scanned = found.as_ref().map(|found| &found.scanned);
        let missing = broken.map(|error| (cause(&error), error));
        let missing = missing.or_else(|| if P::IS_COPY { None } else { short(file, received, &subject) });
        let missing = missing.or_else(|| unread(fold.unparsed, scanned, self.logs, &subject));
        let span = match P::IS_COPY {
            true => {
                let shown = found.as_ref().and_then(|found| found.shown);
                self.rotation.span_of_copy(file, (scanned, shown), self.of.now())
            }
            false => self.rotation.span(file, scanned, self.of.now()),
        };
        let instant = |micros: Option<i64>| micros.and_then(|micros| Timestamp::from_microsecond(micros).ok());
        let reading = LogRead {
            source: source.to_owned(),
            log: self.log(&file.name, found.as_ref()),
            format: found.as_ref().map(|found| found.format.to_owned()),
            log_line_prefix: found.as_ref().and_then(|found| found.log_line_prefix.clone()),
            listed_bytes: file.listed(),
            last_written: file.last_written,
            read_bytes: received,
            span: span.map(|(span, _)| span),
            complete: missing.is_none() && span.is_some_and(|(_, ended)| ended),
            records: fold.records,
            sessions: fold.sessions,
            tls_sessions: fold.tls_sessions,
            unknown_sessions: fold.unknown_sessions,
            first_session_at: instant(fold.first_session),
            last_session_at: instant(fold.last_session),
            unparsed: fold.unparsed,
            gaps: missing.iter().map(|(cause, error)| LogGap { cause: *cause, message: error.advice() }).collect(),
            connection_ids: match found.as_ref().is_some_and(|found| found.counts_connections) {
                true => fold.ids.bounds(),
                false => Vec::new(),
            },
        };
        let error = missing.map(|(_, error)| error).or_else(|| unnamed(&fold, &subject));
        let read = Read { reading, facts: fold.into_facts(), error };
        (read, pieces.broke_off())
    }

    /// The log that a file is a form of. Where names pass from file to file, the first record tells: whatever the name, it
    /// stays the same.
    fn log(&self, name: &str, found: Option<&Found>) -> String {
        match found.and_then(|found| found.first_record.as_ref()).filter(|_| self.logs.rotates_by_rename) {
            Some(first) => format!("{}@{first}", self.logs.kind),
            None => self.of.engine.log_identity(name).to_owned(),
        }
    }

    /// Streams a file through its parser. Returns what was found, which is nothing in an empty file, and what broke it
    /// off: what came before that is scanned all the same.
    async fn scan<P: Pieces>(&self, file: &LogFile, pieces: &mut P, fold: &mut Fold) -> (Option<Found>, Option<Error>) {
        let name = format!("{} {}", self.of.profile.instance, file.name);
        let mut broken = None;
        let mut head = Vec::new();
        while head.len() < HEAD {
            let Some(piece) = self.next(pieces, &mut broken).await else { break };
            head.extend_from_slice(&piece);
        }
        if head.is_empty() {
            return (None, broken);
        }
        let parser = match self.of.parser(&name, &head) {
            Ok(parser) => parser,
            Err(error) => return (None, broken.or(Some(error))),
        };
        let written = self.rotation.written(file);
        let first_record = first_record(parser.as_ref(), &head, written);
        // What was written before the window is not listed.
        let since = written.map(|written| written.from.max(self.of.request.window.from).as_microsecond());
        let mut scanner = Scanner::new(parser.as_ref(), 1).written_within(since, self.of.now().as_microsecond());
        let mut stretches = Stretches::default();
        if P::IS_COPY {
            stretches.add(parser.as_ref(), &head);
        }
        scanner.push(&head, fold);
        drop(head);
        while let Some(piece) = self.next(pieces, &mut broken).await {
            if P::IS_COPY {
                stretches.add(parser.as_ref(), &piece);
            }
            scanner.push(&piece, fold);
        }
        let scanned = scanner.finish(fold);
        let unsupported_language = refuse_unsupported_language(&name, &scanned).err();
        let log_line_prefix = parser.log_line_prefix().map(str::to_owned);
        (
            Some(Found {
                format: parser.format(),
                counts_connections: parser.counts_connections(),
                log_line_prefix,
                first_record,
                scanned,
                shown: stretches.longest(),
            }),
            broken.or(unsupported_language),
        )
    }

    /// The next piece; none at the end, or where the file breaks off.
    async fn next<'p, P: Pieces>(&self, pieces: &'p mut P, broken: &mut Option<Error>) -> Option<Cow<'p, [u8]>> {
        if broken.is_some() {
            return None;
        }
        match pieces.next().await {
            Ok(piece) => {
                self.progress.bytes(piece.as_ref().map_or(0, |piece| piece.len() as u64));
                piece
            }
            Err(error) => {
                *broken = Some(error);
                None
            }
        }
    }
}

/// What a file that was recognised shows of itself.
struct Found {
    format: &'static str,
    /// See [`RecordParser::counts_connections`].
    counts_connections: bool,
    log_line_prefix: Option<String>,
    /// See [`first_record`].
    first_record: Option<String>,
    scanned: Scanned,
    /// The longest part of a copy without a gap.
    shown: Option<Window>,
}

/// What tells a log by its beginning, whatever the file is called and however long it has grown: its first time, and all that
/// stands up to there, for many logs may begin in one second. A time out of the span in which the server wrote the log is a client's.
/// None while no line with a time is whole.
fn first_record(parser: &dyn RecordParser, head: &[u8], written: Option<Window>) -> Option<String> {
    let is_servers = |time: &LogTime| {
        let at = Timestamp::from_microsecond(time.at);
        written.is_none_or(|written| at.is_ok_and(|at| written.from <= at && at <= written.to))
    };
    let mut end = 0;
    let mut times = head.split_inclusive(|byte| *byte == b'\n').filter_map(|line| {
        end += line.len();
        Some((end, parser.time(line.strip_suffix(b"\n")?)?))
    });
    let first = times.next()?;
    // The first time identifies even a log that is older than its listing says: its name passes on.
    let (end, time) =
        if is_servers(&first.1) { first } else { times.find(|(_, time)| is_servers(time)).unwrap_or(first) };
    let hash = Sha256::digest(head.get(..end).unwrap_or(head));
    let hash: String = hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    Some(format!("{}-{hash}", time.at))
}

impl InstanceLogs<'_> {
    /// The parser for a log of the instance that begins with `head`. The prefix that the instance has now is the first to be
    /// tried: the log may be older than the setting.
    pub(super) fn parser(&self, name: &str, head: &[u8]) -> Result<Box<dyn RecordParser>> {
        recognise(name, head, &self.hints())
    }

    /// What the settings say of its logs.
    fn hints(&self) -> Hints {
        let engine_version = Some(self.profile.engine_version.clone());
        let format = self.request.log_format.clone();
        let log_line_prefix = self.profile.parameters.get("log_line_prefix").and_then(|prefix| prefix.value.clone());
        Hints { engine: Some(self.engine), engine_version, format, log_line_prefix, year: None }
    }
}

/// The cause of a gap in a file, and its error.
pub(super) type Missing = (GapCause, Error);

/// The gap of a file of which fewer bytes were received than listed, or whose listed size is invalid.
fn short(file: &LogFile, received: u64, subject: &dyn Fn() -> String) -> Option<Missing> {
    let Some(size) = file.size else {
        let message =
            format!("{LIST} failed: the list has no valid size for the log, so the end of the log may be missing");
        let error = Error::new(ErrorKind::Endpoint, subject(), message).hint(CHECK_ENDPOINT);
        return Some((GapCause::Failed, error.call(LIST, None)));
    };
    (received < size).then(|| {
        let message = format!("only {received} of {size} bytes were received, so the rest of the log is missing");
        (GapCause::Truncated, Error::new(ErrorKind::Truncated, subject(), message).hint(TRY_AGAIN))
    })
}

/// The gap of a log that was read: records that could not be parsed, or unusable times.
pub(super) fn unread(
    unparsed: u64,
    scanned: Option<&Scanned>,
    logs: &Logs,
    subject: &dyn Fn() -> String,
) -> Option<Missing> {
    let missing =
        |cause, message: &str, hint: &str| Some((cause, Error::new(ErrorKind::Format, subject(), message).hint(hint)));
    let unknown_zone = |scanned: &Scanned| !logs.in_utc && scanned.last_at.is_some_and(|time| !time.zone_known);
    match scanned {
        _ if unparsed > 0 => missing(
            GapCause::Unparsed,
            &format!("could not parse connection records ({unparsed})"),
            "download the log and run `ssl-usage scan` on it to see where they are",
        ),
        Some(scanned) if scanned.disordered => missing(
            GapCause::Disordered,
            "the times in this log go backwards, so its sessions count, but its hours are not covered",
            "check whether a client wrote records into it, or the server's clock was changed",
        ),
        Some(scanned) if unknown_zone(scanned) => missing(
            GapCause::UnknownZone,
            "the times in this log have no time zone or an ambiguous one, so its sessions count, but its hours are not covered",
            "check the time zone of the server",
        ),
        _ => None,
    }
}

/// The error of a log of so many clients that some count without names.
pub(super) fn unnamed(fold: &Fold, subject: &dyn Fn() -> String) -> Option<Error> {
    fold.shortened.then(|| {
        let message = "the log has too many different clients, so some sessions are counted without client names";
        let hint = "look for a client that connects under many names";
        // Not about the log itself, which was read whole.
        Error::new(ErrorKind::Format, format!("{} (names of clients)", subject()), message).hint(hint)
    })
}

pub(super) fn cause(error: &Error) -> GapCause {
    match error.kind() {
        ErrorKind::Denied | ErrorKind::Credentials => GapCause::Denied,
        ErrorKind::Throttled => GapCause::Throttled,
        ErrorKind::NotFound => GapCause::Vanished,
        ErrorKind::Truncated => GapCause::Truncated,
        ErrorKind::Format => GapCause::UnknownFormat,
        _ => GapCause::Failed,
    }
}
