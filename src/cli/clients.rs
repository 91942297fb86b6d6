//! `ssl-usage clients`: lists clients and what each must change.

use clap::Args;
use jiff::Timestamp;

use super::exit;
use super::heading::{OUTPUT, WHAT};
use super::input::{Judged, Subject};
use super::output::{Output, one_of};
use crate::bundle::Evidence;
use crate::clients::{By, Clients, FORMATS, Owners, Which};
use crate::error::Result;
use crate::inventory::Filter;
use crate::problem::Problem;
use crate::progress::Progress;
use crate::report::{Format, Reader, Report};
use crate::verdict::Policy;
use crate::window::Window;

/// List clients and what each must change.
///
/// Clients that use TLS may need a new trust store before the rotation. Clients without TLS cannot connect once TLS is
/// enforced. Clients that rejected the certificate come first. AWS's own users are not listed.
///
/// A client whose transport is unknown is listed with --tls and with --plaintext.
///
/// With the permission ec2:DescribeNetworkInterfaces, the owner of each address is shown: a Lambda function, an ECS service,
/// an EC2 instance, an RDS proxy. RDS Proxy needs no new trust store. Owners of addresses in other accounts, in other regions
/// and outside AWS are unknown.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ssl-usage clients --from evidence
  ssl-usage clients --days 14 --tls --format csv -o clients.csv
  ssl-usage clients --from evidence --plaintext --instance orders-prod
  ssl-usage clients --from evidence --by owner
  ssl-usage clients --from evidence --format json \\
    | jq -r '.clients[] | select(.old_protocols != []) | .address'

Exit status: 0 success; 1 error; 2 invalid usage; 3 success, but some evidence could not be read (see the errors); 130 or 143 interrupted (Ctrl-C or SIGTERM).")]
pub(super) struct ListClients {
    #[command(flatten)]
    subject: Subject,
    /// Only clients that use TLS, or whose transport is unknown.
    #[arg(long, help_heading = WHAT)]
    tls: bool,
    /// Only clients without TLS, or whose transport is unknown.
    #[arg(long, help_heading = WHAT)]
    plaintext: bool,
    /// Group the clients of each instance.
    #[arg(long, value_name = "GROUP", help_heading = OUTPUT)]
    by: Option<By>,
    /// Format of the list.
    #[arg(long, help_heading = OUTPUT, value_parser = one_of(FORMATS), default_value = "table")]
    format: &'static Format<Clients>,
    #[command(flatten)]
    output: Output,
}

/// A report, and the owners of its clients' addresses.
struct Owned {
    report: Report,
    owners: Owners,
}

impl Judged for Owned {
    fn new(evidence: &Evidence, window: Window, policy: Policy, progress: &dyn Progress) -> Self {
        Self { report: Report::new(evidence, window, policy, progress), owners: Owners::new(evidence) }
    }

    fn without_instances(window: Window, policy: Policy, errors: Vec<Problem>) -> Self {
        Self { report: Report::without_instances(window, policy, errors), owners: Owners::default() }
    }

    fn errors(&self) -> &[Problem] {
        &self.report.errors
    }

    fn read_at(&mut self, clock: Timestamp) {
        self.report.read_at(clock);
    }

    fn chosen_by(&mut self, filter: &Filter) {
        self.report.chosen_by(filter);
    }
}

impl ListClients {
    pub fn run(self) -> Result<u8> {
        let which = Which { tls: self.tls, plaintext: self.plaintext };
        // A person reads applications; what a program reads stays as it was.
        let by = self.by.unwrap_or(if self.format.reader == Reader::Person { By::Application } else { By::Address });
        self.subject.judge(self.output.reader(self.format), exit::of_run, |owned: &mut Owned, again| {
            let clients = Clients::of(&owned.report, &owned.owners, which, by);
            self.output.print(self.format, &clients, again)
        })
    }
}
