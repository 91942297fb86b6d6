//! The order of work of a rotation: trust stores first, then instances by urgency, then what to look at afterwards.
//!
//! Nothing here is ever run by this tool: a person reads the plan, and a person or a rotation tool runs it.

mod script;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use crate::clients::{Client, Task, authority_changes, of_instance};
use crate::inventory::{InstanceId, Member};
use crate::problem::Problem;
use crate::report::{self, Format, Reader, Report};
use crate::verdict::{Change, Check, Command, CommandKind, EffectTime, Hold, Restart, Rotation};
use crate::window::Window;

/// The JSON Schema of a plan; [`crate::report::schema::complete`] adds what it shares with reports.
pub const SCHEMA: &str = include_str!("plan-v1.schema.json");

/// The formats of a plan.
pub const FORMATS: &[Format<Plan>] = &[
    Format::json("For rotation tools: everything"),
    Format {
        name: "sh",
        help: "A shell script to review before you run it",
        reader: Reader::Lines,
        writer: |plan, _, out| script::write(plan, out),
    },
];

/// A plan: the types are the JSON. Fields are added, never renamed.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    /// `ssl-usage/plan/v1`.
    pub schema: &'static str,
    /// As of when: the end of the window.
    pub generated_at: Timestamp,
    /// Version of the tool.
    pub tool_version: &'static str,
    /// The window of the evidence.
    pub window: Window,
    /// What the plan rests on.
    pub evidence: report::Evidence,
    /// First of all: the clients that need the new authority, by instance.
    pub trust_stores: Vec<TrustStores>,
    /// Then the instances, most urgent first. Members of a cluster stay together, the writer last. Those that gather evidence
    /// first come after the others.
    pub steps: Vec<Step>,
    /// Instances that need nothing, and why.
    pub nothing_to_do: Vec<Untouched>,
    /// At last, when clients have connected again for some days: what to run to see which certificates are active, and who
    /// did not come back.
    pub afterwards: Vec<Vec<String>>,
    /// What could not be read: the plan lacks it.
    pub errors: Vec<Problem>,
}

/// The clients of an instance that need its new authority, or do not accept the certificate as it is.
#[derive(Clone, Debug, Serialize)]
pub struct TrustStores {
    /// The instance.
    #[serde(flatten)]
    pub id: InstanceId,
    /// The authority that clients must trust; none where it is not known, or where the step says which one is staged.
    pub authority: Option<String>,
    /// The clients.
    pub clients: Vec<Client>,
    /// There may be others that use TLS: no log names all.
    pub may_hide: bool,
}

/// What to do about one instance.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// The instance, in the account whose credentials the commands need, and its cluster.
    #[serde(flatten)]
    pub member: Member,
    /// Engine as AWS names it.
    pub engine: String,
    /// Required or deferrable.
    pub rotation: Rotation,
    /// Required only because nobody can tell.
    pub unproven: bool,
    /// When it must have happened.
    pub act_by: Option<Timestamp>,
    /// When the server certificate or its CA expires, whichever comes first.
    pub expires: Option<Timestamp>,
    /// What it restarts.
    pub restart: Restart,
    /// What it changes.
    pub change: Change,
    /// The authority of today.
    pub ca: Option<String>,
    /// The authority of the next certificate.
    pub target_ca: Option<String>,
    /// Why, in a sentence.
    pub why: String,
    /// What to run now, in its order. A command that an earlier step holds, for the same cluster, is not repeated.
    pub commands: Vec<Command>,
    /// When the rotation among the commands takes effect.
    pub takes_effect: Option<EffectTime>,
    /// When the next maintenance window starts, where that is known.
    pub next_window: Option<Timestamp>,
    /// The latest time to run the commands: then the last maintenance window before the end of the certificate begins.
    pub run_by: Option<Timestamp>,
    /// What to check right before the commands. If an output is not accepted, the step is to be skipped.
    pub checks: Vec<Check>,
    /// Why no command rotates now, where none does.
    pub no_rotation: Option<String>,
    /// Whether that is for the state of the instance, in which AWS rejects the command.
    pub blocked: bool,
    /// The instance whose step rotates this one as well, for they share a cluster or a maintenance action.
    pub rotated_with: Option<String>,
    /// Commands to run once a person has agreed.
    pub held_back: Option<HeldBack>,
    /// What else to know before.
    pub notes: Vec<String>,
    /// What shows the certificate that is served afterwards.
    pub verify: Vec<Command>,
}

/// Commands that a person has to agree to first. `no_rotation` of the step says why.
#[derive(Clone, Debug, Serialize)]
pub struct HeldBack {
    /// Why they are held back.
    pub reason: Hold,
    /// What to run first.
    pub first: Vec<Vec<String>>,
    /// When to run the commands in any case, where evidence is gathered first.
    pub rotate_by: Option<Timestamp>,
    /// Other pending changes that the commands apply, as the API names them.
    pub also_applies: Vec<String>,
    /// The commands.
    pub commands: Vec<Command>,
}

/// An instance that needs nothing.
#[derive(Clone, Debug, Serialize)]
pub struct Untouched {
    /// The instance.
    #[serde(flatten)]
    pub id: InstanceId,
    /// Why, in a sentence.
    pub why: String,
}

impl Plan {
    /// The plan that follows from a report.
    pub fn of(report: &Report) -> Self {
        let (untouched, touched): (Vec<_>, Vec<_>) =
            report.instances.iter().partition(|instance| instance.rotation == Rotation::Optional);
        let least_hours = report.policy.least_window_hours;
        // By account, for the same words are another command elsewhere.
        let mut given = BTreeMap::new();
        Self {
            schema: "ssl-usage/plan/v1",
            generated_at: report.generated_at,
            tool_version: report.tool_version,
            window: report.window,
            evidence: report.evidence.clone(),
            trust_stores: touched.iter().filter_map(|instance| trust_stores(instance)).collect(),
            steps: in_order(touched).into_iter().map(|instance| step(instance, least_hours, &mut given)).collect(),
            nothing_to_do: untouched.into_iter().map(untouched_by).collect(),
            afterwards: vec![
                words(&["ssl-usage", "probe", "--certificates"]),
                words(&["ssl-usage", "analyze", "--format", "json", "-o", "after.json"]),
                words(&["ssl-usage", "diff", "before.json", "after.json"]),
            ],
            errors: report.errors.clone(),
        }
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn why_of(instance: &report::Instance) -> String {
    instance.reasons.first().map(|reason| reason.text.clone()).unwrap_or_default()
}

fn untouched_by(instance: &report::Instance) -> Untouched {
    Untouched { id: instance.id().clone(), why: why_of(instance) }
}

fn trust_stores(instance: &report::Instance) -> Option<TrustStores> {
    let needs = |client: &Client| {
        [Task::AcceptCertificate, Task::UpdateTrustStore].iter().any(|task| client.tasks.contains(task))
    };
    let clients: Vec<_> = of_instance(instance).into_iter().filter(needs).collect();
    let may_hide = authority_changes(instance) && instance.clients_incomplete;
    let staged = instance.certificate.change != Change::Root && authority_changes(instance);
    (may_hide || !clients.is_empty()).then(|| TrustStores {
        id: instance.id().clone(),
        authority: instance.certificate.target_ca.clone().filter(|_| !staged),
        clients,
        may_hide,
    })
}

/// The instances in the order in which to rotate them, from the order of their urgency. Members of a cluster stay together,
/// the writer last. Those that gather evidence first come after the others.
fn in_order(instances: Vec<&report::Instance>) -> Vec<&report::Instance> {
    let group = |instance: &report::Instance| {
        let id = instance.id();
        match (instance.procedure.role, instance.cluster()) {
            (Some(_), Some(cluster)) => (id.account.clone(), id.region.clone(), cluster.to_owned()),
            _ => (id.arn.clone(), String::new(), String::new()),
        }
    };
    // Of each group: whether it waits for evidence, and its most urgent member.
    let mut groups = BTreeMap::new();
    for (urgency, instance) in instances.iter().enumerate() {
        let gathers = instance.procedure.rotate_without_evidence_by.is_some();
        let (all_gather, _) = groups.entry(group(instance)).or_insert((true, urgency));
        *all_gather &= gathers;
    }
    let mut ordered: Vec<_> = instances.into_iter().enumerate().collect();
    ordered.sort_by_cached_key(|(urgency, instance)| {
        (groups.get(&group(instance)).copied(), instance.procedure.role, *urgency)
    });
    ordered.into_iter().map(|(_, instance)| instance).collect()
}

/// Commands that steps hold so far, and the instance of the step; by account and argument vector.
type Given<'a> = BTreeMap<(&'a str, &'a [String]), &'a str>;

fn step<'a>(instance: &'a report::Instance, least_hours: u32, given: &mut Given<'a>) -> Step {
    let procedure = &instance.procedure;
    let held = procedure.held_back.as_ref();
    let (mut commands, mut rotated_with) = (Vec::new(), None);
    for command in instance.commands.iter().chain(held.into_iter().flat_map(|held| &held.commands)) {
        let key = (instance.id().account.as_str(), command.words.as_slice());
        match given.get(&key) {
            Some(other) => rotated_with = Some((*other).to_owned()),
            None => {
                given.insert(key, &instance.id().instance);
                commands.push(command.clone());
            }
        }
    }
    let rotation = commands.iter().find(|command| command.kind == CommandKind::Rotate);
    let takes_effect = rotation.map(|command| command.takes_effect);
    let (reason, why) = match (held, procedure.rotate_without_evidence_by) {
        (Some(held), _) => (Some(held.hold), Some(held.why.clone())),
        (None, Some(by)) => (Some(Hold::GatherEvidence), Some(gather_evidence(by, least_hours))),
        (None, None) => (None, procedure.no_rotation.clone()),
    };
    let held_back = reason.filter(|_| takes_effect.is_some()).map(|reason| HeldBack {
        reason,
        first: first_commands(reason, instance.id()),
        rotate_by: procedure.rotate_without_evidence_by,
        also_applies: held.map(|held| held.also_applies.clone()).unwrap_or_default(),
        commands: commands.clone(),
    });
    if held_back.is_some() {
        commands.clear();
    }
    let takes_effect = takes_effect.filter(|_| held_back.is_none());
    let acts = takes_effect.is_some() || held_back.is_some();
    let elsewhere = rotated_with.as_ref().map(|other| format!("the step of {other} rotates it as well"));
    let certificate = &instance.certificate;
    Step {
        member: instance.member.clone(),
        engine: instance.engine.clone(),
        rotation: instance.rotation,
        unproven: instance.unproven,
        act_by: instance.act_by,
        expires: [certificate.valid_till, certificate.ca_valid_till].into_iter().flatten().min(),
        restart: instance.restart,
        change: certificate.change,
        ca: certificate.ca.clone(),
        target_ca: certificate.target_ca.clone(),
        why: why_of(instance),
        commands,
        takes_effect,
        next_window: procedure.next_window,
        run_by: procedure.run_by.filter(|_| acts),
        checks: if acts { procedure.checks.clone() } else { Vec::new() },
        no_rotation: elsewhere.or(why).filter(|_| takes_effect.is_none()),
        blocked: procedure.is_blocked,
        rotated_with,
        held_back,
        notes: procedure.notes.clone(),
        verify: instance.verify.iter().cloned().collect(),
    }
}

fn gather_evidence(by: Timestamp, least_hours: u32) -> String {
    format!(
        "the CA changes, and it is unknown whether clients use TLS. Gather evidence first: enable logging, wait at least \
         {least_hours} h, better a full cycle of your jobs, and plan again. Rotate by {} in any case.",
        by.strftime("%Y-%m-%d")
    )
}

/// What to run before commands that are held back: it gathers evidence, or lists the clients to prepare.
fn first_commands(reason: Hold, id: &InstanceId) -> Vec<Vec<String>> {
    let commands: &[&[&str]] = match reason {
        Hold::GatherEvidence => &[&["preflight"], &["plan"]],
        Hold::ChangeCa => &[&["clients", "--tls"]],
        Hold::PendingChanges | Hold::Restart | Hold::RestartNow => &[],
    };
    let of = ["--region", &id.region, "--instance", &id.instance];
    commands.iter().map(|command| words(&[&["ssl-usage"], *command, &of[..]].concat())).collect()
}
