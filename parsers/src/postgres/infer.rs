//! Finds the `log_line_prefix` of a log out of its text.
//!
//! Messages about connections name the user, the database and the address that the prefix before them names too. So the
//! prefix of such a line can be taken apart: what is a time, a number, one of those names, and what is fixed text. A prefix
//! is right when it reads those lines and tells the same names as they do. Prefixes in common use are tried first, and
//! spare that work.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use memchr::{memchr, memchr_iter, memmem};

use super::message::{self, Context, Message};
use super::prefix::rds;
use super::prefix::values::{self, time};
use super::prefix::{Head, KNOWN, PREFIX_MAX, Prefix, ends_in_severity};
use super::stderr::log_severity;
use crate::digits;
use crate::event::SessionStep;

/// Lines about connections, and other lines, that are looked at.
const LINES: usize = 300;
/// Messages of a line that are looked at.
const MESSAGES: usize = 8;
/// Lines without a severity that are kept of those before a line with one.
const TORN: usize = 4;
/// Lines about connections that are taken apart.
const TAKEN_APART: usize = 48;
/// Ways to take one line apart, at most.
const WAYS: usize = 64;
/// Layouts that are tried on all lines.
const TRIED: usize = 6;

/// A line that begins a record, as far as its text tells.
struct Line<'a> {
    /// Where in the log it begins.
    at: usize,
    /// The line.
    text: &'a [u8],
    /// The line and what follows it, as far as a prefix may reach: names can hold newlines.
    beyond: &'a [u8],
    /// What messages about connections say in it: its own, and those that names and statements imitate.
    messages: Vec<About<'a>>,
}

/// What a message about a connection says of the prefix before it.
struct About<'a> {
    severity_at: usize,
    user: Option<&'a [u8]>,
    database: Option<&'a [u8]>,
    address: Option<&'a [u8]>,
    /// The port, which tells one session from another.
    port: Option<&'a [u8]>,
    step: Told,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    Received,
    Authorized,
    Disconnected,
}

/// A part of a prefix.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Part {
    Text(Vec<u8>),
    Escape(u8),
    /// A process, a line or a transaction: told apart by what they are in all lines.
    Number,
    /// Blanks behind a value that the setting pads, as in `%-10u`.
    Padding,
}

/// The prefix of the lines of `head`; `likely` is the setting that the server has now. None where no line has one.
pub(super) fn infer(head: &[u8], year: i16, likely: Option<&str>) -> Option<Prefix> {
    let lines = lines(head);
    let known = || likely.into_iter().chain(KNOWN.iter().copied());
    let plain = known().map(Prefix::compile);
    let wrapped = known().map(|setting| Prefix::compile(setting).in_syslog(year));
    let known = best(plain.chain(wrapped), &lines);
    // The true prefix reads every line; that some messages contradict it may be due to a client that wrote them into its names.
    // Where hardly any message with names agrees, it only resembles the true one: it takes `%d/%a` for `%d`.
    let agree = |score: &Score| score.read > score.misread && 4 * score.named > score.misread;
    let is_true = |score: &Score| score.unread == 0 && (score.misread == 0 || agree(score));
    if known.as_ref().is_some_and(|(score, _)| is_true(score)) {
        return known.map(|(_, prefix)| prefix);
    }
    let found = take_apart(&lines, year);
    best(known.into_iter().map(|(_, prefix)| prefix).chain(found), &lines).map(|(_, prefix)| prefix)
}

/// The lines of a log's beginning that may begin records, those about connections first of all.
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
        let line = Line { at, text, beyond, messages: messages(text) };
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

/// What the messages about connections in a line say.
fn messages(line: &[u8]) -> Vec<About<'_>> {
    let starts = memmem::find_iter(line, message::LOG_NEEDLE).filter_map(|hit| message::log_message_start(line, hit));
    starts.filter_map(|start| About::read(line, start)).take(MESSAGES).collect()
}

impl<'a> About<'a> {
    /// What the message says that begins at `start`.
    fn read(line: &'a [u8], start: usize) -> Option<Self> {
        let severity_at = log_severity(line.get(..start)?)?;
        let text = crate::lines::undecorated(line.get(start..)?);
        let Message::About(_, step) = message::log_message(text, &Context::default()) else { return None };
        let step = match step {
            SessionStep::Received => Told::Received,
            SessionStep::Connected(_) => Told::Authorized,
            SessionStep::Disconnected(_) => Told::Disconnected,
            _ => return None,
        };
        let value = |key: &[u8], ends: &[&[u8]]| {
            let rest = text.get(memmem::find(text, key)? + key.len()..)?;
            let end = ends.iter().filter_map(|end| memmem::find(rest, end)).min();
            rest.get(..end.unwrap_or(rest.len()))
        };
        let database = value(b" database=", &[b" application_name=", b" SSL enabled", b" GSS (", b" host="]);
        Some(About {
            severity_at,
            user: value(b"user=", &[b" database=", b" application_name=", b" SSL enabled", b" GSS ("]),
            database,
            address: value(b"host=", &[b" port="]),
            port: value(b" port=", &[b" "]),
            step,
        })
    }
}

/// How well a prefix reads lines.
#[derive(Clone, Copy, Default)]
struct Score {
    /// Lines about connections that it reads as their messages say.
    read: i64,
    /// Those of them whose messages name a user and a database.
    named: i64,
    /// Lines about connections that it reads otherwise.
    misread: i64,
    /// Lines about connections that it does not read.
    unread: i64,
    /// Other lines that it reads. Text that imitates a record, in a statement, is one.
    others: i64,
}

/// What one score is compared with another by.
type Order = (i64, i64);

impl Score {
    /// Of prefixes that may alternate.
    fn of(prefixes: &[&Prefix], lines: &[Line<'_>]) -> Self {
        let mut score = Self::default();
        let mut read_up_to = 0;
        // A line that a name in the line before tore off belongs to that.
        for line in lines.iter() {
            if line.at < read_up_to {
                continue;
            }
            let head = prefixes.iter().find_map(|prefix| prefix.head(line.beyond));
            let at = |head: &Head<'_>| line.messages.iter().any(|message| message.severity_at == head.severity_at);
            match head {
                Some(head) if head.severity_at > line.text.len() => read_up_to = line.at + head.severity_at,
                _ if let Some((about, _)) = prefixes.iter().find_map(|prefix| line.read_by(prefix)) => {
                    score.read += 1;
                    score.named += i64::from(about.step != Told::Received);
                }
                Some(head) if !at(&head) => score.others += 1,
                None if line.messages.is_empty() => {}
                Some(_) => score.misread += 1,
                None => score.unread += 1,
            }
        }
        score
    }

    /// What is not read counts as much as what is: a client that puts lines of another layout into names cannot have the others
    /// read so.
    fn order(&self) -> Order {
        (self.read - self.misread - self.unread, self.others)
    }
}

/// The first of the prefixes that read lines best.
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
            // No other can read more.
            if alone.read + alone.others == lines.len() as i64 {
                break;
            }
        }
    }
    best.map(|(_, score, prefix)| (score, prefix))
}

impl<'a> Line<'a> {
    /// What the line's message says, and the reading of a prefix that says the same.
    fn read_by(&self, prefix: &Prefix) -> Option<(&About<'a>, Head<'a>)> {
        let is_read = |head: &Head<'_>| self.messages.iter().find(|message| message.is_read_by(head));
        let head =
            self.messages.first().and_then(|_| prefix.head_by_names(self.text, &mut |head| is_read(head).is_some()))?;
        Some((is_read(&head)?, head))
    }
}

impl About<'_> {
    fn is_read_by(&self, head: &Head<'_>) -> bool {
        head.severity_at == self.severity_at && self.agrees(head)
    }

    /// Whether a prefix tells the same names. A name that is not known yet, `[unknown]`, may be in any language.
    fn agrees(&self, head: &Head<'_>) -> bool {
        let same = |prefix: Option<&[u8]>, message: Option<&[u8]>| match (prefix, message) {
            (Some(prefix), Some(message)) => prefix == message,
            _ => true,
        };
        let unknown = |name: Option<&[u8]>| {
            name.is_none_or(|name| name.is_empty() || (name.starts_with(b"[") && name.ends_with(b"]")))
        };
        same(head.address, self.address)
            && match self.step {
                Told::Received => [head.user, head.database, head.application].into_iter().all(unknown),
                Told::Authorized => {
                    same(head.user, self.user) && same(head.database, self.database) && unknown(head.application)
                }
                Told::Disconnected => same(head.user, self.user) && same(head.database, self.database),
            }
    }
}

/// Prefixes that fit lines about connections, those of most lines first.
fn take_apart(lines: &[Line<'_>], year: i16) -> Vec<Prefix> {
    let connections = || lines.iter().filter_map(|line| Some((line, line.messages.first()?)));
    let hosts: BTreeSet<&[u8]> = connections().filter_map(|(_, about)| about.address).collect();
    let syslog = Prefix::compile("").in_syslog(year);
    let mut layouts: HashMap<(bool, Vec<Part>), usize> = HashMap::new();
    // Lines whose names differ tell which is which.
    let telling = || connections().filter(|(_, about)| about.step != Told::Received);
    let differing = telling().filter(|(_, about)| about.user != about.database).take(TAKEN_APART);
    for (line, about) in differing.chain(telling().take(TAKEN_APART)).chain(connections().take(TAKEN_APART)) {
        let (wrapped, begins) = match syslog.syslog_end(line.text) {
            Some(end) if end <= about.severity_at => (true, end),
            _ => (false, 0),
        };
        let Some(text) = line.text.get(begins..about.severity_at) else { continue };
        let mut walk = Walk { text, about, hosts: &hosts, parts: Vec::new(), found: Vec::new() };
        walk.from(0);
        for parts in walk.found.into_iter().filter(|parts| !holds_severity(parts) && !is_quoting(parts)) {
            *layouts.entry((wrapped, joined(parts))).or_default() += 1;
        }
    }
    let mut layouts: Vec<_> = layouts.into_iter().collect();
    // Of two that fit as many lines, the one with less fixed text tells more. The rest of the order only has to be one.
    layouts.sort_by_cached_key(|((wrapped, parts), count)| {
        let fixed: usize = parts.iter().map(|part| if let Part::Text(text) = part { text.len() } else { 0 }).sum();
        (Reverse(*count), misnamed(parts), fixed, parts.len(), parts.iter().map(rank).collect::<Vec<_>>(), *wrapped)
    });
    let compile = |setting: &str, wrapped: bool| {
        let prefix = Prefix::compile(setting);
        if wrapped { prefix.in_syslog(year) } else { prefix }
    };
    let tried = layouts.iter().take(TRIED);
    tried
        .flat_map(|((wrapped, parts), _)| {
            let numbered = with_numbers(parts, &|setting| compile(setting, *wrapped), lines);
            session_only(&setting(&numbered)).into_iter().map(|setting| compile(&setting, *wrapped)).collect::<Vec<_>>()
        })
        .collect()
}

/// Whether fixed text holds a severity: then what follows is text of another record, a statement that imitates one.
fn holds_severity(parts: &[Part]) -> bool {
    joined(parts.to_vec()).iter().any(|part| matches!(part, Part::Text(text) if has_severity(text)))
}

/// Names whose text before them says that they are another's: `user=%d`.
fn misnamed(parts: &[Part]) -> usize {
    let says = |text: &[u8], words: &[&[u8]]| {
        let text = text.to_ascii_lowercase();
        words.iter().any(|word| text.trim_ascii_end().ends_with(word))
    };
    let wrong = |pair: &[Part]| match pair {
        [Part::Text(text), Part::Escape(b'u')] => says(text, &[b"db=", b"database=", b"db:", b"database:", b"app="]),
        [Part::Text(text), Part::Escape(b'd')] => says(text, &[b"user=", b"user:", b"usr=", b"u=", b"app="]),
        [Part::Text(text), Part::Escape(b'a')] => says(text, &[b"user=", b"db=", b"database=", b"user:", b"db:"]),
        _ => false,
    };
    parts.windows(2).filter(|pair| wrong(pair)).count()
}

/// Where a part stands in the order of those that fit as well: users come before databases.
fn rank(part: &Part) -> (usize, Part) {
    const ORDER: &[u8] = b"tmnprhudac";
    let place = match part {
        Part::Escape(letter) => ORDER.iter().position(|other| other == letter).unwrap_or(ORDER.len()),
        Part::Text(_) | Part::Number | Part::Padding => ORDER.len() + 1,
    };
    (place, part.clone())
}

/// Whether fixed text is of JSON, CSV or YAML around the log's own lines, of which a server's setting has nothing.
fn is_quoting(parts: &[Part]) -> bool {
    let marks: [&[u8]; 5] = [b"{\"", b"\":", b"\",", b"\\\"", b"['"];
    joined(parts.to_vec()).iter().any(|part| match part {
        Part::Text(text) => marks.iter().any(|mark| memmem::find(text, mark).is_some()),
        _ => false,
    })
}

/// Takes the prefix of one line apart, in every way that there is.
struct Walk<'w, 'a> {
    text: &'a [u8],
    about: &'w About<'a>,
    hosts: &'w BTreeSet<&'a [u8]>,
    parts: Vec<Part>,
    found: Vec<Vec<Part>>,
}

/// How a name that is not known yet is written.
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
    fn from(&mut self, at: usize) {
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

    fn has(&self, escape: u8) -> bool {
        self.parts.contains(&Part::Escape(escape))
    }

    /// What may stand at `at`, and where it ends.
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
        // The first of two places may be the word before the name: `user=user`; and a piece of a word is hardly a name.
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

    /// The names that may stand at `at`: those of the message, and those that are not known yet.
    fn names(&self, rest: &[u8], at: usize) -> Vec<(Part, usize)> {
        let host = self.hosts.iter().copied().find(|host| rest.starts_with(host));
        let host = rest.starts_with(b"[local]").then_some(&b"[local]"[..]).or(host).or(address(rest));
        let told: &[(Option<&[u8]>, &[u8])] = match self.about.step {
            Told::Received => &[(Some(UNKNOWN), b"uda")],
            Told::Authorized | Told::Disconnected => {
                &[(self.about.user, b"u"), (self.about.database, b"d"), (Some(UNKNOWN), b"ad")]
            }
        };
        let words = WORDS.iter().map(|(word, escape)| (Some(*word), std::slice::from_ref(escape)));
        let all = [(host, &b"rhL"[..])].into_iter().chain(told.iter().copied()).chain(words);
        let mut steps = Vec::new();
        for (name, escapes) in all {
            let Some(name) = name.filter(|name| !name.is_empty() && rest.starts_with(name)) else { continue };
            // An address that is not the client's stands beside it.
            let beside = self.has(b'h') || self.has(b'r');
            let free = escapes.iter().filter(|escape| !self.has(**escape) && (**escape != b'L' || beside));
            steps.extend(free.map(|escape| (Part::Escape(*escape), at + name.len())));
        }
        steps
    }

    /// Whether what stands from `from` to `to` is no piece of a longer word.
    fn is_whole(&self, from: usize, to: usize) -> bool {
        let is_word = |at: Option<usize>| {
            at.and_then(|at| self.text.get(at)).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        };
        let goes_on = |before: Option<usize>, after: usize| is_word(before) && is_word(Some(after));
        !goes_on(from.checked_sub(1), from) && !goes_on(to.checked_sub(1), to)
    }

    /// A time, and what else has a shape of its own.
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

    fn number(&self, rest: &[u8], at: usize) -> Option<(Part, usize)> {
        let length = digits::leading(rest);
        let begins = at.checked_sub(1).and_then(|at| self.text.get(at)).is_none_or(|byte| !byte.is_ascii_digit());
        // The `-1` that prefixes put behind the number of a line, for pgBadger's sake, is fixed text.
        let dash = [Part::Number, Part::Text(b"-".to_vec())];
        let fixed = rest.starts_with(b"1") && length == 1 && self.parts.ends_with(&dash);
        (length > 0 && begins && !fixed).then_some((Part::Number, at + length))
    }
}

/// The length of `10.0.0.7(49698)` at the start of a text, whatever the host is. One colon before it is the prefix's own.
fn remote(rest: &[u8]) -> Option<usize> {
    let (after, remote) = values::remote(rest);
    remote.address.filter(|host| *host != b"[local]" && (!host.starts_with(b":") || is_address(host)))?;
    Some(rest.len() - after.len())
}

fn is_address(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok_and(|text| text.parse::<std::net::IpAddr>().is_ok())
}

/// An address at the start of a text.
fn address(rest: &[u8]) -> Option<&[u8]> {
    let length = rest.iter().take_while(|byte| byte.is_ascii_hexdigit() || matches!(byte, b'.' | b':')).count();
    // A colon behind an address may be the prefix's own.
    (2..=length).rev().filter_map(|length| rest.get(..length)).find(|text| is_address(text))
}

/// The same parts, with texts that follow each other as one.
fn joined(parts: Vec<Part>) -> Vec<Part> {
    let mut whole: Vec<Part> = Vec::with_capacity(parts.len());
    for part in parts {
        match (whole.last_mut(), part) {
            (Some(Part::Text(text)), Part::Text(more)) => text.extend(more),
            (_, part) => whole.push(part),
        }
    }
    whole
}

/// The parts with each number as what it is. The process is the one that joins the records of a session and tells sessions
/// apart.
fn with_numbers(parts: &[Part], compile: &dyn Fn(&str) -> Prefix, lines: &[Line<'_>]) -> Vec<Part> {
    let places: Vec<usize> =
        parts.iter().enumerate().filter(|(_, part)| **part == Part::Number).map(|(at, _)| at).collect();
    let as_escapes = |process: Option<usize>| -> Vec<Part> {
        let escape = |(at, part): (usize, &Part)| match part {
            Part::Number if process == Some(at) => Part::Escape(b'p'),
            Part::Number => Part::Escape(b'l'),
            other => other.clone(),
        };
        joined(parts.iter().enumerate().map(escape).collect())
    };
    let mut best = (Vec::new(), None);
    for process in places.into_iter().map(Some).chain([None]) {
        let candidate = as_escapes(process);
        let joins = joins(&compile(&setting(&candidate)), lines);
        if best.1.is_none_or(|most| joins > most) {
            best = (candidate, Some(joins));
        }
    }
    best.0
}

/// How well process numbers join the records of a session: records that have the number of the arrival before them, and how
/// many numbers there are.
fn joins(prefix: &Prefix, lines: &[Line<'_>]) -> (usize, usize) {
    let mut arrived: HashMap<u64, Option<&[u8]>> = HashMap::new();
    let mut joined = 0;
    for (about, head) in lines.iter().filter_map(|line| line.read_by(prefix)) {
        let Some(pid) = head.pid else { continue };
        match about.step {
            Told::Received => {
                arrived.insert(pid, about.port);
            }
            Told::Authorized => joined += usize::from(arrived.contains_key(&pid)),
            Told::Disconnected => joined += usize::from(arrived.get(&pid).is_some_and(|port| *port == about.port)),
        }
    }
    (joined, arrived.len())
}

/// A setting, and the same with `%q` at every place: processes without a session leave out what follows it.
fn session_only(setting: &str) -> Vec<String> {
    let inside = |at: usize| setting.get(..at).is_some_and(|before| before.ends_with('%'));
    let places = (1..setting.len()).filter(|at| setting.is_char_boundary(*at) && !inside(*at));
    let with = places.filter_map(|at| setting.split_at_checked(at)).map(|(before, after)| format!("{before}%q{after}"));
    std::iter::once(setting.to_owned()).chain(with).collect()
}

/// The value of `log_line_prefix` that has these parts. Bytes that are not UTF-8 stand in no setting.
fn setting(parts: &[Part]) -> String {
    let mut setting = String::new();
    for (at, part) in parts.iter().enumerate() {
        let padded = if parts.get(at + 1) == Some(&Part::Padding) { "-1" } else { "" };
        match part {
            Part::Text(text) => setting.push_str(&String::from_utf8_lossy(text).replace('%', "%%")),
            Part::Escape(letter) => setting.push_str(&format!("%{padded}{}", char::from(*letter))),
            Part::Number => setting.push_str(&format!("%{padded}l")),
            Part::Padding => {}
        }
    }
    setting
}
