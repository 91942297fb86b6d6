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
use crate::bundle::{Bundle, Scope, load};
use crate::collect::{Copies, Request, Shard, collect_copies};
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
    /// Read only one of several shards of the logs, counted from 0, into a bundle of its own. A scheduler that runs N processes gives
    /// each its index.
    #[arg(long, value_name = "INDEX/COUNT", requires = "logs")]
    shard: Option<Shard>,
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
        let (fleets, is_one) = self.fleets(options, output)?;
        let chosen: Vec<&InstanceProfile> = fleets.iter().flat_map(|fleet| &fleet.instances).collect();
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
                    format!("no file is a log with connections ({})", plural(copies.others, "other file")),
                )
                .hint("use the names of RDS, as in orders/error/postgresql.log.2026-11-23-10")
            };
            let mut errors = misplaced.into_iter();
            return Err(errors.next().map_or_else(none, |first| first.and(errors.collect())));
        }
        // Nothing is written before it is known that something is to be read.
        let bundle = self.bundle(output)?;
        let listed = bundle.inventories()?.0;
        interrupt::collecting(output, &counts);
        progress.begin(copies.of.len());
        let known = bundle.parts()?;
        let mut problems: Vec<Problem> = misplaced.iter().map(Problem::from).collect();
        for fleet in &fleets {
            let listed = match listed.iter().find(|(known, _)| known == fleet) {
                Some((_, listed)) => listed.clone(),
                None => bundle.write_fleet(fleet)?,
            };
            let request = Request {
                filter: filter.clone(),
                window: options.window(fleet.taken_at),
                logs: true,
                source: options.source,
                log_format: options.log_format.clone(),
                insights: false,
            };
            let shard = self.shard.unwrap_or(Shard::ALL);
            let read = collect_copies(&request, fleet, &copies, shard, (&bundle, &known), &progress);
            problems.extend(runtime()?.block_on(read)?);
            bundle.finish(fleet, listed)?;
        }
        interrupt::collected();
        drop(progress);
        complain_of(&problems);
        let summary = CollectionSummary { bundle: output.to_owned(), instances: copies.of.len(), logs: true, counts };
        summary.print(&problems, &[("Report verdicts".to_owned(), "analyze", "")]);
        Ok(exit::of_troubles(&problems))
    }

    /// The instances; and whether all files belong to the one that the options name.
    fn fleets(&self, options: &Fleet, output: &Path) -> Result<(Vec<inventory::Fleet>, bool)> {
        let of = self.inventory.as_deref().unwrap_or(output);
        let missing = |happened: &str| {
            let hint = "create an inventory with `ssl-usage preflight --bundle BUNDLE`, or add --instance and --engine";
            Error::new(ErrorKind::NotFound, of.display().to_string(), happened).hint(hint)
        };
        let mut found = Vec::new();
        if of.exists() {
            let (inventories, broken) = Bundle::open(of)?.inventories()?;
            complain_of(&broken);
            found.extend(inventories.into_iter().map(|(fleet, _)| fleet).filter(|fleet| !fleet.is_unlisted()));
        }
        if found.iter().any(|fleet| !fleet.instances.is_empty()) {
            return Ok((found, false));
        }
        match (self.inventory.is_none(), options.instance.as_slice(), options.engine.as_slice()) {
            (true, [name], [engine]) if name.is_exact() => {
                let known = ssl_usage_parsers::Engine::named(engine).and_then(|known| known.aws_names.first());
                let engine = known.map_or(engine.as_str(), |name| name);
                let profile = InstanceProfile::unlisted(name.as_str(), engine, self.engine_version.as_deref());
                let now = options.now.unwrap_or_else(Timestamp::now);
                Ok((vec![inventory::Fleet::unlisted(profile, now)], true))
            }
            _ if of.exists() => Err(missing("the bundle contains no inventory")),
            _ => Err(missing("there is no bundle with an inventory")),
        }
    }

    /// The bundle that is extended. With another inventory, it is a copy of that bundle, whose metrics and probes may keep a
    /// verdict from being too mild.
    fn bundle(&self, output: &Path) -> Result<Bundle> {
        let Some(inventory) = &self.inventory else { return Bundle::create(output) };
        let is_same = |one: &Path, other: &Path| one.canonicalize().ok() == other.canonicalize().ok();
        if !output.exists() {
            let damage = load(std::slice::from_ref(inventory), Scope::All)?.damage();
            if !damage.is_empty() {
                complain_of(&damage);
                return Err(Error::new(ErrorKind::Integrity, inventory.display().to_string(), "the bundle is damaged")
                    .hint("renew the inventory with `ssl-usage preflight --bundle`, into a new bundle"));
            }
            Bundle::open(inventory)?.copy_to(output)?;
        } else if !is_same(inventory, output) {
            return Err(Error::new(ErrorKind::Usage, output.display().to_string(), "the bundle exists already")
                .hint("leave --inventory out to extend it, or give -o another name"));
        }
        Bundle::create(output)
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
