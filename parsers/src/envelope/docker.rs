//! Logs of containers: `docker logs --timestamps` and `kubectl logs --timestamps` put a time before every line, the
//! container runtime of Kubernetes (CRI) writes the time, the stream and whether the line goes on, and Docker's driver
//! `json-file` writes an object for each line.
//!
//! Examples, shortened, one of each:
//!
//! ```text
//! 2026-11-23T18:46:20.123456789Z 2026-11-23 18:46:20 UTC [57] LOG:  connection received: host=10.0.1.5 port=41234
//! 2026-11-23T18:46:20.123456789Z stderr F 2026-11-23 18:46:20 UTC [57] LOG:  connection received: host=10.0.1.5
//! {"log":"2026-11-23 18:46:20 UTC [57] LOG:  ...\n","stream":"stderr","time":"2026-11-23T18:46:20.123456789Z"}
//! ```
//!
//! Sources: `docs/reference/commandline/container_logs.md` of <https://github.com/docker/cli>,
//! `pkg/kubelet/kuberuntime/logs/logs.go` of <https://github.com/kubernetes/kubernetes>,
//! `daemon/logger/jsonfilelog` of <https://github.com/moby/moby>.

use super::json::{Part, Target, Walker};
use super::lines::{Before, Prefixed};
use super::{Contents, Envelope, EnvelopeError, Head, Members, Unwrap, json};
use crate::digits::after_shape;

/// `docker logs --timestamps` and `kubectl logs --timestamps`.
pub(super) const TIMESTAMPS: Envelope = Envelope {
    name: "docker logs --timestamps",
    caveat: None,
    names_members: false,
    delivery: None,
    open: |head| Prefixed::lines(|line| timestamped(line).map(Before::of)).matching(head),
};

/// Files of the container runtime of Kubernetes.
pub(super) const CONTAINER_RUNTIME: Envelope = Envelope {
    name: "container runtime log (CRI)",
    caveat: None,
    names_members: false,
    delivery: None,
    open: |head| Prefixed::lines(runtime).matching(head),
};

/// Files of Docker's driver `json-file`.
pub(super) const JSON_FILE: Envelope =
    Envelope { name: "Docker json-file log", caveat: None, names_members: false, delivery: None, open: json_file };

/// A line behind the time that Docker puts before it, which has nine digits of a second.
///
/// Behind it is `Z` or an offset such as `+01:00`, and then a blank. An empty line may lack the blank. None for other times.
pub(super) fn timestamped(line: &[u8]) -> Option<&[u8]> {
    let rest = after_shape(line, b"0000-00-00T00:00:00.000000000")?;
    let zoned =
        rest.strip_prefix(b"Z").or_else(|| after_shape(rest, b"+00:00")).or_else(|| after_shape(rest, b"-00:00"))?;
    if zoned.is_empty() { Some(zoned) } else { zoned.strip_prefix(b" ") }
}

/// Splits the time, the stream and the tag off a line: `F` for a full line, `P` for a part.
///
/// None if the stream is neither `stdout` nor `stderr`. A part goes on in the next line, without a newline between them.
fn runtime(line: &[u8]) -> Option<Before<'_>> {
    let rest = timestamped(line)?;
    let rest = rest.strip_prefix(b"stdout ").or_else(|| rest.strip_prefix(b"stderr "))?;
    let line = rest.strip_prefix(b"F ").or_else(|| rest.strip_prefix(b"P "))?;
    Some(Before { goes_on: rest.starts_with(b"P"), ..Before::of(line) })
}

/// Opens a log of objects with the driver's keys.
///
/// The driver's keys may come in any order. None unless nine of ten parts are objects of the driver.
fn json_file(head: &Head<'_>) -> Option<Box<dyn Unwrap>> {
    let known = matches!(json::first_key(head.text)?, b"log" | b"stream" | b"time" | b"attrs");
    let new = || JsonFile { walker: Walker::new(Target::Values), contents: Contents::default() };
    (known && head.fits(new())).then(|| Box::new(new()) as Box<dyn Unwrap>)
}

/// Reads objects of the driver `json-file`.
struct JsonFile {
    /// Cuts the objects out of the text.
    walker: Walker,
    contents: Contents,
}

impl Unwrap for JsonFile {
    /// An object without `stream`, or whose `log` is no string, is a misfit.
    fn push(&mut self, piece: &[u8], out: &mut dyn Members) -> Result<(), EnvelopeError> {
        let contents = &mut self.contents;
        self.walker.push(piece, &mut |part| {
            let line = match part {
                Part::Value(value) => json::value(value),
                Part::Text(_) | Part::Stray => None,
            };
            // Every line has its own newline, unless it goes on.
            match line.as_ref().filter(|line| line.get("stream").is_some()).and_then(|line| line.get("log")?.as_str()) {
                Some(text) => {
                    contents.events += 1;
                    out.write("", text.as_bytes());
                }
                None => contents.misfits += 1,
            }
        })
    }

    fn finish(&mut self, _: &mut dyn Members) -> Result<Contents, EnvelopeError> {
        Ok(Contents { cut: self.walker.is_within(), ..self.contents })
    }
}
