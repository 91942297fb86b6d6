//! `ssl-usage analyze --quick`: which evidence makes a verdict certain.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;

use crate::bundle::fact::Key;
use crate::bundle::{Scope, load};
use crate::collect::{Certainty, Quick};
use crate::error::Result;
use crate::inventory::InstanceProfile;
use crate::usage::{Client, Usage};
use crate::verdict::{Effect, Examined, Policy, Rotation, conclude_all, examine};

/// Certainty by a policy.
#[derive(Debug)]
struct ByPolicy {
    policy: Policy,
    now: Timestamp,
    /// ARNs of instances that were probed. A probe can settle what the inventory says, and logs show its own sessions. All logs of these
    /// instances are read.
    probed: BTreeSet<String>,
}

/// What makes a verdict certain as of `now`, with what the bundle at `path` holds already.
///
/// # Errors
///
/// When the bundle cannot be read.
pub(super) fn quick(policy: Policy, now: Timestamp, path: &Path) -> Result<Quick> {
    let mut probed = BTreeSet::new();
    if path.join("bundle.json").exists() {
        let known = load(&[path.to_owned()], Scope::All)?;
        let is_probed = known.instances.into_iter().filter(|known| {
            !known.profile.certificate.served.is_empty()
                || !known.sampled.samples.is_empty()
                || !known.sampled.sessions.is_empty()
        });
        probed.extend(is_probed.map(|known| known.profile.arn));
    }
    Ok(Quick(Arc::new(ByPolicy { policy, now, probed })))
}

impl Certainty for ByPolicy {
    /// The certificate needs no rotation. The other members of a cluster need the logs.
    fn without_logs(&self, profile: &InstanceProfile) -> bool {
        if profile.cluster_key().is_some() || self.probed.contains(&profile.arn) {
            return false;
        }
        let finding = examine(profile, &Usage::default(), &self.policy, self.now);
        let alone = Examined { profile, finding: &finding, is_former: false };
        let verdicts = conclude_all(std::iter::once(alone), std::iter::empty(), &self.policy);
        verdicts.iter().any(|verdict| {
            let is_lasting = verdict.reasons.iter().any(|reason| reason.code.effect() == Effect::NoRotation);
            is_lasting && verdict.rotation == Rotation::Optional
        })
    }

    /// A session of a client with TLS. Nothing makes it undone.
    fn by(&self, profile: &InstanceProfile, fact: &Key) -> bool {
        let Key { user, database, address, application, .. } = fact.clone();
        let client = Client { user, database, address, application };
        let is_tls = fact.event == "connected" && fact.transport == Some("tls") && !fact.system && fact.cause.is_none();
        is_tls && !self.probed.contains(&profile.arn) && self.policy.ignores(profile, &client).is_none()
    }
}
