//! No text that a client writes takes more time than its length.

#![allow(clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a failing test panics")]

mod patterns;

use patterns::{FORMATS, Shape, log, marks, sample, seconds};

/// Bytes of a log, and most seconds for each million of them: ten times what the slowest takes.
const LENGTH: usize = 256 * 1024;
const MOST: f64 = 5.0;

#[test]
fn the_time_of_a_scan_does_not_depend_on_what_is_in_the_log() {
    for format in FORMATS {
        assert!(!sample(format).is_empty());
        for (mark, shape) in marks(format).iter().flat_map(|mark| [(mark, Shape::Bare), (mark, Shape::Carried)]) {
            let text = log(format, mark, shape, LENGTH);
            let rate = || seconds(format, &text) / (LENGTH as f64 / 1e6);
            // What else the machine does only adds to it.
            assert!((0..3).any(|_| rate() < MOST), "{}: {mark:?} takes more than {MOST} s/MB", format.name);
        }
    }
}
