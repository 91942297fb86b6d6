//! NUL bytes that a crash or a full disk leaves in a log.

/// Most of them that are looked through.
const PADDING_MAX: usize = 4096;

/// A line without the NUL bytes before it.
pub(super) fn unpadded(line: &[u8]) -> &[u8] {
    let padding = line.iter().take(PADDING_MAX).take_while(|byte| **byte == 0).count();
    line.get(padding..).unwrap_or_default()
}
