//! Ctrl-C and SIGTERM: a run stops at once, says what was kept, and the next run goes on.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::command::{Run, against, ssl_usage, wait_until};
use crate::fake_aws::{Calls, FakeAws, Fault, FaultKind};
use crate::fleet::{WINDOW, small_fleet};

fn signal(name: &str, child: &Child) {
    let sent = Command::new("kill").args([format!("-{name}"), child.id().to_string()]).status();
    assert!(sent.expect("kill").success());
}

/// Whether a process catches (`SigCgt:`) or ignores (`SigIgn:`) a signal. Known on Linux alone.
///
/// Source: `proc_pid_status(5)`.
fn catches(process: &str, what: &str, number: u32) -> bool {
    let text = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let mask = text.lines().find_map(|line| line.strip_prefix(what)).unwrap_or_default();
    u64::from_str_radix(mask.trim(), 16).is_ok_and(|mask| mask >> (number - 1) & 1 == 1)
}

fn ended(mut child: Child) -> (i32, String) {
    wait_until("the end", || child.try_wait().expect("a process").is_some());
    let output = child.wait_with_output().expect("it ends");
    (output.status.code().expect("an exit status"), String::from_utf8(output.stderr).expect("UTF-8"))
}

fn analyze(aws: &FakeAws, home: &Path) -> Command {
    let mut command = against(aws, home);
    command.args(["analyze", "--format", "json"]).args(WINDOW);
    command
}

#[test]
fn a_signal_ends_a_run_at_once_and_the_next_run_goes_on() {
    let aws = FakeAws::start(small_fleet());
    let alone = TempDir::new().expect("a folder");
    let expected = Run::of(&mut analyze(&aws, alone.path()));
    assert_eq!(expected.status, 0, "{expected:?}");
    for (name, status) in [("INT", 130), ("TERM", 143), ("HUP", 129)] {
        // As where the tests run in the background.
        if name == "INT" && catches("self", "SigIgn:", 2) || name == "HUP" && catches("self", "SigIgn:", 1) {
            continue;
        }
        let slow = FakeAws::start(small_fleet());
        // The first logs come, and the others never do.
        slow.fault(Fault::new(FaultKind::Slow(Duration::ZERO)).on("DownloadCompleteDBLogFile").at(Calls::First(100)));
        slow.fault(Fault::new(FaultKind::Slow(Duration::from_secs(3600))).on("DownloadCompleteDBLogFile"));
        let home = TempDir::new().expect("a folder");
        let report = home.path().join("report.json");
        let mut command = analyze(&slow, home.path());
        command.arg("-o").arg(&report).stdout(Stdio::null()).stderr(Stdio::piped());
        let child = command.spawn().expect("it starts");
        wait_until("downloads", || {
            slow.calls().iter().filter(|call| call.action == "DownloadCompleteDBLogFile").count() > 100
        });
        let sent = Instant::now();
        signal(name, &child);
        let (ended, said) = ended(child);
        assert!(sent.elapsed() < Duration::from_secs(5), "{:?}", sent.elapsed());
        assert_eq!(ended, status, "{said}");
        assert!(said.starts_with(&format!("ssl-usage: interrupted (SIG{name}). ")), "{said}");
        let bundle = home.path().join(".local/share/ssl-usage/bundle");
        assert!(
            said.contains(" of 24 instances and ")
                && said.contains(&format!("is kept in {}. Run the same command again", bundle.display())),
            "{said}"
        );
        assert!(!report.exists(), "no half report");
        let run = Run::of(&mut analyze(&aws, home.path()));
        assert_eq!((run.status, run.json()), (0, expected.json()));
    }
}

#[test]
fn a_job_in_the_background_is_not_ended_by_ctrl_c() {
    let aws = FakeAws::start(small_fleet());
    aws.fault(Fault::new(FaultKind::Slow(Duration::from_secs(3600))).on("DownloadCompleteDBLogFile"));
    let home = TempDir::new().expect("a folder");
    let inner = analyze(&aws, home.path());
    let mut command = Command::new("sh");
    command.env_clear().envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.args(["-c", "trap '' INT; exec \"$@\"", "sh"]).arg(inner.get_program()).args(inner.get_args());
    let child =
        command.env("PATH", "/usr/bin:/bin").stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
    wait_until("downloads", || aws.calls().iter().any(|call| call.action == "DownloadCompleteDBLogFile"));
    signal("INT", &child);
    signal("TERM", &child);
    let (status, said) = ended(child);
    assert!(status == 143 && said.contains("interrupted (SIGTERM)") && !said.contains("SIGINT"), "{said}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_run_that_collects_nothing_says_only_that_there_is_no_report() {
    let home = TempDir::new().expect("a folder");
    let mut command = ssl_usage(home.path());
    // It waits for its input.
    command.args(["scan", "-"]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    wait_until("signals", || catches(&child.id().to_string(), "SigCgt:", 15));
    signal("TERM", &child);
    let stdin = child.stdin.take();
    assert_eq!(ended(child), (143, "ssl-usage: interrupted (SIGTERM). No report was written.\n".to_owned()));
    drop(stdin);
}
