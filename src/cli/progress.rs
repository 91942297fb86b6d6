//! Progress on standard error, if that is a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::complain;
use crate::error::Error;
use crate::progress::Progress;
use crate::report::escape::terminal;
use crate::text::bytes;

/// Message while evidence is analyzed.
pub(super) const JUDGING: &str = "analyzing";

/// A bar that counts instances and bytes, and names the log that is read. Hidden if standard error is not a terminal.
pub(super) struct Bar {
    instances: ProgressBar,
    bytes: std::sync::atomic::AtomicU64,
}

impl Bar {
    /// A bar with the text `what`, until a log is read.
    pub fn new(what: &'static str) -> Self {
        let instances = ProgressBar::new(0);
        let style = ProgressStyle::with_template("{spinner} {pos}/{len} instances [{elapsed}] {msg}");
        instances.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        instances.set_message(what);
        instances.enable_steady_tick(Duration::from_millis(200));
        Self { instances, bytes: 0.into() }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.instances.finish_and_clear();
    }
}

impl Progress for Bar {
    fn begin(&self, instances: usize) {
        self.instances.inc_length(instances as u64);
    }

    fn log(&self, instance: &str, log: &str) {
        let read = bytes(self.bytes.load(std::sync::atomic::Ordering::Relaxed));
        self.instances.set_message(format!("{read} read; {}: {}", terminal(instance), terminal(log)));
    }

    fn bytes(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, std::sync::atomic::Ordering::Relaxed);
    }

    fn warn(&self, error: &Error) {
        self.instances.suspend(|| complain(error));
    }

    fn done(&self, _: &str) {
        self.instances.inc(1);
    }
}
