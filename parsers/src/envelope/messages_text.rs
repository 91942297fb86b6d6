//! The output of `aws logs filter-log-events --query 'events[*].message' --output text`: one line a page, in which tabs
//! stand between the messages. Messages hold tabs, too: an event begins behind a tab where a record of the log does.
//!
//! Example of a page with two events, in which `<TAB>` is a tab:
//!
//! ```text
//! 2026-11-23 18:46:20 UTC::@:[57]:LOG:  ...<TAB>2026-11-23 18:46:21 UTC::@:[58]:LOG:  ...
//! ```
//!
//! Source: `awscli/text.py` of the AWS CLI, and its output in `samples/envelopes`.

use super::lines::Lines;
use super::{Contents, Envelope, EnvelopeError, Head, Members, Unwrap, without_return};
use crate::detect::detect;
use crate::format::RecordParser;

pub(super) const ENVELOPE: Envelope = Envelope {
    name: "CloudWatch Logs messages (text)",
    caveat: Some(
        "this output joins events by tabs, so text of a statement after a tab may look like a record; use --output json",
    ),
    names_members: false,
    delivery: None,
    open,
};

/// Bytes that show whether a record begins.
/// Most that a parser sees behind a tab: long lines with many tabs would be slow otherwise.
const BEGINNING: usize = 4096;

/// Bytes in which a format is looked for first, and lines that are enough for it.
const SHORT: usize = 64 * 1024;
/// Most lines in which it is looked for.
const LINES: usize = 500;

/// Opens text with several records in one line, behind tabs.
///
/// None if the first line has no tab, or if less than nine of ten records share their line with another.
fn open(head: &Head<'_>) -> Option<Box<dyn Unwrap>> {
    memchr::memchr(b'\t', head.first())?;
    let short = head.text.get(..SHORT).and_then(|short| detect(short, head.hints));
    let parser = short.or_else(|| detect(head.text, head.hints))?;
    let joined = |line: &[u8]| joint(parser.as_ref(), line).is_some();
    let (mut joints, mut single) = (0, 0);
    for line in head.lines().filter(|line| parser.begins(line)).take(LINES) {
        *(if joined(line) { &mut joints } else { &mut single }) += 1;
    }
    // The head may be less than one page.
    if joints + single == 0 && !head.whole {
        joints = usize::from(joined(head.first()));
    }
    let is_page = joints > 0 && single * 9 <= joints;
    is_page.then(|| Box::new(Messages { parser, lines: Lines::default(), contents: Contents::default() }) as _)
}

/// Where the first event of a line ends: at a tab behind which another begins.
///
/// The offset of the tab. None if the rest of the line is one event.
fn joint(parser: &dyn RecordParser, line: &[u8]) -> Option<usize> {
    let begins = |tab: &usize| {
        let rest = line.get(tab + 1..).unwrap_or_default();
        parser.begins(rest.get(..BEGINNING).unwrap_or(rest))
    };
    memchr::memchr_iter(b'\t', line).find(begins)
}

/// Reads the lines.
struct Messages {
    /// Recognises where an event begins.
    parser: Box<dyn RecordParser>,
    lines: Lines,
    /// The counts so far. Nothing counts as a misfit here.
    contents: Contents,
}

impl Messages {
    /// Takes a line. `ended` says whether its newline is there.
    fn line(&mut self, line: &[u8], ended: bool, out: &mut dyn Members) {
        let mut rest = without_return(line);
        // What the CLI prints of a page without events.
        if rest == b"None" {
            return;
        }
        while let Some(tab) = joint(self.parser.as_ref(), rest) {
            self.contents.events += 1;
            out.write("", rest.get(..tab).unwrap_or_default());
            out.write("", b"\n");
            rest = rest.get(tab + 1..).unwrap_or_default();
        }
        self.contents.events += 1;
        out.write("", rest);
        if ended {
            out.write("", b"\n");
        }
    }
}

impl Unwrap for Messages {
    fn push(&mut self, piece: &[u8], out: &mut dyn Members) -> Result<(), EnvelopeError> {
        let mut lines = std::mem::take(&mut self.lines);
        let result = lines.push(piece, |line| self.line(line, true, out));
        self.lines = lines;
        result
    }

    fn finish(&mut self, out: &mut dyn Members) -> Result<Contents, EnvelopeError> {
        if let Some(line) = self.lines.last() {
            self.line(&line, false, out);
        }
        Ok(self.contents)
    }
}
