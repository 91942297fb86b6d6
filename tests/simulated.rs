//! Instances that are made up: no verdict is milder than what is true of them allows.

use std::path::Path;

use crate::simulator::{simulate, simulate_quick};

#[test]
fn no_verdict_on_a_simulated_fleet_is_too_mild() {
    println!("{}", simulate(Path::new(env!("CARGO_TARGET_TMPDIR")), 1, 150));
}

#[test]
fn quick_verdicts_are_those_of_all_logs() {
    let (full, quick) = simulate_quick(Path::new(env!("CARGO_TARGET_TMPDIR")), 1, 30);
    println!("{full} downloads, {quick} with --quick");
    assert!(quick < full, "{quick} of {full}");
}
