//! The log streams of one file, each a log of its own, scanned side by side.

use std::cell::OnceCell;
use std::collections::HashMap;

use ssl_usage_parsers::envelope::Members;
use ssl_usage_parsers::{Engine, HEAD, RecordParser, Scanner, Tally};

use super::recognise::refuse_unsupported_language;
use super::{Context, Outcome, Row, Scan};

/// Bytes of a block, if many streams are scanned side by side.
const BLOCK: usize = 256 * 1024;
/// The parser of one stream.
type Slot = OnceCell<Box<dyn RecordParser>>;

/// Room for the parsers of so many streams. Scanners borrow them.
pub(super) fn slots(count: usize) -> Vec<Slot> {
    (0..count).map(|_| OnceCell::new()).collect()
}

/// The streams of one file.
pub(super) struct Streams<'s> {
    context: Context<'s>,
    file: &'s str,
    slots: &'s [Slot],
    threads: usize,
    streams: Vec<Stream<'s>>,
    /// Indices of streams, by name.
    indices: HashMap<String, usize>,
    /// The index of the stream that was written last.
    last: usize,
    /// Whether there are more streams than slots.
    pub too_many: bool,
}

/// One stream.
struct Stream<'s> {
    name: String,
    tally: Tally,
    progress: Progress<'s>,
}

/// How far the scan of a stream is.
enum Progress<'s> {
    /// Its beginning, which does not show the format yet.
    Head(Vec<u8>),
    /// Its parser and scanner.
    Scanning(&'s dyn RecordParser, Box<Scanner<'s>>),
    /// It is not scanned.
    Done(Outcome),
}

impl<'s> Streams<'s> {
    /// No streams yet, and room for as many as there are slots.
    pub(super) fn new(context: Context<'s>, file: &'s str, slots: &'s [Slot], threads: usize) -> Self {
        let (streams, indices) = (Vec::new(), HashMap::new());
        Self { context, file, slots, threads, streams, indices, last: 0, too_many: false }
    }

    /// The index of the stream of this name.
    fn index(&mut self, name: &str) -> usize {
        if self.streams.get(self.last).is_some_and(|stream| stream.name == name) {
            return self.last;
        }
        self.last = match self.indices.get(name) {
            Some(index) => *index,
            None => {
                let index = self.streams.len();
                if index < self.slots.len() {
                    let (name, tally) = (name.to_owned(), Tally::default());
                    self.indices.insert(name.clone(), index);
                    self.streams.push(Stream { name, tally, progress: Progress::Head(Vec::new()) });
                } else {
                    self.too_many = true;
                }
                index
            }
        };
        self.last
    }

    /// Begins to scan a stream by its beginning.
    fn begin(&mut self, index: usize) {
        let (Some(stream), Some(slot)) = (self.streams.get_mut(index), self.slots.get(index)) else { return };
        let Progress::Head(head) = &mut stream.progress else { return };
        let head = std::mem::take(head);
        let name = if stream.name.is_empty() { self.file.to_owned() } else { format!("{}!{}", self.file, stream.name) };
        stream.progress = if head.is_empty() {
            Progress::Done(Outcome::Empty)
        } else if let Some(unrelated) = self.context.unrelated(&head) {
            Progress::Done(Outcome::Unrelated(unrelated))
        } else {
            match self.context.recognise(&name, &head) {
                Ok(parser) => {
                    let parser = slot.get_or_init(|| parser).as_ref();
                    stream.tally = tally_of(parser);
                    let scanner = self.context.scanner(parser, self.threads);
                    let mut scanner = if self.slots.len() > 1 { scanner.in_blocks_of(BLOCK) } else { scanner };
                    scanner.push(&head, &mut stream.tally);
                    Progress::Scanning(parser, Box::new(scanner))
                }
                Err(error) => Progress::Done(Outcome::Failed(error)),
            }
        };
    }

    /// Ends all streams. Rows are in the order in which the streams began.
    pub(super) fn finish(mut self) -> Vec<Row> {
        for index in 0..self.streams.len() {
            self.begin(index);
        }
        let file = self.file;
        let rows = self.streams.into_iter().map(|Stream { name, mut tally, progress }| {
            let stream = name;
            let name = if stream.is_empty() { file.to_owned() } else { format!("{file}!{stream}") };
            let outcome = match progress {
                Progress::Scanning(parser, scanner) => {
                    let scanned = scanner.finish(&mut tally);
                    match refuse_unsupported_language(&name, &scanned) {
                        Ok(()) => Outcome::Read(Scan::of(parser, scanned)),
                        Err(error) => Outcome::Failed(error),
                    }
                }
                Progress::Done(outcome) => outcome,
                Progress::Head(_) => Outcome::Empty,
            };
            Row { stream, tally, ..Row::new(&name, outcome) }
        });
        rows.collect()
    }
}

impl Members for Streams<'_> {
    fn write(&mut self, member: &str, bytes: &[u8]) {
        let index = self.index(member);
        let Some(stream) = self.streams.get_mut(index) else { return };
        match &mut stream.progress {
            Progress::Head(head) => {
                head.extend_from_slice(bytes);
                if head.len() >= HEAD {
                    self.begin(index);
                }
            }
            Progress::Scanning(_, scanner) => scanner.push(bytes, &mut stream.tally),
            Progress::Done(_) => {}
        }
    }
}

/// An empty tally for the engine of a parser.
pub(super) fn tally_of(parser: &dyn RecordParser) -> Tally {
    Engine::named(parser.engine()).map(Tally::of).unwrap_or_default()
}
