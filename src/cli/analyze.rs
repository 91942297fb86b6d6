//! `ssl-usage analyze`: do my instances use SSL, and must their certificates be rotated?

use clap::Args;

use super::fail_on::FailOn;
use super::input::{Reader, Subject};
use super::output::Output;
use crate::error::{Error, ErrorKind, Result};
use crate::report::{self, Format, Group, Layout, Report, Rows, Sort};

/// Do my instances use SSL, and must their certificates be rotated?
///
/// Reads inventory and logs from AWS, keeps the evidence in a bundle (by default under the data folder of your home), and
/// judges it. With --from, judges what was collected before, and asks nothing of AWS.
///
/// Verdicts: required (TLS is in use, or, marked `?`, nobody can tell), deferrable (clients were seen, none with TLS: stage
/// the certificate with no restart), optional (nothing to rotate).
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ssl-usage analyze --days 14
  ssl-usage analyze --region eu-west-1 --instance orders --format json | jq '.instances[].rotation'
  ssl-usage analyze --from evidence --format csv -o verdicts.csv
  ssl-usage analyze --from evidence --policy policy.toml
  ssl-usage analyze --from evidence --format parquet --rows clients -o clients.parquet
  ssl-usage analyze --from evidence --group-by account --sort days
  ssl-usage analyze --from evidence --explain orders
  ssl-usage analyze --from evidence --fail-on required,expiring=30d
  ssl-usage analyze --from evidence --format html -o report.html

Exit status: 0 done; 1 failed; 2 bad usage; 3 done, but part of the fleet could not be read (the report says which);
4 something is as --fail-on says it must not be.")]
pub(super) struct Analyze {
    #[command(flatten)]
    subject: Subject,
    /// How to print the report.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    #[command(flatten)]
    output: Output,
    /// What there is a row for, in CSV and Parquet.
    #[arg(long, value_enum, default_value_t)]
    rows: Rows,
    /// The order of the instances.
    #[arg(long, value_enum, value_name = "COLUMN", default_value_t)]
    sort: Sort,
    /// Keep instances together that have this in common, with a heading in tables and Markdown.
    #[arg(long, value_enum, value_name = "WHAT")]
    group_by: Option<Group>,
    /// Show all columns of the table, and nothing shortened, however wide it gets.
    #[arg(long)]
    wide: bool,
    /// Explain the verdict on this instance, with all there is to it, instead of printing the report.
    #[arg(long, value_name = "INSTANCE", conflicts_with_all = ["format", "rows", "sort", "group_by", "wide"])]
    explain: Option<String>,
    /// End with status 4 where an instance or the run is like this; with commas between several: required, unproven,
    /// deferrable, errors, or expiring=30d, a certificate that ends within 30 days or whose end is not known.
    #[arg(long, value_name = "WHAT", value_delimiter = ',')]
    fail_on: Vec<FailOn>,
}

impl Analyze {
    pub fn run(self) -> Result<u8> {
        if self.format == Format::Parquet && self.output.is_terminal() {
            return Err(Error::new(ErrorKind::Usage, "--format parquet", "a terminal cannot show it")
                .hint("name a file with -o, or send it to another program"));
        }
        let reader = match self.format {
            // An explanation is of one instance, and has no room for the errors of others.
            Format::Table if self.explain.is_none() => Reader::Person,
            Format::Json | Format::Ndjson => Reader::Document,
            Format::Table | Format::Csv | Format::Markdown | Format::Html | Format::Parquet => Reader::Lines,
        };
        self.subject.judge(reader, &self.fail_on, |report| self.print(report))
    }

    fn print(&self, report: &mut Report) -> Result<()> {
        if let Some(named) = &self.explain {
            let meant = report.named(named);
            if meant.is_empty() {
                return Err(Error::new(ErrorKind::NotFound, named.clone(), "no such instance in the report")
                    .hint("leave --explain out to see all"));
            }
            return self.output.print(|width, out| report::explain(report, &meant, width, out));
        }
        report.arrange(self.sort, self.group_by);
        let colours = self.output.is_terminal() && takes_colours();
        self.output.print(|width, out| {
            let (wide, group_by, rows, again) = (self.wide, self.group_by, self.rows, self.subject.again());
            let layout = Layout { width, wide, colours, group_by, rows, again };
            report::write(report, self.format, &layout, out)
        })
    }
}

/// Whether a terminal takes colours, by what its user says.
///
/// Source: <https://no-color.org>.
fn takes_colours() -> bool {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    set("NO_COLOR").is_none() && set("TERM").is_some_and(|term| term != "dumb")
}
