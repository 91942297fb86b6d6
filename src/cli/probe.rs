//! `ssl-usage probe`: which certificates do the servers present?

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use jiff::Timestamp;

use super::exit;
use super::fleet::{DAYS, Fleet, PLACES, Places, runtime, time};
use super::heading::{EVIDENCE, OUTPUT, WHAT};
use super::input::Subject;
use super::output::{Output, local, one_of};
use super::progress::Bar;
use crate::bundle::{Bundle, ProbePart};
use crate::collect::Source;
use crate::error::Result;
use crate::handshake;
use crate::inventory::{Filter, InstanceProfile, NamePattern};
use crate::probe::{FORMATS, Probe};
use crate::progress::Progress;
use crate::report::{Format, Reader};

/// Connect to the instances, and record the certificates that they present.
///
/// Makes one TLS handshake with each address of each endpoint, without a login, and compares the certificate with the one
/// that AWS lists. After a rotation, this proves that it took effect. The result is saved in the bundle, and `analyze` uses
/// it. Clients of RDS Proxy see another certificate, which this command does not show.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ssl-usage probe --certificates --all-regions
  ssl-usage probe --certificates --from evidence --instance 'orders-*'
  ssl-usage probe --certificates --from evidence --format json \\
    | jq -r '.servers[] | select(.failure) | .host'

Exit status: 0 success; 1 error; 2 invalid usage; 3 success, but some servers presented no certificate, or part of the inventory could not be read; 130 or 143 interrupted (Ctrl-C or SIGTERM).")]
pub(super) struct RunProbe {
    /// Record the certificates. Requires no database credentials.
    #[arg(long, required = true, help_heading = WHAT)]
    certificates: bool,
    /// Only this instance; * and ? are wildcards (repeatable).
    #[arg(long, value_name = "ID", help_heading = WHAT)]
    instance: Vec<NamePattern>,
    /// Only instances of this engine, for example postgres or aurora-mysql (repeatable).
    #[arg(long, value_name = "ENGINE", help_heading = WHAT, value_parser = Filter::engine)]
    engine: Vec<String>,
    /// Probe the instances of this bundle, without calling AWS, and save the result there.
    #[arg(long, value_name = "BUNDLE", conflicts_with_all = PLACES, help_heading = EVIDENCE, value_parser = local())]
    from: Option<PathBuf>,
    /// Bundle in which the inventory and the result are saved. Default: ~/.local/share/ssl-usage/bundle.
    #[arg(long, value_name = "BUNDLE", conflicts_with = "from", help_heading = EVIDENCE, value_parser = local())]
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
}

impl RunProbe {
    pub fn run(self) -> Result<u8> {
        let fleet = Fleet {
            days: DAYS,
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
        let from = self.from.into_iter().collect();
        let subject = Subject { fleet, from, bundle: self.bundle, policy: None, accept_unverified: true };
        let path = subject.own_bundle()?;
        let mut summary = None;
        let (evidence, _) = subject.evidence(&mut summary)?;
        let profiles: Vec<&InstanceProfile> = evidence.instances.iter().map(|known| &known.profile).collect();
        let probed_at = Timestamp::now();
        let progress: Arc<dyn Progress> = Arc::new(Bar::new("connecting"));
        let endpoints = handshake::endpoints(profiles.iter().copied());
        let probed = runtime()?.block_on(handshake::probe(endpoints, &progress))?;
        drop(progress);
        let mut places: BTreeMap<(&str, &str), Vec<&InstanceProfile>> = BTreeMap::new();
        for profile in &profiles {
            places.entry((&profile.account, &profile.region)).or_default().push(profile);
        }
        let part = |((account, region), profiles): ((&str, &str), Vec<&InstanceProfile>)| {
            ProbePart::new((account, region, probed_at), &profiles, &probed)
        };
        let parts: Vec<ProbePart> = places.into_iter().map(part).filter(|part| !part.rows.is_empty()).collect();
        let bundle = Bundle::create(&path)?;
        parts.iter().try_for_each(|part| bundle.write_probe(part))?;
        let probe = Probe::new(probed_at, &profiles, &parts, evidence.errors.clone());
        if self.output.reader(self.format) != Reader::Person {
            super::complain_of(&probe.errors);
        }
        self.output.print(self.format, &probe, vec!["--from".to_owned(), path.display().to_string()])?;
        if let Some(summary) = summary {
            summary.print(&probe.errors, &[]);
        }
        let is_whole = probe.errors.is_empty() && probe.summary.failed == 0;
        Ok(if is_whole { exit::DONE } else { exit::PARTIAL })
    }
}
