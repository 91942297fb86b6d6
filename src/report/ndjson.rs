//! NDJSON: a header, each instance, each error, and a summary, an object a line. A file without a summary was cut.

use std::collections::BTreeSet;
use std::io::{self, Write};

use jiff::Timestamp;
use serde::Serialize;

use super::model::{Evidence, Instance, Report, Summary};
use crate::inventory::Collection;
use crate::problem::Problem;
use crate::verdict::Policy;
use crate::window::Window;

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Line<'r> {
    Header {
        schema: &'static str,
        generated_at: Timestamp,
        tool_version: &'static str,
        window: Window,
        filter: &'r [String],
        policy: &'r Policy,
        evidence: &'r Evidence,
        collected_at: Option<Timestamp>,
        callers: &'r BTreeSet<String>,
        collections: &'r [Collection],
    },
    Instance(&'r Instance),
    Error(&'r Problem),
    Summary(&'r Summary),
}

pub(super) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let header = Line::Header {
        schema: report.schema,
        generated_at: report.generated_at,
        tool_version: report.tool_version,
        window: report.window,
        filter: &report.filter,
        policy: &report.policy,
        evidence: &report.evidence,
        collected_at: report.collected_at,
        callers: &report.callers,
        collections: &report.collections,
    };
    let instances = report.instances.iter().map(Line::Instance);
    let errors = report.errors.iter().map(Line::Error);
    for line in [header].into_iter().chain(instances).chain(errors).chain([Line::Summary(&report.summary)]) {
        serde_json::to_writer(&mut *out, &line)?;
        writeln!(out)?;
    }
    Ok(())
}
