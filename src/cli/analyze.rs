//! `ssl-usage analyze`: do my instances use SSL, and must their certificates be rotated?

use clap::Args;

use super::output::Output;
use super::subject::{Reader, Subject};
use crate::error::Result;
use crate::report::{self, Format};

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

Exit status: 0 done; 1 failed; 2 bad usage; 3 done, but part of the fleet could not be read (the report says which).")]
pub(super) struct Analyze {
    #[command(flatten)]
    subject: Subject,
    /// How to print the report.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    #[command(flatten)]
    output: Output,
}

impl Analyze {
    pub fn run(self) -> Result<u8> {
        let reader = match self.format {
            Format::Table => Reader::Person,
            Format::Csv => Reader::Lines,
            Format::Json => Reader::Document,
        };
        self.subject
            .judge(reader, |report| self.output.print(|width, out| report::write(report, self.format, width, out)))
    }
}
