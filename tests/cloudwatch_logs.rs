//! Logs that are exported to CloudWatch Logs: what they show is what files show, once, and whatever is missing has a name.

use std::collections::BTreeMap;

use serde_json::Value;
use tempfile::TempDir;

use crate::command::{Run, against, samples};
use crate::fake_aws::{Calls, Event, FakeAws, Fault, FaultKind, Fleet, Group, Joins, LogFile};
use crate::fleet::{WINDOW, small_fleet};

const BATCH: &str = "reports-batch";
const GROUP: &str = "/aws/rds/instance/reports-batch/postgresql";

/// The small fleet, where the logs of one instance are in CloudWatch Logs too.
fn exported(change: impl FnOnce(&mut Group)) -> Fleet {
    let mut fleet = small_fleet();
    change(fleet.instance(BATCH).export("postgresql", "error/"));
    fleet
}

fn analyze(fleet: Fleet, args: &[&str]) -> Run {
    analyze_on(&FakeAws::start(fleet), args)
}

fn analyze_on(aws: &FakeAws, args: &[&str]) -> Run {
    let home = TempDir::new().expect("a folder");
    let mut command = against(aws, home.path());
    Run::of(command.args(["analyze", "--format", "json", "--instance", BATCH]).args(WINDOW).args(args))
}

fn only(run: &Run) -> Value {
    run.json()["instances"][0].clone()
}

/// What must not depend on where a log is read.
fn shown(run: &Run) -> Value {
    let instance = only(run);
    let parts = ["connections", "system", "rotation", "usage", "enforcement"];
    parts.iter().map(|part| instance[*part].clone()).collect()
}

const ALONE: &[&str] = &["--source", "cloudwatch"];

#[test]
fn a_log_shows_the_same_wherever_it_is_read() {
    let files = analyze(small_fleet(), &[]);
    let alone = analyze(exported(|_| ()), ALONE);
    assert_eq!((alone.status, shown(&alone)), (0, shown(&files)), "{:#}", only(&alone));
    let both = analyze(exported(|_| ()), &[]);
    assert_eq!((both.status, shown(&both)), (0, shown(&files)), "once, where both are there");
    let aws = FakeAws::start(exported(|_| ()));
    analyze_on(&aws, &[]);
    let asked = |service: &str| aws.calls().iter().filter(|call| call.service == service).count();
    assert_eq!(asked("logs"), 0, "nothing is read that files show");
}

/// What a test makes of the group.
type Quirk = fn(&mut Group);

#[test]
fn the_quirks_of_the_service_change_nothing() {
    let clean = shown(&analyze(small_fleet(), &[]));
    let quirks: [(&str, Quirk); 6] = [
        ("small pages", |group| group.page = 7),
        ("empty pages", |group| (group.page, group.empty_pages) = (7, true)),
        ("pages that overlap", |group| (group.page, group.overlap) = (7, 3)),
        ("tokens that come twice", |group| (group.page, group.stutters) = (7, true)),
        ("late events", |group| group.events.iter_mut().for_each(|event| event.ingested += 86_400_000)),
        ("lines with their ends", |group| group.events.iter_mut().for_each(|event| event.message.push('\n'))),
    ];
    for (name, change) in quirks {
        let run = analyze(exported(change), ALONE);
        assert_eq!((run.status, shown(&run)), (0, clean.clone()), "{name}: {}", run.err);
    }
}

#[test]
fn trouble_that_passes_changes_nothing() {
    let clean = shown(&analyze(small_fleet(), &[]));
    for action in ["DescribeLogGroups", "DescribeLogStreams", "FilterLogEvents"] {
        for kind in [FaultKind::CutXml(0.5), FaultKind::EmptyBody, FaultKind::Throttle, FaultKind::CutBody] {
            let aws = FakeAws::start(exported(|_| ()));
            aws.fault(Fault::new(kind).on(action).at(Calls::First(1)));
            let run = analyze_on(&aws, ALONE);
            assert_eq!((run.status, shown(&run)), (0, clean.clone()), "{action} {kind:?}: {}", run.err);
        }
    }
}

#[test]
fn a_call_that_is_denied_names_its_permission_and_is_no_evidence() {
    for action in ["DescribeLogGroups", "DescribeLogStreams", "FilterLogEvents"] {
        let aws = FakeAws::start(exported(|_| ()));
        aws.fault(Fault::new(FaultKind::AccessDenied).on(action).at(Calls::Every));
        let run = analyze_on(&aws, ALONE);
        assert_eq!(run.status, 3, "{run:?}");
        assert!(run.err.contains(&format!("Grant the permission logs:{action}")), "{}", run.err);
        let instance = only(&run);
        assert_eq!((&instance["rotation"], &instance["unproven"]), (&"required".into(), &true.into()), "{instance:#}");
        assert_eq!(instance["coverage"]["gaps"][0]["cause"], "denied", "{instance:#}");
    }
}

#[test]
fn what_never_ends_or_is_always_cut_is_a_named_gap() {
    let run = analyze(exported(|group| (group.page, group.stuck) = (7, true)), ALONE);
    assert_eq!((run.status, &only(&run)["rotation"]), (3, &"required".into()), "{run:?}");
    assert!(run.err.contains("the service repeats the same page"), "{}", run.err);
    let run = analyze(exported(|group| (group.page, group.circles) = (7, true)), ALONE);
    assert_eq!((run.status, &only(&run)["rotation"]), (3, &"required".into()), "{run:?}");
    assert!(run.err.contains("the service repeats the same page"), "{}", run.err);
    let aws = FakeAws::start(exported(|_| ()));
    aws.fault(Fault::new(FaultKind::EmptyBody).on("FilterLogEvents").of(GROUP).at(Calls::Every));
    let run = analyze_on(&aws, ALONE);
    assert_eq!((run.status, &only(&run)["rotation"]), (3, &"required".into()), "{run:?}");
    assert_eq!(only(&run)["coverage"]["gaps"][0]["cause"], "truncated", "{run:?}");
}

#[test]
fn an_export_that_wrote_nothing_says_so() {
    let mut fleet = exported(|_| ());
    fleet.instance(BATCH).groups.clear();
    let run = analyze(fleet, ALONE);
    assert_eq!((run.status, &only(&run)["rotation"]), (3, &"required".into()), "{run:?}");
    assert!(run.err.contains("CloudWatch Logs contains no events of it"), "{}", run.err);
    let run = analyze(small_fleet(), ALONE);
    assert!(run.err.contains("Export postgresql"), "{}", run.err);
}

#[test]
fn hours_without_a_session_are_not_covered() {
    let run = analyze(exported(|group| group.events.retain(|event| !event.message.starts_with("2026-11-22 0"))), ALONE);
    let instance = only(&run);
    assert_eq!((&instance["rotation"], &instance["unproven"]), (&"required".into(), &true.into()), "{instance:#}");
    let gaps = instance["coverage"]["gaps"].as_array().expect("gaps");
    assert!(gaps.iter().any(|gap| gap["cause"] == "not-logged"), "{instance:#}");
}

#[test]
fn files_and_an_export_cover_a_window_together() {
    let clean = shown(&analyze(small_fleet(), &[]));
    let mut fleet = exported(|_| ());
    fleet.instance(BATCH).files.retain(|name, _| name.contains("2026-11-22"));
    let aws = FakeAws::start(fleet);
    let run = analyze_on(&aws, &[]);
    assert_eq!((run.status, shown(&run)), (0, clean), "{:#}", only(&run));
    let asked: Vec<i64> = aws
        .calls()
        .iter()
        .filter(|call| call.action == "FilterLogEvents")
        .filter_map(|call| serde_json::from_slice::<Value>(&call.body).ok()?["endTime"].as_i64())
        .collect();
    assert!(!asked.is_empty() && asked.iter().all(|end| *end < 1_795_305_600_000), "only what files lack: {asked:?}");
}

#[test]
fn a_file_that_cannot_be_read_is_read_from_the_export() {
    let aws = FakeAws::start(exported(|_| ()));
    let file = "error/postgresql.log.2026-11-21-05";
    for action in ["DownloadCompleteDBLogFile", "DownloadDBLogFilePortion"] {
        aws.fault(Fault::new(FaultKind::AccessDenied).on(action).of(file).at(Calls::Every));
    }
    let run = analyze_on(&aws, &[]);
    assert_eq!((run.status, shown(&run)), (3, shown(&analyze(small_fleet(), &[]))), "{:#}", only(&run));
}

#[test]
fn a_second_run_reads_only_what_is_new() {
    let aws = FakeAws::start(exported(|_| ()));
    let home = TempDir::new().expect("a folder");
    let collect = || {
        let mut command = against(&aws, home.path());
        command.args(["collect", "-o", "bundle", "--instance", BATCH, "--source", "cloudwatch"]).args(WINDOW);
        assert_eq!(Run::of(command.current_dir(home.path())).status, 0);
        aws.calls().iter().filter(|call| call.action == "FilterLogEvents").count()
    };
    let first = collect();
    assert!(collect() - first <= 1, "the last hours alone are asked for again");
}

#[test]
fn a_group_that_only_queries_can_read_is_read_when_that_is_allowed() {
    let rare = |group: &mut Group| group.class = "INFREQUENT_ACCESS";
    let run = analyze(exported(rare), ALONE);
    assert_eq!((run.status, &only(&run)["rotation"]), (3, &"required".into()), "{run:?}");
    assert!(run.err.contains("Allow these queries with --insights") && run.err.contains("GB"), "{}", run.err);
    let clean = shown(&analyze(small_fleet(), &[]));
    let allowed = ["--source", "cloudwatch", "--insights"];
    let run = analyze(exported(rare), &allowed);
    assert_eq!((run.status, shown(&run)), (0, clean.clone()), "{}", run.err);
    let few = |group: &mut Group| (group.class, group.most) = ("INFREQUENT_ACCESS", 9);
    let run = analyze(exported(few), &allowed);
    assert_eq!((run.status, shown(&run)), (0, clean), "a query that gives less than matched is split: {}", run.err);
}

/// One instance whose log is in CloudWatch Logs alone.
fn one(engine: &str, cluster: bool, log_type: &str, sample: &str) -> Fleet {
    let bytes = std::fs::read(samples().join(sample)).expect("a sample");
    one_with(engine, cluster, log_type, [("log".to_owned(), LogFile::new(bytes, 0))].into(), Joins::Indented)
}

/// The same, of these files.
fn one_with(engine: &str, cluster: bool, log_type: &str, files: BTreeMap<String, LogFile>, joins: Joins) -> Fleet {
    let clustered = if cluster { "cluster = \"shop-cluster\"\n" } else { "" };
    let text = format!(
        "account = \"123456789012\"\nregion = \"eu-west-1\"\nnow = \"2026-11-23T12:00:00Z\"\n\
         [[certificate]]\nid = \"rds-ca-rsa2048-g1\"\nvalid_from = \"2021-05-25T22:34:57Z\"\n\
         valid_till = \"2061-05-25T23:34:57Z\"\ndefault = true\n\
         [[parameter_group]]\nname = \"group\"\nfamily = \"{engine}\"\n\
         [[parameter_group]]\nname = \"clusters\"\nfamily = \"{engine}\"\ncluster = true\n\
         [[option_group]]\nname = \"options\"\n[option_group.options.SSL]\n\
         [[instance]]\nid = \"shop\"\nengine = \"{engine}\"\nversion = \"19.0.0\"\ncreated = \"2020-01-01T00:00:00Z\"\n\
         ca = \"rds-ca-rsa2048-g1\"\ncert_valid_till = \"2027-01-30T10:00:00Z\"\nparameter_group = \"group\"\n\
         option_group = \"options\"\n{clustered}"
    );
    let clusters = format!(
        "[[cluster]]\nid = \"shop-cluster\"\nengine = \"{engine}\"\nversion = \"19.0.0\"\nmembers = [\"shop\"]\n\
         parameter_group = \"clusters\"\n"
    );
    let text = if cluster { text + &clusters } else { text };
    let mut fleet = Fleet::parse(&text, samples()).expect("a fleet");
    let shop = fleet.instance("shop");
    shop.files = files;
    shop.export_joining(log_type, "", joins);
    shop.files.clear();
    fleet
}

fn shop(fleet: Fleet) -> Run {
    let aws = FakeAws::start(fleet);
    let home = TempDir::new().expect("a folder");
    let args = ["analyze", "--format", "json", "--days", "1", "--now", "2026-11-23T12:00:00Z"];
    Run::of(against(&aws, home.path()).args(args))
}

#[test]
fn oracles_listener_is_read_live() {
    for sample in ["oracle/text/listener.log", "oracle/xml/log.xml"] {
        let run = shop(one("oracle-se2", false, "listener", sample));
        let instance = only(&run);
        let connections = &instance["connections"];
        assert_eq!((&connections["tls"], &connections["plaintext"]), (&3.into(), &2.into()), "{sample}: {instance:#}");
        assert_eq!((&instance["usage"], &instance["rotation"]), (&"in_use".into(), &"required".into()), "{instance:#}");
    }
    // Only clients without TLS, for a few minutes of a day.
    let mut fleet = one("oracle-se2", false, "listener", "oracle/text/listener.log");
    let groups = fleet.instance("shop").groups.values_mut();
    groups.for_each(|group| group.events.retain(|event| !event.message.contains("tcps")));
    let instance = only(&shop(fleet));
    assert_eq!(
        (&instance["usage"], &instance["rotation"]),
        (&"undetermined".into(), &"required".into()),
        "{instance:#}"
    );
}

#[test]
fn members_of_a_cluster_have_a_stream_each_in_its_group() {
    let mut fleet = one("aurora-postgresql", true, "postgresql", "postgres/16-rds/postgresql.log.2026-11-23-10");
    let mut other = fleet.instance("shop").clone();
    other.id = "shop-2".to_owned();
    other.groups.values_mut().for_each(|group| {
        group.stream = "shop-2.0".to_owned();
        group.events.retain(|event| !event.message.contains("SSL enabled"));
    });
    fleet.instances.push(other);
    let truth = std::fs::read_to_string(samples().join("postgres/16-rds/truth.toml")).expect("the truth");
    let truth: toml::Table = truth.parse().expect("TOML");
    let report = shop(fleet).json();
    let tls = |at: usize| report["instances"][at]["connections"]["tls"].clone();
    assert_eq!((tls(0), tls(1)), (truth["connections"]["tls"].as_integer().into(), 0.into()), "{report:#}");
}

#[test]
fn lines_without_a_time_belong_to_the_second_before_them_however_they_come() {
    // MariaDB writes the time before the first record of a second alone.
    let truth = std::fs::read_to_string(samples().join("mariadb/10.11-usual/truth.toml")).expect("the truth");
    let truth: toml::Table = truth.parse().expect("TOML");
    let log = std::fs::read(samples().join("mariadb/10.11-usual/mysql-general.log")).expect("a log");
    for joins in [Joins::Nothing, Joins::Indented, Joins::Untimed] {
        let files = [("log".to_owned(), LogFile::new(log.clone(), 0))].into();
        let aws = FakeAws::start(one_with("mariadb", false, "general", files, joins));
        let home = TempDir::new().expect("a folder");
        let args = ["analyze", "--format", "json", "--days", "1", "--now", "2026-11-24T12:00:00Z"];
        let run = Run::of(against(&aws, home.path()).args(args));
        let connections = &only(&run)["connections"];
        for transport in ["tls", "plaintext"] {
            assert_eq!(
                connections[transport],
                Value::from(truth["connections"][transport].as_integer()),
                "{joins:?}: {run:?}"
            );
        }
        let (second, seen) = ("2026-11-24T11:38:4", connections["clients"].as_array().expect("clients"));
        let first = seen.iter().map(|client| client["first_seen"].as_str().unwrap_or_default());
        assert!(first.clone().all(|at| at.starts_with(second)), "{joins:?}: {:?}", first.collect::<Vec<_>>());
    }
}

#[test]
fn a_day_is_not_asked_of_streams_that_ended_long_before() {
    const DAYS: i64 = 14;
    let now = 1_795_435_200;
    // Aurora MySQL exports each audit file to a stream of its own.
    let file = |begun: i64| {
        let session = |hour: i64| {
            let (at, id) = (begun + hour * 3600, begun / 3600 + hour);
            let line = |at: i64, what: &str| format!("{at}000000,shop,app,10.0.0.7,{id},0,{what},shop,,0\n");
            line(at + 60, "CONNECT") + &line(at + 3590, "DISCONNECT")
        };
        let name = jiff::Timestamp::from_second(begun).expect("in range").strftime("%Y-%m-%d-%H-%M");
        (format!("audit/audit.log.0.{name}.0"), LogFile::new((0..6).map(session).collect::<String>(), 0))
    };
    let files: BTreeMap<_, _> = (0..DAYS * 4).map(|quarter| file(now - (quarter + 1) * 6 * 3600)).collect();
    let fleet = one_with("aurora-mysql", true, "audit", files, Joins::Indented);
    let aws = FakeAws::start(fleet);
    let home = TempDir::new().expect("a folder");
    let args = ["analyze", "--format", "json", "--days", "14", "--now", "2026-11-23T12:00:00Z"];
    let run = Run::of(against(&aws, home.path()).args(args));
    assert_eq!(only(&run)["connections"]["unknown"], DAYS * 24, "{run:?}");
    let calls = aws.calls().iter().filter(|call| call.action == "FilterLogEvents").count();
    assert!(calls <= 10 * (DAYS as usize + 1), "{calls} calls for {} streams", DAYS * 4);
}

#[test]
fn documentdbs_audit_log_is_read_live() {
    let run = shop(one("docdb", true, "audit", "docdb/audit/audit.log"));
    assert_eq!(run.status, 0, "{run:?}");
    let instance = only(&run);
    assert_eq!(instance["connections"]["unknown"], 4, "{instance:#}");
    assert_eq!(instance["reasons"][0]["code"], "log-cannot-tell", "{instance:#}");
}

#[test]
fn what_may_still_arrive_is_read_again_whatever_time_it_is_said_to_be() {
    let hour = jiff::Timestamp::now().as_second() / 3600 * 3600;
    let now = |later: i64| jiff::Timestamp::from_second(hour + 60 + later).expect("in range").to_string();
    // Sessions of the last two hours, by this machine's clock.
    let mut fleet = exported(|group| {
        let lines = group.events.iter().filter(|event| event.message.contains("connection authorized")).take(9);
        let lines: Vec<_> = lines.cloned().collect();
        group.events = (0..)
            .zip(lines)
            .map(|(at, mut event)| {
                event.at = (hour - 7200 + at * 900) * 1000;
                event.ingested = event.at;
                event
            })
            .collect();
    });
    fleet.instance(BATCH).files.clear();
    let aws = FakeAws::start(fleet);
    let home = TempDir::new().expect("a folder");
    let collect = |now: &str| {
        let before = aws.calls().len();
        let mut command = against(&aws, home.path());
        command.args(["collect", "-o", "bundle", "--instance", BATCH, "--days", "1", "--now", now]);
        Run::of(command.current_dir(home.path()));
        let calls = aws.calls().into_iter().skip(before).filter(|call| call.action == "FilterLogEvents");
        let start = |body: &[u8]| serde_json::from_slice::<Value>(body).ok()?["startTime"].as_i64();
        calls.filter_map(|call| start(&call.body)).min().unwrap_or(i64::MAX)
    };
    collect(&now(86_000));
    assert!(collect(&now(0)) <= (hour - 3600) * 1000, "the last hour is asked for again");
}

/// A log of one client and of AWS's own user, each once an hour, of so many days before the fleet's now.
fn hourly(days: i64) -> Vec<(String, Vec<u8>)> {
    let now = 1_795_392_000;
    let at = |second: i64| jiff::Timestamp::from_second(second).expect("in range");
    let log = |begun: i64| {
        let line = |second: i64, from: &str, user: &str| {
            let time = at(begun + second).strftime("%Y-%m-%d %H:%M:%S UTC");
            format!("{time}:{from}:{user}@shop:[{second}]:LOG:  connection authorized: user={user} database=shop\n")
        };
        let lines = [(60, "[local]", "rdsadmin"), (1800, "10.0.0.1(4711)", "app"), (3540, "[local]", "rdsadmin")];
        lines.map(|(second, from, user)| line(second, from, user)).concat().into_bytes()
    };
    let hours = (1..=days * 24).rev().map(|back| now - 3600 * back);
    hours.map(|begun| (at(begun).strftime("error/postgresql.log.%Y-%m-%d-%H").to_string(), log(begun))).collect()
}

#[test]
fn two_weeks_come_from_the_export_but_for_the_days_that_files_are_kept() {
    let mut fleet = small_fleet();
    let instance = fleet.instance(BATCH);
    instance.log_exports.push("postgresql".to_owned());
    let logs = hourly(14);
    let group = Group::of(BATCH, "postgres", logs.iter().map(|(_, text)| text.clone()));
    instance.groups.insert(GROUP.to_owned(), group);
    let kept = logs.into_iter().skip(11 * 24);
    instance.files = kept.map(|(name, text)| (name, LogFile::new(text, 1_795_391_999_000))).collect();
    let aws = FakeAws::start(fleet);
    let home = TempDir::new().expect("a folder");
    let args = ["analyze", "--format", "json", "--instance", BATCH, "--days", "14", "--now", WINDOW[3]];
    let run = Run::of(against(&aws, home.path()).args(args));
    let instance = only(&run);
    assert!(run.status == 0 && instance["coverage"]["share"].as_f64() > Some(0.9999), "{instance:#}");
    assert_eq!(instance["connections"]["plaintext"], 14 * 24, "each once: {instance:#}");
    let of = |action: &'static str| aws.calls().into_iter().filter(move |call| call.action == action);
    let end = |body: &[u8]| serde_json::from_slice::<Value>(body).ok()?["endTime"].as_i64();
    let files_begin = (1_795_392_000 - 3 * 86_400) * 1000;
    let days = of("FilterLogEvents").filter_map(|call| end(&call.body)).inspect(|end| assert!(*end < files_begin));
    assert_eq!((days.count(), of("DownloadCompleteDBLogFile").count()), (11, 72));
}

#[test]
fn a_query_that_is_given_up_is_stopped() {
    let aws = FakeAws::start(exported(|group| group.class = "INFREQUENT_ACCESS"));
    aws.fault(Fault::new(FaultKind::AccessDenied).on("GetQueryResults"));
    let run = analyze_on(&aws, &["--source", "cloudwatch", "--insights"]);
    assert!(run.status == 3 && run.err.contains("Grant the permission logs:GetQueryResults"), "{run:?}");
    let counts =
        ["StartQuery", "StopQuery"].map(|action| aws.calls().iter().filter(|call| call.action == action).count());
    assert_eq!(counts, [1, 1], "and what is denied once is not asked for again");
}

#[test]
fn a_day_with_more_sessions_than_a_query_gives_is_queried_in_parts() {
    const SESSIONS: i64 = 100_002;
    let mut fleet = exported(|group| {
        group.class = "INFREQUENT_ACCESS";
        let is_session = |message: &str| message.contains("connection authorized: user=app");
        let session = group.events.iter().find(|event| is_session(&event.message)).expect("one").clone();
        let begun = session.at / 86_400_000 * 86_400_000;
        let at = |number: i64| Event { at: begun + number * 860, ingested: begun + number * 860, ..session.clone() };
        group.events = (0..SESSIONS).map(at).collect();
    });
    fleet.instance(BATCH).files.clear();
    let aws = FakeAws::start(fleet);
    let run = analyze_on(&aws, &["--source", "cloudwatch", "--insights"]);
    assert_eq!(only(&run)["connections"]["plaintext"], SESSIONS, "{}", run.err);
    let calls = |action: &str| aws.calls().iter().filter(|call| call.action == action).count();
    assert_eq!(calls("StartQuery"), 2 + 2, "a day each that the stream has events of, and one of them in halves");
    assert!(calls("GetQueryResults") > 20, "results come in pages of 10,000");
}
