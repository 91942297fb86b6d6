//! The rules: what an instance's configuration and usage give as reasons. They know no engine; what is special about one
//! is in its descriptor.

use ssl_usage_parsers::{Engine, LogSwitch, Logs, Retention, TlsSwitch, is_local, setting};

use super::metrics::{
    iam_metric, log_exceeds_metric, metric_contradicts_log, older_sessions_open, proxies_in_metrics, proxy_tls,
};
use super::policy::Policy;
use super::reason::{Reason, ReasonCode};
use crate::enable_logging;
use crate::inventory::InstanceProfile;
use crate::usage::{Usage, tls_share_at_most};

/// What the rules look at.
pub(super) struct Context<'a> {
    pub profile: &'a InstanceProfile,
    pub usage: &'a Usage,
    pub policy: &'a Policy,
}

/// One rule: none, or a reason with its evidence.
type Rule = fn(&Context<'_>, &'static Engine) -> Option<(ReasonCode, String)>;

/// The rules, most telling first: the first reason of a report is the first that holds.
const RULES: &[Rule] = &[
    tls_connections,
    iam_authentication,
    iam_metric,
    proxy_tls,
    client_rejected_certificate,
    tls_enforced,
    tls_despite_switch,
    tls_switched_off,
    behind_proxy,
    global_cluster,
    log_cannot_tell,
];

/// The rules for engines whose logs show how sessions are carried, in the same order, behind the others.
const RULES_OF_LOGS: &[Rule] = &[
    version_cannot_tell,
    logging_off,
    logging_unknown,
    enforcement_unknown,
    no_logs,
    sessions_not_logged,
    coverage_short,
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
    let Some(engine) = context.profile.known_engine() else {
        let text = format!(
            "the engine {} is not known to this version of ssl-usage; its logs were not read",
            context.profile.engine
        );
        return vec![Reason { code: ReasonCode::EngineUnknown, text }];
    };
    let rules = RULES.iter().chain(if engine.marks_tls_from.is_some() { RULES_OF_LOGS } else { &[] });
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
    // Of two settings that contradict each other, the milder one is not believed, whichever of them is in effect.
    let demands = |other: &TlsSwitch| {
        let value = profile.parameters.get(other.parameter).and_then(|parameter| parameter.value.as_deref());
        value.is_some_and(|value| other.enforces.contain(&setting(value)))
    };
    let contradicted = engine.tls_switches.iter().any(|other| other.parameter != switch.parameter && demands(other));
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

/// `1 session`, `2 sessions`.
pub(super) fn plural(count: u64, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

/// A share as a percentage, of two digits that say something.
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
    (tls > 0).then(|| {
        // Only some logs tell the version.
        let versions = match named(&usage.tls_versions) {
            versions if versions.is_empty() => versions,
            versions => format!(" ({versions})"),
        };
        let text = format!("{} with TLS from {}{versions}", plural(tls, "session"), plural(clients, "client"));
        (ReasonCode::TlsConnections, text)
    })
}

fn iam_authentication(context: &Context<'_>, engine: &'static Engine) -> Option<(ReasonCode, String)> {
    let methods = &context.usage.auth_methods;
    let by_iam: u64 =
        methods.iter().filter(|(name, _)| engine.iam_methods.contains(&name.as_str())).map(|(_, count)| count).sum();
    (context.profile.iam_authentication && by_iam > 0).then(|| {
        let text = format!("{} authenticated by IAM, which works over TLS only", plural(by_iam, "session"));
        (ReasonCode::IamAuthentication, text)
    })
}

fn client_rejected_certificate(context: &Context<'_>, _: &'static Engine) -> Option<(ReasonCode, String)> {
    let addresses = &context.usage.certificate_rejected_by;
    (!addresses.is_empty()).then(|| {
        let text = format!(
            "clients verify, and did not accept the certificate ({}); give them the new authority",
            named(addresses)
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
            format!("{parameter} is {value} and in effect: whoever connects uses TLS"),
        ));
    }
    // Clients that are seen only to arrive, or to leave, connect too.
    let usage = context.usage;
    let remote = usage.connections.sum() - usage.connections.local;
    let open = usage.metrics.most_open.is_some_and(|most| most > 0);
    let clients = open || remote > 0 || usage.older_sessions.keys().any(|client| is_remote(client.address.as_deref()));
    clients.then(|| (ReasonCode::TlsEnforced, format!("{parameter} is on and in effect, and clients connect")))
}

fn tls_despite_switch(context: &Context<'_>, engine: &'static Engine) -> Option<(ReasonCode, String)> {
    let parameter = ruled_out(context.profile, engine)?;
    shows_tls(context.usage).then(|| {
        let text = format!("{parameter} switches TLS off, and the log shows TLS: it was switched within the window");
        (ReasonCode::TlsDespiteSwitch, text)
    })
}

/// Whether TLS was spoken at all, by whomever, and whether a session came of it or not.
fn shows_tls(usage: &Usage) -> bool {
    let ignored = usage.ignored.sessions.tls + usage.ignored.attempts.tls;
    usage.connections.tls + usage.system.tls + usage.rejected.tls + handshakes_failed(usage) + ignored > 0
}

fn tls_switched_off(context: &Context<'_>, engine: &'static Engine) -> Option<(ReasonCode, String)> {
    let parameter = ruled_out(context.profile, engine).filter(|_| !shows_tls(context.usage))?;
    Some((ReasonCode::TlsSwitchedOff, format!("{parameter} switches TLS off, and is in effect")))
}

fn behind_proxy(context: &Context<'_>, _: &'static Engine) -> Option<(ReasonCode, String)> {
    let proxies = &context.profile.proxies;
    (!proxies.is_empty()).then(|| {
        let text = format!(
            "its clients may come through RDS Proxy ({}), which presents a certificate of AWS Certificate Manager to them; the log shows the proxy's own sessions{}",
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
            "its global cluster has other clusters, whose certificates and clients are theirs: ask in their regions too ({})",
            members.join(", ")
        );
        (ReasonCode::GlobalCluster, text)
    })
}

fn log_cannot_tell(_: &Context<'_>, engine: &'static Engine) -> Option<(ReasonCode, String)> {
    engine.marks_tls_from.is_none().then(|| {
        let text = format!("no log of {} shows how sessions are carried{}", engine.title, ask_live(engine));
        (ReasonCode::LogCannotTell, text)
    })
}

/// What else a DBA can ask, for the end of a sentence.
pub(crate) fn ask_live(engine: &Engine) -> String {
    engine.live_query.map_or_else(String::new, |query| format!("; ask the live sessions: {query}"))
}

fn version_cannot_tell(context: &Context<'_>, engine: &'static Engine) -> Option<(ReasonCode, String)> {
    let version = &context.profile.engine_version;
    (!engine.marks_tls(version)).then(|| {
        let text = format!("{} {version} does not mark TLS in its log{}", engine.title, ask_live(engine));
        (ReasonCode::VersionCannotTell, text)
    })
}

/// Whether a kind of log is written.
enum Logged {
    On,
    Off,
    Unknown(String),
}

/// Whether a switch is off, whether the instance runs with that or will after its next restart.
fn is_off(profile: &InstanceProfile, switch: &LogSwitch) -> bool {
    profile.parameters.get(switch.parameter).is_some_and(|parameter| !switch.is_on(parameter.value.as_deref()))
}

fn logged(profile: &InstanceProfile, logs: &Logs) -> Logged {
    if logs.switches.iter().any(|switch| is_off(profile, switch)) {
        return Logged::Off;
    }
    let unknown = logs.switches.iter().find_map(|switch| match profile.parameters.get(switch.parameter) {
        None => Some(profile.why_unknown(switch.parameter)),
        Some(parameter) if !parameter.in_effect => Some(format!(
            "{} is set in {}, and the instance does not run with it yet",
            switch.parameter, parameter.group
        )),
        Some(_) => None,
    });
    unknown.map_or(Logged::On, Logged::Unknown)
}

fn logging_off(context: &Context<'_>, engine: &'static Engine) -> Option<(ReasonCode, String)> {
    let profile = context.profile;
    let off = |logs: &&Logs| matches!(logged(profile, logs), Logged::Off);
    if !engine.logs.iter().filter(|logs| logs.records_tls).all(|logs| off(&logs)) {
        return None;
    }
    let set = to_switch_on(profile, engine).unwrap_or_else(|| "see `ssl-usage preflight`".to_owned());
    let lesser: Vec<_> = engine.logs.iter().filter(|logs| !off(logs)).map(|logs| logs.kind).collect();
    let why = if lesser.is_empty() {
        "sessions are not logged".to_owned()
    } else {
        format!("the {} log, which is on, does not show how sessions are carried", lesser.join(" or "))
    };
    Some((ReasonCode::LoggingOff, format!("{why}: {set}, and ask again after a full cycle of your jobs")))
}

/// What to set so that sessions are logged; none where nothing that is known keeps them from that.
fn to_switch_on(profile: &InstanceProfile, engine: &'static Engine) -> Option<String> {
    let (logs, needs) = enable_logging::best(profile, engine)?;
    let needed =
        |change: &&enable_logging::Change| logs.switches.iter().any(|switch| switch.parameter == change.parameter);
    let set: Vec<_> =
        needs.changes.iter().filter(needed).map(|change| format!("{} to {}", change.parameter, change.to)).collect();
    let group = needs.changes.iter().find(|change| change.new_group.is_some());
    let group = group
        .map_or_else(String::new, |change| format!(" in a group of its own, for {} cannot be changed", change.group));
    let restart = if enable_logging::restart(profile, &needs) { ", and restart" } else { "; no restart is needed" };
    (!set.is_empty()).then(|| format!("set {}{group}{restart}", set.join(" and ")))
}

fn logging_unknown(context: &Context<'_>, engine: &'static Engine) -> Option<(ReasonCode, String)> {
    let mut unknown = None;
    for logs in engine.logs.iter().filter(|logs| logs.records_tls) {
        match logged(context.profile, logs) {
            Logged::On => return None,
            Logged::Off => {}
            Logged::Unknown(text) => unknown = unknown.or(Some(text)),
        }
    }
    unknown.map(|text| (ReasonCode::LoggingUnknown, text))
}

/// Where TLS may be enforced without anybody knowing, a client that is refused for that can look like a session without
/// TLS: MySQL logs the attempt alone.
fn enforcement_unknown(context: &Context<'_>, engine: &'static Engine) -> Option<(ReasonCode, String)> {
    let profile = context.profile;
    let is_untold =
        |switch: &&TlsSwitch| !switch.enforces.is_empty() && !profile.parameters.contains_key(switch.parameter);
    let switch = engine.tls_switches.iter().find(is_untold).filter(|_| !profile.unanswered().is_empty())?;
    let text = format!(
        "{}: where it enforces TLS, clients that are refused may look like sessions without TLS",
        profile.why_unknown(switch.parameter)
    );
    Some((ReasonCode::EnforcementUnknown, text))
}

fn no_logs(context: &Context<'_>, _: &'static Engine) -> Option<(ReasonCode, String)> {
    let coverage = &context.usage.coverage;
    (coverage.files + coverage.files_failed == 0).then(|| {
        (
            ReasonCode::NoLogs,
            "no log of the window could be read; see the errors, and whether the instance keeps logs".to_owned(),
        )
    })
}

fn sessions_not_logged(context: &Context<'_>, engine: &'static Engine) -> Option<(ReasonCode, String)> {
    let usage = context.usage;
    let sessions = usage.connections.sum() + usage.system.sum() + usage.ignored.sessions.sum();
    (usage.received > 0 && sessions == 0).then(|| {
        let switches = engine.logs.iter().flat_map(|logs| logs.switches);
        let needed: Vec<_> = switches
            .map(|switch| format!("{} needs `{}`", switch.parameter, switch.on.last().unwrap_or(&switch.set_to)))
            .collect();
        let text = format!(
            "{} arrived, and no session is logged; in a list, {}",
            plural(usage.received, "client"),
            needed.join(", ")
        );
        (ReasonCode::SessionsNotLogged, text)
    })
}

fn coverage_short(context: &Context<'_>, engine: &'static Engine) -> Option<(ReasonCode, String)> {
    let coverage = &context.usage.coverage;
    let asked = coverage.asked.map_or(0, |asked| asked.length().as_mins());
    let least = i64::from(context.policy.least_window_hours) * 60;
    if asked < least {
        let text = format!("the instance could be seen for {} h only, and {} are demanded", asked / 60, least / 60);
        return Some((ReasonCode::CoverageShort, text));
    }
    if coverage.share >= context.policy.least_coverage {
        return None;
    }
    let Retention { parameter, default, max: most } =
        engine.logs.first().map(|logs| logs.retention).unwrap_or_default();
    let set = parameter.and_then(|parameter| context.profile.in_effect(parameter));
    let kept = set.and_then(|value| value.parse::<i64>().ok()).unwrap_or(default);
    let longest = coverage.gaps.iter().max_by_key(|gap| gap.span.length());
    let better = longest.filter(|gap| gap.cause == "cannot-tell");
    let advice = if let Some(set) = better.and_then(|_| to_switch_on(context.profile, engine)) {
        format!("for a log that shows how sessions are carried, {set}")
    } else if kept >= asked {
        "ask for a window without the gaps".to_owned()
    } else if let Some(parameter) = parameter.filter(|_| asked <= most) {
        format!("logs are kept for {} hours: set {parameter} to {most}, or ask for fewer days", kept / 60)
    } else {
        format!(
            "logs are kept for {} hours, {} at most: collect on a schedule, or ask for fewer days",
            kept / 60,
            most / 60
        )
    };
    let percent = |share: f64| format!("{:.1} %", (share * 1000.0).floor() / 10.0);
    let longest = longest.map_or_else(String::new, |gap| {
        let hours = (gap.span.length().as_mins() + 59) / 60;
        format!(", with a gap of {hours} h from {} ({})", gap.span.from.strftime("%Y-%m-%d %H:%M"), gap.cause)
    });
    let text = format!(
        "the logs show {} of the window{longest}, and {} are demanded; {advice}",
        percent(coverage.share),
        percent(context.policy.least_coverage)
    );
    Some((ReasonCode::CoverageShort, text))
}

fn logs_incomplete(context: &Context<'_>, _: &'static Engine) -> Option<(ReasonCode, String)> {
    let failed = context.usage.coverage.files_to_retry;
    (failed > 0).then(|| {
        (
            ReasonCode::LogsIncomplete,
            format!("{} could not be read whole; see the errors, and run it again", plural(failed, "log file")),
        )
    })
}

fn records_unparsed(context: &Context<'_>, _: &'static Engine) -> Option<(ReasonCode, String)> {
    let unparsed = context.usage.coverage.unparsed;
    (unparsed > 0).then(|| {
        (ReasonCode::RecordsUnparsed, format!("{} could not be understood", plural(unparsed, "connection record")))
    })
}

fn transport_unknown(context: &Context<'_>, engine: &'static Engine) -> Option<(ReasonCode, String)> {
    let unknown = context.usage.connections.unknown;
    (unknown > 0).then(|| {
        (
            ReasonCode::TransportUnknown,
            format!("the log cannot tell how {} were carried{}", plural(unknown, "session"), ask_live(engine)),
        )
    })
}

/// Handshakes that failed; scanners and health checks are no clients.
fn handshakes_failed(usage: &Usage) -> u64 {
    usage.handshakes_failed.iter().filter(|(cause, _)| *cause != "probe").map(|(_, count)| count).sum()
}

fn tls_attempts(context: &Context<'_>, _: &'static Engine) -> Option<(ReasonCode, String)> {
    let failed = handshakes_failed(context.usage);
    let rejected = context.usage.rejected.tls;
    (failed + rejected > 0).then(|| {
        let text =
            format!("TLS was tried: {} failed, {} refused", plural(failed, "handshake"), plural(rejected, "attempt"));
        (ReasonCode::TlsAttempts, text)
    })
}

fn older_sessions(context: &Context<'_>, _: &'static Engine) -> Option<(ReasonCode, String)> {
    let older = context.usage.older_sessions.iter().filter(|(client, _)| is_remote(client.address.as_deref()));
    let (clients, sessions) = older.fold((0, 0), |(clients, sessions), (_, count)| (clients + 1, sessions + count));
    (clients > 0).then(|| {
        let oldest = context.usage.oldest_unseen.map_or_else(String::new, |oldest| {
            format!(", the oldest before {}", oldest.strftime("%Y-%m-%d %H:%M"))
        });
        let text = format!(
            "{} left that {} opened before the window{oldest}: how they were carried is not known; ask the live sessions, or look further back",
            plural(sessions, "session"),
            plural(clients, "client")
        );
        (ReasonCode::OlderSessions, text)
    })
}

fn no_clients(context: &Context<'_>, _: &'static Engine) -> Option<(ReasonCode, String)> {
    let seen = context.usage.connections.sum() - context.usage.connections.local;
    (seen < context.policy.least_connections).then(|| {
        let demanded = context.policy.least_connections;
        let were = match seen {
            0 => "no session of a client was".to_owned(),
            1 => "1 session of a client was".to_owned(),
            _ => format!("{seen} sessions of clients were"),
        };
        let are = if demanded == 1 { "is" } else { "are" };
        let text = format!(
            "{were} seen, and {demanded} {are} demanded: nobody connected, or their sessions are older than the window"
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
            format!(" (95 % sure: at most {} of sessions like these use it)", percent(share))
        });
        let text =
            format!("{} from {}, none of them with TLS{share}", plural(without, "session"), plural(clients, "client"));
        (ReasonCode::OnlyPlaintext, text)
    })
}

fn plaintext_too(context: &Context<'_>, _: &'static Engine) -> Option<(ReasonCode, String)> {
    let connections = &context.usage.connections;
    (connections.plaintext > 0 && connections.tls > 0).then(|| {
        (ReasonCode::PlaintextToo, format!("{} without TLS besides", plural(connections.plaintext, "session")))
    })
}

pub(super) fn is_remote(address: Option<&str>) -> bool {
    address.is_none_or(|address| !is_local(address.as_bytes()))
}
