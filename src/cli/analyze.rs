//! `ssl-usage analyze`: do my instances use SSL, and must their certificates be rotated?

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use jiff::Timestamp;

use super::fleet::{Fleet, none_is_meant};
use super::{complain, dry_run, exit};
use crate::bundle::{Evidence, Scope, load};
use crate::error::{Error, ErrorKind, Result, Trouble};
use crate::report::{self, Format, Report};
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
  ssl-usage analyze --from evidence --format html -o report.html

Exit status: 0 done; 1 failed; 2 bad usage; 3 done, but part of the fleet could not be read (the report says which).")]
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
}

impl Analyze {
    pub fn run(self) -> Result<u8> {
        if self.fleet.dry_run {
            return dry_run::print(&self.fleet, &self.bundle.clone().map_or_else(default_bundle, Ok)?);
        }
        let (report, status) = match self.report() {
            Ok(report) => {
                // The table prints its errors itself.
                for error in report.errors.iter().filter(|_| self.format != Format::Table) {
                    complain(&format!("{}: {}", error.subject, error.message));
                }
                let status = exit::of_report(&report);
                (report, status)
            }
            // Programs get a whole document whatever happens: nothing on standard output could be read as "clean".
            Err(error) if self.format == Format::Json => {
                complain(&error);
                let window = self.fleet.window(self.fleet.now.unwrap_or_else(Timestamp::now));
                let errors = vec![Trouble::from(&error)];
                (Report::without_instances(window, Policy::default(), errors), exit::of_error(error.kind()))
            }
            Err(error) => return Err(error),
        };
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
            let width = if out.is_terminal() { console::Term::stdout().size().1.max(80) } else { WIDTH };
            return match report::write(report, self.format, width, &mut BufWriter::new(out.lock())) {
                // A reader that has seen enough.
                Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                    Err(Error::io(Path::new("standard output"), error))
                }
                _ => Ok(()),
            };
        };
        let fail = |error| Error::io(path, error);
        // Under another name first, so that a report is there whole or not at all.
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".new");
        let temporary = path.with_file_name(name);
        let mut file = BufWriter::new(File::create(&temporary).map_err(fail)?);
        report::write(report, self.format, WIDTH, &mut file).map_err(fail)?;
        file.flush().map_err(fail)?;
        std::fs::rename(&temporary, path).map_err(fail)
    }
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
