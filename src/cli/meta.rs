//! Shell completions, manual pages, and the JSON Schema of reports.

use std::path::Path;

use clap::{Args, CommandFactory, ValueEnum};
use clap_complete::Shell as Completed;

use super::output::Output;
use super::{Cli, exit, manual};
use crate::error::{Error, ErrorKind, Result};
use crate::report::SCHEMA;

/// Print the JSON Schema of reports (ssl-usage/verdict/v1).
///
/// The schema describes `analyze --format json`. Its `#/$defs/line` describes each line of `--format ndjson`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ssl-usage schema > verdict-v1.schema.json")]
pub(super) struct Schema;

/// Print a completion script for bash, zsh or fish.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ssl-usage completions bash \\
    > ~/.local/share/bash-completion/completions/ssl-usage
  ssl-usage completions zsh > ~/.zfunc/_ssl-usage
  ssl-usage completions fish > ~/.config/fish/completions/ssl-usage.fish")]
pub(super) struct Completions {
    /// Shell that reads the script.
    #[arg(value_enum)]
    shell: Shell,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

/// Print the manual page of ssl-usage or of one command.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ssl-usage man | man -l -
  ssl-usage man analyze > ~/.local/share/man/man1/ssl-usage-analyze.1")]
pub(super) struct Man {
    /// Command to describe. Default: ssl-usage itself.
    command: Option<String>,
}

impl Schema {
    pub fn run(self) -> Result<u8> {
        print(SCHEMA.as_bytes())
    }
}

impl Completions {
    pub fn run(self) -> Result<u8> {
        let shell = match self.shell {
            Shell::Bash => Completed::Bash,
            Shell::Zsh => Completed::Zsh,
            Shell::Fish => Completed::Fish,
        };
        let mut script = Vec::new();
        clap_complete::generate(shell, &mut Cli::command(), "ssl-usage", &mut script);
        print(&script)
    }
}

impl Man {
    pub fn run(self) -> Result<u8> {
        let mut all = Cli::command();
        // Gives each command its whole name.
        all.build();
        let command = match &self.command {
            None => all,
            Some(name) => all.find_subcommand(name).cloned().ok_or_else(|| {
                Error::new(ErrorKind::Usage, name.clone(), "there is no such command")
                    .hint("ssl-usage --help lists all commands")
            })?,
        };
        let page = manual::page(&command).map_err(|error| Error::io(Path::new("standard output"), error))?;
        print(&page)
    }
}

fn print(text: &[u8]) -> Result<u8> {
    Output::default().write(|_, out| out.write_all(text))?;
    Ok(exit::DONE)
}
