//! What a bundle says of itself: one digest for the same evidence, older bundles that nobody vouches for, and values that
//! cannot be.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use polars::prelude::{DataFrame, IntoColumn, NamedFrom, ParquetReader, ParquetWriter, SerReader, Series};
use serde_json::Value;
use tempfile::TempDir;

use crate::bundle::{collect_both, two_regions};
use crate::command::{Run, samples, ssl_usage};
use crate::fake_aws::FakeAws;
use crate::fleet::WINDOW;
use crate::sealing::{copy_bundle, named, reseal};

fn run(home: &Path, command: &[&str], bundles: &[&Path]) -> Run {
    Run::of(ssl_usage(home).args(command).args(bundles))
}

fn digest(home: &Path, bundles: &[&Path]) -> Value {
    run(home, &["digest", "--format", "json"], bundles).json()
}

fn analyze(home: &Path, bundle: &Path, more: &[&str]) -> Run {
    Run::of(ssl_usage(home).args(["analyze", "--format", "json", "--from"]).arg(bundle).args(WINDOW).args(more))
}

fn compact(home: &Path, bundle: &Path) -> Run {
    run(home, &["compact"], &[bundle])
}

fn copied(home: &Path, from: &str) -> PathBuf {
    let bundle = home.join("copy");
    copy_bundle(&samples().join(from), &bundle, |_| true);
    bundle
}

/// Each instance, its rotation and whether that is unproven.
fn rotations(run: &Run) -> Vec<(String, String, bool)> {
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    let of = |row: &Value| (text(&row["instance"]), text(&row["rotation"]), row["unproven"] == true);
    run.json()["instances"].as_array().expect("instances").iter().map(of).collect()
}

#[test]
fn the_same_evidence_has_one_digest_however_it_is_split_and_compacted_and_every_report_shows_it() {
    let home = TempDir::new().expect("a folder");
    let aws = FakeAws::start(two_regions());
    for now in ["2026-11-22T00:00:00Z", "2026-11-23T00:00:00Z"] {
        assert_eq!(collect_both(&aws, home.path(), now).status, 0);
    }
    let kept = home.path().join("kept");
    let whole = digest(home.path(), &[&kept]);
    assert_eq!((&whole["verified"], whole["errors"].as_array().map(Vec::len)), (&true.into(), Some(0)), "{whole:#}");
    let hex = whole["digest"].as_str().and_then(|digest| digest.strip_prefix("sha256:")).expect("a digest").to_owned();
    let printed = run(home.path(), &["digest"], &[&kept]);
    assert_eq!((printed.status, printed.out), (0, format!("{hex}  {}\n", kept.display())));

    let (early, late) = (home.path().join("early"), home.path().join("late"));
    copy_bundle(&kept, &early, |path| {
        !path.to_string_lossy().contains("/parts/") || path.to_string_lossy().contains("20261122T")
    });
    copy_bundle(&kept, &late, |path| !path.to_string_lossy().contains("20261122T"));
    for bundles in [[&early, &late], [&late, &early]] {
        let split = digest(home.path(), &bundles.map(PathBuf::as_path));
        assert_eq!((&split["digest"], &split["verified"]), (&whole["digest"], &true.into()), "{split:#}");
    }
    for format in ["table", "markdown", "json", "ndjson", "csv", "html"] {
        let report =
            Run::of(ssl_usage(home.path()).args(["analyze", "--format", format, "--from"]).arg(&kept).args(WINDOW));
        assert!(report.status == 0 && report.out.contains(&hex), "{format}: {report:?}");
    }
    for command in ["clients", "plan", "preflight"] {
        let report =
            Run::of(ssl_usage(home.path()).args([command, "--format", "json", "--from"]).arg(&kept).args(WINDOW));
        assert_eq!(report.json()["evidence"]["digest"], whole["digest"], "{command}");
    }
    assert_eq!(compact(home.path(), &kept).status, 0);
    assert_eq!(named(&kept, &["parts", ".orders-legacy.", ".json"]).len(), 1);
    assert_eq!(digest(home.path(), &[&kept])["digest"], whole["digest"], "what is merged is the same");
}

#[test]
fn what_is_damaged_or_missing_is_named_by_every_command_and_the_others_keep_their_verdicts() {
    let home = TempDir::new().expect("a folder");
    let whole = rotations(&analyze(home.path(), &samples().join("fleet"), &[]));
    for gone in [false, true] {
        let bundle = copied(home.path(), "fleet");
        let path = named(&bundle, &["parts", ".reports-batch.", "Z.json"]).remove(0);
        match gone {
            true => fs::remove_file(&path).expect("removed"),
            false => {
                let text = fs::read_to_string(&path).expect("a part");
                fs::write(&path, text.replace("2026-11-23", "2026-11-22")).expect("a file");
            }
        }
        let report = analyze(home.path(), &bundle, &[]);
        let others = |all: Vec<(String, String, bool)>| {
            let mut others: Vec<_> = all.into_iter().filter(|(name, ..)| name != "reports-batch").collect();
            others.sort_unstable();
            others
        };
        let all = rotations(&report);
        assert!(all.contains(&("reports-batch".to_owned(), "required".to_owned(), true)), "{all:?}");
        assert_eq!(others(all), others(whole.clone()));
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let from = |command: &str| Run::of(ssl_usage(home.path()).args([command, "--from"]).arg(&bundle).args(WINDOW));
        let compared = run(home.path(), &["diff"], &[&bundle, &samples().join("fleet")]);
        for run in [report, from("clients"), from("plan"), from("preflight")] {
            assert!(run.status == 3 && (run.err.clone() + &run.out).contains(&name), "{run:?}");
        }
        assert_eq!(compared.status, 3, "{compared:?}");
        let digest = run(home.path(), &["digest"], &[&bundle]);
        assert!(digest.status == 3 && digest.out.is_empty() && digest.err.contains(&name), "{digest:?}");
    }
}

#[test]
fn a_collection_that_has_not_ended_is_no_evidence_of_anything() {
    let home = TempDir::new().expect("a folder");
    let bundle = copied(home.path(), "fleet");
    fs::remove_file(named(&bundle, &["collections"]).remove(0)).expect("removed");
    let report = analyze(home.path(), &bundle, &[]);
    assert!(report.status == 3 && report.err.contains("is not complete"), "{report:?}");
    assert!(rotations(&report).iter().all(|(_, rotation, _)| rotation == "required"), "{report:?}");
}

#[test]
fn an_older_bundle_is_unverified_until_it_is_accepted_and_neither_time_nor_compacting_changes_that() {
    let home = TempDir::new().expect("a folder");
    let names = ["forum", "reports-batch", "shop", "stock"];
    let only: Vec<&str> = names.iter().flat_map(|name| ["--instance", name]).collect();
    let bundle = copied(home.path(), "bundle-v1");
    let is_mild = |run: &Run| rotations(run).iter().any(|(_, rotation, _)| rotation != "required");
    let check = |bundle: &Path, when: &str| {
        let strict = analyze(home.path(), bundle, &only);
        assert!(strict.status == 0 && !is_mild(&strict), "{when}: {strict:?}");
        let codes = |row: &Value| row["reasons"].to_string().contains("evidence-unverified");
        assert!(strict.json()["instances"].as_array().expect("instances").iter().all(codes), "{when}: {strict:?}");
        assert_eq!(strict.json()["evidence"]["verified"], false, "{when}");
        let accepted = analyze(home.path(), bundle, &[&only[..], &["--accept-unverified"]].concat());
        assert!(accepted.status == 0 && is_mild(&accepted), "{when}: {accepted:?}");
        strict.json()["evidence"]["digest"].clone()
    };
    let before = check(&bundle, "as it is");
    for path in named(&bundle, &["parts", ".json"]) {
        let again = PathBuf::from(path.to_string_lossy().replace("Z.json", "Z-2.json"));
        fs::copy(&path, &again).expect("a copy");
        fs::copy(path.with_extension("parquet"), again.with_extension("parquet")).expect("a copy");
    }
    let compacted = compact(home.path(), &bundle);
    assert_eq!((compacted.status, compacted.err.as_str()), (0, ""));
    assert_eq!(check(&bundle, "compacted"), before, "and its digest is the same");
    // What is collected into it is verified, and what was there is not.
    let aws = FakeAws::start(crate::fleet::small_fleet());
    let mut command = crate::command::against(&aws, home.path());
    let more = Run::of(command.args(["collect", "-o"]).arg(&bundle).args(WINDOW));
    assert_eq!(more.status, 0, "{more:?}");
    check(&bundle, "extended");
    assert_eq!(compact(home.path(), &bundle).status, 0);
    check(&bundle, "extended and compacted");
}

/// What a file holds, without its seal.
fn unsealed(path: &Path) -> Value {
    let mut value: Value = serde_json::from_slice(&fs::read(path).expect("a file")).expect("JSON");
    let fields = value.as_object_mut().expect("an object");
    ["format", "file", "sha256"].iter().for_each(|field| drop(fields.remove(*field)));
    value
}

fn is_required(report: &Run) -> bool {
    report.status == 3 && rotations(report).iter().all(|(_, rotation, _)| rotation == "required")
}

#[test]
fn a_record_that_is_not_sealed_is_damage() {
    let home = TempDir::new().expect("a folder");
    let bundle = copied(home.path(), "fleet");
    let path = named(&bundle, &["collections"]).remove(0);
    let mut record = unsealed(&path);
    record["files"].as_object_mut().expect("files").retain(|name, _| !name.starts_with("metrics/"));
    named(&bundle, &["/metrics/"]).iter().for_each(|path| fs::remove_file(path).expect("removed"));
    for format in [None, Some(2), Some(3)] {
        format.iter().for_each(|format| record["format"] = (*format).into());
        fs::write(&path, record.to_string()).expect("a file");
        let report = analyze(home.path(), &bundle, &["--accept-unverified"]);
        assert!(is_required(&report) && report.err.contains("/collections/"), "{format:?}: {report:?}");
    }
}

#[test]
fn an_inventory_that_no_record_lists_hides_no_instance_of_one_that_is_listed() {
    let home = TempDir::new().expect("a folder");
    let names = |report: &Run| rotations(report).into_iter().map(|(name, ..)| name).collect::<BTreeSet<_>>();
    let whole = names(&analyze(home.path(), &samples().join("fleet"), &[]));
    for is_sealed in [false, true] {
        for left in [0, 1, whole.len() - 1] {
            let bundle = copied(home.path(), "fleet");
            let mut later = unsealed(&named(&bundle, &["/fleet/"]).remove(0));
            later["taken_at"] = "2026-11-23T00:00:01Z".into();
            later["instances"].as_array_mut().expect("instances").truncate(left);
            let name = "fleet/123456789012.eu-west-1.20261123T000001000Z.json";
            if is_sealed {
                (later["format"], later["file"]) = (3.into(), name.into());
            }
            fs::write(bundle.join(name), later.to_string()).expect("a file");
            if is_sealed {
                reseal(&bundle);
            }
            for more in [&[][..], &["--accept-unverified"]] {
                let report = analyze(home.path(), &bundle, more);
                let what = format!("{is_sealed}, {left}: {report:?}");
                assert!(is_required(&report) && names(&report) == whole, "{what}");
                assert!(report.err.contains("20261123T000001000Z.json"), "{what}");
            }
            compact(home.path(), &bundle);
            let report = analyze(home.path(), &bundle, &[]);
            assert!(is_required(&report) && names(&report) == whole, "compacted: {is_sealed}, {left}: {report:?}");
            fs::remove_dir_all(&bundle).expect("removed");
        }
    }
}

#[test]
fn a_file_that_is_not_sealed_stands_for_no_other() {
    let home = TempDir::new().expect("a folder");
    let bundle = copied(home.path(), "fleet");
    let record = unsealed(&named(&bundle, &["collections"]).remove(0));
    let path = named(&bundle, &["parts", ".reports-batch.", "Z.json"]).remove(0);
    let mut part = unsealed(&path);
    (part["merged"], part["readings"]) = (record["files"].clone(), serde_json::json!([]));
    fs::write(&path, part.to_string()).expect("a file");
    let report = analyze(home.path(), &bundle, &["--instance", "reports-batch", "--accept-unverified"]);
    assert!(is_required(&report) && report.err.contains(".reports-batch."), "{report:?}");
}

#[test]
fn a_record_that_is_lost_is_remembered_by_the_next_collection_until_it_is_restored() {
    let home = TempDir::new().expect("a folder");
    let aws = FakeAws::start(two_regions());
    assert_eq!(collect_both(&aws, home.path(), "2026-11-22T00:00:00Z").status, 0);
    let (kept, before) = (home.path().join("kept"), home.path().join("before"));
    copy_bundle(&kept, &before, |_| true);
    for folder in ["/metrics/", "/collections/"] {
        named(&kept, &[folder]).iter().for_each(|path| fs::remove_file(path).expect("removed"));
    }
    let is_remembered = || {
        let report = analyze(home.path(), &kept, &[]);
        assert!(is_required(&report) && report.err.contains("an earlier record was missing"), "{}", report.err);
    };
    for now in ["2026-11-22T12:00:00Z", "2026-11-23T00:00:00Z"] {
        collect_both(&aws, home.path(), now);
        is_remembered();
    }
    compact(home.path(), &kept);
    is_remembered();
    for folder in ["/metrics/", "/collections/"] {
        for path in named(&before, &[folder]) {
            fs::copy(&path, kept.join(path.strip_prefix(&before).expect("in it"))).expect("a copy");
        }
    }
    let is_sound = || {
        let report = analyze(home.path(), &kept, &[]);
        assert_eq!((report.status, report.err.as_str()), (0, ""));
    };
    is_sound();
    assert_eq!(collect_both(&aws, home.path(), "2026-11-23T00:00:00Z").status, 0);
    is_sound();
}

#[test]
fn inventories_of_one_time_have_one_digest_in_any_order() {
    let home = TempDir::new().expect("a folder");
    let older = samples().join("bundle-v1");
    let bundle = copied(home.path(), "bundle-v1");
    let path = named(&bundle, &["/fleet/"]).remove(0);
    let text = fs::read_to_string(&path).expect("an inventory");
    fs::write(&path, text.replace("\"available\"", "\"stopped\"")).expect("a file");
    let both = [[&older, &bundle], [&bundle, &older]];
    let digests = both.map(|bundles| digest(home.path(), &bundles.map(PathBuf::as_path))["digest"].clone());
    assert!(digests[0].is_string() && digests[0] == digests[1], "{digests:?}");
}

fn table(path: &Path) -> DataFrame {
    ParquetReader::new(File::open(path).expect("a table")).finish().expect("a table")
}

fn write(path: &Path, mut table: DataFrame) {
    ParquetWriter::new(File::create(path).expect("a file")).finish(&mut table).expect("a table");
}

/// Puts a value into each row of a column of a table, by the ending of the table's name.
fn with_value(bundle: &Path, instance: &str, ending: &str, column: Series) {
    let path = named(bundle, &["parts", instance, ending]).remove(0);
    let mut table = table(&path);
    let column = column.new_from_index(0, table.height());
    table.with_column(column.into_column()).expect("a column");
    write(&path, table);
}

#[test]
fn values_that_cannot_be_cost_their_instance_even_where_somebody_made_all_digests_anew() {
    let home = TempDir::new().expect("a folder");
    let number = |name: &str, value: u64| Series::new(name.into(), [value]);
    let time = |name: &str, value: i64| Series::new(name.into(), [value]);
    let facts = "Z.parquet";
    let readings = "readings.parquet";
    let rows = [
        (facts, number("count", u64::MAX)),
        (facts, number("count", 0)),
        (facts, Series::new("count".into(), [None::<u64>])),
        (facts, time("hour", 1)),
        (facts, time("hour", i64::MIN)),
        (facts, time("first_seen", i64::MAX)),
        (facts, time("last_seen", i64::MIN)),
        (facts, time("open_from", i64::MAX)),
        (facts, Series::new("instance".into(), ["arn:aws:rds:eu-west-1:123456789012:db:other"])),
        (facts, Series::new("user".into(), ["x".repeat(1 << 20)])),
        (facts, Series::new("event".into(), [None::<&str>])),
        (readings, time("collected_at", i64::MAX)),
        (readings, time("span_from", i64::MAX / 2)),
        (readings, number("sessions", 1 << 63)),
        (readings, number("read_bytes", u64::MAX)),
        (readings, number("unparsed", u64::MAX)),
        (readings, number("tls_sessions", 1 << 40)),
        (readings, time("span_to", 0)),
    ];
    for (ending, column) in rows {
        let bundle = copied(home.path(), "fleet");
        let what = format!("{ending}: {column:?}");
        with_value(&bundle, ".reports-batch.", ending, column);
        reseal(&bundle);
        let report = analyze(home.path(), &bundle, &["--instance", "reports-batch", "--instance", "intranet"]);
        assert!(report.status == 3 && report.err.contains(".reports-batch."), "{what}: {report:?}");
        assert!(!report.err.contains("panicked"), "{what}: {report:?}");
        let all = rotations(&report);
        assert!(all.contains(&("reports-batch".to_owned(), "required".to_owned(), true)), "{what}: {all:?}");
        assert!(all.iter().any(|(_, rotation, _)| rotation == "deferrable"), "{what}: the others are judged");
    }
    for value in [f64::NAN, f64::INFINITY, -1.0] {
        let bundle = copied(home.path(), "fleet");
        let path = named(&bundle, &["metrics", ".parquet"]).remove(0);
        let mut values = table(&path);
        values.with_column(Series::new("value".into(), vec![value; values.height()]).into_column()).expect("a column");
        write(&path, values);
        reseal(&bundle);
        let report = analyze(home.path(), &bundle, &[]);
        assert!(report.status == 3 && report.err.contains("a value is out of range (a metric)"), "{value}: {report:?}");
    }
}

#[test]
fn columns_of_a_newer_version_change_nothing_whatever_their_type() {
    let home = TempDir::new().expect("a folder");
    let bundle = copied(home.path(), "fleet");
    let (before, digests) = (analyze(home.path(), &bundle, &[]), digest(home.path(), &[&bundle]));
    let part = "parts/123456789012.eu-west-1.reports-batch.20261123T000000000Z";
    let metrics = "metrics/123456789012.eu-west-1.20261123T000000000Z.parquet";
    let newer = samples().join("../tests/newer_tables");
    for (name, of) in [
        ("facts", format!("{part}.parquet")),
        ("readings", format!("{part}.readings.parquet")),
        ("metrics", metrics.to_owned()),
    ] {
        fs::copy(newer.join(name).with_extension("parquet"), bundle.join(of)).expect("a copy");
    }
    reseal(&bundle);
    assert_eq!(analyze(home.path(), &bundle, &[]).out, before.out);
    assert_eq!(digest(home.path(), &[&bundle]), digests);
    assert_eq!(compact(home.path(), &bundle).status, 0);
    assert_eq!(analyze(home.path(), &bundle, &[]).out, before.out);
}

#[cfg(target_os = "linux")]
fn analyze_in_little_memory(bundle: &Path) -> Run {
    let mut command = std::process::Command::new("sh");
    command.args(["-c", "ulimit -v 1500000; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_ssl-usage")]);
    command.args(["analyze", "--format", "json", "--from"]);
    Run::of(command.arg(bundle).args(WINDOW))
}

#[cfg(target_os = "linux")]
#[test]
fn fields_that_are_not_known_take_no_more_memory_than_their_text() {
    let home = TempDir::new().expect("a folder");
    let bundle = copied(home.path(), "fleet");
    let path = named(&bundle, &["/fleet/"]).remove(0);
    let text = fs::read_to_string(&path).expect("an inventory");
    let many = format!("\"x\":[{}0]", "{\"\":0},".repeat(1_500_000));
    let text = text.replacen('{', &format!("{{{many},"), 1);
    fs::write(&path, text.replacen("\"arn\"", &format!("{many},\"arn\""), 1)).expect("a file");
    reseal(&bundle);
    let report = analyze_in_little_memory(&bundle);
    assert_eq!((report.status, report.err.as_str()), (0, ""), "{report:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_small_file_that_is_a_large_table_is_refused_before_it_fills_memory() {
    let home = TempDir::new().expect("a folder");
    let bundle = copied(home.path(), "fleet");
    let path = named(&bundle, &["parts", ".reports-batch.", "Z.parquet"]).remove(0);
    // One fact, a million times: a few kilobytes as a file.
    let fact = table(&path).head(Some(1));
    let columns = fact.columns().iter().map(|column| column.new_from_index(0, 1_000_000)).collect();
    write(&path, DataFrame::new(1_000_000, columns).expect("a table"));
    assert!(fs::metadata(&path).expect("a file").len() < 400_000);
    reseal(&bundle);
    let report = analyze_in_little_memory(&bundle);
    assert!(report.status == 3 && report.err.contains("bytes of memory (maximum "), "{report:?}");
    assert!(report.err.contains(".reports-batch."), "{}", report.err);
}
