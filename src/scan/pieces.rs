//! Streams in pieces: bytes become UTF-8, and the first piece shows what the stream is.

use std::io::{self, Read};
use std::path::Path;

use ssl_usage_parsers::HEAD;
use ssl_usage_parsers::envelope::Decoder;

use crate::error::{Error, Result};
use crate::logs::blocks::Blocks;

/// Bytes of one piece.
const PIECE: usize = 1024 * 1024;

/// A file on disk as a stream.
pub(super) struct FileReader<'f> {
    pub file: &'f Blocks,
    pub at: u64,
}

impl Read for FileReader<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.file.length() - self.at).unwrap_or(usize::MAX);
        let length = left.min(into.len());
        self.file.read(into.get_mut(..length).unwrap_or_default(), self.at)?;
        self.at += length as u64;
        Ok(length)
    }
}

/// A stream in UTF-8, piece by piece.
pub(super) struct Pieces<R> {
    name: String,
    stream: R,
    decoder: Decoder,
    raw: Vec<u8>,
    text: Vec<u8>,
    /// The first piece.
    head: Vec<u8>,
    /// Whether the first piece is all of it.
    pub whole: bool,
    /// The error that ended the stream.
    broken: Option<Error>,
    state: State,
}

/// The part of a stream that comes next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Head,
    Rest,
    End,
}

impl<R: Read> Pieces<R> {
    /// Reads the first piece of a stream.
    pub(super) fn new(name: &str, mut stream: R) -> Result<Self> {
        let mut raw = Vec::new();
        // The bytes before an error are in `raw`. The error is returned with the next piece.
        let broken = stream.by_ref().take(HEAD as u64).read_to_end(&mut raw);
        let broken = broken.err().map(|error| Error::io(Path::new(name), error));
        if raw.is_empty()
            && let Some(error) = broken
        {
            return Err(error);
        }
        let mut decoder = Decoder::new(&raw);
        let mut text = Vec::new();
        let head = decoder.push(&raw, &mut text).to_vec();
        let whole = raw.len() < HEAD && broken.is_none();
        Ok(Self { broken, name: name.to_owned(), stream, decoder, raw, text, head, whole, state: State::Head })
    }

    /// The first piece.
    pub(super) fn head(&self) -> &[u8] {
        &self.head
    }

    /// The next piece. None at the end.
    pub(super) fn next(&mut self) -> Result<Option<&[u8]>> {
        match self.state {
            State::Head => {
                self.state = if self.whole { State::End } else { State::Rest };
                Ok(Some(&self.head))
            }
            State::Rest => {
                if let Some(error) = self.broken.take() {
                    self.state = State::End;
                    return Err(error);
                }
                self.raw.clear();
                let read = self.stream.by_ref().take(PIECE as u64).read_to_end(&mut self.raw);
                self.broken = read.err().map(|error| Error::io(Path::new(&self.name), error));
                if self.raw.is_empty() && self.broken.is_some() {
                    return self.next();
                }
                if self.raw.is_empty() {
                    self.state = State::End;
                    return self.next();
                }
                Ok(Some(self.decoder.push(&self.raw, &mut self.text)))
            }
            State::End => Ok(self.decoder.last()),
        }
    }
}
