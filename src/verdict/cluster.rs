//! What the members of a cluster show of each other. The endpoints of a cluster send its clients to any member, and after a
//! failover to another one: TLS on one member is TLS on all.
//!
//! Source: "Amazon Aurora endpoint connections" in the Aurora user guide, "Multi-AZ DB cluster deployments" in the RDS user
//! guide.

use super::enforcement::Enforcement;
use super::policy::Policy;
use super::reason::{Effect, Reason, ReasonCode};
use super::{Finding, Members, UsageVerdict, usage_of};
use crate::inventory::InstanceProfile;

/// Whether TLS is used on a member, by its own evidence.
fn usage(finding: &Finding, policy: &Policy) -> UsageVerdict {
    let reasons: Vec<Reason> = finding.outlook.reasons.iter().chain(&finding.reasons).cloned().collect();
    usage_of(&reasons, policy)
}

/// Whether nothing keeps a member from being judged, but that no client connected to it.
fn is_only_idle(finding: &Finding, policy: &Policy) -> bool {
    let keeps =
        |reason: &&Reason| matches!(policy.effect(reason.code), Effect::Blocks | Effect::Overrules | Effect::Voids);
    let mut kept = finding.outlook.reasons.iter().chain(&finding.reasons).filter(keeps).peekable();
    kept.peek().is_some() && kept.all(|reason| reason.code == ReasonCode::NoClients)
}

/// Adds to the reasons of a member what the others show.
pub(super) fn add_to(reasons: &mut Vec<Reason>, profile: &InstanceProfile, members: &Members<'_>, policy: &Policy) {
    let others = || members.iter().filter(|(other, _)| other.arn != profile.arn);
    let own = usage_of(reasons, policy);
    let is_idle = members.iter().any(|(member, finding)| member.arn == profile.arn && is_only_idle(finding, policy));
    let mut give = |code, text| reasons.push(Reason { code, text });
    if let Some((other, _)) = others().find(|(_, finding)| usage(finding, policy) == UsageVerdict::InUse) {
        if own != UsageVerdict::InUse {
            let text = format!(
                "clients use TLS on {}, and the endpoints of the cluster send clients to every member",
                other.instance
            );
            give(ReasonCode::ClusterTls, text);
        }
        return;
    }
    if own != UsageVerdict::NotObserved && !is_idle {
        return;
    }
    let is_there = |sibling: &&String| members.iter().any(|(member, _)| member.instance == **sibling);
    let absent: Vec<&str> =
        profile.cluster_siblings.iter().filter(|sibling| !is_there(sibling)).map(String::as_str).collect();
    if !absent.is_empty() {
        let text = format!(
            "the evidence does not contain other members of the cluster ({}), which may show TLS. Include them in the run.",
            absent.join(", ")
        );
        give(ReasonCode::ClusterIncomplete, text);
        return;
    }
    let is_unclear = |(_, finding): &&(&InstanceProfile, &Finding)| {
        usage(finding, policy) == UsageVerdict::Undetermined && !is_only_idle(finding, policy)
    };
    if let Some((other, _)) = others().find(is_unclear) {
        let text = format!(
            "the evidence on {} is inconclusive, and the endpoints of the cluster send clients to every member",
            other.instance
        );
        give(ReasonCode::ClusterInconclusive, text);
        return;
    }
    let shown = others().find(|(_, finding)| usage(finding, policy) == UsageVerdict::NotObserved);
    if let Some((other, _)) = shown.filter(|_| is_idle) {
        let text = format!(
            "no client connected to this member, and no client of the cluster used TLS (see {})",
            other.instance
        );
        reasons.retain(|reason| reason.code != ReasonCode::NoClients);
        reasons.push(Reason { code: ReasonCode::ClusterPlaintext, text });
    }
}

/// Whether TLS may be enforced in the whole cluster: a parameter group of the cluster holds for every member.
pub(super) fn enforcement(members: &Members<'_>) -> Enforcement {
    let any = |wanted| members.iter().any(|(_, finding)| finding.enforcement == wanted);
    if any(Enforcement::Breaks) {
        Enforcement::Breaks
    } else if any(Enforcement::Unknown) {
        Enforcement::Unknown
    } else {
        Enforcement::Safe
    }
}
