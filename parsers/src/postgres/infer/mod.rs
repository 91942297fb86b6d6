//! Infers the `log_line_prefix` of a log from its text.
//!
//! Messages about connections name the user, the database and the address that the prefix before them names too. So the
//! prefix of such a line can be split into times, numbers, those names, and fixed text. A prefix is right if it matches those
//! lines and gives the same names as their messages. Prefixes in common use are tried first: they need no such work.
//!
//! ```text
//! 2026-11-23 18:39:57 UTC app@orders LOG:  connection authorized: user=app database=orders
//! %t %u@%d
//! ```
//!
//! A log without any connection record can only have a common prefix, or the server's current one.
//! Translated messages are not used.

mod layout;
mod walk;

use layout::layouts;
use memchr::{memchr, memchr_iter, memmem};

use super::message::{self, Context, Message};
use super::prefix::rds;
use super::prefix::{Head, KNOWN, PREFIX_MAX, Prefix, ends_in_severity};
use super::record::{is_added, log_severity};
use crate::event::SessionStep;

/// Most lines about connections, and most other lines, that are used.
///
/// Every prefix that is tried is matched with all of them.
const LINES: usize = 300;
/// Most messages of a line that are used.
const MESSAGES: usize = 8;
/// Lines without a severity that are kept before a line with one.
///
/// Of more, the last ones are kept.
const TORN: usize = 4;

/// A line that may begin a record.
struct Line<'a> {
    /// Where in the log it begins.
    at: usize,
    /// The line.
    text: &'a [u8],
    /// The line and what follows it, as far as a prefix may reach: names can hold newlines.
    beyond: &'a [u8],
    /// The messages about connections in it: its own, and those that names and statements imitate.
    messages: Vec<About<'a>>,
}

/// What a message about a connection says that the prefix before it says too.
struct About<'a> {
    /// Offset of the severity in the line, where the prefix ends.
    severity_at: usize,
    /// What stands behind `user=`. None in `connection received`.
    user: Option<&'a [u8]>,
    /// What stands behind ` database=`. None where the message names none, as in replication.
    database: Option<&'a [u8]>,
    /// What stands behind `host=`. None in `connection authorized`.
    address: Option<&'a [u8]>,
    /// The port: no two sessions have the same at the same time.
    port: Option<&'a [u8]>,
    stage: Stage,
}

/// The part of a session that a message is about.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// `connection received`: names are not known yet.
    Received,
    /// `connection authorized`: names are known, and the application is not.
    Authorized,
    /// `disconnection`: all names are known.
    Disconnected,
}

/// The prefix of the lines of `head`. None if no line has one. `likely` is the server's current setting.
pub(super) fn infer(head: &[u8], year: i16, likely: Option<&str>) -> Option<Prefix> {
    let lines = lines(head);
    let known = || likely.into_iter().chain(KNOWN.iter().copied());
    let plain = known().map(Prefix::compile);
    let wrapped = known().map(|setting| Prefix::compile(setting).in_syslog(year));
    let known = best(plain.chain(wrapped), &lines);
    // The true prefix matches every line. Some messages may contradict it, because a client wrote them into its names.
    // If hardly any message with names agrees, the prefix only resembles the true one: it takes `%d/%a` for `%d`.
    let agree = |score: &Score| score.read > score.misread && 4 * score.named > score.misread;
    let is_true = |score: &Score| score.unread == 0 && (score.misread == 0 || agree(score));
    if known.as_ref().is_some_and(|(score, _)| is_true(score)) {
        return known.map(|(_, prefix)| prefix);
    }
    let found = layouts(&lines, year);
    best(known.into_iter().map(|(_, prefix)| prefix).chain(found), &lines).map(|(_, prefix)| prefix)
}

/// The lines of a log's beginning that may begin records.
///
/// At most [`LINES`] lines with messages about connections and as many others. Lines that begin with a tab are left out.
fn lines(head: &[u8]) -> Vec<Line<'_>> {
    let (mut lines, mut torn) = (Vec::new(), Vec::new());
    let (mut connections, mut others) = (0, 0);
    let begins = std::iter::once(0).chain(memchr_iter(b'\n', head).map(|newline| newline + 1));
    for at in begins {
        let rest = head.get(at..).unwrap_or_default();
        let beyond = rest.get(..rest.len().min(PREFIX_MAX)).unwrap_or_default();
        let text = memchr(b'\n', beyond).and_then(|end| beyond.get(..end)).unwrap_or(beyond);
        if text.starts_with(b"\t") || (connections >= LINES && others >= LINES) {
            continue;
        }
        let next = rest.get(text.len() + 1..).unwrap_or_default();
        // `RAISE LOG` says what it likes of users and databases.
        let is_raised = |about: &About<'_>| next.get(about.severity_at..).is_some_and(is_added);
        let messages = messages(text).into_iter().filter(|about| !is_raised(about)).collect();
        let line = Line { at, text, beyond, messages };
        let count = if line.messages.is_empty() { &mut others } else { &mut connections };
        if line.messages.is_empty() && !has_severity(text) {
            // A newline in a name tears a prefix: the record of the next line may begin here.
            let excess = (torn.len() + 1).saturating_sub(TORN);
            torn.drain(..excess);
            torn.push(line);
        } else if *count < LINES {
            *count += 1;
            lines.append(&mut torn);
            lines.push(line);
        }
    }
    lines
}

/// Whether a severity stands anywhere in a line.
fn has_severity(text: &[u8]) -> bool {
    memmem::find_iter(text, b":  ").any(|at| text.get(..at).is_some_and(ends_in_severity))
}

/// The messages about connections in a line.
///
/// At most [`MESSAGES`], in their order. Messages that are not understood are left out.
fn messages(line: &[u8]) -> Vec<About<'_>> {
    let starts = memmem::find_iter(line, message::LOG_NEEDLE).filter_map(|hit| message::log_message_start(line, hit));
    starts.filter_map(|start| About::read(line, start)).take(MESSAGES).collect()
}

impl<'a> About<'a> {
    /// Reads the message that begins at `start`.
    ///
    /// None without a severity LOG before it, and for other steps of a session, such as a failed handshake.
    fn read(line: &'a [u8], start: usize) -> Option<Self> {
        let severity_at = log_severity(line.get(..start)?)?;
        let text = crate::lines::undecorated(line.get(start..)?);
        let Message::About(_, step) = message::log_message(text, &Context::default()) else { return None };
        let stage = match step {
            SessionStep::Received => Stage::Received,
            SessionStep::Connected(_) => Stage::Authorized,
            SessionStep::Disconnected(_) => Stage::Disconnected,
            _ => return None,
        };
        // An address stands behind the names, which may hold anything, and only in messages of these stages.
        let (names, client) = match stage {
            Stage::Received => (&b""[..], text),
            Stage::Authorized => (text, &b""[..]),
            Stage::Disconnected => text.split_at_checked(memmem::rfind(text, b" host=").unwrap_or(text.len()))?,
        };
        let value = |text: &'a [u8], key: &[u8], ends: &[&[u8]]| {
            let rest = text.get(memmem::find(text, key)? + key.len()..)?;
            let end = ends.iter().filter_map(|end| memmem::find(rest, end)).min();
            rest.get(..end.unwrap_or(rest.len()))
        };
        Some(About {
            severity_at,
            user: value(names, b"user=", &[b" database=", b" application_name=", b" SSL enabled", b" GSS ("]),
            database: value(names, b" database=", &[b" application_name=", b" SSL enabled", b" GSS ("]),
            address: value(client, b"host=", &[b" port="]),
            port: value(client, b" port=", &[b" "]),
            stage,
        })
    }
}

/// How well a prefix matches lines.
#[derive(Clone, Copy, Default)]
struct Score {
    /// Lines about connections that it matches, with the names of their messages.
    read: i64,
    /// Of these, lines whose messages name a user and a database.
    named: i64,
    /// Lines about connections that it matches with other names.
    misread: i64,
    /// Lines about connections that it does not match.
    unread: i64,
    /// Other lines that it matches. Text of a statement that imitates a record is one.
    others: i64,
}

/// The value by which scores are compared.
///
/// First what speaks for the prefix in lines about connections, then the count of other lines.
type Order = (i64, i64);

impl Score {
    /// The score of prefixes that may alternate.
    fn of(prefixes: &[&Prefix], lines: &[Line<'_>]) -> Self {
        let mut score = Self::default();
        let mut read_up_to = 0;
        // A line that begins within a name of the line before is a part of that line.
        for line in lines.iter() {
            if line.at < read_up_to {
                continue;
            }
            let head = prefixes.iter().find_map(|prefix| prefix.head(line.beyond));
            let at = |head: &Head<'_>| line.messages.iter().any(|message| message.severity_at == head.severity_at);
            // A message that contradicts the prefix may be a part of a name, and the line's own one may be about something else.
            let is_other = |prefix: &&Prefix| prefix.head_by_names(line.text, &mut |head| !at(head)).is_some();
            match head {
                Some(head) if head.severity_at > line.text.len() => read_up_to = line.at + head.severity_at,
                _ if let Some((about, _)) = prefixes.iter().find_map(|prefix| line.read_by(prefix)) => {
                    score.read += 1;
                    score.named += i64::from(about.stage != Stage::Received);
                }
                Some(head) if !at(&head) => score.others += 1,
                Some(_) if prefixes.iter().any(is_other) => score.others += 1,
                Some(_) => score.misread += 1,
                None if line.messages.is_empty() => {}
                None => score.unread += 1,
            }
        }
        score
    }

    /// Lines that are not matched count as much as lines that are. So a client that puts lines of another layout into names
    /// cannot choose the prefix.
    fn order(&self) -> Order {
        (self.read - self.misread - self.unread, self.others)
    }
}

/// The first of the prefixes that match lines best.
///
/// A prefix is scored together with those that may alternate with it, and alone to break ties.
/// None where no prefix matches any line.
fn best(prefixes: impl Iterator<Item = Prefix>, lines: &[Line<'_>]) -> Option<(Score, Prefix)> {
    let mut best: Option<((Order, Order), Score, Prefix)> = None;
    for prefix in prefixes {
        let others = prefix.others();
        let mut together: Vec<_> = others.iter().chain([&prefix]).collect();
        together.sort_by_key(|prefix| rds::ALL.iter().position(|setting| *setting == prefix.setting()));
        let score = Score::of(&together, lines);
        let alone = if others.is_empty() { score } else { Score::of(&[&prefix], lines) };
        let order = (score.order(), alone.order());
        if best.as_ref().is_none_or(|(most, ..)| order > *most) && (alone.read > 0 || alone.others > 0) {
            best = Some((order, score, prefix));
            // No other can match more.
            if alone.read + alone.others == lines.len() as i64 {
                break;
            }
        }
    }
    best.map(|(_, score, prefix)| (score, prefix))
}

impl<'a> Line<'a> {
    /// A message of the line, and the match of a prefix that gives the same names.
    ///
    /// None for lines without messages, and where no match gives the names of one of them.
    fn read_by(&self, prefix: &Prefix) -> Option<(&About<'a>, Head<'a>)> {
        let is_read = |head: &Head<'_>| self.messages.iter().find(|message| message.is_read_by(head));
        let head =
            self.messages.first().and_then(|_| prefix.head_by_names(self.text, &mut |head| is_read(head).is_some()))?;
        Some((is_read(&head)?, head))
    }
}

impl About<'_> {
    /// Whether a match of a prefix ends before this message and gives the same names.
    fn is_read_by(&self, head: &Head<'_>) -> bool {
        head.severity_at == self.severity_at && self.agrees(head)
    }

    /// Whether a prefix gives the same names. `[unknown]`, for a name that is not known yet, may be in any language.
    ///
    /// A value that the prefix or the message does not give agrees with everything.
    fn agrees(&self, head: &Head<'_>) -> bool {
        let same = |prefix: Option<&[u8]>, message: Option<&[u8]>| match (prefix, message) {
            (Some(prefix), Some(message)) => prefix == message,
            _ => true,
        };
        let unknown = |name: Option<&[u8]>| {
            name.is_none_or(|name| name.is_empty() || (name.starts_with(b"[") && name.ends_with(b"]")))
        };
        same(head.address, self.address)
            && match self.stage {
                Stage::Received => [head.user, head.database, head.application].into_iter().all(unknown),
                Stage::Authorized => {
                    same(head.user, self.user) && same(head.database, self.database) && unknown(head.application)
                }
                Stage::Disconnected => same(head.user, self.user) && same(head.database, self.database),
            }
    }
}
