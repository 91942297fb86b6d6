//! How and where a command prints: by a format, on standard output or into the file of `-o`. Nothing else opens either.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use clap::builder::{PathBufValueParser, PossibleValue, PossibleValuesParser, TypedValueParser};
use console::Term;

use super::heading::OUTPUT;
use super::interrupt;
use crate::aws::s3::S3Url;
use crate::error::{Error, ErrorKind, Result};
use crate::report::{Format, Layout, Reader};

/// Columns of text that is not printed to a terminal.
const WIDTH: u16 = 100;

/// Least columns that text is wrapped at.
const LEAST: u16 = 40;

/// Where to print.
#[derive(Debug, Default, Args)]
pub(super) struct Output {
    /// Write to this file instead of standard output.
    #[arg(short, long, value_name = "FILE", help_heading = OUTPUT, value_parser = local())]
    output: Option<PathBuf>,
}

impl Output {
    /// Who reads a format here. What a person reads in a file may be read later, or never: errors are printed as for lines.
    pub fn reader<D>(&self, format: &Format<D>) -> Reader {
        if self.output.is_some() && format.reader == Reader::Person { Reader::Lines } else { format.reader }
    }

    /// Whether a person sees what is printed, as it is printed.
    pub fn is_terminal(&self) -> bool {
        self.output.is_none() && io::stdout().is_terminal()
    }

    /// Prints a document of which there is no other choice than its format; `again` are the options of its evidence.
    pub fn print<D>(&self, format: &Format<D>, document: &D, again: Vec<String>) -> Result<()> {
        // What is not read on a terminal is searched and cut by other programs.
        let wide = !self.is_terminal();
        self.write(|width, out| format.write(document, &Layout { width, wide, again, ..Layout::default() }, out))
    }

    /// Has something written; `write` gets the number of columns. A reader that hangs up is no failure.
    pub fn write(&self, write: impl FnOnce(u16, &mut dyn Write) -> io::Result<()>) -> Result<()> {
        let Some(path) = &self.output else {
            let columns = width(self.is_terminal().then(Term::stdout));
            let written = watched(io::stdout().lock(), |out| write(columns, out));
            return read_enough(written).map_err(|error| Error::io(Path::new("standard output"), error));
        };
        write_file(path, |file| write(width(None), file)).map_err(|error| unwritten(path, error))
    }
}

/// Takes one of these formats by its name.
pub(super) fn one_of<D>(all: &'static [Format<D>]) -> impl TypedValueParser<Value = &'static Format<D>> {
    let names = all.iter().map(|format| PossibleValue::new(format.name).help(format.help));
    PossibleValuesParser::new(names)
        .try_map(|name| Format::named(all, &name).ok_or_else(|| format!("there is no format {name}")))
}

/// Takes the path of a file or folder on this machine, and nothing that is elsewhere, as `s3://bucket/key`.
pub(super) fn local() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().try_map(|path| match has_scheme(&path) || is_mistyped(&path) {
        true => Err("only local paths are supported. Copy from or to S3 with `aws s3 cp`"),
        false => Ok(path),
    })
}

/// Takes the path of a bundle or of logs: on this machine, or `s3://bucket/prefix`.
pub(super) fn local_or_s3() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().try_map(|path| match path.to_str() {
        Some(text) if S3Url::is_s3(&path) => text.parse::<S3Url>().map(|_| path),
        _ if has_scheme(&path) || is_mistyped(&path) => {
            Err("use a local path, or s3://BUCKET/PREFIX. A folder with such a name is ./NAME".to_owned())
        }
        _ => Ok(path),
    })
}

/// Whether a path looks like one in S3, and would be a folder of this machine: `s3:/bucket`, `s3//bucket`, an ARN.
fn is_mistyped(path: &Path) -> bool {
    let is_in_s3 = |text: &str| text.starts_with("arn:") && text.contains(":s3:");
    path.to_str().is_some_and(|text| text.starts_with("s3:") || text.starts_with("s3//") || is_in_s3(text))
}

/// Whether a path begins like a URL with a host.
///
/// Source: RFC 3986, sections 3.1 and 3.2.
fn has_scheme(path: &Path) -> bool {
    let scheme = path.to_str().and_then(|text| text.split_once("://")).map_or("", |(scheme, _)| scheme);
    scheme.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

/// The columns to print: `COLUMNS`, else those of the terminal, else a default.
pub(super) fn width(terminal: Option<Term>) -> u16 {
    let set = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    set.unwrap_or_else(|| terminal.map_or(WIDTH, |terminal| terminal.size().1)).max(LEAST)
}

/// Writes a report to a path: into what is no file on disk, such as a pipe, as it comes; else a file that is there whole or
/// not at all. A new file is readable by its owner alone; one that is replaced keeps its permissions, and a link stays.
fn write_file(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let target = target(path)?;
    let before = match target.metadata() {
        Ok(before) => Some(before),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    if is_stream(path) || before.as_ref().is_some_and(|before| !before.is_file()) {
        let written = watched(File::options().append(true).open(path)?, write);
        // A named pipe must take the whole report; standard output may be `head`.
        return if is_stream(path) { read_enough(written) } else { written };
    }
    if before.is_some() {
        // One that may not be written to is not replaced either.
        File::options().append(true).open(&target)?;
    }
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // It has a name that no other file has, and is removed where anything fails.
    let mut file = tempfile::Builder::new().prefix(".ssl-usage-").tempfile_in(folder)?;
    interrupt::unfinished(Some(file.path()));
    watched(file.as_file_mut(), write)?;
    if let Some(before) = before {
        file.as_file().set_permissions(before.permissions())?;
    }
    // Some disks report only now that they are full.
    file.as_file().sync_all()?;
    file.persist(&target)?;
    interrupt::unfinished(None);
    Ok(())
}

/// The error of a file that could not be written.
fn unwritten(path: &Path, error: io::Error) -> Error {
    let subject = path.display().to_string();
    if path.is_dir() {
        return Error::new(ErrorKind::Io, subject, "it is a folder").hint("give the name of a file").because(error);
    }
    match path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.exists()) {
        Some(folder) => {
            let message = format!("the folder {} does not exist", folder.display());
            Error::new(ErrorKind::NotFound, subject, message).hint("create it first").because(error)
        }
        None => Error::io(path, error),
    }
}

/// Whether a path stands for what a process has open: `/dev/stdout`, `/dev/fd/3`, `/proc/self/fd/3`.
fn is_stream(path: &Path) -> bool {
    ["/dev/stdout", "/dev/stderr", "/dev/fd", "/proc"].iter().any(|open| path.starts_with(open))
}

/// Most links that lead to a file, as Linux has it. Source: `path_resolution(7)`.
const LINKS: usize = 40;

/// Where the links of a path lead, whether there is a file or not.
fn target(path: &Path) -> io::Result<PathBuf> {
    let mut target = path.to_owned();
    for _ in 0..LINKS {
        match target.read_link() {
            Ok(link) => target = target.parent().unwrap_or(Path::new("")).join(link),
            // It is no link.
            Err(_) => return Ok(target),
        }
    }
    Err(io::Error::other("too many levels of symbolic links"))
}

/// Has something written, through a buffer. The writers of CSV and Parquet replace a failure of the output by an error of
/// their own: the failure itself is what is returned.
fn watched(out: impl Write, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut out = Watched { out: BufWriter::new(out), failure: None };
    let written = write(&mut out).and_then(|()| out.flush());
    written.map_err(|error| out.failure.take().unwrap_or(error))
}

/// An output that keeps its first failure.
struct Watched<W> {
    out: W,
    failure: Option<io::Error>,
}

impl<W> Watched<W> {
    /// Keeps a failure, and passes on another of its kind.
    fn watch<T>(&mut self, done: io::Result<T>) -> io::Result<T> {
        done.map_err(|error| {
            let kind = error.kind();
            // After an interruption, writers try again.
            if kind != io::ErrorKind::Interrupted {
                self.failure.get_or_insert(error);
            }
            kind.into()
        })
    }
}

impl<W: Write> Write for Watched<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes);
        self.watch(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.out.flush();
        self.watch(flushed)
    }
}

/// A reader that has seen enough is no failure.
fn read_enough(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}
