//! `ssl-usage clients`: whom to chase?

use clap::Args;

use super::input::{Reader, Subject};
use super::output::Output;
use crate::clients::{Clients, Format, Which};
use crate::error::Result;

/// Who connects, and what has each client to do?
///
/// Lists every client that uses TLS (it may need a new trust store before the rotation) and every one that does not (it
/// breaks where TLS is enforced), with user, database, address, application, TLS versions, and when it was seen. Clients that
/// did not accept the certificate come first. AWS's own users are not listed.
///
/// A client of whom no log tells how it connects is listed with both --tls and --plaintext.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ssl-usage clients --from evidence
  ssl-usage clients --days 14 --tls --format csv -o chase.csv
  ssl-usage clients --from evidence --plaintext --instance orders
  ssl-usage clients --from evidence --format json | jq -r '.clients[] | select(.old_protocols != []) | .address'

Exit status: 0 done; 1 failed; 2 bad usage; 3 done, but part of the fleet could not be read (the list says which).")]
pub(super) struct ListClients {
    #[command(flatten)]
    subject: Subject,
    /// Only clients that use TLS, or may.
    #[arg(long)]
    tls: bool,
    /// Only clients that connect without TLS, or may.
    #[arg(long)]
    plaintext: bool,
    /// How to print the list.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    #[command(flatten)]
    output: Output,
}

impl ListClients {
    pub fn run(self) -> Result<u8> {
        let reader = match self.format {
            Format::Table => Reader::Person,
            Format::Csv => Reader::Lines,
            Format::Json => Reader::Document,
        };
        let which = Which { tls: self.tls, plaintext: self.plaintext };
        self.subject.judge(reader, &[], |report| {
            let clients = Clients::of(report, which);
            let again = self.subject.again();
            self.output.print(|width, out| clients.write(self.format, width, &again, out))
        })
    }
}
