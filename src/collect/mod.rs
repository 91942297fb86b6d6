//! Collects the evidence of a fleet into a bundle: inventory, then the logs of each instance, many at a time.
//!
//! What fails with one log or one instance is kept as a hole and an error, and the rest goes on.

mod cloudwatch;
mod fold;
mod read;
mod source;
mod span;

pub use source::Source;

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use ssl_usage_parsers::Engine;

use crate::aws::Aws;
use crate::bundle::fact::{Key, Tallied};
use crate::bundle::{Bundle, Part, Reading};
use crate::error::{Error, ErrorKind, Result, Trouble};
use crate::inventory::{self, InstanceProfile};
use crate::logs::rds_portion::{self, LogFile};
use crate::progress::Progress;
use crate::window::Window;
use cloudwatch::{Exported, Found};
use read::{Read, Reader};
use span::Rotation;

/// Instances whose logs are read at the same time. The log API is throttled by account, so that more gains nothing.
const AT_ONCE: usize = 8;

/// What to collect.
#[derive(Clone, Debug)]
pub struct Request {
    /// Instances by name; all when empty.
    pub instances: Vec<String>,
    /// The time whose logs are read; its end is now.
    pub window: Window,
    /// Where logs are read.
    pub source: Source,
    /// Whether log groups that only Logs Insights can read are read, for which AWS charges.
    pub insights: bool,
}

/// Collects into a bundle.
///
/// # Errors
///
/// When the instances cannot be listed or the bundle cannot be written. All else is in the bundle, as errors and holes.
pub async fn collect(aws: &Aws, request: &Request, bundle: &Bundle, progress: Arc<dyn Progress>) -> Result<()> {
    let now = request.window.to;
    let fleet = inventory::take(aws, &request.instances, now).await?;
    bundle.write_fleet(&fleet)?;
    let known = Arc::new(complete_readings(bundle)?);
    progress.begin(fleet.instances.len());
    let slots = Arc::new(Semaphore::new(AT_ONCE));
    let mut tasks = JoinSet::new();
    for profile in fleet.instances {
        let (aws, bundle, slots) = (aws.clone(), bundle.clone(), Arc::clone(&slots));
        let (known, progress, request) = (Arc::clone(&known), Arc::clone(&progress), request.clone());
        tasks.spawn(async move {
            // The semaphore is never closed.
            let _slot = slots.acquire_owned().await;
            let known = known.get(&profile.arn).map(Vec::as_slice).unwrap_or_default();
            let (part, facts) = instance(&aws, &profile, &request, known, progress.as_ref()).await;
            progress.done(&profile.instance);
            bundle.write_part(&part, &facts)
        });
    }
    while let Some(done) = tasks.join_next().await {
        match done {
            Ok(written) => written?,
            Err(lost) => std::panic::resume_unwind(lost.into_panic()),
        }
    }
    Ok(())
}

/// The readings that need not be repeated, by the ARN of their instance.
fn complete_readings(bundle: &Bundle) -> Result<BTreeMap<String, Vec<Reading>>> {
    let mut known: BTreeMap<String, Vec<Reading>> = BTreeMap::new();
    for (part, _) in bundle.parts()? {
        known.entry(part.arn).or_default().extend(part.readings.into_iter().filter(|reading| reading.complete));
    }
    Ok(known)
}

/// Whether a file was read whole before, and has not been written to since.
fn is_known(known: &[Reading], file: &LogFile) -> bool {
    let now = (file.name.as_str(), file.size, file.last_written);
    known.iter().any(|reading| (reading.source.as_str(), reading.listed_bytes, reading.last_written) == now)
}

/// Reads the logs of one instance that were written in the window and are not known yet.
async fn instance(
    aws: &Aws,
    profile: &InstanceProfile,
    request: &Request,
    known: &[Reading],
    progress: &dyn Progress,
) -> (Part, Vec<(Key, Tallied)>) {
    let mut part = Part {
        arn: profile.arn.clone(),
        account: profile.account.clone(),
        region: profile.region.clone(),
        instance: profile.instance.clone(),
        collected_at: request.window.to,
        readings: Vec::new(),
        errors: Vec::new(),
    };
    let mut facts = Vec::new();
    let Some(engine) = profile.known_engine() else { return (part, facts) };
    if engine.logs.is_empty() || profile.is_serverless_v1() {
        return (part, facts);
    }
    let place = Place { aws, profile, engine, known, progress };
    if request.source.files() && engine.logs.iter().any(|logs| !logs.prefix.is_empty()) {
        files(&place, request.window, &mut part, &mut facts).await;
    }
    exported(&place, request, &mut part, &mut facts).await;
    (part, facts)
}

/// Whose logs are read, and what is known of them.
struct Place<'a> {
    aws: &'a Aws,
    profile: &'a InstanceProfile,
    engine: &'static Engine,
    known: &'a [Reading],
    progress: &'a dyn Progress,
}

/// Reads from CloudWatch Logs what is not read as files.
async fn exported(place: &Place<'_>, request: &Request, part: &mut Part, facts: &mut Vec<(Key, Tallied)>) {
    let Place { aws, profile, engine, known, progress } = *place;
    let (now, insights) = (request.window.to, request.insights);
    let is_on = |log_type: &str| profile.log_exports.iter().any(|export| export == log_type);
    let mut any = false;
    for logs in engine.logs {
        let Some(export) = logs.export.as_ref().filter(|export| is_on(export.log_type)) else { continue };
        any = true;
        let from = profile.created_at.unwrap_or(request.window.from).max(request.window.from);
        let window = Window { from, to: now };
        let readings: Vec<Reading> = known.iter().chain(&part.readings).cloned().collect();
        let wanted = request.source.exported(window, engine, logs, readings.iter());
        if wanted.is_empty() {
            continue;
        }
        let reader = Exported { aws, profile, engine, logs, export, insights, known, now, progress };
        let Found { readings, facts: found, errors } = reader.read(&wanted).await;
        part.readings.extend(readings);
        part.errors.extend(errors);
        facts.extend(found);
    }
    if !any && request.source == Source::Cloudwatch {
        let types: Vec<_> = engine.logs.iter().filter_map(|logs| Some(logs.export.as_ref()?.log_type)).collect();
        let message = "no log of it that shows sessions is exported to CloudWatch Logs";
        let error = Error::new(ErrorKind::NotFound, &profile.instance, message);
        part.errors.push(Trouble::from(&error.hint(format!("export {}, or leave --source out", types.join(" or ")))));
    }
}

/// Reads the log files of an instance.
async fn files(place: &Place<'_>, window: Window, part: &mut Part, facts: &mut Vec<(Key, Tallied)>) {
    let Place { aws, profile, engine, known, progress } = *place;
    let listed = async || -> Result<Vec<LogFile>> {
        let mut files = rds_portion::list(aws, &profile.instance, window.from).await?;
        files.retain(|file| engine.logs_of(&file.name).is_some());
        Ok(files)
    };
    let mut files = match listed().await {
        Ok(files) => files,
        Err(error) => {
            part.errors.push(Trouble::from(&error));
            return;
        }
    };
    // Logs that were renamed while they were read are in the list once more, under another name.
    for round in 0..2 {
        let mut vanished = false;
        for file in files.iter().filter(|file| !is_known(known, file)) {
            let Some(logs) = engine.logs_of(&file.name) else { continue };
            let names = files.iter().map(|file| file.name.as_str()).filter(|name| name.starts_with(logs.prefix));
            let rotation = Rotation::new(logs, profile, names);
            let reader = Reader { aws, profile, engine, logs, rotation, now: window.to, progress };
            if part.readings.iter().any(|reading| reading.source == file.name) {
                continue;
            }
            let Read { reading, facts: found, error } = reader.read(file).await;
            vanished |= error.as_ref().is_some_and(|error| error.kind() == ErrorKind::NotFound);
            part.errors.extend(error.as_ref().map(Trouble::from));
            part.readings.push(reading);
            facts.extend(found);
        }
        if !vanished || round > 0 {
            break;
        }
        match listed().await {
            Ok(again) => files = again,
            Err(error) => {
                part.errors.push(Trouble::from(&error));
                break;
            }
        }
    }
}
