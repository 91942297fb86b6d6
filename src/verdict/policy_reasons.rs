//! The reasons that come from the policy: ignored clients and attestations.

use jiff::Timestamp;

use super::policy::{Attestation, Policy, Standing, States};
use super::reason::{Effect, Reason, ReasonCode};
use super::rules::{Context, is_enforced};
use crate::text::plural;
use crate::usage::Usage;

/// The reasons that the policy gives, after those of the evidence.
pub(super) fn reasons(context: &Context<'_>, found: &[Reason], now: Timestamp) -> Vec<Reason> {
    let attested = context.policy.attested(context.profile, now);
    let attested = attested.map(|(attestation, standing)| attested_reason(context, found, attestation, standing));
    clients_ignored(context).into_iter().chain(attested).collect()
}

fn clients_ignored(context: &Context<'_>) -> Option<Reason> {
    let ignored = &context.usage.ignored;
    let (sessions, attempts) = (ignored.sessions, ignored.attempts);
    (sessions.sum() + attempts.sum() > 0).then(|| {
        let clients = context.usage.clients.values().filter(|used| used.ignored_by.is_some()).count() as u64;
        let text = format!(
            "the policy ignores {} of {} and {} ({} with TLS)",
            plural(sessions.sum(), "session"),
            plural(clients, "client"),
            plural(attempts.sum(), "failed attempt"),
            sessions.tls + attempts.tls
        );
        Reason { code: ReasonCode::ClientsIgnored, text }
    })
}

fn attested_reason(context: &Context<'_>, found: &[Reason], attestation: &Attestation, standing: Standing) -> Reason {
    let Attestation { by, reason, on, expires, .. } = attestation;
    let (shown, denied) = (tls_shown(context, found), tls_denied(context, found));
    let (code, states, contrary, support) = match attestation.states {
        States::NoTls => (ReasonCode::AttestedNoTls, "no client uses TLS", shown, denied),
        States::Tls => (ReasonCode::AttestedTls, "clients use TLS", denied, shown),
    };
    let (code, text) = match (standing, contrary) {
        // Evidence that was not read may show the contrary.
        (Standing::Holds, None) if context.usage.unread && attestation.states == States::NoTls => (
            ReasonCode::AttestationVoid,
            format!(
                "the attestation of {by} ({states}) has no effect, because evidence could not be read. See the errors."
            ),
        ),
        (Standing::Holds, Some(contrary)) => {
            let text = format!("{by} attests that {states} ({reason}), but the evidence contradicts it: {contrary}");
            (ReasonCode::AttestationContradicted, text)
        }
        (Standing::Holds, None) => {
            let evidence = if support.is_some() { "The evidence agrees." } else { "No evidence confirms it." };
            (code, format!("{by} attests that {states} ({reason}), from {on} until {expires}. {evidence}"))
        }
        (Standing::Expired, _) => (
            ReasonCode::AttestationExpired,
            format!("the attestation of {by} ({states}) expired on {expires}. Renew it, or collect evidence."),
        ),
        (Standing::NotYet | Standing::Ambiguous, _) => {
            (ReasonCode::AttestationVoid, format!("the attestation of {by} ({states}) {}", standing.name()))
        }
    };
    Reason { code, text }
}

/// Evidence against "no client uses TLS": any TLS of clients, including ignored ones.
fn tls_shown(context: &Context<'_>, found: &[Reason]) -> Option<String> {
    let shows = |reason: &&Reason| {
        let hints = [ReasonCode::TlsAttempts, ReasonCode::TlsDespiteSwitch];
        reason.code.effect() == Effect::InUse || hints.contains(&reason.code)
    };
    let ignored = &context.usage.ignored;
    let by_ignored = (ignored.sessions.tls + ignored.attempts.tls > 0).then(|| "ignored clients use TLS".to_owned());
    let enforced = is_enforced(context.profile).then(|| "TLS is enforced and in effect".to_owned());
    found.iter().find(shows).map(|reason| reason.text.clone()).or(by_ignored).or(enforced)
}

/// Evidence against "clients use TLS": a switch that is off, or a log that would have shown it.
fn tls_denied(context: &Context<'_>, found: &[Reason]) -> Option<String> {
    let of = |effect| found.iter().find(|reason| context.policy.effect(reason.code) == effect);
    let seen = of(Effect::NotObserved).filter(|_| of(Effect::Blocks).is_none());
    let denied = of(Effect::RulesOut).or(seen).filter(|_| of(Effect::InUse).is_none());
    denied.map(|reason| reason.text.clone())
}

/// Whether clients that the policy ignores used TLS, or may have.
pub(super) fn ignored_may_use_tls(usage: &Usage) -> bool {
    let ignored = &usage.ignored;
    ignored.sessions.tls + ignored.sessions.unknown + ignored.attempts.tls > 0
}

/// The codes in spite of which the policy lets a rotation wait, as the end of the first reason.
pub(super) fn in_spite_of(policy: &Policy, ignored_may_use_tls: bool, reasons: &[Reason]) -> String {
    let is_so = |code| policy.accepts(code) || code == ReasonCode::ClientsIgnored && ignored_may_use_tls;
    let codes: Vec<_> = reasons.iter().filter(|reason| is_so(reason.code)).map(|reason| reason.code.code()).collect();
    if codes.is_empty() { String::new() } else { format!("; accepted by policy despite {}", codes.join(", ")) }
}
