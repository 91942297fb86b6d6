//! The policy of a report, in sentences.

use super::model::NOT_LISTED;
use super::{Instance, Report};
use crate::text::plural;
use crate::verdict::{Attestation, Ignore, Pattern, Policy, ReasonCode};

/// What the policy requires; then its accepted blind spots, ignored clients and attestations, and what is partial.
pub(super) fn lines(report: &Report) -> Vec<String> {
    let policy = &report.policy;
    let accepted: Vec<_> =
        ReasonCode::ALL.iter().filter(|code| policy.accepts(**code)).map(|code| code.code()).collect();
    let accepted = (!accepted.is_empty()).then(|| format!("Accepted blind spots: {}.", accepted.join(", ")));
    let unverified = policy.accept_unverified.then(|| "Accepted: evidence without digests.".to_owned());
    let accepted = accepted.into_iter().chain(unverified);
    let attested = policy.attestation.iter().map(|attestation| attested(report, attestation));
    [requirements(policy)]
        .into_iter()
        .chain(accepted)
        .chain(policy.ignore.iter().map(ignored))
        .chain(attested)
        .chain(partial(report))
        .chain([format!("Not listed: {}.", NOT_LISTED.join(", "))])
        .collect()
}

/// That logs were left out.
fn partial(report: &Report) -> Option<String> {
    let is_partial = |row: &&Instance| row.reasons.iter().any(|reason| reason.code == ReasonCode::LogsNotRead);
    let partial = report.instances.iter().filter(is_partial).count();
    (partial > 0).then(|| {
        format!("Clients and counts are partial for {}: --quick left out logs.", plural(partial as u64, "instance"))
    })
}

fn requirements(policy: &Policy) -> String {
    let source = policy.source.as_ref();
    let source =
        source.map_or_else(|| "built-in".to_owned(), |source| format!("{}, SHA-256 {}", source.file, source.sha256));
    format!(
        "Policy ({source}): to conclude \"no TLS\", logs must cover {} % of a window of at least {} h, and show at least {}. Certificates and CAs that end within {} are due for rotation.",
        // 0.57 times 100 is a little less than 57.
        (policy.least_coverage * 1e6).round() / 1e4,
        policy.least_window_hours,
        plural(policy.least_connections, "client session"),
        plural(policy.horizon_days, "day")
    )
}

fn ignored(entry: &Ignore) -> String {
    let name = |name: &'static str, value: &Option<String>| Some(format!("{name} {}", value.as_deref()?));
    let pattern =
        |name: &'static str, value: &Option<Pattern>| Some(format!("{name} {}", value.as_ref().map(Pattern::as_str)?));
    let fields = [
        name("user", &entry.user),
        pattern("user_regex", &entry.user_regex),
        name("database", &entry.database),
        pattern("database_regex", &entry.database_regex),
        name("address", &entry.address),
        pattern("address_regex", &entry.address_regex),
        name("application", &entry.application),
        pattern("application_regex", &entry.application_regex),
        name("instance", &entry.instance),
        pattern("instance_regex", &entry.instance_regex),
    ];
    let given = fields.into_iter().flatten().collect::<Vec<_>>().join(", ");
    format!("Ignored: {given}: {} ({}).", plural(entry.sessions, "session"), entry.reason)
}

fn attested(report: &Report, attestation: &Attestation) -> String {
    let Attestation { instance, states, by, reason, on, expires, instances } = attestation;
    let standing = match instances {
        0 => "it names no instance of this report",
        _ => attestation.standing(report.generated_at).name(),
    };
    format!("Attested: {instance}: {} by {by} ({reason}), {on} to {expires}: {standing}.", states.name())
}
