//! Progress on standard error: a bar in a terminal, a line a minute elsewhere, and the list of calls with `-v`.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;

use super::complain_of;
use super::settings::Settings;
use crate::error::Error;
use crate::problem::Problem;
use crate::progress::{ApiCall, Progress};
use crate::report::escape::terminal;
use crate::text::{bytes, duration, plural};

/// Message while evidence is analyzed.
pub(super) const JUDGING: &str = "analyzing";
/// How often a line is printed where there is no terminal.
const LINES: Duration = Duration::from_secs(60);

/// What a collection did so far.
#[derive(Debug)]
pub(super) struct Counts {
    began: Instant,
    instances: AtomicU64,
    done: AtomicU64,
    logs: AtomicU64,
    bytes: AtomicU64,
    calls: AtomicU64,
    retries: AtomicU64,
}

impl Counts {
    fn new() -> Self {
        let [instances, done, logs, bytes, calls, retries] = [0; 6].map(AtomicU64::new);
        Self { began: Instant::now(), instances, done, logs, bytes, calls, retries }
    }

    /// Instances that were read, and all.
    pub fn instances(&self) -> (u64, u64) {
        (self.done.load(Ordering::Relaxed), self.instances.load(Ordering::Relaxed))
    }

    /// Bytes of logs that were read.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Logs, bytes, calls and time, in words: `12 logs, 34.5 MB, 120 calls (3 retries), 2 min 5 s`; without the first two if
    /// no logs were to be read.
    pub fn sum(&self, with_logs: bool) -> String {
        let [logs, calls] = [&self.logs, &self.calls].map(|count| count.load(Ordering::Relaxed));
        // The bundle may hold older ones.
        let logs = match logs {
            _ if !with_logs => String::new(),
            0 => "no new logs, ".to_owned(),
            some => format!("{}, {}, ", plural(some, "log"), bytes(self.bytes())),
        };
        let (calls, took) = (plural(calls, "call"), duration(self.began.elapsed()));
        format!("{logs}{calls}{}, {took}", self.retried(" (", ")"))
    }

    /// Bytes and their rate, retries, and the time left.
    fn pace(&self) -> String {
        let elapsed = self.began.elapsed();
        let rate = self.bytes() as f64 / elapsed.as_secs_f64().max(1.0);
        let left = self.left(elapsed).map_or_else(String::new, |left| format!(", about {} left", duration(left)));
        format!("{} read, {}/s{}{left}", bytes(self.bytes()), bytes(rate as u64), self.retried(", ", ""))
    }

    /// Progress in words; `what` is done before instances are known.
    fn state(&self, what: &str) -> String {
        match self.instances() {
            (_, 0) => what.to_owned(),
            (done, all) => format!("{done} of {}, {}", plural(all, "instance"), self.pace()),
        }
    }

    fn retried(&self, before: &str, after: &str) -> String {
        match self.retries.load(Ordering::Relaxed) {
            0 => String::new(),
            1 => format!("{before}1 retry{after}"),
            many => format!("{before}{many} retries{after}"),
        }
    }

    /// How long the rest takes if each instance takes as long as those that are done.
    fn left(&self, elapsed: Duration) -> Option<Duration> {
        let (done, all) = self.instances();
        let each = elapsed.checked_div(u32::try_from(done).ok()?)?;
        each.checked_mul(u32::try_from(all.saturating_sub(done)).ok()?).filter(|left| !left.is_zero())
    }
}

/// Counts instances and bytes, and names the log that is read.
pub(super) struct Bar {
    counts: Arc<Counts>,
    /// Hidden if standard error is not a terminal.
    shown: ProgressBar,
    verbose: u8,
    /// Ends the thread that prints lines.
    lines: Mutex<Option<Sender<()>>>,
}

impl Bar {
    /// A bar with the text `what`, until a log is read.
    pub fn new(what: &'static str) -> Self {
        let Settings { quiet, verbose, .. } = Settings::get();
        let shown = if quiet { ProgressBar::hidden() } else { ProgressBar::new(0) };
        let style = ProgressStyle::with_template("{spinner} {pos}/{len} instances [{elapsed}] {wide_msg}");
        shown.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        shown.set_message(what);
        shown.enable_steady_tick(Duration::from_millis(200));
        let counts = Arc::new(Counts::new());
        let lines = (!quiet && !io::stderr().is_terminal()).then(|| {
            let counts = Arc::clone(&counts);
            // A closed stderr is no reason to stop.
            every(LINES, move || drop(writeln!(io::stderr(), "ssl-usage: {}", counts.state(what))))
        });
        Self { counts, shown, verbose, lines: Mutex::new(lines) }
    }

    /// One that shows warnings and calls alone.
    pub fn hidden() -> Self {
        let Settings { verbose, .. } = Settings::get();
        Self { counts: Arc::new(Counts::new()), shown: ProgressBar::hidden(), verbose, lines: Mutex::new(None) }
    }

    /// What was counted.
    pub fn counts(&self) -> &Arc<Counts> {
        &self.counts
    }

    fn print(&self, line: &str) {
        // A closed stderr is no reason to stop.
        self.shown.suspend(|| drop(writeln!(io::stderr(), "ssl-usage: {}", terminal(line))));
    }
}

/// What is shown while nothing happens. It disappears when it is dropped.
pub(super) struct Wait(ProgressBar);

impl Wait {
    /// Shows a text on a terminal; elsewhere only if it `is_due`, as a line.
    pub fn new(text: String, is_due: bool) -> Self {
        let quiet = Settings::get().quiet;
        if !quiet && is_due && !io::stderr().is_terminal() {
            // A closed stderr is no reason to stop.
            drop(writeln!(io::stderr(), "ssl-usage: {text}"));
        }
        let shown = if quiet { ProgressBar::hidden() } else { ProgressBar::new_spinner() };
        let style = ProgressStyle::with_template("{spinner} {wide_msg}");
        shown.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        shown.set_message(text);
        shown.enable_steady_tick(Duration::from_millis(200));
        Self(shown)
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Does something in each interval, until the sender is dropped.
fn every(interval: Duration, act: impl Fn() + Send + 'static) -> Sender<()> {
    let (end, ended) = mpsc::channel();
    std::thread::spawn(move || {
        while ended.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
            act();
        }
    });
    end
}

impl Drop for Bar {
    fn drop(&mut self) {
        drop(self.lines.lock().unwrap_or_else(PoisonError::into_inner).take());
        self.shown.finish_and_clear();
    }
}

impl Progress for Bar {
    fn begin(&self, instances: usize) {
        self.counts.instances.fetch_add(instances as u64, Ordering::Relaxed);
        self.shown.inc_length(instances as u64);
    }

    fn log(&self, instance: &str, log: &str) {
        self.shown.set_message(format!("{}; {}: {}", self.counts.pace(), terminal(instance), terminal(log)));
    }

    fn log_read(&self) {
        self.counts.logs.fetch_add(1, Ordering::Relaxed);
    }

    fn bytes(&self, bytes: u64) {
        self.counts.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    fn warn(&self, error: &Error) {
        self.shown.suspend(|| complain_of(&[Problem::from(error)]));
    }

    fn done(&self, _: &str) {
        self.counts.done.fetch_add(1, Ordering::Relaxed);
        self.shown.inc(1);
    }

    fn call(&self, call: &ApiCall) {
        self.counts.calls.fetch_add(1, Ordering::Relaxed);
        if call.attempt.is_some_and(|(attempt, _)| attempt > 1) {
            self.counts.retries.fetch_add(1, Ordering::Relaxed);
        }
        if self.verbose > 0 {
            self.print(&in_words(call, Timestamp::now(), self.verbose > 1));
        }
    }

    fn waits(&self, action: &str, wait: Duration) {
        if self.verbose > 1 {
            self.print(&format!("{} {action} waits {:.1} s (rate limit)", clock(Timestamp::now()), wait.as_secs_f64()));
        }
    }

    fn throttled(&self, action: &str, wait: Duration) {
        self.counts.retries.fetch_add(1, Ordering::Relaxed);
        if self.verbose > 1 {
            let (now, seconds) = (clock(Timestamp::now()), wait.as_secs_f64());
            self.print(&format!("{now} {action} was throttled, next attempt in {seconds:.1} s"));
        }
    }
}

fn clock(time: Timestamp) -> String {
    time.strftime("%H:%M:%S%.3fZ").to_string()
}

/// A call as a line of the list: `12:00:01.250Z rds:DescribeDBInstances eu-west-1 200 0.042 s, request ID 0f3c...`.
fn in_words(call: &ApiCall, at: Timestamp, with_attempts: bool) -> String {
    let region = call.region.as_deref().unwrap_or("-");
    let status = call.status.map_or_else(|| "no response".to_owned(), |status| status.to_string());
    let id = call.request_id.as_ref().map_or_else(String::new, |id| format!(", request ID {id}"));
    let attempt = call.attempt.filter(|(attempt, _)| with_attempts && *attempt > 1);
    let attempt = attempt.map_or_else(String::new, |(attempt, most)| format!(", attempt {attempt} of {most}"));
    let seconds = call.duration.as_secs_f64();
    format!("{} {} {region} {status} {seconds:.3} s{id}{attempt}", clock(at), call.action)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_a_line_with_its_request_id_and_attempts() {
        let call = ApiCall {
            action: "rds:DescribeDBInstances".to_owned(),
            region: Some("eu-west-1".to_owned()),
            status: Some(503),
            request_id: Some("0f3c".to_owned()),
            duration: Duration::from_millis(42),
            attempt: Some((2, 4)),
        };
        let at = "2026-11-26T12:00:01.25Z".parse().expect("a time");
        let line = "12:00:01.250Z rds:DescribeDBInstances eu-west-1 503 0.042 s, request ID 0f3c";
        assert_eq!(in_words(&call, at, false), line);
        assert_eq!(in_words(&call, at, true), format!("{line}, attempt 2 of 4"));
        let unsigned = ApiCall { region: None, status: None, request_id: None, attempt: None, ..call };
        assert_eq!(in_words(&unsigned, at, true), "12:00:01.250Z rds:DescribeDBInstances - no response 0.042 s");
    }

    #[test]
    fn progress_is_told_again_and_again_until_it_ends() {
        let (tell, told) = mpsc::channel();
        let end = every(Duration::from_millis(1), move || {
            // Nobody listens any more at the end.
            let _ = tell.send(());
        });
        assert!(told.recv().is_ok() && told.recv().is_ok());
        drop(end);
        // The thread ends, and what it sends with.
        while told.recv().is_ok() {}
    }

    #[test]
    fn progress_counts_instances_bytes_and_retries() {
        let counts = Counts::new();
        assert_eq!(counts.state("reading the inventory"), "reading the inventory");
        counts.instances.store(12, Ordering::Relaxed);
        counts.bytes.store(3_400_000, Ordering::Relaxed);
        counts.retries.store(2, Ordering::Relaxed);
        let state = counts.state("reading the inventory");
        assert!(state.starts_with("0 of 12 instances, 3.4 MB read, ") && state.ends_with("/s, 2 retries"), "{state}");
    }

    #[test]
    fn the_time_left_is_that_of_the_instances_left() {
        let counts = Counts::new();
        counts.instances.store(12, Ordering::Relaxed);
        assert_eq!(counts.left(Duration::from_secs(60)), None);
        counts.done.store(3, Ordering::Relaxed);
        assert_eq!(counts.left(Duration::from_secs(60)), Some(Duration::from_secs(180)));
        counts.done.store(12, Ordering::Relaxed);
        assert_eq!(counts.left(Duration::from_secs(60)), None);
    }
}
