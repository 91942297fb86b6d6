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
use crate::verdict::{Change, Command, CommandKind, EffectTime, ReasonCode, Restart, Rotation};
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
    /// Then the instances, most urgent first.
    pub steps: Vec<Step>,
    /// Instances that need nothing, and why.
    pub nothing_to_do: Vec<Untouched>,
    /// At last, when clients have connected again for some days: what to run to see who did not come back.
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
    /// What to run, in its order. A command that an earlier step holds, for the same cluster or parameter group, is
    /// not repeated.
    pub commands: Vec<Command>,
    /// When the rotation among the commands takes effect.
    pub takes_effect: Option<EffectTime>,
    /// Why no command rotates, where none does.
    pub no_rotation: Option<String>,
    /// What shows the certificate that is served afterwards.
    pub verify: Vec<Command>,
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

/// Reasons that tell why nothing rotates yet, the most telling first.
const WAITS: &[ReasonCode] = &[
    ReasonCode::RotationStaged,
    ReasonCode::RotationScheduled,
    ReasonCode::RotationNotOffered,
    ReasonCode::CertificateUnknown,
];

impl Plan {
    /// The plan that follows from a report.
    pub fn of(report: &Report) -> Self {
        let (untouched, touched): (Vec<_>, Vec<_>) =
            report.instances.iter().partition(|instance| instance.rotation == Rotation::Optional);
        // By account, for the same words are another command elsewhere.
        let mut given = BTreeMap::new();
        Self {
            schema: "ssl-usage/plan/v1",
            generated_at: report.generated_at,
            tool_version: report.tool_version,
            window: report.window,
            evidence: report.evidence.clone(),
            trust_stores: touched.iter().filter_map(|instance| trust_stores(instance)).collect(),
            steps: touched.iter().map(|instance| step(instance, &mut given)).collect(),
            nothing_to_do: untouched.into_iter().map(untouched_by).collect(),
            afterwards: vec![
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

fn why(instance: &report::Instance) -> String {
    instance.reasons.first().map(|reason| reason.text.clone()).unwrap_or_default()
}

fn untouched_by(instance: &report::Instance) -> Untouched {
    Untouched { id: instance.id().clone(), why: why(instance) }
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

/// Commands that steps hold so far, and the instance of the step; by account and argument vector.
type Given<'a> = BTreeMap<(&'a str, &'a [String]), &'a str>;

fn step<'a>(instance: &'a report::Instance, given: &mut Given<'a>) -> Step {
    let (mut commands, mut elsewhere) = (Vec::new(), None);
    for command in &instance.commands {
        let key = (instance.id().account.as_str(), command.words.as_slice());
        match given.get(&key) {
            Some(other) if command.kind == CommandKind::Rotate => {
                elsewhere = Some(format!("the step of {other} rotates it as well"))
            }
            Some(_) => {}
            None => {
                given.insert(key, &instance.id().instance);
                commands.push(command.clone());
            }
        }
    }
    let rotation = commands.iter().find(|command| command.kind == CommandKind::Rotate);
    let takes_effect = rotation.map(|command| command.takes_effect);
    let waits = || {
        let told = |code: &ReasonCode| instance.reasons.iter().find(|reason| reason.code == *code);
        let reason = WAITS.iter().find_map(told);
        reason.map_or_else(|| "the next CA is unknown".to_owned(), |reason| reason.text.clone())
    };
    let no_rotation = takes_effect.is_none().then(|| elsewhere.unwrap_or_else(waits));
    Step {
        member: instance.member.clone(),
        engine: instance.engine.clone(),
        rotation: instance.rotation,
        unproven: instance.unproven,
        act_by: instance.act_by,
        restart: instance.restart,
        change: instance.certificate.change,
        ca: instance.certificate.ca.clone(),
        target_ca: instance.certificate.target_ca.clone(),
        why: why(instance),
        commands,
        takes_effect,
        no_rotation,
        verify: instance.verify.iter().cloned().collect(),
    }
}
