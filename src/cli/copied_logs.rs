//! The options of `ssl-usage collect --logs`: log files that are there already.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use ssl_usage_parsers::envelope::Delivery;

use super::collection_summary::CollectionSummary;
use super::fleet::{Fleet, PLACES, runtime};
use super::heading::EVIDENCE;
use super::output::{local, local_or_s3};
use super::progress::Bar;
use super::working_copies::{self, Access};
use super::{complain_of, exit, interrupt};
use crate::bundle::{Bundle, Scope, load};
use crate::collect::{Copies, Events, Request, Shard, collect_copies};
use crate::error::{Error, ErrorKind, Result};
use crate::events::{Input, Line, Origin, extract, is_no_object, name_of, read};
use crate::inventory::{self, InstanceProfile};
use crate::logs::directory::{Opened, unpacked};
use crate::logs::folder::LogFolder;
use crate::problem::Problem;
use crate::progress::Progress;
use crate::scan::EventFile;
use crate::text::plural;

/// Options of AWS, which make no sense for files.
const OF_AWS: [&str; 6] = ["source", "insights", "dry_run", "days", "tag", "account"];
/// The options that name logs.
const COPIES: &str = "copies";
/// Files that an error names.
const NAMED: usize = 3;

/// Layouts of archives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Layout {
    /// Files that are named as RDS names them, in a folder for each instance.
    RdsFiles,
    /// Objects of an export task of CloudWatch Logs, in folders that are named after the log group.
    CloudwatchExport,
    /// Objects of a subscription of CloudWatch Logs, as Firehose delivers them.
    Firehose,
    /// JSON of `aws logs filter-log-events`, or an event on each line, in folders that are named after the log group.
    Json,
}

impl Layout {
    /// The layout of a file; none if that is not recognized.
    fn of(folder: &LogFolder, path: &Path) -> Option<Self> {
        let name = name_of(path);
        // Files of RDS may be wrapped, too: only a log group makes events of them. What is in the folder of a log group is an object of
        // it, even if it cannot be read.
        let has_group = !Origin::of_path(&name).group.is_empty();
        let opened = folder.beginning(path).and_then(|beginning| EventFile::of(&name, beginning));
        match opened.ok().flatten().map(|file| file.delivery) {
            Some(Delivery::Subscription) => Some(Self::Firehose),
            Some(Delivery::Query) if has_group => Some(Self::Json),
            _ => has_group.then_some(Self::CloudwatchExport),
        }
    }
}

/// Logs that are there already.
#[derive(Debug, Args)]
#[command(next_help_heading = EVIDENCE)]
pub(super) struct CopiedLogs {
    /// Read the log files in this folder, or below this prefix in S3, instead of the logs that AWS keeps.
    #[arg(long, value_name = "FOLDER", value_parser = local_or_s3(), group = COPIES, conflicts_with_all = PLACES, conflicts_with_all = OF_AWS)]
    logs: Option<PathBuf>,
    /// Read the events that `ssl-usage extract` printed, instead of calling AWS; - is standard input.
    #[arg(long, value_name = "FILE", value_parser = local(), group = COPIES, conflicts_with_all = PLACES, conflicts_with_all = OF_AWS)]
    events: Option<PathBuf>,
    /// Layout of the files of --logs. Default: detected from the content of each file.
    #[arg(long, requires = "logs", conflicts_with = "events", value_enum)]
    layout: Option<Layout>,
    /// The events come from subscriptions or queries without a filter pattern. Otherwise sessions may have been left out: those that
    /// are there count, but they cover no time.
    #[arg(long, requires = COPIES)]
    unfiltered: bool,
    /// Bundle whose inventory names the instances, and which is copied into that of -o. Default: that of -o. `preflight --bundle`
    /// creates one.
    #[arg(long, value_name = "BUNDLE", requires = COPIES, value_parser = local_or_s3())]
    inventory: Option<PathBuf>,
    /// Read only one of several shards of the logs, counted from 0, into a bundle of its own. A scheduler that runs N processes gives
    /// each its index.
    #[arg(long, value_name = "INDEX/COUNT", requires = COPIES)]
    shard: Option<Shard>,
    /// Version of the engine, with --instance and --engine instead of an inventory.
    #[arg(long, value_name = "VERSION", requires = COPIES, conflicts_with = "inventory")]
    engine_version: Option<String>,
}

impl CopiedLogs {
    /// Whether logs are read that are there already.
    pub fn is_given(&self) -> bool {
        self.logs.is_some() || self.events.is_some()
    }

    /// Reads them into the bundle at `output`.
    pub fn run(&self, options: &Fleet, output: &Path) -> Result<u8> {
        let folder = self.logs.as_deref().map(working_copies::log_folder).transpose()?.unwrap_or_default();
        let (files, mut objects) = self.by_layout(&folder)?;
        let local = working_copies::local(output, Access::ENVIRONMENT)?;
        let (fleets, is_one) = self.fleets(options, &local)?;
        let chosen: Vec<&InstanceProfile> = fleets.iter().flat_map(|fleet| &fleet.instances).collect();
        let mut copies = match chosen.as_slice() {
            [only] if is_one => Copies::of_one(&folder, &files, only),
            all => Copies::assign(&folder, &files, all),
        };
        let filter = options.filter();
        let left_out: BTreeSet<&str> = chosen
            .iter()
            .filter(|profile| !is_one && filter.takes_profile(profile) == Some(false))
            .map(|profile| profile.arn.as_str())
            .collect();
        // Beside objects, a file that is no copy of a log may be an object that is damaged.
        let is_object = |path: &PathBuf| !is_no_object(path, folder.size(path));
        objects.retain(is_object);
        // Alone, an object that cannot be recognized would be passed over like a slow query log.
        objects.extend(copies.take_others_that(|path| is_object(path) && may_hold_events(&folder, path)));
        if !objects.is_empty() {
            objects.extend(copies.take_others().into_iter().filter(is_object));
        }
        copies.of.retain(|arn, _| !left_out.contains(arn.as_str()));
        let mut events = Events::new(&fleets, &left_out, self.shard(), self.unfiltered);
        let mut problems = self.sort_events((&folder, &objects), &mut events)?;
        let misplaced = misplaced(&copies, &events);
        // An engine may pass on a part of an archive, which need not have events of logs with connections.
        let is_part = self.events.is_some() && events.has_taken();
        if copies.of.is_empty() && !events.has_any() && !is_part {
            let none = || {
                let others = plural(copies.others.len() as u64, "other file");
                let subject = self.events.as_deref().unwrap_or(folder.root()).display().to_string();
                Error::new(ErrorKind::NoMatch, subject, format!("no file is a log with connections ({others})"))
                    .hint("use the names of RDS, as in orders/error/postgresql.log.2026-11-23-10, or those of log groups, as in aws/rds/instance/orders/postgresql")
            };
            let mut errors = problems.into_iter().chain(misplaced);
            return Err(errors.next().map_or_else(none, |first| first.and(errors.collect())));
        }
        problems.extend(misplaced);
        // Nothing is written before it is known that something is to be read.
        let found = Found { fleets: &fleets, folder: &folder, copies: &copies, events, problems };
        self.write(found, options, output)
    }

    /// Writes what was found into the bundle at `output`.
    fn write(&self, found: Found<'_>, options: &Fleet, output: &Path) -> Result<u8> {
        let Found { fleets, folder, copies, events, problems } = found;
        let bar = Arc::new(Bar::new("counting sessions"));
        let counts = Arc::clone(bar.counts());
        let progress: Arc<dyn Progress> = bar;
        let bundle = self.bundle(&working_copies::extended(output, Access::ENVIRONMENT)?)?;
        let listed = bundle.inventories()?.0;
        interrupt::collecting(output, &counts);
        progress.begin(copies.of.len() + events.instances());
        let known = bundle.parts()?;
        let mut problems: Vec<Problem> = problems.iter().map(Problem::from).collect();
        let request = |fleet: &inventory::Fleet| Request {
            filter: options.filter(),
            window: options.window(fleet.taken_at),
            logs: true,
            source: options.source,
            log_format: options.log_format.clone(),
            insights: false,
            quick: None,
        };
        let requests: Vec<Request> = fleets.iter().map(request).collect();
        let mut inventories = Vec::new();
        for (fleet, request) in fleets.iter().zip(&requests) {
            inventories.push(match listed.iter().find(|(known, _)| known == fleet) {
                Some((_, listed)) => {
                    bundle.begin(fleet)?;
                    listed.clone()
                }
                None => bundle.write_fleet(fleet)?,
            });
            let of = (folder, copies);
            let read = collect_copies(request, fleet, of, self.shard(), (&bundle, &known), &progress);
            problems.extend(runtime()?.block_on(read)?);
        }
        let instances = copies.of.len() + events.instances();
        problems.extend(runtime()?.block_on(events.collect(&requests, (&bundle, &known), &progress))?);
        for (fleet, listed) in fleets.iter().zip(inventories) {
            bundle.finish(fleet, listed)?;
        }
        working_copies::publish(output)?;
        interrupt::collected();
        drop(progress);
        complain_of(&problems);
        let summary = CollectionSummary { bundle: output.to_owned(), instances, logs: true, counts };
        summary.print(&problems, &[("Report verdicts".to_owned(), "analyze", "")]);
        Ok(exit::of_troubles(&problems))
    }

    /// Where the bundle of --inventory is on this machine.
    fn inventory(&self) -> Result<Option<PathBuf>> {
        self.inventory.as_deref().map(|path| working_copies::local(path, Access::ENVIRONMENT)).transpose()
    }

    /// The files that RDS names, and the objects that contain events.
    fn by_layout(&self, folder: &LogFolder) -> Result<(Vec<PathBuf>, Vec<PathBuf>)> {
        let layouts = match self.layout {
            Some(layout) => vec![layout; folder.files().len()],
            None => folder.map_all(|folder, path| Layout::of(folder, path).unwrap_or(Layout::RdsFiles)),
        };
        let all = folder.files().iter().cloned().zip(layouts);
        let (files, objects): (Vec<_>, Vec<_>) = all.partition(|(_, layout)| *layout == Layout::RdsFiles);
        let paths = |all: Vec<(PathBuf, Layout)>| all.into_iter().map(|(path, _)| path).collect();
        Ok((paths(files), paths(objects)))
    }

    fn shard(&self) -> Shard {
        self.shard.unwrap_or(Shard::ALL)
    }

    /// Sorts the events of files, or those that were extracted. Returns what could not be read.
    fn sort_events(&self, (folder, objects): (&LogFolder, &[PathBuf]), events: &mut Events<'_>) -> Result<Vec<Error>> {
        let mut problems = Vec::new();
        for (path, fetched) in objects.iter().zip(folder.fetch_all(objects)) {
            let mut unwritten = Ok(());
            let read = fetched.and_then(|file| {
                extract(&name_of(path), Input::File(file.path()), &mut |event| {
                    if unwritten.is_ok() {
                        unwritten = events.add(event);
                    }
                })
            });
            unwritten?;
            if let Err(broken) = read {
                events.lose(&name_of(path), &broken.advice());
                problems.push(broken);
            }
        }
        let Some(path) = &self.events else { return Ok(problems) };
        let name = path.display().to_string();
        let lines: Box<dyn BufRead> = match path == Path::new("-") {
            true => Box::new(std::io::stdin().lock()),
            false => Box::new(BufReader::new(File::open(path).map_err(|error| Error::io(path, error))?)),
        };
        // A cut stream has lost events of any hour, so that nothing is kept of it.
        read(&name, lines, &mut |line| match line {
            Line::Event(event) => events.add(event),
            Line::Damage(damage) => {
                events.lose(&damage.object, &damage.damage);
                problems.push(Error::new(ErrorKind::Truncated, damage.object, damage.damage));
                Ok(())
            }
        })?;
        Ok(problems)
    }

    /// The instances; and whether all files belong to the one that the options name.
    fn fleets(&self, options: &Fleet, output: &Path) -> Result<(Vec<inventory::Fleet>, bool)> {
        let inventory = self.inventory()?;
        let of = inventory.as_deref().unwrap_or(output);
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
        let Some(inventory) = &self.inventory()? else { return Bundle::create(output) };
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

/// Whether a file that no name makes a log may be an object with events: it cannot be read, is an archive, or is JSON. Logs are text.
fn may_hold_events(folder: &LogFolder, path: &Path) -> bool {
    let shown = || -> Result<bool> {
        let fail = |error| Error::io(path, error);
        let Opened::Stream(stream) = unpacked(folder.beginning(path)?).map_err(fail)? else { return Ok(true) };
        let mut bytes = BufReader::new(stream).bytes().filter(|byte| !byte.as_ref().is_ok_and(u8::is_ascii_whitespace));
        let (first, second) = (bytes.next().transpose().map_err(fail)?, bytes.next().transpose().map_err(fail)?);
        Ok(first == Some(b'{') || (first, second) == (Some(b'['), Some(b'{')))
    };
    shown().unwrap_or(true)
}

/// What is to be read.
struct Found<'f> {
    fleets: &'f [inventory::Fleet],
    folder: &'f LogFolder,
    copies: &'f Copies,
    events: Events<'f>,
    /// What could not be read so far.
    problems: Vec<Error>,
}

/// What files and events could not be assigned.
fn misplaced(copies: &Copies, events: &Events<'_>) -> Vec<Error> {
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
    let unknown = (!events.unassigned.is_empty()).then(|| {
        let names: Vec<&str> = events.unassigned.keys().take(NAMED).map(String::as_str).collect();
        let count: u64 = events.unassigned.values().sum();
        let message = format!("{} belong to no instance of the inventory, or to several", plural(count, "event"));
        Error::new(ErrorKind::NotFound, names.join(", "), message).hint(
            "renew the inventory with `ssl-usage preflight --bundle`, and name folders after accounts and regions",
        )
    });
    unassigned.into_iter().chain(ambiguous).chain(unknown).collect()
}
