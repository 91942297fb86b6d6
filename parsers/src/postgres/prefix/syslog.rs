//! What syslog puts before each line.
//!
//! ```text
//! Nov 23 18:39:57 db1 postgres[123]: [3-1] 2026-11-23 18:39:57.123 UTC [123] u@d LOG:  x
//! <134>2026-11-23T18:39:57.123Z db1 postgres[123]: [3-1] LOG:  x
//! ```
//!
//! The host and the program's name are not read.

use memchr::{memchr, memmem, memrchr};

use super::{HOST_MAX, Head, Prefix};
use crate::digits::split_number;
use crate::postgres::time::syslog_time;
use crate::time::LogTime;

impl Prefix {
    /// Where the message begins in a line that syslog wrapped.
    ///
    /// In bytes from the start of `line`. None where no syslog wraps it.
    pub(in crate::postgres) fn syslog_end(&self, line: &[u8]) -> Option<usize> {
        self.syslog(line, 0, &mut Head::default())
    }

    /// The process and the chunk number of a line that syslog wrapped.
    ///
    /// None where the line is not of syslog, and without a `[3-1] `.
    pub(in crate::postgres) fn syslog_chunk(&self, line: &[u8]) -> Option<(u64, u64)> {
        let mut head = Head::default();
        self.syslog(line, 0, &mut head)?;
        Some((head.pid?, head.chunk?))
    }

    /// Reads `Nov 23 18:39:57 host postgres[123]: [3-1] `, and returns where the message begins.
    ///
    /// Newer dialects have an RFC 3339 time, with `<134>` before it. Without `syslog_sequence_numbers`, and from the journal,
    /// there is no `[3-1] `.
    ///
    /// Source: PostgreSQL `elog.c`, `write_syslog`: `[sequence-chunk] text`, chunks of at most 900 bytes.
    ///
    /// `at` is where the text of syslog begins. Only the first 1,025 bytes are searched for its end, `]: `.
    pub(super) fn syslog<'a>(&self, line: &'a [u8], at: usize, head: &mut Head<'a>) -> Option<usize> {
        let input = line.get(at..)?;
        let end = memmem::find(input.get(..input.len().min(HOST_MAX))?, b"]: ")?;
        let before = input.get(..end)?;
        let before = match before.first() {
            Some(b'<') => before.get(memchr(b'>', before)? + 1..)?,
            _ => before,
        };
        if let Ok((_, time)) = syslog_time(before, self.syslog_year) {
            head.at = Some(time);
        } else {
            let word = before.split(|byte| *byte == b' ').next()?;
            let time: jiff::Timestamp = std::str::from_utf8(word).ok()?.parse().ok()?;
            head.at = Some(LogTime { at: time.as_microsecond(), zone_known: true });
        }
        let pid = before.get(memrchr(b'[', before)? + 1..)?;
        head.pid = Some(split_number(pid)?.0);
        let message = input.get(end + 3..)?;
        let counted = || {
            let (_, rest) = split_number(message.strip_prefix(b"[")?)?;
            let (chunk, rest) = split_number(rest.strip_prefix(b"-")?)?;
            Some((rest.strip_prefix(b"] ")?, chunk))
        };
        let (rest, chunk) = counted().map_or((message, None), |(rest, chunk)| (rest, Some(chunk)));
        head.chunk = chunk;
        Some(line.len() - rest.len())
    }
}
