//! Preflight: can the question "is TLS used?" be answered today, and if not, what has to be switched on, what does that
//! cost, and when is there an answer? A pure function of the evidence; nothing here is ever run by this tool.

mod judge;
mod probe;
mod table;
mod volume;

pub use probe::ProbeStep;
pub use volume::{Counted, Volume};

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;

use crate::bundle::Evidence;
use crate::enable_logging::{Change, Interruption};
use crate::inventory::{InstanceId, Level, Member};
use crate::problem::{Problem, distinct};
use crate::progress::Progress;
use crate::report::{self, Format, Reader};
use crate::usage;
use crate::verdict::{Policy, conclude_all, examine};
use crate::window::Window;

/// Whether the question can be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// Once something is switched on.
    SwitchOn,
    /// Nobody knows: what would say so could not be asked.
    Unknown,
    /// By no log of this engine or version.
    NotByLogs,
    /// What is needed is on; the evidence only has to be collected.
    Ready,
    /// It is answered.
    Answered,
}

impl Answer {
    /// What a person reads.
    fn title(self) -> &'static str {
        match self {
            Self::SwitchOn => "enable logging",
            Self::Unknown => "unknown",
            Self::NotByLogs => "query sessions",
            Self::Ready => "ready",
            Self::Answered => "answered",
        }
    }
}

/// The JSON Schema of a preflight; [`crate::report::schema::complete`] adds what it shares with reports.
pub const SCHEMA: &str = include_str!("preflight-v1.schema.json");

/// The formats of a preflight.
pub const FORMATS: &[Format<Preflight>] = &[
    Format {
        name: "table",
        help: "For people: what to do, and the commands",
        reader: Reader::Person,
        writer: |all, layout, out| table::write(all, layout.width, &layout.again, out),
    },
    Format::json("For programs: everything"),
];

/// The preflight of a fleet: `ssl-usage/preflight/v1`. The types are the JSON; fields are added, never renamed.
#[derive(Clone, Debug, Serialize)]
pub struct Preflight {
    /// `ssl-usage/preflight/v1`.
    pub schema: &'static str,
    /// As of when: the end of the window.
    pub generated_at: Timestamp,
    /// Version of the tool.
    pub tool_version: &'static str,
    /// The window that is to be judged.
    pub window: Window,
    /// What will be demanded of the evidence.
    pub policy: Policy,
    /// What the answers rest on.
    pub evidence: report::Evidence,
    /// How many instances there are of each answer.
    pub summary: BTreeMap<Answer, u64>,
    /// The instances, those with something to do first.
    pub instances: Vec<Instance>,
    /// What could not be read.
    pub errors: Vec<Problem>,
}

/// The preflight of an instance.
#[derive(Clone, Debug, Serialize)]
pub struct Instance {
    /// The instance, and its cluster.
    #[serde(flatten)]
    pub member: Member,
    /// Engine as AWS names it.
    pub engine: String,
    /// Engine version.
    pub engine_version: String,
    /// What follows.
    #[serde(flatten)]
    pub steps: Steps,
}

/// What is to be done for an answer.
#[derive(Clone, Debug, Serialize)]
pub struct Steps {
    /// Whether the question can be answered.
    pub answer: Answer,
    /// Why, or what is missing.
    pub why: String,
    /// The kind of log that will tell.
    pub log: Option<&'static str>,
    /// What to set.
    pub changes: Vec<Change>,
    /// The log type to export to CloudWatch Logs.
    pub export: Option<&'static str>,
    /// Whether the instance has to be restarted.
    pub restart: bool,
    /// What the commands do to sessions.
    pub interruption: Interruption,
    /// What is or will be written.
    pub volume: Option<Volume>,
    /// When there will be an answer.
    pub wait: Option<Wait>,
    /// What else to know before.
    pub notes: Vec<String>,
    /// What to run, as argument vectors.
    pub commands: Vec<Vec<String>>,
    /// What to run afterwards, to have all as it was.
    pub undo: Vec<Vec<String>>,
    /// The probe of the live sessions that helps today; none if the instance is judged, or its sessions cannot be listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probe: Option<ProbeStep>,
}

/// When there will be an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Wait {
    /// Hours after which there can be one, at the earliest: what the policy demands.
    pub hours: u32,
    /// Hours for which the log is kept; none where it is kept for good.
    pub kept_hours: Option<i64>,
    /// Hours within which it has to be collected again, so that the window is seen; none where once is enough.
    pub collect_every_hours: Option<i64>,
}

/// What the evidence shows of an instance.
#[derive(Clone, Copy, Debug)]
struct Seen {
    /// Whether a log of it was read, or tried to be.
    logs: bool,
    /// Whether a log names clients that use TLS.
    tls_clients: bool,
}

/// Which instances run with a group.
type Users = BTreeMap<(String, String, Level, String), BTreeSet<String>>;

impl Preflight {
    /// What the evidence gives, for a window that is to be judged.
    ///
    /// An instance whose facts cannot be read is looked at without them, and is an entry in `errors`.
    pub fn new(evidence: &Evidence, window: Window, policy: Policy, progress: &dyn Progress) -> Self {
        let mut all = Self::without_instances(window, policy, evidence.errors.clone());
        all.policy.find(evidence.instances.iter().map(|known| &known.profile));
        let users = users(evidence);
        let policy = &all.policy;
        let ignores = |profile: &_, client: &_| policy.ignores(profile, client);
        let least = policy.least_coverage;
        let found = usage::of_each(&evidence.instances, (window, least), ignores, progress, |known, usage, errors| {
            let finding = examine(&known.profile, &usage, policy, window.to);
            let sessions = volume::sessions(&known.profile, &usage, &known.measured().unwrap_or_default(), window);
            let seen = Seen {
                logs: usage.coverage.files + usage.coverage.files_failed > 0,
                tls_clients: usage.connections.tls > 0,
            };
            (finding, (sessions, seen), report::Evidence::new(usage.digest, !usage.unverified), errors)
        });
        let of_each =
            evidence.instances.iter().zip(&found).map(|(known, (_, _, of, _))| (known.profile.arn.as_str(), of));
        all.evidence = report::Evidence::of_all(evidence.is_whole(), of_each);
        let rows = evidence.instances.iter().zip(found.iter().map(|(finding, ..)| finding));
        let (beside, unread) = report::examine_beside(evidence, window, policy);
        let others = evidence.beside.iter().zip(&beside).map(report::examined);
        let verdicts = conclude_all(rows.map(report::examined), others, policy);
        let profiles = evidence.instances.iter().map(|known| &known.profile);
        for ((profile, (_, (sessions, seen), _, errors)), verdict) in profiles.zip(found).zip(verdicts) {
            let mut steps = judge::steps(profile, (&verdict, seen), sessions, (policy, window));
            let member = profile.member();
            steps.probe = probe::step(profile, &verdict, policy);
            steps.notes.extend(shared(&steps, &users, &member.id));
            steps.notes.extend(restarted_by_undo(&steps, &users, &member.id));
            *all.summary.entry(steps.answer).or_default() += 1;
            let (engine, engine_version) = (profile.engine.clone(), profile.engine_version.clone());
            all.instances.push(Instance { member, engine, engine_version, steps });
            all.errors.extend(errors);
        }
        all.errors.extend(unread);
        all.instances.sort_by_cached_key(|row| (row.steps.answer, row.member.id.arn.clone()));
        give_once(&mut all.instances);
        distinct(&mut all.errors);
        all
    }

    /// One that tells of errors alone.
    pub fn without_instances(window: Window, policy: Policy, errors: Vec<Problem>) -> Self {
        Self {
            schema: "ssl-usage/preflight/v1",
            generated_at: window.to,
            tool_version: env!("CARGO_PKG_VERSION"),
            window,
            policy,
            evidence: report::Evidence::new(None, false),
            summary: BTreeMap::new(),
            instances: Vec::new(),
            errors,
        }
    }
}

fn users(evidence: &Evidence) -> Users {
    let mut users = Users::new();
    for profile in evidence.instances.iter().map(|known| &known.profile) {
        for parameter in profile.parameters.values() {
            let group = (profile.account.clone(), profile.region.clone(), parameter.level, parameter.group.clone());
            users.entry(group).or_default().insert(profile.instance.clone());
        }
    }
    users
}

/// The instances that run with the groups of some changes. A change in a new group concerns no other instance.
fn users_of<'u>(steps: &Steps, users: &'u Users, id: &InstanceId, concerns: fn(&Change) -> bool) -> BTreeSet<&'u str> {
    let InstanceId { account, region, .. } = id;
    let changes = steps.changes.iter().filter(|change| change.new_group.is_none() && concerns(change));
    let groups =
        changes.filter_map(|change| users.get(&(account.clone(), region.clone(), change.level, change.group.clone())));
    groups.flatten().map(String::as_str).collect()
}

/// That others have the groups that are changed.
fn shared(steps: &Steps, users: &Users, id: &InstanceId) -> Option<String> {
    let all = users_of(steps, users, id, |_| true);
    let names: Vec<&str> = all.into_iter().filter(|other| *other != id.instance).collect();
    (!names.is_empty())
        .then(|| format!("The change also affects these instances, which share the group: {}.", names.join(", ")))
}

/// That removing an option from a group restarts the instances of the group.
///
/// Source: "MariaDB Audit Plugin support for MySQL" in the RDS user guide.
fn restarted_by_undo(steps: &Steps, users: &Users, id: &InstanceId) -> Option<String> {
    let all = users_of(steps, users, id, Change::adds_option);
    let names: Vec<&str> = all.into_iter().collect();
    (!names.is_empty()).then(|| {
        format!(
            "To undo: removing the audit plugin restarts every instance that shares the option group, in its next \
             maintenance window: {}.",
            names.join(", ")
        )
    })
}

/// Leaves out a command that an earlier instance has too, for the cluster or group that both use: no group is created
/// twice. Waiting and rebooting stay.
fn give_once(instances: &mut [Instance]) {
    let mut given: BTreeMap<(String, Vec<String>), String> = BTreeMap::new();
    for row in instances {
        let id = row.member.id.clone();
        let mut others = BTreeSet::new();
        for commands in [&mut row.steps.commands, &mut row.steps.undo] {
            commands.retain(|command| {
                let key = (id.account.clone(), command.clone());
                match given.get(&key) {
                    Some(other) if *other != id.instance => {
                        others.insert(other.clone());
                        false
                    }
                    _ => {
                        given.insert(key, id.instance.clone());
                        true
                    }
                }
            });
        }
        if !others.is_empty() {
            let names: Vec<_> = others.into_iter().collect();
            let names = names.join(", ");
            row.steps.notes.push(format!(
                "Commands that change a group or cluster for several instances are printed once, with {names}."
            ));
        }
    }
}
