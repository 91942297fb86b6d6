//! Where a command prints: standard output, or a file that is there whole or not at all.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::Args;

use crate::error::{Error, Result};

/// Columns of a table that is not printed to a terminal.
const WIDTH: u16 = 100;

/// Where to print.
#[derive(Debug, Args)]
pub(super) struct Output {
    /// Write to this file instead of standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Output {
    /// Whether a person sees what is printed, as it is printed.
    pub fn is_terminal(&self) -> bool {
        self.output.is_none() && io::stdout().is_terminal()
    }

    /// Has something written; `write` is told how many columns there are.
    pub fn print(&self, write: impl FnOnce(u16, &mut dyn Write) -> io::Result<()>) -> Result<()> {
        let Some(path) = &self.output else {
            let out = io::stdout();
            let width = if out.is_terminal() { console::Term::stdout().size().1.max(80) } else { WIDTH };
            let mut out = BufWriter::new(out.lock());
            return match write(width, &mut out).and_then(|()| out.flush()) {
                // A reader that has seen enough.
                Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                    Err(Error::io(Path::new("standard output"), error))
                }
                _ => Ok(()),
            };
        };
        let fail = |error| Error::io(path, error);
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".new");
        let temporary = path.with_file_name(name);
        let mut file = BufWriter::new(File::create(&temporary).map_err(fail)?);
        write(WIDTH, &mut file).map_err(fail)?;
        file.flush().map_err(fail)?;
        std::fs::rename(&temporary, path).map_err(fail)
    }
}
