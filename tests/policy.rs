//! `analyze --policy`: what a file changes, and what of it every report prints.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::command::{Run, against, samples, ssl_usage};
use crate::fake_aws::FakeAws;
use crate::fleet::{WINDOW, small_fleet};
use crate::sealing::copy_bundle;

fn judged(home: &Path, policy: &Path, format: &str) -> Run {
    let mut command = ssl_usage(home);
    command.args(["analyze", "--from", "fleet", "--format", format, "--policy"]).arg(policy).args(WINDOW);
    Run::of(&mut command)
}

/// The small fleet with a certificate of `orders-legacy` that has not expired, as a bundle.
fn renewed(home: &TempDir) -> PathBuf {
    let bundle = home.path().join("renewed");
    if !bundle.exists() {
        let mut fleet = small_fleet();
        let legacy = fleet.instance("orders-legacy");
        legacy.ca = Some("rds-ca-rsa2048-g1".to_owned());
        legacy.cert_valid_till = Some("2027-02-10T10:00:00Z".parse().expect("a time"));
        let aws = FakeAws::start(fleet);
        let run = Run::of(against(&aws, home.path()).args(["collect", "-o"]).arg(&bundle).args(WINDOW));
        assert_eq!(run.status, 0, "{run:?}");
    }
    bundle
}

/// A policy of this text, judged in JSON.
fn under(home: &TempDir, text: &str) -> Value {
    let path = home.path().join("policy.toml");
    fs::write(&path, text).expect("a file");
    let mut command = ssl_usage(home.path());
    command.arg("analyze").arg("--from").arg(renewed(home)).args(["--format", "json", "--policy"]).arg(&path);
    let run = Run::of(command.args(WINDOW));
    assert_eq!((run.status, run.err.as_str()), (0, ""));
    run.json()
}

fn instance<'r>(report: &'r Value, name: &str) -> &'r Value {
    report["instances"].as_array().expect("instances").iter().find(|row| row["instance"] == name).expect(name)
}

/// The sample holds the demands that are shipped, an ignored client and an attestation, and every format prints them.
#[test]
fn the_sample_is_printed_in_every_format() {
    let home = TempDir::new().expect("a folder");
    let sample = samples().join("policy.toml");
    let report = judged(home.path(), &sample, "json").json();
    let plain =
        Run::of(ssl_usage(home.path()).args(["analyze", "--from", "fleet", "--format", "json"]).args(WINDOW)).json();
    for key in ["least_coverage", "least_window_hours", "least_connections", "horizon_days", "blind_spots"] {
        assert_eq!(report["policy"][key], plain["policy"][key], "{key} is as shipped");
    }
    assert_eq!(
        (&plain["policy"]["source"], plain["policy"]["ignore"].as_array().map(Vec::len)),
        (&Value::Null, Some(0))
    );
    assert_eq!(report["policy"]["source"]["file"], sample.display().to_string());
    assert_eq!(report["policy"]["source"]["sha256"].as_str().map(str::len), Some(64));
    assert_eq!(report["policy"]["attestation"][0]["expires"], "2027-05-01");
    let payroll = instance(&report, "payroll");
    assert_eq!(
        (&payroll["rotation"], &payroll["usage"], &payroll["unproven"], &payroll["reasons"][0]["code"]),
        (&"deferrable".into(), &"undetermined".into(), &true.into(), &"attested-no-tls".into())
    );
    let mut command = ssl_usage(home.path());
    command.args(["clients", "--from", "fleet", "--format", "json", "--policy"]).arg(&sample).args(WINDOW);
    let hiding = Run::of(&mut command).json();
    let hiding = hiding["may_hide"].as_array().expect("instances");
    assert!(hiding.iter().any(|one| one["instance"] == "payroll"), "a person's word names no client");
    let counts = |report: &Value, key: &str| report["summary"][key].as_u64().expect("a count");
    assert_eq!(counts(&report, "unproven") + 1, counts(&plain, "unproven"));
    assert_eq!((counts(&report, "deferrable"), counts(&report, "attested")), (counts(&plain, "deferrable") + 1, 1));

    let table = judged(home.path(), &sample, "table").out.replace("\n  ", " ");
    let due = [
        "policy.toml, SHA-256 ",
        "Ignored: user monitor, address 10.99.0.0/16: 0 sessions (the monitoring's own agent",
        "Attested: payroll: no-tls by Jane Doe (both applications were asked",
        "2026-11-02 to 2027-05-01: is valid.",
    ];
    assert!(table.contains("4 can wait (1 attested)") && table.contains("deferrable?"), "{table}");
    let csv = judged(home.path(), &sample, "csv").out;
    for words in due {
        assert!(table.contains(words), "{words}: {table}");
        assert!(csv.lines().skip(1).all(|row| row.contains(words)), "{words}: {csv}");
    }
}

#[test]
fn clients_that_are_ignored_stay_in_sight() {
    let home = TempDir::new().expect("a folder");
    let ignore = "[[ignore]]\nuser = 'nightly'\naddress = '10.99.0.32/27'\nreason = 'moves away in December'\n";
    let report = under(&home, ignore);
    let legacy = instance(&report, "orders-legacy");
    assert_eq!((&legacy["rotation"], &legacy["usage"]), (&"deferrable".into(), &"not_observed".into()), "{legacy:#}");
    let connections = &legacy["connections"];
    assert_eq!((&connections["tls"], &connections["ignored"]["tls"]), (&0.into(), &3.into()));
    let marked: Vec<_> =
        connections["clients"].as_array().expect("clients").iter().filter(|client| client["ignored"] == true).collect();
    assert_eq!(marked.iter().map(|client| &client["user"]).collect::<Vec<_>>(), ["nightly"]);
    let why = legacy["reasons"][0]["text"].as_str().expect("a text");
    assert!(why.ends_with("; accepted by policy despite clients-ignored"), "{why}");
    assert_eq!(
        (&report["policy"]["ignore"][0]["sessions"], &report["policy"]["ignore"][0]["reason"]),
        (&3.into(), &"moves away in December".into())
    );

    // A range that does not hold it, and another instance.
    for other in [ignore.replace("/27", "/32"), format!("{ignore}instance = 'orders-prod'\n")] {
        assert_eq!(instance(&under(&home, &other), "orders-legacy")["rotation"], "required", "{other}");
    }
    // A session that ends tells no application: it may have been another one's, and older than the window.
    let report = under(&home, "[[ignore]]\napplication = 'backup'\nreason = 'moves away'\n");
    let legacy = instance(&report, "orders-legacy");
    assert_eq!((&legacy["rotation"], &legacy["reasons"][0]["code"]), (&"required".into(), &"older-sessions".into()));
    // The word of a person does not outweigh what an ignored client does.
    let attested = format!(
        "{ignore}[[attestation]]\ninstance = 'orders-legacy'\nstates = 'no-tls'\nby = 'Jo'\nreason = 'asked'\non = 2026-11-01\nexpires = 2027-01-01\n"
    );
    let report = under(&home, &attested);
    let legacy = instance(&report, "orders-legacy");
    assert_eq!(
        (&legacy["rotation"], &legacy["reasons"][0]["code"]),
        (&"required".into(), &"attestation-contradicted".into())
    );
}

#[test]
fn patterns_ignore_clients_and_are_printed_as_they_were_written() {
    let home = TempDir::new().expect("a folder");
    let names = "[[ignore]]\nuser = 'nightly'\nreason = 'moves away'\n";
    let patterns = "[[ignore]]\nuser_regex = 'night.*'\ninstance_regex = 'orders-\\w+'\nreason = 'moves away'\n";
    let (by_name, by_pattern) = (under(&home, names), under(&home, patterns));
    let legacy = instance(&by_pattern, "orders-legacy");
    assert_eq!(legacy["rotation"], "deferrable");
    assert_eq!(legacy["connections"], instance(&by_name, "orders-legacy")["connections"]);
    assert_eq!(by_name["policy"]["ignore"][0].get("user_regex"), None, "as before there were patterns");
    assert_eq!(by_pattern["policy"]["ignore"][0]["user_regex"], "night.*");
    let table = judged(home.path(), &home.path().join("policy.toml"), "table").out;
    assert!(table.contains(r"Ignored: user_regex night.*, instance_regex orders-\w+: 3 sessions"), "{table}");
    // Neither a part of a name nor a name that looks like a pattern.
    for other in [patterns.replace("night.*", "night"), names.replace("nightly", "night.*")] {
        assert_eq!(instance(&under(&home, &other), "orders-legacy")["rotation"], "required", "{other}");
    }
}

#[test]
fn a_blind_spot_is_accepted_by_name() {
    let home = TempDir::new().expect("a folder");
    let report = under(&home, "[blind_spots]\nolder-sessions-open = 'informs'\n");
    let kiosk = instance(&report, "kiosk");
    assert_eq!(kiosk["rotation"], "deferrable");
    let why = kiosk["reasons"][0]["text"].as_str().expect("a text");
    assert!(why.ends_with("; accepted by policy despite older-sessions-open"), "{why}");
    assert_eq!(instance(&report, "billing-pool")["rotation"], "required", "its blind spot is another one");
}

#[test]
fn a_bad_file_is_bad_usage_and_says_what_to_do() {
    let home = TempDir::new().expect("a folder");
    let path = home.path().join("policy.toml");
    let absent = judged(home.path(), &path, "json");
    assert!(
        absent.err.contains("policy.toml: no such file or directory. samples/policy.toml is an example"),
        "{absent:?}"
    );
    fs::write(&path, "least_coverage = 0.9\nleast_days = 3\n").expect("a file");
    let unknown = judged(home.path(), &path, "table");
    assert!(unknown.err.contains("policy.toml: line 2: unknown field `least_days`"), "{unknown:?}");
    fs::write(&path, "least_coverage = 0\n").expect("a file");
    let nonsense = judged(home.path(), &path, "csv");
    assert!(
        nonsense.err.contains("policy.toml: least_coverage must be more than 0 and at most 1. Correct"),
        "{nonsense:?}"
    );
    fs::write(&path, "[[ignore]]\nreason = 'moves away'\nuser_regex = 'nightly('\n").expect("a file");
    let pattern = judged(home.path(), &path, "json");
    let said = "policy.toml: line 3: \"nightly(\" is no valid pattern: unclosed group, in `ignore.user_regex`. Correct";
    assert!(pattern.err.contains(said), "{pattern:?}");
    for run in [absent, unknown, nonsense, pattern] {
        assert_eq!((run.status, run.out.as_str(), run.err.lines().count()), (2, "", 1));
    }
}

#[test]
fn nobody_vouches_for_evidence_that_was_not_read() {
    let home = TempDir::new().expect("a folder");
    let copy = home.path().join("copy");
    copy_bundle(&samples().join("fleet"), &copy, |_| true);
    let parts = copy.join("parts").read_dir().expect("parts").map(|entry| entry.expect("an entry").path());
    let of_payroll = |path: &PathBuf| path.to_string_lossy().contains(".payroll.");
    let facts = parts.filter(of_payroll).find(|path| path.extension().is_some_and(|name| name == "parquet"));
    fs::write(facts.expect("facts"), "PAR1").expect("a file");
    let mut command = ssl_usage(home.path());
    command.args(["analyze", "--format", "json", "--policy", "policy.toml", "--from"]).arg(&copy).args(WINDOW);
    let run = Run::of(&mut command);
    assert_eq!(run.status, 3, "{run:?}");
    let report = run.json();
    let payroll = instance(&report, "payroll");
    assert_eq!((&payroll["rotation"], &payroll["unproven"]), (&"required".into(), &true.into()));
    let codes: Vec<_> = payroll["reasons"].as_array().expect("reasons").iter().map(|reason| &reason["code"]).collect();
    assert!(codes.contains(&&"attestation-void".into()), "{codes:?}");
}
