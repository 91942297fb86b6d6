//! What every fuzz target asserts, whatever the bytes: no panic, the same events however a log is cut, and no more of
//! them than it has bytes.
//!
//! Inputs are plain logs, so that samples are seeds and a finding can be read. How a log is cut is drawn from its own
//! bytes.

use ssl_usage_parsers::{
    ConnectionEvent, Engine, EventSink, HEAD, Hints, Malformed, RecordParser, Scanned, Scanner, detect,
};

/// Everything that a scan says.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    events: Vec<String>,
    malformed: Vec<(u64, Malformed)>,
}

impl EventSink for Seen {
    fn event(&mut self, event: &ConnectionEvent<'_>) {
        self.events.push(format!("{event:?}"));
    }

    fn malformed(&mut self, offset: u64, cause: Malformed) {
        self.malformed.push((offset, cause));
    }
}

/// Scans `text` with the parsers of `engine` for `format`, if its beginning lets there be one.
pub fn scan_as(engine: &'static Engine, format: &str, log_line_prefix: Option<&str>, text: &[u8]) {
    let log_line_prefix = log_line_prefix.map(str::to_owned);
    let hints = Hints { engine: Some(engine), log_line_prefix, ..Hints::default() };
    let parsers = (engine.parsers)(head(text), &hints);
    for parser in parsers.iter().filter(|parser| parser.format() == format) {
        scan(parser.as_ref(), text);
    }
}

/// Scans `text` as whatever its beginning shows it to be, where nothing else or only the engine is known.
pub fn scan_as_detected(engine: Option<&'static Engine>, text: &[u8]) {
    if let Some(parser) = detect(head(text), &Hints { engine, ..Hints::default() }) {
        scan(parser.as_ref(), text);
    }
}

/// Scans `text` as a whole, in blocks, on two threads, and in pieces that come one after the other.
fn scan(parser: &dyn RecordParser, text: &[u8]) {
    let whole = seen(|seen| Scanner::new(parser, 1).counting_lines().scan(text, seen));
    let (Seen { events, malformed }, scanned) = &whole;
    assert_eq!(scanned.bytes, text.len() as u64);
    assert!(scanned.lines <= Some(scanned.bytes), "more lines than bytes");
    assert!((events.len() + malformed.len()) as u64 <= scanned.bytes, "more found than can be");
    let cut = draw(text);
    // Blocks cost time, however small: a long text is not cut into too many.
    let block = 1 + text.len() / 16 + (cut as usize % 97);
    assert_eq!(
        seen(|seen| Scanner::new(parser, 1).in_blocks_of(block).counting_lines().scan(text, seen)),
        whole,
        "blocks of {block}"
    );
    if cut.is_multiple_of(16) {
        let scanner = Scanner::new(parser, 2).in_blocks_of(block).counting_lines();
        assert_eq!(seen(|seen| scanner.scan(text, seen)), whole, "blocks of {block} on two threads");
    }
    let pushed = seen(|seen| {
        let mut scanner = Scanner::new(parser, 1).in_blocks_of(block).counting_lines();
        pieces(text, |piece| scanner.push(piece, seen));
        scanner.finish(seen)
    });
    assert_eq!(pushed, whole, "in pieces, and blocks of {block}");
}

fn seen(scan: impl FnOnce(&mut Seen) -> Scanned) -> (Seen, Scanned) {
    let mut seen = Seen::default();
    let scanned = scan(&mut seen);
    // Only events are in the order of the log.
    seen.malformed.sort_unstable();
    // The language of a log is looked for in each block by itself: none of these is large enough for that.
    (seen, Scanned { unsupported_language: None, ..scanned })
}

/// Passes on `text` in pieces of sizes that are drawn from it, some of them empty.
pub fn pieces(text: &[u8], mut take: impl FnMut(&[u8])) {
    let (mut rest, mut drawn) = (text, draw(text));
    while !rest.is_empty() {
        drawn = drawn.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let size = (drawn >> 33) as usize % (2 + text.len() / 8);
        let (piece, behind) = rest.split_at(rest.len().min(size));
        take(piece);
        rest = behind;
    }
}

/// The beginning of a log by which its format is told.
pub fn head(text: &[u8]) -> &[u8] {
    &text[..text.len().min(HEAD)]
}

/// A number that any change of the text changes.
fn draw(text: &[u8]) -> u64 {
    text.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
