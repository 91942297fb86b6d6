//! The rate of calls of one action of one service: as fast as AWS accepts them.
//!
//! Nothing holds calls back until AWS throttles one, or a limit was asked for. Then the rate is what AWS was seen to take,
//! a little less after every throttling and a little more after every second without one, so that it stays just under
//! the quota whatever it is, and whichever other clients use it.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// What is left of the rate that AWS took when it throttled.
const LESS: f64 = 0.97;
/// What the rate grows to in a second without throttling, near the rate at which AWS last throttled.
const MORE: f64 = 1.02;
/// The same where that is far above, or not known: an account may be allowed more than is documented.
const MUCH_MORE: f64 = 1.5;
/// What share of that rate is near it.
const NEAR: f64 = 0.9;
/// What share of the rate is so little that the quota must have become another one.
const FAR: f64 = 0.6;
/// The least rate to begin with where none is known, in calls a second.
const START: f64 = 10.0;
/// Slowest rate, in calls a second.
const FLOOR: f64 = 0.5;
/// How long a change of the rate is waited for before the next one.
const SETTLING: Duration = Duration::from_millis(500);
/// The time over which the rate that AWS takes is measured.
const MEASURED: Duration = Duration::from_secs(1);

/// The rate of one action. Shared by all tasks that call it.
#[derive(Debug)]
pub(super) struct Limiter(Mutex<Rate>);

impl Limiter {
    /// A limiter that begins with a rate, if one is known, and never exceeds `most`; both in calls a second.
    pub fn new(begin: Option<f64>, most: Option<f64>) -> Self {
        Self(Mutex::new(Rate::new(begin, most, Instant::now())))
    }

    /// Waits until a call may go out.
    pub async fn wait(&self) {
        let at = self.rate(Rate::turn);
        tokio::time::sleep_until(at.into()).await;
    }

    /// AWS took a call.
    pub fn taken(&self) {
        self.rate(Rate::taken);
    }

    /// AWS throttled a call.
    pub fn throttled(&self) {
        self.rate(Rate::throttled);
    }

    fn rate<T>(&self, change: fn(&mut Rate, Instant) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner), Instant::now())
    }
}

#[derive(Debug)]
struct Rate {
    /// Calls a second; none while nothing is known to limit it.
    rate: Option<f64>,
    /// Never more than this.
    most: Option<f64>,
    /// The rate at which AWS last throttled, where one was kept to.
    throttled_at: Option<f64>,
    /// When the next call may go out.
    next: Instant,
    /// When the rate was changed last.
    changed: Instant,
    /// Calls that AWS took since a time.
    taken: (f64, Instant),
    /// Calls a second that it took before that.
    before: Option<f64>,
}

impl Rate {
    fn new(begin: Option<f64>, most: Option<f64>, now: Instant) -> Self {
        let rate = begin.into_iter().chain(most).reduce(f64::min);
        Self { rate, most, throttled_at: None, next: now, changed: now, taken: (0.0, now), before: None }
    }

    /// When the next call may go out; one call may, each time that this is asked.
    fn turn(&mut self, now: Instant) -> Instant {
        let Some(rate) = self.rate else { return now };
        let at = self.next.max(now);
        self.next = at + Duration::from_secs_f64(1.0 / rate);
        at
    }

    fn taken(&mut self, now: Instant) {
        self.measured(now);
        self.taken.0 += 1.0;
        if let Some(rate) = &mut self.rate
            && now.duration_since(self.changed) >= MEASURED
        {
            let grown = match self.throttled_at {
                Some(known) if *rate >= NEAR * known => *rate * MORE,
                Some(known) => (*rate * MUCH_MORE).min(NEAR * known),
                None => *rate * MUCH_MORE,
            };
            *rate = grown.min(self.most.unwrap_or(f64::MAX));
            self.changed = now;
        }
    }

    fn throttled(&mut self, now: Instant) {
        // Calls that were in flight at the last change do not count.
        if self.rate.is_some() && now.duration_since(self.changed) < SETTLING {
            return;
        }
        let measured = self.measured(now);
        let kept_to = self.rate;
        // What was taken of late is less than the quota where the rate was; it is the better measure where the rate has just
        // been found out, and where the quota must have become another one.
        let rate = match kept_to {
            Some(rate) if self.throttled_at.is_some() && measured >= FAR * rate => rate,
            Some(rate) => measured.min(rate),
            // A first call that is throttled at once, because others had used the quota up, tells nothing of the rate.
            None => measured.max(START),
        };
        self.throttled_at = kept_to.map(|_| rate.max(FLOOR));
        self.rate = Some((rate * LESS).max(FLOOR));
        self.changed = now;
    }

    /// The calls a second that AWS takes.
    fn measured(&mut self, now: Instant) -> f64 {
        let (taken, since) = self.taken;
        let span = now.duration_since(since);
        if span >= MEASURED {
            self.before = Some(taken / span.as_secs_f64());
            self.taken = (0.0, now);
        }
        // Until a second has passed there is only what came in a part of it, which a burst may have been.
        self.before.unwrap_or_else(|| taken / span.as_secs_f64().max(0.1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Calls of several tasks to a service that takes so many a second, and as many at once, in so many simulated seconds:
    /// how many it took, and how many it throttled.
    fn run(rate: &mut Rate, now: &mut Instant, quota: f64, seconds: u64) -> (f64, f64) {
        const LATENCY: Duration = Duration::from_millis(40);
        let end = *now + Duration::from_secs(seconds);
        let (mut tokens, mut at) = (quota, *now);
        let (mut taken, mut throttled) = (0.0, 0.0);
        let tasks = (quota * 0.3).clamp(2.0, 64.0) as usize;
        let mut arrivals: Vec<Instant> = (0..tasks).map(|_| rate.turn(*now) + LATENCY).collect();
        while *now < end {
            arrivals.sort_unstable_by(|one, other| other.cmp(one));
            *now = arrivals.pop().expect("a call").max(*now);
            tokens = (tokens + now.duration_since(at).as_secs_f64() * quota).min(quota);
            at = *now;
            if tokens >= 1.0 {
                tokens -= 1.0;
                taken += 1.0;
                rate.taken(*now);
            } else {
                throttled += 1.0;
                rate.throttled(*now);
            }
            arrivals.push(rate.turn(*now) + LATENCY);
        }
        (taken, throttled)
    }

    #[test]
    fn nearly_all_that_aws_takes_is_asked_for_and_little_more() {
        for quota in [5.0, 50.0, 400.0] {
            let mut now = Instant::now();
            let (taken, throttled) = run(&mut Rate::new(None, None, now), &mut now, quota, 120);
            assert!(taken >= 0.93 * quota * 120.0, "{taken} calls at {quota} a second");
            assert!(throttled < 0.15 * taken, "{throttled} of {taken} throttled at {quota} a second");
        }
    }

    #[test]
    fn the_rate_that_was_asked_for_is_not_exceeded() {
        let mut now = Instant::now();
        let (taken, throttled) = run(&mut Rate::new(Some(100.0), Some(20.0), now), &mut now, 50.0, 30);
        assert!((570.0..=610.0).contains(&taken) && throttled == 0.0, "{taken}, {throttled}");
    }

    #[test]
    fn a_quota_that_was_used_up_at_first_does_not_slow_it_for_long() {
        let mut now = Instant::now();
        let mut rate = Rate::new(None, None, now);
        now += Duration::from_millis(1);
        rate.throttled(now);
        let (taken, throttled) = run(&mut rate, &mut now, 30.0, 60);
        assert!(taken >= 1_200.0 && throttled < 0.15 * taken, "{taken}, {throttled}");
    }

    #[test]
    fn a_quota_that_is_higher_than_documented_is_found() {
        let mut now = Instant::now();
        let (taken, throttled) = run(&mut Rate::new(Some(10.0), None, now), &mut now, 100.0, 60);
        assert!(taken >= 4_500.0 && throttled < 0.1 * taken, "{taken}, {throttled}");
    }

    #[test]
    fn a_quota_that_others_use_up_slows_it_down() {
        let mut now = Instant::now();
        let mut rate = Rate::new(None, None, now);
        run(&mut rate, &mut now, 100.0, 20);
        let (taken, throttled) = run(&mut rate, &mut now, 10.0, 60);
        assert!(taken >= 550.0 && throttled < 240.0, "{taken}, {throttled}");
    }
}
