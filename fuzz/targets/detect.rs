//! A log of which nothing is known, or only the engine.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ssl_usage_fuzz::scan_as_detected;
use ssl_usage_parsers::ENGINES;

fuzz_target!(|text: &[u8]| {
    scan_as_detected(None, text);
    for engine in ENGINES {
        scan_as_detected(Some(engine), text);
    }
});
