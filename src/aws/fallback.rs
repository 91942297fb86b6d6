//! Which of several calls for the same data works, by the results of the calls so far.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// More ways than there are anywhere.
const ALL: usize = usize::MAX - 1;
/// Failures in a row after which the ways are given up for a while.
const PATIENCE: usize = 3;
/// Of so many that ask after that, one tries: what failed may have passed.
const TRIES: usize = 16;

/// What is known of the ways, which are numbered in the order in which they are tried. Shared by all who ask a region,
/// so that what is shut is tried once and not for each file.
#[derive(Debug, Default)]
pub struct Route {
    next: AtomicUsize,
    open: AtomicBool,
    denied: AtomicBool,
    failures: AtomicUsize,
    /// How many have asked since the ways were given up.
    asked: AtomicUsize,
}

impl Route {
    /// The way to try; those before it are shut.
    pub fn way(&self) -> usize {
        let given_up = self.failures.load(Ordering::Relaxed) >= PATIENCE;
        if given_up && !(self.asked.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(TRIES) {
            return ALL;
        }
        self.next.load(Ordering::Relaxed)
    }

    /// Records that a call succeeded.
    pub fn opened(&self) {
        self.open.store(true, Ordering::Relaxed);
    }

    /// Records that a call is not supported. Returns false where it worked before, unless another caller has already moved
    /// on to the next call.
    pub fn shut(&self, way: usize) -> bool {
        let believed = !self.open.load(Ordering::Relaxed) || self.next.load(Ordering::Relaxed) > way;
        if believed {
            self.next.fetch_max(way + 1, Ordering::Relaxed);
        }
        believed
    }

    /// Records that a permission is missing. It may exist for another resource, if the call worked before.
    pub fn deny(&self) {
        self.denied.store(true, Ordering::Relaxed);
        self.shut(ALL);
    }

    /// Records a complete result.
    pub fn succeeded(&self) {
        self.failures.store(0, Ordering::Relaxed);
    }

    /// Records an incomplete result.
    pub fn failed(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether a permission was missing.
    pub fn is_denied(&self) -> bool {
        self.denied.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_finds_late_what_another_found_goes_on_as_that_one_did() {
        let route = Route::default();
        assert!(route.shut(0), "the first of two calls that tried this way at once");
        route.opened();
        assert!(route.shut(0) && route.way() == 1, "the second");
        assert!(!route.shut(1) && route.way() == 1, "a way that led to an answer stays open");
    }

    #[test]
    fn what_keeps_failing_is_tried_now_and_then_until_it_works_again() {
        let route = Route::default();
        (0..PATIENCE).for_each(|_| route.failed());
        let tried = |route: &Route| (0..2 * TRIES).filter(|_| route.way() == 0).count();
        assert_eq!(tried(&route), 2);
        route.failed();
        assert_eq!(tried(&route), 2);
        route.succeeded();
        assert_eq!(tried(&route), 2 * TRIES);
    }

    #[test]
    fn what_is_denied_is_not_tried_again() {
        let route = Route::default();
        route.deny();
        (0..PATIENCE).for_each(|_| route.failed());
        assert!((0..2 * TRIES).all(|_| route.way() != 0));
    }
}
