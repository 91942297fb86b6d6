//! What a command judges: a fleet, asked live, or the evidence that bundles keep of one.

use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;

use super::fail_on::FailOn;
use super::fleet::{Fleet, none_is_meant};
use super::progress::{Bar, JUDGING};
use super::{complain_of, dry_run, exit, policy};
use crate::bundle::{Evidence, Scope, load};
use crate::error::{Error, ErrorKind, Result};
use crate::problem::Problem;
use crate::report::Report;
use crate::verdict::Policy;
use crate::window::Window;

/// Which fleet is judged, and where its evidence is.
#[derive(Debug, Args)]
pub(super) struct Subject {
    #[command(flatten)]
    pub fleet: Fleet,
    /// Judge the evidence in this bundle instead of asking AWS; may be given more than once.
    #[arg(long, value_name = "BUNDLE", conflicts_with_all = ["Places", "source", "log_format", "insights", "dry_run"])]
    pub from: Vec<PathBuf>,
    /// The bundle that a run against AWS extends.
    #[arg(long, value_name = "BUNDLE", conflicts_with = "from")]
    pub bundle: Option<PathBuf>,
    /// What to demand of the evidence, which clients to ignore, and what persons attest (TOML; see samples/policy.toml).
    #[arg(long, value_name = "FILE")]
    pub policy: Option<PathBuf>,
    /// Accept evidence without digests, as of older bundles, although it cannot be verified.
    #[arg(long)]
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
            evidence.errors.extend(absent.iter().map(Problem::from));
        }
        Ok(evidence)
    }

    /// The options that judge the same evidence again, from the bundles that hold it.
    pub fn again(&self) -> Vec<String> {
        let extended = || self.bundle().into_iter().collect();
        let bundles: Vec<PathBuf> = if self.from.is_empty() { extended() } else { self.from.clone() };
        let path = |path: &PathBuf| path.display().to_string();
        let option = |name: &str, value: String| [name.to_owned(), value];
        let Fleet { days, instance, engine, now, .. } = &self.fleet;
        let bundles = bundles.iter().map(|bundle| option("--from", path(bundle)));
        let instances = instance.iter().map(|name| option("--instance", name.clone()));
        let engines = engine.iter().map(|name| option("--engine", name.clone()));
        let policy = self.policy.iter().map(|policy| option("--policy", path(policy)));
        let now = now.iter().map(|now| option("--now", now.to_string()));
        let options = bundles.chain([option("--days", days.to_string())]).chain(instances).chain(engines);
        let unverified = self.accept_unverified.then(|| "--accept-unverified".to_owned());
        options.chain(policy).chain(now).flatten().chain(unverified).collect()
    }

    /// The bundle that a run against AWS extends: the one that is named, or one under the user's data folder.
    fn bundle(&self) -> Result<PathBuf> {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let data = || set("XDG_DATA_HOME").or_else(|| Some(set("HOME")?.join(".local/share")));
        self.bundle.clone().or_else(|| Some(data()?.join("ssl-usage/bundle"))).ok_or_else(|| {
            Error::new(ErrorKind::Usage, "bundle", "there is no home folder to keep the evidence in")
                .hint("name a folder with --bundle")
        })
    }
}
