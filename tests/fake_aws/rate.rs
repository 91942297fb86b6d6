//! How many calls a second an account may make in a region, of each action: a bucket that fills up, as AWS throttles.
//! Source: "Throttle API requests" in the EC2 API guide, which describes the way; RDS does not publish its numbers.

use std::collections::BTreeMap;
use std::time::Instant;

use super::request::Call;

/// The rates, and what is left of them.
#[derive(Default)]
pub struct Rates {
    /// Calls a second, by action. As many may come at once.
    pub rates: BTreeMap<String, f64>,
    left: BTreeMap<(String, String, String), (f64, Instant)>,
}

impl Rates {
    /// Takes a call, or does not.
    pub fn takes(&mut self, call: &Call) -> bool {
        let Some(rate) = self.rates.get(&call.action).copied() else { return true };
        let now = Instant::now();
        let key = (call.key.clone(), call.region.clone(), call.action.clone());
        let (left, since) = self.left.entry(key).or_insert((rate, now));
        *left = (*left + now.duration_since(*since).as_secs_f64() * rate).min(rate);
        *since = now;
        let takes = *left >= 1.0;
        if takes {
            *left -= 1.0;
        }
        takes
    }
}
