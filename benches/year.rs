//! How large a year of evidence is, and how long and in how much memory it is judged, beside DuckDB.
//!
//! ```text
//! cargo bench --bench year
//! SSL_USAGE_BENCH_INSTANCES=50 cargo bench --bench year
//! SSL_USAGE_BENCH_PROGRAM=target/dist/ssl-usage cargo bench --bench year
//! ```
//!
//! Every instance has a log an hour, in each of which so many clients (`SSL_USAGE_BENCH_CLIENTS`) are seen, and what
//! CloudWatch measured. It is written by the library's own writer, a part a month, then merged, then judged by the command.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a benchmark prints, and stops at what is wrong"
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use jiff::Timestamp;
use ssl_usage::bundle::fact::{Key, Tallied};
use ssl_usage::bundle::metric::{HOUR, Measure, Statistic, name};
use ssl_usage::bundle::{Bundle, Digests, LogRead, Measured, MetricPart, Part};
use ssl_usage::inventory::{Certificate, Fleet, InstanceProfile, LeftOut, Level, Parameter};
use ssl_usage::window::Window;

const NOW: i64 = 1_795_392_000;
const MONTHS: i64 = 12;
const HOURS: i64 = 730;
const ACCOUNT: &str = "123456789012";
const REGIONS: i64 = 10;

fn setting(name: &str, otherwise: i64) -> i64 {
    std::env::var(format!("SSL_USAGE_BENCH_{name}")).ok().and_then(|value| value.parse().ok()).unwrap_or(otherwise)
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("in range")
}

fn main() {
    let (instances, clients) = (setting("INSTANCES", 1000), setting("CLIENTS", 20));
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("year");
    let _ = std::fs::remove_dir_all(&folder);
    let bundle = Bundle::create(&folder).expect("a bundle");
    println!("{instances} instances, {} hours, {clients} clients in each", MONTHS * HOURS);
    let start = Instant::now();
    for region in 0..REGIONS {
        let of_region =
            || (0..instances).filter(move |number| number % REGIONS == region).map(|number| profile(number, region));
        let fleet = Fleet {
            taken_at: at(NOW),
            account: Some(ACCOUNT.to_owned()),
            region: format!("region-{region}"),
            caller: None,
            whole: true,
            instances: of_region().collect(),
            errors: Vec::new(),
            left_out: LeftOut::default(),
        };
        let inventory = bundle.write_fleet(&fleet).expect("written");
        let mut measured = Measured::default();
        for profile in of_region() {
            measure(&mut measured, &profile, clients);
            (0..MONTHS).for_each(|month| write(&bundle, &profile, month, clients));
        }
        let (account, region) = (ACCOUNT.to_owned(), fleet.region.clone());
        let part = MetricPart { account, region, collected_at: at(NOW), errors: Vec::new() };
        bundle.write_metrics(&part, measured).expect("written");
        bundle.finish(&fleet, inventory).expect("written");
    }
    println!("  written in {:.1} s, {}", start.elapsed().as_secs_f64(), size(&folder));
    let program = std::env::var_os("SSL_USAGE_BENCH_PROGRAM").unwrap_or_else(|| env!("CARGO_BIN_EXE_ssl-usage").into());
    let command = || Command::new(&program);
    run("compacted", command().arg("compact").arg(&folder));
    println!("  {}", size(&folder));
    let mut fastest = f64::INFINITY;
    for days in ["90", "365"] {
        let now = at(NOW).to_string();
        let mut analyze = command();
        analyze.args(["analyze", "--format", "json", "--now", &now, "--days", days, "--from"]).arg(&folder);
        (0..RUNS).for_each(|_| fastest = fastest.min(run(&format!("judged over {days} days"), &mut analyze)));
    }
    compare(&folder, fastest);
}

/// How often what is compared is run. The fastest counts: other processes only make a run slower.
const RUNS: usize = 3;

/// Groups the same columns of the same files with DuckDB.
const GROUP: &str = r#"
import sys, time, duckdb
files = sys.argv[1] + "/parts/*[0-9a-fZ].parquet"
start = time.time()
rows = duckdb.sql(f"""SELECT instance, event, transport, tls_version, cipher, "user", "database", address, application,
    auth_method, cause, "system", sum("count"), min(first_seen), max(last_seen)
    FROM read_parquet('{files}') GROUP BY ALL""").fetchall()
print(time.time() - start, len(rows))
"#;

/// Prints how long DuckDB takes for a part of the work, if it is installed.
fn compare(folder: &Path, fastest: f64) {
    let mut peer = f64::INFINITY;
    for _ in 0..RUNS {
        let output = Command::new("python3").args(["-c", GROUP]).arg(folder).output();
        let output = output.ok().filter(|output| output.status.success());
        let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
        let Some(seconds) = text.split(' ').next().and_then(|seconds| seconds.parse().ok()) else {
            return println!("  not compared with DuckDB: `python3 -c 'import duckdb'` fails");
        };
        peer = peer.min(seconds);
    }
    println!(
        "  DuckDB groups the facts in {peer:.2} s: the fastest analysis takes {:.1} times as long",
        fastest / peer
    );
}

/// Runs a command under `time`, which prints what it took. Returns the seconds.
fn run(what: &str, command: &mut Command) -> f64 {
    let mut timed = Command::new("/usr/bin/time");
    timed.args(["-f", "%e s (%U s of cores), peak memory %M KB"]).arg(command.get_program()).args(command.get_args());
    let output = timed.env_clear().output().expect("it runs");
    let measured = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{measured}");
    println!("  {what} in {}", measured.trim());
    measured.split(' ').next().and_then(|seconds| seconds.parse().ok()).unwrap_or(f64::INFINITY)
}

fn size(folder: &Path) -> String {
    let (mut files, mut bytes) = (0u64, 0u64);
    for entry in ["fleet", "parts", "metrics"].iter().flat_map(|name| folder.join(name).read_dir().expect("a folder")) {
        files += 1;
        bytes += entry.and_then(|entry| entry.metadata()).expect("a file").len();
    }
    format!("{files} files, {:.1} MB", bytes as f64 / 1e6)
}

fn profile(number: i64, region: i64) -> InstanceProfile {
    let (region, instance) = (format!("region-{region}"), format!("db-{number}"));
    let parameter = Parameter {
        value: Some("1".to_owned()),
        is_static: false,
        level: Level::Instance,
        in_effect: true,
        group: "logged".to_owned(),
    };
    InstanceProfile {
        arn: format!("arn:aws:rds:{region}:{ACCOUNT}:db:{instance}"),
        account: ACCOUNT.to_owned(),
        region,
        instance,
        cluster: None,
        cluster_role: None,
        cluster_siblings: Vec::new(),
        custom_endpoints: Vec::new(),
        endpoints: Vec::new(),
        login: ssl_usage::inventory::DatabaseLogin::default(),
        engine: "postgres".to_owned(),
        engine_version: "16.14".to_owned(),
        engine_mode: None,
        is_limitless: false,
        status: "available".to_owned(),
        maintenance_window: None,
        pending_changes: Vec::new(),
        created_at: None,
        iam_authentication: false,
        certificate: Certificate { valid_till: Some(at(NOW + 60 * 24 * HOUR)), ..Certificate::default() },
        pending: Vec::new(),
        parameters: BTreeMap::from([("log_connections".to_owned(), parameter)]),
        proxies: Vec::new(),
        global_members: Vec::new(),
        log_exports: Vec::new(),
        tags: None,
        unknown: Vec::new(),
    }
}

fn begin(month: i64) -> i64 {
    NOW - (MONTHS - month) * HOURS * HOUR
}

fn measure(measured: &mut Measured, profile: &InstanceProfile, clients: i64) {
    for (metric, statistic, value) in [
        (name::DATABASE_CONNECTIONS, Statistic::Minimum, 0),
        (name::DATABASE_CONNECTIONS, Statistic::Maximum, clients),
        (name::IAM_LOGINS, Statistic::Sum, 0),
    ] {
        let measure = Measure { subject: profile.arn.clone(), metric: metric.to_owned(), statistic };
        (0..MONTHS * HOURS).for_each(|hour| measured.add(&measure, begin(0) + hour * HOUR, value as f64));
    }
}

/// A month of an instance, of which one in three has a client with TLS.
fn write(bundle: &Bundle, profile: &InstanceProfile, month: i64, clients: i64) {
    let (mut readings, mut facts) = (Vec::new(), Vec::new());
    let is_tls = profile.instance.bytes().map(u32::from).sum::<u32>().is_multiple_of(3);
    for hour in (0..HOURS).map(|hour| begin(month) + hour * HOUR) {
        let source = at(hour).strftime("error/postgresql.log.%Y-%m-%d-%H").to_string();
        for client in 0..clients {
            let tls = is_tls && client == 7;
            let key = Key {
                source: source.clone(),
                hour,
                event: "connected",
                transport: Some(if tls { "tls" } else { "plaintext" }),
                tls_version: tls.then(|| "TLSv1.3".to_owned()),
                cipher: tls.then(|| "TLS_AES_256_GCM_SHA384".to_owned()),
                user: Some(format!("app-{}", client % 5)),
                database: Some("shop".to_owned()),
                address: Some(format!("10.1.{}.{client}", hour / HOUR % 7)),
                application: Some(format!("service-{client}")),
                auth_method: Some("scram-sha-256".to_owned()),
                cause: None,
                system: false,
                open: None,
            };
            // Times are as different as they are in logs.
            let first = (hour + client * 131 % 1700) * 1_000_000;
            let tallied = Tallied { count: 3 + client as u64, first_seen: first, last_seen: first + 1_800_000_017 };
            facts.push((key, tallied));
        }
        let sessions = (0..clients).map(|client| 3 + client as u64).sum();
        readings.push(LogRead {
            log: source.clone(),
            source,
            format: Some("stderr".to_owned()),
            listed_bytes: 200_000 + hour as u64 % 9973,
            last_written: Some(at(hour + HOUR - 5)),
            read_bytes: 200_000 + hour as u64 % 9973,
            span: Some(Window { from: at(hour), to: at(hour + HOUR) }),
            complete: true,
            records: sessions,
            sessions,
            tls_sessions: u64::from(is_tls),
            first_session_at: Some(at(hour)),
            last_session_at: Some(at(hour + HOUR - 100)),
            ..LogRead::default()
        });
    }
    let part = Part {
        arn: profile.arn.clone(),
        account: profile.account.clone(),
        region: profile.region.clone(),
        instance: profile.instance.clone(),
        collected_at: at(begin(month + 1)),
        readings,
        errors: Vec::new(),
    };
    bundle.write_part(&part, &facts, &Digests::new()).expect("written");
}
