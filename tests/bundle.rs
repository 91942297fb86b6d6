//! Bundles: what a wrong one says, and that their union counts everything once, in any order.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::command::{Run, against, samples, ssl_usage};
use crate::fake_aws::{FakeAws, Fleet};
use crate::fleet::{WINDOW, small_fleet};
use crate::sealing::copy_bundle;

fn analyze(home: &Path, bundles: &[&Path]) -> Run {
    let mut command = ssl_usage(home);
    command.args(["analyze", "--format", "json"]).args(WINDOW);
    for bundle in bundles {
        command.arg("--from").arg(bundle);
    }
    Run::of(&mut command)
}

#[test]
fn a_wrong_bundle_is_an_error_that_says_what_to_do() {
    let home = TempDir::new().expect("a folder");
    let newer = home.path().join("newer");
    fs::create_dir_all(&newer).expect("a folder");
    fs::write(
        newer.join("bundle.json"),
        r#"{"schema":"ssl-usage/bundle","major":9,"minor":0,"written_by":"ssl-usage 9"}"#,
    )
    .expect("a file");
    let empty = home.path().join("empty");
    fs::create_dir_all(&empty).expect("a folder");
    for (bundle, says) in [
        (home.path().join("missing"), "no such bundle. Create one with `ssl-usage collect -o BUNDLE`"),
        (newer, "bundle format 9 is newer than this version supports (3). Use the version that wrote the bundle"),
        (empty, "not an evidence bundle"),
    ] {
        let run = analyze(home.path(), &[&bundle]);
        assert_eq!(run.status, 1, "{run:?}");
        assert!(run.err.contains(says) && run.err.lines().count() == 1, "{}", run.err);
        assert_eq!(run.json()["errors"].as_array().map(Vec::len), Some(1), "a whole document all the same");
    }
    fs::write(home.path().join("missing"), "").expect("a file");
    let mut command = ssl_usage(home.path());
    let run = Run::of(command.args(["collect", "-o"]).arg(home.path()).args(WINDOW));
    assert_eq!(run.status, 2, "a folder with other things in it is not written into: {run:?}");
}

#[test]
fn a_part_that_breaks_off_is_no_part_of_the_bundle() {
    let home = TempDir::new().expect("a folder");
    let whole = analyze(home.path(), &[&samples().join("fleet")]);
    let copy = home.path().join("copy");
    copy_bundle(&samples().join("fleet"), &copy, |_| true);
    let parts = copy.join("parts");
    // A collection that was killed leaves files under other names, and facts without their part.
    fs::write(parts.join("x.json.new"), "{").expect("a file");
    fs::write(parts.join("x.parquet"), "PAR1").expect("a file");
    assert_eq!(analyze(home.path(), &[&copy]).json(), whole.json());
}

#[test]
fn facts_that_are_damaged_are_an_error_and_never_zero_sessions() {
    let home = TempDir::new().expect("a folder");
    let copy = home.path().join("copy");
    copy_bundle(&samples().join("fleet"), &copy, |_| true);
    for entry in copy.join("parts").read_dir().expect("parts") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "parquet") {
            let bytes = fs::read(&path).expect("facts");
            fs::write(&path, &bytes[..bytes.len() / 2]).expect("a file");
        }
    }
    let run = analyze(home.path(), &[&copy]);
    assert_eq!(run.status, 3, "{run:?}");
    for instance in run.json()["instances"].as_array().expect("instances") {
        assert_ne!(instance["rotation"], "deferrable", "{instance:#}");
    }
}

/// Instances in two regions, two of which have logs.
pub fn two_regions() -> Fleet {
    let mut fleet = small_fleet();
    let names = ["orders-legacy", "reports-batch", "wiki"];
    fleet.instances.retain(|instance| names.contains(&instance.id.as_str()));
    fleet.instance("wiki").region = Some("us-east-1".to_owned());
    fleet
}

pub fn collect_both(aws: &FakeAws, home: &Path, now: &str) -> Run {
    let mut command = against(aws, home);
    command.args(["collect", "--region", "eu-west-1", "--region", "us-east-1", "-o"]).arg(home.join("kept"));
    Run::of(command.args(["--days", "3", "--now", now]))
}

/// Damages the files of a folder whose name holds `word`; says how many.
fn damage(folder: &Path, word: &str) -> usize {
    let paths = folder.read_dir().expect("a folder").map(|entry| entry.expect("an entry").path());
    let meant: Vec<_> = paths.filter(|path| path.to_string_lossy().contains(word)).collect();
    meant.iter().for_each(|path| fs::write(path, "{").expect("a file"));
    meant.len()
}

/// Removes the files of a folder whose name holds `word`.
fn remove(folder: &Path, word: &str) {
    let paths = folder.read_dir().expect("a folder").map(|entry| entry.expect("an entry").path());
    paths.filter(|path| path.to_string_lossy().contains(word)).for_each(|path| fs::remove_file(path).expect("removed"));
}

#[test]
fn what_is_damaged_of_one_place_is_named_and_the_others_are_judged() {
    let aws = FakeAws::start(two_regions());
    let names = |run: &Run| -> Vec<String> {
        let instances = run.json()["instances"].as_array().expect("instances").clone();
        let name = |instance: &serde_json::Value| instance["instance"].as_str().expect("a name").to_owned();
        let mut names: Vec<_> = instances.iter().map(name).collect();
        names.sort_unstable();
        names
    };
    for (folder, word, left) in [
        ("fleet", "us-east-1.20261123T", vec!["orders-legacy", "reports-batch"]),
        ("metrics", "us-east-1.20261123T", vec!["orders-legacy", "reports-batch", "wiki"]),
    ] {
        let home = TempDir::new().expect("a folder");
        for now in ["2026-11-22T00:00:00Z", "2026-11-23T00:00:00Z"] {
            assert_eq!(collect_both(&aws, home.path(), now).status, 0);
        }
        let kept = home.path().join("kept");
        assert!(damage(&kept.join(folder), word) > 0);
        let run = analyze(home.path(), &[&kept]);
        assert_eq!((run.status, names(&run)), (3, left.iter().map(ToString::to_string).collect()), "{run:?}");
        let older = home.path().join("older");
        copy_bundle(&kept, &older, |_| true);
        remove(&older.join(folder), word);
        let both = analyze(home.path(), &[&older, &kept]);
        assert_eq!((both.status, names(&both)), (3, names(&run)), "what an older bundle says of it counts no more");
        let errors = run.json()["errors"].as_array().expect("errors").clone();
        let place = |key: &str| errors[0][key].as_str().map(str::to_owned);
        assert_eq!(
            (place("account").as_deref(), place("region").as_deref()),
            (Some("123456789012"), Some("us-east-1"))
        );
        assert!(
            run.err.contains("Restore the file from a copy of the bundle, or collect into a new bundle"),
            "{}",
            run.err
        );
        assert_eq!(collect_both(&aws, home.path(), "2026-11-24T00:00:00Z").status, 0, "it goes on all the same");
        assert_eq!(names(&analyze(home.path(), &[&kept])).len(), 3, "and what is later counts");
    }
}

#[test]
fn where_the_only_inventory_is_damaged_nothing_is_judged_and_it_is_named() {
    let home = TempDir::new().expect("a folder");
    let copy = home.path().join("copy");
    copy_bundle(&samples().join("fleet"), &copy, |_| true);
    assert_eq!(damage(&copy.join("fleet"), ".json"), 1);
    let run = analyze(home.path(), &[&copy]);
    assert_eq!(run.status, 1, "{run:?}");
    assert!(run.err.contains(".json: ") && run.err.contains("collect into a new bundle"), "{}", run.err);
}

#[test]
fn a_part_that_is_damaged_keeps_no_other_instance_from_being_collected() {
    let aws = FakeAws::start(two_regions());
    let home = TempDir::new().expect("a folder");
    collect_both(&aws, home.path(), "2026-11-22T00:00:00Z");
    let kept = home.path().join("kept");
    assert!(damage(&kept.join("parts"), "orders-legacy") > 0);
    let run = collect_both(&aws, home.path(), "2026-11-23T00:00:00Z");
    assert!(run.status == 3 && run.err.contains("orders-legacy") && run.err.lines().count() == 1, "{run:?}");
    let report = analyze(home.path(), &[&kept]).json();
    for instance in report["instances"].as_array().expect("instances") {
        let share = instance["coverage"]["share"].as_f64().expect("a share");
        match instance["instance"].as_str() {
            Some("orders-legacy") => assert_eq!(instance["rotation"], "required", "{instance:#}"),
            Some("reports-batch") => assert!(share > 0.99, "{instance:#}"),
            _ => {}
        }
    }
}

#[test]
fn any_split_of_a_collection_in_any_order_with_any_overlap_gives_the_same_report() {
    let home = TempDir::new().expect("a folder");
    let fleet = samples().join("fleet");
    let whole = analyze(home.path(), &[&fleet]).json();
    let (odd, even) = (home.path().join("odd"), home.path().join("even"));
    let is_odd = |name: &str| name.bytes().map(u32::from).sum::<u32>() % 2 == 1;
    // The files of a part go together.
    let stem = |name: &str| {
        let name = name.strip_suffix(".json").or(name.strip_suffix(".parquet")).unwrap_or(name);
        name.strip_suffix(".readings").unwrap_or(name).to_owned()
    };
    let is_part = |path: &Path| path.parent().is_some_and(|folder| folder.ends_with("parts"));
    let name = |path: &Path| stem(&path.file_name().expect("a name").to_string_lossy());
    copy_bundle(&fleet, &odd, |path| !is_part(path) || is_odd(&name(path)));
    copy_bundle(&fleet, &even, |path| !is_part(path) || !is_odd(&name(path)));
    let orders: [&[&PathBuf]; 4] = [&[&odd, &even], &[&even, &odd], &[&odd, &even, &odd], &[&fleet, &even]];
    for order in orders {
        let paths: Vec<&Path> = order.iter().map(|path| path.as_path()).collect();
        assert_eq!(analyze(home.path(), &paths).json(), whole, "{order:?}");
    }
}

#[test]
fn collections_that_overlap_in_time_count_every_log_once() {
    let home = TempDir::new().expect("a folder");
    let aws = FakeAws::start(small_fleet());
    let collect = |bundle: &str, now: &str, days: &str| {
        let mut command = against(&aws, home.path());
        command.current_dir(home.path()).args(["collect", "-o", bundle, "--now", now, "--days", days]);
        command.args(["--instance", "orders-legacy", "--instance", "reports-batch"]);
        let run = Run::of(&mut command);
        assert_eq!(run.status, 0, "{run:?}");
    };
    collect("early", "2026-11-21T12:30:00Z", "2");
    collect("late", "2026-11-23T00:00:00Z", "2");
    collect("both", "2026-11-23T00:00:00Z", "3");
    let path = |name: &str| home.path().join(name);
    let both = analyze(home.path(), &[&path("both")]).json();
    let united = analyze(home.path(), &[&path("early"), &path("late")]).json();
    for (one, other) in
        both["instances"].as_array().expect("both").iter().zip(united["instances"].as_array().expect("united"))
    {
        for key in ["usage", "rotation", "connections"] {
            assert_eq!(one[key], other[key], "{key}");
        }
        assert_eq!(one["coverage"]["share"], other["coverage"]["share"]);
    }
}

#[test]
fn a_name_that_the_bundle_does_not_hold_is_an_error_beside_those_it_does() {
    let home = TempDir::new().expect("a folder");
    let mut command = ssl_usage(home.path());
    command.args(["analyze", "--from", "fleet", "--format", "json", "--instance", "wiki", "--instance", "typo"]);
    let run = Run::of(command.args(WINDOW));
    assert_eq!(run.status, 3, "{run:?}");
    assert_eq!(run.json()["errors"][0]["subject"], "typo");
}
