//! What the members of a cluster show of each other. The endpoints of a cluster send its clients to any member, and after a
//! failover to another one: TLS on one member is TLS on all.
//!
//! Source: "Amazon Aurora endpoint connections" in the Aurora user guide, "Multi-AZ DB cluster deployments" in the RDS user
//! guide.

use super::enforcement::Enforcement;
use super::policy::Policy;
use super::reason::{Effect, Reason, ReasonCode};
use super::{Examined, Finding, UsageVerdict, usage_of};
use crate::inventory::InstanceProfile;

/// Whether TLS is used on a member, by its own evidence.
fn usage(finding: &Finding, policy: &Policy) -> UsageVerdict {
    let reasons: Vec<Reason> = finding.outlook.reasons.iter().chain(&finding.reasons).cloned().collect();
    usage_of(&reasons, policy)
}

/// Reasons by which a member of a cluster shows nothing of its own: no client connected, or it is too young.
const IDLE: [ReasonCode; 2] = [ReasonCode::NoClients, ReasonCode::InstanceYoung];

/// Whether nothing keeps a member from being judged, but that it shows nothing.
fn is_only_idle(finding: &Finding, policy: &Policy) -> bool {
    let keeps =
        |reason: &&Reason| matches!(policy.effect(reason.code), Effect::Blocks | Effect::Overrules | Effect::Voids);
    let mut kept = finding.outlook.reasons.iter().chain(&finding.reasons).filter(keeps).peekable();
    kept.peek().is_some() && kept.all(|reason| IDLE.contains(&reason.code))
}

/// Adds to the reasons of a member what the others show.
pub(super) fn add_to(reasons: &mut Vec<Reason>, profile: &InstanceProfile, members: &[Examined<'_>], policy: &Policy) {
    let others = || members.iter().filter(|other| other.profile.arn != profile.arn);
    let own = usage_of(reasons, policy);
    let is_own = |member: &&Examined<'_>| member.profile.arn == profile.arn;
    let is_idle = members.iter().filter(is_own).any(|member| is_only_idle(member.finding, policy));
    let own_is_attested = is_attested(reasons);
    let mut give = |code, text| reasons.push(Reason { code, text });
    if let Some(other) = others().find(|other| usage(other.finding, policy) == UsageVerdict::InUse) {
        if own != UsageVerdict::InUse {
            let was = if other.is_former { "used TLS on the former member" } else { "use TLS on" };
            let text = format!(
                "clients {was} {}, and the endpoints of the cluster send clients to every member",
                other.profile.instance
            );
            give(ReasonCode::ClusterTls, text);
        }
        return;
    }
    if own != UsageVerdict::NotObserved && !is_idle && !own_is_attested {
        return;
    }
    let absent = absent(profile, members);
    if !absent.is_empty() {
        let text = format!(
            "the evidence does not contain other members of the cluster ({}), which may show TLS. Include them in the run.",
            absent.join(", ")
        );
        give(ReasonCode::ClusterIncomplete, text);
        return;
    }
    let is_unclear = |other: &&Examined<'_>| {
        let is_open = usage(other.finding, policy) == UsageVerdict::Undetermined
            && !is_only_idle(other.finding, policy)
            && !is_attested(&other.finding.reasons);
        // What a former member did not log is past, but its damaged evidence may hide TLS.
        if other.is_former { is_void(other.finding) } else { is_open }
    };
    if let Some(other) = others().find(is_unclear) {
        let text = format!(
            "the evidence on {} is inconclusive, and the endpoints of the cluster send clients to every member",
            other.profile.instance
        );
        give(ReasonCode::ClusterInconclusive, text);
        return;
    }
    let shown = others().find(|other| usage(other.finding, policy) == UsageVerdict::NotObserved);
    if let Some(other) = shown.filter(|_| is_idle) {
        let text = format!(
            "this member shows no client or is too young, and no client of the cluster used TLS (see {})",
            other.profile.instance
        );
        reasons.retain(|reason| !IDLE.contains(&reason.code));
        reasons.push(Reason { code: ReasonCode::ClusterPlaintext, text });
    }
}

/// Whether a person attests that no client uses TLS.
fn is_attested(reasons: &[Reason]) -> bool {
    reasons.iter().any(|reason| reason.code == ReasonCode::AttestedNoTls)
}

/// Whether the evidence on a member is damaged, or cannot be verified.
fn is_void(finding: &Finding) -> bool {
    finding.reasons.iter().any(|reason| reason.code.effect() == Effect::Voids)
}

/// The other members of an instance's cluster that the evidence does not contain.
fn absent<'p>(profile: &'p InstanceProfile, members: &[Examined<'_>]) -> Vec<&'p str> {
    let is_there = |sibling: &&String| members.iter().any(|member| member.profile.instance == **sibling);
    profile.cluster_siblings.iter().filter(|sibling| !is_there(sibling)).map(String::as_str).collect()
}

/// Whether TLS may be enforced in the whole cluster: a parameter group of the cluster holds for every member.
pub(super) fn enforcement(profile: &InstanceProfile, members: &[Examined<'_>]) -> Enforcement {
    let any = |wanted| members.iter().any(|member| member.finding.enforcement == wanted);
    let is_unknown = |member: &Examined<'_>| {
        member.finding.enforcement == Enforcement::Unknown && (!member.is_former || is_void(member.finding))
    };
    let unknown = members.iter().any(is_unknown);
    if any(Enforcement::Breaks) {
        Enforcement::Breaks
    } else if unknown || !absent(profile, members).is_empty() {
        Enforcement::Unknown
    } else {
        Enforcement::Safe
    }
}
