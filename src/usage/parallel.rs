//! The usage of all instances of a fleet, computed in parallel.

use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{Client, Usage, add_up};
use crate::bundle::InstanceEvidence;
use crate::inventory::InstanceProfile;
use crate::problem::Problem;
use crate::progress::Progress;
use crate::window::Window;

/// Adds up the evidence of every instance within a window, of many at the same time; clients that a policy ignores are
/// counted apart. `least` is the share of a span that logs must cover to judge it. Hands each to `then`, with what could not be read of it, and returns what that makes of them, in order.
///
/// Where the facts of an instance cannot be read, its usage is [`Usage::unread`].
pub fn of_each<T: Send>(
    fleet: &[InstanceEvidence],
    (window, least): (Window, f64),
    ignores: impl Fn(&InstanceProfile, &Client) -> Option<usize> + Sync,
    progress: &dyn Progress,
    then: impl Fn(&InstanceEvidence, Usage, Vec<Problem>) -> T + Sync,
) -> Vec<T> {
    progress.begin(fleet.len());
    let one = |known: &InstanceEvidence| {
        let profile = &known.profile;
        let mut errors = Vec::new();
        let usage = known.logs().and_then(|mut logs| {
            errors = std::mem::take(&mut logs.errors);
            let ignores = |client: &Client| ignores(profile, client);
            let (facts, measured) = (logs.facts()?, known.measured()?);
            let (digest, unverified) = (Some(known.digest(&logs, facts.as_ref(), &measured)), !logs.is_verified);
            let beside = (&measured, &known.sampled);
            let mut usage = add_up(profile, (&logs.readings, facts), beside, (window, least), &ignores);
            if let Some(former) = logs.former_facts()? {
                usage.add_former(&former, window, &ignores);
            }
            Ok(Usage { digest, unverified, metrics_unreadable: known.has_faulty_metrics, ..usage })
        });
        let usage = usage.unwrap_or_else(|error| {
            errors.push(Problem::from(&error).at(Some(&profile.account), &profile.region));
            Usage { unread: true, ..Usage::default() }
        });
        progress.done(&profile.instance);
        then(known, usage, errors)
    };
    side_by_side(fleet, one)
}

/// Does something with each item, on as many threads as the machine has cores; returns what came of it, in order.
///
/// These are threads of their own: in those of `rayon`, which run other items while `polars` works for one, a large fleet
/// overflows the stack.
pub fn side_by_side<I: Sync, T: Send>(items: &[I], work: impl Fn(&I) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let some = || {
        let mut done = Vec::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(number) else { return done };
            done.push((number, work(item)));
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get).min(items.len());
    let mut done: Vec<_> = std::thread::scope(|scope| {
        let started: Vec<_> = (0..threads).map(|_| scope.spawn(some)).collect();
        let joined = started.into_iter().map(|thread| thread.join());
        joined.flat_map(|done| done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    });
    done.sort_unstable_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, made)| made).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_side_by_side_is_all_there_in_order() {
        for count in [0usize, 1, 2, 1000] {
            let items: Vec<usize> = (0..count).collect();
            assert_eq!(side_by_side(&items, |item| item * 2), items.iter().map(|item| item * 2).collect::<Vec<_>>());
        }
    }
}
