//! The options of `ssl-usage collect --logs`: log files that are there already.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use jiff::Timestamp;

use super::collection_summary::CollectionSummary;
use super::fleet::{Fleet, PLACES, runtime};
use super::heading::EVIDENCE;
use super::output::local;
use super::progress::Bar;
use super::{complain_of, exit, interrupt};
use crate::bundle::{Bundle, ListedFleet};
use crate::collect::{Copies, Request, collect_copies};
use crate::error::{Error, ErrorKind, Result};
use crate::inventory::{self, InstanceProfile};
use crate::logs::directory;
use crate::problem::Problem;
use crate::progress::Progress;
use crate::text::plural;

/// Options of AWS, which make no sense for files.
const OF_AWS: [&str; 6] = ["source", "insights", "dry_run", "days", "tag", "account"];
/// Files that an error names.
const NAMED: usize = 3;

/// Log files that are there already.
#[derive(Debug, Args)]
#[command(next_help_heading = EVIDENCE)]
pub(super) struct CopiedLogs {
    /// Read the log files in this folder instead of calling AWS.
    #[arg(long, value_name = "FOLDER", value_parser = local(), conflicts_with_all = PLACES, conflicts_with_all = OF_AWS)]
    pub logs: Option<PathBuf>,
    /// Bundle whose inventory names the instances, and which is copied into that of -o. Default: that of -o. `preflight --bundle`
    /// creates one.
    #[arg(long, value_name = "BUNDLE", requires = "logs", value_parser = local())]
    inventory: Option<PathBuf>,
    /// Version of the engine, with --instance and --engine instead of an inventory.
    #[arg(long, value_name = "VERSION", requires = "logs", conflicts_with = "inventory")]
    engine_version: Option<String>,
}

impl CopiedLogs {
    /// Reads the files under `logs` into the bundle at `output`.
    pub fn run(&self, logs: &Path, options: &Fleet, output: &Path) -> Result<u8> {
        let files = directory::files(logs)?;
        let bar = Arc::new(Bar::new("counting sessions"));
        let counts = Arc::clone(bar.counts());
        let progress: Arc<dyn Progress> = bar;
        let (inventories, is_one) = self.inventories(options, output)?;
        let bundle = Bundle::create(output)?;
        interrupt::collecting(output, &counts);
        let chosen: Vec<&InstanceProfile> = inventories.iter().flat_map(|(fleet, _)| &fleet.instances).collect();
        let mut copies = match chosen.as_slice() {
            [only] if is_one => Copies::of_one(logs, &files, only),
            all => Copies::assign(logs, &files, all),
        };
        let filter = options.filter();
        let is_left_out = |profile: &&&InstanceProfile| !is_one && filter.takes_profile(profile) == Some(false);
        for profile in chosen.iter().filter(is_left_out) {
            copies.of.remove(&profile.arn);
        }
        let misplaced = misplaced(&copies);
        if copies.of.is_empty() {
            let none = || {
                Error::new(
                    ErrorKind::NoMatch,
                    logs.display().to_string(),
                    "no file is a log with connections of an instance",
                )
                .hint("use the names of RDS, as in orders/error/postgresql.log.2026-11-23-10")
            };
            let mut errors = misplaced.into_iter();
            return Err(errors.next().map_or_else(none, |first| first.and(errors.collect())));
        }
        progress.begin(copies.of.len());
        let known = bundle.parts()?;
        let mut problems: Vec<Problem> = misplaced.iter().map(Problem::from).collect();
        for (fleet, listed) in &inventories {
            let request = Request {
                filter: filter.clone(),
                window: options.window(fleet.taken_at),
                logs: true,
                source: options.source,
                log_format: options.log_format.clone(),
                insights: false,
            };
            let read = collect_copies(&request, fleet, &copies, (&bundle, &known), &progress);
            problems.extend(runtime()?.block_on(read)?);
            bundle.finish(fleet, listed.clone())?;
        }
        interrupt::collected();
        drop(progress);
        complain_of(&problems);
        let summary = CollectionSummary { bundle: output.to_owned(), instances: copies.of.len(), logs: true, counts };
        summary.print(&problems, &[("Report verdicts".to_owned(), "analyze", "")]);
        Ok(exit::of_troubles(&problems))
    }

    /// The inventories of the instances, in the bundle at `output`; and whether all files belong to the one instance that the
    /// options name.
    fn inventories(&self, options: &Fleet, output: &Path) -> Result<(Vec<ListedFleet>, bool)> {
        if self.inventory.is_none()
            && let ([name], [engine]) = (options.instance.as_slice(), options.engine.as_slice())
            && name.is_exact()
        {
            let engine = ssl_usage_parsers::Engine::named(engine)
                .and_then(|known| known.aws_names.first())
                .map_or(engine.as_str(), |name| name);
            let profile = InstanceProfile::unlisted(name.as_str(), engine, self.engine_version.as_deref());
            let fleet = inventory::Fleet::unlisted(profile, options.now.unwrap_or_else(Timestamp::now));
            let listed = Bundle::create(output)?.write_fleet(&fleet)?;
            return Ok((vec![(fleet, listed)], true));
        }
        let of = self.inventory.as_deref().unwrap_or(output);
        let missing = |happened: &str| {
            let hint = "create an inventory with `ssl-usage preflight --bundle BUNDLE`, or add --instance and --engine";
            Error::new(ErrorKind::NotFound, of.display().to_string(), happened).hint(hint)
        };
        if !of.exists() {
            return Err(missing("there is no bundle with an inventory"));
        }
        let (known, bundle) = (Bundle::open(of)?, Bundle::create(output)?);
        if self.inventory.is_some() {
            // Metrics and probes may keep a verdict from being too mild.
            bundle.adopt(&known)?;
        }
        let (found, broken) = bundle.inventories()?;
        complain_of(&broken);
        if found.iter().all(|(fleet, _)| fleet.instances.is_empty()) {
            return Err(missing("the bundle contains no inventory"));
        }
        Ok((found, false))
    }
}

/// What files could not be assigned.
fn misplaced(copies: &Copies) -> Vec<Error> {
    let named = |paths: &[PathBuf]| -> String {
        let names: Vec<String> = paths.iter().take(NAMED).map(|path| path.display().to_string()).collect();
        names.join(", ")
    };
    let unassigned = (!copies.unassigned.is_empty()).then(|| {
        let happened = format!(
            "no folder of {} is named after an instance of the inventory",
            plural(copies.unassigned.len() as u64, "file")
        );
        Error::new(ErrorKind::NotFound, named(&copies.unassigned), happened)
            .hint("name the folders after the instances, or renew the inventory with `ssl-usage preflight --bundle`")
    });
    let ambiguous = (!copies.ambiguous.is_empty()).then(|| {
        let count = plural(copies.ambiguous.len() as u64, "file");
        let happened = format!("several instances have the name of the folder of {count}");
        Error::new(ErrorKind::NotFound, named(&copies.ambiguous), happened)
            .hint("put the folders of instances into folders of their account and region, as in 123456789012/eu-west-1/orders")
    });
    unassigned.into_iter().chain(ambiguous).collect()
}
