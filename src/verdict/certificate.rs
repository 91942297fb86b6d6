//! The certificate: what a rotation would change, by when it must be, and what it costs.

use jiff::{SignedDuration, Timestamp};
use ssl_usage_parsers::Restart as EngineRestart;

use super::policy::Policy;
use super::reason::{Reason, ReasonCode};
use super::words::words;
use crate::inventory::{InstanceProfile, PendingAction};

/// What a rotation changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The authority: clients that verify need the new one in their trust store first.
    Root,
    /// The server certificate alone: no client notices.
    Server,
}

words!(Change: Root = "root", Server = "server");

/// What a rotation costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restart {
    /// Nothing.
    None,
    /// The listener: sessions live on, new ones wait.
    Listener,
    /// The instance.
    Instance,
}

words!(Restart: None = "none", Listener = "listener", Instance = "instance");

/// What follows from an instance's certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RotationOutlook {
    /// What a rotation changes.
    pub change: Change,
    /// The authority that would sign the new certificate, where it is known.
    pub target: Option<String>,
    /// What the rotation costs.
    pub restart: Restart,
    /// When it must have happened.
    pub act_by: Option<Timestamp>,
    /// Reasons that the certificate gives.
    pub reasons: Vec<Reason>,
}

/// The outlook of an instance as of `now`.
pub fn outlook(profile: &InstanceProfile, policy: &Policy, now: Timestamp) -> RotationOutlook {
    let certificate = &profile.certificate;
    let horizon = SignedDuration::from_hours(24 * i64::from(policy.horizon_days));
    let horizon = now.checked_add(horizon).unwrap_or(Timestamp::MAX);
    let lasts = |end: Option<Timestamp>| end.is_some_and(|end| end > horizon);
    // An authority that is good past the horizon signs the next certificate too.
    let same = certificate.ca.is_some() && certificate.ca == certificate.target_ca;
    let (change, target) = match (lasts(certificate.ca_valid_till), same && certificate.ca_valid_till.is_none()) {
        (false, false) => (Change::Root, certificate.target_ca.clone().filter(|_| !same)),
        _ => (Change::Server, certificate.ca.clone()),
    };
    let listener = profile.known_engine().is_some_and(|engine| engine.restart == EngineRestart::Listener);
    let restart = match (listener, certificate.rotates_without_restart) {
        (true, _) => Restart::Listener,
        (false, Some(true)) => Restart::None,
        (false, Some(false) | None) => Restart::Instance,
    };
    let dates = [certificate.valid_till, certificate.ca_valid_till, scheduled(profile)];
    let act_by = dates.into_iter().flatten().min();
    let serverless = "Aurora Serverless v1 has its certificate from AWS Certificate Manager, which renews it";
    let elsewhere = profile.known_engine().and_then(|engine| engine.certificate_elsewhere);
    if let Some(text) = elsewhere.or(profile.is_serverless_v1().then_some(serverless)) {
        let text = text.to_owned();
        let reasons = vec![Reason { code: ReasonCode::CertificateElsewhere, text }];
        return RotationOutlook { change, target, restart: Restart::None, act_by: None, reasons };
    }
    let good = lasts(certificate.ca_valid_till) && (lasts(certificate.valid_till) || restart == Restart::None);
    RotationOutlook { change, target, restart, act_by, reasons: reasons(profile, change, good, now) }
}

/// When AWS rotates by itself, if it has scheduled that.
fn scheduled(profile: &InstanceProfile) -> Option<Timestamp> {
    let dates = |action: &PendingAction| [action.auto_applied_after, action.forced_apply, action.current_apply];
    profile.pending.iter().flat_map(dates).flatten().min()
}

/// What the certificate gives as reasons; `good` is whether it and its authority last, or are renewed unnoticed.
fn reasons(profile: &InstanceProfile, change: Change, good: bool, now: Timestamp) -> Vec<Reason> {
    let certificate = &profile.certificate;
    let mut reasons = Vec::new();
    let mut give = |code, text| reasons.push(Reason { code, text });
    let (end, authority) = (describe(certificate.valid_till), describe(certificate.ca_valid_till));
    let ended = |end: Option<Timestamp>| end.is_some_and(|end| end <= now);
    let expired = ended(certificate.valid_till) || ended(certificate.ca_valid_till);
    let staged = certificate.pending_ca.as_ref().filter(|pending| Some(*pending) != certificate.ca.as_ref());
    let scheduled = scheduled(profile);
    // What AWS has scheduled must have been asked, and whether that is for the instance's cluster.
    let needed = ["rds:DescribePendingMaintenanceActions", "rds:DescribeDBClusters"];
    let asked = !profile.unknown.iter().any(|call| needed.contains(&call.as_str()));
    if good && asked && !expired && staged.is_none() && profile.pending.is_empty() {
        let text = format!(
            "the server certificate ends {end}, or is renewed before that without a restart, and its authority ends {authority}"
        );
        give(ReasonCode::CertificateLasts, text);
    }
    if certificate.valid_till.is_none() || certificate.ca_valid_till.is_none() {
        give(ReasonCode::CertificateUnknown, "it is not known when the certificate or its authority ends".to_owned());
    }
    if expired {
        let text =
            format!("clients that verify cannot connect: the server certificate ends {end}, its authority {authority}");
        give(ReasonCode::CertificateExpired, text);
    }
    if let Some(pending) = staged {
        let text = format!("a certificate of {pending} becomes active at the next restart, planned or not");
        give(ReasonCode::RotationStaged, text);
    }
    if change == Change::Server && profile.pending.is_empty() && !good {
        let text = "the same authority signs the next certificate: AWS offers its rotation as a pending maintenance action at half its life, or three months before its end".to_owned();
        give(ReasonCode::RotationNotOffered, text);
    }
    if !profile.pending.is_empty() {
        let actions: Vec<_> = profile.pending.iter().map(|action| action.action.as_str()).collect();
        let text =
            format!("AWS has scheduled {}, and applies it by itself {}", actions.join(" and "), describe(scheduled));
        give(ReasonCode::RotationScheduled, text);
    }
    reasons
}

/// A date for a sentence.
pub(super) fn describe(end: Option<Timestamp>) -> String {
    end.map_or_else(|| "on a date that is not known".to_owned(), |end| end.strftime("%Y-%m-%d").to_string())
}
