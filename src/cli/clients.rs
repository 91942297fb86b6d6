//! `ssl-usage clients`: lists clients and what each must change.

use clap::Args;

use super::exit;
use super::heading::{OUTPUT, WHAT};
use super::input::Subject;
use super::output::{Output, one_of};
use crate::clients::{Clients, FORMATS, Which};
use crate::error::Result;
use crate::report::Format;

/// List clients and what each must change.
///
/// Clients that use TLS may need a new trust store before the rotation. Clients without TLS cannot connect once TLS is
/// enforced. Clients that rejected the certificate come first. AWS's own users are not listed.
///
/// A client whose transport is unknown is listed with --tls and with --plaintext.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ssl-usage clients --from evidence
  ssl-usage clients --days 14 --tls --format csv -o clients.csv
  ssl-usage clients --from evidence --plaintext --instance orders-prod
  ssl-usage clients --from evidence --format json \\
    | jq -r '.clients[] | select(.old_protocols != []) | .address'

Exit status: 0 success; 1 error; 2 invalid usage; 3 success, but some evidence could not be read (see the errors).")]
pub(super) struct ListClients {
    #[command(flatten)]
    subject: Subject,
    /// Only clients that use TLS, or whose transport is unknown.
    #[arg(long, help_heading = WHAT)]
    tls: bool,
    /// Only clients without TLS, or whose transport is unknown.
    #[arg(long, help_heading = WHAT)]
    plaintext: bool,
    /// Format of the list.
    #[arg(long, help_heading = OUTPUT, value_parser = one_of(FORMATS), default_value = "table")]
    format: &'static Format<Clients>,
    #[command(flatten)]
    output: Output,
}

impl ListClients {
    pub fn run(self) -> Result<u8> {
        let which = Which { tls: self.tls, plaintext: self.plaintext };
        self.subject.judge(self.format.reader, exit::of_report, |report, again| {
            self.output.print(self.format, &Clients::of(report, which), again)
        })
    }
}
