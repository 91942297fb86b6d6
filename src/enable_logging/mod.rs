//! How to enable logging of an instance's sessions: the least expensive log, the settings that it needs, and their
//! commands. A pure function of the instance's settings; `ssl-usage` never runs the commands.

mod commands;
mod need;

pub use commands::{Export, commands};
pub use need::{Change, Needs};

use serde::Serialize;
use ssl_usage_parsers::{Engine, Logs, OPTION};

use crate::inventory::{InstanceProfile, Level};

/// The log to enable, and what it needs. A log that is on comes first, then one that waits for a restart, then one that
/// does not record every statement. None where no log of this version records TLS.
pub fn best(profile: &InstanceProfile, engine: &'static Engine) -> Option<(&'static Logs, Needs)> {
    if !engine.marks_tls(&profile.engine_version) {
        return None;
    }
    let tell = engine.logs.iter().filter(|logs| logs.records_tls && logs.logs_every_session);
    let tell = tell.filter(|logs| profile.multi_az_cluster().is_none() || !needs_option(logs));
    let all = tell.map(|logs| (logs, Needs::of(profile, logs)));
    all.min_by_key(|(logs, needs)| {
        let known = needs.unknown.is_empty();
        (!needs.none(), !known, !needs.changes.is_empty(), logs.bytes_a_session.is_none())
    })
}

/// Whether a log needs an option group, which Multi-AZ DB clusters do not have.
fn needs_option(logs: &Logs) -> bool {
    logs.switches.iter().any(|switch| switch.parameter.starts_with(OPTION))
}

/// What enabling a log does to the sessions of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Interruption {
    /// Nothing.
    None,
    /// It may interrupt them: AWS adds an audit plugin to the instance.
    Possible,
    /// The instance has to be restarted.
    Restart,
}

impl Interruption {
    /// One word for tables.
    pub fn title(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Possible => "possible",
            Self::Restart => "restart",
        }
    }

    /// What stands in a sentence.
    pub fn text(self) -> &'static str {
        match self {
            Self::None => "no restart required",
            Self::Possible => "may cause an outage",
            Self::Restart => "restart required",
        }
    }
}

/// What enabling a log does to the sessions of an instance.
///
/// Source: "MariaDB Audit Plugin support for MySQL" in the RDS user guide: adding the plugin might cause an outage.
pub fn interruption(profile: &InstanceProfile, needs: &Needs) -> Interruption {
    if restart(profile, needs) {
        Interruption::Restart
    } else if needs.changes.iter().any(Change::adds_option) {
        Interruption::Possible
    } else {
        Interruption::None
    }
}

/// Whether the instance has to be restarted: for a static parameter, or for one that is set and not in effect. A new
/// parameter group needs no restart, because its dynamic parameters are changed after it was attached.
///
/// Source: "Associating a DB parameter group with a DB instance" in the RDS user guide.
pub fn restart(profile: &InstanceProfile, needs: &Needs) -> bool {
    let waits = |name: &&str| profile.parameters.get(*name).is_some_and(|known| known.level != Level::Option);
    needs.changes.iter().any(|change| change.is_static) || needs.pending.iter().any(waits)
}
