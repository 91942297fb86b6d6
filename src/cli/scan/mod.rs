//! `ssl-usage scan`: counts the connections in log files.

mod group;
mod group_key;
mod next;
mod report;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::PossibleValuesParser;
use jiff::Timestamp;
use ssl_usage_parsers::{ENGINES, Engine, FORMATS as LOG_FORMATS, Hints, LogTime, Malformed, OPTION, Tally};

use group::groups;
use group_key::GroupKey;
use next::Next;
pub(super) use report::SCHEMA;
use report::{Belongs, FORMATS, File, Problem, Report};

use super::fleet::time;
use super::heading::{EVIDENCE, OUTPUT};
use super::output::{Output, local, one_of};
use super::{complain, exit};
use crate::error::{Error, ErrorKind, Result};
use crate::logs::directory;
use crate::report::{Format, Reader};
use crate::scan::{self, Context, Outcome, Row, scan_all};
use crate::text::plural;

/// Count the connections in log files, with and without TLS.
///
/// Reads files, folders or standard input, and does not call AWS. Logs may be compressed (gzip, zstd, bzip2), in tar or zip
/// archives, or exported by the AWS CLI, CloudWatch Logs or Docker. The format is detected from the content.
///
/// Each log is a row. Then follow the totals of each instance or folder, with the longest gap between its logs, and the
/// command that judges these logs.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ssl-usage scan error/postgresql.log.2026-11-23-10
  ssl-usage scan --format json logs/ | jq .total
  ssl-usage scan --format json archive/ | jq '.groups[].longest_gap'
  ssl-usage scan logs.tar.gz
  aws logs filter-log-events \\
    --log-group-name /aws/rds/instance/orders-prod/postgresql \\
    | ssl-usage scan -

Exit status: 0 success; 1 error; 2 invalid usage; 3 a log could not be read in full, or no log shows a session.")]
pub(super) struct Scan {
    /// Log files, archives or folders; - is standard input.
    #[arg(required = true, value_name = "FILE|DIR|-", value_parser = local())]
    paths: Vec<PathBuf>,
    /// Format of the counts.
    #[arg(long, help_heading = OUTPUT, value_parser = one_of(FORMATS), default_value = "table")]
    format: &'static Format<Report>,
    /// Engine that wrote the logs, if it cannot be detected.
    #[arg(long, help_heading = EVIDENCE, value_parser = engine)]
    engine: Option<&'static Engine>,
    /// Format of the logs, if it cannot be detected.
    #[arg(long, help_heading = EVIDENCE, value_name = "FORMAT", value_parser = PossibleValuesParser::new(LOG_FORMATS.iter().copied()))]
    log_format: Option<String>,
    /// log_line_prefix of a PostgreSQL log, if it cannot be detected.
    #[arg(long, help_heading = EVIDENCE, value_name = "PREFIX")]
    log_line_prefix: Option<String>,
    /// Version of the server that wrote the logs, for example 16.4.
    #[arg(long, help_heading = EVIDENCE, value_name = "VERSION", value_parser = version)]
    engine_version: Option<String>,
    /// Year of timestamps that have none (syslog), for example 2026.
    #[arg(long, help_heading = EVIDENCE, value_parser = clap::value_parser!(i16).range(1970..=9999))]
    year: Option<i16>,
    /// Use this time as the current time in the commands to run next (for example 2026-11-23T00:00:00Z).
    #[arg(long, help_heading = OUTPUT, value_name = "TIME", value_parser = time)]
    now: Option<Timestamp>,
    /// Number of threads. Default: the number of processors.
    #[arg(long, help_heading = super::heading::WHAT)]
    threads: Option<NonZeroUsize>,
}

/// An engine by its name.
fn engine(name: &str) -> std::result::Result<&'static Engine, String> {
    Engine::named(name).ok_or_else(|| {
        let names: Vec<_> = ENGINES.iter().map(|engine| engine.id).collect();
        format!("use one of {}", names.join(", "))
    })
}

/// A version: a number, then anything a vendor appends.
fn version(text: &str) -> std::result::Result<String, String> {
    if text.starts_with(|letter: char| letter.is_ascii_digit()) {
        return Ok(text.to_owned());
    }
    Err("use a version that begins with a number, for example 16.4".to_owned())
}

impl Scan {
    pub(super) fn run(self) -> Result<u8> {
        let hints = Hints {
            engine: self.engine,
            format: self.log_format.clone(),
            log_line_prefix: self.log_line_prefix.clone(),
            engine_version: self.engine_version.clone(),
            year: self.year,
        };
        let threads =
            self.threads.map_or_else(|| std::thread::available_parallelism().map_or(1, Into::into), Into::into);
        let alone = matches!(self.paths.as_slice(), [path] if !path.is_dir());
        let mut seen = Seen::default();
        // Errors come in the order of the paths, each with the number of files before it.
        let (mut paths, mut missing) = (Vec::new(), VecDeque::new());
        for path in self.paths()? {
            match path {
                Ok(path) => paths.push(path),
                Err(error) => missing.push_back((paths.len(), error)),
            }
        }
        let context = Context { hints: &hints, threads, counts_lines: self.format.reader == Reader::Document };
        scan_all(&paths, context, |index, rows| {
            while let Some((_, error)) = missing.pop_front_if(|(files, _)| *files <= index) {
                seen.errors.push(error);
            }
            if let Some(path) = paths.get(index) {
                seen.rows(path, rows, alone);
            }
        });
        seen.errors.extend(missing.into_iter().map(|(_, error)| error));
        let Seen { mut files, tallies, mut errors, failed, advice, .. } = seen;
        let total = total(&mut files, &tallies);
        let groups = groups(&files, &tallies, &failed);
        let next = Next::of(&self.paths, &files, &groups, self.now.unwrap_or_else(Timestamp::now));
        errors.extend(no_session(&files, &total, advice.first().copied()));
        for error in &errors {
            complain(error);
        }
        let errors = errors
            .iter()
            .map(|error| Problem { path: error.subject().to_owned(), message: error.advice() })
            .collect::<Vec<_>>();
        let status = match (errors.is_empty(), files.is_empty()) {
            (true, _) => exit::DONE,
            (false, true) => exit::FAILED,
            (false, false) => exit::PARTIAL,
        };
        let report = Report { schema: "ssl-usage/scan/v1", files, total: (&total).into(), errors, groups, next };
        Output::default().print(self.format, &report, Vec::new())?;
        Ok(status)
    }

    /// The logs that were asked for; a path that cannot be read does not keep the others from being read.
    fn paths(&self) -> Result<Vec<Result<PathBuf>>> {
        let mut paths = Vec::new();
        for path in &self.paths {
            if path == Path::new("-") {
                paths.push(Ok(path.clone()));
                continue;
            }
            match directory::files(path) {
                Ok(files) => paths.extend(files.into_iter().map(Ok)),
                Err(error) => paths.push(Err(error)),
            }
        }
        Ok(paths)
    }
}

/// Most files of one size and time that another one is compared with.
const COPIES: usize = 16;

/// Adds up the files. A log that is there in several formats counts once, in the form that shows most sessions.
fn total(files: &mut [File], tallies: &[Tally]) -> Tally {
    let mut best: BTreeMap<String, usize> = BTreeMap::new();
    let identity = |file: &File| match file.engine.and_then(Engine::named) {
        Some(engine) => engine.log_identity(&file.path).to_owned(),
        None => file.path.clone(),
    };
    let shows = |index: usize| tallies.get(index).map(|tally| (sessions(tally), tally.records()));
    for (index, file) in files.iter().enumerate() {
        let counted = best.entry(identity(file)).or_insert(index);
        if shows(index) > shows(*counted) {
            *counted = index;
        }
    }
    let mut total = Tally::default();
    let mut extents: BTreeMap<_, Vec<(String, &Tally)>> = BTreeMap::new();
    let paths: Vec<String> = files.iter().map(|file| file.path.clone()).collect();
    let formats: BTreeSet<_> = files.iter().map(|file| (file.engine, file.format)).collect();
    for (index, (file, tally)) in files.iter_mut().zip(tallies).enumerate() {
        let mut notes: Vec<_> = file.note.take().into_iter().collect();
        // Which of two logs records a session is unknown here, so both count.
        if file.format == Some("audit") && formats.contains(&(file.engine, Some("general"))) {
            notes.push("it may hold the same sessions as the general log; the total counts both".to_owned());
        }
        match best.get(&identity(file)).filter(|counted| **counted != index) {
            Some(counted) => {
                let twin = paths.get(*counted).map_or("another", String::as_str);
                notes.push(format!("the same log as {twin}; the total counts only that one"));
                file.belongs.is_twin = true;
            }
            None => {
                total += tally;
                let extent = (file.format, file.bytes, file.first_at, file.last_at);
                let others = extents.entry(extent).or_default();
                match others.iter().find(|(_, counts)| *counts == tally && tally.records() > 0) {
                    Some((path, _)) => notes.push(format!(
                        "it may be a copy of {path}, with the same size, time and counts; the total counts both"
                    )),
                    None if others.len() < COPIES => others.push((file.path.clone(), tally)),
                    None => {}
                }
            }
        }
        file.note = (!notes.is_empty()).then(|| notes.join("; "));
    }
    total
}

fn sessions(tally: &Tally) -> u64 {
    tally.connections.sum() + tally.system.sum()
}

/// Most names of TLS versions and ciphers that are kept of all files together.
const NAMES_MAX: usize = 100_000;

/// What the logs show so far.
#[derive(Default)]
struct Seen {
    /// Names of TLS versions and ciphers.
    names: usize,
    files: Vec<File>,
    tallies: Vec<Tally>,
    errors: Vec<Error>,
    /// The group of each log that could not be read.
    failed: Vec<GroupKey>,
    /// What to scan instead of files that are no connection logs.
    advice: BTreeSet<&'static str>,
}

impl Seen {
    /// Takes the logs of the file at `path`. A file that is no connection log is an error if nothing else was asked for.
    fn rows(&mut self, path: &Path, mut rows: Vec<Row>, alone: bool) {
        self.advice.extend(rows.iter().filter_map(|row| match &row.outcome {
            Outcome::Unrelated(unrelated) => Some(unrelated.advice),
            _ => None,
        }));
        if let [Row { name, outcome: Outcome::Unrelated(unrelated), .. }] = rows.as_slice()
            && alone
        {
            let message = format!("this is {}, not a connection log. {}", unrelated.what, unrelated.advice);
            self.errors.push(Error::new(ErrorKind::Format, name, message));
            rows.clear();
        }
        for mut row in rows {
            self.errors.extend(row.problem.take());
            let (key, form) = GroupKey::of(&row, path);
            if let Outcome::Failed(error) = row.outcome {
                self.errors.push(error);
                self.failed.push(key);
                continue;
            }
            self.errors.extend(unread(&row));
            self.names += row.tally.names();
            if self.names > NAMES_MAX {
                row.tally.forget_names();
            }
            let is_disordered = matches!(&row.outcome, Outcome::Read(found) if found.scanned.disordered);
            self.files.push(file(&row, Belongs { key, form, is_disordered, is_twin: false }));
            self.tallies.push(row.tally);
        }
    }
}

fn file(row: &Row, belongs: Belongs) -> File {
    let found = match &row.outcome {
        Outcome::Read(found) => Some(found),
        Outcome::Empty | Outcome::Unrelated(_) | Outcome::Failed(_) => None,
    };
    let scanned = found.map(|found| found.scanned).unwrap_or_default();
    let log_line_prefix = found.and_then(|found| found.log_line_prefix.clone());
    let at = |time: Option<LogTime>| {
        time.filter(|time| !is_undated(Some(*time))).and_then(|time| Timestamp::from_microsecond(time.at).ok())
    };
    File {
        path: row.name.clone(),
        envelope: row.envelope,
        engine: found.map(|found| found.engine),
        format: found.map(|found| found.format),
        log_line_prefix,
        lines: scanned.lines.unwrap_or_default(),
        bytes: scanned.bytes,
        first_at: at(scanned.first_at),
        last_at: at(scanned.last_at),
        counts: (&row.tally).into(),
        note: note(row),
        belongs,
    }
}

/// Whether a time is of the year that stands for none.
fn is_undated(time: Option<LogTime>) -> bool {
    const YEAR: i64 = 365 * 24 * 3600 * 1_000_000;
    time.is_some_and(|time| (0..YEAR).contains(&time.at))
}

/// What a reader should know of a log that was read.
fn note(row: &Row) -> Option<String> {
    let tally = &row.tally;
    let mut notes = row.notes.clone();
    match &row.outcome {
        Outcome::Empty => notes.push("the log is empty".to_owned()),
        Outcome::Unrelated(unrelated) => notes.push(format!("{}, not a connection log", unrelated.what)),
        Outcome::Read(found) => {
            if tally.records() == 0 && tally.unparsed() == 0 {
                notes.push("no connection records: connections are not logged here, or no client connected".to_owned());
            } else if sessions(tally) == 0 && tally.received > 0 && tally.unparsed() == 0 {
                let arrived =
                    "clients connected, but their sessions are not logged: add `authorization` to log_connections";
                notes.push(arrived.to_owned());
            } else if sessions(tally) == 0 && tally.records() > 0 && tally.unparsed() == 0 {
                notes.push("no session begins in this log: it contains only failed attempts or disconnects".to_owned());
            }
            notes.extend(blind(found, tally));
            if tally.has_other_names() {
                notes.push("it has so many TLS versions or ciphers that some are counted as (other)".to_owned());
            }
            if is_undated(found.scanned.last_at) {
                notes.push("its times have no year: set it with --year".to_owned());
            } else if found.scanned.last_at.is_some_and(|time| !time.zone_known) {
                notes.push("its times have no known time zone and are read as UTC".to_owned());
            }
            match cut(tally) {
                0 => {}
                1 => {
                    notes.push("1 connection record is cut off at an end of the log, and counts as unparsed".to_owned())
                }
                many => notes.push(format!(
                    "{many} connection records are cut off at the ends of the log, and count as unparsed"
                )),
            }
            if found.scanned.disordered {
                notes.push(
                    "its times go back: logs were joined in the wrong order, the clock was changed, or a client wrote lines \
                     of its own"
                        .to_owned(),
                );
            }
            if found.scanned.begins_within {
                notes.push("its first line is not the start of a record".to_owned());
            }
            if !found.scanned.ends_whole {
                notes.push("its last line is cut off".to_owned());
            }
        }
        Outcome::Failed(_) => {}
    }
    (!notes.is_empty()).then(|| notes.join("; "))
}

/// What sessions do not show: of those that a log does not record TLS for, and of a log of AWS's own users alone.
fn blind(found: &scan::Scan, tally: &Tally) -> Option<String> {
    let clients = tally.connections.sum();
    if clients == 0 && tally.system.sum() > 0 {
        return Some("only AWS's own users connected: this says nothing about your clients".to_owned());
    }
    let unknown = tally.connections.unknown;
    let engine = Engine::named(found.engine)?;
    if unknown == 0 || unknown < clients {
        return None;
    }
    let other = engine.logs.iter().find(|logs| logs.records_tls && logs.kind != found.format);
    let next = match (other, engine.live_query) {
        (Some(logs), _) => format!("scan the {} log", logs.kind),
        (None, Some(query)) => format!("query the live sessions: {query}"),
        (None, None) => "check the parameter tls of the cluster".to_owned(),
    };
    Some(format!("this log does not record TLS, so whether {} used it is unknown: {next}", plural(unknown, "session")))
}

/// Records that the log's two ends cut.
fn cut(tally: &Tally) -> u64 {
    tally.malformed.get(&Malformed::Cut).copied().unwrap_or(0).min(2)
}

/// A log with connection records that could not be understood is an error that names it, never a zero.
fn unread(row: &Row) -> Option<Error> {
    let (name, tally) = (&row.name, &row.tally);
    let error = |message: String| Error::new(ErrorKind::Format, name.as_str(), message);
    let cut = cut(tally);
    let others = tally.malformed.get(&Malformed::OtherFormat).copied().unwrap_or(0);
    let unparsed = tally.unparsed() - cut;
    if others > 0 && others == unparsed {
        let message = "the log contains records of another format, compressed data or lines without newlines, which are not counted";
        return Some(error(message.to_owned()).hint("scan the files that were joined one by one"));
    }
    if unparsed > 0 {
        let causes: Vec<_> = tally.malformed.iter().map(|(cause, count)| format!("{count} {cause}")).collect();
        let records = if unparsed == 1 { "connection record" } else { "connection records" };
        let first = tally.malformed_at.map(|at| format!("; the first is at byte {at} of the log")).unwrap_or_default();
        let message = format!("{unparsed} {records} could not be understood ({}){first}", causes.join(", "));
        return Some(error(message).hint("the counts may be too low; check the log at this position"));
    }
    let what = match cut {
        1 => "1 connection record is cut at an end of the log, and is not in the counts".to_owned(),
        many => format!("{many} connection records are cut at the ends of the log, and are not in the counts"),
    };
    (cut > 0).then(|| error(what).hint("download the log again, from its beginning to its end"))
}

/// Logs that show no session at all say nothing about TLS, and must not read as "no TLS".
///
/// `advice` says what to scan instead of what is no connection log.
fn no_session(files: &[File], total: &Tally, advice: Option<&str>) -> Option<Error> {
    if files.is_empty() || sessions(total) > 0 {
        return None;
    }
    let logs = match files {
        [only] => only.path.clone(),
        many => format!("{} logs", many.len()),
    };
    let read: BTreeSet<_> = files.iter().filter_map(|file| file.engine.zip(file.format)).collect();
    let one = files.len() == 1;
    let what = match () {
        () if read.is_empty() && advice.is_some() => "no connection log was found",
        () if read.is_empty() && one => "the log is empty",
        () if read.is_empty() => "the logs are empty",
        () if one && total.received > 0 => "clients reached the server, but sessions are not logged",
        () if one && total.disconnected > 0 => {
            "sessions ended, but none began: they began in an earlier log, or that is not logged"
        }
        () => "no session was found: sessions are not logged here, or no client connected",
    };
    let switches: BTreeSet<_> = read.into_iter().filter_map(|(engine, format)| switched_on(engine, format)).collect();
    let switches: Vec<_> = switches.into_iter().collect();
    let next = match (advice, switches.as_slice()) {
        (Some(advice), []) => {
            advice.chars().take(1).flat_map(char::to_lowercase).chain(advice.chars().skip(1)).collect()
        }
        (None, []) => "scan whole logs of a time in which clients connected".to_owned(),
        (_, switches) => format!("{}, and scan logs written after that", switches.join("; ")),
    };
    Some(Error::new(ErrorKind::Format, logs, format!("{what}. Nothing can be concluded about TLS")).hint(next))
}

/// The settings with which a log that is on records sessions; none if it always does.
fn switched_on(engine: &str, format: &str) -> Option<String> {
    let engine = Engine::named(engine)?;
    let logs = engine.logs.iter().find(|logs| logs.kind == format).or(match engine.logs {
        [only] => Some(only),
        _ => None,
    })?;
    let (switch, member) = logs.switches.iter().find_map(|switch| Some((switch, switch.member?)))?;
    let setting = match switch.parameter.strip_prefix(OPTION).and_then(|option| option.split_once(' ')) {
        Some((option, setting)) => format!("{setting} of the option {option}"),
        None => switch.parameter.to_owned(),
    };
    Some(match switch.set_to == member {
        true => format!("add {member} to {setting} ({})", engine.title),
        false => format!("set {setting} to {}, or add {member} where it is a list ({})", switch.set_to, engine.title),
    })
}
