//! The command line: what was typed, and who does it.

mod scan;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::error::{Error, ErrorKind};

/// Exit statuses, a contract with scripts.
mod exit {
    /// Done.
    pub const DONE: u8 = 0;
    /// Failed.
    pub const FAILED: u8 = 1;
    /// Bad usage.
    pub const USAGE: u8 = 2;
    /// Done, but part of what was asked could not be read.
    pub const PARTIAL: u8 = 3;
}

/// Do my Amazon RDS, Aurora and DocumentDB instances actually use SSL, and must I rotate their certificates?
#[derive(Debug, Parser)]
#[command(version, arg_required_else_help = true, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Scan(scan::Scan),
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
        Command::Scan(command) => command.run(),
    };
    ExitCode::from(status.unwrap_or_else(|error| {
        complain(&error);
        match error.kind() {
            ErrorKind::Usage => exit::USAGE,
            _ => exit::FAILED,
        }
    }))
}

/// Prints an error on stderr, in one line.
#[expect(clippy::print_stderr, reason = "the one place that complains")]
fn complain(error: &Error) {
    eprintln!("ssl-usage: {error}");
}
