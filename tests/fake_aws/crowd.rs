//! Calls that are under way at the same time, and how many of them there were at most.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{sleep, timeout};

/// How long the first calls wait for the others.
const PATIENCE: Duration = Duration::from_secs(60);
/// How late every answer is. A call beyond the limit of a client that keeps none arrives meanwhile, and is counted.
const LATE: Duration = Duration::from_millis(300);

/// Calls that wait for each other.
#[derive(Clone, Default)]
pub struct Crowd(watch::Sender<Count>);

#[derive(Default)]
struct Count {
    now: usize,
    most: usize,
}

impl Crowd {
    /// The most calls that were there at the same time.
    pub fn most(&self) -> usize {
        self.0.borrow().most
    }

    /// Waits until so many calls were there at the same time, and a little longer.
    pub async fn join(&self, wanted: usize) {
        self.0.send_modify(|count| {
            count.now += 1;
            count.most = count.most.max(count.now);
        });
        // Where they never come, the test sees it in their number.
        let _ = timeout(PATIENCE, self.0.subscribe().wait_for(|count| count.most >= wanted)).await;
        sleep(LATE).await;
        self.0.send_modify(|count| count.now -= 1);
    }
}
