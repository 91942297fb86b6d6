//! JSON strings, one a line: `download-db-log-file-portion --query LogFileData`, whose string is a page of the log, and
//! `jq '.events[].message'`, whose strings are its events.
//!
//! Example of an event: `"2026-11-23 18:46:20 UTC::@:[57]:LOG:  connection received: host=10.0.1.5 port=41234"`.
//! A page holds many such lines, with `\n` between them. A page may be of any length, since it is decoded as it comes.
//!
//! Source: `awscli/formatter.py` of the AWS CLI; the jq manual.

use super::json::{Part, Target, Walker};
use super::{Contents, Envelope, EnvelopeError, Head, Members, Shown, Unwrap};
use crate::detect::detect;

/// Strings name no log stream.
pub(super) const ENVELOPE: Envelope =
    Envelope { name: "JSON strings with log text", caveat: None, names_members: false, delivery: None, open };

/// Opens lines that are strings, or one string.
///
/// None unless nine of ten lines are strings, and a parser recognises the log in them.
fn open(head: &Head<'_>) -> Option<Box<dyn Unwrap>> {
    if !head.text.trim_ascii_start().starts_with(b"\"") {
        return None;
    }
    let strings: Vec<_> = head.lines().filter(|line| !line.trim_ascii().is_empty()).collect();
    let is_string = |line: &&[u8]| super::json::value(line).is_some_and(|value| value.is_string());
    // One string may be longer than the head.
    let matching = strings.iter().filter(|line| is_string(line)).count();
    if matching * 10 < strings.len() * 9 {
        return None;
    }
    let mut shown = Shown::default();
    let mut tried = Strings::new(true);
    tried.push(head.text, &mut shown).ok()?;
    tried.finish(&mut shown).ok()?;
    let parser = detect(&shown.0, head.hints)?;
    // A page holds many records. An event holds one.
    let mut first = Shown::default();
    let mut page = Strings::new(false);
    page.push(strings.first().copied().unwrap_or(head.text), &mut first).ok()?;
    let records = first.0.split(|byte| *byte == b'\n').filter(|line| parser.begins(line)).count();
    Some(Box::new(Strings::new(records < 2 && strings.len() > 1)))
}

/// Reads the strings.
struct Strings {
    /// Whether each string is an event, and no page.
    events: bool,
    /// It sees each line as the member `text` of an object.
    walker: Walker,
    /// Whether a line has begun and not ended.
    within: bool,
    /// Whether the last text ended in a newline.
    ended: bool,
    contents: Contents,
}

impl Strings {
    /// Reads strings: events, or pieces of a log.
    fn new(events: bool) -> Self {
        let walker = Walker::new(Target::TextOf("text"));
        Self { events, walker, within: false, ended: true, contents: Contents::default() }
    }

    /// Walks over more of an object that holds the string.
    fn walk(&mut self, text: &[u8], out: &mut dyn Members) -> Result<(), EnvelopeError> {
        let Self { walker, ended, contents, .. } = self;
        walker.push(text, &mut |part| match part {
            Part::Text(text) => {
                *ended = text.ends_with(b"\n");
                out.write("", text);
            }
            Part::Value(_) | Part::Stray => contents.misfits += 1,
        })
    }

    /// Ends a line.
    ///
    /// Without effect between two lines. An event gets a newline if its string has none at its end.
    fn end(&mut self, out: &mut dyn Members) -> Result<(), EnvelopeError> {
        if !std::mem::take(&mut self.within) {
            return Ok(());
        }
        self.walk(b"}", out)?;
        self.contents.cut |= self.walker.is_within();
        self.contents.events += 1;
        if self.events && !self.ended {
            out.write("", b"\n");
        }
        Ok(())
    }
}

impl Unwrap for Strings {
    fn push(&mut self, piece: &[u8], out: &mut dyn Members) -> Result<(), EnvelopeError> {
        for part in piece.split_inclusive(|byte| *byte == b'\n') {
            let text = part.strip_suffix(b"\n").unwrap_or(part);
            if !self.within && !text.trim_ascii().is_empty() {
                self.within = true;
                self.walk(b"{\"text\":", out)?;
            }
            self.walk(text, out)?;
            if part.len() > text.len() {
                self.end(out)?;
            }
        }
        Ok(())
    }

    fn finish(&mut self, out: &mut dyn Members) -> Result<Contents, EnvelopeError> {
        self.end(out)?;
        Ok(self.contents)
    }
}
