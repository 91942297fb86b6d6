//! Spark: `samples/spark/collect.py` reports what one process reports, whatever happens to its tasks.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;

use tempfile::TempDir;

use super::databases::exists;
use super::{install, script};
use crate::command::{Run, ssl_usage};
use crate::copied_events::{MACHINE, largest};
use crate::copied_logs::{Archive, as_listed};
use crate::fleet::WINDOW;
use crate::sealing::copy_bundle;

/// Two executors, each a process of one core and 1 GB.
const CLUSTER: &str = "local-cluster[2,1,1024]";

/// One job at a time: each takes 3 GB.
static ALONE: Mutex<()> = Mutex::new(());

/// A bundle that a job extends, and the program that it runs.
struct Job {
    home: TempDir,
    program: PathBuf,
}

impl Job {
    /// The program is what a shell runs, with the real one in `$REAL`, and the folder of the job in `$HERE`.
    fn new(inventory: &Path, shell: &str) -> Self {
        let home = TempDir::new().expect("a folder");
        copy_bundle(inventory, &home.path().join("evidence"), |_| true);
        let program = home.path().join("ssl-usage");
        let (real, here) = (env!("CARGO_BIN_EXE_ssl-usage"), home.path().display());
        fs::write(&program, format!("#!/bin/sh\nREAL={real}\nHERE={here}\n{shell}\n")).expect("a script");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("a mode");
        Self { home, program }
    }

    /// One whose first process that has written tables is killed before it writes their `.json`.
    fn killed_once(inventory: &Path) -> Self {
        let job = Self::new(inventory, "KILLED=$HERE/killed LD_PRELOAD=$HERE/killed.so exec \"$REAL\" \"$@\"");
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-o"]).arg(job.path("killed.so")).arg(script("killed_once.c")).arg("-ldl");
        install::run(&mut compiler).expect("a library");
        job
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// Runs it to its end.
    fn submit(&self, master: &str, arguments: &[&str]) -> Run {
        let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        exists("java", "default-jre-headless");
        let programs = install::programs();
        let mut command = Command::new(programs.join("spark-submit"));
        command.args(["--master", master, "--conf", "spark.ui.enabled=false"]).current_dir(self.home.path());
        command.env("PYSPARK_PYTHON", programs.join("python")).env("SPARK_LOCAL_IP", "127.0.0.1");
        command.env("SPARK_LOCAL_DIRS", self.path("spark")).env("TMPDIR", self.home.path());
        let job = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples/spark/collect.py");
        command.arg(job).args(arguments).arg("--program").arg(&self.program).arg("--output").arg(self.path("evidence"));
        let Output { status, stdout, stderr } = command.output().expect("Spark starts");
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Run { status: status.code().expect("a status"), out: text(stdout), err: text(stderr) }
    }

    /// The bundle, which a process left that was killed between the tables of a part and its `.json`.
    fn survived(&self, run: &Run) -> PathBuf {
        assert_eq!(run.status, 0, "{}", run.err);
        assert!(self.path("killed").exists() && run.err.contains("Lost task"), "no task was killed: {}", run.err);
        let bundle = self.path("evidence");
        let parts = fs::read_dir(bundle.join("parts")).expect("a folder");
        let names: Vec<_> =
            parts.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
        assert!(names.iter().any(|name| name.ends_with(".new")), "what the process left is there: {names:?}");
        bundle
    }
}

/// The verdicts as JSON and the clients as CSV.
fn reports(home: &Path, bundle: &Path) -> [String; 2] {
    [["analyze", "json"], ["clients", "csv"]].map(|[command, format]| {
        let mut command_line = ssl_usage(home);
        let run = Run::of(command_line.args([command, "--format", format, "--from"]).arg(bundle).args(WINDOW));
        assert!(run.out.lines().count() > 3, "{run:?}");
        run.out
    })
}

#[test]
fn shards_of_log_files_on_spark_report_what_one_process_reports() {
    if install::skipped("Spark") {
        return;
    }
    let archive = Archive::new(as_listed).collected();
    let job = Job::killed_once(&archive.path("inventory"));
    let run = job.submit(CLUSTER, &["--logs", &archive.path("logs").display().to_string(), "--tasks", "6"]);
    let home = job.home.path();
    assert_eq!(reports(home, &job.survived(&run)), reports(home, &archive.path("evidence")));
}

#[test]
fn events_on_spark_report_what_one_process_reports() {
    if install::skipped("Spark") {
        return;
    }
    let (archive, whole) = (MACHINE.path("spark-archive"), MACHINE.path("spark-whole"));
    MACHINE.firehose(&archive);
    let run = MACHINE.collect(&["--unfiltered"], &archive, &whole);
    assert_eq!((run.status, run.err.as_str()), (0, ""));
    let job = Job::killed_once(&MACHINE.path("inventory"));
    let objects = archive.display().to_string();
    let run = job.submit(CLUSTER, &["--objects", &objects, "--tasks", "8", "--hours", "1", "--unfiltered"]);
    let home = job.home.path();
    assert_eq!(reports(home, &job.survived(&run)), reports(home, &whole));
}

/// An object that cannot be read to its end is a gap in every hour, and so in every task.
#[test]
fn damage_reaches_all_tasks_of_spark() {
    if install::skipped("Spark") {
        return;
    }
    let (archive, whole) = (MACHINE.path("spark-damaged-archive"), MACHINE.path("spark-damaged-whole"));
    MACHINE.firehose(&archive);
    let object = largest(&archive, "stream");
    let bytes = fs::read(&object).expect("bytes");
    fs::write(&object, &bytes[..bytes.len() / 2]).expect("written");
    let run = MACHINE.collect(&["--unfiltered"], &archive, &whole);
    assert_eq!(run.status, 3, "{run:?}");
    let job = Job::new(&MACHINE.path("inventory"), "exec \"$REAL\" \"$@\"");
    let done = job.submit("local[2]", &["--objects", &archive.display().to_string(), "--tasks", "4", "--unfiltered"]);
    assert_eq!(done.status, 3, "{}", done.err);
    assert!(done.err.contains(run.err.trim_end()), "{}\n{}", run.err, done.err);
    let home = job.home.path();
    assert_eq!(reports(home, &job.path("evidence")), reports(home, &whole));
}

/// Events that a killed `extract` printed look like those of a whole object.
#[test]
fn a_killed_extract_fails_the_job_of_spark() {
    if install::skipped("Spark") {
        return;
    }
    let archive = MACHINE.path("spark-killed-archive");
    MACHINE.firehose(&archive);
    let killed = "[ $1 != extract ] && exec \"$REAL\" \"$@\"\n\"$REAL\" \"$@\" | head -n 3\nkill -9 $$";
    let job = Job::new(&MACHINE.path("inventory"), killed);
    let run = job.submit("local[2]", &["--objects", &archive.display().to_string(), "--tasks", "4", "--unfiltered"]);
    assert_eq!(run.status, 1, "{}", run.err);
    assert!(run.err.contains("ssl-usage extract ended with status -9"), "{}", run.err);
    let parts = fs::read_dir(job.path("evidence").join("parts")).expect("a folder").count();
    assert_eq!(parts, 0, "nothing is collected");
}
