//! `ssl-usage collect --logs`: log files in a folder become the evidence that a live collection is.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::Value;
use tempfile::TempDir;

use crate::command::{Run, against, ssl_usage};
use crate::fake_aws::{FakeAws, Fleet};
use crate::fleet::{WINDOW, small_fleet};

/// A machine with copies of logs, and with an inventory of their instances.
pub struct Archive {
    pub home: TempDir,
    fleet: Fleet,
}

/// What a copy becomes: its path in the archive and its bytes; none if it is not there.
pub type Copied = fn(&str, &str, &[u8]) -> Vec<(String, Vec<u8>)>;

/// As RDS names it.
pub fn as_listed(instance: &str, name: &str, bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    vec![(format!("{instance}/{name}"), bytes.to_vec())]
}

/// Below account and region, without RDS's folder, and compressed.
fn compressed(instance: &str, name: &str, bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let file = name.rsplit_once('/').map_or(name, |(_, file)| file);
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(bytes).expect("written");
    vec![(format!("123456789012/eu-west-1/{instance}/{file}.gz"), packed.finish().expect("whole"))]
}

impl Archive {
    pub fn new(copied: Copied) -> Self {
        let archive = Self { home: TempDir::new().expect("a folder"), fleet: small_fleet() };
        for instance in &archive.fleet.instances {
            for (name, file) in &instance.files {
                for (path, bytes) in copied(&instance.id, name, &file.bytes) {
                    archive.write(&path, &bytes);
                }
            }
        }
        let aws = FakeAws::start(archive.fleet.clone());
        let mut command = against(&aws, archive.home.path());
        let run = Run::of(command.args(["preflight", "--bundle"]).arg(archive.path("inventory")).args(WINDOW));
        assert_eq!(run.status, 0, "{run:?}");
        archive
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.path("logs").join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, bytes).expect("a file");
    }

    fn collect(&self, options: &[&str]) -> Run {
        let mut command = ssl_usage(self.home.path());
        command.args(["collect", "--quiet", "--logs"]).arg(self.path("logs"));
        Run::of(command.arg("-o").arg(self.path("evidence")).args(options))
    }

    /// Collects with the inventory, and then again into the same bundle. It goes without an error.
    pub fn collected(self) -> Self {
        let inventory = self.path("inventory").display().to_string();
        let run = match self.path("evidence").exists() {
            true => self.collect(&[]),
            false => self.collect(&["--inventory", &inventory]),
        };
        assert_eq!((run.status, run.err.as_str()), (0, ""), "{run:?}");
        self
    }

    fn report(&self) -> Value {
        analyze(&self.path("evidence"), self.home.path())
    }
}

fn analyze(bundle: &Path, home: &Path) -> Value {
    Run::of(ssl_usage(home).args(["analyze", "--format", "json", "--from"]).arg(bundle).args(WINDOW)).json()
}

fn instance<'r>(report: &'r Value, name: &str) -> &'r Value {
    let all = report["instances"].as_array().expect("instances");
    all.iter().find(|row| row["instance"] == name).unwrap_or_else(|| panic!("{name}: {report:#}"))
}

/// The report of a live collection of the same fleet.
fn live() -> Value {
    let home = TempDir::new().expect("a folder");
    let aws = FakeAws::start(small_fleet());
    Run::of(against(&aws, home.path()).args(["analyze", "--format", "json"]).args(WINDOW)).json()
}

/// How mild a rotation is.
fn mildness(row: &Value) -> usize {
    let order = ["required", "deferrable", "optional"];
    order.iter().position(|rotation| row["rotation"] == *rotation).expect("a rotation")
}

#[test]
fn copies_of_logs_show_what_a_live_collection_shows() {
    let live = live();
    for copied in [as_listed as Copied, compressed] {
        let archive = Archive::new(copied).collected();
        let report = archive.report();
        let mut with_sessions = 0;
        for of in archive.fleet.instances.iter().filter(|of| !of.files.is_empty()) {
            let (copied, live) = (instance(&report, &of.id), instance(&live, &of.id));
            for count in ["tls", "plaintext", "local", "unknown", "rejected"] {
                assert_eq!(copied["connections"][count], live["connections"][count], "{}: {count}", of.id);
            }
            with_sessions += usize::from(copied["connections"]["plaintext"].as_u64() > Some(0));
            assert!(mildness(copied) <= mildness(live), "{}: {copied:#}", of.id);
        }
        assert!(with_sessions > 3, "{report:#}");
        // The hours of PostgreSQL's logs are named by the files, and shown by their records.
        for name in ["orders-prod", "reports-batch"] {
            let (copied, live) = (instance(&report, name), instance(&live, name));
            assert_eq!((&copied["rotation"], &copied["usage"]), (&live["rotation"], &live["usage"]), "{copied:#}");
        }
        // Again, nothing is new.
        let evidence = archive.collected();
        assert_eq!(evidence.report()["instances"], report["instances"]);
    }
}

#[test]
fn a_copy_that_is_cut_covers_only_what_is_there() {
    let first_half: Copied = |instance, name, bytes| as_listed(instance, name, whole_lines(bytes).0);
    let report = Archive::new(first_half).collected().report();
    let row = instance(&report, "reports-batch");
    assert_eq!((&row["rotation"], &row["unproven"]), (&"required".into(), &true.into()), "{row:#}");
    assert!(row["coverage"]["share"].as_f64() < Some(0.9), "{:#}", row["coverage"]);
}

#[test]
fn lines_that_are_missing_in_the_middle_cover_nothing() {
    // Of each hour, the minutes from 10 to 50 are missing.
    let with_holes: Copied = |instance, name, bytes| {
        let text = String::from_utf8_lossy(bytes);
        let is_kept = |line: &&str| {
            line.get(14..16)
                .and_then(|minute| minute.parse().ok())
                .is_none_or(|minute: u32| !(10..50).contains(&minute))
        };
        let kept: String = text.split_inclusive('\n').filter(is_kept).collect();
        as_listed(instance, name, kept.as_bytes())
    };
    let archive = Archive::new(with_holes);
    let inventory = archive.path("inventory").display().to_string();
    let run = archive.collect(&["--inventory", &inventory, "--instance", "reports-batch"]);
    assert!(run.status == 0 || run.status == 3, "{run:?}");
    let report = archive.report();
    let row = instance(&report, "reports-batch");
    assert_eq!((&row["rotation"], &row["unproven"]), (&"required".into(), &true.into()), "{row:#}");
    assert!(row["coverage"]["share"].as_f64() < Some(0.6), "{:#}", row["coverage"]);
}

/// The first and the last half of a log, at the end of a line.
fn whole_lines(bytes: &[u8]) -> (&[u8], &[u8]) {
    let end = bytes[..bytes.len() / 2].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    bytes.split_at(end)
}

#[test]
fn copies_of_one_log_of_which_none_is_whole_are_a_gap() {
    let halves: Copied = |instance, name, bytes| {
        let (first, last) = whole_lines(bytes);
        [as_listed(instance, name, first), compressed(instance, name, last)].concat()
    };
    let archive = Archive::new(halves);
    let inventory = archive.path("inventory").display().to_string();
    let run = archive.collect(&["--inventory", &inventory, "--instance", "reports-batch"]);
    assert_eq!(run.status, 3, "{run:?}");
    assert!(run.err.contains("several copies of this log show different times"), "{run:?}");
    let report = archive.report();
    let row = instance(&report, "reports-batch");
    assert_eq!(row["unproven"], true, "{row:#}");

    // The same log twice counts once.
    let twice: Copied = |instance, name, bytes| {
        let copy = |folder: &str| (format!("{folder}/{instance}/{name}"), bytes.to_vec());
        vec![copy("monday"), copy("tuesday")]
    };
    let (once, twice) = (Archive::new(as_listed).collected().report(), Archive::new(twice).collected().report());
    for name in ["orders-prod", "reports-batch", "forum"] {
        assert_eq!(instance(&twice, name)["connections"], instance(&once, name)["connections"], "{name}");
    }
}

#[test]
fn a_file_that_belongs_to_no_instance_is_an_error_that_names_it() {
    let archive = Archive::new(as_listed);
    archive.write("unknown/error/postgresql.log.2026-11-23-10", b"");
    archive.write("orders-prod/slowquery/mysql-slowquery.log", b"");
    let inventory = archive.path("inventory").display().to_string();
    let run = archive.collect(&["--inventory", &inventory]);
    assert_eq!(run.status, 3, "{run:?}");
    assert!(run.err.contains("unknown/error/postgresql.log.2026-11-23-10"), "{run:?}");
    assert!(run.err.contains("no folder of 1 file is named after an instance"), "{run:?}");
    assert_eq!(instance(&archive.report(), "orders-prod")["usage"], "in_use");
    // Without an inventory there are no instances.
    let none = Archive::new(as_listed);
    let run = none.collect(&[]);
    assert_eq!(run.status, 1, "{run:?}");
    assert!(run.err.contains("ssl-usage preflight --bundle"), "{run:?}");
}

#[test]
fn an_instance_without_an_inventory_is_judged_by_its_logs_alone() {
    let archive = Archive::new(as_listed);
    for name in ["orders-prod", "reports-batch"] {
        let mut command = ssl_usage(archive.home.path());
        command.args(["collect", "--quiet", "--logs"]).arg(archive.path("logs").join(name));
        command.args(["--instance", name, "--engine", "postgres", "--engine-version", "16.4", "-o"]);
        let run = Run::of(command.arg(archive.path("evidence")).args(&WINDOW[2..]));
        assert_eq!(run.status, 0, "{run:?}");
    }
    let (report, live) = (archive.report(), live());
    for name in ["orders-prod", "reports-batch"] {
        let row = instance(&report, name);
        assert_eq!(row["connections"]["tls"], instance(&live, name)["connections"]["tls"], "{row:#}");
        assert_ne!(row["rotation"], "optional", "the certificate is unknown: {row:#}");
    }
    assert_eq!(instance(&report, "orders-prod")["usage"], "in_use", "{report:#}");
}

/// A folder that is named after an instance by chance, of another account or region, or above the archive.
#[test]
fn a_file_counts_for_no_other_instance() {
    let archive = Archive::new(|_, _, _| Vec::new());
    let log = &archive.fleet.instances.iter().find(|of| of.id == "reports-batch").expect("it").files;
    let (name, file) = log.iter().next().expect("a log");
    let paths = [
        format!("999999999999/eu-west-1/reports-batch/{name}"),
        format!("us-east-1/reports-batch/{name}"),
        format!("unlisted/{name}"),
        format!("reports-batch/unlisted/{name}"),
    ];
    for path in &paths {
        archive.write(path, &file.bytes);
    }
    let inventory = archive.path("inventory").display().to_string();
    let run = archive.collect(&["--inventory", &inventory]);
    assert_eq!((run.status, archive.path("evidence").exists()), (1, false), "nothing is written: {run:?}");
    // The same below a folder of the name.
    let below = archive.home.path().join("reports-batch/logs");
    fs::create_dir_all(below.parent().expect("a folder")).expect("a folder");
    fs::rename(archive.path("logs"), &below).expect("renamed");
    let mut command = ssl_usage(archive.home.path());
    command.args(["collect", "--quiet", "--inventory", &inventory, "--logs"]).arg(&below);
    let run = Run::of(command.arg("-o").arg(archive.path("evidence")));
    assert_eq!((run.status, archive.path("evidence").exists()), (1, false), "{run:?}");
}

#[test]
fn a_copy_that_was_replaced_or_ends_within_a_line_is_noticed() {
    let archive = Archive::new(as_listed).collected();
    assert_eq!(instance(&archive.report(), "reports-batch")["connections"]["tls"], 0);
    let fleet = small_fleet();
    let of = fleet.instances.iter().find(|of| of.id == "reports-batch").expect("it");
    let has_sessions = |bytes: &[u8]| bytes.windows(21).any(|part| part == b"connection authorized");
    let (name, file) = of.files.iter().find(|(_, file)| has_sessions(&file.bytes)).expect("a log");
    let text = String::from_utf8(file.bytes.clone()).expect("text");
    let at = text.find("connection authorized").expect("a session");
    let line = &text[at..at + text[at..].find('\n').expect("an end")];
    let tls = "connection authorized: user=app database=orders SSL enabled \
               (protocol=TLSv1.3, cipher=TLS_AES_256_GCM_SHA384, bits=256)";
    let with_tls = text.replacen(line, tls, 1);
    archive.write(&format!("reports-batch/{name}"), with_tls.as_bytes());
    let archive = archive.collected();
    assert_eq!(instance(&archive.report(), "reports-batch")["connections"]["tls"], 1);
    archive.write(&format!("reports-batch/{name}"), &with_tls.as_bytes()[..at + 20]);
    let run = archive.collect(&[]);
    assert_eq!(run.status, 3, "{run:?}");
    assert!(run.err.contains("ends in the middle of a line"), "{run:?}");
}

#[test]
fn parts_of_one_log_in_two_runs_are_a_gap() {
    let first: Copied = |instance, name, bytes| as_listed(instance, name, whole_lines(bytes).0);
    let archive = Archive::new(first).collected();
    for of in &archive.fleet.instances {
        for (name, file) in &of.files {
            archive.write(&format!("{}/{name}", of.id), whole_lines(&file.bytes).1);
        }
    }
    let evidence = archive.collected();
    let report = evidence.report();
    let row = instance(&report, "reports-batch").clone();
    assert_eq!((&row["rotation"], &row["unproven"]), (&"required".into(), &true.into()), "{row:#}");
    let errors = report["errors"].to_string();
    assert!(errors.contains("this log was read several times, and each time other parts of it"), "{errors}");
    let mut command = ssl_usage(evidence.home.path());
    let run = Run::of(command.args(["compact", "--quiet"]).arg(evidence.path("evidence")));
    assert_eq!(run.status, 0, "{run:?}");
    assert_eq!(instance(&evidence.report(), "reports-batch"), &row, "compaction hides nothing");
    // The whole log settles it.
    for of in &evidence.fleet.instances {
        for (name, file) in &of.files {
            evidence.write(&format!("{}/{name}", of.id), &file.bytes);
        }
    }
    let evidence = evidence.collected();
    assert_eq!(instance(&evidence.report(), "reports-batch")["unproven"], false);
}

#[test]
fn a_task_that_is_run_again_adds_nothing() {
    let archive = Archive::new(as_listed).collected();
    let parts = |archive: &Archive| -> Vec<String> {
        let folder = fs::read_dir(archive.path("evidence/parts")).expect("a folder");
        let mut names: Vec<_> =
            folder.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    };
    let once = parts(&archive);
    assert!(once.len() > 10, "{once:?}");
    let archive = archive.collected();
    assert_eq!(parts(&archive), once);
}

/// The logs and the inventory that shards share, and what one process reports of them.
static UNDIVIDED: LazyLock<(Archive, String)> = LazyLock::new(|| {
    let archive = Archive::new(as_listed).collected();
    let report = report_on(&archive, &["evidence".to_owned()]);
    (archive, report)
});

/// The report on some bundles, as it is printed.
pub fn report_on(archive: &Archive, bundles: &[String]) -> String {
    let mut command = ssl_usage(archive.home.path());
    command.args(["analyze", "--format", "json"]).args(WINDOW);
    for bundle in bundles {
        command.arg("--from").arg(archive.path(bundle));
    }
    let run = Run::of(&mut command);
    assert_eq!(run.err, "", "{run:?}");
    run.out
}

/// Shards that run one after another, some of them again, and each into a bundle of its own or all into one.
fn schedules() -> impl Strategy<Value = (Vec<usize>, usize, bool)> {
    (1_usize..6, any::<bool>()).prop_flat_map(|(count, is_one)| {
        let again = prop::collection::vec(0..count, 0..3);
        (Just((0..count).collect::<Vec<_>>()).prop_shuffle(), again)
            .prop_map(move |(order, again)| ([order, again].concat(), count, is_one))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4))]

    #[test]
    fn shards_show_what_one_process_shows((order, count, is_one) in schedules()) {
        let (archive, expected) = &*UNDIVIDED;
        let place = TempDir::new_in(archive.home.path()).expect("a folder");
        let place = place.path().file_name().expect("a name").to_string_lossy().into_owned();
        let bundle_of = |shard: usize| format!("{place}/{}", if is_one { 0 } else { shard });
        for shard in &order {
            let mut command = ssl_usage(archive.home.path());
            command.args(["collect", "--quiet", "--shard", &format!("{shard}/{count}"), "--logs"]).arg(archive.path("logs"));
            let bundle = archive.path(&bundle_of(*shard));
            if !bundle.exists() {
                command.arg("--inventory").arg(archive.path("inventory"));
            }
            let run = Run::of(command.arg("-o").arg(bundle));
            prop_assert_eq!((run.status, run.err.as_str()), (0, ""), "{:?}", run);
        }
        let bundles: BTreeSet<String> = order.iter().map(|shard| bundle_of(*shard)).collect();
        prop_assert_eq!(&report_on(archive, &bundles.into_iter().collect::<Vec<_>>()), expected);
    }
}

#[test]
fn a_shard_that_does_not_exist_is_refused() {
    let home = TempDir::new().expect("a folder");
    let mut command = ssl_usage(home.path());
    let run = Run::of(command.args(["collect", "--logs", ".", "-o", "evidence", "--shard", "8/8"]));
    assert_eq!(run.status, 2, "{run:?}");
    assert!(run.err.contains("counted from 0"), "{run:?}");
}
