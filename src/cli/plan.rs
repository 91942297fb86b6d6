//! `ssl-usage plan`: prints the steps of a rotation, in order.

use clap::Args;

use super::exit;
use super::heading::OUTPUT;
use super::input::Subject;
use super::output::{Output, one_of};
use crate::error::Result;
use crate::plan::{FORMATS, Plan};
use crate::report::Format;

/// Print the steps of the rotation, in order, with their AWS CLI commands.
///
/// Trust stores come first, then the instances by urgency, then the checks afterwards. The plan is JSON for rotation tools,
/// or a shell script. The script runs only with REVIEWED=yes, and needs a profile for each account, as in the example. Some
/// commands are held back until AGREED names their reason, such as restart-now.
///
/// Save a report before the rotation, to compare with later: ssl-usage analyze --format json -o before.json
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ssl-usage plan --from evidence --format sh -o rotate.sh
  REVIEWED=yes AWS_PROFILE_123456789012=prod sh rotate.sh
  REVIEWED=yes AGREED=restart-now AWS_PROFILE_123456789012=prod sh rotate.sh
  ssl-usage plan --days 14 -o plan.json
  ansible-playbook samples/rotation/play.yml \\
    -e plan=$PWD/plan.json -e reviewed=yes \\
    -e '{\"profiles\": {\"123456789012\": \"prod\"}}'

Exit status: 0 success; 1 error; 2 invalid usage; 3 success, but some evidence could not be read (see the errors); 130 or 143 interrupted (Ctrl-C or SIGTERM).")]
pub(super) struct MakePlan {
    #[command(flatten)]
    subject: Subject,
    /// Format of the plan.
    #[arg(long, help_heading = OUTPUT, value_parser = one_of(FORMATS), default_value = "json")]
    format: &'static Format<Plan>,
    #[command(flatten)]
    output: Output,
}

impl MakePlan {
    pub fn run(self) -> Result<u8> {
        self.subject.judge(self.output.reader(self.format), exit::of_run, |report, _| {
            self.output.print(self.format, &Plan::of(report), Vec::new())
        })
    }
}
