//! Reports that are written with `-o`: whole or not at all, for their owner alone, into whatever stands there.

use std::fs::{self, Permissions};
use std::io::Read;
use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::command::{Run, samples, ssl_usage};

/// The commands that write a report.
const COMMANDS: [&[&str]; 5] = [
    &["analyze", "--from", "fleet", "--days", "3", "--format", "csv"],
    &["clients", "--from", "fleet", "--days", "3", "--format", "csv"],
    &["plan", "--from", "fleet", "--days", "3", "--format", "sh"],
    &["preflight", "--from", "fleet", "--days", "3", "--format", "json"],
    &["diff", "fleet", "fleet", "--format", "json"],
];

fn command(args: &[&str], output: &Path, home: &Path) -> Command {
    let mut command = ssl_usage(home);
    command.args(args).arg("-o").arg(output);
    command
}

/// Writes the report of `analyze`.
fn write(output: &Path, home: &Path) -> Run {
    Run::of(&mut command(COMMANDS[0], output, home))
}

/// The same report on standard output.
fn report(home: &Path) -> String {
    Run::of(ssl_usage(home).args(COMMANDS[0])).out
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("it is there").permissions().mode() & 0o7777
}

/// The names in a folder, sorted.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut names: Vec<_> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort_unstable();
    names
}

#[test]
fn a_new_report_is_readable_by_its_owner_alone() {
    for args in COMMANDS {
        let (home, folder) = (TempDir::new().expect("a folder"), TempDir::new().expect("a folder"));
        let path = folder.path().join("report");
        let expected = Run::of(ssl_usage(home.path()).args(args));
        let run = Run::of(&mut command(args, &path, home.path()));
        assert_eq!((run.status, run.out.as_str()), (expected.status, ""), "{args:?}: {}", run.err);
        assert!(!expected.out.is_empty() && fs::read_to_string(&path).expect("a report") == expected.out, "{args:?}");
        assert_eq!((mode(&path), names(folder.path())), (0o600, vec!["report".to_owned()]), "{args:?}");
    }
}

#[test]
fn a_report_that_is_replaced_keeps_its_permissions_its_links_and_its_neighbours() {
    let (home, folder) = (TempDir::new().expect("a folder"), TempDir::new().expect("a folder"));
    let expected = report(home.path());
    let path = |name: &str| folder.path().join(name);
    fs::create_dir(path("real")).expect("a folder");
    for (name, text) in [("real/report.csv", "old"), ("report.csv.new", "mine"), ("real/report.csv.new", "mine")] {
        fs::write(path(name), text).expect("a file");
    }
    fs::set_permissions(path("real/report.csv"), Permissions::from_mode(0o640)).expect("permissions");
    symlink("real/report.csv", path("report.csv")).expect("a link");
    symlink("report.csv", path("latest.csv")).expect("a link to a link");
    symlink("real/first.csv", path("first.csv")).expect("a link to nothing");
    for (link, target, permissions) in
        [("latest.csv", "real/report.csv", 0o640), ("first.csv", "real/first.csv", 0o600)]
    {
        let run = write(&path(link), home.path());
        assert_eq!(run.status, 0, "{link}: {}", run.err);
        assert!(fs::symlink_metadata(path(link)).expect("a link").is_symlink(), "{link}");
        assert_eq!(fs::read_to_string(path(target)).expect("a report"), expected, "{link}");
        assert_eq!(mode(&path(target)), permissions, "{link}");
    }
    for neighbour in ["report.csv.new", "real/report.csv.new"] {
        assert_eq!(fs::read_to_string(path(neighbour)).expect("a file"), "mine");
    }
    assert_eq!(names(folder.path()), ["first.csv", "latest.csv", "real", "report.csv", "report.csv.new"]);
    assert_eq!(names(&path("real")), ["first.csv", "report.csv", "report.csv.new"]);
}

#[test]
fn a_report_goes_through_pipes_and_devices() {
    let home = TempDir::new().expect("a folder");
    let expected = report(home.path());
    let piped = write(Path::new("/dev/stdout"), home.path());
    assert_eq!((piped.status, piped.out == expected), (0, true), "{}", piped.err);
    let null = write(Path::new("/dev/null"), home.path());
    assert_eq!((null.status, null.out.as_str()), (0, ""), "{}", null.err);
    assert!(fs::metadata("/dev/null").expect("it is there").file_type().is_char_device());

    // Files in memory are files like others.
    if let Ok(folder) = TempDir::new_in("/dev/shm") {
        let path = folder.path().join("report.csv");
        let run = write(&path, home.path());
        assert_eq!((run.status, fs::read_to_string(&path).ok().as_ref()), (0, Some(&expected)), "{}", run.err);
    }

    let pipe = home.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("mkfifo starts").success());
    let reader = std::thread::spawn({
        let pipe = pipe.clone();
        move || {
            let mut text = String::new();
            fs::File::open(pipe).expect("a pipe").read_to_string(&mut text).expect("text");
            text
        }
    });
    let run = write(&pipe, home.path());
    assert_eq!(run.status, 0, "{}", run.err);
    assert!(reader.join().expect("text") == expected);
    assert!(fs::metadata(&pipe).expect("it is there").file_type().is_fifo());

    // One whose reader leaves has not taken the report.
    let reader = std::thread::spawn({
        let pipe = pipe.clone();
        move || fs::File::open(pipe).expect("a pipe").read_exact(&mut [0; 10]).expect("bytes")
    });
    let page = ["analyze", "--from", "fleet", "--days", "3", "--format", "html"];
    let run = Run::of(&mut command(&page, &pipe, home.path()));
    reader.join().expect("bytes");
    assert!(run.status == 1 && run.err.contains("Broken pipe"), "{}: {}", run.status, run.err);
}

/// As `head` does, before it has read anything.
#[test]
fn a_reader_that_leaves_is_no_error_in_any_format() {
    let home = TempDir::new().expect("a folder");
    for ssl_usage::report::Format { name: format, .. } in ssl_usage::report::FORMATS {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let mut command = ssl_usage(home.path());
        command.args(["analyze", "--from", "fleet", "--format", format]).stdout(writer);
        let run = Run::of(&mut command);
        assert_eq!((run.status, run.err.as_str()), (0, ""), "{format}");
    }
    let full = fs::File::options().write(true).open("/dev/full").expect("a device");
    let mut command = ssl_usage(home.path());
    let run = Run::of(command.args(["analyze", "--from", "fleet", "--format", "parquet"]).stdout(full));
    assert!(run.status == 1 && run.err.contains("No space left on device"), "{run:?}");
}

#[test]
fn an_address_is_no_path_to_write_to() {
    let (home, bundle) = (TempDir::new().expect("a folder"), ["collect", "--days", "1"]);
    for args in COMMANDS.into_iter().chain([&bundle[..]]) {
        for address in ["s3://bucket/report", "file:///tmp/report", "git+ssh://host/report"] {
            // A bundle may be in S3.
            let (is_bundle, is_s3) = (args[0] == "collect", address.starts_with("s3:"));
            if is_bundle && is_s3 {
                continue;
            }
            let said = if is_bundle { "use a local path, or s3://" } else { "only local paths are supported" };
            let run = Run::of(&mut command(args, Path::new(address), home.path()));
            assert_eq!((run.status, run.out.as_str()), (2, ""), "{args:?}: {}", run.err);
            assert!(run.err.contains(address) && run.err.contains(said), "{}", run.err);
        }
    }
    // A local path may look like one where it says that it is local.
    let folder = TempDir::new().expect("a folder");
    fs::create_dir(folder.path().join("s3:")).expect("a folder");
    let mut local = ssl_usage(home.path());
    local.args(["digest", "-o", "./s3://report"]).arg(samples().join("fleet")).current_dir(folder.path());
    let run = Run::of(&mut local);
    assert_eq!((run.status, names(&folder.path().join("s3:"))), (0, vec!["report".to_owned()]), "{}", run.err);
}

#[test]
fn a_report_that_cannot_be_written_leaves_nothing_behind() {
    let (home, folder) = (TempDir::new().expect("a folder"), TempDir::new().expect("a folder"));
    let old = folder.path().join("old.csv");
    fs::write(&old, "old").expect("a file");
    // A disk that takes one more block of 512 bytes.
    for name in ["old.csv", "new.csv"] {
        let full = command(COMMANDS[0], &folder.path().join(name), home.path());
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", "trap '' XFSZ; ulimit -f 1; exec \"$0\" \"$@\""]).arg(full.get_program());
        let run = Run::of(shell.args(full.get_args()).current_dir(samples()).env("HOME", home.path()));
        assert_eq!(run.status, 1, "{name}: {run:?}");
        assert!(run.err.contains(name), "{name}: {}", run.err);
    }
    let missing = folder.path().join("missing/report.csv");
    for path in [Path::new("/dev/full"), folder.path(), &missing] {
        let run = write(path, home.path());
        assert_eq!(run.status, 1, "{}: {run:?}", path.display());
        assert!(run.err.contains(&path.display().to_string()), "{}", run.err);
    }
    assert_eq!(names(folder.path()), ["old.csv"]);
    assert_eq!(fs::read_to_string(&old).expect("a file"), "old");
}
