//! PostgreSQL's text log with the prefix that RDS sets.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ssl_usage_fuzz::scan_as;
use ssl_usage_parsers::postgres::ENGINE;

fuzz_target!(|text: &[u8]| scan_as(&ENGINE, "stderr", Some("%t:%r:%u@%d:[%p]:"), text));
