//! `ssl-usage preflight`: can the question be answered, and what has to be switched on for that?

use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;

use super::fleet::{Fleet, Places};
use super::input::Subject;
use super::output::Output;
use super::progress::{Bar, JUDGING};
use super::{complain_of, exit};
use crate::collect::Source;
use crate::error::Result;
use crate::preflight::{Format, Preflight};
use crate::problem::Problem;

/// Can the question be answered today? If not: what to switch on, what it costs, how long to wait.
///
/// Reads the inventory and CloudWatch's metrics, and no logs but those that were collected before; or, with --from, what is
/// in a bundle. Prints the AWS CLI's commands that switch logging on, and those that have all as it was; runs none of them.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ssl-usage preflight --all-regions
  ssl-usage preflight --from evidence --instance orders
  ssl-usage preflight --format json | jq -r '.instances[] | select(.answer == \"switch-on\") | .why'

Exit status: 0 done; 1 failed; 2 bad usage; 3 done, but part of the fleet could not be read (the list says which).")]
pub(super) struct Check {
    /// Days that are to be judged.
    #[arg(long, default_value_t = 14, value_parser = clap::value_parser!(u32).range(1..=3650))]
    days: u32,
    #[command(flatten)]
    places: Places,
    /// Only this instance; may be given more than once.
    #[arg(long, value_name = "ID")]
    instance: Vec<String>,
    /// Only instances of this engine, as postgres or aurora-mysql; may be given more than once.
    #[arg(long, value_name = "ENGINE")]
    engine: Vec<String>,
    /// Look at the evidence in this bundle instead of asking AWS; may be given more than once.
    #[arg(long, value_name = "BUNDLE", conflicts_with = "Places")]
    from: Vec<PathBuf>,
    /// The bundle that a run against AWS extends, and whose logs say how many sessions there are.
    #[arg(long, value_name = "BUNDLE", conflicts_with = "from")]
    bundle: Option<PathBuf>,
    /// What will be demanded of the evidence (TOML; see samples/policy.toml).
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// Accept evidence without digests, as of older bundles, although it cannot be verified.
    #[arg(long)]
    accept_unverified: bool,
    /// Pretend that it is this time, as 2026-11-23T00:00:00Z, so that a run can be repeated.
    #[arg(long, value_name = "TIME")]
    now: Option<Timestamp>,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    #[command(flatten)]
    output: Output,
}

impl Check {
    pub fn run(self) -> Result<u8> {
        let fleet = Fleet {
            days: self.days,
            places: self.places,
            instance: self.instance,
            engine: self.engine,
            source: Source::Auto,
            log_format: None,
            insights: false,
            dry_run: false,
            now: self.now,
            logs: false,
        };
        let (policy, accept_unverified) = (self.policy, self.accept_unverified);
        let subject = Subject { fleet, from: self.from, bundle: self.bundle, policy, accept_unverified };
        let policy = subject.policy()?;
        let (preflight, status) = match subject.evidence() {
            Ok((evidence, window)) => {
                let preflight = Preflight::new(&evidence, window, policy, &Bar::new(JUDGING));
                // The table prints its errors itself.
                if self.format != Format::Table {
                    complain_of(&preflight.errors);
                }
                let status = exit::of_troubles(&preflight.errors);
                (preflight, status)
            }
            // Programs get a whole document whatever happens: nothing on standard output could be read as "all is on".
            Err(error) if self.format == Format::Json => {
                let errors: Vec<Problem> = error.all().map(Problem::from).collect();
                complain_of(&errors);
                let window = subject.fleet.window(self.now.unwrap_or_else(Timestamp::now));
                (Preflight::without_instances(window, policy, errors), exit::of_error(error.kind()))
            }
            Err(error) => return Err(error),
        };
        let again = subject.again();
        self.output.print(|width, out| preflight.write(self.format, width, &again, out))?;
        Ok(status)
    }
}
