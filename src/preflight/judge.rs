//! Whether an instance can be judged: by the verdict of the evidence so far, and by what is missing for one.

use jiff::Timestamp;
use ssl_usage_parsers::{Engine, Logs, Retention, TlsSwitch};

use super::volume::{Sessions, Volume};
use super::{Answer, Seen, Steps, Wait};
use crate::enable_logging::{self, Change, Export, Interruption, Needs};
use crate::inventory::{InstanceProfile, Level};
use crate::verdict::{Effect, Policy, Reason, ReasonCode, Rotation, UsageVerdict, Verdict, ask_live};
use crate::window::Window;

/// Minutes for which a log must be kept so that hourly collections miss nothing.
const LEAST_KEPT: i64 = 120;

impl Steps {
    fn only(answer: Answer, why: String) -> Self {
        Self {
            answer,
            why,
            log: None,
            changes: Vec::new(),
            export: None,
            restart: false,
            interruption: Interruption::None,
            volume: None,
            wait: None,
            notes: Vec::new(),
            commands: Vec::new(),
            undo: Vec::new(),
            probe: None,
        }
    }
}

/// Reasons that no log can resolve.
const BY_OTHER_MEANS: [ReasonCode; 2] = [ReasonCode::RdsCustom, ReasonCode::LimitlessDatabase];

/// Reasons by which nothing has to be rotated, whatever the logs show.
const ANSWERED: [ReasonCode; 2] = [ReasonCode::CertificateElsewhere, ReasonCode::ClusterWithoutInstances];

/// The steps to a verdict on an instance, or to its clients.
pub(super) fn steps(
    profile: &InstanceProfile,
    (verdict, seen): (&Verdict, Seen),
    sessions: Sessions,
    (policy, window): (&Policy, Window),
) -> Steps {
    let is_hidden = hides_clients(profile, verdict, seen);
    if let Some(why) = answered(verdict).filter(|_| !is_hidden) {
        return Steps::only(Answer::Answered, why);
    }
    let by_nothing = |reason: &&Reason| BY_OTHER_MEANS.contains(&reason.code);
    if let Some(reason) = verdict.reasons.iter().find(by_nothing) {
        return Steps::only(Answer::NotByLogs, reason.text.clone());
    }
    // Before the first collection, unread logs are no finding.
    let why = || match verdict.reasons.first() {
        Some(reason) if seen.logs => reason.text.clone(),
        _ => "sessions are logged. `ssl-usage analyze` reads and judges the logs".to_owned(),
    };
    let Some(engine) = profile.known_engine() else {
        let text = format!("this version of ssl-usage does not support the engine {}", profile.engine);
        return Steps::only(Answer::Unknown, text);
    };
    let Some((logs, needs)) = enable_logging::best(profile, engine) else {
        return by_no_log(profile, engine);
    };
    if let Some(parameter) = needs.unknown.first() {
        return Steps::only(Answer::Unknown, profile.why_unknown(parameter));
    }
    let on = needs.none();
    let restart = enable_logging::restart(profile, &needs);
    let interruption = enable_logging::interruption(profile, &needs);
    let exported = is_exported(profile, logs);
    let kept = kept(profile, logs);
    let is_short = kept < LEAST_KEPT;
    let export = export(profile, logs, !exported && (!logs.available_as_file || is_short));
    let exported = exported || export.is_some();
    let kept_hours = (!exported).then_some(kept / 60);
    let wanted = window.length().as_hours();
    let every = kept_hours.filter(|_| !is_short).filter(|hours| *hours < wanted).map(|hours| hours / 2);
    let wait = Wait { hours: policy.least_window_hours, kept_hours, collect_every_hours: every };
    let (mut commands, undo) = enable_logging::commands(profile, &needs, export.as_ref(), restart);
    let mut warnings = warnings(verdict, &mut commands);
    warnings.extend(notes(profile, logs, exported));
    let steps = Steps {
        log: Some(logs.kind),
        wait: Some(wait),
        volume: Some(Volume::of(logs, sessions, exported)),
        notes: warnings,
        ..Steps::only(Answer::Ready, why())
    };
    let export = export.map(|export| export.log_type);
    let mut steps = Steps { export, commands, undo, ..steps };
    if on && (export.is_none() || logs.available_as_file) {
        let short = export.map(|kind| {
            format!("RDS may delete the files within {LEAST_KEPT} minutes. The command exports the {kind} log to CloudWatch Logs.")
        });
        steps.notes.extend(short);
        return steps;
    }
    steps.notes.extend(change_notes(profile, &needs, window.to));
    let why = to_do(&needs, export);
    let why = if is_hidden { format!("{HIDDEN}. To find them, {why}") } else { why };
    Steps { answer: Answer::SwitchOn, why, changes: needs.changes, restart, interruption, ..steps }
}

/// What to know before anything is changed, or waited for.
const WARNINGS: [ReasonCode; 3] =
    [ReasonCode::RotationStaged, ReasonCode::CertificateExpired, ReasonCode::InstanceUnavailable];

/// The reasons that warn, as sentences. No command is left that activates a staged certificate.
fn warnings(verdict: &Verdict, commands: &mut Vec<Vec<String>>) -> Vec<String> {
    let warn = |reason: &&Reason| WARNINGS.contains(&reason.code);
    let sentence = |text: &str| {
        let mut letters = text.chars();
        let first = letters.next().map(|first| first.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    };
    let mut warnings: Vec<_> = verdict.reasons.iter().filter(warn).map(|reason| sentence(&reason.text)).collect();
    let is_reboot = |command: &Vec<String>| command.iter().any(|word| word == "reboot-db-instance");
    let is_staged = verdict.reasons.iter().any(|reason| reason.code == ReasonCode::RotationStaged);
    if is_staged && commands.iter().any(is_reboot) {
        commands.retain(|command| !is_reboot(command));
        warnings
            .push("The command to reboot is left out, because it also activates the staged certificate.".to_owned());
    }
    warnings
}

/// What is known of an instance whose clients have to be found.
const HIDDEN: &str = "TLS is used, but no log names the clients";

/// Whether an instance uses TLS and needs a rotation, but no log names these clients, and one could. Clients of another
/// member of its cluster are named there.
fn hides_clients(profile: &InstanceProfile, verdict: &Verdict, seen: Seen) -> bool {
    let shows = |reason: &Reason| reason.code.effect() == Effect::InUse && reason.code != ReasonCode::ClusterTls;
    let is_used = verdict.usage == UsageVerdict::InUse && verdict.reasons.iter().any(shows);
    let best = || profile.known_engine().and_then(|engine| enable_logging::best(profile, engine));
    is_used
        && !seen.tls_clients
        && verdict.rotation != Rotation::Optional
        && best().is_some_and(|(_, needs)| needs.unknown.is_empty() && !needs.none())
}

/// The reason, if there is a verdict already or none is needed.
fn answered(verdict: &Verdict) -> Option<String> {
    let effect = match verdict.usage {
        UsageVerdict::InUse => Effect::InUse,
        UsageVerdict::RuledOut => Effect::RulesOut,
        UsageVerdict::NotObserved => Effect::NotObserved,
        UsageVerdict::Undetermined => {
            let elsewhere = verdict.reasons.iter().find(|reason| ANSWERED.contains(&reason.code))?;
            return Some(elsewhere.text.clone());
        }
    };
    verdict.reasons.iter().find(|reason| reason.code.effect() == effect).map(|reason| reason.text.clone())
}

/// The answer where no log records TLS.
fn by_no_log(profile: &InstanceProfile, engine: &Engine) -> Steps {
    // A setting may decide it, but could not be read.
    let asked = |switch: &&TlsSwitch| profile.parameters.contains_key(switch.parameter);
    let missing = engine.tls_switches.iter().find(|switch| !asked(switch)).filter(|_| !profile.unanswered().is_empty());
    if let Some(switch) = missing {
        return Steps::only(Answer::Unknown, profile.why_unknown(switch.parameter));
    }
    let version = &profile.engine_version;
    let who: Vec<_> = engine.logs.iter().filter(|logs| !logs.records_tls).map(|logs| logs.kind).collect();
    let clients = if who.is_empty() {
        String::new()
    } else {
        format!(". Its {} log shows which clients connect", who.join(" or "))
    };
    let live = ask_live(engine);
    let why = format!("no log of {} {version} records TLS{clients}{live}", engine.title);
    Steps::only(Answer::NotByLogs, why)
}

fn is_exported(profile: &InstanceProfile, logs: &Logs) -> bool {
    logs.export.as_ref().is_some_and(|export| profile.log_exports.iter().any(|name| name == export.log_type))
}

fn export(profile: &InstanceProfile, logs: &Logs, wanted: bool) -> Option<Export> {
    let log_type = logs.export.as_ref().filter(|_| wanted)?.log_type;
    Some(Export { log_type, cluster: profile.cluster.clone() })
}

/// Minutes for which files are kept.
fn kept(profile: &InstanceProfile, logs: &Logs) -> i64 {
    let Retention { parameter, default, .. } = logs.retention;
    let set = parameter.and_then(|parameter| profile.in_effect(parameter));
    set.and_then(|value| value.parse().ok()).unwrap_or(default)
}

fn to_do(needs: &Needs, export: Option<&str>) -> String {
    let set = needs.changes.iter().map(|change| {
        let group = change.new_group.as_ref().map_or_else(
            || format!("in {}", change.group),
            |new| format!("in a new group {new} (AWS's {} cannot be changed)", change.group),
        );
        let when = match (change.is_static, change.level) {
            (true, _) => " (static)",
            (false, Level::Option) if change.adds_option() => " (may cause an outage)",
            (false, Level::Option) => "",
            (false, Level::Instance | Level::Cluster) => " (dynamic)",
        };
        format!("set {} to {} {group}{when}", change.parameter, change.to)
    });
    let waits = needs.pending.iter().map(|name| format!("{name} is set, but not in effect yet"));
    let export = export.map(|log_type| format!("export the {log_type} log to CloudWatch Logs"));
    set.chain(waits).chain(export).collect::<Vec<_>>().join("; ")
}

fn notes(profile: &InstanceProfile, logs: &Logs, exported: bool) -> Vec<String> {
    let Retention { parameter, max: most, .. } = logs.retention;
    let longer = !exported && parameter.is_some() && kept(profile, logs) < most;
    let parameter = parameter.unwrap_or_default();
    let every = logs.bytes_a_session.is_none();
    let known = [
        (
            every,
            format!(
                "The {} log holds every statement, including secrets. It grows with the load, can fill the storage and slow the instance. Disable it after the analysis.",
                logs.kind
            ),
        ),
        (longer, format!("To keep files longer, set {parameter} to up to {most} minutes.")),
        (
            exported,
            "CloudWatch Logs keeps exported logs forever, and charges for them. Set a retention period on the log group."
                .to_owned(),
        ),
    ];
    known.into_iter().filter(|(holds, _)| *holds).map(|(_, note)| note).collect()
}

/// What to know before the settings are changed or changed back, as of `now`.
fn change_notes(profile: &InstanceProfile, needs: &Needs, now: Timestamp) -> Vec<String> {
    let renewed = |change: &&Change| change.new_group.is_some();
    let groups = needs.changes.iter().filter(renewed).any(|change| change.level != Level::Option);
    let option = needs.changes.iter().find(|change| change.adds_option());
    let window = profile.next_maintenance(now);
    let window = window.map_or_else(String::new, |start| format!(" ({})", start.strftime("%Y-%m-%d %H:%M UTC")));
    let blocked = profile
        .before_changes()
        .map(|first| format!("AWS rejects changes while the instance is {}. First: {first}.", profile.status));
    let known = [
        (
            groups,
            "RDS shows the new parameter group as pending-reboot until the next restart. Its dynamic parameters are in effect all the same.".to_owned(),
        ),
        (
            option.is_some(),
            format!("Adding the audit plugin may cause an outage. The commands apply it in the next maintenance window{window}."),
        ),
        (
            option.is_some_and(|change| change.new_group.is_some()),
            "To undo: RDS restarts the instance in a maintenance window, because it removes the audit plugin. AWS deletes the option group only after that, and only if no snapshot refers to it.".to_owned(),
        ),
    ];
    blocked.into_iter().chain(known.into_iter().filter(|(holds, _)| *holds).map(|(_, note)| note)).collect()
}
