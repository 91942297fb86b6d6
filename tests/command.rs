//! Runs the command as a user would, and nothing of this machine's configuration with it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::fake_aws::FakeAws;

/// The folder of samples.
pub fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("samples")
}

/// The command, with credentials that work only here and endpoints that answer nowhere.
pub fn ssl_usage(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ssl-usage"));
    command.env_clear().env("HOME", home).env("PATH", "/nonexistent");
    command.env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE").env("AWS_SECRET_ACCESS_KEY", "secret");
    command.env("AWS_REGION", "eu-west-1").env("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
    command.env("AWS_EC2_METADATA_DISABLED", "true").current_dir(samples());
    command
}

/// The command, pointed at a fake AWS. Standard error has errors only.
pub fn against(aws: &FakeAws, home: &Path) -> Command {
    let mut command = aloud(aws, home);
    command.arg("--quiet");
    command
}

/// The same with progress and a summary.
pub fn aloud(aws: &FakeAws, home: &Path) -> Command {
    let mut command = ssl_usage(home);
    command.env("AWS_ENDPOINT_URL", aws.url());
    command
}

/// What a run left behind.
#[derive(Debug)]
pub struct Run {
    /// Exit status.
    pub status: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Run {
    /// Runs a command to its end.
    pub fn of(command: &mut Command) -> Self {
        let Output { status, stdout, stderr } = command.output().expect("the command starts");
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        Self { status: status.code().expect("an exit status"), out: text(stdout), err: text(stderr) }
    }

    /// Standard output as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(120);

/// Waits until something is so; looks often.
///
/// # Panics
/// If it is not so in time.
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Runs a command to its end, and says how much memory it had at most, in kB; none where the system does not tell.
pub fn peak(command: &mut Command) -> (Run, Option<u64>) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the command starts");
    let status = format!("/proc/{}/status", child.id());
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut peak = None;
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                let text = std::fs::read_to_string(&status).unwrap_or_default();
                let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
                peak = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok()).max(peak);
                // The system keeps the highest value: how often it is looked at makes little difference.
                std::thread::sleep(Duration::from_millis(2));
            }
            peak
        });
        let read = |mut stream: Box<dyn std::io::Read + Send>| {
            scope.spawn(move || {
                let mut text = String::new();
                stream.read_to_string(&mut text).expect("UTF-8");
                text
            })
        };
        let out = read(Box::new(child.stdout.take().expect("a pipe")));
        let err = read(Box::new(child.stderr.take().expect("a pipe")));
        let status = child.wait().expect("a child").code().expect("an exit status");
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        let (out, err) = (out.join().expect("text"), err.join().expect("text"));
        (Run { status, out, err }, watch.join().expect("a number"))
    })
}
