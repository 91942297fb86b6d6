//! What every format has to stand: names that others chose, a schema that others rely on, and pipelines.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use ssl_usage::bundle::{Scope, load};
use ssl_usage::progress::Silent;
use ssl_usage::report::Report;
use ssl_usage::verdict::Policy;
use ssl_usage::window::Window;
use tempfile::TempDir;

use crate::command::{Run, samples, ssl_usage};
use crate::fleet::WINDOW;
use crate::json_schema::objection;
use crate::peers::python;
use crate::sealing::record;

const FORMATS: [&str; 5] = ["table", "csv", "json", "ndjson", "markdown"];

/// An analysis of the small fleet.
fn analyze(arguments: &[&str]) -> Run {
    let home = TempDir::new().expect("a folder");
    Run::of(ssl_usage(home.path()).args(["analyze", "--from", "fleet"]).args(WINDOW).args(arguments))
}

/// A bundle with the inventory of the small fleet alone, in which instances have these names.
pub fn named(folder: &Path, names: &[String]) {
    let kept = samples().join("fleet");
    fs::copy(kept.join("bundle.json"), folder.join("bundle.json")).expect("a copy");
    for part in ["fleet", "parts", "metrics"] {
        fs::create_dir_all(folder.join(part)).expect("a folder");
    }
    let inventory = "fleet/123456789012.eu-west-1.20261123T000000000Z.json";
    let text = fs::read_to_string(kept.join(inventory)).expect("an inventory");
    let mut fleet: Value = serde_json::from_str(&text).expect("JSON");
    for (instance, name) in fleet["instances"].as_array_mut().expect("instances").iter_mut().zip(names) {
        for key in ["instance", "cluster", "engine_version"] {
            instance[key] = json!(name);
        }
    }
    fs::write(folder.join(inventory), fleet.to_string()).expect("an inventory");
    record(folder);
}

/// Names that do harm where they are not escaped, and what of each can be read in every format.
pub fn hostile() -> Vec<(String, String)> {
    let name = |name: &str, readable: &str| (name.to_owned(), readable.to_owned());
    vec![
        name("=cmd|' /C calc'!A0", "=cmd"),
        name("+SUM(1)", "SUM(1)"),
        name("<script>alert(1)</script>", "script>alert(1)"),
        name("\u{1b}[31mred", "[31mred"),
        name("left\u{202e}thgir", "thgir"),
        name("two\nlines\r\n", "lines"),
        name("a \"quoted\" 'name'", "quoted"),
        name("a`b|c`[x](http://evil.example) @team", "evil.example"),
        name("![i](javascript:x)", "javascript:x"),
        name(&"x".repeat(10_000), "xxxxxxxxxx"),
    ]
}

#[test]
fn hostile_names_do_nothing_in_any_format_and_can_be_read() {
    let home = TempDir::new().expect("a folder");
    let bundle = TempDir::new().expect("a folder");
    let names = hostile();
    named(bundle.path(), &names.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>());
    for format in FORMATS {
        let mut command = ssl_usage(home.path());
        command.args(["analyze", "--format", format, "--from"]).arg(bundle.path()).args(WINDOW);
        let run = Run::of(&mut command);
        assert_eq!(run.status, 0, "{format}: {}", run.err);
        for (_, readable) in &names {
            assert!(run.out.contains(readable), "{format}: {readable}");
        }
        let machine = ["json", "ndjson"].contains(&format);
        let acts = |letter: char| letter.is_control() && !"\r\n".contains(letter);
        assert!(!run.out.contains(acts), "{format}: a control character");
        assert!(machine || !run.out.contains('\u{202e}'), "{format}: the direction of writing turns");
        assert!(format == "csv" || !run.out.contains('\r'), "{format}: a carriage return");
        match format {
            "table" => {
                let table = run.out.lines().take_while(|line| !line.starts_with("The whole"));
                assert!(table.clone().count() >= 24 + 4, "a line an instance");
                assert!(table.into_iter().all(|line| line.chars().count() <= 100), "{}", run.out);
            }
            "csv" => {
                let mut rows = csv::Reader::from_reader(run.out.as_bytes());
                let rows: Vec<_> = rows.records().map(|row| row.expect("as many cells as there are columns")).collect();
                assert_eq!(rows.len(), 24);
                let runs = |cell: &str| cell.trim_start().starts_with(['=', '+', '-', '@']);
                assert!(rows.iter().flatten().all(|cell| !runs(cell)), "no cell is a formula");
            }
            "json" => assert!(
                run.json()["instances"].as_array().expect("instances").iter().any(|row| row["instance"] == names[3].0)
            ),
            "ndjson" => assert_eq!(run.out.lines().count(), 26),
            _ => {
                // Names stand in code, which they do not end, and which ends in the line that it begins in.
                let mut lines = run.out.lines().filter(|line| !line.trim_start().starts_with("```"));
                assert!(lines.all(|line| line.matches('`').count() % 2 == 0));
                let cells = run.out.lines().filter(|line| line.starts_with("| "));
                assert!(cells.clone().count() == 24 + 2 && cells.into_iter().all(|row| row.matches('|').count() == 8));
                let prose = |line: &str| line.split('`').step_by(2).collect::<String>();
                assert!(run.out.lines().map(prose).all(|text| !text.contains(['<', '@'])));
            }
        }
    }
    for (name, readable) in &names {
        let mut command = ssl_usage(home.path());
        let run = Run::of(command.args(["analyze", "--explain", name, "--from"]).arg(bundle.path()).args(WINDOW));
        assert!(run.status == 0 && run.out.contains(readable), "{readable}: {run:?}");
        assert!(!run.out.contains(['\u{1b}', '\u{202e}', '\r']), "{readable}");
    }
}

#[test]
fn a_table_fits_its_width_and_is_plain_where_nobody_sees_it() {
    let run = analyze(&[]);
    // The policy is told in sentences, as errors are.
    let mut table = run.out.lines().take_while(|line| !line.starts_with("Policy"));
    assert!(!run.out.contains('\u{1b}') && table.all(|line| line.chars().count() <= 100), "{}", run.out);
    let wide = analyze(&["--wide", "--sort", "instance", "--group-by", "engine"]);
    assert!(!wide.out.contains('…') && wide.out.contains("  ENFORCE  "), "{}", wide.out);
    let groups = wide.out.lines().filter(|line| ["postgres", "mysql", "docdb"].contains(line)).collect::<Vec<_>>();
    assert_eq!(groups, ["docdb", "mysql", "postgres"]);
}

#[test]
fn a_summary_starts_with_what_to_do_and_ends_with_commands_that_run() {
    let home = TempDir::new().expect("a folder");
    let mut command = ssl_usage(home.path());
    let run = Run::of(command.env("COLUMNS", "80").args(["analyze", "--from", "fleet"]).args(WINDOW));
    let due = "7 must rotate, 6 inconclusive, 3 can wait, 8 need nothing (24 instances)\n\
        Inconclusive, by cause: logging off 2, ";
    assert!(run.out.starts_with(due), "{}", run.out);
    assert!(run.out.contains("orders-legacy  expired  "), "{}", run.out);
    let (commands, texts): (Vec<_>, Vec<_>) = run.out.lines().partition(|line| line.starts_with("    ssl-usage "));
    assert!(texts.iter().all(|line| line.chars().count() <= 80), "{}", run.out);
    assert_eq!(commands.len(), 3, "{}", run.out);
    for words in commands {
        let words = words.replace("INSTANCE", "forum");
        let run = Run::of(ssl_usage(home.path()).args(words.split_whitespace().skip(1)));
        assert!(run.status == 0 && !run.out.is_empty(), "{words}: {run:?}");
    }
}

#[test]
fn an_explanation_has_the_evidence() {
    let run = analyze(&["--explain", "warehouse-gap"]);
    assert_eq!(run.status, 0);
    for part in [
        "window-shortened: ",
        "2026-11-21T10:00:00Z to 2026-11-21T20:00:00Z: log files are missing (missing)",
        "user ",
        "Not examined",
        "ends 2027-02-10",
    ] {
        assert!(run.out.contains(part), "{part}: {}", run.out);
    }
    let absent = analyze(&["--explain", "nowhere"]);
    assert_eq!((absent.status, absent.out.as_str()), (1, ""), "{absent:?}");
}

/// The texts of `--explain` on one line each.
fn explained(instance: &str) -> String {
    let run = analyze(&["--explain", instance]);
    assert_eq!(run.status, 0, "{run:?}");
    run.out.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn an_explanation_says_why_there_is_no_command_and_what_enforcement_and_restart_cost() {
    for (instance, parts) in [
        ("wiki", &["Commands: none needed", "Enforcing TLS: would cut off 1 client "][..]),
        ("orders-prod", &["Commands: aws --region", "Rotation restarts: the instance "]),
        ("stock", &["Rotation restarts: only the listener "]),
        ("analytics-1", &["Rotation restarts: nothing ", "Next certificate: rds-ca-"]),
        ("crm-quiet", &[": sessions were not logged (not-logged)"]),
    ] {
        let text = explained(instance);
        assert!(parts.iter().all(|part| text.contains(part)), "{instance}: {parts:?}: {text}");
    }
    for elsewhere in ["graph-1", "catalog-1"] {
        assert!(!explained(elsewhere).contains("Next certificate"), "{elsewhere}");
    }
    let report = analyze(&["--format", "json"]).json();
    let instances = report["instances"].as_array().expect("instances");
    let mut held = 0;
    for row in instances.iter().filter(|row| row["commands"].as_array().is_some_and(Vec::is_empty)) {
        let instance = row["instance"].as_str().expect("a name");
        let text = explained(instance);
        let (_, why) = text.split_once(" Commands: none").expect("no command");
        let is_needed = row["rotation"] != "optional";
        assert_eq!((why.starts_with(": "), why.starts_with(" needed ")), (is_needed, !is_needed), "{text}");
        held += u32::from(is_needed);
    }
    assert!(held > 0, "none of the fleet waits for a command");
}

#[test]
fn queries_and_commands_of_markdown_can_be_copied() {
    let instances = ["--instance", "payroll", "--instance", "forum"];
    let report = analyze(&[&["--format", "json"], &instances[..]].concat()).json();
    let text = analyze(&[&["--format", "markdown"], &instances[..]].concat()).out;
    let (_, rest) = text.split_once("\n\n  ```sql\n  ").expect("a block");
    let (query, _) = rest.split_once("\n  ```\n").expect("its end");
    let reasons = report["instances"].as_array().expect("instances").iter().flat_map(|one| one["reasons"].as_array());
    let mut reasons = reasons.flatten().filter_map(|reason| reason["text"].as_str());
    assert!(query.starts_with("SELECT ") && reasons.any(|reason| reason.contains(query)), "{query}");
    assert!(text.contains(" `ssl-usage collect` ") && !text.contains(r"\`ssl-usage"), "{text}");
}

#[test]
fn a_region_is_a_name_of_a_region() {
    let home = TempDir::new().expect("a folder");
    for (region, status) in
        [("euwest1", 2), ("eu-west", 2), ("EU-WEST-1", 2), ("", 2), ("--1", 2), ("eu-west-1", 0), ("us-gov-west-1", 1)]
    {
        let option = format!("--region={region}");
        let run = Run::of(ssl_usage(home.path()).args(["analyze", "--from", "fleet", &option]));
        assert_eq!(run.status, status, "{run:?}");
        assert!(status != 2 || run.err.contains(&format!("'{region}' for '--region")), "{}", run.err);
    }
}

#[test]
fn a_pipeline_stops_at_what_it_must_not_pass() {
    for (condition, status) in [
        ("required", 4),
        ("unproven", 4),
        ("deferrable", 4),
        ("errors", 0),
        ("errors,expiring=20d", 4),
        ("often", 2),
        ("expiring=-1d", 2),
    ] {
        assert_eq!(analyze(&["--fail-on", condition]).status, status, "{condition}");
    }
    let good = analyze(&["--instance", "wiki", "--fail-on", "required,unproven,deferrable,errors,expiring=30d"]);
    assert_eq!(good.status, 0, "{good:?}");
    assert_eq!(analyze(&["--instance", "wiki", "--fail-on", "expiring=3650d"]).status, 4);
}

#[test]
fn parquet_holds_the_rows_of_the_csv() {
    use polars::prelude::{DataType, ParquetReader, SerReader, TimeUnit, TimeZone};
    let home = TempDir::new().expect("a folder");
    for (rows, height) in [("instances", 24), ("clients", 27)] {
        let file = home.path().join(rows);
        let run = analyze(&["--format", "parquet", "--rows", rows, "-o", file.to_str().expect("a path")]);
        assert_eq!((run.status, run.out.as_str()), (0, ""), "{run:?}");
        let table = ParquetReader::new(fs::File::open(&file).expect("a file")).finish().expect("Parquet");
        let csv = analyze(&["--format", "csv", "--rows", rows]).out;
        let mut csv = csv::Reader::from_reader(csv.as_bytes());
        let names: Vec<_> = csv.headers().expect("names").iter().map(str::to_owned).collect();
        assert_eq!(table.get_column_names_owned().iter().map(ToString::to_string).collect::<Vec<_>>(), names);
        let is_time = |name: &str| {
            let times = ["act_by", "as_of", "collected_at", "first_seen", "judged_from", "judged_to", "last_seen"];
            times.contains(&name) || ["valid_till", "window_from", "window_to"].contains(&name)
        };
        let timestamp = DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC));
        for column in table.columns() {
            assert_eq!(*column.dtype() == timestamp, is_time(column.name()), "{}", column.name());
        }
        let records: Vec<_> = csv.records().map(|record| record.expect("a row")).collect();
        assert_eq!(table.height(), records.len());
        for (row, record) in records.iter().enumerate() {
            for (name, cell) in names.iter().zip(record).filter(|(name, _)| is_time(name)) {
                let value = table.column(name).expect("a column").datetime().expect("times").physical().get(row);
                let time = value.map(|micros| jiff::Timestamp::from_microsecond(micros).expect("a time").to_string());
                assert_eq!(time.unwrap_or_default(), cell, "{name}");
            }
        }
        assert!(table.height() >= height, "{rows}: {}", table.height());
    }
}

/// The most memory that this process had until now, in MB.
fn peak_megabytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
    peak.unwrap_or(0) / 1024
}

/// The report on the small fleet, with 10,000 instances.
pub fn large() -> Report {
    let evidence = load(&[samples().join("fleet")], Scope::All).expect("a bundle");
    let window = Window::days_before(evidence.collected_at, 3);
    let mut report = Report::new(&evidence, window, Policy::default(), &Silent);
    report.instances = report.instances.iter().cycle().take(10_000).cloned().collect();
    for (index, row) in report.instances.iter_mut().enumerate() {
        let name = &mut row.member.id.instance;
        *name = format!("{name}-{index}");
    }
    report
}

/// The time for which this thread has computed, whatever else the machine does.
fn thread_time() -> Duration {
    let times = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(times.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or(0))
}

/// Prints how long each format takes: `cargo test ten_thousand -- --nocapture`.
#[test]
fn ten_thousand_instances_take_seconds() {
    use ssl_usage::report::{FORMATS, Format, Layout, Rows};
    let report = large();
    for (name, rows) in [
        ("table", Rows::Instances),
        ("csv", Rows::Instances),
        ("csv", Rows::Clients),
        ("spreadsheet", Rows::Clients),
        ("json", Rows::Instances),
        ("ndjson", Rows::Instances),
        ("markdown", Rows::Instances),
        ("html", Rows::Instances),
        ("parquet", Rows::Instances),
        ("parquet", Rows::Clients),
        ("summary", Rows::Instances),
        ("openmetrics", Rows::Instances),
        ("ocsf", Rows::Instances),
    ] {
        let layout = Layout { width: 80, wide: false, colours: false, group_by: None, rows, again: vec![] };
        let mut file = tempfile::tempfile().expect("a file");
        let (before, begun) = (peak_megabytes(), thread_time());
        let format = Format::named(FORMATS, name).expect("a format");
        format.write(&report, &layout, &mut BufWriter::new(&mut file)).expect("a report");
        let (took, grown) = (thread_time() - begun, peak_megabytes().saturating_sub(before));
        let bytes = file.metadata().expect("its size").len();
        println!("{name} {rows:?}: {bytes} bytes in {} ms, {grown} MB more memory", took.as_millis());
        assert!(
            (bytes > 10_000 || name == "summary") && took < Duration::from_secs(15),
            "{name}: {bytes} bytes in {took:?}"
        );
    }
}

/// What an independent validator has against documents, each by a schema: nothing, where a string is empty.
fn objections(cases: &[(Value, Value)]) -> Option<Vec<String>> {
    let validate = "import json, sys, jsonschema\n\
        out = []\n\
        for schema, document in json.load(sys.stdin):\n\
        \x20   jsonschema.Draft202012Validator.check_schema(schema)\n\
        \x20   error = next(jsonschema.Draft202012Validator(schema).iter_errors(document), None)\n\
        \x20   out.append(error.message[:200] if error else '')\n\
        json.dump(out, sys.stdout)";
    let python = python("jsonschema")?;
    let mut command = Command::new(python);
    command.args(["-c", validate]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut process = command.spawn().expect("python starts");
    let text = serde_json::to_vec(cases).expect("JSON");
    process.stdin.take().expect("its input").write_all(&text).expect("its input is read");
    let output = process.wait_with_output().expect("it ends");
    assert!(output.status.success());
    Some(serde_json::from_slice(&output.stdout).expect("JSON"))
}

/// The schema without room for what it does not tell of, so that a field that it does not know is found.
fn closed(schema: &Value) -> Value {
    match schema {
        Value::Object(fields) => {
            let mut fields: serde_json::Map<_, _> =
                fields.iter().map(|(key, value)| (key.clone(), closed(value))).collect();
            let tags = fields.get("properties").is_some_and(|own| own.as_object().is_some_and(|own| own.len() == 1));
            if fields.contains_key("required") && !tags {
                fields.insert("additionalProperties".to_owned(), json!(false));
            }
            Value::Object(fields)
        }
        Value::Array(items) => items.iter().map(closed).collect(),
        other => other.clone(),
    }
}

#[test]
fn what_programs_read_is_what_the_schema_says() {
    let home = TempDir::new().expect("a folder");
    let schema = Run::of(ssl_usage(home.path()).arg("schema")).json();
    let report = analyze(&["--format", "json"]).json();
    let failed = Run::of(ssl_usage(home.path()).args(["analyze", "--from", "nowhere", "--format", "json"])).json();
    let lines: Vec<Value> =
        analyze(&["--format", "ndjson"]).out.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines.last().expect("lines")["kind"], "summary");
    let mut of_line = schema.clone();
    of_line.as_object_mut().expect("an object").retain(|key, _| key.starts_with('$'));
    of_line["$ref"] = json!("#/$defs/line");
    let good: Vec<_> = [(closed(&schema), report.clone()), (schema.clone(), failed)]
        .into_iter()
        .chain(lines.iter().map(|line| (of_line.clone(), line.clone())))
        .collect();
    // Every field of a report, under another name.
    let paths = ["", "/window", "/policy", "/summary", "/instances/0"].map(str::to_owned).into_iter().chain(
        [
            "certificate",
            "connections",
            "connections/system",
            "connections/clients/0",
            "coverage",
            "coverage/asked",
            "reasons/0",
        ]
        .map(|path| format!("/instances/0/{path}")),
    );
    let mut renamed = Vec::new();
    for path in paths {
        let fields = report.pointer(&path).and_then(Value::as_object).expect("an object");
        for field in fields.keys() {
            let mut report = report.clone();
            report["instances"].as_array_mut().expect("instances").truncate(1);
            let object = report.pointer_mut(&path).and_then(Value::as_object_mut).expect("an object");
            let value = object.remove(field).expect("the field");
            object.insert(format!("{field}_renamed"), value);
            renamed.push((format!("{path}/{field}"), (schema.clone(), report)));
        }
    }
    let cases: Vec<_> = good.iter().chain(renamed.iter().map(|(_, case)| case)).cloned().collect();
    let own: Vec<_> = cases.iter().map(|(schema, case)| objection(schema, case).unwrap_or_default()).collect();
    if let Some(independent) = objections(&cases) {
        let is_good = |all: &[String]| all.iter().map(String::is_empty).collect::<Vec<_>>();
        assert_eq!(is_good(&own), is_good(&independent), "the validators agree");
    }
    let objections = own;
    let (of_good, of_renamed) = objections.split_at(good.len());
    assert!(of_good.iter().all(String::is_empty), "{of_good:?}");
    for ((field, _), objection) in renamed.iter().zip(of_renamed) {
        assert_ne!(objection, "", "{field} may be renamed unseen");
    }
    assert!(renamed.len() > 70, "{}", renamed.len());
}

/// Paths of all objects in a document, of lists in their first item, and their fields.
fn fields(document: &Value, at: &str, found: &mut Vec<(String, String)>) {
    match document {
        Value::Object(own) => own.iter().for_each(|(name, value)| {
            found.push((at.to_owned(), name.clone()));
            fields(value, &format!("{at}/{name}"), found);
        }),
        Value::Array(items) => items.first().iter().for_each(|first| fields(first, &format!("{at}/0"), found)),
        _ => {}
    }
}

/// The same document, with every list cut after its first item.
fn cut(document: &Value) -> Value {
    match document {
        Value::Object(own) => own.iter().map(|(name, value)| (name.clone(), cut(value))).collect(),
        Value::Array(items) => items.iter().take(1).map(cut).collect(),
        other => other.clone(),
    }
}

/// Objects whose fields are names, and no part of the format.
const BY_NAME: [&str; 3] = ["tls_versions", "ciphers", "summary"];

#[test]
fn every_document_is_what_its_schema_says() {
    let home = TempDir::new().expect("a folder");
    let run = |arguments: &[&str]| Run::of(ssl_usage(home.path()).args(arguments));
    for (name, now) in [("before.json", "2026-11-21T12:00:00Z"), ("after.json", "2026-11-23T00:00:00Z")] {
        let path = home.path().join(name);
        let window = ["analyze", "--from", "fleet", "--days", "1", "--now", now, "--format", "json", "-o"];
        assert_eq!(run(&[&window[..], &[path.to_str().expect("a path")]].concat()).status, 0);
    }
    let report = |name: &str| home.path().join(name).to_str().expect("a path").to_owned();
    let (before, after) = (report("before.json"), report("after.json"));
    let mut cases = Vec::new();
    for (document, arguments, least) in [
        ("verdict", &["analyze", "--from", "fleet"][..], 100),
        ("plan", &["plan", "--from", "fleet"], 50),
        ("clients", &["clients", "--from", "fleet"], 30),
        ("preflight", &["preflight", "--from", "fleet"], 50),
        ("diff", &["diff", &before, &after], 30),
        ("scan", &["scan", "postgres/16-rds", "mysql/general-5.7"], 30),
    ] {
        let schema = run(&["schema", document]).json();
        assert_eq!(schema["title"], format!("ssl-usage/{document}/v1"));
        let window: &[&str] = if arguments.contains(&"--from") { &WINDOW } else { &[] };
        let printed = run(&[arguments, window, &["--format", "json"]].concat()).json();
        assert_eq!(objection(&schema, &printed), None, "{document}");
        cases.push((schema.clone(), printed.clone()));
        let (printed, mut found) = (cut(&printed), Vec::new());
        assert_eq!(objection(&schema, &printed), None, "{document}");
        fields(&printed, "", &mut found);
        found.retain(|(path, _)| BY_NAME.iter().all(|name| !path.ends_with(&format!("/{name}"))));
        let mut guarded = 0;
        for (path, field) in found {
            let mut without = printed.clone();
            let value = without.pointer_mut(&path).and_then(Value::as_object_mut).and_then(|own| own.remove(&field));
            assert!(value.is_some(), "{path}/{field}");
            // A field of another type is noticed wherever a missing one is.
            let mut other = printed.clone();
            other.pointer_mut(&path).expect("an object")[&field] = json!({"another": ["type"]});
            let noticed = [&without, &other].map(|broken| objection(&schema, broken).is_some());
            assert!(noticed[0] == noticed[1] || !noticed[0], "{document}: {path}/{field} {noticed:?}");
            guarded += u32::from(noticed[0]);
            cases.push((schema.clone(), without));
        }
        assert!(guarded >= least, "{document}: only {guarded} fields are required");
    }
    if let Some(independent) = objections(&cases) {
        for ((schema, case), independent) in cases.iter().zip(&independent) {
            assert_eq!(objection(schema, case).is_none(), independent.is_empty(), "{}: {independent}", schema["title"]);
        }
    }
}

#[test]
fn a_schema_that_is_printed_refers_to_nothing_outside() {
    let home = TempDir::new().expect("a folder");
    for document in ["verdict", "plan", "clients", "preflight", "diff", "scan"] {
        let text = Run::of(ssl_usage(home.path()).args(["schema", document])).out;
        let schema: Value = serde_json::from_str(&text).expect("JSON");
        for name in text.split("#/$defs/").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(schema["$defs"].get(name).is_some(), "{document}: {name}");
        }
    }
    let plain = Run::of(ssl_usage(home.path()).arg("schema")).out;
    assert_eq!(plain, Run::of(ssl_usage(home.path()).args(["schema", "verdict"])).out);
    assert_eq!(Run::of(ssl_usage(home.path()).args(["schema", "other"])).status, 2);
}

#[test]
fn the_command_tells_other_programs_of_itself() {
    let home = TempDir::new().expect("a folder");
    let said = |arguments: &[&str]| {
        let run = Run::of(ssl_usage(home.path()).args(arguments));
        assert_eq!(run.status, 0, "{run:?}");
        run.out
    };
    for shell in ["bash", "zsh", "fish"] {
        assert!(said(&["completions", shell]).contains("fail-on"), "{shell}");
    }
    let page = said(&["man", "analyze"]);
    for section in ["\"WHAT TO ANALYZE\"", "EXAMPLES", "ENVIRONMENT", "FILES", "\"EXIT STATUS\""] {
        assert!(page.contains(&format!(".SH {section}\n")), "{section}: {page}");
    }
    assert!(said(&["man"]).contains(".TH ssl-usage"));
    for command in ["analyze", "collect", "scan", "iam-policy", "schema", "completions", "man"] {
        assert!(said(&[command, "--help"]).contains("Examples:\n  "), "{command}");
        assert!(said(&["man", command]).contains(&format!(".TH ssl-usage-{command}")), "{command}");
    }
}
