//! The certificate: what a rotation would change, by when it must be, and what it costs.

use jiff::{SignedDuration, Timestamp};
use ssl_usage_parsers::Restart as EngineRestart;

use super::policy::Policy;
use super::reason::{Reason, ReasonCode};
use crate::inventory::InstanceProfile;

/// What a rotation changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The authority: clients that verify need the new one in their trust store first.
    Root,
    /// The server certificate alone: no client notices.
    Server,
}

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

/// What follows from an instance's certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outlook {
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
pub fn outlook(profile: &InstanceProfile, policy: &Policy, now: Timestamp) -> Outlook {
    let certificate = &profile.certificate;
    let horizon =
        now.checked_add(SignedDuration::from_hours(24 * i64::from(policy.horizon_days))).unwrap_or(Timestamp::MAX);
    let lasts = |end: Option<Timestamp>| end.is_some_and(|end| end > horizon);
    // An authority that is good past the horizon signs the next certificate too.
    let stays = lasts(certificate.ca_valid_till) || certificate.ca.is_some() && certificate.ca == certificate.target_ca;
    let (change, target) = match stays {
        true => (Change::Server, certificate.ca.clone()),
        false => (Change::Root, certificate.target_ca.clone()),
    };
    let listener = profile.known_engine().is_some_and(|engine| engine.restart == EngineRestart::Listener);
    let restart = match (listener, certificate.rotates_without_restart) {
        (true, _) => Restart::Listener,
        (false, Some(true)) => Restart::None,
        (false, Some(false) | None) => Restart::Instance,
    };
    let dates = profile
        .pending
        .iter()
        .flat_map(|action| [action.auto_applied_after, action.forced_apply, action.current_apply]);
    let scheduled = dates.flatten().min();
    let act_by = [certificate.valid_till, certificate.ca_valid_till, scheduled].into_iter().flatten().min();
    let mut outlook = Outlook { change, target, restart, act_by, reasons: Vec::new() };
    let mut give = |code, text| outlook.reasons.push(Reason { code, text });
    if profile.is_serverless_v1() {
        give(
            ReasonCode::CertificateElsewhere,
            "Aurora Serverless v1 has its certificate from AWS Certificate Manager, which renews it".to_owned(),
        );
        return Outlook { act_by: None, ..outlook };
    }
    let renewed = restart == Restart::None;
    let ends = describe(certificate.valid_till);
    if lasts(certificate.ca_valid_till) && scheduled.is_none() && (lasts(certificate.valid_till) || renewed) {
        let how = if lasts(certificate.valid_till) {
            format!("is good until {ends}")
        } else {
            format!("ends {ends} and is renewed without a restart")
        };
        give(
            ReasonCode::CertificateLasts,
            format!(
                "the server certificate {how}, and its authority is good until {}",
                describe(certificate.ca_valid_till)
            ),
        );
    }
    if certificate.valid_till.is_none() || certificate.ca_valid_till.is_none() {
        give(ReasonCode::CertificateUnknown, "it is not known when the certificate and its authority end".to_owned());
    }
    let ended = |end: Option<Timestamp>| end.is_some_and(|end| end <= now);
    if ended(certificate.valid_till) || ended(certificate.ca_valid_till) {
        let authority = describe(certificate.ca_valid_till);
        give(
            ReasonCode::CertificateExpired,
            format!(
                "clients that verify cannot connect: the server certificate ended {ends}, its authority {authority}"
            ),
        );
    }
    if let Some(pending) = certificate.pending_ca.as_ref().filter(|pending| Some(*pending) != certificate.ca.as_ref()) {
        give(
            ReasonCode::RotationStaged,
            format!("a certificate of {pending} becomes active at the next restart, planned or not"),
        );
    }
    if let Some(scheduled) = scheduled {
        let actions: Vec<_> = profile.pending.iter().map(|action| action.action.as_str()).collect();
        give(
            ReasonCode::RotationScheduled,
            format!(
                "AWS has scheduled {}, and applies it by itself on {}",
                actions.join(" and "),
                describe(Some(scheduled))
            ),
        );
    }
    outlook
}

/// A date for a sentence.
pub(super) fn describe(end: Option<Timestamp>) -> String {
    end.map_or_else(|| "on a date that is not known".to_owned(), |end| end.strftime("%Y-%m-%d").to_string())
}

impl Change {
    /// The word used in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Server => "server",
        }
    }
}

impl Restart {
    /// The word used in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Listener => "listener",
            Self::Instance => "instance",
        }
    }
}
