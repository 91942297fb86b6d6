//! OCSF: an array of Compliance Findings, one for each instance, each account and region, and the run.
//!
//! The class is that of checks of resources, with results for "passed", "failed" and "not enough information". The version
//! is that of AWS Security Hub. The array is one document: a part of it is no JSON, so that no truncated file looks whole.
//! An identifier is that of the resource and the check, so that the next run replaces a finding and closes it.
//!
//! Sources: <https://github.com/ocsf/ocsf-schema>, version 1.6.0, `compliance_finding`; "Security Hub and the Open
//! Cybersecurity Schema Framework" for the version; "OCSF findings in Security Hub" for `Close` and `modified_time_dt`;
//! `OcsfFindingIdentifier` of its API for what identifies a finding.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Report;
use super::escape::{cut, terminal};
use super::model::Instance;
use super::summary::no_commands;
use crate::inventory::InstanceId;
use crate::problem::{Problem, grouped};
use crate::shell::command;
use crate::text::{accounts_and_regions, plural};
use crate::verdict::Rotation;

const VERSION: &str = "1.6.0";

/// `class_uid` of Compliance Findings.
const CLASS: u32 = 2003;

/// Most characters of identifiers, titles, descriptions and remediations: a finding that a program converts to the AWS
/// Security Finding Format keeps them.
///
/// Source: API reference of Security Hub CSPM, `AwsSecurityFinding` and `Recommendation`.
const LONGEST_ID: usize = 512;
const LONGEST_TEXT: usize = 1024;
const LONGEST_REMEDIATION: usize = 512;

/// Most errors that a finding has in words.
const NAMED: usize = 20;

/// Days before which a rotation is of high severity.
const SOON: i64 = 30;

/// A check: its identifier, the title of its findings, and what it is about.
struct Check {
    id: &'static str,
    title: &'static str,
    about: &'static str,
}

const ROTATION: Check = Check {
    id: "rotation",
    title: "Server certificates of RDS, Aurora, DocumentDB and Neptune should not need rotation",
    about: "Clients that use TLS fail when the server certificate or its CA expires.",
};

const EVIDENCE: Check = Check {
    id: "evidence",
    title: "ssl-usage should be able to read all evidence on TLS usage",
    about: "Instances whose evidence cannot be read are missing in the findings, or inconclusive.",
};

/// The result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Pass,
    Warning,
    Fail,
}

impl Outcome {
    /// `compliance.status_id` and its caption.
    fn status(self) -> (u8, &'static str) {
        match self {
            Self::Pass => (1, "Pass"),
            // "The compliance check did not yield a result due to missing information."
            Self::Warning => (2, "Warning"),
            Self::Fail => (3, "Fail"),
        }
    }

    /// `activity_id` and its caption. Each run creates its findings again, for it does not know of earlier ones.
    fn activity(self) -> (u32, &'static str) {
        if self == Self::Pass { (3, "Close") } else { (1, "Create") }
    }

    /// `status_id` of the finding, and its caption.
    fn lifecycle(self) -> (u8, &'static str) {
        if self == Self::Pass { (4, "Resolved") } else { (1, "New") }
    }
}

/// Severities, with their captions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Severity {
    Informational = 1,
    Low,
    Medium,
    High,
    Critical,
}

/// What differs between findings.
struct Finding<'r> {
    check: &'static Check,
    /// What the check is of, in its identifier.
    of: String,
    outcome: Outcome,
    severity: Severity,
    account: Option<&'r str>,
    region: Option<&'r str>,
    /// What was found, in one line.
    message: String,
    /// The code that decided, and all that was found in words.
    code: Option<&'r str>,
    details: Vec<String>,
    seen: Option<Timestamp>,
    resources: Value,
    remediation: Value,
    unmapped: Value,
}

pub(super) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let findings = of_evidence(report).into_iter().chain(report.instances.iter().map(|row| of_instance(report, row)));
    let mut known = BTreeMap::new();
    let mut before = "[\n";
    for finding in findings {
        out.write_all(before.as_bytes())?;
        serde_json::to_writer(&mut *out, &event(report, finding, &mut known))?;
        before = ",\n";
    }
    writeln!(out, "\n]")
}

/// The finding as an event.
fn event(report: &Report, finding: Finding, known: &mut BTreeMap<String, u64>) -> Value {
    let Finding { check, outcome, account, region, .. } = finding;
    let ((activity_id, activity), (status_id, status)) = (outcome.activity(), outcome.lifecycle());
    let (compliance_id, compliance) = outcome.status();
    let (time, time_dt) = (report.generated_at.as_millisecond(), report.generated_at.to_string());
    let message = cut(&terminal(&finding.message), LONGEST_TEXT);
    let details: Vec<_> = finding.details.iter().map(|text| cut(&terminal(text), LONGEST_TEXT)).collect();
    let mut event = json!({
        "activity_id": activity_id,
        "activity_name": activity,
        "category_name": "Findings",
        "category_uid": 2,
        "class_name": "Compliance Finding",
        "class_uid": CLASS,
        "cloud": {
            "account": account.map(|uid| json!({"uid": uid, "type": "AWS Account", "type_id": 10})),
            "provider": "AWS",
            "region": region,
        },
        "compliance": {
            "control": check.id,
            "desc": check.about,
            "status": compliance,
            "status_code": finding.code.map(terminal),
            "status_details": (!details.is_empty()).then_some(details),
            "status_id": compliance_id,
        },
        "finding_info": {
            "analytic": {"name": check.title, "type": "Rule", "type_id": 1, "uid": check.id, "version": report.tool_version},
            "desc": cut(&format!("{message}. {}", check.about), LONGEST_TEXT),
            "last_seen_time": finding.seen.map(Timestamp::as_millisecond),
            "last_seen_time_dt": finding.seen.map(|seen| seen.to_string()),
            "modified_time": time,
            "modified_time_dt": time_dt,
            "title": check.title,
            "uid": identifier(check, &finding.of, known),
        },
        "message": message,
        "metadata": {
            "event_code": check.id,
            "product": {"name": "ssl-usage", "uid": "ssl-usage", "vendor_name": "ssl-usage", "version": report.tool_version},
            "profiles": ["cloud", "datetime"],
            "version": VERSION,
        },
        "remediation": finding.remediation,
        "resources": finding.resources,
        "severity": format!("{:?}", finding.severity),
        "severity_id": finding.severity as u8,
        "status": status,
        "status_id": status_id,
        "time": time,
        "time_dt": time_dt,
        "type_name": format!("Compliance Finding: {activity}"),
        "type_uid": CLASS * 100 + activity_id,
        "unmapped": finding.unmapped,
    });
    without_nulls(&mut event);
    event
}

/// What identifies a finding. No two are alike: one that passes would hide one that fails.
fn identifier(check: &Check, of: &str, known: &mut BTreeMap<String, u64>) -> String {
    // A suffix needs room.
    let first = cut(&format!("ssl-usage/{}/{of}", check.id), LONGEST_ID - 8);
    let times = known.entry(first.clone()).or_default();
    *times += 1;
    if *times > 1 { format!("{first}/{times}") } else { first }
}

/// What is not known is left out.
fn without_nulls(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(without_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(without_nulls),
        _ => {}
    }
}

/// An account, if it is known, and a region.
type Region<'r> = (Option<&'r str>, &'r str);

/// Whether all evidence could be read: in the run, and of each account and region.
fn of_evidence(report: &Report) -> Vec<Finding<'_>> {
    let collected = report.collections.iter().map(|it| (it.of.account.as_deref(), it.of.region.as_str()));
    let failed = report.errors.iter().filter_map(|it| Some((Some(it.account.as_deref()?), it.region.as_deref()?)));
    let regions: BTreeSet<Region> = collected.chain(failed).collect();
    [None].into_iter().chain(regions.into_iter().map(Some)).map(|of| evidence(report, of)).collect()
}

/// Whether a problem may concern an account and region. One that names no account or no region may concern any.
fn concerns(problem: &Problem, (account, region): Region) -> bool {
    let is_of = |known: &Option<String>, of: Option<&str>| known.is_none() || of.is_none() || known.as_deref() == of;
    is_of(&problem.account, account) && is_of(&problem.region, Some(region))
}

/// Whether all evidence of an account and region could be read, or all of the run.
fn evidence<'r>(report: &'r Report, of: Option<Region<'r>>) -> Finding<'r> {
    let (account, region) = of.map_or((None, None), |(account, region)| (account, Some(region)));
    let problems = report.errors.iter().filter(|problem| of.is_none_or(|of| concerns(problem, of)));
    let problems: Vec<_> = problems.collect();
    let collections = report.collections.iter();
    let collections = collections.filter(|it| of.is_none_or(|of| of == (it.of.account.as_deref(), &it.of.region)));
    let is_whole = problems.is_empty();
    let what = of.map_or_else(|| "The run".to_owned(), |of| capitalized(&accounts_and_regions([of])));
    let found = if is_whole { "all evidence was read".to_owned() } else { plural(problems.len() as u64, "problem") };
    let groups = grouped(problems.iter().copied());
    let more = groups.len().checked_sub(NAMED).filter(|more| *more > 0).map(|more| format!("and {more} more"));
    Finding {
        check: &EVIDENCE,
        of: region.map_or_else(|| "run".to_owned(), |region| format!("{}/{region}", account.unwrap_or("unknown"))),
        outcome: if is_whole { Outcome::Pass } else { Outcome::Warning },
        severity: if is_whole { Severity::Informational } else { Severity::Medium },
        account,
        region,
        message: format!("{what}: {found}"),
        code: problems.first().map(|problem| problem.code.as_str()),
        details: groups.iter().take(NAMED).map(ToString::to_string).chain(more).collect(),
        seen: collections.map(|it| it.collected_at).min(),
        resources: Value::Null,
        remediation: match is_whole {
            true => Value::Null,
            false => json!({"desc": "Follow the details of this finding, and run ssl-usage again."}),
        },
        unmapped: json!({"not_listed": report.not_listed}),
    }
}

/// A text with a capital letter at its beginning.
fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

/// The verdict on an instance.
fn of_instance<'r>(report: &'r Report, row: &'r Instance) -> Finding<'r> {
    let outcome = match (row.rotation, row.unproven) {
        (_, true) => Outcome::Warning,
        (Rotation::Required | Rotation::Deferrable, false) => Outcome::Fail,
        (Rotation::Optional, false) => Outcome::Pass,
    };
    let InstanceId { account, region, instance, arn } = row.id();
    let by = row.act_by.map(|date| format!(" by {}", date.strftime("%Y-%m-%d"))).unwrap_or_default();
    let what = match (row.rotation, row.unproven) {
        (Rotation::Required, false) => format!("must rotate{by}"),
        (Rotation::Required, true) => format!("is inconclusive and must rotate{by}"),
        (Rotation::Deferrable, false) => format!("can wait for its next restart{by}"),
        (Rotation::Deferrable, true) => {
            format!("is inconclusive, and by an attestation can wait for its next restart{by}")
        }
        (Rotation::Optional, _) => "needs no rotation".to_owned(),
    };
    let why = row.reasons.first().map_or("", |reason| reason.text.trim_end_matches('.'));
    Finding {
        check: &ROTATION,
        of: arn.clone(),
        outcome,
        severity: severity(report, row),
        account: Some(account),
        region: Some(region),
        message: format!("{instance} {what}: {why}"),
        code: row.reasons.first().map(|reason| reason.code.code()),
        details: row.reasons.iter().map(|reason| format!("{}: {}", reason.code, reason.text)).collect(),
        seen: Some(row.collected_at),
        resources: json!([resource(row)]),
        remediation: remediation(report, row, &by),
        unmapped: unmapped(report, row),
    }
}

/// How urgent a rotation is when the window ends. An unknown date may be near.
fn severity(report: &Report, row: &Instance) -> Severity {
    let days = row.act_by.map(|date| report.generated_at.duration_until(date).as_hours().div_euclid(24));
    match (row.rotation, days) {
        (Rotation::Optional, _) => Severity::Informational,
        (Rotation::Deferrable, _) => Severity::Low,
        (Rotation::Required, Some(..0)) => Severity::Critical,
        (Rotation::Required, None | Some(..SOON)) => Severity::High,
        (Rotation::Required, Some(_)) => Severity::Medium,
    }
}

fn resource(row: &Instance) -> Value {
    let InstanceId { account, region, instance, arn } = row.id();
    let of_arn: Vec<_> = arn.splitn(7, ':').collect();
    let partition = of_arn.get(1).filter(|_| of_arn.first() == Some(&"arn"));
    // A row of a cluster without instances is that of the cluster.
    let is_cluster = of_arn.get(5) == Some(&"cluster");
    json!({
        "cloud_partition": partition,
        "group": row.cluster().map(|name| json!({"name": name, "type": "cluster"})),
        "labels": [format!("engine:{}", row.engine), format!("status:{}", row.status)],
        "name": instance,
        "owner": {"account": {"uid": account, "type": "AWS Account", "type_id": 10}},
        "region": region,
        "type": if is_cluster { "AWS::RDS::DBCluster" } else { "AWS::RDS::DBInstance" },
        "uid": arn,
        "version": row.engine_version,
    })
}

/// What to do, and where AWS describes it.
fn remediation(report: &Report, row: &Instance, by: &str) -> Value {
    let is_late = row.act_by.is_some_and(|date| date <= report.generated_at);
    let rotate = if is_late { "Rotate the certificate now: it was due" } else { "Rotate the certificate" };
    let doubt = "or find out what makes the evidence inconclusive: `ssl-usage preflight` lists what to enable.";
    let what = match (row.rotation, row.unproven) {
        (Rotation::Optional, _) => return Value::Null,
        (Rotation::Required, true) => format!("{rotate}{by}, {doubt}"),
        (Rotation::Required, false) => format!("{rotate}{by}."),
        (Rotation::Deferrable, _) => format!("Stage the new certificate{by}. It becomes active at the next restart."),
    };
    let why_not = no_commands(row);
    let why_not = why_not.as_deref().map(|why| capitalized(why.trim_start_matches("none: ")));
    let how = why_not.unwrap_or_else(|| "`ssl-usage plan --format sh` prints the commands.".to_owned());
    let guide = match row.engine.as_str() {
        "docdb" => "https://docs.aws.amazon.com/documentdb/latest/developerguide/ca_cert_rotation.html",
        engine if engine.starts_with("aurora") => {
            "https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/UsingWithRDS.SSL-certificate-rotation.html"
        }
        _ => "https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.SSL-certificate-rotation.html",
    };
    json!({"desc": cut(&terminal(&format!("{what} {how}")), LONGEST_REMEDIATION), "references": [guide]})
}

/// What OCSF has no attribute for, in the names of the JSON report.
fn unmapped(report: &Report, row: &Instance) -> Value {
    json!({
        "act_by": row.act_by,
        "caller": row.caller,
        "certificate": row.certificate,
        "collected_at": row.collected_at,
        "commands": row.commands.iter().map(command).collect::<Vec<_>>(),
        "coverage": row.coverage.share,
        "enforcement": row.enforcement,
        "errors_in_run": report.summary.errors,
        "evidence": row.evidence,
        "judged_coverage": row.coverage.judged_share,
        "reasons": row.reasons.iter().map(|reason| reason.code).collect::<Vec<_>>(),
        "restart": row.restart,
        "rotation": row.rotation,
        "unproven": row.unproven,
        "usage": row.usage,
        "window": report.window,
    })
}
