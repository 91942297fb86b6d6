//! Layouts of prefixes: splits the prefixes of lines about connections, and makes settings of what most of them share.
//!
//! ```text
//! 2026-11-23 18:39:57 UTC [21828] app@orders LOG:  connection authorized: user=app database=orders
//! Escape(t) Text( [) Number Text(] ) Escape(u) Text(@) Escape(d) Text( )
//! %t [%p] %u@%d
//! ```
//!
//! The lines vote: each layout counts the lines that it splits.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use memchr::memmem;

use super::walk::Walk;
use super::{Line, Stage, has_severity};
use crate::postgres::prefix::Prefix;

/// Most lines about connections that are split.
const SPLIT_MAX: usize = 48;
/// Most layouts that are tried on all lines.
const TRIED: usize = 6;

/// A part of a prefix.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Part {
    /// Fixed text.
    Text(Vec<u8>),
    /// An escape, by its letter.
    Escape(u8),
    /// The number of a process, a line or a transaction. Only all lines together show which.
    Number,
    /// Blanks behind a value that the setting pads, as in `%-10u`.
    Padding,
}

/// Prefixes that match lines about connections, those of most lines first.
///
/// At most [`TRIED`] layouts are returned, each with every position of `%q`. Empty without lines about connections.
pub(super) fn layouts(lines: &[Line<'_>], year: i16) -> Vec<Prefix> {
    let connections = || lines.iter().filter_map(|line| Some((line, line.messages.first()?)));
    let hosts: BTreeSet<&[u8]> = connections().filter_map(|(_, about)| about.address).collect();
    let syslog = Prefix::compile("").in_syslog(year);
    let mut layouts: HashMap<(bool, Vec<Part>), usize> = HashMap::new();
    // Lines whose names differ show which is which.
    let with_names = || connections().filter(|(_, about)| about.stage != Stage::Received);
    let differing = with_names().filter(|(_, about)| about.user != about.database).take(SPLIT_MAX);
    for (line, about) in differing.chain(with_names().take(SPLIT_MAX)).chain(connections().take(SPLIT_MAX)) {
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
    // Of two that match as many lines, the one with less fixed text says more. The rest of the order is arbitrary but fixed.
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

/// Whether fixed text holds a severity. Then the rest is text of another record, such as a statement that imitates one.
fn holds_severity(parts: &[Part]) -> bool {
    joined(parts.to_vec()).iter().any(|part| matches!(part, Part::Text(text) if has_severity(text)))
}

/// The number of names behind a text that is another name's: `user=%d`.
///
/// Of layouts with as many lines, those with fewer of them come first. Letter case does not matter.
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

/// The order of parts that match equally well: users come before databases.
///
/// Escapes come in the order of `ORDER`, then other parts. The part itself breaks ties.
fn rank(part: &Part) -> (usize, Part) {
    const ORDER: &[u8] = b"tmnprhudac";
    let position = match part {
        Part::Escape(letter) => ORDER.iter().position(|other| other == letter).unwrap_or(ORDER.len()),
        Part::Text(_) | Part::Number | Part::Padding => ORDER.len() + 1,
    };
    (position, part.clone())
}

/// Whether fixed text is JSON, CSV or YAML around the log's own lines. A server's setting has nothing of that.
fn is_quoting(parts: &[Part]) -> bool {
    let marks: [&[u8]; 5] = [b"{\"", b"\":", b"\",", b"\\\"", b"['"];
    joined(parts.to_vec()).iter().any(|part| match part {
        Part::Text(text) => marks.iter().any(|mark| memmem::find(text, mark).is_some()),
        _ => false,
    })
}

/// The same parts, with adjacent texts joined.
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

/// The parts with an escape for each number. The process is the number that joins the records of a session and differs
/// between sessions.
///
/// Other numbers become `%l`. Where two numbers join as well, the first one is the process.
fn with_numbers(parts: &[Part], compile: &dyn Fn(&str) -> Prefix, lines: &[Line<'_>]) -> Vec<Part> {
    let numbers: Vec<usize> =
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
    for process in numbers.into_iter().map(Some).chain([None]) {
        let candidate = as_escapes(process);
        let joins = joins(&compile(&setting(&candidate)), lines);
        if best.1.is_none_or(|most| joins > most) {
            best = (candidate, Some(joins));
        }
    }
    best.0
}

/// How well process numbers join the records of sessions: records with the number of a connection attempt before them, and
/// the count of different numbers.
///
/// A disconnect counts only if its port is that of the attempt: numbers of lines repeat by chance.
fn joins(prefix: &Prefix, lines: &[Line<'_>]) -> (usize, usize) {
    let mut received: HashMap<u64, Option<&[u8]>> = HashMap::new();
    let mut joined = 0;
    for (about, head) in lines.iter().filter_map(|line| line.read_by(prefix)) {
        let Some(pid) = head.pid else { continue };
        match about.stage {
            Stage::Received => {
                received.insert(pid, about.port);
            }
            Stage::Authorized => joined += usize::from(received.contains_key(&pid)),
            Stage::Disconnected => joined += usize::from(received.get(&pid).is_some_and(|port| *port == about.port)),
        }
    }
    (joined, received.len())
}

/// A setting, and the same with `%q` at each position: processes without a session write nothing behind it.
///
/// The position at the very beginning is left out, and so are those directly behind a `%`.
fn session_only(setting: &str) -> Vec<String> {
    let inside = |at: usize| setting.get(..at).is_some_and(|before| before.ends_with('%'));
    let positions = (1..setting.len()).filter(|at| setting.is_char_boundary(*at) && !inside(*at));
    let with =
        positions.filter_map(|at| setting.split_at_checked(at)).map(|(before, after)| format!("{before}%q{after}"));
    std::iter::once(setting.to_owned()).chain(with).collect()
}

/// The value of `log_line_prefix` that has these parts. No setting has bytes that are not UTF-8.
///
/// A `%` in fixed text is doubled. A padded value becomes `%-1u`, whatever its width was.
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
