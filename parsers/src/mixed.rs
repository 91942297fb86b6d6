//! Records of another format in one log: files that somebody joined, or the output of two containers.
//!
//! A parser does not see them, because they hold none of its needles. So the scan takes samples of lines, more of them at a
//! log's beginning and at its end. If no line of a sample begins a record of the log's format, another format is detected.
//! At a log's beginning, other lines among the log's own are checked too. Behind it, a few lines may be missed.

use memchr::{memchr, memchr_iter, memmem, memrchr};

use crate::detect::{Hints, detect};
use crate::event::Parsed;
use crate::format::{Chunk, RecordParser};
use crate::joined;

/// Bytes from one sample to the next, at the beginning of a log and behind it.
const NEAR: u64 = 4 * 1024;
/// The same behind the beginning.
const FAR: u64 = 128 * 1024;
/// Bytes of the beginning.
pub(crate) const BEGINNING: u64 = 1024 * 1024;
/// Bytes in which another format is looked for.
const WINDOW: usize = 8 * 1024;
/// Lines, none of the log's own format, after which another format is looked for.
const SUSPECT: usize = 10;

/// Lines of what may be another format, one of which begins a record of it.
const FIRST: usize = 3;
/// Needles of another format that are read in one window: statements can be full of them.
const HITS: usize = 100;

/// Offsets of a log to sample, between two offsets.
///
/// All are multiples of [`NEAR`] or [`FAR`], so the blocks of a log give the same samples together as the log in one piece.
pub(crate) fn sample_offsets(from: u64, to: u64) -> impl Iterator<Item = u64> {
    let near = (from.div_ceil(NEAR) * NEAR..to.min(BEGINNING)).step_by(NEAR as usize);
    let far = (from.max(BEGINNING).div_ceil(FAR) * FAR..to).step_by(FAR as usize);
    near.chain(far)
}

/// Where a connection record of another format stands in the lines that begin behind `from`.
///
/// The first lines must be of that format. At a log's beginning (`near`), they may stand among lines of the log's own.
pub(crate) fn other_format_behind(own: &dyn RecordParser, chunk: Chunk<'_>, from: usize, near: bool) -> Option<usize> {
    let text = chunk.text.get(..chunk.text.len().min(from + WINDOW))?;
    if let Some(found) = without_newlines(own, chunk, from, |lines| other_format_behind(own, lines, 0, near)) {
        return Some(found);
    }
    let start = start(chunk, from).filter(|start| *start < text.len())?;
    let among = near && !own.quotes_lines();
    let (mut candidates, mut suspect, mut is_mixed) = (0, None, false);
    let mut others = Vec::new();
    for (at, line) in lines(text, start) {
        if own.opens(line) || own.closes(line) {
            if !among {
                return None;
            }
            is_mixed |= suspect.is_some();
            continue;
        }
        if may_be_record(line) {
            suspect = suspect.or(Some(at));
            candidates += 1;
            others.extend_from_slice(line);
            others.push(b'\n');
        }
        if candidates == SUSPECT && !among {
            break;
        }
    }
    let suspect = suspect.filter(|_| candidates >= SUSPECT)?;
    match record_of_other(own, chunk, suspect) {
        None if is_mixed => {
            let alone = Chunk { text: &others, starts: true, ends: true };
            record_of_other(own, alone, 0).map(|_| suspect)
        }
        found => found,
    }
}

/// Where something is joined to a log without newlines, in the window from `from` on: a compressed file, or lines that end
/// in carriage returns alone, of the log's own format or as `other` finds them in the same window with newlines.
fn without_newlines(
    own: &dyn RecordParser,
    chunk: Chunk<'_>,
    from: usize,
    other: impl FnOnce(Chunk<'_>) -> Option<usize>,
) -> Option<usize> {
    let window = chunk.text.get(from..chunk.text.len().min(from + WINDOW))?;
    let found = joined::compressed(window).or_else(|| joined::records_behind_returns(own, window)).or_else(|| {
        let lines = joined::with_newlines(window)?;
        other(Chunk { text: &lines, starts: from == 0 && chunk.starts, ends: true })
    });
    found.map(|found| from + found)
}

/// The same for the last lines of a log, however few: the file that was joined last ends it.
pub(crate) fn other_format_at_end(own: &dyn RecordParser, chunk: Chunk<'_>) -> Option<usize> {
    let from = chunk.text.len().saturating_sub(WINDOW);
    if let Some(found) = without_newlines(own, chunk, from, |lines| other_format_at_end(own, lines)) {
        return Some(found);
    }
    let mut suspect = None;
    for (at, line) in lines(chunk.text, start(chunk, from)?) {
        suspect = if own.opens(line) || own.closes(line) {
            None
        } else {
            suspect.or(Some(at).filter(|_| may_be_record(line)))
        };
    }
    record_of_other(own, chunk, suspect?)
}

/// Where the first line begins at or behind `from`.
///
/// None without a newline in the rest of the chunk. At the start of a chunk that is not the log's start, the first line may
/// be cut, and is skipped.
fn start(chunk: Chunk<'_>, from: usize) -> Option<usize> {
    match from.checked_sub(1) {
        None if chunk.starts => Some(0),
        before => {
            let before = before.unwrap_or_default();
            Some(before + memchr(b'\n', chunk.text.get(before..)?)? + 1)
        }
    }
}

/// Whether a line may begin a record of any format. Text of statements hardly ever begins so.
fn may_be_record(line: &[u8]) -> bool {
    line.first().is_some_and(|byte| byte.is_ascii_digit() || b"{<".contains(byte)) || is_untimed(line)
}

/// Whether a line may be a record of MariaDB's general log. Most of those have no time.
///
/// `\t\t    42 Connect\tapp@10.0.0.7 on orders`: two tabs, the thread's number, and a command.
fn is_untimed(line: &[u8]) -> bool {
    let Some(rest) = line.strip_prefix(b"\t\t") else { return false };
    let mut rest = rest.iter().skip_while(|byte| **byte == b' ').skip_while(|byte| byte.is_ascii_digit());
    rest.next() == Some(&b' ') && rest.next().is_some_and(u8::is_ascii_uppercase)
}

/// The whole lines from `start` on, and where each begins. Text behind the last newline is left out: it may be cut.
fn lines(text: &[u8], start: usize) -> impl Iterator<Item = (usize, &[u8])> {
    let mut at = start;
    memchr_iter(b'\n', text.get(start..).unwrap_or_default()).map(move |newline| {
        let line = (at, text.get(at..start + newline).unwrap_or_default());
        at = start + newline + 1;
        line
    })
}

/// Where the first connection record stands in the text from `at` on, if the text is of another format.
///
/// The offset is that of a needle in the chunk. None if no format is detected, or if the log's own parser reads or reports
/// what stands there. At most [`HITS`] needles are tried.
fn record_of_other(own: &dyn RecordParser, chunk: Chunk<'_>, at: usize) -> Option<usize> {
    let window = chunk.text.get(at..chunk.text.len().min(at + WINDOW))?;
    let other = detect(window, &Hints::default())?;
    // Otherwise the record stands in text of a record of the log's own format. A client may have written it.
    if !lines(window, 0).filter(|(_, line)| may_be_record(line)).take(FIRST).any(|(_, line)| other.opens(line)) {
        return None;
    }
    let is_record = |parser: &dyn RecordParser, (needle, hit): (&[u8], usize)| {
        !matches!(parser.read(chunk, needle, hit), Parsed::NotARecord)
    };
    // A record that the log's own parser reads or reports is of the log's format.
    let missed = |hit: usize| {
        let begins = window.get(..hit - at).and_then(|before| memrchr(b'\n', before)).map_or(0, |newline| newline + 1);
        let line = window.get(begins..).unwrap_or_default();
        let line = memchr(b'\n', line).and_then(|end| line.get(..end)).unwrap_or(line);
        !hits(own, line).any(|(needle, hit)| is_record(own, (needle, at + begins + hit)))
    };
    let found = hits(other.as_ref(), window).take(HITS).map(|(needle, hit)| (needle, at + hit));
    found.filter(|found| is_record(other.as_ref(), *found)).map(|(_, hit)| hit).find(|hit| missed(*hit))
}

/// The needles of a parser in a text, and where they stand. By needle, so not in the order of the text.
fn hits<'a>(parser: &dyn RecordParser, text: &'a [u8]) -> impl Iterator<Item = (&'static [u8], usize)> + use<'a> {
    parser.needles().iter().flat_map(|needle| memmem::find_iter(text, *needle).map(move |hit| (*needle, hit)))
}
