//! The audit log of MySQL, MariaDB and Aurora MySQL, in the dialect of each.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ssl_usage_fuzz::{scan_as, scan_as_detected};
use ssl_usage_parsers::mysql::{AURORA_ENGINE, ENGINE, MARIADB_ENGINE};

fuzz_target!(|text: &[u8]| {
    for engine in [&ENGINE, &MARIADB_ENGINE, &AURORA_ENGINE] {
        scan_as(engine, "audit", None, text);
    }
    // Where nobody says whose it is, it must be one dialect or the other.
    scan_as_detected(None, text);
});
