//! The evidence that a command analyzes: read from AWS, or from bundles.

use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;

use super::fail_on::FailOn;
use super::fleet::{Fleet, none_is_meant};
use super::heading::EVIDENCE;
use super::progress::{Bar, JUDGING};
use super::{complain_of, dry_run, exit, policy};
use crate::bundle::{Evidence, Scope, load};
use crate::error::{Error, ErrorKind, Result};
use crate::inventory::NamePattern;
use crate::problem::Problem;
use crate::report::Report;
use crate::verdict::Policy;
use crate::window::Window;

/// Which fleet is analyzed, and where its evidence is.
#[derive(Debug, Args)]
pub(super) struct Subject {
    #[command(flatten)]
    pub fleet: Fleet,
    /// Read evidence from this bundle instead of calling AWS (repeatable).
    #[arg(long, value_name = "BUNDLE", help_heading = EVIDENCE, conflicts_with_all = ["Places", "source", "log_format", "insights", "dry_run"])]
    pub from: Vec<PathBuf>,
    /// Bundle in which evidence from AWS is saved. Default: ~/.local/share/ssl-usage/bundle.
    #[arg(long, value_name = "BUNDLE", conflicts_with = "from", help_heading = EVIDENCE)]
    pub bundle: Option<PathBuf>,
    /// Policy file (TOML): required evidence, ignored clients, attestations. Example: samples/policy.toml.
    #[arg(long, value_name = "FILE", help_heading = EVIDENCE)]
    pub policy: Option<PathBuf>,
    /// Accept evidence without digests (older bundles), although it cannot be verified.
    #[arg(long, help_heading = EVIDENCE)]
    pub accept_unverified: bool,
}

/// Who reads what a command prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reader {
    /// A person: errors of the run stand in what is printed.
    Person,
    /// A program that takes lines, which have no room for errors.
    Lines,
    /// A program that takes one document, and gets a whole one whatever happens: nothing on standard output could be read
    /// as "clean".
    Document,
}

impl Subject {
    /// Judges the fleet, prints the report, and returns the status of the run, which conditions may change; with `--dry-run`, prints what it would take.
    pub fn judge(
        &self,
        reader: Reader,
        fail_on: &[FailOn],
        print: impl FnOnce(&mut Report) -> Result<()>,
    ) -> Result<u8> {
        // Before AWS is asked for hours.
        let policy = self.policy()?;
        if self.fleet.dry_run {
            return dry_run::print(&self.fleet, &self.bundle()?);
        }
        let (mut report, status) = match self.report(policy.clone()) {
            Ok(report) => {
                if reader != Reader::Person {
                    complain_of(&report.errors);
                }
                let status = exit::of_conditions(&report, fail_on);
                (report, status)
            }
            Err(error) if reader == Reader::Document => {
                let errors: Vec<Problem> = error.all().map(Problem::from).collect();
                complain_of(&errors);
                let window = self.fleet.window(self.fleet.now.unwrap_or_else(Timestamp::now));
                (Report::without_instances(window, policy, errors), exit::of_error(error.kind()))
            }
            Err(error) => return Err(error),
        };
        print(&mut report)?;
        Ok(status)
    }

    /// What the policy requires of the evidence.
    pub fn policy(&self) -> Result<Policy> {
        let policy = policy::load(self.policy.as_deref())?;
        Ok(Policy { accept_unverified: self.accept_unverified, ..policy })
    }

    fn report(&self, policy: Policy) -> Result<Report> {
        let (evidence, window) = self.evidence()?;
        Ok(Report::new(&evidence, window, policy, &Bar::new(JUDGING)))
    }

    /// The evidence, gathered now or kept, and the window that is asked for.
    pub fn evidence(&self) -> Result<(Evidence, Window)> {
        let evidence = if self.from.is_empty() {
            let bundle = self.bundle()?;
            let (now, unwritten) = self.fleet.gather(&bundle)?;
            let mut evidence = load(&[bundle], Scope::TakenAt(now))?;
            evidence.errors.extend(unwritten);
            evidence
        } else {
            self.kept()?
        };
        let now = self.fleet.now.unwrap_or(evidence.collected_at);
        Ok((evidence, self.fleet.window(now)))
    }

    /// The evidence in the bundles, of the instances that are meant.
    fn kept(&self) -> Result<Evidence> {
        let mut evidence = load(&self.from, Scope::All)?;
        let (filter, named) = (self.fleet.filter(), &self.fleet.instance);
        evidence.instances.retain(|known| filter.takes_kept(&known.profile.instance, &known.profile.engine));
        let is_there =
            |wanted: &&NamePattern| evidence.instances.iter().any(|known| wanted.matches(&known.profile.instance));
        let missing = |wanted: &NamePattern| {
            let message = match wanted.is_exact() {
                true => "the bundle does not contain this instance",
                false => "no instance of the bundle matches",
            };
            let error = Error::new(ErrorKind::NotFound, wanted.as_str(), message);
            error.hint("run the command without --instance to list all instances")
        };
        let absent: Vec<Error> = named.iter().filter(|wanted| !is_there(wanted)).map(missing).collect();
        if evidence.instances.is_empty() {
            let none = (named.is_empty() && !filter.is_empty()).then(none_is_meant);
            absent.into_iter().chain(none).next().map_or(Ok(()), Err)?;
        } else {
            evidence.errors.extend(absent.iter().map(Problem::from));
        }
        Ok(evidence)
    }

    /// The bundle that a run against AWS extends: the one that is named, or one under the user's data folder.
    fn bundle(&self) -> Result<PathBuf> {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let data = || set("XDG_DATA_HOME").or_else(|| Some(set("HOME")?.join(".local/share")));
        self.bundle.clone().or_else(|| Some(data()?.join("ssl-usage/bundle"))).ok_or_else(|| {
            Error::new(ErrorKind::Usage, "bundle", "there is no home folder in which to save the evidence")
                .hint("add --bundle BUNDLE")
        })
    }
}
