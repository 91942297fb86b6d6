//! Every engine, and all that its logs, its settings and CloudWatch can say together.

use std::collections::BTreeMap;

use ssl_usage_parsers::{ENGINES, Engine, Values};

use super::*;
use crate::usage::Metrics;

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
pub(super) enum Switch {
    /// Nothing is ruled out and nothing is enforced.
    Neither,
    RulesOut,
    RulesOutPending,
    Enforces,
    EnforcesPending,
    /// It could not be read.
    Untold,
}

/// How the settings stand without which an engine's logs hold no sessions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Logging {
    On,
    Off,
    OnPending,
    /// No group of the instance names them.
    Untold,
}

/// An instance of an engine with these settings; none for an engine without such a switch of TLS.
pub(super) fn instance_of(engine: &'static Engine, switch: Switch, logging: Logging) -> Option<InstanceProfile> {
    let version = engine.marks_tls_from.map_or("1.0".to_owned(), |(major, minor)| format!("{}.{minor}", major + 1));
    let mut profile = profile([("", None), ("", None), ("", None)], engine.aws_names[0], &version, None);
    let mut set = |name: &str, value: &str, in_effect| {
        let group = "custom".to_owned();
        let value = Some(value.to_owned());
        let parameter = Parameter { value, is_static: true, level: Level::Instance, in_effect, group };
        profile.parameters.insert(name.to_owned(), parameter);
    };
    for needed in engine.logs.iter().flat_map(|logs| logs.switches) {
        match logging {
            Logging::On => set(needed.parameter, needed.set_to, true),
            Logging::Off => set(needed.parameter, "none", true),
            Logging::OnPending => set(needed.parameter, needed.set_to, false),
            Logging::Untold => {}
        }
    }
    let rules_out = engine.tls_switches.iter().find_map(|switch| Some((switch.parameter, *switch.rules_out.first()?)));
    let enforces = engine.tls_switches.iter().find_map(|switch| match switch.enforces {
        Values::Only(values) => Some((switch.parameter, *values.first()?)),
        Values::AllBut(_) => Some((switch.parameter, "enabled")),
    });
    let (chosen, in_effect) = match switch {
        Switch::Neither => return Some(profile),
        Switch::Untold => {
            profile.unknown.push("rds:DescribeDBParameters".to_owned());
            return Some(profile);
        }
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
    /// Nothing: it could not be read, or nothing was measured.
    Untold,
    /// None, in all hours.
    Zero,
    /// Some, at every moment.
    Open,
}

impl Meter {
    fn metrics(self) -> Metrics {
        let all = |open| Metrics {
            unaccounted: Some(open),
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

/// Every engine, whatever its log shows, its settings say, CloudWatch measured, and whether clients are seen: the one
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
    let loggings = [Logging::On, Logging::Off, Logging::OnPending, Logging::Untold];
    let settings = switches.iter().flat_map(|switch| loggings.map(|logging| (*switch, logging)));
    let mut judged_at_all = 0;
    for (engine, (switch, logging)) in ENGINES.iter().flat_map(|engine| settings.clone().map(move |set| (engine, set)))
    {
        let Some(profile) = instance_of(engine, switch, logging) else { continue };
        // Oracle's listener log cannot be switched off, and sessions in a log prove that it is on.
        let logged = matches!(logging, Logging::On | Logging::OnPending)
            || engine.logs.iter().any(|logs| logs.switches.is_empty());
        let may_enforce = matches!(switch, Switch::Untold | Switch::EnforcesPending)
            && engine.shows_rejected_as_sessions
            && engine.tls_switches.iter().any(|switch| !switch.enforces.is_empty());
        let decides = engine.tls_switches.iter().any(|switch| switch.decides);
        for (log, clients, meter) in shown() {
            let usage = Usage { metrics: meter.metrics(), ..usage_by(engine, log, clients) };
            let verdict = judged(&profile, &usage);
            let told = engine.marks_tls_from.is_some() && log == Log::Tells && clients && meter != Meter::Open;
            let due = if engine.certificate_elsewhere.is_some() || switch == Switch::RulesOut {
                (Rotation::Optional, false)
            } else if switch == Switch::Enforces && (clients || decides || meter == Meter::Open) {
                (Rotation::Required, false)
            } else if switch != Switch::Enforces && told && logged && !may_enforce {
                (Rotation::Deferrable, false)
            } else {
                (Rotation::Required, true)
            };
            let found = (verdict.rotation, verdict.unproven);
            let described = format!("{} {switch:?} {logging:?} {log:?} {clients} {meter:?}", engine.id);
            assert_eq!(found, due, "{described}: {:?}", verdict.reasons);
            judged_at_all += 1;
        }
    }
    assert!(judged_at_all > 1_800, "{judged_at_all}");
}
