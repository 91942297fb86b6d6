//! The head of a record of the general log, and what the beginning of a log shows about it.
//!
//! ```text
//! 2018-12-27T11:07:19.431815Z       31 Connect   root@172.30.0.3 on  using SSL/TLS
//! 261123 18:46:24     3 Connect   app@10.0.0.7 on db1 using TCP/IP
//! ```
//!
//! Tabs are shown as spaces. What stands behind the command is not read here, but to learn whether attempts name a
//! transport.

use memchr::{memchr, memmem};

use super::message::{Said, clients, said};
use super::padding::unpadded;
use super::time;
use crate::digits::split_number;
use crate::lines::undecorated;
use crate::time::LogTime;

/// What stands before the argument: a time, a thread number of 20 digits, and the command.
pub(super) const HEAD_MAX: usize = 96;
/// Longest command, with room for those of tomorrow.
const COMMAND_MAX: usize = 48;
/// Lines of a log's beginning that show who wrote it, besides its heading.
const LINES: usize = 500;

/// Commands, those first that begin with another. Only they are known where there is no tab behind them.
///
/// Sources: MySQL `sql/sql_parse.cc`, `Command_names`; MariaDB `sql/sql_parse.cc`, `command_name`.
const COMMANDS: &[&str] = &[
    "Binlog Dump GTID",
    "Binlog Dump",
    "Change user",
    "Clone",
    "Close stmt",
    "Connect Out",
    "Connect",
    "Create DB",
    "Daemon",
    "Debug",
    "Delayed insert",
    "Drop DB",
    "Execute",
    "Fetch",
    "Field List",
    "Init DB",
    "Kill",
    "Long Data",
    "Ping",
    "Prepare",
    "Processlist",
    "Query",
    "Quit",
    "Refresh",
    "Register Replica",
    "Register Slave",
    "Reset Connection",
    "Reset connection",
    "Reset stmt",
    "Set option",
    "Shutdown",
    "Sleep",
    "Statistics",
    "Table Dump",
    "Time",
];

/// The two clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clock {
    /// MySQL 5.7 and later, in every record.
    Iso,
    /// MariaDB and MySQL up to 5.6, where the second changes.
    Old,
}

/// What stands between the fields.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Layout {
    /// Tabs, as servers write them.
    #[default]
    Tabs,
    /// Blanks, which a terminal or an editor made of them.
    Blanks,
}

/// What a record begins with.
pub(super) struct Head<'a> {
    /// The clock that wrote the time. A record without a time has the old one.
    pub clock: Clock,
    /// None where the second did not change since the record before.
    pub time: Option<LogTime>,
    /// The server's number for the connection.
    pub thread: u64,
    /// As the log has it: `Connect`, `Init DB`.
    pub command: &'a [u8],
    /// Where in the line the command begins.
    pub at: usize,
    /// Where in the line the argument begins.
    pub argument: usize,
}

/// The head of the record that begins at the start of `line`, if one does, in this clock or any.
///
/// None where the time, the thread's number or the command is not in its position. NUL bytes before the time are skipped.
pub(super) fn record_head(line: &[u8], clock: Option<Clock>, layout: Layout) -> Option<Head<'_>> {
    let rest = unpadded(line);
    let undated = match layout {
        Layout::Tabs => rest.starts_with(b"\t\t") && clock != Some(Clock::Iso),
        // Without a time, lines of a statement begin like that too.
        Layout::Blanks => rest.starts_with(b"  ") && clock == Some(Clock::Old),
    };
    let dated = |clock, (time, rest)| (clock, Some(time), rest);
    let (clock, time, rest) = match clock {
        _ if undated => (Clock::Old, None, rest.get(1..)?),
        Some(Clock::Iso) => dated(Clock::Iso, time::iso(rest)?),
        Some(Clock::Old) => dated(Clock::Old, time::old(rest)?),
        None => {
            time::iso(rest).map(|read| dated(Clock::Iso, read)).or_else(|| Some(dated(Clock::Old, time::old(rest)?)))?
        }
    };
    let padded = rest.strip_prefix(if layout == Layout::Tabs { b"\t" } else { b" " })?;
    let rest = padded.get(padded.iter().position(|byte| *byte != b' ')?..)?;
    let (thread, rest) = split_number(rest)?;
    let rest = rest.strip_prefix(b" ")?;
    let at = line.len() - rest.len();
    let (command, behind) = match layout {
        Layout::Tabs => tabbed_command(rest)?,
        Layout::Blanks => spaced_command(rest)?,
    };
    Some(Head { clock, time, thread, command, at, argument: at + command.len() + behind })
}

/// The command that `rest` begins with, and how much stands between it and its argument.
///
/// A command begins with a capital, and consists of letters, blanks and underscores. It need not be one of [`COMMANDS`].
/// None where no tab follows within [`COMMAND_MAX`] bytes.
fn tabbed_command(rest: &[u8]) -> Option<(&[u8], usize)> {
    let command = rest.get(..rest.len().min(COMMAND_MAX)).and_then(|rest| rest.get(..memchr(b'\t', rest)?))?;
    let words = command.first()?.is_ascii_uppercase()
        && command.iter().all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b' ' | b'_'));
    words.then_some((command, 1))
}

/// The same with blanks between them, which may be gone at the end of a line.
///
/// None for a command that is not in [`COMMANDS`]: without a tab, no other sign ends it.
fn spaced_command(rest: &[u8]) -> Option<(&[u8], usize)> {
    let command = COMMANDS.iter().find_map(|name| rest.get(..name.len()).filter(|text| *text == name.as_bytes()))?;
    let behind = rest.get(command.len()..)?;
    let blanks = behind.iter().take_while(|byte| **byte == b' ').count();
    let ends = matches!(behind.get(blanks), None | Some(b'\r' | b'\n'));
    (blanks > 0 || ends).then_some((command, blanks))
}

/// Who wrote a log, by its beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Writer {
    /// `mysql` or `mariadb`. None if it is unknown.
    pub engine: Option<&'static str>,
    /// The clock of the first record. None if no line is a record.
    pub clock: Option<Clock>,
    /// That of the first record. Without one, what stands behind `Connect` decides.
    pub layout: Layout,
    /// Whether every attempt says which transport it uses.
    pub says: bool,
    /// Whether it is a slow log, whose heading is the same.
    pub slow: bool,
}

impl Writer {
    /// Reads the beginning of a log.
    ///
    /// The first clock is MySQL's alone. With the second, the heading names the version, and without a heading, only
    /// MariaDB writes `using`.
    ///
    /// At most [`LINES`] lines are read, headings not counted. The engine stays None where neither a record nor a heading
    /// names it.
    pub fn of(head: &[u8]) -> Self {
        let mut writer = Self::default();
        let (mut named, mut spoken, mut tabs, mut blanks) = (None, None, false, false);
        let mut others = 0;
        for line in head.split(|byte| *byte == b'\n') {
            if is_heading(line) {
                if writer.clock.is_none() {
                    named = named.or_else(|| maker(line));
                }
                continue;
            }
            others += 1;
            if others > LINES {
                break;
            }
            if writer.clock.is_none() {
                writer.slow |= line.starts_with(b"# Time:") || line.starts_with(b"# User@Host:");
                tabs |= memmem::find(line, b" Connect\t").is_some();
                blanks |= memmem::find(line, b" Connect ").is_some();
            }
            let Some(record) = writer.record(line) else { continue };
            if record.command == b"Connect" && spoken.is_none() {
                spoken = match said(line.get(record.argument..).unwrap_or_default(), b"") {
                    Said::Session { .. } => Some("mariadb"),
                    Said::Unmarked(who) if !clients(who).is_empty() => Some("mysql"),
                    _ => None,
                };
            }
        }
        if writer.clock.is_none() && blanks && !tabs {
            // Records stand behind unknown text. They are reported, if they are searched for.
            writer.layout = Layout::Blanks;
        }
        writer.says = writer.clock == Some(Clock::Iso) || spoken == Some("mariadb");
        writer.engine = match writer.clock {
            Some(Clock::Iso) => Some("mysql"),
            Some(Clock::Old) => named.or(spoken),
            None => named,
        };
        writer
    }

    /// The record of a line. The first one shows the clock and the layout.
    ///
    /// None for a line that begins no record. Tabs are tried before blanks.
    fn record<'a>(&mut self, line: &'a [u8]) -> Option<Head<'a>> {
        let layouts: &[Layout] = if self.clock.is_some() { &[self.layout] } else { &[Layout::Tabs, Layout::Blanks] };
        let (record, layout) =
            layouts.iter().find_map(|layout| Some((record_head(line, self.clock, *layout)?, *layout)))?;
        if self.clock.is_none() {
            (self.clock, self.layout) = (Some(record.clock), layout);
        }
        Some(record)
    }
}

/// A line of the heading that a server writes when it opens a log.
///
/// ```text
/// /rdsdbbin/mysql/bin/mysqld, Version: 8.0.40 (Source distribution). started with:
/// Tcp port: 3306  Unix socket: /tmp/mysql.sock
/// Time                 Id Command    Argument
/// ```
pub(super) fn is_heading(line: &[u8]) -> bool {
    // Quoted lines are text of another format.
    if line.trim_ascii_start().first().is_none_or(|byte| b"\"'{[-".contains(byte)) {
        return false;
    }
    let line = undecorated(line);
    (line.ends_with(b". started with:") && names_server(line))
        || line.starts_with(b"Tcp port: ")
        || line.starts_with(b"TCP Port: ")
        || (line.starts_with(b"Time") && line.ends_with(b"Id Command\tArgument"))
        || (line.starts_with(b"Time") && line.ends_with(b"Id Command    Argument"))
}

/// `/rdsdbbin/mysql/bin/mysqld, Version: 8.0.40 (Source distribution)`, as it is, and no value of another format.
fn names_server(line: &[u8]) -> bool {
    memmem::find(line, b", Version: ").and_then(|at| line.get(..at)).is_some_and(|path| memchr(b'"', path).is_none())
}

/// Who made the server that wrote this line of a heading.
///
/// None for a line without a version. Versions 10, 11 and 12 are MariaDB's, because MySQL went from 5 to 8 and 9.
fn maker(line: &[u8]) -> Option<&'static str> {
    let version = line.get(memmem::find(line, b", Version: ")? + 11..)?;
    let maria = memmem::find(line, b"MariaDB").is_some() || memmem::find(line, b"mariadbd, ").is_some();
    let maria = maria || [b"10.".as_slice(), b"11.", b"12."].iter().any(|major| version.starts_with(major));
    Some(if maria { "mariadb" } else { "mysql" })
}
