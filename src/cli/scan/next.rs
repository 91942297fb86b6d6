//! The commands that judge the logs that were scanned.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Serialize;
use ssl_usage_parsers::Engine;

use super::group::Group;
use super::group_key::Form;
use super::report::File;
use crate::text::plural;

/// The name of the bundle.
const BUNDLE: &str = "evidence";
/// Most days that a report has.
const DAYS_MAX: i64 = 3650;
/// What to know of events that a filter pattern may have left out.
const FILTERED: &str = "Events of subscriptions and queries cover no time, because a filter pattern may have left sessions out. If \
                        there was none, add --unfiltered to `collect`.";
/// How to name files so that they can be assigned.
const NAMES: &str = "Use the names of RDS, as in orders/error/postgresql.log.2026-11-23-10, or those of log groups, as in \
                     aws/rds/instance/orders/postgresql.";

/// What to run next.
#[derive(Debug, Default, Serialize)]
pub(super) struct Next {
    /// Commands, as words.
    pub commands: Vec<Vec<String>>,
    /// What to know about them, or why there are none.
    pub notes: Vec<String>,
}

impl Next {
    /// The commands for what was read from `paths`.
    pub fn of(paths: &[PathBuf], files: &[File], groups: &[Group], now: Timestamp) -> Self {
        let logs: Vec<&File> = files.iter().filter(|file| file.format.is_some()).collect();
        if logs.is_empty() {
            return Self::default();
        }
        let one = one_instance(&logs, groups);
        let (left_out, mut notes) = left_out(&logs, one.map(|(_, engine)| engine));
        let path = match paths {
            _ if left_out == logs.len() => return Self { commands: Vec::new(), notes },
            [path] => argument(path).ok_or("The path is not UTF-8. Rename it to judge these logs."),
            _ => Err("`ssl-usage collect --logs` judges the logs of one folder. Scan that folder."),
        };
        let path = match path {
            Ok(path) => path,
            Err(why) => {
                notes.push(why.to_owned());
                return Self { commands: Vec::new(), notes };
            }
        };
        if logs.iter().any(|file| file.belongs.form == Form::Filtered) {
            notes.push(FILTERED.to_owned());
        }
        notes.extend(one.map(|(instance, _)| {
            format!(
                "Without an inventory, the settings and the certificate of {instance} are unknown, so the verdict can only be \
                 `required`. To include them, run `ssl-usage preflight --bundle {BUNDLE}` first, and leave out --instance and \
                 --engine."
            )
        }));
        let first = groups.iter().filter_map(|group| group.first_at).min();
        Self { commands: commands(&path, one, first.map(|first| days(first, now))), notes }
    }
}

/// The commands for the logs at `path`, of an inventory or of one instance.
fn commands(path: &str, one: Option<(&str, &Engine)>, days: Option<i64>) -> Vec<Vec<String>> {
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let inventory = one.is_none().then(|| words(&["ssl-usage", "preflight", "--bundle", BUNDLE]));
    let mut collect = words(&["ssl-usage", "collect", "--logs", path]);
    if let Some((instance, engine)) = one {
        collect.extend(words(&["--instance", instance, "--engine", engine.id]));
    }
    collect.extend(words(&["-o", BUNDLE]));
    let mut analyze = words(&["ssl-usage", "analyze", "--from", BUNDLE]);
    analyze.extend(days.into_iter().flat_map(|days| ["--days".to_owned(), days.to_string()]));
    inventory.into_iter().chain([collect, analyze]).collect()
}

/// How many of the logs `collect --logs` does not read, of `engine` or of any; and what to do about them.
fn left_out(logs: &[&File], engine: Option<&Engine>) -> (usize, Vec<String>) {
    let left_out: Vec<_> = logs.iter().filter(|file| !file.is_collected(engine)).collect();
    if left_out.is_empty() {
        return (0, Vec::new());
    }
    let which = match left_out.len() {
        all if all == logs.len() => "these logs".to_owned(),
        some => format!("{some} of {}", plural(logs.len() as u64, "log")),
    };
    let why: BTreeSet<&str> = left_out.iter().map(|file| why(file.belongs.form)).collect();
    let why = why.into_iter().collect::<Vec<_>>().join(" ");
    (left_out.len(), vec![format!("`ssl-usage collect --logs` does not read {which}. {why}")])
}

/// A path as an argument, if it is text. One that begins with `-` would look like an option.
fn argument(path: &Path) -> Option<String> {
    let path = path.to_str()?;
    Some(if path.starts_with('-') { format!("./{path}") } else { path.to_owned() })
}

/// The instance and the engine of all logs, if their group and their formats name one of each.
fn one_instance<'g>(logs: &[&File], groups: &'g [Group]) -> Option<(&'g str, &'static Engine)> {
    let [group] = groups else { return None };
    let engines: BTreeSet<_> = logs.iter().filter_map(|file| file.engine).collect();
    let engine = engines.first().filter(|_| engines.len() == 1).and_then(|engine| Engine::named(engine))?;
    let is_any = logs.iter().any(|file| file.is_collected(Some(engine)));
    group.key.likely_instance().filter(|_| is_any).map(|instance| (instance, engine))
}

/// Why a log in this form is not collected, and what to do.
fn why(form: Form) -> &'static str {
    match form {
        Form::Archive => "Unpack archives first.",
        Form::Input => "Save standard input as files first.",
        Form::Stream => "Export each log stream into a file of its own, in a folder that is named after its log group.",
        Form::File | Form::Export | Form::Filtered => NAMES,
    }
}

/// Days from the first record up to now, rounded up.
fn days(first: Timestamp, now: Timestamp) -> i64 {
    (now.duration_since(first).as_hours() / 24 + 1).clamp(1, DAYS_MAX)
}
