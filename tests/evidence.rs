//! Evidence over time: what is collected on a schedule outlives the logs, stays small, and can be read by others.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use polars::prelude::{DataFrame, DataType, IntoColumn, NamedFrom, ParquetReader, ParquetWriter, SerReader, Series};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::command::{Run, against, samples, ssl_usage};
use crate::fake_aws::{FakeAws, LogFile};
use crate::fleet::{WINDOW, small_fleet};
use crate::sealing::{copy_bundle, files, reseal};

const HOUR: SignedDuration = SignedDuration::from_hours(1);

fn judged(home: &Path, bundle: &Path, arguments: &[&str]) -> Value {
    let run = Run::of(ssl_usage(home).args(["analyze", "--format", "json", "--from"]).arg(bundle).args(arguments));
    assert!(run.status == 0 && run.err.is_empty(), "{run:?}");
    run.json()
}

fn compact(home: &Path, bundle: &Path) {
    let run = Run::of(ssl_usage(home).arg("compact").arg(bundle));
    assert_eq!((run.status, run.err.as_str(), run.out.as_str()), (0, "", ""), "{run:?}");
}

fn parts(bundle: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = bundle.join("parts").read_dir().expect("parts");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut paths: Vec<_> = paths.filter(|path| path.to_string_lossy().ends_with(ending)).collect();
    paths.sort_unstable();
    paths
}

fn table(path: &Path) -> DataFrame {
    ParquetReader::new(File::open(path).expect("a table")).finish().expect("a table")
}

/// An hour's log: AWS's own sessions, and one of a client.
fn log(begun: Timestamp) -> LogFile {
    let mut text = String::new();
    for minute in [2, 30, 57] {
        let time = (begun + SignedDuration::from_mins(minute)).strftime("%Y-%m-%d %H:%M:%S UTC");
        text += &format!(
            "{time}:[local]:rdsadmin@rdsadmin:[700]:LOG:  connection authorized: user=rdsadmin database=rdsadmin\n"
        );
    }
    let time = (begun + SignedDuration::from_mins(20)).strftime("%Y-%m-%d %H:%M:%S UTC");
    text += &format!("{time}:10.1.2.3(40000):app@shop:[900]:LOG:  connection authorized: user=app database=shop\n");
    LogFile::new(text, (begun + HOUR).as_millisecond() - 10_000)
}

#[test]
fn what_is_collected_every_day_outlives_the_logs_and_counts_once() {
    const DAYS: i64 = 21;
    let home = TempDir::new().expect("a folder");
    let bundle = home.path().join("evidence");
    let end: Timestamp = "2026-11-23T00:00:00Z".parse().expect("a time");
    let mut fleet = small_fleet();
    fleet.instances.retain(|instance| instance.id == "reports-batch");
    fleet.metrics.clear();
    let aws = FakeAws::start(fleet);
    for back in (0..DAYS).rev() {
        let now = end - HOUR * (24 * back) as i32;
        // Three days are kept, and the one that is written to.
        let begun = (0..72).map(|hours| now - HOUR * (hours + 1));
        let file = |begun: Timestamp| (begun.strftime("error/postgresql.log.%Y-%m-%d-%H").to_string(), log(begun));
        aws.set(|fleet| {
            fleet.now = now;
            fleet.instance("reports-batch").files = begun.map(file).collect();
        });
        let mut command = against(&aws, home.path());
        command.args(["collect", "--days", "3", "--now", &now.to_string(), "-o"]).arg(&bundle);
        let run = Run::of(&mut command);
        assert_eq!(run.status, 0, "{run:?}");
    }
    let window = ["--days", "20", "--now", "2026-11-23T00:00:00Z"];
    let report = judged(home.path(), &bundle, &window);
    let instance = &report["instances"][0];
    assert_eq!((&instance["usage"], &instance["rotation"]), (&json!("not_observed"), &json!("deferrable")));
    assert_eq!(instance["coverage"]["share"], 1.0, "{instance:#}");
    assert_eq!(instance["connections"]["plaintext"], 20 * 24, "{instance:#}");
    compact(home.path(), &bundle);
    assert_eq!(parts(&bundle, ".json").len(), 1);
    assert_eq!(judged(home.path(), &bundle, &window), report);
}

#[test]
fn a_collection_merges_by_itself_what_became_many_parts() {
    let home = TempDir::new().expect("a folder");
    let bundle = home.path().join("evidence");
    let mut fleet = small_fleet();
    fleet.instances.retain(|instance| instance.id == "reports-batch");
    let aws = FakeAws::start(fleet);
    for minute in 0..30 {
        let name = "error/postgresql.log.2026-11-22-23";
        aws.set(|fleet| {
            let file = fleet.instance("reports-batch").files.get_mut(name).expect("the file");
            file.last_written_ms += 1;
        });
        let mut command = against(&aws, home.path());
        command.args(["collect", "--days", "3", "--now", &format!("2026-11-23T00:{minute:02}:00Z"), "-o"]).arg(&bundle);
        let run = Run::of(&mut command);
        assert_eq!(run.status, 0, "{run:?}");
    }
    assert!(parts(&bundle, ".json").len() < 10, "{:?}", parts(&bundle, ".json"));
}

#[test]
fn a_bundle_of_the_first_layout_gives_the_same_verdicts_and_so_it_does_when_it_was_compacted() {
    let home = TempDir::new().expect("a folder");
    let old = samples().join("bundle-v1");
    let names = ["forum", "orders-prod", "reports-batch", "shop", "stock", "warehouse-gap"];
    let only: Vec<&str> =
        names.iter().flat_map(|name| ["--instance", name]).chain(WINDOW).chain(["--accept-unverified"]).collect();
    let report = judged(home.path(), &old, &only);
    assert_eq!(report["instances"].as_array().map(Vec::len), Some(names.len()));
    let truth: toml::Table =
        fs::read_to_string(samples().join("fleet/verdicts.toml")).expect("verdicts").parse().expect("TOML");
    for instance in report["instances"].as_array().expect("instances") {
        let due = &truth[instance["instance"].as_str().expect("a name")];
        for key in ["usage", "rotation"] {
            assert_eq!(instance[key].as_str(), due[key].as_str(), "{}: {key}", instance["instance"]);
        }
    }
    let new = home.path().join("new");
    copy_bundle(&old, &new, |_| true);
    // Merges every instance, for none has a single part any more.
    for path in parts(&old, ".json") {
        let again = path.file_name().expect("a name").to_string_lossy().replace("Z.json", "Z-2.json");
        let again = new.join("parts").join(again);
        fs::copy(&path, &again).expect("a copy");
        fs::copy(path.with_extension("parquet"), again.with_extension("parquet")).expect("a copy");
    }
    compact(home.path(), &new);
    assert_eq!((parts(&new, ".json").len(), parts(&new, ".readings.parquet").len()), (names.len(), names.len()));
    assert_eq!(judged(home.path(), &new, &only), report);
    let manifest: Value = serde_json::from_slice(&fs::read(new.join("bundle.json")).expect("a file")).expect("JSON");
    assert_eq!(manifest["major"], 3, "no older version takes it for what it reads");
}

/// A bundle of the layout that is written today.
fn collected(home: &Path) -> PathBuf {
    let bundle = home.join("evidence");
    let aws = FakeAws::start(small_fleet());
    let run = Run::of(against(&aws, home).args(["collect", "-o"]).arg(&bundle).args(WINDOW));
    assert_eq!(run.status, 0, "{run:?}");
    bundle
}

#[test]
fn what_a_newer_minor_version_adds_is_no_obstacle() {
    let home = TempDir::new().expect("a folder");
    let bundle = collected(home.path());
    let report = judged(home.path(), &bundle, &WINDOW);
    for path in files(&bundle) {
        if path.extension().is_some_and(|extension| extension == "json") {
            let mut value: Value = serde_json::from_slice(&fs::read(&path).expect("a file")).expect("JSON");
            value["news"] = json!({"of": ["a", "newer", "version"]});
            fs::write(&path, value.to_string()).expect("a file");
        } else {
            let mut table = table(&path);
            let news = Series::new("news".into(), vec!["new"; table.height()]).into_column();
            table.with_column(news).expect("a column");
            ParquetWriter::new(File::create(&path).expect("a file")).finish(&mut table).expect("a table");
        }
    }
    reseal(&bundle);
    assert_eq!(judged(home.path(), &bundle, &WINDOW), report);
    compact(home.path(), &bundle);
    assert_eq!(judged(home.path(), &bundle, &WINDOW), report);
}

/// The tables in the bundle's documentation: name of a column, and its type.
fn documented(heading: &str) -> Vec<(String, String)> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/bundle/README.md")).expect("a file");
    let (_, rest) = text.split_once(&format!("## {heading}")).expect("a section");
    let section = rest.split("\n## ").next().unwrap_or_default();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    let cell = |row: &str, at: usize| row.split('|').nth(at).expect("a cell").trim().trim_matches('`').to_owned();
    rows.map(|row| (cell(row, 1), cell(row, 2))).collect()
}

fn columns(table: &DataFrame) -> Vec<(String, String)> {
    let kind = |kind: &DataType| match kind {
        DataType::String => "text",
        DataType::Int64 => "int64",
        DataType::UInt64 => "uint64",
        DataType::Boolean => "boolean",
        DataType::Float64 => "double",
        other => panic!("{other:?}"),
    };
    table.columns().iter().map(|column| (column.name().to_string(), kind(column.dtype()).to_owned())).collect()
}

#[test]
fn the_tables_are_those_that_the_documentation_tells_of() {
    let home = TempDir::new().expect("a folder");
    let bundle = collected(home.path());
    let sorted = |mut columns: Vec<(String, String)>| {
        columns.sort_unstable();
        columns
    };
    let readings = parts(&bundle, ".readings.parquet");
    let is_facts = |path: &&PathBuf| !readings.contains(path);
    let all = parts(&bundle, ".parquet");
    let facts: Vec<_> = all.iter().filter(is_facts).collect();
    assert_eq!((facts.len(), readings.len()), (parts(&bundle, ".json").len(), facts.len()));
    for path in facts {
        assert_eq!(sorted(columns(&table(path))), sorted(documented("Facts")), "{}", path.display());
    }
    for path in &readings {
        assert_eq!(sorted(columns(&table(path))), sorted(documented("Log reads")), "{}", path.display());
    }
    for entry in bundle.join("metrics").read_dir().expect("metrics") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "parquet") {
            assert_eq!(sorted(columns(&table(&path))), sorted(documented("Metrics")));
        }
    }
    // And they say what the report says.
    let report = judged(home.path(), &bundle, &[&WINDOW[..], &["--instance", "orders-prod"]].concat());
    let path = parts(&bundle, ".parquet").into_iter().find(|path| {
        path.to_string_lossy().contains(".orders-prod.") && !path.to_string_lossy().ends_with(".readings.parquet")
    });
    let facts = table(&path.expect("facts"));
    let text = |name: &str| facts.column(name).expect("a column").str().expect("text").clone();
    let (events, transports) = (text("event"), text("transport"));
    let (systems, counts) = (facts.column("system").expect("a column"), facts.column("count").expect("a column"));
    let (systems, counts) = (systems.bool().expect("flags"), counts.u64().expect("numbers"));
    let is_tls = |row: &usize| {
        (events.get(*row), transports.get(*row), systems.get(*row)) == (Some("connected"), Some("tls"), Some(false))
    };
    let tls: u64 = (0..facts.height()).filter(is_tls).filter_map(|row| counts.get(row)).sum();
    assert_eq!(report["instances"][0]["connections"]["tls"], tls);
}
