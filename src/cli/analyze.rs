//! `ssl-usage analyze`: reports which instances use TLS and which certificates must be rotated.

use clap::Args;
use jiff::Timestamp;

use super::fail_on::FailOn;
use super::heading::{EVIDENCE, OUTPUT};
use super::input::Subject;
use super::output::{Output, one_of};
use super::quick::quick;
use super::settings::Settings;
use super::{exit, working_copies};
use crate::error::{Error, ErrorKind, Result};
use crate::report::{self, FORMATS, Format, Group, Layout, Reader, Report, Rows, Sort};
use crate::text::suggest;

/// Report which instances use TLS, and which certificates you must rotate.
///
/// Reads the inventory, logs and metrics from AWS and saves them in a bundle. With --from, it reads a bundle and does not
/// call AWS.
///
/// Verdicts: "required": clients use TLS. "required?": the evidence is inconclusive. "deferrable": no client uses TLS, so
/// the new certificate can wait for the next restart. "optional": no rotation is needed.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ssl-usage analyze --days 14
  ssl-usage analyze --days 14 --quick
  ssl-usage analyze --region eu-west-1 --instance orders-prod --format json \\
    | jq '.instances[].rotation'
  ssl-usage analyze --from evidence --format csv -o verdicts.csv
  ssl-usage analyze --from evidence --policy policy.toml
  ssl-usage analyze --from evidence --format parquet --rows clients \\
    -o clients.parquet
  ssl-usage analyze --from evidence --group-by account --sort days
  ssl-usage analyze --from evidence --explain orders-prod
  ssl-usage analyze --from evidence --fail-on required,expiring=30d,empty
  ssl-usage analyze --from evidence --format html -o report.html

Exit status: 0 success; 1 error; 2 invalid usage; 3 success, but some evidence could not be read (see the errors); 4 a condition of --fail-on is met; 130 or 143 interrupted (Ctrl-C or SIGTERM).")]
pub(super) struct Analyze {
    #[command(flatten)]
    subject: Subject,
    /// Read the newest logs first, and stop for each instance once the verdict is certain. The verdicts are the same, but clients and
    /// counts are partial.
    #[arg(long, help_heading = EVIDENCE, conflicts_with_all = ["from", "dry_run"])]
    quick: bool,
    /// Format of the report.
    #[arg(long, help_heading = OUTPUT, value_parser = one_of(FORMATS), default_value = "table")]
    format: &'static Format<Report>,
    #[command(flatten)]
    output: Output,
    /// What each row of a CSV, spreadsheet or Parquet file describes.
    #[arg(long, value_enum, default_value_t, help_heading = OUTPUT)]
    rows: Rows,
    /// Order of the instances.
    #[arg(long, value_enum, value_name = "COLUMN", default_value_t, help_heading = OUTPUT)]
    sort: Sort,
    /// Group the instances; tables and Markdown get a heading for each group.
    #[arg(long, value_enum, value_name = "WHAT", help_heading = OUTPUT)]
    group_by: Option<Group>,
    /// Show all columns of the table and do not shorten cells.
    #[arg(long, help_heading = OUTPUT)]
    wide: bool,
    /// Show all evidence on this instance instead of the report.
    #[arg(long, value_name = "INSTANCE", help_heading = OUTPUT, conflicts_with_all = ["format", "rows", "sort", "group_by", "wide"])]
    explain: Option<String>,
    /// Exit with status 4 if any condition is met (comma-separated): required, unproven (inconclusive), deferrable,
    /// errors, empty (no instance, or none that matches), expiring=30d (certificates that expire within 30 days), stale=2d
    /// (evidence that is older than 2 days). Conditions that are met are printed on standard error.
    #[arg(long, value_name = "CONDITION", value_delimiter = ',', help_heading = OUTPUT)]
    fail_on: Vec<FailOn>,
}

impl Analyze {
    pub fn run(mut self) -> Result<u8> {
        if self.format.name == "parquet" && self.output.is_terminal() {
            return Err(Error::new(
                ErrorKind::Usage,
                "--format parquet",
                "Parquet is binary and cannot be shown in a terminal",
            )
            .hint("add -o FILE, or pipe it into another program"));
        }
        if self.rows == Rows::Clients && !matches!(self.format.name, "csv" | "spreadsheet" | "parquet") {
            let subject = format!("--format {}", self.format.name);
            return Err(Error::new(ErrorKind::Usage, subject, "--rows requires --format csv, spreadsheet or parquet")
                .hint("add --format csv, or use `ssl-usage clients`"));
        }
        if self.quick {
            let now = self.subject.fleet.now.unwrap_or_else(Timestamp::now);
            let bundle = working_copies::local(&self.subject.bundle()?, self.subject.fleet.places.access())?;
            self.subject.fleet.quick = Some(quick(self.subject.policy()?, now, &bundle)?);
        }
        // An explanation covers one instance and does not show the errors of others.
        let reader = if self.explain.is_some() { Reader::Lines } else { self.output.reader(self.format) };
        let status = |outcome: Result<&Report, &Error>| exit::of_conditions(outcome, &self.fail_on);
        self.subject.judge(reader, status, |report, again| self.print(report, again))
    }

    fn print(&self, report: &mut Report, again: Vec<String>) -> Result<()> {
        if let Some(named) = &self.explain {
            let meant = report.named(named);
            if meant.is_empty() {
                return Err(Error::new(
                    ErrorKind::NotFound,
                    named.clone(),
                    "the report does not contain this instance",
                )
                .hint(suggest(
                    named,
                    report.instances.iter().map(|row| row.id().instance.as_str()),
                    "run the command without --explain to list all instances",
                )));
            }
            return self.output.write(|width, out| report::explain(report, &meant, width, out));
        }
        report.arrange(self.sort, self.group_by);
        let colours = Settings::get().colors(self.output.is_terminal());
        self.output.write(|width, out| {
            let (wide, group_by, rows) = (self.wide, self.group_by, self.rows);
            let layout = Layout { width, wide, colours, group_by, rows, again };
            self.format.write(report, &layout, out)
        })
    }
}
