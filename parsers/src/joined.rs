//! What joins to a log without newlines: lines that end in carriage returns alone, and compressed files.
//!
//! `cat audit.log old.log.gz` gives such a file. Nothing is decompressed here: the scan reports where the other part begins.

use memchr::{memchr, memchr_iter, memmem};

use crate::format::RecordParser;

/// Records behind carriage returns in one line, from which on the line is several. A name of a client holds fewer.
const RECORDS: usize = 3;

/// What compressed files begin with: gzip, zstd, xz, bzip2 and zip.
const COMPRESSED: [&[u8]; 5] = [b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"\xfd7zXZ\0", b"BZh91AY&SY", b"PK\x03\x04"];
/// Bytes of one that are enough to tell it from names of clients, and those to look at.
const LEAST: usize = 320;
/// Most bytes of one that are looked at, from its first one on.
const MOST: usize = 512;
/// Bytes of a text that are enough to tell that it is within a compressed file.
const WITHIN: usize = 4096;

/// The same text with newlines for carriage returns that stand alone; none where there is no such.
///
/// The length stays the same, so an offset in the result is an offset in `text`.
pub(crate) fn with_newlines(text: &[u8]) -> Option<Vec<u8>> {
    let mut lone = lone_returns(text).peekable();
    lone.peek()?;
    let mut lines = text.to_vec();
    for at in lone {
        if let Some(byte) = lines.get_mut(at) {
            *byte = b'\n';
        }
    }
    Some(lines)
}

/// Where the first of several records of a format stands in one line, behind a carriage return.
///
/// None if no line holds [`RECORDS`] of them. The offset is that of the record's first byte.
pub(crate) fn records_behind_returns(own: &dyn RecordParser, text: &[u8]) -> Option<usize> {
    let (mut first, mut records, mut line_end) = (None, 0, 0);
    for at in lone_returns(text) {
        if at > line_end {
            (first, records) = (None, 0);
            line_end = text.get(at..).and_then(|rest| memchr(b'\n', rest)).map_or(text.len(), |end| at + end);
        }
        let rest = text.get(at + 1..line_end).unwrap_or_default();
        if own.opens(rest.split(|byte| *byte == b'\r').next().unwrap_or(rest)) {
            first = first.or(Some(at + 1));
            records += 1;
        }
        if records == RECORDS {
            return first;
        }
    }
    None
}

/// Carriage returns without a newline behind them. The last byte may have one.
fn lone_returns(text: &[u8]) -> impl Iterator<Item = usize> {
    memchr_iter(b'\r', text).filter(|at| text.get(at + 1).is_some_and(|next| *next != b'\n'))
}

/// Where a compressed file begins, or 0 where the text is within one. None for text.
///
/// The first bytes alone do not decide, because a client's name can hold them. The bytes behind them must look random too.
pub(crate) fn compressed(text: &[u8]) -> Option<usize> {
    let is_compressed = |at: &usize| {
        let sample = text.get(*at..text.len().min(at + MOST)).unwrap_or_default();
        // Of random bytes, six of ten are no characters of ASCII.
        let random = sample.iter().filter(|byte| !byte.is_ascii() || is_control(**byte)).count();
        sample.len() >= LEAST && random > sample.len() * 2 / 5
    };
    let begins = COMPRESSED.iter().flat_map(|magic| memmem::find_iter(text, magic)).filter(is_compressed).min();
    // Of random bytes, one of nine is a control character, and of text in any language hardly one.
    let is_within = || text.len() >= WITHIN && controls(text) > text.len() / 20;
    begins.or_else(|| is_within().then_some(0))
}

/// How many bytes of a text are in no text. They are counted in groups, whose sums fit into a byte: many bytes at a time.
fn controls(text: &[u8]) -> usize {
    let count = |group: &[u8]| group.iter().fold(0_u8, |sum, byte| sum.wrapping_add(u8::from(is_control(*byte))));
    text.chunks(128).map(|group| usize::from(count(group))).sum()
}

/// Whether a byte is in no text. A server that crashed leaves zeros. So zeros do not count, nor tabs and line ends.
///
/// Without branches, because each byte of every sample is looked at.
fn is_control(byte: u8) -> bool {
    let is_used = (byte == b'\0') | (byte == b'\t') | (byte == b'\n') | (byte == b'\r');
    ((byte < b' ') & !is_used) | (byte == 0x7f)
}
