//! The verdict: a pure function of an instance's profile, its usage and the policy. No clock, no I/O, no randomness: the
//! same evidence gives the same verdict, byte for byte, for ever.

mod certificate;
mod commands;
mod enforcement;
mod metrics;
mod policy;
mod reason;
mod rules;
#[cfg(test)]
mod tests;

pub use certificate::{Change, Outlook, Restart};
pub use enforcement::Enforcement;
pub use policy::Policy;
pub use reason::{Bearing, Reason, ReasonCode};
pub(crate) use rules::{ask_live, unanswered, untold};

use jiff::Timestamp;

use crate::inventory::InstanceProfile;
use crate::usage::Usage;
use rules::Case;

/// Whether TLS is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsageVerdict {
    /// It is.
    InUse,
    /// The logs would show it, cover the window, show clients, and none of them with TLS.
    NotObserved,
    /// It cannot be.
    RuledOut,
    /// Nobody can tell.
    Undetermined,
}

/// Whether the certificate must be rotated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rotation {
    /// It must be.
    Required,
    /// It may be staged now, with no restart, and becomes active at the next one.
    Deferrable,
    /// It need not be.
    Optional,
}

/// The verdict on one instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether TLS is used.
    pub usage: UsageVerdict,
    /// Whether the certificate must be rotated.
    pub rotation: Rotation,
    /// The rotation is required because nobody can tell, and not because TLS is known to be used.
    pub unproven: bool,
    /// Whether TLS may be enforced.
    pub enforcement: Enforcement,
    /// What follows from the certificate.
    pub outlook: Outlook,
    /// Why: what decided first.
    pub reasons: Vec<Reason>,
    /// What was not looked at.
    pub not_examined: Vec<&'static str>,
    /// What a person or a rotation tool would run.
    pub commands: Vec<Vec<String>>,
}

/// What this version does not look at, whatever the instance.
const NOT_EXAMINED: &[&str] = &["clients that connect less often than the window is long"];

/// Judges one instance as of `now`.
pub fn judge(profile: &InstanceProfile, usage: &Usage, policy: &Policy, now: Timestamp) -> Verdict {
    let outlook = certificate::outlook(profile, policy, now);
    let case = Case { profile, usage, policy };
    let found = rules::reasons(&case);
    let used = usage_of(&found);
    let enforcement = enforcement::enforcement(usage, &found, rules::is_enforced(profile));
    let mut reasons: Vec<Reason> = outlook.reasons.iter().cloned().chain(found).collect();
    let rotation = rotation_of(&reasons, used);
    // What decided comes first; what would have decided otherwise is no reason for this verdict.
    reasons.sort_by_key(|reason| !decides(reason.code.bearing(), used, rotation));
    let act_by = outlook.act_by.filter(|_| rotation != Rotation::Optional);
    let outlook = Outlook { act_by, ..outlook };
    let commands = commands::commands(profile, &outlook, used, rotation);
    let unproven = rotation == Rotation::Required && used == UsageVerdict::Undetermined;
    let unknown = metrics::NOT_KNOWN.iter().filter(|(is_so, _)| is_so(&case)).map(|(_, what)| *what);
    let not_examined = unknown.chain(NOT_EXAMINED.iter().copied()).collect();
    Verdict { usage: used, rotation, unproven, enforcement, outlook, reasons, not_examined, commands }
}

/// Whether TLS is used, by the reasons alone. Without any, nobody can tell.
fn usage_of(reasons: &[Reason]) -> UsageVerdict {
    let any = |bearing| reasons.iter().any(|reason| reason.code.bearing() == bearing);
    if any(Bearing::InUse) {
        UsageVerdict::InUse
    } else if any(Bearing::RulesOut) {
        UsageVerdict::RuledOut
    } else if any(Bearing::Blocks) {
        UsageVerdict::Undetermined
    } else if any(Bearing::NotObserved) {
        UsageVerdict::NotObserved
    } else {
        UsageVerdict::Undetermined
    }
}

fn rotation_of(reasons: &[Reason], usage: UsageVerdict) -> Rotation {
    if reasons.iter().any(|reason| reason.code.bearing() == Bearing::NoRotation) {
        return Rotation::Optional;
    }
    match usage {
        UsageVerdict::RuledOut => Rotation::Optional,
        UsageVerdict::NotObserved => Rotation::Deferrable,
        UsageVerdict::InUse | UsageVerdict::Undetermined => Rotation::Required,
    }
}

/// Whether a reason of this bearing is what this verdict rests on.
fn decides(bearing: Bearing, usage: UsageVerdict, rotation: Rotation) -> bool {
    match bearing {
        Bearing::NoRotation => rotation == Rotation::Optional,
        Bearing::InUse => usage == UsageVerdict::InUse,
        Bearing::RulesOut => usage == UsageVerdict::RuledOut,
        Bearing::Blocks => usage == UsageVerdict::Undetermined,
        Bearing::NotObserved => usage == UsageVerdict::NotObserved,
        Bearing::Informs => false,
    }
}

impl UsageVerdict {
    /// The word used in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::InUse => "in_use",
            Self::NotObserved => "not_observed",
            Self::RuledOut => "ruled_out",
            Self::Undetermined => "undetermined",
        }
    }
}

impl Rotation {
    /// The word used in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Deferrable => "deferrable",
            Self::Optional => "optional",
        }
    }
}
