//! What stands before a record that is no part of it: NUL bytes of a crash or a full disk, and the byte order mark of a file that
//! was put behind another.

/// Most of them that are looked through.
///
/// In bytes. A line with more of them before its record counts as text.
const PADDING_MAX: usize = 4096;

/// U+FEFF in UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// A line without what was put before it.
///
/// NUL bytes go first, then one byte order mark. NUL bytes behind a mark stay.
pub(super) fn unpadded(line: &[u8]) -> &[u8] {
    let padded = line.get(..PADDING_MAX).unwrap_or(line);
    let padding = padded.iter().position(|byte| *byte != 0).unwrap_or(padded.len());
    let line = line.get(padding..).unwrap_or_default();
    line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line)
}
