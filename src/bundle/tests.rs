//! That a bundle shows the same however it was collected, split, merged and compacted.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use proptest::prelude::*;
use proptest::sample::Index;
use tempfile::TempDir;

use super::fact::{Key, Tallied};
use super::metric::{HOUR, Measure, Statistic, name};
use super::*;
use crate::inventory::{Certificate, Fleet, InstanceProfile, LeftOut, NetworkInterface};
use crate::problem::Problem;
use crate::window::Window;

const BEGIN: i64 = 1_795_392_000;
const ARN: &str = "arn:aws:rds:eu-west-1:123456789012:db:orders";

fn hour(number: i64) -> Timestamp {
    Timestamp::from_second(BEGIN + number * HOUR).expect("in range")
}

/// When a collection is made; in between, logs are written.
fn day(number: usize) -> Timestamp {
    hour(24 * number as i64)
}

fn profile(created_at: Timestamp) -> InstanceProfile {
    InstanceProfile {
        arn: ARN.to_owned(),
        account: "123456789012".to_owned(),
        region: "eu-west-1".to_owned(),
        instance: "orders".to_owned(),
        cluster: None,
        cluster_role: None,
        cluster_siblings: Vec::new(),
        custom_endpoints: Vec::new(),
        endpoints: Vec::new(),
        login: crate::inventory::DatabaseLogin::default(),
        engine: "mysql".to_owned(),
        engine_version: "8.4.6".to_owned(),
        engine_mode: None,
        is_limitless: false,
        status: "available".to_owned(),
        maintenance_window: None,
        pending_changes: Vec::new(),
        created_at: Some(created_at),
        iam_authentication: false,
        certificate: Certificate::default(),
        pending: Vec::new(),
        parameters: BTreeMap::new(),
        proxies: Vec::new(),
        global_members: Vec::new(),
        log_exports: Vec::new(),
        tags: None,
        unknown: Vec::new(),
    }
}

/// What is read of a log: of one that passes from name to name as it ages, of one in two forms, of an hour in CloudWatch
/// Logs; or a listing that failed.
#[derive(Clone, Debug)]
struct Read {
    kind: usize,
    log: i64,
    name: usize,
    grown: u64,
    tls: bool,
    gap: Option<GapCause>,
    complete: bool,
}

fn reads() -> impl Strategy<Value = Vec<Read>> {
    let gap = prop::option::weighted(0.3, prop::sample::select(vec![GapCause::Denied, GapCause::Truncated]));
    let read = (0usize..4, 0i64..3, 0usize..3, 0u64..3, any::<bool>(), gap, any::<bool>());
    let read = read.prop_map(|(kind, log, name, grown, tls, gap, complete)| Read {
        kind,
        log,
        name,
        grown,
        tls,
        complete: complete && gap.is_none(),
        gap,
    });
    prop::collection::vec(read, 0..5)
}

impl Read {
    fn reading(&self) -> LogRead {
        let &Read { log, name, grown, .. } = self;
        let (source, log_name, format) = match self.kind {
            0 => (
                format!("general/mysql-general.log.{name}"),
                format!("general@{}-1", hour(log).as_microsecond()),
                "general",
            ),
            1 => {
                let (ending, format) = if name == 0 { (".csv", "csvlog") } else { ("", "stderr") };
                (format!("error/log.{log}{ending}"), format!("error/log.{log}"), format)
            }
            2 => {
                let source = exported_source("/aws/rds/instance/orders/audit", hour(log));
                (source.clone(), source, "audit")
            }
            _ => (listing_source("general/"), listing_source("general/"), ""),
        };
        let listing = self.kind == 3;
        let sessions = if listing { 0 } else { grown };
        let gap = |cause| LogGap { cause, message: format!("{cause:?} at {grown}") };
        LogRead {
            source,
            log: log_name,
            format: Some(format.to_owned()).filter(|_| !listing),
            log_line_prefix: None,
            listed_bytes: 100 * grown,
            last_written: Some(hour(log).max(hour(log + grown as i64))),
            read_bytes: 100 * grown,
            span: (sessions > 0).then(|| Window { from: hour(log), to: hour(log + grown as i64) }),
            complete: self.complete && !listing,
            records: sessions,
            sessions,
            tls_sessions: sessions * u64::from(self.tls),
            unknown_sessions: 0,
            first_session_at: (sessions > 0).then(|| hour(log)),
            last_session_at: (sessions > 0).then(|| hour(log + 1)),
            unparsed: 0,
            gaps: self.gap.or(listing.then_some(GapCause::Failed)).map(gap).into_iter().collect(),
            connection_ids: Vec::new(),
        }
    }

    fn fact(&self) -> Option<(Key, Tallied)> {
        let reading = self.reading();
        let key = Key {
            source: reading.source,
            hour: BEGIN + self.log * HOUR,
            event: "connected",
            transport: Some(if self.tls { "tls" } else { "plaintext" }),
            tls_version: None,
            cipher: None,
            user: Some(reading.log),
            database: None,
            address: None,
            application: None,
            auth_method: None,
            cause: None,
            system: false,
            open: None,
        };
        let at = hour(self.log).as_microsecond();
        (reading.records > 0).then_some((key, Tallied { count: reading.records, first_seen: at, last_seen: at }))
    }
}

/// A collection: of the instance, or of one that had its name before.
fn collect(bundle: &Bundle, at: usize, made: usize, reads: &[Read]) {
    let created_at = if at < made { hour(-1) } else { day(made) };
    let (account, region) = (Some("123456789012".to_owned()), "eu-west-1".to_owned());
    let instances = vec![profile(created_at)];
    let (caller, left_out) = (None, LeftOut::default());
    let fleet =
        Fleet { taken_at: day(at), account, region, caller, whole: true, instances, errors: Vec::new(), left_out };
    let inventory = bundle.write_fleet(&fleet).expect("written");
    let mut names = BTreeSet::new();
    let reads: Vec<_> = reads.iter().filter(|read| names.insert(read.reading().source)).collect();
    let problem = |reading: &LogRead| Problem {
        account: None,
        region: None,
        subject: format!("orders {}", reading.source),
        call: None,
        code: String::new(),
        message: format!("on day {at}"),
        aws_message: None,
        request_id: None,
    };
    let readings: Vec<LogRead> = reads.iter().map(|read| read.reading()).collect();
    let part = Part {
        arn: ARN.to_owned(),
        account: "123456789012".to_owned(),
        region: "eu-west-1".to_owned(),
        instance: "orders".to_owned(),
        collected_at: day(at),
        errors: readings.iter().filter(|reading| !reading.gaps.is_empty()).map(problem).collect(),
        readings,
    };
    let facts: Vec<_> = reads.iter().filter_map(|read| read.fact()).collect();
    let earlier = bundle.parts().expect("parts").known(&profile(created_at)).files;
    bundle.write_part(&part, &facts, &earlier).expect("written");
    let mut measured = Measured::default();
    let metric = name::DATABASE_CONNECTIONS.to_owned();
    let measure = Measure { subject: ARN.to_owned(), metric, statistic: Statistic::Maximum };
    reads.iter().for_each(|read| measured.add(&measure, BEGIN + read.log * HOUR, read.grown as f64));
    let part = MetricPart {
        account: "123456789012".to_owned(),
        region: "eu-west-1".to_owned(),
        collected_at: day(at),
        errors: part.errors.clone(),
    };
    bundle.write_metrics(&part, measured).expect("written");
    bundle.write_network(network(part, &reads)).expect("written");
    bundle.finish(&fleet, inventory).expect("written");
}

/// What a collection asked of network interfaces: each log that was read is an address, with an interface or without.
fn network(part: MetricPart, reads: &[&Read]) -> NetworkPart {
    let MetricPart { account, region, collected_at, errors } = part;
    let (mut network, mut unowned) = (Network::default(), BTreeSet::new());
    for read in reads {
        let address = format!("10.0.0.{}", read.log);
        if read.tls {
            let interface = NetworkInterface { id: format!("eni-{}", read.kind), ..NetworkInterface::default() };
            network.add(interface, address, Sighting { from: collected_at, to: collected_at });
        } else {
            unowned.insert(address);
        }
    }
    NetworkPart { account, region, collected_at, network, unowned, errors }
}

/// All that a report is made of.
type Shown = (Vec<LogRead>, Vec<Problem>, Vec<String>, Measured, Vec<Problem>, String, Vec<(Network, Vec<Problem>)>);

fn shown(paths: &[PathBuf]) -> Shown {
    let evidence = load(paths, Scope::All).expect("a bundle");
    let instance = evidence.instances.first().expect("an instance");
    let logs = instance.logs().expect("readings");
    let mut facts = Vec::new();
    let measured = instance.measured().expect("metrics");
    let table = logs.facts().expect("facts");
    assert!(evidence.is_whole() && logs.is_verified);
    let digest = instance.digest(&logs, table.as_ref(), &measured);
    if let Some(table) = table {
        facts.extend(
            table
                .with_events()
                .map(|(fact, event)| format!("{:?}", (table.source(fact), table.log(fact), &event.user, fact.count))),
        );
        facts.sort_unstable();
    }
    let mut errors = logs.errors;
    errors.dedup();
    let networks = evidence.networks.into_values().map(|region| (region.network, region.errors)).collect();
    (logs.readings, errors, facts, measured, evidence.errors, digest, networks)
}

/// The addresses whose owners the next collection asks for.
fn asked(path: &Path) -> BTreeSet<String> {
    bundle(path).client_addresses("123456789012", "eu-west-1").expect("addresses")
}

fn bundle(path: &Path) -> Bundle {
    Bundle::create(path).expect("a bundle")
}

/// What need not be read again.
fn known(path: &Path) -> BTreeSet<(String, u64, Option<Timestamp>)> {
    let known = bundle(path).parts().expect("parts").known(&profile(day(0))).complete;
    known.into_iter().map(|reading| (reading.source, reading.listed_bytes, reading.last_written)).collect()
}

/// All files of a bundle, by their path in it.
fn files(path: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let folders = store::FOLDERS.map(|folder| path.join(folder));
    let entries = folders.iter().flat_map(|folder| folder.read_dir().expect("a folder"));
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.map(|path| (path.clone(), fs::read(&path).expect("a file"))).collect()
}

#[test]
fn what_killed_processes_left_is_dropped_when_it_is_old() {
    let home = TempDir::new().expect("a folder");
    let small = bundle(home.path());
    let read = Read { kind: 1, log: 0, name: 1, grown: 1, tls: true, gap: None, complete: true };
    collect(&small, 0, 0, &[read]);
    let whole = files(home.path());
    let left = ["fleet/a.json.new", "parts/a.json.new", "parts/a.readings.parquet", "metrics/a.parquet"];
    let write = |name: &str, hours: u64| {
        let file = fs::File::create(home.path().join(name)).expect("a file");
        let then = std::time::SystemTime::now() - std::time::Duration::from_secs(hours * 3600);
        file.set_modified(then).expect("a time");
    };
    left.iter().for_each(|name| write(name, 23));
    small.compact(1).expect("compacted");
    assert_eq!(files(home.path()).len(), whole.len() + left.len(), "somebody may be at it still");
    left.iter().for_each(|name| write(name, 25));
    whole.keys().for_each(|name| {
        let file = fs::File::options().append(true).open(name).expect("a file");
        file.set_modified(std::time::SystemTime::UNIX_EPOCH).expect("a time");
    });
    small.compact(1).expect("compacted");
    assert_eq!(files(home.path()), whole);
}

#[test]
fn every_collection_that_ended_is_recorded_however_many_end_at_once() {
    for _ in 0..20 {
        let folder = TempDir::new().expect("a folder");
        let bundle = bundle(folder.path());
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let (account, region) = (Some("123456789012".to_owned()), "eu-west-1".to_owned());
                    let (instances, errors, left_out) = (vec![profile(hour(-1))], Vec::new(), LeftOut::default());
                    let fleet = Fleet {
                        taken_at: day(0),
                        account,
                        region,
                        caller: None,
                        whole: true,
                        instances,
                        errors,
                        left_out,
                    };
                    let inventory = bundle.write_fleet(&fleet).expect("written");
                    bundle.finish(&fleet, inventory).expect("written");
                });
            }
        });
        let evidence = load(&[folder.path().to_owned()], Scope::All).expect("a bundle");
        assert_eq!(evidence.errors, []);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn bundles_show_the_same_however_a_collection_is_split(
        days in prop::collection::vec((reads(), 1u8..8), 1..5),
        made in 0usize..4,
        order in Just([0usize, 1, 2]).prop_shuffle(),
        compacted in any::<[bool; 3]>(),
    ) {
        let home = TempDir::new().expect("a folder");
        let path = |name: &str| home.path().join(name);
        let (whole, parts) = (bundle(&path("whole")), [0, 1, 2].map(|part| bundle(&path(&format!("part-{part}")))));
        for (at, (reads, into)) in days.iter().enumerate() {
            collect(&whole, at, made, reads);
            (0..3).filter(|part| into & (1 << part) != 0).for_each(|part| collect(&parts[part], at, made, reads));
        }
        let is_filled = |part: &usize| days.iter().any(|(_, into)| into & (1 << part) != 0);
        for part in (0..3).filter(|part| compacted[*part]) {
            prop_assert!(parts[part].compact(1).expect("compacted").is_empty());
        }
        let filled: Vec<_> = order.iter().filter(|part| is_filled(part)).map(|part| path(&format!("part-{part}"))).collect();
        let expected = shown(&[path("whole")]);
        prop_assert_eq!(&shown(&filled), &expected);
        let twice: Vec<_> = filled.iter().rev().chain(&filled).cloned().collect();
        prop_assert_eq!(&shown(&twice), &expected);
    }

    #[test]
    fn a_bundle_shows_the_same_whenever_it_is_compacted_and_wherever_that_breaks_off(
        days in prop::collection::vec((reads(), any::<bool>(), any::<Index>()), 1..6),
        made in 0usize..4,
    ) {
        let home = TempDir::new().expect("a folder");
        let path = |name: &str| home.path().join(name);
        let (plain, small) = (bundle(&path("plain")), bundle(&path("small")));
        for (at, (reads, compacts, broken)) in days.iter().enumerate() {
            collect(&plain, at, made, reads);
            collect(&small, at, made, reads);
            if !compacts {
                continue;
            }
            let before = files(&path("small"));
            prop_assert!(small.compact(1).expect("compacted").is_empty());
            let after = files(&path("small"));
            // Broken off after so many were removed, the rest is still there.
            let removed: Vec<_> = before.keys().filter(|file| !after.contains_key(*file)).collect();
            let names = |file: &&&PathBuf| file.extension().is_some_and(|extension| extension == "json");
            let left: Vec<_> = removed.iter().filter(names).skip(broken.index(removed.len() + 1)).collect();
            for name in left {
                for file in [(*name).clone(), name.with_extension("parquet"), name.with_extension("readings.parquet")] {
                    before.get(&file).iter().for_each(|bytes| fs::write(&file, bytes).expect("a file"));
                }
            }
        }
        prop_assert_eq!(shown(&[path("small")]), shown(&[path("plain")]));
        prop_assert_eq!(known(&path("small")), known(&path("plain")));
        prop_assert_eq!(asked(&path("small")), asked(&path("plain")));
        small.compact(1).expect("compacted");
        let once = files(&path("small"));
        small.compact(1).expect("compacted");
        prop_assert_eq!(files(&path("small")), once, "what is small stays as it is");
        prop_assert_eq!(shown(&[path("small")]), shown(&[path("plain")]));
    }
}
