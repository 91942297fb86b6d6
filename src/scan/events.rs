//! Events of CloudWatch Logs in a file, each with its time: what an export task, a subscription or a query delivered.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use ssl_usage_parsers::Hints;
use ssl_usage_parsers::envelope::{Delivery, Envelope, EventTag, Members, Tail, Unwrapper, Wrapping};

use super::notes::problem;
use super::pieces::Pieces;
use crate::error::{Error, ErrorKind, Result};
use crate::logs::directory::{Opened, unpacked};

/// An event, as its file has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct FileEvent {
    /// Log group and stream, as far as the file names them: `/aws/rds/instance/db1/postgresql/db1.0`, `db1.0`, or nothing.
    pub member: String,
    /// Milliseconds since 1970.
    pub at: i64,
    /// Empty where the file has none.
    pub id: String,
    /// Account of the log group; empty where the file does not name it.
    pub account: String,
    /// Without an end of line.
    pub message: String,
}

/// A file of events that was opened.
pub(crate) struct EventFile {
    name: String,
    pieces: Pieces<Box<dyn Read>>,
    envelope: &'static Envelope,
    unwrapper: Unwrapper,
    /// How the events were delivered.
    pub delivery: Delivery,
}

impl EventFile {
    /// Opens a file; `name` is how errors call it. None if it holds no events of CloudWatch Logs.
    ///
    /// # Errors
    ///
    /// When it cannot be opened or unpacked.
    pub fn open(name: &str, path: &Path) -> Result<Option<Self>> {
        let file = File::open(path).map_err(|error| Error::io(path, error))?;
        Self::of(name, file)
    }

    /// The same, of a stream.
    ///
    /// # Errors
    ///
    /// When it cannot be read or unpacked.
    pub fn of(name: &str, stream: impl Read + 'static) -> Result<Option<Self>> {
        let opened = unpacked(stream).map_err(|error| Error::io(Path::new(name), error))?;
        let Opened::Stream(stream) = opened else { return Ok(None) };
        let pieces = Pieces::new(name, stream)?;
        let hints = Hints::default();
        let end = if pieces.whole { Tail::Whole } else { Tail::Unknown };
        let Wrapping::Envelope(envelope) = Wrapping::of(pieces.head(), end, &hints) else { return Ok(None) };
        let unwrapper = envelope.delivery.zip(Unwrapper::new(envelope, pieces.head(), end, &hints));
        Ok(unwrapper.map(|(delivery, unwrapper)| Self { name: name.to_owned(), pieces, envelope, unwrapper, delivery }))
    }

    /// Passes on the events in the order of the file.
    ///
    /// # Errors
    ///
    /// When the file breaks off, or parts of it are no events. What was read up to there is passed on.
    pub fn read(mut self, each: &mut dyn FnMut(FileEvent)) -> Result<()> {
        let mut events = Events { each, open: None, undated: 0 };
        let mut last = b'\n';
        let wrong = |error| {
            let envelope = self.envelope.name;
            Error::new(ErrorKind::Format, &self.name, format!("could not read this {envelope}: {error}"))
        };
        let broken = loop {
            match self.pieces.next() {
                Ok(Some(piece)) => {
                    last = piece.last().copied().unwrap_or(last);
                    if let Err(error) = self.unwrapper.push(piece, &mut events) {
                        break Some(wrong(error));
                    }
                }
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
        };
        let contents = self.unwrapper.finish(&mut events);
        // An export ends each event with a newline. Without it, the last one may be cut: a TLS mark may be missing at its end.
        let is_cut = self.delivery == Delivery::Export && (broken.is_some() || last != b'\n');
        if is_cut {
            events.open = None;
        }
        events.close();
        let undated = events.undated;
        if let Some(error) = broken {
            return Err(error);
        }
        let contents = contents.map_err(wrong)?;
        if let Some(error) = problem(&self.name, self.envelope, &contents) {
            return Err(error);
        }
        if is_cut {
            let message = "the file ends in the middle of an event, so the rest of the log is missing";
            return Err(Error::new(ErrorKind::Truncated, &self.name, message).hint("copy the whole file again"));
        }
        if undated > 0 {
            let message = format!("{undated} events of this {} have no time", self.envelope.name);
            return Err(Error::new(ErrorKind::Format, &self.name, message).hint("export the log again"));
        }
        if contents.more || contents.page {
            let message = format!("this {} is one page, so the rest of the log may be missing", self.envelope.name);
            return Err(Error::new(ErrorKind::Truncated, &self.name, message).hint("download the whole log"));
        }
        Ok(())
    }
}

/// Joins the bytes of events.
struct Events<'e> {
    each: &'e mut dyn FnMut(FileEvent),
    /// The one that is written, with its bytes.
    open: Option<(FileEvent, Vec<u8>)>,
    /// Bytes that belong to no event with a time.
    undated: u64,
}

impl Events<'_> {
    fn close(&mut self) {
        let Some((mut event, mut bytes)) = self.open.take() else { return };
        while bytes.last().is_some_and(|byte| b"\r\n".contains(byte)) {
            bytes.pop();
        }
        event.message =
            String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
        (self.each)(event);
    }
}

impl Members for Events<'_> {
    fn write(&mut self, member: &str, bytes: &[u8]) {
        match &mut self.open {
            Some((event, message)) => {
                if message.is_empty() && event.member.is_empty() {
                    event.member = member.to_owned();
                }
                message.extend_from_slice(bytes);
            }
            None => self.undated += u64::from(!bytes.trim_ascii().is_empty()),
        }
    }

    fn event(&mut self, tag: EventTag<'_>) {
        self.close();
        let (id, account) = (tag.id.to_owned(), tag.account.to_owned());
        self.open = tag.at.map(|at| (FileEvent { at, id, account, ..FileEvent::default() }, Vec::new()));
    }
}
