//! The text of one log on disk, piece by piece: decompressed, decoded and out of its envelope.

use std::borrow::Cow;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use ssl_usage_parsers::Hints;
use ssl_usage_parsers::envelope::{Contents, Envelope, Members, Tail, Unwrapper, Wrapping};

use super::notes::problem;
use super::pieces::Pieces;
use crate::error::{Error, ErrorKind, Result};
use crate::logs::directory::{Opened, unpacked};

/// A log that is read from its beginning.
pub(crate) struct LogText {
    name: String,
    pieces: Pieces<Box<dyn Read>>,
    envelope: Option<Wrapped>,
    /// What is missing at the end.
    missing: Option<Error>,
    received: u64,
    /// The last byte.
    last: u8,
}

/// An envelope that is being read.
struct Wrapped {
    envelope: &'static Envelope,
    unwrapper: Unwrapper,
}

/// What comes out of an envelope.
#[derive(Default)]
struct Text(Vec<u8>);

impl Members for Text {
    fn write(&mut self, _: &str, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }
}

impl LogText {
    /// Opens a log; `name` is how errors call it.
    ///
    /// # Errors
    ///
    /// When it cannot be opened, is an archive, or holds the logs of several streams.
    pub fn open(name: &str, path: &Path, hints: &Hints) -> Result<Self> {
        let fail = |error| Error::io(path, error);
        let invalid = |what: String, advice: &str| Err(Error::new(ErrorKind::Format, name, what).hint(advice));
        let stream = match unpacked(File::open(path).map_err(fail)?).map_err(fail)? {
            Opened::Stream(stream) => stream,
            Opened::Archive(..) => {
                return invalid("this is an archive of several files".to_owned(), "unpack it into the folder");
            }
        };
        let pieces = Pieces::new(name, stream)?;
        let end = if pieces.whole { Tail::Whole } else { Tail::Unknown };
        let envelope = match Wrapping::of(pieces.head(), end, hints) {
            Wrapping::Plain => None,
            Wrapping::Envelope(envelope) if envelope.names_members => {
                let what = format!("this is a {}, which contains several log streams", envelope.name);
                return invalid(what, "use `ssl-usage scan` to count its sessions");
            }
            Wrapping::Envelope(envelope) => {
                let unwrapper = Unwrapper::new(envelope, pieces.head(), end, hints);
                unwrapper.map(|unwrapper| Wrapped { envelope, unwrapper })
            }
            Wrapping::Unsupported(kind) => return invalid(format!("this is {}", kind.what), kind.advice),
        };
        Ok(Self { name: name.to_owned(), pieces, envelope, missing: None, received: 0, last: b'\n' })
    }

    /// Bytes of text so far.
    pub fn received(&self) -> u64 {
        self.received
    }

    /// The next piece; none at the end.
    ///
    /// # Errors
    ///
    /// When the rest cannot be read, or is not there.
    pub fn next(&mut self) -> Result<Option<Cow<'_, [u8]>>> {
        let Self { name, pieces, envelope, missing, received, last } = self;
        let piece = next_piece(name, pieces, envelope, missing)?;
        match &piece {
            Some(piece) => {
                *received += piece.len() as u64;
                *last = piece.last().copied().unwrap_or(*last);
            }
            None if std::mem::replace(last, b'\n') != b'\n' => {
                let what = "the file ends in the middle of a line, so the rest of the log is missing";
                return Err(Error::new(ErrorKind::Truncated, &*name, what).hint("copy the whole log again"));
            }
            None => {}
        }
        Ok(piece)
    }
}

/// The next piece of a log, out of its envelope; none at the end. What is missing there is an error of its own.
fn next_piece<'p>(
    name: &str,
    pieces: &'p mut Pieces<Box<dyn Read>>,
    envelope: &mut Option<Wrapped>,
    missing: &mut Option<Error>,
) -> Result<Option<Cow<'p, [u8]>>> {
    let Some(mut wrapped) = envelope.take() else {
        // Behind an envelope there is nothing.
        return match missing.take() {
            Some(missing) => Err(missing),
            None => Ok(pieces.next()?.map(Cow::Borrowed)),
        };
    };
    let kind = wrapped.envelope;
    let fail = |error| Error::new(ErrorKind::Format, name, format!("could not read this {}: {error}", kind.name));
    let mut text = Text::default();
    while text.0.is_empty() {
        match pieces.next()? {
            Some(piece) => wrapped.unwrapper.push(piece, &mut text).map_err(fail)?,
            None => {
                let contents = wrapped.unwrapper.finish(&mut text).map_err(fail)?;
                *missing = lacking(name, kind, &contents);
                return Ok(Some(Cow::Owned(text.0)));
            }
        }
    }
    *envelope = Some(wrapped);
    Ok(Some(Cow::Owned(text.0)))
}

/// What an envelope lacks.
fn lacking(name: &str, envelope: &Envelope, contents: &Contents) -> Option<Error> {
    let is_part = contents.more || contents.page;
    let part = is_part.then(|| {
        let what = format!("this {} is one page, so the rest of the log may be missing", envelope.name);
        Error::new(ErrorKind::Truncated, name, what).hint("download the whole log")
    });
    problem(name, envelope, contents).or(part)
}
