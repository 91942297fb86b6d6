//! `ssl-usage collect`: collects evidence into a bundle, to be analyzed later or elsewhere.

use std::path::PathBuf;

use clap::Args;

use super::copied_logs::CopiedLogs;
use super::fleet::Fleet;
use super::heading::OUTPUT;
use super::output::local_or_s3;
use super::progress::Bar;
use super::{complain_of, dry_run, exit};
use crate::error::Result;

/// Collect evidence into a bundle, for `analyze --from`.
///
/// Run it on a schedule to keep evidence for longer than RDS keeps logs. Overlapping collections are counted once. After
/// an interrupted run, the next run resumes where it stopped.
///
/// With --logs, reads log files that you already have, on this machine or in S3. Each file is named as RDS names it, in a folder that
/// is named after its instance: orders/error/postgresql.log.2026-11-23-10, compressed or not. Files that CloudWatch Logs delivered
/// (Firehose, export tasks) are recognized.
#[derive(Debug, Args)]
#[command(mut_arg("days", |days| days.help("Number of days to collect")), after_help = "Examples:
  ssl-usage collect --days 3 -o evidence
  ssl-usage collect --all-regions --days 7 -o evidence --dry-run
  ssl-usage collect --all-regions --days 7 -o evidence
  ssl-usage collect --organization --role-name auditor --all-regions \\
    -o evidence
  ssl-usage collect --days 3 -o s3://audit/evidence
  ssl-usage collect --logs archive --inventory evidence -o judged
  ssl-usage collect --logs firehose --unfiltered \\
    --inventory evidence -o judged-events
  ssl-usage analyze --from evidence

Exit status: 0 success; 1 error; 2 invalid usage; 3 success, but some evidence could not be read (see the errors); 130 or 143 interrupted (Ctrl-C or SIGTERM).")]
pub(super) struct Collect {
    #[command(flatten)]
    fleet: Fleet,
    #[command(flatten)]
    copied: CopiedLogs,
    /// Bundle to extend, also in S3 (s3://BUCKET/PREFIX); created if it does not exist.
    #[arg(short, long, value_name = "BUNDLE", help_heading = OUTPUT, value_parser = local_or_s3())]
    output: PathBuf,
}

impl Collect {
    pub fn run(self) -> Result<u8> {
        if self.copied.is_given() {
            return self.copied.run(&self.fleet, &self.output);
        }
        if self.fleet.dry_run {
            return dry_run::print(&self.fleet, &self.output);
        }
        let (evidence, summary) = self.fleet.gather(&self.output)?;
        let errors = evidence.all_errors(&Bar::new("checking for errors"));
        complain_of(&errors);
        summary.print(&errors, &[("Report verdicts".to_owned(), "analyze", "")]);
        Ok(exit::of_troubles(&errors))
    }
}
