//! The general log of MySQL and MariaDB.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ssl_usage_fuzz::scan_as;
use ssl_usage_parsers::mysql::{AURORA_ENGINE, ENGINE, MARIADB_ENGINE};

fuzz_target!(|text: &[u8]| {
    for engine in [&ENGINE, &MARIADB_ENGINE, &AURORA_ENGINE] {
        scan_as(engine, "general", None, text);
    }
});
