//! Fleets that are made up, so that the truth about each instance is known: collected by the command from the fake AWS,
//! judged, and compared.
//!
//! Every instance has a seed of its own, and nothing else decides what it is: with `SSL_USAGE_SIMULATE_SEED` set to it and
//! `SSL_USAGE_SIMULATE_INSTANCES=1` it is made, collected and judged alone.

mod case;
mod client;
mod log;
mod metrics;
mod probe;
mod settings;
mod tally;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use ssl_usage::bundle::Bundle;

use crate::fake_aws::{FakeAws, Fleet, Proxy};
use case::Case;
use log::Kind;
use tally::Tally;

/// When the fleets are looked at: 2026-11-24T17:23:00Z, a Tuesday.
const NOW: i64 = 1_795_540_980;
/// For how many days.
const DAYS: i64 = 3;
/// The beginning of the window.
const WINDOW: i64 = NOW - DAYS * client::DAY;
/// What is before the window and may still be in logs that reach into it.
const BEGIN: i64 = WINDOW - client::DAY;
/// Instances of a fleet.
const FLEET: u64 = 500;

/// A number of the environment.
fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(format!("SSL_USAGE_SIMULATE_{name}")).ok().and_then(|value| value.parse().ok()).unwrap_or(otherwise)
}

/// Judges so many instances, in fleets in the folder `work`, without and with a probe, and says how that compares with the
/// truth.
///
/// # Panics
///
/// At a verdict that is too mild, after all are named.
pub fn simulate(work: &Path, seed: u64, instances: u64) -> String {
    let (seed, instances) = (setting("SEED", seed), setting("INSTANCES", instances));
    let mut tallies = [Tally::new(seed, "without a probe"), Tally::new(seed, "with a probe")];
    let seeds: Vec<u64> = (seed..seed + instances).collect();
    for seeds in seeds.chunks(FLEET as usize) {
        let mut clusters: Vec<Vec<Case>> = seeds.iter().copied().map(Case::new).collect();
        let reports = judged(work, &mut clusters);
        for (tally, report) in tallies.iter_mut().zip(&reports) {
            add(tally, report, &clusters);
        }
    }
    for tally in &tallies {
        assert!(tally.wrong.is_empty(), "{tally}\n{}", tally.wrong.join("\n"));
    }
    tallies.map(|tally| tally.to_string()).join("\n\n")
}

/// Adds the verdicts of a report.
fn add(tally: &mut Tally, report: &Value, clusters: &[Vec<Case>]) {
    let judged = report["instances"].as_array().expect("instances").iter();
    let judged: BTreeMap<&str, &Value> =
        judged.map(|instance| (instance["instance"].as_str().unwrap_or_default(), instance)).collect();
    for members in clusters {
        let verdict =
            |case: &Case| *judged.get(case.id.as_str()).unwrap_or_else(|| panic!("no verdict on {}", case.id));
        let members: Vec<(&Case, &Value)> = members.iter().map(|case| (case, verdict(case))).collect();
        members.iter().for_each(|(case, judged)| tally.add(case, judged, &members));
    }
}

/// The reports on instances, as the command makes them: of the logs alone, and with a probe.
fn judged(work: &Path, clusters: &mut [Vec<Case>]) -> [Value; 2] {
    let aws = FakeAws::start(fleet(clusters));
    clusters.iter_mut().flatten().flat_map(|case| case.faults.drain(..)).for_each(|fault| aws.fault(fault));
    let home = tempfile::TempDir::new_in(work).expect("a folder");
    let bundle = home.path().join("bundle");
    let before = report(&aws, &bundle, FROM_AWS);
    probe::write(&Bundle::create(&bundle).expect("a bundle"), clusters);
    [before, report(&aws, &bundle, &["--from"])]
}

/// Options that collect into the bundle that follows them.
const FROM_AWS: &[&str] = &["--all-regions", "--bundle"];

/// The report on a bundle, with options up to its name.
fn report(aws: &FakeAws, bundle: &Path, options: &[&str]) -> Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ssl-usage"));
    command.args(["analyze", "--format", "json", "--days", &DAYS.to_string()]).args(options).arg(bundle);
    command.args(["--now", &log::time(NOW).to_string()]).env_clear().env("HOME", bundle.parent().expect("a folder"));
    command.env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE").env("AWS_SECRET_ACCESS_KEY", "secret");
    command.env("AWS_ENDPOINT_URL", aws.url()).env("AWS_REGION", "us-east-1");
    command.env("AWS_EC2_METADATA_DISABLED", "true");
    let output = command.output().expect("the command starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(matches!(output.status.code(), Some(0 | 3)), "{:?}: {said}", output.status);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"))
}

/// Downloads of logs so far.
fn downloads(aws: &FakeAws) -> usize {
    aws.calls().iter().filter(|call| call.action.contains("LogFile") && call.action.starts_with("Download")).count()
}

/// Judges so many instances with and without `--quick`, and then the rest of the logs of the quick run. Returns the downloads of the
/// full and of the quick run.
///
/// # Panics
///
/// If a verdict differs, if a later report on the quick run's evidence is milder than it should be, or if the rest is not read.
pub fn simulate_quick(work: &Path, seed: u64, instances: u64) -> (usize, usize) {
    // Logs that vanish when they are read are gone for the next run.
    let start = || FakeAws::start(fleet(&mut (seed..seed + instances).map(Case::new).collect::<Vec<_>>()));
    let [aws, quick_aws] = [start(), start()];
    let home = tempfile::TempDir::new_in(work).expect("a folder");
    let [full_bundle, quick_bundle] = ["full", "quick"].map(|name| home.path().join(name));
    let policy = home.path().join("policy.toml");
    // The session that made a verdict certain is of an ignored client in half of the cases.
    let ignore = "[[ignore]]\naddress_regex = '.*[0-4]'\nreason = \"half of the clients\"\n";
    std::fs::write(&policy, ignore).expect("a policy");
    let ignoring = ["--policy", policy.to_str().expect("UTF-8"), "--from"];
    let full = report(&aws, &full_bundle, FROM_AWS);
    let quick = report(&quick_aws, &quick_bundle, &[&["--quick"], FROM_AWS].concat());
    let (of_full, of_quick) = (downloads(&aws), downloads(&quick_aws));
    let of = |report: &Value, fields: &[&str]| -> BTreeMap<String, Vec<Value>> {
        let all = report["instances"].as_array().expect("instances").iter();
        let name = |row: &Value| row["instance"].as_str().expect("a name").to_owned();
        all.map(|row| (name(row), fields.iter().map(|field| row[*field].clone()).collect())).collect()
    };
    let decided = ["rotation", "unproven"];
    assert_eq!(of(&full, &decided), of(&quick, &decided));
    // With another policy, what was left out could decide. It must not be taken for nothing.
    let [full_ignoring, quick_ignoring] = [&full_bundle, &quick_bundle].map(|bundle| report(&aws, bundle, &ignoring));
    let mild = |row: &[Value]| ["required", "deferrable", "optional"].iter().position(|of| row[0] == **of);
    for (name, row) in of(&quick_ignoring, &decided) {
        let other = &of(&full_ignoring, &decided)[&name];
        assert!(mild(&row) <= mild(other), "{name}: {row:?} {other:?}");
    }
    let rest = report(&quick_aws, &quick_bundle, FROM_AWS);
    let all = ["rotation", "unproven", "usage", "enforcement", "act_by", "connections", "reasons"];
    let whole = of(&full, &all);
    for (name, row) in of(&rest, &all) {
        assert_eq!(row, whole[&name], "{name}");
    }
    (of_full, of_quick)
}

/// The fleet of these instances.
fn fleet(clusters: &mut [Vec<Case>]) -> Fleet {
    let mut text = format!("account = \"123456789012\"\nregion = \"us-east-1\"\nnow = \"{}\"\n", log::time(NOW));
    text += "[[certificate]]\nid = \"rds-ca-rsa2048-g1\"\nvalid_from = \"2021-05-25T22:34:57Z\"\n\
             valid_till = \"2061-05-25T23:34:57Z\"\ndefault = true\n\
             [[parameter_group]]\nname = \"default\"\nfamily = \"default\"\n\
             [[option_group]]\nname = \"plain\"\n\
             [[option_group]]\nname = \"audited\"\n\
             [option_group.options.MARIADB_AUDIT_PLUGIN]\nSERVER_AUDIT_EVENTS = \"CONNECT,QUERY\"\n";
    for kind in [Kind::Stderr, Kind::AuroraStderr, Kind::MysqlAudit, Kind::MariadbGeneral, Kind::AuroraAudit] {
        for renews in [false, true] {
            text += &format!(
                "[[engine_version]]\nengine = \"{}\"\nversion = \"{}\"\nrotates_without_restart = {renews}\n",
                kind.engine().0,
                settings::version(kind, renews)
            );
        }
    }
    let mut groups = BTreeMap::new();
    let writers = clusters.iter().filter_map(|members| Some((members.first()?, members)));
    let instances: String = writers.map(|(writer, members)| writer.settings.toml(members, &mut groups)).collect();
    text.extend(groups.into_values());
    let mut fleet = Fleet::parse(&(text + &instances), ".").expect("a fleet");
    // Answers that are cut and asked for again.
    fleet.portion_bytes = 50_000;
    for (case, instance) in clusters.iter_mut().flatten().zip(&mut fleet.instances) {
        instance.files = std::mem::take(&mut case.files);
        fleet.metrics.append(&mut case.metrics);
        fleet.events.append(&mut case.events);
        if case.proxied {
            let (name, instances) = (format!("proxy-{}", instance.id), vec![instance.id.clone()]);
            fleet.proxies.push(Proxy { name, instances, cluster: None });
        }
        if let Some(late) = case.exported {
            case.kind.export(instance, late);
        }
    }
    fleet
}
