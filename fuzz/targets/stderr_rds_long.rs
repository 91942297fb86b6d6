//! PostgreSQL's text log with RDS's second prefix, in both spellings.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ssl_usage_fuzz::scan_as;
use ssl_usage_parsers::postgres::ENGINE;

fuzz_target!(|text: &[u8]| {
    for prefix in ["%m:%r:%u@%d:[%p]:%l:%e:%s:%v:%x:%c:%q%a:", "%m:%r:%u@%d:[%p]:%l:%e:%s:%v:%x:%c:%q%a"] {
        scan_as(&ENGINE, "stderr", Some(prefix), text);
    }
});
