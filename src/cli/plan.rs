//! `ssl-usage plan`: in which order is a fleet rotated?

use clap::Args;

use super::exit;
use super::input::Subject;
use super::output::{Output, one_of};
use crate::error::Result;
use crate::plan::{FORMATS, Plan};
use crate::report::Format;

/// In which order are the certificates rotated?
///
/// Trust stores first, then the instances by urgency with their commands of the AWS command line, then what to look at.
/// Nothing is run. As JSON, for rotation tools; or as a shell script, for a person to read: it refuses to run until REVIEWED=yes
/// is set, and takes the profile of each account from AWS_PROFILE_<account>.
///
/// Keep the report of before the rotation, to compare with later: ssl-usage analyze --format json -o before.json
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ssl-usage plan --from evidence --format sh -o rotate.sh
  REVIEWED=yes AWS_PROFILE_123456789012=prod sh rotate.sh
  ssl-usage plan --days 14 -o plan.json
  ansible-playbook samples/rotation/play.yml -e plan=$PWD/plan.json -e '{\"profiles\": {\"123456789012\": \"prod\"}}'

Exit status: 0 done; 1 failed; 2 bad usage; 3 done, but part of the fleet could not be read (the plan says which).")]
pub(super) struct MakePlan {
    #[command(flatten)]
    subject: Subject,
    /// How to print the plan.
    #[arg(long, value_parser = one_of(FORMATS), default_value = "json")]
    format: &'static Format<Plan>,
    #[command(flatten)]
    output: Output,
}

impl MakePlan {
    pub fn run(self) -> Result<u8> {
        self.subject
            .judge(self.format.reader, exit::of_report, |report| self.output.print(self.format, &Plan::of(report)))
    }
}
