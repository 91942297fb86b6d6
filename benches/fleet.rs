//! How fast a large fleet is collected from an AWS that throttles, in how much memory, and what a kill on the way costs.
//!
//! ```text
//! cargo bench --bench fleet
//! SSL_USAGE_BENCH_INSTANCES=100 SSL_USAGE_BENCH_DAYS=3 SSL_USAGE_BENCH_RATE=50 cargo bench --bench fleet
//! SSL_USAGE_BENCH_FAULTS=1 SSL_USAGE_BENCH_DAYS=1 cargo bench --bench fleet
//! SSL_USAGE_BENCH_QUICK=1 cargo bench --bench fleet
//! ```
//!
//! With `QUICK`, the fleet is analyzed with and without `--quick` instead, and what AWS was asked is compared.
//!
//! With `FAULTS`, the fleet is judged under one fault after the other instead: see `faults`.
//!
//! A fake AWS serves instances in 17 regions, each with a log an hour, and takes so many downloads a second in each region
//! and no more. The shortest time in which all logs can be had is then known, and the time that was taken is compared with
//! it. The logs are generated (they are not samples). Then the same collection is killed on the way and started again: the
//! report must be the same, byte for byte.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    dead_code,
    unused_imports,
    reason = "a benchmark prints, and stops at what is wrong; it needs a part of the fake only"
)]

#[path = "../tests/fake_aws/mod.rs"]
mod fake_aws;
#[path = "fleet/faults.rs"]
mod faults;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use fake_aws::{FakeAws, Fleet, LogFile};

const REGIONS: [&str; 17] = [
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "eu-central-1",
    "eu-north-1",
    "ap-south-1",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ca-central-1",
    "sa-east-1",
];
const NOW: &str = "2026-11-23T00:00:00Z";
const KILLS: u32 = 10;

fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(format!("SSL_USAGE_BENCH_{name}")).ok().and_then(|value| value.parse().ok()).unwrap_or(otherwise)
}

fn main() {
    let (instances, days, rate) = (setting("INSTANCES", 1000), setting("DAYS", 14), setting("RATE", 60) as f64);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fleet");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder for bundles");
    if setting("FAULTS", 0) > 0 {
        println!("{instances} instances, {days} days, under each fault");
        return faults::sweep(instances, days, &folder);
    }
    if setting("QUICK", 0) > 0 {
        return compare_quick(instances, days, &folder);
    }
    let aws = FakeAws::start(fleet(instances, days));
    aws.limit("DownloadCompleteDBLogFile", rate);
    let logs = instances * days * 24;
    println!("{instances} instances in {} regions, {logs} logs, {rate} downloads a second and region", REGIONS.len());

    let whole = folder.join("whole");
    let start = Instant::now();
    let output = collect(&aws, &whole, days).stdout(Stdio::piped()).stderr(Stdio::piped()).output().expect("it runs");
    let took = start.elapsed();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let downloads = aws.calls().iter().filter(|call| call.action == "DownloadCompleteDBLogFile").count();
    println!("  {:.1} s, {} calls, {downloads} of them downloads", took.as_secs_f64(), aws.calls().len());
    println!("  peak memory {} KB", String::from_utf8_lossy(&output.stderr).trim());
    // A region's bucket is full at first.
    let per_region = instances.div_ceil(REGIONS.len() as u64) * days * 24;
    let least = (per_region as f64 - rate) / rate;
    println!("  {least:.1} s is the least that AWS allows: {:.2} of it", least / took.as_secs_f64());

    let (expected, judged) = judge(&aws, &whole, days);
    println!("  judged in {:.1} s", judged.as_secs_f64());
    let broken = folder.join("broken");
    for kill in 1..=KILLS {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ssl-usage"));
        let mut child = into(&mut command, &aws, &broken, days).stderr(Stdio::null()).spawn().expect("it starts");
        std::thread::sleep(took.mul_f64(f64::from(kill * 7 % 11) / 11.0 / 5.0));
        child.kill().expect("it can be killed");
        child.wait().expect("it ends");
    }
    let start = Instant::now();
    assert!(collect(&aws, &broken, days).stderr(Stdio::null()).status().expect("it runs").success());
    println!("  killed {KILLS} times, then {:.1} s to the end", start.elapsed().as_secs_f64());
    assert!(judge(&aws, &broken, days).0 == expected, "the report is the same, byte for byte");
}

/// Analyzes the fleet with and without `--quick`, and prints what each run asked for, with the line in which the command says it.
fn compare_quick(instances: u64, days: u64, folder: &Path) {
    for (name, options) in [("all logs", &[][..]), ("--quick", &["--quick"])] {
        let aws = FakeAws::start(fleet(instances, days));
        let mut command = Command::new(env!("CARGO_BIN_EXE_ssl-usage"));
        command.args(["analyze", "--all-regions", "--now", NOW, "--days", &days.to_string(), "--bundle"]);
        reach(command.arg(folder.join(name)).args(options), &aws);
        let start = Instant::now();
        let output = command.output().expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        let downloads = aws.calls().iter().filter(|call| call.action == "DownloadCompleteDBLogFile").count();
        println!("{name}: {} calls, {downloads} of them downloads, {:.1?}", aws.calls().len(), start.elapsed());
        println!("  {}", said.lines().find(|line| line.starts_with("Collected ")).unwrap_or_default());
    }
}

/// The command, under `time`, which prints its peak memory.
fn collect(aws: &FakeAws, bundle: &Path, days: u64) -> Command {
    let mut command = Command::new("/usr/bin/time");
    command.args(["-f", "%M", env!("CARGO_BIN_EXE_ssl-usage")]);
    into(&mut command, aws, bundle, days);
    command
}

fn into<'c>(command: &'c mut Command, aws: &FakeAws, bundle: &Path, days: u64) -> &'c mut Command {
    command.args(["collect", "--all-regions", "--now", NOW, "--days", &days.to_string(), "-o"]).arg(bundle);
    reach(command, aws);
    command
}

fn judge(aws: &FakeAws, bundle: &Path, days: u64) -> (Vec<u8>, Duration) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ssl-usage"));
    command.args(["analyze", "--format", "json", "--now", NOW, "--days", &days.to_string(), "--from"]).arg(bundle);
    reach(&mut command, aws);
    let start = Instant::now();
    let output = command.output().expect("it runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    (output.stdout, start.elapsed())
}

fn reach(command: &mut Command, aws: &FakeAws) {
    command.env_clear().env("HOME", "/nonexistent").env("AWS_ENDPOINT_URL", aws.url());
    command.env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE").env("AWS_SECRET_ACCESS_KEY", "secret");
    command.env("AWS_REGION", "us-east-1").env("AWS_EC2_METADATA_DISABLED", "true");
}

/// So many instances, spread over the regions, each with a log for every hour of so many days.
fn fleet(instances: u64, days: u64) -> Fleet {
    let mut text = format!("account = \"123456789012\"\nregion = \"us-east-1\"\nnow = \"{NOW}\"\n");
    text += "[[certificate]]\nid = \"rds-ca-rsa2048-g1\"\nvalid_from = \"2021-05-25T22:34:57Z\"\n\
             valid_till = \"2061-05-25T23:34:57Z\"\ndefault = true\n\
             [[engine_version]]\nengine = \"postgres\"\nversion = \"16.14\"\nrotates_without_restart = false\n\
             [[parameter_group]]\nname = \"logged\"\nfamily = \"postgres16\"\n\
             [[parameter_group.parameter]]\nname = \"log_connections\"\nvalue = \"1\"\n";
    for number in 0..instances {
        let region = REGIONS[(number % REGIONS.len() as u64) as usize];
        text += &format!(
            "[[instance]]\nid = \"db-{number}\"\nengine = \"postgres\"\nversion = \"16.14\"\nregion = \"{region}\"\n\
             created = \"2020-01-01T00:00:00Z\"\nca = \"rds-ca-rsa2048-g1\"\n\
             cert_valid_till = \"2027-01-30T10:00:00Z\"\nparameter_group = \"logged\"\n"
        );
    }
    let mut fleet = Fleet::parse(&text, ".").expect("a fleet");
    let now = fleet.now.as_second();
    for (number, instance) in (0..instances).zip(&mut fleet.instances) {
        for back in 1..=days * 24 {
            let begun = now - 3600 * back as i64;
            let hour = jiff_hour(begun);
            let written = (begun + 3590) * 1000;
            let file = LogFile::new(log(number, begun), written);
            instance.files.insert(format!("error/postgresql.log.{hour}"), file);
        }
    }
    fleet
}

/// `2026-11-22-23` of a time in seconds.
fn jiff_hour(second: i64) -> String {
    let time = jiff::Timestamp::from_second(second).expect("in range");
    time.strftime("%Y-%m-%d-%H").to_string()
}

/// A log of one hour: AWS's own sessions, and a client's, of which one in three instances uses TLS.
fn log(number: u64, begun: i64) -> Vec<u8> {
    let at = |minute: i64| {
        let time = jiff::Timestamp::from_second(begun + 60 * minute).expect("in range");
        time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
    };
    let tls = if number.is_multiple_of(3) {
        " SSL enabled (protocol=TLSv1.3, cipher=TLS_AES_256_GCM_SHA384, bits=256)"
    } else {
        ""
    };
    let mut text = String::new();
    for minute in [2, 30, 57] {
        let time = at(minute);
        text += &format!(
            "{time}:[local]:rdsadmin@rdsadmin:[700]:LOG:  connection authorized: user=rdsadmin database=rdsadmin\n\
             {time}:10.1.{0}.{1}(4{minute}00):app@shop:[9{minute}]:LOG:  connection authorized: user=app database=shop{tls}\n",
            number / 250,
            number % 250
        );
    }
    text.into_bytes()
}
