//! What a log format is: where its records are looked for, and how one is read.
//!
//! A scan finds a parser's needles in the text, and lets [`RecordParser::read`] decide what stands around each. A format's
//! own module describes its records with examples.

use memchr::memmem;

use crate::event::Parsed;
use crate::time::LogTime;

/// Longest connection record, in bytes. The longest part is an application name: a startup packet of 10,000 bytes,
/// each written as `\xNN` (PostgreSQL `MAX_STARTUP_PACKET_LENGTH`), and csv may double every byte.
pub const RECORD_MAX: usize = 96 * 1024;

/// A chunk of a log, and whether it reaches the log's ends.
#[derive(Clone, Copy, Debug)]
pub struct Chunk<'a> {
    /// The bytes.
    pub text: &'a [u8],
    /// Whether the log begins where `text` begins.
    pub starts: bool,
    /// Whether the log ends where `text` ends.
    pub ends: bool,
}

/// Which times a server writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Chronology {
    /// Every record has its own time, and what a client writes into the log is never a whole record, or is reported.
    #[default]
    Own,
    /// Every record has its own time, none of them earlier than those before, and a client can write records of any time.
    Ordered,
    /// The same, but a time is written only where it changes.
    Changes,
    /// Records without a time are of the last one that is written above them, which no client can write.
    Above,
}

/// Reads the record around a needle, which stands at an offset of one chunk.
pub type Reader<'p, 'a> = Box<dyn FnMut(&[u8], usize) -> Parsed<'a> + 'p>;

/// Reads one format of one engine.
///
/// What a candidate turns out to be depends on at most [`RECORD_MAX`] bytes around the needle, so that a log can be cut
/// into chunks anywhere without changing what is found.
pub trait RecordParser: Send + Sync {
    /// The engine's name: `postgres`.
    fn engine(&self) -> &'static str;

    /// The format's name: `stderr`, `csvlog`, `jsonlog`.
    fn format(&self) -> &'static str;

    /// The `log_line_prefix` that lines are expected to have; none where the format has none.
    fn log_line_prefix(&self) -> Option<&str> {
        None
    }

    /// Whether the numbers of its sessions are connection IDs, which the server counts upwards until it is restarted. No
    /// client can change those in the records of others.
    fn counts_connections(&self) -> bool {
        false
    }

    /// The byte strings that every connection record holds at least one of. They are found one behind the other: what would
    /// overlap another of its kind is not, so that no record may depend on it.
    fn needles(&self) -> &'static [&'static [u8]];

    /// Reads the record around `needle`, one of [`Self::needles`], which stands at `hit`.
    ///
    /// `hit` is an offset in the chunk's text. If a record holds several needles, `read` gives the record for only one of
    /// them, so that it counts once.
    fn read<'a>(&self, chunk: Chunk<'a>, needle: &[u8], hit: usize) -> Parsed<'a>;

    /// Reads the records of one chunk, as [`Self::read`] does.
    ///
    /// The results are the same for any needles in any order. If they come in the order of the text, a format may be read in
    /// less time: what follows one record is often the next.
    fn reader<'p, 'a: 'p>(&'p self, chunk: Chunk<'a>) -> Reader<'p, 'a> {
        Box::new(move |needle, hit| self.read(chunk, needle, hit))
    }

    /// Whether a record of this format, or the log's own heading, begins at the start of `line`.
    fn begins(&self, line: &[u8]) -> bool;

    /// Whether a log may open with `line`: a record begins there, or what is written before the first one.
    fn opens(&self, line: &[u8]) -> bool {
        self.begins(line)
    }

    /// Whether `line` ends a record of several lines.
    fn closes(&self, _line: &[u8]) -> bool {
        false
    }

    /// When the record was written that begins at the start of `line`, if one does.
    fn time(&self, line: &[u8]) -> Option<LogTime>;

    /// Whether fields are quoted and may hold line breaks: such lines are text of clients, whatever they look like.
    fn quotes_lines(&self) -> bool {
        false
    }

    /// Which times the server writes.
    fn chronology(&self) -> Chronology {
        Chronology::Own
    }

    /// Whether a piece of a log, without the text before it, may be the end of a connection record. Lines that begin with a
    /// tab are text of statements.
    fn is_torn(&self, piece: &[u8]) -> bool {
        let line = piece.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let holds = |needle: &&[u8]| memmem::find(piece, needle).is_some();
        !line.starts_with(b"\t") && !self.begins(line) && self.needles().iter().any(holds)
    }

    /// Whether a line, of which only this is left, may have been a connection record. It holds no record that was understood
    /// or reported.
    fn may_be_cut_record(&self, _line: &[u8]) -> bool {
        true
    }

    /// Whether a log's first line, of which only the end is there, may be of a connection record. It holds no record that
    /// was understood or reported.
    fn may_end_record(&self, _line: &[u8]) -> bool {
        false
    }

    /// The language of the connection records in `text`, where it is one that is not read.
    fn unsupported_language(&self, _text: &[u8]) -> Option<&'static str> {
        None
    }

    /// Whether `text`, in which no record was understood, holds sessions in unknown words.
    fn has_unreadable_sessions(&self, _text: &[u8]) -> bool {
        false
    }
}

/// What RDS writes where it cuts a line, behind a blank. The rest of the line is lost, so a session in it may be too.
pub(crate) const TRUNCATED: &[u8] = b"[Your log message was truncated]";

/// Longest beginning of a record that is completed. In bytes. A longer text is never taken for a beginning.
const BEGINNING_MAX: usize = 256;

/// Whether a text may be all that is left of a record that was cut: whether it `matches` with an end of `beginning` behind
/// it.
///
/// `beginning` is a sample, such as the time and the first words of a record. Each of its ends is tried, also the empty one.
/// False for texts longer than [`BEGINNING_MAX`].
pub(crate) fn is_completed(text: &[u8], beginning: &[u8], matches: impl Fn(&[u8]) -> bool) -> bool {
    text.len() <= BEGINNING_MAX
        && (0..=beginning.len()).any(|at| matches(&[text, beginning.get(at..).unwrap_or_default()].concat()))
}
