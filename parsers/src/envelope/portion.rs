//! The output of `aws rds download-db-log-file-portion`. As JSON, the CLI's default, the log is one string a page. As
//! text, each page has a newline behind it; with `--no-paginate`, it also has `True` or `False` before it, which says
//! whether there is more, and a marker behind it. Without these, only the newlines distinguish such text from the log, the last
//! of which ends it. A page may end in the middle of a line, which the newline behind it tears.
//!
//! Examples of a page, in which `<TAB>` is a tab and the log is shortened:
//!
//! ```text
//! {"LogFileData":"2026-11-23 18:46:20 UTC [57] LOG:  ...\n","Marker":"15:4","AdditionalDataPending":false}
//! False<TAB>2026-11-23 18:46:20 UTC [57] LOG:  ...
//! <TAB>15:4
//! ```
//!
//! Source: "DownloadDBLogFilePortion" in the RDS API reference; the output of AWS CLI 1.45, in `samples/envelopes`.

use memchr::memmem;

use super::json::{Part, Target, Walker, first_key};
use super::lines::Lines;
use super::{Contents, Envelope, EnvelopeError, Head, Members, Unwrap, without_return};
use crate::detect::detect;
use crate::digits;
use crate::format::{RECORD_MAX, RecordParser};
use crate::scan::Scanner;
use crate::sink::Tally;

/// `aws rds download-db-log-file-portion --output json`.
pub(super) const JSON: Envelope =
    Envelope { name: "RDS log file portion (JSON)", caveat: None, names_members: false, delivery: None, open: json };

/// The same with `--output text`.
pub(super) const TEXT: Envelope =
    Envelope { name: "RDS log file portion (text)", caveat: None, names_members: false, delivery: None, open: text };

/// Text of all pages.
pub(super) const PAGES: Envelope =
    Envelope { name: "RDS log file portion (text)", caveat: None, names_members: false, delivery: None, open: pages };

/// Opens objects with the log's text.
///
/// None if the first key is another, or if `LogFileData` is not in the head.
fn json(head: &Head<'_>) -> Option<Box<dyn Unwrap>> {
    let keys: [&[u8]; 3] = [b"LogFileData", b"Marker", b"AdditionalDataPending"];
    let known = keys.contains(&first_key(head.text)?) && memmem::find(head.text, b"\"LogFileData\"").is_some();
    let new = || Json { walker: Walker::new(Target::TextOf("LogFileData")), contents: Contents::default() };
    (known && head.tried(&mut new()).is_some_and(|contents| contents.misfits == 0)).then(|| Box::new(new()) as _)
}

/// Reads the objects.
struct Json {
    /// Finds the string, and decodes it as it comes.
    walker: Walker,
    /// The counts so far. Pages are not counted: there is one event, the log.
    contents: Contents,
}

impl Unwrap for Json {
    fn push(&mut self, piece: &[u8], out: &mut dyn Members) -> Result<(), EnvelopeError> {
        let contents = &mut self.contents;
        self.walker.push(piece, &mut |part| match part {
            Part::Text(text) => {
                contents.events = 1;
                out.write("", text);
            }
            Part::Value(_) | Part::Stray => contents.misfits += 1,
        })
    }

    fn finish(&mut self, _: &mut dyn Members) -> Result<Contents, EnvelopeError> {
        Ok(Contents { cut: self.walker.is_within(), more: self.walker.says_more(), ..self.contents })
    }
}

/// Opens text with what the CLI puts around a page.
fn text(head: &Head<'_>) -> Option<Box<dyn Unwrap>> {
    begun(head.text).map(|_| Box::new(Text::default()) as _)
}

/// The log behind what the CLI puts before a page.
///
/// None if the line begins no page.
fn begun(line: &[u8]) -> Option<&[u8]> {
    line.strip_prefix(b"True\t").or_else(|| line.strip_prefix(b"False\t"))
}

/// The log before the marker that the CLI puts behind a page: `15:4`, the hour and an offset in its file, or `0`.
///
/// None if the line ends in no marker. A marker may have a carriage return behind it.
fn marked(line: &[u8]) -> Option<&[u8]> {
    let tab = memchr::memrchr(b'\t', line)?;
    let (log, marker) = (line.get(..tab)?, without_return(line.get(tab + 1..)?));
    let is = match memchr::memchr(b':', marker) {
        Some(colon) => digits::all(marker.get(..colon)?) && digits::all(marker.get(colon + 1..)?),
        None => marker == b"0",
    };
    is.then_some(log)
}

/// Holds a line until the next one shows whether a page ends with it.
#[derive(Default)]
struct Text {
    lines: Lines,
    /// The last line so far, without what begins a page.
    held: Option<Vec<u8>>,
    contents: Contents,
}

impl Text {
    /// Takes the next line. It begins a page only if the line before it ends in a marker, or there is none.
    fn line(&mut self, line: &[u8], out: &mut dyn Members) {
        let log = match begun(line) {
            // Of text that a client wrote, there is no marker before it.
            Some(log) if self.held.as_deref().is_none_or(|held| marked(held).is_some()) => {
                self.end(out);
                self.contents.more = line.starts_with(b"True");
                log
            }
            _ => {
                if let Some(held) = self.held.take() {
                    out.write("", &held);
                    out.write("", b"\n");
                }
                line
            }
        };
        self.held = Some(log.to_vec());
    }

    /// Ends a page with the line that is held.
    ///
    /// A line without a marker is a misfit, and is passed on whole.
    fn end(&mut self, out: &mut dyn Members) {
        if let Some(held) = self.held.take() {
            let marked = marked(&held);
            self.contents.misfits += u64::from(marked.is_none());
            self.contents.events += 1;
            out.write("", marked.unwrap_or(&held));
        }
    }
}

impl Unwrap for Text {
    fn push(&mut self, piece: &[u8], out: &mut dyn Members) -> Result<(), EnvelopeError> {
        let mut lines = std::mem::take(&mut self.lines);
        let result = lines.push(piece, |line| self.line(line, out));
        self.lines = lines;
        result
    }

    fn finish(&mut self, out: &mut dyn Members) -> Result<Contents, EnvelopeError> {
        let last = self.lines.last();
        if let Some(line) = &last {
            self.line(line, out);
        }
        let ended = last.is_none() && self.held.as_deref().is_some_and(|held| marked(held).is_none());
        self.end(out);
        if ended {
            out.write("", b"\n");
        }
        Ok(self.contents)
    }
}

/// Logs that end in an empty line as the engine writes them.
/// Engine and format. An empty line at the end proves nothing there.
const ENDS_EMPTY: [(&str, &str); 1] = [("oracle", "aud")];

/// Opens text whose pages only newlines separate.
///
/// None unless the log ends in an empty line and a parser recognises it.
fn pages(head: &Head<'_>) -> Option<Box<dyn Unwrap>> {
    if !head.tail.ends_with(b"\n\n") && !head.tail.ends_with(b"\n\r\n") {
        return None;
    }
    let parser =
        detect(head.text, head.hints).filter(|parser| !ENDS_EMPTY.contains(&(parser.engine(), parser.format())))?;
    Some(Box::new(Pages { parser, lines: Lines::default(), held: Vec::new(), empty: 0, contents: Contents::default() }))
}

/// Most of a record that is held until the next line shows whether it was torn.
/// In bytes. Of a longer record, the lines before its last are passed on.
const HELD_MAX: usize = 4096;

/// Holds a record until the next one begins.
struct Pages {
    /// Recognises where a record begins.
    parser: Box<dyn RecordParser>,
    lines: Lines,
    /// The record so far, without its last newline. Empty before the first one.
    held: Vec<u8>,
    /// Empty lines behind what is held.
    empty: usize,
    contents: Contents,
}

impl Pages {
    /// Takes the next line. Empty ones are counted, and dropped before a record.
    fn line(&mut self, line: &[u8], out: &mut dyn Members) {
        if without_return(line).is_empty() {
            self.empty += 1;
            return;
        }
        self.contents.events += 1;
        if self.parser.begins(line) {
            // Empty lines before a record are of the CLI.
            self.empty = 0;
            self.end(out);
        } else if self.held.is_empty() {
            (0..std::mem::take(&mut self.empty)).for_each(|_| out.write("", b"\n"));
        } else {
            self.goes_on(line, out);
            return;
        }
        self.held = line.to_vec();
    }

    /// Takes a line that begins no record: the rest of the line before it, if a page ended within that.
    ///
    /// The two are joined without a newline only if that makes a record of them.
    fn goes_on(&mut self, line: &[u8], out: &mut dyn Members) {
        let newlines = |count: usize| vec![b'\n'; count];
        let last = memchr::memrchr(b'\n', &self.held).map_or(0, |newline| newline + 1);
        let start = self.held.get(last..).unwrap_or_default();
        let begins = self.empty == 0 && {
            let whole = [start, line].concat();
            !self.parser.begins(start) && self.parser.begins(&whole)
        };
        if begins {
            out.write("", self.held.get(..last).unwrap_or_default());
            self.held.drain(..last);
            self.held.extend_from_slice(line);
        } else {
            let torn = is_torn(self.parser.as_ref(), &self.held, self.empty, line);
            let between = self.empty + usize::from(!torn);
            self.held.extend(newlines(between));
            self.held.extend_from_slice(line);
        }
        self.empty = 0;
        if self.held.len() > HELD_MAX {
            let last = memchr::memrchr(b'\n', &self.held).map_or(0, |newline| newline + 1);
            out.write("", self.held.get(..last).unwrap_or_default());
            self.held.drain(..last);
        }
    }

    /// Passes on what is held.
    fn end(&mut self, out: &mut dyn Members) {
        if !self.held.is_empty() {
            out.write("", &self.held);
            out.write("", b"\n");
            self.held.clear();
        }
    }
}

/// Whether a record, the empty lines behind it and a line are a connection record only without one of the newlines.
///
/// The text is scanned twice, with that newline and without it. The join must lose nothing, and must gain a record or show
/// more of one.
fn is_torn(parser: &dyn RecordParser, record: &[u8], empty: usize, line: &[u8]) -> bool {
    let between = vec![b'\n'; empty];
    let whole = [record, &between, line, b"\n"].concat();
    if whole.len() > RECORD_MAX / 2 || !parser.needles().iter().any(|needle| memmem::find(&whole, needle).is_some()) {
        return false;
    }
    let shows = |text: &[u8]| {
        let mut tally = Tally::default();
        Scanner::new(parser, 1).scan(text, &mut tally);
        tally
    };
    // A line that belongs to nothing may follow a record, and must not be added to it.
    let torn = match empty {
        0 => shows(&[record, b"\n"].concat()),
        _ => shows(&[record, &between, b"\n", line, b"\n"].concat()),
    };
    let repaired = shows(&whole);
    let [tls, unknown] = [|tally: &Tally| tally.connections.tls, |tally: &Tally| tally.connections.unknown];
    repaired.unparsed() == 0
        && repaired.records() >= torn.records()
        && repaired.connections.sum() >= torn.connections.sum()
        && (repaired.records() > torn.records()
            || repaired.records() > 0 && torn.unparsed() > 0
            || tls(&repaired) > tls(&torn)
            || unknown(&repaired) < unknown(&torn))
}

impl Unwrap for Pages {
    fn push(&mut self, piece: &[u8], out: &mut dyn Members) -> Result<(), EnvelopeError> {
        let mut lines = std::mem::take(&mut self.lines);
        let result = lines.push(piece, |line| self.line(line, out));
        self.lines = lines;
        result
    }

    fn finish(&mut self, out: &mut dyn Members) -> Result<Contents, EnvelopeError> {
        if let Some(line) = self.lines.last() {
            self.line(&line, out);
            out.write("", &std::mem::take(&mut self.held));
        }
        self.end(out);
        Ok(self.contents)
    }
}
