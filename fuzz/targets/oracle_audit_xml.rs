//! Oracle's audit trail, as XML.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ssl_usage_fuzz::scan_as;
use ssl_usage_parsers::oracle::ENGINE;

fuzz_target!(|text: &[u8]| scan_as(&ENGINE, "audit-xml", None, text));
