//! `ssl-usage plan`: prints the steps of a rotation, in order.

use clap::Args;

use super::heading::OUTPUT;
use super::input::{Reader, Subject};
use super::output::Output;
use crate::error::Result;
use crate::plan::{Format, Plan};

/// Print the steps of the rotation, in order, with their AWS CLI commands.
///
/// Trust stores come first, then the instances by urgency, then the checks afterwards. The plan is JSON for rotation tools,
/// or a shell script. The script runs only with REVIEWED=yes, and needs a profile for each account, as in the example.
///
/// Save a report before the rotation, to compare with later: ssl-usage analyze --format json -o before.json
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ssl-usage plan --from evidence --format sh -o rotate.sh
  REVIEWED=yes AWS_PROFILE_123456789012=prod sh rotate.sh
  ssl-usage plan --days 14 -o plan.json
  ansible-playbook samples/rotation/play.yml -e plan=$PWD/plan.json -e reviewed=yes \\
    -e '{\"profiles\": {\"123456789012\": \"prod\"}}'

Exit status: 0 success; 1 error; 2 invalid usage; 3 success, but some evidence could not be read (see the errors).")]
pub(super) struct MakePlan {
    #[command(flatten)]
    subject: Subject,
    /// Format of the plan.
    #[arg(long, value_enum, default_value_t = Format::Json, help_heading = OUTPUT)]
    format: Format,
    #[command(flatten)]
    output: Output,
}

impl MakePlan {
    pub fn run(self) -> Result<u8> {
        let reader = match self.format {
            Format::Json => Reader::Document,
            Format::Sh => Reader::Lines,
        };
        self.subject.judge(reader, &[], |report| self.output.print(|_, out| Plan::of(report).write(self.format, out)))
    }
}
