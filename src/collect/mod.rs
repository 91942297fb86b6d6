//! Collects the evidence of a fleet into a bundle: inventory, metrics, then the logs of each instance, many at a time.
//!
//! What fails with one log or one instance is kept as a hole and an error, and the rest goes on. What was read is written
//! out every few seconds, so that a collection that is killed goes on from there when it is started again.

mod fold;
mod instance;
mod read;
mod span;

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::aws::Aws;
use crate::bundle::{Bundle, Parts};
use crate::error::Result;
use crate::inventory::{self, Filter, Fleet, InstanceProfile};
use crate::metrics;
use crate::progress::Progress;
use crate::window::Window;
use instance::InstanceLogs;

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
}

/// Collects one account and region into a bundle. `known` is what the bundle held before. Returns the inventory.
///
/// # Errors
///
/// When the instances cannot be listed or the bundle cannot be written. All else is in the bundle, as errors and holes.
pub async fn collect(
    aws: &Aws,
    request: &Request,
    bundle: &Bundle,
    known: &Arc<Parts>,
    progress: &Arc<dyn Progress>,
) -> Result<Fleet> {
    let fleet = inventory::take(aws, &request.filter, request.window.to).await?;
    bundle.write_fleet(&fleet)?;
    measure(aws, &fleet, request.window, bundle).await?;
    progress.begin(fleet.instances.len());
    let slots = Arc::new(Semaphore::new(AT_ONCE));
    let mut tasks = JoinSet::new();
    for profile in &fleet.instances {
        let (aws, bundle, slots, profile) = (aws.clone(), bundle.clone(), Arc::clone(&slots), profile.clone());
        let (known, progress, window) = (Arc::clone(known), Arc::clone(progress), request.window);
        tasks.spawn(async move {
            // The semaphore is never closed.
            let _slot = slots.acquire_owned().await;
            let written = one(&aws, &bundle, &profile, window, &known, progress.as_ref()).await;
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
    Ok(fleet)
}

/// Asks for the metrics of a fleet; of one without instances there are none.
async fn measure(aws: &Aws, fleet: &Fleet, window: Window, bundle: &Bundle) -> Result<()> {
    let Some(account) = &fleet.account else { return Ok(()) };
    let known = bundle.measured(account, &fleet.region)?;
    let (part, measured) = metrics::take(aws, fleet, account, window, &known).await;
    bundle.write_metrics(&part, &measured)
}

async fn one(
    aws: &Aws,
    bundle: &Bundle,
    profile: &InstanceProfile,
    window: Window,
    known: &Parts,
    progress: &dyn Progress,
) -> Result<()> {
    let Some(engine) = profile.known_engine() else { return Ok(()) };
    if engine.logs.is_empty() || profile.is_serverless_v1() {
        return Ok(());
    }
    let known = known.complete(profile)?;
    InstanceLogs { aws, bundle, profile, engine, window, known: &known, progress }.collect().await
}
