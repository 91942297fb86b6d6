//! Records of the stderr log as text: where they begin and end, and what adds to them.

use memchr::{memchr, memmem, memrchr2};

use super::message::Message;
use crate::event::{Record, SessionStep};
use crate::format::{Chunk, RECORD_MAX};

/// `LOG` as servers write it; Chinese translates the severity and leaves `connection authorized` alone.
const LOG_WORDS: &[&str] = &["LOG", "日志", "日誌", "로그"];

/// What other programs put at the beginning of a file, and so in the middle of files that were joined.
///
/// It is the mark of UTF-8, three bytes.
pub(super) const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Whether a line adds to the record before it, as far as what stands behind its prefix tells.
///
/// `line` begins with a severity, as in `DETAIL:  ...`. False for a new record.
pub(super) fn is_added(line: &[u8]) -> bool {
    // Nearly every line begins otherwise.
    matches!(line.first(), Some(b'C' | b'D' | b'H' | b'Q' | b'S'))
        && (line.starts_with(b"DETAIL:") || line.starts_with(b"HINT:") || is_context(line))
}

/// Whether it says in which command that was written.
///
/// True for `CONTEXT:`, `QUERY:` and `STATEMENT:`. The server writes none of them with its messages about connections.
pub(super) fn is_context(line: &[u8]) -> bool {
    [&b"CONTEXT:"[..], b"QUERY:", b"STATEMENT:"].iter().any(|word| line.starts_with(word))
}

/// Whether the server writes a message without details and hints. A handshake that failed has a hint.
pub(super) fn is_of_one_line(message: &Message<'_>) -> bool {
    !matches!(message, Message::About(_, SessionStep::HandshakeFailed(_)))
}

/// Where the line begins that holds the byte at `at`, at most `most` bytes before it. Zeros that a crash left in a file are
/// no part of a line.
///
/// None where no newline is near enough, unless the log begins there. A byte order mark is skipped.
pub(super) fn line_start(chunk: Chunk<'_>, at: usize, most: usize) -> Option<usize> {
    let floor = at.saturating_sub(most);
    match chunk.text.get(floor..at).and_then(|before| memrchr2(b'\n', 0, before)) {
        Some(end) => {
            let begins = floor + end + 1;
            let marked = chunk.text.get(begins..at).is_some_and(|line| line.starts_with(BYTE_ORDER_MARK));
            Some(if marked { begins + BYTE_ORDER_MARK.len() } else { begins })
        }
        None if floor == 0 && chunk.starts => Some(0),
        None => None,
    }
}

/// Whether a TLS mark follows on a line that is no record: the end of a page that was put in the middle of this one.
///
/// Looks at the next line only, and at no more than `RECORD_MAX` bytes of it.
pub(super) fn is_torn_off(next: Option<&[u8]>) -> bool {
    let next = next.unwrap_or_default();
    let line = next.get(..next.len().min(RECORD_MAX)).unwrap_or_default();
    let line = memchr(b'\n', line).and_then(|end| line.get(..end)).unwrap_or(line);
    memmem::find(line, b"SSL enabled (").is_some()
}

/// Where the severity LOG begins in `before`, the text up to a message.
///
/// `before` ends in `LOG:  `, or in `LOG:  00000: ` with `log_error_verbosity = verbose`.
/// None where another severity, or none, stands before the message.
pub(super) fn log_severity(before: &[u8]) -> Option<usize> {
    let before = match before.len().checked_sub(7).and_then(|at| before.get(at..)) {
        Some(state)
            if state.ends_with(b": ")
                && state.iter().take(5).all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase()) =>
        {
            before.get(..before.len() - 7)?
        }
        _ => before,
    };
    let before = before.strip_suffix(b":  ")?;
    LOG_WORDS.iter().find_map(|word| before.strip_suffix(word.as_bytes())).map(<[u8]>::len)
}

/// The newline that ends the record with a message at `message_at`, and whether the message is one line: lines that
/// begin with a tab belong to it. None when its end is not in `text`, or too far.
///
/// Offsets count from the start of `text`. Too far is more than `RECORD_MAX` bytes behind `message_at`.
pub(super) fn record_end(text: &[u8], message_at: usize) -> Option<(usize, bool)> {
    let limit = text.len().min(message_at + RECORD_MAX);
    let mut at = message_at;
    loop {
        let end = at + memchr(b'\n', text.get(at..limit)?)?;
        if text.get(end + 1) != Some(&b'\t') {
            return Some((end, at == message_at));
        }
        at = end + 1;
    }
}

/// The message as it was before a tab was put behind each of its newlines.
///
/// The newlines stay. A tab that is not behind a newline stays too.
pub(super) fn without_tabs(raw: &[u8]) -> Vec<u8> {
    let mut message = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = memmem::find(rest, b"\n\t") {
        let (line, after) = rest.split_at_checked(at + 1).unwrap_or((rest, b""));
        message.extend_from_slice(line);
        rest = after.strip_prefix(b"\t").unwrap_or(after);
    }
    message.extend_from_slice(rest);
    message
}

/// The same message, independent of the text it was read from.
///
/// Needed where quotes or tabs were taken out of a message, so that its text is a local copy.
pub(super) fn owned(message: Message<'_>) -> Message<'static> {
    match message {
        Message::About(client, step) => {
            let record = Record { at: None, session: None, client, step }.into_owned();
            Message::About(record.client, record.step)
        }
        Message::NotARecord => Message::NotARecord,
        Message::Malformed(cause) => Message::Malformed(cause),
    }
}
