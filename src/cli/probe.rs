//! `ssl-usage probe`: which certificates do the servers present, and who is connected?

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{ArgGroup, Args, ValueEnum};
use jiff::Timestamp;

use super::fleet::{DAYS, Fleet, PLACES, Places, runtime, time};
use super::heading::{EVIDENCE, OUTPUT, WHAT};
use super::input::Subject;
use super::output::{Output, local_or_s3, one_of};
use super::progress::Bar;
use super::sampling::{Rounds, Sampling};
use super::{complain, complain_of, exit, working_copies};
use crate::bundle::Bundle;
use crate::error::Result;
use crate::handshake;
use crate::inventory::{Filter, NamePattern};
use crate::probe::{Asked, FORMATS, Probe};
use crate::problem::Problem;
use crate::progress::Progress;
use crate::report::{Format, Reader};
use crate::text::listed;

/// Connect to the instances, and record their certificates and their open sessions.
///
/// --certificates makes one TLS handshake with each address of each endpoint, without a login, and compares the certificate
/// with the one that AWS lists. If AWS lists the new certificate, this shows whether the rotation took effect.
///
/// --sessions logs in to each PostgreSQL, MySQL, MariaDB and SQL Server instance, and lists who is connected, with or without
/// TLS. It reads only. A list shows one moment: repeat it with --every and --for, or from cron.
///
/// The result is saved in the bundle, and `analyze` uses it. Clients of RDS Proxy see another certificate, which this command
/// does not show.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").args(["certificates", "sessions"]).multiple(true).required(true))]
#[command(after_help = "Examples:
  ssl-usage probe --certificates --bundle evidence
  ssl-usage probe --certificates --fail-on not-listed
  ssl-usage probe --certificates --from evidence --instance 'orders-*'
  ssl-usage probe --sessions --login iam --user monitor
  ssl-usage probe --sessions --login file --every 60s --for 24h
  ssl-usage probe --certificates --from evidence --format json \\
    | jq -r '.servers[] | select(.failure) | .host'

Exit status: 0 success; 1 error; 2 invalid usage; 3 success, but some servers presented no certificate or did not list their sessions, or part of the inventory could not be read; 4 the condition of --fail-on is met; 130 or 143 interrupted (Ctrl-C or SIGTERM).")]
pub(super) struct RunProbe {
    /// Record the certificates. Requires no database credentials.
    #[arg(long, help_heading = WHAT)]
    certificates: bool,
    /// List the open sessions. Requires a database user: see --login.
    #[arg(long, requires = "login", help_heading = WHAT)]
    sessions: bool,
    #[command(flatten)]
    sampling: Sampling,
    /// Only this instance; * and ? are wildcards (repeatable).
    #[arg(long, value_name = "ID", help_heading = WHAT)]
    instance: Vec<NamePattern>,
    /// Only instances of this engine, for example postgres or aurora-mysql (repeatable).
    #[arg(long, value_name = "ENGINE", help_heading = WHAT, value_parser = Filter::engine)]
    engine: Vec<String>,
    /// Use the inventory of this bundle instead of calling AWS, and save the result there. After a rotation, use --bundle.
    #[arg(long, value_name = "BUNDLE", conflicts_with_all = PLACES, help_heading = EVIDENCE, value_parser = local_or_s3())]
    from: Option<PathBuf>,
    /// Bundle in which the inventory and the result are saved. Default: ~/.local/share/ssl-usage/bundle.
    #[arg(long, value_name = "BUNDLE", conflicts_with = "from", help_heading = EVIDENCE, value_parser = local_or_s3())]
    bundle: Option<PathBuf>,
    /// Use this time as the current time of the inventory, for repeatable runs (for example 2026-11-23T00:00:00Z).
    #[arg(long, value_name = "TIME", help_heading = WHAT, value_parser = time)]
    now: Option<Timestamp>,
    #[command(flatten)]
    places: Places,
    /// Format of the list.
    #[arg(long, help_heading = OUTPUT, value_parser = one_of(FORMATS), default_value = "table")]
    format: &'static Format<Probe>,
    #[command(flatten)]
    output: Output,
    /// Exit with status 4 if a server presents another certificate than AWS lists, or an expired one.
    #[arg(long, value_name = "CONDITION", help_heading = OUTPUT, value_enum)]
    fail_on: Option<Condition>,
}

/// A condition that makes the exit status 4.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Condition {
    /// A server presents another certificate than AWS lists, or an expired one.
    NotListed,
}

impl RunProbe {
    pub fn run(self) -> Result<u8> {
        let asked = Asked { certificates: self.certificates, sessions: self.sessions };
        let access = self.sessions.then(|| self.sampling.access(self.from.is_some())).transpose()?;
        let fleet = Fleet::without_logs(DAYS, self.places, (self.instance, self.engine), self.now);
        let from = self.from.into_iter().collect();
        let subject = Subject { fleet, from, bundle: self.bundle, policy: None, accept_unverified: true };
        let path = subject.own_bundle()?;
        let reader = self.output.reader(self.format);
        let again = vec!["--from".to_owned(), path.display().to_string()];
        let mut summary = None;
        let evidence = match subject.evidence(&mut summary) {
            Ok((evidence, _)) => evidence,
            Err(error) if reader == Reader::Document => {
                let errors: Vec<Problem> = error.all().map(Problem::from).collect();
                complain_of(&errors);
                self.output.print(self.format, &Probe::new(Timestamp::now(), asked, &[], &[], errors), again)?;
                return Ok(exit::of_error(error.kind()));
            }
            Err(error) => return Err(error),
        };
        let profiles = || evidence.instances.iter().map(|known| &known.profile);
        let bundle = Bundle::create(&working_copies::extended(&path, subject.fleet.places.access())?)?;
        let (runtime, probed_at) = (runtime()?, Timestamp::now());
        let probed = match self.certificates {
            true => {
                let progress: Arc<dyn Progress> = Arc::new(Bar::new("connecting"));
                runtime.block_on(handshake::probe(handshake::endpoints(profiles()), &progress))?
            }
            false => Vec::new(),
        };
        let mut rounds = Rounds::new(&bundle, profiles().collect(), probed);
        match access {
            Some(access) => runtime.block_on(self.sampling.run(&access, &subject.fleet, &mut rounds))?,
            None => rounds.add(Vec::new()),
        }
        let parts = rounds.end();
        working_copies::publish(&path)?;
        let parts = parts?;
        let mut probe = Probe::new(probed_at, asked, &evidence.instances, &parts, evidence.errors.clone());
        probe.is_kept = summary.is_none();
        if reader != Reader::Person {
            complain_of(&probe.errors);
        }
        self.output.print(self.format, &probe, again)?;
        if let Some(summary) = summary {
            summary.print(&probe.errors, &[]);
        }
        let differing = probe.servers.iter().filter(|server| server.is_not_as_listed());
        let names: BTreeSet<&str> = differing.map(|server| server.member.id.instance.as_str()).collect();
        if self.fail_on.is_some() && !names.is_empty() {
            complain(&format_args!("condition met: not-listed ({})", listed("instance", &names)));
            return Ok(exit::MET);
        }
        let is_whole = probe.errors.is_empty() && probe.summary.failed + probe.summary.unlisted == 0;
        Ok(if is_whole { exit::DONE } else { exit::PARTIAL })
    }
}
