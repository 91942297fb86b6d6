//! The output of `aws logs filter-log-events --query 'events[*].message' --output text`: one line a page, in which tabs
//! stand between the messages. Messages hold tabs, too: an event begins behind a tab where a record of the log does.
//!
//! Source: `awscli/text.py` of the AWS CLI, and its output in `samples/envelopes`.

use super::lines::Lines;
use super::{Contents, Envelope, EnvelopeError, Head, Members, Unwrap, without_return};
use crate::detect::detect;
use crate::format::RecordParser;

pub(super) const ENVELOPE: Envelope = Envelope {
    name: "CloudWatch Logs messages (text)",
    caveat: Some(
        "this output joins events by tabs: text of a statement behind a tab cannot be told from a record; use --output json",
    ),
    names_members: false,
    open,
};

/// Bytes that show whether a record begins.
const BEGINNING: usize = 4096;

fn open(head: &Head<'_>) -> Option<Box<dyn Unwrap>> {
    memchr::memchr(b'\t', head.first())?;
    let new = || {
        Some(Messages {
            parser: detect(head.text, head.hints)?,
            lines: Lines::default(),
            contents: Contents::default(),
        })
    };
    let parser = new()?.parser;
    let (mut joints, mut records, mut single) = (0, 0, 0);
    for line in head.lines().filter(|line| parser.begins(line)) {
        let here =
            line.split_inclusive(|byte| *byte == b'\t').count().min(2) > 1 && joint(parser.as_ref(), line).is_some();
        records += 1;
        single += usize::from(!here);
        joints += usize::from(here);
    }
    // The head may be less than one page.
    if records == 0 && !head.whole {
        joints = usize::from(joint(parser.as_ref(), head.first()).is_some());
    }
    (joints > 0 && single * 10 <= records).then(new).flatten().map(|new| Box::new(new) as _)
}

/// Where the first event of a line ends: at a tab behind which another begins.
fn joint(parser: &dyn RecordParser, line: &[u8]) -> Option<usize> {
    let begins = |tab: &usize| {
        let rest = line.get(tab + 1..).unwrap_or_default();
        parser.begins(rest.get(..BEGINNING).unwrap_or(rest))
    };
    memchr::memchr_iter(b'\t', line).find(begins)
}

struct Messages {
    parser: Box<dyn RecordParser>,
    lines: Lines,
    contents: Contents,
}

impl Messages {
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
