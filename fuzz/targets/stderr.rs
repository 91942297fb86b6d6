//! PostgreSQL's text log, whose prefix is found out from the text.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ssl_usage_fuzz::scan_as;
use ssl_usage_parsers::postgres::ENGINE;

fuzz_target!(|text: &[u8]| scan_as(&ENGINE, "stderr", None, text));
