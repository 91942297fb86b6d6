//! `ssl-usage preflight`: checks that the required logging is enabled.

use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;

use super::exit;
use super::fleet::{Fleet, PLACES, Places, days, time};
use super::heading::{EVIDENCE, OUTPUT, WHAT};
use super::input::Subject;
use super::output::{Output, local_or_s3, one_of};
use crate::error::Result;
use crate::inventory::{Filter, NamePattern};
use crate::preflight::{FORMATS, Preflight};
use crate::report::Format;

/// Check that logging is enabled; print how to enable it, what it costs and how long to wait.
///
/// Reads the inventory and CloudWatch metrics, but no new logs. With --from, it reads a bundle and does not call AWS.
/// Prints the AWS CLI commands that enable logging and those that undo it. It runs none of them.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ssl-usage preflight --all-regions
  ssl-usage preflight --from evidence --instance orders-prod
  ssl-usage preflight --format json \\
    | jq -r '.instances[] | select(.answer == \"switch-on\") | .why'

Exit status: 0 success; 1 error; 2 invalid usage; 3 success, but some evidence could not be read (see the errors); 130 or 143 interrupted (Ctrl-C or SIGTERM).")]
pub(super) struct Check {
    /// Number of days to analyze later.
    #[arg(long, help_heading = WHAT, default_value_t = 14, value_parser = days)]
    days: u32,
    /// Only this instance; * and ? are wildcards (repeatable).
    #[arg(long, value_name = "ID", help_heading = WHAT)]
    instance: Vec<NamePattern>,
    /// Only instances of this engine, for example postgres or aurora-mysql (repeatable).
    #[arg(long, value_name = "ENGINE", help_heading = WHAT, value_parser = Filter::engine)]
    engine: Vec<String>,
    /// Read evidence from this bundle instead of calling AWS (repeatable).
    #[arg(long, value_name = "BUNDLE", conflicts_with_all = PLACES, help_heading = EVIDENCE, value_parser = local_or_s3())]
    from: Vec<PathBuf>,
    /// Bundle in which evidence from AWS is saved; its logs show how many sessions to expect.
    #[arg(long, value_name = "BUNDLE", conflicts_with = "from", help_heading = EVIDENCE, value_parser = local_or_s3())]
    bundle: Option<PathBuf>,
    /// Policy file (TOML) with the required evidence. Example: samples/policy.toml.
    #[arg(long, value_name = "FILE", help_heading = EVIDENCE)]
    policy: Option<PathBuf>,
    /// Accept evidence without digests (older bundles), although it cannot be verified.
    #[arg(long, help_heading = EVIDENCE)]
    accept_unverified: bool,
    /// Use this time as the current time, for repeatable runs (for example 2026-11-23T00:00:00Z).
    #[arg(long, value_name = "TIME", help_heading = WHAT, value_parser = time)]
    now: Option<Timestamp>,
    #[command(flatten)]
    places: Places,
    /// Format of the list.
    #[arg(long, help_heading = OUTPUT, value_parser = one_of(FORMATS), default_value = "table")]
    format: &'static Format<Preflight>,
    #[command(flatten)]
    output: Output,
}

impl Check {
    pub fn run(self) -> Result<u8> {
        let fleet = Fleet::without_logs(self.days, self.places, (self.instance, self.engine), self.now);
        let (policy, accept_unverified) = (self.policy, self.accept_unverified);
        let subject = Subject { fleet, from: self.from, bundle: self.bundle, policy, accept_unverified };
        let credentials = subject.fleet.places.credentials();
        subject.judge(self.output.reader(self.format), exit::of_run, |preflight, mut again| {
            again.extend(credentials);
            self.output.print(self.format, preflight, again)
        })
    }
}
