//! The values that the escapes of a prefix write.
//!
//! Most functions return the text behind a value, or the value's length, and `None` where the text has another shape.
//! They do not check what a value means: a process may be 0 here.

use std::cell::Cell;

use super::severity::ending_severity;
use crate::bytes::ByteSet;
use crate::digits::split_number;
use crate::postgres::time::postgres_time;
use crate::time::LogTime;

/// The time at the start of `input`, and its length.
///
/// A busy log writes the same second hundreds of times. So the last two times, which alternate where processes write in
/// turn, are compared before a time is read.
///
/// The length is in bytes, with the zone. None where no time is at the start.
/// Each thread remembers its own last times.
pub(in crate::postgres) fn time(input: &[u8]) -> Option<(usize, LogTime)> {
    /// A time whose text shows its own end.
    #[derive(Clone, Copy)]
    struct Last {
        /// The text with the byte behind it, filled up with zeros.
        text: [u64; 4],
        /// The bits of `text` that count.
        mask: [u64; 4],
        length: usize,
        time: LogTime,
    }
    const NONE: Last = Last { text: [1; 4], mask: [0; 4], length: 0, time: LogTime { at: 0, zone_known: false } };
    thread_local! {
        static LAST: [Cell<Last>; 2] = const { [Cell::new(NONE), Cell::new(NONE)] };
    }
    let is_there = |[a, b, c, d]: [u64; 4], last: &Last| {
        let [ta, tb, tc, td] = last.text;
        let [ma, mb, mc, md] = last.mask;
        ((a & ma) ^ ta) | ((b & mb) ^ tb) | ((c & mc) ^ tc) | ((d & md) ^ td) == 0
    };
    if let Some(start) = input.first_chunk().map(words)
        && let Some(last) = LAST.with(|last| last.iter().map(Cell::get).find(|last| is_there(start, last)))
    {
        return Some((last.length, last.time));
    }
    let (rest, time) = whole_time(input)?;
    let length = input.len() - rest.len();
    // The byte behind a zone of letters shows its end, but not behind `GMT` of `GMT+3`, or before a severity.
    let named = input.get(length - 1).is_some_and(u8::is_ascii_alphabetic);
    let behind = input.get(length).is_some_and(|byte| !byte.is_ascii_alphabetic() && !b"+-".contains(byte));
    // No zone that is known ends in a severity.
    let ends = named && behind && (time.zone_known || ending_severity(input.get(..length)?).is_none());
    let (mut text, mut mask) = ([0; 32], [0; 32]);
    if ends && let Some((to, from)) = text.get_mut(..=length).zip(input.get(..=length)) {
        to.copy_from_slice(from);
        mask.iter_mut().take(length + 1).for_each(|byte| *byte = 0xff);
        LAST.with(|[last, before]| {
            before.set(last.replace(Last { text: words(&text), mask: words(&mask), length, time }))
        });
    }
    Some((length, time))
}

/// The same bytes as numbers, which are compared at once.
fn words(bytes: &[u8; 32]) -> [u64; 4] {
    let mut words = [0; 4];
    for (word, bytes) in words.iter_mut().zip(bytes.as_chunks::<8>().0) {
        *word = u64::from_ne_bytes(*bytes);
    }
    words
}

/// A time, and the text behind it. A severity that follows at once, as with the prefix `%m`, is no part of the zone.
///
/// ```text
/// 2026-11-23 18:39:57.242 UTCLOG:  checkpoint starting: time
/// ```
pub(super) fn whole_time(input: &[u8]) -> Option<(&[u8], LogTime)> {
    let (rest, time) = postgres_time(input).ok()?;
    if !rest.starts_with(b":  ") {
        return Some((rest, time));
    }
    let stamp = input.get(..input.len() - rest.len())?;
    let stamp = stamp.get(..stamp.len() - ending_severity(stamp).map_or(0, <[u8]>::len))?;
    let (none, time) = postgres_time(stamp).ok()?;
    none.is_empty().then(|| (input.get(stamp.len()..).unwrap_or_default(), time))
}

/// The text behind `start` in `input`. For a few bytes, a loop is faster than a call that compares memory.
///
/// None where `input` is shorter than `start`, or begins otherwise.
pub(in crate::postgres) fn strip<'a>(input: &'a [u8], start: &[u8]) -> Option<&'a [u8]> {
    let (begin, rest) = input.split_at_checked(start.len())?;
    begin.iter().zip(start).all(|(byte, other)| byte == other).then_some(rest)
}

/// The text behind the bytes that are accepted.
///
/// Accepting no byte is a match too: the whole input is returned then. So the result is always `Some`.
pub(super) fn skip(input: &[u8], accept: impl Fn(u8) -> bool) -> Option<&[u8]> {
    let length = input.iter().position(|byte| !accept(*byte)).unwrap_or(input.len());
    input.get(length..)
}

/// The process of `6924dca7.1267`, which is the session's start and its process in hexadecimal, and the text behind it.
///
/// The process is `None` where the dot is missing, or no number of at most 64 bits follows it.
pub(super) fn session_id(input: &[u8]) -> Option<(&[u8], Option<u64>)> {
    let rest = skip(input, |byte| byte.is_ascii_hexdigit())?;
    let Some(process) = rest.strip_prefix(b".") else { return Some((rest, None)) };
    let rest = skip(process, |byte| byte.is_ascii_hexdigit())?;
    let pid = process.get(..process.len() - rest.len()).and_then(|pid| std::str::from_utf8(pid).ok());
    Some((rest, pid.and_then(|pid| u64::from_str_radix(pid, 16).ok())))
}

/// What `%r` says of a client: its address, and its port where that is known.
#[derive(Clone, Copy, Default)]
pub(in crate::postgres) struct Remote<'a> {
    /// An IP address, a host name, `[local]` or `???`.
    pub address: Option<&'a [u8]>,
    /// None for Unix sockets and for `???`.
    pub port: Option<u64>,
}

/// `10.0.0.1(5432)`, `[local]`, a host name, or `???(???)` if it is unknown. Processes without a session write nothing.
///
/// Returns the text behind the value. Without a value, that is the whole input.
#[inline]
pub(in crate::postgres) fn remote(input: &[u8]) -> (&[u8], Remote<'_>) {
    const LOCAL: &[u8] = b"[local]";
    /// Of addresses, host names, zones of IPv6 and `???`.
    static HOST: ByteSet = ByteSet::of(&[
        (b'0', b':'),
        (b'A', b'Z'),
        (b'a', b'z'),
        (b'-', b'.'),
        (b'_', b'_'),
        (b'%', b'%'),
        (b'?', b'?'),
    ]);
    if let Some(rest) = input.strip_prefix(LOCAL) {
        return (rest, Remote { address: Some(LOCAL), port: None });
    }
    let with_port = || {
        let (address, rest) = input.split_at_checked(HOST.leading(input)).filter(|(host, _)| !host.is_empty())?;
        let digits = rest.strip_prefix(b"(")?;
        let (rest, port) = match digits.strip_prefix(b"???") {
            Some(rest) => (rest, None),
            None => split_number(digits).map(|(port, rest)| (rest, Some(port)))?,
        };
        Some((rest.strip_prefix(b")")?, Remote { address: Some(address), port }))
    };
    with_port().unwrap_or((input, Remote::default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Any line of a statement may begin with a time, and may be cut anywhere.
    #[test]
    fn a_time_is_read_alike_whatever_was_read_before() {
        let zones = [
            "UTC [7]",
            "UTC:10.0.0.1",
            "UTCLOG:  x",
            "UTCLOG:1",
            "UTCLOX",
            "GMT+3 [7]",
            "GMT+3AL:",
            "GMT [7]",
            "GMT-x",
        ];
        let lines = zones.map(|zone| format!("2026-11-23 07:00:03 {zone}"));
        for line in &lines {
            let alone = whole_time(line.as_bytes()).map(|(rest, time)| (line.len() - rest.len(), time));
            for before in &lines {
                time(before.as_bytes());
                assert_eq!(time(line.as_bytes()), alone, "{line} behind {before}");
            }
        }
    }
}
