//! The command line: arguments, help, and the dispatch to commands.

mod analyze;
mod choices;
mod clients;
mod collect;
mod collection_summary;
mod compact;
mod copied_logs;
mod diff;
mod digest;
mod dry_run;
mod exit;
mod extract;
mod fail_on;
mod fleet;
mod iam_policy;
mod input;
mod interrupt;
mod manual;
mod meta;
mod output;
mod plan;
mod policy;
mod preflight;
mod probe;
mod progress;
mod quick;
mod sampling;
mod scan;
mod settings;
mod working_copies;

use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use console::Term;
use output::width;

use crate::problem::{Problem, grouped};
use crate::report::escape::terminal;
use crate::report::lines::paragraph;

/// Find out whether your Amazon RDS, Aurora and DocumentDB instances use SSL/TLS, and which certificates you must rotate.
#[derive(Debug, Parser)]
#[command(
    version,
    arg_required_else_help = true,
    max_term_width = 100,
    after_help = "Examples:
  ssl-usage iam-policy                        # print the IAM permissions
  ssl-usage preflight                         # check that logging is enabled
  ssl-usage analyze --days 7                  # read AWS and report verdicts
  ssl-usage collect --days 7 -o evidence      # collect evidence in a bundle
  ssl-usage analyze --from evidence           # report verdicts on a bundle
  ssl-usage clients --from evidence           # list clients and their changes
  ssl-usage plan --from evidence --format sh  # print a rotation script
  ssl-usage diff before.json after.json       # compare two reports
  ssl-usage probe --certificates              # show the active certificates
  ssl-usage scan error/                       # count connections in log files"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    settings: settings::Settings,
}

/// Headings of the options in `--help`.
mod heading {
    pub const WHAT: &str = "What to analyze";
    pub const EVIDENCE: &str = "Evidence";
    pub const SESSIONS: &str = "Sessions";
    pub const AWS: &str = "AWS";
    pub const OUTPUT: &str = "Output";
}

#[derive(Debug, Subcommand)]
enum Command {
    Analyze(analyze::Analyze),
    Clients(clients::ListClients),
    Collect(collect::Collect),
    Compact(compact::Compact),
    Plan(plan::MakePlan),
    Diff(diff::Compare),
    Digest(digest::Digest),
    Extract(extract::Extract),
    Preflight(preflight::Check),
    Probe(probe::RunProbe),
    Scan(scan::Scan),
    IamPolicy(iam_policy::IamPolicy),
    Schema(meta::Schema),
    Completions(meta::Completions),
    Man(meta::Man),
}

/// Runs the command line; returns the exit status.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version arrive here too, with status 0. A closed pipe is not an error.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { exit::USAGE } else { exit::DONE });
        }
    };
    cli.settings.set();
    interrupt::watch();
    let status = match cli.command {
        Command::Analyze(command) => command.run(),
        Command::Clients(command) => command.run(),
        Command::Collect(command) => command.run(),
        Command::Compact(command) => command.run(),
        Command::Plan(command) => command.run(),
        Command::Diff(command) => command.run(),
        Command::Digest(command) => command.run(),
        Command::Extract(command) => command.run(),
        Command::Preflight(command) => command.run(),
        Command::Probe(command) => command.run(),
        Command::Scan(command) => command.run(),
        Command::IamPolicy(command) => command.run(),
        Command::Schema(command) => command.run(),
        Command::Completions(command) => command.run(),
        Command::Man(command) => command.run(),
    };
    working_copies::remove_all();
    ExitCode::from(status.unwrap_or_else(|error| {
        complain_of(&error.all().map(Problem::from).collect::<Vec<_>>());
        exit::of_error(error.kind())
    }))
}

/// Prints problems on stderr, equal ones on one line.
fn complain_of(troubles: &[Problem]) {
    grouped(troubles).iter().for_each(|brief| complain(brief));
}

/// Prints an error on stderr: wrapped in a terminal, else on one line.
fn complain(error: &dyn std::fmt::Display) {
    let (mut err, text) = (io::stderr(), format!("ssl-usage: {error}"));
    // A closed stderr is no reason to stop.
    let _ = match err.is_terminal() {
        true => paragraph(&mut err, width(Some(Term::stderr())), 0, &text),
        false => writeln!(err, "{}", terminal(&text)),
    };
}
