//! What the command says of itself to other programs: completions, manual pages, and the schema of its reports.

use std::path::Path;

use clap::{Args, CommandFactory, ValueEnum};
use clap_complete::Shell as Completed;

use super::output::Output;
use super::{Cli, exit};
use crate::error::{Error, ErrorKind, Result};
use crate::report::SCHEMA;

/// Print the JSON Schema of reports, `ssl-usage/verdict/v1`.
///
/// It is the schema of what --format json prints; under `#/$defs/line` it has that of each line of --format ndjson.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ssl-usage schema > verdict-v1.schema.json")]
pub(super) struct Schema;

/// Print what a shell needs to complete commands and options.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ssl-usage completions bash > /etc/bash_completion.d/ssl-usage
  ssl-usage completions zsh > ~/.zfunc/_ssl-usage
  ssl-usage completions fish > ~/.config/fish/completions/ssl-usage.fish")]
pub(super) struct Completions {
    /// Which shell.
    #[arg(value_enum)]
    shell: Shell,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
}

/// Print the manual page, of the whole or of one command.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ssl-usage man | man -l -
  ssl-usage man analyze > /usr/local/share/man/man1/ssl-usage-analyze.1")]
pub(super) struct Man {
    /// Which command.
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
                Error::new(ErrorKind::Usage, name.clone(), "there is no such command").hint("--help has them all")
            })?,
        };
        let mut page = Vec::new();
        let rendered = clap_mangen::Man::new(command).render(&mut page);
        rendered.map_err(|error| Error::io(Path::new("standard output"), error))?;
        print(&page)
    }
}

fn print(text: &[u8]) -> Result<u8> {
    Output::default().write(|_, out| out.write_all(text))?;
    Ok(exit::DONE)
}
