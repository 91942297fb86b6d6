//! The order of work of a rotation: trust stores first, then instances by urgency, then what to look at afterwards.
//!
//! Nothing here is ever run by this tool: a person reads the plan, and a person or a rotation tool runs it.

mod script;

use std::collections::BTreeMap;
use std::io::{self, Write};

use jiff::Timestamp;
use serde::Serialize;

use crate::clients::{Client, Task, authority_changes, may_hide, of_instance};
use crate::problem::Problem;
use crate::report::{self, Report};
use crate::window::Window;

/// How a plan is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For rotation tools: everything.
    Json,
    /// A shell script, to be read by a person before it is run.
    Sh,
}

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
    /// Account number.
    pub account: String,
    /// Region.
    pub region: String,
    /// `DBInstanceIdentifier`.
    pub instance: String,
    /// Amazon Resource Name.
    pub arn: String,
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
    /// Account number: whose credentials the commands need.
    pub account: String,
    /// Region.
    pub region: String,
    /// `DBInstanceIdentifier`.
    pub instance: String,
    /// `DBClusterIdentifier`, of a member of a cluster.
    pub cluster: Option<String>,
    /// Amazon Resource Name.
    pub arn: String,
    /// Engine as AWS names it.
    pub engine: String,
    /// `required` or `deferrable`.
    pub rotation: String,
    /// Required only because nobody can tell.
    pub unproven: bool,
    /// When it must have happened.
    pub act_by: Option<Timestamp>,
    /// `none`, `listener` or `instance`: what it costs.
    pub restart: String,
    /// `root` or `server`: what it changes.
    pub change: String,
    /// The authority of today.
    pub ca: Option<String>,
    /// The authority of the next certificate.
    pub target_ca: Option<String>,
    /// Why, in a sentence.
    pub why: String,
    /// Argument vectors, in their order. A command that an earlier step holds, for the same cluster or parameter group, is
    /// not repeated.
    pub commands: Vec<Vec<String>>,
    /// When the rotation among the commands takes effect.
    pub takes_effect: Option<Effect>,
    /// Why no command rotates, where none does.
    pub no_rotation: Option<String>,
    /// Argument vectors that show what the instance serves afterwards.
    pub verify: Vec<Vec<String>>,
}

/// When a rotation takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// When the command is run.
    AtOnce,
    /// In the next maintenance window.
    InMaintenanceWindow,
    /// It is put in place at once, and becomes active at the next restart, planned or not.
    AtNextRestart,
}

/// An instance that needs nothing.
#[derive(Clone, Debug, Serialize)]
pub struct Untouched {
    /// Account number.
    pub account: String,
    /// Region.
    pub region: String,
    /// `DBInstanceIdentifier`.
    pub instance: String,
    /// Amazon Resource Name.
    pub arn: String,
    /// Why, in a sentence.
    pub why: String,
}

/// Calls that rotate.
const ROTATE: &[&str] = &["modify-db-instance", "modify-db-cluster", "apply-pending-maintenance-action"];

/// Reasons that tell why nothing rotates yet, the most telling first.
const WAITS: &[&str] = &["rotation-staged", "rotation-scheduled", "rotation-not-offered", "certificate-unknown"];

impl Plan {
    /// The plan that follows from a report.
    pub fn of(report: &Report) -> Self {
        let (untouched, touched): (Vec<_>, Vec<_>) =
            report.instances.iter().partition(|instance| instance.rotation == "optional");
        // By account, for the same words are another command elsewhere.
        let mut given = BTreeMap::new();
        Self {
            schema: "ssl-usage/plan/v1",
            generated_at: report.generated_at,
            tool_version: report.tool_version,
            window: report.window,
            evidence: report.evidence.clone(),
            trust_stores: touched.iter().filter_map(|instance| trust_stores(report, instance)).collect(),
            steps: touched.iter().map(|instance| step(instance, &mut given)).collect(),
            nothing_to_do: untouched.into_iter().map(untouched_by).collect(),
            afterwards: vec![
                words(&["ssl-usage", "analyze", "--format", "json", "-o", "after.json"]),
                words(&["ssl-usage", "diff", "before.json", "after.json"]),
            ],
            errors: report.errors.clone(),
        }
    }

    /// Prints the plan.
    ///
    /// # Errors
    ///
    /// When `out` cannot be written.
    pub fn write(&self, format: Format, out: &mut dyn Write) -> io::Result<()> {
        match format {
            Format::Json => {
                serde_json::to_writer_pretty(&mut *out, self)?;
                writeln!(out)
            }
            Format::Sh => script::write(self, out),
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
    Untouched {
        account: instance.account.clone(),
        region: instance.region.clone(),
        instance: instance.instance.clone(),
        arn: instance.arn.clone(),
        why: why(instance),
    }
}

fn trust_stores(report: &Report, instance: &report::Instance) -> Option<TrustStores> {
    let needs = |client: &Client| {
        [Task::AcceptCertificate, Task::UpdateTrustStore].iter().any(|task| client.tasks.contains(task))
    };
    let clients: Vec<_> = of_instance(instance).into_iter().filter(needs).collect();
    let may_hide = authority_changes(instance) && may_hide(report, instance);
    let staged = instance.certificate.change != "root" && authority_changes(instance);
    (may_hide || !clients.is_empty()).then(|| TrustStores {
        account: instance.account.clone(),
        region: instance.region.clone(),
        instance: instance.instance.clone(),
        arn: instance.arn.clone(),
        authority: instance.certificate.target_ca.clone().filter(|_| !staged),
        clients,
        may_hide,
    })
}

/// The call of a command of the AWS command line.
fn call(command: &[String]) -> Option<&str> {
    command.iter().skip_while(|word| *word != "rds").nth(1).map(String::as_str)
}

fn rotates(command: &[String]) -> bool {
    call(command).is_some_and(|call| ROTATE.contains(&call))
}

fn effect(command: &[String]) -> Effect {
    let says = |option: &str| command.iter().any(|word| word == option);
    if says("--no-certificate-rotation-restart") {
        Effect::AtNextRestart
    } else if says("--no-apply-immediately") || says("next-maintenance") {
        Effect::InMaintenanceWindow
    } else {
        Effect::AtOnce
    }
}

/// Commands that steps hold so far, and the instance of the step; by account and argument vector.
type Given<'a> = BTreeMap<(&'a str, &'a [String]), &'a str>;

fn step<'a>(instance: &'a report::Instance, given: &mut Given<'a>) -> Step {
    let (mut commands, mut elsewhere) = (Vec::new(), None);
    for command in &instance.commands {
        let key = (instance.account.as_str(), command.as_slice());
        match given.get(&key) {
            Some(other) if rotates(command) => elsewhere = Some(format!("the step of {other} rotates it as well")),
            Some(_) => {}
            None => {
                given.insert(key, &instance.instance);
                commands.push(command.clone());
            }
        }
    }
    let takes_effect = commands.iter().find(|command| rotates(command)).map(|command| effect(command));
    let waits = || {
        let told = |code: &&str| instance.reasons.iter().find(|reason| reason.code == *code);
        let reason = WAITS.iter().find_map(told);
        reason.map_or_else(|| "the next CA is unknown".to_owned(), |reason| reason.text.clone())
    };
    let no_rotation = takes_effect.is_none().then(|| elsewhere.unwrap_or_else(waits));
    Step {
        account: instance.account.clone(),
        region: instance.region.clone(),
        instance: instance.instance.clone(),
        cluster: instance.cluster.clone(),
        arn: instance.arn.clone(),
        engine: instance.engine.clone(),
        rotation: instance.rotation.to_string(),
        unproven: instance.unproven,
        act_by: instance.act_by,
        restart: instance.restart.to_string(),
        change: instance.certificate.change.to_string(),
        ca: instance.certificate.ca.clone(),
        target_ca: instance.certificate.target_ca.clone(),
        why: why(instance),
        commands,
        takes_effect,
        no_rotation,
        verify: vec![verify(instance)],
    }
}

/// What shows the certificate that is served; one certificate serves a whole Multi-AZ DB cluster.
fn verify(instance: &report::Instance) -> Vec<String> {
    const INSTANCE: &str = "DBInstances[].[DBInstanceIdentifier,CertificateDetails.CAIdentifier,\
        CertificateDetails.ValidTill,PendingModifiedValues.CACertificateIdentifier]";
    const CLUSTER: &str =
        "DBClusters[].[DBClusterIdentifier,CertificateDetails.CAIdentifier,CertificateDetails.ValidTill]";
    let by_cluster = instance.commands.iter().any(|command| call(command) == Some("modify-db-cluster"));
    let cluster = instance.cluster.as_deref().filter(|_| by_cluster);
    let (call, of, name, query) = match cluster {
        Some(cluster) => ("describe-db-clusters", "--db-cluster-identifier", cluster, CLUSTER),
        None => ("describe-db-instances", "--db-instance-identifier", instance.instance.as_str(), INSTANCE),
    };
    words(&["aws", "--region", &instance.region, "rds", call, of, name, "--query", query, "--output", "text"])
}
