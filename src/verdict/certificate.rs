//! The certificate: what a rotation changes, by when it must happen, and what it restarts.

use jiff::{SignedDuration, Timestamp};
use ssl_usage_parsers::Restart as EngineRestart;

use super::policy::Policy;
use super::reason::{Reason, ReasonCode};
use super::renewal::{is_maintained, renewal};
use super::served;
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
    let (change, target) =
        match (staged(profile), lasts(certificate.ca_valid_till), same && certificate.ca_valid_till.is_none()) {
            _ if served::changes_root(profile) => (Change::Root, certificate.ca.clone()),
            // A staged CA becomes active, whatever the default is.
            (Some(staged), ..) => (Change::Root, Some(staged.to_owned())),
            (None, false, false) => (Change::Root, certificate.target_ca.clone().filter(|_| !same)),
            _ => (Change::Server, certificate.ca.clone()),
        };
    let restart = restart(profile);
    let dates = [certificate.valid_till, certificate.ca_valid_till, scheduled(profile)];
    let act_by = dates.into_iter().flatten().chain(served::ends(profile)).min();
    if let Some((code, text)) = elsewhere(profile) {
        let reasons = vec![Reason { code, text: text.to_owned() }];
        return RotationOutlook { change, target, restart: Restart::None, act_by: None, reasons };
    }
    let renewal = renewal(profile);
    let in_doubt = served::is_in_doubt(profile, now);
    let good = match (lasts(certificate.ca_valid_till), lasts(certificate.valid_till), renewal) {
        _ if in_doubt => Good::No,
        (false, ..) => Good::No,
        (true, true, _) => Good::Lasts,
        (true, false, Some(renewal))
            if restart == Restart::None && now < renewal.overdue_from && is_maintained(profile) =>
        {
            Good::IsRenewed(renewal.due)
        }
        (true, false, _) => Good::No,
    };
    RotationOutlook { change, target, restart, act_by, reasons: reasons(profile, (change, restart), good, now) }
}

/// What a rotation restarts.
pub(super) fn restart(profile: &InstanceProfile) -> Restart {
    let listener = profile.known_engine().is_some_and(|engine| engine.restart == EngineRestart::Listener);
    match (listener, profile.certificate.rotates_without_restart) {
        (true, _) => Restart::Listener,
        (false, Some(true)) if !profile.has_babelfish() => Restart::None,
        (false, _) => Restart::Instance,
    }
}

/// Whether a certificate needs a rotation by a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Good {
    /// It does, or that is unknown.
    No,
    /// It and its CA are valid past the horizon.
    Lasts,
    /// Its CA is, and AWS renews it without a restart, from this time on.
    IsRenewed(Timestamp),
}

/// The CA of a certificate that waits for a restart or a maintenance window.
pub(super) fn staged(profile: &InstanceProfile) -> Option<&str> {
    let certificate = &profile.certificate;
    certificate.pending_ca.as_deref().filter(|pending| Some(*pending) != certificate.ca.as_deref())
}

/// Why no certificate of an RDS CA has to be rotated.
///
/// Source: "Using TLS/SSL with Aurora Serverless v1" in the Aurora user guide.
fn elsewhere(profile: &InstanceProfile) -> Option<(ReasonCode, &'static str)> {
    const SERVERLESS: &str = "Aurora Serverless v1 gets its certificate from AWS Certificate Manager, which renews it";
    const EMPTY: &str = "the cluster has no instance, so it presents no certificate. An instance that is added later gets a certificate of the default CA.";
    let by_engine = profile.known_engine().and_then(|engine| engine.certificate_elsewhere);
    let by_engine = by_engine.or(profile.is_serverless_v1().then_some(SERVERLESS));
    let is_empty = profile.is_cluster() && !profile.is_limitless;
    by_engine
        .map(|text| (ReasonCode::CertificateElsewhere, text))
        .or(is_empty.then_some((ReasonCode::ClusterWithoutInstances, EMPTY)))
}

/// When AWS rotates by itself, if it has scheduled that.
fn scheduled(profile: &InstanceProfile) -> Option<Timestamp> {
    let dates = |action: &PendingAction| [action.auto_applied_after, action.forced_apply, action.current_apply];
    profile.pending.iter().flat_map(dates).flatten().min()
}

/// The reasons of the certificate.
fn reasons(profile: &InstanceProfile, (change, restart): (Change, Restart), good: Good, now: Timestamp) -> Vec<Reason> {
    let certificate = &profile.certificate;
    let mut reasons = Vec::new();
    let mut give = |code, text| reasons.push(Reason { code, text });
    let (end, ca_end) = (describe(certificate.valid_till), describe(certificate.ca_valid_till));
    let ended = |end: Option<Timestamp>| end.is_some_and(|end| end <= now);
    let expired = ended(certificate.valid_till) || ended(certificate.ca_valid_till);
    let staged = staged(profile);
    let scheduled = scheduled(profile);
    // Only if the calls that show a scheduled rotation, of the instance or of its cluster, were answered.
    let needed = ["rds:DescribePendingMaintenanceActions", "rds:DescribeDBClusters"];
    let asked = !profile.unknown.iter().any(|call| needed.contains(&call.as_str()));
    if asked
        && !expired
        && staged.is_none()
        && profile.pending.is_empty()
        && let Some(text) = lasts(good, (&end, &ca_end), now)
    {
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
            "the certificate or its CA has expired (certificate: {end}, CA: {ca_end}), so clients that verify it cannot connect, and others may have fallen back to sessions without TLS. Rotate now."
        );
        give(ReasonCode::CertificateExpired, text);
    }
    if let Some(pending) = staged {
        let when = takes_effect(profile, restart, now);
        let text =
            format!("a staged certificate of {pending} becomes active {when}. Update the trust stores before that.");
        give(ReasonCode::RotationStaged, text);
    }
    if !is_maintained(profile) {
        let text = format!(
            "the instance is in the status `{}`, in which AWS does not renew its certificate. Bring it back to `available` before you rotate.",
            profile.status
        );
        give(ReasonCode::InstanceUnavailable, text);
    }
    reasons.extend(served::reasons(profile, now));
    let mut give = |code, text| reasons.push(Reason { code, text });
    let is_same_ca = change == Change::Server && profile.pending.is_empty() && good == Good::No;
    if is_same_ca && !profile.is_custom() && !served::is_in_doubt(profile, now) {
        let (code, text) = not_offered(profile, restart, now);
        give(code, text);
    }
    if !profile.pending.is_empty() {
        let actions: Vec<_> = profile.pending.iter().map(|action| action.action.as_str()).collect();
        let text =
            format!("AWS has scheduled {} and applies it automatically {}", actions.join(" and "), describe(scheduled));
        give(ReasonCode::RotationScheduled, text);
    }
    reasons
}

/// Why a certificate needs no rotation, with its end and that of its CA; none where it needs one.
fn lasts(good: Good, (end, ca_end): (&str, &str), now: Timestamp) -> Option<String> {
    let Good::IsRenewed(due) = good else {
        let text = format!("the server certificate expires {end}, and its CA {ca_end}");
        return (good == Good::Lasts).then_some(text);
    };
    let window = due.strftime("%Y-%m-%d");
    let when = if due > now {
        format!("in the maintenance window of {window}")
    } else {
        format!("in the next maintenance window, and was due to do so in that of {window}")
    };
    Some(format!("AWS renews the server certificate without a restart {when}. It expires {end}, and its CA {ca_end}."))
}

/// When a staged certificate becomes active. Other changes that are pending may restart the instance.
fn takes_effect(profile: &InstanceProfile, restart: Restart, now: Timestamp) -> String {
    let window =
        profile.next_maintenance(now).map_or_else(String::new, |start| start.strftime(" of %Y-%m-%d").to_string());
    match (restart, profile.pending_restart()) {
        (Restart::None, _) => format!("in the maintenance window{window}"),
        (_, Some(change)) => format!(
            "at the next restart, planned or not, which is expected in the maintenance window{window} because {change} is pending"
        ),
        (_, None) => "at the next restart, planned or not".to_owned(),
    }
}

/// Why no command rotates a certificate whose CA stays the same, and when to look again.
fn not_offered(profile: &InstanceProfile, restart: Restart, now: Timestamp) -> (ReasonCode, String) {
    const SAME: &str = "the CA stays the same, and AWS does not offer the rotation yet";
    let day = |time: Timestamp| time.strftime("%Y-%m-%d");
    match renewal(profile) {
        Some(renewal) if restart == Restart::None && now >= renewal.overdue_from => (
            ReasonCode::RenewalOverdue,
            format!(
                "AWS should have renewed the certificate by {}, and did not. Check the events and the maintenance window of the instance, and ask AWS Support.",
                day(renewal.overdue_from)
            ),
        ),
        Some(renewal) if restart == Restart::None || now < renewal.due => {
            (ReasonCode::RotationNotOffered, format!("{SAME}. Run ssl-usage again after {}.", day(renewal.due)))
        }
        Some(renewal) if now < renewal.offered_by => (
            ReasonCode::RotationNotOffered,
            format!(
                "{SAME}. AWS offers it as a maintenance action by {}. Run ssl-usage again every week until then.",
                day(renewal.offered_by)
            ),
        ),
        Some(renewal) => (
            ReasonCode::RenewalOverdue,
            format!(
                "AWS should have offered the rotation as a maintenance action by {}, and did not. Ask AWS Support, or rotate to another CA.",
                day(renewal.offered_by)
            ),
        ),
        None => (
            ReasonCode::RotationNotOffered,
            format!("{SAME}. Grant the permissions that the errors name, so that its dates are known."),
        ),
    }
}

/// `on 2027-01-01`, or that the date is unknown.
fn describe(end: Option<Timestamp>) -> String {
    end.map_or_else(|| "on an unknown date".to_owned(), |end| end.strftime("on %Y-%m-%d").to_string())
}
