//! `ssl-usage analyze`: do my instances use SSL, and must their certificates be rotated?

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use jiff::Timestamp;

use super::fail_on::FailOn;
use super::fleet::{Fleet, none_is_meant};
use super::{complain, dry_run, exit};
use crate::bundle::{Evidence, Scope, load};
use crate::error::{Error, ErrorKind, Result, Trouble};
use crate::report::{self, Format, Group, Layout, Report, Rows, Sort};
use crate::verdict::Policy;

/// Columns of a table that is not printed to a terminal.
const WIDTH: u16 = 100;

/// Do my instances use SSL, and must their certificates be rotated?
///
/// Reads inventory and logs from AWS, keeps the evidence in a bundle (by default under the data folder of your home), and
/// judges it. With --from, judges what was collected before, and asks nothing of AWS.
///
/// Verdicts: required (TLS is in use, or, marked `?`, nobody can tell), deferrable (clients were seen, none with TLS: stage
/// the certificate with no restart), optional (nothing to rotate).
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ssl-usage analyze --days 14
  ssl-usage analyze --region eu-west-1 --instance orders --format json | jq '.instances[].rotation'
  ssl-usage analyze --from evidence --format csv -o verdicts.csv
  ssl-usage analyze --from evidence --format parquet --rows clients -o clients.parquet
  ssl-usage analyze --from evidence --group-by account --sort days
  ssl-usage analyze --from evidence --explain orders
  ssl-usage analyze --from evidence --fail-on required,expiring=30d

Exit status: 0 done; 1 failed; 2 bad usage; 3 done, but part of the fleet could not be read (the report says which);
4 something is as --fail-on says it must not be.")]
pub(super) struct Analyze {
    #[command(flatten)]
    fleet: Fleet,
    /// Judge the evidence in this bundle instead of asking AWS; may be given more than once.
    #[arg(long, value_name = "BUNDLE", conflicts_with_all = ["Places", "source", "log_format", "insights", "dry_run"])]
    from: Vec<PathBuf>,
    /// The bundle that a run against AWS extends.
    #[arg(long, value_name = "BUNDLE", conflicts_with = "from")]
    bundle: Option<PathBuf>,
    /// How to print the report.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Write the report to this file instead of standard output.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// What there is a row for, in CSV and Parquet.
    #[arg(long, value_enum, default_value_t)]
    rows: Rows,
    /// The order of the instances.
    #[arg(long, value_enum, value_name = "COLUMN", default_value_t)]
    sort: Sort,
    /// Keep instances together that have this in common, with a heading in tables and Markdown.
    #[arg(long, value_enum, value_name = "WHAT")]
    group_by: Option<Group>,
    /// Show all columns of the table, and nothing shortened, however wide it gets.
    #[arg(long)]
    wide: bool,
    /// Explain the verdict on this instance, with all there is to it, instead of printing the report.
    #[arg(long, value_name = "INSTANCE", conflicts_with_all = ["format", "rows", "sort", "group_by", "wide"])]
    explain: Option<String>,
    /// End with status 4 where an instance or the run is like this; with commas between several: required, unproven,
    /// deferrable, errors, or expiring=30d, a certificate that ends within 30 days or whose end is not known.
    #[arg(long, value_name = "WHAT", value_delimiter = ',')]
    fail_on: Vec<FailOn>,
}

impl Analyze {
    pub fn run(self) -> Result<u8> {
        if self.fleet.dry_run {
            return dry_run::print(&self.fleet, &self.bundle.clone().map_or_else(default_bundle, Ok)?);
        }
        if self.format == Format::Parquet && self.output.is_none() && io::stdout().is_terminal() {
            return Err(Error::new(ErrorKind::Usage, "--format parquet", "a terminal cannot show it")
                .hint("name a file with -o, or send it to another program"));
        }
        let (mut report, status) = match self.report() {
            Ok(report) => {
                // The table prints its errors itself.
                for error in report.errors.iter().filter(|_| self.format != Format::Table) {
                    complain(&format!("{}: {}", error.subject, error.message));
                }
                let status = exit::of_conditions(&report, &self.fail_on);
                (report, status)
            }
            // Programs get a whole document whatever happens: nothing on standard output could be read as "clean".
            Err(error) if matches!(self.format, Format::Json | Format::Ndjson) => {
                complain(&error);
                let window = self.fleet.window(self.fleet.now.unwrap_or_else(Timestamp::now));
                let errors = vec![Trouble::from(&error)];
                (Report::without_instances(window, Policy::default(), errors), exit::of_error(error.kind()))
            }
            Err(error) => return Err(error),
        };
        report.arrange(self.sort, self.group_by);
        self.print(&report)?;
        Ok(status)
    }

    fn report(&self) -> Result<Report> {
        let evidence = if self.from.is_empty() {
            let bundle = self.bundle.clone().map_or_else(default_bundle, Ok)?;
            let now = self.fleet.gather(&bundle)?;
            load(&[bundle], Scope::TakenAt(now))?
        } else {
            self.kept()?
        };
        let now = self.fleet.now.unwrap_or(evidence.collected_at);
        Ok(Report::new(&evidence, self.fleet.window(now), Policy::default()))
    }

    /// The evidence in the bundles, of the instances that are meant.
    fn kept(&self) -> Result<Evidence> {
        let mut evidence = load(&self.from, Scope::All)?;
        let (filter, named) = (self.fleet.filter(), &self.fleet.instance);
        evidence.instances.retain(|known| filter.takes_kept(&known.profile.instance, &known.profile.engine));
        let is_there =
            |name: &&String| evidence.instances.iter().any(|known| known.profile.instance.eq_ignore_ascii_case(name));
        let missing = |name: &String| {
            let error = Error::new(ErrorKind::NotFound, name.clone(), "no such instance in the bundle");
            error.hint("leave --instance out to see all")
        };
        let absent: Vec<Error> = named.iter().filter(|name| !is_there(name)).map(missing).collect();
        if evidence.instances.is_empty() {
            let none = (named.is_empty() && !filter.is_empty()).then(none_is_meant);
            absent.into_iter().chain(none).next().map_or(Ok(()), Err)?;
        } else {
            evidence.errors.extend(absent.iter().map(Trouble::from));
        }
        Ok(evidence)
    }

    fn print(&self, report: &Report) -> Result<()> {
        let Some(path) = &self.output else {
            let out = io::stdout();
            let mut layout = self.layout(WIDTH);
            if out.is_terminal() {
                layout.width = console::Term::stdout().size().1.max(80);
                layout.colours = takes_colours();
            }
            return self.print_to(report, &layout, Path::new("standard output"), &mut BufWriter::new(out.lock()));
        };
        let fail = |error| Error::io(path, error);
        // Under another name first, so that a report is there whole or not at all.
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".new");
        let temporary = path.with_file_name(name);
        let mut file = BufWriter::new(File::create(&temporary).map_err(fail)?);
        self.print_to(report, &self.layout(WIDTH), path, &mut file)?;
        std::fs::rename(&temporary, path).map_err(fail)
    }

    fn print_to(&self, report: &Report, layout: &Layout, path: &Path, out: &mut dyn Write) -> Result<()> {
        let explained = self.explain.as_deref().map(|named| (named, report::explain(report, named, out)));
        let printed = match explained {
            Some((named, Ok(0))) => {
                return Err(Error::new(ErrorKind::NotFound, named, "no such instance in the report")
                    .hint("leave --explain out to see all"));
            }
            Some((_, explained)) => explained.map(drop),
            None => report::write(report, self.format, layout, out),
        };
        match printed.and_then(|()| out.flush()) {
            // A reader that has seen enough.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Error::io(path, error)),
            _ => Ok(()),
        }
    }

    fn layout(&self, width: u16) -> Layout {
        Layout { width, wide: self.wide, colours: false, group_by: self.group_by, rows: self.rows }
    }
}

/// Whether a terminal takes colours, by what its user says.
///
/// Source: <https://no-color.org>.
fn takes_colours() -> bool {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    set("NO_COLOR").is_none() && set("TERM").is_some_and(|term| term != "dumb")
}

/// The bundle that is extended when none is named.
fn default_bundle() -> Result<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let data = set("XDG_DATA_HOME").or_else(|| Some(set("HOME")?.join(".local/share")));
    data.map(|data| data.join("ssl-usage/bundle")).ok_or_else(|| {
        Error::new(ErrorKind::Usage, "bundle", "there is no home folder to keep the evidence in")
            .hint("name a folder with --bundle")
    })
}
