//! CSV: a row an instance, and as of when, what window and which policy in every row, so that a row can stand alone.

use std::io::{self, Write};

use jiff::Timestamp;

use super::escape::spreadsheet;
use super::model::Instance;
use super::{Report, policy};

/// A column: its name, and what of a row it holds.
type Column = (&'static str, fn(&Report, &Instance) -> String);

const COLUMNS: &[Column] = &[
    ("account", |_, row| row.account.clone()),
    ("region", |_, row| row.region.clone()),
    ("instance", |_, row| row.instance.clone()),
    ("cluster", |_, row| row.cluster.clone().unwrap_or_default()),
    ("engine", |_, row| row.engine.clone()),
    ("engine_version", |_, row| row.engine_version.clone()),
    ("rotation", |_, row| row.rotation.to_owned()),
    ("unproven", |_, row| row.unproven.to_string()),
    ("usage", |_, row| row.usage.to_owned()),
    ("restart", |_, row| row.restart.to_owned()),
    ("enforcement", |_, row| row.enforcement.to_owned()),
    ("act_by", |_, row| time(row.act_by)),
    ("ca", |_, row| row.certificate.ca.clone().unwrap_or_default()),
    ("valid_till", |_, row| time(row.certificate.valid_till)),
    ("target_ca", |_, row| row.certificate.target_ca.clone().unwrap_or_default()),
    ("change", |_, row| row.certificate.change.to_owned()),
    ("tls", |_, row| row.connections.clients_sessions.tls.to_string()),
    ("plaintext", |_, row| row.connections.clients_sessions.plaintext.to_string()),
    ("local", |_, row| row.connections.clients_sessions.local.to_string()),
    ("unknown", |_, row| row.connections.clients_sessions.unknown.to_string()),
    ("gss", |_, row| row.connections.clients_sessions.gss.to_string()),
    ("certificate_rejected", |_, row| row.connections.certificate_rejected_by.values().sum::<u64>().to_string()),
    ("coverage", |_, row| format!("{:.4}", row.coverage.share)),
    ("longest_gap_seconds", |_, row| row.coverage.longest_gap_seconds.to_string()),
    ("unparsed", |_, row| row.coverage.unparsed.to_string()),
    ("reasons", |_, row| row.reasons.iter().map(|reason| reason.code).collect::<Vec<_>>().join(" ")),
    ("why", |_, row| row.reasons.first().map(|reason| reason.text.clone()).unwrap_or_default()),
    ("arn", |_, row| row.arn.clone()),
    ("window_from", |report, _| report.window.from.to_string()),
    ("window_to", |report, _| report.window.to.to_string()),
    ("as_of", |report, _| report.generated_at.to_string()),
    ("errors_in_run", |report, _| report.summary.errors.to_string()),
    ("tool_version", |report, _| report.tool_version.to_owned()),
    ("ignored", |_, row| row.connections.ignored.sessions.sum().to_string()),
    ("policy", |report, _| policy::lines(report).join(" ")),
];

fn time(time: Option<Timestamp>) -> String {
    time.map(|time| time.to_string()).unwrap_or_default()
}

pub(super) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(COLUMNS.iter().map(|(name, _)| *name))?;
    for row in &report.instances {
        csv.write_record(COLUMNS.iter().map(|(_, cell)| spreadsheet(&cell(report, row))))?;
    }
    csv.flush()
}
