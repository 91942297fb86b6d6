//! Estimate of a collection: calls, bytes and price.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use ssl_usage_parsers::{Export, Logs};

use super::cloudwatch::{DOLLARS_A_GIGABYTE, GIGABYTE, group_names};
use super::instance::InstanceLogs;
use super::log_source::{days, hours};
use super::log_span::Rotation;
use crate::aws::Aws;
use crate::error::Result;
use crate::logs::cloudwatch;
use crate::logs::rds_portion::LogFile;
use crate::problem::Problem;
use crate::window::Window;

/// What AWS charges for a series of a metric that is asked for, in dollars.
///
/// Source: "Amazon CloudWatch pricing", `GetMetricData`, as it was in most regions in 2026.
pub(super) const DOLLARS_A_SERIES: f64 = 0.01 / 1000.0;

/// What a collection would ask for, at the least.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Account, where it is known.
    pub account: Option<String>,
    /// Region.
    pub region: String,
    /// Instances.
    pub instances: u64,
    /// Log files to download.
    pub logs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Log groups to read.
    pub groups: u64,
    /// Calls of the log-file API, CloudWatch Logs and CloudWatch.
    pub calls: u64,
    /// What AWS charges, in dollars.
    pub dollars: f64,
    /// What could not be read for this plan.
    pub errors: Vec<Problem>,
}

impl Plan {
    /// Adds another plan's numbers.
    pub fn add(&mut self, other: &Self) {
        self.instances += other.instances;
        self.logs += other.logs;
        self.bytes += other.bytes;
        self.groups += other.groups;
        self.calls += other.calls;
        self.dollars += other.dollars;
        self.errors.extend(other.errors.iter().cloned());
    }
}

impl InstanceLogs<'_> {
    /// What reading the logs of the instance would ask for.
    pub async fn plan(&self, aws: &Aws) -> Plan {
        let mut plan = Plan::default();
        let files = match self.request.source.files() && self.has_files() {
            true => self.list(aws).await,
            false => Ok(Vec::new()),
        };
        let missing = |error| Problem::from(&error).at(Some(&self.profile.account), &self.profile.region);
        let files = files.unwrap_or_else(|error| {
            plan.errors.push(missing(error));
            Vec::new()
        });
        plan.calls += 1;
        for file in self.new_files(&files, &BTreeSet::new()) {
            plan.logs += 1;
            plan.calls += 1;
            plan.bytes += file.listed();
        }
        for (logs, export) in self.exports() {
            if let Err(error) = self.plan_export(aws, &mut plan, &files, (logs, export)).await {
                plan.errors.push(missing(error));
            }
        }
        plan
    }

    async fn plan_export(
        &self,
        aws: &Aws,
        plan: &mut Plan,
        files: &[LogFile],
        (logs, export): (&'static Logs, &Export),
    ) -> Result<()> {
        let of_kind = |file: &&LogFile| self.engine.logs_of(&file.name).is_some_and(|kind| std::ptr::eq(kind, logs));
        let rotation = Rotation::new(logs, self.profile, files.iter().filter(of_kind));
        let now = self.request.window.to;
        let span = |file: &LogFile| rotation.span(file, None, now).map(|(span, _)| span);
        let shown: Vec<Window> = files.iter().filter(of_kind).filter_map(span).collect();
        let wanted = self.request.source.exported(self.exported_window(), &shown);
        if wanted.is_empty() {
            return Ok(());
        }
        for name in group_names(self.profile, export) {
            plan.calls += 2;
            let Some(group) = cloudwatch::group(aws, &name).await? else { continue };
            plan.groups += 1;
            if group.infrequent && !self.request.insights {
                continue;
            }
            // A page at least for each day.
            plan.calls += days(&hours(&wanted)).len() as u64;
            if group.infrequent {
                let asked: SignedDuration = wanted.iter().map(Window::length).sum();
                let kept = group.retention_days.map(|days| SignedDuration::from_hours(24 * days));
                let share = kept.map_or(1.0, |kept| (asked.as_secs_f64() / kept.as_secs_f64()).min(1.0));
                plan.dollars += group.stored_bytes as f64 / GIGABYTE * share * DOLLARS_A_GIGABYTE;
            }
        }
        Ok(())
    }
}
