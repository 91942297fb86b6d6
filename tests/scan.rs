//! `ssl-usage scan`: the truth on every sample, packed or not, and an error where there is none.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;
use ssl_usage_parsers::{Hints, detect};
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
        assert!(run.status == 1 || run.status == 3, "{ending}: {run:?}");
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

/// A log of each format, and that it is whole.
const WHOLE: [&str; 12] = [
    "postgres/16-rds/postgresql.log.2026-11-23-10",
    "postgres/16-rds/postgresql.log.2026-11-23-10.csv",
    "postgres/16-rds/postgresql.log.2026-11-23-10.json",
    "mysql/9.7-usual/mysql-general.log",
    "mariadb/10.11-usual/mysql-general.log",
    "mysql/audit-8.0/server_audit.log",
    "mysql/aurora-audit/audit.log",
    "oracle/text/listener.log",
    "oracle/zoned/listener.log",
    "oracle/xml/log.xml",
    "sqlserver/logins/ERROR",
    "docdb/audit/audit.log",
];

#[test]
fn a_log_that_begins_or_ends_within_a_record_says_so() {
    let home = TempDir::new().expect("a folder");
    let path = home.path().join("part.log");
    let note = |text: &[u8]| {
        fs::write(&path, text).expect("a file");
        let run = scan(home.path(), &[path.to_str().expect("UTF-8")]);
        run.json()["files"][0]["note"].as_str().unwrap_or_default().to_owned()
    };
    let (begins, ends) = ("its first line is not the start of a record", "its last line is cut off");
    for sample in WHOLE {
        let text = fs::read(samples().join(sample)).expect("a sample");
        let whole = note(&text);
        assert!(!whole.contains(begins) && !whole.contains(ends), "{sample}: {whole}");
        // The general log's heading is known by its end.
        let heading = b"Argument\n";
        let first = text.windows(heading.len()).position(|part| part == heading).map_or(0, |at| at + heading.len());
        assert!(note(&text[first + 5..]).contains(begins), "{sample}");
        assert!(note(&text[..text.len() - 5]).contains(ends), "{sample}");
    }
}

#[test]
fn logs_of_two_formats_in_one_file_are_reported() {
    let home = TempDir::new().expect("a folder");
    let read = |name: &str| fs::read(samples().join(name)).expect("a sample");
    let both = [read(SAMPLE), read("mysql/9.7-usual/mysql-general.log")].concat();
    let run = scan_of(&home, "both.log", &both, &[]);
    assert_eq!((run.status, &run.json()["total"]["connections"]["tls"]), (3, &12.into()), "{run:?}");
    assert!(run.err.contains("of another format") && run.err.contains("one by one"), "{}", run.err);
}

#[test]
fn an_audit_trail_with_windows_line_ends_gives_the_truth() {
    let home = TempDir::new().expect("a folder");
    let folder = samples().join("oracle/audit-text");
    let trail = folder.read_dir().expect("a case").map(|entry| entry.expect("an entry").path());
    let trail = trail.into_iter().find(|path| path.extension().is_some_and(|end| end == "aud")).expect("a trail");
    let text = String::from_utf8(fs::read(trail).expect("a sample")).expect("UTF-8");
    let plain = scan_of(&home, "plain.aud", text.as_bytes(), &[]);
    let windows = text.replace('\n', "\r\n");
    let utf16 = [vec![0xff, 0xfe], windows.encode_utf16().flat_map(u16::to_le_bytes).collect()].concat();
    for (name, bytes) in [("windows.aud", windows.into_bytes()), ("utf16.aud", utf16)] {
        let run = scan_of(&home, name, &bytes, &[]);
        assert_eq!((run.status, &run.json()["total"]), (plain.status, &plain.json()["total"]), "{name}: {run:?}");
    }
}

#[test]
fn a_copy_of_a_log_is_named() {
    let home = TempDir::new().expect("a folder");
    let logs = TempDir::new().expect("a folder");
    for name in ["a.log", "b.log"] {
        fs::copy(samples().join(SAMPLE), logs.path().join(name)).expect("a copy");
    }
    let run = scan(home.path(), &[logs.path().to_str().expect("UTF-8")]);
    let note = run.json()["files"][1]["note"].as_str().unwrap_or_default().to_owned();
    assert!(note.contains("may be a copy of") && note.contains("a.log"), "{note}");
}

/// Zeros beside a log that was not read would look like an answer.
#[test]
fn no_zeros_are_shown_of_what_was_not_read() {
    let home = TempDir::new().expect("a folder");
    let slow = "# Time: 2026-11-23T10:00:00.000000Z\n# User@Host: app[app] @  [10.0.0.7]  Id: 8\nselect 1;\n";
    fs::write(home.path().join("slow.log"), slow).expect("a file");
    fs::copy(samples().join(SAMPLE), home.path().join("whole.log")).expect("a copy");
    let printed = |arguments: &[&str]| Run::of(ssl_usage(home.path()).arg("scan").args(arguments));
    let alone = printed(&[home.path().join("slow.log").to_str().expect("UTF-8")]);
    assert_eq!((alone.status, alone.out.as_str()), (1, ""), "{alone:?}");
    let folder = printed(&["--format", "csv", home.path().to_str().expect("UTF-8")]);
    let row = folder.out.lines().find(|line| line.contains("slow.log")).expect("a row");
    assert!(row.contains("slow.log,,,,,,,,,,"), "{row}");
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
        (path("nothing"), "nothing", "contains no files"),
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
    for wrong in [
        &["scan", "x", "--log-format", "nosuch"][..],
        &["scan", "x", "--engine-version", "foo"],
        &["scan", "x", "--year", "20"],
        &["scan", "x", "--threads", "0"],
        &["scan"],
        &["analyze", "--days", "0"],
        &["analyze", "--format", "poem"],
        &["collect"],
    ] {
        assert_eq!(run(wrong).status, 2, "{wrong:?}");
    }
    for command in ["analyze", "collect", "scan"] {
        let help = run(&[command, "--help"]);
        assert_eq!(help.status, 0);
        assert!(help.out.contains("Examples:"), "{}", help.out);
    }
}

/// A scan of one file of this name, with these bytes.
fn scan_of(home: &TempDir, name: &str, bytes: &[u8], arguments: &[&str]) -> Run {
    let path = home.path().join(name);
    fs::write(&path, bytes).expect("a file");
    scan(home.path(), &[&[path.to_str().expect("UTF-8")], arguments].concat())
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    flate2::read::GzEncoder::new(text, flate2::Compression::fast()).read_to_end(&mut packed).expect("packs");
    packed
}

const SAMPLE: &str = "postgres/16-rds/postgresql.log.2026-11-23-10";

#[test]
fn what_the_aws_cli_prints_gives_the_truth() {
    let home = TempDir::new().expect("a folder");
    for case in ["whole", "first-page", "three-events"] {
        let case = samples().join("envelopes").join(case);
        let truth: toml::Table =
            toml::from_str(&fs::read_to_string(case.join("truth.toml")).expect("a truth")).expect("a truth");
        for entry in case.read_dir().expect("a case") {
            let path = entry.expect("an entry").path();
            if path.ends_with("truth.toml") {
                continue;
            }
            let run = scan(home.path(), &[path.to_str().expect("UTF-8")]);
            assert_eq!((run.status, run.err.as_str()), (0, ""), "{run:?}");
            check(&run.json()["total"], &truth, &path.display().to_string());
            assert!(run.json()["files"][0]["envelope"].is_string(), "{run:?}");
        }
    }
    let table = samples().join("envelopes/table/filter.txt");
    let run = scan(home.path(), &[table.to_str().expect("UTF-8")]);
    assert_eq!(run.status, 1, "{run:?}");
    assert!(run.err.contains("--output table") && run.err.contains("--output json"), "{}", run.err);
}

/// A log's events: records with the lines that belong to them.
fn events(log: &str) -> Vec<String> {
    let parser = detect(log.as_bytes(), &Hints::default()).expect("a known format");
    let mut events: Vec<String> = Vec::new();
    for line in log.lines() {
        match events.last_mut() {
            Some(last) if !parser.begins(line.as_bytes()) => *last += &format!("\n{line}"),
            _ => events.push(line.to_owned()),
        }
    }
    events
}

#[test]
fn an_exported_log_counts_as_the_log_itself() {
    let home = TempDir::new().expect("a folder");
    for sample in
        [SAMPLE, "mysql/9.7-usual/mysql-general.log", "mysql/audit-8.0/server_audit.log", "oracle/text/listener.log"]
    {
        let log = String::from_utf8(fs::read(samples().join(sample)).expect("a sample")).expect("UTF-8");
        let whole = scan_of(&home, "plain.log", log.as_bytes(), &[]).json()["total"].clone();
        let events = events(&log);
        let exported: String = events.iter().map(|event| format!("2026-11-23T18:46:20.000Z {event}\n")).collect();
        let object = |(index, event): (usize, &String)| {
            serde_json::json!({"messageType": "DATA_MESSAGE", "owner": "123456789012", "logGroup": "/aws/rds/g", "logStream": "s",
                "subscriptionFilters": ["f"], "logEvents": [{"id": index.to_string(), "timestamp": 1, "message": event}]})
            .to_string()
        };
        let delivered: String = events.iter().enumerate().map(object).collect::<String>().repeat(2);
        let cell = |event: &String| format!("1795168801000,\"{}\"\n", event.replace('"', "\"\""));
        let csv = "timestamp,message\n".to_owned() + &events.iter().map(cell).collect::<String>();
        let docker: String = log.lines().map(|line| format!("2026-11-23T18:46:20.123456789Z {line}\n")).collect();
        for (name, bytes) in [
            ("exported.gz", gzip(exported.as_bytes())),
            ("delivered.gz.gz", gzip(&gzip(delivered.as_bytes()))),
            ("console.csv", csv.into_bytes()),
            ("docker.log", docker.into_bytes()),
            ("mark.log", [b"\xef\xbb\xbf", log.as_bytes()].concat()),
            ("utf16.log", [vec![0xff, 0xfe], log.encode_utf16().flat_map(u16::to_le_bytes).collect()].concat()),
        ] {
            let run = scan_of(&home, name, &bytes, &[]);
            assert_eq!((run.status, &run.json()["total"]), (0, &whole), "{sample} as {name}: {run:?}");
        }
    }
}

/// A tar archive of these files.
fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, name, *bytes).expect("packs");
    }
    archive.into_inner().expect("packs")
}

fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in files {
        archive.start_file(*name, zip::write::SimpleFileOptions::default()).expect("packs");
        archive.write_all(bytes).expect("packs");
    }
    archive.finish().expect("packs").into_inner()
}

/// Scans standard input.
fn scan_stdin(home: &Path, bytes: &[u8]) -> (Option<i32>, Value) {
    let mut command = ssl_usage(home);
    command.args(["scan", "--format", "json", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("the command starts");
    child.stdin.take().expect("a pipe").write_all(bytes).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    (output.status.code(), serde_json::from_slice(&output.stdout).expect("JSON"))
}

#[test]
fn every_file_of_an_archive_is_a_row() {
    let home = TempDir::new().expect("a folder");
    let log = fs::read(samples().join(SAMPLE)).expect("a sample");
    let audit = fs::read(samples().join("mysql/audit-8.0/server_audit.log")).expect("a sample");
    let sum = |one: &Value, other: &Value| one.as_u64().expect("a number") + other.as_u64().expect("a number");
    let [one, other] =
        [&log, &audit].map(|log| scan_of(&home, "plain.log", log, &[]).json()["total"]["connections"]["tls"].clone());
    let packed = gzip(&log);
    let long = format!("error/{}.log", "x".repeat(150));
    let files = [(long.as_str(), packed.as_slice()), ("audit/server_audit.log", audit.as_slice()), ("._hidden", b"x")];
    for (name, bytes) in [
        ("logs.tar", tar(&files)),
        ("logs.tar.gz", gzip(&tar(&files))),
        ("logs.zip", zip(&files)),
        ("logs.gz", gzip(&zip(&files))),
    ] {
        let run = scan_of(&home, name, &bytes, &[]);
        assert_eq!((run.status, run.err.as_str()), (0, ""), "{name}: {run:?}");
        let report = run.json();
        let rows = report["files"].as_array().expect("rows");
        let names: Vec<_> = rows.iter().map(|row| row["path"].as_str().expect("a path")).collect();
        assert!(names.len() == 2 && names[0].ends_with(&format!("{name}!{long}")), "{names:?}");
        assert!(names[1].ends_with(&format!("{name}!audit/server_audit.log")), "{names:?}");
        assert_eq!(report["total"]["connections"]["tls"], sum(&one, &other), "{name}");
        let (status, piped) = scan_stdin(home.path(), &bytes);
        assert_eq!((status, &piped["total"]), (Some(0), &report["total"]), "{name}");
        // A damaged archive is an error that names it, and what was read before stands.
        let run = scan_of(&home, name, &bytes[..bytes.len() / 2], &[]);
        assert!(run.status == 1 || run.status == 3, "{name}: {run:?}");
        assert!(run.err.contains(name), "{name}: {}", run.err);
    }
    // Cut between two files, and behind the last one.
    let whole = tar(&[("a.log", &log), ("b.log", &audit)]);
    let first = 512 + log.len().next_multiple_of(512);
    let both = first + 512 + audit.len().next_multiple_of(512);
    for (end, count, status) in [(first, 1, 3), (both, 2, 3), (both + 512, 2, 0)] {
        let run = scan_of(&home, "cut.tar", &whole[..end], &[]);
        assert_eq!((run.status, run.json()["files"].as_array().map(Vec::len)), (status, Some(count)), "{end}: {run:?}");
        assert_eq!(run.err.contains("cut.tar: could not read the whole archive"), status == 3, "{}", run.err);
    }
    // The crate that writes archives refuses two files of one name; these have names of one length, made equal.
    let mut twins = zip(&[("one.log", &log), ("two.log", &audit)]);
    while let Some(at) = twins.windows(7).position(|name| name == b"two.log") {
        twins[at..at + 3].copy_from_slice(b"one");
    }
    let run = scan_of(&home, "twins.zip", &twins, &[]);
    assert!(run.status == 3 && run.err.contains("several have the same name"), "{run:?}");
    let nested = scan_of(&home, "nested.tar", &tar(&[("logs.tar.gz", &gzip(&tar(&files))), ("a.log", &audit)]), &[]);
    assert_eq!((nested.status, nested.json()["files"].as_array().map(Vec::len)), (3, Some(1)), "{nested:?}");
    assert!(nested.err.contains("nested.tar!logs.tar.gz: an archive inside an archive"), "{}", nested.err);
}

#[test]
fn a_file_that_is_no_connection_log_is_refused_alone_and_noted_in_a_folder() {
    let home = TempDir::new().expect("a folder");
    let folder = home.path().join("exported");
    fs::create_dir(&folder).expect("a folder");
    let test = folder.join("aws-logs-write-test");
    fs::write(&test, "Permission Check Successful").expect("a file");
    fs::copy(samples().join(SAMPLE), folder.join("postgresql.log")).expect("a copy");
    let alone = scan(home.path(), &[test.to_str().expect("UTF-8")]);
    assert_eq!((alone.status, alone.json()["files"].as_array().map(Vec::len)), (1, Some(0)), "{alone:?}");
    assert!(alone.err.contains("not a connection log") && alone.err.contains("aws-logs-write-test"), "{}", alone.err);
    let beside = scan(home.path(), &[folder.to_str().expect("UTF-8")]);
    assert_eq!((beside.status, beside.err.as_str()), (0, ""), "{beside:?}");
    let note = beside.json()["files"][0]["note"].clone();
    assert!(note.as_str().is_some_and(|note| note.contains("not a connection log")), "{beside:?}");
}

#[test]
fn a_run_without_a_session_says_that_nothing_follows() {
    let home = TempDir::new().expect("a folder");
    for (sample, switch) in [
        ("postgres/connections-off", "Set log_connections to 1"),
        ("postgres/18-receipt-only", "Set log_connections to 1"),
    ] {
        let case = samples().join(sample);
        let path = case.join("postgresql.log.2026-11-23-10");
        let quiet = path.to_str().expect("UTF-8");
        let run = scan(home.path(), &[quiet]);
        assert_eq!((run.status, run.json()["files"].as_array().map(Vec::len)), (3, Some(1)), "{run:?}");
        assert!(run.err.contains("Nothing can be concluded about TLS") && run.err.contains(switch), "{}", run.err);
        // One quiet log among others is noted, and no more.
        let sample = samples().join(SAMPLE);
        let beside = scan(home.path(), &[quiet, sample.to_str().expect("UTF-8")]);
        assert_eq!((beside.status, beside.err.as_str()), (0, ""), "{beside:?}");
        assert!(beside.json()["files"][0]["note"].is_string(), "{beside:?}");
    }
    let empty = scan_of(&home, "empty.log", b"", &[]);
    assert!(empty.status == 3 && empty.err.contains("Nothing can be concluded"), "{empty:?}");
}

#[test]
fn a_record_that_is_cut_is_told() {
    let home = TempDir::new().expect("a folder");
    let log = fs::read(samples().join(SAMPLE)).expect("a sample");
    let needle = b"connection authorized: user=app";
    let at = log.windows(needle.len()).rposition(|text| text == needle).expect("a session") + needle.len();
    let run = scan_of(&home, "cut.log", &log[..at], &[]);
    assert_eq!((run.status, run.json()["total"]["unparsed"].as_u64()), (3, Some(1)), "{run:?}");
    let note = run.json()["files"][0]["note"].clone();
    assert!(note.as_str().is_some_and(|note| note.contains("1 connection record is cut")), "{note}");
}

#[test]
fn a_hint_that_is_followed_helps() {
    let home = TempDir::new().expect("a folder");
    let log = fs::read(samples().join("mysql/audit-8.0/server_audit.log")).expect("a sample");
    let whole = scan_of(&home, "audit.log", &log, &[]).json()["total"].clone();
    for wrong in [
        &["--engine", "postgres"][..],
        &["--log-format", "csvlog"],
        &["--engine", "oracle", "--log-format", "listener"],
    ] {
        let run = scan_of(&home, "audit.log", &log, wrong);
        assert_eq!(run.status, 1, "{run:?}");
        let hint = run
            .err
            .split("Use `")
            .nth(1)
            .and_then(|rest| rest.split('`').next())
            .unwrap_or_else(|| panic!("{}", run.err));
        let followed = scan_of(&home, "audit.log", &log, &hint.split(' ').collect::<Vec<_>>());
        assert_eq!((followed.status, &followed.json()["total"]), (0, &whole), "{hint}: {followed:?}");
    }
}

#[test]
fn a_log_that_breaks_off_or_begins_late_still_counts() {
    let home = TempDir::new().expect("a folder");
    let log = fs::read(samples().join(SAMPLE)).expect("a sample");
    let whole = scan_of(&home, "plain.log", &log, &[]).json()["total"].clone();
    let padded = scan_of(&home, "padded.gz", &[gzip(&log), vec![0; 3000]].concat(), &[]);
    assert_eq!((padded.status, &padded.json()["total"]), (0, &whole), "{padded:?}");
    let junk = scan_of(&home, "junk.gz", &[gzip(&log), b"junk".to_vec()].concat(), &[]);
    assert_eq!((junk.status, &junk.json()["total"]), (3, &whole), "{junk:?}");
    assert!(junk.err.contains("other bytes follow the gzip data"), "{}", junk.err);
    // A statement of more than a megabyte.
    let late = [b"\tselect 1\n".repeat(200_000), log.clone()].concat();
    let late = scan_of(&home, "late.log", &late, &[]);
    assert_eq!((late.status, &late.json()["total"]["connections"]), (0, &whole["connections"]), "{late:?}");
    let returns: Vec<_> = log.iter().map(|byte| if *byte == b'\n' { b'\r' } else { *byte }).collect();
    let returns = scan_of(&home, "returns.log", &returns, &[]);
    assert_eq!((returns.status, &returns.json()["total"]), (0, &whole), "{returns:?}");
    let named = scan_of(&home, "log.xz", &[0xfd, b'7', b'z', b'X', b'Z', 0, 1, 2], &[]);
    assert!(named.status == 1 && named.err.contains("xz -dc FILE | ssl-usage scan -"), "{named:?}");
}

/// Every format can be named, and a log is read the same whether its format is named or found out.
#[test]
fn every_format_can_be_named() {
    let home = TempDir::new().expect("a folder");
    let logs = [
        "postgres/16-rds/postgresql.log.2026-11-23-10",
        "postgres/16-rds/postgresql.log.2026-11-23-10.csv",
        "postgres/16-rds/postgresql.log.2026-11-23-10.json",
        "mysql/9.7-usual/mysql-general.log",
        "mysql/audit-8.0/server_audit.log",
        "oracle/text/listener.log",
        "oracle/xml/log.xml",
        "oracle/audit-text/ORCL_ora_4711_20261123100000051907482236.aud",
        "oracle/audit-xml/ORCL_ora_4711_20261123100000051907482236.xml",
        "sqlserver/logins/ERROR",
    ];
    let mut named: Vec<String> = Vec::new();
    for log in logs {
        let path = samples().join(log).display().to_string();
        let found = scan(home.path(), &[&path]).json();
        let format = found["files"][0]["format"].as_str().expect("a format").to_owned();
        let run = scan(home.path(), &["--log-format", &format, &path]);
        assert_eq!(run.json(), found, "{log} {}", run.err);
        named.push(format);
    }
    named.sort();
    assert_eq!(named, ssl_usage_parsers::FORMATS);
}
