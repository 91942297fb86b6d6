//! What a user wants to see on standard error, and whether text is coloured: the same for every command.

use std::sync::OnceLock;

use clap::{ArgAction, Args, ValueEnum};

use super::heading::OUTPUT;

/// Options of all commands.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(super) struct Settings {
    /// Print each AWS call on standard error; -vv also prints retries and waits.
    #[arg(short, long, global = true, action = ArgAction::Count, help_heading = OUTPUT)]
    pub verbose: u8,
    /// Print only the report and errors: no progress, no summary.
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = OUTPUT)]
    pub quiet: bool,
    /// Use colors: auto (in a terminal, unless NO_COLOR is set), always or never.
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t, hide_possible_values = true, help_heading = OUTPUT)]
    pub color: Color,
}

/// When text is coloured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    /// In a terminal that has colors, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always, also into files and pipes.
    Always,
    /// Never.
    Never,
}

static SETTINGS: OnceLock<Settings> = OnceLock::new();

impl Settings {
    /// Makes these the settings of the process.
    pub fn set(self) {
        // There is one command line.
        let _ = SETTINGS.set(self);
    }

    /// The settings of the process.
    pub fn get() -> Self {
        SETTINGS.get().copied().unwrap_or_default()
    }

    /// Whether text that goes to a terminal, or elsewhere, is coloured.
    ///
    /// Source: <https://no-color.org>.
    pub fn colors(self, is_terminal: bool) -> bool {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        match self.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => is_terminal && set("NO_COLOR").is_none() && set("TERM").is_some_and(|term| term != "dumb"),
        }
    }
}
