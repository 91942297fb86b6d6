//! The output of `aws rds download-db-log-file-portion`. As JSON, the CLI's default, the log is one string a page. As
//! text, each page has a newline behind it; with `--no-paginate`, it also has `True` or `False` before it, which says
//! whether there is more, and a marker behind it. Text of all pages without these has nothing that would tell it from the
//! log.
//!
//! Source: "DownloadDBLogFilePortion" in the RDS API reference; the output of AWS CLI 1.45, in `samples/envelopes`.

use super::json::{Part, Target, Walker, first_key};
use super::lines::Lines;
use super::{Contents, Envelope, EnvelopeError, Head, Members, Unwrap};

pub(super) const JSON: Envelope =
    Envelope { name: "RDS log file portion (JSON)", caveat: None, names_members: false, open: json };

pub(super) const TEXT: Envelope =
    Envelope { name: "RDS log file portion (text)", caveat: None, names_members: false, open: text };

fn json(head: &Head<'_>) -> Option<Box<dyn Unwrap>> {
    let keys: [&[u8]; 3] = [b"LogFileData", b"Marker", b"AdditionalDataPending"];
    let known = keys.contains(&first_key(head.text)?) && memchr::memmem::find(head.text, b"\"LogFileData\"").is_some();
    let new = || Json { walker: Walker::new(Target::TextOf("LogFileData")), contents: Contents::default() };
    (known && head.tried(&mut new()).is_some_and(|contents| contents.misfits == 0)).then(|| Box::new(new()) as _)
}

struct Json {
    walker: Walker,
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
        Ok(Contents { cut: self.walker.is_within(), ..self.contents })
    }
}

fn text(head: &Head<'_>) -> Option<Box<dyn Unwrap>> {
    begun(head.text).map(|_| Box::new(Text::default()) as _)
}

/// The log behind what the CLI puts before a page.
fn begun(line: &[u8]) -> Option<&[u8]> {
    line.strip_prefix(b"True\t").or_else(|| line.strip_prefix(b"False\t"))
}

/// The log before the marker that the CLI puts behind a page: `15:4`, the hour and a place in its file, or `0`.
fn marked(line: &[u8]) -> Option<&[u8]> {
    let tab = memchr::memrchr(b'\t', line)?;
    let (log, marker) = (line.get(..tab)?, super::without_return(line.get(tab + 1..)?));
    let digits = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    let is = match memchr::memchr(b':', marker) {
        Some(colon) => digits(marker.get(..colon)?) && digits(marker.get(colon + 1..)?),
        None => marker == b"0",
    };
    is.then_some(log)
}

/// Holds a line until the next one tells whether a page ends with it.
#[derive(Default)]
struct Text {
    lines: Lines,
    held: Option<Vec<u8>>,
    contents: Contents,
}

impl Text {
    fn line(&mut self, line: &[u8], out: &mut dyn Members) {
        let log = match begun(line) {
            // Of text that a client wrote, there is no marker before it.
            Some(log) if self.held.as_deref().is_none_or(|held| marked(held).is_some()) => {
                self.end(out);
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
