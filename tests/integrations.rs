//! The formats for other systems: chat and mail, Prometheus, and consumers of OCSF.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};
use ssl_usage::bundle::{Scope, load};
use ssl_usage::problem::Problem;
use ssl_usage::progress::Silent;
use ssl_usage::report::{FORMATS, Format, Layout, Report};
use ssl_usage::verdict::Policy;
use ssl_usage::window::Window;
use tempfile::TempDir;

use crate::command::{Run, samples, ssl_usage};
use crate::fleet::WINDOW;
use crate::formats::hostile;

/// The report on the small fleet.
fn report() -> Report {
    let evidence = load(&[samples().join("fleet")], Scope::All).expect("a bundle");
    Report::new(&evidence, Window::days_before(evidence.collected_at, 3), Policy::default(), &Silent)
}

/// Names that ping people, fake links, or turn into markup in chat; and those that harm other formats.
fn names() -> Vec<String> {
    let chat = [
        "@channel",
        "<!here>",
        "<@U123>",
        "<http://evil.example|click>",
        "*bold*",
        "_x_",
        "~gone~",
        "`code`",
        "[click](http://evil.example)",
        ":bomb:",
        "www.evil.example",
        "mail@evil.example",
        "# title",
        "> quote",
        "{{DATE(2017-02-14T06:00:00Z)}}",
        "&lt;!here&gt;",
        "\\\"\n} 1",
        "a\rb\tc\0d",
        "zero\u{200b}width\u{2028}line\u{2066}",
    ];
    chat.into_iter().map(str::to_owned).chain(hostile().into_iter().map(|(name, _)| name)).collect()
}

/// The report on the small fleet, in which every name is hostile.
pub fn hostile_report() -> Report {
    let (mut report, names) = (report(), names());
    let mut rows: Vec<_> = report.instances.iter().cycle().take(names.len() * 2).cloned().collect();
    for (row, name) in rows.iter_mut().zip(names.iter().cycle()) {
        let id = &mut row.member.id;
        for field in [&mut id.account, &mut id.region, &mut id.instance, &mut id.arn, &mut row.engine, &mut row.status]
        {
            field.clone_from(name);
        }
        row.member.cluster = Some(name.clone());
        row.certificate.ca = Some(name.clone());
        row.reasons.iter_mut().for_each(|reason| reason.text = format!("{name}: {}", reason.text));
    }
    report.instances = rows;
    report.summary.errors = names.len() as u64;
    report.errors = names.iter().map(|name| problem(Some(name), Some(name), name)).collect();
    report.callers = names.iter().take(1).cloned().collect();
    report.filter = names.iter().flat_map(|name| ["--tag".to_owned(), name.clone()]).collect();
    for (collection, name) in report.collections.iter_mut().zip(&names) {
        collection.of.account = Some(name.clone());
        collection.of.region.clone_from(name);
    }
    report
}

fn problem(account: Option<&str>, region: Option<&str>, text: &str) -> Problem {
    let [account, region] = [account, region].map(|text| text.map(str::to_owned));
    let [subject, code, message] = [text; 3].map(str::to_owned);
    Problem { account, region, subject, call: None, code, message, aws_message: None, request_id: None }
}

/// A report in a format.
pub fn printed(report: &Report, format: &str, again: &[&str]) -> String {
    let again = again.iter().map(|word| (*word).to_owned()).collect();
    let (mut text, layout) = (Vec::new(), Layout { width: 100, again, ..Layout::default() });
    Format::named(FORMATS, format).expect("a format").write(report, &layout, &mut text).expect("printed");
    String::from_utf8(text).expect("UTF-8")
}

fn analyze(arguments: &[&str]) -> Run {
    let home = TempDir::new().expect("a folder");
    Run::of(ssl_usage(home.path()).arg("analyze").args(arguments))
}

#[test]
fn a_summary_has_no_mention_link_or_markup_of_others() {
    let text = printed(&hostile_report(), "summary", &["--from", "a folder", "--tag", "x=<!here>"]);
    assert!(text.lines().count() <= 15, "{text}");
    assert!(text.chars().all(|letter| letter == '\n' || letter == '…' || (' '..='~').contains(&letter)), "{text}");
    assert!(!text.contains(['<', '>', '&', '@', '*', '~', '[', ']', '#', '|', '!']), "{text}");
    assert!(!text.contains("://") && !text.contains("www.") && !text.contains("evil.example"), "{text}");
    let letters: Vec<char> = text.chars().collect();
    let in_word = |near: &[char]| near[1] != '_' || near[0].is_alphanumeric() && near[2].is_alphanumeric();
    assert!(letters.windows(3).all(in_word), "{text}");
    // Backticks and underlined words are ours.
    for line in text.lines().filter(|line| line.contains('`')) {
        let words: Vec<_> = line.split('`').collect();
        assert!(words.len() == 3 && words[1].starts_with("ssl-usage ") && !words[1].contains("--tag"), "{line}");
        assert!(line.ends_with("` with the options of this run"), "{line}");
    }
    assert!(text.contains(r#""\u{3c}\u{21}here\u{3e}""#) || text.contains(r#""\u{40}channel""#), "{text}");
}

#[test]
fn a_summary_names_what_is_due_first_in_any_order_of_the_instances() {
    let summary =
        |options: &[&str]| analyze(&[&["--from", "fleet", "--format", "summary"], &WINDOW[..], options].concat());
    let text = summary(&[]).out;
    let named: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("- ")).collect();
    assert!(named[0].starts_with("orders-legacy: 2024-08-22 (expired "), "{text}");
    assert_eq!((named.len(), named[5]), (6, "and 2 more"));
    assert_eq!(summary(&["--sort", "instance", "--group-by", "engine"]).out, text);
    for part in ["by \"user/test\"", "Inconclusive, by cause: logging off 2, ", "`ssl-usage plan --from fleet --days 3"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    let (one, none) = (summary(&["--instance", "wiki"]), summary(&["--instance", "nowhere"]));
    assert!(one.out.contains("filter: instance wiki\n") && !one.out.contains('`'), "{}", one.out);
    assert_eq!(none.status, 1);
    assert!(
        none.out.starts_with("Certificate rotation: no instance was judged\nPart of the fleet could not be read: 1 ")
    );
    let old = analyze(&["--from", "fleet", "--format", "summary", "--now", "2026-11-30T00:00:00Z"]);
    assert!(old.out.contains("collected 2026-11-23 00:00 UTC, 7 days ago, by "), "{}", old.out);
}

/// The samples of metrics: the series, and the value.
fn samples_of(text: &str) -> Vec<(&str, f64)> {
    let lines = text.strip_suffix("# EOF\n").expect("an end").lines().filter(|line| !line.starts_with("# "));
    lines
        .map(|line| line.rsplit_once(' ').expect("a sample"))
        .map(|(of, value)| (of, value.parse().expect("a number")))
        .collect()
}

/// The value of the series that begins so, if it is the only one.
fn value(text: &str, series: &str) -> Option<f64> {
    let found: Vec<_> = samples_of(text).into_iter().filter(|(of, _)| of.starts_with(series)).collect();
    match found[..] {
        [(_, value)] => Some(value),
        _ => None,
    }
}

#[test]
fn metrics_say_what_the_report_says_and_nothing_that_is_unknown() {
    let (report, text) = (report(), printed(&report(), "openmetrics", &[]));
    for row in &report.instances {
        let id = row.id();
        let of = |metric: &str, label: &str| {
            let of_region = format!("account=\"{}\",region=\"{}\"", id.account, id.region);
            format!(
                "ssl_usage_{metric}{{{of_region},db_instance=\"{}\",engine=\"{}\"{label}}}",
                id.instance, row.engine
            )
        };
        let known = |metric: &str| value(&text, &of(metric, ""));
        let seconds = |time: Option<Timestamp>| time.map(|time| time.as_second() as f64);
        assert_eq!(known("act_by_timestamp_seconds"), seconds(row.act_by));
        assert_eq!(known("certificate_end_timestamp_seconds"), seconds(row.certificate.valid_till));
        assert_eq!(known("ca_end_timestamp_seconds"), seconds(row.certificate.ca_valid_till));
        assert_eq!(known("inconclusive"), Some(f64::from(u8::from(row.unproven))));
        assert_eq!(value(&text, &of("rotation", &format!(",rotation=\"{}\"", row.rotation))), Some(1.0));
        assert_eq!(known("log_coverage_ratio"), row.coverage.asked.map(|_| row.coverage.share));
        let tls = value(&text, &of("client_sessions", ",transport=\"tls\""));
        let sessions = row.connections.clients_sessions.tls;
        let is_known = sessions > 0 || row.coverage.share > 0.0;
        assert_eq!(tls, is_known.then_some(sessions as f64), "{}", id.instance);
    }
    assert_eq!(value(&text, "ssl_usage_instances{rotation=\"required\",inconclusive=\"true\"}"), Some(6.0));
    assert_eq!(value(&text, "ssl_usage_evidence_oldest_timestamp_seconds"), value(&text, "ssl_usage_evidence_newest"));
    let no_zero_time = samples_of(&text).iter().all(|(of, value)| !of.contains("_timestamp_") || *value > 0.0);
    assert!(no_zero_time && !text.contains("orders_pool"), "no time is 0, and no client is named");
}

#[test]
fn metrics_of_a_failed_run_say_so() {
    let run = analyze(&["--from", "nowhere", "--format", "openmetrics"]);
    assert_eq!((run.status, value(&run.out, "ssl_usage_errors")), (1, Some(1.0)), "{run:?}");
    assert!(run.err.contains("no such bundle"), "{}", run.err);
    for absent in ["ssl_usage_instances", "ssl_usage_evidence", "ssl_usage_rotation", "ssl_usage_collection"] {
        assert!(!run.out.contains(absent), "{absent}: {}", run.out);
    }
}

/// No series twice, each metric in one piece, and nothing but samples and comments.
fn is_well_formed(text: &str) -> Result<(), String> {
    let (mut series, mut metrics, mut last) = (BTreeSet::new(), BTreeSet::new(), "");
    for (of, _) in samples_of(text) {
        let metric = of.split('{').next().unwrap_or(of);
        let is_new = metric != last && !metrics.insert(metric);
        last = metric;
        if is_new || !metric.starts_with("ssl_usage_") || !series.insert(of) {
            return Err(of.to_owned());
        }
    }
    Ok(())
}

#[test]
fn hostile_names_make_no_other_metrics() {
    let report = hostile_report();
    let text = printed(&report, "openmetrics", &[]);
    is_well_formed(&text).expect("unique series");
    let info = text.lines().filter(|line| line.starts_with("ssl_usage_instance_info{")).count();
    assert_eq!(info, report.instances.len());
    assert!(text.contains(r#"db_instance="\\\"\n} 1",engine="#), "{text}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn no_series_is_there_twice_and_no_finding(names in prop::collection::vec("[ab\",\n\\\\]{0,2}", 24 * 5)) {
        let mut report = report();
        for (row, names) in report.instances.iter_mut().zip(names.chunks(5)) {
            let id = &mut row.member.id;
            let fields = [&mut id.account, &mut id.region, &mut id.instance, &mut id.arn, &mut row.engine];
            fields.into_iter().zip(names).for_each(|(field, name)| field.clone_from(name));
        }
        prop_assert_eq!(is_well_formed(&printed(&report, "openmetrics", &[])), Ok(()));
        let findings = findings(&report);
        let all: BTreeSet<_> = findings.iter().map(|finding| finding["finding_info"]["uid"].to_string()).collect();
        prop_assert_eq!(all.len(), findings.len());
    }
}

/// Instances that differ only by their ARNs have the same numbers at any order.
#[test]
fn instances_that_differ_only_by_arn_keep_their_series() {
    let mut report = report();
    let mut twin = report.instances[0].clone();
    twin.member.id.arn += "-2";
    report.instances.insert(0, twin);
    let lines = |report: &Report| -> BTreeSet<String> {
        let text = printed(report, "openmetrics", &[]);
        is_well_formed(&text).expect("unique series");
        text.lines().map(str::to_owned).collect()
    };
    let before = lines(&report);
    assert_eq!(before.iter().filter(|line| line.contains(",copy=\"2\"")).count(), 15, "{before:#?}");
    report.instances.reverse();
    assert_eq!(lines(&report), before);
}

fn findings(report: &Report) -> Vec<Value> {
    serde_json::from_str(&printed(report, "ocsf", &[])).expect("an array")
}

/// The results of findings by identifier.
fn results(findings: &[Value]) -> BTreeMap<&str, &str> {
    findings
        .iter()
        .map(|finding| {
            let uid = finding["finding_info"]["uid"].as_str().expect("an identifier");
            (uid, finding["compliance"]["status"].as_str().expect("a result"))
        })
        .collect()
}

#[test]
fn a_finding_passes_only_where_no_rotation_is_needed() {
    let report = report();
    let findings = findings(&report);
    let results = results(&findings);
    for row in &report.instances {
        let expected = match (row.rotation.name(), row.unproven) {
            (_, true) => "Warning",
            ("optional", false) => "Pass",
            _ => "Fail",
        };
        assert_eq!(results[format!("ssl-usage/rotation/{}", row.id().arn).as_str()], expected);
    }
    assert_eq!(results["ssl-usage/evidence/run"], "Pass");
    assert_eq!(results["ssl-usage/evidence/123456789012/eu-west-1"], "Pass");
    for finding in &findings {
        let is_pass = finding["compliance"]["status"] == "Pass";
        let (activity, kind) = if is_pass { ("Close", 200_303) } else { ("Create", 200_301) };
        assert_eq!((&finding["activity_name"], &finding["type_uid"]), (&json!(activity), &json!(kind)));
        assert_eq!(finding["status"], if is_pass { "Resolved" } else { "New" });
        assert_eq!(finding["severity"] == "Informational", is_pass, "{finding:#}");
    }
    let severity = |name: &str| {
        let of = |finding: &&Value| finding["resources"][0]["name"] == name;
        findings.iter().find(of).expect("a finding")["severity"].as_str().expect("a severity")
    };
    assert_eq!(
        ["orders-legacy", "orders-prod", "shop", "intranet", "wiki"].map(severity),
        ["Critical", "High", "Medium", "Low", "Informational"]
    );
}

#[test]
fn findings_of_a_later_run_replace_those_of_an_earlier_one() {
    let run = |now: &str| analyze(&["--from", "fleet", "--days", "3", "--now", now, "--format", "ocsf"]).json();
    let uids = |findings: &Value| -> Vec<Value> {
        findings.as_array().expect("an array").iter().map(|finding| finding["finding_info"]["uid"].clone()).collect()
    };
    let (mut before, mut after) = (uids(&run("2026-11-23T00:00:00Z")), uids(&run("2026-11-23T06:00:00Z")));
    before.sort_by_key(Value::to_string);
    after.sort_by_key(Value::to_string);
    assert_eq!(before, after);
}

#[test]
fn findings_show_what_could_not_be_read() {
    let run = analyze(&["--from", "nowhere", "--format", "ocsf"]);
    let findings = run.json();
    assert_eq!((run.status, findings.as_array().map(Vec::len)), (1, Some(1)), "{run:?}");
    assert_eq!(findings[0]["compliance"]["status"], "Warning");
    assert!(
        findings[0]["compliance"]["status_details"][0].as_str().is_some_and(|text| text.contains("no such bundle"))
    );

    let mut report = report();
    report.errors.push(problem(Some("123456789012"), Some("eu-west-3"), "denied"));
    let known = |report: &Report| {
        let findings = self::findings(report);
        let results = results(&findings);
        ["run", "123456789012/eu-west-3", "123456789012/eu-west-1"]
            .map(|of| results[format!("ssl-usage/evidence/{of}").as_str()].to_owned())
    };
    assert_eq!(known(&report), ["Warning", "Warning", "Pass"]);
    // What names no account or region may concern any.
    report.errors.push(problem(None, None, "a file is damaged"));
    assert_eq!(known(&report), ["Warning", "Warning", "Warning"]);
}

#[test]
fn findings_stay_within_the_limits_of_security_hub() {
    let findings = findings(&hostile_report());
    let longest = |path: &str| {
        let texts = findings.iter().filter_map(|finding| finding.pointer(path)?.as_str());
        texts.map(|text| text.chars().count()).max().unwrap_or_default()
    };
    for (path, most) in [
        ("/finding_info/uid", 512),
        ("/finding_info/title", 256),
        ("/finding_info/desc", 1024),
        ("/message", 1024),
        ("/remediation/desc", 512),
    ] {
        assert!((1..=most).contains(&longest(path)), "{path}: {}", longest(path));
    }
    let bytes = findings.iter().map(|finding| finding.to_string().len()).max().unwrap_or_default();
    assert!(bytes < 240_000, "{bytes}");
    // Text for people has no control characters; identifiers are exact.
    let text = |finding: &Value| finding["message"].as_str().expect("a message").to_owned();
    assert!(findings.iter().map(text).all(|text| !text.contains(|letter: char| letter.is_control())));
    assert!(findings.iter().any(|finding| finding["resources"][0]["name"] == "\\\"\n} 1"));
    assert!(findings.iter().any(|finding| text(finding).ends_with('…')), "what is cut says so");
}

#[test]
fn a_summary_tells_regions_apart_and_counts_errors() {
    let mut report = report();
    report.instances[1].member.id.region = "us-east-1".to_owned();
    report.instances[2].act_by = None;
    report.errors = vec![problem(None, None, "denied"), problem(None, None, "<!here>")];
    report.summary.errors = 2;
    let text = printed(&report, "summary", &["--from", "evidence"]);
    for part in [
        "Part of the fleet could not be read: 2 problems (\"\\u{3c}\\u{21}here\\u{3e}\" 1, denied 1)\n",
        "- orders-prod (account 123456789012, region us-east-1): 2026-12-13 (in 20 days)\n",
        "Covers account 123456789012; regions eu-west-1, us-east-1; ",
        "Plan the rotation: `ssl-usage plan --from evidence --format sh`\n",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(text.lines().all(|line| line.chars().count() < 160) && !text.contains("- ledger"), "{text}");
}
