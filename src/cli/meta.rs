//! Shell completions, manual pages, and the JSON Schemas of documents.

use std::path::Path;

use clap::{Args, CommandFactory, ValueEnum};
use clap_complete::Shell as Completed;

use super::output::Output;
use super::{Cli, exit, manual, scan};
use crate::error::{Error, ErrorKind, Result};
use crate::report::schema::{SCHEMA, complete};
use crate::{clients, diff, plan, preflight, probe};

/// Print the JSON Schema of a document.
///
/// `verdict` describes `analyze --format json`. Its `#/$defs/line` describes each line of `--format ndjson`. The other
/// documents are the JSON of the command of the same name.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ssl-usage schema > verdict-v1.schema.json
  ssl-usage schema plan > plan-v1.schema.json")]
pub(super) struct Schema {
    /// Document to describe.
    #[arg(value_enum, default_value_t)]
    document: Document,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Document {
    #[default]
    Verdict,
    Plan,
    Clients,
    Preflight,
    Probe,
    Diff,
    Scan,
}

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
        let schema = match self.document {
            // As it is written, for it refers to itself only.
            Document::Verdict => return print(SCHEMA.as_bytes()),
            Document::Plan => plan::SCHEMA,
            Document::Clients => clients::SCHEMA,
            Document::Preflight => preflight::SCHEMA,
            Document::Probe => probe::SCHEMA,
            Document::Diff => diff::SCHEMA,
            Document::Scan => scan::SCHEMA,
        };
        let unreadable = |error| Error::new(ErrorKind::Format, "schema", "the schema is not JSON").because(error);
        print(format!("{:#}\n", complete(schema).map_err(unreadable)?).as_bytes())
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
