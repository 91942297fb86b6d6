//! The certificate: what a rotation changes, by when it must happen, and what it restarts.

use jiff::{SignedDuration, Timestamp};
use ssl_usage_parsers::Restart as EngineRestart;

use super::policy::Policy;
use super::reason::{Reason, ReasonCode};
use super::words::words;
use crate::inventory::{InstanceProfile, PendingAction};

/// What a rotation changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The certificate authority (CA): clients that verify need the new one in their trust store first.
    Root,
    /// Only the server certificate: no client has to change.
    Server,
}

words!(Change: Root = "root", Server = "server");

/// What a rotation restarts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restart {
    /// Nothing.
    None,
    /// The listener: open sessions stay, new ones wait.
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
    /// The CA that would sign the new certificate, where it is known.
    pub target: Option<String>,
    /// What the rotation restarts.
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
    // A CA that is valid past the horizon signs the next certificate too.
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
    let serverless = "Aurora Serverless v1 gets its certificate from AWS Certificate Manager, which renews it";
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

/// The reasons of the certificate. `good`: it and its CA are valid past the horizon, or are renewed without a restart.
fn reasons(profile: &InstanceProfile, change: Change, good: bool, now: Timestamp) -> Vec<Reason> {
    let certificate = &profile.certificate;
    let mut reasons = Vec::new();
    let mut give = |code, text| reasons.push(Reason { code, text });
    let (end, ca_end) = (describe(certificate.valid_till), describe(certificate.ca_valid_till));
    let ended = |end: Option<Timestamp>| end.is_some_and(|end| end <= now);
    let expired = ended(certificate.valid_till) || ended(certificate.ca_valid_till);
    let staged = certificate.pending_ca.as_ref().filter(|pending| Some(*pending) != certificate.ca.as_ref());
    let scheduled = scheduled(profile);
    // Only if the calls that show a scheduled rotation, of the instance or of its cluster, were answered.
    let needed = ["rds:DescribePendingMaintenanceActions", "rds:DescribeDBClusters"];
    let asked = !profile.unknown.iter().any(|call| needed.contains(&call.as_str()));
    if good && asked && !expired && staged.is_none() && profile.pending.is_empty() {
        let text = format!(
            "the server certificate expires {end} or is renewed earlier without a restart, and its CA expires {ca_end}"
        );
        give(ReasonCode::CertificateLasts, text);
    }
    if certificate.valid_till.is_none() || certificate.ca_valid_till.is_none() {
        give(
            ReasonCode::CertificateUnknown,
            "the expiry date of the server certificate or of its CA is unknown".to_owned(),
        );
    }
    if expired {
        let text = format!(
            "clients that verify the certificate cannot connect, because it or its CA has expired (certificate: {end}, CA: {ca_end})"
        );
        give(ReasonCode::CertificateExpired, text);
    }
    if let Some(pending) = staged {
        let text = format!("a staged certificate of {pending} becomes active at the next restart, planned or not");
        give(ReasonCode::RotationStaged, text);
    }
    if change == Change::Server && profile.pending.is_empty() && !good {
        let text = "the CA stays the same, so no command can rotate the certificate yet. AWS offers the rotation as a pending maintenance action, three months before the certificate expires or earlier; run ssl-usage again then.".to_owned();
        give(ReasonCode::RotationNotOffered, text);
    }
    if !profile.pending.is_empty() {
        let actions: Vec<_> = profile.pending.iter().map(|action| action.action.as_str()).collect();
        let text =
            format!("AWS has scheduled {} and applies it automatically {}", actions.join(" and "), describe(scheduled));
        give(ReasonCode::RotationScheduled, text);
    }
    reasons
}

/// `on 2027-01-01`, or that the date is unknown.
fn describe(end: Option<Timestamp>) -> String {
    end.map_or_else(|| "on an unknown date".to_owned(), |end| end.strftime("on %Y-%m-%d").to_string())
}
