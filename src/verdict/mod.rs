//! The verdict: a pure function of an instance's profile, its usage and the policy. No clock, no I/O, no randomness: the
//! same evidence always gives the same verdict. `README.md` in this folder lists the verdicts and all reason codes.

mod certificate;
mod cluster;
mod commands;
mod enforcement;
mod metrics;
mod policy;
mod policy_reasons;
mod reason;
mod renewal;
mod rules;
mod sampled;
mod served;
#[cfg(test)]
mod tests;
mod trust;
mod words;

pub use certificate::{Change, Restart, RotationOutlook};
pub use commands::{Check, Command, CommandKind, EffectTime, HeldBack, Hold, Procedure};
pub use enforcement::Enforcement;
pub use policy::{Attestation, BlindSpots, Ignore, Pattern, Policy, Source, Standing, States, Weight};
pub use reason::{Effect, Reason, ReasonCode};
pub(crate) use rules::ask_live;
pub use served::served_reason;

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::inventory::InstanceProfile;
use crate::usage::{Usage, unseen};
use rules::Context;
use words::words;

/// Whether TLS is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsageVerdict {
    /// Clients use TLS.
    InUse,
    /// The logs record TLS, cover the window and show clients, none of them with TLS.
    NotObserved,
    /// TLS is turned off.
    RuledOut,
    /// The evidence is inconclusive.
    Undetermined,
}

/// Whether the certificate must be rotated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rotation {
    /// It must be rotated.
    Required,
    /// The new certificate may be staged now without a restart; it becomes active at the next one.
    Deferrable,
    /// It need not be rotated.
    Optional,
}

/// The verdict on one instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether TLS is used.
    pub usage: UsageVerdict,
    /// Whether the certificate must be rotated.
    pub rotation: Rotation,
    /// Inconclusive: the evidence does not decide whether TLS is used. The rotation is required for that, or deferrable by
    /// an attestation.
    pub unproven: bool,
    /// Whether TLS may be enforced.
    pub enforcement: Enforcement,
    /// What follows from the certificate.
    pub outlook: RotationOutlook,
    /// The reasons, the deciding ones first.
    pub reasons: Vec<Reason>,
    /// Clients and sessions that the evidence does not cover.
    pub not_examined: Vec<String>,
    /// The list of clients may be incomplete: clients that use TLS may be missing, and a rotation is due or may be; or logs were left
    /// out.
    pub clients_incomplete: bool,
    /// Commands for a person or a rotation tool.
    pub commands: Vec<Command>,
    /// How the rotation is carried out.
    pub procedure: Procedure,
    /// What shows the certificate that is served afterwards; none where nothing is to be rotated.
    pub verify: Option<Command>,
}

/// What no evidence of a window covers.
const NOT_EXAMINED: &str = "clients that connect less often than the window is long";

/// What logs may miss even with enough coverage.
const NOT_SHOWN: &[metrics::BlindSpot] = &[
    (
        |context| !context.usage.coverage.gaps.is_empty(),
        "clients that connected only in the gaps of the logs (`coverage.gaps`)",
    ),
    (
        // Coverage extends an hour around each logged session: a log does not say that logging was off.
        |context| !context.usage.coverage.seen.is_empty(),
        "clients that connected only while logging was off or log lines were lost, within an hour of a logged session",
    ),
];

/// What the evidence of one instance shows by itself. [`conclude_all`] adds what the other members of its cluster show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    as_of: Timestamp,
    outlook: RotationOutlook,
    /// The reasons of the evidence and of the policy, without those of the certificate.
    reasons: Vec<Reason>,
    enforcement: Enforcement,
    not_examined: Vec<String>,
    /// The logs name every client that uses TLS: they show some, and enough of the window.
    names_clients: bool,
    /// Logs were left out, because the verdict was certain without them.
    is_partial: bool,
    /// Clients that the policy ignores may use TLS.
    ignored_may_use_tls: bool,
}

/// A member of a cluster, or an instance that stands alone, and what its evidence shows by itself.
#[derive(Clone, Copy)]
pub struct Examined<'m> {
    /// The instance.
    pub profile: &'m InstanceProfile,
    /// What its evidence shows.
    pub finding: &'m Finding,
    /// Whether it is gone from its cluster. Then only TLS and clients without it count.
    pub is_former: bool,
}

/// What the evidence of one instance shows, as of `now`.
pub fn examine(profile: &InstanceProfile, usage: &Usage, policy: &Policy, now: Timestamp) -> Finding {
    let context = Context { profile, usage, policy };
    let mut reasons: Vec<Reason> = trust::reason(&context).into_iter().chain(rules::reasons(&context)).collect();
    reasons.extend(policy_reasons::reasons(&context, &reasons, now));
    let enforcement = enforcement::enforcement(usage, &reasons, rules::is_enforced(profile));
    let blind = metrics::NOT_KNOWN.iter().chain(NOT_SHOWN);
    let unknown = blind.filter(|(is_so, _)| is_so(&context)).map(|(_, what)| (*what).to_owned());
    Finding {
        as_of: now,
        outlook: certificate::outlook(profile, policy, now),
        enforcement,
        not_examined: unknown.chain(times(usage)).chain([NOT_EXAMINED.to_owned()]).collect(),
        names_clients: usage.connections.tls > 0 && usage.coverage.judged_share >= policy.least_coverage,
        is_partial: usage.coverage.files_left_out > 0,
        ignored_may_use_tls: policy_reasons::ignored_may_use_tls(usage),
        reasons,
    }
}

/// The verdicts on instances, in their order. Those of one cluster are judged together, and with `beside`: other members of
/// their clusters.
pub fn conclude_all<'m>(
    rows: impl Iterator<Item = Examined<'m>> + Clone,
    beside: impl Iterator<Item = Examined<'m>>,
    policy: &Policy,
) -> Vec<Verdict> {
    // An instance that stands alone is a cluster by itself.
    let key = |of: &InstanceProfile| of.cluster_key().ok_or_else(|| of.arn.clone());
    let mut clusters: BTreeMap<_, Vec<Examined<'_>>> = BTreeMap::new();
    for member in rows.clone().chain(beside) {
        clusters.entry(key(member.profile)).or_default().push(member);
    }
    let members = |row: &Examined<'_>| clusters.get(&key(row.profile)).map(Vec::as_slice).unwrap_or_default();
    rows.map(|row| conclude(row.profile, row.finding, members(&row), policy)).collect()
}

/// The verdict on an instance. `members` are all that the evidence holds of its cluster, the instance among them.
fn conclude(profile: &InstanceProfile, finding: &Finding, members: &[Examined<'_>], policy: &Policy) -> Verdict {
    let mut reasons: Vec<Reason> = finding.outlook.reasons.iter().chain(&finding.reasons).cloned().collect();
    cluster::add_to(&mut reasons, profile, members, policy);
    let used = usage_of(&reasons, policy);
    let rotation = rotation_of(&reasons, used);
    if rotation == Rotation::Optional {
        // Nobody waits for them.
        reasons.retain(|reason| !matches!(reason.code, ReasonCode::RotationNotOffered | ReasonCode::RenewalOverdue));
    }
    // The deciding reasons come first.
    reasons.sort_by_key(|reason| !decides(policy.effect(reason.code), used, rotation));
    if used == UsageVerdict::NotObserved {
        let in_spite = policy_reasons::in_spite_of(policy, finding.ignored_may_use_tls, &reasons);
        if let Some(first) = reasons.first_mut().filter(|_| rotation == Rotation::Deferrable) {
            first.text.push_str(&in_spite);
        }
    }
    let act_by = finding.outlook.act_by.filter(|_| rotation != Rotation::Optional);
    let outlook = RotationOutlook { act_by, ..finding.outlook.clone() };
    let (commands, procedure) = commands::commands(profile, &outlook, used, rotation, finding.as_of);
    let verify = commands::verify(profile, &outlook, rotation);
    let unproven = rotation != Rotation::Optional && used == UsageVerdict::Undetermined;
    let names_all_clients = used == UsageVerdict::InUse && finding.names_clients;
    Verdict {
        usage: used,
        rotation,
        unproven,
        enforcement: cluster::enforcement(profile, members),
        outlook,
        reasons,
        not_examined: finding.not_examined.clone(),
        clients_incomplete: finding.is_partial || (rotation == Rotation::Required || unproven) && !names_all_clients,
        commands,
        procedure,
        verify,
    }
}

/// Times of the calendar without log coverage.
fn times(usage: &Usage) -> Option<String> {
    let unseen = unseen(&usage.coverage.seen);
    (!usage.coverage.seen.is_empty() && !unseen.is_empty())
        .then(|| format!("clients that connect at times without log coverage: {}", unseen.join(", ")))
}

/// Whether TLS is used, by the reasons alone. Without any reason it is inconclusive.
fn usage_of(reasons: &[Reason], policy: &Policy) -> UsageVerdict {
    let any = |effect| reasons.iter().any(|reason| policy.effect(reason.code) == effect);
    if any(Effect::InUse) {
        UsageVerdict::InUse
    } else if any(Effect::Overrules) || any(Effect::Voids) {
        UsageVerdict::Undetermined
    } else if any(Effect::RulesOut) {
        UsageVerdict::RuledOut
    } else if any(Effect::Blocks) {
        UsageVerdict::Undetermined
    } else if any(Effect::NotObserved) {
        UsageVerdict::NotObserved
    } else {
        UsageVerdict::Undetermined
    }
}

fn rotation_of(reasons: &[Reason], usage: UsageVerdict) -> Rotation {
    let any = |effect| reasons.iter().any(|reason| reason.code.effect() == effect);
    if any(Effect::Voids) {
        return Rotation::Required;
    }
    if any(Effect::NoRotation) {
        return Rotation::Optional;
    }
    match usage {
        UsageVerdict::RuledOut => Rotation::Optional,
        UsageVerdict::NotObserved => Rotation::Deferrable,
        UsageVerdict::Undetermined if any(Effect::Attests) && !any(Effect::Overrules) => Rotation::Deferrable,
        UsageVerdict::InUse | UsageVerdict::Undetermined => Rotation::Required,
    }
}

/// Whether a reason of this effect is what this verdict rests on.
fn decides(effect: Effect, usage: UsageVerdict, rotation: Rotation) -> bool {
    match effect {
        Effect::NoRotation => rotation == Rotation::Optional,
        Effect::InUse => usage == UsageVerdict::InUse,
        Effect::RulesOut => usage == UsageVerdict::RuledOut,
        Effect::Blocks | Effect::Overrules | Effect::Voids => {
            usage == UsageVerdict::Undetermined && rotation == Rotation::Required
        }
        Effect::Attests => usage == UsageVerdict::Undetermined && rotation == Rotation::Deferrable,
        Effect::NotObserved => usage == UsageVerdict::NotObserved,
        Effect::Informs => false,
    }
}

words!(UsageVerdict:
    InUse = "in_use", NotObserved = "not_observed", RuledOut = "ruled_out", Undetermined = "undetermined");
words!(Rotation: Required = "required", Deferrable = "deferrable", Optional = "optional");
