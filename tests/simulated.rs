//! Instances that are made up: no verdict is milder than what is true of them allows.

use std::path::Path;

use crate::simulator::simulate;

#[test]
fn no_verdict_on_a_simulated_fleet_is_too_mild() {
    println!("{}", simulate(Path::new(env!("CARGO_TARGET_TMPDIR")), 1, 150));
}
