//! The evidence that a command analyzes: read from AWS, or from bundles.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;

use super::collection_summary::CollectionSummary;
use super::fleet::{DAYS, Fleet, PLACES, Places};
use super::heading::EVIDENCE;
use super::output::local_or_s3;
use super::progress::{Bar, JUDGING};
use super::{complain_of, dry_run, policy, working_copies};
use crate::bundle::{Evidence, Scope, load};
use crate::error::{Error, ErrorKind, Result};
use crate::inventory::Filter;
use crate::preflight::Preflight;
use crate::problem::Problem;
use crate::progress::Progress;
use crate::report::{Reader, Report};
use crate::verdict::Policy;
use crate::window::Window;

/// Which fleet is analyzed, and where its evidence is.
#[derive(Debug, Args)]
pub(super) struct Subject {
    #[command(flatten)]
    pub fleet: Fleet,
    /// Read evidence from this bundle (a folder, or s3://BUCKET/PREFIX) instead of calling AWS (repeatable).
    #[arg(long, value_name = "BUNDLE", help_heading = EVIDENCE, conflicts_with_all = PLACES, conflicts_with_all = ["source", "log_format", "insights", "dry_run"], value_parser = local_or_s3())]
    pub from: Vec<PathBuf>,
    /// Bundle in which evidence from AWS is saved. Default: ~/.local/share/ssl-usage/bundle.
    #[arg(long, value_name = "BUNDLE", conflicts_with = "from", help_heading = EVIDENCE, value_parser = local_or_s3())]
    pub bundle: Option<PathBuf>,
    /// Policy file (TOML): required evidence, ignored clients, attestations. Example: samples/policy.toml.
    #[arg(long, value_name = "FILE", help_heading = EVIDENCE)]
    pub policy: Option<PathBuf>,
    /// Accept evidence without digests (older bundles), although it cannot be verified.
    #[arg(long, help_heading = EVIDENCE)]
    pub accept_unverified: bool,
}

/// What a command makes of the evidence of a fleet.
pub(super) trait Judged: Sized {
    /// What the evidence gives, within a window.
    fn new(evidence: &Evidence, window: Window, policy: Policy, progress: &dyn Progress) -> Self;
    /// What there is where there is no evidence, but errors.
    fn without_instances(window: Window, policy: Policy, errors: Vec<Problem>) -> Self;
    /// What could not be read.
    fn errors(&self) -> &[Problem];
    /// Reads it at this time: texts for people count days from then on.
    fn read_at(&mut self, clock: Timestamp);
    /// Says which filter chose its instances.
    fn chosen_by(&mut self, filter: &Filter);
}

macro_rules! judged {
    ($type:ty, $read_at:expr, $chosen_by:expr) => {
        impl Judged for $type {
            fn new(evidence: &Evidence, window: Window, policy: Policy, progress: &dyn Progress) -> Self {
                Self::new(evidence, window, policy, progress)
            }

            fn without_instances(window: Window, policy: Policy, errors: Vec<Problem>) -> Self {
                Self::without_instances(window, policy, errors)
            }

            fn errors(&self) -> &[Problem] {
                &self.errors
            }

            fn read_at(&mut self, clock: Timestamp) {
                $read_at(self, clock);
            }

            fn chosen_by(&mut self, filter: &Filter) {
                $chosen_by(self, filter);
            }
        }
    };
}

judged!(Report, Report::read_at, Report::chosen_by);
// It counts no days.
judged!(Preflight, |_, _| (), |_, _| ());

impl Subject {
    /// Judges the fleet, prints what comes of it or what failed, and returns the status of the run, which `status` gives.
    /// With `--dry-run`, prints what it would take.
    pub fn judge<J: Judged>(
        &self,
        reader: Reader,
        status: impl FnOnce(Result<&J, &Error>) -> u8,
        print: impl FnOnce(&mut J, Vec<String>) -> Result<()>,
    ) -> Result<u8> {
        // Before AWS is asked for hours.
        let policy = self.policy()?;
        if self.fleet.dry_run {
            return dry_run::print(&self.fleet, &self.bundle()?);
        }
        let clock = self.fleet.now.unwrap_or_else(Timestamp::now);
        let mut again = self.again();
        let mut summary = None;
        let (mut judged, failure) = match self.evidence(&mut summary) {
            Ok((evidence, window)) => {
                again.extend(self.regions_again(&evidence));
                let judged = J::new(&evidence, window, policy, &Bar::new(JUDGING));
                if reader != Reader::Person {
                    complain_of(judged.errors());
                }
                (judged, None)
            }
            Err(error) => {
                let errors: Vec<Problem> = error.all().map(Problem::from).collect();
                complain_of(&errors);
                if reader != Reader::Document {
                    return Ok(status(Err(&error)));
                }
                (J::without_instances(self.fleet.window(clock), policy, errors), Some(error))
            }
        };
        judged.read_at(clock);
        judged.chosen_by(&self.fleet.filter());
        print(&mut judged, again)?;
        if let Some(summary) = summary {
            // What a person reads ends with the next commands.
            let judge = [("Report verdicts again".to_owned(), "analyze", "")];
            let is_last = reader == Reader::Person || !self.fleet.logs;
            summary.print(judged.errors(), if is_last { &[] } else { &judge });
        }
        Ok(status(failure.as_ref().map_or(Ok(&judged), Err)))
    }

    /// What the policy requires of the evidence.
    pub fn policy(&self) -> Result<Policy> {
        let policy = policy::load(self.policy.as_deref())?;
        Ok(Policy { accept_unverified: self.accept_unverified, ..policy })
    }

    /// The evidence, gathered now or kept, and the window that is asked for.
    pub fn evidence(&self, summary: &mut Option<CollectionSummary>) -> Result<(Evidence, Window)> {
        let evidence = if self.from.is_empty() {
            let (evidence, collected) = self.fleet.gather(&self.bundle()?)?;
            *summary = Some(collected);
            evidence
        } else {
            let mut evidence = load(&working_copies::all_local(&self.from)?, Scope::All)?;
            evidence.keep_only(&self.fleet.filter())?;
            evidence
        };
        let now = self.fleet.now.unwrap_or(evidence.collected_at);
        Ok((evidence, self.fleet.window(now)))
    }

    /// The options that choose the accounts and regions of this evidence again: those that are given, and those of a run
    /// against AWS if the bundle holds others as well.
    fn regions_again(&self, evidence: &Evidence) -> Vec<String> {
        let Places { account, region, .. } = &self.fleet.places;
        let (mut accounts, mut regions) = (BTreeSet::from_iter(account), BTreeSet::from_iter(region));
        let collections = if evidence.has_others { evidence.collections() } else { Vec::new() };
        accounts.extend(collections.iter().filter_map(|collection| collection.of.account.as_ref()));
        regions.extend(collections.iter().map(|collection| &collection.of.region));
        let accounts = accounts.into_iter().map(|number| ["--account".to_owned(), number.clone()]);
        let regions = regions.into_iter().map(|name| ["--region".to_owned(), name.clone()]);
        accounts.chain(regions).flatten().collect()
    }

    /// The options that judge the same evidence again, from the bundles that hold it.
    fn again(&self) -> Vec<String> {
        let extended = || self.bundle().into_iter().collect();
        let bundles: Vec<PathBuf> = if self.from.is_empty() { extended() } else { self.from.clone() };
        let path = |path: &PathBuf| path.display().to_string();
        let option = |name: &str, value: String| [name.to_owned(), value];
        let Fleet { days, instance, engine, now, places, .. } = &self.fleet;
        let bundles = bundles.iter().map(|bundle| option("--from", path(bundle)));
        let instances = instance.iter().map(|name| option("--instance", name.as_str().to_owned()));
        let engines = engine.iter().map(|name| option("--engine", name.clone()));
        let tags = places.tag.iter().map(|tag| option("--tag", tag.to_string()));
        let days = (*days != DAYS).then(|| option("--days", days.to_string()));
        let policy = self.policy.iter().map(|policy| option("--policy", path(policy)));
        let now = now.iter().map(|now| option("--now", now.to_string()));
        let options = bundles.chain(days).chain(instances).chain(engines).chain(tags);
        let unverified = self.accept_unverified.then(|| "--accept-unverified".to_owned());
        options.chain(policy).chain(now).flatten().chain(unverified).collect()
    }

    /// The bundle that a command adds to: the one that it reads, or that a run against AWS extends.
    pub fn own_bundle(&self) -> Result<PathBuf> {
        self.from.first().map_or_else(|| self.bundle(), |path| Ok(path.clone()))
    }

    /// The bundle that a run against AWS extends: the one that is named, or one under the user's data folder.
    pub fn bundle(&self) -> Result<PathBuf> {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let data = || set("XDG_DATA_HOME").or_else(|| Some(set("HOME")?.join(".local/share")));
        self.bundle.clone().or_else(|| Some(data()?.join("ssl-usage/bundle"))).ok_or_else(|| {
            Error::new(ErrorKind::Usage, "bundle", "there is no home folder in which to save the evidence")
                .hint("add --bundle BUNDLE")
        })
    }
}
