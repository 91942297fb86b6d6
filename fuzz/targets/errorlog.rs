//! SQL Server's error log.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ssl_usage_fuzz::scan_as;
use ssl_usage_parsers::sqlserver::ENGINE;

fuzz_target!(|text: &[u8]| scan_as(&ENGINE, "errorlog", None, text));
