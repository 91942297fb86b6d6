//! Collects the evidence of a fleet into a bundle: inventory, metrics, then the logs of each instance, many at a time, and
//! the network interfaces of their clients.
//!
//! A failure with one log or instance becomes a gap and an error, and the rest goes on. What was read is written
//! out every few seconds, so that a collection that is killed goes on from there when it is started again.

mod aggregate;
mod cloudwatch;
mod connection_ids;
mod copied_logs;
mod estimate;
mod event_bytes;
mod events;
mod fleet;
mod instance;
mod log_source;
mod log_span;
mod quick;
mod read_log;
mod shard;
mod stretch;
mod writer;

pub use copied_logs::{Copies, collect_copies};
pub use estimate::Plan;
pub use events::Events;
pub use fleet::{Collected, FleetRequest};
pub use log_source::Source;
pub use quick::{Certainty, Quick};
pub use shard::Shard;

use std::sync::Arc;

use futures_util::{StreamExt, stream};
use ssl_usage_parsers::Engine;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::aws::Aws;
use crate::bundle::{Bundle, Network, NetworkPart, Parts, Sighting};
use crate::error::Result;
use crate::inventory::{self, Filter, Fleet, InstanceProfile};
use crate::metrics;
use crate::problem::Problem;
use crate::progress::Progress;
use crate::window::Window;
use instance::{Collection, InstanceLogs};

/// Instances of a region whose logs are read at the same time, each several logs at once. What AWS takes decides how fast;
/// this bounds the memory.
const AT_ONCE: usize = 4;

/// What to collect.
#[derive(Clone, Debug)]
pub struct Request {
    /// Which instances.
    pub filter: Filter,
    /// The time whose logs are read; its end is now.
    pub window: Window,
    /// Whether logs are read; else the inventory is taken, and what CloudWatch measured.
    pub logs: bool,
    /// Where logs are read.
    pub source: Source,
    /// The format that logs are taken for; else it is found out from the text.
    pub log_format: Option<String>,
    /// Whether log groups that only Logs Insights can read are read, for which AWS charges.
    pub insights: bool,
    /// What makes a verdict certain, so that the rest of the logs is left out. None if all logs are read.
    pub quick: Option<Quick>,
}

/// Collects one account and region into a bundle. `known` is what the bundle held before. Returns the inventory.
///
/// # Errors
///
/// When the instances cannot be listed or the bundle cannot be written. All else is in the bundle, as errors and gaps.
pub async fn collect(
    aws: &Aws,
    request: &Request,
    bundle: &Bundle,
    known: &Arc<Parts>,
    progress: &Arc<dyn Progress>,
) -> Result<Fleet> {
    let fleet = inventory::take(aws, &request.filter, request.window.to).await?;
    let inventory = bundle.write_fleet(&fleet)?;
    measure(aws, &fleet, request.window, bundle).await?;
    if request.logs {
        logs(aws, request, &fleet, bundle, known, progress).await?;
        network(aws, &fleet, bundle).await?;
    }
    bundle.finish(&fleet, inventory)?;
    Ok(fleet)
}

/// Reads the logs of a fleet, of several instances at a time.
async fn logs(
    aws: &Aws,
    request: &Request,
    fleet: &Fleet,
    bundle: &Bundle,
    known: &Arc<Parts>,
    progress: &Arc<dyn Progress>,
) -> Result<()> {
    progress.begin(fleet.instances.len());
    let slots = Arc::new(Semaphore::new(AT_ONCE));
    let mut tasks = JoinSet::new();
    for profile in &fleet.instances {
        let (aws, bundle, slots, profile) = (aws.clone(), bundle.clone(), Arc::clone(&slots), profile.clone());
        let (known, progress, request) = (Arc::clone(known), Arc::clone(progress), request.clone());
        tasks.spawn(async move {
            // The semaphore is never closed.
            let _slot = slots.acquire_owned().await;
            let written = one(&aws, &request, &bundle, &profile, &known, progress.as_ref()).await;
            progress.done(&profile.instance);
            written
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

/// What collecting one account and region would ask of AWS. The inventory is taken, and logs are listed; nothing is
/// downloaded, and nothing written.
///
/// # Errors
///
/// When the instances cannot be listed.
pub async fn plan(aws: &Aws, request: &Request, known: &Parts, progress: &Arc<dyn Progress>) -> Result<Plan> {
    let fleet = inventory::take(aws, &request.filter, request.window.to).await?;
    let measures = metrics::asked(&fleet, request.window);
    let mut plan = Plan {
        account: fleet.account.clone(),
        region: fleet.region.clone(),
        instances: fleet.instances.len() as u64,
        calls: measures.calls,
        dollars: measures.series as f64 * estimate::DOLLARS_A_SERIES,
        errors: fleet.errors.clone(),
        ..Plan::default()
    };
    progress.begin(fleet.instances.iter().filter(|profile| logged(profile).is_some()).count());
    let plans: Vec<_> =
        fleet.instances.iter().map(|profile| plan_one(aws, request, known, progress, profile)).collect();
    let mut plans = stream::iter(plans).buffered(AT_ONCE);
    while let Some(of_instance) = plans.next().await {
        plan.add(&of_instance);
    }
    Ok(plan)
}

async fn plan_one(
    aws: &Aws,
    request: &Request,
    known: &Parts,
    progress: &Arc<dyn Progress>,
    profile: &InstanceProfile,
) -> Plan {
    let Some(engine) = logged(profile) else { return Plan::default() };
    let known = known.known(profile);
    let plan = InstanceLogs { request, profile, engine, known: &known }.plan(aws).await;
    progress.done(&profile.instance);
    plan
}

/// Asks for the metrics of a fleet; of one without instances there are none.
async fn measure(aws: &Aws, fleet: &Fleet, window: Window, bundle: &Bundle) -> Result<()> {
    let Some(account) = &fleet.account else { return Ok(()) };
    let known = bundle.measured(account, &fleet.region)?;
    let (part, measured) = metrics::take(aws, fleet, account, window, &known).await;
    bundle.write_metrics(&part, measured)
}

/// Asks who has the addresses of the clients of a fleet. No verdict rests on the answer, so that a failure is kept beside it
/// and is no error of the run.
async fn network(aws: &Aws, fleet: &Fleet, bundle: &Bundle) -> Result<()> {
    let Some(account) = &fleet.account else { return Ok(()) };
    let (kept, place) = (bundle.clone(), (account.clone(), fleet.region.clone()));
    // Facts of a whole region may be read for that.
    let read = tokio::task::spawn_blocking(move || kept.client_addresses(&place.0, &place.1)).await;
    let addresses = read.unwrap_or_else(|lost| std::panic::resume_unwind(lost.into_panic()))?;
    if addresses.is_empty() {
        return Ok(());
    }
    let (account, region, collected_at) = (account.clone(), fleet.region.clone(), fleet.taken_at);
    let mut part = NetworkPart {
        account,
        region,
        collected_at,
        network: Network::default(),
        unowned: addresses.clone(),
        errors: Vec::new(),
    };
    match inventory::network::owners(aws, &addresses).await {
        Ok(owners) => {
            let seen = Sighting { from: collected_at, to: collected_at };
            for (interface, addresses) in owners {
                for address in addresses {
                    part.unowned.remove(&address);
                    part.network.add(interface.clone(), address, seen);
                }
            }
        }
        Err(error) => part.errors.push(Problem::from(&error).at(Some(&part.account), &part.region)),
    }
    bundle.write_network(part)
}

/// The engine of an instance whose logs tell of its clients.
fn logged(profile: &InstanceProfile) -> Option<&'static Engine> {
    profile
        .known_engine()
        .filter(|engine| !engine.logs.is_empty() && !profile.is_serverless_v1() && !profile.is_cluster())
}

async fn one(
    aws: &Aws,
    request: &Request,
    bundle: &Bundle,
    profile: &InstanceProfile,
    known: &Parts,
    progress: &dyn Progress,
) -> Result<()> {
    let Some(engine) = logged(profile) else { return Ok(()) };
    let known = known.known(profile);
    let of = InstanceLogs { request, profile, engine, known: &known };
    Collection { aws, of, bundle, progress }.collect().await
}
