//! PostgreSQL's stderr log (`log_destination = stderr`, or `syslog`): one line a record, behind `log_line_prefix`.
//!
//! ```text
//! 2026-11-23 18:39:57 UTC:10.0.0.7(49698):app@orders:[21828]:LOG:  connection authorized: user=app database=orders SSL enabled (protocol=TLSv1.3, cipher=TLS_AES_256_GCM_SHA384, bits=256)
//! ```
//!
//! A newline inside a message is followed by a tab (`elog.c`, `append_with_tabs`), so that text of statements never
//! begins a line. The user and database names in the *prefix* are raw: a client that never authenticates can write up
//! to 63 bytes of each at the beginning of a line. Such text can be a perfect record of a session, but what the server
//! writes behind the names then stands behind it: [`Stderr::read`] looks there too.
//!
//! `RAISE LOG` differs from the server's own messages by the context that follows it. A log that is cut between the two,
//! or within a statement and just before an imitated record, shows that imitation as its last or its first record.
//!
//! Times: every record has its own, which the server writes first. A name that holds a line break makes a line with a time of its
//! choice, but what the server writes behind the names stands behind that too: such a line reads in two ways, and is reported.
//!
//! The prefix is inferred, or is that of the parameter group. Prefixes that RDS allows may alternate within a file.
//! This module does not read translated messages, and does not join the chunks of a message that syslog cut.

use memchr::memmem;
use memchr::{memchr, memchr2, memrchr};

use super::message::{self, Context, Message};
use super::prefix::{Head, PREFIX_MAX, Prefix, is_log};
use super::record::{
    BYTE_ORDER_MARK, is_added, is_context, is_of_one_line, is_torn_off, line_start, log_severity, owned, record_end,
    without_tabs,
};
use super::{infer, translation};
use crate::event::{Malformed, Parsed, Record, SessionStep, Transport};
use crate::format::{Chunk, Reader, RecordParser, TRUNCATED};
use crate::lines::{lines_with, undecorated};
use crate::time::LogTime;

/// The severity of rejections, and what follows it.
///
/// Only in English: logs with translated messages have another word, and their rejections are not counted.
const FATAL: &[u8] = b"FATAL:  ";
/// What every record holds one of.
///
/// The first finds records of severity LOG, and the second finds rejections.
const NEEDLES: &[&[u8]] = &[message::LOG_NEEDLE, FATAL];

/// How far back the beginning of a torn prefix is looked for: two names of 63 bytes, and what stands before them.
///
/// In bytes. A record that begins further back is reported as malformed.
const TORN_MAX: usize = 1024;

/// Longest line that is taken for what is left of a prefix.
///
/// In bytes. RDS's longer prefix with two names of 63 bytes has about 300.
const CUT_PREFIX_MAX: usize = 400;

/// Reads stderr logs of one `log_line_prefix`, or of those that RDS allows.
#[derive(Debug)]
pub struct Stderr {
    /// In the order in which they are tried. A line is read by the first one that matches.
    prefixes: Vec<Prefix>,
    /// Which of them most lines have.
    ///
    /// An index of `prefixes`.
    expected: usize,
    /// False for servers before 9.4: without a TLS mark, the transport is then unknown.
    marks_tls: bool,
}

/// A record that was located, and how sure that is.
struct Located<'p, 'a> {
    /// Offset of the record's first byte in the chunk. It may be some lines before the severity.
    begins: usize,
    /// The prefix that matched.
    prefix: &'p Prefix,
    /// Its values. The offsets in it count from `begins`.
    head: Head<'a>,
    /// Whether the line also matches as a record with an earlier message.
    ambiguous: bool,
}

/// A line that begins behind a record, and its match. It is often the next record.
struct Following<'p, 'a> {
    /// Offset of the line in the chunk.
    at: usize,
    /// The first prefix that matched.
    prefix: &'p Prefix,
    head: Head<'a>,
}

impl<'p, 'a> Following<'p, 'a> {
    /// The line as the record of the severity at `severity_at`, if [`Stderr::locate`] finds that at once.
    ///
    /// `line_start` finds the same line where nothing in its match ends or begins one. The first prefix of `prefixes` is tried
    /// first, and its first match counts if it ends before the severity.
    fn located(&self, text: &[u8], prefixes: &'p [Prefix], severity_at: usize) -> Option<Located<'p, 'a>> {
        let prefix = prefixes.first().filter(|first| std::ptr::eq(*first, self.prefix))?;
        if self.at + self.head.severity_at != severity_at {
            return None;
        }
        let matched = text.get(self.at..severity_at)?;
        let is_one_line = memchr2(b'\n', 0, matched).is_none() && !matched.starts_with(BYTE_ORDER_MARK);
        is_one_line.then_some(Located { begins: self.at, prefix, head: self.head, ambiguous: false })
    }

    /// What the record before this line is if the line is its context, or any line of its own where the server writes only
    /// one: written by `RAISE LOG`, not by the server. Where names stand before what identifies the session, one may read as all
    /// of that line: then nothing is sure.
    ///
    /// ```text
    /// LOG:  connection authorized: user=x database=y
    /// CONTEXT:  PL/pgSQL function inline_code_block line 1 at RAISE
    /// ```
    ///
    /// None where the line has another session than `head`, or is no such line.
    fn raised(&self, text: &[u8], head: &Head<'_>, is_of_one_line: bool) -> Option<Parsed<'a>> {
        let added = if is_of_one_line { is_added } else { is_context };
        if !text.get(self.at + self.head.severity_at..).is_some_and(added) || !self.head.is_of_same_session(head) {
            return None;
        }
        if !self.prefix.identifies(&self.head) {
            return Some(Parsed::Malformed(Malformed::Ambiguous));
        }
        Some(Parsed::NotARecord)
    }
}

/// Why no record was located.
enum NotLocated {
    /// Text of another record.
    Text,
    /// A record that cannot be understood.
    Malformed(Malformed),
}

impl Stderr {
    /// A parser for logs with this prefix. `marks_tls` is false for servers before 9.4, which never mark TLS.
    ///
    /// Other prefixes are added where RDS allows them too: its setting may change within a file.
    pub fn new(prefix: Prefix, marks_tls: bool) -> Self {
        let mut prefixes = prefix.others();
        // The one without the final colon reads the other's lines too, with a wrong application.
        let expected = prefixes.iter().take_while(|other| prefix.reads_lines_of(other)).count();
        prefixes.insert(expected, prefix);
        Self { prefixes, expected, marks_tls }
    }

    /// Finds the prefix of the lines of `head`; `likely` is the one that the server has now.
    ///
    /// `year` is the year of syslog times, which have none. None where no prefix matches the lines.
    pub fn infer(head: &[u8], year: i16, likely: Option<&str>) -> Option<Prefix> {
        infer::infer(head, year, likely)
    }

    /// The prefix that lines are expected to have.
    ///
    /// `None` never happens in practice: the list holds at least the prefix that the parser was made for.
    pub fn prefix(&self) -> Option<&Prefix> {
        self.prefixes.get(self.expected)
    }

    /// Locates the record whose severity stands at `severity_at`.
    ///
    /// The nearest line that holds the severity is tried first, then up to [`TORN_MAX`] bytes of lines before it.
    ///
    /// # Errors
    ///
    /// `Text` where the severity is a part of another record, such as a statement. `Malformed` where it may be a record:
    ///
    /// - `Ambiguous`, if a name with a newline may have torn it off a record before.
    /// - `UnknownPrefix`, if no prefix matches, or a record without its newline stands before it.
    /// - `Cut`, if it is in a log's first line, whose beginning is missing.
    fn locate<'a>(&self, chunk: Chunk<'a>, severity_at: usize) -> Result<Located<'_, 'a>, NotLocated> {
        let text = chunk.text;
        let Some(nearest) = line_start(chunk, severity_at, PREFIX_MAX) else { return Err(NotLocated::Text) };
        let mut line_at = nearest;
        loop {
            let (line, at) = (text.get(line_at..).unwrap_or_default(), severity_at - line_at);
            let mut is_record = false;
            for (index, prefix) in self.prefixes.iter().enumerate() {
                let first = match prefix.head(line) {
                    Some(head) if head.severity_at == at => {
                        return Ok(Located { begins: line_at, prefix, head, ambiguous: false });
                    }
                    first => first.is_some(),
                };
                is_record |= first;
                if let Some(head) = prefix.head_up_to(line, at) {
                    return Ok(Located { begins: line_at, prefix, head, ambiguous: first });
                }
                // What reads as a record of the prefix that is expected is none of another, unless an application's name, which
                // can be anything, makes it so.
                if first && index == self.expected && !prefix.has_application() {
                    break;
                }
            }
            match is_record {
                true if line_at < nearest => return Err(of_unknown_prefix(text, nearest)),
                true if self.is_torn(text, line_at, severity_at) => {
                    return Err(NotLocated::Malformed(Malformed::Ambiguous));
                }
                true if self.is_glued(text, line_at, severity_at) => {
                    return Err(NotLocated::Malformed(Malformed::UnknownPrefix));
                }
                true => return Err(NotLocated::Text),
                false => {}
            }
            if line_at == 0 && chunk.starts && nearest == 0 {
                // A log may begin in the middle of a statement.
                let text = text.starts_with(b"\t");
                return Err(if text { NotLocated::Text } else { NotLocated::Malformed(Malformed::Cut) });
            }
            // A name may hold newlines: the record may begin on a line before.
            let before = line_at.checked_sub(1).filter(|before| *before > severity_at.saturating_sub(TORN_MAX));
            match before.and_then(|before| line_start(chunk, before, TORN_MAX)) {
                Some(earlier) => line_at = earlier,
                None => return Err(of_unknown_prefix(text, nearest)),
            }
        }
    }

    /// Whether a record without its newline stands before the one whose severity is at `severity_at`: the line's own message is
    /// of a connection, which holds no statement, or may be what is left of one, and a whole prefix stands within it.
    ///
    /// ```text
    /// 2026-11-23 18:39:57 UTC:10.0.0.7(1):a@b:[7]:LOG:  connection re2026-11-23 18:39:58 UTC:10.0.0.8(2):c@d:[8]:LOG:  ...
    /// ```
    ///
    /// False for prefixes without names, whose `reach` is 0.
    fn is_glued(&self, text: &[u8], line_at: usize, severity_at: usize) -> bool {
        let line = text.get(line_at..).unwrap_or_default();
        let Some(own) = self.prefixes.iter().find_map(|prefix| prefix.head(line)) else { return false };
        let message = line.get(own.message_at..).unwrap_or_default();
        let from = severity_at.saturating_sub(PREFIX_MAX).max(line_at + own.message_at);
        let begins = |at: usize| {
            let rest = text.get(at..).unwrap_or_default();
            let ends = |prefix: &Prefix| prefix.head_up_to(rest, severity_at - at).is_some();
            self.prefixes.iter().any(|prefix| prefix.reach() > 0 && prefix.begins(rest) && ends(prefix))
        };
        if message::is_of_connection(message) {
            return (from..severity_at).any(begins);
        }
        // What is left of one may be as long as its beginning is that of one.
        let left = message::beginning(message);
        let until = severity_at.min(line_at + own.message_at + left);
        (from.max(line_at + own.message_at + 1)..=until).any(begins)
    }

    /// Reads the message of a record, and the lines behind the record.
    ///
    /// A record is malformed when it is cut, is longer than `RECORD_MAX`, or may be text of a client.
    ///
    /// What follows the record is put into `following`, if the record needs it.
    fn record<'p, 'a>(
        &'p self,
        chunk: Chunk<'a>,
        located: &Located<'p, 'a>,
        fatal: bool,
        following: &mut Option<Following<'p, 'a>>,
    ) -> Parsed<'a> {
        let (text, Located { begins, head, ambiguous, .. }) = (chunk.text, located);
        let message_at = begins + head.message_at;
        let Some((end, one_line)) = record_end(text, message_at) else {
            return match chunk.ends {
                true => self.last(text.get(message_at..).unwrap_or_default(), located, fatal),
                false => Parsed::Malformed(Malformed::TooLong),
            };
        };
        let raw = undecorated(text.get(message_at..end).unwrap_or_default());
        let next = text.get(end + 1..);
        let message = if one_line {
            self.message(raw, text.get(*begins..), located, fatal)
        } else {
            owned(self.message(&without_tabs(raw), text.get(*begins..), located, fatal))
        };
        if !fatal && !ambiguous && !matches!(message, Message::NotARecord) {
            *following = self.following(text, end + 1);
            let raised =
                following.as_ref().and_then(|following| following.raised(text, head, is_of_one_line(&message)));
            if let Some(raised) = raised {
                return raised;
            }
        }
        let (client, step) = match message {
            Message::About(client, step) => (client, step),
            Message::NotARecord => return Parsed::NotARecord,
            // A second match that contradicts itself is only text, unless it begins in the middle of the line.
            Message::Malformed(_) if *ambiguous && self.is_glued(text, *begins, begins + head.severity_at) => {
                return Parsed::Malformed(Malformed::UnknownPrefix);
            }
            Message::Malformed(_) if *ambiguous && !self.is_torn(text, *begins, begins + head.severity_at) => {
                return Parsed::NotARecord;
            }
            Message::Malformed(_) if *ambiguous => return Parsed::Malformed(Malformed::Ambiguous),
            Message::Malformed(_) if raw.ends_with(TRUNCATED) => return Parsed::Malformed(Malformed::Cut),
            Message::Malformed(cause) => return Parsed::Malformed(cause),
        };
        if raw.ends_with(TRUNCATED) || self.continues_in_syslog(next, head) {
            return Parsed::Malformed(Malformed::Cut);
        }
        // A line that a prefix with a time matches begins as a record does.
        let is_timed = |line: &Following<'_, '_>| line.at == end + 1 && line.prefix.begins_with_time();
        let is_alone = !following.as_ref().is_some_and(is_timed) && !self.is_followed_by_record(next);
        if !ambiguous && is_alone && is_torn_off(next) {
            return Parsed::Malformed(Malformed::Cut);
        }
        if *ambiguous || (is_alone && self.is_torn(text, *begins, end)) {
            return Parsed::Malformed(Malformed::Ambiguous);
        }
        // If the prefix has no address, the record of the connection attempt has it.
        let step = match step {
            SessionStep::Connected(Transport::Local) if client.address.is_none() => {
                SessionStep::Connected(Transport::Plaintext)
            }
            step => step,
        };
        Parsed::Record(Record { at: head.at.map(|time| time.at), session: head.pid, client, step })
    }

    /// Reads the log's last message, which has no newline and may be cut. It counts if nothing can follow its end.
    ///
    /// A TLS mark closes its message, and so does the port of an attempt or a disconnect.
    /// Without one of them, the message is `Malformed::Cut`: a TLS mark may be missing at its end.
    fn last<'a>(&self, raw: &'a [u8], located: &Located<'_, 'a>, fatal: bool) -> Parsed<'a> {
        let whole = |step: &SessionStep<'_>| match step {
            SessionStep::Connected(Transport::Tls(tls)) => !tls.imitable,
            SessionStep::Received | SessionStep::Disconnected(_) => memmem::rfind(raw, b" port=").is_some(),
            _ => false,
        };
        let head = &located.head;
        match self.message(undecorated(raw), None, located, fatal) {
            Message::About(client, step) if whole(&step) && !located.ambiguous && memchr(b'\n', raw).is_none() => {
                Parsed::Record(Record { at: head.at.map(|time| time.at), session: head.pid, client, step })
            }
            Message::NotARecord => Parsed::NotARecord,
            _ => Parsed::Malformed(Malformed::Cut),
        }
    }

    /// Reads a message, with the match of the prefix that gives the same names.
    ///
    /// A session that is being established has no application yet. `RAISE LOG` without its context has one, and so has a line
    /// with a slightly different prefix: that cannot be determined.
    ///
    /// `line` is the text from the record's first byte on. It is `None` for the last message of a log.
    /// Returns `UnknownPrefix` where no match gives names that the message agrees with.
    fn message<'m>(
        &self,
        text: &'m [u8],
        line: Option<&'m [u8]>,
        located: &Located<'_, 'm>,
        fatal: bool,
    ) -> Message<'m> {
        let read = |head: &Head<'m>| {
            let Head { address, user, database, .. } = *head;
            let context = Context { address, user, database, marks_tls: self.marks_tls, quoted: false };
            if fatal { message::fatal_message(text, &context) } else { message::log_message(text, &context) }
        };
        let agrees = |message: &Message<'_>, head: &Head<'_>| match message {
            Message::About(_, SessionStep::Disconnected(_)) => true,
            Message::About(..) => head.may_establish(),
            Message::Malformed(Malformed::Ambiguous) => false,
            Message::Malformed(_) | Message::NotARecord => true,
        };
        let first = read(&located.head);
        if agrees(&first, &located.head) {
            return first;
        }
        let mut found = None;
        let severity_at = located.head.severity_at;
        located.prefix.head_by_names(line.unwrap_or_default(), &mut |head| {
            if head.severity_at == severity_at {
                found = Some(read(head)).filter(|other| matches!(other, Message::About(..)) && agrees(other, head));
            }
            found.is_some()
        });
        found.unwrap_or(match first {
            Message::About(..) => Message::Malformed(Malformed::UnknownPrefix),
            first => first,
        })
    }

    /// Whether what follows a record, but for empty lines, begins as a record does, or nothing follows.
    ///
    /// A record that another record follows is whole. Any other text may belong to it.
    fn is_followed_by_record(&self, next: Option<&[u8]>) -> bool {
        let next = next.unwrap_or_default();
        // Zeros of a crash, and the mark of another file that was put behind this one.
        let blank = next.iter().take_while(|byte| b"\0\r\n".contains(byte)).count();
        let next = next.get(blank..).unwrap_or_default();
        let next = next.strip_prefix(BYTE_ORDER_MARK).unwrap_or(next);
        next.is_empty() || self.prefixes.iter().any(|prefix| prefix.begins(next))
    }

    /// Whether what stands from `line_at` to `end` may be a piece of a name: a record that begins before it may have a
    /// prefix that goes on behind it. Lines that are no record's own, such as those that libcurl writes for an IAM login,
    /// tear nothing.
    ///
    /// Looks back over at most [`TORN_MAX`] bytes. The search ends at a whole record of the
    /// expected prefix that is too far away for its names to go on here.
    fn is_torn(&self, text: &[u8], line_at: usize, end: usize) -> bool {
        let floor = line_at.saturating_sub(TORN_MAX);
        let mut until = line_at;
        while let Some(before) = until.checked_sub(1).filter(|before| *before > floor) {
            let newline = text.get(floor..before).and_then(|before| memrchr(b'\n', before));
            until = newline.map_or(floor, |newline| floor + newline + 1);
            let Some(line) = text.get(until..) else { continue };
            // All but the first line of a torn prefix is of names, and of what follows them.
            let beyond = end.saturating_sub(before);
            let goes_on = |prefix: &Prefix| {
                prefix.may_go_on(line, before - until)
                    && prefix.head_where(line, &mut |head| until + head.severity_at >= end).is_some()
            };
            let is_near = |prefix: &&Prefix| beyond <= prefix.reach();
            if !self.prefixes.iter().any(|prefix| is_near(&prefix)) {
                return false;
            }
            let own = memchr(b'\n', line).and_then(|end| line.get(..end)).unwrap_or(line);
            let expected = self.prefix().filter(|prefix| !prefix.has_application() && prefix.head(own).is_some());
            // A whole record of the prefix that is expected is none of another, but its names may end later.
            let torn = match expected {
                Some(prefix) if !is_near(&prefix) => return false,
                Some(prefix) => goes_on(prefix),
                None => self.prefixes.iter().filter(is_near).any(|prefix| prefix.begins(line) && goes_on(prefix)),
            };
            if torn {
                return true;
            }
        }
        false
    }

    /// Whether a message at `at` is the server's own: not a part of a name, or of what `RAISE LOG` writes.
    ///
    /// False unless the severity is LOG and every match of the line ends at the same message.
    fn is_written(&self, text: &[u8], at: usize) -> bool {
        let Some(begins) = line_start(Chunk { text, starts: true, ends: true }, at, PREFIX_MAX) else { return false };
        let line = text.get(begins..).unwrap_or_default();
        let own = |prefix: &Prefix| prefix.head_where(line, &mut |head| begins + head.message_at == at);
        let log = |head: &Head<'_>| {
            line.get(head.severity_at..).and_then(|line| line.split(|byte| *byte == b':').next()).is_some_and(is_log)
        };
        let Some(head) = self.prefixes.iter().find_map(own).filter(log) else { return false };
        let otherwise = |prefix: &Prefix| prefix.head_where(line, &mut |head| begins + head.message_at != at).is_some();
        let end = record_end(text, at).map_or(text.len(), |(end, _)| end);
        !self.prefixes.iter().any(otherwise)
            && !self.is_torn(text, begins, begins + head.severity_at)
            && self.following(text, end + 1).and_then(|following| following.raised(text, &head, false)).is_none()
    }

    /// The line that begins at `at`, if it begins with a known prefix.
    fn following<'a>(&self, text: &'a [u8], at: usize) -> Option<Following<'_, 'a>> {
        let line = text.get(at..)?;
        self.prefixes.iter().find_map(|prefix| Some(Following { at, prefix, head: prefix.head(line)? }))
    }

    /// Reads the record around a needle. `following` is what follows the record that was read before, in the same chunk.
    ///
    /// A rejection is only read where its prefix is known: FATAL alone is too common to be reported as malformed.
    fn read_behind<'p, 'a>(
        &'p self,
        chunk: Chunk<'a>,
        needle: &[u8],
        hit: usize,
        following: &mut Option<Following<'p, 'a>>,
    ) -> Parsed<'a> {
        let severity_at = match needle {
            message::LOG_NEEDLE => match message::log_message_start(chunk.text, hit) {
                Some(start) => chunk.text.get(..start).and_then(log_severity),
                None => return cut_within_first_words(chunk.text, hit),
            },
            _ => Some(hit),
        };
        let Some(severity_at) = severity_at else { return Parsed::NotARecord };
        let expected = following.as_ref().and_then(|line| line.located(chunk.text, &self.prefixes, severity_at));
        if let Some(located) = expected {
            return self.record(chunk, &located, needle == FATAL, following);
        }
        match self.locate(chunk, severity_at) {
            Ok(located) => self.record(chunk, &located, needle == FATAL, following),
            // FATAL stands before many messages that are not about connections.
            Err(NotLocated::Malformed(cause)) if needle == message::LOG_NEEDLE => Parsed::Malformed(cause),
            Err(_) => Parsed::NotARecord,
        }
    }

    /// Whether syslog cut this message into chunks; the TLS mark may be in the next.
    ///
    /// False without syslog. A chunk number above 1, with the same process, is a continuation.
    fn continues_in_syslog(&self, next: Option<&[u8]>, head: &Head<'_>) -> bool {
        let Some(prefix) = self.prefix().filter(|prefix| prefix.is_syslog()) else { return false };
        prefix.syslog_chunk(next.unwrap_or_default()).is_some_and(|(pid, chunk)| Some(pid) == head.pid && chunk > 1)
    }
}

impl RecordParser for Stderr {
    fn engine(&self) -> &'static str {
        "postgres"
    }

    fn format(&self) -> &'static str {
        "stderr"
    }

    fn needles(&self) -> &'static [&'static [u8]] {
        NEEDLES
    }

    fn read<'a>(&self, chunk: Chunk<'a>, needle: &[u8], hit: usize) -> Parsed<'a> {
        self.read_behind(chunk, needle, hit, &mut None)
    }

    fn reader<'p, 'a: 'p>(&'p self, chunk: Chunk<'a>) -> Reader<'p, 'a> {
        let mut following = None;
        Box::new(move |needle, hit| self.read_behind(chunk, needle, hit, &mut following))
    }

    /// Every severity counts, and so do further lines such as `DETAIL:  ...`.
    fn begins(&self, line: &[u8]) -> bool {
        self.prefixes.iter().any(|prefix| prefix.head(line).is_some())
    }

    fn log_line_prefix(&self) -> Option<&str> {
        self.prefix().map(Prefix::setting)
    }

    /// None where no prefix matches, and where the prefix has no time, as the older default `""` has not.
    fn time(&self, line: &[u8]) -> Option<LogTime> {
        self.prefixes.iter().find_map(|prefix| prefix.head(line)).and_then(|head| head.at)
    }

    /// A line that begins with a tab is a statement's.
    fn may_be_cut_record(&self, line: &[u8]) -> bool {
        match self.prefixes.iter().find_map(|prefix| prefix.head(line)) {
            Some(head) => message::may_begin(line.get(head.message_at..).unwrap_or_default()),
            // Cut within its prefix; what is longer is a statement behind another one.
            None => !line.starts_with(b"\t") && line.len() <= CUT_PREFIX_MAX,
        }
    }

    /// One part of the message is enough, wherever the line begins.
    fn may_end_record(&self, line: &[u8]) -> bool {
        let holds = |part: &&[u8]| memmem::find(line, part).is_some();
        !line.starts_with(b"\t") && message::PARTS.iter().any(holds)
    }

    fn unsupported_language(&self, text: &[u8]) -> Option<&'static str> {
        translation::language(text, |at| self.is_written(text, at))
    }

    /// A line with a prefix's time and a TLS mark at its end is a session in a language of no catalogue.
    fn has_unreadable_sessions(&self, text: &[u8]) -> bool {
        let is_session = |line: &[u8]| self.time(line).is_some() && translation::ends_in_tls(line);
        lines_with(text, b"=TLSv1").any(is_session)
    }
}

/// What a needle is whose line ends within the first words of a message.
///
/// Returns `Malformed::Cut` where a severity LOG stands before a beginning of a message, and `NotARecord` otherwise.
fn cut_within_first_words<'a>(text: &[u8], hit: usize) -> Parsed<'a> {
    let start = message::cut_message_start(text, hit);
    match start.and_then(|start| text.get(..start)).and_then(log_severity) {
        Some(_) => Parsed::Malformed(Malformed::Cut),
        None => Parsed::NotARecord,
    }
}

/// What a line is that no prefix reads. Text of another record begins with a tab.
///
/// `line_at` is the offset of the line's first byte.
fn of_unknown_prefix(text: &[u8], line_at: usize) -> NotLocated {
    match text.get(line_at) {
        Some(b'\t') => NotLocated::Text,
        _ => NotLocated::Malformed(Malformed::UnknownPrefix),
    }
}
