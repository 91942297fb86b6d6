//! Which logs need not be read, because they cannot change a verdict.

use std::fmt::Debug;
use std::sync::Arc;

use crate::bundle::fact::{Key, Tallied};
use crate::inventory::InstanceProfile;
use crate::window::Window;

/// What makes the verdict on an instance certain, whatever the logs that were not read say.
pub trait Certainty: Debug + Send + Sync {
    /// Whether it is certain without any log.
    fn without_logs(&self, profile: &InstanceProfile) -> bool;
    /// Whether a fact of the window makes it certain.
    fn by(&self, profile: &InstanceProfile, fact: &Key) -> bool;
}

/// Logs are read from the newest on, up to the one that makes the verdict certain.
#[derive(Clone, Debug)]
pub struct Quick(pub Arc<dyn Certainty>);

impl Quick {
    /// Whether one of these facts makes the verdict certain.
    pub(super) fn is_certain(&self, profile: &InstanceProfile, window: Window, facts: &[(Key, Tallied)]) -> bool {
        let from = profile.created_at.map_or(window.from, |created| created.max(window.from)).as_microsecond();
        let until = window.to.as_microsecond();
        let is_inside = |tallied: &Tallied| from <= tallied.first_seen && tallied.last_seen < until;
        facts.iter().any(|(fact, tallied)| is_inside(tallied) && self.0.by(profile, fact))
    }
}
