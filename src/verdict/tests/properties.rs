//! What holds for any evidence, made up at random.

use std::collections::BTreeSet;

use proptest::prelude::*;
use ssl_usage_parsers::{ENGINES, Engine};

use super::matrix::{Logging, Switch, instance_of};
use super::*;
use crate::usage::test_support::{self, Made};

pub(super) fn setting() -> impl Strategy<Value = Setting> {
    let value = prop::sample::select(vec!["0", "1", "on", "off", "", "receipt", "all"]);
    prop::option::of((value, any::<bool>()))
}

pub(super) fn counts() -> impl Strategy<Value = Transports> {
    let few = || 0u64..3;
    (few(), few(), few(), few(), few()).prop_map(|(tls, plaintext, local, unknown, gss)| Transports {
        tls,
        plaintext,
        local,
        unknown,
        gss,
    })
}

/// A switch of TLS that neither rules it out nor demands it, as far as is known.
pub(super) fn open_switch() -> impl Strategy<Value = Switch> {
    let open = [Switch::Neither, Switch::Untold, Switch::RulesOutPending, Switch::EnforcesPending];
    prop::sample::select(open.to_vec())
}

/// Nearly always on, so that much is seen at all.
pub(super) fn any_logging() -> impl Strategy<Value = Logging> {
    prop::sample::select(vec![Logging::On, Logging::On, Logging::On, Logging::Off, Logging::OnPending, Logging::Untold])
}

pub(super) fn any_engine() -> impl Strategy<Value = &'static Engine> {
    prop::sample::select(ENGINES.to_vec())
}

/// Readings of any kinds of logs, files and CloudWatch Logs, in the two days of the window and the one before; `carried`
/// is how the sessions of clients in them are.
pub(super) fn readings(carried: &'static [&'static str]) -> impl Strategy<Value = Vec<Made>> {
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

pub(super) fn open_sessions() -> impl Strategy<Value = Vec<(i64, f64)>> {
    prop::collection::vec((-24i64..50, prop::sample::select(vec![0.0, 0.5, 3.0])), 0..80)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Of no engine, whatever its logs and CloudWatch show: without a session whose transport is known, and without a
    /// switch that decides, nobody can tell.
    #[test]
    fn without_a_transport_or_a_switch_nobody_can_tell(
        engine in any_engine(), switch in open_switch(), logging in any_logging(),
        logs in readings(&["unknown", "local"]), open in open_sessions(),
    ) {
        let Some(profile) = instance_of(engine, switch, logging) else { return Ok(()) };
        let usage = test_support::usage(&profile, Window::days_before(now(), 2), &logs, &open);
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
        logging in any_logging(),
        logs in readings(&["plaintext", "plaintext", "unknown", "tls"]), open in open_sessions(),
        place in 0usize..6, hour in 0i64..48, torn in any::<bool>(),
    ) {
        let Some(profile) = instance_of(engine, switch, logging).filter(|profile| !test_support::sources(profile).is_empty()) else {
            return Ok(());
        };
        // Whatever else shows TLS lies before the window.
        let harmless = |made: &Made| made.system || made.transport != "tls" || made.hour < 0;
        let mut logs: Vec<Made> = logs.into_iter().filter(harmless).collect();
        let (event, transport) = (Some("connected"), "tls");
        logs.insert(0, Made { place, hour, torn, event, transport, user: "app", system: false });
        let usage = test_support::usage(&profile, Window::days_before(now(), 2), &logs, &open);
        let verdict = judged(&profile, &usage);
        prop_assert_eq!((verdict.usage, verdict.rotation), (UsageVerdict::InUse, Rotation::Required), "{:?}", verdict.reasons);
        prop_assert_eq!(usage.connections.tls, 1);
    }

    /// A rotation waits only for logs that show nearly all hours, by sessions in logs that leave none out, and once all
    /// sessions that began unseen may have ended.
    #[test]
    fn a_rotation_waits_only_for_hours_that_were_seen(
        engine in any_engine(), switch in open_switch(), logging in any_logging(), logs in readings(&["plaintext", "plaintext", "local"]),
        whole in prop::option::weighted(0.8, 0usize..6), open in open_sessions(),
    ) {
        let Some(profile) = instance_of(engine, switch, logging) else { return Ok(()) };
        let sources = test_support::sources(&profile);
        let hour = |place: usize, hour: i64| Made {
            place, hour, torn: false, event: Some("connected"), transport: "plaintext", user: "app", system: false,
        };
        let all: Vec<Made> =
            logs.into_iter().chain(whole.into_iter().flat_map(|place| (0..48).map(move |at| hour(place, at)))).collect();
        let usage = test_support::usage(&profile, Window::days_before(now(), 2), &all, &open);
        let verdict = judged(&profile, &usage);
        if verdict.rotation != Rotation::Deferrable {
            return Ok(());
        }
        // Sessions in a log prove that a setting which may not be in effect is.
        let on = matches!(logging, Logging::On | Logging::OnPending);
        prop_assert!(on || engine.id == "oracle", "it is not known that they are logged");
        // Oracle's audit trail holds only some sessions.
        let complete = |made: &Made| engine.id != "oracle" || !sources[made.place % sources.len()].starts_with("audit/");
        let tells = |made: &&Made| made.event == Some("connected") && !made.torn && complete(made);
        let hours: BTreeSet<i64> = all.iter().filter(tells).map(|made| made.hour).collect();
        let judged = usage.coverage.judged.expect("something is judged").length().as_hours();
        let seen = hours.iter().filter(|at| **at >= 48 - judged).count() as f64;
        prop_assert!(judged >= 24 && seen >= 0.95 * judged as f64, "{seen} of {judged} hours: {:?}", verdict.reasons);
        prop_assert!(usage.judged.plaintext > 0);
        prop_assert!(engine.marks_tls_from.is_some() && usage.connections.plaintext > 0);
        prop_assert!(usage.metrics.unaccounted.unwrap_or(0) == 0);
    }
}

proptest! {
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
        let asked = Some(Window::days_before(now(), 14));
        let coverage =
            Coverage { share, judged: asked, judged_share: share, unparsed, files: 1, asked, ..Coverage::default() };
        let usage = Usage { connections, judged: connections, rejected, coverage, ..Usage::default() };
        let verdict = judged(&profile, &usage);
        let on = |setting: Setting, on: &[&str]| setting.is_some_and(|(value, effect)| effect && on.contains(&value));
        if verdict.rotation == Rotation::Deferrable {
            // The log shows sessions, so what may not be in effect is.
            let is_logged = logging.is_some_and(|(value, effect)| !effect || ["1", "on", "all"].contains(&value));
            prop_assert!(is_logged && share >= 0.95 && unparsed == 0 && version != "9.3");
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
