//! How a rotation is carried out: the command to run, or why there is none, and what to know before.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::timing::{When, date, minute, when};
use super::{Case, Command, CommandKind, EffectTime, describe};
use crate::inventory::{ACCEPT_CHANGES, ClusterRole};
use crate::verdict::words::words;
use crate::verdict::{Change, ReasonCode, Restart, Rotation, UsageVerdict, served};

/// How a rotation is carried out, besides its command. Plans show it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Procedure {
    /// Why no command rotates the certificate now.
    pub no_rotation: Option<String>,
    /// Whether AWS would reject the command in the state of the instance.
    pub is_blocked: bool,
    /// The command to run once a person has agreed.
    pub held_back: Option<HeldBack>,
    /// When the next maintenance window starts.
    pub next_window: Option<Timestamp>,
    /// The latest time to run a command that takes effect in the maintenance window.
    pub run_by: Option<Timestamp>,
    /// If evidence is to be gathered first: when to rotate without it.
    pub rotate_without_evidence_by: Option<Timestamp>,
    /// Its role in a cluster whose members have a certificate each.
    pub role: Option<ClusterRole>,
    /// What to check right before the command.
    pub checks: Vec<Check>,
    /// What else to know before.
    pub notes: Vec<String>,
}

/// What to check right before a command, because it may have changed since the inventory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What the command shows.
    pub shows: &'static str,
    /// The command that shows it.
    pub command: Command,
    /// The outputs with which to go on, without white space around them.
    pub accepts: &'static [&'static str],
}

/// Why a person has to agree to a command first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// It is unknown whether clients use TLS, and there is time to find out.
    GatherEvidence,
    /// It applies other pending changes too.
    PendingChanges,
    /// It restarts a cluster whose rotation is not urgent.
    Restart,
    /// It restarts the instance at once, and not in its maintenance window.
    RestartNow,
    /// It rotates to another CA, because AWS does not rotate to the same one.
    ChangeCa,
}

words!(
    Hold: GatherEvidence = "gather-evidence", PendingChanges = "pending-changes", Restart = "restart",
    RestartNow = "restart-now", ChangeCa = "change-ca"
);

/// Commands that a person has to agree to first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldBack {
    /// Why.
    pub hold: Hold,
    /// Why, in a sentence.
    pub why: String,
    /// Other pending changes that it applies, as the API names them.
    pub also_applies: Vec<String>,
    /// The commands, in their order.
    pub commands: Vec<Command>,
}

/// What to run now.
pub(super) enum Decision {
    /// A command that rotates.
    Run(Command),
    /// A command that a person has to agree to first, and why.
    Hold(Hold, String, Command),
    /// Nothing, and why.
    Nothing(String),
}

/// Days that gathering evidence may take: the time to enable logging, and a full cycle of most jobs.
const EVIDENCE: SignedDuration = SignedDuration::from_hours(14 * 24);

/// Time that is kept between the date to rotate without evidence and the last chance: one more maintenance window.
const SPARE: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The commands for an instance that needs a rotation, and its procedure.
pub(super) fn of(case: &Case<'_>) -> (Vec<Command>, Procedure) {
    let profile = case.profile;
    let mut procedure = Procedure {
        next_window: profile.next_maintenance(case.now),
        role: profile.cluster_role.filter(|_| profile.multi_az_cluster().is_none()),
        is_blocked: profile.before_changes().is_some(),
        ..Procedure::default()
    };
    let mut commands = Vec::new();
    match decide(case, &mut procedure) {
        Decision::Run(command) => {
            procedure.notes.extend(applied_too(case, command.takes_effect));
            procedure.checks = checks(case, &command, true);
            commands.push(command);
        }
        Decision::Hold(hold, why, command) => {
            let applies_pending = applies_immediately(&command) && !profile.pending_changes.is_empty();
            let also_applies = if applies_pending { profile.pending_changes.clone() } else { Vec::new() };
            procedure.notes.extend(applied_too(case, command.takes_effect));
            procedure.checks = checks(case, &command, hold != Hold::PendingChanges);
            let restarts_now = command.takes_effect == EffectTime::AtOnce && case.outlook.restart == Restart::Instance;
            let wait = (restarts_now && procedure.role.is_some()).then(|| wait(case));
            let commands = std::iter::once(command).chain(wait).collect();
            procedure.held_back = Some(HeldBack { hold, why, also_applies, commands });
        }
        Decision::Nothing(why) => procedure.no_rotation = Some(why),
    }
    if !commands.is_empty() {
        procedure.rotate_without_evidence_by = rotate_without_evidence_by(case, procedure.run_by);
    }
    procedure.notes.extend(around(case));
    (commands, procedure)
}

fn decide(case: &Case<'_>, procedure: &mut Procedure) -> Decision {
    let Case { profile, outlook, rotation, .. } = case;
    if profile.is_custom() {
        let why = "AWS's CA settings do not apply to RDS Custom. Replace the certificate on its host.";
        return Decision::Nothing(why.to_owned());
    }
    if let Some(first) = profile.before_changes() {
        let why = format!("AWS rejects the command while the instance is {}. First: {first}.", profile.status);
        return Decision::Nothing(why);
    }
    if let Some(staged) =
        profile.certificate.pending_ca.as_deref().filter(|ca| Some(*ca) != profile.certificate.ca.as_deref())
    {
        return of_staged(case, staged, procedure);
    }
    if let Some(why) = served::not_active(profile) {
        let words = ["reboot-db-instance", "--db-instance-identifier", profile.instance.as_str()];
        return Decision::Hold(
            Hold::RestartNow,
            format!("{why}.{RESTARTS_NOW}"),
            case.rotate(&words, EffectTime::AtOnce),
        );
    }
    match (outlook.change, outlook.target.as_deref()) {
        (Change::Server, _) => of_same_ca(case, procedure),
        (Change::Root, None) => Decision::Nothing("the next CA is unknown".to_owned()),
        (Change::Root, Some(target)) if *rotation == Rotation::Deferrable => deferrable(case, target, procedure),
        (Change::Root, Some(target)) => required(case, target, procedure),
    }
}

/// A new CA where clients use TLS, or may.
fn required(case: &Case<'_>, ca: &str, procedure: &mut Procedure) -> Decision {
    match when(case) {
        When::InWindow { run_by, caution } => {
            procedure.run_by = run_by;
            procedure.notes.extend(caution);
            Decision::Run(case.set_ca(ca, &["--no-apply-immediately"], EffectTime::InMaintenanceWindow))
        }
        When::Now(why) => now(case, ca, &why, procedure),
    }
}

/// A CA that cannot wait for the maintenance window.
///
/// `--apply-immediately` applies all that is pending. Source: `ApplyImmediately` of `ModifyDBInstance`.
fn now(case: &Case<'_>, ca: &str, why: &str, procedure: &mut Procedure) -> Decision {
    let command = case.set_ca(ca, &["--apply-immediately"], EffectTime::AtOnce);
    let pending = &case.profile.pending_changes;
    if pending.is_empty() {
        return at_once(case, command, why, procedure);
    }
    let restart = if case.outlook.restart == Restart::Instance { RESTARTS_NOW } else { "" };
    let why = format!(
        "The rotation cannot wait: {why}. --apply-immediately also applies the other pending changes ({}). Review them first.{restart}",
        pending.join(", ")
    );
    Decision::Hold(Hold::PendingChanges, why, command)
}

/// What a command does that restarts the instance at once.
const RESTARTS_NOW: &str = " The command restarts the instance at once, which interrupts all its clients.";

/// A command that takes effect at once: one that restarts the instance needs consent.
fn at_once(case: &Case<'_>, command: Command, why: &str, procedure: &mut Procedure) -> Decision {
    if case.outlook.restart == Restart::Instance {
        return Decision::Hold(Hold::RestartNow, format!("The rotation cannot wait: {why}.{RESTARTS_NOW}"), command);
    }
    procedure.notes.push(format!("It is applied immediately: {why}."));
    Decision::Run(command)
}

/// A new CA where no client uses TLS: nothing is applied immediately, and nothing restarts for it.
///
/// Source: `CertificateRotationRestart` of `ModifyDBInstance`; `ModifyDBCluster` has no such option.
fn deferrable(case: &Case<'_>, ca: &str, procedure: &mut Procedure) -> Decision {
    if let When::Now(why) = when(case) {
        procedure
            .notes
            .push(format!("No client is known to use TLS, so it is not applied immediately, although {why}."));
    }
    if case.outlook.restart != Restart::Instance {
        return Decision::Run(case.set_ca(ca, &["--no-apply-immediately"], EffectTime::InMaintenanceWindow));
    }
    if case.profile.multi_az_cluster().is_some() {
        let command = case.set_ca(ca, &["--no-apply-immediately"], EffectTime::InMaintenanceWindow);
        let why = "AWS cannot stage the certificate of a Multi-AZ DB cluster. The command restarts the cluster in its \
                   maintenance window."
            .to_owned();
        return Decision::Hold(Hold::Restart, why, command);
    }
    let how = ["--no-certificate-rotation-restart", "--no-apply-immediately"];
    Decision::Run(case.set_ca(ca, &how, EffectTime::AtNextRestart))
}

/// Another CA is staged already. The command is not given again, unless it comes too late as it is.
fn of_staged(case: &Case<'_>, ca: &str, procedure: &mut Procedure) -> Decision {
    let required = case.rotation == Rotation::Required;
    let late = match when(case) {
        When::Now(why) if required => Some(why),
        _ => None,
    };
    let window = case.profile.next_maintenance(case.now);
    let window = window.map_or_else(String::new, |start| format!(" ({})", minute(start)));
    match (case.outlook.restart, late) {
        (Restart::Instance, late) => {
            let urgent = match (late, case.outlook.act_by) {
                (Some(why), _) => format!(" That cannot wait: {why}. Restart the instance now."),
                (None, Some(by)) if required => format!(" Restart the instance before {}.", date(by)),
                (None, _) => String::new(),
            };
            Decision::Nothing(format!(
                "{ca} is staged. It becomes active at the next restart, planned or not, which may be in the next \
                 maintenance window{window}.{urgent}"
            ))
        }
        (_, Some(why)) => now(case, ca, &why, procedure),
        (_, None) => {
            Decision::Nothing(format!("{ca} is staged. It becomes active in the next maintenance window{window}."))
        }
    }
}

/// The same CA signs the next certificate: AWS's maintenance action rotates, and there is no command until AWS offers one.
///
/// Source: `ApplyPendingMaintenanceAction` in the API reference; "An opt-in request of type immediate can't be undone".
fn of_same_ca(case: &Case<'_>, procedure: &mut Procedure) -> Decision {
    let Some(action) = case.profile.pending.first() else { return not_offered(case, procedure) };
    if case.rotation == Rotation::Deferrable {
        let by = [action.current_apply, action.forced_apply, action.auto_applied_after].into_iter().flatten().min();
        let by = by.map_or_else(String::new, |by| format!(" on {}", date(by)));
        let why = format!(
            "AWS applies {} by itself{by}. No client is known to use TLS, so there is no hurry.",
            action.action
        );
        return Decision::Nothing(why);
    }
    let resource = action.resource.as_deref().unwrap_or(&case.profile.arn);
    let words = ["apply-pending-maintenance-action", "--resource-identifier", resource];
    let apply = |opt_in, takes_effect| {
        let how = ["--apply-action", &action.action, "--opt-in-type", opt_in];
        case.rotate(&[&words[..], &how[..]].concat(), takes_effect)
    };
    match when(case) {
        When::InWindow { run_by, caution } => {
            procedure.run_by = run_by;
            procedure.notes.extend(caution);
            Decision::Run(apply("next-maintenance", EffectTime::InMaintenanceWindow))
        }
        When::Now(why) => at_once(case, apply("immediate", EffectTime::AtOnce), &why, procedure),
    }
}

/// The reasons of a verdict that say why AWS does not rotate to the same CA, and when to look again.
const NOT_OFFERED: [ReasonCode; 2] = [ReasonCode::RotationNotOffered, ReasonCode::RenewalOverdue];

/// Where AWS does not offer a rotation: what the verdict says of it. An overdue one can be replaced by one to another CA.
fn not_offered(case: &Case<'_>, procedure: &mut Procedure) -> Decision {
    let Some(reason) = case.outlook.reasons.iter().find(|reason| NOT_OFFERED.contains(&reason.code)) else {
        let why = "the CA stays the same, and no rotation that AWS offers is known. Resolve the first reason of the \
                   verdict, then plan again.";
        return Decision::Nothing(why.to_owned());
    };
    let Some(ca) = other_ca(case).filter(|_| reason.code == ReasonCode::RenewalOverdue) else {
        return Decision::Nothing(reason.text.clone());
    };
    let changed = match case.rotation {
        Rotation::Deferrable => deferrable(case, ca, procedure),
        Rotation::Required | Rotation::Optional => required(case, ca, procedure),
    };
    let (also, command) = match changed {
        Decision::Run(command) => (String::new(), command),
        Decision::Hold(_, why, command) => (format!(" {why}"), command),
        Decision::Nothing(why) => return Decision::Nothing(why),
    };
    let why = format!(
        "{} The command rotates to {ca}. Clients that verify the certificate need this CA in their trust store first.{also}",
        reason.text
    );
    Decision::Hold(Hold::ChangeCa, why, command)
}

/// Another CA than that of today, which outlasts the certificate.
fn other_ca<'a>(case: &Case<'a>) -> Option<&'a str> {
    let certificate = &case.profile.certificate;
    let outlasts = certificate.target_ca_valid_till.zip(certificate.valid_till).is_some_and(|(ca, own)| ca > own);
    certificate.target_ca.as_deref().filter(|ca| outlasts && Some(*ca) != certificate.ca.as_deref())
}

/// When to rotate without evidence, where it is gathered first: the CA changes, it is unknown whether clients use TLS, and
/// there is time.
fn rotate_without_evidence_by(case: &Case<'_>, run_by: Option<Timestamp>) -> Option<Timestamp> {
    let unknown = case.rotation == Rotation::Required && case.usage == UsageVerdict::Undetermined;
    if !unknown || case.outlook.change != Change::Root {
        return None;
    }
    let last = run_by.or_else(|| case.end())?.checked_sub(SPARE).ok()?;
    (last.duration_since(case.now) > EVIDENCE).then_some(last)
}

/// Other pending changes, which the maintenance window applies too.
fn applied_too(case: &Case<'_>, takes_effect: EffectTime) -> Option<String> {
    let pending = case.profile.pending_changes.join(", ");
    (!pending.is_empty() && takes_effect != EffectTime::AtOnce)
        .then(|| format!("Other changes are pending. The maintenance window applies them too: {pending}."))
}

/// What depends on the instance, besides its own clients.
fn around(case: &Case<'_>) -> Vec<String> {
    let profile = case.profile;
    let order = match profile.cluster_role.filter(|_| profile.multi_az_cluster().is_none()) {
        Some(ClusterRole::Writer) if !profile.cluster_siblings.is_empty() => {
            let readers = profile.cluster_siblings.join(", ");
            Some(format!("This is the writer of its cluster. Rotate its readers first ({readers})."))
        }
        _ => None,
    };
    let list = |names: &[String], text: &str| (!names.is_empty()).then(|| format!("{text}: {}.", names.join(", ")));
    let endpoints = list(&profile.custom_endpoints, "Clients also connect through the custom endpoints of the cluster");
    let global = list(
        &profile.global_members,
        "The other clusters of its global cluster have certificates of their own. Rotate them too",
    );
    [order, endpoints, global].into_iter().flatten().collect()
}

/// The state of what a command modifies. With `nothing_else`, that no other change is pending, if it would be applied too.
fn checks(case: &Case<'_>, command: &Command, nothing_else: bool) -> Vec<Check> {
    const INSTANCE: [&str; 2] = [
        "DBInstances[0].DBInstanceStatus",
        "keys(DBInstances[0].PendingModifiedValues || `{}`)[?@ != 'CACertificateIdentifier']",
    ];
    const CLUSTER: [&str; 2] =
        ["DBClusters[0].Status", "keys(DBClusters[0].PendingModifiedValues || `{}`)[?@ != 'CertificateDetails']"];
    let cluster = case.profile.multi_az_cluster();
    let [status, pending] = if cluster.is_some() { CLUSTER } else { INSTANCE };
    let check = |shows, query, accepts| Check { shows, command: describe(case.profile, cluster, query), accepts };
    let applies_all = nothing_else && applies_immediately(command);
    let pending = applies_all.then(|| check("other pending changes", pending, &[""]));
    std::iter::once(check("status", status, ACCEPT_CHANGES)).chain(pending).collect()
}

/// Whether a command applies all that is pending.
fn applies_immediately(command: &Command) -> bool {
    command.words.iter().any(|word| word == "--apply-immediately")
}

fn wait(case: &Case<'_>) -> Command {
    let words = ["wait", "db-instance-available", "--db-instance-identifier", &case.profile.instance];
    Command::rds(CommandKind::Wait, EffectTime::AtOnce, &case.profile.region, &words)
}
