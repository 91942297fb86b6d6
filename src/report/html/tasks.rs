//! What to do, in the order of urgency: rotate, find out, stage, nothing.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::report::Report;
use crate::report::lines::next_command;
use crate::report::model::Instance;
use crate::report::summary::{act_by, cause, is_inconclusive, verdict};
use crate::verdict::{ReasonCode, Rotation};

/// Instances that a task names.
const NAMED: usize = 8;
/// Instances that a cause names.
const NAMED_BY_CAUSE: usize = 4;

/// A group of instances with the same thing to do.
pub(super) struct Task<'r> {
    /// The class that colours it.
    pub class: &'static str,
    pub title: &'static str,
    pub what: &'static str,
    pub count: usize,
    /// Its verdicts, with how many instances have each.
    pub verdicts: Vec<(String, usize)>,
    /// The date by which to rotate the first; none if none has a date.
    pub nearest: Option<String>,
    /// The most urgent instances, if they are not named by cause.
    pub first: Vec<Named<'r>>,
    /// Why they are in this group, the most frequent cause first.
    pub causes: Vec<Cause<'r>>,
    /// What each command is for, and the command.
    pub commands: Vec<(&'static str, String)>,
}

/// An instance, by its number in the report.
pub(super) struct Named<'r> {
    pub number: usize,
    pub name: &'r str,
    pub act_by: Option<String>,
    /// The date is past.
    pub is_past: bool,
}

/// Instances with the same deciding reason.
pub(super) struct Cause<'r> {
    pub code: &'static str,
    pub what: String,
    pub next_step: Option<&'static str>,
    pub count: usize,
    pub first: Vec<Named<'r>>,
}

/// What makes a task: class, title, what to do, and whether an instance belongs to it.
type Kind = (&'static str, &'static str, &'static str, fn(&Instance) -> bool);

const KINDS: [Kind; 4] = [
    (
        "required",
        "Must rotate",
        "Clients use TLS. Update their trust stores first, then rotate each certificate before its date.",
        |row| row.rotation == Rotation::Required && !row.unproven,
    ),
    (
        "unproven",
        "Find out",
        "The evidence does not show whether clients use TLS. Resolve the cause, or treat these instances like those that \
         must rotate.",
        is_inconclusive,
    ),
    (
        "deferrable",
        "Can wait",
        "No client used TLS. Stage the new certificate: it becomes active at the next restart.",
        |row| row.rotation == Rotation::Deferrable,
    ),
    ("optional", "Nothing to do", "These instances need no rotation.", |row| row.rotation == Rotation::Optional),
];

/// What is said of certificates to stage below a script that stages them too.
const PLANNED: &str = "No client used TLS. The rotation script above also stages the new certificates of these instances: they \
                       become active at the next restart.";

/// The four tasks. `again` are the options by which a command judges the same evidence again.
pub(super) fn of<'r>(report: &'r Report, again: &[String]) -> Vec<Task<'r>> {
    KINDS.iter().map(|kind| task(report, again, *kind)).collect()
}

fn task<'r>(report: &'r Report, again: &[String], (class, title, what, is_of): Kind) -> Task<'r> {
    let mut rows: Vec<_> = report.instances.iter().enumerate().filter(|(_, row)| is_of(row)).collect();
    // The report may be sorted in another way.
    rows.sort_by_key(|(_, row)| row.act_by.unwrap_or(Timestamp::MAX));
    let mut verdicts = BTreeMap::new();
    for (_, row) in &rows {
        *verdicts.entry(verdict(row)).or_default() += 1;
    }
    let is_by_cause = matches!(class, "unproven" | "optional");
    // One script holds the commands of all instances.
    let is_planned = class == "deferrable" && report.summary.required > report.summary.unproven;
    let what = if is_planned { PLANNED } else { what };
    let commands: &[(&str, &str, &str)] = match class {
        _ if is_planned => &[],
        _ if rows.is_empty() => &[],
        "required" => &[
            ("List the clients, and what each must change", "clients", ""),
            ("Print the rotations as a script, and run it after a review", "plan", "--format sh"),
        ],
        "unproven" => &[("Print what enables the missing logs", "preflight", "")],
        "deferrable" => &[("Print what stages the certificates, as a script", "plan", "--format sh")],
        _ => &[],
    };
    let first = if is_by_cause { 0 } else { NAMED };
    Task {
        class,
        title,
        what,
        count: rows.len(),
        verdicts: verdicts.into_iter().collect(),
        nearest: rows.first().and_then(|(_, row)| act_by(report, row)),
        first: rows.iter().take(first).map(|(number, row)| named(report, *number, row)).collect(),
        causes: if is_by_cause { causes(report, &rows) } else { Vec::new() },
        commands: commands
            .iter()
            .map(|(what, subcommand, options)| (*what, next_command(again, subcommand, options)))
            .collect(),
    }
}

fn named<'r>(report: &Report, number: usize, row: &'r Instance) -> Named<'r> {
    Named {
        number,
        name: &row.id().instance,
        act_by: act_by(report, row),
        is_past: row.act_by.is_some_and(|act_by| act_by <= report.clock),
    }
}

/// The instances by the reason that decided, the most frequent first; without a reason last.
fn causes<'r>(report: &Report, rows: &[(usize, &'r Instance)]) -> Vec<Cause<'r>> {
    let mut causes: BTreeMap<Option<ReasonCode>, Vec<_>> = BTreeMap::new();
    for (number, row) in rows {
        causes.entry(row.reasons.first().map(|reason| reason.code)).or_default().push((*number, *row));
    }
    let cause = |(code, rows): (Option<ReasonCode>, Vec<(usize, &'r Instance)>)| Cause {
        code: code.map_or("-", ReasonCode::code),
        what: code.map_or_else(|| "no reason is given".to_owned(), what),
        next_step: code.and_then(ReasonCode::next_step),
        count: rows.len(),
        first: rows.iter().take(NAMED_BY_CAUSE).map(|(number, row)| named(report, *number, row)).collect(),
    };
    let mut causes: Vec<_> = causes.into_iter().map(cause).collect();
    causes.sort_by_key(|cause| std::cmp::Reverse(cause.count));
    causes
}

/// A cause in words: why an instance is inconclusive, or why it needs no rotation.
fn what(code: ReasonCode) -> String {
    match code.next_step() {
        Some(_) => cause(code.code()),
        None => code.meaning().trim_end_matches('.').to_owned(),
    }
}

impl Task<'_> {
    pub fn left_out(&self) -> usize {
        if self.causes.is_empty() { self.count.saturating_sub(self.first.len()) } else { 0 }
    }
}

impl Cause<'_> {
    pub fn left_out(&self) -> usize {
        self.count.saturating_sub(self.first.len())
    }
}
