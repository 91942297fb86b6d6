//! `ssl-usage collect --logs` and `--events`: events of CloudWatch Logs that were delivered as files.
//!
//! The events are those that the double of CloudWatch Logs serves. Objects have the form of AWS's documentation: "Log group-level
//! subscription filters" and "Export log data to Amazon S3" in the CloudWatch Logs user guide.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::LazyLock;

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::command::{Run, against, ssl_usage};
use crate::fake_aws::{FakeAws, Fleet};
use crate::fleet::{WINDOW, small_fleet};
use crate::sealing::copy_bundle;

/// Instances whose log is exported.
const EXPORTED: [&str; 2] = ["orders-prod", "reports-batch"];

/// A machine with an inventory, and what a live collection from CloudWatch Logs reports.
pub struct Machine {
    pub home: TempDir,
    fleet: Fleet,
    live: Value,
}

pub static MACHINE: LazyLock<Machine> = LazyLock::new(|| {
    let mut fleet = small_fleet();
    for name in EXPORTED {
        fleet.instance(name).export("postgresql", "error/");
    }
    let home = TempDir::new().expect("a folder");
    let aws = FakeAws::start(fleet.clone());
    let live = Run::of(
        against(&aws, home.path())
            .args(["analyze", "--source", "cloudwatch", "--format", "json", "--bundle"])
            .arg(home.path().join("live"))
            .args(WINDOW),
    );
    let run = Run::of(
        against(&aws, home.path()).args(["preflight", "--bundle"]).arg(home.path().join("inventory")).args(WINDOW),
    );
    assert_eq!(run.status, 0, "{run:?}");
    Machine { fleet, live: live.json(), home }
});

/// An event of a log stream.
struct Exported {
    group: String,
    stream: String,
    id: String,
    at: i64,
    message: String,
}

impl Machine {
    /// All events of the exported logs, by the time at which they were received.
    fn events(&self) -> Vec<Exported> {
        let mut events = Vec::new();
        for of in self.fleet.instances.iter().filter(|of| EXPORTED.contains(&of.id.as_str())) {
            for (group, all) in &of.groups {
                for stream in std::iter::once(all).chain(&all.others) {
                    for (number, event) in stream.events.iter().enumerate() {
                        events.push(Exported {
                            group: group.clone(),
                            stream: stream.stream.clone(),
                            // Ids of CloudWatch Logs have 56 digits, and grow with the time.
                            id: format!("{:046}{number:010}", event.at),
                            at: event.at,
                            message: event.message.clone(),
                        });
                    }
                }
            }
        }
        events.sort_by_key(|event| event.at);
        events
    }

    /// Objects as Firehose delivers them: batches of all instances, every twentieth of them twice.
    pub fn firehose(&self, place: &Path) {
        let mut batches: Vec<Vec<u8>> = Vec::new();
        for batch in self.events().chunks(50) {
            let groups: BTreeSet<(&str, &str)> =
                batch.iter().map(|event| (event.group.as_str(), event.stream.as_str())).collect();
            for (group, stream) in groups {
                let own = batch.iter().filter(|event| (event.group.as_str(), event.stream.as_str()) == (group, stream));
                let events: Vec<Value> =
                    own.map(|event| json!({"id": event.id, "timestamp": event.at, "message": event.message})).collect();
                let message = json!({
                    "messageType": "DATA_MESSAGE", "owner": "123456789012", "logGroup": group, "logStream": stream,
                    "subscriptionFilters": ["all"], "logEvents": events,
                });
                batches.push(packed(message.to_string().as_bytes()));
                if batches.len().is_multiple_of(20) {
                    batches.push(packed(message.to_string().as_bytes()));
                }
            }
        }
        for (number, object) in batches.chunks(9).enumerate() {
            // What is delivered twice may be in another object.
            let name = format!("2026/11/23/{:02}/stream-{}-{number}.gz", number % 24, number % 7);
            write_file(&place.join(name), &object.concat());
        }
    }

    /// Objects as an export task writes them, in folders that are named after the log groups.
    pub fn export(&self, place: &Path) {
        let events = self.events();
        let streams: BTreeSet<(&str, &str)> =
            events.iter().map(|event| (event.group.as_str(), event.stream.as_str())).collect();
        for (group, stream) in streams {
            let own = events.iter().filter(|event| (event.group.as_str(), event.stream.as_str()) == (group, stream));
            let mut text = String::new();
            for event in own {
                let at = jiff::Timestamp::from_millisecond(event.at).expect("a time");
                text.push_str(&format!("{} {}\n", at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ"), event.message.trim_end()));
            }
            let task = place.join(group.trim_start_matches('/')).join("6d1f9c0e-task");
            write_file(&task.join(stream).join("000000.gz"), &packed(text.as_bytes()));
            write_file(&task.join("aws-logs-write-test"), b"Permission Check Successful");
        }
    }

    /// Copies of the files of RDS.
    pub fn files(&self, place: &Path) {
        for of in &self.fleet.instances {
            for (name, file) in &of.files {
                write_file(&place.join(&of.id).join(name), &file.bytes);
            }
        }
    }

    /// JSON, one event a line, in folders that are named after the log groups.
    fn json_lines(&self, place: &Path) {
        let events = self.events();
        let groups: BTreeSet<&str> = events.iter().map(|event| event.group.as_str()).collect();
        for group in groups {
            let own = events.iter().filter(|event| event.group == group);
            let line = |event: &Exported| {
                json!({"timestamp": event.at, "logStreamName": event.stream, "message": event.message}).to_string()
            };
            let lines: Vec<String> = own.map(line).collect();
            write_file(&place.join(group.trim_start_matches('/')).join("events.jsonl"), lines.join("\n").as_bytes());
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    pub fn collect(&self, options: &[&str], logs: &Path, bundle: &Path) -> Run {
        let mut command = ssl_usage(self.home.path());
        command.args(["collect", "--quiet"]).args(options).arg("--logs").arg(logs);
        if !bundle.exists() {
            command.arg("--inventory").arg(self.path("inventory"));
        }
        Run::of(command.arg("-o").arg(bundle))
    }

    pub fn report(&self, bundles: &[PathBuf]) -> Run {
        let mut command = ssl_usage(self.home.path());
        command.args(["analyze", "--quiet", "--format", "json"]).args(WINDOW);
        for bundle in bundles {
            command.arg("--from").arg(bundle);
        }
        Run::of(&mut command)
    }
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(bytes).expect("written");
    packed.finish().expect("whole")
}

fn write_file(path: &Path, bytes: &[u8]) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::write(path, bytes).expect("a file");
}

fn instance<'r>(report: &'r Value, name: &str) -> &'r Value {
    let all = report["instances"].as_array().expect("instances");
    all.iter().find(|row| row["instance"] == name).unwrap_or_else(|| panic!("{name}: {report:#}"))
}

/// The report on an archive of events is that of the live collection, as far as sessions and verdicts go.
#[test]
fn delivered_events_show_what_a_live_collection_shows() {
    let machine = &*MACHINE;
    type Deliver = fn(&Machine, &Path);
    let deliveries: [(&str, Deliver, &[&str]); 3] = [
        ("firehose", Machine::firehose, &["--unfiltered"]),
        ("export", Machine::export, &[]),
        ("json", Machine::json_lines, &["--unfiltered"]),
    ];
    for (name, deliver, options) in deliveries {
        let (archive, bundle) = (machine.path(&format!("{name}-archive")), machine.path(&format!("{name}-bundle")));
        deliver(machine, &archive);
        let run = machine.collect(options, &archive, &bundle);
        assert_eq!((run.status, run.err.as_str()), (0, ""), "{name}: {run:?}");
        let report = machine.report(std::slice::from_ref(&bundle)).json();
        for instance_name in EXPORTED {
            let (copied, live) = (instance(&report, instance_name), instance(&machine.live, instance_name));
            for count in ["tls", "plaintext", "local", "unknown", "rejected"] {
                assert_eq!(copied["connections"][count], live["connections"][count], "{name} {instance_name}: {count}");
            }
            assert!(copied["connections"].is_object(), "{copied:#}");
            for field in ["rotation", "usage", "unproven"] {
                assert_eq!(copied[field], live[field], "{name} {instance_name}: {copied:#}\n{live:#}");
            }
        }
        // A live collection and its archive are the same log, which counts once.
        let both = machine.report(&[bundle, machine.path("live")]).json();
        for instance_name in EXPORTED {
            assert_eq!(
                instance(&both, instance_name)["connections"],
                instance(&machine.live, instance_name)["connections"]
            );
        }
    }
}

#[test]
fn a_filter_pattern_may_have_left_sessions_out() {
    let machine = &*MACHINE;
    let (archive, bundle) = (machine.path("filtered-archive"), machine.path("filtered-bundle"));
    machine.firehose(&archive);
    let run = machine.collect(&[], &archive, &bundle);
    assert_eq!(run.status, 0, "{run:?}");
    let report = machine.report(&[bundle]).json();
    let row = instance(&report, "reports-batch");
    assert!(row["connections"]["plaintext"].as_u64() > Some(0), "{row:#}");
    assert_eq!((&row["rotation"], &row["unproven"]), (&"required".into(), &true.into()), "{row:#}");
    assert_eq!(instance(&report, "orders-prod")["usage"], "in_use", "what is there counts");
}

#[test]
fn an_object_that_is_cut_is_a_gap() {
    let machine = &*MACHINE;
    for kept in [0.5, 0.001] {
        let (archive, bundle) =
            (machine.path(&format!("cut-{kept}-archive")), machine.path(&format!("cut-{kept}-bundle")));
        machine.firehose(&archive);
        let objects: Vec<PathBuf> = walk(&archive);
        let object = objects.iter().max_by_key(|path| path.metadata().expect("a file").len()).expect("an object");
        let bytes = fs::read(object).expect("bytes");
        fs::write(object, &bytes[..((bytes.len() as f64 * kept) as usize).max(12)]).expect("written");
        let run = machine.collect(&["--unfiltered"], &archive, &bundle);
        assert_eq!(run.status, 3, "{run:?}");
        let name = object.file_name().expect("a name").to_string_lossy().into_owned();
        assert!(run.err.contains(&name), "{name}: {run:?}");
        let report = machine.report(&[bundle]).json();
        assert_eq!(instance(&report, "reports-batch")["unproven"], true, "{kept}");
        // The same through `extract`.
        let extracted = extract(machine, &archive);
        assert_eq!(extracted.status, 3, "{:?}", extracted.err);
        let bundle = machine.path(&format!("cut-{kept}-extracted"));
        let run = collect_events(machine, &extracted.out, Some(&machine.path("inventory")), &bundle);
        assert_eq!(run.status, 3, "{run:?}");
        assert_eq!(instance(&machine.report(&[bundle]).json(), "reports-batch")["unproven"], true, "{kept}");
    }
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { found.extend(walk(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

fn extract(machine: &Machine, archive: &Path) -> Run {
    Run::of(ssl_usage(machine.home.path()).arg("extract").arg(archive))
}

/// Collects what standard input has, into a bundle that has an inventory already or begins as a copy of one.
fn collect_events(machine: &Machine, events: &str, inventory: Option<&Path>, bundle: &Path) -> Run {
    let mut command = ssl_usage(machine.home.path());
    command.args(["collect", "--quiet", "--unfiltered", "--events", "-"]);
    if let Some(inventory) = inventory {
        command.arg("--inventory").arg(inventory);
    }
    command.arg("-o").arg(bundle).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the command starts");
    child.stdin.take().expect("a pipe").write_all(events.as_bytes()).expect("written");
    let output = child.wait_with_output().expect("it ends");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Run { status: output.status.code().expect("a status"), out: text(output.stdout), err: text(output.stderr) }
}

/// An archive, its events, and the report on them.
static UNDIVIDED: LazyLock<(PathBuf, String, String)> = LazyLock::new(|| {
    let machine = &*MACHINE;
    let (archive, bundle) = (machine.path("whole-archive"), machine.path("whole-bundle"));
    machine.firehose(&archive);
    let run = machine.collect(&["--unfiltered"], &archive, &bundle);
    assert_eq!((run.status, run.err.as_str()), (0, ""), "{run:?}");
    let extracted = extract(machine, &archive);
    assert_eq!((extracted.status, extracted.err.as_str()), (0, ""));
    (archive, extracted.out, machine.report(&[bundle]).out)
});

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4))]

    /// As an engine shuffles them: in any order, some again, and in parts by the hour.
    #[test]
    fn events_in_any_order_and_in_any_shards_show_the_same(seed in any::<u64>(), count in 1_usize..4) {
        let machine = &*MACHINE;
        let (archive, events, expected) = &*UNDIVIDED;
        let place = TempDir::new_in(machine.home.path()).expect("a folder");
        let mut state = seed | 1;
        let mut random = |most: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % most.max(1)
        };
        let mut lines: Vec<&str> = events.lines().collect();
        for at in (1..lines.len()).rev() {
            lines.swap(at, random(at + 1));
        }
        for _ in 0..50 {
            lines.push(lines[random(lines.len())]);
        }
        let bundle = place.path().join("events");
        let run = collect_events(machine, &format!("{}\n", lines.join("\n")), Some(&machine.path("inventory")), &bundle);
        prop_assert_eq!((run.status, run.err.as_str()), (0, ""));
        prop_assert_eq!(&machine.report(&[bundle]).out, expected);
        let bundles: Vec<PathBuf> = (0..count).map(|shard| place.path().join(shard.to_string())).collect();
        for (shard, bundle) in bundles.iter().enumerate() {
            let run = machine.collect(&["--unfiltered", "--shard", &format!("{shard}/{count}")], archive, bundle);
            prop_assert_eq!((run.status, run.err.as_str()), (0, ""));
        }
        prop_assert_eq!(&machine.report(&bundles).out, expected);
    }
}

/// As an engine shuffles them: each process collects some hours, and of other hours it knows only when they have events.
#[test]
fn hours_in_several_processes_show_the_same() {
    let machine = &*MACHINE;
    let (_, events, expected) = &*UNDIVIDED;
    let bundle = machine.path("by-hours");
    copy_bundle(&machine.path("inventory"), &bundle, |_| true);
    for process in 0..3 {
        let of_process = |line: &str| {
            let mut event: Value = serde_json::from_str(line).expect("an event");
            let hour = event["timestamp"].as_i64().expect("a time") / 3_600_000;
            if hour % 3 != process {
                event["message"] = Value::Null;
            }
            format!("{event}\n")
        };
        let lines: String = events.lines().map(of_process).collect();
        let run = collect_events(machine, &lines, None, &bundle);
        assert_eq!((run.status, run.err.as_str()), (0, ""));
    }
    assert_eq!(&machine.report(&[bundle]).out, expected);
}

/// An engine that replaces a message by null must not hide its session.
#[test]
fn an_hour_of_which_a_message_is_missing_is_a_gap() {
    let machine = &*MACHINE;
    let (_, events, _) = &*UNDIVIDED;
    let is_session = |line: &&str| line.contains("reports-batch") && line.contains("connection authorized");
    let lost = events.lines().find(is_session).expect("a session");
    let mut event: Value = serde_json::from_str(lost).expect("an event");
    event["message"] = Value::Null;
    let lines = format!("{}\n", events.trim_end()).replace(lost, &event.to_string());
    let bundle = machine.path("with-a-null");
    let run = collect_events(machine, &lines, Some(&machine.path("inventory")), &bundle);
    assert_eq!(run.status, 0, "{run:?}");
    let report = machine.report(&[bundle]).json();
    let rows = report["instances"].as_array().expect("instances");
    let batch = rows.iter().find(|row| row["instance"] == "reports-batch").expect("the instance");
    assert!(batch["coverage"]["files_failed"].as_u64() > Some(0), "{batch:#}");
    assert_ne!(batch["usage"], "not_observed", "{batch:#}");
}

/// A part of an archive need not have logs with connections, but an archive without any event is an error.
#[test]
fn a_part_without_connections_is_no_error() {
    let machine = &*MACHINE;
    let (_, events, _) = &*UNDIVIDED;
    let first = events.lines().next().expect("an event");
    let of_instance = |name: &str| first.replace("orders-prod", name).replace("reports-batch", name) + "\n";
    let mark = |line: &str| {
        let mut event: Value = serde_json::from_str(line).expect("an event");
        event["message"] = Value::Null;
        format!("{event}\n")
    };
    let upgrade = format!("{}\n", first.replace("/postgresql:", "/upgrade:"));
    let inventory = machine.path("inventory");
    let cases = [
        ("another log", upgrade, 0),
        ("an instance that is unknown", of_instance("gone"), 3),
        ("no event", String::new(), 1),
        ("an event that another process collects", mark(&of_instance("gone")), 1),
    ];
    for (name, lines, status) in cases {
        let bundle = machine.path(&format!("part of {name}"));
        let run = collect_events(machine, &lines, Some(&inventory), &bundle);
        assert_eq!((run.status, bundle.exists()), (status, status != 1), "{name}: {run:?}");
    }
}

#[test]
fn lines_that_are_no_events_are_refused() {
    let machine = &*MACHINE;
    let (_, events, _) = &*UNDIVIDED;
    let first = events.lines().next().expect("an event");
    let wrong = [
        ("{}", "this is no event"),
        (&first.replacen("\"v\":1", "\"v\":2", 1), "version 2"),
        (&first.replacen("\"timestamp\":1", "\"timestamp\":2", 1), "source, instance, hour, timestamp or delivery"),
        (&first[..first.len() / 2], "the line is cut"),
    ];
    for (number, (line, expected)) in wrong.iter().enumerate() {
        let bundle = machine.path(&format!("refused-{number}"));
        let end = if *expected == "the line is cut" { "" } else { "\n" };
        let run = collect_events(machine, &format!("{first}\n{line}{end}"), Some(&machine.path("inventory")), &bundle);
        assert_eq!((run.status, bundle.exists()), (1, false), "{run:?}");
        assert!(run.err.contains(expected) && run.err.contains("line 2"), "{run:?}");
    }
}

/// A change of an archive, after which `reports-batch` is not proven.
type Change = fn(&Machine, &Path);

/// The largest object whose path has a part.
pub fn largest(archive: &Path, part: &str) -> PathBuf {
    let objects = walk(archive).into_iter().filter(|path| path.to_string_lossy().contains(part));
    objects.max_by_key(|path| path.metadata().expect("a file").len()).expect("an object")
}

#[test]
fn what_cannot_be_read_of_an_archive_is_a_gap_of_every_hour() {
    let machine = &*MACHINE;
    let export: [(&str, Change); 5] = [
        ("an object of nothing but noise", |_, archive| {
            fs::write(largest(archive, "reports-batch").with_file_name("000001.gz"), b"<Error>Access Denied</Error>")
                .expect("written");
        }),
        ("a cut of its head", |_, archive| {
            let object = largest(archive, "reports-batch");
            let bytes = fs::read(&object).expect("bytes");
            fs::write(object.with_file_name("000001.gz"), &bytes[..12]).expect("written");
        }),
        ("plain text that ends before a TLS mark", |_, archive| {
            let text = "2026-11-21T10:00:00.000Z 2026-11-21 10:00:00 UTC:10.0.0.7(5000):app@orders:[9]:LOG:  connection authorized: user=app database=orders";
            fs::write(largest(archive, "reports-batch").with_file_name("000001"), text).expect("written");
        }),
        ("an object without a log group", |_, archive| {
            let object = largest(archive, "reports-batch");
            fs::copy(object, archive.join("moved.gz")).expect("a copy");
        }),
        ("an archive of objects", |_, archive| {
            let object = largest(archive, "reports-batch").with_file_name("000001.tar");
            let mut tar = tar::Builder::new(fs::File::create(object).expect("a file"));
            tar.append_path_with_name(largest(archive, "orders-prod"), "000000.gz")
                .and_then(|()| tar.finish())
                .expect("an archive");
        }),
    ];
    let firehose: [(&str, Change); 2] = [
        ("an event with a text for its time", |_, archive| {
            let message = json!({
                "messageType": "DATA_MESSAGE", "owner": "123456789012", "logGroup": "/aws/rds/instance/reports-batch/postgresql",
                "logStream": "reports-batch.0", "subscriptionFilters": ["all"],
                "logEvents": [{"id": "1", "timestamp": "1795428000000", "message": "a"}],
            });
            write_file(&archive.join("late.gz"), &packed(message.to_string().as_bytes()));
        }),
        ("an object that is not read", |_, archive| {
            write_file(&archive.join("processing-failed/1"), b"{\"rawData\":\"aGk=\"")
        }),
    ];
    let all = export.map(|(name, change)| (name, Machine::export as Change, change, vec![]));
    let all = all
        .into_iter()
        .chain(firehose.map(|(name, change)| (name, Machine::firehose as Change, change, vec!["--unfiltered"])));
    for (number, (name, deliver, change, options)) in all.enumerate() {
        let (archive, bundle) =
            (machine.path(&format!("gap-{number}/archive")), machine.path(&format!("gap-{number}/bundle")));
        deliver(machine, &archive);
        change(machine, &archive);
        let run = machine.collect(&options, &archive, &bundle);
        assert_eq!(run.status, 3, "{name}: {run:?}");
        let report = machine.report(&[bundle]).json();
        assert_eq!(instance(&report, "reports-batch")["unproven"], true, "{name}: {:?}", run.err);
        // And through `extract`.
        let extracted = extract(machine, &archive);
        assert_eq!(extracted.status, 3, "{name}: {:?}", extracted.err);
        let bundle = machine.path(&format!("gap-{number}/extracted"));
        let run = collect_events(machine, &extracted.out, Some(&machine.path("inventory")), &bundle);
        assert_eq!(run.status, 3, "{name}: {run:?}");
        assert_eq!(instance(&machine.report(&[bundle]).json(), "reports-batch")["unproven"], true, "{name}");
    }
}

/// Events of another account have IDs of their own, and one hour in two runs is a part of it each time.
#[test]
fn no_session_is_lost_to_another_account_or_run() {
    let machine = &*MACHINE;
    let event = |id: &str, minute: u32, pid: u32, mark: &str| {
        let at = format!("2026-11-21 10:{minute:02}:00");
        let time: jiff::Timestamp = format!("{}Z", at.replace(' ', "T")).parse().expect("a time");
        json!({"id": id, "timestamp": time.as_millisecond(), "message": format!(
            "{at} UTC:10.0.0.7(5{pid}):app@orders:[{pid}]:LOG:  connection authorized: user=app database=orders{mark}"
        )})
    };
    let object =
        |owner: &str, events: Vec<Value>| {
            packed(json!({
            "messageType": "DATA_MESSAGE", "owner": owner, "logGroup": "/aws/rds/instance/reports-batch/postgresql",
            "logStream": "reports-batch.0", "subscriptionFilters": ["all"], "logEvents": events,
        }).to_string().as_bytes())
        };
    let tls = " SSL enabled (protocol=TLSv1.3, cipher=TLS_AES_256_GCM_SHA384, bits=256)";
    let own = object("123456789012", vec![event("7", 20, 2, tls)]);
    let foreign = object("999999999999", vec![event("7", 20, 2, "")]);
    let archive = machine.path("accounts/archive");
    write_file(&archive.join("1.gz"), &[foreign, own.clone()].concat());
    let run = machine.collect(&["--unfiltered"], &archive, &machine.path("accounts/bundle"));
    assert_eq!(run.status, 3, "the other account is no instance of the inventory: {run:?}");
    let report = machine.report(&[machine.path("accounts/bundle")]).json();
    assert_eq!(instance(&report, "reports-batch")["connections"]["tls"], 1);

    // The first half has two sessions with TLS, the second half one.
    let first = object("123456789012", vec![event("1", 5, 3, tls), event("2", 15, 4, tls)]);
    let bundle = machine.path("halves/bundle");
    for (name, bytes) in [("first", first), ("second", object("123456789012", vec![event("3", 50, 5, tls)]))] {
        let archive = machine.path(&format!("halves/{name}"));
        write_file(&archive.join("1.gz"), &bytes);
        let run = machine.collect(&["--unfiltered"], &archive, &bundle);
        assert_eq!(run.status, 0, "{run:?}");
    }
    let report = machine.report(&[bundle]).json();
    assert!(report["errors"].to_string().contains("was read several times"), "{:#}", report["errors"]);
}

#[test]
fn a_link_has_its_own_name() {
    let machine = &*MACHINE;
    let (archive, bundle) = (machine.path("links/archive"), machine.path("links/bundle"));
    machine.export(&archive);
    let object = largest(&archive, "reports-batch");
    let stored = machine.path("links/aws/rds/instance/orders-prod/postgresql/task/orders-prod.0/abc");
    fs::create_dir_all(stored.parent().expect("a folder")).expect("a folder");
    fs::rename(&object, &stored).expect("moved");
    std::os::unix::fs::symlink(&stored, &object).expect("a link");
    let run = machine.collect(&[], &archive, &bundle);
    assert_eq!((run.status, run.err.as_str()), (0, ""), "{run:?}");
    let report = machine.report(&[bundle]).json();
    for name in EXPORTED {
        assert_eq!(instance(&report, name)["connections"], instance(&machine.live, name)["connections"], "{name}");
    }
}
