//! The output of `aws logs tail`: `--format short` puts the time before each event, `detailed` the time and the log
//! stream. `json` is `detailed` with messages that are JSON spread over several lines.
//!
//! Examples, one of each format:
//!
//! ```text
//! 2026-11-23T18:46:20.123000+00:00 db1.0 2026-11-23 18:46:20 UTC::@:[57]:LOG:  ...
//! 2026-11-23T18:46:20 2026-11-23 18:46:20 UTC::@:[57]:LOG:  ...
//! ```
//!
//! Source: `awscli/customizations/logs/tail.py` of the AWS CLI, version 2.

use super::lines::{Before, Lines, Prefixed};
use super::{Contents, Envelope, EnvelopeError, Members, PART_MAX, Unwrap, named, uncoloured, word};
use crate::digits::after_shape;

/// `aws logs tail --format detailed`, the default.
pub(super) const DETAILED: Envelope = Envelope {
    name: "aws logs tail --format detailed",
    caveat: None,
    names_members: true,
    delivery: None,
    open: |head| {
        let unwrap = Prefixed::events(detailed).matching(head)?;
        Some(Box::new(Gathered { lines: Lines::default(), gathered: None, unwrap }))
    },
};

/// `aws logs tail --format short`.
pub(super) const SHORT: Envelope = Envelope {
    name: "aws logs tail --format short",
    caveat: Some(
        "this output does not name log streams: if the log group has several, their lines are read as one log",
    ),
    names_members: false,
    delivery: None,
    open: |head| Prefixed::events(short).matching(head),
};

/// Splits the time off a line.
///
/// None without a blank behind the time. Colours around the time are left out.
fn short(line: &[u8]) -> Option<Before<'_>> {
    let rest = uncoloured(after_shape(uncoloured(line), b"0000-00-00T00:00:00")?);
    rest.strip_prefix(b" ").map(Before::of)
}

/// Splits the time and the stream's name off a line.
///
/// None if what follows the time may be text of syslog or of Oracle's listener. The fraction of a second may be missing.
fn detailed(line: &[u8]) -> Option<Before<'_>> {
    let time = uncoloured(line);
    let rest = after_shape(time, b"0000-00-00T00:00:00.000000+00:00")
        .or_else(|| after_shape(time, b"0000-00-00T00:00:00+00:00"))?;
    let (stream, message) = word(uncoloured(uncoloured(rest).strip_prefix(b" ")?))?;
    // A line of syslog has the host's name there, and then the program's with its process.
    if word(message).is_some_and(|(program, _)| program.ends_with(b"]:")) {
        return None;
    }
    let stream = stream.strip_suffix(b"\x1b[0m").unwrap_or(stream);
    // No log stream's name has these: it is Oracle's listener that writes ` * ` behind the time.
    if stream.iter().any(|byte| b":*".contains(byte)) {
        return None;
    }
    Some(Before::named(named(b"", stream), message))
}

/// Writes JSON that was spread over lines in one line again, as the engine did.
struct Gathered {
    lines: Lines,
    /// The object so far, from the line that ends in `{` on. None outside of an object.
    gathered: Option<Vec<u8>>,
    /// Takes the lines, each object in one.
    unwrap: Box<dyn Unwrap>,
}

impl Gathered {
    /// Takes a line, with its end.
    ///
    /// # Errors
    ///
    /// [`EnvelopeError::TooLong`] if an object exceeds 16 MiB, and what `unwrap` returns.
    fn line(&mut self, line: &[u8], end: &[u8], out: &mut dyn Members) -> Result<(), EnvelopeError> {
        if let Some(mut text) = self.gathered.take() {
            text.extend(without_blank(line.trim_ascii()));
            if text.len() > PART_MAX {
                return Err(EnvelopeError::TooLong);
            }
            if !line.starts_with(b"}") {
                self.gathered = Some(text);
                return Ok(());
            }
            self.unwrap.push(&text, out)?;
        } else if detailed(line).is_some_and(|before| before.line.trim_ascii() == b"{") {
            self.gathered = Some(line.trim_ascii_end().to_vec());
            return Ok(());
        } else {
            self.unwrap.push(line, out)?;
        }
        self.unwrap.push(end, out)
    }
}

/// A member of an object, `"key": value`, without the blank behind its colon, which PostgreSQL does not write.
///
/// Example: `"pid": 57,` becomes `"pid":57,`. Other text comes back as it is.
fn without_blank(member: &[u8]) -> Vec<u8> {
    match memchr::memmem::find(member, b"\": ").filter(|_| member.starts_with(b"\"")) {
        Some(at) => [member.get(..at + 2).unwrap_or_default(), member.get(at + 3..).unwrap_or_default()].concat(),
        None => member.to_vec(),
    }
}

impl Unwrap for Gathered {
    fn push(&mut self, piece: &[u8], out: &mut dyn Members) -> Result<(), EnvelopeError> {
        let mut lines = std::mem::take(&mut self.lines);
        let mut result = Ok(());
        let pushed = lines.push(piece, |line| {
            if result.is_ok() {
                result = self.line(line, b"\n", out);
            }
        });
        self.lines = lines;
        pushed.and(result)
    }

    fn finish(&mut self, out: &mut dyn Members) -> Result<Contents, EnvelopeError> {
        if let Some(line) = self.lines.last() {
            self.line(&line, b"", out)?;
        }
        let cut = self.gathered.take();
        if let Some(text) = &cut {
            self.unwrap.push(text, out)?;
        }
        let contents = self.unwrap.finish(out)?;
        Ok(Contents { cut: contents.cut || cut.is_some(), ..contents })
    }
}
