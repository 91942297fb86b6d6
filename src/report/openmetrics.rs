//! OpenMetrics, of a kind that is the Prometheus text format too: node exporter's textfile collector reads that one.
//!
//! All metrics are gauges without timestamps, for the collector rejects files with timestamps, and the older format has no
//! state sets and no info. `# UNIT` and `# EOF` are comments in it. What is not known has no sample: a 0 would be a claim.
//!
//! The label `instance` would be renamed when Prometheus adds its own, so that of a database is `db_instance`.
//!
//! Sources: "OpenMetrics 1.0", "Exposition formats" and `scrape_config` (`honor_labels`) of Prometheus; node exporter,
//! `collector/textfile.go`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Write};

use jiff::Timestamp;

use super::Report;
use super::model::Instance;
use crate::verdict::Rotation;

/// A label: its name and value.
type Label<'r> = (&'static str, Cow<'r, str>);

/// A sample: the labels besides those of the instance, and the value.
type Sample<'r> = (Vec<Label<'r>>, f64);

/// What a metric has samples of.
enum Of {
    /// Each instance, with the labels of the instance.
    Instance(for<'r> fn(&'r Instance) -> Vec<Sample<'r>>),
    /// The report.
    Report(for<'r> fn(&'r Report) -> Vec<Sample<'r>>),
}

/// A metric: its name, which ends in its unit where it has one, and what it says.
struct Metric {
    name: &'static str,
    unit: &'static str,
    help: &'static str,
    of: Of,
}

impl Metric {
    const fn of_instance(
        name: &'static str,
        unit: &'static str,
        help: &'static str,
        of: for<'r> fn(&'r Instance) -> Vec<Sample<'r>>,
    ) -> Self {
        Self { name, unit, help, of: Of::Instance(of) }
    }

    const fn of_report(
        name: &'static str,
        unit: &'static str,
        help: &'static str,
        of: for<'r> fn(&'r Report) -> Vec<Sample<'r>>,
    ) -> Self {
        Self { name, unit, help, of: Of::Report(of) }
    }
}

const METRICS: &[Metric] = &[
    Metric::of_instance("ssl_usage_instance_info", "", "An instance: version, cluster, CA and ARN.", info),
    Metric::of_instance("ssl_usage_rotation", "", "1 for the verdict: required, deferrable or optional.", |row| {
        state("rotation", row.rotation.name())
    }),
    Metric::of_instance(
        "ssl_usage_inconclusive",
        "",
        "1 if the evidence does not show whether TLS is used. The rotation is then required, or deferrable by an attestation.",
        |row| vec![flag(row.unproven)],
    ),
    Metric::of_instance(
        "ssl_usage_tls_usage",
        "",
        "1 for the state that applies: in_use, not_observed, ruled_out or undetermined (inconclusive).",
        |row| state("usage", row.usage.name()),
    ),
    Metric::of_instance(
        "ssl_usage_enforcement",
        "",
        "1 for what enforcing TLS does: safe, breaks (clients without TLS) or unknown.",
        |row| state("enforcement", row.enforcement.name()),
    ),
    Metric::of_instance(
        "ssl_usage_act_by_timestamp_seconds",
        "seconds",
        "Date by which the certificate must be rotated.",
        |row| time(row.act_by),
    ),
    Metric::of_instance(
        "ssl_usage_certificate_end_timestamp_seconds",
        "seconds",
        "End of the server certificate.",
        |row| time(row.certificate.valid_till),
    ),
    Metric::of_instance("ssl_usage_ca_end_timestamp_seconds", "seconds", "End of the CA of the certificate.", |row| {
        time(row.certificate.ca_valid_till)
    }),
    Metric::of_instance(
        "ssl_usage_log_coverage_ratio",
        "ratio",
        "Share of the window that the logs cover, 0 to 1.",
        |row| row.coverage.asked.iter().map(|_| (vec![], row.coverage.share)).collect(),
    ),
    Metric::of_instance(
        "ssl_usage_judged_log_coverage_ratio",
        "ratio",
        "Share of the judged part of the window that the logs cover, 0 to 1.",
        |row| row.coverage.judged.iter().map(|_| (vec![], row.coverage.judged_share)).collect(),
    ),
    Metric::of_instance(
        "ssl_usage_client_sessions",
        "",
        "Client sessions in the window, by transport. No 0 if the logs cover nothing.",
        sessions,
    ),
    Metric::of_report("ssl_usage_instances", "", "Instances by verdict.", counts),
    Metric::of_report("ssl_usage_errors", "", "Errors of the run: what could not be read.", |report| {
        vec![(vec![], report.summary.errors as f64)]
    }),
    Metric::of_report(
        "ssl_usage_collection_timestamp_seconds",
        "seconds",
        "When the evidence of an account and region was collected, or the oldest part of it.",
        collections,
    ),
    Metric::of_report(
        "ssl_usage_evidence_oldest_timestamp_seconds",
        "seconds",
        "When the oldest evidence was collected.",
        |report| time(report.oldest()),
    ),
    Metric::of_report(
        "ssl_usage_evidence_newest_timestamp_seconds",
        "seconds",
        "When the newest evidence was collected.",
        |report| time(report.collected_at),
    ),
    Metric::of_report(
        "ssl_usage_evidence_verified",
        "",
        "1 if all files were checked against their digests.",
        |report| report.oldest().map(|_| flag(report.evidence.verified)).into_iter().collect(),
    ),
    Metric::of_report("ssl_usage_window_from_timestamp_seconds", "seconds", "Start of the window.", |report| {
        time(Some(report.window.from))
    }),
    Metric::of_report("ssl_usage_window_to_timestamp_seconds", "seconds", "End of the window.", |report| {
        time(Some(report.window.to))
    }),
    Metric::of_report("ssl_usage_build_info", "", "Version of ssl-usage.", |report| {
        state("version", report.tool_version)
    }),
];

pub(super) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let instances = identities(report);
    for metric in METRICS {
        let mut is_first = true;
        let mut write = |of: &str, samples: Vec<Sample>, out: &mut dyn Write| {
            for (labels, value) in samples {
                if std::mem::take(&mut is_first) {
                    head(metric, out)?;
                }
                let own = labels.iter().map(|label| label_text(label)).collect::<Vec<_>>().join(",");
                let all: Vec<_> = [of, &own].into_iter().filter(|labels| !labels.is_empty()).collect();
                let all = if all.is_empty() { String::new() } else { format!("{{{}}}", all.join(",")) };
                writeln!(out, "{}{all} {value}", metric.name)?;
            }
            io::Result::Ok(())
        };
        match metric.of {
            Of::Report(of) => write("", of(report), out)?,
            Of::Instance(of) => {
                for (row, labels) in report.instances.iter().zip(&instances) {
                    write(labels, of(row), out)?;
                }
            }
        }
    }
    writeln!(out, "# EOF")
}

fn head(metric: &Metric, out: &mut dyn Write) -> io::Result<()> {
    let Metric { name, unit, help, .. } = metric;
    writeln!(out, "# TYPE {name} gauge")?;
    if !unit.is_empty() {
        writeln!(out, "# UNIT {name} {unit}")?;
    }
    writeln!(out, "# HELP {name} {help}")
}

fn label_text((name, value): &Label) -> String {
    format!("{name}=\"{}\"", escaped(value))
}

/// The value of a label, as both formats have it. Every other character may stand there.
///
/// Source: "OpenMetrics 1.0", section "Escaping" and `escaped-string` of its ABNF.
fn escaped(value: &str) -> String {
    value.replace('\\', r"\\").replace('"', r#"\""#).replace('\n', r"\n")
}

/// The labels of each instance. Instances that are alike in them are told apart by a number, in the order of their ARNs, so
/// that no series stands there twice: the collector would reject all metrics.
fn identities(report: &Report) -> Vec<String> {
    let labels = |row: &Instance| {
        let id = row.id();
        let labels =
            [("account", &id.account), ("region", &id.region), ("db_instance", &id.instance), ("engine", &row.engine)];
        labels.map(|(name, value)| label_text(&(name, Cow::Borrowed(value)))).join(",")
    };
    let mut all: Vec<String> = report.instances.iter().map(labels).collect();
    let mut order: Vec<_> = report.instances.iter().map(|row| &row.id().arn).zip(&mut all).collect();
    order.sort_by_key(|(arn, _)| *arn);
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    for (_, labels) in order {
        let times = seen.entry(labels.clone()).or_default();
        *times += 1;
        if *times > 1 {
            *labels += &format!(",copy=\"{times}\"");
        }
    }
    all
}

/// A state, as the one that is so.
fn state<'r>(name: &'static str, state: &'r str) -> Vec<Sample<'r>> {
    vec![(vec![(name, state.into())], 1.0)]
}

fn flag<'r>(flag: bool) -> Sample<'r> {
    (vec![], f64::from(u8::from(flag)))
}

/// A time, if it is known.
fn time<'r>(time: Option<Timestamp>) -> Vec<Sample<'r>> {
    time.into_iter().map(|time| (vec![], time.as_second() as f64)).collect()
}

fn info(row: &Instance) -> Vec<Sample<'_>> {
    let text = |text: &Option<String>| text.clone().unwrap_or_default().into();
    let labels = vec![
        ("engine_version", row.engine_version.as_str().into()),
        ("cluster", row.cluster().unwrap_or_default().into()),
        ("ca", text(&row.certificate.ca)),
        ("arn", row.id().arn.as_str().into()),
    ];
    vec![(labels, 1.0)]
}

/// The sessions of clients. A transport without any has a sample only if the logs cover a part of the window.
fn sessions(row: &Instance) -> Vec<Sample<'_>> {
    let sessions = &row.connections.clients_sessions;
    let counts = [
        ("tls", sessions.tls),
        ("plaintext", sessions.plaintext),
        ("local", sessions.local),
        ("unknown", sessions.unknown),
        ("gss", sessions.gss),
    ];
    let is_known = |(_, count): &(&str, u64)| *count > 0 || row.coverage.share > 0.0;
    let sample = |(transport, count): (&'static str, u64)| (vec![("transport", transport.into())], count as f64);
    counts.into_iter().filter(is_known).map(sample).collect()
}

/// The instances by verdict, if anything was collected.
fn counts(report: &Report) -> Vec<Sample<'_>> {
    let summary = &report.summary;
    let counts = [
        (Rotation::Required, false, summary.required - summary.unproven),
        (Rotation::Required, true, summary.unproven),
        (Rotation::Deferrable, false, summary.deferrable - summary.attested),
        (Rotation::Deferrable, true, summary.attested),
        (Rotation::Optional, false, summary.optional),
    ];
    let sample = |(rotation, inconclusive, count): (Rotation, bool, u64)| {
        let inconclusive = if inconclusive { "true" } else { "false" };
        (vec![("rotation", rotation.name().into()), ("inconclusive", inconclusive.into())], count as f64)
    };
    if report.collections.is_empty() { vec![] } else { counts.into_iter().map(sample).collect() }
}

/// When each account and region was collected; the oldest, if there are several collections of one.
fn collections(report: &Report) -> Vec<Sample<'_>> {
    let mut oldest: BTreeMap<(&str, &str), Timestamp> = BTreeMap::new();
    for collection in &report.collections {
        let of = (collection.of.account.as_deref().unwrap_or_default(), collection.of.region.as_str());
        let at = oldest.entry(of).or_insert(collection.collected_at);
        *at = (*at).min(collection.collected_at);
    }
    oldest
        .into_iter()
        .map(|((account, region), at)| {
            (vec![("account", account.into()), ("region", region.into())], at.as_second() as f64)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{METRICS, escaped};

    #[test]
    fn names_are_unique_and_end_in_their_unit() {
        let mut names: Vec<_> = METRICS.iter().map(|metric| metric.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), METRICS.len());
        // A gauge may not look like a part of another type.
        let reserved = ["_total", "_created", "_count", "_sum", "_bucket"];
        for metric in METRICS {
            assert!(metric.unit.is_empty() || metric.name.ends_with(&format!("_{}", metric.unit)), "{}", metric.name);
            assert!(reserved.iter().all(|end| !metric.name.ends_with(end)), "{}", metric.name);
            assert!(!metric.help.contains(['\\', '\n']), "{}", metric.name);
        }
    }

    proptest! {
        #[test]
        fn a_value_can_be_read_back_and_stays_in_its_quotes(value in "(?s)([\\\\\"\n\r]|.){0,24}") {
            let text = escaped(&value);
            let (mut read, mut letters) = (String::new(), text.chars());
            while let Some(letter) = letters.next() {
                prop_assert!(letter != '"' && letter != '\n');
                read.push(match letter {
                    '\\' => match letters.next() {
                        Some('n') => '\n',
                        Some(other) => other,
                        None => return Err(TestCaseError::fail("a backslash ends it")),
                    },
                    other => other,
                });
            }
            prop_assert_eq!(read, value);
        }
    }
}
