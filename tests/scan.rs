//! `ssl-usage scan`: the truth on every sample, packed or not, and an error where there is none.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;
use tempfile::TempDir;

use crate::command::{Run, samples, ssl_usage};

fn scan(home: &Path, arguments: &[&str]) -> Run {
    Run::of(ssl_usage(home).args(["scan", "--format", "json"]).args(arguments))
}

/// Cases whose logs are to be read as they are, and what their truth says.
fn cases() -> Vec<(PathBuf, toml::Table)> {
    let folder = samples().join("postgres");
    let mut cases = Vec::new();
    for entry in folder.read_dir().expect("samples") {
        let truth = entry.expect("an entry").path().join("truth.toml");
        if let Ok(text) = fs::read_to_string(&truth) {
            let table: toml::Table = toml::from_str(&text).expect("a truth");
            cases.push((truth.parent().expect("a case").to_owned(), table));
        }
    }
    cases
}

fn number(table: &toml::Table, path: &[&str]) -> i64 {
    match path {
        [name] => table.get(*name).and_then(toml::Value::as_integer).unwrap_or(0),
        [name, rest @ ..] => table.get(*name).and_then(toml::Value::as_table).map_or(0, |table| number(table, rest)),
        [] => 0,
    }
}

fn check(shown: &Value, truth: &toml::Table, name: &str) {
    for transport in ["tls", "plaintext", "local", "unknown", "gss"] {
        for whose in ["connections", "system"] {
            assert_eq!(shown[whose][transport], number(truth, &[whose, transport]), "{name}: {whose} {transport}");
        }
    }
    for count in ["rejected", "handshake_failed", "certificate_rejected", "disconnected", "unparsed"] {
        assert_eq!(shown[count], number(truth, &[count]), "{name}: {count}");
    }
}

/// The majors of which there is a run in RDS's format.
const MAJORS: [u32; 9] = [10, 11, 12, 13, 14, 15, 16, 17, 18];

#[test]
fn every_major_gives_its_truth_in_every_format_of_the_same_run() {
    let home = TempDir::new().expect("a folder");
    for major in MAJORS {
        let case = samples().join(format!("postgres/{major}-rds"));
        let truth: toml::Table =
            toml::from_str(&fs::read_to_string(case.join("truth.toml")).expect("a truth")).expect("a truth");
        let log = case.join("postgresql.log.2026-11-23-10");
        let mut formats = vec![log.clone(), log.with_extension("2026-11-23-10.csv")];
        formats.extend((major >= 15).then(|| log.with_extension("2026-11-23-10.json")));
        for path in formats {
            let run = scan(home.path(), &[path.to_str().expect("UTF-8")]);
            assert_eq!((run.status, run.err.as_str()), (0, ""), "{run:?}");
            check(&run.json()["files"][0], &truth, &path.display().to_string());
        }
    }
}

#[test]
fn a_folder_counts_a_log_once_that_is_there_in_three_formats() {
    let home = TempDir::new().expect("a folder");
    let (case, truth) = cases().into_iter().find(|(case, _)| case.ends_with("16-rds")).expect("a case");
    let logs = TempDir::new().expect("a folder");
    for entry in case.read_dir().expect("a case") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_str().expect("UTF-8").to_owned();
        if name.starts_with("postgresql.log") {
            fs::copy(&path, logs.path().join(name)).expect("a copy");
        }
    }
    let run = scan(home.path(), &[logs.path().to_str().expect("UTF-8")]);
    assert_eq!(run.json()["files"].as_array().map(Vec::len), Some(3), "{run:?}");
    check(&run.json()["total"], &truth, "the folder");
}

#[test]
fn packed_logs_and_standard_input_show_the_same() {
    let home = TempDir::new().expect("a folder");
    let plain = samples().join("postgres/16-rds/postgresql.log.2026-11-23-10");
    let text = fs::read(&plain).expect("a sample");
    let whole = scan(home.path(), &[plain.to_str().expect("UTF-8")]).json()["total"].clone();
    let mut gzip = Vec::new();
    flate2::read::GzEncoder::new(text.as_slice(), flate2::Compression::fast()).read_to_end(&mut gzip).expect("packs");
    let mut bzip2 = Vec::new();
    bzip2::read::BzEncoder::new(text.as_slice(), bzip2::Compression::fast()).read_to_end(&mut bzip2).expect("packs");
    let zstd = ruzstd::encoding::compress_to_vec(text.as_slice(), ruzstd::encoding::CompressionLevel::Fastest);
    for (ending, packed) in [("gz", gzip), ("bz2", bzip2), ("zst", zstd)] {
        let path = home.path().join(format!("log.{ending}"));
        fs::write(&path, &packed).expect("a file");
        let run = scan(home.path(), &[path.to_str().expect("UTF-8")]);
        assert_eq!((run.status, &run.json()["total"]), (0, &whole), "{ending}");
        // A packed log that breaks off is an error that names it.
        fs::write(&path, &packed[..packed.len() / 2]).expect("a file");
        let run = scan(home.path(), &[path.to_str().expect("UTF-8")]);
        assert_eq!(run.status, 1, "{ending}: {run:?}");
        assert!(run.err.contains(&format!("log.{ending}")), "{ending}: {}", run.err);
    }
    let mut command = ssl_usage(home.path());
    command.args(["scan", "--format", "json", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("the command starts");
    child.stdin.take().expect("a pipe").write_all(&text).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(report["total"], whole);
}

#[test]
fn translated_logs_are_refused_and_never_zero() {
    let home = TempDir::new().expect("a folder");
    for language in ["german", "spanish", "french", "japanese", "russian"] {
        let case = samples().join("postgres").join(language).join("postgresql.log.2026-11-23-10");
        let run = scan(home.path(), &[case.to_str().expect("UTF-8")]);
        assert_ne!(run.status, 0, "{language}: {run:?}");
        assert!(run.err.contains("language") || run.err.contains("lc_messages"), "{language}: {}", run.err);
    }
}

#[test]
fn what_cannot_be_read_is_an_error_that_names_it_and_the_rest_is_shown() {
    let home = TempDir::new().expect("a folder");
    let path = |name: &str| home.path().join(name).to_str().expect("UTF-8").to_owned();
    fs::write(path("poem.txt"), "no log at all\n".repeat(20)).expect("a file");
    fs::write(path("empty.log"), "").expect("a file");
    fs::create_dir(path("nothing")).expect("a folder");
    let sample = samples().join("postgres/16-rds/postgresql.log.2026-11-23-10");
    let sample = sample.to_str().expect("UTF-8");

    for (what, named, says) in [
        (path("missing.log"), "missing.log", "no such file"),
        (path("poem.txt"), "poem.txt", "format of this log is not recognised"),
        (path("nothing"), "nothing", "holds no files"),
    ] {
        let alone = scan(home.path(), &[&what]);
        assert_eq!(alone.status, 1, "{alone:?}");
        assert!(alone.err.contains(named) && alone.err.contains(says), "{}", alone.err);
        assert_eq!(alone.err.lines().count(), 1, "{}", alone.err);
        assert_eq!(alone.json()["errors"].as_array().map(Vec::len), Some(1), "{alone:?}");
        let beside = scan(home.path(), &[&what, sample]);
        assert_eq!(beside.status, 3, "{beside:?}");
        assert_eq!(beside.json()["files"].as_array().map(Vec::len), Some(1), "{beside:?}");
    }
    let empty = scan(home.path(), &[&path("empty.log")]);
    assert_eq!(empty.json()["files"][0]["note"], "the log is empty", "{empty:?}");
}

#[test]
fn bad_usage_is_status_2_and_help_has_examples() {
    let home = TempDir::new().expect("a folder");
    let run = |arguments: &[&str]| Run::of(ssl_usage(home.path()).args(arguments));
    for wrong in [&["scan"][..], &["analyze", "--days", "0"], &["analyze", "--format", "poem"], &["collect"]] {
        assert_eq!(run(wrong).status, 2, "{wrong:?}");
    }
    for command in ["analyze", "collect", "scan"] {
        let help = run(&[command, "--help"]);
        assert_eq!(help.status, 0);
        assert!(help.out.contains("Examples:"), "{}", help.out);
    }
}
