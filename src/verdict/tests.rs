//! What no verdict may ever be, whatever the evidence.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use ssl_usage_parsers::{ENGINES, Engine, Values};

use super::*;
use crate::inventory::{Certificate, Level, Parameter, PendingAction};
use crate::usage::made::{self, Made};
use crate::usage::{Above, Client, Coverage, Metrics, Transports, metric};
use crate::window::Window;

fn now() -> Timestamp {
    Timestamp::from_second(1_795_392_000).expect("in range")
}

fn days(days: i64) -> Timestamp {
    now().checked_add(SignedDuration::from_hours(24 * days)).expect("in range")
}

/// A parameter as a test gives it: absent, or a value and whether it is in effect.
type Setting = Option<(&'static str, bool)>;

fn profile(settings: [(&str, Setting); 3], engine: &str, version: &str, mode: Option<&str>) -> InstanceProfile {
    let parameter = |(value, in_effect): (&str, bool)| Parameter {
        value: Some(value.to_owned()),
        is_static: false,
        level: Level::Instance,
        in_effect,
        group: "custom".to_owned(),
    };
    let parameters = settings.into_iter().filter_map(|(name, setting)| Some((name.to_owned(), parameter(setting?))));
    InstanceProfile {
        arn: "arn:aws:rds:eu-west-1:123456789012:db:orders".to_owned(),
        account: "123456789012".to_owned(),
        region: "eu-west-1".to_owned(),
        instance: "orders".to_owned(),
        cluster: None,
        engine: engine.to_owned(),
        engine_version: version.to_owned(),
        engine_mode: mode.map(str::to_owned),
        status: "available".to_owned(),
        created_at: None,
        iam_authentication: true,
        certificate: Certificate {
            ca: Some("rds-ca-rsa2048-g1".to_owned()),
            valid_till: Some(days(30)),
            ca_valid_till: Some(days(12_000)),
            target_ca: Some("rds-ca-rsa2048-g1".to_owned()),
            target_ca_valid_till: Some(days(12_000)),
            pending_ca: None,
            rotates_without_restart: Some(false),
        },
        pending: Vec::new(),
        parameters: parameters.collect(),
        proxies: Vec::new(),
        log_exports: Vec::new(),
        unknown: Vec::new(),
    }
}

fn logged(version: &str) -> InstanceProfile {
    let settings =
        [("log_connections", Some(("1", true))), ("rds.force_ssl", Some(("0", true))), ("ssl", Some(("1", true)))];
    profile(settings, "postgres", version, None)
}

/// Full coverage, and plaintext clients only: the one usage that lets a rotation wait.
fn plaintext_only() -> Usage {
    let client = Client { user: Some("app".to_owned()), address: Some("10.0.0.7".to_owned()), ..Client::default() };
    let sessions = Transports { plaintext: 100, ..Transports::default() };
    Usage {
        connections: sessions,
        received: 100,
        disconnected: 100,
        clients: BTreeMap::from([(client, crate::usage::ClientUsage { sessions, ..Default::default() })]),
        coverage: Coverage {
            asked: Some(Window::days_before(now(), 14)),
            share: 1.0,
            files: 336,
            ..Coverage::default()
        },
        ..Usage::default()
    }
}

fn judged(profile: &InstanceProfile, usage: &Usage) -> Verdict {
    judge(profile, usage, &Policy::default(), now())
}

#[test]
fn plaintext_clients_under_full_coverage_let_the_rotation_wait() {
    let verdict = judged(&logged("16.4"), &plaintext_only());
    assert_eq!((verdict.usage, verdict.rotation), (UsageVerdict::NotObserved, Rotation::Deferrable));
    assert_eq!(verdict.outlook.act_by, Some(days(30)), "it carries the date");
    assert!(verdict.commands.is_empty(), "AWS does not offer the next certificate yet: {:?}", verdict.commands);
    let mut retired = logged("16.4");
    retired.certificate.ca = Some("rds-ca-2019".to_owned());
    retired.certificate.ca_valid_till = Some(days(20));
    let verdict = judged(&retired, &plaintext_only());
    assert_eq!((verdict.outlook.change, verdict.outlook.act_by), (Change::Root, Some(days(20))));
    let command = verdict.commands.first().expect("a command").join(" ");
    assert_eq!(
        command,
        "aws --region eu-west-1 rds modify-db-instance --db-instance-identifier orders --ca-certificate-identifier \
         rds-ca-rsa2048-g1 --no-certificate-rotation-restart --apply-immediately"
    );
}

/// What is wrong with evidence that would let a rotation wait.
type Doubt = fn(&mut InstanceProfile, &mut Usage);

/// Each row: one thing that is wrong with that evidence, and the reason that is due.
#[test]
fn one_doubt_is_enough_to_demand_the_rotation() {
    let rows: [(ReasonCode, Doubt); 20] = [
        (ReasonCode::LogsIncomplete, |_, usage| usage.coverage.files_to_retry = 1),
        (ReasonCode::CoverageShort, |_, usage| {
            // Made an hour ago.
            let from = now().checked_sub(SignedDuration::from_hours(1)).expect("in range");
            usage.coverage.asked = Some(Window { from, to: now() });
        }),
        (ReasonCode::TlsConnections, |_, usage| usage.connections.tls = 1),
        (ReasonCode::IamAuthentication, |_, usage| usage.auth_methods = BTreeMap::from([("pam".to_owned(), 1)])),
        (ReasonCode::ClientRejectedCertificate, |_, usage| {
            usage.certificate_rejected_by = BTreeMap::from([("10.0.0.8".to_owned(), 1)]);
        }),
        (ReasonCode::TlsEnforced, |profile, _| {
            profile.parameters.get_mut("rds.force_ssl").expect("set").value = Some("1".to_owned());
        }),
        (ReasonCode::EngineUnknown, |profile, _| profile.engine = "custom-oracle-ee".to_owned()),
        (ReasonCode::VersionCannotTell, |profile, _| profile.engine_version = "9.3.25".to_owned()),
        (ReasonCode::LoggingOff, |profile, _| {
            profile.parameters.get_mut("log_connections").expect("set").value = Some("receipt".to_owned());
        }),
        (ReasonCode::LoggingUnknown, |profile, _| drop(profile.parameters.remove("log_connections"))),
        (ReasonCode::EnforcementUnknown, |profile, _| {
            profile.parameters.remove("rds.force_ssl");
            profile.unknown.push("rds:DescribeDBClusterParameters".to_owned());
        }),
        (ReasonCode::CoverageShort, |_, usage| usage.coverage.share = 0.94),
        (ReasonCode::RecordsUnparsed, |_, usage| usage.coverage.unparsed = 1),
        (ReasonCode::TransportUnknown, |_, usage| usage.connections.unknown = 1),
        (ReasonCode::TlsAttempts, |_, usage| usage.rejected.tls = 1),
        (ReasonCode::OlderSessions, |_, usage| {
            usage.older_sessions =
                BTreeMap::from([(Client { address: Some("10.0.0.9".to_owned()), ..Client::default() }, 1)]);
        }),
        (ReasonCode::IamMetric, |_, usage| usage.metrics.iam_logins = Some(above(1))),
        (ReasonCode::ProxyTls, |_, usage| {
            let known = BTreeMap::from([(metric::DATABASE_REQUESTS_WITH_TLS, above(1))]);
            usage.metrics.proxies = BTreeMap::from([("front".to_owned(), known)]);
        }),
        (ReasonCode::OlderSessionsOpen, |_, usage| usage.metrics.always_open = Some(1)),
        (ReasonCode::MetricContradictsLog, |_, usage| {
            (usage.connections, usage.received) = (Transports::default(), 0);
            usage.metrics.most_open_while_logged = Some(1);
        }),
    ];
    for (code, spoil) in rows {
        let (mut profile, mut usage) = (logged("16.4"), plaintext_only());
        spoil(&mut profile, &mut usage);
        let verdict = judged(&profile, &usage);
        assert_eq!(verdict.rotation, Rotation::Required, "{code:?}");
        assert_eq!(verdict.reasons.first().map(|reason| reason.code), Some(code), "{:?}", verdict.reasons);
        let proven = code.bearing() == Bearing::InUse;
        assert_eq!(verdict.unproven, !proven, "{code:?}");
    }
}

fn above(sum: u64) -> Above {
    let hours = u64::from(sum > 0);
    Above { sum, hours, span: (sum > 0).then(|| Window::days_before(now(), 1)) }
}

/// What is not known of the metrics is told, and what is known is not.
#[test]
fn metrics_that_are_not_known_are_not_examined() {
    let blind = |usage: &Usage, profile: &InstanceProfile| judged(profile, usage).not_examined.join("\n");
    let (mut usage, mut profile) = (plaintext_only(), logged("16.4"));
    let untold = blind(&usage, &profile);
    assert!(untold.contains("DatabaseConnections") && untold.contains("IamDbAuth") && !untold.contains("Proxy"));
    profile.proxies = vec!["front".to_owned()];
    assert!(blind(&usage, &profile).contains("Proxy"));
    profile.proxies.clear();
    profile.unknown = vec!["rds:DescribeDBProxies".to_owned()];
    assert!(blind(&usage, &profile).contains("Proxy"), "whether there is one is not known");
    profile.unknown.clear();
    (usage.metrics.always_open, usage.metrics.iam_logins) = (Some(0), Some(above(0)));
    assert_eq!(judged(&profile, &usage).not_examined.len(), 1);
}

#[test]
fn a_command_names_what_holds_the_certificate() {
    let command = |engine: &str, cluster: Option<&str>, pending_on: Option<&str>| {
        let mut profile = profile([("", None), ("", None), ("", None)], engine, "16.4", None);
        profile.cluster = cluster.map(str::to_owned);
        match pending_on {
            Some(resource) => profile.pending.push(PendingAction {
                resource: Some(resource.to_owned()),
                action: "server-certificate-rotation".to_owned(),
                auto_applied_after: None,
                forced_apply: Some(days(20)),
                current_apply: None,
            }),
            None => {
                profile.certificate.ca = Some("rds-ca-2019".to_owned());
                profile.certificate.ca_valid_till = Some(days(30));
            }
        }
        let commands = judged(&profile, &Usage::default()).commands;
        commands.last().map(|words| words[4..7].join(" ")).unwrap_or_default()
    };
    let by_instance = "modify-db-instance --db-instance-identifier orders";
    assert_eq!(command("postgres", None, None), by_instance);
    assert_eq!(command("aurora-mysql", Some("shop"), None), by_instance);
    assert_eq!(command("docdb", Some("shop"), None), by_instance);
    assert_eq!(command("postgres", Some("shop"), None), "modify-db-cluster --db-cluster-identifier shop");
    let arn = "arn:aws:rds:eu-west-1:123456789012:cluster:shop";
    let applied = format!("apply-pending-maintenance-action --resource-identifier {arn}");
    assert_eq!(command("postgres", Some("shop"), Some(arn)), applied);
}

#[test]
fn no_evidence_at_all_is_required_and_unproven() {
    let verdict = judged(&logged("16.4"), &Usage::default());
    assert_eq!((verdict.rotation, verdict.unproven), (Rotation::Required, true));
}

#[test]
fn a_certificate_that_lasts_is_optional_only_while_nothing_threatens_it() {
    let mut good = logged("16.4");
    good.certificate.valid_till = Some(days(900));
    assert_eq!(judged(&good, &plaintext_only()).rotation, Rotation::Optional);
    let threats: [fn(&mut InstanceProfile); 6] = [
        // What is scheduled for its cluster is not known.
        |profile| profile.unknown.push("rds:DescribeDBClusters".to_owned()),
        |profile| profile.certificate.valid_till = Some(days(30)),
        |profile| profile.certificate.ca_valid_till = None,
        |profile| profile.certificate.ca_valid_till = Some(days(30)),
        |profile| profile.certificate.pending_ca = Some("rds-ca-ecc384-g1".to_owned()),
        |profile| {
            let action = "server-certificate-rotation".to_owned();
            profile.pending.push(PendingAction {
                resource: None,
                action,
                auto_applied_after: None,
                forced_apply: None,
                current_apply: None,
            });
        },
    ];
    for (number, threaten) in threats.into_iter().enumerate() {
        let mut threatened = good.clone();
        threaten(&mut threatened);
        assert_eq!(judged(&threatened, &Usage::default()).rotation, Rotation::Required, "threat {number}");
    }
}

/// Settings that contradict each other, and TLS that a switch would not have let pass, rule nothing out.
#[test]
fn a_switch_that_something_contradicts_rules_nothing_out() {
    let off = || {
        let mut profile = logged("16.4");
        profile.parameters.get_mut("ssl").expect("set").value = Some("0".to_owned());
        profile
    };
    assert_eq!(judged(&off(), &Usage::default()).rotation, Rotation::Optional);
    let rows: [Doubt; 5] = [
        |profile, _| profile.parameters.get_mut("rds.force_ssl").expect("set").value = Some("1".to_owned()),
        |profile, _| {
            let forced = profile.parameters.get_mut("rds.force_ssl").expect("set");
            (forced.value, forced.in_effect) = (Some("1".to_owned()), false);
        },
        |_, usage| usage.rejected.tls = 1,
        |_, usage| usage.system.tls = 1,
        |_, usage| usage.handshakes_failed = BTreeMap::from([("other".to_owned(), 1)]),
    ];
    for (number, contradict) in rows.into_iter().enumerate() {
        let (mut profile, mut usage) = (off(), Usage::default());
        contradict(&mut profile, &mut usage);
        assert_eq!(judged(&profile, &usage).rotation, Rotation::Required, "row {number}");
    }
}

#[test]
fn sentences_are_whole_whatever_is_missing() {
    let mut profile = logged("16.4");
    profile.parameters.remove("log_connections");
    let texts = |profile: &InstanceProfile, usage: &Usage| -> String {
        judged(profile, usage).reasons.iter().map(|reason| format!("{}\n", reason.text)).collect()
    };
    let untold = texts(&profile, &Usage::default());
    assert!(
        untold.contains("the value of log_connections is not known: no group of the instance names it"),
        "{untold}"
    );
    assert!(
        untold.contains("no session of a client was seen, and 1 is demanded") && !untold.contains("()"),
        "{untold}"
    );
    profile.unknown = vec!["rds:DescribeDBProxies".to_owned(), "rds:DescribeDBParameters".to_owned()];
    let untold = texts(&profile, &Usage::default());
    assert!(untold.contains("log_connections could not be asked (rds:DescribeDBParameters)"), "{untold}");
    let tls = Transports { tls: 1, ..Transports::default() };
    let versionless = texts(&logged("16.4"), &Usage { connections: tls, ..plaintext_only() });
    assert!(versionless.starts_with("1 session with TLS") && !versionless.contains("()"), "{versionless}");
    let policy = Policy { least_connections: 200, ..Policy::default() };
    let few = judge(&logged("16.4"), &plaintext_only(), &policy, now());
    assert!(few.reasons[0].text.starts_with("100 sessions of clients were seen, and 200 are demanded"), "{few:?}");
}

/// What the log of an engine shows.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Log {
    /// Sessions, over the whole window, all of them carried in plaintext where the log marks TLS.
    Tells,
    /// It is there, and no session is in it.
    Mute,
    /// It is not there.
    Missing,
}

/// How an engine's switch of TLS stands.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Switch {
    /// Nothing is ruled out and nothing is enforced.
    Neither,
    RulesOut,
    RulesOutPending,
    Enforces,
    EnforcesPending,
    /// It could not be asked.
    Untold,
}

/// An instance of an engine whose sessions are logged, with its switch of TLS as told; none for an engine without one.
fn instance_of(engine: &'static Engine, switch: Switch) -> Option<InstanceProfile> {
    let version = engine.marks_tls_from.map_or("1.0".to_owned(), |(major, minor)| format!("{}.{minor}", major + 1));
    let mut profile = profile([("", None), ("", None), ("", None)], engine.aws_names[0], &version, None);
    let mut set = |name: &str, value: &str, in_effect| {
        let group = "custom".to_owned();
        let value = Some(value.to_owned());
        let parameter = Parameter { value, is_static: true, level: Level::Instance, in_effect, group };
        profile.parameters.insert(name.to_owned(), parameter);
    };
    for logging in engine.logs.iter().flat_map(|logs| logs.switches) {
        set(logging.parameter, logging.set_to, true);
    }
    let rules_out = engine.tls_switches.iter().find_map(|switch| Some((switch.parameter, *switch.rules_out.first()?)));
    let enforces = engine.tls_switches.iter().find_map(|switch| match switch.enforces {
        Values::Only(values) => Some((switch.parameter, *values.first()?)),
        Values::AllBut(_) => Some((switch.parameter, "enabled")),
    });
    let (chosen, in_effect) = match switch {
        Switch::Neither | Switch::Untold => return Some(profile),
        Switch::RulesOut => (rules_out?, true),
        Switch::RulesOutPending => (rules_out?, false),
        Switch::Enforces => (enforces?, true),
        Switch::EnforcesPending => (enforces?, false),
    };
    set(chosen.0, chosen.1, in_effect);
    for name in engine.tls_switches.iter().flat_map(|switch| switch.unless) {
        set(name, "", true);
    }
    Some(profile)
}

/// What CloudWatch shows of the sessions that are open.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Meter {
    /// Nothing: it could not be asked, or nothing was measured.
    Untold,
    /// None, in all hours.
    Zero,
    /// Some, at every moment.
    Open,
}

impl Meter {
    fn metrics(self) -> Metrics {
        let all = |open| Metrics {
            always_open: Some(open),
            most_open: Some(open),
            most_open_while_logged: Some(open),
            ..Metrics::default()
        };
        match self {
            Self::Untold => Metrics::default(),
            Self::Zero => all(0),
            Self::Open => all(2),
        }
    }
}

fn usage_by(engine: &Engine, log: Log, clients: bool) -> Usage {
    let mut usage = match log {
        Log::Tells => plaintext_only(),
        Log::Mute | Log::Missing => Usage::default(),
    };
    let coverage = &mut usage.coverage;
    coverage.asked = Some(Window::days_before(now(), 14));
    (coverage.files, coverage.files_mute) = match log {
        Log::Tells => (336, 0),
        Log::Mute => (336, 336),
        Log::Missing => (0, 0),
    };
    match (log, clients) {
        (Log::Tells, true) if engine.marks_tls_from.is_none() => {
            usage.connections = Transports { unknown: 100, ..Transports::default() };
        }
        (Log::Tells, true) => {}
        (Log::Tells, false) => (usage.connections, usage.clients) = (Transports::default(), BTreeMap::new()),
        // Seen only to leave.
        (Log::Mute | Log::Missing, true) => {
            let client = Client { address: Some("10.0.0.9".to_owned()), ..Client::default() };
            usage.older_sessions = BTreeMap::from([(client, 1)]);
        }
        (Log::Mute | Log::Missing, false) => {}
    }
    usage
}

/// All that logs and metrics can show together.
fn shown() -> impl Iterator<Item = (Log, bool, Meter)> {
    let logs = [Log::Tells, Log::Mute, Log::Missing].into_iter();
    let seen = logs.flat_map(|log| [(log, true), (log, false)]);
    seen.flat_map(|(log, clients)| [Meter::Untold, Meter::Zero, Meter::Open].map(|meter| (log, clients, meter)))
}

/// Every engine, whatever its log shows, its switch says, CloudWatch measured, and whether clients are seen: the one
/// verdict that is due.
#[test]
fn every_engine_gives_the_verdict_that_its_evidence_allows() {
    let switches = [
        Switch::Neither,
        Switch::RulesOut,
        Switch::RulesOutPending,
        Switch::Enforces,
        Switch::EnforcesPending,
        Switch::Untold,
    ];
    let mut judged_at_all = 0;
    for engine in ENGINES {
        for switch in switches {
            let Some(profile) = instance_of(engine, switch) else { continue };
            for (log, clients, meter) in shown() {
                let usage = Usage { metrics: meter.metrics(), ..usage_by(engine, log, clients) };
                let verdict = judged(&profile, &usage);
                let decides = engine.tls_switches.iter().any(|switch| switch.decides);
                let told = engine.marks_tls_from.is_some() && log == Log::Tells && clients && meter != Meter::Open;
                let due = if engine.certificate_elsewhere.is_some() || switch == Switch::RulesOut {
                    (Rotation::Optional, false)
                } else if switch == Switch::Enforces && (clients || decides || meter == Meter::Open) {
                    (Rotation::Required, false)
                } else if switch != Switch::Enforces && told {
                    (Rotation::Deferrable, false)
                } else {
                    (Rotation::Required, true)
                };
                let found = (verdict.rotation, verdict.unproven);
                assert_eq!(found, due, "{} {switch:?} {log:?} {clients} {meter:?}: {:?}", engine.id, verdict.reasons);
                judged_at_all += 1;
            }
        }
    }
    assert!(judged_at_all > 450, "{judged_at_all}");
}

fn setting() -> impl Strategy<Value = Setting> {
    let value = prop::sample::select(vec!["0", "1", "on", "off", "", "receipt", "all"]);
    prop::option::of((value, any::<bool>()))
}

fn counts() -> impl Strategy<Value = Transports> {
    let few = || 0u64..3;
    (few(), few(), few(), few(), few()).prop_map(|(tls, plaintext, local, unknown, gss)| Transports {
        tls,
        plaintext,
        local,
        unknown,
        gss,
    })
}

fn metrics() -> impl Strategy<Value = Metrics> {
    let few = || prop::option::of(0u64..3);
    let names = [metric::CLIENTS_WITH_TLS, metric::DATABASE_CONNECTIONS, metric::DATABASE_CONNECTIONS_WITH_TLS];
    let of_proxy = prop::option::of((prop::sample::select(names.to_vec()), 0u64..2));
    (few(), few(), few(), few(), of_proxy).prop_map(|(always_open, most_open, logged, logins, of_proxy)| Metrics {
        always_open,
        most_open,
        most_open_while_logged: logged,
        iam_logins: logins.map(above),
        proxies: of_proxy
            .map(|(name, sum)| ("front".to_owned(), BTreeMap::from([(name, above(sum))])))
            .into_iter()
            .collect(),
    })
}

/// A switch of TLS that neither rules it out nor demands it, as far as is known.
fn open_switch() -> impl Strategy<Value = Switch> {
    let open = [Switch::Neither, Switch::Untold, Switch::RulesOutPending, Switch::EnforcesPending];
    prop::sample::select(open.to_vec())
}

fn any_engine() -> impl Strategy<Value = &'static Engine> {
    prop::sample::select(ENGINES.to_vec())
}

/// Readings of any kinds of logs, files and CloudWatch Logs, in the two days of the window and the one before; `carried`
/// is how the sessions of clients in them are.
fn readings(carried: &'static [&'static str]) -> impl Strategy<Value = Vec<Made>> {
    let events = ["connected", "connected", "connected", "received", "rejected", "disconnected", "handshake_failed"];
    let event = prop::option::weighted(0.8, prop::sample::select(events.to_vec()));
    let one = (0usize..6, -24i64..48, prop::bool::weighted(0.2), event, prop::sample::select(carried.to_vec()));
    let made = (one, any::<bool>(), prop::sample::select(vec!["app", "batch"]));
    let made = made.prop_map(|((place, hour, torn, event, carried), system, user)| {
        // AWS's own come by TLS and without it.
        let transport = if system { ["tls", "plaintext"][place % 2] } else { carried };
        Made { place, hour, torn, event, transport, user: if system { "rdsadmin" } else { user }, system }
    });
    prop::collection::vec(made, 0..120)
}

fn open_sessions() -> impl Strategy<Value = Vec<(i64, f64)>> {
    prop::collection::vec((-24i64..50, prop::sample::select(vec![0.0, 0.5, 3.0])), 0..80)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Of no engine, whatever its logs and CloudWatch show: without a session whose transport is known, and without a
    /// switch that decides, nobody can tell.
    #[test]
    fn without_a_transport_or_a_switch_nobody_can_tell(
        engine in any_engine(), switch in open_switch(),
        logs in readings(&["unknown", "local"]), open in open_sessions(),
    ) {
        let Some(profile) = instance_of(engine, switch) else { return Ok(()) };
        let usage = made::usage(&profile, Window::days_before(now(), 2), &logs, &open);
        let verdict = judged(&profile, &usage);
        let found = (verdict.rotation, verdict.unproven);
        let due = if engine.always_tls.is_some() { (Rotation::Optional, false) } else { (Rotation::Required, true) };
        prop_assert_eq!(found, due, "{} {:?}", engine.id, verdict.reasons);
    }

    /// Whatever other logs show of the same hours, whatever stood in them before the window, and whatever switch is set.
    #[test]
    fn a_session_of_a_client_with_tls_is_never_lost(
        engine in any_engine(),
        switch in prop::sample::select(vec![Switch::Neither, Switch::RulesOut, Switch::RulesOutPending, Switch::Enforces]),
        logs in readings(&["plaintext", "plaintext", "unknown", "tls"]), open in open_sessions(),
        place in 0usize..6, hour in 0i64..48, torn in any::<bool>(),
    ) {
        let Some(profile) = instance_of(engine, switch).filter(|profile| !made::places(profile).is_empty()) else {
            return Ok(());
        };
        // Whatever else shows TLS lies before the window.
        let harmless = |made: &Made| made.system || made.transport != "tls" || made.hour < 0;
        let mut logs: Vec<Made> = logs.into_iter().filter(harmless).collect();
        let (event, transport) = (Some("connected"), "tls");
        logs.insert(0, Made { place, hour, torn, event, transport, user: "app", system: false });
        let usage = made::usage(&profile, Window::days_before(now(), 2), &logs, &open);
        let verdict = judged(&profile, &usage);
        prop_assert_eq!((verdict.usage, verdict.rotation), (UsageVerdict::InUse, Rotation::Required), "{:?}", verdict.reasons);
        prop_assert_eq!(usage.connections.tls, 1);
    }

    /// A rotation waits only for logs that show nearly all hours, by sessions in logs that leave none out, and once all
    /// sessions that began unseen may have ended.
    #[test]
    fn a_rotation_waits_only_for_hours_that_were_seen(
        engine in any_engine(), switch in open_switch(), logs in readings(&["plaintext", "plaintext", "local"]),
        whole in prop::option::weighted(0.8, 0usize..6), open in open_sessions(),
    ) {
        let Some(profile) = instance_of(engine, switch) else { return Ok(()) };
        let places = made::places(&profile);
        let hour = |place: usize, hour: i64| Made {
            place, hour, torn: false, event: Some("connected"), transport: "plaintext", user: "app", system: false,
        };
        let all: Vec<Made> =
            logs.into_iter().chain(whole.into_iter().flat_map(|place| (0..48).map(move |at| hour(place, at)))).collect();
        let usage = made::usage(&profile, Window::days_before(now(), 2), &all, &open);
        let verdict = judged(&profile, &usage);
        if verdict.rotation != Rotation::Deferrable {
            return Ok(());
        }
        // Oracle's audit trail holds only some sessions.
        let complete = |made: &Made| engine.id != "oracle" || !places[made.place % places.len()].starts_with("audit/");
        let tells = |made: &&Made| made.event == Some("connected") && !made.torn && complete(made);
        let hours: BTreeSet<i64> = all.iter().filter(tells).map(|made| made.hour).filter(|at| *at >= 0).collect();
        prop_assert!(hours.len() >= 46, "{} of 48 hours: {:?}", hours.len(), verdict.reasons);
        prop_assert!(engine.marks_tls_from.is_some() && usage.connections.plaintext > 0);
        prop_assert!(usage.metrics.always_open.unwrap_or(0) == 0);
    }
}

proptest! {
    /// Whatever is measured, the verdict is what it is without, or it is stricter; and TLS that was seen stays seen.
    #[test]
    fn no_metric_makes_a_verdict_milder(
        logging in setting(), forced in setting(), ssl in setting(),
        engine in prop::sample::select(vec!["postgres", "mysql", "oracle-ee", "sqlserver-se", "docdb", "neptune"]),
        connections in counts(), left in any::<bool>(), share in prop_oneof![Just(1.0), 0.0f64..1.0],
        valid in -10i64..800, metrics in metrics(),
    ) {
        let settings = [("log_connections", logging), ("rds.force_ssl", forced), ("ssl", ssl)];
        let mut profile = profile(settings, engine, "14.2", None);
        profile.certificate.valid_till = Some(days(valid));
        let coverage = Coverage { share, files: 1, asked: Some(Window::days_before(now(), 14)), ..Coverage::default() };
        let mut usage = Usage { connections, coverage, ..Usage::default() };
        if left {
            usage.older_sessions.insert(Client { address: Some("10.0.0.9".to_owned()), ..Client::default() }, 1);
        }
        let without = judged(&profile, &usage);
        let with = judged(&profile, &Usage { metrics: metrics.clone(), ..usage });
        // The strictest comes first.
        prop_assert!(with.rotation <= without.rotation, "{:?} became {:?}", without.reasons, with.reasons);
        prop_assert!(without.usage != UsageVerdict::InUse || with.usage == UsageVerdict::InUse);
        if with.rotation == Rotation::Deferrable {
            prop_assert!(metrics.always_open.is_none_or(|open| open == 0), "sessions may be older: {:?}", with.reasons);
            prop_assert!(metrics.iam_logins.is_none_or(|logins| logins.sum == 0), "logins by IAM: {:?}", with.reasons);
        }
        prop_assert!(with.enforcement != Enforcement::Safe || without.enforcement == Enforcement::Safe);
    }

    /// `deferrable` needs logging in effect, full coverage, clients without TLS, and nothing that could be TLS; `optional`
    /// needs a certificate that lasts, or a switch that is off and in effect.
    #[test]
    fn mild_verdicts_need_their_proof(
        logging in setting(), forced in setting(), ssl in setting(),
        version in prop::sample::select(vec!["9.3", "9.4", "14.2", "18.1", "?"]),
        engine in prop::sample::select(vec!["postgres", "aurora-postgresql", "db2-se"]),
        connections in counts(), rejected in counts(), share in prop_oneof![Just(1.0), 0.0f64..1.0], unparsed in 0u64..2, valid in -10i64..800,
    ) {
        let settings = [("log_connections", logging), ("rds.force_ssl", forced), ("ssl", ssl)];
        let mut profile = profile(settings, engine, version, None);
        profile.certificate.valid_till = Some(days(valid));
        let coverage = Coverage { share, unparsed, files: 1, asked: Some(Window::days_before(now(), 14)), ..Coverage::default() };
        let usage = Usage { connections, rejected, coverage, ..Usage::default() };
        let verdict = judged(&profile, &usage);
        let on = |setting: Setting, on: &[&str]| setting.is_some_and(|(value, effect)| effect && on.contains(&value));
        if verdict.rotation == Rotation::Deferrable {
            prop_assert!(on(logging, &["1", "on", "all"]) && share >= 0.95 && unparsed == 0 && version != "9.3");
            prop_assert!(connections.tls == 0 && connections.unknown == 0 && connections.plaintext + connections.gss > 0);
            prop_assert!(!on(forced, &["1", "on"]) && rejected.tls == 0 && engine != "db2-se");
        }
        if verdict.rotation == Rotation::Optional {
            let off = on(ssl, &["0", "off"]) && connections.tls == 0 && engine != "db2-se";
            prop_assert!(valid > 365 || off, "{:?}", verdict.reasons);
        }
        prop_assert_eq!(verdict.unproven, verdict.rotation == Rotation::Required && verdict.usage == UsageVerdict::Undetermined);
        prop_assert!(!verdict.reasons.is_empty(), "every verdict has a reason");
    }
}
