//! Writing a bundle: many at once, with a disk that is full, over damage, and for nobody else to read.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::bundle::two_regions;
use crate::command::{Run, against, ssl_usage};
use crate::fake_aws::FakeAws;
use crate::fleet::WINDOW;
use crate::sealing::{copy_bundle, files, named};

fn collect(aws: &FakeAws, home: &Path) -> Command {
    let mut command = against(aws, home);
    command.args(["collect", "--region", "eu-west-1", "--region", "us-east-1", "-o"]).arg(home.join("kept"));
    command.args(WINDOW);
    command
}

fn judged(home: &Path, bundle: &Path) -> Run {
    Run::of(ssl_usage(home).args(["analyze", "--format", "json", "--from"]).arg(bundle).args(WINDOW))
}

#[test]
fn three_first_collections_at_once_make_one_bundle() {
    let aws = FakeAws::start(two_regions());
    let alone = TempDir::new().expect("a folder");
    assert_eq!(Run::of(&mut collect(&aws, alone.path())).status, 0);
    let expected = judged(alone.path(), &alone.path().join("kept"));
    assert_eq!(expected.status, 0, "{expected:?}");
    for _ in 0..4 {
        let home = TempDir::new().expect("a folder");
        let start =
            |_| collect(&aws, home.path()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
        let started: Vec<_> = (0..3).map(start).collect();
        for child in started {
            let ended = child.wait_with_output().expect("it ends");
            assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
        }
        let bundle = home.path().join("kept");
        let together = judged(home.path(), &bundle);
        assert_eq!((together.status, together.json()), (0, expected.json()));
        assert!(!files(&bundle).iter().any(|path| path.extension().is_some_and(|name| name == "new")));
        let compacted = Run::of(ssl_usage(home.path()).arg("compact").arg(&bundle));
        assert_eq!((compacted.status, judged(home.path(), &bundle).json()), (0, expected.json()), "{compacted:?}");
    }
}

#[test]
fn compacting_keeps_what_is_damaged_and_never_hides_it() {
    let home = TempDir::new().expect("a folder");
    let aws = FakeAws::start(two_regions());
    for now in ["2026-11-21T00:00:00Z", "2026-11-22T00:00:00Z", "2026-11-23T00:00:00Z"] {
        assert_eq!(crate::bundle::collect_both(&aws, home.path(), now).status, 0);
    }
    let kept = home.path().join("kept");
    let of = |bundle: &Path, words: &[&str]| named(bundle, words).remove(0);
    let damages: [(&str, &[&str]); 6] = [
        ("a part", &["parts", ".reports-batch.", "20261122T000000000Z.json"]),
        ("its facts", &["parts", ".reports-batch.", "20261122T000000000Z.parquet"]),
        ("its readings", &["parts", ".reports-batch.", "20261122T000000000Z.readings.parquet"]),
        ("metrics", &["metrics", "eu-west-1.20261122T000000000Z.json"]),
        ("their values", &["metrics", "eu-west-1.20261122T000000000Z.parquet"]),
        ("a record", &["collections", "eu-west-1."]),
    ];
    for (what, words) in damages {
        for gone in [false, true] {
            let bundle = home.path().join("copy");
            let _ = fs::remove_dir_all(&bundle);
            copy_bundle(&kept, &bundle, |_| true);
            let path = of(&bundle, words);
            let mut bytes = fs::read(&path).expect("a file");
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            match gone {
                true => fs::remove_file(&path).expect("removed"),
                false => fs::write(&path, &bytes).expect("a file"),
            }
            let instance = |run: &Run| -> Value {
                let rows = run.json()["instances"].as_array().expect("instances").clone();
                rows.into_iter().find(|row| row["instance"] == "reports-batch").expect("it")
            };
            let before = judged(home.path(), &bundle);
            assert_eq!((before.status, instance(&before)["unproven"] == true), (3, true), "{what}: {before:?}");
            for _ in 0..2 {
                let compacted = Run::of(ssl_usage(home.path()).arg("compact").arg(&bundle));
                let name = path.file_name().expect("a name").to_string_lossy().into_owned();
                // Without a record, a collection has not ended: nothing says that it was there.
                let is_told = compacted.status == 3 && compacted.err.contains(&name);
                assert!(is_told || gone && what == "a record", "{what}: {compacted:?}");
                assert!(gone || fs::read(&path).is_ok_and(|now| now == bytes), "{what} is kept as it is");
                let after = judged(home.path(), &bundle);
                assert_eq!((after.status, instance(&after)["unproven"] == true), (3, true), "{what}: {after:?}");
            }
        }
    }
}

#[cfg(unix)]
#[test]
fn a_disk_that_takes_no_more_leaves_a_readable_bundle_and_the_run_says_so() {
    let home = TempDir::new().expect("a folder");
    let aws = FakeAws::start(two_regions());
    // Files of so many blocks of 512 bytes, from nothing at all to all but the largest.
    for blocks in [0, 1, 4, 8, 16, 24] {
        let folder = home.path().join(format!("of-{blocks}"));
        fs::create_dir(&folder).expect("a folder");
        let limited = collect(&aws, &folder);
        let mut command = Command::new("sh");
        command.env_clear().envs(limited.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\"");
        command.args(["-c", &script, "sh"]).arg(limited.get_program()).args(limited.get_args());
        let run = Run::of(command.env("PATH", "/usr/bin:/bin"));
        assert!([1, 3].contains(&run.status) && run.err.contains("File too large"), "{blocks}: {run:?}");
        let bundle = folder.join("kept");
        assert!(!files(&bundle).iter().any(|path| path.extension().is_some_and(|name| name == "new")), "{blocks}");
        let report = judged(&folder, &bundle);
        assert!([1, 3].contains(&report.status), "{blocks}: {report:?}");
        let rows = report.json()["instances"].as_array().cloned().unwrap_or_default();
        let is_of = |row: &&Value| row["region"] == "eu-west-1";
        assert!(rows.iter().filter(is_of).all(|row| row["rotation"] == "required"), "{blocks}: {report:?}");
        // With room again, a later one goes on.
        let mut command = against(&aws, &folder);
        command.args(["collect", "--region", "eu-west-1", "--region", "us-east-1", "-o"]).arg(&bundle);
        let again = Run::of(command.args(["--days", "3", "--now", "2026-11-23T00:05:00Z"]));
        assert_eq!((again.status, judged(&folder, &bundle).status), (0, 0), "{blocks}: {again:?}");
    }
}

#[cfg(unix)]
#[test]
fn nobody_else_reads_a_bundle_unless_its_folder_says_so() {
    use std::os::unix::fs::PermissionsExt;

    let aws = FakeAws::start(two_regions());
    let modes = |bundle: &Path| {
        let mode = |path: &Path| path.metadata().expect("a file").permissions().mode() & 0o777;
        let folders = ["fleet", "parts", "metrics", "collections"].map(|folder| mode(&bundle.join(folder)));
        let mut all: Vec<u32> =
            files(bundle).iter().map(|path| mode(path)).chain([mode(&bundle.join("bundle.json"))]).collect();
        all.push(mode(&bundle.join("compact.lock")));
        all.sort_unstable();
        all.dedup();
        (mode(bundle), folders, all)
    };
    let home = TempDir::new().expect("a folder");
    assert_eq!(Run::of(&mut collect(&aws, home.path())).status, 0);
    assert_eq!(modes(&home.path().join("kept")), (0o700, [0o700; 4], vec![0o600]));
    // A folder that somebody made for a group.
    let shared = TempDir::new().expect("a folder");
    let bundle = shared.path().join("kept");
    fs::create_dir(&bundle).expect("a folder");
    fs::set_permissions(&bundle, fs::Permissions::from_mode(0o755)).expect("a mode");
    assert_eq!(Run::of(&mut collect(&aws, shared.path())).status, 0);
    assert_eq!(modes(&bundle), (0o755, [0o750; 4], vec![0o640]), "and nobody but that group");
    // By default, too.
    let run = Run::of(against(&aws, home.path()).arg("analyze").args(WINDOW));
    assert_eq!(run.status, 0, "{run:?}");
    assert_eq!(modes(&home.path().join(".local/share/ssl-usage/bundle")).0, 0o700);
}
