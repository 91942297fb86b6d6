//! The rules: each turns an instance's configuration and usage into at most one reason. They know no engine: what is
//! special about one is in its descriptor.

use jiff::Timestamp;
use ssl_usage_parsers::{Engine, LogSwitch, Logs, OPTION, Retention, TlsSwitch, is_local, setting};

use super::metrics::{
    iam_metric, log_exceeds_metric, metric_contradicts_log, metrics_unreadable, older_sessions_open,
    proxies_in_metrics, proxy_tls,
};
use super::policy::Policy;
use super::reason::{Reason, ReasonCode};
use super::sampled::{
    is_counted, no_tls_sessions_open, older_sessions_ended, sample_incomplete, shows_tls as sample_shows_tls,
    tls_handshakes_counted, tls_logins_recorded, tls_sessions_open,
};
use super::served;
use crate::enable_logging;
use crate::inventory::InstanceProfile;
use crate::text::plural;
use crate::usage::{GapReason, Usage, tls_share_at_most};
use crate::window::Window;

/// The input of a rule.
pub(super) struct Context<'a> {
    pub profile: &'a InstanceProfile,
    pub usage: &'a Usage,
    pub policy: &'a Policy,
}

/// One rule: a reason's code and text, or none where it does not apply.
type Rule = fn(&Context<'_>, &'static Engine) -> Option<(ReasonCode, String)>;

/// The rules in the order in which a report lists their reasons: the strongest evidence first.
const RULES: &[Rule] = &[
    tls_connections,
    tls_sessions_open,
    tls_handshakes_counted,
    tls_outside_window,
    iam_authentication,
    iam_metric,
    proxy_tls,
    client_rejected_certificate,
    tls_enforced,
    tls_despite_switch,
    tls_switched_off,
    metrics_unreadable,
    behind_proxy,
    global_cluster,
    custom_endpoints,
    babelfish,
    log_cannot_tell,
    sample_incomplete,
    older_sessions_ended,
    tls_logins_recorded,
    no_tls_sessions_open,
    logs_not_read,
];

/// The rules for engines whose logs record TLS, in the same order, after the others.
const RULES_OF_LOGS: &[Rule] = &[
    version_cannot_tell,
    logging_off,
    logging_unknown,
    enforcement_unknown,
    no_logs,
    sessions_not_logged,
    instance_young,
    coverage_short,
    window_shortened,
    logs_incomplete,
    records_unparsed,
    transport_unknown,
    tls_attempts,
    older_sessions,
    metric_contradicts_log,
    log_exceeds_metric,
    older_sessions_open,
    no_clients,
    only_plaintext,
    plaintext_too,
];

/// The reasons of a context.
pub(super) fn reasons(context: &Context<'_>) -> Vec<Reason> {
    let profile = context.profile;
    let only = |code, text| vec![Reason { code, text }];
    if profile.is_custom() {
        let text = "RDS Custom: RDS does not rotate this certificate. Check on the host which certificate the engine presents, and replace it there.";
        return only(ReasonCode::RdsCustom, text.to_owned());
    }
    if profile.is_limitless {
        let text = "Aurora PostgreSQL Limitless Database: its shards are not listed as instances, so ssl-usage read no log of them. Check its clients and its certificate by other means.";
        return only(ReasonCode::LimitlessDatabase, text.to_owned());
    }
    // Its logs tell nothing of clients.
    if profile.is_cluster() || profile.is_serverless_v1() {
        return Vec::new();
    }
    let Some(engine) = profile.known_engine() else {
        let text = format!(
            "this version of ssl-usage does not support the engine {}, so it did not read the logs",
            profile.engine
        );
        return only(ReasonCode::EngineUnknown, text);
    };
    let is_shown = engine.marks_tls_from.is_some() || is_counted(context);
    let rules = RULES.iter().chain(if is_shown { RULES_OF_LOGS } else { &[] });
    rules.filter_map(|rule| rule(context, engine)).map(|(code, text)| Reason { code, text }).collect()
}

/// Whether a client cannot connect without TLS.
pub(super) fn is_enforced(profile: &InstanceProfile) -> bool {
    profile.known_engine().is_some_and(|engine| engine.always_tls.is_some() || enforced(profile, engine).is_some())
}

/// The switch by which a client cannot connect without TLS.
fn enforced(profile: &InstanceProfile, engine: &'static Engine) -> Option<&'static TlsSwitch> {
    switched(profile, engine, |switch, value| switch.enforces.contain(value))
}

fn ruled_out(profile: &InstanceProfile, engine: &'static Engine) -> Option<&'static str> {
    let empty = |name: &&str| {
        let parameter = profile.parameters.get(*name).filter(|parameter| parameter.in_effect);
        parameter.is_some_and(|parameter| parameter.value.as_deref().is_none_or(|value| value.trim().is_empty()))
    };
    let switch = switched(profile, engine, |switch, value| switch.rules_out.contains(&value))?;
    // Of two settings that contradict each other, the milder one does not count, whichever of them is in effect.
    let enforces = |other: &TlsSwitch| {
        let value = profile.parameters.get(other.parameter).and_then(|parameter| parameter.value.as_deref());
        value.is_some_and(|value| other.enforces.contain(&setting(value)))
    };
    let contradicted = engine.tls_switches.iter().any(|other| other.parameter != switch.parameter && enforces(other));
    if contradicted {
        return None;
    }
    switch.unless.iter().all(empty).then_some(switch.parameter)
}

/// The first switch that has a value of this kind and is in effect.
fn switched(
    profile: &InstanceProfile,
    engine: &'static Engine,
    is: fn(&TlsSwitch, &str) -> bool,
) -> Option<&'static TlsSwitch> {
    let in_effect = |switch: &TlsSwitch| profile.in_effect(switch.parameter);
    engine.tls_switches.iter().find(|switch| in_effect(switch).is_some_and(|value| is(switch, &value)))
}

/// Most clients that a reason names.
const CLIENTS_NAMED: usize = 3;

/// `was` for one, else `were`.
fn were(count: u64) -> &'static str {
    if count == 1 { "was" } else { "were" }
}

/// A share as a percentage with up to two significant digits.
fn percent(share: f64) -> String {
    let digits = if share < 0.001 {
        3
    } else if share < 0.1 {
        2
    } else {
        0
    };
    format!("{:.digits$} %", share * 100.0)
}

fn named(counts: &std::collections::BTreeMap<String, u64>) -> String {
    let names: Vec<_> = counts.iter().map(|(name, count)| format!("{name}: {count}")).collect();
    names.join(", ")
}

fn tls_connections(context: &Context<'_>, _: &'static Engine) -> Option<(ReasonCode, String)> {
    let usage = context.usage;
    let tls = usage.connections.tls;
    let clients = usage.counted_clients().filter(|client| client.sessions.tls > 0).count() as u64;
    // Those that only samples show have a reason of their own.
    (tls > usage.sampled.added.tls).then(|| {
        // Only some logs tell the version.
        let versions = match named(&usage.tls_versions) {
            versions if versions.is_empty() => versions,
            versions => format!(" ({versions})"),
        };
        let text = format!("{} from {} used TLS{versions}", plural(tls, "session"), plural(clients, "client"));
        (ReasonCode::TlsConnections, text)
    })
}

/// TLS that older or newer evidence shows; of a setting that turns TLS off by now, only the window says anything.
fn tls_outside_window(context: &Context<'_>, engine: &'static Engine) -> Option<(ReasonCode, String)> {
    let usage = context.usage;
    let last =
        usage.tls_outside.filter(|_| usage.connections.tls == 0 && ruled_out(context.profile, engine).is_none())?;
    let text = format!(
        "clients used TLS outside of the window, most recently on {}. A client that connects rarely may do so again.",
        last.strftime("%Y-%m-%d")
    );
    Some((ReasonCode::TlsOutsideWindow, text))
}

fn iam_authentication(context: &Context<'_>, engine: &'static Engine) -> Option<(ReasonCode, String)> {
    let methods = &context.usage.auth_methods;
    let by_iam: u64 =
        methods.iter().filter(|(name, _)| engine.iam_methods.contains(&name.as_str())).map(|(_, count)| count).sum();
    (context.profile.iam_authentication && by_iam > 0).then(|| {
        let text = format!("{} used IAM authentication, which requires TLS", plural(by_iam, "session"));
        (ReasonCode::IamAuthentication, text)
    })
}

fn client_rejected_certificate(context: &Context<'_>, _: &'static Engine) -> Option<(ReasonCode, String)> {
    let addresses = &context.usage.certificate_rejected_by;
    (!addresses.is_empty()).then(|| {
        let text = format!(
            "clients rejected the certificate ({}). Add its CA{} to their trust stores.",
            named(addresses),
            context.profile.certificate.ca.as_ref().map_or_else(String::new, |ca| format!(", {ca},"))
        );
        (ReasonCode::ClientRejectedCertificate, text)
    })
}

fn tls_enforced(context: &Context<'_>, engine: &'static Engine) -> Option<(ReasonCode, String)> {
    if let Some(why) = engine.always_tls {
        return Some((ReasonCode::TlsEnforced, why.to_owned()));
    }
    let TlsSwitch { parameter, decides, .. } = enforced(context.profile, engine)?;
    if *decides {
        let value = context.profile.in_effect(parameter).unwrap_or_default();
        return Some((
            ReasonCode::TlsEnforced,
            format!("parameter {parameter} is {value} and in effect, so every client uses TLS"),
        ));
    }
    // Connection attempts and disconnects show clients too.
    let usage = context.usage;
    let remote = usage.connections.sum() - usage.connections.local;
    let open = usage.metrics.most_open.is_some_and(|most| most > 0);
    let clients = open || remote > 0 || usage.older_sessions.keys().any(|client| is_remote(client.address.as_deref()));
    clients.then(|| {
        (ReasonCode::TlsEnforced, format!("{parameter} is on and in effect, so the clients that connect use TLS"))
    })
}

fn tls_despite_switch(context: &Context<'_>, engine: &'static Engine) -> Option<(ReasonCode, String)> {
    let parameter = ruled_out(context.profile, engine)?;
    let by_log = shows_tls(context.usage).then(|| {
        format!("{parameter} turned TLS off, but the log shows TLS, so the setting changed during the window")
    });
    let by_probe = || {
        let at = completes_tls(context)?.strftime("%Y-%m-%d %H:%M UTC");
        Some(format!(
            "{parameter} turned TLS off, but the server completed a TLS handshake at {at}, so it was not in effect"
        ))
    };
    let by_sample = || {
        let text = || format!("{parameter} turned TLS off, but a probe saw TLS, so it was not in effect");
        sample_shows_tls(context).then(text)
    };
    Some((ReasonCode::TlsDespiteSwitch, by_log.or_else(by_probe).or_else(by_sample)?))
}

/// Whether the log shows any TLS: of clients, ignored clients or AWS's own users, in sessions or failed attempts.
fn shows_tls(usage: &Usage) -> bool {
    let ignored = usage.ignored.sessions.tls + usage.ignored.attempts.tls;
    usage.connections.tls + usage.system.tls + usage.rejected.tls + handshakes_failed(usage) + ignored > 0
}

/// When the instance last completed a TLS handshake in the window, if it did.
fn completes_tls(context: &Context<'_>) -> Option<Timestamp> {
    served::handshake_since(context.profile, context.usage.coverage.asked.map(|asked| asked.from))
}

fn tls_switched_off(context: &Context<'_>, engine: &'static Engine) -> Option<(ReasonCode, String)> {
    let is_contradicted = || shows_tls(context.usage) || completes_tls(context).is_some() || sample_shows_tls(context);
    let parameter = ruled_out(context.profile, engine).filter(|_| !is_contradicted())?;
    let why = match parameter.strip_prefix(OPTION) {
        Some(option) => format!("the option group does not contain the option {option}"),
        None => format!("the setting {parameter} disables it"),
    };
    Some((ReasonCode::TlsSwitchedOff, format!("no client can use TLS, because {why}")))
}

fn behind_proxy(context: &Context<'_>, _: &'static Engine) -> Option<(ReasonCode, String)> {
    let proxies = &context.profile.proxies;
    (!proxies.is_empty()).then(|| {
        let text = format!(
            "clients may connect through RDS Proxy ({}), which has its own certificate from AWS Certificate Manager. The log shows the sessions of the proxy, not those of its clients{}.",
            proxies.join(", "),
            proxies_in_metrics(&context.usage.metrics)
        );
        (ReasonCode::BehindProxy, text)
    })
}

fn global_cluster(context: &Context<'_>, _: &'static Engine) -> Option<(ReasonCode, String)> {
    let members = &context.profile.global_members;
    (!members.is_empty()).then(|| {
        let text = format!(
            "the other clusters of its global cluster have certificates and clients of their own. Run ssl-usage in their regions too ({}).",
            members.join(", ")
        );
        (ReasonCode::GlobalCluster, text)
    })
}

fn custom_endpoints(context: &Context<'_>, _: &'static Engine) -> Option<(ReasonCode, String)> {
    let endpoints = &context.profile.custom_endpoints;
    (!endpoints.is_empty()).then(|| {
        let text = format!(
            "the cluster has custom endpoints ({}), whose clients reach only some members. Rotate all members.",
            endpoints.join(", ")
        );
        (ReasonCode::CustomEndpoints, text)
    })
}

fn babelfish(context: &Context<'_>, _: &'static Engine) -> Option<(ReasonCode, String)> {
    context.profile.has_babelfish().then(|| {
        let text = "Babelfish is on. The log does not show whether clients of SQL Server use TLS, and the instance restarts for another CA.";
        (ReasonCode::Babelfish, text.to_owned())
    })
}

fn log_cannot_tell(context: &Context<'_>, engine: &'static Engine) -> Option<(ReasonCode, String)> {
    (engine.marks_tls_from.is_none() && !is_counted(context)).then(|| {
        let text = format!("no log of {} records TLS{}", engine.title, ask_live(engine));
        (ReasonCode::LogCannotTell, text)
    })
}

/// The query that shows whether open sessions use TLS, as a next step at the end of a reason; nothing where the engine has
/// none. Reports print the query on a line of its own.
pub(crate) fn ask_live(engine: &Engine) -> String {
    let ask = |query| format!(". To see whether open sessions use TLS, run: {query}");
    engine.live_query.map_or_else(String::new, ask)
}

/// Likewise, after another next step.
pub(super) fn or_ask_live(engine: &Engine) -> String {
    let ask = |query| format!(", or see whether open sessions use TLS: {query}");
    engine.live_query.map_or_else(|| ".".to_owned(), ask)
}

fn version_cannot_tell(context: &Context<'_>, engine: &'static Engine) -> Option<(ReasonCode, String)> {
    let version = &context.profile.engine_version;
    (!engine.marks_tls(version) && !is_counted(context)).then(|| {
        let text = format!("{} {version} does not record TLS in its log{}", engine.title, ask_live(engine));
        (ReasonCode::VersionCannotTell, text)
    })
}

/// Whether a kind of log records sessions.
enum Logged {
    On,
    Off,
    Unknown(String),
}

/// Whether a kind of log records sessions by its settings. `recorded` is whether the log shows that it does: then a setting
/// that may not be in effect is.
fn logged(profile: &InstanceProfile, logs: &Logs, recorded: bool) -> Logged {
    let set = |switch: &LogSwitch| profile.parameters.get(switch.parameter);
    let is_off = |switch: &LogSwitch| {
        set(switch).is_some_and(|parameter| parameter.in_effect && !switch.is_on(parameter.value.as_deref()))
    };
    if logs.switches.iter().any(is_off) {
        return Logged::Off;
    }
    let unknown = logs.switches.iter().find_map(|switch| match set(switch) {
        None => Some(profile.why_unknown(switch.parameter)),
        Some(parameter) if !parameter.in_effect && !recorded => Some(format!(
            "{} is set in {}, but the instance may not have applied the group yet. A restart applies it{}.",
            switch.parameter,
            parameter.group,
            restart_does_more(profile)
        )),
        Some(_) => None,
    });
    unknown.map_or(Logged::On, Logged::Unknown)
}

/// What else a restart does, as the end of a sentence.
fn restart_does_more(profile: &InstanceProfile) -> &'static str {
    match super::certificate::staged(profile) {
        Some(_) => ", and also activates the staged certificate. Update the trust stores first",
        None => ", and interrupts all clients",
    }
}

/// Whether the logs show sessions, AWS's own among them, all through the part of the window that is judged.
fn is_recorded(context: &Context<'_>) -> bool {
    context.usage.coverage.judged_share >= context.policy.least_coverage
}

fn logging_off(context: &Context<'_>, engine: &'static Engine) -> Option<(ReasonCode, String)> {
    let profile = context.profile;
    let off = |logs: &&Logs| matches!(logged(profile, logs, is_recorded(context)), Logged::Off);
    if is_counted(context) || !engine.logs.iter().filter(|logs| logs.records_tls).all(|logs| off(&logs)) {
        return None;
    }
    let next = to_switch_on(profile, engine).map_or_else(
        || "See `ssl-usage preflight`.".to_owned(),
        |set| format!("Set {set}, and run ssl-usage again after a full cycle of your jobs."),
    );
    let lesser: Vec<_> = engine.logs.iter().filter(|logs| !off(logs)).map(|logs| logs.kind).collect();
    let why = if lesser.is_empty() {
        "sessions are not logged".to_owned()
    } else {
        format!("only the {} log is on, and it does not record TLS", lesser.join(" or "))
    };
    Some((ReasonCode::LoggingOff, format!("{why}. {next}")))
}

/// What to set so that the log records TLS; none where every known setting is as it should be.
fn to_switch_on(profile: &InstanceProfile, engine: &'static Engine) -> Option<String> {
    let (logs, needs) = enable_logging::best(profile, engine)?;
    let needed =
        |change: &&enable_logging::Change| logs.switches.iter().any(|switch| switch.parameter == change.parameter);
    let set: Vec<_> =
        needs.changes.iter().filter(needed).map(|change| format!("{} to {}", change.parameter, change.to)).collect();
    let group = needs.changes.iter().find(|change| change.new_group.is_some());
    let group =
        group.map_or_else(String::new, |change| format!(" in a new group, because {} cannot be changed", change.group));
    let interruption = enable_logging::interruption(profile, &needs).text();
    (!set.is_empty()).then(|| format!("{}{group} ({interruption})", set.join(" and ")))
}

fn logging_unknown(context: &Context<'_>, engine: &'static Engine) -> Option<(ReasonCode, String)> {
    if is_counted(context) {
        return None;
    }
    let mut unknown = None;
    for logs in engine.logs.iter().filter(|logs| logs.records_tls) {
        match logged(context.profile, logs, is_recorded(context)) {
            Logged::On => return None,
            Logged::Off => {}
            Logged::Unknown(text) => unknown = unknown.or(Some(text)),
        }
    }
    unknown.map(|text| (ReasonCode::LoggingUnknown, text))
}

/// Where it is unknown whether TLS is enforced, a rejected client can look like a session without TLS: MySQL logs the
/// attempt alone.
fn enforcement_unknown(context: &Context<'_>, engine: &'static Engine) -> Option<(ReasonCode, String)> {
    let profile = context.profile;
    let why = |switch: &TlsSwitch| match profile.parameters.get(switch.parameter) {
        Some(parameter) if parameter.in_effect => None,
        Some(parameter) => Some(format!(
            "{} is set in {}, but the instance may not have applied the group yet",
            switch.parameter, parameter.group
        )),
        None if profile.unanswered().is_empty() => None,
        None => Some(profile.why_unknown(switch.parameter)),
    };
    let switches = engine.tls_switches.iter().filter(|switch| !switch.enforces.is_empty());
    let why = switches.filter(|_| engine.shows_rejected_as_sessions).find_map(why)?;
    let text = format!("{why}. If it enforces TLS, rejected clients may look like sessions without TLS.");
    Some((ReasonCode::EnforcementUnknown, text))
}

fn no_logs(context: &Context<'_>, engine: &'static Engine) -> Option<(ReasonCode, String)> {
    let coverage = &context.usage.coverage;
    // A log that is off is not there.
    let is_absent = coverage.files + coverage.files_failed + coverage.files_left_out == 0 && !is_counted(context);
    (is_absent && logging_off(context, engine).is_none()).then(|| {
        let text = "no log of the window was read. If the errors name a cause, remove it. Otherwise AWS has no log of the window.";
        (ReasonCode::NoLogs, text.to_owned())
    })
}

fn sessions_not_logged(context: &Context<'_>, engine: &'static Engine) -> Option<(ReasonCode, String)> {
    let usage = context.usage;
    let sessions = usage.connections.sum() + usage.system.sum() + usage.ignored.sessions.sum();
    (usage.received > 0 && sessions == 0).then(|| {
        let switches = engine.logs.iter().flat_map(|logs| logs.switches);
        let needed: Vec<_> = switches
            .map(|switch| format!("`{}` to {}", switch.on.last().unwrap_or(&switch.set_to), switch.parameter))
            .collect();
        let text = format!(
            "the log has {} but no session. If the setting is a list, add {}.",
            plural(usage.received, "connection attempt"),
            needed.join(" and ")
        );
        (ReasonCode::SessionsNotLogged, text)
    })
}

/// An instance that was made a short while ago. Its logs may show all of its life.
fn instance_young(context: &Context<'_>, _: &'static Engine) -> Option<(ReasonCode, String)> {
    let coverage = &context.usage.coverage;
    let hours = coverage.asked.map_or(0, |asked| asked.length().as_hours());
    let least = i64::from(context.policy.least_window_hours);
    (hours < least && is_recorded(context)).then(|| {
        let text = format!(
            "the window holds only {hours} h of this instance, and the policy requires {least} h. Use a longer window, or run ssl-usage again later."
        );
        (ReasonCode::InstanceYoung, text)
    })
}

fn coverage_short(context: &Context<'_>, engine: &'static Engine) -> Option<(ReasonCode, String)> {
    let coverage = &context.usage.coverage;
    let minutes = |span: Option<Window>| span.map_or(0, |span| span.length().as_mins());
    let (asked, judged) = (minutes(coverage.asked), minutes(coverage.judged));
    let least = i64::from(context.policy.least_window_hours) * 60;
    if instance_young(context, engine).is_some() {
        return None;
    }
    if is_recorded(context) && judged >= least {
        return None;
    }
    let Retention { parameter, default, max: most } =
        engine.logs.first().map(|logs| logs.retention).unwrap_or_default();
    let set = parameter.and_then(|parameter| context.profile.in_effect(parameter));
    let kept = set.and_then(|value| value.parse::<i64>().ok()).unwrap_or(default);
    let longest = coverage.gaps.iter().max_by_key(|gap| gap.span.length());
    let better = longest.filter(|gap| gap.cause == GapReason::CannotTell);
    let advice = if let Some(set) = better.and_then(|_| to_switch_on(context.profile, engine)) {
        format!("To record TLS in the log, set {set}.")
    } else if kept >= asked {
        match coverage.share > 0.0 {
            true => {
                "Choose a window without the gaps, or accept less coverage in a policy (least_coverage).".to_owned()
            }
            false => "Check that sessions are logged and that the logs are kept.".to_owned(),
        }
    } else if let Some(parameter) = parameter.filter(|_| asked <= most) {
        format!("Logs are kept for {} h: set {parameter} to {most}, or use fewer --days.", kept / 60)
    } else {
        format!(
            "Logs are kept for {} h (maximum {} h): run `ssl-usage collect` on a schedule, or use fewer --days.",
            kept / 60,
            most / 60
        )
    };
    let percent = |share: f64| format!("{:.1} %", (share * 1000.0).floor() / 10.0);
    let longest = longest.map_or_else(String::new, |gap| {
        let hours = (gap.span.length().as_mins() + 59) / 60;
        format!(
            ", with a gap of {hours} h from {} ({})",
            gap.span.from.strftime("%Y-%m-%d %H:%M"),
            gap.cause.in_words()
        )
    });
    let text = format!(
        "the logs cover {} of the window{longest}, and the policy requires {}. {advice}",
        percent(coverage.share),
        percent(context.policy.least_coverage)
    );
    Some((ReasonCode::CoverageShort, text))
}

/// The verdict is about the end of the window alone. It says so, and what would show more.
fn window_shortened(context: &Context<'_>, _: &'static Engine) -> Option<(ReasonCode, String)> {
    let coverage = &context.usage.coverage;
    let (asked, judged) = (coverage.asked?, coverage.judged?);
    let cause = coverage.gaps.iter().rfind(|gap| gap.span.from < judged.from)?.cause;
    (asked.from < judged.from && is_recorded(context)).then(|| {
        let text = format!(
            "the verdict is about the last {} h, from {}, because before that {}. Run `ssl-usage collect` on a schedule to judge a longer window.",
            judged.length().as_hours(),
            judged.from.strftime("%Y-%m-%d %H:%M"),
            cause.in_words()
        );
        (ReasonCode::WindowShortened, text)
    })
}

fn logs_incomplete(context: &Context<'_>, _: &'static Engine) -> Option<(ReasonCode, String)> {
    let failed = context.usage.coverage.files_to_retry;
    (failed > 0).then(|| {
        (
            ReasonCode::LogsIncomplete,
            format!(
                "{} could not be read completely. See the errors, and run ssl-usage again.",
                plural(failed, "log file")
            ),
        )
    })
}

/// With another policy or another window, the logs that were left out could decide.
fn logs_not_read(context: &Context<'_>, _: &'static Engine) -> Option<(ReasonCode, String)> {
    let left_out = context.usage.coverage.files_left_out;
    (left_out > 0).then(|| {
        let text = format!(
            "--quick left out {}, so clients and counts are partial. Run ssl-usage again without --quick to see all.",
            plural(left_out, "log file")
        );
        (ReasonCode::LogsNotRead, text)
    })
}

fn records_unparsed(context: &Context<'_>, _: &'static Engine) -> Option<(ReasonCode, String)> {
    let unparsed = context.usage.coverage.unparsed;
    (unparsed > 0).then(|| {
        let text = format!("{} could not be parsed. See the errors.", plural(unparsed, "connection record"));
        (ReasonCode::RecordsUnparsed, text)
    })
}

fn transport_unknown(context: &Context<'_>, engine: &'static Engine) -> Option<(ReasonCode, String)> {
    let unknown = context.usage.connections.unknown;
    // The counter shows that the others used no TLS.
    let is_shown = is_counted(context) && context.usage.unknown_uncounted == 0;
    (unknown > 0 && !is_shown).then(|| {
        (
            ReasonCode::TransportUnknown,
            format!("the log does not show whether {} used TLS{}", plural(unknown, "session"), ask_live(engine)),
        )
    })
}

/// Failed handshakes of clients; those of scanners and health checks do not count.
fn handshakes_failed(usage: &Usage) -> u64 {
    usage.handshakes_failed.iter().filter(|(cause, _)| *cause != "probe").map(|(_, count)| count).sum()
}

fn tls_attempts(context: &Context<'_>, _: &'static Engine) -> Option<(ReasonCode, String)> {
    // Rejections of the certificate have a reason of their own.
    let rejections: u64 = context.usage.certificate_rejected_by.values().sum();
    let failed = handshakes_failed(context.usage).saturating_sub(rejections);
    let rejected = context.usage.rejected.tls;
    (failed + rejected > 0).then(|| {
        let text = format!(
            "clients tried to use TLS ({}, {}). Ask their owners, or look for them in the log.",
            plural(failed, "failed handshake"),
            plural(rejected, "rejected attempt")
        );
        (ReasonCode::TlsAttempts, text)
    })
}

fn older_sessions(context: &Context<'_>, _: &'static Engine) -> Option<(ReasonCode, String)> {
    let usage = context.usage;
    let older = || usage.older_sessions.iter().filter(|(client, _)| is_remote(client.address.as_deref()));
    let sessions: u64 = older().map(|(_, count)| *count).sum();
    let named = older().take(CLIENTS_NAMED).map(|(client, _)| {
        let name = |name: &Option<String>| name.clone().unwrap_or_else(|| "unknown".to_owned());
        format!("{} at {}", name(&client.user), name(&client.address))
    });
    let more = older().count().saturating_sub(CLIENTS_NAMED);
    let more = (more > 0).then(|| format!("{more} more"));
    let clients: Vec<_> = named.chain(more).collect();
    let oldest = usage
        .oldest_unseen
        .map_or_else(String::new, |oldest| format!(", the oldest open by {}", oldest.strftime("%Y-%m-%d %H:%M")));
    // Logs from before the window may show them, if they are kept.
    let starts_late =
        usage.coverage.gaps.first().map(|gap| gap.span.from) == usage.coverage.asked.map(|asked| asked.from);
    let next = if starts_late {
        "Run `ssl-usage collect` every day, so that logs show every login"
    } else {
        "Use more --days"
    };
    (sessions > 0).then(|| {
        let text = format!(
            "{} ended whose login no log shows (user {}{oldest}), so whether TLS was used is unknown. {next}, or ask the owners.",
            plural(sessions, "session"),
            clients.join(", ")
        );
        (ReasonCode::OlderSessions, text)
    })
}

fn no_clients(context: &Context<'_>, _: &'static Engine) -> Option<(ReasonCode, String)> {
    let seen = context.usage.judged.sum() - context.usage.judged.local;
    (seen < context.policy.least_connections).then(|| {
        let sessions = if seen == 0 { "no client session".to_owned() } else { plural(seen, "client session") };
        let text = format!(
            "{sessions} {} logged, and the policy requires at least {}. {}heck which clients use the instance.",
            if seen == 0 { "was" } else { were(seen) },
            context.policy.least_connections,
            if context.usage.coverage.share > 0.0 { "Use a longer window, or c" } else { "C" }
        );
        (ReasonCode::NoClients, text)
    })
}

fn only_plaintext(context: &Context<'_>, _: &'static Engine) -> Option<(ReasonCode, String)> {
    let connections = &context.usage.connections;
    let without = connections.plaintext + connections.gss;
    (without > 0 && connections.tls == 0).then(|| {
        let clients = context.usage.counted_clients().count() as u64;
        let share = tls_share_at_most(connections).map_or_else(String::new, |share| {
            format!(" (95 % confidence: at most {} of such sessions use TLS)", percent(share))
        });
        let text = format!("no TLS in {} from {}{share}", plural(without, "session"), plural(clients, "client"));
        (ReasonCode::OnlyPlaintext, text)
    })
}

fn plaintext_too(context: &Context<'_>, _: &'static Engine) -> Option<(ReasonCode, String)> {
    let connections = &context.usage.connections;
    (connections.plaintext > 0 && connections.tls > 0)
        .then(|| (ReasonCode::PlaintextToo, format!("{} did not use TLS", plural(connections.plaintext, "session"))))
}

pub(super) fn is_remote(address: Option<&str>) -> bool {
    address.is_none_or(|address| !is_local(address.as_bytes()))
}
