//! The command line: what was typed, and who does it.

mod analyze;
mod choices;
mod clients;
mod collect;
mod compact;
mod diff;
mod digest;
mod dry_run;
mod exit;
mod fail_on;
mod fleet;
mod iam_policy;
mod input;
mod meta;
mod output;
mod plan;
mod policy;
mod preflight;
mod progress;
mod scan;

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::problem::{Problem, grouped};
use crate::report::escape::terminal;

/// Do my Amazon RDS, Aurora and DocumentDB instances actually use SSL, and must I rotate their certificates?
#[derive(Debug, Parser)]
#[command(
    version,
    arg_required_else_help = true,
    max_term_width = 100,
    after_help = "Examples:
  ssl-usage analyze --days 7                   ask AWS, and judge
  ssl-usage collect --days 7 -o evidence       gather evidence, judge it later
  ssl-usage analyze --from evidence            judge it
  ssl-usage clients --from evidence            whom to chase?
  ssl-usage plan --from evidence --format sh   in which order to rotate
  ssl-usage diff before.json after.json        what changed
  ssl-usage preflight                          can the question be answered?
  ssl-usage scan error/                        what do these logs show?
  ssl-usage iam-policy                         what must I be allowed to do?
  ssl-usage completions bash                   what a shell needs to complete all this"
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
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
    Preflight(preflight::Check),
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
            // Help and version come this way too, and are no failure. A reader that hung up does not want to know.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { exit::USAGE } else { exit::DONE });
        }
    };
    let status = match cli.command {
        Command::Analyze(command) => command.run(),
        Command::Clients(command) => command.run(),
        Command::Collect(command) => command.run(),
        Command::Compact(command) => command.run(),
        Command::Plan(command) => command.run(),
        Command::Diff(command) => command.run(),
        Command::Digest(command) => command.run(),
        Command::Preflight(command) => command.run(),
        Command::Scan(command) => command.run(),
        Command::IamPolicy(command) => command.run(),
        Command::Schema(command) => command.run(),
        Command::Completions(command) => command.run(),
        Command::Man(command) => command.run(),
    };
    ExitCode::from(status.unwrap_or_else(|error| {
        complain_of(&error.all().map(Problem::from).collect::<Vec<_>>());
        exit::of_error(error.kind())
    }))
}

/// Prints what could not be read on stderr, a line for each thing that happened.
fn complain_of(troubles: &[Problem]) {
    grouped(troubles).iter().for_each(|brief| complain(brief));
}

/// Prints a complaint on stderr, in one line.
fn complain(error: &dyn std::fmt::Display) {
    // A closed stderr is no reason to stop.
    let _ = writeln!(io::stderr(), "ssl-usage: {}", terminal(&error.to_string()));
}
