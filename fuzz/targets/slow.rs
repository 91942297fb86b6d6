//! Text that costs more than its length: it is repeated, alone and in long records, in a log of each format.

#![no_main]

#[path = "../../parsers/tests/patterns/mod.rs"]
mod patterns;

use libfuzzer_sys::fuzz_target;
use patterns::{FORMATS, Shape, log, seconds};

/// Bytes of a log, and most seconds for each million of them: several times what is known to be slowest, with the checks that
/// this is built with.
const LENGTH: usize = 160 * 1024;
const MOST: f64 = 5.0;

fuzz_target!(|data: &[u8]| {
    let Some((choice, text)) = data.split_first() else { return };
    let format = &FORMATS[usize::from(*choice) % FORMATS.len()];
    let text = String::from_utf8_lossy(text);
    for shape in [Shape::Bare, Shape::Carried] {
        let text = log(format, &text, shape, LENGTH);
        let rate = || seconds(format, &text) / (LENGTH as f64 / 1e6);
        // What else the machine does only adds to it.
        assert!((0..3).any(|_| rate() < MOST), "{} takes more than {MOST} s/MB", format.name);
    }
});
