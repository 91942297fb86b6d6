//! The walk over the prefix of one line: splits it in every possible way.
//!
//! Text before a name, such as `user=`, becomes fixed text one byte at a time. Module `layout` joins these bytes.
//! A split is only a candidate: whether it is right shows when it matches other lines.

use std::collections::BTreeSet;

use memchr::memmem;

use super::layout::Part;
use super::{About, Stage};
use crate::digits;
use crate::postgres::prefix::values::{self, time};

/// Most ways to split one line.
///
/// Names that are equal or short give many ways. The walk ends when it has found this many.
const WAYS: usize = 64;

/// Splits the prefix of one line in every possible way.
pub(super) struct Walk<'w, 'a> {
    /// The prefix alone, up to the severity and without what syslog put before it.
    pub text: &'a [u8],
    /// The message behind the prefix, whose names the prefix may hold.
    pub about: &'w About<'a>,
    /// Addresses of clients in all lines.
    pub hosts: &'w BTreeSet<&'a [u8]>,
    /// The parts so far.
    pub parts: Vec<Part>,
    /// The ways that lead to the end.
    pub found: Vec<Vec<Part>>,
}

/// What a prefix writes for a name that is not known yet.
const UNKNOWN: &[u8] = b"[unknown]";
/// What `%i` and `%b` write in lines about connections (PostgreSQL `src/backend/utils/init/miscinit.c`, `GetBackendTypeDesc`).
const WORDS: &[(&[u8], u8)] = &[
    (b"authentication", b'i'),
    (b"idle", b'i'),
    (b"client backend", b'b'),
    (b"not initialized", b'b'),
    (b"walsender", b'b'),
];

impl Walk<'_, '_> {
    /// Splits the rest of the prefix from `at` on.
    ///
    /// `at` is an offset in the prefix, in bytes. Ways that reach its end are added to `found`.
    pub(super) fn from(&mut self, at: usize) {
        if self.found.len() >= WAYS {
            return;
        }
        if at == self.text.len() {
            self.found.push(self.parts.clone());
            return;
        }
        for (part, next) in self.steps(at) {
            self.parts.push(part);
            self.from(next);
            self.parts.pop();
        }
    }

    /// Whether an escape is one of the parts so far.
    ///
    /// An escape of a name is used only once in a prefix.
    fn has(&self, escape: u8) -> bool {
        self.parts.contains(&Part::Escape(escape))
    }

    /// The parts that may stand at `at`, and where each ends.
    ///
    /// A time or an address with a port is taken without an alternative. Otherwise names, numbers and fixed text compete.
    fn steps(&self, at: usize) -> Vec<(Part, usize)> {
        let rest = self.text.get(at..).unwrap_or_default();
        if let Some((escape, length)) = self.clock(rest) {
            return vec![(Part::Escape(escape), at + length)];
        }
        if let Some(length) = remote(rest) {
            return vec![(Part::Escape(b'r'), at + length)];
        }
        let mut steps = self.names(rest, at);
        if let Some(number) = self.number(rest, at) {
            steps.push(number);
        }
        // The first of two hits may be the word before the name: `user=user`. A piece of a word is hardly a name.
        let is_doubtful = |next: &usize| {
            let name = self.text.get(at..*next).unwrap_or_default();
            let again = self.text.get(*next..).is_some_and(|after| memmem::find(after, name).is_some());
            again || !self.is_whole(at, *next)
        };
        let blanks = rest.iter().take_while(|byte| **byte == b' ').count();
        if blanks > 1 && matches!(self.parts.last(), Some(Part::Escape(_) | Part::Number)) {
            // The last one may be fixed text.
            steps.extend([(Part::Padding, at + blanks - 1), (Part::Padding, at + blanks)]);
        } else if steps.iter().all(|(part, next)| *part != Part::Number && is_doubtful(next)) {
            let length = usize::from(!rest.is_empty());
            steps.push((Part::Text(rest.get(..length).unwrap_or_default().to_vec()), at + length));
        }
        steps
    }

    /// The names that may stand at `at`: those of the message, and `[unknown]`.
    ///
    /// An escape that is a part already is left out. One name may stand for several escapes.
    fn names(&self, rest: &[u8], at: usize) -> Vec<(Part, usize)> {
        let host = self.hosts.iter().copied().find(|host| rest.starts_with(host));
        let host = rest.starts_with(b"[local]").then_some(&b"[local]"[..]).or(host).or(address(rest));
        let names: &[(Option<&[u8]>, &[u8])] = match self.about.stage {
            Stage::Received => &[(Some(UNKNOWN), b"uda")],
            Stage::Authorized | Stage::Disconnected => {
                &[(self.about.user, b"u"), (self.about.database, b"d"), (Some(UNKNOWN), b"ad")]
            }
        };
        let words = WORDS.iter().map(|(word, escape)| (Some(*word), std::slice::from_ref(escape)));
        let all = [(host, &b"rhL"[..])].into_iter().chain(names.iter().copied()).chain(words);
        let mut steps = Vec::new();
        for (name, escapes) in all {
            let Some(name) = name.filter(|name| !name.is_empty() && rest.starts_with(name)) else { continue };
            // The server's own address stands beside the client's.
            let beside = self.has(b'h') || self.has(b'r');
            let free = escapes.iter().filter(|escape| !self.has(**escape) && (**escape != b'L' || beside));
            steps.extend(free.map(|escape| (Part::Escape(*escape), at + name.len())));
        }
        steps
    }

    /// Whether the text from `from` to `to` is no piece of a longer word.
    fn is_whole(&self, from: usize, to: usize) -> bool {
        let is_word = |at: Option<usize>| {
            at.and_then(|at| self.text.get(at)).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        };
        let goes_on = |before: Option<usize>, after: usize| is_word(before) && is_word(Some(after));
        !goes_on(from.checked_sub(1), from) && !goes_on(to.checked_sub(1), to)
    }

    /// The escape, and the length, of a time or of another value with a shape of its own.
    ///
    /// ```text
    /// 2026-11-23 18:39:57.242 UTC    %m
    /// 1795459197.242                 %n
    /// 6924dca7.1267                  %c
    /// 3/1                            %v
    /// 00000                          %e
    /// ```
    ///
    /// A second time without milliseconds is `%s`. The length is in bytes; None for other text.
    fn clock(&self, rest: &[u8]) -> Option<(u8, usize)> {
        if let Some((length, _)) = time(rest) {
            let escape = match rest.get(19) {
                Some(b'.') => b'm',
                _ if self.has(b't') || self.has(b'm') => b's',
                _ => b't',
            };
            return Some((escape, length));
        }
        let hex = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        let behind =
            |at: usize, byte: u8| rest.get(at).filter(|other| **other == byte).and_then(|_| rest.get(at + 1..));
        if let (10, Some(after)) = (digits::leading(rest), behind(10, b'.'))
            && digits::leading(after) == 3
        {
            return Some((b'n', 14));
        }
        let begins = hex(rest);
        if let (6..=8, Some(after)) = (begins, behind(begins, b'.'))
            && (1..=8).contains(&hex(after))
        {
            return Some((b'c', begins + 1 + hex(after)));
        }
        let first = digits::leading(rest);
        if let (1.., Some(after)) = (first, behind(first, b'/'))
            && digits::leading(after) > 0
        {
            return Some((b'v', first + 1 + digits::leading(after)));
        }
        let state = rest.starts_with(b"00000") && digits::leading(rest) == 5 && !self.has(b'e');
        state.then_some((b'e', 5))
    }

    /// A number at `at`, and where it ends.
    ///
    /// None within a longer number, and for the fixed `-1` of `[3-1]`.
    fn number(&self, rest: &[u8], at: usize) -> Option<(Part, usize)> {
        let length = digits::leading(rest);
        let begins = at.checked_sub(1).and_then(|at| self.text.get(at)).is_none_or(|byte| !byte.is_ascii_digit());
        // The `-1` that prefixes put behind the number of a line, for pgBadger's sake, is fixed text.
        let dash = [Part::Number, Part::Text(b"-".to_vec())];
        let fixed = rest.starts_with(b"1") && length == 1 && self.parts.ends_with(&dash);
        (length > 0 && begins && !fixed).then_some((Part::Number, at + length))
    }
}

/// The length of `10.0.0.7(49698)` at the start of a text, with any host. One colon before it is fixed text.
///
/// None for `[local]`, which the names of the message cover, and without a port.
fn remote(rest: &[u8]) -> Option<usize> {
    let (after, remote) = values::remote(rest);
    remote.address.filter(|host| *host != b"[local]" && (!host.starts_with(b":") || is_address(host)))?;
    Some(rest.len() - after.len())
}

/// Whether a text is an IP address.
fn is_address(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok_and(|text| text.parse::<std::net::IpAddr>().is_ok())
}

/// An address at the start of a text.
///
/// The longest text that is an address counts. None for host names.
fn address(rest: &[u8]) -> Option<&[u8]> {
    let length = rest.iter().take_while(|byte| byte.is_ascii_hexdigit() || matches!(byte, b'.' | b':')).count();
    // A colon behind an address may be the prefix's own.
    (2..=length).rev().filter_map(|length| rest.get(..length)).find(|text| is_address(text))
}
