//! The summary for chat and mail: at most 15 short lines, in which nothing of others is a mention, a link or markup.

use std::collections::BTreeSet;
use std::io::{self, Write};

use jiff::Timestamp;

use super::escape::{chat, cut};
use super::model::Instance;
use super::summary::{act_by, causes, collected_by, headline, is_inconclusive};
use super::table::next;
use super::{Layout, Report};
use crate::problem::by_code;
use crate::shell::command;
use crate::text::{listed, plural};
use crate::verdict::Rotation;

/// Most instances that are named.
const NAMED: usize = 5;

/// Most characters of a name. Names of RDS have 63 at most.
const LONGEST: usize = 100;

pub(super) fn write(report: &Report, layout: &Layout, out: &mut dyn Write) -> io::Result<()> {
    let lines = [unread(report)].into_iter().flatten().chain(due(report)).chain(inconclusive(report));
    let lines = lines.chain(covered(report)).chain(evidence(report)).chain(steps(report, &layout.again));
    writeln!(out, "Certificate rotation: {}", counts(report))?;
    lines.into_iter().try_for_each(|line| writeln!(out, "{line}"))
}

/// A name, harmless.
fn named(name: &str) -> String {
    chat(&cut(name, LONGEST))
}

/// How many instances are of each verdict.
fn counts(report: &Report) -> String {
    if report.summary.instances > 0 {
        // Numbers and words of ours.
        return headline(report);
    }
    match report.collections.len() {
        0 => "no instance was judged".to_owned(),
        1 => "no instance was found in 1 account and region".to_owned(),
        many => format!("no instance was found in {many} pairs of account and region"),
    }
}

/// How many errors there are, by code.
fn unread(report: &Report) -> Option<String> {
    let codes = by_code(&report.errors);
    let counts: Vec<_> = codes.iter().take(NAMED).map(|(code, count)| format!("{} {count}", named(code))).collect();
    let more = if codes.len() > NAMED { " and others" } else { "" };
    let problems = plural(report.summary.errors, "problem");
    (report.summary.errors > 0)
        .then(|| format!("Part of the fleet could not be read: {problems} ({}{more})", counts.join(", ")))
}

/// The instances that must be rotated, the nearest date first.
fn due(report: &Report) -> Vec<String> {
    let is_due = |row: &&Instance| row.rotation == Rotation::Required && !is_inconclusive(row);
    let mut rows: Vec<_> = report.instances.iter().filter(is_due).collect();
    rows.sort_by_key(|row| date(row));
    let is_one = |of: fn(&Instance) -> &str| rows.iter().map(|row| of(row)).collect::<BTreeSet<_>>().len() <= 1;
    let is_one_region = is_one(|row| &row.id().account) && is_one(|row| &row.id().region);
    let line = |row: &&Instance| {
        let id = row.id();
        let region = format!(" (account {}, region {})", named(&id.account), named(&id.region));
        let region = if is_one_region { "" } else { &region };
        let when = act_by(report, row).unwrap_or_else(|| "date unknown".to_owned());
        format!("- {}{region}: {when}", named(&id.instance))
    };
    let more = rows.len().checked_sub(NAMED).filter(|more| *more > 0).map(|more| format!("- and {more} more"));
    let first = (!rows.is_empty()).then(|| "Must rotate, nearest date first:".to_owned());
    first.into_iter().chain(rows.iter().take(NAMED).map(line)).chain(more).collect()
}

/// What orders instances: those without a date come last.
fn date(row: &Instance) -> Timestamp {
    row.act_by.unwrap_or(Timestamp::MAX)
}

/// Why instances are inconclusive, and the nearest of their dates.
fn inconclusive(report: &Report) -> Option<String> {
    let nearest = report.instances.iter().filter(|row| is_inconclusive(row)).min_by_key(|row| date(row));
    let nearest = nearest.and_then(|row| act_by(report, row));
    let nearest = nearest.map_or_else(String::new, |date| format!("; nearest date {date}"));
    causes(report).map(|causes| format!("{causes}{nearest}"))
}

/// The accounts, regions and window that the report covers, and the options that chose the instances.
fn covered(report: &Report) -> Option<String> {
    let at = |time: Timestamp| time.strftime("%Y-%m-%d %H:%M");
    let all = |of: fn(&Instance) -> &str| report.instances.iter().map(|row| named(of(row))).collect::<BTreeSet<_>>();
    let (accounts, regions) = (all(|row| &row.id().account), all(|row| &row.id().region));
    let list = |what, names: &BTreeSet<String>| listed(what, &names.iter().map(String::as_str).collect());
    let covers = format!("{}; {}; ", list("account", &accounts), list("region", &regions));
    let covers = if report.instances.is_empty() { String::new() } else { covers };
    // The names of options are ours, their values are not.
    let chosen = report.filter.iter().enumerate();
    let chosen = chosen.map(|(at, word)| if at % 2 == 0 { word.replace("--", "") } else { named(word) });
    let chosen = chosen.collect::<Vec<_>>().join(" ");
    let chosen = if chosen.is_empty() { chosen } else { format!("; filter: {chosen}") };
    let window = format!("window {} to {} UTC", at(report.window.from), at(report.window.to));
    Some(format!("Covers {covers}{window}{chosen}"))
}

/// When and by which identity the evidence was collected, and whether it was checked.
fn evidence(report: &Report) -> Option<String> {
    // The account of an ARN is that of the report, and its colons could be an emoji.
    let short = |arn: &str| named(arn.splitn(6, ':').last().unwrap_or(arn));
    let collected = collected_by(report, short)?;
    let is_checked = report.evidence.digest.is_some() && report.evidence.verified;
    Some(if is_checked { collected } else { format!("{collected}; not verified") })
}

/// What to run next, most urgent first.
fn steps(report: &Report, again: &[String]) -> Vec<String> {
    let options = command(again);
    // A command is printed whole or without its options, for an escaped one would not run.
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || " -_./:,=+'".contains(letter);
    let is_safe = options.chars().all(is_plain) && !options.contains("://");
    let line = |(what, subcommand, of_step): (String, &str, &str)| {
        let words = [subcommand, if is_safe { &options } else { "" }, of_step];
        let words: Vec<_> = words.into_iter().filter(|word| !word.is_empty()).collect();
        let rest = if is_safe { "" } else { " with the options of this run" };
        format!("{what}: `ssl-usage {}`{rest}", words.join(" "))
    };
    next(report).into_iter().filter(|(_, subcommand, _)| *subcommand != "analyze").map(line).collect()
}
