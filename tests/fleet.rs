//! The small fleet: live through the fake AWS, and from the bundle that is kept in `samples/fleet`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::command::{Run, against, samples, ssl_usage};
use crate::fake_aws::{FakeAws, Fleet};
use crate::sealing::FOLDERS;

const NOW: &str = "2026-11-23T00:00:00Z";

/// The fleet of `samples/fleet/aws.toml`.
pub fn small_fleet() -> Fleet {
    let mut fleet = Fleet::load(samples().join("fleet/aws.toml"), samples());
    // RDS serves no file of the listener's log.
    let oracle = fleet.instance("stock");
    oracle.export("listener", "listener/");
    oracle.files.clear();
    fleet
}

/// The same, with logs that come page by page only.
pub fn fleet_by_portions() -> Fleet {
    Fleet { complete_downloads: false, ..small_fleet() }
}

/// Arguments that every analysis of the small fleet has.
pub const WINDOW: [&str; 4] = ["--days", "3", "--now", NOW];

/// The verdicts that `samples/fleet/verdicts.toml` demands, by instance: rotation, usage, first reason and more.
fn truth() -> BTreeMap<String, toml::Table> {
    let text = fs::read_to_string(samples().join("fleet/verdicts.toml")).expect("verdicts.toml");
    toml::from_str(&text).expect("a table an instance")
}

fn check(report: &Value) {
    let truth = truth();
    let instances = report["instances"].as_array().expect("instances");
    assert_eq!(instances.len(), truth.len(), "every instance has a verdict");
    for instance in instances {
        let name = instance["instance"].as_str().expect("a name");
        for (key, expected) in &truth[name] {
            let found = match key.as_str() {
                "because" => &instance["reasons"][0]["code"],
                "change" => &instance["certificate"]["change"],
                "tls" | "plaintext" | "local" => &instance["connections"][key],
                "act_by" => &instance["act_by"],
                other => &instance[other],
            };
            let expected = serde_json::to_value(expected).expect("JSON");
            assert_eq!(*found, expected, "{name}: {key} in {instance:#}");
        }
    }
}

#[test]
fn the_bundle_in_samples_gives_the_verdicts_that_are_due() {
    let home = TempDir::new().expect("a folder");
    // The logs span three days: of the 14 that are the default, they are what is judged.
    for window in [WINDOW.as_slice(), &[]] {
        let run = Run::of(ssl_usage(home.path()).args(["analyze", "--from", "fleet", "--format", "json"]).args(window));
        assert_eq!((run.status, run.err.as_str()), (0, ""), "{run:?}");
        check(&run.json());
    }
}

#[test]
fn the_same_fleet_live_gives_the_same_report() {
    let home = TempDir::new().expect("a folder");
    let aws = FakeAws::start(small_fleet());
    let live = Run::of(against(&aws, home.path()).args(["analyze", "--format", "json"]).args(WINDOW));
    assert_eq!(live.status, 0, "{live:?}");
    if std::env::var_os("SSL_USAGE_UPDATE_SAMPLES").is_some() {
        replace_bundle(&home.path().join(".local/share/ssl-usage/bundle"), &samples().join("fleet"));
    }
    let kept = Run::of(ssl_usage(home.path()).args(["analyze", "--from", "fleet", "--format", "json"]).args(WINDOW));
    assert_eq!(live.json(), kept.json());
}

/// Puts a newly collected bundle where the kept one is.
fn replace_bundle(new: &Path, kept: &Path) {
    for folder in FOLDERS {
        let _ = fs::remove_dir_all(kept.join(folder));
        fs::create_dir_all(kept.join(folder)).expect("a folder");
        for entry in new.join(folder).read_dir().expect("a bundle") {
            let entry = entry.expect("an entry");
            fs::copy(entry.path(), kept.join(folder).join(entry.file_name())).expect("a copy");
        }
    }
    fs::copy(new.join("bundle.json"), kept.join("bundle.json")).expect("a copy");
}
