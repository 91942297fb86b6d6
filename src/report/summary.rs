//! What a report says first: what to do, how many instances are inconclusive and why, and what the report is about.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::Report;
use super::lines::filter;
use super::model::{Client, Instance};
use crate::text::{accounts_and_regions, listed, plural};
use crate::verdict::{Enforcement, Procedure, ReasonCode, Restart, Rotation};
use crate::window::Window;

/// The lines of the summary: what to do first, then what the report is about.
pub(super) fn summary(report: &Report) -> Vec<String> {
    let at = |time: Timestamp| time.strftime("%Y-%m-%d %H:%M");
    let errors = report.summary.errors;
    let unread = (errors > 0).then(|| format!("Part of the fleet could not be read: {}", plural(errors, "problem")));
    let window = format!("Window {} to {} UTC", at(report.window.from), at(report.window.to));
    let version = format!("{window}, ssl-usage {}", report.tool_version);
    let first = [Some(headline(report)), causes(report), not_active(report), unread, places(report)];
    let whole = [version].into_iter().chain(filter(&report.filter)).chain(collected(report)).chain([evidence(report)]);
    first.into_iter().flatten().chain(whole).collect()
}

/// How many instances are of each verdict, in the words of what to do.
pub(super) fn headline(report: &Report) -> String {
    let summary = &report.summary;
    if summary.instances == 0 {
        let searched: Vec<_> =
            report.collections.iter().map(|it| (it.of.account.as_deref(), it.of.region.as_str())).collect();
        return match searched.is_empty() {
            true => "No instance was judged".to_owned(),
            false => format!("No instance was found in {}", accounts_and_regions(searched)),
        };
    }
    let attested = if summary.attested == 0 { String::new() } else { format!(" ({} attested)", summary.attested) };
    format!(
        "{} must rotate, {} inconclusive, {} can wait{attested}, {} {} nothing ({})",
        summary.required - summary.unproven,
        summary.unproven,
        summary.deferrable,
        summary.optional,
        if summary.optional == 1 { "needs" } else { "need" },
        plural(summary.instances, "instance")
    )
}

/// The inconclusive instances, counted by the reason that decided; the most frequent cause first.
pub(super) fn causes(report: &Report) -> Option<String> {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for row in report.instances.iter().filter(|row| is_inconclusive(row)) {
        let code = row.reasons.first().map(|reason| reason.code.to_string()).unwrap_or_default();
        *counts.entry(cause(&code)).or_default() += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| Reverse(*count));
    let counts: Vec<_> = counts.iter().map(|(cause, count)| format!("{cause} {count}")).collect();
    (!counts.is_empty()).then(|| format!("Inconclusive, by cause: {}", counts.join(", ")))
}

/// The instances that present another certificate than AWS lists, or an expired one, if any do.
fn not_active(report: &Report) -> Option<String> {
    const CODES: [ReasonCode; 3] =
        [ReasonCode::StagedNotServed, ReasonCode::CertificateDiffers, ReasonCode::ExpiredCertificateServed];
    let is_so = |row: &&Instance| row.reasons.iter().any(|reason| CODES.contains(&reason.code));
    let names: BTreeSet<&str> = report.instances.iter().filter(is_so).map(|row| row.id().instance.as_str()).collect();
    let what = "The certificate that AWS lists is not active, or has expired";
    (!names.is_empty()).then(|| format!("{what}: {}", listed("instance", &names)))
}

/// A reason's code as a noun phrase.
pub(super) fn cause(code: &str) -> String {
    match code {
        "coverage-short" => "coverage too short".to_owned(),
        "log-cannot-tell" | "version-cannot-tell" => "no log records TLS".to_owned(),
        "older-sessions" | "older-sessions-open" => "sessions without a logged login".to_owned(),
        "tls-attempts" => "TLS attempts without a session".to_owned(),
        "attested-tls" => "attested TLS".to_owned(),
        other => other.replace('-', " "),
    }
}

/// The accounts and regions of the instances.
fn places(report: &Report) -> Option<String> {
    let of = |what, place: fn(&Instance) -> &str| listed(what, &report.instances.iter().map(place).collect());
    let places = format!("{}; {}", of("account", |row| &row.id().account), of("region", |row| &row.id().region));
    (!report.instances.is_empty()).then(|| places.replacen('a', "A", 1))
}

/// When the evidence was collected and by which identity, and its age if that is a day or more.
pub(super) fn collected(report: &Report) -> Option<String> {
    collected_by(report, str::to_owned)
}

/// The same, with the identity as `show` prints it.
pub(super) fn collected_by(report: &Report, show: impl Fn(&str) -> String) -> Option<String> {
    let minute = |time: Timestamp| time.strftime("%Y-%m-%d %H:%M").to_string();
    let (from, to) = (minute(report.oldest()?), minute(report.collected_at?));
    let when = if from == to { to } else { format!("{from} to {to}") };
    let days = report.age()?.as_hours() / 24;
    let age = if days > 0 { format!(", {} ago,", plural(days.unsigned_abs(), "day")) } else { String::new() };
    Some(match report.callers.len() {
        0 => format!("Evidence collected {when} UTC{}", age.trim_end_matches(',')),
        1 => {
            let caller: String = report.callers.iter().map(|caller| show(caller)).collect();
            format!("Evidence collected {when} UTC{age} by {caller}")
        }
        many => format!("Evidence collected {when} UTC{age} by {}", plural(many, "caller")),
    })
}

/// The digest of the evidence, and whether the files were checked against it.
pub(super) fn evidence(report: &Report) -> String {
    match (&report.evidence.digest, report.evidence.verified) {
        (Some(digest), true) => format!("Evidence verified: {digest}"),
        (Some(digest), false) => format!("Evidence not verified, because some files have no digest: {digest}"),
        (None, _) => "Evidence not verified: files are damaged or missing (see the errors)".to_owned(),
    }
}

/// Whether the rotation is required because the evidence is inconclusive.
pub(super) fn is_inconclusive(row: &Instance) -> bool {
    row.unproven && row.rotation == Rotation::Required
}

/// The rotation, marked `?` where the evidence is inconclusive.
pub(super) fn verdict(row: &Instance) -> String {
    if row.unproven { format!("{}?", row.rotation) } else { row.rotation.to_string() }
}

/// Whether TLS is used, in words.
pub(super) fn usage(row: &Instance) -> String {
    usage_words(row.usage.name())
}

/// A usage of JSON in words: `undetermined` is "inconclusive".
pub fn usage_words(usage: &str) -> String {
    if usage == "undetermined" { "inconclusive".to_owned() } else { usage.replace('_', " ") }
}

/// Days until the rotation must have happened; negative where that is past.
fn days_left(report: &Report, row: &Instance) -> Option<i64> {
    row.act_by.map(|act_by| report.clock.duration_until(act_by).as_hours().div_euclid(24))
}

/// Days until the rotation must have happened, for a column.
pub(super) fn days(report: &Report, row: &Instance) -> String {
    match days_left(report, row) {
        None => "-".to_owned(),
        Some(days) if days >= 0 => days.to_string(),
        Some(_) if has_expired(report, row) => "expired".to_owned(),
        // AWS's own date has passed.
        Some(_) => "overdue".to_owned(),
    }
}

/// Whether the certificate or its CA has ended.
fn has_expired(report: &Report, row: &Instance) -> bool {
    row.certificate.ends().flatten().any(|end| end <= report.clock)
}

/// When the rotation must have happened, as `2027-02-10 (in 79 days)`.
pub(super) fn act_by(report: &Report, row: &Instance) -> Option<String> {
    let (act_by, days) = (row.act_by?, days_left(report, row)?);
    let distance = plural(days.unsigned_abs(), "day");
    let when = match (days >= 0, has_expired(report, row)) {
        (true, _) => format!("in {distance}"),
        (false, true) => format!("expired {distance} ago"),
        (false, false) => format!("overdue by {distance}"),
    };
    Some(format!("{} ({when})", act_by.strftime("%Y-%m-%d")))
}

/// How much of the judged part of the window the logs cover, rounded down: only full coverage is 100 %. Where that part is
/// shorter than the window, its length too: `100% of 3 d`.
pub(super) fn coverage(row: &Instance) -> String {
    let coverage = &row.coverage;
    let share = format!("{:.0}%", (coverage.judged_share * 100.0).floor());
    let length = |span: Window| match span.length().as_hours() {
        hours @ ..48 => format!("{hours} h"),
        hours => format!("{} d", hours / 24),
    };
    match coverage.judged.filter(|_| coverage.judged != coverage.asked) {
        Some(judged) => format!("{share} of {}", length(judged)),
        None => share,
    }
}

/// The identifier of an instance, with its status where that is not `available`.
pub(super) fn name(row: &Instance) -> String {
    let instance = &row.id().instance;
    if row.status == "available" { instance.clone() } else { format!("{instance} ({})", row.status) }
}

/// Why there is no command to run; none where there is one.
pub(super) fn no_commands(row: &Instance) -> Option<String> {
    let Procedure { no_rotation, held_back, .. } = &row.procedure;
    let why = no_rotation.as_ref().or_else(|| Some(&held_back.as_ref()?.why));
    row.commands.is_empty().then(|| match (why, row.rotation) {
        (_, Rotation::Optional) => "none needed".to_owned(),
        (Some(why), _) => format!("none: {why}"),
        (None, _) => "none".to_owned(),
    })
}

/// What a rotation restarts.
pub(super) fn restarts(row: &Instance) -> &'static str {
    match row.restart {
        Restart::Instance => "the instance",
        Restart::Listener => "only the listener",
        Restart::None => "nothing",
    }
}

/// Whether TLS may be enforced. Clients without TLS may be those of another member of the cluster.
pub(super) fn enforcing(row: &Instance) -> String {
    let is_without = |client: &&Client| client.sessions.plaintext + client.sessions.gss > 0;
    match (row.enforcement, row.connections.clients.iter().filter(is_without).count()) {
        (Enforcement::Breaks, 0) => "would cut off clients of another member of the cluster".to_owned(),
        (Enforcement::Breaks, clients) => format!("would cut off {}", plural(clients, "client")),
        (other, _) => other.to_string(),
    }
}

/// The CA that would sign the next certificate, unless no CA of RDS signs it.
pub(super) fn next_ca(row: &Instance) -> Option<&String> {
    let is_elsewhere = row.reasons.iter().any(|reason| reason.code == ReasonCode::CertificateElsewhere);
    row.certificate.target_ca.as_ref().filter(|_| row.rotation != Rotation::Optional || !is_elsewhere)
}

/// The first clause of the reason that decided.
pub(super) fn in_brief(row: &Instance) -> &str {
    let text = row.reasons.first().map_or("", |reason| reason.text.as_str());
    let clause = [". ", "; ", ": ", " ("].iter().fold(text, |clause, end| clause.split(end).next().unwrap_or(clause));
    clause.strip_suffix('.').unwrap_or(clause)
}
