//! What a policy may change of a verdict, and what it may not.

use std::collections::BTreeMap;

use proptest::prelude::*;
use ssl_usage_parsers::ENGINES;

use super::matrix::{Logging, Switch, instance_of};
use super::properties::{any_engine, any_logging, open_sessions, open_switch, readings};
use super::*;
use crate::usage::ClientUsage;
use crate::usage::test_support::{self, Made};

fn attested(states: States, expires: i64) -> Policy {
    let date = |at: Timestamp| at.to_string()[..10].parse().expect("a date");
    let attestation = Attestation {
        instance: "orders".to_owned(),
        states,
        by: "Jane Doe".to_owned(),
        reason: "asked the team".to_owned(),
        on: date(days(expires.min(0) - 10)),
        expires: date(days(expires)),
        instances: 1,
    };
    Policy { attestation: vec![attestation], ..Policy::default() }
}

fn first(verdict: &Verdict) -> ReasonCode {
    verdict.reasons[0].code
}

fn has(verdict: &Verdict, code: ReasonCode) -> bool {
    verdict.reasons.iter().any(|reason| reason.code == code)
}

#[test]
fn an_attestation_lets_the_rotation_wait_and_stays_unproven() {
    let (profile, policy) = (logged("16.4"), attested(States::NoTls, 0));
    let verdict = judge(&profile, &Usage::default(), &policy, now());
    let found = (verdict.usage, verdict.rotation, verdict.unproven);
    assert_eq!(found, (UsageVerdict::Undetermined, Rotation::Deferrable, true), "on its last day");
    assert_eq!((first(&verdict), verdict.outlook.act_by), (ReasonCode::AttestedNoTls, Some(days(30))));
    assert!(has(&verdict, ReasonCode::NoClients), "what is not known is told all the same: {:?}", verdict.reasons);
    for word in ["Jane Doe", "asked the team", "No evidence"] {
        assert!(verdict.reasons[0].text.contains(word), "{word}: {:?}", verdict.reasons);
    }
    let proven = judge(&profile, &plaintext_only(), &policy, now());
    assert_eq!((proven.usage, proven.unproven), (UsageVerdict::NotObserved, false), "evidence needs no word");
    let told = proven.reasons.iter().find(|reason| reason.code == ReasonCode::AttestedNoTls).expect("it is told");
    assert!(told.text.ends_with("The evidence agrees."), "{told:?}");
}

#[test]
fn an_attestation_that_does_not_hold_changes_nothing_and_is_told() {
    let mut of_others = attested(States::NoTls, 5);
    of_others.attestation[0].instance = "billing".to_owned();
    let mut ambiguous = attested(States::NoTls, 5);
    ambiguous.attestation[0].instances = 2;
    let mut future = attested(States::NoTls, 5);
    future.attestation[0].on = "2027-01-01".parse().expect("a date");
    let rows = [
        (attested(States::NoTls, -1), Some(ReasonCode::AttestationExpired)),
        (ambiguous, Some(ReasonCode::AttestationVoid)),
        (future, Some(ReasonCode::AttestationVoid)),
        (of_others, None),
    ];
    for (policy, code) in rows {
        let verdict = judge(&logged("16.4"), &Usage::default(), &policy, now());
        assert_eq!((verdict.rotation, verdict.unproven), (Rotation::Required, true), "{code:?}");
        let told = verdict.reasons.iter().find(|reason| reason.code.code().starts_with("attest"));
        assert_eq!(told.map(|reason| reason.code), code);
    }
}

/// Whatever shows TLS outweighs the word of a person, and so does what shows that nobody could use it.
#[test]
fn evidence_outweighs_an_attestation() {
    let rows: [(States, UsageVerdict, Uncertainty); 9] = [
        (States::NoTls, UsageVerdict::InUse, |_, usage| usage.connections.tls = 1),
        (States::NoTls, UsageVerdict::InUse, |_, usage| usage.metrics.iam_logins = Some(above(1))),
        (States::NoTls, UsageVerdict::Undetermined, |_, usage| usage.rejected.tls = 1),
        (States::NoTls, UsageVerdict::Undetermined, |_, usage| {
            usage.handshakes_failed = BTreeMap::from([("other".to_owned(), 1)]);
        }),
        (States::NoTls, UsageVerdict::Undetermined, |_, usage| usage.ignored.sessions.tls = 1),
        (States::NoTls, UsageVerdict::Undetermined, |_, usage| {
            *usage = plaintext_only();
            usage.ignored.attempts.tls = 1;
        }),
        (States::NoTls, UsageVerdict::Undetermined, |profile, _| {
            profile.parameters.get_mut("rds.force_ssl").expect("set").value = Some("1".to_owned());
        }),
        (States::Tls, UsageVerdict::Undetermined, |_, usage| *usage = plaintext_only()),
        (States::Tls, UsageVerdict::Undetermined, |profile, _| {
            profile.parameters.get_mut("ssl").expect("set").value = Some("0".to_owned());
        }),
    ];
    for (number, (states, expected, show)) in rows.into_iter().enumerate() {
        let (mut profile, mut usage) = (logged("16.4"), Usage::default());
        show(&mut profile, &mut usage);
        let verdict = judge(&profile, &usage, &attested(states, 5), now());
        assert_eq!((verdict.usage, verdict.rotation), (expected, Rotation::Required), "row {number}: {verdict:?}");
        assert!(has(&verdict, ReasonCode::AttestationContradicted), "row {number}: {:?}", verdict.reasons);
    }
}

#[test]
fn an_attestation_of_tls_demands_the_rotation() {
    let verdict = judge(&logged("16.4"), &Usage::default(), &attested(States::Tls, 5), now());
    assert_eq!((verdict.rotation, verdict.unproven), (Rotation::Required, true));
    assert!(has(&verdict, ReasonCode::AttestedTls));
    // Of two persons who contradict each other, the milder one is not believed.
    let mut both = attested(States::Tls, 5);
    both.attestation.extend(attested(States::NoTls, 5).attestation);
    assert_eq!(judge(&logged("16.4"), &Usage::default(), &both, now()).rotation, Rotation::Required);
}

#[test]
fn an_accepted_blind_spot_is_told_where_it_decides() {
    let mut usage = plaintext_only();
    (usage.metrics.unaccounted, usage.coverage.unparsed) = (Some(3), 1);
    let mut policy = Policy::default();
    policy.blind_spots.older_sessions_open = Weight::Informs;
    assert_eq!(judge(&logged("16.4"), &usage, &policy, now()).rotation, Rotation::Required, "the other one blocks");
    policy.blind_spots.records_unparsed = Weight::Informs;
    let verdict = judge(&logged("16.4"), &usage, &policy, now());
    assert_eq!((first(&verdict), verdict.rotation), (ReasonCode::OnlyPlaintext, Rotation::Deferrable));
    let told = "; accepted by policy despite records-unparsed, older-sessions-open";
    assert!(verdict.reasons[0].text.ends_with(told), "{:?}", verdict.reasons);
    usage.connections = Transports { tls: 1, ..Transports::default() };
    let hidden = judge(&logged("16.4"), &usage, &policy, now());
    assert_eq!(hidden.enforcement, Enforcement::Unknown, "clients without TLS may hide there all the same");
    let safe = judge(&logged("16.4"), &plaintext_only(), &policy, now());
    assert!(!safe.reasons[0].text.contains("policy"), "where there is none, nothing is told: {:?}", safe.reasons);
}

/// What says that there is no evidence, or that it shows TLS, is never accepted: these four are all.
#[test]
fn only_some_blind_spots_can_be_accepted() {
    let all = BlindSpots {
        older_sessions: Weight::Informs,
        older_sessions_open: Weight::Informs,
        logs_incomplete: Weight::Informs,
        records_unparsed: Weight::Informs,
    };
    let policy = Policy { blind_spots: all, ..Policy::default() };
    let accepted: Vec<_> =
        ReasonCode::ALL.iter().filter(|code| policy.accepts(**code)).map(|code| code.code()).collect();
    assert_eq!(accepted, ["logs-incomplete", "records-unparsed", "older-sessions", "older-sessions-open"]);
    // The codes are the names in a file, and in the report.
    let names = serde_json::to_value(all).expect("JSON");
    assert!(accepted.iter().all(|code| names[code] == "informs"), "{names}");
}

/// One client with TLS among those without.
fn monitored() -> (InstanceProfile, Vec<Made>) {
    let postgres = ENGINES.iter().find(|engine| engine.id == "postgres").expect("PostgreSQL");
    let profile = instance_of(postgres, Switch::Neither, Logging::On).expect("an instance");
    let made = |hour, user, transport| Made {
        place: 0,
        hour,
        torn: false,
        event: Some("connected"),
        transport,
        user,
        system: false,
    };
    let mut logs: Vec<Made> = (0..48).filter(|hour| *hour != 7).map(|hour| made(hour, "app", "plaintext")).collect();
    logs.push(made(7, "monitor", "tls"));
    (profile, logs)
}

fn under(policy: &Policy, (profile, logs): &(InstanceProfile, Vec<Made>)) -> (Usage, Verdict) {
    let ignores = |client: &Client| policy.ignores(profile, client);
    let usage =
        test_support::usage_without(profile, Window::days_before(now(), 2), (logs, &[(0, 0.0), (47, 0.0)]), &ignores);
    let verdict = judge(profile, &usage, policy, now());
    (usage, verdict)
}

fn ignoring(entry: Ignore) -> Policy {
    Policy { ignore: vec![Ignore { reason: "the monitoring".to_owned(), ..entry }], ..Policy::default() }
}

#[test]
fn an_ignored_client_is_counted_apart_and_told() {
    let fleet = monitored();
    assert_eq!(under(&Policy::default(), &fleet).1.usage, UsageVerdict::InUse);
    let policy = ignoring(Ignore {
        user: Some("monitor".to_owned()),
        address: Some("10.0.0.0/24".to_owned()),
        ..Ignore::default()
    });
    let (usage, verdict) = under(&policy, &fleet);
    assert_eq!((verdict.usage, verdict.rotation), (UsageVerdict::NotObserved, Rotation::Deferrable), "{verdict:?}");
    let why = &verdict.reasons[0].text;
    assert!(why.starts_with("no TLS in 47 sessions from 1 client"), "{why}");
    assert!(why.ends_with("; accepted by policy despite clients-ignored"), "{why}");
    let told = verdict.reasons.iter().find(|reason| reason.code == ReasonCode::ClientsIgnored).expect("a reason");
    assert_eq!(told.text, "the policy ignores 1 session of 1 client and 0 failed attempts (1 with TLS)");
    assert_eq!((usage.connections.tls, usage.ignored.sessions.tls, usage.clients.len()), (0, 1, 2));
    // All that is given must match.
    for (field, other) in
        [("user", "monitors"), ("address", "10.0.1.0/24"), ("instance", "billing"), ("application", "x")]
    {
        let mut entry = policy.ignore[0].clone();
        let given = match field {
            "user" => &mut entry.user,
            "address" => &mut entry.address,
            "instance" => &mut entry.instance,
            _ => &mut entry.application,
        };
        *given = Some(other.to_owned());
        assert_eq!(under(&ignoring(entry), &fleet).1.usage, UsageVerdict::InUse, "{field}");
    }
    let everyone = ignoring(Ignore { address: Some("0.0.0.0/0".to_owned()), ..Ignore::default() });
    let verdict = under(&everyone, &fleet).1;
    assert_eq!((verdict.rotation, verdict.unproven), (Rotation::Required, true), "nobody is left: {verdict:?}");
}

#[test]
fn an_entry_ignores_what_its_patterns_match_whole() {
    let fleet = monitored();
    let rows = [
        ("user_regex = 'mon.*'", true),
        ("user_regex = 'mon|itor'", false),
        ("user_regex = 'MONITOR'", false),
        ("user_regex = 'mon.*'\naddress_regex = '10[.]0[.]0[.].'", true),
        ("user_regex = 'mon.*'\naddress_regex = '10[.]0'", false),
        ("user_regex = 'mon.*'\nuser = 'mon.*'", false),
        ("user_regex = 'mon.*'\ninstance_regex = 'ord.+s'", true),
        ("user_regex = 'mon.*'\ninstance_regex = 'ord'", false),
        ("user = 'monitor'\napplication_regex = '.*'", false),
        ("user = 'monitor'\ndatabase_regex = '.*'", false),
        ("user = 'mon.*'", false),
    ];
    for (keys, is_ignored) in rows {
        let policy = Policy::parse(&format!("[[ignore]]\n{keys}\nreason = 'the monitoring'")).expect(keys);
        let expected = if is_ignored { UsageVerdict::NotObserved } else { UsageVerdict::InUse };
        assert_eq!(under(&policy, &fleet).1.usage, expected, "{keys}");
    }
}

/// What a person must know before TLS is enforced, or a switch believed, is not ignored.
#[test]
fn an_ignored_client_still_breaks_and_still_contradicts() {
    let ignored = |usage: &mut Usage, sessions| {
        usage.ignored.sessions = sessions;
        usage
            .clients
            .insert(Client::default(), ClientUsage { sessions, ignored_by: Some(0), ..ClientUsage::default() });
    };
    let mut usage = plaintext_only();
    usage.connections = Transports { tls: 1, ..Transports::default() };
    assert_eq!(judged(&logged("16.4"), &usage).enforcement, Enforcement::Safe);
    ignored(&mut usage, Transports { plaintext: 1, ..Transports::default() });
    assert_eq!(judged(&logged("16.4"), &usage).enforcement, Enforcement::Breaks);
    let mut off = logged("16.4");
    off.parameters.get_mut("ssl").expect("set").value = Some("0".to_owned());
    let mut usage = Usage::default();
    assert_eq!(judged(&off, &usage).rotation, Rotation::Optional);
    ignored(&mut usage, Transports { tls: 1, ..Transports::default() });
    assert_eq!(judged(&off, &usage).rotation, Rotation::Required);
}

fn any_weight() -> impl Strategy<Value = Weight> {
    prop::sample::select(vec![Weight::Blocks, Weight::Informs])
}

/// A name that could be taken for a pattern, a range or another name.
fn any_name() -> impl Strategy<Value = Option<String>> {
    let names = ["app", "APP", "a.p", ".*", "app|x", "(", "", "10.0.0.7", "10.0.0.*", "10.0.0.0/8", "10.0.0.7/8"];
    prop::option::of(prop::sample::select(names.map(str::to_owned).to_vec()))
}

/// Any that a file can hold, without attestations.
fn any_policy() -> impl Strategy<Value = Policy> {
    let name = |names: &[&'static str]| prop::option::of(prop::sample::select(names.to_vec()));
    let fields = (
        name(&["app", "batch", "rdsadmin"]),
        name(&["10.0.0.7", "0.0.0.0/0", "10.1.0.0/16"]),
        name(&["x"]),
        name(&["app", ".*", "[^a].*"]),
    );
    let entry = fields.prop_map(|(user, address, application, pattern)| Ignore {
        user: user.map(str::to_owned),
        user_regex: pattern.map(|text| text.to_owned().try_into().expect("a pattern")),
        address: address.map(str::to_owned),
        application: application.map(str::to_owned),
        ..Ignore::default()
    });
    let spots = (any_weight(), any_weight(), any_weight(), any_weight());
    let spots = spots.prop_map(|(older_sessions, older_sessions_open, logs_incomplete, records_unparsed)| BlindSpots {
        older_sessions,
        older_sessions_open,
        logs_incomplete,
        records_unparsed,
    });
    let least = (prop::sample::select(vec![0.000_1, 0.5, 1.0]), 1u32..60, 1u64..4);
    (least, spots, prop::collection::vec(entry, 0..3)).prop_map(
        |((coverage, hours, connections), blind_spots, ignore)| Policy {
            least_coverage: coverage,
            least_window_hours: hours,
            least_connections: connections,
            blind_spots,
            ignore,
            ..Policy::default()
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Where no session's transport is known and no switch decides, no policy makes a verdict mild but by attestation.
    #[test]
    fn no_policy_believes_in_a_lack_of_evidence(
        engine in any_engine(), switch in open_switch(), logging in any_logging(), policy in any_policy(),
        logs in readings(&["unknown", "local"]), open in open_sessions(),
    ) {
        let Some(profile) = instance_of(engine, switch, logging).filter(|_| engine.always_tls.is_none()) else { return Ok(()) };
        let ignores = |client: &Client| policy.ignores(&profile, client);
        let usage = test_support::usage_without(&profile, Window::days_before(now(), 2), (&logs, &open), &ignores);
        let verdict = judge(&profile, &usage, &policy, now());
        prop_assert_eq!((verdict.rotation, verdict.unproven), (Rotation::Required, true), "{:?}", verdict.reasons);
    }

    /// Names are compared as they are: nothing in them is a pattern. Only an address may be a range.
    #[test]
    fn an_entry_without_patterns_ignores_its_names_only(
        given in [any_name(), any_name(), any_name(), any_name()], found in [any_name(), any_name(), any_name(), any_name()],
    ) {
        let keys = ["user", "database", "application", "address"].iter().zip(&given);
        let lines = keys.filter_map(|(key, name)| Some(format!("{key} = '{}'\n", name.as_ref()?))).collect::<String>();
        prop_assume!(!lines.is_empty());
        let policy = Policy::parse(&format!("[[ignore]]\n{lines}reason = 'x'")).expect("a policy");
        let is_in_range = given[3].as_ref().is_some_and(|range| range.ends_with("/8")) && found[3].as_deref() == Some("10.0.0.7");
        let expected = given.iter().zip(&found).enumerate().all(|(field, (given, found))| {
            given.is_none() || given == found || field == 3 && is_in_range
        });
        let [user, database, application, address] = found;
        let client = Client { user, database, application, address };
        prop_assert_eq!(policy.ignores(&logged("16.4"), &client).is_some(), expected);
        let entry = serde_json::to_string(&policy.ignore).expect("JSON");
        prop_assert!(!entry.contains("_regex"), "{}", entry);
    }

    /// A rotation waits only for plaintext sessions of clients that count, and for TLS of none of them.
    #[test]
    fn a_rotation_waits_only_for_clients_that_count(
        engine in any_engine(), policy in any_policy(), place in 0usize..6,
        others in readings(&["plaintext", "unknown", "tls"]), few in 0usize..4,
    ) {
        let Some(profile) = instance_of(engine, Switch::Neither, Logging::On) else { return Ok(()) };
        let whole = (0..48).map(|hour| Made {
            place, hour, torn: false, event: Some("connected"), transport: "plaintext", user: "app", system: false,
        });
        // The first of an hour counts.
        let logs: Vec<Made> = others.into_iter().take(few).chain(whole).collect();
        let (window, open) = (Window::days_before(now(), 2), [(0, 0.0), (47, 0.0)]);
        let all = test_support::usage(&profile, window, &logs, &open);
        let usage = test_support::usage_without(&profile, window, (&logs, &open), &|client| policy.ignores(&profile, client));
        let sessions = usage.connections.sum() + usage.ignored.sessions.sum();
        prop_assert_eq!((sessions, usage.clients.len()), (all.connections.sum(), all.clients.len()), "none is lost");
        if judge(&profile, &usage, &policy, now()).rotation == Rotation::Deferrable {
            let sum = |of: fn(&Transports) -> u64| usage.counted_clients().map(|used| of(&used.sessions)).sum::<u64>();
            prop_assert_eq!(sum(|sessions| sessions.tls + sessions.unknown), 0);
            prop_assert!(sum(|sessions| sessions.plaintext) >= policy.least_connections);
        }
    }
}
