//! The policy that a report was made with, in lines for people.

use super::Report;
use crate::verdict::{Attestation, Ignore, Pattern, Policy, ReasonCode};

/// What was demanded; then a line for all blind spots that are accepted, for clients that are ignored, and for what is
/// attested.
pub(super) fn lines(report: &Report) -> Vec<String> {
    let policy = &report.policy;
    let accepted: Vec<_> =
        ReasonCode::ALL.iter().filter(|code| policy.accepts(**code)).map(|code| code.code()).collect();
    let accepted = (!accepted.is_empty()).then(|| format!("Accepted blind spots: {}.", accepted.join(", ")));
    let unverified = policy.accept_unverified.then(|| "Accepted: evidence without a digest.".to_owned());
    let accepted = accepted.into_iter().chain(unverified);
    let attested = policy.attestation.iter().map(|attestation| attested(report, attestation));
    [demands(policy)].into_iter().chain(accepted).chain(policy.ignore.iter().map(ignored)).chain(attested).collect()
}

fn demands(policy: &Policy) -> String {
    let source = policy.source.as_ref();
    let source =
        source.map_or_else(|| "built in".to_owned(), |source| format!("{}, SHA-256 {}", source.file, source.sha256));
    format!(
        "Policy ({source}): \"no TLS\" takes {} % of a window of {} h or more, and {} or more of clients; a certificate must last {} days.",
        // 0.57 times 100 is a little less than 57.
        (policy.least_coverage * 1e6).round() / 1e4,
        policy.least_window_hours,
        count(policy.least_connections, "session"),
        policy.horizon_days
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
    format!("Ignored: {given}: {} ({}).", count(entry.sessions, "session"), entry.reason)
}

fn attested(report: &Report, attestation: &Attestation) -> String {
    let Attestation { instance, states, by, reason, on, expires, instances } = attestation;
    let standing = match instances {
        0 => "names no instance of this report",
        _ => attestation.standing(report.generated_at).name(),
    };
    format!("Attested: {instance}: {} by {by} ({reason}), {on} to {expires}: {standing}.", states.name())
}

fn count(count: u64, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}
